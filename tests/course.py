"""Where the course is. (A module of its own: two folders of tests have a `conftest`, so tests cannot import from that.)"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The first line of a script that plots nothing: its import of TensorFlow takes two thirds of the time.
LEAN = "from helpers.lean_import import import_tensorflow; import_tensorflow()\n"
