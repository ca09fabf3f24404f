"""TIFF files: their pages in their order, each as its tags say it is meant."""

import io
import math
import re
import zlib

import numpy as np
import tifffile
from PIL import Image

from helpers.own_images.color_tables import is_display_only
from helpers.own_images.files import MAX_TOTAL, Channels, PictureError, check_size, hush, too_large
from helpers.own_images.lzw import is_sound

_TURNS = {  # of the tag Orientation: what makes such a page upright
    2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1], 5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1], 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[::-1],
}
_DECODED = (6, 7, 22610, 33003, 33004, 33005, 33007, 34712, 34892)  # kinds of JPEG, whose decoders return RGB
_PICTURES = (6, 7, 33003, 33004, 33005, 34712, 34892, 34933, 50001, 50002)  # JPEG, JPEG 2000, PNG, WebP, JPEG XL


def read_tiff(path) -> tuple[list, str]:
    """Return the pages of a TIFF file and a remark; see `read_picture`."""
    size = path.stat().st_size
    count = _check_chain(path, size)
    with tifffile.TiffFile(path, _multifile=False) as tif:  # other files that an OME note names are not opened
        _check_note(path, tif, count)
        found, total = [], 0
        for series in tif.series:
            key = series.keyframe
            beside = tif.is_svs and series.name in ("Thumbnail", "Label", "Macro")  # the slide itself
            if key.is_reduced or key.subfiletype & 4 or not series.size or beside:
                continue  # a thumbnail, a level of a pyramid, a transparency mask
            shape = dict(zip(series.axes, series.shape))
            check_size(path, shape.get("X", 1), shape.get("Y", 1))
            total += series.size
            if total > 4 * MAX_TOTAL:
                raise PictureError(too_large(path, f"its pages hold {total:,} numbers together"))
            _check_complete(path, series, size)
            _check_inflated(path, series)
            _check_lzw(path, series)
            planes = _planes(path, series)
            if planes is None:  # Pillow decodes what tifffile cannot; it returns all pages of the file
                return _pillow_pages(path, key)
            numbers = [page.index for page in series.pages if page is not None]
            numbers = numbers if len(numbers) == len(planes) else [key.index] * len(planes)
            order = [number if isinstance(number, tuple) else (number,) for number in numbers]
            found += zip(order, range(len(planes)), planes)
        turned = any(series.keyframe.tags.valueof(274, 1) in _TURNS for series in tif.series)
        colored = any(_only_shown(series.keyframe) for series in tif.series)
    pages = [plane for _, _, plane in sorted(found, key=lambda each: each[:2])]
    remark = "turned upright (EXIF)" if turned else f"{len(pages)} pages" if len(pages) > 1 else ""
    return pages, ", ".join(filter(None, [remark, "its colors (LUT) are for display only" if colored else ""]))


def _check_chain(path, size, limit=20_000):
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
            if here in seen or here + counter > size or len(seen) >= limit:
                raise PictureError(
                    f"{path.name}: is damaged or cut short: its list of pages leads nowhere after page {len(seen)}. "
                    "Copy or export it again."
                )
            seen.add(here)
            file.seek(here)
            file.seek(here + counter + entry * number(counter))
            here = number(wide)
    return len(seen)


def _check_note(path, tif, count):
    """Raise if an OME note counts more pages than the file has: tifffile would make them up, or never end."""
    note = tif.ome_metadata or "" if tif.is_ome else ""
    pixels = re.findall(r"<[^<>]*Pixels\b[^<>]*>", note)
    sizes = [re.findall(r"Size[ZCT]\s*=\s*[\"'](\d+)", one) for one in pixels]
    said = max((math.prod(map(int, each)) for each in sizes), default=0)
    if said > count * max(1, tif.pages.first.samplesperpixel):
        raise PictureError(
            f"{path.name}: its OME note speaks of {said:,} planes, and the file holds {count}; the others lie in other "
            "files, or are missing. Export the picture as one file."
        )


def _parts(path, series, least=0):
    """Yield where each part of a series begins and its bytes as the file stores them; least: of bytes, for a part."""
    with path.open("rb") as file:
        for page in series.pages:
            for offset, count in zip(page.dataoffsets, page.databytecounts):
                if count >= least:
                    file.seek(offset)
                    yield offset, file.read(count)


def _check_inflated(path, series, most=200_000_000):
    """Raise if compressed parts hold far more than the page is large: they would fill the memory."""
    key = series.keyframe
    if key.compression in _PICTURES:
        _check_sizes(path, series)
    if key.compression not in (8, 32946):
        return
    part = math.prod(key.chunks) * key.dtype.itemsize * 2 + 1_000_000
    for _, data in _parts(path, series, least=max(part, most) // 1032 + 1):  # deflate makes at most 1032 bytes of one
        if len(zlib.decompressobj().decompress(data, part)) >= part:
            raise _holds_more(path)


def _check_sizes(path, series):
    """Raise if parts that are pictures by themselves, such as JPEG, say that they are larger than their place."""
    key = series.keyframe
    place = 4 * math.prod(key.chunks) + 1_000_000
    for _, data in _parts(path, series):
        try:
            with Image.open(io.BytesIO(data)) as part:
                larger = part.size[0] * part.size[1] > place
        except Image.DecompressionBombError:
            larger = True
        except (OSError, ValueError, SyntaxError):  # a kind that Pillow does not know; its decoder will tell
            return
        if larger:
            raise _holds_more(path)


def _holds_more(path):
    return PictureError(
        f"{path.name}: one of its compressed parts holds more than the page that it belongs to. Export it again."
    )


def _check_lzw(path, series):
    """Raise if LZW data are damaged: the decoder would not raise, but end Python."""
    if series.keyframe.compression != 5:
        return
    for offset, data in _parts(path, series):
        if series.keyframe.fillorder == 2:  # bits from right to left
            data = np.packbits(np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")).tobytes()
        if not is_sound(data):
            raise PictureError(
                f"{path.name}: is damaged: its LZW data near byte {offset:,} mean nothing. Copy or export it again."
            )


def _check_complete(path, series, size):
    """Raise if the file ends before the data that its index promises."""
    for page in series.pages:
        if page is None:
            raise PictureError(f"{path.name}: speaks of pages that are not in it. Export the picture as one file.")
        for offset, count in zip(page.dataoffsets, page.databytecounts):
            if count < 0 or offset + count > size or count == 0 and not page.is_tiled:
                raise PictureError(
                    f"{path.name}: is cut short: its index names data up to byte {offset + count:,}, "
                    f"the file has {size:,}. Copy it again."
                )


def _planes(path, series):
    """Return the pages of a series as their tags mean them, or None if tifffile lacks the decoder."""
    try:
        array = series.asarray(maxworkers=1)
    except ValueError as error:
        if "imagecodecs" not in str(error):
            raise
        return None
    axes, samples = series.axes, "S" in series.axes
    if not samples and "C" in axes:
        axes = axes.replace("C", "S")  # channels as separate planes
    if "S" in axes:
        array, axes = np.moveaxis(array, axes.index("S"), -1), axes.replace("S", "") + "S"
    elif "C" in axes:
        samples = False
    flat = array.shape[-3:] if "S" in axes else array.shape[-2:]
    return [_meant(plane, series.keyframe, samples, path) for plane in array.reshape(-1, *flat)]


def _meant(plane, key, samples, path):
    """Return one page as its tags mean it: black below white, colors as red, green and blue, upright."""
    kind = getattr(key.photometric, "name", str(key.photometric))
    if plane.ndim == 2 and kind in ("MINISWHITE", "MINISBLACK"):
        plane = _gray(plane, key.bitspersample, kind == "MINISWHITE", path)
    elif plane.ndim == 2 and kind == "PALETTE" and key.colormap is not None:
        plane = plane if _only_shown(key) else (key.colormap >> 8).astype(np.uint8).T[plane]
    elif kind == "SEPARATED" and samples and plane.shape[-1] == 4:
        plane = _from_cmyk(plane)
    elif kind in ("YCBCR", "CIELAB", "ICCLAB") and samples and key.compression not in _DECODED:
        plane = np.array(Image.fromarray(plane, "YCbCr" if kind == "YCBCR" else "LAB").convert("RGB"))
    elif plane.ndim == 3 and plane.shape[-1] != 1 and not (
        samples and kind in ("RGB", "YCBCR") and plane.shape[-1] in (3, 4)
    ):
        alpha = samples and plane.shape[-1] == 2 and any(int(extra) in (1, 2) for extra in key.extrasamples or ())
        plane = plane[..., [0, 0, 0, 1]] if alpha else plane.view(Channels)
    turn = _TURNS.get(key.tags.valueof(274, 1))
    return np.ascontiguousarray(turn(plane)).view(type(plane)) if turn else plane


def _only_shown(key):
    """Whether the color table of a page is a LUT, as of ImageJ, which colors the screen and not the data."""
    table = key.colormap if getattr(key.photometric, "name", "") == "PALETTE" else None
    return table is not None and is_display_only((table >> 8).T, key.is_imagej)


def _gray(plane, bits, inverted, path):
    """Return gray numbers with black below white; 2 and 4 bits fill a byte, as other programs show them."""
    bits = bits[0] if isinstance(bits, tuple) else bits
    if inverted and plane.dtype.kind not in "bu":
        raise PictureError(
            f"{path.name}: says that its white is 0, with {plane.dtype} numbers, which is not defined. Export it again."
        )
    if inverted:
        plane = ~plane if plane.dtype == bool else (plane.dtype.type(2**bits - 1) - plane).astype(plane.dtype)
    return plane * np.uint8(255 // (2**bits - 1)) if bits in (2, 4) else plane


def _from_cmyk(plane):
    if plane.dtype != np.uint8:
        plane = np.round(plane / (np.iinfo(plane.dtype).max / 255)).astype(np.uint8)
    return np.array(Image.fromarray(np.ascontiguousarray(plane), "CMYK").convert("RGB"))


def _pillow_pages(path, key):
    """Read a TIFF whose compression tifffile cannot decode without the package imagecodecs; Pillow can do some."""
    pages = []
    try:
        with hush(), Image.open(path, formats=("TIFF",)) as picture:
            for i in range(getattr(picture, "n_frames", 1)):
                picture.seek(i)
                picture.load()
                color = picture.mode in ("P", "CMYK", "YCbCr", "LAB")
                pages.append(np.array(picture.convert("RGB") if color else picture))
    except (OSError, ValueError, SyntaxError) as error:
        kind = getattr(key.compression, "name", key.compression)
        raise PictureError(
            f"{path.name}: is compressed with {kind}, and the package that reads this is missing here: pip install "
            "imagecodecs. Or export the picture without compression."
        ) from error
    return pages, f"{len(pages)} pages" if len(pages) > 1 else ""
