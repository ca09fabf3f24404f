"""The dials of a synthetic scan, and what is wrong with a dial that cannot be turned so far (notebook 01)."""

from dataclasses import dataclass, fields
from numbers import Integral, Real

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
        if not is_whole(self.size) or not 8 <= self.size <= LARGEST_SIZE:
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
        lowest, highest = LIMITS[name]
        for end in ends:
            if isinstance(end, bool) or not isinstance(end, Real) or not np.isfinite(end):
                raise ValueError(f"{name} is {value!r}; give one number or a pair (low, high) of finite numbers.")
            if whole and not is_whole(end):
                raise ValueError(f"{name} is {value!r}; it counts whole {UNITS[name]}: write {round(end)}, not {end}.")
            if not lowest <= end <= highest:
                raise ValueError(f"{name} is {value!r}; it must lie between {lowest} and {highest} {UNITS[name]}.")
        if ends[0] > ends[1]:
            raise ValueError(
                f"{name} is {value!r}, a range that runs backwards; write the smaller number first: "
                f"{name}=({ends[1]}, {ends[0]})."
            )


LIMITS = {
    "circles": (0, 1000),
    "radius": (1, LARGEST_SIZE),
    "contrast": (0, 1),
    "noise": (0, 1),
    "blur": (0, 50),
    "illumination": (0, 1),
    "vessels": (0, 1000),
}
UNITS = {
    "circles": "circles",
    "radius": "pixels",
    "contrast": "in gray levels",
    "noise": "in gray levels",
    "blur": "pixels",
    "illumination": "in gray levels",
    "vessels": "vessels",
}


def is_whole(value) -> bool:
    """Return whether a value is a whole number; True and False are not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def as_range(dial) -> tuple:
    """Return a dial's `(low, high)`; a single number stands for a range of one value."""
    return tuple(dial) if isinstance(dial, (tuple, list)) else (dial, dial)
