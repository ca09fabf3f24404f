"""Which network and recipe reach a Dice of 0.94 soonest, on the pictures that other tutorials use?

    python benchmarks/recipes.py                               our recipes
    python benchmarks/recipes.py --monai /path/to/python       MONAI's U-Net too, in turn, in that environment

Seconds from building the network to the end of the first epoch whose mean per-image Dice on 200 unseen pictures is 0.94,
600 training pictures, tracing and validation included. Each run has a process of its own; the runs are interleaved, so
that a slow spell of the machine hits all of them. Writes recipes.md beside this file.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

DEFAULT = "default: depth 4, 8 filters, batch 4, no normalization"
RECIPES = {  # name -> (options of build_unet, options of train_unet, own compile)
    DEFAULT: ({}, {}, None),
    "batch 8": ({}, {"batch_size": 8}, None),
    "batch normalization": ({"normalization": "batch"}, {}, None),
    "group normalization": ({"normalization": "group"}, {}, None),
    "depth 3": ({"depth": 3}, {}, None),
    "16 filters": ({"filters": 16}, {}, None),
    "upsampling by resize": ({"upsampling": "resize"}, {}, None),
    "no augmentation": ({}, {"augmented": False}, None),
    "cross-entropy alone": ({}, {}, "bce"),
    "untuned: batch normalization, cross-entropy, Adam 1e-3, batch 8": ({"normalization": "batch"}, {"batch_size": 8}, "untuned"),
}


def one_run(name: str, seed: int) -> dict:
    """Train one recipe in this process; returns seconds, epochs and Dice."""
    import keras
    from discs import make_discs
    from helpers.anatomy import build_unet
    from helpers.training import DiceScore, bce_loss, train_unet

    network, training, compiled = RECIPES[name]
    train, validation = make_discs(600, seed=100 + seed), make_discs(200, seed=900 + seed)
    keras.utils.set_random_seed(seed)

    class StopAtGoal(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.seconds, self.epochs, self.dice = time.perf_counter() - started, epoch + 1, logs["val_dice"]
            self.model.stop_training = self.dice >= 0.94

    goal = StopAtGoal()
    started = time.perf_counter()
    model = build_unet(**network)
    if compiled:
        rate = keras.optimizers.schedules.CosineDecay(0.0, 1750, warmup_target=3e-3, warmup_steps=50) if compiled == "bce" else 1e-3
        clip = 1.0 if compiled == "bce" else None
        model.compile(keras.optimizers.Adam(rate, global_clipnorm=clip), loss=bce_loss, metrics=[DiceScore()])
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, train, validation, Path(folder) / "run", seed=seed, callbacks=[goal], **training)
    return {"seconds": goal.seconds, "epochs": goal.epochs, "dice": float(goal.dice), "weights": model.count_params()}


def in_own_process(name: str, seed: int) -> dict:
    """Run `one_run` in a new Python."""
    command = [sys.executable, __file__, "--one", name, "--seed", str(seed)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def monai_run(python: str, seed: int) -> dict:
    """Run MONAI's U-Net on the same discs in the environment of `python`."""
    import numpy as np
    from discs import make_discs

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "discs.npz"
        (x, y), (x_val, y_val) = make_discs(600, seed=100 + seed), make_discs(200, seed=900 + seed)
        np.savez(path, x=x, y=y, x_val=x_val, y_val=y_val)
        command = [python, str(HERE / "monai_unet.py"), str(path), str(seed)]
        seconds, dice = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-2:]
    return {"seconds": float(seconds), "epochs": None, "dice": float(dice), "weights": None}


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument("--monai", metavar="PYTHON", help="a Python that has torch and monai")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_run(options.one, options.seed)))
        return
    results = {name: [] for name in RECIPES}
    if options.monai:
        results["MONAI's U-Net as in its tutorials (Adam 1e-3, Dice loss, batch 10)"] = []
    for seed in range(options.seeds):
        for name in results:
            run = monai_run(options.monai, seed) if name.startswith("MONAI") else in_own_process(name, seed)
            results[name].append(run)
            print(f"seed {seed}: {run['seconds']:6.1f} s  Dice {run['dice']:.3f}  {name}", flush=True)
    base = statistics.median(run["seconds"] for run in results[DEFAULT])
    lines = [
        "# Time to a Dice of 0.94 on the discs of other tutorials", "", "Made by `" + " ".join(
            ["python benchmarks/recipes.py", *(["--monai PYTHON"] if options.monai else [])]) + "`, on two CPU cores.",
        "Ratios within this one run count; seconds are those of a shared, noisy machine.", "",
        "| recipe | times the default | seconds, median (each seed) | epochs | Dice reached | weights |", "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, runs in results.items():
        seconds = [run["seconds"] for run in runs]
        middle = statistics.median(seconds)
        epochs = ", ".join(str(run["epochs"]) for run in runs) if runs[0]["epochs"] else "-"
        weights = f"{runs[0]['weights']:,}" if runs[0]["weights"] else "-"
        lines.append(
            f"| {name} | {middle / base:.1f} | {middle:.1f} ({', '.join(f'{s:.1f}' for s in seconds)}) | {epochs} "
            f"| {', '.join(format(run['dice'], '.3f') for run in runs)} | {weights} |"
        )
    (HERE / "recipes.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
