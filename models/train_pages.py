"""Train the two networks that answer on the pages of notebooks 08 and 09, as these notebooks do, and write their card.

    python models/train_pages.py             train both, a few minutes on two cores
    python models/train_pages.py --card      score those that are there and write the card anew

In the notebooks the student trains them. A page of the site cannot, so it gets them ready. `pages.json` holds how the
masks of each network are cut into lesions; `PAGES.md` is the card.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.class_masks import most_probable  # noqa: E402
from helpers.classes import ClassLoss, dice_per_class  # noqa: E402
from helpers.instances import border_weights, cut_gaps, match_objects, split_objects, tune_splitting  # noqa: E402
from helpers.pixel_weights import weighted_batches  # noqa: E402
from helpers.synthesis import CircleScene, make_classes, make_instances  # noqa: E402
from helpers.training import DiceScore, load_network, predict, train_unet, warmup_cosine  # noqa: E402
from train_shipped import save_portable  # noqa: E402

GAPS, CLASSES, SHIPPED = HERE / "unet_gaps.keras", HERE / "unet_classes.keras", HERE / "unet_circles.keras"
EPOCHS = 6
CROWDED, USUAL = CircleScene(circles=(3, 12), radius=(5, 10)), CircleScene(circles=(5, 9), radius=(5, 10))
CHOICES = {"threshold": (0.4, 0.5, 0.6), "waist": (0.15, 0.3, 0.6), "min_area": (10, 15)}  # those of notebook 08

CARD = """\
# The networks of the pages: unet_gaps.keras, unet_classes.keras

Made by `python models/train_pages.py`, which also writes this card and `pages.json`. They are trained as notebooks 08 and
09 train theirs, once, and answer where no Python does: in the panels on the pages of these notebooks.

| network | task | data | score on unseen pictures |
| --- | --- | --- | --- |
| `unet_gaps.keras` | probability of lesion, with a gap between neighbors | 600 pictures of 3 to 12 circles, starting \
from `unet_circles.keras` | F1 of lesions {gaps:.3f}, where `unet_circles.keras` and the watershed reach {shipped:.3f} |
| `unet_classes.keras` | probabilities of background, lesion and vessel | 400 pictures of the default scene | Dice of \
lesions {lesions:.3f}, of vessels {vessels:.3f} |

Neither is for real scans: they have seen nothing but drawn discs and lines.
"""


def train_gaps() -> None:
    """Train the shipped network on with gaps and weights, as notebook 08 does."""
    images, labels = make_instances(600, CROWDED, seed=81)
    val_images, val_labels = make_instances(100, USUAL, seed=82)
    gaps = cut_gaps(labels)
    model = load_network(SHIPPED)
    keras.utils.set_random_seed(1)
    rate = warmup_cosine(2e-3, EPOCHS * 150, 20)
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss=ClassLoss(), metrics=[DiceScore()])
    batches = weighted_batches(images, gaps, 1 + border_weights(labels * gaps), epochs=EPOCHS)
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, batches, (val_images, cut_gaps(val_labels)), folder + "/run", epochs=EPOCHS, steps=150)
    save_portable(model, GAPS)


def train_classes() -> None:
    """Train a network with three classes, as notebook 09 does."""
    images, classes = make_classes(500, seed=9)
    keras.utils.set_random_seed(0)
    model = build_unet(classes=3)
    with tempfile.TemporaryDirectory() as folder:
        train_unet(model, (images[:400], classes[:400]), (images[400:], classes[400:]), folder + "/run", epochs=EPOCHS)
    save_portable(model, CLASSES)


def write_card() -> str:
    """Choose how masks are cut on validation pictures, score all on unseen ones, and write card and `pages.json`."""
    val_images, val_labels = make_instances(100, USUAL, seed=82)
    images, labels = make_instances(200, USUAL, seed=83)
    settings, scores = {}, {}
    for name, path in (("shipped", SHIPPED), ("gaps", GAPS)):
        model = load_network(path)
        settings[name] = tune_splitting(split_objects, val_labels, predict(model, val_images), **CHOICES).settings
        scores[name] = match_objects(labels, split_objects(predict(model, images), **settings[name])).f1
    images, classes = make_classes(200, seed=109)
    found = most_probable(predict(load_network(CLASSES), images))
    _, scores["lesions"], scores["vessels"] = np.mean(dice_per_class(classes, found, 3), axis=0)
    card = CARD.format(**scores)
    (HERE / "pages.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")
    (HERE / "PAGES.md").write_text(card, encoding="utf-8")
    return card


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--card", action="store_true", help="do not train, only score and write the card")
    if not parser.parse_args().card:
        train_gaps()
        train_classes()
    print(write_card())


if __name__ == "__main__":
    main()
