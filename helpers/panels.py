"""Panels: sliders over pictures that answer while you drag, and their static twins.

Each panel is a pure function from settings to `PanelResult` (a picture and its facts in words) and a thin binding, the class
`Panel`, which all of them share. A picture is drawn with OpenCV and sent as a PNG, which takes milliseconds where a
Matplotlib figure takes a hundred and more. Only core ipywidgets are used, from 7.7.1 on.

TensorFlow is imported only by what needs a network, inside the functions, so notebook 01 never loads it.
"""

import base64
import html
import weakref
from functools import partial
from typing import NamedTuple

import cv2
import ipywidgets as widgets
import numpy as np
from IPython.display import display

from helpers.arrays import check_images, check_pair
from helpers.evaluation import best_threshold, dice_per_image
from helpers.synthesis import CircleScene, background, draw_lesion, draw_vessel

INK, QUIET, FAINT, PAPER, DARK = (38, 38, 38), (138, 138, 138), (226, 226, 226), (255, 255, 255), (31, 31, 31)
TRUTH, PREDICTION, SKY, PURPLE, GREEN = (230, 159, 0), (0, 114, 178), (86, 180, 233), (204, 121, 167), (0, 158, 115)
TRUTH_TEXT = (160, 96, 0)  # the same orange, dark enough to read on white

WIDTH = 804  # of every picture, in the browser's pixels
SCALE = 2  # picture pixels for one of the browser's: sharp on fine screens
TILE = 192  # side of one scan; at this scale 64, 96 and 128 pixels are enlarged by whole numbers
COLUMN = 204  # from one tile to the next
# OpenCV 5 has a real typeface, whose thickness 2 is bold; the stick letters of OpenCV 4 need 2 to be legible.
_STICKS = int(cv2.__version__.split(".")[0]) < 5


class PanelResult(NamedTuple):
    """What a panel shows: `picture`, `[h, w, 3]` uint8 RGB; `facts`, name to text; `caption`, the same in a sentence."""

    picture: np.ndarray
    facts: dict[str, str]
    caption: str


# --- drawing ----------------------------------------------------------------------------------------------------------


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

    def outline(self, x, y, mask, color, side=TILE, width=1.5):
        """Draw the border of a mask `[h, w]` uint8 over the tile at the same place."""
        place = self._place(x, y, side)
        large = cv2.resize(mask, place.shape[:2], interpolation=cv2.INTER_NEAREST)
        found, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        # Drawn into the tile alone, so that the outline of a cut disc does not spill over its border.
        cv2.drawContours(place, found, -1, color, round(width * SCALE), cv2.LINE_AA)

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
        strip = colors(np.arange(256, dtype=np.uint8)[None], table)
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


def gray(image) -> np.ndarray:
    """Return an image `[h, w, 1]` or `[h, w]` of floats in 0..1 as 8-bit gray levels `[h, w]`."""
    image = np.asarray(image)
    return np.round((image[..., 0] if image.ndim == 3 else image) * 255).astype(np.uint8)


def colors(values, table=cv2.COLORMAP_CIVIDIS) -> np.ndarray:
    """Return 8-bit numbers `[h, w]` as colors `[h, w, 3]` RGB of a map that everyone can tell apart."""
    return cv2.applyColorMap(values, table)[..., ::-1]


def error_map(y_true, y_pred) -> np.ndarray:
    """Return a map `[h, w, 3]` uint8: hits white, false positives light blue, missed pixels orange, the rest dark.

    y_true, y_pred: masks `[h, w]` of 0 and 1.
    """
    return np.array([DARK, SKY, TRUTH, PAPER], np.uint8)[2 * y_true + y_pred]


ERROR_KEY = ((PAPER, "hit"), (SKY, "too much"), (TRUTH, "missed"))

# Undoing each row's likeness to the row above ("up") suits enlarged pixels: a third of the time of OpenCV's own choice.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1]
if hasattr(cv2, "IMWRITE_PNG_FILTER"):
    _PNG += [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]


def as_png(picture: np.ndarray) -> bytes:
    """Return a picture `[h, w, 3]` uint8 RGB as the bytes of a PNG file."""
    return cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), _PNG)[1].tobytes()


def picture_output(picture: np.ndarray, alt: str) -> dict:
    """Return what `IPython.display.display(**...)` takes to show a picture that outlives the kernel.

    alt: what stands in its place for those who cannot see it.
    """
    data = {"image/png": base64.b64encode(as_png(picture)).decode(), "text/plain": alt}
    return {"data": data, "metadata": {"image/png": {"width": picture.shape[1] // SCALE, "alt": alt}}}


def show_picture(picture: np.ndarray, alt: str) -> None:
    """Show a picture as the output of a cell, with its description."""
    output = picture_output(picture, alt)
    display(output["data"], metadata=output["metadata"], raw=True)


# --- the static twin --------------------------------------------------------------------------------------------------


def still(draw, settings, captions=None, **fixed) -> tuple[np.ndarray, list[str]]:
    """Draw a panel's picture at several settings, one below the other under a caption each.

    draw: a panel's function; settings: dictionaries of its arguments; captions: by default written from the settings;
    fixed: arguments that all of them share, such as model=model.
    Returns `(picture, lines)`: `[h, w, 3]` uint8 RGB, and for each setting what it shows, in words.
    """
    captions = captions or [", ".join(f"{k} {v}" for k, v in one.items()) or "as it starts" for one in settings]
    parts, lines = [], []
    for one, caption in zip(settings, captions):
        shown = draw(**fixed, **one)
        head = Canvas(30)
        head.box(0, 2, WIDTH, 24, (238, 243, 247))
        head.text(8, 19, caption, 13, bold=True)
        parts += [head.pixels, shown.picture]
        lines.append(f"{caption}: {shown.caption}")
    return np.vstack(parts), lines


def show_still(draw, settings, captions=None, title="The panel at several settings", caption="", **fixed) -> None:
    """Show a panel's picture at several settings as one static image, and print what each one shows.

    Arguments as in `still`; title: what the image shows, for those who cannot see it; says: words to print in place
    of the panel's own, where those would differ from one training to the next.
    """
    picture, lines = still(draw, settings, captions, **fixed)
    show_picture(picture, f"{title}. The lines below say what it shows.")
    print(caption or "\n".join(lines))


# --- the binding ------------------------------------------------------------------------------------------------------


class Dial(NamedTuple):
    """One slider of a panel: the argument it sets, its start, its values and what it does, in words.

    values: `(low, high, step)` of numbers, or a list of choices.
    """

    name: str
    start: object
    values: tuple | list
    help: str


class Panel:
    """Sliders, a picture, its facts and two buttons, bound to a pure function.

    name: the heading. draw: takes the dials' values by name and returns `PanelResult`. dials: a list of `Dial`.
    new: the dial that the button "New picture" turns on, round and round; or `(label, settings)`, a button that goes
    through a list of settings.

    An error while drawing is shown in words under the picture, and the panel goes on working. `settings` holds the
    dials' values; `image`, `message` and `dials` are the widgets.
    """

    def __init__(self, name, draw, dials, new="seed"):
        self.name, self.draw, self.new = name, draw, new
        self.start = {dial.name: dial.start for dial in dials}
        self.dials = {dial.name: _slider(dial) for dial in dials}
        self.image = widgets.Image(format="png", layout=widgets.Layout(width=f"{WIDTH}px", max_width="100%"))
        self.facts, self.message = widgets.HTML(), widgets.HTML()
        reset = widgets.Button(description="Reset", tooltip="Put every slider back to its start")
        label = "New picture" if isinstance(new, str) else new[0]
        another = widgets.Button(description=label, tooltip="Draw the next one")
        self.buttons = {"reset": reset, "new": another}
        reset.on_click(lambda _: self.reset())
        another.on_click(lambda _: self.next())
        self._busy, self._turn = False, 0
        for slider in self.dials.values():
            slider.observe(self._moved, "value")
        rows = [_row(self.dials[dial.name], dial.help) for dial in dials]
        heading = widgets.HTML(f"<b style='font-size:15px'>{html.escape(name)}</b>")
        buttons = widgets.HBox([reset, another], layout=widgets.Layout(margin="6px 0 0 0"))
        layout = widgets.Layout(padding="6px 10px 4px", border="1px solid #d0d7de", width="850px", max_width="100%")
        self.box = widgets.VBox([heading, self.image, self.facts, *rows, buttons, self.message], layout=layout)
        for part, mark in ((self.box, "unet-panel"), (self.facts, "unet-facts"), (self.message, "unet-message")):
            part.add_class(mark)  # by which tests find them in a page
        self.redraw()

    @property
    def settings(self) -> dict:
        """The values of the dials, by name."""
        return {name: slider.value for name, slider in self.dials.items()}

    def set(self, **settings) -> None:
        """Turn several dials at once and draw the picture once."""
        self._busy = True
        try:
            for name, value in settings.items():
                self.dials[name].value = value
        finally:
            self._busy = False
        self.redraw()

    def reset(self) -> None:
        """Put every dial back to its start."""
        self._turn = 0
        self.set(**self.start)

    def next(self) -> None:
        """Show the next picture."""
        if isinstance(self.new, str):
            slider = self.dials[self.new]
            self.set(**{self.new: slider.value + 1 if slider.value < slider.max else slider.min})
        else:
            self.set(**{**self.start, **self.new[1][self._turn % len(self.new[1])]})
            self._turn += 1

    def redraw(self) -> None:
        """Draw the picture for the present settings; an error becomes a message in the panel."""
        try:
            shown = self.draw(**self.settings)
            picture = as_png(shown.picture)
        except Exception as error:  # whatever a student's own function raises must not kill the panel
            self.message.value = _complaint(error)
            return
        self.image.value, self.facts.value, self.message.value = picture, _facts(shown.facts), _NO_MESSAGE

    def _moved(self, _change):
        if not self._busy:
            self.redraw()

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Written by hand: ipywidgets' own text holds the picture's bytes, which would differ between saved notebooks.
        view = {"version_major": 2, "version_minor": 0, "model_id": self.box.model_id}
        return {"text/plain": repr(self), "application/vnd.jupyter.widget-view+json": view}

    def __repr__(self):
        return f"[{self.name}: run this cell to move its sliders. A still picture of it stands below.]"


_TOOLTIP = "tooltip" if "tooltip" in widgets.IntSlider.class_trait_names() else "description_tooltip"  # 8, or 7


def _slider(dial):
    label = dial.name.replace("_", " ")
    common = {
        "description": label, "style": {"description_width": "110px"},
        "layout": widgets.Layout(width="390px", flex="0 0 auto", margin="2px"), _TOOLTIP: dial.help,
    }
    if isinstance(dial.values, list):
        slider = widgets.SelectionSlider(options=dial.values, value=dial.start, continuous_update=True, **common)
    else:
        low, high, step = dial.values
        if isinstance(step, int):
            kind, form = widgets.IntSlider, "d"
        else:
            kind, form = widgets.FloatSlider, ".4f" if step < 0.01 else ".2f"
        slider = kind(
            value=dial.start, min=low, max=high, step=step, readout_format=form, continuous_update=True, **common
        )
    return slider


def _row(slider, words):
    words = widgets.HTML(f"<span style='opacity:.75; font-size:12px; margin-left:10px'>{html.escape(words)}</span>")
    return widgets.HBox([slider, words], layout=widgets.Layout(align_items="center", flex_flow="row wrap"))


def _facts(facts):
    cells = "".join(
        f"<td style='padding:3px 8px; text-align:left; border-left:3px solid #56B4E9'>"
        f"<div style='font-size:11px; line-height:14px; opacity:.75; white-space:nowrap'>{html.escape(name)}</div>"
        f"<div style='font-size:15px; line-height:20px; white-space:nowrap; font-variant-numeric:tabular-nums'>"
        f"{html.escape(value)}</div></td>"
        for name, value in facts.items()
    )
    # A fixed table: its columns stay where they are, however long a number grows.
    return (
        f"<table role='presentation' style='table-layout:fixed; width:{WIDTH}px; max-width:100%; "
        f"border-collapse:collapse; margin:4px 0'><tr style='background:none'>{cells}</tr></table>"
    )


_HEIGHT = "min-height:40px; margin-top:4px; line-height:20px"
_NO_MESSAGE = f"<div style='{_HEIGHT}'></div>"


def _complaint(error):
    words = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    words = words[:300].rstrip(". ") + "."
    return (
        f"<div role='alert' style='{_HEIGHT}; border-left:4px solid #D55E00; padding-left:8px'><b>This setting cannot "
        f"be shown.</b> {html.escape(words)} The picture above is the last one that could. Move a slider, or press "
        f"Reset.</div>"
    )


# --- 01: the difficulty dial ------------------------------------------------------------------------------------------


def draw_steady(scene: CircleScene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a scan like `draw_scene`, but light, vessels and lesions from random streams of their own.

    So with one seed the same discs stay in place while vessels come and go, and a circle more is one circle more.
    Every dial of the scene must be a number. Returns `(image, mask)`, `[size, size, 1]` each, as `draw_scene` does.
    """
    light, curves, discs = (np.random.default_rng([seed, stream]) for stream in range(3))
    image = background(scene, light)
    tissue, vessels = np.zeros((2, scene.size, scene.size), np.uint8)
    lesions = np.zeros((scene.size, scene.size), np.uint16)
    for _ in range(scene.vessels):
        draw_vessel(tissue, vessels, scene, curves)
    for number in range(1, scene.circles + 1):
        draw_lesion(tissue, lesions, number, scene, discs)
    if scene.blur > 0:
        tissue = cv2.GaussianBlur(tissue, (0, 0), scene.blur)
    image += tissue * np.float32(1 / 255)
    return np.clip(image, 0, 1, out=image)[..., None], (lesions > 0).astype(np.uint8)[..., None]


def difficulty(
    circles=4, noise=0.1, radius=10, contrast=0.4, blur=1.0, illumination=0.6, vessels=2, seed=44, size=96
) -> PanelResult:
    """Show a scan, its mask, the gray levels of both, and how far the best single threshold gets.

    The first seven are the dials of `CircleScene`, as numbers; seed: which picture; size: its side in pixels.
    Raises ValueError for an impossible scene.
    """
    scene = CircleScene(size, circles, radius, contrast, noise, blur, illumination, vessels)
    image, mask = draw_steady(scene, seed)
    threshold, dice = best_threshold(mask[None], image[None])
    level, inside = gray(image), mask[..., 0]
    canvas = Canvas(246)
    canvas.text(0, 17, "Scan", bold=True)
    canvas.tile(0, 26, level)
    canvas.text(COLUMN, 17, "Mask: what is lesion", bold=True)
    canvas.tile(COLUMN, 26, np.array([DARK, TRUTH], np.uint8)[inside])
    canvas.text(2 * COLUMN, 17, "Gray levels", bold=True)
    _histogram(canvas, 2 * COLUMN, 26, image[..., 0], inside, threshold)
    canvas.text(3 * COLUMN, 17, f"Threshold {threshold:.2f}: Dice {dice:.2f}", bold=True)
    canvas.tile(3 * COLUMN, 26, error_map(inside, (image[..., 0] >= threshold).astype(np.uint8)))
    canvas.key(3 * COLUMN, 237, ERROR_KEY)
    share = inside.mean()
    gap = image[mask == 1].mean() - image[mask == 0].mean() if 0 < share < 1 else None
    facts = {
        "best threshold": f"{threshold:.2f}",
        "its Dice": f"{dice:.2f}",
        "lesion pixels": f"{share:.1%}",
        "lesions brighter by": "no lesions" if share == 0 else "no background" if gap is None else f"{gap:+.2f}",
    }
    return PanelResult(canvas.pixels, facts, f"the best threshold, {threshold:.2f}, scores a Dice of {dice:.2f}.")


def _histogram(canvas, x, y, image, inside, threshold, side=TILE, bins=48):
    """Draw how often each gray level occurs in background (gray) and lesions (orange), each as a share of its own."""
    which = np.minimum((image * bins).astype(np.intp), bins - 1)
    outside_count = np.bincount(which[inside == 0], minlength=bins)
    inside_count = np.bincount(which[inside == 1], minlength=bins)
    floor, wide = y + side, side / bins
    canvas.box(x, y, side, side, (247, 247, 247))
    for counts, color, filled in ((outside_count, (190, 190, 190), True), (inside_count, TRUTH, False)):
        total = counts.sum()
        if not total:
            continue
        # The square root keeps low bars visible, and the scale fixed: a bar of a fifth of all pixels reaches the top.
        tall = np.minimum(np.sqrt(counts / total / 0.2), 1) * (side - 24)
        steps = np.repeat(np.stack([x + wide * np.arange(bins + 1), np.r_[floor - tall, floor]], axis=1), 2, axis=0)
        steps[1:, 1] = steps[:-1, 1].copy()
        steps[0, 1] = floor
        if filled:
            cv2.fillPoly(canvas.pixels, [np.round(steps * SCALE).astype(np.int32)], color)
        else:
            canvas.lines(steps[:-1], color, 2)
    canvas.lines([(x, floor), (x + side, floor)], QUIET, 1)
    place = x + threshold * side
    canvas.lines([(place, y + 18), (place, floor)], PREDICTION, 2)
    canvas.text(x + 4, y + 13, "background", 11, (90, 90, 90))
    canvas.text(x + 76, y + 13, "lesions", 11, TRUTH_TEXT)
    canvas.text(x + side - 4, y + 13, "threshold", 11, PREDICTION, align="right")
    canvas.text(x, floor + 19, "dark 0", 11)
    canvas.text(x + side, floor + 19, "1 bright", 11, align="right")


def difficulty_panel() -> Panel:
    """Return the difficulty dial: seven dials of a scan, and the best threshold's Dice as they turn."""
    return Panel("The difficulty dial", difficulty, [
        Dial("circles", 4, (0, 12, 1), "how many lesions there are"),
        Dial("noise", 0.1, (0.0, 0.5, 0.01), "how grainy the scan is, in gray levels"),
        Dial("radius", 10, (2, 24, 1), "of each lesion, in pixels"),
        Dial("contrast", 0.4, (0.0, 1.0, 0.05), "how much brighter lesions and vessels are than their surroundings"),
        Dial("blur", 1.0, (0.0, 5.0, 0.25), "how soft the edges are, in pixels"),
        Dial("illumination", 0.6, (0.0, 1.0, 0.05), "how much brighter one side of the scan is than the other"),
        Dial("vessels", 2, (0, 8, 1), "how many bright lines cross it that are no lesions"),
        Dial("seed", 44, (0, 99, 1), "which picture is drawn; the other dials leave its discs in place"),
    ])


# --- 02: the architect ------------------------------------------------------------------------------------------------


def activation_bytes(rows, padding="same") -> int:
    """Return the bytes that one picture's features take in float32: the outputs of all convolutions.

    rows: from `shape_table`. A block's first convolution is 2 pixels larger than its second for padding "valid".
    """
    numbers = 0
    for row in rows:
        numbers += row.height * row.width * row.channels
        if row.block.startswith(("encoder", "bottleneck", "decoder")):
            first = row.height + (2 if padding == "valid" else 0)
            numbers += first * first * row.channels
    return 4 * numbers


def architect(depth=4, filters=8, size=96, padding="same", seed=38) -> PanelResult:
    """Show the U of these settings, shape by shape, and how far one of its output pixels sees.

    depth, filters, padding: as in `build_unet`; size: height and width of the input, pixels; seed: which scan.
    Settings from which no U-Net can be built are explained in the picture.
    """
    from helpers.anatomy import receptive_field, shape_table

    canvas = Canvas(340)
    scene = CircleScene(size, circles=5, radius=(5, min(15, size // 2)), contrast=0.4, noise=0.06, vessels=1)
    image, mask = draw_steady(scene, seed)
    field = receptive_field(depth)
    lesion = _largest_lesion(mask[..., 0])
    _field_picture(canvas, 564, 26, image, lesion, field)
    canvas.text(0, 17, f"The U: depth {depth}, {filters} filters, padding {padding}", bold=True)
    facts = {"weights": "none", "activations, one picture": "none", "output": "none"}
    try:
        rows = shape_table(size, depth, filters, padding=padding)
        caption = ""
    except ValueError as error:
        rows, caption = None, str(error)
    if rows:
        _draw_u(canvas, rows, depth, size)
        weights, memory, out = sum(row.weights for row in rows), activation_bytes(rows, padding), rows[-1]
        facts = {
            "weights": f"{weights:,}", "activations, one picture": f"{memory / 1e6:,.1f} MB",
            "output": f"{out.height} x {out.width} px",
        }
        caption = f"{weights:,} weights, {memory / 1e6:,.1f} MB of activations for one picture, "
        caption += f"and a receptive field of {field} pixels."
    else:
        canvas.box(0, 40, 540, 150, (253, 244, 228))
        canvas.box(0, 40, 4, 150, TRUTH)
        canvas.text(20, 68, "This U-Net cannot be built", 15, bold=True)
        canvas.paragraph(20, 94, caption, 500)
    wide = lesion[2] if lesion else 0
    facts["receptive field"] = f"{field} px"
    facts["largest lesion"] = f"{wide} px" if wide else "none here"
    return PanelResult(canvas.pixels, facts, caption)


def _largest_lesion(mask):
    """Return `(center x, center y, width, mask)` of the largest connected lesion, or None."""
    count, labels, boxes, centers = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    chosen = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    wide = int(max(boxes[chosen, cv2.CC_STAT_WIDTH], boxes[chosen, cv2.CC_STAT_HEIGHT]))
    return float(centers[chosen][0]), float(centers[chosen][1]), wide, (labels == chosen).astype(np.uint8)


def _field_picture(canvas, x, y, image, lesion, field, side=240):
    """Draw the scan, its largest lesion in orange and, in blue, the square that one output pixel sees."""
    size = image.shape[0]
    canvas.text(x, 17, "What one output pixel sees", bold=True)
    canvas.tile(x, y, gray(image), side)
    middle = np.array([size / 2, size / 2]) if lesion is None else np.array(lesion[:2]) + 0.5
    if lesion:
        canvas.outline(x, y, lesion[3], TRUTH, side)
    first, last = np.clip(middle - field / 2, 0, size), np.clip(middle + field / 2, 0, size)
    zoom = side / size
    corner, far = first * zoom, last * zoom
    canvas.box(x + corner[0], y + corner[1], far[0] - corner[0], far[1] - corner[1], SKY, 1.5)
    center = middle * zoom + (x, y)
    canvas.box(center[0] - 2, center[1] - 2, 4, 4, SKY)
    canvas.key(x, y + side + 18, ((SKY, f"its field: {field} x {field} px"),))
    words = f"largest lesion: {lesion[2]} px wide" if lesion else "no lesion in this picture"
    canvas.key(x, y + side + 36, ((TRUTH, words),))
    if lesion and field < lesion[2]:
        words = "It cannot see across the lesion."
    elif (far - corner).min() >= side:
        words = "It sees the whole scan."
    else:
        words = "It sees past the lesion's border." if lesion else "It sees a part of the scan."
    canvas.text(x, y + side + 56, words, 12)


def _draw_u(canvas, rows, depth, size):
    """Draw a bar for each stage: its height tells the size of the maps, its width the number of channels."""
    stages = [row for row in rows if row.block.startswith(("encoder", "bottleneck", "decoder"))]
    widest = max(row.channels for row in stages)
    columns, row_height = 2 * depth - 1, 290 / max(depth, 3)
    pitch = 390 / max(columns - 1, 1)
    bars = []
    for i, row in enumerate(stages):
        level = min(i, columns - 1 - i)
        tall = 3 + min(row_height - 20, 62) * np.sqrt(row.height / size)
        wide = 4 + min(pitch * 0.6, 46) * np.sqrt(row.channels / widest)
        x, foot = (75 + pitch * i if depth > 1 else 270), 28 + row_height * (level + 1) - 16 - 8 * (i == depth - 1)
        bars.append((x, foot, wide, tall))
    for level in range(depth - 1):
        # Down from one stage to the next and up again, in right angles, so that no line crosses a label.
        down, below, up = bars[level], bars[level + 1], bars[columns - 1 - level]
        last = level == depth - 2
        shift = below[2] / 4 if last else 0
        y, turn = down[1] - down[3] * 0.25, below[0] - shift
        canvas.lines([(down[0] + down[2] / 2 + 2, y), (turn, y)], QUIET, 1.2)
        canvas.arrow((turn, y), (turn, below[1] - below[3] - 2), QUIET)
        below = bars[columns - 2 - level]
        turn = below[0] + shift
        canvas.lines([(turn, below[1] - below[3] - 2), (turn, y)], QUIET, 1.2)
        canvas.arrow((turn, y), (up[0] - up[2] / 2 - 2, y), QUIET)
        y = down[1] - down[3] * 0.75
        canvas.dashes((down[0] + down[2] / 2 + 3, y), (up[0] - up[2] / 2 - 8, y), TRUTH)
        canvas.arrow((up[0] - up[2] / 2 - 9, y), (up[0] - up[2] / 2 - 2, y), TRUTH)
    for i, (row, (x, foot, wide, tall)) in enumerate(zip(stages, bars)):
        color = {"e": PREDICTION, "b": PURPLE, "d": GREEN}[row.block[0]]
        canvas.box(x - wide / 2, foot - tall, wide, tall, color)
        shape, channels = f"{row.height}x{row.width}", f"{row.channels} ch"
        if i == depth - 1:
            canvas.text(x, foot + 14, f"{shape}, {channels}", 11, align="center")
        else:
            place, align = (x - wide / 2 - 5, "right") if i < depth - 1 else (x + wide / 2 + 5, "left")
            canvas.text(place, foot - tall / 2, shape, 11, align=align)
            canvas.text(place, foot - tall / 2 + 13, channels, 11, (90, 90, 90), align=align)
    entries = (PREDICTION, "encoder"), (PURPLE, "bottleneck"), (GREEN, "decoder"), (TRUTH, "skip connection")
    canvas.key(0, 335, entries)


def architect_panel() -> Panel:
    """Return the architect: settings of a U-Net, its shapes, its cost and its receptive field."""
    return Panel("The architect", architect, [
        Dial("depth", 4, (1, 6, 1), "levels, the bottleneck included; each one halves the maps"),
        Dial("filters", 8, [4, 8, 16, 32, 64], "channels of the first level; they double from level to level"),
        Dial("size", 96, (32, 576, 4), "height and width of the input, in pixels"),
        Dial("padding", "same", ["same", "valid"], "same keeps the size; valid, as in the paper, loses the border"),
        Dial("seed", 38, (0, 99, 1), "which scan lies under the receptive field"),
    ])


# --- 02: the feature viewer -------------------------------------------------------------------------------------------

_readers = weakref.WeakKeyDictionary()  # one compiled function for each model, gone when the model goes


def feature_levels(model) -> list[str]:
    """Return the names of the blocks of a U-Net whose maps can be shown, from input to output."""
    blocks = ("encoder_", "bottleneck", "decoder_", "probability")
    names = [layer.name for layer in model.layers if layer.name.startswith(blocks)]
    return [name for name in names if not name.rsplit("_", 1)[-1].startswith(("conv", "relu", "norm"))]


def read_features(model, image) -> dict[str, np.ndarray]:
    """Return the maps of every level for one image `[h, w, 1]`: level to `[h, w, channels]` float32."""
    import keras
    import tensorflow as tf

    from helpers.anatomy import check_sizes

    image = check_images(np.asarray(image)[None], "image").astype(np.float32, copy=False)
    check_sizes(model, *image.shape[1:3])
    levels = feature_levels(model)
    if model not in _readers:
        inner = keras.Model(model.input, [model.get_layer(name).output for name in levels])
        signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        _readers[model] = tf.function(lambda x: inner(x, training=False), input_signature=[signature])
    return {name: maps[0].numpy() for name, maps in zip(levels, _readers[model](tf.constant(image)))}


def feature_maps(model, images, level="encoder_1", picture=0) -> PanelResult:
    """Show one image and the maps that a level of a U-Net makes of it, at most 32 of them.

    images: `[n, h, w, 1]` floats in 0..1; picture: which of them; level: a name from `feature_levels(model)`.
    Brighter means a stronger answer; all maps of a level share one scale. Raises ValueError for an unknown level.
    """
    if level not in feature_levels(model):
        raise ValueError(f"level is {level!r}; this network has {', '.join(feature_levels(model))}.")
    maps = read_features(model, images[picture])[level]
    height, width, channels = maps.shape
    count = min(channels, 32)
    canvas = Canvas(328)
    canvas.text(0, 17, "Scan", bold=True)
    canvas.tile(0, 26, gray(images[picture]))
    more = f"the first {count} of {channels} maps" if channels > count else "1 map" if count == 1 else f"{count} maps"
    canvas.text(COLUMN + 10, 17, f"{level}: {more}, {height}x{width} pixels each", bold=True)
    columns = 1 if count == 1 else 4 if count <= 8 else 6 if count <= 18 else 8
    side = {1: 296, 4: 146, 6: 96, 8: 72}[columns]
    top = 1.0 if level == "probability" else max(float(maps.max()), 1e-6)
    levels = np.round(np.clip(maps / top, 0, 1) * 255).astype(np.uint8)
    for i in range(count):
        place = COLUMN + 10 + (side + 2) * (i % columns), 26 + (side + 2) * (i // columns)
        canvas.tile(*place, colors(np.ascontiguousarray(levels[..., i]), cv2.COLORMAP_VIRIDIS), side)
    canvas.text(0, 250, "How strongly a map answers:", 12)
    canvas.scale(0, 272, cv2.COLORMAP_VIRIDIS, "0", f"{top:.3g}")
    silent = int((maps.reshape(-1, channels).max(axis=0) <= 0).sum())
    facts = {
        "level": level, "shape": f"{height} x {width} x {channels}",
        "one map's pixel covers": f"{images.shape[1] // height} px",
        "numbers above 0": f"{(maps > 0).mean():.0%}", "silent maps": f"{silent} of {channels}",
    }
    return PanelResult(canvas.pixels, facts, f"{channels} {'map' if channels == 1 else 'maps'} of {height}x{width} pixels.")


def feature_panel(model, images) -> Panel:
    """Return the feature viewer: walk through the levels of a network and see their maps.

    model: from `build_unet`; images: `[n, h, w, 1]` floats in 0..1.
    """
    images, levels = check_images(images), feature_levels(model)
    return Panel("The feature viewer", partial(feature_maps, model, images), [
        Dial("level", levels[0], levels, "which block of the network, from input to output"),
        Dial("picture", 0, (0, len(images) - 1, 1), "which of the scans it looks at"),
    ], new="picture")


# --- 03: the schedule -------------------------------------------------------------------------------------------------

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
    caption = f"the rate peaks at {rates.max():.4f} in step {first} and ends at {rates[-1]:.4f}; mean {rates.mean():.4f}."
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


# --- 03: curves of a training -----------------------------------------------------------------------------------------


def training_curves(log, epochs, note="", progress=None) -> np.ndarray:
    """Draw loss and Dice of a run, training beside validation, as a picture `[h, w, 3]` uint8 RGB.

    log: name to numbers, one an epoch, as `History.history`; epochs: how many were planned (they set the axis).
    note: a line below; progress: share done, 0..1, drawn as a bar, or None for no bar.
    """
    canvas = Canvas(254 if progress is None and not note else 290)
    for x, name, title in ((0, "loss", "Loss: lower is better"), (COLUMN * 2, "dice", "Dice: higher is better")):
        _curve(canvas, x, title, log.get(name, ()), log.get(f"val_{name}", ()), epochs, fixed=name == "dice")
    if progress is not None:
        canvas.box(0, 262, WIDTH, 6, FAINT)
        canvas.box(0, 262, max(WIDTH * min(max(progress, 0), 1), 1), 6, PREDICTION)
    if note:
        canvas.text(0, 284, note, 12)
    return canvas.pixels


def _curve(canvas, x, title, training, validation, epochs, fixed):
    left, right, top, floor = x + 40, x + 384, 30, 216
    canvas.text(x, 17, title, bold=True)
    values = [v for v in (*training, *validation) if np.isfinite(v)]
    high = 1.0 if fixed else _round_up(max(values, default=1.0))

    def place(i, value):
        share = (i - 1) / max(epochs - 1, 1) if epochs > 1 else 0.5
        return left + share * (right - left), floor - min(max(value / high, 0), 1) * (floor - top)

    for share in (0, 0.25, 0.5, 0.75, 1):
        y = floor - share * (floor - top)
        canvas.lines([(left, y), (right, y)], QUIET if share == 0 else FAINT, 0.75)
        canvas.text(left - 6, y + 4, f"{share * high:.2f}", 10, align="right")
    for epoch in sorted({1, (1 + epochs) // 2, epochs}):
        canvas.text(place(epoch, 0)[0], floor + 15, f"{epoch}", 10, align="center")
    canvas.text((left + right) / 2, floor + 31, "epoch", 11, align="center")
    for series, color, dashed in ((training, PREDICTION, False), (validation, TRUTH, True)):
        points = [place(i + 1, v) for i, v in enumerate(series) if np.isfinite(v)]
        for a, b in zip(points, points[1:]):
            canvas.dashes(a, b, color, 2, 5) if dashed else canvas.lines([a, b], color, 2)
        for px, py in points[-1:]:
            canvas.box(px - 3, py - 3, 6, 6, color)
    canvas.key(right - 148, 17, ((PREDICTION, "training"), (TRUTH, "validation")))


def _round_up(value):
    steps = (0.2, 0.4, 0.8, 1.2, 1.6, 2, 4, 8, 12, 20, 40, 100)  # a quarter of each is a round number
    return next((step for step in steps if step >= value), value)


# --- 03: the flip book ------------------------------------------------------------------------------------------------


def flip(images, masks, pages, epochs, page=0, picture=0) -> PanelResult:
    """Show what a network made of one picture at one time of its training.

    images, masks: `[k, h, w, 1]`; pages: its probabilities `[pages, k, h, w]` uint8, 255 for certain; epochs: the
    epoch of each page, 0 before training; page, picture: which to show. A `monitor.FlipBook` holds the first four.
    """
    image, inside = images[picture, ..., 0], masks[picture, ..., 0]
    chance = pages[page, picture]
    found = (chance >= 128).astype(np.uint8)
    scores = dice_per_image(np.repeat(masks[picture][None], len(pages), axis=0), (pages[:, picture, ..., None] >= 128))
    when = "before training" if epochs[page] == 0 else f"after epoch {epochs[page]}"
    canvas = Canvas(246)
    canvas.text(0, 17, "Scan and truth", bold=True)
    canvas.tile(0, 26, gray(image))
    canvas.outline(0, 26, inside, TRUTH)
    canvas.text(COLUMN, 17, "Probability", bold=True)
    canvas.tile(COLUMN, 26, colors(np.ascontiguousarray(chance)))
    canvas.text(2 * COLUMN, 17, "Errors", bold=True)
    canvas.tile(2 * COLUMN, 26, error_map(inside, found))
    canvas.key(2 * COLUMN, 237, ERROR_KEY)
    canvas.scale(COLUMN, 237, cv2.COLORMAP_CIVIDIS)
    _flip_curve(canvas, 3 * COLUMN, 26, epochs, scores, page)
    facts = {
        "network": when, "Dice of this picture": f"{scores[page]:.2f}",
        "pixels called lesion": f"{found.mean():.1%}", "pixels that are": f"{inside.mean():.1%}",
    }
    return PanelResult(canvas.pixels, facts, f"{when}, this picture scores a Dice of about {scores[page]:.1f}.")


def _flip_curve(canvas, x, y, epochs, scores, page, side=TILE):
    """Draw the Dice of every page, and where the present one stands."""
    left, right, top, floor, last = x + 24, x + side - 6, y + 8, y + side - 6, max(epochs[-1], 1)
    canvas.text(x, 17, "Dice of this picture", bold=True)
    for share in (0, 0.5, 1):
        here = floor - share * (floor - top)
        canvas.lines([(left, here), (right, here)], FAINT if share else QUIET, 0.75)
        canvas.text(left - 5, here + 4, f"{share:g}", 11, align="right")
    places = [(left + (right - left) * e / last, floor - (floor - top) * s) for e, s in zip(epochs, scores)]
    canvas.lines([(places[page][0], top), (places[page][0], floor)], QUIET, 1)
    canvas.lines(places, PREDICTION, 2)
    canvas.box(places[page][0] - 4, places[page][1] - 4, 8, 8, PREDICTION)
    canvas.text(left, 237, "epoch 0", 11)
    canvas.text(right, 237, f"{last}", 11, align="right")


def flip_panel(book) -> Panel:
    """Return the flip book: a slider over the epochs of a training.

    book: the `monitor.FlipBook` that was given to `train_unet(callbacks=[book])`. Raises ValueError if it is empty.
    """
    if not len(book.epochs):
        raise ValueError("the flip book is empty; train first: train_unet(..., callbacks=[book]).")
    last = len(book.epochs) - 1
    return Panel("The flip book", book.draw, [
        Dial("page", last, (0, last, 1), "0 is before training, then one page an epoch"),
        Dial("picture", 0, (0, len(book.images) - 1, 1), "which of the kept pictures"),
    ], new="picture")


# --- 04: the stress test ----------------------------------------------------------------------------------------------


def stress(model, circles=4, noise=0.1, contrast=0.4, threshold=0.5, seed=38, size=96) -> PanelResult:
    """Show what a trained network finds in a scan that you make harder, beside the best threshold on gray levels.

    model: gives probabilities `[n, h, w, 1]`; circles, noise, contrast: dials of `CircleScene`; threshold: a pixel
    is called lesion where the probability is at least this; seed: which picture; size: its side, pixels.
    Raises ValueError for an impossible scene, or a size that the network cannot take.
    """
    import tensorflow as tf

    from helpers.anatomy import check_sizes
    from helpers.training import compiled

    check_sizes(model, size, size)
    scene = CircleScene(size, circles, radius=(5, 15), contrast=contrast, noise=noise, vessels=2)
    image, mask = draw_steady(scene, seed)
    chance = compiled(model)(tf.constant(image[None])).numpy()[0, ..., 0]
    inside, found = mask[..., 0], (chance >= threshold).astype(np.uint8)
    dice = float(dice_per_image(mask[None], found[None, ..., None])[0])
    level, simple_dice = best_threshold(mask[None], image[None])
    simple = (image[..., 0] >= level).astype(np.uint8)
    canvas = Canvas(246)
    canvas.text(0, 17, "Scan", bold=True)
    canvas.tile(0, 26, gray(image))
    canvas.outline(0, 26, inside, TRUTH)
    canvas.outline(0, 26, found, SKY, width=1)
    canvas.key(0, 237, ((TRUTH, "truth"), (SKY, "network")))
    canvas.text(COLUMN, 17, "Probability", bold=True)
    canvas.tile(COLUMN, 26, colors(np.round(chance * 255).astype(np.uint8)))
    canvas.scale(COLUMN, 237, cv2.COLORMAP_CIVIDIS)
    canvas.text(2 * COLUMN, 17, f"Network: Dice {dice:.2f}", bold=True)
    canvas.tile(2 * COLUMN, 26, error_map(inside, found))
    canvas.key(2 * COLUMN, 237, ERROR_KEY)
    canvas.text(3 * COLUMN, 17, f"Best threshold: Dice {simple_dice:.2f}", bold=True)
    canvas.tile(3 * COLUMN, 26, error_map(inside, simple))
    canvas.text(3 * COLUMN, 237, f"gray level {level:.2f}, with hindsight", 11)
    facts = {
        "network's Dice": f"{dice:.2f}", "best threshold's Dice": f"{simple_dice:.2f}",
        "false positives": f"{int((found & ~inside & 1).sum())} px", "missed": f"{int((inside & ~found & 1).sum())} px",
        "lesion": f"{int(inside.sum())} px",
    }
    caption = f"the network scores a Dice of about {dice:.1f}, the best threshold {simple_dice:.1f}."
    return PanelResult(canvas.pixels, facts, caption)


def stress_panel(model, size=96, threshold=0.5) -> Panel:
    """Return the stress test: make scans harder until the network breaks.

    model: from `load_network` or `train_unet`; size: of the scans, pixels; threshold: where its slider starts.
    """
    return Panel("The stress test", partial(stress, model, size=size), [
        Dial("circles", 4, (0, 12, 1), "how many lesions there are"),
        Dial("noise", 0.1, (0.0, 0.5, 0.01), "how grainy the scan is; the network was trained at 0.10"),
        Dial("contrast", 0.4, (0.0, 1.0, 0.05), "how bright lesions are; the network was trained at 0.25 to 0.50"),
        Dial("threshold", round(threshold, 2), (0.01, 0.99, 0.01), "how sure the network must be to call a pixel lesion"),
        Dial("seed", 38, (0, 99, 1), "which picture is drawn; the other dials leave its discs in place"),
    ])
