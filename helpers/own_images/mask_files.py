"""Several mask files of one picture, one object each, as numbers in one page."""

import numpy as np

from helpers.own_images.asking import AskError
from helpers.own_images.files import PictureError, read_picture
from helpers.own_images.mask_codes import codes_of
from helpers.own_images.masks import folder_facts, foreground_of
from helpers.own_images.palettes import is_lossy, palette_numbers

MOST_SHARED = 0.5  # of the smaller of two objects; neighbors that touch share a few pixels


def merged(match, shape, foreground=None) -> np.ndarray:
    """Return the objects of a picture as numbers from 1 in a page `[h, w]` int32; later files lie over earlier ones.

    match: its mask is a tuple of files; foreground: as in `load_pairs`. Raises PictureError for a mask of another size,
    and for two masks of the same place, because two people's masks of one picture are no two objects.
    """
    labels, areas = np.zeros(shape, np.int32), [0]
    for number, path in enumerate(match.mask, 1):
        pages = read_picture(path).pages
        if len(pages) > 1:
            raise PictureError(
                f"{path.name}: has {len(pages)} pages, and is one of {len(match.mask)} masks of {match.image.name}. Save "
                "each object as a file of its own, or all of them as one mask."
            )
        page = codes_of(pages[0], path.name, is_lossy(path), palette_numbers(path, pages)[0])
        try:
            inside, _ = foreground_of(page, foreground, folder_facts([page]))
        except AskError as error:
            raise PictureError(f"{error.told} Save 0 for background and 255 for the object.") from error
        if inside.shape != labels.shape:
            raise PictureError(
                f"{path.name} is {inside.shape[1]}x{inside.shape[0]} pixels and its picture {match.image.name} "
                f"{labels.shape[1]}x{labels.shape[0]}. Export the mask at the picture's size."
            )
        areas.append(int(inside.sum()))
        shared = np.bincount(labels[inside], minlength=number)[:number]
        for other in np.flatnonzero(shared[1:] > MOST_SHARED * np.minimum(areas[1:number], areas[number])) + 1:
            raise PictureError(
                f"{match.mask[other - 1].name} and {path.name} share {shared[other]} of their {areas[other]} and "
                f"{areas[number]} pixels, and are taken for two objects of {match.image.name}. If two people marked "
                "the same object, keep the masks of one of them in the folder; if one object lies inside the other, "
                "keep the kind that you look for."
            )
        labels[inside] = number
    if foreground is not None and not labels.any():
        raise PictureError(
            f"{match.mask[0].name}: foreground={foreground!r} occurs neither in it nor in the {len(match.mask) - 1} "
            f"other masks of {match.image.name}. Leave foreground out where each file marks one object."
        )
    return labels
