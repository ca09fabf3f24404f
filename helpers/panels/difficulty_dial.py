"""The difficulty dial (notebook 01): a scan, its gray levels, and how far the best threshold gets."""

import numpy as np

from helpers import drawing
from helpers.evaluation import best_threshold
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady
from helpers.panels.views import PanelResult, chart, picture
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
    inside = mask[..., 0]
    nothing = not inside.any()  # then every threshold that marks a pixel scores 0, and none is the best
    found = np.zeros_like(inside) if nothing else image[..., 0] >= threshold
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
    views = [
        picture("Scan", image),
        picture("Mask: what is lesion", inside, "mask"),
        gray_levels(image, mask, None if nothing else threshold),
        picture("Nothing to find" if nothing else f"Above {threshold:.2f}: Dice {dice:.2f}",
                drawing.error_map(inside, found), "errors"),
    ]
    return PanelResult(views, facts, caption)


def gray_levels(image, mask, threshold, bins=50) -> dict:
    """Return how many pixels of background and of lesions have each gray level, as a chart with one axis for both."""
    counts = [np.histogram(image[mask == kind], bins, (0, 1))[0] for kind in (0, 1)]
    top = next(top for top in (300, 600, 1200, 2500, 5000, 10_000, 10**8) if top >= max(map(np.max, counts)))
    edges = np.arange(bins) / bins
    lines = [(name, np.stack([edges, count], axis=1), color, "bars") for name, count, color in zip(
        ("background", "lesions"), counts, ("quiet", "truth"))]
    marks = [] if threshold is None else [(threshold, "threshold")]
    return chart("Gray levels", lines, (0, 1, "gray level"), (0, top, "pixels"), marks)


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
