"""A mask's page as numbers or colors: what its file holds, before anything is said of foreground."""

import itertools
from typing import NamedTuple

import cv2
import numpy as np
from skimage import measure

from helpers.own_images.files import Channels, PictureError, first_of

NEAR = 60  # two colors closer than this, of 0..441, are one color with soft edges
FEW = 16  # a mask of more different values than this has soft edges or noise, or numbers objects
_FRACTION = 1e-4  # floats closer than this to a whole number are meant to be it
_TINT = 16  # a lossy format gives gray pixels a tint of at most this
_NINE = np.ones((3, 3), np.uint8)


class Codes(NamedTuple):
    """A mask's page: numbers `[h, w]`, or colors `[h, w, 3]` uint8; its different values; whether JPEG blurred it.

    known: what it holds, where the layout says so. palette: the numbers `[h, w]` behind the colors, and the color of
    each, where the file has a palette. rgb: whether the file stores colors, even if all of them are gray. taken: the
    channel whose numbers these are, where only one of red, green and blue holds any. remark: what should be known.
    """

    codes: np.ndarray
    values: np.ndarray
    counts: np.ndarray
    lossy: bool
    name: str
    known: str = ""
    palette: tuple | None = None
    rgb: bool = False
    taken: int | None = None
    remark: str = ""

    @property
    def color(self) -> bool:
        """Whether the values are colors, as numbers 0xRRGGBB."""
        return self.codes.ndim == 3


def codes_of(page, name: str, lossy: bool, palette=None) -> Codes:
    """Return a mask's page as numbers or colors. Raises PictureError for what cannot be a mask.

    palette: numbers and colors from `palette_numbers`, for a file that has one.
    """
    if isinstance(page, Channels) and page.shape[-1] > 1:
        raise PictureError(
            f"{name}: is a mask with {page.shape[-1]} channels that the file does not call red, green and blue. Save "
            "each channel as a file of its own."
        )
    page, taken = np.asarray(page), None
    rgb = page.ndim == 3 and page.shape[-1] in (3, 4)
    page = _without_alpha(page) if page.ndim == 3 and page.shape[-1] == 4 else page
    if palette is not None and (page == page[:1, :1]).all() and np.ptp(palette[0]) > 0:
        values, counts = values_of(palette[0])
        remark = f"its palette shows one color alone, so its numbers {first_of(values, 6)} were taken"
        return Codes(palette[0], values.astype(np.int64), counts, False, name, remark=remark)
    if lossy and rgb and page.dtype == np.uint8 and page.ndim == 3 and _untinted(page):
        page = page[..., 1]
    if page.ndim == 3 and page.shape[-1] == 3 and not (page == page[..., :1]).all():
        if page.dtype != np.uint8:
            raise PictureError(
                f"{name}: is a colored mask with {page.dtype} numbers. Export it with 8 bits a channel."
            )
        taken = _numbered_channel(page)
        if taken is None:
            values, counts = values_of(page)
            return Codes(page, values, counts, lossy, name, palette=palette, rgb=True)
        page = page[..., taken]
    page = np.ascontiguousarray(page[..., 0] if page.ndim == 3 else page)  # a view would keep all channels
    if page.dtype.kind == "f":
        page = _whole(page, name)
    values, counts = values_of(page.view(np.uint8) if page.dtype == bool else page)
    if page.itemsize > 2 and values[0] >= 0 and values[-1] <= 65535:
        page = page.astype(np.uint16)  # all masks of a folder are in memory together
    return Codes(page, values.astype(np.int64), counts, lossy, name, palette=palette, rgb=rgb, taken=taken)


def _without_alpha(page):
    """Return the colors of a page, or its transparency, where that is what was drawn."""
    flat = (page[..., :3] == page[:1, :1, :3]).all()
    drawn_in_alpha = flat and ((page[..., 3] != page[0, 0, 3]).any() or not page[..., 3].any())
    return page[..., 3] if drawn_in_alpha else page[..., :3]


def _untinted(page):
    return all(np.ptp(page[rows], axis=2).max() <= _TINT for rows in _some_rows(page))


def _numbered_channel(page):
    """Return which channel alone holds numbers such as 1, 2, 3: as colors they would all look black."""
    used = [i for i in range(3) if page[..., i].any()]
    if len(used) != 1:
        return None
    numbers = values_of(page[..., used[0]])[0]
    numbers = numbers[numbers > 0]
    return used[0] if len(numbers) > 1 and numbers[-1] <= 4 * len(numbers) else None


def _whole(page, name):
    """Return floats as whole numbers."""
    whole = np.empty(page.shape, np.int32)
    for rows in _some_rows(page):
        part = page[rows]
        if not np.isfinite(part).all():
            raise PictureError(f"{name}: the mask holds NaN or infinity. Export it as whole numbers, 0 for background.")
        away = np.abs(part - np.round(part))
        if away.max(initial=0) > _FRACTION:
            raise PictureError(
                f"{name}: the mask holds fractions such as {part.flat[away.argmax()]:.6g}. Choose a threshold and save "
                "0 and 255."
            )
        if np.abs(part).max(initial=0) > 2**31 - 1:
            raise PictureError(
                f"{name}: the mask holds numbers such as {part.flat[np.abs(part).argmax()]:.6g}, too large to count "
                "objects. Choose a threshold and save 0 and 255."
            )
        whole[rows] = np.round(part)
    return whole


def _some_rows(page):
    """Yield slices of a page's rows, about a million pixels each: what is made of them needs little memory."""
    rows = max(1, 2**20 // page.shape[1])
    return (slice(start, start + rows) for start in range(0, len(page), rows))


def values_of(page) -> tuple[np.ndarray, np.ndarray]:
    """Return the different numbers or colors of a page and how often each occurs, looked at some rows at a time."""
    seen = []
    for rows in _some_rows(page):
        seen.append(np.unique(color_numbers(page[rows]) if page.ndim == 3 else page[rows], return_counts=True))
    values, where = np.unique(np.concatenate([each for each, _ in seen]), return_inverse=True)
    return values, np.bincount(where, np.concatenate([count for _, count in seen])).astype(np.int64)


def color_numbers(colors) -> np.ndarray:
    """Return colors `[..., 3]` as numbers 0xRRGGBB, int32."""
    numbers = colors[..., 0].astype(np.int32)
    for i in (1, 2):
        numbers <<= 8
        numbers |= colors[..., i]
    return numbers


def color_of(number: int) -> tuple[int, int, int]:
    """Return a number 0xRRGGBB as (red, green, blue)."""
    return tuple(int(number) >> shift & 255 for shift in (16, 8, 0))


def labels_like_objects(mask) -> bool:
    """Whether every number of a mask marks one connected piece, as instance labels do and classes do not."""
    codes = color_numbers(mask.codes) if mask.color else mask.codes
    if mask.values[0] != 0 or mask.values[-1] > 2**31:
        return False
    pieces = measure.label(codes, background=0, connectivity=2)
    area = np.bincount(pieces.ravel())[1:]
    first = np.zeros(len(area) + 1, np.int64)
    first[pieces.ravel()] = codes.ravel()
    largest = {}
    for value, pixels in zip(first[1:].tolist(), area.tolist()):
        largest[value] = max(largest.get(value, 0), pixels)
    return sum(largest.values()) >= 0.9 * area.sum()


def main_values(mask, few: int = FEW) -> dict[int, int]:
    """Return the values that make up a mask and how many pixels each has; soft edges and noise join the nearest.

    Values: gray numbers, or colors as 0xRRGGBB. The most frequent is first. few: so many are all returned as they are.
    A value that few pixels have is one if they make up an area: soft edges have none of one value.
    """
    order = np.argsort(-mask.counts, kind="stable")[:2000]
    if len(mask.values) <= few and not mask.lossy:
        return {int(mask.values[i]): int(mask.counts[i]) for i in order}
    if mask.color:
        places = np.stack([mask.values[order] >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.float64)
    else:
        places = mask.values[order, None].astype(np.float64)
    near, found, share, flat = NEAR if mask.color else NEAR / 2, [], [], []
    level = flat_counts(mask)[order]
    for place, count, even in zip(places, mask.counts[order], level):
        away = [float(np.linalg.norm(place - other)) for other in found]
        if away and min(away) < near:
            share[int(np.argmin(away))] += int(count)
            flat[int(np.argmin(away))] += int(even)
        else:
            found.append(place)
            share.append(int(count))
            flat.append(int(even))
    numbers = [int(np.dot(place.astype(int), (65536, 256, 1))) if mask.color else int(place[0]) for place in found]
    least, large, accepted = 0.02 * mask.counts.sum(), {}, []
    for number, place, count, even in sorted(zip(numbers, found, share, flat), key=lambda each: -each[2]):
        edge = mask.color and mask.lossy and even < 0.02 * count and _is_mixture(place, accepted)
        if fills_areas(even, count) or count > least and not edge:
            large[number] = count
            accepted.append(place)
    large = large or {numbers[0]: share[0]}
    return dict(sorted(large.items(), key=lambda each: -each[1]))


def _is_mixture(place, others):
    """Whether a color lies between two of the others, as those of blurred edges do."""
    for one, two in itertools.combinations(others, 2):
        way = two - one
        along = np.clip((place - one) @ way / (way @ way), 0, 1)
        if np.linalg.norm(one + along * way - place) < NEAR / 2:
            return True
    return False


def fills_areas(even: int, count: int) -> bool:
    """Whether a value of `count` pixels fills areas, with `even` of them as `flat_counts` says; soft edges have few."""
    return even >= max(4, 0.3 * count)


def flat_counts(mask):
    """Return how many pixels of each value lie in the middle of 3x3 pixels that are nearly alike."""
    codes, count = mask.codes, np.zeros(len(mask.values), np.int64)
    rows = max(1, 2**20 // codes.shape[1])
    for start in range(1, len(codes) - 1, rows):  # the border of a picture is in the middle of nothing
        part = codes[start - 1 : start + rows + 1]
        flat = np.ones((len(part), codes.shape[1]), bool)
        for one in np.moveaxis(np.atleast_3d(part), 2, 0):
            one = np.ascontiguousarray(one, np.float32)
            flat &= cv2.dilate(one, _NINE) - cv2.erode(one, _NINE) <= _TINT
        held = part[1:-1, 1:-1][flat[1:-1, 1:-1]]
        held = color_numbers(held) if mask.color else held
        count += np.bincount(np.searchsorted(mask.values, held), minlength=len(mask.values))
    return count


def main_colors(mask) -> np.ndarray:
    """Return the colors `[k, 3]` that make up a colored mask, the most frequent first; soft edges are not counted."""
    return np.array([color_of(number) for number in main_values(mask, few=0)], np.float64)
