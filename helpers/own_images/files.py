"""Read one picture file whole, or say what is wrong with it: the one reader that everything else uses."""

import contextlib
import hashlib
import importlib
import logging
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageOps

from helpers.gate import first_line, printable_lines
from helpers.own_images.color_tables import is_display_only

MAX_PIXELS = 100_000_000  # of one picture; 10,000 x 10,000 as float32 are 400 MB
MAX_TOTAL = 250_000_000  # of all pictures loaded together: 1.25 GB with their masks
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pbm", ".pgm", ".ppm", ".npy")
MEDICAL = (".dcm", ".nii", ".nii.gz")
MICROSCOPES = {".czi": "bioio-czi", ".lif": "bioio-lif", ".nd2": "bioio-nd2"}  # and the plug-in that reads it
ENDINGS = (*PICTURES, *MEDICAL, *MICROSCOPES)


class PictureError(ValueError):
    """A picture file or folder that cannot be used; the message names it, says why, and what to do.

    What a name may hold that a terminal would obey is escaped, whoever raises it.
    """

    def __init__(self, message):
        super().__init__(printable_lines(message))


class RawPicture(NamedTuple):
    """What a file holds: its pages, each `[h, w]` or `[h, w, channels]` with the file's own numbers, and a remark."""

    pages: list
    remark: str


class Channels(np.ndarray):
    """A page `[h, w, channels]` whose channels are separate measurements, such as two stains, not red, green, blue."""


def ending_of(path) -> str:
    """Return the ending of a file's name in small letters; ".nii.gz" counts as one."""
    name = Path(path).name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix


def first_of(names, most: int, more: str = " ...") -> str:
    """Return the first names in a row, and that there are others. more: these words, with {} for how many."""
    return ", ".join(map(str, names[:most])) + (more.format(len(names) - most) if len(names) > most else "")


def page_name(key: str, number: int) -> str:
    """Return the name of a page, counted from 1, of a picture with several."""
    return f"{key}_p{number:03d}"


def read_picture(path) -> RawPicture:
    """Read a picture file: PNG, JPEG, TIFF, BMP, GIF, WebP, PGM, NumPy, DICOM, NIfTI, CZI, LIF or ND2; all its pages.

    What the file says about its numbers is done: upright by its orientation, black below white, palettes and CMYK as
    red, green and blue. Channels that the file does not call red, green and blue come as `Channels`.

    Raises PictureError, with the file and the remedy, for a file that is missing, empty, cut short, damaged, of another
    kind, or larger than MAX_PIXELS in one page, and for a package that it needs; the size in its header is checked
    before anything is decoded.
    """
    path = Path(path).expanduser()
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PictureError(unreadable(path, error)) from error
    if not path.is_file():
        raise PictureError(f"{path.name}: is not a file. Leave only pictures in {path.parent}.")
    if not size:
        raise PictureError(
            f"{path.name}: is empty (0 bytes), perhaps an interrupted copy. Copy it again, or move it and its partner "
            "away."
        )
    try:
        with quiet_decoders():
            pages, remark = _reader_of(path)(path)
    except PictureError:
        raise
    except PermissionError as error:
        raise PictureError(unreadable(path, error)) from error
    except Image.DecompressionBombError as error:
        raise PictureError(too_large(path, str(error).split(",")[0])) from error
    except Image.UnidentifiedImageError as error:
        raise PictureError(
            f"{path.name}: is not a picture, whatever its ending says. Export it again as PNG or TIFF, or move it away."
        ) from error
    except Exception as error:  # decoders raise nearly anything on damaged files: struct.error, zlib.error ...
        raise PictureError(
            f"{path.name}: is damaged or cut short ({first_line(error)}). Copy or export it again, "
            "or move it and its partner away."
        ) from error
    if not pages or any(page.ndim not in (2, 3) or not page.size for page in pages):
        raise PictureError(f"{path.name}: holds no flat picture. Export it as PNG or TIFF with one picture a page.")
    return RawPicture(pages, remark)


def file_sha256(path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unreadable(path, error) -> str:
    """Return in words that the system does not open a file."""
    return f"{path.name}: cannot be read ({error.strerror}). Check the name and your rights to {path.parent}."


def needed(path, kind: str, *packages: str, otherwise: str = ""):
    """Import packages and return the first of them, or raise PictureError with the command that installs them.

    kind: of file that they read. otherwise: what else can be done, for the end of the message.
    """
    try:
        return [importlib.import_module(package.replace("-", "_")) for package in packages][0]
    except ImportError as error:
        raise PictureError(
            f"{path.name}: is a file of {kind}, and a package that reads it is missing here: pip install "
            f"{' '.join(packages)}{otherwise}"
        ) from error


def _reader_of(path):
    with path.open("rb") as file:
        start = file.read(132)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        from helpers.own_images.tiff import read_tiff as reader
    elif ending_of(path) in MEDICAL or start[128:] == b"DICM":
        from helpers.own_images.medical import read_medical as reader
    elif ending_of(path) in MICROSCOPES:
        from helpers.own_images.medical import read_microscope as reader
    elif start[:6] == b"\x93NUMPY":
        reader = _read_numpy
    else:
        reader = _read_pillow
    return reader


def too_large(path, size: str) -> str:
    """Return the message for a picture that does not fit."""
    return (
        f"{path.name}: {size}, more than the {MAX_PIXELS:,} pixels that load at once. Cut it into pieces; or, if it is "
        "meant to be so large, save it as a TIFF without compression, open that with tifffile.memmap, and pass it to "
        "predict_tiled."
    )


def check_size(path, width: int, height: int) -> None:
    """Raise PictureError if a page is larger than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise PictureError(too_large(path, f"its header says {width:,} x {height:,} pixels"))


def _read_pillow(path):
    with Image.open(path, formats=("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")) as picture:
        check_size(path, *picture.size)
        if picture.format == "PNG":
            values = picture.size[0] * picture.size[1] * len(picture.getbands()) * (1 + (_png_depth(path) == 16))
            if values > 4 * MAX_PIXELS:
                raise PictureError(too_large(path, f"unpacked it has {values:,} bytes"))
        count = getattr(picture, "n_frames", 1) if picture.format == "GIF" else 1
        if count * picture.size[0] * picture.size[1] > MAX_TOTAL:
            raise PictureError(too_large(path, f"its {count:,} pages are too many together"))
        if picture.format == "PNG" and picture.mode != "I;16" and picture.mode != "I" and _png_depth(path) == 16:
            picture.load()  # a file that is cut short raises here; of a color PNG, Pillow keeps 8 of 16 bits
            array = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
            return [array if array.ndim == 2 else array[..., [2, 1, 0, 3][: array.shape[-1]]]], ""
        pages = []
        for i in range(count):
            picture.seek(i)
            picture.load()  # a file that is cut short raises here
            pages.append(_as_array(picture))
        turned = picture.getexif().get(0x0112, 1)
        colored = "its colors (LUT) are for display only" if _only_shown(picture) else ""
    remark = "turned upright (EXIF)" if turned != 1 else f"{count} pages" if count > 1 else ""
    return pages, ", ".join(filter(None, [remark, colored]))


def _only_shown(picture):
    """Whether the palette of a PNG or BMP is a LUT, which colors the screen and not the data."""
    if picture.mode != "P" or "transparency" in picture.info or picture.format == "GIF":
        return False
    table = picture.getpalette("RGB")
    return is_display_only(np.reshape(table, (-1, 3)))


def _as_array(picture):
    if picture.getexif().get(0x0112, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    if _only_shown(picture):
        return np.array(picture)
    if picture.mode in ("P", "PA", "LA", "La"):
        picture = picture.convert("RGBA" if picture.mode != "P" or "transparency" in picture.info else "RGB")
    elif picture.mode not in ("1", "L", "RGB", "RGBA", "I", "F") and not picture.mode.startswith("I;16"):
        picture = picture.convert("RGB")
    array = np.array(picture)
    return array.astype(np.uint16) if picture.format == "PPM" and picture.mode == "I" else array  # Pillow widens PGM


def _png_depth(path):
    with path.open("rb") as file:
        return file.read(25)[24]  # IHDR: width, height, bits


def _read_numpy(path):
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        kind = header(file)[2]
    if kind.hasobject:
        raise PictureError(
            f"{path.name}: holds Python objects, as Cellpose's _seg.npy does. They may run code, so they are not read. "
            "Save the masks as PNG or TIFF in Cellpose (File menu), and put that file, such as a_cp_masks.png, here."
        )
    array = np.load(path, allow_pickle=False, mmap_mode="r")
    if array.ndim not in (2, 3, 4) or array.dtype.kind not in "buif":
        raise PictureError(
            f"{path.name}: holds an array of {array.dtype} with the shape {array.shape}; expected numbers [h, w], or "
            "pages [n, h, w]."
        )
    channels = array.ndim == 4 or array.ndim == 3 and array.shape[-1] <= 4
    height, width = array.shape[-3:-1] if channels else array.shape[-2:]
    check_size(path, width, height)
    if array.size > 4 * MAX_TOTAL:
        raise PictureError(too_large(path, f"its pages hold {array.size:,} numbers together"))
    flat = array.shape[-3:] if channels else array.shape[-2:]
    pages = [np.array(page).view(Channels if channels else np.ndarray) for page in array.reshape(-1, *flat)]
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""


@contextlib.contextmanager
def quiet_decoders():
    """Keep the remarks of decoders off the screen: what matters is raised. Others' logs stay, also in other threads."""
    loggers = [logging.getLogger(name) for name in ("PIL", "tifffile", "nibabel.global", "pydicom")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


@contextlib.contextmanager
def hush():
    """Keep remarks of decoders off the screen, also those that C++ libraries write straight to the error stream."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        with quiet_decoders():
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
