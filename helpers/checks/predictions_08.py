"""Predictions of notebook 08, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "pieces": Prediction("connected components find {}", 0, {
        "more": "That happens where a lesion is cut in two, by a vessel for example. In a true mask no lesion is. What "
            "a mask cannot show is a border between two lesions.",
        "as many": "That holds while no two lesions touch. A mask says which pixels are lesion, and not which lesion.",
    }, ("more", "as many", "fewer"), '"as many"'),
    "waist": Prediction("a smaller waist gives {} objects", 0, {
        "fewer": "It is the other way round: waist says how much narrower a place has to be before it is cut. A small "
            "number lets the watershed cut at slight waists, too.",
        "as many": "The number decides which hills of the distance are hills of their own, so it decides how many.",
    }, ("more", "as many", "fewer"), '"as many"'),
    "gap weight": Prediction("the second term is {:.2f} there", 0.05, {
        10: "That would be the weight at a distance of 0 from both. It lies one pixel from each, so d1 + d2 is 2.",
        9.61: "You added the squares, 1 + 1. The formula squares the sum: (1 + 1) times (1 + 1).",
        9.8: "Only one of the two distances is in it. The formula adds both, and then squares: (1 + 1) times (1 + 1).",
        8.52: "The 2 below the line is missing: divide by 2 times 25.",
        6.7: "You did not square the 5: sigma squared is 25.",
        10.23: "That is with the 1 that is added for the training. Asked for is the second term alone.",
        1: "That is the weight of a pixel far from any border, with the 1 that is added for the training.",
        0: "Inside lesions and far from all but one it is 0. Between two it is largest.",
    }, example="5.0", below="Put d1 = 1 and d2 = 1 into the formula: the exponent is 4 divided by 50, with a minus, so "
        "little is taken off the 10.",
        above="It cannot be more than w0, which is 10: the exponential of a negative number is below 1."),
    "crescent": Prediction("the polygon {} it", 0, {
        "covers": "From a point inside a disc one sees all of its border. From a point inside a crescent one does not "
            "see what lies behind the bend.",
    }, ("covers", "misses part of"), '"covers"'),
    "weights help": Prediction("they find more of the objects {}", 0, {
        "nowhere": "Others have reported that, and with other pictures it may be so. Here the gaps are one pixel wide, "
            "and without weights the network has little reason to draw them.",
        "where few touch": "Where lesions lie apart, there is no border to learn, and nothing to gain.",
    }, ("where many touch", "where few touch", "nowhere"), '"nowhere"'),
}
