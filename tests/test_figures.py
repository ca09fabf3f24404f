"""Figures in a notebook: none over 1 MB, however large and noisy the pictures, and small pictures as they are."""

import io

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import drawing, figures
from helpers.figures import pictures, style
from IPython.core.pylabtools import retina_figure
from PIL import Image

RNG = np.random.default_rng(0)
NOISE = [RNG.random((800, 800, 1)).astype(np.float32) for _ in range(2)]
BLOBS = [(cv2.GaussianBlur(picture, (0, 0), 6) > 0.5).astype(np.uint8)[..., None] for picture in NOISE]
SMALL = [RNG.random((96, 96, 1)).astype(np.float32) for _ in range(4)]


@pytest.fixture
def shown(monkeypatch):
    """Figures as in a notebook; returns a list of `(png, metadata)` that fills."""
    kept = []
    monkeypatch.setattr(plt, "get_backend", lambda: "inline")
    monkeypatch.setattr(plt, "show", lambda: kept.append((retina_figure(plt.gcf())[0], None)))
    monkeypatch.setattr(style, "display", lambda data, metadata, raw: kept.append((data["image/png"], metadata["image/png"])))
    return kept


@pytest.mark.parametrize("draw", [
    lambda: figures.show_predictions(NOISE, BLOBS, BLOBS[::-1], ["Dice 0.50"] * 2, "The worst", "Two pictures."),
    lambda: figures.show_images([plane[..., 0] for plane in NOISE], kinds="features", size=3),
    lambda: figures.show_images(NOISE * 4),
    lambda: figures.show_pairs(NOISE, BLOBS),
    lambda: figures.show_classes(NOISE, {"truth": BLOBS}, ("background", "lesion", "vessel")),
], ids=["predictions", "features", "eight", "pairs", "classes"])
def test_no_picture_in_a_notebook_is_over_1_mb(shown, draw):
    draw()
    ((png, size),) = shown
    assert 4 / 3 * len(png) < 1e6, "in base64, as the notebook holds it"
    width, height = Image.open(io.BytesIO(png)).size
    assert size is None or abs(size["width"] / size["height"] - width / height) < 0.01
    assert width > 0.75 * (size or {"width": width})["width"], "far fewer pixels than on the screen"
    assert not plt.get_fignums()


def test_a_figure_of_small_pictures_is_as_it_was(shown):
    expected = []
    for finish in (lambda figure, caption: expected.append(retina_figure(figure)), style.finish):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pictures, "finish", finish)
            figures.show_predictions(SMALL[:2], *[[mask[:96, :96] for mask in BLOBS]] * 2, title="Two scans")
            plt.close("all")
    ((data, metadata),), ((png, size),) = expected, shown
    assert png == data and all(abs(size[side] - metadata[side]) <= 1 for side in metadata)


def test_small_pictures_are_shown_pixel_by_pixel(shown, monkeypatch):
    monkeypatch.setattr(plt, "close", lambda figure: None)
    figures.show_images([SMALL[0], NOISE[0]])
    small, large = (axis.images[0] for axis in plt.gcf().axes)
    assert small.get_interpolation() == "nearest" and np.array_equal(small.get_array(), SMALL[0][..., 0])
    assert large.get_interpolation() == "antialiased"
    monkeypatch.undo()
    plt.close("all")


def test_a_large_picture_is_reduced_before_its_outlines_are_drawn(shown, monkeypatch):
    """At three pixels of 3000, a line would be a third of a pixel wide on the screen."""
    drawn = []
    monkeypatch.setattr(pictures.drawing, "outline", lambda picture, mask, kind: drawn.append((picture.shape, mask.shape)))
    figures.show_predictions(NOISE, BLOBS, BLOBS)
    assert all(picture[:2] == mask and picture[1] <= 180 * 4.2 for picture, mask in drawn) and len(drawn) == 4


def test_reduced_keeps_means_of_pictures_and_values_of_masks():
    assert np.array_equal(drawing.reduced(SMALL[0], 96), SMALL[0][..., 0]), "it fits"
    halved = drawing.reduced(SMALL[0], 48)
    assert np.allclose(halved, SMALL[0][..., 0].reshape(48, 2, 48, 2).mean(axis=(1, 3)), atol=1e-6)
    assert set(np.unique(drawing.reduced(BLOBS[0], 100))) == {0, 1} and drawing.reduced(BLOBS[0][:400], 100).shape == (50, 100)
