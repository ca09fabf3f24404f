"""Look at every batch of a `tf.data.Dataset` while a network is trained on it, as `arrays` looks at arrays before."""

import contextlib
import warnings

import keras
import numpy as np
import tensorflow as tf

from helpers.arrays import check_pair
from helpers.class_masks import IGNORE
from helpers.fingerprints import digest_of_arrays
from helpers.networks import check_fit
from helpers.several_devices import check_no_empty_part, check_shares


class BatchCheck(keras.callbacks.Callback):
    """What is wrong with a batch of a Dataset, in words, and whether any mask held foreground.

    name: "training" or "validation"; model: the channels of its output say how many classes the masks may hold. A third
    part of a batch is taken as weights, one for each picture or, if the loss knows such weights, for each pixel. As a
    callback, which has to come first, it notices an epoch without a batch.
    """

    def __init__(self, name: str, model):
        super().__init__()
        loss = model.loss if model.compiled else None
        self.name, self.network, self.classes = name, model, model.output_shape[-1]
        self.by_pixel = getattr(loss, "pixel_weights", False) or self.classes > 1 and not model.compiled
        self.error, self.looked, self.foreground, self.batches, self.axes = None, False, False, 0, ()
        self.given, self.digest = None, None

    def check_first(self, dataset):
        """Raise ValueError, saying what is wrong, if a Dataset is empty or its first batch is unfit.

        Its fingerprint is kept for `first_batches`. So this is the Dataset as it was given, of an interrupted run, too.
        """
        batch = next(iter(dataset.take(1)), None)
        try:
            if batch is None:
                raise ValueError("it is empty.")
            if not isinstance(batch, tuple) or len(batch) not in (2, 3):
                raise ValueError("a batch should be a tuple (images, masks), or (images, masks, weights).")
            if not all(isinstance(part, tf.Tensor) for part in batch):
                raise ValueError(
                    f"its parts are of the kinds {', '.join(type(part).__name__ for part in batch)}; expected tensors "
                    "(images, masks), with pictures of one size."
                )
            self.check(*(part.numpy() for part in batch))
            check_fit(self.network, *batch[0].shape[1:3])
            check_shares(len(batch[0]), "it has", self.network.distribute_strategy.num_replicas_in_sync)
        except ValueError as error:
            raise ValueError(f"the first batch of the {self.name} dataset: {error}") from None
        self.axes = [part.shape.rank for part in batch]
        self.given, self.digest = dataset, digest_of_arrays(*(part.numpy() for part in batch))

    def watched(self, dataset, first=0):
        """Return a Dataset whose batches are looked at as they are drawn. first: the number of its first one.

        Pictures and masks `[n, h, w]` get their last axis, as arrays do.
        """
        def look(number, parts):
            with tf.control_dependencies([tf.numpy_function(self.look, [number, *parts], tf.bool)]):
                parts = [tf.identity(part) for part in parts]
                return tuple(_four_axes(part, axes, i) for i, (part, axes) in enumerate(zip(parts, self.axes)))

        return dataset.enumerate(first).map(look).prefetch(1)

    def look(self, number, *parts):
        """Return True for a sound batch; keep the error and raise it for another. number: of the batch, from 0."""
        try:
            self.check(*parts)
            check_no_empty_part(len(parts[0]), "it has", self.network.distribute_strategy.num_replicas_in_sync)
        except ValueError as error:
            self.error = ValueError(f"batch {number + 1} of the {self.name} dataset: {error}")
            raise self.error from None
        self.looked, self.foreground = True, self.foreground or has_foreground(parts[1], self.classes)
        return np.True_

    def check(self, images, masks, *weights):
        """Raise ValueError, saying what is wrong, unless a batch is as the arrays of the course are."""
        if not self._is_plain(images, masks):
            check_pair(images, masks, self.classes)
            if not len(images):
                raise ValueError("it holds no picture.")
        if not weights:
            return
        weights, shape = weights[0], weights[0].shape
        if not ((weights >= 0) & np.isfinite(weights)).all():
            raise ValueError("its weights are negative, NaN or infinite; expected numbers of at least 0.")
        if weights.size != len(images) and not self.by_pixel:
            raise ValueError(
                f"its weights have the shape {shape}; this model's loss takes one weight for each picture, "
                f"({len(images)},). For weights of single pixels compile the model with helpers.classes.ClassLoss()."
            )
        if weights.size != len(images) and shape not in (images.shape, images.shape[:3]):
            raise ValueError(f"its weights have the shape {shape}; expected one weight for each pixel, {images.shape}.")

    def _is_plain(self, images, masks):
        """Whether a quick look says that all is well: floats in 0..1, and masks of one byte a pixel, all known."""
        if images.dtype.kind != "f" or masks.dtype != np.uint8 or images.shape != masks.shape or images.ndim != 4:
            return False
        if not images.size or images.shape[-1] != 1 or not (images.min() >= 0 and images.max() <= 1):  # NaN is neither
            return False
        most = masks.max()
        return bool(most < max(2, self.classes) or self.classes > 1 and most == IGNORE
                    and masks[masks < IGNORE].max(initial=0) < self.classes)

    def on_epoch_begin(self, epoch, logs=None):
        """Begin to count."""
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        """Count a batch."""
        self.batches += 1

    def on_epoch_end(self, epoch, logs=None):
        """Raise ValueError if the epoch had no batch, so that no log gets a row without a loss."""
        if not self.batches:
            raise ValueError(
                f"epoch {epoch + 1} had no batch, because the training dataset was used up. A generator that is made "
                "once is empty after one pass; let tf.data.Dataset.from_generator call a function that makes it anew."
            )


def _four_axes(part, rank, index):
    """Return a part of a batch with the axes that the first batch had, and pictures and masks with their channel."""
    if part.shape.rank is None:
        part = tf.ensure_shape(part, [None] * rank)
    return part[..., None] if index < 2 and rank == 3 else part


def has_foreground(masks, classes: int) -> bool:
    """Return whether masks, whole numbers or one-hot, hold any foreground; what nobody marked is none."""
    masks = np.asarray(masks)
    if classes > 1 and masks.ndim == 4 and masks.shape[-1] == classes:
        return bool(masks[..., 1:].any())
    return bool(((masks != 0) & (masks != IGNORE)).any()) if classes > 1 else bool(masks.any())


def check_foreground(dataset, name: str, classes: int) -> None:
    """Raise ValueError if no mask of a Dataset has any foreground. It reads the whole of it, so each batch is seen."""
    if not sum(has_foreground(batch[1], classes) for batch in dataset):
        raise ValueError(
            f"no mask of the {name} set has any foreground, so a Dice score there only rewards finding nothing. "
            "Are the masks read rightly? If so, choose the set such that some of its pictures hold lesions."
        )


@contextlib.contextmanager
def said_of_batches(*checks):
    """Raise what a check has found in a batch in its own words, and not as TensorFlow passes it on."""
    try:
        yield
    except tf.errors.OpError:
        for check in checks:
            if check.error is not None:
                raise check.error from None
        raise


def warn_of_no_foreground(check) -> None:
    """Warn if no mask that was drawn from a training Dataset had any foreground."""
    if check.looked and not check.foreground:
        warnings.warn(
            f"no mask of the {check.name} dataset that was drawn has any foreground, so the network can only have "
            "learned to find nothing. Are the masks read rightly?", stacklevel=3,
        )
