"""What was handed in, as it came and, where possible, repaired just enough for the later checks."""

import numpy as np


class Material:
    """The material, as it came and, where possible, repaired just enough for the later checks."""

    def __init__(self, images, masks, y_pred, model, history, training):
        self.looked = []
        pair = isinstance(training, (tuple, list)) and len(training) == 2 and np.ndim(training[0]) >= 3
        self.raw_images, self.raw_masks, self.raw_pred = array_of(images), array_of(masks), array_of(y_pred)
        self.given = {"images": images is not None, "masks": masks is not None, "y_pred": y_pred is not None}
        self.curves, self.steps = curves_of(history), steps_of(history)
        self.model = model if model is not None else getattr(history, "model", None)
        self.asked_model = model is not None
        self.images = as_gray(self.raw_images)
        self.masks = as_inside(self.raw_masks)
        if self.images is None or self.masks is None or self.images.shape != self.masks.shape:
            self.paired = False
        else:
            self.paired = len(self.images) > 0
        self.training_images = as_gray(array_of(training[0] if pair else training))
        self.training_masks = as_inside(array_of(training[1])) if pair else None
        self.training_pair = (np.asarray(training[0]), self.training_masks) if self.training_masks is not None else None
        self.scores = self.model_error = None
        self.pred_shape = None if self.raw_pred is None else self.raw_pred.shape
        self.pred_images, self.pred_masks = self.images, self.masks
        if y_pred is None and model is not None and self.raw_images is not None:
            self._ask_the_model()
        elif self.raw_pred is not None:
            self.scores = None if self.raw_pred.ndim == 4 and self.raw_pred.shape[-1] > 1 else four_axes(self.raw_pred)
        self._note()

    def _ask_the_model(self):
        """Predict some of the pictures as they came, without any repair: the student's network sees them like this."""
        import keras  # only here, because it takes seconds and hundreds of megabytes

        images = self.raw_images[..., None] if self.raw_images.ndim == 3 else self.raw_images
        some = some_of(len(images), 48)
        size = max(1, 2**16 // max(1, int(np.prod(images.shape[1:]))))  # all its features stay in memory
        try:
            batches = [
                keras.ops.convert_to_numpy(self.model(images[some[i : i + size]].astype(np.float32), training=False))
                for i in range(0, len(some), size)
            ]
            raw = np.concatenate(batches)
        except Exception as error:
            self.model_error = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
            return
        self.pred_shape, self.scores = raw.shape, four_axes(raw) if raw.shape[-1] == 1 else None
        self.pred_images = self.images[some] if self.images is not None else None
        self.pred_masks = self.masks[some] if self.masks is not None and len(self.masks) == len(images) else None

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
        if self.training_images is not None:
            self.looked.append(f"{len(self.training_images)} training pictures")


def array_of(values):
    """Return a numeric array, or None if there is none to be had (nothing, text, pictures of several sizes)."""
    if values is None:
        return None
    try:
        array = np.asarray(values)
        if array.dtype == object:
            array = array.astype(np.float32)
        return array if array.dtype.kind in "buif" and array.size else None
    except (TypeError, ValueError):
        return None


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
    try:
        if isinstance(values, (list, tuple)):
            values = {key: [row[key] for row in values] for key in values[0]}
        return {str(k): np.asarray(v, float).ravel() for k, v in dict(values).items() if len(v)} if values else {}
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return {}


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
    return f"{float(array.min()):.4g}..{float(array.max()):.4g}"
