"""Checkers of the exercises of notebook 01."""

import random

from helpers.checks.by_hand import Letters, Number
from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, as_list, call, np, same, verdict


@exercise(
    "an ellipse and its mask",
    "Image and mask come from the same numbers, so they cannot disagree.",
    "Compare with draw_lesion: how do the two lines that draw differ?",
    "The mask needs a call of its own. Everything about the shape is the same; one thing is not.",
    "What differs is the color: a mask says yes or no, whatever the gray level is.",
)
def exercise_1_1(draw_ellipse):
    """Check that the ellipse is drawn, filled, into tissue and mask, on odd sizes, at the border, over older ones."""
    import cv2

    cases = [
        ("a slanted ellipse", (61, 83), (50, 25), (20, 9), 30, 90, False),
        ("a flat one cut by the border", (61, 83), (3, 40), (24, 8), 0, 200, False),
        ("a long one", (160, 200), (101, 75), (80, 40), 110, 60, False),
        ("a second ellipse over an older one", (61, 83), (60, 20), (10, 14), 45, 120, True),
        ("a gray level of 1", (40, 40), (20, 20), (12, 6), 90, 1, False),
    ]
    for on, size, center, half_axes, angle, level, older in cases:
        tissue, mask = np.zeros((2, *size), np.uint8)
        if older:
            cv2.circle(tissue, (20, 40), 9, 77, cv2.FILLED)
            cv2.circle(mask, (20, 40), 9, 1, cv2.FILLED)
        _check_drawn(draw_ellipse, tissue, mask, (center, half_axes, angle, level), on)
    tissue, mask = np.zeros((2, 61, 83), np.uint8)
    cv2.line(tissue, (2, 5), (80, 9), 90, 3)  # a vessel, as bright as the ellipse: background
    _check_drawn(draw_ellipse, tissue, mask, ((50, 32), (20, 9), 30, 90), "a picture with a vessel as bright as it")
    tissue, mask = np.zeros((2, 61, 83), np.uint8)
    for array, value in ((tissue, 77), (mask, 1)):
        cv2.circle(array, (40, 30), 12, value, cv2.FILLED)
    _check_drawn(draw_ellipse, tissue, mask, ((50, 30), (18, 9), 20, 120), "a lesion that overlaps an older one")


def _check_drawn(draw, tissue, mask, shape, on):
    import cv2

    old_tissue, old_mask = tissue.copy(), mask.copy()
    center, half_axes, angle, level = shape

    def blank(color, *ellipse, thickness=cv2.FILLED):
        return cv2.ellipse(np.zeros_like(mask), *ellipse, 0, 360, color, thickness)

    class Into:  # carries the two arrays past the copying of call, since they are to be changed
        def __call__(self, *arguments):
            return draw(tissue, mask, *arguments)

    into = Into()
    into.__code__ = getattr(draw, "__code__", None)
    if not callable(draw):
        call(draw)
    result = call(into, *shape, on=on)
    true = blank(1, center, half_axes, angle)
    new = (mask != old_mask).astype(np.uint8)
    drawn = (tissue != old_tissue).astype(np.uint8)
    if not new.any() and not drawn.any():
        raise Wrong("missing", "nothing is drawn. Draw into the arrays you are "
            "given" + (", and return nothing." if result is not None else "."))
    if not new.any():
        raise Wrong("missing", "the mask stays empty: an image without its mask teaches a network to find nothing.")
    if not drawn.any():
        raise Wrong("missing", "the tissue stays empty: only the mask shows the ellipse.")
    overlap = (old_mask == 1) & (true == 1)
    if overlap.any() and (mask[overlap] == 2).mean() > 0.5:
        raise Wrong("value", "where two lesions overlap, the mask holds 2. A mask says yes or no: set it to 1, do not "
            "add.")
    if overlap.any() and (mask[overlap] == 0).mean() > 0.5:
        raise Wrong("value", "where two lesions overlap, the mask holds 0. Set it to 1 there as well.")
    if mask.max() > 1:
        raise Wrong("value", f"the mask holds {mask.max()}. A mask says 1 for lesion however bright the lesion is.")
    vessel = (old_tissue != 0) & (old_mask == 0) & (true == 0)
    if vessel.any() and mask[vessel].mean() > 0.5:
        raise Wrong("value", "the mask marks a vessel that has the same gray level as the lesion. A mask cannot be "
            "read off the gray levels: draw it from the center, the half axes and the angle.")
    kept = (old_mask == 1) & (true == 0)
    if (mask < old_mask).any() or kept.any() and (tissue != old_tissue)[kept].mean() > 0.1:  # an edge may differ a bit
        raise Wrong("value", f"on {on}: what was drawn before has been erased.")
    for shown, name in ((new | (overlap & (mask == 1)), "mask"), (drawn, "tissue")):
        if _overlap(shown, true) >= 0.93:
            continue
        for message, slip in {
            "only its outline is drawn, not the inside.": blank(1, center, half_axes, angle, thickness=1),
            "the angle is not used.": blank(1, center, half_axes, 0),
            "the ellipse turns the other way: OpenCV's angles run clockwise.": blank(1, center, half_axes, -angle),
            "the two half axes are swapped.": blank(1, center, half_axes[::-1], angle),
            "row and column of the center are swapped; OpenCV wants (x, y).": blank(1, center[::-1], half_axes, angle),
            "it is twice too large: cv2.ellipse wants half axes.": blank(1, center, (2 * half_axes[0],
                2 * half_axes[1]), angle),
            "it is half as large as it should be: the numbers given are half axes already.": blank(1, center,
                (half_axes[0] // 2, half_axes[1] // 2), angle),
        }.items():
            if _overlap(shown, slip) > 0.97:
                raise Wrong("value", f"on {on}, in the {name}: {message}")
        raise Wrong("value", f"on {on} the {name} shows something other than the whole ellipse.")
    if (new != drawn)[old_mask == 0].any():
        raise Wrong("value", f"on {on} tissue and mask disagree in {(new != drawn).sum()} pixels; use the same "
            "numbers for both.")
    if (tissue[drawn == 1] != level).any():
        raise Wrong("value", f"on {on} the tissue should show the gray level {level}; it shows "
            f"{tissue[drawn == 1][0]}.")


def _overlap(a, b):
    """Return the Dice of two masks, as plain as can be."""
    return 2 * np.count_nonzero(a & b) / max(np.count_nonzero(a) + np.count_nonzero(b), 1)


@exercise(
    "the Dice of a disc one pixel too small",
    "For a lesion this small, one ring of pixels costs a fifth of the score; for a radius of 50 it would cost 0.02.",
    "The smaller disc lies wholly inside the larger. So how large is the overlap?",
    "Areas grow with the square of the radius, and pi cancels.",
    "Twice the smaller area, divided by the sum of both areas.",
    answer=Number(32 / 41, {
        16 / 25: "that is the intersection over the union. Dice counts the overlap twice and divides by the sum of "
            "both areas.",
        16 / 41: "you forgot the 2: this way two equal masks would score only 0.5.",
        4 / 5: "that is the ratio of the radii. Masks are compared by their areas, which grow with the square.",
        8 / 9: "you put radii where the areas belong. Areas grow with the square of the radius.",
        9 / 25: "that is the share of the lesion that is missed.",
        1: "a mask that is one pixel too small on all sides does not agree with the truth.",
    }, what="the Dice"),
)
def exercise_1_2(answer):
    """Check a number: the Dice of a disc of radius 4 inside one of radius 5."""


@exercise(
    "a mask from a file",
    "Most trouble with masks of one's own starts with 0 and 255, or with gray pixels along smoothed edges.",
    "Three things differ between a stored mask and ours: the values, the type and the number of axes.",
    "Compare with 128 to get yes or no, and think about what type a comparison gives.",
    "After the comparison: .astype(np.uint8) for the type, [..., None] for the last axis.",
)
def exercise_1_3(clean_mask):
    """Check stored masks become `[h, w, 1]` uint8 of 0 and 1: smoothed edges, empty, full, odd sizes, other shapes."""
    ramp = np.arange(256, dtype=np.uint8).reshape(8, 32)
    blob = np.zeros((7, 5), np.uint8)
    blob[2:5, 1:4] = [[60, 130, 60], [128, 255, 127], [90, 200, 10]]
    stored = {
        "a mask with smoothed edges": blob,
        "every gray level from 0 to 255": ramp,
        "an empty mask": np.zeros((3, 4), np.uint8),
        "a mask that is all lesion": np.full((5, 2), 255, np.uint8),
        "a faint mask, 0 to 140": np.array([[0, 140, 100]], np.uint8),
        "a mask of one pixel": np.array([[255]], np.uint8),
    }
    cases = list(stored)
    got = []
    for on in cases:
        result = call(clean_mask, stored[on], on=on)
        result = as_array(result, on=on)
        height, width = stored[on].shape
        if result.shape == (height, width):
            raise Wrong("shape", "the last axis is missing: the course's masks are [height, width, 1], with one "
                "channel.")
        result = as_array(result, (height, width, 1), on=on)
        if result.dtype == bool:
            raise Wrong("dtype", "a comparison gives True and False; the course's masks are uint8, 1 and 0.")
        if result.dtype.kind == "f":
            fractions = not np.isin(result, (0, 1)).all()
            raise Wrong("dtype", f"it returns {result.dtype.name}, " + ("with fractions between 0 and 1: a division "
                "keeps the gray of the smoothed edge, and a mask says yes or no." if fractions else
                "and the course's masks are uint8."))
        got.append(as_array(result, dtypes="uint8"))
    if any(g.max() > 1 for g in got):
        raise Wrong("value", f"it still holds {max(g.max() for g in got)}; the course's masks hold 0 and 1.")

    def by(rule):
        return [rule(stored[on].astype(int))[..., None].astype(np.uint8) for on in cases]

    verdict(got, by(lambda s: s >= 128), {
        "pixels of the smoothed edge are lost: only 255 itself becomes 1, and 254 becomes 0. Compare with 128 instead.":
            by(lambda s: s == 255),
        "the lesion grows by its smoothed edge: not every pixel above 0 is more lesion than background.": by(lambda s:
            s > 0),
        "128 counts as lesion, says the task; you compare with > 128.": by(lambda s: s > 128),
        "128 is the smallest value that counts as lesion; yours begins at 127.": by(lambda s: s >= 127),
        "it is upside down: lesions became 0 and background 1.": by(lambda s: s < 128),
        "you compare with a threshold that depends on the picture; a faint or an empty mask then goes wrong.":
            by(lambda s: s > s.max() / 2),
        "you compare with a threshold that depends on the picture; a mask that is all lesion then goes wrong.":
            by(lambda s: s > s.mean()),
    }, cases)


@exercise(
    "a split by patients",
    "Now no patient is on both sides, so the test asks for skill and not for memory.",
    "Draw patients, not pictures. How do you get the list of patients from the list of pictures?",
    "np.unique gives each patient once; the generator's choice draws some of them, without replacement.",
    "np.isin says of each picture whether its patient is among those drawn.",
)
def exercise_1_4(split_patients):
    """Check that whole patients are drawn at random, repeatably from the generator, whatever patients are called."""
    uneven = np.array([3, 3, 3, 3, 3, 3, 3, 3, 8, 8, 1, 5, 3, 8, 12, 12])
    cases = [
        ("pictures of five patients, two to be drawn", uneven, 2),
        ("patients with names", np.array(["li", "ada", "li", "bo", "ada", "cy"]), 1),
        ("four of five patients", uneven, 4),
        ("one picture of each patient", np.arange(7), 3),
        ("two patients, one to be drawn", np.array([4, 4, 9]), 1),
    ]
    for on, patients, n in cases:
        seen = set()
        for seed in range(40 if len(patients) > 2 else 3):
            chosen = _checked_split(split_patients, patients, n, seed, on)
            seen.add(chosen.tobytes())
        if len(patients) > 2 and len(seen) == 1:
            raise Wrong("value", "every generator gives the same split: nothing is drawn at random. Use rng.")
    ever = np.zeros(len(uneven), int)
    for seed in range(400, 600):
        ever += _checked_split(split_patients, uneven, 2, seed, cases[0][0])
    share = ever / 200
    if share.min() < 0.2 or share.max() > 0.6:
        raise Wrong("value", "not every patient has the same chance: those with many pictures, or with certain "
            "numbers, are drawn too often.")


def _checked_split(split, patients, n, seed, on):
    results = []
    for noise in (0, 1):
        np.random.seed(noise)
        random.seed(noise)
        results.append(call(split, patients, n, np.random.default_rng(seed), on=on))
    test = as_list(results[0], on)
    as_array(test, on=on)
    if test.shape != patients.shape:
        raise Wrong("shape", f"on {on} it returns the shape {test.shape}; one True or False is needed for each of the "
            f"{len(patients)} pictures.")
    if test.dtype != bool:
        raise Wrong("dtype", f"it returns {test.dtype.name}; True and False are needed, one for each picture.")
    if not same(*results):
        raise Wrong("value", "the same generator gives two different splits, so your draw does not come from rng. "
            "Global randomness cannot be repeated.")
    both = np.intersect1d(patients[test], patients[~test])
    if len(both):
        raise Wrong("value", f"leakage: on {on}, patient {both[0]} is on both sides. You draw pictures; draw whole "
            "patients.")
    drawn = len(np.unique(patients[test]))
    if drawn == len(np.unique(patients)) - n != n:
        raise Wrong("value", f"on {on} the two sides are swapped: True means test.")
    if drawn < n:
        raise Wrong("value", f"on {on} only {drawn} of {n} patients are drawn. Either the same one is drawn twice, or "
            "what you draw are positions (0, 1, 2 ...) instead of the patients' own numbers or names.")
    if drawn != n:
        raise Wrong("value", f"on {on} {drawn} patients are drawn; n_test is {n}.")
    return test


@exercise(
    "which of these leaks?",
    "Leakage is any way by which test pictures help to choose what is tested, and not copied files alone.",
    "Ask of each: did anything learned from the test pictures flow into the network or into a setting?",
    "There are two ways to leak: a near copy in training, and a decision taken on the test set. Each occurs here.",
    "What is computed from one picture alone, or from training pictures alone, does not leak.",
    answer=Letters(
        "ACE", "ABCDE",
        both="something that you chose does not leak, and something that leaks is not among them. Follow the test "
            "pictures: where does one of them, or a look at its score, come into the work?",
        extra="all that leaks is among them, but something that you chose does not leak: no test picture has any part "
            "in it.",
        missing="all that you chose leaks, but something is missing. A test picture can leak in two ways: a copy or a "
            "near copy of it is trained on, or its score decides something.",
    ),
)
def exercise_1_5(leaks):
    """Check a set of letters. No message names a letter or says how many there are."""
