"""The blind ward of notebook 05: patients drawn from a seed, each with one hidden illness, or none.

`draw_ward` draws them, `Patient` holds what a student may look at, `judge` answers. Nothing is trained before somebody
asks for a network, a curve or a prediction.
"""

from helpers.ward.illnesses import ILLNESSES
from helpers.ward.judging import judge
from helpers.ward.patients import Patient, Settings
from helpers.ward.rounds import admit, draw_ward

__all__ = ["ILLNESSES", "Patient", "Settings", "admit", "draw_ward", "judge"]
