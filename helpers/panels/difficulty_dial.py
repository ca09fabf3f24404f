"""The difficulty dial (notebook 01): a scan, its gray levels, and how far the best threshold gets."""

import cv2
import numpy as np

from helpers import drawing
from helpers.evaluation import best_threshold
from helpers.panels.canvas import (
    COLUMN,
    ERROR_KEY,
    PREDICTION,
    QUIET,
    SCALE,
    TILE,
    TRUTH,
    TRUTH_TEXT,
    Canvas,
    PanelResult,
)
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady
from helpers.synthesis import CircleScene


def difficulty(
    circles=4, noise=0.1, radius=10, contrast=0.4, blur=1.0, illumination=0.6, vessels=2, seed=44, size=96
) -> PanelResult:
    """Show a scan, its mask, the gray levels of both, and how far the best single threshold gets.

    The first seven are the dials of `CircleScene`, as numbers; seed: which picture; size: its side in pixels.
    Raises ValueError for an impossible scene.
    """
    scene = CircleScene(size, circles, radius, contrast, noise, blur, illumination, vessels)
    image, mask = draw_steady(scene, seed)
    threshold, dice = best_threshold(mask[None], image[None])
    level, inside = drawing.levels(image), mask[..., 0]
    canvas = Canvas(246)
    canvas.text(0, 17, "Scan", bold=True)
    canvas.tile(0, 26, level)
    canvas.text(COLUMN, 17, "Mask: what is lesion", bold=True)
    canvas.tile(COLUMN, 26, drawing.colored(inside, "mask"))
    canvas.text(2 * COLUMN, 17, "Gray levels", bold=True)
    _histogram(canvas, 2 * COLUMN, 26, image[..., 0], inside, threshold)
    nothing = not inside.any()  # then every threshold that marks a pixel scores 0, and none is the best
    head = "Nothing to find" if nothing else f"Threshold {threshold:.2f}: Dice {dice:.2f}"
    canvas.text(3 * COLUMN, 17, head, bold=True)
    found = np.zeros_like(inside) if nothing else image[..., 0] >= threshold
    canvas.tile(3 * COLUMN, 26, drawing.colored(drawing.error_map(inside, found), "errors"))
    canvas.key(3 * COLUMN, 237, ERROR_KEY)
    share = inside.mean()
    gap = image[mask == 1].mean() - image[mask == 0].mean() if 0 < share < 1 else None
    facts = {
        "best threshold": "nothing to find" if nothing else f"{threshold:.2f}",
        "its Dice": "none" if nothing else f"{dice:.2f}",
        "lesion pixels": f"{share:.1%}",
        "lesions brighter by": "no lesions" if share == 0 else "no background" if gap is None else f"{gap:+.2f}",
    }
    caption = f"the best threshold, {threshold:.2f}, scores a Dice of {dice:.2f}."
    if nothing:
        caption = "there is no lesion, so no threshold is the best: whatever it marks is wrong."
    return PanelResult(canvas.pixels, facts, caption)


def _histogram(canvas, x, y, image, inside, threshold, side=TILE, bins=48):
    """Draw how often each gray level occurs in background (gray) and lesions (orange), each as a share of its own."""
    which = np.minimum((image * bins).astype(np.intp), bins - 1)
    outside_count = np.bincount(which[inside == 0], minlength=bins)
    inside_count = np.bincount(which[inside == 1], minlength=bins)
    floor, wide = y + side, side / bins
    canvas.box(x, y, side, side, (247, 247, 247))
    for counts, color, filled in ((outside_count, (190, 190, 190), True), (inside_count, TRUTH, False)):
        total = counts.sum()
        if not total:
            continue
        # The square root keeps low bars visible, and the scale fixed: a bar of a fifth of all pixels reaches the top.
        tall = np.minimum(np.sqrt(counts / total / 0.2), 1) * (side - 24)
        steps = np.repeat(np.stack([x + wide * np.arange(bins + 1), np.r_[floor - tall, floor]], axis=1), 2, axis=0)
        steps[1:, 1] = steps[:-1, 1].copy()
        steps[0, 1] = floor
        if filled:
            cv2.fillPoly(canvas.pixels, [np.round(steps * SCALE).astype(np.int32)], color)
        else:
            canvas.lines(steps[:-1], color, 2)
    canvas.lines([(x, floor), (x + side, floor)], QUIET, 1)
    place = x + threshold * side
    canvas.lines([(place, y + 18), (place, floor)], PREDICTION, 2)
    canvas.text(x + 4, y + 13, "background", 11, (90, 90, 90))
    canvas.text(x + 76, y + 13, "lesions", 11, TRUTH_TEXT)
    canvas.text(x + side - 4, y + 13, "threshold", 11, PREDICTION, align="right")
    canvas.text(x, floor + 19, "dark 0", 11)
    canvas.text(x + side, floor + 19, "1 bright", 11, align="right")


def difficulty_panel() -> Panel:
    """Return the difficulty dial: seven dials of a scan, and the best threshold's Dice as they turn."""
    return Panel("The difficulty dial", difficulty, [
        Dial("circles", 4, (0, 12, 1), "how many lesions there are"),
        Dial("noise", 0.1, (0.0, 0.5, 0.01), "how grainy the scan is, in gray levels"),
        Dial("radius", 10, (2, 24, 1), "of each lesion, in pixels"),
        Dial("contrast", 0.4, (0.0, 1.0, 0.05), "how much brighter lesions and vessels are than their surroundings"),
        Dial("blur", 1.0, (0.0, 5.0, 0.25), "how soft the edges are, in pixels"),
        Dial("illumination", 0.6, (0.0, 1.0, 0.05), "how much brighter one side of the scan is than the other"),
        Dial("vessels", 2, (0, 8, 1), "how many bright lines cross it that are no lesions"),
        Dial("seed", 44, (0, 99, 1), "which picture is drawn; the other dials leave its discs in place"),
    ])
