"""Run a student's code on copies, within a time limit, and compare what it returns with what is right."""

import contextlib
import copy
import linecache
import os
import random
import signal
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from pathlib import Path

try:
    import numpy as np
except ImportError:  # then environment() is what is needed, and it says so
    np = None

HELPERS = Path(__file__).resolve().parent.parent
SECONDS = 10.0  # a student's function may take so long for one input


class Wrong(Exception):
    """What a checker found: `kind` (missing, raises, type, shape, dtype, value or time) and a message."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class ToDo(Exception):
    """The exercise has not been started."""


class _TimeIsUp(BaseException):
    """Raised inside code that runs too long; no `except Exception` of a student's catches it."""


@contextlib.contextmanager
def time_limit(seconds: float):
    """Raise `_TimeIsUp` in the code inside after so many seconds.

    On the main thread of Linux and macOS an alarm does this. Elsewhere (Windows, other threads) Python's tracing looks
    at the clock at every line instead. Neither can end a single call into C code before it returns.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            yield
    else:
        with _trace(seconds):
            yield


@contextlib.contextmanager
def _alarm(seconds):
    def ring(number, frame):
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)  # again and again, in case a bare `except:` swallows the first
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _trace(seconds):
    end = time.monotonic() + seconds

    def look(frame, event, argument):
        if time.monotonic() > end:
            raise _TimeIsUp
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


@contextlib.contextmanager
def own_randomness():
    """Give Python's and NumPy's global random numbers back as they were, so that a check changes no later cell."""
    kept = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])


def call(function, *arguments, on="an input"):
    """Call a student's function on copies; raises `ToDo` if it is a stub, `Wrong` if it raises or loops."""
    if not callable(function):
        raise Wrong("type", f"hand over the function itself, its name without parentheses, not {short(function)}.")
    copies = [copy.deepcopy(a) if isinstance(a, (np.ndarray, np.random.Generator, list,
        dict)) else a for a in arguments]
    try:
        with time_limit(SECONDS), np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            result = function(*copies)
    except NotImplementedError:
        raise ToDo from None
    except _TimeIsUp:
        raise Wrong("time", f"on {on} it has not come to an end after {SECONDS:g} seconds. Is there an endless "
            "loop?") from None
    except BaseException as error:  # KeyboardInterrupt and SystemExit are a student's mistakes as well
        raise Wrong("raises", f"on {on} it raises {described(error)}{place_in_students_code(error)}") from None
    for number, (copied, given) in enumerate(zip(copies, arguments), start=1):
        if isinstance(given, np.ndarray) and not same(copied, given):
            raise Wrong("value", f"it changes its argument number {number}, which belongs to the caller; work on a "
                "copy.")
    return result


def described(error):
    text = " ".join(str(error).split())
    return type(error).__name__ + (f": {text[:160]}" if text else "") + ("" if text.endswith(".") else ".")


def place_in_students_code(error):
    """Return the last line of the student's own code on the way to an error, in words, or nothing.

    The student's code is what stands neither in the helpers nor in Python's own folders, which hold the packages, too.
    """
    others = {os.path.realpath(folder) + os.sep for folder in (HELPERS, *sysconfig.get_paths().values())}
    steps = [step for step in traceback.walk_tb(error.__traceback__)
             if not os.path.realpath(step[0].f_code.co_filename).startswith(tuple(others))
             and not step[0].f_code.co_filename.startswith("<frozen ")]
    if not steps:
        return ""
    code, number = steps[-1][0].f_code, steps[-1][1]
    text = linecache.getline(code.co_filename, number).strip()
    name = "your lambda" if code.co_name == "<lambda>" else code.co_name
    place = f"Line {number - code.co_firstlineno + 1} of {name}"
    return f" ({place}: `{text}`.)" if text else f" ({place}.)"


def short(value):
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def same(a, b, tolerance=1e-6):
    """Return whether two results agree in shape and values."""
    try:
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype.kind in "fc" or b.dtype.kind in "fc":
            return a.shape == b.shape and bool(np.allclose(a, b, atol=tolerance, equal_nan=True))
        return np.array_equal(a, b)
    except (TypeError, ValueError):
        return False


def as_array(result, shape=None, dtypes="", on="an input", advice=""):
    """Return a student's result if it is an array of this shape and one of these types, or raise `Wrong`."""
    if result is None:
        raise Wrong("missing", "it returns None. Is there a `return` in its last line?")
    if not isinstance(result, (np.ndarray, np.generic)):
        raise Wrong("type", f"on {on} it returns a {type(result).__name__}, not a NumPy array.")
    if shape is not None and result.shape != shape:
        raise Wrong("shape", f"on {on} it returns the shape {result.shape}; it should be {shape}. {advice}".rstrip())
    if dtypes and result.dtype.name not in dtypes.split():
        raise Wrong("dtype", f"it returns an array of {result.dtype.name}; it should be {' or '.join(dtypes.split())}.")
    return result


def as_list(result, on):
    """Return a student's list or tuple as an array, and anything else as it is."""
    if not isinstance(result, (list, tuple)):
        return result
    try:
        return np.array(result)
    except ValueError:
        raise Wrong("type", f"on {on} it returns {short(result)}, a list of unequal parts.") from None


def verdict(got, right, slips, cases, otherwise=None):
    """Raise `Wrong` if results differ from the right ones: with the message of the slip that gives the same, if any.

    got, right: results, one for each case; slips: message to results; cases: what each input is, in words; otherwise:
    a function from a case's number to the message for a mistake that no slip explains.
    """
    wrong = [i for i in range(len(cases)) if not same(got[i], right[i])]
    if not wrong:
        return
    for message, results in slips.items():
        if all(same(a, b) for a, b in zip(got, results)):
            raise Wrong("value", message)
    if otherwise:
        raise Wrong("value", otherwise(wrong[0]))
    # Several mistakes at once: name the one that explains most, but never one that a right result speaks against.
    explained = {message: sum(same(got[i], results[i]) for i in wrong) for message, results in slips.items()
                 if all(i in wrong or same(results[i], right[i]) for i in range(len(cases)))}
    if 2 * max(explained.values(), default=0) >= len(wrong):
        raise Wrong("value", max(explained, key=explained.get))
    first = wrong[0]
    shown = f" It returns {short(got[first])} there." if np.size(got[first]) < 9 else ""
    raise Wrong("value", f"on {cases[first]} the result is wrong.{shown} Work this case out by hand and compare.")
