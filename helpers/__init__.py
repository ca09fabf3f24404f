"""Helpers of the course: one module for each notebook, each taught there before it is used."""

import os

# TensorFlow reads this once, when it is first imported: errors are shown, its start-up remarks are not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
