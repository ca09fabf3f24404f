"""Predictions, exercises and their checkers, progress, and a check of the environment (all notebooks).

A checker tries a student's answer on several inputs, always on copies, and prints one line that says what is wrong and,
where it is known, which mistake leads there. It never prints a solution, and it never stops a notebook. Notebooks
import this module and nothing else does; Keras is loaded only by the exercises that need it.
"""

import contextlib
import copy
import importlib
import importlib.metadata
import importlib.util
import json
import linecache
import math
import os
import random
import re
import signal
import sys
import threading
import time
import traceback
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

try:
    import numpy as np
except ImportError:  # then environment() is what is needed, and it says so
    np = None

from helpers import ROOT

SECONDS = 10.0  # a student's function may take so long for one input

# --- running a student's code -----------------------------------------------------------------------------------------


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
def _own_randomness():
    """Give Python's and NumPy's global random numbers back as they were, so that a check changes no later cell."""
    kept = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])


def _call(function, *arguments, on="an input"):
    """Call a student's function on copies; raises `ToDo` if it is a stub, `Wrong` if it raises or loops."""
    if not callable(function):
        raise Wrong("type", f"hand over the function itself, by its name without brackets, not {_short(function)}.")
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
    except (Exception, SystemExit) as error:
        raise Wrong("raises", f"on {on} it raises {_described(error)}{_place(error, function)}") from None
    for number, (copied, given) in enumerate(zip(copies, arguments), start=1):
        if isinstance(given, np.ndarray) and not _same(copied, given):
            raise Wrong("value", f"it changes its argument number {number}, which belongs to the caller; work on a "
                "copy.")
    return result


def _described(error):
    text = " ".join(str(error).split())
    return type(error).__name__ + (f": {text[:160]}" if text else "") + ("" if text.endswith(".") else ".")


def _place(error, function):
    """Return where in the student's own code an error arose, with the line's text, or nothing."""
    code = getattr(function, "__code__", None)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if code and f.filename == code.co_filename]
    if not frames:
        return ""
    text = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    place = f"Line {frames[-1].lineno - code.co_firstlineno + 1} of {code.co_name}"
    return f" ({place}: `{text}`.)" if text else f" ({place}.)"


def _short(value):
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _same(a, b, tolerance=1e-6):
    """Return whether two results agree in shape and values."""
    try:
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype.kind in "fc" or b.dtype.kind in "fc":
            return a.shape == b.shape and bool(np.allclose(a, b, atol=tolerance, equal_nan=True))
        return np.array_equal(a, b)
    except (TypeError, ValueError):
        return False


def _array(result, shape=None, dtypes="", on="an input", advice=""):
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


def _listed(result, on):
    """Return a student's list or tuple as an array, and anything else as it is."""
    if not isinstance(result, (list, tuple)):
        return result
    try:
        return np.array(result)
    except ValueError:
        raise Wrong("type", f"on {on} it returns {_short(result)}, a list of unequal parts.") from None


def _verdict(got, right, slips, cases):
    """Raise `Wrong` if results differ from the right ones: with the message of the slip that gives the same, if any.

    got, right: results, one for each case; slips: message to results; cases: what each input is, in words.
    """
    wrong = [i for i in range(len(cases)) if not _same(got[i], right[i])]
    if not wrong:
        return
    for message, results in slips.items():
        if all(_same(a, b) for a, b in zip(got, results)):
            raise Wrong("value", message)
    for message, results in slips.items():  # several mistakes at once: the first case that one of them explains
        if any(_same(got[i], results[i]) for i in wrong):
            raise Wrong("value", message)
    first = wrong[0]
    shown = f" It returns {_short(got[first])} there." if np.size(got[first]) < 9 else ""
    raise Wrong("value", f"on {cases[first]} the result is wrong.{shown} Work this case out by hand and compare.")


# --- progress ---------------------------------------------------------------------------------------------------------


def progress_file() -> Path:
    """Return where progress is kept: in the folder that UNET_COURSE_PROGRESS names, or else in `runs`."""
    return Path(os.environ.get("UNET_COURSE_PROGRESS") or ROOT / "runs") / "progress.json"


def read_progress() -> dict[str, str]:
    """Return which exercises are "tried" and which "solved". A damaged file is kept under another name, and said so."""
    path = progress_file()
    try:
        states = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(states, dict) or not all(state in ("tried", "solved") for state in states.values()):
            raise ValueError("unknown entries")
        return states
    except FileNotFoundError:
        return {}
    except OSError as error:
        print(f"(Your progress cannot be read: {error.strerror}.)")
        return {}
    except (ValueError, TypeError):
        number = 1
        while (kept := path.with_name(f"progress-damaged-{number}.json")).exists():
            number += 1
        with contextlib.suppress(OSError):
            os.replace(path, kept)
            print(f"(The file of your progress was damaged. It is kept as {kept.name}, and a new one begins.)")
        return {}


def _record(identity, state):
    states = read_progress()
    if states.get(identity) in ("solved", state):
        return
    path = progress_file()
    draft = path.with_name(f"progress.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(dict(sorted({**states, identity: state}.items())), indent=1), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        print(f"(Your progress cannot be kept: {error.strerror}. The exercise counts all the same.)")


def progress(notebook: str) -> None:
    """Print which exercises of a notebook, such as "01", are solved, tried and left."""
    mine = [identity for identity in EXERCISES if int(identity.split(".")[0]) == int(notebook)]
    states = read_progress()
    for name, members in (
        ("solved", [i for i in mine if states.get(i) == "solved"]),
        ("tried", [i for i in mine if states.get(i) == "tried"]),
        ("left", [i for i in mine if i not in states]),
    ):
        print(f"{name:<7}{len(members)} of {len(mine)}" + (f": {', '.join(members)}" if members else ""))


# --- exercises --------------------------------------------------------------------------------------------------------


class Exercise(NamedTuple):
    """An exercise: what it is about, what its solution shows, and three hints that go deeper."""

    title: str
    lesson: str
    hints: tuple[str, str, str]


EXERCISES: dict[str, Exercise] = {}
_hints_given: dict[str, int] = {}


def _exercise(title, lesson, *hints):
    """Make a checker out of a function `exercise_1_2` that raises `ToDo` or `Wrong`, or returns if all is well."""

    def decorate(check):
        identity = check.__name__.removeprefix("exercise_").replace("_", ".")
        EXERCISES[identity] = Exercise(title, lesson, hints)

        def checker(*answers):
            with _own_randomness():
                _report(identity, check, answers)

        checker.__name__ = checker.__qualname__ = check.__name__
        checker.__doc__ = check.__doc__
        return checker

    return decorate


def _report(identity, check, answers):
    name = f"exercise {identity}, {EXERCISES[identity].title}"
    try:
        check(*answers)
    except ToDo:
        print(f"to do: {name}" + ("" if name.endswith("?") else "."))
        return
    except Wrong as wrong:
        print(f"not yet ({wrong.kind}): {wrong}")
        _record(identity, "tried")
        return
    except Exception as error:  # an answer so strange that the checker itself trips over it
        print(f"not yet (type): the checker cannot make sense of this answer; it met {_described(error)}")
        _record(identity, "tried")
        return
    print(f"solved: {name}" + ("" if name.endswith("?") else ".") + f" {EXERCISES[identity].lesson}")
    _record(identity, "solved")


def hint(identity: str) -> None:
    """Print a hint for an exercise, such as "1.1"; each further call goes deeper, up to the third."""
    identity = str(identity)
    if identity not in EXERCISES:
        print(f"There is no exercise {_short(identity)}. There are {', '.join(EXERCISES)}.")
        return
    hints = EXERCISES[identity].hints
    given = min(_hints_given.get(identity, 0), len(hints) - 1)
    _hints_given[identity] = given + 1
    last = given == len(hints) - 1
    print(f"Hint {given + 1} of {len(hints)}: "
        f"{hints[given]}" + (" (That was the last one; the solution is folded away below the "
            "exercise.)" if last else ""))


def _number(answer, truth, slips=(), tolerance=0.006, what="the answer"):
    """Check a number worked out by hand: exactly, or (tolerance above 0) exactly or rounded to two decimals.

    slips: numbers to messages, tried in order; a slip is recognised within the tolerance.
    """
    if answer is None:
        raise ToDo
    if isinstance(answer, np.ndarray) and answer.size == 1:
        answer = answer.item()
    if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, Real):
        raise Wrong("type", f"{what} should be one number; yours is {_short(answer)}.")
    if not math.isfinite(answer):
        raise Wrong("value", f"{what} is {answer}; a number by hand is finite.")
    if abs(answer - truth) <= (0.0006 if tolerance else 0) or tolerance and abs(answer - round(truth, 2)) < 1e-9:
        return
    for number, message in dict(slips).items():
        if abs(answer - number) <= tolerance:
            raise Wrong("value", message)
    if 0 < truth < 1 and abs(answer - 100 * truth) <= 100 * tolerance:
        raise Wrong("value", f"{what} is a share between 0 and 1; yours is in per cent.")
    if abs(answer - truth) <= tolerance:
        raise Wrong("value", f"{what} is nearly {answer:g}, but not to two decimals. Have all the numbers gone in as "
            "they are?")
    raise Wrong("value", f"{what} is not {answer:g}; the right number is {'larger' if truth > answer else 'smaller'}.")


def _choice(answer, choices, messages, what="the answer"):
    """Check a choice of one letter. messages: each wrong letter to what speaks against it."""
    if answer is None or answer == "":
        raise ToDo
    if not isinstance(answer, str):
        raise Wrong("type", f"{what} should be one letter in quotation marks, such as {choices[0]!r}; yours is "
            f"{_short(answer)}.")
    letter = answer.strip().upper()
    if letter not in list(choices):
        raise Wrong("value", f"{what} should be one of {', '.join(choices)}; yours is {_short(answer)}.")
    if letter in messages:
        raise Wrong("value", messages[letter])


# --- notebook 01 ------------------------------------------------------------------------------------------------------


@_exercise(
    "an ellipse and its mask",
    "Image and mask come from the same numbers, so they cannot disagree.",
    "Compare with draw_lesion: how do its two last lines differ?",
    "The mask needs a call of its own. Everything about the shape is the same; one thing is not.",
    "What differs is the colour: a mask says yes or no, whatever the grey level is.",
)
def exercise_1_1(draw_ellipse):
    """Check that the ellipse is drawn, filled, into tissue and mask, on odd sizes, at the border, over older ones."""
    import cv2

    cases = [
        ("a slanted ellipse", (61, 83), (50, 25), (20, 9), 30, 90, False),
        ("a flat one cut by the border", (61, 83), (3, 40), (24, 8), 0, 200, False),
        ("a long one", (160, 200), (101, 75), (80, 40), 110, 60, False),
        ("a second ellipse over an older one", (61, 83), (60, 20), (10, 14), 45, 120, True),
        ("a grey level of 1", (40, 40), (20, 20), (12, 6), 90, 1, False),
    ]
    for on, size, centre, half_axes, angle, level, older in cases:
        tissue, mask = np.zeros((2, *size), np.uint8)
        if older:
            cv2.circle(tissue, (20, 40), 9, 77, cv2.FILLED)
            cv2.circle(mask, (20, 40), 9, 1, cv2.FILLED)
        _check_drawn(draw_ellipse, tissue, mask, (centre, half_axes, angle, level), on)


def _check_drawn(draw, tissue, mask, shape, on):
    import cv2

    old_tissue, old_mask = tissue.copy(), mask.copy()
    centre, half_axes, angle, level = shape

    def blank(colour, *ellipse, thickness=cv2.FILLED):
        return cv2.ellipse(np.zeros_like(mask), *ellipse, 0, 360, colour, thickness)

    class Into:  # carries the two arrays past the copying of _call, since they are to be changed
        def __call__(self, *arguments):
            return draw(tissue, mask, *arguments)

    into = Into()
    into.__code__ = getattr(draw, "__code__", None)
    if not callable(draw):
        _call(draw)
    result = _call(into, *shape, on=on)
    true = blank(1, centre, half_axes, angle)
    new = (mask != old_mask).astype(np.uint8)
    drawn = (tissue != old_tissue).astype(np.uint8)
    if not new.any() and not drawn.any():
        raise Wrong("missing", "nothing is drawn. Draw into the arrays you are "
            "given" + (", and return nothing." if result is not None else "."))
    if not new.any():
        raise Wrong("missing", "the mask stays empty: an image without its mask teaches a network to find nothing.")
    if not drawn.any():
        raise Wrong("missing", "the tissue stays empty: only the mask shows the ellipse.")
    if mask.max() > 1:
        raise Wrong("value", f"the mask holds {mask.max()}. A mask says 1 for lesion however bright the lesion is.")
    kept = (old_mask == 1) & (true == 0)
    if (mask < old_mask).any() or (tissue != old_tissue)[kept].any():
        raise Wrong("value", f"on {on}: what was drawn before has been erased.")
    for shown, name in ((new, "mask"), (drawn, "tissue")):
        if _overlap(shown, true) >= 0.93:
            continue
        for message, slip in {
            "only its outline is drawn, not the inside.": blank(1, centre, half_axes, angle, thickness=1),
            "the angle is not used.": blank(1, centre, half_axes, 0),
            "the ellipse turns the other way: OpenCV's angles run clockwise.": blank(1, centre, half_axes, -angle),
            "the two half axes are swapped.": blank(1, centre, half_axes[::-1], angle),
            "row and column of the centre are swapped; OpenCV wants (x, y).": blank(1, centre[::-1], half_axes, angle),
            "it is twice too large: cv2.ellipse wants half axes.": blank(1, centre, (2 * half_axes[0],
                2 * half_axes[1]), angle),
            "it is half as large as it should be: the numbers given are half axes already.": blank(1, centre,
                (half_axes[0] // 2, half_axes[1] // 2), angle),
        }.items():
            if _overlap(shown, slip) > 0.97:
                raise Wrong("value", f"on {on}, in the {name}: {message}")
        raise Wrong("value", f"on {on} the {name} shows something other than the whole ellipse.")
    if (new != drawn)[old_mask == 0].any():
        raise Wrong("value", f"on {on} tissue and mask disagree in {(new != drawn).sum()} pixels; use the same "
            "numbers for both.")
    if (tissue[drawn == 1] != level).any():
        raise Wrong("value", f"on {on} the tissue should show the grey level {level}; it shows "
            f"{tissue[drawn == 1][0]}.")


def _overlap(a, b):
    """Return the Dice of two masks, as plain as can be."""
    return 2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1)


@_exercise(
    "the Dice of a disc one pixel too small",
    "For a lesion this small, one ring of pixels costs a fifth of the score; for a radius of 50 it would cost 0.02.",
    "The smaller disc lies wholly inside the larger. So how large is the overlap?",
    "Areas grow with the square of the radius, and pi cancels.",
    "Twice the smaller area, divided by the sum of both areas.",
)
def exercise_1_2(answer):
    """Check a number: the Dice of a disc of radius 4 inside one of radius 5."""
    _number(answer, 32 / 41, {
        16 / 25: "that is the intersection over the union. Dice counts the overlap twice and divides by the sum of "
            "both areas.",
        16 / 41: "you forgot the 2: this way two equal masks would score only 0.5.",
        4 / 5: "that is the ratio of the radii. Masks are compared by their areas, which grow with the square.",
        8 / 9: "you put radii where the areas belong. Areas grow with the square of the radius.",
        9 / 25: "that is the share of the lesion that is missed.",
        1: "a mask that is one pixel too small on all sides does not agree with the truth.",
    }, what="the Dice")


@_exercise(
    "a mask from a file",
    "Most trouble with masks of one's own starts with 0 and 255, or with grey pixels along smoothed edges.",
    "Three things differ between a stored mask and ours: the values, the type and the number of axes.",
    "Compare with 128 to get yes or no, and think about what type a comparison gives.",
    "After the comparison: .astype(np.uint8) for the type, [..., None] for the last axis.",
)
def exercise_1_3(clean_mask):
    """Check stored masks become `[h, w, 1]` uint8 of 0 and 1: smoothed edges, empty, full, odd sizes, other shapes."""
    ramp = np.arange(256, dtype=np.uint8).reshape(8, 32)
    blob = np.zeros((7, 5), np.uint8)
    blob[2:5, 1:4] = [[60, 130, 60], [128, 255, 127], [90, 200, 10]]
    stored = {
        "a mask with smoothed edges": blob,
        "every grey level from 0 to 255": ramp,
        "an empty mask": np.zeros((3, 4), np.uint8),
        "a mask that is all lesion": np.full((5, 2), 255, np.uint8),
        "a faint mask, 0 to 140": np.array([[0, 140, 100]], np.uint8),
        "a mask of one pixel": np.array([[255]], np.uint8),
    }
    cases = list(stored)
    got = []
    for on in cases:
        result = _call(clean_mask, stored[on], on=on)
        result = _array(result, on=on)
        height, width = stored[on].shape
        if result.shape == (height, width):
            raise Wrong("shape", "the last axis is missing: the course's masks are [height, width, 1], with one "
                "channel.")
        result = _array(result, (height, width, 1), on=on)
        if result.dtype == bool:
            raise Wrong("dtype", "a comparison gives True and False; the course's masks are uint8, 1 and 0.")
        if result.dtype.kind == "f":
            raise Wrong("dtype", f"it returns {result.dtype.name}: a division gives fractions, and a mask says yes or "
                "no.")
        got.append(_array(result, dtypes="uint8"))
    if any(g.max() > 1 for g in got):
        raise Wrong("value", f"it still holds {max(g.max() for g in got)}; the course's masks hold 0 and 1.")

    def by(rule):
        return [rule(stored[on].astype(int))[..., None].astype(np.uint8) for on in cases]

    _verdict(got, by(lambda s: s >= 128), {
        "pixels of the smoothed edge are lost: 255 // 255 is 1, but 254 // 255 is 0. Compare with the middle instead.":
            by(lambda s: s == 255),
        "the lesion grows by its smoothed edge: not every pixel above 0 is more lesion than background.": by(lambda s:
            s > 0),
        "128 counts as lesion, says the task; you compare with > 128.": by(lambda s: s > 128),
        "128 is the smallest value that counts as lesion; yours begins at 127.": by(lambda s: s >= 127),
        "it is upside down: lesions became 0 and background 1.": by(lambda s: s < 128),
        "you compare with a threshold that depends on the picture; a faint or an empty mask then goes wrong.":
            by(lambda s: s > s.max() / 2),
        "you compare with a threshold that depends on the picture; a mask that is all lesion then goes wrong.":
            by(lambda s: s > s.mean()),
    }, cases)


@_exercise(
    "a split by patients",
    "Now no patient is on both sides, so the test asks for skill and not for memory.",
    "Draw patients, not pictures. How do you get the list of patients from the list of pictures?",
    "np.unique gives each patient once; the generator's choice draws some of them, without replacement.",
    "np.isin says of each picture whether its patient is among those drawn.",
)
def exercise_1_4(split_patients):
    """Check that whole patients are drawn at random, repeatably from the generator, whatever patients are called."""
    uneven = np.array([3, 3, 3, 3, 3, 3, 3, 3, 8, 8, 1, 5, 3, 8, 12, 12])
    cases = [
        ("pictures of five patients, two to be drawn", uneven, 2),
        ("patients with names", np.array(["li", "ada", "li", "bo", "ada", "cy"]), 1),
        ("four of five patients", uneven, 4),
        ("one picture of each patient", np.arange(7), 3),
        ("a single patient, none to be drawn", np.array([4, 4]), 0),
    ]
    for on, patients, n in cases:
        seen = set()
        for seed in range(40 if len(patients) > 2 else 3):
            chosen = _checked_split(split_patients, patients, n, seed, on)
            seen.add(chosen.tobytes())
        if len(patients) > 2 and len(seen) == 1:
            raise Wrong("value", "every generator gives the same split: nothing is drawn at random. Use rng.")
    ever = np.zeros(len(uneven), int)
    for seed in range(400, 600):
        ever += _checked_split(split_patients, uneven, 2, seed, cases[0][0])
    share = ever / 200
    if share.min() < 0.2 or share.max() > 0.6:
        raise Wrong("value", "not every patient has the same chance: those with many pictures, or with certain "
            "numbers, are drawn too often.")


def _checked_split(split, patients, n, seed, on):
    results = []
    for noise in (0, 1):
        np.random.seed(noise)
        random.seed(noise)
        results.append(_call(split, patients, n, np.random.default_rng(seed), on=on))
    test = _listed(results[0], on)
    _array(test, on=on)
    if test.shape != patients.shape:
        raise Wrong("shape", f"on {on} it returns the shape {test.shape}; one True or False is needed for each of the "
            f"{len(patients)} pictures.")
    if test.dtype != bool:
        raise Wrong("dtype", f"it returns {test.dtype.name}; True and False are needed, one for each picture.")
    if not _same(*results):
        raise Wrong("value", "the same generator gives two different splits, so your draw does not come from rng. "
            "Global randomness cannot be repeated.")
    both = np.intersect1d(patients[test], patients[~test])
    if len(both):
        raise Wrong("value", f"leakage: on {on}, patient {both[0]} is on both sides. You draw pictures; draw whole "
            "patients.")
    drawn = len(np.unique(patients[test]))
    if drawn == len(np.unique(patients)) - n != n:
        raise Wrong("value", f"on {on} the two sides are swapped: True means test.")
    if drawn < n:
        raise Wrong("value", f"on {on} only {drawn} of {n} patients are drawn. Is the same one drawn twice?")
    if drawn != n:
        raise Wrong("value", f"on {on} {drawn} patients are drawn; n_test is {n}.")
    return test


@_exercise(
    "which of these leaks?",
    "Leakage is any way by which test pictures help to choose what is tested, and not copied files alone.",
    "Ask of each: did anything learned from the test pictures flow into the network or into a setting?",
    "There are two ways to leak: a near copy in training, and a decision taken on the test set. Each occurs here.",
    "Three of the five leak. What is computed from one picture alone, or from training pictures alone, does not.",
)
def exercise_1_5(leaks):
    """Check a set of letters: A, C and E leak."""
    if leaks is None or isinstance(leaks, (str, set, list, tuple)) and not leaks:
        raise ToDo
    if not isinstance(leaks, (str, set, list, tuple)) or not all(isinstance(letter, str) for letter in leaks):
        raise Wrong("type", f"write the letters as one text, such as \"AB\"; yours is {_short(leaks)}.")
    letters = {c.upper() for c in "".join(leaks) if c not in " ,"}
    if letters - set("ABCDE"):
        raise Wrong("value", f"the letters run from A to E; yours hold {', '.join(sorted(letters - set('ABCDE')))}.")
    for letter, message in {
        "B": "B does not leak: mirrored copies of training pictures stay on the training side.",
        "D": "D does not leak: a picture's own mean comes from that picture alone, and you have it when the patient "
            "is new, too.",
    }.items():
        if letter in letters:
            raise Wrong("value", message)
    for letter, message in {
        "A": "one that leaks is missing. Is another slice of a patient whom the network knows really a new picture?",
        "C": "one that leaks is missing. Not only pictures leak: which choice was made with a look at the test set?",
        "E": "one that leaks is missing. Can the very same picture stand on both sides, under two names?",
    }.items():
        if letter not in letters:
            raise Wrong("value", message)


# --- notebook 02 ------------------------------------------------------------------------------------------------------


def _shape_answer(answer, truth, slips, what="the shape"):
    """Check a shape worked out by hand. slips: shapes to messages."""
    if answer is None:
        raise ToDo
    if not isinstance(answer, (tuple, list)) or not all(isinstance(n, Integral) and not isinstance(n,
        bool) for n in answer):
        raise Wrong("type", f"{what} should be whole numbers in brackets, such as (1, 2, 3, 4); yours is "
            f"{_short(answer)}.")
    answer = tuple(int(n) for n in answer)
    if answer == truth:
        return
    if answer in slips:
        raise Wrong("value", slips[answer])
    if len(answer) != len(truth):
        raise Wrong("shape", f"{what} has {len(truth)} numbers: pictures, height, width, channels. Yours has "
            f"{len(answer)}.")
    names = ("number of pictures", "height", "width", "number of channels")
    raise Wrong("value", f"the {next(n for n, a, b in zip(names, answer, truth) if a != b)} is not right.")


@_exercise(
    "the shape at the bottleneck",
    "Height and width halve three times, channels double three times.",
    "How many poolings lie between the input and the bottleneck of a U-Net with four levels?",
    "Each pooling halves height and width; the first of the two numbers is the height.",
    "The channels start at 8 on the first level and double with each level below it.",
)
def exercise_2_1(shape):
    """Check a shape: 64 x 48 pixels after three poolings, 8 filters doubled three times."""
    _shape_answer(shape, (1, 8, 6, 64), {
        (1, 6, 8, 64): "height and width are swapped: arrays are [pictures, height, width, channels].",
        (1, 4, 3, 128): "you pooled four times. Four levels have three poolings between them.",
        (1, 8, 6, 32): "the channels double once more: the bottleneck is the fourth level and has filters of its own.",
        (1, 8, 6, 8): "the number of channels does not stay: it doubles from level to level.",
        (1, 8, 6, 24): "channels double from level to level; you added.",
        (1, 64, 48, 64): "height and width do not stay: pooling halves them.",
        (1, 64, 8, 6): "the channels come last: [pictures, height, width, channels].",
        (8, 6, 64): "the first axis is missing: it counts the pictures, and there is one.",
        (1, 64, 48, 8): "that is the shape after the first block; go down to the bottleneck.",
    })


@_exercise(
    "the weights behind a skip",
    "Half of these weights are the price of the skip connection.",
    "How many channels does the block get once the skip has been joined?",
    "The decoder brings 32 channels and the skip 32 more.",
    "Use conv_weights from this notebook: kernel, channels in, channels out.",
)
def exercise_2_2(weights):
    """Check a number: a 3x3 convolution from 32 + 32 channels to 32."""
    _number(weights, 3 * 3 * 64 * 32 + 32, {
        9 * 32 * 32 + 32: "you counted the decoder's own channels only. The skip adds the encoder's beside them.",
        9 * 64 * 32: "the biases are missing: one for each channel that comes out.",
        9 * 64 * 32 + 64: "one bias belongs to each channel that comes out, not to each that comes in.",
        9 * 96 * 32 + 32: "you joined the bottleneck's 64 channels. The upsampling has halved them already.",
        9 * 64 * 64 + 64: "the block gives 32 channels, not 64.",
        3 * 64 * 32 + 32: "a 3x3 kernel has nine numbers, not three.",
        9 * 32 + 32: "each output channel has one kernel for each channel that comes in.",
        27_712: "that is the whole block with its two convolutions; only the first is asked for.",
    }, tolerance=0)


def _network(block, shapes, on):
    """Return a Keras model around a student's block, called with symbolic inputs of these shapes."""
    import helpers.backend  # noqa: F401
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    result = _call(block, *inputs, on=on)
    if result is None:
        raise Wrong("missing", "it returns None. Is there a `return` in its last line?")
    if not isinstance(result, keras.KerasTensor):
        raise Wrong("type", f"it returns a {type(result).__name__}. Call each layer on x, and return x, as conv_block "
            "does.")
    return inputs, result


def _finished(inputs, result):
    import keras

    try:
        return keras.Model(inputs, result)
    except ValueError:
        raise Wrong("value", "the result does not depend on everything that goes in; is x handed on from layer to "
            "layer?") from None


def _two_models(block, reference, shapes, wanted, on, seed=0):
    """Return outputs of a student's block and of the reference, for the same input and the same random weights.

    The student's weights must already have the right shapes, in the order of the layers.
    """
    model = _finished(*_network(block, shapes, on))
    other = _finished(*_network(reference, shapes, on))
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in wanted]
    model.set_weights(weights)
    other.set_weights(weights)
    images = [rng.normal(0, 1, (2, *shape)).astype(np.float32) for shape in shapes]
    return np.array(model(images)), np.array(other(images))


def _block_weights(channels, filters):
    return [(3, 3, channels, filters), (filters,), (3, 3, filters, filters), (filters,)]


@_exercise(
    "the convolution block",
    "Convolution, ReLU, convolution, ReLU: you will meet it seven times in each U-Net.",
    "Look at what conv_block does in its second round of the loop.",
    "The second half is the same two layers again, called on x.",
    "The last line returns x. Both convolutions pad, so that height and width stay.",
)
def exercise_2_3(block):
    """Check shape, number of weights and values against `conv_block` with the same random weights; odd sizes, too."""
    from helpers.anatomy import conv_block
    from keras import layers

    def without_last_relu(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return layers.Conv2D(filters, 3, padding="same")(x)

    def without_first_relu(x, filters):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    for on, size, channels, filters in [
        ("pictures of 8x8 pixels with 3 channels", (8, 8), 3, 4), ("pictures of odd size, 7x5", (7, 5), 1, 6),
        ("pictures with as many channels as filters", (6, 6), 5, 5), ("a picture of one pixel", (1, 1), 2, 3),
    ]:
        shape = (*size, channels)
        inputs, result = _network(lambda x: block(x, filters), [shape], on)
        if tuple(result.shape)[1:3] != size:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}. Without "
                "padding=\"same\" each 3x3 convolution loses 2 pixels; pooling and strides halve.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"on {on} and with filters={filters}, {result.shape[-1]} channels come out.")
        got = [tuple(w.shape) for w in _finished(inputs, result).weights]
        kernels = [s for s in got if len(s) == 4]
        if len(kernels) == 1:
            raise Wrong("value", "there is only one convolution with weights of its own; the block has two. (Calling "
                "one layer twice shares its weights.)")
        if len(kernels) != 2:
            raise Wrong("value", f"there are {len(kernels)} convolutions; the block has two.")
        if any(k[:2] != (3, 3) for k in kernels):
            raise Wrong("value", f"the kernels are {kernels[0][:2]} and {kernels[1][:2]}; both should be 3x3.")
        if kernels[0][-1] != filters:
            raise Wrong("value", f"with filters={filters}, the first convolution gives {kernels[0][-1]} channels.")
        if len(got) == 2:
            raise Wrong("value", "the biases are switched off.")
        if got != _block_weights(channels, filters):
            raise Wrong("value", "there are more weights than those of two convolutions; leave other layers out.")
        results = _two_models(lambda x: block(x, filters), lambda x: conv_block(x, filters, "c"), [shape], got, on)
        slips = {
            "the last ReLU is missing: negative numbers come out.": without_last_relu,
            "there is no ReLU between the convolutions, and two convolutions in a row are only one larger one.":
                without_first_relu,
        }
        slips = {m: [_two_models(lambda x, f=f: f(x, filters), lambda x: conv_block(x, filters, "c"), [shape], got,
            on)[0]] for m, f in slips.items()}
        _verdict([results[0]], [results[1]], slips, [on])


_BLOCKS = {
    "A": "joining skip 1", "B": "the pooling from 96 to 48", "C": "the bottleneck", "D": "the upsampling from 24 to 48",
    "E": "the block that is kept as skip 1", "F": "the 1x1 convolution with the sigmoid", "G": "joining skip 2",
    "H": "the block that is kept as skip 2", "I": "the upsampling from 48 to 96", "J": "the pooling from 48 to 24",
    "K": "the block on the joined maps of skip 2", "L": "the block on the joined maps of skip 1",
}
_AFTER = (  # (earlier, later, what goes wrong otherwise)
    ("E", "B", "skip 1 is taken at full size: its block comes before the pooling from 96 to 48."),
    ("H", "J", "skip 2 is taken before its level is pooled away: its block comes before the pooling from 48 to 24."),
    ("B", "H", "the encoder goes down level by level: the maps have 48 pixels only after the first pooling."),
    ("J", "C", "the bottleneck is the lowest point: both poolings come before it."),
    ("C", "D", "the decoder climbs up from the bottleneck, so no upsampling comes before it."),
    ("D", "G", "a skip fits only maps of its own size: first the upsampling to 48, then joining skip 2."),
    ("G", "K", "first join, then convolve: the block has to see the skip's channels beside the decoder's."),
    ("K", "I", "each level is finished before the next begins: the block of skip 2 comes before the upsampling to 96."),
    ("I", "A", "a skip fits only maps of its own size: first the upsampling to 96, then joining skip 1."),
    ("A", "L", "first join, then convolve: the block has to see skip 1 beside the decoder's channels."),
    ("L", "F", "the sigmoid's layer is the output: nothing comes after it."),
)


@_exercise(
    "the order of a U-Net",
    "The decoder meets the skips in the opposite order: last kept, first joined.",
    "Start with the only block that can take the picture itself, 96 pixels wide.",
    "Going down: block, pooling, block, pooling. The bottleneck stands in the middle of the twelve.",
    "Going up, each level has three parts: upsampling, joining, block.",
)
def exercise_2_4(order):
    """Check the order of the twelve blocks of a U-Net of depth 3."""
    if order is None or isinstance(order, (str, list, tuple)) and not order:
        raise ToDo
    if not isinstance(order, (str, list, tuple)) or not all(isinstance(letter, str) for letter in order):
        raise Wrong("type", f"write the letters as one text, such as \"ABC\"; yours is {_short(order)}.")
    letters = [c.upper() for c in "".join(order) if c not in " ,->"]
    strange = sorted(set(letters) - set(_BLOCKS))
    if strange:
        raise Wrong("value", f"there is no block {strange[0]}.")
    twice = [c for c in _BLOCKS if letters.count(c) > 1]
    if twice:
        raise Wrong("value", f"{twice[0]}, {_BLOCKS[twice[0]]}, occurs more than once.")
    missing = [c for c in _BLOCKS if c not in letters]
    if missing:
        raise Wrong("missing", f"{len(missing)} of the twelve are missing, among them {missing[0]}, "
            f"{_BLOCKS[missing[0]]}.")
    for earlier, later, message in _AFTER:
        if letters.index(earlier) > letters.index(later):
            raise Wrong("value", message)


@_exercise(
    "a receptive field by hand",
    "The two convolutions below the pooling count double, because a pixel there is two pixels wide.",
    "Walk backwards from one pixel of the result. What does a 3x3 convolution do to the width? What does the pooling?",
    "Each 3x3 convolution adds 2 pixels. Going back through the pooling doubles what you have so far.",
    "From one pixel: two convolutions, then the doubling, then two convolutions more.",
)
def exercise_2_5(answer):
    """Check a number: two 3x3 convolutions, a pooling, two 3x3 convolutions."""
    _number(answer, 14, {
        9: "you left the pooling out: below it, each pixel is two pixels of the picture wide.",
        10: "you left something out: after the doubling come the two convolutions above the pooling, or their share "
            "below it was not doubled.",
        18: "you doubled everything. The convolutions above the pooling work on pixels of full size.",
        5: "that is how far two convolutions see; the other two see further.",
        13: "nearly: the pooling itself sees two pixels and not one.",
        12: "one of the four convolutions is missing.",
        196: "that is the number of pixels in the field; its width is asked for.",
        7: "the pooling doubles what lies below it; it does not halve what lies above.",
    }, tolerance=0, what="the width")


@_exercise(
    "a level of the decoder",
    "Up, join, convolve: with this and conv_block you can build a U-Net of any depth.",
    "The notebook has three functions for the three parts of a level. In which order are they called in build_unet?",
    "upsample(x, filters, name), then join_skip(x, skip, name), then conv_block(x, filters, name).",
    "Each call takes the x that the call before it returned, and each needs a name of its own.",
)
def exercise_2_6(step):
    """Check shape, weights and values of upsampling, joining and convolving, with odd sizes and unequal channels."""
    from helpers.anatomy import conv_block, join_skip, upsample

    def right(x, skip, filters, kind="transpose", turned=False):
        x = upsample(x, filters, "u", kind)
        x = join_skip(skip, x, "j") if turned else join_skip(x, skip, "j")
        return conv_block(x, filters, "c")

    for on, size, below, beside, filters in [
        ("12 channels from below and 5 beside", (4, 3), 12, 5, 7), ("one pixel from below", (1, 1), 2, 1, 3),
        ("as many channels below as beside", (2, 5), 6, 6, 6),
    ]:
        shapes = [(*size, below), (2 * size[0], 2 * size[1], beside)]
        inputs, result = _network(lambda x, skip: step(x, skip, filters), shapes, on)
        if tuple(result.shape)[1:3] == size:
            raise Wrong("shape", "height and width are not doubled: the upsampling is missing.")
        if tuple(result.shape)[1:3] != shapes[1][:2]:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}; the skip has "
                f"{shapes[1][:2]}.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"with filters={filters}, {result.shape[-1]} channels come out. Is the block on the "
                "joined maps missing?")
        try:
            weights = _finished(inputs, result).weights
        except Wrong:
            raise Wrong("value", "the result does not depend on both inputs: is the skip joined?") from None
        got = [tuple(w.shape) for w in weights]
        tail = _block_weights(filters + beside, filters)
        ways = {"transpose": [(2, 2, filters, below), (filters,)], "resize": [(3, 3, below, filters), (filters,)]}
        kind = next((k for k, head in ways.items() if got == head + tail), None)
        if kind is None and got[-4:] == _block_weights(below + beside, filters):
            raise Wrong("value", "the upsampling should bring the channels down to filters before the skip is joined.")
        if kind is None and got[-4:] == _block_weights(filters, filters):
            raise Wrong("value", "the block does not see the skip's channels beside the decoder's: join them, by "
                "concatenation, before it.")
        if kind is None and sum(len(s) == 4 for s in got) < 3:
            raise Wrong("value", "there are too few convolutions: one level is an upsampling with weights and a block "
                "of two convolutions.")
        if kind is None:
            raise Wrong("value", f"on {on} the weights are not those of an upsampling, a joining and a block of two "
                "convolutions.")
        mine, plain = _two_models(lambda x, s: step(x, s, filters), lambda x, s: right(x, s, filters, kind), shapes,
            got, on)
        if not _same(mine, plain):  # the order inside the joined array is free
            _, other = _two_models(lambda x, s: step(x, s, filters), lambda x, s: right(x, s, filters, kind, True),
                shapes, got, on)
            if not _same(mine, other):
                raise Wrong("value", f"on {on} the shapes are right, but not the values. Is a ReLU missing, or one "
                    "too many?")


# --- notebook 03 ------------------------------------------------------------------------------------------------------


@_exercise(
    "steps and batches",
    "The last batch of an epoch is smaller, but it is a step like any other.",
    "How many batches do 1000 pictures fill, the last one, which is not full, included?",
    "62 batches are full. What happens to the 8 pictures that are left?",
    "Multiply the steps of one epoch by the number of epochs: each epoch begins anew.",
)
def exercise_3_1(answer):
    """Check a number: 1000 pictures in batches of 16, five epochs."""
    _number(answer, 5 * math.ceil(1000 / 16), {
        310: "the last 8 pictures of each epoch would never be used: they form a smaller batch.",
        312.5: "there is no half step: the smaller batch is a step, too.",
        313: "you rounded once, at the end. Each epoch has its own last batch.",
        312: "you rounded once, at the end. Each epoch has its own last batch.",
        63: "that is one epoch; there are five.",
        62: "that is one epoch, and its last batch is missing.",
        80: "you multiplied epochs and batch size. How many batches do 1000 pictures fill?",
        5000: "that is how many pictures are looked at; a step takes 16 of them.",
        80_000: "a step takes 16 pictures at once, so there are fewer steps than pictures.",
    }, tolerance=0, what="the number of steps")


@_exercise(
    "mirror a pair",
    "Image and mask moved by the same line of thought, or not at all.",
    "The image's line shows which axis is mirrored, and which pictures are chosen.",
    "The mask needs the same treatment, with the same `chosen`, so that no other picture's mask moves.",
    "Copy the masks first; then masks[chosen] on both sides, with ::-1 on the axis of the width.",
)
def exercise_3_2(mirror):
    """Check that exactly the chosen pictures and their masks are mirrored left to right; none, all, one, odd sizes."""
    rng = np.random.default_rng(0)
    cases, inputs = [], []
    for on, n, size, chosen in [
        ("three pictures, the first and last chosen", 3, (6, 8), [True, False, True]), ("no picture chosen", 2, (4, 4),
            [False, False]),
        ("odd sizes, all chosen", 2, (5, 7), [True, True]), ("a single picture", 1, (3, 5), [True]),
    ]:
        cases.append(on)
        inputs.append((rng.random((n, *size, 1), dtype=np.float32), rng.integers(0, 2, (n, *size, 1)).astype(np.uint8),
            np.array(chosen)))
    got = []
    for on, (images, masks, chosen) in zip(cases, inputs):
        result = _call(mirror, images, masks, chosen, on=on)
        if result is None:
            raise Wrong("missing", "it returns None. Return the images and the masks.")
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise Wrong("type", f"return two things, the images and the masks; yours is a {type(result).__name__}.")
        for name, array, given in zip(("images", "masks"), result, (images, masks)):
            try:
                _array(array, given.shape, given.dtype.name, on)
            except Wrong as wrong:
                raise Wrong(wrong.kind, f"the {name}: {wrong}") from None
        got.append(tuple(result))

    def by(move_images, move_masks):
        both = []
        for images, masks, chosen in inputs:
            pick = chosen[:, None, None, None]
            both.append((move_images(images, pick), move_masks(masks, pick)))
        return both

    def some(flip):
        return lambda a, pick: np.where(pick, flip(a), a)

    def keep(a, pick):
        return a

    def every(a, pick):
        return a[:, :, ::-1]

    left_right, up_down = some(lambda a: a[:, :, ::-1]), some(lambda a: a[:, ::-1])
    for part, name in ((0, "images"), (1, "masks")):
        _verdict([g[part] for g in got], [r[part] for r in by(left_right, left_right)], {
            f"the {name} stay as they were, and the others move: now lesions and their masks are in different places.":
                [r[part] for r in by(keep, keep)],
            f"the {name} are turned upside down: axis 1 is the height, axis 2 the width.":
                [r[part] for r in by(up_down, up_down)],
            f"all {name} are mirrored, and not only the chosen ones.": [r[part] for r in by(every, every)],
            f"the {name} of the batch are put in another order: axis 0 counts the pictures.":
                [r[part] for r in by(lambda a, p: a[::-1], lambda a, p: a[::-1])],
            f"the {name} are turned by half a circle: both axes are mirrored.": [r[part] for r in by(some(lambda a:
                a[:, ::-1, ::-1]), some(lambda a: a[:, ::-1, ::-1]))],
            f"the {name} that were not chosen are mirrored, and the chosen ones are not.":
                [r[part] for r in by(lambda a, p: np.where(p, a, a[:, :, ::-1]), lambda a, p: np.where(p, a, a[:, :,
                    ::-1]))],
        }, cases)


@_exercise(
    "which run over-fits?",
    "Over-fitting is a gap that opens: training goes on rising while validation turns back.",
    "Look at both columns of a run together. Do they part?",
    "A low score is not an over-fit. A training score that leaves the validation score behind is.",
    "The network to keep is that of the highest validation score, wherever training went afterwards.",
)
def exercise_3_3(run, epoch):
    """Check two choices: the run that over-fits, and the epoch whose network to keep."""
    if run is None and epoch is None:
        raise ToDo
    if run is not None:
        _choice(run, "ABC", {
            "A": "run A: both scores rise together, and the gap between them stays at a point or two. That is a "
                "healthy run.",
            "C": "run C: both scores stay low together. That is under-fitting: it has not even learned the training "
                "pictures.",
        }, what="the run")
    if epoch is not None:
        _number(epoch, 10, {
            40: "the last epoch has the best training score, but training is not what you want to know.",
            20: "by then validation has fallen already.",
            5: "too early: both scores still rise.",
        }, tolerance=0, what="the epoch")
    if run is None or epoch is None:
        raise Wrong("missing", f"right so far; the {'run' if run is None else 'epoch'} is still missing.")


@_exercise(
    "a learning rate by hand",
    "That is the whole schedule: a line up, half a cosine down.",
    "In the second part, first work out how much of it is done: 0 at its start, 1 at the end.",
    "cos runs from 1 to -1 while its argument runs from 0 to pi. How do you make 1 to 0 of it?",
    "Add 1 and halve; then multiply by the peak. What is done counts from the end of the warm-up.",
)
def exercise_3_4(rate):
    """Check the rate at the start, in the warm-up, at the peak, half-way and at the end; without warm-up, too."""
    def curve(step, peak, steps, warmup):
        if step < warmup:
            return peak * step / warmup
        return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2

    cases, inputs = [], []
    for on, peak, steps, warmup in [("1000 steps with 100 of warm-up", 0.3, 1000, 100), ("no warm-up", 2.0, 60, 0),
        ("half of it warm-up", 1.0, 7, 3)]:
        for step in sorted({0, 1, warmup // 2, warmup, warmup + 1, (steps + warmup) // 2, steps - 1, steps}):
            cases.append(f"step {step}, {on}")
            inputs.append((step, peak, steps, warmup))
    got = []
    for on, arguments in zip(cases, inputs):
        result = _call(rate, *arguments, on=on)
        if result is None:
            raise Wrong("missing", f"on {on} it returns None. Is there a `return` on both sides of the `if`?")
        if isinstance(result, np.ndarray) and result.size == 1:
            result = result.item()
        if isinstance(result, bool) or not isinstance(result, Real):
            raise Wrong("type", f"on {on} it returns {_short(result)}, not one number.")
        got.append(float(result))

    def by(rule):
        return [float(rule(*arguments)) for arguments in inputs]

    def late(rule):
        return by(lambda step, peak, steps, warmup: curve(step, peak, steps, warmup) if step < warmup else rule(step,
            peak, steps, warmup))

    _verdict(got, by(curve), {
        "the cosine runs below 0: it goes from 1 to -1, and a rate ends at 0.": late(lambda s, p, n, w:
            p * math.cos(math.pi * (s - w) / (n - w))),
        "the rate is twice too high after the warm-up: 1 + cos starts at 2.": late(lambda s, p, n, w:
            p * (1 + math.cos(math.pi * (s - w) / (n - w)))),
        "the cosine has to start at the end of the warm-up; yours starts at step 0, so the rate jumps.": late(lambda s,
            p, n, w: p * (1 + math.cos(math.pi * s / n)) / 2),
        "the cosine should reach 0 at the last step; you divide by all steps, the warm-up included.": late(lambda s, p,
            n, w: p * (1 + math.cos(math.pi * (s - w) / n)) / 2),
        "that is a straight line down; a cosine is flat at the top and at the end.": late(lambda s, p, n, w:
            p * (1 - (s - w) / (n - w))),
        "the quarter of a cosine is steepest at the end; half a cosine is flat there.": late(lambda s, p, n, w:
            p * math.cos(math.pi / 2 * (s - w) / (n - w))),
        "math.cos takes radians, where half a circle is pi, not 180.": late(lambda s, p, n, w:
            p * (1 + math.cos(180 * (s - w) / (n - w))) / 2),
        "the share that is done is always 0 before the end: // cuts off the fraction.": late(lambda s, p, n, w:
            p * (1 + math.cos(math.pi * ((s - w) // (n - w)))) / 2),
        "there is no warm-up: the rate starts at its peak.": by(lambda s, p, n, w: curve(max(s, w), p, n, w)),
    }, cases)


@_exercise(
    "a callback that stops at a goal",
    "Every callback is like this: Keras calls it at a moment, and it looks at the logs or changes the model.",
    "Which method of a callback does Keras call when the validation score of an epoch is known?",
    "The scores stand in the dictionary `logs`; the key is the score's name, with val_ for validation.",
    "The run ends when self.model.stop_training is True. Set it only if the goal is reached.",
)
def exercise_3_5(callback_class):
    """Check, with a pretended model, that it stops at the goal, by validation Dice, and undoes no other stop."""
    if not isinstance(callback_class, type):
        raise Wrong("type", f"hand over the class itself, by its name without brackets, not {_short(callback_class)}.")
    import helpers.backend  # noqa: F401
    import keras

    if not issubclass(callback_class, keras.callbacks.Callback):
        raise Wrong("type", "the class should derive from keras.callbacks.Callback; Keras calls nothing else.")

    def epochs(goal, rows, stopped=False):
        class Model:  # as much of a model as a callback needs
            stop_training = stopped

        def run():
            model, seen = Model(), []
            callback = callback_class(goal)
            callback.set_model(model)
            callback.on_train_begin()
            for epoch, logs in enumerate(rows):
                callback.on_epoch_begin(epoch)
                callback.on_train_batch_end(0, {k: v for k, v in logs.items() if not k.startswith("val_")})
                callback.on_epoch_end(epoch, dict(logs))
                seen.append(bool(model.stop_training))
            callback.on_train_end()
            if getattr(callback, "stop_training", False):
                raise Wrong("value", "you set self.stop_training; it is the model that has to stop, and the callback "
                    "has it as self.model.")
            return seen

        run.__code__ = run.__code__.replace(co_filename=getattr(callback_class.on_epoch_end, "__code__",
            run.__code__).co_filename)
        return run

    def row(val_dice, dice=0.5, loss=0.4, val_loss=0.4):
        return {"dice": dice, "loss": loss, "val_dice": val_dice, "val_loss": val_loss}

    rising = [row(0.2), row(0.7, dice=0.85), row(0.9, dice=0.95), row(0.95, dice=0.97)]
    tests = [
        ("a run that passes the goal", 0.8, rising, False, [False, False, True, True]),
        ("a run that stays below its goal", 0.96, rising, False, [False] * 4),
        ("a run that reaches its goal exactly", 0.9, rising[:3], False, [False, False, True]),
        ("a run whose training score is past the goal, but not its validation score", 0.8, [row(0.6, dice=0.99,
            val_loss=0.9, loss=0.9)], False, [False]),
        ("a low goal", 0.1, [row(0.05, val_loss=0.05), row(0.3)], False, [False, True]),
        ("a run that another callback is stopping", 0.8, [row(0.3)], True, [True]),
        ("an epoch without validation", 0.8, [{"dice": 0.9, "loss": 0.1}], False, [False]),
    ]
    for on, goal, rows, stopped, right in tests:
        try:
            seen = _call(epochs(goal, rows, stopped), on=on)
        except Wrong as wrong:
            if on == "an epoch without validation" and "KeyError" in str(wrong):
                raise Wrong("raises", "in an epoch without validation there is no val_dice in the logs, and it raises "
                    "KeyError. What does logs.get return then?") from None
            if on == "an epoch without validation" and "TypeError" in str(wrong):
                raise Wrong("raises", "in an epoch without validation logs.get gives None, which cannot be compared. "
                    "Give it a second argument.") from None
            raise
        if seen == right:
            continue
        if stopped:
            raise Wrong("value", "below the goal you set stop_training to False. That undoes the stop of another "
                "callback, such as EarlyStopping; set it only when you want to stop.")
        if on.startswith("a run that reaches its goal exactly"):
            raise Wrong("value", "a run that reaches its goal exactly does not stop: > leaves the goal itself out.")
        if seen == [any(r["dice"] >= goal for r in rows[: i + 1]) for i in range(len(rows))]:
            raise Wrong("value", "it stops by the training score. Training pictures are known by heart at some time; "
                "look at validation.")
        if on == "a run that passes the goal" and not any(seen):
            raise Wrong("value", "a run that passes its goal is never stopped.")
        if on == "a run that passes the goal" and seen == [True] * 4:
            raise Wrong("value", "it stops at the first epoch, although the goal is not reached. Which way round is "
                "the comparison?")
        raise Wrong("value", f"on {on} it {'stops' if any(seen) else 'does not stop'}. Which number do you compare "
            "with the goal?")


# --- notebook 04 ------------------------------------------------------------------------------------------------------


@_exercise(
    "precision, recall and Dice by hand",
    "Precision looks along what was marked, recall along what is there, and Dice stands between them.",
    "Write down which pixels are marked (TP and FP) and which are lesion (TP and FN).",
    "Precision divides TP by what was marked, recall divides TP by what is there.",
    "Dice divides twice the TP by both together: marked plus there.",
)
def exercise_4_1(precision, recall, dice):
    """Check three numbers from TP 80, FP 20, FN 60."""
    if precision is None and recall is None and dice is None:
        raise ToDo
    answers = {"precision": precision, "recall": recall, "Dice": dice}
    slips = {
        "precision": {4 / 7: "that is recall; precision divides by what was marked, TP + FP.", 0.5: "that is IoU.",
            0.25: "that is FP over TP."},
        "recall": {0.8: "that is precision; recall divides by what is there, TP + FN.", 0.5: "that is IoU.", 0.75:
            "you divided FN by TP."},
        "Dice": {
            0.5: "that is IoU, TP / (TP + FP + FN). Dice counts the TP twice, above and below.",
            (0.8 + 4 / 7) / 2: "that is the arithmetic mean of precision and recall; Dice is the harmonic one.",
            1 / 3: "you forgot the 2 above the line.",
            1: "you counted the TP twice above the line, but only once below it.",
        },
    }
    right = {"precision": 80 / 100, "recall": 80 / 140, "Dice": 160 / 240}
    for name, answer in answers.items():
        if answer is not None:
            try:
                _number(answer, right[name], slips[name], what=name)
            except Wrong as wrong:
                raise Wrong(wrong.kind, f"{name}: {wrong}") from None
    missing = [name for name, answer in answers.items() if answer is None]
    if missing:
        raise Wrong("missing", f"right so far; {' and '.join(missing)} is still missing.")


@_exercise(
    "Dice from probabilities",
    "Per image, thresholded, and with a rule for empty masks: that is the Dice this course means.",
    "A score of exactly the threshold counts as lesion. What type does a comparison give?",
    "Sum over the axes of height, width and channel, so that one number for each picture is left.",
    "Where both areas are 0, np.where puts a 1; np.maximum keeps the division from dividing by 0.",
)
def exercise_4_2(my_dice):
    """Check Dice per image on empty masks, one picture, odd sizes, scores at the threshold, and other thresholds."""
    rng = np.random.default_rng(0)
    blob = np.zeros((3, 9, 7, 1), np.uint8)
    blob[0, :2, :2], blob[1, 1:8, 1:6], blob[2, 4, 3] = 1, 1, 1
    scores = np.clip(0.7 * blob + rng.random(blob.shape) * 0.5, 0, 1).astype(np.float32)
    empty = np.zeros((2, 4, 4, 1), np.uint8)
    noise = rng.random((2, 4, 4, 1), dtype=np.float32)
    half = np.full((1, 2, 4, 1), 0.5, np.float32)
    big = np.ones((2, 40, 40, 1), np.uint8)
    big[1, 3:] = 0
    inputs = {
        "three lesions of different size": (blob, scores, 0.5),
        "a threshold of 0.8": (blob, scores, 0.8),
        "one empty truth with marks, one with none": (empty, np.stack([noise[0], 0 * noise[1]]), 0.5),
        "a truth with lesions and no marks": (blob, 0 * scores, 0.5),
        "scores exactly at the threshold": (np.ones((1, 2, 4, 1), np.uint8), half, 0.5),
        "a single picture": (blob[1:2], scores[1:2], 0.5),
        "lesions of more than 255 pixels": (big, big * np.float32(0.9), 0.5),
        "one lone pixel, missed and empty beside": (np.eye(1, 4, dtype=np.uint8).reshape(2, 1, 2, 1), np.zeros((2, 1,
            2, 1), np.float32), 0.5),
    }
    cases = list(inputs)
    got = []
    for on in cases:
        result = _listed(_call(my_dice, *inputs[on], on=on), on)
        if isinstance(result, (int, float)):
            result = np.float64(result)
        _array(result, on=on)
        n = len(inputs[on][0])
        if result.shape == ():
            raise Wrong("shape", "one number comes out for all pictures. Did you sum over the batch? Then a big "
                "lesion hides a small one. Return one Dice for each picture.")
        if result.shape != (n,):
            raise Wrong("shape", f"on {on} it returns the shape {result.shape}; one Dice is needed for each of the "
                f"{n} pictures. Over which axes do you sum?")
        got.append(result.astype(float))

    axes = (1, 2, 3)

    def by(marks=lambda s, t: s >= t, formula=lambda o, a, b: 2 * o / np.maximum(a + b, 1), both_empty=lambda d, a, b:
        np.where(a + b == 0, 1.0, d)):
        results = []
        for y_true, s, threshold in inputs.values():
            found = np.asarray(marks(s, threshold), float)
            overlap, a, b = (y_true * found).sum(axis=axes), y_true.sum(axis=axes, dtype=float), found.sum(axis=axes)
            with np.errstate(all="ignore"):
                results.append(both_empty(formula(overlap, a, b), a, b))
        return results

    def as_it_comes(d, a, b):
        return d

    right = by()
    if any(_same(g, r) for g, r in zip(got[2:3], right[2:3])) is False and any(np.isnan(g).any() for g in got):
        raise Wrong("value", "two empty masks give 0/0, which is NaN, and one NaN spoils the mean. Which score has it "
            "earned to find nothing where nothing is?")
    _verdict(got, right, {
        "two empty masks score 0; to find nothing where there is nothing is right, and scores 1.":
            by(both_empty=as_it_comes),
        "the scores are used as they are: no threshold is applied.": by(marks=lambda s, t: s),
        "the threshold is fixed at 0.5; the function is given one.": by(marks=lambda s, t: s >= 0.5),
        "a score of exactly the threshold counts as lesion: you compare with >.": by(marks=lambda s, t: s > t),
        "the comparison is the wrong way round: you mark what is below the threshold.": by(marks=lambda s, t: s < t),
        "that is IoU: it divides by the union. Dice divides by the sum of both areas.": by(formula=lambda o, a, b:
            o / np.maximum(a + b - o, 1)),
        "you forgot the 2: equal masks should score 1.": by(formula=lambda o, a, b: o / np.maximum(a + b, 1)),
        "an empty truth always scores 1, whatever is marked; only two empty masks do.": by(both_empty=lambda d, a, b:
            np.where(a == 0, 1.0, d)),
        "an empty prediction always scores 1, whatever is missed; only two empty masks do.": by(both_empty=lambda d, a,
            b: np.where(b == 0, 1.0, d)),
        "that is recall: it divides by the lesion's area only.": by(formula=lambda o, a, b: o / np.maximum(a, 1)),
        "that is precision: it divides by the marked area only.": by(formula=lambda o, a, b: o / np.maximum(b, 1)),
    }, cases)


@_exercise(
    "lesions found",
    "Counted by lesions, a small one that is missed weighs as much as a large one.",
    "Which function of OpenCV gives each connected lesion a number of its own? lesion_table uses it.",
    "cv2.connectedComponents counts the background as component 0.",
    "For each label from 1 on: the mean of y_pred inside it is the share that was found.",
)
def exercise_4_3(count_found):
    """Check (found, total): no lesion, all missed, exactly half, diagonal contact, marks elsewhere, odd sizes."""
    true = np.zeros((11, 14, 1), np.uint8)
    true[0:2, 0:4], true[5:9, 5:9], true[10, 13], true[3, 11:13] = 1, 1, 1, 1
    half = np.zeros_like(true)
    half[0:2, 0:2], half[5:9, 5:7], half[3, 11] = 1, 1, 1
    touch = np.zeros_like(true)
    touch[5:6, 5:9], touch[0, 0], touch[10, 13] = 1, 1, 1
    corner = np.zeros((4, 4, 1), np.uint8)
    corner[0:2, 0:2], corner[2:4, 2:4] = 1, 1
    small_first = np.zeros_like(true)
    small_first[10, 13], small_first[3, 11:13] = 1, 1
    inputs = {
        "four lesions, all found": (true, true), "four lesions, three of them exactly half": (true, half),
        "four lesions, most of them touched in few pixels": (true, touch), "four lesions, none found": (true, 0 * true),
        "an empty truth": (0 * true, 0 * true), "an empty truth with marks": (0 * true, true),
        "everything marked": (true, np.ones_like(true)), "two squares that touch at a corner": (corner, corner),
        "only the small lesions found": (true, small_first), "a picture that is all lesion": (np.ones((3, 5, 1),
            np.uint8), np.ones((3, 5, 1), np.uint8)),
    }
    cases = list(inputs)
    got = []
    for on in cases:
        result = _call(count_found, *inputs[on], on=on)
        if result is None:
            raise Wrong("missing", "it returns None. Return how many were found, and how many there are.")
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not all(np.ndim(n) == 0 for n in result):
            raise Wrong("type", f"on {on} it returns {_short(result)}; return two numbers, found and total.")
        got.append(tuple(float(n) for n in result))

    def by(rule, background=0, connect=8):
        import cv2

        results = []
        for y_true, y_pred in inputs.values():
            count, labels = cv2.connectedComponents(y_true[..., 0], connectivity=connect)
            shares = [y_pred[..., 0][labels == k].mean() for k in range(1 - background, count) if (labels == k).any()]
            results.append((float(sum(rule(s) for s in shares)), float(len(shares))))
        return results

    def of_pixels():
        return [(float((t & p).sum()), float(t.sum())) for t, p in inputs.values()]

    right = by(lambda s: s >= 0.5)
    swapped = [(t, f) for f, t in right]
    _verdict(got, right, {
        "component 0 is the background; it was counted as a lesion.": by(lambda s: s >= 0.5, background=1),
        "the total counts the background, component 0, as a lesion.": [(f, t + 1) for f, t in right],
        "a lesion of which exactly half is found counts as found: you compare with >.": by(lambda s: s > 0.5),
        "a single pixel is not enough: half of the lesion has to be found.": by(lambda s: s > 0),
        "you ask for the whole lesion; half of it is enough.": by(lambda s: s >= 1),
        "you count pixels; one lesion is one case, whatever its size.": of_pixels(),
        "the two numbers are swapped: found comes first, then total.": swapped,
        "you count what was missed.": [(t - f, t) for f, t in right],
        "squares that touch at a corner are one lesion: OpenCV counts eight neighbours unless told otherwise.":
            by(lambda s: s >= 0.5, connect=4),
    }, cases)


@_exercise(
    "which score to publish?",
    "Test pictures, first look, a threshold chosen elsewhere, every patient alike: and the baseline beside it.",
    "Which of the pictures had nobody looked at before?",
    "Of those on the test set, which used the test set to choose something?",
    "Of those that are left, which one cannot be made splendid by easy background or one large lesion?",
)
def exercise_4_4(letter):
    """Check a choice: the per-image Dice on the test set with the threshold from validation."""
    _choice(letter, "ABCDE", {
        "A": "A: the validation pictures chose the epoch and the threshold, so their score flatters.",
        "C": "C: twenty thresholds were tried on the test set and the best kept. The test set has become a validation "
            "set.",
        "D": "D: pooled over pixels, a large lesion hides small ones that are missed.",
        "E": "E: pixel accuracy is won by background; all background alone has 0.91.",
    })


@_exercise(
    "a bootstrap interval",
    "Pictures drawn with replacement, a mean each time, and what lies in the middle 95 % of the means.",
    "One repeat: as many scores as there are, drawn with replacement, and their mean.",
    "rng.choice(scores, len(scores)) draws with replacement. Repeat that, and keep the means in a list.",
    "np.quantile of the means, at 0.025 and 0.975.",
)
def exercise_4_5(my_interval):
    """Check intervals whose ends are known: few scores, equal ones, one, many; repeatable from the generator."""
    skewed = np.random.default_rng(1).beta(8, 1, 200)
    inputs = {
        "three scores of 0 and three of 1": (np.array([0.0, 1, 0, 1, 0, 1]), 1), "equal scores": (np.full(9, 0.7), 2),
        "one score": (np.array([0.25]), 3), "200 scores": (skewed, 4), "four times their spread": (skewed * 4 + 1, 5),
    }
    repeats = 4000
    got = {}
    for on, (scores, seed) in inputs.items():
        results = []
        for noise in (0, 1):
            np.random.seed(noise)
            random.seed(noise)
            result = _listed(_call(my_interval, scores, np.random.default_rng(seed), repeats, on=on), on)
            if result is None:
                raise Wrong("missing", "it returns None. Return the two ends of the interval.")
            if np.shape(result) != (2,):
                raise Wrong("shape", f"on {on} it returns {_short(result)}; return two numbers, the lower and the "
                    "upper end.")
            results.append(np.array(result, float))
        if not _same(results[0], results[-1]):
            raise Wrong("value", "the same generator gives two different intervals, so your draws do not come from "
                "rng.")
        got[on] = results[0]
    low, high = got["200 scores"]
    if low > high:
        raise Wrong("value", "the ends are swapped: the lower one comes first.")
    if got["three scores of 0 and three of 1"].tolist() == [0.5, 0.5]:
        raise Wrong("value", "the interval has no width: drawn without replacement, the same scores come out in "
            "another order, with the same mean.")
    width = high - low
    if math.isclose(low, np.quantile(skewed, 0.025), abs_tol=0.03) and math.isclose(high, np.quantile(skewed, 0.975),
        abs_tol=0.03):
        raise Wrong("value", "that is where 95 % of the scores lie. The question is where their mean would lie: draw "
            "again and average.")
    right = 2 * 1.96 * skewed.std() / math.sqrt(len(skewed))
    for factor, message in {
        1 / 1.96: "the interval is half as wide as it should be: that is one standard error to each side, about 68 %.",
        1.645 / 1.96: "the interval covers 90 %: 5 % is cut off on each side. Cut off 2.5 %.",
        math.sqrt(len(skewed)): "that is the spread of the scores themselves, not of their mean.",
        4 / 1.96 / 1.04: "the interval is far too wide: did you take the smallest and largest mean?",
    }.items():
        if abs(width / (right * factor) - 1) < 0.06:
            raise Wrong("value", message)
    if abs(width / right - 1) > 0.09:
        raise Wrong("value", f"on 200 scores the interval is {width / right:.2g} times as wide as it should be. Are "
            "as many scores drawn as there are?")
    means = np.random.default_rng(9).choice(skewed, (repeats, len(skewed))).mean(axis=1)
    if np.abs([low, high] - np.quantile(means, [0.025, 0.975])).max() > 0.05 * right:
        raise Wrong("value", "the two ends do not cut off the same share of the means: 2.5 % belongs to each side.")
    for on, ends in (("three scores of 0 and three of 1", (1 / 6, 5 / 6)), ("equal scores", (0.7, 0.7)), ("one score",
        (0.25, 0.25))):
        if not _same(got[on], np.array(ends)):
            raise Wrong("value", f"on {on} the ends are not right. Are as many scores drawn as there are, and are 2.5 "
                "% of the means cut off on each side?")
    wide = got["four times their spread"]
    if abs((wide[1] - wide[0]) / (4 * width) - 1) > 0.1:
        raise Wrong("value", "scores that spread four times as much should have an interval four times as wide.")


# --- notebook 07 ------------------------------------------------------------------------------------------------------


@_exercise(
    "to each worker its part",
    "With this rule the workers need not talk to each other about who draws what.",
    "Think of 10 pictures and 4 workers: who gets how many? Write down where each part starts.",
    "divmod gives the size of a part and how many pictures are left; the first so many workers get one more.",
    "A part starts after all parts before it: index times the size, plus one for each earlier worker that got one more.",
)
def exercise_7_1(my_part):
    """Check the parts of all workers, for batches that can and cannot be shared equally, and for more workers than pictures."""
    cases, inputs = [], []
    for n, count in ((8, 2), (12, 4), (10, 4), (7, 3), (11, 4), (5, 1), (2, 3)):
        for index in range(count):
            cases.append(f"{n} pictures and {count} workers, worker {index}")
            inputs.append((np.arange(40, 40 + n), index, count))
    got = []
    for on, arguments in zip(cases, inputs):
        result = _array(_listed(_call(my_part, *arguments, on=on), on), on=on)
        if result.ndim != 1:
            raise Wrong("shape", f"on {on} it returns the shape {result.shape}; expected the numbers of this worker only, in one row.")
        got.append(result)

    def by(rule):
        return [rule(*arguments) for arguments in inputs]

    def last_gets_the_rest(numbers, index, count):
        size = len(numbers) // count
        return numbers[index * size :] if index == count - 1 else numbers[index * size : (index + 1) * size]

    def shifted(numbers, index, count):
        size, left = divmod(len(numbers), count)
        return numbers[index * size : (index + 1) * size + (index < left)]

    _verdict(got, by(lambda x, i, c: np.array_split(x, c)[i]), {
        "every picture is drawn once, but each worker takes every so-manieth; a part is to have no gaps.": by(lambda x, i, c: x[i::c]),
        "each worker draws the whole batch; then two workers learn the same twice.": by(lambda x, i, c: x),
        "the pictures that are left over are never drawn.": by(lambda x, i, c: x[i * (len(x) // c) : (i + 1) * (len(x) // c)]),
        "the last worker gets all that is left; the first ones should get one more each.": by(last_gets_the_rest),
        "the longer parts overlap the next ones: a part starts later when earlier ones got one more.": by(shifted),
        "workers are counted from 0; yours are counted from 1.": by(lambda x, i, c: np.array_split(x, c)[i - 1]),
    }, cases)


@_exercise(
    "how many days?",
    "An estimate of one line, before a week of computing.",
    "How many pixels has a scan of 384x384, compared with one of 96x96?",
    "With that many times the pixels, how many scans a second are left? And how many scans in all passes?",
    "Seconds are scans over scans a second; a day has 24 * 60 * 60 of them.",
)
def exercise_7_2(answer):
    """Check a number of days: 200,000 scans of 384x384, ten passes, 300 scans of 96x96 a second."""
    days = 10 * 200_000 * 16 / 300 / 86_400
    _number(answer, days, {
        days / 16: "that is the time for scans of 96x96; these have more pixels.",
        days / 4: "four times the side is more than four times the pixels.",
        days / 10: "that is one pass; there are ten.",
        days * 24: "those are hours; a day has 24 of them.",
        days * 86_400: "those are seconds.",
        days * 1440: "those are minutes.",
        days * 4: "the pixels grow with the square of the side, not with its cube.",
    }, what="the number of days")


# --- predictions ------------------------------------------------------------------------------------------------------


class Prediction(NamedTuple):
    """How a guess is answered: the truth in words, how near counts as right, and typical slips with their messages."""

    says: str  # with {} for the number
    near: float = 0
    slips: dict = {}
    choices: tuple = ()
    example: str = "12"


PREDICTIONS = {
    # 00
    "scan": Prediction("scan 1 holds {} lesions", 0, {
        2: "One is faint, or near the border; look at the picture with the outlines.",
        4: "Where two vessels cross, or one runs along the border, it can look like one.",
        5: "Bright spots along a vessel are not lesions: a lesion is round, and several pixels wide.",
        0: "They are faint, but there: look at the picture with the outlines.",
    }, example="2"),
    # 01
    "disc": Prediction("{} pixels are 1", 0, {
        28: "28 is the area of the ideal circle. Pixels are whole, and a mask is a set of pixels.",
        36: "That is the square around a disc 6 pixels wide; the disc leaves out the corners.",
        49: "That is the whole square around it, 7 pixels wide; the disc leaves out the corners.",
        37: "You counted every pixel that a circle of radius 3 or a little more could touch.",
        19: "That is the circumference; the disc is filled.",
    }),
    "scene shape": Prediction("the shape is {}", 0, {
        (96, 96): "The last axis is missing: it counts the channels, and here there is one.",
        (96, 96, 3): "Three channels make a colour picture; a scan has one grey value for each pixel.",
        (1, 96, 96, 1): "An axis in front counts pictures of a batch. This is one picture, so there is none.",
        (1, 96, 96): "The channels come last in this course.",
    }, example="(1, 2, 3)"),
    "foreground": Prediction("the share of foreground is {:.2f}", 0.02, {
        0.25: "A quarter would look crowded: six lesions of radius 15, the most that one picture gets, cover less "
            "than half of it.",
        0.01: "Rarer than it is: a single lesion of radius 10 takes up three hundredths of a picture.",
        0.5: "Half and half would be balanced. Lesions are rare, here as in a clinic.",
    }, example="0.3"),
    "copying": Prediction("on pictures it has not seen it scores {:.2f}", 0.05, {
        1: "That is what it scores on pictures that it knows, which is what leakage feigns.",
        0: "A little is right by accident: lesions are many, and empty pictures can meet empty masks.",
        0.5: "Similar pictures need not have lesions in the same place; half would be far too much.",
    }, example="0.8"),
    "accuracy": Prediction("its pixel accuracy is {:.2f}", 0.02, {
        0: "It never finds a lesion, and is still right on every pixel of background.",
        0.5: "It would be a half if there were as much foreground as background.",
        0.1: "That is the share of foreground, which it gets wrong. It is right on all the rest.",
    }, example="0.3"),
    "otsu": Prediction("Otsu is {} than the best global threshold", 0, {
        "better": "To adapt to each picture sounds like an advantage. But Otsu adapts to the light, and the light is "
            "what varies most.",
    }, ("better", "worse"), '"better"'),
    # 02
    "kernel": Prediction("around row 2, column 2 it gives {}", 0, {
        0: "It would be 0 if both sides were equally bright. Here the right column of the window lies in the bright "
            "half.",
        -3: "The sign: the kernel counts the right neighbours as positive, and they are the bright ones.",
        9: "Only the right column of the kernel falls on ones; the middle column is 0 and the left one falls on zeros.",
        6: "Both sides would have to add up; the left column falls on zeros, so it adds nothing.",
        1: "That is one row of the window; there are three.",
    }),
    "weights": Prediction("the layer learns {} weights", 0, {
        1152: "The biases are missing: one for each of the 16 results.",
        1160: "One bias for each result, and there are 16 of them, not 8.",
        144: "Each of the 16 results has a kernel of its own for each of the 8 channels that come in.",
        160: "Each of the 16 results has a kernel of its own for each of the 8 channels that come in.",
        128: "That is the number of kernels; each has nine numbers.",
        1153: "Each of the 16 results has a bias of its own.",
    }),
    "block shape": Prediction("the shape is {}", 0, {
        (1, 92, 92, 8): "That is what comes out without padding. Here zeros are put around the picture, so its size "
            "stays.",
        (1, 96, 96, 1): "The block has 8 filters, and each gives a channel.",
        (1, 48, 48, 8): "A convolution does not halve; that will be the work of pooling.",
        (1, 96, 96, 16): "Two convolutions follow each other; their channels do not add up.",
        (96, 96, 8): "The first axis counts the pictures, and it stays.",
    }, example="(1, 2, 3, 4)"),
    "skip shape": Prediction("the shape is {}", 0, {
        (1, 96, 96, 8): "That would be adding the maps. A U-Net puts them side by side.",
        (2, 96, 96, 8): "The pictures do not become more; the channels do.",
        (1, 192, 96, 8): "They are joined along the channels, not along the height.",
        (1, 96, 192, 8): "They are joined along the channels, not along the width.",
    }, example="(1, 2, 3, 4)"),
    "paper": Prediction("it has {:.0f} times fewer weights", 40, {
        8: "8 is the ratio of the filters. Weights grow with the square of it, and the paper has a level more.",
        64: "8 times 8 is right for the filters. The paper's fifth level makes a factor of four more.",
        16: "Weights grow with the square of the filters, and with every level.",
        512: "A little too much: 8 times 8 for the filters, and four for the level more.",
    }),
    "skips": Prediction("most is lost at the {}", 0, {
        "middle": "The bottleneck knows what is in the middle of a lesion. What it does not know is where exactly the "
            "lesion ends.",
    }, ("middle", "boundaries"), '"middle"'),
    # 03
    "steps": Prediction("there are {} steps in all", 0, {
        200: "That is one epoch; there are twelve.",
        9600: "That is how many pictures are looked at; each step takes four at once.",
        12: "One step is one batch, not one epoch.",
        48: "You multiplied epochs and batch size. How many batches do 800 pictures fill?",
        38400: "A step takes four pictures at once, so there are fewer steps than pictures.",
    }),
    "constant": Prediction("the constant with the lowest BCE is {:.1f}", 0.02, {
        0: "With 0 each pixel of a lesion is an infinite surprise, however few of them there are.",
        0.5: "0.5 means \"I do not know\". But one does know something: lesions are rare.",
        0.9: "That is the share of background; the prediction is the probability of foreground.",
        1: "With 1 each pixel of background is an infinite surprise.",
    }, example="0.3"),
    "half": Prediction("the rate is back at half its peak after {} steps", 30, {
        50: "At step 50 the rate is at its peak.",
        25: "At step 25 it is at half its peak for the first time, on its way up. When is it back there?",
        2400: "At the last step the rate is 0.",
        600: "A cosine is flat at the top: a quarter of the way down it has hardly fallen.",
    }),
    "epochs": Prediction("it stopped after {} epochs", 8, {
        80: "All of them would be used if validation went on improving. Six pictures are soon known by heart.",
        15: "15 is how long it waits without an improvement. It begins to count at the best epoch.",
    }),
    "resumed": Prediction("{}", 0, {
        "roughly": "It would be, if the order of the pictures, the augmentation or the optimiser's memory began anew. "
            "All three are kept.",
        "three digits": "Closer than that: nothing that a step depends on was lost.",
    }, ("roughly", "three digits", "exactly"), '"roughly"'),
    # 04
    "curve": Prediction("it is a {}", 0, {
        "hill": "Grey levels make a hill, since many pixels lie on either side of any threshold. A trained network "
            "has hardly any in the middle.",
        "slope": "A slope would mean that a lower, or a higher, threshold is always better. At both ends something is "
            "lost.",
    }, ("hill", "slope", "plateau"), '"hill"'),
    "ladder": Prediction("the difference is {:.2f}", 0.05, {
        0.1: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.05: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.9: "Nobody could: Hough circles stand at about 0.65, and 1 is the highest score there is.",
        0.98: "That is the U-Net's own score; the question is how far it stands above Hough circles.",
    }, example="0.2"),
    "pooled": Prediction("the pooled Dice is {:.2f}", 0.005, {
        0.5: "That is the mean per image. In the pooled score the 20 pixels drown among 1020.",
        0.98: "Nearly: 1000 of 1020 are found, that is recall. Dice has twice the overlap over the sum of both areas.",
        1: "Almost, but 20 pixels are missed.",
        0: "One lesion is found, and it is the large one.",
    }, example="0.3"),
    "noise": Prediction("its Dice falls below 0.8 at a noise of about {:.2f}", 0.04, {
        0.1: "0.10 is the noise that it was trained on; there it is at its best.",
        0.4: "By then it has fallen further.",
    }, example="0.2"),
    "coins": Prediction("{} is closer", 0, {
        "Otsu": "On our scans Otsu fails because of the light. A U-Net knows round, bright things on uneven ground, "
            "and coins are just that.",
        "U-Net": "Coins have reliefs, dark rims and shadows that no drawn disc has, and grey levels alone do well "
            "here.",
    }, ("U-Net", "Otsu"), '"Otsu"'),
}


def reveal(name: str, guess, truth) -> None:
    """Print the truth of a prediction, and an answer to the guess: how far off, and what may lie behind it.

    name: of the prediction; guess: the student's, or None; truth: as it came out. Anything goes as a guess.
    """
    prediction = PREDICTIONS[name]
    truth = truth.item() if isinstance(truth, np.generic) else truth
    says = prediction.says.format(f"{truth:,}" if isinstance(truth, int) and "{}" in prediction.says else truth)
    says = says[0].upper() + says[1:]
    if guess is None:
        print(f"{says}. (No guess yet: put one in place of None.)")
        return
    guess = _plain(guess)
    if isinstance(truth, str):
        answer = _answer_choice(prediction, guess, truth)
    elif isinstance(truth, tuple):
        answer = _answer_shape(prediction, guess, truth)
    else:
        answer = _answer_number(prediction, guess, truth)
    print(f"{says}. {answer}")


def _plain(guess):
    """Return a guess as a plain number, text or tuple where it can be one."""
    if isinstance(guess, (np.ndarray, np.generic)) and guess.size == 1:
        return guess.item()
    return tuple(guess) if isinstance(guess, list) else guess


def _answer_choice(prediction, guess, truth):
    kinds = {choice.casefold(): choice for choice in prediction.choices}
    chosen = kinds.get(guess.strip().casefold()) if isinstance(guess, str) else None
    if chosen is None:
        return f"Your guess {_short(guess)} is none of {', '.join(map(repr, prediction.choices))}."
    if chosen == truth:
        return "That is what you said."
    return f"You said {chosen!r}. {prediction.slips.get(chosen, '')}".rstrip()


def _answer_shape(prediction, guess, truth):
    if not isinstance(guess, tuple) or not all(isinstance(n, Integral) for n in guess):
        return f"Your guess {_short(guess)} is not a shape; write one such as {prediction.example}."
    if guess == truth:
        return "That is what you said."
    if guess in prediction.slips:
        return f"You said {guess}. {prediction.slips[guess]}"
    if len(guess) != len(truth):
        return f"You said {guess}, with {len(guess)} numbers in place of {len(truth)}."
    return f"You said {guess}; {sum(a != b for a, b in zip(guess, truth))} of its {len(truth)} numbers differ."


def _answer_number(prediction, guess, truth):
    if isinstance(guess, bool) or not isinstance(guess, Real) or not math.isfinite(guess):
        return f"Your guess {_short(guess)} is not a number; write one such as {prediction.example}."
    off = guess - truth
    if guess == truth:
        return "That is what you said."
    if abs(off) <= prediction.near and guess not in prediction.slips:
        return f"You said {guess:g}: near enough."
    way = "high" if off > 0 else "low"
    far = f"{abs(off):,.2g}" if isinstance(truth, float) else f"{abs(off):,g}"
    answer = f"You said {guess:g}, which is {far} too {way}"
    if truth > 0 and guess > 0 and max(guess / truth, truth / guess) >= 2:
        answer += f", by a factor of {max(guess / truth, truth / guess):.2g}"
    slip = min(prediction.slips, key=lambda number: abs(guess - number))
    if abs(guess - slip) <= 1e-9 + 0.004 * abs(slip):
        return f"{answer}. {prediction.slips[slip]}"
    if 0 < truth < 1 < guess <= 100:
        return f"{answer}. If you meant per cent: a share is a number between 0 and 1."
    return f"{answer}."


# --- the environment --------------------------------------------------------------------------------------------------

MODULES = {  # module to the distributions that may bring it; the first is what requirements.txt names
    "numpy": ("numpy",), "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python",
        "opencv-contrib-python-headless"),
    "matplotlib": ("matplotlib",), "sklearn": ("scikit-learn",), "skimage": ("scikit-image",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos"), "keras": ("keras",), "ipywidgets":
        ("ipywidgets",),
}


def place() -> str:
    """Return where the notebook runs: "Colab", "Binder" or "laptop"."""
    if "google.colab" in sys.modules:
        return "Colab"
    return "Binder" if any(name.startswith("BINDER_") for name in os.environ) else "laptop"


def environment() -> bool:
    """Print what is missing or of an unfit version, with the command that mends it; return whether all fits."""
    problems = find_problems()
    if not problems:
        print("Python fits, and so do", ", ".join(names[0] for names in MODULES.values()) + ".")
        print("Everything that the course needs is here.")
        return True
    for problem, _ in problems:
        print("-", problem)
    remedies = list(dict.fromkeys(remedy for _, remedy in problems if remedy))
    where = place()
    if remedies:
        print("To mend it, run this in a cell of its own:\n")
        print("    %pip install " + " ".join(f'"{remedy}"' for remedy in remedies))
        print({
            "Colab": "\nand then choose Runtime > Restart session. (Do not install requirements.txt here: it would "
                "replace half of Colab.)",
            "Binder": "\nand then choose Kernel > Restart. On Binder this lasts until you close it; a newly launched "
                "Binder should not need it.",
            "laptop": "\nand then choose Kernel > Restart. Or make a fresh environment, as the README describes.",
        }[where])
    return False


def find_problems(python=None, version_of=None, can_import=None) -> list[tuple[str, str]]:
    """Return `(what is wrong, what to install)` for each thing that is missing or out of its range.

    The ranges stand in `requirements.txt` and `pyproject.toml` and nowhere else. The arguments stand in for the
    running Python, for the installed versions and for the import, in tests.
    """
    python = python or sys.version_info[:2]
    version_of, can_import = version_of or _version_of, can_import or _can_import
    ranges = dict(re.findall(r"^([\w-]+)([<>=][^\s#]*)", (ROOT / "requirements.txt").read_text(encoding="utf-8"),
        re.MULTILINE))
    allowed = re.search(r'requires-python = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")).group(1)
    problems = []
    if not _fits(".".join(map(str, python)), allowed):
        wanted = "Make an environment with another Python, as the README describes."
        if place() == "Binder":
            wanted = "Start Binder anew from the launch link."
        problems.append((f"Python is {'.'.join(map(str, python))}; the course needs {allowed}. {wanted}", ""))
    for module, names in MODULES.items():
        needed = ranges.get(names[0], "")
        found = next((v for v in map(version_of, names) if v), None)
        headless = f"opencv-python-headless{needed}" if module == "cv2" and place() != "laptop" else names[0] + needed
        if found is None:
            problems.append((f"{names[0]} is missing.", headless))
        elif not _fits(found, needed):
            problems.append((f"{names[0]} is {found}; the course needs {needed}.", headless))
        else:
            reason = can_import(module)
            if reason and "libGL" in reason:
                problems.append(("opencv-python does not find the system's graphics library libGL; its headless build "
                    "needs none.", f"opencv-python-headless{needed}"))
            elif reason:
                problems.append((f"{names[0]} is installed, but cannot be imported: {reason}", headless))
    return problems


def _version_of(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _can_import(module):
    """Return why a module cannot be imported, or nothing; the slow TensorFlow and Keras are only looked for."""
    if module in ("tensorflow", "keras"):
        return "" if importlib.util.find_spec(module) else "its files are not where Python looks."
    try:
        importlib.import_module(module)
    except Exception as error:
        return _described(error)
    return ""


def _fits(version, needed):
    """Return whether a version lies in a range such as ">=2.20,<2.22"; release candidates count as their release."""
    def numbers(text):
        return [int(n) for n in re.match(r"\d+(?:\.\d+)*", text).group().split(".")]

    for sign, bound in re.findall(r"(>=|<=|==|<|>)\s*([\d.]+)", needed):
        a, b = numbers(version), numbers(bound)
        length = max(len(a), len(b))
        a, b = a + [0] * (length - len(a)), b + [0] * (length - len(b))
        if not {">=": a >= b, "<=": a <= b, "==": a == b, "<": a < b, ">": a > b}[sign]:
            return False
    return True
