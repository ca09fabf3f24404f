"""The architect (notebook 02): the U that depth, filters and padding give, its weights and its receptive field."""

import cv2
import numpy as np

from helpers import drawing
from helpers.panels.canvas import BOTTLENECK, DECODER, ENCODER, PREDICTION, QUIET, SKIP, TRUTH, Canvas, PanelResult
from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady
from helpers.synthesis import CircleScene


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
    canvas.tile(x, y, drawing.levels(image), side)
    middle = np.array([size / 2, size / 2]) if lesion is None else np.array(lesion[:2]) + 0.5
    if lesion:
        canvas.outline(x, y, lesion[3], "truth", side)
    first, last = np.clip(middle - field / 2, 0, size), np.clip(middle + field / 2, 0, size)
    zoom = side / size
    corner, far = first * zoom, last * zoom
    canvas.box(x + corner[0], y + corner[1], far[0] - corner[0], far[1] - corner[1], PREDICTION, 1.5)
    center = middle * zoom + (x, y)
    canvas.box(center[0] - 2, center[1] - 2, 4, 4, PREDICTION)
    canvas.key(x, y + side + 18, ((PREDICTION, f"its field: {field} x {field} px"),))
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
        color = {"e": ENCODER, "b": BOTTLENECK, "d": DECODER}[row.block[0]]
        canvas.box(x - wide / 2, foot - tall, wide, tall, color)
        shape, channels = f"{row.height}x{row.width}", f"{row.channels} ch"
        if i == depth - 1:
            canvas.text(x, foot + 14, f"{shape}, {channels}", 11, align="center")
        else:
            place, align = (x - wide / 2 - 5, "right") if i < depth - 1 else (x + wide / 2 + 5, "left")
            canvas.text(place, foot - tall / 2, shape, 11, align=align)
            canvas.text(place, foot - tall / 2 + 13, channels, 11, (90, 90, 90), align=align)
    entries = (ENCODER, "encoder"), (BOTTLENECK, "bottleneck"), (DECODER, "decoder"), (SKIP, "skip connection")
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
