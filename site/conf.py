"""How Sphinx makes the site. `tools/pages.py` writes the pages and calls it; nothing is run and nothing is fetched."""

import re
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
import address  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from helpers.printing import WIDTH  # noqa: E402

repository, branch = address.settings()

project = html_title = "U-Net, one circle at a time"
author = 'the authors of "U-Net, one circle at a time"'
language = "en"
extensions = ["myst_nb", "sphinx.ext.githubpages"]
myst_enable_extensions = ["attrs_inline", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # no widget runs here, so nothing is loaded from other servers for them

root_doc = "contents"  # the first page, index.html, is the live one of web/
html_theme = "sphinx_book_theme"
html_static_path = ["_static"]
html_css_files = ["course.css"]
html_js_files = [("spellings.js", {"priority": 100})]  # before the search, which asks it for the words of a query
html_favicon = "_static/icon.svg"
html_sidebars = {"**": ["search-button-field.html", "sbt-sidebar-nav.html"]}  # the list's first line is the way home
html_use_index = False
html_math_renderer = "mathml"
html_copy_source = html_show_sourcelink = html_show_sphinx = html_show_copyright = False
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system has it
html_theme_options = {
    "navbar_persistent": [],  # or there would be a second search field, above the first
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "use_repository_button": bool(repository),
    "use_issues_button": bool(repository),
    "repository_url": repository,
    "repository_branch": branch,
}


def mathml(translator, node):
    """Write a formula as MathML, which browsers draw by themselves: no script, no other server."""
    translator.body.append(tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block)))
    raise nodes.SkipNode


def unbroken(text: str) -> str:
    """Join the lines that `helpers.printing.say` broke because the next word would not have fitted."""
    lines = []
    for line in text.split("\n"):
        before = re.sub(r"^.*\n", "", lines[-1]) if lines else ""
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if word and before.strip() and len(before) <= WIDTH < len(before) + 1 + len(word) and not line.lstrip().startswith("- "):
            lines[-1] += f"\n{line}"
        else:
            lines.append(line)
    return "\n".join(re.sub(r"\n *", " ", re.sub(r"\n {6,}(?=\S)", " ", line)) for line in lines)


def finish_cells(app, doctree):
    """Give each picture that a cell made the words that tools/pages.py found for it, and mark printed tables as such."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            pictures = list(cell.findall(nodes.image))
            words = cell["cell_metadata"].get("alts", [])
            if len(pictures) != len(words):
                raise ValueError(f"{len(pictures)} pictures and {len(words)} alt texts in the cell\n{cell.astext()}")
            for picture, text in zip(pictures, words):
                picture["alt"] = text
                picture["scale"] = 100  # which makes it a link to the file, for a closer look on a phone
                width = picture.get("width") or int.from_bytes((Path(app.srcdir) / picture["uri"]).read_bytes()[16:20])  # of a PNG
                width = int(str(width).removesuffix("px"))
                if width > 540:
                    picture["classes"].append("strip" if width <= 700 else "wide" if width < 950 else "widest")
            for printed in [block for block in cell.findall(nodes.literal_block) if "output" in block["classes"]]:
                lines = printed.astext().strip().splitlines()
                if sum(bool(re.search(r"\S {2,}\S", line)) for line in lines) > max(2, len(lines) / 2):
                    printed["classes"].append("columns")
                else:  # a sentence broken into lines to fit a screen becomes one line again; the page breaks it anew
                    printed.rawsource = unbroken(printed.astext())
                    printed.children = [nodes.Text(printed.rawsource)]


def setup(app):
    app.add_html_math_renderer("mathml", inline_renderers=(mathml, None), block_renderers=(mathml, None))
    app.connect("doctree-read", finish_cells)
