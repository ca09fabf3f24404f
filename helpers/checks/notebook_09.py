"""Checkers of the exercises of notebook 09."""

from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, as_list, call, np, verdict


def _results(function, inputs, shape_of, advice):
    """Return a student's results for all inputs, each an array of the shape that `shape_of` gives."""
    got = []
    for on, arguments in inputs.items():
        result = as_list(call(function, *arguments, on=on), on)
        result = np.float64(result) if isinstance(result, (int, float)) else result
        got.append(as_array(result, shape_of(*arguments), on=on, advice=advice))
    return got


@exercise(
    "softmax",
    "Shares that are positive and add up to one, in the order of the logits.",
    "Two steps: make every number positive, then divide by the sum over the classes.",
    "np.exp makes numbers positive. Which axis holds the classes, and how does keepdims=True help to divide?",
    "np.exp(1000) is infinite. Adding the same number to all logits changes nothing: which one to take off first?",
)
def exercise_9_1(my_softmax):
    """Check softmax over the last axis: one pixel, pictures, equal logits, very large and very small ones."""
    rng = np.random.default_rng(0)
    inputs = {
        "one pixel": (np.array([2.0, 1.0, -1.0]),), "two pictures of 4x5 pixels": (rng.normal(0, 2, (2, 4, 5, 3)),),
        "equal logits": (np.zeros((2, 4)),), "as many pixels as classes": (rng.normal(0, 1, (3, 3)),),
        "logits of 1000": (np.array([[1000.0, 999.0, 0.0]]),), "logits of -1000": (np.array([[-1000.0, -1001.0]]),),
        "a pixel of 1000 beside one of -1000": (np.array([[1000.0, 999.0], [-1000.0, -999.0]]),),
    }
    got = _results(my_softmax, inputs, lambda x: x.shape, "It has one probability for each logit.")

    def by(rule):
        with np.errstate(all="ignore"):
            return [rule(x) for (x,) in inputs.values()]

    def right(x, axis=-1):
        raised = np.exp(x - x.max(axis=axis, keepdims=True))
        return raised / raised.sum(axis=axis, keepdims=True)

    if any("1000" in on and not np.isfinite(one).all() for on, one in zip(inputs, got)):
        raise Wrong("value", "for logits of 1000 or of -1000 it gives NaN or infinity: np.exp runs out of numbers. "
            "Take something off first; what can you take off each pixel's logits without changing its shares?")
    verdict(got, by(right), {
        "that is a sigmoid for each class: the numbers of one pixel do not add up to one.": by(lambda x:
            1 / (1 + np.exp(-np.clip(x, -700, 700)))),
        "you divide by the sum of the whole array: all pixels share one 1. Each pixel needs its own sum.": by(lambda x:
            np.exp(x - x.max()) / np.exp(x - x.max()).sum()),
        "you sum over the first axis; the classes lie along the last one.": by(lambda x: right(x, 0)),
        "you divide the logits by their sum, without np.exp: negative numbers come out.": by(lambda x:
            x / x.sum(axis=-1, keepdims=True)),
        "that marks the largest logit with 1; softmax keeps how much larger it is.": by(lambda x:
            (x == x.max(axis=-1, keepdims=True)).astype(float)),
    }, list(inputs))


@exercise(
    "one-hot, with unmarked pixels",
    "One channel for each class, and nothing in any of them where nobody marked.",
    "For one class k: where is the mask k? That is one channel.",
    "A comparison of [n, h, w, 1] with np.arange(classes) gives all channels at once.",
    "The number 255 is none of 0, 1, 2 ..., so a comparison leaves its pixels 0 by itself.",
)
def exercise_9_2(to_one_hot):
    """Check one-hot masks: all classes, a class that is absent, two classes, five, pixels of 255."""
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 3, (2, 6, 7, 1)).astype(np.uint8)
    holes = masks.copy()
    holes[0, :3], holes[1, 2, 2] = 255, 255
    absent = np.where(masks == 2, 0, masks).astype(np.uint8)
    inputs = {
        "three classes": (masks, 3), "three classes with unmarked pixels": (holes, 3),
        "a picture without class 2": (absent, 3), "two classes": ((masks > 0).astype(np.uint8), 2),
        "five classes, of which three occur": (masks, 5), "one pixel": (masks[:1, :1, :1], 3),
        "nothing marked at all": (np.full_like(masks, 255), 3),
    }
    got = _results(to_one_hot, inputs, lambda m, k: (*m.shape[:3], k), "It has one channel for each class.")

    def by(rule):
        return [np.asarray(rule(m.astype(int), k)).astype(float) for m, k in inputs.values()]

    def shifted(m, k):
        return m == np.arange(1, k + 1)

    verdict([one.astype(float) for one in got], by(lambda m, k: m == np.arange(k)), {
        "an unmarked pixel (255) becomes background. Nobody said so: all its channels are 0.":
            by(lambda m, k: np.where(m == 255, 0, m) == np.arange(k)),
        "an unmarked pixel (255) becomes the last class: it should be 0 in all channels.":
            by(lambda m, k: np.minimum(m, k - 1) == np.arange(k)),
        "the channels begin with class 1; the background, class 0, has a channel, too, the first one.": by(shifted),
        "a 1 stands in every channel but the right one: that is the comparison turned round.":
            by(lambda m, k: m != np.arange(k)),
        "an unmarked pixel has a 1 in every channel; it should be 0 in all of them.":
            by(lambda m, k: (m == np.arange(k)) | (m == 255)),
    }, list(inputs))


@exercise(
    "a weighted cross-entropy",
    "A weighted mean over the pixels that somebody marked: that is all that class weights and the ignore label are.",
    "For each pixel: the probability that was given to its true class. np.take_along_axis picks it.",
    "The surprise is minus its logarithm. Multiply it by the weight of the pixel's true class.",
    "Divide by the sum of the weights that went in. A pixel of 255 has the weight 0 on both sides of the line.",
)
def exercise_9_3(my_loss):
    """Check the weighted mean for equal and unequal weights, unmarked pixels, and a class of weight 0."""
    rng = np.random.default_rng(1)
    mask = rng.integers(0, 3, (5, 6))
    chances = rng.dirichlet((1, 1, 1), (5, 6))
    holes = np.where(rng.random(mask.shape) < 0.4, 255, mask)
    inputs = {
        "equal weights": (mask, chances, np.ones(3)), "weights 1, 2 and 5": (mask, chances, np.array([1.0, 2, 5])),
        "unmarked pixels": (holes, chances, np.ones(3)),
        "unmarked pixels and weights": (holes, chances, np.array([1.0, 2, 5])),
        "a class of weight 0": (mask, chances, np.array([0.0, 1, 1])),
        "two classes": (mask % 2, chances[..., :2] / chances[..., :2].sum(-1, keepdims=True), np.array([1.0, 3])),
        "weights ten times as large": (mask, chances, np.array([10.0, 20, 50])),
    }
    got = _results(my_loss, inputs, lambda *_: (), "The loss is one number.")

    def by(log=np.log, norm="weights", ignore=True, weigh=True, flip=-1, clip=False):
        results = []
        for y, p, w in inputs.values():
            counted = (y != 255) if ignore else np.ones(y.shape, bool)
            y = np.where(y == 255, 0 if not clip else p.shape[-1] - 1, y)
            weight = (w[y] if weigh else 1.0) * counted
            surprise = flip * log(np.take_along_axis(p, y[..., None], -1)[..., 0])
            below = {"weights": weight.sum(), "pixels": y.size, "counted": counted.sum(), "none": 1}[norm]
            results.append(np.float64((weight * surprise).sum() / below))
        return results

    verdict([np.float64(one) for one in got], by(), {
        "pixels of 255 count as background; nobody marked them, so they must not count.": by(ignore=False),
        "pixels of 255 count as the last class; nobody marked them, so they must not count.":
            by(ignore=False, clip=True),
        "you divide by the number of all pixels. A weighted mean divides by the sum of the weights.": by(norm="pixels"),
        "you divide by the number of marked pixels. A weighted mean divides by the sum of the weights.":
            by(norm="counted"),
        "that is the sum; the loss is a mean, so divide by the sum of the weights.": by(norm="none"),
        "the weights have no effect: take each pixel's weight by its true class.": by(weigh=False),
        "the minus is missing: a logarithm of a probability is negative, and a loss is positive.": by(flip=1),
        "you average the probabilities; the surprise is minus their logarithm.": by(log=lambda p: p, flip=1),
        "that is the logarithm to the base 2; the course takes the natural one, np.log.": by(log=np.log2),
    }, list(inputs))


@exercise(
    "recall and precision of each class",
    "Along a row is what was there, along a column what was claimed; the diagonal is where both agree.",
    "The right pixels of class k stand on the diagonal, at [k, k].",
    "All pixels that are class k stand in row k; all that were called class k stand in column k.",
    "np.diag gives the diagonal. Summing over axis 1 adds up each row, over axis 0 each column.",
)
def exercise_9_4(my_scores):
    """Check (recall, precision) from square matrices that are not symmetric."""
    rng = np.random.default_rng(2)
    inputs = {
        "three classes": (np.array([[900, 20, 30], [40, 150, 10], [5, 25, 70]]),),
        "a perfect prediction": (np.diag([9, 4, 2]),), "two classes": (np.array([[50, 10], [30, 10]]),),
        "five classes": (rng.integers(1, 90, (5, 5)),),
    }
    got = []
    for on, arguments in inputs.items():
        result = call(my_scores, *arguments, on=on)
        if result is None:
            raise Wrong("missing", "it returns None. Return recall and precision, two arrays.")
        if not isinstance(result, (tuple, list, np.ndarray)) or len(result) != 2:
            raise Wrong("type", f"on {on} it does not return two things; return recall and precision, in this order.")
        pair = as_array(as_list(list(result), on), (2, len(arguments[0])), on=on,
            advice="Recall and precision have one number for each class.")
        got.append(pair.astype(float))

    def by(recall, precision):
        return [np.array([recall(m), precision(m)], float) for (m,) in inputs.values()]

    def row(m):
        return np.diag(m) / m.sum(axis=1)

    def column(m):
        return np.diag(m) / m.sum(axis=0)

    verdict(got, by(row, column), {
        "the two are swapped: rows are the truth, so recall divides by the sums of the rows.": by(column, row),
        "both are recall; precision divides by what was called that class, the columns.": by(row, row),
        "both are precision; recall divides by what is that class, the rows.": by(column, column),
        "you divide by all pixels: those are shares of the picture. Divide by the pixels of each class.":
            by(lambda m: np.diag(m) / m.sum(), lambda m: np.diag(m) / m.sum()),
        "that is the share of errors; recall and precision are shares of what is right.":
            by(lambda m: 1 - row(m), lambda m: 1 - column(m)),
    }, list(inputs))
