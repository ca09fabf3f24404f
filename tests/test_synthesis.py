"""What a student relies on in notebook 01: exact pictures, honest dials, errors that help."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers.evaluation import best_threshold
from helpers.synthesis import (
    CircleScene,
    background,
    disc_pixels,
    draw_layers,
    draw_lesion,
    draw_level,
    draw_real,
    draw_scene,
    draw_whole,
    fingerprint,
    make_classes,
    make_dataset,
    make_instances,
    stream_scenes,
    vessel_curve,
)


def test_same_seed_same_picture_on_every_machine():
    # Made on Linux with OpenCV 4.12 and 5.0, NumPy 2.2 and 2.4, with and without vector instructions.
    assert fingerprint(*make_dataset(100)) == "dd6afb25d092"
    demanding = CircleScene(size=128, blur=(0, 4), noise=(0, 0.3), circles=12, vessels=(0, 9))
    assert fingerprint(*make_dataset(20, demanding, seed=5)) == "eb53933abf8a"


def test_arrays_keep_the_conventions():
    images, masks = make_dataset(7, CircleScene(size=50))
    assert images.shape == masks.shape == (7, 50, 50, 1)
    assert images.dtype == np.float32 and masks.dtype == np.uint8
    assert images.min() >= 0 and images.max() <= 1 and set(np.unique(masks)) <= {0, 1}


def test_a_bare_scene_is_its_mask_times_the_contrast():
    scene = CircleScene(circles=3, contrast=0.4, noise=0, blur=0, illumination=0, vessels=0)
    image, mask = draw_scene(scene, np.random.default_rng(0))
    np.testing.assert_array_equal(image, mask * np.float32(102) * np.float32(1 / 255))
    assert mask.any()


def draw_discs(radius, count, seed=0, size=64):
    """Discs of one radius whose centers lie anywhere, each wholly inside a picture of its own."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, size, size), np.uint8)
    for mask in masks:
        x, y = rng.uniform(radius + 1, size - 2 - radius, 2)
        square, inside = disc_pixels(size, size, x, y, radius)
        mask[square][inside] = 1
    return masks


@pytest.mark.parametrize("radius", range(3, 31))
def test_a_disc_has_the_area_of_a_circle_on_average(radius):
    areas = draw_discs(radius, 400).sum(axis=(1, 2))
    assert abs(areas.mean() / (np.pi * radius**2) - 1) < 0.02


def test_a_disc_is_the_pixels_whose_centers_lie_in_it():
    rows, columns = np.mgrid[:40, :50]
    rng = np.random.default_rng(3)
    for x, y, radius in [(20, 15, 6), (0, 0, 4), (49.5, 39.5, 9), *rng.uniform((-5, -5, 0.5), (55, 45, 20), (200, 3)).tolist()]:
        mask = np.zeros((40, 50), bool)
        square, inside = disc_pixels(40, 50, x, y, radius)
        mask[square][inside] = True
        np.testing.assert_array_equal(mask, (rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


@pytest.mark.parametrize("radius", [5, 8, 10, 15])
def test_a_disc_has_no_spikes_and_no_flat_sides(radius):
    """Its outermost rows are as wide as those of a circle: neither one lone pixel nor half the disc, on the average."""
    masks = draw_discs(radius, 200)
    widths = [m.sum(axis=1)[m.any(axis=1)] for m in masks]
    ends = np.array([[w[0], w[-1]] for w in widths])
    depths = np.arange(0.001, 1, 0.01)  # the outermost row lies between 0 and 1 pixels below the circle's highest point
    expected = (2 * np.sqrt(2 * radius * depths - depths**2)).mean()
    assert abs(ends.mean() / expected - 1) < 0.12
    quarter_turns = [np.rot90(m) for m in masks]
    assert abs(np.mean([m.any(axis=0).sum() for m in masks]) - np.mean([m.any(axis=0).sum() for m in quarter_turns])) < 0.2


def test_a_lesion_has_the_same_pixels_in_tissue_and_map():
    tissue, lesions = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint16)
    draw_lesion(tissue, lesions, 7, CircleScene(size=40, radius=6, contrast=1.0), np.random.default_rng(1))
    x, y = np.random.default_rng(1).uniform(0, 39, 2)
    rows, columns = np.mgrid[:40, :40]
    expected = (rows - y) ** 2 + (columns - x) ** 2 <= 36
    np.testing.assert_array_equal(lesions, 7 * expected)
    np.testing.assert_array_equal(tissue, 255 * expected)


def test_vessels_are_background():
    scene = CircleScene(circles=0, vessels=5)
    image, mask = draw_scene(scene, np.random.default_rng(2))
    assert not mask.any() and image.std() > 0.1


def test_dials_are_ranges_that_include_both_ends():
    rng = np.random.default_rng(0)
    assert {draw_whole((0, 6), rng) for _ in range(200)} == set(range(7))
    assert {draw_whole(4, rng) for _ in range(5)} == {4}
    reals = [draw_real((0.25, 0.5), rng) for _ in range(500)]
    assert 0.25 <= min(reals) < 0.26 and 0.49 < max(reals) <= 0.5 and draw_real(0.3, rng) == 0.3


def test_default_scenes_hold_touching_cut_and_no_lesions():
    _, masks = make_dataset(200, seed=1)
    borders = np.concatenate([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], axis=1)
    empty = (masks.sum(axis=(1, 2, 3)) == 0).mean()
    assert 0.05 < empty < 0.3
    assert 0.3 < borders.any(axis=(1, 2)).mean() < 1
    two_discs = CircleScene(circles=2, radius=15, vessels=0)
    _, pairs = make_dataset(100, two_discs, seed=3)
    connected = [cv2.connectedComponents(m[..., 0])[0] - 1 for m in pairs]
    assert 1 in connected and 2 in connected


def test_noise_blur_and_illumination_do_what_they_say():
    flat = background(CircleScene(noise=0.1, illumination=0), np.random.default_rng(0))
    assert abs(flat.std() - 0.1) < 0.005 and abs(flat.mean()) < 0.005
    slope = background(CircleScene(noise=0, illumination=0.6), np.random.default_rng(0))
    assert abs((slope.max() - slope.min()) - 0.6) < 1e-6 and abs(slope.min()) < 1e-6
    steps = {}
    for blur in (0, 3):
        scene = CircleScene(circles=1, noise=0, illumination=0, vessels=0, blur=blur)
        steps[blur] = np.abs(np.diff(draw_scene(scene, np.random.default_rng(7))[0][..., 0], axis=0)).max()
    assert steps[3] < steps[0] / 2


def test_adding_a_circle_leaves_the_others_where_they_are():
    few = draw_scene(CircleScene(circles=2), np.random.default_rng(4))[1]
    more = draw_scene(CircleScene(circles=3), np.random.default_rng(4))[1]
    assert np.all(more >= few) and more.sum() > few.sum()


def test_a_data_set_is_the_head_of_the_stream():
    images, masks = make_dataset(5, seed=9)
    longer, _ = make_dataset(8, seed=9)
    np.testing.assert_array_equal(images, longer[:5])
    stream = stream_scenes(CircleScene(), seed=9)
    for i in range(5):
        image, mask = next(stream)
        np.testing.assert_array_equal(image, images[i])
        np.testing.assert_array_equal(mask, masks[i])


def test_instances_and_classes_have_the_images_of_the_data_set():
    scene = CircleScene(circles=(0, 12), vessels=(0, 4))
    images, masks = make_dataset(30, scene, seed=5)
    numbered, labels = make_instances(30, scene, seed=5)
    with np.errstate(all="raise"):  # nothing is divided by an absent vessel
        classed, classes = make_classes(30, scene, seed=5)
    np.testing.assert_array_equal(numbered, images)
    np.testing.assert_array_equal(classed, images)
    assert labels.dtype == np.int32 and labels.shape == masks.shape
    assert classes.dtype == np.uint8 and set(np.unique(classes)) == {0, 1, 2}
    np.testing.assert_array_equal(labels > 0, masks == 1)
    np.testing.assert_array_equal(classes == 1, masks == 1)
    for one in labels:
        assert set(np.unique(one)) == set(range(one.max() + 1)), "the numbers have no gap"


def test_the_lesion_drawn_last_lies_on_top_and_a_covered_one_has_no_number():
    scene = CircleScene(size=16, circles=40, radius=(1, 8), vessels=0)
    _, labels = make_instances(20, scene, seed=1)
    assert max(one.max() for one in labels) < 40, "with 40 discs on 16 pixels some are covered wholly"
    for other in range(8, 200):  # a pair that overlaps
        _, _, lesions = draw_layers(CircleScene(circles=2, radius=15, vessels=0), np.random.default_rng(other))
        areas = np.bincount(lesions.ravel(), minlength=3)[1:]
        touches_border = lesions[0].any() or lesions[-1].any() or lesions[:, 0].any() or lesions[:, -1].any()
        if not touches_border and areas[0] < 600:
            assert abs(areas[1] / (np.pi * 15**2) - 1) < 0.03, "the second is whole"
            break
    else:
        raise AssertionError("no pair overlaps")


def test_vessels_lie_under_lesions():
    bare = CircleScene(circles=0, vessels=3, noise=0, illumination=0, blur=0)
    images, classes = make_classes(5, bare, seed=2)
    np.testing.assert_array_equal(images > 0, classes == 2)


def test_fingerprint_sees_one_bit_the_shape_and_the_type():
    images, masks = make_dataset(2)
    first = fingerprint(images, masks)
    changed = images.copy()
    changed[0, 0, 0, 0] = np.nextafter(changed[0, 0, 0, 0], np.float32(2))
    assert fingerprint(changed, masks) != first
    assert fingerprint(images[..., 0], masks) != first and fingerprint(images, masks.astype(np.int8)) != first


def test_vessels_cross_the_whole_picture():
    for seed in range(20):
        curve = vessel_curve(96, np.random.default_rng(seed))
        assert curve.dtype == np.int32 and 96 in (np.ptp(curve[:, 0]), np.ptp(curve[:, 1]))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_thresholding_fails_on_the_default_scene(seed):
    images, masks = make_dataset(200, seed=seed)
    assert best_threshold(masks, images).dice < 0.60


@pytest.mark.parametrize(("dials", "value", "remedy"), [
    ({"radius": (5, 150)}, "150", "a picture of size 96 has a radius of at most 48. Lower radius or raise size"),
    ({"radius": (9, 4)}, "(9, 4)", "radius=(4, 9)"),
    ({"radius": 0}, "0", "between 1"),
    ({"circles": 2.5}, "2.5", "whole circles"),
    ({"circles": -1}, "-1", "between 0"),
    ({"noise": -0.1}, "-0.1", "between 0 and 1"),
    ({"noise": float("nan")}, "nan", "finite"),
    ({"noise": "much"}, "much", "number"),
    ({"noise": True}, "True", "number"),
    ({"contrast": (0.1, 0.2, 0.3)}, "(0.1, 0.2, 0.3)", "pair (low, high)"),
    ({"contrast": 40}, "40", "between 0 and 1"),
    ({"size": 0}, "0", "size=96"),
    ({"size": 96.0}, "96.0", "whole number of pixels"),
    ({"size": 100000}, "100000", "4096"),
])
def test_impossible_scenes_name_value_and_remedy(dials, value, remedy):
    with pytest.raises(ValueError) as caught:
        CircleScene(**dials)
    message = str(caught.value)
    assert next(iter(dials)) in message and value in message and remedy in message


@pytest.mark.parametrize("n", [0, -3, 2.5, True])
def test_a_data_set_needs_pictures(n):
    with pytest.raises(ValueError, match="whole number of pictures"):
        make_dataset(n)


def test_importing_synthesis_loads_neither_tensorflow_nor_jupyter():
    code = (
        "import sys, helpers.synthesis, helpers.evaluation;"
        "print([m for m in ('tensorflow', 'keras', 'IPython', 'ipywidgets', 'matplotlib') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parent.parent
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root).stdout.strip() == "[]"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_notebook_01_says_of_single_dials(seed):
    def dice(**dials):
        images, masks = make_dataset(200, CircleScene(**dials), seed=seed)
        return best_threshold(masks, images).dice

    easy = {"noise": 0.02, "vessels": 0, "illumination": 0}
    added = {name: dice(**{**easy, name: value}) for name, value in
             (("noise", 0.1), ("vessels", (1, 3)), ("illumination", 0.6))}
    removed = {name: dice(**{name: value}) for name, value in easy.items()}
    assert dice(**easy) > 0.97 and min(added, key=added.get) == "vessels" and 0.5 < added["vessels"] < 0.65
    assert max(removed, key=removed.get) == "illumination"
    assert min(dice(**{**easy, "contrast": 0.1}), dice(**{**easy, "blur": 4})) > 0.8
    assert dice(**{**easy, "noise": 0.2}) < 0.5 and dice(**{**easy, "illumination": 1.0}) < 0.4


def test_what_notebook_01_says_of_a_disc_of_radius_3():
    counts = [disc_pixels(12, 12, *center, 3)[1].sum() for center in ((5, 6), (5.5, 6), (5.5, 6.5))]
    assert counts == [29, 26, 32]


LIMITS = {"circles": (0, 1000), "vessels": (0, 1000), "radius": (1, 48), "contrast": (0, 1), "noise": (0, 1), "blur": (0, 50),
          "illumination": (0, 1), "size": (8, 4096)}


@pytest.mark.parametrize("dial", LIMITS)
def test_a_dial_takes_its_limits_and_nothing_beyond(dial):
    whole = dial in ("circles", "vessels", "radius", "size")
    low, high = LIMITS[dial]
    others = {"radius": 4} if dial == "size" else {}
    for value in (low, high):
        CircleScene(**{dial: value}, **others)
    if dial != "size":
        CircleScene(**{dial: (low, high)})
        CircleScene(**{dial: (low, low)})
    step = 1 if whole else 0.01
    for value in (low - step, high + step):
        with pytest.raises(ValueError, match=dial):
            CircleScene(**{dial: value}, **others)


@pytest.mark.parametrize("value", [True, "96", 95.5, None, (64, 96)])
def test_a_size_is_one_whole_number(value):
    with pytest.raises(ValueError, match="whole number of pixels from 8 to 4096, such as size=96"):
        CircleScene(size=value, radius=4)


def test_contrast_is_a_gray_level_of_eight_bits():
    scene = CircleScene(circles=1, contrast=1, noise=0, blur=0, illumination=0, vessels=0, radius=5)
    assert draw_scene(scene, np.random.default_rng(0))[0].max() == 1
    levels = {draw_level((0.2, 0.3), np.random.default_rng(seed)) for seed in range(200)}
    assert min(levels) == 51 and max(levels) in (76, 77) and all(type(level) is int for level in levels)


def test_a_fingerprint_has_twelve_hexadecimal_digits():
    assert fingerprint(np.zeros((2, 3), np.uint8)) == "41d583634af4"


@pytest.mark.parametrize(("x", "y", "radius", "rows", "columns"), [
    (20, 15, 3, (12, 19), (17, 24)), (20.5, 15.25, 3, (13, 19), (18, 24)), (1, 29, 4, (25, 30), (0, 6)),
    (38, 2, 4, (0, 7), (34, 40)), (-9, 5, 4, (1, 10), (0, 0)), (60, 50, 4, (46, 46), (56, 56)),
])
def test_only_the_disc_s_own_square_is_computed(x, y, radius, rows, columns):
    square, inside = disc_pixels(30, 40, x, y, radius)
    assert square == (slice(*rows), slice(*columns)) and inside.shape == (rows[1] - rows[0], columns[1] - columns[0])
