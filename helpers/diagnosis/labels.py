"""Which pixels do the masks call foreground? Full, empty, inverted, merged and too few masks."""

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.scores import measure
from helpers.diagnosis.shapes import holds_the_frame, is_round, thin_share
from helpers.diagnosis.values import check_image_values


def check_full_and_empty(case):
    """Look for sets in which no picture, or every pixel, is foreground."""
    masks, raw = case.masks, case.raw_masks
    if masks is None or raw is None or not np.isfinite(raw.astype(np.float32)).all():
        return []
    n, high = len(masks), float(raw.max())
    if float(raw.min()) == high == 1 and n >= 2:
        return [finding("masks_full", 0.92, f"every pixel of all {n} masks is 1")]
    if high == 0 and n >= 3:
        return _empty(case, n)
    full = masks.mean(axis=(1, 2)) > 0.999
    if 0.1 < full.mean() < 1 and full.sum() >= 2 and np.median(masks[~full].mean(axis=(1, 2))) < 0.4:
        seen = f"{full.sum()} of {n} masks are foreground in every pixel, the others far less"
        return [finding("masks_full", 0.75, seen)]
    return []


def _empty(case, n):
    """All masks are empty: were they not read, or is there nothing to mark? The network may know."""
    seen = f"none of {n} masks has a single foreground pixel"
    learned = case.learned.masks if case.learned is not None else None
    usual = float(learned.mean()) if learned is not None and learned.any() else None
    if case.scores is None or not np.isfinite(case.scores).all() or case.scores.max() > 1.001:
        missing = "Hand in predictions, or look at the images: do you see objects?"
        return [
            finding("masks_empty", 0.8, seen, rivals=["validation_empty"], missing=missing),
            finding("validation_empty", 0.5, seen, rivals=["masks_empty"], missing=missing),
        ]
    found = float((case.scores >= 0.5).mean())
    words = f"{seen}, and the predictions mark {found:.2%} of the pixels"
    words += f" ({usual:.2%} are foreground in training)" if usual else ""
    if found < 0.1 * (usual or 0.02):
        return [finding("validation_empty", 0.85, words), finding("masks_empty", 0.4, words)]
    return [finding("masks_empty", 0.88, words), finding("validation_empty", 0.3, words)]


def check_inverted(case):
    """Look for masks whose background is compact pieces and whose foreground holds the frame."""
    masks, learned = case.masks, case.learned.masks if case.learned is not None else None
    if masks is None or len(masks) < 4 or case.raw_masks.max() == case.raw_masks.min():
        return []
    share = float(np.median(masks.mean(axis=(1, 2))))
    if learned is not None and len(learned) >= 4 and learned.any() and not learned.all():
        before = float(np.median(learned.mean(axis=(1, 2))))
        if (share - 0.5) * (before - 0.5) < 0 and abs(1 - share - before) < 0.5 * abs(share - before):
            seen = f"{share:.0%} of a picture are foreground in the median, {before:.0%} in the training masks"
            return [finding("masks_inverted" if share > 0.5 else "masks_inverted/training", 0.95, seen)]
    if share < 0.5 or holds_the_frame(masks).mean() < 0.6 or not is_round(~masks[masks.mean(axis=(1, 2)) < 1]):
        return []
    seen = (f"{share:.0%} of a picture are foreground in the median, foreground fills the frame of "
            f"{holds_the_frame(masks).mean():.0%} of the pictures, and what it leaves out are compact pieces")
    missing = "If the compact pieces really are what you do not look for, all is well: draw one mask on its image."
    return [finding("masks_inverted", 0.85, seen, rivals=["a target that surrounds holes"], missing=missing)]


def check_merged(case):
    """Compare how much of the foreground is thin: in these masks, in those of the training, in the predictions."""
    masks, learned = case.masks, case.learned.masks if case.learned is not None else None
    if masks is None or not masks.any() or masks.mean() > 0.5:
        return []
    here, found = thin_share(masks), []
    if learned is not None and learned.any() and learned.mean() < 0.5:
        there = thin_share(learned)
        sides = {"these masks": here, "the training masks": there}
        more, less = sorted(sides, key=sides.get, reverse=True)
        if sides[more] > 0.12 and sides[more] > 2.5 * sides[less] + 0.03:
            seen = (f"{sides[more]:.0%} of the foreground are parts thinner than 5 pixels in {more}, {sides[less]:.0%} "
                    f"in {less}")
            found.append(finding("classes_merged", 0.8, seen))
    s = measure(case)
    unread = any(each.sure >= 0.9 for each in check_image_values(case))  # what it says of such pictures means nothing
    if not found and s is not None and s.dice < 0.85 and not s.binary and not unread:
        said = case.scores[..., 0] >= 0.5
        false = said & ~case.pred_masks
        if false.sum() > 0.3 * said.sum() and (said & case.pred_masks).sum() > 0.7 * case.pred_masks.sum():
            thin = thin_share(said)
            if thin > 0.12 and thin > 2.5 * here + 0.03:
                held = (said & case.pred_masks).sum() / case.pred_masks.sum()
                seen = (f"the predictions hold {held:.0%} of the foreground, but {thin:.0%} of what they mark are "
                        f"parts thinner than 5 pixels, {here:.0%} in the masks")
                missing = "Hand in the training masks: are such parts marked there?"
                found.append(finding("classes_merged", 0.72, seen, rivals=["too_few_steps"], missing=missing))
    return found


def check_size_of_set(case):
    """Look for a set, used for judging, in which so few pictures hold lesions that chance decides the score."""
    s = measure(case)
    n = len(case.masks) if case.masks is not None else 0
    judged = case.learned is not None or bool(case.curves)
    learned = len(case.learned.images) if case.learned is not None and case.learned.images is not None else None
    if not n or not judged or n > 9 or (learned is not None and learned < 3 * n):
        return []
    if learned is None and not any(name.startswith("val_") for name in case.curves):
        return []
    seen = f"there are {n} pictures" + (f" beside {learned} for training" if learned else "")
    if s is not None and s.n > 1:
        low, high = s.each.min(), s.each.max()
        seen += f"; their Dice runs from {low:.2f} to {high:.2f}"
    return [finding("validation_too_small", 0.75 if n <= 5 else 0.6, seen)]
