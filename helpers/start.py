"""What a setup cell needs: on Colab it adds the packages that are missing, and it says in a sentence what else is.

It also keeps TensorFlow quiet and quick: `helpers/__init__.py` arranges that, so `import keras` is all that a notebook
writes.
"""

import contextlib
import importlib
import importlib.abc
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the course
MODULES = {  # module to the distributions that may bring it; the first is what requirements.txt names
    "numpy": ("numpy",),
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "matplotlib": ("matplotlib",),
    "sklearn": ("scikit-learn",),
    "skimage": ("scikit-image",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos"),
    "keras": ("keras",),
    "ipywidgets": ("ipywidgets",), "anywidget": ("anywidget",),
}


def prepare() -> None:
    """Add what is missing on Colab; elsewhere, print what is missing. Print nothing if all packages are there.

    Raises RuntimeError on Colab if a package cannot be added without replacing another, or if there is no network.
    """
    wanted = missing()
    if wanted and place() == "Colab":
        install(wanted)
    elif wanted:
        print(f"Missing here: {', '.join(wanted)}. Is this notebook running in the course's own environment? "
            "The first cells of notebook 00 name the command that helps.")


def place() -> str:
    """Return where the notebook runs: "Colab", "Binder" or "laptop"."""
    if "google.colab" in sys.modules:
        return "Colab"
    return "Binder" if any(name.startswith("BINDER_") for name in os.environ) else "laptop"


def wanted_versions() -> dict[str, str]:
    """Return the range of each package in `requirements.txt`, such as `{"keras": ">=3.13,<3.16"}`."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)([<>=][^\s#]*)", text, re.MULTILINE))


def missing() -> list[str]:
    """Return what to install for the modules that the notebooks import and Python does not find, with their ranges."""
    ranges = wanted_versions()
    lacking = [names for module, names in MODULES.items() if importlib.util.find_spec(module) is None]
    # The headless OpenCV is the one that also runs where there is no screen.
    headless = "opencv-python-headless"
    return [(headless if headless in names else names[0]) + ranges[names[0]] for names in lacking]


def installed_versions() -> str:
    """Return all that is installed as constraints for pip, so that a package that is there cannot change."""
    found = {(one.metadata["Name"], one.version) for one in importlib.metadata.distributions() if one.metadata["Name"]}
    return "".join(f"{name}=={version}\n" for name, version in sorted(found) if re.match(r"\d+(\.\d+)*", version))


def install(wanted: list[str]) -> None:
    """Install packages beside what is there.

    Colab brings several hundred packages that fit one another. Installing `requirements.txt` there would replace many
    of them, and the session would have to be restarted.
    """
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "installed.txt"
        constraints.write_text(installed_versions(), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(constraints)]
        done = subprocess.run([*pip, *wanted], capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["nothing"]
        raise RuntimeError(
            f"{', '.join(wanted)} is missing here and could not be installed beside what is there. Is there a network? "
            f"Then run this cell again. If that does not help, choose Runtime > Disconnect and delete runtime, and "
            f"start again. Pip says: {said[-1]}"
        )
    importlib.invalidate_caches()
    print("Added, because it was missing here:", ", ".join(wanted))


@contextlib.contextmanager
def closed_error_stream():
    """Drop what is written to the process's own error stream meanwhile; Python's exceptions still show."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class QuietTensorFlow(importlib.abc.MetaPathFinder):
    """Import TensorFlow, whoever imports it first, without its start-up remarks.

    TensorFlow 2.21 writes lines such as "Could not find cuda drivers" straight to the process's error stream, before
    its own log level counts. They look like errors to a newcomer and are none. Real errors are exceptions and show.
    """

    def find_spec(self, name, path=None, target=None):
        """Answer for `tensorflow` only: find it as Python would, and load it with the error stream closed.

        It may be found more than once before it is loaded, because `missing` only asks whether it is there.
        """
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_quietly(module):
            sys.meta_path.remove(self)
            spec.loader.exec_module = load
            with closed_error_stream():
                load(module)

        spec.loader.exec_module = load_quietly
        return spec


def prepare_tensorflow() -> None:
    """Arrange that TensorFlow is imported without its start-up remarks; nothing happens if it is loaded already.

    And that it uses oneDNN, as it does by itself only on processors with instructions for neural networks, such as
    AVX512_VNNI. On others, too, a training step is then much shorter: see benchmarks/onednn.md.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, at its import: errors show, remarks do not
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "tensorflow" not in sys.modules and not any(isinstance(finder, QuietTensorFlow) for finder in sys.meta_path):
        sys.meta_path.insert(0, QuietTensorFlow())
