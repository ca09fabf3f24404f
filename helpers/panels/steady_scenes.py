"""Scans for panels: a dial more changes one thing and leaves the rest where it is."""

import cv2
import numpy as np

from helpers.synthesis import CircleScene, background, draw_lesion, draw_vessel


def draw_steady(scene: CircleScene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scan and its mask as `draw_steady_classes` does: `(image, mask)`, `[size, size, 1]` each."""
    image, classes = draw_steady_classes(scene, seed)
    return image, (classes == 1).astype(np.uint8)


def draw_steady_classes(scene: CircleScene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a steady scan and its classes: `(image, classes)`, as `draw_classes` does."""
    image, vessels, lesions = _draw_steady_layers(scene, seed)
    return image, np.where(lesions > 0, 1, 2 * vessels).astype(np.uint8)


def draw_steady_lesions(scene: CircleScene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a steady scan, and the number of the lesion that is seen at each pixel: `(image, lesions)`, uint16."""
    image, _, lesions = _draw_steady_layers(scene, seed)
    return image, lesions


def _draw_steady_layers(scene, seed):
    """Draw a scan like `draw_layers`, but light, vessels and lesions from random streams of their own.

    So with one seed the same discs stay in place while vessels come and go, and a circle more is one circle more.
    Every dial of the scene must be a number.
    """
    light, curves, discs = (np.random.default_rng([seed, stream]) for stream in range(3))
    image = background(scene, light)
    tissue, vessels = np.zeros((2, scene.size, scene.size), np.uint8)
    lesions = np.zeros((scene.size, scene.size), np.uint16)
    for _ in range(scene.vessels):
        draw_vessel(tissue, vessels, scene, curves)
    for number in range(1, scene.circles + 1):
        draw_lesion(tissue, lesions, number, scene, discs)
    if scene.blur > 0:
        tissue = cv2.GaussianBlur(tissue, (0, 0), scene.blur)
    image += tissue * np.float32(1 / 255)
    return np.clip(image, 0, 1, out=image)[..., None], vessels[..., None], lesions[..., None]
