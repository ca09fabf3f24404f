"""Go on with an interrupted run, or say in words why not."""

import contextlib
import errno
import os
import shutil
import warnings
from pathlib import Path

import tensorflow as tf

from helpers.run_state.backup import Backup, read_backup, versions
from helpers.run_state.folder import is_unfinished, put_in_place
from helpers.run_state.lock import live_owner, locked, remedy
from helpers.run_state.terms import changed_terms

MISTAKES = (AttributeError, LookupError, TypeError, ValueError, tf.errors.InvalidArgumentError)  # of a call or data
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def read_interrupted(run_dir, epochs: int) -> Backup | None:
    """Return the backup of an interrupted run that should now end after `epochs`; None if it was stopped before any.

    Raises FileNotFoundError if the folder holds no interrupted run, RuntimeError if a living process trains there,
    ValueError if its backups are damaged or the number of epochs does not fit.
    """
    run_dir = Path(run_dir)
    if not is_unfinished(run_dir):
        shutil.rmtree(run_dir / "backup.ended", ignore_errors=True)  # the run was killed while it tidied up
        if os.path.exists(run_dir / "best.keras"):
            told = "It ran to its end; load_network() on its best.keras gives the network."
        elif os.path.isdir(run_dir) and any(run_dir.iterdir()):
            told = "It holds other files, so start a run in a new folder."
        elif os.path.lexists(run_dir) and not os.path.isdir(run_dir):
            told = "It is no folder. Start a run with resume=False under another name."
        else:
            told = "Start one with resume=False."
        raise FileNotFoundError(f"there is no interrupted run in {run_dir}. {told}")
    if (run_dir / "backup").is_symlink():
        raise ValueError(
            f"{run_dir / 'backup'} is a link, and a run removes this folder when it ends. Put the folder that it leads "
            "to in its place, and go on; a whole run may lie elsewhere."
        )
    owner = live_owner(run_dir / "backup")
    if owner:
        raise RuntimeError(
            f"the run in {run_dir} is not interrupted: {owner} is training there. {remedy(run_dir / 'backup')}"
        )
    backup = read_backup(run_dir)
    if backup is None:
        warnings.warn(
            f"the run in {run_dir} was stopped before its first backup, so nothing of it is there to go on with. It "
            "begins again, from the weights that the network has now."
            + (" Log and best network of before are kept, as earlier-*." if _has_log(run_dir) else ""), stacklevel=3,
        )
    else:
        _check_epochs(backup, epochs)
    return backup


def _check_epochs(backup, epochs):
    """A rate that falls to 0 by the last epoch belongs to the number of epochs, once the first is done."""
    planned = backup.state["terms"].get("epochs", epochs)
    if epochs != planned and backup.epoch and backup.state["terms"].get("planned rate"):
        raise ValueError(
            f"this run was started with epochs={planned} and has {backup.epoch} epochs behind it. Its learning rate "
            f"falls to 0 by the last of the {planned}, so it cannot end after epochs={epochs} as if that had been "
            f"planned. Resume it with epochs={planned}."
        )
    if backup.epoch > epochs:
        raise ValueError(
            f"this run has {backup.epoch} epochs behind it, more than epochs={epochs}. Resume it with at least "
            f"epochs={backup.epoch}."
        )


def set_aside(run_dir) -> None:
    """Give log and best network of a run that begins again other names, so that the log will not hold two runs."""
    for path in (Path(run_dir) / "log.csv", Path(run_dir) / "best.keras"):
        if path.exists() and path.stat().st_size:
            number, place = 1, path.with_name(f"earlier-{path.name}")
            while place.exists():
                number, place = number + 1, path.with_name(f"earlier-{number + 1}-{path.name}")
            os.replace(path, place)
        path.unlink(missing_ok=True)


def _has_log(run_dir):
    return any(path.exists() and path.stat().st_size for path in (run_dir / "log.csv", run_dir / "best.keras"))


def restore_files(run_dir, backup: Backup, terms: dict) -> None:
    """Put the log and the best network of a backup back into the run's folder, once it is clear that it belongs here.

    Raises ValueError, naming what differs, if the run was started with other data or settings.
    """
    run_dir, then = Path(run_dir), {**backup.state["terms"], "epochs": terms["epochs"]}
    if not backup.epoch and terms["planned rate"]:
        then.pop("learning rate", None)  # with another number of epochs it is another, and no step was made with it
    changed = changed_terms(then, terms)
    if changed:
        raise ValueError(
            f"the run in {run_dir} was started with {', '.join(changed)}. Resume it with what it was started with, or "
            "start another run in a new folder."
        )
    if backup.state["versions"] != versions():
        warnings.warn(
            f"the run in {run_dir} was started with {backup.state['versions']}, and this is {versions()}. It goes on, "
            "but its last digits may differ from those of an uninterrupted run.", stacklevel=3,
        )
    for name, content in (("best.keras", backup.best), ("log.csv", backup.log)):
        if content is None:
            (run_dir / name).unlink(missing_ok=True)
        elif not (run_dir / name).exists() or (run_dir / name).read_bytes() != content:
            draft = run_dir / "backup" / "restored.draft"
            draft.write_bytes(content)
            put_in_place(draft, run_dir / name)


@contextlib.contextmanager
def holding(run_dir, new: bool):
    """Hold a run's folder for this process alone, and say in words what is wrong if the disk does not take the files.

    new: whether the run begins now; then a mistake that is found before an epoch is done leaves the folder empty, for
    the next try. Raises FileExistsError if another process has begun one at the same moment,
    RuntimeError if one is under way, and OSError, with the remedy, for a full disk or a folder that cannot be written.
    """
    folder = Path(run_dir) / "backup"
    try:
        if new:
            try:
                folder.mkdir()
            except FileExistsError:
                raise FileExistsError(
                    f"another process has just begun a run in the folder {run_dir}. Choose another name, or "
                    f"a fresh one: new_run_dir({str(Path(run_dir).parent)!r})."
                ) from None
        with locked(folder):
            try:
                yield
            except MISTAKES:
                if new:
                    _leave_nothing(Path(run_dir))
                raise
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        go_on = "go on with resume=True" if folder.is_dir() else "start it again"
        raise type(error)(
            error.errno,
            f"the run in {run_dir} stopped, because {error.filename or 'a file'} could not be read or written "
            f"({os.strerror(error.errno)}). What the run had kept before is whole. Make room on the disk, or the "
            f"folder writable, and {go_on}.",
        ) from error


def _leave_nothing(run_dir):
    """Take away what a run has made that is still without an epoch."""
    epochs = {path.name for path in (run_dir / "backup").glob("epoch-*.zip")} - {"epoch-000000.zip"}
    if epochs or _has_log(run_dir):
        return
    shutil.rmtree(run_dir / "backup", ignore_errors=True)
    for name in ("log.csv", "draft.keras"):
        (run_dir / name).unlink(missing_ok=True)
