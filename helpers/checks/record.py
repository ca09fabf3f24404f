"""What a student has solved, kept in a file."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from helpers import ROOT
from helpers.printing import say

MOST_BYTES = 1_000_000  # all exercises of the course take some hundred


def progress_file() -> Path:
    """Return where progress is kept: in the folder that UNET_COURSE_PROGRESS names, or else in `runs`."""
    return Path(os.environ.get("UNET_COURSE_PROGRESS") or ROOT / "runs") / "progress.json"


def read_progress() -> dict[str, str]:
    """Return which exercises are "tried" and which "solved". A damaged file is kept under another name, and said so."""
    path = progress_file()
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, f"{path.name} is no file")
        if path.exists() and path.stat().st_size > MOST_BYTES:
            raise ValueError("far too long")
        states = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(states, dict) or not all(state in ("tried", "solved") for state in states.values()):
            raise ValueError("unknown entries")
        return states
    except FileNotFoundError:
        return {}
    except OSError as error:
        say(f"(Your progress cannot be read: {error.strerror}.)")
        return {}
    except (ValueError, TypeError, RecursionError):  # the last: brackets in brackets without end
        number = 1
        while (kept := path.with_name(f"progress-damaged-{number}.json")).exists():
            number += 1
        with contextlib.suppress(OSError):
            os.replace(path, kept)
            say(f"(The file of your progress was damaged. It is kept as {kept.name}, and a new one begins.)")
        return {}


def record_state(identity, state):
    states = read_progress()
    if states.get(identity) in ("solved", state):
        return
    path = Path(os.path.realpath(progress_file()))  # a link stays a link
    text = json.dumps(dict(sorted({**states, identity: state}.items())), indent=1)
    draft = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise OSError(0, f"{path.name} is no file")
        handle, draft = tempfile.mkstemp(prefix=".progress-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        if path.exists():
            shutil.copymode(path, draft)  # else it stays a file that only its owner can read
        os.replace(draft, path)
    except OSError as error:
        if draft:
            Path(draft).unlink(missing_ok=True)
        say(f"(Your progress cannot be kept: {error.strerror}. The exercise counts all the same.)")
