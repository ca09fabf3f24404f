"""What the engine of the course costs: synthesis, imports, a training step, prediction, the stream. One interleaved run.

    python benchmarks/core.py         writes core.md beside this file

Everything is timed in turns, so that a slow spell of the machine hits all of it; a ratio is the median of the ratios
within each turn, and the spread is the middle half of them.
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402
import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
import psutil  # noqa: E402
import tensorflow as tf  # noqa: E402
from scipy import ndimage  # noqa: E402

from helpers.anatomy import build_unet  # noqa: E402
from helpers.scaling import in_turns, matrix_product, step_gigaflop, stream_batches, training_step  # noqa: E402
from helpers.synthesis import CircleScene, as_range, draw_scene, make_dataset, vessel_curve  # noqa: E402
from helpers.training import bce_dice_loss, predict, training_batches  # noqa: E402

SCENE = CircleScene(size=128)
NO_VESSELS = CircleScene(size=128, vessels=0)
TEN_DISCS = CircleScene(size=128, circles=10, vessels=0, blur=0, illumination=0)
PICTURES = 100  # drawn in each turn


# --- the same pictures, drawn the usual way ---------------------------------------------------------------------------


def distance(size, x, y):
    """Return the distance of every pixel from a point, as the usual tutorial computes it: from a grid made anew."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    return np.sqrt((columns - x) ** 2 + (rows - y) ** 2)


def distance_to_line(size, start, end):
    """Return the distance of every pixel from a straight piece of a vessel, in the same way."""
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    (x, y), (u, v) = start, np.subtract(end, start)
    along = np.clip(((columns - x) * u + (rows - y) * v) / max(u * u + v * v, 1), 0, 1)
    return np.sqrt((columns - x - along * u) ** 2 + (rows - y - along * v) ** 2)


def usual_scene(scene, rng):
    """Draw what `draw_scene` draws in NumPy: discs and vessels are where a distance is small. SciPy's blur, float64."""
    image, mask = np.zeros((scene.size, scene.size)), np.zeros((scene.size, scene.size), np.uint8)
    for _ in range(rng.integers(*scene.vessels, endpoint=True) if scene.vessels else 0):
        curve, width, level = vessel_curve(scene.size, rng), rng.integers(2, 4), rng.uniform(*scene.contrast)
        for start, end in zip(curve, curve[1:]):
            image[distance_to_line(scene.size, start, end) <= width / 2] = level
    for _ in range(rng.integers(*as_range(scene.circles), endpoint=True)):
        away = distance(scene.size, *rng.uniform(0, scene.size - 1, 2))
        radius = rng.integers(*scene.radius, endpoint=True)
        disc = away <= radius
        image[disc] = rng.uniform(*scene.contrast)
        mask[disc] = 1
    if scene.blur:
        image = ndimage.gaussian_filter(image, scene.blur)
    if scene.illumination:
        columns, rows = np.meshgrid(np.linspace(0, 1, scene.size), np.linspace(0, 1, scene.size))
        image = image + scene.illumination * (rng.uniform() * columns + rng.uniform() * rows) / 2
    image = image + rng.normal(0, scene.noise, image.shape)
    return np.clip(image, 0, 1).astype(np.float32)[..., None], mask[..., None]


def noise_alone(size, rng):
    """Draw the Gaussian noise of one picture and nothing else: the floor under any synthesis with NumPy's generator."""
    return rng.standard_normal((size, size), dtype=np.float32)


def many(draw, *arguments):
    """Return a task that draws `PICTURES` pictures."""
    rng = np.random.default_rng(0)
    return lambda: [draw(*arguments, rng) for _ in range(PICTURES)]


# --- tasks ------------------------------------------------------------------------------------------------------------


def new_python(code):
    """Return a task that runs a line of Python in a new process."""
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def feeding():
    """Return two tasks that train the same network for fifty steps: from arrays in memory, and from the stream."""
    model = build_unet()
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss=bce_dice_loss)
    images, masks = make_dataset(200, seed=3)
    sources = training_batches(images, masks, 4, augmented=False), stream_batches(200, seed=3, batch_size=4)
    return [lambda s=s: model.fit(s, steps_per_epoch=50, shuffle=False, verbose=0) for s in sources]


def mixed_unet():
    """Return the default network in mixed precision, with probabilities of 32 bits (notebook 07, section 5)."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    inner = build_unet()
    keras.config.set_dtype_policy("float32")
    return keras.Model(inner.input, keras.layers.Activation("linear", dtype="float32")(inner.output))


def stream_memory(pictures: int) -> float:
    """Return the largest memory, MB, of a new process and of those that draw for it while so many pictures pass."""
    code = (
        "import sys, psutil; from helpers.scaling import stream_batches\n"
        "me, peak = psutil.Process(), 0\n"
        "for n, _ in enumerate(stream_batches(int(sys.argv[1]), batch_size=50)):\n"
        "    if n % 10 == 0: peak = max(peak, sum(p.memory_info().rss for p in [me, *me.children(recursive=True)]))\n"
        "print(peak / 1e6)"
    )
    command = [sys.executable, "-c", code, str(pictures)]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return float(done.stdout)


# --- the table --------------------------------------------------------------------------------------------------------


def of(values, scale=1.0, digits=2):
    """Return median and middle half in words: `2.08 (2.01 to 2.13)`."""
    low, middle, high = (scale * q for q in np.quantile(values, [0.25, 0.5, 0.75]))
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def ratios(seconds, one, other):
    """Return the ratio of two tasks in each turn."""
    return np.array(seconds[one]) / np.array(seconds[other])


def machine() -> str:
    """Return the machine in words that name no maker."""
    names = f"Python {platform.python_version()}, " + ", ".join(
        f"{name} {module.__version__}"
        for name, module in (("NumPy", np), ("OpenCV", cv2), ("TensorFlow", tf), ("Keras", keras))
    )
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    kind = "no GPU" if not tf.config.list_physical_devices("GPU") else "with a GPU"
    return f"{os.cpu_count()} cores, {psutil.virtual_memory().total / 1e9:.0f} GB, {kind}; {names}{load}"


def main() -> None:
    """Measure everything in turns and write the table."""
    where, started = machine(), time.perf_counter()
    images, masks = make_dataset(64, seed=1)
    multiply, product = matrix_product()
    model = build_unet()
    fast = {
        "noise": many(noise_alone, SCENE.size),
        "ours": many(draw_scene, SCENE), "usual": many(usual_scene, SCENE),
        "ours, no vessels": many(draw_scene, NO_VESSELS), "usual, no vessels": many(usual_scene, NO_VESSELS),
        "ours, discs": many(draw_scene, TEN_DISCS), "usual, discs": many(usual_scene, TEN_DISCS),
        "matrix": multiply,
        **{f"batch {n}": training_step(build_unet(), images[:n], masks[:n]) for n in (4, 8, 16, 32)},
        "mixed": training_step(mixed_unet(), images[:16], masks[:16]),
        "xla": training_step(build_unet(), images[:16], masks[:16], jit_compile=True),
        "normalized": training_step(build_unet(normalization="batch"), images[:16], masks[:16]),
        "keras, single": lambda: [model.predict(images[:1], verbose=0) for _ in range(5)],
        "single": lambda: [predict(model, images[:1]) for _ in range(5)],
        "batched": lambda: predict(model, images, batch_size=32),
    }
    fast["arrays"], fast["stream"] = feeding()
    seconds = in_turns(fast, rounds=15)
    imports = {"nothing": "pass", "synthesis": "import helpers.synthesis", "panels": "import helpers.panels",
               "tensorflow": "import helpers, tensorflow", "training": "import helpers.training"}
    opened = in_turns({name: new_python(code) for name, code in imports.items()}, rounds=5)
    small, large = stream_memory(1_000), stream_memory(100_000)

    rows = []

    def row(what, ratio, bound, absolute):
        rows.append(f"| {what} | {ratio} | {bound} | {absolute} |")

    def a_second(name, n):
        return of(n / np.array(seconds[name]), digits=0)

    row("synthesis, default scene at 128x128, to the noise alone", of(ratios(seconds, "ours", "noise")), "at most 2.5",
        f"{a_second('ours', PICTURES)} pictures a second, noise alone {a_second('noise', PICTURES)}")
    for kind, words in (
        ("", "default scene"), (", no vessels", "default scene without vessels"), (", discs", "ten discs and noise alone"),
    ):
        row(f"{words}: the NumPy way (a grid of distances for each disc and piece of vessel) to ours",
            of(ratios(seconds, f"usual{kind}", f"ours{kind}"), digits=1), "at least 5",
            f"ours {a_second(f'ours{kind}', PICTURES)} pictures a second, NumPy {a_second(f'usual{kind}', PICTURES)}")
    peak, gigaflop = product / np.array(seconds["matrix"]), step_gigaflop(model, 96)
    for name, n, bound, words in (
        ("batch 4", 4, "", "batch 4 (the default)"), ("batch 8", 8, "", "batch 8"), ("batch 16", 16, "35 %", "batch 16"),
        ("batch 32", 32, "35 %", "batch 32"), ("mixed", 16, "", "batch 16, mixed_bfloat16"),
        ("xla", 16, "", "batch 16, XLA"), ("normalized", 16, "", "batch 16, batch normalization"),
    ):
        reached = n * gigaflop / np.array(seconds[name])
        row(f"training step, {words}: share of the matrix product", of(100 * reached / peak, digits=0) + " %", bound,
            f"{a_second(name, n)} pictures a second, {of(reached, digits=0)} GFLOP/s; product {of(peak, digits=0)}")
    row("a step of 4 from the stream, to one from arrays", of(ratios(seconds, "stream", "arrays")), "at most 1.10",
        f"{of(seconds['stream'], 1000 / 50, 1)} and {of(seconds['arrays'], 1000 / 50, 1)} ms")
    row("memory of the stream, 100,000 pictures to 1,000", f"{large / small:.2f}", "1.0",
        f"{large:.0f} and {small:.0f} MB, the process that draws included")
    row("`model.predict` of one picture, to `predict` of ours", of(ratios(seconds, "keras, single", "single"), digits=1), "",
        f"{of(seconds['keras, single'], 200, 1)} and {of(seconds['single'], 200, 1)} ms")
    each = np.array(seconds["batched"]) / 64
    row("`predict` of one picture, to one in batches of 32", of(np.array(seconds["single"]) / 5 / each, digits=1), "",
        f"{of(each, 1000, 2)} ms a picture in batches")
    for name in ("synthesis", "panels", "training"):
        row(f"`import helpers.{name}`, to TensorFlow alone", of(ratios(opened, name, "tensorflow")), "",
            f"{of(opened[name])} s; TensorFlow {of(opened['tensorflow'])} s, an empty Python {of(opened['nothing'])} s")
    lines = [
        "# The engine: synthesis, training step, prediction, stream, imports", "",
        f"Made by `python benchmarks/core.py` on {where}. {time.perf_counter() - started:.0f} s.",
        "Median (middle half) of 15 turns, imports 5. Ratios are taken within each turn. Arithmetic of a training step:",
        f"{gigaflop:.3f} GFLOP a picture of 96x96, counted from the convolutions, forward and twice that backward, less the",
        "gradient of the picture itself.", "",
        "| what | ratio | bound | absolute |", "| --- | --- | --- | --- |", *rows,
    ]
    (HERE / "core.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
