"""A folder of many small files: drawn scans and their masks as PNG, to try things on that real folders take."""

from collections import deque
from pathlib import Path

import numpy as np

from helpers.drawing import as_png
from helpers.scaling.processes import in_order
from helpers.synthesis import CircleScene, draw_numbered


def write_scenes(folder, pictures: int, scene=CircleScene(), seed=0, patients=100, workers=2) -> Path:
    """Write `pictures` drawn scans and as many masks into `folder`/images and `folder`/masks; returns the folder.

    Names say of which patient a picture is, as in patient007_000107.png. scene, seed: as in `draw_numbered`. workers:
    processes that draw and write; 0 for none. Raises FileExistsError if the folder holds anything; `~` is home.
    """
    folder = Path(folder).expanduser().absolute()
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"the folder {folder} holds files, and nothing is written over. Choose a new folder.")
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    calls = ((str(folder), scene, seed, range(i, min(i + 100, pictures)), patients) for i in range(0, pictures, 100))
    deque(in_order(write_portion, calls, workers, 8) if workers else (write_portion(*one) for one in calls), maxlen=0)
    return folder


def write_portion(folder: str, scene, seed, numbers, patients) -> None:
    """Draw and write the pictures of these numbers, one after the other; a process that draws does nothing else."""
    for number in numbers:
        image, mask = (part[0, ..., 0] for part in draw_numbered(scene, seed, [number]))
        name = f"patient{number % patients:03d}_{number:06d}.png"
        Path(folder, "images", name).write_bytes(as_png(np.round(image * 255).astype(np.uint8), quick=True))
        Path(folder, "masks", name).write_bytes(as_png(mask * 255, quick=True))
