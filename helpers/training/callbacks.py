"""The learning rate, and the callbacks of a run (notebook 03)."""

from pathlib import Path

import keras

from helpers.plain_networks import make_plain
from helpers.run_state.backup import BackupAndRestore
from helpers.run_state.end import is_finite
from helpers.run_state.folder import folder_of, put_in_place


def warmup_cosine(peak=3e-3, steps=1000, warmup=50):
    """Return a learning-rate schedule: up in a straight line for `warmup` steps, then down along a cosine to 0.

    peak: the highest rate; steps: of the whole training. Sources: Goyal et al. 2017, section 2.2 (warm-up);
    Loshchilov and Hutter 2017 (cosine).
    """
    warmup = min(warmup, steps // 2)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0, decay_steps=max(steps - warmup, 1), warmup_target=peak, warmup_steps=warmup
    )


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):
    """Keras' checkpoint that keeps no network with NaN, none compiled, and exchanges the file as a whole."""

    def __init__(self, filepath, **kwargs):
        self.place = Path(filepath)
        super().__init__(self.place.with_name("draft.keras"), **kwargs)

    def on_train_batch_end(self, batch, logs=None):
        """Raise ValueError after the first batch if `monitor` will not be in the log."""
        if batch == 0 and logs and type(self.model).test_step is keras.Model.test_step:  # others log at will
            self._check({*logs, *(f"val_{name}" for name in logs)}, "Name one of these, and start again.")
        super().on_train_batch_end(batch, logs)

    def _check(self, names, remedy):
        if self.monitor not in names:
            raise ValueError(
                f"monitor is {self.monitor!r}, and the log has {', '.join(sorted(names))}. Without it nothing says "
                f"which epoch is best. {remedy}"
            )

    def on_epoch_end(self, epoch, logs=None):
        """Keep the network if it is sound and the best so far. Raises ValueError if `monitor` is not in the log."""
        self._check(logs or {}, "Name one of these, and start again in a new folder.")
        Path(self.filepath).unlink(missing_ok=True)  # of a run that was killed while it wrote
        if is_finite(self.model):
            super().on_epoch_end(epoch, logs)
        if Path(self.filepath).exists():
            make_plain(self.filepath)
            put_in_place(self.filepath, self.place)


def make_callbacks(run_dir, patience=10, monitor="val_dice"):
    """Return the callbacks of a run, in the order in which they must act: the backup is last and knows the others.

    run_dir: folder of the run. It will hold `best.keras` (the network of the best epoch, not compiled, whoever has
    compiled it, so that a plain Keras opens it), `log.csv` (one row an epoch) and, while the run is under way,
    `backup/`, which has the optimizer. patience: epochs without a better `monitor` before the run stops. monitor: a
    name in the log; names ending in "loss" are better when smaller.
    """
    run_dir, mode = folder_of(run_dir), "min" if monitor.endswith("loss") else "max"
    callbacks = [
        keras.callbacks.CSVLogger(run_dir / "log.csv", append=True),
        ModelCheckpoint(run_dir / "best.keras", monitor=monitor, mode=mode, save_best_only=True),
        keras.callbacks.EarlyStopping(monitor=monitor, mode=mode, patience=patience),
        keras.callbacks.TerminateOnNaN(),
    ]
    return [*callbacks, BackupAndRestore(run_dir / "backup", callbacks)]
