"""Helpers of the course: one module for each notebook, each taught there before it is used."""

import os
from pathlib import Path

# TensorFlow reads this once, when it is first imported: errors are shown, its start-up remarks are not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROOT = Path(__file__).resolve().parent.parent  # of the course
MODELS = ROOT / "models"
RUNS = Path(os.environ.get("UNET_COURSE_RUNS", ROOT / "runs"))  # where notebook 03 keeps what it trains
