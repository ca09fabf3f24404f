"""Predictions of notebook 04, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
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
