"""Why has a network not learned? Rare foreground, too few steps, its learning rate."""

import numpy as np

from helpers.diagnosis.causes import UNSEEN_LABELS, finding
from helpers.diagnosis.curves import rate_of, score_name
from helpers.diagnosis.scores import measure


def check_learning(case):
    """Tell apart why a network finds nothing: its threshold, rare foreground, too few steps, or its learning rate."""
    curves, s = case.curves, measure(case)
    loss = curves.get("loss")
    if loss is not None and (not np.isfinite(loss).all() or loss.min() < -1.05 or loss.max() > 1e3):
        return []
    rate = rate_of(case)
    if loss is not None and rate is not None and rate >= 0.3 and loss[-1] > 3:  # twice what knowing nothing costs
        seen = f"learning rate {rate:.2g}; the loss went from {loss[0]:.3g} to {loss[-1]:.3g}"
        return [finding("learning_rate_too_high/wild", 0.85, seen)]
    score = score_name(curves)
    last = float(np.nanmax([curves[k][-1] for k in (score, f"val_{score}") if k in curves])) if score else None
    if s is not None:
        if _still_rising(curves, s):
            seen = f"Dice is {s.dice:.2f}, the loss was still falling at the end, and the validation score rising"
            return [_in_doubt(case, "too_few_steps", 0.75, seen)]
        if s.dice >= max(0.3, s.white + 0.1):  # white: what calling everything foreground would score
            return []
        if s.best >= max(0.5, s.gray + 0.12) or s.binary and loss is None and s.found > 0.25 * s.share:
            return []
    elif loss is None or (last is not None and last >= 0.35):
        return []
    elif last is None and (len(loss) < 3 or loss[-1] < 0.5 or loss[-1] < 0.95 * loss[0]):
        return []  # a loss alone says little: its scale is unknown, and a low or falling one is no complaint
    return _unlearned(case, s, loss)


def _still_rising(curves, s):
    """Say whether a run was stopped while both curves were getting better by much in each epoch."""
    loss, val = curves.get("loss"), curves.get(f"val_{score_name(curves)}")
    if loss is None or val is None or len(loss) < 2 or len(val) < 2 or s.dice > 0.65:
        return False
    return loss[-1] < 0.95 * loss[-2] and val[-1] > val[:-1].max() + 0.04


def _in_doubt(case, cause, sure, seen):
    """Make a finding that is less sure if nobody can see what the network was taught with."""
    if case.learned is not None and case.learned.paired:
        return finding(cause, sure, seen)
    missing = "Hand in the training pictures with their masks: labels that do not fit look the same from here."
    return finding(cause, max(0.5, sure - 0.1), seen, rivals=UNSEEN_LABELS, missing=missing)


def _unlearned(case, s, loss):
    """Name the likeliest reason why nothing was learned."""
    share = s.share if s is not None else float(case.masks.mean()) if case.masks is not None else None
    rate, steps = rate_of(case), case.steps
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
    lost = wild and loss is not None and loss[-1] > (1.5 if stuck else 3)  # 3: twice what knowing nothing costs
    if lost or rate is not None and rate >= 0.3 and (stuck or wild):
        return [finding("learning_rate_too_high/stuck", 0.85, seen)]
    settled = s is None or s.binary or s.entropy < 1.15 * s.base + 0.005 or s.found == 0 and s.claimed < 2 * s.share
    slow = rate is not None and rate <= 2e-5
    few = steps is not None and steps < 60
    if slow or stuck and not few and not (rare and settled) and fall > -0.02:
        return [finding("learning_rate_too_low", 0.9, seen) if slow else _in_doubt(case, "learning_rate_too_low", 0.75,
            seen)]
    if few or late is not None and late > 0.08 and not (rare and settled and steps and steps > 100):
        return [finding("too_few_steps", 0.85, seen) if few else _in_doubt(case, "too_few_steps", 0.75, seen)]
    if s is not None and s.found > 0.5 * s.share and not rare:
        return []
    if rare:
        return [finding("imbalance", 0.85 if loss is not None else 0.6, seen, share=f"{share:.2%}")]
    if s is not None and s.found < 0.1 * s.share:
        return [_in_doubt(case, "too_few_steps/unknown", 0.5, seen)]
    return []
