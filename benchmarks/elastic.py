"""Elastic deformation: where it helps. Few or many labeled pictures, nuclei and perfect discs, over three seeds.

    python benchmarks/elastic.py            writes elastic.md beside this file; about five minutes on two cores
    python benchmarks/elastic.py --seeds 1  one seed; writes nothing

Each pair of trainings starts from the same weights and sees the same pictures in the same order, mirrored and turned in
the same way. The only difference: in one of them every picture is bent as well, by a new field each time. The setting
was written down before the first run and never tuned.
"""

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.elastic import bend, draw_field  # noqa: E402
from helpers.evaluation import dice_per_image  # noqa: E402
from helpers.own_images import draw_nuclei  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402
from helpers.training import augment, bce_dice_loss, predict, to_dataset, warmup_cosine  # noqa: E402

SIZE, STEPS, BATCH, COUNTS, TEST = 64, 300, 4, (2, 8, 32), 100
GRID, SPREAD = 3, 3.0  # three pixels of 64; with four, one field in twenty would fold


def nuclei(n, seed):
    """Return n pictures of drawn nuclei and their masks, the stand-in for the real set in notebook 06."""
    drawn = [draw_nuclei(np.random.default_rng([seed, i]), (SIZE, SIZE)) for i in range(n)]
    images, labels = (np.stack(part)[..., None] for part in zip(*drawn))
    return images.astype(np.float32) / 255, (labels > 0).astype(np.uint8)


def discs(n, seed):
    """Return n default scenes in a smaller frame: perfect discs, noise, light and vessels."""
    return make_dataset(n, CircleScene(size=SIZE, radius=(4, 12)), seed)


def trained(images, masks, bent, seed):
    """Return a small U-Net after a fixed number of steps."""
    keras.utils.set_random_seed(seed)
    model = build_unet((SIZE, SIZE, 1), depth=3, filters=8)
    model.compile(keras.optimizers.Adam(warmup_cosine(5e-3, STEPS, 30), global_clipnorm=1.0), loss=bce_dice_loss)

    def batches():
        for step in range(STEPS):
            rng = np.random.default_rng([seed, step])
            chosen = rng.integers(len(images), size=BATCH)
            pictures, marks = augment(images[chosen], masks[chosen], seed=[seed, step])
            if bent:
                fields = [draw_field(SIZE, SIZE, rng, GRID, SPREAD) for _ in chosen]
                pictures, marks = map(np.stack, zip(*map(bend, pictures, marks, fields)))
            yield pictures, marks

    model.fit(to_dataset(batches, images.shape[1:], STEPS), epochs=1, shuffle=False, verbose=0)
    return model


def measure(seeds):
    """Yield `{(data, pictures): [(Dice without, Dice with) of each seed]}` after each seed, which has pictures of its own."""
    scores = {(data.__name__, count): [] for data in (nuclei, discs) for count in COUNTS}
    tests = {data: data(TEST, 9_000) for data in (nuclei, discs)}
    for seed in range(seeds):
        for data, (test_images, test_masks) in tests.items():
            for count in COUNTS:
                images, masks = data(count, 100 + seed)
                found = [predict(trained(images, masks, bent, seed), test_images) >= 0.5 for bent in (False, True)]
                row = [dice_per_image(test_masks, one.astype(np.uint8)).mean() for one in found]
                scores[data.__name__, count].append(row)
                keras.backend.clear_session()
                print(f"seed {seed}, {data.__name__}, {count}: {row[0]:.3f}, bent {row[1]:.3f}", flush=True)
        yield scores


def report(scores, seconds) -> str:
    """Return the table as Markdown."""
    seeds = len(scores["discs", COUNTS[0]])
    lines = [
        "# Elastic deformation: where it helps", "",
        f"Made by `python benchmarks/elastic.py` in {seconds / 60:.0f} minutes. Mean Dice on {TEST} test pictures of {SIZE}x{SIZE} pixels, lowest to highest of "
        f"{seeds} seeds; each seed has other labeled pictures and other first weights. {STEPS} steps with batches of {BATCH}, mirrored and turned; bent with a {GRID}x{GRID} "
        f"grid and a spread of {SPREAD:g} pixels. The gain is taken seed by seed, between two trainings that differ in nothing else.", "",
        "The nuclei are drawn, as in notebook 06 without a network. The discs are default scenes in a smaller frame.", "",
        "| pictures | labeled | mirrored and turned | and bent | gain, lowest to highest | better in |", "| --- | --- | --- | --- | --- | --- |"]
    for (data, count), rows in scores.items():
        without, bent = np.transpose(rows)
        gain = bent - without
        lines.append(f"| {data} | {count} | {without.min():.3f} to {without.max():.3f} | {bent.min():.3f} to {bent.max():.3f} | "
                     f"{gain.min():+.3f} to {gain.max():+.3f} | {(gain > 0).sum()} of {seeds} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    seeds, start = parser.parse_args().seeds, time.perf_counter()
    for done, scores in enumerate(measure(seeds), 1):
        text = report(scores, time.perf_counter() - start)
        if done >= 3:
            (HERE / "elastic.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
