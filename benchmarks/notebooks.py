"""How long does each notebook run, and how much memory does its kernel take at its peak?

    python benchmarks/notebooks.py         measures all notebooks and writes notebooks.md beside this file (Linux only)
    python benchmarks/notebooks.py 01 02   measures and prints some
"""

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tools")]

import nbformat  # noqa: E402
import notebooks as tool  # noqa: E402
from nbclient import NotebookClient  # noqa: E402


def measure(path: Path) -> tuple[float, float]:
    """Run a notebook's cells in a fresh kernel; returns its minutes and the kernel's peak memory in GB."""
    import os

    notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    peak = "import re; print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read()).group(1))"
    notebook.cells.append(nbformat.v4.new_code_cell(peak))
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.update(UNET_COURSE_RUNS=f"{scratch}/runs", UNET_COURSE_PROGRESS=f"{scratch}/progress")
        started = time.perf_counter()
        NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}}).execute()
        minutes = (time.perf_counter() - started) / 60
    return minutes, int(notebook.cells[-1].outputs[0].text) / 1e6


def main(prefixes) -> None:
    """Measure, print, and write the table if all notebooks were measured."""
    lines = [
        "# Minutes and memory of each notebook", "",
        "Made by `python benchmarks/notebooks.py` on two CPU cores without a GPU. Memory is the kernel's peak.", "",
        "| notebook | minutes | GB |", "| --- | --- | --- |",
    ]
    print(*lines[-2:], sep="\n")
    for path in tool.sources(prefixes):
        minutes, gigabytes = measure(path)
        lines.append(f"| {path.stem} | {minutes:.1f} | {gigabytes:.2f} |")
        print(lines[-1], flush=True)
    if not prefixes:
        (HERE / "notebooks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
