"""The array conventions of the course, and checks that say in words what is wrong with an array.

Images are `[n, height, width, 1]` float32 in 0..1; masks are `[n, height, width, 1]` uint8 in {0, 1}.
"""

import numpy as np

from helpers.class_masks import check_classes
from helpers.plain_arrays import plain_array, remedy_for_range, remedy_for_type


def check_images(images, name: str = "images") -> np.ndarray:
    """Return `images` as an array `[n, h, w, 1]` of finite floats in 0..1, or raise ValueError saying what is wrong.

    `[n, h, w]` is accepted and given its last axis; one picture `[h, w, 1]` is refused.
    """
    images = _four_axes(plain_array(images, name), name)
    if not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            f"{name} are {images.dtype}; this course uses float32 in 0..1. {remedy_for_type(name, images)}"
        )
    if images.size and not np.isfinite(images).all():
        bad = int((~np.isfinite(images)).sum())
        raise ValueError(f"{name} hold {bad} values that are NaN or infinite; replace them or leave the pictures out.")
    low, high = (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)
    if low < 0 or high > 1:
        raise ValueError(
            f"{name} hold {low:.8g}..{high:.8g}; this course uses 0..1. {remedy_for_range(name, low, high)}"
        )
    return images


def check_masks(masks, name: str = "masks") -> np.ndarray:
    """Return `masks` as a uint8 array `[n, h, w, 1]` of 0 and 1, or raise ValueError saying what is wrong.

    `[n, h, w]` is accepted and given its last axis, one mask `[h, w, 1]` is refused; bool and float arrays are
    accepted if they hold only 0 and 1.
    """
    masks = _four_axes(plain_array(masks, name), name)
    if masks.dtype == bool:
        return masks.view(np.uint8)
    if masks.dtype == np.uint8:
        good = not masks.size or masks.max() <= 1
    else:
        good = bool(np.isin(masks, (0, 1)).all())
    if not good:
        if not np.isfinite(masks).all():
            bad = int((~np.isfinite(masks)).sum())
            raise ValueError(f"{name} hold {bad} values that are NaN or infinite; expected 0 and 1 alone.")
        low, high = masks.min(), masks.max()
        if high == 255 and np.isin(masks, (0, 255)).all():
            remedy = "Divide by 255 or compare with > 127."
        elif np.issubdtype(masks.dtype, np.floating) and 0 <= low and high <= 1:
            remedy = f"These look like probabilities: choose a threshold first, ({name} >= 0.5)."
        else:
            remedy = f"Say which values are foreground, for example ({name} > 0); for classes, see helpers.classes."
        raise ValueError(f"{name} hold {low:g}..{high:g}; this course uses 0 and 1. {remedy}")
    return masks.astype(np.uint8, copy=False)


def check_pair(images, masks, classes: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return checked `(images, masks)` that belong together, or raise ValueError saying what is wrong.

    classes: of the network; with more than one, masks are as `class_masks.check_classes` returns them.
    """
    images, masks = check_images(images), check_masks(masks) if classes == 1 else check_classes(masks, classes)
    if len(images) != len(masks):
        raise ValueError(
            f"there are {len(images)} images and {len(masks)} masks; each image needs its own mask. "
            "Select and shuffle both with the same indices."
        )
    if images.shape != masks.shape:
        raise ValueError(
            f"images are {images.shape[1]}x{images.shape[2]} pixels and masks {masks.shape[1]}x{masks.shape[2]}; "
            "a mask has one value for each pixel. Resize masks with nearest neighbor, or crop both alike."
        )
    return images, masks


def check_both(y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
    """Return checked masks `(y_true, y_pred)` of the same pictures, or raise ValueError saying what is wrong."""
    y_true, y_pred = check_masks(y_true, "y_true"), check_masks(y_pred, "y_pred")
    _check_same_shape(y_true, y_pred, "y_pred")
    return y_true, y_pred


def check_scores(y_true, scores) -> tuple[np.ndarray, np.ndarray]:
    """Return checked masks and scores in 0..1 of the same pictures, or raise ValueError saying what is wrong."""
    y_true, scores = check_masks(y_true, "y_true"), check_images(scores, "scores")
    _check_same_shape(y_true, scores, "scores")
    return y_true, scores


def _check_same_shape(y_true, other, name):
    if y_true.shape != other.shape:
        raise ValueError(
            f"y_true has the shape {y_true.shape} and {name} {other.shape}; compare the same pictures, pixel by pixel."
        )


def _four_axes(array, name):
    if array.ndim == 3 and array.shape[-1] == 1:  # one picture; its rows would be taken for pictures one pixel wide
        raise ValueError(
            f"{name} have the shape {array.shape}, which is one picture [height, width, 1]; expected "
            f"[n, height, width, 1]. Write {name}[None]."
        )
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[-1] != 1:
        raise ValueError(
            f"{name} have the shape {array.shape}; expected [n, height, width, 1]. "
            + (f"For one picture write {name}[None, ..., None]." if array.ndim == 2 else "Keep one gray channel.")
        )
    return array
