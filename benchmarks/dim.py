"""Pictures of 16 bits that use the numbers 100 to 180, beside the same ones at full range: writes dim.md.

    python benchmarks/dim.py     three seeds, about two minutes

Both are written as files, loaded, split, normalized, trained on and scored in the same way, with the same seeds.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import tifffile  # noqa: E402

from helpers import MODELS  # noqa: E402
from helpers import own_images as own  # noqa: E402
from helpers.own_images.train_folder import dice_scores  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
RANGES = {"0 to 65535": (0, 65535), "100 to 180": (100, 180)}


def write_pictures(folder, low, high, n=20):
    """Write nuclei as 16-bit TIFF files that use the numbers `low` to `high`, and their masks; returns the folders."""
    for i in range(n):
        image, labels = own.draw_nuclei(np.random.default_rng([91, i]), (192, 192))
        for kind, array in (("images", np.round(low + image / 255 * (high - low)).astype(np.uint16)), ("masks", labels)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / kind / f"view{i:02d}.tif", array)
    return folder / "images", folder / "masks"


def dice_of(dirs, scratch, seed):
    """Return the mean Dice of the network that ships, trained on, on the pictures of two folders."""
    import keras

    pairs = own.load_pairs(*dirs, gap=True)
    sets = own.split_by_source(own.groups_of(pairs.names), seed=seed)
    rule = own.fit_normalization(own.choose(pairs, sets[0])[0])
    train, val, test = ((rule.apply(x), y) for x, y in (own.choose(pairs, members) for members in sets))
    keras.utils.set_random_seed(seed)
    model = own.load_kept(MODELS / "unet_circles.keras").model
    own.train_on_patches(model, train, val, scratch, size=64, epochs=2, steps=25, seed=seed)
    return dice_scores(train, test, [own.predict_tiled(model, image) >= 0.5 for image in test[0]])["U-Net"]


def main() -> None:
    """Train all and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        dirs = {name: write_pictures(scratch / name, *ends) for name, ends in RANGES.items()}
        for seed in range(3):
            full, dim = (dice_of(dirs[name], scratch / f"{name} {seed}", seed) for name in RANGES)
            rows.append((seed, full, dim, dim - full))
            print(rows[-1], flush=True)
    lines = [
        "# Dim pictures", "",
        f"`python benchmarks/dim.py`, {os.cpu_count()} CPU cores. Twenty pictures of drawn nuclei as 16-bit TIFF files, fifty steps from the network that ships. "
        f"Mean Dice of the test pictures; the largest difference is {max(abs(row[3]) for row in rows):.3f}.", "",
        "| seed | numbers 0 to 65535 | numbers 100 to 180 | difference |", "| --- | --- | --- | --- |",
        *(f"| {seed} | {full:.3f} | {dim:.3f} | {gap:+.3f} |" for seed, full, dim, gap in rows), "",
    ]
    print("\n".join(lines))
    REPORT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
