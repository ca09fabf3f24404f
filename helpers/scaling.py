"""Streams of pictures, several devices, several machines (notebook 07).

    python -m helpers.scaling RUN_DIR '{"epochs": 3}'     one worker; TF_CONFIG says which, of which cluster
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import tensorflow as tf

from helpers import ROOT
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, draw_numbered
from helpers.training import bce_dice_loss, claim_folder, quiet, read_log
from helpers.workers import follow_input, in_order

LOST_PEER = 3  # exit status of a worker that ended because another one was gone
WORKER_MEMORY = 0.8  # GB of one worker, TensorFlow and all

# --- streams ----------------------------------------------------------------------------------------------------------


def stream_batches(
    pictures, scene=CircleScene(), seed=0, batch_size=4, first=0, shard=(0, 1), workers=1, ahead=4,
):
    """Return a `tf.data.Dataset` of `(images, masks)` batches of the numbered pictures `first`, `first + 1` ...

    pictures: how many in all; scene, seed: as in `draw_numbered`, so one seed gives one stream, whatever the rest.
    batch_size: pictures a step, over all shards. shard: `(index, count)`; this one gets the index-th part of each batch.
    workers: processes that draw; 0 draws in a thread of this process. ahead: portions of batches, of about 32 pictures or
    one batch, drawn in advance, which bounds the memory. Raises ValueError for numbers that do not fit each other.
    """
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"shard is {shard}; write (index, count), index from 0 to count - 1, such as (1, 2).")
    if batch_size < 1 or batch_size % count:
        raise ValueError(f"batch_size is {batch_size}; {count} shards share a batch, so make it a multiple of {count}.")
    if pictures < 1 or pictures % count:
        raise ValueError(f"pictures is {pictures}; {count} shards need a multiple of {count}, at least {count}.")

    portion = batch_size * max(1, 32 // batch_size)  # asking another process costs as much as drawing a few pictures

    def part(start):
        size = min(batch_size, pictures - start) // count
        return first + start + index * size + np.arange(size)

    def parts():
        for start in range(0, pictures, portion):
            starts = range(start, min(start + portion, pictures), batch_size)
            yield scene, seed, np.concatenate([part(each) for each in starts])

    def drawn():
        if workers:
            return in_order(draw_numbered, parts(), workers, ahead)
        return (draw_numbered(*each) for each in parts())

    shape = (None, scene.size, scene.size, 1)
    batches = tf.data.Dataset.from_generator(
        drawn, output_signature=(tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.uint8))
    )
    known = batches.rebatch(batch_size // count).apply(tf.data.experimental.assert_cardinality(-(-pictures // batch_size)))
    return quiet(known.prefetch(2))


# --- devices ----------------------------------------------------------------------------------------------------------


def use_devices(pretend: int = 2) -> list[str]:
    """Return the names of all GPUs or, where there is none, of `pretend` logical devices that share the CPU.

    Raises RuntimeError if TensorFlow has begun to compute: devices are made before that, or not at all.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return [f"GPU:{i}" for i in range(len(gpus))]
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * pretend
        )
    except RuntimeError as error:
        raise RuntimeError("TensorFlow has begun to compute; restart the kernel and call use_devices first.") from error
    return [f"CPU:{i}" for i in range(pretend)]


def make_step(strategy, model, optimizer, batch_size):
    """Return a function that trains on one distributed batch and returns its mean loss over all replicas.

    batch_size: pictures a step, all replicas together. Each replica divides the sum of its losses by that, so that the
    sum of the replicas' gradients, which the optimizer takes, is the gradient of one device.
    """
    def on_one_replica(images, masks):
        with tf.GradientTape() as tape:
            losses = bce_dice_loss(masks, model(images, training=True))
            loss = tf.reduce_sum(losses) / batch_size
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    @tf.function
    def step(images, masks):
        return strategy.reduce("SUM", strategy.run(on_one_replica, (images, masks)), axis=None)

    return step


def train_on(
    strategy, run_dir, epochs=3, steps=8, batch_size=8, seed=0, size=32, filters=4, depth=3, rate=1e-3, resume=False,
):
    """Train a U-Net on a stream with a loop of our own, on the devices of any `tf.distribute` strategy.

    Writes `log.csv` (epoch, loss) and, after each epoch, a checkpoint with the optimizer's memory; all workers read the
    folder, the first one writes. resume: go on after the last checkpoint. Returns the mean loss of each epoch.
    Raises FileExistsError if the folder holds a run, FileNotFoundError if there is nothing to resume, ValueError if the
    batch cannot be shared by the devices.
    """
    copies = strategy.num_replicas_in_sync
    if batch_size % copies:
        raise ValueError(f"batch_size is {batch_size}; {copies} devices share it, so make it a multiple of {copies}.")
    chief = strategy.cluster_resolver is None or strategy.cluster_resolver.task_id in (0, None)
    run_dir = Path(run_dir)
    scene = CircleScene(size=size, radius=(3, size // 4), circles=(0, 3))
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = build_unet(depth=depth, filters=filters)
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(model.trainable_variables)
    past = tf.Variable(np.zeros(0), shape=[None])  # the losses so far; how many there are says how far the run has come
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, past=past)
    kept = tf.train.CheckpointManager(checkpoint, run_dir / "kept", max_to_keep=2)
    if resume:
        if not kept.restore_or_initialize():
            raise FileNotFoundError(f"there is no checkpoint in {run_dir / 'kept'}; start the run with resume=False.")
    elif kept.latest_checkpoint:
        raise FileExistsError(f"the folder {run_dir} holds a run already: resume=True, or another name.")

    done = len(past.numpy())

    def my_part(context):  # of each batch; tf.distribute takes a smaller batch from it for each of our devices
        shard = context.input_pipeline_id, context.num_input_pipelines
        first, last = (epoch * steps * batch_size for epoch in (done, epochs))
        part = stream_batches(last - first, scene, seed, batch_size, first, shard, workers=0)
        return part.rebatch(batch_size // copies)

    step = make_step(strategy, model, optimizer, batch_size)
    batches = iter(strategy.distribute_datasets_from_function(my_part) if epochs > done else [])
    for _ in range(done, epochs):
        past.assign(np.append(past.numpy(), np.mean([float(step(*next(batches))) for _ in range(steps)])))
        if chief:
            kept.save()
            _write_log(run_dir, past.numpy())
    return past.numpy().tolist()


def _write_log(run_dir, losses):
    draft = run_dir / "log.csv.draft"
    draft.write_text("epoch,loss\n" + "".join(f"{epoch},{loss}\n" for epoch, loss in enumerate(losses)))
    os.replace(draft, run_dir / "log.csv")


def fit_on(strategy, epochs=1, batch_size=8, clip=None):
    """Train with Keras' `fit` under a strategy, as its guide for one machine says; returns the losses of the epochs."""
    scene = CircleScene(size=32, radius=(3, 8), circles=(0, 3))
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = build_unet(depth=3, filters=4)
        model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=clip), loss=bce_dice_loss)
    batches = stream_batches(8 * batch_size, scene, 0, batch_size, workers=0)
    return model.fit(batches, epochs=epochs, shuffle=False, verbose=0).history["loss"]


# --- machines ---------------------------------------------------------------------------------------------------------


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
    """A worker of a run ended before its time; the others were stopped."""


def free_memory() -> float:
    """Return how many GB of memory are free: of this machine, or of what a session on Binder may take (MEM_LIMIT there)."""
    free, limit = psutil.virtual_memory().available, int(os.environ.get("MEM_LIMIT") or 0)
    if limit:
        mine = psutil.Process().username()
        ours = [process.info for process in psutil.process_iter(["username", "memory_info"])]
        free = min(free, limit - sum(one["memory_info"].rss for one in ours if one["username"] == mine and one["memory_info"]))
    return free / 1e9


def start_workers(n: int, run_dir, fit=False, **settings) -> list[subprocess.Popen]:
    """Start `n` workers on this machine, each a process with a log file `worker-I.txt` in the run's folder.

    settings: of `train_on`; fit=True tries `fit_on` in its place. A worker ends when the process that started it does,
    because its input then closes. Raises MemoryError if they would not fit: without that the kernel would be killed.
    """
    run_dir, free = Path(run_dir), free_memory()
    if free < n * WORKER_MEMORY:
        raise MemoryError(
            f"{n} workers take {n * WORKER_MEMORY:.1f} GB of memory, and {max(free, 0):.1f} GB are free. Shut down other notebooks, "
            "or run this on a machine of your own; what it would show stands under this cell in the course's own copy."
        )
    if not settings.get("resume"):
        claim_folder(run_dir)
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
    """Wait until all workers have ended. If one fails, or time is up, stop the others and raise `WorkerLost`."""
    run_dir, end, patience = Path(run_dir), time.monotonic() + seconds, None
    try:
        while any(process.poll() is None for process in processes):
            if time.monotonic() > end:
                raise WorkerLost(f"the workers were stopped after {seconds:g} seconds, {_how_far(run_dir)}")
            if patience is None and any(process.poll() for process in processes):
                patience = time.monotonic() + 10  # in which the others may notice it themselves and say so
            if patience is not None and time.monotonic() > patience:
                break
            time.sleep(0.1)
        states = [process.poll() for process in processes]
        failed = [i for i, state in enumerate(states) if state]
        if failed:  # blame one that only lost its connection last
            guilty = min(failed, key=lambda i: states[i] == LOST_PEER)
            raise WorkerLost(
                f"worker {guilty} of {len(processes)} {_ending(states[guilty])}, so the others were stopped, "
                f"{_how_far(run_dir)} What it wrote: worker-{guilty}.txt."
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
    done = len(read_log(run_dir)) if (run_dir / "log.csv").exists() else 0
    if not done:
        return "before its first checkpoint: start again in a new folder."
    return f"{done} epoch{'s are' if done > 1 else ' is'} kept: go on with resume=True."


def run_workers(n: int, run_dir, seconds=300.0, **settings) -> list[float]:
    """Train with `n` worker processes on this machine; returns the loss of each epoch. See `train_on`, `WorkerLost`."""
    watch_workers(start_workers(n, run_dir, **settings), run_dir, seconds)
    return [row["loss"] for row in read_log(run_dir)]


def main(arguments=None) -> int:
    """Be one worker. The exit status is 0, or `LOST_PEER` if another worker was gone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run_dir")
    parser.add_argument("settings", nargs="?", default="{}", help='of train_on, as JSON, such as {"epochs": 3}')
    parser.add_argument("--fit", action="store_true", help="try Keras' fit in place of our own loop")
    parser.add_argument("--follow", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    if options.follow:
        follow_input()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    try:
        if options.fit:
            print(fit_on(strategy))
        else:
            train_on(strategy, options.run_dir, **json.loads(options.settings))
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CanceledError):
        print("Another worker is gone, so this one ends, too.", flush=True)
        os._exit(LOST_PEER)  # TensorFlow's own clean-up would wait for the one that is gone
    return 0


if __name__ == "__main__":
    sys.exit(main())
