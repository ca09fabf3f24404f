"""Check what `train_unet` was given as training and validation set before a network is trained on it."""

import numpy as np
import tensorflow as tf

from helpers.batch_checks import has_foreground
from helpers.plain_arrays import plain_array

PAIR = "expected a pair (images, masks) of arrays, or a tf.data.Dataset of batches"


def check_parts(given, name: str):
    """Return what `train_unet` was given as "train" or "validation": a Dataset, or a pair of arrays.

    Raises ValueError if it is neither.
    """
    if isinstance(given, tf.data.Dataset):
        return given
    kind, several = type(given), isinstance(given, (tuple, list))
    if kind is dict:
        keys = ", ".join(map(repr, given))
        raise ValueError(f"{name} is a dictionary of {keys}; {PAIR}. Take two of its parts: {name}[...], {name}[...].")
    if given is None:
        why = " The best epoch is chosen by it: hold some pictures back." if name == "validation" else ""
        raise ValueError(f"{name} is None; {PAIR}.{why}")
    if isinstance(given, np.ndarray):
        raise ValueError(f"{name} is one array of the shape {given.shape}; {PAIR}.")
    if not several:
        raise ValueError(
            f"{name} is of the kind {kind.__name__}; {PAIR}. A function that yields batches, images [n, height, width, "
            "1] and their masks, becomes a Dataset with helpers.training.to_dataset(function, (height, width, 1), "
            "number_of_batches)."
        )
    if len(given) == 3:
        raise ValueError(
            f"{name} has three parts; expected (images, masks). For weights of single pixels pass a Dataset, made by "
            "helpers.pixel_weights.weighted_batches, and compile the model with helpers.classes.ClassLoss()."
        )
    if len(given) != 2:
        raise ValueError(f"{name} has {len(given)} parts; expected a pair (images, masks), or a tf.data.Dataset.")
    if any(isinstance(part, tf.data.Dataset) for part in given):
        raise ValueError(f"{name} has Datasets for parts; join them: tf.data.Dataset.zip((images, masks)).")
    return plain_array(given[0], f"the images of {name}"), plain_array(given[1], f"the masks of {name}")


def check_extent(train, validation, classes: int, steps) -> None:
    """Raise ValueError if a set is empty or never ends, if `steps` does not belong to it, or nothing can be learned."""
    for name, given in (("training", train), ("validation", validation)):
        if isinstance(given, tf.data.Dataset):
            _check_end(given, name, steps)
        elif not given[0].size and not given[1].size:
            raise ValueError(f"the {name} set is empty: it holds no picture.")
    if isinstance(train, tf.data.Dataset):
        return
    if steps is not None:
        raise ValueError(
            f"steps is {steps}, and the training set is a pair of arrays, of which an epoch is one pass. Leave steps "
            "away; it belongs to a tf.data.Dataset that is one long stream."
        )
    if not has_foreground(train[1], classes):
        raise ValueError(
            "no mask of the training set has any foreground, so a network can only learn to find nothing. Are the "
            "masks read rightly? If so, choose the set such that some of its pictures hold lesions."
        )


def _check_end(dataset, name, steps):
    if dataset.cardinality() != tf.data.INFINITE_CARDINALITY:
        return
    if name == "validation":
        raise ValueError(
            "the validation dataset never ends, and each epoch is scored on one pass through it. Leave out .repeat(), "
            "or add .take(number_of_batches)."
        )
    if steps is None:
        raise ValueError(
            "the training dataset never ends, so nobody knows how many batches an epoch has. Leave out .repeat(), or "
            "pass steps=..., the batches of an epoch."
        )


def as_stream(dataset, first_epoch: int, epochs: int, steps: int):
    """Return what is left of one long stream after some epochs; one that ends before the last is begun again."""
    count = int(dataset.cardinality())
    enough = count == tf.data.INFINITE_CARDINALITY or count >= epochs * steps
    return (dataset if enough else dataset.repeat()).skip(first_epoch * steps)


def shuffles_anew(dataset, one_stream: bool) -> bool:
    """Return whether a Dataset shuffles in an order that cannot be drawn again.

    one_stream: whether the epochs are parts of a single pass, and not a pass each. A shuffle whose order comes back in
    every pass, or in a single pass with a seed, is repeatable. TensorFlow shows the steps of a Dataset as attributes
    that are not documented; where they are missing, no shuffle is found.
    """
    steps, shuffled = [dataset], False
    while steps:
        step = steps.pop()
        steps += getattr(step, "_inputs", list)()
        if type(step).__name__ == "_ShuffleDataset":
            seeds = int(getattr(step, "_seed", 1)), int(getattr(step, "_seed2", 1))
            anew = getattr(step, "_reshuffle_each_iteration", False) is not False  # None means True
            shuffled |= not any(seeds) if one_stream else anew
    return shuffled
