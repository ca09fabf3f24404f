"""Your own images, measured: thirty membranes from load to scores, tiles against one pass, a picture of 8192 x 8192.

    python benchmarks/own_images.py             all parts, each in its own process; writes own_images.md
    python benchmarks/own_images.py tiles       one part, printed only: tiles, seams or membranes
    python benchmarks/own_images.py membranes --seconds 60 --images DIR --masks DIR     on a set of yours
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
import tifffile  # noqa: E402
from scipy import ndimage, spatial  # noqa: E402

from benchmarks.peak_memory import high_water  # noqa: E402
from benchmarks.processor import processor  # noqa: E402
from helpers import MODELS  # noqa: E402
from helpers import own_images as own  # noqa: E402
from helpers.own_images.tile_layout import BUDGET, lay_tiles, pictures_at_once, tile_side  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
CORES = 2  # of the laptop that this stands for
PLAIN = "plain U-Net 16-32-64-128, Adam 1e-3, cross-entropy"


class Memory:
    """The largest memory of this process while a block runs, above that before it, MB."""

    def __enter__(self):
        """Start watching, a hundred times a second."""
        self.process, self.done = psutil.Process(), threading.Event()
        self.before = self.peak = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.done.wait(0.01):
            self.peak = max(self.peak, self.process.memory_info().rss)

    def __exit__(self, *_):
        """Stop watching."""
        self.done.set()
        self.thread.join()

    @property
    def above(self) -> int:
        """The peak above the start, MB."""
        return round((self.peak - self.before) / 1e6)


# --- membranes --------------------------------------------------------------------------------------------------------


def draw_membranes(rng, size=512):
    """Draw a section of tissue as an electron microscope shows it: `(image, mask)`, `[size, size]` uint8, membranes 1.

    Cells of a Voronoi diagram, warped; dark membranes of uneven width and darkness; dark organelles, which are none.
    """
    y, x = np.mgrid[:size, :size].astype(np.float32)
    warp = [12 * ndimage.gaussian_filter(rng.normal(size=(size, size)), 14) * 40 for _ in range(2)]
    points = rng.uniform(-40, size + 40, (int(rng.integers(70, 140)), 2))
    away, _ = spatial.cKDTree(points).query(np.stack([y + warp[0], x + warp[1]], -1).reshape(-1, 2), k=2)
    gap = (away[:, 1] - away[:, 0]).reshape(size, size)
    width = 3 + 1.5 * ndimage.gaussian_filter(rng.normal(size=(size, size)), 20) * 60
    mask = (gap < np.clip(width, 1.5, 6)).astype(np.uint8)
    dark = mask * np.clip(0.5 + 10 * ndimage.gaussian_filter(rng.normal(size=(size, size)), 10), 0.15, 0.8)
    image = 0.7 - dark + 2.5 * ndimage.gaussian_filter(rng.normal(size=(size, size)), 8)
    for _ in range(int(rng.integers(15, 40))):
        center, axes = tuple(rng.integers(0, size, 2).tolist()), tuple(rng.integers(5, 16, 2).tolist())
        organelle = np.zeros((size, size), np.float32)
        cv2.ellipse(organelle, center, axes, float(rng.uniform(0, 180)), 0, 360, 1, int(rng.choice([-1, 2, 3])))
        image -= rng.uniform(0.1, 0.4) * organelle * (1 - mask)
    image = ndimage.gaussian_filter(image, 1.2) + rng.normal(size=(size, size)) * 0.09
    return np.clip(255 * image, 0, 255).astype(np.uint8), mask


def write_membranes(folder, n=30):
    """Write `n` pictures as TIFF and their masks as 0/255 PNG; returns the two folders."""
    dirs = Path(folder) / "images", Path(folder) / "masks"
    for place in dirs:
        place.mkdir(parents=True)
    for i in range(n):
        image, mask = draw_membranes(np.random.default_rng([5, i]))
        tifffile.imwrite(dirs[0] / f"section{i:02d}.tif", image)
        cv2.imwrite(str(dirs[1] / f"section{i:02d}.png"), mask * 255)
    return dirs


def membranes(seconds, images_dir=None, masks_dir=None):
    """From load to test scores, each network with as much of the processor; returns rows and the process's memory.

    seconds: on two cores; a list measures the first network of ours and the plain ones with each, all with the last.
    """
    import keras
    import tensorflow as tf

    from helpers.anatomy import build_unet
    from helpers.evaluation import best_threshold, dice_per_image, otsu_baseline

    scratch = Path(tempfile.mkdtemp())
    dirs = (images_dir, masks_dir) if images_dir else write_membranes(scratch / "set")
    start = time.perf_counter()
    pairs = own.load_pairs(*dirs)
    if images_dir:
        sets = own.split_by_source(own.groups_of(pairs.names), (0.6, 0.2, 0.2))
    else:
        sets = [list(range(18)), list(range(18, 24)), list(range(24, 30))]  # each is drawn by itself
    rule = own.fit_normalization(own.choose(pairs, sets[0])[0])
    train, val, test = ((rule.apply(x), y) for x, y in (own.choose(pairs, s) for s in sets))
    loaded = time.perf_counter() - start
    whole = lambda side: side // 8 * 8  # noqa: E731

    def found_by(model, turned):
        x, y = own.draw_patches(*val, n=48, size=128, seed=9)
        threshold = best_threshold(y, np.stack([own.predict_tiled(model, i, turned=turned) for i in x])).threshold
        return [(own.predict_tiled(model, i, turned=turned) >= threshold).astype(np.uint8) for i in test[0]]

    cells = [own.label_objects(1 - m, 30) for m in test[1]]  # what the membranes enclose

    def scored(found):
        dice = np.mean([dice_per_image(m[None], mine[None])[0] for m, mine in zip(test[1], found)])
        return float(dice), own.object_scores(cells, [1 - mine for mine in found], 30)["object F1"]

    def plain(most, augmented):
        """Train 16-32-64-128 as most tutorials do: Adam at 1e-3, cross-entropy.

        It gets as much of the processor as ours took, compiling and scores on validation included. augmented: on our
        batches of turned patches; otherwise on whole pictures, two a step, as `fit` takes them.
        """
        model = build_unet(filters=16)
        model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
        if augmented:
            batches = own.patch_batches(*train, 128, 8, 20)
        else:
            arrays = (np.stack([np.asarray(part)[..., None] if np.ndim(part) == 2 else part for part in parts]) for parts in train)
            batches = tf.data.Dataset.from_tensor_slices(tuple(arrays)).shuffle(18, seed=1).batch(2)
        model.fit(batches, epochs=10_000, verbose=0, shuffle=False, callbacks=[_until(most)])
        return model

    def ours(seconds, filters, normalization, name, trained=False, peak=3e-3):
        model = own.load_kept(MODELS / "unet_circles.keras").model if trained else build_unet(filters=filters, normalization=normalization)
        pace = keras.models.clone_model(model)
        pace.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
        batches = own.patch_batches(*train, 128, 8, 20)
        pace.fit(batches, epochs=1, verbose=0, shuffle=False)
        before = time.process_time()
        pace.fit(batches, epochs=2, verbose=0, shuffle=False)
        pace = (time.process_time() - before) / 40  # of the processor a step, whatever else the machine does
        epochs = max(2, int(CORES * seconds / (50 * pace) / 1.1))  # a tenth for validation
        own.train_on_patches(model, train, val, scratch / f"{name}{seconds}", epochs=epochs, steps=50, peak_rate=peak)
        return model

    def otsu():
        return [1 - otsu_baseline(i[None])[0] for i in test[0]]

    rows = [(0, "Otsu, dark side", "", 0.0, *scored(otsu()), 0.0)]
    budgets = [seconds] if np.isscalar(seconds) else list(seconds)
    for budget in budgets:
        most = 0.0
        for name, make in (
            ("ours: 8 filters, batch normalization", lambda: ours(budget, 8, "batch", "eight", peak=5e-3)),
            ("ours: 12 filters, batch normalization", lambda: ours(budget, 12, "batch", "twelve", peak=5e-3)),
            ("ours: 8 filters, from the shipped weights", lambda: ours(budget, 8, None, "shipped", trained=True)),
            (f"{PLAIN}, our patches", lambda: plain(most, True)),
            (f"{PLAIN}, whole pictures", lambda: plain(most, False)),
        ):
            if budget != budgets[-1] and not name.startswith((PLAIN, "ours: 8 filters, batch")):
                continue
            keras.utils.set_random_seed(1)
            before = time.process_time()
            model = make()
            trained = time.process_time() - before
            most = max(most, trained) if name.startswith("ours") else most
            for looks, turned in (("one", False), ("eight", True)):
                before = time.process_time()
                rows.append((CORES * budget, name, looks, trained, *scored(found_by(model, turned)), time.process_time() - before))
                print(rows[-1], flush=True)
    peak = psutil.Process().memory_info()
    return {"loaded": loaded, "pictures": len(pairs.names), "size": whole(pairs.records[0].width), "sets": [len(s) for s in sets],
            "rows": rows, "memory": high_water() / 2**20, "now": peak.rss / 1e6}


def _until(seconds):
    import keras

    class Until(keras.callbacks.Callback):
        """Stop a training when it has had so many seconds of the processor."""

        def on_train_begin(self, logs=None):
            self.end = time.process_time() + seconds

        def on_train_batch_end(self, batch, logs=None):
            if time.process_time() > self.end:
                self.model.stop_training = True

    return Until()


# --- tiles ------------------------------------------------------------------------------------------------------------


def tiles(side=8192):
    """Time and memory of one large picture, beside the network on a batch of tiles; speeds in megapixels a second.

    All are measured in turn, five times over, for the speed of a shared machine drifts; medians count.
    """
    import tensorflow as tf

    from helpers.training import compiled

    model = own.load_kept(MODELS / "unet_circles.keras").model
    step = compiled(model)
    step(tf.zeros((1, 64, 64, 1)))
    image = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    at_once = pictures_at_once()
    length = lay_tiles(side, tile_side(model, BUDGET / at_once), 128, 16, 8, adapt=True)[0][1]

    def network(n, size, seconds=5):
        batch = tf.constant(np.random.default_rng(0).random((n, size, size, 1), dtype=np.float32))
        step(batch)
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            step(batch).numpy()
            count += 1
        return n * size * size * count / 1e6 / (time.perf_counter() - start)

    def tiled():
        start = time.perf_counter()
        own.predict_tiled(model, image)
        return side * side / 1e6 / (time.perf_counter() - start)

    with Memory() as memory:
        tiled()
    rounds = [(tiled(), network(at_once, length), network(8, 512), network(32, 256)) for _ in range(5)]
    speed, one, eight, many = (float(np.median(speeds)) for speeds in zip(*rounds))
    return {"side": side, "seconds": side * side / 1e6 / speed, "above": memory.above, "speed": speed, "tile": length, "at once": at_once,
            "one": one, "eight": eight, "many": many}


def seams():
    """The largest difference between tiles and one pass on 1024 x 1024, for several sizes of tiles."""
    from helpers.training import predict

    model = own.load_kept(MODELS / "unet_circles.keras").model
    image = cv2.resize(draw_membranes(np.random.default_rng(0))[0], (1024, 1024)).astype(np.float32) / 255
    one = predict(model, image[None, ..., None])[0, ..., 0]
    return {str(tile): float(np.abs(own.predict_tiled(model, image, tile=tile) - one).max()) for tile in (192, 256, 512, 768)}


def ahead(rows) -> list[str]:
    """Return lines that say how far the better of ours is above the plain ones, which have one look, as plain ones have."""
    lines = ["How far the best of ours, with eight looks, is above the plain U-Net with one. Asked for: 0.03 and 0.03.", "",
             "| planned, processor s | above the plain U-Net on | Dice | F1 |", "| --- | --- | --- | --- |"]
    for plan in sorted({row[0] for row in rows if row[0]}):
        best = max((row for row in rows if row[0] == plan and row[1].startswith("ours") and row[2] == "eight"), key=lambda row: row[4])
        for rival in (row for row in rows if row[0] == plan and row[1].startswith(PLAIN) and row[2] == "one"):
            lines.append(f"| {plan} | {rival[1].split(', ')[-1]} | {best[4] - rival[4]:+.3f} | {best[5] - rival[5]:+.3f} |")
    return [*lines, ""]


def report(found, load) -> str:
    """Return the page of figures."""
    m, t = found["membranes"], found["tiles"]
    lines = [
        "# Your own images: membranes, tiles, seams", "",
        f"`python benchmarks/own_images.py`, {processor()}, load before the start {load:.1f}. Training times are of the processor, all cores together, and include compiling.", "",
        f"{m['pictures']} drawn pictures of {m['size']}x{m['size']} with membranes ({' / '.join(map(str, m['sets']))} for training, validation, test), "
        f"loaded in {m['loaded']:.1f} s. Every network of ours is planned for so many seconds of the processor, and the "
        "plain ones get as much as the longest of ours took. Eight looks are those of `turned=True`. Largest memory of "
        f"the process, all networks one after the other: {m['memory']:.0f} MB.", "",
        "| planned, processor s | what | looks | training, processor s | test Dice | F1 of the cells between them | prediction and score, processor s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(f"| {plan or ''} | {name} | {looks} | {a:.0f} | {dice:.3f} | {f1:.3f} | {b:.0f} |" for plan, name, looks, a, dice, f1, b in m["rows"]), "",
        *ahead(m["rows"]),
        f"One picture of {t['side']}x{t['side']} (8 bit) with `predict_tiled`, network of 8 filters: {t['seconds']:.1f} s, {t['above']} MB above the "
        f"model, its result of {4 * t['side'] ** 2 / 1e6:.0f} MB included. Tiles of {t['tile']} pixels.", "",
        "Medians of five rounds, all four measured in turn:", "",
        "| what | megapixels a second | `predict_tiled` reaches |", "| --- | --- | --- |",
        f"| `predict_tiled` | {t['speed']:.2f} | |",
        *(f"| network on {what} | {t[key]:.2f} | {t['speed'] / t[key]:.0%} |" for what, key in (
            (f"{('one tile', 'two tiles')[t['at once'] - 1]} of {t['tile']}, as it gets them", "one"), ("a batch of 8 tiles of 512", "eight"), ("a batch of 32 tiles of 256", "many"))), "",
        "Tiles against one pass on 1024x1024, largest difference of probability, border included:", "",
        "| tile, pixels | difference |", "| --- | --- |", *(f"| {tile} | {value:.0e} |" for tile, value in found["seams"].items()), "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run one part, or all of them, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="?", choices=("tiles", "seams", "membranes"))
    parser.add_argument("--seconds", type=int, nargs="+", default=[30, 60, 120], help="training times of a network on two cores")
    parser.add_argument("--images")
    parser.add_argument("--masks")
    options = parser.parse_args()
    if options.part:
        found = membranes(options.seconds, options.images, options.masks) if options.part == "membranes" else globals()[options.part]()
        print(json.dumps(found))
        return
    found, load = {}, os.getloadavg()[0]
    for part in ("seams", "tiles", "membranes"):
        done = subprocess.run([sys.executable, __file__, part, "--seconds", *map(str, options.seconds)], check=True, stdout=subprocess.PIPE, text=True)
        found[part] = json.loads(done.stdout.splitlines()[-1])
        print(part, found[part], flush=True)
    REPORT.write_text(report(found, load), encoding="utf-8")


if __name__ == "__main__":
    main()
