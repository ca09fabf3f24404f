"""Rules that keep the house as it is: short files, short lines, one definition of each thing, one spelling."""

import ast
import re
import subprocess
from pathlib import Path

import codespell_lib
import pytest
from course import ROOT

HELPERS = sorted((ROOT / "helpers").rglob("*.py"))
TAUGHT = ("arrays", "synthesis", "anatomy", "training", "evaluation")  # what notebooks 01 to 04 teach
TRACKED = [ROOT / name for name in subprocess.run(
    ["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=True).stdout.splitlines()]


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("path", HELPERS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_has_one_job_and_fits_one_reading(path):
    text = lines(path)
    assert len(text) <= 300, f"{len(text)} lines: which of its jobs is another file's?"
    assert not [i for i, line in enumerate(text, 1) if len(line) > 120], "lines of at most 120 characters"
    assert path.stem not in ("utils", "util", "misc", "common")


def test_what_is_taught_is_a_read_of_one_coffee():
    taught = [path for path in HELPERS if path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py") in TAUGHT]
    assert sum(len(lines(path)) for path in taught) <= 1300


@pytest.mark.parametrize(("pattern", "home"), [
    (r"2 \* overlap / np\.maximum", "helpers/evaluation.py"),  # the Dice of masks
    (r"def best_threshold", "helpers/evaluation.py"),
    (r"def error_map", "helpers/drawing.py"),
    (r"def as_png|cv2\.imencode\(\"\.png\"", "helpers/drawing.py"),
    (r"#E69F00", "helpers/palette.py"),
    (r"def disc_pixels", "helpers/synthesis.py"),
    (r"class CircleScene", "helpers/dials.py"),
], ids=str)
def test_there_is_one_of_each(pattern, home):
    found = {path.relative_to(ROOT).as_posix() for path in HELPERS if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert found == {home}


def test_a_name_is_defined_once():
    """No public function or class of helpers/ has the same name as another in a different file."""
    homes = {}
    for path in HELPERS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    allowed = {"main"}
    assert not {name: where for name, where in homes.items() if len(where) > 1 and name not in allowed}


BRITISH = {}
for _line in (Path(codespell_lib.__file__).parent / "data" / "dictionary_en-GB_to_en-US.txt").read_text().splitlines():
    _word, _, _american = _line.partition("->")
    BRITISH[_word] = _american.split(",")[0]
for _word in ("practise", "storey", "tyre", "cheque", "metre"):
    BRITISH.pop(_word, None)


def british(text):
    """Return the British spellings in a text, also inside the names of code."""
    text = text.replace("CancelledError", "")  # so it is called in Python and in TensorFlow
    words = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+", text)
    return sorted({word for word in words if word.lower() in BRITISH})


@pytest.mark.parametrize("suffix", [".py", ".md", ".js", ".ts", ".css", ".html", ".toml", ".cff"])
def test_spelling_is_american(suffix):
    found = {path.relative_to(ROOT).as_posix(): british(path.read_text(encoding="utf-8"))
             for path in TRACKED if path.suffix == suffix and path.exists() and path != Path(__file__)}
    assert not {name: words for name, words in found.items() if words}


def test_the_spelling_rule_notices():
    assert british("the colour of a grey_level in normalisation") == ["colour", "grey", "normalisation"]
    assert british("colored gray normalization") == []
