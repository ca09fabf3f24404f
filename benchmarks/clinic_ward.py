"""The doctor on the ward's patients, on pairs of illnesses and on pictures that nobody drew as scans: for clinic.py.

Every patient is handed in twice: with network, curves and training pictures, and as predictions and curves alone. How
sure each finding was, and whether it was right, goes into a reliability table.
"""

import itertools

import cv2
import numpy as np
import skimage.data
from skimage.filters import threshold_local
from skimage.segmentation import find_boundaries

from helpers.diagnosis import diagnose
from helpers.own_images.real_sets import draw_nuclei
from helpers.synthesis import CircleScene, make_dataset
from helpers.ward import ILLNESSES, Settings, admit
from helpers.ward.rounds import SCENE

PAIRS = [  # the first spoils the training set, the second the pictures in question
    ("masks_too_wide", "gray_scale_changed"), ("mask_not_moved", "noise_changed"),
    ("masks_outlines", "contrast_inverted"), ("pairs_shuffled", "images_divided_twice"),
    ("labels_incomplete", "images_divided_twice"), ("masks_not_0_1", "contrast_inverted"),
    ("masks_inverted", "noise_changed"), ("masks_too_wide", "copies_between_sets"),
]


def ward_findings(cause, seed):
    """Return what is found in a patient of the ward, handed in with everything, and as predictions and curves."""
    patient = admit(cause, [seed, 40])
    everything = dict(model=patient.network, history=patient.curves, training=patient.train)
    return diagnose(*patient.val, **everything), diagnose(*patient.val, y_pred=patient.y_pred, history=patient.curves)


def pair_findings(pair, seed):
    """Return what is found where a study has two illnesses, in its data alone."""
    rng = np.random.default_rng([seed, 41])
    train, val = (make_dataset(n, SCENE, rng) for n in (160, 40))
    for cause in pair:
        train, val, _ = ILLNESSES[cause].spoil(train, val, Settings(), rng)
    return diagnose(*val, training=train)


def _crops(image, mask, n, side, rng):
    places = [(rng.integers(image.shape[0] - side + 1), rng.integers(image.shape[1] - side + 1)) for _ in range(n)]
    cut = [[part[y : y + side, x : x + side] for y, x in places] for part in (image, mask)]
    return np.array(cut[0], np.float32)[..., None], np.array(cut[1], np.uint8)[..., None]


def coins(rng):
    """Return crops of scikit-image's photograph of coins, with masks from a local threshold."""
    image = skimage.data.coins() / 255
    mask = (image > threshold_local(image, 101)).astype(np.uint8)
    mask = cv2.morphologyEx(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5))), cv2.MORPH_CLOSE, np.ones((9, 9)))
    return _crops(image, mask, 30, 128, rng)


def membranes(rng, cells=False, n=24, side=96):
    """Return dark lines around cells, as under an electron microscope; foreground: the lines, or the cells."""
    images, masks = [], []
    y, x = np.mgrid[:side, :side]
    for _ in range(n):
        points = rng.uniform(0, side, (14, 2))
        nearest = ((y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2).argmin(-1)
        line = cv2.dilate(find_boundaries(nearest).astype(np.uint8), np.ones((2, 2)))
        soft = cv2.GaussianBlur(line.astype(np.float32), (0, 0), 1)
        images.append(0.7 - 0.4 * soft + rng.normal(0, 0.06, line.shape))
        masks.append(1 - line if cells else line)
    return np.clip(images, 0, 1).astype(np.float32)[..., None], np.array(masks, np.uint8)[..., None]


def nuclei(rng, n=24):
    """Return the course's stand-in for stained nuclei, 128x128."""
    drawn = [draw_nuclei(rng, (128, 128)) for _ in range(n)]
    gray = [np.asarray(image, np.float32) / 255 for image, _ in drawn]
    gray = [image.mean(axis=-1) if image.ndim == 3 else image for image in gray]
    masks = [np.asarray(mask) > 0 for _, mask in drawn]
    return np.array([g[:128, :128] for g in gray], np.float32)[..., None], (
        np.array([m[:128, :128] for m in masks], np.uint8)[..., None])


def scenes(scene):
    """Return a maker of sixty pictures of a scene."""
    return lambda rng: make_dataset(60, scene, rng)


FAR = {
    "coins": coins, "membranes": membranes, "cells between membranes": lambda rng: membranes(rng, cells=True),
    "nuclei": nuclei, "dense": scenes(CircleScene(circles=(15, 25))),
    "one disc": scenes(CircleScene(circles=1, radius=8)),
    "many vessels": scenes(CircleScene(vessels=(6, 9))), "uneven light": scenes(CircleScene(illumination=1)),
    "dark and flat": scenes(CircleScene(illumination=0.05, noise=0.03)), "the ward's": scenes(SCENE),
}


def far_findings(name, seed):
    """Return what is found in sound pictures far from the default scene."""
    rng = np.random.default_rng([seed, 42])
    pictures = FAR[name](rng)
    return diagnose(*pictures, training=None if name == "coins" else FAR[name](rng))


def reliability(judged) -> list[tuple[str, int, float, float]]:
    """Return `(words, findings, mean of how sure, share that was right)` of `(sure, right)` pairs, surest first."""
    rows = []
    for words, low, high in (("almost certain", 0.9, 1.01), ("probable", 0.7, 0.9), ("possible", 0.0, 0.7)):
        inside = [(sure, right) for sure, right in judged if low <= sure < high]
        if inside:
            sure, right = np.mean(inside, axis=0)
            rows.append((words, len(inside), float(sure), float(right)))
    return rows


def named(found, cause) -> bool:
    """Say whether a cause is among the findings or among the rivals of one, or nothing is claimed at all."""
    return not found or any(cause == finding.cause or cause in finding.rivals for finding in found)


def report(seeds, judged, shared_out) -> list[str]:
    """Return the lines of the ward's part of clinic.md.

    judged: `(sure, right)` of the findings made before; shared_out: as in clinic.py.
    """
    judged, first, open_to, certain_elsewhere = list(judged), {}, {}, []
    admitted = list(itertools.product(ILLNESSES, range(seeds)))
    pairs, far = list(itertools.product(PAIRS, range(seeds))), list(itertools.product(FAR, range(2)))
    found_in = shared_out(ward_findings, admitted), shared_out(pair_findings, pairs), shared_out(far_findings, far)
    handed_in = ((cause, way, found) for (cause, _), both in zip(admitted, found_in[0])
                 for way, found in zip(("everything", "predictions"), both))
    for cause, way, found in handed_in:
        judged += [(finding.sure, finding.cause == cause) for finding in found]
        good = not found if cause == "healthy" else found.causes[:1] == [cause]
        first.setdefault((cause, way), []).append(good)
        open_to.setdefault((cause, way), []).append(named(found, cause))
        print(f"{cause:<24}{way:<14}{'right' if good else [(f.cause, round(f.sure, 2)) for f in found]}", flush=True)
    lines = ["", "## The ward", "",
             "Every illness of the ward, handed in with everything, and as predictions and curves alone: how often it is "
             "named first. Most of them lie in training pictures or in a scanner that predictions and curves do not "
             "show. The last column says how often the true cause was not ruled out there: it is a finding, or a rival "
             "of one, or nothing is claimed.", "",
             "| illness | with everything | predictions and curves | and not ruled out |", "| --- | --- | --- | --- |"]
    ways = ("everything", "predictions")
    for cause in ILLNESSES:
        cells = [f"{sum(marks)}/{len(marks)}" for marks in (*(first[cause, way] for way in ways), open_to[cause, ways[1]])]
        lines.append(f"| `{cause}` | {' | '.join(cells)} |")
    lines += ["", "## Two illnesses at once", "",
              "| pair | the first finding is one of the two | both are named |", "| --- | --- | --- |"]
    both = {}
    for (pair, _), found in zip(pairs, found_in[1]):
        judged += [(finding.sure, finding.cause in pair) for finding in found]
        good = bool(found) and found.causes[0] in pair, set(pair) <= set(found.causes)
        both.setdefault(pair, []).append(good)
    for pair, marks in both.items():
        one, two = np.sum(marks, axis=0)
        lines.append(f"| {' + '.join(pair)} | {one}/{len(marks)} | {two}/{len(marks)} |")
    alarms = []
    for (name, _), found in zip(far, found_in[2]):
        judged += [(finding.sure, False) for finding in found]
        alarms += [f"{name}: {', '.join(found.causes)}"] if found else []
        certain_elsewhere.append(bool(found))
    lines += ["", "## Sound pictures far from the default", "",
              f"False alarms: {sum(certain_elsewhere)} of {len(certain_elsewhere)} ({'; '.join(alarms) or 'none'}); "
              f"looked at: {', '.join(FAR)}.",
              "", "## How sure, and how often right", "",
              "All findings of the sections above. Right is what names the thing that was done to the patient.", "",
              "| words | findings | mean of how sure | right |", "| --- | --- | --- | --- |"]
    lines += [f"| {words} | {n} | {sure:.2f} | {right:.0%} |" for words, n, sure, right in reliability(judged)]
    return lines
