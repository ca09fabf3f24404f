"""From a picture, a probability or a distance map to numbered objects."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from scipy import ndimage
from skimage import morphology, segmentation

from helpers.arrays import check_images
from helpers.evaluation import find_circles
from helpers.instances.matching import match_objects
from helpers.instances.targets import check_labels
from helpers.synthesis import disc_pixels

EIGHT = np.ones((3, 3), int)  # neighbors by side and by corner


def connected_objects(probability, threshold: float = 0.5, min_area: int = 1) -> np.ndarray:
    """Number the connected pieces of the foreground from 1; labels int32, of the same shape.

    probability, threshold, min_area: as in `split_objects`. Pixels that meet at a corner are connected.
    """
    return _each(lambda one: drop_small(ndimage.label(one >= threshold, EIGHT)[0], min_area), probability)


def circle_objects(images, radius=(5, 15), strictness: float = 14) -> np.ndarray:
    """Number the circles that the Hough transform finds, the surest on top; labels int32, of the images' shape.

    images: `[n, h, w, 1]` floats in 0..1; radius, strictness: as in `evaluation.hough_baseline`.
    """
    images = check_images(images)
    labels = np.zeros(images.shape, np.int32)
    for image, picture in zip(images, labels[..., 0]):
        circles = find_circles(image, radius, strictness)
        for number in range(len(circles), 0, -1):  # the first has the most votes, and is drawn last
            x, y, r = circles[number - 1]
            square, inside = disc_pixels(*picture.shape, x, y, r)
            picture[square][inside] = number
        picture[...] = segmentation.relabel_sequential(picture)[0]
    return labels


def split_objects(probability, threshold: float = 0.5, waist: float = 0.5, min_area: int = 10) -> np.ndarray:
    """Cut the foreground into objects where it is narrow, by a watershed on the distance to the background.

    probability: of being foreground, 0..1, or masks of 0 and 1; `[n, h, w, 1]`, or one picture `[h, w]` or `[h, w, 1]`.
    threshold: a pixel is foreground where the probability is at least this. waist: how much narrower, in pixels from
    the middle to one side, a waist must be than the thinner of the two parts beside it. min_area: smaller objects are
    dropped, pixels. Choose the three on validation pictures: `tune_splitting` does.
    Returns labels int32 of the same shape. Raises ValueError for NaN, values outside 0..1 and other shapes.
    Source: Meyer 1994 (watershed by flooding).
    """
    return _each(lambda one: drop_small(cut_at_waists(one >= threshold, waist), min_area), probability)


def grow_objects(probability, threshold: float = 0.5, width: int = 1, min_area: int = 10) -> np.ndarray:
    """Number the pieces that a network trained with gaps sees, and let each grow into the gap beside it.

    probability, threshold, min_area: as in `split_objects`; width: by how many pixels objects may grow, never into one
    another, and never into what is surely background (a probability below 0.1). Returns labels int32 of the same shape.
    """
    def grown(one):
        pieces = drop_small(ndimage.label(one >= threshold, EIGHT)[0], min_area)
        return np.where(one >= 0.1, segmentation.expand_labels(pieces, width), pieces)

    return _each(grown, probability)


def peak_objects(
    probability, distance, threshold: float = 0.5, height: float = 0.1, min_area: int = 10
) -> np.ndarray:
    """Cut the foreground into objects along the valleys of a distance map that a network has predicted.

    probability, threshold, min_area: as in `split_objects`; distance: of the same shape, 0..1, made like
    `distance_map`; height: by how much a peak must rise above the pass to a higher one to be an object of its own.
    Returns labels int32 of the same shape.
    """
    def cut(one, hills):
        return drop_small(_flood(one >= threshold, hills, height), min_area)

    return _each(cut, probability, distance)


def cut_at_waists(mask, waist: float) -> np.ndarray:
    """Cut one mask `[h, w]` of bools in two wherever it is narrower by `waist`; returns labels `[h, w]` int32."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    return _flood(mask, cv2.GaussianBlur(distance, (0, 0), 1), waist)


def _flood(mask, hills, height):
    """Number the hills inside a mask that rise by `height` above the pass to a higher one, each with its slopes."""
    low = hills.min(initial=0) - height - 1
    hills = np.pad(np.where(mask, hills, low), 1, constant_values=low)  # a plateau needs something lower around it
    lowered = _reconstructed(hills - height, hills)  # hills lower than `height` are flat now
    markers = ndimage.label(morphology.local_maxima(lowered)[1:-1, 1:-1] & mask, EIGHT)[0]
    return segmentation.watershed(-hills[1:-1, 1:-1], markers, mask=mask, connectivity=2).astype(np.int32)


def _reconstructed(seed, hills):
    """Let `seed` grow under `hills` as far as it can; a few dilations are enough for most objects, and quick."""
    for _ in range(64):
        grown = np.minimum(cv2.dilate(seed, EIGHT.astype(np.uint8)), hills)
        if np.array_equal(grown, seed):
            return seed
        seed = grown
    return morphology.reconstruction(seed, hills)


def drop_small(labels, min_area: int) -> np.ndarray:
    """Return labels without objects of fewer than `min_area` pixels, numbered anew from 1, int32 of the same shape.

    labels: whole numbers as in `check_labels`, of one picture.
    """
    whole = check_labels(labels).reshape(np.shape(labels))
    inside = np.flatnonzero(whole)  # most of a picture is background, and is not looked at again
    held = whole.ravel()[inside]
    if held.size and held.max() > held.size:  # a count for each number would take gigabytes
        held = np.unique(held, return_inverse=True)[1] + 1
    keep = np.bincount(held, minlength=1) >= max(min_area, 1)
    kept = np.zeros(whole.shape, np.int32)
    kept.ravel()[inside] = np.where(keep, np.cumsum(keep), 0)[held]
    return kept


class Splitting(NamedTuple):
    """Settings that split best, by the name of the argument, and the F1 of objects that they reached."""

    settings: dict
    f1: float


def tune_splitting(split, y_true, *inputs, **choices: Iterable) -> Splitting:
    """Try all combinations of settings and return those with the highest F1 of objects, at an IoU of 0.5.

    split: such as `split_objects`; y_true: labels of validation pictures; inputs: what `split` takes, such as the
    probabilities of the same pictures; choices: an argument of `split` to the values to try, such as
    `waist=(0.5, 1, 2)`. Among equals the first is returned. Raises ValueError for an argument without any value.
    """
    best, choices = None, {name: tuple(values) for name, values in choices.items()}
    names = list(choices)
    if empty := [name for name in names if not choices[name]]:
        raise ValueError(f"{empty[0]} has no value to try; give at least one, such as {empty[0]}=(1, 2).")
    for values in np.ndindex(*(len(choices[name]) for name in names)):
        settings = {name: choices[name][i] for name, i in zip(names, values)}
        f1 = match_objects(y_true, split(*inputs, **settings)).f1
        if best is None or f1 > best.f1:
            best = Splitting(settings, f1)
    return best


def _each(function, *arrays):
    """Apply a function of planes `[h, w]` to every picture of arrays of one shape; labels int32 of that shape."""
    arrays = [np.asarray(array) for array in arrays]
    shape = arrays[0].shape
    planes = []
    for array in arrays:
        if array.shape != shape:
            raise ValueError(f"one array has the shape {shape} and another {array.shape}; give the same pictures.")
        if array.ndim == 2:
            array = array[None, ..., None]
        elif array.ndim == 3 and array.shape[-1] == 1:
            array = array[None]
        whole = array.dtype == bool or array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() <= 1
        planes.append(check_images(array.astype(np.float32) if whole else array, "probabilities")[..., 0])
    labels = [function(*pictures) for pictures in zip(*planes)]
    return np.reshape(np.array(labels, np.int32), shape)
