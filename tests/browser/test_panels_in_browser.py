"""The panels in a real browser: JupyterLab in Chromium, moved by the keyboard alone."""

import json
import os
import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
from jupyter_page import MODEL, ROOT, SECONDS, SETUP, Bench, settles, write_notebook

from helpers import panels

TREES = Path(__file__).parent / "trees"
NETWORK = f"{SETUP}\nfrom helpers.training import load_network\nmodel = load_network({str(MODEL)!r})"


def _stress():
    from helpers.training import load_network

    return partial(panels.stress, load_network(MODEL))


CASES = {  # setup, cell, heading, control, function, and the number of a picture without outlines
    "difficulty": (SETUP, "panels.difficulty_panel()", "The difficulty dial", "noise", lambda: panels.difficulty, 0),
    "stress": (NETWORK, "panels.stress_panel(model)", "The stress test", "noise", _stress, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_ten_quick_presses_end_on_the_right_picture(case, lab, bench, screenshots):
    setup, cell, heading, dial, function, plain = CASES[case]
    draw = function()
    write_notebook(lab.folder / f"{case}.ipynb", setup, cell)
    bench.open(lab.url(f"{case}.ipynb"))
    bench.run_all()
    panel = bench.panel(heading)
    start = float(panel.readout(dial))
    results = [draw(**{dial: round(start + 0.01 * i, 2)}) for i in range(11)]
    assert panel.shows(results[0], plain)
    bench.page.screenshot(path=screenshots / f"{case}_start.png")
    panel.focus(dial)
    panel.watch()
    for _ in range(10):
        bench.page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.shows(results[10], plain), "the tenth picture is shown")
    bench.finish()  # the kernel has answered all that it was asked
    last = ". ".join(f"{term}: {words}" for term, words in results[10].facts.items())
    panel.until(lambda: panel.spoken() == last, "the page has been quiet for a while, so that it speaks")
    assert panel.shows(results[10], plain), "an older picture came after the last one"
    at = 0
    for seen in panel.watched():
        at = next(i for i in range(at, 11) if list(results[i].facts.values()) == seen)  # never back to an older one
    assert at == 10
    bench.page.screenshot(path=screenshots / f"{case}_after.png")
    assert not bench.complaints


def test_the_keyboard_reaches_every_slider_and_button(lab, bench, screenshots):
    write_notebook(lab.folder / "keys.ipynb", SETUP, "panels.difficulty_panel()")
    bench.open(lab.url("keys.ipynb"))
    bench.run_all()
    panel = bench.panel("The difficulty dial")
    start, edges = panel.image().tolist(), panel.panel.locator(".unet-facts").bounding_box()
    panel.focus("circles")
    for _ in range(8):  # each slider answers to the arrow keys, and Tab leads on
        before = panel.answers()
        bench.page.keyboard.press("ArrowRight")
        panel.until(lambda: panel.answers() > before, "the panel answers")
        bench.page.keyboard.press("Tab")  # to the field for typing
        bench.page.keyboard.press("Tab")
    assert bench.page.evaluate("() => document.activeElement.innerText") == "Reset"
    assert panel.panel.locator(".unet-facts").bounding_box() == edges, "the layout moved as values changed"
    bench.page.keyboard.press("Enter")
    panel.until(lambda: panel.image().tolist() == start, "Reset brings the first picture back")
    bench.page.keyboard.press("Tab")
    bench.page.keyboard.press("Space")
    panel.until(lambda: panel.image().tolist() != start, "New picture shows another one")
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
    panel.until(lambda: panel.shows(panels.difficulty(noise=0.09)), "the panel goes on working")
    assert not bench.complaints


ALL = {  # heading: control, key, what is typed to make it
    "The difficulty dial": ("panels.difficulty_panel()", "noise", "ArrowRight"),
    "The stress test": ("panels.stress_panel(model)", "noise", "ArrowRight"),
    "The architect": ("panels.architect_panel()", "depth", "ArrowLeft"),
    "The schedule": ("panels.schedule_panel()", "warmup", "ArrowRight"),
    "The feature viewer": ("panels.feature_panel(model, images)", "level", "ArrowDown"),
    "The flip book": ("panels.flip_panel(book)", "page", "ArrowRight"),
    "How many are there?": ("panels.counting_panel(methods)", "circles", "ArrowRight"),
    "The balance of classes": ("panels.balance_panel(three)", "favor", "ArrowRight"),
}
BOOK = """
from helpers import MODELS
from helpers.synthesis import make_dataset
from helpers.panels.callbacks import FlipBook
images, masks = make_dataset(4, seed=4)
book = FlipBook(images[:2], masks[:2])
book.set_model(model)
book.on_train_begin()
book.on_epoch_end(0)
from helpers.instances import split_objects
from helpers.training import predict
methods = {"Watershed": lambda images: split_objects(predict(model, images))}
three = load_network(MODELS / "unet_classes.keras")"""


@pytest.fixture(scope="module")
def everything(lab, chromium):
    """One notebook with every panel of the course, run."""
    context = chromium.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.set_default_timeout(120_000)
    bench = Bench(page)
    write_notebook(lab.folder / "all.ipynb", NETWORK + BOOK, *(cell for cell, _, _ in ALL.values()))
    bench.open(lab.url("all.ipynb"))
    bench.run_all()
    page.keyboard.press("Control+b")  # the file browser makes room
    yield bench
    assert not bench.complaints
    bench.close()


@pytest.mark.parametrize("heading", ALL)
def test_every_panel_as_a_screen_reader_has_it(heading, everything):
    """Its accessibility tree, kept as text beside this file; UNET_COURSE_WRITE_TREES=1 writes it anew."""
    panel = everything.panel(heading)
    panel.until(lambda: panel.panel.locator("[aria-live=polite]").last.inner_text(), "the facts are spoken")
    tree = re.sub(r"\d+\.\d+|\d+(?= px| %|%)", "#", panel.panel.aria_snapshot())  # what a network says may differ a little
    file = TREES / f"{re.sub('[^a-z]+', '_', heading.lower().strip('?'))}.txt"
    if os.environ.get("UNET_COURSE_WRITE_TREES"):
        TREES.mkdir(exist_ok=True)
        file.write_text(tree + "\n", encoding="utf-8")
    assert tree + "\n" == file.read_text(encoding="utf-8")
    assert not violations(panel)


def violations(panel):
    """Return what axe finds wrong with one panel."""
    from axe_playwright_python.sync_playwright import Axe

    panel.panel.evaluate("p => p.id = 'audited'")
    found = Axe().run(panel.page, context="#audited").response["violations"]
    panel.panel.evaluate("p => p.removeAttribute('id')")
    return [(one["id"], one["nodes"][0]["html"]) for one in found]


@pytest.mark.parametrize("heading", ALL)
def test_every_panel_answers_the_keyboard(heading, everything, screenshots):
    panel, (_, control, key) = everything.panel(heading), ALL[heading]
    before = panel.answers()
    panel.focus(control)
    everything.page.keyboard.press(key)
    panel.until(lambda: panel.answers() > before, f"{heading} answers")
    assert panel.message() == ""
    panel.panel.screenshot(path=screenshots / f"{re.sub('[^a-z]+', '_', heading.lower().strip('?'))}.png")
    panel.panel.get_by_role("button", name="Reset").click()


@pytest.mark.parametrize("width, height", [(1366, 768), (683, 384), (360, 740)])
@pytest.mark.parametrize("heading", ALL)
def test_every_panel_fits_the_window(heading, width, height, everything, screenshots):
    everything.page.set_viewport_size({"width": width, "height": height})
    everything.page.wait_for_function("width => window.innerWidth === width", arg=width)
    panel, (_, control, _) = everything.panel(heading), ALL[heading]
    panel.focus(control)

    def in_view():  # pictures and active control, together
        panel.center()
        boxes = [part.bounding_box() for part in (panel.panel.locator(".unet-view").first, panel.slider(control))]
        return all(box["y"] >= 0 and box["y"] + min(box["height"], 40) <= height for box in boxes)

    assert width < 600 or settles(everything.page, in_view)
    everything.page.screenshot(path=screenshots / f"{re.sub('[^a-z]+', '_', heading.lower().strip('?'))}_{width}.png")
    assert panel.panel.evaluate("p => p.scrollWidth <= p.clientWidth"), "it is cut off at the side"
    if width == 1366:
        assert panel.panel.bounding_box()["height"] < 650, "it does not fit a small laptop's window"
    if height < 400:  # what scrolls in a low window is reached by the keyboard
        assert not violations(panel)
    everything.page.set_viewport_size({"width": 1366, "height": 768})


def test_a_click_in_the_u_and_in_a_map_chooses(everything):
    panel = everything.panel("The feature viewer")
    panel.panel.locator(".unet-stage").nth(3).click()
    panel.until(lambda: "bottleneck" in panel.facts(), "the bottleneck is chosen")
    sheet = panel.panel.locator(".unet-maps canvas")
    box = sheet.bounding_box()
    sheet.click(position={"x": box["width"] * 0.4, "y": box["height"] * 0.4})
    panel.until(lambda: panel.readout("map") != "0", "another map is chosen")
    panel.panel.locator(".unet-pick").last.click(position={"x": 60, "y": 30})
    panel.until(lambda: panel.readout("row") != "-1" and panel.readout("column") != "-1", "a pixel is chosen")
    panel.panel.get_by_role("button", name="Reset").click()


def test_the_architect_offers_a_way_out(everything):
    panel = everything.panel("The architect")
    panel.number("size").fill("100")
    panel.number("size").press("Enter")
    panel.until(lambda: "needs a multiple of 8" in panel.message(), "it says what is wrong")
    panel.panel.get_by_role("button", name="Take 104 pixels").click()
    panel.until(lambda: panel.message() == "" and panel.readout("size") == "104", "the size that fits is taken")
    panel.panel.get_by_role("button", name="Reset").click()


def test_the_flip_book_plays(everything):
    panel = everything.panel("The flip book")
    panel.panel.get_by_role("button", name="Play").click()
    panel.until(lambda: panel.readout("page") == "1", "it turns a page")
    panel.panel.get_by_role("button", name="Reset").click()


def test_in_an_untrusted_notebook_the_last_picture_stands_with_a_sentence(lab, bench):
    """A notebook from somebody else: no script and no style of it runs, and the still says what to do."""
    panel = panels.difficulty_panel()
    picture = '<figure class="unet-view"><img src="data:image/png;base64,iVBORw0KGgo=" alt="Scan"></figure>'
    path = lab.folder / "untrusted.ipynb"
    write_notebook(path, "panel")
    notebook = json.loads(path.read_text())
    data = [panel.view(), {"text/html": panel.still_html(picture), "text/plain": "a still"}]
    notebook["cells"][0]["outputs"] = [{"output_type": "display_data", "data": one, "metadata": {}} for one in data]
    path.write_text(json.dumps(notebook))
    bench.open(lab.url("untrusted.ipynb"))
    output = bench.page.locator(".jp-OutputArea").first
    output.get_by_text("Run this cell to move its sliders again").wait_for()
    assert output.get_by_role("img", name="Scan").count() == 1


@pytest.fixture
def dial(lab, bench):
    """The difficulty dial in a fresh notebook."""
    write_notebook(lab.folder / "dial.ipynb", SETUP, "panel = panels.difficulty_panel()\npanel")
    bench.open(lab.url("dial.ipynb"))
    bench.run_all()
    return bench.panel("The difficulty dial")


def test_a_number_may_be_typed_with_a_comma_or_a_point_and_nonsense_is_refused_in_words(dial, bench):
    for text, value in (("0,3", 0.3), ("0.21", 0.21), ("0.204", 0.2)):
        dial.number("noise").fill(text)
        dial.number("noise").press("Enter")
        dial.until(lambda: dial.shows(panels.difficulty(noise=value)), f"{text} is drawn")
        assert dial.slider("noise").input_value() == str(value) and float(dial.readout("noise")) == value
    for text in ("much", "3", ""):
        dial.number("noise").fill(text)
        dial.number("noise").press("Enter")
        assert dial.message() == "noise: write a number from 0.00 to 0.50, for example 0.10."
        assert dial.number("noise").get_attribute("aria-invalid") == "true"
        assert dial.shows(panels.difficulty(noise=0.2))
    assert not bench.complaints


def test_mouse_and_touch_drag_a_slider(dial, bench, chromium, lab):
    dial.center()
    box = dial.slider("noise").bounding_box()
    bench.page.mouse.move(box["x"] + 5, box["y"] + box["height"] / 2)
    bench.page.mouse.down()
    for share in (0.3, 0.6, 0.9):
        bench.page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    bench.page.mouse.up()
    dial.until(lambda: dial.shows(panels.difficulty(noise=float(dial.readout("noise")))), "the last picture is right")
    assert float(dial.readout("noise")) > 0.4


def test_a_busy_kernel_is_announced_and_the_picture_follows(dial, bench, lab):
    bench.add_cell("import time; time.sleep(6)")
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: "If another cell is running" in dial.message(), "it says that the kernel may be busy")
    assert dial.shows(panels.difficulty())
    dial.until(lambda: dial.shows(panels.difficulty(noise=0.11)), "the picture follows", 30)
    assert dial.message() == ""


def test_after_a_restart_the_last_picture_stays_with_a_sentence(dial, bench, screenshots):
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: dial.shows(panels.difficulty(noise=0.11)), "it is drawn")
    bench.restart()
    bench.page.locator(".jp-Dialog").wait_for(state="detached")

    def says_what_to_do():
        if dial.slider("noise").is_enabled():  # not every front end tells a view that its kernel has gone
            dial.focus("noise")
            bench.page.keyboard.press("ArrowRight")
        return "un this cell again" in dial.message()

    dial.until(says_what_to_do, "it says what to do", 60)
    bench.page.screenshot(path=screenshots / "restarted.png")
    assert dial.shows(panels.difficulty(noise=0.11))
    red = "e => getComputedStyle(e, '::before').content"
    marked = bench.page.locator(".jupyter-widgets-disconnected")
    assert all(marked.nth(i).evaluate(red) == "none" for i in range(marked.count()))


def test_reopened_tomorrow_the_last_picture_stands_there_with_a_sentence(dial, bench, lab, screenshots):
    dial.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    dial.until(lambda: dial.shows(panels.difficulty(noise=0.11)), "it is drawn")
    still = bench.page.locator(".unet-still img").last
    still.wait_for(state="attached")
    dial.until(lambda: "Dice" in (still.get_attribute("alt") or "") and not still.is_visible(), "the still is kept, hidden")

    def is_saved():
        bench.save()
        return "noise 0.11" in (lab.folder / "dial.ipynb").read_text(encoding="utf-8")

    dial.until(is_saved, "the still of the last picture is in the file")
    bench.end_kernels(["dial.ipynb"])
    bench.open(lab.url("dial.ipynb"))
    still = bench.page.locator(".unet-still")
    still.locator("img").first.wait_for(timeout=120_000)
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
    assert one.shows(panels.difficulty(noise=0.3))
    two = bench.panel("The difficulty dial", number=1)
    assert two.readout("noise") == "0.10"
    two.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    two.until(lambda: two.shows(panels.difficulty(noise=0.11)), "the second panel answers")
    assert one.readout("noise") == "0.30" and not bench.complaints


def test_a_panel_answers_in_the_course_notebook_that_holds_it(lab, bench, screenshots):
    """In notebook 04, whose panel shows a network that the cells before it load; what comes after it is run by nbval."""
    notebook = nbformat.read(ROOT / "notebooks" / "04_evaluation_and_visualization.ipynb", as_version=4)
    last = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and "panels.stress_panel(" in cell.source)
    notebook.cells = notebook.cells[: last + 1]
    nbformat.write(notebook, lab.folder / "notebooks" / "04_to_its_panel.ipynb")
    bench.open(lab.url("notebooks/04_to_its_panel.ipynb"))
    bench.run_all()
    panel = bench.panel("The stress test", SECONDS)
    bench.finish()
    panel.center()
    before = panel.answers()
    panel.focus("noise")
    bench.page.keyboard.press("ArrowRight")
    panel.until(lambda: panel.answers() > before, "the panel answers")
    assert panel.message() == ""
    panel.center()
    bench.page.screenshot(path=screenshots / "notebook_04.png")
    assert not bench.complaints
