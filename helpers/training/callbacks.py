"""The learning rate, and the callbacks of a run (notebook 03)."""

import math
from pathlib import Path

import keras
import numpy as np


def warmup_cosine(peak=3e-3, steps=1000, warmup=50):
    """Return a learning-rate schedule: up in a straight line for `warmup` steps, then down along a cosine to 0.

    peak: the highest rate; steps: of the whole training. Sources: Goyal et al. 2017, section 2.2 (warm-up);
    Loshchilov and Hutter 2017 (cosine).
    """
    warmup = min(warmup, steps // 2)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0, decay_steps=max(steps - warmup, 1), warmup_target=peak, warmup_steps=warmup
    )


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' early stopping that also remembers, after an interruption, how long it has been waiting.

    past: the scores of the epochs before the interruption, oldest first; NaN where there is none.
    """

    def __init__(self, past=(), **kwargs):
        super().__init__(**kwargs)
        self.past = list(past)

    def on_train_begin(self, logs=None):
        """Set the best score and the waiting time from the scores of the epochs before."""
        super().on_train_begin(logs)
        self.best = best_of(self.past, self.mode)
        if self.best is not None:
            self.best_epoch = self.past.index(self.best)
            self.wait = len(self.past) - 1 - self.best_epoch


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' checkpoint that never keeps a network with NaN among its weights, however well that seems to score."""

    def on_epoch_end(self, epoch, logs=None):
        """Keep the network if it is sound and the best so far."""
        if is_finite(self.model):
            super().on_epoch_end(epoch, logs)


def make_callbacks(run_dir, patience=10, monitor="val_dice", past=()):
    """Return the callbacks of a run, in the order in which they must act.

    run_dir: folder of the run. It will hold `best.keras` (the network of the best epoch), `log.csv` (one row an
    epoch) and, while the run is under way, `backup/`. patience: epochs without a better `monitor` before the run
    stops. monitor: a name in the log; names ending in "loss" are better when smaller. past: the monitored values of
    earlier epochs, when a run is resumed.
    """
    run_dir, mode = Path(run_dir), "min" if monitor.endswith("loss") else "max"
    return [
        keras.callbacks.CSVLogger(run_dir / "log.csv", append=bool(past)),
        ModelCheckpoint(
            run_dir / "best.keras", monitor=monitor, mode=mode, save_best_only=True,
            initial_value_threshold=best_of(past, mode),
        ),
        EarlyStopping(past=past, monitor=monitor, mode=mode, patience=patience),
        keras.callbacks.BackupAndRestore(run_dir / "backup"),
        keras.callbacks.TerminateOnNaN(),
    ]


def best_of(scores, mode: str):
    """Return the highest (mode "max") or lowest (mode "min") of the scores that are not NaN; None if there is none."""
    scores = [score for score in scores if not math.isnan(score)]
    return (min if mode == "min" else max)(scores, default=None)


def is_finite(model) -> bool:
    """Return whether every weight of a network is a finite number."""
    return all(np.isfinite(weights).all() for weights in model.get_weights())
