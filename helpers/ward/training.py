"""Train a patient's small network in seconds: one model for all, which begins anew with each patient."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from helpers.anatomy import build_unet
from helpers.training import DiceScore, bce_dice_loss, quiet

_shared = {}  # the one model, its first weights and its optimizer's first state: a new one would be traced anew


class Trained(NamedTuple):
    """The weights after training, and the curves."""

    weights: list
    curves: dict

    def network(self):
        """Return a network of its own with these weights."""
        model = build_unet(depth=3)
        model.set_weights(self.weights)
        return model

    def predict(self, images) -> np.ndarray:
        """Return the probabilities for images of any range, `[n, h, w, 1]` float32."""
        model = _model()
        model.set_weights(self.weights)
        images = np.asarray(images, np.float32)
        return np.concatenate([np.array(_shared["forward"](images[i : i + 40])) for i in range(0, len(images), 40)])


def _model():
    if not _shared:
        keras.utils.set_random_seed(5)
        model = build_unet(depth=3)
        model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss=bce_dice_loss, metrics=[DiceScore()])
        model.optimizer.build(model.trainable_variables)
        _shared["model"], _shared["first"] = model, model.get_weights()
        _shared["state"] = [np.array(variable) for variable in model.optimizer.variables]
        _shared["forward"] = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    return _shared["model"]


def train(train, val, settings, seed=0) -> Trained:
    """Train from the same first weights with the settings of a patient; returns `Trained`."""
    model = _model()
    model.set_weights(_shared["first"])
    for variable, value in zip(model.optimizer.variables, _shared["state"]):
        variable.assign(value)
    model.optimizer.learning_rate.assign(settings.rate)
    images, masks = (np.asarray(part, np.float32) for part in train)
    order = np.random.default_rng(seed)
    curves = {}
    fixed = _batches(*(np.asarray(part, np.float32) for part in val), 32)
    for _ in range(settings.epochs):
        chosen = order.permutation(len(images))
        batches = _batches(images[chosen], masks[chosen], settings.batch)
        logs = model.fit(batches, validation_data=fixed, verbose=0, shuffle=False).history
        for name, values in logs.items():
            curves.setdefault(name, []).append(float(values[-1]))
    curves["learning_rate"] = [float(settings.rate)] * settings.epochs
    return Trained(model.get_weights(), curves)


def _batches(images, masks, batch):
    return quiet(tf.data.Dataset.from_tensor_slices((images, masks)).batch(batch))
