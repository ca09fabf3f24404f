"""Fingerprints of arrays, losses and metrics: the same in every session, others where numbers or code differ."""

import functools
import hashlib
import inspect
import json
import re
import types

import numpy as np

DEEP = 8  # settings within settings; a function may refer to itself


def digest_of(part) -> str:
    """Return the fingerprint of a loss or a metric, given by its name, as a function or an object, or of several."""
    return hashlib.blake2b(json.dumps(_described(part), sort_keys=True).encode(), digest_size=16).hexdigest()


def digest_of_arrays(*arrays) -> str:
    """Return the fingerprint of the shapes, types and bytes of arrays."""
    digest = hashlib.blake2b(digest_size=16)
    for array in map(np.asarray, arrays):
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()


def names_in(part):
    """Return losses or metrics by name, for a message: of each name, function or object, in the same lists."""
    if isinstance(part, dict):
        return {str(key): names_in(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [names_in(value) for value in part]
    if part is None or isinstance(part, str):
        return part
    name = getattr(part, "__name__", None)
    if name is None and hasattr(part, "result"):  # of a metric: it names a column of the log
        name = _unnumbered(getattr(part, "name", None))
    return str(name or type(part).__name__)


def without_names(part):
    """Return settings without names, which count how many layers a session has made, and without initial values."""
    if isinstance(part, dict):
        return {key: without_names(value) for key, value in part.items() if key != "name" and "initializer" not in key}
    return [without_names(value) for value in part] if isinstance(part, (list, tuple)) else part


def _described(part, depth=0):
    """Return in lists and texts what decides what a part computes. No address in memory is among it."""
    deeper = depth + 1
    if part is None or isinstance(part, (bool, int, float, str)):
        return part
    if depth > DEEP:
        return type(part).__name__
    if isinstance(part, (np.ndarray, np.generic)):
        return [str(part.dtype), part.tolist()]
    if isinstance(part, (bytes, types.CodeType)):
        return _code(part, deeper) if isinstance(part, types.CodeType) else part.hex()
    if isinstance(part, dict):
        return {str(key): _described(_unnumbered(value) if key == "name" else value, deeper)
                for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_described(value, deeper) for value in part]
    if isinstance(part, (set, frozenset)):
        return sorted(str(_described(value, deeper)) for value in part)
    if isinstance(part, functools.partial):
        return [_described(value, deeper) for value in (part.func, part.args, part.keywords)]
    if isinstance(part, types.MethodType):
        return [_described(part.__func__, deeper), _described(part.__self__, deeper)]
    if isinstance(part, types.FunctionType):
        return _function(part, deeper)
    if isinstance(part, type) or not hasattr(part, "__dict__"):
        return getattr(part, "__qualname__", type(part).__qualname__)
    return _object(part, deeper)


def _function(function, depth):
    """A function of a library is known by its name, any other one by its code and what it was made with."""
    if of_a_library(function):
        return [function.__module__, function.__qualname__]
    try:
        cells, found = inspect.getclosurevars(function)[:2]
    except ValueError:  # one of them has no value yet
        cells, found = {}, {}
    used = [_code(function.__code__, depth), function.__defaults__, function.__kwdefaults__, cells]
    told = [function.__name__, *(_described(value, depth) for value in used)]
    if names := {name: value for name, value in found.items() if _is_setting(value)}:  # numbers and functions around it
        told.append(_described(names, max(depth, DEEP - 4)))  # not far into what these use in turn
    return told


def _code(code, depth):
    return [code.co_code.hex(), list(code.co_names), [_described(value, depth) for value in code.co_consts]]


def _object(part, depth):
    """An object is known by its class and its settings; one whose class does not tell them, by what it holds."""
    kind = type(part)
    told = [kind.__qualname__, _unnumbered(getattr(part, "name", None)) if hasattr(part, "result") else None]
    settings = getattr(kind, "get_config", None)
    inner = getattr(part, "_fn", getattr(part, "fn", None))  # Keras would store a wrapped lambda with its file's name
    if isinstance(inner, types.FunctionType) and not of_a_library(inner):
        told.append(_described(inner, depth))
    elif settings is not None:
        told.append(_described(_config(part), depth))
    if not of_a_library(kind) and (settings is None or of_a_library(settings)):
        held = {key: value for key, value in vars(part).items() if not key.startswith("_") and _is_setting(value)}
        told.append({key: _described(value, depth) for key, value in held.items() if key not in ("name", "built")})
    if not of_a_library(kind):
        told.append([_described(value, depth) for _, value in sorted(vars(kind).items())
                     if isinstance(value, types.FunctionType)])
    return told


def _config(part):
    try:
        return part.get_config()
    except (AttributeError, NotImplementedError, TypeError, ValueError):  # Keras raises any of them without settings
        return None


def _is_setting(value):
    return isinstance(value, (bool, int, float, str, list, tuple, dict, np.ndarray, np.generic, types.FunctionType))


def of_a_library(part):
    """Whether a function or a class comes with Keras, TensorFlow or this course, where its name says what it does."""
    return (getattr(part, "__module__", None) or "").split(".")[0] in ("keras", "tensorflow", "helpers")


def _unnumbered(name):
    """Return a name without the number that Keras adds when a session makes another of a kind: auc_1 is auc."""
    return re.sub(r"_\d+$", "", name) if isinstance(name, str) else None
