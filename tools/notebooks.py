"""Make each `.ipynb` from the `.py` beside it: take over the cells, run them from the top, keep the outputs.

    python tools/notebooks.py                 all notebooks
    python tools/notebooks.py 01 03           those whose names start so
    python tools/notebooks.py --pair-only     take over the cells without running them; enough after a change of prose,
                                              because outputs stay as long as no code cell has changed
    python tools/notebooks.py --overwrite     drop cells that somebody wrote or changed in an .ipynb alone; without it,
                                              they are named and nothing is written

A second run changes nothing: cell ids are derived from the text, and what differs from run to run or machine
to machine (times, paths, versions, widget state) is left out.
"""

import argparse
import base64
import hashlib
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
CELL_SECONDS = 600
FOLDED_TAG = "hide-output"


def sources(prefixes=()) -> list[Path]:
    """Return the `.py` halves of the course's notebooks, in order."""
    found = sorted(NOTEBOOKS.glob("[0-9][0-9]_*.py"))
    return [path for path in found if not prefixes or path.name.startswith(tuple(prefixes))]


def key(cell) -> tuple:
    """Return what both halves of a pair must agree on: type, text and tags, but for the one that `fold_answer` adds."""
    return cell.cell_type, cell.source, tuple(sorted(set(cell.metadata.get("tags", [])) - {FOLDED_TAG}))


def is_setup(cell) -> bool:
    """Say whether a cell only finds the course: what stands there comes from `tools/address.py` and changes no output."""
    return "setup" in cell.metadata.get("tags", [])


def folds(output) -> bool:
    """Say whether an output is an answer that stays folded away until the reader opens it."""
    return output.get("data", {}).get("text/html", "").startswith("<details><summary>")


def fold_answer(cell) -> None:
    """Fold away all that a cell shows, if it shows more than the answer to a guess, which is folded by itself.

    JupyterLab heeds the metadata until the cell is run, and the site heeds the tag. GitHub heeds neither.
    """
    more = [output for output in cell.outputs if not folds(output)]
    if re.search(r"\breveal\(", cell.source) and more:
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), *({FOLDED_TAG} - set(cell.metadata.get("tags", [])))]
        cell.metadata["jupyter"] = {"outputs_hidden": True}


def name_cells(cells) -> None:
    """Give each cell an id made from its text, so that a cell whose text was changed by hand later can be told."""
    taken = set()
    for cell in cells:
        name = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        while name in taken:
            name = hashlib.sha256(name.encode()).hexdigest()[:12]
        cell.id = name
        taken.add(name)


def only_in_the_notebook(path: Path) -> list:
    """Return the cells of the `.ipynb` that were written or changed there and that do not stand in the `.py`.

    Such a cell does not have the id that `name_cells` made from its text. A cell that has it came from the `.py`.
    """
    notebook, texts = path.with_suffix(".ipynb"), {cell.source.strip() for cell in jupytext.read(path).cells}
    cells = nbformat.read(notebook, as_version=4).cells if notebook.exists() else []
    given = [cell.get("id") for cell in cells]
    name_cells(cells)
    alone = [(cell, was) for cell, was in zip(cells, given) if cell.source.strip() and cell.source.strip() not in texts]
    return [cell for cell, was in alone if was != cell.id or cell.get("attachments")]


def pair(path: Path):
    """Return a notebook with the cells of `path` and, where no code has changed, the outputs of the `.ipynb` beside it."""
    notebook = jupytext.read(path)
    old = nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells if path.with_suffix(".ipynb").exists() else []
    name_cells(notebook.cells)
    for cell in notebook.cells:
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
    was, now = ([c for c in cells if c.cell_type == "code"] for cells in (old, notebook.cells))
    if [is_setup(c) or key(c) for c in was] == [is_setup(c) or key(c) for c in now]:
        for before, after in zip(was, now):
            after.outputs, after.execution_count = before.outputs, before.execution_count
        normalize(notebook)
    return notebook


def normalize(notebook) -> None:
    """Leave out of an executed notebook what differs between runs and machines, in place."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        merged = []
        for output in cell.get("outputs", []):
            output.pop("transient", None)
            if "data" in output:
                output["data"].pop("application/vnd.jupyter.widget-view+json", None)
                if "image/png" in output["data"]:
                    output["data"]["image/png"] = smaller(output["data"]["image/png"])
                output["metadata"] = {kind: kept for kind, kept in output["metadata"].items() if kind == "image/png"}
            if output.output_type == "stream" and merged and merged[-1].get("name") == output.name:
                merged[-1].text += output.text
            elif output.output_type != "display_data" or output["data"]:
                merged.append(output)
        if "outputs" in cell:
            cell.outputs = [o for o in merged if not _only_a_widget(o)]
            fold_answer(cell)


def smaller(png: str) -> str:
    """Return the same picture, pixel for pixel, as a smaller PNG if there is one; both in base64."""
    before = base64.b64decode(png)
    picture = Image.open(io.BytesIO(before))
    if picture.mode == "RGBA" and picture.getextrema()[3] == (255, 255):
        picture = picture.convert("RGB")
    if picture.mode == "RGB" and picture.getcolors(256):
        picture = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    after = io.BytesIO()
    picture.save(after, "PNG", optimize=True)
    return base64.b64encode(min(before, after.getvalue(), key=len)).decode()


def _only_a_widget(output):
    data = output.get("data", {})
    return set(data) == {"text/plain"} and re.match(r"^[A-Za-z]*(Box|Image|HTML|Output)\(", data["text/plain"]) is not None


def run(path: Path) -> float:
    """Execute one notebook and write its `.ipynb`; returns the seconds it took."""
    notebook = pair(path)
    started = time.perf_counter()
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    seconds = time.perf_counter() - started
    normalize(notebook)
    nbformat.validate(notebook)
    write(notebook, path)
    return seconds


def write(notebook, path: Path) -> None:
    """Write the notebook beside `path`, through a temporary file, so that a full disk never leaves half of one."""
    draft = path.with_suffix(".ipynb.draft")
    draft.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    os.replace(draft, path.with_suffix(".ipynb"))


def main(arguments=None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prefixes", nargs="*", help="first digits of notebooks, such as 01; default: all")
    parser.add_argument("--pair-only", action="store_true", help="do not run the cells")
    parser.add_argument("--overwrite", action="store_true", help="drop cells that stand in an .ipynb alone")
    options = parser.parse_args(arguments)
    chosen = sources(options.prefixes)
    if not chosen:
        parser.error(f"no notebook in {NOTEBOOKS} starts with {' or '.join(options.prefixes)}")
    scratch = tempfile.mkdtemp()  # a student's own runs and progress must neither show in the outputs nor be touched
    os.environ.setdefault("UNET_COURSE_RUNS", f"{scratch}/runs")
    os.environ.setdefault("UNET_COURSE_PROGRESS", f"{scratch}/progress")
    for path in chosen if not options.overwrite else ():
        alone = only_in_the_notebook(path)
        if alone:
            print(f"{path.with_suffix('.ipynb').name} holds what {path.name} does not, and it would be lost. Nothing was written.")
            for cell in alone:
                print(f"  {cell.cell_type} cell: {cell.source.strip().splitlines()[0][:90]}")
            print(f"Copy these cells into {path.name}, or drop them: python tools/notebooks.py {path.stem[:2]} --overwrite")
            return 1
    for path in chosen:
        if options.pair_only:
            write(pair(path), path)
            print(f"{path.stem}: paired, not run")
        else:
            print(f"{path.stem}: {run(path):.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
