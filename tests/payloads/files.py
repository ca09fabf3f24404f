"""Pictures, folders, archives, annotations and tables from a stranger, or unlucky ones of one's own."""

import io
import json
import lzma
import os
import struct
import zipfile
import zlib

import numpy as np
import tifffile
from payloads import payload, write_zeros, zlib_zeros
from PIL import Image

GRAY = np.arange(256, dtype=np.uint8).reshape(16, 16)


def reading(path):
    """Return how a picture is read, and in which words."""
    from helpers.own_images.files import read_picture

    def read():
        pages = read_picture(path).pages
        return f"{len(pages)} pages of {'x'.join(map(str, pages[0].shape))}"
    return read


def loading(folder, *masks):
    """Return how a folder is loaded."""
    from helpers.own_images import load_pairs

    return lambda: f"{len(load_pairs(folder, *masks).records)} pairs"


def pairs_in(folder, names=("a",)):
    """Write pictures and masks into folder/i and folder/m, and return both."""
    images, masks = folder / "i", folder / "m"
    images.mkdir(), masks.mkdir()
    held, marked = (io.BytesIO() for _ in range(2))
    Image.fromarray(GRAY).save(held, "PNG")
    Image.fromarray((GRAY > 100).astype(np.uint8) * 255).save(marked, "PNG")
    for name in names:
        (images / f"{name}.png").write_bytes(held.getvalue())
        (masks / f"{name}.png").write_bytes(marked.getvalue())
    return images, masks


# --- TIFF ---

OME = "an OME note that names other files, or planes that are not there"
TEMPLATE = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    'BigEndian="false" DimensionOrder="XYZCT" ID="Pixels:0" SizeC="1" SizeT="{t}" SizeX="16" SizeY="16" SizeZ="{z}" '
    'Type="uint8">{data}</Pixels></Image></OME>'
)


def ome(folder, z=1, t=1, data='<TiffData IFD="0" PlaneCount="1"/>', text=None):
    tifffile.imwrite(folder / "a.ome.tif", GRAY, description=text or TEMPLATE.format(z=z, t=t, data=data), metadata=None)
    return reading(folder / "a.ome.tif")


for _name, _how in {
    "sizez_of_60_000_000": {"z": 60_000_000}, "sizez_of_3_000_000": {"z": 3_000_000}, "sizet_of_60_000_000": {"t": 60_000_000},
    "64_million_planes_of_two_sizes": {"z": 8000, "t": 8000}, "size_of_400_digits": {"z": "9" * 400}, "plane_a_million_pages_on": {"z": 2, "data": '<TiffData IFD="1000000" PlaneCount="1"/>'},
}.items():
    def _build(folder, how=_how):
        return ome(folder, **how)
    _build.__name__ = _name
    payload(OME)(_build)


@payload(OME)
def plane_in_another_file(folder):
    (folder / "outside").mkdir()
    tifffile.imwrite(folder / "outside" / "secret.tif", GRAY)
    return ome(folder, z=2, data='<TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="outside/secret.tif">urn:uuid:1</UUID></TiffData>')


@payload(OME, reads=True)
def entities_that_expand(folder):
    heads = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    return ome(folder, text=f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a0 "x">{heads}]>' + TEMPLATE.format(z=1, t=1, data="&a11;").partition("?>")[2])


STRIPS = "a TIFF whose parts inflate"


def strip(folder, part, compression, bits=None, **how):
    """Write a TIFF of 16x16 with one part, which says that it is packed in a way."""
    tifffile.imwrite(folder / "a.tif", iter([part]), shape=(16, 16), dtype="u1", compression=compression, rowsperstrip=16, **how)
    return reading(folder / "a.tif")


@payload(STRIPS)
def strip_of_2_gigabytes(folder):
    return strip(folder, zlib_zeros(2_000_000_000), "zlib")


@payload(STRIPS)
def zstd_strip_of_2_gigabytes(folder):
    imagecodecs = imports("imagecodecs")
    return strip(folder, imagecodecs.zstd_encode(bytes(1 << 24), 19) * 128, "zstd")


@payload(STRIPS)
def zstd_strip_that_says_2_gigabytes(folder):
    return strip(folder, b"\x28\xb5\x2f\xfd" + bytes([0b10100000]) + struct.pack("<I", 2_000_000_000) + b"\x03\0\0x", "zstd")


@payload(STRIPS, reads=True)  # what its page holds is read, and the rest is left
def lzma_strip_of_400_megabytes(folder):
    packer = lzma.LZMACompressor(format=lzma.FORMAT_XZ, preset=0)
    return strip(folder, b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(400)), packer.flush()]), "lzma")


def picture_in_a_strip(folder, pixels, kind, **how):
    """A TIFF whose one part is a whole picture of another kind."""
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, kind, **how)
    return strip(folder, held.getvalue(), kind.lower())


@payload(STRIPS)
def jpeg_strip_of_12000_squared(folder):
    return picture_in_a_strip(folder, np.zeros((12_000, 12_000), np.uint8), "JPEG")


@payload(STRIPS)
def jpeg_strip_that_says_65000_squared(folder):
    held = io.BytesIO()
    Image.fromarray(GRAY).save(held, "JPEG")
    return strip(folder, held.getvalue().replace(b"\x08\0\x10\0\x10\x01", b"\x08\xfd\xe8\xfd\xe8\x01"), "jpeg")


@payload(STRIPS)
def webp_strip_of_8000_squared(folder):
    return picture_in_a_strip(folder, np.zeros((8000, 8000, 3), np.uint8), "WEBP", quality=10, method=0)


@payload(STRIPS)
def png_strip_of_12000_squared(folder):
    return picture_in_a_strip(folder, np.zeros((12_000, 12_000), np.uint8), "PNG")


@payload(STRIPS)
def jpeg2000_strip_of_8000_squared(folder):
    return picture_in_a_strip(folder, np.zeros((8000, 8000), np.uint8), "JPEG2000")


@payload(STRIPS, reads=True)  # what its page holds is read, and the rest is left
def lzw_strip_of_400_megabytes(folder):
    imagecodecs = imports("imagecodecs")
    return strip(folder, imagecodecs.lzw_encode(bytes(400_000_000)), "lzw")


@payload(STRIPS)
def packbits_strip_of_400_megabytes(folder):
    return strip(folder, b"\x81\0" * 3_200_000, "packbits")


@payload(STRIPS, reads=True)
def sound_strips_of_every_packing(folder):
    read = []
    for packing in ("zlib", "zstd", "lzma", "lzw", "packbits", "jpeg", "webp", "png", "jpeg2000"):
        picture = np.zeros((300, 300, 3), np.uint8) if packing == "webp" else np.zeros((300, 300), np.uint8)
        tifffile.imwrite(folder / f"{packing}.tif", picture, compression=packing, photometric="rgb" if packing == "webp" else "minisblack")
        read.append(reading(folder / f"{packing}.tif"))
    return lambda: "; ".join(each() for each in read)


@payload(STRIPS)
def page_of_60000_squared_without_data(folder):
    tifffile.imwrite(folder / "a.tif", iter([b"x"]), shape=(60_000, 60_000), dtype="u1", compression="zlib", rowsperstrip=60_000)
    return reading(folder / "a.tif")


@payload(STRIPS)
def list_of_pages_in_a_circle(folder):
    (folder / "a.tif").write_bytes(b"II*\0\x08\0\0\0\0\0\x08\0\0\0")
    return reading(folder / "a.tif")


PICTURES = "a picture that says it is huge, or none"


def chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def png(width, height, bits, color, *more):
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([bits, color, 0, 0, 0])) + b"".join(more) + chunk(b"IEND", b"")


@payload(PICTURES)
def png_of_10000_squared_rgba_16_bits(folder):
    (folder / "a.png").write_bytes(png(10_000, 10_000, 16, 6, chunk(b"IDAT", zlib_zeros(80_001 * 10_000))))
    return reading(folder / "a.png")


@payload(PICTURES)
def png_of_30000_squared(folder):
    (folder / "a.png").write_bytes(png(30_000, 30_000, 8, 0, chunk(b"IDAT", zlib.compress(b""))))
    return reading(folder / "a.png")


@payload(PICTURES)
def png_whose_text_inflates_to_1_gigabyte(folder):
    text = chunk(b"zTXt", b"a\0\0" + zlib_zeros(1_000_000_000))
    (folder / "a.png").write_bytes(png(1, 1, 8, 0, text, chunk(b"IDAT", zlib.compress(b"\0\0"))))
    return reading(folder / "a.png")


@payload(PICTURES)
def gif_of_100000_pages(folder):
    frame = b"\x2c\0\0\0\0\xe8\x03\xe8\x03\0\x02\x02\x4c\x01\0"
    (folder / "a.gif").write_bytes(b"GIF89a\xe8\x03\xe8\x03\x80\0\0\0\0\0\xff\xff\xff" + frame * 100_000 + b";")
    return reading(folder / "a.gif")


@payload(PICTURES)
def npy_of_1_terabyte(folder):
    np.lib.format.write_array_header_1_0((folder / "a.npy").open("wb"), {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)})
    return reading(folder / "a.npy")


@payload(PICTURES)
def npy_with_pickled_objects(folder):
    np.save(folder / "a.npy", np.array([[print]], object), allow_pickle=True)
    return reading(folder / "a.npy")


@payload(PICTURES)
def dicom_of_60000_squared(folder):
    from payloads.fuzz import dicom

    (folder / "a.dcm").write_bytes(dicom(GRAY).replace(b"US\x02\0\x10\0", b"US\x02\0\x60\xea"))
    return reading(folder / "a.dcm")


@payload(PICTURES)
def nifti_packed_of_2_gigabytes(folder):
    import gzip

    import nibabel
    head = nibabel.Nifti1Header()
    head.set_data_shape((30_000, 30_000, 2))
    with gzip.open(folder / "a.nii.gz", "wb", 1) as file:
        file.write(head.binaryblock + bytes(4))
    return reading(folder / "a.nii.gz")


@payload(PICTURES)
def picture_that_is_a_pipe(folder):
    os.mkfifo(folder / "a.png")
    return reading(folder / "a.png")


# --- folders ---

FOLDERS = "folders whose names do not match"


def unmatched(folder, count):
    images, masks = folder / "i", folder / "m"
    images.mkdir(), masks.mkdir()
    held = io.BytesIO()
    Image.fromarray(GRAY).save(held, "PNG")
    for i in range(count):
        (images / f"cell_{i:05}_x.png").write_bytes(held.getvalue())
        (masks / f"cell_{i:05}_y.png").write_bytes(held.getvalue())
    return loading(images, masks)


@payload(FOLDERS)
def names_400_that_do_not_match(folder):
    return unmatched(folder, 400)


@payload(FOLDERS)
def names_1500_that_do_not_match(folder):
    return unmatched(folder, 1500)


@payload(FOLDERS)
def names_5000_that_do_not_match(folder):
    return unmatched(folder, 5000)


@payload(FOLDERS)
def folders_of_masks_of_which_one_is_missing(folder):
    images, masks = pairs_in(folder, ("a", "b"))
    (masks / "b.png").unlink()
    for number in range(2):
        (masks / "a").mkdir(exist_ok=True)
        (masks / "a" / f"{number}.png").write_bytes((images / "a.png").read_bytes())
    (masks / "a.png").unlink()
    return loading(images, masks)


NAMES = "deep folders, circles of links, names that forge a line"


@payload(NAMES)
def folders_1500_in_each_other(folder):
    images, masks = pairs_in(folder)
    place = os.open(images, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    return loading(images, masks)


@payload(NAMES)
def circle_of_links(folder):
    images, masks = pairs_in(folder)
    (images / "b.png").symlink_to("c.png")
    (images / "c.png").symlink_to("b.png")
    return loading(images, masks)


@payload(NAMES, reads=True)
def link_to_the_folder_itself(folder):
    images, masks = pairs_in(folder)
    (images / "again").symlink_to(images)
    return loading(images, masks)


@payload(NAMES)
def link_out_of_the_folder(folder):
    images, masks = pairs_in(folder)
    (images / "b.png").symlink_to("/etc/hostname")
    return loading(images, masks)


for _name, _word in {
    "name_with_a_line_end": "b\na.png  16x16  fine", "name_with_an_escape": "b\x1b[2J\x1b]0;mine\x07", "name_that_is_no_utf8": os.fsdecode(b"b\xe6\xff"),
    "name_that_turns_around": "b\u202egnp.a", "name_with_a_line_separator": "b\u2028c", "name_with_a_return": "b\rfine",
}.items():
    def _named(folder, word=_word):
        return loading(*pairs_in(folder, ("a", word)))
    _named.__name__ = _name
    payload(NAMES)(_named)

    def _folder_named(folder, word=_word):
        images, masks = pairs_in(folder)
        for place in (images, masks):
            (place / word).mkdir()
            (place / "a.png").rename(place / word / "a.png")
        return loading(images, masks)
    _folder_named.__name__ = "folder_" + _name
    payload(NAMES)(_folder_named)

    def _unused(folder, word=_word):
        images, masks = pairs_in(folder)
        (images / f"{word}.xyz").write_text("no picture")
        from helpers.own_images import load_pairs
        return lambda: " ".join(load_pairs(images, masks).remarks)
    _unused.__name__ = "unused_file_" + _name
    payload(NAMES, reads=True)(_unused)


@payload(NAMES, reads=True)
def names_of_all_scripts(folder):
    return loading(*pairs_in(folder, ("größe ² µm", "細胞1", "خلية", "कोशिका", "नमस्\u200dते", "it's (1)$HOME")))


# --- archives ---

ARCHIVES = "an archive to unpack that is encrypted, forged or does not fit a disk"


def unpacking(folder, members, packing=zipfile.ZIP_DEFLATED, change=None):
    """Write an archive and return how it is unpacked. members: names and contents, or how many zeros."""
    from helpers.own_images import unpack

    held = io.BytesIO()
    import warnings
    with warnings.catch_warnings(), zipfile.ZipFile(held, "w", packing) as archive:
        warnings.simplefilter("ignore")  # names that come twice
        for name, content in members:
            write_zeros(archive, name, content) if isinstance(content, int) else archive.writestr(name, content)
    content = bytearray(held.getvalue())
    (folder / "a.zip").write_bytes(change(content) if change else content)
    return lambda: f"{sum(path.is_file() for path in unpack(folder / 'a.zip', folder / 'out').rglob('*'))} files"


def encrypted(content):
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + place] |= 1
    return content


for _name, (_members, _packing, _change) in {
    "zip_that_is_encrypted": ([("a.txt", "a")], zipfile.ZIP_DEFLATED, encrypted),
    "name_of_300_characters": ([("a" * 300, "a")], zipfile.ZIP_DEFLATED, None),
    "name_of_100_characters_and_300_bytes": ([("細" * 100, "a")], zipfile.ZIP_DEFLATED, None),
    "folders_1000_in_each_other_in_a_zip": ([("d/" * 1000 + "a", "a")], zipfile.ZIP_DEFLATED, None),
    "file_and_folder_of_one_name": ([("a", "a"), ("a/b", "b")], zipfile.ZIP_DEFLATED, None),
    "folder_and_file_of_one_name": ([("a/b", "b"), ("a", "a")], zipfile.ZIP_DEFLATED, None),
    "one_name_twice": ([("a", "a"), ("./a", "b")], zipfile.ZIP_DEFLATED, None),
    "zip_name_with_an_escape": ([("a\x1b[2J", "a")], zipfile.ZIP_DEFLATED, None),
    "zip_name_with_a_line_end": ([("a\nb", "a")], zipfile.ZIP_DEFLATED, None),
    "zip_name_that_leads_out": ([("../a", "a")], zipfile.ZIP_DEFLATED, None),
    "zip_name_from_the_root": ([("/tmp/a", "a")], zipfile.ZIP_DEFLATED, None),
    "zip_name_of_nothing": ([("./", "a")], zipfile.ZIP_DEFLATED, None),
    "zip_packed_by_lzma": ([("a", "a")], zipfile.ZIP_LZMA, None),
    "zip_packed_by_bzip2": ([("a", "a")], zipfile.ZIP_BZIP2, None),
    "zip_that_is_cut": ([("a", os.urandom(1000))], zipfile.ZIP_DEFLATED, lambda content: content[:500]),
    "zip_with_another_checksum": ([("a", b"x" * 50)], zipfile.ZIP_STORED, lambda content: content.replace(b"x" * 50, b"x" * 49 + b"y")),
}.items():
    def _archived(folder, members=_members, packing=_packing, change=_change):
        return unpacking(folder, members, packing, change)
    _archived.__name__ = _name
    payload(ARCHIVES)(_archived)


@payload(ARCHIVES)
def zip_of_3_gigabytes(folder):
    return unpacking(folder, [(f"{i}", 17_000_000) for i in range(180)])


@payload(ARCHIVES)
def regions_of_1_gigabyte(folder):
    from helpers.own_images.annotations import read_annotations

    unpacking(folder, [(f"{i}.roi", 17_000_000) for i in range(60)])
    return lambda: read_annotations(folder / "a.zip")


# --- annotations, tables, downloads, progress ---

TEXTS = "annotations and tables that are endless, deep or none"


def annotated(folder, content):
    from helpers.own_images import load_pairs

    images, _ = pairs_in(folder)
    (images / "a.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return lambda: f"{len(load_pairs(images).records)} pairs"


def outline(*points, kind="polygon"):
    return {"shapes": [{"shape_type": kind, "points": points}]}


_COCO = {"images": [{"id": 1, "file_name": "a.png"}]}
for _name, _content in {
    "annotations_100000_deep": "[" * 100_000, "annotations_in_annotations": '{"a":' * 3000 + "1" + "}" * 3000, "outline_at_nan": '{"shapes": [{"points": [[NaN, 1], [2, 3], [4, 5]]}]}',
    "outline_at_1e300": outline([1e300, 1], [2, 3], [4, 5]), "circle_at_infinity": outline([1e308, 1e308], [-1e308, -1e308], kind="circle"), "outline_of_nothing": outline(),
    "outline_of_numbers": outline(1, 2, 3), "number_of_5000_digits": '{"shapes": [{"points": [[' + "9" * 5000 + ", 1]]}]}",
    "runs_of_10_to_the_18": {**_COCO, "annotations": [{"image_id": 1, "segmentation": {"counts": [10**18], "size": [10**9, 10**9]}}]},
    "runs_of_10_gigabytes": {**_COCO, "annotations": [{"image_id": 1, "segmentation": {"counts": [10**10], "size": [10**5, 10**5]}}]},
    "runs_below_zero": {**_COCO, "annotations": [{"image_id": 1, "segmentation": {"counts": [-1, 257], "size": [16, 16]}}]},
    "collections_in_collections": {"geometry": {"type": "GeometryCollection", "geometries": []}, "features": [{"geometry": {"type": "Polygon", "coordinates": [[["a", "b"]]]}}]},
}.items():
    def _annotated(folder, content=_content):
        return annotated(folder, content)
    _annotated.__name__ = _name
    payload(TEXTS)(_annotated)


def table(folder, content):
    from helpers.own_images import groups_from_csv

    (folder / "a.csv").write_bytes(content)
    return lambda: str(groups_from_csv(folder / "a.csv", ["a"], "file", "slide"))


@payload(TEXTS)
def table_with_a_cell_of_300000_characters(folder):
    return table(folder, b"file,slide\na," + b"x" * 300_000 + b"\n")


@payload(TEXTS)
def table_of_zeros(folder):
    return table(folder, bytes(100_000))


@payload(TEXTS)
def table_that_is_a_pipe(folder):
    from helpers.own_images import groups_from_csv

    os.mkfifo(folder / "a.csv")
    return lambda: groups_from_csv(folder / "a.csv", ["a"], "file", "slide")


@payload(TEXTS)
def annotations_that_are_a_pipe(folder):
    from helpers.own_images.annotations import read_annotations

    os.mkfifo(folder / "a.json")
    return lambda: read_annotations(folder / "a.json")


PROGRESS = "a file of progress that is deep, a pipe or a circle of links"


def recording(folder):
    from helpers.checks import record

    os.environ["UNET_COURSE_PROGRESS"] = str(folder)

    def tell():
        import contextlib
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            record.record_state("1.1", "solved")
        return told.getvalue().strip() or "kept"
    return tell


@payload(PROGRESS, reads=True)
def progress_100000_deep(folder):
    (folder / "progress.json").write_text("[" * 100_000)
    return recording(folder)


@payload(PROGRESS, reads=True)
def progress_that_is_a_pipe(folder):
    os.mkfifo(folder / "progress.json")
    return recording(folder)


@payload(PROGRESS, reads=True)
def progress_that_is_a_circle_of_links(folder):
    (folder / "progress.json").symlink_to("b.json")
    (folder / "b.json").symlink_to("progress.json")
    return recording(folder)


FETCHED = "addresses that are none of the web"
for _name, _url in {"file_of_the_machine": "file:///etc/hostname", "file_written_large": "FILE:///etc/hostname", "data_in_the_address": "data:,a", "ftp_address": "ftp://127.0.0.1/a", "address_without_a_name": "http:///", "address_with_a_line_end": "https://127.0.0.1:9/a\nHost: b"}.items():
    def _fetched(folder, url=_url):
        from helpers.own_images import fetch
        return lambda: fetch(url, None, folder / "cache", timeout=1, progress=False)
    _fetched.__name__ = _name
    payload(FETCHED)(_fetched)


def imports(name):
    """Return a package, or say that this machine lacks it."""
    import importlib

    return importlib.import_module(name)
