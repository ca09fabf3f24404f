"""Your own pictures: load them, split them, train on patches, predict large ones, measure, keep, fetch (notebook 06).

Files are read and never changed; new files never replace old ones. Whatever is wrong with a file is said in a
`PictureError` with its name and the remedy. Keras and TensorFlow are imported only where a network is used.
"""

import contextlib
import csv
import difflib
import hashlib
import io
import json
import logging
import os
import re
import shutil
import tempfile
import unicodedata
import urllib.error
import urllib.request
import warnings
import weakref
import zipfile
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageOps
from skimage import feature, measure, segmentation

from helpers.arrays import check_pair

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
MAX_PIXELS = 100_000_000  # of one picture; 10,000 x 10,000 as float32 are 400 MB
MAX_TOTAL = 250_000_000  # of all pictures loaded together: 1.25 GB with their masks


class PictureError(ValueError):
    """A picture file or folder that cannot be used; the message names it, says why, and what to do."""


# --- one file ---------------------------------------------------------------------------------------------------------


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
            f"{path.name}: is damaged or cut short ({_first_line(error)}). Copy or export it again, "
            "or move it and its partner away."
        ) from error
    if not pages or any(page.ndim not in (2, 3) or not page.size for page in pages):
        raise PictureError(f"{path.name}: holds no flat picture. Export it as PNG or TIFF with one picture a page.")
    return RawPicture(pages, remark)


def _first_line(error):
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
            # Pillow keeps 8 of 16 bits of a colour PNG, OpenCV keeps all.
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
    with _hush(), Image.open(path, formats=("TIFF",)) as picture:
        for i in range(getattr(picture, "n_frames", 1)):
            picture.seek(i)
            picture.load()
            pages.append(np.array(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture))
    return pages


def to_grey(page, name: str = "picture", value_range=None, channel=None) -> tuple[np.ndarray, str]:
    """Return one page as grey levels `[h, w, 1]` float32 in 0..1, and in words how they were made.

    8-bit numbers are divided by 255, 16-bit ones by 65535, floats must lie in 0..1, unless `value_range=(black, white)`
    says otherwise. Colours become luminance; where only one channel holds anything, it is taken alone. channel: take
    this one, counted from 0. Raises PictureError for NaN, for numbers outside the range, for unclear channels.
    """
    page, how = np.asarray(page), "grey"
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
        return page[..., 0], "grey"
    if n not in (3, 4):
        raise PictureError(f"{name}: has {n} channels. Pass channel=0 (or another) to say which one to use.")
    alpha = n == 4 and (page[..., 3] != page.flat[3]).any()
    colour, note = page[..., :3], ", transparency left out" if alpha else ""
    if (colour[..., 0] == colour[..., 1]).all() and (colour[..., 0] == colour[..., 2]).all():
        return colour[..., 0], f"{'RGBA' if n == 4 else 'RGB'}, all grey{note}"
    used = [i for i in range(3) if colour[..., i].any()]
    if len(used) == 1:
        return colour[..., used[0]], f"{'RGBA' if n == 4 else 'RGB'}, only {('red', 'green', 'blue')[used[0]]}{note}"
    grey = colour.astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    if page.dtype.kind in "ub":
        grey = np.round(grey).astype(page.dtype)
    return grey, f"{'RGBA' if n == 4 else 'RGB'} to grey{note}"


# --- masks ------------------------------------------------------------------------------------------------------------


class _Codes(NamedTuple):
    """A mask's page as one whole number a pixel, and whether these are colours and may be blurred by JPEG."""

    codes: np.ndarray
    values: np.ndarray
    colour: bool
    lossy: bool
    where: str


def _codes(page, name, lossy):
    page = np.asarray(page)
    if page.ndim == 3 and page.shape[-1] in (2, 4):
        page = page[..., :-1]  # transparency
    if page.ndim == 3 and page.shape[-1] == 3 and not ((page == page[..., :1]).all()):
        if page.dtype != np.uint8:
            raise PictureError(
                f"{name}: is a coloured mask with {page.dtype} numbers. Export it with 8 bits a channel."
            )
        codes, colour = page.astype(np.int64) @ np.int64([65536, 256, 1]), True
    else:
        page, colour = page[..., 0] if page.ndim == 3 else page, False
        if page.dtype.kind == "f":
            if not np.isfinite(page).all():
                raise PictureError(
                    f"{name}: the mask holds NaN or infinity. Export it as whole numbers, 0 for background."
                )
            if (page != np.round(page)).any() or np.abs(page).max(initial=0) > 2**31:
                raise PictureError(
                    f"{name}: the mask holds fractions such as {page[page != np.round(page)].flat[0]:.3g}. Choose a "
                    "threshold and save 0 and 255."
                )
        codes = page.astype(np.int64)
    return _Codes(codes, np.unique(codes), colour, lossy, name)


def _said(values, colour):
    shown = [f"#{v:06x}" if colour else str(v) for v in values[:6].tolist()]
    return ", ".join(shown) + (f" ... ({len(values)} in all)" if len(values) > 6 else "")


def _labels_like_objects(mask):
    """Whether every number of a mask marks one connected piece, as instance labels do and classes do not."""
    if mask.values[0] != 0:
        return False
    pieces = measure.label(mask.codes, background=0, connectivity=2)
    area = np.bincount(pieces.ravel())[1:]
    first = np.zeros(len(area) + 1, np.int64)
    first[pieces.ravel()] = mask.codes.ravel()
    largest = {}
    for value, pixels in zip(first[1:].tolist(), area.tolist()):
        largest[value] = max(largest.get(value, 0), pixels)
    return sum(largest.values()) >= 0.9 * area.sum()


def _foreground(mask, foreground, several):
    """Return a mask as uint8 `[h, w, 1]` of 0 and 1, and in words what it held. several: the folder holds objects."""
    codes, values, colour, lossy, name = mask
    if foreground is not None:
        return _asked_foreground(mask, foreground)
    objects = values[values != 0]
    if len(values) == 1:
        return codes != 0, "all background" if values[0] == 0 else "all foreground"
    if len(values) == 2:
        if values[0] == 0:
            return codes != 0, "black and one colour" if colour else f"0/{values[1]}"
        raise PictureError(
            f"{name}: the mask holds {_said(values, colour)}, none of them 0. {_say_which(values, colour)}"
        )
    if lossy and not colour and ((codes < 64) | (codes > 191)).mean() > 0.98:
        return codes > 127, "0/255 blurred by JPEG"
    if len(objects) >= (2 if several else 3) and _labels_like_objects(mask):
        if colour or several or values[-1] <= 4 * len(objects) or len(objects) >= 5:
            return codes != 0, f"{len(objects)} labelled objects"
    if not colour and len(values) > 12 and ((codes < 64) | (codes > 191)).mean() > 0.9:
        remedy = "These look like 0 and 255 with smoothed edges: pass foreground='half'."
    else:
        remedy = _say_which(values, colour)
    count = "three values" if len(values) == 3 else f"{len(values)} values"
    raise PictureError(
        f"{name}: the mask holds {count}, {_said(values, colour)}; expected background and foreground, or numbered "
        f"objects. {remedy}"
    )


def _say_which(values, colour):
    value = values[-1]
    example = tuple(int(value) >> shift & 255 for shift in (16, 8, 0)) if colour else int(value)
    rest = "black" if colour else "0"
    return f"Say which is foreground: foreground={example}, or foreground='nonzero' for all but {rest}."


def _asked_foreground(mask, foreground):
    codes, values, colour, *_ = mask
    if isinstance(foreground, str):
        if foreground == "nonzero":
            return codes != 0, "all but 0"
        if foreground == "half" and not colour:
            return codes > values.max() / 2, "above half"
        raise PictureError(
            f"foreground is {foreground!r}; expected 'nonzero', 'half' (grey masks), a number, a colour (red, green, "
            "blue), or a list of them."
        )
    several = foreground if isinstance(foreground, (list, set)) else [foreground]
    wanted = [int(np.dot(v, (65536, 256, 1))) if isinstance(v, (tuple, np.ndarray)) else int(v) for v in several]
    return np.isin(codes, wanted), f"as asked: {_said(np.array(wanted), colour)}"


def _gap(codes, inside):
    """Clear the pixels where two numbered objects touch, so that they can still be counted apart."""
    square = np.ones((3, 3), np.uint8)
    largest = cv2.dilate(codes.astype(np.float64), square)
    smallest = cv2.erode(np.where(inside, codes, 2.0**40), square)
    return inside & (largest == smallest)  # nothing but its own number, or 0, around it


# --- two folders ------------------------------------------------------------------------------------------------------


class PairRecord(NamedTuple):
    """One row of the table of what was read."""

    name: str
    height: int
    width: int
    image: str
    mask: str
    foreground: float
    remark: str


class Pairs(tuple):
    """`(images, masks)`, and what is known of them: `names`, `records` (one row a pair) and `remarks`.

    images, masks: arrays `[n, h, w, 1]` float32 in 0..1 and uint8 in {0, 1} if all pictures have one size, otherwise
    lists of `[h, w, 1]`. The pair unpacks like any other: `images, masks = pairs`.
    """

    def __new__(cls, images, masks, records, remarks=()):
        """Stack the pictures if their sizes allow it, and keep the rest beside them."""
        if len({image.shape for image in images}) == 1:
            images, masks = np.stack(images), np.stack(masks)
        pairs = super().__new__(cls, (images, masks))
        pairs.records, pairs.remarks = list(records), list(remarks)
        return pairs

    images = property(lambda self: self[0])
    masks = property(lambda self: self[1])
    names = property(lambda self: [record.name for record in self.records])

    def table(self, most: int = 12) -> str:
        """Return the table of what was read as text, at most so many rows, with all remarks below it."""
        width = max(len(record.name) for record in self.records)
        lines = [f"{'name':<{width}}  {'size':<11}{'picture':<22}{'mask':<24}foreground"]
        for r in self.records[:most]:
            note = f"  {r.remark}" if r.remark else ""
            size = f"{r.width}x{r.height}"
            lines.append(f"{r.name:<{width}}  {size:<11}{r.image:<22}{r.mask:<24}{r.foreground:>6.1%}{note}")
        if len(self.records) > most:
            lines.append(f"... and {len(self.records) - most} more")
        return "\n".join([*lines, *(f"Note: {remark}" for remark in self.remarks)])


def load_pairs(
    images_dir, masks_dir, foreground=None, value_range=None, channel=None, invert=False, gap=False, limit=None
) -> Pairs:
    """Load pictures and their masks from two folders, matched by name; returns `Pairs`, that is `(images, masks)`.

    Names match without their ending; endings of the name such as "_mask" or "-labels" are ignored, and folders inside
    count as part of it. Pages of a TIFF become pictures of their own. Masks may be 0/1, 0/255, black and a colour, or
    numbered objects. foreground: which of a mask's values count, where that is unclear: a number, a colour
    (red, green, blue), a list, "nonzero" or "half". value_range, channel: as in `to_grey`. invert: swap foreground and
    background of all masks. gap: clear a line between touching numbered objects. limit: load so many, evenly spread.

    Raises FileNotFoundError or NotADirectoryError for a folder that is none, PictureError for everything else, naming
    up to ten files and their remedies. Warns of masks that look inverted. No file is changed.
    """
    folders = [_folder(images_dir, "images_dir"), _folder(masks_dir, "masks_dir")]
    if folders[0] == folders[1]:
        raise PictureError(
            f"images and masks are both to come from {folders[0]}. Put the masks into a folder of their own."
        )
    remarks = []
    pairs = _match(*(_find(folder, remarks) for folder in folders), *folders)
    if limit is not None:
        if limit < 1:
            raise PictureError(f"limit is {limit}; expected at least 1, or None for all.")
        pairs = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, min(limit, len(pairs))).astype(int))]
    read, problems, total = [], [], 0
    for key, image_path, mask_path in pairs:
        try:
            pages = _read_pair(key, image_path, mask_path, value_range, channel)
        except PictureError as error:
            problems.append(str(error))
            continue
        total += sum(page[1].size for page in pages)
        if total > MAX_TOTAL:
            raise PictureError(
                f"the pictures up to {image_path.name} hold {total:,} pixels, more than fit in memory together. Load "
                "fewer with limit=."
            )
        read += pages
    _raise_all(problems, len(pairs))
    several = any(len(m.values) > 3 and not m.lossy and _labels_like_objects(m) for *_, m, _ in read)
    images, masks, records = [], [], []
    for name, image, how, mask, remark in read:
        try:
            inside, held = _foreground(mask, foreground, several)
        except PictureError as error:
            problems.append(str(error))
            continue
        if gap and held.endswith("labelled objects"):
            inside = _gap(mask.codes, inside)
        inside = inside ^ bool(invert)
        images.append(image)
        masks.append(inside.astype(np.uint8)[..., None])
        records.append(PairRecord(name, *inside.shape, how, held, float(inside.mean()), remark))
    _raise_all(problems, len(pairs))
    remarks += _inverted(records)
    for remark in remarks:
        if "inverted" in remark:
            warnings.warn(remark, stacklevel=2)
    return Pairs(images, masks, records, remarks)


def _folder(folder, name):
    folder = Path(folder).expanduser()
    if not folder.exists():
        others = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        near = difflib.get_close_matches(folder.name, others, 1)
        hint = f" Did you mean {folder.parent / near[0]}?" if near else ""
        raise FileNotFoundError(f"{name}: there is no folder {folder}.{hint} Paths count from {Path.cwd()}.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{name}: {folder} is a file. Give the folder that holds the pictures.")
    return folder.resolve()


def _find(folder, remarks):
    """Return the picture files of a folder and the folders in it, name without ending to path."""
    found, others = {}, []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith((".", "~")) or path.name in ("Thumbs.db", "desktop.ini", "__MACOSX"):
            continue
        if path.is_symlink():
            target = path.resolve()
            if not target.is_relative_to(folder):
                raise PictureError(
                    f"{path.name}: is a link to {target}, out of the folder {folder}. Copy the file itself into the "
                    "folder."
                )
            if not target.exists():
                raise PictureError(
                    f"{path.name}: is a link to a file that is not there. Copy the file itself into the folder."
                )
        if path.is_dir():
            continue
        if path.suffix.lower() not in ENDINGS:
            others.append(path.name)
            continue
        key = unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())
        if key in found:
            raise PictureError(
                f"{path.name}: there is also {found[key].name} in {folder}, and both have the name {key!r}. Keep one "
                "of them."
            )
        found[key] = path
    if not found:
        held = f"It holds {len(others)} other files, such as {others[0]}." if others else "It is empty."
        raise PictureError(
            f"the folder {folder} holds no picture ({', '.join(ENDINGS)}). {held} Export your pictures as PNG or TIFF."
        )
    if others:
        remarks.append(f"{len(others)} files in {folder.name} are no pictures and were left out, such as {others[0]}.")
    return found


_ROLE = re.compile(
    r"[\s_.-]*(masks?|labels?|seg|segmentation|gt|groundtruth|truth|annotations?|manual1?|volume|images?|img|raw)$",
    re.IGNORECASE,
)


def _bare_name(key):
    folder, _, name = key.rpartition("/")
    bare = _ROLE.sub("", name)
    return f"{folder}/{bare or name}".lower()


def _match(images, masks, images_dir, masks_dir):
    """Return `(key, image path, mask path)` for each pair, or raise, naming those without a partner."""
    pairs = [(key, images[key], masks[key]) for key in images if key in masks]
    rest_images = {key: path for key, path in images.items() if key not in masks}
    rest_masks = {key: path for key, path in masks.items() if key not in images}
    by_bare = {}
    for role, rest in enumerate((rest_images, rest_masks)):
        for key in rest:
            by_bare.setdefault(_bare_name(key), ([], []))[role].append(key)
    for ours, theirs in by_bare.values():
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], rest_images.pop(ours[0]), rest_masks.pop(theirs[0])))
    missing = []
    for rest, here, there, what, candidates in (
        (rest_images, images_dir, masks_dir, "mask", masks), (rest_masks, masks_dir, images_dir, "image", images)
    ):
        for key, path in rest.items():
            near = difflib.get_close_matches(key, list(candidates), 1, 0.8)
            hint = f" (the nearest name there is {candidates[near[0]].name})" if near else ""
            missing.append(f"{here.name}/{path.name} has no {what} in {there.name}{hint}")
    if missing:
        more = f"\n  ... and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise PictureError(
            "pictures without a partner:\n  " + "\n  ".join(missing[:10]) + more
            + "\nA picture and its mask share a name, such as cell1.tif and cell1.png. Rename them, or move odd ones away."
        )
    return sorted(pairs)


def _read_pair(key, image_path, mask_path, value_range, channel):
    """Return one row `(name, image, how it was read, mask's codes, remark)` for each page of a pair."""
    image, mask = read_picture(image_path), read_picture(mask_path)
    if len(image.pages) != len(mask.pages):
        raise PictureError(
            f"{image_path.name} has {len(image.pages)} pages and its mask {mask_path.name} has {len(mask.pages)}. "
            "Each page needs its own mask: export both with the same pages."
        )
    rows = []
    for i, (page, marks) in enumerate(zip(image.pages, mask.pages), 1):
        name, page_number = (f"{key}_p{i:03d}", f", page {i}") if len(image.pages) > 1 else (key, "")
        where = image_path.name + page_number
        grey, how = to_grey(page, where, value_range, channel)
        if grey.shape[:2] != marks.shape[:2]:
            turned = " One of them is stored turned (EXIF)." if "EXIF" in image.remark + mask.remark else ""
            raise PictureError(
                f"{where} is {grey.shape[1]}x{grey.shape[0]} pixels and its mask {mask_path.name} "
                f"{marks.shape[1]}x{marks.shape[0]}.{turned} "
                "Export the mask at the picture's size; if you resize it, use nearest neighbour."
            )
        lossy = mask_path.suffix.lower() in (".jpg", ".jpeg")
        rows.append((name, grey, how, _codes(marks, mask_path.name + page_number, lossy), image.remark))
    return rows


def _raise_all(problems, count):
    if problems:
        more = f"\n  ... and {len(problems) - 10} more" if len(problems) > 10 else ""
        first = f"{len(problems)} of {count} pairs cannot be used; nothing was changed.\n  "
        raise PictureError(first + "\n  ".join(problems[:10]) + more)


def _inverted(records):
    high = [record for record in records if record.foreground > 0.5]
    if not high:
        return []
    names = ", ".join(record.name for record in high[:5]) + (" ..." if len(high) > 5 else "")
    if len(high) == len(records):
        return [
            f"all masks have more foreground than background and look inverted: {names}. "
            "If you look for the dark part, pass invert=True."
        ]
    return [
        f"{len(high)} of {len(records)} masks look inverted (more foreground than background): {names}. "
        "Look at them; swap black and white in those files."
    ]


# --- splitting by source ----------------------------------------------------------------------------------------------

_SOURCE = re.compile(
    r"(patient|pat|subject|subj|sub|case|slide|donor|animal|mouse|rat|plate|well|scan|volume)[\s_.-]*\d+", re.IGNORECASE
)
_SERIES = re.compile(r"(slice|section|frame|page|stack|tile|time|[ztp])[\s_.-]*\d+$", re.IGNORECASE)


def groups_of(names) -> list[str]:
    """Tell from its name where each picture comes from: patient, slide, stack, folder; returns one group a name.

    A word such as "patient07" counts first, then the folder, then what stands before the last number of a series
    (pages, slices). Where names tell nothing, each picture is a group of its own.
    """
    names = [str(name) for name in names]
    groups = []
    for name in names:
        folder, _, stem = name.rpartition("/")
        source = _SOURCE.search(name)
        series = _SERIES.search(stem)
        if source:
            groups.append(source.group().lower())
        elif folder:
            groups.append(folder)
        elif series and series.start():
            groups.append(stem[: series.start()].rstrip(" _.-"))
        else:
            groups.append(re.sub(r"[\s_.-]*\d+$", "", stem) or stem)
    if len(set(groups)) == 1 and not any(_SOURCE.search(n) or _SERIES.search(n) or "/" in n for n in names):
        return names  # img_1, img_2 ...: a number alone names no source
    return groups


def groups_from_csv(path, names, name_column: str, group_column: str) -> list[str]:
    """Look up each picture's source in a table: the value of `group_column` in the row whose `name_column` is its name.

    Raises PictureError for a missing column or a picture without a row, naming it.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    for column in (name_column, group_column):
        if column not in columns:
            raise PictureError(
                f"{Path(path).name}: has no column {column!r}; its columns are {', '.join(columns) or 'none'}."
            )
    table = {Path(row[name_column]).stem: row[group_column] for row in rows}
    missing = [name for name in names if Path(name).name not in table and Path(name).stem not in table]
    if missing:
        raise PictureError(
            f"{Path(path).name}: no row for {', '.join(missing[:5])}. Add {'it' if len(missing) == 1 else 'them'} to "
            f"the column {name_column!r}."
        )
    return [table.get(Path(name).name, table.get(Path(name).stem)) for name in names]


def split_by_source(groups, shares=(0.6, 0.2, 0.2), seed=0) -> list[np.ndarray]:
    """Share pictures out into sets so that no source is in two of them; returns the indices of each set.

    groups: one a picture, from `groups_of`; shares: of the pictures, in the order of the sets. Pictures of one single
    source (the slices of one stack) are cut into blocks of neighbours, for neighbours look alike.
    Raises PictureError if there are fewer sources (or pictures) than sets.
    """
    groups = np.asarray(groups)
    shares = np.asarray(shares, float) / np.sum(shares)
    sources, counts = np.unique(groups, return_counts=True)
    if len(sources) == 1 and len(groups) >= len(shares):
        cuts = np.round(np.cumsum(shares)[:-1] * len(groups)).astype(int)
        return np.split(np.arange(len(groups)), cuts)
    if len(sources) < len(shares):
        raise PictureError(
            f"there are {len(sources)} sources ({', '.join(map(str, sources))}) for {len(shares)} sets. Ask for fewer "
            "sets, or bring pictures of more."
        )
    order = np.random.default_rng(seed).permutation(len(sources))
    order = order[np.argsort(-counts[order], kind="stable")]  # large sources first, so that small ones can fill up
    held, members = np.zeros(len(shares)), [[] for _ in shares]
    for turn, i in enumerate(order):
        empty = [s for s in range(len(shares)) if not members[s]]
        must = empty and len(order) - turn <= len(empty)
        s = empty[0] if must else int(np.argmax(shares * len(groups) - held))
        members[s].append(sources[i])
        held[s] += counts[i]
    return [np.flatnonzero(np.isin(groups, chosen)) for chosen in members]


def choose(pairs, indices) -> tuple:
    """Return `(images, masks)` of the chosen pictures, arrays or lists as in the pairs."""
    images, masks = pairs[0], pairs[1]
    if isinstance(images, np.ndarray):
        return images[indices], masks[indices]
    return [images[i] for i in indices], [masks[i] for i in indices]


# --- the same grey levels in training and use -------------------------------------------------------------------------


class Normalisation(NamedTuple):
    """A rule for grey levels. kind "range": low and high become 0 and 1. kind "picture": these two percentiles do."""

    kind: str
    low: float
    high: float

    def limits(self, image) -> tuple[float, float]:
        """Return the grey levels that become 0 and 1 in this picture (seen on about a million of its pixels)."""
        if self.kind == "range":
            return self.low, self.high
        step = max(1, int(np.sqrt(image.size / 1e6)))
        low, high = np.percentile(image[::step, ::step], (self.low, self.high))
        return float(low), max(float(high), float(low) + 0.02)  # an empty picture is not stretched to pure noise

    def apply(self, images):
        """Return pictures (an array `[n, h, w, 1]` or a list of `[h, w, 1]`) by this rule, float32 in 0..1."""
        done = [np.clip((image - low) / np.float32(high - low), 0, 1).astype(np.float32)
                for image in images for low, high in [self.limits(image)]]
        return np.stack(done) if isinstance(images, np.ndarray) else done


def fit_normalisation(images, kind=None) -> Normalisation:
    """Choose the rule from the *training* pictures; keep it with the network, and use it for every later picture.

    kind: "range" (one pair of grey levels for all: percentiles 0.5 and 99.5 of all training pixels), "picture"
    (percentiles 0.5 and 99.5 of each), or None: "picture" if exposures differ by more than a factor of 2.
    """
    ends = np.array([np.percentile(image, (0.5, 50, 99.5)) for image in images])
    if kind is None:
        spread = np.maximum(ends[:, 2] - ends[:, 0], 1e-3)
        kind = "picture" if spread.max() > 2 * spread.min() else "range"
    if kind == "picture":
        return Normalisation("picture", 0.5, 99.5)
    if kind != "range":
        raise ValueError(f"kind is {kind!r}; expected 'range', 'picture' or None.")
    sample = np.concatenate([image.ravel()[:: max(1, image.size // 100_000)] for image in images])
    low, high = np.percentile(sample, (0.5, 99.5))
    return Normalisation("range", float(low), float(max(high, low + 0.02)))


# --- patches ----------------------------------------------------------------------------------------------------------


def draw_patch(images, masks, size, rng) -> tuple[np.ndarray, np.ndarray]:
    """Cut a patch `[size, size, 1]` and its mask from a random place of a random picture, half of them on objects."""
    i = int(rng.integers(len(images)))
    image, mask = images[i], masks[i]
    if min(image.shape[:2]) < size:  # a picture smaller than the patch is mirrored at its edges
        more = [(0, max(0, size - side)) for side in image.shape[:2]] + [(0, 0)]
        image, mask = np.pad(image, more, mode="symmetric"), np.pad(mask, more, mode="symmetric")
    corner = [int(rng.integers(side - size + 1)) for side in image.shape[:2]]
    if rng.random() < 0.5:
        for _ in range(10):  # places on objects are found by trying, which costs nothing for a large picture either
            at = [int(rng.integers(side)) for side in image.shape[:2]]
            if mask[at[0], at[1], 0]:
                corner = [int(np.clip(p - size // 2, 0, side - size)) for p, side in zip(at, image.shape[:2])]
                break
    cut = np.s_[corner[0] : corner[0] + size, corner[1] : corner[1] + size]
    return image[cut], mask[cut]


def draw_patches(images, masks, n: int, size: int = 128, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` patches and their masks, `[n, size, size, 1]` each. The same seed draws the same patches."""
    rng = np.random.default_rng(seed)
    patches, marks = zip(*(draw_patch(images, masks, size, rng) for _ in range(n)))
    return check_pair(np.stack(patches), np.stack(marks))


def patch_batches(images, masks, size: int = 128, batch_size: int = 8, steps: int = 50, seed=0):
    """Return a `tf.data.Dataset` of `steps` batches of patches, drawn anew in every epoch, mirrored and turned.

    Brightness and contrast of each patch vary a little, too. size: a multiple of `2 ** (depth - 1)`, pixels.
    """
    import tensorflow as tf

    from helpers.training import augment, quiet

    rng = np.random.default_rng(seed)

    def draw():
        for _ in range(steps):
            patches, marks = zip(*(draw_patch(images, masks, size, rng) for _ in range(batch_size)))
            contrast = rng.uniform(0.8, 1.25, (batch_size, 1, 1, 1))
            brightness = rng.uniform(-0.1, 0.1, (batch_size, 1, 1, 1))
            lit = np.clip((np.stack(patches) - 0.5) * contrast + 0.5 + brightness, 0, 1)
            yield lit.astype(np.float32), np.stack(marks), rng.integers(2**31, size=2)

    shape = (batch_size, size, size, 1)
    signature = tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((2,), tf.int64)
    batches = tf.data.Dataset.from_generator(draw, output_signature=signature).map(lambda x, y, s: augment(x, y, s))
    return quiet(batches.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(2))


def train_on_patches(
    model, train, validation, run_dir, size=128, epochs=10, steps=50, batch_size=8, peak_rate=3e-3, seed=0, callbacks=()
):
    """Train a U-Net on patches of a few labelled pictures; returns a History. The best epoch's weights stay.

    train, validation: `(images, masks)`, arrays or lists, already normalised. `epochs * steps` batches are drawn.
    The rest is `helpers.training.train_unet`: its losses, rates and callbacks.
    """
    from helpers.training import fixed_batches, train_unet

    held_back = draw_patches(*validation, n=min(48, 6 * len(validation[0])), size=size, seed=[seed, 1])
    check = fixed_batches(*held_back, batch_size=batch_size)
    batches = patch_batches(*train, size, batch_size, steps, [seed, 0])
    return train_unet(model, batches, check, run_dir, epochs, batch_size, peak_rate, warmup=20, seed=seed, callbacks=callbacks)


def restart(model, weights) -> None:
    """Give a compiled model other weights and a fresh optimiser, so that a further training need not compile anew."""
    model.set_weights(weights)
    if model.compiled:
        for variable in model.optimizer.variables:
            if variable.path.rsplit("/", 1)[-1] != "learning_rate":
                variable.assign(np.zeros(variable.shape))


# --- large pictures ---------------------------------------------------------------------------------------------------


def predict_tiled(model, image, tile=None, overlap=None, blend: int = 16, normalisation=None, out=None) -> np.ndarray:
    """Predict a picture of any size tile by tile, with the result of one pass; returns probabilities, float32.

    image: `[h, w]`, `[h, w, 1]` or `[1, h, w, 1]`, floats in 0..1 or 8- or 16-bit whole numbers (also a memory map);
    the result has the same shape. tile: side of a tile, pixels, by default as large as 450 MB of features allow.
    overlap: pixels that neighbouring tiles share, by default the receptive field and `blend`: then each pixel is
    taken only from tiles that see all it depends on, and tiles cross-fade over `blend` pixels. normalisation: applied
    tile by tile. out: an array to write into, such as a memory map.

    A picture that is no multiple of `2 ** (depth - 1)` is mirrored at its lower and right edge, and the result is cut.
    Raises ValueError for other shapes, numbers outside 0..1, NaN, or settings that leave nothing of a tile.
    """
    import tensorflow as tf

    from helpers.training import compiled

    plane = _plane(image)
    scale = {np.dtype(bool): 1, np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(plane.dtype, None)
    if scale is None and plane.dtype.kind != "f":
        raise ValueError(
            f"the picture holds {plane.dtype} numbers; expected floats in 0..1, or 8 or 16 bits without sign. Divide "
            "by its white."
        )
    grid, margin = _grid(model)
    if model.output_shape[-1] != 1 or model.input_shape[-1] != 1:
        raise ValueError(
            f"the model maps {model.input_shape[-1]} channels to {model.output_shape[-1]}; predict_tiled expects one "
            "of each."
        )
    if model.input_shape[1] is not None and model.input_shape[1:3] != plane.shape:
        model = _of_any_size(model)
    padded = [-(-side // grid) * grid for side in plane.shape]
    if overlap is None:
        overlap = 2 * margin + blend
    if overlap < 0 or blend < 0 or blend > max(overlap, 0):
        raise ValueError(f"overlap is {overlap} and blend {blend}; expected 0 <= blend <= overlap, in pixels.")
    overlap = -(-overlap // grid) * grid
    most = _tile_side(model) if tile is None else int(tile)
    if most % grid or most <= 0 or most <= overlap and any(side > most for side in padded):
        raise ValueError(
            f"tile is {most} pixels; with an overlap of {overlap} it must be a multiple of {grid} larger than that, "
            f"such as {overlap + 32 * grid}."
        )
    rows, columns = (_tiles(side, most, overlap, blend, grid, adapt=tile is None) for side in padded)
    limits = None if normalisation is None else normalisation.limits(_thinned(plane, scale))
    if out is None:
        result = np.zeros(plane.shape, np.float32)
    else:
        result = _plane(out)
        if result.shape != plane.shape or result.dtype != np.float32:
            raise ValueError(f"out is {result.dtype} {result.shape}; expected float32 {plane.shape}.")
        result[:] = 0
    step = compiled(model)
    for top, height, down in rows:
        for left, width, across in columns:
            piece = _piece(plane, top, left, height, width, scale, limits)
            scores = step(tf.constant(piece[None, ..., None])).numpy()[0, ..., 0]
            if scores.shape != piece.shape:
                raise ValueError(
                    f"the model makes {scores.shape} of {piece.shape} pixels; build it with padding='same'."
                )
            here = result[top : top + height, left : left + width]
            h, w = here.shape
            if len(rows) == len(columns) == 1:
                here[:] = scores[:h, :w]
                continue
            part = _counts(down[:h]), _counts(across[:w])
            scores = scores[part]
            _fade(scores, down[part[0]])
            _fade(scores.T, across[part[1]])
            here[part] += scores
    return result.reshape(np.shape(image)) if out is None else out


def _plane(image):
    image = image if isinstance(image, np.ndarray) else np.asarray(image)
    shape = image.shape
    if image.ndim == 4 and shape[0] == 1 and shape[-1] == 1:
        image = image[0, ..., 0]
    elif image.ndim == 3 and shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or not image.size:
        raise ValueError(
            f"the picture has the shape {shape}; expected [height, width] or [height, width, 1]: one grey picture."
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
                f"the picture holds {low:g}..{high:g}; expected 0..1. Divide by its white, as for the training pictures."
            )
    if limits is not None:
        piece -= np.float32(limits[0])
        piece /= np.float32(limits[1] - limits[0])
        np.clip(piece, 0, 1, out=piece)
    if piece.shape != (height, width):
        more = height - piece.shape[0], width - piece.shape[1]
        piece = np.pad(piece, ((0, more[0]), (0, more[1])), mode="symmetric")
    return piece


def _grid(model):
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


_FREE = weakref.WeakKeyDictionary()  # networks of fixed size, and the same for any size


def _of_any_size(model):
    """Return the same network with the same weights for pictures of any size, made once for each model."""
    import keras

    if model not in _FREE:
        _FREE[model] = keras.models.clone_model(model, input_tensors=keras.Input((None, None, model.input_shape[-1])))
    _FREE[model].set_weights(model.get_weights())
    return _FREE[model]


def _tile_side(model, budget=450e6):
    filters = next((layer.filters for layer in model.layers if hasattr(layer, "filters")), 8)
    side = int(np.sqrt(budget / (4 * 6 * filters)))  # the last level holds about six maps of `filters` float32 a pixel
    return int(np.clip(side, 256, 1536)) // 64 * 64


def _tiles(side, most, overlap, blend, grid, adapt):
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


# --- objects ----------------------------------------------------------------------------------------------------------


class FoundObject(NamedTuple):
    """One object of a mask. Lengths and areas are in pixels, or in the unit of `pixel_size`."""

    number: int
    row: float
    column: float
    area: float
    perimeter: float
    roundness: float
    mean_grey: float
    touches_border: bool


def label_objects(mask, min_area: int = 0, split: bool = False) -> np.ndarray:
    """Number the connected objects of a mask `[h, w]` or `[h, w, 1]` from 1; returns `[h, w]` int32, 0 for background.

    min_area: smaller ones are dropped, pixels. split: cut touching objects apart where they are narrow, by a watershed
    on the distance to the background, as in scikit-image's example.
    """
    mask = _plane(mask) > 0
    labels = measure.label(mask)
    if split and mask.any():
        distance = cv2.distanceTransform(np.pad(mask.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        distance = cv2.GaussianBlur(distance, (0, 0), 1.5)
        peaks = feature.peak_local_max(distance, min_distance=5, labels=labels, exclude_border=False)
        markers = np.zeros(mask.shape, np.int32)
        markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        cut = segmentation.watershed(-distance, markers, mask=mask)
        labels = np.where(cut > 0, cut, labels + cut.max() * (labels > 0))
    if min_area:
        areas = np.bincount(labels.ravel())
        labels = np.where(areas[labels] >= min_area, labels, 0)
    return segmentation.relabel_sequential(labels)[0].astype(np.int32)


def measure_objects(labels, image=None, pixel_size: float = 1.0) -> list[FoundObject]:
    """Measure each numbered object: place, area, perimeter, roundness (1 for a disc), mean grey level.

    labels: `[h, w]` from `label_objects`; image: its picture, for the grey level; pixel_size: side of a pixel, such as
    0.65 micrometres. Perimeter: Crofton's formula, which is right for discs where counting pixels is not.
    Raises ValueError if the shapes differ.
    """
    labels = np.asarray(labels)
    grey = None if image is None else _plane(image)
    if grey is not None and grey.shape != labels.shape:
        raise ValueError(
            f"the picture is {grey.shape} and labels are {labels.shape}; measure objects on the picture they were "
            "found in."
        )
    rows = []
    for region in measure.regionprops(labels, grey):
        perimeter = float(region.perimeter_crofton)
        top, left, bottom, right = region.bbox
        border = top == 0 or left == 0 or bottom == labels.shape[0] or right == labels.shape[1]
        area = float(region.area)
        rows.append(FoundObject(
            int(region.label), *(round(float(c), 1) for c in region.centroid), round(area * pixel_size**2, 4),
            round(perimeter * pixel_size, 4), round(min(1.0, 4 * np.pi * area / max(perimeter, 1e-9) ** 2), 3),
            round(float(region.intensity_mean), 4) if grey is not None else float("nan"), border,
        ))
    return rows


def save_table(rows, path) -> Path:
    """Write the objects as a CSV table that spreadsheets read, one row each; an existing file is never replaced."""
    def write(file):
        text = [",".join(FoundObject._fields), *(",".join("" if v != v else str(v) for v in row) for row in rows)]
        file.write(("\n".join(text) + "\n").encode())

    return _write_new(path, write)


def numbered_contours(image, labels, zoom: int = 1) -> np.ndarray:
    """Draw each object's outline and number over its picture; returns `[zoom * h, zoom * w, 3]` uint8 RGB."""
    grey = np.round(255 * np.clip(_plane(image), 0, 1)).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)
    labels = np.asarray(labels).repeat(zoom, 0).repeat(zoom, 1)
    picture = np.repeat(grey[..., None], 3, axis=-1)
    picture[segmentation.find_boundaries(labels, mode="inner")] = (230, 159, 0)
    for region in measure.regionprops(labels):
        row, column = (int(c) for c in region.centroid)
        place = max(column - 6, 0), min(row + 5, grey.shape[0] - 1)
        for colour, thick in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(picture, str(region.label), place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, thick, cv2.LINE_AA)
    return picture


# --- keeping ----------------------------------------------------------------------------------------------------------


def _write_new(path, write) -> Path:
    """Let `write(file)` fill a new file: all of it or nothing, and never over another."""
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise FileExistsError(
            f"{path.name} exists already in {path.parent}, and nothing is written over. Choose another name, or move "
            "it away."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".draft-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        reason = f"cannot write into {path.parent} ({error.strerror}). Choose a folder of yours"
        raise type(error)(error.errno, reason) from error
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, 0o644)
        _move_new(draft, path)
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise
        raise OSError(
            error.errno, f"{path.name} could not be written ({error.strerror}); nothing is left of it. Make room on the disk, or "
            "choose another folder"
        ) from error
    finally:
        Path(draft).unlink(missing_ok=True)
    return path


def _move_new(draft, path):
    try:
        os.link(draft, path)  # fails if someone made the file meanwhile, which os.replace would not
    except FileExistsError:
        raise FileExistsError(
            f"{path.name} appeared in {path.parent} meanwhile, and nothing is written over. Choose another name."
        ) from None
    except OSError:  # some disks know no links
        os.replace(draft, path)


def save_mask(mask, path) -> Path:
    """Write a mask as 0/255, or numbered objects as they are, to a new PNG or TIFF file; returns its path.

    mask: `[h, w]` or `[h, w, 1]` of 0 and 1, or int labels up to 65535. Raises FileExistsError rather than write over
    anything, ValueError for another ending.
    """
    path, plane = Path(path), np.asarray(_plane(mask))
    if path.suffix.lower() not in (".png", ".tif", ".tiff"):
        raise ValueError(f"{path.name}: masks are kept as .png or .tif; JPEG would blur them.")
    if plane.max(initial=0) <= 1:
        plane = (plane > 0).astype(np.uint8) * 255
    elif plane.max() > 65535 or plane.min() < 0:
        raise ValueError(f"the labels run to {plane.max()}; a 16-bit picture holds 0..65535. Number the objects anew.")
    else:
        plane = plane.astype(np.uint16)
    if path.suffix.lower() == ".png":
        return _write_new(path, lambda file: file.write(cv2.imencode(".png", plane)[1].tobytes()))
    held = io.BytesIO()
    tifffile.imwrite(held, plane, compression="zlib")
    return _write_new(path, lambda file: file.write(held.getvalue()))


def beside(picture_path, ending="_mask.png") -> Path:
    """Return the path of a new file beside a picture: cell1.tif and "_mask.png" give cell1_mask.png."""
    picture_path = Path(picture_path)
    return picture_path.with_name(picture_path.stem + ending)


class Kept(NamedTuple):
    """A network with all that its use needs: normalisation, threshold, scores, and a card of data and training."""

    model: object
    normalisation: Normalisation | None
    threshold: float
    scores: dict
    card: dict


_NOTE = "unet_course.json"  # inside the .keras file, which is a zip archive; Keras leaves unknown members alone


def save_network(path, model, normalisation, threshold: float, scores: dict, card: dict) -> Path:
    """Write a network and all that its use needs into one new `.keras` file; returns its path.

    scores, card: names to numbers or texts (what data, how many pictures, how trained, not for what).
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"{path.name}: a network is kept in a file that ends in .keras.")
    rule = normalisation._asdict() if normalisation else None
    text = json.dumps({"normalisation": rule, "threshold": float(threshold), "scores": scores, "card": card}, indent=2)

    def write(file):
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / "model.keras"
            model.save(whole)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr(_NOTE, text)
            file.write(whole.read_bytes())

    return _write_new(path, write)


def load_kept(path) -> Kept:
    """Load a network from a `.keras` file, in safe mode: code inside the file is never run.

    A file without the course's note gives no normalisation and a threshold of 0.5. Raises FileNotFoundError if there
    is none, and ValueError if it is damaged, no Keras model, or brings code of its own.
    """
    from helpers.training import load_network

    path = Path(path)
    note = {}
    if path.exists():
        try:
            with zipfile.ZipFile(path) as archive:
                if "__lambda__" in archive.read("config.json").decode("utf-8", "replace"):
                    raise PictureError(
                        f"{path.name}: holds pickled Python code (a Lambda layer), which could do anything on your machine; "
                        "it is not loaded. "
                        "Ask its author for a model of plain layers, or for its code to read."
                    )
                if _NOTE in archive.namelist():
                    note = json.loads(archive.read(_NOTE))
        except PictureError:
            raise
        except Exception:  # damaged in any way: load_network says so in its own words
            note = {}
    model = load_network(path)
    try:
        rule = note.get("normalisation")
        rule = Normalisation(str(rule["kind"]), float(rule["low"]), float(rule["high"])) if rule else None
        threshold, scores, card = note.get("threshold", 0.5), note.get("scores", {}), note.get("card", {})
        return Kept(model, rule, float(threshold), dict(scores), dict(card))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name}: the note {_NOTE} in it is damaged ({_first_line(error)}). Keep the network anew with "
            "save_network."
        ) from error


ONNX_PACKAGES = "pip install tf2onnx onnx onnxruntime"


def export_onnx(model, path) -> Path:
    """Write the network as a new ONNX file, which programs without Keras can run (ImageJ, C++, a browser).

    Raises ImportError, naming the command, if the packages for it are missing.
    """
    try:
        with _hush():
            import onnx  # noqa: F401
            import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"the ONNX export needs packages that are not installed ({error.name}): {ONNX_PACKAGES}"
        ) from error

    def write(file):
        with tempfile.TemporaryDirectory() as scratch, _hush():
            sides = (32, 32) if model.input_shape[1] is None else model.input_shape[1:3]
            model(np.zeros((1, *sides, model.input_shape[-1]), np.float32))  # Keras exports only what has been called
            model.export(str(Path(scratch) / "model.onnx"), format="onnx", verbose=False)
            file.write((Path(scratch) / "model.onnx").read_bytes())

    return _write_new(path, write)


def onnx_difference(path, model, images) -> float:
    """Return the largest difference between what the ONNX file and the network say about pictures `[n, h, w, 1]`."""
    from helpers.training import predict

    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"checking the ONNX file needs a package that is not installed ({error.name}): {ONNX_PACKAGES}"
        ) from error
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    said = session.run(None, {session.get_inputs()[0].name: np.asarray(images, np.float32)})[0]
    return float(np.abs(said - predict(model, images)).max())


@contextlib.contextmanager
def _hush():
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


# --- real pictures ----------------------------------------------------------------------------------------------------


class RealSet(NamedTuple):
    """A public set of pictures: its address, its SHA-256 (None if unknown), its folders, licence and source."""

    url: str
    sha256: str | None
    images: str
    masks: str
    licence: str
    source: str


# The fluorescence part of the 2018 Data Science Bowl, as StarDist's authors distribute it. The checksum is the one that
# the library torch-em publishes for this file (torch_em/data/datasets/dsb.py), not one computed by us.
NUCLEI = RealSet(
    url="https://github.com/stardist/stardist/releases/download/0.1.0/dsb2018.zip",
    sha256="e44921950edce378063aa4457e625581ba35b4c2dbd9a07c19d48900129f386f",
    images="dsb2018/train/images", masks="dsb2018/train/masks",
    licence="CC0 1.0 (BBBC038v1, Broad Bioimage Benchmark Collection)",
    source="Caicedo et al. 2019, Nature Methods 16, 1247; part chosen by Schmidt et al. 2018 (StarDist)",
)


def text_bar(done: int, total: int | None) -> None:
    """Print a progress bar over itself: how much of a download is there."""
    share = done / total if total else 0
    bar = f"[{'#' * int(30 * share):<30}] {share:>4.0%}" if total else "fetching"
    print(f"\r{bar} {done / 1e6:.1f} MB", end="\n" if total and done >= total else "", flush=True)


def fetch(url: str, sha256: str | None, cache, timeout: float = 5, progress=text_bar) -> Path:
    """Fetch a file once, check it, and return its path in the folder `cache`; a later call uses the copy.

    timeout: seconds to wait for an answer. An interrupted download goes on where it stopped. Without a known `sha256`
    that of the first download is noted beside the copy, and later copies are checked against the note.
    Raises OSError if the network or the address cannot be reached or the disk is full, and PictureError if the file
    is not the one expected; a copy in the cache that has changed is fetched anew.
    """
    cache = Path(cache)
    target = cache / Path(urllib.request.urlparse(url).path).name
    note, part = target.with_name(target.name + ".sha256"), target.with_name(target.name + ".part")
    expected = sha256 or (note.read_text().strip() if note.exists() else None)
    if target.exists():
        if expected is None or _sha256(target) == expected:
            return target
        target.unlink()  # the cache is ours; a changed copy is of no use to anybody
    cache.mkdir(parents=True, exist_ok=True)
    _download(url, part, timeout, progress)
    found = _sha256(part)
    if expected and found != expected:
        part.unlink()
        raise PictureError(
            f"{target.name}: the file from {url} has the checksum {found[:12]}..., expected {expected[:12]}.... It "
            "was deleted. Try again later; if it stays so, the file was replaced."
        )
    os.replace(part, target)
    note.write_text(found + "\n")
    return target


def _sha256(path):
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(url, part, timeout, progress):
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing is left to fetch, or the file has changed: the checksum will tell
            return
        raise OSError(
            f"{url} answers {error.code} ({error.reason}). Fetch it by hand into {part.parent}, or go on without it."
        ) from error
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise OSError(
            f"{url} cannot be reached ({reason}). Check the network and try again; a file put into {part.parent} by "
            "hand is used, too."
        ) from error
    with answer:
        append = have and answer.status == 206
        total = int(answer.headers.get("Content-Length") or 0)
        done = have if append else 0
        total = total + done if total else None
        try:
            with part.open("ab" if append else "wb") as file:
                while block := answer.read(1 << 16):
                    file.write(block)
                    done += len(block)
                    if progress and (done % (1 << 20) < len(block) or done == total):
                        progress(done, total)
        except OSError as error:
            raise OSError(
                f"the download of {url} stopped after {done:,} bytes ({error}). Run it again: it goes on from there."
            ) from error
    if total and done < total:
        raise OSError(
            f"the download of {url} stopped after {done:,} of {total:,} bytes. Run it again: it goes on from there."
        )


def unpack(archive, folder, max_bytes: int = 2_000_000_000) -> Path:
    """Unpack a zip archive into a new folder, all of it or nothing; a folder that is there already is kept as it is.

    Raises PictureError for an archive that is damaged, larger than `max_bytes` unpacked, or that reaches outside.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        return folder
    draft = folder.with_name(folder.name + ".part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                place = (draft / member.filename).resolve()
                if not place.is_relative_to(draft.resolve()):
                    raise PictureError(
                        f"{archive.name}: the member {member.filename!r} reaches outside its folder. Do not use this "
                        "archive."
                    )
            if sum(member.file_size for member in members.infolist()) > max_bytes:
                raise PictureError(
                    f"{archive.name}: unpacks to more than {max_bytes:,} bytes. Unpack by hand what you need."
                )
            members.extractall(draft)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise PictureError(
            f"{archive.name}: is damaged or no zip archive ({_first_line(error)}). Delete it and fetch it again."
        ) from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    draft.rename(folder)
    return folder


def fetch_set(real: RealSet = NUCLEI, cache=None, timeout: float = 5, progress=text_bar) -> tuple[Path, Path]:
    """Fetch and unpack a public set; returns its folders `(images, masks)`. Errors as in `fetch` and `unpack`."""
    from helpers import RUNS

    cache = Path(cache or RUNS / "downloads")
    archive = fetch(real.url, real.sha256, cache, timeout, progress)
    folder = unpack(archive, cache / archive.stem)
    return folder / real.images, folder / real.masks


def write_stand_in(folder, n: int = 40, seed=0, real: RealSet = NUCLEI) -> tuple[Path, Path]:
    """Write pictures in the format of the real set into a new folder; returns its folders `(images, masks)`.

    Grey 8-bit TIFF files of nuclei (bright ovals, some touching or faint; debris, haze, noise; all exposures) and
    16-bit TIFF files with a number for each nucleus, as in the real set. Drawn, not real: for trying things out.
    """
    images_dir, masks_dir = Path(folder) / real.images, Path(folder) / real.masks
    for place in (images_dir, masks_dir):
        place.mkdir(parents=True)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        image, labels = draw_nuclei(rng, sizes=((256, 256), (256, 320))[int(rng.random() < 0.3)])
        name = hashlib.sha256(f"{seed} {i}".encode()).hexdigest()[:16] + ".tif"
        tifffile.imwrite(images_dir / name, image, compression="zlib")
        tifffile.imwrite(masks_dir / name, labels, compression="zlib")
    return images_dir, masks_dir


def draw_nuclei(rng, sizes=(256, 256)) -> tuple[np.ndarray, np.ndarray]:
    """Draw a fluorescence picture `[h, w]` uint8 and the number of each nucleus in it `[h, w]` uint16."""
    height, width = sizes
    labels, light = np.zeros(sizes, np.uint16), np.zeros(sizes, np.float32)
    texture = cv2.GaussianBlur(rng.normal(size=sizes).astype(np.float32), (0, 0), 3)
    texture /= texture.std()
    scale, faintest = rng.uniform(0.6, 1.7), rng.uniform(0.2, 0.6)  # each picture has its magnification and its stain
    for _ in range(int(rng.integers(14, 40) / scale)):
        centre = int(rng.integers(width)), int(rng.integers(height))
        axes = tuple(int(scale * side) for side in rng.uniform(6, 14, 2))
        shape = np.zeros(sizes, np.uint8)
        cv2.ellipse(shape, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, thickness=cv2.FILLED)
        fresh = (shape == 1) & (labels == 0)
        if fresh.sum() < 0.7 * max(shape.sum(), 1):
            continue  # nuclei may touch, not lie on top of each other
        labels[fresh] = labels.max() + 1
        light[fresh] = rng.uniform(faintest, 1)
    debris = np.zeros(sizes, np.float32)
    for _ in range(int(rng.integers(0, 12))):  # specks and fibres: bright, and no nuclei
        start, turn = rng.uniform(0, (width, height)), rng.uniform(0, 2 * np.pi)
        end = start + rng.choice([2, 4, 40]) * np.array([np.cos(turn), np.sin(turn)])
        ends = start.astype(int).tolist(), end.astype(int).tolist()
        cv2.line(debris, *ends, float(rng.uniform(0.3, 1.2)), int(rng.integers(1, 4)))
    light = cv2.GaussianBlur(np.maximum(light * (1 + 0.15 * texture), debris), (0, 0), float(rng.uniform(0.8, 2.5)))
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    haze = 0.15 + 0.1 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) + 0.35 * cv2.GaussianBlur(light, (0, 0), 14)
    exposure = rng.uniform(50, 190)
    image = exposure * (light * 0.7 + haze) + rng.normal(size=sizes) * rng.uniform(0.05, 0.2) * exposure
    return np.clip(image, 0, 255).astype(np.uint8), segmentation.relabel_sequential(labels)[0].astype(np.uint16)
