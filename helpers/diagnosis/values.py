"""The numbers of images and masks, and whether both fit together in count and size."""

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.material import range_of, some_of
from helpers.diagnosis.network import channels_in


def check_image_values(case):
    """Look at the images' numbers: finite, in 0..1, not divided twice, not all the same."""
    images = case.raw_images
    if images is None:
        known = any(seen.startswith("images:") for _, seen in case.unread)  # check_given names what it is
        missing = [finding("sizes_differ/images", 0.9, "the images do not form one array")]
        return missing if case.given["images"] and not known else []
    if case.shapes is not None:
        sizes = sorted({f"{height}x{width}" for height, width in case.shapes})
        seen = f"{len(sizes)} sizes of pictures: {', '.join(sizes[:4])}{' ...' * (len(sizes) > 4)}"
        return [finding("sizes_differ/images", 0.8, seen), *_values(case, images)]
    return _values(case, images)


def _values(case, images):
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        bad = ~np.isfinite(images).reshape(len(images), -1)
        seen = f"{bad.sum()} pixels in {bad.any(axis=1).sum()} of {len(images)} images are NaN or infinite"
        return [finding("images_not_finite", 0.97, seen)]
    low, high = float(images.min()), float(images.max())
    if low == high:
        return [finding("images_constant", 0.95, f"every pixel of every image is {low:g}")]
    if images.ndim == 4 and images.shape[-1] not in (1, channels_in(case.model)):
        return [finding("images_channels", 0.6, f"images have {images.shape[-1]} channels")]
    seen = f"images are {images.dtype} and hold {range_of(images)}"
    if high > 1.5 and low >= 0:
        return _too_bright(images, high, seen)
    if images.dtype.kind in "ui":
        return [finding("images_range/rounded", 0.8, seen)]
    if 0 <= low and high < 0.006:
        seen = f"images hold {range_of(images)}, and {high:.4g} x 255 = {high * 255:.2g}"
        return [finding("images_divided_twice", 0.96, seen)]
    if low < -1e-3 or high > 1 + 1e-3:
        return [finding("images_range/scaled", 0.5, seen)]
    return []


def _too_bright(images, high, seen):
    each = images.reshape(len(images), -1).max(axis=1)
    if high <= 255 and len(each) > 3 and min((each <= 1).mean(), (each > 1.5).mean()) > 0.02:
        seen = f"{(each <= 1).sum()} of {len(images)} images stay within 0..1, the others reach {high:.4g}"
        return [finding("images_mixed_range", 0.95, seen)]
    if high <= 255:
        return [finding("images_0_255", 0.97, seen)]
    return [finding("images_range/deep", 0.97, seen, top=4095 if high <= 4095 else 65535)]


def check_mask_values(case):
    """Look at the masks' numbers: 0 and 1 only, one channel, not all empty."""
    masks = case.raw_masks
    if masks is None:
        return []
    if masks.dtype.kind == "f" and not np.isfinite(masks).all():
        return [finding("masks_not_finite", 0.97, f"{(~np.isfinite(masks)).sum()} mask values are NaN or infinite")]
    found = []
    if masks.ndim == 4 and masks.shape[-1] > 1:
        found.append(finding("masks_channels", 0.9, f"masks have {masks.shape[-1]} channels"))
    low, high = float(masks.min()), float(masks.max())
    if (low, high) == (0, 1) and masks.dtype.kind in "bui":
        return found
    levels = np.unique(masks[some_of(len(masks), 64)])
    seen = f"masks hold {range_of(masks)}, {len(levels)} levels"
    if 200 <= high <= 255 and low >= 0:
        only = "only 0 and 255" if set(levels.tolist()) <= {0, 255} else f"{len(levels)} levels"
        found.append(finding("masks_0_255", 0.98, f"masks hold {range_of(masks)} ({only})"))
    elif high > 1 or low < 0:
        found.append(finding("masks_not_0_1/classes", 0.95, seen))
    elif 0 < high < 1 and len(levels) <= 2:
        seen = f"masks hold 0 and {high:.3g}, which is {high * 255:.0f} / 255"
        found.append(finding("masks_not_0_1/gray", 0.95, seen))
    elif masks.dtype.kind == "f" and len(levels) > 2:
        found.append(finding("masks_not_0_1/soft", 0.85, f"masks hold {len(levels)} levels between 0 and 1"))
    return found


def check_pairing(case):
    """Compare the counts and sizes of images and masks."""
    a, b = case.raw_images, case.raw_masks
    if a is None or b is None or a.ndim < 3 or b.ndim < 3:
        return []
    if case.shapes is not None and case.mask_shapes is not None and case.shapes != case.mask_shapes:
        wrong = sum(one != other for one, other in zip(case.shapes, case.mask_shapes))
        seen = f"{wrong} of {len(a)} masks have another size than their images"
        return [finding("sizes_differ/masks", 0.9, seen)] if len(a) == len(b) and wrong else []
    if len(a) != len(b):
        return [finding("counts_differ/masks", 0.97, f"there are {len(a)} images and {len(b)} masks")]
    if a.shape[1:3] != b.shape[1:3]:
        swapped = " (height and width are swapped)" if a.shape[1:3] == b.shape[2:0:-1] else ""
        seen = f"images are {a.shape[1]}x{a.shape[2]} pixels and masks {b.shape[1]}x{b.shape[2]}{swapped}"
        return [finding("sizes_differ/masks", 0.95, seen)]
    return []
