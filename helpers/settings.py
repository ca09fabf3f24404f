"""Check single settings, such as a batch size or a rate, so that a wrong one is named before anything is computed."""

import math
import numbers
from dataclasses import fields


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


def check_switch(value, name: str) -> bool:
    """Return a setting as `bool`, or raise ValueError if it is neither True nor False, as the text "no" is neither."""
    if type(value).__name__ not in ("bool", "bool_"):
        raise ValueError(f"{name} is {value!r}; expected True or False.")
    return bool(value)


def check_callbacks(given) -> list:
    """Return callbacks, one, several or None, as a list, or raise TypeError if one of them is none."""
    import keras  # here, because processes that read files must not load TensorFlow

    given = [] if given is None else [given] if isinstance(given, keras.callbacks.Callback) else given
    try:
        given = list(given)
    except TypeError:
        raise TypeError(f"callbacks is {given!r}; expected a list of Keras callbacks.") from None
    for one in given:
        if not isinstance(one, keras.callbacks.Callback):
            made = f" Make one of it: {one.__name__}()." if isinstance(one, type) else ""
            raise TypeError(f"callbacks holds {one!r}; expected Keras callbacks.{made}")
    return given


def recipe_of(kind, settings: dict, function: str):
    """Return a dataclass of these settings, or raise TypeError naming the one that `function` does not have."""
    names = [field.name for field in fields(kind)]
    for name in settings:
        if name not in names:
            raise TypeError(f"{function} has no setting {name!r}; it has {', '.join(names)}.")
    return kind(**settings)
