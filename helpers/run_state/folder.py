"""The folder of a run: claimed once, its log, and files that are exchanged as a whole."""

import contextlib
import csv
import os
import shutil
import tempfile
from pathlib import Path

from helpers.run_state.lock import live_owner, remedy


def folder_of(run_dir) -> Path:
    """Return the folder of a run as an absolute path, so that it stays the same if the working directory changes.

    Raises TypeError for what is no path, ValueError for the home of a user that nobody knows.
    """
    if not isinstance(run_dir, (str, os.PathLike)):
        raise TypeError(f"run_dir is {run_dir!r}; expected the name of a folder, such as 'runs/first'.")
    try:
        return Path(os.path.abspath(Path(run_dir).expanduser()))
    except RuntimeError:
        raise ValueError(
            f"{run_dir} begins with ~, the home of a user, and there is no such user. Write ~/ for your own home, or "
            "./~ for a folder that is called so."
        ) from None


def claim_folder(run_dir) -> Path:
    """Make a new run folder and return it; a folder with files in it is never touched.

    Raises FileExistsError if it holds anything, and PermissionError or NotADirectoryError, with the remedy, if it
    cannot be made or written.
    """
    run_dir = folder_of(run_dir)
    if os.path.isdir(run_dir) and any(run_dir.iterdir()):
        unfinished, owner = "", live_owner(run_dir / "backup")
        if owner:
            unfinished = f" It is under way: {owner} is training there. {remedy(run_dir / 'backup')}"
        elif is_unfinished(run_dir):
            unfinished = " It was interrupted: go on with resume=True."
        raise FileExistsError(
            f"the folder {run_dir} holds a run already, and runs never overwrite each other.{unfinished} "
            f"Choose another name, or a fresh one: new_run_dir({str(run_dir.parent)!r})."
        )
    make_folder(run_dir)
    return run_dir


def make_folder(run_dir) -> None:
    """Make a run's folder unless it is there, and see that it takes files.

    Raises FileExistsError for a file in its place, PermissionError or NotADirectoryError, with the remedy, if it cannot
    be made or written.
    """
    if os.path.lexists(run_dir) and not os.path.isdir(run_dir):
        kind = "a file" if os.path.exists(run_dir) else "a link that leads nowhere"
        raise FileExistsError(f"{run_dir} is {kind}, and a run needs a folder. Choose another name.")
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=run_dir):  # it has no name that could stay behind
            pass
    except OSError as error:
        raise type(error)(
            f"cannot write into the folder {run_dir} ({error.strerror}). Choose one of yours, such as 'runs/first'."
        ) from error


def new_run_dir(parent, name="run") -> Path:
    """Return the first of `parent/name-1`, `parent/name-2` ... that does not exist yet. Nothing is made."""
    parent, number = Path(parent).expanduser(), 1
    while os.path.lexists(parent / f"{name}-{number}"):  # a link that leads nowhere takes a name, too
        number += 1
    return parent / f"{name}-{number}"


def read_log(run_dir) -> list[dict[str, float]]:
    """Return the rows of a run's `log.csv`, one dictionary of numbers an epoch; NaN where an epoch has no value.

    Raises FileNotFoundError if there is no log, ValueError, naming line and cell, if it is damaged.
    """
    path = Path(run_dir).expanduser() / "log.csv"
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no log.csv in {run_dir}; train_unet writes it at the end of its first epoch."
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # a spreadsheet puts a mark before the first letter
            rows = [*csv.reader(file)]
        return [_numbers(rows[0], row, line) for line, row in enumerate(rows[1:], 2) if row]
    except (ValueError, csv.Error) as error:
        told = "train again in a new folder"
        if (path.parent / "best.keras").exists():
            told = "the network in best.keras is another file, which this leaves unharmed"
        raise ValueError(f"{path} is damaged ({error}). Correct the line, or bring back the file; {told}.") from error


def _numbers(header, row, line):
    """Return the cells of a row as numbers, by the names in the first line."""
    if len(row) != len(header):
        hint = "; a spreadsheet has put semicolons for commas" if ";" in "".join(header) else ""
        raise ValueError(f"line {line} has {len(row)} cells, and the first line names {len(header)}{hint}")
    numbers = {}
    for name, cell in zip(header, row):
        try:  # Keras writes NA where it has no value, for example without validation
            numbers[name] = float("nan" if cell.strip() == "NA" else cell)
        except ValueError:
            raise ValueError(f"line {line}, column {name[:40]!r}: {cell[:40]!r} is no number") from None
    return numbers


def is_unfinished(run_dir) -> bool:
    """Return whether a run that has not ended is in a folder: `backup/` is there from its beginning to its end."""
    return os.path.isdir(Path(run_dir) / "backup")


def has_ended(run_dir) -> bool:
    """Return whether a run in a folder has come to its end: its log is there, and no backup any more."""
    return os.path.exists(Path(run_dir) / "log.csv") and not is_unfinished(run_dir)


def end_run(run_dir) -> None:
    """Turn an unfinished run into one that has ended: sync its log, then take away `backup/` in a single step."""
    run_dir = Path(run_dir)
    if (run_dir / "log.csv").exists():
        put_in_place(run_dir / "log.csv", run_dir / "log.csv")
    ended = run_dir / "backup.ended"
    os.replace(run_dir / "backup", ended)
    sync_folder(run_dir)
    if ended.is_symlink():  # what it leads to is not of this run's folder
        ended.unlink()
    else:
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
