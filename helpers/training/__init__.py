"""Losses and score, batches and augmentation, callbacks, and the training run (notebook 03)."""

from helpers.memory import ReleaseMemory
from helpers.networks import compiled, load_network, predict, restart
from helpers.run_state.folder import claim_folder, new_run_dir, read_log
from helpers.training.batches import augment, fixed_batches, quiet, steps_per_epoch, to_dataset, training_batches
from helpers.training.callbacks import make_callbacks, warmup_cosine
from helpers.training.losses import DiceScore, as_floats, bce_dice_loss, bce_loss, dice_loss
from helpers.training.run import Recipe, train_unet

__all__ = [
    "DiceScore", "Recipe", "ReleaseMemory", "as_floats", "augment", "bce_dice_loss", "bce_loss",
    "claim_folder", "compiled", "dice_loss", "fixed_batches", "load_network", "make_callbacks", "new_run_dir",
    "predict", "quiet", "read_log", "restart", "steps_per_epoch", "to_dataset", "train_unet", "training_batches",
    "warmup_cosine",
]
