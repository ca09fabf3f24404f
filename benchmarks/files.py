"""Training from files: Grain, Keras' PyDataset and our own pool side by side, and memory up to 200,000 files.

    pip install grain                    only for this measurement
    python benchmarks/files.py           writes files.md
    python benchmarks/files.py --only loaders (or steps, or memory)      one of its parts; the others stay as they were

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


def turns(loader, path, step, rounds=5, skipped=40, counted=150):
    """Return seconds to the first batch, and in turns those of a batch, or of a training step, by whose batches it was.

    step: compare training steps with those from arrays; without it batches are taken, and compared with our own pool.
    """
    import psutil

    process, many = psutil.Process(), rounds * (skipped + counted) + 1
    started = time.perf_counter()
    files = batches_of(loader, path, many)
    batch = next(files)
    first = time.perf_counter() - started
    rival = batches_of("arrays" if step else "own-1", path, many)
    use = training(batch) if step else lambda images, masks: None

    def spent():
        return sum(sum(one.cpu_times()[:2]) for one in (process, *process.children(recursive=True)))

    def take(batches):
        for _ in range(skipped):  # what was read in advance while the others had their turn does not count
            use(*next(batches))
        begun, used = time.perf_counter(), spent()
        for _ in range(counted):
            use(*next(batches))
        return (time.perf_counter() - begun) / counted, (spent() - used) / counted

    found = {"first": first, "seconds": [], "processor": [], "rival": []}
    for _ in range(rounds):
        seconds, used = take(files)
        found["seconds"].append(seconds)
        found["processor"].append(used)
        found["rival"].append(take(rival)[0])
    return found


def training(batch):
    """Return a function that takes one training step as `train_unet` does."""
    import tensorflow as tf

    from helpers.anatomy import build_unet
    from helpers.scaling import training_step

    model = build_unet()
    training_step(model, *batch)
    step = tf.function(lambda images, masks: model.train_step((images, masks))["loss"])
    return lambda images, masks: float(step(images, masks))


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


def measured(scratch, names, step):
    """Measure some loaders in turns; returns what each found, by name."""
    folder = write_scenes(Path(scratch) / f"scans-{step}", PAIRS, CircleScene(size=SIZE))
    path, _ = index_folder(folder, progress=False)
    found = {}
    for loader in names:
        found[loader] = in_child("turns", loader, str(path), step)
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


def conditions():
    """Return in words on what the measurement ran."""
    return (f"{os.cpu_count()} CPU cores, load {os.getloadavg()[0]:.0f} at the end; {PAIRS:,} pairs of gray PNG files of {SIZE}x{SIZE}, batches of {BATCH}. "
            "Medians of five turns, with their middle half"
            + ("; the machine was busy, so measure again on a quiet one before anything is exchanged" if os.getloadavg()[0] > 3 else ""))


def loaders(scratch):
    """Return the lines on all loaders beside our own pool, and which of them stays."""
    found = measured(scratch, LOADERS, False)
    good = {name: one for name, one in found.items() if isinstance(one, dict)}
    ratios = {name: np.divide(one["seconds"], one["rival"]) for name, one in good.items()}
    lines = [
        "## Loaders", "",
        f"{conditions()}.", "Every loader reads, checks and cuts the same patches; ratios are between turns in one process.", "",
        "| loader | a batch, to one from our pool with 1 process | processor time of a batch, ms | seconds to the first batch |", "| --- | --- | --- | --- |",
    ]
    for name, title in LOADERS.items():
        one = found[name]
        cells = f"{spread(ratios[name])} | {spread(np.multiply(one['processor'], 1000), 1)} | {one['first']:.1f}" if name in good else f"did not work: {one} | |"
        lines.append(f"| {title} | {cells} |")
    lines += ["", "A library within 1.3 times of the time of our own pool would replace it.", ""]
    for kind, title in (("grain", "Grain"), ("keras", "PyDataset")):
        names = [name for name in good if name.startswith(kind)]
        best = min(names, key=lambda name: np.median(ratios[name]), default=None)
        if best:
            work = np.median(good[best]["processor"]) / np.median(good["own-1"]["processor"])
            within = np.median(ratios[best]) <= 1.3
            lines.append(
                f"- {title} at its best ({LOADERS[best].split(', ')[1]}): {np.median(ratios[best]):.2f} times the time of our pool, with {work:.2f} times "
                f"the processor time. {'It is within 1.3.' if within else 'Our pool stays.'}"
            )
    alone, work = np.median(ratios["own-0"]), np.median(good["own-0"]["processor"]) / np.median(good["own-1"]["processor"])
    lines += ["", f"PyDataset's threads belong to the process that trains. So does the one of our own without a process, `workers=0`: {alone:.2f} times the time of the pool,",
              f"{work:.2f} times the processor time. Unlike PyDataset, it begins at any batch and is a `tf.data.Dataset`, as `train_unet` takes it."]
    return lines


def steps(scratch):
    """Return the lines on a training step from files, to one from arrays."""
    found, bound = measured(scratch, STEPS, True), 1.10
    lines = ["## A training step from files, to one from arrays", "", f"{conditions()}. The bound is {bound:.2f} for our own pool with 1 process.", "",
             "| loader | a step, to one from arrays | bound |", "| --- | --- | --- |"]
    for name in STEPS:
        ratios = np.divide(found[name]["seconds"], found[name]["rival"])
        told = ("kept" if np.median(ratios) <= bound else "missed") if name == "own-1" else ""
        lines.append(f"| {LOADERS[name]} | {spread(ratios)} | {told} |")
    return lines


def memory_table(scratch):
    """Return the lines on memory."""
    used = memories(scratch)
    few, many = (used[files] for files in FILES)
    return [
        "## Memory", "",
        f"One pass of the stream, with TensorFlow and the process that reads: {few:.0f} MB from {FILES[0]:,} files, {many:.0f} MB from "
        f"{FILES[1]:,}, {many - few:+.0f} MB; the bound is 100: {'kept' if many - few <= 100 else 'missed'}.",
    ]


PARTS = {"loaders": loaders, "steps": steps, "memory": memory_table}


def main() -> None:
    """Measure and write the table, or be one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--only", choices=PARTS, help="measure one part and keep the others")
    options = parser.parse_args()
    if options.child:
        what, *arguments = json.loads(options.child)
        found = turns(*arguments) if what == "turns" else {"memory": memory(*arguments)}
        print(json.dumps(found), flush=True)
        os._exit(0)  # processes of a library must not hold this one back
    if options.only != "memory" and importlib.util.find_spec("grain") is None:
        sys.exit("Grain is not installed, and this measurement compares with it. Install it with: pip install grain")
    for name in PARTS if options.only is None else (options.only,):
        with tempfile.TemporaryDirectory() as scratch:
            part = "\n".join(PARTS[name](scratch))
        text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
        kept = {old.partition("\n")[0]: f"## {old}".strip() for old in f"\n{text}".split("\n## ")[1:]}
        kept[part.partition("\n")[0].removeprefix("## ")] = part
        head = ["# Training from files", "Measured by `python benchmarks/files.py`, which makes the folders of files and removes them."]
        REPORT.write_text("\n\n".join([*head, *kept.values()]) + "\n", encoding="utf-8")
        print(part, flush=True)


if __name__ == "__main__":
    main()
