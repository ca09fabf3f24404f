"""Outlines in place of areas: recognized, closed along the picture's border, filled; touching objects kept apart."""

import cv2
import numpy as np
from scipy import ndimage

from helpers.own_images.mask_codes import color_numbers

_THIN = 5  # half the width of a line, pixels, at most
_LONG = 12  # pixels; a shorter piece is no outline that stayed open


def cleared_gap(codes, inside) -> np.ndarray:
    """Clear the pixels where two numbered objects touch, so that they can still be counted apart."""
    square = np.ones((3, 3), np.uint8)
    codes = color_numbers(codes) if codes.ndim == 3 else codes
    largest = cv2.dilate(codes.astype(np.float64), square)
    smallest = cv2.erode(np.where(inside, codes, 2.0**40), square)
    return inside & (largest == smallest)  # nothing but its own number, or 0, around it


def filled(inside) -> np.ndarray:
    """Fill what closed outlines enclose."""
    return ndimage.binary_fill_holes(inside)


def filled_to_the_border(inside) -> tuple[np.ndarray, int]:
    """Fill what outlines enclose, together with the picture's border; returns the mask and how many stayed open.

    Lines alone are closed along the border, not areas: between two areas at the border lies background. The largest
    part of the background is outside; what lies across a line from it is inside, if it is less than half as large, does
    not reach from one side of the picture to the other, and the line bends around it: else nobody can tell.
    """
    mask = np.asarray(inside, np.uint8)
    done = filled(inside)
    if not mask.any() or _wide(mask):
        return done, 0
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(1 - done.astype(np.uint8), connectivity=4)
    if count > 2:
        areas = boxes[:, cv2.CC_STAT_AREA].copy()
        areas[0] = 0
        outside = int(areas.argmax())
        reach = 2 * (2 * _half_width(mask) + 1) + 1
        near = cv2.dilate((parts == outside).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        across = [part for part in np.unique(parts[near]) if part and part != outside]
        inner = [part for part in across if 2 * areas[part] < areas[outside]
                 and _bulges(parts == part, mask, boxes[part], reach)]
        done = done | np.isin(parts, inner)
    return done, _open_lines(mask, done)


def _bulges(part, mask, box, reach):
    """Whether a part of the picture does not reach across it, and the line around it bends around it, not away."""
    left, top, width, height = (int(number) for number in box[:4])
    if width == mask.shape[1] or height == mask.shape[0]:
        return False
    rows, columns = (slice(max(0, at - reach), at + size + reach) for at, size in ((top, height), (left, width)))
    part, mask = part[rows, columns], mask[rows, columns]
    near = cv2.dilate(part.astype(np.uint8), np.ones((reach, reach), np.uint8))
    points = cv2.findNonZero(mask & near)
    bend = cv2.fillConvexPoly(np.zeros_like(mask), cv2.convexHull(points), 1) & (1 - mask)
    return 2 * int((bend & part).sum()) > max(int(bend.sum()), 0.04 * int(part.sum()))


def _half_width(mask):
    return int(np.ceil(cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3).max()))


def _open_lines(mask, done):
    """Count the lines that enclosed nothing: long pieces of which filling changed nothing, and that are no area."""
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(done.astype(np.uint8), connectivity=8)
    gained = np.bincount(parts[done & (mask == 0)], minlength=count)
    width, height, area = (boxes[:, i] for i in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA))
    lines = (gained == 0) & (np.maximum(width, height) >= _LONG) & (np.minimum(width, height) > 1)
    return int((lines[1:] & (area[1:] < 0.35 * width[1:] * height[1:])).sum())


def _wide(mask, rows=512, margin=8):
    """Whether a place of a mask is more than 5 pixels from the background; looked at some rows at a time."""
    padded = np.pad(mask, ((margin, margin), (1, 1)))
    for start in range(0, len(mask), rows):
        distance = cv2.distanceTransform(padded[start : start + rows + 2 * margin], cv2.DIST_L2, 3)
        if distance[margin:-margin].max() > _THIN:
            return True
    return False


def is_outline(inside) -> bool:
    """Whether a mask is thin lines that enclose areas, as an outline drawn around each object is.

    A mesh that runs through the whole picture, such as membranes, is not: it is one piece from edge to edge.
    """
    mask = np.asarray(inside, np.uint8)
    if not mask.any() or mask.mean() > 0.5 or _wide(mask):
        return False
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    largest = boxes[1:][boxes[1:, cv2.CC_STAT_AREA].argmax()]
    height, width = mask.shape
    if largest[cv2.CC_STAT_WIDTH] > 0.8 * width and largest[cv2.CC_STAT_HEIGHT] > 0.8 * height:
        return False
    return int(filled(mask).sum()) > 1.8 * int(mask.sum())
