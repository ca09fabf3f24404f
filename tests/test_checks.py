"""The checkers, tested harder than the students: stubs, solutions, mistakes, other right ways, loops, damage."""

import io
import json
import os
import re
import subprocess
import sys
import textwrap
import threading
from contextlib import redirect_stdout

import numpy as np
import pytest
from course import ROOT

sys.path.append(str(ROOT / "benchmarks"))  # at the end: it holds a module `notebooks`, as tools/ does
import mutants  # noqa: E402

from helpers import checks, start  # noqa: E402
from helpers.checks import exercises, machine, running  # noqa: E402

EXERCISES = mutants.exercises()
each = pytest.mark.parametrize("identity", EXERCISES)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    """Each test has a progress file of its own."""
    monkeypatch.setenv("UNET_COURSE_PROGRESS", str(tmp_path / "progress"))
    return tmp_path / "progress" / "progress.json"


def said(identity, answer):
    return mutants.said(EXERCISES[identity], textwrap.dedent(answer))


def printed(function, *arguments):
    text = io.StringIO()
    with redirect_stdout(text):
        function(*arguments)
    return text.getvalue()


# --- every exercise ---------------------------------------------------------------------------------------------------


def test_every_exercise_has_a_checker_and_every_checker_an_exercise():
    assert set(EXERCISES) == set(checks.EXERCISES)
    for notebook in "1234589":
        assert sum(identity.startswith(notebook) for identity in EXERCISES) >= 4


@each
def test_the_folded_solution_passes(identity, own_progress):
    assert said(identity, EXERCISES[identity].solution).startswith(f"solved: exercise {identity}")
    assert json.loads(own_progress.read_text()) == {identity: "solved"}


@each
def test_the_stub_is_to_do_and_leaves_no_trace(identity, own_progress):
    assert said(identity, EXERCISES[identity].stub).startswith(f"to do: exercise {identity}")
    assert not own_progress.exists()


@each
def test_hints_go_deeper_three_times_and_then_stay(identity):
    exercises.hints_given.clear()
    given = [printed(checks.hint, identity) for _ in range(4)]
    assert [line[:11] for line in given] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Hint 3 of 3"]
    assert len(set(given)) == 3


@each
def test_the_notebook_says_how_to_get_a_hint_and_names_the_exercise(identity):
    text = next((ROOT / "notebooks").glob(f"0{identity[0]}_*.py")).read_text(encoding="utf-8")
    assert f'checks.hint("{identity}")' in text
    assert f"checks.exercise_{identity.replace('.', '_')}(" in EXERCISES[identity].call


# --- typical mistakes, each with the message that was written for it --------------------------------------------------

WRONG = {
    "1.1": [
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
         """, "says 1 for lesion however bright"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center, half_axes, angle, 0, 360, 1)
         """, "only its outline"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center, half_axes, 0, 0, 360, 1, thickness=cv2.FILLED)
         """, "the angle is not used"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center, half_axes[::-1], angle, 0, 360, 1, thickness=cv2.FILLED)
         """, "the two half axes are swapped"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center[::-1], half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
         """, "row and column of the center"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
         """, "the mask stays empty"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             tissue = cv2.ellipse(tissue.copy(), center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             mask = cv2.ellipse(mask.copy(), center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
             return tissue, mask
         """, "Draw into the arrays you are given"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             tissue[:], mask[:] = 0, 0
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             cv2.ellipse(mask, center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
         """, "has been erased"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             mask[tissue == level] = 1
         """, "cannot be read off the gray levels"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             mask[tissue > 0] = 1
         """, "cannot be read off the gray levels"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             mask += cv2.ellipse(np.zeros_like(mask), center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
         """, "do not add"),
        ("""
         def draw_ellipse(tissue, mask, center, half_axes, angle, level):
             cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
             mask ^= cv2.ellipse(np.zeros_like(mask), center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
         """, "the mask holds 0"),
    ],
    "1.2": [
        ("disc_dice = 16 / 25", "intersection over the union"), ("disc_dice = 0.39", "forgot the 2"),
        ("disc_dice = 0.8", "ratio of the radii"), ("disc_dice = 0.89", "radii where the areas belong"),
        ("disc_dice = 78", "percent"), ("disc_dice = 'much'", "one number"), ("disc_dice = 0.5", "larger"),
    ],
    "1.3": [
        ("def clean_mask(stored):\n    return (stored // 255)[..., None]", "pixels of the smoothed edge are lost"),
        ("def clean_mask(stored):\n    return (stored > 0).astype(np.uint8)[..., None]", "grows by its smoothed edge"),
        ("def clean_mask(stored):\n    return (stored / 255)[..., None]", "with fractions between 0 and 1"),
        ("def clean_mask(stored):\n    return (stored / 255).astype('uint8')[..., None]", "only 255 itself becomes 1"),
        ("def clean_mask(stored):\n    return (stored >= 128).astype('float32')[..., None]", "masks are uint8"),
        ("def clean_mask(stored):\n    return (stored >= 128).astype('uint8')[:, None]", "it should be (7, 5, 1)"),
        ("def clean_mask(stored):\n    return (stored >= 128)[..., None]", "True and False"),
        ("def clean_mask(stored):\n    return (stored >= 128).astype(np.uint8)", "the last axis is missing"),
        ("def clean_mask(stored):\n    return (stored > 128).astype(np.uint8)[..., None]", "128 counts as lesion"),
        ("def clean_mask(stored):\n    return stored[..., None]", "still holds 255"),
        ("def clean_mask(stored):\n    return (stored >= 128).astype('uint8')[None, ..., None]",
            "it should be (7, 5, 1)"),
        ("def clean_mask(stored):\n    stored[stored < 128] = 0\n    return (stored > 0).astype('uint8')[..., None]",
            "changes its argument"),
        ("def clean_mask(stored):\n    return (stored > stored.max() / 2).astype('uint8')[..., None]",
            "depends on the picture"),
    ],
    "1.4": [
        ("""
         def split_patients(patients, n_test, rng):
             test = np.zeros(len(patients), bool)
             test[rng.choice(len(patients), n_test, replace=False)] = True
             return test
         """, "leakage"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, np.unique(patients)[:n_test])
         """, "nothing is drawn at random"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, np.random.choice(np.unique(patients), n_test, replace=False))
         """, "does not come from rng"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, rng.choice(np.unique(patients), n_test))
         """, "same one is drawn twice"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, rng.integers(0, len(np.unique(patients)), n_test))
         """, "positions (0, 1, 2 ...) instead of"),
        ("""
         def split_patients(patients, n_test, rng):
             own = np.random.default_rng(0)
             return np.isin(patients, own.choice(np.unique(patients), n_test, replace=False))
         """, "nothing is drawn at random"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, np.random.default_rng().choice(np.unique(patients), n_test, replace=False))
         """, "does not come from rng"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.flatnonzero(np.isin(patients, rng.choice(np.unique(patients), n_test, replace=False)))
         """, "one True or False is needed for each"),
        ("""
         def split_patients(patients, n_test, rng):
             return ~np.isin(patients, rng.choice(np.unique(patients), n_test, replace=False))
         """, "True means test"),
        ("""
         def split_patients(patients, n_test, rng):
             return np.isin(patients, rng.choice(np.unique(patients), n_test, replace=False)).astype(int)
         """, "True and False are needed"),
        ("""
         def split_patients(patients, n_test, rng):
             order = list(dict.fromkeys(rng.permutation(patients).tolist()))
             return np.isin(patients, order[:n_test])
         """, "same chance"),
    ],
    "1.5": [
        ("leaks = 'ABCE'", "something that you chose does not leak"),
        ("leaks = {'A', 'C', 'D', 'E'}", "something that you chose does not leak"),
        ("leaks = 'AE'", "all that you chose leaks, but something is missing"),
        ("leaks = 'C'", "all that you chose leaks, but something is missing"),
        ("leaks = 'BD'", "something that leaks is not among them"),
        ("leaks = 'ABC'", "something that leaks is not among them"),
        ("leaks = 'AX'", "from A to E"), ("leaks = 3", "as one text"),
    ],
    "2.1": [
        ("bottleneck_shape = (1, 6, 8, 64)", "swapped"), ("bottleneck_shape = (1, 4, 3, 128)", "four times"),
        ("bottleneck_shape = (1, 8, 6, 32)", "double once more"), ("bottleneck_shape = (8, 6, 64)",
            "first axis is missing"),
        ("bottleneck_shape = 64", "whole numbers in brackets"), ("bottleneck_shape = (1, 8, 7, 64)",
            "the width is not right"),
        ("bottleneck_shape = (1, 4, 3, 64)", "the height fits 4 steps down, the width fits 4 steps down, the number of "
            "channels fits 3 steps down"),
        ("bottleneck_shape = (1, 16, 12, 32)", "you went down 2 steps"),
        ("bottleneck_shape = (2, 8, 6, 64)", "one picture goes in"),
        ("bottleneck_shape = (1, 8, 6, 60)", "the number of channels is not right"),
        ("bottleneck_shape = (1, 16, 6, 64)", "the numbers disagree"),
    ],
    "2.2": [
        ("decoder_weights = 9248", "own channels only"), ("decoder_weights = 18432", "biases are missing"),
        ("decoder_weights = 27680", "halved them already"), ("decoder_weights = 18496", "not to each that comes in"),
        ("decoder_weights = 27712", "whole block"), ("decoder_weights = 'many'", "one number"),
    ],
    "2.3": [
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same', activation='relu')(x)\n"
         "    return layers.Conv2D(filters, 3, padding='same')(x)", "the last ReLU is missing"),
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same')(x)\n"
         "    return layers.Conv2D(filters, 3, padding='same', activation='relu')(x)", "no ReLU between"),
        ("def my_conv_block(x, filters):\n    for _ in range(2):\n        x = layers.Conv2D(filters, 3, "
            "activation='relu')(x)\n"
         "    return x", "loses 2 pixels"),
        ("def my_conv_block(x, filters):\n    conv = layers.Conv2D(filters, 3, padding='same', activation='relu')\n"
         "    x = layers.Conv2D(filters, 3, padding='same', activation='relu')(x)\n    return x",
             "only one convolution"),
        ("def my_conv_block(x, filters):\n    y = layers.Conv2D(filters, 3, padding='same', activation='relu')(x)\n"
         "    return layers.Conv2D(filters, 3, padding='same', activation='relu')(x)",
             "called on what comes out of the first ReLU"),
        ("def my_conv_block(x, filters):\n    conv = layers.Conv2D(filters, 3, padding='same', activation='relu')\n"
         "    return conv(conv(x))", "a layer is called twice"),
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same', activation='relu')(x)\n"
         "    return layers.Conv2D(filters, 3, padding='same', activation='sigmoid')(x)", "ends in sigmoid"),
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same', activation='tanh')(x)\n"
         "    return layers.Conv2D(filters, 3, padding='same', activation='relu')(x)", "between the convolutions stands tanh"),
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same')(x)\n"
         "    x = layers.Conv2D(filters, 3, padding='same')(layers.ReLU()(x))\n    return layers.ReLU(max_value=1)(x)",
             "not one ReLU each"),
        ("def my_conv_block(x, filters):\n    x = layers.ReLU()(layers.Conv2D(filters, 3, padding='same', name='c')(x))\n"
         "    return layers.ReLU()(layers.Conv2D(filters, 3, padding='same', name='c')(x))",
             "the name 'c' is given to 2 layers"),
        ("def my_conv_block(x, filters):\n    for f in (2 * filters, filters):\n"
         "        x = layers.Conv2D(f, 3, padding='same', activation='relu')(x)\n    return x",
             "the first convolution gives"),
        ("def my_conv_block(x, filters):\n    for _ in range(2):\n"
         "        x = layers.Conv2D(filters, 1, padding='same', activation='relu')(x)\n    return x", "should be 3x3"),
        ("def my_conv_block(x, filters):\n    return layers.ReLU()", "Call each layer on x"),
        ("def my_conv_block(x, filters):\n    x = layers.Conv2D(filters, 3, padding='same')(x)", "Is there a `return`"),
        ("def my_conv_block(x, filters):\n    for _ in range(2):\n"
         "        x = layers.Conv2D(8, 3, padding='same', activation='relu')(x)\n    return x", "8 channels come out"),
    ],
    "2.4": [
        ("order = 'BEHJCDGKIALF'", "skip 1 is taken at full size"), ("order = 'EBHJCDGKIAL'", "one of the twelve is "
            "missing: F"),
        ("order = 'EBHJCDKGIALF'", "first join, then convolve"), ("order = 'EBHJCGDKIALF'", "first the upsampling to "
            "48"),
        ("order = 'EBHJCDGKIAFL'", "nothing comes after it"), ("order = 'EBHJDCGKIALF'", "climbs up from the "
            "bottleneck"),
        ("order = 'EBHJCDGKIALFF'", "more than once"), ("order = 'EBHCJDGKIALF'", "lowest point"), ("order = 7",
            "as one text"),
    ],
    "2.5": [
        ("field = 9", "left the pooling out"), ("field = 18", "doubled everything"), ("field = 13",
            "two pixels and not one"),
        ("field = 14 * 14", "its width is asked for"), ("field = 5", "how far two convolutions see"),
        ("field = 10", "without the two above the pooling, or without one of the two below it"),
        ("field = 12", "one of the two convolutions above the pooling"), ("field = 7", "three convolutions"),
    ],
    "2.6": [
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'u')\n    return conv_block(x, "
            "filters, 'b')",
         "does not see the skip's channels"),
        ("def my_decoder_step(x, skip, filters):\n    x = layers.UpSampling2D(2)(x)\n    x = join_skip(x, skip, 'j')\n"
         "    return conv_block(x, filters, 'b')", "bring the channels down"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'u')\n    return join_skip(x, skip, "
            "'j')",
         "Is the block on the joined maps missing"),
        ("def my_decoder_step(x, skip, filters):\n    skip = layers.MaxPooling2D(2)(skip)\n    x = join_skip(x, skip, "
            "'j')\n"
         "    return conv_block(x, filters, 'b')", "the upsampling is missing"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'u')\n    x = join_skip(x, skip, 'j')\n"
         "    return layers.Conv2D(filters, 3, padding='same', activation='relu')(x)", "too few convolutions"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'u')\n    x = join_skip(x, skip, 'j')\n"
         "    x = layers.Conv2D(filters, 3, padding='same')(x)\n    return layers.Conv2D(filters, 3, "
         "padding='same')(x)",
         "After each convolution of the block comes a ReLU"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'mine')\n    x = join_skip(x, skip, 'mine')\n"
         "    return conv_block(x, filters, 'mine')", "the name 'mine' is given to 3 layers"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters, 'a')\n    x = join_skip(x, skip, 'a')\n"
         "    return conv_block(x, filters, 'b')", "the name 'a' is given to 2 layers"),
        ("def my_decoder_step(x, skip, filters):\n    x = upsample(x, filters)\n    return bare_block(x, filters)",
         "Line 2 of my_decoder_step"),
        ("def my_decoder_step(x, skip):\n    return x", "raises TypeError"),
        ("def my_decoder_step(x, skip, filters):\n    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)\n"
         "    return bare_block(x + layers.Conv2D(filters, 1)(skip), filters)", "by concatenation"),
        ("def my_decoder_step(x, skip, filters):\n    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)\n"
         "    layers.Concatenate()([skip, x])\n    return bare_block(x, filters)", "does not see the skip's channels"),
        ("def my_decoder_step(x, skip, filters):\n    x = layers.Conv2DTranspose(filters, 2, strides=2, activation='relu')(x)\n"
         "    return bare_block(layers.Concatenate()([skip, x]), filters)", "none after the upsampling"),
    ],
    "3.1": [
        ("all_steps = 310", "never be used"), ("all_steps = 312.5", "no half step"), ("all_steps = 313",
            "rounded once"),
        ("all_steps = 63", "one epoch"), ("all_steps = 80", "multiplied epochs and batch size"),
    ],
    "3.2": [
        ("def mirror_pair(images, masks, chosen):\n    images = images.copy()\n"
         "    images[chosen] = images[chosen][:, :, ::-1]\n    return images, masks", "the masks stay as they were"),
        ("def mirror_pair(images, masks, chosen):\n    images, masks = images.copy(), masks.copy()\n"
         "    images[chosen] = images[chosen][:, :, ::-1]\n    masks[chosen] = masks[chosen][:, ::-1]\n    return "
         "images, masks",
         "axis 1 is the height"),
        ("def mirror_pair(images, masks, chosen):\n    images = images.copy()\n"
         "    images[chosen] = images[chosen][:, :, ::-1]\n    return images, masks[:, :, ::-1]",
             "not only the chosen ones"),
        ("def mirror_pair(images, masks, chosen):\n    images = images.copy()\n"
         "    images[chosen] = images[chosen][:, :, ::-1]\n    return images, masks[::-1]", "axis 0 counts the "
             "pictures"),
        ("def mirror_pair(images, masks, chosen):\n    images[chosen] = images[chosen][:, :, ::-1]\n"
         "    masks[chosen] = masks[chosen][:, :, ::-1]\n    return images, masks", "changes its argument"),
        ("def mirror_pair(images, masks, chosen):\n    images = images.copy()\n"
         "    images[chosen] = images[chosen][:, :, ::-1]\n    return images, masks.astype(float)",
             "masks: it returns an array of float64"),
        ("def mirror_pair(images, masks, chosen):\n    return images", "return two things"),
        ("def mirror_pair(images, masks, chosen):\n    return images[chosen][:, :, ::-1], masks[chosen][:, :, ::-1]",
            "it should be (3, 6, 8, 1)"),
    ],
    "3.3": [
        ("overfits, keep_epoch = 'A', 10", "healthy run"), ("overfits, keep_epoch = 'C', 40", "underfitting"),
        ("overfits, keep_epoch = 'B', 40", "best training score"), ("overfits, keep_epoch = 'B', None",
            "the epoch is still missing"),
        ("overfits, keep_epoch = 'B', 5", "too early"), ("overfits, keep_epoch = 2, 10", "one letter"),
            ("overfits, keep_epoch = 'D', 10", "one of A, B, C"),
    ],
    "3.4": [
        ("import math\n\ndef my_rate(step, peak, steps, warmup):\n    if step < warmup:\n        return peak * step "
            f"/ warmup\n    return {after}", message)
        for after, message in (
            ("peak * (1 + math.cos(2 * math.pi * (step - warmup) / (steps - warmup))) / 2", "2 pi is a whole one"),
            ("float(__import__('keras').optimizers.schedules.CosineDecay(peak, steps - warmup)(step - warmup))",
                "without Keras"),
            ("peak * math.cos(math.pi * (step - warmup) / (steps - warmup))", "runs below 0"),
            ("peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))", "twice as high as it should be"),
            ("peak * (1 + math.cos(math.pi * step / steps)) / 2", "starts at step 0"),
            ("peak * (1 + math.cos(math.pi * (step - warmup) / steps)) / 2", "divide by all steps"),
            ("peak * (1 - (step - warmup) / (steps - warmup))", "straight line"),
            ("peak * math.cos(math.pi / 2 * (step - warmup) / (steps - warmup))", "quarter of a cosine"),
            ("peak * (1 + math.cos(180 * (step - warmup) / (steps - warmup))) / 2", "radians"),
            ("peak * (1 + math.cos(math.pi * ((step - warmup) // (steps - warmup)))) / 2", "cuts off the fraction"),
            ("print(end='')", "returns None"),
        )
    ] + [
        ("import math\n\ndef my_rate(step, peak, steps, warmup):\n    if step <= warmup:\n        return peak * step "
            "/ warmup\n"
         "    return peak * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2", "ZeroDivisionError"),
    ],
    "3.5": [
        (f"class StopAtGoal(keras.callbacks.Callback):\n    def __init__(self, goal):\n        super().__init__()\n"
         f"        self.goal = goal\n\n    def on_epoch_end(self, epoch, logs=None):\n        {line}", message)
        for line, message in (
            ("self.model.stop_training |= logs['dice'] >= self.goal", "stops by the training score"),
            ("self.model.stop_training = logs.get('val_dice', 0) >= self.goal", "undoes the stop of another"),
            ("if logs.get('val_dice', 0) > self.goal: self.model.stop_training = True", "leaves the goal itself out"),
            ("if logs['val_dice'] >= self.goal: self.model.stop_training = True", "it raises KeyError"),
            ("if logs.get('val_dice') >= self.goal: self.model.stop_training = True", "cannot be compared"),
            ("if logs.get('val_dice', 0) >= self.goal: self.stop_training = True", "you set self.stop_training"),
            ("if logs.get('val_dice', 0) <= self.goal: self.model.stop_training = True", "Which way round"),
            ("return logs.get('val_dice', 0) >= self.goal", "never stopped"),
            ("if logs.get('val_dice', 0) >= 0.8: self.model.stop_training = True", "not use the goal"),
            ("if logs.get('val_dice', 1) >= self.goal: self.model.stop_training = True", "it stops: what your logs.get "
             "gives then"),
            ("if logs.get('val_dice', logs['dice']) >= self.goal: self.model.stop_training = True", "Such an epoch "
             "must not"),
            ("self.seen = [*getattr(self, 'seen', []), logs.get('val_dice', 0)]\n"
             "        if np.mean(self.seen[-2:]) >= self.goal: self.model.stop_training = True", "a mean over epochs"),
            ("self.seen = [*getattr(self, 'seen', []), logs.get('val_dice', 0)]\n"
             "        if np.mean(self.seen) >= self.goal: self.model.stop_training = True", "does not ask to stop; a"),
            ("self.seen = [*getattr(self, 'seen', []), logs.get('val_dice', 0)]\n"
             "        if min(self.seen[-2:]) >= self.goal and len(self.seen) > 1: self.model.stop_training = True",
             "yours waits"),
            ("if logs.get('val_loss', 9) <= self.goal: self.model.stop_training = True", "when the validation "
             "loss is below"),
            ("if logs.get('val_loss', 0) >= self.goal: self.model.stop_training = True", "stops by the validation "
             "loss"),
            ("if logs.get('val_dice', 0) >= self.goal and epoch % 2: self.model.stop_training = True",
             "asks to stop after epoch 4; a right callback asks to stop after epoch 3"),
            ("self.model.stop_training = True", "stops every run at its first epoch"),
        )
    ] + [("class StopAtGoal:\n    pass", "derive from keras.callbacks.Callback"), ("StopAtGoal = 3",
        "the class itself")],
    "4.1": [
        ("my_precision, my_recall, dice_by_hand = 0.57, 0.8, 0.67", "precision: that is recall; "),
        ("my_precision, my_recall, dice_by_hand = 0.8, 0.57, 0.5", "Dice: that is IoU"),
        ("my_precision, my_recall, dice_by_hand = 0.8, 0.8, 0.67", "recall: that is precision"),
        ("my_precision, my_recall, dice_by_hand = 0.8, 0.57, 0.69", "arithmetic mean"),
        ("my_precision, my_recall, dice_by_hand = 0.8, None, 0.67", "recall is still missing"),
        ("my_precision, my_recall, dice_by_hand = 80, 0.57, 0.67", "percent"),
    ],
    "4.2": [
        ("def my_dice(y_true, scores, threshold):\n    y_pred = scores >= "
            f"threshold\n{textwrap.indent(textwrap.dedent(body), '    ')}", message)
        for body, message in (
            ("return 2 * np.sum(y_true * y_pred) / (y_true.sum() + y_pred.sum())", "sum over the batch"),
            ("return 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) / (y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, "
                "2, 3)))", "0/0, which is NaN"),
            ("a = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) / np.maximum(a, 1)", "two empty masks score 0"),
            ("a = y_true.sum(axis=(1, 2, 3)) + scores.sum(axis=(1, 2, 3))\n"
             "return np.where(a == 0, 1.0, 2 * np.sum(y_true * scores, axis=(1, 2, 3)) / np.maximum(a, 1))",
                 "no threshold is applied"),
            ("y_pred = scores >= 0.5\na = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return np.where(a == 0, 1.0, 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) / np.maximum(a, 1))",
                 "threshold is fixed at 0.5"),
            ("y_pred = scores > threshold\na = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return np.where(a == 0, 1.0, 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) / np.maximum(a, 1))",
                 "you compare with >"),
            ("u = ((y_true == 1) | y_pred).sum(axis=(1, 2, 3))\n"
             "return np.where(u == 0, 1.0, np.sum(y_true * y_pred, axis=(1, 2, 3)) / np.maximum(u, 1))", "that is IoU"),
            ("a = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return np.where(a == 0, 1.0, np.sum(y_true * y_pred, axis=(1, 2, 3)) / np.maximum(a, 1))",
                 "forgot the 2"),
            ("a = y_true.sum(axis=(1, 2)) + y_pred.sum(axis=(1, 2))\n"
             "return np.where(a == 0, 1.0, 2 * np.sum(y_true * y_pred, axis=(1, 2)) / np.maximum(a, 1))",
                 "Over which axes"),
            ("a = y_true.sum(axis=(0, 1, 2)) + y_pred.sum(axis=(0, 1, 2))\n"
             "return np.where(a == 0, 1.0, 2 * np.sum(y_true * y_pred, axis=(0, 1, 2)) / np.maximum(a, 1))",
                 "Over which axes"),
            ("a = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return np.where(y_true.sum(axis=(1, 2, 3)) == 0, 1.0, 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) / "
             "np.maximum(a, 1))", "empty truth always scores 1"),
            ("a = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))\n"
             "return np.where(a == 0, 1, 2 * np.sum(y_true * y_pred, axis=(1, 2, 3)) // np.maximum(a, 1))",
                 "the result is wrong"),
        )
    ],
    "4.3": [
        ("def count_found(y_true, y_pred):\n    count, labels = cv2.connectedComponents(y_true[..., "
            f"0])\n{textwrap.indent(body, '    ')}", message)
        for body, message in (
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(count)]\nreturn sum(x >= 0.5 for x in s), count",
                "component 0 is the background"),
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn sum(x >= 0.5 for x in s), "
                "count", "total counts the background"),
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn sum(x > 0.5 for x in s), "
                "count - 1", "compare with >"),
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn sum(x > 0 for x in s), count "
                "- 1", "single pixel is not enough"),
            ("return (y_true & y_pred).sum(), y_true.sum()", "you count pixels"),
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn count - 1, sum(x >= 0.5 for x "
                "in s)", "swapped"),
            ("count, labels = cv2.connectedComponents(y_true[..., 0], connectivity=4)\n"
             "s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn sum(x >= 0.5 for x in s), "
             "count - 1", "eight neighbors"),
            ("return count - 1", "return two numbers"),
            ("s = [y_pred[..., 0][labels == k].mean() for k in range(1, count)]\nreturn sum(x >= 0.5 for x in s) - 1, "
                "count - 1", "taken off what was found"),
            ("p = y_pred[..., 0] == 1\ns = [((labels == k) & p).sum() / ((labels == k) | p).sum() for k in range(1, "
                "count)]\nreturn sum(x >= 0.5 for x in s), count - 1", "divide by the union"),
            ("p = y_pred[..., 0] == 1\ns = [((labels == k) & p).sum() / max(p.sum(), 1) for k in range(1, count)]\n"
                "return sum(x >= 0.5 for x in s), count - 1", "number of marked pixels"),
        )
    ],
    "4.4": [
        ("published = 'A'", "chose the epoch"), ("published = 'C'", "has become a validation set"), ("published = 'D'",
            "hides small ones"),
        ("published = 'E'", "won by background"), ("published = 'F'", "one of A, B, C, D, E"), ("published = 0.961",
            "one letter"),
    ],
    "4.5": [
        (f"def my_interval(scores, rng, repeats):\n{textwrap.indent(body, '    ')}", message)
        for body, message in (
            ("m = [rng.permutation(scores).mean() for _ in range(repeats)]\nreturn np.quantile(m, [0.025, 0.975])",
                "without replacement"),
            ("return np.quantile(scores, [0.025, 0.975])", "95 % of the scores lie"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn np.quantile(m, [0.05, "
                "0.95])", "covers 90 %"),
            ("m = [np.random.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn np.quantile(m, "
                "[0.025, 0.975])", "do not come from rng"),
            ("e = scores.std() / len(scores) ** 0.5\nreturn scores.mean() - e, scores.mean() + e",
                "one standard error"),
            ("return scores.mean() - 1.96 * scores.std(), scores.mean() + 1.96 * scores.std()", "not of their mean"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn np.quantile(m, [0.975, "
                "0.025])", "ends are swapped"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn m", "return two numbers"),
            ("m = [rng.choice(scores, len(scores) // 2 + 1).mean() for _ in range(repeats)]\nreturn np.quantile(m, "
                "[0.025, 0.975])", "times as wide as it should be"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(2000)]\nreturn np.quantile(m, [0.025, 0.975])",
                "number of repeats fixed"),
            ("rng = np.random.default_rng(0)\nm = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\n"
                "return np.quantile(m, [0.025, 0.975])", "two different generators"),
            ("e = 1.96 * scores.std() / len(scores) ** 0.5\nreturn scores.mean() - e, scores.mean() + e",
                "the ends are not right"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn np.percentile(m, [0.025, "
                "0.975])", "counts in percent"),
            ("m = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]\nreturn np.quantile(m, [2.5, 97.5])",
                "it raises ValueError"),
        )
    ],
    "5.1": [("def mirrored_share(images, masks):\n" + textwrap.indent(textwrap.dedent(body), "    "), message) for body, message in (
        ("b = [x[m[:, ::-1] == 1].mean() > x[m == 1].mean() for x, m in zip(images, masks)]\nreturn np.mean(b)",
            "empty masks are counted"),
        ("b = [x[m == 1].mean() > x[m[:, ::-1] == 1].mean() for x, m in zip(images, masks) if m.any()]\nreturn np.mean(b)",
            "the wrong way round"),
        ("b = [x[m[::-1] == 1].mean() > x[m == 1].mean() for x, m in zip(images, masks) if m.any()]\nreturn np.mean(b)",
            "upside down"),
        ("b = [x[m[:, ::-1] == 1].mean() > x[m == 1].mean() for x, m in zip(images, masks) if m.any()]\nreturn np.sum(b)",
            "how many pictures"),
        ("return [x[m[:, ::-1] == 1].mean() > x[m == 1].mean() for x, m in zip(images, masks) if m.any()]",
            "one number"),
        ("masks[:] = masks[:, :, ::-1]\nreturn 0.5", "changes its argument"),
    )],
    "5.2": [("def undo_gray_scale(images, reference):\n    " + body, message) for body, message in (
        ("return (images - images.mean()) / images.std() * reference.std() + reference.mean()", "below 0 or above 1"),
        ("return np.clip(images - images.mean() + reference.mean(), 0, 1)", "not the spread"),
        ("return np.clip((images - images.mean()) / images.std(), 0, 1)", "still to be put in"),
        ("return np.clip((images - reference.mean()) / reference.std() * images.std() + images.mean(), 0, 1)",
            "changed places"),
        ("m, s = images.mean((1, 2, 3), keepdims=True), images.std((1, 2, 3), keepdims=True)\n"
         "    return np.clip((images - m) / s * reference.std() + reference.mean(), 0, 1)", "of its own"),
        ("return np.clip((images - images.mean()) / images.var() * reference.var() + reference.mean(), 0, 1)", "variance"),
        ("return np.clip((images - images.min()) / np.ptp(images) * np.ptp(reference) + reference.min(), 0, 1)",
            "noise decides"),
        ("return images.mean()", "returns the shape ()"),
    )],
    "5.3": [("def count_copies(new, old):\n    " + body, message) for body, message in (
        ("return sum(any(np.array_equal(n, o) for o in old) for n in new)", "mirrored copies are missed"),
        ("return sum(np.array_equal(w, o) for n in new for w in (n, n[:, ::-1]) for o in old)", "pairs are counted"),
        ("return sum(any(np.array_equal(w, o) for n in new for w in (n, n[:, ::-1])) for o in old)", "old pictures"),
        ("return np.mean([any(np.array_equal(w, o) for w in (n, n[:, ::-1]) for o in old) for n in new])", "the share"),
        ("return sum(any(np.array_equal(w, o) for w in (n, n[::-1]) for o in old) for n in new)", "left to right"),
        ("return sum(any(np.allclose(w, o, atol=0.02) for w in (n, n[:, ::-1]) for o in old) for n in new)", "last bit"),
        ("return [any(np.array_equal(w, o) for w in (n, n[:, ::-1]) for o in old) for n in new]", "the number of copies"),
    )],
    "5.4": [("share_left = 1 - 0.95 ** 24", "came from the batches"), ("share_left = 0.95 ** 2", "not steps"),
            ("share_left = 0.95 ** 12", "one epoch"), ("share_left = 0.95 ** 96", "not batches"),
            ("share_left = 0.99 ** 24", "Keras' own"), ("share_left = 29", "percent")],
    "7.1": [("def my_part(numbers, index, count):\n" + textwrap.indent(body, "    "), message) for body, message in (
        ("return numbers[index::count]", "no gaps"),
        ("return numbers", "whole batch"),
        ("size = len(numbers) // count\nreturn numbers[index * size : (index + 1) * size]", "never drawn"),
        ("size = len(numbers) // count\nend = len(numbers) if index == count - 1 else (index + 1) * size\n"
            "return numbers[index * size : end]", "the last worker gets all"),
        ("size, left = divmod(len(numbers), count)\nreturn numbers[index * size : (index + 1) * size + (index < left)]", "overlap"),
        ("return np.array_split(numbers, count)[index - 1]", "counted from 0"),
        ("return np.array_split(numbers, count)", "this worker only"),
    )],
    "7.2": [("days = 10 * 200_000 / 300 / 86_400", "more pixels"), ("days = 10 * 200_000 * 4 / 300 / 86_400", "the side"),
            ("days = 200_000 * 16 / 300 / 86_400", "one pass"), ("days = 10 * 200_000 * 16 / 300 / 3600", "hours"),
            ("days = 10 * 200_000 * 16 / 300", "seconds"), ("days = 10 * 200_000 * 64 / 300 / 86_400", "cube")],
    "8.1": [
        ("my_f1 = 3 / (3 + 2 + 1)", "F1 counts the TP twice"), ("my_f1 = 3 / 4", "that is recall"),
        ("my_f1 = 3 / 5", "that is precision"), ("my_f1 = 8 / 9", "needs an IoU of at least 0.5"),
        ("my_f1 = 4 / 9", "exactly 0.5 is at least 0.5"), ("my_f1 = (3 / 4 + 3 / 5) / 2", "the harmonic one"),
        ("my_f1 = 'two thirds'", "should be one number"),
    ],
    "8.2": [
        (f"""
         def border_weight(d1, d2, w0, sigma):
             return {formula}
         """, words) for formula, words in {
            "w0 * np.exp(-((d1 + d2) ** 2) / sigma**2)": "the 2 below the line is missing",
            "w0 * np.exp(-(d1**2 + d2**2) / (2 * sigma**2))": "squares the sum",
            "w0 * np.exp((d1 + d2) ** 2 / (2 * sigma**2))": "the minus in the exponent",
            "w0 * np.exp(-(d1 + d2) / (2 * sigma**2))": "is not squared",
            "w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma))": "sigma is not squared",
            "np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))": "w0 is left out",
            "1 + w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))": "you added the 1",
            "w0 * np.exp(-(d1**2) / (2 * sigma**2))": "only d1 is in it",
            "10 * np.exp(-((d1 + d2) ** 2) / 50)": "fixed numbers",
            "w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2)).sum()": "One weight is needed for each pixel",
        }.items()
    ],
    "8.3": [
        (f"""
         def count_labels(labels):
             return {formula}
         """, words) for formula, words in {
            "np.array([len(np.unique(one)) for one in labels])": "the background, 0, is counted",
            "labels.max(axis=(1, 2, 3))": "numbers may be missing",
            "np.array([np.count_nonzero(one) for one in labels])": "you count pixels",
            "np.array([len(np.unique(one)) - 1 for one in labels])": "a picture may be full",
            "np.array([cv2.connectedComponents((one[..., 0] > 0).astype(np.uint8))[0] - 1 for one in labels])":
                "you count connected pieces",
            "len(np.unique(labels[labels > 0]))": "one count for each",
        }.items()
    ],
    "8.4": [
        ("letter = 'A'", "never tuned"), ("letter = 'b'", "chosen on the test pictures"), ("letter = 'D'", "the best of five"),
        ("letter = 'E'", "Dice counts pixels"),
    ],
    "9.1": [("def my_softmax(logits):\n" + textwrap.indent(body, "    "), message) for body, message in (
        ("e = np.exp(logits)\nreturn e / e.sum(axis=-1, keepdims=True)", "np.exp runs out of numbers"),
        ("return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))", "a sigmoid for each class"),
        ("e = np.exp(logits - logits.max())\nreturn e / e.sum()", "all pixels share one 1"),
        ("e = np.exp(logits - logits.max(axis=0))\nreturn e / e.sum(axis=0)", "the classes lie along the last one"),
        ("return logits / logits.sum(axis=-1, keepdims=True)", "without np.exp"),
        ("return logits / np.maximum(np.abs(logits.sum(axis=-1, keepdims=True)), 1e-9)", "not yet"),
        ("return np.argmax(logits, axis=-1)", "one probability for each logit"),
        ("return (logits == logits.max(axis=-1, keepdims=True)).astype(float)", "marks the largest logit"),
    )],
    "9.2": [("def to_one_hot(masks, classes):\n" + textwrap.indent(body, "    "), message) for body, message in (
        ("return np.eye(classes)[np.where(masks[..., 0] == 255, 0, masks[..., 0])]", "becomes background"),
        ("return np.eye(classes)[np.minimum(masks[..., 0], classes - 1)]", "becomes the last class"),
        ("return masks == np.arange(1, classes + 1)", "channels begin with class 1"),
        ("return masks != np.arange(classes)", "every channel but the right one"),
        ("return np.stack([masks == k for k in range(classes)])", "one channel for each class"),
        ("return np.eye(classes)[masks[..., 0]]", "IndexError"),
    )],
    "9.3": [("def my_loss(mask, chances, weights):\n" + textwrap.indent(body, "    "), message) for body, message in (
        ("m = np.where(mask == 255, 0, mask)\np = np.take_along_axis(chances, m[..., None], -1)[..., 0]\n"
         "return (weights[m] * -np.log(p)).sum() / weights[m].sum()", "count as background"),
        ("k = mask != 255\nm = np.where(k, mask, 0)\np = np.take_along_axis(chances, m[..., None], -1)[..., 0]\n"
         "return (k * weights[m] * -np.log(p)).sum() / mask.size", "by the number of all pixels"),
        ("k = mask != 255\nm, p = mask[k], chances[k]\np = p[np.arange(len(m)), m]\n"
         "return (weights[m] * -np.log(p)).mean()", "by the number of marked pixels"),
        ("k = mask != 255\nm, p = mask[k], chances[k]\np = p[np.arange(len(m)), m]\nreturn -np.log(p).mean()", "have no effect"),
        ("k = mask != 255\nm, p = mask[k], chances[k]\np = p[np.arange(len(m)), m]\n"
         "return (weights[m] * np.log(p)).sum() / weights[m].sum()", "minus is missing"),
        ("k = mask != 255\nm, p = mask[k], chances[k]\np = p[np.arange(len(m)), m]\nreturn (weights[m] * -np.log(p)).sum()", "that is the sum"),
        ("k = mask != 255\nm, p = mask[k], chances[k]\np = p[np.arange(len(m)), m]\n"
         "return (weights[m] * -np.log2(p)).sum() / weights[m].sum()", "base 2"),
    )],
    "9.4": [("def my_scores(matrix):\n    " + body, message) for body, message in (
        ("return np.diag(matrix) / matrix.sum(axis=0), np.diag(matrix) / matrix.sum(axis=1)", "the two are swapped"),
        ("return (np.diag(matrix) / matrix.sum(axis=1),) * 2", "both are recall"),
        ("return (np.diag(matrix) / matrix.sum(axis=0),) * 2", "both are precision"),
        ("return (np.diag(matrix) / matrix.sum(),) * 2", "all pixels"),
        ("return np.diag(matrix).sum() / matrix.sum()", "does not return two things"),
        ("return 1 - np.diag(matrix) / matrix.sum(axis=1), 1 - np.diag(matrix) / matrix.sum(axis=0)", "share of errors"),
    )],
}

ANOTHER_WAY = {
    "1.1": ["""
        def draw_ellipse(tissue, mask, center, half_axes, angle, level):
            outline = cv2.ellipse2Poly(center, half_axes, int(angle), 0, 360, 1)
            cv2.fillPoly(tissue, [outline], level)
            cv2.fillPoly(mask, [outline], 1)
        """, """
        def draw_ellipse(tissue, mask, center, half_axes, angle, level):
            y, x = np.indices(mask.shape)
            c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
            u, v = c * (x - center[0]) + s * (y - center[1]), c * (y - center[1]) - s * (x - center[0])
            inside = (u / (half_axes[0] + 0.3)) ** 2 + (v / (half_axes[1] + 0.3)) ** 2 <= 1
            tissue[inside] = level
            mask[inside] = 1
        """, """
        def draw_ellipse(tissue, mask, center, half_axes, angle, level):
            new = cv2.ellipse(np.zeros_like(mask), center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
            tissue[new == 1] = level
            mask |= new
        """, """
        def draw_ellipse(tissue, mask, center, half_axes, angle, level):
            for array, value in ((tissue, level), (mask, 1)):
                cv2.ellipse(array, (center, tuple(2 * a for a in half_axes), angle), value, thickness=cv2.FILLED)
        """],
    "1.2": ["disc_dice = 0.78", "disc_dice = 32 / 41", "disc_dice = np.float32(0.7805)"],
    "1.3": ["def clean_mask(stored):\n    return np.where(stored > 127, 1, 0).astype('uint8').reshape(*stored.shape, "
        "1)",
            "def clean_mask(stored):\n    return cv2.threshold(stored, 127, 1, cv2.THRESH_BINARY)[1][:, :, np.newaxis]",
            "clean_mask = lambda stored: (stored >> 7)[..., None]"],
    "1.4": ["""
        def split_patients(patients, n_test, rng):
            names = sorted(set(patients.tolist()))
            rng.shuffle(names)
            return np.array([patient in names[:n_test] for patient in patients.tolist()])
        """, """
        def split_patients(patients, n_test, rng):
            names, number = np.unique(patients, return_inverse=True)
            return rng.permutation(len(names))[number] < n_test
        """, """
        def split_patients(patients, n_test, rng):
            from sklearn.model_selection import GroupShuffleSplit
            split = GroupShuffleSplit(1, test_size=n_test, random_state=int(rng.integers(2**31)))
            test = np.zeros(len(patients), bool)
            test[next(split.split(patients, groups=patients))[1]] = True
            return test
        """],
    "1.5": ["leaks = {'E', 'c', 'A'}", "leaks = ['A', 'C', 'E']", "leaks = 'a, c, e'"],
    "2.1": ["bottleneck_shape = [1, 8, 6, 64]"],
    "2.2": ["decoder_weights = conv_weights(3, 64, 32)", "decoder_weights = np.int64(18464)"],
    "2.3": ["def my_conv_block(x, filters):\n    return conv_block(x, filters, 'mine')",
            "def my_conv_block(x, filters):\n    for _ in 'ab':\n"
            "        x = keras.ops.relu(layers.Conv2D(filters, (3, 3), padding='same', "
            "kernel_initializer='zeros')(x))\n    return x"],
    "2.4": ["order = list('EBHJCDGKIALF')", "order = 'e b h j c d g k i a l f'"],
    "2.5": ["field = 14.0"],
    "2.6": ["""
        def my_decoder_step(x, skip, filters):
            x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
            x = layers.Concatenate()([x, skip])
            for _ in range(2):
                x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
            return x
        """, """
        def my_decoder_step(x, skip, filters):
            return conv_block(join_skip(upsample(x, filters, "a", "resize"), skip, "b"), filters, "c")
        """],
    "3.1": ["import math\nall_steps = math.ceil(1000 / 16) * 5", "all_steps = 315.0"],
    "3.2": ["""
        def mirror_pair(images, masks, chosen):
            pick = np.asarray(chosen)[:, None, None, None]
            return [np.where(pick, np.flip(a, 2), a) for a in (images, masks)]
        """],
    "3.3": ["overfits, keep_epoch = ' b', 10.0"],
    "3.4": ["""
        def my_rate(step, peak, steps, warmup):
            up = step / warmup if warmup else 1
            down = np.cos(np.pi / 2 * max(step - warmup, 0) / (steps - warmup)) ** 2
            return peak * min(up, 1) * down
        """],
    "3.5": ["""
        class StopAtGoal(keras.callbacks.Callback):
            def __init__(self, goal):
                super().__init__()
                self.goal = goal

            def on_epoch_end(self, epoch, logs):
                score = (logs or {}).get("val_dice")
                if score is not None and not score < self.goal:
                    self.model.stop_training = True
        """],
    "4.1": ["my_precision, my_recall, dice_by_hand = 0.80, 0.5714, 2 / 3", "my_precision, my_recall, dice_by_hand = 0.8, "
        "0.57, 0.67"],
    "4.2": ["""
        def my_dice(y_true, scores, threshold):
            return [1.0 if not t.any() and not p.any() else 2 * (t * p).sum() / (int(t.sum()) + int(p.sum()))
                    for t, p in zip(y_true.astype(int), scores >= threshold)]
        """, """
        def my_dice(y_true, scores, threshold):
            t, p = y_true.reshape(len(y_true), -1) > 0, scores.reshape(len(scores), -1) >= threshold
            top, bottom = 2.0 * (t & p).sum(1), t.sum(1) + p.sum(1)
            return np.divide(top, bottom, out=np.ones(len(t)), where=bottom > 0)
        """],
    "4.3": ["""
        def count_found(y_true, y_pred):
            from skimage.measure import label
            labels = label(y_true[..., 0], connectivity=2)
            found = 0
            for k in set(labels.ravel().tolist()) - {0}:
                inside = labels == k
                found += 2 * np.count_nonzero(y_pred[..., 0][inside]) >= np.count_nonzero(inside)
            return [found, labels.max()]
        """],
    "4.4": ["published = 'b'"],
    "4.5": ["""
        def my_interval(scores, rng, repeats):
            means = scores[rng.integers(0, len(scores), (repeats, len(scores)))].mean(axis=1)
            return tuple(np.percentile(means, (2.5, 97.5)))
        """, """
        def my_interval(scores, rng, repeats):
            means = sorted(rng.choice(scores, (repeats, len(scores))).mean(axis=1))
            return means[int(0.025 * repeats)], means[int(0.975 * repeats)]
        """],
    "5.1": ["""
        def mirrored_share(images, masks):
            some = masks.any(axis=(1, 2, 3))
            x, m = images[some], masks[some].astype(bool)
            def under(m):
                return (x * m).sum((1, 2, 3)) / m.sum((1, 2, 3))
            return float((under(np.flip(m, 2)) > under(m)).mean())
        """],
    "5.2": ["""
        def undo_gray_scale(images, reference):
            gain = np.float32(reference.std() / images.std())
            return (gain * images + (reference.mean() - gain * images.mean())).clip(0, 1).astype(np.float32)
        """],
    "5.3": ["""
        def count_copies(new, old):
            known = {o.tobytes() for o in old} | {np.ascontiguousarray(o[:, ::-1]).tobytes() for o in old}
            return len([1 for n in new if np.ascontiguousarray(n).tobytes() in known])
        """],
    "5.4": ["share_left = 0.29", "share_left = np.exp(24 * np.log(0.95))"],
    "7.1": ["def my_part(numbers, index, count):\n    return np.array_split(numbers, count)[index]", """
        def my_part(numbers, index, count):
            cuts = [-(-len(numbers) * i // count) for i in range(count + 1)]
            sizes = sorted((b - a for a, b in zip(cuts, cuts[1:])), reverse=True)
            return [int(n) for n in numbers[sum(sizes[:index]) : sum(sizes[: index + 1])]]
        """],
    "7.2": ["days = 1.23", "days = 2_000_000 / 18.75 / 86400"],
    "8.1": ["my_f1 = 0.67", "my_f1 = 2 / 3", "my_f1 = 2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4)"],
    "8.2": ["""
        def border_weight(d1, d2, w0, sigma):
            exponent = np.square(d1 + d2) / 2 / sigma / sigma
            return w0 / np.exp(exponent)
        """, """
        def border_weight(d1, d2, w0, sigma):
            both = d1 + d2
            return np.multiply(w0, np.exp(-0.5 * (both / sigma) ** 2))
        """],
    "8.3": ["""
        def count_labels(labels):
            return [len(set(picture.ravel().tolist()) - {0}) for picture in labels]
        """, """
        def count_labels(labels):
            counts = []
            for picture in labels:
                numbers = np.unique(picture)
                counts.append(np.count_nonzero(numbers))
            return np.array(counts, float)
        """],
    "8.4": ["letter = 'c'"],
    "9.1": ["""
        def my_softmax(logits):
            from scipy.special import softmax
            return softmax(logits, axis=-1)
        """, """
        def my_softmax(logits):
            lifted = logits - np.max(logits, axis=-1)[..., None]
            return np.exp(lifted - np.log(np.exp(lifted).sum(axis=-1)[..., None]))
        """],
    "9.2": ["""
        def to_one_hot(masks, classes):
            return np.concatenate([masks == k for k in range(classes)], axis=-1).astype(float)
        """, """
        def to_one_hot(masks, classes):
            result = np.zeros((*masks.shape[:3], classes), int)
            for k in range(classes):
                result[..., k][masks[..., 0] == k] = 1
            return result
        """],
    "9.3": ["""
        def my_loss(mask, chances, weights):
            total = norm = 0
            for y, x in np.ndindex(mask.shape):
                if mask[y, x] != 255:
                    total -= weights[mask[y, x]] * np.log(chances[y, x, mask[y, x]])
                    norm += weights[mask[y, x]]
            return float(total / norm)
        """, """
        def my_loss(mask, chances, weights):
            hot = (mask[..., None] == np.arange(len(weights))) * weights
            return -(hot * np.log(chances)).sum() / hot.sum()
        """],
    "9.4": ["""
        def my_scores(matrix):
            k = range(len(matrix))
            return [matrix[i, i] / matrix[i].sum() for i in k], [matrix[i, i] / matrix[:, i].sum() for i in k]
        """],
}


def test_every_exercise_has_three_mistakes_and_another_way():
    assert set(WRONG) == set(ANOTHER_WAY) == set(EXERCISES)
    assert min(map(len, WRONG.values())) >= 3


@pytest.mark.parametrize("identity, answer, message", [
    pytest.param(i, a, m, id=f"{i}-{m}") for i, answers in WRONG.items() for a, m in answers
])
def test_a_typical_mistake_is_named(identity, answer, message, own_progress):
    text = said(identity, answer)
    assert text.startswith("not yet (") and message in text
    assert json.loads(own_progress.read_text()) == {identity: "tried"}


@pytest.mark.parametrize("identity, answer", [
    pytest.param(i, a, id=f"{i}-{n}") for i, answers in ANOTHER_WAY.items() for n, a in enumerate(answers)
])
def test_a_right_answer_written_another_way_passes(identity, answer):
    assert said(identity, answer).startswith("solved")


BY_HAND = {"1.2": ["0.78", "0.7805"], "2.1": ["8, 6, 64"], "2.2": ["18464", "18,464"], "2.5": ["14"], "3.1": ["315"],
           "4.1": ["0.57", "0.67"], "5.4": ["0.29", "0.292"], "2.4": ["EBHJ"], "1.5": ["ACE"], "7.2": ["1.23", "1.2346"],
           "8.1": ["0.67", "0.6667"]}


@pytest.mark.parametrize(("got", "message"), [
    ([9, 9, 9, 9], "all nines"),  # the slip gives just this
    ([1, 9, 9, 7], "from the second on"),  # two mistakes: what explains most of the wrong cases
    ([1, 2, 9, 7], "on case 2 the result is wrong"),  # "all nines" explains case 2, but cases 0 and 1 speak against it
    ([1, 7, 7, 9], "on case 1 the result is wrong"),  # one of three wrong cases is too little
])
def test_a_slip_is_named_only_if_it_explains_what_was_seen(got, message):
    right, cases = [1, 2, 3, 4], [f"case {i}" for i in range(4)]
    slips = {"all nines": [9] * 4, "from the second on": [1, 9, 9, 9]}
    with pytest.raises(running.Wrong, match=message):
        running.verdict(got, right, slips, cases)
    running.verdict(right, right, slips, cases)


@pytest.mark.parametrize("identity", BY_HAND)
def test_no_message_and_no_hint_prints_the_solution(identity):
    everything = [said(identity, answer) for answer, _ in WRONG[identity]] + list(checks.EXERCISES[identity].hints)
    for text in everything:
        for solution in BY_HAND[identity]:
            assert not re.search(rf"(?<![\d.]){re.escape(solution)}(?![\d])", text), text


GUESSES_01 = [
    ("disc", 28, 29, "area of the ideal circle"), ("disc", 25, 29, "four pixels at the ends"),
    ("easy discs", 100, 0, "either 0.9 or 0"), ("dark lesion", 0.85, 0.25, "brightest corner"),
    ("dark lesion", 0.6, 0.25, "bare background"), ("lesions stay", "yes", "no", "use up random numbers"),
    ("blurred mask", "yes", "no", "Only the image is blurred"), ("averaged noise", 0.2, 0.04, "a single pixel"),
    ("averaged noise", 0.008, 0.04, "square root"), ("size", "more", "the same", "a zoom"),
    ("size", "fewer", "the same", "shown at the same size"), ("foreground", 0.9, 0.097, "share of background"),
    ("copying", 0.9, 0.28, "different places"), ("copying", 1, 0.28, "pictures that it knows"),
    ("leaked", 0.9, 1.0, "that picture itself"), ("accuracy", 1.0, 0.91, "no lesion at all"),
    ("accuracy", 0.1, 0.91, "share of foreground"), ("empty dice", 0, 0.165, "empty picture"),
    ("empty dice", 0.9, 0.165, "pixel accuracy"), ("otsu", "better", "worse", "adapts to each picture"),
    ("hough", "large", "small", "longer edge"), ("hardest dial", "noise", "vessels", "weakest contrast"),
    ("hardest dial", "illumination", "vessels", "wherever it runs"),
]


@pytest.mark.parametrize("name, guess, truth, words", GUESSES_01)
def test_a_guess_that_people_make_in_notebook_01_is_answered(name, guess, truth, words):
    text = printed(checks.reveal, name, guess, truth)
    assert words in text and "near enough" not in text


# --- what a student's code may do -------------------------------------------------------------------------------------

FUNCTIONS = {i: e for i, e in EXERCISES.items() if e.stub.startswith("def ") or "\ndef " in e.stub}


def broken(identity, body):
    """The stub's function with another body."""
    head = re.search(r"def .*:\n", FUNCTIONS[identity].stub).group()
    return head + textwrap.indent(body, "    ")


@pytest.mark.parametrize("identity", FUNCTIONS)
@pytest.mark.parametrize("body, message", [
    ("raise ZeroDivisionError('by hand')", "raises ZeroDivisionError: by hand."), ("return undefined_name",
        "raises NameError"),
    ("raise SystemExit", "raises SystemExit"), ("return None", "not yet"), ("return object()", "not yet"),
        ("return 'text'", "not yet"),
    ("import sys\nreturn sys.modules", "not yet"), ("return [[1], [2, 3]]", "not yet"), ("return np.array([])",
        "not yet"),
    ("return float('nan')", "not yet"),
])
def test_strange_answers_are_answered(identity, body, message):
    text = said(identity, broken(identity, body))
    assert text.startswith("not yet") and message in text and "cannot make sense" not in text


@pytest.mark.parametrize("identity", FUNCTIONS)
def test_an_endless_loop_ends(identity, monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.3)
    assert said(identity, broken(identity, "while True:\n    pass")).startswith("not yet (time)")


def test_an_endless_loop_that_swallows_exceptions_ends(monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.3)
    loop = "while True:\n    try:\n        sum(range(100))\n    except Exception:\n        pass"
    assert said("1.3", broken("1.3", loop)).startswith("not yet (time)")


def test_an_endless_loop_ends_where_there_is_no_alarm(monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.3)
    monkeypatch.delattr(running.signal, "setitimer", raising=False)
    assert said("1.3", broken("1.3", "while True:\n    pass")).startswith("not yet (time)")
    assert said("1.3", EXERCISES["1.3"].solution).startswith("solved")


def test_an_endless_loop_ends_in_another_thread(monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 0.3)
    results = []
    names = mutants.surroundings("1")
    exec(broken("1.3", "while True:\n    pass"), names)

    def work():
        try:
            running.call(names["clean_mask"], np.zeros((2, 2), np.uint8))
        except running.Wrong as wrong:
            results.append(wrong.kind)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert results == ["time"]


@pytest.mark.skipif(not hasattr(running.signal, "SIGALRM"), reason="Windows has no alarm")
def test_the_alarm_is_put_back():
    before = running.signal.getsignal(running.signal.SIGALRM), sys.gettrace()
    said("1.3", EXERCISES["1.3"].solution)
    assert (running.signal.getsignal(running.signal.SIGALRM), sys.gettrace()) == before


def test_endless_recursion_is_an_error_like_another():
    assert "RecursionError" in said("1.3", "def clean_mask(stored):\n    return clean_mask(stored)")


@pytest.mark.parametrize("ending", ["raise KeyboardInterrupt", "raise SystemExit(3)", "exit()", "import sys; sys.exit()",
    "raise GeneratorExit", "class Mine(BaseException): pass\n        raise Mine('stop')"])
def test_what_ends_a_program_ends_no_notebook(ending):
    text = said("1.3", f"def clean_mask(stored):\n    if True:\n        {ending}")
    assert text.startswith("not yet (raises)") and len(text.splitlines()) == 1
    text = said("3.5", f"class StopAtGoal(keras.callbacks.Callback):\n    def __init__(self, goal):\n        {ending}")
    assert text.startswith("not yet (raises)") and "helpers" not in text


def test_a_message_quotes_the_students_own_line(tmp_path):
    """Also where the checker wraps the answer in a lambda of its own, and where the error arises inside a package."""
    path = tmp_path / "cell.py"
    path.write_text("from keras import layers\ndef block(x, filters):\n    x = layers.Conv2D(filters, 3)(x)\n    return layers.Dense('no')(x)\n")
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    text = printed(checks.exercise_2_3, names["block"])
    assert "(Line 3 of block: `return layers.Dense('no')(x)`.)" in text, text
    text = printed(checks.exercise_1_3, lambda stored: 1 / 0)
    assert "Line 1 of your lambda: `text = printed(checks.exercise_1_3, lambda stored: 1 / 0)`" in text, text


def test_the_line_that_raises_is_named():
    text = said("1.3", "def clean_mask(stored):\n    a = 1\n    return a / 0")
    assert "Line 3 of clean_mask" in text


@each
def test_the_students_variables_are_not_changed(identity):
    exercise = EXERCISES[identity]
    names = mutants.surroundings(identity[0])
    exec(exercise.solution, names)
    names["stored"], names["numbers"] = np.arange(6), [1, 2]
    before = {key: id(value) for key, value in names.items()}
    with redirect_stdout(io.StringIO()):
        exec(exercise.call, names)
    assert {key: id(value) for key, value in names.items()} == before
    assert names["stored"].tolist() == list(range(6)) and names["numbers"] == [1, 2]


@each
def test_answers_that_are_lists_come_back_as_they_were(identity):
    answers = {"2.4": ["B", "E"], "1.5": ["A", "B"], "2.1": [1, 6, 8, 64]}
    if identity in answers:
        mine = list(answers[identity])
        printed(getattr(checks, f"exercise_{identity.replace('.', '_')}"), mine)
        assert mine == answers[identity]


def test_global_randomness_goes_on_as_if_no_check_had_run():
    import random

    random.seed(3), np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3), np.random.seed(3)
    for identity in ("1.4", "2.3", "4.5"):
        said(identity, EXERCISES[identity].solution)
    assert (random.random(), np.random.random()) == expected


def test_order_does_not_matter():
    forwards = {i: said(i, e.solution) for i, e in EXERCISES.items()}
    backwards = {i: said(i, e.solution) for i, e in reversed(EXERCISES.items())}
    assert forwards == backwards


def test_importing_the_checks_loads_no_tensorflow():
    code = "import sys, helpers.checks; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_checks_of_notebook_01_load_no_tensorflow():
    code = (
        "import sys; sys.path.append('benchmarks'); import mutants\n"
        "for i, e in mutants.exercises().items():\n"
        "    if i[0] in '14': mutants.said(e, e.solution)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=os.environ)


# --- progress ---------------------------------------------------------------------------------------------------------


def test_progress_is_kept_on_disk(own_progress):
    said("1.2", "disc_dice = 0.5")
    said("1.3", EXERCISES["1.3"].solution)
    assert printed(checks.progress, "01").splitlines() == [
        "solved                 1 of 5: 1.3", "tried, not solved yet  1 of 5: 1.2",
        "not tried yet          3 of 5: 1.1, 1.4, 1.5",
    ]
    said("1.3", WRONG["1.3"][0][0])  # solved stays solved
    assert json.loads(own_progress.read_text()) == {"1.2": "tried", "1.3": "solved"}
    assert "not tried yet          6 of 6" in printed(checks.progress, "02")


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"1.1": 7}', '{"1.1": "mastered"}', "\x00\x01", "null"])
def test_a_damaged_file_breaks_nothing_and_is_kept(own_progress, content):
    own_progress.parent.mkdir(parents=True)
    own_progress.write_text(content)
    text = said("1.2", "disc_dice = 0.78")
    assert "solved" in text and "damaged" in text and "progress-damaged-1.json" in text
    assert own_progress.with_name("progress-damaged-1.json").read_text() == content
    assert json.loads(own_progress.read_text()) == {"1.2": "solved"}
    own_progress.write_text("{")
    assert "progress-damaged-2.json" in printed(checks.progress, "01")


def test_a_file_in_another_encoding_is_damaged_too(own_progress):
    own_progress.parent.mkdir(parents=True)
    own_progress.write_bytes(b"\xff\xfe{")
    assert "not tried yet          5 of 5" in printed(checks.progress, "01")
    assert own_progress.with_name("progress-damaged-1.json").exists()


def test_a_folder_that_cannot_be_written_breaks_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("UNET_COURSE_PROGRESS", str(tmp_path / "file"))
    text = said("1.2", "disc_dice = 0.78")
    assert "solved" in text and "cannot be kept" in text
    assert "of 5" in printed(checks.progress, "01")


def test_without_a_wish_progress_lies_among_the_runs(monkeypatch):
    monkeypatch.delenv("UNET_COURSE_PROGRESS")
    assert checks.progress_file() == ROOT / "runs" / "progress.json"


def test_an_unknown_exercise_has_no_hint():
    assert "There is no exercise" in printed(checks.hint, "9.9")


# --- predictions ------------------------------------------------------------------------------------------------------

TRUTHS = {
    "scan": 3,
    "disc": np.uint64(29), "easy discs": 0, "dark lesion": 0.25, "scene shape": (96, 96, 1), "lesions stay": "no",
        "blurred mask": "no", "averaged noise": 0.04, "size": "the same", "foreground": 0.0947, "copying": 0.28, "leaked": 1.0,
        "accuracy": 0.908, "empty dice": 0.17, "otsu": "worse", "hough": "small", "hardest dial": "vessels",
    "kernel": 3, "even kernel": 0, "weights": 1168, "block shape": (1, 96, 96, 8), "pooled shape": (1, 48, 48, 8),
        "painted": 40, "skip shape": (1, 96, 96, 16), "running mean": 0.3, "paper": 257, "field": 44, "skips": "boundaries",
    "steps": 2400, "folded": 0.5, "constant": 0.1, "constant_dice": 0.99, "hand_step": 2.6, "asked_again": "higher", "behind": "BCE",
        "half": 1225, "epochs": 39, "resumed": "exactly", "places": "places", "vessels": "at first",
    "curve": "plateau", "same worst": "no", "ladder": 0.35, "per image": 0.5, "pooled": 0.99, "border": "alike",
        "noise": 0.33, "first to give": "missed", "calibration": "fewer", "sanity": "alike", "coins": "U-Net",
    "patient 1": "masks", "patient 2": "images", "patient 3": "cannot", "logits": "minus and plus infinity",
    "patient 4": "B", "medicine": 0.0, "patient 5": "X", "patient 6": "masks", "patient 7": "split", "patient 8": "small",
    "patient 9": 1, "patient 10": "normalization", "hospitals": "West",
    "broken file": "stop", "test patients": 1, "one picture": "trained weights", "seam": 0.9, "oval": "less",
    "machine share": 0.34, "two devices": "in the last digits", "wide step": 1.8,
    "operations": "half a billion", "convolutions": 53, "two threads": "about the same", "worker 0": "ends",
    "pieces": "fewer", "waist": "more", "gap weight": 9.231163463866358, "crescent": "misses part of", "weights help": "where many touch",
    "all logits": "stay", "all background": 0.82, "heavy vessels": "recall", "weakest class": "vessel",
    "unmarked": "ignores them", "neighbor slice": 0.92, "brain start": "small",
}
every_prediction = pytest.mark.parametrize("name", TRUTHS)


def revealed(name, guess):
    return printed(checks.reveal, name, guess, TRUTHS[name])


def test_every_prediction_stands_in_a_notebook_and_has_a_guess_of_its_own():
    assert set(TRUTHS) == set(checks.PREDICTIONS)
    found = []
    for path in sorted((ROOT / "notebooks").glob("0[0-9]_*.py")):
        text = path.read_text(encoding="utf-8")
        names = re.findall(r'checks\.reveal\(\s*"([^"]+)", guess\w*,', text)
        assert len(names) >= (3 if path.name[1] > "0" else 1)
        assert len(re.findall(r"^guess\w* = None  # \S", text, re.MULTILINE)) == len(names), path.name
        found += names
    assert sorted(found) == sorted(checks.PREDICTIONS)


@every_prediction
def test_an_untouched_guess_runs_through(name):
    assert revealed(name, None) == "Guess first, in place of None above.\n"  # where nothing can be folded, no truth either


@every_prediction
def test_the_right_guess_is_right(name):
    assert "That is what you said." in revealed(name, TRUTHS[name])


@every_prediction
def test_every_slip_gets_the_message_written_for_it(name):
    prediction = checks.PREDICTIONS[name]
    assert prediction.slips
    for slip, message in prediction.slips.items():
        if slip != TRUTHS[name]:
            assert message in revealed(name, slip)


@pytest.mark.parametrize("name", [name for name, truth in TRUTHS.items() if isinstance(truth, (int, float, np.integer))])
def test_no_number_is_told_only_how_far_off_it_is(name):
    """Each number that is not near gets a sentence on what may lie behind it, and a near one does not hide a slip."""
    for guess in [*range(-3, 41), 90, 240, 700, 3000, 10**6, *np.round(np.arange(0, 1.5, 0.035), 3).tolist()]:
        text = revealed(name, guess).strip()
        if "That is what you said" not in text and "near enough" not in text and "percent" not in text:
            assert re.search(r" too (low|high)(, by a factor of [^ ]+)?\. [A-Z0-9].{10,}[.?]$", text), text


def test_the_folded_answer_lists_what_people_guess(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    checks.reveal("accuracy", None, 0.908)
    folded = shown[0]._repr_html_()
    assert folded.startswith("<details><summary>") and "<p>Its pixel accuracy is 0.91.</p>" in folded
    for slip, words in checks.PREDICTIONS["accuracy"].slips.items():
        assert f"<li>{slip}: {words}</li>" in folded
    checks.reveal("border", None, "alike")
    assert "<li>&quot;border&quot;: " in shown[1]._repr_html_() and "alike&quot;" not in shown[1]._repr_html_()


@every_prediction
@pytest.mark.parametrize("guess", [object(), "seven", [1, [2]], np.zeros((3, 3)), float("nan"), 1j, {}, True, (), -5,
    10**9, b"x"])
def test_any_guess_gets_an_answer(name, guess):
    text = revealed(name, guess)
    assert text.count("\n") == 1 and len(text) > 20


def test_a_guess_is_told_how_far_off_it_is():
    assert "which is 11 too high" in revealed("disc", 40)
    assert "near enough" in revealed("foreground", 0.09)
    assert "near enough" in revealed("empty dice", 0.14), "one picture in seven is empty, says the notebook"
    assert "percent" in revealed("accuracy", 91)
    assert "by a factor of 3.5" in revealed("noise", 0.095)
    assert "which is 193 too high" in revealed("foreground", 193.1)


# --- the environment --------------------------------------------------------------------------------------------------

GOOD = {"numpy": "2.1.3", "opencv-python": "4.12.0.88", "matplotlib": "3.10.0", "scikit-learn": "1.6.1",
    "scikit-image": "0.25.2",
        "tensorflow": "2.20.0", "keras": "3.13.2", "ipywidgets": "7.7.1", "anywidget": "0.11.0"}


def problems(python=(3, 12), reasons=(), **changes):
    versions = {**GOOD, **{name.replace("_", "-"): version for name, version in changes.items()}}
    return checks.find_problems(python, versions.get, lambda module: dict(reasons).get(module, ""))


def test_this_environment_fits():
    assert "Everything that the course needs is here." in printed(checks.environment)


def test_colab_and_binder_fit():
    assert problems() == []
    assert problems(tensorflow=None, tensorflow_cpu="2.21.0", opencv_python=None,
        opencv_python_headless="5.0.0.93") == []
    assert problems((3, 11)) == problems((3, 13)) == problems(tensorflow="2.21.1", keras="3.15.1",
        ipywidgets="8.1.9") == []


def test_what_is_missing_is_named_with_its_remedy():
    (problem, remedy), = problems(tensorflow=None)
    assert problem == "tensorflow is missing." and remedy.startswith("tensorflow>=2.20")
    (problem, remedy), = problems(keras="3.16.0")
    assert "keras is 3.16.0" in problem and remedy.startswith("keras>=3.13")
    (problem, _), = problems(ipywidgets="7.7.0")
    assert "ipywidgets is 7.7.0" in problem
    (problem, _), = problems((3, 10))
    assert "Python is 3.10" in problem
    assert "Python is 3.14" in problems((3, 14))[0][0]


def test_a_missing_graphics_library_asks_for_the_headless_build():
    (problem, remedy), = problems(reasons={"cv2": "ImportError: libGL.so.1: cannot open shared object file."})
    assert "libGL" in problem and remedy.startswith("opencv-python-headless")


@pytest.mark.parametrize("place, words", [("Colab", "Runtime > Restart session"), ("Binder", "newly launched"),
    ("laptop", "fresh environment")])
def test_the_remedy_fits_the_place(monkeypatch, place, words):
    monkeypatch.setattr(machine, "place", lambda: place)
    monkeypatch.setattr(machine, "find_problems", lambda: [("keras is missing.", "keras>=3.13,<3.16")])
    text = printed(checks.environment)
    assert '%pip install "keras>=3.13,<3.16"' in text and words in text


def test_places_are_told_apart(monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.delenv("BINDER_SERVICE_HOST", raising=False)
    assert start.place() in ("laptop", "Binder")
    monkeypatch.setenv("BINDER_SERVICE_HOST", "1.2.3.4")
    assert start.place() == "Binder"
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    assert start.place() == "Colab"


def test_versions_are_compared_as_numbers():
    assert machine.fits("2.9.1", ">=2.0,<2.10") and not machine.fits("2.10.0", ">=2.0,<2.10")
    assert machine.fits("8", ">=7.7.1,<9") and machine.fits("2.21.0rc1", ">=2.20,<2.22") and machine.fits("1.0", "")


# --- the mutation report ----------------------------------------------------------------------------------------------


def test_no_mutant_of_meaning_passes_and_the_report_quotes_each_answer(own_progress):
    answers = mutants.of_meaning()
    report = mutants.REPORT.read_text(encoding="utf-8")
    assert len(answers) >= 25 and len({identity for identity, *_ in answers}) >= 15
    for identity, meaning, answer in answers:
        assert answer.startswith("not yet ("), (identity, meaning, answer)
        assert f"| {identity} | {meaning} | {answer} |" in report


def test_the_mutation_report_is_there_and_good():
    text = (ROOT / "benchmarks" / "mutants.md").read_text(encoding="utf-8")
    share = float(re.search(r"the checkers catch ([\d.]+)%", text).group(1))
    assert share >= 95
    assert set(re.findall(r"^\| (\d\.\d) \| \d+ \|", text, re.MULTILINE)) == set(EXERCISES)


@pytest.mark.parametrize("identity", ["1.3", "3.2", "4.2"])
def test_mutants_are_still_caught(identity, monkeypatch):
    monkeypatch.setattr(running, "SECONDS", 1.0)
    with np.errstate(all="ignore"):
        count, survivors, _ = mutants.examine(EXERCISES[identity])
    assert count > 10 and not survivors


# --- the glossary in 00_start_here ------------------------------------------------------------------------------------


def glossary():
    """The glossary's terms: anchor to `(heading, text)`."""
    source = (ROOT / "notebooks" / "00_start_here.py").read_text(encoding="utf-8")
    text = re.sub(r"^# ?", "", source, flags=re.MULTILINE)
    entries = re.findall(r'^### <a id="([^"]+)"></a>(.+?)\n\n(.+?)\n\n', text, re.MULTILINE | re.DOTALL)
    return {anchor: (heading, body) for anchor, heading, body in entries}


def test_the_glossary_has_forty_terms_of_two_or_three_sentences():
    assert len(glossary()) >= 40
    for anchor, (heading, body) in glossary().items():
        # JupyterLab makes a heading's own anchor from its words, so that links work there as they do elsewhere.
        assert heading.replace(" ", "-") == anchor
        assert 2 <= len(re.findall(r"[.!?](?=\s|$)", body)) <= 3, f"{heading}: {body}"


def test_every_term_is_linked_from_where_it_is_first_used():
    linked = []
    for path in sorted((ROOT / "notebooks").glob("0[1-9]_*.py")):
        linked += re.findall(r"\(00_start_here\.ipynb#([\w-]+)\)", path.read_text(encoding="utf-8"))
    assert set(linked) <= set(glossary())
    assert len(set(glossary()) - set(linked)) == 0, set(glossary()) - set(linked)
