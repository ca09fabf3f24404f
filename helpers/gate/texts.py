"""Small files of text and tables, read whole: never a pipe, and never more than they may be."""

import stat
from pathlib import Path

from helpers.gate.archives import GateError


def read_whole(path, limit: int = 100_000_000) -> bytes:
    """Return what a file holds.

    Raises GateError for what is no file or larger than `limit` bytes, OSError as `open` does.
    """
    found = Path(path).stat()
    if not stat.S_ISREG(found.st_mode):  # a pipe would wait for ever
        raise GateError("is not a file")
    if found.st_size > limit:
        raise GateError(f"has {found.st_size:,} bytes, more than {limit:,}")
    return Path(path).read_bytes()
