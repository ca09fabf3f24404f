"""Change the taught modules in one place at a time, and count how many of the changes the tests notice.

    python benchmarks/mutation.py                    300 mutants, sampled by seed; writes mutation.md beside this file
    python benchmarks/mutation.py synthesis arrays   of those 300, the ones in these modules; writes nothing
    python benchmarks/mutation.py --table            write mutation.md from what has been tried so far

The mutants are made by Cosmic Ray (`pip install cosmic-ray`). Each is tried in a copy of the repository, so the files here
stay as they are. What has been tried is kept in runs/mutation.json, so a run that was interrupted goes on where it was. It
needs `fork`, so Linux or macOS.
Mutants of type annotations are left out: they change nothing that a test could notice.
"""

import argparse
import ast
import functools
import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from cosmic_ray.commands.init import init
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "runs" / "mutation.json"
REPORT = Path(__file__).with_suffix(".md")
SAMPLE, SEED, SECONDS = 300, 1, 400

# Each module and the tests that watch it.
TESTS = {
    "arrays": ("helpers/arrays.py", "tests/test_evaluation.py"),
    "synthesis": ("helpers/synthesis.py", "tests/test_synthesis.py"),
    "evaluation": ("helpers/evaluation.py", "tests/test_evaluation.py"),
    "anatomy": ("helpers/anatomy.py", "tests/test_anatomy.py"),
    **{name: (f"helpers/training/{name}.py", "tests/test_training.py")
       for name in ("losses", "batches", "callbacks", "run")},
}

WITH_KERAS = {"anatomy", "losses", "batches", "callbacks", "run"}

# Survivors that no test can catch: the module, what stands in the changed line, and why nothing changes.
EQUIVALENT = [
    ("arrays", "if masks.dtype is bool", "the branch saves a copy; what comes after it gives the same mask"),
    ("evaluation", "np.maximum(areas, 2)", "an area of 1 means no overlap, and 0/2 = 0/1"),
    ("evaluation", "== 1) * (labels == 0)", "the product of two truth values is their `and`"),
    ("evaluation", "== 1) & (labels <= 0)", "labels are never negative"),
    ("evaluation", "image[..., -1]", "there is one channel, which is the first and the last"),
    ("synthesis", "if blur != 0", "a blur is never negative"),
    ("synthesis", "math.floor(y + radius) + 2", "the disc's square grows by a row, in which no pixel lies in the disc"),
    ("anatomy", "1 * fan_in if", "only whether a kernel is positive matters there, not how large it is"),
    ("anatomy", 'is "kernel"', "CPython keeps each such word once"),
    ("anatomy", "if classes <= 1", "the number of classes is at least 1; that is checked before"),
    ("run", "shuffle=True", "Keras shuffles arrays only, and this is a Dataset"),
    ("anatomy", "position: int = -1", "positions -1 and 0 lie as far from the grid's corner, on its two sides"),
    ("anatomy", "if here % 2 or here <= 1", "1 is odd, so it is refused either way"),
]


def annotated(path: Path) -> set[int]:
    """Return the numbers of the lines of a module on which annotations, and nothing else, hold operators."""
    tree, lines = ast.parse(path.read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None and any(isinstance(inner, ast.BinOp) for inner in ast.walk(part)):
                lines |= set(range(part.lineno, part.end_lineno + 1))
    return lines


def sample() -> list[tuple[str, object]]:
    """Return the sampled mutants as `(module, mutation)`; a rewritten line changes the sample by its own mutants only."""
    found = []
    for name, (path, _) in TESTS.items():
        left_out = annotated(ROOT / path)
        with tempfile.TemporaryDirectory() as folder, use_db(f"{folder}/session.sqlite", WorkDB.Mode.create) as session:
            init([Path(path)], session, {})
            mutations = [item.mutations[0] for item in session.work_items]
        found += [(name, m) for m in mutations if m.start_pos[0] not in left_out]
    return sorted(found, key=lambda pair: hashlib.sha256(f"{SEED}{key(*pair)}".encode()).digest())[:SAMPLE]


def key(name, mutation) -> str:
    """Return what a mutant is remembered by: what it does, where in its line, and the text of the line."""
    line = lines_of(TESTS[name][0])[mutation.start_pos[0] - 1]
    twin = mutation.occurrence % 2  # a number is changed twice at the same place, up and down
    return f"{name}:{mutation.operator_name}:{mutation.operator_args}:{mutation.start_pos[1]}:{twin}:{line}"


@functools.cache
def lines_of(path: str) -> list[str]:
    """Return the lines of a module as it stands here, without mutants."""
    return (ROOT / path).read_text(encoding="utf-8").splitlines()


def attempt(name, mutation) -> dict:
    """Run the tests against one mutant, in the current folder; returns whether they caught it, and the change."""
    operator = get_operator(mutation.operator_name)(**mutation.operator_args)
    with use_mutation(Path(TESTS[name][0]), operator, mutation.occurrence) as (before, after):
        pairs = zip(before.splitlines(), after.splitlines())
        lines = next(([a.strip(), b.strip()] for a, b in pairs if a != b), ["", ""])
        return {"caught": not tests_pass(TESTS[name][1]), "before": lines[0], "after": lines[1]}


def tests_pass(tests: str) -> bool:
    """Run tests in a fork of this process, which has loaded all but the course itself; False if they last too long."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", tests])))
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def load(modules) -> None:
    """Import what the tests import, so that each fork finds it there."""
    for name in ("cv2", "sklearn.metrics", "matplotlib", *(("keras", "tensorflow") if modules & WITH_KERAS else ())):
        importlib.import_module(name)


def why_right(name, outcome) -> str:
    """Return why a survivor is no fault, or nothing."""
    for module, words, reason in EQUIVALENT:
        if module == name and words in f"{outcome['before']} -> {outcome['after']}":
            return reason
    return ""


def report(chosen, kept) -> str:
    """Return the table and the lists as Markdown."""
    rows, right, wrong, tried = [], [], [], 0
    for name in TESTS:
        mine = [kept[key(n, m)] for n, m in chosen if n == name and key(n, m) in kept]
        survivors = [outcome for outcome in mine if not outcome["caught"]]
        good = [(outcome, why_right(name, outcome)) for outcome in survivors]
        right += [f"| {name} | `{o['before']}` | `{o['after']}` | {why} |" for o, why in good if why]
        wrong += [f"| {name} | `{o['before']}` | `{o['after']}` |" for o, why in good if not why]
        tried += len(mine)
        equal = sum(bool(why) for _, why in good)
        of_all = sum(n == name for n, _ in chosen)
        caught = len(mine) - len(survivors)
        rows.append(f"| {name} | {of_all} | {len(mine)} | {caught} | {equal} | {len(survivors) - equal} |")
    caught = tried - len(right) - len(wrong)
    share = caught / max(tried - len(right), 1)
    lines = [
        "# What the tests notice", "",
        f"Made by `python benchmarks/mutation.py`: {SAMPLE} single changes of the taught modules, sampled with seed {SEED} from",
        f"all that Cosmic Ray makes. {tried} were tried, and {share:.1%} of those that change anything were caught.", "",
        "| module | sampled | tried | caught | equivalent | survived |", "| --- | --- | --- | --- | --- | --- |", *rows, "",
        "## Survived", "", "| module | before | after |", "| --- | --- | --- |", *(wrong or ["| none | | |"]), "",
        "## Equivalent: no test can tell them apart", "", "| module | before | after | why |", "| --- | --- | --- | --- |",
        *(right or ["| none | | | |"]),
    ]
    return "\n".join(lines).replace("||", "\\|\\|") + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(TESTS)}; default: all")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many and keep what was found")
    parser.add_argument("--table", action="store_true", help="try nothing, write the table")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # the tests need none, and they cost seconds
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # a stale .pyc of the same second and size would hide a mutant
    chosen = sample()
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    KEPT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        ignored = shutil.ignore_patterns(".git", ".venv*", "runs", "node_modules", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        os.chdir(copy)
        load(set(options.modules or TESTS) if not options.table else set())
        wanted = {TESTS[name][1] for name in options.modules or TESTS} if not options.table else set()
        if not all(map(tests_pass, sorted(wanted))):
            sys.exit("The tests fail without any mutant. Make them pass first.")
        begun = time.monotonic()
        for name, mutation in [] if options.table else chosen:
            if options.modules and name not in options.modules or key(name, mutation) in kept:
                continue
            started = time.monotonic()
            if started - begun > 60 * options.minutes:
                break
            outcome = kept[key(name, mutation)] = attempt(name, mutation)
            KEPT.write_text(json.dumps(kept, indent=1), encoding="utf-8")
            print(f"{name}: {'caught' if outcome['caught'] else 'SURVIVED'} in {time.monotonic() - started:.0f} s: "
                  f"{outcome['before']} -> {outcome['after']}", flush=True)
        os.chdir(ROOT)
    if not options.modules:
        REPORT.write_text(report(chosen, kept), encoding="utf-8")
    print(report(chosen, kept))


if __name__ == "__main__":
    main()
