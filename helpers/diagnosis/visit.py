"""The visit: every check is asked, and what they say is joined and weighed."""

import warnings

import numpy as np

from helpers.diagnosis.alignment import check_alignment
from helpers.diagnosis.causes import EXPLAINS, LEADS_TO, ROOTS, SYMPTOMS
from helpers.diagnosis.copies import check_copies
from helpers.diagnosis.generalizing import check_generalizing
from helpers.diagnosis.given import check_given
from helpers.diagnosis.labels import check_full_and_empty, check_inverted, check_merged, check_size_of_set
from helpers.diagnosis.curves import check_curves
from helpers.diagnosis.learning import check_learning
from helpers.diagnosis.material import Material
from helpers.diagnosis.network import check_network, check_several_classes
from helpers.diagnosis.outlines import check_outlines, check_unmarked
from helpers.diagnosis.predicted import check_faint, check_predicted
from helpers.diagnosis.report import Diagnosis
from helpers.diagnosis.scanner import check_scanner
from helpers.diagnosis.scores import check_pooling, measure
from helpers.diagnosis.values import check_image_values, check_mask_values, check_pairing

DATA_CHECKS = [  # asked about the training pictures, too
    check_given, check_image_values, check_mask_values, check_pairing, check_full_and_empty, check_inverted,
    check_alignment, check_outlines, check_unmarked,
]
CHECKS = [
    *DATA_CHECKS, check_merged, check_copies, check_network, check_predicted, check_faint, check_pooling, check_curves,
    check_learning, check_generalizing, check_scanner, check_size_of_set,
]
ALLOWED_IN_TRAINING = {"sizes_differ"}  # patches are cut from such pictures


def diagnose(images, masks=None, y_pred=None, model=None, history=None, training=None) -> Diagnosis:
    """Look for known mistakes in data, predictions, network and curves, and return findings, most likely first.

    images, masks: the pictures in question, meant to be `[n, h, w, 1]` in 0..1 and in {0, 1}; y_pred: what the network
    says about them, probabilities or masks; model: a Keras model, asked for `y_pred` if that is missing; history: a
    `History`, a dictionary of curves or the rows of a log; training: the pictures the network was trained on,
    `(images, masks)` or images alone, if `images` are others: then copies, a changed scanner and overfitting are
    looked for, and the training pictures are examined as well. Lists of pictures of differing size are read, too.

    Where the measurement that tells a cause from its look-alikes cannot be made from what was handed in, both are named
    and none is called almost certain. Accepts broken input of every kind and never raises. An empty list means that no
    check was clear, not that all is well. Arrays are not changed; a model that needs to be run gets its state back.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        case = Material(images, masks, y_pred, model, history, training)
        if (several := _ask(check_several_classes, case)):
            findings = [*several, *_ask(check_given, case), *_ask(check_image_values, case), *_ask(check_pairing, case)]
            return Diagnosis(findings, case.looked, case.absent)
        findings = []
        for check in CHECKS:
            findings += _ask(check, case)
        for check in DATA_CHECKS if case.learned is not None else ():
            about = [f for f in _ask(check, case.learned) if f.cause not in ALLOWED_IN_TRAINING]
            findings += [f._replace(seen=f"in the training set, {f.seen}") for f in about]
    measured = _ask(lambda case: [measure(case)], case)
    dice = next((scores.dice for scores in measured if scores is not None), None)
    return Diagnosis(_weigh(_merge(findings)), case.looked, case.absent, dice)


def _ask(check, case):
    try:
        return check(case) or []
    except Exception:  # broken input breaks a check in ways nobody foresees; the other checks still have a say
        return []


def _merge(findings):
    """Join findings of the same cause: the surest one stays and takes over what the others saw."""
    merged = {}
    for found in sorted(findings, key=lambda finding: -finding.sure):
        first = merged.setdefault(found.cause, found)
        if first is not found:
            sure = 1 - (1 - first.sure) * (1 - 0.5 * found.sure)
            if first.rivals:  # the same doubt twice is no certainty
                sure = min(sure, 0.89)
            tried = first.tried or found.tried
            seen = first.seen if first.seen == found.seen else f"{first.seen}; {found.seen}"
            merged[found.cause] = first._replace(seen=seen, sure=max(first.sure, min(sure, 0.99)), tried=tried)
    return list(merged.values())


def _link(findings):
    """Trust a root more if its own symptom is there as well."""
    by_cause = {found.cause: found for found in findings}
    for root, symptoms in LEADS_TO.items():
        there = [by_cause[cause].sure for cause in symptoms if cause in by_cause]
        if root in by_cause and there and by_cause[root].sure >= 0.65:
            found = by_cause[root]
            together = 1 - (1 - found.sure) * (1 - max(there) / 2)
            by_cause[root] = found._replace(sure=max(found.sure, min(0.89, together)))
    return list(by_cause.values())


def _weigh(findings):
    """Trust symptoms less, or leave them out, when a mistake is found that can cause them."""
    findings = _link(findings)
    surest = max((finding.sure for finding in findings if finding.cause in ROOTS), default=0)
    best = sorted(findings, key=lambda finding: -finding.sure)
    explained = set()
    for found in best:
        if found.sure >= 0.85 and found.cause not in explained:
            explained |= EXPLAINS.get(found.cause, set())
    findings = [f for f in findings if f.cause not in explained]
    certain = {finding.cause for finding in findings if finding.sure >= 0.9}
    findings = [f for f in findings if f.sure >= 0.9 or not (f.rivals and certain & set(f.rivals))]
    if surest >= 0.9:
        return [finding for finding in findings if finding.cause not in SYMPTOMS]
    if surest >= 0.75:
        return [f._replace(sure=round(f.sure / 2, 2)) if f.cause in SYMPTOMS else f for f in findings]
    return findings
