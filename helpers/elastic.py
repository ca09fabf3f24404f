"""Elastic deformation, the U-Net paper's own augmentation (section 3.1): image and mask bent by one smooth field."""

import cv2
import numpy as np


def draw_field(height: int, width: int, rng: np.random.Generator, grid: int = 3, spread: float = 4.0) -> np.ndarray:
    """Draw a displacement for each pixel that folds nowhere, `[height, width, 2]` float32: across and down, in pixels.

    grid, spread: as in `smooth_field`; a field that folds is halved until it does not.
    Raises ValueError for a grid below 2 or a spread that is negative or not finite.
    """
    if grid < 2 or not np.isfinite(spread) or spread < 0:
        raise ValueError(f"grid is {grid} and spread {spread}; expected a grid of at least 2, a spread of 0 or more.")
    field = smooth_field(height, width, rng, grid, spread)
    while folds(field):
        field /= 2
    return field


def smooth_field(height, width, rng, grid=3, spread=4.0) -> np.ndarray:
    """Enlarge a coarse grid of random displacements with cubic interpolation; it may fold.

    grid: displacements each way; spread: their standard deviation, in pixels. The paper took 3x3 and 10 pixels for
    pictures of 512x512. Source: Ronneberger et al. 2015, section 3.1.
    """
    coarse = rng.normal(0, spread, (grid, grid, 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def folds(field) -> bool:
    """Return whether a field turns any part of the picture inside out: where areas would become zero or negative."""
    across, down = field[..., 0].astype(np.float64), field[..., 1].astype(np.float64)
    xx, xy = 1 + np.gradient(across, axis=1), np.gradient(across, axis=0)
    yx, yy = np.gradient(down, axis=1), 1 + np.gradient(down, axis=0)
    return bool((xx * yy - xy * yx <= 0).any())


def bend(image, mask, field) -> tuple[np.ndarray, np.ndarray]:
    """Move an image and its mask, `[h, w, 1]` each, through one field; returns both in their own types.

    The image is interpolated between pixels; the mask takes the nearest pixel, so that it stays a mask, of any numbers
    of classes. What comes from outside is mirrored at the border. Raises ValueError if the sizes differ.
    """
    if not image.shape[:2] == mask.shape[:2] == field.shape[:2]:
        raise ValueError(f"image {image.shape}, mask {mask.shape} and field {field.shape} should have one size.")
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    places = columns + field[..., 0], rows + field[..., 1]
    moved = cv2.remap(np.float32(image), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    marked = cv2.remap(np.float32(mask), *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return moved[..., None].astype(image.dtype), marked[..., None].astype(mask.dtype)
