"""Check the settings of scores and baselines, so that a wrong one is named and does not reach OpenCV or NumPy."""

import math
import numbers

import numpy as np

from helpers.plain_arrays import plain_array
from helpers.settings import check_whole


def check_thresholds(thresholds) -> np.ndarray:
    """Return increasing thresholds as `[k]` float64, or raise ValueError; infinity is one, NaN is not."""
    words = "thresholds must be a list of increasing numbers, such as np.linspace(0, 1, 101)."
    array = plain_array(thresholds, "thresholds").astype(np.float64)
    if array.ndim != 1 or not len(array) or np.isnan(array).any() or (array[1:] <= array[:-1]).any():
        raise ValueError(words + (" There is NaN among these." if np.isnan(array).any() else ""))
    return array


def check_radius(radius) -> tuple[int, int]:
    """Return the smallest and the largest radius, whole pixels, or raise ValueError."""
    try:
        low, high = (check_whole(side, "radius") for side in radius)
    except (TypeError, ValueError):
        low, high = 1, 0
    if low > high:
        raise ValueError(
            f"radius is {radius!r}; expected the smallest and the largest, whole pixels from 1 on, such as (5, 15)."
        )
    return low, high


def check_strictness(strictness):
    """Return a number above 0, or raise ValueError."""
    if not isinstance(strictness, numbers.Real) or not 0 < strictness < math.inf:
        raise ValueError(f"strictness is {strictness!r}; expected how many votes a circle needs, a number above 0.")
    return strictness


def check_level(level) -> float:
    """Return the level of an interval, or raise ValueError if it is not a number between 0 and 1."""
    if not isinstance(level, numbers.Real) or not 0 < level < 1:
        raise ValueError(f"level is {level!r}; it must lie between 0 and 1, such as 0.95.")
    return level


def check_some(pictures):
    """Raise ValueError if there are no pictures, over which there is no mean."""
    if not pictures.size:
        raise ValueError("there are no pictures; a score needs at least one.")
