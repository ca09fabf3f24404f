"""Losses and the score (notebook 03). Predictions are probabilities 0..1: `build_unet` ends in a sigmoid."""

import keras
from keras import ops

from helpers.picture_loss import PictureLoss, picture_weights


def bce_loss(y_true, y_pred):
    """Return the binary cross-entropy of each image, `[n]`: the mean over its pixels.

    y_true: masks `[n, h, w, 1]` of 0 and 1; y_pred: probabilities of the same shape, in any float type.
    """
    y_true, y_pred = as_floats(y_true, y_pred)
    y_pred = ops.clip(y_pred, 1e-7, 1 - 1e-7)
    surprise = -(y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))
    return ops.mean(surprise, axis=(1, 2, 3))


def dice_loss(y_true, y_pred, smooth=1.0):
    """Return 1 - soft Dice of each image, `[n]`; `smooth` pixels are added so that an empty image has a gradient.

    Arguments as in `bce_loss`. Source: Milletari et al. 2016, section 3, with sums in place of squares.
    """
    y_true, y_pred = as_floats(y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=(1, 2, 3))
    areas = ops.sum(y_true, axis=(1, 2, 3)) + ops.sum(y_pred, axis=(1, 2, 3))
    return 1 - (2 * overlap + smooth) / (areas + smooth)


def bce_dice_loss(y_true, y_pred):
    """Return the sum of binary cross-entropy and Dice loss of each image, `[n]`. Arguments as in `bce_loss`."""
    return bce_loss(y_true, y_pred) + dice_loss(y_true, y_pred)


for _loss in (bce_loss, dice_loss, bce_dice_loss):  # Keras finds them by name when it loads or copies a network
    globals()[_loss.__name__] = PictureLoss(keras.saving.register_keras_serializable("unet_course")(_loss))


def as_floats(y_true, y_pred):
    """Return both as float32 tensors, or raise ValueError if they are not `[n, h, w, channels]` of one shape."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    known = [(a, b) for a, b in zip(*shapes) if a is not None and b is not None]
    if not len(shapes[0]) == len(shapes[1]) == 4 or any(a != b for a, b in known):
        raise ValueError(
            f"y_true has the shape {shapes[0]} and y_pred {shapes[1]}; both should be [n, height, width, 1], one value "
            "for each pixel. A picture alone gets its first axis with [None], a missing last one with [..., None]."
        )
    return ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")


@keras.saving.register_keras_serializable("unet_course")
class DiceScore(keras.metrics.Metric):
    """The mean per-image Dice of thresholded probabilities, as `evaluation.dice_per_image` gives it.

    threshold: a pixel is foreground where the probability is at least this. Two empty masks score 1; NaN stays NaN.
    """

    def __init__(self, threshold=0.5, name="dice", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the images of a batch. Images, not batches, are averaged, so a smaller last batch counts for less.

        sample_weight: one number for each image, `[n]` or `[n, 1]`. Raises ValueError for weights of single pixels.
        """
        y_true, y_pred = as_floats(y_true, y_pred)
        found = ops.cast(y_pred >= self.threshold, "float32")
        overlap = ops.sum(y_true * found, axis=(1, 2, 3))
        areas = ops.sum(y_true, axis=(1, 2, 3)) + ops.sum(found, axis=(1, 2, 3))
        dice = ops.where(areas == 0, 1.0, 2 * overlap / ops.maximum(areas, 1.0))
        dice += 0 * ops.sum(y_pred, axis=(1, 2, 3))  # NaN is not background: a network that is lost scores NaN
        weight = ops.ones_like(dice)
        if sample_weight is not None:
            weight *= picture_weights(sample_weight, y_pred, self.name)
        self.total.assign_add(ops.sum(dice * weight))
        self.count.assign_add(ops.sum(weight))

    def result(self):
        """Return the weighted mean over all images since the last reset; 0 before the first."""
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self):
        """Return what `keras.models.load_model` needs to make the metric again."""
        return {**super().get_config(), "threshold": self.threshold}
