"""Train a network on a folder of labeled pictures, by the settings of notebook 06, and keep it with a true card."""

import difflib
import getpass
import platform
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from helpers import MODELS
from helpers.own_images.gray_levels import fit_normalization
from helpers.own_images.keeping import load_kept, save_network, write_new
from helpers.own_images.layouts import existing_folder
from helpers.own_images.objects import choose_splitting, labels_of, object_scores
from helpers.own_images.pairs import load_pairs
from helpers.own_images.patches import draw_patches, train_on_patches
from helpers.own_images.splits import choose, sources_of, split_by_source, split_table
from helpers.own_images.tiles import predict_tiled
from helpers.synthesis import fingerprint

TRAINING = {  # the settings of notebook 06, and how long to train
    "images": None, "masks": None, "limit": None, "channel": None, "value_range": None, "foreground": None,
    "invert": False, "fill": False, "touching": True, "pixel_size": None, "unit": "", "min_area": 0,
    "turned": False, "source_table": None, "compare_starts": False, "patch": 96, "epochs": 15, "steps": 40, "seed": 0,
    "author": "", "task": "", "out": None,
}
_PLACES = ("images", "masks", "source_table", "out")  # where these lie is nobody's business


def read_settings(path) -> dict:
    """Read the settings of a training from a TOML file: names and values as in the settings cell of notebook 06.

    A name that is left out has its default. Lists stand for Python's tuples; a color of a mask is a list in a list,
    such as foreground = [[255, 0, 0]]. Raises FileNotFoundError, or ValueError for a file that is no TOML, for an
    unknown name, with the nearest one, and if no images are named.
    """
    path = Path(path).expanduser()
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: is no TOML ({error}). A line of it looks like this: min_area = 20") from error
    for name in given:
        if name not in TRAINING:
            near = difflib.get_close_matches(name, TRAINING, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" Known are {', '.join(TRAINING)}."
            raise ValueError(f"{path.name}: there is no setting {name!r}.{hint}")
    settings = {**TRAINING, **given}
    if not settings["images"]:
        raise ValueError(f'{path.name}: says nothing of the pictures. Add a line such as images = "scans/images".')
    if isinstance(settings["foreground"], list):
        settings["foreground"] = [tuple(v) if isinstance(v, list) else v for v in settings["foreground"]]
    return settings


def train_folder(settings: dict, out) -> tuple[Path, dict]:
    """Load, split, train and score as notebook 06 does; returns the kept network's file and its scores.

    settings: any of TRAINING, `images` at least. out: a new folder, which gets network.keras, the training's log and
    split.txt. Raises FileExistsError if the folder holds files, and what `load_pairs` and `split_by_source` raise.
    """
    from helpers.evaluation import best_threshold

    settings, out = {**TRAINING, **settings}, Path(out).expanduser()
    existing_folder(settings["images"], "images")
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"the folder {out} holds files, and nothing is written over. Choose a new folder.")
    reading = {name: settings[name] for name in ("channel", "value_range", "foreground", "invert", "fill", "limit")}
    pairs = load_pairs(settings["images"], settings["masks"], gap=settings["touching"], **reading)
    groups, conditions = sources_of(pairs.names, settings["source_table"])
    sets = split_by_source(groups, seed=settings["seed"], conditions=conditions, names=pairs.names)
    print(split_table(sets, pairs.names, groups, conditions))
    rule = fit_normalization(choose(pairs, sets[0])[0])
    train, val, test = ((rule.apply(x), y) for x, y in (choose(pairs, members) for members in sets))
    long = {"size": settings["patch"], "seed": settings["seed"]}
    start, model, trial = choose_start(train, val, **long)
    print("; ".join(f"{name} {dice:.2f}" for name, dice in trial.items()), f"- trained on: {start}", flush=True)
    long |= {"epochs": settings["epochs"], "steps": settings["steps"]}
    lasted = train_on_patches(model, train, val, out / "run", **long)
    patches, marks = draw_patches(*val, n=40, size=settings["patch"], seed=settings["seed"] + 2)

    def answers(pictures):
        return [predict_tiled(model, picture, turned=settings["turned"]) for picture in pictures]

    threshold = best_threshold(marks, np.stack(answers(patches))).threshold
    truths = [labels_of(pairs, members, settings["touching"]) for members in sets]
    found = [[answer >= threshold for answer in answers(images)] for images, _ in (val, test)]
    split = choose_splitting(truths[1], found[0], settings["min_area"]) if settings["touching"] else False
    scores = {**dice_scores(train, test, found[1]), "test pictures": len(sets[2])}
    scores |= object_scores(truths[2], found[1], settings["min_area"], split)
    steps = len(lasted.epoch) * settings["steps"]  # it may have stopped early
    card = network_card(pairs, sets, (groups, conditions), settings, start=start, steps=steps)
    use = settings_to_keep(settings) | {"split": split, "white": pairs.white}
    write_new(out / "split.txt", lambda file: file.write((card["split"] + "\n").encode()))
    return save_network(out / "network.keras", model, rule, threshold, scores, card, use), scores


def settings_to_keep(settings: dict) -> dict:
    """Return the settings that go with a network: all but the places on this machine, which may name a patient."""
    return {name: value for name, value in settings.items() if name not in _PLACES}


def choose_start(train, val, size: int = 96, seed: int = 0) -> tuple:
    """Try both starts for fifty steps; returns the name of the one ahead, its network, and the Dice of each by name.

    train, val: `(images, masks)`, normalized. The starts: the weights that come with the course, and none, with batch
    normalization. Dice is that of the better of two epochs, on validation patches of `size` pixels.
    """
    import keras

    from helpers.anatomy import build_unet

    keras.utils.set_random_seed(seed)
    rivals = {
        "trained weights": load_kept(MODELS / "unet_circles.keras").model,
        "scratch, batch normalization": build_unet(normalization="batch"),
    }
    trial = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, rival in rivals.items():
            run = train_on_patches(rival, train, val, Path(scratch) / name, size, epochs=2, steps=25, seed=seed)
            trial[name] = max(run.history["val_dice"])
    start = max(trial, key=trial.get)
    return start, rivals[start], trial


def dice_scores(train, test, found) -> dict:
    """Return mean Dice per test picture of the network's masks and of two baselines, by name.

    train, test: `(images, masks)`; found: masks of the test pictures. The baselines: everything is foreground; Otsu's
    threshold, its bright or its dark side as the training pictures decide.
    """
    from helpers.evaluation import dice_per_image, otsu_baseline

    def mean(masks, mine):
        return float(np.mean([dice_per_image(y[None], np.asarray(p, np.uint8)[None])[0] for y, p in zip(masks, mine)]))

    def otsu(images, dark):
        return [1 - each if dark else each for each in (otsu_baseline(image[None])[0] for image in images)]

    dark = mean(train[1], otsu(train[0], True)) > mean(train[1], otsu(train[0], False))
    return {
        "everything foreground": mean(test[1], [np.ones_like(mask) for mask in test[1]]),
        f"Otsu, {'dark' if dark else 'bright'} side": mean(test[1], otsu(test[0], dark)),
        "U-Net": mean(test[1], found),
    }


def network_card(pairs, sets, owners, settings, **training) -> dict:
    """Return the card of a network: on what it was trained, how, with what, when, and by whom; names to texts.

    owners: `(sources, conditions)` of the pictures, from `sources_of`; settings: those of notebook 06, of which all but
    paths are named. training: further facts, such as start="scratch".
    """
    import keras
    import tensorflow as tf

    sources, conditions = owners
    settings = {**TRAINING, **settings}
    try:
        maker = settings["author"] or getpass.getuser()
    except (KeyError, OSError, ImportError):  # a machine where this user has no name
        maker = "unknown"
    versions = {"Python": platform.python_version(), "TensorFlow": tf.__version__, "Keras": keras.__version__}
    digits = fingerprint(*pairs.images, *pairs.masks)
    folder = Path(settings["images"]).name if settings["images"] else "drawn or downloaded nuclei"
    kinds, many = sorted(set(conditions) - {""}), len(set(sources))
    said = {name: value for name, value in settings.items() if name not in (*_PLACES, "author", "task")}
    return {
        "task": settings["task"] or f"objects in {folder}", "made by": maker,
        "made on": datetime.now(UTC).date().isoformat(),
        "data": f"{len(pairs.names)} pictures of {many} source{'s' if many > 1 else ''}, fingerprint {digits}",
        "layout": pairs.layout, "conditions": ", ".join(kinds) or "none were told apart",
        "split": split_table(sets, pairs.names, sources, conditions),
        "seed": settings["seed"], "patches": settings["patch"], **training,
        "settings": ", ".join(f"{name} {value}" for name, value in said.items() if value not in (None, "")),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "not for": "other kinds of pictures, or diagnosis",
    }
