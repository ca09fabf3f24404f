"""Checkers of the exercises of notebook 08."""

from helpers.checks.by_hand import Choice, Number
from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, as_list, call, np, short, verdict


@exercise(
    "objects found, by hand",
    "A found object counts once, and only if it overlaps a true one enough; everything else is missed or invented.",
    "Which pairs reach an IoU of 0.5? Each true and each found object may be in one pair only.",
    "Count the pairs (TP), the true objects without one (FN) and the found ones without one (FP).",
    "F1 is twice TP, divided by twice TP plus FP plus FN.",
    answer=Number(6 / 9, {
        3 / 6: "that is TP / (TP + FP + FN). F1 counts the TP twice, above and below.",
        3 / 4: "that is recall, TP / (TP + FN): it forgets what was invented.",
        3 / 5: "that is precision, TP / (TP + FP): it forgets what was missed.",
        8 / 9: "you counted every true object that is touched. A pair needs an IoU of at least 0.5, and one of them "
            "has 0.3.",
        4 / 9: "you counted two pairs. An IoU of exactly 0.5 is at least 0.5.",
        (3 / 4 + 3 / 5) / 2: "that is the arithmetic mean of precision and recall; F1 is the harmonic one.",
    }, what="F1"),
)
def exercise_8_1(f1):
    """Check F1 from a table of IoU: 4 true objects, 5 found ones, 3 pairs of at least 0.5."""


@exercise(
    "equation 2, the second term",
    "Large where a pixel lies close to two objects, and nothing where it is far from the second: that is the border.",
    "Add the two distances first, and square their sum.",
    "Below the line stands 2 times sigma squared, and the exponent has a minus.",
    "np.exp of that, times w0. It works for single numbers and for arrays alike.",
)
def exercise_8_2(border_weight):
    """Check the second term on numbers and arrays, at other w0 and sigma."""
    rng = np.random.default_rng(0)
    near, far = np.sort(rng.uniform(1, 15, (2, 4, 5)), axis=0)
    inputs = {
        "a pixel between two objects, d1 = d2 = 1": (np.array([1.0]), np.array([1.0]), 10.0, 5.0),
        "an array of distances": (near, far, 10.0, 5.0), "w0 = 3": (near, far, 3.0, 5.0),
        "sigma = 2": (near / 3, far / 3, 10.0, 2.0), "sigma = 1": (near / 5, far / 5, 1.0, 1.0),
    }
    cases, got = list(inputs), []
    for on in cases:
        result = as_list(call(border_weight, *inputs[on], on=on), on)
        got.append(as_array(result, inputs[on][0].shape, on=on, advice="One weight is needed for each pixel."))
        if got[-1].dtype.kind not in "fiu":
            raise Wrong("dtype", f"on {on} it returns {got[-1].dtype.name}; weights are numbers.")

    def by(rule):
        with np.errstate(all="ignore"):
            return [np.asarray(rule(*arguments)) for arguments in inputs.values()]

    verdict(got, by(lambda a, b, w, s: w * np.exp(-((a + b) ** 2) / (2 * s**2))), {
        "the 2 below the line is missing: divide by 2 times sigma squared.":
            by(lambda a, b, w, s: w * np.exp(-((a + b) ** 2) / s**2)),
        "you add the squares; the formula squares the sum.":
            by(lambda a, b, w, s: w * np.exp(-(a**2 + b**2) / (2 * s**2))),
        "the minus in the exponent is missing: the weight grows with the distance.":
            by(lambda a, b, w, s: w * np.exp((a + b) ** 2 / (2 * s**2))),
        "the sum of the distances is not squared.": by(lambda a, b, w, s: w * np.exp(-(a + b) / (2 * s**2))),
        "sigma is not squared.": by(lambda a, b, w, s: w * np.exp(-((a + b) ** 2) / (2 * s))),
        "w0 is left out.": by(lambda a, b, w, s: np.exp(-((a + b) ** 2) / (2 * s**2))),
        "you added the 1; that belongs to the training, and here the second term alone is asked for.":
            by(lambda a, b, w, s: 1 + w * np.exp(-((a + b) ** 2) / (2 * s**2))),
        "only the nearest object counts in yours. A border needs two: d2 has to be in it.":
            by(lambda a, b, w, s: w * np.exp(-((a + a) ** 2) / (2 * s**2))),
        "only d1 is in it; add d2 before you square.": by(lambda a, b, w, s: w * np.exp(-(a**2) / (2 * s**2))),
        "w0 and sigma are fixed numbers in yours; the function is given them.":
            by(lambda a, b, w, s: 10.0 * np.exp(-((a + b) ** 2) / 50.0)),
    }, cases)


@exercise(
    "how many objects?",
    "The numbers are names: count the different ones, and leave out the background.",
    "Numbers may be missing, so the largest of them is not the count.",
    "np.unique gives the different numbers of one picture. Which of them is no object?",
    "Go through the pictures one by one, and count those of np.unique that are above 0.",
)
def exercise_8_3(count_labels):
    """Check counts on batches with gaps in the numbers, empty pictures, full ones, and an object in two pieces."""
    labels = np.zeros((3, 6, 7, 1), np.int32)
    labels[0, 0:2, 0:2], labels[0, 3:5, 2:4], labels[0, 5, 6] = 1, 2, 3
    gaps, pieces = labels * 4, labels.copy()
    gaps[1, 2, 3:5], gaps[2] = 9, 0
    pieces[1, 0, 0], pieces[1, 5, 5], pieces[2] = 7, 7, 5
    full = np.arange(1, 43, dtype=np.int32).reshape(1, 6, 7, 1)
    inputs = {"numbers 1, 2 and 3, and two empty pictures": labels, "numbers with gaps": gaps,
              "an object in two pieces, and one that fills the picture": pieces, "a picture without background": full,
              "a single empty picture": labels[1:2]}
    cases, got = list(inputs), []
    for on in cases:
        result = as_list(call(count_labels, inputs[on], on=on), on)
        if np.ndim(result) == 0 and isinstance(result, (int, float, np.number)) and len(inputs[on]) > 1:
            raise Wrong("shape", f"on {on} it returns one number, {short(result)}, for all pictures; return one count "
                "for each.")
        result = as_array(np.atleast_1d(result) if isinstance(result, (int, np.integer)) else result, on=on)
        if result.shape != (len(inputs[on]),) or result.dtype.kind not in "iuf":
            raise Wrong("shape", f"on {on} it returns {short(result)}; return one count for each of the "
                f"{len(inputs[on])} pictures.")
        got.append(result.astype(float))

    import cv2

    def by(rule):
        return [np.array([float(rule(one)) for one in batch]) for batch in inputs.values()]

    verdict(got, by(lambda a: len(set(a[a > 0].tolist()))), {
        "the background, 0, is counted as an object.": by(lambda a: len(np.unique(a))),
        "the largest number is not the count: numbers may be missing.": by(lambda a: a.max()),
        "you count pixels; an object has many.": by(lambda a: np.count_nonzero(a)),
        "you take one off without looking whether there is any background; a picture may be full.":
            by(lambda a: len(np.unique(a)) - 1),
        "you count connected pieces. What has one number is one object, and objects that touch are two.":
            by(lambda a: cv2.connectedComponents((a[..., 0] > 0).astype(np.uint8))[0] - 1),
    }, cases)


@exercise(
    "what may be claimed?",
    "Settings from validation, a baseline that was tuned as well, several trainings, and the case in which it failed.",
    "Which of them tuned both methods, and on pictures that were not used for the score?",
    "One training is an anecdote, and so is the best of several.",
    "A claim should also say where the remedy does not help.",
    answer=Choice("ABCDE", {
        "A": "A: the connected components were never tuned, so they say little. Any remedy beats a bad baseline.",
        "B": "B: the settings were chosen on the test pictures, which are no test any more.",
        "D": "D: that is the best of five trainings. Another one would have given another number.",
        "E": "E: Dice counts pixels. A border is a few of them, so two lesions that were merged cost next to nothing.",
    }),
)
def exercise_8_4(letter):
    """Check a choice: the claim that the measurements bear out."""
