"""Workers: the processes that train together, here or on several machines; start them, watch them, end them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from helpers import ROOT
from helpers.run_state.folder import has_ended
from helpers.settings import check_switch
from helpers.training import claim_folder, read_log

LOST_PEER = 3  # exit status of a worker that ended because another one was gone
WORKER_MEMORY = 0.8  # GB of one worker, TensorFlow and all


def free_ports(n: int) -> list[int]:
    """Return `n` different ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def tf_config(addresses: list[str], index: int) -> str:
    """Return what the variable TF_CONFIG says to worker `index` of a cluster of workers at `addresses` (host:port)."""
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


class WorkerLost(RuntimeError):
    """A worker ended before the run was complete; the others were stopped."""


def free_memory() -> float:
    """Return how many GB of memory are free: of this machine, or of what a session on Binder may use (MEM_LIMIT)."""
    free, limit = psutil.virtual_memory().available, int(os.environ.get("MEM_LIMIT") or 0)
    if limit:
        mine = psutil.Process().username()
        found = [process.info for process in psutil.process_iter(["username", "memory_info"])]
        used = sum(one["memory_info"].rss for one in found if one["username"] == mine and one["memory_info"])
        free = min(free, limit - used)
    return free / 1e9


def start_workers(n: int, run_dir, fit=False, **settings) -> list[subprocess.Popen]:
    """Start `n` workers on this machine, each a process with a log file `worker-I.txt` in the run's folder.

    settings: of `train_on`; fit=True tries `fit_on` instead. A worker ends when the process that started it ends,
    because its input then closes. Raises MemoryError if the memory does not suffice; the kernel would be killed.
    """
    run_dir, free = Path(run_dir).expanduser(), free_memory()
    if free < n * WORKER_MEMORY:
        raise MemoryError(
            f"{n} workers need {n * WORKER_MEMORY:.1f} GB of memory, and {max(free, 0):.1f} GB are free. Shut down "
            "other notebooks, or run this on your own machine. The course's own copy of this notebook shows the output."
        )
    check_switch(settings.get("resume", False), "resume")
    if settings.get("manifest"):  # the workers run in another folder, and JSON knows no paths
        settings["manifest"] = str(Path(settings["manifest"]).expanduser().resolve())
    if isinstance(settings.get("network"), str):
        settings["network"] = str(Path(settings["network"]).expanduser().resolve())
    elif settings.get("network") is not None or settings.get("arrays") is not None:
        raise TypeError(
            "functions and arrays do not travel to other processes. Write the function into a file and name both, "
            "network='mine.py:build', and the pictures into files, with a manifest, as python -m helpers.own_images "
            "index makes it."
        )
    if not settings.get("resume"):
        claim_folder(run_dir)
    elif not run_dir.is_dir():
        raise FileNotFoundError(f"there is no run in {run_dir}; start one with resume=False.")
    addresses = [f"127.0.0.1:{port}" for port in free_ports(n)]
    command = [sys.executable, "-m", "helpers.scaling", str(run_dir.resolve()), json.dumps(settings), "--follow"]
    command += ["--fit"] if fit else []
    processes = []
    for index in range(n):
        environment = {**os.environ, "TF_CONFIG": tf_config(addresses, index), "CUDA_VISIBLE_DEVICES": "-1"}
        with (run_dir / f"worker-{index}.txt").open("w") as log:
            processes.append(subprocess.Popen(
                command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT
            ))
    return processes


def watch_workers(processes, run_dir, seconds=300.0) -> None:
    """Wait until all workers have ended. If one fails or the time is over, stop the others and raise `WorkerLost`."""
    run_dir, end, patience = Path(run_dir).expanduser(), time.monotonic() + seconds, None
    try:
        while any(process.poll() is None for process in processes):
            if time.monotonic() > end:
                raise WorkerLost(f"the workers were stopped after {seconds:g} seconds. {_how_far(run_dir)}")
            if patience is None and any(process.poll() for process in processes):
                patience = time.monotonic() + 30  # time for the others to notice it and to say so
            if patience is not None and time.monotonic() > patience:
                break
            time.sleep(0.1)
        states = [process.poll() for process in processes]
        failed = [i for i, state in enumerate(states) if state]
        if failed:  # name the one that failed, not one that only lost its connection
            first = min(failed, key=lambda i: (states[i] == LOST_PEER, states[i] > 0))
            raise WorkerLost(
                f"worker {first} of {len(processes)} {_ending(states[first])}, so the others have ended, too. "
                f"{_how_far(run_dir)} What it wrote: {Path(run_dir) / f'worker-{first}.txt'}."
            )
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdin.close()


def _ending(state):
    if state < 0:
        return f"was killed ({signal.Signals(-state).name})"
    return "lost its connection to another" if state == LOST_PEER else f"ended with an error (exit status {state})"


def _how_far(run_dir):
    if has_ended(run_dir):
        return "The run itself is complete."
    done = max((int(path.stem[len("epoch-") :]) for path in (run_dir / "backup").glob("epoch-*.zip")), default=0)
    if not done:
        return "That was before the end of the first epoch. Start again in a new folder."
    return f"{done} epoch{'s are' if done > 1 else ' is'} saved. Go on with resume=True."


def run_workers(n: int, run_dir, seconds=300.0, **settings) -> list[float]:
    """Train with `n` worker processes on this machine; returns the loss of each epoch. See `train_on`, `WorkerLost`."""
    watch_workers(start_workers(n, run_dir, **settings), run_dir, seconds)
    return [row["loss"] for row in read_log(run_dir)]
