"""Processes that work beside this one, for `scaling`. Standard library only, so that they start in a blink."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache


@lru_cache
def pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes, made once. They end when this process does, even if it is killed."""
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=follow_parent)


def follow_parent() -> None:
    """End this process when its parent has gone, and only then.

    A pool's processes would otherwise wait for work for ever; and the stop button of a notebook reaches them, too.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def follow_input() -> None:
    """End this process when its standard input closes, as it does when the process that started it ends."""
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(1)), daemon=True).start()


def in_order(function, calls: Iterable[tuple], workers: int, ahead: int) -> Iterator:
    """Yield `function(*arguments)` for each of the calls, in their order, computed by `workers` processes.

    ahead: at most so many results wait to be taken, which bounds the memory. Raises RuntimeError if a process was killed.
    """
    waiting = deque()
    try:
        for arguments in calls:
            waiting.append(pool(workers).submit(function, *arguments))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        pool.cache_clear()
        raise RuntimeError(
            "one of the processes that draw was killed, perhaps for lack of memory. Run the cell again, or draw in this "
            "process with workers=0."
        ) from error
