"""Memory of trainings: many of them, one after the other, fit into little, and no step has to fetch its pages anew."""

import gc
import weakref

import keras

from helpers.freed_memory import keep_freed_pages

gc.freeze()  # what was imported stays, and no search for circles need look at TensorFlow's 400,000 objects again


def keeping_pages(batches):
    """Return a function that yields the same batches, of which the first ones call `keep_freed_pages`.

    batches: a function without arguments, as `Dataset.from_generator` takes it: its setting comes with its first batch.
    """
    def kept():
        for number, batch in enumerate(batches()):
            if number < 3:
                keep_freed_pages()
            yield batch

    return kept


class ReleaseMemory(keras.callbacks.Callback):
    """Make a training begin sooner and leave less behind in memory. What is learned stays the same.

    Keras would make the optimizer's variables within the first step, which TensorFlow therefore traces twice and of
    which it keeps two graphs a variable for good. So they are made before. And of all models trained with this
    callback only the latest keeps its traced steps; another one, if it is trained again, traces them anew.
    """

    _latest = staticmethod(lambda: None)  # a weak reference, so that nothing is kept alive

    def on_train_begin(self, logs=None):
        """Make the optimizer's variables; let go of the traced steps of the model before."""
        if not self.model.optimizer.built:  # one for float16 would have its own variables twice
            with self.model.distribute_strategy.scope():
                self.model.optimizer.build(self.model.trainable_variables)
        before, ReleaseMemory._latest = ReleaseMemory._latest(), staticmethod(lambda: None)
        if before is not self.model:
            if before is not None:
                before.train_function = before.test_function = before.predict_function = None
            gc.collect()  # graphs refer to themselves, and Python looks for such circles too seldom for them

    def on_train_batch_begin(self, batch, logs=None):
        """Keep freed memory for the next step; TensorFlow's setting comes with the first batches of a Dataset."""
        if batch < 3:
            keep_freed_pages()

    def on_train_end(self, logs=None):
        """Remember whose traced steps are kept."""
        ReleaseMemory._latest = weakref.ref(self.model)
