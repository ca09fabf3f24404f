"""The file of weights inside a network's file: HDF5, of which nothing is read that it does not hold itself."""

import io
import math

import h5py

from helpers.gate.archives import DENSEST, FLOOR, DamagedError, GateError
from helpers.gate.names import first_line, printable

MOST_PARTS = 50_000
_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}


def count_numbers(path, largest: int) -> int:
    """Return how many numbers the arrays of an HDF5 file hold together.

    Raises GateError for links (to other files, too), arrays that are kept elsewhere, computed, of other things than
    numbers, unpacked by a plug-in, or said to hold far more than the file does; and for more bytes than `largest`.
    """
    try:
        with h5py.File(path, "r") as file:
            return _count(file, largest)
    except GateError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError, ValueError on damaged files
        raise DamagedError(f"has damaged weights ({first_line(error)})") from error


def without_group(content: bytes, left_out: str) -> bytes:
    """Return what an HDF5 file holds, which this process has just written, as a file without one of its groups."""
    kept = io.BytesIO()
    with h5py.File(io.BytesIO(content), "r") as whole, h5py.File(kept, "w") as file:
        for name in whole:
            if name != left_out:
                whole.copy(name, file)
    return kept.getvalue()


def _count(file, largest):
    numbers, total, parts, seen, waiting = 0, 0, 0, set(), [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            parts += 1
            if parts > MOST_PARTS:
                raise GateError(f"has weights of more than {MOST_PARTS:,} parts")
            said = printable(f"{group.name}/{name}", 60)
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise GateError(f"has weights with a link ({said}), which could lead to another file")
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                raise GateError(f"has weights with one part under two names ({said})")
            seen.add(address)
            if isinstance(part, h5py.Group):
                waiting.append(part)
            else:
                numbers += _numbers(part, said)
                total += part.size * part.dtype.itemsize
                if total > largest:
                    raise GateError(f"has weights that would have more than {largest:,} bytes")
    return numbers


def _numbers(part, said):
    kind = part.dtype if isinstance(part, h5py.Dataset) else None
    if kind is None or kind.kind not in "fiubV" or kind.hasobject or kind.fields:
        raise GateError(f"has weights that are not numbers ({said})")
    if part.external or part.is_virtual:
        raise GateError(f"has weights that lie in another file ({said})")
    plan = part.id.get_create_plist()
    filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
    if filters - _FILTERS:
        raise GateError(f"has weights that are packed in an unusual way ({said})")
    size, stored = part.size * part.dtype.itemsize, part.id.get_storage_size()
    piece = math.prod(part.chunks) * part.dtype.itemsize if part.chunks else 0
    if not filters and not part.chunks and stored < size:
        raise GateError(f"has the array {said}, said to have {size:,} bytes, and holds {stored:,} of them")
    if max(size, piece) > max(FLOOR, DENSEST * stored):
        raise GateError(f"has the array {said}, which would inflate {stored:,} bytes to {max(size, piece):,}")
    return part.size
