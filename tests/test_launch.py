"""Where the course starts: the setup cell on Colab, the build for Binder, the checks before an installation."""

import importlib.util
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import address
import lab
import nbformat
import platforms
import pytest
import ready
import yaml
from course import ROOT
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.specifiers import SpecifierSet

# --- the setup cell, on a machine that looks like Colab ---------------------------------------------------------------

COMMIT = "45" * 20  # which no repository has
ON_COLAB = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def git(folder, *arguments):
    identity = ["-c", "user.name=A Teacher", "-c", "user.email=teacher@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit_all(folder, words="a commit"):
    git(folder, "add", ".")
    git(folder, "commit", "-qm", words)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """`(repository, commit)`: of the course, with later work that nobody must get, and a tag that was moved there."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "-q")
    git(folder, "config", "uploadpack.allowFilter", "true")  # as GitHub has it
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    commit = commit_all(folder, "as released")
    (folder / "later.txt").write_text("not released " * 1000)
    commit_all(folder, "later")
    git(folder, "tag", "v0.1.0")
    return folder, commit


def run_setup(where, repository, commit=COMMIT, before=ON_COLAB, python=sys.executable, **environment):
    cell = address.SETUP_CELL.format(address=repository.as_uri() if isinstance(repository, Path) else repository, commit=commit).split("\n", 1)[1]
    code = f"{before}{cell}\nimport helpers; print(helpers.ROOT)"
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, cwd=where, env={**os.environ, **environment},
    )


def test_on_colab_the_setup_cell_fetches_the_released_commit_once(tmp_path, published):
    moved, commit = tmp_path / "published", published[1]
    shutil.copytree(published[0], moved)
    later = git(moved, "rev-parse", "HEAD:later.txt")
    for attempt in range(2):
        done = run_setup(tmp_path, moved, commit)
        course = tmp_path / f"course-{commit[:9]}"
        assert Path(done.stdout.splitlines()[-1]) == course.resolve() and not done.stderr, done.stderr
        assert git(course, "rev-parse", "HEAD") == commit and not (course / "later.txt").exists()
        assert sorted(path.name for path in tmp_path.iterdir() if path != moved) == [course.name]
        shutil.rmtree(moved, ignore_errors=True)  # the second time it is there already, and the network is not needed
    git(course, "remote", "set-url", "origin", published[0].as_uri())
    here = git(course, "cat-file", "--batch-all-objects", "--batch-check")
    assert later not in here, "what the history holds besides the commit was fetched, too"


@pytest.mark.parametrize(("repository", "words"), [
    ("/nowhere/at/all", "repository '/nowhere/at/all' does not exist"),
    ("https://localhost:9/some-one/some.where", "unable to access"),  # no network
    ("", "repository '' does not exist"),  # no address yet
    (None, "45454545454545"),  # no such commit, though there is a tag
])
def test_on_colab_git_says_why_a_fetch_failed_and_the_next_try_can_succeed(tmp_path, published, repository, words):
    done = run_setup(tmp_path, published[0] if repository is None else repository)
    assert done.returncode != 0 and words in done.stderr and "No module named 'helpers'" in done.stderr
    assert not list(tmp_path.iterdir())  # nothing half fetched is left that the next try would take for the course


def test_what_is_left_of_a_fetch_that_was_ended_does_not_stay_in_the_way(tmp_path, published):
    (tmp_path / published[1]).mkdir()
    (tmp_path / published[1] / "half").write_text("")
    assert run_setup(tmp_path, *published).returncode != 0
    assert run_setup(tmp_path, *published).returncode == 0


def test_a_notebook_without_the_course_says_what_to_do(tmp_path):
    """Jupyter shows the line of code that failed, and its comment says what to do."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(address.SETUP_CELL.format(address="", commit=COMMIT).split("\n", 1)[1])])
    with pytest.raises(CellExecutionError) as failed:
        NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = re.sub(r"\x1b\[[\d;]*m", "", str(failed.value))
    assert "No module named 'helpers'" in said and "# Not found? Open the notebook inside the whole course." in said


def test_on_a_laptop_the_setup_cell_says_what_is_missing(tmp_path):
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    bare = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]\n"
    done = run_setup(tmp_path / "notebooks", "", before=bare)
    assert done.returncode == 0 and done.stdout.startswith("Missing here: numpy>=2.0"), done.stderr
    assert "The first cells of notebook 00 name the command that helps." in done.stdout
    assert run_setup(ROOT / "notebooks", "", before="").stdout.splitlines() == [str(ROOT)]


# --- make lab ----------------------------------------------------------------------------------------------------------


NOBODY = 65534  # the account that owns nothing


def open_to_all(environment):
    """Make an environment that a plain user can run, with the packages of this one; returns whether there is a Python for it.

    Root's own Python may lie where nobody else may look, so it is the system's, if it is of the same version.
    """
    here, name = Path(sys.prefix), f"python{sys.version_info[0]}.{sys.version_info[1]}"
    pythons = [sys.executable, *(str(folder / name) for folder in (Path("/usr/bin"), Path("/usr/local/bin")))]
    (environment / "bin").mkdir(parents=True)
    (environment / "lib" / name).mkdir(parents=True)
    (environment / "lib" / name / "site-packages").symlink_to(here / "lib" / name / "site-packages")
    (environment / "etc").symlink_to(here / "etc")
    (environment / "share" / "jupyter" / "lab").mkdir(parents=True)
    for place in ("share/jupyter", "share/jupyter/lab"):
        for path in (here / place).iterdir():
            if path.name not in ("lab", "settings"):  # the settings are written
                (environment / place / path.name).symlink_to(path)
    start = environment / "bin" / "jupyter-lab"  # the one that is installed here starts this Python, not that one
    start.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m jupyterlab "$@"\n')
    start.chmod(0o755)
    for python in filter(os.path.exists, pythons):
        (environment / "pyvenv.cfg").write_text(f"home = {Path(python).resolve().parent}\n")
        (environment / "bin" / "python").unlink(missing_ok=True)
        (environment / "bin" / "python").symlink_to(Path(python).resolve())
        try:
            subprocess.run([environment / "bin" / "python", "-c", "import jupyterlab"], user=NOBODY, group=NOBODY, extra_groups=[],
                           cwd="/", check=True, capture_output=True)
            return True
        except (OSError, subprocess.CalledProcessError):
            continue
    return False


def lines_until_quiet(process, seconds=6.0, most=300.0):
    """Return what a process prints until it has printed a link and then nothing more for some seconds, or has ended."""
    lines, said = queue.Queue(), []
    threading.Thread(target=lambda: [*map(lines.put, process.stdout), lines.put(None)], daemon=True).start()
    end = time.monotonic() + most
    while (left := end - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=seconds if any(line.startswith("http") for line in said) else left)
        except queue.Empty:
            break
        if line is None:
            break
        said.append(line)
    return said


@pytest.fixture
def folder_of_all():
    """A folder that every account may enter: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="course-")).resolve()
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(os.name == "nt", reason="make lab is for Linux and macOS")
@pytest.mark.parametrize("account", ["whoever runs the tests", "a plain user"])
def test_make_lab_ends_with_a_link_that_opens_notebook_00(folder_of_all, account):
    """Without a screen, with its first port taken; the link is the last line of all that is printed, errors included."""
    root, plain = os.geteuid() == 0, account == "a plain user"
    if plain and not root:
        return  # then the other case is this one
    course = folder_of_all / "with spaces and $(touch ran) `touch ran` 'quotes'"
    for name in ("locked", "tools", "notebooks"):
        (course / name).mkdir(parents=True)
    for name in ("Makefile", "locked/lab.txt", "tools/lab.py", "notebooks/00_start_here.ipynb"):
        shutil.copy(ROOT / name, course / name)
    if plain:
        if not open_to_all(course / ".venv"):
            pytest.skip("no Python here may be run by a plain user")
    else:
        (course / ".venv" / "bin").mkdir(parents=True)
        python = course / ".venv" / "bin" / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
    (course / ".venv" / "lab.ready").touch()
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment.update(JUPYTER_RUNTIME_DIR=str(folder_of_all / "runtime"), JUPYTER_CONFIG_DIR=str(folder_of_all / "settings"),
                       HOME=str(folder_of_all), PATH=f"{course}/.venv/bin:{os.environ['PATH']}")
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if plain else {}
    for path in [folder_of_all, *folder_of_all.rglob("*")] if plain else []:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8888))
            taken.listen()
        except OSError:
            pass  # somebody else's JupyterLab has it already
        started = subprocess.Popen(["make", "lab"], cwd=course, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   text=True, start_new_session=True, **who)
        try:
            said = [line.strip() for line in lines_until_quiet(started) if line.strip()]
            assert said and "lab/tree/notebooks/00_start_here.ipynb?token=" in said[-1], said
            assert ":8888/" not in said[-1] and any("You are root here" in line for line in said) == (root and not plain)
            with urllib.request.urlopen(said[-1], timeout=60) as page:
                assert page.status == 200
        finally:
            os.killpg(started.pid, signal.SIGTERM)
            started.wait(60)
    assert not list(folder_of_all.rglob("ran"))


def test_no_question_about_news_covers_the_notebook(tmp_path):
    """In the environment that make has set up, once; a student's own, and a choice that is there, are left alone."""
    own, other = tmp_path / "course" / ".venv", tmp_path / "other"
    choices = own / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    lab.ask_no_news(other, tmp_path / "course")
    assert not other.exists()
    lab.ask_no_news(own, tmp_path / "course")
    assert json.loads(choices.read_text()) == {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    choices.write_text("{}")
    lab.ask_no_news(own, tmp_path / "course")
    assert choices.read_text() == "{}"


# --- what is missing on Colab is added; what is there stays ------------------------------------------------------------

THERE = {"numpy": "2.1.3", "opencv-python": "5.0.0.93", "matplotlib": "3.10.0", "scikit-learn": "1.6.1",
         "tensorflow": "2.20.0", "keras": "3.13.2", "ipywidgets": "7.7.1", "anywidget": "0.11.0"}
MODULE = {"opencv-python": "cv2", "scikit-learn": "sklearn", "scikit-image": "skimage"}


def wheel(folder, name, version, *needs):
    """Write a wheel that holds an empty module and what it needs; returns its path."""
    stem, module = f"{name.replace('-', '_')}-{version}", MODULE.get(name, name.replace("-", "_"))
    path = folder / f"{stem}-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {n}\n" for n in needs)
    files = {f"{module}/__init__.py": "", f"{stem}.dist-info/METADATA": metadata,
             f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    files[f"{stem}.dist-info/RECORD"] = "".join(f"{file},,\n" for file in files)
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A Python with stand-ins for Colab's packages, without scikit-image, and a shelf with newer ones to be tempted by."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "python", with_pip=True)
    python = folder / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
    (folder / "there").mkdir()
    (folder / "shelf").mkdir()
    here = [str(wheel(folder / "there", name, version)) for name, version in THERE.items()]
    wheel(folder / "shelf", "numpy", "2.4.0")
    wheel(folder / "shelf", "lazy-loader", "0.5")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", *here], check=True)
    return folder, python


def versions(python):
    listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, check=True).stdout
    return dict(line.split("==") for line in listed.split())


def test_on_colab_what_is_missing_is_added_and_what_is_there_stays(tmp_path, published, colab):
    folder, python = colab
    shelf = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "shelf"), "PIP_CONFIG_FILE": os.devnull}
    before = versions(python)

    done = run_setup(tmp_path, *published, python=python, **shelf)  # nothing to install it from: as without a network
    assert "scikit-image>=0.25 is missing here and could not be installed" in done.stderr, done.stderr
    assert "Pip says: ERROR: No matching distribution" in done.stderr

    wheel(folder / "shelf", "scikit-image", "0.25.2", "numpy>=2.4", "lazy-loader")  # fits only if numpy were replaced
    done = run_setup(tmp_path, *published, python=python, **shelf)
    assert "could not be installed beside what is there" in done.stderr and versions(python) == before

    wheel(folder / "shelf", "scikit-image", "0.25.2", "numpy>=2.0", "lazy-loader")
    done = run_setup(tmp_path, *published, python=python, **shelf)
    assert "Added, because it was missing here: scikit-image>=0.25" in done.stdout, done.stderr
    assert versions(python) == {**before, "scikit-image": "0.25.2", "lazy-loader": "0.5"} or versions(python) == {
        **before, "scikit-image": "0.25.2", "lazy_loader": "0.5"}

    done = run_setup(tmp_path, *published, python=python, **{**shelf, "PIP_FIND_LINKS": os.devnull})
    assert done.returncode == 0 and "Added" not in done.stdout  # and pip is not asked again


# --- one address, one version ------------------------------------------------------------------------------------------


def course_of(folder, version="0.7.0", helper="one"):
    """Write a course of two notebooks and one helper into a folder, as a repository with one commit."""
    text = re.sub(r'^version = ".*"', f'version = "{version}"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    (folder / "pyproject.toml").write_text(text)
    (folder / "README.md").write_text("**Launch:** here\n")
    for name in ("notebooks", "helpers"):
        (folder / name).mkdir(parents=True)
    for name in ("00_first.py", "01_second.py"):
        (folder / "notebooks" / name).write_text("# %% [markdown]\n# # A title\n\n" + address.SETUP_CELL.format(address="", commit=COMMIT) + "\n# %%\n1\n")
    (folder / "helpers" / "one.py").write_text(helper)
    git(folder, "init", "-q")
    return commit_all(folder)


def test_a_tag_and_the_version_must_agree(tmp_path):
    course_of(tmp_path)
    assert address.tag_problem(tmp_path) == ""
    git(tmp_path, "tag", "v0.6.0")
    assert address.tag_problem(tmp_path) == "this commit has the tag v0.6.0, but pyproject.toml says v0.7.0."
    git(tmp_path, "tag", "v0.7.0")
    assert address.tag_problem(tmp_path) == ""


def test_the_released_commit_is_part_of_the_history_and_its_notebooks_fetch_their_helpers():
    assert address.release_problem() == ""


def test_two_rounds_make_a_release(tmp_path, capsys):
    first = course_of(tmp_path)
    assert "is not part of this history: links would lead elsewhere. Run make release." in address.release_problem(tmp_path)
    assert address.main(["--release"], tmp_path) == 0 and address.settings(tmp_path)[1] == first
    assert "which has other helpers: commit what was written, and run make release once more" in capsys.readouterr().out
    second = commit_all(tmp_path)
    assert address.main(["--release"], tmp_path) == 0 and address.settings(tmp_path)[1] == second
    assert f"commit {second[:9]} is released: commit the links to it." in capsys.readouterr().out
    commit_all(tmp_path)
    assert address.main(["--check"], tmp_path) == 0
    assert address.fetched_by(second, tmp_path) == {first}  # and the links lead to the second
    (tmp_path / "helpers" / "one.py").write_text("changed")
    with pytest.raises(SystemExit, match="Commit them first"):
        address.main(["--release"], tmp_path)
    third = commit_all(tmp_path)  # later work changes nothing of what was released
    assert address.main(["--check"], tmp_path) == 0
    assert address.main(["--release"], tmp_path) == 0 and "once more" in capsys.readouterr().out
    assert address.settings(tmp_path)[1] == third and "which has other helpers" in address.release_problem(tmp_path)
    for number in range(2):
        commit_all(tmp_path)
        assert address.main(["--release"], tmp_path) == 0
    assert "once more" not in capsys.readouterr().out.splitlines()[-1] and address.release_problem(tmp_path) == ""


def test_without_the_history_nothing_is_said_of_the_released_commit(tmp_path):
    (tmp_path / "whole").mkdir()
    course_of(tmp_path / "whole")
    (tmp_path / "whole" / "more.txt").write_text("")
    commit_all(tmp_path / "whole")
    assert address.release_problem(tmp_path / "whole")
    subprocess.run(["git", "clone", "-q", "--depth=1", (tmp_path / "whole").as_uri(), tmp_path / "shallow"], check=True)
    assert address.release_problem(tmp_path / "shallow") == ""
    shutil.copytree(tmp_path / "whole", tmp_path / "unpacked", ignore=shutil.ignore_patterns(".git"))
    git(tmp_path, "init", "-q")  # into a repository of somebody else's
    (tmp_path / ".gitignore").write_text("whole\nshallow\n")
    commit_all(tmp_path)
    assert address.release_problem(tmp_path / "unpacked") == ""
    with pytest.raises(SystemExit, match="git knows of none here"):
        address.main(["--release"], tmp_path / "unpacked")


# --- Binder ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory):
    """What repo2docker, Binder's builder, makes of the files that are committed or about to be; Docker is not needed."""
    if importlib.util.find_spec("repo2docker") is None:
        pytest.skip("repo2docker is not installed: it runs on Linux only")
    folder = tmp_path_factory.mktemp("binder")
    shutil.copytree(ROOT / "binder", folder / "binder")
    for name in ("requirements.txt", "pyproject.toml"):  # the top level, which binder/ has to hide
        shutil.copy(ROOT / name, folder)
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "--Repo2Docker.default_buildpack=None", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_binder_builds_from_its_own_pins_for_python_3_12(dockerfile):
    assert "Building conda environment for python=3.12" in dockerfile
    assert re.findall(r"pip install .*-r \"?([\w./]+)", dockerfile) == ["binder/requirements.txt"]


def test_binder_starts_with_one_thread(dockerfile):
    assert re.search(r'R2D_ENTRYPOINT="\$\{REPO_DIR\}/binder/start"', dockerfile)
    show = "import os, cv2, sys; print(os.environ['OMP_NUM_THREADS'], cv2.getNumThreads(), sys.argv[1:])"
    start = [str(ROOT / "binder" / "start"), sys.executable, "-c", show, "two words", ""]
    done = subprocess.run(start, capture_output=True, text=True)
    assert done.stdout.split(maxsplit=2) == ["1", "1", "['two words', '']\n"], done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is measured with Linux's own means")
def test_what_holds_more_than_binder_gives_is_ended(monkeypatch):
    monkeypatch.setattr(platforms, "LIMIT", 200_000_000)
    hoard = "import subprocess, sys, time; subprocess.run([sys.executable, '-c', 'x = bytearray(400_000_000); import time; time.sleep(600)'])"
    process = subprocess.Popen([sys.executable, "-c", hoard])  # a child of it holds the memory, as a kernel would
    watch = platforms.Watch(lambda: [process.pid], enforce=True)
    watch.start()
    process.wait(300)
    watch.stopped.set()
    assert watch.over and watch.peak > 200_000_000 and process.returncode == -9


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="control groups are Linux's")
def test_the_cage_ends_what_holds_too_much(monkeypatch):
    monkeypatch.setattr(platforms, "LIMIT", 100_000_000)
    cage = platforms.make_cage()
    if cage is None:
        pytest.skip("no control group may be made here; the watch stands in for it")
    try:
        for size, code in ((10_000_000, 0), (300_000_000, -9)):
            enter = f"echo $$ > {cage}/cgroup.procs; exec {sys.executable} -c 'x = bytearray({size})'"
            assert subprocess.run(["sh", "-c", enter]).returncode == code
    finally:
        cage.rmdir()


def test_colab_versions_fit_the_ranges():
    pins = dict(re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "colab" / "requirements.txt").read_text(), re.MULTILINE))
    text = (ROOT / "requirements.txt").read_text()
    ranges = dict(re.findall(r"^([\w-]+)([<>=][^\s#]*)", text.replace("opencv-python", "opencv-python-headless"), re.MULTILINE))
    assert len(pins) >= 8
    for name, version in pins.items():
        assert SpecifierSet(ranges[name]).contains(version), f"Colab has {name} {version}; requirements.txt wants {ranges[name]}"


# --- a machine that is not ready ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "system", "machine", "bits", "words"), [
    ((3, 9, 18), "Linux", "x86_64", 64, "This is Python 3.9.18, which is too old. The course needs 3.11, 3.12 or 3.13."),
    ((3, 10, 13), "Windows", "AMD64", 64, "'py -3.12 -m venv .venv'"),
    ((3, 14, 0), "Linux", "x86_64", 64, "too new for TensorFlow"),
    ((3, 12, 1), "Windows", "x86", 32, "This Python has 32 bits"),
    ((3, 12, 1), "Darwin", "x86_64", 64, "This Mac has an Intel processor"),
])
def test_a_python_that_does_not_fit_is_told_in_a_sentence(version, system, machine, bits, words):
    assert words in ready.wrong_python(version, system, machine, bits)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9)])
def test_pythons_that_fit_are_let_through(version):
    assert ready.wrong_python(version, "Linux", "x86_64", 64) == "" == ready.wrong_python(version, "Darwin", "arm64", 64)


def test_a_full_disk_is_told_in_a_sentence():
    assert ready.too_little_space(free=lambda folder: 50e9) == ""
    said = ready.too_little_space(free=lambda folder: 1.2e9)
    assert said.startswith(f"There is too little space: 1.2 GB are free in {ROOT}, and the course needs ")
    assert "needs 3 GB there" in ready.too_little_space(0.5, 0.0, free=lambda folder: 1e6)


def copy_for_make(folder):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("locked", "site"):
        (folder / name).mkdir()
        for path in (ROOT / name).glob("*.txt"):
            shutil.copy(path, folder / name)
    (folder / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "ready.py", folder / "tools")


def pretender(folder, name, version, works=True):
    """Put a command on the path that says it is a Python of this version and hands all else to the real one."""
    lie = f"sys.version_info = ({version.replace('.', ', ')}, 0)" if works else "sys.exit(1)"
    path = folder / name
    path.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} -c "import sys; {lie}; exec(sys.argv[1])" "$2"; fi\n'
                    f'echo "{name} was chosen: $@"; exit 7\n')
    path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make here: the README's pip lines are for that")
@pytest.mark.parametrize(("pythons", "chosen"), [
    ({"python3": "3.9"}, None),
    ({"python3": "3.10", "python3.12": "3.12"}, "python3.12"),
    ({"python3": "3.14", "python3.13": "3.13", "python3.11": "3.11"}, "python3.13"),
    ({"python3": "3.12", "python3.13": "3.13"}, "python3"),
])
def test_make_chooses_a_python_that_fits(tmp_path, pythons, chosen):
    copy_for_make(tmp_path)
    path = tmp_path / "path"
    path.mkdir()
    for tool in ("make", "sh", "touch", "mktemp", "echo", "env"):
        (path / tool).symlink_to(shutil.which(tool))
    for name, version in pythons.items():
        pretender(path, name, version)
    done = subprocess.run([path / "make", "lab"], cwd=tmp_path, capture_output=True, text=True, env={"PATH": str(path)})
    assert done.returncode != 0
    if chosen is None:
        assert "This course needs Python 3.11, 3.12 or 3.13, and none was found." in done.stdout
    else:
        assert f"{chosen} was chosen: tools/ready.py" in done.stdout, done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make here: the README's pip lines are for that")
def test_without_a_network_make_says_so(tmp_path):
    copy_for_make(tmp_path)
    nowhere = {"PIP_INDEX_URL": "https://localhost:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0",
               "PIP_NO_CACHE_DIR": "1", "PIP_FIND_LINKS": ""}
    done = subprocess.run(
        ["make", "--no-print-directory", "lab", f"PYTHON={sys.executable}", "UV="], cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **nowhere},
    )
    assert done.returncode != 0 and not (tmp_path / ".venv" / "lab.ready").exists()
    assert done.stdout.rstrip().splitlines()[-1].startswith("The packages cannot be fetched: the package index does not answer.")


def test_colabs_list_of_today_is_taken_over(tmp_path, capsys):
    (tmp_path / "pip-freeze.txt").write_text(
        "# generated\ntensorflow==2.20.1\nKeras==3.14.0\nscikit_learn==1.7.0\ntorch @ https://example.org/torch.whl\n"
        "h5py==3.15.0+local\nunrelated==1.0\n")
    (tmp_path / "os-info.txt").write_text("Ubuntu 24.04\nPython 3.13.2\nR version 4\n")
    path, python = platforms.todays_list(tmp_path.as_uri() + "/")
    lines = path.read_text().split()
    assert python == "3.13" and {"tensorflow==2.20.1", "keras==3.14.0", "scikit-learn==1.7.0", "h5py==3.15.0", "nbval"} <= set(lines)
    assert not [line for line in lines if "unrelated" in line or "torch" in line]


@pytest.mark.parametrize("text", [None, "an error page"])
def test_without_colabs_list_the_committed_one_stands_in(tmp_path, capsys, text):
    if text:
        (tmp_path / "pip-freeze.txt").write_text(text)
        (tmp_path / "os-info.txt").write_text("Python 3.13.2")
    assert platforms.todays_list(tmp_path.as_uri() + "/") == (ROOT / "colab" / "requirements.txt", "3.12")
    assert "the committed one stands in" in capsys.readouterr().err


# --- what runs on GitHub -----------------------------------------------------------------------------------------------

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_and_bounded(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"} and "concurrency" in workflow
    assert all(0 < job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    uses = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert uses
    for action in uses:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", action), f"{action} is not pinned by a hash"
        assert re.search(rf"{re.escape(action)} # v\d+\.\d+\.\d+$", text, re.MULTILINE), f"{action}: say which version it is"
    assert len({action for action in uses if "checkout" in action}) <= 1


def test_workflows_call_what_there_is():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    for name in re.findall(r"(?:bash|python3?) ([\w./]+\.(?:py|sh))", text):
        assert (ROOT / name).exists(), name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"run: make ([\w-]+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target} is not in the Makefile"


def test_the_issue_form_knows_all_notebooks():
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "problem.yml").read_text(encoding="utf-8"))
    asked = {part["id"]: part["attributes"] for part in form["body"]}
    notebooks = {path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.py")}
    assert {"notebook", "cell", "platform"} <= set(asked) and notebooks <= set(asked["notebook"]["options"])
    assert not [name for name in asked["notebook"]["options"] if re.match(r"\d\d_", name) and name not in notebooks]


GH = """#!/bin/sh
echo "$*" >> "$CALLS"
if [ "$2" = list ]; then echo "$OPEN"; fi
"""


@pytest.mark.skipif(os.name == "nt", reason="the script runs on GitHub's Linux machines")
@pytest.mark.parametrize(("results", "number", "call"), [
    ("newest versions: failure, Colab: success", "", "issue create --title The weekly test failed --body newest versions: failure"),
    ("newest versions: success, Colab: failure", "12", "issue comment 12 --body Still: newest versions: success, Colab: failure"),
    ("newest versions: success, Colab: success", "12", "issue close 12 --comment All is well again"),
    ("newest versions: success, Colab: success", "", None),
])
def test_the_weekly_run_keeps_one_issue(tmp_path, results, number, call):
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "CALLS": str(tmp_path / "calls"),
                   "OPEN": number, "RESULTS": results, "RUN": "https://example.org/run"}
    subprocess.run(["bash", str(ROOT / ".github" / "weekly_issue.sh")], check=True, env=environment, capture_output=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == (2 if call else 1) and calls[0].startswith("issue list --state open --app github-actions")
    if call:
        assert calls[1].startswith(call)


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make here: the README's pip lines are for that")
@pytest.mark.parametrize(("uv", "used"), [("exit 0", ["uv"]), ("exit 2", ["uv", "pip"])])
def test_make_takes_uv_where_it_is_and_pip_where_that_fails(tmp_path, uv, used):
    copy_for_make(tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for path, what in ((tmp_path / "uv", uv), (tmp_path / ".venv" / "bin" / "python", "exit 0"), (tmp_path / "python", "exit 0")):
        path.write_text(f'#!/bin/sh\ncase "$*" in *install*) echo "{path.name} $*" >> "{tmp_path}/calls";; esac\n{what}\n')
        path.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["make", "--no-print-directory", ".venv/lab.ready", "PYTHON=./python"], cwd=tmp_path, check=True, env=environment, capture_output=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0].replace("python", "pip") for call in calls] == used
    assert all("--require-hashes -r locked/lab.txt" in call for call in calls)


def test_binder_runs_what_fits_there(tmp_path):
    small, large = ROOT / "notebooks" / "01_data_synthesis.ipynb", ROOT / "notebooks" / "07_scaling_up.ipynb"
    assert platforms.without_more_memory(small, tmp_path) == small
    copy = platforms.without_more_memory(large, tmp_path)
    kept, all_cells = copy.read_text(encoding="utf-8"), large.read_text(encoding="utf-8")
    assert "run_workers(2" in all_cells and "run_workers(2" not in kept and "start_workers(2" not in kept
    assert "## 5. Cheaper steps" in kept and (copy.parent.parent / "helpers" / "synthesis.py").exists()


def test_a_run_of_one_notebook_keeps_what_the_tables_say_of_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(platforms, "TABLES", tmp_path / "platforms.md")
    platforms.write("binder", ["| 04_evaluation_and_visualization | passed | 0.4 | 1.10 |", "| 01_data_synthesis | passed | 0.3 | 0.50 |"])
    platforms.write("colab", ["| 01_data_synthesis | passed | 0.2 |", "| 99_gone | passed | 0.2 |"])
    platforms.write("binder", ["| 01_data_synthesis | FAILED | 0.9 | 1.99 |"])
    rows = [line for line in (tmp_path / "platforms.md").read_text().splitlines() if re.match(r"\| \d\d_", line)]
    assert rows == ["| 01_data_synthesis | passed | 0.2 |", "| 01_data_synthesis | FAILED | 0.9 | 1.99 |",
                    "| 04_evaluation_and_visualization | passed | 0.4 | 1.10 |"]


def test_what_was_measured_is_what_is_said_and_asked_for():
    table = (ROOT / "benchmarks" / "first_picture.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = re.search(r"<!-- sizes -->\n(.*?)<!-- end of sizes -->", readme, re.DOTALL).group(1)
    downloaded = re.search(r"\| download of the packages \| [\d.]+ \| (\d+) \|", table).group(1)
    installed = re.search(r"Installed: ([\d.]+) GB", table).group(1)
    assert f"{downloaded} MB on Linux" in said and f"Installed: {installed} GB" in said
    assert float(installed) < ready.INSTALLED and float(downloaded) / 1000 < ready.DOWNLOADED
    assert int(re.search(r"to the first picture \| \d+ \| \d+ \| (\d+) \(bound 180\)", table).group(1)) < 180
    assert int(re.search(r"its first slider: (\d+) s \(bound 60\)", table).group(1)) < 60
