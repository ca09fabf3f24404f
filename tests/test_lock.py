"""What is installed: every package by an exact version, and every file of it by its hash."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import lock
import pytest
from course import ROOT
from packaging.requirements import Requirement
from test_launch import copy_for_make, wheel

PIN = r"[\w.-]+==[^\s;\\]+(?: ; [^\\]+?)?"


def pins(text):
    """Return the hashes that a list names for each of its pins; whatever else stands in a line is an error."""
    found = {}
    for line in text.replace("\\\n", " ").splitlines():
        if line and not line.startswith("#"):
            pin, *hashes = re.split(r"\s+--hash=sha256:", line.rstrip())
            assert re.fullmatch(PIN, pin), f"no exact version: {pin!r}"
            found[pin] = set(hashes)
    return found


def read(name):
    return pins((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", lock.LISTS)
def test_every_pinned_line_has_hashes(name):
    found = read(name)
    assert len(found) > (40 if "bioimage" in name else 60)
    for pin, hashes in found.items():
        assert hashes and all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes), f"{name}: {pin} has no hash"


def test_the_lists_agree_with_one_another():
    tests, plain = read("locked/test.txt"), read("constraints.txt")
    assert plain == dict.fromkeys(tests, set()), "constraints.txt is locked/test.txt without hashes"
    assert read("locked/lab.txt").items() <= tests.items()
    versions = {Requirement(pin).name: Requirement(pin).specifier for pin in tests}
    for pin in map(Requirement, read("site/requirements.txt")):
        assert pin.specifier == versions.get(pin.name, pin.specifier), f"the site has {pin}"


@pytest.mark.parametrize("name", lock.LISTS)
def test_the_pins_are_all_that_is_needed(name):
    """A package without a pin would be refused, and a hash that the index does not know would never fit."""
    uv = Path(sys.executable).with_name("uv")
    options = lock.LINUX if name.startswith("binder") else lock.EVERYWHERE
    command = [uv, "pip", "compile", "--no-python-downloads", "--generate-hashes", "--no-header", "--no-annotate", *options, name]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0 and re.search("error sending request|dns error|Connection refused", done.stderr):
        pytest.skip("there is no network to resolve the pins with")
    assert done.returncode == 0, done.stderr
    known, ours = pins(done.stdout), read(name)
    assert known.keys() == ours.keys(), "a pin is missing, so a version would be chosen by chance"
    assert not {pin for pin in ours if not ours[pin] <= known[pin]}


LISTS = {".venv/lab.ready": "locked/lab.txt", ".venv/test.ready": "locked/test.txt", ".venv-site/ready": "site/requirements.txt",
         ".venv-bioimage/ready": "locked/bioimage.txt"}


@pytest.fixture(scope="module")
def copying_python(tmp_path_factory):
    """A Python whose `-m venv` copies an environment that was made once: making one takes longer than all that is tested in it."""
    made = tmp_path_factory.mktemp("python")
    venv.create(made / "template", with_pip=True)
    python = made / "python3"
    python.write_text(f"""#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then exec cp -a "{made}/template" "$3"; fi
exec "{sys.executable}" "$@"
""")
    python.chmod(0o755)
    return python


@pytest.mark.skipif(os.name == "nt" or shutil.which("make") is None, reason="no make here: the README's pip lines are for that")
@pytest.mark.parametrize(("tool", "target"), [("uv", ".venv/lab.ready"), ("pip", ".venv/test.ready"), ("pip", ".venv-site/ready"), ("pip", ".venv-bioimage/ready")])
def test_make_installs_no_file_but_those_that_were_locked(tmp_path, tool, target, copying_python):
    copy_for_make(tmp_path)
    (tmp_path / "shelf").mkdir()
    lines = {}
    for name, package in zip(LISTS.values(), ("anywidget", "keras", "numpy", "onnxruntime"), strict=True):
        file = wheel(tmp_path / "shelf", package, "1.0")
        lines[name] = f"{package}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
        (tmp_path / name).write_text(lines[name])
    uv = str(Path(sys.executable).with_name("uv")) if tool == "uv" else ""
    shelf = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "shelf"), "PIP_CONFIG_FILE": os.devnull,
             "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(tmp_path / "shelf"), "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
    command = ["make", "--no-print-directory", target, f"PYTHON={copying_python}", f"UV={uv}"]
    right = lines[LISTS[target]]
    wrong = right[:-65] + "0" * 64 + "\n" if tool == "uv" or "site" in target or "bio" in target else right.split()[0] + "\n"
    for line in (wrong, right):
        (tmp_path / LISTS[target]).write_text(line)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **shelf})
        assert (done.returncode == 0) == (tmp_path / target).exists() == (line == right), done.stdout + done.stderr
        assert line == right or "hash" in done.stderr.lower(), done.stderr
