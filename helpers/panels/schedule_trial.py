"""A small network that tries learning-rate schedules (notebook 03), always from the same start, on the same scans."""

import numpy as np


class Trial:
    """A U-Net of two levels on scans of 32x32 pixels, trained with one schedule after the other.

    rates: the settings to the rate of every step; show: the settings and `runs=` to `PanelResult`. A run is `(name,
    losses)`; the last two are kept. A step takes a few milliseconds on a laptop.
    """

    def __init__(self, rates, show):
        self.rates, self.show, self.runs, self._run = rates, show, [], None

    def draw(self, **settings):
        """Show a schedule and the last two runs."""
        return self.show(**settings, runs=self.runs)

    def train(self, **settings):
        """Train with a schedule, and yield what to show every 250 steps and at the end."""
        rates = self.rates(**settings).astype(np.float32)
        name = f"{settings['kind']}, peak {settings['peak']:g}, warm-up {settings['warmup']}"
        before, losses = self.runs[-1:], np.zeros(0, np.float32)
        self._begin()
        for first in range(0, len(rates), 250):
            losses = np.r_[losses, self._run(np.int32(first), rates[first : first + 250]).numpy()]
            self.runs = [*before, (name, losses)]
            yield self.draw(**settings)

    def _begin(self):
        if self._run is None:
            self._build()
        for variable, value in self._start:
            variable.assign(value)

    def _build(self):
        import keras
        import tensorflow as tf

        from helpers.anatomy import build_unet
        from helpers.synthesis import CircleScene, make_dataset
        from helpers.training import bce_dice_loss

        images, masks = make_dataset(256, CircleScene(32, (1, 3), (3, 6), vessels=(0, 1)), seed=3)
        images, masks = tf.constant(images), tf.constant(masks, tf.float32)
        network, optimizer = build_unet((32, 32, 1), depth=2, filters=4), keras.optimizers.Adam(0.001, clipnorm=1.0)
        optimizer.build(network.trainable_variables)
        draw = np.random.default_rng(7)  # so that each run, on each day, starts with the same weights
        for weight in network.trainable_variables:
            inputs = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else np.inf
            weight.assign(draw.normal(0, np.sqrt(2 / inputs), weight.shape))
        self._start = [(v, v.numpy()) for v in [*network.trainable_variables, *optimizer.variables]]

        @tf.function(input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.float32)])
        def run(first, rates):
            losses = tf.TensorArray(tf.float32, tf.shape(rates)[0])
            for i in tf.range(tf.shape(rates)[0]):
                batch = (4 * (first + i) + tf.range(4)) % len(images)
                with tf.GradientTape() as tape:
                    answer = network(tf.gather(images, batch), training=True)
                    loss = tf.reduce_mean(bce_dice_loss(tf.gather(masks, batch), answer))
                optimizer.learning_rate.assign(rates[i])
                optimizer.apply_gradients(zip(tape.gradient(loss, network.trainable_variables),
                                              network.trainable_variables))
                losses = losses.write(i, loss)
            return losses.stack()

        self._run = run
