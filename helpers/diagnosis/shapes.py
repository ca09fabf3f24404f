"""The pieces of masks: their size, form and contrast."""

import cv2
import numpy as np

from helpers.diagnosis.material import some_of


def usable_in(case, most, least=4):
    """Return indices of up to `most` pictures whose masks are neither empty nor full, or None if there are too few."""
    if not case.paired:
        return None
    share = case.masks.mean(axis=(1, 2))
    usable = np.flatnonzero((share > 0) & (share < 0.9))
    usable = usable[some_of(len(usable), most)]
    return usable if len(usable) >= least else None


def components_of(image, mask):
    """Return `(image, piece)` for each connected piece of a mask `[h, w]` bool."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return [(image, labels == k) for k in range(1, min(count, 200))]


def contrasts(images, inside):
    """Return, for each picture with lesions, how much brighter they are than a ring around them, gray levels."""
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    values = []
    for image, mask in zip(images, inside):
        around = (cv2.dilate(mask.astype(np.uint8), ring) == 1) & ~mask
        if mask.any() and around.any():
            values.append(float(image[mask].mean() - image[around].mean()))
    return np.array(values)


def radii(inside):
    """Return the radius of each connected lesion as of a disc of the same area, pixels."""
    areas = [cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA] for mask in inside]
    return np.sqrt(np.concatenate(areas) / np.pi) if areas else np.zeros(0)


def thin_share(inside):
    """Return the share of the foreground, over all masks, that an opening with a square of 5 pixels removes."""
    brush = np.ones((5, 5), np.uint8)
    left = sum(int(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, brush).sum()) for mask in inside)
    return 1 - left / max(int(inside.sum()), 1)


def holds_the_frame(inside):
    """Return, for each mask, whether foreground fills nine tenths of the picture's frame, `[n]` bool."""
    frame = np.concatenate([inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1]], axis=1)
    return frame.mean(axis=1) > 0.9


def is_round(inside, least=0.45):
    """Say whether the pieces of these masks are compact in the median: how well do they fill their largest disc?"""
    fills = []
    for mask in inside:
        for _, piece in components_of(None, mask):
            area = piece.sum()
            if area >= 12:
                deep = cv2.distanceTransform(np.pad(piece, 1).astype(np.uint8), cv2.DIST_L2, 5).max()
                fills.append(np.pi * deep**2 / area)
    return len(fills) >= 5 and float(np.median(fills)) > least


def apart(new, old):
    """Return the chance that a value of the one set exceeds one of the other, 0.5 (no difference) to 1 (apart).

    Source: Mann and Whitney 1947.
    """
    old = np.sort(old)
    above = float((np.searchsorted(old, new, "left") + np.searchsorted(old, new, "right")).mean() / (2 * len(old)))
    return max(above, 1 - above)
