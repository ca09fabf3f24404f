"""The U-Net, block by block (notebook 02).

Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015.
Levels are counted from 1 (full resolution) to `depth` (the bottleneck); the filters double from level to level.
"""

from numbers import Real
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


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
    """Return how many pixels padding "valid" makes the decoder lose on each side, as seen by the skip at `level`."""
    lost = 2  # pixels on each side, in the bottleneck: one for each of its two convolutions
    for _ in range(depth - level - 1):
        lost = 2 * lost + 2 + 2  # upsampling doubles it, and the blocks of both sides add theirs
    return 2 * lost  # the last upsampling


def build_unet(
    input_shape=(None, None, 1), depth=4, filters=8, normalization=None, dropout=0.0, upsampling="transpose",
    padding="same", skips=True, prior=0.1, classes=1,
):
    """Build a U-Net that gives each pixel the probability of being foreground, or of each of several classes.

    It takes gray levels 0..1 and first moves them to -2..2: training starts faster from numbers around zero.
    input_shape: `(h, w, c)`; h and w may be None, and must otherwise be multiples of `2 ** (depth - 1)`.
    depth: levels, the bottleneck included (the paper: 5). filters: at the first level (the paper: 64).
    normalization: None, "batch" or "group". dropout: share of features dropped after the bottleneck, 0..1.
    upsampling: "transpose" (learned) or "resize" (nearest, then a convolution). padding: "same" or "valid"; with
    "valid" the output is smaller, as in the paper (572 to 388). skips=False leaves the skip connections out.
    prior: share of foreground that the untrained network expects; it sets the output's bias (Lin et al. 2017, 4.1).
    classes: 1 for foreground against background (sigmoid); with more, the background is class 0 (softmax).

    Returns a `keras.Model` from `[n, h, w, c]` to `[n, h, w, classes]` float32 in 0..1.
    Raises ValueError for impossible settings, naming the nearest size that works.
    """
    check_settings(**locals())
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(4, offset=-2, name="center")(inputs)
    encoder = {}
    for level in range(1, depth):
        x = conv_block(x, filters * 2 ** (level - 1), f"encoder_{level}", normalization, padding)
        encoder[level] = x
        x = layers.MaxPooling2D(2, name=f"pool_{level}")(x)
    x = conv_block(x, filters * 2 ** (depth - 1), "bottleneck", normalization, padding)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(depth - 1, 0, -1):
        x = upsample(x, filters * 2 ** (level - 1), f"up_{level}", upsampling)
        if skips:
            crop = skip_crop(level, depth) if padding == "valid" else 0
            x = join_skip(x, encoder[level], f"skip_{level}", crop)
        x = conv_block(x, filters * 2 ** (level - 1), f"decoder_{level}", normalization, padding)
    return keras.Model(inputs, output_layer(x, prior, classes), name="unet")


def output_layer(x, prior=0.1, classes=1):
    """Turn the last block's channels into probabilities, which start at `prior` for the foreground.

    x: tensor `[n, h, w, c]`; returns `[n, h, w, classes]` float32: a sigmoid for one class, a softmax for more.
    """
    others = max(classes - 1, 1)  # beside the background, whose logit starts at 0
    start = float(np.log(prior / others / (1 - prior)))
    bias = keras.initializers.Constant(start if classes == 1 else [0.0] + [start] * others)
    logits = layers.Conv2D(classes, 1, bias_initializer=bias, name="logits")(x)
    return layers.Activation("sigmoid" if classes == 1 else "softmax", dtype="float32", name="probability")(logits)


def _is_count(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= 1


def _is_shape(value):
    sides = [1 if side is None else side for side in value[:2]] if isinstance(value, (tuple, list)) else []
    return len(sides) == 2 and len(value) == 3 and all(map(_is_count, [*sides, value[2]]))


RULES = {  # argument of build_unet: what is allowed, and the same in words
    "input_shape": (_is_shape, "expected (height, width, channels), such as (96, 96, 1); None stands for any size"),
    "depth": (lambda d: _is_count(d) and d <= 8, "it must be a whole number of at least 1, up to 8; the paper uses 5"),
    "filters": (_is_count, "it must be a whole number of at least 1"),
    "classes": (_is_count, "it must be a whole number of at least 1, which is foreground alone"),
    "normalization": (lambda n: n in (None, "batch", "group"), "choose one of None, 'batch', 'group'"),
    "upsampling": (lambda u: u in ("transpose", "resize"), "choose one of 'transpose', 'resize'"),
    "padding": (lambda p: p in ("same", "valid"), "choose one of 'same', 'valid'"),
    "dropout": (lambda d: isinstance(d, Real) and 0 <= d < 1, "it is a share of features, from 0 to below 1"),
    "prior": (lambda p: isinstance(p, Real) and 0 < p < 1, "it is a share between 0 and 1, such as 0.1"),
}


def check_settings(**settings):
    """Raise ValueError, with the value and the remedy, if `build_unet` cannot build from these arguments of it."""
    for name, (allowed, words) in RULES.items():
        if name in settings and not allowed(settings[name]):
            raise ValueError(f"{name} is {settings[name]!r}; {words}.")
    filters = settings.get("filters", 8)
    if settings.get("normalization") == "group" and filters not in (1, 2, 4) and filters % 8:
        raise ValueError(f"filters is {filters}; group normalization makes 8 groups of them. Use a multiple of 8.")
    for name, size in zip(("height", "width"), settings.get("input_shape", ())):
        if size is not None:
            output_size(size, settings.get("depth", 4), settings.get("padding", "same"), name)


def check_sizes(model, height: int, width: int) -> None:
    """Raise ValueError, naming the nearest sizes that work, if a network of ours cannot take pictures of this size."""
    depth, padding = unet_depth(model), model.get_layer("bottleneck_conv1").padding
    for name, size in (("height", height), ("width", width)):
        output_size(size, depth, padding, name)


def unet_depth(model) -> int:
    """Return the number of levels of a network made by `build_unet`, or raise ValueError if it is not one."""
    names = [layer.name for layer in model.layers]
    if "bottleneck" not in names:
        raise ValueError(f"the model {model.name!r} has no layer 'bottleneck'; expected one made by build_unet.")
    return 1 + sum(name.startswith("pool_") for name in names)


def output_size(size: int, depth: int = 4, padding: str = "same", name: str = "size") -> int:
    """Return the output's height or width in pixels for an input of `size`; ValueError if a level cannot be halved."""
    problem = _size_problem(size, depth, padding)
    if problem:
        near = [s for d in range(1, 2**depth) for s in (size - d, size + d) if not _size_problem(s, depth, padding)]
        near = near or [next(s for s in range(size, 10**6) if not _size_problem(s, depth, padding))]
        rule = f"a multiple of {2 ** (depth - 1)}" if padding == "same" else "a size that stays even on every level"
        raise ValueError(
            f"{name} is {size} pixels, but {problem}. A U-Net of depth {depth} with padding {padding!r} needs {rule}: "
            f"crop or pad to {' or '.join(map(str, sorted(near[:2])))}, or lower depth."
        )
    return size if padding == "same" else size - skip_crop(0, depth)  # that of one side, doubled once more: both sides


def _size_problem(size, depth, padding):
    here, lost = size, 4 if padding == "valid" else 0
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

    Follow an interval of pixels, `first` to `last`, from the output back to the input. Halving rounds, so it matters a
    little where the pixel lies on the grid of `2 ** (depth - 1)` pixels that pooling lays over the picture:
    `position` counts from the grid's corner, and 0 is the middle pixel of a picture whose size is a power of two.
    """
    check_settings(depth=depth, upsampling=upsampling)
    first = last = position
    for _ in range(depth - 1):  # up through the decoder: a block, then an upsampling
        first, last = first - 2, last + 2
        if upsampling == "resize":
            first, last = first - 1, last + 1  # it has a 3x3 convolution of its own
        first, last = first // 2, last // 2
    first, last = first - 2, last + 2  # the bottleneck
    for _ in range(depth - 1):  # up through the encoder: a pooling, then a block
        first, last = 2 * first, 2 * last + 1
        first, last = first - 2, last + 2
    return last - first + 1


def input_gradient(model, images, row: int, column: int) -> np.ndarray:
    """Return how strongly each input pixel moves the logit of one output pixel, `[n, h, w]` float32, 0 or more.

    model: from `build_unet`; images: `[n, h, w, c]`; row, column: of the output pixel.
    """
    images = tf.convert_to_tensor(images, tf.float32)
    answer = keras.Model(model.input, model.get_layer("logits").output)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = ops.sum(answer(images, training=False)[:, row, column])
    return np.abs(tape.gradient(logit, images).numpy()).max(axis=-1)


def measured_receptive_field(model, size: int, position: int = 0) -> int:
    """Return how many pixels wide the part of the input is that has a gradient at the output pixel in the middle.

    model: from `build_unet`; its kernels are made positive meanwhile, so that no ReLU closes. size: of the picture,
    larger than the field; position: how far from its middle pixel. The picture grows brighter outwards, because
    pooling passes a gradient only to the largest of four pixels: here, the outermost.
    """
    weights = model.get_weights()
    for variable in model.trainable_variables:
        fan_in = np.prod(variable.shape[:-1])
        variable.assign(ops.full(variable.shape, 1 / fan_in if variable.name == "kernel" else 0.0))
    pixel = size // 2 + position
    away = np.abs(np.arange(size, dtype=np.float32) - pixel)
    image = 1 + (away[:, None] + away[None, :]) / size
    seen = np.flatnonzero(input_gradient(model, image[None, ..., None], pixel, pixel)[0].any(axis=1))
    model.set_weights(weights)
    return int(seen[-1] - seen[0] + 1)


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


def shape_table(
    size=96, depth=4, filters=8, channels=1, padding="same", upsampling="transpose", skips=True, classes=1,
) -> list[LevelRow]:
    """Return the blocks of a U-Net without normalization, from input to output, by arithmetic alone.

    size: height and width of the input, pixels; the rest as in `build_unet`. The sum of `weights` equals
    `build_unet(...).count_params()`. Raises ValueError for sizes the depth cannot halve.
    """
    check_settings(input_shape=(size, size, channels), **locals())
    rows, here, before, lost = [], size, channels, 4 if padding == "valid" else 0

    def add(block, channels_out, *weights):
        rows.append(LevelRow(block, here, here, channels_out, sum(weights)))

    for level in range(1, depth + 1):
        width = filters * 2 ** (level - 1)
        here -= lost
        name = "bottleneck" if level == depth else f"encoder_{level}"
        add(name, width, conv_weights(3, before, width), conv_weights(3, width, width))
        here, before = here // 2 if level < depth else here, width
    for level in range(depth - 1, 0, -1):
        here, width = 2 * here, filters * 2 ** (level - 1)
        add(f"up_{level}", width, conv_weights(2 if upsampling == "transpose" else 3, before, width))
        here -= lost
        add(f"decoder_{level}", width, conv_weights(3, width * (1 + skips), width), conv_weights(3, width, width))
        before = width
    add("logits", classes, conv_weights(1, before, classes))
    return rows
