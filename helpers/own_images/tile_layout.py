"""Where the tiles of a picture lie: how large they are, how far they overlap, how many are computed at once."""

from functools import cache

import cv2
import numpy as np

AVX2, AVX512 = 11, 256  # their numbers in OpenCV's cvdef.h; Python's OpenCV 5 has no names for them
BUDGET = 450e6  # bytes of features
LOCAL = {  # layers that look at the neighborhood of a pixel at most
    "InputLayer", "Rescaling", "Conv2D", "Conv2DTranspose", "UpSampling2D", "MaxPooling2D", "BatchNormalization",
    "ReLU", "Dropout", "Concatenate", "Activation",
}


@cache
def pictures_at_once() -> int:
    """Return how many tiles a step should take: two where one alone is slow.

    oneDNN, with which TensorFlow computes on processors, has a quick convolution for those with AVX2 and not AVX-512.
    It does not use it for a single picture, so that a step of one takes longer than a step of two.
    """
    return 2 if cv2.checkHardwareSupport(AVX2) and not cv2.checkHardwareSupport(AVX512) else 1


def grid_of(model) -> tuple[int, int]:
    """Return the grid that tiles must keep to, and how far around a pixel the network looks, both in pixels."""
    from helpers.anatomy import receptive_field, unet_depth

    try:
        depth = unet_depth(model)
        upsampling = "resize" if "up_1_resize" in {layer.name for layer in model.layers} else "transpose"
    except ValueError:  # another network: count what makes its pictures smaller
        kinds = {layer.name: type(layer).__name__ for layer in model.layers}
        halving = [
            layer for layer in model.layers if kinds[layer.name] in ("MaxPooling2D", "AveragePooling2D")
            or kinds[layer.name] in ("Conv2D", "SeparableConv2D") and max(layer.strides) > 1
        ]
        depth, upsampling = min(1 + len(halving), 8), "resize"
    grid = 2 ** (depth - 1)
    field = max(receptive_field(depth, upsampling, position) for position in range(grid))
    return grid, -(-(field // 2 + grid // 2) // grid) * grid  # a field is off its pixel by half a grid at most


def padded_to(grid: int, shape) -> list[int]:
    """Return the sides of a picture, made larger to the next multiples of the grid."""
    return [-(-side // grid) * grid for side in shape]


def looks_around(model, grid) -> bool:
    """Return whether all that a pixel's answer depends on lies in its receptive field, as `grid_of` knows it.

    So it is in a network of `build_unet` without group normalization, which looks at the whole picture.
    """
    kinds = [(type(layer).__name__, layer) for layer in model.layers]
    convolutions = [layer for kind, layer in kinds if kind == "Conv2D" and layer.kernel_size != (1, 1)]
    levels = grid.bit_length()
    resized = sum(kind == "UpSampling2D" for kind, _ in kinds)
    return (
        "bottleneck" in {layer.name for layer in model.layers} and {kind for kind, _ in kinds} <= LOCAL
        and len(convolutions) == 2 * (2 * levels - 1) + resized
        and all(layer.kernel_size == (3, 3) for layer in convolutions)
        and all(max(layer.dilation_rate) == max(layer.strides) == 1 for layer in convolutions)
    )


def tile_side(model, budget=BUDGET):
    filters = next((layer.filters for layer in model.layers if hasattr(layer, "filters")), 8)
    side = int(np.sqrt(budget / (4 * 6 * filters)))  # the last level holds about six maps of `filters` float32 a pixel
    return int(np.clip(side, 256, 1536)) // 64 * 64


def lay_tiles(side, most, overlap, blend, grid, adapt):
    """Return `(start, length, weights)` of the tiles along one side; at each pixel the weights add up to 1."""
    if side <= most:
        return [(0, side, np.ones(side, np.float32))]
    count = -(-(side - overlap) // (most - overlap))
    length = most
    if adapt:  # as small as the same number of tiles allows: nothing is computed twice without need
        length = -(-(-(-(side - overlap) // count) + overlap) // grid) * grid
    starts = [min(i * (length - overlap), side - length) // grid * grid for i in range(count)]
    weights = []
    for i in range(count):
        w = np.ones(length)
        for edge, other in ((0, i - 1), (1, i + 1)):
            if 0 <= other < count:
                shared = length - abs(starts[i] - starts[other])
                away = (shared - blend) // 2  # this far from its edge a tile says nothing, then fades in
                ramp = np.clip((np.arange(length) - away + 0.5) / max(blend, 1e-9), 0, 1)
                w *= ramp if edge == 0 else ramp[::-1]
        weights.append(w)
    total = np.zeros(side)
    for start, w in zip(starts, weights):
        total[start : start + length] += w
    shares = [w / np.maximum(total[start : start + length], 1e-12) for start, w in zip(starts, weights)]
    return [(start, length, share.astype(np.float32)) for start, share in zip(starts, shares)]
