"""How fast the panels answer, beside the usual way (Matplotlib and `model.predict`), in one run.

    python benchmarks/panels.py             panel.noise = ... to the new views in the panel
    python benchmarks/panels.py --browser   also: a key press in JupyterLab to the new picture, in Chromium

Every number is taken in turns, ours and the usual way, so that a busy machine slows both. Writes panels.md beside this file.
"""

import argparse
import contextlib
import gc
import io
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "browser")]
os.environ["MPLBACKEND"] = "Agg"

import ipywidgets  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402

from helpers import panels  # noqa: E402
from helpers.evaluation import best_threshold, dice_per_image  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402

ROUNDS = 12  # turns between ours and the usual way
REPORT = Path(__file__).with_suffix(".md")
EACH = 20  # updates of ours a turn; the usual way gets 2


def milliseconds(work) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


class Mover:
    """Moves one slider of a panel to and fro, and sees that each step brings a new picture."""

    def __init__(self, panel, dial):
        self.panel, self.dial, values = panel, dial, panel.dials[dial].values
        if isinstance(values, list):
            self.places = values
        else:
            low, high, step = values
            self.places = [low + i * step for i in range(round((high - low) / step) + 1)]
        self.places, self.at = self.places + self.places[-2:0:-1], 0

    def __call__(self):
        self.at = (self.at + 1) % len(self.places)
        setattr(self.panel, self.dial, self.places[self.at])

    def timed(self) -> float:
        """Return the milliseconds of one step."""
        before = repr(self.panel.answer["views"])
        taken = milliseconds(self)
        assert not self.panel.answer["message"], self.panel.answer["message"]
        assert repr(self.panel.answer["views"]) != before, f"{self.panel.title}: the same views at {self.panel.settings}"
        return taken


def usual(places, model=None):
    """Return a slider step the usual way: the same four tiles as a Matplotlib figure, with `model.predict`."""
    turn = iter(np.tile(places, 1000))
    image_widget = ipywidgets.Image(format="png")

    def step():
        scene = CircleScene(96, 4, 10, 0.4, float(next(turn)), 1.0, 0.6, 2)
        image, mask = panels.draw_steady(scene, 44)
        level, dice = best_threshold(mask[None], image[None])
        figure, axes = plt.subplots(1, 4, figsize=(8, 2.4))
        axes[0].imshow(image[..., 0], cmap="gray", vmin=0, vmax=1)
        if model is None:
            axes[1].imshow(mask[..., 0])
            axes[2].hist(image[mask == 0], 48, range=(0, 1), density=True)
            axes[2].hist(image[mask == 1], 48, range=(0, 1), density=True, histtype="step")
            axes[2].axvline(level)
        else:
            chance = model.predict(image[None], verbose=0)[0]
            dice = dice_per_image(mask[None], (chance >= 0.5)[None])[0]
            axes[0].contour(mask[..., 0], [0.5])
            axes[1].imshow(chance[..., 0], cmap="cividis")
            axes[2].imshow(2 * mask[..., 0] + (chance[..., 0] >= 0.5))
        axes[3].imshow(2 * mask[..., 0] + (image[..., 0] >= level))
        axes[3].set_title(f"Dice {dice:.2f}")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight")  # what the inline backend does
        plt.close(figure)
        image_widget.value = buffer.getvalue()

    return step


def network(name="unet_circles.keras"):
    """Return a network that ships."""
    from helpers.training import load_network

    return load_network(ROOT / "models" / name)


def a_flip_book(model):
    """Return a flip book of ten pages."""
    from helpers.panels.callbacks import FlipBook

    book = FlipBook(*make_dataset(3, seed=5))
    book.set_model(model)
    book.on_train_begin()
    for epoch in range(9):
        book.on_epoch_end(epoch)
    return book


def updates() -> bool:
    """Measure every panel and print a table; returns whether all bounds hold."""
    from helpers.instances import split_objects
    from helpers.training import predict

    model, classes = network(), network("unet_classes.keras")
    methods = {"Watershed": lambda images: split_objects(predict(model, images))}
    noise = np.linspace(0, 0.5, 51)
    rows = {
        "difficulty dial (01)": (Mover(panels.difficulty_panel(), "noise"), 15, usual(noise)),
        "architect (02)": (Mover(panels.architect_panel(), "depth"), 15, None),
        "feature viewer (02)": (Mover(panels.feature_panel(model, make_dataset(4, seed=5)[0]), "level"), 50, None),
        "schedule (03)": (Mover(panels.schedule_panel(), "steps"), 15, None),
        "flip book (03)": (Mover(panels.flip_panel(a_flip_book(model)), "page"), 15, None),
        "stress test (04)": (Mover(panels.stress_panel(model), "noise"), 50, usual(noise, model)),
        "counting (08)": (Mover(panels.counting_panel(methods), "circles"), 50, None),
        "balance of classes (09)": (Mover(panels.balance_panel(classes), "noise"), 50, None),
    }
    ours, theirs = {name: [] for name in rows}, {name: [] for name in rows}
    for mover, _, other in rows.values():
        mover()
        if other:
            other()
    for _ in range(ROUNDS):
        for name, (mover, _, other) in rows.items():
            ours[name] += [mover.timed() for _ in range(EACH)]
            if other:
                theirs[name] += [milliseconds(other) for _ in range(2)]
    print("| panel | median, ms | p95, ms | bound (median / p95) | usual way, ms | times faster | holds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
    good = True
    for name, (_, bound, _) in rows.items():
        median, p95 = np.median(ours[name]), np.quantile(ours[name], 0.95)
        slow = np.median(theirs[name]) if theirs[name] else None
        holds = bool(median <= bound and p95 <= 2 * bound and (slow is None or slow >= 7 * median))
        good &= holds
        versus = f"{slow:.0f} | {slow / median:.0f}" if slow else " | "
        print(f"| {name} | {median:.1f} | {p95:.1f} | {bound} / {2 * bound} | {versus} | {'yes' if holds else 'NO'} |")
    return good


def resident() -> float:
    """Return the memory of this process, MB."""
    return psutil.Process().memory_info().rss / 1e6


def memory() -> None:
    """Drag a slider from end to end a hundred times and print what that left behind."""
    mover = Mover(panels.difficulty_panel(), "noise")

    def drag(times):
        for _ in range(times * 50):
            mover()
        gc.collect()

    drag(10)
    before = resident()
    drag(100)
    print(f"\nA hundred drags from end to end (5,000 pictures): {resident() - before:+.1f} MB of memory.")


def ten_quick_presses(bench, panel) -> bool:
    """Press a key ten times without waiting; returns whether the last picture is the one that ten slow presses give."""
    def pressed(waiting):
        panel.panel.get_by_role("button", name="Reset").click()
        bench.page.wait_for_timeout(1500)
        panel.focus("noise")
        for _ in range(10):
            panel.press("ArrowRight") if waiting else bench.page.keyboard.press("ArrowRight")
        bench.page.wait_for_timeout(1500)
        return panel.readout("noise"), panel.facts(), panel.image().tolist()

    return pressed(True) == pressed(False)


def a_hundred_drags(bench, panel) -> float:
    """Drag a slider from end to end a hundred times; returns by how much the page's memory grew, MB, after its garbage is gone."""
    session = bench.page.context.new_cdp_session(bench.page)

    def used():
        session.send("HeapProfiler.collectGarbage")
        return session.send("Runtime.getHeapUsage")["usedSize"] / 1e6

    def drag(times):
        for i in range(times):
            before = panel.answers()
            panel.slider("noise").fill("0.5" if i % 2 else "0")
            panel.until(lambda: panel.answers() > before, "the panel answers", 20)

    drag(10)
    before = used()
    drag(100)
    return used() - before


def in_browser(presses=30) -> bool:
    """Measure key press to picture in JupyterLab, then ten quick presses and a hundred drags; returns whether all is well."""
    import jupyter_page
    from playwright.sync_api import sync_playwright

    lack = jupyter_page.missing()
    if lack:
        print(f"\nNot measured in a browser: {lack}.")
        return False
    setup = f"{jupyter_page.SETUP}\nfrom helpers.training import load_network\n"
    setup += f"model = load_network({str(jupyter_page.MODEL)!r})"
    lab, good = jupyter_page.Lab(Path(tempfile.mkdtemp())), True
    try:
        with sync_playwright() as playwright:
            browser = jupyter_page.launch(playwright)
            print("\n| in JupyterLab, key to picture | median, ms | p95, ms | bound (median) | ten quick presses end right | page's memory "
                  "after a hundred drags, MB | holds |")
            print("| --- | ---: | ---: | ---: | --- | ---: | --- |")
            for name, heading, cells in (
                ("difficulty dial (01)", "The difficulty dial", (jupyter_page.SETUP, "panels.difficulty_panel()")),
                ("stress test (04)", "The stress test", (setup, "panels.stress_panel(model)")),
            ):
                jupyter_page.write_notebook(lab.folder / f"{name[:4]}.ipynb", *cells)
                page = browser.new_page(viewport={"width": 1366, "height": 900})
                bench = jupyter_page.Bench(page)
                bench.open(lab.url(f"{name[:4]}.ipynb"))
                bench.run_all()
                panel = bench.panel(heading)
                panel.focus("noise")
                panel.press("ArrowRight", 3)
                taken = panel.press("ArrowRight", presses)
                right, grown = ten_quick_presses(bench, panel), a_hundred_drags(bench, panel)
                median = np.median(taken)
                holds = bool(median < 80 and right and grown < 5)
                good &= holds
                print(f"| {name} | {median:.0f} | {np.quantile(taken, 0.95):.0f} | 80 | {'yes' if right else 'NO'} | {grown:+.1f} | "
                      f"{'yes' if holds else 'NO'} |")
                page.close()
            browser.close()
    finally:
        lab.close()
    return good


def main() -> int:
    """Run the command line; the exit status says whether all bounds hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--browser", action="store_true", help="also measure in JupyterLab, with Chromium")
    options = parser.parse_args()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        good = measure(options.browser)
    print(said.getvalue())
    command = "python benchmarks/panels.py" + " --browser" * options.browser
    heading = f"# How fast the panels answer\n\nMade by `{command}`; with `--browser`, key to picture in JupyterLab is measured, too.\n\n"
    REPORT.write_text(heading + said.getvalue(), encoding="utf-8")
    return 0 if good else 1


def measure(browser: bool) -> bool:
    """Measure and print all tables; returns whether all bounds hold."""
    import cv2
    import keras

    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{os.cpu_count()} cores{load}; Python {platform.python_version()}, OpenCV {cv2.__version__}, Keras "
          f"{keras.__version__}, ipywidgets {ipywidgets.__version__}.\n")
    good = updates()
    memory()
    if browser:
        good &= in_browser()
    return good


if __name__ == "__main__":
    sys.exit(main())
