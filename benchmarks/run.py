"""Run all measurements, one after the other, and write the index in README.md beside this file.

    python benchmarks/run.py          (make bench)
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEASUREMENTS = ("default_scene", "recipes", "panels", "mutants", "clinic", "own_images", "notebooks", "first_picture")


def main() -> None:
    """Run each measurement in a process of its own."""
    lines = ["# What was measured, and how", "", "`make bench` runs all of it. Each table names the command that made it.", ""]
    for name in MEASUREMENTS:
        script = HERE / f"{name}.py"
        if script.exists():
            subprocess.run([sys.executable, str(script)], check=True)
        if (HERE / f"{name}.md").exists():
            title = (HERE / f"{name}.md").read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
            lines.append(f"- [{title}]({name}.md), by `python benchmarks/{name}.py`")
    if (HERE / "platforms.md").exists():
        lines.append("- [The notebooks as they run elsewhere](platforms.md), by `make test-colab` and `make test-binder`")
    (HERE / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
