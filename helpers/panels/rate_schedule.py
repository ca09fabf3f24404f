"""The schedule (notebook 03): the learning rate over the steps of a training, and a small network that tries it."""

import numpy as np

from helpers.panels.schedule_trial import Trial
from helpers.panels.shell import Dial, Panel
from helpers.panels.views import PanelResult, chart

MOST_STEPS, HIGHEST_RATE = 3000, 0.01  # the ends of the sliders are the ends of the axes: the frame never moves
KINDS = ["cosine", "constant", "stepwise"]


def learning_rates(peak=0.003, warmup=50, steps=1000, kind="cosine") -> np.ndarray:
    """Return the learning rate of every step, `[steps]` float64.

    peak: the highest; warmup: steps that lead up to it in a straight line, at most half of all; kind: "cosine" (down
    to 0, as `training.warmup_cosine`), "constant", or "stepwise" (halved after each fifth, as a plateau would).
    Raises ValueError for an unknown kind or numbers that are not positive.
    """
    if kind not in KINDS:
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


def schedule(peak=0.003, warmup=50, steps=1000, kind="cosine", runs=()) -> PanelResult:
    """Show the learning rate over the steps of a training. Arguments and errors as in `learning_rates`.

    runs: `(name, losses)` of small trainings to show below it, from `Trial`; the last is the newest.
    """
    rates = learning_rates(peak, warmup, steps, kind)
    first = int(rates.argmax())
    facts = {
        "highest rate": f"{rates.max():.4f}", "reached at step": f"{first}",
        "rate half-way": f"{rates[steps // 2]:.4f}",
        "last rate": f"{rates[-1]:.4f}", "mean rate": f"{rates.mean():.4f}",
        "loss at the end": f"{runs[-1][1][-20:].mean():.3f}" if runs else "not trained yet",
    }
    mean = rates.mean()
    caption = f"the rate peaks at {rates.max():.4f} in step {first} and ends at {rates[-1]:.4f}; mean {mean:.4f}."
    note = ""
    if warmup > steps // 2:
        note = (f"A warm-up of {warmup} is more than half of {steps} steps, so {steps // 2} is used: "
                "the rate must come down.")
    some = np.unique(np.r_[np.linspace(0, steps - 1, 240).astype(int), first])  # a screen shows no more
    line = ("learning rate", np.stack([some, rates[some]], axis=1), "prediction", "line")
    axes = (0, MOST_STEPS, "step"), (0, HIGHEST_RATE, "")
    views = [chart("Learning rate", [line], *axes, [(steps, "end")], wide=True)]
    if runs:
        styles = (("quiet", "dashed"), ("prediction", "line"))[-len(runs) :]
        curves = [(name, smoothed(losses), *style) for (name, losses), style in zip(runs[-2:], styles)]
        views.append(chart("Loss of a small network trained with it", curves, (0, MOST_STEPS, "step"), (0, 1.6, ""),
                           wide=True))
    return PanelResult(views, facts, caption, note)


def smoothed(losses, width=20) -> np.ndarray:
    """Return the mean of every `width` losses and the step in its middle, `[n, 2]`."""
    count = max(len(losses) // width, 1)
    parts = np.array_split(np.asarray(losses, float), count)
    means = [min(np.nan_to_num(part.mean(), nan=9.0), 9.0) for part in parts]
    return np.array([(width * (i + 0.5), mean) for i, mean in enumerate(means)])


def schedule_panel() -> Panel:
    """Return the schedule: bend the learning rate, and see what a small network makes of it."""
    trial = Trial(learning_rates, schedule)
    examples = [{"warmup": 0}, {"warmup": 400}, {"kind": "constant", "warmup": 0}, {"kind": "stepwise", "peak": 0.005}]
    return Panel("The schedule", trial.draw, [
        Dial("peak", 0.003, (0.0005, HIGHEST_RATE, 0.0005), "the highest learning rate"),
        Dial("warmup", 50, (0, 1000, 10), "steps that lead up to it; at most half of all are used"),
        Dial("steps", 1000, (100, MOST_STEPS, 50), "of the whole training: epochs times batches"),
        Dial("kind", "cosine", KINDS, "what the rate does after the warm-up"),
    ], new=("New example", examples), action=("Train a small network with it", trial.train))
