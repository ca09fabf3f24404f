"""Objects: border weights against equation 2 itself, matching against brute force, and what is refused."""

import itertools

import numpy as np
import pytest
from scipy import ndimage

from helpers.instances import (
    average_precision, border_weights, check_labels, circle_objects, connected_objects, count_error, count_objects,
    cut_gaps, distance_map, drop_small, fill_rays, grow_objects, match_objects, object_ious, peak_objects, ray_table, split_objects,
    tune_splitting,
)
from helpers.synthesis import CircleScene, disc_pixels, make_instances

SCENE = CircleScene(circles=(5, 9), radius=(5, 10))


def discs(*places, size=40):
    """Return labels [h, w] with one disc for each (x, y, radius); later ones lie on top."""
    labels = np.zeros((size, size), np.int32)
    for number, place in enumerate(places, 1):
        square, inside = disc_pixels(size, size, *place)
        labels[square][inside] = number
    return labels


TOUCHING = discs((14, 20, 7), (26, 20, 7))


# --- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("labels", "said"), [
    (np.array([[0, 1.5]]), "hold 1.5, and the number of an object is whole.*split_objects"),
    (np.array([[0, np.nan]]), "NaN or infinite"),
    (np.array([[0, np.inf]]), "NaN or infinite"),
    (np.array([[0, -1]]), "hold -1 to 0; objects are numbered from 1"),
    (np.array([[0, 2**31]]), "hold 0 to 2147483648; objects are numbered from 1 to at most 2147483647"),
    (np.array([[True, False]]), "True and False, a mask; number its objects first: connected_objects"),
    (np.array([["a"]]), "expected whole numbers"),
    (np.zeros((2, 4, 4, 3)), r"the shape \(2, 4, 4, 3\); expected \[n, height, width, 1\]"),
    (np.zeros(4), r"the shape \(4,\)"),
])
@pytest.mark.parametrize("use", [
    check_labels, border_weights, cut_gaps, distance_map, count_objects, lambda a: match_objects(a, a),
    lambda a: average_precision(a, a), lambda a: count_error(a, a), lambda a: drop_small(a, 1),
], ids=["check", "weights", "gaps", "distance", "count", "match", "precision", "error", "drop"])
def test_unfit_labels_are_refused_everywhere(use, labels, said):
    with pytest.raises(ValueError, match=said):
        use(labels)


@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 1), (1, 40, 40), (1, 40, 40, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16, np.float32, ">i4"])
def test_labels_of_any_whole_type_and_of_one_picture_are_taken(shape, dtype):
    labels = TOUCHING.astype(dtype).reshape(shape)
    assert check_labels(labels).shape == (1, 40, 40, 1) and check_labels(labels).dtype == np.int32
    assert np.array_equal(border_weights(labels), border_weights(TOUCHING))


def test_labels_are_never_changed():
    labels = TOUCHING.copy()
    for use in (border_weights, cut_gaps, distance_map, lambda a: match_objects(a, a)):
        use(labels)
    assert np.array_equal(labels, TOUCHING)


def renumbered(labels):
    return np.array([0, 70_000, 2_000_000_000])[labels]


def test_numbers_are_names():
    """Gaps between the numbers, and numbers beyond 65,535, change nothing and cost no memory."""
    other = renumbered(TOUCHING)
    for use in (border_weights, cut_gaps, distance_map, count_objects, lambda a: drop_small(a, 150)):
        assert np.array_equal(use(other), use(TOUCHING))
    assert drop_small(discs((8, 8, 6), (25, 25, 3), (32, 8, 6)), 60).max() == 2  # the small one is gone, and its number
    assert match_objects(TOUCHING, other) == match_objects(TOUCHING, TOUCHING)


def test_more_than_65535_objects():
    labels = np.zeros((1, 600, 600, 1), np.int64)
    labels[0, ::2, ::2, 0] = np.arange(1, 90_001).reshape(300, 300)
    assert count_objects(labels).tolist() == [90_000]
    assert count_objects(connected_objects((labels > 0).astype(np.uint8))).tolist() == [90_000]
    assert distance_map(labels).sum() == 90_000 and cut_gaps(labels).sum() == 90_000


# --- border weights ---------------------------------------------------------------------------------------------------


def by_equation_2(labels, w0=10.0, sigma=5.0):
    """Every pixel of every object looked at, for each pixel of background."""
    weights = np.zeros(labels.shape)
    objects = [np.argwhere(labels == number) for number in np.unique(labels[labels > 0])]
    if len(objects) >= 2:
        for place in np.argwhere(labels == 0):
            first, second = sorted(np.sqrt(((o - place) ** 2).sum(axis=1)).min() for o in objects)[:2]
            weights[tuple(place)] = w0 * np.exp(-((first + second) ** 2) / (2 * sigma**2))
    return weights


@pytest.mark.parametrize("settings", [{}, {"w0": 3.0, "sigma": 2.0}, {"w0": 1000.0, "sigma": 20.0}, {"w0": 0.0}])
def test_border_weights_equal_equation_2(settings):
    _, labels = make_instances(3, CircleScene(size=48, circles=(4, 9), radius=(2, 8)), seed=8)
    weights = border_weights(labels, **settings)
    assert weights.shape == labels.shape and weights.dtype == np.float32
    for weight, one in zip(weights[..., 0], labels[..., 0]):
        np.testing.assert_allclose(weight, by_equation_2(one, **settings), atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("labels", [
    np.zeros((8, 8), int), discs((20, 20, 5)), np.ones((8, 8), int), np.arange(1, 65).reshape(8, 8),
], ids=["empty", "one object", "one object fills it", "no background"])
def test_border_weights_are_zero_without_two_objects_or_background(labels):
    assert not border_weights(labels).any()


def test_an_object_in_two_pieces_is_one():
    pieces = discs((8, 20, 5), (24, 20, 5))
    pieces[pieces > 0] = 1
    assert not border_weights(pieces).any()  # the space between the pieces is no border between objects
    assert count_objects(pieces).tolist() == [1]
    assert match_objects(pieces, discs((8, 20, 5), (24, 20, 5)))[:3] == (1, 1, 0)  # half of it is found, once
    assert distance_map(pieces).max() == 1 and cut_gaps(pieces).sum() == (pieces > 0).sum()


def test_border_weights_on_pictures_that_are_not_square_and_on_none():
    wide = TOUCHING[10:25]
    np.testing.assert_allclose(border_weights(wide)[0, ..., 0], by_equation_2(wide), atol=1e-5)
    assert border_weights(np.zeros((0, 8, 8, 1), int)).shape == (0, 8, 8, 1)


@pytest.mark.parametrize("settings", [{"w0": -1}, {"w0": np.nan}, {"sigma": 0}, {"sigma": -5}, {"sigma": np.inf}])
def test_impossible_weights_are_refused(settings):
    with pytest.raises(ValueError, match="the paper uses w0=10 and sigma=5"):
        border_weights(TOUCHING, **settings)


def test_border_weights_are_quick(monkeypatch):
    """Ten objects take no distance maps of the whole picture, one for each: most of it is too far away from an object."""
    _, labels = make_instances(1, CircleScene(size=192, circles=10, radius=(5, 10)), seed=3)
    real, mapped = ndimage.distance_transform_edt, []
    monkeypatch.setattr(ndimage, "distance_transform_edt", lambda picture: mapped.append(picture.size) or real(picture))
    border_weights(labels)
    assert len(mapped) == labels.max() >= 8 and sum(mapped) < 0.5 * len(mapped) * labels.size


# --- gaps and distances -----------------------------------------------------------------------------------------------


def touches(labels):
    """Whether any two different objects are neighbors, by side or by corner."""
    padded = np.pad(labels, 1)
    h, w = labels.shape
    for dy, dx in itertools.product((0, 1, 2), repeat=2):
        other = padded[dy : dy + h, dx : dx + w]
        if ((labels > 0) & (other > 0) & (labels != other)).any():
            return True
    return False


def test_gaps_part_whatever_touches_and_nothing_else():
    _, labels = make_instances(20, CircleScene(circles=(6, 14), radius=(4, 12)), seed=4)
    masks = cut_gaps(labels)
    assert masks.dtype == np.uint8 and masks.shape == labels.shape
    touching = 0
    for mask, one in zip(masks[..., 0], labels[..., 0]):
        left = one * mask
        touching += touches(one)
        assert not touches(left)
        for y, x in np.argwhere(left != one):  # only pixels beside another object are gone
            assert len(set(one[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].ravel()) - {0}) > 1
    assert touching > 10


def test_a_gap_is_one_pixel_wide_and_taken_from_the_larger():
    labels = np.zeros((9, 12), int)
    labels[2:7, 1:4], labels[1:8, 4:11] = 1, 2
    assert ((labels == 1) & (cut_gaps(labels)[0, ..., 0] == 0)).sum() == 0
    assert np.array_equal(np.argwhere(labels * (1 - cut_gaps(labels)[0, ..., 0]))[:, 1], [4] * 7)


def test_a_distance_map_rises_from_border_to_middle_in_every_object():
    maps = distance_map(TOUCHING)
    assert maps.dtype == np.float32 and maps.shape == (1, 40, 40, 1)
    assert maps[0, 20, 14] > 0.7 and 0 < maps[0, 20, 8] < 0.3 and not maps[0, ..., 0][TOUCHING == 0].any()
    for number in (1, 2):
        assert maps[0, ..., 0][TOUCHING == number].max() == 1 and maps[0, ..., 0][TOUCHING == number].min() > 0
    full = distance_map(np.ones((9, 9), int))[0, ..., 0]
    assert full[4, 4] == 1 and full[0, 0] == np.float32(0.2)  # what lies beyond the picture is no object


# --- rays -------------------------------------------------------------------------------------------------------------


def test_a_disc_reaches_equally_far_in_all_directions():
    center, distances = ray_table(discs((20, 18, 9)) > 0)
    assert center.tolist() == [18, 20] and len(distances) == 32 and np.abs(distances - 9.5).max() <= 1
    inside = discs((20, 18, 9)) > 0
    again = fill_rays(center, distances, inside.shape)
    assert (again & inside).sum() / (again | inside).sum() > 0.93


def test_rays_turn_from_right_to_bottom_and_stop_at_the_first_break():
    inside = np.zeros((21, 31), bool)
    inside[8:13, 8:29] = True
    inside[:, 25] = False
    center, (right, bottom, left, top) = ray_table(inside, rays=4)
    assert center[0] == 10 and all(0 <= way - 2.5 <= 0.25 for way in (bottom, top))  # a quarter of a pixel is a step
    assert 0 <= right - (24.5 - center[1]) <= 0.25 and 0 <= left - (center[1] - 7.5) <= 0.25


def test_a_crescent_is_not_star_convex():
    """What lies behind the bend is not seen from the middle, and the polygon loses it."""
    crescent = (discs((20, 20, 12)) > 0) & (discs((26, 20, 12)) == 0)
    again = fill_rays(*ray_table(crescent), crescent.shape)
    assert (again & crescent).sum() / crescent.sum() < 0.9


@pytest.mark.parametrize(("inside", "rays", "said"), [
    (np.zeros((5, 5)), 32, "needs one object"), (np.ones(5), 32, "needs one object"), (np.ones((5, 5)), 2, "rays is 2"),
])
def test_a_ray_table_needs_an_object_and_directions(inside, rays, said):
    with pytest.raises(ValueError, match=said):
        ray_table(inside, rays)


# --- matching ---------------------------------------------------------------------------------------------------------


def by_brute_force(true, pred, iou):
    """Try every way to pair objects; the most pairs win, then the largest sum of IoU."""
    numbers = [[n for n in np.unique(a) if n] for a in (true, pred)]
    table = [[((true == a) & (pred == b)).sum() / ((true == a) | (pred == b)).sum() for b in numbers[1]]
             for a in numbers[0]]
    best = (0, 0.0)
    short, long = sorted((range(len(numbers[0])), range(len(numbers[1]))), key=len)
    flipped = len(numbers[0]) > len(numbers[1])
    for order in itertools.permutations(long, len(short)):
        pairs = [table[b][a] if flipped else table[a][b] for a, b in zip(short, order)]
        pairs = [p for p in pairs if p >= iou]
        best = max(best, (len(pairs), sum(pairs)))
    return best, len(numbers[0]), len(numbers[1])


def test_matching_equals_brute_force_on_a_thousand_cases():
    rng = np.random.default_rng(0)
    seen = set()
    for case in range(1000):
        true = rng.integers(0, rng.integers(1, 6), (3, 4)) * 3
        pred = np.where(rng.random((3, 4)) < 0.6, true, rng.integers(0, rng.integers(1, 6), (3, 4)))
        if case % 10 == 0:
            true *= 0
        if case % 15 == 0:
            pred *= 0
        iou = (0.5, 0.3, 0.05, 0.75)[case % 4]
        (tp, total), there, found = by_brute_force(true, pred, iou)
        scores = match_objects(true, pred, iou=iou)
        assert (scores.tp, scores.fp, scores.fn) == (tp, found - tp, there - tp)
        both_empty = float(there == found == 0)
        assert scores.precision == (tp / found if found else both_empty)
        assert scores.recall == (tp / there if there else both_empty)
        assert scores.f1 == pytest.approx(2 * tp / (there + found) if there + found else 1)
        assert scores.panoptic_quality == pytest.approx(2 * total / (there + found) if there + found else 1)
        seen.add((there == 0, found == 0))
    assert len(seen) == 4


def test_many_matches_beat_one_good_match():
    """The best single pair would leave two objects without a partner, where two pairs are possible."""
    true = np.array([[1, 1, 1, 1, 2, 2, 2, 2, 2, 2]])
    pred = np.array([[5, 0, 0, 0, 5, 5, 5, 5, 5, 6]])
    assert match_objects(true, pred, 0.1)[:3] == (2, 0, 0)


def test_an_iou_of_exactly_the_limit_is_a_match():
    true, pred = np.array([[1, 1, 0]]), np.array([[0, 4, 4]])
    assert match_objects(true, pred, 1 / 3).tp == 1 and match_objects(true, pred, 0.34).tp == 0


def test_objects_are_matched_within_a_picture_and_counted_over_all():
    true = np.stack([TOUCHING, 0 * TOUCHING])[..., None]
    pred = true[::-1]
    assert match_objects(true, pred)[:3] == (0, 2, 2)
    scores = match_objects(true, np.stack([TOUCHING, discs((5, 5, 3))])[..., None])
    assert scores[:3] == (2, 1, 0) and scores.precision == 2 / 3 and scores.recall == 1 and scores.mean_iou == 1


def test_ious_are_sorted_by_number():
    true, pred = np.array([[7, 7, 2, 0]]), np.array([[9, 3, 3, 0]])
    np.testing.assert_allclose(object_ious(true, pred), [[0.5, 0], [1 / 3, 0.5]])


@pytest.mark.parametrize("iou", [0, -0.5, 1.5, np.nan, True, "half", None])
def test_an_impossible_iou_is_refused(iou):
    with pytest.raises(ValueError, match="must lie above 0"):
        match_objects(TOUCHING, TOUCHING, iou)


def test_other_pictures_and_no_pictures_are_refused():
    with pytest.raises(ValueError, match="compare the same pictures"):
        match_objects(TOUCHING, TOUCHING[:-1])
    with pytest.raises(ValueError, match="at least one"):
        match_objects(np.zeros((0, 4, 4, 1), int), np.zeros((0, 4, 4, 1), int))


def test_average_precision_counts_every_limit():
    true, pred = np.array([[1] * 10 + [0]]), np.array([[1] * 7 + [0] * 4])  # an IoU of 0.7
    assert average_precision(true, pred) == pytest.approx(0.5)  # 0.50, 0.55, 0.60, 0.65 and 0.70
    assert average_precision(true, true) == 1 and average_precision(0 * true, 0 * true) == 1
    assert average_precision(true, 0 * true) == 0 and average_precision(0 * true, true) == 0


def test_the_count_error_has_no_sign():
    true = np.stack([TOUCHING, TOUCHING])[..., None]
    pred = np.stack([0 * TOUCHING, discs((5, 5, 3), (20, 20, 3), (30, 30, 3))])[..., None]
    assert count_error(true, pred) == 1.5 and count_error(true, true) == 0


# --- finding ----------------------------------------------------------------------------------------------------------


def test_a_watershed_parts_what_touches():
    mask = (TOUCHING > 0).astype(np.uint8)
    assert count_objects(connected_objects(mask)).tolist() == [1]
    labels = split_objects(mask)
    assert labels.shape == mask.shape and labels.dtype == np.int32 and np.array_equal(labels > 0, mask > 0)
    assert match_objects(TOUCHING, labels, 0.9)[:3] == (2, 0, 0)
    assert count_objects(split_objects(mask, waist=9)).tolist() == [1]


def test_a_rod_stays_whole():
    rod = np.zeros((30, 60), np.uint8)
    rod[10:20, 5:55] = 1
    assert split_objects(rod).max() == 1


@pytest.mark.parametrize("find", [split_objects, connected_objects, grow_objects])
@pytest.mark.parametrize("shape", [(40, 40), (40, 40, 1), (1, 40, 40, 1)])
def test_labels_have_the_shape_of_the_probabilities(find, shape):
    probability = (TOUCHING > 0).reshape(shape) * np.float32(0.9)
    for array in (probability, probability.astype(np.float64), probability > 0, (probability > 0).astype(np.uint8)):
        assert find(array).shape == shape and find(array).dtype == np.int32 and find(array).max() >= 1


@pytest.mark.parametrize("find", [split_objects, connected_objects, grow_objects, lambda p: peak_objects(p, p)])
@pytest.mark.parametrize(("fill", "count"), [(0.0, 0), (1.0, 1)])
def test_an_empty_picture_and_one_that_is_filled(find, fill, count):
    assert find(np.full((1, 20, 20, 1), fill, np.float32)).max() == count


@pytest.mark.parametrize("find", [split_objects, connected_objects, grow_objects, lambda p: peak_objects(p, p)])
@pytest.mark.parametrize(("probability", "said"), [
    (np.full((4, 4), np.nan), "NaN or infinite"), (np.full((4, 4), 1.5), "uses 0..1"),
    (np.full((4, 4), -0.5), "uses 0..1"), (TOUCHING, "int32"), (np.zeros((2, 4, 4, 3)), "Keep one gray channel"),
])
def test_what_is_no_probability_is_refused(find, probability, said):
    with pytest.raises(ValueError, match=said):
        find(probability)


def test_a_gap_that_was_learned_is_given_back():
    labels = grow_objects(cut_gaps(TOUCHING))
    assert match_objects(TOUCHING, labels, 0.9)[:3] == (2, 0, 0)
    gap = np.where(cut_gaps(TOUCHING)[0, ..., 0] == 1, 0.9, np.where(TOUCHING > 0, 0.3, 0.01))
    assert np.array_equal(grow_objects(gap) > 0, TOUCHING > 0)  # it grows into the gap, and not into background


def test_peaks_of_a_true_distance_map_are_the_objects():
    _, labels = make_instances(20, SCENE, seed=5)
    found = peak_objects((labels > 0).astype(np.uint8), distance_map(labels))
    assert match_objects(labels, found).f1 > 0.97


def test_peaks_need_two_maps_of_one_shape():
    with pytest.raises(ValueError, match="the same pictures"):
        peak_objects(np.zeros((4, 4)), np.zeros((4, 5)))


def test_each_circle_gets_a_number():
    images, labels = make_instances(1, CircleScene(circles=2, radius=10, noise=0.02, vessels=0), seed=1)
    found = circle_objects(images, (5, 15), 14)
    assert found.shape == images.shape and match_objects(labels, found).f1 == 1


def test_splitting_is_chosen_by_trying():
    _, labels = make_instances(20, SCENE, seed=6)
    masks = (labels > 0).astype(np.uint8)
    chosen = tune_splitting(split_objects, labels, masks, waist=(0.25, 1, 4), min_area=(1, 10))
    for waist, area in itertools.product((0.25, 1, 4), (1, 10)):
        assert chosen.f1 >= match_objects(labels, split_objects(masks, waist=waist, min_area=area)).f1
    assert chosen.f1 == match_objects(labels, split_objects(masks, **chosen.settings)).f1


def test_choices_may_be_any_iterable_and_none_may_be_empty():
    _, labels = make_instances(2, SCENE, seed=7)
    masks = (labels > 0).astype(np.uint8)
    assert tune_splitting(split_objects, labels, masks, waist=iter((0.15, 4))).settings == {"waist": 0.15}
    with pytest.raises(ValueError, match="waist has no value to try"):
        tune_splitting(split_objects, labels, masks, waist=())
