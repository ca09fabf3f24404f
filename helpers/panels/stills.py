"""What stays in a saved notebook: a panel's picture at several settings, one below the other, with its words."""

import base64

import numpy as np
from IPython.display import display

from helpers import drawing
from helpers.panels.canvas import SCALE, WIDTH, Canvas
from helpers.printing import say


def picture_output(picture: np.ndarray, alt: str) -> dict:
    """Return what `IPython.display.display(**...)` takes to show a picture that outlives the kernel.

    alt: what stands in its place for those who cannot see it.
    """
    data = {"image/png": base64.b64encode(drawing.as_png(picture, quick=True)).decode(), "text/plain": alt}
    return {"data": data, "metadata": {"image/png": {"width": picture.shape[1] // SCALE, "alt": alt}}}


def show_picture(picture: np.ndarray, alt: str) -> None:
    """Show a picture as the output of a cell, with its description."""
    output = picture_output(picture, alt)
    display(output["data"], metadata=output["metadata"], raw=True)


def still(draw, settings, captions=None, **fixed) -> tuple[np.ndarray, list[str]]:
    """Draw a panel's picture at several settings, one below the other under a caption each.

    draw: a panel's function; settings: dictionaries of its arguments; captions: by default written from the settings;
    fixed: arguments that all of them share, such as model=model.
    Returns `(picture, lines)`: `[h, w, 3]` uint8 RGB, and for each setting what it shows, in words.
    """
    captions = captions or [", ".join(f"{k} {v}" for k, v in one.items()) or "as it starts" for one in settings]
    parts, lines = [], []
    for one, caption in zip(settings, captions):
        shown = draw(**fixed, **one)
        head = Canvas(30)
        head.box(0, 2, WIDTH, 24, (238, 243, 247))
        head.text(8, 19, caption, 13, bold=True)
        parts += [head.pixels, shown.picture]
        lines.append(f"{caption}: {shown.caption}")
    return np.vstack(parts), lines


def show_still(draw, settings, captions=None, title="The panel at several settings", caption="", **fixed) -> None:
    """Show a panel's picture at several settings as one static image, and print what each one shows.

    Arguments as in `still`; title: what the image shows, for those who cannot see it; says: words to print in place
    of the panel's own, where those would differ from one training to the next.
    """
    picture, lines = still(draw, settings, captions, **fixed)
    show_picture(picture, f"{title}. The lines below say what it shows.")
    say(caption or "\n".join(lines))
