"""Add to a machine, such as Colab's, the packages that it lacks, and leave the others as they are (the setup cell).

Colab brings several hundred packages that fit one another. Installing `requirements.txt` there would replace a good
part of them, and the session would have to be restarted.
"""

import importlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers import ROOT
from helpers.checks import MODULES


def missing() -> list[str]:
    """Return what to install for the modules that the notebooks import and Python does not find, with version ranges."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    ranges = dict(re.findall(r"^([\w-]+)([<>=][^\s#]*)", text, re.MULTILINE))
    lacking = [names for module, names in MODULES.items() if importlib.util.find_spec(module) is None]
    # The headless OpenCV is the one that also runs where there is no screen.
    return [("opencv-python-headless" if "opencv-python" in names else names[0]) + ranges[names[0]] for names in lacking]


def held() -> str:
    """Return the versions of all that is installed as constraints for pip: a package that is there cannot change."""
    found = {(one.metadata["Name"], one.version) for one in importlib.metadata.distributions() if one.metadata["Name"]}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found) if re.match(r"\d+(\.\d+)*", version))


def install_missing() -> None:
    """Install what is missing beside what is there; silent if nothing is.

    Raises RuntimeError if pip cannot do it without replacing something, or if there is no network.
    """
    wanted = missing()
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "held.txt"
        constraints.write_text(held(), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(constraints)]
        pip = subprocess.run([*command, *wanted], capture_output=True, text=True)
    if pip.returncode != 0:
        said = (pip.stderr.strip() or pip.stdout.strip()).splitlines() or ["nothing"]
        raise RuntimeError(
            f"{', '.join(wanted)} is missing here and could not be installed beside what is there. Is there a network? "
            f"Then run this cell again. If that does not help, choose Runtime > Disconnect and delete runtime, and "
            f"start anew. Pip says: {said[-1]}"
        )
    importlib.invalidate_caches()
    print("Added, because it was missing here:", ", ".join(wanted))
