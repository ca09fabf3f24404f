"""Where the course starts: the setup cell on Colab, the build for Binder, the checks before an installation."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile

import address
import pytest
from course import ROOT

# --- the setup cell, on a machine that looks like Colab ---------------------------------------------------------------

ON_COLAB = "import sys, types; sys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def git(folder, *arguments):
    identity = ["-c", "user.name=A Teacher", "-c", "user.email=teacher@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A repository of the course with the tag v1.2.3, and a later commit that the tag must not show."""
    folder = tmp_path_factory.mktemp("published")
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "as released")
    git(folder, "tag", "v1.2.3")
    (folder / "later.txt").write_text("not released")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "later")
    return folder


def run_setup(where, repository, version="v1.2.3", before=ON_COLAB, python=sys.executable, **environment):
    cell = address.SETUP_CELL.format(address=repository, version=version).split("\n", 1)[1]
    code = f"{before}{cell}\nimport helpers; print(helpers.ROOT)"
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, cwd=where, env={**os.environ, **environment},
    )


def test_on_colab_the_setup_cell_fetches_the_tagged_version_once(tmp_path, published):
    moved = tmp_path / "published"
    shutil.copytree(published, moved)
    for attempt in range(2):
        done = run_setup(tmp_path, moved)
        assert done.stdout.splitlines()[-1] == str(tmp_path / "unet-course-v1.2.3"), done.stderr
        assert not (tmp_path / "unet-course-v1.2.3" / "later.txt").exists()
        shutil.rmtree(moved, ignore_errors=True)  # the second time it is there already, and the network is not needed


@pytest.mark.parametrize(("repository", "version", "words"), [
    ("/nowhere/at/all", "v1.2.3", "does not exist"),  # a wrong address
    ("https://localhost:9/some-one/some.where", "v1.2.3", "unable to access"),  # no network
    ("", "v1.2.3", "does not exist"),  # no address yet
    (None, "v9.9.9", "v9.9.9 not found"),  # no such version
])
def test_on_colab_a_fetch_that_fails_is_told_in_a_sentence(tmp_path, published, repository, version, words):
    repository = str(published) if repository is None else repository
    done = run_setup(tmp_path, repository, version)
    said = done.stderr[done.stderr.index("AssertionError"):]
    assert done.returncode != 0 and f"The course did not arrive from '{repository}'. Is there a network?" in said and words in said


def test_a_notebook_without_the_course_says_what_is_missing(tmp_path):
    done = run_setup(tmp_path, "", before="")
    assert "The folder helpers is missing. Get the whole course" in done.stderr


# --- what is missing on Colab is added; what is there stays ------------------------------------------------------------

THERE = {"numpy": "2.1.3", "opencv-python": "5.0.0.93", "matplotlib": "3.10.0", "scikit-learn": "1.6.1",
         "tensorflow": "2.20.0", "keras": "3.13.2", "ipywidgets": "7.7.1"}
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

    done = run_setup(tmp_path, published, python=python, **shelf)  # nothing to install it from: as without a network
    assert "scikit-image>=0.25 is missing here and could not be installed" in done.stderr, done.stderr
    assert "Pip says: ERROR: No matching distribution" in done.stderr

    wheel(folder / "shelf", "scikit-image", "0.25.2", "numpy>=2.4", "lazy-loader")  # fits only if numpy were replaced
    done = run_setup(tmp_path, published, python=python, **shelf)
    assert "could not be installed beside what is there" in done.stderr and versions(python) == before

    wheel(folder / "shelf", "scikit-image", "0.25.2", "numpy>=2.0", "lazy-loader")
    done = run_setup(tmp_path, published, python=python, **shelf)
    assert "Added, because it was missing here: scikit-image>=0.25" in done.stdout, done.stderr
    assert versions(python) == {**before, "scikit-image": "0.25.2", "lazy-loader": "0.5"} or versions(python) == {
        **before, "scikit-image": "0.25.2", "lazy_loader": "0.5"}

    done = run_setup(tmp_path, published, python=python, **{**shelf, "PIP_FIND_LINKS": os.devnull})
    assert done.returncode == 0 and "Added" not in done.stdout  # and pip is not asked again


# --- one address, one version ------------------------------------------------------------------------------------------


def test_a_tag_and_the_version_must_agree(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = (tmp_path / "pyproject.toml").read_text()
    (tmp_path / "pyproject.toml").write_text(re.sub(r'^version = ".*"', 'version = "0.7.0"', text, flags=re.MULTILINE))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    assert address.tag_problem(tmp_path) == ""
    git(tmp_path, "tag", "v0.6.0")
    assert address.tag_problem(tmp_path) == (
        "this commit has the tag v0.6.0, but pyproject.toml says v0.7.0: launch links would lead elsewhere.")
    git(tmp_path, "tag", "v0.7.0")
    assert address.tag_problem(tmp_path) == ""
