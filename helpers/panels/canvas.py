"""A white picture to draw on: text, tiles, outlines, lines and legends, in the palette of the course."""

from typing import NamedTuple

import cv2
import numpy as np

from helpers import drawing, palette

INK, QUIET, FAINT, PAPER, DARK = (palette.rgb(name) for name in ("ink", "quiet", "faint", "paper", "rest"))
TRUTH, PREDICTION, SKIP = (palette.rgb(name) for name in ("truth", "prediction", "skip"))
ENCODER, BOTTLENECK, DECODER = (palette.rgb(name) for name in ("encoder", "bottleneck", "decoder"))
TRUTH_TEXT = (160, 96, 0)  # the same orange, dark enough to read on white

WIDTH = 804  # of every picture, in the browser's pixels
SCALE = 2  # picture pixels for one of the browser's: sharp on fine screens
TILE = 192  # side of one scan; at this scale 64, 96 and 128 pixels are enlarged by whole numbers
COLUMN = 204  # from one tile to the next
# OpenCV 5 has a real typeface, whose thickness 2 is bold; the stick letters of OpenCV 4 need 2 to be legible.
_STICKS = int(cv2.__version__.split(".")[0]) < 5
ERROR_KEY = tuple((palette.rgb(color), word) for color, word in palette.LEGENDS["errors"])


class PanelResult(NamedTuple):
    """What a panel shows: `picture`, `[h, w, 3]` uint8 RGB; `facts`, name to text; `caption`, a sentence."""

    picture: np.ndarray
    facts: dict[str, str]
    caption: str


class Canvas:
    """A white picture to draw on. Places and sizes are in the browser's pixels, `SCALE` times coarser than its own."""

    def __init__(self, height, width=WIDTH):
        self.pixels = np.full((height * SCALE, width * SCALE, 3), 255, np.uint8)

    def text(self, x, y, words, size=13, color=INK, bold=False, align="left"):
        """Write words with the baseline at `y`; `x` is their left end, middle or right end (`align`)."""
        thickness = 1 + bold + _STICKS
        scale = size * SCALE / 31
        if align != "left":
            wide = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)[0][0] / SCALE
            x -= wide if align == "right" else wide / 2
        place = (round(x * SCALE), round(y * SCALE))
        cv2.putText(self.pixels, words, place, cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness, cv2.LINE_AA)

    def tile(self, x, y, picture, side=TILE):
        """Show a picture, `[h, w]` or `[h, w, 3]` uint8, enlarged to `side` with its pixels left sharp."""
        picture = picture if picture.ndim == 3 else cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
        place = self._place(x, y, side)
        place[...] = cv2.resize(picture, place.shape[:2], interpolation=cv2.INTER_NEAREST)

    def _place(self, x, y, side):
        side, x, y = side * SCALE, round(x * SCALE), round(y * SCALE)
        return self.pixels[y : y + side, x : x + side]

    def outline(self, x, y, mask, kind, side=TILE):
        """Draw the border of a mask `[h, w]` uint8 over the tile at the same place. kind: "truth" or "prediction"."""
        place = self._place(x, y, side)
        # Drawn into the tile alone, so that the outline of a cut disc does not spill over its border.
        drawing.outline(place, cv2.resize(mask, place.shape[:2], interpolation=cv2.INTER_NEAREST), kind)

    def box(self, x, y, wide, tall, color, width=None):
        """Draw a rectangle, filled or, with a line `width`, empty."""
        ends = (round(x * SCALE), round(y * SCALE)), (round((x + wide) * SCALE) - 1, round((y + tall) * SCALE) - 1)
        cv2.rectangle(self.pixels, *ends, color, cv2.FILLED if width is None else round(width * SCALE))

    def lines(self, points, color, width=1.5):
        """Draw straight lines through points `[n, 2]`."""
        places = np.round(np.asarray(points, np.float64) * SCALE).astype(np.int32)
        cv2.polylines(self.pixels, [places], False, color, max(round(width * SCALE), 1), cv2.LINE_AA)

    def dashes(self, start, end, color, width=1.5, step=6):
        """Draw a dashed straight line."""
        start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
        count = max(int(np.linalg.norm(end - start) // step), 1)
        for i in range(0, count, 2):
            self.lines([start + (end - start) * i / count, start + (end - start) * (i + 1) / count], color, width)

    def arrow(self, start, end, color, width=1.2, head=5):
        """Draw a line with a tip at its end."""
        start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
        along = (end - start) / max(np.linalg.norm(end - start), 1e-9) * head
        across = along[::-1] * (-0.5, 0.5)
        self.lines([start, end - along], color, width)
        tip = np.round(np.array([end, end - along + across, end - along - across]) * SCALE).astype(np.int32)
        cv2.fillPoly(self.pixels, [tip], color, cv2.LINE_AA)

    def key(self, x, y, entries, size=11):
        """Write a legend: a small square and a word for each `(color, word)`, from left to right."""
        for color, word in entries:
            self.box(x, y - 9, 9, 9, color)
            self.box(x, y - 9, 9, 9, QUIET, 0.5)
            self.text(x + 13, y, word, size)
            thickness = 1 + _STICKS
            wide = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, size * SCALE / 31, thickness)[0][0]
            x += 13 + wide / SCALE + 9

    def scale(self, x, y, table, low="0", high="1", wide=TILE):
        """Draw the colors of a map from left to right, with a word on either side; `y` is their baseline."""
        first = x + 7 + cv2.getTextSize(low, cv2.FONT_HERSHEY_SIMPLEX, 11 * SCALE / 31, 1)[0][0] / SCALE
        last = x + wide - 7 - cv2.getTextSize(high, cv2.FONT_HERSHEY_SIMPLEX, 11 * SCALE / 31, 1)[0][0] / SCALE
        left, top = round(first * SCALE), round((y - 9) * SCALE)
        strip = drawing.colored(np.arange(256)[None], table)
        strip = cv2.resize(strip, (round(last * SCALE) - left, 9 * SCALE), interpolation=cv2.INTER_LINEAR)
        self.pixels[top : top + strip.shape[0], left : left + strip.shape[1]] = strip
        self.text(x, y, low, 11)
        self.text(x + wide, y, high, 11, align="right")

    def paragraph(self, x, y, words, wide, size=13, color=INK, spacing=20):
        """Write words from `y` downwards, broken into lines of at most `wide`."""
        line, thickness = "", 1 + _STICKS
        for word in [*words.split(), None]:
            longer = f"{line} {word}".strip()
            fits = cv2.getTextSize(longer, cv2.FONT_HERSHEY_SIMPLEX, size * SCALE / 31, thickness)[0][0] <= wide * SCALE
            if word is None or not fits:
                self.text(x, y, line, size, color)
                line, y = word, y + spacing
            else:
                line = longer
