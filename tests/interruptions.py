"""Callbacks for tests of runs that are interrupted."""

import keras


class PullThePlug(keras.callbacks.Callback):
    """Interrupt the run when an epoch begins, as the stop button would."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


class LastWeights(keras.callbacks.Callback):
    """Keep the weights with which a run ended, before those of the best epoch come back."""

    def on_train_end(self, logs=None):
        self.weights = self.model.get_weights()
