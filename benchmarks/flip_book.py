"""What a U-Net learns first, from four seeds: places before outlines, and vessels that are marked for a while (notebook 03).

    python benchmarks/flip_book.py         writes flip_book.md beside this file; about two minutes on two cores
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.evaluation import dice_per_image  # noqa: E402
from helpers.panels.callbacks import FlipBook  # noqa: E402
from helpers.synthesis import CircleScene, make_classes  # noqa: E402
from helpers.training import train_unet  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402

SEEDS, STEPS = (7, 1, 2, 3), (5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 400, 640)


def found_share(mask, page) -> float:
    """Return the share of the lesions of a mask whose middle is marked on a page, as in notebook 03."""
    count, _, _, centers = cv2.connectedComponentsWithStats(mask[..., 0])
    rows_and_columns = np.round(centers[1:, ::-1]).astype(int)
    return float(np.mean([page[row, column] >= 128 for row, column in rows_and_columns]))


def one_row(seed: int, train, validation, kinds) -> str:
    """Train with a flip book from a seed; returns the row of the table."""
    masks = validation[1]
    chosen = np.argsort((kinds == 2).sum(axis=(1, 2, 3)) * masks.any(axis=(1, 2, 3)))[-8:]
    book = FlipBook(validation[0][chosen], masks[chosen], steps=STEPS)
    keras.utils.set_random_seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        train_unet(build_unet(), train, validation, Path(folder) / "run", epochs=4, seed=seed, callbacks=[book])
    found = [np.mean([found_share(m, p) for m, p in zip(book.masks, page)]) for page in book.pages]
    marked = [(np.array(page)[..., None] >= 128).astype(np.uint8) for page in book.pages]
    close_by = np.array([cv2.dilate(mask, np.ones((7, 7), np.uint8)) for mask in book.masks])[..., None]
    ahead = np.subtract(found, [dice_per_image(book.masks, mask * close_by).mean() for mask in marked])
    vessels = [mask[kinds[chosen] == 2].mean() for mask in marked]
    most = int(np.argmax(vessels))
    return (f"| {seed} | {ahead.min():+.2f} to {ahead.max():+.2f} | {vessels[most]:.0%} after step {book.times[most]} | "
            f"{vessels[book.times.index(400)]:.0%} |")


def main() -> None:
    """Train from each seed and write the table."""
    images, kinds = make_classes(1200, CircleScene(), seed=2026)
    parts = [images, (kinds == 1).astype(np.uint8), kinds]
    for _ in range(2):  # the splits of notebook 03
        parts, held_back = zip(*(train_test_split(part, test_size=200, random_state=0) for part in parts))
    lines = [
        "# What a U-Net learns first", "",
        "Made by `python benchmarks/flip_book.py`, on the pictures of notebook 03. Places ahead of outlines: the share of lesions",
        "found less the mean Dice near lesions, lowest and highest over the pages up to step 640.", "",
        "| seed | places ahead of outlines | most vessel pixels marked | after step 400 |", "| --- | --- | --- | --- |",
    ]
    for seed in SEEDS:
        lines.append(one_row(seed, parts[:2], held_back[:2], held_back[2]))
        print(lines[-1], flush=True)
    (HERE / "flip_book.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
