"""Pictures of a folder that were read by different rules, or of which a range left little: said before training."""

from typing import NamedTuple

from helpers.own_images.channels import checked_range
from helpers.own_images.files import PictureError, first_of

_WHITES = {"1 bit": 1, "8 bit": 255, "16 bit": 65535}


class SeenPicture(NamedTuple):
    """What is remembered of a picture once it is read: how, its smallest and largest number, shares that were cut."""

    name: str
    how: str
    values: tuple
    cut: tuple


def white_number(how: str) -> int | None:
    """Return the number that is white by a picture's bits, in the words of `to_gray`, or None."""
    return None if "float" in how else _WHITES.get(_bits(how))


def _bits(how):
    return " ".join(how.split()[:2])


def _alone(seen):
    """Return the names of pictures of which one color alone was taken, in the words of `to_gray`, by this color."""
    alone = {}
    for each in seen:
        if ", only " in each.how:
            alone.setdefault(each.how.split(", only ")[1].split(",")[0], []).append(each.name)
    return alone


def one_rule_for_colors(seen) -> list[str]:
    """Return what is wrong if colors were read by two rules, one channel alone and all of them mixed."""
    alone, mixed = _alone(seen), [each.name for each in seen if " to gray" in each.how]
    if not alone or not mixed:
        return []
    color, only = max(sorted(alone), key=lambda color: len(alone[color])), " or ".join(sorted(alone))
    names = [each.name for each in seen if ", only " in each.how]
    return [
        f"{_named(names)}: only {only} is used, and in {_named(mixed)} more than one of red, "
        "green and blue, as for a white scale bar. Taken alone, or mixed to gray, the same color becomes different "
        f'gray levels. Pass channel="{color}" (--channel {color} in the command line) to take it from all of them.'
    ]


def check_colors(seen) -> None:
    """Raise PictureError if colors were read by two rules."""
    for said in one_rule_for_colors(seen):
        raise PictureError(said)


def cut_warnings(seen, value_range) -> list[str]:
    """Return a remark on pictures of which a range leaves little: a tenth above white, or nine tenths below black."""
    if value_range is None:
        return []
    return [*_cut(seen, value_range, 1, 0.1, "above white"), *_cut(seen, value_range, 0, 0.9, "below black")]


def _cut(seen, value_range, side, least, where):
    cut = [each for each in seen if each.cut[side] > least]
    if not cut:
        return []
    worst = max(cut, key=lambda each: each.cut[side])
    low, high = checked_range(value_range)
    return [
        f"value_range=({low:g}, {high:g}) cuts off much of {_named([each.name for each in cut])}: "
        f"{worst.cut[side]:.0%} of the pixels of {worst.name} are {where}; it holds {worst.values[0]:g}.."
        f"{worst.values[1]:g}. Choose a wider range, unless this part is not needed."
    ]


def picture_hints(seen, value_range) -> list[str]:
    """Return remarks on what is well but may surprise: pictures that use little of their range, or one color each."""
    hints = _half_cut(seen, value_range) + _colors_apart(seen)
    levels = [_highest_level(each, value_range) for each in seen]
    dim = [each for each, level in zip(seen, levels) if level < 0.1]
    bright = [each for each, level in zip(seen, levels) if level >= 0.1]
    sixteen = [each for each in dim if white_number(each.how) == 65535]
    if dim and not bright and len(sixteen) == len(seen) and value_range is None:
        low, high = min(each.values[0] for each in dim), max(each.values[1] for each in dim)
        return [*hints, (
            f"the 16-bit pictures use the numbers {low} to {high} of 65535 and are nearly black. fit_normalization "
            f"stretches them; or pass value_range=({low}, {high})."
        )]
    if dim and bright and not {_bits(each.how) for each in dim} & {_bits(each.how) for each in bright}:
        high = max(each.values[1] for each in dim)
        hints.append(
            f"{_named([each.name for each in dim])} ({_bits(dim[0].how)}, numbers up to {high:g}) "
            f"{'are' if len(dim) > 1 else 'is'} nearly black beside {_named([each.name for each in bright])} "
            f"({_bits(bright[0].how)}). Export all pictures in one way, with the same bits."
        )
    return hints


def _half_cut(seen, value_range):
    """Return a remark if much lies below black, which is usual for a window of a scan."""
    cut = [each for each in seen if 0.25 < each.cut[0] <= 0.9] if value_range is not None else []
    if not cut:
        return []
    worst = max(cut, key=lambda each: each.cut[0])
    return [
        f"{worst.cut[0]:.0%} of the pixels of {worst.name}{' and others' if len(cut) > 1 else ''} are below black of "
        "value_range. That is as it should be for a window of a scan."
    ]


def _colors_apart(seen):
    alone = _alone(seen)
    if len(alone) < 2:
        return []
    said = "; ".join(f"{color} in {_named(names)}" for color, names in alone.items())
    return [f"the pictures hold one color each, not all the same, which was taken as gray: {said}."]


def _highest_level(each, value_range):
    if value_range is not None:
        low, high = checked_range(value_range)
        return (each.values[1] - low) / (high - low)
    return each.values[1] / (white_number(each.how) or 1)


def _named(names):
    return first_of(names, 3, " and {} more")
