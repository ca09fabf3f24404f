"""Memory of a training: a step uses the pages of the step before, and does not fetch them from the system again."""

import json
import platform
import subprocess
import sys

import pytest
from course import ROOT

FAULTS = """
import json, resource, sys, tempfile
import keras
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet

class Count(keras.callbacks.Callback):
    pages = []
    def now(self):
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    def on_train_batch_begin(self, batch, logs=None):
        self.before = self.now()
    def on_train_batch_end(self, batch, logs=None):
        self.pages.append(self.now() - self.before)

train, validation = make_dataset(64, CircleScene(), seed=1), make_dataset(4, CircleScene(), seed=2)
train_unet(build_unet(), train, validation, tempfile.mkdtemp() + "/run", epochs=1, callbacks=[Count()])
print(json.dumps(Count.pages[6:]))
"""


def pages_of_a_step():
    """Return the median number of pages that a training step asks the system for, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    pages = sorted(json.loads(done.stdout.splitlines()[-1]))
    return pages[len(pages) // 2]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_a_step_keeps_the_memory_of_the_step_before():
    assert pages_of_a_step() < 5_000  # without `keep_freed_pages` they are 75,000: benchmarks/kept_pages.py
