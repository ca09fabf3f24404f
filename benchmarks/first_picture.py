"""How long from `git clone` to the first picture, with no package cached, and to the first slider? (Linux, Chromium.)

    python benchmarks/first_picture.py                 measures, writes first_picture.md and the sizes in the README
    python benchmarks/first_picture.py --print         measures and prints
    python benchmarks/first_picture.py --source URL    clones from there; default: this repository

Each part is timed by itself, and what comes over the network is counted in megabytes, so that the time on a network of
20 MB/s can be told wherever this runs. The new environment is made with the Python that runs this script.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tools")]

import nbformat
import ready
from jupyter_page import Bench, Lab, launch, missing

NETWORK = 20  # MB/s of the network that the bounds are given for
BOUNDS = {"picture": 180, "slider": 60}  # seconds
FIRST = "00_start_here"
SIZES = re.compile(r"(?<=<!-- sizes -->\n).*?(?=<!-- end of sizes -->)", re.DOTALL)
PLATFORMS = {"Windows": "x86_64-pc-windows-msvc", "macOS": "aarch64-apple-darwin"}


def timed(*command, **options) -> float:
    """Run a command and return its seconds; its own words are shown only if it fails."""
    started = time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - started


def size(folder: Path) -> float:
    """Return the megabytes of all files below a folder; a file with several names counts once."""
    files = {(s.st_dev, s.st_ino): s.st_size for path in folder.rglob("*") if path.is_file() for s in [path.lstat()]}
    return sum(files.values()) / 1e6


def install(folder: Path, source: str) -> tuple[Path, list[tuple[str, float, float]], float]:
    """Clone, make the environment, download and install; returns `(course, parts, installed MB)`.

    A part is `(name, seconds, MB over the network)`. Download and installation, which `make lab` does in one command,
    are two here, with the same pip and the same list of versions and hashes.
    """
    course, shelf = folder / "course", folder / "shelf"
    if "://" not in source:
        source = Path(source).resolve().as_uri()  # as over a network: packed, not linked
    parts = [("git clone", timed("git", "clone", "--quiet", source, course), 0.0)]
    parts[0] = (*parts[0][:2], size(course / ".git"))
    parts.append(("environment", timed(sys.executable, "-m", "venv", course / ".venv"), 0.0))
    pip = [course / ".venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
    wanted = ["--require-hashes", "-r", course / "locked" / "lab.txt"]
    seconds = timed(*pip, "download", "--quiet", "--dest", shelf, *wanted)
    parts.append(("download of the packages", seconds, size(shelf)))
    seconds = timed(*pip, "install", "--quiet", "--no-index", "--find-links", shelf, *wanted, env={**os.environ, "PIP_CONFIG_FILE": os.devnull})
    parts.append(("installation", seconds, 0.0))
    return course, parts, size(course / ".venv")


class FreshLab(Lab):
    """The JupyterLab of the new environment, over the new clone itself."""

    def __init__(self, folder: Path, course: Path):
        self.course = course
        super().__init__(folder)

    def _command(self):
        return [str(self.course / ".venv" / "bin" / "python"), *super()._command()[1:]]

    def _fill(self):
        for path in self.course.iterdir():
            if path.name not in (".venv", ".git", "notebooks"):
                (self.folder / path.name).symlink_to(path)
        for path in (self.course / "notebooks").iterdir():
            shutil.copy(path, self.folder / "notebooks")


def cells_to(notebook, wanted) -> int:
    """Return how many times Shift+Enter is pressed until the first cell that is `wanted` has been run; 0 if there is none."""
    for i, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and wanted(cell):
            return i + 1
    return 0


def draws(cell) -> bool:
    """Return whether a cell shows a picture."""
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def look(folder: Path, course: Path) -> tuple[list[tuple[str, float, float]], float | None]:
    """Start JupyterLab and run the first notebook by hand, in Chromium: `(parts, seconds from opening it to a moved slider)`."""
    from playwright.sync_api import sync_playwright

    notebook = nbformat.read(course / "notebooks" / f"{FIRST}.ipynb", as_version=4)
    first = cells_to(notebook, lambda cell: "setup" in cell.metadata.get("tags", []))
    picture, slider = cells_to(notebook, draws), cells_to(notebook, lambda cell: "_panel(" in cell.source)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        started = time.perf_counter()
        lab = FreshLab(folder / "lab", course)
        parts = [("start of JupyterLab", time.perf_counter() - started, 0.0)]
        try:
            page = browser.new_context(viewport={"width": 1366, "height": 900}).new_page()
            bench = Bench(page)
            opened = before = time.perf_counter()
            bench.open(lab.url(f"notebooks/{FIRST}.ipynb"))
            page.evaluate("() => 0")
            bench._choose("Edit", "Clear Outputs of All Cells")
            parts.append(("the notebook is open, its kernel ready", time.perf_counter() - before, 0.0))
            before = time.perf_counter()
            page.locator(".jp-Notebook .jp-Cell").first.click()
            pressed = 0
            for goal, name in ((first, "first cell"), (picture, "first picture")):
                for _ in range(goal - pressed):
                    page.keyboard.press("Shift+Enter")
                pressed = goal
                if name == "first cell":
                    page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[1]").first.wait_for(timeout=120_000)
                else:
                    page.locator(".jp-OutputArea-output img").first.wait_for(timeout=120_000)
                parts.append((name, time.perf_counter() - before, 0.0))
                before = time.perf_counter()
            moved = None
            if slider:
                for _ in range(slider - pressed):
                    page.keyboard.press("Shift+Enter")
                panel = bench.panel("The difficulty dial")
                shown = panel.image()
                panel.focus("noise")
                page.keyboard.press("ArrowRight")
                panel.until(lambda: panel.image() != shown, "the picture changes", 60)
                moved = time.perf_counter() - opened
        finally:
            lab.close()
            browser.close()
    return parts, moved


def sizes_elsewhere() -> dict[str, float]:
    """Return the megabytes that other systems download, from the sizes that the package index states."""
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    found = {}
    for name, target in PLATFORMS.items():
        command = [uv, "pip", "compile", "--quiet", "--no-python-downloads", "requirements.txt", "-c", "constraints.txt",
                   "--python-version", "3.12", "--python-platform", target, "--format", "pylock.toml"]
        lock = tomllib.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
        files = [max(package.get("wheels") or [package.get("sdist")], key=lambda file: file["size"]) for package in lock["packages"]]
        found[name] = sum(file["size"] for file in files) / 1e6
    return found


def main(arguments=None) -> None:
    """Measure, print, and write the table and the README's sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default=str(ROOT), help="what to clone; default: this repository")
    parser.add_argument("--print", action="store_true", dest="only_print", help="write nothing")
    options = parser.parse_args(arguments)
    if missing():
        sys.exit(f"this needs a browser: {missing()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        course, parts, installed = install(folder, options.source)
        seen, moved = look(folder, course)
    parts += seen
    downloaded = next(megabytes for part, _, megabytes in parts if part.startswith("download"))
    elsewhere = sizes_elsewhere()
    lines = [
        "# From git clone to the first picture, and to the first slider", "",
        (f"Made by `python benchmarks/first_picture.py` with Python {'.'.join(map(str, sys.version_info[:3]))}, {os.cpu_count()} cores, "
         f"load {os.getloadavg()[0]:.1f}. No package was cached. Over the network here stands what was sent; the last column adds its "
         f"time at {NETWORK} MB/s to the time measured here, which already holds a faster transfer, so it is an upper bound."), "",
        f"| part | seconds here | MB over the network | seconds at {NETWORK} MB/s |", "| --- | ---: | ---: | ---: |",
    ]
    for part, seconds, megabytes in parts:
        lines.append(f"| {part} | {seconds:.1f} | {f'{megabytes:.0f}' if megabytes else ''} | {seconds + megabytes / NETWORK:.1f} |")
    here, there = sum(p[1] for p in parts), sum(p[1] + p[2] / NETWORK for p in parts)
    lines.append(f"| all, to the first picture | {here:.0f} | {sum(p[2] for p in parts):.0f} | {there:.0f} (bound {BOUNDS['picture']}) |")
    if moved is None:
        lines += ["", f"{FIRST} holds no slider."]
    else:
        lines += ["", f"From opening {FIRST} to a picture that followed its first slider: {moved:.0f} s (bound {BOUNDS['slider']})."]
    lines += ["", f"Installed: {installed / 1000:.1f} GB. Download elsewhere, by the package index's own sizes: "
              + ", ".join(f"{name} {megabytes:.0f} MB" for name, megabytes in elsewhere.items()) + "."]
    print(*lines, sep="\n")
    assert installed / 1000 < ready.INSTALLED and downloaded / 1000 < ready.DOWNLOADED, "tools/ready.py asks for too little space"
    if options.only_print:
        return
    (HERE / "first_picture.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    readme = ROOT / "README.md"
    text = (
        f"To download: {downloaded:.0f} MB on Linux, {elsewhere['Windows']:.0f} MB on Windows, {elsewhere['macOS']:.0f} MB on macOS. Installed: "
        f"{installed / 1000:.1f} GB (Linux). From `git clone` to the first picture: "
        f"{there / 60:.1f} minutes where the connection gives {NETWORK} MB/s ([measured](benchmarks/first_picture.md), part by part).\n"
    )
    readme.write_text(SIZES.sub(lambda _: text, readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
