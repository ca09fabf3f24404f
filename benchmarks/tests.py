"""How long the tests take, which take the most, and whether they hold beside other work: writes tests.md.

    python benchmarks/tests.py              the README's test command, alone
    python benchmarks/tests.py --busy 4     beside four processes that count all the time; the same files, twice as slow
    python benchmarks/tests.py tests/test_scaling.py -k two_processes --times 10     some of them, several times

Seconds are those of a shared, noisy machine: the shares of the files count. Each call adds its own section to the page.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
REPORT = Path(__file__).with_suffix(".md")
MOST = 15  # files in the table
COMMAND = re.search(r"-m pytest (tests notebooks .*)", (ROOT / "Makefile").read_text(encoding="utf-8"))[1].split()
COUNT = "while True: sum(range(10**6))"


def speed_of_python() -> float:
    """Return how many million additions this machine's Python makes in a second, the best of five."""
    found = []
    for _ in range(5):
        start = time.perf_counter()
        sum(range(10**7))
        found.append(10 / (time.perf_counter() - start))
    return max(found)


def run(words) -> tuple[float, int, Counter, Counter]:
    """Run pytest once; returns minutes, its exit status, what became of the tests, and seconds by file."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "junit.xml"
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "pytest", *words, f"--junitxml={page}", "-q"], cwd=ROOT)
        minutes = (time.perf_counter() - start) / 60
        cases = [*ElementTree.parse(page).iter("testcase")]
    became, seconds = Counter(), Counter()
    for case in cases:
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        became[min(kinds, default="passed")] += 1
        seconds[case.get("classname").split(".Test")[0].replace(".", "/")] += float(case.get("time"))
    return minutes, done.returncode, became, seconds


def main() -> None:
    """Run the tests as asked and write what they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--busy", type=int, default=0, help="processes that count beside the tests")
    parser.add_argument("--times", type=int, default=1)
    options, words = parser.parse_known_args()
    given, speed, load = " ".join(sys.argv[1:]), speed_of_python(), os.getloadavg()[0]
    loops = [subprocess.Popen([sys.executable, "-c", COUNT]) for _ in range(options.busy)]
    try:
        runs = [run(words or COMMAND) for _ in range(options.times)]
    finally:
        for loop in loops:
            loop.kill()
    became, seconds = sum((run[2] for run in runs), Counter()), sum((run[3] for run in runs), Counter())
    minutes = ", ".join(f"{run[0]:.1f}" for run in runs)
    lines = [
        f"## `python benchmarks/tests.py{' ' + given if given else ''}`", "",
        f"{os.cpu_count()} cores, load before the start {load:.1f}, {speed:.0f} million additions of Python a second. "
        f"Minutes: {minutes}. {', '.join(f'{count:,} {kind}' for kind, count in sorted(became.items()))}.", "",
        "| file | share of all tests' seconds | minutes |", "| --- | --- | --- |",
        *(f"| {name} | {took / sum(seconds.values()):.0%} | {took / 60:.1f} |" for name, took in seconds.most_common(MOST)), "",
    ]
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else "# The tests\n\nMade by the commands above the tables.\n\n"
    before = re.split(r"(?m)^(?=## )", text)
    kept = [part for part in before if not part.startswith(lines[0] + "\n")]
    REPORT.write_text("".join(kept).rstrip("\n") + "\n\n" + "\n".join(lines), encoding="utf-8")
    sys.exit(max(run[1] for run in runs))


if __name__ == "__main__":
    main()
