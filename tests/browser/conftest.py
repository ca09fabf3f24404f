"""One JupyterLab and one Chromium for the tests of this folder.

Without Chromium or Playwright the tests are skipped, and say so; with UNET_COURSE_REQUIRE_BROWSER=1 they fail.
"""

import os
from pathlib import Path

import pytest
from jupyter_page import Bench, Lab, launch, missing


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A JupyterLab over a copy of the course, for all tests of this folder."""
    lack = missing()
    if lack and os.environ.get("UNET_COURSE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"the browser tests are required here, but {lack}")
    if lack:
        pytest.skip(f"browser tests skipped: {lack}")
    server = Lab(tmp_path_factory.mktemp("lab"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium(lab):
    """One browser for all tests of this folder."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def bench(chromium):
    """A fresh window, as wide as a small laptop's."""
    context = chromium.new_context(viewport={"width": 1366, "height": 900})
    page = context.new_page()
    page.set_default_timeout(120_000)  # a busy machine may take its time
    bench = Bench(page)
    yield bench
    bench.close()


@pytest.fixture
def screenshots(tmp_path):
    """The folder for pictures of the panels: $UNET_COURSE_SCREENSHOTS, or a temporary one."""
    folder = Path(os.environ.get("UNET_COURSE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
