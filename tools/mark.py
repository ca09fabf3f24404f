"""Run the notebooks that students hand in, and write a table of the exercises that are solved.

    python tools/mark.py submitted                      a folder of notebooks, or a folder for each student
    python tools/mark.py submitted --table marks.csv    write the table there (never over a file that exists)
    python tools/mark.py submitted --minutes 20         at most so long for one notebook
    python tools/mark.py submitted --seconds 300        at most so long for one of its cells

What is run: the code of the cells, as it stands there, from the first to the last. Saved outputs, the kernel that the
notebook asks for, and everything else that is stored in it are left out. Each notebook gets a new copy of the course, in
which it may change what it likes: it is thrown away. A notebook whose kernel dies, or that takes too long, ends there, and
the next one is run.

How it is marked: after each cell that calls a check, the check of *this* copy of the course is loaded from a second new copy
and asked about what the cell hands to it, and about the names that the published notebook hands to it. What it answers is read from a file. So words that look
like a verdict, a changed `helpers` folder, or a check that was replaced earn nothing. An exercise whose check was deleted is
marked at the end of the notebook.

What this cannot prevent: a student's code runs in the same process as the check and under your account. Somebody who
studies this file can write code that lies to it, read your files, or leave something running. Use an account or a container that
can be thrown away, and do not let marks depend on exercises alone: the solutions are in the notebooks.
"""

import argparse
import ast
import csv
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers.gate import first_line, printable

COURSE = ("helpers", "models", "notebooks", "pyproject.toml", "requirements.txt")  # what a notebook may need
MOST_BYTES = 100_000_000  # a notebook of the course with its pictures has a few million
KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP", "LD_LIBRARY_PATH", "VIRTUAL_ENV")  # no secrets of yours
ASK = """
def _ask(place, identity, answers):
    import os, sys
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "helpers"}
    path, progress = list(sys.path), os.environ.get("UNET_COURSE_PROGRESS")
    sys.path.insert(0, place + "/course")
    os.environ["UNET_COURSE_PROGRESS"] = place + "/said"
    try:
        from helpers import checks
        getattr(checks, "exercise_" + identity.replace(".", "_"))(*answers)
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "helpers"]:
            del sys.modules[name]
        sys.modules.update(ours)
        sys.path[:] = path
        os.environ.pop("UNET_COURSE_PROGRESS")
        if progress is not None:
            os.environ["UNET_COURSE_PROGRESS"] = progress
"""


# --- what is asked ----------------------------------------------------------------------------------------------------


def calls_of(source: str) -> dict[str, str]:
    """Return the exercises whose checks a cell calls, and the arguments of each call as text."""
    found = {}
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a cell with a magic, or one that does not run
        return found
    for node in ast.walk(tree):
        name = node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""
        if name.startswith("exercise_"):
            found[name.removeprefix("exercise_").replace("_", ".")] = ", ".join(map(ast.unparse, node.args))
    return found


def published() -> dict[str, dict[str, str]]:
    """Return for each notebook of the course, by its number, its exercises and the names that it hands to their checks."""
    books = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        exercises = {identity: names for source in sources for identity, names in calls_of(source).items()}
        if exercises:
            books[path.name[:2]] = exercises
    return books


def sources_of(path: Path) -> list[str]:
    """Return the code cells of a notebook that was handed in. Raises ValueError, in words, if it is none."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has {path.stat().st_size / 1e6:,.0f} MB; a notebook has at most {MOST_BYTES / 1e6:.0f}.")
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        chosen = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return [source if isinstance(source, str) else "".join(source) for source in chosen]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it cannot be read as a notebook ({first_line(error)}).") from None


def belongs_to(sources, books) -> str:
    """Return the number of the course's notebook that this is, by the checks that it calls; "" if it calls none."""
    called = {identity for source in sources for identity in calls_of(source)}
    score = {number: len(called & set(exercises)) for number, exercises in books.items()}
    best = max(score, key=score.get)
    return best if score[best] else ""


# --- one notebook, in a process of its own ----------------------------------------------------------------------------


def copy_course(folder: Path, names=COURSE) -> Path:
    """Make a new copy of the course, or of some parts of it, without what was run or built in this one."""
    folder.mkdir(parents=True)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


def run_notebook(sources, exercises, seconds, note) -> None:
    """Run cells in a new kernel of this Python, and ask about the exercises; `note(kind, what)` takes down what happens."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    with tempfile.TemporaryDirectory(prefix="marking-", ignore_cleanup_errors=True) as scratch:
        place = copy_course(Path(scratch) / "copy")
        os.environ |= {"UNET_COURSE_RUNS": f"{scratch}/runs", "UNET_COURSE_PROGRESS": f"{scratch}/progress"}
        notebook = nbformat.v4.new_notebook()
        client = NotebookClient(notebook, timeout=seconds, interrupt_on_timeout=True, allow_errors=True, kernel_name="python3",
                                resources={"metadata": {"path": str(place / "notebooks")}})

        def run(source):
            notebook.cells.append(nbformat.v4.new_code_cell(source))
            client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)
            return any(output.output_type == "error" for output in notebook.cells[-1].outputs)

        def accepted(identity, answers):
            with tempfile.TemporaryDirectory(prefix=secrets.token_hex(8), ignore_cleanup_errors=True) as own:
                copy_course(Path(own) / "course", ("helpers", "models"))
                run(f"{ASK}\n_ask({own!r}, {identity!r}, ({answers},))")
                said = Path(own) / "said" / "progress.json"
                return said.is_file() and json.loads(said.read_text()).get(identity) == "solved"

        def ask(identity, written):  # some write their answer into the call of the check
            answers = dict.fromkeys(filter(None, (written, exercises[identity])))
            solved = any(accepted(identity, one) for one in answers)
            note("exercise", [identity, "solved" if solved else "not solved"])

        number, left = 0, set(exercises)
        try:
            with client.setup_kernel():
                for number, source in enumerate(sources, start=1):
                    if run(source):
                        note("error", number)
                    for identity, written in calls_of(source).items():
                        if identity in left:
                            ask(identity, written)
                            left.discard(identity)
                number = 0
                for identity in sorted(left):  # their checks were deleted
                    ask(identity, "")
        except (DeadKernelError, RuntimeError):
            note("end", f"its kernel died in code cell {number}." if number else "its kernel died after its last cell.")
        except CellTimeoutError:
            note("end", f"code cell {number} went on after it was told to stop.")


def one(path, seconds, report) -> None:
    """What the process for one notebook does: run it and write lines of JSON into the file `report`."""
    books, sources = published(), sources_of(Path(path))
    number = belongs_to(sources, books)

    def note(kind, what):
        with open(report, "a", encoding="utf-8") as file:
            file.write(json.dumps([kind, what]) + "\n")

    note("book", number)
    if number:
        run_notebook(sources, books[number], seconds, note)


# --- all notebooks ----------------------------------------------------------------------------------------------------


def mark(path: Path, books, seconds: int, minutes: float) -> dict:
    """Return what came out for one notebook: `notebook`, the state of each exercise, and a note in words."""
    result = {"notebook": "", "exercises": {}, "note": ""}
    try:
        result["notebook"] = belongs_to(sources_of(path), books)
    except (ValueError, OSError) as error:
        return {**result, "note": first_line(error)}
    if not result["notebook"]:
        return {**result, "note": "no cell of it calls a check of an exercise."}
    result["exercises"] = dict.fromkeys(books[result["notebook"]], "not reached")
    with tempfile.TemporaryDirectory(prefix="report-", ignore_cleanup_errors=True) as folder:
        report, errors = Path(folder) / secrets.token_hex(16), 0
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment |= {"HOME": folder, "USERPROFILE": folder, "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONIOENCODING": "utf-8"}
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--one", str(path.resolve()), "--seconds", str(seconds)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder,
        )
        try:
            said = process.communicate(str(report).encode(), timeout=60 * minutes)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            _end(process)
            said, result["note"] = "", f"it took longer than {minutes:g} minutes and was stopped."
        lines = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    for kind, what in map(json.loads, lines):
        if kind == "exercise":
            result["exercises"][what[0]] = what[1]
        errors += kind == "error"
        result["note"] = what if kind == "end" else result["note"]
    if process.returncode and not result["note"]:
        reason = said.strip().splitlines()[-1] if said.strip() else "no reason given"
        result["note"] = f"it could not be run ({first_line(reason)})."
    if errors:
        result["note"] = f"{errors} {'cell' if errors == 1 else 'cells'} ended with an error. {result['note']}".strip()
    return result


def _end(process):
    """End a process and all that it has started: the kernels are in groups of their own."""
    import psutil

    family = [process, *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            pass
    process.wait()


def found_in(folder: Path) -> list[Path]:
    """Return the notebooks in a folder and in the folders in it, without Jupyter's own copies."""
    return sorted(path for path in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts and path.is_file())


def cell_of_table(text) -> str:
    """Return text for a cell: visible characters only, and nothing that a spreadsheet takes for a formula."""
    text = printable(text)
    return f"'{text}" if text[:1] in "=+-@\t" else text


def write_table(path: Path, rows, identities) -> None:
    """Write one row a notebook. Raises FileExistsError if the file is there."""
    with path.open("x", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["submission", "notebook", "solved", *identities, "note"])
        for name, result in rows:
            states = result["exercises"]
            solved = sum(state == "solved" for state in states.values())
            table.writerow([cell_of_table(name), result["notebook"], solved, *(states.get(i, "") for i in identities),
                            cell_of_table(result["note"])])


def main(arguments=None) -> int:
    """Mark what is in a folder; returns 0, or 2 with a sentence if nothing could be begun."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--table", type=Path, default=None)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--one", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        one(options.one, options.seconds, sys.stdin.read())
        return 0
    if options.folder is None or not options.folder.is_dir():
        print(f"{'No folder was named' if options.folder is None else f'{printable(options.folder)} is no folder'}; give "
              "the folder that holds what was handed in.")
        return 2
    if options.table is not None and options.table.exists():
        print(f"{printable(options.table)} exists, and nothing is written over it; choose another name.")
        return 2
    paths, books, rows = found_in(options.folder), published(), []
    if not paths:
        print(f"there is no notebook (.ipynb) in {printable(options.folder)}.")
        return 2
    for path in paths:
        name, start = path.relative_to(options.folder), time.monotonic()
        result = mark(path, books, options.seconds, options.minutes)
        rows.append((name, result))
        solved = [identity for identity, state in result["exercises"].items() if state == "solved"]
        print(f"{printable(name)}: {len(solved)} of {len(result['exercises'])} solved"
              f"{' (' + ', '.join(solved) + ')' if solved else ''}, {time.monotonic() - start:.0f} s. {result['note']}".strip(),
              flush=True)
    if options.table is not None:
        write_table(options.table, rows, [identity for exercises in books.values() for identity in exercises])
    print("Exercises can be looked up, and code that runs beside a check can lie to it: see the head of tools/mark.py.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
