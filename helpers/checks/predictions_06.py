"""Predictions of notebook 06, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "broken file": Prediction("the loader's answer is to {}", 0, {
        "skip": "Skipping quietly makes the data set smaller, and nobody notices.",
        "use half": "Then the network would learn that nuclei end in the middle of a picture.",
    }, ("skip", "stop", "use half"), '"stop"'),
    "test patients": Prediction("the test set holds {} patient", 0, {
        5: "That is nearly the number of its pictures. The set is made of whole patients, four pictures each.",
        4: "That is the number of its pictures; they belong to one patient.",
        2: "A fifth of six patients is 1.2, so the nearest whole number is smaller.",
        6: "These are all patients; three sets share them.",
    }, example="2",
        below="The test set must hold somebody, and a patient is never divided.",
        above="A fifth of six patients is 1.2, and only whole patients are given out."),
    "one picture": Prediction("ahead is the start from {}", 0, {
        "scratch": "With one picture there is little to learn from, so what the network already knows counts most.",
        "trained weights": "Here the task was too different from drawn discs, or this run was lucky. Try another seed.",
    }, ("trained weights", "scratch"), '"scratch"'),
    "seam": Prediction("the largest difference is {:.2f}", 0.1, {
        0.01: "The average difference is that small, but at a seam whole pieces of a nucleus change.",
        0: "A tile does not see what lies beyond its edge, and near the edge it decides differently.",
    }, example="0.5",
        below="The average difference is small, but near a seam a tile misses half of what it would need "
              "to see, and decides otherwise.",
        above="A difference of two probabilities is never above 1."),
    "oval": Prediction("its roundness is {} than 0.9", 0, {
        "more": "Stretched to twice its length, a disc has twice the area and 1.54 times the perimeter. "
            "Squared, that is 2.4.",
    }, ("more", "less"), '"less"'),
}
