"""One picture file: read it whole or say what is wrong with it, and make gray levels of it."""

import contextlib
import logging
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000  # of one picture; 10,000 x 10,000 as float32 are 400 MB
MAX_TOTAL = 250_000_000  # of all pictures loaded together: 1.25 GB with their masks


class PictureError(ValueError):
    """A picture file or folder that cannot be used; the message names it, says why, and what to do."""


class RawPicture(NamedTuple):
    """What a file holds: its pages, each `[h, w]` or `[h, w, channels]` with the file's own numbers, and a remark."""

    pages: list
    remark: str


def read_picture(path, max_pixels: int = MAX_PIXELS) -> RawPicture:
    """Read a PNG, JPEG, TIFF (also with several pages) or BMP file, turned upright as its EXIF note says.

    Raises PictureError, with the file and the remedy, for a file that is missing, empty, cut short, damaged, of another
    kind, or larger than `max_pixels` in one page; nothing is decoded before the size in its header has been checked.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PictureError(
            f"{path.name}: cannot be read ({error.strerror}). Check the name and your rights to {path.parent}."
        ) from error
    if not path.is_file():
        raise PictureError(f"{path.name}: is no file. Leave only pictures in {path.parent}.")
    if not size:
        raise PictureError(
            f"{path.name}: is empty (0 bytes), perhaps an interrupted copy. Copy it again, or move it and its partner "
            "away."
        )
    try:
        with _silence(), path.open("rb") as file:
            is_tiff = file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
        with _silence():
            pages, remark = _read_tiff(path, size, max_pixels) if is_tiff else _read_other(path, max_pixels)
    except PictureError:
        raise
    except Image.DecompressionBombError as error:
        raise PictureError(_too_large(path, str(error).split(",")[0], max_pixels)) from error
    except Image.UnidentifiedImageError as error:
        raise PictureError(
            f"{path.name}: is no picture, whatever its ending says. Export it again as PNG or TIFF, or move it away."
        ) from error
    except Exception as error:  # decoders raise nearly anything on damaged files: struct.error, zlib.error ...
        raise PictureError(
            f"{path.name}: is damaged or cut short ({first_line(error)}). Copy or export it again, "
            "or move it and its partner away."
        ) from error
    if not pages or any(page.ndim not in (2, 3) or not page.size for page in pages):
        raise PictureError(f"{path.name}: holds no flat picture. Export it as PNG or TIFF with one picture a page.")
    return RawPicture(pages, remark)


def first_line(error):
    text = str(error).strip().splitlines()
    return text[0][:100] if text else type(error).__name__


def _too_large(path, size, max_pixels):
    return (
        f"{path.name}: {size}, more than the {max_pixels:,} pixels that load at once. Cut it into pieces; or, if it is "
        "meant to be so large, read it with tifffile.memmap and hand it to predict_tiled."
    )


@contextlib.contextmanager
def _silence():
    """Keep the remarks of decoders off the screen: what matters is raised."""
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _check_size(path, width, height, max_pixels):
    if width * height > max_pixels:
        raise PictureError(_too_large(path, f"its header says {width:,} x {height:,} pixels", max_pixels))


def _read_other(path, max_pixels):
    with Image.open(path, formats=("PNG", "JPEG", "BMP")) as picture:
        _check_size(path, *picture.size, max_pixels)
        picture.load()  # a file that is cut short raises here
        remark = ""
        if picture.format == "PNG" and picture.mode in ("RGB", "RGBA") and _png_depth(path) == 16:
            # Pillow keeps 8 of 16 bits of a color PNG, OpenCV keeps all.
            array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
            return [array[..., [2, 1, 0, 3][: array.shape[-1]]]], remark
        turned = picture.getexif().get(0x0112, 1)
        if turned != 1:
            remark = "turned upright (EXIF)"
            picture = ImageOps.exif_transpose(picture)
        if picture.mode in ("P", "PA", "LA"):
            picture = picture.convert("RGBA" if picture.mode != "P" or "transparency" in picture.info else "RGB")
        elif picture.mode not in ("1", "L", "RGB", "RGBA", "I", "F") and not picture.mode.startswith("I;16"):
            picture = picture.convert("RGB")
        return [np.array(picture)], remark


def _png_depth(path):
    with path.open("rb") as file:
        return file.read(25)[24]  # IHDR: width, height, bits


def _read_tiff(path, size, max_pixels):
    _check_chain(path, size)
    with tifffile.TiffFile(path) as tif:
        pages, total = [], 0
        for series in tif.series:
            page = series.keyframe
            if page.is_reduced or not series.size:
                continue  # a thumbnail, or a level of a pyramid
            shape = dict(zip(series.axes, series.shape))
            _check_size(path, shape.get("X", 1), shape.get("Y", 1), max_pixels)
            total += series.size
            if total > 4 * MAX_TOTAL:
                raise PictureError(_too_large(path, f"its pages hold {total:,} numbers together", max_pixels))
            _check_complete(path, series, size)
            pages += _planes(path, series)
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""


def _check_chain(path, size, most=20_000):
    """Follow the chain of a TIFF's pages; raise if it leads out of the file or in a circle: tifffile would hang."""
    with path.open("rb") as file:
        order = "little" if file.read(2) == b"II" else "big"

        def number(length):
            return int.from_bytes(file.read(length), order)

        big = number(2) == 43
        wide, entry, counter = (8, 20, 8) if big else (4, 12, 2)
        if big:
            file.seek(8)
        seen, here = set(), number(wide)
        while here:
            if here in seen or here + counter > size or len(seen) >= most:
                raise PictureError(
                    f"{path.name}: is damaged or cut short: its list of pages leads nowhere after page {len(seen)}. "
                    "Copy or export it again."
                )
            seen.add(here)
            file.seek(here)
            file.seek(here + counter + entry * number(counter))
            here = number(wide)


def _check_complete(path, series, size):
    """Raise if the file ends before the data that its index promises."""
    for page in series.pages:
        if page is None:
            continue
        for offset, count in zip(page.dataoffsets, page.databytecounts):
            if count <= 0 or offset + count > size:
                raise PictureError(
                    f"{path.name}: is cut short: its index names data up to byte {offset + count:,}, "
                    f"the file has {size:,}. Copy it again."
                )


def _planes(path, series):
    try:
        array = series.asarray(maxworkers=1)
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        return _pillow_pages(path)  # LZW and JPEG inside TIFF: Pillow has the decoders
    axes = series.axes
    if "S" not in axes and "C" in axes:
        axes = axes.replace("C", "S")  # channels as separate planes
    if "S" in axes:
        array, axes = np.moveaxis(array, axes.index("S"), -1), axes.replace("S", "") + "S"
    flat = array.shape[-3:] if "S" in axes else array.shape[-2:]
    return list(array.reshape(-1, *flat))


def _pillow_pages(path):
    pages = []
    with hush(), Image.open(path, formats=("TIFF",)) as picture:
        for i in range(getattr(picture, "n_frames", 1)):
            picture.seek(i)
            picture.load()
            pages.append(np.array(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture))
    return pages


def to_gray(page, name: str = "picture", value_range=None, channel=None) -> tuple[np.ndarray, str]:
    """Return one page as gray levels `[h, w, 1]` float32 in 0..1, and in words how they were made.

    8-bit numbers are divided by 255, 16-bit ones by 65535, floats must lie in 0..1, unless `value_range=(black, white)`
    says otherwise. Colors become luminance; where only one channel holds anything, it is taken alone. channel: take
    this one, counted from 0. Raises PictureError for NaN, for numbers outside the range, for unclear channels.
    """
    page, how = np.asarray(page), "gray"
    if page.ndim == 3:
        page, how = _one_channel(page, name, channel)
    bits = 1 if page.dtype == bool else 8 * page.dtype.itemsize
    kind = f"{bits} bit float" if page.dtype.kind == "f" else f"{bits} bit"
    if page.dtype.kind == "c":
        raise PictureError(f"{name}: holds complex numbers. Export its magnitude.")
    whole = {np.dtype(bool): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(page.dtype)
    numbers = page.astype(np.float32)
    if not np.isfinite(numbers).all():
        bad = int((~np.isfinite(numbers)).sum())
        raise PictureError(
            f"{name}: holds {bad} values that are NaN or infinite. Replace them in the program that made it, or leave "
            "it out."
        )
    low, high = value_range or (0, whole or 1)
    if not high > low:
        raise PictureError(
            f"value_range is {value_range!r}; expected (black, white) with black below white, such as (0, 4095)."
        )
    if value_range is None and whole is None and (numbers.min() < 0 or numbers.max() > 1):
        raise PictureError(
            f"{name}: holds {kind} numbers {numbers.min():g}..{numbers.max():g}, and no rule says which is white. "
            f"Pass value_range=(black, white), the same for all your pictures, such as (0, {_round_up(numbers.max())})."
        )
    return np.clip((numbers - np.float32(low)) / np.float32(high - low), 0, 1)[..., None], f"{kind} {how}"


def _round_up(number):
    return next((2**bits - 1 for bits in (8, 10, 12, 14, 16) if number < 2**bits), int(number) + 1)


def _one_channel(page, name, channel):
    n = page.shape[-1]
    if channel is not None:
        if not 0 <= channel < n:
            raise PictureError(f"{name}: has channels 0 to {n - 1}, and channel is {channel}. Choose one of them.")
        return page[..., channel], f"channel {channel} of {n}"
    if n == 1:
        return page[..., 0], "gray"
    if n not in (3, 4):
        raise PictureError(f"{name}: has {n} channels. Pass channel=0 (or another) to say which one to use.")
    alpha = n == 4 and (page[..., 3] != page.flat[3]).any()
    color, note = page[..., :3], ", transparency left out" if alpha else ""
    if (color[..., 0] == color[..., 1]).all() and (color[..., 0] == color[..., 2]).all():
        return color[..., 0], f"{'RGBA' if n == 4 else 'RGB'}, all gray{note}"
    used = [i for i in range(3) if color[..., i].any()]
    if len(used) == 1:
        return color[..., used[0]], f"{'RGBA' if n == 4 else 'RGB'}, only {('red', 'green', 'blue')[used[0]]}{note}"
    gray = color.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    if page.dtype.kind in "ub":
        gray = np.round(gray).astype(page.dtype)
    return gray, f"{'RGBA' if n == 4 else 'RGB'} to gray{note}"


@contextlib.contextmanager
def hush():
    """Keep remarks that C++ libraries write straight to the error stream off the screen."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
