"""The flip book (notebook 03): what a network made of a few pictures, page by page of its training."""

import numpy as np

from helpers import drawing
from helpers.evaluation import dice_per_image
from helpers.panels import views as show
from helpers.panels.shell import Dial, Panel
from helpers.panels.views import PanelResult


def flip(images, masks, pages, times, page=0, picture=0, unit="epoch") -> PanelResult:
    """Show what a network made of one picture at one time of its training.

    images, masks: `[k, h, w, 1]`; pages: its probabilities `[pages, k, h, w]` uint8, 255 for certain; times: the
    epoch or step (unit) of each page, 0 before training; page, picture: which to show. A `FlipBook` holds the
    first four.
    """
    image, inside = images[picture, ..., 0], masks[picture, ..., 0]
    chance = pages[page, picture]
    found = (chance >= 128).astype(np.uint8)
    truths = np.repeat(masks[picture][None], len(pages), axis=0)
    scores = dice_per_image(truths, (pages[:, picture, ..., None] >= 128))
    when = "before training" if times[page] == 0 else f"after {unit} {times[page]}"
    # Steps grow fast, so they are spaced page by page; epochs are spaced as they are.
    along = np.arange(len(times)) if unit == "step" else np.asarray(times)
    facts = {
        "network": when, "Dice of this picture": f"{scores[page]:.2f}",
        "pixels called lesion": f"{found.mean():.1%}", "pixels that are": f"{inside.mean():.1%}",
    }
    views = [
        show.picture("Scan and truth", image, truth=inside),
        show.picture("Probability", chance, "probability"),
        show.picture("Errors", drawing.error_map(inside, found), "errors"),
        show.chart("Dice of this picture", [("Dice", np.stack([along, scores], axis=1), "prediction", "line")],
              (0, max(int(along[-1]), 1), "page" if unit == "step" else unit), (0, 1, ""), [(int(along[page]), "")]),
    ]
    return PanelResult(views, facts, f"{when}, this picture scores a Dice of about {scores[page]:.1f}.")


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
