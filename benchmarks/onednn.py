"""What oneDNN does to a training step and to a prediction on this processor: writes onednn.md.

    python benchmarks/onednn.py

Each measurement has a process of its own, because TensorFlow reads the variable when it is imported; with and without
take turns, three times each.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.processor import processor  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
TURNS = 3
STEPS = {  # what the notebooks train: side in pixels, pictures a batch, options of build_unet
    "128x128, batch 12": (128, 12, {}), "128x128, batch 4": (128, 4, {}), "64x64, batch 8, depth 3": (64, 8, {"depth": 3}),
}
PASSES = {"128x128, batch 12": (128, 12), "1024x1024, one picture": (1024, 1), "1024x1024, two pictures": (1024, 2)}
POLICY = "mixed_bfloat16"


def median_seconds(task, rounds=9) -> float:
    """Return the median of some calls, after one that is not counted."""
    task()
    spent = []
    for _ in range(rounds):
        began = time.perf_counter()
        task()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def measured() -> dict:
    """Return the seconds of each step and each pass in this process."""
    import helpers  # noqa: F401  (before Keras: it sets the variable, unless it is set)
    import keras
    import numpy as np
    from helpers.anatomy import build_unet
    from helpers.scaling import training_step
    from helpers.training import compiled

    def pictures(side, n):
        return np.random.default_rng(0).random((n, side, side, 1), np.float32)

    found = {}
    for name, (side, n, options) in STEPS.items():
        images = pictures(side, n)
        found[f"a training step, {name}"] = median_seconds(training_step(build_unet(**options), images, (images > 0.5).astype(np.uint8)))
    keras.config.set_dtype_policy(POLICY)
    half = build_unet()
    keras.config.set_dtype_policy("float32")
    images = pictures(128, 4)
    found["a training step in bfloat16, 128x128, batch 4"] = median_seconds(training_step(half, images, (images > 0.5).astype(np.uint8)), 3)
    model = build_unet()
    for name, (side, n) in PASSES.items():
        images = pictures(side, n)
        found[f"a prediction, {name}"] = median_seconds(lambda images=images: compiled(model)(images).numpy())
    return found


def main() -> None:
    """Measure in turns and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().child:
        print(json.dumps(measured()))
        return
    turns = {"0": [], "1": []}
    for _ in range(TURNS):
        for choice, rows in turns.items():
            environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": choice}
            done = subprocess.run([sys.executable, __file__, "--child"], env=environment, check=True, capture_output=True, text=True)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
    lines = [
        "# With oneDNN and without", "",
        f"`python benchmarks/onednn.py`, {processor()}, load {os.getloadavg()[0]:.0f} at the end. "
        f"Ratios of {TURNS} turns, each in two new processes: the time with oneDNN, to that without.", "",
        "| what | with oneDNN, to without: median | each turn |", "| --- | --- | --- |",
    ]
    for name in turns["0"][0]:
        ratios = [with_it[name] / without[name] for without, with_it in zip(turns["0"], turns["1"])]
        lines.append(f"| {name} | {statistics.median(ratios):.2f} | {', '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    one, two = ([row[f"a prediction, 1024x1024, {many}"] for row in turns["1"]] for many in ("one picture", "two pictures"))
    pairs = [alone / (both / 2) for alone, both in zip(one, two)]
    lines += ["", f"With oneDNN, a picture that is predicted alone takes {statistics.median(pairs):.1f} times as long as one of two at once (each turn: "
              f"{', '.join(f'{ratio:.1f}' for ratio in pairs)}). `predict_tiled` cuts two tiles at once where that is so: `pictures_at_once` in "
              "helpers/own_images/tile_layout.py."]
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
