"""Figures made of numbers: curves, bars, histograms, a confusion matrix."""

import matplotlib.pyplot as plt
import numpy as np

from helpers.drawing import plane
from helpers.figures.style import PREDICTION, QUIET, TRUTH, draw_outline, finish, mark


def plot_gray_levels(image, mask, threshold=None, title="", caption=""):
    """Plot how often each gray level occurs in background and lesions of a scan, with a threshold as a line."""
    image, inside = plane(image), plane(mask).astype(bool)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 2.7), width_ratios=(1, 2.4))
    left.imshow(image, vmin=0, vmax=1)
    draw_outline(left, inside, TRUTH)
    left.axis("off")
    edges = np.linspace(0, 1, 51)
    right.hist(image[~inside], edges, color=QUIET, label="background")
    right.hist(image[inside], edges, color=TRUTH, alpha=0.8, label="lesions")
    if threshold is not None:
        right.axvline(threshold, color=PREDICTION, linewidth=2, label=f"threshold {threshold:.2f}")
    right.set(xlabel="gray level", ylabel="pixels")
    right.legend()
    right.set_title(title)
    finish(figure, caption)


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
    finish(figure, caption)


def plot_lines(x, lines, title="", caption="", xlabel="", ylabel="", marks=(), log=False, limits=None):
    """Plot curves over `x`.

    lines: name to values; marks: `(x, text)` drawn as vertical lines; log: logarithmic x, or "y", or "both".
    """
    figure, axis = plt.subplots(figsize=(7.2, 3))
    for (name, values), style in zip(lines.items(), ("-", "--", ":", "-.") * 3):
        axis.plot(x, values, style, label=name, linewidth=2)
    for place, text in marks:
        axis.axvline(place, color=QUIET, linewidth=1)
        mark(axis, place, text, 0, 4)
    if log in (True, "both"):
        axis.set_xscale("log")
        if len(x) <= 6:  # the places that were measured, and not powers of ten
            axis.set_xticks(list(x), [f"{place:g}" for place in x])
            axis.set_xticks([], minor=True)
    if log in ("y", "both"):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
    if limits:
        axis.set_ylim(*limits)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    if xlabel == "epoch":
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.5
    if len(lines) > 1:
        axis.legend()
    axis.set_title(title)
    finish(figure, caption)


def plot_spread(groups, title="", caption="", xlabel="epoch", ylabel="validation Dice"):
    """Plot the mean of several runs as a line, in a band from lowest to highest. groups: name to `[runs, epochs]`."""
    figure, axis = plt.subplots(figsize=(7.2, 3))
    for (name, runs), style in zip(groups.items(), ("-", "--", ":", "-.")):
        epochs = np.arange(1, np.shape(runs)[1] + 1)
        line, = axis.plot(epochs, np.mean(runs, axis=0), style, label=name, linewidth=2)
        axis.fill_between(epochs, np.min(runs, axis=0), np.max(runs, axis=0), color=line.get_color(), alpha=0.15)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=(0, 1))
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.legend()
    axis.set_title(title)
    finish(figure, caption)


def plot_history(history, title="", caption="", marks=()):
    """Plot loss and Dice of a run, training beside validation. history: name to values, as `History.history`."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    epochs = np.arange(1, len(history["loss"]) + 1)
    for axis, name in zip(axes, ("loss", "dice")):
        axis.plot(epochs, history[name], "-", label="training", linewidth=2)
        axis.plot(epochs, history[f"val_{name}"], "--", label="validation", linewidth=2)
        for place, text in marks:
            axis.axvline(place, color=QUIET, linewidth=1)
            mark(axis, place, text, 0.5, 0)
        axis.set(xlabel="epoch", ylabel=name if name == "loss" else "mean per-image Dice")
        axis.xaxis.get_major_locator().set_params(integer=True)  # there is no epoch 1.5
        axis.legend()
    axes[0].set_title(title)
    axes[1].set_ylim(0, 1)
    finish(figure, caption)


def plot_bins(rows, title="", caption="", xlabel="", ylabel="mean Dice", limits=(0, 1)):
    """Plot rows of `evaluation.error_by` as points with their bootstrap intervals."""
    figure, axis = plt.subplots(figsize=(6.4, 2.8))
    middles = [(row.low + row.high) / 2 for row in rows]
    means = [row.mean for row in rows]
    spread = [[row.mean - row.interval[0] for row in rows], [row.interval[1] - row.mean for row in rows]]
    axis.errorbar(middles, means, np.maximum(spread, 0), fmt="o-", capsize=4, linewidth=2)
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=limits)
    axis.set_title(title)
    finish(figure, caption)


def plot_reliability(rows, title="", caption=""):
    """Plot rows of `evaluation.reliability`: the share of foreground among pixels with each predicted probability."""
    claimed, found, _ = np.transpose(rows)
    figure, axis = plt.subplots(figsize=(3.8, 3.6))
    axis.plot([0, 1], [0, 1], color=QUIET, label="perfectly calibrated")
    axis.plot(claimed, found, "o-", label="this network", linewidth=2)
    axis.set(xlabel="predicted probability", ylabel="share of foreground", xlim=(0, 1), ylim=(0, 1))
    axis.legend()
    axis.set_title(title)
    finish(figure, caption)


def plot_confusion(matrix, title="", caption="", names=("background", "lesion")):
    """Show a confusion matrix of pixel counts, rows the truth, columns the prediction, with shares of rows."""
    matrix = np.asarray(matrix)
    figure, axis = plt.subplots(figsize=(1.1 * len(names) + 1.7, 0.85 * len(names) + 1.5))
    share = matrix / matrix.sum(axis=1, keepdims=True)
    axis.imshow(share, cmap="cividis", vmin=0, vmax=1)
    for (y, x), count in np.ndenumerate(matrix):
        color = "black" if share[y, x] > 0.5 else "white"
        axis.text(x, y, f"{count:,}\n{share[y, x]:.1%}", ha="center", va="center", color=color)
    axis.set_xticks(range(len(names)), names)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="predicted", ylabel="true")
    axis.set_title(title)
    finish(figure, caption)
