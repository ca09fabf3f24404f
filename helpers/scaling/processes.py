"""Processes that draw or read pictures while this one trains. They need only the standard library and start quickly.

The process pools of the standard library run the caller's script again in each process, TensorFlow included, and
leave processes behind when the caller is killed. These load only the function that they are asked to call.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from helpers import ROOT

_mine = threading.local()  # each thread of a pool owns one process and waits while it computes


@lru_cache
def pool(workers: int) -> ThreadPoolExecutor:
    """Return the threads that pass work to `workers` processes; they are made once for each number."""
    return ThreadPoolExecutor(workers, "drawing")


def call_in_worker(function, *arguments):
    """Return `function(*arguments)`, computed by this thread's process.

    The function and the classes of its arguments must be defined in a module, because the process imports them.
    Raises TypeError if they are not, whatever the function raises, and RuntimeError if the process was killed; the
    next call starts a new one.
    """
    try:
        call = pickle.dumps((function, arguments), protocol=5)
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise _not_importable(error) from error
    if getattr(_mine, "process", None) is None:
        command = [sys.executable, "-m", "helpers.scaling.processes"]
        _mine.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pickle.dump(call, _mine.process.stdin, protocol=5)
        _mine.process.stdin.flush()
        done, result = pickle.load(_mine.process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        _mine.process.kill()
        _mine.process.wait()
        _mine.process = None
        raise RuntimeError(
            "one of the processes that draw or read was killed, perhaps because the memory was full. Run the cell "
            "again, or let this process do the work, with workers=0."
        ) from error
    if not done:
        raise result
    return result


def _imported(call):
    try:
        return pickle.loads(call)
    except (AttributeError, ImportError) as error:
        raise _not_importable(error) from error


def _not_importable(error):
    return TypeError(
        f"another process cannot import what it should use ({error}). Functions and classes that are defined in a "
        "notebook exist only there: move them into a .py file in the course's folder, or draw in this process with "
        "workers=0."
    )


def in_order(function, calls: Iterable[tuple], workers: int, ahead: int) -> Iterator:
    """Yield `function(*arguments)` for each of the calls, in their order, computed by `workers` processes.

    ahead: the largest number of results that wait to be taken; this limits the memory.
    """
    waiting = deque()
    for arguments in calls:
        waiting.append(pool(workers).submit(call_in_worker, function, *arguments))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def follow_input() -> None:
    """End this process when its standard input closes, as it does when the process that started it ends."""
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()


def _packed(answer):
    """Return an answer as bytes, or in words what cannot travel: some errors can be packed and not unpacked."""
    try:
        content = pickle.dumps(answer, protocol=5)
        if not answer[0]:
            pickle.loads(content)
        return content
    except Exception as error:
        told = answer[1] if not answer[0] else error
        return pickle.dumps((False, RuntimeError(f"{type(told).__name__}: {told}")), protocol=5)


def main() -> None:
    """Answer calls until the input closes, which happens when the process on the other side ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a notebook's stop button interrupts this process, too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keep what a function prints apart from the answers
    while True:
        try:
            call = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            function, arguments = _imported(call)
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        answers.write(_packed(answer))
        answers.flush()


if __name__ == "__main__":
    main()
