"""Objects of test pictures: which are true, whether touching ones should be cut apart, and how many were found."""

import numpy as np

from helpers.instances import average_precision, match_objects
from helpers.own_images.objects import label_objects


def labels_of(pairs, members, touching: bool) -> list:
    """Return the true objects of the chosen pictures, `[h, w]` numbers from 1, or None where there are none to tell.

    Masks of numbered objects keep their numbers. Of other masks the connected pieces are objects, if objects are
    what is looked for (touching), as cells are and membranes are not.
    """
    pieces = [pairs.labels[i] for i in members]
    masks = [pairs.masks[i] for i in members]
    return [label_objects(mask) if labels is None and touching else labels for labels, mask in zip(pieces, masks)]


def choose_splitting(truths, found, min_area: int = 0) -> bool:
    """Return whether cutting touching objects apart finds more of them; decided on validation pictures.

    truths: from `labels_of`; found: their predicted masks, `[h, w]` or `[h, w, 1]`.
    """
    f1 = {split: object_scores(truths, found, min_area, split).get("object F1", 0) for split in (False, True)}
    return f1[True] > f1[False]


def object_scores(truths, found, min_area: int = 0, split: bool = False) -> dict:
    """Return "object F1" (a match needs an IoU of 0.5) and "object AP" over all pictures; nothing without objects.

    truths: from `labels_of`; found: predicted masks; min_area, split: as in `label_objects`.
    """
    some = [(true, mask) for true, mask in zip(truths, found) if true is not None]
    if not any(true.any() for true, _ in some):
        return {}
    height, width = np.max([true.shape for true, _ in some], axis=0)
    both = np.zeros((2, len(some), height, width, 1), np.int32)  # pictures of different sizes, at a common one
    for i, (true, mask) in enumerate(some):
        both[0, i, : true.shape[0], : true.shape[1], 0] = true
        both[1, i, : true.shape[0], : true.shape[1], 0] = label_objects(mask, min_area, split)
    return {"object F1": match_objects(*both).f1, "object AP": average_precision(*both)}
