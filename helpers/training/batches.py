"""Batches and augmentation: pictures and masks as streams that a network is trained from (notebook 03)."""

import numpy as np
import tensorflow as tf

from helpers.arrays import check_pair
from helpers.memory import keeping_pages
from helpers.settings import check_whole


def augment(images, masks, seed):
    """Mirror, turn over and transpose each picture of a batch at random, its mask in the same way.

    images, masks: arrays `[n, h, w, 1]`; seed: a whole number or several. Returns arrays, float and uint8. Picture and
    mask travel as two channels of one array, so nothing can move one without the other. Pictures that are not square
    are not transposed.
    """
    rng = np.random.default_rng(seed)
    both = np.concatenate([images, masks], axis=-1)
    for i in range(len(both)):
        mirror, turn, transpose = rng.random(3) < 0.5
        if mirror:
            both[i] = both[i, :, ::-1]
        if turn:
            both[i] = both[i, ::-1]
        if transpose and both.shape[1] == both.shape[2]:
            both[i] = both[i].transpose(1, 0, 2)
    return both[..., :1], both[..., 1:].astype("uint8")


def training_batches(images, masks, batch_size=4, epochs=1, first_epoch=0, augmented=True, seed=0, classes=1):
    """Return a `tf.data.Dataset` of `(images, masks)` batches: every epoch in a new order and with new augmentation.

    Order and augmentation depend on seed and epoch only, so a run that starts at `first_epoch` sees what an
    uninterrupted one sees there. The last batch of an epoch may be smaller. classes: of the network (notebook 09).
    """
    images, masks = check_pair(images, masks, classes)
    check_whole(batch_size, "batch_size")

    def batches():
        for epoch in range(first_epoch, epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(images))
            for start in range(0, len(images), batch_size):
                chosen = order[start : start + batch_size]
                batch = images[chosen], masks[chosen]
                yield augment(*batch, seed=[seed, epoch, start]) if augmented else batch

    steps = (epochs - first_epoch) * steps_per_epoch(len(images), batch_size)
    return to_dataset(batches, images.shape[1:], steps)


def to_dataset(batches, shape, steps):
    """Return a `tf.data.Dataset` of what a function of batches yields, prepared while the network is busy.

    batches: a function without arguments that yields `(images, masks)`; shape: `(h, w, 1)`; steps: how many it yields.
    """
    signature = tf.TensorSpec((None, *shape), tf.float32), tf.TensorSpec((None, *shape), tf.uint8)
    dataset = tf.data.Dataset.from_generator(keeping_pages(batches), output_signature=signature)
    return quiet(dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2))


def fixed_batches(images, masks, batch_size=32, classes=1):
    """Return a `tf.data.Dataset` of `(images, masks)` batches in their given order, for validation."""
    images, masks = check_pair(images, masks, classes)
    check_whole(batch_size, "batch_size")
    return quiet(tf.data.Dataset.from_tensor_slices((images, masks)).batch(batch_size).prefetch(1))


def quiet(dataset):
    """Return the dataset without tf.data's autotuner, whose waits can hold up the end of an epoch for seconds."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def steps_per_epoch(n: int, batch_size: int) -> int:
    """Return the number of batches that `n` pictures fill; the last may be smaller."""
    return -(-n // batch_size)
