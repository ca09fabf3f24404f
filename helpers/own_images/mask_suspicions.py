"""What looks wrong with masks as a whole, said before anything is trained."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from helpers.class_masks import IGNORE
from helpers.own_images.files import PictureError, first_of
from helpers.own_images.mask_codes import FEW, NEAR, color_of, main_values
from helpers.own_images.masks import foreground_of
from helpers.own_images.outlines import is_outline


class Look(NamedTuple):
    """What is remembered of a mask once it is read, so that all of them can be judged together.

    share: of foreground, 0..1. left: its values that are not foreground, where only some were asked for. marked: those
    that are. soft: whether these are only about so. numbers: of its objects, or None. opened: outlines that stayed so.
    only: the one value beside the background, of a mask of two.
    """

    name: str
    share: float
    outline: bool
    left: tuple = ()
    marked: tuple = ()
    soft: bool = False
    color: bool = False
    numbers: tuple | None = None
    opened: int = 0
    only: int | None = None


def look_at(name, inside, mask, held, asked=None, opened=0) -> Look:
    """Return what is remembered of a mask. inside: foreground or classes `[h, w]`; held: what it held, in words."""
    share = float(np.mean((inside > 0) & (inside != IGNORE)))
    look = Look(name, share, is_outline(inside == 1), color=mask.color, opened=opened)
    if asked is not None and not isinstance(asked, str) and not mask.known:
        main, soft = list(main_values(mask))[:FEW], len(mask.values) > FEW or mask.lossy
        if mask.rgb and not mask.color:  # a gray page among colored ones
            main = [0x010101 * value for value in main]
        look = look._replace(**{"marked" if share else "left": tuple(main)}, soft=soft, color=mask.color or mask.rgb)
    if asked is None and len(mask.values) == 2 and mask.values[0] == 0 and not (mask.known or mask.lossy):
        look = look._replace(only=int(mask.values[1]))
    if held.endswith("labeled objects"):
        look = look._replace(numbers=tuple(mask.values[mask.values != 0][:1000].tolist()))
    return look


def suspicions(looks, indexed: bool = False) -> list[str]:
    """Return what looks wrong with the masks as a whole: empty, full, inverted, outlines only, other numbers.

    indexed: say what to do for an index, which has no settings to invert or to fill.
    """
    shares, n = np.array([look.share for look in looks]), len(looks)
    if (shares == 0).all():
        return [f"all masks ({n}) are empty: they hold no foreground. Look at the files, or say what is foreground."]
    if (shares == 1).all():
        return [f"all masks ({n}) are full: they hold no background. Look at the files, or pass foreground=."]
    said, high = [], [look for look in looks if look.share > 0.5]
    names = _named(high)
    if high and len(high) == n:
        said.append(
            f"all masks have more foreground than background and look inverted: {names}. "
            f"If you look for the dark part, {_pass('invert', indexed)}."
        )
    elif high:
        said.append(
            f"{len(high)} of {n} masks look inverted (more foreground than background): {names}. "
            "Look at them; swap black and white in those files."
        )
    outlines = [look for look in looks if look.outline]
    if 2 * len(outlines) > (shares > 0).sum():
        said.append(
            f"{len(outlines)} of {n} masks are outlines, thin lines around areas: {_named(outlines)}. A network would "
            f"learn the lines. If you look for the areas, {_pass('fill', indexed)}."
        )
    opened = [look for look in looks if look.opened]
    if opened:
        count = sum(look.opened for look in opened)
        lines = "1 outline stayed open and was" if count == 1 else f"{count} outlines stayed open and were"
        said.append(f"{lines} not filled, in {_named(opened)}. Close them in the program that drew them.")
    return said + _others(looks)


def _pass(setting, indexed):
    if not indexed:
        return f"pass {setting}=True"
    return f"load them with load_pairs(..., {setting}=True), write each mask with save_mask, and index these"


def _named(looks):
    return first_of([look.name for look in looks], 5)


def _others(looks):
    """Return a remark on masks that hold nothing of what was asked for, and values that no mask with foreground has."""
    known = {(look.color, value) for look in looks for value in look.marked}

    def is_known(look, value):
        if (look.color, value) in known:
            return True
        return look.soft and any(_alike(value, other, look.color) for color, other in known if color == look.color)

    odd, held = [], []
    for look in looks:
        strange = [value for value in look.left if value and not is_known(look, value)]
        if len(look.left) > 1 and strange:
            odd.append(look)
            held += [value for value in strange if value not in held]
    if not odd:
        return []
    shown = ", ".join(f"#{value:06x}" if odd[0].color else str(value) for value in held[:6])
    return [
        f"{len(odd)} of {len(looks)} masks hold nothing of the foreground that was asked for, but values that the "
        f"others do not have ({shown}): {_named(odd)}. They count as empty. If these mark objects, name them as well: "
        "foreground=[...]."
    ]


def _alike(value, other, color):
    if not color:
        return abs(value - other) < NEAR / 2
    return np.linalg.norm(np.subtract(color_of(value), color_of(other), dtype=float)) < NEAR


def object_hints(looks) -> list[str]:
    """Return a remark if what was taken for objects, or for one foreground, may be numbers of classes."""
    numbered = [look for look in looks if look.numbers is not None]
    only = sorted({(look.color, look.only) for look in looks if look.only is not None})
    if len(only) > 1 and not numbered:
        shown = first_of([f"#{value:06x}" if color else str(value) for color, value in only], 6)
        example = color_of(only[-1][1]) if only[-1][0] else only[-1][1]
        return [
            f"the masks hold one value each beside 0, and not the same: {shown}. All of them count as foreground. If "
            f"they are classes, or 255 only says what nobody marked, choose with foreground=, such as {example!r}."
        ]
    if not numbered:
        return []
    sets = Counter(look.numbers for look in numbered)
    alike = len(numbered) > 1 and (len(sets) == 1 or _repeat(sets))
    if not alike and not (len(numbered) == len(looks) and all(len(look.numbers) < 6 for look in numbered)):
        return []
    common = max(sets, key=lambda numbers: (sets[numbers], len(numbers)))
    color = numbered[0].color
    if not alike or len(common) < 3:
        what = "colors" if color else "numbers"
        return [
            f"the {what} in the masks are taken for objects and merged into one foreground. If they are classes, "
            "choose one with foreground=."
        ]
    shown = first_of([f"#{number:06x}" if color else str(number) for number in common], 7)
    example = color_of(common[0]) if color else common[0]
    most = max(map(max, sets)) + 1
    every = "" if color or most > 254 else f", or keep all with load_pairs(..., classes={most})"
    return [
        f"the same {'colors' if color else 'numbers'} ({shown}) are in nearly all "
        "masks, as classes are. They are taken for objects and merged into one foreground. If they are classes, choose "
        f"one with foreground=, such as foreground={example!r}{every}."
    ]


def _repeat(sets):
    """Whether few numbers come again in most masks, and not as objects would, counted from 1 in each mask."""
    masks, times = sum(sets.values()), Counter()
    for numbers, count in sets.items():
        times.update({number: count for number in numbers})
    gaps = sum(count for numbers, count in sets.items() if numbers != tuple(range(1, len(numbers) + 1)))
    often = sum(2 * count > masks for count in times.values())
    return masks > 2 and len(times) <= 30 and 2 * often > len(times) and 4 * gaps >= masks


def check_asked(masks, foreground, facts):
    """Raise PictureError if an asked foreground occurs in no mask at all. masks: a list of `Codes`."""
    if foreground is None or foreground == "half" or not any(len(mask.values) > 1 for mask in masks):
        return
    for mask in masks:
        try:
            if foreground_of(mask, foreground, facts)[0].any():
                return
        except PictureError:
            return  # said with its file's name later
    raise PictureError(
        f"foreground={foreground!r} occurs in none of the {len(masks)} masks; they hold {_held(masks)}. Choose one of "
        "these."
    )


def _held(masks):
    shown = sorted({(mask.color, int(value)) for mask in masks for value in mask.values[:20]})
    words = [f"#{value:06x}" if color else str(value) for color, value in shown]
    return first_of(words, 6)
