"""Put the course on the import path, and keep test runs away from a student's own runs and progress."""

import contextlib
import gc
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import matplotlib
import pytest
from course import ROOT
from skipped import what_was_skipped

for folder in (ROOT, ROOT / "tools"):
    sys.path.insert(0, str(folder))

matplotlib.use("Agg")  # not the environment variable: the kernels that nbval starts would inherit it
_scratch = tempfile.mkdtemp(prefix="unet-course-")
_worker = os.environ.get("PYTEST_XDIST_WORKER", "")  # tests that run side by side keep out of each other's way
for _name, _folder in (("UNET_COURSE_RUNS", "runs"), ("UNET_COURSE_PROGRESS", "progress")):
    os.environ[_name] = str(Path(os.environ.get(_name) or Path(_scratch) / _folder) / _worker)
if _worker:  # as many threads as there are cores, for all workers and the kernels they start together; more only wait for each other
    _threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(_threads))


@pytest.fixture(autouse=True)
def unbroken_lines(monkeypatch):
    """Let the course print sentences in one line, so that tests can look for words; `test_printing` tests the breaks."""
    try:
        from helpers import printing
    except ImportError:  # a copy of this file, without the course beside it
        return
    monkeypatch.setattr(printing, "WIDTH", 10**6)


@contextlib.contextmanager
def compiling(wanted):
    """Let TensorFlow compile steps meanwhile, or take them operation by operation."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(not wanted)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="module")
def uncompiled():
    """Take the steps of tiny networks operation by operation: to compile one step takes longer than such a run has steps."""
    with compiling(False):
        yield


@pytest.fixture
def uncompiled_steps():
    """The same for one test, in a module that compiles."""
    with compiling(False):
        yield


@pytest.fixture
def compiled_steps(uncompiled):
    """Compile the steps of one test in a module that does not, as a student's run does."""
    with compiling(True):
        yield


LONGEST = ("03_", "07_", "05_", "08_", "09_", "06_", "02_", "test_panels_in_browser", "test_training", "test_scaling", "test_backup")


def pytest_collection_modifyitems(items):
    """Put the longest files first: one that begins last would run beside nothing."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: next((ranks[name] for name in LONGEST if item.path.name.startswith(name)), len(LONGEST)))


def pytest_collection_finish():
    """Spare each `gc.collect`, one a training, the half second in which it would look at all that was imported."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """The same for what a test has left that trained something: the next trainings would look at all of it, each time."""
    began = time.monotonic()
    result = yield
    if time.monotonic() - began > 0.5:
        gc.collect()
        gc.freeze()
    return result


def pytest_runtest_setup(item):
    """Skip what is left once the time is over that UNET_COURSE_TESTS_UNTIL names: CI breaks off a run after 90 minutes."""
    until = float(os.environ.get("UNET_COURSE_TESTS_UNTIL") or math.inf)
    if time.time() > until:
        pytest.skip("the time for all tests was over")


def pytest_sessionstart(session):
    session.config._course_reporter = session.config.pluginmanager.get_plugin("terminalreporter")


def pytest_unconfigure(config):
    """Say what was skipped as the last line of all, below pytest's own summary."""
    reporter = getattr(config, "_course_reporter", None)
    said = what_was_skipped(reporter.stats.get("skipped", [])) if reporter else ""
    if said:
        print(said)
