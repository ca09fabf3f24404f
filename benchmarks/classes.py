"""Three classes in the default scene, and the brain with noise and light: U-Net beside its baselines, over several seeds.

    python benchmarks/classes.py            three seeds; writes benchmarks/classes.md (about a quarter of an hour on two cores)
    python benchmarks/classes.py --seeds 1  one seed; writes nothing
    python benchmarks/classes.py --part weights unmarked    measures these, and keeps the other tables as they are
"""

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import MODELS  # noqa: E402
from helpers.brain import brain_slices, split_blocks, without_light  # noqa: E402
from helpers.classes import (  # noqa: E402
    IGNORE, ClassDice, ClassLoss, balanced_weights, confusion, dice_per_class, ladder_of_filters, most_probable, multi_otsu,
)
from helpers.synthesis import CircleScene, make_classes  # noqa: E402

HEIGHTS = range(40, 136)
REPORT = Path(__file__).with_suffix(".md")


def trained(seed, train, validation, start=None, **settings):
    """Return a network with three classes, trained from `seed`, or from the weights of another network."""
    import keras

    from helpers.anatomy import build_unet
    from helpers.training import train_unet

    keras.utils.set_random_seed(seed)
    model = build_unet(classes=3, prior=0.4 if start or "augmented" in settings else 0.1)
    for layer in model.layers if start else ():
        if layer.weights and layer.name != "logits":
            layer.set_weights(start.get_layer(layer.name).get_weights())
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, train, validation, Path(folder) / "run", seed=seed, **settings)
    return model


def default_scene(seeds):
    """Yield `(name, scores)` rows: Dice of lesions and vessels on 200 scenes that were not used before."""
    from helpers.training import predict

    test_images, truth = make_classes(200, seed=20_261)
    yield "multi-Otsu", [dice_per_class(truth, multi_otsu(test_images, 3), 3).mean(axis=0)[1:]]
    images, classes = make_classes(500, seed=9)
    limits = (0.1, 0.15, 0.2, 0.3)
    tried = [dice_per_class(classes[:60], ladder_of_filters(images[:60], one), 3)[:, 2].mean() for one in limits]
    found = ladder_of_filters(test_images, limits[int(np.argmax(tried))])
    yield "Hough circles and Frangi's filter", [dice_per_class(truth, found, 3).mean(axis=0)[1:]]
    scores = []
    for seed in seeds:
        model = trained(seed, (images[:400], classes[:400]), (images[400:], classes[400:]), epochs=6)
        scores.append(dice_per_class(truth, most_probable(predict(model, test_images)), 3).mean(axis=0)[1:])
    yield "U-Net, 400 scenes, 6 epochs", scores


def brain(seeds):
    """Yield `(name, scores)` rows: Dice of gray and white matter on held-out blocks of slices."""
    from helpers.training import load_network, predict

    clean, hard = brain_slices(HEIGHTS), brain_slices(HEIGHTS, noise=0.1, light=0.6)
    train, validation, test = split_blocks(clean.heights, block=12, gap=4)
    draws = [brain_slices(HEIGHTS, noise=0.1, light=0.6, seed=seed) for seed in (1, 2, 3, 4)]
    many = tuple(np.concatenate([part[train] for part in parts]) for parts in list(zip(*draws))[:2])

    def score(masks):
        return dice_per_class(clean.masks[test], masks, 3).mean(axis=0)[1:]

    for name, images in (
        ("clean scan, multi-Otsu", clean.images), ("multi-Otsu", hard.images),
        ("light taken off, multi-Otsu", without_light(hard.images)),
    ):
        yield name, [score(np.maximum(multi_otsu(images[test], 4).astype(int) - 1, 0))]
    held = hard.images[validation], hard.masks[validation]
    for name, start in (("U-Net from scratch", None), ("U-Net from the lesions' network", "unet_circles.keras")):
        scores = []
        for seed in seeds:
            first = load_network(MODELS / start) if start else None
            model = trained(seed, many, held, first, epochs=8, peak_rate=6e-3, augmented=False)
            scores.append(score(most_probable(predict(model, hard.images[test]))))
        yield name, scores


def weights_of_classes(seeds):
    """Yield `(name, scores)` rows: recall and precision of vessels in small scenes, by the loss (notebook 09, section 2)."""
    train, validation = small_scenes()
    balanced = balanced_weights(train[1], 3).tolist()
    for name, loss in (
        ("cross-entropy", lambda: ClassLoss(dice=False)),
        ("cross-entropy, balanced weights", lambda: ClassLoss(balanced, dice=False)),
        ("cross-entropy plus Dice", ClassLoss),
    ):
        matrices = [confusion(validation[1], small_race(seed, train, validation, loss()), 3) for seed in seeds]
        yield name, [(m[2, 2] / m[2].sum(), m[2, 2] / m[:, 2].sum()) for m in matrices]


def unmarked_pixels(seeds):
    """Yield `(name, scores)` rows: Dice of lesions and vessels when a quarter is marked (notebook 09, section 5)."""
    (images, masks), validation = small_scenes()
    left, columns = np.full_like(masks, IGNORE), np.full_like(masks, IGNORE)
    left[:, :, :12], columns[:, :, ::4] = masks[:, :, :12], masks[:, :, ::4]
    for name, marked in (
        ("left quarter, the rest called background", np.where(left == IGNORE, 0, left)),
        ("left quarter, the rest ignored", left), ("every fourth column, the rest ignored", columns),
    ):
        found = [small_race(seed, (images, marked), validation, ClassLoss()) for seed in seeds]
        yield name, [dice_per_class(validation[1], each, 3).mean(axis=0)[1:] for each in found]


def small_scenes():
    """Return the small scenes of notebook 09, `(images, classes)` for training and for validation."""
    scene = CircleScene(size=48, radius=(3, 9), circles=(1, 4))
    return [make_classes(n, scene, seed) for n, seed in ((160, 5), (60, 6))]


def small_race(seed, train, validation, loss):
    """Train as `race` of notebook 09 does, from `seed`; returns the most probable class of the validation pixels."""
    import keras

    from helpers.anatomy import build_unet
    from helpers.training import predict, train_unet

    keras.utils.set_random_seed(seed)
    model = build_unet((48, 48, 1), depth=3, classes=3)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss, metrics=[ClassDice()])
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, train, validation, Path(folder) / "run", epochs=10)
    return most_probable(predict(model, validation[0]))


PARTS = {  # name: heading, what follows it, the columns, the rows
    "scene": ("Default scene, 200 scenes of another seed", "", ("lesions", "vessels"), default_scene),
    "brain": (
        "The MNI152 brain with noise 0.1 and light 0.6, 16 held-out slices",
        "Blocks of twelve slices, the last four of each left out as a gap; the test blocks were used for nothing else.",
        ("gray matter", "white matter"), brain,
    ),
    "weights": ("Small scenes: what the loss does to vessels", "", ("recall", "precision"), weights_of_classes),
    "unmarked": ("Small scenes: a quarter of the pixels is marked", "", ("lesions", "vessels"), unmarked_pixels),
}


def table(rows, columns):
    """Return rows as Markdown: one number, or the range over seeds."""
    lines = [f"| | {' | '.join(columns)} |", "| --- | --- | --- |"]
    for name, scores in rows:
        low, high = np.min(scores, axis=0), np.max(scores, axis=0)
        shown = [f"{a:.3f}" if a == b else f"{a:.3f} to {b:.3f}" for a, b in zip(low, high)]
        lines.append(f"| {name} | {' | '.join(shown)} |")
        print(lines[-1], flush=True)
    return lines


def main(arguments=None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--part", nargs="*", choices=PARTS, help="measure these, and keep the other tables")
    options = parser.parse_args(arguments)
    seeds = range(options.seeds)
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    sections = dict(re.findall(r"^## (.+?)\n\n(.*?)\n*(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    for name in options.part or PARTS:
        heading, note, columns, rows = PARTS[name]
        started = time.perf_counter()
        lines = table(rows(seeds), columns)
        took = f"{len(seeds)} trainings of each network, {(time.perf_counter() - started) / 60:.0f} minutes in all."
        sections[heading] = "\n".join([f"{note} {took}".strip(), "", *lines])
    head = "# Several classes\n\nMade by `python benchmarks/classes.py`. Mean Dice per image, or what a column says; ranges are over the trainings."
    if options.seeds >= 3:
        known = [f"## {heading}\n\n{sections[heading]}" for heading, *_ in PARTS.values() if heading in sections]
        REPORT.write_text("\n\n".join([head, *known]) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
