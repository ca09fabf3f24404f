"""The panels on the site's notebook pages: the page's own brain answers keys, mouse and touch, and no other server is asked."""

import os
from pathlib import Path

import pytest
from test_site import BUILT, READERS, address, chromium, reader  # noqa: F401  (fixtures)

pytestmark = pytest.mark.skipif(not BUILT, reason="the live pages are tested by make test-site, which builds them first")
PANELS = {
    "00_start_here": "The stress test", "01_data_synthesis": "The difficulty dial",
    "04_evaluation_and_visualization": "The stress test",
}


def opened(reader, name, width=1280, scheme="light"):  # noqa: F811
    page = reader(name, width, scheme)
    page.evaluate("window.unetPanels")
    panel = page.locator(".unet-panel", has_text=PANELS[name])
    panel.scroll_into_view_if_needed()
    until(page, panel, 1)
    return page, panel


def until(page, panel, count):
    for _ in range(200):
        if int(panel.get_attribute("data-answer") or 0) >= count:
            return
        page.wait_for_timeout(50)
    raise AssertionError("the panel does not answer")


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_answers_keys_and_mouse_and_typing(name, reader):  # noqa: F811
    page, panel = opened(reader, name)
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


@pytest.mark.parametrize("name", PANELS)
@pytest.mark.parametrize(("width", "scheme"), [*READERS, (360, "dark")])
def test_axe_finds_nothing_and_nothing_sticks_out(name, width, scheme, reader):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page, panel = opened(reader, name, width, scheme)
    page.wait_for_timeout(900)  # colors fade in, and the facts are spoken
    found = Axe().run(page, context=".unet-panel").response["violations"]
    assert not [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert panel.locator("canvas").first.evaluate("c => getComputedStyle(c).filter") == "none", "white is right stays white"
    folder = os.environ.get("UNET_COURSE_SCREENSHOTS")
    if folder:
        panel.screenshot(path=str(Path(folder) / f"site_{name[:2]}_{width}_{scheme}.png"))


def test_without_scripts_a_sentence_stands_there(chromium, address):  # noqa: F811
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/00_start_here.html")
    assert "run this cell to move its sliders" in page.locator(".unet-live").inner_text()
    context.close()


def test_the_page_scores_as_the_notebook_does(reader):  # noqa: F811
    """The scene is the page's; the network's answer and the scores are compared with Python's, pixel by pixel."""
    import numpy as np

    from helpers import MODELS
    from helpers.evaluation import best_threshold, dice_per_image
    from helpers.training import load_network, predict

    page, _ = opened(reader, "00_start_here")
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
