"""From numbered objects to what a network is trained on: border weights, masks with gaps, distance maps."""

import numpy as np
from scipy import ndimage

LARGEST = np.iinfo(np.int32).max


def check_labels(labels, name: str = "labels") -> np.ndarray:
    """Return labels as int32 `[n, h, w, 1]`, or raise ValueError saying what is wrong.

    One picture, `[h, w]` or `[h, w, 1]`, becomes a batch of one, and `[n, h, w]` gets its last axis. Floats are
    accepted if they are whole. True and False are not numbers of objects, and a picture may hold 2147483647 of them.
    """
    labels = np.asarray(labels)
    if labels.dtype == bool:
        raise ValueError(f"{name} are True and False, a mask; number its objects first: connected_objects({name}).")
    if labels.dtype.kind not in "iuf":
        raise ValueError(f"{name} are {labels.dtype}; expected whole numbers, such as int32.")
    if labels.ndim == 2 or labels.ndim == 3 and labels.shape[-1] == 1:
        labels = labels[None]
    if labels.ndim == 3:
        labels = labels[..., None]
    if labels.ndim != 4 or labels.shape[-1] != 1:
        raise ValueError(f"{name} have the shape {labels.shape}; expected [n, height, width, 1], one number a pixel.")
    if labels.dtype.kind == "f" and labels.size:
        odd = labels[~np.isfinite(labels) | (labels != np.rint(labels))]
        if odd.size and not np.isfinite(odd).all():
            raise ValueError(f"{name} hold values that are NaN or infinite; the number of an object is whole.")
        if odd.size:
            raise ValueError(
                f"{name} hold {odd[0]:g}, and the number of an object is whole. If these are probabilities, find their "
                f"objects first: split_objects({name})."
            )
    if labels.size and (labels.min() < 0 or labels.max() > LARGEST):
        raise ValueError(
            f"{name} hold {labels.min():.10g} to {labels.max():.10g}; objects are numbered from 1 to at most "
            f"{LARGEST}, and 0 is the background."
        )
    return labels.astype(np.int32, copy=False)


def numbers_of(picture) -> np.ndarray:
    """Return the numbers of the objects of one picture `[h, w]`, in rising order, without the background's 0."""
    numbers = np.unique(picture)
    return numbers[numbers > 0]


def boxes_of(picture):
    """Yield `(number, box)` for each object of one picture `[h, w]`: a pair of slices that holds all of its pixels."""
    numbers, place = np.unique(picture, return_inverse=True)  # the largest number may be far larger than the count
    for number, box in zip(numbers, ndimage.find_objects(place.reshape(picture.shape) + 1)):
        if number > 0:
            yield number, box


def border_weights(labels, w0: float = 10.0, sigma: float = 5.0) -> np.ndarray:
    """Return how much more each background pixel counts for lying between two objects, `[n, h, w, 1]` float32.

    This is the second term of equation 2 alone, `w0 * exp(-(d1 + d2)**2 / (2 * sigma**2))`: d1 and d2 are the Euclidean
    distances, in pixels, to the nearest pixel of the nearest and of the second nearest object. It is 0 inside objects,
    and everywhere in a picture with fewer than two. Add 1 to get weights for a training.

    labels: as in `check_labels`. Raises ValueError for unfit labels, a negative w0 or a sigma that is not above 0.
    Source: Ronneberger et al. 2015, section 3.
    """
    labels = check_labels(labels)
    for name, value, fits in (("w0", w0, 0 <= w0 < np.inf), ("sigma", sigma, 0 < sigma < np.inf)):
        if not fits:
            raise ValueError(f"{name} is {value}; the paper uses w0=10 and sigma=5 (pixels).")
    reach = int(np.ceil(sigma * np.sqrt(2 * np.log(1e9))))  # beyond: a billionth of w0
    weights = np.zeros(labels.shape, np.float32)
    for weight, picture in zip(weights[..., 0], labels[..., 0]):
        nearest, second = np.full((2, *picture.shape), np.inf)
        for number, box in boxes_of(picture):
            window = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
            distance = ndimage.distance_transform_edt(picture[window] != number)
            second[window] = np.minimum(second[window], np.maximum(nearest[window], distance))
            nearest[window] = np.minimum(nearest[window], distance)
        weight[...] = np.where(picture == 0, w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)), 0)
    return weights


def cut_gaps(labels) -> np.ndarray:
    """Return masks `[n, h, w, 1]` uint8 in which a line of one pixel parts any two objects that touch.

    The line is taken from the larger of the two, so that a small one keeps its pixels. Objects that meet at a corner
    touch. labels: as in `check_labels`. Source: Ronneberger et al. 2015, section 3.
    """
    labels = check_labels(labels)
    masks = (labels > 0).astype(np.uint8)
    for mask, picture in zip(masks[..., 0], labels[..., 0]):
        numbers, place, areas = np.unique(picture, return_inverse=True, return_counts=True)
        ranks = np.empty(len(numbers), np.int64)
        ranks[np.argsort(areas, kind="stable")] = np.arange(1, len(numbers) + 1)  # 1 is the smallest; none are equal
        rank = np.where(picture > 0, ranks[place.reshape(picture.shape)], len(numbers) + 1)
        smallest = ndimage.minimum_filter(rank, 3, mode="nearest")
        mask[smallest < rank] = 0
    return masks


def distance_map(labels) -> np.ndarray:
    """Return how deep each pixel lies in its object, `[n, h, w, 1]` float32: 1 at the deepest pixel, 0 in background.

    Each object's distances to the nearest pixel that is not its own are divided by the largest of them. Beyond the
    picture there is no object. labels: as in `check_labels`.
    """
    labels = check_labels(labels)
    maps = np.zeros(labels.shape, np.float32)
    for depth, picture in zip(maps[..., 0], labels[..., 0]):
        for number, box in boxes_of(picture):
            inside = picture[box] == number
            distance = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            depth[box][inside] = (distance / distance.max())[inside]
    return maps
