"""Objects as outlines or small masks, and how they are drawn into a page."""

from typing import NamedTuple

import numpy as np
from skimage import draw

FARTHEST = 1e6  # pixels; no picture that is read is so long


class Patch(NamedTuple):
    """A small mask `[h, w]` bool and the place of its upper left pixel."""

    left: int
    top: int
    inside: np.ndarray


class Outline(NamedTuple):
    """One object: its parts, its label, and what it has in place of an area, such as "box", where it has no parts.

    A part is a `Patch`, or a list of rings `[k, 2]`, each point `(x, y)` in pixels from the picture's upper left
    corner; a ring inside another one of the same part is a hole. Parts that overlap are one area.
    """

    parts: list
    label: str = ""
    lacks: str = ""


class Marked(NamedTuple):
    """The objects of one picture, and its size `(width, height)` as their file states it, or None."""

    objects: list
    size: tuple | None = None


def outline_points(points) -> np.ndarray:
    """Return the points of one outline `[k, 2]`, or raise ValueError."""
    found = np.array(points, float)
    if found.ndim != 2 or found.shape[1] < 2 or not len(found) or not (np.abs(found) < FARTHEST).all():
        raise ValueError(f"an outline with points of the shape {found.shape}, or far outside every picture")
    return found[:, :2]


def reach(outline: Outline) -> tuple[float, float, float, float]:
    """Return how far an object reaches: left, top, right and bottom, in pixels."""
    ends = []
    for part in outline.parts:
        if isinstance(part, Patch):
            height, width = part.inside.shape
            ends.append((part.left, part.top, part.left + width, part.top + height))
        else:
            points = np.concatenate(part)
            ends.append((*points.min(axis=0), *points.max(axis=0)))
    low, high = np.array(ends)[:, :2].min(axis=0), np.array(ends)[:, 2:].max(axis=0)
    return (*low.tolist(), *high.tolist())


def drawn(marked: Marked, height: int, width: int) -> np.ndarray:
    """Return objects as numbers from 1 in a page `[height, width]` int32; later objects lie over earlier ones."""
    page = np.zeros((height, width), np.int32)
    for number, outline in enumerate(marked.objects, 1):
        for part in outline.parts:
            _put(page, part, number)
    return page


def _put(page, part, number):
    height, width = page.shape
    left, top, right, bottom = reach(Outline([part]))
    left, top = (int(np.clip(np.floor(low), 0, end)) for low, end in ((left, width), (top, height)))
    right, bottom = (int(np.clip(np.ceil(high) + 1, 0, end)) for high, end in ((right, width), (bottom, height)))
    place = page[top:bottom, left:right]
    if not place.size:
        return
    if isinstance(part, Patch):
        inside = part.inside[top - part.top :, left - part.left :][: place.shape[0], : place.shape[1]]
        place[: inside.shape[0], : inside.shape[1]][inside] = number
        return
    inside = np.zeros(place.shape, bool)
    for points in part:
        x, y = points.T
        inside[draw.polygon(y - top - 0.5, x - left - 0.5, inside.shape)] ^= True  # the middle of a pixel is at 0.5
    place[inside] = number


def unpacked_runs(counts, height: int, width: int) -> Patch:
    """Return the area of COCO's run lengths, which go down the columns, cut out. Raises ValueError for damaged ones."""
    sizes = np.array(counts)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or sizes.min(initial=0) < 0 or sum(counts) != height * width:
        raise ValueError("run lengths that do not fill their picture")
    ends = np.cumsum(sizes)[1::2]
    starts = ends - sizes[1::2]
    starts, ends = starts[ends > starts], ends[ends > starts]
    if not len(starts):
        return Patch(0, 0, np.zeros((0, 0), bool))
    left, right = int(starts[0]) // height, (int(ends[-1]) - 1) // height + 1
    steps = np.zeros((right - left) * height + 1, np.int8)
    steps[starts - left * height] += 1
    steps[ends - left * height] -= 1
    columns = np.cumsum(steps[:-1], dtype=np.int8).reshape(right - left, height) > 0
    rows = np.flatnonzero(columns.any(axis=0))
    top = int(rows[0])
    return Patch(left, top, np.ascontiguousarray(columns[:, top : int(rows[-1]) + 1].T))
