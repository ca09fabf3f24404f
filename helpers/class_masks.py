"""Masks of several classes, checked: whole numbers 0, 1, 2 ..., or one-hot; NumPy alone (notebook 09)."""

import numpy as np

from helpers.plain_arrays import plain_array

IGNORE = 255  # a pixel that nobody marked: it counts in no loss and in no score


def check_classes(masks, classes: int, name: str = "masks") -> np.ndarray:
    """Return masks of several classes as uint8 `[n, h, w, 1]` of 0 .. classes - 1, and 255 where nobody marked.

    masks: whole numbers `[n, h, w, 1]` or `[n, h, w]`, in any type, or one-hot `[n, h, w, classes]`; one picture
    `[h, w, 1]` is refused. Raises ValueError, saying what is wrong, for numbers out of this range, fractions and NaN.
    """
    if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or not 2 <= classes <= IGNORE:
        raise ValueError(f"classes is {classes!r}; expected a whole number from 2 (the background counts) to {IGNORE}.")
    masks = plain_array(masks, name)
    if masks.ndim == 3 and masks.shape[-1] != 1:
        masks = masks[..., None]
    if masks.ndim != 4 or masks.shape[-1] not in (1, classes):
        raise ValueError(
            f"{name} have the shape {masks.shape}; expected [n, height, width, 1] with whole numbers from 0 to "
            f"{classes - 1}, or one-hot [n, height, width, {classes}]. One picture alone gets its first axis with "
            f"{name}[None]."
        )
    if masks.shape[-1] == classes:
        return _from_one_hot(masks, name)
    if masks.size:
        _check_values(masks, classes, name)
    return masks.astype(np.uint8)


def _check_values(masks, classes, name):
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        bad = int((~np.isfinite(masks)).sum())
        raise ValueError(f"{name} hold {bad} values that are NaN or infinite. Write {IGNORE} where nobody marked.")
    values = np.unique(masks)
    if masks.dtype.kind == "f" and (values != np.round(values)).any():
        raise ValueError(
            f"{name} hold fractions such as {values[values != np.round(values)][0]:.3g}; a class is a whole number. "
            "Resize masks with nearest neighbor. For probabilities take np.argmax(probabilities, axis=-1)."
        )
    wrong = values[(values < 0) | (values >= classes) & (values != IGNORE)]
    if len(wrong):
        shown = ", ".join(f"{value:g}" for value in wrong[:4]) + (" ..." if len(wrong) > 4 else "")
        raise ValueError(
            f"{name} hold {shown}; with {classes} classes they are numbered from 0 (background) to {classes - 1}, and "
            f"{IGNORE} is for pixels that nobody marked. Number the classes anew, or build the network with more."
        )


def _from_one_hot(masks, name):
    good = ((masks == 0) | (masks == 1)).all() and (masks.sum(axis=-1, dtype=np.float64) == 1).all()
    if not good:
        raise ValueError(
            f"{name} have {masks.shape[-1]} channels, which should be one-hot: in each pixel a single 1, and 0 in the "
            "others. For probabilities take np.argmax(probabilities, axis=-1); where classes overlap, they are no "
            "classes of one pixel, and each needs a sigmoid of its own."
        )
    return masks.argmax(axis=-1).astype(np.uint8)[..., None]


def one_hot(masks, classes: int) -> np.ndarray:
    """Return masks of whole numbers as one-hot, `[n, h, w, classes]` uint8; a pixel that nobody marked is 0 in all.

    Masks and errors as in `check_classes`.
    """
    return (check_classes(masks, classes) == np.arange(classes)).astype(np.uint8)


def most_probable(probabilities) -> np.ndarray:
    """Return the class with the highest probability in each pixel, `[n, h, w, 1]` uint8; of equals, the first.

    probabilities: `[n, h, w, classes]` floats in 0..1, as `predict` gives them. Raises ValueError for another shape,
    numbers outside 0..1 and NaN.
    """
    probabilities = plain_array(probabilities, "probabilities")
    if probabilities.ndim != 4 or probabilities.shape[-1] < 2 or probabilities.dtype.kind != "f":
        raise ValueError(
            f"probabilities are {probabilities.dtype} of the shape {probabilities.shape}; expected floats [n, height, "
            "width, classes] with two classes or more. A single channel needs a threshold: (probabilities >= 0.5)."
        )
    if not ((probabilities >= 0) & (probabilities <= 1)).all():  # NaN is neither
        raise ValueError("probabilities hold NaN or numbers outside 0..1; expected what a softmax gives.")
    return probabilities.argmax(axis=-1).astype(np.uint8)[..., None]
