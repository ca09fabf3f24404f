"""Try every hostile and unlucky file of `tests/payloads`, and files changed by chance, and write what came out: gates.md.

    python benchmarks/gates.py                  all payloads, and 20,000 files changed by chance
    python benchmarks/gates.py --fuzz 2000      so many of them
    python benchmarks/gates.py --fuzz 0         payloads only

Each payload and each file is tried in another process, with at most 4 GB of addresses above the start, by the processor's
seconds and the largest memory above what the course needs by itself. A process that ends or hangs is named and replaced.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from payloads import fuzz, load_all  # noqa: E402

from helpers.gate import printable  # noqa: E402

HERE = Path(__file__).resolve().parent
SECONDS, MEGABYTES, HANGS = 2, 300, 60
PIECE = 2000  # files a process tries before the next one takes over


def lines_of(script, *words):
    """Yield what a script of `tests/payloads` prints, line by line, and end it if nothing comes for a minute."""
    command = [sys.executable, str(ROOT / "tests" / "payloads" / script), *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace")
    while True:
        watch = threading.Timer(HANGS, process.kill)
        watch.start()
        line = process.stdout.readline()
        watch.cancel()
        if not line:
            break
        if line.startswith("{"):
            yield json.loads(line)
    process.wait()


def tried_payloads():
    """Return what came of each payload, in the order of the kinds."""
    pairs = [(kind, name) for kind, builders in load_all().items() for name in builders]
    results = []
    while pairs:  # a payload that ends the process is the one after the last that was told
        told = list(lines_of("trial.py", *[word for pair in pairs for word in pair]))
        results += told
        pairs = pairs[len(told):]
        if pairs:
            kind, name = pairs.pop(0)
            results.append({"kind": kind, "name": name, "outcome": "the process ended", "said": "", "seconds": 0, "megabytes": 0})
    return results


def tried_by_chance(kind, count):
    """Yield what came of files of a kind, changed by chance."""
    first = 0
    while first < count:
        last, begun = min(first + PIECE, count), None
        for line in lines_of("fuzz.py", kind, first, last):
            if "case" in line:
                begun = line["case"]
            else:
                begun = None
                yield line
        if begun is not None:
            yield {"kind": kind, "number": begun, "outcome": "the process ended", "said": "", "seconds": 0, "megabytes": 0}
            first = begun + 1
        else:
            first = last


def bad(result):
    """Return what is wrong with a result, or nothing."""
    if result["outcome"] not in ("refused", "read", "not here"):
        return result["outcome"]
    if result["outcome"] == ("refused" if result.get("reads") else "read") and "reads" in result:
        return f"{result['outcome']}, and should not be"
    if result["outcome"] != "not here" and (result["seconds"] > SECONDS or result["megabytes"] > MEGABYTES):
        return "too dear"
    return ""


def cell(text):
    """Return a text as a cell of a table."""
    text = re.sub(r"/tmp/\w+/", "", text.replace("\n", " "))
    return printable(text, 170).replace("|", "\\|").replace("<", "&lt;")


def write(payloads, chance, count):
    """Write gates.md."""
    good = sum(not bad(result) for result in payloads)
    text = [
        "# What the gates let through", "",
        f"Written by `python benchmarks/gates.py --fuzz {count}`. Each file is built small and harmless, and tried in a process",
        "with a limit of memory. Seconds are the processor's, megabytes the most above what the course needs by itself.",
        f"Allowed are {SECONDS} s and {MEGABYTES} MB: {good} of {len(payloads)} payloads are refused in words, or read rightly.", "",
        "| kind | payload | what came out | in which words | s | MB |", "| --- | --- | --- | --- | --- | --- |",
    ]
    for r in payloads:
        came = f"**{bad(r)}**" if bad(r) else r["outcome"]
        measured = f"{r['seconds']:.2f} | {max(r['megabytes'], 0):.0f}" if "seconds" in r else " | "
        text.append(f"| {r['kind']} | {r['name'].replace('_', ' ')} | {came} | {cell(r['said'])} | {measured} |")
    if chance:
        text += ["", "## Files changed by chance", "",
                 "Sound files of each kind with one to six changes (bits, pieces, parts of other files; in JSON other values), and what",
                 "the course does with them. An error counts as ours only if a line of the course raises it.", "",
                 "| files | tried | read | refused in words | anything else | longest, s | most, MB |", "| --- | --- | --- | --- | --- | --- | --- |"]
        for kind, results in chance.items():
            count_of = Counter(result["outcome"] for result in results)
            other = [result for result in results if bad(result)]
            text.append(f"| {kind} | {len(results):,} | {count_of['read']:,} | {count_of['refused']:,} | {len(other)} | "
                        f"{max(r['seconds'] for r in results):.2f} | {max(r['megabytes'] for r in results):.0f} |")
        text += ["", *(f"- {kind} {r['number']}: {bad(r)}, {cell(r['said'])} ({r['seconds']:.1f} s, {r['megabytes']:.0f} MB)"
                       for kind, results in chance.items() for r in results if bad(r))]
    (HERE / "gates.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def main():
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=int, default=20_000, help="how many files are changed by chance")
    count = parser.parse_args().fuzz
    payloads = tried_payloads()
    for result in payloads:
        if bad(result):
            print("BAD", result, flush=True)
    chance = {}
    for kind in fuzz.KINDS if count else ():
        chance[kind] = []
        for result in tried_by_chance(kind, count // len(fuzz.KINDS)):
            chance[kind].append(result)
            if bad(result):
                print("BAD", result, flush=True)
        write(payloads, chance, count)
    write(payloads, chance, count)


if __name__ == "__main__":
    main()
