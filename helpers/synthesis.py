"""Synthetic scans with round lesions: every picture comes with its mask (notebook 01).

Drawing happens in 8-bit integers and plain NumPy arithmetic, so one seed gives one picture, bit for bit, on every
machine. TensorFlow is never imported here.
"""

import hashlib
import math
from collections.abc import Iterator

import cv2
import numpy as np

from helpers.dials import CircleScene, as_range, is_whole


def draw_whole(dial, rng: np.random.Generator) -> int:
    """Draw a whole number from a dial's range, both ends included."""
    return int(rng.integers(*as_range(dial), endpoint=True))


def draw_real(dial, rng: np.random.Generator) -> float:
    """Draw a real number from a dial's range."""
    return float(rng.uniform(*as_range(dial)))


def draw_level(contrast, rng: np.random.Generator) -> int:
    """Draw a contrast and return it as an 8-bit gray level, 0..255."""
    return round(255 * draw_real(contrast, rng))


def disc_pixels(height: int, width: int, x: float, y: float, radius: float) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the pixels of a picture `[height, width]` whose centers lie in the disc around column `x`, row `y`.

    The center of the pixel `[row, column]` lies at exactly these two numbers; `x`, `y` and `radius` may lie between.
    Returns `(square, inside)`: the slices of the disc's own square, cut to the picture, and a bool for each of its
    pixels, so that `picture[square][inside] = 1` draws the disc. Additions and products of float64 alone decide, each
    rounded in the same way on every machine.
    """
    top, left = max(0, math.ceil(y - radius)), max(0, math.ceil(x - radius))
    bottom = max(top, min(height, math.floor(y + radius) + 1))
    right = max(left, min(width, math.floor(x + radius) + 1))
    down, across = np.arange(top, bottom) - y, np.arange(left, right) - x
    inside = (down * down)[:, None] + across * across <= radius * radius
    return (slice(top, bottom), slice(left, right)), inside


def draw_lesion(tissue, lesions, number: int, scene: CircleScene, rng: np.random.Generator) -> None:
    """Draw one disc into `tissue` (uint8, in place), and the same pixels, as `number`, into `lesions` (in place)."""
    x, y = rng.uniform(0, scene.size - 1, 2).tolist()
    radius = draw_whole(scene.radius, rng)
    square, inside = disc_pixels(scene.size, scene.size, x, y, radius)
    tissue[square][inside] = draw_level(scene.contrast, rng)
    lesions[square][inside] = number


def vessel_curve(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return 17 points `(x, y)` in pixels, int32, along a random curve that crosses a picture of side `size`.

    The curve is a quadratic Bezier curve: it starts on one side, ends on the opposite one, and is pulled to a third
    point on its way.
    """
    start, pull, end = rng.uniform(0, size, 3).tolist()
    t = np.arange(17) / 16
    along, across = t * size, (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t**2 * end
    points = np.array([across, along] if rng.integers(2) else [along, across])
    return np.rint(points.T, order="C").astype(np.int32)


def draw_vessel(tissue: np.ndarray, vessels: np.ndarray, scene: CircleScene, rng: np.random.Generator) -> None:
    """Draw one vessel, 2 or 3 pixels wide, into `tissue`, and the same line, as 1, into `vessels` (uint8, in place)."""
    curve = vessel_curve(scene.size, rng)
    width = draw_whole((2, 3), rng)
    level = draw_level(scene.contrast, rng)
    cv2.polylines(tissue, [curve], isClosed=False, color=level, thickness=width)
    cv2.polylines(vessels, [curve], isClosed=False, color=1, thickness=width)


def background(scene: CircleScene, rng: np.random.Generator) -> np.ndarray:
    """Return the light that falls on the scan, `[size, size]` float32: a slope in a random direction, plus noise.

    Without noise, the darkest corner is 0 and the brightest one the strength drawn from `scene.illumination`.
    """
    strength = draw_real(scene.illumination, rng)
    down, right = rng.uniform(-1, 1, 2).tolist()
    steepness = strength / (abs(down) + abs(right))
    ramp = np.arange(scene.size, dtype=np.float32) / np.float32(scene.size - 1) - np.float32(0.5)
    light = rng.standard_normal((scene.size, scene.size), dtype=np.float32)
    light *= np.float32(draw_real(scene.noise, rng))
    light += (np.float32(steepness * down) * ramp + np.float32(strength / 2))[:, None]
    light += np.float32(steepness * right) * ramp
    return light


def draw_layers(scene: CircleScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one synthetic scan, and apart from it what it shows.

    Returns `(image, vessels, lesions)`, each `[size, size, 1]`: float32 in 0..1; uint8, 1 where a vessel runs, also
    under a lesion; uint16, the number of the lesion that is seen there, or 0. Lesions are numbered from 1 in the order
    in which they are drawn. A later one lies on top, and one that is wholly covered leaves a gap in the numbers.
    """
    image = background(scene, rng)
    tissue, vessels = np.zeros((2, scene.size, scene.size), np.uint8)
    lesions = np.zeros((scene.size, scene.size), np.uint16)
    for _ in range(draw_whole(scene.vessels, rng)):
        draw_vessel(tissue, vessels, scene, rng)
    blur = draw_real(scene.blur, rng)
    for number in range(1, draw_whole(scene.circles, rng) + 1):
        draw_lesion(tissue, lesions, number, scene, rng)
    if blur > 0:
        tissue = cv2.GaussianBlur(tissue, (0, 0), blur)
    image += tissue * np.float32(1 / 255)
    return np.clip(image, 0, 1, out=image)[..., None], vessels[..., None], lesions[..., None]


def draw_scene(scene: CircleScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one synthetic scan and its mask.

    Returns `(image, mask)`: `[size, size, 1]` float32 in 0..1, and `[size, size, 1]` uint8 in {0, 1}.
    """
    image, _, lesions = draw_layers(scene, rng)
    return image, (lesions > 0).astype(np.uint8)


def draw_instances(scene: CircleScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the scan of `draw_scene` with numbered lesions: `(image, labels)`, the labels as in `make_instances`."""
    image, _, lesions = draw_layers(scene, rng)
    seen = np.flatnonzero(np.bincount(lesions.ravel())[1:]) + 1
    return image, np.searchsorted(seen, lesions, side="right").astype(np.int32)


def draw_classes(scene: CircleScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the scan of `draw_scene` with three classes: `(image, classes)`, the classes as in `make_classes`."""
    image, vessels, lesions = draw_layers(scene, rng)
    return image, np.where(lesions > 0, 1, 2 * vessels).astype(np.uint8)


def stream_scenes(scene: CircleScene = CircleScene(), seed=0, draw=draw_scene) -> Iterator[tuple]:
    """Yield `(image, mask)` pairs without end; the same seed gives the same stream.

    `seed` is whatever `numpy.random.default_rng` takes: a number, a list of numbers such as `[seed, worker]`, or a
    generator. draw: `draw_scene`, `draw_instances` or `draw_classes`; the images are the same bit for bit.
    """
    rng = np.random.default_rng(seed)
    while True:
        yield draw(scene, rng)


def draw_numbered(scene: CircleScene, seed: int, numbers, draw=draw_scene) -> tuple[np.ndarray, np.ndarray]:
    """Draw the pictures of these numbers, each the first of its own stream, `stream_scenes(scene, [seed, number])`.

    A picture depends on seed and number only, so any process can draw any part of an endless set, in any order.
    draw: as in `stream_scenes`. Returns `(images, masks)` as `make_dataset` does.
    """
    pairs = [next(stream_scenes(scene, [seed, int(number)], draw)) for number in numbers]
    return tuple(np.stack(parts) for parts in zip(*pairs))


def make_dataset(n: int, scene: CircleScene = CircleScene(), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` scans: the first `n` of `stream_scenes(scene, seed)`.

    Returns `(images, masks)`: `[n, size, size, 1]` float32 in 0..1, and `[n, size, size, 1]` uint8 in {0, 1}.
    Raises ValueError if `n` is not a whole number of at least 1.
    """
    return _first(n, scene, seed, draw_scene)


def make_instances(n: int, scene: CircleScene = CircleScene(), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the images of `make_dataset`, bit for bit, and number the lesions of each from 1.

    Returns `(images, labels)`: labels are `[n, size, size, 1]` int32, 0 for background. Where lesions overlap, a pixel
    belongs to the one drawn last, which lies on top. A lesion that is wholly covered has no pixel and no number.
    Raises ValueError if `n` is not a whole number of at least 1.
    """
    return _first(n, scene, seed, draw_instances)


def make_classes(n: int, scene: CircleScene = CircleScene(), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the images of `make_dataset`, bit for bit, with three classes: 0 background, 1 lesion, 2 vessel.

    Returns `(images, classes)`: classes are `[n, size, size, 1]` uint8. Lesions are drawn after vessels and lie on top.
    Raises ValueError if `n` is not a whole number of at least 1.
    """
    return _first(n, scene, seed, draw_classes)


def _first(n, scene, seed, draw):
    if not is_whole(n) or n < 1:
        raise ValueError(f"n is {n!r}; ask for a whole number of pictures, at least 1.")
    images = np.empty((n, scene.size, scene.size, 1), np.float32)
    masks = np.empty(images.shape, np.int32 if draw is draw_instances else np.uint8)
    for i, pair in zip(range(n), stream_scenes(scene, seed, draw)):
        images[i], masks[i] = pair
    return images, masks


def fingerprint(*arrays: np.ndarray) -> str:
    """Return 12 hexadecimal digits that change when any bit of the arrays, their shapes or their types changes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
