"""Answer a student: is the cause right, does the measurement tell it from its look-alike, did the remedy work?"""

import math
from numbers import Real

import numpy as np

from helpers.evaluation import dice_per_image
from helpers.ward.illnesses import ILLNESSES
from helpers.ward.rounds import admit, healthy_twin

DRAWN = 3  # patients of each kind on which a measurement is tried


def judge(ward, number, cause=None, measure=None, treat=None) -> list[tuple[str, bool | None, str]]:
    """Return `(question, right or None if unanswered, words)` for the cause, the measurement and the remedy.

    number: of the patient, from 1. measure: from a patient to a number; it is tried on fresh patients with the true
    cause and with its look-alike, and has to tell them apart. treat: from a patient to a changed one
    (`patient.change(...)`); it has to win back half of the Dice that the illness costs, against the true masks.
    """
    truth, patient = ward._causes[number - 1], ward[number - 1]
    answers = [("cause", *_cause(cause, truth))]
    if answers[0][1] is not True:
        later = "name the right cause first."
        return answers + [(name, None, later) for name in ("measurement", "remedy")]
    if measure is None:
        answers.append(("measurement", None, "not handed in."))
    else:
        answers.append(("measurement", *_measurement(measure, truth, ward._seed)))
    if truth == "healthy":
        answers.append(("remedy", True, "the healthy need none."))
    elif treat is None:
        answers.append(("remedy", None, "not handed in."))
    else:
        answers.append(("remedy", *_remedy(treat, truth, patient, healthy_twin(ward._seed, number))))
    return answers


def _cause(cause, truth):
    if cause is None:
        return None, "not named yet."
    if cause not in ILLNESSES:
        return False, f"{cause!r} is not one of the causes: {', '.join(ILLNESSES)}."
    if cause == truth:
        return True, f"{cause}, that is right."
    if cause == "healthy":
        return False, "something is wrong with this patient."
    if truth == "healthy":
        return False, f"nothing speaks for {cause}. Which measurement did you trust, and what is it in the healthy?"
    if ILLNESSES[cause].look_alike == truth or ILLNESSES[truth].look_alike == cause:
        return False, f"not {cause}, but close: which other cause looks like it, and what would tell them apart?"
    return False, f"not {cause}. What would this cause do to data, curves and predictions, and is that so here?"


def _measurement(measure, truth, seed):
    rival = ILLNESSES[truth].look_alike
    values = {}
    for kind in (truth, rival):
        values[kind] = []
        for k in range(DRAWN):
            try:
                value = measure(admit(kind, [seed, 18, k]))
            except Exception as error:
                return False, f"on a fresh patient it raises {type(error).__name__}: {error}"
            if isinstance(value, (np.ndarray, np.generic)) and np.size(value) == 1:
                value = value.item()
            if isinstance(value, (bool, np.bool_)):
                value = int(value)
            if not isinstance(value, Real) or not math.isfinite(value):
                return False, f"it should return one finite number; it returns {str(value)[:40]!r}."
            values[kind].append(float(value))
    here, there = values[truth], values[rival]
    words = f"{_listed(here)} in fresh patients with {truth}, {_listed(there)} with {rival}, its look-alike"
    gap = max(min(here) - max(there), min(there) - max(here))
    spread = max(max(here) - min(here), max(there) - min(there))
    if gap <= 0:
        return False, f"{words}: it does not tell them apart."
    if gap < 0.5 * spread:
        return False, f"{words}: apart, but by less than it varies; chance may turn it around."
    return True, f"{words}: it tells them apart."


def _listed(values):
    return ", ".join(f"{value:.3g}" for value in values)


def _remedy(treat, truth, patient, twin):
    try:
        treated = treat(patient)
        epochs = treated.settings.epochs
        after = true_dice(treated, twin) if epochs <= 80 else None
    except Exception as error:
        return False, f"it cannot be tried: {type(error).__name__}: {str(error)[:120]}"
    if epochs > 80:
        return False, f"it trains for {epochs} epochs; 80 are allowed."
    if truth == "copies_between_sets":
        left = copies_left(treated)
        if left or len(treated.val[0]) < 10:
            n = len(treated.val[0])
            return False, f"{left} copies of training pictures are left among {n} validation pictures."
        return True, f"none of the {len(treated.val[0])} validation pictures is a copy any more."
    if len(treated.val[0]) != len(twin.val[0]):
        return False, "the validation pictures must stay as many, in their order, to be compared with the true masks."
    before, possible = true_dice(patient, twin), true_dice(twin, twin)
    words = f"Dice against the true masks is {after:.2f}, {before:.2f} before; a healthy twin has {possible:.2f}"
    good = after >= before + 0.5 * (possible - before)
    return good, words + (": it works." if good else ": less than half of what was lost is won back.")


def true_dice(patient, twin) -> float:
    """Return the mean Dice of a patient's predictions against the true validation masks of the twin."""
    if len(patient.val[0]) != len(twin.val[0]):
        return math.nan
    found = (patient.y_pred >= patient.settings.threshold).astype(np.uint8)
    return float(dice_per_image(twin.val[1], found).mean())


def copies_left(patient) -> int:
    """Return how many validation pictures are training pictures, as they are or mirrored."""
    known = {image.tobytes() for image in patient.train[0]} | {image[:, ::-1].tobytes() for image in patient.train[0]}
    return sum(np.ascontiguousarray(image).tobytes() in known for image in patient.val[0])
