"""Predictions of notebook 04, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "curve": Prediction("it is a {}", 0, {
        "hill": "Gray levels make a hill, because many pixels lie on either side of any threshold. A trained network "
            "has few pixels in the middle, so moving the threshold moves few of them.",
        "slope": "A slope would mean that a lower, or a higher, threshold is always better. At both ends something is "
            "lost.",
    }, ("hill", "slope", "plateau"), '"hill"'),
    "same worst": Prediction("is it the worst of all three: {}", 0, {
        "yes": "That would make sense if the picture alone decided. But three trainings start from other weights and "
            "see the pictures in another order, and what one of them invents or misses, the others may get right.",
        "no": "Single failures belong to one training; its mean says little about them.",
    }, ("yes", "no"), '"yes"'),
    "ladder": Prediction("the difference is {:.2f}", 0.05, {
        0.1: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.05: "Hough circles know the shape, but not which circles are lesions. They leave more room than that.",
        0.6: "So much separates it from the best threshold. Hough circles know that lesions are round, which is "
            "worth a good deal.",
        0.9: "Nobody could be that much better: Hough circles score about 0.7, and 1 is the highest score there is.",
        0.98: "That is the U-Net's own score; the question is how far it stands above Hough circles.",
    }, example="0.2",
        below="Hough circles know the shape, but not which circles are lesions, and miss small and faint "
              "ones. That leaves more room.",
        above="Hough circles score about 0.7 on these pictures, and no score is above 1."),
    "per image": Prediction("the mean Dice per image is {:.2f}", 0.005, {
        0.98: "That counts pixels. Per image, the first scores 1 and the second 0, however many pixels they have.",
        0.99: "That counts pixels. Per image, the first scores 1 and the second 0, however many pixels they have.",
        1: "The second lesion is missed completely, so its picture scores 0.",
        0: "The first picture scores 1, and it counts for a half.",
    }, example="0.3",
        below="One picture scores 1 and the other 0, and each counts for a half, whatever its lesion's "
              "size.",
        above="One picture scores 1 and the other 0, and each counts for a half, whatever its lesion's "
              "size."),
    "pooled": Prediction("the pooled Dice is {:.2f}", 0.005, {
        0.5: "That is the mean per image. In the pooled score the 20 pixels drown among 1020.",
        0.98: "Nearly: 1000 of 1020 are found, which is the recall. Dice divides twice the overlap by both areas.",
        1: "Almost, but 20 pixels are missed.",
        0: "One lesion is found, and it is the large one.",
    }, example="0.3",
        below="All pixels go into one pot: 1000 of 1020 are found, and none is invented.",
        above="No score is above 1."),
    "border": Prediction("{}", 0, {
        "border": "For each pixel of outline the border is somewhat harder. But fewer outlines lie there, and errors "
            "are made at outlines. The two nearly cancel.",
        "inside": "More outlines lie inside, and errors are made at outlines. But for each pixel of outline the "
            "border is harder. The two nearly cancel.",
    }, ("border", "inside", "alike"), '"border"'),
    "noise": Prediction("its Dice falls below 0.8 at a noise of about {:.2f}", 0.04, {
        0.1: "0.10 is the noise that it was trained on, and there it scores about 0.98.",
        0.15: "It has some reserve: at 0.15 hardly anything is lost yet.",
        0.2: "It has some reserve: twice the noise of the training costs it only a few hundredths.",
        0.25: "There it has begun to fall, but it is still above 0.8.",
    }, example="0.2",
        below="It has some reserve: it averages over many pixels, so that it loses little up to twice the"
              " noise that it was trained on.",
        above="Before three times the noise of the training the outlines of faint lesions begin to drown, and the "
              "score falls."),
    "first to give": Prediction("more is {}", 0, {
        "invented": "Noise makes single pixels bright, but hardly ever a round group of them, and the network asks for "
            "such a group. What suffers is a faint lesion, whose outline drowns.",
    }, ("missed", "invented"), '"missed"'),
    "calibration": Prediction("{} than it says", 0, {
        "as many": "That would be calibrated. Cross-entropy rewards an honest 0.85, but the Dice loss, the other half "
            "of our loss, does not.",
        "more": "That would be too modest. Networks that segment are more often too sure than too modest: they promise "
            "more than they keep.",
    }, ("more", "as many", "fewer"), '"more"'),
    "sanity": Prediction("they rank the pixels {}", 0, {
        "differently": "That is what one would wish. But wherever the weights come from, only pixels near the "
            "explained ones can pull at the number, and over a whole picture that alone makes the ranking alike.",
    }, ("alike", "differently"), '"alike"'),
    "coins": Prediction("{} comes closer", 0, {
        "Otsu": "On our scans Otsu fails because of the uneven light, and this photograph has uneven light as well.",
    }, ("U-Net", "Otsu"), '"Otsu"'),
}
