"""Answers that are worked out by hand: a number, a shape, a choice, a set of letters, an order, or several of them.

Each is data and a `check(answer)`, which raises `ToDo` or `Wrong`, or returns if all is well. The site asks the same in
its pages: `exported` writes the data for `web/answers/by_hand.js`, and `WORDS` are the sentences of both.
"""

import math
from numbers import Integral, Real
from typing import NamedTuple

from helpers.checks.running import ToDo, Wrong, np, short

WORDS = {
    "number": "{what} should be one number; yours is {answer}.",
    "finite": "{what} is {answer}; a number by hand is finite.",
    "percent": "{what} is a share between 0 and 1; yours is in percent.",
    "nearly": "{what} is nearly {answer}, but not to two decimals. Have all the numbers gone in as they are?",
    "larger": "{what} is not {answer}; the right number is larger.",
    "smaller": "{what} is not {answer}; the right number is smaller.",
    "letter": "{what} should be one letter in quotation marks, such as {example}; yours is {answer}.",
    "none of": "{what} should be one of {choices}; yours is {answer}.",
    "shape": "{what} should be whole numbers in brackets, such as (1, 2, 3, 4); yours is {answer}.",
    "length": "{what} has {right} numbers: pictures, height, width, channels. Yours has {mine}.",
    "pictures": "one picture goes in, so one comes out: the first number counts the pictures.",
    "halved": "the {name} is not right: it should be the picture's, halved some times.",
    "doubled": "the {name} is not right: it should be {filters}, doubled some times.",
    "levels": "you went down {often}. Four levels have one step fewer between them.",
    "disagree": "the numbers disagree: {words}. Each step halves height and width and doubles the channels.",
    "fits": "the {name} fits {often} down",
    "text": "write the letters as one text, such as {example}; yours is {answer}.",
    "range": "the letters run from {first} to {last}; yours hold {strange}.",
    "no block": "there is no block {letter}.",
    "twice": "{letter}, {name}, occurs more than once.",
    "one missing": "one of the {count} is missing: {letter}, {name}.",
    "some missing": "{missing} of the {count} are missing, among them {letter}, {name}.",
    "part missing": "right so far; {parts} is still missing.",
}
STEPS = ("no step", "one step")  # and then "2 steps"


def wrong(words, /, kind="value", **values):
    """Return the `Wrong` that says these words."""
    return Wrong(kind, WORDS[words].format(**values))


class Number(NamedTuple):
    """A number, exactly, or (tolerance above 0) exactly or rounded to two decimals.

    slips: numbers to messages, tried in order; a slip is recognized within the tolerance.
    """

    truth: float
    slips: dict = {}
    tolerance: float = 0.006
    what: str = "the answer"

    def check(self, answer=None):
        truth, what, tolerance = self.truth, self.what, self.tolerance
        if answer is None:
            raise ToDo
        if isinstance(answer, np.ndarray) and answer.size == 1:
            answer = answer.item()
        if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, Real):
            raise wrong("number", "type", what=what, answer=short(answer))
        if not math.isfinite(answer):
            raise wrong("finite", what=what, answer=answer)
        if abs(answer - truth) <= (0.0006 if tolerance else 0) or tolerance and abs(answer - round(truth, 2)) < 1e-9:
            return
        for number, message in self.slips.items():
            if abs(answer - number) <= tolerance:
                raise Wrong("value", message)
        if 0 < truth < 1 and abs(answer - 100 * truth) <= 100 * tolerance:
            raise wrong("percent", what=what)
        if abs(answer - truth) <= tolerance:
            raise wrong("nearly", what=what, answer=f"{answer:g}")
        raise wrong("larger" if truth > answer else "smaller", what=what, answer=f"{answer:g}")


class Shape(NamedTuple):
    """The shape of the maps some levels down: one picture, height and width halved, filters doubled at each level."""

    truth: tuple
    start: tuple  # height, width and filters of the first level
    slips: dict
    what: str = "the shape"

    def check(self, answer=None):
        if answer is None:
            raise ToDo
        if not isinstance(answer, (tuple, list)) or not all(
            isinstance(n, Integral) and not isinstance(n, bool) for n in answer
        ):
            raise wrong("shape", "type", what=self.what, answer=short(answer))
        answer = tuple(int(n) for n in answer)
        if answer == self.truth:
            return
        if answer in self.slips:
            raise Wrong("value", self.slips[answer])
        if len(answer) != len(self.truth):
            raise wrong("length", "shape", what=self.what, right=len(self.truth), mine=len(answer))
        raise self._what_disagrees(*answer)

    def _what_disagrees(self, pictures, height, width, channels):
        """Return `Wrong` for a shape of the right length: each number says how many levels down it would fit."""
        if pictures != 1:
            return wrong("pictures")
        rows, columns, filters = self.start
        down = {
            "height": _times_doubled(height, rows), "width": _times_doubled(width, columns),
            "number of channels": _times_doubled(filters, channels),
        }
        for name, levels in down.items():
            if levels is None:
                return wrong("doubled" if name == "number of channels" else "halved", name=name, filters=filters)
        if len(set(down.values())) == 1:
            return wrong("levels", often=_often(down["height"]))
        fits = [WORDS["fits"].format(name=name, often=_often(levels)) for name, levels in down.items()]
        return wrong("disagree", words=", ".join(fits))


def _times_doubled(small, large):
    """Return how often `small` must be doubled to give `large`, or None."""
    return next((k for k in range(12) if small > 0 and small * 2**k == large), None)


def _often(times):
    return STEPS[times] if times < len(STEPS) else f"{times} steps"


class Choice(NamedTuple):
    """One letter of several. slips: each wrong letter to what speaks against it."""

    choices: str
    slips: dict
    what: str = "the answer"

    def check(self, answer=None):
        if answer is None or isinstance(answer, str) and answer == "":
            raise ToDo
        if not isinstance(answer, str):
            raise wrong("letter", "type", what=self.what, example=repr(self.choices[0]), answer=short(answer))
        letter = answer.strip().upper()
        if letter not in list(self.choices):
            raise wrong("none of", what=self.what, choices=", ".join(self.choices), answer=short(answer))
        if letter in self.slips:
            raise Wrong("value", self.slips[letter])


class Letters(NamedTuple):
    """Some letters of several, in any order. No message names a letter or says how many there are."""

    truth: str
    choices: str
    both: str  # what to say if something is missing, and something else is too much
    extra: str
    missing: str

    def check(self, answer=None):
        letters = set(_letters(answer, '"AB"', " ,", (str, set, list, tuple)))
        if strange := sorted(letters - set(self.choices)):
            raise wrong("range", first=self.choices[0], last=self.choices[-1], strange=", ".join(strange))
        extra, missing = letters - set(self.truth), set(self.truth) - letters
        if extra or missing:
            raise Wrong("value", self.both if extra and missing else self.extra if extra else self.missing)


class Order(NamedTuple):
    """An order of parts. after: `(earlier, later, what goes wrong otherwise)`; any order that keeps to it is right."""

    parts: dict
    after: tuple
    count: str  # how many there are, in words

    def check(self, answer=None):
        letters = _letters(answer, '"ABC"', " ,->", (str, list, tuple))
        if strange := sorted(set(letters) - set(self.parts)):
            raise wrong("no block", letter=strange[0])
        if twice := [c for c in self.parts if letters.count(c) > 1]:
            raise wrong("twice", letter=twice[0], name=self.parts[twice[0]])
        if missing := [c for c in self.parts if c not in letters]:
            raise wrong("one missing" if len(missing) == 1 else "some missing", "missing", missing=len(missing),
                        count=self.count, letter=missing[0], name=self.parts[missing[0]])
        for earlier, later, message in self.after:
            if letters.index(earlier) > letters.index(later):
                raise Wrong("value", message)


def _letters(answer, example, between, kinds):
    """Return the letters of an answer, in capitals and in its order, without what may stand between them."""
    if answer is None or isinstance(answer, kinds) and not answer:
        raise ToDo
    if not isinstance(answer, kinds) or not all(isinstance(letter, str) for letter in answer):
        raise wrong("text", "type", example=example, answer=short(answer))
    return [letter.upper() for letter in "".join(answer) if letter not in between]


class Parts(NamedTuple):
    """Several answers to one question. named: whether each message begins with the name of its part."""

    parts: dict
    named: bool = False

    def check(self, *answers):
        given = dict(zip(self.parts, answers))
        missing = [name for name in self.parts if given.get(name) is None]
        if len(missing) == len(self.parts):
            raise ToDo
        for name, part in self.parts.items():
            if name not in missing:
                try:
                    part.check(given[name])
                except ToDo:
                    missing.append(name)
                except Wrong as found:
                    raise Wrong(found.kind, f"{name}: {found}" if self.named else str(found)) from None
        if missing:
            raise wrong("part missing", "missing", parts=" and ".join(missing))


def exported(answer):
    """Return an answer by hand as what JSON can hold; dictionaries become lists of pairs, so that keys stay numbers."""
    if hasattr(answer, "_asdict"):
        return {"kind": type(answer).__name__.lower(), **{k: exported(v) for k, v in answer._asdict().items()}}
    if isinstance(answer, dict):
        return [[exported(key), exported(value)] for key, value in answer.items()]
    return [exported(value) for value in answer] if isinstance(answer, (list, tuple)) else answer
