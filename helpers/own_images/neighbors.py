"""Cut the pictures of one stack into blocks of neighbors, with gaps."""

import numpy as np

from helpers.own_images.files import PictureError
from helpers.own_images.name_parts import parts_of, varying
from helpers.own_images.names import number_order

_ALIKE = ("ordered", "part", "eye", "stain", "view")


def blocks_of_neighbors(n: int, shares, names=None) -> list[np.ndarray]:
    """Return the indices of blocks of neighbors, one a set, with a gap between them if there are 12 or more.

    names: of the n pictures; with them, the order is that of their numbers, and the channels or tiles of one slice or
    time stay together. Raises PictureError if a block would be empty.
    """
    if names is None:
        return _blocks(n, shares)
    order = np.asarray(number_order(names))
    units = _units([str(names[i]) for i in order])
    if len(set(units)) < len(shares):
        return [order[block] for block in _blocks(n, shares)]
    places = {unit: place for place, unit in enumerate(dict.fromkeys(units))}
    place = np.asarray([places[unit] for unit in units])
    return [order[np.isin(place, block)] for block in _blocks(len(places), shares)]


def _units(names):
    """Return for each name what its slice and time is; a number of its own where names hold more than counters."""
    rows = varying(parts_of(names))
    if not all(part.kind in _ALIKE for row in rows for part in row):
        return list(range(len(names)))
    return [tuple(part.value for part in row if part.kind == "ordered") for row in rows]


def _blocks(n, shares):
    gap = max(1, round(0.03 * n)) if n >= 12 else 0
    cuts = np.round(np.cumsum(shares)[:-1] * (n - gap * (len(shares) - 1))).astype(int)
    blocks = np.split(np.arange(n - gap * (len(shares) - 1)), cuts)
    blocks = [block + gap * i for i, block in enumerate(blocks)]
    if not all(map(len, blocks)):
        raise PictureError(f"{n} pictures of one source are too few for {len(shares)} sets. Bring more pictures.")
    return blocks
