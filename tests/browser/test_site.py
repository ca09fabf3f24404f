"""The built site, as its readers meet it: on a desktop and on a phone, in the light and in the dark.

Run by `make test-site`, which builds the site first and says where it is in UNET_COURSE_SITE.
"""

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import pytest
import strips
from bs4 import BeautifulSoup
from jupyter_page import ROOT, browser_path, launch

BUILT = os.environ.get("UNET_COURSE_SITE")
NOTEBOOKS = [path.stem for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))]
PAGES = ["contents", *NOTEBOOKS, "teaching", "about", "elsewhere", "search"]
LIVE = ["index", "playground"]  # see test_live_pages.py
# 375 pixels is a common phone, 360 a small one.
READERS = [(width, scheme) for width in (1280, 375) for scheme in ("light", "dark")]

pytestmark = pytest.mark.skipif(not BUILT, reason="the site's checks are run by make test-site, which builds the site first")


def until(page, condition, seconds=60):
    """Wait for a condition in JavaScript. (Playwright's own way needs `eval` in the page, which its policy forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"never came true: {condition}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def address():
    """Where the site is served from, on this machine."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=BUILT))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    """One browser for all tests of this file."""
    lack = "" if browser_path() else "there is no Chromium for make test-site (on Debian and Ubuntu: sudo apt install chromium)"
    if lack and os.environ.get("UNET_COURSE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"the browser tests are required here, but {lack}")
    if lack:
        pytest.skip(lack)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def reader(chromium, address):
    """Return a function that opens a page of the site for a screen of some width, and keeps what went wrong in it."""
    contexts = []

    def open_page(name, width=1280, scheme="light"):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(f"uncaught: {error}"))
        page.on("console", lambda line: line.type in ("error", "warning") and page.complaints.append(line.text))
        page.on("response", lambda r: r.status >= 400 and page.complaints.append(f"{r.status} for {r.url}"))
        page.on("request", lambda r: r.url.startswith(("http:", "https:")) and not r.url.startswith(address)
                and page.complaints.append(f"asks another server: {r.url}"))
        page.goto(f"{address}/{name}.html", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


@functools.cache
def soup(path: Path):
    """Return a page of the site, parsed."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def page_of(name):
    return soup(Path(BUILT) / f"{name}.html")


def test_every_page_is_there():
    assert {path.stem for path in Path(BUILT).glob("*.html")} == {*PAGES, *LIVE}


@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_no_link_or_file_is_missing(name):
    page, broken = page_of(name), []
    wanted = [tag.get(part) for tag in page.find_all(True) for part in ("href", "src") if tag.get(part) is not None]
    assert len(wanted) > (20 if name in PAGES else 6)
    for target in wanted:
        parts = urlsplit(target)
        if parts.scheme in ("http", "https", "mailto", "data"):
            continue
        path = (Path(BUILT) / unquote(parts.path)) if parts.path else Path(BUILT) / f"{name}.html"
        if not path.is_file() or not path.is_relative_to(BUILT):
            broken.append(target)
        elif path.name == "playground.html" and "=" in parts.fragment:
            continue  # settings, which test_live_pages tries
        elif parts.fragment and path.suffix == ".html" and soup(path).find(id=unquote(parts.fragment)) is None:
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_picture_of_a_notebook_has_words_of_its_own(name):
    pictures = [p for p in page_of(name).select(".cell_output img") if not p.find_parent(class_="tiles")]  # which are cut from others
    texts = [picture.get("alt", "") for picture in pictures]
    assert len(pictures) >= 2 and all(len(text) > 25 for text in texts), texts
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_previous_contents_and_next_lead_to_pages_of_the_site(name):
    (line,) = [p for p in page_of(name).select("article p") if p.text.startswith("Previous:")]
    i = NOTEBOOKS.index(name)
    neighbors = [n for j, n in ((i - 1, NOTEBOOKS[i - 1]), (i + 1, NOTEBOOKS[(i + 1) % len(NOTEBOOKS)])) if 0 <= j < len(NOTEBOOKS)]
    links = {link["href"] for link in line.find_all("a")}
    expected = {"contents.html", *(f"{n}.html" for n in neighbors)}
    assert links == expected or name == NOTEBOOKS[-1] and links == expected | {"06_your_own_images.html"}  # after the last: one's own


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_picture_stands_in_for_sliders(name):
    assert "your guesses are answered here" in page_of(name).find("article").text
    cells = page_of(name).select("article .cell")
    for cell, after in zip(cells, cells[1:]):
        if re.search(r"^panels\.\w+_panel\(", cell.select_one(".cell_input").text, re.MULTILINE):
            assert "run this cell to move its sliders" in " ".join(cell.select_one(".cell_output").text.split())
            assert "show_still" in after.text and after.find("img"), "no picture stands in for the sliders"


def test_formulas_are_drawn_without_scripts():
    assert len(page_of("01_data_synthesis").find_all("math")) >= 4
    for name in PAGES:
        for part in page_of(name).select("article p, article li"):
            words = part.get_text()
            assert not re.search(r"\\(frac|mathrm|pi|cdot)|\$[^$]+\$", words), words


@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_pages_open_without_complaints_or_other_servers(name, reader):
    page = reader(name)
    page.wait_for_load_state("networkidle")
    assert page.complaints == []


@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_only_files_of_the_site_may_run_in_a_page(name, reader):
    text = (Path(BUILT) / f"{name}.html").read_text(encoding="utf-8")
    assert [s for s in page_of(name).find_all("script") if not s.get("src") and s.get("type") not in ("text/plain", "application/json")] == []
    assert not re.search(r"<[^>]+\son[a-z]+=[\"']|[\"']javascript:", text), "a script in an attribute"
    assert 0 < text.index('http-equiv="Content-Security-Policy"') < text.index("<script"), "the policy comes before the first script"
    page = reader(name)
    assert page.complaints == []
    tried = """() => new Promise(done => {
        const kinds = [];
        addEventListener('securitypolicyviolation', event => kinds.push(event.effectiveDirective));
        document.body.insertAdjacentHTML('beforeend', '<img src="data:," onerror="window.slipped = 1">');
        document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.slipped = 2'}));
        document.body.append(Object.assign(document.createElement('script'), {src: 'data:text/javascript,window.slipped = 3'}));
        setTimeout(() => done([window.slipped ?? 'nothing ran', kinds.sort()]), 300);
    })"""
    assert page.evaluate(tried) == ["nothing ran", ["script-src-attr", "script-src-elem", "script-src-elem"]]


@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_nothing_sticks_out_on_a_small_screen(name, reader):
    page = reader(name, 820)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    for width in (820, 375, 360):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"window.innerWidth === {width} && document.documentElement.scrollWidth <= {width}", 10)
    unloaded = """async () => (await Promise.all([...document.images].map(async (i) => {
        i.loading = 'eager';
        return i.decode().then(() => i.naturalWidth ? '' : i.src, () => i.src);
    }))).filter(Boolean)"""
    assert page.evaluate(unloaded) == []


@pytest.mark.parametrize(("width", "scheme"), READERS)
@pytest.mark.parametrize("name", [*PAGES, *LIVE])
def test_axe_finds_nothing(name, width, scheme, reader):
    from axe_playwright_python.sync_playwright import Axe

    page = reader(name, width, scheme)
    if name in LIVE:
        page.evaluate("(window.unet ?? window.playground).ready")
    else:
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
    until(page, "document.getAnimations().length === 0")  # colors fade in; half-way there is no contrast
    found = Axe().run(page).response["violations"]
    assert not found, "\n".join(f"{v['id']}: {v['help']}: {[n['html'][:200] for n in v['nodes'][:5]]}" for v in found)


def test_search_finds_the_bottleneck(reader):
    page = reader("contents", 375)
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type("bottleneck")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert any("02_unet_anatomy.html" in link for link in found) and any("00_start_here.html" in link for link in found)
    assert page.complaints == []


@pytest.mark.parametrize(("typed", "wanted"), [
    ("overfitting", "03_training_with_callbacks.html"), ("over fitting", "03_training_with_callbacks.html"), ("underfitting", "03_training_with_callbacks.html"),
    ("normali" "sation", "02_unet_anatomy.html"), ("up-sampling", "02_unet_anatomy.html"), ("u-net", "02_unet_anatomy.html"), ("gr" "ey level", "01_data_synthesis.html"),
    ("dataset", "06_your_own_images.html"), ("crossentropy", "03_training_with_callbacks.html"), ("Jaccard", "04_evaluation_and_visualization.html"),
])
def test_search_knows_other_spellings(typed, wanted, reader):
    page = reader("search")
    page.goto(page.url + "?" + urlencode({"q": typed}))
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert any(wanted in link for link in found[:8]), found[:10]
    assert page.complaints == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_strips_of_pictures_reflow_on_a_phone(name, reader):
    """Every picture stands at the size it was drawn for: a strip in as many rows as it takes, a single wide drawing in a box that scrolls."""
    page = reader(name, 360)
    shown = """all => all.map(p => [p.getBoundingClientRect().width, Number(p.getAttribute('width')), Boolean(p.closest('.broad, a:is(.strip, .wide, .widest)'))])"""
    pictures = [p for p in page.locator(".cell_output img").evaluate_all(shown) if p[0]]
    tiles = [p for p in page.locator(".tiles img").evaluate_all(shown) if p[0]]
    assert len(pictures) > 2 and all(width >= 0.6 * drawn for width, drawn, _ in pictures)
    assert all(width >= 0.77 * drawn and (scrolls or width <= 328) for width, drawn, scrolls in tiles)  # 14 pixels of type: 11
    assert len(tiles) >= 4 * page.locator(".tiles").count() > 0 or name == "07_scaling_up"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = reader(name, 1280)
    assert not any(wide.locator(".tiles").nth(i).is_visible() for i in range(wide.locator(".tiles").count()))


def test_figures_are_cut_between_their_pictures(tmp_path):
    """Pictures of figures with known content: rows, headings, legends and charts stay whole, and no drawing is cut."""
    code = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
import matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt, numpy as np
plt.show = lambda: plt.savefig(name)
from helpers import figures
images = np.random.default_rng(0).random((6, 48, 48, 1)) * 0.8
masks = (images > 0.6).astype(np.uint8)
name = "images.png"; figures.show_images(images[:5], [f"scan {{i}}" for i in range(5)], "A heading that runs over more than one picture of its row")
name = "predictions.png"; figures.show_predictions(images[:6], masks, masks, list("abcdef"), "Truth and prediction")
name = "curve.png"; figures.plot_lines(range(9), {{"a": range(9), "b": range(9)}}, "One chart", xlabel="epoch", ylabel="Dice")
name = "history.png"; figures.plot_history(dict(loss=[1, 0.5], val_loss=[1, 0.6], dice=[0.1, 0.7], val_dice=[0.1, 0.6]), "Two charts")
name = "levels.png"; figures.plot_gray_levels(images[0], masks[0], 0.6, "A picture and a chart")"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    found = {path.stem: (strips.read_png(path), strips.tiles(strips.read_png(path))) for path in tmp_path.glob("*.png")}
    shapes = {name: [part.words for part in parts] for name, (_, parts) in found.items()}
    assert shapes["curve"] == [] and shapes["levels"] == shapes["history"] == [False, False]
    assert shapes["images"][-5:] == [False] * 5 and all(shapes["images"][:-5])
    pictures = [part.pixels.shape for part in found["predictions"][1] if not part.words]
    assert len(pictures) == 6 and all(tall > 1.9 * wide for tall, wide, _ in pictures), "a scan and its errors stay together"
    for name, (whole, parts) in found.items():
        ink, kept = (sum(int((one.min(axis=2) < 245).sum()) for one in some) for some in ([whole], [part.pixels for part in parts]))
        assert not parts or kept == ink, f"{name}: something that was drawn is in no tile, or in two"


@pytest.mark.parametrize("name", ["01_data_synthesis", "02_unet_anatomy", "03_training_with_callbacks", "04_evaluation_and_visualization"])
def test_solutions_stay_folded_until_they_are_asked_for(name, reader):
    page = reader(name, 375)
    solutions = page.locator("details", has=page.locator("summary", has_text="Solution"))
    assert solutions.count() >= 5
    for solution in solutions.all():
        code = solution.locator("pre")
        assert code.count() == 1 and not code.is_visible()
    solutions.first.locator("summary").click()
    assert solutions.first.locator("pre").is_visible()


def test_a_term_leads_to_its_entry_in_the_glossary(reader):
    page = reader("02_unet_anatomy", 375)
    page.locator("article").get_by_role("link", name="bottleneck").first.click()
    page.wait_for_url("**/00_start_here.html#bottleneck")
    until(page, "document.querySelector('#bottleneck').getBoundingClientRect().top < 400")
    assert "fewest places" in page.locator("#bottleneck").inner_text()
