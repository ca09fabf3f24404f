"""Slices of the real brain scan: what is read, how it is split, and what is said when the package is missing."""

import importlib.util

import numpy as np
import pytest

from course import ROOT
from helpers import brain
from helpers.brain import SIZE, TISSUES, brain_path, brain_slices, split_blocks, without_light
from helpers.classes import dice_per_class, multi_otsu

needs_nilearn = pytest.mark.skipif(importlib.util.find_spec("nilearn") is None, reason="nilearn is not installed")


@needs_nilearn
def test_slices_hold_the_whole_brain_and_three_classes():
    images, masks, heights = brain_slices(range(30, 130, 10))
    assert images.shape == (10, *SIZE, 1) == masks.shape and images.dtype == np.float32 and masks.dtype == np.uint8
    assert 0 <= images.min() and images.max() <= 1 and set(np.unique(masks)) == set(range(len(TISSUES)))
    assert not any((edge != 0).any() for edge in (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]))
    assert images[masks == 1].mean() < images[masks == 2].mean(), "white matter is brighter in T1"
    assert heights.tolist() == list(range(30, 130, 10))


@needs_nilearn
def test_the_front_of_the_head_is_at_the_top_and_the_cerebellum_at_the_back():
    low = brain_slices([36]).masks[0, ..., 0]
    rows = np.flatnonzero((low > 0).any(axis=1))
    middle = (rows[0] + rows[-1]) // 2
    assert (low[middle:] > 0).sum() > 1.3 * (low[:middle] > 0).sum()


@needs_nilearn
def test_a_slice_does_not_depend_on_the_others():
    several, alone = brain_slices([60, 70], noise=0.1, light=0.6, seed=3), brain_slices([70], noise=0.1, light=0.6, seed=3)
    assert np.array_equal(several.images[1], alone.images[0])
    assert not np.array_equal(alone.images, brain_slices([70], noise=0.1, light=0.6, seed=4).images)


@needs_nilearn
@pytest.mark.parametrize("heights", [[], [-1], [189], [60.5], [[60]]])
def test_heights_that_are_none_are_refused(heights):
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 188"):
        brain_slices(heights)


@needs_nilearn
def test_the_package_says_of_the_license_what_the_notebook_says_that_it_says():
    told = (brain_path().parents[1] / "description" / "icbm152_2009.rst").read_text(encoding="utf-8")
    assert told.split("License\n-------\n")[1].strip() == "unknown"
    taught = (ROOT / "notebooks" / "09_several_classes.py").read_text(encoding="utf-8")
    for text in (brain.__doc__, taught):
        assert "datasets/description/icbm152_2009.rst" in text and "unknown" in text and "McGill University" in text


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(brain.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="nilearn and nibabel, which are optional: pip install nilearn"):
        brain_path()


def test_blocks_keep_their_distance():
    heights = np.arange(30, 130)
    train, validation, test = split_blocks(heights, 20, 5)
    parts = [set(heights[part].tolist()) for part in (train, validation, test)]
    assert all(parts) and not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert min(abs(x - y) for x in parts[a] for y in parts[b]) > 5
    for block, gap in ((5, 5), (20, -1)):
        with pytest.raises(ValueError, match="longer than its gap"):
            split_blocks(heights, block, gap)
    with pytest.raises(ValueError, match="four are needed"):
        split_blocks(heights, 40, 5)


@needs_nilearn
def test_the_light_is_taken_off_and_thresholds_work_better():
    hard = brain_slices(range(90, 105), noise=0.1, light=0.6)
    masks = brain_slices(range(90, 105)).masks
    assert np.array_equal(masks, hard.masks)

    def score(images):
        return dice_per_class(masks, np.maximum(multi_otsu(images, 4).astype(int) - 1, 0), 3).mean(axis=0)

    assert score(without_light(hard.images))[1] > score(hard.images)[1] + 0.2
