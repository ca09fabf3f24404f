"""What a training step costs: arithmetic, time and memory, and where the time goes.

Times are measured in turns. On a shared machine their ratios are more reliable than the seconds.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import psutil
import tensorflow as tf

from helpers import ROOT
from helpers.anatomy import build_unet
from helpers.training import DiceScore, bce_dice_loss

tf.get_logger().setLevel("ERROR")  # TensorFlow warns of many compiled functions, and comparing needs many


def step_gigaflop(model, size: int) -> float:
    """Return the arithmetic of a training step for one picture of `size` pixels a side, in 10^9 operations.

    Counted from the convolutions alone: a multiplication and an addition for each weight and each place it is applied.
    The backward pass costs twice the forward pass, once for the kernel's gradient and once for the input's; the first
    convolution needs none for its input, the picture.
    """
    inputs = keras.Input((size, size, model.input_shape[-1]))
    fixed = keras.models.clone_model(keras.Model(model.input, model.output), input_tensors=inputs)
    operations = []
    for layer in fixed.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            side = layer.input if isinstance(layer, keras.layers.Conv2DTranspose) else layer.output
            operations.append(2 * int(np.prod(layer.kernel.shape)) * side.shape[1] * side.shape[2])
    return (3 * sum(operations) - operations[0]) / 1e9


def matrix_product(n=2048):
    """Return a function that multiplies two float32 matrices `[n, n]` and returns when it is done, and its gigaflop."""
    matrix = tf.random.stateless_normal((n, n), seed=(0, 0))
    multiply = tf.function(tf.matmul)
    return lambda: multiply(matrix, matrix).numpy()[0, 0], 2 * n**3 / 1e9


def training_step(model, images, masks, **options):
    """Return a function that trains on one batch of arrays as `train_unet` does, and returns when that is done.

    options: of `compile`, such as jit_compile=True. The first call traces.
    """
    optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=1.0)
    model.compile(optimizer, loss=bce_dice_loss, metrics=[DiceScore()], **options)
    model.optimizer.build(model.trainable_variables)
    batch = tf.constant(images), tf.constant(masks)
    step = tf.function(lambda: model.train_step(batch)["loss"], jit_compile=options.get("jit_compile"))
    return lambda: float(step())


def in_turns(tasks: dict, rounds=7) -> dict[str, list[float]]:
    """Time functions in turns, so that a slow moment of the machine affects all; returns the seconds of each call."""
    seconds = {name: [] for name in tasks}
    for task in tasks.values():
        task()
    for _ in range(rounds):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - start)
    return seconds


KINDS = {  # TensorFlow's operations by what they do; a transposed convolution is the gradient of a convolution
    "convolution, kernel's gradient": "BackpropFilter", "convolution, input's gradient": "BackpropInput",
    "convolution, forward": "Conv2D", "ReLU's gradient": "ReluGrad", "pooling": "MaxPool",
    "skips: join and split": "Concat|Slice",
}


def profile_step(step, repeats=10) -> dict[str, tuple[float, float]]:
    """Run a step under TensorFlow's profiler; returns, for each kind of work, its share of the time and its operations.

    Operations are counted for one step. The times of operations that run at the same moment are added up.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(repeats):
                step()
        space = xplane_pb2.XSpace.FromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    time_of, count_of = Counter(), Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                operation = re.fullmatch(r"[^:]+:(\w+)", plane.event_metadata[event.metadata_id].name)
                if operation:
                    kind = next((k for k, words in KINDS.items() if re.search(words, operation[1])), "everything else")
                    time_of[kind] += event.duration_ps
                    count_of[kind] += 1 / repeats
    return {kind: (spent / time_of.total(), count_of[kind]) for kind, spent in time_of.most_common()}


def exponent(x, y) -> float:
    """Return the b of the curve `y = a * x ** b` that fits best: the slope of a line on two logarithmic axes."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


_NEW_PROCESS = """import json, sys
from helpers.lean_import import import_tensorflow

import_tensorflow()

from helpers.scaling.costs import _measure

print(json.dumps(_measure(json.loads(sys.argv[1]))))"""


def step_costs(variants) -> list[tuple[float, float]]:
    """Return the seconds and the peak of memory, MB, of a training step for each of the variants, in a new process.

    variants: dictionaries with any of `batch_size`, `size`, `filters` and `jit_compile`, in growing order, because
    a process seldom gives memory back. The memory of TensorFlow itself is not counted.
    """
    command = [sys.executable, "-c", _NEW_PROCESS, json.dumps(variants)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    if done.returncode:
        reason = (done.stderr.strip() or "no reason given").splitlines()[-1]
        raise RuntimeError(f"a step could not be measured: {reason}")
    return [tuple(pair) for pair in json.loads(done.stdout)]


def _measure(variants):
    process, peaks, done = psutil.Process(), [0], threading.Event()

    def watch():
        while not done.wait(0.002):
            peaks[-1] = max(peaks[-1], process.memory_info().rss)

    def median_seconds(batch_size=4, size=96, filters=8, jit_compile=False):
        images = np.zeros((batch_size, size, size, 1), np.float32)
        step = training_step(build_unet(filters=filters), images, images.astype(np.uint8), jit_compile=jit_compile)
        step()
        return float(np.median(in_turns({"step": step}, rounds=5)["step"]))

    median_seconds(1, 16, 1)
    before = process.memory_info().rss
    threading.Thread(target=watch, daemon=True).start()
    seconds = []
    for variant in variants:
        peaks.append(0)
        seconds.append(median_seconds(**variant))
    done.set()
    return [(taken, (peak - before) / 1e6) for taken, peak in zip(seconds, peaks[1:])]

