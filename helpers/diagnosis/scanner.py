"""Pictures that differ from those of the training: noise, brightness, contrast, lesion size."""

import cv2
import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.copies import noise_of
from helpers.diagnosis.material import some_of
from helpers.diagnosis.scores import measure


def contrasts(images, inside):
    """Return, for each picture with lesions, how much brighter they are than a ring around them, gray levels."""
    ring = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    values = []
    for image, mask in zip(images, inside):
        around = (cv2.dilate(mask.astype(np.uint8), ring) == 1) & ~mask
        if mask.any() and around.any():
            values.append(float(image[mask].mean() - image[around].mean()))
    return np.array(values)


def radii(inside):
    """Return the radius of each connected lesion as of a disc of the same area, pixels."""
    areas = [cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA] for mask in inside]
    return np.sqrt(np.concatenate(areas) / np.pi) if areas else np.zeros(0)


def apart(new, old):
    """Return the chance that a value of the one set exceeds one of the other, 0.5 (no difference) to 1 (apart).

    Source: Mann and Whitney 1947.
    """
    old = np.sort(old)
    above = float((np.searchsorted(old, new, "left") + np.searchsorted(old, new, "right")).mean() / (2 * len(old)))
    return max(above, 1 - above)


def check_scanner(case):
    """Compare the pictures with those of the training: noise, brightness, contrast, lesion size."""
    s = measure(case)
    if s is not None and s.dice >= 0.85:
        return []
    found = _inverted(case, s)
    new, old = case.images, case.training_images
    if new is None or old is None or len(new) < 8 or len(old) < 8:
        return found
    new_at, old_at = some_of(len(new), 100), some_of(len(old), 100)
    suffer = "" if s is None else f", and Dice is {s.dice:.2f}"
    if case.paired and case.training_masks is not None and case.training_masks.shape == old.shape:
        found += _lesions_changed(case, new_at, old_at, suffer)
    a, b = noise_of(new[new_at]), noise_of(old[old_at])
    now, before = np.median(a), np.median(b)
    if apart(a, b) > 0.97 and max(now, before) > 1.4 * min(now, before) + 0.005:
        seen = f"the noise is {now:.3f} where it was {before:.3f} in training{suffer}"
        found.append(finding("noise_changed", 0.88, seen))
    a, b = new[new_at].mean(axis=(1, 2)), old[old_at].mean(axis=(1, 2))
    now, before = np.median(a), np.median(b)
    inverted = any(finding.cause == "contrast_inverted" for finding in found)
    if apart(a, b) > 0.97 and abs(now - before) > 0.1 and not inverted:
        seen = f"the mean gray level is {now:.2f} where it was {before:.2f} in training{suffer}"
        found.append(finding("brightness_changed", 0.7, seen))
    return found


def _inverted(case, s):
    """Look for lesions that are dark where the network marks what is bright, or the other way round."""
    if s is None or s.dice > 0.3 or case.pred_images is None:
        return []
    truth = contrasts(case.pred_images, case.pred_masks)
    claim = contrasts(case.pred_images, case.scores[..., 0] >= 0.5)
    if min(len(truth), len(claim)) < 4 or min(abs(np.median(truth)), abs(np.median(claim))) < 0.05:
        return []
    opposite = max(min((truth < 0).mean(), (claim > 0).mean()), min((truth > 0).mean(), (claim < 0).mean()))
    if opposite < 0.9:
        return []
    seen = (f"lesions differ from their surroundings by {np.median(truth):+.2f} gray levels, what the network marks by "
            f"{np.median(claim):+.2f}")
    return [finding("contrast_inverted", 0.9, seen)]


def _lesions_changed(case, new_at, old_at, suffer):
    found = []
    a = contrasts(case.images[new_at], case.masks[new_at])
    b = contrasts(case.training_images[old_at], case.training_masks[old_at])
    if min(len(a), len(b)) >= 6:
        now, before = np.median(a), np.median(b)
        if now * before < 0 and min(abs(now), abs(before)) > 0.04 and apart(a, b) > 0.9:
            seen = f"lesions are {now:+.2f} gray levels from their surroundings, {before:+.2f} in training{suffer}"
            found.append(finding("contrast_inverted", 0.95, seen))
    a, b = radii(case.masks[new_at]), radii(case.training_masks[old_at])
    if min(len(a), len(b)) >= 8:
        now, before = np.median(a), np.median(b)
        if apart(a, b) > 0.88 and max(now, before) > 1.5 * min(now, before):
            seen = f"lesions have a median radius of {now:.1f} pixels, {before:.1f} in training{suffer}"
            found.append(finding("size_changed", 0.9, seen))
    return found
