"""Figures made of pictures: scans, masks, predictions with their errors, small arrays with their numbers."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers import drawing, palette
from helpers.drawing import plane
from helpers.figures.style import PREDICTION, QUIET, TRUTH, colors_of, draw_outline, finish


def show_images(
    images, titles=(), title="", caption="", masks=None, columns=None, kinds="gray", limits=(0, 1), size=2.1,
):
    """Show pictures side by side, each `[h, w]` or `[h, w, 1]`; `masks`, if given, as orange outlines on top.

    titles: one for each picture; title: what to see; caption: the same in words, printed below. kinds: what the numbers
    are, for all pictures or for each: "gray", "mask" (orange), "answer" (a predicted mask, blue), "probability" or
    "features", see `helpers.palette`. limits: the values with the first and last color, None for each picture's own.
    Raises ValueError for another kind, or if there are not as many kinds as pictures.
    """
    kinds = [kinds] * len(images) if isinstance(kinds, str) else list(kinds)
    if len(kinds) != len(images):
        raise ValueError(f"there are {len(images)} pictures and {len(kinds)} kinds. Give one for all, or one for each.")
    columns = columns or min(len(images), 4)  # a wider strip would be shrunk until its words cannot be read
    rows = -(-len(images) // columns)
    height = size * rows + 0.25 * bool(titles) * rows + 0.35 * bool(title)
    figure, axes = plt.subplots(rows, columns, figsize=(size * columns, height), squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.axis("off")
        if i < len(images):
            low, high = limits or (None, None)
            picture = plane(images[i])
            fine = max(picture.shape) > 200 * size  # where there is no room for all pixels, the mean of a few is shown
            axis.imshow(picture, cmap=colors_of(kinds[i]), vmin=low, vmax=high,
                        interpolation="antialiased" if fine else "nearest")
            if i < len(titles):
                axis.set_title(titles[i], fontsize=9)
            if masks is not None:
                draw_outline(axis, masks[i], TRUTH)
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    finish(figure, caption)


def show_pairs(images, masks, titles=(), title="", caption=""):
    """Show scans and, below each, its mask; four scans stand side by side."""
    columns = min(len(images), 4)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(2 * rows, columns, figsize=(2.1 * columns, 4.5 * rows + 0.3), squeeze=False)
    for i in range(len(images)):
        above, below = axes[2 * (i // columns) : 2 * (i // columns) + 2, i % columns]
        above.imshow(plane(images[i]), vmin=0, vmax=1)
        below.imshow(plane(masks[i]), vmin=0, vmax=1, cmap=colors_of("mask"))
        above.set_title(titles[i] if i < len(titles) else "", fontsize=9)
    for axis in axes.flat:
        axis.axis("off")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    finish(figure, caption)


def show_numbers(array, title="", caption=""):
    """Show a small array `[h, w]` as a picture with every value written into its pixel."""
    array = plane(array)
    figure, axis = plt.subplots(figsize=(0.42 * array.shape[1] + 0.2, 0.42 * array.shape[0] + 0.5))
    axis.imshow(array, cmap="cividis")
    middle = (float(array.max()) + float(array.min())) / 2
    for (y, x), value in np.ndenumerate(array):
        color = "black" if value > middle else "white"
        axis.text(x, y, f"{value:g}", ha="center", va="center", color=color, fontsize=9)
    axis.axis("off")
    axis.set_title(title)
    finish(figure, caption)


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
        masks = [(plane(mask) > 0).astype(np.uint8) for mask in (true, pred)]
        image, true, pred = (drawing.reduced(array, int(180 * wide)) for array in (plane(image), *masks))
        zoom = max(1, round(180 * wide / np.shape(image)[1]))  # nearly twice the size shown: thin lines
        large = drawing.enlarged(drawing.colored(drawing.levels(image)), zoom)
        for mask, kind in ((true, "truth"), (pred, "prediction")):
            drawing.outline(large, drawing.enlarged(mask, zoom), kind)
        above.imshow(large, interpolation="antialiased")
        above.set_title(titles[i] if i < len(titles) else "", fontsize=11)
        below.imshow(drawing.colored(drawing.error_map(true, pred), "errors"))
    colors = [(palette.COLORS[color], word) for color, word in palette.LEGENDS["errors"]]
    keys = [Patch(facecolor=color, edgecolor=QUIET, label=word) for color, word in colors]
    lines = [Line2D([], [], color=TRUTH, label="truth"), Line2D([], [], color=PREDICTION, ls="--", label="prediction")]
    figure.legend(handles=[*lines, *keys], loc="outside lower left", ncols=5, fontsize=11)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    finish(figure, caption)


def show_classes(images, rows, names, titles=(), title="", caption=""):
    """Show scans, and below them rows of their classes: dark for class 0, orange for class 1, white for class 2.

    rows: the name of a row to its masks of 0, 1 and 2; names: of the three classes, for the legend.
    """
    n, shape = len(images), np.divide(*np.shape(images[0])[:2])
    wide = 8.4 / max(n, 3)
    figure, axes = plt.subplots(
        1 + len(rows), n, figsize=(wide * n, wide * shape * (1 + len(rows)) + 1.1), squeeze=False
    )
    for i in range(n):
        axes[0, i].imshow(plane(images[i]), vmin=0, vmax=1)
        axes[0, i].set_title(titles[i] if i < len(titles) else "", fontsize=10)
        for axis, masks in zip(axes[1:, i], rows.values()):
            axis.imshow(drawing.colored(plane(masks[i]), "classes"))
    for axis, name in zip(axes[:, 0], ["scan", *rows]):
        axis.set_ylabel(name, fontsize=10)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    colors = palette.table("classes")[:3] / 255
    keys = [Patch(facecolor=color, edgecolor=QUIET, label=name) for color, name in zip(colors, names)]
    figure.legend(handles=keys, loc="outside lower left", ncols=3, fontsize=10)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    finish(figure, caption)
