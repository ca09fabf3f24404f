"""Measure the live pages in headless Chromium, and write benchmarks/web.md.

    make site, then python benchmarks/web.py

The site must be built. Times are of this machine, with all that runs beside it; see the load in the table's head.
"""

import functools
import http.server
import json
import os
import platform
import statistics
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser"), str(ROOT / "tools")]

import numpy as np  # noqa: E402
import web  # noqa: E402
from helpers import MODELS  # noqa: E402
from helpers.synthesis import make_dataset  # noqa: E402
from helpers.training import load_network, predict  # noqa: E402
from jupyter_page import launch  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

HTML = ROOT / "site" / "_build" / "html"
SLIDER = """async () => {
  await window.unet.ready;
  const input = document.getElementById('noise'), times = [];
  for (let i = 0; i < 120; i++) {
    input.value = 0.1 + 0.002 * i;
    const start = performance.now();
    input.dispatchEvent(new Event('input'));
    document.getElementById('scan').getContext('2d').getImageData(0, 0, 1, 1);  // the picture is there
    times.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 5));
  }
  return times;
}"""
LEARN = """async (seed) => {
  const opened = performance.timeOrigin, reached = {};
  await window.playground.ready;
  if (seed > 1) { window.playground.settings = { seed }; await window.playground.reset(); }
  const start = seed > 1 ? performance.now() : 0;  // the first seed counts from the opening of the page
  for (let i = 0; i < 60 && !(0.9 in reached); i++) {
    await window.playground.train(20);
    const dice = await window.playground.dice();
    for (const goal of [0.8, 0.9]) if (dice >= goal && !(goal in reached)) reached[goal] = (performance.now() - start) / 1000;
  }
  return reached;
}"""
STEPS = 300


def longest_task(browser, page):
    """Return the longest task of the page's main thread during training, as `(processor, wall)` in milliseconds.

    On a machine that does other things as well, the wall time holds the time in which the browser was not running at all.
    """
    page.evaluate("window.playground.ready")
    browser.start_tracing(page=page, categories=["toplevel"])
    page.evaluate(f"window.playground.train({STEPS})")
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"}
    tasks = [e for e in events if e["name"].endswith("RunTask") and "tdur" in e and (e["pid"], e["tid"]) in main]
    return [max(task[key] for task in tasks) / 1000 for key in ("tdur", "dur")]


def serve():
    """Serve the built site from this machine; returns its address."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def first_answer(browser, address):
    """Return the bytes that the first screen transfers, and the seconds to its first answer on a processor slowed 4 times."""
    page = browser.new_page()
    session, sizes = page.context.new_cdp_session(page), []
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    start = time.perf_counter()
    page.goto(f"{address}/index.html")
    page.evaluate("window.unet.ready")
    seconds = time.perf_counter() - start
    page.wait_for_timeout(500)
    page.close()
    return sum(sizes), seconds


def main() -> None:
    """Measure and write the table."""
    load = os.getloadavg()[0]
    address = serve()
    with sync_playwright() as playwright:
        browser = launch(playwright)
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        images = make_dataset(20, seed=8)[0]
        ours = [page.evaluate("async (x) => [...await window.unet.predict(Float32Array.from(x))]", one.ravel().tolist()) for one in images]
        apart = np.abs(np.reshape(ours, images.shape) - predict(load_network(MODELS / "unet_circles.keras"), images)).max()
        slider = sorted(page.evaluate(SLIDER))
        transferred, seconds = first_answer(browser, address)
        reached = []
        for seed in range(1, 6):
            page = browser.new_page()
            page.goto(f"{address}/playground.html")
            reached.append(page.evaluate(LEARN, seed))
            page.close()
        page = browser.new_page()
        page.goto(f"{address}/playground.html")
        pause = longest_task(browser, page)
        browser.close()
    files = [*(web.WEB / "engine").glob("*.?s"), web.WEB / "scene.js"]
    lines = sum(bool(line.strip()) for path in files for line in path.read_text(encoding="utf-8").splitlines())

    def times(goal):
        return ", ".join(f"{one[goal]:.1f}" if goal in one else "not reached" for one in reached)

    rows = [
        ("page against Keras, largest difference of probability, 20 scans", f"{apart:.1e}", "1e-4"),
        ("slider to picture with the network's answer, median / p95", f"{statistics.median(slider):.0f} / {slider[int(0.95 * len(slider))]:.0f} ms", "16 / 33 ms"),
        ("to Dice 0.80 on 24 unseen scenes, default settings, seeds 1 to 5", f"{times('0.8')} s", "6 s, all five"),
        ("to Dice 0.90", f"{times('0.9')} s", "20 s, four of five"),
        (f"longest task of the main thread while training {STEPS} steps, processor / wall", "{:.0f} / {:.0f} ms".format(*pause), "50 ms"),
        ("first screen, transferred", f"{transferred / 1e6:.2f} MB", "1 MB"),
        ("from navigation to the first answer, processor slowed four times", f"{seconds:.1f} s", "3 s"),
        ("engine and scenes, lines that are not empty", str(lines), "700"),
    ]
    text = ["# The live pages", "", f"Made by `python benchmarks/web.py` in headless Chromium on {os.cpu_count()} cores, no GPU; "
            f"Python {platform.python_version()}, load {load:.1f} at the start.", "", "| figure | measured | bound |", "| --- | --- | --- |"]
    text += [f"| {name} | {value} | {bound} |" for name, value, bound in rows]
    (HERE / "web.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
