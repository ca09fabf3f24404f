"""Checkers of the exercises of notebook 04."""

import math
import random

from helpers.checks.by_hand import Choice, Number, Parts
from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, as_list, call, np, same, short, verdict


@exercise(
    "precision, recall and Dice by hand",
    "Precision looks along what was marked, recall along what is there, and Dice stands between them.",
    "Write down which pixels are marked (TP and FP) and which are lesion (TP and FN).",
    "Precision divides TP by what was marked, recall divides TP by what is there.",
    "Dice divides twice the TP by both together: marked plus there.",
    answer=Parts({
        "precision": Number(80 / 100, {
            4 / 7: "that is recall; precision divides by what was marked, TP + FP.", 0.5: "that is IoU.",
            0.25: "that is FP over TP.",
        }, what="precision"),
        "recall": Number(80 / 140, {
            0.8: "that is precision; recall divides by what is there, TP + FN.", 0.5: "that is IoU.",
            0.75: "you divided FN by TP.",
        }, what="recall"),
        "Dice": Number(160 / 240, {
            0.5: "that is IoU, TP / (TP + FP + FN). Dice counts the TP twice, above and below.",
            (0.8 + 4 / 7) / 2: "that is the arithmetic mean of precision and recall; Dice is the harmonic one.",
            1 / 3: "you forgot the 2 above the line.",
            1: "you counted the TP twice above the line, but only once below it.",
        }, what="Dice"),
    }, named=True),
)
def exercise_4_1(precision, recall, dice):
    """Check three numbers from TP 80, FP 20, FN 60."""


@exercise(
    "Dice from probabilities",
    "Per image, thresholded, and with a rule for empty masks: that is the Dice this course means.",
    "A score of exactly the threshold counts as lesion. What type does a comparison give?",
    "Sum over the axes of height, width and channel, so that one number for each picture is left.",
    "Where both areas are 0, np.where puts a 1; np.maximum keeps the division from dividing by 0.",
)
def exercise_4_2(my_dice):
    """Check Dice per image on empty masks, one picture, odd sizes, scores at the threshold, and other thresholds."""
    rng = np.random.default_rng(0)
    blob = np.zeros((3, 9, 7, 1), np.uint8)
    blob[0, :2, :2], blob[1, 1:8, 1:6], blob[2, 4, 3] = 1, 1, 1
    scores = np.clip(0.7 * blob + rng.random(blob.shape) * 0.5, 0, 1).astype(np.float32)
    empty = np.zeros((2, 4, 4, 1), np.uint8)
    noise = rng.random((2, 4, 4, 1), dtype=np.float32)
    half = np.full((1, 2, 4, 1), 0.5, np.float32)
    big = np.ones((2, 40, 40, 1), np.uint8)
    big[1, 3:] = 0
    inputs = {
        "three lesions of different size": (blob, scores, 0.5),
        "a threshold of 0.8": (blob, scores, 0.8),
        "one empty truth with marks, one with none": (empty, np.stack([noise[0], 0 * noise[1]]), 0.5),
        "a truth with lesions and no marks": (blob, 0 * scores, 0.5),
        "scores exactly at the threshold": (np.ones((1, 2, 4, 1), np.uint8), half, 0.5),
        "a single picture": (blob[1:2], scores[1:2], 0.5),
        "lesions of more than 255 pixels": (big, big * np.float32(0.9), 0.5),
        "one lone pixel, missed and empty beside":
            (np.eye(1, 4, dtype=np.uint8).reshape(2, 1, 2, 1), np.zeros((2, 1, 2, 1), np.float32), 0.5),
    }
    cases, got = list(inputs), []
    for on in cases:
        result = as_list(call(my_dice, *inputs[on], on=on), on)
        if isinstance(result, (int, float)):
            result = np.float64(result)
        as_array(result, on=on)
        n = len(inputs[on][0])
        if result.shape == ():
            raise Wrong("shape", "one number comes out for all pictures. Did you sum over the batch? Then a big "
                "lesion hides a small one. Return one Dice for each picture.")
        if result.shape != (n,):
            raise Wrong("shape", f"on {on} it returns the shape {result.shape}; one Dice is needed for each of the {n} "
                "pictures. Over which axes do you sum?")
        got.append(result.astype(float))

    axes = (1, 2, 3)

    def by(marks=lambda s, t: s >= t, formula=lambda o, a, b: 2 * o / np.maximum(a + b, 1), both_empty=lambda d, a, b:
        np.where(a + b == 0, 1.0, d)):
        results = []
        for y_true, s, threshold in inputs.values():
            found = np.asarray(marks(s, threshold), float)
            overlap, a, b = (y_true * found).sum(axis=axes), y_true.sum(axis=axes, dtype=float), found.sum(axis=axes)
            with np.errstate(all="ignore"):
                results.append(both_empty(formula(overlap, a, b), a, b))
        return results

    right = by()
    if any(same(g, r) for g, r in zip(got[2:3], right[2:3])) is False and any(np.isnan(g).any() for g in got):
        raise Wrong("value", "two empty masks give 0/0, which is NaN, and one NaN spoils the mean. Which score has it "
            "earned to find nothing where nothing is?")
    verdict(got, right, {
        "two empty masks score 0; to find nothing where there is nothing is right, and scores 1.":
            by(both_empty=lambda d, a, b: d),
        "the scores are used as they are: no threshold is applied.": by(marks=lambda s, t: s),
        "the threshold is fixed at 0.5; the function is given one.": by(marks=lambda s, t: s >= 0.5),
        "a score of exactly the threshold counts as lesion: you compare with >.": by(marks=lambda s, t: s > t),
        "the comparison is the wrong way round: you mark what is below the threshold.": by(marks=lambda s, t: s < t),
        "that is IoU: it divides by the union. Dice divides by the sum of both areas.": by(formula=lambda o, a, b:
            o / np.maximum(a + b - o, 1)),
        "you forgot the 2: equal masks should score 1.": by(formula=lambda o, a, b: o / np.maximum(a + b, 1)),
        "an empty truth always scores 1, whatever is marked; only two empty masks do.": by(both_empty=lambda d, a, b:
            np.where(a == 0, 1.0, d)),
        "an empty prediction always scores 1, whatever is missed; only two empty masks do.": by(both_empty=lambda d, a,
            b: np.where(b == 0, 1.0, d)),
        "that is recall: it divides by the lesion's area only.": by(formula=lambda o, a, b: o / np.maximum(a, 1)),
        "that is precision: it divides by the marked area only.": by(formula=lambda o, a, b: o / np.maximum(b, 1)),
    }, cases)


@exercise(
    "lesions found",
    "Counted by lesions, a small one that is missed weighs as much as a large one.",
    "Which function of OpenCV gives each connected lesion a number of its own? lesion_table uses it.",
    "cv2.connectedComponents counts the background as component 0.",
    "For each label from 1 on: the mean of y_pred inside it is the share that was found.",
)
def exercise_4_3(count_found):
    """Check (found, total): no lesion, all missed, exactly half, diagonal contact, marks elsewhere, odd sizes."""
    true = np.zeros((11, 14, 1), np.uint8)
    true[0:2, 0:4], true[5:9, 5:9], true[10, 13], true[3, 11:13] = 1, 1, 1, 1
    half = np.zeros_like(true)
    half[0:2, 0:2], half[5:9, 5:7], half[3, 11] = 1, 1, 1
    touch = np.zeros_like(true)
    touch[5:6, 5:9], touch[0, 0], touch[10, 13] = 1, 1, 1
    corner = np.zeros((4, 4, 1), np.uint8)
    corner[0:2, 0:2], corner[2:4, 2:4] = 1, 1
    small_first = np.zeros_like(true)
    small_first[10, 13], small_first[3, 11:13] = 1, 1
    inputs = {
        "four lesions, all found": (true, true), "four lesions, three of them exactly half": (true, half),
        "four lesions, most of them touched in few pixels": (true, touch), "four lesions, none found": (true, 0 * true),
        "an empty truth": (0 * true, 0 * true), "an empty truth with marks": (0 * true, true),
        "everything marked": (true, np.ones_like(true)), "two squares that touch at a corner": (corner, corner),
        "only the small lesions found": (true, small_first), "a picture that is all lesion": (np.ones((3, 5, 1),
            np.uint8), np.ones((3, 5, 1), np.uint8)),
    }
    cases, got = list(inputs), []
    for on in cases:
        result = call(count_found, *inputs[on], on=on)
        if result is None:
            raise Wrong("missing", "it returns None. Return how many were found, and how many there are.")
        if not isinstance(result, (tuple, list)) or len(result) != 2 or not all(np.ndim(n) == 0 for n in result):
            raise Wrong("type", f"on {on} it returns {short(result)}; return two numbers, found and total.")
        got.append(tuple(float(n) for n in result))

    import cv2

    def by(rule, background=0, connect=8):
        results = []
        for y_true, y_pred in inputs.values():
            count, labels = cv2.connectedComponents(y_true[..., 0], connectivity=connect)
            shares = [y_pred[..., 0][labels == k].mean() for k in range(1 - background, count) if (labels == k).any()]
            results.append((float(sum(rule(s) for s in shares)), float(len(shares))))
        return results

    def by_union(of_marks=False):
        results = []
        for y_true, y_pred in inputs.values():
            count, labels = cv2.connectedComponents(y_true[..., 0])
            marks = y_pred[..., 0] == 1
            lesions = [labels == k for k in range(1, count)]
            areas = [marks.sum() if of_marks else (one | marks).sum() for one in lesions]
            found = sum((one & marks).sum() >= 0.5 * max(area, 1) for one, area in zip(lesions, areas))
            results.append((float(found), float(len(lesions))))
        return results

    right = by(lambda s: s >= 0.5)
    verdict(got, right, {
        "component 0 is the background; it was counted as a lesion.": by(lambda s: s >= 0.5, background=1),
        "the total counts the background, component 0, as a lesion.": [(f, t + 1) for f, t in right],
        "a lesion of which exactly half is found counts as found: you compare with >.": by(lambda s: s > 0.5),
        "a single pixel is not enough: half of the lesion has to be found.": by(lambda s: s > 0),
        "you ask for the whole lesion; half of it is enough.": by(lambda s: s >= 1),
        "you count pixels; one lesion is one case, whatever its size.": 
            [(float((t & p).sum()), float(t.sum())) for t, p in inputs.values()],
        "the two numbers are swapped: found comes first, then total.": [(t, f) for f, t in right],
        "you count what was missed.": [(t - f, t) for f, t in right],
        "one is taken off what was found, too; only the total counts the background, component 0.":
            [(f - 1, t) for f, t in right],
        "you divide by the union of the lesion and all marks. Asked for is the share of the lesion's own pixels that "
        "are marked; marks elsewhere do not count here.": by_union(),
        "you divide by the number of marked pixels. Asked for is the share of the lesion's own pixels.":
            by_union(of_marks=True),
        "squares that touch at a corner are one lesion: OpenCV counts eight neighbors unless told otherwise.":
            by(lambda s: s >= 0.5, connect=4),
    }, cases)


@exercise(
    "which score to publish?",
    "Test pictures, first look, a threshold chosen elsewhere, every patient alike: and the baseline beside it.",
    "Which of the pictures had nobody looked at before?",
    "Of those on the test set, which used the test set to choose something?",
    "Of those that are left, which one cannot be raised by easy background or by one large lesion?",
    answer=Choice("ABCDE", {
        "A": "A: the validation pictures chose the epoch and the threshold, so their score flatters.",
        "C": "C: twenty thresholds were tried on the test set and the best kept. The test set has become a validation "
            "set.",
        "D": "D: pooled over pixels, a large lesion hides small ones that are missed.",
        "E": "E: pixel accuracy is won by background; all background alone has 0.91.",
    }),
)
def exercise_4_4(letter):
    """Check a choice: the per-image Dice on the test set with the threshold from validation."""


@exercise(
    "a bootstrap interval",
    "Pictures drawn with replacement, a mean each time, and what lies in the middle 95 % of the means.",
    "One repeat: as many scores as there are, drawn with replacement, and their mean.",
    "rng.choice(scores, len(scores)) draws with replacement. Repeat that, and keep the means in a list.",
    "np.quantile of the means, at 0.025 and 0.975.",
)
def exercise_4_5(my_interval):
    """Check intervals whose ends are known: few scores, equal ones, one, many; repeatable from the generator."""
    skewed = np.random.default_rng(1).beta(8, 1, 200)
    inputs = {
        "three scores of 0 and three of 1": (np.array([0.0, 1, 0, 1, 0, 1]), 1), "equal scores": (np.full(9, 0.7), 2),
        "one score": (np.array([0.25]), 3), "200 scores": (skewed, 4), "four times their spread": (skewed * 4 + 1, 5),
    }
    repeats = 4000
    got = {}

    def interval(on, seed, repeats=repeats):
        ends = call(my_interval, inputs[on][0], np.random.default_rng(seed), repeats, on=on)
        return np.array(as_list(ends, on), float)

    for on, (scores, seed) in inputs.items():
        results = []
        for noise in (0, 1):
            np.random.seed(noise)
            random.seed(noise)
            result = as_list(call(my_interval, scores, np.random.default_rng(seed), repeats, on=on), on)
            if result is None:
                raise Wrong("missing", "it returns None. Return the two ends of the interval.")
            if np.shape(result) != (2,):
                raise Wrong("shape", f"on {on} it returns {short(result)}; return two numbers, the lower and the "
                    "upper end.")
            results.append(np.array(result, float))
        if not same(results[0], results[-1]):
            raise Wrong("value", "the same generator gives two different intervals, so your draws do not come from "
                "rng.")
        got[on] = results[0]
    low, high = got["200 scores"]
    if low > high:
        raise Wrong("value", "the ends are swapped: the lower one comes first.")
    if got["three scores of 0 and three of 1"].tolist() == [0.5, 0.5]:
        raise Wrong("value", "the interval has no width: drawn without replacement, the same scores come out in "
            "another order, with the same mean.")
    if max(low, high) < skewed.mean():
        raise Wrong("value", "both ends lie below the mean of the scores. np.percentile counts in percent, from 0 to "
            "100, and np.quantile in shares, from 0 to 1. Which of the two do you call, and with which numbers?")
    width = high - low
    if math.isclose(low, np.quantile(skewed, 0.025), abs_tol=0.03) and math.isclose(high, np.quantile(skewed, 0.975),
        abs_tol=0.03):
        raise Wrong("value", "that is where 95 % of the scores lie. The question is where their mean would lie: draw "
            "again and average.")
    right = 2 * 1.96 * skewed.std() / math.sqrt(len(skewed))
    for factor, message in {
        1 / 1.96: "the interval is half as wide as it should be: that is one standard error to each side, about 68 %.",
        1.645 / 1.96: "the interval covers 90 %: 5 % is cut off on each side. Cut off 2.5 %.",
        math.sqrt(len(skewed)): "that is the spread of the scores themselves, not of their mean.",
        4 / 1.96 / 1.04: "the interval is far too wide: did you take the smallest and largest mean?",
    }.items():
        if abs(width / (right * factor) - 1) < 0.06:
            raise Wrong("value", message)
    if abs(width / right - 1) > 0.09:
        raise Wrong("value", f"on 200 scores the interval is {width / right:.2g} times as wide as it should be. Are "
            "as many scores drawn as there are?")
    means = np.random.default_rng(9).choice(skewed, (repeats, len(skewed))).mean(axis=1)
    if np.abs([low, high] - np.quantile(means, [0.025, 0.975])).max() > 0.05 * right:
        raise Wrong("value", "the two ends do not cut off the same share of the means: 2.5 % belongs to each side.")
    known = {"three scores of 0 and three of 1": (1 / 6, 5 / 6), "equal scores": (0.7, 0.7), "one score": (0.25, 0.25)}
    for on, ends in known.items():
        if not same(got[on], np.array(ends)):
            raise Wrong("value", f"on {on} the ends are not right. Are as many scores drawn as there are, and are 2.5 "
                "% of the means cut off on each side?")
    wide = got["four times their spread"]
    if abs((wide[1] - wide[0]) / (4 * width) - 1) > 0.1:
        raise Wrong("value", "scores that spread four times as much should have an interval four times as wide.")
    if np.array_equal(got["200 scores"], interval("200 scores", 40)):
        raise Wrong("value", "two different generators give the same interval to the last digit, so the draws do not "
            "come from rng. Is there a formula or a generator of its own in your function?")
    single = interval("200 scores", 4, repeats=1)
    if single[0] != single[1]:
        raise Wrong("value", "with repeats=1 there is a single mean, so both ends should be that mean. Yours differ: "
            "is the number of repeats fixed in your function?")
