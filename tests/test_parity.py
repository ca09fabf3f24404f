"""The reader beside Pillow, OpenCV and tifffile: kinds of PNG and TIFF that these libraries read but seldom write."""

import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile
from helpers.own_images import read_picture, to_gray
from PIL import Image

RNG = np.random.default_rng(0)
# Adam7: the first row and column of each of the seven passes of an interlaced PNG, and the steps between them.
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
COMPRESSIONS = [None, "zlib", "lzw", "zstd", "packbits", "jpeg"]
RAMP = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)  # JPEG changes it by a level at most


def packed(row, bits):
    """Return one row of numbers as the bytes of a file in which each takes `bits` bits, the highest first."""
    digits = row.astype(np.uint32).reshape(-1, 1) >> np.arange(bits - 1, -1, -1) & 1
    return np.packbits(digits.astype(np.uint8).ravel()).tobytes()


def write_png(path, array, bits, interlaced, palette=None):
    """Write a PNG as the standard says; Pillow and OpenCV write neither interlaced ones nor gray of 2 or 4 bits."""
    kind = 3 if palette is not None else 0 if array.ndim == 2 else {2: 4, 3: 2, 4: 6}[array.shape[-1]]
    parts = [array[top::down, left::right] for top, left, down, right in ADAM7] if interlaced else [array]
    rows = (row for part in parts if part.size for row in part)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *array.shape[1::-1], bits, kind, 0, 0, interlaced)),
              *([(b"PLTE", palette.tobytes())] if palette is not None else []),
              (b"IDAT", zlib.compress(b"".join(b"\0" + packed(row, bits) for row in rows))), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks))


def write_tiff(path, array, bits, order="<", white_is_zero=False):
    """Write a gray TIFF of so many bits, without compression; tifffile writes no 12 bits."""
    data = b"".join(packed(row, bits) for row in array)
    data += b"\0" * (len(data) % 2)
    height, width = array.shape
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, 0 if white_is_zero else 1), (273, 8), (277, 1),
            (278, height), (279, len(data))]
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags)
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    path.write_bytes(start + data + struct.pack(order + "H", len(tags)) + entries + struct.pack(order + "I", 0))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_gray_png_of_all_depths(tmp_path, bits, interlaced):
    array = RNG.integers(0, 2**bits, (13, 19))
    write_png(tmp_path / "a.png", array, bits, interlaced)
    [page] = read_picture(tmp_path / "a.png").pages
    assert np.allclose(to_gray(page)[0][..., 0], array / (2**bits - 1), atol=1e-6)
    by_opencv = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(page * by_opencv.dtype.type(255 if bits == 1 else 1), by_opencv)
    by_pillow = np.asarray(Image.open(tmp_path / "a.png"))
    assert np.array_equal(page, by_pillow)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_color_png_of_both_depths(tmp_path, channels, bits, interlaced):
    array = RNG.integers(0, 2**bits, (13, 19, channels))
    write_png(tmp_path / "a.png", array, bits, interlaced)
    [page] = read_picture(tmp_path / "a.png").pages
    assert np.array_equal(page, array[..., [0, 0, 0, 1]] if channels == 2 else array)
    shown = np.asarray(Image.open(tmp_path / "a.png").convert("RGBA"))[..., : page.shape[-1]]
    assert np.abs(page / (2**bits - 1) - shown / 255).max() < 0.005, "Pillow shows the same, in 8 bits"


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_png_with_a_palette(tmp_path, bits, interlaced):
    array, palette = RNG.integers(0, 2**bits, (13, 19)), RNG.integers(0, 256, (2**bits, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", array, bits, interlaced, palette)
    [page] = read_picture(tmp_path / "a.png").pages
    assert np.array_equal(page, palette[array])
    assert np.array_equal(page, np.asarray(Image.open(tmp_path / "a.png").convert("RGB")))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("width", [18, 19])  # with 12 bits, an odd row ends within a byte
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12])
def test_gray_tiff_of_all_depths(tmp_path, bits, width, order):
    array = RNG.integers(0, 2**bits, (13, width))
    for name, inverted in (("a.tif", False), ("b.tif", True)):
        write_tiff(tmp_path / name, 2**bits - 1 - array if inverted else array, bits, order, inverted)
        [page] = read_picture(tmp_path / name).pages
        scale = 255 // (2**bits - 1) if bits in (2, 4) else 1
        assert np.array_equal(page, array * scale), name
        if bits < 12 or (order, inverted) == ("<", False):  # the others Pillow does not open
            assert np.array_equal(page, np.asarray(Image.open(tmp_path / name))), name
        if bits == 12:
            by_tifffile = tifffile.imread(tmp_path / name)
            assert page.dtype == np.uint16 and np.array_equal(page, 4095 - by_tifffile if inverted else by_tifffile)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd"])
@pytest.mark.parametrize("dtype", ["int8", "int16", "uint32", "int32", "float32", "float64"])
def test_tiff_of_other_numbers(tmp_path, dtype, compression):
    array = RNG.normal(0 if dtype[0] != "u" else 1e6, 40, (13, 19)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, compression=compression, photometric="minisblack")
    [page] = read_picture(tmp_path / "a.tif").pages
    assert page.dtype == dtype and np.array_equal(page, array)
    assert np.array_equal(page, tifffile.imread(tmp_path / "a.tif"))
    if dtype not in ("int8", "float64"):  # Pillow takes 8 bits for numbers without a sign, and does not open float64
        assert np.array_equal(page, np.asarray(Image.open(tmp_path / "a.tif")))


UPRIGHT = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: np.rot90(np.fliplr(a)),
           6: lambda a: np.rot90(a, -1), 7: lambda a: np.rot90(np.fliplr(a), -1), 8: np.rot90}  # as EXIF counts them


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("turn", UPRIGHT)
def test_orientation_of_compressed_tiff(tmp_path, turn, compression, tile):
    """Pillow 12 leaves uncompressed gray ones of turns 5 to 8 on their side, so the turns are written out here."""
    for array in (RAMP, np.dstack([RAMP, RAMP // 2, RAMP])):
        tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb" if array.ndim == 3 else "minisblack", tile=tile,
                         compression=compression, extratags=[(274, "H", 1, turn, True)])
        [page] = read_picture(tmp_path / "a.tif").pages
        expected = UPRIGHT[turn](array).astype(int)
        assert page.shape == expected.shape and np.abs(page - expected).max() <= 4 * (compression == "jpeg")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_pages_channels_and_levels_in_compressed_tiff(tmp_path, compression):
    off = 2 * (compression == "jpeg")
    stack = np.stack([np.roll(RAMP, 3 * i, axis=0) for i in range(12)]).reshape(2, 3, 2, 48, 64)
    tifffile.imwrite(tmp_path / "imagej.tif", stack, imagej=True, metadata={"axes": "TZCYX"}, compression=compression)
    pages = read_picture(tmp_path / "imagej.tif").pages
    assert len(pages) == 6 and np.abs(np.moveaxis(pages, -1, 1) - stack.reshape(6, 2, 48, 64).astype(int)).max() <= off
    for tile in (None, (16, 16)):
        tifffile.imwrite(tmp_path / "a.ome.tif", stack[0], ome=True, metadata={"axes": "ZCYX"}, compression=compression,
                         photometric="minisblack", tile=tile)
        pages = read_picture(tmp_path / "a.ome.tif").pages
        assert len(pages) == 3 and np.abs(np.moveaxis(pages, -1, 1) - stack[0].astype(int)).max() <= off
    small = np.ascontiguousarray(RAMP[::2, ::2])
    for levels in ({"subifds": 1}, {}):  # levels below the picture, or as pages that say what they are
        with tifffile.TiffWriter(tmp_path / "pyramid.tif") as file:
            file.write(RAMP, tile=(16, 16), compression=compression, **levels)
            file.write(small, tile=(16, 16), compression=compression, subfiletype=1)
        [page] = read_picture(tmp_path / "pyramid.tif").pages
        assert page.shape == RAMP.shape and np.abs(page - RAMP.astype(int)).max() <= off
