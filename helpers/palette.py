"""The one palette of the course, for Python and, written out by a command, for the pages.

    python -m helpers.palette          writes web/palette.css and web/palette.js

One meaning, one color: orange is the truth, blue is a prediction, white is where both agree, gray is a scan. The four
differ in lightness by a factor of two or more from one to the next, so they can be told apart in a gray print and by
color-blind readers. Source of the hues: Okabe and Ito 2008; of the ramp for features: viridis, van der Walt and Smith
2015.
"""

import json
from pathlib import Path

import numpy as np

COLORS = {
    "rest": "#1F1F1F", "truth": "#E69F00", "prediction": "#0072B2", "hit": "#FFFFFF", "ink": "#262626",
    "quiet": "#767676", "faint": "#E2E2E2", "paper": "#FFFFFF",
    "encoder": "#0072B2", "bottleneck": "#A04B82", "decoder": "#007A5A", "skip": "#E69F00", "warning": "#D55E00",
}
LINES = {"line": "#88888866", "edge": "#88888899"}  # of the pages alone: half clear, for light and dark surroundings
RAMPS = {  # from 0 to 255, in straight lines between the colors named
    "gray": ("#000000", "#FFFFFF"),
    "probability": ("#1F1F1F", "#0072B2", "#DDF1FF"),
    "features": (
        "#440154", "#482878", "#3E4A89", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6DCD59", "#B4DE2C", "#FDE725",
    ),
}
KINDS = {  # pictures whose numbers stand for kinds of pixels: the color of 0, of 1 ...
    "mask": ("rest", "truth"), "answer": ("rest", "prediction"), "errors": ("rest", "prediction", "truth", "hit"),
    "classes": ("rest", "truth", "hit"),
}
LEGENDS = {  # what the kinds mean, in the order in which a legend names them
    "mask": (("truth", "lesion"),), "answer": (("prediction", "called lesion"),),
    "errors": (("hit", "found"), ("truth", "missed"), ("prediction", "too much")),
    "classes": (("truth", "lesion"), ("hit", "vessel")),
    "outlines": (("truth", "truth"), ("prediction", "prediction (dashed)")),
}


def rgb(name: str) -> tuple[int, int, int]:
    """Return a color of `COLORS`, or one written as "#RRGGBB", as red, green and blue, 0..255."""
    text = COLORS.get(name, name)
    return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))


def table(name: str) -> np.ndarray:
    """Return the colors of the numbers 0..255, `[256, 3]` uint8 RGB, for a name of `RAMPS` or `KINDS`.

    Numbers beyond the last kind get the last kind's color. Raises ValueError for an unknown name.
    """
    if name in KINDS:
        kinds = np.array([rgb(color) for color in KINDS[name]], np.uint8)
        return kinds[np.minimum(np.arange(256), len(kinds) - 1)]
    if name not in RAMPS:
        raise ValueError(f"there are no colors named {name!r}; choose one of {', '.join([*RAMPS, *KINDS])}.")
    stops = np.array([rgb(color) for color in RAMPS[name]], np.float64)
    places = np.linspace(0, 255, len(stops))
    channels = [np.interp(np.arange(256), places, stops[:, i]) for i in range(3)]
    return np.floor(np.stack(channels, axis=1) + 0.5).astype(np.uint8)


def pages() -> dict[str, str]:
    """Return what the pages get: the text of `palette.css` and of `palette.js`."""
    head = "Written by `python -m helpers.palette` from helpers/palette.py; change it there."
    css = "".join(f"  --unet-{name}: {color};\n" for name, color in {**COLORS, **LINES}.items())
    constants = {"COLORS": COLORS, "RAMPS": RAMPS, "KINDS": KINDS, "LEGENDS": LEGENDS}
    script = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return {"palette.css": f"/* {head} */\n:root {{\n{css}}}\n", "palette.js": f"// {head}\n{script}"}


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent.parent / "web"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"written: web/{name}")
