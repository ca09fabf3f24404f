"""Guesses before a cell runs, and what each of them tells."""

import math
from numbers import Integral, Real
from typing import NamedTuple

from helpers.checks.running import np, short


class Prediction(NamedTuple):
    """How a guess is answered: the truth in words, how near counts as right, and typical slips with their messages."""

    caption: str  # with {} for the number
    near: float = 0
    slips: dict = {}
    choices: tuple = ()
    example: str = "12"


PREDICTIONS = {
    # 00
    "scan": Prediction("scan 1 holds {} lesions", 0, {
        2: "One is faint, or near the border; look at the picture with the outlines.",
        4: "Where two vessels cross, or one runs along the border, it can look like one.",
        5: "Bright spots along a vessel are not lesions: a lesion is round, and several pixels wide.",
        0: "They are faint, but there: look at the picture with the outlines.",
    }, example="2"),
    # 01
    "disc": Prediction("{} pixels are 1", 0, {
        28: "28 is the area of the ideal circle. Pixels are whole, and a mask is a set of pixels.",
        36: "That is the square around a disc 6 pixels wide; the disc leaves out the corners.",
        49: "That is the whole square around it, 7 pixels wide; the disc leaves out the corners.",
        37: "You counted every pixel that a circle of radius 3 or a little more could touch.",
        19: "That is the circumference; the disc is filled.",
    }),
    "scene shape": Prediction("the shape is {}", 0, {
        (96, 96): "The last axis is missing: it counts the channels, and here there is one.",
        (96, 96, 3): "Three channels make a color picture; a scan has one gray value for each pixel.",
        (1, 96, 96, 1): "An axis in front counts pictures of a batch. This is one picture, so there is none.",
        (1, 96, 96): "The channels come last in this course.",
    }, example="(1, 2, 3)"),
    "foreground": Prediction("the share of foreground is {:.2f}", 0.02, {
        0.25: "A quarter would look crowded: six lesions of radius 15, the most that one picture gets, cover less "
            "than half of it.",
        0.01: "Rarer than it is: a single lesion of radius 10 takes up three hundredths of a picture.",
        0.5: "Half and half would be balanced. Lesions are rare, here as in a clinic.",
    }, example="0.3"),
    "copying": Prediction("on pictures it has not seen it scores {:.2f}", 0.05, {
        1: "That is what it scores on pictures that it knows, which is what leakage feigns.",
        0: "A little is right by accident: lesions are many, and empty pictures can meet empty masks.",
        0.5: "Similar pictures need not have lesions in the same place; half would be far too much.",
    }, example="0.8"),
    "accuracy": Prediction("its pixel accuracy is {:.2f}", 0.02, {
        0: "It never finds a lesion, and is still right on every pixel of background.",
        0.5: "It would be a half if there were as much foreground as background.",
        0.1: "That is the share of foreground, which it gets wrong. It is right on all the rest.",
    }, example="0.3"),
    "otsu": Prediction("Otsu is {} than the best global threshold", 0, {
        "better": "To adapt to each picture sounds like an advantage. But Otsu adapts to the light, and the light is "
            "what varies most.",
    }, ("better", "worse"), '"better"'),
    # 02
    "kernel": Prediction("around row 2, column 2 it gives {}", 0, {
        0: "It would be 0 if both sides were equally bright. Here the right column of the window lies in the bright "
            "half.",
        -3: "The sign: the kernel counts the right neighbors as positive, and they are the bright ones.",
        9: "Only the right column of the kernel falls on ones; the middle column is 0 and the left one falls on zeros.",
        6: "Both sides would have to add up; the left column falls on zeros, so it adds nothing.",
        1: "That is one row of the window; there are three.",
    }),
    "weights": Prediction("the layer learns {} weights", 0, {
        1152: "The biases are missing: one for each of the 16 results.",
        1160: "One bias for each result, and there are 16 of them, not 8.",
        144: "Each of the 16 results has a kernel of its own for each of the 8 channels that come in.",
        160: "Each of the 16 results has a kernel of its own for each of the 8 channels that come in.",
        128: "That is the number of kernels; each has nine numbers.",
        1153: "Each of the 16 results has a bias of its own.",
    }),
    "block shape": Prediction("the shape is {}", 0, {
        (1, 92, 92, 8): "That is what comes out without padding. Here zeros are put around the picture, so its size "
            "stays.",
        (1, 96, 96, 1): "The block has 8 filters, and each gives a channel.",
        (1, 48, 48, 8): "A convolution does not halve; that will be the work of pooling.",
        (1, 96, 96, 16): "Two convolutions follow each other; their channels do not add up.",
        (96, 96, 8): "The first axis counts the pictures, and it stays.",
    }, example="(1, 2, 3, 4)"),
    "skip shape": Prediction("the shape is {}", 0, {
        (1, 96, 96, 8): "That would be adding the maps. A U-Net puts them side by side.",
        (2, 96, 96, 8): "The pictures do not become more; the channels do.",
        (1, 192, 96, 8): "They are joined along the channels, not along the height.",
        (1, 96, 192, 8): "They are joined along the channels, not along the width.",
    }, example="(1, 2, 3, 4)"),
    "paper": Prediction("it has {:.0f} times fewer weights", 40, {
        8: "8 is the ratio of the filters. Weights grow with the square of it, and the paper has a level more.",
        64: "8 times 8 is right for the filters. The paper's fifth level makes a factor of four more.",
        16: "Weights grow with the square of the filters, and with every level.",
        512: "A little too much: 8 times 8 for the filters, and four for the level more.",
    }),
    "skips": Prediction("most is lost at the {}", 0, {
        "middle": "The bottleneck knows what is in the middle of a lesion. What it does not know is where exactly the "
            "lesion ends.",
    }, ("middle", "boundaries"), '"middle"'),
    # 03
    "steps": Prediction("there are {} steps in all", 0, {
        200: "That is one epoch; there are twelve.",
        9600: "That is how many pictures are looked at; each step takes four at once.",
        12: "One step is one batch, not one epoch.",
        48: "You multiplied epochs and batch size. How many batches do 800 pictures fill?",
        38400: "A step takes four pictures at once, so there are fewer steps than pictures.",
    }),
    "constant": Prediction("the constant with the lowest BCE is {:.1f}", 0.02, {
        0: "With 0 each pixel of a lesion is an infinite surprise, however few of them there are.",
        0.5: "0.5 means \"I do not know\". But one does know something: lesions are rare.",
        0.9: "That is the share of background; the prediction is the probability of foreground.",
        1: "With 1 each pixel of background is an infinite surprise.",
    }, example="0.3"),
    "half": Prediction("the rate is back at half its peak after {} steps", 30, {
        50: "At step 50 the rate is at its peak.",
        25: "At step 25 it is at half its peak for the first time, on its way up. When is it back there?",
        2400: "At the last step the rate is 0.",
        600: "A cosine is flat at the top: a quarter of the way down it has hardly fallen.",
    }),
    "epochs": Prediction("it stopped after {} epochs", 8, {
        80: "All of them would be used if validation went on improving. Six pictures are soon known by heart.",
        15: "15 is how long it waits without an improvement. It begins to count at the best epoch.",
    }),
    "resumed": Prediction("{}", 0, {
        "roughly": "It would be, if the order of the pictures, the augmentation or the optimizer's memory began anew. "
            "All three are kept.",
        "three digits": "Closer than that: nothing that a step depends on was lost.",
    }, ("roughly", "three digits", "exactly"), '"roughly"'),
    # 04
    "curve": Prediction("it is a {}", 0, {
        "hill": "Gray levels make a hill, since many pixels lie on either side of any threshold. A trained network "
            "has hardly any in the middle.",
        "slope": "A slope would mean that a lower, or a higher, threshold is always better. At both ends something is "
            "lost.",
    }, ("hill", "slope", "plateau"), '"hill"'),
    "ladder": Prediction("the difference is {:.2f}", 0.05, {
        0.1: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.05: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.9: "Nobody could: Hough circles stand at about 0.65, and 1 is the highest score there is.",
        0.98: "That is the U-Net's own score; the question is how far it stands above Hough circles.",
    }, example="0.2"),
    "pooled": Prediction("the pooled Dice is {:.2f}", 0.005, {
        0.5: "That is the mean per image. In the pooled score the 20 pixels drown among 1020.",
        0.98: "Nearly: 1000 of 1020 are found, that is recall. Dice has twice the overlap over the sum of both areas.",
        1: "Almost, but 20 pixels are missed.",
        0: "One lesion is found, and it is the large one.",
    }, example="0.3"),
    "noise": Prediction("its Dice falls below 0.8 at a noise of about {:.2f}", 0.04, {
        0.1: "0.10 is the noise that it was trained on; there it is at its best.",
        0.4: "By then it has fallen further.",
    }, example="0.2"),
    "coins": Prediction("{} is closer", 0, {
        "Otsu": "On our scans Otsu fails because of the light. A U-Net knows round, bright things on uneven ground, "
            "and coins are just that.",
        "U-Net": "Coins have reliefs, dark rims and shadows that no drawn disc has, and gray levels alone do well "
            "here.",
    }, ("U-Net", "Otsu"), '"Otsu"'),
}


def reveal(name: str, guess, truth) -> None:
    """Print the truth of a prediction, and an answer to the guess: how far off, and what may lie behind it.

    name: of the prediction; guess: the student's, or None; truth: as it came out. Anything goes as a guess.
    """
    prediction = PREDICTIONS[name]
    truth = truth.item() if isinstance(truth, np.generic) else truth
    caption = prediction.caption.format(f"{truth:,}" if isinstance(truth, int) and "{}" in prediction.caption else truth)
    caption = caption[0].upper() + caption[1:]
    if guess is None:
        print(f"{says}. (No guess yet: put one in place of None.)")
        return
    guess = _plain(guess)
    if isinstance(truth, str):
        answer = _answer_choice(prediction, guess, truth)
    elif isinstance(truth, tuple):
        answer = _answer_shape(prediction, guess, truth)
    else:
        answer = _answer_number(prediction, guess, truth)
    print(f"{says}. {answer}")


def _plain(guess):
    """Return a guess as a plain number, text or tuple where it can be one."""
    if isinstance(guess, (np.ndarray, np.generic)) and guess.size == 1:
        return guess.item()
    return tuple(guess) if isinstance(guess, list) else guess


def _answer_choice(prediction, guess, truth):
    kinds = {choice.casefold(): choice for choice in prediction.choices}
    chosen = kinds.get(guess.strip().casefold()) if isinstance(guess, str) else None
    if chosen is None:
        return f"Your guess {short(guess)} is none of {', '.join(map(repr, prediction.choices))}."
    if chosen == truth:
        return "That is what you said."
    return f"You said {chosen!r}. {prediction.slips.get(chosen, '')}".rstrip()


def _answer_shape(prediction, guess, truth):
    if not isinstance(guess, tuple) or not all(isinstance(n, Integral) for n in guess):
        return f"Your guess {short(guess)} is not a shape; write one such as {prediction.example}."
    if guess == truth:
        return "That is what you said."
    if guess in prediction.slips:
        return f"You said {guess}. {prediction.slips[guess]}"
    if len(guess) != len(truth):
        return f"You said {guess}, with {len(guess)} numbers in place of {len(truth)}."
    return f"You said {guess}; {sum(a != b for a, b in zip(guess, truth))} of its {len(truth)} numbers differ."


def _answer_number(prediction, guess, truth):
    if isinstance(guess, bool) or not isinstance(guess, Real) or not math.isfinite(guess):
        return f"Your guess {short(guess)} is not a number; write one such as {prediction.example}."
    off = guess - truth
    if guess == truth:
        return "That is what you said."
    if abs(off) <= prediction.near and guess not in prediction.slips:
        return f"You said {guess:g}: near enough."
    way = "high" if off > 0 else "low"
    far = f"{abs(off):,.2g}" if isinstance(truth, float) else f"{abs(off):,g}"
    answer = f"You said {guess:g}, which is {far} too {way}"
    if truth > 0 and guess > 0 and max(guess / truth, truth / guess) >= 2:
        answer += f", by a factor of {max(guess / truth, truth / guess):.2g}"
    slip = min(prediction.slips, key=lambda number: abs(guess - number))
    if abs(guess - slip) <= 1e-9 + 0.004 * abs(slip):
        return f"{answer}. {prediction.slips[slip]}"
    if 0 < truth < 1 < guess <= 100:
        return f"{answer}. If you meant per cent: a share is a number between 0 and 1."
    return f"{answer}."
