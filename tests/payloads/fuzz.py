"""Damaged and twisted files: pictures, archives, networks, notes and tables, changed by chance, and what comes of each.

    python tests/payloads/fuzz.py KIND [KIND ...] FIRST LAST     one line of JSON for each case, the same for the same numbers

A case either is read or raises an error of ours. Each line comes before its case as {"case": n}, so that whoever
reads them knows which one ended the process.
"""

import contextlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]

WORDS = [b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x80", b"\0\0\0\0\0\0\0\0", b"NaN", b"1e999", b"-1", b"\x1b[2J", b"\n", b'"', b"{" * 50]
VALUES = [None, True, False, -1, 0, 1, 2, 0.5, -0.5, 10**6, 10**9, 10**18, 10**400, float("nan"), float("inf"), 1e300, "", "a", "\x1b[2J", "none\nnone", "keras.datasets.mnist.load_data", [], [1], [[1, 2], [3]], [None], {}, {"a": 1}, {"class_name": "function", "config": "abs"}, "float99", "__lambda__", [[]], ["x", 0, 0]]


def twisted_bytes(content: bytes, rng, others) -> bytes:
    """Return bytes with one to six changes: flipped, overwritten, cut, doubled, inserted, or taken from another file."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        at = min(int(rng.random() ** rng.choice((1, 3)) * (len(content) + 1)), max(len(content) - 1, 0))  # the head more often
        length = rng.choice((1, 2, 4, 8, 64))
        what = rng.randrange(7)
        if what == 0 and content:
            content[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            word = rng.choice(WORDS)
            content[at : at + len(word)] = word
        elif what == 2:
            del content[at : None if rng.random() < 0.3 else at + length]
        elif what == 3:
            content[at:at] = content[at : at + length] * rng.choice((1, 2, 50))
        elif what == 4:
            content[at:at] = rng.randbytes(length)
        elif what == 5:
            other = rng.choice(others)
            place = rng.randrange(len(other) + 1)
            content[at : at + length] = other[place : place + length]
        else:
            content[at : at + length] = rng.randbytes(length)
    return bytes(content)


def places(value, path=()):
    """Yield where something stands in a value of JSON."""
    yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def twisted_json(text: str, rng) -> bytes:
    """Return JSON of which one to four parts are something else, missing, doubled, or moved."""
    value = json.loads(text)
    for _ in range(rng.choice((1, 1, 2, 4))):
        everywhere = list(places(value))
        path = rng.choice(everywhere)
        if not path:
            if rng.random() < 0.2:
                return json.dumps(rng.choice(VALUES)).encode()
            continue
        home = value
        for key in path[:-1]:
            home = home[key]
        what = rng.randrange(4)
        if what == 0:
            del home[path[-1]]
        elif what == 1:
            source = value
            for key in rng.choice(everywhere):
                source = source[key] if isinstance(source, (dict, list)) and (key in source if isinstance(source, dict) else key < len(source)) else source
            home[path[-1]] = json.loads(json.dumps(source))  # a copy, so that nothing holds itself
        else:
            home[path[-1]] = json.loads(json.dumps(rng.choice(VALUES)))
        if not isinstance(value, (dict, list)):
            break
    return json.dumps(value).encode()


def pictures() -> dict:
    """Return small sound pictures: ending and content, by a name."""
    import cv2
    import nibabel
    import numpy as np
    import tifffile
    from PIL import Image

    gray = (np.arange(400).reshape(20, 20) % 251).astype(np.uint8)
    color = np.dstack([gray, gray[::-1], gray.T])
    found = {}

    def pillow(name, array, form, **how):
        held = io.BytesIO()
        Image.fromarray(array).save(held, form, **how)
        found[name] = (form.lower().replace("jpeg", "jpg"), held.getvalue())

    def tiff(name, array, **how):
        held = io.BytesIO()
        tifffile.imwrite(held, array, **how)
        found[name] = (name.partition(" ")[2] or "tif", held.getvalue())

    for form in ("PNG", "JPEG", "BMP", "GIF", "WEBP"):
        pillow(f"{form} gray", gray, form)
        pillow(f"{form} color", color, form)
    pillow("PNG alpha", np.dstack([color, gray]), "PNG")
    pillow("GIF pages", gray, "GIF", save_all=True, append_images=[Image.fromarray(gray[::-1].copy())] * 3)
    found["PNG of 16 bits"] = ("png", cv2.imencode(".png", color.astype(np.uint16) * 200)[1].tobytes())
    found["PGM"] = ("pgm", cv2.imencode(".pgm", gray)[1].tobytes())
    tiff("plain", gray)
    tiff("floats", gray.astype(np.float32))
    tiff("color", color, photometric="rgb", compression="zlib", predictor=True)
    tiff("planes", np.moveaxis(color, -1, 0), photometric="rgb", planarconfig="separate")
    tiff("pages", np.stack([gray] * 4), compression="zlib")
    tiff("tiles", np.tile(gray, (4, 4)), tile=(32, 32), compression="zlib")
    tiff("imagej", np.stack([gray] * 3), imagej=True, metadata={"axes": "CYX"})
    tiff("ome ome.tif", np.stack([gray] * 3)[None], ome=True, metadata={"axes": "TCYX"})
    tiff("big", gray, bigtiff=True)
    tiff("motorola", gray.astype(">u2"), byteorder=">")
    tiff("white", gray, photometric="miniswhite")
    for packing in ("zstd", "lzma", "jpeg", "lzw", "packbits"):
        tiff(packing, np.tile(gray, (2, 2)), compression=packing)
    for name, array in (("numbers", gray), ("many numbers", np.stack([color] * 3).astype(np.float64))):
        held = io.BytesIO()
        np.save(held, array)
        found[name] = ("npy", held.getvalue())
    found["NIfTI"] = ("nii", nibabel.Nifti1Image(np.zeros((8, 9, 3), np.int16), np.eye(4)).to_bytes())
    found["DICOM"] = ("dcm", dicom(gray))
    return found


def dicom(gray):
    """Return a plain DICOM picture."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    head = FileMetaDataset()
    head.MediaStorageSOPClassUID, head.MediaStorageSOPInstanceUID = pydicom.uid.SecondaryCaptureImageStorage, "1.2.3"
    head.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=head, preamble=bytes(128))
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = *gray.shape, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.RescaleSlope, data.RescaleIntercept = "1", "0"
    data.PixelData = gray.tobytes()
    held = io.BytesIO()
    data.save_as(held, enforce_file_format=True)
    return held.getvalue()


LABELME = '{"version": "5", "shapes": [{"label": "a", "shape_type": "polygon", "points": [[1, 1], [9, 1], [9, 9]]}, {"label": "b", "shape_type": "circle", "points": [[5, 5], [5, 8]]}, {"label": "b", "shape_type": "rectangle", "points": [[5, 5], [8, 8]]}], "imagePath": "a.png"}'
COCO = '{"images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 20}], "annotations": [{"image_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}, {"image_id": 1, "segmentation": {"counts": [10, 20, 370], "size": [20, 20]}}]}'
GEOJSON = '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[1, 1], [9, 1], [9, 9], [1, 1]]]}}, {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[[[1, 1], [9, 1], [9, 9]]]]}}]}'
NOTE = '{"normalization": {"kind": "picture", "low": 1.0, "high": 99.0, "least": 0.1}, "threshold": 0.5, "scores": {"dice": 0.9}, "card": {"data": "discs"}, "settings": {"channel": 1, "value_range": [0, 255], "pixel_size": 0.5, "unit": "um", "min_area": 5, "split": true}, "model": "unet"}'
TABLE = "file,slide,treatment\na.png,s1,drug\nb.png,s1,none\nc.png,s2,drug\n"
LOG = "epoch,dice,learning_rate,loss,val_dice,val_loss\n0,0.5,0.001,0.7,0.4,0.8\n1,0.6,0.001,0.6,NA,0.7\n"


def archive(members: dict, packing=zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", packing) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return held.getvalue()


def small_network() -> dict:
    """Return the parts of a `.keras` file of a network that loads quickly."""
    import keras

    from helpers.own_images import save_network
    from helpers.own_images.gray_levels import Normalization

    x = keras.Input((None, None, 1))
    y = keras.layers.MaxPooling2D()(keras.layers.Conv2D(2, 3, padding="same", activation="relu")(x))
    y = keras.layers.Concatenate()([keras.layers.UpSampling2D()(y), x])
    model = keras.Model(x, keras.layers.Conv2D(1, 1, activation="sigmoid")(keras.layers.BatchNormalization()(y)))
    with tempfile.TemporaryDirectory() as folder:
        path = save_network(Path(folder) / "a.keras", model, Normalization("picture", 1, 99), 0.4, {"dice": 0.9}, {"data": "none"})
        with zipfile.ZipFile(path) as file:
            return {name: file.read(name) for name in file.namelist()}


class Cases:
    """The cases of each kind: `try_one(kind, rng, folder)` builds one and returns what to call."""

    def __init__(self):
        self.pictures = pictures()
        self.parts = small_network()
        self.archives = [archive({"a/b.txt": "text", "a/c.txt": "more" * 100, "d.txt": ""}), archive({"a.txt": "a"}, zipfile.ZIP_LZMA), archive({"a.txt": "a"}, zipfile.ZIP_BZIP2), archive({"a.txt": "a" * 50}, zipfile.ZIP_STORED)]

    def a_picture(self, rng, folder):
        from helpers.own_images.channels import to_gray
        from helpers.own_images.files import read_picture

        name = rng.choice(sorted(self.pictures))
        ending, content = self.pictures[name]
        others = [other for _, other in self.pictures.values()]
        if rng.random() < 0.1:  # a name that promises another kind
            ending = rng.choice(("png", "tif", "dcm", "nii", "nii.gz", "npy", "czi", "lif", "nd2", "jpg"))
        path = folder / f"a.{ending}"
        path.write_bytes(twisted_bytes(content, rng, others))

        def read():
            for page in read_picture(path).pages:
                to_gray(page, path.name, None, None)
        return read

    def an_archive(self, rng, folder):
        from helpers.own_images import unpack
        from helpers.own_images.annotations import read_annotations

        path = folder / "a.zip"
        path.write_bytes(twisted_bytes(rng.choice(self.archives), rng, self.archives))
        return lambda: unpack(path, folder / "out") if rng.random() < 0.7 else read_annotations(path)

    def a_network(self, rng, folder):
        from helpers.own_images import load_kept

        parts, path, what = dict(self.parts), folder / "a.keras", rng.randrange(4)
        if what < 2:
            parts["config.json"] = twisted_json(parts["config.json"], rng)
        elif what == 2:
            parts["model.weights.h5"] = twisted_bytes(parts["model.weights.h5"], rng, [*parts.values()])
        whole = archive(parts, rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)))
        path.write_bytes(whole if what < 3 else twisted_bytes(whole, rng, [*parts.values(), *self.archives]))
        return lambda: load_kept(path)

    def a_note(self, rng, folder):
        from helpers.checks import record
        from helpers.gate import read_json
        from helpers.own_images.annotations import read_annotations
        from helpers.own_images.keeping import checked_note
        from helpers.own_images.object_outlines import drawn

        def twisted(text):
            return twisted_json(text, rng) if rng.random() < 0.8 else twisted_bytes(text.encode(), rng, [NOTE.encode(), COCO.encode()])

        what = rng.randrange(5)
        if what == 0:
            path = folder / "progress.json"
            path.write_bytes(twisted('{"1.1": "solved", "2.1": "tried"}'))
            os.environ["UNET_COURSE_PROGRESS"] = str(folder)
            return lambda: record.record_state("3.1", "solved")
        if what == 1:
            content = twisted(NOTE)

            def read():  # as load_kept does, which the kind `network` calls
                try:
                    checked_note(read_json(content, "note"))
                except (AttributeError, KeyError, TypeError, ValueError):
                    return
            return read
        path = folder / ("a.geojson" if what == 4 else "a.json")
        path.write_bytes(twisted((LABELME, COCO, GEOJSON)[what - 2]))

        def draw():
            for objects in read_annotations(path).values():
                drawn(objects, 20, 20)
        return draw

    def a_table(self, rng, folder):
        from helpers.own_images import sources_of
        from helpers.training import read_log

        if rng.random() < 0.5:
            (folder / "log.csv").write_bytes(twisted_bytes(LOG.encode(), rng, [TABLE.encode()]))
            return lambda: read_log(folder)
        (folder / "a.csv").write_bytes(twisted_bytes(TABLE.encode(), rng, [LOG.encode(), "größe;æ\t".encode("latin-1")]))
        return lambda: sources_of(["a", "b.png"], (folder / "a.csv", "file", "slide"))


KINDS = ("picture", "archive", "network", "note", "table")


def main():
    """Try the cases that the arguments name."""
    warnings.simplefilter("ignore")
    from helpers.lean_import import import_tensorflow
    from payloads.trial import SPARE, limits, tried

    import_tensorflow()
    *kinds, first, last = sys.argv[1:]
    sys.stdout.reconfigure(errors="backslashreplace")
    progress, cases = io.StringIO(), Cases()
    builders = {kind: getattr(cases, f"an_{kind}" if kind[0] in "aeiou" else f"a_{kind}") for kind in kinds}
    for kind, build in builders.items():  # whatever is made once is made before anything is measured
        with tempfile.TemporaryDirectory() as folder:
            tried(build(random.Random(f"{kind} warm"), Path(folder)))
    limits()(SPARE)
    for kind, build in builders.items():
        for number in range(int(first), int(last)):
            folder = Path(tempfile.mkdtemp())
            try:
                action = build(random.Random(f"{kind} {number}"), folder)
                print(json.dumps({"case": number}), flush=True)
                with contextlib.redirect_stdout(progress):
                    result = tried(action)
                print(json.dumps({"kind": kind, "number": number, **result}), flush=True)
            finally:
                shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
