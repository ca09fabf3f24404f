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
from course import ROOT
from helpers import scaling
from helpers.anatomy import build_unet, conv_weights, shape_table
from helpers.scaling import (
    WorkerLost, call_in_worker, exponent, in_order, in_turns, pool, profile_step, run_workers, start_workers, step_costs,
    step_gigaflop, stream_batches, tf_config, train_on, training_step, watch_workers,
)
from helpers.synthesis import CircleScene, draw_numbered, make_dataset, stream_scenes
from helpers.training import read_log, train_unet

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
    done = subprocess.run([sys.executable, "-c", MIRRORED], capture_output=True, text=True, cwd=ROOT, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["devices"] == 2 and "Restart the kernel" in said["late"] and "multiple of 2" in said["odd"]
    for way in ("fit", "loop"):
        np.testing.assert_allclose(*said[way], rtol=1e-5)
    apart = np.abs(np.subtract(*said["clipped"])).max()
    assert apart > 1e-4, "Keras clips on each device before it sums: notebook 07 says that the losses differ"


UNDER_MIRRORED = """
import json, sys
from helpers.scaling import use_devices
use_devices(2)
import keras, numpy as np, tensorflow as tf
from helpers.anatomy import build_unet
from helpers.own_images import train_on_patches
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet
scene = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
data = make_dataset(8, scene, seed=1), make_dataset(4, scene, seed=4)
big = [make_dataset(3, CircleScene(size=40, radius=(3, 8)), seed) for seed in (1, 2)]

class Stop(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt

def train(name, strategy, seed=0, **settings):
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = build_unet(depth=1, filters=2)
    return train_unet(model, *data, f"{sys.argv[1]}/{name}", epochs=4, **settings).history["loss"], model.get_weights()

def train_patches(name, strategy, seed=0, **settings):
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = build_unet(depth=2, filters=2)
    large = [(list(images), list(masks)) for images, masks in big]
    settings = dict(size=16, epochs=3, steps=2, batch_size=4) | settings
    return train_on_patches(model, *large, f"{sys.argv[1]}/{name}", **settings).history["loss"], model.get_weights()

two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
patches = [train_patches(f"patches {i}", s) for i, s in enumerate((tf.distribute.get_strategy(), two))]
try:
    train_patches("patches cut", two, callbacks=[Stop()])
except KeyboardInterrupt:
    pass
again = train_patches("patches cut", two, seed=9, resume=True)
same_patches = again[0] == patches[1][0] and all(np.array_equal(a, b) for a, b in zip(again[1], patches[1][1]))
one, both = train("one", tf.distribute.get_strategy()), train("two", two)
try:
    train("cut", two, callbacks=[Stop()])
except KeyboardInterrupt:
    pass
resumed = train("cut", two, seed=9, resume=True)
same = all(np.array_equal(a, b) for a, b in zip(resumed[1], both[1]))
print(json.dumps([one[0], both[0], resumed[0] == both[0] and same, *(p[0] for p in patches), same_patches]))
"""


def test_training_on_two_devices_has_the_losses_of_one_and_resumes_bit_for_bit(tmp_path):
    done = subprocess.run([sys.executable, "-c", UNDER_MIRRORED, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two, resumed, *patches, patches_resumed = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(one, two, atol=1e-3)
    np.testing.assert_allclose(*patches, atol=1e-3)
    assert resumed and patches_resumed


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


def test_two_processes_have_the_losses_of_one_device(tmp_path):
    two = run_workers(2, tmp_path / "two", seconds=400)
    assert len(two) == 3
    np.testing.assert_allclose(two, train_on(tf.distribute.get_strategy(), tmp_path / "one"), rtol=1e-5)


def test_a_killed_worker_is_reported_ends_the_run_and_can_be_resumed(tmp_path):
    run = tmp_path / "run"
    processes = start_workers(2, run, epochs=5000)
    family = [process.pid for process in processes]
    assert until((run / "log.csv").exists, 240)
    processes[1].kill()
    with pytest.raises(WorkerLost, match=r"worker 1 of 2 was killed \(SIGKILL\), so the others have ended, too. \d+ epochs? (is|are) saved. Go on with resume=True"):
        watch_workers(processes, run, seconds=240)
    assert gone(family, 60)
    assert "Another worker is gone" in (run / "worker-0.txt").read_text(), "worker 0 ended for another reason"
    kept = len(read_log(run))
    resumed = run_workers(2, run, seconds=400, epochs=kept + 2, resume=True)
    whole = train_on(tf.distribute.get_strategy(), tmp_path / "whole", epochs=kept + 2)
    np.testing.assert_allclose(resumed, whole, rtol=1e-4)


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


def test_time_is_limited_and_errors_are_reported(tmp_path):
    with pytest.raises(WorkerLost, match="after 1 seconds. That was before the first checkpoint"):
        run_workers(2, tmp_path / "slow", seconds=1, epochs=5000)
    with pytest.raises(WorkerLost, match="ended with an error .*worker-0"):
        run_workers(1, tmp_path / "wrong", seconds=400, depth=-1)
    assert "depth is -1" in (tmp_path / "wrong" / "worker-0.txt").read_text()


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


def test_time_and_memory_grow_with_the_batch():
    (quick, small), (slow, large) = step_costs([{"batch_size": 8}, {"batch_size": 64}])
    assert 10 < small < large / 2 and 0 < quick < slow


def test_the_exponent_of_a_power():
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)


@pytest.mark.parametrize(("there", "taken"), [(1, 1), (2, 2), (3, 2), (6, 4), (12, 8)])
def test_as_many_gpus_are_taken_as_can_share_a_batch_of_eight(there, taken, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [None] * there)
    assert scaling.use_devices() == [f"GPU:{i}" for i in range(taken)]
