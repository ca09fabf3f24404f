"""The feature viewer (notebook 02): what each channel of a trained network answers to a scan."""

import weakref
from functools import partial

import numpy as np

from helpers import drawing
from helpers.arrays import check_images
from helpers.panels.canvas import COLUMN, Canvas, PanelResult
from helpers.panels.shell import Dial, Panel

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
    canvas.tile(0, 26, drawing.levels(images[picture]))
    more = f"the first {count} of {channels} maps" if channels > count else "1 map" if count == 1 else f"{count} maps"
    canvas.text(COLUMN + 10, 17, f"{level}: {more}, {height}x{width} pixels each", bold=True)
    columns = 1 if count == 1 else 4 if count <= 8 else 6 if count <= 18 else 8
    side = {1: 296, 4: 146, 6: 96, 8: 72}[columns]
    top = 1.0 if level == "probability" else max(float(maps.max()), 1e-6)
    levels = np.round(np.clip(maps / top, 0, 1) * 255).astype(np.uint8)
    for i in range(count):
        place = COLUMN + 10 + (side + 2) * (i % columns), 26 + (side + 2) * (i // columns)
        canvas.tile(*place, drawing.colored(levels[..., i], "features"), side)
    canvas.text(0, 250, "How strongly a map answers:", 12)
    canvas.scale(0, 272, "features", "0", f"{top:.3g}")
    silent = int((maps.reshape(-1, channels).max(axis=0) <= 0).sum())
    facts = {
        "level": level, "shape": f"{height} x {width} x {channels}",
        "one map's pixel covers": f"{images.shape[1] // height} px",
        "numbers above 0": f"{(maps > 0).mean():.0%}", "silent maps": f"{silent} of {channels}",
    }
    words = "map" if channels == 1 else "maps"
    return PanelResult(canvas.pixels, facts, f"{channels} {words} of {height}x{width} pixels.")


def feature_panel(model, images) -> Panel:
    """Return the feature viewer: walk through the levels of a network and see their maps.

    model: from `build_unet`; images: `[n, h, w, 1]` floats in 0..1.
    """
    images, levels = check_images(images), feature_levels(model)
    return Panel("The feature viewer", partial(feature_maps, model, images), [
        Dial("level", levels[0], levels, "which block of the network, from input to output"),
        Dial("picture", 0, (0, len(images) - 1, 1), "which of the scans it looks at"),
    ], new="picture")
