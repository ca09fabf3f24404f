"""The panels in a real browser: JupyterLab in Chromium, moved by the keyboard alone."""

import json
from functools import partial

import pytest
from jupyter_page import MODEL, ROOT, SECONDS, SETUP, write_notebook

from helpers import drawing, panels

NETWORK = f"{SETUP}\nfrom helpers.training import load_network\nmodel = load_network({str(MODEL)!r})"


def _stress():
    from helpers.training import load_network

    return partial(panels.stress, load_network(MODEL))


CASES = {
    "difficulty": (SETUP, "panels.difficulty_panel()", "The difficulty dial", "noise", lambda: panels.difficulty),
    "stress": (NETWORK, "panels.stress_panel(model)", "The stress test", "noise", _stress),
}


@pytest.mark.parametrize("case", CASES)
def test_ten_quick_presses_end_on_the_right_picture(case, lab, bench, screenshots):
    setup, cell, heading, dial, function = CASES[case]
    draw = function()
    write_notebook(lab.folder / f"{case}.ipynb", setup, cell)
    bench.open(lab.url(f"{case}.ipynb"))
    bench.run_all()
    panel = bench.panel(heading)
    start = float(panel.readout(dial))
    pictures = [drawing.as_png(draw(**{dial: round(start + 0.01 * i, 2)}).picture, quick=True) for i in range(11)]
    assert panel.image() == pictures[0]
    bench.page.screenshot(path=screenshots / f"{case}_start.png")
    panel.focus(dial)
    panel.watch()
    for _ in range(10):
        bench.page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.image() == pictures[10], "the tenth picture is shown")
    bench.page.wait_for_timeout(700)
    assert panel.image() == pictures[10], "an older picture came after the last one"
    order = [pictures.index(seen) for seen in panel.watched()]
    assert order == sorted(order) and order[-1] == 10
    bench.page.screenshot(path=screenshots / f"{case}_after.png")
    assert not bench.complaints


def test_the_keyboard_reaches_every_slider_and_button(lab, bench, screenshots):
    write_notebook(lab.folder / "keys.ipynb", SETUP, "panels.difficulty_panel()")
    bench.open(lab.url("keys.ipynb"))
    bench.run_all()
    panel = bench.panel("The difficulty dial")
    start, edges = panel.image(), panel.panel.locator(".unet-facts").bounding_box()
    panel.focus("circles")
    for _ in range(8):  # each slider answers to the arrow keys, and Tab leads on
        before = panel.image()
        bench.page.keyboard.press("ArrowRight")
        panel.until(lambda: panel.image() != before, "the picture changes")
        bench.page.keyboard.press("Tab")
        while bench.page.evaluate("() => document.activeElement.classList.contains('widget-readout')"):
            bench.page.keyboard.press("Tab")
    assert bench.page.evaluate("() => document.activeElement.innerText") == "Reset"
    assert panel.panel.locator(".unet-facts").bounding_box() == edges, "the layout moved as values changed"
    bench.page.keyboard.press("Enter")
    panel.until(lambda: panel.image() == start, "Reset brings the first picture back")
    bench.page.keyboard.press("Tab")
    bench.page.keyboard.press("Space")
    panel.until(lambda: panel.image() != start, "New picture shows another one")
    assert panel.readout("seed") == str(int(panels.difficulty_panel().start["seed"]) + 1)
    assert not bench.complaints


def test_an_error_is_shown_in_words_and_the_panel_goes_on(lab, bench, screenshots):
    cell = """def fragile(noise=0.1):
    if noise > 0.105:
        raise RuntimeError("more noise than I can bear")
    return panels.difficulty(noise=noise)
panels.Panel("A fragile panel", fragile, [panels.Dial("noise", 0.1, (0.0, 0.5, 0.01), "grain")], new=("Again", [{}]))"""
    write_notebook(lab.folder / "fragile.ipynb", SETUP, cell)
    bench.open(lab.url("fragile.ipynb"))
    bench.run_all()
    panel = bench.panel("A fragile panel")
    panel.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    panel.until(lambda: "more noise than I can bear" in panel.message(), "the message is shown")
    bench.page.screenshot(path=screenshots / "fragile.png")
    bench.page.keyboard.press("ArrowLeft")
    panel.until(lambda: panel.message() == "", "the message is gone")
    bench.page.keyboard.press("ArrowLeft")
    right = drawing.as_png(panels.difficulty(noise=0.09).picture, quick=True)
    panel.until(lambda: panel.image() == right, "the panel goes on working")
    assert not bench.complaints


def test_the_other_panels_answer_too(lab, bench, screenshots):
    setup = f"{NETWORK}\nfrom helpers.synthesis import make_dataset\nimages, masks = make_dataset(6, seed=4)"
    write_notebook(
        lab.folder / "others.ipynb", setup, "panels.architect_panel()", "panels.schedule_panel()",
        "panels.feature_panel(model, images)",
    )
    bench.open(lab.url("others.ipynb"))
    bench.run_all()
    for heading, dial, key in (
        ("The architect", "depth", "ArrowRight"), ("The schedule", "warmup", "ArrowRight"),
        ("The feature viewer", "level", "ArrowRight"),
    ):
        panel = bench.panel(heading)
        before = panel.image()
        panel.focus(dial)
        bench.page.keyboard.press(key)
        panel.until(lambda: panel.image() != before, f"{heading} shows another picture")
        assert panel.message() == ""
        panel.panel.screenshot(path=screenshots / f"{heading.replace(' ', '_').lower()}.png")
    assert not bench.complaints


def _notebooks():
    """The course's own notebooks that hold a panel this file can move."""
    held = {"01_data_synthesis": "The difficulty dial", "04_evaluation_and_visualization": "The stress test"}
    for name, heading in held.items():
        path = ROOT / "notebooks" / f"{name}.ipynb"
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
        live = any("_panel(" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        marks = () if live else pytest.mark.skip(reason=f"{name} holds no panel yet")
        yield pytest.param(name, heading, id=name[:2], marks=marks)


@pytest.mark.parametrize("name, heading", _notebooks())
def test_the_course_notebook_runs_and_its_panel_answers(name, heading, lab, bench, screenshots):
    bench.open(lab.url(f"notebooks/{name}.ipynb"))
    bench.run_all()
    panel = bench.panel(heading, SECONDS)
    bench.finish()
    panel.center()
    before = panel.image()
    panel.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.image() != before, "the picture changes")
    assert panel.message() == ""
    panel.center()
    bench.page.screenshot(path=screenshots / f"notebook_{name[:2]}.png")
    assert not bench.complaints
