"""Predictions of notebook 02, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
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
}
