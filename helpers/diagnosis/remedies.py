"""Try a remedy on what was handed in, before it is advised: the Dice before and after."""

import numpy as np

from helpers.diagnosis.material import ask, safely, some_of
from helpers.diagnosis.scores import dice_of


def dice_with_lesions(inside, found):
    """Return the mean Dice over pictures with lesions, or None if there are none; both `[n, h, w]` bool."""
    some = inside.any(axis=(1, 2))
    return float(dice_of(inside[some], found[some]).mean()) if some.any() else None


def try_on_network(case, change, masks=lambda inside: inside):
    """Return `(before, after)`, the Dice of the network on the images as they are and on `change(images)`, or None.

    change: from float32 images `[n, h, w, 1]` to others; masks: what becomes of the masks `[n, h, w]` bool then.
    """
    if not case.asked_model or case.masks is None or case.raw_images is None or len(case.raw_images) != len(case.masks):
        return None
    some = np.flatnonzero(case.masks.any(axis=(1, 2)))
    some = some[some_of(len(some), 24)]
    if not len(some):
        return None
    images, inside = case.raw_images[some].astype(np.float32), case.masks[some]
    images = images[..., None] if images.ndim == 3 else images

    def dice(pictures, truth):
        said = ask(case.model, pictures)
        fits = said[..., 0].shape == truth.shape
        return dice_with_lesions(truth, np.nan_to_num(said[..., 0]) >= 0.5) if fits else None

    before = safely(dice, images, inside)
    after = safely(lambda: dice(change(images), masks(inside)))
    return None if after is None else (before or 0.0, after)


def try_on_predictions(case, found):
    """Return `(before, after)`, the Dice of the predictions at 0.5 and of other marks `[n, h, w]` bool, or None."""
    if case.scores is None or case.pred_masks is None or case.scores.shape[:3] != case.pred_masks.shape:
        return None
    before = dice_with_lesions(case.pred_masks, np.nan_to_num(case.scores[..., 0]) >= 0.5)
    after = dice_with_lesions(case.pred_masks, found)
    return None if before is None or after is None else (before, after)


def trial_in_words(what, result) -> str:
    """Return what came of a trial in one sentence, or "" if it could not be made."""
    return f"{what}: Dice {result[0]:.2f} before, {result[1]:.2f} after." if result else ""


