"""Rules that keep the house as it is: short files, short lines, one definition of each thing, one spelling."""

import ast
import re
import subprocess
from pathlib import Path

import codespell_lib
import pytest
from course import ROOT
from helpers import palette

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
    (r"def best_threshold", "helpers/evaluation.py"),
    (r"def error_map", "helpers/drawing.py"),
    (r"def as_png|cv2\.imencode\(\"\.png\"", "helpers/drawing.py"),
    (r"def disc_pixels", "helpers/synthesis.py"),
    (r"class CircleScene", "helpers/dials.py"),
], ids=str)
def test_there_is_one_of_each(pattern, home):
    found = {path.relative_to(ROOT).as_posix() for path in HELPERS if re.search(pattern, path.read_text(encoding="utf-8"))}
    assert found == {home}


# Where a Dice is computed: of masks; in Keras, of one class and of several; and as the answers to exercises, so that
# what a student writes is compared with something that was not copied from what is asked for.
DICE = {"helpers/evaluation.py", "helpers/training/losses.py", "helpers/classes.py", "helpers/checks/notebook_01.py",
        "helpers/checks/notebook_04.py"}


def doubles(node):
    """Say whether a numerator is twice something: 2 * x, 2 * x + c, float(2 * x)."""
    if isinstance(node, ast.Call) and len(node.args) == 1:
        return doubles(node.args[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        twice = isinstance(node.op, ast.Mult) and any(isinstance(part, ast.Constant) and part.value == 2 for part in (node.left, node.right))
        return twice or doubles(node.left) or doubles(node.right)
    return False


def dices(tree):
    """Yield the divisions that have the form of a Dice: twice something over a sum, also if the sum has a name of its own."""
    for scope in ast.walk(tree):
        if not isinstance(scope, (ast.Module, ast.FunctionDef, ast.Lambda)):
            continue
        sums = {target.id for node in ast.walk(scope) if isinstance(node, ast.Assign) for target in node.targets
                if isinstance(target, ast.Name) and isinstance(node.value, ast.BinOp) and isinstance(node.value.op, ast.Add)}
        for node in ast.walk(scope):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                top, bottom = node.left, node.right
            elif isinstance(node, ast.Call) and re.search(r"divide(_no_nan)?$", ast.unparse(node.func)) and len(node.args) > 1:
                top, bottom = node.args[:2]
            else:
                continue
            added = any(isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add) or isinstance(part, ast.Name) and part.id in sums
                        for part in ast.walk(bottom))
            if doubles(top) and added:
                yield ast.unparse(node)


def test_there_is_one_dice():
    found = {path.relative_to(ROOT).as_posix() for path in HELPERS if any(dices(ast.parse(path.read_text(encoding="utf-8"))))}
    assert found == DICE


@pytest.mark.parametrize(("code", "seen"), [
    ("2 * (a & b).sum() / (a.sum() + b.sum())", 1), ("2 * float(hit) / max(float(a + b), 1)", 1),
    ("def f():\n    areas = a.sum() + b.sum()\n    return np.divide(2 * hit, areas)", 1), ("(2 * hit + 1) / (a + b + 1)", 1),
    ("hit / (a + b - hit)", 0), ("2 * np.pi / (n - 1)", 0), ("2 * margin / tile", 0), ("(a + b) / 2", 0),
])
def test_the_rule_of_one_dice_notices(code, seen):
    assert len(set(dices(ast.parse(code)))) == seen


COLOR = re.compile(r"#(?:[0-9a-fA-F]{8}|[0-9a-fA-F]{6}|[0-9a-fA-F]{3,4})\b")


def colors_of(path):
    """Return the colors that a file of code or style spells out, without those of addresses, comments and selectors."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".css":  # what stands between braces, and there behind a colon
        return [color for value in re.findall(r":\s*([^:;{}]*)[;}]", text) for color in COLOR.findall(value)]
    return [color for word in re.findall(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`]*`", text) for color in COLOR.findall(word)]


def test_a_color_of_the_pages_is_written_once():
    """Those of pictures come from `helpers/palette.py`; those of text and surfaces stand at the top of `web/page.css`."""
    files = [path for path in TRACKED if path.is_relative_to(ROOT / "web") and path.suffix in (".css", ".js", ".mjs", ".html")]
    assert len(files) > 30
    for path in files:
        if path.name in ("palette.css", "palette.js"):
            continue
        found = colors_of(path)
        if path.name == "page.css":
            head = COLOR.findall(re.search(r":root \{(.*?)\n\}", path.read_text(encoding="utf-8"), re.DOTALL)[1])
            assert found == head and len(set(map(str.upper, head))) == len(head), "name it in :root, once"
            assert not {color.upper() for color in head} & {color.upper() for color in palette.COLORS.values()}
            found = []
        assert not found, f"{path.relative_to(ROOT)}: take var(--unet-...) or COLORS: {found}"


def test_a_color_of_python_is_written_once():
    """Colors in sentences to the reader, such as "such as #ff0000", are no colors of ours."""
    for path in HELPERS:
        if path.name != "palette.py":
            texts = [node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                     if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            assert not [text for text in texts if COLOR.fullmatch(text)], f"{path.relative_to(ROOT)}: take it from helpers.palette"


def test_the_rule_of_colors_notices(tmp_path):
    (tmp_path / "a.css").write_text("#abc:hover { color: #fff; border: 1px solid #8886 } /* #123456 */")
    (tmp_path / "a.js").write_text("get('#added').style = '#FFFFFF'; // no '#1' of it\nconst paper = COLORS.paper;")
    assert colors_of(tmp_path / "a.css") == ["#fff", "#8886"] and "#FFFFFF" in colors_of(tmp_path / "a.js")


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


# Words that sound translated, and what stands for them; names that no textbook has.
UNUSED = {
    r"dearest": "most expensive", r"splendid\w*": "very good", r"to mend\b|\bmend (?:it|them|the)": "to fix, correct",
    r"to be had": "available", r"(?:is|are|that are) no numbers": "are not numbers", r"at most so many": "the largest number of",
    r"letters of all that do": "Which of these ...? Write all letters, for example \"AB\".", r"for nothing could": "because nothing could",
    r"(?:over|under)-fit\w*": "overfitting, underfitting",
}
NAMES = {"Shown": "PanelResult", "says": "caption", "twin": "still", "Housekeeping": "ReleaseMemory", "BOOK": "CAUSES", "Kept": "SavedNetwork",
         "held": "content", "elsewhere": "platforms"}


def unused_words(text):
    """Return the words of a text that we do not use, each with the one that we do."""
    return [(found[0], better) for words, better in UNUSED.items() for found in re.finditer(rf"\b(?:{words})", text, re.IGNORECASE)]


@pytest.mark.parametrize("suffix", [".py", ".md", ".js", ".html"])
def test_words_that_we_do_not_use(suffix):
    found = {path.relative_to(ROOT).as_posix(): unused_words(" ".join(path.read_text(encoding="utf-8").split()))
             for path in TRACKED if path.suffix == suffix and path.exists() and path != Path(__file__)}
    assert not {name: words for name, words in found.items() if words}


def test_names_that_we_do_not_use():
    """Of functions, classes, constants of modules, and parameters; a variable inside a function may be `held`."""
    for path in HELPERS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        names |= {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
        assert not names & NAMES.keys() and path.stem not in NAMES, f"{path.relative_to(ROOT)}: {names & NAMES.keys()}"


def test_the_rule_of_words_notices():
    said = "To mend it, run this. These are no numbers: Mend the line."
    assert {word for word, _ in unused_words(said)} == {"To mend", "are no numbers", "Mend the"}
    assert unused_words("It recommends the line, holds no numbers and mends.") == []


def test_the_house_in_contributing_names_every_helper():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("## The house") : text.index("## Change a notebook")]
    named = {name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`([\w/]+)`", row)}
    folders = {path.parent.relative_to(ROOT / "helpers").parts[0] + "/" for path in HELPERS if path.parent.name != "helpers"}
    files = {path.stem for path in HELPERS if path.parent.name == "helpers" and path.stem != "__init__"}
    rows = named - {"helpers/"}
    assert rows == files | folders, (rows ^ (files | folders))
