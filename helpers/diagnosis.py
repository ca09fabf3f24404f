"""A doctor for segmentation runs: what looks wrong, why it probably is so, and what to try (notebook 05).

`diagnose` takes whatever you have, broken or not, and never raises: being given wrong ranges, types and shapes is its
job. Each check measures one thing that tells a mistake from its look-alikes, and stays silent unless the measurement
is clear. NumPy and OpenCV do the work; Keras is imported only if you hand in a model.
"""

import hashlib
import textwrap
from typing import NamedTuple

import cv2
import numpy as np

# --- the report -------------------------------------------------------------------------------------------------------


class Finding(NamedTuple):
    """One thing that looks wrong.

    cause: a short name that does not change, such as "masks_0_255"; seen: the measurement, with its numbers;
    likely: the probable cause in words; sure: how sure, 0..1; advice: what to try.
    """

    cause: str
    seen: str
    likely: str
    sure: float
    advice: str


class Diagnosis(list):
    """A list of `Finding`s, most likely first, that prints as text. `looked` names what could be examined."""

    def __init__(self, findings=(), looked=()):
        super().__init__(sorted(findings, key=lambda finding: -finding.sure))
        self.looked = list(looked)

    @property
    def causes(self) -> list[str]:
        """The short names of all findings, most likely first."""
        return [finding.cause for finding in self]

    def __repr__(self):
        looked = textwrap.fill(f"Looked at: {', '.join(self.looked) or 'nothing, for nothing could be read'}.", 100)
        if not self:
            return f"Nothing found.\n{looked}"
        count = "One finding." if len(self) == 1 else f"{len(self)} findings, most likely first."
        return "\n".join([count, *(_paragraph(i, finding) for i, finding in enumerate(self, 1)), looked])

    __str__ = __repr__


def _paragraph(number, finding):
    lines = [f"{number}. {finding.cause} ({_in_words(finding.sure)}, {finding.sure:.2f})"]
    for name, text in (("seen", finding.seen), ("likely", finding.likely), ("try", finding.advice)):
        lines.append(textwrap.fill(text, 100, initial_indent=f"   {name + ':':<8}", subsequent_indent=" " * 11))
    return "\n".join(lines)


def _in_words(sure):
    return "almost certain" if sure >= 0.9 else "probable" if sure >= 0.7 else "possible"


# --- the book of causes: what is likely, and what to try --------------------------------------------------------------

# What follows a slash is a variant of the cause before it. Words in braces are filled in by the check.
CAUSES = {
    "sizes_differ/images": (
        "the pictures differ in size, or are no numbers", "Crop or resize all pictures to one size, then np.stack them."
    ),
    "sizes_differ/masks": (
        "one of the two was resized, cropped or transposed",
        "Resize images and masks together; masks with cv2.INTER_NEAREST. cv2.resize wants (width, height).",
    ),
    "sizes_differ/predictions": (
        "predictions of other pictures, or an upsampling too many",
        "Predict the very pictures whose masks you compare with.",
    ),
    "counts_differ/masks": (
        "a file is missing, or only one of the two was split",
        "Pair files by name, and select and shuffle both with the same indices.",
    ),
    "counts_differ/predictions": (
        "predictions of another set", "Predict the very pictures whose masks you compare with."
    ),
    "images_not_finite": (
        "a division by zero when the pictures were normalized, or missing pixels in the files",
        "Find the pictures with np.isnan(images).any(axis=(1, 2, 3)), mend or leave them out; one NaN turns every "
        "weight into NaN.",
    ),
    "images_constant": (
        "the pictures were not read, or integers were divided by 255 with //",
        "Look at the files; divide as floats: images.astype('float32') / 255.",
    ),
    "images_channels": (
        "color pictures, or axes in another order",
        "Convert them with cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) and keep the shape [n, h, w, 1].",
    ),
    "images_mixed_range": (
        "some pictures were divided by 255 and others were not",
        "Read all pictures through one function that ends in .astype('float32') / 255.",
    ),
    "images_0_255": (
        "gray levels 0..255 that were never scaled to the 0..1 that a network of this course is trained on",
        "images = images.astype('float32') / 255, for training and for prediction alike.",
    ),
    "images_range/deep": (
        "gray levels of more than 8 bits that were never scaled to 0..1",
        "images = images.astype('float32') / {top}, for training and for prediction alike.",
    ),
    "images_range/rounded": (
        "the gray levels were rounded to whole numbers, so almost nothing is left of them",
        "Convert before you scale: images.astype('float32') / 255.",
    ),
    "images_range/scaled": (
        "standardized or differently scaled pictures; this course uses 0..1",
        "Scale every set in the same way, with constants chosen on the training pictures.",
    ),
    "images_divided_twice": (
        "the pictures were divided by 255 twice, once by you and once by a function or a layer",
        "Divide once. Look for a second / 255, and for a Rescaling layer in the network.",
    ),
    "masks_not_finite": (
        "missing masks, or a division by zero",
        "Leave those pictures out, or draw their masks; then masks.astype('uint8').",
    ),
    "masks_channels": (
        "masks saved as color pictures, or one-hot classes",
        "Keep one channel: (masks[..., :1] > 0).astype('uint8').",
    ),
    "masks_0_255": (
        "masks stored as 8-bit pictures, white being 255, and not turned into 0 and 1",
        "masks = (masks > 127).astype('uint8'), right after reading them.",
    ),
    "masks_not_0_1/classes": (
        "class numbers or another code, where 0 and 1 are expected",
        "Say which values are foreground, for example (masks == 2).astype('uint8').",
    ),
    "masks_not_0_1/gray": (
        "label colors other than white, divided by 255: the network then aims at this number, not at 1",
        "masks = (masks > 0).astype('uint8').",
    ),
    "masks_not_0_1/soft": (
        "masks resized with interpolation, or probabilities in the place of masks",
        "Resize masks with cv2.INTER_NEAREST; or choose a threshold, (masks >= 0.5).astype('uint8').",
    ),
    "masks_empty": (
        "the masks were not read, or were divided as integers (1 // 255 is 0)",
        "Look at masks.max() after each step of reading; it must be 1.",
    ),
    "mask_not_moved/all": (
        "all masks are {move} against their images, so one of the two is read or saved differently",
        "Read both with the same function, and mind (x, y) against [row, column]; then draw the mask's outline on the "
        "image.",
    ),
    "mask_not_moved/random": (
        "augmentation moves the image and leaves the mask where it was, or moves each by its own random draw",
        "Move image and mask as two channels of one array, with one random draw; then draw the mask's outline on the "
        "image.",
    ),
    "mask_not_moved/shift": (
        "all masks are shifted against their images: only one of the two was cropped or padded, or a resize rounds",
        "Crop, pad and resize both together; then draw the mask's outline on the image.",
    ),
    "pairs_shuffled": (
        "images and masks were sorted or shuffled separately",
        "Pair files by name, and shuffle with one permutation: images[order], masks[order].",
    ),
    "copies_between_sets": (
        "the sets were split after copying or augmenting, or by picture where one patient gave several",
        "Split first, by patient or scan, and augment only the training part; a score on copies measures memory.",
    ),
    "size_cannot_be_halved": (
        "{size} is no multiple of {factor}, so halving rounds, and upsampling does not give back the same size",
        "Pad or crop pictures and masks to a multiple of {factor} (near yours: {near}), or lower depth.",
    ),
    "input_refused": (
        "the network was built for another shape", "Give the network pictures of the shape it was built for."
    ),
    "output_smaller": (
        "convolutions without padding, as in the paper, lose two pixels each; or a pooled size was rounded down",
        "Use padding='same', or cut the masks to their middle: masks[:, {rows}, {columns}].",
    ),
    "relu_before_sigmoid": (
        "a ReLU gives 0 or more, and the sigmoid of that is 0.5 or more: the network has no word for background",
        "Make the last convolution linear: Conv2D(1, 1), then the sigmoid and nothing between.",
    ),
    "softmax_of_one_channel": (
        "the softmax of a single number is always 1, so all is foreground and nothing is learned",
        "Use activation='sigmoid' for one channel.",
    ),
    "logits_as_probabilities": (
        "logits, any number at all, taken for probabilities; 0.5 is then the wrong threshold",
        "End in a sigmoid, or apply keras.ops.sigmoid to the predictions (a logit of 0 is a probability of 0.5).",
    ),
    "prediction_0_255": (
        "predictions saved as 8-bit pictures", "y_pred.astype('float32') / 255, or y_pred > 127 for masks."
    ),
    "prediction_channels": (
        "one channel for each class, as a softmax gives them", "Keep the channel of the foreground: y_pred[..., 1:2]."
    ),
    "pooled_dice": (
        "small lesions are missed, and a Dice pooled over the batch does not show it: large discs outvote them",
        "Report Dice per picture, with the score by lesion size; train with a loss per picture and on more small "
        "lesions.",
    ),
    "learning_rate_too_high/nan": (
        "steps so large that the weights overflowed (if the images hold no NaN)",
        "Lower the learning rate tenfold, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_high/wild": (
        "steps so large that each one overshoots",
        "Lower the learning rate tenfold, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_high/stuck": (
        "the first steps threw the weights so far that the sigmoid is saturated and passes no gradient back",
        "Lower the learning rate tenfold or more, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_low": (
        "the loss hardly moves: every step is far too small",
        "Raise the learning rate tenfold, up to 1e-3 .. 3e-3 for Adam, until the loss falls within the first epoch.",
    ),
    "wrong_threshold": (
        "the network has learned, but its probabilities lie {side} 0.5 where they matter: masks whose foreground was a "
        "gray below 1, weighted classes, rare foreground, or other pictures than in training",
        "Choose the threshold on validation pictures (best_threshold), or train on masks of 0 and 1 without class "
        "weights.",
    ),
    "too_few_steps": (
        "training was stopped while the network was still learning how much foreground there is, before where",
        "Train longer: more epochs, smaller batches (each step counts, not each picture), or a higher rate.",
    ),
    "too_few_steps/unknown": (
        "the network predicts no lesion and has learned little of where they are",
        "Hand in the history as well; train longer, and check the learning rate.",
    ),
    "imbalance": (
        "only {share} of the pixels are foreground, so calling everything background is already cheap, and the loss "
        "has settled there",
        "Use a loss that looks at overlap (bce_dice_loss), choose crops around lesions, and start the output's bias at "
        "the share of foreground.",
    ),
    "batch_normalization": (
        "batch normalization: its running averages do not fit what it saw in training, because of too few steps or of "
        "batches too small to average over",
        "Lower its momentum to 0.9, train longer, use batches of 8 and more, or normalize by groups "
        "(normalization='group').",
    ),
    "batch_normalization/curves": (
        "batch normalization whose averages do not fit yet, used for validation and not in training; or validation "
        "pictures of another kind",
        "Hand in the model as well. Train longer, lower its momentum to 0.9, use larger batches or groups.",
    ),
    "overfitting": (
        "the network learns the training pictures by heart",
        "More pictures, augmentation, early stopping on the validation score, a smaller network.",
    ),
    "noise_changed": (
        "another scanner, another exposure, or pictures that were smoothed",
        "Train with the range of noise that will be met (CircleScene(noise=(0.05, 0.4))), or denoise alike everywhere.",
    ),
    "brightness_changed": (
        "another exposure, or another way of scaling to 0..1",
        "Scale all sets in the same way; train with varied brightness.",
    ),
    "contrast_inverted": (
        "the gray scale is inverted against the training pictures (MONOCHROME1 in DICOM, or a negative)",
        "images = 1 - images, if these are the odd ones; in DICOM files look at PhotometricInterpretation.",
    ),
    "size_changed": (
        "other lesions, or pictures with another pixel size",
        "Resample all pictures to one pixel size in millimeters, and train on the sizes that will be met.",
    ),
}

# Mistakes in the data and the network's form. They cause symptoms further on: what the second set names is then trusted
# less, and left out if the mistake is almost certain. Mend it first, then ask again.
ROOTS = {
    "images_0_255", "images_divided_twice", "images_mixed_range", "images_not_finite", "images_constant",
    "images_range", "masks_0_255", "masks_not_0_1", "masks_channels", "masks_not_finite", "counts_differ",
    "sizes_differ", "relu_before_sigmoid", "logits_as_probabilities", "softmax_of_one_channel", "size_cannot_be_halved",
    "output_smaller", "mask_not_moved", "pairs_shuffled", "batch_normalization", "noise_changed", "size_changed",
    "contrast_inverted",
}
SYMPTOMS = {
    "too_few_steps", "imbalance", "wrong_threshold", "learning_rate_too_high", "learning_rate_too_low", "overfitting",
    "brightness_changed",
}


def _finding(entry, sure, seen, **words):
    """Make a Finding from an entry of the book."""
    likely, advice = (text.format(**words) if words else text for text in CAUSES[entry])
    return Finding(entry.split("/")[0], seen, likely, sure, advice)


# --- the visit --------------------------------------------------------------------------------------------------------


def diagnose(images, masks=None, y_pred=None, model=None, history=None, training=None) -> Diagnosis:
    """Look for known mistakes in data, predictions, network and curves, and return findings, most likely first.

    images, masks: the pictures in question, meant to be `[n, h, w, 1]` in 0..1 and in {0, 1}; y_pred: what the network
    says about them, probabilities or masks; model: a Keras model, asked for `y_pred` if that is missing; history: a
    `History`, a dictionary of curves or the rows of a log; training: the pictures the network was trained on,
    `(images, masks)` or images alone, if `images` are others: then copies and a changed scanner are looked for.

    Accepts broken input of every kind and never raises. An empty list means that no check was clear, not that all is
    well. Arrays are not changed; a model that needs to be run gets its state back.
    """
    case = _Case(images, masks, y_pred, model, history, training)
    findings = []
    for check in CHECKS:
        findings += _ask(check, case)
    return Diagnosis(_weigh(_merge(findings)), case.looked)


def _ask(check, case):
    try:
        return check(case) or []
    except Exception:  # broken input breaks a check in ways nobody foresees; the other checks still have a say
        return []


def _merge(findings):
    """Join findings of the same cause: the surest one stays and takes over what the others saw."""
    merged = {}
    for finding in sorted(findings, key=lambda finding: -finding.sure):
        first = merged.setdefault(finding.cause, finding)
        if first is not finding:
            sure = 1 - (1 - first.sure) * (1 - 0.5 * finding.sure)
            merged[finding.cause] = first._replace(seen=f"{first.seen}; {finding.seen}", sure=min(sure, 0.99))
    return list(merged.values())


def _weigh(findings):
    """Trust symptoms less, or leave them out, when a mistake is found that can cause them."""
    surest = max((finding.sure for finding in findings if finding.cause in ROOTS), default=0)
    if surest >= 0.9:
        return [finding for finding in findings if finding.cause not in SYMPTOMS]
    if surest >= 0.8:
        return [f._replace(sure=round(f.sure / 2, 2)) if f.cause in SYMPTOMS else f for f in findings]
    return findings


# --- what was handed in -----------------------------------------------------------------------------------------------


class _Case:
    """The material, as it came and, where possible, mended just enough for the later checks."""

    def __init__(self, images, masks, y_pred, model, history, training):
        self.looked = []
        pair = isinstance(training, (tuple, list)) and len(training) == 2 and np.ndim(training[0]) >= 3
        self.raw_images, self.raw_masks, self.raw_pred = _array(images), _array(masks), _array(y_pred)
        self.given = {"images": images is not None, "masks": masks is not None, "y_pred": y_pred is not None}
        self.curves, self.steps = _curves(history), _steps(history)
        self.model = model if model is not None else getattr(history, "model", None)
        self.asked_model = model is not None
        self.images = _as_gray(self.raw_images)
        self.masks = _as_inside(self.raw_masks)
        if self.images is None or self.masks is None or self.images.shape != self.masks.shape:
            self.paired = False
        else:
            self.paired = len(self.images) > 0
        self.training_images = _as_gray(_array(training[0] if pair else training))
        self.training_masks = _as_inside(_array(training[1])) if pair else None
        self.training_pair = (np.asarray(training[0]), self.training_masks) if self.training_masks is not None else None
        self.scores = self.model_error = None
        self.pred_shape = None if self.raw_pred is None else self.raw_pred.shape
        self.pred_images, self.pred_masks = self.images, self.masks
        if y_pred is None and model is not None and self.raw_images is not None:
            self._ask_the_model()
        elif self.raw_pred is not None:
            self.scores = None if self.raw_pred.ndim == 4 and self.raw_pred.shape[-1] > 1 else _four_axes(self.raw_pred)
        self._note()

    def _ask_the_model(self):
        """Predict some of the pictures as they came, without any mending: the student's network sees them like this."""
        import keras  # only here, because it takes seconds and hundreds of megabytes

        images = self.raw_images[..., None] if self.raw_images.ndim == 3 else self.raw_images
        some = _some(len(images), 48)
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
        self.pred_shape, self.scores = raw.shape, _four_axes(raw) if raw.shape[-1] == 1 else None
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


def _array(values):
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


def _four_axes(array):
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


def _as_gray(array):
    """Return images `[n, h, w]` float32 with finite gray levels near 0..1, whatever their range was, or None."""
    array = _four_axes(array)
    if array is None:
        return None
    array = np.nan_to_num(array[..., 0], nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(array.min()), float(array.max())
    if high > 1.5:
        array = array / (255 if high <= 255 else high)
    elif 0 < high < 0.006 and low >= 0:
        array = array * 255
    return array


def _as_inside(array):
    """Return masks `[n, h, w]` bool, foreground being what lies above half of the highest value, or None."""
    array = _four_axes(array)
    if array is None:
        return None
    array = np.nan_to_num(array[..., 0])
    high = float(array.max())
    return array > (high / 2 if high > 0 else 0)


def _curves(history):
    """Return `{name: array of one value an epoch}` from a History, a dictionary, or the rows of a log."""
    values = getattr(history, "history", history)
    try:
        if isinstance(values, (list, tuple)):
            values = {key: [row[key] for row in values] for key in values[0]}
        return {str(k): np.asarray(v, float).ravel() for k, v in dict(values).items() if len(v)} if values else {}
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return {}


def _steps(history):
    """Return how many steps a run took, or None if the history does not say."""
    params = getattr(history, "params", None)
    steps = params.get("steps") if isinstance(params, dict) else None
    epochs = len(next(iter(_curves(history).values()), ()))
    return int(steps) * epochs if steps and epochs else None


def _some(n, most):
    """Return up to `most` indices, evenly spread over n pictures."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int)) if n else np.zeros(0, int)


def _range(array):
    return f"{float(array.min()):.4g}..{float(array.max()):.4g}"


# --- the data ---------------------------------------------------------------------------------------------------------


def check_image_values(case):
    """Look at the images' numbers: finite, in 0..1, not divided twice, not all the same."""
    images = case.raw_images
    if images is None:
        missing = [_finding("sizes_differ/images", 0.9, "the images do not form one array")]
        return missing if case.given["images"] else []
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        bad = ~np.isfinite(images).reshape(len(images), -1)
        seen = f"{bad.sum()} pixels in {bad.any(axis=1).sum()} of {len(images)} images are NaN or infinite"
        return [_finding("images_not_finite", 0.97, seen)]
    low, high = float(images.min()), float(images.max())
    if low == high:
        return [_finding("images_constant", 0.95, f"every pixel of every image is {low:g}")]
    if images.ndim == 4 and images.shape[-1] not in (1, _channels_in(case.model)):
        return [_finding("images_channels", 0.6, f"images have {images.shape[-1]} channels")]
    seen = f"images are {images.dtype} and hold {_range(images)}"
    if high > 1.5 and low >= 0:
        return _too_bright(images, high, seen)
    if images.dtype.kind in "ui":
        return [_finding("images_range/rounded", 0.8, seen)]
    if 0 <= low and high < 0.006:
        seen = f"images hold {_range(images)}, and {high:.4g} x 255 = {high * 255:.2g}"
        return [_finding("images_divided_twice", 0.96, seen)]
    if low < -1e-3 or high > 1 + 1e-3:
        return [_finding("images_range/scaled", 0.5, seen)]
    return []


def _too_bright(images, high, seen):
    each = images.reshape(len(images), -1).max(axis=1)
    if high <= 255 and len(each) > 3 and min((each <= 1).mean(), (each > 1.5).mean()) > 0.02:
        seen = f"{(each <= 1).sum()} of {len(images)} images stay within 0..1, the others reach {high:.4g}"
        return [_finding("images_mixed_range", 0.95, seen)]
    if high <= 255:
        return [_finding("images_0_255", 0.97, seen)]
    return [_finding("images_range/deep", 0.97, seen, top=4095 if high <= 4095 else 65535)]


def check_mask_values(case):
    """Look at the masks' numbers: 0 and 1 only, one channel, not all empty."""
    masks = case.raw_masks
    if masks is None:
        return []
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        return [_finding("masks_not_finite", 0.97, f"{(~np.isfinite(masks)).sum()} mask values are NaN or infinite")]
    found = []
    if masks.ndim == 4 and masks.shape[-1] > 1:
        found.append(_finding("masks_channels", 0.9, f"masks have {masks.shape[-1]} channels"))
    low, high = float(masks.min()), float(masks.max())
    if (low, high) == (0, 1) and masks.dtype.kind in "bui":
        return found
    levels = np.unique(masks[_some(len(masks), 64)])
    seen = f"masks hold {_range(masks)}, {len(levels)} levels"
    if 200 <= high <= 255 and low >= 0:
        only = "only 0 and 255" if set(levels.tolist()) <= {0, 255} else f"{len(levels)} levels"
        found.append(_finding("masks_0_255", 0.98, f"masks hold {_range(masks)} ({only})"))
    elif high > 1 or low < 0:
        found.append(_finding("masks_not_0_1/classes", 0.95, seen))
    elif 0 < high < 1 and len(levels) <= 2:
        seen = f"masks hold 0 and {high:.3g}, which is {high * 255:.0f} / 255"
        found.append(_finding("masks_not_0_1/gray", 0.95, seen))
    elif masks.dtype.kind == "f" and len(levels) > 2:
        found.append(_finding("masks_not_0_1/soft", 0.85, f"masks hold {len(levels)} levels between 0 and 1"))
    elif high == 0 and len(masks) >= 10:
        found.append(_finding("masks_empty", 0.9, f"none of {len(masks)} masks has a single foreground pixel"))
    return found


def check_pairing(case):
    """Compare the counts and sizes of images and masks."""
    a, b = case.raw_images, case.raw_masks
    if a is None or b is None or a.ndim < 3 or b.ndim < 3:
        return []
    if len(a) != len(b):
        return [_finding("counts_differ/masks", 0.97, f"there are {len(a)} images and {len(b)} masks")]
    if a.shape[1:3] != b.shape[1:3]:
        swapped = " (height and width are swapped)" if a.shape[1:3] == b.shape[2:0:-1] else ""
        seen = f"images are {a.shape[1]}x{a.shape[2]} pixels and masks {b.shape[1]}x{b.shape[2]}{swapped}"
        return [_finding("sizes_differ/masks", 0.95, seen)]
    return []


# --- do masks lie on what they mark? ----------------------------------------------------------------------------------

MOVES = {
    "mirrored left to right": lambda a: a[..., :, ::-1],
    "turned upside down": lambda a: a[..., ::-1, :],
    "turned by half a turn": lambda a: a[..., ::-1, ::-1],
    "transposed": lambda a: a.swapaxes(-1, -2),
    "transposed and turned by half a turn": lambda a: a.swapaxes(-1, -2)[..., ::-1, ::-1],
    "turned by a quarter to the left": lambda a: a.swapaxes(-1, -2)[..., ::-1, :],
    "turned by a quarter to the right": lambda a: a.swapaxes(-1, -2)[..., :, ::-1],
}


def _details(pictures, side):
    """Return pictures `[n, s, s]` without slow changes of brightness, shrunk to at most `side` pixels, of unit length.

    Also returns which of them have any details at all.
    """
    height, width = pictures.shape[1:]
    scale = min(1.0, side / max(height, width))
    shape = max(8, round(width * scale)), max(8, round(height * scale))
    out = np.empty((len(pictures), shape[1], shape[0]), np.float32)
    for i, picture in enumerate(pictures):
        small = cv2.resize(np.ascontiguousarray(picture, np.float32), shape, interpolation=cv2.INTER_AREA)
        out[i] = small - cv2.GaussianBlur(small, (0, 0), max(shape) / 8, borderType=cv2.BORDER_REPLICATE)
    out -= out.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((out**2).sum(axis=(1, 2)))
    good = length > 1e-3 * np.sqrt(out[0].size)
    return out / np.maximum(length, 1e-9)[:, None, None], good


def _with_lesions(case, most, least=4):
    """Return indices of up to `most` pictures whose masks are neither empty nor full, or None if there are too few."""
    if not case.paired:
        return None
    share = case.masks.mean(axis=(1, 2))
    usable = np.flatnonzero((share > 0) & (share < 0.9))
    usable = usable[_some(len(usable), most)]
    return usable if len(usable) >= least else None


def check_alignment(case):
    """Ask whether masks fit their images better after a flip, a turn or a shift, or fit another image.

    How well a mask fits is its correlation with the image, slow changes of brightness removed. A moved mask counts
    only by its part that differs from the mask in its place (a partial correlation), so that symmetrical lesions say
    nothing. What chance gives is measured on the same masks laid over *other* images.
    """
    chosen = _with_lesions(case, 160)
    if chosen is None:
        return []
    x, good_x = _details(case.images[chosen], 64)
    m, good_m = _details(case.masks[chosen].astype(np.float32), 64)
    good = good_x & good_m
    x, m = x[good], m[good]
    n = len(x)
    if n < 4:
        return []
    found = _shuffled(x, m)
    if found:
        return found
    return _moved(x, m) or _shifted(x, m, case.images.shape[1] / x.shape[1])


def _dot(a, b):
    return np.einsum("nij,nij->n", a, b)


def _moved(x, m):
    n = len(x)
    names = list(MOVES) if x.shape[1] == x.shape[2] else list(MOVES)[:3]
    others = [(np.arange(n) + k) % n for k in (1, 2, 3) if k < n]
    here, here_other = _dot(x, m), np.concatenate([_dot(x, m[j]) for j in others])
    rows = {}
    for name in names:
        turned = np.ascontiguousarray(MOVES[name](m))
        same = np.clip(_dot(m, turned), -1, 1)
        rest = np.sqrt(np.maximum(1 - same**2, 1e-6))
        there = _dot(x, turned)
        there_other = np.concatenate([_dot(x, turned[j]) for j in others])
        same_other, rest_other = (np.concatenate([v[j] for j in others]) for v in (same, rest))
        rows[name] = {
            "fit": np.where(same < 0.7, (there - same * here) / rest, 0),
            "stay": np.where(same < 0.7, (here - same * there) / rest, 1),
            "chance": (there_other - same_other * here_other) / rest_other,
        }
    fits = np.stack([row["fit"] for row in rows.values()])
    every = np.concatenate([fits.ravel(), here])
    sign = np.sign(every[np.abs(every) > 0.3].sum()) or 1.0  # lesions may be darker than what is around them
    best = np.zeros((len(rows), n), bool)
    for k, row in enumerate(rows.values()):
        chance = sign * row["chance"]
        limit = chance.mean() + 3 * chance.std()
        fit, stay = sign * row["fit"], sign * row["stay"]
        best[k] = (fit > max(limit, 0.15)) & (stay < 0.5 * fit)
    moved = best.any(axis=0)
    share = moved.mean()
    if moved.sum() < 3 or share < 0.15:
        return []
    strength = np.where(best, sign * fits, -1)
    winner = strength.argmax(axis=0)[moved]
    counts = sorted(((int((winner == k).sum()), name) for k, name in enumerate(rows)), reverse=True)
    named = ", ".join(f"{count} {name}" for count, name in counts if count >= max(2, 0.1 * moved.sum())) or counts[0][1]
    consistent = share > 0.75 and counts[0][0] > 0.9 * moved.sum()
    seen = f"in {moved.sum()} of {n} pictures the mask fits the image much better when moved: {named}"
    if consistent:
        return [_finding("mask_not_moved/all", 0.93, seen, move=counts[0][1])]
    return [_finding("mask_not_moved/random", 0.93 if share > 0.25 else 0.85, seen)]


def _shifted(x, m, zoom):
    """Look for masks that fit after a shift: all by the same one, or each picture by its own."""
    n, height, width = x.shape
    spectrum_x, spectrum_m = np.fft.rfft2(x), np.fft.rfft2(m)

    def maps(order):
        return np.fft.fftshift(np.fft.irfft2(spectrum_x * np.conj(spectrum_m[order]), s=(height, width)), axes=(1, 2))

    reach_y, reach_x = height // 3, width // 3
    rows = slice(height // 2 - reach_y, height // 2 + reach_y + 1)
    columns = slice(width // 2 - reach_x, width // 2 + reach_x + 1)
    own, other = maps(np.arange(n))[:, rows, columns], maps((np.arange(n) + 1) % n)[:, rows, columns]
    mean = own.mean(axis=0)
    sign = np.sign(mean.flat[np.abs(mean).argmax()]) or 1.0
    own, other = sign * own, sign * other

    def places(array):
        y, x = np.unravel_index(array.reshape(len(array), -1).argmax(axis=1), array.shape[1:])
        return np.stack([y - reach_y, x - reach_x], axis=1)

    away, still = places(own), own[:, reach_y, reach_x]
    top, chance = own.reshape(n, -1).max(axis=1), other.reshape(n, -1).max(axis=1)
    far = np.hypot(*away.T) >= 2
    sure = top > chance.mean() + 2.5 * chance.std()
    moved = far & sure & (still < 0.75 * top)
    dy, dx = places((sign * mean)[None])[0]
    gain = own[:, reach_y + dy, reach_x + dx] - still
    together = np.hypot(dy, dx) >= 1.5 and gain.mean() > max(6 * gain.std() / np.sqrt(n), 0.1 * np.abs(still).mean())
    if together and (gain > 0).mean() > 0.8:
        by = f"{round(dy * zoom):+d} rows and {round(dx * zoom):+d} columns"
        seen = f"shifting the masks by {by} makes them fit better in {(gain > 0).sum()} of {n} pictures"
        return [_finding("mask_not_moved/shift", 0.9, seen)]
    if moved.sum() >= 5 and moved.sum() > 0.25 * n and moved.sum() > 0.5 * sure.sum():
        far = np.median(np.hypot(*away[moved].T)) * zoom
        seen = f"in {moved.sum()} of {n} pictures the mask fits after its own shift, of {far:.0f} pixels in the median"
        return [_finding("mask_not_moved/random", 0.9, seen)]
    return []


def _shuffled(x, m):
    """Look for masks that fit the image of another pair."""
    n = len(x)
    if n < 8:
        return []
    table = x.reshape(n, -1) @ m.reshape(n, -1).T
    own = np.diag(table)
    rest = table - np.diag(own) + np.diag(table.mean(axis=1))
    spread = 1.48 * np.median(np.abs(rest - np.median(rest)))  # of masks laid on strangers' images
    for sign in (1, -1):
        second, best = np.sort(sign * rest, axis=1)[:, -2:].T
        clear = (best > max(4 * spread, 0.35)) & (best > 1.2 * second) & (sign * own < 0.4 * best)
        if clear.sum() >= 3 and clear.mean() > 0.25:
            i, partner = int(np.flatnonzero(clear)[0]), (sign * rest).argmax(axis=1)
            seen = (f"in {clear.sum()} of {n} pictures the mask of another picture fits much better "
                    f"(the image at {i} and the mask at {partner[i]}, for one)")
            return [_finding("pairs_shuffled", 0.94, seen)]
    return []


# --- copies between sets ----------------------------------------------------------------------------------------------


def _noise(pictures):
    """Return each picture's noise, its standard deviation in gray levels. Source: Immerkaer 1996, with a median."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = [cv2.filter2D(np.ascontiguousarray(p, np.float32), -1, kernel) for p in pictures]
    return np.array([np.median(np.abs(r)) for r in rough]) / (6 * 0.6745)


def _alike(a, b):
    """Say whether two pictures `[h, w]` are one but for a little noise, or for brightness if noise marks them."""
    if float(a.std()) < 1e-4 or float(b.std()) < 1e-4:
        return False
    difference = float(np.sqrt(np.mean((a - b) ** 2)))
    fine = [p - cv2.GaussianBlur(np.ascontiguousarray(p), (0, 0), 3) for p in (a, b)]
    power = float(np.sqrt((fine[0] ** 2).sum() * (fine[1] ** 2).sum()))
    match = float((fine[0] * fine[1]).sum()) / power if power > 1e-9 else 0.0
    marked = min(_noise([a, b])) > 0.01
    return match > 0.9 and (difference < 0.03 or marked)


def _copies(new, new_at, old, old_at):
    """Return the indices of exact copies (a set), and of near ones with the name of their move (a dictionary)."""
    digests = {j: hashlib.blake2b(old[j].tobytes(), digest_size=12).digest() for j in old_at if old[j].std() > 1e-4}
    known = set(digests.values())
    exact = {i for i in new_at if hashlib.blake2b(new[i].tobytes(), digest_size=12).digest() in known}
    moves = {"": lambda a: a, **(MOVES if new.shape[1] == new.shape[2] else dict(list(MOVES.items())[:3]))}
    x, good_x = _details(new[new_at], 32)
    y, good_y = _details(old[old_at], 32)
    flat, near = y.reshape(len(y), -1), {}
    for name, move in moves.items():
        table = np.ascontiguousarray(move(x)).reshape(len(x), -1) @ flat.T
        partner = table.argmax(axis=1)
        for i in np.flatnonzero((table.max(axis=1) > 0.85) & good_x & good_y[partner]):
            if new_at[i] not in near and new_at[i] not in exact:
                if _alike(np.ascontiguousarray(move(new[new_at[i]][None])[0]), old[old_at[partner[i]]]):
                    near[new_at[i]] = name
    return exact, near


def check_copies(case):
    """Look for pictures that stand in both sets: exact, mirrored or turned, or with a little noise added."""
    new, old = case.images, case.training_images
    if new is None or old is None or new.shape[1:] != old.shape[1:]:
        return []
    new_at, old_at = _some(len(new), 1000), _some(len(old), 2000)
    exact, near = _copies(new, new_at, old, old_at)
    copied = np.array([*exact, *near], int)
    if len(copied) and np.median(_noise(new[copied[_some(len(copied), 50)]])) < 0.01:
        # Without noise to mark them, simple pictures are alike by chance; within the training set they then are, too.
        half = len(old_at) // 2
        alone = sum(map(len, _copies(old, old_at[:half], old, old_at[half:])))
        if len(copied) < max(5, 0.1 * len(new_at)) or alone / max(half, 1) > 0.15 * len(copied) / len(new_at):
            return []
    total = len(exact) + len(near)
    looked = len(new_at)
    if not exact and total < max(2, 0.01 * looked):
        return []
    turned = sum(bool(name) for name in near.values())
    kinds = [f"{len(exact)} exactly"] * bool(exact) + [f"{turned} mirrored or turned"] * bool(turned)
    kinds += [f"{len(near) - turned} with slightly other gray levels"] * bool(len(near) - turned)
    seen = f"{total} of {looked} pictures are also among the training pictures ({', '.join(kinds)})"
    return [_finding("copies_between_sets", 0.97, seen)]


# --- what the network says --------------------------------------------------------------------------------------------


def _channels_in(model):
    shape = getattr(model, "input_shape", None)
    return shape[-1] if isinstance(shape, tuple) and len(shape) == 4 else 1


def _layers(model):
    """Return all layers of a model, those of models inside it included."""
    found = []
    for layer in getattr(model, "layers", []):
        found += _layers(layer) if getattr(layer, "layers", None) else [layer]
    return found


def _activation(layer):
    name = type(layer).__name__.lower()
    function = getattr(getattr(layer, "activation", None), "__name__", "")
    return name if name in ("relu", "softmax", "sigmoid", "leakyrelu") else function


def check_network(case):
    """Look at the network's form: sizes it cannot halve, an output smaller than the input, activations at its end."""
    layers = _layers(case.model)
    form = _input_size(case, layers) + _output_shape(case)
    return form + _output_activation(case, layers) + _output_range(case, layers)


def _input_size(case, layers):
    images = case.raw_images
    if not layers or images is None or images.ndim < 3:
        return []
    height, width = images.shape[1:3]
    convolutions = [layer for layer in layers if type(layer).__name__ in ("Conv2D", "SeparableConv2D")]
    halvings = sum(type(layer).__name__ in ("MaxPooling2D", "AveragePooling2D") for layer in layers)
    halvings += sum(max(layer.strides) == 2 for layer in convolutions)
    padded = all(layer.padding == "same" for layer in convolutions if max(layer.kernel_size) > 1)
    factor = 2**halvings
    refused = f", and an error when it is run: {case.model_error}" if case.model_error else ""
    shape = case.pred_shape
    smaller = shape is not None and tuple(shape[1:3]) != (height, width)
    if padded and (height % factor or width % factor) and (refused or shape is None or smaller):
        near = sorted({max(factor, (s + more) // factor * factor) for s in (height, width) for more in (0, factor - 1)})
        seen = f"pictures of {height}x{width} pixels, a network that halves {halvings} times{refused}"
        words = {"size": f"{height}x{width}", "factor": factor, "near": ", ".join(map(str, near))}
        return [_finding("size_cannot_be_halved", 0.97, seen, **words)]
    if refused:
        wanted = getattr(case.model, "input_shape", None)
        return [_finding("input_refused", 0.9, f"images {images.shape}, network input {wanted}: {case.model_error}")]
    return []


def _output_shape(case):
    shape = case.pred_shape
    target = case.raw_images if case.raw_images is not None else case.raw_masks
    if shape is None or target is None or len(shape) < 3 or target.ndim < 3:
        return []
    if len(shape) == 4 and shape[-1] > 1:
        return [_finding("prediction_channels", 0.9, f"predictions have {shape[-1]} channels")]
    (h, w), (th, tw) = shape[1:3], target.shape[1:3]
    seen = f"predictions are {h}x{w} pixels, images {th}x{tw}"
    if (h, w) == (th, tw):
        if case.given["y_pred"] and shape[0] != len(target):
            return [_finding("counts_differ/predictions", 0.9, f"{len(target)} images and {shape[0]} predictions")]
        return []
    if h > th or w > tw:
        return [_finding("sizes_differ/predictions", 0.9, seen)]
    cut = {name: f"{(b - a) // 2}:{(b - a) // 2 + a}" for name, a, b in (("rows", h, th), ("columns", w, tw))}
    return [_finding("output_smaller", 0.95, f"{seen}: {th - h} rows and {tw - w} columns are missing", **cut)]


def _output_activation(case, layers):
    """Look at the last layers of a model: a ReLU just before the sigmoid, a softmax over one channel."""
    if not layers:
        return []
    last = layers[-1]
    end, before = _activation(last), ""
    try:
        before = _activation(last._inbound_nodes[0].input_tensors[0]._keras_history.operation)
    except (AttributeError, IndexError):  # a subclassed model, which does not say what is connected to what
        before = _activation(layers[-2]) if type(last).__name__ == "Activation" and len(layers) > 1 else ""
    if end == "sigmoid" and before == "relu" and type(last).__name__ == "Activation":
        return [_finding("relu_before_sigmoid", 0.95, "the network applies a ReLU and then a sigmoid")]
    if end == "softmax" and last.output.shape[-1] == 1:
        return [_finding("softmax_of_one_channel", 0.96, "the network ends in a softmax over one channel")]
    return []


def _output_range(case, layers):
    """Look at the predictions' numbers: NaN, outside 0..1, never below 0.5."""
    scores, end = case.scores, _activation(layers[-1]) if layers else ""
    if scores is None:
        return []
    if not np.isfinite(scores).any():
        return [_finding("learning_rate_too_high/nan", 0.8, "all predictions are NaN")]
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    linear = "the network's last layer is linear"
    if high == 255 and low == 0:
        return [_finding("prediction_0_255", 0.8, f"predictions hold {_range(scores)}")]
    if low < -1e-3 or high > 1 + 1e-3:
        outside = float(((scores < 0) | (scores > 1)).mean())
        seen = f"predictions run from {low:.3g} to {high:.3g}, {outside:.0%} of them outside 0..1"
        return [_finding("logits_as_probabilities", 0.95, f"{seen}, and {linear}" if end == "linear" else seen)]
    if end == "linear" and case.asked_model:
        return [_finding("logits_as_probabilities", 0.8, linear)]
    if low >= 0.5 and (scores == 0.5).mean() > 0.05:
        seen = f"no prediction is below 0.5, and {(scores == 0.5).mean():.0%} are exactly 0.5"
        return [_finding("relu_before_sigmoid", 0.9, seen)]
    return []


# --- scores -----------------------------------------------------------------------------------------------------------


class _Scores(NamedTuple):
    """Measurements on predictions: Dice per picture with lesions at 0.5 and at its best, cross-entropies, shares."""

    dice: float
    best: float
    threshold: float
    gray: float
    entropy: float
    base: float
    claimed: float
    share: float
    found: float
    binary: bool
    n: int
    pooled: float
    white: float
    each: np.ndarray
    sizes: np.ndarray


def _dice(inside, found):
    overlap = (inside & found).sum(axis=(1, 2))
    areas = inside.sum(axis=(1, 2)) + found.sum(axis=(1, 2))
    return np.where(areas == 0, 1.0, 2 * overlap / np.maximum(areas, 1))


def _best(inside, values):
    """Return the threshold with the highest mean Dice among forty quantiles of `values`, and that Dice."""
    sample = values.ravel()[:: max(1, values.size // 100_000)]
    thresholds = np.unique(np.quantile(sample, 1 - np.geomspace(2e-4, 0.9, 40)).astype(np.float32))
    n = len(values)
    dice = np.zeros((len(thresholds), n))
    for i in range(n):
        level = np.searchsorted(thresholds, values[i].ravel(), side="right")
        passed = np.bincount(level, minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        hit = np.bincount(level[inside[i].ravel()], minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        dice[:, i] = 2 * hit / np.maximum(passed + inside[i].sum(), 1)
    means = dice.mean(axis=1)
    return float(thresholds[means.argmax()]), float(means.max())


def _measure(case):
    """Measure predictions against masks, once; None if they cannot be compared."""
    if hasattr(case, "measured"):
        return case.measured
    case.measured = None
    scores, inside = case.scores, case.pred_masks
    if scores is None or inside is None or scores.shape[:3] != inside.shape or not inside.any():
        return None
    p = np.nan_to_num(scores[..., 0])
    if p.min() < -1e-3 or p.max() > 1.001:
        return None
    with_lesions = np.flatnonzero(inside.any(axis=(1, 2)))
    binary = bool(((p == 0) | (p == 1)).all())
    some = with_lesions[_some(len(with_lesions), 64)]
    found = p >= 0.5
    each = _dice(inside[with_lesions], found[with_lesions])
    threshold, best = (0.5, float(each.mean())) if binary else _best(inside[some], p[some])
    _, gray = _best(inside[some], case.pred_images[some]) if case.pred_images is not None else (0.5, 0.0)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    entropy = -float(np.where(inside, np.log(clipped), np.log1p(-clipped)).mean())
    share = float(inside.mean())
    base = -(share * np.log(share) + (1 - share) * np.log1p(-share)) if share < 1 else 0.0
    sizes = inside[with_lesions].mean(axis=(1, 2))
    areas = inside[with_lesions].sum() + found[with_lesions].sum()
    pooled = 2 * float((inside & found)[with_lesions].sum()) / float(areas)
    case.measured = _Scores(
        float(each.mean()), best, threshold, gray, entropy, float(base), float(p.mean()), share, float(found.mean()),
        binary, len(with_lesions), pooled, float((2 * sizes / (1 + sizes)).mean()), each, sizes,
    )
    return case.measured


def check_pooling(case):
    """Compare Dice over all pixels with the mean over pictures: how much do large lesions hide?"""
    s = _measure(case)
    if s is None or s.n < 4 or s.pooled < 0.5 or s.pooled - s.dice < 0.15:
        return []
    middle = np.median(s.sizes)
    small, large = s.each[s.sizes <= middle], s.each[s.sizes > middle]
    if not len(large) or large.mean() - small.mean() < 0.25:
        return []
    lost = int((s.each < 0.1).sum())
    seen = (f"pooled over all pixels Dice is {s.pooled:.2f}, the mean per picture {s.dice:.2f}; {lost} of {s.n} "
            f"pictures with lesions score below 0.1; the smaller half scores {small.mean():.2f}, the larger "
            f"{large.mean():.2f}")
    return [_finding("pooled_dice", 0.85, seen)]


# --- learning ---------------------------------------------------------------------------------------------------------


def _score_name(curves):
    """Return the name of a score between 0 and 1 in the log, or None."""
    words = ("dice", "iou", "f1", "jaccard")
    names = [k for k in curves if not k.startswith("val_") and "loss" not in k]
    return next((k for k in names if any(word in k.lower() for word in words)), None)


def _rate(case):
    """Return the learning rate of a run as a number, or None."""
    if "learning_rate" in case.curves:
        return float(case.curves["learning_rate"].max())
    try:
        rate = float(case.model.optimizer.learning_rate)
        return rate
    except (AttributeError, TypeError, ValueError):
        return None


def check_curves(case):
    """Look for values that a sound loss or score cannot have: NaN, far below zero, above one; and for explosions."""
    curves, found = case.curves, []
    loss = curves.get("loss")
    rate = _rate(case)
    said = f" at a learning rate of {rate:g}" if rate else ""
    if loss is not None and not np.isfinite(loss).all():
        epoch = int(np.flatnonzero(~np.isfinite(loss))[0]) + 1
        found.append(_finding("learning_rate_too_high/nan", 0.93, f"the loss is NaN from epoch {epoch} on{said}"))
    elif loss is not None and (loss[-1] > max(3 * abs(float(loss.min())), float(loss[0])) or loss.max() > 1e3):
        seen = f"the training loss runs from {loss.min():.3g} to {loss.max():.3g} and ends at {loss[-1]:.3g}{said}"
        found.append(_finding("learning_rate_too_high/wild", 0.9, seen))
    name = _score_name(curves)
    finite = {k: v[np.isfinite(v)] for k, v in curves.items() if np.isfinite(v).any()}
    strange = [f"{k} falls to {v.min():.3g}" for k, v in finite.items() if k.endswith("loss") and v.min() < -1.05]
    both = [k for k in (name, f"val_{name}") if k in finite and finite[k].max() > 1.001]
    strange += [f"{k} rises to {finite[k].max():.3g}" for k in both]
    if strange:
        high = float(case.raw_masks.max()) if case.raw_masks is not None else 0
        entry = "masks_0_255" if high >= 200 or high <= 1 else "masks_not_0_1/classes"
        found.append(_finding(entry, 0.85, " and ".join(strange[:2]) + ", which masks of 0 and 1 do not allow"))
    return found


def check_learning(case):
    """Tell apart why a network finds nothing: its threshold, rare foreground, too few steps, or its learning rate."""
    curves, s = case.curves, _measure(case)
    loss = curves.get("loss")
    if loss is not None and (not np.isfinite(loss).all() or loss.min() < -1.05 or loss.max() > 1e3):
        return []
    score = _score_name(curves)
    last = float(np.nanmax([curves[k][-1] for k in (score, f"val_{score}") if k in curves])) if score else None
    if s is not None:
        if not s.binary and s.best - s.dice >= 0.2 and s.best >= max(0.5, s.gray + 0.12):
            seen = f"Dice is {s.dice:.2f} at the threshold 0.5 and {s.best:.2f} at {s.threshold:.3g}"
            return [_finding("wrong_threshold", 0.9, seen, side="below" if s.threshold < 0.5 else "above")]
        if s.dice >= max(0.3, s.white + 0.1):  # white: what calling everything foreground would score
            return []
        if s.best >= 0.6 or s.binary and loss is None and s.found > 0.25 * s.share:
            return []
    elif loss is None or (last is not None and last >= 0.35):
        return []
    elif last is None and (len(loss) < 3 or loss[-1] < 0.5 or loss[-1] < 0.95 * loss[0]):
        return []  # a loss alone says little: its scale is unknown, and a low or falling one is no complaint
    return _unlearned(case, s, loss)


def _unlearned(case, s, loss):
    """Name the likeliest reason why nothing was learned."""
    share = s.share if s is not None else float(case.masks.mean()) if case.masks is not None else None
    rate, steps = _rate(case), case.steps
    fall = late = None
    if loss is not None and len(loss) >= 2:
        fall = float((loss[0] - loss[-1]) / max(abs(loss[0]), 1e-9))
        late = float((loss[-2] - loss[-1]) / max(abs(loss[-2]), 1e-9))
    facts = []
    if s is not None:
        facts.append(f"{s.found:.1%} of the pixels are called foreground, {s.share:.1%} are")
        if not s.binary:
            facts.append(f"the mean probability is {s.claimed:.3g}")
            facts.append(f"the cross-entropy is {s.entropy:.3g} where a constant scores {s.base:.3g}")
    if fall is not None:
        facts.append(f"the loss went from {loss[0]:.3g} to {loss[-1]:.3g} in {len(loss)} epochs")
    if steps:
        facts.append(f"{steps} steps")
    if rate is not None:
        facts.append(f"learning rate {rate:.2g}")
    seen = "; ".join(facts)
    rare = share is not None and 0 < share < 0.03
    stuck = fall is not None and fall < 0.05
    wild = s is not None and not s.binary and s.entropy > 3 * s.base + 0.05
    if stuck and wild and loss[-1] > 1.5 or rate is not None and rate >= 0.3 and (stuck or wild):
        return [_finding("learning_rate_too_high/stuck", 0.85, seen)]
    settled = s is None or s.binary or s.entropy < 1.15 * s.base + 0.005 or s.found == 0 and s.claimed < 2 * s.share
    slow = rate is not None and rate <= 2e-5
    few = steps is not None and steps < 60
    if slow or stuck and not few and not (rare and settled) and fall > -0.02:
        return [_finding("learning_rate_too_low", 0.9 if slow else 0.75, seen)]
    if few or late is not None and late > 0.08 and not (rare and settled and steps and steps > 100):
        return [_finding("too_few_steps", 0.85 if few else 0.75, seen)]
    if s is not None and s.found > 0.5 * s.share and not rare:
        return []
    if rare:
        return [_finding("imbalance", 0.85 if loss is not None else 0.6, seen, share=f"{share:.2%}")]
    if s is not None and s.found < 0.1 * s.share:
        return [_finding("too_few_steps/unknown", 0.5, seen)]
    return []


def check_generalizing(case):
    """Ask why validation lags behind training: batch normalization, which has two modes, or over-fitting."""
    curves, score = case.curves, _score_name(case.curves)
    layers = [layer for layer in _layers(case.model) if type(layer).__name__ == "BatchNormalization"]
    if layers:
        found = _two_modes(case, layers)
        if found:
            return found
    if not score or f"val_{score}" not in curves:
        return []
    train, val, val_loss = curves[score], curves[f"val_{score}"], curves.get("val_loss")
    gap = float(train[-1] - val[-1])
    seen = f"training {score} {train[-1]:.2f}, validation {val[-1]:.2f}"
    if case.model is None and gap > 0.35 and train[-1] > 0.5 and np.nanmax(val) < 0.3:
        return [_finding("batch_normalization/curves", 0.6, f"{seen}, and never above {np.nanmax(val):.2f}")]
    if val_loss is None or len(val_loss) < 4 or not gap > 0.2:
        return []
    lowest = int(np.nanargmin(val_loss))
    if lowest < len(val_loss) - 2 and val_loss[-1] > 1.25 * val_loss[lowest] > 0:
        seen += f"; the validation loss was lowest in epoch {lowest + 1} of {len(val_loss)}"
        return [_finding("overfitting", 0.75, seen)]
    return []


def _two_modes(case, layers):
    """Let a network predict the same pictures in training and in inference mode, and put its state back."""
    from keras import ops  # only with a model

    images, inside = case.raw_images, case.masks
    if case.training_pair is not None:  # on other pictures the two modes may differ for good reasons
        images, inside = case.training_pair
    if case.model_error or images is None or inside is None or images.shape[:3] != inside.shape:
        return []
    usable = np.flatnonzero(inside.any(axis=(1, 2)))[:16]
    if not len(usable):
        return []
    images, inside, model = images[usable].astype(np.float32), inside[usable], case.model
    images = images[..., None] if images.ndim == 3 else images
    kept = [np.array(variable) for variable in model.variables]

    def dice(training, size):
        batches = [model(images[i : i + size], training=training) for i in range(0, len(images), size)]
        return float(_dice(inside, np.concatenate([ops.convert_to_numpy(b)[..., 0] for b in batches]) >= 0.5).mean())

    try:
        infer, train = dice(False, 16), max(dice(True, 16), dice(True, 1))
    finally:
        for variable, value in zip(model.variables, kept):
            variable.assign(value)
    if train - infer < 0.25 or infer > 0.6 * train:
        return []
    momentum, steps = float(layers[0].momentum), case.steps
    kept = momentum ** (steps or 0)
    old = f"after {steps} steps at momentum {momentum:g} the averages are {kept:.0%} what they began with"
    seen = f"the same pictures score Dice {train:.2f} in training mode and {infer:.2f} in inference mode; "
    return [_finding("batch_normalization", 0.95, seen + (old if steps else f"the momentum is {momentum:g}"))]


# --- another scanner --------------------------------------------------------------------------------------------------


def _contrasts(images, inside):
    """Return, for each picture with lesions, how much brighter they are than a ring around them, gray levels."""
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    values = []
    for image, mask in zip(images, inside):
        around = (cv2.dilate(mask.astype(np.uint8), ring) == 1) & ~mask
        if mask.any() and around.any():
            values.append(float(image[mask].mean() - image[around].mean()))
    return np.array(values)


def _radii(inside):
    """Return the radius of each connected lesion as of a disc of the same area, pixels."""
    areas = [cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA] for mask in inside]
    return np.sqrt(np.concatenate(areas) / np.pi) if areas else np.zeros(0)


def _apart(new, old):
    """Return the chance that a value of the one set exceeds one of the other, 0.5 (no difference) to 1 (apart).

    Source: Mann and Whitney 1947.
    """
    old = np.sort(old)
    above = float((np.searchsorted(old, new, "left") + np.searchsorted(old, new, "right")).mean() / (2 * len(old)))
    return max(above, 1 - above)


def check_scanner(case):
    """Compare the pictures with those of the training: noise, brightness, contrast, lesion size."""
    s = _measure(case)
    if s is not None and s.dice >= 0.85:
        return []
    found = _inverted(case, s)
    new, old = case.images, case.training_images
    if new is None or old is None or len(new) < 8 or len(old) < 8:
        return found
    new_at, old_at = _some(len(new), 100), _some(len(old), 100)
    suffer = "" if s is None else f", and Dice is {s.dice:.2f}"
    if case.paired and case.training_masks is not None and case.training_masks.shape == old.shape:
        found += _lesions_changed(case, new_at, old_at, suffer)
    a, b = _noise(new[new_at]), _noise(old[old_at])
    now, before = np.median(a), np.median(b)
    if _apart(a, b) > 0.97 and max(now, before) > 1.4 * min(now, before) + 0.005:
        seen = f"the noise is {now:.3f} where it was {before:.3f} in training{suffer}"
        found.append(_finding("noise_changed", 0.88, seen))
    a, b = new[new_at].mean(axis=(1, 2)), old[old_at].mean(axis=(1, 2))
    now, before = np.median(a), np.median(b)
    inverted = any(finding.cause == "contrast_inverted" for finding in found)
    if _apart(a, b) > 0.97 and abs(now - before) > 0.1 and not inverted:
        seen = f"the mean gray level is {now:.2f} where it was {before:.2f} in training{suffer}"
        found.append(_finding("brightness_changed", 0.7, seen))
    return found


def _inverted(case, s):
    """Look for lesions that are dark where the network marks what is bright, or the other way round."""
    if s is None or s.dice > 0.3 or case.pred_images is None:
        return []
    truth = _contrasts(case.pred_images, case.pred_masks)
    claim = _contrasts(case.pred_images, case.scores[..., 0] >= 0.5)
    if min(len(truth), len(claim)) < 4 or min(abs(np.median(truth)), abs(np.median(claim))) < 0.05:
        return []
    opposite = max(min((truth < 0).mean(), (claim > 0).mean()), min((truth > 0).mean(), (claim < 0).mean()))
    if opposite < 0.9:
        return []
    seen = (f"lesions differ from their surroundings by {np.median(truth):+.2f} gray levels, what the network marks by "
            f"{np.median(claim):+.2f}")
    return [_finding("contrast_inverted", 0.9, seen)]


def _lesions_changed(case, new_at, old_at, suffer):
    found = []
    a = _contrasts(case.images[new_at], case.masks[new_at])
    b = _contrasts(case.training_images[old_at], case.training_masks[old_at])
    if min(len(a), len(b)) >= 6:
        now, before = np.median(a), np.median(b)
        if now * before < 0 and min(abs(now), abs(before)) > 0.04 and _apart(a, b) > 0.9:
            seen = f"lesions are {now:+.2f} gray levels from their surroundings, {before:+.2f} in training{suffer}"
            found.append(_finding("contrast_inverted", 0.95, seen))
    a, b = _radii(case.masks[new_at]), _radii(case.training_masks[old_at])
    if min(len(a), len(b)) >= 8:
        now, before = np.median(a), np.median(b)
        if _apart(a, b) > 0.88 and max(now, before) > 1.5 * min(now, before):
            seen = f"lesions have a median radius of {now:.1f} pixels, {before:.1f} in training{suffer}"
            found.append(_finding("size_changed", 0.9, seen))
    return found


CHECKS = [
    check_image_values, check_mask_values, check_pairing, check_alignment, check_copies, check_network, check_pooling,
    check_curves, check_learning, check_generalizing, check_scanner,
]
