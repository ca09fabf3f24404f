"""Run the notebooks as they would run elsewhere: with Colab's versions, or with Binder's pins, one core and 2 GB.

    python tools/platforms.py colab            all notebooks        (make test-colab)
    python tools/platforms.py binder           all notebooks        (make test-binder; Linux only)
    python tools/platforms.py binder 00 05     some of them
    python tools/platforms.py binder --install make the environment and stop
    python tools/platforms.py colab --today    fetch the versions that Colab has today, and say where they are

The environment is made in `.venv-colab` or `.venv-binder`, anew whenever its list of packages has changed. What came out
is written into the tables of benchmarks/platforms.md.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLES = ROOT / "benchmarks" / "platforms.md"
PYTHON = "3.12"
LIMIT = 2 * 1024**3  # bytes that Binder gives a session, JupyterLab included
COLAB = "https://raw.githubusercontent.com/googlecolab/backend-info/main/"  # where Colab publishes what it has
LISTS = {"colab": ROOT / "colab" / "requirements.txt", "binder": ROOT / "binder" / "requirements.txt"}


# --- the environment --------------------------------------------------------------------------------------------------


def find_python(version=PYTHON) -> str:
    """Return the path of a Python of this version, or stop with a sentence."""
    name = "python" + version
    candidates = [sys.executable, shutil.which(name), *sorted(map(str, Path.home().glob(f".pyenv/versions/{version}*/bin/{name}")))]
    for candidate in filter(None, candidates):
        ask = subprocess.run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], capture_output=True, text=True)
        if ask.stdout.strip() == version:
            return candidate
    sys.exit(f"This test needs Python {version}, and none was found. Install it, or name it: --python /path/to/{name}")


def environment(platform: str, packages: Path, python: str) -> Path:
    """Make the platform's environment if there is none for this list of packages; returns its Python."""
    folder = ROOT / f".venv-{platform}"
    bin_python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    version = subprocess.run([python, "--version"], capture_output=True, check=True).stdout
    stamp, wanted = folder / "made-for", hashlib.sha256(packages.read_bytes() + version).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return bin_python
    print(f"making {folder.name} from {packages}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", str(bin_python)] if uv else [str(bin_python), "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", "-r", str(packages)], check=True)
    if platform == "binder":
        complete(bin_python, packages)
    stamp.write_text(wanted)
    return bin_python


def complete(python: Path, pins: Path) -> None:
    """Stop unless what is installed is exactly what is pinned: a package without a pin would drift."""
    code = "from importlib.metadata import distributions as d; print(*(f\"{x.metadata['Name']}=={x.version}\" for x in d()))"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout
    plain = {_plain(line) for line in found.split() if not line.startswith("pip==")}
    pinned = {_plain(pin) for pin in re.findall(r"^[\w.-]+==[^\s;]+", pins.read_text(encoding="utf-8"), re.MULTILINE)}
    if plain != pinned:
        sys.exit(f"pinned and not installed: {pinned - plain or 'none'}; installed and not pinned: {plain - pinned or 'none'}. Run make lock.")


def todays_list(source=COLAB) -> tuple[Path, str]:
    """Return the path of a list with Colab's versions of today, and its Python; the committed list if there is no answer.

    Only the packages that the committed list names are taken over: several hundred others have nothing to do with us.
    """
    try:
        frozen, system = (urllib.request.urlopen(source + name, timeout=30).read().decode() for name in ("pip-freeze.txt", "os-info.txt"))
        python = re.search(r"^Python (\d+\.\d+)", system, re.MULTILINE).group(1)
        versions = {_plain(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s+]+)", frozen, re.MULTILINE)}
        named = re.findall(r"^[\w-]+", LISTS["colab"].read_text(encoding="utf-8"), re.MULTILINE)
        if "tensorflow" not in versions:
            raise ValueError("the list names no tensorflow")
    except (OSError, ValueError, AttributeError) as error:
        print(f"Colab's list of today cannot be read ({error}); the committed one stands in.", file=sys.stderr)
        return LISTS["colab"], PYTHON
    lines = [f"{name}=={versions[_plain(name)]}" if _plain(name) in versions else name for name in named]
    path = Path(tempfile.gettempdir()) / "unet-course-colab-today.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("Colab has today: Python", python, *lines, file=sys.stderr)
    return path, python


def _plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# --- Binder's cage: one core, 2 GB for JupyterLab and kernel together --------------------------------------------------


def make_cage() -> Path | None:
    """Return a control group (cgroup) with Binder's limit, below that of this process, or None where we may not make one.

    A limit on the address space (`ulimit -v`, RLIMIT_AS) would not do: TensorFlow reserves many gigabytes of addresses
    that it never uses, and would fail at once. What counts on Binder is the memory that is really held.
    """
    own = Path("/proc/self/cgroup").read_text()
    old, new = re.search(r"^\d+:(?:.*,)?memory(?:,.*)?:/(.*)$", own, re.MULTILINE), re.search(r"^0::/(.*)$", own, re.MULTILINE)
    places = [("/sys/fs/cgroup/memory", old, "memory.limit_in_bytes"), ("/sys/fs/cgroup", new, "memory.max")]
    for root, group, limit in places:
        cage = Path(root) / (group.group(1) if group else "") / f"unet-course-{os.getpid()}"
        if group and (cage.parent / "cgroup.procs").exists():
            try:
                cage.mkdir()
                (cage / limit).write_text(str(LIMIT))
                if (cage / "memory.swap.max").exists():
                    (cage / "memory.swap.max").write_text("0")
                return cage
            except OSError:  # not allowed, or the group of this process may not be divided
                if cage.exists():
                    cage.rmdir()
    return None


class Watch(threading.Thread):
    """Adds up, ten times a second, the memory that some processes and their children hold, and remembers the most.

    Where there is no cage it ends them when they hold more than the limit, as Binder would.
    """

    def __init__(self, roots, enforce: bool):
        super().__init__(daemon=True)
        self.roots, self.enforce, self.peak, self.over, self.stopped = roots, enforce, 0, False, threading.Event()

    def run(self):
        """Measure until stopped."""
        while not self.stopped.wait(0.1):
            family = self.family()
            held = sum(map(_resident, family))
            self.peak = max(self.peak, held)
            if self.enforce and held > LIMIT:
                self.over = True
                for process in family:
                    _end(process)

    def family(self):
        """Return the numbers of the watched processes: the roots and all their descendants."""
        children = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (OSError, ValueError, IndexError):
                    continue
                children.setdefault(parent, []).append(int(entry.name))
        found, todo = [], [p for p in self.roots() if Path(f"/proc/{p}").exists()]
        while todo:
            found.append(todo.pop())
            todo += children.get(found[-1], [])
        return set(found)


def _resident(process):
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _end(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def binder(python: Path):
    """Give `(environment variables, arguments for nbval, watch)`: kernels in the cage, and a JupyterLab beside them.

    The kernel and JupyterLab start as on Binder, through binder/start. The test runner itself is left out of the count.
    """
    cage = make_cage()
    enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(cage)] if cage else []
    start = [*enter, "taskset", "-c", "0", "bash", str(ROOT / "binder" / "start"), str(python)]
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "data" / "kernels" / "caged"
        spec.mkdir(parents=True)
        note = Path(folder) / "kernel"  # the kernel's process writes its number here before it starts
        argv = ["sh", "-c", f'echo $$ > "{note}"; exec "$@"', "caged", *start, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "caged", "language": "python"}))
        variables = {**os.environ, "MEM_LIMIT": str(LIMIT), "JUPYTER_PATH": f"{folder}/data", "JUPYTER_CONFIG_DIR": f"{folder}/config",
                     "JUPYTER_RUNTIME_DIR": f"{folder}/runtime", "JUPYTER_PLATFORM_DIRS": "1"}
        log = Path(folder) / "lab.log"
        server = subprocess.Popen(
            [*start, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={ROOT}"],
            env=variables, stdout=log.open("w"), stderr=subprocess.STDOUT,
        )
        watch = Watch(lambda: [server.pid, *([int(note.read_text())] if note.exists() and note.read_text().strip() else [])], cage is None)
        try:
            for _ in range(600):
                if "is running at" in log.read_text():
                    break
                if server.poll() is not None:
                    sys.exit(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            watch.start()
            yield variables, ["--nbval-kernel-name=caged"], watch
        finally:
            watch.stopped.set()
            server.terminate()
            server.wait(30)
            if cage:
                for _ in range(50):
                    try:
                        cage.rmdir()
                        break
                    except OSError:  # a process of it is still ending
                        time.sleep(0.1)


@contextmanager
def plain(python: Path):
    """Give what `binder` gives, without a cage and without a count."""
    yield dict(os.environ), ["--nbval-current-env"], None


# --- the run ----------------------------------------------------------------------------------------------------------


def without_more_memory(notebook: Path, folder: Path) -> Path:
    """Return a copy of a notebook without the cells tagged `more-memory`, which say on Binder that they do not fit there.

    A student goes on with the next section, and so does this test. A notebook without such cells is returned itself.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if "more-memory" not in cell["metadata"].get("tags", [])]
    if len(cells) == len(content["cells"]):
        return notebook
    (folder / "notebooks").mkdir()
    (folder / "helpers").symlink_to(ROOT / "helpers")  # the setup cell looks for it beside the notebooks' folder
    copy = folder / "notebooks" / notebook.name
    copy.write_text(json.dumps({**content, "cells": cells}), encoding="utf-8")
    return copy


def run(platform: str, python: Path, notebook: Path) -> tuple[bool, float, float]:
    """Run one notebook under nbval; returns whether it passed, the seconds, and the most gigabytes held (Binder)."""
    with (binder if platform == "binder" else plain)(python) as (variables, arguments, watch), tempfile.TemporaryDirectory() as scratch:
        variables |= {"UNET_COURSE_RUNS": f"{scratch}/runs", "UNET_COURSE_PROGRESS": f"{scratch}/progress"}
        if platform == "binder":
            notebook = without_more_memory(notebook, Path(scratch))
        command = [str(python), "-m", "pytest", "-q", "--nbval", *arguments, "--nbval-cell-timeout=900", "-p", "no:cacheprovider"]
        started = time.perf_counter()
        done = subprocess.run([*command, str(notebook)], env=variables, cwd=ROOT, capture_output=True, text=True)
        seconds = time.perf_counter() - started
    if done.returncode != 0:
        print(done.stdout[-6000:], done.stderr[-2000:])
    if watch and watch.over:
        print(f"{notebook.stem} held more than {LIMIT / 1024**3:.0f} GB and was ended, as Binder would do.")
    return done.returncode == 0 and not (watch and watch.over), seconds, watch.peak / 1e9 if watch else 0.0


TITLES = {
    "colab": "## Colab: its versions, on this machine",
    "binder": "## Binder: its pins, one core, 2 GB for JupyterLab and kernel",
}


INTRODUCTION = """\
# The notebooks as they run elsewhere

Colab's versions and Binder's pins and limits, on a machine of our own: neither the real Colab nor the real Binder was asked.
On Binder, cells with the tag `more-memory` (section 4 of notebook 07) are left out: there they say that they do not fit.
"GB at most" adds up what each process holds, so that what they share counts more than once; the limit counts it once.
"""
HEADS = {"colab": "| notebook | result | minutes |", "binder": "| notebook | result | minutes | GB at most |"}


def write(platform: str, rows: list[str]) -> None:
    """Write rows into the platform's table; what it says of other notebooks, and the other table, stay."""
    text = TABLES.read_text(encoding="utf-8") if TABLES.exists() else INTRODUCTION
    section = rf"\n{re.escape(TITLES[platform])}\n.*?(?=\n## |\Z)"
    before = re.search(section, text, re.DOTALL)
    kept = re.findall(r"^\| \d\d_.*$", before.group() if before else "", re.MULTILINE)
    table = {row.split()[1]: row for row in [*kept, *rows] if (ROOT / "notebooks" / f"{row.split()[1]}.ipynb").exists()}
    lines = [TITLES[platform], "", f"Made by `python tools/platforms.py {platform}`.", "", HEADS[platform],
             re.sub(r"[^|]+", " --- ", HEADS[platform]), *(table[name] for name in sorted(table))]
    text = re.sub(section, "", text, flags=re.DOTALL)
    TABLES.write_text(text.rstrip("\n") + "\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def main(arguments=None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("platform", choices=sorted(LISTS))
    parser.add_argument("prefixes", nargs="*", help="first digits of notebooks, such as 03; default: all")
    parser.add_argument("--python", help=f"a Python; default: {PYTHON}, wherever it is found")
    parser.add_argument("--packages", type=Path, help="another list of packages, such as Colab's of today")
    parser.add_argument("--install", action="store_true", help="make the environment and stop")
    parser.add_argument("--today", action="store_true", help="fetch Colab's list, print where it is and for which Python, and stop")
    options = parser.parse_args(arguments)
    if options.today:
        print("packages={}\npython={}".format(*todays_list()))
        return 0
    if options.platform == "binder" and not sys.platform.startswith("linux"):
        sys.exit("Binder runs Linux, and its memory is measured with Linux's own means: run this test there.")
    python = environment(options.platform, options.packages or LISTS[options.platform], options.python or find_python())
    if options.install:
        return 0
    notebooks = [n for n in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")) if n.name.startswith(tuple(options.prefixes or [""]))]
    memory = options.platform == "binder"
    rows = []
    print(HEADS[options.platform], flush=True)
    good = True
    for notebook in notebooks:
        passed, seconds, gigabytes = run(options.platform, python, notebook)
        good &= passed
        rows.append(f"| {notebook.stem} | {'passed' if passed else 'FAILED'} | {seconds / 60:.1f} |" + (f" {gigabytes:.2f} |" if memory else ""))
        print(rows[-1], flush=True)
    if not options.packages:
        write(options.platform, rows)
    if not notebooks:
        sys.exit(f"no notebook starts with {' or '.join(options.prefixes)}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
