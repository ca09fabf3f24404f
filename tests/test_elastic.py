"""Elastic deformation: one field for image and mask, smooth, without folds, repeatable."""

import numpy as np
import pytest

from helpers.elastic import bend, draw_field, folds
from helpers.synthesis import make_classes, make_dataset


def test_no_field_means_no_change_and_a_shift_is_a_shift():
    images, masks = make_dataset(1, seed=1)
    still = bend(images[0], masks[0], np.zeros((96, 96, 2), np.float32))
    assert np.allclose(still[0], images[0], atol=1e-6) and np.array_equal(still[1], masks[0])
    field = np.zeros((96, 96, 2), np.float32)
    field[..., 0] = 3  # each pixel is taken from three columns to the right
    moved = bend(images[0], masks[0], field)
    assert np.allclose(moved[0][:, :90], images[0][:, 3:93], atol=1e-5) and np.array_equal(moved[1][:, :90], masks[0][:, 3:93])


def test_image_and_mask_move_together_and_masks_stay_masks():
    _, masks = make_classes(6, seed=2)
    for i, mask in enumerate(masks):
        field = draw_field(96, 96, np.random.default_rng(i), spread=6)
        image = (mask == 1).astype(np.float32)
        moved, marked = bend(image, mask, field)
        assert set(np.unique(marked)) <= set(np.unique(mask)) and marked.dtype == np.uint8
        clear = np.abs(moved - 0.5) > 0.49
        assert np.array_equal((moved > 0.5)[clear], (marked == 1)[clear])


def test_fields_are_repeatable_smooth_and_never_fold():
    for seed in range(20):
        field = draw_field(64, 96, np.random.default_rng(seed), spread=60)
        assert field.shape == (64, 96, 2) and field.dtype == np.float32 and not folds(field)
        assert np.array_equal(field, draw_field(64, 96, np.random.default_rng(seed), spread=60))
        assert np.abs(np.diff(field, axis=1)).max() < 1.5
    turned = np.zeros((8, 8, 2), np.float32)
    turned[..., 0] = -2 * np.arange(8)
    assert folds(turned), "a mirrored picture is turned inside out"


def test_impossible_settings_are_refused():
    rng = np.random.default_rng(0)
    for settings in ({"grid": 1}, {"spread": -1}, {"spread": np.nan}, {"spread": np.inf}):
        with pytest.raises(ValueError, match="expected a grid of at least 2, a spread"):
            draw_field(32, 32, rng, **settings)
    with pytest.raises(ValueError, match="should have one size"):
        bend(np.zeros((8, 8, 1)), np.zeros((8, 9, 1)), np.zeros((8, 8, 2)))
