"""Losses of whole pictures as Keras needs them: a function to call, a `keras.losses.Loss` to compile."""

import functools

import keras
import tensorflow as tf
from keras import ops

_known = {}  # losses by name, so that a saved network finds its own again


@keras.saving.register_keras_serializable("unet_course")
class PictureLoss(keras.losses.Loss):
    """A loss function `(y_true, y_pred) -> [n]` that knows what the weights of `fit` mean to it.

    Called as the function it gives one number for each picture. Keras passes a third argument, `sample_weight`, and
    then gets the mean over the pictures, each loss times its weight, `[n]` or `[n, 1]`. Of a plain function Keras would
    multiply the losses of all pictures with the weights of all pixels. Raises ValueError for weights of single pixels.
    """

    def __init__(self, function):
        super().__init__(name=function.__name__)
        functools.update_wrapper(self, function)
        self.function = function
        _known[self.name] = self

    def __call__(self, y_true, y_pred, *weights, **settings):
        """Return the losses `[n]`, or, with weights (or None in their place), their mean."""
        weights = (*weights, *([settings.pop("sample_weight")] if "sample_weight" in settings else []))
        if not weights or isinstance(weights[0], (int, float)):  # a number is an argument of the function itself
            return self.function(y_true, y_pred, *weights, **settings)
        weights = None if weights[0] is None else picture_weights(weights[0], y_pred, self.name)
        return super().__call__(y_true, y_pred, weights)

    def call(self, y_true, y_pred):
        """Return the losses `[n]`; Keras leaves out a last axis of 1 of masks."""
        return self.function(y_true[..., None] if len(y_true.shape) == len(y_pred.shape) - 1 else y_true, y_pred)

    def get_config(self):
        """Return the name, by which the function is found again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config):
        """Return the loss of that name."""
        return _known[config["name"]]


def picture_weights(weights, y_pred, name: str):
    """Return the weights of pictures, given as `[n]` or `[n, 1]`, as `[n]` float32.

    y_pred: `[n, ...]`; name: of the loss or the score that asks.
    Raises ValueError for weights of single pixels, or, where their shape is only known when a compiled function runs,
    `tf.errors.InvalidArgumentError` in the same words.
    """
    weights = ops.cast(weights, "float32")
    words = (
        f"sample_weight holds weights of single pixels, and {name} gives one number for a whole picture. Give one "
        "weight for each, of the shape [n], or compile the model with helpers.classes.ClassLoss(), which knows weights "
        "of pixels."
    )
    if weights.shape.rank is not None and any(side not in (1, None) for side in weights.shape[1:]):
        raise ValueError(words)
    pictures = ops.shape(y_pred)[0]
    with tf.control_dependencies([tf.debugging.assert_equal(tf.size(weights), pictures, message=words)]):
        return ops.reshape(weights, (-1,))
