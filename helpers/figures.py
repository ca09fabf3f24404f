"""Figures of the course, drawn with Matplotlib. Each one says in its title what to see, and prints the same in words.

Colors are safe for color-blind readers: gray scans, orange for the truth, blue for the prediction, viridis for
numbers. Nothing but notebooks imports this module.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from helpers import drawing, palette

TRUTH, PREDICTION, QUIET = (palette.COLORS[name] for name in ("truth", "prediction", "quiet"))

plt.rcParams.update({
    "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "font.size": 10,
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[palette.COLORS[name] for name in (
        "prediction", "truth", "decoder", "bottleneck", "ink", "warning")]),
    "image.cmap": "gray", "image.interpolation": "nearest", "legend.frameon": False, "svg.hashsalt": "unet",
})


def _finish(figure, caption):
    plt.show()
    plt.close(figure)
    if caption:
        print(caption)


def _plane(array):
    array = np.asarray(array)
    return array[..., 0] if array.ndim == 3 else array


def show_images(
    images, titles=(), title="", caption="", masks=None, columns=None, cmap="gray", limits=(0, 1), size=2.1,
):
    """Show pictures side by side, each `[h, w]` or `[h, w, 1]`; `masks`, if given, as orange outlines on top.

    titles: one for each picture; title: what to see; says: the same in words, printed below. limits: the values drawn
    black and white, None for each picture's own.
    """
    columns = columns or min(len(images), 4)  # a wider strip would be shrunk until its words cannot be read
    rows = -(-len(images) // columns)
    height = size * rows + 0.25 * bool(titles) * rows + 0.35 * bool(title)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, height), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            low, high = limits or (None, None)
            axis.imshow(_plane(images[i]), cmap=cmap, vmin=low, vmax=high)
            if i < len(titles):
                axis.set_title(titles[i], fontsize=9)
            if masks is not None:
                _outline(axis, masks[i], TRUTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    _finish(figure, caption)


def _outline(axis, mask, color, style="solid"):
    mask = _plane(mask)
    if mask.min() < 0.5 <= mask.max():
        padded = np.pad(mask.astype(float), 1)
        axis.contour(np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1), padded, [0.5],
                     colors=color, linewidths=1.4, linestyles=style)
        axis.set_xlim(-0.5, mask.shape[1] - 0.5)
        axis.set_ylim(mask.shape[0] - 0.5, -0.5)


def _mark(axis, place, text, height, up):
    """Write beside a vertical line; height: of the words, a share of the axis; up: pixels above that."""
    at = {"xycoords": ("data", "axes fraction"), "xytext": (3, up), "textcoords": "offset points"}
    axis.annotate(text, (place, height), fontsize=9, **at)


def show_pairs(images, masks, titles=(), title="", caption=""):
    """Show scans in one row and their masks below them."""
    n = len(images)
    figure, axes = plt.subplots(2, n, figsize=(1.7 * n, 3.9), squeeze=False)
    for i in range(n):
        axes[0, i].imshow(_plane(images[i]), vmin=0, vmax=1)
        axes[1, i].imshow(_plane(masks[i]), vmin=0, vmax=1, cmap="cividis")
        axes[0, i].set_title(titles[i] if i < len(titles) else "", fontsize=9)
    for axis in axes.flat:
        axis.axis("off")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    _finish(figure, caption)


def show_numbers(array, title="", caption=""):
    """Show a small array `[h, w]` as a picture with every value written into its pixel."""
    array = _plane(array)
    figure, axis = plt.subplots(figsize=(0.42 * array.shape[1] + 0.2, 0.42 * array.shape[0] + 0.5))
    axis.imshow(array, cmap="cividis")
    middle = (float(array.max()) + float(array.min())) / 2
    for (y, x), value in np.ndenumerate(array):
        color = "black" if value > middle else "white"
        axis.text(x, y, f"{value:g}", ha="center", va="center", color=color, fontsize=9)
    axis.axis("off")
    axis.set_title(title)
    _finish(figure, caption)


def plot_gray_levels(image, mask, threshold=None, title="", caption=""):
    """Plot how often each gray level occurs in background and lesions of a scan, with a threshold as a line."""
    image, inside = _plane(image), _plane(mask).astype(bool)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 2.7), width_ratios=(1, 2.4))
    left.imshow(image, vmin=0, vmax=1)
    _outline(left, inside, TRUTH)
    left.axis("off")
    edges = np.linspace(0, 1, 51)
    right.hist(image[~inside], edges, color=QUIET, label="background")
    right.hist(image[inside], edges, color=TRUTH, alpha=0.8, label="lesions")
    if threshold is not None:
        right.axvline(threshold, color=PREDICTION, linewidth=2, label=f"threshold {threshold:.2f}")
    right.set(xlabel="gray level", ylabel="pixels")
    right.legend()
    right.set_title(title)
    _finish(figure, caption)


def plot_bars(names, values, title="", caption="", intervals=None, xlabel="mean per-image Dice", limit=1.0):
    """Plot one horizontal bar a name, with its value beside it and, if given, intervals `(low, high)`."""
    figure, axis = plt.subplots(figsize=(7.2, 0.42 * len(names) + 0.9))
    places = np.arange(len(names))[::-1]
    colors = [PREDICTION if "U-Net" in name else QUIET for name in names]
    axis.barh(places, values, color=colors, height=0.62)
    for place, value in zip(places, values):
        color = "white" if value > 0.12 * limit else "black"
        axis.text(0.01 * limit, place, f"{value:.2f}", va="center", color=color, fontweight="bold")
    if intervals is not None:
        low, high = np.transpose(intervals)
        axis.hlines(places, low, high, color="black", linewidth=2)
    axis.set_yticks(places, names)
    axis.set(xlim=(0, limit), xlabel=xlabel)
    axis.set_title(title)
    _finish(figure, caption)


def plot_lines(x, lines, title="", caption="", xlabel="", ylabel="", marks=(), log=False, limits=None):
    """Plot curves over `x`.

    lines: name to values; marks: `(x, text)` drawn as vertical lines; log: logarithmic x, or "both".
    """
    figure, axis = plt.subplots(figsize=(7.2, 3))
    for (name, values), style in zip(lines.items(), ("-", "--", ":", "-.") * 3):
        axis.plot(x, values, style, label=name, linewidth=2)
    for place, text in marks:
        axis.axvline(place, color=QUIET, linewidth=1)
        _mark(axis, place, text, 0, 4)
    if log:
        axis.set_xscale("log")
    if log == "both":
        axis.set_yscale("log")
    if limits:
        axis.set_ylim(*limits)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if xlabel == "epoch":
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.5
    if len(lines) > 1:
        axis.legend()
    axis.set_title(title)
    _finish(figure, caption)


def plot_spread(groups, title="", caption="", xlabel="epoch", ylabel="validation Dice"):
    """Plot the mean of several runs as a line, in a band from the lowest to the highest. groups: name to `[runs, epochs]`."""
    figure, axis = plt.subplots(figsize=(7.2, 3))
    for (name, runs), style in zip(groups.items(), ("-", "--", ":", "-.")):
        epochs = np.arange(1, np.shape(runs)[1] + 1)
        line, = axis.plot(epochs, np.mean(runs, axis=0), style, label=name, linewidth=2)
        axis.fill_between(epochs, np.min(runs, axis=0), np.max(runs, axis=0), color=line.get_color(), alpha=0.15)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
    axis.set_title(title)
    _finish(figure, caption)


def plot_history(history, title="", caption="", marks=()):
    """Plot loss and Dice of a run, training beside validation. history: name to values, as `History.history`."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    epochs = np.arange(1, len(history["loss"]) + 1)
    for axis, name in zip(axes, ("loss", "dice")):
        axis.plot(epochs, history[name], "-", label="training", linewidth=2)
        axis.plot(epochs, history[f"val_{name}"], "--", label="validation", linewidth=2)
        for place, text in marks:
            axis.axvline(place, color=QUIET, linewidth=1)
            _mark(axis, place, text, 0.5, 0)
        axis.set(xlabel="epoch", ylabel=name if name == "loss" else "mean per-image Dice")
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.5
        axis.legend()
    axes[0].set_title(title)
    axes[1].set_ylim(0, 1)
    _finish(figure, caption)


def show_predictions(images, y_true, y_pred, titles=(), title="", caption=""):
    """Show scans with the outlines of truth (orange) and prediction (blue, dashed), and the map of errors below each.

    y_true, y_pred: masks. In the maps, white is found, orange missed, blue too much. Four scans stand side by side.
    """
    columns = len(images) if len(images) <= 4 else min(-(-len(images) // 2), 4)
    blocks, tall = -(-len(images) // columns), np.divide(*np.shape(images[0])[:2])
    wide = 8.4 / max(columns, 2)
    figure, axes = plt.subplots(
        2 * blocks, columns, figsize=(wide * columns, blocks * (2 * wide * tall + 0.45) + 0.8), squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (image, true, pred) in enumerate(zip(images, y_true, y_pred)):
        above, below = axes[2 * (i // columns), i % columns], axes[2 * (i // columns) + 1, i % columns]
        zoom = max(1, round(480 / max(np.shape(image)[:2])))
        large = drawing.enlarged(drawing.colored(drawing.levels(image)), zoom)
        for mask, kind in ((true, "truth"), (pred, "prediction")):
            drawing.outline(large, drawing.enlarged((_plane(mask) > 0).astype(np.uint8), zoom), kind)
        above.imshow(large)
        above.set_title(titles[i] if i < len(titles) else "", fontsize=11)
        below.imshow(drawing.colored(drawing.error_map(true, pred), "errors"))
    colors = [(palette.COLORS[color], word) for color, word in palette.LEGENDS["errors"]]
    keys = [Patch(facecolor=color, edgecolor=QUIET, label=word) for color, word in colors]
    lines = [Line2D([], [], color=TRUTH, label="truth"), Line2D([], [], color=PREDICTION, ls="--", label="prediction")]
    figure.legend(handles=[*lines, *keys], loc="outside lower left", ncols=5, fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    _finish(figure, caption)


def plot_bins(rows, title="", caption="", xlabel="", ylabel="mean Dice", limits=(0, 1)):
    """Plot rows of `evaluation.error_by` as points with their bootstrap intervals."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    middles = [(row.low + row.high) / 2 for row in rows]
    means = [row.mean for row in rows]
    spread = [[row.mean - row.interval[0] for row in rows], [row.interval[1] - row.mean for row in rows]]
    axis.errorbar(middles, means, np.maximum(spread, 0), fmt="o-", capsize=4, linewidth=2)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=limits)
    axis.set_title(title)
    _finish(figure, caption)


def plot_reliability(rows, title="", caption=""):
    """Plot rows of `evaluation.reliability`: the share of foreground among pixels with each predicted probability."""
    claimed, found, _ = np.transpose(rows)
    figure, axis = plt.subplots(figsize=(3.8, 3.6))
    axis.plot([0, 1], [0, 1], color=QUIET, label="perfectly calibrated")
    axis.plot(claimed, found, "o-", label="this network", linewidth=2)
    axis.set(xlabel="predicted probability", ylabel="share of foreground", xlim=(0, 1), ylim=(0, 1))
    axis.legend()
    axis.set_title(title)
    _finish(figure, caption)


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
    place = {}
    tallest, widest = model.input_shape[1], max(names[name].output.shape[-1] for name, _ in stages)
    for column, (name, level) in enumerate(stages):
        _, height, width, channels = names[name].output.shape
        tall, wide = 0.9 * np.sqrt(height / tallest) + 0.15, 0.55 * np.sqrt(channels / widest) + 0.08
        x, y = column * 1.25, -1.15 * (level - 1)
        color = palette.COLORS[name.split("_")[0]]  # encoder, bottleneck or decoder
        round_box = "round,pad=0.01,rounding_size=0.03"
        axis.add_patch(FancyBboxPatch((x - wide / 2, y - tall / 2), wide, tall, boxstyle=round_box, color=color))
        axis.text(x, y - tall / 2 - 0.06, f"{height}x{width}\n{channels} channels", ha="center", va="top", fontsize=8)
        place[name] = (x, y, wide, tall)
    arrow = {"arrowstyle": "-|>", "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
    for (a, _), (b, _) in zip(stages, stages[1:]):
        (xa, ya, wa, _), (xb, yb, wb, _) = place[a], place[b]
        ends = (xb - wb / 2 - 0.03, yb + 0.05), (xa + wa / 2 + 0.03, ya - 0.05)
        axis.annotate("", *ends, arrowprops={**arrow, "color": QUIET})
    skips = 0
    for i in range(1, depth):
        if f"skip_{i}" in names:
            skips += 1
            (xa, ya, wa, ta), (xb, _, wb, _) = place[f"encoder_{i}"], place[f"decoder_{i}"]
            height = ya + 0.32 * ta
            ends = (xb - wb / 2 - 0.03, height), (xa + wa / 2 + 0.03, height)
            axis.annotate("", *ends, arrowprops={**arrow, "color": TRUTH, "linestyle": "--"})
    axis.set_xlim(-0.8, (len(stages) - 1) * 1.25 + 0.8)
    axis.set_ylim(-1.15 * (depth - 1) - 1.05, 0.75)
    axis.axis("off")
    axis.set_title(title)
    weights = f"{model.count_params():,} weights"
    _finish(figure, caption or f"Drawn from the model: {depth} levels, {skips} skip connections, {weights}.")


def plot_confusion(matrix, title="", caption=""):
    """Show a confusion matrix `[2, 2]` of pixel counts, rows the truth, columns the prediction, with shares of rows."""
    matrix = np.asarray(matrix)
    figure, axis = plt.subplots(figsize=(3.9, 3.2))
    share = matrix / matrix.sum(axis=1, keepdims=True)
    axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (y, x), count in np.ndenumerate(matrix):
        color = "black" if share[y, x] > 0.5 else "white"
        axis.text(x, y, f"{count:,}\n{share[y, x]:.1%}", ha="center", va="center", color=color)
    axis.set_xticks([0, 1], ["background", "lesion"])
    axis.set_yticks([0, 1], ["background", "lesion"])
    axis.set(xlabel="predicted", ylabel="true")
    axis.set_title(title)
    _finish(figure, caption)
