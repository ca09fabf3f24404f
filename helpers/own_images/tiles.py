"""Pictures of any size, predicted tile by tile with the result of one pass."""

import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from helpers.own_images.channels import white_of
from helpers.own_images.tile_layout import (
    BUDGET, grid_of, lay_tiles, looks_around, padded_to, pictures_at_once, tile_side,
)
from helpers.plain_arrays import refuse_hidden


def predict_tiled(
    model, image, tile=None, overlap=None, blend: int = 16, normalization=None, out=None, turned: bool = False
) -> np.ndarray:
    """Predict a picture of any size tile by tile, with the result of one pass; returns probabilities, float32.

    image: `[h, w]`, `[h, w, 1]` or `[1, h, w, 1]`, floats in 0..1 or 8- or 16-bit whole numbers (also a memory map);
    the result has the same shape, or several classes as its last axis. tile: side of a tile, pixels, by default as
    large as 450 MB of features allow, and on some processors two at a time of half that (see `pictures_at_once`).
    overlap: pixels that neighboring tiles share, by default the receptive field and `blend`: then each pixel is
    taken only from tiles that see all it depends on, and tiles cross-fade over `blend` pixels. normalization: applied
    tile by tile. out: an array to write into, such as a memory map. turned: the mean over the picture's eight mirrored
    and turned copies, each answer turned back (test-time augmentation), for eight times the time.

    A picture that is no multiple of `2 ** (depth - 1)` is mirrored at its lower and right edge, and the result is cut.
    Raises ValueError for other shapes, numbers outside 0..1, NaN, or settings that leave nothing of a tile.
    """
    from helpers.training import compiled

    plane = plane_of(image)
    scale = white_of(plane.dtype)
    if scale is None and plane.dtype.kind != "f":
        raise ValueError(
            f"the picture holds {plane.dtype} numbers; expected floats in 0..1, or 8 or 16 bits without sign. Divide "
            "by its white."
        )
    grid, margin = grid_of(model)
    classes = model.output_shape[-1]
    if model.input_shape[-1] != 1:
        raise ValueError(f"the model takes {model.input_shape[-1]} channels; predict_tiled expects one, gray levels.")
    padded = padded_to(grid, plane.shape)
    whole = tile is None and overlap is None  # nothing is asked for but the result of one pass
    if overlap is None:
        overlap = 2 * margin + blend
    if overlap < 0 or blend < 0 or blend > max(overlap, 0):
        raise ValueError(f"overlap is {overlap} and blend {blend}; expected 0 <= blend <= overlap, in pixels.")
    overlap = -(-overlap // grid) * grid
    most = tile_side(model) if tile is None else int(tile)
    if most % grid or most <= 0 or most <= overlap and any(side > most for side in padded):
        raise ValueError(
            f"tile is {most} pixels; with an overlap of {overlap} it must be a multiple of {grid} larger than that, "
            f"such as {overlap + 32 * grid}."
        )
    at_once, sides = pictures_at_once(), [most, most]
    in_pairs = turned and max(padded) <= most and alike_at_once(model, plane.shape) > 1
    if at_once > 1 and tile is None and max(padded) > most:
        less = tile_side(model, BUDGET / at_once)
        at_once, sides = (at_once, [less, less]) if less > 2 * overlap else (1, sides)
    elif at_once > 1 and whole and not in_pairs and max(padded) >= 2 * overlap and looks_around(model, grid):
        sides[padded.index(max(padded))] = -(-(max(padded) + overlap) // (2 * grid)) * grid  # two halves
    one = padded[0] <= sides[0] and padded[1] <= sides[1]
    model = _fitted(model, [padded, padded[::-1]] if turned and one else [padded] if one else ["tiles"])
    limits = None if normalization is None else normalization.limits(_thinned(plane, scale))
    if out is None:
        # Not np.zeros: NumPy asks for large memory pages for np.empty alone, and touching 65,000 small ones for the
        # first time costs as much as a tenth of the network.
        result = np.empty((*plane.shape, classes), np.float32)
    else:
        result = plane_of(out)[..., None] if classes == 1 else out
        if result.shape != (*plane.shape, classes) or result.dtype != np.float32:
            wanted = plane.shape if classes == 1 else (*plane.shape, classes)
            raise ValueError(f"out is {result.dtype} {np.shape(out)}; expected float32 {wanted}.")
    step = compiled(model)
    tiling = {"overlap": overlap, "blend": blend, "grid": grid, "adapt": tile is None}
    if turned:
        result[:] = 0
        alike = [(0, 2), (1, 3)] if in_pairs else [(0,), (1,), (2,), (3,)]
        for mirrored, quarters in ((mirrored, quarters) for mirrored in (False, True) for quarters in alike):
            copies = [np.rot90(plane[:, ::-1] if mirrored else plane, quarter) for quarter in quarters]
            answers = [np.empty((*copy.shape, classes), np.float32) for copy in copies]
            _predict_planes(step, copies, sides, at_once, tiling, scale, [limits] * len(copies), answers)
            for quarter, answer in zip(quarters, answers):
                answer = np.rot90(answer, -quarter)
                result += (answer[:, ::-1] if mirrored else answer) / np.float32(8)
    else:
        _predict_planes(step, [plane], sides, at_once, tiling, scale, [limits], [result])
    if out is not None:
        return out
    shape = np.shape(image)
    return result.reshape(shape if classes == 1 else (*(shape if len(shape) == 2 else shape[:-1]), classes))


def alike_at_once(model, shape) -> int:
    """Return how many pictures of this shape `predict_alike` takes in one step."""
    grid, at_once = grid_of(model)[0], pictures_at_once()
    height, width = padded_to(grid, shape[:2])
    return at_once if at_once * height * width <= tile_side(model) ** 2 else 1


def predict_alike(model, pictures, normalization=None, turned: bool = False) -> list[np.ndarray]:
    """Predict the foreground of pictures of one shape as `predict_tiled` does, in one step where that is quicker.

    pictures: `[h, w]` or `[h, w, 1]` each, floats in 0..1; the results have the same shape.
    """
    if turned or model.input_shape[-1] != 1 or not 1 < len(pictures) <= alike_at_once(model, pictures[0].shape):
        return [predict_tiled(model, one, normalization=normalization, turned=turned) for one in pictures]
    from helpers.training import compiled

    planes, grid = [plane_of(one) for one in pictures], grid_of(model)[0]
    model = _fitted(model, [padded_to(grid, planes[0].shape)])
    whole, tiling = [np.inf] * 2, {"overlap": 0, "blend": 0, "grid": grid, "adapt": True}
    limits = [normalization and normalization.limits(_thinned(plane, None)) for plane in planes]
    results = [np.empty((*plane.shape, 1), np.float32) for plane in planes]
    _predict_planes(compiled(model), planes, whole, len(planes), tiling, None, limits, results)
    return [result.reshape(np.shape(one)) for result, one in zip(results, pictures)]


def _predict_planes(step, planes, sides, at_once, tiling, scale, limits, results):
    """Write into `results`, `[h, w, classes]`, what a compiled network says of planes of one shape, tile by tile."""
    import tensorflow as tf

    padded = padded_to(tiling["grid"], planes[0].shape)
    rows, columns = (lay_tiles(side, most, **tiling) for side, most in zip(padded, sides))
    tiles = [(i, row, column) for i in range(len(planes)) for row in rows for column in columns]
    steps = [tiles[i : i + at_once] for i in range(0, len(tiles), at_once)]
    several = len(rows) * len(columns) > 1
    if several:
        for result in results:
            result[:] = 0

    def cut(tiles):
        places = [(i, top, left, height, width) for i, (top, height, _), (left, width, _) in tiles]
        return tf.constant(np.stack([_piece(planes[i], *place, scale, limits[i]) for i, *place in places])[..., None])

    def put(tiles, answers):
        for (i, (top, height, down), (left, width, across)), scores in zip(tiles, answers):
            here = results[i][top : top + height, left : left + width]
            h, w = here.shape[:2]
            if not several:
                here[:] = scores[:h, :w]
                continue
            part = _counts(down[:h]), _counts(across[:w])
            scores = scores[part]
            _fade(scores, down[part[0]])
            _fade(scores.swapaxes(0, 1), across[part[1]])
            here[part] += scores

    # While the network computes, the next tiles are cut and the last ones are put in their place.
    with ThreadPoolExecutor(1) as beside:
        ahead, filed = beside.submit(cut, steps[0]), None
        for i, tiles in enumerate(steps):
            pieces = ahead.result()
            if i + 1 < len(steps):
                ahead = beside.submit(cut, steps[i + 1])
            answers = step(pieces).numpy()
            if (made := answers.shape[1:3]) != (given := tuple(pieces.shape[1:3])):
                raise ValueError(f"the model makes {made} of {given} pixels; build it with padding='same'.")
            if filed:
                filed.result()  # no more than one waits, which bounds the memory
            filed = beside.submit(put, tiles, answers)
        filed.result()


def plane_of(image):
    refuse_hidden(image, "the numbers of the picture")
    image = image if isinstance(image, np.ndarray) else np.asarray(image)
    shape = image.shape
    if image.ndim == 4 and shape[0] == 1 and shape[-1] == 1:
        image = image[0, ..., 0]
    elif image.ndim == 3 and shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or not image.size:
        raise ValueError(
            f"the picture has the shape {shape}; expected [height, width] or [height, width, 1]: one gray picture."
        )
    return image


def _counts(weights):
    """Return the slice of a side in which a tile has a say."""
    on = np.flatnonzero(weights)
    return slice(on[0], on[-1] + 1)


def _fade(scores, weights):
    """Multiply the rows of a tile by their weights, where these are not 1; most are."""
    for i in np.flatnonzero(weights != 1):
        scores[i] *= weights[i]


def _thinned(plane, scale):
    step = max(1, int(np.sqrt(plane.size / 1e6)))
    return plane[::step, ::step].astype(np.float32) / (scale or 1)


def _piece(plane, top, left, height, width, scale, limits):
    piece = plane[top : top + height, left : left + width]
    if scale:
        piece = np.multiply(piece, np.float32(1 / scale), dtype=np.float32)
    else:
        piece = np.array(piece, np.float32)
        low, high = piece.min(), piece.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(
                f"the picture holds NaN or infinity near row {top}, column {left}. Replace such values first."
            )
        if low < 0 or high > 1:
            raise ValueError(
                f"the picture holds {low:g}..{high:g}; expected 0..1. Divide by its white, as in training."
            )
    if limits is not None:
        piece -= np.float32(limits[0])
        piece /= np.float32(limits[1] - limits[0])
        np.clip(piece, 0, 1, out=piece)
    if piece.shape != (height, width):
        more = height - piece.shape[0], width - piece.shape[1]
        piece = np.pad(piece, ((0, more[0]), (0, more[1])), mode="symmetric")
    return piece


def _fitted(model, sizes):
    """Return the network for pictures of some sizes, `[h, w]`: itself, or the same for any size. Raises ValueError."""
    if any(layer.name == "bottleneck_conv1" and layer.padding == "valid" for layer in model.layers):
        raise ValueError(
            "the model was built with padding='valid', so its answers are smaller than its pictures; build it with "
            "padding='same'."
        )
    fixed = list(model.input_shape[1:3])
    return model if fixed == [None, None] or all(size == fixed for size in sizes) else of_any_size(model)


_FREE = weakref.WeakKeyDictionary()  # networks of fixed size, and the same for any size


def of_any_size(model):
    """Return the same network with the same weights for pictures of any size, made once for each model."""
    import keras

    if model not in _FREE:
        _FREE[model] = keras.models.clone_model(model, input_tensors=keras.Input((None, None, model.input_shape[-1])))
    _FREE[model].set_weights(model.get_weights())
    return _FREE[model]
