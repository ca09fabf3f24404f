"""Synthetic scans with round lesions: every picture comes with its mask (notebook 01).

Drawing happens in 8-bit integers and plain NumPy arithmetic, so one seed gives one picture, bit for bit, on every
machine. TensorFlow is never imported here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from numbers import Integral, Real
import hashlib

import cv2
import numpy as np

LARGEST_SIZE = 4096  # pixels; one such float32 picture takes 64 MB


@dataclass(frozen=True)
class CircleScene:
    """The dials of a synthetic scan. Each dial but `size` is a number, or a range `(low, high)`, both ends included.

    size: height and width of the picture, pixels.
    circles: lesions per picture; 0 gives an empty picture.
    radius: of a lesion, pixels.
    contrast: how much brighter than its surroundings a lesion is, in gray levels 0..1. Vessels use the same range.
    noise: standard deviation of the Gaussian noise, in gray levels 0..1.
    blur: standard deviation of the Gaussian blur, pixels.
    illumination: how much brighter one side of the background is than the other, in gray levels 0..1.
    vessels: bright curved lines per picture; they belong to the background.

    Raises ValueError for an impossible dial: a reversed range, a negative noise, a radius larger than the picture.
    """

    size: int = 96
    circles: int | tuple[int, int] = (0, 6)
    radius: int | tuple[int, int] = (5, 15)
    contrast: float | tuple[float, float] = (0.25, 0.5)
    noise: float | tuple[float, float] = 0.1
    blur: float | tuple[float, float] = 1.0
    illumination: float | tuple[float, float] = 0.6
    vessels: int | tuple[int, int] = (1, 3)

    def __post_init__(self):
        if not _is_whole(self.size) or not 8 <= self.size <= LARGEST_SIZE:
            raise ValueError(
                f"size is {self.size!r}; a picture needs a whole number of pixels from 8 to {LARGEST_SIZE}, "
                "such as size=96."
            )
        for field in fields(self)[1:]:
            self._check_dial(field.name, getattr(self, field.name))
        largest = as_range(self.radius)[1]
        if largest > self.size // 2:
            raise ValueError(
                f"radius goes up to {largest} pixels, but a disc that fits a picture of size {self.size} "
                f"has a radius of at most {self.size // 2}. Lower radius or raise size."
            )

    def _check_dial(self, name, value):
        ends = as_range(value)
        if len(ends) != 2:
            raise ValueError(f"{name} is {value!r}; give one number or a pair (low, high).")
        whole = name in ("circles", "radius", "vessels")
        lowest, highest = _LIMITS[name]
        for end in ends:
            if isinstance(end, bool) or not isinstance(end, Real) or not np.isfinite(end):
                raise ValueError(f"{name} is {value!r}; give one number or a pair (low, high) of finite numbers.")
            if whole and not _is_whole(end):
                raise ValueError(f"{name} is {value!r}; it counts whole {_UNITS[name]}, so write {round(end)}, not {end}.")
            if not lowest <= end <= highest:
                raise ValueError(f"{name} is {value!r}; it must lie between {lowest} and {highest} {_UNITS[name]}.")
        if ends[0] > ends[1]:
            raise ValueError(
                f"{name} is {value!r}, a range that runs backwards; write the smaller number first: "
                f"{name}=({ends[1]}, {ends[0]})."
            )


_LIMITS = {
    "circles": (0, 1000),
    "radius": (1, LARGEST_SIZE),
    "contrast": (0, 1),
    "noise": (0, 1),
    "blur": (0, 50),
    "illumination": (0, 1),
    "vessels": (0, 1000),
}
_UNITS = {
    "circles": "circles",
    "radius": "pixels",
    "contrast": "in gray levels",
    "noise": "in gray levels",
    "blur": "pixels",
    "illumination": "in gray levels",
    "vessels": "vessels",
}


def _is_whole(value):
    return isinstance(value, Integral) and not isinstance(value, bool)


def as_range(dial) -> tuple:
    """Return a dial's `(low, high)`; a single number stands for a range of one value."""
    return tuple(dial) if isinstance(dial, (tuple, list)) else (dial, dial)


def draw_whole(dial, rng: np.random.Generator) -> int:
    """Draw a whole number from a dial's range, both ends included."""
    return int(rng.integers(*as_range(dial), endpoint=True))


def draw_real(dial, rng: np.random.Generator) -> float:
    """Draw a real number from a dial's range."""
    return float(rng.uniform(*as_range(dial)))


def draw_level(contrast, rng: np.random.Generator) -> int:
    """Draw a contrast and return it as an 8-bit gray level, 0..255."""
    return round(255 * draw_real(contrast, rng))


def vessel_curve(size: int, rng: np.random.Generator) -> np.ndarray:
    """Return 17 points `(x, y)` in pixels, int32, along a random curve that crosses a picture of side `size`.

    The curve is a quadratic Bezier curve: it starts on one side, ends on the opposite one, and is pulled to a third
    point on its way.
    """
    start, pull, end = rng.uniform(0, size, 3)
    t = np.linspace(0, 1, 17)
    across = (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t**2 * end
    points = np.stack([t * size, across], axis=1)
    return np.round(points[:, ::-1] if rng.integers(2) else points).astype(np.int32)


def draw_vessel(tissue: np.ndarray, scene: CircleScene, rng: np.random.Generator) -> None:
    """Draw one vessel, 2 or 3 pixels wide, into `tissue` (uint8, in place). No mask: a vessel is background."""
    curve = vessel_curve(scene.size, rng)
    width = draw_whole((2, 3), rng)
    level = draw_level(scene.contrast, rng)
    cv2.polylines(tissue, [curve], isClosed=False, color=level, thickness=width)


def draw_lesion(tissue: np.ndarray, mask: np.ndarray, scene: CircleScene, rng: np.random.Generator) -> None:
    """Draw one disc into `tissue` and the same disc, as 1, into `mask` (both uint8, in place)."""
    last = scene.size - 1
    center = (draw_whole((0, last), rng), draw_whole((0, last), rng))
    radius = draw_whole(scene.radius, rng)
    level = draw_level(scene.contrast, rng)
    cv2.circle(tissue, center, radius, level, thickness=cv2.FILLED)
    cv2.circle(mask, center, radius, 1, thickness=cv2.FILLED)


def background(scene: CircleScene, rng: np.random.Generator) -> np.ndarray:
    """Return the light that falls on the scan, `[size, size]` float32: a slope in a random direction, plus noise."""
    strength = draw_real(scene.illumination, rng)
    down, right = rng.uniform(-1, 1, 2)
    ramp = np.linspace(-0.5, 0.5, scene.size, dtype=np.float32)
    slope = np.float32(down) * ramp[:, None] + np.float32(right) * ramp[None, :]
    light = rng.standard_normal((scene.size, scene.size), dtype=np.float32)
    light *= np.float32(draw_real(scene.noise, rng))
    light += np.float32(strength / (abs(down) + abs(right))) * slope + np.float32(strength / 2)
    return light


def draw_scene(scene: CircleScene, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one synthetic scan and its mask.

    Returns `(image, mask)`: `[size, size, 1]` float32 in 0..1, and `[size, size, 1]` uint8 in {0, 1}.
    """
    image = background(scene, rng)
    tissue = np.zeros((scene.size, scene.size), np.uint8)
    mask = np.zeros((scene.size, scene.size), np.uint8)
    for _ in range(draw_whole(scene.vessels, rng)):
        draw_vessel(tissue, scene, rng)
    blur = draw_real(scene.blur, rng)
    for _ in range(draw_whole(scene.circles, rng)):
        draw_lesion(tissue, mask, scene, rng)
    if blur > 0:
        tissue = cv2.GaussianBlur(tissue, (0, 0), blur)
    image += tissue * np.float32(1 / 255)
    return np.clip(image, 0, 1, out=image)[..., None], mask[..., None]


def stream_scenes(scene: CircleScene = CircleScene(), seed=0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `(image, mask)` pairs without end; the same seed gives the same stream.

    `seed` is whatever `numpy.random.default_rng` takes: a number, a list of numbers such as `[seed, worker]`, or a
    generator.
    """
    rng = np.random.default_rng(seed)
    while True:
        yield draw_scene(scene, rng)


def draw_numbered(scene: CircleScene, seed: int, numbers) -> tuple[np.ndarray, np.ndarray]:
    """Draw the pictures of these numbers, each the first of a stream of its own, `stream_scenes(scene, [seed, number])`.

    A picture depends on seed and number only, so any process can draw any part of an endless set, in any order.
    Returns `(images, masks)` as `make_dataset` does.
    """
    images = np.empty((len(numbers), scene.size, scene.size, 1), np.float32)
    masks = np.empty((len(numbers), scene.size, scene.size, 1), np.uint8)
    for i, number in enumerate(numbers):
        images[i], masks[i] = next(stream_scenes(scene, [seed, int(number)]))
    return images, masks


def make_dataset(n: int, scene: CircleScene = CircleScene(), seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` scans: the first `n` of `stream_scenes(scene, seed)`.

    Returns `(images, masks)`: `[n, size, size, 1]` float32 in 0..1, and `[n, size, size, 1]` uint8 in {0, 1}.
    Raises ValueError if `n` is not a whole number of at least 1.
    """
    if not _is_whole(n) or n < 1:
        raise ValueError(f"n is {n!r}; ask for a whole number of pictures, at least 1.")
    images = np.empty((n, scene.size, scene.size, 1), np.float32)
    masks = np.empty((n, scene.size, scene.size, 1), np.uint8)
    for i, (image, mask) in zip(range(n), stream_scenes(scene, seed)):
        images[i], masks[i] = image, mask
    return images, masks


def fingerprint(*arrays: np.ndarray) -> str:
    """Return 12 hexadecimal digits that change when any bit of the arrays, their shapes or their types changes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:12]
