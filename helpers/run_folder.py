"""The folder of a run: claimed once, its log, and what an interrupted run left there."""

import csv
import json
from pathlib import Path

import h5py


def claim_folder(run_dir) -> Path:
    """Make a new run folder and return it; a folder with files in it is never touched.

    Raises FileExistsError if it holds anything, and PermissionError or NotADirectoryError, with the remedy, if it
    cannot be made or written.
    """
    run_dir = Path(run_dir)
    if run_dir.is_dir() and any(run_dir.iterdir()):
        unfinished = " It was interrupted: go on with resume=True." if _unfinished(run_dir) else ""
        raise FileExistsError(
            f"the folder {run_dir} holds a run already, and runs never overwrite each other.{unfinished} "
            "Choose another name, or new_run_dir() for a fresh one."
        )
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        probe = run_dir / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise type(error)(
            f"cannot write into the folder {run_dir} ({error.strerror}). Choose one of yours, such as 'runs/first'."
        ) from error
    return run_dir


def new_run_dir(parent, name="run") -> Path:
    """Return the first of `parent/name-1`, `parent/name-2` ... that does not exist yet. Nothing is made."""
    number = 1
    while (Path(parent) / f"{name}-{number}").exists():
        number += 1
    return Path(parent) / f"{name}-{number}"


def read_log(run_dir) -> list[dict[str, float]]:
    """Return the rows of a run's `log.csv`, one dictionary of numbers an epoch; NaN where an epoch has no value.

    Raises FileNotFoundError if there is no log, ValueError if it is damaged.
    """
    path = Path(run_dir) / "log.csv"
    if not path.exists():
        raise FileNotFoundError(
            f"there is no log.csv in {run_dir}; train_unet writes it at the end of its first epoch."
        )
    with path.open(newline="") as file:
        try:  # Keras writes NA where it has no value, for example without validation
            rows = csv.DictReader(file)
            return [{key: float(value.replace("NA", "nan")) for key, value in row.items()} for row in rows]
        except (AttributeError, ValueError) as error:
            raise ValueError(f"{path} is damaged ({error}); delete the folder {run_dir} and train again.") from error


def read_interrupted(run_dir) -> tuple[list[dict[str, float]], int]:
    """Return the logged rows of an interrupted run and the epoch it goes on with, and cut later rows off its log.

    A run that was stopped before its first backup begins again. Raises FileNotFoundError if the folder holds no
    interrupted run, ValueError if its backup is damaged.
    """
    run_dir = Path(run_dir)
    note, weights = run_dir / "backup" / "training_metadata.json", run_dir / "backup" / "latest.weights.h5"
    if not _unfinished(run_dir):
        done = " It ran to its end; load_network() on its best.keras gives the network."
        done = done if (run_dir / "best.keras").exists() else " Start one with resume=False."
        raise FileNotFoundError(f"there is no interrupted run in {run_dir}.{done}")
    if not note.exists():
        return [], 0
    try:
        first_epoch = int(json.loads(note.read_text())["epoch"])
        h5py.File(weights, mode="r").close()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"the backup in {run_dir / 'backup'} is damaged ({error}). Start again in a new folder."
        ) from error
    rows = [row for row in read_log(run_dir) if row["epoch"] < first_epoch]
    with (run_dir / "log.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "epoch": int(row["epoch"])} for row in rows)
    return rows, first_epoch


def _unfinished(run_dir):
    begun = (run_dir / "log.csv").exists() and not (run_dir / "best.keras").exists()
    return begun or (run_dir / "backup").is_dir()
