"""What looks wrong with masks as a whole, said before anything is trained."""

import cv2
import numpy as np

from helpers.own_images.masks import filled


def suspicions(records, masks) -> list[str]:
    """Return what looks wrong with the masks as a whole: empty, full, inverted, or outlines only."""
    shares, n = np.array([record.foreground for record in records]), len(records)
    if (shares == 0).all():
        return [f"all masks ({n}) are empty: they hold no foreground. Look at the files, or say what is foreground."]
    if (shares == 1).all():
        return [f"all masks ({n}) are full: they hold no background. Look at the files, or pass foreground=."]
    said, high = [], [record for record in records if record.foreground > 0.5]
    names = ", ".join(record.name for record in high[:5]) + (" ..." if len(high) > 5 else "")
    if high and len(high) == n:
        said.append(
            f"all masks have more foreground than background and look inverted: {names}. "
            "If you look for the dark part, pass invert=True."
        )
    elif high:
        said.append(
            f"{len(high)} of {n} masks look inverted (more foreground than background): {names}. "
            "Look at them; swap black and white in those files."
        )
    outlines = [record.name for record, mask in zip(records, masks) if is_outline(mask[..., 0] == 1)]
    if 2 * len(outlines) > (shares > 0).sum():
        said.append(
            f"{len(outlines)} of {n} masks are outlines, thin lines around areas: {', '.join(outlines[:5])}. A network "
            "would learn the lines. If you look for the areas, pass fill=True."
        )
    return said


def _wide(mask, rows=512, margin=8):
    """Whether a place of a mask is more than 5 pixels from the background; looked at some rows at a time."""
    padded = np.pad(mask, ((margin, margin), (1, 1)))
    for start in range(0, len(mask), rows):
        distance = cv2.distanceTransform(padded[start : start + rows + 2 * margin], cv2.DIST_L2, 3)
        if distance[margin:-margin].max() > 5:
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
