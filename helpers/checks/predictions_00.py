"""Predictions of notebook 00, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "scan": Prediction("scan 2 holds {} lesions", 0, {
        2: "One is faint: it lies in the dark upper part. Look at the picture with the outlines.",
        4: "A bright place on a vessel can look like one. A lesion is round, and wider than the vessel.",
        5: "Bright spots along a vessel are not lesions: a lesion is round, and several pixels wide.",
        1: "Two of them are large and bright, and the third is faint; look at the picture with the outlines.",
        0: "Two of them are as bright as the vessels. Look for round spots that are wider than a vessel.",
    }, example="2",
        below="Two are bright, and one is faint, in the dark upper part; look at the picture with the outlines.",
        above="A bright spot that is no wider than its vessel is no lesion: a lesion is round, and wider. One lesion "
              "here lies just where vessels cross."),
}
