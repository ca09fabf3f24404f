"""Processes that work beside this one, for `scaling`. Standard library only, so that they start in a blink.

The pools of the standard library would run the caller's own script again in each process, TensorFlow and all, and
leave processes behind when the caller is killed. Ours load what they are asked to do and nothing else.
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

_mine = threading.local()  # each thread of a pool has one process, which computes while the thread waits for it


@lru_cache
def pool(workers: int) -> ThreadPoolExecutor:
    """Return the threads that hand work to so many processes; made once for each number."""
    return ThreadPoolExecutor(workers, "drawing")


def elsewhere(function, *arguments):
    """Return `function(*arguments)`, computed by this thread's process; the function must stand in a module.

    Raises what the function raises, and RuntimeError if the process was killed; the next call starts a new one.
    """
    if getattr(_mine, "process", None) is None:
        command = [sys.executable, "-m", "helpers.workers"]
        _mine.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pickle.dump((function, arguments), _mine.process.stdin, protocol=5)
        _mine.process.stdin.flush()
        done, result = pickle.load(_mine.process.stdout)
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        _mine.process.kill()
        _mine.process = None
        raise RuntimeError(
            "one of the processes that draw was killed, perhaps for lack of memory. Run the cell again, or draw in this "
            "process with workers=0."
        ) from error
    if not done:
        raise result
    return result


def in_order(function, calls: Iterable[tuple], workers: int, ahead: int) -> Iterator:
    """Yield `function(*arguments)` for each of the calls, in their order, computed by `workers` processes.

    ahead: at most so many results wait to be taken, which bounds the memory.
    """
    waiting = deque()
    for arguments in calls:
        waiting.append(pool(workers).submit(elsewhere, function, *arguments))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def follow_input() -> None:
    """End this process when its standard input closes, as it does when the process that started it ends."""
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()


def main() -> None:
    """Be one of the processes: answer calls until the input closes, as it does when the other side ends in any way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a notebook's stop button reaches us, too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function prints must not get between the answers
    while True:
        try:
            function, arguments = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        pickle.dump(answer, answers, protocol=5)
        answers.flush()


if __name__ == "__main__":
    main()
