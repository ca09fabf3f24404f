"""Put the course on the import path, and keep test runs away from a student's own runs and progress."""

import os
import sys
import tempfile
from pathlib import Path

import matplotlib
from course import ROOT

for folder in (ROOT, ROOT / "tools"):
    sys.path.insert(0, str(folder))

matplotlib.use("Agg")  # not the environment variable: the kernels that nbval starts would inherit it
_scratch = tempfile.mkdtemp(prefix="unet-course-")
os.environ.setdefault("UNET_COURSE_RUNS", str(Path(_scratch) / "runs"))
os.environ.setdefault("UNET_COURSE_PROGRESS", str(Path(_scratch) / "progress"))
