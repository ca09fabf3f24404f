"""Train the network that ships with the course, score it, and write its card.

    python models/train_shipped.py

It draws its own training pictures (seed 1), so the test pictures of the notebooks (seed 2026) are new to it.
"""

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
from helpers.training import predict, train_unet  # noqa: E402

TRAINING, VALIDATION, EPOCHS, SEED = 1600, 200, 15, 1
TEST_SEEDS = (101, 102, 103)

CARD = """\
# The network that ships: unet_circles.keras

Made by `python models/train_shipped.py`, which also writes this card.

| | |
| --- | --- |
| task | probability, for each pixel of a gray scan in 0..1, of belonging to a round lesion |
| network | `build_unet()` of `helpers/anatomy.py`: depth 4, 8 filters, {weights:,} weights; sizes must be multiples of 8 |
| data | `make_dataset({training}, CircleScene(), seed={seed})`, fingerprint `{print}`; validation {validation} pictures, seed {val_seed} |
| training | `train_unet(..., epochs={epochs}, seed={seed})`, all else at its defaults |
| threshold | {threshold:.2f}, chosen on the validation pictures |
| not for | real scans: it has seen nothing but drawn discs |

Mean per-image Dice on 200 unseen pictures of the default scene, with 95 % bootstrap interval, beside the best global
threshold *chosen on the same test pictures*, which flatters that baseline:

| test seed | U-Net | interval | best global threshold |
| --- | --- | --- | --- |
{rows}
"""


def save_portable(model, path: Path) -> None:
    """Save a network made by `build_unet()` without what only training needs, so that Keras 3.13 to 3.15 all load it.

    The optimizer's memory would triple the file. The initialisers' settings, of no use once there are weights, gained
    names in Keras 3.15 that older versions refuse.
    """
    bare = build_unet()
    bare.set_weights(model.get_weights())
    for layer in bare.layers:
        if hasattr(layer, "kernel_initializer"):
            layer.kernel_initializer = keras.initializers.Zeros()
    bare.save(path)


def main() -> None:
    """Train, score and write network and card."""
    train, validation = make_dataset(TRAINING, seed=SEED), make_dataset(VALIDATION, seed=SEED + 1)
    keras.utils.set_random_seed(SEED)
    model = build_unet()
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, train, validation, Path(folder) / "run", epochs=EPOCHS, seed=SEED, verbose=2)
    threshold = best_threshold(validation[1], predict(model, validation[0])).threshold
    rows = []
    for seed in TEST_SEEDS:
        images, masks = make_dataset(200, CircleScene(), seed=seed)
        dice = dice_per_image(masks, (predict(model, images) >= threshold).astype(np.uint8))
        low, high = bootstrap_interval(dice)
        rows.append(f"| {seed} | {dice.mean():.3f} | {low:.3f} to {high:.3f} | {best_threshold(masks, images).dice:.3f} |")
    save_portable(model, HERE / "unet_circles.keras")
    card = CARD.format(
        weights=model.count_params(), training=TRAINING, seed=SEED, print=fingerprint(*train), validation=VALIDATION,
        val_seed=SEED + 1, epochs=EPOCHS, threshold=threshold, rows="\n".join(rows),
    )
    (HERE / "README.md").write_text(card, encoding="utf-8")
    print(card)


if __name__ == "__main__":
    main()
