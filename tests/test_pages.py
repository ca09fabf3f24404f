"""What tools/pages.py makes of notebooks and README, before Sphinx makes a site of it. (The site itself: tests/browser.)"""

import base64
import hashlib
import importlib
import re
import shutil
import tomllib

import address
import answers
import nbformat
import notebooks as tool
import pages
import policy as policy_tool
import pytest
import yaml
from course import ROOT

ADDRESS = "https://github.com/some-one/some.where"
REF = address.settings()[1]  # the branch or tag that links lead to


def cell(source, *outputs):
    """A code cell; an output is a text that was printed, or None for a picture."""
    made = [nbformat.v4.new_output("stream", name="stdout", text=o) if o else
            nbformat.v4.new_output("display_data", data={"image/png": "aGE="}) for o in outputs]
    return nbformat.v4.new_code_cell(source, outputs=made)


@pytest.fixture(scope="module")
def positions():
    return pages.title_positions()


@pytest.mark.parametrize(("code", "expected"), [
    ('figures.show_images(a, ["x", "y"], "Two discs", "Left gray.")', "Two discs. Pictures side by side: x; y."),
    ('figures.plot_bars(a, b, "Which wins?")', "Which wins? Horizontal bars with their numbers."),
    ('panels.show_still(f, [{}], ["easy", "hard"], title="Two settings.")',
     "Two settings. The panel's pictures at several settings, one row below the other: easy; hard."),
    ('figures.plot_lines(x, {"loss": a, "Dice": b}, title="It learns")', "It learns. A chart of curves: loss; Dice."),
])
def test_alt_text_says_what_is_drawn_and_not_what_is_printed_below(code, expected, positions):
    assert pages.alt_texts(cell(code, None, "Left gray.\n"), positions) == [expected]


def test_every_function_that_draws_a_titled_figure_has_its_words(positions):
    assert set(pages.DRAWN) <= set(positions)
    public = {f"{name}.{one}" for name in ("figures", "panels") for one in importlib.import_module(f"helpers.{name}").__all__}
    assert set(positions) & public == set(pages.DRAWN)


def test_the_answer_to_a_guess_is_no_part_of_the_alt_text(positions):
    shown = cell("figures.show_numbers(a, title)", None, "29 of 144 pixels are 1.\n29 pixels. (No guess yet: put one in place of None.)\n")
    assert pages.alt_texts(shown, positions) == ["29 of 144 pixels are 1."]


def test_each_of_several_pictures_gets_its_own_words(positions):
    assert pages.alt_texts(cell("for i in a: show(i)", None, "First.\n", None, "Second.\n"), positions) == ["First.", "Second."]


def test_words_above_a_picture_count_where_none_stand_below(positions):
    assert pages.alt_texts(cell("Image(x)", "17 nuclei found.\n", None), positions) == ["17 nuclei found."]


def test_a_picture_without_words_is_refused(positions):
    with pytest.raises(ValueError, match="nothing is printed"):
        pages.alt_texts(cell("show(x)", None), positions)
    with pytest.raises(ValueError, match="nothing is printed"):
        pages.alt_texts(cell("show(x)", None, "Say it. (No guess yet.)"), positions)


def test_launch_links_only_with_an_address():
    line = pages.launch_links(ADDRESS, "main", "02_unet_anatomy")
    assert re.findall(r"\[(.+?)\]\((\S+?)\)\{\.launch\}", line) == [
        ("Open in Binder", "https://mybinder.org/v2/gh/some-one/some.where/main?urlpath=lab/tree/notebooks/02_unet_anatomy.ipynb"),
        ("Open in Colab", "https://colab.research.google.com/github/some-one/some.where/blob/main/notebooks/02_unet_anatomy.ipynb"),
    ]
    assert "![" not in line, "badges would be asked from other servers"
    assert "](" not in pages.launch_links("", "main", "02_unet_anatomy")


@pytest.mark.parametrize(("written", "folder", "expected"), [
    ("[Contents](../README.md)", "notebooks", "[Contents](contents.md)"),
    ("[a](02_unet_anatomy.ipynb)", "notebooks", "[a](02_unet_anatomy.ipynb)"),
    ("**[dice](00_start_here.ipynb#dice)**", "notebooks", "**[dice](00_start_here.ipynb#dice)**"),
    ("[a](notebooks/02_unet_anatomy.ipynb) and [b](TEACHING.md#x)", "", "[a](02_unet_anatomy.ipynb) and [b](teaching.md#x)"),
    ("![A picture](models/overview.png)", "", "![A picture](overview.png)"),
    ("[paper](https://arxiv.org/abs/1505.04597), [here](#dice)", "", "[paper](https://arxiv.org/abs/1505.04597), [here](#dice)"),
    ("[card](models/README.md)", "", f"[card]({ADDRESS}/blob/main/models/README.md)"),
    ("`a[0](x)`", "", "`a[0](x)`"),
    ("[no skips](../web/playground.html#skips=false)", "notebooks", '<a href="playground.html#skips=false">no skips</a>'),
    ("[it](https://some-one.github.io/some.where/playground.html)", "", '<a href="playground.html">it</a>'),
])
def test_links_lead_to_pages(written, folder, expected):
    assert pages.page_links(written, ADDRESS, "main", folder) == expected


def test_without_an_address_links_to_files_become_words():
    assert pages.page_links("see [the card](models/README.md).", "", "main") == "see the card."


# --- links to the playground ------------------------------------------------------------------------------------------

def playground_links():
    """Return `(file name, settings)` of each link to the playground, settings as the page writes them, such as "skips=false"."""
    for path in (ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.py"))):
        for match in address.PLAYGROUND.finditer(path.read_text(encoding="utf-8")):
            yield path.name, (match.group(1) or "#")[1:]


def test_readme_and_notebooks_00_to_05_link_to_the_playground():
    linked = {name[:2] for name, _ in playground_links()}
    assert {"RE", "00", "01", "02", "03", "04", "05"} <= linked


@pytest.mark.parametrize("name, setting", sorted({(name, one) for name, link in playground_links() for one in link.split("&") if one}))
def test_each_setting_in_a_link_is_one_that_the_playground_has_and_not_its_default(name, setting):
    script = (ROOT / "web" / "playground.js").read_text(encoding="utf-8")
    defaults = (ROOT / "web" / "training.js").read_text(encoding="utf-8").split("DEFAULTS = {", 1)[1].split("};", 1)[0]
    key, value = setting.split("=")
    default = re.search(rf"\b{key}: '?([\w.]+)'?", defaults).group(1)
    assert value != default, f"{setting} in {name} changes nothing"
    choices = re.search(rf"\['{key}', '[^']+', \[(.+?\]?)\]\]", script).group(1)
    if choices.startswith("["):  # a list of values
        assert re.search(rf"\['?{re.escape(value)}'?, '", choices), f"{setting} in {name} is no choice of the playground"
    else:
        low, high, step = map(float, choices.strip("]").split(","))
        assert low <= float(value) <= high and abs((float(value) - low) / step - round((float(value) - low) / step)) < 1e-6


def test_with_an_address_the_links_lead_to_the_site(tmp_path):
    written = tmp_path / "02_unet_anatomy.py"
    written.write_text("# [no skips](../web/playground.html#skips=false) and [it](../web/playground.html)\n", encoding="utf-8")
    there = address.rewritten(written, ADDRESS, "v1.2.3", "00_start_here")
    assert there == ("# [no skips](https://some-one.github.io/some.where/playground.html#skips=false) and "
                     "[it](https://some-one.github.io/some.where/playground.html)\n")
    written.write_text(there, encoding="utf-8")
    assert "(../web/playground.html#skips=false) and [it](../web/playground.html)" in address.rewritten(written, "", "v1.2.3", "00")


def test_a_missing_section_is_named():
    with pytest.raises(ValueError, match="How to cite"):
        pages.section("# a\n\n## b\n", "How to cite")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The pages of a course that has an address."""
    root = tmp_path_factory.mktemp("course")
    for name in ("notebooks", "helpers", "site", "models"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("_build", "__pycache__"))
    for name in ("README.md", "TEACHING.md"):
        shutil.copy(ROOT / name, root)
    settings = (ROOT / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(re.sub(r'^repository = ".*"', f'repository = "{ADDRESS}"', settings, flags=re.MULTILINE))
    pages.write_pages(root / "pages", root)
    return root / "pages"


@pytest.mark.parametrize("name", [path.stem for path in tool.sources()])
def test_a_notebooks_page(name, written):
    page = nbformat.read(written / f"{name}.ipynb", as_version=4)
    head = page.cells[0].source
    assert f"blob/{REF}/notebooks/{name}.ipynb){{.launch}}" in head and f"lab/tree/notebooks/{name}.ipynb){{.launch}}" in head
    assert "your guesses are answered here" in head
    assert "[Contents](contents.md)" in head
    assert not any('<a id="' in c.source for c in page.cells), "a heading's anchor must be one that Sphinx knows"
    assert sum(len(c.metadata.alts) for c in page.cells if c.cell_type == "code") >= 2


def test_the_front_page_holds_the_map_and_the_launch_links(written):
    front = (written / "contents.md").read_text()
    for path in tool.sources():
        assert f"]({path.stem}.ipynb)" in front, f"the README's map lacks {path.stem}: python benchmarks/notebooks.py"
        assert f"<{path.stem}>" in front
    assert "00_start_here.ipynb){.launch}" in front and "(overview.png)" in front
    assert "](teaching.md)" in front and "](about.md)" in front and "make lab" in front
    assert f"{ADDRESS}/blob/{REF}/benchmarks/panels.md" in (written / "about.md").read_text()
    assert (written / "overview.png").exists()
    assert not re.search(r"\{\{ ", "".join(path.read_text() for path in written.glob("*.md")))


def test_solutions_are_folded_and_their_code_is_marked(written):
    for path in written.glob("0[1-4]_*.ipynb"):
        for c in nbformat.read(path, as_version=4).cells:
            if "<summary>Solution" in c.source:
                assert re.search(r"<details><summary>Solution</summary>\n\n```python\n.+\n```\n.*\n</details>$", c.source, re.DOTALL)


# --- The policy of the pages ------------------------------------------------------------------------------------------


def test_scripts_move_into_files_and_the_policy_comes_first(tmp_path):
    (tmp_path / "_static").mkdir()
    own = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    page = '<head><meta charset="utf-8" />{}<script>\n one("{}") \n</script></head><script type="module">two()</script>{}'
    keep = '<script src="three.js"></script><script type="text/plain" id="a">four</script><script type="application/json">{}</script>'
    for name, policy in (("a", ""), ("b", ""), ("c", own)):
        (tmp_path / f"{name}.html").write_text(page.format(policy, name == "c", keep))
    assert policy_tool.close(tmp_path) == 3, "what two pages share is one file"
    for name in "abc":
        text = (tmp_path / f"{name}.html").read_text()
        assert text.count("Content-Security-Policy") == 1 and text.index("Content-Security-Policy") < text.index("<script")
        assert keep in text and (own in text) == (name == "c") and "one(" not in text and "two(" not in text
        first, second = re.findall(r'<script[^>]* src="(_static/.+?)"></script>', text)
        assert (tmp_path / first).read_text() == f'one("{name == "c"}")\n' and (tmp_path / second).read_text() == "two()\n"
        assert f'<script type="module" src="{second}">' in text
    (tmp_path / "d.html").write_text("<head></head>")
    with pytest.raises(ValueError, match="d.html has no <meta charset>"):
        policy_tool.close(tmp_path)


def test_a_single_file_lets_its_own_script_run_and_no_other():
    closed = policy_tool.close_file('<meta charset="utf-8">\n<script type="text/plain">data</script><script type="module">run()</script>')
    rules = re.search(r'content="(.+?)"', closed).group(1)
    digest = base64.b64encode(hashlib.sha256(b"run()").digest()).decode()
    assert f"script-src 'sha256-{digest}' 'wasm-unsafe-eval';" in rules and "default-src 'none'" in rules and rules.count("sha256") == 1


# --- TEACHING.md and CITATION.cff -------------------------------------------------------------------------------------


def recipes():
    """The Python recipes in TEACHING.md: it makes handouts."""
    return re.findall(r"```python\n(.+?)```", (ROOT / "TEACHING.md").read_text(encoding="utf-8"), re.DOTALL)


def test_handouts_have_exercises_and_no_solutions(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    exec(recipes()[0], {})
    for path in tool.sources():
        text = (tmp_path / "handout" / f"{path.stem}.ipynb").read_text(encoding="utf-8")
        assert "Solution" not in text
        assert text.count("### Exercise") == path.read_text(encoding="utf-8").count("### Exercise")


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["title"] and citation["authors"]
    assert citation["version"] == project["version"] and citation["license"] == project["license"]
    assert f"version {project['version']}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_teaching_points_at_exercises_and_sections_that_exist():
    from helpers.checks import EXERCISES

    text = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\b([1-4]\.\d)\b(?! GB)", text)) - {"2.5"} <= set(EXERCISES)
    for number, cases in re.findall(r"\b(05), cases? ([\d and,]+)", text):
        assert all(int(case) <= 11 for case in re.findall(r"\d+", cases)), (number, cases)
    for number, sections in re.findall(r"\b(0[0-6]), sections? ([\d ,andto]+)", text):
        source = next(path for path in tool.sources() if path.name.startswith(number)).read_text(encoding="utf-8")
        for section in re.findall(r"\d", sections):
            assert f"# ## {section}. " in source, f"notebook {number} has no section {section}"


def test_the_readme_says_that_nothing_was_launched_only_while_there_is_no_address():
    unlaunched = "The address of this repository is not decided yet." in (ROOT / "README.md").read_text(encoding="utf-8")
    assert unlaunched == (not address.settings()[0]), "rewrite 'What was tried' in README.md: now there is an address to launch from"


@pytest.mark.parametrize(("name", "sentence", "truth"), [
    ("disc", "29 pixels are 1.", 29), ("weights", "The layer learns 1,168 weights.", 1168), ("scene shape", "The shape is (96, 96, 1).", (96, 96, 1)),
    ("averaged noise", "The averages scatter by 0.040.", 0.04), ("border", "Alike.", "alike"), ("folded", "36% of the fields fold.", 0.36), ("coins", "U-Net comes closer.", "U-Net"),
])
def test_the_truth_is_read_from_the_saved_answer(name, sentence, truth):
    found = answers.truth_of(answers.PREDICTIONS[name], sentence)
    assert found == truth and type(found) is type(truth)
    with pytest.raises(ValueError, match="run the notebook again"):
        answers.truth_of(answers.PREDICTIONS[name], "Something else.")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_saved_answer_can_be_given_by_a_page(path):
    guesses = answers.prepare(nbformat.read(path, as_version=4))["guesses"]
    assert guesses and all(one["truth"] is not None for one in guesses.values())


def test_what_a_page_asks_stands_at_its_cell():
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell('guess = None  # "more" or "fewer" (in pixels)'), nbformat.v4.new_code_cell('checks.reveal("size", guess, truth)'),
    ])
    notebook.cells[1].outputs = [nbformat.v4.new_output("display_data", {"text/html": "<details><summary>?</summary><p>The number of pixels is fewer.</p></details>"})]
    data = answers.prepare(notebook)
    assert list(data["guesses"]) == ["size"] and data["guesses"]["size"]["label"] == "in pixels" and data["guesses"]["size"]["truth"] == "fewer"
    assert notebook.cells[0].outputs[0].data["text/html"] == '<div class="unet-guess" data-guess="size"></div>'
    notebook.cells[1].outputs = []
    with pytest.raises(ValueError, match="1 guesses and 0 folded answers"):
        answers.prepare(notebook)
