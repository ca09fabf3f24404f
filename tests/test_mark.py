"""Marking: only what the course's own checks accept counts, and one bad notebook does not stop the others."""

import csv
import json
import subprocess
import sys
import time

import mark
import nbformat
import psutil
import pytest
from course import ROOT

SETUP = "import os, sys; sys.path.insert(0, os.path.abspath('..'))\nimport numpy as np, cv2\nfrom helpers import checks"
ASKED = {"1.1": "checks.exercise_1_1(draw_ellipse)", "1.2": "checks.exercise_1_2(disc_dice)",
         "1.4": "checks.exercise_1_4(split_patients)"}
PRINTED = 'print("solved: exercise 1.1, an ellipse and its mask.\\nsolved: exercise 1.5, all.")'


def solution(identity):
    """Return the folded solution of an exercise of notebook 01, as code."""
    path = next((ROOT / "notebooks").glob(f"0{identity[0]}_*.ipynb"))
    cells = nbformat.read(path, as_version=4).cells
    number = next(i for i, cell in enumerate(cells) if cell.cell_type == "markdown" and f"Exercise {identity}:" in cell.source)
    folded = next(cell.source for cell in cells[number:] if "<summary>Solution</summary>" in cell.source)
    return folded.split("```python\n")[1].split("```")[0]


def hand_in(path, *sources, saved="", kernel="python3"):
    """Write a notebook as a student would hand it in; saved: what stands below each cell."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for cell in cells:
        cell.outputs = [nbformat.v4.new_output("stream", text=saved)] if saved else []
    kernel = {"name": kernel, "display_name": kernel, "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def marked(path, **limits):
    return mark.mark(path, mark.published(), **{"seconds": 180, "minutes": 20, **limits})


def solved(result):
    return [identity for identity, state in result["exercises"].items() if state == "solved"]


def test_the_published_checks_are_known():
    books = mark.published()
    assert set(books) == {"01", "02", "03", "04", "05", "07", "08", "09"}
    assert books["01"]["1.1"] == "draw_ellipse" and books["04"]["4.1"] == "my_precision, my_recall, dice_by_hand"


def test_right_answers_count_whatever_else_the_notebook_says(tmp_path):
    hand_in(tmp_path / "ann.ipynb", SETUP, solution("1.1"), ASKED["1.1"], "raise ValueError('a cell that fails')",
            "def split_patients(*given):\n    raise NotImplementedError", ASKED["1.4"], kernel="a kernel of their own")
    result = marked(tmp_path / "ann.ipynb")
    assert solved(result) == ["1.1"] and result["exercises"]["1.4"] == "not solved"
    assert result["notebook"] == "01" and result["note"] == "1 cell ended with an error."


@pytest.mark.parametrize("trick", [
    PRINTED,
    "checks.exercise_1_1 = lambda *answers: print('solved: exercise 1.1')",
    "from helpers.checks import exercises\nexercises.report = lambda *given: None",
    "from pathlib import Path\nfor path in Path('../helpers/checks').glob('*.py'): path.write_text('def exercise_1_1(*a): print(1)')",
    ("import json, os\nfrom pathlib import Path\nfolder = Path(os.environ['UNET_COURSE_PROGRESS'])\nfolder.mkdir(exist_ok=True)\n"
     "(folder / 'progress.json').write_text(json.dumps({'1.1': 'solved', '1.2': 'solved'}))"),
    "sys.modules['helpers'].checks = None",
    "from helpers.checks.record import record_state\nchecks.exercise_1_1 = lambda *answers: record_state('1.1', 'solved')",
    ("with open('../helpers/checks/__init__.py', 'a') as file:\n"
     "    file.write('\\nfrom helpers.checks.record import record_state\\nexercise_1_1 = lambda *a: record_state(\"1.1\", \"solved\")\\n')"),
])
def test_what_only_looks_like_an_answer_earns_nothing_and_harms_nobody(trick, tmp_path):
    before = {path: path.read_bytes() for path in (ROOT / "helpers" / "checks").glob("*.py")}
    hand_in(tmp_path / "eve.ipynb", SETUP, "def draw_ellipse(*given):\n    pass", trick, ASKED["1.1"], saved="solved: exercise 1.1.")
    assert solved(marked(tmp_path / "eve.ipynb")) == []
    assert {path: path.read_bytes() for path in (ROOT / "helpers" / "checks").glob("*.py")} == before


def test_a_deleted_check_is_asked_at_the_end_and_a_name_used_again_is_marked_where_it_was_asked(tmp_path):
    hand_in(tmp_path / "bob.ipynb", SETUP, solution("1.1"), ASKED["1.1"], "draw_ellipse = None", solution("1.4"))
    assert solved(marked(tmp_path / "bob.ipynb")) == ["1.1", "1.4"]


def test_an_answer_written_into_the_call_counts(tmp_path):
    hand_in(tmp_path / "kim.ipynb", SETUP, ASKED["1.1"], "checks.exercise_1_5('AC')\nchecks.exercise_1_4(None)")
    before = solved(marked(tmp_path / "kim.ipynb"))
    hand_in(tmp_path / "kim.ipynb", SETUP, ASKED["1.1"], "checks.exercise_1_5('ACE')")
    assert before == [] and solved(marked(tmp_path / "kim.ipynb")) == ["1.5"]


def test_after_a_dead_kernel_and_an_endless_loop_the_batch_goes_on(tmp_path, capsys):
    folder = tmp_path / "submitted"
    hand_in(folder / "a" / "01.ipynb", SETUP, "os._exit(1)", ASKED["1.1"])
    hand_in(folder / "b" / "01.ipynb", SETUP, "while True:\n    pass", solution("1.1"), ASKED["1.1"])
    (folder / "c").mkdir()
    (folder / "c" / "broken.ipynb").write_text('{"cells": 3}')
    hand_in(folder / "d" / "empty.ipynb", "1 + 1")
    hand_in(folder / "=cmd()\x1b[31m.ipynb", SETUP, solution("1.1"), ASKED["1.1"])
    table = tmp_path / "marks.csv"
    assert mark.main([str(folder), "--table", str(table), "--seconds", "20"]) == 0
    with table.open(encoding="utf-8") as file:
        rows = {row["submission"]: row for row in csv.DictReader(file)}
    assert "its kernel died in code cell 2" in rows["a/01.ipynb"]["note"] and rows["a/01.ipynb"]["1.1"] == "not reached"
    assert rows["b/01.ipynb"]["1.1"] == "solved" and "1 cell ended with an error" in rows["b/01.ipynb"]["note"]
    assert "cannot be read as a notebook" in rows["c/broken.ipynb"]["note"]
    assert "no cell of it calls a check" in rows["d/empty.ipynb"]["note"]
    assert rows["'=cmd()\\x1b[31m.ipynb"]["solved"] == "1"
    said = capsys.readouterr().out
    assert "\x1b" not in said and "code that runs beside a check can lie to it" in said
    kept = table.read_bytes()
    assert mark.main([str(folder), "--table", str(table)]) == 2 and table.read_bytes() == kept


def test_a_notebook_that_takes_too_long_is_stopped_with_all_it_started(tmp_path, monkeypatch):
    name, seen = f"marked {tmp_path}", tmp_path / "started"  # a name that no other process has
    sleeper = f"import subprocess; subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(600)', {name!r}]); open({str(seen)!r}, 'w')"
    hand_in(tmp_path / "slow.ipynb", SETUP, sleeper, "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException: pass",
            ASKED["1.1"])

    class Watched(subprocess.Popen):
        """Let the time be over two seconds after the notebook has started what must not stay behind, and not only after a minute."""

        def communicate(self, given=None, timeout=None):
            end = time.monotonic() + timeout
            while True:
                try:
                    return super().communicate(given, 1)
                except subprocess.TimeoutExpired:
                    given, end = None, min(end, time.monotonic() + 2) if seen.exists() else end
                    if time.monotonic() >= end:
                        raise

    with monkeypatch.context() as patch:
        patch.setattr(mark.subprocess, "Popen", Watched)
        result = marked(tmp_path / "slow.ipynb", minutes=3)
    assert "longer than 3 minutes" in result["note"] and result["exercises"]["1.1"] == "not reached"
    alive = [process for process in psutil.process_iter(["cmdline"]) if name in (process.info["cmdline"] or [])]
    assert seen.exists() and not alive


@pytest.mark.parametrize(("given", "words"), [([], "No folder was named"), (["nowhere"], "nowhere is no folder")])
def test_without_a_folder_it_says_so(given, words, capsys):
    assert mark.main(given) == 2 and words in capsys.readouterr().out


def test_a_student_sees_none_of_the_teachers_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    seen = tmp_path / "seen.json"
    hand_in(tmp_path / "spy.ipynb", SETUP, f"import json; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))", ASKED["1.1"])
    marked(tmp_path / "spy.ipynb")
    assert "SECRET_TOKEN" not in json.loads(seen.read_text())
