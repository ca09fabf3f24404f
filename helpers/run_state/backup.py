"""The backup of a run: one file an epoch that holds all that the run needs to go on as if nothing had happened.

    state.json    epoch, settings and fingerprints, what the callbacks remember, digests of the other parts
    arrays.bin    every weight and every variable of the optimizer, one after the other
    best.keras    the network of the best epoch so far
    log.csv       the rows so far

A file is written under another name, synced to the disk and then renamed, and the one before is kept. So at any moment
the folder holds a whole backup, even if the power fails.
"""

import hashlib
import json
import math
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers.gate import DamagedError, first_line, open_archive, read_json, read_member
from helpers.run_state.folder import end_run, put_in_place
from helpers.run_state.lock import check_still_mine, show_alive

MEMORY = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")  # of early stopping, checkpoint, plateau
PARTS = ("arrays.bin", "best.keras", "log.csv")
MOST_STATE = 4_000_000  # bytes of state.json


@dataclass(frozen=True)
class Backup:
    """A backup as it was read: the fields of `state.json`, and the other parts."""

    state: dict
    arrays: list
    best: bytes | None
    log: bytes | None

    @property
    def epoch(self) -> int:
        """The number of epochs that are done."""
        return self.state["epoch"]

    def ended(self, epochs) -> bool:
        """Whether no epoch is left: all are done, or early stopping or NaN had ended the run."""
        return self.state["stopped"] or self.epoch >= epochs


class BackupAndRestore(keras.callbacks.Callback):
    """Keras' callback of this name, with a backup that is written as one thing and holds more.

    backup_dir: a folder of the run's folder, for nothing else. watched: the run's other callbacks, whose memory is
    kept; they must come before this one in the list. terms: what the run was started with, see `run_state.terms`.
    """

    def __init__(self, backup_dir, watched=(), terms=None):
        super().__init__()
        self.folder, self.watched, self.terms = Path(backup_dir), list(watched), terms or {}

    def on_train_begin(self, logs=None):
        """Go on from the newest backup, or make one of the network as it is."""
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        self.folder.mkdir(parents=True, exist_ok=True)
        backup = read_backup(self.folder.parent)
        if backup is None:
            self._write(0)
        else:
            _restore(backup, self.model, self.watched)
            self.model._initial_epoch = backup.epoch  # Keras' own callback does it in this way

    def on_train_batch_end(self, batch, logs=None):
        """Show processes on other machines that this one is alive."""
        show_alive(self.folder)

    on_test_batch_end = on_train_batch_end  # a long validation is no silence

    def on_epoch_end(self, epoch, logs=None):
        """Write a new backup and remove the one before the last."""
        self._write(epoch + 1)

    def on_train_end(self, logs=None):
        """Remove the backups: one renaming says that the run has ended, after everything else is on the disk."""
        self.model._initial_epoch = None
        check_still_mine(self.folder)
        end_run(self.folder.parent)

    def take_over(self, model):
        """Bring a network to the state of the backup, of a run that has no epoch left, and end the run."""
        self.set_model(model)
        self.on_train_begin()
        self.on_train_end()

    def _write(self, epoch):
        check_still_mine(self.folder)
        variables = kept_variables(self.model, self.model.optimizer)
        arrays = [variable.value.numpy() for variable in variables]  # also of a mirrored one
        memory, more = _memories(self.watched)
        state = {
            "epoch": epoch, "stopped": bool(self.model.stop_training), "terms": self.terms, "memory": memory,
            "versions": versions(),
        }
        write_backup(self.folder, state, arrays + more)


def write_backup(folder, state: dict, arrays: list) -> None:
    """Write one backup file of a run's state and arrays, its best network and its log; keep the one before it."""
    folder = Path(folder)
    draft = folder / "backup.draft"
    with draft.open("wb") as file:
        with zipfile.ZipFile(file, "w") as parts:
            digests = {"arrays.bin": hashlib.blake2b(digest_size=16)}
            with parts.open("arrays.bin", "w", force_zip64=True) as part:
                for array in arrays:
                    content = np.ascontiguousarray(array).tobytes()
                    part.write(content)
                    digests["arrays.bin"].update(content)
            for name in PARTS[1:]:
                if (folder.parent / name).exists():
                    content = (folder.parent / name).read_bytes()
                    parts.writestr(name, content)
                    digests[name] = hashlib.blake2b(content, digest_size=16)
            shapes = [(array.dtype.name, array.shape) for array in arrays]
            digests = {name: digest.hexdigest() for name, digest in digests.items()}
            parts.writestr("state.json", json.dumps({**state, "shapes": shapes, "digests": digests}))
        file.flush()
    put_in_place(draft, folder / f"epoch-{state['epoch']:06}.zip")
    for old in _files(folder)[2:]:
        old.unlink()


def read_backup(run_dir) -> Backup | None:
    """Return the newest whole backup of a run; None if it was stopped before its first.

    A damaged newest one is named in a warning. Raises ValueError if there are only damaged ones, or one that an earlier
    version of the course has made.
    """
    folder, damaged = Path(run_dir) / "backup", []
    for path in _files(folder):
        try:
            backup = _read(path)
        except (OSError, ValueError) as error:  # of the gate, too
            damaged.append(f"{path.name} {first_line(error)}")
            continue
        if damaged:
            warnings.warn(
                f"the newest backup in {folder} is damaged ({damaged[0]}). The run goes on from the one before it, "
                f"which was made after {backup.epoch} epochs.", stacklevel=2,
            )
        return backup
    if damaged:
        raise ValueError(
            f"every backup in {folder} is damaged ({'; '.join(damaged)}), so the run cannot go on. Start again in a "
            "new folder."
        )
    if (folder / "latest.weights.h5").exists():
        raise ValueError(
            f"an earlier version of this course made the backup in {folder}, and this one cannot go on from it. Start "
            "again in a new folder."
        )
    return None


def _files(folder):
    return sorted(folder.glob("epoch-*.zip"), reverse=True)


def _read(path):
    with open_archive(path) as parts:
        state = read_json(read_member(parts, "state.json", MOST_STATE), "state.json", finite=False)
        _check_state(state)
        content = {name: read_member(parts, name, path.stat().st_size) for name in state["digests"]}
    for name, digest in state["digests"].items():
        if hashlib.blake2b(content[name], digest_size=16).hexdigest() != digest:
            raise DamagedError(f"has the part {name}, which belongs to another backup")
    arrays, position = [], 0
    for dtype, shape in state["shapes"]:
        count, kind = math.prod(shape), np.dtype(tf.dtypes.as_dtype(dtype).as_numpy_dtype)
        if kind.hasobject or position + count * kind.itemsize > len(content["arrays.bin"]):
            raise DamagedError("has a state.json that asks for more than the part arrays.bin holds")
        array = np.frombuffer(content["arrays.bin"], kind, count, position)
        arrays.append(array.reshape(shape))
        position += array.nbytes
    return Backup(state, arrays, content.get("best.keras"), content.get("log.csv"))


def _check_state(state):
    """Raise DamagedError unless state.json has the fields that `write_backup` gives it, each of its kind."""
    def whole(number, most=10**9):
        return type(number) is int and 0 <= number <= most

    def kept(memory):
        values = memory["values"].items()
        return isinstance(memory["kind"], str) and whole(memory["weights"]) and all(
            name in MEMORY and (value is None or isinstance(value, (int, float))) for name, value in values)

    def shaped(entry):
        name, shape = entry
        return np.dtype(tf.dtypes.as_dtype(name).as_numpy_dtype).itemsize > 0 and all(map(whole, shape))

    try:
        good = (
            whole(state["epoch"]) and isinstance(state["stopped"], bool) and isinstance(state["versions"], str)
            and isinstance(state["terms"], dict) and {"arrays.bin"} <= set(state["digests"]) <= {*PARTS}
            and all(map(kept, state["memory"])) and all(map(shaped, state["shapes"]))
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise DamagedError("has a state.json that this course did not write")


def kept_variables(model, optimizer) -> list:
    """Return all that a backup keeps of a network and its optimizer, in the order of `arrays.bin`."""
    return [*model.variables, *optimizer.variables]


def _memories(callbacks):
    """Return what callbacks remember, a dictionary for each that does, and arrays: weights that they may go back to."""
    memories, arrays = [], []
    for callback in callbacks:
        values = {name: getattr(callback, name) for name in MEMORY if hasattr(callback, name)}
        values = {name: value.item() if isinstance(value, np.number) else value for name, value in values.items()}
        values = {name: value for name, value in values.items() if value is None or isinstance(value, (int, float))}
        weights = getattr(callback, "best_weights", None) or []
        if values:
            memories.append({"kind": type(callback).__name__, "values": values, "weights": len(weights)})
            arrays.extend(np.asarray(each) for each in weights)
    return memories, arrays


def _restore(backup, model, callbacks):
    variables, callbacks = kept_variables(model, model.optimizer), list(callbacks)
    for variable, array in zip(variables, backup.arrays):
        variable.assign(array)
    spare = backup.arrays[len(variables) :]
    for memory in backup.state["memory"]:
        weights, spare = spare[: memory["weights"]], spare[memory["weights"] :]
        callback = next((each for each in callbacks if type(each).__name__ == memory["kind"]), None)
        if callback is None:
            warnings.warn(
                f"the run was started with a callback {memory['kind']} that is missing now, so it does not act.",
                stacklevel=2,
            )
            continue
        callbacks.remove(callback)
        for name, value in memory["values"].items():
            setattr(callback, name, value)
        if weights:
            callback.best_weights = weights


def versions() -> str:
    """Return in words which TensorFlow and Keras this is."""
    return f"TensorFlow {tf.__version__} and Keras {keras.__version__}"
