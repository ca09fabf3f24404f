"""The balance of classes (notebook 09): make a scan harder, and favor one class over the others."""

from functools import partial

import numpy as np

from helpers.class_masks import most_probable
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady_classes
from helpers.panels.views import PanelResult, picture
from helpers.synthesis import CircleScene


def balance(model, circles=4, vessels=3, noise=0.1, contrast=0.4, favor=1.0, seed=38, size=96) -> PanelResult:
    """Show what a network with three classes finds in a scan that you make harder, with vessels favored or not.

    model: gives probabilities `[n, h, w, 3]`; circles, vessels, noise, contrast: dials of `CircleScene`; favor: the
    probability of vessels is multiplied by this before the most probable class is taken; seed: which picture; size: its
    side, pixels. Raises ValueError for an impossible scene, or another network.
    """
    from helpers.classes import dice_per_class
    from helpers.training import predict

    if model.output_shape[-1] != 3:
        raise ValueError(f"the network has {model.output_shape[-1]} classes; this panel shows three.")
    scene = CircleScene(size, circles, radius=(5, 15), contrast=contrast, noise=noise, vessels=vessels)
    image, truth = draw_steady_classes(scene, seed)
    chances = predict(model, image[None]) * np.float32([1, 1, favor])
    found = most_probable(chances / chances.sum(axis=-1, keepdims=True))[0]
    _, lesions, lines = dice_per_class(truth[None], found[None], 3)[0]
    wrong = (found != truth).astype(np.uint8)
    views = [
        picture("Scan", image), picture("Truth", truth, "classes"), picture("Network", found, "classes"),
        picture(f"Wrong: {wrong.mean():.1%} of the pixels", wrong * np.uint8(255)),
    ]
    facts = {
        "Dice of lesions": f"{lesions:.2f}", "Dice of vessels": f"{lines:.2f}",
        "vessel, really": f"{int((truth == 2).sum())} px", "called vessel": f"{int((found == 2).sum())} px",
    }
    return PanelResult(views, facts, f"lesions score a Dice of about {lesions:.1f}, vessels {lines:.1f}.")


def balance_panel(model, size=96) -> Panel:
    """Return the panel: make scans harder, and favor vessels, until one of the classes gives way.

    model: with three classes, from `train_unet`; size: of the scans, pixels.
    """
    return Panel("The balance of classes", partial(balance, model, size=size), [
        Dial("circles", 4, (0, 12, 1), "how many lesions there are"),
        Dial("vessels", 3, (0, 8, 1), "how many vessels there are"),
        Dial("noise", 0.1, (0.0, 0.5, 0.01), "how grainy the scan is; the network was trained at 0.10"),
        Dial("contrast", 0.4, (0.0, 1.0, 0.05), "how bright lesions and vessels are; trained at 0.25 to 0.50"),
        Dial("favor", 1.0, (0.05, 20.0, 0.05), "by how much the probability of vessels is multiplied"),
        Dial("seed", 38, (0, 99, 1), "which picture is drawn"),
    ])
