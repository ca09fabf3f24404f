"""Three classes in the default scene, and the brain with noise and light: U-Net beside its baselines, over several seeds.

    python benchmarks/classes.py            three seeds; writes benchmarks/classes.md (about eight minutes on two cores)
    python benchmarks/classes.py --seeds 1  one seed; writes nothing
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from helpers import MODELS  # noqa: E402
from helpers.brain import brain_slices, split_blocks, without_light  # noqa: E402
from helpers.classes import dice_per_class, ladder_of_filters, most_probable, multi_otsu  # noqa: E402
from helpers.synthesis import make_classes  # noqa: E402

HEIGHTS = range(40, 136)


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
    options = parser.parse_args(arguments)
    seeds, started = range(options.seeds), time.perf_counter()
    scene = table(default_scene(seeds), ("lesions", "vessels"))
    slices = table(brain(seeds), ("gray matter", "white matter"))
    minutes = (time.perf_counter() - started) / 60
    text = [
        "# Several classes", "",
        f"Made by `python benchmarks/classes.py` in {minutes:.0f} minutes. Mean Dice "
        f"per image; ranges are over {options.seeds} seeds of the training.", "",
        "## Default scene, 200 scenes of another seed", "", *scene, "",
        "## The MNI152 brain with noise 0.1 and light 0.6, 16 held-out slices", "",
        "Blocks of twelve slices, the last four of each left out as a gap; the test blocks were used for nothing else.", "",
        *slices, "",
    ]
    if options.seeds >= 3:
        Path(__file__).with_suffix(".md").write_text("\n".join(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
