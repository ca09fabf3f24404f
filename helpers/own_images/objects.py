"""Number the objects of a mask, measure them, write the table, and count how many of the true ones were found."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage
from skimage import measure

from helpers import drawing, palette
from helpers.instances import average_precision, cut_at_waists, drop_small, match_objects
from helpers.own_images.keeping import write_new
from helpers.own_images.tiles import plane_of


class FoundObject(NamedTuple):
    """One object of a mask. Lengths and areas are in pixels, or in the unit of `pixel_size`."""

    number: int
    row: float
    column: float
    area: float
    perimeter: float
    roundness: float
    mean_gray: float
    touches_border: bool


# Crofton's perimeter: what each of the 16 patterns of four neighboring pixels adds, lines in four directions.
# The bits: the pixel itself 1, the one above 2, the one to the left 4, the one above that 8. Source: scikit-image.
_QUARTER, _SLANTED = np.pi / 4, np.pi / (4 * np.sqrt(2))
_CROFTON = np.array([
    0, _QUARTER + _SLANTED, _SLANTED, 2 * _SLANTED, 0, _QUARTER + _SLANTED, 0, _SLANTED,
    _QUARTER, 2 * _QUARTER, _SLANTED, _SLANTED, _QUARTER, 2 * _QUARTER, 0, 0,
])


def label_objects(mask, min_area: int = 0, split: bool = False) -> np.ndarray:
    """Number the connected objects of a mask `[h, w]` or `[h, w, 1]` from 1; returns `[h, w]` int32, 0 for background.

    min_area: smaller ones are dropped, pixels. split: cut touching objects apart where they are narrow, by a watershed
    on the distance to the background; a waist counts if it is narrower than the object beside it by a fifth of the
    usual half-width and by a pixel, so that rods stay whole.
    """
    labels = measure.label(plane_of(mask) > 0)
    if split and labels.any():
        labels = _cut(labels)
    return drop_small(labels, min_area) if min_area > 1 else labels.astype(np.int32)


def _cut(labels):
    """Cut the pieces of a mask at their waists; returns labels, numbered in the order of the pieces.

    Most pieces have one hill of distance to the background and cannot be cut, so only the others are flooded.
    """
    boxes = ndimage.find_objects(labels)
    close, _ = _packed(labels, boxes, range(len(boxes)))
    inside = np.pad(close > 0, 1).astype(np.uint8)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    widest = np.zeros(len(boxes) + 1, np.float32)
    inside = np.flatnonzero(inside[1:-1, 1:-1])
    np.maximum.at(widest, close.ravel()[inside], distance.ravel()[inside])
    hills = cv2.GaussianBlur(distance, (0, 0), 1)
    peaks = measure.label((hills >= cv2.dilate(hills, np.ones((3, 3), np.uint8))) & (close > 0))
    chosen = np.flatnonzero(np.bincount(_owners(peaks, close)[1:], minlength=len(boxes) + 1) > 1) - 1
    if not len(chosen):
        return labels
    close, places = _packed(labels, boxes, chosen)
    parts = cut_at_waists(close > 0, waist=max(1.0, 0.2 * float(np.median(widest[1:]))))
    owners = _owners(parts, close)
    _, first = np.unique(owners, return_index=True)
    number = len(boxes) + np.cumsum(~np.isin(np.arange(len(owners)), first))  # new ones come last, for the moment
    number[first] = owners[first]
    cut = labels.copy()
    for i in chosen:
        piece = labels[boxes[i]] == i + 1
        cut[boxes[i]][piece] = number[parts[places[i]]][piece]
    of_piece = np.arange(max(number.max(), len(boxes)) + 1)
    of_piece[number] = owners
    rank = np.empty(len(of_piece), np.int32)
    rank[np.argsort(of_piece, kind="stable")] = np.arange(len(of_piece))
    return rank[cut]


def _packed(labels, boxes, chosen):
    """Put pieces close together, because background costs as much as objects; returns them and their new places."""
    gap = 4  # so far apart, blurring does not join them
    size = {i: (boxes[i][0].stop - boxes[i][0].start + gap, boxes[i][1].stop - boxes[i][1].start + gap) for i in chosen}
    width = max(max(w for _, w in size.values()), int(np.sqrt(1.2 * sum(h * w for h, w in size.values()))))
    top, left, height, places = 0, 0, 0, {}
    for i in sorted(size, key=lambda i: -size[i][0]):  # in rows, the highest first
        if left + size[i][1] > width:
            top, left, height = top + height, 0, 0
        height = max(height, size[i][0])
        places[i] = np.s_[top : top + size[i][0] - gap, left : left + size[i][1] - gap]
        left += size[i][1]
    close = np.zeros((top + height, width), np.int32)
    for i, place in places.items():
        close[place] = np.where(labels[boxes[i]] == i + 1, i + 1, 0)
    return close, places


def _owners(parts, pieces):
    """Return for each number in `parts` the number in `pieces` at the same place."""
    owners = np.zeros(parts.max() + 1, np.int64)
    owners[parts] = pieces
    owners[0] = 0
    return owners


def measure_objects(labels, image=None, pixel_size: float = 1.0) -> list[FoundObject]:
    """Measure each numbered object: place, area, perimeter, roundness (1 for a disc), mean gray level.

    labels: whole numbers `[h, w]` from `label_objects`; image: its picture, for the gray level; pixel_size: side of a
    pixel, such as 0.65 micrometers. Perimeter: Crofton's formula, which is right for discs where counting pixels is
    not. Raises ValueError if the shapes differ, or for labels that are no whole numbers.
    """
    labels = np.asarray(labels)
    gray = None if image is None else plane_of(image)
    if labels.ndim != 2 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels are {labels.dtype} {labels.shape}; expected whole numbers [h, w], of label_objects.")
    if gray is not None and gray.shape != labels.shape:
        raise ValueError(
            f"the picture is {gray.shape} and labels are {labels.shape}; measure objects on the picture they were "
            "found in."
        )
    given, shape = None, labels.shape
    if labels.max(initial=0) > labels.size:  # tables below are as long as the largest number
        given, labels = np.unique(np.append(np.maximum(labels, 0), 0), return_inverse=True)
        labels = labels[:-1].reshape(shape)
    numbers, places, owners = _pixels(labels)
    count = len(numbers)
    areas = np.bincount(owners, minlength=count)
    means = np.full(count, np.nan) if gray is None else np.bincount(owners, gray[places], count) / areas
    rows, columns = (np.bincount(owners, at, count) / areas for at in places)
    perimeters = _perimeters(labels, numbers)
    edges = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    border = np.isin(numbers, edges)
    round_ = np.minimum(1.0, 4 * np.pi * areas / np.maximum(perimeters, 1e-9) ** 2)
    table = zip(
        (numbers if given is None else given[numbers]).tolist(), rows.tolist(), columns.tolist(),
        (areas * pixel_size**2).tolist(), (perimeters * pixel_size).tolist(), round_.tolist(), means.tolist(),
        border.tolist(),
    )
    return [FoundObject(n, round(r, 1), round(c, 1), round(a, 4), round(p, 4), round(o, 3), round(m, 4), b)
            for n, r, c, a, p, o, m, b in table]


def _pixels(labels):
    """Return the numbers of the objects, the places `(rows, columns)` of their pixels, and whose each pixel is."""
    inside = np.flatnonzero(labels > 0)
    places, held = np.divmod(inside.astype(np.int32), labels.shape[1]), labels.ravel()[inside]
    there = np.zeros(int(held.max(initial=0)) + 1, bool)
    there[held] = True
    numbers = np.flatnonzero(there)
    return numbers, places, (np.cumsum(there) - 1)[held]


def _perimeters(labels, numbers):
    """Return the length of each object's border, pixels."""
    padded = np.pad(labels, 1)
    four = padded[1:, 1:], padded[:-1, 1:], padded[1:, :-1], padded[:-1, :-1]
    mixed = four[0] != four[1]
    mixed |= four[0] != four[2]
    mixed |= four[0] != four[3]
    width = padded.shape[1]
    row, column = np.divmod(np.flatnonzero(mixed), width - 1)  # elsewhere there is no border
    there = (row + 1) * width + column + 1
    four = [padded.ravel()[there - back] for back in (0, width, 1, width + 1)]
    total = np.zeros(int(numbers[-1]) + 1 if len(numbers) else 1)
    for i, mine in enumerate(four):
        first = mine > 0
        for earlier in four[:i]:
            first &= mine != earlier  # each object is looked at once in each place
        code = sum((other[first] == mine[first]).astype(np.int64) << bit for bit, other in enumerate(four))
        total += np.bincount(mine[first], _CROFTON[code], len(total))
    return total[numbers]


def save_table(rows, path) -> Path:
    """Write the objects as a CSV table that spreadsheets read, one row each; an existing file is never replaced."""
    def write(file):
        text = [",".join(FoundObject._fields), *(",".join("" if v != v else str(v) for v in row) for row in rows)]
        file.write(("\n".join(text) + "\n").encode())

    return write_new(path, write)


def contact_sheet(images, masks, side: int = 256) -> np.ndarray:
    """Draw each picture twice, side by side, the second time with its mask filled in orange; returns RGB uint8.

    images, masks: `[h, w]` or `[h, w, 1]`. A picture larger than `side` is cut out around the middle of its foreground
    and not made smaller, so that outlines and shifts are seen. Gray levels are stretched for each picture.
    """
    rows = []
    for image, mask in zip(images, masks):
        gray, inside = plane_of(image), plane_of(mask) > 0
        middle = np.argwhere(inside).mean(axis=0) if inside.any() else np.array(gray.shape) / 2
        corner = [int(np.clip(m - side / 2, 0, max(0, n - side))) for m, n in zip(middle, gray.shape)]
        cut = np.s_[corner[0] : corner[0] + side, corner[1] : corner[1] + side]
        plain = drawing.colored(drawing.levels(gray[cut], *np.percentile(gray, (0.5, 99.5))))
        orange = plain.copy()
        orange[inside[cut]] = 0.45 * plain[inside[cut]] + 0.55 * np.array(palette.rgb("truth"))
        pad = [(0, side + 4 - plain.shape[0]), (0, side + 4 - plain.shape[1]), (0, 0)]
        rows.append(np.hstack([np.pad(part, pad, constant_values=255) for part in (plain, orange)]))
    return np.vstack(rows)


def numbered_contours(image, labels, zoom: int = 1, ends=(0.0, 1.0), objects=None) -> np.ndarray:
    """Draw each object's outline and number over its picture; returns `[zoom * h, zoom * w, 3]` uint8 RGB.

    ends: the numbers in the picture that are drawn black and white; objects: from `measure_objects`, if they are known.
    """
    picture, labels = drawing.colored(drawing.levels(plane_of(image), *ends)), np.asarray(labels)
    objects = measure_objects(labels) if objects is None else objects
    if zoom > 1:
        picture, labels = drawing.enlarged(picture, zoom), drawing.enlarged(labels, zoom)
    edges = np.zeros(labels.shape, bool)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = labels[here] != labels[there]
        edges[here] |= differ
        edges[there] |= differ
    edges &= labels > 0
    picture.reshape(-1, 3)[np.flatnonzero(edges)] = palette.rgb("truth")
    for number, *middle in (each[:3] for each in objects):
        row, column = (int(zoom * c + (zoom - 1) / 2) for c in middle)
        (wide, tall), _ = cv2.getTextSize(str(number), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)
        # A number at the border is moved inside, so that it can be read.
        left, below = column - wide // 2, row + tall // 2
        place = max(0, min(left, picture.shape[1] - wide)), max(tall, min(below, picture.shape[0] - 1))
        for color, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(picture, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, thick, cv2.LINE_AA)
    return picture


def labels_of(pairs, members, touching: bool) -> list:
    """Return the true objects of the chosen pictures, `[h, w]` numbers from 1, or None where there are none to tell.

    Masks of numbered objects keep their numbers. Of other masks the connected pieces are objects, if objects are
    what is looked for (touching), as cells are and membranes are not.
    """
    pieces = [pairs.labels[i] for i in members]
    masks = [pairs.masks[i] for i in members]
    return [label_objects(mask) if labels is None and touching else labels for labels, mask in zip(pieces, masks)]


def choose_splitting(truths, found, min_area: int = 0) -> bool:
    """Return whether cutting touching objects apart finds more of them; decided on validation pictures.

    truths: from `labels_of`; found: their predicted masks, `[h, w]` or `[h, w, 1]`.
    """
    f1 = {split: object_scores(truths, found, min_area, split).get("object F1", 0) for split in (False, True)}
    return f1[True] > f1[False]


def object_scores(truths, found, min_area: int = 0, split: bool = False) -> dict:
    """Return "object F1" (a match needs an IoU of 0.5) and "object AP" over all pictures; nothing without objects.

    truths: from `labels_of`; found: predicted masks; min_area, split: as in `label_objects`.
    """
    some = [(true, mask) for true, mask in zip(truths, found) if true is not None]
    if not any(true.any() for true, _ in some):
        return {}
    height, width = np.max([true.shape for true, _ in some], axis=0)
    both = np.zeros((2, len(some), height, width, 1), np.int32)  # pictures of different sizes, at a common one
    for i, (true, mask) in enumerate(some):
        both[0, i, : true.shape[0], : true.shape[1], 0] = true
        both[1, i, : true.shape[0], : true.shape[1], 0] = label_objects(mask, min_area, split)
    return {"object F1": match_objects(*both).f1, "object AP": average_precision(*both)}
