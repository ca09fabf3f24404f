"""Predictions of notebook 03, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
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
}
