"""Training on several devices: one machine's GPUs, or the devices of several workers."""

import keras
import tensorflow as tf

from helpers.anatomy import build_unet
from helpers.scaling.streams import stream_batches
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


def fit_on(strategy, epochs=1, batch_size=8, clip=None):
    """Train with Keras' `fit` under a strategy, as its guide for one machine says; returns the losses of the epochs."""
    scene = CircleScene(size=32, radius=(3, 8), circles=(0, 3))
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = build_unet(depth=3, filters=4)
        model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=clip), loss=bce_dice_loss)
    batches = stream_batches(8 * batch_size, scene, 0, batch_size, workers=0)
    return model.fit(batches, epochs=epochs, shuffle=False, verbose=0).history["loss"]
