"""What `train_on` trains, and on what: a network and pictures, those of the course or one's own."""

import importlib.util
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Callable

import keras
import numpy as np

from helpers.anatomy import build_unet
from helpers.arrays import check_pair
from helpers.batch_checks import check_foreground
from helpers.fingerprints import digest_of_arrays
from helpers.networks import check_fit, check_takes_gray
from helpers.own_images.manifest import file_fingerprint
from helpers.scaling.files import patches_from_files, stream_files
from helpers.scaling.positions import check_stream
from helpers.scaling.streams import stream_batches
from helpers.several_devices import check_normalization
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import augment, to_dataset

NETWORK = "a function without arguments that builds one, or, for other processes, text such as 'folder/mine.py:build'"


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run.

    sides: height and width. held_back: the validation set, images `[n, h, w, 1]` float32 and masks. stream: a function
    of a batch's number, a number of batches and a shard `(index, count)` that returns a `tf.data.Dataset` of that part
    of each batch. terms: what the run's backup says of them.
    """

    sides: tuple
    held_back: tuple
    stream: Callable
    terms: dict


def material_of(recipe, manifest=None, arrays=None) -> Pictures:
    """Return the pictures of a run: of a manifest, of arrays, or else drawn. recipe: a `SharedRecipe`.

    Raises ValueError if they do not fit, or if no mask of the validation set has any foreground.
    """
    if manifest and arrays is not None:
        raise ValueError("there are a manifest and arrays; pass one of them.")
    settings, sides = {"batch_size": recipe.batch_size, "seed": recipe.seed}, (recipe.size, recipe.size)
    if manifest:
        held_back = patches_from_files(manifest, recipe.held_back, recipe.size, seed=recipe.seed, workers=0)
        terms = {"pictures": "files", "manifest": file_fingerprint(Path(manifest).expanduser())}

        def stream(first, batches, shard):
            return stream_files(manifest, batches, recipe.size, first=first, shard=shard, workers=0, **settings)
    elif arrays is not None:
        train, held_back = _checked(arrays)
        sides, terms = train[0].shape[1:3], {"pictures": "arrays"}
        for name, pair in (("training", train), ("validation", held_back)):
            terms |= {f"{name} {kind}": digest_of_arrays(part) for kind, part in zip(("images", "masks"), pair)}

        def stream(first, batches, shard):
            return stream_arrays(*train, batches, first=first, shard=shard, **settings)
    else:
        scene = CircleScene(size=recipe.size, radius=(3, recipe.size // 4), circles=(0, 3))
        held_back, terms = make_dataset(recipe.held_back, scene, seed=[recipe.seed, 0, 1]), {"pictures": "drawn"}

        def stream(first, batches, shard):
            first, pictures = first * recipe.batch_size, batches * recipe.batch_size
            return stream_batches(pictures, scene, first=first, shard=shard, workers=0, **settings)

    check_foreground([held_back], "validation", 1)
    return Pictures(sides, held_back, stream, terms)


def stream_arrays(images, masks, batches: int, batch_size=4, first=0, seed=0, shard=(0, 1)):
    """Return a `tf.data.Dataset` of full batches of pictures in memory, mirrored and turned, as `stream_files` does.

    images: `[n, h, w, 1]` float32; masks: the same shape, uint8. Every pass takes all of them, in a new order; a batch
    depends on its number, from `first` on, and the seed only. shard: `(index, count)`, which part of each batch.
    """
    mine, index, seed = check_stream(batch_size, first, seed, shard, 0, 1)
    order = lru_cache(2)(lambda turn: np.random.default_rng([seed, turn]).permutation(len(images)))

    def draw():
        for number in range(first, first + batches):
            parts = []
            for place in number * batch_size + index * mine + np.arange(mine):
                turn, i = divmod(int(place), len(images))
                chosen = order(turn)[i : i + 1]
                parts.append(augment(images[chosen], masks[chosen], [seed, int(place), 101]))
            yield tuple(np.concatenate(each) for each in zip(*parts))

    return to_dataset(draw, images.shape[1:], batches)


def _checked(arrays):
    try:
        (images, masks), (others, marks) = arrays
    except (TypeError, ValueError):
        raise ValueError("arrays should be two pairs: ((images, masks), (images, masks)), to train on and to validate "
                         "on.") from None
    train, held_back = check_pair(images, masks), check_pair(others, marks)
    return tuple((pair[0].astype(np.float32), pair[1].astype(np.uint8)) for pair in (train, held_back))


def network_of(network, recipe, sides):
    """Return a new network: the U-Net of the recipe, or one's own, built by a function or by the one that a text names.

    Raises TypeError for what is neither, ValueError, FileNotFoundError or AttributeError if it does not fit or is not
    there.
    """
    if network is None:
        return build_unet(depth=recipe.depth, filters=recipe.filters)
    build = _function(network) if isinstance(network, str) else network
    if not callable(build) or isinstance(build, keras.Model):
        raise TypeError(f"network is {network!r}; expected {NETWORK}.")
    model = build()
    if not isinstance(model, keras.Model):
        raise TypeError(f"the function in network returned {model!r}; expected a Keras model.")
    if model.compiled:
        raise ValueError(
            "this network is compiled, and the loop here has a loss and an optimizer of its own. Build it without "
            "compile, or take train_unet, on the devices of one machine."
        )
    check_takes_gray(model), check_normalization(model), check_fit(model, *sides)
    if model.output_shape[-1] != 1:
        raise ValueError(
            f"this network has {model.output_shape[-1]} outputs for each pixel, and the loss here compares one, a "
            "probability, with masks of 0 and 1. For several classes take train_unet, on the devices of one machine."
        )
    if model.losses:
        raise ValueError(
            "this network adds losses of its own, such as weight penalties, and the step here leaves them out. Build "
            "it without, or take train_unet, on the devices of one machine."
        )
    return model


def _function(text):
    """Return the function that a text such as "folder/mine.py:build" names."""
    path, _, name = text.rpartition(":")
    path = Path(path).expanduser()
    if not path.name.endswith(".py") or not name:
        raise ValueError(f"network is {text!r}; expected {NETWORK}.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}, which network={text!r} names.")
    found = importlib.util.spec_from_file_location(f"network_in_{path.stem}", path)
    module = sys.modules[found.name] = importlib.util.module_from_spec(found)  # as `import` does, for its dataclasses
    if str(path.parent.resolve()) not in sys.path:
        sys.path.append(str(path.parent.resolve()))  # what lies beside it can be imported, and hides nothing
    found.loader.exec_module(module)
    if not hasattr(module, name):
        raise AttributeError(f"{path} has no function {name!r}, which network={text!r} names.")
    return getattr(module, name)
