"""What a panel shows, as plain data: pictures, curves, a U, maps, a sum of products.

A view is a dictionary of numbers, words and bytes. In a notebook it travels to `web/panels/views.js`, which draws it;
on the site the same script gets the same views from JavaScript; `helpers.panels.stills` draws them for saved notebooks.
Colors and legends are named here and kept in `helpers.palette`.
"""

from typing import NamedTuple

import numpy as np

from helpers import drawing


class PanelResult(NamedTuple):
    """What a panel answers to its settings.

    views: what is to be seen; facts: name to text; caption: a sentence; note: which setting was not used as given, and
    what was used in its place; offers: `(label, settings)` of buttons that lead out of where the reader is stuck.
    """

    views: list[dict]
    facts: dict[str, str]
    caption: str
    note: str = ""
    offers: tuple = ()


def picture(title, values, colors="gray", truth=None, found=None, below="", **more) -> dict:
    """Return a picture as a view.

    values: `[h, w]` or `[h, w, 1]`, uint8 as they are, floats from 0 to 1. colors: a name of `palette.RAMPS` or
    `KINDS`; the front adds the legend. truth, found: masks to draw as outlines; below: words under it. more: `top`,
    what the brightest color stands for; `box`, `[x, y, width, height]` of a square in pixels, and `center`, `[x, y]`;
    `pick`, the names of two controls that a click sets to row and column, and `mark`, the row and column that are
    chosen.
    """
    values = drawing.plane(values)
    values = values if values.dtype == np.uint8 else drawing.levels(values)
    outlines = {"truth": truth, "prediction": found}
    outlines = {name: as_bytes(drawing.plane(mask)) for name, mask in outlines.items() if mask is not None}
    return {
        "kind": "picture", "title": title, "shape": list(values.shape), "values": as_bytes(values), "colors": colors,
        "outlines": outlines, "below": below, **more,
    }


def chart(title, lines, x, y, marks=(), **more) -> dict:
    """Return curves as a view.

    lines: `(name, points, color, style)`, style being "line", "dashed" or "bars" (steps, filled); points: `[n, 2]`.
    x, y: `(low, high, label)` of an axis; marks: `(x, words)` of vertical lines. more: `wide=True` for a row of its
    own.
    """
    lines = [{"name": name, "points": np.round(np.asarray(points, float).reshape(-1, 2), 5).tolist(), "color": color,
              "style": style} for name, points, color, style in lines]
    return {"kind": "chart", "title": title, "lines": lines, "x": list(x), "y": list(y),
            "marks": [list(mark) for mark in marks], **more}


def u_shape(title, stages, skips=True, chosen="", control="") -> dict:
    """Return a U as a view. stages: `(name, level, height, width, channels)` from input to output; chosen: the name of
    one of them; control: the setting that a click on a stage changes to its name."""
    stages = [[name, *map(int, numbers)] for name, *numbers in stages]
    return {"kind": "u", "title": title, "stages": stages, "skips": skips, "chosen": chosen, "control": control}


def map_grid(title, maps, tops, chosen=0, control="map", below="") -> dict:
    """Return feature maps side by side as a view. maps: `[h, w, n]` floats, each divided by its number of `tops`."""
    levels = np.round(255 * np.clip(maps / np.maximum(tops, 1e-12), 0, 1)).astype(np.uint8)
    return {
        "kind": "maps", "title": title, "shape": list(maps.shape), "values": as_bytes(levels.transpose(2, 0, 1)),
        "tops": [f"{top:.2f}" for top in np.broadcast_to(tops, maps.shape[-1])], "chosen": chosen, "control": control,
        "below": below,
    }


def products(title, window, kernel, words) -> dict:
    """Return the sum of a window times a kernel, both `[3, 3]`, as a view; words: what comes of it."""
    window, kernel = (np.round(np.asarray(part, float), 3).tolist() for part in (window, kernel))
    return {"kind": "products", "title": title, "window": window, "kernel": kernel, "words": words}


def as_bytes(array) -> bytes:
    """Return an array of small whole numbers as bytes, row by row."""
    return np.ascontiguousarray(array, np.uint8).tobytes()
