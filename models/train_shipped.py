"""Train the networks that ship with the course, score them, and write their card.

    python models/train_shipped.py           train all three, about a quarter of an hour on two cores
    python models/train_shipped.py --card    score those that are there and write the card anew

They draw their own training pictures (seed 1), so the test pictures of the notebooks (seed 2026) are new to them.
The three differ in the seed of their training alone, so that notebook 04 can show how much one training says.
"""

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.evaluation import best_threshold, bootstrap_interval, dice_per_image  # noqa: E402
from helpers.synthesis import CircleScene, fingerprint, make_dataset  # noqa: E402
from helpers.training import load_network, predict, train_unet  # noqa: E402

TRAINING, VALIDATION, EPOCHS, DATA_SEED = 1600, 200, 15, 1
NETWORKS = {1: "unet_circles.keras", 2: "unet_circles_2.keras", 3: "unet_circles_3.keras"}  # seed to file
TEST_SEEDS = (101, 102, 103)

CARD = """\
# The networks that ship: {files}

Made by `python models/train_shipped.py`, which also writes this card.

| | |
| --- | --- |
| task | probability, for each pixel of a gray scan in 0..1, of belonging to a round lesion |
| network | `build_unet()` of `helpers/anatomy.py`: depth 4, 8 filters, {weights:,} weights; sizes must be multiples of 8 |
| data | `make_dataset({training}, CircleScene(), seed={seed})`, fingerprint `{print}`; validation {validation} pictures, seed {val_seed} |
| training | `train_unet(..., epochs={epochs})`, all else at its defaults; the seed of the training is 1, 2 and 3 |
| threshold | {thresholds}, each chosen on the validation pictures |
| not for | real scans: they have seen nothing but drawn discs |

Mean per-image Dice on 200 unseen pictures of the default scene, with 95 % bootstrap interval, beside the best global
threshold *chosen on the same test pictures*, which flatters that baseline:

| network | test seed | U-Net | interval | best global threshold |
| --- | --- | --- | --- | --- |
{rows}
"""


def save_portable(model, path: Path) -> None:
    """Save a network made by `build_unet(classes=...)` without what only training needs, so that Keras 3.13 to 3.15 all load it.

    The optimizer's memory would triple the file. The initializers' settings, of no use once there are weights, gained
    names in Keras 3.15 that older versions refuse.
    """
    bare = build_unet(classes=model.output_shape[-1])
    bare.set_weights(model.get_weights())
    for layer in bare.layers:
        if hasattr(layer, "kernel_initializer"):
            layer.kernel_initializer = keras.initializers.Zeros()
    bare.save(path)


def train_one(seed: int, path: Path) -> None:
    """Train one network from this seed and save it."""
    train, validation = make_dataset(TRAINING, seed=DATA_SEED), make_dataset(VALIDATION, seed=DATA_SEED + 1)
    keras.utils.set_random_seed(seed)
    model = build_unet()
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, train, validation, Path(folder) / "run", epochs=EPOCHS, seed=seed, verbose=2)
    save_portable(model, path)


def write_card() -> str:
    """Score the networks on validation and test pictures and write the card; returns its text."""
    val_images, val_masks = make_dataset(VALIDATION, seed=DATA_SEED + 1)
    tests = {seed: make_dataset(200, CircleScene(), seed=seed) for seed in TEST_SEEDS}
    thresholds, rows = [], []
    for name in NETWORKS.values():
        model = load_network(HERE / name)
        thresholds.append(best_threshold(val_masks, predict(model, val_images)).threshold)
        for seed, (images, masks) in tests.items():
            dice = dice_per_image(masks, (predict(model, images) >= thresholds[-1]).astype(np.uint8))
            low, high = bootstrap_interval(dice)
            rows.append(f"| `{name}` | {seed} | {dice.mean():.3f} | {low:.3f} to {high:.3f} | "
                        f"{best_threshold(masks, images).dice:.3f} |")
    card = CARD.format(
        files=", ".join(NETWORKS.values()), weights=model.count_params(), training=TRAINING, seed=DATA_SEED,
        print=fingerprint(*make_dataset(TRAINING, seed=DATA_SEED)), validation=VALIDATION, val_seed=DATA_SEED + 1,
        epochs=EPOCHS, thresholds=", ".join(f"{one:.2f}" for one in thresholds), rows="\n".join(rows),
    )
    (HERE / "README.md").write_text(card, encoding="utf-8")
    return card


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--card", action="store_true", help="do not train, only score and write the card")
    if not parser.parse_args().card:
        for seed, name in NETWORKS.items():
            train_one(seed, HERE / name)
    print(write_card())


if __name__ == "__main__":
    main()
