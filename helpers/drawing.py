"""From arrays to pictures: colors, the error map, outlines that stay apart, and the one writer of PNG files.

Arrays in, arrays out, with NumPy and OpenCV alone, so that figures, panels and `own_images` draw alike.
"""

import cv2
import numpy as np

from helpers import palette

# Undoing each row's likeness to the row above ("up") suits enlarged pixels: a third of the time of OpenCV's own choice.
_FILTER = [cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP] if hasattr(cv2, "IMWRITE_PNG_FILTER") else []


def plane(array) -> np.ndarray:
    """Return one picture `[h, w]` from `[h, w]` or `[h, w, 1]`."""
    array = np.asarray(array)
    return array[..., 0] if array.ndim == 3 else array


def levels(values, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Return numbers as 8-bit levels `[h, w]`: `low` and below becomes 0, `high` and above 255."""
    values = plane(values).astype(np.float64)  # a copy, changed in place from here on
    values -= low
    values /= max(high - low, 1e-12)
    np.clip(values, 0, 1, out=values)
    values *= 255
    return np.round(values, out=values).astype(np.uint8)


def colored(values, colors: str = "gray") -> np.ndarray:
    """Return 8-bit numbers `[h, w]` in the colors of the palette, `[h, w, 3]` uint8 RGB."""
    return palette.table(colors).take(values, axis=0)


def error_map(y_true, y_pred) -> np.ndarray:
    """Return the kind of each pixel, `[h, w]` uint8: 0 background, 1 too much, 2 missed, 3 found.

    y_true, y_pred: masks `[h, w]` or `[h, w, 1]` of 0 and 1. The colors are `colored(..., "errors")`.
    """
    return (2 * (plane(y_true) > 0) + (plane(y_pred) > 0)).astype(np.uint8)


def enlarged(picture, zoom: int) -> np.ndarray:
    """Return a picture with each pixel repeated `zoom` times in both directions, so that pixels stay sharp."""
    return np.repeat(np.repeat(picture, zoom, axis=0), zoom, axis=1)


def reduced(array, width: int) -> np.ndarray:
    """Return a picture or a mask `[h, w]` with at most `width` columns, to be shown where there is no room for more.

    A pixel of a picture is the mean of those that it stands for; one of a mask of whole numbers is one of them. An
    array that fits is returned as it is.
    """
    array = plane(array)
    if array.shape[1] <= width:
        return array
    size = width, max(1, round(array.shape[0] * width / array.shape[1]))
    if array.dtype.kind == "f":
        return cv2.resize(array.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return cv2.resize(array, size, interpolation=cv2.INTER_NEAREST)


def outline(picture, mask, kind: str, width: int = 3, dash: int = 8) -> None:
    """Draw the border of a mask over a picture, in place.

    picture: `[h, w, 3]` uint8 RGB; mask: `[h, w]` of 0 and 1, at the picture's size. kind: "truth" is a solid orange
    line just outside the mask, "prediction" a line just inside it that alternates between blue and white: where both
    agree they run side by side, and in a gray print they differ as well. width: of the line; dash: length of its
    parts, pixels.
    """
    mask = (np.asarray(mask) > 0).astype(np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    if kind == "truth":
        picture[(cv2.dilate(mask, brush) > mask)] = palette.rgb("truth")
        return
    # What lies outside the picture counts as inside the mask, so that a cut lesion has no line along the edge.
    line = mask > cv2.erode(mask, brush, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    rows, columns = np.nonzero(line)
    blue = (rows // dash + columns // dash) % 2 == 0  # a chessboard under the line makes dashes in every direction
    picture[rows, columns] = np.where(blue[:, None], palette.rgb("prediction"), palette.rgb("hit"))


def as_png(picture, quick: bool = False) -> bytes:
    """Return a picture, `[h, w]` uint8 or uint16, or `[h, w, 3]` uint8 RGB, as the bytes of a PNG file.

    quick: for a picture that is shown once and not kept; its file is larger and made in a fraction of the time.
    """
    picture = np.asarray(picture)
    picture = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1 if quick else 9, *_FILTER])[1].tobytes()
