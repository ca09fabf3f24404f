"""Predictions measured against masks."""

from typing import NamedTuple

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.material import some_of
from helpers.evaluation import best_threshold, dice_per_image, pooled_dice


class Scores(NamedTuple):
    """Measurements on predictions: Dice per picture with lesions at 0.5 and at its best, cross-entropies, shares."""

    dice: float
    best: float
    threshold: float
    gray: float
    entropy: float
    base: float
    claimed: float
    share: float
    found: float
    binary: bool
    n: int
    pooled: float
    white: float
    each: np.ndarray
    sizes: np.ndarray


def dice_of(inside, found):
    """Return the Dice of each picture, `[n]`; inside, found: `[n, h, w]` bool."""
    return dice_per_image(inside[..., None], found[..., None])


def best_on_quantiles(inside, values):
    """Return the threshold with the highest mean Dice among forty quantiles of `values` `[n, h, w]`, and that Dice."""
    low, high = float(values.min()), float(values.max())
    scores = (values - low) / max(high - low, 1e-12)
    sample = scores.ravel()[:: max(1, scores.size // 100_000)]
    thresholds = np.unique(np.quantile(sample, 1 - np.geomspace(2e-4, 0.9, 40)))
    best = best_threshold(inside[..., None], np.clip(scores, 0, 1)[..., None], thresholds)
    return low + best.threshold * (high - low), best.dice


def measure(case):
    """Measure predictions against masks, once; None if they cannot be compared."""
    if case.measured is None:
        case.measured = _measure(case)
    return case.measured


def _measure(case):
    scores, inside = case.scores, case.pred_masks
    if scores is None or inside is None or scores.shape[:3] != inside.shape or not inside.any():
        return None
    p = np.nan_to_num(scores[..., 0])
    if p.min() < -1e-3 or p.max() > 1.001:
        return None
    with_lesions = np.flatnonzero(inside.any(axis=(1, 2)))
    binary = bool(((p == 0) | (p == 1)).all())
    some = with_lesions[some_of(len(with_lesions), 64)]
    found = p >= 0.5
    each = dice_of(inside[with_lesions], found[with_lesions])
    threshold, best = (0.5, float(each.mean())) if binary else best_on_quantiles(inside[some], p[some])
    _, gray = best_on_quantiles(inside[some], case.pred_images[some]) if case.pred_images is not None else (0.5, 0.0)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    entropy = -float(np.where(inside, np.log(clipped), np.log1p(-clipped)).mean())
    share = float(inside.mean())
    base = -(share * np.log(share) + (1 - share) * np.log1p(-share)) if share < 1 else 0.0
    lesions, marked = inside[with_lesions], found[with_lesions]
    pooled = pooled_dice(lesions[..., None], marked[..., None])
    white = float(dice_of(lesions, np.ones_like(lesions)).mean())
    return Scores(
        float(each.mean()), best, threshold, gray, entropy, float(base), float(p.mean()), share, float(found.mean()),
        binary, len(with_lesions), pooled, white, each, lesions.mean(axis=(1, 2)),
    )


def check_pooling(case):
    """Compare Dice over all pixels with the mean over pictures: how much do large lesions hide?"""
    s = measure(case)
    if s is None or s.n < 4 or s.pooled < 0.5 or s.pooled - s.dice < 0.15:
        return []
    middle = np.median(s.sizes)
    small, large = s.each[s.sizes <= middle], s.each[s.sizes > middle]
    if not len(large) or large.mean() - small.mean() < 0.25:
        return []
    lost = int((s.each < 0.1).sum())
    seen = (f"pooled over all pixels Dice is {s.pooled:.2f}, the mean per picture {s.dice:.2f}; {lost} of {s.n} "
            f"pictures with lesions score below 0.1; the smaller half scores {small.mean():.2f}, the larger "
            f"{large.mean():.2f}")
    return [finding("pooled_dice", 0.85, seen)]
