"""Callbacks that watch a training: curves that grow while it runs, and a flip book of predictions (notebook 03)."""

import time

import keras
import numpy as np
import tensorflow as tf
from IPython import get_ipython
from IPython.display import display

from helpers.arrays import check_pair
from helpers.panels.flip_book import flip
from helpers.panels.shell import Panel
from helpers.panels.stills import picture_output
from helpers.panels.training_curves import training_curves
from helpers.panels.views import PanelResult

MOST_PAGES = 200  # of a flip book; a longer training keeps every second page, then every fourth ...


class TrainingMonitor(keras.callbacks.Callback):
    """Loss and Dice of a run as curves that grow while it trains, with pictures beside them and the seconds left.

    images, masks: `[k, h, w, 1]`, a few pictures on which to watch the outlines grow, at most 4, or none. every:
    seconds between two drawings. When training ends, the final curves stay in the saved notebook as one image. `log`
    holds the numbers, name to one an epoch; `result` what is shown. Give it to `train_unet(...,
    callbacks=[TrainingMonitor()])`. A fault while drawing never stops the training.
    """

    def __init__(self, images=None, masks=None, every=0.5):
        super().__init__()
        if images is not None:
            images, masks = check_pair(images[:4], masks[:4])
        self.images, self.masks, self.every = images, masks, every
        self.log, self.result, self.fault, self._panel = {}, None, None, None

    def on_train_begin(self, logs=None):
        """Show empty curves."""
        self.log, self.fault, self._panel = {}, None, None
        self._epochs, self._epoch = self.params.get("epochs") or 1, 0
        self._drawn, self._batches, self._started = 0.0, 0, None
        self._show(f"Epoch 1 of {self._epochs}: getting ready")

    def on_epoch_begin(self, epoch, logs=None):
        """Note where the run is; after a resumption the first epoch is not 0."""
        self._epoch, self._batches = epoch, 0

    def on_train_batch_end(self, batch, logs=None):
        """Say how far the run is, but not more often than is worth seeing."""
        now = time.perf_counter()
        self._batches = batch + 1
        if self._started is None:  # the first batch builds the graph and says nothing about the others
            self._started, self._offset = now, self._done()
        if now - self._drawn >= self.every:
            self._progress(now)

    def on_epoch_end(self, epoch, logs=None):
        """Add a point to each curve."""
        for name, value in (logs or {}).items():
            if name in ("loss", "val_loss", "dice", "val_dice"):
                # A resumed run starts in the middle: the epochs before it stay empty.
                series = self.log.setdefault(name, [float("nan")] * epoch)
                series.append(float(value))
        self._epoch, self._batches = epoch + 1, 0
        self._progress(time.perf_counter())

    def on_train_end(self, logs=None):
        """Put one image of the final curves in the place of the live ones."""
        self._show("", end=True)

    def _done(self):
        steps = self.params.get("steps")
        return self._epoch + (min(self._batches / steps, 1) if steps else 0)

    def _progress(self, now):
        done, words = self._done(), ""
        if self._started is not None and done > self._offset:
            left = (now - self._started) / (done - self._offset) * (self._epochs - done)
            words = f", about {left:.0f} s left"
        self._drawn = now
        epoch = min(self._epoch + 1, self._epochs)
        self._show(f"Epoch {epoch} of {self._epochs}{words}")

    def _show(self, note, end=False):
        if self.fault:
            return
        try:
            # At the end, the axis fits the epochs that were run: early stopping leaves no empty space.
            epochs = max((len(series) for series in self.log.values()), default=1) if end else self._epochs
            self.result = training_curves(self.log, epochs, self._pictures(), note)
            if get_ipython() is None:
                return  # a plain script has nowhere to show it
            if end:
                output = picture_output([self.result], alt="[Loss and Dice of the run, one point an epoch.]")
                self._handle.update(output["data"], metadata=output["metadata"], raw=True)
            elif self._panel is None:
                self._panel = Panel("The training", lambda: self.result, [], new="")
                self._handle = display(self._panel.view(), raw=True, display_id=True)
            else:
                self._panel.redraw()
        except Exception as error:  # a picture is not worth a lost training
            self.fault = f"{type(error).__name__}: {error}"
            print(f"The curves cannot be drawn ({self.fault}); the training goes on without them.")

    def _pictures(self):
        if self.images is None:
            return ()
        chances = self.model(tf.constant(self.images, tf.float32), training=False)[..., 0]
        return [(image[..., 0], mask[..., 0], np.asarray(chance))
                for image, mask, chance in zip(self.images, self.masks, chances)]


class FlipBook(keras.callbacks.Callback):
    """Keep what a network makes of a few pictures, before training and after each epoch, or after chosen steps.

    images, masks: `[k, h, w, 1]`, at most 8 pictures. steps: after how many steps to add a page, such as
    `(5, 10, 20, 40)`, and a last one at the end; without them there is one after each epoch. A page takes `k * h * w`
    bytes, and there are at most `MOST_PAGES` of them: a longer run keeps evenly spaced epochs. `times` and `pages` hold
    them, `unit` says what the times count, and `draw` is the function of the panel: `panels.flip_panel(book)` shows it.
    Raises ValueError for more than 8 pictures, or steps that are not positive.
    """

    def __init__(self, images, masks, steps=()):
        super().__init__()
        self.images, self.masks = check_pair(images, masks)
        if len(self.images) > 8:
            raise ValueError(
                f"there are {len(self.images)} pictures; a flip book keeps at most 8. Choose: images[:8], masks[:8]."
            )
        if any(step < 1 for step in steps):
            raise ValueError(f"steps are {tuple(steps)}; they count from 1, and page 0 is always there.")
        self.images = self.images.astype(np.float32)
        self.steps, self.unit = set(steps), "step" if len(steps) else "epoch"
        self.times, self.pages, self._every, self._step = [], [], 1, 0

    def on_train_begin(self, logs=None):
        """Start a new book with the untrained network's page."""
        self.times, self.pages, self._every, self._step = [], [], 1, 0
        self._keep(0)

    def on_train_batch_end(self, batch, logs=None):
        """Add a page after each of the chosen steps."""
        self._step += 1
        if self._step in self.steps:
            self._keep(self._step)

    def on_epoch_end(self, epoch, logs=None):
        """Add a page, if pages count epochs."""
        if not self.steps and (epoch + 1) % self._every == 0:
            self._keep(epoch + 1)

    def on_train_end(self, logs=None):
        """Add the last page, if pages count steps."""
        if self.steps and self.times[-1] != self._step:
            self._keep(self._step)

    def draw(self, page=-1, picture=0) -> PanelResult:
        """Show one page for one picture; page -1 is the last."""
        return flip(self.images, self.masks, np.asarray(self.pages), self.times, page, picture, self.unit)

    def _keep(self, time):
        if len(self.pages) >= MOST_PAGES and not self.steps:
            self._every *= 2
            kept = [i for i, t in enumerate(self.times) if t % self._every == 0]
            self.times, self.pages = [self.times[i] for i in kept], [self.pages[i] for i in kept]
            if time % self._every:
                return
        chance = self.model(tf.constant(self.images), training=False)[..., 0]
        self.times.append(time)
        self.pages.append(np.round(np.asarray(chance) * 255).astype(np.uint8))
