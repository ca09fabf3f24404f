"""Number the objects of a mask, measure them, and write the table."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage
from skimage import measure, segmentation

from helpers import drawing, palette
from helpers.instances import cut_at_waists
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


def label_objects(mask, min_area: int = 0, split: bool = False) -> np.ndarray:
    """Number the connected objects of a mask `[h, w]` or `[h, w, 1]` from 1; returns `[h, w]` int32, 0 for background.

    min_area: smaller ones are dropped, pixels. split: cut touching objects apart where they are narrow, by a watershed
    on the distance to the background; a waist counts if it is narrower than the object beside it by a fifth of the
    usual half-width and by a pixel, so that rods stay whole.
    """
    mask = plane_of(mask) > 0
    labels = measure.label(mask)
    if split and mask.any():
        distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        widest = ndimage.maximum(distance, labels, np.arange(1, labels.max() + 1))
        labels = cut_at_waists(mask, waist=max(1.0, 0.2 * float(np.median(widest))))
    if min_area:
        areas = np.bincount(labels.ravel())
        labels = np.where(areas[labels] >= min_area, labels, 0)
    return segmentation.relabel_sequential(labels)[0].astype(np.int32)


def measure_objects(labels, image=None, pixel_size: float = 1.0) -> list[FoundObject]:
    """Measure each numbered object: place, area, perimeter, roundness (1 for a disc), mean gray level.

    labels: `[h, w]` from `label_objects`; image: its picture, for the gray level; pixel_size: side of a pixel, such as
    0.65 micrometers. Perimeter: Crofton's formula, which is right for discs where counting pixels is not.
    Raises ValueError if the shapes differ.
    """
    labels = np.asarray(labels)
    gray = None if image is None else plane_of(image)
    if gray is not None and gray.shape != labels.shape:
        raise ValueError(
            f"the picture is {gray.shape} and labels are {labels.shape}; measure objects on the picture they were "
            "found in."
        )
    rows = []
    for region in measure.regionprops(labels, gray):
        perimeter = float(region.perimeter_crofton)
        top, left, bottom, right = region.bbox
        border = top == 0 or left == 0 or bottom == labels.shape[0] or right == labels.shape[1]
        area = float(region.area)
        rows.append(FoundObject(
            int(region.label), *(round(float(c), 1) for c in region.centroid), round(area * pixel_size**2, 4),
            round(perimeter * pixel_size, 4), round(min(1.0, 4 * np.pi * area / max(perimeter, 1e-9) ** 2), 3),
            round(float(region.intensity_mean), 4) if gray is not None else float("nan"), border,
        ))
    return rows


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


def numbered_contours(image, labels, zoom: int = 1) -> np.ndarray:
    """Draw each object's outline and number over its picture; returns `[zoom * h, zoom * w, 3]` uint8 RGB."""
    picture = drawing.enlarged(drawing.colored(drawing.levels(plane_of(image))), zoom)
    labels = drawing.enlarged(np.asarray(labels), zoom)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    edges = cv2.morphologyEx(labels.astype(np.float32), cv2.MORPH_GRADIENT, cross) > 0
    picture[edges & (labels > 0)] = palette.rgb("truth")
    for region in measure.regionprops(labels):
        row, column = (int(c) for c in region.centroid)
        place = max(column - 6, 0), min(row + 5, picture.shape[0] - 1)
        for color, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(picture, str(region.label), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, thick, cv2.LINE_AA)
    return picture
