"""Five thousand damaged files, and what the reader says of each: writes damaged.md.

    python benchmarks/damaged.py                 all, in processes of 500 files; about five minutes
    python benchmarks/damaged.py --range 40 41   these alone, printed

A sound file of every kind is cut short, has bits flipped, bytes overwritten, blocks removed, doubled or exchanged, often in
its header. It must be read, or refused with a `PictureError`. Everything else is a fault: another error, a crash, a
second lost, or memory beyond 2 GB.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import tifffile  # noqa: E402
from PIL import Image  # noqa: E402

from benchmarks.peak_memory import high_water  # noqa: E402
from helpers.own_images.annotations import read_annotations  # noqa: E402
from helpers.own_images.object_outlines import drawn  # noqa: E402
from helpers.own_images.channels import to_gray  # noqa: E402
from helpers.own_images.files import Channels, PictureError, read_picture  # noqa: E402
from helpers.own_images.masks import codes_of, folder_facts, foreground_of  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
COUNT, LARGEST, SLOW = 5000, 2_000_000_000, 10.0
BOXES = [[[2, 2], [20, 2], [20, 15], [2, 15]], [[30, 5], [44, 5], [44, 25], [30, 25]]]


def _tiff(array, **options):
    content = io.BytesIO()
    tifffile.imwrite(content, array, **options)
    return content.getvalue()


def _pillow(array, kind, mode=None, **options):
    content = io.BytesIO()
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(content, kind, **options)
    return content.getvalue()


def _volume(ending):
    import nibabel

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"a{ending}"
        nibabel.save(nibabel.Nifti1Image(np.arange(40 * 30 * 2, dtype=np.int16).reshape(40, 30, 2), np.eye(4)), path)
        return path.read_bytes()


def _dicom():
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("a.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Rows, data.Columns = CTImageStorage, meta.MediaStorageSOPInstanceUID, 30, 40
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 16, 12, 11, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = np.arange(1200, dtype=np.uint16).tobytes()
    content = io.BytesIO()
    pydicom.dcmwrite(content, data)
    return content.getvalue()


def _rois():
    import roifile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, box in enumerate(BOXES):
            archive.writestr(f"{i}.roi", roifile.ImagejRoi.frompoints(np.array(box, float)).tobytes())
    return content.getvalue()


@cache
def sound_files() -> dict[str, bytes]:
    """Return one sound file of every kind, by a name with its ending."""
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (60, 70), dtype=np.uint8)
    color, deep = rng.integers(0, 256, (60, 70, 3), dtype=np.uint8), rng.integers(0, 4096, (60, 70)).astype(np.uint16)
    stack = np.stack([deep] * 3)
    numpy = io.BytesIO()
    np.save(numpy, deep)
    rings = [[*box, box[0]] for box in BOXES]
    coco = {"images": [{"id": 1, "file_name": "a.png"}],
            "annotations": [{"image_id": 1, "segmentation": [np.ravel(box).tolist()]} for box in BOXES]}
    geo = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings]}
    labelme = {"shapes": [{"label": "cell", "points": box, "shape_type": "polygon"} for box in BOXES]}
    return {
        "gray.png": _pillow(gray, "PNG"), "color.png": _pillow(color, "PNG"), "deep.png": _pillow(deep, "PNG"),
        "palette.png": _pillow(color, "PNG", "P"), "alpha.png": _pillow(color, "PNG", "RGBA"), "bit.png": _pillow(gray, "PNG", "1"),
        "color.jpg": _pillow(color, "JPEG"), "turned.jpg": _pillow(gray, "JPEG", exif=_turned()), "cmyk.jpg": _pillow(color, "JPEG", "CMYK"),
        "gray.bmp": _pillow(gray, "BMP"), "color.webp": _pillow(color, "WEBP"), "gray.gif": _pillow(gray, "GIF"),
        "gray.pgm": _pillow(gray, "PPM"), "plain.tif": _tiff(deep), "lzw.tif": _tiff(gray, compression="lzw", predictor=True),
        "zlib.tif": _tiff(stack, compression="zlib"), "jpeg.tif": _tiff(color, compression="jpeg", photometric="rgb"),
        "tiles.tif": _tiff(gray, tile=(32, 32), compression="zstd"), "big.tif": _tiff(deep, bigtiff=True), "mac.tif": _tiff(deep, byteorder=">"),
        "imagej.tif": _tiff(stack, imagej=True, metadata={"axes": "ZYX"}), "two.ome.tif": _tiff(stack[:2], ome=True, metadata={"axes": "CYX"}),
        "packed.tif": _tiff(gray > 99, photometric="minisblack"), "a.npy": numpy.getvalue(), "a.nii": _volume(".nii"),
        "a.nii.gz": _volume(".nii.gz"), "a.dcm": _dicom(), "labelme.json": json.dumps(labelme).encode(),
        "coco.json": json.dumps(coco).encode(), "a.geojson": json.dumps(geo).encode(), "rois.zip": _rois(),
    }


def _turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def damaged(number: int) -> tuple[str, str, bytes]:
    """Return the name of a kind, what was done, and the content of the damaged file with this number."""
    rng, sound = np.random.default_rng([81, number]), sound_files()
    name = list(sound)[number % len(sound)]
    content = bytearray(sound[name])
    end = len(content) if rng.random() < 0.5 else min(len(content), 200)  # the header is what decides
    at, length = int(rng.integers(end)), int(rng.integers(1, 40))
    what = ("cut short", "bits flipped", "bytes overwritten", "removed", "doubled", "exchanged", "extremes")[int(rng.integers(7))]
    if what == "cut short":
        del content[at:]
    elif what == "bits flipped":
        for place in rng.integers(end, size=int(rng.integers(1, 6))):
            content[place] ^= 1 << int(rng.integers(8))
    elif what == "bytes overwritten":
        content[at : at + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
    elif what == "removed":
        del content[at : at + length]
    elif what == "doubled":
        content[at:at] = content[at : at + length]
    elif what == "exchanged":
        other = int(rng.integers(len(content)))
        content[at : at + 8], content[other : other + 8] = content[other : other + 8], content[at : at + 8]
    else:
        content[at : at + 4] = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80")[int(rng.integers(4))]
    return name, what, bytes(content)


def read(path):
    """Read a picture and take it for gray levels and for a mask, or read annotations and draw them."""
    if path.suffix in (".json", ".geojson", ".zip"):
        for objects in read_annotations(path).values():
            drawn(objects, 60, 70)
        return
    for page in read_picture(path).pages:
        with contextlib.suppress(PictureError):  # that it needs a range, for example
            to_gray(page, path.name, channel=0 if isinstance(page, Channels) else None)
        with contextlib.suppress(PictureError):  # that it is no mask
            codes = codes_of(page, path.name, path.suffix == ".jpg")
            foreground_of(codes, None, folder_facts([codes]))


def try_range(first: int, last: int, log) -> None:
    """Try the files with these numbers, and write a line of JSON about each."""
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_AS, (LARGEST + 6_000_000_000, LARGEST + 6_000_000_000))  # what libraries map at their start
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(first, last):
            name, what, content = damaged(number)
            path = Path(scratch) / name
            path.write_bytes(content)
            before, said, fault = time.process_time(), "read", ""
            try:
                read(path)
            except PictureError as error:
                said = "refused"
                fault = "" if len(str(error)) < 1500 else f"a message of {len(str(error))} characters"
            except BaseException as error:  # noqa: BLE001 what a student must never see
                fault = traceback.format_exception_only(error)[-1].strip()[:200]
            if time.process_time() - before > SLOW:
                fault = fault or f"took {time.process_time() - before:.0f} s"
            if high_water() > LARGEST:
                fault = fault or "took more than 2 GB"
            log.write(json.dumps([number, name, what, said, fault]) + "\n")
            log.flush()


def main() -> None:
    """Try all files in processes that may die, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--range", type=int, nargs=2)
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    if options.range:
        try_range(*options.range, sys.stdout)
        return
    rows, number = [], 0
    while number < options.count:
        command = [sys.executable, __file__, "--range", str(number), str(min(number + 500, options.count))]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        rows += [json.loads(line) for line in done.stdout.splitlines()]
        number = rows[-1][0] + 1 if rows else 0
        if done.returncode and number < options.count:
            name, what, _ = damaged(number)
            rows.append([number, name, what, "died", f"the process ended with {done.returncode}"])
            number += 1
        print(number, sum(bool(row[4]) for row in rows), flush=True)
    faults = [row for row in rows if row[4]]
    kinds = collections.defaultdict(collections.Counter)
    for _, name, _, said, fault in rows:
        kinds[name][said if not fault else "fault"] += 1
    lines = [
        "# Damaged files", "",
        f"`python benchmarks/damaged.py`, {os.cpu_count()} CPU cores. {len(rows):,} files: {sum(row[3] == 'read' and not row[4] for row in rows):,} were "
        f"read in spite of the damage, {sum(row[3] == 'refused' and not row[4] for row in rows):,} were refused with an error of ours, {len(faults)} were faults.", "",
        "| kind | read | refused | faults |", "| --- | --- | --- | --- |",
        *(f"| {name} | {c['read']} | {c['refused']} | {c['fault']} |" for name, c in kinds.items()), "",
        *(f"- number {number}, {name}, {what}: {fault}" for number, name, what, _, fault in faults), "",
    ]
    print("\n".join(lines))
    if options.count == COUNT:
        REPORT.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
