"""Masks as they come, 0/1, 0/255, colored or numbered, and which of their pixels are foreground."""

import re
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage
from skimage import measure

from helpers.own_images.files import Channels, PictureError

ABOVE = re.compile(r"above \d+(\.\d+)?")
NEAR = 60  # two colors closer than this, of 0..441, are one color with soft edges


class Codes(NamedTuple):
    """A mask's page: numbers `[h, w]`, or colors `[h, w, 3]` uint8; its different values; whether JPEG blurred it."""

    codes: np.ndarray
    values: np.ndarray
    counts: np.ndarray
    lossy: bool
    name: str
    known: str = ""  # what it holds, where the layout says so

    @property
    def color(self) -> bool:
        """Whether the values are colors, as numbers 0xRRGGBB."""
        return self.codes.ndim == 3


class FolderFacts(NamedTuple):
    """What only all masks together say: whether their numbers count objects, and the largest gray number."""

    objects: bool
    largest: int
    eight_bits: bool


def codes_of(page, name: str, lossy: bool) -> Codes:
    """Return a mask's page as numbers or colors. Raises PictureError for what cannot be a mask."""
    if isinstance(page, Channels) and page.shape[-1] > 1:
        raise PictureError(
            f"{name}: is a mask with {page.shape[-1]} channels that the file does not call red, green and blue. Save "
            "each channel as a file of its own."
        )
    page = np.asarray(page)
    if page.ndim == 3 and page.shape[-1] == 4:
        flat = (page[..., :3] == page[:1, :1, :3]).all()
        drawn_in_alpha = flat and (page[..., 3] != page[0, 0, 3]).any()
        page = page[..., 3] if drawn_in_alpha else page[..., :3]
    if page.ndim == 3 and page.shape[-1] == 3 and not (page == page[..., :1]).all():
        if page.dtype != np.uint8:
            raise PictureError(
                f"{name}: is a colored mask with {page.dtype} numbers. Export it with 8 bits a channel."
            )
        values, counts = _values(page)
        return Codes(page, values, counts, lossy, name)
    page = page[..., 0] if page.ndim == 3 else page
    if page.dtype.kind == "f":
        if not np.isfinite(page).all():
            raise PictureError(
                f"{name}: the mask holds NaN or infinity. Export it as whole numbers, 0 for background."
            )
        whole = np.round(page)
        off = np.abs(page - whole) > 1e-4 * np.maximum(np.abs(whole), 1)  # 0.9999999 is a 1 that was scaled
        if off.any() or np.abs(page).max(initial=0) > 2**31:
            held = f"fractions such as {page[off].flat[0]:.9g}" if off.any() else "numbers above 2,147,483,648"
            raise PictureError(f"{name}: the mask holds {held}. Choose a threshold and save 0 and 255.")
        page = whole.astype(np.int32)
    values, counts = _values(page.view(np.uint8) if page.dtype == bool else page)
    return Codes(page, values.astype(np.int64), counts, lossy, name)


def _values(page):
    """Return the different numbers or colors of a page and how often each occurs, looked at some rows at a time."""
    rows, seen = max(1, 2**20 // page.shape[1]), []
    for start in range(0, len(page), rows):
        part = page[start : start + rows]
        seen.append(np.unique(_numbers(part) if page.ndim == 3 else part, return_counts=True))
    values, where = np.unique(np.concatenate([each for each, _ in seen]), return_inverse=True)
    return values, np.bincount(where, np.concatenate([count for _, count in seen])).astype(np.int64)


def _numbers(colors):
    numbers = colors[..., 0].astype(np.int32)
    for i in (1, 2):
        numbers <<= 8
        numbers |= colors[..., i]
    return numbers


def folder_facts(masks) -> FolderFacts:
    """Return what all masks of a folder say together."""
    gray = [mask for mask in masks if not mask.color]
    objects = any(len(mask.values) > 4 and not mask.lossy and labels_like_objects(mask) for mask in masks)
    largest = max((int(mask.values[-1]) for mask in gray), default=0)
    return FolderFacts(objects, largest, all(mask.codes.dtype == np.uint8 for mask in gray))


def labels_like_objects(mask) -> bool:
    """Whether every number of a mask marks one connected piece, as instance labels do and classes do not."""
    codes = _numbers(mask.codes) if mask.color else mask.codes
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


def foreground_of(mask: Codes, foreground, facts: FolderFacts) -> tuple[np.ndarray, str]:
    """Return where a mask is foreground, `[h, w]` bool, and in words what it held. Raises PictureError if unclear."""
    codes, values, counts, lossy, name, known = mask
    if known:
        return codes != 0, known
    if foreground is not None:
        return _asked_foreground(mask, foreground, facts)
    if mask.color:
        return _colored_foreground(mask, facts)
    if values[0] < 0 or _like_a_scan(mask):
        raise PictureError(
            f"{name}: holds {len(values)} numbers from {values[0]} to {values[-1]}, as a scan does, and a mask does "
            "not. Are the two folders the right way round? If it is a mask, say which number counts: foreground=."
        )
    if lossy and facts.largest < 128 and len(values) > 1:
        raise PictureError(
            f"{name}: is a JPEG mask whose numbers run from {values[0]} to {values[-1]}, and JPEG changes such small "
            "numbers. Export the mask as PNG or TIFF."
        )
    if lossy and (codes < 64).mean() + (codes > 191).mean() > 0.98:
        return codes > 127, "0/255 blurred by JPEG"
    if len(values) == 1:
        return codes != 0, "all background" if values[0] == 0 else "all foreground"
    if len(values) == 2:
        if values[0] == 0:
            return codes != 0, f"0/{values[1]}"
        raise PictureError(f"{name}: the mask holds {_said(mask)}, none of them 0. {_say_which(mask)}")
    count = len(values) - (values[0] == 0)
    if count >= (2 if facts.objects else 4) and labels_like_objects(mask):
        if facts.objects or values[-1] <= 4 * count or count >= 5:
            return codes != 0, f"{count} labeled objects"
    if len(values) > 12 and (codes < 64).mean() + (codes > 191).mean() > 0.9:
        remedy = "These look like black and white with smoothed edges: pass foreground='half'."
    else:
        remedy = _say_which(mask)
    word = "three values" if len(values) == 3 else f"{len(values)} values"
    raise PictureError(
        f"{name}: the mask holds {word}, {_said(mask)}; expected background and foreground, or numbered objects. "
        f"{remedy} To keep several classes, use load_pairs(..., classes=...)."
    )


def _like_a_scan(mask):
    middle = (mask.values > 63) & (mask.values < 192)
    many = len(mask.values) > 100 and mask.counts[middle].sum() > 0.2 * mask.counts.sum()
    return many and not mask.lossy and not labels_like_objects(mask)


def _colored_foreground(mask, facts):
    codes, values, lossy, name = mask.codes, mask.values, mask.lossy, mask.name
    numbers = _numbers(codes)
    if len(values) == 2 and values[0] == 0:
        return numbers != 0, "black and one color"
    if len(values) > 2 and not lossy and len(values) >= (3 if facts.objects else 5) and labels_like_objects(mask):
        return numbers != 0, f"{len(values) - 1} labeled objects"
    main = main_colors(mask)
    if len(main) == 2 and _brightness(main).min() < NEAR / 3 and len(values) > 2:
        dark = int(_brightness(main).argmin())
        return _nearest(codes, main) != dark, "black and one color, soft edges"
    raise PictureError(
        f"{name}: the mask holds {len(values)} colors, {_said(mask, main)}; expected black and one color, or numbered "
        f"objects. {_say_which(mask, main)}"
    )


def main_colors(mask) -> np.ndarray:
    """Return the colors `[k, 3]` that make up a colored mask, the most frequent first; soft edges are not counted."""
    order = np.argsort(-mask.counts)[:2000]
    rgb = np.stack([mask.values[order] >> shift & 255 for shift in (16, 8, 0)], axis=1).astype(np.float64)
    found, share = [], []
    for color, count in zip(rgb, mask.counts[order]):
        near = [i for i, other in enumerate(found) if np.linalg.norm(color - other) < NEAR]
        if near:
            share[near[0]] += count
        else:
            found.append(color)
            share.append(count)
    large = [color for color, count in zip(found, share) if count > 0.02 * mask.counts.sum()]
    return np.array(large or found[:1])


def _brightness(colors):
    return colors.max(axis=-1)


def _nearest(codes, colors):
    away = np.stack([((codes - color.astype(np.float32)) ** 2).sum(-1) for color in colors])
    return away.argmin(axis=0)


def _said(mask, main=None):
    values = mask.values if main is None else [int(np.dot(color.astype(int), (65536, 256, 1))) for color in main]
    shown = [f"#{int(v):06x}" if mask.color else str(v) for v in values[:6]]
    more = f" ... ({len(mask.values)} in all)" if len(mask.values) > len(shown) else ""
    return ", ".join(shown) + more


def _say_which(mask, main=None):
    """Return the advice to name the foreground, with the rarest value as the example: the background is most of it."""
    if main is not None:
        colorful = max(main, key=lambda color: (color.max() - color.min(), -list(map(tuple, main)).index(tuple(color))))
        example = tuple(int(value) for value in colorful)
    elif mask.color:
        value = int(mask.values[mask.counts.argmin()])
        example = tuple(value >> shift & 255 for shift in (16, 8, 0))
    else:
        marked = mask.values != 0
        example = int(mask.values[marked][mask.counts[marked].argmin()])
    rest = ", or foreground='nonzero' for all but 0" if not mask.color and mask.values[0] == 0 else ""
    return f"Say which is foreground: foreground={example}{rest}."


def _asked_foreground(mask, foreground, facts):
    codes, values, lossy, name = mask.codes, mask.values, mask.lossy, mask.name
    if isinstance(foreground, str):
        if foreground == "nonzero":
            numbers = _numbers(codes) if mask.color else codes
            if lossy or mask.color and len(values) > 16:
                return (_brightness(codes) if mask.color else codes) > 127, "all but 0, soft edges"
            return numbers != 0, "all but 0"
        if foreground == "half" or ABOVE.fullmatch(foreground):
            if mask.color:
                raise PictureError(f"{name}: is colored, and foreground is {foreground!r}. {_say_which(mask)}")
            least = half_of_white(facts) if foreground == "half" else float(foreground.removeprefix("above "))
            return codes > least, "above half" if foreground == "half" else foreground
        raise PictureError(
            f"foreground is {foreground!r}; expected 'nonzero', 'half' or 'above 127' (both for gray masks), a number, "
            "a color (red, green, blue), or a list of them."
        )
    wanted = foreground if isinstance(foreground, (list, set)) else [foreground]
    wanted = [_wanted(value, mask) for value in wanted]
    if not mask.color:
        return np.isin(codes, wanted), f"as asked: {', '.join(map(str, wanted))}"
    colors = np.array(wanted, np.float64)
    said = "as asked: " + ", ".join("#%02x%02x%02x" % tuple(int(v) for v in color) for color in colors)
    if len(values) <= 16 and not lossy:
        return np.isin(_numbers(codes), [int(np.dot(c.astype(int), (65536, 256, 1))) for c in colors]), said
    others = [c for c in main_colors(mask) if np.linalg.norm(colors - c, axis=1).min() > NEAR]
    return _nearest(codes, [*colors, *others]) < len(colors), said + ", soft edges"


def half_of_white(facts) -> float:
    """Return half of white, for all masks alike, so that the noise of an empty mask is not foreground."""
    if facts.largest <= 1:
        return 0.5
    if facts.eight_bits or 127 < facts.largest <= 255:
        return 127.5
    return 32767.5 if facts.largest > 32767 else facts.largest / 2


def _wanted(value, mask):
    """Return an asked value as the mask holds it: a number for gray masks, a color for colored ones."""
    if isinstance(value, (tuple, np.ndarray)) and len(value) == 3:
        color = tuple(int(v) for v in value)
        if mask.color:
            return color
        if len(set(color)) == 1:
            return color[0]
        raise PictureError(f"{mask.name}: is gray, and foreground is the color {color}. Give a number, such as 255.")
    if isinstance(value, (tuple, np.ndarray, str)) or not np.isscalar(value):
        raise PictureError(f"foreground is {value!r}; expected a number, or a color as (red, green, blue).")
    if mask.color:
        raise PictureError(f"{mask.name}: is colored, and foreground is {value}. Give a color, such as (255, 0, 0).")
    return int(value)


def cleared_gap(codes, inside) -> np.ndarray:
    """Clear the pixels where two numbered objects touch, so that they can still be counted apart."""
    square = np.ones((3, 3), np.uint8)
    codes = _numbers(codes) if codes.ndim == 3 else codes
    largest = cv2.dilate(codes.astype(np.float64), square)
    smallest = cv2.erode(np.where(inside, codes, 2.0**40), square)
    return inside & (largest == smallest)  # nothing but its own number, or 0, around it


def filled(inside) -> np.ndarray:
    """Fill what closed outlines enclose."""
    return ndimage.binary_fill_holes(inside)
