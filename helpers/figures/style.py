"""How all figures of the course look, and what they share."""

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.colors import ListedColormap
from matplotlib_inline.backend_inline import set_matplotlib_formats

from helpers import palette
from helpers.drawing import plane
from helpers.printing import say

TRUTH, PREDICTION, QUIET = (palette.COLORS[name] for name in ("truth", "prediction", "quiet"))

plt.rcParams.update({
    "figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True, "font.size": 10,
    "axes.titlesize": 11, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[palette.COLORS[name] for name in (
        "prediction", "truth", "decoder", "bottleneck", "ink", "warning")]),
    "image.cmap": "gray", "image.interpolation": "nearest", "legend.frameon": False, "svg.hashsalt": "unet",
})

if get_ipython() is not None:  # two pixels of the file for one of the screen's, so that letters are sharp when enlarged
    set_matplotlib_formats("retina")


def finish(figure, caption):
    """Show a figure, close it, and print its caption in lines that fit."""
    plt.show()
    plt.close(figure)
    if caption:
        say(caption)


def colors_of(kind):
    """Return the colors of a kind of picture, as matplotlib wants them."""
    return ListedColormap(palette.table(kind) / 255)


def draw_outline(axis, mask, color, style="solid"):
    """Draw the border of a mask over a picture."""
    mask = plane(mask)
    if mask.min() < 0.5 <= mask.max():
        padded = np.pad(mask.astype(float), 1)
        axis.contour(np.arange(-1, mask.shape[1] + 1), np.arange(-1, mask.shape[0] + 1), padded, [0.5],
                     colors=color, linewidths=1.4, linestyles=style)
        axis.set_xlim(-0.5, mask.shape[1] - 0.5)
        axis.set_ylim(mask.shape[0] - 0.5, -0.5)


def mark(axis, place, text, height, up):
    """Write beside a vertical line; height: of the words, a share of the axis; up: pixels above that."""
    at = {"xycoords": ("data", "axes fraction"), "xytext": (3, up), "textcoords": "offset points"}
    axis.annotate(text, (place, height), fontsize=9, **at)
