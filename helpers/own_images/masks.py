"""Masks as they come, 0/1, 0/255, colored or numbered, and which of their pixels are foreground."""

from typing import NamedTuple

import cv2
import numpy as np
from skimage import measure

from helpers.own_images.files import PictureError


class Codes(NamedTuple):
    """A mask's page as one whole number a pixel, and whether these are colors and may be blurred by JPEG."""

    codes: np.ndarray
    values: np.ndarray
    color: bool
    lossy: bool
    where: str


def codes_of(page, name, lossy):
    page = np.asarray(page)
    if page.ndim == 3 and page.shape[-1] in (2, 4):
        page = page[..., :-1]  # transparency
    if page.ndim == 3 and page.shape[-1] == 3 and not ((page == page[..., :1]).all()):
        if page.dtype != np.uint8:
            raise PictureError(
                f"{name}: is a colored mask with {page.dtype} numbers. Export it with 8 bits a channel."
            )
        codes, color = page.astype(np.int64) @ np.int64([65536, 256, 1]), True
    else:
        page, color = page[..., 0] if page.ndim == 3 else page, False
        if page.dtype.kind == "f":
            if not np.isfinite(page).all():
                raise PictureError(
                    f"{name}: the mask holds NaN or infinity. Export it as whole numbers, 0 for background."
                )
            if (page != np.round(page)).any() or np.abs(page).max(initial=0) > 2**31:
                raise PictureError(
                    f"{name}: the mask holds fractions such as {page[page != np.round(page)].flat[0]:.3g}. Choose a "
                    "threshold and save 0 and 255."
                )
        codes = page.astype(np.int64)
    return Codes(codes, np.unique(codes), color, lossy, name)


def _said(values, color):
    shown = [f"#{v:06x}" if color else str(v) for v in values[:6].tolist()]
    return ", ".join(shown) + (f" ... ({len(values)} in all)" if len(values) > 6 else "")


def labels_like_objects(mask):
    """Whether every number of a mask marks one connected piece, as instance labels do and classes do not."""
    if mask.values[0] != 0:
        return False
    pieces = measure.label(mask.codes, background=0, connectivity=2)
    area = np.bincount(pieces.ravel())[1:]
    first = np.zeros(len(area) + 1, np.int64)
    first[pieces.ravel()] = mask.codes.ravel()
    largest = {}
    for value, pixels in zip(first[1:].tolist(), area.tolist()):
        largest[value] = max(largest.get(value, 0), pixels)
    return sum(largest.values()) >= 0.9 * area.sum()


def foreground_of(mask, foreground, several):
    """Return a mask as uint8 `[h, w, 1]` of 0 and 1, and in words what it held. several: the folder holds objects."""
    codes, values, color, lossy, name = mask
    if foreground is not None:
        return _asked_foreground(mask, foreground)
    objects = values[values != 0]
    if len(values) == 1:
        return codes != 0, "all background" if values[0] == 0 else "all foreground"
    if len(values) == 2:
        if values[0] == 0:
            return codes != 0, "black and one color" if color else f"0/{values[1]}"
        raise PictureError(
            f"{name}: the mask holds {_said(values, color)}, none of them 0. {_say_which(values, color)}"
        )
    if lossy and not color and ((codes < 64) | (codes > 191)).mean() > 0.98:
        return codes > 127, "0/255 blurred by JPEG"
    if len(objects) >= (2 if several else 3) and labels_like_objects(mask):
        if color or several or values[-1] <= 4 * len(objects) or len(objects) >= 5:
            return codes != 0, f"{len(objects)} labeled objects"
    if not color and len(values) > 12 and ((codes < 64) | (codes > 191)).mean() > 0.9:
        remedy = "These look like 0 and 255 with smoothed edges: pass foreground='half'."
    else:
        remedy = _say_which(values, color)
    count = "three values" if len(values) == 3 else f"{len(values)} values"
    raise PictureError(
        f"{name}: the mask holds {count}, {_said(values, color)}; expected background and foreground, or numbered "
        f"objects. {remedy}"
    )


def _say_which(values, color):
    value = values[-1]
    example = tuple(int(value) >> shift & 255 for shift in (16, 8, 0)) if color else int(value)
    rest = "black" if color else "0"
    return f"Say which is foreground: foreground={example}, or foreground='nonzero' for all but {rest}."


def _asked_foreground(mask, foreground):
    codes, values, color, *_ = mask
    if isinstance(foreground, str):
        if foreground == "nonzero":
            return codes != 0, "all but 0"
        if foreground == "half" and not color:
            return codes > values.max() / 2, "above half"
        raise PictureError(
            f"foreground is {foreground!r}; expected 'nonzero', 'half' (gray masks), a number, a color (red, green, "
            "blue), or a list of them."
        )
    several = foreground if isinstance(foreground, (list, set)) else [foreground]
    wanted = [int(np.dot(v, (65536, 256, 1))) if isinstance(v, (tuple, np.ndarray)) else int(v) for v in several]
    return np.isin(codes, wanted), f"as asked: {_said(np.array(wanted), color)}"


def cleared_gap(codes, inside):
    """Clear the pixels where two numbered objects touch, so that they can still be counted apart."""
    square = np.ones((3, 3), np.uint8)
    largest = cv2.dilate(codes.astype(np.float64), square)
    smallest = cv2.erode(np.where(inside, codes, 2.0**40), square)
    return inside & (largest == smallest)  # nothing but its own number, or 0, around it
