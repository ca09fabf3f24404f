"""Let wide figures of the built site reflow on a phone: tools/pages.py calls `reflow`.

A figure that holds several pictures or curves side by side is cut into tiles, each with its own title and legend. A page
shows the figure where there is room, and the tiles, at their own size, in as many rows as it takes, where there is not.
A figure is white where nothing is drawn, so the cuts follow lines that are white from end to end.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

NARROW, BROAD = 320, 420  # the width of a small phone's column, and what may shrink to it, in pixels of the page
FIGURE = re.compile(
    r'<a class="(?:strip|wide|widest) reference internal image-reference" href="([^"]+\.png)">(<img [^>]*>)\s*</a>')


class Tile(NamedTuple):
    """A part of a figure: its pixels `[h, w, 3]` uint8, and whether it is a line of words, which gets a row of its own."""

    pixels: np.ndarray
    words: bool = False


class Band(NamedTuple):
    """Rows of a figure between two white lines: `(first, after the last)`, and the pictures or charts in them, if any."""

    rows: tuple[int, int]
    bodies: list[tuple[int, int]]


def read_png(path) -> np.ndarray:
    """Return a picture `[h, w, 3]` uint8, laid on white."""
    with Image.open(path) as image:
        image = image.convert("RGBA")
        return np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB"))


def runs(holds, least=1) -> list[tuple[int, int]]:
    """Return the runs of true as `(first, after the last)`; gaps shorter than `least` do not part them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], holds, [False]]).astype(np.int8)))
    found = []
    for first, after in edges.reshape(-1, 2).tolist():
        if found and first - found[-1][1] < least:
            found[-1] = found[-1][0], after
        else:
            found.append((first, after))
    return found


class Figure:
    """A figure and where something is drawn in it; scale: pixels of the file for one of the page."""

    def __init__(self, pixels, scale=1):
        self.pixels, self.scale, self.ink = pixels, scale, pixels.min(axis=2) < 245
        self.height, self.width = self.ink.shape

    def rows(self, top=0, bottom=None, left=0, right=None):
        """Return for each row of a part whether anything is drawn there."""
        return self.ink[top:bottom, left:right].any(axis=1)

    def columns(self, rows, left=0, right=None):
        """Return for each column whether anything is drawn there."""
        return self.ink[rows[0] : rows[1], left:right].any(axis=0)

    def tall(self, column, rows) -> bool:
        """Say whether a column holds a line that is taller than letters."""
        return any(after - first >= 40 * self.scale for first, after in runs(self.ink[rows[0] : rows[1], column]))

    def bodies(self, rows) -> list[tuple[int, int]]:
        """Return what is broad and holds a tall line: pictures and charts. What is narrow is a label beside one."""
        return [(a, b) for a, b in runs(self.columns(rows), 6 * self.scale)
                if b - a >= 60 * self.scale and any(self.tall(x, rows) for x in range(a, b))]

    def cut(self, pieces) -> np.ndarray | None:
        """Return what is drawn in pieces `(left, top, right, bottom)` with little white around it; None if nothing is."""
        drawn = [(left, top + a, right, top + c) for left, top, right, bottom in pieces
                 for a, c in runs(self.rows(top, bottom, left, right))]
        if not drawn:
            return None
        across = [(piece[0], runs(self.columns((piece[1], piece[3]), piece[0], piece[2]))) for piece in drawn]
        left = min(start + parts[0][0] for start, parts in across) - self.scale
        right = max(start + parts[-1][1] for start, parts in across) + self.scale
        top, bottom = drawn[0][1] - self.scale, drawn[-1][3] + self.scale
        tile = np.full((bottom - top, right - left, 3), 255, np.uint8)
        for a, t, b, c in drawn:
            first, after = max(a, left), min(b, right)
            tile[t - top : c - top, first - left : after - left] = self.pixels[t:c, first:after]
        return tile

    def wrapped(self, rows) -> list[Tile]:
        """Return a line of words, broken where it is too long for a phone."""
        lines = []
        for a, b in runs(self.columns(rows), 3 * self.scale):
            if lines and b - lines[-1][0] <= NARROW * self.scale:
                lines[-1] = lines[-1][0], b
            else:
                lines.append((a, b))
        return [Tile(self.cut([(a, rows[0], b, rows[1])]), words=True) for a, b in lines]


def tiles(pixels, scale=1) -> list[Tile]:
    """Return the tiles of a figure in reading order; none if it is one drawing. scale: as in `Figure`."""
    figure = Figure(pixels, scale)
    bands = [Band(rows, figure.bodies(rows) if rows[1] - rows[0] >= 40 * scale else []) for rows in runs(figure.rows())]
    for _, bodies in bands:  # parts of a drawing, such as the bars of a U, are of many sizes, and stay together
        sizes = [b - a for a, b in bodies]
        if sizes and min(sizes) < 0.3 * max(sizes):
            bodies[:] = [(bodies[0][0], bodies[-1][1])]
    if not any(len(band.bodies) > 1 for band in bands):
        return []
    found, blocks = [], blocks_of(bands, scale)
    for block in blocks:
        found += cut_block(figure, block, bands[0])
    return found


def blocks_of(bands, scale) -> list[list[Band]]:
    """Return rows of pictures, with the words that are nearer to them than to the next row.

    Pictures that stand below one another without words between them stay together.
    """
    pictures, blocks, start = [i for i, band in enumerate(bands) if band.bodies], [], 0
    for i, following in zip(pictures, [*pictures[1:], None]):
        if following is None:
            blocks.append(bands[start:])
            break
        here, there = bands[i].bodies, bands[following].bodies
        alike = len(here) == len(there) and all(
            abs(a - c) + abs(b - d) <= 6 * scale for (a, b), (c, d) in zip(here, there))
        if alike and following == i + 1:
            continue
        gaps = [bands[k].rows[0] - bands[k - 1].rows[1] for k in range(i + 1, following + 1)]
        end = i + 1 + int(np.argmax(gaps))
        blocks.append(bands[start:end])
        start = end
    return blocks


def cut_block(figure, own, top_band) -> list[Tile]:
    """Cut a block between its pictures. Words that belong to all of them, as a heading does, stay whole.

    own: the bands of the block; top_band: that of the whole figure.
    """
    scale, holding = figure.scale, [i for i, band in enumerate(own) if band.bodies]
    first, last = holding[0], holding[-1]
    inner, broad = (own[first].rows[0], own[last].rows[1]), own[last].bodies
    edges = _edges(runs(figure.columns(inner)), broad, figure.width)

    def white(column, band):
        gap = (9 if band is top_band else 7) * scale  # the heading's words are farther apart than others
        start = column - gap // 2
        inside = figure.ink[band.rows[0] : band.rows[1], max(0, start) : max(0, start + gap)]
        return not inside.any()

    def cuts(band):  # words may reach a little beyond their picture, so each band is cut where it is white
        if band.bodies:
            return edges
        near = [off for k in range(16 * scale + 1) for off in (-k, k)]
        inside = [next((x + off for off in near if white(x + off, band)), None) for x in edges[1:-1]]
        return [0, *inside, figure.width]

    def astray(band, left, right, body):  # words that begin in the middle of a picture: the legend of the figure
        drawn = runs(figure.columns(band.rows, left, right))
        picture = all(figure.tall(x, inner) for x in (body[0] + 1, body[1] - 2))  # a drawing's words stand anywhere
        if not drawn or not picture:
            return False
        begin, end = left + drawn[0][0], left + drawn[-1][1]
        return abs(begin - body[0]) > 12 * scale and abs(begin + end - sum(body)) > 24 * scale

    def crosses(band):
        if band is top_band and band is own[0] and first > 1:  # over lines of their own for each picture
            return True
        at = cuts(band)
        return None in at or any(astray(band, *at[k : k + 2], body) for k, body in enumerate(broad))

    top = max((i + 1 for i in range(first) if crosses(own[i])), default=0)
    bottom = next((i for i in range(last + 1, len(own)) if crosses(own[i])), len(own))
    found = [tile for band in own[:top] for tile in figure.wrapped(band.rows)]
    columns = [(band.rows, cuts(band)) for band in own[top:bottom]]
    for k in range(len(broad)):
        pixels = figure.cut([(at[k], rows[0], at[k + 1], rows[1]) for rows, at in columns])
        found += [] if pixels is None else [Tile(pixels)]
    return found + [tile for band in own[bottom:] for tile in figure.wrapped(band.rows)]


def _edges(parts, broad, width) -> list[int]:
    """Return where to cut: half-way between the end of one body and the first label of the next."""
    edges = [0]
    for body, following in zip(broad, broad[1:]):
        before = next((part for part in reversed(parts) if part[1] <= body[1]), body)
        after = next((part for part in parts if part[0] >= before[1]), following)
        edges.append((before[1] + after[0] + 1) // 2)
    return [*edges, width]


def reflow(folder: Path) -> int:
    """Put tiles beside each wide figure of all pages of a folder; returns how many figures were cut."""
    count = 0

    def beside(match):
        nonlocal count
        source, image = match.groups()
        pixels = read_png(folder / source)
        scale = max(1, round(pixels.shape[1] / int(re.search(r' width="(\d+)', image).group(1))))
        made = tiles(pixels, scale)
        if not made:
            return match.group()
        count += 1
        alt = re.search(r'alt="([^"]*)"', image).group(1)
        shown = "".join(_shown(folder, source, i, tile, scale, "" if i else alt) for i, tile in enumerate(made))
        lazy = match.group().replace("<img ", '<img loading="lazy" ')
        return f'{lazy}<span class="tiles">{shown}</span>'

    for page in sorted(folder.glob("*.html")):
        page.write_text(FIGURE.sub(beside, page.read_text(encoding="utf-8")), encoding="utf-8")
    return count


def _shown(folder, source, number, tile, scale, alt):
    name = source.removesuffix(".png") + f"-{number}.png"
    Image.fromarray(tile.pixels).save(folder / name, optimize=True)
    height, width = (round(side / scale) for side in tile.pixels.shape[:2])
    image = f'<img alt="{alt}" src="{name}" width="{width}" height="{height}" loading="lazy">'
    if tile.words:
        return f'<span class="words">{image}</span>'
    if width <= BROAD:
        return image
    name = "" if alt else f' aria-label="The whole figure; this is part {number + 1}"'  # a link needs words of its own
    return f'<a class="broad" href="{source}"{name}>{image}</a>'
