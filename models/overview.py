"""Draw the README's picture: scans, truth, and what the shipped network finds.

    python models/overview.py
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402
from helpers.training import load_network, predict  # noqa: E402

ZOOM, GAP, ROOM = 3, 12, 34
TRUTH, FOUND = (0, 159, 230), (233, 180, 86)  # orange and light blue, as OpenCV's (blue, green, red)


def outlined(image: np.ndarray, mask: np.ndarray, color) -> np.ndarray:
    """Return a scan `[h, w, 1]` enlarged, in color, with the outlines of a mask."""
    gray = cv2.resize((image[..., 0] * 255).astype(np.uint8), None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST)
    picture = cv2.cvtColor(gray, cv2.COLOR_GRAY2BGR)
    large = cv2.resize(mask[..., 0], None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, contours, -1, color, 2)


def main() -> None:
    """Draw four scans in three rows and write overview.png."""
    images, masks = make_dataset(4, CircleScene(circles=(3, 6)), seed=9)
    found = (predict(load_network(HERE / "unet_circles.keras"), images) >= 0.5).astype(np.uint8)
    rows = [("the scan", np.zeros_like(masks), TRUTH), ("the truth", masks, TRUTH), ("the U-Net", found, FOUND)]
    side = images.shape[1] * ZOOM
    canvas = np.full((3 * (side + ROOM) + GAP, 4 * (side + GAP) + GAP, 3), 255, np.uint8)
    for r, (name, outlines, color) in enumerate(rows):
        top = r * (side + ROOM) + ROOM
        cv2.putText(canvas, name, (GAP, top - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (40, 40, 40), 1, cv2.LINE_AA)
        for c in range(4):
            left = GAP + c * (side + GAP)
            canvas[top : top + side, left : left + side] = outlined(images[c], outlines[c], color)
    cv2.imwrite(str(HERE / "overview.png"), canvas, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
