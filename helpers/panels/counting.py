"""Counting (notebook 08): how many lesions each method finds, and where it draws their outlines, against the truth."""

from functools import partial

import numpy as np

from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady_lesions
from helpers.panels.views import PanelResult, picture
from helpers.synthesis import CircleScene


def count_lesions(models, circles=8, noise=0.1, seed=5, strictness=10, size=96) -> PanelResult:
    """Show a scan with its true lesions, and beside it what each method counts and where it draws the outlines.

    models: name to a function from images `[n, h, w, 1]` to labels of the same shape; Hough circles stand beside them.
    circles, noise: dials of `CircleScene`; seed: which picture; strictness: of the Hough circles; size: side of the
    picture, pixels. Raises ValueError for an impossible scene.
    """
    # Here and not above: it loads SciPy and scikit-image, and notebooks 00 to 05 import the panels, too.
    from helpers.instances import circle_objects, connected_objects, count_objects, cut_gaps, match_objects

    scene = CircleScene(size, circles, radius=(5, 10), contrast=0.4, noise=noise, vessels=2)
    image, lesions = draw_steady_lesions(scene, seed)
    truth = lesions[None].astype(np.int32)
    found = {"Hough circles": circle_objects(image[None], (5, 10), strictness)}
    found |= {name: method(image[None]) for name, method in models.items()}
    counts = {name: int(count_objects(labels)[0]) for name, labels in found.items()}
    there = int(count_objects(truth)[0])
    pieces = int(connected_objects(truth > 0).max())
    facts = {"lesions to be seen": str(there), "connected pieces of the true mask": str(pieces)}
    views = [picture(f"Truth: {there}", image, truth=cut_gaps(truth)[0])]
    for name, labels in found.items():  # a gap of one pixel keeps the outlines of neighbors apart
        score = match_objects(truth, labels)
        facts[name] = f"{counts[name]}; {score.fn} missed, {score.fp} invented, F1 {score.f1:.2f}"
        views.append(picture(f"{name}: {counts[name]}", image, found=cut_gaps(labels)[0]))
    said = ", ".join(f"{name} {count}" for name, count in counts.items())
    return PanelResult(views, facts, f"{there} lesions are to be seen; counted are: {said}.")


def counting_panel(models, size=96) -> Panel:
    """Return the counting panel: lesions come and go, and each method counts them. models: as in `count_lesions`."""
    return Panel("How many are there?", partial(count_lesions, models, size=size), [
        Dial("circles", 8, (0, 25, 1), "how many circles are drawn; one that is wholly covered cannot be seen"),
        Dial("noise", 0.1, (0.0, 0.4, 0.01), "how grainy the scan is; the networks were trained at 0.10"),
        Dial("strictness", 10, (4, 30, 1), "how many votes a Hough circle needs; more votes, fewer circles"),
        Dial("seed", 5, (0, 99, 1), "which picture is drawn; the other dials leave its discs in place"),
    ])
