"""What is likely, and what to try: causes that lie in what the masks mark."""

LABEL_CAUSES = {
    "masks_full": (
        "the comparison in the reading code is turned around, or the background has a number of its own in the files",
        "Look at one mask file and say which value is foreground, for example masks = (stored == 255).astype('uint8').",
    ),
    "masks_inverted": (
        "foreground and background are exchanged in the masks",
        "masks = 1 - masks, right after reading them; then draw the outline of one mask on its image.",
    ),
    "masks_inverted/training": (
        "the network was trained on masks in which foreground and background are exchanged",
        "Look at the training masks; train on 1 - masks. Until then, 1 - y_pred is the probability of foreground.",
    ),
    "masks_outlines": (
        "the masks hold the outlines that were drawn and not the areas inside them",
        "Fill them: cv2.findContours(mask, cv2.RETR_EXTERNAL, ...), then cv2.drawContours(..., thickness=cv2.FILLED).",
    ),
    "masks_too_wide": (
        "the masks reach beyond the visible borders: drawn generously, dilated, or resized from a coarser grid",
        "Draw the outlines on the images. If all masks are too wide by the same number of pixels, erode them by it "
        "(cv2.erode), in all sets alike.",
    ),
    "masks_too_narrow": (
        "the masks end inside the visible borders: only the core was marked, or they were eroded",
        "Draw the outlines on the images. If all masks are too narrow by the same number of pixels, dilate them by it "
        "(cv2.dilate), in all sets alike.",
    ),
    "labels_noisy": (
        "the outlines were drawn without care, or by several people with different rules",
        "Draw the outlines on the images of this set; agree on one rule, and draw the worst masks again.",
    ),
    "labels_noisy/pixels": (
        "single pixels of the masks are wrong: a threshold on noisy pictures, or a lossy file format",
        "Save masks as PNG, never as JPEG; remove specks, for example with cv2.medianBlur(mask, 3).",
    ),
    "labels_incomplete": (
        "only some of the objects were marked",
        "Look at the unmarked places and mark what is missing; crop or leave out pictures that are not fully marked.",
    ),
    "classes_merged": (
        "a second class of structures, such as vessels, is marked as foreground in one of the sets",
        "Look at the long, thin parts of the masks; choose the class by its number, for example (masks == 1).",
    ),
    "validation_empty": (
        "the pictures hold no object at all, so a network that never finds anything scores 1",
        "Put pictures with objects into this set; report the score on pictures with objects apart from the others.",
    ),
    "validation_too_small": (
        "the score is a mean over so few pictures that chance decides it",
        "Use more pictures for validation, or cross-validation; state an interval (bootstrap_interval) with the score.",
    ),
}
