"""Is it pictures that were handed in, and are they in their places? What was handed in, in words."""

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.material import some_of


def check_given(case):
    """Look for what is no pictures, for images and masks that are swapped, and for images in the place of masks."""
    found = [finding(entry, 0.97, seen) for entry, seen in case.unread]
    images, masks = case.raw_images, case.raw_masks
    if images is None or masks is None or min(images.ndim, masks.ndim) < 3 or not looks_gray(masks):
        return found
    levels = np.unique(images[some_of(len(images), 8)])
    if 2 <= len(levels) <= 4:
        held = ", ".join(f"{level:g}" for level in levels.astype(float))
        seen = f"what was handed in as images holds only {held}, and what was handed in as masks has gray levels"
        return [*found, finding("images_and_masks_swapped", 0.97, seen)]
    if images.shape == masks.shape and alike(images, masks):
        seen = "the masks have gray levels, brighter and darker where the images are"
        return [*found, finding("masks_are_images", 0.97, seen)]
    return found


def looks_gray(array) -> bool:
    """Say whether an array looks like pictures: many levels, and most neighbors differ, which in masks they do not."""
    some = array[some_of(len(array), 8)].astype(np.float64)
    if not np.isfinite(some).all() or len(np.unique(some[:1])) <= 16:
        return False
    return float((np.diff(some, axis=2) != 0).mean()) > 0.3


def alike(images, masks) -> bool:
    """Say whether two arrays of one shape are the same pictures, in whatever range."""
    some = some_of(len(images), 8)
    a, b = (array[some].ravel().astype(np.float64) for array in (images, masks))
    return bool(np.isfinite(a).all() and np.corrcoef(a, b)[0, 1] > 0.98)
