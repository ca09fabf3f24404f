"""What a prediction is: its truth in words, and the answers to the guesses that people make."""

from typing import NamedTuple


class Prediction(NamedTuple):
    """How a guess is answered: the truth in words, how near counts as right, and typical slips with their messages."""

    caption: str  # with {} for the number
    near: float = 0
    slips: dict = {}
    choices: tuple = ()
    example: str = "12"
