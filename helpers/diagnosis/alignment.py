"""Do the masks lie on what they mark? Flips, turns, shifts and exchanged pairs."""

import cv2
import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.shapes import usable_in


MOVES = {
    "mirrored left to right": lambda a: a[..., :, ::-1],
    "turned upside down": lambda a: a[..., ::-1, :],
    "turned by half a turn": lambda a: a[..., ::-1, ::-1],
    "transposed": lambda a: a.swapaxes(-1, -2),
    "transposed and turned by half a turn": lambda a: a.swapaxes(-1, -2)[..., ::-1, ::-1],
    "turned by a quarter to the left": lambda a: a.swapaxes(-1, -2)[..., ::-1, :],
    "turned by a quarter to the right": lambda a: a.swapaxes(-1, -2)[..., :, ::-1],
}


def details(pictures, side):
    """Return pictures `[n, s, s]` without slow changes of brightness, shrunk to at most `side` pixels, of unit length.

    Also returns which of them have any details at all.
    """
    height, width = pictures.shape[1:]
    scale = min(1.0, side / max(height, width))
    shape = max(8, round(width * scale)), max(8, round(height * scale))
    out = np.empty((len(pictures), shape[1], shape[0]), np.float32)
    for i, picture in enumerate(pictures):
        small = cv2.resize(np.ascontiguousarray(picture, np.float32), shape, interpolation=cv2.INTER_AREA)
        out[i] = small - cv2.GaussianBlur(small, (0, 0), max(shape) / 8, borderType=cv2.BORDER_REPLICATE)
    out -= out.mean(axis=(1, 2), keepdims=True)
    length = np.sqrt((out**2).sum(axis=(1, 2)))
    good = length > 1e-3 * np.sqrt(out[0].size)
    return out / np.maximum(length, 1e-9)[:, None, None], good


def check_alignment(case):
    """Ask whether masks fit their images better after a flip, a turn or a shift, or fit another image.

    How well a mask fits is its correlation with the image, slow changes of brightness removed. A moved mask counts
    only by its part that differs from the mask in its place (a partial correlation), so that symmetrical lesions say
    nothing. What chance gives is measured on the same masks laid over *other* images.
    """
    chosen = usable_in(case, 160)
    if chosen is None:
        return []
    x, good_x = details(case.images[chosen], 64)
    m, good_m = details(case.masks[chosen].astype(np.float32), 64)
    good = good_x & good_m
    x, m = x[good], m[good]
    n = len(x)
    if n < 4:
        return []
    found = _shuffled(x, m)
    if found:
        return found
    zoom = case.images.shape[1] / x.shape[1]
    return _moved(x, m) or _shifted(x, m, zoom) or _moved_and_shifted(x, m)


def dot(a, b):
    return np.einsum("nij,nij->n", a, b)


def _moved(x, m):
    n = len(x)
    names = list(MOVES) if x.shape[1] == x.shape[2] else list(MOVES)[:3]
    others = [(np.arange(n) + k) % n for k in (1, 2, 3) if k < n]
    here, here_other = dot(x, m), np.concatenate([dot(x, m[j]) for j in others])
    rows = {}
    for name in names:
        turned = np.ascontiguousarray(MOVES[name](m))
        same = np.clip(dot(m, turned), -1, 1)
        rest = np.sqrt(np.maximum(1 - same**2, 1e-6))
        there = dot(x, turned)
        there_other = np.concatenate([dot(x, turned[j]) for j in others])
        same_other, rest_other = (np.concatenate([v[j] for j in others]) for v in (same, rest))
        rows[name] = {
            "fit": np.where(same < 0.7, (there - same * here) / rest, 0),
            "stay": np.where(same < 0.7, (here - same * there) / rest, 1),
            "chance": (there_other - same_other * here_other) / rest_other,
        }
    fits = np.stack([row["fit"] for row in rows.values()])
    every = np.concatenate([fits.ravel(), here])
    sign = np.sign(every[np.abs(every) > 0.3].sum()) or 1.0  # lesions may be darker than what is around them
    best = np.zeros((len(rows), n), bool)
    for k, row in enumerate(rows.values()):
        chance = sign * row["chance"]
        limit = chance.mean() + 3 * chance.std()
        fit, stay = sign * row["fit"], sign * row["stay"]
        best[k] = (fit > max(limit, 0.15)) & (stay < 0.5 * fit)
    moved = best.any(axis=0)
    share = moved.mean()
    if moved.sum() < 3 or share < 0.15:
        return []
    strength = np.where(best, sign * fits, -1)
    winner = strength.argmax(axis=0)[moved]
    counts = sorted(((int((winner == k).sum()), name) for k, name in enumerate(rows)), reverse=True)
    named = ", ".join(f"{count} {name}" for count, name in counts if count >= max(2, 0.1 * moved.sum())) or counts[0][1]
    consistent = share > 0.75 and counts[0][0] > 0.9 * moved.sum()
    seen = f"in {moved.sum()} of {n} pictures the mask fits the image much better when moved: {named}"
    if consistent:
        return [finding("mask_not_moved/all", 0.93, seen, move=counts[0][1])]
    return [finding("mask_not_moved/random", 0.93 if share > 0.25 else 0.85, seen)]


def _shifted(x, m, zoom):
    """Look for masks that fit after a shift: all by the same one, or each picture by its own."""
    n, height, width = x.shape
    spectrum_x, spectrum_m = np.fft.rfft2(x), np.fft.rfft2(m)

    def maps(order):
        return np.fft.fftshift(np.fft.irfft2(spectrum_x * np.conj(spectrum_m[order]), s=(height, width)), axes=(1, 2))

    reach_y, reach_x = height // 3, width // 3
    rows = slice(height // 2 - reach_y, height // 2 + reach_y + 1)
    columns = slice(width // 2 - reach_x, width // 2 + reach_x + 1)
    own, other = maps(np.arange(n))[:, rows, columns], maps((np.arange(n) + 1) % n)[:, rows, columns]
    mean = own.mean(axis=0)
    sign = np.sign(mean.flat[np.abs(mean).argmax()]) or 1.0
    own, other = sign * own, sign * other

    def places(array):
        y, x = np.unravel_index(array.reshape(len(array), -1).argmax(axis=1), array.shape[1:])
        return np.stack([y - reach_y, x - reach_x], axis=1)

    away, still = places(own), own[:, reach_y, reach_x]
    top, chance = own.reshape(n, -1).max(axis=1), other.reshape(n, -1).max(axis=1)
    far = np.hypot(*away.T) >= 2
    sure = top > chance.mean() + 2.5 * chance.std()
    moved = far & sure & (still < 0.75 * top)
    dy, dx = places((sign * mean)[None])[0]
    gain = own[:, reach_y + dy, reach_x + dx] - still
    together = np.hypot(dy, dx) >= 1.5 and gain.mean() > max(6 * gain.std() / np.sqrt(n), 0.1 * np.abs(still).mean())
    if together and (gain > 0).mean() > 0.8:
        by = f"{round(dy * zoom):+d} rows and {round(dx * zoom):+d} columns"
        seen = f"shifting the masks by {by} makes them fit better in {(gain > 0).sum()} of {n} pictures"
        return [finding("mask_not_moved/shift", 0.9, seen)]
    if moved.sum() >= 5 and moved.sum() > 0.25 * n and moved.sum() > 0.5 * sure.sum():
        far = np.median(np.hypot(*away[moved].T)) * zoom
        seen = f"in {moved.sum()} of {n} pictures the mask fits after its own shift, of {far:.0f} pixels in the median"
        return [finding("mask_not_moved/random", 0.9, seen)]
    return []


def _moved_and_shifted(x, m):
    """Look for masks that fit after a flip or a turn and a shift, each picture by its own."""
    n, height, width = x.shape
    spectrum = np.fft.rfft2(x)
    names = [""] + (list(MOVES) if height == width else list(MOVES)[:3])
    own, other, place = [], [], []
    for name in names:
        moved = np.fft.rfft2(MOVES[name](m) if name else m)
        for order, tops in ((np.arange(n), own), ((np.arange(n) + 1) % n, other)):
            map_ = np.fft.irfft2(spectrum * np.conj(moved[order]), s=(height, width))
            tops.append(np.stack([(sign * map_).reshape(n, -1).max(axis=1) for sign in (1, -1)]))
            if tops is own:
                place.append(map_[:, 0, 0])
    own, other, still = np.array(own), np.array(other), place[0]
    sign = int(own[:, 1].max(axis=0).mean() > own[:, 0].max(axis=0).mean())
    top, chance = own[:, sign].max(axis=0), other[:, sign].max(axis=0)
    still = -still if sign else still
    sure = top > chance.mean() + 2.5 * chance.std()
    moved = sure & (still < 0.6 * top)
    if moved.sum() >= 5 and moved.sum() > 0.25 * n and moved.sum() > 0.5 * sure.sum():
        seen = f"in {moved.sum()} of {n} pictures the mask fits much better after a flip or turn and a shift of its own"
        return [finding("mask_not_moved/random", 0.85, seen)]
    return []


def _shuffled(x, m):
    """Look for masks that fit the image of another pair."""
    n = len(x)
    if n < 8:
        return []
    table = x.reshape(n, -1) @ m.reshape(n, -1).T
    own = np.diag(table)
    rest = table - np.diag(own) + np.diag(table.mean(axis=1))
    spread = 1.48 * np.median(np.abs(rest - np.median(rest)))  # of masks laid on strangers' images
    for sign in (1, -1):
        second, best = np.sort(sign * rest, axis=1)[:, -2:].T
        clear = (best > max(4.5 * spread, 0.2)) & (best > 1.25 * second) & (sign * own < 0.4 * best)
        if clear.sum() >= 3 and clear.mean() > 0.25:
            i, partner = int(np.flatnonzero(clear)[0]), (sign * rest).argmax(axis=1)
            seen = (f"in {clear.sum()} of {n} pictures the mask of another picture fits much better "
                    f"(the image at {i} and the mask at {partner[i]}, for one)")
            return [finding("pairs_shuffled", 0.94, seen)]
    return []
