"""All causes by their short names, which of them are roots and which symptoms, and how a finding is made of one."""

from helpers.diagnosis.causes_in_data import DATA_CAUSES
from helpers.diagnosis.causes_in_labels import LABEL_CAUSES
from helpers.diagnosis.causes_in_network import NETWORK_CAUSES
from helpers.diagnosis.report import Finding

CAUSES = {**DATA_CAUSES, **LABEL_CAUSES, **NETWORK_CAUSES}

# Mistakes in the data and the network's form. They cause symptoms further on: what the second set names is then trusted
# less, and left out if the mistake is almost certain. Repair it first, then ask again.
ROOTS = {
    "images_0_255", "images_divided_twice", "images_mixed_range", "images_not_finite", "images_constant",
    "images_range", "masks_0_255", "masks_not_0_1", "masks_channels", "masks_not_finite", "counts_differ",
    "sizes_differ", "relu_before_sigmoid", "logits_as_probabilities", "softmax_of_one_channel", "size_cannot_be_halved",
    "output_smaller", "mask_not_moved", "pairs_shuffled", "batch_normalization", "noise_changed", "size_changed",
    "contrast_inverted", "masks_inverted", "masks_full", "masks_outlines", "masks_empty", "labels_incomplete",
    "labels_noisy", "masks_too_wide", "masks_too_narrow", "gray_scale_changed", "pixel_size_changed", "lesions_faint",
    "classes_merged", "validation_empty", "not_pictures", "images_and_masks_swapped", "masks_are_images",
}
SYMPTOMS = {
    "too_few_steps", "imbalance", "wrong_threshold", "learning_rate_too_high", "learning_rate_too_low", "overfitting",
    "underfitting", "brightness_changed",
}

# If the first is almost certain, the others are what it looks like from further on, and are left out.
EXPLAINS = {
    "masks_inverted": {"contrast_inverted", "size_changed", "classes_merged", "lesions_faint"},
    "masks_outlines": {"size_changed", "classes_merged", "masks_too_narrow", "contrast_inverted", "lesions_faint"},
    "masks_too_wide": {"size_changed", "classes_merged", "lesions_faint"},
    "mask_not_moved": {"labels_incomplete", "labels_noisy", "lesions_faint", "contrast_inverted", "classes_merged"},
    "pairs_shuffled": {"labels_incomplete", "labels_noisy", "lesions_faint", "contrast_inverted", "classes_merged"},
    "contrast_inverted": {"masks_inverted", "noise_changed", "brightness_changed"},
    "noise_changed": {"overfitting"}, "gray_scale_changed": {"overfitting", "lesions_faint"},
    "pixel_size_changed": {"overfitting", "size_changed"}, "size_changed": {"overfitting"},
    "lesions_faint": {"overfitting"}, "batch_normalization": {"overfitting"},
}

# What was handed in wrongly makes everything that was seen in it meaningless.
_NAMES = {entry.split("/")[0] for entry in CAUSES} - {"not_pictures", "images_and_masks_swapped", "masks_are_images"}
EXPLAINS["images_and_masks_swapped"] = _NAMES
EXPLAINS["masks_are_images"] = {name for name in _NAMES if not name.startswith("images_")}

# What a root does to a network that learned from it. Both together make the root likelier.
LEADS_TO = {"labels_incomplete": {"wrong_threshold", "underfitting", "too_few_steps", "learning_rate_too_low"}}

# Rivals that cannot be told apart without the training pictures: what was wrong with the labels there, and how these
# pictures differ from those.
UNSEEN_LABELS = ("mask_not_moved", "pairs_shuffled", "masks_outlines", "masks_too_wide", "labels_incomplete")
UNSEEN_SCANNER = ("noise_changed", "gray_scale_changed", "contrast_inverted", "pixel_size_changed")


def finding(entry, sure, seen, tried="", rivals=(), missing="", **words):
    """Make a Finding from an entry of `CAUSES`."""
    likely, advice = (text.format(**words) if words else text for text in CAUSES[entry])
    return Finding(entry.split("/")[0], seen, likely, sure, advice, tried, tuple(rivals), missing)
