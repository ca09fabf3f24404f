"""The stress test (notebooks 00 and 04): make a scan harder until a trained network breaks."""

from functools import partial

import numpy as np

from helpers import drawing
from helpers.evaluation import best_threshold, dice_per_image
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady
from helpers.panels.views import PanelResult, picture
from helpers.synthesis import CircleScene


def stress(model, circles=4, noise=0.1, contrast=0.4, threshold=0.5, seed=38, size=96) -> PanelResult:
    """Show what a trained network finds in a scan that you make harder, beside the best threshold on gray levels.

    model: gives probabilities `[n, h, w, 1]`; circles, noise, contrast: dials of `CircleScene`; threshold: a pixel
    is called lesion where the probability is at least this; seed: which picture; size: its side, pixels.
    Raises ValueError for an impossible scene, or a size that the network cannot take.
    """
    import tensorflow as tf

    from helpers.anatomy import check_sizes
    from helpers.training import compiled

    check_sizes(model, size, size)
    scene = CircleScene(size, circles, radius=(5, 15), contrast=contrast, noise=noise, vessels=2)
    image, mask = draw_steady(scene, seed)
    chance = compiled(model)(tf.constant(image[None])).numpy()[0, ..., 0]
    inside, found = mask[..., 0], (chance >= threshold).astype(np.uint8)
    dice = float(dice_per_image(mask[None], found[None, ..., None])[0])
    level, simple_dice = best_threshold(mask[None], image[None])
    nothing = not inside.any()  # then every threshold that marks a pixel scores 0, and none is the best
    simple = np.zeros_like(inside) if nothing else image[..., 0] >= level
    facts = {
        "network's Dice": f"{dice:.2f}",
        "best threshold's Dice": "nothing to find" if nothing else f"{simple_dice:.2f}",
        "false positives": f"{int((found & ~inside & 1).sum())} px", "missed": f"{int((inside & ~found & 1).sum())} px",
        "lesion": f"{int(inside.sum())} px",
    }
    caption = f"the network scores a Dice of about {dice:.1f}, the best threshold {simple_dice:.1f}."
    if nothing:
        caption = f"there is no lesion, and the network marks {'none' if dice == 1 else 'some pixels all the same'}."
    words = "no threshold is the best" if nothing else f"gray level {level:.2f}, with hindsight"
    views = [
        picture("Scan", image, truth=inside, found=found),
        picture("Probability", chance, "probability"),
        picture(f"Network: Dice {dice:.2f}", drawing.error_map(inside, found), "errors"),
        picture("Nothing to find" if nothing else f"Best threshold: Dice {simple_dice:.2f}",
                drawing.error_map(inside, simple), "errors", below=words),
    ]
    return PanelResult(views, facts, caption)


def stress_panel(model, size=96, threshold=0.5) -> Panel:
    """Return the stress test: make scans harder until the network breaks.

    model: from `load_network` or `train_unet`; size: of the scans, pixels; threshold: where its slider starts.
    """
    return Panel("The stress test", partial(stress, model, size=size), [
        Dial("circles", 4, (0, 12, 1), "how many lesions there are"),
        Dial("noise", 0.1, (0.0, 0.5, 0.01), "how grainy the scan is; the network was trained at 0.10"),
        Dial("contrast", 0.4, (0.0, 1.0, 0.05), "how bright lesions are; the network was trained at 0.25 to 0.50"),
        Dial("threshold", round(threshold, 2), (0.01, 0.99, 0.01), "how sure it must be to call a pixel lesion"),
        Dial("seed", 38, (0, 99, 1), "which picture is drawn; the other dials leave its discs in place"),
    ])
