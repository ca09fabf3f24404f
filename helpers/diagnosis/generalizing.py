"""Why validation lags behind training: batch normalization, which has two modes, or over-fitting."""

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.learning import score_name
from helpers.diagnosis.network import layers_of
from helpers.diagnosis.scores import dice_of


def check_generalizing(case):
    """Ask why validation lags behind training: batch normalization, which has two modes, or over-fitting."""
    curves, score = case.curves, score_name(case.curves)
    layers = [layer for layer in layers_of(case.model) if type(layer).__name__ == "BatchNormalization"]
    if layers:
        found = two_modes(case, layers)
        if found:
            return found
    if not score or f"val_{score}" not in curves:
        return []
    train, val, val_loss = curves[score], curves[f"val_{score}"], curves.get("val_loss")
    gap = float(train[-1] - val[-1])
    seen = f"training {score} {train[-1]:.2f}, validation {val[-1]:.2f}"
    if case.model is None and gap > 0.35 and train[-1] > 0.5 and np.nanmax(val) < 0.3:
        return [finding("batch_normalization/curves", 0.6, f"{seen}, and never above {np.nanmax(val):.2f}")]
    if val_loss is None or len(val_loss) < 4 or not gap > 0.2:
        return []
    lowest = int(np.nanargmin(val_loss))
    if lowest < len(val_loss) - 2 and val_loss[-1] > 1.25 * val_loss[lowest] > 0:
        seen += f"; the validation loss was lowest in epoch {lowest + 1} of {len(val_loss)}"
        return [finding("overfitting", 0.75, seen)]
    return []


def two_modes(case, layers):
    """Let a network predict the same pictures in training and in inference mode, and put its state back."""
    from keras import ops  # only with a model

    images, inside = case.raw_images, case.masks
    if case.training_pair is not None:  # on other pictures the two modes may differ for good reasons
        images, inside = case.training_pair
    if case.model_error or images is None or inside is None or images.shape[:3] != inside.shape:
        return []
    usable = np.flatnonzero(inside.any(axis=(1, 2)))[:16]
    if not len(usable):
        return []
    images, inside, model = images[usable].astype(np.float32), inside[usable], case.model
    images = images[..., None] if images.ndim == 3 else images
    kept = [np.array(variable) for variable in model.variables]

    def dice(training, size):
        batches = [model(images[i : i + size], training=training) for i in range(0, len(images), size)]
        return float(dice_of(inside, np.concatenate([ops.convert_to_numpy(b)[..., 0] for b in batches]) >= 0.5).mean())

    try:
        infer, train = dice(False, 16), max(dice(True, 16), dice(True, 1))
    finally:
        for variable, value in zip(model.variables, kept):
            variable.assign(value)
    if train - infer < 0.25 or infer > 0.6 * train:
        return []
    momentum, steps = float(layers[0].momentum), case.steps
    kept = momentum ** (steps or 0)
    old = f"after {steps} steps at momentum {momentum:g} the averages are {kept:.0%} what they began with"
    seen = f"the same pictures score Dice {train:.2f} in training mode and {infer:.2f} in inference mode; "
    return [finding("batch_normalization", 0.95, seen + (old if steps else f"the momentum is {momentum:g}"))]
