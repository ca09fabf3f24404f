"""The U: drawn from a model itself, or from its stages."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

from helpers import palette
from helpers.figures.style import QUIET, TRUTH, finish


def draw_unet(model, title="", caption=""):
    """Draw the U from the model itself: a bar for each stage, as tall as its pictures and as wide as its channels.

    model: made by `build_unet` with a fixed input size. Arrows across are skip connections; if it has none, none are
    drawn.
    """
    names = {layer.name: layer for layer in model.layers}
    depth = 1 + sum(name.startswith("pool_") for name in names)
    if model.input_shape[1] is None:
        raise ValueError("the model takes pictures of any size; to draw it, build it with input_shape=(96, 96, 1).")
    stages = [(f"encoder_{i}", i) for i in range(1, depth)] + [("bottleneck", depth)]
    stages += [(f"decoder_{i}", i) for i in range(depth - 1, 0, -1)]
    figure, axis = plt.subplots(figsize=(1.35 * len(stages) + 1, 0.75 * depth + 2.2))
    skips = sum(f"skip_{i}" in names for i in range(1, depth))
    draw_stages(axis, [(name, level, *names[name].output.shape[1:]) for name, level in stages], skips > 0)
    axis.set_title(title)
    weights = f"{model.count_params():,} weights"
    finish(figure, caption or f"Drawn from the model: {depth} levels, {skips} skip connections, {weights}.")


def draw_stages(axis, stages, skips=True):
    """Draw a U from its stages, `(name, level, height, width, channels)` from input to output; without any, say so."""
    axis.axis("off")
    if not stages:
        axis.text(0.5, 0.5, "cannot be built", ha="center", transform=axis.transAxes)
        return
    depth, tallest, widest = max(s[1] for s in stages), stages[0][2], max(s[4] for s in stages)
    place = {}
    for column, (name, level, height, width, channels) in enumerate(stages):
        tall, wide = 0.9 * np.sqrt(height / tallest) + 0.15, 0.55 * np.sqrt(channels / widest) + 0.08
        x, y = column * 1.25, -1.15 * (level - 1)
        color = palette.COLORS[name.split("_")[0]]  # encoder, bottleneck or decoder
        round_box = "round,pad=0.01,rounding_size=0.03"
        axis.add_patch(FancyBboxPatch((x - wide / 2, y - tall / 2), wide, tall, boxstyle=round_box, color=color))
        axis.text(x, y - tall / 2 - 0.06, f"{height}x{width}\n{channels} channels", ha="center", va="top", fontsize=8)
        place[name] = (x, y, wide, tall)
    arrow = {"arrowstyle": "-|>", "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    for (a, *_), (b, *_) in zip(stages, stages[1:]):
        (xa, ya, wa, _), (xb, yb, wb, _) = place[a], place[b]
        ends = (xb - wb / 2 - 0.03, yb + 0.05), (xa + wa / 2 + 0.03, ya - 0.05)
        axis.annotate("", *ends, arrowprops={**arrow, "color": QUIET})
    for i in range(1, depth if skips else 1):
        (xa, ya, wa, ta), (xb, _, wb, _) = place[f"encoder_{i}"], place[f"decoder_{i}"]
        height = ya + 0.32 * ta
        ends = (xb - wb / 2 - 0.03, height), (xa + wa / 2 + 0.03, height)
        axis.annotate("", *ends, arrowprops={**arrow, "color": TRUTH, "linestyle": "--"})
    axis.set_xlim(-0.8, (len(stages) - 1) * 1.25 + 0.8)
    axis.set_ylim(-1.15 * (depth - 1) - 1.05, 0.75)
