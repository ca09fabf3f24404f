"""Choose the newest versions that the requirements allow, and write them down: constraints.txt, binder/requirements.txt
and site/requirements.txt.

    python tools/lock.py          (with uv, which requirements-dev.txt brings)
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EVERYWHERE = "# One known-good set of exact versions for Python 3.11 to 3.13, made by `make lock`. Installs are held to it.\n"
SITE = "# Exact versions for the site, made by `make lock`.\n"
BINDER = "# Exact versions for Binder (Linux, Python 3.12), made by `make lock`.\n"


def compile_to(target: Path, head: str, *arguments: str) -> None:
    """Resolve requirements with uv and write them with a first line that says what the file is."""
    beside = Path(sys.executable).with_name("uv.exe" if sys.platform == "win32" else "uv")
    uv = shutil.which("uv") or (str(beside) if beside.exists() else sys.exit("uv is missing: pip install -r requirements-dev.txt"))
    command = [uv, "pip", "compile", "--quiet", "--upgrade", "--no-python-downloads", "--no-annotate", "--no-header", *arguments]
    target.write_text(head + subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    print("written:", target.relative_to(ROOT))


if __name__ == "__main__":
    compile_to(
        ROOT / "constraints.txt", EVERYWHERE,
        "requirements-dev.txt", "--universal", "--fork-strategy", "fewest", "--python-version", "3.11",
    )
    compile_to(
        ROOT / "binder/requirements.txt", BINDER,
        "binder/requirements.in", "--python-version", "3.12", "--python-platform", "x86_64-unknown-linux-gnu",
    )
    compile_to(
        ROOT / "site/requirements.txt", SITE,
        "site/requirements.in", "-c", "constraints.txt", "--universal", "--fork-strategy", "fewest", "--python-version", "3.11",
    )
