"""A real scan with three classes: slices of the MNI152 brain, which the package nilearn carries (notebook 09).

Nothing is downloaded: the files lie inside the installed package, and nibabel reads them. The brain is the average of
152 healthy young adults (ICBM 2009a, nonlinear, symmetric; Fonov et al. 2011), with maps of how probable gray and white
matter are. Its license: the file in the package that describes it (`datasets/description/icbm152_2009.rst` in nilearn
0.14.1) says "unknown", and nilearn's own license, BSD, is that of the code. Its authors' notice (Louis Collins,
Montreal Neurological Institute, McGill University), as others who pass the atlas on repeat it, allows everyone
to use, copy, modify and distribute it without fee, provided that it appears in all copies.
"""

import importlib.util
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.dials import CircleScene
from helpers.own_images import read_picture
from helpers.synthesis import background

NAME = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
TISSUES = ("rest", "gray matter", "white matter")  # the classes 0, 1 and 2
SIZE = 200, 168  # of a slice, pixels of one millimeter: the whole brain, and sides that can be halved three times


class BrainSlices(NamedTuple):
    """Slices of the brain: `images` `[n, h, w, 1]` float32 in 0..1, `masks` uint8 of 0, 1 and 2, and their heights."""

    images: np.ndarray
    masks: np.ndarray
    heights: np.ndarray


def brain_path(kind: str = "t1") -> Path:
    """Return where a volume of the brain lies: "t1" (the scan), "gm" or "wm" (gray and white matter).

    Raises ImportError, with the command that installs them, if nilearn or nibabel are missing.
    """
    missing = [name for name in ("nilearn", "nibabel") if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the brain scan needs {' and '.join(missing)}, which are optional: pip install nilearn")
    path = Path(importlib.util.find_spec("nilearn").origin).parent / "datasets" / "data" / NAME.format(kind)
    if not path.exists():
        raise ImportError(f"this nilearn has no {path.name}. Version 0.14.1 has it: pip install nilearn==0.14.1")
    return path


def brain_slices(heights=range(30, 130), noise: float = 0.0, light: float = 0.0, seed: int = 0) -> BrainSlices:
    """Return horizontal slices of the brain, the front of the head at the top.

    heights: numbers of slices, in millimeters above the lowest, 0..188; noise, light: as the dials `noise` and
    `illumination` of `CircleScene`, drawn anew for each slice from `seed` and its height. A pixel is gray or white
    matter where the map of that tissue is above one half.
    Raises ImportError if the packages are missing, ValueError for heights that are none.
    """
    heights = np.asarray(list(heights))
    volumes = [read_picture(brain_path(kind)).pages for kind in ("t1", "gm", "wm")]
    count = len(volumes[0])
    whole = heights.ndim == 1 and len(heights) and heights.dtype.kind in "iu"
    if not whole or heights.min() < 0 or heights.max() >= count:
        raise ValueError(f"heights are {heights.tolist()}; expected whole numbers from 0 to {count - 1}.")
    scan, gray, white = (np.stack([_framed(pages[z]) for z in heights]) for pages in volumes)
    masks = np.select([white > 127, gray > 127], [2, 1], 0).astype(np.uint8)
    images = scan.astype(np.float32) / 255
    if noise or light:
        scene = CircleScene(size=max(SIZE), noise=noise, illumination=light)
        for z, image in zip(heights, images):
            image += background(scene, np.random.default_rng([seed, int(z)]))[: SIZE[0], : SIZE[1]]
    return BrainSlices(np.clip(images, 0, 1)[..., None], masks[..., None], heights)


def _framed(page):
    """Return the middle of a slice, turned so that the front of the head is at the top."""
    page = page[::-1]
    top, left = (page.shape[0] - SIZE[0]) // 2, (page.shape[1] - SIZE[1]) // 2
    return page[top : top + SIZE[0], left : left + SIZE[1]]


def split_blocks(heights, block: int = 20, gap: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split slices into `(train, validation, test)`, arrays of indices, by whole blocks with a gap between them.

    heights: of the slices, increasing; block: slices in a block; gap: slices left out at the upper end of each. Blocks
    go to training, validation, training, test, and again from the start. Raises ValueError for fewer than four blocks.
    """
    heights = np.asarray(heights)
    if block <= gap or gap < 0:
        raise ValueError(f"block is {block} and gap {gap}; expected a block that is longer than its gap.")
    number, within = np.divmod(heights - heights.min(), block)
    if number.max() < 3:
        raise ValueError(f"the slices make {number.max() + 1} blocks of {block}; four are needed. Use shorter blocks.")
    kept = within < block - gap
    return tuple(np.flatnonzero(kept & np.isin(number % 4, part)) for part in ((0, 2), (1,), (3,)))


def without_light(images, width: int = 12, smooth: float = 1.0) -> np.ndarray:
    """Return slices without the slope of the light, slightly smoothed, for baselines: `[n, h, w, 1]` float32 in 0..1.

    A plane is fitted to the gray levels of a frame `width` pixels wide, where there is no head, and taken off.
    """
    import cv2

    images = np.asarray(images, np.float32)
    frame = np.ones(images.shape[1:3], bool)
    frame[width:-width, width:-width] = False
    rows, columns = np.indices(frame.shape)
    terms = np.stack([rows, columns, np.ones_like(rows)], axis=-1).astype(np.float64)
    flat = np.empty_like(images)
    for image, result in zip(images[..., 0], flat):
        plane = terms @ np.linalg.lstsq(terms[frame], image[frame], rcond=None)[0]
        result[..., 0] = np.clip(cv2.GaussianBlur(image - plane.astype(np.float32), (0, 0), smooth), 0, 1)
    return flat
