"""A run that survives: whatever happens to its process or its files, it ends as if nothing had, or says what is missing."""

import contextlib
import errno
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from course import LEAN, ROOT
from helpers.anatomy import build_unet
from helpers.own_images import train_on_patches
from helpers.run_state import backup as backup_module
from helpers.run_state import lock as run_lock
from helpers.run_state.backup import read_backup
from helpers.run_state.folder import claim_folder, is_unfinished
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import DiceScore, bce_dice_loss, load_network, read_log, train_unet
from interruptions import LastWeights, PullThePlug

pytestmark = pytest.mark.usefixtures("uncompiled")
SMALL = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
DATA = make_dataset(6, SMALL, seed=1), make_dataset(3, SMALL, seed=4)


def small_unet(seed=3, **changes):
    keras.utils.set_random_seed(seed)
    return build_unet(**{"depth": 1, "filters": 2, **changes})


def train(folder, seed=3, data=DATA, compiled=None, **settings):
    model = small_unet(seed)
    if compiled is not None:
        model.compile(keras.optimizers.Adam(compiled), loss=bce_dice_loss, metrics=[DiceScore()])
    last = LastWeights()
    history = train_unet(model, *data, folder, callbacks=[*settings.pop("callbacks", []), last], **{"epochs": 4, **settings})
    return model, history, getattr(last, "weights", None)


def cut(folder, epoch=2, **settings):
    with pytest.raises(KeyboardInterrupt):
        train(folder, callbacks=[*settings.pop("callbacks", []), PullThePlug(epoch)], **settings)


@pytest.fixture(scope="module")
def left(tmp_path_factory, uncompiled):
    """Copy what a run with the default settings leaves when it is interrupted in an epoch; each is trained once for all tests."""
    made = tmp_path_factory.mktemp("left")

    def copy(folder, epoch=2):
        if not (made / str(epoch)).exists():
            cut(made / str(epoch), epoch)
        shutil.copytree(made / str(epoch), folder)

    return copy


def same(one, other):
    """Whether two trainings ended bit for bit alike: best network, last weights, and the log."""
    return (all(np.array_equal(a, b) for a, b in zip(one[0].get_weights(), other[0].get_weights()))
            and all(np.array_equal(a, b) for a, b in zip(one[2], other[2])) and one[1].history == other[1].history)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, uncompiled):
    return train(tmp_path_factory.mktemp("runs") / "whole")


# --- the promise ---


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_an_interrupted_run_ends_bit_for_bit_as_if_it_had_not_been(epoch, whole, tmp_path):
    cut(tmp_path / "run", epoch)
    assert same(train(tmp_path / "run", seed=99, resume=True), whole)
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["best.keras", "log.csv"]


def test_an_interrupted_run_with_compiled_steps_ends_bit_for_bit_as_if_it_had_not_been(compiled_steps, tmp_path):
    cut(tmp_path / "run", 1)
    assert same(train(tmp_path / "run", seed=99, resume=True), train(tmp_path / "whole"))


def test_a_run_that_is_interrupted_twice_goes_on_twice(whole, tmp_path):
    cut(tmp_path / "run", 1)
    cut(tmp_path / "run", 3, resume=True, seed=98)
    assert same(train(tmp_path / "run", seed=99, resume=True), whole)
    with pytest.raises(FileNotFoundError, match="ran to its end"):
        train(tmp_path / "run", resume=True)


def test_a_network_trained_further_begins_at_the_first_epoch(left, tmp_path):
    left(tmp_path / "run", 2)
    model, *_ = train(tmp_path / "run", resume=True)
    history = train_unet(model, *DATA, tmp_path / "next", epochs=3)
    assert history.epoch == [0, 1, 2]


def test_callbacks_remember(tmp_path):
    """A plateau in mid-patience, an early stopping that holds weights, and the lowered rate come back."""
    def callbacks():
        return [keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.3, patience=2, min_delta=0.02),
                keras.callbacks.EarlyStopping("val_loss", patience=4, restore_best_weights=True, min_delta=0.05)]

    settings = {"compiled": 0.01, "epochs": 12, "patience": 30}
    rates = []
    stopped = train(tmp_path / "whole", callbacks=callbacks(), **settings)
    assert len(stopped[1].epoch) < 12 and float(stopped[0].optimizer.learning_rate) < 0.01
    for epoch in (1, len(stopped[1].epoch) // 2, len(stopped[1].epoch) - 1):
        cut(tmp_path / f"cut{epoch}", epoch, callbacks=callbacks(), **settings)
        resumed = train(tmp_path / f"cut{epoch}", seed=99, resume=True, callbacks=callbacks(), **settings)
        assert same(resumed, stopped)
        rates.append(float(resumed[0].optimizer.learning_rate))
    assert set(rates) == {float(stopped[0].optimizer.learning_rate)}
    cut(tmp_path / "missing", 2, callbacks=callbacks(), **settings)
    with pytest.warns(UserWarning, match="a callback (ReduceLROnPlateau|EarlyStopping) that is missing now"):
        train(tmp_path / "missing", resume=True, **settings)


def test_a_run_that_early_stopping_had_ended_is_not_trained_on(tmp_path):
    class StopAtEnd(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            raise KeyboardInterrupt

    settings = {"compiled": 0.05, "epochs": 40, "patience": 2}
    stopped = train(tmp_path / "whole", **settings)
    assert len(stopped[1].epoch) < 40
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", callbacks=[StopAtEnd()], **settings)
    model, history, _ = train(tmp_path / "cut", seed=99, resume=True, **settings)
    assert history.history == stopped[1].history
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), stopped[0].get_weights()))


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_every_kind_of_weight_comes_back(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        one = train(tmp_path / "whole", epochs=3)
        cut(tmp_path / "run", 1, epochs=3)
        assert same(train(tmp_path / "run", seed=99, resume=True, epochs=3), one)
    finally:
        keras.config.set_dtype_policy("float32")


def test_log_and_best_network_come_from_the_backup(left, whole, tmp_path):
    """They may be missing, damaged, or an epoch ahead of the backup."""
    for change in ("missing", "damaged", "ahead"):
        run = tmp_path / change
        left(run)
        for path in (run / "log.csv", run / "best.keras"):
            if change == "missing":
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[:40] if change == "damaged" else path.read_bytes() + b"2,1,1,1,1\n")
        assert same(train(run, seed=99, resume=True), whole)
        assert len(load_network(run / "best.keras").layers) > 3


# --- files that are damaged ---


def test_a_damaged_newest_backup_is_named_and_the_one_before_it_serves(left, whole, tmp_path):
    for i, damage in enumerate((lambda b: b[:100], lambda b: b"", lambda b: b[:300] + b"x" + b[301:])):
        run = tmp_path / str(i)
        left(run)
        newest = max((run / "backup").glob("epoch-*"))
        newest.write_bytes(damage(newest.read_bytes()))
        with pytest.warns(UserWarning, match="newest backup .* is damaged .* after 1 epochs"):
            resumed = train(run, seed=99, resume=True)
        assert same(resumed, whole)


def test_parts_of_two_backups_are_not_taken_for_one(tmp_path):
    for run in ("one", "two"):
        cut(tmp_path / run, seed=3 if run == "one" else 4)
    ours, theirs = (max((tmp_path / run / "backup").glob("epoch-*")) for run in ("one", "two"))
    with zipfile.ZipFile(ours) as a, zipfile.ZipFile(theirs) as b:
        parts = {name: (b if name == "arrays.bin" else a).read(name) for name in a.namelist()}
    with zipfile.ZipFile(ours, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    with pytest.warns(UserWarning, match="arrays.bin, which belongs to another backup"):
        assert read_backup(tmp_path / "one").epoch == 1


def test_a_backup_that_somebody_else_made_up_is_refused_in_words(left, tmp_path):
    """Nothing of it is set or called, and none of it inflates, before its numbers were looked at."""
    left(tmp_path / "run")
    folder = tmp_path / "run" / "backup"
    whole_one = min(folder.glob("epoch-*"))
    with zipfile.ZipFile(whole_one) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    state = json.loads(parts["state.json"])
    changes = [
        {"epoch": "1"}, {"epoch": -1}, {"epoch": True}, {"stopped": 0}, {"terms": []}, {"memory": [1]}, {"memory": None}, {"versions": None},
        {"memory": [{"kind": "EarlyStopping", "values": {"__class__": 1}, "weights": 0}]},
        {"memory": [{"kind": "EarlyStopping", "values": {"wait": "1"}, "weights": 0}]},
        {"shapes": [["float32", [10**9, 10**9]]]}, {"shapes": [["object", [1]]]}, {"shapes": [["string", [1]]]}, {"shapes": [["float32", [-1]]]}, {"shapes": 3},
        {"digests": {"../../other": "0"}}, {"digests": {}}, {"digests": []},
    ]
    for change in changes:
        with zipfile.ZipFile(whole_one, "w") as file:
            for name, content in {**parts, "state.json": json.dumps({**state, **change})}.items():
                file.writestr(name, content)
        for other in set(folder.glob("epoch-*")) - {whole_one}:
            other.unlink()
        with pytest.raises(ValueError, match=r"every backup in .* is damaged \(epoch-\d+.zip has .*Start again in a new folder"):
            read_backup(tmp_path / "run")
    with zipfile.ZipFile(whole_one, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in {**parts, "arrays.bin": bytes(200_000_000)}.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match="would have 200,000,000 bytes"):
        read_backup(tmp_path / "run")


def test_when_every_backup_is_damaged_the_run_says_so(left, tmp_path):
    left(tmp_path / "run")
    for path in (tmp_path / "run" / "backup").glob("epoch-*"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="every backup in .* is damaged .* Start again in a new folder"):
        train(tmp_path / "run", resume=True)


def test_a_backup_of_an_earlier_version_is_named(tmp_path):
    (tmp_path / "run" / "backup").mkdir(parents=True)
    (tmp_path / "run" / "backup" / "latest.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="an earlier version of this course"):
        train(tmp_path / "run", resume=True)


def test_a_run_stopped_before_its_first_backup_says_that_it_begins_again(whole, tmp_path):
    (tmp_path / "run" / "backup").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="resume=True"):
        train(tmp_path / "run")
    with pytest.warns(UserWarning, match="before its first backup.*begins again"):
        assert same(train(tmp_path / "run", resume=True), whole)


def test_other_files_are_no_interrupted_run(tmp_path):
    (tmp_path / "log.csv").write_text("epoch,loss\n")
    with pytest.raises(FileNotFoundError, match="start a run in a new folder"):
        train(tmp_path, resume=True)


# --- other settings, other data ---


@pytest.mark.parametrize(("settings", "words"), [
    ({"batch_size": 2}, r"batch_size=4 \(now 2\)"), ({"peak_rate": 1e-3}, r"peak_rate=0.003 \(now 0.001\)"),
    ({"seed_of_order": 1}, r"seed=0 \(now 1\)"), ({"augmented": False}, r"augmented=True \(now False\)"),
    ({"data": ((DATA[0][0] * np.float32(0.5), DATA[0][1]), DATA[1])}, "other training images"),
    ({"data": ((DATA[0][0], DATA[0][1][::-1]), DATA[1])}, "other training masks"),
    ({"data": (DATA[0], make_dataset(3, SMALL, seed=9))}, "other validation images, other validation masks"),
    ({"compiled": 0.01}, "another optimizer"),
], ids=str)
def test_other_settings_or_data_are_named(left, settings, words, tmp_path):
    left(tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    if "seed_of_order" in settings:
        with pytest.raises(ValueError, match=words):
            train_unet(small_unet(), *DATA, tmp_path / "run", epochs=4, resume=True, seed=1)
    else:
        with pytest.raises(ValueError, match=words):
            train(tmp_path / "run", resume=True, **settings)
    after = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert after == before


def test_another_network_is_named(left, tmp_path):
    left(tmp_path / "run")
    with pytest.raises(ValueError, match="another network"):
        train_unet(small_unet(filters=3), *DATA, tmp_path / "run", epochs=4, resume=True)


def test_another_rate_of_ones_own_is_named(tmp_path):
    cut(tmp_path / "run", compiled=0.01)
    with pytest.raises(ValueError, match="another learning rate"):
        train(tmp_path / "run", resume=True, compiled=0.02)


def test_a_dataset_of_another_size_is_named(tmp_path):
    def as_data(n):
        return tf.data.Dataset.from_tensor_slices((DATA[0][0][:n], DATA[0][1][:n])).batch(2), DATA[1]

    cut(tmp_path / "run", data=as_data(6))
    with pytest.raises(ValueError, match="another training dataset"):
        train(tmp_path / "run", data=as_data(4), resume=True)


def shuffled(seed=None, again=None, repeat=False):
    dataset = tf.data.Dataset.from_tensor_slices(DATA[0]).shuffle(6, seed, again).batch(2)
    return (dataset.repeat() if repeat else dataset).prefetch(1), DATA[1]


@pytest.mark.parametrize(("made", "steps", "exact"), [
    ({"seed": 0}, None, False), ({}, None, False), ({"seed": 0, "again": False}, None, True),
    ({"repeat": True}, 3, False), ({"seed": 0, "repeat": True}, 3, True),
], ids=str)
def test_a_dataset_that_is_shuffled_anew_is_named_when_a_run_goes_on(made, steps, exact, tmp_path, recwarn):
    """The words are true both ways: where they are missing, the run does end as an uninterrupted one."""
    def go_on(name, compiled=0.01, **settings):
        tf.random.set_seed(None)
        return train(tmp_path / name, data=shuffled(**made), steps=steps, epochs=3, compiled=compiled, **settings)

    uncut = go_on("whole")
    with pytest.raises(KeyboardInterrupt):
        go_on("run", callbacks=[PullThePlug(1)])
    assert not [w for w in recwarn if "shuffled" in str(w.message)]
    resumed = go_on("run", seed=99, resume=True)
    named = [w for w in recwarn if "shuffled in an order that cannot be drawn again" in str(w.message)]
    assert bool(named) != exact
    if exact:
        assert same(resumed, uncut)


def test_patches_go_on_as_well(tmp_path):
    pictures = [make_dataset(2, CircleScene(size=32, radius=(3, 8), circles=2), seed) for seed in (1, 2)]

    def patches(name, seed=3, callbacks=(), **settings):
        model = small_unet(seed)
        history = train_on_patches(
            model, *pictures, tmp_path / name, size=16, epochs=3, steps=2, batch_size=2, callbacks=callbacks, **settings)
        return history.history, model.get_weights()

    uncut = patches("whole")
    with pytest.raises(KeyboardInterrupt):
        patches("run", callbacks=[PullThePlug(1)])
    history, weights = patches("run", seed=99, resume=True)
    assert history == uncut[0] and all(np.array_equal(a, b) for a, b in zip(weights, uncut[1]))


@pytest.mark.parametrize("epochs", [2, 3, 6])
def test_a_planned_rate_belongs_to_its_number_of_epochs(left, epochs, whole, tmp_path):
    left(tmp_path / "run", 3)
    with pytest.raises(ValueError, match="Resume it with epochs=4"):
        train(tmp_path / "run", epochs=epochs, resume=True)
    assert same(train(tmp_path / "run", resume=True), whole)


def test_with_a_rate_of_ones_own_a_run_may_become_longer(tmp_path):
    longer = train(tmp_path / "longer", epochs=5, compiled=0.01)
    cut(tmp_path / "run", 2, epochs=3, compiled=0.01)
    with pytest.raises(ValueError, match="2 epochs behind it, more than epochs=1. Resume it with at least epochs=2"):
        train(tmp_path / "run", epochs=1, compiled=0.01, resume=True)
    assert same(train(tmp_path / "run", epochs=5, compiled=0.01, resume=True), longer)


def test_another_tensorflow_is_named(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(backup_module, "versions", lambda: "TensorFlow 2.0 and Keras 3.0")
        cut(tmp_path / "run")
    with pytest.warns(UserWarning, match="started with TensorFlow 2.0 and Keras 3.0.*last digits may differ"):
        train(tmp_path / "run", resume=True)


# --- one process at a time ---


def owner(folder, **changes):
    me = {"process": os.getpid(), "machine": platform.node(), "started": run_lock.psutil.Process().create_time()}
    (folder / "lock.json").write_text(json.dumps({**me, **changes}))


def until(condition, seconds=300):
    """Wait until a condition holds, for as long as a slow day may take."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} seconds it does not hold"
        time.sleep(0.05)


@pytest.fixture
def other_process():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_living_process_is_named_and_a_dead_one_is_taken_over(left, whole, tmp_path, other_process):
    run = tmp_path / "run"
    left(run)
    started = run_lock.psutil.Process(other_process.pid).create_time()
    owner(run / "backup", process=other_process.pid, started=started)
    with pytest.raises(RuntimeError, match=f"not interrupted: process {other_process.pid} on this machine"):
        train(run, resume=True)
    with pytest.raises(FileExistsError, match=f"under way: process {other_process.pid} on this machine"):
        train(run)
    with pytest.raises(RuntimeError, match="is under way"), run_lock.locked(run / "backup"):
        pass
    owner(run / "backup", process=other_process.pid, started=started - 1000)  # the number was given out again
    assert run_lock.live_owner(run / "backup") is None
    owner(run / "backup", process=other_process.pid, started=started)
    other_process.kill()
    until(lambda: run_lock.live_owner(run / "backup") is None)  # dead, though nobody has asked for its status yet
    assert same(train(run, seed=99, resume=True), whole)


def test_a_process_of_another_machine_is_dead_when_it_is_silent(left, tmp_path):
    left(tmp_path / "run")
    folder = tmp_path / "run" / "backup"
    owner(folder, machine="node17")
    with pytest.raises(RuntimeError, match="on the machine node17, which wrote there [0-9.]+ seconds? ago is training"):
        train(tmp_path / "run", resume=True)
    silent = time.time() - run_lock.SILENCE - 1
    os.utime(folder / "lock.json", (silent, silent))
    train(tmp_path / "run", resume=True)


def test_a_process_shows_that_it_is_alive(tmp_path):
    with run_lock.locked(tmp_path):
        os.utime(tmp_path / "lock.json", (0, 0))
        run_lock.show_alive(tmp_path, every=1000)
        assert (tmp_path / "lock.json").stat().st_mtime == 0
        run_lock.show_alive(tmp_path, every=-1)
        assert time.time() - (tmp_path / "lock.json").stat().st_mtime < 100
    assert not (tmp_path / "lock.json").exists()


def test_a_process_that_was_taken_over_stops_and_writes_nothing(tmp_path):
    class Thief(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                owner(tmp_path / "run" / "backup", machine="node17")

    with pytest.raises(RuntimeError, match="another process has taken over"):
        train(tmp_path / "run", callbacks=[Thief()])
    assert read_backup(tmp_path / "run").epoch == 1 and (tmp_path / "run" / "backup" / "lock.json").exists()


def test_the_same_process_cannot_train_twice_at_once_in_one_folder(tmp_path):
    class Again(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                train_unet(small_unet(), *DATA, tmp_path / "run", epochs=4, resume=True)

    with pytest.raises(RuntimeError, match="this process is training there"):
        train(tmp_path / "run", callbacks=[Again()])
    train(tmp_path / "run", resume=True)


def test_of_many_that_take_a_dead_lock_at_once_one_gets_it(tmp_path):
    owner(tmp_path, process=2**22 + 1)
    code = ("import sys, time; sys.path.insert(0, {!r}); from helpers.run_state import lock as run_lock\n"
            "print('ready', flush=True); input()\n"
            "try:\n"
            "    with run_lock.locked({!r}):\n"
            "        begun = time.monotonic(); time.sleep(1); print(begun, time.monotonic(), flush=True)\n"
            "except RuntimeError: print('refused', flush=True)").format(str(ROOT), str(tmp_path))
    held, refused = [], 0
    with contextlib.ExitStack() as ended:
        rivals = [ended.enter_context(started(code)) for _ in range(4)]
        for rival in rivals:
            assert rival.stdout.readline() == "ready\n"
        for rival in rivals:
            rival.stdin.write("\n")
            rival.stdin.flush()
        for rival in rivals:
            told = rival.communicate()[0].split()
            refused += told == ["refused"]
            held += [] if told == ["refused"] else [tuple(map(float, told))]
    assert len(held) >= 1 and len(held) + refused == 4
    held.sort()  # one clock for all processes
    for (_, end), (begun, _) in zip(held, held[1:]):
        assert end <= begun, "two held the lock at once"
    assert not (tmp_path / "lock.json").exists()


@contextlib.contextmanager
def started(code, *arguments):
    """A process of its own that runs a piece of code; it is gone at the end, whatever happened."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


TOGETHER = """
import sys
import keras, tensorflow as tf
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet

tf.config.run_functions_eagerly(True)
scene = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
data = make_dataset(6, scene, seed=1), make_dataset(3, scene, seed=4)

class Hold(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            print("under way", flush=True)
            input()  # the run is not over before the other process has had its answer

print("ready", flush=True)
resume = input() == "resume"
try:
    train_unet(build_unet(depth=1, filters=2), *data, sys.argv[1], epochs=2, resume=resume, callbacks=[Hold()])
    print("trained", flush=True)
except (FileExistsError, RuntimeError) as error:
    print(type(error).__name__, error, flush=True)
"""


def test_of_two_processes_that_train_in_one_folder_at_once_one_does(tmp_path):
    """At the beginning of a run, and where both go on with an interrupted one."""
    with started(LEAN + TOGETHER, str(tmp_path / "run")) as one, started(LEAN + TOGETHER, str(tmp_path / "run")) as other:
        assert one.stdout.readline() == other.stdout.readline() == "ready\n"
        answers = together(one, other, "start")
        refused = "FileExistsError .*(holds a run already, and runs never overwrite|another process has just begun a run)"
        assert re.match(refused, answers["refused"]), answers
    assert read_backup(tmp_path / "run").epoch == 1 and len(read_log(tmp_path / "run")) == 1, "that one was killed"
    with started(LEAN + TOGETHER, str(tmp_path / "run")) as one, started(LEAN + TOGETHER, str(tmp_path / "run")) as other:
        assert one.stdout.readline() == other.stdout.readline() == "ready\n"
        answers = together(one, other, "resume")
        assert re.match("RuntimeError the run in .* is (not interrupted: process|under way: process)", answers["refused"]), answers
        answers["winner"].stdin.write("\n")
        answers["winner"].stdin.flush()
        assert answers["winner"].stdout.readline() == "trained\n"
    assert len(read_log(tmp_path / "run")) == 2 and not (tmp_path / "run" / "backup").exists()


def together(one, other, word):
    """Let two processes begin at the same moment; returns which of them trains and what the other one says."""
    for process in (one, other):
        process.stdin.write(f"{word}\n")
        process.stdin.flush()
    said = {process: process.stdout.readline().strip() for process in (one, other)}
    [winner] = [process for process, line in said.items() if line == "under way"]
    return {"winner": winner, "refused": said[one if winner is other else other]}


def test_two_runs_begun_at_the_same_moment_do_not_share_a_folder(tmp_path, monkeypatch):
    from helpers.training import run
    def claim_and_lose(folder):
        claim_folder(folder)
        (folder / "backup").mkdir()  # the other was quicker
    monkeypatch.setattr(run, "claim_folder", claim_and_lose)
    with pytest.raises(FileExistsError, match="another process has just begun a run"):
        train(tmp_path / "run")


# --- disks ---


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_no_more_files_is_named_and_nothing_is_lost(number, whole, tmp_path, monkeypatch):
    """At moments at which a file or a folder is synced: before the first backup, between two, and at the end."""
    real = os.fsync
    for moment in (1, 5, 11):
        run, calls = tmp_path / str(moment), []

        def full(handle, calls=calls, moment=moment):
            calls.append(handle)
            if len(calls) == moment:
                raise OSError(number, os.strerror(number))
            return real(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            try:
                ended = train(run)
            except OSError as error:
                assert error.errno == number and "go on with resume=True" in str(error) and os.strerror(number) in str(error)
                assert is_unfinished(run)
                ended = train(run, seed=99 if read_backup(run) else 3, resume=True)
        assert same(ended, whole)


def test_a_folder_that_cannot_be_written_is_named(left, tmp_path, monkeypatch):
    left(tmp_path / "run")

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError, match="a file could not be read or written.*go on with resume=True"):
        train(tmp_path / "run", resume=True)
    assert len(read_log(tmp_path / "run")) == 2


# --- kills ---


@pytest.fixture(scope="module")
def killed():
    """What came of 20 kills: at random moments, at steps on the disk, and at such steps with what was not synced lost."""
    done = subprocess.run(
        [sys.executable, "-c", LEAN + "import sys, json; sys.path.insert(0, 'benchmarks'); import kills\n"
         "found, steps, _ = kills.measure(20, seed=1, compiled=False)\nprint(json.dumps([found, steps]))"],
        capture_output=True, text=True, cwd=ROOT, timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_20_killed_runs_end_bit_for_bit_like_one_that_was_left_alone(killed):
    found, _ = killed
    assert {kind: set(results) for kind, results in found.items()} == {kind: {"the same bit for bit"} for kind in found}
    assert sum(sum(results.values()) for results in found.values()) == 20


def test_the_kills_reach_backup_checkpoint_lock_and_end(killed):
    _, steps = killed
    for name in ("epoch-000000.zip half written", "best.keras half written", "log.csv half written",
                 "before replace of backup.draft", "before replace of backup", "after fsync of a file"):
        assert name in steps, name
    assert any("lock" in step for step in steps)
