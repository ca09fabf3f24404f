"""What is known of a `tf.data.Dataset` without reading all of it: its first batch, and what its maker says of it."""

import warnings
import weakref

import numpy as np

from helpers.datasets import shuffles_anew
from helpers.fingerprints import digest_of_arrays

FIRST = " first batch"  # the name of this term, after the role of its set
REDRAWS = 8  # a batch that is turned at random without a seed comes out alike once in a while
_said = weakref.WeakKeyDictionary()


def remark_on(dataset, **said):
    """Return a Dataset, of which a run's backup will know more than the first batch: `said`, names to values.

    Values are whole numbers, several of them, or texts such as fingerprints. What is made of the Dataset later, with
    `map` for example, is another Dataset, of which nothing was said.
    """
    _said[dataset] = {
        name: value if isinstance(value, str) else np.asarray(value).tolist() for name, value in said.items()
    }
    return dataset


def remarks_on(dataset) -> dict:
    """Return what was said of a Dataset, names to values as JSON has them; nothing of most."""
    return dict(_said.get(dataset, {}))


def first_batches(checks, backup, steps) -> dict:
    """Return the fingerprints of the first batches, the terms of a run that `run_state.terms` does not know.

    checks: a `BatchCheck` for each Dataset, after `check_first`. backup: of the interrupted run, or None. steps: as in
    `train_unet`. A Dataset whose first batch comes out differently each time, because it shuffles or augments without
    a seed, gets the fingerprint of the backup: nothing can be compared, and a warning says that the run will differ.
    """
    terms = {}
    for check in checks:
        name = check.name + FIRST
        terms[name] = check.digest
        if backup is None:
            continue
        training = check.name == "training"
        shuffled = shuffles_anew(check.given, training and bool(steps))
        if shuffled and training and backup.epoch:
            _warn_of_shuffling(bool(steps))
        then = backup.state["terms"].get(name, check.digest)
        if then != check.digest and (shuffled or _varies(check)):
            terms[name] = then
            if not (shuffled and training) and backup.epoch:
                _warn_of_chance(check.name)
    return terms


def _varies(check):
    """Whether a Dataset gives another first batch when it is asked again."""
    for _ in range(REDRAWS):
        batch = next(iter(check.given.take(1)), None)
        if batch is None or digest_of_arrays(*(part.numpy() for part in batch)) != check.digest:
            return True
    return False


def _warn_of_shuffling(one_stream):
    once = "seed=0" if one_stream else "seed=0, reshuffle_each_iteration=False"
    warnings.warn(
        "the training dataset is shuffled in an order that cannot be drawn again, so the rest of this run sees its "
        "pictures in another order than an uninterrupted one, and its weights will differ. Pass arrays, which "
        f"train_unet shuffles itself, or .shuffle(n, {once}) when the run is started.", stacklevel=4,
    )


def _warn_of_chance(name):
    warnings.warn(
        f"the first batch of the {name} dataset is another one each time it is drawn, so nothing tells whether it "
        "holds the pictures that the run was started with, and the rest of this run will differ from that of an "
        "uninterrupted one. Make the dataset anew before resume=True, and give each step of it that is left to chance "
        "a seed.", stacklevel=4,
    )
