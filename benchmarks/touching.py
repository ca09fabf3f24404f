"""Touching lesions: what each remedy gains over a watershed, over five trainings, by the number of circles.

    python benchmarks/touching.py            writes touching.md beside this file; about a quarter of an hour on two cores.
                                             It is written from the third training on, and after each further one.
    python benchmarks/touching.py --seed 7   the same on other test pictures; prints, writes nothing

All networks start from `models/unet_circles.keras` and see the same pictures in the same order. They differ in what
they are trained on: masks; masks with gaps; the same with border weights; masks and a distance map. Every setting of a
method is chosen on validation pictures.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers import MODELS, instances  # noqa: E402
from helpers.classes import ClassLoss  # noqa: E402
from helpers.pixel_weights import weighted_batches  # noqa: E402
from helpers.synthesis import CircleScene, make_instances  # noqa: E402
from helpers.training import DiceScore, bce_dice_loss, load_network, predict, train_unet, warmup_cosine  # noqa: E402
from scipy import stats  # noqa: E402

PICTURES, EPOCHS, BATCH, SEEDS = 320, 6, 4, (1, 2, 3, 4, 5)
MAIN = {"5 to 9": (5, 9), "8 to 14": (8, 14)}
COUNTS = {"2 to 3": (2, 3), "4 to 6": (4, 6), "7 to 9": (7, 9), "10 to 12": (10, 12), "13 to 15": (13, 15)}
AREAS = (10, 15)
CHOICES = {
    "connected": dict(threshold=(0.5, 0.7), min_area=AREAS),
    "split": dict(threshold=(0.4, 0.5, 0.6), waist=(0.15, 0.3, 0.6), min_area=AREAS),
    "grow": dict(threshold=(0.5, 0.6, 0.7, 0.8), min_area=AREAS),
    "peak": dict(threshold=(0.4, 0.5), height=(0.01, 0.02, 0.05, 0.1, 0.2), min_area=AREAS),
}
FINDERS = {"connected": instances.connected_objects, "split": instances.split_objects,
           "grow": instances.grow_objects, "peak": instances.peak_objects}
METHODS = {  # name: what the network was trained on, how objects are found in its answer
    "connected components": ("masks", "connected"), "watershed": ("masks", "split"),
    "gaps, unweighted": ("gaps", "grow"), "gaps, unweighted, watershed": ("gaps", "split"),
    "gaps and border weights": ("weights", "grow"), "gaps, border weights, watershed": ("weights", "split"),
    "distance map, watershed on it": ("distance", "peak"),
}


def scene(circles):
    """Return the scene of this benchmark: circles of radius 5 to 10, all else as in the default scene."""
    return CircleScene(circles=circles, radius=(5, 10))


def train(kind: str, seed: int):
    """Train one network; returns a function from images to what its finder takes."""
    images, labels = make_instances(PICTURES, scene((3, 12)), seed=31)
    val_images, val_labels = make_instances(60, scene((3, 12)), seed=34)
    gaps = kind in ("gaps", "weights")
    masks, val_masks = (instances.cut_gaps(a) if gaps else (a > 0).astype(np.uint8) for a in (labels, val_labels))
    steps = PICTURES // BATCH
    unet, rate = load_network(MODELS / "unet_circles.keras"), warmup_cosine(2e-3, steps * EPOCHS, 20)
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=1.0)
    keras.utils.set_random_seed(seed)
    if kind == "distance":
        features = unet.get_layer("decoder_1").output
        depth = keras.layers.Conv2D(1, 1, activation="sigmoid", name="distance")(features)
        both = keras.Model(unet.input, {"probability": unet.output, "distance": depth})
        both.compile(optimizer, loss={"probability": bce_dice_loss, "distance": "mean_absolute_error"},
                     loss_weights={"probability": 1.0, "distance": 5.0})
        batches = weighted_batches(images, masks, instances.distance_map(labels), BATCH, EPOCHS, seed=seed)
        both.fit(batches.map(lambda x, y, d: (x, {"probability": y, "distance": d})), epochs=EPOCHS,
                 steps_per_epoch=steps, verbose=0)
        only = keras.Model(unet.input, depth)
        return lambda pictures: (predict(unet, pictures), predict(only, pictures))
    weights = 1 + instances.border_weights(labels * masks) if kind == "weights" else np.ones(masks.shape, np.float32)
    unet.compile(optimizer, loss=ClassLoss(), metrics=[DiceScore()])
    with tempfile.TemporaryDirectory() as folder:
        train_unet(unet, weighted_batches(images, masks, weights, BATCH, EPOCHS, seed=seed), (val_images, val_masks),
                   Path(folder) / "run", epochs=EPOCHS, steps=steps)
    return lambda pictures: (predict(unet, pictures),)


def scores(labels, found):
    """Return F1 of objects at an IoU of 0.5, mean error of the count, average precision and panoptic quality."""
    score = instances.match_objects(labels, found)
    return score.f1, instances.count_error(labels, found), instances.average_precision(labels, found), score.panoptic_quality


def measure(test_seed: int):
    """Yield `{method: {pictures: [one row of scores a training]}}` and the chosen settings, after each training but two."""
    val_images, val_labels = make_instances(100, scene((3, 12)), seed=32)
    tests = {name: make_instances(200 if name in MAIN else 60, scene(circles), seed=[test_seed, number])
             for number, (name, circles) in enumerate({**MAIN, **COUNTS}.items())}
    table, chosen = {name: {test: [] for test in tests} for name in METHODS}, {name: [] for name in METHODS}
    strict = instances.tune_splitting(lambda x, strictness: instances.circle_objects(x, (5, 10), strictness), val_labels,
                                      val_images, strictness=(7, 8, 9, 10, 11, 12, 14)).settings["strictness"]
    fixed = {f"Hough circles (strictness {strict})": lambda x, y: instances.circle_objects(x, (5, 10), strict),
             "true mask, watershed": lambda x, y: instances.split_objects((y > 0).astype(np.uint8), waist=0.15),
             "true lesions, but none of under 20 visible pixels": lambda x, y: np.stack(
                 [instances.drop_small(one, 20) for one in y])}
    for name, find in fixed.items():
        table[name] = {test: [scores(labels, find(images, labels))] for test, (images, labels) in tests.items()}
    for done, seed in enumerate(SEEDS, 1):
        for kind in ("masks", "gaps", "weights", "distance"):
            answer = train(kind, seed)
            for name, (trained_on, finder) in METHODS.items():
                if trained_on == kind:
                    find = FINDERS[finder]
                    best = instances.tune_splitting(find, val_labels, *answer(val_images), **CHOICES[finder]).settings
                    chosen[name].append(best)
                    for test, (images, labels) in tests.items():
                        table[name][test].append(scores(labels, find(*answer(images), **best)))
            print(f"seed {seed}, {kind}: " + "; ".join(
                f"{name} {table[name]['5 to 9'][-1][0]:.3f}" for name, (t, _) in METHODS.items() if t == kind), flush=True)
        if done >= 3:
            yield table, chosen


def spread(values, digits=3):
    """Return a mean with the lowest and the highest value."""
    low, mean, high = min(values), np.mean(values), max(values)
    return f"{mean:.{digits}f}" + (f" ({low:.{digits}f} to {high:.{digits}f})" if len(values) > 1 else "")


def gain(values):
    """Return the mean of paired differences with its 95 % interval (Student's t over the trainings)."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    sure = "**" if abs(np.mean(values)) > half else ""
    return f"{sure}{np.mean(values):+.3f}{sure} ({np.mean(values) - half:+.3f} to {np.mean(values) + half:+.3f})"


def report(table, chosen, test_seed, seconds) -> str:
    """Return the tables as Markdown."""
    trainings = len(table["watershed"]["5 to 9"])
    lines = [
        "# Touching lesions: what each remedy gains", "",
        f"Made by `python benchmarks/touching.py` in {seconds / 60:.0f} minutes. Test pictures: seed {test_seed}, not used in training or tuning; "
        f"circles of radius 5 to 10, all else as in the default scene. Each network starts from `models/unet_circles.keras` and is trained for "
        f"{EPOCHS} epochs on {PICTURES} pictures with 3 to 12 circles, {trainings} times with other seeds. Settings were chosen on 100 validation pictures.", "",
        "Mean over the trainings, in brackets the lowest and the highest.", ""]
    for test in MAIN:
        lines += [f"## {test} circles, 200 pictures", "",
                  "| method | F1 of objects at IoU 0.5 | mean error of the count | average precision 0.5 to 0.95 | panoptic quality |", "| --- | --- | --- | --- | --- |"]
        for name, rows in table.items():
            columns = list(zip(*rows[test]))
            lines.append(f"| {name} | " + " | ".join(spread(c, 2 if i == 1 else 3) for i, c in enumerate(columns)) + " |")
        lines.append("")
    lines += ["## Gain in F1 over the watershed on a network trained on masks, by the number of circles", "",
              f"Paired by training, with a 95 % interval (Student's t over the {trainings} trainings); bold where the interval leaves out 0. 60 pictures each.", "",
              "| circles | watershed's F1 | " + " | ".join(n for n in METHODS if n != "watershed") + " |", "| --- |" + " --- |" * len(METHODS)]
    for test in COUNTS:
        base = np.array([row[0] for row in table["watershed"][test]])
        cells = [gain(np.array([row[0] for row in table[n][test]]) - base) for n in METHODS if n != "watershed"]
        lines.append(f"| {test} | {spread(base)} | " + " | ".join(cells) + " |")
    lines += ["", "## Gain of the border weights alone, by the number of circles", "",
              "Gaps with border weights less gaps without, both with a watershed; by F1 (higher is better) and by the error of the count (lower is better).", "",
              "| circles | F1 | error of the count |", "| --- | --- | --- |"]
    for test in COUNTS:
        with_w, without = (np.array(table[n][test]) for n in ("gaps, border weights, watershed", "gaps, unweighted, watershed"))
        lines.append(f"| {test} | {gain((with_w - without)[:, 0])} | {gain((with_w - without)[:, 1])} |")
    lines += ["", "## Settings that validation chose, one for each training", ""]
    lines += [f"- {name}: " + "; ".join(", ".join(f"{k} {v}" for k, v in one.items()) for one in rows) for name, rows in chosen.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2033, help="of the test pictures; another one than 2033 writes nothing")
    seed = parser.parse_args().seed
    start = time.perf_counter()
    for table, chosen in measure(seed):
        text = report(table, chosen, seed, time.perf_counter() - start)
        if seed == 2033:
            (HERE / "touching.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
