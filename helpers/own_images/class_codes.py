"""Masks that hold several classes, as whole numbers from 0 (background)."""

import numpy as np

from helpers.class_masks import IGNORE, check_classes
from helpers.own_images.files import PictureError


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
