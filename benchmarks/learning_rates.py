"""Where a learning rate becomes too high: the patient X of notebook 05, with rates between his and the healthy one.

    python benchmarks/learning_rates.py        writes learning_rates.md beside this file; about two minutes on two cores
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.training import bce_dice_loss  # noqa: E402
from helpers.ward.clinic import SMALL, both_sets, fit_plainly  # noqa: E402

RATES, SEEDS = (0.003, 0.01, 0.03, 0.1, 0.3), (5, 6, 7)


def last_losses(rate, train, val) -> list[float]:
    """Return the training loss of the third epoch, from each seed."""
    losses = []
    for seed in SEEDS:
        keras.utils.set_random_seed(seed)
        losses.append(fit_plainly(build_unet(depth=3), train, val, rate=rate).history["loss"][-1])
    return losses


def best_constant(masks) -> float:
    """Return the lowest loss of a prediction that is the same for every pixel."""
    return min(float(np.mean(bce_dice_loss(masks, np.full(masks.shape, p, np.float32)))) for p in np.linspace(0.01, 0.99, 50))


def main() -> None:
    """Train with each rate from each seed and write the table."""
    train, val = both_sets(SMALL, 51)
    lines = [
        "# Where a learning rate becomes too high", "",
        f"Made by `python benchmarks/learning_rates.py`: the training of patient X in notebook 05, three epochs of 30 steps, from {len(SEEDS)} seeds.",
        f"The best constant prediction has a loss of {best_constant(train[1][:60]):.2f}.", "",
        "| rate | loss in the third epoch, each seed | lowest | highest |", "| --- | --- | --- | --- |",
    ]
    for rate in RATES:
        found = last_losses(rate, train, val)
        lines.append(f"| {rate:g} | {', '.join(f'{loss:.2f}' for loss in found)} | {min(found):.2f} | {max(found):.2f} |")
        print(lines[-1], flush=True)
    (HERE / "learning_rates.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
