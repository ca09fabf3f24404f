"""Answer a guess: print the truth of a prediction, how far off the guess is, and what may lie behind it."""

import html
import math
from numbers import Integral, Real

from helpers.checks import (
    predictions_00, predictions_01, predictions_02, predictions_03, predictions_04, predictions_05, predictions_06,
    predictions_07, predictions_08, predictions_09,
)
from helpers.checks.running import np, short
from helpers.printing import say

PREDICTIONS = {
    **predictions_00.PREDICTIONS,
    **predictions_01.PREDICTIONS,
    **predictions_02.PREDICTIONS,
    **predictions_03.PREDICTIONS,
    **predictions_04.PREDICTIONS,
    **predictions_05.PREDICTIONS,
    **predictions_06.PREDICTIONS,
    **predictions_07.PREDICTIONS,
    **predictions_08.PREDICTIONS,
    **predictions_09.PREDICTIONS,
}


INVITATION = "Guess first, in place of None above. Or open the answer."
WORDS = {  # in notebooks and, exported, in the site's pages
    "right": "That is what you said.",
    "near": "You said {guess}: near enough.",
    "said": "You said {guess}. {words}",
    "none of": "Your guess {guess} is none of {choices}.",
    "no shape": "Your guess {guess} is not a shape; write one such as {example}.",
    "length": "You said {guess}, with {mine} numbers in place of {right}.",
    "differ": "You said {guess}; {count} of its {right} numbers differ.",
    "no number": "Your guess {guess} is not a number; write one such as {example}.",
    "high": "You said {guess}, which is {far} too high",
    "low": "You said {guess}, which is {far} too low",
    "factor": ", by a factor of {factor}",
    "percent": "If you meant percent: a share is a number between 0 and 1.",
}


class Folded:
    """An answer that stays folded away until the reader opens it: in JupyterLab, Colab, GitHub and the site."""

    def __init__(self, answer: str, slips: dict):
        self.answer, self.slips = answer, slips

    def __repr__(self):  # where nothing can be folded, the answer is not shown
        return "Guess first, in place of None above."

    def _repr_html_(self):
        lines = [f"<li>{html.escape(guess)}: {html.escape(words)}</li>" for guess, words in self.slips.items()]
        others = f"<p>What lies behind other guesses:</p><ul>{''.join(lines)}</ul>" if lines else ""
        return f"<details><summary>{INVITATION}</summary><p>{html.escape(self.answer)}</p>{others}</details>"


def reveal(name: str, guess, truth) -> None:
    """Print the truth of a prediction, and an answer to the guess: how far off, and what may lie behind it.

    Without a guess the truth is shown folded away, so that no saved notebook gives an answer beside its question.
    name: of the prediction; guess: the student's, or None; truth: as it came out. Anything goes as a guess.
    """
    prediction = PREDICTIONS[name]
    truth = truth.item() if isinstance(truth, np.generic) else truth
    shown = f"{truth:,}" if isinstance(truth, int) and "{}" in prediction.caption else truth
    caption = prediction.caption.format(shown)
    caption = caption[0].upper() + caption[1:]
    if guess is None:
        from IPython.display import display  # here, so that the checks can be imported without it

        display(Folded(f"{caption}.", _grouped(prediction, truth)))
        return
    guess = _plain(guess)
    if isinstance(truth, str):
        answer = _answer_choice(prediction, guess, truth)
    elif isinstance(truth, tuple):
        answer = _answer_shape(prediction, guess, truth)
    else:
        answer = _answer_number(prediction, guess, truth)
    say(f"{caption}. {answer}")


def _grouped(prediction, truth):
    """Return what is said to the guesses that are not the truth; guesses that get the same words share a line."""
    groups = {}
    for guess, words in prediction.slips.items():
        if guess != truth and words:
            groups.setdefault(words, []).append(f'"{guess}"' if isinstance(guess, str) else str(guess))
    return {", ".join(guesses): words for words, guesses in groups.items()}


def _plain(guess):
    """Return a guess as a plain number, text or tuple where it can be one."""
    if isinstance(guess, (np.ndarray, np.generic)) and guess.size == 1:
        return guess.item()
    return tuple(guess) if isinstance(guess, list) else guess


def _answer_choice(prediction, guess, truth):
    kinds = {choice.casefold(): choice for choice in prediction.choices}
    chosen = kinds.get(guess.strip().casefold()) if isinstance(guess, str) else None
    if chosen is None:
        return WORDS["none of"].format(guess=short(guess), choices=", ".join(map(repr, prediction.choices)))
    if chosen == truth:
        return WORDS["right"]
    return WORDS["said"].format(guess=repr(chosen), words=prediction.slips.get(chosen, "")).rstrip()


def _answer_shape(prediction, guess, truth):
    if not isinstance(guess, tuple) or not all(isinstance(n, Integral) for n in guess):
        return WORDS["no shape"].format(guess=short(guess), example=prediction.example)
    if guess == truth:
        return WORDS["right"]
    if guess in prediction.slips:
        return WORDS["said"].format(guess=guess, words=prediction.slips[guess])
    if len(guess) != len(truth):
        return WORDS["length"].format(guess=guess, mine=len(guess), right=len(truth))
    return WORDS["differ"].format(guess=guess, count=sum(a != b for a, b in zip(guess, truth)), right=len(truth))


def _answer_number(prediction, guess, truth):
    if isinstance(guess, bool) or not isinstance(guess, Real) or not math.isfinite(guess):
        return WORDS["no number"].format(guess=short(guess), example=prediction.example)
    off = guess - truth
    if guess == truth:
        return WORDS["right"]
    if abs(off) <= prediction.near and guess not in prediction.slips:
        return WORDS["near"].format(guess=f"{guess:g}")
    far = two_digits(abs(off)) if isinstance(truth, float) and abs(off) < 10 else f"{abs(off):,.0f}"
    far = far if isinstance(truth, float) or abs(off) == int(abs(off)) else f"{abs(off):,g}"
    answer = WORDS["high" if off > 0 else "low"].format(guess=f"{guess:g}", far=far)
    if truth > 0 and guess > 0 and max(guess / truth, truth / guess) >= 2:
        answer += WORDS["factor"].format(factor=two_digits(max(guess / truth, truth / guess)))
    slip = min(prediction.slips, key=lambda number: abs(guess - number))
    if abs(guess - slip) <= 1e-9 + 0.004 * abs(slip):
        return f"{answer}. {prediction.slips[slip]}"
    if 0 < truth < 1 < guess <= 100:
        return f"{answer}. {WORDS['percent']}"
    return f"{answer}. {prediction.above if off > 0 else prediction.below}".rstrip()


def two_digits(number: float) -> str:
    """Return a positive number with two digits that count, written out: 0.036, 9.6, 260, 1,200; never 1.2e+03."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
