"""What predictions say about the training: inverted, too wide, too narrow, right at another threshold."""

import cv2
import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.remedies import trial_in_words, dice_with_lesions, try_on_network, try_on_predictions
from helpers.diagnosis.scores import best_on_quantiles, measure
from helpers.diagnosis.shapes import contrasts

LOWEST, HIGHEST = 0.05, 0.95  # a best threshold outside is a symptom and no remedy


def check_predicted(case):
    """Ask whether the predictions become right when they are turned around, widened or cut at another threshold."""
    s = measure(case)
    if s is None or s.dice >= 0.9:
        return []
    p = np.nan_to_num(case.scores[..., 0])
    return _turned_around(case, s, p) or _width(case, s, p) or _threshold(case, s, p)


def _turned_around(case, s, p):
    """Look for probabilities of the background, and for lesions dark where the network marks what is bright."""
    if s.dice > 0.35:
        return []
    other = try_on_predictions(case, p < 0.5)
    upside_down = other is not None and other[1] > max(0.45, s.dice + 0.3, s.gray - 0.1)
    negative = try_on_network(case, lambda images: 1 - images)
    tried = trial_in_words("1 - images", negative)
    if upside_down and not (negative and negative[1] > other[1]):
        words = trial_in_words("1 - y_pred", other)
        seen = (f"the predictions mark {s.found:.0%} of the pixels where {s.share:.0%} are foreground, and what they "
                "leave out fits")
        learned = case.learned.masks if case.learned is not None else None
        if learned is not None and len(learned):
            if learned.mean() > 0.5:
                return [finding("masks_inverted/training", 0.95, f"{seen}; {learned.mean():.0%} are foreground in the "
                                "training masks", tried=words)]
            seen += "; the training masks are not inverted"
            return [finding("prediction_channels/background", 0.9, seen, tried=words)]
        missing = "Hand in the training masks: is foreground 1 there?"
        if case.asked_model and not case.given["y_pred"] and case.pred_shape[-1] == 1:
            return [finding("masks_inverted/training", 0.88, seen, tried=words, missing=missing)]
        sure, rivals, third = 0.8, ["prediction_channels"], []
        if other[1] < 0.8 and not case.asked_model:  # a network that sees a negative also marks all but the lesions
            sure, rivals = 0.7, [*rivals, "contrast_inverted"]
            ask_for = f"{missing} Or the model: then 1 - images is tried."
            third = [finding("contrast_inverted", 0.65, seen, rivals=["masks_inverted"], missing=ask_for)]
        return third + [
            finding("masks_inverted/training", sure, seen, tried=words, rivals=rivals, missing=missing),
            finding(
                "prediction_channels/background", 0.6, seen, tried=words, rivals=["masks_inverted"], missing=missing
            ),
        ]
    return _negative(case, s, p, negative, tried)


def _negative(case, s, p, negative, tried):
    if s.dice > 0.3 or case.pred_images is None:
        return []
    if negative is not None:  # it was tried: nothing more needs to be guessed
        seen = "the network finds the lesions in the negatives of these images"
        worked = negative[1] >= max(0.35, s.dice + 0.2)
        return [finding("contrast_inverted", 0.95, seen, tried=tried)] if worked else []
    truth, claim = contrasts(case.pred_images, case.pred_masks), contrasts(case.pred_images, p >= 0.5)
    if min(len(truth), len(claim)) < 4 or min(abs(np.median(truth)), abs(np.median(claim))) < 0.05:
        return []
    opposite = max(min((truth < 0).mean(), (claim > 0).mean()), min((truth > 0).mean(), (claim < 0).mean()))
    if opposite < 0.9 or s.found > 0.5 or p[p >= 0.5].mean() < 0.7:  # an undecided network marks anything
        return []
    seen = (f"lesions differ from their surroundings by {np.median(truth):+.2f} gray levels, what the network marks by "
            f"{np.median(claim):+.2f}")
    paired = case.learned is not None and case.learned.paired
    before = contrasts(case.learned.images, case.learned.masks) if paired else []
    if len(before) >= 4:
        same = np.median(before) * np.median(truth) > 0
        return [] if same else [finding("contrast_inverted", 0.95, f"{seen}; {np.median(before):+.2f} in training")]
    missing = "Hand in the model, so that 1 - images can be tried, or the training pictures with their masks."
    return [
        finding("contrast_inverted", 0.8, seen, rivals=["masks_inverted"], missing=missing),
        finding("masks_inverted/training", 0.5, seen, rivals=["contrast_inverted"], missing=missing),
    ]


def _width(case, s, p):
    """Erode or dilate what is marked: if that helps more than any threshold, the training masks had other outlines."""
    if s.dice < 0.4 or s.n < 5:
        return []
    found, tries = p >= 0.5, {}
    for k in (-3, -2, -1, 1, 2, 3):
        change = cv2.dilate if k > 0 else cv2.erode
        brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(k) + 1,) * 2)
        moved = np.stack([change(mask.astype(np.uint8), brush) for mask in found]) > 0
        tries[k] = try_on_predictions(case, moved)
    k = max(tries, key=lambda k: tries[k][1])
    before, after = tries[k]
    if after < before + 0.05 or after < s.best + 0.02 or after < 0.75:
        return []
    word = "dilated" if k > 0 else "eroded"
    seen = (f"the predictions mark {s.found:.1%} of the pixels where {s.share:.1%} are foreground; no threshold makes "
            f"them as right as their outlines moved by {abs(k)} pixels")
    tried = trial_in_words(f"predictions {word} by {abs(k)} pixels", tries[k])
    entry = "masks_too_narrow" if k > 0 else "masks_too_wide"
    missing = "Hand in the training pictures with their masks: which of the two sets follows the visible borders?"
    if case.learned is not None and case.learned.paired:
        return [finding(entry, 0.7, seen, tried=tried)]
    other = "masks_too_wide" if k > 0 else "masks_too_narrow"
    return [finding(entry, 0.75, f"{seen} (in training)", tried=tried, rivals=[f"{other} here"], missing=missing)]


def _threshold(case, s, p):
    """Dice at a threshold chosen on one half of the pictures and tried on the other."""
    if s.binary or s.n < 4 or s.best - s.dice < 0.2 or s.best < max(0.5, s.gray + 0.12):
        return []
    half = np.flatnonzero(case.pred_masks.any(axis=(1, 2)))
    threshold, _ = best_on_quantiles(case.pred_masks[half[::2]], p[half[::2]])
    if not LOWEST <= threshold <= HIGHEST:
        return []
    rest = half[1::2]
    result = float(s.each[1::2].mean()), dice_with_lesions(case.pred_masks[rest], p[rest] >= threshold)
    if result[1] < result[0] + 0.15:
        return []
    tried = trial_in_words(f"threshold {threshold:.2g}, chosen on every other picture and tried on the rest", result)
    seen = f"Dice is {s.dice:.2f} at the threshold 0.5 and {s.best:.2f} at {s.threshold:.3g}"
    side = "below" if s.threshold < 0.5 else "above"
    if case.learned is not None and case.learned.raw_masks is not None:
        return [finding("wrong_threshold", 0.9, seen, tried=tried, side=side)]
    missing = "Hand in the training pictures and masks: are the masks 0 and 1 and complete, and are lesions as bright?"
    rivals = ["masks_not_0_1", "labels_incomplete", "lesions_faint", "gray_scale_changed"]
    return [finding("wrong_threshold", 0.66, seen, tried=tried, rivals=rivals, missing=missing, side=side)]


def check_faint(case):
    """The pixels stand in the right order and hardly one is called foreground: what does the network not see?"""
    s = measure(case)
    if s is None or s.binary or s.dice >= 0.6 or s.n < 4 or s.best < max(0.3, s.dice + 0.15, s.gray):
        return []
    if LOWEST <= s.threshold <= HIGHEST:
        return []
    seen = (f"the pixels stand in the right order (Dice {s.best:.2f} at {s.threshold:.1g}), but that threshold is a "
            "symptom: the network is nearly sure that there is nothing")
    missing = "Hand in the training pictures with their masks: are lesions as bright there, and are all of them marked?"
    if case.learned is not None and case.learned.paired:  # then the other checks can tell
        return []
    return [
        finding("lesions_faint/alone", 0.6, seen, rivals=["labels_incomplete", "imbalance"], missing=missing),
        finding("labels_incomplete", 0.55, f"{seen} (in training)", rivals=["lesions_faint"], missing=missing),
    ]
