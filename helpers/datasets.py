"""Check a `tf.data.Dataset` before a network is trained on it, as `arrays` checks arrays."""

import warnings

import numpy as np

from helpers.arrays import check_pair


def check_parts(given, name: str) -> None:
    """Raise ValueError if what `train_unet` was given as "train" or "validation" is neither a pair nor a Dataset."""
    if isinstance(given, (tuple, list)) and len(given) == 3:
        raise ValueError(
            f"{name} has three parts; expected (images, masks). For weights of single pixels pass a Dataset, made by "
            "helpers.pixel_weights.weighted_batches, and compile the model with helpers.classes.ClassLoss()."
        )
    if isinstance(given, np.ndarray) or isinstance(given, (tuple, list)) and len(given) != 2:
        raise ValueError(f"{name} has {len(given)} parts; expected a pair (images, masks), or a tf.data.Dataset.")


def check_first_batch(dataset, name: str, model) -> None:
    """Raise ValueError, saying what is wrong, if the first batch of a Dataset is not as the arrays of the course are.

    name: "training" or "validation"; model: the channels of its output say how many classes the masks may hold. A third
    part of a batch is taken as weights, one for each picture or, if the loss knows such weights, for each pixel.
    """
    classes, loss = model.output_shape[-1], model.loss if model.compiled else None
    by_pixel = getattr(loss, "pixel_weights", False) or classes > 1 and not model.compiled
    batch = next(iter(dataset.take(1)), None)
    try:
        if batch is None:
            raise ValueError("it is empty.")
        if not isinstance(batch, tuple) or len(batch) not in (2, 3):
            raise ValueError("a batch should be a tuple (images, masks), or (images, masks, weights).")
        images, masks, *weights = (np.asarray(part) for part in batch)
        check_pair(images, masks, classes)
        shape = weights[0].shape if weights else ()
        if weights and not (weights[0] >= 0).all():  # NaN is not at least 0 either
            raise ValueError("its weights are negative or NaN; expected numbers of at least 0.")
        if weights and weights[0].size != len(images) and not by_pixel:
            raise ValueError(
                f"its weights have the shape {shape}; this model's loss takes one weight for each picture, "
                f"({len(images)},). For weights of single pixels compile the model with helpers.classes.ClassLoss()."
            )
        if weights and weights[0].size != len(images) and shape not in (images.shape, images.shape[:3]):
            raise ValueError(f"its weights have the shape {shape}; expected one weight for each pixel, {images.shape}.")
    except ValueError as error:
        raise ValueError(f"the first batch of the {name} dataset: {error}") from None


def check_foreground(dataset, name: str) -> None:
    """Raise ValueError if no mask of a Dataset has any foreground. It reads no further than to the first that has."""
    if not any(np.asarray(batch[1]).any() for batch in dataset):
        raise ValueError(
            f"no mask of the {name} set has any foreground, so a Dice score there only rewards finding nothing. "
            "Are the masks read rightly? If so, choose the set such that some of its pictures hold lesions."
        )


def warn_of_shuffling(dataset, one_stream: bool) -> None:
    """Warn that an interrupted run cannot go on as if it had not been, because a Dataset shuffles in another order.

    one_stream: whether the epochs are parts of a single pass, and not a pass each. A shuffle whose order comes back in
    every pass, or in a single pass with a seed, is repeatable. TensorFlow shows the steps of a Dataset as attributes
    that are not documented; where they are missing, nothing is said.
    """
    steps, shuffled = [dataset], False
    while steps:
        step = steps.pop()
        steps += getattr(step, "_inputs", list)()
        if type(step).__name__ == "_ShuffleDataset":
            seeds = int(getattr(step, "_seed", 1)), int(getattr(step, "_seed2", 1))
            anew = getattr(step, "_reshuffle_each_iteration", False) is not False  # None means True
            shuffled |= not any(seeds) if one_stream else anew
    if shuffled:
        once = "seed=0" if one_stream else "seed=0, reshuffle_each_iteration=False"
        warnings.warn(
            "the training dataset is shuffled in an order that cannot be drawn again, so the rest of this run sees its "
            "pictures in another order than an uninterrupted one, and its weights will differ. Pass arrays, which "
            f"train_unet shuffles itself, or .shuffle(n, {once}) when the run is started.", stacklevel=4,
        )
