"""The architect (notebook 02): the U that depth, filters and padding give, its weights and its receptive field."""

import cv2
import numpy as np

from helpers.panels.shell import Dial, Panel
from helpers.panels.steady_scenes import draw_steady
from helpers.panels.views import PanelResult, picture, u_shape
from helpers.synthesis import CircleScene

SIZES = (32, 576, 4)


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
    Settings from which no U-Net can be built are explained, and sizes that fit are offered.
    """
    from helpers.anatomy import receptive_field, shape_table

    scene = CircleScene(size, circles=5, radius=(5, min(15, size // 2)), contrast=0.4, noise=0.06, vessels=1)
    image, mask = draw_steady(scene, seed)
    field, lesion = receptive_field(depth), _largest_lesion(mask[..., 0])
    wide = lesion[2] if lesion else 0
    facts = {
        "weights": "none", "activations, one picture": "none", "output": "none",
        "receptive field": f"{field} px", "largest lesion": f"{wide} px" if wide else "none here",
    }
    try:
        rows = shape_table(size, depth, filters, padding=padding)
    except ValueError as error:
        offers = tuple((f"Take {fit} pixels", {"size": fit}) for fit in _fitting(size, depth, padding))
        views = [u_shape("This U-Net cannot be built", ()), _field_picture(image, lesion, field)]
        return PanelResult(views, facts, str(error), str(error), offers)
    weights, memory, out = sum(row.weights for row in rows), activation_bytes(rows, padding), rows[-1]
    facts |= {"weights": f"{weights:,}", "activations, one picture": f"{memory / 1e6:,.1f} MB",
              "output": f"{out.height} x {out.width} px"}
    stages = [(row.block, depth if row.block == "bottleneck" else int(row.block.split("_")[1]), *row[1:4])
              for row in rows if row.block.startswith(("encoder", "bottleneck", "decoder"))]
    caption = (f"{weights:,} weights, {memory / 1e6:,.1f} MB of activations for one picture, "
               f"and a receptive field of {field} pixels.")
    views = [u_shape(f"Depth {depth}, {filters} filters, padding {padding}", stages)]
    return PanelResult([*views, _field_picture(image, lesion, field)], facts, caption)


def _fitting(size, depth, padding):
    """Return the nearest sizes below and above from which the U can be built, as far as the slider goes."""
    from helpers.anatomy import output_size

    def fits(one):
        try:
            return output_size(one, depth, padding, "size") > 0
        except ValueError:
            return False

    low, high, step = SIZES
    good = [one for one in range(low, high + 1, step) if fits(one)]
    return [*[one for one in good if one < size][-1:], *[one for one in good if one > size][:1]]


def _largest_lesion(mask):
    """Return `(center x, center y, width, mask)` of the largest connected lesion, or None."""
    count, labels, boxes, centers = cv2.connectedComponentsWithStats(mask)
    if count < 2:
        return None
    chosen = 1 + int(boxes[1:, cv2.CC_STAT_AREA].argmax())
    wide = int(max(boxes[chosen, cv2.CC_STAT_WIDTH], boxes[chosen, cv2.CC_STAT_HEIGHT]))
    return float(centers[chosen][0]), float(centers[chosen][1]), wide, (labels == chosen).astype(np.uint8)


def _field_picture(image, lesion, field):
    """Return the scan with its largest lesion outlined and, as a box, the square that one output pixel sees."""
    size = image.shape[0]
    middle = np.array([size / 2, size / 2]) if lesion is None else np.array(lesion[:2]) + 0.5
    first, last = np.clip(middle - field / 2, 0, size), np.clip(middle + field / 2, 0, size)
    if lesion and field < lesion[2]:
        words = "It cannot see across the lesion."
    elif (last - first).min() >= size:
        words = "It sees the whole scan."
    else:
        words = "It sees past the lesion's border." if lesion else "It sees a part of the scan."
    return picture(
        "What one output pixel sees", image, truth=lesion[3] if lesion else None,
        below=f"The square is its field, {field} x {field} pixels. {words}",
        box=[*np.round(first, 1).tolist(), *np.round(last - first, 1).tolist()], center=np.round(middle, 1).tolist(),
    )


def architect_panel() -> Panel:
    """Return the architect: settings of a U-Net, its shapes, its cost and its receptive field."""
    return Panel("The architect", architect, [
        Dial("depth", 4, (1, 6, 1), "levels, the bottleneck included; each one below the first halves the maps"),
        Dial("filters", 8, [4, 8, 16, 32, 64], "channels of the first level; they double from level to level"),
        Dial("size", 96, SIZES, "height and width of the input, in pixels"),
        Dial("padding", "same", ["same", "valid"], "same keeps the size; valid, as in the paper, loses the border"),
        Dial("seed", 38, (0, 99, 1), "which scan lies under the receptive field"),
    ])
