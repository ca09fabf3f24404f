"""The pictures that other tutorials use: ten discs of random gray, radius 3 to 9, in 128x128 pixels, noise 20/255."""

import cv2
import numpy as np


def make_discs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `(images, masks)`: `[n, 128, 128, 1]` float32 in 0..1 and uint8 in {0, 1}."""
    rng = np.random.default_rng(seed)
    images, masks = np.zeros((n, 128, 128), np.uint8), np.zeros((n, 128, 128), np.uint8)
    for image, mask in zip(images, masks):
        for _ in range(10):
            (x, y), radius, gray = rng.integers(0, 128, 2).tolist(), int(rng.integers(3, 10)), int(rng.integers(25, 256))
            cv2.circle(image, (x, y), radius, gray, cv2.FILLED)
            cv2.circle(mask, (x, y), radius, 1, cv2.FILLED)
    noisy = images / np.float32(255) + rng.normal(0, 20 / 255, images.shape).astype(np.float32)
    return np.clip(noisy, 0, 1)[..., None], masks[..., None]
