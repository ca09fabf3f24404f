"""What is likely, and what to try: causes that lie in the network, its training, or another scanner."""

NETWORK_CAUSES = {
    "size_cannot_be_halved": (
        "{size} is no multiple of {factor}, so halving rounds, and upsampling does not give back the same size",
        "Pad or crop pictures and masks to a multiple of {factor} (near yours: {near}), or lower depth.",
    ),
    "input_refused": (
        "the network was built for another shape", "Give the network pictures of the shape it was built for."
    ),
    "output_smaller": (
        "convolutions without padding, as in the paper, lose two pixels each; or a pooled size was rounded down",
        "Use padding='same', or cut the masks to their middle: masks[:, {rows}, {columns}].",
    ),
    "relu_before_sigmoid": (
        "a ReLU gives 0 or more, and the sigmoid of that is 0.5 or more: the network has no word for background",
        "Make the last convolution linear: Conv2D(1, 1), then the sigmoid and nothing between.",
    ),
    "softmax_of_one_channel": (
        "the softmax of a single number is always 1, so all is foreground and nothing is learned",
        "Use activation='sigmoid' for one channel.",
    ),
    "logits_as_probabilities": (
        "logits, any number at all, taken for probabilities; 0.5 is then the wrong threshold",
        "End in a sigmoid, or apply keras.ops.sigmoid to the predictions (a logit of 0 is a probability of 0.5).",
    ),
    "prediction_0_255": (
        "predictions saved as 8-bit pictures", "y_pred.astype('float32') / 255, or y_pred > 127 for masks."
    ),
    "several_classes": (
        "a network with several classes; the doctor looks at one foreground at a time",
        "Ask for each class by itself: diagnose(images, masks == 1, y_pred=probabilities[..., 1:2]), then 2 and so on.",
    ),
    "prediction_channels": (
        "one channel for each class, as a softmax gives them", "Keep the channel of the foreground: y_pred[..., 1:2]."
    ),
    "prediction_channels/background": (
        "these are the probabilities of the background: the first channel of a softmax over two classes",
        "Keep the channel of the foreground: y_pred[..., 1:2], which is 1 minus the first.",
    ),
    "pooled_dice": (
        "small lesions are missed, and a Dice pooled over the batch does not show it: large discs outvote them",
        "Report Dice per picture, with the score by lesion size; train with a loss per picture and on more small "
        "lesions.",
    ),
    "learning_rate_too_high/nan": (
        "steps so large that the weights overflowed (if the images hold no NaN)",
        "Lower the learning rate tenfold, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_high/wild": (
        "steps so large that each one overshoots",
        "Lower the learning rate tenfold, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_high/stuck": (
        "the first steps threw the weights so far that the sigmoid is saturated and passes no gradient back",
        "Lower the learning rate tenfold or more, warm it up, and clip the gradient: Adam(1e-3, global_clipnorm=1.0).",
    ),
    "learning_rate_too_low": (
        "the loss hardly moves: every step is far too small",
        "Raise the learning rate tenfold, up to 1e-3 .. 3e-3 for Adam, until the loss falls within the first epoch.",
    ),
    "wrong_threshold": (
        "the network has learned, but its probabilities lie {side} 0.5 where they matter: masks whose foreground was a "
        "gray below 1, weighted classes, or rare foreground",
        "Choose the threshold on validation pictures (best_threshold), or train on masks of 0 and 1 without class "
        "weights.",
    ),
    "too_few_steps": (
        "training was stopped while the network was still learning how much foreground there is, before where",
        "Train longer: more epochs, smaller batches (each step counts, not each picture), or a higher rate.",
    ),
    "too_few_steps/unknown": (
        "the network predicts no lesion and has learned little of where they are",
        "Hand in the history as well; train longer, and check the learning rate.",
    ),
    "imbalance": (
        "only {share} of the pixels are foreground, so calling everything background is already cheap, and the loss "
        "has settled there",
        "Use a loss that looks at overlap (bce_dice_loss), choose crops around lesions, and start the output's bias at "
        "the share of foreground.",
    ),
    "batch_normalization": (
        "batch normalization: its running averages do not fit what it saw in training, because of too few steps or of "
        "batches too small to average over",
        "Lower its momentum to 0.9, train longer, use batches of 8 and more, or normalize by groups "
        "(normalization='group').",
    ),
    "batch_normalization/curves": (
        "batch normalization whose averages do not fit yet, used for validation and not in training; or validation "
        "pictures of another kind",
        "Hand in the model as well. Train longer, lower its momentum to 0.9, use larger batches or groups.",
    ),
    "overfitting": (
        "the network learns the training pictures by heart",
        "More pictures, augmentation, early stopping on the validation score, a smaller network.",
    ),
    "underfitting": (
        "the network has stopped improving and is not even good on its training pictures: it is too small or too "
        "shallow for them, or the labels contradict each other",
        "Look at the training masks first. If they are right: more filters, more depth, less dropout.",
    ),
    "noise_changed": (
        "another scanner, another exposure, or pictures that were smoothed",
        "Train with the range of noise that will be met (CircleScene(noise=(0.05, 0.4))), or denoise alike everywhere.",
    ),
    "brightness_changed": (
        "another exposure, or another way of scaling to 0..1",
        "Scale all sets in the same way; train with varied brightness.",
    ),
    "gray_scale_changed": (
        "another window, exposure or scaling to 0..1: all gray levels are {gain} and shifted",
        "Scale all sets in the same way. For these pictures: images = (images - {offset}) / {scale}.",
    ),
    "contrast_inverted": (
        "the gray scale is inverted against the training pictures (MONOCHROME1 in DICOM, or a negative)",
        "images = 1 - images, if these are the odd ones; in DICOM files look at PhotometricInterpretation.",
    ),
    "size_changed": (
        "other lesions, or pictures with another pixel size",
        "Train on the sizes that will be met.",
    ),
    "pixel_size_changed": (
        "another pixel size: everything in these pictures, their texture included, is {ratio} times as large",
        "Resample all pictures to one pixel size in millimeters. For these pictures: resize them by {back}.",
    ),
    "lesions_faint": (
        "the lesions stand out less than in training, everything else being equal: an earlier stage, or less contrast "
        "agent",
        "Train on faint lesions as well; no threshold brings back what the network does not see.",
    ),
    "lesions_faint/alone": (
        "the lesions hardly stand out from the noise",
        "Look at some that were missed. Train on such lesions; no threshold brings back what the network does not see.",
    ),
}
