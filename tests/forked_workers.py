"""Workers as `start_workers` starts them, but forked from a process that has imported TensorFlow already.

Each start of a worker imports TensorFlow, which takes longer than what most tests let it train. Workers that are started
in earnest are in notebook 07, in `test_clusters` and in `test_workers_end_with_the_process_that_started_them`.
"""

import contextlib
import multiprocessing
import os
import runpy
import subprocess
import sys
from types import SimpleNamespace

import pytest
from helpers.scaling import workers

CONTEXT = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")  # on a Mac a fork may crash
CONTEXT.set_forkserver_preload(["helpers.scaling.__main__"])  # it computes nothing, so it has no devices yet


def _work(command, env, cwd, log, gate):
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, file in ((0, gate.fileno()), (1, os.open(log, os.O_WRONLY)), (2, 1)):
        os.dup2(file, number)
    _, _, module, *sys.argv[1:] = command
    runpy.run_module(module, run_name="__main__", alter_sys=True)


class Forked:
    """What `start_workers` and `watch_workers` ask of a `subprocess.Popen`."""

    def __init__(self, command, env, cwd, stdin, stdout, stderr):
        gate, self.stdin = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_work, args=(command, env, str(cwd), stdout.name, gate))
        self._process.start()
        gate.close()
        self.pid, self.kill = self._process.pid, self._process.kill

    def poll(self):
        return self._process.exitcode

    def wait(self):
        self._process.join()
        return self.poll()


@contextlib.contextmanager
def forked():
    """Let `start_workers` fork them meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "subprocess", SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE, STDOUT=subprocess.STDOUT))
        yield
