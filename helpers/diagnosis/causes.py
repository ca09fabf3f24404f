"""All causes by their short names, which of them are roots and which symptoms, and how a finding is made of one."""

from helpers.diagnosis.causes_in_data import DATA_CAUSES
from helpers.diagnosis.causes_in_network import NETWORK_CAUSES
from helpers.diagnosis.report import Finding

CAUSES = {**DATA_CAUSES, **NETWORK_CAUSES}


# Mistakes in the data and the network's form. They cause symptoms further on: what the second set names is then trusted
# less, and left out if the mistake is almost certain. Repair it first, then ask again.
ROOTS = {
    "images_0_255", "images_divided_twice", "images_mixed_range", "images_not_finite", "images_constant",
    "images_range", "masks_0_255", "masks_not_0_1", "masks_channels", "masks_not_finite", "counts_differ",
    "sizes_differ", "relu_before_sigmoid", "logits_as_probabilities", "softmax_of_one_channel", "size_cannot_be_halved",
    "output_smaller", "mask_not_moved", "pairs_shuffled", "batch_normalization", "noise_changed", "size_changed",
    "contrast_inverted",
}


SYMPTOMS = {
    "too_few_steps", "imbalance", "wrong_threshold", "learning_rate_too_high", "learning_rate_too_low", "overfitting",
    "brightness_changed",
}


def finding(entry, sure, seen, **words):
    """Make a Finding from an entry of the book."""
    likely, advice = (text.format(**words) if words else text for text in CAUSES[entry])
    return Finding(entry.split("/")[0], seen, likely, sure, advice)
