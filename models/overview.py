"""Draw the README's picture: scans, truth, and what the shipped network finds.

    python models/overview.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from helpers import drawing, palette  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402
from helpers.training import load_network, predict  # noqa: E402

ZOOM, GAP, ROOM = 3, 12, 34


def main() -> None:
    """Draw four scans in three rows and write overview.png."""
    images, masks = make_dataset(4, CircleScene(circles=(3, 6)), seed=9)
    found = (predict(load_network(HERE / "unet_circles.keras"), images) >= 0.5).astype(np.uint8)
    rows = [("the scan", None, ""), ("the truth", masks, "truth"), ("the U-Net", found, "prediction")]
    side = images.shape[1] * ZOOM
    canvas = np.full((3 * (side + ROOM) + GAP, 4 * (side + GAP) + GAP, 3), 255, np.uint8)
    for r, (name, outlines, kind) in enumerate(rows):
        top = r * (side + ROOM) + ROOM
        cv2.putText(canvas, name, (GAP, top - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.65, palette.rgb("ink"), 1, cv2.LINE_AA)
        for c in range(4):
            left, picture = GAP + c * (side + GAP), drawing.enlarged(drawing.colored(drawing.levels(images[c])), ZOOM)
            if kind:
                drawing.outline(picture, drawing.enlarged(outlines[c, ..., 0], ZOOM), kind, width=2)
            canvas[top : top + side, left : left + side] = picture
    (HERE / "overview.png").write_bytes(drawing.as_png(canvas))


if __name__ == "__main__":
    main()
