"""Say in a sentence what keeps this machine from installing the course, where pip would say it in many lines.

    python tools/ready.py             before an installation: the Python and the space on the disk
    python tools/ready.py --failed    after one that failed: the space and the network

It needs nothing but a Python, and reads with an old one too.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Gigabytes: of the environment, and of the packages while they are on their way through the folder for temporary files.
# benchmarks/first_picture.py measures both; a test holds these numbers above what it found.
INSTALLED, DOWNLOADED = 3.0, 1.0


def wanted():
    """Return the lowest and highest Python that the course takes, as in pyproject.toml: `((3, 11), (3, 13))`."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    low, above = re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', text).groups()
    return (3, int(low)), (3, int(above) - 1)


def wrong_python(version, system, machine, bits):
    """Return what is wrong with a Python, in a sentence, or nothing."""
    low, high = wanted()
    fitting = ", ".join(f"3.{minor}" for minor in range(low[1], high[1])) + f" or 3.{high[1]}"
    mend = (
        "Get one from https://www.python.org/downloads/, delete the folder .venv if it is there, and make it again with "
        f"that Python: on Windows 'py -3.{high[1] - 1} -m venv .venv', elsewhere 'python3.{high[1] - 1} -m venv .venv'."
    )
    if not low <= tuple(version[:2]) <= high:
        age = "too old" if tuple(version[:2]) < low else "too new for TensorFlow"
        return f"This is Python {'.'.join(map(str, version[:3]))}, which is {age}. The course needs {fitting}. {mend}"
    if bits < 64:
        return f"This Python has {bits} bits, and TensorFlow needs 64. {mend}"
    if system == "Darwin" and machine == "x86_64":
        return (
            "This Mac has an Intel processor, or this Python was made for one, and TensorFlow offers no package for it any "
            "more. Start the course on Binder or Colab; on a Mac with an M processor, get Python from python.org."
        )
    return ""


def too_little_space(installed=INSTALLED, downloaded=DOWNLOADED, free=lambda folder: shutil.disk_usage(folder).free):
    """Return, in a sentence, which disk has too little space, or nothing. Gigabytes that are needed, of each kind."""
    places = [(ROOT, installed), (Path(tempfile.gettempdir()), downloaded)]
    if os.stat(str(ROOT)).st_dev == os.stat(tempfile.gettempdir()).st_dev:
        places = [(ROOT, installed + downloaded)]
    for folder, needed in places:
        here = free(folder) / 1e9
        if here < needed:  # which is less after a failure, when part of the packages is there already
            in_all = max(needed, INSTALLED if folder == ROOT else DOWNLOADED)
            return (
                f"There is too little space: {here:.1f} GB are free in {folder}, and the course needs {in_all:.0f} GB there. "
                "Free some ('pip cache purge' often helps), or "
                + ("move the course to another disk." if folder == ROOT else "set TMPDIR to a folder on a larger disk.")
            )
    return ""


def no_network():
    """Return, in a sentence, that no package can be fetched, or nothing. It asks pip for a very small one."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "0",
                   "--timeout", "15", "--dest", folder, "nbval"]
        answered = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    return "" if answered else (
        "The packages cannot be fetched: the package index does not answer. Is this machine connected to the internet? "
        "In a network with a proxy, set HTTPS_PROXY to its address. Then run the same command again."
    )


def main(arguments=None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--failed", action="store_true", help="an installation has failed: say why")
    failed = parser.parse_args(arguments).failed
    problem = wrong_python(sys.version_info, platform.system(), platform.machine(), 64 if sys.maxsize > 2**32 else 32)
    if failed:  # what was installed before the disk was full takes its space still
        problem = problem or too_little_space(0.5, 0.0) or no_network()
        print(problem or "The installation failed, and neither Python, disk nor network is the reason. The lines above say more.")
        return 1
    problem = problem or ("" if (ROOT / ".venv" / "lab.ready").exists() else too_little_space())
    print(problem or "Python {}.{} and the space on the disk are fine.".format(*sys.version_info[:2]))
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
