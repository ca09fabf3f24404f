"""Check a `tf.data.Dataset` before a network is trained on it, as `arrays` checks arrays."""

import numpy as np

from helpers.arrays import check_images, check_pair


def check_first_batch(dataset, name: str, classes: int = 1) -> None:
    """Raise ValueError, saying what is wrong, if the first batch of a Dataset is not as the arrays of the course are.

    name: "training" or "validation"; classes: channels of the network's output, 1 for masks of 0 and 1. A third part
    of a batch is taken as weights, one for each picture.
    """
    batch = next(iter(dataset.take(1)), None)
    try:
        if batch is None:
            raise ValueError("it is empty.")
        if not isinstance(batch, tuple) or len(batch) not in (2, 3):
            raise ValueError("a batch should be a tuple (images, masks), or (images, masks, weights).")
        images, masks, *weights = (np.asarray(part) for part in batch)
        if classes == 1:
            check_pair(images, masks)
        else:
            check_images(images)
        if weights and (weights[0].size != len(images) or weights[0].min() < 0):
            raise ValueError(
                f"its weights have the shape {weights[0].shape}; expected one weight of at least 0 for each picture, "
                f"({len(images)},). Weights of single pixels need a loss and a loop of your own."
            )
    except ValueError as error:
        raise ValueError(f"the first batch of the {name} dataset: {error}") from None


def check_foreground(dataset, name: str) -> None:
    """Raise ValueError if no mask of a Dataset has any foreground. It reads no further than to the first that has."""
    if not any(np.asarray(batch[1]).any() for batch in dataset):
        raise ValueError(
            f"no mask of the {name} set has any foreground, so a Dice score there only rewards finding nothing. "
            "Are the masks read rightly? If so, choose the set such that some of its pictures hold lesions."
        )
