"""The most memory that this process has had, asked in the one way that cannot name another process's."""

from pathlib import Path

STATUS = Path("/proc/self/status")


def high_water() -> int:
    """Return the largest memory of this process so far, in bytes; 0 where the system does not tell (only Linux does).

    `resource.getrusage` is no use here: Linux hands its `ru_maxrss` on to a new program, so a little one that a large
    test run has started would begin with the size of that run.
    """
    if not STATUS.exists():
        return 0
    return next(int(line.split()[1]) * 1024 for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
