"""The folder of a run: claimed once, its log, and files that are exchanged as a whole."""

import contextlib
import csv
import os
import shutil
import tempfile
from pathlib import Path

from helpers.run_lock import live_owner


def claim_folder(run_dir) -> Path:
    """Make a new run folder and return it; a folder with files in it is never touched.

    Raises FileExistsError if it holds anything, and PermissionError or NotADirectoryError, with the remedy, if it
    cannot be made or written.
    """
    run_dir = Path(run_dir).expanduser()
    if run_dir.is_dir() and any(run_dir.iterdir()):
        unfinished, owner = "", live_owner(run_dir / "backup")
        if owner:
            unfinished = f" It is under way: {owner} is training there."
        elif is_unfinished(run_dir):
            unfinished = " It was interrupted: go on with resume=True."
        raise FileExistsError(
            f"the folder {run_dir} holds a run already, and runs never overwrite each other.{unfinished} "
            "Choose another name, or new_run_dir() for a fresh one."
        )
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=run_dir):  # it has no name that could stay behind
            pass
    except OSError as error:
        raise type(error)(
            f"cannot write into the folder {run_dir} ({error.strerror}). Choose one of yours, such as 'runs/first'."
        ) from error
    return run_dir


def new_run_dir(parent, name="run") -> Path:
    """Return the first of `parent/name-1`, `parent/name-2` ... that does not exist yet. Nothing is made."""
    parent, number = Path(parent).expanduser(), 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


def read_log(run_dir) -> list[dict[str, float]]:
    """Return the rows of a run's `log.csv`, one dictionary of numbers an epoch; NaN where an epoch has no value.

    Raises FileNotFoundError if there is no log, ValueError if it is damaged.
    """
    path = Path(run_dir).expanduser() / "log.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no log.csv in {run_dir}; train_unet writes it at the end of its first epoch."
        )
    with path.open(newline="") as file:
        try:  # Keras writes NA where it has no value, for example without validation
            rows = csv.DictReader(file)
            return [{key: float(value.replace("NA", "nan")) for key, value in row.items()} for row in rows]
        except (AttributeError, ValueError, csv.Error) as error:
            raise ValueError(f"{path} is damaged ({error}); delete the folder {run_dir} and train again.") from error


def is_unfinished(run_dir) -> bool:
    """Return whether a run that has not ended is in a folder: `backup/` is there from its beginning to its end."""
    return (Path(run_dir) / "backup").is_dir()


def end_run(run_dir) -> None:
    """Turn an unfinished run into one that has ended: sync its log, then take away `backup/` in a single step."""
    run_dir = Path(run_dir)
    if (run_dir / "log.csv").exists():
        put_in_place(run_dir / "log.csv", run_dir / "log.csv")
    ended = run_dir / "backup.ended"
    os.replace(run_dir / "backup", ended)
    sync_folder(run_dir)
    shutil.rmtree(ended)


def put_in_place(draft, path) -> None:
    """Give a finished draft its name, so that a reader, or the next start after a crash, finds all of it or none."""
    with Path(draft).open("r+b") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(Path(path).parent)


def sync_folder(folder) -> None:
    """Write a folder's list of names to the disk, where the system can do so for a folder."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
