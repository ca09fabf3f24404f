"""A JupyterLab, a Chromium, and what a hand on the keyboard does with them."""

import base64
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import numpy as np

from helpers import drawing

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "unet_circles.keras"
SECONDS = 240  # for a whole notebook of the course to run on a busy machine
SETUP = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom helpers import panels"


def browser_path():
    """Return the path of Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def missing() -> str:
    """Return in words what is missing for these tests, or nothing."""
    if importlib.util.find_spec("playwright") is None:
        return "the Python package playwright is not installed (pip install -r requirements-dev.txt)"
    if importlib.util.find_spec("jupyterlab") is None:
        return "JupyterLab is not installed (pip install -r requirements.txt)"
    if browser_path() is None:
        return "there is no Chromium (on Debian and Ubuntu: sudo apt install chromium)"
    return ""


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(notebook, path)


class Lab:
    """A running JupyterLab over a copy of the course: nothing that is saved there reaches the course itself."""

    def __init__(self, folder: Path):
        self.folder = folder / "course"
        (self.folder / "notebooks").mkdir(parents=True)
        self._fill()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(
            json.dumps({"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True})
        )
        self.log = open(folder / "lab.log", "w")
        # A home of its own, so that neither the settings nor the open tabs of whoever runs the tests matter.
        places = {"JUPYTERLAB_SETTINGS_DIR": folder / "settings", "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
                  "JUPYTER_CONFIG_DIR": folder / "config", "JUPYTER_RUNTIME_DIR": folder / "runtime"}
        self.process = subprocess.Popen(
            self._command(), stdout=self.log, stderr=self.log, env={**os.environ, **{k: str(v) for k, v in places.items()}},
        )
        self._wait()

    def _fill(self):
        for name in ("helpers", "models", "web", "README.md"):
            (self.folder / name).symlink_to(ROOT / name)
        for source in (ROOT / "notebooks").glob("*"):
            if source.is_file():
                shutil.copy(source, self.folder / "notebooks")

    def _command(self):
        return [sys.executable, "-m", "jupyter", "lab", "--no-browser", f"--port={self.port}", "--ServerApp.token=",
                "--ServerApp.password=", "--allow-root", f"--ServerApp.root_dir={self.folder}",
                "--LabApp.extension_manager=readonly", "--LabApp.collaborative=False"]

    def _wait(self):
        for _ in range(240):
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/kernelspecs", timeout=60)
                return
            except OSError:
                time.sleep(0.25)
        self.close()
        raise RuntimeError(f"JupyterLab did not start; its log says:\n{Path(self.log.name).read_text()[-2000:]}")

    def url(self, notebook: str) -> str:
        """Return the address of a notebook, in a fresh workspace."""
        return f"http://127.0.0.1:{self.port}/lab/tree/{notebook}?reset"

    def close(self):
        """Stop the server, and with it its kernels."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


def launch(playwright):
    """Start Chromium without its background traffic."""
    arguments = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
    return playwright.chromium.launch(executable_path=browser_path(), args=arguments)


class Bench:
    """A page of JupyterLab with a notebook in it, and the panel that the hand is on."""

    def __init__(self, page):
        self.page, self.complaints, self.questions, self.notebooks = page, [], [], set()
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        # A server that is slow to start asks which kernel to use.
        page.add_locator_handler(page.locator(".jp-Dialog"), self._agree)
        page.on("console", lambda line: line.type == "error" and self.complaints.append(f"console: {line.text}"))

    def _agree(self):
        self.questions.append(self.page.locator(".jp-Dialog").first.inner_text())
        self.page.wait_for_function("() => document.activeElement.classList.contains('jp-mod-accept')")
        self.page.keyboard.press("Enter")

    def open(self, address):
        """Open a notebook and wait until its kernel is idle."""
        self.page.goto(address)
        self.notebooks.add(re.search(r"/lab/tree/(.+?)(?:\?|$)", address).group(1))
        self.page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=180_000)
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for(timeout=300_000)
        # The page calls a kernel idle before it is; the server knows better. Only kernels of this window count: one
        # whose window was closed while it answered stays "busy" on the server for good.
        states = """async paths => (await (await fetch('/api/sessions')).json())
            .filter(s => paths.includes(s.path)).map(s => s.kernel.execution_state)"""
        seen = []
        for _ in range(240):
            seen = self.page.evaluate(states, list(self.notebooks))
            if seen and all(state == "idle" for state in seen):
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"the kernel does not get ready: {seen}")

    def close(self):
        """End the kernels of this window, and the window."""
        self.end_kernels(list(self.notebooks))
        self.page.context.close()

    def run_all(self):
        """Run all cells from the menu, after clearing what the saved notebook holds."""
        self._choose("Edit", "Clear Outputs of All Cells")
        prompts = self.page.locator(".jp-CodeCell .jp-InputPrompt")
        for _ in range(10):
            self._choose("Run", "Run All Cells")
            # A kernel that has only just started says it is idle and loses what it is given: then ask once more.
            for _ in range(25):
                if any(text.strip("[]: \n\u200b") for text in prompts.all_text_contents()):
                    return
                self.page.wait_for_timeout(100)
        raise AssertionError("the kernel takes no cells")

    def finish(self):
        """Wait until the kernel has run all that it was given."""
        idle = self.page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first
        idle.wait_for(timeout=SECONDS * 1000)

    def _choose(self, menu, entry):
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        self.page.get_by_role("menuitem", name=entry, exact=True).click()

    def add_cell(self, source):
        """Write a cell below the last one and run it."""
        self.page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")

    def restart(self):
        """Restart the kernel from the menu, and agree."""
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name=re.compile("^Restart Kernel(…|\\.\\.\\.)")).first.click()
        self.page.wait_for_function("() => document.activeElement.classList.contains('jp-mod-accept')")
        with self.answered("POST", "/restart"):
            self.page.keyboard.press("Enter")

    def save(self):
        """Ask for the notebook to be saved, and wait for the file then: where nothing is new, nothing is sent."""
        self.page.keyboard.press("Control+s")

    def answered(self, method, part):
        """Return a context that ends when the server has answered such a request to an address with this part in it."""
        return self.page.expect_response(lambda answer: answer.request.method == method and part in answer.url)

    def end_kernels(self, paths):
        """Shut the kernels of these notebooks down, as a night does."""
        self.page.evaluate("""async paths => { for (const s of await (await fetch('/api/sessions')).json())
            if (paths.includes(s.path)) await fetch('/api/sessions/' + s.id, {method: 'DELETE', headers: {'X-XSRFToken':
            (document.cookie.match(/_xsrf=([^;]+)/) || [])[1] || ''}}); }""", paths)

    def panel(self, heading, seconds=180, number=0):
        """Return the panel with this heading, once it is drawn, in the middle of the window."""
        panel = self.page.locator(".unet-panel", has_text=heading).nth(number)
        self._reach(panel, seconds)
        panel.locator(".unet-view").first.wait_for(timeout=180_000)
        Held(self.page, panel).center()
        return Held(self.page, panel)

    def _reach(self, panel, seconds):
        # JupyterLab attaches what lies far outside the window only when it is scrolled to.
        end, idle_since = time.monotonic() + seconds, None
        while time.monotonic() < end:
            if panel.count():
                return
            # On a busy machine a young kernel may drop cells that it was given: idle, and some never run. Ask again.
            idle = self.page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").count() > 0
            idle_since = (idle_since or time.monotonic()) if idle else None
            if idle_since and time.monotonic() - idle_since > 10:
                self._choose("Run", "Run All Cells")
                idle_since = None
            errors = self.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']")
            assert not errors.count(), f"a cell failed:\n{errors.first.inner_text()}"
            self.page.evaluate(
                """() => { const w = document.querySelector('.jp-WindowedPanel-outer');
                if (w) { const far = w.scrollTop + w.clientHeight >= w.scrollHeight - 5;
                w.scrollTop = far ? 0 : w.scrollTop + 0.7 * w.clientHeight; } }"""
            )
            self.page.wait_for_timeout(300)
        raise AssertionError("no panel appeared; the last cells may still be running")


def settles(page, check, seconds=20) -> bool:
    """Return whether `check()` comes true in time: a page on a busy machine moves for a while."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        page.wait_for_timeout(50)
    return True


class Held:
    """One panel in the page."""

    def __init__(self, page, panel):
        self.page, self.panel = page, panel

    def center(self):
        """Scroll the panel to the middle of the window."""
        self.panel.evaluate("p => p.scrollIntoView({block: 'center'})")

    def facts(self) -> str:
        """Return the facts beside the picture."""
        return self.panel.locator(".unet-facts").inner_text()

    def answers(self) -> int:
        """Return how many answers the panel has shown."""
        return int(self.panel.get_attribute("data-answer") or 0)

    def spoken(self) -> str:
        """Return what a screen reader is told; the page says it a while after the last answer."""
        return self.panel.locator(".unet-spoken").text_content()

    def message(self) -> str:
        """Return the message under the picture; empty when nothing is wrong."""
        return self.panel.locator(".unet-message").inner_text().strip()

    def image(self, number=0) -> np.ndarray:
        """Return the numbered picture as it is shown, `[h, w, 3]`, one pixel for each of the view's."""
        size, pixels = self.panel.locator("canvas").nth(number).evaluate(_PIXELS)
        return np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(*size, 4)[..., :3]

    def shows(self, result, number=0) -> bool:
        """Return whether the numbered picture is that of a `PanelResult` from Python, pixel by pixel."""
        view = [view for view in result.views if view["kind"] == "picture"][number]
        right = drawing.colored(np.frombuffer(view["values"], np.uint8).reshape(view["shape"]), view["colors"])
        seen = self.image(number)
        return seen.shape == right.shape and bool((seen == right).all())

    def slider(self, label):
        """Return the native input with this label: a slider, or a menu of choices."""
        return self.panel.get_by_label(label, exact=True)

    def number(self, label):
        """Return the field beside a slider, for typing."""
        return self.panel.get_by_label(f"{label}, as a number", exact=True)

    def focus(self, label):
        """Put the keyboard's focus on a slider."""
        self.slider(label).focus()

    def readout(self, label) -> str:
        """Return the number beside a slider."""
        return self.number(label).input_value()

    def press(self, key, times=1):
        """Press a key and wait for the next picture, each time; returns the milliseconds from key to picture."""
        return [self.panel.evaluate(_PRESS_TIMED_SETUP) and self._press(key) for _ in range(times)]

    def _press(self, key):
        self.page.keyboard.press(key)
        return self.page.evaluate("() => window.unetChanged")

    def watch(self):
        """Start to record the facts of every answer the panel shows from now on."""
        self.panel.evaluate(_WATCH)

    def watched(self) -> list[list[str]]:
        """Return the facts of each answer recorded since `watch`, in order."""
        return self.page.evaluate("() => window.unetSeen")

    def until(self, check, what, seconds=30):
        """Wait until `check()` holds."""
        assert settles(self.page, check, seconds), f"waited {seconds} s in vain until {what}; the panel says {self.facts()!r}"


# One pixel of the canvas for each of the picture: canvases are enlarged by whole numbers.
_PIXELS = """c => { const zoom = Number(c.dataset.zoom), w = c.width / zoom, h = c.height / zoom, d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
let s = ''; for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) for (let k = 0; k < 4; k++)
s += String.fromCharCode(d[4 * (Math.floor((y + 0.5) * zoom) * c.width + Math.floor((x + 0.5) * zoom)) + k]);
return [[h, w], btoa(s)]; }"""

_WATCH = """p => { window.unetSeen = []; new MutationObserver(() => window.unetSeen.push(
[...p.querySelectorAll('.unet-facts dd')].map(one => one.textContent))).observe(p, {attributes: true, attributeFilter: ['data-answer']}); }"""

# The clock starts when the page gets the key and stops when the new pictures are drawn and about to be shown.
_PRESS_TIMED_SETUP = """p => { window.unetChanged = new Promise(done => {
let start = 0; document.addEventListener('keydown', () => { start = performance.now(); }, {once: true, capture: true});
const o = new MutationObserver(() => { o.disconnect(); requestAnimationFrame(() => done(performance.now() - start)); });
o.observe(p, {attributes: true, attributeFilter: ['data-answer']}); }); return true; }"""
