"""Make the site: the executed notebooks as web pages, from their committed outputs, without a network.

    python tools/pages.py      writes site/_build/html (needs site/requirements.txt; `make site` sets that up)

The pages are written to site/_build/pages first. Notebooks, README and TEACHING.md are the only sources; what a web page
needs on top is added here: alt text that says what is drawn, tiles of wide figures, launch links from the one address,
links that lead to pages, and a sentence on what only a running notebook has.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

import address
import answers
import policy
import strips
import web
import nbformat

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
BUILT = SITE / "_build"
AS_IT_RAN = "*This page shows the notebook as it ran. With JavaScript, your guesses are answered here, exercises that need no code are checked, and panels move where they can. Everything else waits for you in the running notebook.*"


# --- Pictures get words -----------------------------------------------------------------------------------------------

def title_positions(root: Path = ROOT) -> dict[str, int]:
    """Return, for each function of helpers/figures and helpers/panels with a `title`, its place
    among the arguments."""
    found = {}
    for name in ("figures", "panels"):
        files = [*(root / "helpers").glob(f"{name}.py"), *(root / "helpers" / name).glob("*.py")]
        for node in (node for file in files for node in ast.parse(file.read_text(encoding="utf-8")).body):
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]]
                if "title" in names:
                    found[f"{name}.{node.name}"] = names.index("title")
    return found


# What each function draws, in words for those who cannot see it.
DRAWN = {
    "figures.show_images": "Pictures side by side", "figures.show_pairs": "Scans, and below them their masks",
    "figures.show_numbers": "An array as colored squares, each with its number",
    "figures.show_predictions": "Scans with outlines of truth and prediction, and below them maps of the errors",
    "figures.show_classes": "Scans, and below them the classes of their pixels as colors",
    "figures.plot_gray_levels": "A scan, and beside it how often each gray level occurs in lesions and background",
    "figures.plot_bars": "Horizontal bars with their numbers", "figures.plot_lines": "A chart of curves",
    "figures.plot_spread": "A chart of mean curves, each in a band from lowest to highest",
    "figures.plot_history": "Two charts, loss and Dice over the epochs, training beside validation",
    "figures.plot_bins": "A chart of points with intervals",
    "figures.plot_reliability": "A chart of how often what is predicted comes true, beside the diagonal",
    "figures.plot_confusion": "A table of pixel counts, shaded by their share of the row",
    "figures.draw_unet": "A drawing of the network as a U, with its shapes",
    "panels.show_still": "The panel's pictures at several settings, one row below the other",
    "panels.show_result": "The panel's pictures in one row",
}


def drawn_figures(source: str, positions: dict[str, int]) -> list[str]:
    """Return, for each call of `figures` and `panels` in a cell, its title and what it draws, with the names in the code.

    Those whose title is made by code while it runs give only what they draw, which is no text to stand alone: "".
    """
    found = []
    for call in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE))):
        name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
        if name not in positions:
            continue
        named = {keyword.arg: keyword.value for keyword in call.keywords}
        place = positions[name]
        title = named.get("title", call.args[place] if place < len(call.args) else None)
        parts = [words for node in [*call.args, *named.values()] if (words := constants(node))]
        if isinstance(title, ast.Constant) and title.value and name in DRAWN:
            names = ": " + "; ".join(parts[0]) if parts else ""
            found.append(f"{title.value.rstrip('.')}{'' if title.value[-1] in '?!' else '.'} {DRAWN[name]}{names}.")
        else:
            found.append("")
    return found


def constants(node) -> list[str]:
    """Return the texts of a list, or the names of a dictionary, if they are all written out in the code."""
    nodes = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    texts = [one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return texts if len(texts) == len(nodes) else []


def alt_texts(cell, positions: dict[str, int]) -> list[str]:
    """Return one text for each picture among a cell's outputs: its title, and what is drawn.

    The sentence that is printed under it is not repeated: whoever listens hears it next. Where the code does not say
    what a picture shows, that sentence has to do, or one above it. The answer to a guess is not part of it.
    """
    drawn, texts = drawn_figures(cell.source, positions), []
    pictures = [i for i, output in enumerate(cell.outputs) if any(kind.startswith("image/") for kind in output.get("data", {}))]
    for number, i in enumerate(pictures):
        printed = [o.text for o in cell.outputs[i + 1 : i + 2] or cell.outputs[:i] if o.output_type == "stream"]
        lines = [line.strip() for line in "\n".join(printed).splitlines() if line.strip() and "guess" not in line.lower()]
        if not lines:
            raise ValueError(f"nothing is printed with the picture of this cell, so nobody who cannot see it knows what it shows:\n{cell.source}")
        own = drawn[number] if len(drawn) == len(pictures) else ""
        texts.append(own or " ".join(lines))
    return texts


# --- Links ------------------------------------------------------------------------------------------------------------

def launch_links(repository: str, branch: str, notebook: str) -> str:
    """Return the launch line for a page: the links of tools/address.py as text, without badges from other servers."""
    line = address.launch_line(repository, branch, notebook)
    return re.sub(r"\[!\[(.+?)\]\(.+?\)\]\((.+?)\)", r"[\1](\2){.launch}", line)


def page_links(text: str, repository: str, branch: str, folder: str = "") -> str:
    """Turn links between files of the repository into links between pages; `folder` is where the text stands.

    What is no page becomes a link to the repository, or plain text while there is no address. The playground is a page
    beside the others, which Sphinx does not make, and its settings follow the address.
    """
    text = re.sub(r"\[([^\[\]]*)" + address.PLAYGROUND.pattern, r'<a href="playground.html\2">\1</a>', text)

    def turned(match):
        bang, words, target, anchor = match.groups()
        if target is None:  # code
            return match.group()
        path = os.path.normpath(os.path.join(folder, target))
        if path in ("README.md", "TEACHING.md"):
            return f"[{words}]({ {'README.md': 'contents.md', 'TEACHING.md': 'teaching.md'}[path] }{anchor or ''})"
        if bang or path.startswith("notebooks") and path.endswith(".ipynb"):
            return f"{bang}[{words}]({Path(path).name}{anchor or ''})"
        return f"[{words}]({repository}/blob/{branch}/{path}{anchor or ''})" if repository else words

    return re.sub(r"```.*?```|`[^`\n]+`|(!?)\[([^\[\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)", turned, text, flags=re.DOTALL)


# --- Pages ------------------------------------------------------------------------------------------------------------

def notebook_page(notebook, name: str, repository: str, branch: str, positions: dict[str, int]):
    """Change a notebook, as read by nbformat, into what its page is made of."""
    launch = f"{launch_links(repository, branch, name)}\n\n{AS_IT_RAN}"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"^\*\*Launch:\*\*.*$", lambda _: launch, cell.source, flags=re.MULTILINE)
            text = re.sub(r'^(#+) <a id=".+?"></a>', r"\1 ", text, flags=re.MULTILINE)  # Sphinx makes the same anchor
            cell.source = page_links(text, repository, branch, "notebooks")
        else:
            cell.metadata["alts"] = alt_texts(cell, positions)
            make_live(cell)
    return notebook


def make_live(cell) -> None:
    """Put a place for the live panel where a cell shows one of those that web/brains/page.js knows."""
    found = re.search(r"^panels\.(architect|balance|counting|difficulty|feature|flip|schedule|stress)_panel\(", cell.source, re.MULTILINE)
    for output in cell.outputs if found else ():
        words = output.get("data", {}).get("text/plain", "")
        if "run this cell to move its sliders" in words:
            # The words stay for a page without scripts, and for the search.
            output["data"] = {"text/html": f'<div class="unet-live" id="live-{found.group(1)}" data-panel="{found.group(1)}"><p>{escape(words)}</p></div>'}


def section(text: str, title: str) -> str:
    """Return a section of a Markdown file, with its heading, up to the next heading of its level."""
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise ValueError(f"README.md has no section {title!r}, which a page of the site takes from there")
    return found.group().strip()


def contents(readme: str) -> str:
    """Return the README's map of the notebooks as a list, which a phone can show."""
    rows = re.findall(r"^\| (\d\d) (\[.+?\]\(.+?\)) \| (.+?) \| (.+?) \| (.+?) \|$", readme, re.MULTILINE)
    return "\n".join(f"- **{number} {link}.** {does} *Runs in {takes}, {memory}.*" for number, link, does, takes, memory in rows)


def filled(template: str, readme: str, notebooks: list[tuple[str, str]]) -> str:
    """Fill in what a page of site/ takes from the README: `{{ lead }}`, `{{ contents }}`, `{{ toctree }}`, `{{ section: ... }}`."""
    parts = {
        "lead": readme.split("\n", 1)[1].split("\n## ", 1)[0].strip(),
        "contents": contents(readme),
        "toctree": "\n".join(f"{name[:2]} {title} <{name}>" for name, title in notebooks),
    }
    fill = lambda match: section(readme, match.group(2)) if match.group(2) else parts[match.group(1)]  # noqa: E731
    return re.sub(r"\{\{ (\w+)(?:: (.+?))? \}\}", fill, template)


def write_pages(folder: Path, root: Path = ROOT) -> tuple[list[tuple[str, str]], dict[str, dict]]:
    """Write the sources of all pages into an empty folder; returns file name and title of each notebook, and what its page asks."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    repository, branch = address.settings(root)
    positions, notebooks, asked = title_positions(root), [], {}
    for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        notebooks.append((path.stem, re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE).group(1)))
        page = notebook_page(notebook, path.stem, repository, branch, positions)
        asked[path.stem] = answers.prepare(page)
        (folder / path.name).write_text(nbformat.writes(page), encoding="utf-8")
    readme = (root / "README.md").read_text(encoding="utf-8")
    # The first page has the live network in place of the moving picture, which nobody could stop there.
    readme = re.sub(r'<img alt="[^"]*" src="[^"]*\.webp".*?>\n+', "", readme)
    readme = re.sub(r'<img alt="(.+?)" src="(.+?)".*?>', r"![\1](\2)", readme)
    readme = re.sub(r"^\*\*Launch:\*\*.*$", lambda _: launch_links(repository, branch, notebooks[0][0]), readme, flags=re.MULTILINE)
    readme = page_links(readme, repository, branch)
    teaching = page_links((root / "TEACHING.md").read_text(encoding="utf-8"), repository, branch)
    texts = {path.name: filled(path.read_text(encoding="utf-8"), readme, notebooks) for path in (root / "site").glob("*.md")}
    for name, text in {**texts, "teaching.md": teaching}.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("overview.png", "panel.png"):
        shutil.copy(root / "models" / name, folder)
    return notebooks, asked


def main() -> int:
    """Write the pages and have Sphinx make the site of them; every warning is an error."""
    shutil.rmtree(BUILT / "html", ignore_errors=True)
    notebooks, asked = write_pages(BUILT / "pages")
    web.main()
    command = [sys.executable, "-m", "sphinx", "-M", "html", str(BUILT / "pages"), str(BUILT), "-c", str(SITE)]
    status = subprocess.run([*command, "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env"]).returncode
    if status == 0:
        web.put_into(BUILT / "html", notebooks)
        print("figures that reflow on a phone:", strips.reflow(BUILT / "html"))
        answers.write(asked, BUILT / "html" / "answers")
        policy.close(BUILT / "html")
        place = (BUILT / "html").relative_to(ROOT)
        print(f"The site is in {place}. Show it with: python -m http.server -d {place}, and open http://localhost:8000")
    return status


if __name__ == "__main__":
    sys.exit(main())
