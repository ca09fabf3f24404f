"""One page as gray levels 0..1: which channel, which number is black and which is white."""

from typing import NamedTuple

import numpy as np

from helpers.own_images.asking import AskError
from helpers.own_images.files import Channels, PictureError

_NAMES = {"red": 0, "green": 1, "blue": 2}


def white_of(dtype) -> int | None:
    """Return the white of whole numbers without sign, in either byte order: 1, 255 or 65535; None for other types."""
    return {"b1": 1, "u1": 255, "u2": 65535}.get(np.dtype(dtype).str[1:])


class GrayPage(NamedTuple):
    """Gray levels `[h, w, 1]` float32 in 0..1; how they were made, in words; shares below black and above white.

    values: the lowest and the highest number of the channel that was taken, as the file holds them.
    """

    levels: np.ndarray
    how: str
    cut: tuple[float, float]
    values: tuple[float, float]


def to_gray(page, name: str = "picture", value_range=None, channel=None) -> tuple[np.ndarray, str]:
    """Return one page as gray levels `[h, w, 1]` float32 in 0..1, and in words how they were made.

    8-bit numbers are divided by 255, 16-bit ones by 65535, and floats must lie in 0..1, unless
    `value_range=(black, white)` says otherwise. Red, green and blue become luminance; where only one of them holds
    anything, it is taken alone. channel: take this one, counted from 0, or "red", "green" or "blue"; these three mean
    a gray picture as it is. `Channels` that are not red, green and blue are never mixed: one of them must be chosen.
    Raises PictureError for NaN, for numbers outside the range, for a channel that is not there or not chosen.
    """
    return gray_page(page, name, value_range, channel)[:2]


def gray_page(page, name: str = "picture", value_range=None, channel=None) -> GrayPage:
    """Return what `to_gray` does, and which shares of the pixels a `value_range` cuts off."""
    low, high = checked_range(value_range) if value_range is not None else (None, None)
    page, how = page if isinstance(page, np.ndarray) else np.asarray(page), "gray"
    if page.ndim == 3:
        page, how = _one_channel(page, name, channel)
    elif channel not in (None, 0) and (not isinstance(channel, str) or channel not in _NAMES):
        raise PictureError(
            f"{name}: is gray, with one channel, and channel is {channel!r}. If all pictures are gray, pass channel=0. "
            "If others have more channels, move this one away, with its mask if it has one."
        )
    elif channel not in (None, 0):
        how = "gray, 1 channel"
    if page.dtype.kind not in "buif":
        raise PictureError(f"{name}: holds {page.dtype} numbers. Export its magnitude, or one gray channel.")
    bits = 1 if page.dtype == bool else 8 * page.dtype.itemsize
    kind = f"{bits} bit float" if page.dtype.kind == "f" else f"{bits} bit"
    darkest, brightest = page.min(), page.max()
    if not (np.isfinite(darkest) and np.isfinite(brightest)):
        raise PictureError(
            f"{name}: holds {int((~np.isfinite(page)).sum())} values that are NaN or infinite. Replace them in the "
            "program that made it, or leave it out."
        )
    if value_range is None:
        white = white_of(page.dtype)
        if white is None and (darkest < 0 or brightest > 1 + 1e-5):
            told = f"{name}: holds {kind} numbers {darkest:g}..{brightest:g}, and no rule says which is white."
            raise AskError(told, (darkest.item(), brightest.item()), a_range_is_needed)
        low, high = 0, white or 1
    cut = (0.0, 0.0)
    if value_range is not None and (darkest < low or brightest > high):
        cut = float(np.mean(page < low)), float(np.mean(page > high))
    numbers = page.astype(np.float32)  # a copy, changed in place from here on
    numbers -= np.float32(low)
    numbers /= np.float32(high - low)
    np.clip(numbers, 0, 1, out=numbers)
    return GrayPage(np.asarray(numbers)[..., None], f"{kind} {how}", cut, (darkest.item(), brightest.item()))


def a_range_is_needed(ends) -> str:
    """Return the advice to pass a range, with one that holds all numbers of all pictures: `ends`, pairs of numbers."""
    proposal = _proposal(min(low for low, _ in ends), max(high for _, high in ends))
    return f"Pass value_range=(black, white), the same for all your pictures, such as {proposal}."


def checked_range(value_range) -> tuple[float, float]:
    """Return `(black, white)` as floats. Raises PictureError unless they are two numbers, black below white."""
    try:
        low, high = (float(value) for value in value_range)
    except (TypeError, ValueError):
        low = high = 0
    if not low < high:
        raise PictureError(
            f"value_range is {value_range!r}; expected (black, white) with black below white, such as (0, 4095)."
        )
    return low, high


def _proposal(darkest, brightest):
    """Return a range in words that holds all numbers of a picture: of a camera's bits, or rounded outward."""
    darkest, brightest = float(darkest), float(brightest)
    if darkest >= 0:
        full = next((2**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), None)
        return f"(0, {full or int(brightest) + 1})"
    step = 10.0 ** np.floor(np.log10(max(-darkest, brightest, 1e-30)))
    low, high = np.floor(darkest / step) * step, np.ceil(brightest / step) * step
    return f"({low:g}, {max(high, low + step):g})"


def _one_channel(page, name, channel):
    n, rgb = page.shape[-1], not isinstance(page, Channels) and page.shape[-1] in (3, 4)
    if channel is not None:
        number = _NAMES.get(channel, channel) if isinstance(channel, str) and rgb else channel
        if isinstance(number, (bool, str)) or not hasattr(number, "__index__"):
            names = ', or "red", "green" or "blue"' if rgb else ""
            raise PictureError(f"{name}: channel is {channel!r}; expected a number from 0 to {n - 1}{names}.")
        if not 0 <= number < n:
            raise PictureError(f"{name}: has channels 0 to {n - 1}, and channel is {channel}. Choose one of them.")
        return page[..., number], f"channel {number} of {n}"
    if n == 1:
        return page[..., 0], "gray"
    if not rgb:
        raise PictureError(
            f"{name}: has {n} channels that the file does not call red, green and blue. Pass channel=0 (or another) "
            "to say which one to use."
        )
    alpha = n == 4 and (page[..., 3] != page.flat[3]).any()
    color, kind, note = page[..., :3], "RGBA" if n == 4 else "RGB", ", transparency left out" if alpha else ""
    if (color[..., 0] == color[..., 1]).all() and (color[..., 0] == color[..., 2]).all():
        return color[..., 0], f"{kind}, all gray{note}"
    used = [i for i in range(3) if color[..., i].any()]
    if len(used) == 1:
        return color[..., used[0]], f"{kind}, only {('red', 'green', 'blue')[used[0]]}{note}"
    gray = np.empty(color.shape[:2], page.dtype if page.dtype.kind in "ub" else np.float32)
    rows = max(1, 2**20 // color.shape[1])
    for start in range(0, len(color), rows):  # not all at once, which would need twelve bytes a pixel
        mixed = color[start : start + rows].astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
        gray[start : start + rows] = np.round(mixed) if page.dtype.kind in "ub" else mixed
    return gray, f"{kind} to gray{note}"
