"""The panels on the site's notebook pages: the page's own brain answers keys, mouse and touch, and no other server is asked."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from jupyter_page import ROOT, settles
from test_site import BUILT, READERS, address, chromium, reader  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(not BUILT, reason="the live pages are tested by make test-site, which builds them first")
SCANS = [
    ("00_start_here", "The stress test"), ("01_data_synthesis", "The difficulty dial"), ("04_evaluation_and_visualization", "The stress test"),
]
PANELS = [
    *SCANS, ("02_unet_anatomy", "The architect"), ("02_unet_anatomy", "The feature viewer"), ("03_training_with_callbacks", "The schedule"),
    ("03_training_with_callbacks", "The flip book"), ("08_touching_lesions", "How many are there?"), ("09_several_classes", "The balance of classes"),
]


def opened(reader, name, title, width=1280, scheme="light"):  # noqa: F811
    page = reader(name, width, scheme)
    page.evaluate("window.unetPanels")
    panel = page.locator(".unet-panel", has_text=title)
    panel.scroll_into_view_if_needed()
    until(page, panel, 1)
    return page, panel


def until(page, panel, count):
    assert settles(page, lambda: int(panel.get_attribute("data-answer") or 0) >= count), "the panel does not answer"


def modules(page, code, argument=None):
    """What JavaScript in the page makes of its modules; `at` imports one."""
    return page.evaluate(f"async (given) => {{ const at = (path) => import(new URL(path, location.href).href); {code} }}", argument)


def test_the_readmes_picture_of_a_panel_shows_what_its_text_says(reader):  # noqa: F811
    said = re.search(r"noise is set to ([\d.]+), .+? Its Dice is ([\d.]+) there, and that of the best threshold ([\d.]+)", (ROOT / "README.md").read_text())
    page, panel = opened(reader, "04_evaluation_and_visualization", "The stress test")
    panel.get_by_role("slider", name="noise").fill(said[1])
    until(page, panel, 2)
    shown = panel.locator(".unet-facts").inner_text().split("\n")
    assert [shown[shown.index(name) + 1] for name in ("network's Dice", "best threshold's Dice")] == [said[2], said[3]]
    assert f'"noise": "{float(said[1])}"' in (ROOT / "models" / "panel.py").read_text()


@pytest.mark.parametrize(("name", "title"), SCANS)
def test_a_panel_answers_keys_and_mouse_and_typing(name, title, reader):  # noqa: F811
    page, panel = opened(reader, name, title)
    facts = panel.locator(".unet-facts").inner_text()
    noise = panel.get_by_label("noise", exact=True)
    noise.focus()
    page.keyboard.press("ArrowRight")
    until(page, panel, 2)
    assert panel.get_by_label("noise, as a number").input_value() == "0.11"
    box = noise.bounding_box()
    page.mouse.click(box["x"] + 0.95 * box["width"], box["y"] + box["height"] / 2)
    until(page, panel, 3)
    assert float(noise.input_value()) > 0.4 and panel.locator(".unet-facts").inner_text() != facts
    number = panel.get_by_label("noise, as a number")
    number.fill("0,1")  # a comma is a decimal point
    number.press("Enter")
    until(page, panel, 4)
    assert panel.locator(".unet-facts").inner_text() == facts, "the same settings, the same picture"
    number.fill("much")
    number.press("Enter")
    assert "write a number from 0.00 to 0.50" in panel.locator(".unet-message").inner_text()
    assert page.complaints == []


def test_a_finger_moves_a_slider(chromium, address):  # noqa: F811
    context = chromium.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}/00_start_here.html")
    page.evaluate("window.unetPanels")
    noise = page.locator(".unet-panel").get_by_label("noise", exact=True)
    noise.scroll_into_view_if_needed()
    box = noise.bounding_box()
    page.touchscreen.tap(box["x"] + 0.9 * box["width"], box["y"] + box["height"] / 2)
    until(page, page.locator(".unet-panel"), 2)
    assert float(noise.input_value()) > 0.35
    context.close()


@pytest.mark.parametrize(("name", "title"), PANELS)
@pytest.mark.parametrize(("width", "scheme"), [*READERS, (360, "dark")])
def test_axe_finds_nothing_and_nothing_sticks_out(name, title, width, scheme, reader):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page, panel = opened(reader, name, title, width, scheme)
    assert settles(page, lambda: page.evaluate("document.getAnimations().length === 0")), "colors fade in"
    assert settles(page, lambda: panel.locator(".unet-spoken").text_content() != ""), "the facts are spoken"
    found = Axe().run(page, context=".unet-panel").response["violations"]
    assert not [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    looks = panel.locator("canvas, svg").evaluate_all("all => all.map((one) => [getComputedStyle(one).filter, getComputedStyle(one).backgroundColor])")
    assert {tuple(look) for look in looks} == {("none", "rgb(255, 255, 255)")}, "white is right stays white"
    folder = os.environ.get("UNET_COURSE_SCREENSHOTS")
    if folder:
        panel.screenshot(path=str(Path(folder) / f"site_{name[:2]}_{title.split()[-1]}_{width}_{scheme}.png"))


def test_without_scripts_a_sentence_stands_there(chromium, address):  # noqa: F811
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/00_start_here.html")
    assert "run this cell to move its sliders" in page.locator(".unet-live").inner_text()
    context.close()


def test_the_page_scores_as_the_notebook_does(reader):  # noqa: F811
    """The scene is the page's; the network's answer and the scores are compared with Python's, pixel by pixel."""
    from helpers import MODELS
    from helpers.evaluation import best_threshold, dice_per_image
    from helpers.training import load_network, predict

    page, _ = opened(reader, *SCANS[0])
    image, mask, facts = page.evaluate("""async () => {
      const at = (path) => import(new URL(path, location.href).href);
      const [{ stress }, { shippedNetwork }, { SCENE, drawScene }] = await Promise.all(['brains/stress.js', 'parts.js', 'scene.js'].map(at));
      const settings = { circles: 4, noise: 0.2, contrast: 0.4, threshold: 0.5, seed: 7 };
      const { image, mask } = drawScene({ ...SCENE, circles: 4, noise: 0.2, contrast: 0.4, vessels: 2 }, 7);
      return [[...image], [...mask], stress((await shippedNetwork()).net)(settings).facts];
    }""")
    image = np.reshape(image, (1, 96, 96, 1)).astype(np.float32)
    mask = np.reshape(mask, (1, 96, 96, 1)).astype(np.uint8)
    found = (predict(load_network(MODELS / "unet_circles.keras"), image) >= 0.5).astype(np.uint8)
    assert facts["network's Dice"] == f"{dice_per_image(mask, found)[0]:.2f}"
    assert facts["best threshold's Dice"] == f"{best_threshold(mask, image).dice:.2f}"


def test_the_architect_counts_as_python_does(reader):  # noqa: F811
    from helpers.panels import architect

    page, panel = opened(reader, "02_unet_anatomy", "The architect")
    cases = [dict(depth=depth, filters=filters, size=size, padding=padding, seed=38)
             for depth in range(1, 7) for filters, size in ((4, 32), (8, 96), (16, 100), (64, 572), (8, 188)) for padding in ("same", "valid")]
    results = modules(page, "const { architect } = await at('brains/architect.js'); return given.map((one) => { "
                            "const { facts, offers, note, views } = architect(one); return [facts, offers ?? [], note ?? '', views[0].stages, views[0].title]; });", cases)
    for case, (facts, offers, note, stages, title) in zip(cases, results):
        theirs = architect(**case)
        assert {k: v for k, v in theirs.facts.items() if "lesion" not in k} == {k: v for k, v in facts.items() if "lesion" not in k}, case
        assert [list(offer) for offer in theirs.offers] == offers and bool(note) == bool(theirs.note), case
        assert stages == theirs.views[0]["stages"] and title == theirs.views[0]["title"], case
    panel.get_by_label("size", exact=True).fill("100")
    until(page, panel, 2)
    panel.get_by_role("button", name="Take 104 pixels").click()
    until(page, panel, 3)
    assert panel.get_by_label("size, as a number").input_value() == "104" and "120,681" in panel.inner_text()
    assert page.complaints == []


def test_the_largest_lesion_is_opencvs(reader):  # noqa: F811
    from helpers.panels.unet_architect import _largest_lesion

    page, _ = opened(reader, "02_unet_anatomy", "The architect")
    masks = (np.random.default_rng(4).random((12, 20, 20)) < 0.4).astype(np.uint8)
    masks[0] = 0
    found = modules(page, "const { largestLesion } = await at('brains/architect.js'); return given.map((mask) => { "
                          "const one = largestLesion(mask, 20); return one && [one.wide, [...one.mask].reduce((a, b) => a + b)]; });", masks.reshape(12, -1).tolist())
    assert found[0] is None
    for mask, (wide, area) in zip(masks[1:], found[1:]):
        theirs = _largest_lesion(mask)
        assert area == theirs[3].sum() and (wide == theirs[2] or (mask > 0).sum() > area > 1)


def test_the_schedule_is_pythons_and_trains(reader):  # noqa: F811
    from helpers.panels import schedule
    from helpers.panels.rate_schedule import learning_rates

    page, panel = opened(reader, "03_training_with_callbacks", "The schedule")
    cases = [dict(peak=peak, warmup=warmup, steps=steps, kind=kind) for peak in (0.0005, 0.01) for warmup, steps in ((0, 100), (50, 1000), (1000, 150), (10, 3000))
             for kind in ("cosine", "constant", "stepwise")]
    rates = modules(page, "const { learningRates } = await at('brains/schedule.js'); return given.map((one) => [...learningRates(one)]);", cases)
    for case, ours in zip(cases, rates):
        assert np.allclose(ours, learning_rates(**case), rtol=1e-9, atol=1e-12), case
    facts = dict(zip(*[panel.locator(f".unet-facts {tag}").all_inner_texts() for tag in ("dt", "dd")]))
    assert facts == schedule().facts
    panel.get_by_label("steps", exact=True).fill("300")
    until(page, panel, 2)
    for _ in range(2):
        button = panel.get_by_role("button", name="Train a small network with it")
        button.focus()
        page.keyboard.press("Enter")
        for _ in range(600):
            page.wait_for_timeout(50)
            if panel.locator(".unet-message").inner_text() == "" and panel.locator("dd").last.inner_text() != "not trained yet":
                break
    assert 0.2 < float(panel.locator("dd").last.inner_text()) < 0.9
    assert panel.locator("svg").nth(1).get_attribute("aria-label").count("cosine, peak 0.003, warm-up 50 from") == 2
    assert page.complaints == []


@pytest.mark.parametrize("asked", [
    {"level": "encoder_1"}, {"level": "bottleneck", "map": 3, "scale": "each map its own"}, {"level": "decoder_2", "map": 99, "row": 99, "column": 0, "input_map": 5},
    {"level": "probability", "row": 5, "column": 5}, {"level": "encoder_3", "map": 2, "row": 0, "column": 0},
], ids=lambda asked: asked["level"])
def test_the_feature_viewer_shows_kerass_numbers(asked, reader):  # noqa: F811
    from helpers import MODELS
    from helpers.panels import feature_maps
    from helpers.training import load_network

    page, _ = opened(reader, "02_unet_anatomy", "The feature viewer")
    asked = {"level": "encoder_1", "scale": "one for the level", "map": 0, "row": -1, "column": -1, "input_map": 0, "picture": 1, **asked}
    image, views, facts, note = modules(page, """
      const [{ features }, { shippedNetwork }, { SCENE, drawScene }] = await Promise.all(['brains/features.js', 'parts.js', 'scene.js'].map(at));
      const { views, facts, note } = features((await shippedNetwork()).net)(given);
      return [[...drawScene(SCENE, 39).image], views.map((view) => ({ ...view, values: [...(view.values ?? [])], under: 0 })), facts, note];""", asked)
    images = np.zeros((2, 96, 96, 1), np.float32)
    images[1, ..., 0] = np.reshape(image, (96, 96))
    theirs = feature_maps(load_network(MODELS / "unet_circles.keras"), images, **asked)
    assert facts == theirs.facts and note == theirs.note
    assert views[0]["stages"] == theirs.views[0]["stages"]
    for ours, view in zip(views[1:4], theirs.views[1:4]):
        assert ours["shape"] == view["shape"] and ours["title"] == view["title"]
        off = np.abs(np.array(ours["values"], int) - np.frombuffer(view["values"], np.uint8).astype(int))
        assert off.max() <= 3, view["title"]
    assert views[4]["words"] == theirs.views[4]["words"]
    assert np.allclose(views[4]["window"], theirs.views[4]["window"], atol=2e-3) and np.allclose(views[4]["kernel"], theirs.views[4]["kernel"], atol=2e-3)


def test_the_feature_viewer_by_click_and_key(reader):  # noqa: F811
    page, panel = opened(reader, "02_unet_anatomy", "The feature viewer")
    panel.locator(".unet-stage").nth(3).click()
    until(page, panel, 2)
    assert panel.get_by_label("level", exact=True).input_value() == "3" and "12 x 12 x 64" in panel.locator(".unet-facts").inner_text()
    panel.locator(".unet-picture canvas").nth(1).click(position={"x": 30, "y": 30})
    until(page, panel, 3)
    assert int(panel.get_by_label("row, as a number").input_value()) > 0
    panel.get_by_label("map", exact=True).focus()
    page.keyboard.press("ArrowRight")
    until(page, panel, 4)
    assert "Map 1" in panel.inner_text() and page.complaints == []


def test_the_flip_book_plays_what_a_training_left(reader):  # noqa: F811
    from helpers.panels.flip_book import flip

    page, panel = opened(reader, "03_training_with_callbacks", "The flip book")
    images, masks, pages, times, facts = modules(page, """
      const { flip, flipPages } = await at('brains/flip.js'), book = await flipPages(), plain = (list) => list.map((one) => [...one]);
      return [plain(book.images), plain(book.masks), book.pages.map(plain), book.times, book.times.map((_, page) => flip(book)({ page, picture: 1 }).facts)];""")
    images, masks = (np.reshape(one, (-1, 64, 64, 1)).astype(np.uint8) for one in (images, masks))
    pages = np.reshape(pages, (len(times), -1, 64, 64)).astype(np.uint8)
    for number, ours in enumerate(facts):
        assert ours == flip(images / np.float32(255), masks, pages, times, number, 1, "step").facts
    scores = [float(ours["Dice of this picture"]) for ours in facts]
    assert scores[0] < 0.3 and scores[-1] > 0.75 and all(mask.any() for mask in masks)
    panel.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    for _ in range(300):
        page.wait_for_timeout(50)
        if panel.get_by_label("page, as a number").input_value() == "9":
            break
    assert "after step 1200" in panel.inner_text() and page.complaints == []


def same_views(ours, theirs, off=0):
    """Whether a page's views are Python's: titles, and pictures with their outlines but for `off` pixels in all."""
    wrong = 0
    for view, (title, values, outlines) in zip(theirs, ours, strict=True):
        assert title == view["title"]
        wrong += (np.frombuffer(view["values"], np.uint8) != np.array(values, np.uint8)).sum()
        assert set(outlines) == set(view["outlines"])
        wrong += sum((np.frombuffer(mask, np.uint8) != np.array(outlines[name], np.uint8)).sum() for name, mask in view["outlines"].items())
    return wrong <= off


PLAIN_VIEWS = """views.map((view) => [view.title, [...view.values], Object.fromEntries(Object.entries(view.outlines).map(([name, mask]) => [name, [...mask]]))])"""


def test_counting_in_the_page_is_pythons_circle_by_circle(reader, monkeypatch):  # noqa: F811
    """Hough circles, watershed, gaps, matching: the numbers and the outlines of each method, over the whole range of the sliders."""
    import json

    from helpers import MODELS
    from helpers.instances import split_objects
    from helpers.panels import count_lesions, counting
    from helpers.training import load_network, predict

    page, panel = opened(reader, "08_touching_lesions", "How many are there?")
    random = np.random.default_rng(8)
    cases = [dict(circles=circles, noise=0.1, seed=5, strictness=10) for circles in (0, 1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 25)]
    cases += [dict(circles=int(random.integers(26)), noise=round(random.uniform(0, 0.4), 2), seed=int(random.integers(100)), strictness=int(random.integers(4, 31)))
              for _ in range(16)]
    found = modules(page, f"""
      const [{{ counting }}, {{ shippedNetwork }}, {{ SCENE, drawScene }}] = await Promise.all(['brains/counting.js', 'parts.js', 'scene.js'].map(at));
      const draw = counting(await shippedNetwork(), await shippedNetwork('gaps'));
      return given.map((one) => {{
        const {{ views, facts }} = draw(one), {{ image, numbers }} = drawScene({{ ...SCENE, circles: one.circles, radius: [5, 10], contrast: 0.4, noise: one.noise, vessels: 2 }}, one.seed);
        return [[...image], [...numbers], {PLAIN_VIEWS}, facts];
      }});""", cases)
    parting = json.loads((MODELS / "pages.json").read_text())
    plain, gaps = (load_network(MODELS / name) for name in ("unet_circles.keras", "unet_gaps.keras"))
    models = {
        "Watershed": lambda images: split_objects(predict(plain, images), **parting["shipped"]),
        "Gaps and weights": lambda images: split_objects(predict(gaps, images), **parting["gaps"]),
    }
    unlike = 0
    for case, (image, numbers, views, facts) in zip(cases, found, strict=True):
        scene = np.reshape(image, (96, 96, 1)).astype(np.float32), np.reshape(numbers, (96, 96, 1)).astype(np.uint16)
        monkeypatch.setattr(counting, "draw_steady_lesions", lambda *_: scene)  # noqa: B023
        theirs = count_lesions(models, **case)
        assert {k: v for k, v in theirs.facts.items() if k not in models} == {k: v for k, v in facts.items() if k not in models}, case
        unlike += not (facts == theirs.facts and same_views(views, theirs.views))
    assert unlike <= 1, f"{unlike}: a probability beside a threshold may fall on either side of it"
    assert {int(facts["lesions to be seen"]) for *_, facts in found[:4]} == {0, 1, 2, 3}


def test_counting_by_key(reader):  # noqa: F811
    page, panel = opened(reader, "08_touching_lesions", "How many are there?")
    circles = panel.get_by_label("circles", exact=True)
    circles.focus()
    page.keyboard.press("End")
    until(page, panel, 2)
    assert panel.get_by_label("circles, as a number").input_value() == "25" and "Truth: 2" in panel.inner_text()
    page.keyboard.press("Home")
    until(page, panel, 3)
    assert "Truth: 0" in panel.inner_text() and panel.locator(".unet-facts dd").first.inner_text() == "0" and page.complaints == []


def test_the_balance_of_classes_is_pythons(reader, monkeypatch):  # noqa: F811
    from helpers import MODELS
    from helpers.panels import balance, class_balance
    from helpers.training import load_network

    page, panel = opened(reader, "09_several_classes", "The balance of classes")
    cases = [dict(circles=4, vessels=3, noise=0.1, contrast=0.4, favor=favor, seed=38) for favor in (0.05, 0.5, 1.0, 5.0, 20.0)]
    cases += [dict(circles=c, vessels=v, noise=n, contrast=k, favor=1.0, seed=s) for c, v, n, k, s in
              ((0, 0, 0.0, 0.4, 1), (12, 0, 0.2, 0.25, 2), (0, 8, 0.5, 1.0, 3), (6, 4, 0.1, 0.0, 4), (12, 8, 0.3, 0.5, 99))]
    found = modules(page, f"""
      const [{{ balance, loadClasses }}, {{ shippedNetwork }}, {{ SCENE, drawScene }}] = await Promise.all(['brains/balance.js', 'parts.js', 'scene.js'].map(at));
      const {{ net, head }} = await shippedNetwork('classes', loadClasses);
      return given.map((one) => {{
        const {{ views, facts }} = balance(net, head)(one), {{ circles, vessels, noise, contrast }} = one, {{ image, mask, lines }} = drawScene({{ ...SCENE, circles, vessels, noise, contrast }}, one.seed);
        return [[...image], [...mask], [...lines], {PLAIN_VIEWS}, facts];
      }});""", cases)
    model = load_network(MODELS / "unet_classes.keras")
    for case, (image, mask, lines, views, facts) in zip(cases, found, strict=True):
        mask, lines = (np.reshape(one, (96, 96, 1)).astype(np.uint8) for one in (mask, lines))
        scene = np.reshape(image, (96, 96, 1)).astype(np.float32), np.where(mask > 0, 1, 2 * lines).astype(np.uint8)
        monkeypatch.setattr(class_balance, "draw_steady_classes", lambda *_: scene)  # noqa: B023
        theirs = balance(model, **case)
        assert facts == theirs.facts, case
        assert same_views(views, theirs.views, 1), case
    favored = [int(facts["called vessel"].split()[0]) for *_, facts in found[:5]]
    assert favored == sorted(favored) and favored[0] < favored[-1]
    assert found[8][4]["vessel, really"] != "0 px", "a vessel of no contrast is still there"
    panel.get_by_label("favor", exact=True).focus()
    page.keyboard.press("End")
    until(page, panel, 2)
    assert panel.locator(".unet-facts dd").last.inner_text() == f"{favored[-1]} px" and page.complaints == []


BAR = """all => Math.max(0, ...all.map(one => one.getBoundingClientRect()).filter(box => box.top <= 0).map(box => box.bottom))"""
WORDS = """all => all.map(one => { const words = document.createRange(); words.selectNodeContents(one);
    const box = words.getBoundingClientRect(); return [box.left, box.top, box.width]; })"""


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (683, 384), (360, 740)])
@pytest.mark.parametrize(("name", "title"), PANELS)
def test_every_panel_fits_the_window(name, title, width, height, reader):  # noqa: F811
    """Whole on a small laptop; at 200 % zoom, which halves it, a picture and the control that the hand is on are in view."""
    from axe_playwright_python.sync_playwright import Axe

    page, panel = opened(reader, name, title, width)
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(300)
    control = panel.locator("input[type=range], select, input[type=radio]").last
    control.focus()

    def in_view():
        panel.evaluate("p => p.scrollIntoView({block: 'center'})")
        bar = page.locator("header.bd-header-article, .bd-header").evaluate_all(BAR)
        if width == 1366:
            box = panel.bounding_box()
            return box["y"] >= bar and box["y"] + box["height"] <= height
        boxes = [part.bounding_box() for part in (panel.locator(".unet-view").first, control)]
        return all(box["y"] >= bar and box["y"] + min(box["height"], 60) <= height for box in boxes)

    settled = width < 600 or settles(page, in_view)
    folder = os.environ.get("UNET_COURSE_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"fit_{name[:2]}_{title.split()[-1].strip('?')}_{width}.png"))
    assert settled, "a picture and the control are not in view together"
    assert panel.evaluate("p => p.scrollWidth <= p.clientWidth"), "it is cut off at the side"
    for part in (".unet-facts div", ".unet-legend li"):  # words side by side do not run into each other
        boxes = [one for one in panel.locator(part).evaluate_all(WORDS) if one[2]]
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if abs(a[1] - b[1]) < 8 and a[0] < b[0] + b[2] - 1 and b[0] < a[0] + a[2] - 1]
    if width > 600:
        found = Axe().run(page, context=".unet-panel").response["violations"]
        assert not [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
