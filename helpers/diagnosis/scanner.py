"""Pictures that differ from those of the training: gray scale, noise, brightness, contrast, lesion and pixel size."""

import cv2
import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.copies import noise_of
from helpers.diagnosis.material import some_of
from helpers.diagnosis.remedies import trial_in_words, try_on_network
from helpers.diagnosis.scores import measure
from helpers.diagnosis.shapes import apart, contrasts, radii


class _Ratio:
    """A property in both sets: its medians, their ratio, and whether the sets lie apart in it."""

    def __init__(self, new, old):
        self.now, self.before = float(np.median(new)), float(np.median(old))
        self.of = self.now / self.before if self.before else 1.0
        self.apart = apart(new, old)


def texture_of(pictures):
    """Return how much of the finest differences is left when 2x2 pixels are averaged: 0.5 for independent noise."""
    fine = noise_of(pictures)
    halves = [cv2.resize(np.ascontiguousarray(p), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for p in pictures]
    coarse = noise_of(halves)
    return coarse / np.maximum(fine, 1e-4)


def spread_of(pictures):
    """Return the distance between the 5th and the 95th percentile of each picture's gray levels."""
    low, high = np.quantile(pictures.reshape(len(pictures), -1), (0.05, 0.95), axis=1)
    return high - low


def check_scanner(case):
    """Compare the pictures with those of the training, one property at a time."""
    s, learned = measure(case), case.learned
    if s is not None and s.dice >= 0.85 or learned is None or case.images is None or learned.images is None:
        return []
    new, old = case.images, learned.images
    if min(len(new), len(old)) < 8:
        return []
    a, b = some_of(len(new), 100), some_of(len(old), 100)
    new, old = new[a], old[b]
    suffer = "" if s is None else f", and Dice is {s.dice:.2f}"
    noise, spread = _Ratio(noise_of(new), noise_of(old)), _Ratio(spread_of(new), spread_of(old))
    light = _Ratio(new.mean(axis=(1, 2)), old.mean(axis=(1, 2)))
    texture = _Ratio(texture_of(new), texture_of(old))
    contrast = size = None
    if case.paired and learned.paired:
        values = contrasts(new, case.masks[a]), contrasts(old, learned.masks[b])
        contrast = _Ratio(*values) if min(map(len, values)) >= 6 else None
        values = radii(case.masks[a]), radii(learned.masks[b])
        size = _Ratio(*values) if min(map(len, values)) >= 8 else None
    if contrast is not None and contrast.now * contrast.before < 0:
        if min(abs(contrast.now), abs(contrast.before)) > 0.04 and contrast.apart > 0.9:
            seen = f"lesions are {contrast.now:+.2f} gray levels from their ring, {contrast.before:+.2f} in training"
            tried = trial_in_words("1 - images", try_on_network(case, lambda images: 1 - images))
            return [finding("contrast_inverted", 0.95, seen + suffer, tried=tried)]
    found = _squeezed(case, s, noise, spread, contrast, light, suffer)
    if found:
        return found
    found = _resized(case, noise, texture, size, suffer) + _faint(noise, spread, contrast, suffer)
    changed = noise.apart > 0.97 and max(noise.now, noise.before) > 1.4 * min(noise.now, noise.before) + 0.005
    if changed and not any(f.cause == "pixel_size_changed" for f in found):
        found.append(_noisy(case, noise, suffer))
    if light.apart > 0.97 and abs(light.now - light.before) > 0.1 and not found:
        seen = f"the mean gray level is {light.now:.2f} where it was {light.before:.2f} in training{suffer}"
        offset = light.now - light.before
        result = try_on_network(case, lambda images: np.clip(images - np.float32(offset), 0, 1))
        tried = trial_in_words(f"images - {offset:.2f}", result)
        found.append(finding("brightness_changed", 0.7, seen, tried=tried))
    return found


def _squeezed(case, s, noise, spread, contrast, light, suffer):
    """Look for one factor by which noise and spread have both changed, and the lesions' contrast, if masks tell it."""
    gains = [noise.of, spread.of]
    if min(gains) <= 0.05 or max(noise.before, noise.now) < 0.004:
        return []
    gain = float(np.exp(np.mean(np.log(gains))))
    if abs(np.log(gain)) < np.log(1.3) or max(gains) > 1.35 * min(gains) or spread.apart < 0.85 or noise.apart < 0.9:
        return []
    offset = light.now - gain * light.before
    agrees = contrast is not None and 1 / 1.4 < contrast.of / gain < 1.4
    seen = f"noise and spread are {noise.of:.2f} and {spread.of:.2f} times those of the training"
    seen += f", the lesions' contrast {contrast.of:.2f} times" if contrast is not None else ""
    tried = try_on_network(case, lambda x: np.clip((x - np.float32(offset)) / np.float32(gain), 0, 1))
    if tried and tried[1] < tried[0] + (-0.02 if agrees else 0.05):  # if all three agree, it need not matter much
        return []
    words = {"gain": f"multiplied by {gain:.2f}", "offset": f"{offset:.2f}", "scale": f"{gain:.2f}"}
    sure = 0.93 if tried and tried[1] > tried[0] + 0.1 else 0.85 if agrees else 0.75
    undo = f"(images - {offset:.2f}) / {gain:.2f}"
    return [finding("gray_scale_changed", sure, seen + suffer, tried=trial_in_words(undo, tried), **words)]


def _resized(case, noise, texture, size, suffer):
    """Look for lesions of another size, and ask the finest texture whether the pixels are of another size, too."""
    if size is None or size.apart < 0.85 or max(size.of, 1 / max(size.of, 1e-6)) < 1.45:
        return []
    ratio = size.of
    coarser = ratio > 1 and texture.apart > 0.9 and texture.of > 1.25
    finer = ratio < 1 and noise.apart > 0.9 and 0.6 < noise.of / ratio < 1.6 or ratio < 1 and texture.of < 0.8
    seen = f"lesions have a median radius of {size.now:.1f} pixels, {size.before:.1f} in training"
    if coarser or finer:
        seen += f"; the noise is {noise.of:.2f} times as strong and its grain has changed by {texture.of:.2f}"
        result = try_on_network(
            case, lambda images: resize(images, 1 / ratio), lambda m: resize(m[..., None], 1 / ratio)[..., 0] > 0.5
        )
        tried = trial_in_words(f"resized by {1 / ratio:.2f}", result)
        words = {"ratio": f"{ratio:.2g}", "back": f"{1 / ratio:.2g}"}
        return [finding("pixel_size_changed", 0.88, seen + suffer, tried=tried, **words)]
    return [finding("size_changed", 0.9, f"{seen}, and the texture is the same{suffer}")]


def resize(pictures, factor):
    """Return pictures `[n, h, w, 1]` resized by a factor, to a multiple of 16 pixels, float32."""
    height, width = (max(16, round(side * factor / 16) * 16) for side in pictures.shape[1:3])
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.stack([cv2.resize(p.astype(np.float32), (width, height), interpolation=way) for p in pictures])[..., None]


def _faint(noise, spread, contrast, suffer):
    if contrast is None or not 0 < contrast.of < 0.65 or contrast.apart < 0.85:
        return []
    if not 0.7 < noise.of < 1.4:
        return []
    seen = (f"lesions are {contrast.now:+.2f} gray levels from what is around, {contrast.before:+.2f} in training, "
            f"while the noise is {noise.now:.3f} and {noise.before:.3f}")
    return [finding("lesions_faint", 0.88, seen + suffer)]


def _noisy(case, noise, suffer):
    seen = f"the noise is {noise.now:.3f} where it was {noise.before:.3f} in training{suffer}"
    tried = ""
    if noise.of > 1:
        smooth = lambda x: np.stack([cv2.GaussianBlur(p, (0, 0), 1) for p in x])[..., None]  # noqa: E731
        tried = trial_in_words("smoothed (Gaussian, 1 pixel)", try_on_network(case, smooth))
    return finding("noise_changed", 0.88, seen, tried=tried)
