"""Predictions of notebook 00, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "scan": Prediction("scan 2 holds {} lesions", 0, {
        2: "One is faint, or near the border; look at the picture with the outlines.",
        4: "Where two vessels cross, or one runs along the border, it can look like one.",
        5: "Bright spots along a vessel are not lesions: a lesion is round, and several pixels wide.",
        1: "That one is clear. The others are fainter; look at the picture with the outlines.",
        0: "They are faint, but there: look at the picture with the outlines.",
    }, example="2",
        below="One is fainter than the others, or lies near the border; look at the picture with the "
              "outlines.",
        above="A bright spot on a vessel, or where two of them cross, is no lesion: a lesion is round, "
              "and wider than a vessel."),
}
