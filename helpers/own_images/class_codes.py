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

    mask: from `codes_of`. 255 stands for pixels that nobody marked.
    """
    if mask.color or mask.known:
        raise PictureError(
            f"{mask.name}: holds {mask.known or 'colors'}; classes are read from whole numbers, 0 for background. Save "
            "the classes as a gray picture with the numbers 0, 1, 2 ..."
        )
    if mask.lossy:
        raise PictureError(f"{mask.name}: is a JPEG, which changes such small numbers. Export it as PNG or TIFF.")
    try:
        numbers = check_classes(mask.codes[None, ..., None], classes, "the mask's pixels")[0, ..., 0]
    except ValueError as error:
        raise PictureError(f"{mask.name}: {error}") from error
    held = [str(value) for value in np.unique(numbers) if value != IGNORE]
    unmarked = ", some unmarked" if (numbers == IGNORE).any() else ""
    return numbers, f"classes {', '.join(held)}{unmarked}" if held else "nothing marked"
