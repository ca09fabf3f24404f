"""The flip book (notebook 03): what a network made of a few pictures, page by page of its training."""

import numpy as np

from helpers import drawing
from helpers.evaluation import dice_per_image
from helpers.panels.canvas import COLUMN, ERROR_KEY, FAINT, PREDICTION, QUIET, TILE, Canvas, PanelResult
from helpers.panels.shell import Dial, Panel


def flip(images, masks, pages, times, page=0, picture=0, unit="epoch") -> PanelResult:
    """Show what a network made of one picture at one time of its training.

    images, masks: `[k, h, w, 1]`; pages: its probabilities `[pages, k, h, w]` uint8, 255 for certain; times: the
    epoch or step (unit) of each page, 0 before training; page, picture: which to show. A `FlipBook` holds the first
    four.
    """
    image, inside = images[picture, ..., 0], masks[picture, ..., 0]
    chance = pages[page, picture]
    found = (chance >= 128).astype(np.uint8)
    scores = dice_per_image(np.repeat(masks[picture][None], len(pages), axis=0), (pages[:, picture, ..., None] >= 128))
    when = "before training" if times[page] == 0 else f"after {unit} {times[page]}"
    canvas = Canvas(246)
    canvas.text(0, 17, "Scan and truth", bold=True)
    canvas.tile(0, 26, drawing.levels(image))
    canvas.outline(0, 26, inside, "truth")
    canvas.text(COLUMN, 17, "Probability", bold=True)
    canvas.tile(COLUMN, 26, drawing.colored(chance, "probability"))
    canvas.text(2 * COLUMN, 17, "Errors", bold=True)
    canvas.tile(2 * COLUMN, 26, drawing.colored(drawing.error_map(inside, found), "errors"))
    canvas.key(2 * COLUMN, 237, ERROR_KEY)
    canvas.scale(COLUMN, 237, "probability")
    _flip_curve(canvas, 3 * COLUMN, 26, times, scores, page, unit)
    facts = {
        "network": when, "Dice of this picture": f"{scores[page]:.2f}",
        "pixels called lesion": f"{found.mean():.1%}", "pixels that are": f"{inside.mean():.1%}",
    }
    return PanelResult(canvas.pixels, facts, f"{when}, this picture scores a Dice of about {scores[page]:.1f}.")


def _flip_curve(canvas, x, y, times, scores, page, unit, side=TILE):
    """Draw the Dice of every page and where the present one stands; steps grow fast and are spaced page by page."""
    left, right, top, floor = x + 24, x + side - 6, y + 8, y + side - 6
    along = range(len(times)) if unit == "step" else times
    canvas.text(x, 17, "Dice of this picture", bold=True)
    for share in (0, 0.5, 1):
        here = floor - share * (floor - top)
        canvas.lines([(left, here), (right, here)], FAINT if share else QUIET, 0.75)
        canvas.text(left - 5, here + 4, f"{share:g}", 11, align="right")
    places = [(left + (right - left) * a / max(along[-1], 1), floor - (floor - top) * s) for a, s in zip(along, scores)]
    canvas.lines([(places[page][0], top), (places[page][0], floor)], QUIET, 1)
    canvas.lines(places, PREDICTION, 2)
    canvas.box(places[page][0] - 4, places[page][1] - 4, 8, 8, PREDICTION)
    canvas.text(left, 237, f"{unit} 0", 11)
    canvas.text(right, 237, f"{times[-1]}", 11, align="right")


def flip_panel(book) -> Panel:
    """Return the flip book: a slider over the pages of a training, an epoch or some steps each.

    book: the `FlipBook` that was given to `train_unet(callbacks=[book])`. Raises ValueError if it is empty.
    """
    if not len(book.times):
        raise ValueError("the flip book is empty; train first: train_unet(..., callbacks=[book]).")
    last = len(book.times) - 1
    return Panel("The flip book", book.draw, [
        Dial("page", 0, (0, last, 1), f"0 is before training; the pages that follow are later {book.unit}s"),
        Dial("picture", 0, (0, len(book.images) - 1, 1), "which of the kept pictures"),
    ], new="picture", play="page")
