"""Do the masks end where the pictures change? Masks that are too wide, too narrow, mere outlines, or careless."""

import cv2
import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.copies import noise_of
from helpers.diagnosis.shapes import apart, components_of, contrasts, is_round, radii, usable_in

REACH = 7  # pixels on either side of an outline


def check_outlines(case):
    """Look at the gray levels across the masks' outlines: where is the steepest step, and in every picture alike?"""
    chosen = usable_in(case, 60)
    if chosen is None:
        return []
    images, inside = case.images[chosen], case.masks[chosen]
    return _rings(images, inside) or _specks(inside) or _shifts(images, inside)


def _rings(images, inside):
    """Look for masks that are rings around areas of another gray level than outside."""
    rings, thickness, levels = 0, [], []
    parts = [part for pair in zip(images, inside) for part in components_of(*pair)]
    for image, part in parts:
        outlines, tree = cv2.findContours(part.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        holes = sum(entry[3] >= 0 for entry in tree[0])
        full = cv2.drawContours(np.zeros(part.shape, np.uint8), outlines, -1, 1, cv2.FILLED)
        for outline, entry in zip(outlines, tree[0]):
            if entry[3] < 0:
                cv2.drawContours(full, [outline], -1, 1, cv2.FILLED)
        hole = (full == 1) & ~part
        thickness.append(float(cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 3).max()))
        if 1 <= holes <= 3 and full.sum() > 1.6 * part.sum() and hole.any():
            ring = (cv2.dilate(full, np.ones((7, 7), np.uint8)) == 1) & (full == 0)
            if ring.any():
                rings += 1
                levels.append((image[hole].mean() - image[ring].mean(), image[part].mean() - image[ring].mean()))
    if rings < 5 or rings < 0.35 * len(parts) or np.median(thickness) > 2.5:
        return []
    area, line = np.abs(np.median(levels, axis=0))
    if area < 0.04 or area < 0.5 * line:  # a ring on equal ground marks a ring, such as a wall
        return []
    seen = (f"{rings} of {len(parts)} marked pieces are rings, {2 * np.median(thickness):.0f} pixels thick, and the "
            f"pictures differ by {area:.2f} gray levels between the inside of a ring and what lies around it")
    return [finding("masks_outlines", 0.93, seen)]


def _specks(inside):
    """Look for single wrong pixels."""
    single = [np.count_nonzero((cv2.medianBlur(m.astype(np.uint8), 3) == 1) != m) for m in inside]
    alone = [
        (cv2.connectedComponentsWithStats(m.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA] <= 2).sum()
        + (cv2.connectedComponentsWithStats((~m).astype(np.uint8), connectivity=4)[2][1:, cv2.CC_STAT_AREA] <= 2).sum()
        for m in inside
    ]
    if np.median(alone) < 8 or np.median(single) < 0.004 * inside[0].size:
        return []
    seen = f"a mask has {np.median(alone):.0f} specks or holes of one or two pixels in the median"
    return [finding("labels_noisy/pixels", 0.9, seen)]


def steps_across(images, inside):
    """Return how steeply the gray level falls at each distance from the outlines, `[n, 2 * REACH + 1]`.

    Column `REACH + k` belongs to the step `k` pixels outside the mask's border; where k is negative, inside it. A row
    is of one picture; steps without pixels on both sides are 0.
    """
    edges = np.arange(-REACH - 1, REACH + 2)
    rows = np.zeros((len(images), 2 * REACH + 1), np.float32)
    for row, image, mask in zip(rows, images, inside):
        sunk = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        above = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
        distance = np.where(mask, 0.5 - sunk, above - 0.5)
        place = np.digitize(distance, edges) - 1
        good = (place >= 0) & (place < len(edges) - 1)
        counts = np.bincount(place[good], minlength=len(edges) - 1)
        means = np.bincount(place[good], image[good], minlength=len(edges) - 1) / np.maximum(counts, 1)
        full = counts >= 12
        row[:] = np.where(full[:-1] & full[1:], means[:-1] - means[1:], 0)
    return rows


def _shifts(images, inside):
    rows = steps_across(images, inside)
    mean = rows.mean(axis=0)
    rows = rows * (np.sign(mean[np.abs(mean).argmax()]) or 1.0)
    mean = rows.mean(axis=0)
    error = rows.std(axis=0) / np.sqrt(len(rows)) + 1e-6
    peak = int(mean.argmax())
    offset = peak - REACH
    rest = np.delete(mean, range(max(0, peak - 2), min(len(mean), peak + 3)))
    clear = mean[peak] > 6 * error[peak] and mean[peak] > 0.02 and mean[peak] > 3 * np.abs(rest).mean()
    own = rows.argmax(axis=1) - REACH
    beside = np.abs(np.arange(rows.shape[1]) - rows.argmax(axis=1)[:, None]) > 2
    strong = rows.max(axis=1) > 4 * np.where(beside, rows, 0).std(axis=1)
    own, n = own[strong], int(strong.sum())
    if n < 8 or n < 0.4 * len(rows):
        return []
    agree = (np.abs(own - offset) <= 1).mean()
    if clear and abs(offset) >= 1 and agree > 0.6:
        entry = "masks_too_wide" if offset < 0 else "masks_too_narrow"
        seen = (f"the gray level changes most {abs(offset)} pixel{'s' * (abs(offset) > 1)} "
                f"{'inside' if offset < 0 else 'outside'} the masks' outlines, in {agree:.0%} of {n} pictures")
        return [finding(entry, 0.65 if abs(offset) == 1 else 0.88, seen)]
    away = np.abs(own) >= 2
    if 0.35 < away.mean() and (own <= -2).mean() > 0.1 and (own >= 2).mean() > 0.1:
        seen = (f"the gray level changes most inside the outlines in {(own <= -2).sum()} of {n} pictures and outside "
                f"them in {(own >= 2).sum()}, by {np.abs(own[away]).mean():.0f} pixels in the mean")
        return [finding("labels_noisy", 0.75, seen)]
    return []


def check_unmarked(case):
    """Look for places outside the masks that look as the marked objects do: round, and as bright against all sides."""
    chosen = usable_in(case, 80)
    if chosen is None or not is_round(case.masks[chosen], 0.5) or case.masks[chosen].mean() > 0.45:
        return []
    images, inside = case.images[chosen], case.masks[chosen]
    stand_out = contrasts(images, inside)
    sign = np.sign(np.median(stand_out)) or 1.0
    if (sign * stand_out > 0).mean() < 0.8:  # the masks lie elsewhere: that comes first
        return []
    for radius in np.unique(np.quantile(radii(inside), (0.5, 0.75)).round()).astype(int)[::-1]:
        if not 5 <= radius <= 24:  # smaller things are told from pieces of vessels by nobody
            continue
        looks = [_round_things(sign * image, mask, int(radius)) for image, mask in zip(images, inside)]
        marked = np.array([value for here, _ in looks for value in here])
        limit = max(float(np.median(marked)), 0.015) if len(marked) >= 8 else np.inf
        by_chance = float(np.median(noise_of(images))) / (np.sqrt(np.pi) * 0.8 * radius)  # in the mean of a disc
        if limit < 5 * by_chance:  # of so many places, noise alone lifts some as high
            continue
        unmarked = [(i, y, x) for i, (_, away) in enumerate(looks) for value, y, x in away if value > limit]
        strong = int((marked > limit).sum())
        if len(unmarked) < max(5, 0.5 * strong) or len({i for i, _, _ in unmarked}) < 4:
            continue
        if _by_a_rule(inside, unmarked):
            continue
        seen = (f"{len(unmarked)} round places outside the masks of {len(images)} pictures stand out as clearly as "
                f"{strong} of the marked objects of that size do")
        return [finding("labels_incomplete", 0.9 if len(unmarked) > 0.8 * strong else 0.68, seen)]
    return []


def _by_a_rule(inside, unmarked):
    """Say whether marked and unmarked things lie in different parts of the pictures, as a left and a right organ do."""
    marked = np.concatenate([cv2.connectedComponentsWithStats(m.astype(np.uint8))[3][1:] for m in inside])[:, ::-1]
    return max(apart(np.array(unmarked)[:, 1 + axis], marked[:, axis]) for axis in (0, 1)) > 0.95


def _round_things(image, mask, radius):
    """Return how much round things of a radius stand out: on the masks' pieces of that size, and far from the mask.

    Returns `(strengths, [(strength, row, column)])`. A strength is the mean gray level inside less that of two opposite
    parts of a ring around it, the smallest of four such pairs, so that no vessel and no slope counts.
    """
    y, x = np.mgrid[-2 * radius : 2 * radius + 1, -2 * radius : 2 * radius + 1]
    far, angle = np.hypot(y, x), np.arctan2(y, x) % np.pi
    ring = (far > 1.25 * radius + 0.5) & (far <= max(1.8 * radius, 1.25 * radius + 2))
    disc = (far <= 0.8 * radius).astype(np.float32)
    middle = cv2.filter2D(image, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    strength = np.full(image.shape, np.inf, np.float32)
    for k in range(4):
        pair = (ring & (np.floor(angle / (np.pi / 4)).clip(0, 3) == k)).astype(np.float32)
        around = cv2.filter2D(image, -1, pair / max(pair.sum(), 1), borderType=cv2.BORDER_REFLECT)
        np.minimum(strength, middle - around, out=strength)
    strength[:radius], strength[-radius:], strength[:, :radius], strength[:, -radius:] = 0, 0, 0, 0
    square = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    top = strength == cv2.dilate(strength, square)
    near = cv2.dilate(mask.astype(np.uint8), square) == 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    sizes = np.sqrt(stats[:, cv2.CC_STAT_AREA] / np.pi)
    alike = [k for k in range(1, len(stats)) if radius / 1.4 <= sizes[k] <= radius * 1.4]
    here = [float(strength[labels == k].max()) for k in alike]
    rows, columns = np.nonzero(top & ~near & (strength > 0.01))
    return here, [(float(strength[y, x]), int(y), int(x)) for y, x in zip(rows, columns)]
