"""What lies behind a mask's colors: the numbers of its palette, and whether the file was saved with losses."""

import numpy as np
import tifffile
from PIL import Image, ImageOps

from helpers.own_images.files import quiet_decoders

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LOSSY = (6, 7, 33007, 34892)  # kinds of JPEG in a TIFF


def is_lossy(path) -> bool:
    """Whether a picture file was saved with losses: JPEG, lossy WebP, or a TIFF that holds JPEG."""
    with path.open("rb") as file:
        start = file.read(16)
        if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            while start[12:16] not in (b"VP8 ", b"VP8L", b""):
                length = int.from_bytes(file.read(4), "little")
                file.seek(length + length % 2, 1)
                start = start[:12] + file.read(4)
            return start[12:16] == b"VP8 "
    if start[:4] in _TIFF:
        with quiet_decoders(), tifffile.TiffFile(path, _multifile=False) as tif:
            return int(tif.pages.first.compression) in _LOSSY
    return start[:2] == b"\xff\xd8"


def is_planar(path) -> bool:
    """Whether a picture file is a TIFF that stores its colors as separate planes."""
    with path.open("rb") as file:
        if file.read(4) not in _TIFF:
            return False
    with quiet_decoders(), tifffile.TiffFile(path, _multifile=False) as tif:
        return int(tif.pages.first.planarconfig or 1) == 2


def palette_numbers(path, pages) -> list:
    """Return for each page `(numbers [h, w], colors {number: (r, g, b)})` where the file has a palette, else None.

    pages: those that `read_picture` read from this file, which has looked for damage. Raises nothing: what this file's
    palette does not tell, its colors do.
    """
    nothing = [None] * len(pages)
    if not any(page.ndim == 3 and page.shape[-1] in (3, 4) and page.dtype == np.uint8 for page in pages):
        return nothing
    with path.open("rb") as file:
        is_tiff = file.read(4) in _TIFF
    try:
        with quiet_decoders():
            numbers = _in_tiff(path) if is_tiff else _in_picture(path, len(pages))
    except Exception:  # decoders raise nearly anything; the colors are there
        return nothing
    if len(numbers) != len(pages):
        return nothing
    return [_with_colors(each, page) for each, page in zip(numbers, pages)]


def _in_tiff(path):
    with tifffile.TiffFile(path, _multifile=False) as tif:
        return [
            page.asarray(maxworkers=1)
            if page.photometric == 3 and page.colormap is not None and page.tags.valueof(274, 1) == 1 else None
            for page in tif.pages
        ]


def _in_picture(path, count):
    found = []
    with Image.open(path, formats=("PNG", "BMP", "GIF")) as picture:
        if picture.mode != "P" and picture.format != "GIF":
            return [None] * count
        for i in range(count):
            picture.seek(i)
            picture.load()
            upright = picture.getexif().get(0x0112, 1) == 1
            page = picture if upright or picture.mode != "P" else ImageOps.exif_transpose(picture)
            found.append(np.array(page) if picture.mode == "P" else None)
    return found


def _with_colors(numbers, page):
    if numbers is None or numbers.shape != page.shape[:2] or page.ndim != 3:
        return None
    held, where = np.unique(numbers, return_index=True)
    colors = page.reshape(-1, page.shape[-1])[where, :3]
    return numbers, {int(number): tuple(map(int, color)) for number, color in zip(held, colors)}
