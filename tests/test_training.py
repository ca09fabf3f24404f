"""What a student relies on in notebook 03: losses, callbacks that act, runs that resume and never overwrite."""

import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from course import LEAN, ROOT
from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.evaluation import best_threshold, dice_per_image
from helpers.synthesis import CircleScene, fingerprint, make_dataset
from helpers.training import (
    DiceScore, ReleaseMemory, augment, bce_dice_loss, bce_loss, dice_loss, fixed_batches, load_network, make_callbacks, new_run_dir, predict,
    read_log, train_unet, training_batches, warmup_cosine,
)
from interruptions import LastWeights, PullThePlug

pytestmark = pytest.mark.usefixtures("uncompiled")
SMALL = CircleScene(size=32, radius=(3, 8), circles=(0, 3))


@pytest.fixture(scope="module")
def data():
    return make_dataset(22, SMALL, seed=1), make_dataset(8, SMALL, seed=2)


def small_unet(seed=3):
    keras.utils.set_random_seed(seed)
    return build_unet(depth=2, filters=4)


def numbers(loss, y_true, y_pred):
    return keras.ops.convert_to_numpy(loss(np.asarray(y_true), np.asarray(y_pred, np.float32)))


# --- losses and the score ---


def test_losses_by_hand():
    y_true = np.array([1, 1, 0, 0, 0, 0, 0, 0], np.uint8).reshape(1, 2, 4, 1)
    y_pred = np.full(y_true.shape, 0.25)
    bce = -(2 * np.log(0.25) + 6 * np.log(0.75)) / 8
    dice = 1 - (2 * 0.5 + 1) / (2 + 2 + 1)
    assert numbers(bce_loss, y_true, y_pred) == pytest.approx([bce], rel=1e-5)
    assert numbers(dice_loss, y_true, y_pred) == pytest.approx([dice], rel=1e-5)
    assert numbers(bce_dice_loss, y_true, y_pred) == pytest.approx([bce + dice], rel=1e-5)


def test_losses_are_per_image_finite_and_lowest_at_the_truth(data):
    (images, masks), _ = data
    for loss in (bce_loss, dice_loss, bce_dice_loss):
        right, wrong = numbers(loss, masks, masks), numbers(loss, masks, 1 - masks)
        assert right.shape == (22,) and np.isfinite(right).all() and np.isfinite(wrong).all()
        assert (right < 1e-4).all() and (wrong > right).all()


def test_bce_equals_keras(data):
    (_, masks), _ = data
    scores = np.random.default_rng(0).random(masks.shape, dtype=np.float32)
    theirs = keras.ops.mean(keras.losses.binary_crossentropy(masks, scores), axis=(1, 2))
    np.testing.assert_allclose(numbers(bce_loss, masks, scores), theirs, rtol=1e-4)


def test_dice_score_is_the_mean_per_image_dice(data):
    (images, masks), _ = data
    scores = np.random.default_rng(1).random(masks.shape, dtype=np.float32)
    scores[masks.sum(axis=(1, 2, 3)) == 0] = 0  # empty and found empty: 1
    metric = DiceScore()
    assert isinstance(metric, keras.metrics.Metric)
    for start in range(0, 22, 8):
        metric.update_state(masks[start : start + 8], scores[start : start + 8])
    expected = dice_per_image(masks, (scores >= 0.5).astype(np.uint8)).mean()
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_weights_of_images_do_what_they_say():
    rng = np.random.default_rng(3)
    masks = rng.integers(0, 2, (5, 8, 8, 1), dtype=np.uint8)
    scores, weights = rng.random(masks.shape, dtype=np.float32), np.array([0.25, 0.1, 0, 2, 0.5], np.float32)
    dice = dice_per_image(masks, (scores >= 0.5).astype(np.uint8))
    for shape in ((5,), (5, 1), (5, 1, 1, 1)):
        metric = DiceScore()
        for part in (slice(0, 2), slice(2, 5)):  # the first batch alone weighs less than one picture
            metric.update_state(masks[part], scores[part], weights.reshape(shape)[part])
        assert float(metric.result()) == pytest.approx(np.average(dice, weights=weights), abs=1e-6)
    one = DiceScore()
    one.update_state(masks[:1], scores[:1], [0.25])
    assert float(one.result()) == pytest.approx(dice[0], abs=1e-6)


@pytest.mark.parametrize("shape", [(5, 8, 8, 1), (5, 8, 8), (5, 8)])
def test_weights_of_pixels_are_refused(shape):
    masks = np.zeros((5, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match="weights of single pixels"):
        DiceScore().update_state(masks, masks.astype(np.float32), np.ones(shape, np.float32))


@pytest.mark.parametrize("loss", [bce_loss, dice_loss, bce_dice_loss], ids=lambda loss: loss.__name__)
def test_in_a_plain_fit_weights_of_images_weigh_the_loss_and_those_of_pixels_are_refused(loss):
    rng = np.random.default_rng(3)
    masks = rng.integers(0, 2, (4, 8, 8, 1), dtype=np.uint8)
    images, weights = rng.random(masks.shape, dtype=np.float32), np.array([0.25, 0, 2, 0.5], np.float32)
    model = build_unet(depth=1, filters=2)
    model.compile("sgd", loss=loss)
    each = numbers(loss, masks, predict(model, images))
    assert each.shape == (4,)
    for shape in ((4,), (4, 1), (4, 1, 1, 1)):
        got = model.evaluate(images, masks, sample_weight=weights.reshape(shape), verbose=0)
        assert got == pytest.approx((each * weights).mean(), rel=1e-5)
    assert model.evaluate(images, masks, verbose=0) == pytest.approx(each.mean(), rel=1e-5)
    assert float(keras.losses.get(loss)(masks[..., 0], predict(model, images), None)) == pytest.approx(each.mean(), rel=1e-5)
    for shape in ((4, 8, 8, 1), (4, 8, 8), (4, 8)):
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="weights of single pixels(.|\n)*ClassLoss"):
            model.fit(images, masks, sample_weight=np.ones(shape, np.float32), verbose=0)
    model.fit(images, masks, sample_weight=weights, verbose=0)
    assert numbers(lambda t, p: dice_loss(t, p, 0.0), masks, masks).max() < 1e-6  # a number is dice_loss's own smooth


@pytest.mark.parametrize("true_type", ["uint8", "bool", "int32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("type_", ["float16", "bfloat16", "float32", "float64"])
def test_every_float_type_gives_the_same_losses_and_score(true_type, type_):
    rng = np.random.default_rng(4)
    masks = rng.integers(0, 2, (3, 8, 8, 1), dtype=np.uint8)
    scores = rng.integers(1, 8, masks.shape) / 8  # numbers that every type holds exactly; 0.5 among them
    y_true, y_pred = tf.cast(masks, true_type), tf.cast(scores, type_)
    for loss in (bce_loss, dice_loss, bce_dice_loss):
        assert loss(y_true, y_pred).dtype == "float32"
        np.testing.assert_allclose(loss(y_true, y_pred), numbers(loss, masks, scores), rtol=1e-6)
    metric = DiceScore()
    metric.update_state(y_true, y_pred)
    assert float(metric.result()) == pytest.approx(dice_per_image(masks, (scores >= 0.5).astype(np.uint8)).mean())


@pytest.mark.parametrize("shapes", [((4, 8, 8), (4, 8, 8)), ((4, 8, 8), (4, 8, 8, 1)), ((4, 8, 8, 1), (4, 8, 8, 3)),
                                    ((8, 8, 1), (8, 8, 1)), ((4, 8, 8, 1), (2, 8, 8, 1)), ((4, 8, 8, 1), (4, 8, 4, 1))])
def test_losses_and_score_refuse_shapes_that_would_be_stretched(shapes):
    y_true, y_pred = (np.ones(shape, np.float32) for shape in shapes)
    for ask in (bce_loss, dice_loss, bce_dice_loss, DiceScore().update_state):
        with pytest.raises(ValueError, match=r"\[n, height, width, 1\]"):
            ask(y_true, y_pred)


def test_what_is_not_a_number_scores_nan_and_not_the_share_of_empty_pictures():
    metric = DiceScore()
    metric.update_state(np.zeros((2, 4, 4, 1), np.uint8), np.full((2, 4, 4, 1), np.nan, np.float32))
    assert np.isnan(float(metric.result()))


def test_dice_score_survives_saving(tmp_path):
    model = small_unet()
    model.compile("adam", loss=bce_dice_loss, metrics=[DiceScore(threshold=0.3)])
    again = DiceScore.from_config(DiceScore(threshold=0.3).get_config())
    assert again.threshold == 0.3 and again.name == "dice"


# --- the pipeline ---


def test_augmentation_moves_image_and_mask_together():
    images = np.random.default_rng(0).random((32, 12, 12, 1), dtype=np.float32)
    masks = (images > 0.7).astype(np.uint8)
    moved_images, moved_masks = augment(images, masks, seed=(0, 1))
    np.testing.assert_array_equal(moved_masks, moved_images > 0.7)
    assert moved_masks.dtype == np.uint8
    versions = [
        [fingerprint(v) for turned in (m, np.swapaxes(m, 0, 1)) for v in (turned, turned[::-1], turned[:, ::-1], turned[::-1, ::-1])]
        for m in images
    ]
    chosen = [v.index(fingerprint(np.ascontiguousarray(m))) for v, m in zip(versions, moved_images)]
    assert len(set(chosen)) == 8  # all eight symmetries of the square occur


def test_augmentation_keeps_oblong_pictures_oblong():
    for shape in ((4, 8, 16, 1), (4, 16, 8, 1)):
        images = np.random.default_rng(0).random(shape, dtype=np.float32)
        moved, _ = augment(images, np.zeros_like(images), seed=(0, 1))
        assert moved.shape == images.shape


def test_an_epoch_depends_on_seed_and_number_only(data):
    (images, masks), _ = data

    def epoch(**options):
        return [(np.array(a), np.array(b)) for a, b in training_batches(images, masks, 4, **options)]

    two, second = epoch(epochs=2, seed=5), epoch(epochs=2, first_epoch=1, seed=5)
    assert len(two) == 12 and len(second) == 6 and len(second[-1][0]) == 2
    for (a, b), (c, d) in zip(two[6:], second):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert not np.array_equal(two[0][0], two[6][0]) and not np.array_equal(two[0][0], epoch(seed=6)[0][0])
    plain = np.concatenate([a for a, _ in epoch(augmented=False)])
    orders = [fingerprint(a) for a, _ in epoch(epochs=2, augmented=False)]
    assert orders[:6] != orders[6:]  # a new order every epoch
    assert sorted(map(fingerprint, plain)) == sorted(map(fingerprint, images))  # each picture once


# --- schedule and callbacks ---


def test_the_rate_rises_in_a_line_and_falls_along_a_cosine():
    rate = warmup_cosine(peak=1e-2, steps=1050, warmup=50)
    at = {step: float(rate(step)) for step in (0, 25, 50, 550, 1050)}
    assert at[0] == 0 and at[25] == pytest.approx(5e-3) and at[50] == pytest.approx(1e-2)
    assert at[550] == pytest.approx(5e-3, rel=1e-3) and at[1050] == pytest.approx(0, abs=1e-8)
    assert float(warmup_cosine(1e-2, steps=10, warmup=50)(5)) == pytest.approx(1e-2)  # short runs get a short warm-up


def test_all_the_callbacks_are_there(tmp_path):
    kinds = {type(c).__name__ for c in make_callbacks(tmp_path)}
    assert kinds == {"CSVLogger", "ModelCheckpoint", "EarlyStopping", "BackupAndRestore", "TerminateOnNaN"}


def test_early_stopping_acts_and_the_best_epoch_comes_back(data, tmp_path, compiled_steps):
    train, validation = data
    model = small_unet()
    model.compile(keras.optimizers.Adam(0.05), loss=bce_dice_loss, metrics=[DiceScore()])
    history = train_unet(model, train, validation, tmp_path / "run", epochs=60, patience=3)
    scores = history.history["val_dice"]
    assert len(scores) < 60 and len(scores) == int(np.argmax(scores)) + 1 + 3
    found = (predict(model, validation[0]) >= 0.5).astype(np.uint8)
    assert dice_per_image(validation[1], found).mean() == pytest.approx(max(scores), abs=1e-5)
    reloaded = load_network(tmp_path / "run" / "best.keras")
    np.testing.assert_array_equal(predict(reloaded, validation[0]), predict(model, validation[0]))
    np.testing.assert_array_equal([row["val_dice"] for row in read_log(tmp_path / "run")], scores)
    assert not (tmp_path / "run" / "backup").exists()


def test_an_interrupted_run_resumes_as_if_nothing_had_happened(data, tmp_path):
    train, validation = data
    whole, resumed = LastWeights(), LastWeights()
    first = train_unet(small_unet(), train, validation, tmp_path / "whole", epochs=5, callbacks=[whole])
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), train, validation, tmp_path / "cut", epochs=5, callbacks=[PullThePlug(2)])
    assert len(read_log(tmp_path / "cut")) == 2
    second = train_unet(small_unet(seed=99), train, validation, tmp_path / "cut", epochs=5, resume=True, callbacks=[resumed])
    assert second.epoch == first.epoch == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(second.history["val_loss"], first.history["val_loss"], atol=1e-5)
    for a, b in zip(whole.weights, resumed.weights):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_early_stopping_remembers_across_an_interruption(data, tmp_path, compiled_steps):
    train, validation = data
    settings = {"epochs": 60, "patience": 4, "peak_rate": 0.05}
    whole = train_unet(small_unet(), train, validation, tmp_path / "whole", **settings)
    stopped = len(whole.epoch)
    assert stopped < 60
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), train, validation, tmp_path / "cut", callbacks=[PullThePlug(stopped - 2)], **settings)
    cut = train_unet(small_unet(), train, validation, tmp_path / "cut", resume=True, **settings)
    assert len(cut.epoch) == stopped
    assert max(cut.history["val_dice"]) == pytest.approx(max(whole.history["val_dice"]), abs=1e-5)
    found = (predict(load_network(tmp_path / "cut" / "best.keras"), validation[0]) >= 0.5).astype(np.uint8)
    assert dice_per_image(validation[1], found).mean() == pytest.approx(max(cut.history["val_dice"]), abs=1e-5)


def test_an_epoch_logged_but_not_backed_up_is_run_again(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), *data, tmp_path / "cut", epochs=4, callbacks=[PullThePlug(2)])
    log = tmp_path / "cut" / "log.csv"
    log.write_text(log.read_text() + "2,0.99,0.01,0.99,0.01\n")  # the machine died between log and backup
    history = train_unet(small_unet(), *data, tmp_path / "cut", epochs=4, resume=True)
    assert history.epoch == [0, 1, 2, 3] and max(history.history["val_dice"]) < 0.98


def test_datasets_are_taken_as_they_are(data, tmp_path):
    train, validation = (tf.data.Dataset.from_tensor_slices(pair).batch(4) for pair in data)
    history = train_unet(small_unet(), train, validation, tmp_path / "run", epochs=2)
    assert len(history.history["loss"]) == 2
    endless = train.repeat()
    with pytest.raises(ValueError, match="how many batches"):
        train_unet(small_unet(), endless, validation, tmp_path / "endless", epochs=2)


def as_dataset(images, masks, *weights):
    return tf.data.Dataset.from_tensor_slices((images, masks, *weights)).batch(4)


@pytest.mark.parametrize(("change", "words"), [
    (lambda x, y: (x, y * 255), "0 and 1. Divide by 255"),
    (lambda x, y: (x * 200, y), "0..1. Divide by 255"),
    (lambda x, y: ((x * 255).astype(np.uint8), y), "uint8"),
    (lambda x, y: (x, y[:, ::2]), "16x32"),
    (lambda x, y: (np.where(x > 0.5, np.nan, x), y), "NaN"),
    (lambda x, y: (x[:, :31], y[:, :31]), "height is 31 pixels"),
    (lambda x, y: (x[:0], y[:0]), "it is empty"),
    (lambda x, y: (x, y, np.ones(y.shape, np.float32)), "weights of single pixels|Weights of single pixels"),
    (lambda x, y: (x, y, -np.ones(len(y), np.float32)), "at least 0"),
])
@pytest.mark.parametrize("place", ["training", "validation"])
def test_datasets_are_checked_as_arrays_are(data, tmp_path, place, change, words):
    train, validation = as_dataset(*data[0]), as_dataset(*data[1])
    bad = as_dataset(*change(*data[0]))
    train, validation = (bad, validation) if place == "training" else (train, bad)
    with pytest.raises(ValueError, match=words):
        train_unet(small_unet(), train, validation, tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()


def test_a_batch_that_is_no_pair_is_refused(data, tmp_path):
    for bad in (tf.data.Dataset.from_tensor_slices(data[0][0]).batch(4),
                tf.data.Dataset.from_tensor_slices({"x": data[0][0], "y": data[0][1]}).batch(4)):
        with pytest.raises(ValueError, match="first batch of the training dataset: a batch should be a tuple"):
            train_unet(small_unet(), bad, as_dataset(*data[1]), tmp_path / "run", epochs=1)


def test_weights_of_a_dataset_weigh_the_loss(data, tmp_path):
    weights = np.linspace(0, 2, 22, dtype=np.float32)
    model = small_unet()
    losses = numbers(bce_dice_loss, data[0][1], predict(model, data[0][0]))
    model.compile(keras.optimizers.SGD(0.0), loss=bce_dice_loss, metrics=[DiceScore()])
    history = train_unet(model, as_dataset(*data[0], weights), as_dataset(*data[1]), tmp_path / "run", epochs=1)
    assert history.history["loss"][0] == pytest.approx((losses * weights).mean(), rel=1e-4)


def test_only_the_first_batch_of_a_dataset_is_drawn_for_the_check(data, tmp_path):
    drawn = []

    def batches():
        for start in range(0, 20, 4):
            drawn.append(start)
            yield data[0][0][start : start + 4], data[0][1][start : start + 4]

    shape = (None, 32, 32, 1)
    signature = tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.uint8)
    stream = tf.data.Dataset.from_generator(batches, output_signature=signature)
    stream = stream.apply(tf.data.experimental.assert_cardinality(5))
    train_unet(small_unet(), stream, data[1], tmp_path / "run", epochs=1)
    assert drawn.count(0) == 2 and len(drawn) <= 7


def test_a_stream_without_a_length_is_trained_on_as_the_message_says(data, tmp_path):
    stream = as_dataset(*data[0]).filter(lambda *_: True)  # after which nobody knows its length
    with pytest.raises(ValueError, match="compile the model with a rate of your own"):
        train_unet(small_unet(), stream, data[1], tmp_path / "a", epochs=1)
    model = small_unet()
    model.compile(keras.optimizers.Adam(1e-3), loss=bce_dice_loss, metrics=[DiceScore()])
    assert len(train_unet(model, stream, data[1], tmp_path / "b", epochs=2).epoch) == 2


@pytest.mark.parametrize("form", [lambda pair: pair, lambda pair: as_dataset(*pair)])
def test_a_validation_set_without_foreground_is_named(data, tmp_path, form):
    images, masks = data[1]
    with pytest.raises(ValueError, match="no mask of the validation set has any foreground"):
        train_unet(small_unet(), data[0], form((images, 0 * masks)), tmp_path / "run", epochs=1)
    assert not (tmp_path / "run").exists()


# --- NaN ---


class Spoil(keras.callbacks.Callback):
    """Put NaN into the weights at a moment: a step, or the end of an epoch, when no later loss tells of it."""

    def __init__(self, epoch, at_end=False):
        super().__init__()
        self.epoch, self.at_end = epoch, at_end

    def spoil(self):
        for weights in self.model.trainable_variables:
            weights.assign(np.full(weights.shape, np.nan))

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if epoch == self.epoch and not self.at_end:
            self.spoil()

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and self.at_end and batch == 5:
            self.spoil()


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("monitor", ["val_dice", "val_loss"])
def test_a_run_whose_loss_is_nan_ends_with_the_best_weights(data, tmp_path, at_end, monitor):
    model = small_unet()
    with pytest.warns(UserWarning, match="NaN in epoch 3|NaN in epoch 4"):
        history = train_unet(model, *data, tmp_path / "run", epochs=5, monitor=monitor, callbacks=[Spoil(2, at_end)])
    assert len(history.epoch) < 5 and np.isnan(history.history["loss"][-1])
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    scores = history.history[monitor][:2]
    found = model.evaluate(*data[1], verbose=0, return_dict=True)[monitor.removeprefix("val_")]
    assert found == pytest.approx(max(scores) if monitor == "val_dice" else min(scores), abs=1e-4)


@pytest.mark.parametrize("at_end", [False, True])
def test_a_run_that_is_nan_from_the_start_is_an_error(data, tmp_path, at_end):
    with pytest.raises(FloatingPointError, match="Lower peak_rate"):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=1 + at_end, callbacks=[Spoil(0, at_end)])
    assert not (tmp_path / "run" / "best.keras").exists()


# --- resuming at the edges ---


def cut(data, folder, epoch, epochs=4):
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), *data, folder, epochs=epochs, callbacks=[PullThePlug(epoch)])


def test_resuming_with_fewer_epochs_than_are_done_is_named(data, tmp_path):
    cut(data, tmp_path / "run", 3)
    with pytest.raises(ValueError, match="epochs=4 and has 3 epochs behind it.*Resume it with epochs=4"):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=2, resume=True)
    assert len(read_log(tmp_path / "run")) == 3


class PullThePlugAtTheEnd(keras.callbacks.Callback):
    def on_train_end(self, logs=None):
        raise KeyboardInterrupt


def test_a_run_stopped_after_its_last_epoch_has_nothing_left_to_do(data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=3, callbacks=[PullThePlugAtTheEnd()])
    model = small_unet(seed=9)
    history = train_unet(model, *data, tmp_path / "run", epochs=3, resume=True)
    assert history.epoch == [0, 1, 2] and not (tmp_path / "run" / "backup").exists()
    found = (predict(model, data[1][0]) >= 0.5).astype(np.uint8)
    assert dice_per_image(data[1][1], found).mean() == pytest.approx(max(history.history["val_dice"]), abs=1e-5)


def test_a_run_stopped_in_its_first_epoch_begins_again(data, tmp_path):
    whole = train_unet(small_unet(), *data, tmp_path / "whole", epochs=2)
    cut(data, tmp_path / "run", 0)
    with pytest.raises(FileExistsError, match="go on with resume=True"):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=2)
    again = train_unet(small_unet(), *data, tmp_path / "run", epochs=2, resume=True)
    assert again.epoch == [0, 1]
    np.testing.assert_allclose(again.history["val_loss"], whole.history["val_loss"], atol=1e-5)


def test_a_log_with_na_is_read(data, tmp_path):
    train_unet(small_unet(), *data, tmp_path / "run", epochs=2)
    log = tmp_path / "run" / "log.csv"
    lines = log.read_text().splitlines()
    log.write_text("\n".join([lines[0], *(",".join(row.split(",")[:3] + ["NA", "NA"]) for row in lines[1:])]) + "\n")
    assert np.isnan(read_log(tmp_path / "run")[0]["val_loss"]) and read_log(tmp_path / "run")[1]["loss"] > 0


@pytest.mark.parametrize(("name", "value", "words"), [
    *(("batch_size", value, "whole number of at least 1") for value in (0, -1, 2.5, "4", True, None)),
    *(("peak_rate", value, "number above 0") for value in (0, -1, float("nan"), float("inf"), "x", None, True)),
    *((name, value, "whole number of at least 0") for name in ("warmup", "patience", "seed") for value in (-1, 1.5, None)),
    *(("steps", value, "whole number of at least 1") for value in (0, -1, 2.5)),
    *(("epochs", value, "whole number of at least 1") for value in (0, -1, 2.5, "2", None)),
])
def test_a_setting_that_no_training_can_have_is_named(data, tmp_path, name, value, words):
    with pytest.raises(ValueError, match=f"{name} is {value!r}; expected a {words}"):
        train_unet(small_unet(), *data, tmp_path / "run", **{name: value})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", [0, -1, 2.5, "4"])
def test_a_batch_size_that_no_batch_has_is_named(data, value):
    for make in (training_batches, fixed_batches):
        with pytest.raises(ValueError, match=f"batch_size is {value!r}"):
            make(*data[0], batch_size=value)


def test_whole_numbers_of_numpy_are_whole_numbers(data, tmp_path):
    train_unet(small_unet(), *data, tmp_path / "run", np.int64(1), batch_size=np.int32(8), peak_rate=np.float32(1e-3))


def test_a_monitor_that_is_not_in_the_log_is_named(data, tmp_path):
    """Keras only warns, and the network would end without the weights of any best epoch."""
    with pytest.raises(ValueError, match="monitor is 'val_dise', and the log has dice, loss, val_dice, val_loss"):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=2, monitor="val_dise")
    model = small_unet()
    model.compile("adam", loss=bce_loss)  # without a score
    with pytest.raises(ValueError, match="monitor is 'val_dice', and the log has loss, val_loss"):
        train_unet(model, *data, tmp_path / "other", epochs=2)
    model = small_unet()
    model.compile("adam", loss=bce_loss)
    train_unet(model, *data, tmp_path / "loss", epochs=1, monitor="val_loss")


def test_a_misspelled_setting_is_named(data, tmp_path):
    with pytest.raises(TypeError, match="no setting 'batchsize'; it has batch_size"):
        train_unet(small_unet(), *data, tmp_path / "run", epochs=1, batchsize=8)


# --- housekeeping ---


def fit(model, data, callbacks=(), epochs=2):
    if not model.compiled:
        model.compile(keras.optimizers.Adam(1e-2), loss=bce_dice_loss, metrics=[DiceScore()])
    batches = tf.data.Dataset.from_tensor_slices(data).batch(8)
    return model.fit(batches, validation_data=batches, epochs=epochs, verbose=0, shuffle=False, callbacks=list(callbacks)).history


def test_housekeeping_changes_nothing_that_is_learned(data, compiled_steps):
    plain, tidy = small_unet(), small_unet()
    assert fit(plain, data[0]) == fit(tidy, data[0], [ReleaseMemory()])
    for a, b in zip(plain.optimizer.variables, tidy.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_the_model_trained_last_keeps_its_traced_steps(data, compiled_steps):
    first, second = small_unet(), small_unet(seed=4)
    fit(first, data[0], [ReleaseMemory()])
    steps = first.train_function
    fit(first, data[0], [ReleaseMemory()])
    assert steps is not None and first.train_function is steps  # trained on without tracing anew
    fit(second, data[0], [ReleaseMemory()])
    assert first.train_function is None and first.test_function is None and second.train_function is not None
    again, whole = fit(first, data[0], [ReleaseMemory()]), small_unet()
    assert again == {name: values[4:] for name, values in fit(whole, data[0], epochs=6).items()}


class TrainAnother(keras.callbacks.Callback):
    def __init__(self, model, data):
        super().__init__()
        self.other, self.data = model, data

    def on_epoch_end(self, epoch, logs=None):
        fit(self.other, self.data, [ReleaseMemory()], epochs=1)


def test_a_training_within_a_training_disturbs_neither(data, compiled_steps):
    outer, plain = small_unet(), small_unet()
    fit(outer, data[0], [ReleaseMemory()], epochs=1)
    fit(plain, data[0], epochs=1)
    inside = [ReleaseMemory(), TrainAnother(small_unet(seed=4), data[1])]
    assert fit(outer, data[0], inside, epochs=3) == fit(plain, data[0], epochs=3)


MANY_MODELS = """
import gc, psutil, sys, tempfile
import keras
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import train_unet

def megabytes():
    gc.collect()
    return psutil.Process().memory_info().rss / 1e6

pair, kept, used = make_dataset(8, CircleScene(size=32, radius=(3, 8)), seed=1), [], []
for number in range(6):
    kept.append(build_unet(depth=3))
    train_unet(kept[-1], pair, pair, f"{tempfile.mkdtemp()}/run", epochs=1)
    used.append(megabytes())
print(*used)
"""


def test_training_many_models_one_after_the_other_takes_little_memory():
    """The failure clinic trains some twenty and keeps them; Binder has 2 GB. Without housekeeping each takes 50 MB."""
    done = subprocess.run([sys.executable, "-c", LEAN + MANY_MODELS], capture_output=True, text=True, cwd=ROOT, check=True)
    used = [float(word) for word in done.stdout.split()]
    assert (used[-1] - used[1]) / 4 < 25, f"resident memory after each model, MB: {used}"


# --- bad input ---


def test_a_second_training_gets_a_schedule_of_its_own(data, tmp_path):
    model = small_unet()
    train_unet(model, *data, tmp_path / "first", epochs=1)
    before = model.get_weights()
    train_unet(model, *data, tmp_path / "second", epochs=2, peak_rate=1e-2)  # on the old schedule the rate would stay 0
    assert any((old != new).any() for old, new in zip(before, model.get_weights()))


@pytest.mark.parametrize("loss", [bce_loss, dice_loss, bce_dice_loss], ids=lambda loss: loss.__name__)
def test_keras_itself_loads_and_copies_a_trained_network(loss, data, tmp_path):
    model = small_unet()
    model.compile("adam", loss, metrics=[DiceScore()])
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "compiled.keras")
    again = keras.models.load_model(tmp_path / "compiled.keras")
    images, masks = data[1]
    assert again.evaluate(images, masks, verbose=0) == pytest.approx(model.evaluate(images, masks, verbose=0))
    assert keras.models.clone_model(model).count_params() == model.count_params()


def test_a_students_own_compile_is_kept(data, tmp_path):
    model = small_unet()
    train_unet(model, *data, tmp_path / "first", epochs=1)
    theirs = keras.optimizers.SGD(0.01)
    model.compile(theirs, "binary_crossentropy", metrics=[DiceScore()])
    train_unet(model, *data, tmp_path / "second", epochs=1)
    assert model.optimizer is theirs


def test_a_run_never_overwrites_another(data, tmp_path):
    train, validation = data
    folder = tmp_path / "precious"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="never overwrite"):
        train_unet(small_unet(), train, validation, folder, epochs=1)
    assert [p.name for p in folder.iterdir()] == ["notes.txt"] and (folder / "notes.txt").read_text() == "mine"
    (tmp_path / "run-1").mkdir()
    assert new_run_dir(tmp_path).name == "run-2"


def test_an_unwritable_folder_is_named(data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Choose one of yours"):
        train_unet(small_unet(), *data, tmp_path / "file" / "run", epochs=1)


def test_nothing_to_resume(data, tmp_path):
    with pytest.raises(FileNotFoundError, match="no interrupted run"):
        train_unet(small_unet(), *data, tmp_path / "none", resume=True)
    train_unet(small_unet(), *data, tmp_path / "done", epochs=1)
    with pytest.raises(FileNotFoundError, match="ran to its end"):
        train_unet(small_unet(), *data, tmp_path / "done", resume=True)


def test_a_missing_or_damaged_network_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        load_network(tmp_path / "none.keras")
    whole = (MODELS / "unet_circles.keras").read_bytes()
    for name, content in (("cut.keras", whole[:5000]), ("empty.keras", b""), ("text.keras", b"not a model"), ("other.txt", whole)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match="damaged or no Keras model"):
            load_network(tmp_path / name)


def from_the_future(path, setting):
    """Write the network that ships as a Keras to come might: a new setting for every initialiser."""
    with zipfile.ZipFile(MODELS / "unet_circles.keras") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = content.replace(b'"class_name": "Zeros", "config": {', b'"class_name": "Zeros", "config": {"to_come": %s' % setting)
                assert b"to_come" in content
            if name == "metadata.json":
                content = b'{"keras_version": "9.9.0"}'
            new.writestr(name, content)
    return path


def test_a_network_that_a_newer_keras_wrote_opens(tmp_path):
    path = from_the_future(tmp_path / "newer.keras", b"null")
    with pytest.raises(Exception, match="to_come"):
        keras.models.load_model(path)
    images = make_dataset(2, seed=5)[0]
    assert np.array_equal(predict(load_network(path), images), predict(load_network(MODELS / "unet_circles.keras"), images))


def test_a_network_that_is_too_new_says_who_wrote_it(tmp_path):
    path = from_the_future(tmp_path / "newer.keras", b"7")
    with pytest.raises(ValueError, match="Keras 9.9.0 wrote it, and this is Keras 3.*it may open where it was made"):
        load_network(path)


@pytest.mark.parametrize(("change", "words"), [
    (lambda x, y: (x, y * 255), "Divide by 255 or compare with > 127"),
    (lambda x, y: (x * 255, y), "0..1. Divide by 255"),
    (lambda x, y: (x[:5], y), "5 images and 22 masks"),
    (lambda x, y: (x, y[:, ::2]), "16x32"),
    (lambda x, y: ((x * 255).astype(np.uint8), y), "uint8"),
    (lambda x, y: (np.where(x > 0.5, np.nan, x), y), "NaN"),
    (lambda x, y: (x[:, :31], y[:, :31]), "height is 31 pixels"),
])
def test_unfit_arrays_are_refused_before_any_training(data, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        train_unet(small_unet(), change(*data[0]), data[1], tmp_path / "run", epochs=1)


def test_prediction_refuses_sizes_and_ranges():
    model = small_unet()
    with pytest.raises(ValueError, match="width is 33"):
        predict(model, np.zeros((1, 32, 33, 1), np.float32))
    with pytest.raises(ValueError, match="Divide by 255"):
        predict(model, np.full((1, 32, 32, 1), 200.0))


def test_prediction_takes_no_pictures_and_names_a_size_that_a_network_was_not_built_for():
    keras.utils.set_random_seed(1)
    model = build_unet((32, 32, 1), depth=2, filters=4)
    assert predict(model, np.zeros((0, 32, 32, 1), np.float32)).shape == (0, 32, 32, 1)
    with pytest.raises(ValueError, match="64x64 pixels, and this network was built for 32x32 alone"):
        predict(model, np.zeros((1, 64, 64, 1), np.float32))


@pytest.mark.parametrize("policy", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_prediction_is_float32_under_every_policy(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = small_unet()
    finally:
        keras.config.set_dtype_policy("float32")
    for given in ("float16", "float32", "float64"):
        assert predict(model, np.full((1, 32, 32, 1), 0.5, given)).dtype == np.float32


def test_nothing_of_ours_is_hidden_on_the_network(data, tmp_path):
    model = small_unet()
    before = set(vars(model))
    train_unet(model, *data, tmp_path / "run", epochs=1)
    predict(model, data[1][0])
    plain = small_unet()
    theirs = set(vars(plain))
    fit(plain, data[0])
    assert set(vars(model)) - before <= set(vars(plain)) - theirs


# --- the plan of a run ---


def test_the_schedule_is_as_long_as_the_run_and_a_picture_is_augmented_unless_asked_otherwise(data, tmp_path):
    weights = {}
    for name, options in {"default": {}, "yes": {"augmented": True}, "no": {"augmented": False}}.items():
        model, last = small_unet(), LastWeights()
        train_unet(model, *data, tmp_path / name, epochs=3, callbacks=[last], **options)
        weights[name] = last.weights[0]
    assert model.optimizer.iterations == 18  # 22 pictures in batches of 4 are 6 steps
    assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-9) == float(warmup_cosine(3e-3, 18)(18))
    np.testing.assert_array_equal(weights["default"], weights["yes"])
    assert not np.array_equal(weights["default"], weights["no"])


def test_the_same_plan_again_begins_anew_and_another_plan_replaces_one_that_has_not_begun(data, tmp_path):
    model = small_unet()
    train_unet(model, *data, tmp_path / "first", epochs=1)
    before = model.get_weights()
    train_unet(model, *data, tmp_path / "second", epochs=1)  # on the old optimizer the rate would stay 0
    assert any((old != new).any() for old, new in zip(before, model.get_weights()))
    model = small_unet()
    with pytest.raises(KeyboardInterrupt):
        train_unet(model, *data, tmp_path / "stopped", epochs=1, callbacks=[PullThePlug(0)])
    kept = LastWeights(), LastWeights()
    train_unet(model, *data, tmp_path / "other", epochs=1, peak_rate=1e-2, callbacks=[kept[0]])
    train_unet(small_unet(), *data, tmp_path / "alone", epochs=1, peak_rate=1e-2, callbacks=[kept[1]])
    np.testing.assert_allclose(kept[0].weights[0], kept[1].weights[0], atol=1e-5)


def test_a_stream_goes_on_where_the_interrupted_run_stood(data, tmp_path):
    images, masks = data[0]
    stream = as_dataset(images[:20], masks[:20]).repeat(4)  # five batches, four times; three to an epoch
    whole, resumed = LastWeights(), LastWeights()
    train_unet(small_unet(), stream, data[1], tmp_path / "whole", epochs=4, steps=3, callbacks=[whole])
    with pytest.raises(KeyboardInterrupt):
        train_unet(small_unet(), stream, data[1], tmp_path / "cut", epochs=4, steps=3, callbacks=[PullThePlug(2)])
    train_unet(small_unet(seed=9), stream, data[1], tmp_path / "cut", epochs=4, steps=3, resume=True, callbacks=[resumed])
    for a, b in zip(whole.weights, resumed.weights):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_early_stopping_waits_ten_epochs_unless_told_otherwise(tmp_path):
    assert [c.patience for c in make_callbacks(tmp_path) if isinstance(c, keras.callbacks.EarlyStopping)] == [10]


# --- the network that ships ---


@pytest.mark.parametrize("seed", [101, 102, 103])
def test_the_shipped_network_is_far_above_the_best_threshold(seed):
    assert (MODELS / "unet_circles.keras").stat().st_size < 2e6
    images, masks = make_dataset(200, CircleScene(), seed=seed)
    found = (predict(load_network(MODELS / "unet_circles.keras"), images) >= 0.51).astype(np.uint8)
    assert dice_per_image(masks, found).mean() >= 0.95
    assert best_threshold(masks, images).dice <= 0.60
