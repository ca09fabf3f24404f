"""Scores that count objects: which found object is which true one, and what is left over on either side.

Objects are matched within one picture, and counted over all pictures together. Where a share would be 0/0, it is 1 if
there are no objects on either side, and 0 otherwise: to find nothing where nothing is, is right.
"""

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers.instances.targets import check_labels, numbers_of

IOUS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))  # 0.50, 0.55 ... 0.95


class ObjectScores(NamedTuple):
    """How many objects were found (tp), invented (fp) and missed (fn), and the shares that follow, each 0..1.

    precision: tp / (tp + fp); recall: tp / (tp + fn); f1: 2 tp / (2 tp + fp + fn); mean_iou: of the objects found;
    panoptic_quality: mean_iou times f1.
    """

    tp: int
    fp: int
    fn: int
    precision: float
    recall: float
    f1: float
    mean_iou: float
    panoptic_quality: float


def object_ious(y_true, y_pred) -> np.ndarray:
    """Return the IoU of each true object with each found one, `[true objects, found objects]` float64 in 0..1.

    y_true, y_pred: labels of one picture, `[h, w]`. Rows and columns are in the order of the objects' numbers.
    """
    true, row = np.unique(y_true, return_inverse=True)
    found, column = np.unique(y_pred, return_inverse=True)
    pairs = row.ravel() * len(found) + column.ravel()
    overlap = np.bincount(pairs, minlength=len(true) * len(found)).reshape(len(true), len(found))
    union = overlap.sum(axis=1, keepdims=True) + overlap.sum(axis=0) - overlap
    return (overlap / union)[true > 0][:, found > 0]


def match_objects(y_true, y_pred, iou: float = 0.5) -> ObjectScores:
    """Match found objects to true ones, each to at most one, and count what is found, invented and missed.

    y_true, y_pred: labels of the same pictures, as in `check_labels`. A pair may be matched if its IoU is at least
    `iou`, above 0 and at most 1; as many pairs as possible are matched, and among equals those with the largest sum of
    IoU. Raises ValueError for unfit labels, shapes that differ, or such an `iou`.
    Sources: Kuhn 1955 (the assignment); Kirillov et al. 2019 (panoptic quality).
    """
    if isinstance(iou, bool) or not isinstance(iou, Real) or not 0 < iou <= 1:
        raise ValueError(f"iou is {iou!r}; it must lie above 0 and at most at 1, such as 0.5.")
    y_true, y_pred = _check_both(y_true, y_pred)
    matched, missed, invented = [], 0, 0
    for true, pred in zip(y_true, y_pred):
        ious = object_ious(true, pred)
        may = ious >= iou
        # One more pair outweighs any sum of IoU, because the sum over all pairs is at most the smaller side's count.
        worth = np.where(may, ious + min(ious.shape) + 1, 0)
        rows, columns = linear_sum_assignment(worth, maximize=True)
        pairs = ious[rows, columns][may[rows, columns]]
        matched.extend(pairs.tolist())
        missed, invented = missed + len(ious) - len(pairs), invented + ious.shape[1] - len(pairs)
    return _scores(len(matched), invented, missed, sum(matched))


def _scores(tp, fp, fn, total):
    nothing = float(tp + fp + fn == 0)

    def share(part, whole):
        return part / whole if whole else nothing

    f1, mean_iou = share(2 * tp, 2 * tp + fp + fn), share(total, tp)
    return ObjectScores(tp, fp, fn, share(tp, tp + fp), share(tp, tp + fn), f1, mean_iou, f1 * mean_iou)


def average_precision(y_true, y_pred, ious=IOUS) -> float:
    """Return tp / (tp + fp + fn), averaged over several IoU that a match must reach, 0..1.

    y_true, y_pred: as in `match_objects`; ious: by default 0.50, 0.55 ... 0.95. No objects on either side score 1.
    Found objects have no confidence here, so there is no curve to average over: this is the "average precision" of the
    2018 Data Science Bowl and of StarDist, not that of object detection.
    """
    scores = [match_objects(y_true, y_pred, iou) for iou in ious]
    counts = [(s.tp, s.tp + s.fp + s.fn) for s in scores]
    return float(np.mean([tp / all_of_them if all_of_them else 1.0 for tp, all_of_them in counts]))


def count_objects(labels) -> np.ndarray:
    """Return how many objects each picture holds, `[n]` int. labels: as in `check_labels`."""
    return np.array([len(numbers_of(picture)) for picture in check_labels(labels)], int)


def count_error(y_true, y_pred) -> float:
    """Return by how much the number of objects in a picture is wrong, on average (mean absolute error)."""
    y_true, y_pred = _check_both(y_true, y_pred)
    return float(np.abs(count_objects(y_true) - count_objects(y_pred)).mean())


def _check_both(y_true, y_pred):
    y_true, y_pred = check_labels(y_true, "y_true"), check_labels(y_pred, "y_pred")
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_true has the shape {y_true.shape} and y_pred {y_pred.shape}; compare the same pictures.")
    if not len(y_true):
        raise ValueError("there are no pictures; a score needs at least one.")
    return y_true, y_pred
