"""Batches with a weight for each pixel, which travels with its picture through order and augmentation (notebook 09)."""

import numpy as np
import tensorflow as tf

from helpers.arrays import check_pair
from helpers.memory import keeping_pages
from helpers.settings import check_whole
from helpers.training import augment, quiet, steps_per_epoch


def weighted_batches(images, masks, weights, batch_size=4, epochs=1, augmented=True, seed=0, classes=1):
    """Return a `tf.data.Dataset` of batches `(images, masks, weights)` for all epochs of `train_unet(..., steps=...)`.

    images, masks, batch_size, augmented, seed, classes: as in `training_batches`; weights: `[n, h, w, 1]` numbers of at
    least 0. An epoch has `steps_per_epoch(len(images), batch_size)` batches: pass that as `steps`. The model must be
    compiled with a loss that knows such weights, `helpers.classes.ClassLoss`. Raises ValueError for weights of another
    shape, below 0, NaN or all 0, and for a batch_size or epochs below 1.
    """
    images, masks = check_pair(images, masks, classes)
    check_whole(batch_size, "batch_size"), check_whole(epochs, "epochs")
    weights = np.asarray(weights)
    if weights.dtype.kind not in "buif":
        raise ValueError(f"weights are {weights.dtype}; expected numbers of at least 0, such as float32.")
    weights = weights.astype(np.float32)
    if weights.shape != images.shape:
        raise ValueError(f"weights have the shape {weights.shape}; expected one for each pixel, {images.shape}.")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("weights are negative, NaN or infinite; expected numbers of at least 0.")
    if not weights.any():
        raise ValueError("all weights are 0, so no pixel would count. Give the pixels that count a weight of 1.")

    def batches():
        for epoch in range(epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(images))
            for start in range(0, len(images), batch_size):
                chosen = order[start : start + batch_size]
                batch, moved = (images[chosen], masks[chosen]), weights[chosen]
                if augmented:  # the same seed moves the weights like the picture
                    same = [seed, epoch, start]
                    moved, batch = augment(moved, masks[chosen], same)[0], augment(*batch, same)
                yield *batch, moved

    shape = (None, *images.shape[1:])
    signature = tuple(tf.TensorSpec(shape, dtype) for dtype in (tf.float32, tf.uint8, tf.float32))
    dataset = tf.data.Dataset.from_generator(keeping_pages(batches), output_signature=signature)
    steps = epochs * steps_per_epoch(len(images), batch_size)
    return quiet(dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2))
