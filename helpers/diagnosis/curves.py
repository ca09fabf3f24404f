"""The curves of a run: values that no sound loss or score can have, and the learning rate behind them."""

import numpy as np

from helpers.diagnosis.causes import finding


def score_name(curves):
    """Return the name of a score between 0 and 1 in the log, or None."""
    words = ("dice", "iou", "f1", "jaccard")
    names = [k for k in curves if not k.startswith("val_") and "loss" not in k]
    return next((k for k in names if any(word in k.lower() for word in words)), None)


def rate_of(case):
    """Return the learning rate of a run as a number, or None."""
    if "learning_rate" in case.curves:
        return float(case.curves["learning_rate"].max())
    try:
        rate = float(case.model.optimizer.learning_rate)
        return rate
    except (AttributeError, TypeError, ValueError):
        return None


def check_curves(case):
    """Look for values that a sound loss or score cannot have: NaN, far below zero, above one; and for explosions."""
    curves, found = case.curves, []
    loss = curves.get("loss")
    rate = rate_of(case)
    said = f" at a learning rate of {rate:g}" if rate else ""
    if loss is not None and not np.isfinite(loss).all():
        epoch = int(np.flatnonzero(~np.isfinite(loss))[0]) + 1
        found.append(finding("learning_rate_too_high/nan", 0.93, f"the loss is NaN from epoch {epoch} on{said}"))
    elif loss is not None and (loss[-1] > max(3 * abs(float(loss.min())), float(loss[0])) or loss.max() > 1e3):
        seen = f"the training loss runs from {loss.min():.3g} to {loss.max():.3g} and ends at {loss[-1]:.3g}{said}"
        found.append(finding("learning_rate_too_high/wild", 0.9, seen))
    name = score_name(curves)
    finite = {k: v[np.isfinite(v)] for k, v in curves.items() if np.isfinite(v).any()}
    strange = [f"{k} falls to {v.min():.3g}" for k, v in finite.items() if k.endswith("loss") and v.min() < -1.05]
    both = [k for k in (name, f"val_{name}") if k in finite and finite[k].max() > 1.001]
    strange += [f"{k} rises to {finite[k].max():.3g}" for k in both]
    if strange:
        high = float(case.raw_masks.max()) if case.raw_masks is not None else 0
        entry = "masks_0_255" if high >= 200 or high <= 1 else "masks_not_0_1/classes"
        found.append(finding(entry, 0.85, " and ".join(strange[:2]) + ", which masks of 0 and 1 do not allow"))
    return found
