"""Measure what the course promises and write README.md beside this file: one run, under twenty minutes on two cores.

    python benchmarks/run.py              (make bench)
    python benchmarks/run.py --no-run     write README.md from the tables that are there

The long measurements (recipes, mutants, clinic, own images) are commands of their own; README.md lists them.
"""

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HERE_AND_NOW = ("core", "default_scene", "panels", "notebooks")
APART = ("first_picture", "recipes", "own_images", "clinic", "strange", "mutants", "mutation", "web", "kills",
         "own_images_layouts", "own_folders", "predict", "damaged", "gates", "dim", "touching", "classes", "elastic", "files", "flip_book", "learning_rates", "kept_pages",
         "onednn")


def tables(name: str) -> tuple[str, list[list[list[str]]]]:
    """Return the title and the tables, as rows of cells with their header first, of a Markdown file beside this one."""
    lines = (HERE / f"{name}.md").read_text(encoding="utf-8").splitlines()
    found, inside = [], False
    for line in lines:
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if not inside:
                found.append([])
            if not set("".join(cells)) <= set("-: "):
                found[-1].append(cells)
        inside = line.startswith("|")
    return lines[0].lstrip("# "), found


def spread(numbers, digits=1) -> str:
    """Return median and range of some numbers in words."""
    return f"{statistics.median(numbers):.{digits}f} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def rows() -> list[tuple[str, str, str, str, str]]:
    """Return the rows of the summary: what, ratio, bound, absolute, command; ratios first."""
    first = [(*row, "core") for row in tables("core")[1][0][1:]]
    scene = [dict(zip(tables("default_scene")[1][0][0], row)) for row in tables("default_scene")[1][0][1:]]
    dice = [float(row["U-Net"]) for row in scene]
    best = [float(row["best global threshold"]) for row in scene]
    soon = [float(row["seconds to 0.95"]) for row in scene if row.get("seconds to 0.95", "never") != "never"]
    steady = spread(soon, 0) + f" s, {len(soon)} of {len(scene)} seeds" if soon else "not measured"
    first.append((
        "default scene: U-Net's Dice, to that of the best threshold", spread([d / b for d, b in zip(dice, best)]), "Dice 0.95",
        f"Dice {spread(dice, 3)}; time to a validation Dice of 0.95: {steady}", "default_scene",
    ))
    rest = []
    for row in tables("panels")[1][0][1:]:
        panel, median, p95, bound, usual, faster = row[:6]
        line = (f"slider: {panel}", f"{faster} times faster than the usual way" if faster else "",
                f"{bound} ms", f"{median} ms, 95th percentile {p95} ms" + (f"; usual way {usual} ms" if usual else ""), "panels")
        (first if faster else rest).append(line)
    for row in tables("notebooks")[1][0][1:]:
        rest.append((f"notebook {row[0]}", "", "", f"{row[1]} minutes, {row[2]} GB at the peak", "notebooks"))
    return first + rest


def main() -> None:
    """Run each measurement in a process of its own, and write the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-run", action="store_true", help="measure nothing")
    options = parser.parse_args()
    started = time.monotonic()
    for name in () if options.no_run else HERE_AND_NOW:
        print(f"--- {name}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py")])
        if done.returncode and name != "panels":  # whose status says whether a bound was missed, and so does its table
            sys.exit(f"benchmarks/{name}.py ended with status {done.returncode}; README.md was not written.")
    machine = (HERE / "core.md").read_text(encoding="utf-8").splitlines()[2].split(" on ", 1)[1]
    took = f" This run took {(time.monotonic() - started) / 60:.0f} minutes."
    if options.no_run:
        took = " (What stands here now was put together from tables made one after the other.)"
    lines = [
        "# What was measured, and how", "",
        f"`make bench` measures all rows below in one run.{took}", f"Machine: {machine}", "",
        "Cells are medians with their spread: the middle half for `core`, lowest and highest for the three seeds of `default_scene`. The",
        "core is measured in turns, so that its ratios hold on a busy machine; the absolute numbers do not.", "",
        "| what | ratio | bound | absolute | command |", "| --- | --- | --- | --- | --- |",
        *(f"| {what} | {ratio} | {bound} | {absolute} | `python benchmarks/{name}.py` |" for what, ratio, bound, absolute, name in rows()), "",
        "In full:", "", *(f"- [{tables(name)[0]}]({name}.md), by `python benchmarks/{name}.py`" for name in HERE_AND_NOW), "",
        "Measured by commands of their own, since each takes from minutes to an hour:", "",
        *(f"- [{tables(name)[0]}]({name}.md), by `python benchmarks/{name}.py`" for name in APART if (HERE / f"{name}.md").exists()),
        "- [The notebooks as they run elsewhere](platforms.md), by `make test-colab` and `make test-binder`",
    ]
    (HERE / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"benchmarks/README.md written.{took}")


if __name__ == "__main__":
    main()
