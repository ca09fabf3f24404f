"""Several classes in one picture: losses, scores and a ladder of baselines (notebook 09).

Class 0 is the background. Masks are whole numbers `[n, h, w, 1]` or one-hot `[n, h, w, classes]`; 255 marks a pixel of
which nobody knows the class (see `class_masks`). Probabilities are `[n, h, w, classes]`, as `build_unet(classes=3)`
gives them; a single channel is taken for foreground against background.
"""

import keras
import numpy as np
from keras import ops

from helpers.arrays import check_images
from helpers.class_masks import IGNORE, check_classes, most_probable, one_hot
from helpers.evaluation import dice_per_image, hough_baseline
from helpers.picture_loss import picture_weights
from helpers.several_devices import mean_over_pictures

__all__ = [
    "IGNORE", "ClassDice", "ClassLoss", "as_targets", "balanced_weights", "check_classes", "class_cross_entropy",
    "class_dice_loss", "confusion", "dice_per_class", "ladder_of_filters", "most_probable", "multi_otsu", "one_hot",
    "vesselness",
]

# --- losses -----------------------------------------------------------------------------------------------------------


def as_targets(y_true, y_pred):
    """Return `(targets, probabilities, counted)`, float32: one-hot `[n, h, w, k]`, the same shape, and `[n, h, w, 1]`.

    y_true: whole numbers `[n, h, w, 1]` or one-hot `[n, h, w, k]`; counted: 1, or 0 where nobody marked. A number that
    the probabilities have no channel for raises ValueError, or, inside a compiled function, makes NaN of its picture.
    """
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.cast(y_pred, "float32")
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    fit = len(shapes[0]) == len(shapes[1]) == 4 and shapes[0][-1] in (1, shapes[1][-1])
    if not fit or any(a != b for a, b in zip(shapes[0][:3], shapes[1]) if None not in (a, b)):
        raise ValueError(
            f"y_true has the shape {shapes[0]} and y_pred {shapes[1]}; expected [n, height, width, 1] with whole "
            "numbers, or one-hot, and probabilities [n, height, width, classes] of the same pictures."
        )
    if shapes[1][-1] == 1:
        y_pred = ops.concatenate([1 - y_pred, y_pred], axis=-1)
    classes = y_pred.shape[-1]
    if shapes[0][-1] != 1:
        targets = ops.cast(y_true, "float32")
        return targets, y_pred, ops.max(targets, axis=-1, keepdims=True)
    numbers = ops.cast(y_true, "int32")
    known = (numbers >= 0) & (numbers < classes)
    lost = ~known & (numbers != IGNORE)
    if hasattr(lost, "numpy") and ops.convert_to_numpy(lost).any():
        raise ValueError(
            f"y_true holds the class {int(ops.convert_to_numpy(numbers).max())}, and y_pred has probabilities for "
            f"{classes} classes, 0 to {classes - 1}. Build the network with more classes, or number them anew."
        )
    targets = ops.cast(numbers == ops.arange(classes), "float32")
    return targets, y_pred + ops.where(lost, np.nan, 0.0), ops.cast(known, "float32")


def class_cross_entropy(y_true, y_pred, weights):
    """Return the cross-entropy of each image, `[n]`: the weighted mean over its pixels.

    y_true, y_pred: as in `as_targets`; weights: of pixels, `[n, h, w, 1]`. An image without any weight has 0.
    """
    targets, y_pred, counted = as_targets(y_true, y_pred)
    surprise = -ops.sum(targets * ops.log(ops.clip(y_pred, 1e-7, 1.0)), axis=-1, keepdims=True)
    weights = weights * counted
    return ops.sum(weights * surprise, axis=(1, 2, 3)) / ops.maximum(ops.sum(weights, axis=(1, 2, 3)), 1e-7)


def class_dice_loss(y_true, y_pred, smooth=1.0):
    """Return 1 - the mean soft Dice of the classes 1, 2 ... of each image, `[n]`: each counts alike, however small.

    y_true, y_pred: as in `as_targets`. `smooth` pixels are added, so that a class that is absent has a gradient.
    """
    targets, y_pred, counted = as_targets(y_true, y_pred)
    overlap = ops.sum(targets * y_pred, axis=(1, 2))
    areas = ops.sum(targets, axis=(1, 2)) + ops.sum(y_pred * counted, axis=(1, 2))
    dice = (2 * overlap + smooth) / (areas + smooth)
    return 1 - ops.mean(dice[:, 1:], axis=-1)


@keras.saving.register_keras_serializable("unet_course")
class ClassLoss(keras.losses.Loss):
    """Cross-entropy plus the Dice loss of the classes, with weights of classes and of single pixels.

    weights: one number of at least 0 for each class, background first, or None for all alike. dice: whether the Dice
    loss is added. Weights of pixels arrive as `sample_weight`, `[n]` or `[n, h, w, 1]`, from `fit` or a Dataset; they
    act on the cross-entropy. Raises ValueError for weights that are negative, NaN, all 0 or of another shape.
    """

    pixel_weights = True  # so that `train_unet` lets weights of single pixels pass

    def __init__(self, weights=None, dice=True, name="class_loss"):
        super().__init__(name=name)
        self.weights, self.dice = None if weights is None else _checked_weights(weights), bool(dice)

    def __call__(self, y_true, y_pred, sample_weight=None):
        """Return the mean over the images of a batch, on one of several devices as Keras takes it from losses there."""
        targets, probabilities, _ = as_targets(y_true, y_pred)
        weights, by_image = ops.ones_like(targets[..., :1]), 1.0
        if self.weights is not None:
            if len(self.weights) != targets.shape[-1]:
                raise ValueError(
                    f"there are {len(self.weights)} weights and {targets.shape[-1]} classes; give one weight for each, "
                    "the background's first."
                )
            weights = ops.sum(targets * ops.convert_to_tensor(self.weights, "float32"), axis=-1, keepdims=True)
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, "float32")
            given = tuple(sample_weight.shape)
            if len(given) < 2 or len(given) == 2 and given[1] == 1:
                pixels = "Weights of single pixels have the shape [n, height, width, 1]."
                by_image = picture_weights(sample_weight, y_pred, self.name, pixels)
            else:
                weights = weights * _pixel_weights(sample_weight, weights)
        loss = class_cross_entropy(y_true, y_pred, weights)
        if self.dice:
            loss += class_dice_loss(y_true, y_pred)
        return mean_over_pictures(loss * by_image)

    def get_config(self):
        """Return what Keras needs to make the loss again."""
        return {"weights": self.weights, "dice": self.dice, "name": self.name}


def _checked_weights(weights):
    try:
        values = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        raise ValueError(f"weights are {weights!r}; expected one number for each class, such as (1, 1, 3).") from None
    if not (np.isfinite(values).all() and min(values, default=-1) >= 0 and max(values) > 0):
        raise ValueError(f"weights are {weights!r}; expected numbers of at least 0, not all of them 0.")
    return values


def _pixel_weights(sample_weight, weights):
    """Return weights `[n, h, w, 1]`, or raise ValueError if these are of another shape, negative, NaN or infinite."""
    if len(sample_weight.shape) == 3:
        sample_weight = sample_weight[..., None]
    shapes = tuple(sample_weight.shape), tuple(weights.shape)
    if len(shapes[0]) != 4 or any(a != b for a, b in zip(*shapes) if None not in (a, b)):
        raise ValueError(
            f"the weights have the shape {shapes[0]}, and the pictures {shapes[1]}; expected one weight for each pixel."
        )
    wrong = ~((sample_weight >= 0) & (sample_weight < np.inf))
    if hasattr(wrong, "numpy") and ops.convert_to_numpy(wrong).any():
        raise ValueError("weights of pixels are negative, NaN or infinite; expected numbers of at least 0.")
    return ops.where(wrong, np.nan, sample_weight)


def balanced_weights(masks, classes: int) -> np.ndarray:
    """Return a weight for each class, `[classes]`, that makes all classes weigh alike over these masks; mean 1.

    It is inverse to the share of pixels. A class that does not occur has weight 0. Masks as in `check_classes`.
    """
    counts = np.bincount(check_classes(masks, classes).ravel(), minlength=IGNORE + 1)[:classes]
    weights = np.where(counts > 0, 1 / np.maximum(counts, 1), 0.0)
    return weights / max(weights.mean(), 1e-12)


# --- scores -----------------------------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("unet_course")
class ClassDice(keras.metrics.Metric):
    """The mean over images of `dice_per_class`, while a network trains: of the classes 1, 2 ..., or of one of them.

    only: the number of a class, or None for the mean of all but the background.
    """

    def __init__(self, only=None, name="dice", **kwargs):
        super().__init__(name=name, **kwargs)
        whole = isinstance(only, (int, np.integer)) and not isinstance(only, bool)
        if only is not None and (not whole or only < 0):
            raise ValueError(f"only is {only!r}; expected the number of a class, such as 2, or None for all but 0.")
        self.only = only
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the images of a batch, each of them alike; weights do not count here."""
        targets, y_pred, counted = as_targets(y_true, y_pred)
        if self.only is not None and self.only >= targets.shape[-1]:
            raise ValueError(f"only is {self.only}, and there are {targets.shape[-1]} classes, numbered from 0.")
        found = ops.one_hot(ops.argmax(y_pred, axis=-1), targets.shape[-1]) * counted
        areas = ops.sum(targets, axis=(1, 2)) + ops.sum(found, axis=(1, 2))
        dice = ops.where(areas == 0, 1.0, 2 * ops.sum(targets * found, axis=(1, 2)) / ops.maximum(areas, 1.0))
        dice += 0 * ops.sum(y_pred, axis=(1, 2))  # a network that is lost scores NaN
        dice = dice[:, 1:] if self.only is None else dice[:, self.only : self.only + 1]
        self.total.assign_add(ops.sum(ops.mean(dice, axis=-1)))
        self.count.assign_add(ops.cast(ops.shape(dice)[0], "float32"))

    def result(self):
        """Return the mean over all images since the last reset; 0 before the first."""
        return ops.divide_no_nan(self.total, self.count)

    def get_config(self):
        """Return what Keras needs to make the metric again."""
        return {**super().get_config(), "only": self.only}


def _both(y_true, y_pred, classes):
    """Return checked masks of the same pictures; what nobody marked is background in both."""
    y_true, y_pred = check_classes(y_true, classes, "y_true"), check_classes(y_pred, classes, "y_pred")
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_true has the shape {y_true.shape} and y_pred {y_pred.shape}; compare the same pictures.")
    if (y_pred[y_true != IGNORE] == IGNORE).any():
        raise ValueError(f"y_pred holds {IGNORE}, which stands for pixels that nobody marked; predict a class there.")
    return y_true, y_pred


def dice_per_class(y_true, y_pred, classes: int) -> np.ndarray:
    """Return the Dice score of each class in each image, `[n, classes]` float64: `dice_per_image`, class by class.

    y_true, y_pred: masks of whole numbers or one-hot; pixels that nobody marked are left out. A class that neither
    holds scores 1. Raises ValueError as `check_classes` does, and for shapes that differ.
    """
    y_true, y_pred = _both(y_true, y_pred, classes)
    counted = y_true != IGNORE
    return np.stack([dice_per_image(y_true == k, (y_pred == k) & counted) for k in range(classes)], axis=1)


def confusion(y_true, y_pred, classes: int) -> np.ndarray:
    """Return counts of pixels, `[classes, classes]`: the true class picks the row, the predicted one the column.

    Masks and errors as in `dice_per_class`; pixels that nobody marked are left out.
    """
    y_true, y_pred = (masks.ravel().astype(np.int64) for masks in _both(y_true, y_pred, classes))
    counted = y_true != IGNORE
    pairs = np.bincount(y_true[counted] * classes + y_pred[counted], minlength=classes**2)
    return pairs.reshape(classes, classes)


# --- baselines --------------------------------------------------------------------------------------------------------


def vesselness(images, sigmas=(2.0,)) -> np.ndarray:
    """Return how much each pixel looks like part of a bright line, `[n, h, w, 1]` float32 in 0..1.

    sigmas: half widths of the lines, pixels. A line bends the gray levels across it and not along it; the filter
    compares both curvatures. Source: Frangi et al. 1998, as `skimage.filters.frangi`.
    """
    from skimage.filters import frangi

    lines = [frangi(image[..., 0], sigmas=sigmas, black_ridges=False) for image in check_images(images)]
    return np.clip(np.stack(lines), 0, 1).astype(np.float32)[..., None] if lines else np.zeros_like(images)


def ladder_of_filters(images, line: float, strictness: float = 14) -> np.ndarray:
    """Return classes found without learning, `[n, h, w, 1]` uint8: lesions by Hough circles, vessels by `vesselness`.

    line: the `vesselness` from which a pixel is vessel; strictness: as in `hough_baseline`. Lesions lie on top.
    """
    lesions, vessels = hough_baseline(images, strictness=strictness), vesselness(images) >= line
    return np.where(lesions == 1, 1, np.where(vessels, 2, 0)).astype(np.uint8)


def multi_otsu(images, classes: int) -> np.ndarray:
    """Return classes by gray level, darkest 0, with Otsu's thresholds for several classes, anew for each picture.

    images: `[n, h, w, 1]` floats in 0..1; returns `[n, h, w, 1]` uint8. A picture with fewer gray levels than classes
    is all 0. Raises ValueError for other than 2 to 5 classes: with each more, all sets of thresholds that are tried are
    a hundred times as many. Source: Liao, Chen and Chung 2001, as `skimage.filters.threshold_multiotsu`.
    """
    from skimage.filters import threshold_multiotsu

    if isinstance(classes, bool) or not isinstance(classes, (int, np.integer)) or not 2 <= classes <= 5:
        raise ValueError(f"classes is {classes!r}; Otsu's thresholds are sought for a whole number of classes, 2 to 5.")
    found = np.zeros(check_images(images).shape, np.uint8)
    for levels, one in zip(np.round(check_images(images) * 255).astype(np.uint8), found):
        if len(np.unique(levels)) >= classes:
            one[...] = np.digitize(levels, threshold_multiotsu(levels, classes), right=True)
    return found
