"""What was handed in, as it came and, where possible, repaired just enough for the later checks."""

from pathlib import PurePath

import numpy as np

TEXT = str, bytes, PurePath


class Material:
    """Images, masks, predictions, network, curves and training pictures; whatever could not be read is None.

    learned: the training pictures as a `Material` of their own, or None; unread: what holds no pictures, and why;
    looked, absent: what could be read and what was not handed in, in words.
    """

    def __init__(self, images, masks=None, y_pred=None, model=None, history=None, training=None):
        self.looked, self.measured, self.model_error = [], None, None
        self.given = {"images": images is not None, "masks": masks is not None, "y_pred": y_pred is not None}
        self.raw_images, self.shapes = pictures_of(images)
        self.raw_masks, self.mask_shapes = pictures_of(masks)
        self.raw_pred, _ = pictures_of(y_pred)
        given = ("images", images, self.raw_images), ("masks", masks, self.raw_masks), ("y_pred", y_pred, self.raw_pred)
        self.unread = [found for found in (safely(unread_of, *one) for one in given) if found]
        self.curves = safely(curves_of, history, default={})
        self.steps = safely(steps_of, history)
        self.model = model if model is not None else safely(getattr, history, "model", None)
        self.asked_model = model is not None
        self.images, self.masks = safely(as_gray, self.raw_images), safely(as_inside, self.raw_masks)
        both = self.images is not None and self.masks is not None
        self.paired = both and self.images.shape == self.masks.shape and len(self.images) > 0
        self.learned = safely(training_of, training) if training is not None else None
        self.scores = None
        self.pred_shape = None if self.raw_pred is None else self.raw_pred.shape
        self.pred_images, self.pred_masks = self.images, self.masks
        if y_pred is None and model is not None and self.raw_images is not None:
            safely(self._ask_the_model)
        elif self.raw_pred is not None and not (self.raw_pred.ndim == 4 and self.raw_pred.shape[-1] > 1):
            self.scores = safely(four_axes, self.raw_pred)
        self._note()

    def _ask_the_model(self):
        """Predict some of the pictures as they came, without any repair: the student's network sees them like this."""
        some = some_of(len(self.raw_images), 48)
        try:
            raw = ask(self.model, self.raw_images[some])
        except Exception as error:
            self.model_error = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
            return
        self.pred_shape, self.scores = raw.shape, four_axes(raw) if raw.shape[-1] == 1 else None
        self.pred_images = self.images[some] if self.images is not None else None
        fits = self.masks is not None and len(self.masks) == len(self.raw_images)
        self.pred_masks = self.masks[some] if fits else None

    def _note(self):
        if self.raw_images is not None:
            self.looked.append(f"{len(np.atleast_1d(self.raw_images))} images")
        if self.raw_masks is not None:
            self.looked.append("their masks")
        if self.scores is not None:
            self.looked.append("predictions" if self.given["y_pred"] else "the model's predictions")
        if self.asked_model:
            self.looked.append("the network")
        if self.curves:
            self.looked.append("curves")
        if self.learned is not None and self.learned.images is not None:
            masks = " and masks" if self.learned.masks is not None else ""
            self.looked.append(f"{len(self.learned.images)} training pictures{masks}")
        taught = self.learned is not None and self.learned.raw_masks is not None
        self.absent = [name for name, there in (
            ("masks", self.given["masks"]),
            ("the network", self.asked_model), ("predictions", self.given["y_pred"] or self.asked_model),
            ("curves", bool(self.curves)), ("training pictures and their masks", taught),
        ) if not there]


def safely(function, *arguments, default=None):
    """Return what a function returns, or `default` if it raises: broken input breaks in ways nobody foresees."""
    try:
        return function(*arguments)
    except Exception:
        return default


def ask(model, images) -> np.ndarray:
    """Return what a Keras model says about images `[n, h, w]` or `[n, h, w, c]`, few at a time, in inference mode."""
    import keras  # only here, because it takes seconds and hundreds of megabytes

    images = images[..., None] if images.ndim == 3 else images
    size = max(1, 2**16 // max(1, int(np.prod(images.shape[1:]))))  # all its features stay in memory
    batches = [
        keras.ops.convert_to_numpy(model(images[i : i + size].astype(np.float32), training=False))
        for i in range(0, len(images), size)
    ]
    return np.concatenate(batches)


def pictures_of(values):
    """Return `(array, shapes)`: a numeric array, or None, and the shapes of the pictures if they differ, or None.

    Pictures of differing size are cut to the size that all of them have, from the upper left.
    """
    array = safely(_array_of, values)
    if array is not None or not isinstance(values, (list, tuple, np.ndarray)):
        return array, None
    return safely(_cut_alike, values, default=(None, None))


def unread_of(name, values, array):
    """Return `(entry, words)` about what was handed in and cannot be read as an array of pictures, or None."""
    if values is None or array is not None:
        return None
    words = f"{name}: a {type(values).__name__}"
    if isinstance(values, TEXT):
        return "not_pictures/names", f"{name}: a text, {str(values)[:60]!r}"
    if isinstance(values, np.ndarray):
        empty = not values.size
        entry = "not_pictures/empty" if empty else "not_pictures"
        return entry, f"{name}: an array {values.shape}, " + ("which is empty" if empty else "which holds no numbers")
    if not isinstance(values, (list, tuple)):
        one_by_one = hasattr(values, "__next__") or hasattr(values, "element_spec")
        return "not_pictures/one_by_one" if one_by_one else "not_pictures", words
    if not values:
        return "not_pictures/empty", f"{words} of nothing"
    wrong = next((value for value in values if safely(_array_of, value) is None), None)
    if isinstance(wrong, TEXT):
        return "not_pictures/names", f"{words} of {len(values)}, among them the text {str(wrong)[:60]!r}"
    if wrong is None and not any(value is None for value in values):
        return None  # arrays that do not fit each other
    return "not_pictures", f"{words} of {len(values)}, among them a {type(wrong).__name__}"


def _array_of(values):
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype == object:
        array = array.astype(np.float32)
    return array if array.dtype.kind in "buif" and array.size else None


def _cut_alike(values):
    pieces = [_array_of(value) for value in values]
    if len(pieces) < 1 or any(piece is None or piece.ndim not in (2, 3) for piece in pieces):
        return None, None
    pieces = [piece[..., None] if piece.ndim == 2 else piece for piece in pieces]
    height, width, channels = (min(piece.shape[axis] for piece in pieces) for axis in range(3))
    return np.stack([piece[:height, :width, :channels] for piece in pieces]), [piece.shape[:2] for piece in pieces]


def training_of(training):
    """Return the training pictures as `Material`: of a pair `(images, masks)`, or of images alone."""
    pair = isinstance(training, (tuple, list)) and len(training) == 2
    if pair:
        first = training[0]
        pair = isinstance(first, (tuple, list)) or safely(np.ndim, first, default=0) >= 3
    return Material(*training) if pair else Material(training)


def four_axes(array):
    """Return `[n, h, w, 1]` float32, or None; a single picture gets its first axis, colors are averaged."""
    if array is None or array.ndim < 2 or array.ndim > 4:
        return None
    array = array.astype(np.float32, copy=False)
    if array.ndim == 2:
        array = array[None]
    if array.ndim == 3:
        array = array[..., None]
    if array.shape[-1] > 1:
        array = array.mean(axis=-1, keepdims=True)
    return array


def as_gray(array):
    """Return images `[n, h, w]` float32 with finite gray levels near 0..1, whatever their range was, or None."""
    array = four_axes(array)
    if array is None:
        return None
    array = np.nan_to_num(array[..., 0], nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(array.min()), float(array.max())
    if high > 1.5:
        array = array / (255 if high <= 255 else high)
    elif 0 < high < 0.006 and low >= 0:
        array = array * 255
    return array


def as_inside(array):
    """Return masks `[n, h, w]` bool, foreground being what lies above half of the highest value, or None."""
    array = four_axes(array)
    if array is None:
        return None
    array = np.nan_to_num(array[..., 0])
    high = float(array.max())
    return array > (high / 2 if high > 0 else 0)


def curves_of(history):
    """Return `{name: array of one value an epoch}` from a History, a dictionary, or the rows of a log."""
    values = getattr(history, "history", history)
    if values is None:
        return {}
    if isinstance(values, (list, tuple)):
        values = {key: [row[key] for row in values] for key in values[0]}
    curves = {str(k): safely(lambda v=v: np.asarray(v, float).ravel()) for k, v in dict(values).items()}
    return {name: curve for name, curve in curves.items() if curve is not None and len(curve)}


def steps_of(history):
    """Return how many steps a run took, or None if the history does not say."""
    params = getattr(history, "params", None)
    steps = params.get("steps") if isinstance(params, dict) else None
    epochs = len(next(iter(curves_of(history).values()), ()))
    return int(steps) * epochs if steps and epochs else None


def some_of(n, most):
    """Return up to `most` indices, evenly spread over n pictures."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)) if n else np.zeros(0, int)


def range_of(array):
    """Return the lowest and the highest value in words, such as "0..255"."""
    return f"{float(array.min()):.4g}..{float(array.max()):.4g}"
