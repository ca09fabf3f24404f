"""Predictions of notebook 05, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "patient 1": Prediction("the trouble lies in the {}", 0, {
        "loss": "The formula is the one of notebook 03. Which input would make a logarithm's factor larger than 1?",
        "rate": "A rate that is too high gives a loss that is large or NaN; a cross-entropy of 0 and 1 is never "
            "negative.",
        "network": "A network ends in a sigmoid here; whatever it says, both scores would stay in their range.",
    }, ("loss", "rate", "network", "masks"), '"loss"'),
    "patient 2": Prediction("the trouble lies in the {}", 0, {
        "network": "It is the network that scored above 0.94 in notebook 04, unchanged.",
        "masks": "The disc of the mask lies where the lesion is in the scan, as you can see.",
        "threshold": "The highest probability is far below any threshold that one would choose.",
    }, ("network", "masks", "threshold", "images"), '"network"'),
    "patient 3": Prediction("the answer is {}", 0, {
        "not yet": "A network that is merely undecided scatters around something. Look at the lowest value.",
    }, ("not yet", "cannot"), '"cannot"'),
    "logits": Prediction("the outputs lie between {}", 0, {
        "0 and 1": "It is the sigmoid that brings any number into 0..1, and there is none.",
        "0 and infinity": "That would be a ReLU. A linear convolution gives negative numbers as well.",
    }, ("0 and 1", "0 and infinity", "minus and plus infinity"), '"0 and 1"'),
    "patient 4": Prediction("the one that has learned is {}", 0, {
        "A": "No threshold helps A. Its loss stands where the best constant would stand.",
        "C": "C has begun, but no threshold gives it a good Dice.",
    }, ("A", "B", "C"), '"A"'),
    "medicine": Prediction("the Dice of C after A's medicine is {:.2f}", 0.04, {
        0.5: "It trains on the loss that A needed, but for two epochs of five steps only. What was C's illness?",
        0.8: "A change of the loss cannot make up for steps that were never taken.",
    }, example="0.3",
        below="No Dice is below 0.",
        above="The medicine was made for a loss that had settled. C's had not: it was stopped after ten "
              "steps, and still is."),
    "patient 5": Prediction("the rate is too high in {}", 0, {
        "Y": "Y is the healthy one: its loss falls.",
        "Z": "Z stands nearly where it began: it has hardly moved.",
    }, ("X", "Y", "Z"), '"X"'),
    "patient 6": Prediction("the trouble lies in the {}", 0, {
        "network": "The same network learns the healthy patient's pictures well.",
        "rate": "Both losses fall steadily; a rate ten times lower or higher would show there.",
        "patience": "More epochs of the same raise it a little. They cannot teach what the masks contradict.",
    }, ("network", "rate", "patience", "masks"), '"network"'),
    "patient 7": Prediction("the trouble lies in the {}", 0, {
        "network": "The same network learns the healthy patient's pictures well. What is too good here is the score.",
        "masks": "The outlines lie on the lesions, as you can see.",
        "threshold": "It is 0.5, as for all patients, and no threshold makes a network see what it has not learned.",
    }, ("network", "masks", "split", "threshold"), '"network"'),
    "patient 8": Prediction("the worst half of the pictures is that of the {} lesions", 0, {
        "large": "Large lesions are found well; each brings many pixels, and most of them are right.",
        "bright": "Contrast matters as well, but look at the sizes first.",
    }, ("large", "small", "bright"), '"small"'),
    "patient 9": Prediction("it takes {} of the sizes 97 to 104", 0, {
        0: "96 is 8 times 12, and the network halves three times. One of these sizes is a multiple of 8 as well.",
        2: "100 and 104 can be halved twice. The network halves three times.",
        4: "To be even is enough for one halving. The network halves three times.",
        8: "The 100 of the complaint is among them.",
    }, example="3",
        below="96 is 8 times 12, and the network halves three times. One of these sizes is a multiple of 8 as well.",
        above="The network halves three times, and no halving may leave a remainder."),
    "patient 10": Prediction("the cause is {}", 0, {
        "overfitting": "Overfitting takes many passes over few pictures. These were two passes over 240, and even "
            "the training pictures score badly once the network is in inference mode.",
        "copies": "Copies make validation better than it should be, not worse.",
    }, ("overfitting", "copies", "normalization"), '"copies"'),
    "hospitals": Prediction("arithmetic alone repairs {}", 0, {
        "East": "Noise cannot be subtracted: nobody knows it. Smoothing helps a little and costs detail.",
        "South": "Small lesions are small in truth; no arithmetic on the gray levels changes that.",
    }, ("East", "South", "West"), '"East"'),
}
