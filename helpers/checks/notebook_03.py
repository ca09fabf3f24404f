"""Checkers of the exercises of notebook 03."""

import math
from numbers import Real

from helpers.checks.by_hand import Choice, Number, Parts
from helpers.checks.exercises import exercise
from helpers.checks.networks import pretended_training
from helpers.checks.running import Wrong, as_array, call, np, short, verdict


@exercise(
    "steps and batches",
    "The last batch of an epoch is smaller, but it is a step like any other.",
    "How many batches do 1000 pictures fill, the last one, which is not full, included?",
    "62 batches are full. What happens to the 8 pictures that are left?",
    "Multiply the steps of one epoch by the number of epochs: each epoch begins anew.",
    answer=Number(5 * math.ceil(1000 / 16), {
        310: "the last 8 pictures of each epoch would never be used: they form a smaller batch.",
        312.5: "there is no half step: the smaller batch is a step, too.",
        313: "you rounded once, at the end. Each epoch has its own last batch.",
        312: "you rounded once, at the end. Each epoch has its own last batch.",
        63: "that is one epoch; there are five.",
        62: "that is one epoch, and its last batch is missing.",
        80: "you multiplied epochs and batch size. How many batches do 1000 pictures fill?",
        5000: "that is how many pictures are looked at; a step takes 16 of them.",
        80_000: "a step takes 16 pictures at once, so there are fewer steps than pictures.",
    }, tolerance=0, what="the number of steps"),
)
def exercise_3_1(answer):
    """Check a number: 1000 pictures in batches of 16, five epochs."""


@exercise(
    "mirror a pair",
    "Image and mask move together, or not at all.",
    "The image's line shows which axis is mirrored, and which pictures are chosen.",
    "The mask needs the same treatment, with the same `chosen`, so that no other picture's mask moves.",
    "Put masks[chosen] on both sides of a line like the image's, with ::-1 on the axis of the width.",
)
def exercise_3_2(mirror):
    """Check that exactly the chosen pictures and their masks are mirrored left to right; none, all, one, odd sizes."""
    rng = np.random.default_rng(0)
    cases, inputs = [], []
    for on, n, size, chosen in [
        ("three pictures, the first and last chosen", 3, (6, 8), [True, False, True]), ("no picture chosen", 2, (4, 4),
            [False, False]),
        ("odd sizes, all chosen", 2, (5, 7), [True, True]), ("a single picture", 1, (3, 5), [True]),
    ]:
        cases.append(on)
        inputs.append((rng.random((n, *size, 1), dtype=np.float32), rng.integers(0, 2, (n, *size, 1)).astype(np.uint8),
            np.array(chosen)))
    got = []
    for on, (images, masks, chosen) in zip(cases, inputs):
        result = call(mirror, images, masks, chosen, on=on)
        if result is None:
            raise Wrong("missing", "it returns None. Return the images and the masks.")
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise Wrong("type", f"return two things, the images and the masks; yours is a {type(result).__name__}.")
        for name, array, given in zip(("images", "masks"), result, (images, masks)):
            try:
                as_array(array, given.shape, given.dtype.name, on)
            except Wrong as wrong:
                raise Wrong(wrong.kind, f"the {name}: {wrong}") from None
        got.append(tuple(result))

    def by(move_images, move_masks):
        both = []
        for images, masks, chosen in inputs:
            pick = chosen[:, None, None, None]
            both.append((move_images(images, pick), move_masks(masks, pick)))
        return both

    def some(flip):
        return lambda a, pick: np.where(pick, flip(a), a)

    def keep(a, pick):
        return a

    def every(a, pick):
        return a[:, :, ::-1]

    left_right, up_down = some(lambda a: a[:, :, ::-1]), some(lambda a: a[:, ::-1])
    for part, name in ((0, "images"), (1, "masks")):
        verdict([g[part] for g in got], [r[part] for r in by(left_right, left_right)], {
            f"the {name} stay as they were, and the others move: now lesions and their masks are in different places.":
                [r[part] for r in by(keep, keep)],
            f"the {name} are turned upside down: axis 1 is the height, axis 2 the width.":
                [r[part] for r in by(up_down, up_down)],
            f"all {name} are mirrored, and not only the chosen ones.": [r[part] for r in by(every, every)],
            f"the {name} of the batch are put in another order: axis 0 counts the pictures.":
                [r[part] for r in by(lambda a, p: a[::-1], lambda a, p: a[::-1])],
            f"the {name} are turned by half a circle: both axes are mirrored.": [r[part] for r in by(some(lambda a:
                a[:, ::-1, ::-1]), some(lambda a: a[:, ::-1, ::-1]))],
            f"the {name} that were not chosen are mirrored, and the chosen ones are not.":
                [r[part] for r in by(lambda a, p: np.where(p, a, a[:, :, ::-1]), lambda a, p: np.where(p, a, a[:, :,
                    ::-1]))],
        }, cases)


@exercise(
    "which run overfits?",
    "Overfitting is a gap that opens: training goes on rising while validation turns back.",
    "Look at both columns of a run together. Do they part?",
    "A low score is no sign of overfitting. A training score that leaves the validation score behind is.",
    "The network to keep is that of the highest validation score, wherever training went afterwards.",
    answer=Parts({
        "the run": Choice("ABC", {
            "A": "run A: both scores rise together, and the gap between them stays at a point or two. That is a "
                "healthy run.",
            "C": "run C: both scores stay low together. That is underfitting: it has not even learned the training "
                "pictures.",
        }, what="the run"),
        "the epoch": Number(10, {
            40: "the last epoch has the best training score, but training is not what you want to know.",
            20: "by then validation has fallen already.",
            5: "too early: both scores still rise.",
        }, tolerance=0, what="the epoch"),
    }),
)
def exercise_3_3(run, epoch):
    """Check two choices: the run that overfits, and the epoch whose network to keep."""


@exercise(
    "a learning rate by hand",
    "That is the whole schedule: a line up, half a cosine down.",
    "In the second part, first work out how much of it is done: 0 at its start, 1 at the end.",
    "cos runs from 1 to -1 while its argument runs from 0 to pi. How do you make 1 to 0 of it?",
    "Add 1 and halve; then multiply by the peak. What is done counts from the end of the warm-up.",
)
def exercise_3_4(rate):
    """Check the rate at the start, in the warm-up, at the peak, half-way and at the end; without warm-up, too."""
    def curve(step, peak, steps, warmup):
        if step < warmup:
            return peak * step / warmup
        return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2

    cases, inputs = [], []
    for on, peak, steps, warmup in [("1000 steps with 100 of warm-up", 0.3, 1000, 100), ("no warm-up", 2.0, 60, 0),
        ("half of it warm-up", 1.0, 7, 3)]:
        for step in sorted({0, 1, warmup // 2, warmup, warmup + 1, (steps + warmup) // 2, steps - 1, steps}):
            cases.append(f"step {step}, {on}")
            inputs.append((step, peak, steps, warmup))
    got = []
    for on, arguments in zip(cases, inputs):
        result = call(rate, *arguments, on=on)
        if result is None:
            raise Wrong("missing", f"on {on} it returns None. Is there a `return` on both sides of the `if`?")
        if isinstance(result, np.ndarray) and result.size == 1:
            result = result.item()
        if isinstance(result, bool) or not isinstance(result, Real):
            raise Wrong("type", f"on {on} it returns {short(result)}, not one number.")
        got.append(float(result))

    def by(rule):
        return [float(rule(*arguments)) for arguments in inputs]

    def late(rule):
        return by(lambda step, peak, steps, warmup: curve(step, peak, steps, warmup) if step < warmup else rule(step,
            peak, steps, warmup))

    if {"CosineDecay", "warmup_cosine"} & set(getattr(getattr(rate, "__code__", None), "co_names", ())):
        raise Wrong("value", "this asks a ready-made schedule. Write the two formulas yourself, without Keras.")
    verdict(got, by(curve), {
        "your cosine goes down and up again: half a circle is pi, and 2 pi is a whole one.": late(lambda s, p, n, w:
            p * (1 + math.cos(2 * math.pi * (s - w) / (n - w))) / 2),
        "the cosine runs below 0: it goes from 1 to -1, and a rate ends at 0.": late(lambda s, p, n, w:
            p * math.cos(math.pi * (s - w) / (n - w))),
        "the rate is twice as high as it should be after the warm-up: 1 + cos starts at 2.": late(lambda s, p, n, w:
            p * (1 + math.cos(math.pi * (s - w) / (n - w)))),
        "the cosine has to start at the end of the warm-up; yours starts at step 0, so the rate jumps.": late(lambda s,
            p, n, w: p * (1 + math.cos(math.pi * s / n)) / 2),
        "the cosine should reach 0 at the last step; you divide by all steps, the warm-up included.": late(lambda s, p,
            n, w: p * (1 + math.cos(math.pi * (s - w) / n)) / 2),
        "that is a straight line down; a cosine is flat at the top and at the end.": late(lambda s, p, n, w:
            p * (1 - (s - w) / (n - w))),
        "the quarter of a cosine is steepest at the end; half a cosine is flat there.": late(lambda s, p, n, w:
            p * math.cos(math.pi / 2 * (s - w) / (n - w))),
        "math.cos takes radians, where half a circle is pi, not 180.": late(lambda s, p, n, w:
            p * (1 + math.cos(180 * (s - w) / (n - w))) / 2),
        "the share that is done is always 0 before the end: // cuts off the fraction.": late(lambda s, p, n, w:
            p * (1 + math.cos(math.pi * ((s - w) // (n - w)))) / 2),
        "there is no warm-up: the rate starts at its peak.": by(lambda s, p, n, w: curve(max(s, w), p, n, w)),
    }, cases)


@exercise(
    "a callback that stops at a goal",
    "Every callback is like this: Keras calls it at a moment, and it looks at the logs or changes the model.",
    "Which method of a callback does Keras call when the validation score of an epoch is known?",
    "The scores stand in the dictionary `logs`; the key is the score's name, with val_ for validation.",
    "The run ends when self.model.stop_training is True. Set it only if the goal is reached.",
)
def exercise_3_5(callback_class):
    """Check, with a pretended model, that it stops at the goal, by validation Dice, and undoes no other stop."""
    if not isinstance(callback_class, type):
        raise Wrong("type", f"hand over the class itself, its name without parentheses, not {short(callback_class)}.")
    import keras

    if not issubclass(callback_class, keras.callbacks.Callback):
        raise Wrong("type", "the class should derive from keras.callbacks.Callback; Keras calls nothing else.")

    def asks(rule):  # what is asked for in every run, if each epoch asks by such a rule of the epochs so far
        return [[stopped or any(bool(rule(goal, rows[: j + 1])) for j in range(i + 1)) for i in range(len(rows))]
                for _, goal, rows, stopped in tests]

    def latest(name, default=-1.0):
        return lambda goal, rows: rows[-1].get(name, default) >= goal

    def row(val_dice, dice=0.5, val_loss=0.45):
        return {"dice": dice, "loss": 0.42, "val_dice": val_dice, "val_loss": val_loss}

    rising = [row(0.2), row(0.7, dice=0.85), row(0.9, dice=0.95), row(0.95, dice=0.97)]
    without = {"dice": 0.5, "loss": 0.42}
    tests = [
        ("a run that passes the goal", 0.8, rising, False),
        ("a run that stays below its goal", 0.96, rising, False),
        ("a run that reaches its goal exactly", 0.9, rising[:3], False),
        ("a run whose first epoch reaches the goal", 0.1, [row(0.3)], False),
        ("a run that is good in one epoch and then bad again", 0.8, [row(0.1), row(0.81), row(0.2)], False),
        ("a run whose training score is past the goal, but not its validation score", 0.8, [row(0.6, dice=0.99)],
            False),
        ("a run with a high validation loss", 0.8, [row(0.3, val_loss=0.95)], False),
        ("a run with a low validation loss", 0.8, [row(0.3, val_loss=0.05)], False),
        ("a run that another callback is stopping", 0.8, [row(0.3)], True),
        ("a run in which an epoch has no validation", 0.8, [without, row(0.3), without], False),
        ("a run without validation, whose training score is past the goal", 0.8, [without | {"dice": 0.9}], False),
    ]
    got = []
    for on, goal, rows, stopped in tests:
        try:
            seen, itself = call(pretended_training(callback_class, goal, rows, stopped), on=on)
        except Wrong as wrong:
            if "validation" in on and "val_dice" not in rows[0] and "KeyError" in str(wrong):
                raise Wrong("raises", "in an epoch without validation there is no val_dice in the logs, and it raises "
                    "KeyError. What does logs.get return then?") from None
            if "validation" in on and "val_dice" not in rows[0] and "TypeError" in str(wrong):
                raise Wrong("raises", "in an epoch without validation logs.get gives None, which cannot be compared. "
                    "Give it a second argument.") from None
            raise
        if itself:
            raise Wrong("value", "you set self.stop_training; it is the model that has to stop, and the callback has "
                "it as self.model.")
        if stopped and not any(seen):
            raise Wrong("value", "below the goal you set stop_training to False. That undoes the stop of another "
                "callback, such as EarlyStopping; set it only when you want to stop.")
        got.append(seen)
    right = asks(latest("val_dice"))

    def explained(i):
        on, goal, rows, _ = tests[i]
        scores = ", ".join(f"{r['val_dice']:g}" if "val_dice" in r else "none" for r in rows)
        does, should = (f"asks to stop after epoch {x.index(True) + 1}" if any(x) else "does not ask to stop" for x in
            (got[i], right[i]))
        return f"on {on} (goal {goal:g}, val_dice {scores}) it {does}; a right callback {should}."

    verdict(got, right, {
        "a run that reaches its goal exactly does not stop: > leaves the goal itself out.":
            asks(lambda goal, rows: rows[-1].get("val_dice", -1.0) > goal),
        "in an epoch without validation it stops: what your logs.get gives then reaches the goal. Give it a second "
            "argument that no goal lies under.": asks(latest("val_dice", 1.0)),
        "in an epoch without validation it stops by the training score. Such an epoch must not stop anything.":
            asks(lambda goal, rows: rows[-1].get("val_dice", rows[-1]["dice"]) >= goal),
        "it stops by the training score. Training pictures are known by heart at some point; look at validation.":
            asks(latest("dice")),
        "it stops by the validation loss. The goal is a Dice, and the key is val_dice.": asks(latest("val_loss")),
        "it stops when the validation loss is below the goal. The goal is a Dice, and the key is val_dice.":
            asks(lambda goal, rows: rows[-1].get("val_loss", 9.0) <= goal),
        "one epoch at the goal is enough, and yours waits for more: compare the Dice of this epoch alone.":
            asks(lambda goal, rows: len(rows) > 1 and latest("val_dice")(goal, rows) and latest("val_dice")(goal,
                rows[:-1])),
        "one epoch at the goal is enough, and yours takes a mean over epochs: compare the Dice of this epoch alone.":
            asks(lambda goal, rows: np.mean([r.get("val_dice", 0.0) for r in rows[-2:]]) >= goal),
        "it asks to stop one epoch too late: the score is known at the end of the epoch, and so is the answer.":
            asks(lambda goal, rows: len(rows) > 1 and latest("val_dice")(goal, rows[:-1])),
        "it stops while the goal is *not* reached. Which way round is the comparison?":
            asks(lambda goal, rows: "val_dice" in rows[-1] and rows[-1]["val_dice"] < goal),
        "it stops while the goal is not reached, and without validation as well. Which way round is the comparison?":
            asks(lambda goal, rows: rows[-1].get("val_dice", -1.0) <= goal),
        "a run that passes its goal is never stopped: it ends when self.model.stop_training is True.":
            asks(lambda goal, rows: False),
        "it stops every run at its first epoch.": asks(lambda goal, rows: True),
        "it does not use the goal that it was given: compare with self.goal.": next((results for results in (asks(
            lambda goal, rows, fixed=fixed / 100: rows[-1].get("val_dice", -1.0) >= fixed) for fixed in range(1, 101))
            if results == got), asks(lambda goal, rows: False)),
    }, tests, explained)
