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
        bench.page.keyboard.press("Tab")  # to the field for typing
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
        ("The feature viewer", "level", "ArrowDown"),
    ):
        panel = bench.panel(heading)
        before = panel.image()
        panel.focus(dial)
        bench.page.keyboard.press(key)
        panel.until(lambda: panel.image() != before, f"{heading} shows another picture")
        assert panel.message() == ""
        panel.panel.screenshot(path=screenshots / f"{heading.replace(' ', '_').lower()}.png")
    assert not bench.complaints


@pytest.fixture
def dial(lab, bench):
    """The difficulty dial in a fresh notebook, with a second cell to move it from Python."""
    write_notebook(lab.folder / "dial.ipynb", SETUP, "panel = panels.difficulty_panel()\npanel")
    bench.open(lab.url("dial.ipynb"))
    bench.run_all()
    return bench.panel("The difficulty dial")


def picture_of(**settings):
    return drawing.as_png(panels.difficulty(**settings).picture, quick=True)


def test_a_number_may_be_typed_with_a_comma_or_a_point_and_nonsense_is_refused_in_words(dial, bench):
    for text, value in (("0,3", 0.3), ("0.21", 0.21), ("0.204", 0.2)):
        dial.number("noise").fill(text)
        dial.number("noise").press("Enter")
        dial.until(lambda: dial.image() == picture_of(noise=value), f"{text} is drawn")
        assert dial.slider("noise").input_value() == str(value) and float(dial.readout("noise")) == value
    for text in ("much", "3", ""):
        dial.number("noise").fill(text)
        dial.number("noise").press("Enter")
        assert dial.message() == "noise: write a number from 0.00 to 0.50, for example 0.10."
        assert dial.number("noise").get_attribute("aria-invalid") == "true"
        assert dial.image() == picture_of(noise=0.2)
    assert not bench.complaints


def test_mouse_and_touch_drag_a_slider(dial, bench, chromium, lab):
    dial.center()
    box = dial.slider("noise").bounding_box()
    bench.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    bench.page.mouse.down()
    for share in (0.3, 0.6, 0.9):
        bench.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    bench.page.mouse.up()
    dial.until(lambda: dial.image() == picture_of(noise=float(dial.readout("noise"))), "the last picture is right")
    assert float(dial.readout("noise")) > 0.4


def test_what_a_screen_reader_gets_and_what_axe_finds(dial, bench):
    from axe_playwright_python.sync_playwright import Axe

    tree = dial.panel.aria_snapshot()
    for line in ('- heading "The difficulty dial"', '- slider "noise"', '- textbox "noise, as a number"', '- button "Reset"'):
        assert line in tree, tree
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    spoken = dial.panel.locator("[aria-live=polite]").last
    dial.until(lambda: "its Dice: " in spoken.inner_text(), "the new Dice is spoken")
    found = Axe().run(bench.page, context=".unet-panel").response["violations"]
    assert not [(one["id"], one["nodes"][0]["html"]) for one in found]


@pytest.mark.parametrize("width, height", [(1366, 768), (683, 384), (360, 740)])
def test_a_panel_fits_the_window(width, height, dial, bench, screenshots):
    bench.page.set_viewport_size({"width": width, "height": height})
    bench.page.keyboard.press("Control+b")  # the file browser makes room
    bench.page.wait_for_timeout(500)
    dial.focus("vessels")
    dial.center()
    bench.page.screenshot(path=screenshots / f"dial_{width}.png")
    panel = dial.panel
    assert panel.evaluate("p => p.scrollWidth <= p.clientWidth"), "it is cut off at the side"
    if width > 600:  # picture and active slider are in view together
        for part in (panel.locator("img"), dial.slider("vessels")):
            box = part.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= height, box
    if width == 1366:
        assert panel.bounding_box()["height"] < 640


def test_a_busy_kernel_is_announced_and_the_picture_follows(dial, bench, lab):
    bench.add_cell("import time; time.sleep(6)")
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: "If another cell is running" in dial.message(), "it says that the kernel may be busy")
    assert dial.image() == picture_of()
    dial.until(lambda: dial.image() == picture_of(noise=0.11), "the picture follows", 30)
    assert dial.message() == ""


def test_after_a_restart_the_last_picture_stays_with_a_sentence(dial, bench, screenshots):
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: dial.image() == picture_of(noise=0.11), "it is drawn")
    bench.restart()
    bench.page.locator(".jp-Dialog").wait_for(state="detached")
    bench.page.wait_for_timeout(3000)
    if dial.slider("noise").is_enabled():  # not every front end tells a view that its kernel has gone
        dial.focus("noise")
        bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: "un this cell again" in dial.message(), "it says what to do", 60)
    bench.page.screenshot(path=screenshots / "restarted.png")
    assert dial.image() == picture_of(noise=0.11)
    red = "e => getComputedStyle(e, '::before').content"
    marked = bench.page.locator(".jupyter-widgets-disconnected")
    assert all(marked.nth(i).evaluate(red) == "none" for i in range(marked.count()))


def test_reopened_tomorrow_the_last_picture_stands_there_with_a_sentence(dial, bench, lab, screenshots):
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: dial.image() == picture_of(noise=0.11), "it is drawn")
    still = bench.page.locator(".unet-still img")
    still.wait_for(state="attached")
    dial.until(lambda: "Dice" in (still.get_attribute("alt") or "") and not still.is_visible(), "the still is kept, hidden")
    bench.page.wait_for_timeout(1500)
    bench.page.keyboard.press("Control+s")
    bench.page.wait_for_timeout(1500)
    bench.end_kernels()
    bench.open(lab.url("dial.ipynb"))
    still = bench.page.locator(".unet-still")
    still.locator("img").wait_for(timeout=30_000)
    bench.page.screenshot(path=screenshots / "reopened.png")
    assert "Run this cell to move its sliders again" in still.inner_text() and "noise 0.11" in still.inner_text()
    missing = bench.page.get_by_text("model not found")
    assert not any(missing.nth(i).is_visible() for i in range(missing.count()))


def test_python_moves_the_slider_and_two_panels_do_not_mix(lab, bench):
    write_notebook(lab.folder / "two.ipynb", SETUP, "one = panels.difficulty_panel()\none",
                   "two = panels.difficulty_panel()\ntwo", "one.noise = 0.3")
    bench.open(lab.url("two.ipynb"))
    bench.run_all()
    one = bench.panel("The difficulty dial")
    one.until(lambda: one.readout("noise") == "0.30", "Python's value is shown")
    assert one.image() == picture_of(noise=0.3)
    two = bench.panel("The difficulty dial", number=1)
    assert two.readout("noise") == "0.10"
    two.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    two.until(lambda: two.image() == picture_of(noise=0.11), "the second panel answers")
    assert one.readout("noise") == "0.30" and not bench.complaints


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
