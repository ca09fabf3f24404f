"""The visit: every check is asked, and what they say is joined and weighed."""

from helpers.diagnosis.alignment import check_alignment
from helpers.diagnosis.causes import ROOTS, SYMPTOMS
from helpers.diagnosis.copies import check_copies
from helpers.diagnosis.generalizing import check_generalizing
from helpers.diagnosis.learning import check_curves, check_learning
from helpers.diagnosis.material import Material
from helpers.diagnosis.network import check_network
from helpers.diagnosis.report import Diagnosis
from helpers.diagnosis.scanner import check_scanner
from helpers.diagnosis.scores import check_pooling
from helpers.diagnosis.values import check_image_values, check_mask_values, check_pairing


CHECKS = [
    check_image_values, check_mask_values, check_pairing, check_alignment, check_copies, check_network, check_pooling,
    check_curves, check_learning, check_generalizing, check_scanner,
]


def diagnose(images, masks=None, y_pred=None, model=None, history=None, training=None) -> Diagnosis:
    """Look for known mistakes in data, predictions, network and curves, and return findings, most likely first.

    images, masks: the pictures in question, meant to be `[n, h, w, 1]` in 0..1 and in {0, 1}; y_pred: what the network
    says about them, probabilities or masks; model: a Keras model, asked for `y_pred` if that is missing; history: a
    `History`, a dictionary of curves or the rows of a log; training: the pictures the network was trained on,
    `(images, masks)` or images alone, if `images` are others: then copies and a changed scanner are looked for.

    Accepts broken input of every kind and never raises. An empty list means that no check was clear, not that all is
    well. Arrays are not changed; a model that needs to be run gets its state back.
    """
    case = Material(images, masks, y_pred, model, history, training)
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
