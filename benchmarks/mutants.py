"""Break each exercise's solution in every small way and count how many of the broken ones the checkers let through.

    python benchmarks/mutants.py            all exercises; writes benchmarks/mutants.md
    python benchmarks/mutants.py 1.3 4.2    these only; writes nothing

Solutions are taken from the notebooks' own text. A mutant differs from a solution in one place: another operator,
comparison or constant, a statement or an argument left out, two arguments or axes swapped. A checker catches it by
printing anything but `solved`.

A mutant of meaning is what a student writes who has understood something else. Its code and the message that it has to
get stand in tests/test_checks.py; here it is said what each one means.
"""

import ast
import contextlib
import copy
import functools
import io
import os
import re
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
REPORT = Path(__file__).with_suffix(".md")

# Mutants that are right: the exercise, which words became which, and why it does not matter.
_AXES = "a sum does not depend on the order of its axes"
_ONE = "there is one channel, and OpenCV and NumPy take it with or without its axis"
_BEGUN = "Keras sets what a callback needs before it trains, whether or not it was initialized"
EQUIVALENT = [
    ("1.1", "0, 360", "-1, 360", "an arc of more than 360 degrees is the whole ellipse"),
    ("1.1", "0, 360", "0, 361", "an arc of more than 360 degrees is the whole ellipse"),
    ("1.5", "ACE", "CAE", "the letters are a set; their order does not matter"),
    ("1.5", "ACE", "AEC", "the letters are a set; their order does not matter"),
    ("2.6", "[skip, x]", "[x, skip]", "which of the two comes first in the joined array is free; the next kernel is "
        "learned"),
    ("3.4", "(step - warmup)", "(warmup - step)", "the cosine is even: cos(-x) = cos(x)"),
    ("3.4", "(steps - warmup)", "(warmup - steps)", "the cosine is even: cos(-x) = cos(x)"),
    ("3.5", "super().__init__()", "pass", _BEGUN),
    ("3.5", "super().__init__()", "super()", _BEGUN),
    ("4.2", "y_true == 1", "y_true >= 1", "a mask holds nothing above 1"),
    ("4.2", "axis=(1, 2, 3)", "axis=(2, 1, 3)", _AXES),
    ("4.2", "(areas, 1)", "(1, areas)", "the larger of two numbers does not depend on their order"),
    ("4.2", "(areas, 1)", "(areas, 2)", "an area of 1 means no overlap, and 0/2 = 0/1"),
    ("4.2", "(areas, 1)", "(areas, 0)", "0/0 is replaced by np.where; NumPy only warns"),
    ("4.3", "y_true[..., 0]", "y_true", _ONE),
    ("4.3", "y_true[..., 0]", "y_true[...,]", _ONE),
    ("4.3", "y_true[..., 0]", "y_true[..., -1]", _ONE),
    ("4.3", "y_pred[..., 0]", "y_pred", _ONE),
    ("4.3", "y_pred[..., 0]", "y_pred[...,]", _ONE),
    ("4.3", "y_pred[..., 0]", "y_pred[..., -1]", _ONE),
    ("5.1", "mask == 1", "mask >= 1", "a mask holds nothing above 1"),
    ("5.1", "[:, ::-1] == 1", "[:, ::-1] >= 1", "a mask holds nothing above 1"),
    ("5.1", "there > here", "there >= here", "two means of noisy gray levels are never equal"),
    ("5.2", "standard * reference.std() + reference.mean(), 0", "0, standard * reference.std() + reference.mean()",
        "min(max(0, x), 1) does not depend on the order of the first two"),
    ("5.3", "(image, image[:, ::-1])", "(image[:, ::-1], image)", "the two ways are tried in any order"),
    ("5.3", "(way, known)", "(known, way)", "equality is symmetrical"),
    ("9.2", "(masks == np.arange(classes)).astype(np.uint8)", "masks == np.arange(classes)", "True and False are 1 and 0"),
    ("7.1", "min(index, left)", "min(left, index)", "the smaller of two numbers does not depend on their order"),
    ("7.2", "200000", "200001", "one scan more or less does not change the second decimal"),
    ("7.2", "200000", "199999", "one scan more or less does not change the second decimal"),
    ("7.2", "2 / 300", "2 // 300", "a part of a second does not change the second decimal"),
]

# Mutants of meaning: the exercise, what its author took the task to be, and a part of the message that must answer it.
MEANING = [
    ("1.1", "the mask holds the lesion's gray level", "says 1 for lesion however bright"),
    ("1.1", "the mask is read off the gray levels, so a vessel of the same gray is marked", "read off the gray levels"),
    ("1.1", "a pixel where two lesions overlap counts twice", "do not add"),
    ("1.1", "each lesion starts a new picture", "has been erased"),
    ("1.2", "IoU in place of Dice", "intersection over the union"),
    ("1.2", "lengths in place of areas", "radii where the areas belong"),
    ("1.3", "every pixel that is not quite black is lesion", "grows by its smoothed edge"),
    ("1.3", "the picture's own mean is its threshold", "depends on the picture"),
    ("1.4", "images, not patients, are drawn", "leakage"),
    ("1.4", "a generator of its own draws the patients", "does not come from rng"),
    ("1.4", "the same patients are drawn whatever the seed", "nothing is drawn at random"),
    ("2.2", "each filter looks at one channel only", "own channels only"),
    ("2.3", "both convolutions look at the block's input", "called on what comes out of the first ReLU"),
    ("2.5", "a layer after the pooling still widens by two pixels", "left the pooling out"),
    ("2.6", "the skip is added to the map in place of joined", "by concatenation"),
    ("3.1", "the pictures that do not fill a batch are dropped", "never be used"),
    ("3.2", "the picture moves and its mask stays", "the masks stay as they were"),
    ("3.2", "the wrong axis is mirrored", "axis 1 is the height"),
    ("3.3", "a low score is taken for overfitting", "underfitting"),
    ("3.4", "the cosine makes a whole turn", "2 pi is a whole one"),
    ("3.5", "the training score decides", "stops by the training score"),
    ("3.5", "an epoch that was not validated counts as perfect", "it stops: what your logs.get gives then"),
    ("3.5", "a mean of two epochs decides", "a mean over epochs"),
    ("4.1", "precision and recall change places", "precision: that is recall; "),
    ("4.2", "all pictures are one large picture", "sum over the batch"),
    ("4.2", "nothing found where nothing is scores zero", "two empty masks score 0"),
    ("4.3", "one pixel that is hit makes a lesion found", "single pixel is not enough"),
    ("4.3", "a lesion counts if IoU is a half", "divide by the union"),
    ("4.4", "the data that chose the epoch also judge it", "chose the epoch"),
    ("4.5", "the spread of pictures is taken for that of their mean", "not of their mean"),
    ("4.5", "the number of repeats is fixed", "number of repeats fixed"),
    ("4.5", "a generator of its own resamples", "do not come from rng"),
    ("4.5", "quantiles are given to a function that counts in percent", "counts in percent"),
    ("5.2", "the spread is left as it was", "not the spread"),
    ("5.3", "only pictures that are copied without a mirror are found", "mirrored copies are missed"),
    ("7.1", "each worker draws the whole batch", "whole batch"),
]


class Found(NamedTuple):
    """An exercise as its notebook has it: the stub, the line that checks it, and the folded solution."""

    identity: str
    stub: str
    call: str
    solution: str


def exercises() -> dict[str, Found]:
    """Return the exercises of all notebooks, by number, read from the text of the `.py` files."""
    found = {}
    for path in sorted((ROOT / "notebooks").glob("0[1-57-9]_*.py")):
        parts = re.split(r"^# ### Exercise (\d+\.\d+):", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for identity, text in zip(parts[1::2], parts[2::2]):
            cells = re.split(r"^# %%(.*)\n", text, flags=re.MULTILINE)
            codes = [body.strip() for kind, body in zip(cells[1::2], cells[2::2]) if "markdown" not in kind]
            plain = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
            solution = re.search(r"<details><summary>Solution</summary>\n\n```python\n(.*?)\n```", plain,
                re.DOTALL).group(1)
            found[identity] = Found(identity, codes[0], codes[1], solution)
    return found


def surroundings(notebook: str) -> dict:
    """Return the names that a notebook's exercises may use: what its earlier cells import and define."""
    import cv2
    import numpy as np

    from helpers import checks

    names = {"np": np, "cv2": cv2, "checks": checks}
    if notebook in ("2", "3"):
        import keras

        from helpers.anatomy import conv_block, conv_weights, join_skip, upsample

        names |= {"keras": keras, "layers": keras.layers, "conv_block": conv_block, "upsample": upsample,
                  "join_skip": join_skip, "conv_weights": conv_weights}
        for code in bare_blocks():
            exec(code, names)
    return names


@functools.cache
def bare_blocks() -> list:
    """Return the compiled definitions of notebook 02 that the exercises after them use."""
    taught = ast.parse(next((ROOT / "notebooks").glob("02_*.py")).read_text(encoding="utf-8")).body
    return [compile(ast.Module([node], []), "<notebook 02>", "exec") for node in taught
            if isinstance(node, ast.FunctionDef) and node.name.startswith("bare_")]


def said(exercise: Found, answer: str) -> str:
    """Run an answer's code and the line that checks it; return what that line prints."""
    names = surroundings(exercise.identity.split(".")[0])
    exec(compile(answer, "<answer>", "exec"), names)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(exercise.call, names)
    return printed.getvalue()


# --- mutation ---------------------------------------------------------------------------------------------------------

OPERATORS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div, ast.Add), ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mult), ast.Pow: (ast.Mult,), ast.BitAnd: (ast.BitOr,), ast.BitOr: (ast.BitAnd,),
    ast.GtE: (ast.Gt, ast.Lt), ast.Gt: (ast.GtE, ast.LtE), ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt),
    ast.Eq: (ast.NotEq, ast.GtE), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.And: (ast.Or,), ast.Or: (ast.And,),
}


def variants(node):
    """Yield what may stand in the place of one node of a syntax tree."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield ast.Constant(not value)
        elif isinstance(value, int):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        elif isinstance(value, float):
            yield from (ast.Constant(value * 2), ast.Constant(value / 2), ast.Constant(value + 1))
        elif isinstance(value, str) and value:
            yield ast.Constant(value + "x")
            for i in range(len(value) - 1 if value.isupper() else 0):
                yield ast.Constant(value[:i] + value[i + 1] + value[i] + value[i + 2 :])
                yield ast.Constant(value[:i] + value[i + 1 :])
    if isinstance(node, ast.BinOp):
        for other in OPERATORS.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)
        yield from (node.left, node.right)
        if isinstance(node.op, (ast.Sub, ast.Div, ast.FloorDiv, ast.Pow)):  # the others may be swapped freely
            yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node, ast.BoolOp):
        for other in OPERATORS[type(node.op)]:
            yield ast.BoolOp(other(), node.values)
        yield from node.values
    if isinstance(node, ast.Compare):
        for other in OPERATORS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [other()], node.comparators)
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load) and len(node.elts) > 1:
        yield type(node)([node.elts[1], node.elts[0], *node.elts[2:]], ast.Load())
        for i in range(len(node.elts)):
            yield type(node)(node.elts[:i] + node.elts[i + 1 :], ast.Load())
    if isinstance(node, ast.Call):
        for i in range(len(node.args) - 1):
            yield ast.Call(node.func, [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]],
                node.keywords)
        for i in range(len(node.args)):
            yield ast.Call(node.func, node.args[:i] + node.args[i + 1 :], node.keywords)
        for i in range(len(node.keywords)):
            yield ast.Call(node.func, node.args, node.keywords[:i] + node.keywords[i + 1 :])
        if isinstance(node.func, ast.Attribute):
            yield node.func.value  # x.copy() becomes x
        elif node.args:
            yield node.args[0]  # f(x) becomes x
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node, (ast.Assign, ast.Expr, ast.If, ast.Return)):
        yield ast.Pass()


def places(tree, path=()):
    """Yield `(path, node)` for each node of a syntax tree; a path is made of field names and positions."""
    for name, value in ast.iter_fields(tree):
        for position, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                here = (*path, (name, position))
                yield here, child
                yield from places(child, here)


def mutants(solution: str):
    """Yield `(what replaced what, code)` for each mutant of a solution, without repeats."""
    tree = ast.parse(solution)
    seen = {ast.unparse(tree)}
    for path, node in places(tree):
        for other in variants(node):
            changed = copy.deepcopy(tree)
            parent = changed
            for name, position in path[:-1]:
                parent = getattr(parent, name) if position is None else getattr(parent, name)[position]
            name, position = path[-1]
            if position is None:
                setattr(parent, name, other)
            else:
                getattr(parent, name)[position] = other
            try:
                code = ast.unparse(ast.fix_missing_locations(changed))
                compile(code, "<mutant>", "exec")
            except (SyntaxError, ValueError, AttributeError, TypeError):
                continue
            if code not in seen:
                seen.add(code)
                yield difference(ast.unparse(tree), code), code


def difference(before: str, after: str) -> str:
    """Return the line that differs, before and after."""
    a, b = before.splitlines(), after.splitlines()
    if len(a) != len(b):
        return "without `" + next((x for x in a if x not in b), "?").strip() + "`"
    return "; ".join(f"`{x.strip()}` becomes `{y.strip()}`" for x, y in zip(a, b) if x != y)


def why_right(identity: str, change: str) -> str:
    """Return why a mutant is a right answer, or nothing."""
    before, _, after = change.strip("`").partition("` becomes `")
    for exercise, words, others, reason in EQUIVALENT:
        starts = [m.start() for m in re.finditer(re.escape(words), before)] if exercise == identity else []
        if any(before[:i] + others + before[i + len(words) :] == after for i in starts):
            return reason
    return ""


def same_value(exercise: Found, code: str) -> bool:
    """Return whether a mutant of a number by hand gives the very same number, so that it is right."""
    if "def " in code or "class " in code:
        return False
    values = []
    for text in (exercise.solution, code):
        names = {}
        try:
            exec(text, names)
        except Exception:
            return False
        names.pop("__builtins__")
        values.append(names)
    return values[0] == values[1]


def examine(exercise: Found) -> tuple[int, list[str], list[tuple[str, str]]]:
    """Return how many mutants there are, which survive, and which of those are right, with the reason."""
    count, survivors, right = 0, [], []
    for change, code in mutants(exercise.solution):
        count += 1
        try:
            printed = said(exercise, code)
        except Exception:  # the answer's own cell raises, so the student sees it there
            continue
        if not printed.startswith("solved"):
            continue
        reason = why_right(exercise.identity, change) or ("the same number" if same_value(exercise, code) else "")
        if reason:
            right.append((change, reason))
        else:
            survivors.append(change)
    return count, survivors, right


def of_meaning() -> list[tuple[str, str, str]]:
    """Return `(exercise, what it means, what the checker answers)` for each mutant of meaning."""
    sys.path.append(str(ROOT / "tests"))
    from test_checks import WRONG

    found, answers = exercises(), []
    for identity, meaning, fragment in MEANING:
        code = next(code for code, message in WRONG[identity] if message == fragment or fragment in message)
        answers.append((identity, meaning, " ".join(said(found[identity], textwrap.dedent(code)).split())))
    return answers


def main(arguments) -> int:
    """Run the command line."""
    os.environ["UNET_COURSE_PROGRESS"] = tempfile.mkdtemp()
    import numpy as np

    from helpers import checks
    from helpers.checks import running

    np.seterr(all="ignore")
    running.SECONDS = 3.0
    started, rows, lines = time.monotonic(), [], []
    for identity, exercise in exercises().items():
        if arguments and identity not in arguments:
            continue
        count, survivors, right = examine(exercise)
        rows.append((identity, count, len(survivors), len(right)))
        print(f"{identity}: {count} mutants, {len(survivors)} survive, {len(right)} are right", flush=True)
        for change in survivors:
            print("   survives:", change)
        lines += [f"| {identity} | {change} | survives, though wrong |" for change in survivors]
        lines += [f"| {identity} | {change} | {reason} |" for change, reason in right]
    total, bad, good = (sum(row[i] for row in rows) for i in (1, 2, 3))
    share = (total - good - bad) / (total - good)
    print(f"{total} mutants, {good} of them right; {share:.1%} of the rest are caught; "
        f"{time.monotonic() - started:.0f} s")
    if arguments:
        return share < 0.95
    meanings = of_meaning()
    REPORT.write_text(report(rows, lines, total, good, share, meanings), encoding="utf-8")
    return share < 0.95 or any(answer.startswith("solved") for *_, answer in meanings)


def report(rows, lines, total, good, share, meanings) -> str:
    """Return the report as Markdown."""
    table = "\n".join(f"| {i} | {n} | {n - s - r} | {r} | {s} |" for i, n, s, r in rows)
    told = "\n".join(f"| {i} | {meaning} | {answer.replace('|', '&#124;')} |" for i, meaning, answer in meanings)
    passed = sum(answer.startswith("solved") for *_, answer in meanings)
    text = f"""# What the checkers let through

Written by `python benchmarks/mutants.py`; do not edit.

Each exercise's solution, taken from its notebook, is broken in one place at a time: another operator, comparison or
constant, a statement or an argument left out, two arguments or axes swapped. **Of {total} mutants {good} are right
answers after all; of the other {total - good} the checkers catch {share:.1%}.**

| exercise | mutants | caught | right after all | survive |
| --- | --- | --- | --- | --- |
{table}

## Mutants of meaning

Answers of someone who took the task for another one. Of {len(meanings)}, {passed} pass.

| exercise | what it means | what the checker answers |
| --- | --- | --- |
{told}

## Not caught

| exercise | the changed line | why |
| --- | --- | --- |
""" + "\n".join(lines)
    return text.rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
