"""Losses of whole pictures as Keras needs them: a function to call, a `keras.losses.Loss` to compile."""

import functools
import inspect
import numbers

import keras
import tensorflow as tf
from keras import ops

from helpers.several_devices import of_whole_batch

_known = {}  # losses by name, so that a saved network finds its own again


@keras.saving.register_keras_serializable("unet_course")
class PictureLoss(keras.losses.Loss):
    """A loss function `(y_true, y_pred) -> [n]` that knows what the weights of `fit` mean to it.

    Called as the function it gives one number for each picture. Keras passes a third argument, `sample_weight`, and
    then gets the mean over the pictures, each loss times its weight, `[n]` or `[n, 1]`. Of a plain function Keras would
    multiply the losses of all pictures with the weights of all pixels. Raises ValueError for weights of single pixels,
    or another number of them than there are pictures.
    """

    def __init__(self, function):
        super().__init__(name=function.__name__)
        functools.update_wrapper(self, function)
        self.function, self._signature = function, inspect.signature(function)
        _known[self.name] = self

    def __call__(self, y_true, y_pred, *settings, **named):
        """Return the losses `[n]`, or, with weights (or None in their place), their mean."""
        weighted, weights = "sample_weight" in named, named.pop("sample_weight", None)
        if settings and not weighted and not isinstance(settings[0], numbers.Real):  # where Keras hands in the weights
            weighted, (weights, *settings) = True, settings
        try:
            self._signature.bind(y_true, y_pred, *settings, **named)
        except TypeError as error:
            raise TypeError(
                f"{self.name}: {error}. It is called as {self.name}{self._signature}, and weights of pictures, an "
                "array [n], as sample_weight=."
            ) from None
        if not weighted:
            return self.function(y_true, y_pred, *settings, **named)
        if settings or named:
            raise ValueError(
                f"{self.name} takes weights with the settings it has. For others weigh the losses yourself: call it "
                "without weights, and average what it gives, times the weights."
            )
        weights = None if weights is None else picture_weights(weights, y_pred, self.name)
        return of_whole_batch(super().__call__(y_true, y_pred, weights), ops.shape(y_pred)[0])

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


PIXELS = "For weights of single pixels compile the model with helpers.classes.ClassLoss()."


def picture_weights(weights, y_pred, name: str, pixels: str = PIXELS):
    """Return the weights of pictures, given as `[n]` or `[n, 1]`, as `[n]` float32.

    y_pred: `[n, ...]`; name: of the loss or the score that asks; pixels: what to do about weights of single pixels.
    Raises ValueError for another number of weights, or, where their shape is only known when a compiled function runs,
    `tf.errors.InvalidArgumentError` in nearly the same words.
    """
    weights, n = ops.cast(weights, "float32"), ops.shape(y_pred)[0]
    shape, known = weights.shape, isinstance(n, int)  # n is a tensor while Keras compiles
    end = f"and {name} takes one number for each of {n if known else 'the'} pictures, of the shape [n]. {pixels}"
    given = (None,) if shape.rank is None else tuple(shape)
    if not given or known and given[0] not in (n, None) or any(side not in (1, None) for side in given[1:]):
        raise ValueError(f"sample_weight has the shape {given}, {end}")
    words = f"sample_weight holds another number of weights, {end}"
    with tf.control_dependencies([tf.debugging.assert_equal(tf.size(weights), n, message=words)]):
        return ops.reshape(weights, (-1,))
