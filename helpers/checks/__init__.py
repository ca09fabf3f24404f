"""Predictions, exercises and their checkers, progress, and a check of the environment (all notebooks).

A checker tries a student's answer on several inputs, always on copies, and prints one line that says what is wrong and,
where it is known, which mistake leads there. It never prints a solution, and it never stops a notebook. Notebooks
import this module and nothing else does; Keras is loaded only by the exercises that need it.
"""

from helpers.checks.exercises import EXERCISES, hint, progress
from helpers.checks.guesses import PREDICTIONS, reveal
from helpers.checks.machine import environment, find_problems
from helpers.checks.notebook_01 import exercise_1_1, exercise_1_2, exercise_1_3, exercise_1_4, exercise_1_5
from helpers.checks.notebook_02 import (
    exercise_2_1, exercise_2_2, exercise_2_3, exercise_2_4, exercise_2_5, exercise_2_6,
)
from helpers.checks.notebook_03 import exercise_3_1, exercise_3_2, exercise_3_3, exercise_3_4, exercise_3_5
from helpers.checks.notebook_04 import exercise_4_1, exercise_4_2, exercise_4_3, exercise_4_4, exercise_4_5
from helpers.checks.notebook_05 import exercise_5_1, exercise_5_2, exercise_5_3, exercise_5_4, ward_round
from helpers.checks.notebook_07 import exercise_7_1, exercise_7_2
from helpers.checks.notebook_08 import exercise_8_1, exercise_8_2, exercise_8_3, exercise_8_4
from helpers.checks.notebook_09 import exercise_9_1, exercise_9_2, exercise_9_3, exercise_9_4
from helpers.checks.record import progress_file, read_progress

__all__ = [
    "EXERCISES", "PREDICTIONS", "environment", "exercise_1_1", "exercise_1_2", "exercise_1_3", "exercise_1_4",
    "exercise_1_5", "exercise_2_1", "exercise_2_2", "exercise_2_3", "exercise_2_4", "exercise_2_5", "exercise_2_6",
    "exercise_3_1", "exercise_3_2", "exercise_3_3", "exercise_3_4", "exercise_3_5", "exercise_4_1", "exercise_4_2",
    "exercise_4_3", "exercise_4_4", "exercise_4_5", "exercise_5_1", "exercise_5_2", "exercise_5_3", "exercise_5_4",
    "exercise_7_1", "exercise_7_2", "exercise_8_1", "exercise_8_2", "exercise_8_3", "exercise_8_4", "exercise_9_1",
    "exercise_9_2", "exercise_9_3", "exercise_9_4", "find_problems", "hint", "progress", "progress_file",
    "read_progress", "reveal", "ward_round",
]
