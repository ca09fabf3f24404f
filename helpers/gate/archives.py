"""Zip archives read by bytes: how much a member would become is known before it is read."""

import contextlib
import json
import math
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from helpers.gate.names import first_line, printable

BLOCK = 1 << 16
FLOOR = 16_000_000  # bytes: below it, a member may be packed as tightly as it will
DENSEST = 8  # above it, it may inflate to so many times its packed size; weights hardly pack at all


class GateError(ValueError):
    """A file that is not let in. The message goes on after the file's name: "holds ...", "is ..."."""


class DamagedError(GateError):
    """A file that is not what it should be, or not all of it."""


@contextlib.contextmanager
def open_archive(path, directory: int = 1_000_000):
    """Open a zip archive for reading, after a look at the size of its table of contents, in bytes.

    Raises GateError for what is no regular file or no zip archive, and for a table larger than `directory`.
    """
    path = Path(path)
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
        raise GateError("is not a file")
    with path.open("rb") as file:
        try:
            end = zipfile._EndRecData(file)  # private, but it is what ZipFile itself goes by
        except (OSError, ValueError, struct.error) as error:
            raise DamagedError("is no zip archive") from error
        if not end:
            raise DamagedError("is no zip archive")
        if end[zipfile._ECD_SIZE] > directory:
            raise GateError(f"has a table of contents of {end[zipfile._ECD_SIZE]:,} bytes, more than {directory:,}")
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, struct.error) as error:
            raise DamagedError(f"has a damaged table of contents ({first_line(error)})") from error
        with archive:
            yield archive


def copy_member(archive, name: str, file, limit: int, densest: float = DENSEST) -> int:
    """Copy a member of an archive into an open file, block by block; returns its size in bytes.

    Raises GateError if it is not there, encrypted, packed in an unusual way or far too tightly, damaged, or larger than
    `limit`, whatever its header says. densest: how many times its packed size a large member may have.
    """
    said = printable(name, 60)
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise DamagedError(f"holds no {said}") from None
    if info.flag_bits & 1:
        raise GateError(f"has the encrypted part {said}. Unpack it where its password is known")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = f"in an unusual way (method {info.compress_type})"
        raise GateError(f"has the part {said}, packed {method}. Pack it again as plain zip")
    if info.file_size > limit:
        raise GateError(f"has the part {said}, which would have {info.file_size:,} bytes, more than {limit:,}")
    if info.file_size > max(FLOOR, densest * info.compress_size):
        raise GateError(f"has the part {said}, which would inflate {info.compress_size:,} bytes to {info.file_size:,}")
    done = 0
    for block in _blocks(archive, info, said):
        done += len(block)
        file.write(block)
    if done != info.file_size:
        raise DamagedError(f"has the part {said}, which is cut short: {done:,} of {info.file_size:,} bytes")
    return done


def _blocks(archive, info, said):
    """Yield the bytes of a member piece by piece; only what goes wrong with the archive is called damage."""
    try:
        with archive.open(info) as member:
            while block := member.read(BLOCK):
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OSError,
            struct.error) as error:
        raise DamagedError(f"has the damaged part {said} ({first_line(error)})") from error


def read_member(archive, name: str, limit: int) -> bytes:
    """Return a member of an archive. Raises as `copy_member`."""
    blocks = []
    copy_member(archive, name, _Collected(blocks), limit)
    return b"".join(blocks)


class _Collected:
    def __init__(self, blocks):
        self.write = blocks.append


def read_json(content: bytes, what: str, depth: int = 100, finite: bool = True):
    """Return what a JSON text says, with at most `depth` levels; with `finite`, every number is finite.

    Raises GateError for anything else.
    """
    try:
        value = json.loads(content, parse_constant=_not_finite if finite else None)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"has a damaged {what} ({first_line(error)})") from error
    _check_levels(value, what, depth, finite)
    return value


def _not_finite(word):
    raise ValueError(f"holds {word}, which is not a finite number")


def _check_levels(value, what, depth, finite):
    level = [value]
    for _ in range(depth):
        if finite and any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise GateError(f"has a {what} with a number that is not finite")
        level = [part for each in level if isinstance(each, (dict, list))
                 for part in (each.values() if isinstance(each, dict) else each)]
        if not level:
            return
    raise GateError(f"has a {what} that is nested more than {depth} levels deep")
