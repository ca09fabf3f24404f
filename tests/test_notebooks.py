"""The teaching rules: pairs agree, every cell ran, header and recap match, lessons equal helpers, outputs are clean."""

import ast
import base64
import importlib
import re
import statistics

import jupytext
import nbformat
import notebooks as tool
import pytest
from course import ROOT

PAIRS = tool.sources()
HELPERS = [path for path in sorted((ROOT / "helpers").rglob("*.py")) if path.stem != "__init__"]
names = pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)


def notebook_of(path):
    return nbformat.read(path.with_suffix(".ipynb"), as_version=4)


def code_cells(path):
    return [cell for cell in notebook_of(path).cells if cell.cell_type == "code"]


def markdown(path):
    return "\n\n".join(cell.source for cell in notebook_of(path).cells if cell.cell_type == "markdown")


def section(text, title):
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def test_there_are_notebooks():
    assert [path.stem for path in PAIRS if path.stem[:2] in ("01", "02", "03", "04")] == [
        "01_data_synthesis", "02_unet_anatomy", "03_training_with_callbacks", "04_evaluation_and_visualization",
    ]
    assert {p.with_suffix(".py") for p in (ROOT / "notebooks").glob("*.ipynb")} == set(PAIRS)


@names
def test_the_two_halves_agree(path):
    ours, derived = jupytext.read(path), notebook_of(path)
    assert [tool.key(cell) for cell in ours.cells] == [tool.key(cell) for cell in derived.cells], (
        f"{path.name} and its .ipynb differ: run make notebooks ONLY={path.stem[:2]}"
    )


@names
def test_every_cell_ran_once_in_order_and_none_failed(path):
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [o for cell in cells for o in cell.outputs if o.output_type == "error"]


@names
def test_outputs_hold_no_path_time_warning_or_widget(path):
    text = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert "widget-state" not in text and "widget-view" not in text
    notebook = notebook_of(path)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "jupyter"}
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", f"something was written to stderr:\n{output.get('text')}"
            words = output.get("text", "") + str(output.get("data", {}).get("text/plain", ""))
            found = re.search(r"/home/|/root/|/tmp/|/work/|[A-Z]:\\|\d\d:\d\d:\d\d|Warning|0x[0-9a-f]{6}|\d+ ?ms\b", words)
            assert not found, f"{found.group()!r} in the output of:\n{cell.source}"


@names
def test_no_printed_line_is_wider_than_a_notebook(path):
    """JupyterLab at 1280 pixels, beside its file browser, fits 100 characters, and breaks what is longer even inside numbers."""
    for cell in code_cells(path):
        for output in cell.outputs:
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            long = [line for line in text.splitlines() if len(line) > 100]
            assert not long or "image/png" in output.get("data", {}), f"print this with say(), of helpers/printing.py:\n{long[0]}"


@names
def test_no_picture_is_over_1_mb(path):
    """`figures.style.finish` keeps to it for pictures of any size, which `test_figures` tries; here is what was saved."""
    for cell in code_cells(path):
        for output in cell.outputs:
            for kind in ("image/png", "image/jpeg"):
                assert len(base64.b64decode(output.get("data", {}).get(kind, ""))) < 1e6, f"over 1 MB:\n{cell.source}"


@names
def test_header_and_recap_are_there_and_match(path):
    text = markdown(path)
    assert re.match(r"# \w+", text) and not text.startswith("# About")
    for line in ("**Launch:**", "Previous:", "[Contents](../README.md)", "Next:"):
        assert line in text
    assert len(re.findall(r"[.!?](?:\s|$)", section(text, "What you'll do"))) == 1, "What you'll do is one sentence"
    promised, kept = (re.findall(r"^- (.+?)$", section(text, t), re.MULTILINE) for t in ("What you'll learn", "What you've learned"))
    assert 3 <= len(promised) <= 6 and len(promised) == len(kept)
    for promise, done in zip(promised, kept):
        if "You can now" in section(text, "What you've learned"):
            assert done == promise[0].lower() + promise[1:]
            continue
        assert done.startswith("You ")
        shared = set(re.findall(r"\w{4,}", promise.lower())) & set(re.findall(r"\w{4,}", done.lower()))
        assert len(shared) >= 0.6 * len(set(re.findall(r"\w{4,}", promise.lower()))), f"{promise!r} became {done!r}"
    need = section(text, "What you'll need")
    assert "CPU cores" in need and "GB of memory" in need
    assert len(re.findall(r"^\d\. ", section(text, "On your own"), re.MULTILINE)) == 2
    assert section(text, "Further reading").strip()


@names
def test_the_readme_says_what_the_header_says(path):
    row = next(line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if f"notebooks/{path.stem}.ipynb)" in line)
    head = notebook_of(path).cells[0].source
    takes = re.search(r"cells themselves run in (.+?) on two CPU cores", head).group(1)
    memory = re.search(r"^- ([\d.]+ GB) of memory", head, re.MULTILINE).group(1)
    does = " ".join(section(head, "What you'll do").split())
    assert row.endswith(f"| {does} | {takes} | {memory} |"), "run python benchmarks/notebooks.py --map"


@names
def test_the_map_of_notebook_00_says_what_the_header_says(path):
    times = re.search(r"^- About (.+?) of your time; the cells themselves run in (.+?) on two CPU cores", markdown(path), re.MULTILINE)
    rows = re.findall(rf"^\| \[?{path.stem[:2]} .*$", markdown(PAIRS[0]), re.MULTILINE)
    assert len(rows) == 1, "add a row to the map of notebook 00: | [NN Title](file) | what you do | | |, then run python benchmarks/notebooks.py --map"
    assert rows[0].endswith(f"| {times[1]} | {times[2]} |"), "run python benchmarks/notebooks.py --map"


@names
def test_steps_ask_before_they_show(path):
    text = markdown(path) + "\n".join(cell.source for cell in code_cells(path))
    assert len(re.findall(r"\*\*Predict[.:]?\*\*|guess = ", text)) >= 2


def answers(path):
    """Cells that answer a guess."""
    return [cell for cell in code_cells(path) if re.search(r"\breveal\(", cell.source)]


@names
def test_no_saved_answer_is_visible_before_the_reader_opens_it(path):
    """The answer is folded by itself; what else its cell shows is folded by JupyterLab and by the site."""
    for cell in answers(path):
        folded = [output["data"] for output in cell.outputs if tool.folds(output)]
        asked = len(re.findall(r"\breveal\(", cell.source))
        assert len(folded) == asked, f"{asked - len(folded)} of the answers are not folded:\n{cell.source}"
        assert {data["text/plain"] for data in folded} == {"Guess first, in place of None above."}
        if len(cell.outputs) > len(folded):
            assert cell.metadata["jupyter"] == {"outputs_hidden": True} and "hide-output" in cell.metadata["tags"], cell.source
    for solution in re.findall(r"<details[^>]*>", markdown(path)):
        assert solution == "<details>", "a solution is shown open"


@names
def test_a_cell_that_answers_a_guess_shows_nothing_else(path):
    """GitHub heeds no tag: there, what an answer's cell shows beside the folded answer would stay visible."""
    for cell in answers(path):
        assert all(tool.folds(output) for output in cell.outputs), f"show this in a cell of its own, below the answer:\n{cell.source}"


@names
def test_every_question_has_a_cell_for_the_guess(path):
    cells = notebook_of(path).cells
    for cell, after in zip(cells, cells[1:]):
        if cell.cell_type == "markdown" and re.search(r"\*\*(Predict|Guess)\.\*\*(?! \w+ the question)", cell.source):
            asked = re.findall(r"^\*\*(?:Predict|Guess)\.\*\*", cell.source, re.MULTILINE)
            if "1. **Predict.**" in cell.source or "2. **Guess**" in cell.source:
                continue  # where the steps themselves are explained
            assert len(asked) == 1, f"one question a cell, at the beginning of a paragraph:\n{cell.source}"
            assert after.cell_type == "code" and re.match(r"guess\w* = None", after.source), cell.source


@names
def test_no_figure_stands_between_a_guess_and_its_answer(path):
    """A figure below the guess would show the answer, in the saved notebook, before the reader has guessed.

    A paragraph in between may say what to measure first, as in the clinic of notebook 05.
    """
    waiting = False
    for cell in notebook_of(path).cells:
        if cell.cell_type == "markdown":
            waiting = False
        elif re.match(r"guess\w* = None", cell.source):
            waiting = True
        elif "reveal(" in cell.source:
            waiting = False
        elif waiting and not re.search(r"TrainingMonitor", cell.source):  # it draws while the reader waits
            shown = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
            assert not shown, f"show this below the answer:\n{cell.source}"


@names
def test_there_are_three_things_to_change_and_each_says_what_should_be_seen(path):
    text = markdown(path)
    tasks = re.split(r"\*\*Change\.\*\*", re.sub(r"^\d\. \*\*Change\.\*\*.*$", "", text, flags=re.MULTILINE))[1:]
    assert len(tasks) >= 3
    for task in tasks:
        told = re.search(r"<details><summary>What you should have seen</summary>\n\n.{20,}?</details>", task, re.DOTALL)
        assert told, f"say, folded, what should have been seen:\n{task[:200]}"


@names
def test_code_cells_are_short(path):
    lines = [len([line for line in cell.source.splitlines() if line.strip()]) for cell in code_cells(path)]
    assert statistics.median(lines) <= 4
    assert sorted(lines)[int(0.9 * (len(lines) - 1))] <= 12


@names
def test_every_picture_is_also_told_in_words(path):
    cells = notebook_of(path).cells
    for i, cell in enumerate(cells):
        outputs = cell.get("outputs", [])
        if any("image/png" in o.get("data", {}) for o in outputs):
            printed = any(o.get("name") == "stdout" and len(o.text.strip()) > 20 for o in outputs)
            assert printed, f"a picture without words:\n{cell.source}"
        for alt in re.findall(r"!\[(.*?)\]", cell.source if cell.cell_type == "markdown" else ""):
            assert alt.strip(), "an image in Markdown without alt text"


@names
def test_cells_whose_output_varies_are_followed_by_a_fact(path):
    cells = code_cells(path)
    for i, cell in enumerate(cells):
        if "nbval-ignore-output" in cell.metadata.get("tags", []):
            after = [c for c in cells[i + 1 :] if "nbval-ignore-output" not in c.metadata.get("tags", [])]
            before = cells[:i]
            assert any("assert" in c.source or "print" in c.source for c in [*after, *before]), cell.source


def taught(path):
    """Functions and classes that a notebook defines at the top level of its cells."""
    for cell in code_cells(path):
        for node in ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE)).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield node


def bare(node):
    """The syntax tree without docstrings and type annotations."""
    for part in ast.walk(node):
        if isinstance(part, ast.FunctionDef):
            part.returns = None
        if isinstance(part, ast.arg):
            part.annotation = None
        body = getattr(part, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            if isinstance(body[0].value.value, str):
                part.body = body[1:]
    return ast.dump(node)


def helper_definitions():
    for path in HELPERS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield path.relative_to(ROOT / "helpers"), node


@names
def test_lessons_equal_the_helpers_of_the_same_name(path):
    helpers = {node.name: (module, bare(node)) for module, node in helper_definitions()}
    for node in taught(path):
        if node.name in helpers:
            module, expected = helpers[node.name]
            assert bare(node) == expected, f"{node.name} differs between {path.stem} and helpers/{module}"


def test_what_carries_an_idea_is_taught_inline():
    inline = {path.stem[:2]: {node.name for node in taught(path)} for path in PAIRS}
    assert {"draw_lesion", "draw_vessel", "background", "draw_scene", "dice_per_image"} <= inline["01"]
    assert {"conv_block", "upsample", "join_skip", "build_unet", "receptive_field", "conv_weights"} <= inline["02"]
    assert {"augment", "smooth_field", "bend", "folds", "training_batches", "bce_loss", "dice_loss", "bce_dice_loss", "warmup_cosine"} <= inline["03"]


@names
def test_what_notebooks_import_exists(path):
    for cell in code_cells(path):
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


@names
def test_links_between_notebooks_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", markdown(path)):
        assert (path.parent / target).exists(), f"{path.stem} links to {target}"


def test_notebook_01_never_loads_tensorflow():
    text = next(path for path in PAIRS if path.stem.startswith("01")).read_text(encoding="utf-8")
    for module in ("tensorflow", "keras", "helpers.anatomy", "helpers.training"):
        assert not re.search(rf"^(import|from) {re.escape(module)}\b", text, re.MULTILINE)
