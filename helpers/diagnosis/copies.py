"""Pictures that stand in both sets: exact, mirrored or turned, or with a little noise."""

import hashlib

import cv2
import numpy as np

from helpers.diagnosis.alignment import MOVES, details
from helpers.diagnosis.causes import finding
from helpers.diagnosis.material import some_of


def noise_of(pictures):
    """Return each picture's noise, its standard deviation in gray levels. Source: Immerkaer 1996, with a median."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    rough = [cv2.filter2D(np.ascontiguousarray(p, np.float32), -1, kernel) for p in pictures]
    return np.array([np.median(np.abs(r)) for r in rough]) / (6 * 0.6745)


def _alike(a, b):
    """Say whether two pictures `[h, w]` are one but for a little noise, or for brightness if noise marks them."""
    if float(a.std()) < 1e-4 or float(b.std()) < 1e-4:
        return False
    difference = float(np.sqrt(np.mean((a - b) ** 2)))
    fine = [p - cv2.GaussianBlur(np.ascontiguousarray(p), (0, 0), 3) for p in (a, b)]
    power = float(np.sqrt((fine[0] ** 2).sum() * (fine[1] ** 2).sum()))
    match = float((fine[0] * fine[1]).sum()) / power if power > 1e-9 else 0.0
    marked = min(noise_of([a, b])) > 0.01
    return match > 0.9 and (difference < 0.03 or marked)


def _copies(new, new_at, old, old_at):
    """Return the indices of exact copies (a set), and of near ones with the name of their move (a dictionary)."""
    digests = {j: hashlib.blake2b(old[j].tobytes(), digest_size=12).digest() for j in old_at if old[j].std() > 1e-4}
    known = set(digests.values())
    exact = {i for i in new_at if hashlib.blake2b(new[i].tobytes(), digest_size=12).digest() in known}
    moves = {"": lambda a: a, **(MOVES if new.shape[1] == new.shape[2] else dict(list(MOVES.items())[:3]))}
    x, good_x = details(new[new_at], 32)
    y, good_y = details(old[old_at], 32)
    flat, near = y.reshape(len(y), -1), {}
    for name, move in moves.items():
        table = np.ascontiguousarray(move(x)).reshape(len(x), -1) @ flat.T
        partner = table.argmax(axis=1)
        for i in np.flatnonzero((table.max(axis=1) > 0.85) & good_x & good_y[partner]):
            if new_at[i] not in near and new_at[i] not in exact:
                if _alike(np.ascontiguousarray(move(new[new_at[i]][None])[0]), old[old_at[partner[i]]]):
                    near[new_at[i]] = name
    return exact, near


def check_copies(case):
    """Look for pictures that stand in both sets: exact, mirrored or turned, or with a little noise added."""
    new, old = case.images, case.learned.images if case.learned is not None else None
    if new is None or old is None or new.shape[1:] != old.shape[1:]:
        return []
    new_at, old_at = some_of(len(new), 1000), some_of(len(old), 2000)
    exact, near = _copies(new, new_at, old, old_at)
    copied = np.array([*exact, *near], int)
    if len(copied) and np.median(noise_of(new[copied[some_of(len(copied), 50)]])) < 0.01:
        # Without noise to mark them, simple pictures are alike by chance; within the training set they then are, too.
        half = len(old_at) // 2
        alone = sum(map(len, _copies(old, old_at[:half], old, old_at[half:])))
        if len(copied) < max(5, 0.1 * len(new_at)) or alone / max(half, 1) > 0.15 * len(copied) / len(new_at):
            return []
    total = len(exact) + len(near)
    looked = len(new_at)
    if not exact and total < max(2, 0.01 * looked):
        return []
    turned = sum(bool(name) for name in near.values())
    kinds = [f"{len(exact)} exactly"] * bool(exact) + [f"{turned} mirrored or turned"] * bool(turned)
    kinds += [f"{len(near) - turned} with slightly other gray levels"] * bool(len(near) - turned)
    seen = f"{total} of {looked} pictures are also among the training pictures ({', '.join(kinds)})"
    return [finding("copies_between_sets", 0.97, seen)]
