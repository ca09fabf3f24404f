"""Star-convex polygons: an object described by how far it reaches from its middle, in each of many directions."""

import numpy as np
from scipy import ndimage
from skimage import measure


def ray_table(inside, rays: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Describe one object by how far it reaches from its middle; returns `(center, distances)`.

    inside: `[h, w]`, true in the object; rays: how many directions, evenly around: the first points to the right, the
    following ones turn toward the bottom. center: row and column of the deepest pixel, `[2]`; distances: `[rays]`, in
    pixels, to where the ray first leaves the object. Raises ValueError if there is no object or fewer than three rays.
    Source: Schmidt et al. 2018 (StarDist).
    """
    inside = np.asarray(inside, bool)
    if inside.ndim != 2 or not inside.any():
        raise ValueError("a ray table needs one object: a picture [height, width] with at least one true pixel.")
    if rays < 3:
        raise ValueError(f"rays is {rays}; a polygon has at least 3 corners, and StarDist uses 32.")
    inside = np.pad(inside, 1)  # a frame of background ends every ray
    depth = ndimage.distance_transform_edt(inside)
    center = np.array(np.unravel_index(depth.argmax(), depth.shape))
    steps = np.arange(0, sum(inside.shape), 0.25)
    angles = 2 * np.pi * np.arange(rays) / rays
    rows, columns = (np.rint(middle + turn[:, None] * steps).astype(int).clip(0, side - 1)
                     for middle, turn, side in zip(center, (np.sin(angles), np.cos(angles)), inside.shape))
    left = ~inside[rows, columns]
    return center - 1, steps[left.argmax(axis=1)]


def fill_rays(center, distances, shape) -> np.ndarray:
    """Return the mask `[h, w]` uint8 of the polygon that a ray table describes. shape: height and width."""
    angles = 2 * np.pi * np.arange(len(distances)) / len(distances)
    corners = np.stack([center[0] + distances * np.sin(angles), center[1] + distances * np.cos(angles)], axis=1)
    return measure.grid_points_in_poly(shape, corners).astype(np.uint8)
