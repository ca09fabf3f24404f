"""Kill a short run at 200 moments, resume it, and compare it bit for bit with one that was left alone.

    python benchmarks/kills.py            200 kills, writes kills.md
    python benchmarks/kills.py --kills 20

All kills are SIGKILL: at a random moment of the whole run, from outside; at a step of what backup, checkpoint and lock do
with the disk (before or after a sync, a renaming, a removal, or with a file half written); and at such a step with
all that was not synced cut in half, as after a power failure. One in four is killed once more while it resumes. A process
imports TensorFlow once and forks before it computes anything, so a kill costs seconds and not a start of TensorFlow.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import helpers  # noqa: E402, F401  (it quiets TensorFlow, so it comes first)
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.run_state import folder as run_folder  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402
from helpers.training import load_network, read_log, train_unet  # noqa: E402

SCENE = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
EPOCHS = 3


def train(run_dir, resume=False):
    """The run that is killed: all the callbacks, two steps an epoch."""
    keras.utils.set_random_seed(3)
    model = build_unet(depth=1, filters=2)
    data = make_dataset(6, SCENE, seed=1), make_dataset(3, SCENE, seed=4)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            train_unet(model, *data, run_dir, epochs=EPOCHS, resume=resume)
    except FileNotFoundError as error:  # it was killed after its end: then the folder must hold all of it
        if "ran to its end" not in str(error):
            raise
        model = load_network(Path(run_dir) / "best.keras")
    digest = hashlib.sha256(str(read_log(run_dir)).encode())
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    return digest.hexdigest()


class Disk:
    """Count what a run does with the disk, and kill the process at one of these steps.

    power_failure: what was written and not synced is cut in half at that moment, as it may be when the power fails.
    """

    def __init__(self, folder, kill_at=None, power_failure=False):
        self.folder, self.kill_at, self.power_failure = Path(folder), kill_at, power_failure
        self.steps, self.synced = [], {}

    def watch(self):
        """Count the calls of the operating system, and each draft that is about to get its name as one half written."""
        for name in ("replace", "fsync", "unlink", "mkdir", "rmdir"):
            setattr(os, name, self._counted(name, getattr(os, name)))
        put = run_folder.put_in_place

        def half_first(draft, path):
            self._step(f"{Path(path).name} half written", half=draft)
            put(draft, path)

        for module in list(sys.modules.values()):
            if getattr(module, "put_in_place", None) is put:
                module.put_in_place = half_first

    def _counted(self, name, function):
        def counted(first, *arguments, **settings):
            what = "a file" if isinstance(first, int) else Path(first).name
            self._step(f"before {name} of {what}")
            result = function(first, *arguments, **settings)
            if name == "fsync":
                state = os.fstat(first)
                self.synced[state.st_ino] = state.st_mtime_ns
            self._step(f"after {name} of {what}")
            return result

        return counted

    def _step(self, name, half=None):
        self.steps.append(name)
        if len(self.steps) != self.kill_at:
            return
        lost = [half] if half else []
        if self.power_failure and self.folder.is_dir():
            lost += [path for path in self.folder.rglob("*") if path.is_file()
                     and self.synced.get(path.stat().st_ino) != path.stat().st_mtime_ns]
        for path in lost:
            os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)


def in_child(run_dir, disk=None, after=None):
    """Train in a process of its own, and resume if the folder holds anything.

    disk: as in `Disk`; after: seconds after which it is killed from outside. Returns the digest, what went wrong in
    words, or None if it was killed; its steps on the disk; and its seconds.
    """
    reader, writer = os.pipe()
    started, child = time.monotonic(), os.fork()
    if child == 0:
        try:
            disk = disk or Disk(run_dir)
            disk.watch()
            told = "\n".join([train(run_dir, run_dir.is_dir() and any(run_dir.iterdir())), *disk.steps])
        except BaseException as error:
            told = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        os.write(writer, told.encode())
        os._exit(0)
    os.close(writer)
    while after is not None and time.monotonic() - started < after:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(0.001)
    if after is not None:
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as file:
        told = file.read().splitlines()
    os.waitpid(child, 0)
    return (told[0] if told else None), told[1:], time.monotonic() - started


def outcome(run_dir, whole, again=None, **kill):
    """Kill a run, kill its resumption after `again` seconds, if any, and let it end; returns in words what came of it."""
    if in_child(run_dir, **kill)[0] is not None:
        return "was not killed"
    if again is not None:
        in_child(run_dir, after=again)
    told = in_child(run_dir)[0]
    return "the same bit for bit" if told == whole else f"another network: {told}" if len(told) == 64 else told


KINDS = ("at a random moment", "at a step on the disk", "at a step on the disk, power failure")


def measure(kills, seed=0, show=lambda *told: None, compiled=True):
    """Kill `kills` runs in turns of the three kinds, every fourth one twice; returns the outcomes, steps and seconds.

    show: is called after each kill with a line of text and what there is so far. compiled: without it, steps are not
    compiled, which takes most of so short a run; what it does with the disk is the same.
    """
    tf.config.run_functions_eagerly(not compiled)
    rng, found = random.Random(seed), {kind: Counter() for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder:
        whole, steps, seconds = in_child(Path(folder) / "whole")
        if len(whole) != 64:
            raise RuntimeError(f"the run that nobody killed did not end: {whole}")
        order = {power: rng.sample(range(1, len(steps) + 1), len(steps)) for power in (False, True)}
        for i in range(kills):
            run, kind, tries = Path(folder) / f"run-{i}", KINDS[i % 3], 0
            if i % 3:
                power = i % 3 == 2
                kill = {"disk": Disk(run, order[power][i // 3 % len(steps)], power)}
            else:
                kill = {"after": rng.uniform(0.3, 0.95) * seconds}
            again = rng.uniform(0.3, 0.9) * seconds if i % 4 == 3 else None
            result = outcome(run, whole, again, **kill)
            while result == "was not killed" and "after" in kill and tries < 9:  # it was quicker than the first
                tries += 1
                kill["after"] *= 0.7
                result = outcome(run.with_name(f"run-{i}-{tries}"), whole, again, **kill)
            found[kind][result] += 1
            show(f"{i + 1} of {kills}: {kind}: {result}", found, steps, seconds)
    return found, steps, seconds


def write_table(line, found, steps, seconds):
    """Print a line and write the table of the kills until now, so that a benchmark that is stopped leaves one, too."""
    print(line, flush=True)
    lines = [
        "# Kills", "", f"Written by `python benchmarks/kills.py` after {line.split(':')[0]} kills.", "",
        f"A run of {EPOCHS} epochs ({seconds:.0f} s, {len(steps)} steps on the disk) is killed, one in four once more",
        "while it resumes, and then resumed to its end. Compared are the weights of the best epoch and the log.", "",
        "| killed | kills | what the resumed run ended with |", "| --- | --- | --- |",
    ]
    for kind, results in found.items():
        told = "; ".join(f"{number} {result}" for result, number in results.most_common())
        lines.append(f"| {kind} | {sum(results.values())} | {told} |")
    kinds = sorted({step.split(" of ")[0] for step in steps})
    lines += ["", f"The steps on the disk: {', '.join(kinds)}."]
    (Path(__file__).parent / "kills.md").write_text("\n".join(lines) + "\n")


def main():
    """Kill, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    measure(parser.parse_args().kills, show=write_table)


if __name__ == "__main__":
    main()
