"""Masks as they come, 0/1, 0/255, colored or numbered, and which of their pixels are foreground, or of which class."""

import re
from numbers import Real
from typing import NamedTuple

import numpy as np

from helpers.class_masks import IGNORE, check_classes
from helpers.own_images.asking import AskError
from helpers.own_images.files import PictureError
from helpers.own_images.mask_advice import a_color_is_needed, a_number_is_needed, held_values, said, unclear_mask
from helpers.own_images.mask_codes import (  # noqa: F401  codes_of is asked for here by other files
    FEW, NEAR, Codes, codes_of, color_numbers, labels_like_objects, main_colors, main_values,
)

ABOVE = re.compile(r"above \d+(\.\d+)?")
_SAME = 16  # an asked number finds a level this near in a mask that was saved with losses


class FolderFacts(NamedTuple):
    """What only all masks together say: whether their numbers count objects, and the largest gray number."""

    objects: bool
    largest: int
    eight_bits: bool


def folder_facts(masks) -> FolderFacts:
    """Return what all masks of a folder say together."""
    gray = [mask for mask in masks if not mask.color]
    objects = any(len(mask.values) > 4 and not mask.lossy and labels_like_objects(mask) for mask in masks)
    largest = max((int(mask.values[-1]) for mask in gray), default=0)
    return FolderFacts(objects, largest, all(mask.codes.dtype == np.uint8 for mask in gray))


def foreground_of(mask: Codes, foreground, facts: FolderFacts) -> tuple[np.ndarray, str]:
    """Return where a mask is foreground, `[h, w]` bool, and in words what it held. Raises PictureError if unclear."""
    codes, values, name = mask.codes, mask.values, mask.name
    if mask.known:
        return codes != 0, mask.known
    if foreground is not None:
        return _asked_foreground(mask, foreground, facts)
    if mask.color:
        return _colored_foreground(mask, facts)
    if values[0] < 0 or _like_a_scan(mask):
        raise PictureError(
            f"{name}: holds {len(values)} numbers from {values[0]} to {values[-1]}, as a scan does, and a mask does "
            "not. Are the two folders the right way round? If it is a mask, say which number counts: foreground=."
        )
    if mask.lossy and facts.largest < 128 and len(values) > 1:
        raise PictureError(
            f"{name}: is a {_format(mask)} mask whose numbers run from {values[0]} to {values[-1]}, and "
            f"{_format(mask)} changes such small numbers. Export the mask as PNG or TIFF."
        )
    if mask.lossy and (codes < 64).mean() + (codes > 191).mean() > 0.98 and _two_ends(mask):
        return codes > 127, f"0/255 blurred by {_format(mask)}"
    if len(values) == 1:
        return codes != 0, "all background" if values[0] == 0 else "all foreground"
    if len(values) == 2:
        if values[0] == 0:
            return codes != 0, f"0/{values[1]}"
        raise unclear_mask(mask, f"the mask holds {said(mask)}, none of them 0.", half_of_white(facts))
    count = len(values) - (values[0] == 0)
    if count >= (2 if facts.objects else 4) and not mask.lossy and labels_like_objects(mask):
        if facts.objects or values[-1] <= 4 * count or count >= 5:
            return codes != 0, f"{count} labeled objects"
    word = "three values" if len(values) == 3 else f"{len(values)} values"
    raise unclear_mask(
        mask, f"the mask holds {word}, {said(mask)}; expected background and foreground, or numbered objects.",
        half_of_white(facts), " To keep several classes, use load_pairs(..., classes=...).",
    )


def _two_ends(mask):
    return all(value < 64 or value > 191 for value in main_values(mask))


def _format(mask):
    return "WebP" if ".webp" in mask.name.lower() else "JPEG"


def _like_a_scan(mask):
    middle = (mask.values > 63) & (mask.values < 192)
    many = len(mask.values) > 100 and mask.counts[middle].sum() > 0.2 * mask.counts.sum()
    return many and not mask.lossy and not labels_like_objects(mask)


def _colored_foreground(mask, facts):
    codes, values = mask.codes, mask.values
    if len(values) == 2 and values[0] == 0:
        return codes.any(axis=-1), "black and one color"
    if len(values) > 2 and not mask.lossy and len(values) >= (3 if facts.objects else 5) and labels_like_objects(mask):
        return codes.any(axis=-1), f"{len(values) - 1} labeled objects"
    main = main_colors(mask)
    if len(values) > FEW and not mask.lossy and mask.counts.max() < 0.1 * mask.counts.sum():
        raise PictureError(
            f"{mask.name}: holds {len(values)} colors and none of them often, as a picture does, perhaps with marks "
            "drawn over it. A mask holds the marks alone, on black. Export it so."
        )
    if len(main) == 2 and _brightness(main).min() < NEAR / 3 and len(values) > 2:
        dark = int(_brightness(main).argmin())
        return _nearest(mask.codes, main) != dark, "black and one color, soft edges"
    shown = said(mask, main_values(mask))
    told = f"the mask holds {len(values)} colors, {shown}; expected black and one color, or numbered objects."
    raise unclear_mask(mask, told, half_of_white(facts))


def _brightness(colors):
    return colors.max(axis=-1)


def _nearest(codes, colors):
    away = np.stack([((codes - color.astype(np.float32)) ** 2).sum(-1) for color in colors])
    return away.argmin(axis=0)


def _asked_foreground(mask, foreground, facts):
    if isinstance(foreground, str):
        return _asked_in_words(mask, foreground, facts)
    numbers, colors = _wanted(foreground)
    if mask.color:
        if not colors:
            told = f"{mask.name}: is colored, and foreground is {_plain(foreground)}."
            raise AskError(told, held_values(mask, half_of_white(facts), foreground), a_color_is_needed)
        return _asked_colors(mask, colors)
    own = [_in_one_channel(color, mask) for color in colors]
    wanted = numbers + [number for number in own if number is not None]
    if not wanted and len(mask.values) > 1 and not mask.rgb:
        told = f"{mask.name}: is gray, and foreground is the color {_plain(foreground)}."
        raise AskError(told, held_values(mask, half_of_white(facts), foreground), a_number_is_needed)
    if not wanted:  # a gray page among colored ones: nothing was marked in it
        return np.zeros(mask.codes.shape, bool), "gray, without the color"
    shown = f"as asked: {', '.join(map(str, wanted))}"
    if not mask.lossy:
        return np.isin(mask.codes, wanted), shown
    levels = np.sort(list(main_values(mask)))
    chosen = np.array([any(abs(level - number) <= _SAME for number in wanted) for level in levels])
    return chosen[np.digitize(mask.codes, (levels[1:] + levels[:-1]) / 2)], shown + ", soft edges"


def _asked_in_words(mask, foreground, facts):
    codes = mask.codes
    if foreground == "nonzero":
        numbers = color_numbers(codes) if mask.color else codes
        if mask.lossy or mask.color and len(mask.values) > FEW:
            return (_brightness(codes) if mask.color else codes) > 127, "all but 0, soft edges"
        return numbers != 0, "all but 0"
    if foreground == "half" or ABOVE.fullmatch(foreground):
        if mask.color:
            raise unclear_mask(mask, f"is colored, and foreground is {foreground!r}.", half_of_white(facts))
        least = half_of_white(facts) if foreground == "half" else float(foreground.removeprefix("above "))
        return codes > least, "above half" if foreground == "half" else foreground
    raise PictureError(
        f"foreground is {foreground!r}; expected 'nonzero', 'half' or 'above 127' (both for gray masks), a number, "
        "a color (red, green, blue), or a list of them."
    )


def _asked_colors(mask, wanted):
    colors = np.array(wanted, np.float64)
    shown = "as asked: " + ", ".join("#%02x%02x%02x" % color for color in wanted)
    if len(mask.values) <= FEW and not mask.lossy:
        return np.isin(color_numbers(mask.codes), [int(np.dot(color, (65536, 256, 1))) for color in wanted]), shown
    others = [c for c in main_colors(mask) if np.linalg.norm(colors - c, axis=1).min() > NEAR]
    return _nearest(mask.codes, [*colors, *others]) < len(colors), shown + ", soft edges"


def half_of_white(facts) -> float:
    """Return half of white, for all masks alike, so that the noise of an empty mask is not foreground."""
    if facts.largest <= 1:
        return 0.5
    if facts.eight_bits or 127 < facts.largest <= 255:
        return 127.5
    return 32767.5 if facts.largest > 32767 else facts.largest / 2


def _wanted(foreground):
    """Return the asked values as numbers, which count in gray masks, and colors, which count in colored ones."""
    numbers, colors = [], []
    for value in foreground if isinstance(foreground, (list, set)) else [foreground]:
        color = isinstance(value, (tuple, np.ndarray)) and len(value) == 3
        if not color and (isinstance(value, (tuple, np.ndarray, str)) or not np.isscalar(value)):
            raise PictureError(f"foreground is {value!r}; expected a number, or a color as (red, green, blue).")
        if not all(isinstance(v, Real) and v % 1 == 0 for v in (value if color else [value])):
            raise PictureError(
                f"foreground is {value!r}, and masks hold whole numbers. Pass one of them, or 'above 0' for all that "
                "are larger, in gray masks; a color is three numbers of 0 to 255, such as (255, 0, 0)."
            )
        if color:
            colors.append(tuple(int(v) for v in value))
        else:
            numbers.append(int(value))
    if not numbers and not colors:
        raise PictureError("foreground is an empty list; expected at least one number, or color (red, green, blue).")
    return numbers, colors


def _plain(foreground):
    """Return what was asked for, as a message shows it: one value without its list."""
    one = isinstance(foreground, (list, set)) and len(foreground) == 1
    return next(iter(foreground)) if one else foreground


def _in_one_channel(color, mask):
    """Return the number that stands for a color in a gray mask, or None."""
    if len(set(color)) == 1:
        return color[0]
    if mask.taken is not None and not any(color[i] for i in range(3) if i != mask.taken):
        return color[mask.taken]
    return None


def check_class_settings(**others) -> None:
    """Raise PictureError if settings for one foreground were given together with classes."""
    given = [name for name, value in others.items() if value not in (None, False)]
    if given:
        raise PictureError(f"classes= keeps all classes, and {given[0]}= makes one foreground of them. Leave one out.")


def classes_in(mask, classes: int) -> tuple[np.ndarray, str]:
    """Return a mask's classes `[h, w]` uint8, and in words what it held. Raises PictureError for what holds none.

    mask: from `codes_of`. 255 stands for pixels that nobody marked. Of a file with a palette, its numbers are taken.
    """
    codes, behind = (mask.palette[0], ", of its palette") if _in_palette(mask, classes) else (mask.codes, "")
    if codes.ndim == 3 or mask.known:
        raise PictureError(
            f"{mask.name}: holds {mask.known or 'colors'}; classes are read from whole numbers, 0 for background. Save "
            "the classes as a gray picture with the numbers 0, 1, 2 ..."
        )
    if mask.lossy:
        raise PictureError(f"{mask.name}: is a JPEG, which changes such small numbers. Export it as PNG or TIFF.")
    try:
        numbers = check_classes(codes[None, ..., None], classes, "the mask's pixels")[0, ..., 0]
    except ValueError as error:
        raise PictureError(f"{mask.name}: {error}") from error
    held = [str(value) for value in np.unique(numbers) if value != IGNORE]
    unmarked = ", some unmarked" if (numbers == IGNORE).any() else ""
    return numbers, f"classes {', '.join(held)}{behind}{unmarked}" if held else "nothing marked"


def _in_palette(mask, classes):
    """Whether a palette's numbers are the classes: its colors are none, unless they are gray and numbered already."""
    gray = not mask.color and isinstance(classes, (int, np.integer)) and mask.values[-1] < classes
    return mask.palette is not None and not gray


def check_one_palette(masks, classes) -> None:
    """Raise PictureError if a number has different colors in the palettes of two masks, so that it is no class."""
    first = {}
    for mask in masks:
        for number, color in (mask.palette[1] if _in_palette(mask, classes) else {}).items():
            name, other = first.setdefault(number, (mask.name, color))
            if other != color:
                raise PictureError(
                    f"{mask.name}: the number {number} of its palette is the color {color}, and in {name} it is "
                    f"{other}, so these numbers are no classes. Save the classes as gray pictures with the numbers 0, "
                    "1, 2 ..."
                )
