"""What the site's pages need to answer guesses and exercises: the words of helpers/checks, the truths as they came out.

`prepare` marks the cells of a notebook in which a page asks, and returns the data for web/answers. A truth is read from the
folded answer that the executed notebook holds, so the page and the notebook cannot disagree.
"""

import ast
import html
import json
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers.checks import EXERCISES, PREDICTIONS  # noqa: E402
from helpers.checks.by_hand import STEPS, WORDS, exported  # noqa: E402
from helpers.checks.exercises import VERDICTS, named  # noqa: E402
from helpers.checks.guesses import WORDS as GUESS_WORDS  # noqa: E402


def truth_of(prediction, sentence: str):
    """Return the truth that stands in the sentence of an answer, such as "29 pixels are 1.": a number, text or shape."""
    before, after = re.split(r"\{.*?\}", prediction.caption)
    words = sentence[len(before) : len(sentence) - len(after) - 1]
    fits = sentence.lower() == f"{before}{words}{after}.".lower()
    chosen = next((choice for choice in prediction.choices if choice.casefold() == words.casefold()), None)
    if not fits or prediction.choices and chosen is None:
        raise ValueError(f"the saved answer {sentence!r} does not fit the caption {prediction.caption!r}; run the notebook again")
    if chosen or words.startswith("("):
        return chosen or ast.literal_eval(words)
    number = words.replace(",", "")
    return float(number[:-1]) / 100 if number.endswith("%") else ast.literal_eval(number)


def guess(name: str, sentence: str, comment: str) -> dict:
    """Return what a page needs to ask for a guess and to answer it. comment: what stands behind `guess = None`."""
    prediction, truth = PREDICTIONS[name], truth_of(PREDICTIONS[name], sentence)
    kind = "choice" if prediction.choices else "shape" if isinstance(truth, tuple) else "number"
    if kind == "choice":  # the choices are seen beside the question; what else the comment says stays
        comment = re.sub(r'"[^"]*"|,|\bor\b', " ", comment).strip(" ()")
    facts = {key: exported(value) for key, value in prediction._asdict().items() if key != "caption"}
    return {**facts, "kind": kind, "truth": truth, "whole": isinstance(truth, int), "caption": sentence, "label": comment.strip()}


def exercise(identity: str) -> dict:
    """Return what a page needs to ask an exercise; without an answer by hand it only has hints to give."""
    about = EXERCISES[identity]
    return {
        "name": named(identity), "lesson": about.lesson, "hints": list(about.hints),
        "answer": exported(about.answer) if about.answer else None,
    }


def place(kind: str, name: str):
    """Return an output in which a page asks. It is empty, so that nothing is seen where scripts are off."""
    return nbformat.v4.new_output(
        "display_data", {"text/html": f'<div class="unet-{kind}" data-{kind}="{html.escape(name)}"></div>'}
    )


def prepare(notebook) -> dict:
    """Mark the cells of a notebook in which a page asks; returns the guesses and exercises by name, and all words."""
    guesses, exercises, asked = {}, {}, {}
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        for name, comment in re.findall(r"^(guess\w*) = None +# (.+)$", cell.source, re.MULTILINE):
            asked[name] = cell, comment
        calls = re.findall(r'checks\.reveal\(\s*"(.+?)", (\w+)', cell.source)
        saved = [re.search(r"</summary><p>(.*?)</p>", o.data["text/html"]) for o in cell.outputs
                 if "<details><summary>" in o.get("data", {}).get("text/html", "")]
        if len(calls) != len(saved):
            raise ValueError(f"{len(calls)} guesses and {len(saved)} folded answers in the cell\n{cell.source}")
        for (name, variable), found in zip(calls, saved):
            where, comment = asked[variable]
            guesses[name] = guess(name, html.unescape(found.group(1)), comment)
            where.outputs.append(place("guess", name))
        for identity in re.findall(r"^checks\.exercise_(\d_\d)\(", cell.source, re.MULTILINE):
            identity = identity.replace("_", ".")
            exercises[identity] = exercise(identity)
            cell.outputs.append(place("exercise", identity))
        if re.match(r'checks\.progress\("\d\d"\)', cell.source):
            cell.outputs.append(place("progress", "here"))
    return {
        "guesses": guesses, "exercises": exercises,
        "words": {"guess": GUESS_WORDS, "exercise": VERDICTS, "answer": WORDS, "steps": STEPS},
    }


def write(data: dict[str, dict], folder: Path) -> None:
    """Write the data of each notebook, and which guesses and exercises all of them have, for the map."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, answers in data.items():
        (folder / f"{name}.json").write_text(json.dumps(answers), encoding="utf-8")
    names = {
        name: {"guesses": list(one["guesses"]), "exercises": [i for i, e in one["exercises"].items() if e["answer"]]}
        for name, one in data.items()
    }
    (folder / "contents.json").write_text(json.dumps(names), encoding="utf-8")
