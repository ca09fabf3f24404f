"""What a training step gains by keeping the memory of the step before: `keep_freed_pages` of helpers/memory.py.

    python benchmarks/kept_pages.py        writes kept_pages.md beside this file; about two minutes on two cores

Both kinds are measured in processes of their own, in turns, because the setting belongs to a process.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TURNS = 5
STEPS = """
import json, resource, sys, tempfile, time
from helpers import memory  # before Keras, as in the notebooks: it turns on oneDNN
import keras
from benchmarks.peak_memory import high_water
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet

if sys.argv[1] == "without":
    memory.keep_freed_pages = lambda: False

class Watch(keras.callbacks.Callback):
    def now(self):
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_utime, used.ru_stime, used.ru_minflt
    def on_train_batch_begin(self, batch, logs=None):
        if batch == 10:
            self.start = self.now()
    def on_train_batch_end(self, batch, logs=None):
        if batch == 49:
            self.found = [(end - start) / 40 for start, end in zip(self.start, self.now())]

watch = Watch()
train, validation = make_dataset(200, CircleScene(), seed=1), make_dataset(4, CircleScene(), seed=2)
train_unet(build_unet(), train, validation, tempfile.mkdtemp() + "/run", epochs=1, callbacks=[watch])
print(json.dumps([*watch.found, high_water() / 2**20]))
"""


def measured(which) -> list[float]:
    """Return seconds, seconds of the program, of the system, and pages of a step; and the largest memory, MB."""
    done = subprocess.run([sys.executable, "-c", STEPS, which], check=True, capture_output=True, text=True, cwd=HERE.parent)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure both kinds in turns and write the table of medians."""
    found = {"with": [], "without": []}
    for _ in range(TURNS):
        for which, rows in found.items():
            rows.append(measured(which))
            print(which, rows[-1], flush=True)
    middle = {which: [statistics.median(values) for values in zip(*rows)] for which, rows in found.items()}
    gain = statistics.median(without[0] / kept[0] for kept, without in zip(found["with"], found["without"]))
    lines = [
        "# Steps that keep their memory", "",
        f"Made by `python benchmarks/kept_pages.py`: medians of {TURNS} turns, 40 steps each of `train_unet` with batches of 4 pictures of 96x96.",
        f"Without `keep_freed_pages` a step takes {gain:.2f} times as long (median of the turns).", "",
        "| | thousandths of a second a step | of the program | of the system | pages a step | largest memory, MB |", "| --- | --- | --- | --- | --- | --- |",
        *(f"| {which} | {1000 * a:.0f} | {1000 * b:.0f} | {1000 * c:.0f} | {d:,.0f} | {e:.0f} |" for which, (a, b, c, d, e) in middle.items()),
    ]
    (HERE / "kept_pages.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
