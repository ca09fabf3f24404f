"""Take the README's picture of a panel: the stress test, as it stands on the site's page of notebook 04.

    python models/panel.py      after `make site`; needs Chromium and the package playwright
"""

import functools
import http.server
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "browser")]

from jupyter_page import launch  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

SETTINGS = {"noise": "0.3"}  # which the README's alt text names


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves the site without a line for each file."""

    def log_message(self, *arguments):
        """Say nothing."""


def main() -> None:
    """Open the page, set the panel's sliders, and write panel.png."""
    handler = functools.partial(Quiet, directory=HERE.parent / "site" / "_build" / "html")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_context(viewport={"width": 1280, "height": 1200}, device_scale_factor=2, color_scheme="light").new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/04_evaluation_and_visualization.html")
        panel = page.locator("#live-stress .unet-panel")
        panel.scroll_into_view_if_needed()
        for name, value in SETTINGS.items():
            slider = panel.get_by_role("slider", name=name)
            slider.fill(value)
            slider.blur()
        page.wait_for_timeout(1500)
        panel.screenshot(path=HERE / "panel.png")
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
