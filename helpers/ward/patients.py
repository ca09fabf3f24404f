"""A patient of the ward: data, settings, and a network that is trained when somebody first asks for it."""

from functools import cached_property
from typing import NamedTuple

import numpy as np


class Settings(NamedTuple):
    """How a patient's network is trained and read.

    epochs: passes over the training pictures; batch: pictures a step; rate: of Adam; threshold: a pixel is foreground
    where the probability is at least this.
    """

    epochs: int = 5
    batch: int = 8
    rate: float = 5e-3
    threshold: float = 0.5


class Patient:
    """One patient. Arrays are as in the whole course, unless that is the illness.

    train, val: pairs `(images, masks)`; spare: a further labeled pair that nobody has used; settings: of the training;
    complaint: what those say who brought the patient. network, curves and y_pred (probabilities for the validation
    pictures) come from a training of some seconds, which begins when one of them is first asked for.
    """

    def __init__(self, number, complaint, train, val, spare, settings, seed=0):
        self.number, self.complaint, self.seed = number, complaint, seed
        self.train, self.val, self.spare, self.settings = train, val, spare, settings

    def __repr__(self):
        return f"Patient {self.number}: {self.complaint}"

    def change(self, **parts) -> "Patient":
        """Return a copy of the patient with other `train`, `val` or `settings`; the network is trained anew if needed.

        Raises TypeError for parts that a patient does not have.
        """
        unknown = set(parts) - {"train", "val", "settings"}
        if unknown:
            raise TypeError(f"a treatment changes train, val or settings, not {', '.join(sorted(unknown))}.")
        kept = {"train": self.train, "val": self.val, "settings": self.settings}
        new = Patient(self.number, self.complaint, spare=self.spare, seed=self.seed, **{**kept, **parts})
        same = new.settings._replace(threshold=0) == self.settings._replace(threshold=0)
        if "_trained" in self.__dict__ and same and _equal(new.train, self.train):
            new.__dict__["_trained"] = self._trained
            if _equal(new.val[:1], self.val[:1]):
                new.__dict__["y_pred"] = self.y_pred
        return new

    @cached_property
    def _trained(self):
        from helpers.ward.training import train  # Keras takes seconds to load

        return train(self.train, self.val, self.settings, self.seed)

    @property
    def curves(self) -> dict[str, list[float]]:
        """Loss and Dice after each epoch, for training and validation, as in `History.history`."""
        return self._trained.curves

    @property
    def network(self):
        """The trained network, a Keras model."""
        return self._trained.network()

    @cached_property
    def y_pred(self) -> np.ndarray:
        """The network's probabilities for the validation pictures, `[n, h, w, 1]` float32."""
        return self._trained.predict(self.val[0])


def _equal(one, other):
    return len(one) == len(other) and all(a is b or np.array_equal(a, b) for a, b in zip(one, other))
