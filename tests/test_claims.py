"""A sentence about a figure is a claim: a title that asserts something stands beside the check that it is so."""

import ast
import re

import nbformat
import notebooks as tool
import pytest

# Words by which a title asserts something that could be untrue of the picture below it.
CLAIM = re.compile(
    r"\b(is|are|has|have|do|does|can|cannot|hardly|never|always|only|every|all|most|more|less|fewer|better|worse|same|"
    r"alike|beats?|wins?|fails?|falls?|rises?|stays?|gets?|finds?|found|misses|missed|ignores?|answers?|repeats?|needs?|"
    r"helps?|grows?|shrinks?|loses?|keeps?|lines?|touch|forgets?|learns?|overfits?|matters?|costs?)\b"
)
DRAWS = {"figures", "panels", "own"}


def titles(cell):
    """Return the constant titles of the figures that a code cell draws: the first long text among a call's arguments."""
    for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name) and node.func.value.id in DRAWS):
            continue
        if not re.match(r"(show|plot|draw)_", node.func.attr):
            continue
        named = [k.value for k in node.keywords if k.arg == "title"]
        texts = [a.value for a in [*named, *node.args] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        yield from texts[:1]


def checks_something(cell):
    """Return whether a cell asserts something, or prints a truth value that nbval compares."""
    for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE))):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.reveal":
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            truths = (ast.Compare, ast.BoolOp)
            calls = ("np.allclose", "np.isclose", "np.array_equal", "all", "any")
            for argument in node.args:
                if isinstance(argument, truths) or isinstance(argument, ast.Call) and ast.unparse(argument.func) in calls:
                    return "nbval-ignore-output" not in cell.metadata.get("tags", [])
    return False


def unchecked(notebook):
    """Return the titles that claim something without a check in their own cell or within three code cells of it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for i, cell in enumerate(cells):
        near = cells[max(0, i - 3) : i + 4]
        if not any(checks_something(one) for one in near):
            yield from (title for title in titles(cell) if CLAIM.search(title) and not title.endswith("?"))


@pytest.mark.parametrize("path", tool.sources(), ids=lambda path: path.stem)
def test_a_title_that_claims_something_has_its_check_beside_it(path):
    assert not list(unchecked(nbformat.read(path.with_suffix(".ipynb"), as_version=4)))


def test_the_rule_notices():
    def notebook(*sources):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])

    figure = 'figures.show_images(a, ["x"], "The vessels are gone", "words")'
    assert list(unchecked(notebook("a = 1", figure))) == ["The vessels are gone"]
    assert not list(unchecked(notebook(figure, "assert a == 1")))
    assert not list(unchecked(notebook(figure, 'print("gone:", a < 1)')))
    assert list(unchecked(notebook(figure, 'print("gone:", a)')))
    assert not list(unchecked(notebook('figures.show_images(a, title="Six scans")')))


@pytest.mark.parametrize("number", ["03", "08", "09"])
def test_ranges_of_an_ablation_stand_in_its_table(number):
    """A range with three decimals is quoted from a table in `benchmarks/` that the notebook names."""
    text = next(path for path in tool.sources() if path.stem.startswith(number)).read_text(encoding="utf-8")
    tables = "".join((tool.ROOT / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")
                     for name in set(re.findall(r"benchmarks/(\w+)\.(?:py|md)", text)))
    quoted = re.findall(r"(?<!from )[+-]?\b\d\.\d{3} to [+-]?\d\.\d{3}\b", text)
    assert quoted and tables
    assert not [one for one in quoted if one not in tables]
