"""Which network and recipe reach a Dice of 0.94 soonest, on the pictures that other tutorials use?

    python benchmarks/recipes.py                               our recipes
    python benchmarks/recipes.py --monai /path/to/python       MONAI's tutorial and ours in turn, from files; in that environment

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
import helpers  # noqa: E402, F401  (before Keras, as in the notebooks: it turns on oneDNN)

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


def write_discs(folder, seed):
    """Write 540 pictures to train and 60 for validation as PNG files, pictures and masks in two folders each."""
    import cv2
    from discs import make_discs

    for which, n, start in (("train", 540, 100), ("validation", 60, 900)):
        for kind, arrays in zip(("images", "masks"), make_discs(n, seed=start + seed)):
            place = Path(folder) / which / kind
            place.mkdir(parents=True)
            levels = (arrays * 255).round().astype("uint8")
            for i, page in enumerate(levels):
                cv2.imwrite(str(place / f"disc{i:03d}.png"), page)


def ours_from_files(folder, seed: int) -> dict:
    """Read the files and train with `train_unet` as it is, one epoch; reading and validation are counted in."""
    import keras
    from helpers.anatomy import build_unet
    from helpers.own_images import load_pairs
    from helpers.training import train_unet

    found = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            found.append((time.perf_counter() - started, epoch + 1, logs["val_dice"]))

    keras.utils.set_random_seed(seed)
    started = time.perf_counter()
    train, validation = (load_pairs(Path(folder) / which / "images", Path(folder) / which / "masks") for which in ("train", "validation"))
    train_unet(build_unet(), train, validation, Path(folder) / "run", epochs=1, seed=seed, callbacks=[Clock()])
    return dict(zip(("seconds", "epochs", "dice"), map(float, found[-1])))


def beside_monai(python: str, seeds: int):
    """Train ours and MONAI's tutorial in turn on the same files; yields the text of the table after each seed."""
    ours, theirs = "ours: `train_unet` as it is, one epoch", "MONAI's tutorial: batch 4, Adam 1e-3, Dice loss"
    runs = {ours: [], theirs: []}
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            write_discs(folder, seed)
            own = subprocess.run([sys.executable, __file__, "--files", folder, "--seed", str(seed)], check=True, capture_output=True, text=True)
            runs[ours].append(json.loads(own.stdout.splitlines()[-1]))
            other = subprocess.run([python, str(HERE / "monai_unet.py"), folder, str(seed)], check=True, capture_output=True, text=True)
            runs[theirs].append(dict(zip(("seconds", "epochs", "dice"), map(float, other.stdout.split()[-3:]))))
        yield table_beside_monai(runs)


def table_beside_monai(runs: dict) -> str:
    """Return the text of the table. runs: for ours and for MONAI's what each seed gave."""
    ratios = [mine["seconds"] / their["seconds"] for mine, their in zip(*runs.values())]
    lines = [
        "## Beside MONAI's tutorial", "",
        "540 pictures to train and 60 for validation, as PNG files; reading, tracing and validation are counted in, imports are not. "
        f"Ours takes {statistics.median(ratios):.2f} of the time (median; each seed: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; asked: at most 0.20).", "",
        "| what | seconds, each seed | epochs | Dice reached |", "| --- | --- | --- | --- |",
    ]
    for name, each in runs.items():
        cells = [", ".join(format(run[key], form) for run in each) for key, form in (("seconds", ".1f"), ("epochs", ".0f"), ("dice", ".3f"))]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--files", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument("--monai", metavar="PYTHON", help="a Python that has torch and monai")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_run(options.one, options.seed)))
        return
    if options.files:
        print(json.dumps(ours_from_files(options.files, options.seed)))
        return
    page = (HERE / "recipes.md").read_text(encoding="utf-8") if (HERE / "recipes.md").exists() else ""
    old, _, beside = page.partition("## Beside")
    if options.monai:
        for beside in beside_monai(options.monai, options.seeds):
            (HERE / "recipes.md").write_text(f"{old.rstrip()}\n\n{beside}".lstrip(), encoding="utf-8")
            print(beside, flush=True)
        return
    results = {name: [] for name in RECIPES}
    for seed in range(options.seeds):
        for name in results:
            run = in_own_process(name, seed)
            results[name].append(run)
            print(f"seed {seed}: {run['seconds']:6.1f} s  Dice {run['dice']:.3f}  {name}", flush=True)
    base = statistics.median(run["seconds"] for run in results[DEFAULT])
    lines = [
        "# Time to a Dice of 0.94 on the discs of other tutorials", "",
        "Made by `python benchmarks/recipes.py`, and the last table by `python benchmarks/recipes.py --monai PYTHON`, on two CPU cores.",
        "Ratios within this one run count; seconds are those of a shared, noisy machine.", "",
        "| recipe | times the default | seconds, median (each seed) | epochs | Dice reached | weights |", "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, runs in results.items():
        seconds = [run["seconds"] for run in runs]
        middle = statistics.median(seconds)
        epochs, weights = ", ".join(str(run["epochs"]) for run in runs), f"{runs[0]['weights']:,}"
        lines.append(
            f"| {name} | {middle / base:.1f} | {middle:.1f} ({', '.join(f'{s:.1f}' for s in seconds)}) | {epochs} "
            f"| {', '.join(format(run['dice'], '.3f') for run in runs)} | {weights} |"
        )
    lines += ["", f"## Beside{beside}".rstrip()] if beside else []
    (HERE / "recipes.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
