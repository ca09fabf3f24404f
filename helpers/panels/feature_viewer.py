"""The feature viewer (notebook 02): the maps of a trained network, and where each of their numbers comes from."""

import weakref
from functools import partial

import numpy as np

from helpers.arrays import check_images
from helpers.panels import views as show
from helpers.panels.shell import Dial, Panel
from helpers.panels.views import PanelResult

SCALES = ["one for the level", "each map its own"]
_readers = weakref.WeakKeyDictionary()  # one compiled function for each model, gone when the model goes


def feature_levels(model) -> list[str]:
    """Return the names of the blocks of a U-Net whose maps can be shown, from input to output."""
    blocks = ("encoder_", "bottleneck", "decoder_", "probability")
    names = [layer.name for layer in model.layers if layer.name.startswith(blocks)]
    return [name for name in names if not name.rsplit("_", 1)[-1].startswith(("conv", "relu", "norm"))]


def convolution_of(model, level):
    """Return the convolution whose numbers become the maps of a level."""
    return model.get_layer("logits" if level == "probability" else f"{level}_conv2")


def read_features(model, image) -> dict[str, np.ndarray]:
    """Return the maps of every level for one image `[h, w, 1]`: level to `[h, w, channels]` float32.

    The maps that go into the convolution of a level stand under its name with " input" after it.
    """
    import keras
    import tensorflow as tf

    from helpers.anatomy import check_sizes

    image = check_images(np.asarray(image)[None], "image").astype(np.float32, copy=False)
    check_sizes(model, *image.shape[1:3])
    levels = feature_levels(model)
    if model not in _readers:
        wanted = [model.get_layer(name).output for name in levels]
        inner = keras.Model(model.input, wanted + [convolution_of(model, name).input for name in levels])
        signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        _readers[model] = tf.function(lambda x: inner(x, training=False), input_signature=[signature])
    names = levels + [f"{name} input" for name in levels]
    return {name: maps[0].numpy() for name, maps in zip(names, _readers[model](tf.constant(image)))}


def field_of(model, image, level, row, column, channel) -> np.ndarray:
    """Return how much each gray level of an image `[h, w, 1]` moves one number of a level's maps: `[h, w]`, from 0."""
    import keras
    import tensorflow as tf

    inner = keras.Model(model.input, convolution_of(model, level).output)  # before the ReLU, which would hide it
    x = tf.constant(image[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        number = inner(x, training=False)[0, row, column, channel]
    return np.abs(tape.gradient(number, x).numpy()[0, ..., 0])


def feature_maps(
    model, images, level="encoder_1", picture=0, map=0, row=-1, column=-1, input_map=0, scale=SCALES[0],
) -> PanelResult:
    """Show one image, the maps that a level of a U-Net makes of it, and how one number of a map comes about.

    images: `[n, h, w, 1]` floats in 0..1; picture: which of them; level: a name from `feature_levels(model)`; map:
    which of its channels; row, column: a pixel of it, -1 for the brightest; input_map: which map the kernel is laid on;
    scale: of the colors, one of `SCALES`. Raises ValueError for an unknown level.
    """
    levels = feature_levels(model)
    if level not in levels:
        raise ValueError(f"level is {level!r}; this network has {', '.join(levels)}.")
    read = read_features(model, images[picture])
    maps, before, layer = read[level], read[f"{level} input"], convolution_of(model, level)
    height, width, channels = maps.shape
    asked, note = {"map": map, "row": row, "column": column, "input map": input_map}, ""
    map, input_map = min(map, channels - 1), min(input_map, before.shape[-1] - 1)
    if row < 0 or column < 0:  # where a map is 0, the ReLU hides what the number depends on
        row, column = np.unravel_index(maps[..., map].argmax(), maps.shape[:2])
    row, column = int(min(row, height - 1)), int(min(column, width - 1))
    used = {"map": map, "row": row, "column": column, "input map": input_map}
    changed = [f"{name} {used[name]}" for name, value in asked.items() if value > used[name]]
    if changed:
        note = f"{level} has {channels} maps of {height} x {width} pixels, so what is shown is {', '.join(changed)}."
    top = 1.0 if level == "probability" else max(float(maps.max()), 1e-6)
    own = np.maximum(maps.max(axis=(0, 1)), 1e-6)
    silent = int((maps.reshape(-1, channels).max(axis=0) <= 0).sum())
    shown = min(channels, 32)
    tops = np.full(channels, top) if scale == SCALES[0] else own
    field = field_of(model, images[picture], level, row, column, map)
    views = [
        show.u_shape("The network: choose a level", _stages(read, levels), any("skip_" in x.name for x in model.layers),
                     level, "level"),
        show.picture("What the number sees", np.sqrt(field / max(float(field.max()), 1e-12)), "features",
                     below="bright: a change here moves it more", under=show.as_bytes(
                         np.round(255 * np.clip(images[picture], 0, 1)))),
        show.map_grid(f"{level}: {shown} of {channels} maps" if shown < channels else f"{level}: all maps",
                      maps[..., :shown], tops[:shown], map,
                      below=f"scale: {scale}"),
        show.picture(f"Map {map}", np.clip(maps[..., map] / tops[map], 0, 1), "features", top=f"{tops[map]:.2f}",
                     pick=["row", "column"], mark=[row, column], below="click on a pixel"),
        _sum(layer, before, maps[row, column, map], level, map, row, column, input_map),
    ]
    facts = {
        "level": level, "shape": f"{height} x {width} x {channels}",
        "one map's pixel covers": f"{images.shape[1] // height} px",
        "numbers above 0": f"{(maps > 0).mean():.0%}", "silent maps": f"{silent} of {channels}",
        "the chosen number": f"{maps[row, column, map]:.2f}",
    }
    caption = f"{channels} {'map' if channels == 1 else 'maps'} of {height}x{width} pixels."
    return PanelResult(views, facts, caption, note)


def _stages(read, levels):
    depth = sum(name.startswith("encoder_") for name in levels) + 1
    return [(name, depth if name == "bottleneck" else int(name.split("_")[1]), *read[name].shape)
            for name in levels if name != "probability"]


def _sum(layer, before, result, level, map, row, column, input_map):
    """Return one number of a map taken apart: window, kernel, and the sum of their products, over all input maps."""
    kernel, bias = (weights.numpy() for weights in layer.weights)
    reach = kernel.shape[0] // 2
    edge = reach if layer.padding == "same" else 0
    padded = np.pad(before, ((edge, edge), (edge, edge), (0, 0)))
    window = padded[row : row + kernel.shape[0], column : column + kernel.shape[1]]
    parts = (window * kernel[..., map]).sum(axis=(0, 1))
    total = float(parts.sum() + bias[map])
    after = "the sigmoid" if level == "probability" else "the ReLU"
    words = (
        f"The products with input map {input_map} add up to {parts[input_map]:.2f}. All {len(parts)} input maps and "
        f"the bias {bias[map]:.2f} make {total:.2f}, and {after} turns that into {result:.2f}."
    )
    grids = np.zeros((2, 3, 3))
    place = slice(0, 3) if reach else slice(1, 2)  # the last convolution looks at one pixel
    grids[0][place, place], grids[1][place, place] = window[..., input_map], kernel[..., input_map, map]
    return show.products(f"Where {result:.2f} comes from", *grids, words)


def feature_panel(model, images) -> Panel:
    """Return the feature viewer: walk through the levels of a network, its maps, and the numbers in them.

    model: from `build_unet`; images: `[n, h, w, 1]` floats in 0..1.
    """
    images, levels = check_images(images), feature_levels(model)
    most = max(model.get_layer(name).output.shape[-1] for name in levels)
    height, width = images.shape[1:3]
    return Panel("The feature viewer", partial(feature_maps, model, images), [
        Dial("level", levels[0], levels, "which block, from input to output"),
        Dial("scale", SCALES[0], SCALES, "what the brightest color stands for"),
        Dial("map", 0, (0, min(most, 32) - 1, 1), "which channel of the level"),
        Dial("row", -1, (-1, height - 1, 1), "of the number taken apart; -1: brightest"),
        Dial("column", -1, (-1, width - 1, 1), "of the number taken apart; -1: brightest"),
        Dial("input_map", 0, (0, 2 * most - 1, 1), "which map the kernel is laid on"),
        Dial("picture", 0, (0, len(images) - 1, 1), "which of the scans it looks at"),
    ], new="picture")
