"""Figures of the course, drawn with Matplotlib. Each one says in its title what to see, and prints the same in words.

Colors are those of `helpers.palette`: gray scans, orange for the truth, blue for the prediction, viridis for numbers.
Nothing but notebooks imports this module.
"""

from helpers.figures.pictures import show_classes, show_images, show_numbers, show_pairs, show_predictions
from helpers.figures.plots import (
    plot_bars,
    plot_bins,
    plot_confusion,
    plot_gray_levels,
    plot_history,
    plot_lines,
    plot_reliability,
    plot_spread,
)
from helpers.figures.unet_drawing import draw_unet

__all__ = [
    "draw_unet", "plot_bars", "plot_bins", "plot_confusion", "plot_gray_levels", "plot_history", "plot_lines",
    "plot_reliability", "plot_spread", "show_classes", "show_images", "show_numbers", "show_pairs", "show_predictions",
]
