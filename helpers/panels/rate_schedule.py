"""The schedule (notebook 03): the learning rate over the steps of a training."""

import cv2
import numpy as np

from helpers.panels.canvas import FAINT, PREDICTION, QUIET, SCALE, Canvas, PanelResult
from helpers.panels.shell import Dial, Panel

MOST_STEPS, HIGHEST_RATE = 3000, 0.01  # the ends of the sliders are the ends of the axes: the frame never moves


def learning_rates(peak=0.003, warmup=50, steps=1000, kind="cosine") -> np.ndarray:
    """Return the learning rate of every step, `[steps]` float64.

    peak: the highest; warmup: steps that lead up to it in a straight line, at most half of all; kind: "cosine" (down
    to 0, as `training.warmup_cosine`), "constant", or "stepwise" (halved after each fifth, as a plateau would).
    Raises ValueError for an unknown kind or numbers that are not positive.
    """
    if kind not in ("cosine", "constant", "stepwise"):
        raise ValueError(f"kind is {kind!r}; choose 'cosine', 'constant' or 'stepwise'.")
    if not peak > 0 or steps < 1 or warmup < 0:
        raise ValueError(
            f"peak is {peak}, steps {steps}, warmup {warmup}; peak and steps must be positive, warmup not negative."
        )
    warmup = min(warmup, steps // 2)
    step = np.arange(steps)
    done = (step - warmup) / max(steps - warmup, 1)
    after = {
        "cosine": 0.5 * (1 + np.cos(np.pi * np.clip(done, 0, 1))), "constant": np.ones(steps),
        "stepwise": 0.5 ** np.floor(np.clip(done, 0, 1) * 5),
    }[kind]
    return peak * np.where(step < warmup, step / max(warmup, 1), after)


def schedule(peak=0.003, warmup=50, steps=1000, kind="cosine") -> PanelResult:
    """Show the learning rate over the steps of a training. Arguments and errors as in `learning_rates`."""
    rates = learning_rates(peak, warmup, steps, kind)
    canvas, left, right, top, floor = Canvas(250), 62, 790, 28, 212
    canvas.text(0, 15, "Learning rate", bold=True)

    def place(step, rate):
        x = left + np.asarray(step) / MOST_STEPS * (right - left)
        y = floor - np.asarray(rate) / HIGHEST_RATE * (floor - top)
        return np.stack(np.broadcast_arrays(np.clip(x, left, right), np.clip(y, top, floor)), axis=-1)

    shade = np.vstack([place(0, 0), place(np.arange(steps), rates), place(steps - 1, 0)])
    cv2.fillPoly(canvas.pixels, [np.round(shade * SCALE).astype(np.int32)], (222, 236, 246))
    for rate in np.linspace(0, HIGHEST_RATE, 6):
        y = place(0, rate)[1]
        canvas.lines([(left, y), (right, y)], QUIET if rate == 0 else FAINT, 0.75)
        canvas.text(left - 8, y + 4, f"{rate:.3f}", 11, align="right")
    for step in range(0, MOST_STEPS + 1, 500):
        canvas.text(place(step, 0)[0], floor + 17, f"{step}", 11, align="center")
    canvas.text((left + right) / 2, floor + 34, "step", 12, align="center")
    canvas.lines(place(np.arange(steps), rates), PREDICTION, 2.5)
    end = place(steps - 1, 0)[0]
    canvas.dashes((end, top), (end, floor), QUIET, 1)
    before = end > right - 60
    canvas.text(end - 5 if before else end + 5, top + 12, "end", 11, align="right" if before else "left")
    first = int(rates.argmax())
    facts = {
        "highest rate": f"{rates.max():.4f}", "reached at step": f"{first}",
        "rate half-way": f"{rates[steps // 2]:.4f}",
        "last rate": f"{rates[-1]:.4f}", "mean rate": f"{rates.mean():.4f}",
    }
    mean = rates.mean()
    caption = f"the rate peaks at {rates.max():.4f} in step {first} and ends at {rates[-1]:.4f}; mean {mean:.4f}."
    return PanelResult(canvas.pixels, facts, caption)


def schedule_panel() -> Panel:
    """Return the schedule: bend the learning rate and see where it is high."""
    examples = [{"warmup": 0}, {"warmup": 400}, {"kind": "constant", "warmup": 0}, {"kind": "stepwise", "peak": 0.005}]
    return Panel("The schedule", schedule, [
        Dial("peak", 0.003, (0.0005, HIGHEST_RATE, 0.0005), "the highest learning rate"),
        Dial("warmup", 50, (0, 1000, 10), "steps that lead up to it; at most half of all are used"),
        Dial("steps", 1000, (100, MOST_STEPS, 50), "of the whole training: epochs times batches"),
        Dial("kind", "cosine", ["cosine", "constant", "stepwise"], "what the rate does after the warm-up"),
    ], new=("New example", examples))
