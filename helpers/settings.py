"""Check single settings, such as a batch size or a rate, so that a wrong one is named before anything is computed."""

import math
import numbers


def check_whole(value, name: str, least: int = 1) -> int:
    """Return a setting as `int`, or raise ValueError if it is not a whole number of at least `least`."""
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}.")
    return int(value)


def check_rate(value, name: str) -> float:
    """Return a learning rate as `float`, or raise ValueError if it is not a number above 0."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}; expected a number above 0, such as 0.003.")
    return float(value)
