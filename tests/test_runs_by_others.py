"""Runs as other people start them: other Datasets, other losses, other folders, and what they do to a run's files."""

import json
import os
import platform
import shutil
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.anatomy import build_unet
from helpers.classes import ClassLoss
from helpers.fingerprints import digest_of
from helpers.run_state import lock as run_lock
from helpers.run_state.lock import live_owner
from helpers.run_state.terms import _layer as described_layer
from helpers.training import DiceScore, load_network, new_run_dir, predict, read_log, restart, to_dataset, train_unet, warmup_cosine
from helpers.training.callbacks import ModelCheckpoint
from interruptions import LastWeights, PullThePlug

pytestmark = pytest.mark.usefixtures("uncompiled")
RNG = np.random.default_rng(0)
X = RNG.random((6, 16, 16, 1)).astype(np.float32)
Y = (X > 0.8).astype(np.uint8)


def unet(seed=1, shape=(None, None, 1), **options):
    keras.utils.set_random_seed(seed)
    return build_unet(shape, **{"depth": 1, "filters": 2, **options})


def compiled(optimizer="adam", loss="binary_crossentropy", metrics=None):
    model = unet()
    model.compile(optimizer, loss=loss, metrics=metrics or [DiceScore()])
    return model


def batches(images=X, masks=Y, size=3):
    return tf.data.Dataset.from_tensor_slices((images, masks)).batch(size)


def train(folder, model=None, data=(X, Y), val=(X, Y), epochs=1, **settings):
    return train_unet(model or unet(), data, val, folder, epochs, **settings)


def cut(folder, at=1, epochs=3, callbacks=(), **settings):
    with pytest.raises(KeyboardInterrupt):
        train(folder, epochs=epochs, callbacks=[*callbacks, PullThePlug(at)], **settings)


class Do(keras.callbacks.Callback):
    """Do something at the end of each epoch."""

    def __init__(self, what):
        super().__init__()
        self.what = what

    def on_epoch_end(self, epoch, logs=None):
        self.what()


# --- going on ---


@pytest.mark.parametrize("make", [
    batches, lambda: batches().repeat().take(3), lambda: batches().filter(lambda *_: True), lambda: batches().repeat(),
], ids=["two batches", "three batches", "unknown length", "endless"])
def test_a_stream_that_ends_before_the_last_epoch_is_begun_again_also_by_a_run_that_goes_on(make, tmp_path):
    def go_on(name, **settings):
        model, last = compiled(), LastWeights()
        history = train(tmp_path / name, model, make(), steps=2, epochs=3, callbacks=[last], **settings)
        return history.history, last.weights

    whole = go_on("whole")
    cut(tmp_path / "run", model=compiled(), data=make(), steps=2)
    resumed = go_on("run", resume=True)
    assert resumed[0] == whole[0] and len(whole[0]["loss"]) == 3
    assert all(np.array_equal(a, b) for a, b in zip(whole[1], resumed[1]))
    by_hand = compiled()
    if make is batches:  # with the others Keras would cut an epoch short, or come to an end
        by_hand.fit(batches(), steps_per_epoch=2, epochs=3, verbose=0)
        assert all(np.array_equal(a, b) for a, b in zip(by_hand.get_weights(), whole[1]))


def test_an_epoch_without_a_batch_is_named_and_the_log_stays_whole(tmp_path):
    once = iter([(X, Y)] * 6)  # of which the check takes one or two
    signature = tuple(tf.TensorSpec((None, 16, 16, 1), kind) for kind in (tf.float32, tf.uint8))
    stream = tf.data.Dataset.from_generator(lambda: once, output_signature=signature)
    with pytest.raises(ValueError, match="epoch 2 had no batch.*used up.*call a function that makes it anew"):
        train(tmp_path / "run", compiled(), stream, epochs=3)
    assert len(read_log(tmp_path / "run")) == 1


def times(weight):
    return lambda a, b: weight * keras.losses.binary_crossentropy(a, b)


class Own(keras.losses.Loss):
    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def call(self, y_true, y_pred):
        return self.weight * keras.losses.binary_crossentropy(y_true, y_pred)


LOSSES = [
    (lambda: "binary_crossentropy", lambda: "mse"),
    (lambda: keras.losses.BinaryFocalCrossentropy(gamma=1), lambda: keras.losses.BinaryFocalCrossentropy(gamma=4)),
    (lambda: ClassLoss((1, 1)), lambda: ClassLoss((1, 50))), (lambda: times(1), lambda: times(9)),
    (lambda: Own(1), lambda: Own(2)), (lambda: [times(1)], lambda: [times(2)]),
    (lambda: keras.metrics.MeanMetricWrapper(times(1)), lambda: keras.metrics.MeanMetricWrapper(times(2))),
    (lambda: keras.metrics.AUC(), lambda: keras.metrics.AUC(curve="PR")),
    (lambda: DiceScore(), lambda: DiceScore(0.01)), (lambda: lambda a, b: a - b, lambda: lambda a, b: b - a),
]


@pytest.mark.parametrize(("one", "other"), LOSSES, ids=map(str, range(len(LOSSES))))
def test_a_fingerprint_comes_again_and_another_setting_has_another(one, other):
    assert digest_of(one()) == digest_of(one()) and digest_of(other()) == digest_of(other())
    assert digest_of(one()) != digest_of(other())


@pytest.mark.parametrize(("then", "now", "words"), [
    ({"loss": "binary_crossentropy"}, {"loss": "mse"}, r"loss='binary_crossentropy' \(now 'mse'\)\. Resume"),
    ({"loss": times(1)}, {"loss": times(9)}, "other settings of the loss"),
    ({"optimizer": keras.optimizers.Adamax(0.01)}, {"optimizer": keras.optimizers.Nadam(0.01)},
     r"optimizer_class='Adamax' \(now 'Nadam'\)"),
    ({"metrics": [DiceScore(), "accuracy"]}, {"metrics": [DiceScore(), "mse"]},
     r"metrics=\['dice', 'accuracy'\] \(now \['dice', 'mse'\]\)\. Resume"),
    ({"metrics": [DiceScore()]}, {"metrics": [DiceScore(0.01)]}, "other settings of the metrics"),
], ids=["name", "lambda", "optimizer", "metric", "threshold"])
def test_another_loss_optimizer_or_score_is_named(then, now, words, tmp_path):
    cut(tmp_path / "run", model=compiled(**then))
    with pytest.raises(ValueError, match=words):
        train(tmp_path / "run", compiled(**now), epochs=3, resume=True)
    assert len(read_log(tmp_path / "run")) == 1


def test_the_same_lambda_and_a_score_that_keras_numbers_go_on(tmp_path):
    def made():
        return compiled(loss=times(1), metrics=[DiceScore(), keras.metrics.AUC()])

    cut(tmp_path / "run", model=made())
    assert train(tmp_path / "run", made(), epochs=3, resume=True).epoch == [0, 1, 2]


def test_a_run_whose_backups_were_deleted_begins_again_in_a_log_of_its_own(tmp_path):
    cut(tmp_path / "run", at=2)
    before = (tmp_path / "run" / "best.keras").read_bytes()
    for path in (tmp_path / "run" / "backup").glob("*.zip"):
        path.unlink()
    with pytest.warns(UserWarning, match="begins again.*kept, as earlier-"):
        history = train(tmp_path / "run", epochs=2, resume=True)
    assert history.epoch == [0, 1] and len(read_log(tmp_path / "run")) == 2
    assert (tmp_path / "run" / "earlier-best.keras").read_bytes() == before


def test_a_backup_folder_that_is_a_link_is_named_before_anything_is_trained(tmp_path):
    cut(tmp_path / "run")
    (tmp_path / "run" / "backup").rename(tmp_path / "big")
    (tmp_path / "run" / "backup").symlink_to(tmp_path / "big")
    with pytest.raises(ValueError, match="backup is a link.*Put the folder that it leads to in its place"):
        train(tmp_path / "run", epochs=3, resume=True)
    (tmp_path / "run" / "backup").unlink()
    (tmp_path / "big").rename(tmp_path / "run" / "backup")
    assert train(tmp_path / "run", epochs=3, resume=True).epoch == [0, 1, 2]


# --- data ---


def broken(images=X, masks=Y, **changes):
    images, masks = images.copy(), masks.copy()
    if "mask" in changes:
        masks[4] = changes["mask"] * masks[4]
    if "image" in changes:
        images[4] = changes["image"] * images[4]
    return batches(images, masks)


@pytest.mark.parametrize(("change", "words"), [
    ({"mask": 255}, "0 and 1"), ({"image": 255}, r"uses 0\.\.1"), ({"image": np.nan}, "NaN"),
], ids=str)
def test_every_batch_is_looked_at(change, words, tmp_path):
    with pytest.raises(ValueError, match=f"^batch 2 of the training dataset: .*{words}"):
        train(tmp_path / "a", data=broken(**change))
    with pytest.raises(ValueError, match=f"^batch 2 of the validation dataset: .*{words}"):
        train(tmp_path / "b", val=broken(**change))
    assert not (tmp_path / "b").exists()
    train(tmp_path / "a", data=batches())  # the mistake has not used up the folder


def test_classes_of_later_batches_are_looked_at(tmp_path):
    masks = Y + (X > 0.9)
    masks[:, :2] = 255
    train(tmp_path / "good", unet(classes=3), batches(masks=masks), batches(masks=masks))
    masks[5, 8] = 3
    with pytest.raises(ValueError, match="batch 2 of the training dataset: masks hold 3; with 3 classes"):
        train(tmp_path / "bad", unet(classes=3), batches(masks=masks), (X, Y))
    one_hot = np.eye(3, dtype=np.uint8)[np.zeros((6, 16, 16), int)]
    with pytest.raises(ValueError, match="no mask of the validation set has any foreground"):
        train(tmp_path / "none", unet(classes=3), (X, Y), batches(masks=one_hot))


def test_looking_at_the_batches_changes_nothing(tmp_path):
    plain, ours = compiled(), compiled()
    plain.fit(batches(), epochs=2, verbose=0, shuffle=False)
    last = LastWeights()
    train(tmp_path / "run", ours, batches(), epochs=2, callbacks=[last])
    assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), last.weights))


@pytest.mark.parametrize(("data", "val", "settings", "words"), [
    ((X, Y), batches().repeat(), {}, r"validation dataset never ends.*\.take"),
    (batches().repeat(), (X, Y), {}, "training dataset never ends.*pass steps"),
    ((X[:0], Y[:0]), (X, Y), {}, "the training set is empty"),
    ((X, Y), (X[:0], Y[:0]), {}, "the validation set is empty"),
    ((X, 0 * Y), (X, Y), {}, "no mask of the training set has any foreground"),
    ((X, Y), (X, Y), {"steps": 5}, "steps is 5, and the training set is a pair of arrays"),
    ((X, Y), (X, Y), {"monitor": None}, "monitor is None"),
    ((X, Y), (X, Y), {"augmented": "no"}, "augmented is 'no'; expected True or False"),
    (None, (X, Y), {}, "train is None; expected a pair"), ((X, Y), None, {}, "validation is None.*hold some pictures back"),
    ({"images": X, "masks": Y}, (X, Y), {}, "train is a dictionary of 'images', 'masks'"),
    (zip(X, Y), (X, Y), {}, "train is of the kind zip.*to_dataset"),
    (lambda: 1, (X, Y), {}, "train is of the kind function.*to_dataset"),
    ((batches(), batches()), (X, Y), {}, r"Dataset\.zip"),
    (([X[0], X[1, :8]], Y[:2]), (X, Y), {}, "the images of train differ in size.*8x16, 16x16"),
], ids=lambda part: part if isinstance(part, str) else type(part).__name__)
def test_what_cannot_be_trained_on_is_named_before_a_folder_is_made(data, val, settings, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        train_unet(compiled(), data, val, tmp_path / "run", epochs=1, **settings)
    assert not (tmp_path / "run").exists()


def test_a_function_of_pairs_becomes_a_dataset_as_the_message_says(tmp_path):
    class Pairs(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            return X[3 * i : 3 * i + 3], Y[3 * i : 3 * i + 3]

    given = Pairs()
    with pytest.raises(ValueError, match="train is of the kind Pairs.*to_dataset"):
        train(tmp_path / "run", data=given)
    stream = to_dataset(lambda: (given[i] for i in range(len(given))), (16, 16, 1), len(given))
    one, other = LastWeights(), LastWeights()
    train(tmp_path / "a", compiled(), stream, callbacks=[one])
    train(tmp_path / "b", compiled(), batches(), callbacks=[other])
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights))


@pytest.mark.parametrize("kind", ["output_types", "numpy_function", "no channel axis"])
def test_a_dataset_that_does_not_know_its_shapes_is_trained_on_like_any_other(kind, tmp_path):
    stream = {
        "output_types": lambda: tf.data.Dataset.from_generator(lambda: iter(batches()), output_types=(tf.float32, tf.uint8)),
        "numpy_function": lambda: batches().map(
            lambda a, b: tf.numpy_function(lambda p, q: (p, q), [a, b], [tf.float32, tf.uint8])),
        "no channel axis": lambda: batches(X[..., 0], Y[..., 0]),
    }[kind]().apply(tf.data.experimental.assert_cardinality(2))
    one, other = LastWeights(), LastWeights()
    train(tmp_path / "one", data=stream, val=stream, callbacks=[one])
    train(tmp_path / "other", data=batches(), val=batches(), callbacks=[other])
    assert all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights))


def test_a_training_dataset_without_foreground_is_remarked_on(tmp_path):
    with pytest.warns(UserWarning, match="no mask of the training dataset that was drawn has any foreground"):
        train(tmp_path / "run", data=batches(masks=0 * Y))


def test_networks_of_other_pictures_are_named(tmp_path):
    colored = unet(shape=(None, None, 3))
    for images in (X, np.repeat(X, 3, -1)):
        with pytest.raises(ValueError, match=r"takes pictures with 3 channels.*build_unet\(\(None, None, 1\)"):
            predict(colored, images)
        with pytest.raises(ValueError, match="takes pictures with 3 channels"):
            train(tmp_path / "run", colored, (images, Y))
    with pytest.raises(ValueError, match="does not know the shape"):
        predict(keras.Sequential([keras.layers.Conv2D(1, 3, padding="same")]), X)
    built = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    assert predict(built, X).shape == X.shape
    with pytest.raises(ValueError, match="differ in size.*8x16, 16x16"):
        predict(unet(), [X[0], X[1, :8]])


# --- folders ---


def test_a_mistake_uses_up_no_folder(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(ValueError, match="monitor is 'val_iou', and the log has dice, loss, val_dice, val_loss"):
        train(run, monitor="val_iou")
    with pytest.raises(ValueError, match="how many batches"):
        train(run, data=batches().filter(lambda *_: True))
    with pytest.raises(TypeError, match=r"Make one of it: TerminateOnNaN\(\)"):
        train(run, callbacks=[keras.callbacks.TerminateOnNaN])
    wrong = unet()
    wrong.compile("adam", loss=lambda a, b: tf.reshape(a, (7, 7)), metrics=[DiceScore()])
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        train(run, wrong)
    assert train(run, callbacks=None).epoch == [0]
    train(tmp_path / "one", callbacks=keras.callbacks.TerminateOnNaN())


def test_an_epoch_that_is_done_survives_a_mistake(tmp_path):
    def fail():
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        train(tmp_path / "run", callbacks=[Do(fail)])
    assert (tmp_path / "run" / "best.keras").exists() and (tmp_path / "run" / "backup").is_dir()


def test_a_best_network_that_is_gone_is_remarked_on(tmp_path):
    best = tmp_path / "run" / "best.keras"
    with pytest.warns(UserWarning, match="no .*best.keras: somebody.*weights of the last epoch"):
        train(tmp_path / "run", epochs=2, callbacks=[Do(lambda: best.unlink(missing_ok=True))])


def test_a_run_does_not_mind_another_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "else").mkdir()
    history = train("run", epochs=2, callbacks=[Do(lambda: os.chdir(tmp_path / "else"))])
    assert history.epoch == [0, 1] and sorted(p.name for p in (tmp_path / "run").iterdir()) == ["best.keras", "log.csv"]
    assert not any((tmp_path / "else").iterdir())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train("cut", epochs=2, callbacks=[Do(lambda: os.chdir(tmp_path / "else")), PullThePlug(1)])
    os.chdir(tmp_path)
    assert train("cut", epochs=2, resume=True).epoch == [0, 1]  # and the lock was given back


def test_a_folder_of_backups_that_is_deleted_in_mid_run_is_named(tmp_path):
    backup = tmp_path / "run" / "backup"
    with pytest.raises(RuntimeError, match="somebody has deleted the folder .*backup while the run was under way"):
        train(tmp_path / "run", epochs=2, callbacks=[Do(lambda: shutil.rmtree(backup))])
    with pytest.raises(RuntimeError, match="somebody has deleted .*lock.json while"):
        train(tmp_path / "other", epochs=2, callbacks=[Do((tmp_path / "other" / "backup" / "lock.json").unlink)])
    assert train(tmp_path / "other", epochs=2, resume=True).epoch == [0, 1]


def test_names_that_no_folder_has(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no such user"):
        train("~nosuchuser/run")
    for resume, kind in ((False, OSError), (True, FileNotFoundError)):
        with pytest.raises(kind, match="Choose one of yours|no interrupted run"):
            train("a" * 300, resume=resume)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileNotFoundError, match="It is no folder. Start a run with resume=False under another name"):
        train("file", resume=True)
    with pytest.raises(FileExistsError, match="is a file"):
        train("file")
    (tmp_path / "run-1").symlink_to(tmp_path / "nowhere")
    assert new_run_dir(tmp_path).name == "run-2"
    with pytest.raises(FileExistsError, match="a link that leads nowhere"):
        train("run-1")
    with pytest.raises(TypeError, match="run_dir is None"):
        train(None)


# --- locks ---


@pytest.mark.parametrize("content", [
    {"process": -1}, {"process": "12"}, {"process": True}, {"process": 2**80}, {"started": None}, {"machine": 3},
    "[" * 100_000, "", "[]", "\x00",
], ids=lambda content: str(content)[:20])
def test_a_lock_that_is_none_locks_nothing(content, tmp_path):
    sound = {"process": 1, "machine": platform.node(), "started": 0}
    text = content if isinstance(content, str) else json.dumps({**sound, **content})
    (tmp_path / "lock.json").write_text(text)
    assert live_owner(tmp_path) is None
    with run_lock.locked(tmp_path):
        assert live_owner(tmp_path) == "this process"


@pytest.mark.parametrize(("ahead", "words"), [
    (0, "which wrote there [0-9.]+ seconds ago is training there.*delete .*lock.json, or wait: after 10 minutes"),
    (86400, r"whose clock is 2[34]\.\d hours ahead of this one's, is training there.*delete .*lock.json\.$"),
], ids=["new host name", "clock ahead"])
def test_a_lock_of_another_machine_names_the_remedy(ahead, words, tmp_path):
    lock = tmp_path / "run" / "backup" / "lock.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"process": 7, "machine": "old-name", "started": 0}))
    os.utime(lock, (time.time() + ahead,) * 2)
    with pytest.raises(RuntimeError, match=words):
        train(tmp_path / "run", resume=True)
    with pytest.raises(FileExistsError, match="delete .*lock.json"):
        train(tmp_path / "run")
    lock.unlink()  # as the words say
    with pytest.warns(UserWarning, match="begins again"):
        assert train(tmp_path / "run", resume=True).epoch == [0]


# --- reading ---


@pytest.mark.parametrize(("text", "words"), [
    ("epoch;loss\n0;1,5\n", "line 2 has 2 cells, and the first line names 1; a spreadsheet has put semicolons"),
    ("epoch,loss\n0,\n", "line 2, column 'loss': '' is no number"),
    ("epoch,loss\n0,1\n1,2,3\n", "line 3 has 3 cells, and the first line names 2"),
    ("epoch,loss\n0,1\n1,two\n", "line 3, column 'loss': 'two' is no number"),
], ids=str)
def test_a_damaged_log_names_line_and_cell_and_leaves_the_network_alone(text, words, tmp_path):
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_log(tmp_path)
    (tmp_path / "best.keras").write_text("")
    with pytest.raises(ValueError, match="best.keras is another file, which this leaves unharmed"):
        read_log(tmp_path)


@pytest.mark.parametrize("text", ["\ufeffepoch,loss\n0,NAN\n", "epoch,loss\r\n0,NA\r\n\r\n", "epoch,loss\n0,nan\n"])
def test_a_log_that_a_spreadsheet_has_marked_is_read(text, tmp_path):
    (tmp_path / "log.csv").write_bytes(text.encode())
    [row] = read_log(tmp_path)
    assert row["epoch"] == 0 and np.isnan(row["loss"])


def test_a_log_without_a_row_is_empty(tmp_path):
    for text in ("", "epoch,loss\n"):
        (tmp_path / "log.csv").write_text(text)
        assert read_log(tmp_path) == []


def test_files_that_are_no_keras_file_are_told_from_damaged_ones(tmp_path):
    model = unet()
    (tmp_path / "run").mkdir()
    model.save(tmp_path / "run" / "best.keras")
    with pytest.raises(ValueError, match="is a folder.*Load .*run/best.keras"):
        load_network(tmp_path / "run")
    with pytest.raises(ValueError, match="is a folder.*Name the .keras file"):
        load_network(tmp_path)
    model.save(tmp_path / "x.h5")
    with pytest.raises(ValueError, match=r"older kind.*keras.models.load_model.*model.save\('network.keras'\)"):
        load_network(tmp_path / "x.h5")
    keras.models.load_model(tmp_path / "x.h5").save(tmp_path / "network.keras")  # as the words say
    assert np.array_equal(predict(load_network(tmp_path / "network.keras"), X), predict(model, X))
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(ValueError, match="holds weights alone"):
        load_network(tmp_path / "x.weights.h5")
    with pytest.raises(FileNotFoundError, match="no user has the home"):
        load_network("~nosuchuser/x.keras")
    with pytest.raises(FileNotFoundError, match="no file"):
        load_network("a" * 300 + ".keras")


# --- what a reading found ---


def test_a_draft_that_a_killed_run_left_does_not_become_the_best_network(tmp_path):
    best = ModelCheckpoint(tmp_path / "best.keras", monitor="val_dice", mode="max", save_best_only=True)
    best.set_model(compiled())
    best.on_epoch_end(0, {"val_dice": 0.9})
    kept = (tmp_path / "best.keras").read_bytes()
    (tmp_path / "draft.keras").write_bytes(b"half a network")
    best.on_epoch_end(1, {"val_dice": 0.1})
    assert (tmp_path / "best.keras").read_bytes() == kept and not (tmp_path / "draft.keras").exists()


def test_hidden_values_are_neither_trained_on_nor_predicted(tmp_path):
    unsure = np.ma.array(Y, mask=Y == 1)
    with pytest.raises(ValueError, match="the masks of train are a masked array; it hides"):
        train(tmp_path / "run", data=(X, unsure))
    with pytest.raises(ValueError, match="images are a masked array; it hides"):
        predict(unet(), np.ma.array(X, mask=X > 0.5))


@pytest.fixture
def half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def test_in_half_precision_a_second_training_has_a_new_plan_as_well(half_precision, tmp_path):
    model = unet()
    train(tmp_path / "one", model, epochs=2)
    plan = model.optimizer.inner_optimizer.get_config()["learning_rate"]
    train(tmp_path / "two", model, epochs=3)
    assert model.optimizer.inner_optimizer.get_config()["learning_rate"] != plan
    cut(tmp_path / "cut", model=unet(), epochs=3)
    with pytest.raises(ValueError, match="epochs"):
        train(tmp_path / "cut", unet(), epochs=5, resume=True)


def test_in_half_precision_a_network_can_be_started_again(half_precision, tmp_path):
    model = unet()
    train(tmp_path / "one", model, epochs=1)
    restart(model, unet(7).get_weights())
    assert float(model.optimizer.dynamic_scale) > 0
    model.fit(batches(), verbose=0)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01 / (1.0 + keras.ops.cast(step, "float32"))

    def get_config(self):
        return {}


@pytest.mark.parametrize("make", [
    lambda: keras.optimizers.Adagrad(0.1), lambda: keras.optimizers.Nadam(0.01), lambda: keras.optimizers.SGD(0.1, momentum=0.9),
    lambda: keras.optimizers.Adam(warmup_cosine(0.01, 6, 1)), lambda: keras.optimizers.Adam(Falling()),
], ids=["Adagrad", "Nadam", "momentum", "schedule", "schedule of one's own"])
def test_a_network_started_again_is_trained_as_a_new_one(make):
    model = unet()
    model.compile(make(), loss="binary_crossentropy")
    first = model.get_weights()
    ended = []
    for _ in range(2):
        restart(model, first)
        model.fit(batches(), epochs=2, verbose=0)
        ended.append(model.get_weights())
    fresh = unet()
    fresh.set_weights(first)
    fresh.compile(make(), loss="binary_crossentropy")
    fresh.fit(batches(), epochs=2, verbose=0)
    for ours, again, new in zip(*ended, fresh.get_weights()):
        np.testing.assert_array_equal(ours, again)
        np.testing.assert_array_equal(ours, new)


def activation(place, number):
    """Return a function as a notebook defines it: in a file whose name holds the number of the process."""
    held, text = {}, "\n" * number + "squashed = lambda x: x * x"
    place.write_text(text)
    exec(compile(text, str(place), "exec"), held)
    return held["squashed"]


def test_a_layer_with_a_function_of_ones_own_is_the_same_in_a_new_kernel(tmp_path):
    layers = [keras.layers.Conv2D(2, 3, activation=activation(tmp_path / f"{line}.py", line)) for line in (1, 9)]
    one, again = map(described_layer, layers)
    assert one == again != described_layer(keras.layers.Conv2D(2, 3, activation=lambda x: x + x))


ALPHA = 0.3


def weighed(y_true, y_pred):
    return ALPHA * keras.losses.binary_crossentropy(y_true, y_pred)


def test_a_number_beside_a_loss_is_among_its_settings(monkeypatch):
    before = digest_of(weighed)
    assert digest_of(weighed) == before
    monkeypatch.setitem(globals(), "ALPHA", 0.7)
    assert digest_of(weighed) != before


def test_what_is_no_pair_is_named(tmp_path):
    for given, words in ((X, r"train is one array of the shape \(6, 16, 16, 1\)"), (np.float32(1), "of the kind float32"),
                         (lambda: batches(), "yields batches, images .n, height, width, 1. and their masks")):
        with pytest.raises(ValueError, match=words):
            train(tmp_path / "run", data=given)
    dataset = to_dataset(lambda: iter([(X, Y)]), (16, 16, 1), 1)  # as the words say
    assert train(tmp_path / "run", data=dataset).epoch == [0]


def test_advice_for_whole_numbers_works():
    for low, high in ((-1024, 3071), (0, 10**6), (0, 4095), (0, 200), (0, 1)):
        images = np.linspace(low, high, 4 * 64).round().astype(np.int32).reshape(4, 8, 8, 1)
        with pytest.raises(ValueError, match="astype") as told:
            predict(unet(), images)
        advice = str(told.value).split(": ", 1)[1].split(" for 8-bit")[0].rstrip(".")
        assert predict(unet(), eval(advice)).shape == images.shape


def test_the_fresh_folder_that_a_message_names_is_one(tmp_path):
    train(tmp_path / "run")
    with pytest.raises(FileExistsError, match="Choose another name, or a fresh one") as told:
        train(tmp_path / "run")
    fresh = eval(str(told.value).rsplit("a fresh one: ", 1)[1].rstrip("."))
    assert train(fresh).epoch == [0]


def test_weights_without_end_and_switches_that_are_words_are_refused(tmp_path):
    weighted = tf.data.Dataset.from_tensors((X, Y, np.full(6, np.inf, np.float32)))
    with pytest.raises(ValueError, match="negative, NaN or infinite"):
        train(tmp_path / "run", compiled(), weighted)
    with pytest.raises(ValueError, match="resume is 'no'; expected True or False"):
        train(tmp_path / "run", resume="no")


def test_masks_with_nan_are_not_called_background(tmp_path):
    holes = np.where(X > 0.9, np.nan, Y)
    with pytest.raises(ValueError, match=r"hold \d+ values that are NaN or infinite; expected 0 and 1 alone"):
        train(tmp_path / "run", data=(X, holes))
