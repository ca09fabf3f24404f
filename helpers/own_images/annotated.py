"""Objects as numbers in a page: those of annotations that count, by their labels, and mask files of one object each."""

from collections import Counter

import numpy as np

from helpers.own_images.asking import AskError
from helpers.own_images.files import PictureError, first_of, read_picture
from helpers.own_images.mask_codes import codes_of
from helpers.own_images.masks import folder_facts, foreground_of
from helpers.own_images.object_outlines import Marked, drawn, reach
from helpers.own_images.palettes import is_lossy, palette_numbers

_NONE = "unlabeled"
_MOST_SHARED = 0.5  # of the smaller of two objects; neighbors that touch share a few pixels


def of_labels(matches, foreground=None, classes=None) -> tuple[list, list[str]]:
    """Return matches with only the objects that count, and remarks on those that are left out.

    foreground: a label or a list of labels, "nonzero" for all objects, or None where all have one label. Matches
    without annotations are returned as they are. Raises PictureError if it is unclear which label counts, for one that
    occurs nowhere, for classes, and for objects that are only boxes.
    """
    marked = [match for match in matches if match.objects is not None]
    if not marked:
        return matches, []
    where = marked[0].mask.name + (" and other files" if len({match.mask for match in marked}) > 1 else "")
    labels = Counter(each.label or _NONE for match in marked for each in match.objects.objects if each.parts)
    held = first_of([f"{label!r} ({count})" for label, count in labels.most_common()], 8, ", ...") or "none"
    if classes is not None:
        raise PictureError(
            f"{where}: holds outlines with the labels {held}, and classes= reads whole numbers from masks. Choose a "
            "label with foreground=, or save the classes as gray pictures with the numbers 0, 1, 2 ..."
        )
    asked = _asked(foreground, labels, where, held)
    kept = [_only(match, asked) for match in matches]
    return kept, _check_areas([match for match in kept if match.objects is not None])


def _asked(foreground, labels, where, held):
    """Return the labels that count, or None for all."""
    if foreground is None:
        if len(labels) > 1:
            example = labels.most_common(1)[0][0]
            raise PictureError(
                f"{where}: the objects have {len(labels)} labels: {held}. Say which of them are foreground: "
                f'foreground="{example}", a list of labels, or foreground="nonzero" for all.'
            )
        return None
    if foreground == "nonzero":
        return None
    asked = {str(label) for label in (foreground if isinstance(foreground, (list, set)) else [foreground])}
    if unknown := sorted(asked - set(labels)):
        plain = set(labels) <= {_NONE}
        remedy = "They have no labels, so leave foreground out." if plain else f"Choose of their labels: {held}."
        raise PictureError(
            f"{where}: foreground is {foreground!r}, and no object has the label {unknown[0]!r}. {remedy}"
        )
    return asked


def _only(match, asked):
    if match.objects is None or asked is None:
        return match
    objects = [each for each in match.objects.objects if (each.label or _NONE) in asked]
    return match._replace(objects=Marked(objects, match.objects.size))


def _check_areas(marked):
    """Return a remark on points and lines, which are left out; raise for boxes, and if nothing else is there."""
    without = [(match, each) for match in marked for each in match.objects.objects if not each.parts]
    boxes = [match for match, each in without if each.lacks in ("box", "number of points", "empty outline")]
    if boxes:
        number = Counter(each.lacks for _, each in without)
        what = next(kind for kind in ("box", "number of points", "empty outline") if number[kind])
        many = "1 object has" if len(boxes) == 1 else f"{len(boxes)} objects have"
        raise PictureError(
            f"{boxes[0].mask.name}: {many} a {what} without an outline, such as in {boxes[0].image.name}. A {what} "
            "does not say which pixels belong to the object. Outline the objects as polygons, or save masks."
        )
    if not without:
        return []
    kinds = ", ".join(sorted({each.lacks for _, each in without}))
    if not any(each.parts for match in marked for each in match.objects.objects):
        raise PictureError(
            f"{without[0][0].mask.name}: {kinds} have no area. Outline the objects as polygons, rectangles or circles."
        )
    return [f"{len(without)} objects without an area are left out ({kinds}), such as in {without[0][0].mask.name}."]


def numbered(match, height: int, width: int, turned: bool) -> np.ndarray:
    """Return the objects of a match as numbers from 1 in a page `[height, width]` int32.

    turned: whether the picture was turned upright. Raises PictureError if the objects were drawn on a picture of
    another size: if their file states one, or if one lies outside.
    """
    size, name = match.objects.size, match.image.name
    why = " The picture is stored turned (EXIF)." if turned else ""
    if size not in (None, (width, height)):
        raise PictureError(
            f"{match.mask.name}: was drawn on a picture of {size[0]}x{size[1]} pixels, and {name} is {width}x{height}."
            f"{why} Take the picture that was outlined, or export the objects again for this one."
        )
    for each in match.objects.objects:
        if not each.parts:
            continue
        left, top, right, bottom = reach(each)
        if left >= width or top >= height or right < 0 or bottom < 0:
            raise PictureError(
                f"{match.mask.name}: has an object at x {left:.0f} to {right:.0f}, y {top:.0f} to {bottom:.0f}, "
                f"outside of {name}, which is {width}x{height} pixels.{why} It was drawn on another picture, or on one "
                "of another size. Take the picture that was outlined."
            )
    return drawn(match.objects, height, width)


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
                f"{path.name}: has {len(pages)} pages, and is one of {len(match.mask)} masks of {match.image.name}. "
                "Save each object as a file of its own, or all of them as one mask."
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
        for other in np.flatnonzero(shared[1:] > _MOST_SHARED * np.minimum(areas[1:number], areas[number])) + 1:
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
