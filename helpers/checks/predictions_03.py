"""Predictions of notebook 03, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "steps": Prediction("there are {} steps in all", 0, {
        200: "That is one epoch; there are twelve.",
        9600: "That is how many pictures are looked at; each step takes four at once.",
        12: "One step is one batch, not one epoch.",
        48: "You multiplied epochs and batch size. How many batches do 800 pictures fill?",
        38400: "A step takes four pictures at once, so there are fewer steps than pictures.",
    },
        below="800 pictures fill 200 batches of 4, and each of the 12 epochs takes them all.",
        above="A step takes four pictures at once: 800 pictures fill 200 batches."),
    "folded": Prediction("{:.0%} of the fields fold", 0.1, {
        0: "In the paper's pictures nearly none would. Ours are a fifth as wide, so the same ten pixels change within "
            "a fifth of the way.",
        1: "Only where two neighbors of the grid happen to be pushed toward each other by more than they lie apart. "
            "Displacements of ten pixels often point the same way.",
    }, example="0.2",
        below="The points of the grid lie 32 pixels apart here. Two displacements that differ by twenty or thirty "
              "pixels are not rare at a standard deviation of 10, and there are nine points.",
        above="To fold, displacements have to fall by a pixel with each pixel of the way. Between points that lie 32 "
              "pixels apart that takes a difference that only some of the fields hold."),
    "constant": Prediction("the constant with the lowest BCE is {:.1f}", 0.02, {
        0: "With 0 each pixel of a lesion is an infinite surprise, however few of them there are.",
        0.5: "0.5 means \"I do not know\". But one does know something: lesions are rare.",
        0.9: "That is the share of background; the prediction is the probability of foreground.",
        1: "With 1 each pixel of background is an infinite surprise.",
    }, example="0.3",
        below="The rarer you call lesions, the more surprising each of their pixels becomes. The cheapest"
              " is their true share.",
        above="About a tenth of the pixels is foreground, and calling it more probable than that is paid "
              "for on all the others."),
    "constant_dice": Prediction("the constant with the lowest Dice loss is {:.2f}", 0.005, {
        0: "With 0 nothing is painted, so nothing overlaps: the Dice loss is near 1, its worst.",
        0.1: "That is the favorite of BCE, which counts background that is right. Dice does not count it.",
        0.5: "The more is painted, the larger the overlap; what is painted too much counts only in the sum of areas.",
        0.9: "Nearly: more still is better, since each pixel of a lesion that is painted more adds to the overlap.",
        1: "Nearly: 0.99 is the largest that was tried. Painting everything costs least.",
    }, example="0.3",
        below="Background that is right earns nothing here, so each bit of overlap more is worth painting"
              " more.",
        above="A probability is never above 1, and 0.99 was the largest that was tried."),
    "hand_step": Prediction("the weight is {} after one step", 0, {
        3.4: "That is a step along the slope, uphill. The loss falls against it.",
        -1: "You took the whole slope as the step. The learning rate shortens it to a tenth.",
        2.9: "You took the learning rate itself as the step. It is multiplied by the slope, which is 4.",
        0.4: "That is the length of the step. The weight was 3 before it.",
        1: "There the loss is lowest, and many steps lead there. One step goes a part of the way.",
    }, example="2.5",
        below="A step is the learning rate times the slope, 0.1 * 4, and no more.",
        above="The step is the learning rate times the slope, and it goes down, since the slope is "
              "positive."),
    "asked_again": Prediction("asked again, the network scores {}", 0, {
        "the same": "The pictures are the same, but the network is not: its weights moved during the epoch over "
            "which "
            "fit averages.",
        "lower": "It would be if the network forgot during the epoch. The reported average holds its first, bad "
            "steps.",
    }, ("lower", "the same", "higher"), '"lower"'),
    "behind": Prediction("the loss that stays behind is {}", 0, {
        "Dice": "Dice loss likes no constant, so it leaves the gray at once.",
        "sum": "The sum has the Dice loss in it, which leaves the gray at once.",
    }, ("BCE", "Dice", "sum"), '"sum"'),
    "places": Prediction("first come the {}", 0, {
        "outlines": "An outline is a matter of one or two pixels, and needs most of the steps; a lesion's middle "
            "stands out from its surroundings.",
    }, ("places", "outlines"), '"places"'),
    "vessels": Prediction("it marks vessels {}", 0, {
        "never": "Brightness is the easiest thing to learn: after a few steps whatever is bright is marked, "
            "vessels as well.",
        "to the end": "It has no reason to keep what the masks contradict. To drop the vessels it has to learn "
            "their shape, "
            "and that takes a few hundred steps.",
    }, ("never", "at first", "to the end"), '"never"'),
    "half": Prediction("the rate is back at half its peak after {} steps", 5, {
        1200: "That is half of all 2400 steps. The cosine begins only after the 50 steps of warm-up, so its middle "
            "lies 25 steps later.",
        1250: "The middle of the cosine is half of 2350 steps after the warm-up: 50 + 1175.",
        1175: "That is half of the cosine's 2350 steps; the 50 steps of warm-up come before them.",
        50: "At step 50 the rate is at its peak.",
        25: "At step 25 it is at half its peak for the first time, on its way up. When is it back there?",
        2400: "At the last step the rate is 0.",
        600: "A cosine is flat at the top: a quarter of the way down it has hardly fallen.",
    },
        below="After the 50 steps of warm-up come 2350 steps of cosine, and in the middle of those the "
              "rate has fallen to a half.",
        above="A cosine falls to a half in its middle: after the warm-up and half of the 2350 steps that "
              "are left."),
    "epochs": Prediction("it stopped after {} epochs", 5, {
        80: "All of them would be used if validation went on improving. Here it soon stops improving.",
        20: "20 is how long it waits without an improvement. It begins to count at the best epoch, not at the first.",
        21: "That would be so if the first epoch were the best: it waits 20 epochs from the best one on.",
        **dict.fromkeys((81, 85, 90, 95, 99, 100, 120), "Only 80 epochs are allowed, so it cannot come to more."),
        **dict.fromkeys((22, 23, 24, 25), "It waits 20 epochs from the best one on, and the network still improves "
            "after a few."),
        60: "That would be so if the best epoch were the 40th. It learns by heart sooner which lesions were left out.",
    },
        below="It stops 20 epochs after the best one, and the best one comes later than that.",
        above="It stops 20 epochs after the best one. Which lesions were left out is learned by heart "
              "sooner than that."),
    "resumed": Prediction("{}", 0, {
        "roughly": "It would be, if the order of the pictures, the augmentation or the optimizer's memory began "
            "anew. "
            "All three are kept.",
        "three digits": "Closer than that: nothing that a step depends on was lost.",
    }, ("roughly", "three digits", "exactly"), '"roughly"'),
}
