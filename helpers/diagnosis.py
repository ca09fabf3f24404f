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


# Mistakes in the data and the network's form. They cause symptoms further on, which are then trusted less.
ROOTS = {
    "images_0_255", "images_divided_twice", "images_mixed_range", "images_not_finite", "images_constant",
    "images_range", "masks_0_255", "masks_not_0_1", "masks_channels", "masks_not_finite", "counts_differ",
    "sizes_differ", "relu_before_sigmoid", "logits_as_probabilities", "softmax_of_one_channel", "size_cannot_be_halved",
    "output_smaller", "mask_not_moved", "pairs_shuffled",
}


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
    except Exception:  # broken input breaks a check in ways nobody foresees; the other checks still have something to say
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
    """Halve the trust in symptoms when a mistake is found that can cause them."""
    if not any(finding.cause in ROOTS and finding.sure >= 0.8 for finding in findings):
        return findings
    return [f if f.cause in ROOTS else f._replace(sure=round(f.sure / 2, 2)) for f in findings]


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
        self.images = _as_grey(self.raw_images)
        self.masks = _as_inside(self.raw_masks)
        if self.images is None or self.masks is None or self.images.shape != self.masks.shape:
            self.paired = False
        else:
            self.paired = len(self.images) > 0
        self.training_images = _as_grey(_array(training[0] if pair else training))
        self.training_masks = _as_inside(_array(training[1])) if pair else None
        self.scores = self.model_error = None
        self.pred_shape = None if self.raw_pred is None else self.raw_pred.shape
        self.pred_images, self.pred_masks = self.images, self.masks
        if y_pred is None and model is not None and self.raw_images is not None:
            self._ask_the_model()
        elif self.raw_pred is not None:
            self.scores = _four_axes(self.raw_pred)
        self._note()

    def _ask_the_model(self):
        """Predict some of the pictures as they came, without any mending: the student's network sees them like this."""
        import keras  # only here, because it takes seconds and hundreds of megabytes

        images = self.raw_images[..., None] if self.raw_images.ndim == 3 else self.raw_images
        some = _some(len(images), 48)
        try:
            batches = [
                keras.ops.convert_to_numpy(self.model(images[some[i : i + 16]].astype(np.float32), training=False))
                for i in range(0, len(some), 16)
            ]
            raw = np.concatenate(batches)
        except Exception as error:
            self.model_error = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
            return
        self.pred_shape, self.scores = raw.shape, _four_axes(raw)
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
    """Return `[n, h, w, 1]` float32, or None; a single picture gets its first axis, colours are averaged."""
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


def _as_grey(array):
    """Return images `[n, h, w]` float32 with finite grey levels near 0..1, whatever their range was, or None."""
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
        if not case.given["images"]:
            return []
        return [Finding("sizes_differ", "the images do not form one array", "the pictures differ in size, or are no numbers",
                        0.9, "Crop or resize all pictures to one size, then np.stack them.")]
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        bad = int((~np.isfinite(images)).sum())
        pictures = int((~np.isfinite(images)).reshape(len(images), -1).any(axis=1).sum())
        return [Finding("images_not_finite", f"{bad} pixels in {pictures} of {len(images)} images are NaN or infinite",
                        "a division by zero when the pictures were normalised, or missing pixels in the files", 0.97,
                        "Find the pictures with np.isnan(images).any(axis=(1, 2, 3)), mend or leave them out; one NaN "
                        "turns every weight into NaN.")]
    low, high = float(images.min()), float(images.max())
    each = images.reshape(len(images), -1).max(axis=1) if images.ndim > 2 else np.array([high])
    if low == high:
        return [Finding("images_constant", f"every pixel of every image is {low:g}",
                        "the pictures were not read, or integers were divided by 255 with //", 0.95,
                        "Look at the files; divide as floats: images.astype('float32') / 255.")]
    if images.ndim == 4 and images.shape[-1] not in (1, _channels_in(case.model)):
        return [Finding("images_channels", f"images have {images.shape[-1]} channels", "colour pictures, or axes in another order",
                        0.6, "Convert them with cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) and keep the shape [n, h, w, 1].")]
    if high > 1.5 and low >= 0:
        if high <= 255 and (each <= 1).mean() > 0.02 and (each > 1.5).mean() > 0.02 and len(each) > 3:
            small = int((each <= 1).sum())
            return [Finding("images_mixed_range", f"{small} of {len(images)} images stay within 0..1, the others reach {high:.4g}",
                            "some pictures were divided by 255 and others were not", 0.95,
                            "Read all pictures through one function that ends in .astype('float32') / 255.")]
        top = 255 if high <= 255 else 4095 if high <= 4095 else 65535
        cause = "images_0_255" if top == 255 else "images_range"
        return [Finding(cause, f"images are {images.dtype} and hold {_range(images)}",
                        f"grey levels 0..{top} that were never scaled to the 0..1 a network of this course is trained on", 0.97,
                        f"images = images.astype('float32') / {top}, for training and for prediction alike.")]
    if images.dtype.kind in "ui":
        return [Finding("images_range", f"images are {images.dtype} and hold {_range(images)}",
                        "the grey levels were rounded to whole numbers, so almost nothing is left of them", 0.8,
                        "Convert before you scale: images.astype('float32') / 255.")]
    if 0 <= low and high < 0.006:
        return [Finding("images_divided_twice", f"images hold {_range(images)}, and {high:.4g} x 255 = {high * 255:.2g}",
                        "the pictures were divided by 255 twice, once by you and once by a function or a layer", 0.96,
                        "Divide once. Look for a second / 255, and for a Rescaling layer in the network.")]
    if low < -1e-3 or high > 1 + 1e-3:
        return [Finding("images_range", f"images hold {_range(images)}", "standardised or differently scaled pictures; this course uses 0..1",
                        0.5, "Scale every set in the same way, with constants chosen on the training pictures.")]
    return []


def check_mask_values(case):
    """Look at the masks' numbers: 0 and 1 only, one channel, not all empty."""
    masks = case.raw_masks
    if masks is None:
        return []
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        bad = int((~np.isfinite(masks)).sum())
        return [Finding("masks_not_finite", f"{bad} mask values are NaN or infinite", "missing masks, or a division by zero",
                        0.97, "Leave those pictures out, or draw their masks; then masks.astype('uint8').")]
    found = []
    if masks.ndim == 4 and masks.shape[-1] > 1:
        found.append(Finding("masks_channels", f"masks have {masks.shape[-1]} channels", "masks saved as colour pictures, or one-hot classes",
                             0.9, "Keep one channel: (masks[..., :1] > 0).astype('uint8')."))
    low, high = float(masks.min()), float(masks.max())
    levels = np.unique(masks[_some(len(masks), 64)]) if masks.ndim > 2 else np.unique(masks)
    if 1 < high <= 255 and high >= 200 and low >= 0:
        only = "only 0 and 255" if set(levels.tolist()) <= {0, 255} else f"{len(levels)} levels"
        found.append(Finding("masks_0_255", f"masks hold {_range(masks)} ({only})",
                             "masks stored as 8-bit pictures, white being 255, and not turned into 0 and 1", 0.98,
                             "masks = (masks > 127).astype('uint8'), right after reading them."))
    elif high > 1 or low < 0:
        found.append(Finding("masks_not_0_1", f"masks hold {_range(masks)}, {len(levels)} levels",
                             "class numbers or another code, where 0 and 1 are expected", 0.95,
                             "Say which values are foreground, for example (masks == 2).astype('uint8')."))
    elif masks.dtype.kind == "f" and len(levels) > 2:
        found.append(Finding("masks_not_0_1", f"masks hold {len(levels)} levels between 0 and 1",
                             "masks resized with interpolation, or probabilities in the place of masks", 0.85,
                             "Resize masks with cv2.INTER_NEAREST; or choose a threshold, (masks >= 0.5).astype('uint8')."))
    elif high == 0 and len(masks) >= 4:
        found.append(Finding("masks_empty", f"none of {len(masks)} masks has a single foreground pixel",
                             "the masks were not read, or were divided as integers (1 // 255 is 0)", 0.9,
                             "Look at masks.max() after each step of reading; it must be 1."))
    return found


def check_pairing(case):
    """Compare the counts and sizes of images and masks."""
    a, b = case.raw_images, case.raw_masks
    if a is None or b is None or a.ndim < 3 or b.ndim < 3:
        return []
    if len(a) != len(b):
        return [Finding("counts_differ", f"there are {len(a)} images and {len(b)} masks", "a file is missing, or only one of the two was split",
                        0.97, "Pair files by name, and select and shuffle both with the same indices.")]
    if a.shape[1:3] != b.shape[1:3]:
        swapped = " (height and width are swapped)" if a.shape[1:3] == b.shape[2:0:-1] else ""
        return [Finding("sizes_differ", f"images are {a.shape[1]}x{a.shape[2]} pixels and masks {b.shape[1]}x{b.shape[2]}{swapped}",
                        "one of the two was resized, cropped or transposed", 0.95,
                        "Resize images and masks together; masks with cv2.INTER_NEAREST. cv2.resize wants (width, height).")]
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
    sign = np.sign(np.concatenate([fits.ravel(), here])[np.abs(np.concatenate([fits.ravel(), here])) > 0.3].sum()) or 1.0
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
    likely = (
        f"all masks are {counts[0][1]} against their images, so one of the two is read or saved differently" if consistent
        else "augmentation moves the image and leaves the mask where it was, or moves each by its own random draw"
    )
    return [Finding("mask_not_moved", f"in {int(moved.sum())} of {n} pictures the mask fits the image much better when moved: {named}",
                    likely, 0.93 if share > 0.25 else 0.85,
                    "Move image and mask as two channels of one array, with one random draw; then draw the mask's outline on the image.")]


def _shifted(x, m, zoom):
    """Look for masks that fit after a shift: all by the same one, or each picture by its own."""
    n, height, width = x.shape
    spectrum_x, spectrum_m = np.fft.rfft2(x), np.fft.rfft2(m)

    def maps(order):
        return np.fft.fftshift(np.fft.irfft2(spectrum_x * np.conj(spectrum_m[order]), s=(height, width)), axes=(1, 2))

    reach_y, reach_x = height // 3, width // 3
    window = (slice(None), slice(height // 2 - reach_y, height // 2 + reach_y + 1), slice(width // 2 - reach_x, width // 2 + reach_x + 1))
    own, other = maps(np.arange(n))[window], maps((np.arange(n) + 1) % n)[window]
    mean = own.mean(axis=0)
    sign = np.sign(mean.flat[np.abs(mean).argmax()]) or 1.0
    own, other = sign * own, sign * other

    def places(array):
        y, x = np.unravel_index(array.reshape(len(array), -1).argmax(axis=1), array.shape[1:])
        return np.stack([y - reach_y, x - reach_x], axis=1)

    away, still = places(own), own[:, reach_y, reach_x]
    top, chance = own.reshape(n, -1).max(axis=1), other.reshape(n, -1).max(axis=1)
    far = np.hypot(*away.T) >= 2
    sure = top > chance.mean() + 2 * chance.std()
    moved = far & sure & (still < 0.75 * top)
    dy, dx = places((sign * mean)[None])[0]
    gain = own[:, reach_y + dy, reach_x + dx] - still
    together = np.hypot(dy, dx) >= 1.5 and gain.mean() > 6 * gain.std() / np.sqrt(n) and gain.mean() > 0.1 * np.abs(still).mean()
    if together and (gain > 0).mean() > 0.8:
        seen = (f"shifting the masks by {round(dy * zoom):+d} rows and {round(dx * zoom):+d} columns makes them fit better "
                f"in {int((gain > 0).sum())} of {n} pictures")
        likely = "all masks are shifted against their images: cropping or padding of only one of the two, or a resize that rounds"
    elif moved.sum() >= 3 and moved.sum() > 0.2 * n and moved.sum() > 0.5 * sure.sum():
        seen = (f"in {int(moved.sum())} of {n} pictures the mask fits after a shift, by "
                f"{np.median(np.hypot(*away[moved].T)) * zoom:.0f} pixels in the median, each in its own direction")
        likely = "augmentation shifts the image and leaves the mask where it was, or moves each by its own random draw"
    else:
        return []
    return [Finding("mask_not_moved", seen, likely, 0.9,
                    "Move image and mask as two channels of one array; then draw the mask's outline on the image.")]


def _shuffled(x, m):
    """Look for masks that fit the image of another pair."""
    n = len(x)
    if n < 8:
        return []
    table = x.reshape(n, -1) @ m.reshape(n, -1).T
    own = np.diag(table)
    rest = table - np.diag(own) + np.diag(table.mean(axis=1))
    for sign in (1, -1):
        best = (sign * rest).max(axis=1)
        clear = (best > (sign * rest).mean(axis=1) + 4.5 * rest.std(axis=1)) & (best > 0.35) & (sign * own < 0.4 * best)
        if clear.sum() >= 3 and clear.mean() > 0.25:
            partner = (sign * rest).argmax(axis=1)
            return [Finding("pairs_shuffled", f"in {int(clear.sum())} of {n} pictures the mask of another picture fits much better "
                            f"(the image at {int(np.flatnonzero(clear)[0])} and the mask at {int(partner[clear][0])}, for one)",
                            "images and masks were sorted or shuffled separately", 0.94,
                            "Pair files by name, and shuffle with one permutation: images[order], masks[order].")]
    return []


# --- copies between sets ----------------------------------------------------------------------------------------------


def _noise(pictures):
    """Return the noise of each picture, its standard deviation in grey levels. Source: Immerkaer 1996, with a median."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return np.array([np.median(np.abs(cv2.filter2D(np.ascontiguousarray(p, np.float32), -1, kernel))) for p in pictures]) / (6 * 0.6745)


def _alike(a, b):
    """Say whether two pictures `[h, w]` are one: equal but for a little noise, or for brightness if noise marks them."""
    if float(a.std()) < 1e-4 or float(b.std()) < 1e-4:
        return False
    difference = float(np.sqrt(np.mean((a - b) ** 2)))
    fine = [p - cv2.GaussianBlur(np.ascontiguousarray(p), (0, 0), 3) for p in (a, b)]
    power = float(np.sqrt((fine[0] ** 2).sum() * (fine[1] ** 2).sum()))
    match = float((fine[0] * fine[1]).sum()) / power if power > 1e-9 else 0.0
    marked = min(_noise([a, b])) > 0.01
    return match > 0.9 and (difference < 0.03 or marked)


def check_copies(case):
    """Look for pictures that stand in both sets: exact, mirrored or turned, or with a little noise added."""
    new, old = case.images, case.training_images
    if new is None or old is None or new.shape[1:] != old.shape[1:]:
        return []
    new_at, old_at = _some(len(new), 1000), _some(len(old), 2000)
    known = {}
    for j in range(len(old)):
        if old[j].std() > 1e-4:
            known.setdefault(hashlib.blake2b(old[j].tobytes(), digest_size=12).digest(), j)
    exact = {i for i in range(len(new)) if hashlib.blake2b(new[i].tobytes(), digest_size=12).digest() in known}
    moves = {"": lambda a: a, **(MOVES if new.shape[1] == new.shape[2] else dict(list(MOVES.items())[:3]))}
    x, good_x = _details(new[new_at], 32)
    y, good_y = _details(old[old_at], 32)
    flat = y.reshape(len(y), -1)
    near = {}
    for name, move in moves.items():
        table = np.ascontiguousarray(move(x)).reshape(len(x), -1) @ flat.T
        partner = table.argmax(axis=1)
        for i in np.flatnonzero((table.max(axis=1) > 0.85) & good_x):
            a, b = np.ascontiguousarray(move(new[new_at[i]])), old[old_at[partner[i]]]
            if good_y[partner[i]] and new_at[i] not in near and new_at[i] not in exact and _alike(a, b):
                near[new_at[i]] = name
    total = len(exact) + len(near)
    looked = max(len(new_at), len(exact))
    if not exact and total < max(2, 0.01 * looked):
        return []
    turned = sum(bool(name) for name in near.values())
    kinds = [f"{len(exact)} exactly"] * bool(exact) + [f"{turned} mirrored or turned"] * bool(turned)
    kinds += [f"{len(near) - turned} with slightly other grey levels"] * bool(len(near) - turned)
    return [Finding("copies_between_sets", f"{total} of {looked} pictures are also among the training pictures ({', '.join(kinds)})",
                    "the sets were split after copying or augmenting, or by picture where one patient gave several", 0.97,
                    "Split first, by patient or scan, and augment only the training part; a score on copies measures memory.")]


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
    model, found = case.model, []
    layers = _layers(model)
    images = case.raw_images
    if layers and images is not None and images.ndim >= 3:
        height, width = images.shape[1:3]
        wanted = getattr(model, "input_shape", None)
        halvings = sum("Pooling2D" in type(layer).__name__ and "Global" not in type(layer).__name__ for layer in layers)
        strided = [layer for layer in layers if type(layer).__name__ in ("Conv2D", "SeparableConv2D") and max(layer.strides) == 2]
        factor = 2 ** (halvings + len(strided))
        padded = all(getattr(layer, "padding", "same") == "same" for layer in layers if type(layer).__name__ == "Conv2D")
        if factor > 1 and padded and (height % factor or width % factor) and (case.model_error or case.scores is None or _smaller(case)):
            near = sorted({max(factor, s // factor * factor) for s in (height, width)} | {-(-s // factor) * factor for s in (height, width)})
            seen = f"pictures of {height}x{width} pixels, a network that halves {halvings + len(strided)} times"
            found.append(Finding("size_cannot_be_halved", seen + (f", and an error when it is run: {case.model_error}" if case.model_error else ""),
                                 f"{height}x{width} is no multiple of {factor}, so halving rounds, and upsampling does not give back the same size",
                                 0.97, f"Pad or crop pictures and masks to a multiple of {factor} (near yours: {', '.join(map(str, near))}), or lower depth."))
        elif case.model_error and isinstance(wanted, tuple) and len(wanted) == 4:
            found.append(Finding("input_refused", f"images {images.shape}, network input {wanted}: {case.model_error}",
                                 "the network was built for another shape", 0.9, "Give the network pictures of the shape it was built for."))
    found += _output_shape(case)
    found += _output_activation(case, layers)
    return found


def _smaller(case):
    return case.raw_images is not None and case.pred_shape is not None and tuple(case.pred_shape[1:3]) != tuple(case.raw_images.shape[1:3])


def _output_shape(case):
    shape, images = case.pred_shape, case.raw_images
    target = images if images is not None else case.raw_masks
    if shape is None or target is None or len(shape) < 3 or target.ndim < 3:
        return []
    (h, w), (th, tw) = shape[1:3], target.shape[1:3]
    if (h, w) == (th, tw):
        if case.given["y_pred"] and shape[0] != len(target):
            return [Finding("counts_differ", f"{len(target)} images and {shape[0]} predictions", "predictions of another set", 0.9,
                            "Predict the very pictures whose masks you compare with.")]
        return []
    if h > th or w > tw:
        return [Finding("sizes_differ", f"predictions are {h}x{w} pixels, images {th}x{tw}", "predictions of other pictures, or an upsampling too many",
                        0.9, "Predict the very pictures whose masks you compare with.")]
    return [Finding("output_smaller", f"predictions are {h}x{w} pixels, images {th}x{tw}: {th - h} rows and {tw - w} columns are missing",
                    "convolutions without padding, as in the paper, lose two pixels each; or a pooled size was rounded down", 0.95,
                    f"Use padding='same', or cut the masks to their middle: masks[:, {(th - h) // 2}:{(th - h) // 2 + h}, {(tw - w) // 2}:{(tw - w) // 2 + w}].")]


def _output_activation(case, layers):
    scores = case.scores
    last = layers[-1] if layers else None
    end = _activation(last) if last is not None else ""
    before = ""
    if end == "sigmoid" and last is not None:
        try:
            before = _activation(last._inbound_nodes[0].input_tensors[0]._keras_history.operation)
        except (AttributeError, IndexError):
            before = _activation(layers[-2]) if type(last).__name__ == "Activation" and len(layers) > 1 else ""
    found = []
    if before == "relu":
        found.append(Finding("relu_before_sigmoid", "the network applies a ReLU and then a sigmoid",
                             "a ReLU gives 0 or more, and the sigmoid of that is 0.5 or more: background cannot be said", 0.95,
                             "Make the last convolution linear: Conv2D(1, 1), then the sigmoid and nothing between."))
    if end == "softmax" and last.output.shape[-1] == 1:
        found.append(Finding("softmax_of_one_channel", "the network ends in a softmax over one channel",
                             "the softmax of a single number is always 1, so all is foreground and nothing is learned", 0.96,
                             "Use activation='sigmoid' for one channel."))
    if scores is None or not np.isfinite(scores).any():
        if scores is not None:
            found.append(Finding("learning_rate_too_high", "all predictions are NaN", "the weights became NaN, most often by too high a learning rate",
                                 0.8, "Lower the learning rate tenfold, clip the gradient (global_clipnorm=1.0), and check the images for NaN."))
        return found
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    if low < -1e-3 or (high > 1 + 1e-3 and high not in (255.0,)):
        linear = ", and the last layer is linear" if end == "linear" else ""
        outside = float(((scores < 0) | (scores > 1)).mean())
        found.append(Finding("logits_as_probabilities", f"predictions run from {low:.3g} to {high:.3g}, {outside:.0%} of them outside 0..1{linear}",
                             "logits, any number at all, taken for probabilities; 0.5 is then the wrong threshold", 0.95,
                             "End in a sigmoid, or apply keras.ops.sigmoid to the predictions (a logit of 0 is a probability of 0.5)."))
    elif high == 255.0 and set(np.unique(scores[:16]).tolist()) <= {0.0, 255.0}:
        found.append(Finding("prediction_0_255", "predictions hold 0 and 255", "masks saved as 8-bit pictures", 0.8, "y_pred = y_pred > 127."))
    elif end == "linear" and case.asked_model:
        found.append(Finding("logits_as_probabilities", "the network's last layer is linear", "its outputs are logits, not probabilities", 0.8,
                             "Apply keras.ops.sigmoid to the predictions, or end the network in a sigmoid."))
    elif low >= 0.5 and high < 1 + 1e-6 and (scores == 0.5).mean() > 0.05:
        found.append(Finding("relu_before_sigmoid", f"no prediction is below 0.5, and {(scores == 0.5).mean():.0%} are exactly 0.5",
                             "a ReLU before the sigmoid: it gives 0 or more, and the sigmoid of 0 is 0.5", 0.9,
                             "Make the last convolution linear: Conv2D(1, 1), then the sigmoid and nothing between."))
    return found


# --- scores -----------------------------------------------------------------------------------------------------------


class _Scores(NamedTuple):
    """Measurements on predictions: Dice per picture with lesions at 0.5 and at its best, cross-entropies, shares."""

    dice: float
    best: float
    threshold: float
    grey: float
    entropy: float
    base: float
    claimed: float
    share: float
    found: float
    binary: bool
    n: int
    pooled: float
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
    _, grey = _best(inside[some], case.pred_images[some]) if case.pred_images is not None else (0.5, 0.0)
    clipped = np.clip(p, 1e-7, 1 - 1e-7)
    entropy = -float(np.where(inside, np.log(clipped), np.log1p(-clipped)).mean())
    share = float(inside.mean())
    base = -(share * np.log(share) + (1 - share) * np.log1p(-share)) if share < 1 else 0.0
    areas = inside[with_lesions].sum() + found[with_lesions].sum()
    pooled = 2 * float((inside & found)[with_lesions].sum()) / float(areas)
    case.measured = _Scores(
        float(each.mean()), best, threshold, grey, entropy, float(base), float(p.mean()), share, float(found.mean()), binary,
        len(with_lesions), pooled, each, inside[with_lesions].mean(axis=(1, 2)),
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
    return [Finding("pooled_dice", f"pooled over all pixels Dice is {s.pooled:.2f}, the mean per picture {s.dice:.2f}; "
                    f"{lost} of {s.n} pictures with lesions score below 0.1, and the smaller half scores {small.mean():.2f}, the larger {large.mean():.2f}",
                    "small lesions are missed, and a Dice pooled over the batch does not show it, since large discs outvote them", 0.85,
                    "Report Dice per picture, with the score by lesion size; train with a loss per picture and on more small lesions.")]


# --- learning ---------------------------------------------------------------------------------------------------------


def _score_name(curves):
    """Return the name of a score between 0 and 1 in the log, or None."""
    words = ("dice", "iou", "f1", "jaccard")
    return next((k for k in curves if not k.startswith("val_") and any(w in k.lower() for w in words) and "loss" not in k), None)


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
        found.append(Finding("learning_rate_too_high", f"the loss is NaN from epoch {epoch} on{said}",
                             "steps so large that the weights overflowed (if the images hold no NaN)", 0.93,
                             "Lower the learning rate tenfold, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0)."))
    elif loss is not None and len(loss) and (loss[-1] > 3 * max(abs(float(loss.min())), 1e-6) and loss[-1] > loss[0] or loss[-1] > 1e3):
        found.append(Finding("learning_rate_too_high", f"the training loss ends at {loss[-1]:.3g}, after {float(loss.min()):.3g}{said}",
                             "steps so large that each one overshoots", 0.85, "Lower the learning rate tenfold, warm it up, and clip the gradient."))
    negative = [f"{k} falls to {np.nanmin(v):.3g}" for k, v in curves.items() if k.endswith("loss") and np.nanmin(v) < -1.05]
    name = _score_name(curves)
    above = [f"{k} rises to {np.nanmax(v):.3g}" for k, v in curves.items() if name and k in (name, f"val_{name}") and np.nanmax(v) > 1.001]
    high = float(case.raw_masks.max()) if case.raw_masks is not None else 0
    if negative or above:
        cause = "masks_0_255" if high >= 200 or high <= 1 else "masks_not_0_1"
        found.append(Finding(cause, " and ".join((negative + above)[:2]) + ", which masks of 0 and 1 do not allow",
                             "the masks that were trained on are not 0 and 1, most often 0 and 255", 0.85,
                             "masks = (masks > 127).astype('uint8') before training; look at masks.max()."))
    return found


def check_learning(case):
    """Tell apart why a network finds nothing: its threshold, rare foreground, too few steps, or its learning rate."""
    curves, s = case.curves, _measure(case)
    loss = curves.get("loss")
    if loss is not None and (not np.isfinite(loss).all() or loss.min() < -1.05):
        return []
    score = _score_name(curves)
    last = float(np.nanmax([curves[k][-1] for k in (score, f"val_{score}") if k in curves])) if score else None
    if s is not None:
        if not s.binary and s.best - s.dice >= 0.2 and s.best >= max(0.5, s.grey + 0.12):
            return [_wrong_threshold(s)]
        if s.dice >= 0.3:
            return []
        if s.best >= 0.6 or s.binary and loss is None and s.found > 0.25 * s.share:
            return []
    elif loss is None or last is None and len(loss) < 3 or last is not None and last >= 0.35:
        return []
    return _unlearned(case, s, loss)


def _wrong_threshold(s):
    side = "below" if s.threshold < 0.5 else "above"
    return Finding("wrong_threshold", f"at the threshold 0.5 Dice is {s.dice:.2f}, at {s.threshold:.3g} it is {s.best:.2f}: the order of the pixels is right",
                   f"the network has learned, but its probabilities lie {side} 0.5 where they matter: weighted classes, rare foreground, or other pictures than in training",
                   0.9, "Choose the threshold on validation pictures (best_threshold), or train without class weights.")


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
            facts.append(f"the mean probability is {s.claimed:.3g}, the cross-entropy {s.entropy:.3g} where a constant scores {s.base:.3g}")
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
        return [Finding("learning_rate_too_high", seen, "the first steps threw the weights so far that the sigmoid is saturated and passes no gradient back",
                        0.85, "Lower the learning rate tenfold or more, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).")]
    constant = s is None or s.binary or s.entropy < 1.15 * s.base + 0.005
    slow = rate is not None and rate <= 2e-5
    few = steps is not None and steps < 60
    if slow or stuck and not few and not (rare and constant) and fall is not None and fall > -0.02:
        return [Finding("learning_rate_too_low", seen, "the loss hardly moves: every step is far too small", 0.9 if slow else 0.75,
                        "Raise the learning rate tenfold, up to 1e-3 .. 3e-3 for Adam, until the loss falls within the first epoch.")]
    if few or late is not None and late > 0.08 and not (rare and constant and steps and steps > 100):
        return [Finding("too_few_steps", seen, "training was stopped while the network was still learning how much foreground there is, before where",
                        0.85 if few else 0.75, "Train longer: more epochs, smaller batches (each step counts, not each picture), or a higher rate.")]
    if s is not None and s.found > 0.5 * s.share and not rare:
        return []
    if rare:
        return [Finding("imbalance", seen, f"only {share:.2%} of the pixels are foreground, so calling everything background is already cheap, and the loss has settled there",
                        0.85 if loss is not None else 0.6, "Use a loss that looks at overlap (bce_dice_loss), choose crops around lesions, and start the output's bias at the share of foreground.")]
    if s is not None and s.found < 0.1 * s.share:
        return [Finding("too_few_steps", seen, "the network predicts no lesion and has learned little of where they are", 0.5,
                        "Hand in the history as well; train longer, and check the learning rate.")]
    return []


def check_two_modes(case):
    """Compare a network in training and in inference mode: batch normalisation behaves differently in the two."""
    curves = case.curves
    score = _score_name(curves)
    gap = None
    if score and f"val_{score}" in curves:
        train, val = curves[score], curves[f"val_{score}"]
        gap = float(train[-1] - val[-1])
    layers = [layer for layer in _layers(case.model) if type(layer).__name__ == "BatchNormalization"]
    if layers and case.paired and case.raw_images is not None and not case.model_error:
        found = _run_two_modes(case, layers)
        if found or gap is None:
            return found
    if gap is None or not np.isfinite(gap):
        return []
    best_val = float(np.nanmax(val))
    if not case.asked_model and gap > 0.35 and train[-1] > 0.5 and best_val < 0.3:
        return [Finding("batch_normalisation", f"training {score} {train[-1]:.2f}, validation {score} {val[-1]:.2f}, and never above {best_val:.2f}",
                        "batch normalisation whose averages do not fit yet, used for validation and not in training; or validation pictures of another kind", 0.6,
                        "Hand in the model as well. Train longer, lower its momentum to 0.9, use larger batches or group normalisation.")]
    val_loss = curves.get("val_loss")
    if val_loss is not None and len(val_loss) >= 4 and gap > 0.2 and np.nanargmin(val_loss) < len(val_loss) - 2 and val_loss[-1] > 1.25 * np.nanmin(val_loss) > 0:
        return [Finding("overfitting", f"training {score} {train[-1]:.2f}, validation {val[-1]:.2f}; the validation loss was lowest in epoch {int(np.nanargmin(val_loss)) + 1} of {len(val_loss)}",
                        "the network learns the training pictures by heart", 0.75,
                        "More pictures, augmentation, early stopping on the validation score, a smaller network.")]
    return []


def _run_two_modes(case, layers):
    from keras import ops  # only with a model

    usable = _with_lesions(case, 16, least=1)
    if usable is None:
        return []
    images = case.raw_images[usable].astype(np.float32)
    images = images[..., None] if images.ndim == 3 else images
    inside, model = case.masks[usable], case.model
    kept = [np.array(v) for v in model.variables]

    def dice(training, size):
        parts = [ops.convert_to_numpy(model(images[i : i + size], training=training))[..., 0] for i in range(0, len(images), size)]
        return float(_dice(inside, np.concatenate(parts) >= 0.5).mean())

    try:
        infer, batch, single = dice(False, 16), dice(True, 16), dice(True, 1)
    finally:
        for variable, value in zip(model.variables, kept):
            variable.assign(value)
    best = max(batch, single)
    if best - infer < 0.25 or infer > 0.6 * best:
        return []
    momentum = float(layers[0].momentum)
    steps = case.steps
    old = f"; after {steps} steps at momentum {momentum:g} the averages are still {momentum**steps:.0%} of what they started from" if steps else f"; its momentum is {momentum:g}"
    return [Finding("batch_normalisation", f"the same pictures score Dice {best:.2f} in training mode and {infer:.2f} in inference mode ({len(layers)} layers of batch normalisation{old})",
                    "batch normalisation: its running averages do not fit what it saw in training, because of too few steps or of batches too small to average over", 0.95,
                    "Lower its momentum to 0.9, train longer, use batches of 8 and more, or normalise by groups (normalisation='group').")]


# --- another scanner --------------------------------------------------------------------------------------------------


def _contrasts(images, inside):
    """Return, for each picture with lesions, how much brighter they are than a ring around them, grey levels."""
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


def _above(new, old):
    """Return the chance that a value of `new` exceeds one of `old`, 0..1 (0.5: no difference). Source: Mann-Whitney."""
    new, old = np.asarray(new), np.sort(old)
    return float((np.searchsorted(old, new, "left") + np.searchsorted(old, new, "right")).mean() / (2 * len(old)))


def check_scanner(case):
    """Compare the pictures with those of the training: noise, brightness, contrast, lesion size."""
    new, old = case.images, case.training_images
    s = _measure(case)
    if s is not None and s.dice >= 0.85:
        return []
    found = _inverted(case, s)
    if new is None or old is None or len(new) < 8 or len(old) < 8:
        return found
    new_at, old_at = _some(len(new), 100), _some(len(old), 100)
    suffer = "" if s is None else f", and Dice is {s.dice:.2f}"
    a, b = _noise(new[new_at]), _noise(old[old_at])
    before, now = np.median(b), np.median(a)
    if max(_above(a, b), 1 - _above(a, b)) > 0.97 and max(now, before) > 1.4 * min(now, before) + 0.005:
        found.append(Finding("noise_changed", f"the noise is {now:.3f} where it was {before:.3f} in training{suffer}",
                             "another scanner, another exposure, or pictures that were smoothed", 0.88,
                             "Train with the range of noise that will be met (CircleScene(noise=(0.05, 0.3))), or denoise alike everywhere."))
    a, b = new[new_at].mean(axis=(1, 2)), old[old_at].mean(axis=(1, 2))
    if max(_above(a, b), 1 - _above(a, b)) > 0.97 and abs(np.median(a) - np.median(b)) > 0.1 and not case_has(found, "contrast_inverted"):
        found.append(Finding("brightness_changed", f"the mean grey level is {np.median(a):.2f} where it was {np.median(b):.2f} in training{suffer}",
                             "another exposure, or another way of scaling to 0..1", 0.7, "Scale all sets in the same way; train with varied brightness."))
    if case.paired and case.training_masks is not None and case.training_masks.shape == old.shape:
        found += _lesions_changed(case, new_at, old_at, suffer)
    return found


def case_has(found, cause):
    """Say whether a cause is among the findings."""
    return any(finding.cause == cause for finding in found)


def _inverted(case, s):
    """Look for lesions that are dark where the network marks what is bright, or the other way round."""
    if s is None or s.dice > 0.3 or case.pred_images is None:
        return []
    truth, claim = _contrasts(case.pred_images, case.pred_masks), _contrasts(case.pred_images, case.scores[..., 0] >= 0.5)
    if len(truth) < 4 or len(claim) < 4 or min((truth < 0).mean(), (claim > 0).mean()) < 0.9 and min((truth > 0).mean(), (claim < 0).mean()) < 0.9:
        return []
    if min(abs(np.median(truth)), abs(np.median(claim))) < 0.05:
        return []
    return [Finding("contrast_inverted", f"lesions differ from their surroundings by {np.median(truth):+.2f} grey levels, what the network marks by {np.median(claim):+.2f}",
                    "the grey scale is inverted against the training pictures (MONOCHROME1, or a negative)", 0.9,
                    "images = 1 - images, if these are the odd ones; in DICOM files look at PhotometricInterpretation.")]


def _lesions_changed(case, new_at, old_at, suffer):
    found = []
    a = _contrasts(case.images[new_at], case.masks[new_at])
    b = _contrasts(case.training_images[old_at], case.training_masks[old_at])
    if min(len(a), len(b)) >= 6 and min(abs(np.median(a)), abs(np.median(b))) > 0.04:
        if np.sign(np.median(a)) != np.sign(np.median(b)) and max(_above(a, b), 1 - _above(a, b)) > 0.9:
            found.append(Finding("contrast_inverted", f"lesions are {np.median(a):+.2f} grey levels from their surroundings, {np.median(b):+.2f} in training{suffer}",
                                 "the grey scale is inverted (MONOCHROME1 in DICOM, or a negative)", 0.95,
                                 "images = 1 - images for one of the sets; in DICOM files look at PhotometricInterpretation."))
    a, b = _radii(case.masks[new_at]), _radii(case.training_masks[old_at])
    if min(len(a), len(b)) >= 8:
        now, before = np.median(a), np.median(b)
        if max(_above(a, b), 1 - _above(a, b)) > 0.88 and max(now, before) > 1.5 * min(now, before):
            found.append(Finding("size_changed", f"lesions have a median radius of {now:.1f} pixels, {before:.1f} in training{suffer}",
                                 "other lesions, or pictures with another pixel size", 0.86,
                                 "Resample all pictures to one pixel size in millimetres, or train on the sizes that will be met."))
    return found


CHECKS = [
    check_image_values, check_mask_values, check_pairing, check_alignment, check_copies, check_network, check_pooling,
    check_curves, check_learning, check_two_modes, check_scanner,
]
