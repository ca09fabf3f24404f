"""Advice on what to call foreground, made from the masks that ask and tried on their numbers before it is given."""

from typing import NamedTuple

import numpy as np

from helpers.class_masks import IGNORE
from helpers.own_images.asking import AskError
from helpers.own_images.mask_codes import FEW, NEAR, color_of, fills_areas, flat_counts, main_values

_BLACK = NEAR / 3  # a color darker than this is black
_MOST = 6  # values that a message names


class HeldValues(NamedTuple):
    """What advice is made from: a mask's values and their counts, the main ones, half of white, what was asked for.

    gray_areas: whether some middle number fills areas, as the number of a class does and a smoothed edge does not.
    """

    color: bool
    lossy: bool
    values: np.ndarray
    counts: np.ndarray
    main: dict
    half: float
    gray_areas: bool
    asked: object = None


def held_values(mask, half: float, asked=None) -> HeldValues:
    """Return what advice on a mask is made from. asked: the foreground that did not fit it."""
    middle = (mask.values > 63) & (mask.values < 192)
    areas = not mask.color and fills_areas(flat_counts(mask)[middle].sum(), mask.counts[middle].sum())
    return HeldValues(mask.color, mask.lossy, mask.values, mask.counts, main_values(mask), half, areas, asked)


def unclear_mask(mask, told: str, half: float, after: str = "") -> AskError:
    """Return the error that says what a mask holds and asks which of it is foreground."""
    return AskError(f"{mask.name}: {told}", held_values(mask, half), which_is_foreground, after)


def said(mask, main=None) -> str:
    """Return a mask's values in words, six of them at most. main: those to name."""
    values = mask.values if main is None else list(main)
    shown = [f"#{int(value):06x}" if mask.color else str(value) for value in values[:_MOST]]
    more = f" ... ({len(mask.values)} in all)" if len(mask.values) > len(shown) else ""
    return ", ".join(shown) + more


def which_is_foreground(helds) -> str:
    """Return the advice for masks that do not say by themselves what is foreground."""
    colored, gray = [held for held in helds if held.color], [held for held in helds if not held.color]
    if not gray:
        chosen, several = _colors(colored)
        return _name_them(chosen, several, "colors")
    if advice := _noise(gray) or _blurred(gray) or _many(gray):
        return advice if not colored else f"{advice} Load colored masks by themselves."
    chosen, several = _numbers(gray)
    if colored:
        return _name_them([*chosen, *_colors(colored)[0]], True, "values")
    zero = all(held.values[0] == 0 for held in gray)
    return _name_them(chosen, several, "numbers", ", or foreground='nonzero' for all but 0" if zero else "")


def a_color_is_needed(helds) -> str:
    """Return the advice for colored masks where a number was asked for."""
    chosen, _ = _colors(helds)
    color, asked = chosen if len(chosen) > 1 else chosen[0], helds[0].asked
    return f"Give a color: foreground={color!r}; or both, if other masks are gray: {_both(asked, chosen)}."


def a_number_is_needed(helds) -> str:
    """Return the advice for gray masks where a color was asked for."""
    chosen, _ = _numbers(helds)
    number, asked = chosen if len(chosen) > 1 else chosen[0], helds[0].asked
    return f"Give a number: foreground={number!r}; or both, if other masks are colored: {_both(asked, chosen)}."


def _both(asked, chosen):
    return f"foreground={[*(asked if isinstance(asked, list) else [asked]), *chosen]!r}"


def _name_them(chosen, several, what, rest=""):
    if not several:
        return f"Say which is foreground: foreground={chosen[0]!r}{rest}."
    return f"The masks hold different {what}. Say which are foreground, such as foreground={chosen!r}{rest}."


def _together(helds, near):
    """Return how many pixels all masks give each value; values that soft edges or noise made join their neighbor."""
    shares = {}
    for held in helds:
        exact = len(held.values) <= FEW and not held.lossy
        for value, count in held.main.items():
            place = _place(value, held.color)
            same = value if exact else next(
                (other for other in shares if np.linalg.norm(place - _place(other, held.color)) < near), value)
            shares[same] = shares.get(same, 0) + count / held.counts.sum()
    return shares


def _place(value, color):
    return np.array(color_of(value) if color else [value], np.float64)


def _colors(helds):
    """Return the colors that may be foreground, and whether the masks differ in them: all but the background."""
    shares = _together(helds, NEAR)
    black = [value for value in shares if max(color_of(value)) < _BLACK]

    def as_background(value):
        masks = sum(value in held.main for held in helds)
        return masks, -np.ptp(color_of(value)), shares[value]

    background = max(black, key=shares.get) if black else max(shares, key=as_background)
    chosen = [value for value in shares if value != background] or [background]
    several = any(set(held.main) - {background} != set(chosen) for held in helds) and len(chosen) > 1
    if not several:
        chosen = [max(chosen, key=lambda value: (np.ptp(color_of(value)), shares[value]))]
    return [color_of(value) for value in chosen[:_MOST]], several


def _numbers(helds):
    """Return the numbers that may be foreground, and whether the masks differ in them.

    Of several in one mask the rarest is the example, as the background is most of it, unless that is a few pixels.
    """
    shares = _together(helds, NEAR / 2)
    background = 0 if 0 in shares else max(shares, key=shares.get)
    chosen = sorted(value for value in shares if value != background) or [background]
    several = any(set(held.main) - {background} != set(chosen) for held in helds) and len(chosen) > 1
    if len(chosen) > 1 and chosen[-1] == IGNORE and chosen[-2] < IGNORE / 4:  # beside 1, 2, 3 it means: not marked
        chosen = chosen[:-1]
    if not several:
        enough = 0.005 * sum(shares[value] for value in chosen)
        chosen = [min([value for value in chosen if shares[value] >= enough], key=shares.get)]
    return sorted(chosen, key=shares.get)[-_MOST:] if len(chosen) > _MOST else chosen, several


def _share(held, bound):
    return held.counts[held.values > bound].sum() / held.counts.sum()


def _works(helds, bound):
    """Whether a bound leaves foreground and background in every mask."""
    return all(0 < _share(held, bound) < 1 for held in helds)


def _noise(helds):
    """Return the advice for masks of two levels with noise or smooth edges around them, or None."""
    gaps = [_gap(held) for held in helds]
    half = helds[0].half
    if all(gaps):
        low, high = max(gap[0] for gap in gaps), min(gap[1] for gap in gaps)
        if low < half < high and _works(helds, half):
            return "These look like black and white with a little noise: pass foreground='half'."
        if low + 1 < high and _works(helds, (low + high) // 2):
            return f"These look like two levels with a little noise: pass foreground='above {(low + high) // 2}'."
    ends = [held.counts[(held.values < 64) | (held.values > 191)].sum() / held.counts.sum() for held in helds]
    smooth = min(len(held.values) for held in helds) > 12 and not any(held.gray_areas for held in helds)
    if smooth and min(ends) > 0.9 and _works(helds, half):
        return "These look like black and white with smoothed edges: pass foreground='half'."
    return None


def _gap(held):
    """Return the numbers on both sides of the gap between two tight groups of numbers, or None."""
    values = held.values
    if len(values) < 4:
        return None
    at = int(np.diff(values).argmax())
    low, high = values[: at + 1], values[at + 1 :]
    tight = 3 * max(np.ptp(low), np.ptp(high)) <= high[0] - low[-1]
    return (int(low[-1]), int(high[0])) if tight and min(len(low), len(high)) > 1 else None


def _blurred(helds):
    """Return the advice for masks of several levels that were saved with losses, or None: no number is exact there."""
    levels = sorted(_together(helds, NEAR / 2)) if any(held.lossy for held in helds) else []
    bounds = [(low + high) // 2 for low, high in zip(levels, levels[1:])]
    bounds = [bound for bound in bounds if _works(helds, bound)]
    if not bounds:
        return None
    brightest = f", or foreground='above {bounds[-1]}' for the brightest alone" if len(bounds) > 1 else ""
    return (
        f"They were saved with losses, which blur the numbers: pass foreground='above {bounds[0]}' for all that is "
        f"brighter than the darkest{brightest}; or export them as PNG."
    )


def _many(helds):
    """Return the advice for masks of more values than can be named, or None."""
    if max(len(held.values) for held in helds) <= FEW:
        return None
    levels = sorted(_together(helds, NEAR / 2))
    ends = max(held.values[0] for held in helds), min(held.values[-1] for held in helds)
    bound = int(sum(levels[:2] if len(levels) > 1 else ends)) // 2
    bright = f"foreground='above {bound}' for what is brighter" if bound > 0 and _works(helds, bound) else ""
    zero = "foreground='nonzero' for all but 0" if all(held.values[0] == 0 for held in helds) else ""
    if not (bright or zero):
        return None
    return f"Say which are foreground: {', or '.join(filter(None, [zero, bright]))}."
