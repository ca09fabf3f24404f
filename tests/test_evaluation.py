"""What a student relies on in notebook 04: scores that mean what they say, on awkward masks too."""

import cv2
import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from helpers.arrays import check_images, check_masks, check_pair
from helpers.evaluation import (
    best_threshold,
    bootstrap_interval,
    boundary_error,
    dice_by_threshold,
    dice_per_image,
    empty_baseline,
    error_by,
    hough_baseline,
    iou_per_image,
    lesion_table,
    otsu_baseline,
    pixel_accuracy,
    pooled_dice,
    reliability,
)
from helpers.synthesis import CircleScene, disc_pixels, make_dataset


def masks_of(*rows):
    return np.array(rows, np.uint8)[:, None, :, None]


def test_dice_and_iou_by_hand():
    y_true = masks_of([1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0])
    y_pred = masks_of([1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0])
    np.testing.assert_allclose(dice_per_image(y_true, y_pred), [0.5, 1, 1, 0, 0])
    np.testing.assert_allclose(iou_per_image(y_true, y_pred), [1 / 3, 1, 1, 0, 0])
    assert pooled_dice(y_true, y_pred) == pytest.approx(2 * 5 / (7 + 7))


def test_scores_equal_scikit_learn_image_by_image():
    rng = np.random.default_rng(0)
    y_true, y_pred = (rng.random((2, 20, 16, 16, 1)) < 0.3).astype(np.uint8)
    np.testing.assert_allclose(dice_per_image(y_true, y_pred), [f1_score(t.ravel(), p.ravel()) for t, p in zip(y_true, y_pred)])
    np.testing.assert_allclose(iou_per_image(y_true, y_pred), [jaccard_score(t.ravel(), p.ravel()) for t, p in zip(y_true, y_pred)])


def test_large_uint8_masks_do_not_overflow():
    ones = np.ones((2, 600, 600, 1), np.uint8)
    np.testing.assert_array_equal(dice_per_image(ones, ones), [1, 1])


def test_bool_float_and_three_axes_are_understood():
    y_true, y_pred = masks_of([1, 1, 0, 0]), masks_of([1, 0, 0, 0])
    expected = dice_per_image(y_true, y_pred)
    for convert in (lambda m: m.astype(bool), lambda m: m.astype(np.float32), lambda m: m[..., 0], lambda m: m.astype(np.int64)):
        np.testing.assert_allclose(dice_per_image(convert(y_true), convert(y_pred)), expected)


@pytest.mark.parametrize(("y_true", "y_pred", "words"), [
    (masks_of([255, 0]), masks_of([1, 0]), ["y_true", "0..255", "Divide by 255 or compare with > 127"]),
    (masks_of([1, 0]), np.full((1, 1, 2, 1), 0.37), ["y_pred", "0.37", "threshold"]),
    (masks_of([1, 0]), masks_of([1, 0, 0]), ["(1, 1, 2, 1)", "(1, 1, 3, 1)"]),
    (np.zeros((4, 4)), np.zeros((4, 4)), ["(4, 4)", "[None, ..., None]"]),
    (np.zeros((1, 4, 4, 3)), np.zeros((1, 4, 4, 3)), ["(1, 4, 4, 3)", "one gray channel"]),
    (masks_of([2, 0]), masks_of([1, 0]), ["0..2", "foreground"]),
    (np.zeros((4, 5, 1)), np.zeros((4, 5, 1)), ["(4, 5, 1)", "one picture", "y_true[None]"]),
    (np.zeros((1, 4, 5, 1)), np.zeros((4, 5, 1)), ["(4, 5, 1)", "one picture", "y_pred[None]"]),
    (np.full((1, 2, 2, 1), np.nan), np.zeros((1, 2, 2, 1)), ["y_true"]),
])
def test_bad_masks_never_become_a_score(y_true, y_pred, words):
    for score in (dice_per_image, iou_per_image, pooled_dice, pixel_accuracy):
        with pytest.raises(ValueError) as caught:
            score(y_true, y_pred)
        assert all(word in str(caught.value) for word in words), str(caught.value)


def test_thresholds_one_by_one_give_the_same_dice():
    images, masks = make_dataset(12, seed=4)
    thresholds = np.linspace(0, 1, 31)
    slow = [dice_per_image(masks, (images >= t).astype(np.uint8)) for t in thresholds]
    np.testing.assert_allclose(dice_by_threshold(masks, images, thresholds), slow)
    best = best_threshold(masks, images, thresholds)
    assert best.dice == pytest.approx(np.mean(slow, axis=1).max())
    assert dice_per_image(masks, (images >= best.threshold).astype(np.uint8)).mean() == pytest.approx(best.dice)


def test_best_threshold_takes_the_middle_of_a_plateau():
    y_true = masks_of([1, 1, 0, 0])
    assert best_threshold(y_true, y_true.astype(np.float32)).threshold == pytest.approx(0.5)


def test_baselines_on_easy_pictures():
    scene = CircleScene(circles=2, radius=(8, 12), contrast=0.8, noise=0.02, illumination=0, vessels=0)
    images, masks = make_dataset(20, scene, seed=2)
    assert dice_per_image(masks, otsu_baseline(images)).mean() > 0.9
    assert dice_per_image(masks, hough_baseline(images, radius=(6, 14), strictness=14)).mean() > 0.6
    assert not empty_baseline(images).any()


def test_baselines_leave_the_images_alone_and_take_flat_pictures():
    images = np.full((2, 32, 32, 1), 0.5, np.float32)
    for baseline in (otsu_baseline, hough_baseline, empty_baseline):
        found = baseline(images)
        assert found.shape == images.shape and found.dtype == np.uint8 and (images == 0.5).all()


def test_all_background_has_a_very_good_accuracy():
    images, masks = make_dataset(100, seed=3)
    nothing = empty_baseline(images)
    assert pixel_accuracy(masks, nothing) > 0.85 and dice_per_image(masks, nothing).mean() < 0.25


def test_error_by_groups_and_refuses():
    rows = error_by([1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 1, 1, 1, 1], bins=2)
    assert [(r.low, r.high, r.count, r.mean) for r in rows] == [(1, 4, 4, 0), (5, 8, 4, 1)]
    assert sum(r.count for r in error_by([3] * 7, range(7), bins=3)) == 7
    for values, scores, words in ([[1, 2], [1], "2 values and 1 scores"], [[1], [1, 2], "1 values and 2 scores"],
                                  [[1], [1], "cannot fill"], [[1, np.nan], [1, 1], "NaN"]):
        with pytest.raises(ValueError, match=words):
            error_by(values, scores, bins=2)


def test_lesions_are_measured():
    images, masks = np.full((2, 64, 64, 1), 0.2, np.float32), np.zeros((2, 64, 64, 1), np.uint8)
    masks[1, 10:20, 10:20] = 1
    images[1, 10:20, 10:20] = 0.7
    found = masks.copy()
    found[1, 10:15] = 0
    (row,) = lesion_table(images, masks, found)
    assert row.picture == 1 and row.found == 0.5
    assert row.radius == pytest.approx(np.sqrt(100 / np.pi)) and row.contrast == pytest.approx(0.5, abs=1e-6)


def test_boundary_error_tells_near_from_away():
    y_true = np.zeros((1, 40, 40, 1), np.uint8)
    y_true[0, 10:30, 10:30] = 1
    wider, holed = y_true.copy(), y_true.copy()
    wider[0, 9:31, 9:31] = 1
    holed[0, 18:22, 18:22] = 0
    near, away = boundary_error(y_true, wider)
    assert near > 0.2 and away == 0
    near, away = boundary_error(y_true, holed)
    assert near == 0 and away > 0


def test_reliability_of_a_calibrated_forecast():
    rng = np.random.default_rng(0)
    scores = rng.random((4, 100, 100, 1))
    y_true = (rng.random(scores.shape) < scores).astype(np.uint8)
    for claimed, found, count in reliability(y_true, scores):
        assert abs(claimed - found) < 0.03 and count > 3000


def test_bootstrap_interval_covers_and_repeats():
    rng = np.random.default_rng(0)
    inside = 0
    for i in range(100):
        low, high = bootstrap_interval(rng.normal(0.7, 0.1, 50), repeats=300, seed=i)
        inside += low <= 0.7 <= high
    assert 85 <= inside <= 99
    scores = rng.random(30)
    assert bootstrap_interval(scores, seed=3) == bootstrap_interval(scores, seed=3) != bootstrap_interval(scores, seed=4)
    assert bootstrap_interval([0.5], seed=0) == (0.5, 0.5)


@pytest.mark.parametrize(("scores", "level", "words"), [([], 0.95, "no scores"), ([1, np.nan], 0.95, "NaN"), ([1, 0], 95, "0.95")])
def test_bootstrap_refuses(scores, level, words):
    with pytest.raises(ValueError, match=words):
        bootstrap_interval(scores, level=level)


def test_one_picture_is_never_taken_for_many():
    images, masks = make_dataset(1, seed=1)
    one, its_mask = images[0], masks[0]
    calls = [
        lambda: dice_per_image(its_mask, its_mask), lambda: iou_per_image(its_mask, its_mask),
        lambda: pooled_dice(its_mask, its_mask), lambda: pixel_accuracy(its_mask, its_mask),
        lambda: dice_by_threshold(its_mask, one, [0.5]), lambda: best_threshold(its_mask, one),
        lambda: empty_baseline(one), lambda: otsu_baseline(one), lambda: hough_baseline(one),
        lambda: lesion_table(one, its_mask, its_mask), lambda: boundary_error(its_mask, its_mask),
        lambda: reliability(its_mask, one),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"one picture \[height, width, 1\].*\[None\]"):
            call()


def test_arrays_of_different_pictures_are_refused_in_words():
    images, masks = make_dataset(3, CircleScene(size=32, radius=4), seed=1)
    with pytest.raises(ValueError, match="2 images and 3 masks"):
        lesion_table(images[:2], masks, masks)
    for call in (lambda: reliability(masks, images[:2]), lambda: dice_by_threshold(masks, images[:2], [0.5])):
        with pytest.raises(ValueError, match=r"y_true has the shape \(3, 32, 32, 1\) and scores \(2, 32, 32, 1\)"):
            call()


@pytest.mark.parametrize(("low", "high", "remedy"), [
    (0, 1.0000001, "np.clip"), (-1e-7, 1, "np.clip"), (0, 255, "Divide by 255"), (0, 7, "Divide by 255"),
    (0, 1.2, "Rescale"), (-1, 1, "Rescale"), (0, 4095, "Rescale"),
])
def test_the_remedy_fits_the_range(low, high, remedy):
    with pytest.raises(ValueError, match=remedy):
        otsu_baseline(np.array([low, high], np.float64).reshape(1, 1, 2, 1))


def test_both_ends_of_the_bootstrap_interval():
    scores = np.random.default_rng(1).random(40)
    rng = np.random.default_rng(5)
    means = [rng.choice(scores, 40).mean() for _ in range(2000)]
    low, high = bootstrap_interval(scores, seed=5)
    assert low == pytest.approx(np.quantile(means, 0.025)) and high == pytest.approx(np.quantile(means, 0.975))
    low, high = bootstrap_interval(scores, level=0.5, seed=5)
    assert low == pytest.approx(np.quantile(means, 0.25)) and high == pytest.approx(np.quantile(means, 0.75))


def test_the_bins_of_reliability_are_equally_wide_and_the_last_holds_1():
    scores = np.array([0.0, 0.2, 0.25, 0.3, 0.5, 0.99, 1.0]).reshape(1, 1, 7, 1)
    y_true = np.array([0, 1, 0, 1, 1, 1, 0], np.uint8).reshape(1, 1, 7, 1)
    rows = reliability(y_true, scores, bins=4)
    np.testing.assert_allclose(rows, [(0.1, 0.5, 2), (0.275, 0.5, 2), (0.5, 1, 1), (0.995, 0.5, 2)])
    rows = reliability(y_true, scores)
    np.testing.assert_allclose(rows, [(0, 0, 1), (0.225, 0.5, 2), (0.3, 1, 1), (0.5, 1, 1), (0.995, 0.5, 2)])


def test_near_an_outline_means_so_many_pixels_on_either_side():
    y_true = np.zeros((1, 40, 40, 1), np.uint8)
    y_true[0, 10:30, 10:30] = 1
    # columns inside: 10 and 11 are near for width 2, 12 is not; outside: 9 and 8 are, 7 is not
    for width, nearby in ((1, (9, 10)), (2, (8, 9, 10, 11)), (3, (7, 8, 9, 10, 11, 12))):
        for place in range(5, 16):
            for at in ((20, place), (place, 20), (20, 39 - place), (39 - place, 20)):  # all four sides
                y_pred = y_true.copy()
                y_pred[(0, *at)] ^= 1
                near, away = boundary_error(y_true, y_pred, width)
                assert (near > 0, away > 0) == (place in nearby, place not in nearby), (width, at)
    y_pred = y_true.copy()
    y_pred[0, 20, 8] ^= 1
    assert boundary_error(y_true, y_pred) == boundary_error(y_true, y_pred, width=2)
    assert boundary_error(y_true, 1 - y_true) == (1, 1)
    assert boundary_error(0 * y_true, 0 * y_true) == (0, 0)


def test_contrast_is_measured_against_a_ring_of_three_pixels_without_other_lesions():
    masks = np.zeros((1, 64, 64, 1), np.uint8)
    masks[0, 20:30, 20:30] = 1
    images = np.full(masks.shape, 0.25, np.float32)
    images[masks == 1] = 0.75

    def contrast():
        return lesion_table(images, masks, masks)[0].contrast

    assert contrast() == pytest.approx(0.5)
    for place, counts in ((19, True), (17, True), (16, False), (30, True), (32, True), (33, False)):
        for at in ((0, 25, place), (0, place, 25)):
            images[at] = 1
            assert (contrast() < 0.499) == counts, at
            images[at] = 0.25
    masks[0, 24:26, 32:34] = 1  # another lesion within the ring: its pixels are not surroundings
    images[masks == 1] = 0.75
    assert contrast() == pytest.approx(0.5)
    assert lesion_table(images, 0 * masks, masks) == []
    assert lesion_table(images, masks | 1, masks)[0].contrast == 0


def test_groups_have_equal_counts_and_intervals_of_their_own():
    values, scores = np.arange(12), np.random.default_rng(0).random(12)
    rows = error_by(values, scores, bins=3, seed=4)
    assert [(r.low, r.high, r.count) for r in rows] == [(0, 3, 4), (4, 7, 4), (8, 11, 4)]
    for g, row in enumerate(rows):
        inside = scores[4 * g : 4 * g + 4]
        assert row.mean == pytest.approx(inside.mean()) and row.interval == bootstrap_interval(inside, seed=4)
    assert sum(row.count for row in error_by(range(300), range(300))) == 300
    assert len(error_by(values, scores)) == 4 and len(error_by(values[:4], scores[:4])) == 4


def test_hough_draws_what_it_found_round_and_in_place():
    mask = np.zeros((64, 64), np.uint8)
    square, inside = disc_pixels(64, 64, 30.5, 33, 10)
    mask[square][inside] = 1
    found = hough_baseline((mask * 0.8 + 0.1).astype(np.float32)[None, ..., None], strictness=10)[0, ..., 0]
    assert 2 * (mask & found).sum() / (mask.sum() + found.sum()) > 0.9
    assert not hough_baseline((mask * 0.8 + 0.1).astype(np.float32)[None, ..., None], radius=(14, 20), strictness=18).any()


def test_the_smallest_masks_score_right():
    one, none = masks_of([1, 0, 0]), masks_of([0, 0, 0])
    assert iou_per_image(one, one) == dice_per_image(one, one) == 1
    assert pooled_dice(none, none) == 1 and pooled_dice(one, none) == 0 and pooled_dice(one, one) == 1
    assert pixel_accuracy(masks_of([1, 1, 0, 0]), masks_of([1, 0, 0, 0])) == 0.75


def test_thresholds_are_tried_in_hundredths_from_0_to_1_and_both_ends_count():
    y_true = masks_of([1, 1, 0, 0])
    for right, wrong, expected in ((0.365, 0.355, 0.36), (1.0, 0.995, 1.0), (0.995, 0.985, 0.99), (0.015, 0.005, 0.01)):
        scores = np.where(y_true == 1, right, wrong)
        assert best_threshold(y_true, scores) == (pytest.approx(expected), 1)
    assert best_threshold(masks_of([1, 1]), np.zeros((1, 1, 2, 1))) == (0, 1)
    # 0.45 and 0.55 are as good, and so is all between: 0.5. Of 0.2 and 0.6 alone, 0.6 lies nearer to 0.5.
    assert best_threshold(y_true, np.where(y_true == 1, 0.55, 0.45)).threshold == pytest.approx(0.5)
    assert best_threshold(y_true, np.where(y_true == 1, 0.7, 0.1), [0.2, 0.6]).threshold == 0.6
    np.testing.assert_array_equal(dice_by_threshold(masks_of([0, 0]), np.full((1, 1, 2, 1), 0.5), [0.5, 0.6]), [[0], [1]])


@pytest.mark.parametrize("thresholds", [[], [0.5, 0.5], [0.6, 0.5], [[0.1, 0.2]], 0.5])
def test_thresholds_that_do_not_increase_are_refused(thresholds):
    with pytest.raises(ValueError, match="increasing numbers"):
        dice_by_threshold(masks_of([1, 0]), np.zeros((1, 1, 2, 1)), thresholds)


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.1])
def test_the_level_of_an_interval_lies_between_0_and_1(level):
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval([0.1, 0.9], level=level)


def test_the_hough_baseline_is_what_its_notebook_says():
    images, _ = make_dataset(6, seed=8)
    for options, strictness in (({}, 20), ({"strictness": 12}, 12)):
        expected = np.zeros(images.shape, np.uint8)
        for image, mask in zip(images, expected):
            gray = cv2.medianBlur(np.round(image[..., 0] * 255).astype(np.uint8), 5)
            circles = cv2.HoughCircles(gray, cv2.HOUGH_GRADIENT, 1, 5, param1=120, param2=strictness, minRadius=5, maxRadius=15)
            for x, y, r in [] if circles is None else circles[0].astype(float):
                rows, columns = np.ogrid[: gray.shape[0], : gray.shape[1]]
                mask[(columns - x) ** 2 + (rows - y) ** 2 <= r**2] = 1
        np.testing.assert_array_equal(hough_baseline(images, **options), expected)
        assert expected.any()


def test_the_otsu_baseline_is_what_opencv_finds_in_eight_bits():
    images, _ = make_dataset(3, seed=8)
    for image, mask in zip(images, otsu_baseline(images)):
        gray = np.round(image[..., 0] * 255).astype(np.uint8)
        level = cv2.threshold(gray, 0, 255, cv2.THRESH_OTSU)[0]
        np.testing.assert_array_equal(mask[..., 0], gray > level)


def test_no_pictures_are_arrays_too():
    nothing = np.zeros((0, 4, 4, 1))
    assert check_images(nothing).shape == check_masks(nothing).shape == (0, 4, 4, 1)
    assert check_masks(nothing.astype(np.uint8)).dtype == np.uint8 and len(dice_per_image(nothing, nothing)) == 0


@pytest.mark.parametrize(("masks", "words"), [
    (np.array([0, 255]), "Divide by 255 or compare with > 127"), (np.array([0, 254]), "which values are foreground"),
    (np.array([0, 3, 255]), "which values are foreground"), (np.array([0.0, 0.5]), "choose a threshold first"),
    (np.array([0.5, 1.0]), "choose a threshold first"), (np.array([-0.5, 1.0]), "which values are foreground"),
    (np.array([0.5, 2.0]), "which values are foreground"), (np.array([0, 2], np.uint8), "which values are foreground"),
])
def test_the_remedy_fits_the_mask(masks, words):
    with pytest.raises(ValueError, match=words):
        check_masks(masks.reshape(1, 1, -1, 1))


def test_images_are_described_as_they_are():
    with pytest.raises(ValueError, match="uint8.*float32"):
        check_images(np.zeros((1, 2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="hold 2 values that are NaN or infinite"):
        check_images(np.array([np.nan, np.inf, 0.5]).reshape(1, 1, 3, 1))
    assert check_images(np.zeros((2, 3, 4), np.float32)).shape == (2, 3, 4, 1)
    with pytest.raises(ValueError, match="3x4 pixels and masks 3x5"):
        check_pair(np.zeros((2, 3, 4, 1)), np.zeros((2, 3, 5, 1)))
    with pytest.raises(ValueError, match="2 images and 3 masks"):
        check_pair(np.zeros((2, 3, 4, 1)), np.zeros((3, 3, 4, 1)))
