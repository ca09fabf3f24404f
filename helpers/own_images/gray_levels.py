"""The same gray levels in training and in use: a rule that stays with the network."""

from typing import NamedTuple

import numpy as np


class Normalization(NamedTuple):
    """A rule for gray levels. kind "range": low and high become 0 and 1. kind "picture": these two percentiles do.

    least: the smallest distance of the two that is stretched to 0..1; a picture without objects, which has less, is not
    stretched until its noise looks like objects.
    """

    kind: str
    low: float
    high: float
    least: float = 0.02

    def limits(self, image) -> tuple[float, float]:
        """Return the gray levels that become 0 and 1 in this picture (seen on about a million of its pixels)."""
        if self.kind == "range":
            return self.low, self.high
        step = max(1, int(np.sqrt(image.size / 1e6)))
        low, high = np.percentile(image[::step, ::step], (self.low, self.high))
        return float(low), max(float(high), float(low) + self.least)

    def apply(self, images):
        """Return pictures (an array `[n, h, w, 1]` or a list of `[h, w, 1]`) by this rule, float32 in 0..1."""
        done = [np.clip((image - low) / np.float32(high - low), 0, 1).astype(np.float32)
                for image in images for low, high in [self.limits(image)]]
        return np.stack(done) if isinstance(images, np.ndarray) else done


def fit_normalization(images, kind=None) -> Normalization:
    """Choose the rule from the *training* pictures; keep it with the network, and use it for every later picture.

    kind: "range" (one pair of gray levels for all: percentiles 0.5 and 99.5 of all training pixels), "picture"
    (percentiles 0.5 and 99.5 of each), or None: "picture" if exposures differ by more than a factor of 2.
    """
    ends = np.array([np.percentile(image, (0.5, 50, 99.5)) for image in images])
    spread = ends[:, 2] - ends[:, 0]
    least = float(np.clip(np.median(spread) / 4, 1e-6, 0.02))  # 16-bit pictures may use a thousandth of their range
    if kind is None:
        spread = np.maximum(spread, least)
        kind = "picture" if spread.max() > 2 * spread.min() else "range"
    if kind == "picture":
        return Normalization("picture", 0.5, 99.5, least)
    if kind != "range":
        raise ValueError(f"kind is {kind!r}; expected 'range', 'picture' or None.")
    sample = np.concatenate([image.ravel()[:: max(1, image.size // 100_000)] for image in images])
    low, high = np.percentile(sample, (0.5, 99.5))
    return Normalization("range", float(low), float(max(high, low + least)), least)
