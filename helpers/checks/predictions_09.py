"""Predictions of notebook 09, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "all logits": Prediction("they {}", 0, {
        "grow": "Each sigmoid would grow. A softmax compares the logits of a pixel, and all of them have gained the "
            "same.",
        "shrink": "They add up to one before and after, so they cannot all shrink.",
    }, ("grow", "stay", "shrink"), '"grow"'),
    "all background": Prediction("its pixel accuracy is {:.2f}", 0.03, {
        0.33: "That would be so if the three classes were equally frequent. Most of a scan is background.",
        0.5: "Half and half would be a coin. Most of a scan is background, and all of that is right.",
        0: "It misses every lesion and every vessel. But the background is most of the picture, and all of it is "
            "right.",
        0.95: "That leaves 5 pixels in a hundred for lesions and vessels. Together they take more than three "
            "times as many.",
    }, example="0.5", below="Each pixel of the background is right, and most of a scan is background: count those.",
        above="Vessels and lesions are wrong, all of them, and together they are more than a few pixels in a hundred."),
    "heavy vessels": Prediction("{}", 0, {
        "both": "More of them are found, but a mistake on the background has become cheap, so more is claimed as well.",
        "precision": "A heavy class is one that is expensive to miss. The network marks more, and is wrong more often.",
        "neither": "The weights change what a mistake costs, and the network finds another compromise.",
    }, ("recall", "precision", "both", "neither"), '"both"'),
    "weakest class": Prediction("it is the {}", 0, {
        "background": "It has by far the most pixels, so that its few errors hardly count.",
        "lesion": "Lesions are round and large: most of their pixels lie far from an outline. A line two pixels wide "
            "is nothing but outline.",
    }, ("background", "lesion", "vessel"), '"lesion"'),
    "unmarked": Prediction("the better one {}", 0, {
        "calls them background": "Then three quarters of all lesions are taught as background, and the network learns "
            "to leave most of them out.",
    }, ("ignores them", "calls them background"), '"ignores them"'),
    "neighbor slice": Prediction("it scores {:.2f}", 0.04, {
        0.5: "That is about what a copy from twelve millimeters away scores. One millimeter further, a brain has "
            "hardly changed.",
        0.7: "That is about what a copy from five millimeters away scores.",
        1: "Almost, but the folds do move a little from slice to slice.",
    }, example="0.5", below="A slice is one millimeter thick, and a brain hardly changes over such a distance.",
        above="The two slices are neighbors and not the same: at the folds they differ."),
    "brain start": Prediction("the difference is {}", 0, {
        "large": "Lesions on uneven light and a folded brain have edges in common, and little else. With some dozens "
            "of slices the network learns edges as quickly from scratch.",
    }, ("large", "small"), '"large"'),
}
