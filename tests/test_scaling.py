"""What a student relies on in notebook 07: one seed, one stream; the losses of one device on many; runs that end and resume."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf
from course import LEAN, ROOT
from forked_workers import forked
from helpers import scaling
from helpers.anatomy import build_unet, conv_weights, shape_table
from helpers.evaluation import dice_per_image
from helpers.own_images import index_folder
from helpers.run_state import lock as run_lock
from helpers.scaling import (
    WorkerLost, call_in_worker, exponent, in_order, in_turns, pool, profile_step, run_workers, shared_run,
    start_workers, step_costs, step_gigaflop, stream_batches, tf_config, train_on, training_step, watch_workers, write_scenes,
)
from helpers.scaling.workers import _how_far
from helpers.synthesis import CircleScene, draw_numbered, make_dataset, stream_scenes
from helpers.training import load_network, predict, read_log, train_unet

SMALL = CircleScene(size=32, radius=(3, 8), circles=(0, 3))


def arrays(dataset):
    return [(np.array(images), np.array(masks)) for images, masks in dataset]


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for pair, other in zip(ours, theirs):
        for a, b in zip(pair, other):
            np.testing.assert_array_equal(a, b)


# --- streams ---


def test_a_picture_depends_on_seed_and_number_only():
    images, masks = draw_numbered(SMALL, 3, [7, 2, 7])
    expected = next(stream_scenes(SMALL, [3, 7]))
    np.testing.assert_array_equal(images[0], expected[0])
    np.testing.assert_array_equal(masks[2], expected[1])
    assert not np.array_equal(images[0], images[1]) and images.dtype == np.float32 and masks.dtype == np.uint8
    assert not np.array_equal(images[0], draw_numbered(SMALL, 4, [7])[0][0])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_one_seed_one_stream_in_order_whoever_draws(workers):
    stream = stream_batches(10, SMALL, seed=5, batch_size=4, workers=workers, ahead=2)
    assert int(stream.cardinality()) == 3
    expected = [draw_numbered(SMALL, 5, numbers) for numbers in ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])]
    same(arrays(stream), expected)
    same(arrays(stream), expected)  # a second pass begins anew
    same(arrays(stream_batches(6, SMALL, seed=5, batch_size=4, first=4, workers=workers)), expected[1:])


def test_shards_share_each_batch():
    whole = arrays(stream_batches(12, SMALL, seed=1, batch_size=4, workers=0))
    shards = [arrays(stream_batches(12, SMALL, seed=1, batch_size=4, shard=(i, 2), workers=0)) for i in (0, 1)]
    joined = [tuple(np.concatenate(parts) for parts in zip(a, b)) for a, b in zip(*shards)]
    same(joined, whole)
    assert shards[0][0][0].shape == (2, 32, 32, 1)


@pytest.mark.parametrize(("options", "words"), [
    ({"shard": (2, 2)}, r"\(2, 2\); write \(index, count\)"), ({"batch_size": 5, "shard": (0, 2)}, "multiple of 2"),
    ({"batch_size": 0}, "batch_size is 0"), ({"pictures": 0}, "pictures is 0"), ({"pictures": 7, "shard": (1, 2)}, "pictures is 7"),
])
def test_streams_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        stream_batches(**{"pictures": 8, "scene": SMALL, **options})


def test_the_memory_of_a_stream_does_not_grow():
    scene, process = CircleScene(size=64), psutil.Process()

    def peak(pictures, wait=0.0):
        most = 0
        for i, _ in enumerate(stream_batches(pictures, scene, batch_size=20)):
            time.sleep(wait if i == 0 else 0)  # a training that is slower than the drawing
            most = max(most, process.memory_info().rss / 1e6)
        return most

    peak(400)
    few, many = peak(400), peak(5000, wait=3)
    assert many - few < 40, f"{many - few:.0f} MB more; kept in memory, the pictures would take 102"


def test_the_processes_that_draw_load_no_tensorflow():
    list(stream_batches(4, SMALL))
    loaded = pool(1).submit(call_in_worker, eval, "[m for m in ('cv2', 'tensorflow', 'keras') if m in __import__('sys').modules]").result()
    assert loaded == ["cv2"]


def test_the_processes_that_draw_end_with_the_one_that_asked(tmp_path):
    code = (
        "import os, time; from helpers.scaling import call_in_worker\n"
        "print(call_in_worker(os.getpid), flush=True); time.sleep(60)"  # without `if __name__ == '__main__'`: none is needed
    )
    (tmp_path / "parent.py").write_text(code)
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "parent.py"], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    child = int(parent.stdout.readline())
    assert psutil.pid_exists(child) and child != parent.pid
    parent.kill()
    parent.wait()
    assert gone([child], 120)


def test_a_killed_drawer_is_reported_and_replaced():
    stream = iter(in_order(draw_numbered, ((SMALL, 0, [i]) for i in range(50)), workers=1, ahead=2))
    next(stream)
    os.kill(pool(1).submit(call_in_worker, os.getpid).result(), signal.SIGKILL)
    with pytest.raises(RuntimeError, match="workers=0"):
        list(stream)
    assert len(list(in_order(draw_numbered, [(SMALL, 0, [1])], workers=1, ahead=2))) == 1


def test_errors_in_another_process_come_back():
    with pytest.raises(ZeroDivisionError):
        list(in_order(divmod, [(1, 0)], workers=1, ahead=1))
    assert list(in_order(divmod, [(7, 2)], workers=1, ahead=1)) == [(3, 1)]


TRAVEL = """
class Locked:
    def __reduce__(self):
        raise TypeError("it cannot travel")

class Two(Exception):
    def __init__(self, one, other):
        super().__init__(one)

def fail():
    raise Two("one", "other")
"""


@pytest.mark.parametrize(("name", "words"), [("Locked", "it cannot travel"), ("fail", "Two: one")])
def test_an_answer_that_cannot_travel_does_not_end_the_process(name, words, tmp_path, monkeypatch):
    (tmp_path / "travel.py").write_text(TRAVEL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("travel", None)
    function = getattr(importlib.import_module("travel"), name)

    def ask():  # in a thread of its own, so that its process is a new one
        with pytest.raises(RuntimeError, match=words):
            call_in_worker(function)
        return call_in_worker(divmod, 7, 2)

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(ask).result() == (3, 1)


def test_settings_that_are_no_json_are_named_before_anything_is_begun(capsys):
    from helpers.scaling.__main__ import main

    with pytest.raises(SystemExit):
        main(["run", "{epochs: 3}"])
    assert "{epochs: 3}" in capsys.readouterr().err


def test_what_a_notebook_defines_is_refused_in_words():
    code = (
        "import dataclasses; from helpers.scaling import pool; from helpers.synthesis import CircleScene, draw_numbered\n"
        "from helpers.scaling import in_order\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Mine(CircleScene):\n    pass\n"
        "list(in_order(draw_numbered, [(Mine(size=32, radius=(3, 8)), 0, [0])], workers=1, ahead=1))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "another process cannot import" in done.stderr and "workers=0" in done.stderr
    with pytest.raises(TypeError, match="move them into a .py file"):
        call_in_worker(lambda: 1)
    assert call_in_worker(divmod, 7, 2) == (3, 1)


def gone(processes, seconds):
    """Whether all processes with these numbers end (or are zombies that nobody has collected) in time."""
    return until(lambda: not any(alive(number) for number in processes), seconds)


def alive(number):
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition, seconds):
    """Wait until a condition holds; returns whether it does."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def test_a_long_stream_feeds_train_unet_and_resumes(tmp_path):
    import keras

    class PullThePlug(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def run(name, epochs=3, **options):
        keras.utils.set_random_seed(1)
        stream = stream_batches(3 * 5 * 4, SMALL, seed=8, workers=0)
        validation = make_dataset(8, SMALL, seed=2)
        return train_unet(build_unet(depth=2, filters=4), stream, validation, tmp_path / name, epochs, steps=5, **options)

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("cut", callbacks=[PullThePlug()])
    resumed = run("cut", resume=True)
    assert whole.epoch == resumed.epoch == [0, 1, 2]
    np.testing.assert_allclose(resumed.history["loss"], whole.history["loss"], atol=1e-5)


# --- devices: in a process of its own, since devices are made before TensorFlow computes ---

MIRRORED = """
import json, sys, tempfile
from helpers import scaling
from helpers.run_state import lock as run_lock
import keras, tensorflow as tf
devices = scaling.use_devices(2)
one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(devices)
folder = tempfile.mkdtemp()
said = {"devices": two.num_replicas_in_sync, "fit": [scaling.fit_on(s, 2) for s in (one, two)]}
said["clipped"] = [scaling.fit_on(s, 2, clip=0.1) for s in (one, two)]
said["loop"] = [scaling.train_on(s, f"{folder}/{i}") for i, s in enumerate((one, two))]
try:
    scaling.use_devices(3)
except RuntimeError as error:
    said["late"] = str(error)
try:
    scaling.train_on(two, f"{folder}/odd", batch_size=7)
except ValueError as error:
    said["odd"] = str(error)
print(json.dumps(said))
"""


def test_two_devices_have_the_losses_of_one():
    done = subprocess.run([sys.executable, "-c", LEAN + MIRRORED], capture_output=True, text=True, cwd=ROOT, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["devices"] == 2 and "Restart the kernel" in said["late"] and "multiple of 2" in said["odd"]
    for way in ("fit", "loop"):
        np.testing.assert_allclose(*said[way], rtol=1e-5)
    apart = np.abs(np.subtract(*said["clipped"])).max()
    assert apart > 1e-4, "Keras clips on each device before it sums, notebook 07 says; then AdamOfSum is not needed"


UNDER_MIRRORED = """
import json, sys
from helpers.scaling import use_devices
use_devices(2)
import keras, numpy as np, tensorflow as tf
from helpers.anatomy import build_unet
from helpers.own_images import train_on_patches
from helpers.synthesis import CircleScene, make_classes, make_dataset
from helpers.training import bce_dice_loss, load_network, predict, train_unet
scene = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
even = make_dataset(8, scene, seed=1), make_dataset(4, scene, seed=4)
uneven = make_dataset(9, scene, seed=1), make_dataset(5, scene, seed=4)  # a last batch of one picture: none for a device
several = make_classes(9, scene, seed=1), make_classes(5, scene, seed=4)
big = [make_dataset(3, CircleScene(size=40, radius=(3, 8)), seed) for seed in (1, 2)]
patches = [(list(images), list(masks)) for images, masks in big]
one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt

class Last(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        self.weights = self.model.get_weights()

def network(strategy, seed=0, policy="float32", **parts):
    keras.mixed_precision.set_global_policy(policy)
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = build_unet(**{"depth": 1, "filters": 4, **parts})
    keras.mixed_precision.set_global_policy("float32")
    model.set_weights([3 * weights for weights in model.get_weights()])  # so that its gradients are long
    return model

def train(name, strategy, data, way=train_unet, seed=0, parts={}, callbacks=(), **settings):
    model, last, folder = network(strategy, seed, **parts), Last(), f"{sys.argv[1]}/{name}"
    history = way(model, *data, folder, callbacks=[last, *callbacks], **settings).history
    seen = predict(load_network(f"{folder}/best.keras"), np.asarray(data[1][0])[:2])
    return history, last.weights, [seen], model.optimizer

def apart(pair):
    return [max(float(np.abs(a - b).max()) for a, b in zip(*parts)) for parts in zip(*(run[1:3] for run in pair))]

def cut_and_resume(name, strategy, *given, first=None, **settings):
    try:
        train(name, first or strategy, *given, callbacks=[Stop()], **settings)
    except KeyboardInterrupt:
        pass
    return train(name, strategy, *given, seed=9, resume=True, **settings)

ways = {
    "even": (even, train_unet, {"epochs": 3, "parts": {"depth": 2}}), "uneven": (uneven, train_unet, {"epochs": 3}),
    "classes": (several, train_unet, {"epochs": 3, "parts": {"classes": 3}}),
    "half": (even, train_unet, {"epochs": 3, "parts": {"policy": "mixed_float16"}}),
    "patches": (patches, train_on_patches, {"size": 16, "epochs": 3, "steps": 2, "batch_size": 4}),
}
said, both = {}, {}
for name, (data, way, settings) in ways.items():
    both[name] = [train(f"{name} {i}", strategy, data, way, **settings) for i, strategy in enumerate((one, two))]
    said[name] = {"history": [run[0] for run in both[name]], "apart": apart(both[name]),
                  "optimizers": [type(run[3]).__name__ for run in both[name]]}
for name in ("even", "patches", "half"):
    data, way, settings = ways[name]
    again, whole = cut_and_resume(f"{name} cut", two, data, way, **settings), both[name][1]
    said[name]["resumed"] = again[0] == whole[0] and all(np.array_equal(a, b) for a, b in zip(again[1], whole[1]))
moved = cut_and_resume("moved", one, even, first=two, epochs=3, parts={"depth": 2})  # begun on two devices, ended on one
said["moved"] = {"history": [moved[0], both["even"][0][0]]}
moved = cut_and_resume("moved half", one, even, first=two, epochs=3, parts={"policy": "mixed_float16"})
said["moved half"] = {"history": [moved[0], both["half"][0][0]]}

def longest(data, parts={}):
    model, (images, masks) = network(one, **parts), data[0]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(bce_dice_loss(masks.astype("float32"), model(images)))
    return float(tf.linalg.global_norm(tape.gradient(loss, model.trainable_variables)))

said["norm"] = longest(uneven)
model = network(two, policy="mixed_float16")
with two.scope():
    from helpers.several_devices import clipped_adam
    optimizer = clipped_adam(model, 1e-3, "adam")
    optimizer.build(model.trainable_variables)
first = model.get_weights()
def step(bad):
    grads = [tf.ones_like(variable.value) * bad for variable in model.trainable_variables]
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
for bad in (np.inf, 1.0):
    values = two.experimental_distribute_values_from_function(lambda c: tf.constant(bad if c.replica_id_in_sync_group else 1.0))
    tf.function(lambda: two.run(step, (values,)))()
    same = all(np.array_equal(a, b) for a, b in zip(first, model.get_weights()))
    said[f"after {bad}"] = [same, float(optimizer.dynamic_scale.value.numpy())]

def refused(**settings):
    data = settings.pop("data", even)
    try:
        train("refused", two, data, epochs=1, **settings)
    except ValueError as error:
        return str(error)

dataset = tf.data.Dataset.from_tensor_slices(even[0]).batch(3)
said["refused"] = [
    refused(batch_size=3), refused(data=(even[0], [part[:1] for part in even[1]])), refused(data=(dataset, even[1])),
    refused(parts={"depth": 2, "normalization": "batch"}),
]
with two.scope():
    inputs = keras.Input((16, 16, 1))
    nested = keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(build_unet(depth=2, filters=4, normalization="batch")(inputs)))
try:
    train_unet(nested, *even, f"{sys.argv[1]}/nested")
except ValueError as error:
    said["refused"].append(str(error))
    for layer in eval(str(error).split("for layer in ")[1].split(".layers:")[0], {"model": nested}).layers:  # as it says
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
said["synchronized"] = train_unet(nested, *uneven, f"{sys.argv[1]}/nested", epochs=2).history["loss"]

print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def under_mirrored(tmp_path_factory):
    command = [sys.executable, "-c", LEAN + UNDER_MIRRORED, str(tmp_path_factory.mktemp("mirrored"))]
    done = subprocess.run(  # with oneDNN no device may be without a picture, and one is in some of these batches
        command, capture_output=True, text=True, cwd=ROOT, timeout=900, env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"})
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["even", "uneven", "classes", "patches"])
def test_training_on_two_devices_is_the_training_on_one(under_mirrored, way):
    said = under_mirrored[way]
    assert said["optimizers"] == ["Adam", "AdamOfSum"]
    one, two = said["history"]
    assert one.keys() == two.keys() == {"loss", "dice", "val_loss", "val_dice"}
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-4, err_msg=name)
    weights, pictures = said["apart"]
    assert weights < 2e-4 and pictures < 2e-3
    assert under_mirrored["norm"] > 1.5, "the gradients must be long enough to be clipped"


def test_training_in_float16_on_two_devices(under_mirrored):
    """Its last digits are few; and if the gradient of one device is infinite, no device may take the step."""
    one, two = under_mirrored["half"]["history"]
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=0.01)
    assert under_mirrored["half"]["optimizers"] == ["LossScaleOptimizer", "LossScaleOfSum"]
    assert under_mirrored["after inf"] == [True, 2.0**14] and under_mirrored["after 1.0"] == [False, 2.0**14]


def test_a_run_on_two_devices_resumes_bit_for_bit_and_goes_on_on_one(under_mirrored):
    assert [under_mirrored[name]["resumed"] for name in ("even", "patches", "half")] == [True] * 3
    moved, whole = under_mirrored["moved"]["history"]
    np.testing.assert_allclose(moved["loss"], whole["loss"], rtol=1e-4)
    moved, whole = under_mirrored["moved half"]["history"]
    np.testing.assert_allclose(moved["loss"], whole["loss"], rtol=0.01)


def test_what_devices_cannot_share_is_refused(under_mirrored):
    batch, few, dataset, normalized, within = under_mirrored["refused"]
    assert "has 3 pictures, and 2 devices share it equally" in batch and "such as 2 or 4" in batch
    assert "the validation set has 1 pictures, and 2 devices share it" in few
    assert "the first batch of the training dataset: it has 3 pictures" in dataset
    assert "encoder_1_norm1" in normalized and "for layer in model.layers" in normalized
    assert "for layer in model.get_layer('" in within and np.isfinite(under_mirrored["synchronized"]).all()


# --- machines ---


def test_a_step_with_an_enlarged_loss_moves_the_weights_as_far_as_one_without():
    """Under mixed_float16 Keras enlarges the loss, so that small gradients do not become 0; the step has to ask for it."""
    images, masks = make_dataset(4, CircleScene(size=16, radius=(3, 5), circles=2), seed=1)
    ended = []
    for wrap in (lambda optimizer: optimizer, lambda optimizer: keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)):
        keras.utils.set_random_seed(0)
        model = build_unet(depth=2, filters=2)
        first = model.get_weights()
        step = scaling.make_step(tf.distribute.get_strategy(), model, wrap(keras.optimizers.SGD(0.1)), 4)
        losses = [float(step(tf.constant(images), tf.constant(masks))) for _ in range(3)]
        ended.append((losses, model.get_weights()))
    np.testing.assert_allclose(ended[0][0], ended[1][0], rtol=1e-4)
    moved = max(np.abs(a - b).max() for a, b in zip(first, ended[0][1]))
    apart = max(np.abs(a - b).max() for a, b in zip(ended[0][1], ended[1][1]))
    assert apart < 1e-4 * moved


def test_make_step_trains_a_second_time_under_the_policy_mixed_float16(tmp_path):
    """The optimizer enlarges the loss from its first step on, in the first training and in a second one."""
    images, masks = make_dataset(8, CircleScene(size=16, radius=(3, 5), circles=2), seed=1)
    images, masks = tf.constant(images), tf.constant(masks)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        trained = []
        for _ in range(2):
            keras.utils.set_random_seed(0)
            model = build_unet(depth=2, filters=2)
            first, optimizer = model.get_weights(), keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01))
            optimizer.build(model.trainable_variables)
            step = scaling.make_step(tf.distribute.get_strategy(), model, optimizer, 8)
            losses = [float(step(images, masks)) for _ in range(16)]
            trained.append(losses)
            assert losses[-1] < losses[0] and all(np.isfinite(weights).all() for weights in model.get_weights())
            assert max(np.abs(a - b).max() for a, b in zip(first, model.get_weights())) > 0.01
            assert optimizer.iterations == 16 and optimizer.dynamic_scale.value.numpy() >= 1024
        assert trained[0] == trained[1]
        run = train_on(tf.distribute.get_strategy(), tmp_path / "run", **FEW)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    full = train_on(tf.distribute.get_strategy(), tmp_path / "full", **FEW)
    np.testing.assert_allclose(run, full, rtol=0.02)
    assert run != full


LONG = {"epochs": 8, "steps": 12, "depth": 2, "filters": 2, "size": 16}
PLAIN = """
import sys
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[2], model.predict(np.load(sys.argv[3]), verbose=0))
print(model.compiled, any(name.startswith("helpers") for name in sys.modules))
"""


@pytest.fixture(scope="module")
@forked()
def two_processes(tmp_path_factory):
    """A run of two processes that nobody interrupts: its folder, and the losses that it returned."""
    run = tmp_path_factory.mktemp("two") / "run"
    return run, run_workers(2, run, seconds=400, **LONG)


def weights_of(run):
    return load_network(run / "best.keras").get_weights()


def test_two_processes_train_as_one_device(two_processes, tmp_path):
    run, losses = two_processes
    one = train_on(tf.distribute.get_strategy(), tmp_path / "one", **LONG)
    np.testing.assert_allclose(losses, one, rtol=1e-4)
    logs = [read_log(folder) for folder in (run, tmp_path / "one")]
    for name in ("val_dice", "val_loss", "loss"):
        np.testing.assert_allclose(*([row[name] for row in log] for log in logs), rtol=1e-3)
    for ours, theirs in zip(weights_of(run), weights_of(tmp_path / "one")):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    assert {path.name for path in run.iterdir()} == {"log.csv", "best.keras", "worker-0.txt", "worker-1.txt"}


def test_the_network_of_two_processes_opens_in_a_plain_python(two_processes, tmp_path):
    run, images = two_processes[0], make_dataset(2, SMALL, seed=3)[0]
    np.save(tmp_path / "images.npy", images)
    command = [sys.executable, "-c", PLAIN, *map(str, (run / "best.keras", tmp_path / "found.npy", tmp_path / "images.npy"))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.split() == ["False", "False"], done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), predict(load_network(run / "best.keras"), images), atol=1e-5)


@pytest.mark.parametrize("killed", [0, 1])
@forked()
def test_a_killed_worker_is_reported_ends_the_run_and_can_be_resumed(killed, two_processes, tmp_path):
    """Two numbers have one sum, whichever comes first, so that two processes end bit for bit as if uninterrupted."""
    run = tmp_path / "run"
    processes = start_workers(2, run, **LONG)
    family = [process.pid for process in processes]
    assert until((run / "log.csv").exists, 240)
    processes[killed].kill()
    with pytest.raises(WorkerLost, match=rf"worker {killed} of 2 was killed \(SIGKILL\), so the others have ended, too. (\d+ epochs? (is|are) saved. Go on with resume=True|That was before)"):
        watch_workers(processes, run, seconds=240)
    assert gone(family, 60)
    if killed == 1:
        assert "Another worker is gone" in (run / "worker-0.txt").read_text(), "worker 0 ended for another reason"
    assert len(read_log(run)) < LONG["epochs"] and (run / "backup").exists()
    assert run_workers(2, run, seconds=400, resume=True, **LONG) == two_processes[1]
    assert (run / "log.csv").read_bytes() == (two_processes[0] / "log.csv").read_bytes()
    for ours, theirs in zip(weights_of(run), weights_of(two_processes[0])):
        np.testing.assert_array_equal(ours, theirs)


class Interrupted:
    """In place of `show_alive`: interrupt a run after so many steps, as the stop button would."""

    def __init__(self, steps):
        self.left = steps

    def __call__(self, folder):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


FEW = {"epochs": 4, "steps": 3, "depth": 2, "filters": 2, "size": 16, "batch_size": 4, "held_back": 6}


def interrupted(monkeypatch, run, steps=8, **settings):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(shared_run, "show_alive", Interrupted(steps))
        train_on(tf.distribute.get_strategy(), run, **{**FEW, **settings})


@pytest.mark.parametrize("steps", [2, 8], ids=["in the first epoch", "in the third"])
def test_one_process_resumes_bit_for_bit(steps, tmp_path, monkeypatch):
    one = tf.distribute.get_strategy()
    whole = train_on(one, tmp_path / "whole", **FEW)
    interrupted(monkeypatch, tmp_path / "cut", steps)
    assert train_on(one, tmp_path / "cut", resume=True, **FEW) == whole
    assert (tmp_path / "cut" / "log.csv").read_bytes() == (tmp_path / "whole" / "log.csv").read_bytes()
    for ours, theirs in zip(weights_of(tmp_path / "cut"), weights_of(tmp_path / "whole")):
        np.testing.assert_array_equal(ours, theirs)
    rows = read_log(tmp_path / "cut")
    best = load_network(tmp_path / "cut" / "best.keras")
    images, masks = make_dataset(6, CircleScene(size=16, radius=(3, 4), circles=(0, 3)), seed=[0, 0, 1])
    found = dice_per_image(masks, (predict(best, images) >= 0.5).astype(np.uint8)).mean()
    assert max(row["val_dice"] for row in rows) == pytest.approx(found, abs=1e-6)
    with pytest.raises(FileNotFoundError, match="It ran to its end"):
        train_on(one, tmp_path / "cut", resume=True, **FEW)


@pytest.mark.parametrize(("changed", "words"), [
    ({"seed": 5}, r"seed=0 \(now 5\)"), ({"batch_size": 6}, r"batch_size=4 \(now 6\)"), ({"filters": 4}, r"filters=2 \(now 4\), another network"),
    ({"epochs": 5}, "was started with epochs=4 and has 2 epochs behind it"), ({"peak_rate": 1e-3}, r"peak_rate=0.003 \(now 0.001\)"),
    ({"size": 32}, r"size=16 \(now 32\)"), ({"arrays": "other"}, r"pictures='drawn' \(now 'arrays'\)"),
])
def test_a_run_goes_on_with_what_it_was_started_with_only(changed, words, tmp_path, monkeypatch, uncompiled_steps):
    interrupted(monkeypatch, tmp_path / "run")
    if "arrays" in changed:
        changed = {"arrays": (make_dataset(8, SMALL), make_dataset(4, SMALL, seed=1))}
    with pytest.raises(ValueError, match=words):
        train_on(tf.distribute.get_strategy(), tmp_path / "run", resume=True, **{**FEW, **changed})
    assert len(train_on(tf.distribute.get_strategy(), tmp_path / "run", resume=True, **FEW)) == 4


def test_other_arrays_and_another_manifest_are_noticed(tmp_path, monkeypatch, uncompiled_steps):
    one, data = tf.distribute.get_strategy(), (make_dataset(8, SMALL), make_dataset(4, SMALL, seed=1))
    interrupted(monkeypatch, tmp_path / "run", arrays=data)
    other = [pair[0].copy() for pair in data], [pair[1] for pair in data]
    other[0][1][0, 0, 0] = 1 - other[0][1][0, 0, 0]
    with pytest.raises(ValueError, match="was started with other validation images. Resume"):
        train_on(one, tmp_path / "run", resume=True, arrays=tuple(zip(*other)), **FEW)
    folder = write_scenes(tmp_path / "scans", 40, SMALL, workers=0)
    manifest, _ = index_folder(folder, progress=False)
    interrupted(monkeypatch, tmp_path / "files", manifest=manifest)
    manifest.write_text(manifest.read_text().rstrip("\n").rsplit("\n", 1)[0] + "\n")
    with pytest.raises(ValueError, match="was started with another manifest. Resume"):
        train_on(one, tmp_path / "files", resume=True, manifest=manifest, **FEW)


def test_only_one_trains_in_a_folder(tmp_path, monkeypatch, uncompiled_steps):
    one = tf.distribute.get_strategy()
    interrupted(monkeypatch, tmp_path / "run")
    with run_lock.locked(tmp_path / "run" / "backup"):
        with pytest.raises(RuntimeError, match="this process is training there"):
            train_on(one, tmp_path / "run", resume=True, **FEW)
    seen = []
    monkeypatch.setattr(shared_run, "show_alive", lambda folder: seen.append(run_lock.live_owner(folder)))
    train_on(one, tmp_path / "run", resume=True, **FEW)
    assert set(seen) == {"this process"}


def test_a_lock_of_another_machine_is_waited_for(tmp_path, monkeypatch, capsys):
    """A cluster starts a job again on another machine, and the one that failed cannot take its lock away."""
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({"process": 7, "machine": "elsewhere", "started": 0.0}))
    monkeypatch.setattr(run_lock, "SILENCE", 1.5)
    run_lock.wait_for_silence(tmp_path, every=0.2)
    assert run_lock.live_owner(tmp_path) is None and "process 7 on the machine elsewhere" in capsys.readouterr().out
    monkeypatch.setattr(run_lock, "SILENCE", 600.0)
    naps = []
    monkeypatch.setattr(run_lock.time, "sleep", lambda seconds: (naps.append(seconds), os.utime(lock) if len(naps) > 2 else None))
    run_lock.wait_for_silence(tmp_path)  # the third time it shows a sign of life
    assert len(naps) == 3 and "elsewhere" in run_lock.live_owner(tmp_path)


MINE = """
from __future__ import annotations
import dataclasses
import keras
@dataclasses.dataclass
class Size:
    filters: int = 1
def neighbor():
    import beside
    return beside.build()
def compiled():
    model = build()
    model.compile("sgd", "mse")
    return model
def build():
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(inputs))
def several():
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same", activation="softmax")(inputs))
def penalty():
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid", kernel_regularizer="l2")(inputs))
"""


def test_a_network_and_pictures_of_ones_own_are_trained_as_train_unet_would(tmp_path):
    """The same pictures in the same order: with our own loop, and with `train_unet`, from a stream."""
    train, held_back = make_dataset(10, SMALL, seed=1), make_dataset(5, SMALL, seed=2)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "beside.py").write_text(MINE)
    network = f"{tmp_path / 'mine.py'}:neighbor"
    ours = train_on(tf.distribute.get_strategy(), tmp_path / "ours", network=network, arrays=(train, held_back), seed=3, epochs=3, steps=5, batch_size=4)
    keras.utils.set_random_seed(3)
    namespace = {}
    exec(MINE, namespace)
    stream = scaling.stream_arrays(*train, 15, batch_size=4, seed=3)
    theirs = train_unet(namespace["build"](), stream, held_back, tmp_path / "theirs", epochs=3, steps=5).history
    rows = read_log(tmp_path / "ours")
    np.testing.assert_allclose(ours, theirs["loss"], rtol=1e-5)
    for name in ("val_dice", "val_loss"):
        np.testing.assert_allclose([row[name] for row in rows], theirs[name], rtol=1e-5)
    for a, b in zip(weights_of(tmp_path / "ours"), weights_of(tmp_path / "theirs")):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("settings", "error", "words"), [
    ({"network": "mine.py:compiled"}, ValueError, "this network is compiled"),
    ({"network": "mine.py:several"}, ValueError, "has 3 outputs for each pixel"), ({"network": "mine.py:penalty"}, ValueError, "adds losses of its own"),
    ({"network": "mine.py:nothing"}, AttributeError, "has no function 'nothing'"), ({"network": "yours.py:build"}, FileNotFoundError, "no file yours.py"),
    ({"network": "mine"}, ValueError, "'folder/mine.py:build'"), ({"network": 3}, TypeError, "network is 3"), ({"network": dict}, TypeError, r"returned \{\}"),
    ({"arrays": 3}, ValueError, "two pairs"), ({"arrays": 3, "manifest": "a.csv"}, ValueError, "pass one of them"),
    ({"step": 3}, TypeError, "no setting 'step'; it has steps"), ({"steps": 0}, ValueError, "steps is 0"), ({"peak_rate": 0}, ValueError, "peak_rate is 0"),
])
def test_what_train_on_cannot_use_is_refused(settings, error, words, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        train_on(tf.distribute.get_strategy(), tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_what_does_not_travel_to_workers_is_refused(tmp_path):
    for settings in ({"network": build_unet}, {"arrays": ((), ())}):
        with pytest.raises(TypeError, match="network='mine.py:build'"):
            start_workers(1, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_becomes_nan_ends_the_run(tmp_path):
    with pytest.raises(FloatingPointError, match="the loss became NaN in epoch 1. No epoch was kept. Start again"):
        train_on(tf.distribute.get_strategy(), tmp_path / "run", **{**FEW, "peak_rate": 1e30, "warmup": 0})
    assert not (tmp_path / "run" / "best.keras").exists()


def test_a_job_that_is_started_again_after_its_end_does_nothing(tmp_path, capsys):
    from helpers.scaling.__main__ import main

    (tmp_path / "log.csv").write_text("epoch,loss\n0,1.0\n")
    assert main([str(tmp_path), "--resume"]) == 0 and "ran to its end" in capsys.readouterr().out


def test_workers_that_would_not_fit_are_not_started(tmp_path, monkeypatch):
    monkeypatch.setenv("MEM_LIMIT", str(10**9))  # as Binder says it
    with pytest.raises(MemoryError, match="2 workers need 1.6 GB of memory, and .* GB are free"):
        start_workers(2, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_workers_end_with_the_process_that_started_them(tmp_path):
    code = (
        "import sys, time; from helpers.scaling import start_workers\n"
        "print(*[p.pid for p in start_workers(2, sys.argv[1], epochs=5000)], flush=True); time.sleep(1000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    family = [int(number) for number in parent.stdout.readline().split()]
    assert len(family) == 2
    assert until((tmp_path / "run" / "log.csv").exists, 600), "the workers never trained"
    parent.send_signal(signal.SIGTERM)
    parent.wait()
    assert gone(family, 120)


@forked()
def test_time_is_limited_and_errors_are_reported(tmp_path):
    with pytest.raises(WorkerLost, match="after 1 seconds. That was before the end of the first epoch"):
        run_workers(2, tmp_path / "slow", seconds=1, epochs=5000)
    with pytest.raises(WorkerLost, match="ended with an error .*worker-0"):
        run_workers(1, tmp_path / "wrong", seconds=400, depth=-1)
    assert "depth is -1" in (tmp_path / "wrong" / "worker-0.txt").read_text()
    assert _how_far(tmp_path / "slow").startswith("That was before")
    (tmp_path / "ended").mkdir()
    (tmp_path / "ended" / "log.csv").write_text("epoch,loss,val_dice,val_loss\n0,1,1,1\n")
    assert _how_far(tmp_path / "ended") == "The run itself is complete."


def test_runs_are_not_overwritten_and_nothing_is_not_resumed(tmp_path):
    strategy = tf.distribute.get_strategy()
    with pytest.raises(FileNotFoundError, match="resume=False"):
        train_on(strategy, tmp_path / "run", resume=True)
    train_on(strategy, tmp_path / "run", epochs=1, steps=1)
    with pytest.raises(FileExistsError, match="resume=True, or another folder"):
        train_on(strategy, tmp_path / "run")
    with pytest.raises(FileExistsError):
        start_workers(2, tmp_path / "run")
    for start in (lambda: train_on(strategy, tmp_path / "no", resume="no"), lambda: start_workers(1, tmp_path / "no", resume="no")):
        with pytest.raises(ValueError, match="resume is 'no'; expected True or False"):
            start()
    with pytest.raises(FileNotFoundError, match="there is no run in .*nowhere"):
        start_workers(2, tmp_path / "nowhere", resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "log.csv").write_text("epoch,loss,val_loss\n0,1,1\n")  # as `train_unet` writes it
    with pytest.raises(FileExistsError, match="already holds a run"):
        train_on(strategy, tmp_path / "other", epochs=1, steps=1)
    assert "val_loss" in (tmp_path / "other" / "log.csv").read_text()
    (tmp_path / "file").touch()
    for place, words in (("file", "is a file, and a run needs a folder"), ("file/run", "cannot write into the folder .*Choose one of yours")):
        with pytest.raises(OSError, match=words):
            train_on(strategy, tmp_path / place, epochs=1, steps=1)


def test_slurm_tasks_without_a_cluster_are_refused(tmp_path):
    environment = {**os.environ, "SLURM_NTASKS": "2"}
    environment.pop("TF_CONFIG", None)
    command = [sys.executable, "-m", "helpers.scaling", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 2 and "Slurm started 2 tasks, but TF_CONFIG is not set" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_worker_is_told_who_it_is():
    assert json.loads(tf_config(["a:1", "b:2"], 1)) == {
        "cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1},
    }
    ports = scaling.free_ports(5)
    assert len(set(ports)) == 5


# --- arithmetic and measuring ---


def test_the_arithmetic_of_a_step_by_hand():
    one = build_unet(depth=1, filters=8)  # three convolutions: 1 to 8, 8 to 8, and the 1x1
    forward = [2 * 9 * 8, 2 * 9 * 64, 2 * 8]
    assert step_gigaflop(one, 16) == pytest.approx(256 * (3 * sum(forward) - forward[0]) / 1e9)
    total = 0  # the default network, from the table of notebook 02: weights without biases, times the places
    for row in shape_table(96):
        biases = row.channels * (1 if row.block.startswith(("up", "logits")) else 2)
        places = (row.height // 2) ** 2 if row.block.startswith("up") else row.height**2
        total += 2 * (row.weights - biases) * places
    first = 2 * (conv_weights(3, 1, 8) - 8) * 96**2
    assert step_gigaflop(build_unet(), 96) == pytest.approx((3 * total - first) / 1e9)


def test_a_profile_names_the_convolutions():
    step = training_step(build_unet(depth=2, filters=4), *make_dataset(4, SMALL))
    first = step()
    assert step() < first
    found = profile_step(step, repeats=4)
    assert sum(share for share, _ in found.values()) == pytest.approx(1)
    assert found["convolution, kernel's gradient"][1] == pytest.approx(8) and found["pooling"][1] == pytest.approx(2)


def test_tasks_take_turns():
    calls = []
    seconds = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3)
    assert calls == ["a", "b"] * 4 and len(seconds["a"]) == len(seconds["b"]) == 3


EMPTY_PART = """
import sys
from helpers.scaling import use_devices
use_devices(2)
import keras, tensorflow as tf
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet
scene = CircleScene(size=16, radius=(3, 5), circles=(1, 2))
five, six = make_dataset(5, scene, seed=1), make_dataset(6, scene, seed=1)
batches = tf.data.Dataset.from_tensor_slices(five).batch(4)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = build_unet(depth=1, filters=2)
for i, (train, validation) in enumerate([(five, six), (six, five), (batches, six), (six, batches), (six, six)]):
    try:
        losses = train_unet(model, train, validation, f"{sys.argv[1]}/{sys.argv[2]}{i}", epochs=1).history["loss"]
        print("trained" if losses[0] < 2 else losses)
    except ValueError as error:
        print(" ".join(str(error).split()))
"""


def test_a_device_without_a_picture_is_told_where_onednn_fails(tmp_path):
    command = [sys.executable, "-c", LEAN + EMPTY_PART, str(tmp_path)]
    said = {}
    for choice in ("0", "1"):
        environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": choice}
        done = subprocess.run([*command, choice], capture_output=True, text=True, cwd=ROOT, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        said[choice] = done.stdout.strip().splitlines()
    assert said["0"] == ["trained"] * 5
    *refused, trained = said["1"]
    where = ["the last batch of the training set", "the last batch of the validation set", "batch 2 of the training dataset", "batch 2 of the validation dataset"]
    for text, name in zip(refused, where, strict=True):
        assert text == "trained" or text.startswith(name) and "set the variable TF_ENABLE_ONEDNN_OPTS=0 before" in text
    assert trained == "trained" and (len({text == "trained" for text in refused}) == 1)  # all, where oneDNN computes it


def test_commands_start_without_what_only_plots_need_and_may_import_it_later(tmp_path):
    """To import TensorFlow takes half as long again with it; `train`, `predict` and `export` are typed again and again."""
    code = """if True:
        import sys
        from helpers.lean_import import UNUSED, import_tensorflow
        from helpers.own_images.__main__ import main
        assert "keras" not in sys.modules and main(["export", "none.keras", sys.argv[1]]) == 1 and "keras" in sys.modules
        import helpers.scaling.__main__
        assert not set(UNUSED) & set(sys.modules), sys.modules.keys() & set(UNUSED)
        import gc, matplotlib, pandas, sklearn
        assert gc.isenabled() and sklearn.__version__
        import_tensorflow()
        assert sys.modules["matplotlib"] is matplotlib
    """
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "n.zip")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_time_and_memory_grow_with_the_batch():
    (quick, small), (slow, large) = step_costs([{"batch_size": 8}, {"batch_size": 64}])
    assert 10 < small < large / 2 and 0 < quick < slow


def test_the_exponent_of_a_power():
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)


@pytest.mark.parametrize(("there", "taken"), [(1, 1), (2, 2), (3, 2), (6, 4), (12, 8)])
def test_as_many_gpus_are_taken_as_can_share_a_batch_of_eight(there, taken, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [None] * there)
    assert scaling.use_devices() == [f"GPU:{i}" for i in range(taken)]
