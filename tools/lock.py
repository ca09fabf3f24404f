"""Choose the newest versions that the requirements allow, and write them down, with the hash of every file of a version.

    python tools/lock.py          (with uv, which requirements-dev.txt brings)

Written are `locked/lab.txt`, `locked/test.txt` and `locked/bioimage.txt`, which make installs, `binder/requirements.txt`,
`site/requirements.txt`, and `constraints.txt`, which holds the versions of `locked/test.txt` without hashes: pip would
take a constraint with a hash for an order to check hashes everywhere, and then refuse the ranges in `requirements.txt`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVERYWHERE = ("--universal", "--fork-strategy", "fewest", "--python-version", "3.11")
LINUX = ("--python-version", "3.12", "--python-platform", "x86_64-unknown-linux-gnu")
SAME = ("-c", "constraints.txt")  # once that is written
LISTS = {  # what is written: its first line, what it is made from, and for whom
    "locked/test.txt": ("What `make test` installs: exact versions and their hashes for Python 3.11 to 3.13", "requirements-dev.txt", EVERYWHERE),
    "locked/lab.txt": ("What `make lab` installs: exact versions and their hashes for Python 3.11 to 3.13", "requirements.txt", (*SAME, *EVERYWHERE)),
    "binder/requirements.txt": ("Exact versions and their hashes for Binder (Linux, Python 3.12)", "binder/requirements.in", LINUX),
    "locked/bioimage.txt": ("What `make test-bioimage` installs: exact versions and their hashes", "locked/bioimage.in", EVERYWHERE),
    "site/requirements.txt": ("Exact versions and their hashes for the site", "site/requirements.in", (*SAME, *EVERYWHERE)),
}
CONSTRAINTS = "# One known-good set of exact versions for Python 3.11 to 3.13, made by `make lock`. Installs are held to it.\n"


def without_hashes(text: str) -> str:
    """Return a list of pins without its comments and hashes, one pin a line."""
    lines = [line.removesuffix("\\").rstrip() for line in text.splitlines() if re.match(r"\w", line)]
    return "\n".join(lines) + "\n"


def compiled(head: str, source: str, arguments: tuple) -> str:
    """Return exact versions for a file of ranges, as uv resolves them, under a first line that says what they are."""
    beside = Path(sys.executable).with_name("uv.exe" if sys.platform == "win32" else "uv")
    uv = shutil.which("uv") or (str(beside) if beside.exists() else sys.exit("uv is missing: pip install -r requirements-dev.txt"))
    command = [uv, "pip", "compile", "--quiet", "--upgrade", "--generate-hashes", "--no-python-downloads", "--no-annotate", "--no-header"]
    done = subprocess.run([*command, source, *arguments], check=True, capture_output=True, text=True, cwd=ROOT)
    return f"# {head}, made by `make lock`.\n{done.stdout}"


def main() -> None:
    """Write all lists; the largest first, because its versions hold for the others."""
    for name, how in LISTS.items():
        text = compiled(*how)
        (ROOT / name).parent.mkdir(exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
        print("written:", name)
        if name == "locked/test.txt":
            (ROOT / "constraints.txt").write_text(CONSTRAINTS + without_hashes(text), encoding="utf-8")
            print("written: constraints.txt")


if __name__ == "__main__":
    main()
