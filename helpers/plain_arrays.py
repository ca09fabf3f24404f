"""Turn what was handed in into a plain array of numbers, and say what to do about numbers of another type or range."""

import numpy as np


def plain_array(values, name: str) -> np.ndarray:
    """Return numbers as a plain array, or raise ValueError, saying what they are.

    Refused are text and other things that are not numbers, pictures that differ in size, and masked arrays that hide
    values: every sum would count what is hidden.
    """
    refuse_hidden(values, name)
    try:
        array = np.asarray(values)
    except ValueError:  # pictures that differ in size
        sizes = sorted({np.shape(one)[:2] for one in values if isinstance(one, np.ndarray) and one.ndim >= 2})
        shown = f" ({', '.join(f'{height}x{width}' for height, width in sizes[:3])} ...)" if sizes else ""
        raise ValueError(
            f"{name} differ in size{shown} and form no array. Crop them to one size, or take one at a time; "
            "helpers.own_images.train_on_patches trains on pictures of several sizes."
        ) from None
    if array.dtype.kind in "buif":
        return array
    if array.dtype.kind in "OV":
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            pass
    what = {"U": "text", "S": "text", "O": "objects", "c": "complex numbers"}.get(array.dtype.kind, "no numbers")
    raise ValueError(f"{name} hold {what} ({array.dtype}); expected numbers.")


def refuse_hidden(values, name: str) -> None:
    """Raise ValueError for a masked array that hides values, or a list with one."""
    pieces = values if isinstance(values, (list, tuple)) else [values]
    hidden = sum(int(np.ma.count_masked(piece)) for piece in pieces if np.ma.isMaskedArray(piece))
    if hidden:
        raise ValueError(f"{name} are a masked array; {_remedy_for_masked(values, name, hidden)}")


def _remedy_for_masked(values, name, hidden):
    words = f"it hides {hidden} values, and they would be counted. "
    if np.ndim(values) == 1:
        return words + f"Leave them out, with {name}.compressed(), and say how many there were."
    return words + (
        "Crop the pictures; or write 255 there, in the true masks, with .filled(255): "
        "helpers.classes.dice_per_class(y_true, y_pred, 2) leaves such pixels out, if y_pred is a plain array, and so "
        "does the training of a network with classes=2."
    )


def one_number_each(values, name: str, of: str) -> np.ndarray:
    """Return `[n]` float64, one number for each case, or raise ValueError for another number of axes.

    of: what each number stands for, in words.
    """
    array = plain_array(values, name)
    if array.ndim != 1:
        flat = f" Write np.ravel({name})." if array.size == max(array.shape, default=0) else ""
        raise ValueError(f"{name} have the shape {array.shape}; expected [n], one number for each {of}.{flat}")
    return array.astype(np.float64)


def remedy_for_type(name: str, images) -> str:
    """Return how to make floats in 0..1 of images of whole numbers: an array of 0 and 1 is not divided."""
    low, high = (int(images.min()), int(images.max())) if images.size else (0, 255)
    if low < 0 or high > 65535:
        return f"Rescale them, every set in the same way: ({name}.astype('float32') - {low}) / {high - low or 1}."
    if images.dtype == bool or high <= 1:
        return f"Convert them: {name}.astype('float32')."
    if high <= 255:
        return f"Convert them: {name}.astype('float32') / 255 for 8-bit pictures."
    return f"Convert them, every set in the same way: {name}.astype('float32') / {4095 if high <= 4095 else 65535}."


def remedy_for_range(name: str, low: float, high: float) -> str:
    """Return what to do about values outside 0..1. A hair above 1 is rounding, not an 8-bit picture."""
    if low >= -1e-3 and high <= 1.001:
        return f"That is rounding: write np.clip({name}, 0, 1)."
    if low >= 0 and 2 < high <= 255:
        return "Divide by 255."
    return "Rescale them, for every set in the same way."
