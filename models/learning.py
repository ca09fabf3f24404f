"""Draw the README's moving picture: a U-Net that learns, on scans that it has never seen.

    python models/learning.py      trains as notebook 03 does, for 400 of its 2,400 steps, and writes learning.webp

The four scans are chosen by a rule: of 200 validation scans, those with lesions that have the most vessel pixels.
"""

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from helpers import drawing, palette  # noqa: E402, I001  (before Keras: it turns on oneDNN)
import cv2  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.evaluation import dice_per_image  # noqa: E402
from helpers.panels.callbacks import FlipBook  # noqa: E402
from helpers.synthesis import CircleScene, make_classes  # noqa: E402
from helpers.training import train_unet  # noqa: E402
from PIL import Image  # noqa: E402

STEPS = (5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 70, 80, 100, 120, 140, 160, 200, 240, 280, 320, 400)
ZOOM, GAP, ROOM, MILLISECONDS = 2, 8, 30, 350


class StopAfter(keras.callbacks.Callback):
    """End a training that was planned to be longer, so that the learning rate is that of the longer one."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        """Ask Keras to stop after the last wanted epoch."""
        self.model.stop_training = epoch + 1 >= self.epochs


def scans() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the scans; returns images, their classes (2 is vessel), and the numbers of the four that are shown."""
    images, kinds = make_classes(1000, CircleScene(), seed=2026)
    vessels = (kinds[800:] == 2).sum(axis=(1, 2, 3)) * (kinds[800:] == 1).any(axis=(1, 2, 3))
    return images, kinds, 800 + np.argsort(vessels)[-4:]


def learn() -> tuple[FlipBook, np.ndarray]:
    """Train a U-Net; returns the book of its answers, and the classes of its four scans."""
    images, kinds, chosen = scans()
    masks = (kinds == 1).astype(np.uint8)
    train, val = (images[:800], masks[:800]), (images[800:], masks[800:])
    book = FlipBook(images[chosen], masks[chosen], steps=STEPS)
    keras.utils.set_random_seed(7)
    with tempfile.TemporaryDirectory() as folder:
        unet = build_unet()
        train_unet(unet, train, val, Path(folder) / "run", epochs=12, seed=7, callbacks=[book, StopAfter(2)])
    return book, kinds[chosen]


def frame(book: FlipBook, page: int) -> Image.Image:
    """Draw one page: the scans with the true outlines, and below them what the network says."""
    side = book.images.shape[1] * ZOOM
    canvas = np.full((2 * side + 2 * ROOM + GAP, 4 * (side + GAP) + GAP, 3), 255, np.uint8)
    marked = (np.array(book.pages[page])[..., None] >= 128).astype(np.uint8)
    dice = dice_per_image(book.masks, marked).mean()
    words = "four unseen scans; orange: the truth", f"what the U-Net says after {book.times[page]} steps: Dice {dice:.2f}"
    for row, text in enumerate(words):
        top = row * (side + ROOM) + ROOM
        cv2.putText(canvas, text, (GAP, top - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
        for i, (image, mask) in enumerate(zip(book.images, book.masks)):
            picture = drawing.colored(drawing.levels(image)) if row == 0 else drawing.colored(book.pages[page][i], "probability")
            picture = drawing.enlarged(picture, ZOOM)
            if row == 0:
                drawing.outline(picture, drawing.enlarged(mask[..., 0], ZOOM), "truth", width=2)
            left = i * (side + GAP) + GAP
            canvas[top : top + side, left : left + side] = picture
    return Image.fromarray(canvas)


def main() -> None:
    """Train, draw, write, and print what the picture shows."""
    book, kinds = learn()
    frames = [frame(book, page) for page in range(len(book.times))]
    durations = [1200] + [MILLISECONDS] * (len(frames) - 2) + [3000]
    frames[0].save(HERE / "learning.webp", save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=60, method=6)
    shares = [(np.array(page) >= 128)[kinds[..., 0] == 2].mean() for page in book.pages]
    most = int(np.argmax(shares))
    print(f"vessel pixels marked: at most {shares[most]:.0%}, after {book.times[most]} steps; {shares[-1]:.0%} at the end")
    print(f"{(HERE / 'learning.webp').stat().st_size / 1e3:.0f} kB, {len(frames)} frames, {sum(durations) / 1000:.1f} s")


if __name__ == "__main__":
    main()
