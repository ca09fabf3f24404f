"""The training run: what notebook 03 assembles from losses, batches and callbacks, as one call."""

from dataclasses import asdict, dataclass

import tensorflow as tf

from helpers.batch_checks import BatchCheck, check_foreground, said_of_batches, warn_of_no_foreground
from helpers.classes import ClassDice, ClassLoss
from helpers.datasets import as_stream, check_extent, check_parts
from helpers.memory import ReleaseMemory
from helpers.networks import check_fit, check_takes_gray, inner_optimizer
from helpers.run_state.end import end_of_run
from helpers.run_state.first_batches import first_batches
from helpers.run_state.folder import claim_folder, folder_of
from helpers.run_state.resuming import holding, read_interrupted, restore_files, set_aside
from helpers.run_state.terms import terms_of
from helpers.settings import check_callbacks, check_rate, check_switch, check_whole, recipe_of
from helpers.several_devices import (
    check_no_empty_part, check_normalization, check_shares, clipped_adam, shared_batch,
)
from helpers.training.batches import fixed_batches, steps_per_epoch, training_batches
from helpers.training.callbacks import make_callbacks, warmup_cosine
from helpers.training.losses import DiceScore, bce_dice_loss

OURS = "adam_of_train_unet"  # by this name we know a network again that we, and not its owner, have compiled


@dataclass(frozen=True)
class Recipe:
    """The settings of a training that seldom need a change, each an argument of `train_unet`.

    batch_size: pictures a step. peak_rate, warmup: of `warmup_cosine`. patience: epochs without a better `monitor`,
    the logged score that says which epoch is best; more is better, unless its name ends in "loss". augmented: whether
    pictures are mirrored and turned. seed: of order and augmentation. steps: batches an epoch, if the training set is
    one long stream, a Dataset, which is begun again if it ends too early; without it an epoch of a Dataset is one pass.
    """

    batch_size: int = 4
    peak_rate: float = 3e-3
    warmup: int = 50
    patience: int = 10
    augmented: bool = True
    seed: int = 0
    monitor: str = "val_dice"
    steps: int | None = None

    def __post_init__(self):
        """Raise ValueError for a setting that no training can have."""
        least = {"batch_size": 1, "warmup": 0, "patience": 0, "seed": 0} | ({} if self.steps is None else {"steps": 1})
        sound = {name: check_whole(getattr(self, name), name, bound) for name, bound in least.items()}
        sound["peak_rate"] = check_rate(self.peak_rate, "peak_rate")
        sound["augmented"] = check_switch(self.augmented, "augmented")
        if not isinstance(self.monitor, str) or not self.monitor:
            raise ValueError(f"monitor is {self.monitor!r}; expected a name in the log, such as 'val_dice'.")
        for name, value in sound.items():  # NumPy's numbers, for example, become Python's
            object.__setattr__(self, name, value)


def train_unet(model, train, validation, run_dir, epochs=12, resume=False, callbacks=(), verbose=0, **recipe):
    """Train a U-Net and leave it with the weights of its best epoch; returns a `keras.callbacks.History`.

    train, validation: pairs `(images, masks)` of arrays, or `tf.data.Dataset`s of batches. run_dir: a new folder for
    the run's files (see `make_callbacks`). epochs: the largest number of passes. callbacks: further ones. verbose: as
    in `fit`. recipe: the fields of `Recipe`, such as `batch_size=8`.
    A model that is not compiled gets Adam with its gradient's norm clipped to 1, `bce_dice_loss` and `DiceScore` (with
    several classes: `ClassLoss` and `ClassDice`, and masks of whole numbers or one-hot);
    called again with the same model, the training goes on from its weights with a new schedule. Made in the scope of a
    `MirroredStrategy`, it is trained on all its devices, as on one: the sum of their gradients is what is clipped. One
    that its owner has compiled keeps Keras' way.

    A run that was interrupted goes on with `resume=True` and the same arguments, and ends as if it had not been.
    Other arrays or settings are refused, and a Dataset with another first batch; a change in a later one is not seen.
    Raises FileExistsError if the folder holds a run already, FileNotFoundError if there is none to resume, RuntimeError
    if another process trains there, OSError for a full disk, ValueError for unfit arrays, sizes or numbers of epochs,
    or other data than a run was started with, and FloatingPointError if the loss became NaN before any epoch was kept;
    later, the weights of the best epoch come back with a warning.
    """
    recipe = recipe_of(Recipe, recipe, "train_unet")
    epochs, callbacks = check_whole(epochs, "epochs"), check_callbacks(callbacks)
    resume = check_switch(resume, "resume")
    check_takes_gray(model), check_normalization(model)
    run_dir = folder_of(run_dir)
    backup, data = read_interrupted(run_dir, epochs) if resume else None, (train, validation)
    first_epoch = backup.epoch if backup else 0
    train, validation, steps, checks = _batches(model, train, validation, epochs, first_epoch, recipe)
    if not resume:
        claim_folder(run_dir)
    with holding(run_dir, new=not resume):
        with model.distribute_strategy.scope():  # a network made for several devices
            _compile(model, recipe, lambda: epochs * (steps or _length(train)))
        planned = {**asdict(recipe), "epochs": epochs, "planned rate": inner_optimizer(model).name == OURS}
        planned |= first_batches(checks, backup, recipe.steps)
        *kept, keeper = make_callbacks(run_dir, recipe.patience, recipe.monitor)
        keeper.terms, keeper.watched = terms_of(model, *data, planned), [*kept, *callbacks]
        if backup:
            restore_files(run_dir, backup, keeper.terms)
        elif resume:
            set_aside(run_dir)
        if backup and backup.ended(epochs):
            keeper.take_over(model)
        else:
            with said_of_batches(*checks):
                model.fit(
                    train, validation_data=validation, epochs=epochs, steps_per_epoch=steps, shuffle=False,
                    verbose=verbose, callbacks=[*checks[:1], ReleaseMemory(), *kept, *callbacks, keeper],
                )
    for check in checks:
        warn_of_no_foreground(check)
    return end_of_run(model, run_dir, recipe.monitor)


def _batches(model, train, validation, epochs, first_epoch, recipe):
    """Return both sets as Datasets, the steps of an epoch (None for one pass), and what checks their batches."""
    steps, classes, checks = recipe.steps, model.output_shape[-1], []
    devices = model.distribute_strategy.num_replicas_in_sync
    train, validation = check_parts(train, "train"), check_parts(validation, "validation")
    check_extent(train, validation, classes, steps)
    if not isinstance(train, tf.data.Dataset):
        check_shares(min(recipe.batch_size, len(train[0])), "the first batch of the training set has", devices)
        check_no_empty_part(len(train[0]) % recipe.batch_size, "the last batch of the training set has", devices)
        steps = steps_per_epoch(len(train[0]), recipe.batch_size)
        train = training_batches(*train, recipe.batch_size, epochs, first_epoch, recipe.augmented, recipe.seed, classes)
    else:
        checks.append(BatchCheck("training", model))
        checks[0].check_first(train)
        train = as_stream(train, first_epoch, epochs, steps) if steps else train
        train = checks[0].watched(train, first_epoch * (steps or 0))
    if not isinstance(validation, tf.data.Dataset):
        together = shared_batch(len(validation[0]), 32, devices)
        check_no_empty_part(len(validation[0]) % together, "the last batch of the validation set has", devices)
        validation = fixed_batches(*validation, together, classes)
    else:
        checks.append(BatchCheck("validation", model))
        checks[-1].check_first(validation)
        validation = checks[-1].watched(validation)
    for dataset in (train, validation):
        sides = dataset.element_spec[0].shape[1:3]
        if sides.is_fully_defined():
            check_fit(model, *sides)
    with said_of_batches(*checks):
        check_foreground(validation, "validation", classes)
    return train, validation, steps, checks


def _compile(model, recipe, steps):
    """Give a model our optimizer, unless its owner has compiled it, or ours has this plan and has not begun."""
    if model.compiled and inner_optimizer(model).name != OURS:
        return
    rate = warmup_cosine(recipe.peak_rate, steps(), recipe.warmup)
    optimizer = clipped_adam(model, rate, OURS)
    ours = inner_optimizer(model) if model.compiled else None
    planned = getattr(optimizer, "inner_optimizer", optimizer).get_config()
    if ours is not None and ours.iterations == 0 and ours.get_config() == planned:
        return
    several = model.output_shape[-1] > 1
    loss, score = (ClassLoss(), ClassDice()) if several else (bce_dice_loss, DiceScore())
    model.compile(optimizer, loss=loss, metrics=[score])


def _length(dataset):
    length = int(dataset.cardinality())
    if length < 0:
        raise ValueError(
            "the training dataset does not know how many batches it has, so the learning-rate schedule has no end. "
            "Add .apply(tf.data.experimental.assert_cardinality(n)), or compile the model with a rate of your own."
        )
    return length
