"""Scores, baselines and honest uncertainty (notebooks 01 and 04).

Every score is computed per image and for the foreground only. Two empty masks score 1; one empty mask scores 0.
`y_true` stands before `y_pred`, as in scikit-learn. TensorFlow is never imported here.
"""

from typing import NamedTuple

import cv2
import numpy as np

from helpers.arrays import check_both, check_images, check_pair, check_scores
from helpers.plain_arrays import one_number_each
from helpers.score_settings import check_level, check_radius, check_some, check_strictness, check_thresholds
from helpers.settings import check_whole
from helpers.synthesis import disc_pixels

# --- overlap ----------------------------------------------------------------------------------------------------------


def dice_per_image(y_true, y_pred) -> np.ndarray:
    """Return the Dice score of each image, `[n]` float64 in 0..1: twice the overlap over the sum of both areas.

    y_true, y_pred: masks `[n, h, w, 1]` of 0 and 1. Two empty masks score 1.
    Raises ValueError for masks that are not 0 and 1 (choose a threshold first) or whose shapes differ.
    Source: Dice 1945; Zijdenbos et al. 1994 for segmentation.
    """
    y_true, y_pred = check_both(y_true, y_pred)
    overlap = np.sum(y_true & y_pred, axis=(1, 2, 3))
    areas = np.sum(y_true, axis=(1, 2, 3)) + np.sum(y_pred, axis=(1, 2, 3))
    return np.where(areas == 0, 1.0, 2 * overlap / np.maximum(areas, 1))


def iou_per_image(y_true, y_pred) -> np.ndarray:
    """Return the intersection over union of each image, `[n]` float64 in 0..1.

    y_true, y_pred: masks `[n, h, w, 1]` of 0 and 1. Two empty masks score 1. For one image, IoU = Dice / (2 - Dice).
    Raises ValueError for masks that are not 0 and 1 or whose shapes differ. Source: Jaccard 1912.
    """
    y_true, y_pred = check_both(y_true, y_pred)
    overlap = np.sum(y_true & y_pred, axis=(1, 2, 3))
    union = np.sum(y_true | y_pred, axis=(1, 2, 3))
    return np.where(union == 0, 1.0, overlap / np.maximum(union, 1))


def pooled_dice(y_true, y_pred) -> float:
    """Return one Dice score over all pixels of all images together: large discs outvote small ones.

    Same masks and errors as `dice_per_image`. Shown for comparison; the course's score is the mean per image.
    """
    y_true, y_pred = check_both(y_true, y_pred)
    check_some(y_true)
    areas = int(y_true.sum()) + int(y_pred.sum())
    return 2 * int((y_true & y_pred).sum()) / areas if areas else 1.0


def pixel_accuracy(y_true, y_pred) -> float:
    """Return the share of pixels that agree, 0..1. Shown only to see how it misleads: background wins it alone."""
    y_true, y_pred = check_both(y_true, y_pred)
    check_some(y_true)
    return float((y_true == y_pred).mean())


# --- threshold --------------------------------------------------------------------------------------------------------


class Threshold(NamedTuple):
    """A threshold, and the mean per-image Dice it reached on the data it was chosen on."""

    threshold: float
    dice: float


def dice_by_threshold(y_true, scores, thresholds) -> np.ndarray:
    """Return the Dice of every image at every threshold, `[len(thresholds), n]` float64.

    y_true: masks `[n, h, w, 1]`; scores: `[n, h, w, 1]` floats in 0..1 (gray levels or probabilities);
    thresholds: increasing numbers. A pixel is foreground where `scores >= threshold`, compared in the type of the
    scores, as NumPy does it with `scores >= 0.7`.
    """
    y_true, scores = check_scores(y_true, scores)
    thresholds = check_thresholds(thresholds).astype(scores.dtype)  # 0.7 in float32 is less than 0.7 in float64
    dice = np.empty((len(thresholds), len(y_true)))
    for i in range(len(y_true)):
        # Each pixel passes the first `level` thresholds, so counts of levels, summed from the top, are the areas.
        level = np.searchsorted(thresholds, scores[i].ravel(), side="right")
        foreground = y_true[i].ravel().astype(bool)
        passed = np.bincount(level, minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        hit = np.bincount(level[foreground], minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        areas = passed + foreground.sum()
        dice[:, i] = np.where(areas == 0, 1.0, 2 * hit / np.maximum(areas, 1))
    return dice


def best_threshold(y_true, scores, thresholds=None) -> Threshold:
    """Return the one threshold with the highest mean per-image Dice, and that Dice.

    y_true: masks `[n, h, w, 1]`; scores: `[n, h, w, 1]` floats in 0..1, either images or a network's probabilities.
    thresholds: tried in turn, by default 0.00, 0.01 ... 1.00. Among equals the one nearest to 0.5 is returned.
    Choose it on validation pictures and keep it for the test pictures; chosen on the test set it flatters.
    """
    thresholds = np.linspace(0, 1, 101) if thresholds is None else check_thresholds(thresholds)
    dice = dice_by_threshold(y_true, scores, thresholds)
    check_some(dice)
    means = dice.mean(axis=1)
    best = np.flatnonzero(means >= means.max() - 1e-12)
    chosen = best[np.abs(thresholds[best] - 0.5).argmin()]
    return Threshold(float(thresholds[chosen]), float(means[chosen]))


# --- baselines --------------------------------------------------------------------------------------------------------


def empty_baseline(images) -> np.ndarray:
    """Return an all-background mask for each image, `[n, h, w, 1]` uint8."""
    return np.zeros(check_images(images).shape, np.uint8)


def otsu_baseline(images) -> np.ndarray:
    """Return masks from Otsu's threshold, chosen anew for each picture, `[n, h, w, 1]` uint8.

    images: `[n, h, w, 1]` floats in 0..1. Source: Otsu 1979, as `cv2.THRESH_OTSU` on 8-bit gray levels.
    """
    images = check_images(images)
    masks = np.empty(images.shape, np.uint8)
    for i, image in enumerate(images):
        gray = np.round(image[..., 0] * 255).astype(np.uint8)
        _, masks[i, ..., 0] = cv2.threshold(gray, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return masks


def hough_baseline(images, radius=(5, 15), strictness: float = 20) -> np.ndarray:
    """Return masks of the circles that the Hough transform finds, `[n, h, w, 1]` uint8.

    images: `[n, h, w, 1]` floats in 0..1; radius: smallest and largest, pixels; strictness: how many votes a circle
    needs (`param2` of `cv2.HoughCircles`; more votes, fewer circles). Source: Yuen et al. 1990.
    """
    images = check_images(images)
    masks = np.zeros(images.shape, np.uint8)
    for image, mask in zip(images, masks):
        for x, y, r in find_circles(image, radius, strictness):
            square, inside = disc_pixels(*mask.shape[:2], x, y, r)
            mask[square][inside] = 1
    return masks


def find_circles(image, radius=(5, 15), strictness: float = 20) -> list[list[float]]:
    """Return the circles in one picture `[h, w, 1]` or `[h, w]`, each `[x, y, r]` in pixels, the surest first."""
    image, radius = check_images(np.asarray(image)[None], "image")[0], check_radius(radius)
    gray = cv2.medianBlur(np.round(image[..., 0] * 255).astype(np.uint8), 5)
    found = cv2.HoughCircles(
        gray, cv2.HOUGH_GRADIENT, dp=1, minDist=radius[0], param1=120, param2=check_strictness(strictness),
        minRadius=radius[0], maxRadius=radius[1],
    )
    return found.reshape(-1, 3).tolist() if found is not None else []


# --- where the errors are ---------------------------------------------------------------------------------------------


class Bin(NamedTuple):
    """One row of `error_by`: scores of the cases whose value lies in low..high, with a bootstrap interval."""

    low: float
    high: float
    count: int
    mean: float
    interval: tuple[float, float]


def error_by(values, scores, bins: int = 4, seed=0) -> list[Bin]:
    """Group scores by a property (radius, contrast, noise ...) and return one row a group, from low to high.

    values, scores: `[n]` numbers, one pair a case (an image or a disc); bins: how many groups, as equal in count as
    ties allow. Raises ValueError if the lengths differ, a value is not finite, or there are fewer cases than bins.
    """
    values, scores = one_number_each(values, "values", "case"), one_number_each(scores, "scores", "case")
    if len(values) != len(scores):
        raise ValueError(f"there are {len(values)} values and {len(scores)} scores; give one value for each score.")
    if len(values) < check_whole(bins, "bins"):
        raise ValueError(f"{len(values)} cases cannot fill {bins} bins; give more cases or ask for fewer bins.")
    if not np.isfinite(values).all() or not np.isfinite(scores).all():
        raise ValueError("values or scores hold NaN or infinity; leave those cases out and say how many there were.")
    edges = np.quantile(values, np.linspace(0, 1, bins + 1))[1:-1]
    edges[edges == values.min()] = min(values[values > values.min()], default=np.inf)  # ties at the low end
    group = np.searchsorted(np.unique(edges), values, side="right")  # how many of the inner edges lie below
    rows = []
    for g in np.unique(group):
        inside = scores[group == g]
        low, high = values[group == g].min(), values[group == g].max()
        interval = bootstrap_interval(inside, seed=seed)
        rows.append(Bin(float(low), float(high), len(inside), float(inside.mean()), interval))
    return rows


class Lesion(NamedTuple):
    """One connected lesion of the truth: its picture, its size and contrast, and how much of it was found."""

    picture: int
    radius: float
    contrast: float
    found: float


def lesion_table(images, y_true, y_pred) -> list[Lesion]:
    """Return one row for each connected lesion of `y_true`.

    radius: of the disc with the same area, pixels; contrast: mean gray level inside, less that of a ring three pixels
    wide around it; found: the share of its pixels that `y_pred` marks, 0..1. Touching discs count as one lesion.
    """
    images, y_true = check_pair(images, y_true)
    y_true, y_pred = check_both(y_true, y_pred)
    rows = []
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    for i in range(len(images)):
        count, labels = cv2.connectedComponents(y_true[i, ..., 0])
        for label in range(1, count):
            inside = labels == label
            around = (cv2.dilate(inside.astype(np.uint8), ring) == 1) & (labels == 0)
            gray = images[i, ..., 0]
            contrast = gray[inside].mean() - gray[around].mean() if around.any() else 0.0
            found = y_pred[i, ..., 0][inside].mean()
            rows.append(Lesion(i, float(np.sqrt(inside.sum() / np.pi)), float(contrast), float(found)))
    return rows


def boundary_error(y_true, y_pred, width: int = 2) -> tuple[float, float]:
    """Return the share of wrong pixels near the true outlines and away from them, `(near, away)`, both 0..1.

    width: how many pixels on either side of an outline count as near.
    """
    y_true, y_pred = check_both(y_true, y_pred)
    check_some(y_true), check_whole(width, "width", 0)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    near = np.stack([cv2.dilate(m[..., 0], brush) != cv2.erode(m[..., 0], brush) for m in y_true])[..., None]
    wrong = y_true != y_pred
    return float(wrong[near].mean()) if near.any() else 0.0, float(wrong[~near].mean()) if (~near).any() else 0.0


def reliability(y_true, scores, bins: int = 10) -> list[tuple[float, float, int]]:
    """Compare what the network claims with what is so: `(mean score, share of foreground, pixels)` for each bin.

    Bins are equally wide over 0..1; empty ones are left out. A calibrated network has both numbers equal.
    Source: DeGroot and Fienberg 1983.
    """
    y_true, scores = check_scores(y_true, scores)
    y_true, scores, bins = y_true.ravel(), scores.ravel().astype(np.float64), check_whole(bins, "bins")
    where = np.minimum((scores * bins).astype(int), bins - 1)
    counts = np.bincount(where, minlength=bins)
    claimed = np.bincount(where, scores, minlength=bins)
    found = np.bincount(where, y_true, minlength=bins)
    return [(claimed[b] / counts[b], found[b] / counts[b], int(counts[b])) for b in range(bins) if counts[b]]


# --- uncertainty ------------------------------------------------------------------------------------------------------


def bootstrap_interval(scores, level: float = 0.95, repeats: int = 2000, seed=0) -> tuple[float, float]:
    """Return `(low, high)`, the percentile bootstrap interval of the mean of per-image scores.

    scores: `[n]`, one for each image (images are drawn again, never pixels: pixels of one image are not independent);
    level: coverage, 0..1; repeats: how many means are drawn. The same seed gives the same interval.
    Raises ValueError for no scores, more axes, a NaN, or a level outside 0..1. Source: Efron and Tibshirani 1993,
    chapter 13.
    """
    scores = one_number_each(scores, "scores", "image")
    check_level(level), check_whole(repeats, "repeats")
    if not len(scores):
        raise ValueError("there are no scores; an interval needs at least one image.")
    if not np.isfinite(scores).all():
        raise ValueError("scores hold NaN or infinity; find out which images gave them before you average.")
    rng = np.random.default_rng(seed)
    means = np.array([scores[rng.integers(0, len(scores), len(scores))].mean() for _ in range(repeats)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
