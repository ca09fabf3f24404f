"""Training on several devices: one machine's GPUs, or the devices of several workers."""

import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers.anatomy import build_unet
from helpers.scaling.files import stream_files
from helpers.scaling.streams import stream_batches
from helpers.settings import check_switch
from helpers.synthesis import CircleScene
from helpers.training import bce_dice_loss


def use_devices(pretend: int = 2) -> list[str]:
    """Return the names of 1, 2, 4 or 8 GPUs or, where there is none, of `pretend` logical devices that share the CPU.

    Of three GPUs two are taken, and so on, so that they can share batches of 8 equally. Raises RuntimeError if
    TensorFlow has already computed something; devices can only be made before that.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        return [f"GPU:{i}" for i in range(max(n for n in (1, 2, 4, 8) if n <= len(gpus)))]
    try:
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * pretend
        )
    except RuntimeError as error:
        raise RuntimeError(
            "TensorFlow has already computed something. Restart the kernel and call use_devices first."
        ) from error
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
            scaled = optimizer.scale_loss(loss)  # larger under mixed_float16, otherwise the same
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    @tf.function
    def step(images, masks):
        return strategy.reduce("SUM", strategy.run(on_one_replica, (images, masks)), axis=None)

    return step


def train_on(
    strategy, run_dir, epochs=3, steps=8, batch_size=8, seed=0, size=32, filters=4, depth=3, rate=1e-3, resume=False,
    manifest=None,
):
    """Train a U-Net on a stream with a loop of our own, on the devices of any `tf.distribute` strategy.

    The stream is drawn or, with a manifest that `index_folder` wrote, read from its training files. Each worker draws
    or reads only its part of each batch.

    Writes `log.csv` (epoch, loss) and, after each epoch, a checkpoint with the optimizer's state. All workers
    read the folder; the first one writes. resume: go on after the last checkpoint; pass the settings of the beginning,
    for unlike `train_unet` this does not compare them. Returns the mean loss of each epoch.
    Raises FileExistsError if the folder holds a run, FileNotFoundError if there is nothing to resume, ValueError if the
    batch cannot be shared by the devices.
    """
    copies = strategy.num_replicas_in_sync
    check_switch(resume, "resume")
    if batch_size % copies:
        raise ValueError(f"batch_size is {batch_size}; {copies} devices share it, so make it a multiple of {copies}.")
    chief = strategy.cluster_resolver is None or strategy.cluster_resolver.task_id in (0, None)
    run_dir = Path(run_dir).expanduser()
    scene = CircleScene(size=size, radius=(3, size // 4), circles=(0, 3))
    with strategy.scope():
        keras.utils.set_random_seed(seed)
        model = build_unet(depth=depth, filters=filters)
        optimizer = keras.optimizers.Adam(rate)
        optimizer.build(model.trainable_variables)
    past = tf.Variable(np.zeros(0), shape=[None])  # one loss for each finished epoch
    checkpoint = tf.train.Checkpoint(model=model, optimizer=optimizer, past=past)
    checkpoints = tf.train.CheckpointManager(checkpoint, run_dir / "checkpoints", max_to_keep=2)
    if resume:
        if not checkpoints.restore_or_initialize():
            folder = run_dir / "checkpoints"
            raise FileNotFoundError(f"there is no checkpoint in {folder}; start the run with resume=False.")
    elif checkpoints.latest_checkpoint or (run_dir / "log.csv").exists():
        raise FileExistsError(f"the folder {run_dir} already holds a run. Pass resume=True, or another folder.")

    done = len(past.numpy())

    def my_part(context):  # this worker's part of each batch; tf.distribute deals it out to the worker's devices
        shard = context.input_pipeline_id, context.num_input_pipelines
        first, more = done * steps, (epochs - done) * steps
        settings = {"batch_size": batch_size, "seed": seed, "shard": shard, "workers": 0}
        if manifest:
            part = stream_files(manifest, more, size, first=first, **settings)
        else:
            part = stream_batches(more * batch_size, scene, first=first * batch_size, **settings)
        return part.rebatch(batch_size // copies)

    step = make_step(strategy, model, optimizer, batch_size)
    batches = iter(strategy.distribute_datasets_from_function(my_part) if epochs > done else [])
    for _ in range(done, epochs):
        losses = []
        for _ in range(steps):
            losses.append(float(step(*next(batches))))
        past.assign(np.append(past.numpy(), np.mean(losses)))
        if chief:
            checkpoints.save()
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
