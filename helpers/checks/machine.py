"""Does this machine have what the course needs?"""

import importlib
import importlib.metadata
import importlib.util
import re
import sys

from helpers.checks.running import described
from helpers.printing import say
from helpers.start import MODULES, ROOT, place, wanted_versions


def environment() -> bool:
    """Print what is missing or of an unfit version, with the command that mends it; return whether all fits."""
    problems = find_problems()
    if not problems:
        say("Python fits, and so do", ", ".join(names[0] for names in MODULES.values()) + ".")
        print("Everything that the course needs is here.")
        return True
    for problem, _ in problems:
        say("-", problem)
    remedies = list(dict.fromkeys(remedy for _, remedy in problems if remedy))
    where = place()
    if remedies:
        print("To fix it, run this in a cell of its own:\n")
        print("    %pip install " + " ".join(f'"{remedy}"' for remedy in remedies))
        print({
            "Colab": "\nand then choose Runtime > Restart session. (Do not install requirements.txt here: it would "
                "replace half of Colab.)",
            "Binder": "\nand then choose Kernel > Restart. On Binder this lasts until you close it; a newly launched "
                "Binder should not need it.",
            "laptop": "\nand then choose Kernel > Restart. Or make a fresh environment, as the README describes.",
        }[where])
    return False


def find_problems(python=None, version_of=None, can_import=None) -> list[tuple[str, str]]:
    """Return `(what is wrong, what to install)` for each thing that is missing or out of its range.

    The ranges stand in `requirements.txt` and `pyproject.toml` and nowhere else. The arguments stand in for the
    running Python, for the installed versions and for the import, in tests.
    """
    python = python or sys.version_info[:2]
    version_of, can_import = version_of or _version_of, can_import or _can_import
    ranges = wanted_versions()
    allowed = re.search(r'requires-python = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")).group(1)
    problems = []
    if not fits(".".join(map(str, python)), allowed):
        wanted = "Make an environment with another Python, as the README describes."
        if place() == "Binder":
            wanted = "Start Binder anew from the launch link."
        problems.append((f"Python is {'.'.join(map(str, python))}; the course needs {allowed}. {wanted}", ""))
    for module, names in MODULES.items():
        needed = ranges.get(names[0], "")
        found = next((v for v in map(version_of, names) if v), None)
        headless = f"opencv-python-headless{needed}" if module == "cv2" and place() != "laptop" else names[0] + needed
        if found is None:
            problems.append((f"{names[0]} is missing.", headless))
        elif not fits(found, needed):
            problems.append((f"{names[0]} is {found}; the course needs {needed}.", headless))
        else:
            reason = can_import(module)
            if reason and "libGL" in reason:
                problems.append(("opencv-python does not find the system's graphics library libGL; its headless build "
                    "needs none.", f"opencv-python-headless{needed}"))
            elif reason:
                problems.append((f"{names[0]} is installed, but cannot be imported: {reason}", headless))
    return problems


def _version_of(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _can_import(module):
    """Return why a module cannot be imported, or nothing; the slow TensorFlow and Keras are only looked for."""
    if module in ("tensorflow", "keras"):
        return "" if importlib.util.find_spec(module) else "its files are not where Python looks."
    try:
        importlib.import_module(module)
    except Exception as error:
        return described(error)
    return ""


def fits(version, needed):
    """Return whether a version lies in a range such as ">=2.20,<2.22"; release candidates count as their release."""
    def numbers(text):
        return [int(n) for n in re.match(r"\d+(?:\.\d+)*", text).group().split(".")]

    for sign, bound in re.findall(r"(>=|<=|==|<|>)\s*([\d.]+)", needed):
        a, b = numbers(version), numbers(bound)
        length = max(len(a), len(b))
        a, b = a + [0] * (length - len(a)), b + [0] * (length - len(b))
        if not {">=": a >= b, "<=": a <= b, "==": a == b, "<": a < b, ">": a > b}[sign]:
            return False
    return True
