"""What a prediction is: its truth in words, and the answers to the guesses that people make."""

from typing import NamedTuple


class Prediction(NamedTuple):
    """How a guess is answered: the truth in words, how near counts as right, and what lies behind other guesses.

    slips: single guesses that people really make, and what to say to each; below, above: what to say to any other
    number that is too low or too high, so that nobody is told no more than how far off the guess is.
    """

    caption: str  # with {} for the number
    near: float = 0
    slips: dict = {}
    choices: tuple = ()
    example: str = "12"
    below: str = ""
    above: str = ""
