"""What training on several devices needs so that it is the training on one: clip the sum, and weigh unequal parts.

Keras clips the gradient of each device before it adds them up, and takes the parts of a batch for equally large.
"""

from functools import lru_cache

import keras
import tensorflow as tf


class AdamOfSum(keras.optimizers.Adam):
    """Adam that clips the sum of all devices' gradients, `global_clipnorm`, as one device would."""

    known_as = "Adam"  # a run may go on with another number of devices

    def apply(self, grads, trainable_variables=None):
        """Take one step, of all devices together. grads: of this device's part of the batch, float tensors."""
        grads, share = _summed(grads)
        if self.global_clipnorm:
            grads, _ = tf.clip_by_global_norm(grads, self.global_clipnorm)
        super().apply([_times(grad, share) for grad in grads], trainable_variables)


class LossScaleOfSum(keras.optimizers.LossScaleOptimizer):
    """Keras' optimizer for networks in float16, where no device takes a step if the gradient of any is not finite."""

    known_as = "LossScaleOptimizer"

    def get_config(self):
        """Return the settings, with the optimizer inside under the name that it has on one device."""
        config = super().get_config()
        within = {**config["inner_optimizer"], "module": "keras.optimizers", "registered_name": None}
        within["class_name"] = getattr(self.inner_optimizer, "known_as", "Adam")
        return {**config, "inner_optimizer": within}

    def apply(self, grads, trainable_variables=None):
        """Take one step, or none. grads: of this device's enlarged loss, float tensors."""
        grads, share = _summed(grads)  # Keras would ask the first device alone whether its gradient is finite
        super().apply([_times(grad, share) for grad in grads], trainable_variables)


def clipped_adam(model, rate, name: str):
    """Return Adam that clips the gradient of a whole batch to the norm 1; for weights used as float16, it is wrapped.

    rate: a number or a schedule. To be called under the model's strategy.
    """
    alone = tf.distribute.get_strategy().num_replicas_in_sync == 1
    adam = keras.optimizers.Adam if alone else AdamOfSum
    scaled = keras.optimizers.LossScaleOptimizer if alone else LossScaleOfSum
    optimizer = adam(rate, global_clipnorm=1.0, name=name)
    half = model.dtype_policy.name == "mixed_float16"  # then `compile` would wrap it in the same way
    return scaled(optimizer, name="loss_scale_optimizer") if half else optimizer


def shared_batch(pictures: int, batch_size: int, devices: int) -> int:
    """Return how many pictures of a validation set make a batch, so that the devices share the first one equally.

    Keras cannot begin with other parts. At most `batch_size` or, if that is less than one for each device, one for
    each. Raises ValueError if there are fewer pictures than devices.
    """
    if pictures < devices:
        raise ValueError(
            f"the validation set has {pictures} pictures, and {devices} devices share it; expected at least {devices}. "
            "Hold more pictures back, or train on fewer devices."
        )
    return max(min(batch_size, pictures) // devices, 1) * devices


def check_shares(pictures: int, name: str, devices: int) -> None:
    """Raise ValueError, naming sizes that work, if the devices cannot share a batch of so many pictures equally."""
    if pictures % devices:
        near = [size for size in (pictures // devices * devices, (pictures // devices + 1) * devices) if size]
        raise ValueError(
            f"{name} {pictures} pictures, and {devices} devices share it equally, so make it a multiple of {devices}, "
            f"such as {' or '.join(map(str, near))}. A later batch that is smaller need not be one."
        )


def check_no_empty_part(pictures: int, name: str, devices: int) -> None:
    """Raise ValueError if devices share fewer pictures than they are, and those without one could not go on."""
    if 0 < pictures < devices and _empty_parts_fail():
        raise ValueError(
            f"{name} {pictures} {'picture' if pictures == 1 else 'pictures'}, and {devices} devices share it, so a "
            "device would get none. TensorFlow's oneDNN, which computes on processors, fails then. Leave out pictures, "
            "or set the variable TF_ENABLE_ONEDNN_OPTS=0 before Python starts."
        )


@lru_cache
def _empty_parts_fail():
    """Whether the devices are processors whose oneDNN gives the convolution of no picture wrong channels."""
    found = tf.nn.conv2d(tf.zeros((0, 4, 4, 1)), tf.ones((3, 3, 1, 2)), 1, "SAME").shape[-1]
    return found != 2 and not tf.config.list_logical_devices("GPU")


def check_normalization(model) -> None:
    """Raise ValueError if a network for several devices normalizes each part of a batch by itself.

    One device would normalize by the whole batch, and a part without a picture, in a last batch, makes NaN.
    """
    if model.distribute_strategy.num_replicas_in_sync == 1:
        return
    for owner, layer in _layers(model, "model"):
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.synchronized:
            raise ValueError(
                f"the layer {layer.name} of this network normalizes by the pictures of one device alone, and these are "
                "a part of each batch. Build it with normalization='group', or let the devices share their means: "
                f"for layer in {owner}.layers: if isinstance(layer, keras.layers.BatchNormalization): "
                "layer.synchronized = True"
            )


def _layers(model, name):
    """Yield each layer, of the networks within a network as well, with the Python that finds its network."""
    for layer in model.layers:
        yield name, layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{name}.get_layer({layer.name!r})")


def of_whole_batch(loss, pictures):
    """Return a device's mean loss, the same number, with the gradient of its part of the whole batch's mean.

    loss: a scalar as Keras makes it, divided by the number of devices; pictures: how many of them this device has. On
    one device, and outside of a step, it is returned as it is.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return loss
    pictures = tf.cast(pictures, loss.dtype)
    whole = context.all_reduce(tf.distribute.ReduceOp.SUM, pictures)
    share = tf.math.divide_no_nan(pictures * context.num_replicas_in_sync, whole)  # 1 where all parts are equally large
    return loss + (share - 1) * (loss - tf.stop_gradient(loss))


def mean_over_pictures(losses):
    """Return the mean of losses `[n]`; on one of several devices as `of_whole_batch` returns it, or 0."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return tf.reduce_mean(losses)
    pictures = tf.shape(losses)[0]
    mean = tf.math.divide_no_nan(tf.reduce_sum(losses), tf.cast(pictures, losses.dtype))
    return of_whole_batch(mean / context.num_replicas_in_sync, pictures)


def _summed(grads):
    """Return the sum of the gradients of all devices, the same on each, and the share with which they add up to it."""
    context, grads = tf.distribute.get_replica_context(), list(grads)
    if context is None or context.num_replicas_in_sync == 1:
        return grads, 1.0
    there = [grad for grad in grads if grad is not None]
    there = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, there) if there else [])
    return [grad if grad is None else next(there) for grad in grads], 1.0 / context.num_replicas_in_sync


def _times(grad, share):
    return grad if grad is None else grad * share
