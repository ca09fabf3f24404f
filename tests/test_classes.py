"""Several classes: masks, losses, scores, baselines, and what the rest of the course does with them."""

import numpy as np
import pytest
import tensorflow as tf

import keras
from interruptions import LastWeights, PullThePlug
from helpers.anatomy import build_unet
from helpers.class_masks import IGNORE, check_classes, most_probable, one_hot
from helpers.classes import (
    ClassDice, ClassLoss, as_targets, balanced_weights, class_cross_entropy, class_dice_loss, confusion, dice_per_class,
    ladder_of_filters, multi_otsu, vesselness,
)
from helpers.evaluation import dice_per_image
from helpers.diagnosis import diagnose
from helpers.own_images import PictureError, load_kept, load_pairs, predict_folder, predict_tiled, save_mask, save_network
from helpers.pixel_weights import weighted_batches
from helpers.synthesis import CircleScene, draw_classes, draw_instances, draw_numbered, make_classes, make_dataset, make_instances, stream_scenes
from helpers.training import bce_loss, dice_loss, predict, train_unet

RNG = np.random.default_rng(0)
MASKS = RNG.integers(0, 3, (4, 16, 24, 1)).astype(np.uint8)
CHANCES = RNG.dirichlet((1, 1, 1), (4, 16, 24)).astype(np.float32)
SMALL = CircleScene(size=32, circles=(1, 3), radius=(3, 6))


def some_classes(n, seed=1):
    return make_classes(n, SMALL, seed)


# --- masks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [
    MASKS, MASKS[..., 0], MASKS.astype(np.int64), MASKS.astype(np.float32), one_hot(MASKS, 3), one_hot(MASKS, 3).astype(bool),
    one_hot(MASKS, 3).astype(np.float32),
])
def test_every_way_to_write_classes_gives_the_same(given):
    checked = check_classes(given, 3)
    assert checked.dtype == np.uint8 and np.array_equal(checked, MASKS)


def with_value(value, dtype=np.float64):
    masks = MASKS.astype(dtype)
    masks[0, 0, 0, 0] = value
    return masks


@pytest.mark.parametrize(("masks", "classes", "words"), [
    (with_value(3), 3, "hold 3; with 3 classes they are numbered from 0 .background. to 2"),
    (with_value(-1), 3, "hold -1"),
    (with_value(254), 3, "hold 254"),
    (with_value(0.5), 3, r"fractions such as 0.5.*np.argmax"),
    (with_value(np.nan), 3, "1 values that are NaN"),
    (with_value(np.inf), 3, "NaN or infinite"),
    (CHANCES, 3, "should be one-hot.*np.argmax"),
    (np.ones((2, 4, 4, 3), np.uint8), 3, "should be one-hot"),
    (np.zeros((2, 4, 4, 3), np.uint8), 3, "should be one-hot"),
    (one_hot(MASKS, 3), 4, r"expected \[n, height, width, 1\].*one-hot \[n, height, width, 4\]"),
    (MASKS[0], 3, r"masks\[None\]"),
    (MASKS[0, ..., 0], 3, "shape"),
    (MASKS.astype(str), 3, "hold text.*expected numbers"),
    (MASKS, 1, "classes is 1"),
    (MASKS, True, "classes is True"),
    (MASKS, 2.5, "classes is 2.5"),
    (MASKS, 256, "classes is 256"),
])
def test_masks_that_are_no_classes_are_refused_in_words(masks, classes, words):
    with pytest.raises(ValueError, match=words):
        check_classes(masks, classes)


def test_unmarked_pixels_are_zero_in_every_channel():
    masks = MASKS.copy()
    masks[0, 3, 5] = IGNORE
    assert check_classes(masks, 3)[0, 3, 5, 0] == IGNORE
    assert one_hot(masks, 3)[0, 3, 5].tolist() == [0, 0, 0] and one_hot(masks, 3).sum() == masks.size - 1


def test_the_most_probable_class_is_whole_and_of_equals_the_first():
    assert np.array_equal(most_probable(CHANCES)[..., 0], CHANCES.argmax(-1))
    assert most_probable(np.full((1, 2, 2, 3), 1 / 3, np.float32)).max() == 0


@pytest.mark.parametrize("wrong", [CHANCES[..., :1], CHANCES[0], CHANCES * 2, np.where(CHANCES > 0.9, np.nan, CHANCES), MASKS])
def test_what_is_no_probability_has_no_most_probable_class(wrong):
    with pytest.raises(ValueError, match="probabilities"):
        most_probable(wrong)


# --- scenes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("draw", "make"), [(draw_classes, make_classes), (draw_instances, make_instances)])
def test_streams_of_classes_and_instances_are_those_of_the_sets(draw, make):
    images, masks = make(5, SMALL, 7)
    plain = make_dataset(5, SMALL, 7)[0]
    stream = stream_scenes(SMALL, 7, draw)
    for i in range(5):
        image, mask = next(stream)
        assert np.array_equal(image, images[i]) and np.array_equal(image, plain[i])
        assert np.array_equal(mask, masks[i]) and mask.dtype == masks.dtype
    numbered = draw_numbered(SMALL, 3, [4, 1], draw)
    assert np.array_equal(numbered[0], draw_numbered(SMALL, 3, [4, 1])[0]) and numbered[1].dtype == masks.dtype
    assert np.array_equal(numbered[1][1], next(stream_scenes(SMALL, [3, 1], draw))[1])


# --- losses -----------------------------------------------------------------------------------------------------------


def plain_cross_entropy(masks, chances, weights):
    """The definition, pixel by pixel."""
    losses = []
    for mask, chance, weight in zip(masks[..., 0], chances, weights[..., 0]):
        total = norm = 0.0
        for y, x in np.ndindex(mask.shape):
            if mask[y, x] != IGNORE:
                total -= weight[y, x] * np.log(chance[y, x, mask[y, x]])
                norm += weight[y, x]
        losses.append(total / norm)
    return np.array(losses)


def test_cross_entropy_is_its_definition_with_weights_and_unmarked_pixels():
    masks = np.where(RNG.random(MASKS.shape) < 0.2, IGNORE, MASKS).astype(np.uint8)
    weights = RNG.random(MASKS.shape).astype(np.float32)
    ours = class_cross_entropy(masks, CHANCES, weights).numpy()
    assert np.allclose(ours, plain_cross_entropy(masks, np.maximum(CHANCES, 1e-7), weights), atol=1e-4)


def test_losses_agree_with_keras_and_with_those_of_one_class():
    ones = np.ones(MASKS.shape, np.float32)
    keras_own = keras.losses.sparse_categorical_crossentropy(MASKS[..., 0], CHANCES).numpy().mean(axis=(1, 2))
    assert np.allclose(class_cross_entropy(MASKS, CHANCES, ones), keras_own, atol=1e-4)
    binary, chance = (MASKS > 0).astype(np.uint8), CHANCES[..., :1]
    assert np.allclose(class_cross_entropy(binary, chance, ones), bce_loss(binary, chance), atol=1e-4)
    assert np.allclose(class_dice_loss(binary, chance), dice_loss(binary, chance), atol=1e-5)


def test_whole_numbers_and_one_hot_give_the_same_loss():
    masks = np.where(RNG.random(MASKS.shape) < 0.2, IGNORE, MASKS).astype(np.uint8)
    loss = ClassLoss((1, 2, 3))
    assert np.isclose(loss(masks, CHANCES), loss(one_hot(masks, 3), CHANCES), atol=1e-6)


def test_what_is_predicted_where_nobody_marked_changes_nothing():
    masks, other = MASKS.copy(), CHANCES.copy()
    masks[:, :8] = IGNORE
    other[:, :8] = (0.9, 0.05, 0.05)
    for value in (ClassLoss((1, 5, 2)), class_dice_loss):
        assert np.allclose(value(masks, CHANCES), value(masks, other), atol=1e-6)
        assert not np.allclose(value(MASKS, CHANCES), value(MASKS, other), atol=1e-3)
    nothing = np.full_like(masks, IGNORE)
    assert float(ClassLoss(dice=False)(nothing, CHANCES)) == 0


def test_class_weights_shift_the_loss_towards_heavy_classes():
    loss = ClassLoss((1, 1, 50), dice=False)
    good = one_hot(MASKS, 3) * 0.9 + 0.1 / 3
    bad_at_2 = np.where(MASKS == 2, [0.45, 0.45, 0.1], good)
    bad_at_1 = np.where(MASKS == 1, [0.45, 0.1, 0.45], good)
    assert float(loss(MASKS, bad_at_2)) > 5 * float(loss(MASKS, bad_at_1))


def test_weights_of_pixels_and_of_images_count_in_fit():
    """A pixel of weight 0 counts as little as one that nobody marked; an image of weight 0 not at all."""
    loss = ClassLoss(dice=False)
    weights = (RNG.random(MASKS.shape) < 0.5).astype(np.float32)
    unmarked = np.where(weights == 1, MASKS, IGNORE)
    for shape in (MASKS.shape, MASKS.shape[:3]):
        assert np.isclose(loss(MASKS, CHANCES, weights.reshape(shape)), loss(unmarked, CHANCES), atol=1e-6)
    alone = loss(MASKS, CHANCES, np.float32([0, 1, 0, 0]))
    assert np.isclose(4 * float(alone), float(loss(MASKS[1:2], CHANCES[1:2])), atol=1e-5)
    model = keras.Sequential([keras.Input((16, 24, 3)), keras.layers.Activation("linear")])
    model.compile(loss=loss)
    told = model.evaluate(CHANCES, MASKS, sample_weight=weights, verbose=0)
    assert np.isclose(told, float(loss(MASKS, CHANCES, weights)), atol=1e-5)


@pytest.mark.parametrize("weights", [(1, -1, 1), (1, np.nan, 1), (0, 0, 0), 3, "abc", (), (1, np.inf, 1)])
def test_weights_of_classes_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="weights are"):
        ClassLoss(weights)


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="2 weights and 3 classes"):
        ClassLoss((1, 2))(MASKS, CHANCES)
    for wrong in (np.ones((4, 8, 24, 1)), np.ones((4, 16)), np.ones((4, 16, 24, 2))):
        with pytest.raises(ValueError, match="weights have the shape"):
            ClassLoss()(MASKS, CHANCES, wrong.astype(np.float32))
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="negative, NaN or infinite"):
            ClassLoss()(MASKS, CHANCES, np.full(MASKS.shape, wrong, np.float32))


def test_probabilities_for_fewer_classes_than_the_masks_hold():
    two = CHANCES[..., :2]
    with pytest.raises(ValueError, match="holds the class 2, and y_pred has probabilities for 2 classes"):
        as_targets(MASKS, two)
    inside = tf.function(lambda a, b: ClassLoss()(a, b))(tf.constant(MASKS), tf.constant(two))
    assert np.isnan(float(inside)), "inside a compiled function nothing can be raised; NaN is the stated rule"


def test_shapes_that_do_not_fit_are_refused():
    for y_true, y_pred in ((MASKS[..., 0], CHANCES), (MASKS[:2], CHANCES), (one_hot(MASKS, 3), CHANCES[..., :2]), (MASKS[:, :8], CHANCES)):
        with pytest.raises(ValueError, match="expected \\[n, height, width, 1\\]"):
            ClassLoss()(y_true, y_pred)


def test_the_loss_comes_back_from_its_settings():
    loss = ClassLoss((1, 2, 3), dice=False)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert np.isclose(float(again(MASKS, CHANCES)), float(loss(MASKS, CHANCES)))


def test_balanced_weights_make_classes_weigh_alike():
    masks = np.zeros((1, 10, 10, 1), np.uint8)
    masks[0, 0, :5], masks[0, 1, 0], masks[0, 9] = 1, 2, IGNORE
    weights = balanced_weights(masks, 4)
    counts = np.array([84, 5, 1])
    assert np.allclose(weights[:3] * counts, weights[0] * 84) and weights[3] == 0 and np.isclose(weights.mean(), 1)


@pytest.mark.parametrize("true_type", ["uint8", "int32", "float16", "bfloat16", "float64"])
@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float64"])
def test_loss_and_score_of_classes_take_every_type_of_number(kind, true_type):
    """They calculate with 32 bits, so that only the rounding of what is given to them remains."""
    given, masks = tf.cast(CHANCES, kind), tf.cast(MASKS, true_type)
    rounded = tf.cast(given, "float32")
    for weights in (None, (1, 1, 3)):
        loss = ClassLoss(weights)(masks, given)
        assert loss.dtype == tf.float32 and float(loss) == float(ClassLoss(weights)(MASKS, rounded))
    scores = []
    for pair in ((masks, given), (MASKS, rounded)):
        score = ClassDice()
        score.update_state(*pair)
        scores.append(score.result())
    assert scores[0].dtype == tf.float32 and float(scores[0]) == float(scores[1])
    by_hand = dice_per_class(MASKS, most_probable(rounded.numpy()), 3)[:, 1:].mean()
    assert float(scores[0]) == pytest.approx(by_hand, abs=1e-6)
    with tf.GradientTape() as tape:
        tape.watch(given)
        loss = ClassLoss()(masks, given)
    assert np.isfinite(tf.cast(tape.gradient(loss, given), "float32").numpy()).all()


# --- scores -----------------------------------------------------------------------------------------------------------


def test_dice_of_each_class_is_the_one_dice_of_the_course():
    other = RNG.integers(0, 3, MASKS.shape)
    dice = dice_per_class(MASKS, other, 3)
    assert dice.shape == (4, 3)
    for k in range(3):
        assert np.array_equal(dice[:, k], dice_per_image(MASKS == k, other == k))


def test_the_metric_agrees_with_the_score_and_leaves_unmarked_pixels_out():
    masks = np.where(RNG.random(MASKS.shape) < 0.3, IGNORE, MASKS).astype(np.uint8)
    dice = dice_per_class(masks, most_probable(CHANCES), 3)
    for only, expected in ((None, dice[:, 1:].mean()), (2, dice[:, 2].mean()), (0, dice[:, 0].mean())):
        metric = ClassDice(only)
        metric.update_state(masks[:3], CHANCES[:3])
        metric.update_state(masks[3:], CHANCES[3:])
        assert np.isclose(float(metric.result()), expected, atol=1e-6)
    changed = np.where(masks == IGNORE, 1, most_probable(CHANCES))
    assert np.array_equal(dice_per_class(masks, changed, 3), dice)


def test_a_class_that_neither_holds_scores_one():
    empty = np.zeros((2, 4, 4, 1), np.uint8)
    assert dice_per_class(empty, empty, 3).tolist() == [[1, 1, 1]] * 2


def test_the_confusion_matrix_counts_every_marked_pixel_once():
    masks = np.where(RNG.random(MASKS.shape) < 0.3, IGNORE, MASKS).astype(np.uint8)
    other = RNG.integers(0, 3, MASKS.shape).astype(np.uint8)
    matrix = confusion(masks, other, 3)
    assert matrix.sum() == (masks != IGNORE).sum()
    for i in range(3):
        for j in range(3):
            assert matrix[i, j] == ((masks == i) & (other == j)).sum()
    from sklearn.metrics import confusion_matrix

    marked = masks != IGNORE
    assert np.array_equal(matrix, confusion_matrix(masks[marked], other[marked]))


@pytest.mark.parametrize("score", [dice_per_class, confusion])
def test_scores_refuse_what_cannot_be_compared(score):
    with pytest.raises(ValueError, match="y_pred should be one-hot|y_pred have 3 channels"):
        score(MASKS, CHANCES, 3)
    with pytest.raises(ValueError, match="compare the same pictures"):
        score(MASKS, MASKS[:2], 3)
    with pytest.raises(ValueError, match="y_pred holds 255"):
        score(MASKS, np.full_like(MASKS, IGNORE), 3)
    with pytest.raises(ValueError, match="y_true hold 2"):
        score(MASKS, MASKS, 2)


def test_scores_of_one_class_name_those_of_several():
    with pytest.raises(ValueError, match="helpers.classes"):
        dice_per_image(MASKS, MASKS)


# --- baselines --------------------------------------------------------------------------------------------------------


def test_vesselness_sees_bright_lines_and_no_dark_ones():
    image = np.full((1, 48, 48, 1), 0.5, np.float32)
    image[0, 20:23, :, 0], image[0, :, 36:39, 0] = 0.9, 0.1
    image += RNG.normal(0, 0.01, image.shape).astype(np.float32)  # along a perfect line the filter divides 0 by 0
    image = np.clip(image, 0, 1)
    seen = vesselness(image)[0, ..., 0]
    assert seen.dtype == np.float32 and 0 <= seen.min() and seen.max() <= 1
    assert seen[21, 5:30].min() > 0.4 and seen[5:12, 37].max() < 0.05 and seen[40, 5:25].max() < 0.05


def test_the_ladder_finds_most_vessels_and_lesions_of_the_default_scene():
    images, masks = make_classes(40, seed=11)
    dice = dice_per_class(masks, ladder_of_filters(images, line=0.2), 3).mean(axis=0)
    assert 0.6 < dice[1] < 0.85 and 0.7 < dice[2] < 0.9


def test_multi_otsu_numbers_classes_from_dark_to_bright():
    truth = np.arange(3).repeat(64).reshape(1, 12, 16, 1)
    images = np.clip(truth * 0.4 + 0.1 + RNG.normal(0, 0.03, truth.shape), 0, 1).astype(np.float32)
    assert np.array_equal(multi_otsu(images, 3), truth)
    assert not multi_otsu(np.full((1, 8, 8, 1), 0.5, np.float32), 3).any(), "one gray level alone is all 0"


# --- the rest of the course -------------------------------------------------------------------------------------------


def tiny(classes=3):
    keras.utils.set_random_seed(0)
    return build_unet((None, None, 1), depth=2, filters=4, classes=classes)


@pytest.mark.parametrize("form", ["numbers", "one-hot"])
def test_train_unet_learns_classes_from_whole_numbers_and_one_hot(tmp_path, form):
    images, masks = some_classes(12)
    masks = masks if form == "numbers" else one_hot(masks, 3)
    model = tiny()
    before = float(ClassLoss()(masks, predict(model, images)))
    history = train_unet(model, (images, masks), (images, masks), tmp_path / "run", epochs=4, peak_rate=1e-2, warmup=2)
    assert float(ClassLoss()(masks, predict(model, images))) < 0.9 * before
    assert {"val_dice", "val_loss"} <= set(history.history) and np.isfinite(history.history["val_dice"]).all()
    again = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert np.allclose(predict(again, images), predict(model, images))


def test_train_unet_refuses_classes_that_do_not_fit_the_network(tmp_path):
    images, masks = some_classes(4)
    with pytest.raises(ValueError, match="hold 2; with 2 classes"):
        train_unet(tiny(2), (images, masks), (images, masks), tmp_path / "a", epochs=1)
    with pytest.raises(ValueError, match="helpers.classes"):
        train_unet(tiny(1), (images, masks), (images, masks), tmp_path / "b", epochs=1)
    batches = tf.data.Dataset.from_tensor_slices((images, masks + 1)).batch(2)
    with pytest.raises(ValueError, match="training dataset: masks hold 3"):
        train_unet(tiny(3), batches, (images, masks), tmp_path / "c", epochs=1)
    with pytest.raises(ValueError, match="weighted_batches"):
        train_unet(tiny(3), (images, masks, images), (images, masks), tmp_path / "d", epochs=1)
    with pytest.raises(ValueError, match="expected a pair"):
        train_unet(tiny(3), images, (images, masks), tmp_path / "e", epochs=1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("classes", [1, 3])
def test_weights_of_pixels_travel_through_train_unet(tmp_path, classes):
    """Where the weight is 0 the masks are nonsense; a network that heeds the weights does not learn it."""
    images, masks = some_classes(16)
    masks = masks if classes == 3 else (masks == 1).astype(np.uint8)
    spoiled, weights = masks.copy(), np.ones(masks.shape, np.float32)
    spoiled[:, :, 16:], weights[:, :, 16:] = 1, 0
    batches = weighted_batches(images, spoiled, weights, epochs=6, augmented=False, classes=classes)
    model = tiny(classes)
    model.compile(keras.optimizers.Adam(1e-2), loss=ClassLoss(dice=False), metrics=[ClassDice()])
    train_unet(model, batches, (images, masks), tmp_path / "run", epochs=6, steps=4)
    chance = predict(model, images)[..., -1] if classes == 1 else predict(model, images)[..., 1]
    assert chance[:, :, 16:].mean() < 0.5, "the nonsense was learned"


def test_a_run_with_weights_of_pixels_and_classes_resumes_as_if_it_had_not_stopped(tmp_path):
    images, masks = some_classes(8)
    weights = np.random.default_rng(0).random(masks.shape, np.float32)
    settings = {"validation": (images, masks), "epochs": 3, "steps": 2, "verbose": 0}

    def train(folder, model, **more):
        batches = weighted_batches(images, masks, weights, epochs=3, classes=3)
        return train_unet(model, batches, run_dir=tmp_path / folder, **settings, **more)

    whole, resumed = LastWeights(), LastWeights()
    train("whole", tiny(), callbacks=[whole])
    with pytest.raises(KeyboardInterrupt):
        train("halved", tiny(), callbacks=[PullThePlug(2)])
    assert len(train("halved", tiny(), resume=True, callbacks=[resumed]).epoch) == 3
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(whole.weights, resumed.weights))


def test_weights_move_with_their_pictures():
    images, masks = some_classes(6)
    weights = images * 3
    for pictures, numbers, weight in weighted_batches(images, masks, weights, epochs=2, classes=3):
        assert np.allclose(weight, 3 * pictures, atol=1e-5) and numbers.dtype == tf.uint8
    for wrong, words in (
        (-weights, "negative"), (weights * np.nan, "NaN"), (weights[..., 0], "shape"), (0 * weights, "all weights are 0"),
        (weights.astype(str), "weights are <U"), (None, "weights are object"),
    ):
        with pytest.raises(ValueError, match=words):
            weighted_batches(images, masks, wrong, classes=3)
    for settings in ({"batch_size": 0}, {"epochs": 0}):
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            weighted_batches(images, masks, weights, classes=3, **settings)


def test_a_score_of_one_class_needs_a_class_that_there_is():
    for wrong in (-1, 1.5, True, "vessel"):
        with pytest.raises(ValueError, match="expected the number of a class"):
            ClassDice(only=wrong)
    images, masks = some_classes(2)
    with pytest.raises(ValueError, match="only is 3, and there are 3 classes"):
        ClassDice(only=3).update_state(masks, one_hot(masks, 3))


@pytest.mark.parametrize("classes", [1, 0, -2, 2.5, True, 6, 300])
def test_otsu_refuses_numbers_of_classes_that_would_crash_or_never_end(classes):
    with pytest.raises(ValueError, match="a whole number of classes, 2 to 5"):
        multi_otsu(some_classes(1)[0], classes)


@pytest.mark.parametrize(("weights", "words"), [
    (np.full((4, 32, 32, 1), -1.0), "negative, NaN or infinite"), (np.full((4, 32, 32, 1), np.nan), "negative, NaN or infinite"),
    (np.ones((4, 16, 32, 1)), "one weight for each pixel"), (np.ones((4, 32)), "one weight for each pixel"),
])
def test_weights_in_a_dataset_are_checked(tmp_path, weights, words):
    images, masks = some_classes(4)
    batches = tf.data.Dataset.from_tensor_slices((images, masks, weights.astype(np.float32))).batch(4)
    with pytest.raises(ValueError, match=words):
        train_unet(tiny(3), batches, (images, masks), tmp_path / "run", epochs=1)


def test_tiles_of_classes_are_the_result_of_one_pass():
    model = tiny()
    image = make_classes(1, CircleScene(size=150), 3)[0][0]
    whole = predict(model, image[None])[0]
    assert np.allclose(predict_tiled(model, image, tile=64), whole, atol=1e-5)
    assert predict_tiled(model, image[..., 0]).shape == (150, 150, 3) and predict_tiled(model, image[None]).shape == (1, 150, 150, 3)
    out = np.empty((150, 150, 3), np.float32)
    assert predict_tiled(model, image, tile=64, out=out) is out and np.allclose(out, whole, atol=1e-5)
    with pytest.raises(ValueError, match=r"expected float32 \(150, 150, 3\)"):
        predict_tiled(model, image, out=np.empty((150, 150), np.float32))


def test_a_saved_network_keeps_its_classes(tmp_path):
    model = tiny()
    path = save_network(tmp_path / "a.keras", model, None, 0.5, {}, {}, settings={"classes": ["background", "lesion", "vessel"]})
    kept = load_kept(path)
    images = some_classes(2)[0]
    assert kept.settings["classes"] == ["background", "lesion", "vessel"]
    assert np.allclose(predict(kept.model, images), predict(model, images))


def test_the_panel_shows_what_predict_and_the_scores_say():
    from helpers import panels

    model = tiny()
    scene = CircleScene(48, 3, radius=(5, 15), contrast=0.4, noise=0.1, vessels=2)
    image, truth = panels.draw_steady_classes(scene, 7)
    found = most_probable(predict(model, image[None]))
    dice = dice_per_class(truth[None], found, 3)[0]
    facts = panels.balance(model, circles=3, vessels=2, seed=7, size=48).facts
    assert facts["Dice of lesions"] == f"{dice[1]:.2f}" and facts["called vessel"] == f"{(found == 2).sum()} px"
    favored = panels.balance(model, circles=3, vessels=2, seed=7, size=48, favor=20.0).facts
    assert int(favored["called vessel"].split()[0]) > (found == 2).sum()
    panel = panels.balance_panel(model, size=48)
    panel.favor = 5.0
    assert panel.answer["message"] == "" and set(panel.settings) == {"circles", "vessels", "noise", "contrast", "favor", "seed"}
    with pytest.raises(ValueError, match="has 1 classes; this panel shows three"):
        panels.balance(tiny(1))


def test_the_doctor_says_that_it_looks_at_one_class_at_a_time():
    images, masks = some_classes(8)
    for given in ({"model": tiny()}, {"y_pred": predict(tiny(), images)}):
        found = diagnose(images, masks, **given)
        assert found.causes == ["several_classes"] and "masks == 1" in found[0].advice
    assert "images_0_255" in diagnose(images * 255, masks, y_pred=predict(tiny(), images)).causes
    assert "several_classes" not in diagnose(images, masks, y_pred=predict(tiny(1), images)).causes
    assert "several_classes" not in diagnose(images, masks == 1, y_pred=predict(tiny(), images)[..., 1:2]).causes


def test_pairs_of_files_keep_their_classes(tmp_path):
    images, masks = some_classes(4)
    masks[0, :4] = IGNORE
    for i in range(4):
        (tmp_path / "a").mkdir(exist_ok=True)
        save_mask((images[i] * 255).round().astype(int) + 1000, tmp_path / "a" / f"{i}.png")
        save_mask(masks[i].astype(int), tmp_path / "b" / f"{i}.png")
    pairs = load_pairs(tmp_path / "a", tmp_path / "b", classes=3)
    assert np.array_equal(pairs.masks, masks) and "unmarked" in pairs.records[0].mask
    with pytest.raises(PictureError, match="hold 2; with 2 classes"):
        load_pairs(tmp_path / "a", tmp_path / "b", classes=2)
    with pytest.raises(PictureError, match="classes= keeps all classes"):
        load_pairs(tmp_path / "a", tmp_path / "b", classes=3, fill=True)


def test_a_folder_is_predicted_with_one_foreground_only(tmp_path):
    path = save_network(tmp_path / "a.keras", tiny(), None, 0.5, {}, {})
    with pytest.raises(PictureError, match="knows 3 classes"):
        predict_folder(path, tmp_path, tmp_path / "out")
