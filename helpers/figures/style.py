"""How all figures of the course look, and what they share."""

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import display
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


# Bytes of a PNG. In a notebook it is written as text, a third longer, and that stays below 1 MB.
LARGEST = 740_000


def finish(figure, caption):
    """Show a figure, close it, and print its caption in lines that fit."""
    if "inline" in plt.get_backend() and _may_be_large(figure):
        _show_at_most(figure, LARGEST)
    else:
        plt.show()
    plt.close(figure)
    if caption:
        say(caption)


def _may_be_large(figure):
    """Say whether a notebook would hold many pixels of pictures; lines and letters take next to no bytes."""
    return any(axis.images for axis in figure.axes) and np.prod(figure.get_size_inches() * 200) > LARGEST / 2


def _show_at_most(figure, most):
    """Show a figure in a notebook with as many pixels as `most` bytes can hold, up to two for one of the screen's.

    Fewer pixels make it no smaller on the screen, because the notebook is told how large it is there.
    """
    png, dpi = bounded_png(figure, most)
    size = {side: round(int.from_bytes(png[at : at + 4]) * 100 / dpi) for side, at in (("width", 16), ("height", 20))}
    display({"image/png": png, "text/plain": repr(figure)}, metadata={"image/png": size}, raw=True)


def bounded_png(figure, most: int) -> tuple[bytes, float]:
    """Return a figure as a PNG of at most `most` bytes, and its pixels for an inch: 200, or fewer if it must be."""
    dpi = 200.0
    while len(png := print_figure(figure, "png", dpi=dpi)) > most and dpi > 10:
        dpi *= min(0.95, 0.97 * (most / len(png)) ** 0.5)  # the bytes grow with the square of it
    return png, dpi


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
