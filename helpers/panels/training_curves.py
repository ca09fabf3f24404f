"""Curves of a training (notebook 03), as the monitor draws them while it runs."""

import numpy as np

from helpers.panels.canvas import COLUMN, FAINT, PREDICTION, QUIET, TRUTH, WIDTH, Canvas


def training_curves(log, epochs, note="", progress=None) -> np.ndarray:
    """Draw loss and Dice of a run, training beside validation, as a picture `[h, w, 3]` uint8 RGB.

    log: name to numbers, one an epoch, as `History.history`; epochs: how many were planned (they set the axis).
    note: a line below; progress: share done, 0..1, drawn as a bar, or None for no bar.
    """
    canvas = Canvas(254 if progress is None and not note else 290)
    for x, name, title in ((0, "loss", "Loss: lower is better"), (COLUMN * 2, "dice", "Dice: higher is better")):
        _curve(canvas, x, title, log.get(name, ()), log.get(f"val_{name}", ()), epochs, fixed=name == "dice")
    if progress is not None:
        canvas.box(0, 262, WIDTH, 6, FAINT)
        canvas.box(0, 262, max(WIDTH * min(max(progress, 0), 1), 1), 6, PREDICTION)
    if note:
        canvas.text(0, 284, note, 12)
    return canvas.pixels


def _curve(canvas, x, title, training, validation, epochs, fixed):
    left, right, top, floor = x + 40, x + 384, 30, 216
    canvas.text(x, 17, title, bold=True)
    values = [v for v in (*training, *validation) if np.isfinite(v)]
    high = 1.0 if fixed else _round_up(max(values, default=1.0))

    def place(i, value):
        share = (i - 1) / max(epochs - 1, 1) if epochs > 1 else 0.5
        return left + share * (right - left), floor - min(max(value / high, 0), 1) * (floor - top)

    for share in (0, 0.25, 0.5, 0.75, 1):
        y = floor - share * (floor - top)
        canvas.lines([(left, y), (right, y)], QUIET if share == 0 else FAINT, 0.75)
        canvas.text(left - 6, y + 4, f"{share * high:.2f}", 10, align="right")
    for epoch in sorted({1, (1 + epochs) // 2, epochs}):
        canvas.text(place(epoch, 0)[0], floor + 15, f"{epoch}", 10, align="center")
    canvas.text((left + right) / 2, floor + 31, "epoch", 11, align="center")
    for series, color, dashed in ((training, PREDICTION, False), (validation, TRUTH, True)):
        points = [place(i + 1, v) for i, v in enumerate(series) if np.isfinite(v)]
        for a, b in zip(points, points[1:]):
            canvas.dashes(a, b, color, 2, 5) if dashed else canvas.lines([a, b], color, 2)
        for px, py in points[-1:]:
            canvas.box(px - 3, py - 3, 6, 6, color)
    canvas.key(right - 148, 17, ((PREDICTION, "training"), (TRUTH, "validation")))


def _round_up(value):
    steps = (0.2, 0.4, 0.8, 1.2, 1.6, 2, 4, 8, 12, 20, 40, 100)  # a quarter of each is a round number
    return next((step for step in steps if step >= value), value)
