"""A doctor for segmentation runs: what looks wrong, why it probably is so, and what to try (notebook 05).

`diagnose` takes whatever you have, broken or not, and never raises: being given wrong ranges, types and shapes is its
job. Each check measures one thing that tells a mistake from its look-alikes, and stays silent unless the measurement
is clear. NumPy and OpenCV do the work; Keras is imported only if you hand in a model.
"""

from helpers.diagnosis.causes import CAUSES, ROOTS, SYMPTOMS
from helpers.diagnosis.report import Diagnosis, Finding
from helpers.diagnosis.visit import diagnose

__all__ = ["CAUSES", "ROOTS", "SYMPTOMS", "Diagnosis", "Finding", "diagnose"]
