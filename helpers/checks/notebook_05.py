"""Checkers of the exercises of notebook 05, and of the rounds through its blind ward."""

from numbers import Real

from helpers.checks.by_hand import Number
from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, call, np, own_randomness, short, verdict
from helpers.printing import say


def _pictures(seed, n=6, side=8):
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, side, side, 1), np.uint8)
    for mask in masks:
        y, x = rng.integers(0, side - 3), rng.integers(0, 2)
        mask[y : y + 3, x : x + 2] = 1
    return (0.2 + 0.5 * masks + rng.normal(0, 0.05, masks.shape)).clip(0, 1).astype(np.float32), masks


def _one_number(result, on, wanted):
    """Return a student's number as a float, or raise `Wrong`."""
    if result is None:
        raise Wrong("missing", "it returns None. Is there a `return` in its last line?")
    if isinstance(result, np.ndarray) and result.size == 1:
        result = result.item()
    if isinstance(result, (bool, np.bool_)) or not isinstance(result, Real):
        raise Wrong("type", f"on {on} it returns {short(result)}; {wanted} is wanted.")
    return float(result)


@exercise(
    "how many masks fit better when mirrored?",
    "One number from images and masks alone, and it finds a mistake that costs weeks.",
    "Lesions are brighter than what is around them. What is the mean gray level under a mask that lies on its lesion?",
    "A mask is mirrored left to right by reversing its third axis: masks[:, :, ::-1].",
    "For each picture with a mask that is not empty, compare two means; the mean of the comparisons is the share.",
)
def exercise_5_1(mirrored_share):
    """Check the share on pictures with some, all and no mirrored masks, with empty masks, and on wide pictures."""
    images, masks = _pictures(0)
    some = images.copy()
    some[:2] = images[:2, :, ::-1]
    wide = np.concatenate([images, images[:, :, :4] * 0 + np.float32(0.2)], axis=2)
    wide_masks = np.concatenate([masks, masks[:, :, :4] * 0], axis=2)
    with_empty = masks.copy()
    with_empty[[1, 4]] = 0
    turned = images[:, ::-1]
    large = np.tile(images, (1, 6, 6, 1)) * 0 + np.float32(0.2)
    large_masks = np.zeros(large.shape, np.uint8)
    large_masks[:, :, :20] = 1
    large[:, :, :24] = 0.9
    inputs = {
        "pictures whose masks lie in their place": (images, masks), "two of six mirrored": (some, masks),
        "all mirrored": (images[:, :, ::-1], masks), "two of six masks empty, two mirrored": (some, with_empty),
        "wide pictures, all mirrored": (wide[:, :, ::-1], wide_masks), "pictures turned upside down": (turned, masks),
        "large lesions": (large, large_masks),
    }
    got = []
    for on, arguments in inputs.items():
        result = call(mirrored_share, *arguments, on=on)
        got.append(_one_number(result, on, "one number, the share of all pictures,"))

    def by(better=lambda here, there: there > here, move=lambda m: m[:, ::-1], skip=True, end=np.mean, mean=None):
        mean = mean or (lambda x, m: x[m > 0].mean() if m.any() else 0.0)
        results = []
        for x, y in inputs.values():
            kept = [better(mean(i, m), mean(i, move(m))) for i, m in zip(x, y) if m.any() or not skip]
            results.append(float(end(kept)))
        return results

    if any(np.isnan(value) for value in got):
        raise Wrong("value", "an empty mask has no mean: it gives NaN. Leave pictures with empty masks out.")
    verdict(got, by(), {
        "empty masks are counted as pictures; they fit nowhere and are to be left out.": by(skip=False),
        "the comparison is the wrong way round: you count the masks that fit in their place.": by(lambda h, t: h > t),
        "the masks are turned upside down, not mirrored left to right.": by(move=lambda m: m[::-1]),
        "the masks are turned by half a turn, not mirrored left to right.": by(move=lambda m: m[::-1, ::-1]),
        "that is how many pictures, not which share of them.": by(end=np.sum),
    }, list(inputs))


@exercise(
    "undo another gray scale",
    "Two numbers from each set, its mean and its spread, undo any scale of the form a + b x.",
    "If new = a + b * old, what are the mean and the standard deviation of new, in terms of those of old?",
    "Take away the mean of the images, divide by their standard deviation: now mean 0 and spread 1 are left.",
    "Multiply by the standard deviation of the reference and add its mean; then np.clip to 0..1.",
)
def exercise_5_2(undo_gray_scale):
    """Check squeezed, stretched, shifted and untouched gray levels, and that the whole set shares one scale."""
    rng = np.random.default_rng(1)
    reference = rng.uniform(0.3, 0.7, (5, 6, 7, 1)).astype(np.float32)
    other = rng.uniform(0.25, 0.75, (4, 6, 7, 1)).astype(np.float32) * np.float32(0.9)
    levels = np.linspace(0.1, 0.9, 4, dtype=np.float32)[:, None, None, None]
    uneven = (levels + rng.normal(0, 0.02, (4, 5, 5, 1))).astype(np.float32)
    inputs = {
        "a squeezed gray scale": (0.3 + 0.3 * other, reference),
        "a shifted gray scale": (other - np.float32(0.1), reference),
        "gray levels that need nothing": (reference, reference),
        "pictures of different brightness": (0.2 + 0.5 * uneven, uneven),
        "a reference that fills 0..1": (0.4 + 0.1 * other, rng.random((5, 6, 7, 1), dtype=np.float32) ** 4),
        "a reference that is mostly bright": (0.4 + 0.1 * other, 1 - rng.random((5, 6, 7, 1), dtype=np.float32) ** 4),
    }
    got = [
        as_array(call(undo_gray_scale, *arguments, on=on), shape=arguments[0].shape, on=on).astype(float)
        for on, arguments in inputs.items()
    ]

    def by(rule, clip=True):
        results = [rule(*(part.astype(float) for part in arguments)) for arguments in inputs.values()]
        return [np.clip(result, 0, 1) for result in results] if clip else results

    def plain(x, r):
        return (x - x.mean()) / x.std() * r.std() + r.mean()

    each = (1, 2, 3)
    right = by(plain)
    got = [r if np.allclose(g, r, atol=1e-4) else g for g, r in zip(got, right)]  # float32 is good enough
    verdict(got, right, {
        "values below 0 or above 1 are left; images are in 0..1.": by(plain, clip=False),
        "only the mean is repaired, not the spread.": by(lambda x, r: x - x.mean() + r.mean()),
        "only the spread is repaired, not the mean.": by(lambda x, r: (x - x.mean()) / x.std() * r.std() + x.mean()),
        "the images are standardized; the reference's spread and mean are still to be put in.":
            by(lambda x, r: (x - x.mean()) / x.std()),
        "images and reference have changed places.": by(lambda x, r: (x - r.mean()) / r.std() * x.std() + x.mean()),
        "each picture gets a scale of its own; then a bright and a dark picture become equal. Use one for the set.":
            by(lambda x, r: (x - x.mean(each, keepdims=True)) / x.std(each, keepdims=True) * r.std() + r.mean()),
        "the variance stands where the standard deviation belongs.":
            by(lambda x, r: (x - x.mean()) / x.var() * r.var() + r.mean()),
        "each set is stretched to its own lowest and highest value; noise decides these.":
            by(lambda x, r: (x - x.min()) / (x.max() - x.min()) * (r.max() - r.min()) + r.min()),
    }, list(inputs))


@exercise(
    "count the copies",
    "Ten lines, run once on every split, spare a retraction.",
    "Compare each new picture with every old one: `any` inside of `sum`.",
    "np.array_equal compares two pictures; a mirrored one is image[:, ::-1].",
    "Count new pictures, not pairs: a picture that has two copies among the old ones still counts once.",
)
def exercise_5_3(count_copies):
    """Check exact and mirrored copies, copies of copies, none, other orders, and pictures that differ in one pixel."""
    rng = np.random.default_rng(2)
    old = rng.random((7, 5, 6, 1), dtype=np.float32)
    new = rng.random((4, 5, 6, 1), dtype=np.float32)
    near = old[:2].copy()
    near[:, 2, 3] += np.float32(0.01)
    inputs = {
        "pictures that share nothing": (new, old), "two copies": (np.concatenate([new[:1], old[4:6]]), old),
        "a mirrored copy": (np.concatenate([new[:2], old[3:4, :, ::-1]]), old),
        "an old picture that is there twice": (old[:1], np.concatenate([old, old[:1]])),
        "the same new picture twice": (np.concatenate([old[:1], old[:1], new]), old),
        "pictures that differ from old ones in one pixel": (near, old), "copies only": (old[::-1], old),
        "pictures turned upside down, which are not asked for": (old[:2, ::-1], old),
    }
    got = []
    for on, arguments in inputs.items():
        result = call(count_copies, *arguments, on=on)
        got.append(_one_number(result, on, "the number of copies"))

    def by(*moves, count=lambda table: table.any(axis=1).sum(), equal=np.array_equal):
        return [
            float(count(np.array([[any(equal(move(n), o) for move in moves) for o in old_] for n in new_])))
            for new_, old_ in inputs.values()
        ]

    def mirror(a):
        return a[:, ::-1]

    def as_is(a):
        return a

    verdict(got, by(as_is, mirror), {
        "mirrored copies are missed.": by(as_is),
        "only mirrored copies are counted; those that were not changed count, too.": by(mirror),
        "pairs are counted: a picture with two copies among the old ones counts once.":
            by(as_is, mirror, count=lambda table: table.sum()),
        "old pictures are counted; how many of the new ones are copies?":
            by(as_is, mirror, count=lambda table: table.any(axis=0).sum()),
        "that is the share of the new pictures, not their number.":
            by(as_is, mirror, count=lambda table: table.any(axis=1).mean()),
        "that is how many are no copies.": by(as_is, mirror, count=lambda table: (~table.any(axis=1)).sum()),
        "pictures that are turned upside down are counted; only those mirrored left to right are asked for.":
            by(as_is, mirror, lambda a: a[::-1]),
        "mirrored means left to right: the second axis of a single picture, not the first.":
            by(as_is, lambda a: a[::-1]),
        "pictures that are only alike are counted; these copies are equal to the last bit.":
            by(as_is, mirror, equal=lambda a, b: np.allclose(a, b, atol=0.05)),
    }, list(inputs))


@exercise(
    "how much of the start is left?",
    "The number tells before any training whether batch normalization will have forgotten its start.",
    "After one step the running average is 0.95 times the old one plus 0.05 times the batch's.",
    "Each step multiplies what is left of the start by the momentum.",
    "That is the momentum to the power of the number of steps; 12 batches an epoch, two epochs.",
    answer=Number(0.95**24, {
        1 - 0.95**24: "that is the share that came from the batches; what is left of the start is asked for.",
        0.95**12: "that is after one epoch; there are two.",
        0.95**2: "epochs are not steps: a running average moves with every batch.",
        0.05**24: "the momentum is the part that is kept, not the part that is replaced.",
        0.95 * 24: "multiplying 24 times by 0.95 is not multiplying by 24 * 0.95.",
        0.99**24: "that is for Keras' own momentum of 0.99; here it is 0.95.",
        0.95**96: "those are pictures, not batches.",
    }, what="the share that is left"),
)
def exercise_5_4(answer):
    """Check the share that is left of the first running average after 24 steps at momentum 0.95."""


def ward_round(ward, number, cause=None, measure=None, treat=None) -> None:
    """Print whether a patient's cause is right, the measurement tells it from its look-alike, and the remedy works.

    ward: from `draw_ward`; number: of the patient, from 1; cause: a name from `ILLNESSES`; measure: a function from a
    patient to a number; treat: a function from a patient to `patient.change(...)`. It may train.
    """
    from helpers.ward import judge  # OpenCV is needed only here

    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(ward):
        print(f"There are patients 1 to {len(ward)}; yours is {number!r}.")
        return
    with own_randomness():
        answers = judge(ward, number, cause, measure, treat)
    for question, right, words in answers:
        state = "to do" if right is None else "right" if right else "not yet"
        say(f"patient {number}, {question}: {state}. {words[0].upper()}{words[1:]}")
