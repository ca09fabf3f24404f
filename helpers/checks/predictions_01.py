"""Predictions of notebook 01, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "disc": Prediction("{} pixels are 1", 0, {
        28: "28 is the area of the ideal circle, rounded. Pixels are whole, and a mask is a set of pixels.",
        36: "That is the square around a disc 6 pixels wide; the disc leaves out the corners.",
        49: "That is the whole square around it, 7 pixels wide; the disc leaves out the corners.",
        37: "That takes in pixels whose centers lie up to half a pixel outside. Only centers inside the circle count.",
        45: "That counts all pixels that the disc touches. Only those whose centers lie in it belong to it.",
        25: "You may have left out the four pixels at the ends: their centers lie exactly on the circle, and count.",
        19: "That is the circumference; the disc is filled.",
        9: "That is the square of the radius; the area is pi times as large.",
    },
        below="Count one row at a time: the middle row alone has seven pixels.",
        above="The square around the disc is 7 pixels wide and has 49; the disc leaves out its corners."),
    "easy discs": Prediction("{} pixels are wrong", 0, {
        9216: "Every pixel of a disc is 0.9 and every other one is 0, so 0.5 separates them all.",
        100: "Pixels on the edges would be wrong if they were gray. Here each pixel is either 0.9 or 0.",
        50: "Pixels on the edges would be wrong if they were gray. Here each pixel is either 0.9 or 0.",
    }, example="100",
        below="No number of wrong pixels is below 0.",
        above="Nothing lies between 0 and 0.9 in this picture, so a comparison with 0.5 makes no mistake."),
    "dark lesion": Prediction("the lesion has the gray level {:.2f}", 0.001, {
        0.85: "That is a lesion in the brightest corner: 0.6 of light and 0.25 of contrast. In the darkest corner the "
            "light is 0.",
        0.6: "That is the bare background in the brightest corner. The lesion lies in the darkest one, where the light "
            "is 0.",
        0.55: "That is a lesion in the middle of the picture, where the light is 0.3. In the darkest corner it is 0.",
        0.0: "That is the background in the darkest corner. The lesion is brighter than that by its contrast.",
        0.15: "Contrast is added to the light, not multiplied with it.",
    }, example="0.3",
        below="The lesion is brighter than what is around it by its contrast.",
        above="In the darkest corner the light is 0, so nothing but the contrast is left."),
    "scene shape": Prediction("the shape is {}", 0, {
        (96, 96): "The last axis is missing: it counts the channels, and here there is one.",
        (96, 96, 3): "Three channels make a color picture; a scan has one gray value for each pixel.",
        (1, 96, 96, 1): "An axis in front counts pictures of a batch. This is one picture, so there is none.",
        (1, 96, 96): "The channels come last in this course.",
    }, example="(1, 2, 3)"),
    "lesions stay": Prediction("do the lesions stay: {}", 0, {
        "yes": "They stayed when circles were added, because those are drawn last. Vessels are drawn before the "
            "lesions and use up random numbers, so the lesions get others.",
    }, ("yes", "no"), '"yes"'),
    "blurred mask": Prediction("does the mask change: {}", 0, {
        "yes": "The outlines are the same in all the pictures. Only the image is blurred; the mask is not.",
    }, ("yes", "no"), '"yes"'),
    "averaged noise": Prediction("the averages scatter by {:.3f}", 0.003, {
        0.2: "That is the scatter of a single pixel. In an average, noise above and noise below cancel in part.",
        0.008: "That is 0.2 / 25. Noise shrinks with the square root of the number of pixels, so divide by 5.",
        0.0: "It would vanish only in an average over endlessly many pixels.",
        1.0: "That is 0.2 times 5. An average scatters less than a single pixel, so divide by 5.",
    }, example="0.1",
        below="Averaging helps, but only with the square root of the number of pixels: 25 pixels make it "
              "5 times smaller.",
        above="Noise above and noise below cancel in part, so the average of 25 pixels scatters 5 times "
              "less than one pixel."),
    "size": Prediction("the number of pixels is {}", 0, {
        "more": "That would be a zoom. The radius is given in pixels, so 10 stays 10.",
        "fewer": "It looks smaller because the larger picture is shown at the same size. Its radius stays 10 pixels.",
    }, ("more", "fewer", "the same"), '"more"'),
    "foreground": Prediction("the share of foreground is {:.2f}", 0.02, {
        0.25: "A quarter would look crowded: six lesions of radius 15, the most that one picture gets, cover less "
            "than half of it.",
        0.01: "Rarer than it is: a single lesion of radius 10 takes up three hundredths of a picture.",
        0.5: "Half and half would be balanced. Lesions are rare, here as in a clinic.",
        0.9: "That is the share of background.",
    }, example="0.3",
        below="Lesions are rarer than background, but not that rare: one of radius 10 takes up three "
              "hundredths of a picture, and there are three on average.",
        above="Most pictures hold three lesions or fewer, and each is a few hundredths of the picture."),
    "copying": Prediction("on pictures that it has not seen it scores {:.2f}", 0.05, {
        1: "That is what it scores on pictures that it knows. On new ones it copies the lesions of another picture.",
        0: "A little is right by accident: lesions are many, and an empty picture can meet an empty mask.",
        **dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9, 0.95), "Two pictures can look alike and still have their lesions in "
            "different places: light and vessels make up most of the likeness."),
    }, example="0.8",
        below="It is not quite useless: lesions often overlap by accident, and an empty picture may meet "
              "an empty mask.",
        above="It finds the picture with the most similar light and vessels, and the lesions of that "
              "picture lie elsewhere."),
    "leaked": Prediction("on pictures that it knows it scores {:.2f}", 0, {
        **dict.fromkeys((0.8, 0.9, 0.95, 0.99), "The picture most similar to a known picture is that picture itself. "
            "Its own mask is copied, so every score is 1."),
        **dict.fromkeys((0, 0.3, 0.5), "It looks up the most similar picture, and that is now the very same one."),
    }, example="0.8",
        below="It looks up the most similar picture, which is now the very same one, and copies its own "
              "mask.",
        above="No score is above 1."),
    "accuracy": Prediction("its pixel accuracy is {:.2f}", 0.02, {
        0: "It never finds a lesion, and is still right on every pixel of background.",
        0.5: "It would be a half if there were as much foreground as background.",
        0.1: "That is the share of foreground, which it gets wrong. It is right on all the rest.",
        1: "That would mean that there is no lesion at all. It is wrong on every pixel of every lesion.",
    }, example="0.3",
        below="It is right on all background, and about nine pixels in ten are background.",
        above="It is wrong on every pixel of every lesion, and those are about one in ten."),
    "empty dice": Prediction("its mean Dice is {:.2f}", 0.03, {
        0: "It scores 0 wherever there is a lesion. But on an empty picture nothing is the right answer, and scores 1.",
        **dict.fromkeys((0.9, 0.91), "That is its pixel accuracy. Correct background earns nothing in Dice."),
        1: "Correct background earns nothing in Dice: it scores 0 on every picture with a lesion.",
        0.5: "It scores 1 on empty pictures and 0 on all others, and only about one picture in six is empty here.",
    }, example="0.3",
        below="It scores 1 on the empty pictures, and about one picture in six is empty here.",
        above="It scores 0 on every picture with a lesion, however much background it gets right."),
    "otsu": Prediction("Otsu is {} than the best global threshold", 0, {
        "better": "It sounds like an advantage that it adapts to each picture. But within one of our pictures the "
            "strongest split is the one between its bright and its dark side, and Otsu takes that.",
    }, ("better", "worse"), '"better"'),
    "hough": Prediction("it misses the {} ones more often", 0, {
        "large": "A large circle has a longer edge, so more pixels vote for its center.",
    }, ("small", "large"), '"small"'),
    "hardest dial": Prediction("the one that costs most is {}", 0, {
        "noise": "Noise of 0.1 is less than half of the weakest contrast, so most lesion pixels pass a threshold.",
        "illumination": "Alone it costs less: many lesions still lie where the light does not hide them. A vessel "
            "is as bright as a lesion wherever it runs.",
        "vessels": "",
    }, ("noise", "vessels", "illumination"), '"noise"'),
}
