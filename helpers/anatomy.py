"""The U-Net, block by block (notebook 02).

Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
section 2 and figure 1. Levels are counted from 1 (full resolution) to `depth` (the bottleneck); the number of filters
doubles from level to level.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

# --- blocks -----------------------------------------------------------------------------------------------------------


def conv_block(x, filters, name, normalization=None, padding="same"):
    """Apply two 3x3 convolutions, each followed by a ReLU; the second ReLU carries the block's name.

    x: tensor `[n, h, w, c]`; returns `[n, h, w, filters]`, or 4 pixels less in height and width for padding "valid".
    normalization: None, "batch" or "group", applied between convolution and ReLU. Source: U-Net, section 2.
    """
    for i in (1, 2):
        x = layers.Conv2D(filters, 3, padding=padding, kernel_initializer="he_normal", name=f"{name}_conv{i}")(x)
        if normalization == "batch":
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm{i}")(x)
        if normalization == "group":
            x = layers.GroupNormalization(groups=min(8, filters), name=f"{name}_norm{i}")(x)
        x = layers.ReLU(name=f"{name}_relu{i}" if i == 1 else name)(x)
    return x


def upsample(x, filters, name, upsampling="transpose"):
    """Double height and width: a learned 2x2 transposed convolution, or repeating each pixel and then convolving.

    x: tensor `[n, h, w, c]`; returns `[n, 2h, 2w, filters]`. upsampling: "transpose" or "resize".
    """
    if upsampling == "transpose":
        return layers.Conv2DTranspose(filters, 2, strides=2, kernel_initializer="he_normal", name=name)(x)
    x = layers.UpSampling2D(2, name=f"{name}_resize")(x)
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=name)(x)


def join_skip(x, skip, name, crop=0):
    """Concatenate the encoder's features to the decoder's, after cutting `crop` pixels off each side of them."""
    if crop:
        skip = layers.Cropping2D(crop, name=f"{name}_crop")(skip)
    return layers.Concatenate(name=name)([skip, x])


def skip_crop(level, depth):
    """Return how many pixels padding "valid" makes the decoder lose on each side, as seen by the skip at `level`.

    At the bottleneck, two convolutions lose 4 pixels; each level up doubles the loss and adds 4 for each of two blocks.
    """
    loss = 4
    for _ in range(depth - level - 1):
        loss = 2 * loss + 8
    return loss


# --- the network ------------------------------------------------------------------------------------------------------


def build_unet(
    input_shape=(None, None, 1), depth=4, filters=8, normalization=None, dropout=0.0, upsampling="transpose",
    padding="same", skips=True, prior=0.1,
):
    """Build a U-Net that gives each pixel the probability of being foreground.

    It takes gray levels 0..1 and first moves them to -2..2: training starts faster from numbers around zero.
    input_shape: `(h, w, c)`; h and w may be None, and must otherwise be multiples of `2 ** (depth - 1)`.
    depth: levels, the bottleneck included (the paper: 5). filters: at the first level (the paper: 64).
    normalization: None, "batch" or "group". dropout: share of features dropped after the bottleneck, 0..1.
    upsampling: "transpose" (learned) or "resize" (nearest, then a convolution). padding: "same" or "valid"; with
    "valid" the output is smaller, as in the paper (572 to 388). skips=False leaves the skip connections out.
    prior: share of foreground that the untrained network expects; it sets the output's bias (Lin et al. 2017, 4.1).

    Returns a `keras.Model` from `[n, h, w, c]` to `[n, h, w, 1]` float32 in 0..1.
    Raises ValueError for impossible settings, naming the nearest size that works.
    """
    check_settings(input_shape, depth, filters, normalization, dropout, upsampling, padding, prior)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(4, offset=-2, name="center")(inputs)
    encoder = {}
    for level in range(1, depth):
        x = encoder[level] = conv_block(x, filters * 2 ** (level - 1), f"encoder_{level}", normalization, padding)
        x = layers.MaxPooling2D(2, name=f"pool_{level}")(x)
    x = conv_block(x, filters * 2 ** (depth - 1), "bottleneck", normalization, padding)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(depth - 1, 0, -1):
        x = upsample(x, filters * 2 ** (level - 1), f"up_{level}", upsampling)
        if skips:
            x = join_skip(x, encoder[level], f"skip_{level}", skip_crop(level, depth) if padding == "valid" else 0)
        x = conv_block(x, filters * 2 ** (level - 1), f"decoder_{level}", normalization, padding)
    bias = keras.initializers.Constant(np.log(prior / (1 - prior)))
    logits = layers.Conv2D(1, 1, bias_initializer=bias, name="logits")(x)
    return keras.Model(inputs, layers.Activation("sigmoid", name="probability")(logits), name="unet")


def check_settings(
    input_shape=(None, None, 1), depth=4, filters=8, normalization=None, dropout=0.0, upsampling="transpose",
    padding="same", prior=0.1,
):
    """Raise ValueError, with the value and the remedy, for settings from which `build_unet` cannot build."""
    for name, value, least in (("depth", depth, 1), ("filters", filters, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}.")
    if depth > 8:
        raise ValueError(f"depth is {depth}; 8 levels already halve a picture 7 times. The paper uses 5.")
    for name, value, choices in (
        ("normalization", normalization, (None, "batch", "group")),
        ("upsampling", upsampling, ("transpose", "resize")),
        ("padding", padding, ("same", "valid")),
    ):
        if value not in choices:
            raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, choices))}.")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout!r}; it is a share of features, from 0 to below 1.")
    if not 0 < prior < 1:
        raise ValueError(f"prior is {prior!r}; it is a share of foreground, between 0 and 1, such as 0.1.")
    if normalization == "group" and filters > 8 and filters % 8:
        raise ValueError(f"filters is {filters}; group normalization splits them into 8 groups. Use a multiple of 8.")
    if len(input_shape) != 3:
        raise ValueError(f"input_shape is {input_shape}; expected (height, width, channels), such as (96, 96, 1).")
    for name, size in zip(("height", "width"), input_shape):
        if size is not None:
            output_size(size, depth, padding, name)


def check_sizes(model, height: int, width: int) -> None:
    """Raise ValueError, naming the nearest sizes that work, if a network of ours cannot take pictures of this size."""
    depth, padding = unet_depth(model), model.get_layer("bottleneck_conv1").padding
    for name, size in (("height", height), ("width", width)):
        output_size(size, depth, padding, name)


def unet_depth(model) -> int:
    """Return the number of levels of a network made by `build_unet`, or raise ValueError if it is not one."""
    names = {layer.name for layer in model.layers}
    if "bottleneck" not in names:
        raise ValueError(f"the model {model.name!r} has no layer 'bottleneck'; expected one made by build_unet.")
    return 1 + sum(name.startswith("pool_") for name in names)


# --- arithmetic -------------------------------------------------------------------------------------------------------


def output_size(size: int, depth: int = 4, padding: str = "same", name: str = "size") -> int:
    """Return the output's height or width in pixels for an input of `size`; ValueError if a level cannot be halved."""
    problem = _size_problem(size, depth, padding)
    if problem:
        near = [s for d in range(1, 2**depth) for s in (size - d, size + d) if not _size_problem(s, depth, padding)]
        if not near:
            near = [next(s for s in range(size, 10**6) if not _size_problem(s, depth, padding))]
        rule = f"a multiple of {2 ** (depth - 1)}" if padding == "same" else "a size that stays even on every level"
        raise ValueError(
            f"{name} is {size} pixels, but {problem}. A U-Net of depth {depth} with padding {padding!r} needs {rule}: "
            f"crop or pad to {' or '.join(map(str, sorted(near[:2])))}, or lower depth."
        )
    return size if padding == "same" else size - skip_crop(0, depth)


def _size_problem(size, depth, padding):
    lost = 4 if padding == "valid" else 0
    here = size
    for level in range(1, depth):
        here -= lost
        if here % 2 or here <= 0:
            return f"level {level} would have to halve {here}"
        here //= 2
    if here <= 0 or padding == "valid" and size <= skip_crop(0, depth):
        return "nothing would be left of it"
    return None


def receptive_field(depth: int = 4, upsampling: str = "transpose", position: int = 0) -> int:
    """Return how many pixels wide the part of the input is that one output pixel sees.

    Follow an interval of pixels from the output back to the input. A 3x3 convolution makes it a pixel wider on both
    sides; going down through an upsampling halves it, going up through a pooling doubles it. Halving rounds, so it
    matters a little where the pixel lies on the grid of `2 ** (depth - 1)` pixels that pooling lays over the picture:
    `position` counts from the grid's corner, and 0 is the middle pixel of a picture whose size is a power of two.
    """
    check_settings(depth=depth, upsampling=upsampling)
    reach = 3 if upsampling == "resize" else 2
    first = last = position
    for _ in range(depth - 1):  # decoder, from the output down
        first, last = (first - reach) // 2, (last + reach) // 2
    first, last = first - 2, last + 2  # bottleneck
    for _ in range(depth - 1):  # encoder, back up to the image
        first, last = 2 * first - 2, 2 * last + 3
    return last - first + 1


def measured_receptive_field(model, size: int, position: int = 0) -> int:
    """Return how many pixels wide the part of the input is that has a gradient at the output pixel in the middle.

    model: from `build_unet`; its weights are set to positive numbers meanwhile (and put back), so that no ReLU closes.
    size: of the picture, pixels, larger than the field; position: how far from its middle pixel. The picture grows brighter outwards, so that pooling, which
    passes a gradient to the largest of four pixels only, passes it to the outermost one. Needs TensorFlow.
    """
    weights = model.get_weights()
    make_positive(model)
    pixel = size // 2 + position
    away = np.abs(np.arange(size, dtype=np.float32) - pixel)
    image = tf.constant(1 + (away[:, None] + away[None, :])[None, ..., None] / size)
    with tf.GradientTape() as tape:
        tape.watch(image)
        middle = keras.Model(model.input, model.get_layer("logits").output)(image)[0, pixel, pixel, 0]
    seen = np.flatnonzero(tape.gradient(middle, image)[0, ..., 0].numpy().any(axis=1))
    model.set_weights(weights)
    return int(seen[-1] - seen[0] + 1)


def make_positive(model) -> None:
    """Set all kernels of a model to the same small positive number and its biases to 0, in place."""
    for variable in model.trainable_variables:
        kernel = variable.name == "kernel"
        fan_in = np.prod(variable.shape[:-1])
        variable.assign(ops.full(variable.shape, 1 / fan_in if kernel else 0.0))


class LevelRow(NamedTuple):
    """One row of `shape_table`: a block, its output and its weights."""

    block: str
    height: int
    width: int
    channels: int
    weights: int


def conv_weights(kernel: int, channels_in: int, channels_out: int) -> int:
    """Return the number of weights of a convolution: one kernel for each pair of channels, one bias for each output."""
    return kernel * kernel * channels_in * channels_out + channels_out


def shape_table(size: int = 96, depth: int = 4, filters: int = 8, channels: int = 1, padding: str = "same",
                upsampling: str = "transpose", skips: bool = True) -> list[LevelRow]:
    """Return the blocks of a U-Net without normalization, from input to output, by arithmetic alone.

    size: height and width of the input, pixels; the rest as in `build_unet`. The sum of `weights` equals
    `build_unet(...).count_params()`. Raises ValueError for sizes the depth cannot halve.
    """
    check_settings((size, size, channels), depth, filters, upsampling=upsampling, padding=padding)
    lost = 4 if padding == "valid" else 0
    rows, here, before = [], size, channels
    for level in range(1, depth + 1):
        width = filters * 2 ** (level - 1)
        here -= lost
        block = "bottleneck" if level == depth else f"encoder_{level}"
        rows.append(LevelRow(block, here, here, width, conv_weights(3, before, width) + conv_weights(3, width, width)))
        here, before = here // 2 if level < depth else here, width
    for level in range(depth - 1, 0, -1):
        width = filters * 2 ** (level - 1)
        here *= 2
        rows.append(LevelRow(f"up_{level}", here, here, width, conv_weights(2 if upsampling == "transpose" else 3, before, width)))
        here -= lost
        joined = 2 * width if skips else width
        rows.append(LevelRow(f"decoder_{level}", here, here, width, conv_weights(3, joined, width) + conv_weights(3, width, width)))
        before = width
    rows.append(LevelRow("logits", here, here, 1, conv_weights(1, before, 1)))
    return rows
