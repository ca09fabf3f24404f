"""What is likely, and what to try: causes that lie in images, masks and pairs."""

# What follows a slash is a variant of the cause before it. Words in braces are filled in by the check.
DATA_CAUSES = {
    "not_pictures": (
        "something else than an array or a list of pictures", "Hand in arrays of numbers, [n, height, width, 1]."
    ),
    "not_pictures/names": (
        "names of files, and not what is in them",
        "Read them first: pairs = helpers.own_images.load_pairs(folder), then diagnose(pairs.images, pairs.masks).",
    ),
    "not_pictures/one_by_one": (
        "pictures that come one after the other, from a generator or a Dataset",
        "Collect some first. Of single pictures: images = np.stack(list(pictures)). Of batches: "
        "images, masks = next(iter(batches)).",
    ),
    "not_pictures/empty": (
        "no file was found, or a selection chose nothing", "Look at len() after each step that reads or selects."
    ),
    "images_and_masks_swapped": (
        "images and masks are swapped",
        "The pictures come first: diagnose(images, masks), and (images, masks) for training.",
    ),
    "masks_are_images": (
        "the pictures were handed in as masks, too", "Hand in the masks second, and predictions as y_pred=."
    ),
    "sizes_differ/images": (
        "the pictures differ in size, or are not numbers",
        "Crop or resize all pictures to one size, then np.stack them.",
    ),
    "sizes_differ/masks": (
        "one of the two was resized, cropped or transposed",
        "Resize images and masks together; masks with cv2.INTER_NEAREST. cv2.resize wants (width, height).",
    ),
    "sizes_differ/predictions": (
        "predictions of other pictures, or an upsampling too many",
        "Predict the very pictures whose masks you compare with.",
    ),
    "counts_differ/masks": (
        "a file is missing, or only one of the two was split",
        "Pair files by name, and select and shuffle both with the same indices.",
    ),
    "counts_differ/predictions": (
        "predictions of another set", "Predict the very pictures whose masks you compare with."
    ),
    "images_not_finite": (
        "a division by zero when the pictures were normalized, or missing pixels in the files",
        "Find the pictures with np.isnan(images).any(axis=(1, 2, 3)), and repair them or leave them out; one NaN turns "
        "every weight into NaN.",
    ),
    "images_constant": (
        "the pictures were not read, or integers were divided by 255 with //",
        "Look at the files; divide as floats: images.astype('float32') / 255.",
    ),
    "images_channels": (
        "color pictures, or axes in another order",
        "Convert them with cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) and keep the shape [n, h, w, 1].",
    ),
    "images_mixed_range": (
        "some pictures were divided by 255 and others were not",
        "Read all pictures through one function that ends in .astype('float32') / 255.",
    ),
    "images_0_255": (
        "gray levels 0..255 that were never scaled to the 0..1 that a network of this course is trained on",
        "images = images.astype('float32') / 255, for training and for prediction alike.",
    ),
    "images_range/deep": (
        "gray levels of more than 8 bits that were never scaled to 0..1",
        "images = images.astype('float32') / {top}, for training and for prediction alike.",
    ),
    "images_range/rounded": (
        "the gray levels were rounded to whole numbers, so almost nothing is left of them",
        "Convert before you scale: images.astype('float32') / 255.",
    ),
    "images_range/scaled": (
        "standardized or differently scaled pictures; this course uses 0..1",
        "Scale every set in the same way, with constants chosen on the training pictures.",
    ),
    "images_divided_twice": (
        "the pictures were divided by 255 twice, once by you and once by a function or a layer",
        "Divide once. Look for a second / 255, and for a Rescaling layer in the network.",
    ),
    "masks_not_finite": (
        "missing masks, or a division by zero",
        "Leave those pictures out, or draw their masks; then masks.astype('uint8').",
    ),
    "masks_channels": (
        "masks saved as color pictures, or one-hot classes",
        "Keep one channel: (masks[..., :1] > 0).astype('uint8').",
    ),
    "masks_0_255": (
        "masks stored as 8-bit pictures, white being 255, and not turned into 0 and 1",
        "masks = (masks > 127).astype('uint8'), right after reading them.",
    ),
    "masks_not_0_1/classes": (
        "class numbers or another code, where 0 and 1 are expected",
        "Say which values are foreground, for example (masks == 2).astype('uint8').",
    ),
    "masks_not_0_1/gray": (
        "label colors other than white, divided by 255: the network then aims at this number, not at 1",
        "masks = (masks > 0).astype('uint8').",
    ),
    "masks_not_0_1/soft": (
        "masks resized with interpolation, or probabilities in the place of masks",
        "Resize masks with cv2.INTER_NEAREST; or choose a threshold, (masks >= 0.5).astype('uint8').",
    ),
    "masks_empty": (
        "the masks were not read, or were divided as integers (1 // 255 is 0)",
        "Look at masks.max() after each step of reading; it must be 1.",
    ),
    "mask_not_moved/all": (
        "all masks are {move} against their images, so one of the two is read or saved differently",
        "Read both with the same function, and mind (x, y) against [row, column]; then draw the mask's outline on the "
        "image.",
    ),
    "mask_not_moved/random": (
        "augmentation moves the image and leaves the mask where it was, or moves each by its own random draw",
        "Move image and mask as two channels of one array, with one random draw; then draw the mask's outline on the "
        "image.",
    ),
    "mask_not_moved/shift": (
        "all masks are shifted against their images: only one of the two was cropped or padded, or a resize rounds",
        "Crop, pad and resize both together; then draw the mask's outline on the image.",
    ),
    "pairs_shuffled": (
        "images and masks were sorted or shuffled separately",
        "Pair files by name, and shuffle with one permutation: images[order], masks[order].",
    ),
    "copies_between_sets": (
        "the sets were split after copying or augmenting, or by picture where one patient gave several",
        "Split first, by patient or scan, and augment only the training part; a score on copies measures memory.",
    ),
}
