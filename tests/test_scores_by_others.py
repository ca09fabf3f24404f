"""What a tester from outside found: scores, streams, clusters and the doctor on input that only looks right."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf
from helpers.classes import ClassLoss, dice_per_class
from helpers.diagnosis import diagnose
from helpers.evaluation import (
    best_threshold, bootstrap_interval, boundary_error, dice_by_threshold, dice_per_image, error_by, find_circles, hough_baseline,
    iou_per_image, pixel_accuracy, pooled_dice, reliability,
)
from helpers.own_images import Manifest, index_folder
from helpers.scaling import cluster_config, file_batches, patches_from_files, stream_batches, stream_files, tf_config
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import DiceScore, bce_dice_loss, bce_loss, dice_loss
from PIL import Image

# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A folder of twelve pictures, each of one gray level of its own, and its manifest."""
    place = tmp_path_factory.mktemp("pictures")
    mask = np.zeros((24, 24), np.uint8)
    mask[4:9, 4:9] = 255
    for kind in ("images", "masks"):
        (place / kind).mkdir()
    for i in range(12):
        Image.fromarray(np.full((24, 24), 20 * i + 10, np.uint8)).save(place / "images" / f"p{i}.png")
        Image.fromarray(mask).save(place / "masks" / f"p{i}.png")
    return index_folder(place, progress=False)[0]


def pictures_in(images):
    return {round((255 * float(image.min()) - 10) / 20) for image in np.asarray(images)}


def pictures_of_set(manifest, part):
    rows = (line.split(",") for line in manifest.read_text().splitlines()[1:])
    return {int(row[0].split("/p")[1].removesuffix(".png")) for row in rows if part in (None, row[3])}


SETTINGS = {"batch_size": 12, "workers": 0}


def some_of_training(manifest, **settings):
    return next(file_batches(manifest, 1, 16, **SETTINGS, **settings))[0]


@pytest.mark.parametrize("part", ["training", "validation", "test", None])
def test_the_set_that_is_asked_for_is_read_from_a_path_and_from_a_manifest(manifest, part):
    expected = pictures_of_set(manifest, part)
    for given in (manifest, str(manifest), Manifest(manifest), Manifest(manifest, part)):
        assert pictures_in(some_of_training(given, part=part)) == expected
        assert pictures_in(next(iter(stream_files(given, 1, 16, **SETTINGS, part=part)))[0]) == expected
        assert pictures_in(patches_from_files(given, 12, 16, workers=0, part=part)[0]) == expected


def test_without_a_word_the_sets_are_training_and_validation(manifest):
    for given in (manifest, Manifest(manifest), Manifest(manifest, "training")):
        assert pictures_in(some_of_training(given)) == pictures_of_set(manifest, "training")
        assert pictures_in(next(iter(stream_files(given, 1, 16, **SETTINGS)))[0]) == pictures_of_set(manifest, "training")
    for given in (manifest, Manifest(manifest), Manifest(manifest, "validation")):
        assert pictures_in(patches_from_files(given, 12, 16, workers=0)[0]) == pictures_of_set(manifest, "validation")


def test_a_manifest_of_another_set_is_refused_with_what_to_write(manifest):
    training, test = Manifest(manifest, "training"), Manifest(manifest, "test")
    with pytest.raises(ValueError, match="part is 'validation'.*manifest.csv holds the set 'training' alone.*path"):
        patches_from_files(training, 12, 16, workers=0)
    for stream in (file_batches, stream_files):
        with pytest.raises(ValueError, match="part is 'training'.*'test' alone. Write part='test'"):
            stream(test, 1, 16)
        with pytest.raises(ValueError, match="manifest is None; expected the path"):
            stream(None, 1, 16)
    assert pictures_in(some_of_training(test, part="test")) == pictures_of_set(manifest, "test")


@pytest.mark.parametrize(("settings", "words"), [
    ({"seed": -1}, "seed is -1"), ({"seed": None}, "seed is None"), ({"seed": 1.5}, "seed is 1.5"), ({"seed": ()}, "seed is"),
    ({"seed": "1"}, "seed is '1'"), ({"seed": [1, -2]}, "seed is"), ({"first": -3}, "first is -3"), ({"first": 1.5}, "first is 1.5"),
    ({"workers": -1}, "workers is -1"), ({"workers": "2"}, "workers is '2'"), ({"workers": None}, "workers is None"),
    ({"ahead": -1}, "ahead is -1"), ({"ahead": None}, "ahead is None"), ({"batch_size": 2.5}, "batch_size is 2.5"),
    ({"batch_size": 2.0}, "batch_size is 2.0"), ({"shard": 1}, r"shard is 1; write \(index, count\)"),
    ({"shard": (0, 1, 2)}, "shard is"), ({"shard": (0.0, 2)}, "shard is"), ({"shard": (-1, 2)}, "shard is"), ({"shard": None}, "shard is"),
    ({"shard": (0, 0)}, "shard is"), ({"batch_size": 2, "shard": (0, 4)}, "multiple of 4"),
])
def test_both_streams_check_alike_before_anything_is_drawn_or_read(manifest, settings, words):
    scene = CircleScene(size=16, radius=(2, 4))
    for call in (lambda **s: file_batches(manifest, 3, 16, **s), lambda **s: stream_files(manifest, 3, 16, **s),
                 lambda **s: stream_batches(12, scene, **s)):
        with pytest.raises(ValueError, match=words):
            call(**{"workers": 0, **settings})


def test_streams_refuse_further_settings_in_words(manifest):
    for pictures in (6.0, 0, True, "6"):
        with pytest.raises(ValueError, match="pictures is"):
            stream_batches(pictures, CircleScene(size=16, radius=(2, 4)))
    for settings, words in (({"normalization": "x"}, "fit_normalization"), ({"broken": True}, r"broken=\[\]")):
        with pytest.raises(ValueError, match=words):
            file_batches(manifest, 3, 16, **settings)
    with pytest.raises(ValueError, match="n is 2.5"):
        patches_from_files(manifest, 2.5, 16)


def test_seeds_of_several_numbers_and_numbers_of_numpy_make_streams(manifest):
    scene = CircleScene(size=16, radius=(2, 4))
    for one, other in (([1, 2], (1, 2)), (np.int64(3), 3), (np.array([4, 5]), (4, 5))):
        a, b = (np.asarray(some_of_training(manifest, seed=seed)) for seed in (one, other))
        assert np.array_equal(a, b)
        a, b = (next(iter(stream_batches(np.int64(4), scene, seed=seed, workers=0)))[0] for seed in (one, other))
        assert np.array_equal(a, b)


# --- scores -----------------------------------------------------------------------------------------------------------

SQUARE = np.zeros((2, 16, 16, 1), np.uint8)
SQUARE[:, 4:10, 4:10] = 1
GRAY = np.random.default_rng(0).random(SQUARE.shape).astype(np.float32)


@pytest.mark.parametrize("type_", [np.float16, np.float32, np.float64])
def test_a_threshold_means_what_scores_above_it_mean_in_numpy_and_in_the_metric(type_):
    scores = (np.where(SQUARE == 1, 7, np.random.default_rng(1).integers(0, 7, SQUARE.shape)) / 10).astype(type_)
    for threshold in (0.1, 0.3, 0.6, 0.7):  # of the votes of ten networks
        expected = dice_per_image(SQUARE, scores >= threshold)
        assert np.array_equal(dice_by_threshold(SQUARE, scores, [threshold]), expected[None])
        metric = DiceScore(threshold)
        metric.update_state(SQUARE, scores.astype(np.float32))  # the metric counts in float32
        assert type_ == np.float16 or float(metric.result()) == pytest.approx(expected.mean(), abs=1e-6)
    assert best_threshold(SQUARE, scores, [0.5, 0.7, 0.9]) == (0.7, 1)


@pytest.mark.parametrize("thresholds", [[0.1, np.nan, 0.5], [np.nan], ["a"], None])
def test_thresholds_that_are_no_numbers_are_refused(thresholds):
    for score in (dice_by_threshold, best_threshold) if thresholds else (dice_by_threshold,):
        with pytest.raises(ValueError, match="^thresholds (must be|hold)"):
            score(SQUARE, GRAY, thresholds)


def test_there_is_no_score_of_no_pictures():
    none = SQUARE[:0]
    for call in (lambda: best_threshold(none, GRAY[:0]), lambda: pixel_accuracy(none, none), lambda: pooled_dice(none, none),
                 lambda: boundary_error(none, none)):
        with pytest.raises(ValueError, match="there are no pictures"):
            call()
    assert dice_per_image(none, none).shape == (0,) and dice_by_threshold(none, GRAY[:0], [0.5]).shape == (1, 0)


def test_an_interval_is_of_one_number_for_each_image():
    rng = np.random.default_rng(0)
    for shape in ((4, 16, 16, 1), (101, 12), (12, 3), (12, 1), ()):
        with pytest.raises(ValueError, match=r"scores have the shape .*; expected \[n\], one number for each image"):
            bootstrap_interval(rng.random(shape))
    scores = rng.random((12, 1))
    with pytest.raises(ValueError, match=r"Write np.ravel\(scores\)"):
        bootstrap_interval(scores)
    assert bootstrap_interval(np.ravel(scores)) == bootstrap_interval(scores[:, 0].tolist())
    for settings in ({"repeats": 0}, {"repeats": 1.5}, {"level": "0.95"}, {"level": None}):
        with pytest.raises(ValueError, match=next(iter(settings))):
            bootstrap_interval([0.1, 0.2], **settings)
    for values, scores in ((np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2)), (range(6), np.arange(6).reshape(3, 2))):
        with pytest.raises(ValueError, match=r"have the shape .*one number for each case"):
            error_by(values, scores, 2)


def test_groups_are_as_equal_as_ties_allow():
    for values, expected in (
        ([0, 1, *[2] * 8], [(0, 1, 2), (2, 2, 8)]), ([*[0] * 8, 1, 2], [(0, 0, 8), (1, 2, 2)]), ([3] * 10, [(3, 3, 10)]),
        (range(10), [(0, 4, 5), (5, 9, 5)]), ([0, *[1] * 9], [(0, 0, 1), (1, 1, 9)]),
    ):
        assert [row[:3] for row in error_by(values, range(10), bins=2)] == expected
    for bins in (0, -1, 2.0, "2"):
        with pytest.raises(ValueError, match="bins is"):
            error_by([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], bins)
        with pytest.raises(ValueError, match="bins is"):
            reliability(SQUARE, GRAY, bins)


def test_hidden_values_are_never_counted():
    other = np.roll(SQUARE, 2, axis=2)
    hidden = SQUARE != other
    a, b = np.ma.masked_array(SQUARE, hidden), np.ma.masked_array(other, hidden)
    for score in (dice_per_image, iou_per_image, pooled_dice, pixel_accuracy, boundary_error):
        with pytest.raises(ValueError, match="y_true are a masked array; it hides 48 values.*filled"):
            score(a, b)
    with pytest.raises(ValueError, match="y_pred are a masked array"):
        dice_per_image(SQUARE, list(b))
    with pytest.raises(ValueError, match="masked array"):
        dice_per_class(a, b, 2)
    assert np.array_equal(dice_per_class(a.filled(255), other, 2), np.ones((2, 2))), "what the message says"
    scores = np.ma.masked_array([0.1, 0.2, 99], [0, 0, 1])
    with pytest.raises(ValueError, match=r"scores\.compressed\(\)"):
        bootstrap_interval(scores)
    assert bootstrap_interval(scores.compressed())[1] <= 0.2
    with pytest.raises(ValueError, match="values are a masked array"):
        error_by(scores, [1, 2, 3], 1)
    nothing_hidden = np.ma.masked_array(SQUARE, np.zeros(SQUARE.shape, bool))
    assert dice_per_image(nothing_hidden, SQUARE).tolist() == [1, 1]


@pytest.mark.parametrize(("settings", "words"), [
    ({"radius": 5}, "radius is 5"), ({"radius": (2.5, 5)}, "radius is"), ({"radius": (0, 5)}, "radius is"), ({"radius": (9, 5)}, "radius is"),
    ({"radius": (1, 2, 3)}, "radius is"), ({"radius": None}, "radius is"), ({"strictness": 0}, "strictness is 0"),
    ({"strictness": "20"}, "strictness is"), ({"strictness": float("nan")}, "strictness is"),
])
def test_circles_are_sought_with_settings_that_can_be(settings, words):
    with pytest.raises(ValueError, match=words):
        hough_baseline(GRAY, **settings)
    with pytest.raises(ValueError, match=words):
        find_circles(GRAY[0], **settings)


def test_a_picture_with_two_axes_has_the_same_circles():
    image = np.zeros((64, 64), np.float32)
    y, x = np.mgrid[:64, :64]
    image[(y - 32) ** 2 + (x - 32) ** 2 <= 100] = 0.8
    found = find_circles(image[..., None])
    assert len(found) == 1 and found == find_circles(image) == find_circles(image, (np.int64(5), 15))
    with pytest.raises(ValueError, match="uint8"):
        find_circles((image * 255).astype(np.uint8))


@pytest.mark.parametrize("width", [1.5, -1, "2", None])
def test_a_width_is_a_whole_number(width):
    with pytest.raises(ValueError, match="width is"):
        boundary_error(SQUARE, SQUARE, width)


@pytest.mark.parametrize("scores", [SQUARE.astype(bool), SQUARE, SQUARE * 255, SQUARE.astype(np.uint16) * 4095, SQUARE.astype(np.int32) * 65535],
                         ids=lambda scores: f"{scores.dtype}-{scores.max()}")
def test_the_advice_for_whole_numbers_gives_the_right_threshold(scores):
    with pytest.raises(ValueError, match=f"scores are {scores.dtype}") as caught:
        best_threshold(SQUARE, scores)
    advice = re.search(r"scores\.astype\('float32'\)(?: / \d+)?", str(caught.value))[0]
    assert best_threshold(SQUARE, eval(advice, {"scores": scores})) == (0.5, 1)


def test_what_is_no_array_of_numbers_is_named():
    for masks, words in (([SQUARE[0], SQUARE[1, :8]], "y_true differ in size"), (SQUARE.astype(str), "y_true hold text"),
                         ([None], "y_true hold objects|y_true have the shape"), (SQUARE * 1j, "complex numbers"), ((m for m in SQUARE), "y_true hold objects")):
        with pytest.raises(ValueError, match=words):
            dice_per_image(masks, SQUARE)
    assert dice_per_image(SQUARE.astype(object), SQUARE).tolist() == [1, 1]


# --- losses and weights -----------------------------------------------------------------------------------------------

FOUR = np.concatenate([SQUARE, SQUARE])
CHANCE = (np.roll(FOUR, 2, axis=2) * 0.8 + 0.1).astype(np.float32) * np.linspace(0.5, 1, 4, dtype=np.float32).reshape(4, 1, 1, 1)


@pytest.mark.parametrize("ask", [bce_loss, dice_loss, bce_dice_loss, DiceScore().update_state, ClassLoss()],
                         ids=["bce", "dice", "bce_dice", "score", "classes"])
def test_weights_are_one_for_each_picture_or_refused_with_their_shape(ask):
    for weights, shape in ((10.0, r"\(\)"), (np.float32(10), r"\(\)"), (tf.constant(1.0), r"\(\)"), ([1.0, 2, 3], r"\(3,\)"), ([2.0], r"\(1,\)"),
                           (np.ones((3, 1)), r"\(3, 1\)"), (np.ones(5), r"\(5,\)")):
        with pytest.raises(ValueError, match=f"sample_weight has the shape {shape}.*one number for each of 4 pictures"):
            ask(FOUR, CHANCE, sample_weight=weights)
    for weights in ([1.0, 2, 3], tf.constant(1.0)):  # as Keras hands them in
        with pytest.raises(ValueError, match="one number for each of 4 pictures"):
            ask(FOUR, CHANCE, weights)


@pytest.mark.parametrize("loss", [bce_loss, dice_loss, bce_dice_loss], ids=lambda loss: loss.__name__)
def test_weights_that_fit_give_the_weighted_mean(loss):
    weights = np.array([0.25, 0, 2, 0.5])
    expected = (loss(FOUR, CHANCE).numpy() * weights).mean()
    for given in (weights, weights.tolist(), weights[:, None], tf.constant(weights)):
        assert float(loss(FOUR, CHANCE, given)) == pytest.approx(expected, rel=1e-5)
        assert float(loss(FOUR, CHANCE, sample_weight=given)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("loss", [dice_loss, ClassLoss()], ids=["dice", "classes"])
def test_weights_of_unknown_number_are_checked_when_they_come(loss):
    ask = tf.function(lambda t, p, w: loss(t, p, w), input_signature=[
        tf.TensorSpec((None, 16, 16, 1), tf.uint8), tf.TensorSpec((None, 16, 16, 1)), tf.TensorSpec([None])])
    assert float(ask(FOUR, CHANCE, np.ones(4, np.float32))) == pytest.approx(float(loss(FOUR, CHANCE, np.ones(4))), rel=1e-5)
    for n in (1, 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="another number of weights"):
            ask(FOUR, CHANCE, np.ones(n, np.float32))


def test_smooth_is_a_number_of_any_type_and_nothing_but_smooth():
    overlap, areas = (FOUR * CHANCE).sum(axis=(1, 2, 3)), FOUR.sum(axis=(1, 2, 3)) + CHANCE.sum(axis=(1, 2, 3))
    for smooth in (3, 3.0, np.float32(3), np.int64(3)):
        for losses in (dice_loss(FOUR, CHANCE, smooth), dice_loss(FOUR, CHANCE, smooth=smooth)):
            np.testing.assert_allclose(losses, 1 - (2 * overlap + 3) / (areas + 3), rtol=1e-5)
    with pytest.raises(ValueError, match="average what it gives, times the weights"):
        dice_loss(FOUR, CHANCE, 3.0, sample_weight=np.ones(4))
    with pytest.raises(TypeError, match=r"bce_dice_loss: too many.*bce_dice_loss\(y_true, y_pred\).*sample_weight="):
        bce_dice_loss(FOUR, CHANCE, 10.0)


# --- clusters ---------------------------------------------------------------------------------------------------------

STEP = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "SLURM_STEP_NODELIST": "a,b", "SLURM_STEP_TASKS_PER_NODE": "1(x2)"}


@pytest.mark.parametrize("empty", ["", " ", "{}", '{"cluster": {}}', '{"task": {"type": "worker", "index": 0}}'])
def test_a_tf_config_without_a_cluster_does_not_switch_the_guard_off(empty):
    with pytest.raises(ValueError, match="Slurm started 4 tasks, but TF_CONFIG (is not set|names no cluster), so each of them would train alone"):
        cluster_config({"TF_CONFIG": empty, "SLURM_NTASKS": "4"})
    assert cluster_config({"TF_CONFIG": empty, **STEP}) == cluster_config(STEP) == tf_config(["a:12000", "b:12000"], 1)
    assert cluster_config({"TF_CONFIG": empty}) is None


def config(cluster, *task):
    return json.dumps({"cluster": cluster, "task": dict(zip(("type", "index"), task))})


@pytest.mark.parametrize("text", [
    config({"worker": ["a:1", "b:1"]}, "worker", 1), config({"worker": ["a:1"]}, "worker", "0"), config({"chief": ["a:1"], "worker": ["b:1"]}, "chief", 0),
    config({"worker": ["a:1"]}, "evaluator", 0), config({"worker": {"0": "a:1", "1": "b:1"}}, "worker", 1),
    '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}, "environment": "cloud"}',
])
def test_a_tf_config_that_tensorflow_understands_is_passed_on(text):
    assert cluster_config({"TF_CONFIG": text, **STEP, "SLURM_NTASKS": "4"}) == text


@pytest.mark.parametrize(("text", "words"), [
    ("xx", "TF_CONFIG is 'xx', which is no JSON"), ("[]", "expected something like"), ('{"cluster": ["a:1"]}', "expected something like"),
    (config({"worker": ["a:1"]}, "worker", 5), "'index': 5}, and its cluster has 1 of the type 'worker'"), (config({"worker": ["a:1"]}, "worker", -1), "-1"),
    (config({"worker": ["a:1"]}, "chief", 0), "chief"), (config({"worker": ["a:1"]}), "this is the task {}"), ('{"cluster": {"worker": ["a:1"]}}', "the task None"),
    ('{"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}}', "has no tasks"), ('{"cluster": {"worker": ["a:1"]}, "task": {"type": ["worker"], "index": 0}}', "task"),
])
def test_a_broken_tf_config_is_named(text, words):
    with pytest.raises(ValueError, match=words):
        cluster_config({"TF_CONFIG": text})


def ports(job, tasks):
    step = {"SLURM_STEP_NUM_TASKS": str(tasks), "SLURM_PROCID": "0", "SLURM_STEP_NODELIST": "a", "SLURM_STEP_TASKS_PER_NODE": str(tasks)}
    found = json.loads(cluster_config({**step, "SLURM_JOB_ID": str(job)}))["cluster"]["worker"]
    return {int(address.split(":")[1]) for address in found}


def test_two_jobs_on_one_machine_do_not_meet():
    for tasks in ((16, 16), (2, 32), (32, 33), (100, 256), (33, 8)):
        taken = [ports(job, n) for job, n in enumerate(tasks * 60, 1000)]
        assert sum(map(len, taken)) == len(set().union(*taken)) and [len(one) for one in taken] == [*tasks * 60]
    for job in (0, 639, 640, 126, 127, 99_999_999):
        assert all(1024 < port < 32_768 for port in ports(job, 32)) and all(32_768 <= port < 65_535 for port in ports(job, 256))
    with pytest.raises(ValueError, match="257 tasks on one machine"):
        ports(1, 257)


@pytest.mark.parametrize(("change", "words"), [
    ({"SLURM_PROCID": "-1"}, "number -1"), ({"SLURM_PROCID": "7"}, "number 7"), ({"SLURM_PROCID": "2"}, "number 2"), ({"SLURM_PROCID": "x"}, "SLURM_PROCID is 'x'"),
    ({"SLURM_PROCID": ""}, "SLURM_PROCID is not set"), ({"SLURM_STEP_NUM_TASKS": "4"}, "places for 2 tasks.*4 tasks"), ({"SLURM_STEP_NUM_TASKS": "x"}, "is 'x'"),
    ({"SLURM_JOB_ID": "x"}, "SLURM_JOB_ID is 'x'"), ({"SLURM_STEP_NODELIST": ""}, "SLURM_STEP_NODELIST is not set"), ({"SLURM_STEP_TASKS_PER_NODE": ""}, "not set"),
])
def test_slurm_places_that_contradict_each_other_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        cluster_config({**STEP, **change})


def test_variables_of_launchers_are_empty_or_numbers():
    for variable in ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "WORLD_SIZE"):
        assert cluster_config({variable: ""}) is None
        with pytest.raises(ValueError, match=f"{variable} is 'x'; expected a whole number"):
            cluster_config({variable: "x"})


# --- the doctor -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    lambda x, y: (x, y), lambda x, y: (x, y * 255), lambda x, y: ((x * 255).astype(np.uint8), y), lambda x, y: (x[..., 0], y[..., 0].astype(bool)),
    lambda x, y: (x * 65535, y * np.float32(1)), lambda x, y: (list(x), list(y)), lambda x, y: (1 - x, y), lambda x, y: (x[:3], y[:3]),
])
def test_swapped_images_and_masks_are_named_and_nothing_else(change):
    x, y = change(*make_dataset(16, CircleScene(size=64, radius=(4, 9)), seed=1))
    found = diagnose(y, x)
    assert found.causes == ["images_and_masks_swapped"] and found[0].sure >= 0.9 and "diagnose(images, masks)" in found[0].advice
    assert "images_and_masks_swapped" not in diagnose(x, y).causes
    (learned,) = diagnose(x, y, training=(y, x)).causes
    assert learned == "images_and_masks_swapped" and "in the training set" in diagnose(x, y, training=(y, x))[0].seen


def test_images_in_the_place_of_masks_are_named():
    x, y = make_dataset(16, CircleScene(size=64, radius=(4, 9)), seed=1)
    for masks in (x, (x * 255).astype(np.uint8), 1 - (1 - x)):
        assert diagnose(x, masks).causes == diagnose(x, masks, y).causes == ["masks_are_images"]
    assert diagnose(x * 255, x).causes == ["masks_are_images", "images_0_255"]


@pytest.mark.parametrize("spoil", [
    lambda x, y: ((x > 0.5).astype(np.float32), y), lambda x, y: ((x > 0.5).astype(np.uint8), np.cumsum(y, 2) * y),  # instances
    lambda x, y: (np.round(x), np.clip(y * 0.8 + 0.1, 0, 1)), lambda x, y: ((x > 0.5) * 1.0, (np.roll(y, 1, 1) + y) / 2),
    lambda x, y: (x, np.clip(y * 0.9 + 0.05 * x, 0, 1)),
])
def test_masks_that_are_masks_are_not_called_images(spoil):
    found = diagnose(*spoil(*make_dataset(16, CircleScene(size=64, radius=(4, 9)), seed=1)))
    assert not {"images_and_masks_swapped", "masks_are_images"} & set(found.causes), found


@pytest.mark.parametrize(("given", "seen", "advice"), [
    ((i for i in SQUARE), "images: a generator", "np.stack"), (["a.png", "b.png"], "a list of 2, among them the text 'a.png'", "load_pairs"),
    ("pictures/a.png", "a text, 'pictures/a.png'", "load_pairs"), (np.array(["a.png"]), "an array", "arrays of numbers"), ({"a": 1}, "a dict", "arrays of numbers"),
    ([], "a list of nothing", "len()"), (np.zeros((0, 8, 8, 1)), "an array (0, 8, 8, 1), which is empty", "len()"), ([None, SQUARE[0]], "among them a NoneType", "arrays"),
    (tf.data.Dataset.from_tensor_slices(SQUARE).batch(1), "Dataset", "next(iter(batches))"), ([SQUARE[0], "b.png"], "'b.png'", "load_pairs"),
], ids=range(10))
def test_what_is_no_pictures_is_named_for_what_it_is(given, seen, advice):
    found = diagnose(given)
    assert found.causes == ["not_pictures"] and seen in found[0].seen and advice in found[0].advice, found
    x, y = make_dataset(4, CircleScene(size=32, radius=(4, 9)), seed=1)
    assert diagnose(x, given).causes == diagnose(x, y, y_pred=given).causes == ["not_pictures"]
    assert "sizes_differ" in diagnose([x[0], x[1, :20]]).causes
