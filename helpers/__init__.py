"""Helpers of the course: one module for each notebook, each taught there before it is used."""

import os
from pathlib import Path

from helpers.start import ROOT, prepare_tensorflow

MODELS = ROOT / "models"
RUNS = Path(os.environ.get("UNET_COURSE_RUNS", ROOT / "runs"))  # where notebook 03 keeps what it trains

prepare_tensorflow()
