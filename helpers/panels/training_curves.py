"""Curves and pictures of a training (notebook 03), as the monitor shows them while it runs."""

import numpy as np

from helpers.panels.views import PanelResult, chart, picture


def training_curves(log, epochs, pictures=(), note="") -> PanelResult:
    """Show loss and Dice of a run, training beside validation, and what the network makes of a few pictures.

    log: name to numbers, one an epoch, as `History.history`; epochs: how many were planned (they set the axis).
    pictures: `(image, mask, probability)` of each picture, `[h, w]`; note: how far the run is, in words.
    """
    views, facts = [], {}
    for name, title in (("loss", "Loss: lower is better"), ("dice", "Dice: higher is better")):
        lines = []
        for key, kind, color, style in ((name, "training", "prediction", "line"),
                                        (f"val_{name}", "validation", "truth", "dashed")):
            points = [(i, value) for i, value in enumerate(log.get(key, ()), 1) if np.isfinite(value)]
            lines.append((kind, points, color, style))
            facts[f"{name}, {kind}"] = f"{points[-1][1]:.3f}" if points else "none yet"
        values = [value for _, points, _, _ in lines for _, value in points]
        high = 1 if name == "dice" else _round_up(max(values, default=1.0))
        views.append(chart(title, lines, (1, max(epochs, 2), "epoch"), (0, high, ""), wide=not pictures))
    views += [
        picture(f"Scan {i} and the probability's outline", image, truth=mask, found=(np.asarray(chance) >= 0.5))
        for i, (image, mask, chance) in enumerate(pictures, 1)
    ]
    return PanelResult(views, facts, note or "loss and Dice of the run, one point an epoch.")


def _round_up(value):
    steps = (0.2, 0.4, 0.8, 1.2, 1.6, 2, 4, 8, 12, 20, 40, 100)  # a quarter of each is a round number
    return float(next((step for step in steps if step >= value), value))
