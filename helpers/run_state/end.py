"""What a run leaves: its history, and a network with the weights of its best epoch, or words on why not."""

import math
import warnings
from pathlib import Path

import keras
import numpy as np

from helpers.gate.opening import load_weights
from helpers.run_state.folder import read_log


def end_of_run(model, run_dir, monitor: str):
    """Give a network the weights of the best epoch of its run, which has ended; returns a `keras.callbacks.History`.

    monitor: the score that says which epoch is best. Raises FloatingPointError if the loss became NaN before any epoch
    was kept; it warns if it became NaN later, and if there is no file with the best epoch.
    """
    best = Path(run_dir) / "best.keras"
    if best.exists():
        load_weights(model, best)
    history = keras.callbacks.History()
    history.set_model(model)
    rows = read_log(run_dir)
    history.epoch = [int(row["epoch"]) for row in rows]
    history.history = {key: [row[key] for row in rows] for key in rows[0] if key != "epoch"} if rows else {}
    _report_nan(model, history)
    if not best.exists():
        scores = history.history.get(monitor, [])
        why = "somebody or something has deleted it while the run was under way"
        if not any(map(math.isfinite, scores)):
            why = f"in no epoch was {monitor} a finite number, so none was the best"
        warnings.warn(
            f"there is no {best}: {why}. The network has the weights of the last epoch, which need not be the best.",
            stacklevel=3,
        )
    return history


def is_finite(model) -> bool:
    """Return whether every weight of a network is a finite number."""
    return all(np.isfinite(weights).all() for weights in model.get_weights())


def _report_nan(model, history):
    losses = history.history.get("loss", [])
    lower = "Lower peak_rate, to a tenth for a start, and look for NaN in the data."
    if not is_finite(model):
        raise FloatingPointError(
            f"the loss became NaN in epoch {len(losses)}, before any epoch was kept, and the weights are lost. "
            f"Build the network anew. {lower}"
        )
    if losses and not math.isfinite(losses[-1]):
        warnings.warn(
            f"the loss became NaN in epoch {len(losses)}; the network has the weights of its best epoch. {lower}",
            stacklevel=4,
        )
