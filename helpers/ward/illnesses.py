"""The illnesses of the ward: what each does to a healthy patient, and with which other one it is easily confused."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

LOW, MIDDLING = "It finds hardly anything.", "It works, but less well than expected."


class Illness(NamedTuple):
    """spoil: from `(train, val, settings, rng)` to the same three, spoiled; look_alike: what it is confused with."""

    spoil: Callable
    look_alike: str
    complaint: str


def _healthy(train, val, settings, rng):
    return train, val, settings


def _masks_inverted(train, val, settings, rng):
    return (train[0], 1 - train[1]), val, settings


def _contrast_inverted(train, val, settings, rng):
    return train, (1 - val[0], val[1]), settings


def _squeezed(train, val, settings, rng):
    gain, offset = np.float32(rng.uniform(0.3, 0.4)), np.float32(rng.uniform(0.2, 0.4))
    return train, (offset + gain * val[0], val[1]), settings


def _noisier(train, val, settings, rng):
    noise = rng.normal(0, rng.uniform(0.3, 0.4), val[0].shape)
    return train, (np.clip(val[0] + noise, 0, 1).astype(np.float32), val[1]), settings


def _divided_twice(train, val, settings, rng):
    return train, (val[0] / np.float32(255), val[1]), settings


def _incomplete(train, val, settings, rng):
    masks = train[1].copy()
    for mask in masks:
        count, labels = cv2.connectedComponents(mask[..., 0])
        for label in range(1, count):
            if rng.random() < 0.55:
                mask[labels == label] = 0
    return (train[0], masks), val, settings


def _wide(train, val, settings, rng):
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    return (train[0], np.stack([cv2.dilate(mask, brush) for mask in train[1]])[..., None]), val, settings


def _outlines(train, val, settings, rng):
    brush = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    masks = np.stack([mask - cv2.erode(mask, brush)[..., None] for mask in train[1]])
    return (train[0], masks), val, settings


def _mirrored(train, val, settings, rng):
    mirror = rng.random(len(train[0])) < 0.6
    return (np.where(mirror[:, None, None, None], train[0][:, :, ::-1], train[0]), train[1]), val, settings


def _shuffled(train, val, settings, rng):
    return (train[0], np.roll(train[1], int(rng.integers(3, 20)), axis=0)), val, settings


def _by_heart(train, val, settings, rng):
    return (train[0][:8], train[1][:8]), val, settings._replace(epochs=70, batch=4)


def _hurried(train, val, settings, rng):
    return train, val, settings._replace(epochs=2, batch=32, rate=1e-3)


def _slow(train, val, settings, rng):
    return train, val, settings._replace(rate=1e-6)


def _gray_masks(train, val, settings, rng):
    return (train[0], train[1] * np.float32(rng.integers(90, 110) / 255)), val, settings


def _leaked(train, val, settings, rng):
    images, masks = val[0].copy(), val[1].copy()
    images[:20], masks[:20] = train[0][:20, :, ::-1], train[1][:20, :, ::-1]
    order = rng.permutation(len(images))
    return train, (images[order], masks[order]), settings


ILLNESSES = {
    "healthy": Illness(_healthy, "overfitting", "We want to be sure that nothing is wrong."),
    "masks_inverted": Illness(_masks_inverted, "contrast_inverted", "It marks all but what it should."),
    "contrast_inverted": Illness(_contrast_inverted, "masks_inverted", "It marks all but what it should."),
    "gray_scale_changed": Illness(_squeezed, "noise_changed", "Since the new scanner came, it is useless."),
    "noise_changed": Illness(_noisier, "gray_scale_changed", "Since the new scanner came, it is useless."),
    "images_divided_twice": Illness(_divided_twice, "too_few_steps", LOW),
    "labels_incomplete": Illness(_incomplete, "masks_not_0_1", LOW),
    "masks_not_0_1": Illness(_gray_masks, "labels_incomplete", LOW),
    "masks_too_wide": Illness(_wide, "masks_outlines", MIDDLING),
    "masks_outlines": Illness(_outlines, "masks_too_wide", LOW),
    "mask_not_moved": Illness(_mirrored, "pairs_shuffled", MIDDLING),
    "pairs_shuffled": Illness(_shuffled, "mask_not_moved", LOW),
    "overfitting": Illness(_by_heart, "copies_between_sets", MIDDLING),
    "too_few_steps": Illness(_hurried, "learning_rate_too_low", LOW),
    "learning_rate_too_low": Illness(_slow, "too_few_steps", LOW),
    "copies_between_sets": Illness(_leaked, "overfitting", "We want to be sure that nothing is wrong."),
}
