"""Build payloads and try them, one after another, in a process with a limit: one line of JSON for each.

    python tests/payloads/trial.py KIND NAME [KIND NAME ...]
"""

import contextlib
import json
import linecache
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

from benchmarks.peak_memory import STATUS, high_water  # noqa: E402

HELPERS = HERE.parent.parent / "helpers"
SPARE = 4_000_000_000  # bytes of addresses above the start: what asks for more gets a MemoryError, and not the machine


def reset():
    """Forget the largest memory so far."""
    if STATUS.exists():
        Path("/proc/self/clear_refs").write_text("5")


def tried(action) -> dict:
    """Call `action` and say what came of it: refused in words, read, or an error that is none of ours."""
    reset()
    before, began = high_water(), time.process_time()
    try:
        value = action()
        outcome, said = "read", type(value).__name__ if value is not None else ""
        said = value if isinstance(value, str) else said
    except (ValueError, FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError, OSError) as error:
        outcome, said = ("refused", f"{error}") if _is_ours(error) else ("raw", f"{type(error).__name__}: {error}")
    except BaseException as error:
        outcome, said = "raw", f"{type(error).__name__}: {error}"
    return {"outcome": outcome, "said": said[:400], "seconds": time.process_time() - began, "megabytes": (high_water() - before) / 1e6}


def _is_ours(error):
    """Say whether a line of the course raised an error itself: `raise` stands there, and not a call that went wrong."""
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    file = Path(trace.tb_frame.f_code.co_filename)
    return HELPERS in file.parents and linecache.getline(str(file), trace.tb_lineno).strip().startswith("raise ")


def limits():
    """Return a function that limits the addresses of this process to so many above the present, or lifts the limit."""
    if not STATUS.exists():
        return lambda spare: None
    import resource

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = resource.RLIM_INFINITY
    return lambda spare: resource.setrlimit(resource.RLIMIT_AS, (most if spare is None else size + spare, most))


@contextlib.contextmanager
def scratch():
    """Make a folder, and remove it with all that is in it: shutil gives up at 1,000 folders in each other."""
    folder = tempfile.mkdtemp()
    try:
        yield folder
    finally:
        subprocess.run(["rm", "-rf", folder]) if STATUS.exists() else shutil.rmtree(folder, ignore_errors=True)


def main():
    """Try what the arguments name."""
    from helpers import MODELS
    from helpers.lean_import import import_tensorflow
    from helpers.own_images import load_kept, predict_folder  # noqa: F401
    from payloads import load_all

    import_tensorflow()
    load_kept(MODELS / "unet_circles.keras")  # whatever is made once is made before anything is measured
    kinds = load_all()
    limit = limits()
    for kind, name in zip(sys.argv[1::2], sys.argv[2::2]):
        with scratch() as folder:
            build, reads, _ = kinds[kind][name]
            try:
                action = build(Path(folder))
            except (AttributeError, NotImplementedError, ImportError) as error:  # no pipes on Windows, no such package
                print(json.dumps({"kind": kind, "name": name, "outcome": "not here", "said": str(error)}), flush=True)
                continue
            limit(SPARE)
            result = tried(action)
            limit(None)
            print(json.dumps({"kind": kind, "name": name, "reads": reads, **result}), flush=True)


if __name__ == "__main__":
    main()
