"""Predictions of notebook 01, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
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
}
