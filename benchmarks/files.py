"""Training from files: Grain, Keras' PyDataset and our own pool side by side, and memory up to 200,000 files.

    pip install grain                    only for this measurement
    python benchmarks/files.py           about ten minutes on two quiet cores; writes files.md
    python benchmarks/files.py --only loaders, or --only memory      one of its two parts; the other stays as it was

The folders are made by the benchmark and removed. Each loader is measured in a process of its own, in turns with
arrays, so that ratios hold on a busy machine. All loaders read, check and cut the same patches, by `read_patches`, and
all are turned and mirrored by `augment` in the process that trains, as arrays are.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402

from helpers.own_images import Manifest, index_folder  # noqa: E402
from helpers.scaling import file_batches, read_patches, stream_files, write_scenes  # noqa: E402
from helpers.synthesis import CircleScene  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
SIZE, BATCH, PAIRS = 96, 4, 1500
AHEAD = 32  # batches that each loader may read in advance, as many as ours
STEPS = ("own-0", "own-1", "grain-1", "keras-1")  # of these a training step is measured, too
LOADERS = {  # name of each measurement: what it is called in the table
    "own-1": "our own pool, 1 process", "own-2": "our own pool, 2 processes", "own-0": "our own, without a process",
    "grain-0": "Grain, threads", "grain-1": "Grain, 1 process", "grain-2": "Grain, 2 processes",
    "keras-1": "PyDataset, 1 thread", "keras-2": "PyDataset, 2 threads", "keras-p2": "PyDataset, 2 processes",
}
FILES = (2_000, 200_000)


class Read:
    """Read one patch, by its number in the first pass; picklable, as Grain's processes need it."""

    def __init__(self, path):
        self.rows = Manifest(path, "training")

    def __len__(self):
        return len(self.rows)

    def __call__(self, number):
        images, masks, _, _ = read_patches(0, [(int(number), self.rows[int(number)])], (SIZE, None, None, None))
        return images[0], masks[0]


def turned(batches):
    """Mirror and turn what a library's loader yields, as ours does."""
    from helpers.training import augment

    for i, (images, masks) in enumerate(batches):
        yield augment(np.asarray(images), np.asarray(masks), [0, i])


def grain_batches(path, workers):
    """Yield batches without end by Grain, from threads of this process or from processes."""
    import grain

    read = Read(path)
    ahead = grain.ReadOptions(num_threads=2, prefetch_buffer_size=AHEAD * BATCH)
    data = grain.MapDataset.range(len(read)).shuffle(seed=0).repeat().map(read).to_iter_dataset(ahead).batch(BATCH)
    if workers:
        data = data.mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))
    return turned(iter(data))


def keras_batches(path, workers, processes):
    """Yield batches without end by Keras' PyDataset, from threads of this process or from processes."""
    import keras
    from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

    class Files(keras.utils.PyDataset):
        def __init__(self):
            super().__init__(workers=workers, use_multiprocessing=processes, max_queue_size=AHEAD)
            self.read = Read(path)
            self.order = np.random.default_rng(0).permutation(len(self.read))

        def __len__(self):
            return len(self.read) // BATCH

        def __getitem__(self, i):
            pairs = [self.read(number) for number in self.order[i * BATCH : i * BATCH + BATCH]]
            return tuple(np.stack(parts) for parts in zip(*pairs))

    def endless():
        adapter = PyDatasetAdapter(Files())
        while True:
            adapter.on_epoch_begin()
            yield from adapter._get_iterator()  # what fit turns into a tf.data.Dataset
            adapter.on_epoch_end()

    return turned(endless())


def batches_of(loader, path, many):
    """Return an iterator over the batches of a loader as a network gets them, through `tf.data`."""
    from helpers.training import to_dataset, training_batches

    kind, _, workers = loader.partition("-")
    if kind == "arrays":
        images, masks = next(file_batches(path, 1, SIZE, batch_size=800, workers=0, augmented=False))
        return iter(training_batches(images, masks, BATCH, epochs=1 + many * BATCH // 800))
    if kind == "own":
        return iter(stream_files(path, many, SIZE, batch_size=BATCH, workers=int(workers)))
    if kind == "grain":
        return iter(to_dataset(lambda: grain_batches(path, int(workers)), (SIZE, SIZE, 1), many))
    return iter(to_dataset(lambda: keras_batches(path, int(workers[-1]), "p" in workers), (SIZE, SIZE, 1), many))


def measure(loader, path, rounds=5, skipped=40, steps=50, drained=200):
    """Return the seconds to the first batch, and for each turn those of a step and of a batch, by whose batches."""
    import psutil
    import tensorflow as tf

    from helpers.anatomy import build_unet
    from helpers.scaling import training_step

    many = rounds * (2 * skipped + steps + drained) + 1
    started = time.perf_counter()
    files = batches_of(loader, path, many)
    images, masks = next(files)
    first = time.perf_counter() - started
    model = build_unet()
    training_step(model, images, masks)
    step = tf.function(lambda x, y: model.train_step((x, y))["loss"])
    arrays, pool = batches_of("arrays", path, many), batches_of("own-1", path, many)
    process = psutil.Process()

    def spent():
        return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))

    def take(batches, count, use):
        for _ in range(skipped):  # what was read in advance while the others had their turn does not count
            use(*next(batches))
        begun, used = time.perf_counter(), spent()
        for _ in range(count):
            use(*next(batches))
        return (time.perf_counter() - begun) / count, (spent() - used) / count

    found = {"step": [], "step, arrays": [], "batch": [], "batch, pool": [], "processor": []}
    for _ in range(rounds):
        for name, batches in (("step", files), ("step, arrays", arrays)) if loader in STEPS else ():
            found[name].append(take(batches, steps, lambda x, y: float(step(x, y)))[0])
        seconds, used = take(files, drained, lambda x, y: None)
        found["batch"].append(seconds)
        found["processor"].append(used)
        found["batch, pool"].append(take(pool, drained, lambda x, y: None)[0])
    return {"first": first, **found}


def memory(path, batches):
    """Return the largest memory, MB, of this process and those that read for it, over `batches` batches of a stream."""
    import psutil

    process, most = psutil.Process(), 0
    for i, _ in enumerate(stream_files(path, batches, 16, batch_size=20)):
        if i % 10 == 0:
            family = [process, *process.children(recursive=True)]
            most = max(most, sum(one.memory_info().rss for one in family) / 1e6)
    return most


def in_child(*arguments):
    """Run one measurement in a process of its own; returns what it found, or in words why not."""
    command = [sys.executable, __file__, "--child", json.dumps(arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        return "stood still for 15 minutes"
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else (done.stderr.strip().splitlines() or ["ended without a word"])[-1][:160]


def spread(values, digits=2):
    """Return the median of some numbers and their middle half, as text."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def loaders(scratch):
    """Measure all loaders; returns what each found, by name."""
    folder = write_scenes(Path(scratch) / "scans", PAIRS, CircleScene(size=SIZE))
    path, _ = index_folder(folder, progress=False)
    found = {}
    for loader in LOADERS:
        found[loader] = in_child("measure", loader, str(path))
        print(loader, found[loader], flush=True)
    return found


def memories(scratch):
    """Measure the memory of a pass through few and through many files; returns MB, by number of files."""
    found = {}
    for files in FILES:
        folder = write_scenes(Path(scratch) / f"{files}", files // 2, CircleScene(size=16, radius=(3, 5), circles=(0, 2)))
        path, _ = index_folder(folder, progress=False)
        found[files] = in_child("memory", str(path), len(Manifest(path, "training")) // 20)["memory"]
        print(files, found[files], flush=True)
    return found


def table(found):
    """Return the lines of the report."""
    good = {name: one for name, one in found.items() if isinstance(one, dict)}
    slower = {name: np.divide(one["batch"], one["batch, pool"]) for name, one in good.items()}
    steps = {name: np.divide(one["step"], one["step, arrays"]) for name, one in good.items() if name in STEPS}
    lines = [
        "# Training from files", "",
        f"`python benchmarks/files.py`, {os.cpu_count()} CPU cores, load {os.getloadavg()[0]:.1f} at the end. {PAIRS:,} pairs of PNG files of "
        f"{SIZE}x{SIZE}; every loader reads, checks and cuts", f"the same patches, in batches of {BATCH}. Medians with the middle half of five "
        "turns; ratios were measured in turns within one process.", "",
        "| loader | a batch, to one from our pool | processor time of a batch, ms | a training step, to one from arrays | seconds to the first batch |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, title in LOADERS.items():
        one = found[name]
        if name not in good:
            lines.append(f"| {title} | did not work: {one} | | | |")
            continue
        lines.append(
            f"| {title} | {spread(slower[name])} | {spread(np.multiply(one['processor'], 1000), 1)} | {spread(steps[name]) if name in steps else ''} | {one['first']:.1f} |"
        )
    lines += ["", "## Which loader stays", "", "A library within 1.3 times of our own pool replaces it.", ""]
    for kind, title in (("grain", "Grain"), ("keras", "PyDataset")):
        names = [name for name in good if name.startswith(kind)]
        best = min(names, key=lambda name: np.median(slower[name]), default=None)
        if best:
            work = np.median(good[best]["processor"]) / np.median(good["own-1"]["processor"])
            again = np.median(slower[best])
            lines.append(f"- {title} at its best ({LOADERS[best].split(', ')[1]}): {again:.2f} times the time of our pool for a batch, with {work:.2f} times "
                         f"the processor time. {'Within' if again <= 1.3 else 'Beyond'} 1.3.")
    bound = 1.10
    lines += ["", "## A step from files, to one from arrays", ""]
    for name in ("own-0", "own-1"):
        usual = np.median(steps[name])
        lines.append(f"- {LOADERS[name]}: {usual:.2f}; the bound is at most {bound:.2f}: {'kept' if usual <= bound else 'missed'}.")
    return lines


def memory_table(used):
    """Return the lines on memory."""
    few, many = (used[files] for files in FILES)
    return [
        "## Memory", "",
        f"One pass of the stream, with TensorFlow and the process that reads, {os.cpu_count()} CPU cores: {few:.0f} MB from {FILES[0]:,} files, {many:.0f} MB from "
        f"{FILES[1]:,}, {many - few:+.0f} MB; the bound is 100: {'kept' if many - few <= 100 else 'missed'}.",
    ]


def main() -> None:
    """Measure and write the table, or be one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=("loaders", "memory"), help="measure one part and keep the other")
    options = parser.parse_args()
    if options.child:
        what, *arguments = json.loads(options.child)
        found = measure(*arguments) if what == "measure" else {"memory": memory(*arguments)}
        print(json.dumps(found), flush=True)
        os._exit(0)  # processes of a library must not hold this one back
    if options.only != "memory" and importlib.util.find_spec("grain") is None:
        sys.exit("Grain is not installed, and this measurement compares with it. Install it with: pip install grain")
    first, mark, second = (REPORT.read_text(encoding="utf-8") if REPORT.exists() else "").partition("## Memory")
    with tempfile.TemporaryDirectory() as scratch:
        if options.only != "memory":
            first = "\n".join(table(loaders(scratch))) + "\n\n"
        if options.only != "loaders":
            mark, second = "", "\n".join(memory_table(memories(scratch))) + "\n"
    print(first + mark + second)
    REPORT.write_text(first + mark + second, encoding="utf-8")


if __name__ == "__main__":
    main()
