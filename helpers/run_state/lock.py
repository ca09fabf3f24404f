"""One process at a time in the folder of a run: a lock that holds the process and the machine."""

import contextlib
import json
import os
import platform
import time
from pathlib import Path

import psutil

try:
    import fcntl
except ImportError:  # Windows: two processes that take over a dead lock within the same millisecond are not told apart
    fcntl = None

SILENCE = 600.0  # seconds after which a process on another machine, which cannot be asked, counts as dead
_held = {}  # folder of a lock: when this process last showed there that it is alive


def live_owner(folder) -> str | None:
    """Return in words which living process holds the lock in a folder; None if there is none, or a dead one's.

    A process of this machine is looked up by its number and its start. One of another machine counts as dead when it
    has not touched the lock for `SILENCE` seconds.
    """
    owner = _read(folder)
    if owner is None:
        return None
    number, machine, started, silent = owner
    if machine != platform.node():
        words = f"process {number} on the machine {machine}, "
        if silent < -SILENCE:
            return words + f"whose clock is {-silent / 3600:.1f} hours ahead of this one's,"
        return words + f"which wrote there {max(silent, 0):.1f} seconds ago" if silent < SILENCE else None
    if number == os.getpid():
        return "this process" if Path(folder).resolve() in _held else None
    try:
        process = psutil.Process(number)
        alive = abs(process.create_time() - started) < 10 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # it is there, and another user's
        alive = True
    return f"process {number} on this machine" if alive else None


def remedy(folder) -> str:
    """Return in words what to do about a lock whose owner is gone, for example a container that was started anew."""
    owner, words = _read(folder), f"If it is gone for certain, delete {Path(folder) / 'lock.json'}"
    if owner is None or owner[1] == platform.node() or owner[3] < -SILENCE:
        return words + "."
    return words + f", or wait: after {SILENCE / 60:.0f} minutes without a sign of life it counts as dead."


def wait_for_silence(folder, every=1.0) -> None:
    """Wait for a process on another machine that may be dead, until it shows a sign of life or counts as dead.

    A cluster starts a job again elsewhere within seconds, and a machine that failed cannot take its lock away.
    """
    owner = _read(folder)
    if owner is None or owner[1] == platform.node() or not 0 <= owner[3] < SILENCE:
        return
    print(f"Waiting for process {owner[0]} on the machine {owner[1]}: it is dead if it stays silent.", flush=True)
    while owner is not None and owner[3] < SILENCE:
        time.sleep(every)
        before, owner = owner, _read(folder)
        if owner is None or owner[3] < before[3]:
            return


def _read(folder):
    """Return number, machine and start of the process that a lock names, and for how many seconds it was silent.

    None if there is no lock, or one that was cut off while it was written, or that nobody of ours wrote.
    """
    path = Path(folder) / "lock.json"
    try:
        owner, silent = json.loads(path.read_text(encoding="utf-8")), time.time() - path.stat().st_mtime
        number, machine, started = owner["process"], owner["machine"], owner["started"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    sound = type(number) is int and 0 < number < 2**31 and isinstance(machine, str) and type(started) in (int, float)
    return (number, machine, started, silent) if sound else None


@contextlib.contextmanager
def locked(folder):
    """Hold the lock of a folder that exists. Raises RuntimeError, naming the owner, if a living process holds it."""
    folder = Path(folder).absolute()  # so that a callback may change the working directory
    with _one_at_a_time(folder):
        owner = live_owner(folder)
        if owner:
            raise RuntimeError(
                f"the run in {folder.parent} is under way: {owner} is training there. Wait for it, or stop it, and "
                f"then go on with resume=True. {remedy(folder)}"
            )
        draft = folder / f"lock-{os.getpid()}.draft"
        draft.write_text(json.dumps(_me()))
        os.replace(draft, folder / "lock.json")
        place = folder.resolve()
        _held[place] = time.monotonic()
    try:
        yield
    finally:
        if _is_mine(folder):
            (folder / "lock.json").unlink()
        _held.pop(place, None)


def show_alive(folder, every=20.0) -> None:
    """Touch the lock, at most once in so many seconds, for processes on other machines to see."""
    folder = Path(folder).resolve()
    if time.monotonic() - _held.get(folder, float("inf")) > every:
        _held[folder] = time.monotonic()
        with contextlib.suppress(OSError):
            os.utime(folder / "lock.json")


def check_still_mine(folder) -> None:
    """Raise RuntimeError if this process took the lock and another one has it now, for example after a long sleep.

    So it does if somebody has deleted the lock, because another process may then begin at any moment.
    """
    folder = Path(folder)
    if folder.resolve() not in _held or _is_mine(folder):
        return
    if not folder.is_dir():
        raise RuntimeError(
            f"somebody has deleted the folder {folder} while the run was under way, and with it the backups. The run "
            f"stops here. What is left of it lies in {folder.parent}; start again in a new folder."
        )
    if not (folder / "lock.json").exists():
        raise RuntimeError(
            f"somebody has deleted {folder / 'lock.json'} while the run was under way, so another process could begin "
            "there. This one stops here and writes nothing more. Go on with resume=True."
        )
    raise RuntimeError(
        f"another process has taken over the run in {folder.parent}, because this one seemed to be dead. This one "
        "stops here and writes nothing more."
    )


def _me():
    return {"process": os.getpid(), "machine": platform.node(), "started": psutil.Process().create_time()}


def _is_mine(folder):
    owner = _read(folder)
    return owner is not None and owner[:2] == (os.getpid(), platform.node())


@contextlib.contextmanager
def _one_at_a_time(folder):
    """Let no two processes look at the lock and take it at the same moment. The system ends this when one dies."""
    with (folder / "guard").open("w") as file:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a network folder may know no such locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield
