"""Why is validation worse than training, or both bad? Batch normalization, overfitting, underfitting."""

import numpy as np

from helpers.diagnosis.causes import UNSEEN_LABELS, UNSEEN_SCANNER, finding
from helpers.diagnosis.curves import score_name
from helpers.diagnosis.material import ask, safely, some_of
from helpers.diagnosis.network import layers_of
from helpers.diagnosis.remedies import dice_with_lesions
from helpers.diagnosis.scores import dice_of, measure
from helpers.diagnosis.shapes import apart


def check_generalizing(case):
    """Ask why validation lags behind training, or why both stay low."""
    layers = [layer for layer in layers_of(case.model) if type(layer).__name__ == "BatchNormalization"]
    if layers:
        found = _two_modes(case, layers)
        if found:
            return found
    here = _both_sets(case)
    return _by_pictures(case, *here) if here else _by_curves(case)


def _both_sets(case):
    """Return the Dice of each picture with lesions, in training and here, by the network in inference mode; or None."""
    learned, s = case.learned, measure(case)
    if not case.asked_model or s is None or learned is None or not learned.paired or s.n < 4:
        return None
    some = np.flatnonzero(learned.masks.any(axis=(1, 2)))
    some = some[some_of(len(some), 48)]
    if len(some) < 4:
        return None
    said = safely(ask, case.model, learned.raw_images[some])
    if said is None or said[..., 0].shape != learned.masks[some].shape:
        return None
    return dice_of(learned.masks[some], np.nan_to_num(said[..., 0]) >= 0.5), s.each


def _by_pictures(case, there, here):
    gap = there.mean() - here.mean()
    error = np.sqrt(there.var(ddof=1) / len(there) + here.var(ddof=1) / len(here))
    n = len(case.learned.images)
    seen = f"Dice is {there.mean():.2f} on the {n} training pictures and {here.mean():.2f} on these"
    if gap > 0.1 and gap > 3 * error and there.mean() > 0.6:
        turned = _turning_point(case.curves)
        return [finding("overfitting", 0.9 if gap > 0.15 and n <= 200 else 0.8, seen + turned)]
    middle = float(np.median(there)), float(np.median(here))
    if len(there) >= 6 and middle[0] > 0.8 and middle[0] - middle[1] > 0.2 and apart(here, there) > 0.8:
        seen = f"the median Dice is {middle[0]:.2f} on the {n} training pictures and {middle[1]:.2f} on these"
        return [finding("overfitting", 0.85, seen + _turning_point(case.curves))]  # means hang on one missed picture
    loss = case.curves.get("loss")
    flat = loss is not None and len(loss) >= 4 and np.ptp(loss[-max(3, len(loss) // 3):]) < 0.05 * abs(loss[0])
    enough = case.steps is None or case.steps >= 150
    if 0.1 < there.mean() < 0.75 and abs(gap) < 0.12 and flat and enough:
        return [finding("underfitting", 0.75, f"{seen}; the loss moves no more ({loss[-1]:.2f} at the end)")]
    return []


def _turning_point(curves):
    val = curves.get("val_loss")
    if val is None or len(val) < 4 or not np.isfinite(val).all() or val.argmin() >= len(val) - 2:
        return ""
    return f"; the validation loss was lowest in epoch {int(val.argmin()) + 1} of {len(val)}"


def _by_curves(case):
    curves, score = case.curves, score_name(case.curves)
    if not score or f"val_{score}" not in curves:
        return []
    train, val, val_loss = curves[score], curves[f"val_{score}"], curves.get("val_loss")
    if not len(train) == len(val) or not np.isfinite(train).all() or not np.isfinite(val).all():
        return []
    k = max(1, len(train) // 6)
    late, late_val = float(train[-k:].mean()), float(val[-k:].mean())
    gap, seen = late - late_val, f"training {score} {late:.2f}, validation {late_val:.2f}"
    if case.model is None and gap > 0.35 and train[-1] > 0.5 and val.max() < 0.3:
        missing = "Hand in the model: then its two modes can be compared on the same pictures."
        return [finding("batch_normalization/curves", 0.6, f"{seen}, and never above {val.max():.2f}",
                        rivals=["overfitting", "masks_inverted", *UNSEEN_SCANNER], missing=missing)]
    if len(train) < 4 or gap < 0.12:
        return _flat(case, train, val, seen)
    began = float(train[0] - val[0])
    turned = val_loss is not None and len(val_loss) == len(val) and bool(_turning_point(curves)) and (
        val_loss[-1] > 1.1 * val_loss.min() > 0)
    stopped = val[-1] <= val[: max(1, 2 * len(val) // 3)].max() + 0.02
    third = len(train) // 3
    opened = third >= 4 and gap > 0.2 and gap > 0.06 + float((train - val)[third : 2 * third].mean())
    if gap < began + 0.08 or not (turned or stopped or opened):
        return []
    seen += f", {began:+.2f} apart in the first epoch and {gap:+.2f} at the end" + _turning_point(curves)
    missing = "Hand in the model and the training pictures with their masks: the same network is then asked about both."
    rivals = ["batch_normalization", "masks_too_wide", *UNSEEN_SCANNER]
    sure = 0.68 if turned and gap > 0.15 else 0.65  # another scanner makes the same curves
    return [finding("overfitting", sure, seen, rivals=rivals, missing=missing)]


def _flat(case, train, val, seen):
    """Both scores low, equal, and standing still."""
    loss = case.curves.get("loss")
    if loss is None or len(train) < 8 or not 0.2 < train[-1] < 0.7 or abs(train[-1] - val[-1]) > 0.1:
        return []
    late = max(3, len(train) // 3)
    if np.ptp(train[-late:]) > 0.03 or np.ptp(loss[-late:]) > 0.05 * abs(loss[0]):
        return []
    missing = "Hand in the training pictures with their masks: do the labels fit?"
    return [finding("underfitting", 0.7, f"{seen}, and neither has moved for {late} epochs",
                    rivals=["labels_noisy", *UNSEEN_LABELS], missing=missing)]


def _two_modes(case, layers):
    """Let a network predict the same pictures in training and in inference mode, and put its state back."""
    from keras import ops  # only with a model

    images, inside = case.raw_images, case.masks
    if case.learned is not None and case.learned.paired:  # on other pictures the modes may differ for good reasons
        images, inside = case.learned.raw_images, case.learned.masks
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
        return dice_with_lesions(inside, np.concatenate([ops.convert_to_numpy(b)[..., 0] for b in batches]) >= 0.5)

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
