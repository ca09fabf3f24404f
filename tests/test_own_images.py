"""Your own pictures: every kind of file, every kind of damage, tiles without seams, files that are never touched."""

import csv
import errno
import hashlib
import http.server
import io
import json
import os
import resource
import subprocess
import sys
import threading
import tracemalloc
import warnings
import zipfile
from functools import cache
from types import SimpleNamespace

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from course import ROOT
from helpers import MODELS
from helpers import own_images as own
from helpers import training as training_helpers
from helpers.anatomy import build_unet
from helpers.evaluation import dice_per_image
from helpers.own_images import PictureError, load_pairs, predict_tiled, read_picture
from helpers.own_images.__main__ import main
from helpers.own_images.annotations import read_annotations
from helpers.own_images.keeping import NOTE
from helpers.own_images.mask_codes import codes_of
from helpers.own_images.lzw import is_sound
from helpers.own_images import tiles
from helpers.training import bce_dice_loss, claim_folder, load_network, make_callbacks, new_run_dir, read_log, restart
from helpers.instances import cut_at_waists
from PIL import Image, ImageOps
from scipy import ndimage
from skimage import measure

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (40, 56), dtype=np.uint8)
DISC = np.zeros((40, 56), np.uint8)
cv2.circle(DISC, (20, 20), 9, 1, thickness=cv2.FILLED)


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".tif", ".tiff"):
        tifffile.imwrite(path, array, photometric="rgb" if array.shape[-1] in (3, 4) else "minisblack")
    else:
        Image.fromarray(array).save(path)
    return path


def folders(tmp_path, images, masks):
    """Write `{name: array or bytes}` into two folders and return these."""
    for role, files in (("images", images), ("masks", masks)):
        (tmp_path / role).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            if isinstance(content, bytes):
                (tmp_path / role / name).write_bytes(content)
            else:
                write(tmp_path / role / name, content)
    return tmp_path / "images", tmp_path / "masks"


def content(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()}


@cache
def shipped():
    return own.load_kept(MODELS / "unet_circles.keras").model


# --- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "array"), [
    ("a.png", GRAY), ("a.tif", GRAY), ("a.TIFF", GRAY), ("a.bmp", GRAY), ("a.png", GRAY.astype(np.uint16) * 257),
    ("a.tif", GRAY.astype(np.uint16) * 257), ("a.tif", GRAY.astype(np.float32) / 255), ("a.png", np.dstack([GRAY] * 3)),
    ("a.tif", np.dstack([GRAY] * 3)), ("a.png", np.dstack([GRAY] * 3 + [np.full_like(GRAY, 255)])),
    ("a.png", np.dstack([GRAY] * 3 + [np.full_like(GRAY, 9)])), ("a.tif", np.dstack([GRAY * 0, GRAY, GRAY * 0])),
])
def test_every_kind_of_picture_gives_the_same_gray_levels(tmp_path, name, array):
    images, masks = load_pairs(*folders(tmp_path, {name: array}, {"a.png": DISC}))
    assert images.dtype == np.float32 and images.shape == (1, 40, 56, 1) and masks.dtype == np.uint8
    assert np.abs(images[0, ..., 0] - GRAY / 255).max() < 1e-6 and (masks[0, ..., 0] == DISC).all()


def test_jpeg_palette_one_bit_and_sixteen_bit_color(tmp_path):
    smooth = np.tile(np.linspace(0, 255, 56).astype(np.uint8), (40, 1))
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(own.to_gray(read_picture(tmp_path / "a.jpg").pages[0])[0][..., 0] - smooth / 255).max() < 0.03
    Image.fromarray(DISC * 255).convert("1").save(tmp_path / "b.png")
    assert (own.to_gray(read_picture(tmp_path / "b.png").pages[0])[0][..., 0] == DISC).all()
    palette = Image.fromarray(DISC, mode="P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    palette.save(tmp_path / "c.png")
    assert read_picture(tmp_path / "c.png").pages[0].shape == (40, 56, 3)
    cv2.imwrite(str(tmp_path / "d.png"), np.dstack([GRAY.astype(np.uint16) * k for k in (1, 2, 3)]))
    assert (read_picture(tmp_path / "d.png").pages[0][..., 0] == GRAY.astype(np.uint16) * 3).all()
    Image.fromarray(GRAY).save(tmp_path / "e.tif", compression="tiff_lzw")
    assert (read_picture(tmp_path / "e.tif").pages[0] == GRAY).all()


def test_exif_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image_dir, mask_dir = folders(tmp_path, {}, {"a.png": np.ascontiguousarray(np.rot90(DISC, -1))})
    Image.fromarray(np.tile(np.arange(56, dtype=np.uint8) * 4, (40, 1))).save(image_dir / "a.jpg", exif=exif, quality=95)
    pairs = load_pairs(image_dir, mask_dir)
    assert pairs.images.shape == (1, 56, 40, 1) and pairs.images[0, -1, 0, 0] > 0.7 > pairs.images[0, 0, 0, 0]
    assert "EXIF" in pairs.table()
    write(mask_dir / "a.png", DISC)
    with pytest.raises(PictureError, match="EXIF"):
        load_pairs(image_dir, mask_dir)


def test_pages_become_pictures_and_stacks_of_other_names_pair_up(tmp_path):
    stack, marks = np.stack([GRAY, 255 - GRAY, GRAY // 2]), np.stack([DISC, DISC * 0, np.fliplr(DISC)]) * np.uint8(255)
    pairs = load_pairs(*folders(tmp_path, {"train-volume.tif": stack}, {"train-labels.tif": marks}))
    assert pairs.names == [f"train-volume_p00{i}" for i in (1, 2, 3)]
    assert (pairs.masks[..., 0] * 255 == marks).all() and np.allclose(pairs.images[..., 0], stack / 255)
    assert len(set(own.groups_of(pairs.names))) == 1
    write(tmp_path / "masks" / "train-labels.tif", marks[:2])
    with pytest.raises(PictureError, match=r"3 pages.*2.*same pages"):
        load_pairs(tmp_path / "images", tmp_path / "masks")


def test_imagej_channels_are_asked_for(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GRAY, GRAY.T.reshape(40, 56)]), imagej=True, metadata={"axes": "CYX"})
    page = read_picture(tmp_path / "a.tif").pages[0]
    with pytest.raises(PictureError, match="2 channels.*channel=0"):
        own.to_gray(page, "a.tif")
    assert np.allclose(own.to_gray(page, "a.tif", channel=0)[0][..., 0], GRAY / 255)


def test_other_ranges_need_to_be_said(tmp_path):
    dirs = folders(tmp_path, {"a.tif": GRAY.astype(np.float32) * 16}, {"a.png": DISC})
    with pytest.raises(PictureError, match=r"a\.tif.*value_range"):
        load_pairs(*dirs)
    assert np.allclose(load_pairs(*dirs, value_range=(0, 255 * 16)).images[0, ..., 0], GRAY / 255, atol=1e-6)
    with pytest.raises(PictureError, match="black below white"):
        load_pairs(*dirs, value_range=(5, 5))


def test_sizes_that_differ_give_lists_and_a_table(tmp_path):
    pairs = load_pairs(*folders(tmp_path, {"a.png": GRAY, "b.png": GRAY[:, :32]}, {"a.png": DISC, "b.png": DISC[:, :32]}))
    images, masks = pairs
    assert [image.shape for image in images] == [(40, 56, 1), (40, 32, 1)] == [mask.shape for mask in masks]
    assert pairs.names == ["a", "b"] and "56x40" in pairs.table() and "32x40" in pairs.table()


OBJECTS = np.zeros((40, 56), np.uint16)
for _number, _place in enumerate([(8, 8), (30, 10), (45, 30), (20, 30)], 1):
    cv2.circle(OBJECTS, _place, 6, _number * 3, thickness=cv2.FILLED)
COLORS = np.zeros((40, 56, 3), np.uint8)
COLORS[DISC == 1] = (200, 30, 90)


@pytest.mark.parametrize(("name", "mask", "held", "truth"), [
    ("a.png", DISC, "0/1", DISC), ("a.png", DISC * np.uint8(255), "0/255", DISC), ("a.tif", DISC.astype(bool), "0/1", DISC),
    ("a.tif", DISC.astype(np.float32), "0/1", DISC), ("a.png", np.dstack([DISC * np.uint8(255)] * 3), "0/255", DISC),
    ("a.png", COLORS, "one color", DISC), ("a.png", OBJECTS, "4 labeled objects", OBJECTS > 0),
    ("a.tif", OBJECTS.astype(np.int32), "4 labeled objects", OBJECTS > 0), ("a.png", DISC * 0, "all background", DISC * 0),
    ("a.png", np.dstack([DISC * np.uint8(255)] * 3 + [np.full_like(DISC, 255)]), "0/255", DISC),
])
def test_every_kind_of_mask(tmp_path, name, mask, held, truth):
    pairs = load_pairs(*folders(tmp_path, {"a.png": GRAY}, {name: mask}))
    assert (pairs.masks[0, ..., 0] == truth).all() and held in pairs.records[0].mask


def test_jpeg_masks_and_colored_objects(tmp_path):
    large = cv2.resize(DISC, (560, 400), interpolation=cv2.INTER_NEAREST)
    dirs = folders(tmp_path, {"a.png": cv2.resize(GRAY, (560, 400))}, {})
    Image.fromarray(large * np.uint8(255)).save(dirs[1] / "a.jpg", quality=80)
    assert (load_pairs(*dirs).masks[0, ..., 0] == large).mean() > 0.998
    colored = np.zeros((40, 56, 3), np.uint8)
    for i, color in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)], 1):
        colored[OBJECTS == 3 * i] = color
    pairs = load_pairs(*folders(tmp_path / "two", {"a.png": GRAY}, {"a.png": colored}))
    assert (pairs.masks[0, ..., 0] == (OBJECTS > 0)).all()


def test_touching_objects_can_be_kept_apart(tmp_path):
    touching = np.zeros((40, 56), np.uint8)
    for i in range(4):
        touching[10:30, 4 + 12 * i : 16 + 12 * i] = i + 1
    dirs = folders(tmp_path, {"a.png": GRAY}, {"a.png": touching})
    counts = [own.label_objects(load_pairs(*dirs, gap=gap).masks[0]).max() for gap in (False, True)]
    assert counts == [1, 4]


def test_foreground_can_be_named(tmp_path):
    three = np.where(OBJECTS > 0, 128, 0).astype(np.uint8)
    three[:5] = 255
    dirs = folders(tmp_path, {"a.png": GRAY}, {"a.png": three})
    for foreground, truth in ((128, three == 128), ((255, 128), None), ([128, 255], three > 0), ("nonzero", three > 0), ("half", three > 127.5)):
        if truth is not None:
            assert (load_pairs(*dirs, foreground=foreground).masks[0, ..., 0] == truth).all()
    with pytest.raises(PictureError, match="expected 'nonzero'"):
        load_pairs(*dirs, foreground="red")
    dirs = folders(tmp_path / "c", {"a.png": GRAY}, {"a.png": COLORS})
    assert (load_pairs(*dirs, foreground=(200, 30, 90)).masks[0, ..., 0] == DISC).all()


def test_names_match_across_endings_roles_case_accents_and_folders(tmp_path):
    image_dir, mask_dir = folders(
        tmp_path, {"Zelle ä 1.png": GRAY, "b.tif": GRAY, "Cell_img.png": GRAY, ".hidden.png": b"x"},
        {"Zelle a\u0308 1.png": DISC, "b_mask.png": DISC, "cell-labels.png": DISC, "notes.txt": b"x"},
    )
    write(image_dir / "p1" / "b.png", GRAY)
    write(mask_dir / "p1" / "b.png", DISC)
    pairs = load_pairs(image_dir, mask_dir)
    assert len(pairs.names) == 4 and "p1/b" in pairs.names and "Zelle ä 1" in pairs.names
    assert any("notes.txt" in remark for remark in pairs.remarks)
    assert len(load_pairs(image_dir, mask_dir, limit=2).names) == 2


# --- what is refused --------------------------------------------------------------------------------------------------


def png_bytes(array=GRAY):
    return cv2.imencode(".png", array)[1].tobytes()


def huge_png():
    data = bytearray(png_bytes())
    data[16:24] = (30000).to_bytes(4, "big") * 2
    data[29:33] = __import__("zlib").crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


def huge_tiff():
    return bytes.fromhex("49492a0008000000") + b"".join([
        (8).to_bytes(2, "little"),
        *[tag.to_bytes(2, "little") + (4).to_bytes(2, "little") + (1).to_bytes(4, "little") + value.to_bytes(4, "little")
          for tag, value in ((256, 30000), (257, 30000), (258, 8), (259, 1), (262, 1), (273, 200), (278, 30000), (279, 900000000))],
        (0).to_bytes(4, "little"),
    ])


NAN = GRAY.astype(np.float32) / 255
NAN[3, 4] = np.nan
THREE = np.where(OBJECTS > 0, 128, 0).astype(np.uint8) + np.where(DISC & (OBJECTS == 0), 255, 0).astype(np.uint8)

BAD = {
    "no partner": ({"a.png": GRAY, "b one.png": GRAY}, {"a.png": DISC}, r"b one\.png has no mask in masks.*(?s:.)*Rename"),
    "no picture": ({"a.png": GRAY}, {"a.png": DISC, "é.png": DISC}, r"é\.png has no image in images.*(?s:.)*Rename"),
    "near name": ({"cells_01.png": GRAY}, {"cells_1.png": DISC}, "nearest name there is cells_1.png"),
    "other size": ({"a.png": GRAY}, {"a.png": DISC[:30]}, r"a\.png is 56x40.*a\.png 56x30.*nearest neighbor"),
    "cut short png": ({"a.png": png_bytes()[:900]}, {"a.png": DISC}, r"a\.png.*cut short.*again"),
    "empty file": ({"a.png": b""}, {"a.png": DISC}, r"a\.png: is empty.*Copy it again"),
    "text": ({"a.png": b"this is no picture"}, {"a.png": DISC}, r"a\.png: is not a picture.*Export"),
    "pdf": ({"a.jpg": b"%PDF-1.4" + bytes(90)}, {"a.png": DISC}, r"a\.jpg: is not a picture.*Export"),
    "three values": ({"a.png": GRAY}, {"a.png": THREE}, r"a\.png: the mask holds three values, 0, 128, 255.*foreground="),
    "three classes": ({"a.png": GRAY}, {"a.png": (GRAY // 100).astype(np.uint8)}, r"three values, 0, 1, 2.*foreground="),
    "two values, no 0": ({"a.png": GRAY}, {"a.png": DISC + np.uint8(1)}, r"1, 2, none of them 0.*foreground=2"),
    "smoothed": ({"a.png": GRAY}, {"a.png": cv2.GaussianBlur(cv2.circle(np.zeros((40, 56), np.uint8), (20, 20), 9, 255, -1), (3, 3), 0.6)}, "foreground='half'"),
    "probabilities": ({"a.png": GRAY}, {"a.tif": (GRAY / 256).astype(np.float32)}, "fractions.*threshold"),
    "nan": ({"a.tif": NAN}, {"a.png": DISC}, r"a\.tif: holds 1 values that are NaN.*Replace"),
    "nan mask": ({"a.png": GRAY}, {"a.tif": NAN}, r"mask holds NaN.*Export"),
    "huge png": ({"a.png": huge_png()}, {"a.png": DISC}, r"a\.png: .*(30,000|900000000).*(?s:.)*predict_tiled"),
    "huge tiff": ({"a.tif": huge_tiff()}, {"a.png": DISC}, r"a\.tif: .*30,000 x 30,000.*predict_tiled"),
    "two of a name": ({"a.png": GRAY, "a.tif": GRAY}, {"a.png": DISC}, r"a\.tif: there is also a\.png.*Keep one"),
    "no files": ({}, {"a.png": DISC}, "holds no picture.*It is empty.*Export"),
    "YOLO": ({"a.png": GRAY}, {"a.txt": b"0 0.2 0.3 0.5 0.3 0.5 0.6\n"}, r"a\.txt holds outlines, as of YOLO, VOC or CVAT: they are not read here.*PNG"),
    "other files": ({"a.oib": b"ZISRAW"}, {"a.png": DISC}, r"It holds a\.oib.*Export"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_with_its_remedy_and_nothing_changes(tmp_path, case):
    images, masks, message = BAD[case]
    dirs = folders(tmp_path, images, masks)
    before = content(tmp_path)
    with pytest.raises(PictureError, match=message):
        load_pairs(*dirs)
    assert content(tmp_path) == before


def test_cut_short_tiff_and_jpeg(tmp_path):
    for name in ("a.tif", "b.jpg"):
        whole = write(tmp_path / name, cv2.resize(GRAY, (300, 200))).read_bytes()
        (tmp_path / name).write_bytes(whole[: int(0.6 * len(whole))])
        with pytest.raises(PictureError, match=f"{name}: is .*cut short"):
            read_picture(tmp_path / name)


def test_missing_folders(tmp_path):
    (tmp_path / "pictures").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no folder .*Did you mean .*pictures"):
        load_pairs(tmp_path / "picture", tmp_path / "pictures")
    file = write(tmp_path / "a.png", GRAY)
    with pytest.raises(NotADirectoryError, match="is a file"):
        load_pairs(file, tmp_path)
    with pytest.raises(PictureError, match="holds no picture.*It is empty"):
        load_pairs(tmp_path / "pictures", tmp_path / "pictures")


@pytest.mark.parametrize("n", [1, 300, 5000, 300_000])
def test_lzw_data_of_every_length_are_sound(n):
    rng = np.random.default_rng(n)
    for numbers in (rng.integers(0, 256, n), np.zeros(n, int), np.repeat(rng.integers(0, 9, n), 7)[:n]):
        data = imagecodecs.lzw_encode(numbers.astype(np.uint8).tobytes())
        assert is_sound(data) and is_sound(data[: len(data) // 2])


def test_lzw_data_that_would_crash_python_are_refused(tmp_path):
    rng, refused = np.random.default_rng(1), 0
    for _ in range(300):  # what is taken for sound is decoded, and must not end this test
        data = b"\x80" + rng.integers(0, 128, 1, dtype=np.uint8).tobytes() + rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
        refused += not is_sound(data)
    assert refused > 290 and not is_sound(int("".join([f"{256:09b}{65:09b}"] * 80_000), 2).to_bytes(180_000, "big"))
    path = write_lzw(tmp_path / "a.tif")
    assert np.array_equal(read_picture(path).pages[0], GRAY)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        start = tif.pages[0].dataoffsets[0]
    content[start + 40 : start + 60] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(PictureError, match="its LZW data near byte .* mean nothing"):
        read_picture(path)


def write_lzw(path):
    tifffile.imwrite(path, GRAY, compression="lzw")
    return path


def test_damaged_files_are_read_or_refused():
    done = subprocess.run([sys.executable, "benchmarks/damaged.py", "--range", "0", "93"], capture_output=True, text=True, cwd=ROOT)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 93 and not [row for row in rows if row[-1]] and {row[3] for row in rows} == {"read", "refused"}


def test_links_out_of_the_folder_are_refused(tmp_path):
    secret = write(tmp_path / "elsewhere" / "s.png", GRAY)
    dirs = folders(tmp_path, {"b.png": GRAY}, {"a.png": DISC, "b.png": DISC})
    (dirs[0] / "notes").symlink_to(secret)  # nobody reads it
    assert "b " in own.inspect_pictures(dirs[0])
    (dirs[0] / "a.png").symlink_to(secret)
    with pytest.raises(PictureError, match=r"a\.png: is a link to .*out of the folder.*Copy"):
        load_pairs(*dirs)
    (dirs[0] / "a.png").unlink()
    (dirs[0] / "a.png").symlink_to(dirs[0] / "b.png")
    assert load_pairs(*dirs).names == ["a", "b"]
    (dirs[0] / "a.png").unlink()
    (dirs[0] / "a.png").symlink_to(dirs[0] / "gone.png")
    with pytest.raises(PictureError, match="not there"):
        load_pairs(*dirs)


def test_inverted_masks_are_pointed_out(tmp_path):
    dirs = folders(tmp_path, {f"{c}.png": GRAY for c in "abc"}, {"a.png": DISC, "b.png": 1 - DISC, "c.png": DISC})
    with pytest.warns(UserWarning, match=r"1 of 3 masks look inverted.*: b\..*swap"):
        load_pairs(*dirs)
    dirs = folders(tmp_path / "all", {"a.png": GRAY}, {"a.png": 1 - DISC})
    with pytest.warns(UserWarning, match="all masks .* look inverted: a.*invert=True"):
        load_pairs(*dirs)
    assert (load_pairs(*dirs, invert=True).masks[0, ..., 0] == DISC).all()


def test_all_broken_files_are_named_at_once(tmp_path):
    dirs = folders(tmp_path, {f"{i}.png": b"x" if i < 3 else GRAY for i in range(5)}, {f"{i}.png": DISC for i in range(5)})
    with pytest.raises(PictureError, match=r"3 of 5 pairs(?s:.)*0\.png(?s:.)*1\.png(?s:.)*2\.png"):
        load_pairs(*dirs)


def seeds(tmp_path):
    """Good files of every kind, as bytes, to be damaged."""
    small = GRAY[:16, :20]
    kinds = {"g.png": small, "h.png": small.astype(np.uint16) * 200, "c.png": np.dstack([small, small // 2, small]), "g.bmp": small}
    files = {name: write(tmp_path / name, array).read_bytes() for name, array in kinds.items()}
    for name, options in {"z.tif": {"compression": "zlib"}, "u.tif": {}, "t.tif": {"tile": (16, 16)}, "j.tif": {"imagej": True}}.items():
        tifffile.imwrite(tmp_path / name, np.stack([small] * 3), **options)
        files[name] = (tmp_path / name).read_bytes()
    Image.fromarray(small).save(tmp_path / "l.tif", compression="tiff_lzw")
    Image.fromarray(small).save(tmp_path / "g.jpg")
    return {**files, "l.tif": (tmp_path / "l.tif").read_bytes(), "g.jpg": (tmp_path / "g.jpg").read_bytes()}


def test_thousands_of_damaged_files_give_our_errors_only(tmp_path):
    files, rng = seeds(tmp_path), np.random.default_rng(1)
    refused = 0
    for trial in range(3000):
        name = list(files)[trial % len(files)]
        data = bytearray(files[name])
        for _ in range(int(rng.integers(1, 8))):
            kind, at = rng.integers(4), int(rng.integers(len(data)))
            if kind == 0:
                data[at] = int(rng.integers(256))
            elif kind == 1:
                data[int(rng.integers(min(60, len(data))))] = int(rng.choice([0, 1, 127, 128, 255]))
            elif kind == 2:
                data = data[: max(1, at)]
            else:
                data[at:at] = rng.bytes(int(rng.integers(1, 9)))
        path = tmp_path / name
        path.write_bytes(bytes(data))
        try:
            for page in read_picture(path).pages:
                own.to_gray(page, name, channel=None)
        except PictureError as error:
            assert name in str(error)
            refused += 1
    assert refused > 1000


# --- splitting, normalization, patches --------------------------------------------------------------------------------


def test_sources_are_told_from_names_and_never_shared():
    names = [f"patient{p:02d}_eye{e}_{i}" for p in range(10) for e in "lr" for i in range(3)]
    groups = own.groups_of(names)
    assert len(set(groups)) == 10
    sets = own.split_by_source(groups, seed=3)
    assert sorted(np.concatenate(sets)) == list(range(60)) and [len(s) for s in sets] == [36, 12, 12]
    owners = [{groups[i] for i in s} for s in sets]
    assert not owners[0] & owners[1] and not owners[0] & owners[2] and not owners[1] & owners[2]
    assert own.groups_of(["s1/a", "s1/b", "s2/a"]) == ["s1", "s1", "s2"]
    assert own.groups_of(["img_1", "img_2"]) == ["img_1", "img_2"]
    assert [list(s) for s in own.split_by_source(own.groups_of([f"stack_p{i:03d}" for i in range(5)]))] == [[0, 1, 2], [3], [4]]
    with pytest.raises(PictureError, match="2 sources"):
        own.split_by_source(["a", "b", "b"])


def test_sources_from_a_table(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,slide\na.png,S1\nb.png,S2\n")
    assert own.groups_from_csv(table, ["b", "a"], "file", "slide") == ["S2", "S1"]
    with pytest.raises(PictureError, match="no column 'patient'"):
        own.groups_from_csv(table, ["a"], "file", "patient")
    with pytest.raises(PictureError, match="no row for c"):
        own.groups_from_csv(table, ["c"], "file", "slide")


def test_normalization_is_one_rule_for_training_and_use():
    alike = np.random.default_rng(0).uniform(0.1, 0.3, (4, 32, 32, 1)).astype(np.float32)
    rule = own.fit_normalization(alike)
    assert rule.kind == "range" and 0.09 < rule.low < 0.12 and rule.apply(alike).max() == 1
    assert own.fit_normalization(alike * np.float32([1, 0.2, 1, 1])[:, None, None, None]).kind == "picture"
    image = np.round(alike[0] * 255).astype(np.uint8)
    for kind in ("range", "picture"):
        rule = own.fit_normalization(alike, kind)
        first = predict_tiled(shipped(), image, normalization=rule)
        second = predict_tiled(shipped(), rule.apply((image / 255).astype(np.float32)[None])[0])
        assert np.abs(first - second).max() < 1e-4


def test_patches_keep_pairs_together_and_differ_between_epochs():
    image = RNG.random((50, 70, 1), dtype=np.float32)
    patches, marks = own.draw_patches([image, image[:20]], [(image > 0.7).astype(np.uint8), (image > 0.7).astype(np.uint8)[:20]], 20, 32)
    assert patches.shape == (20, 32, 32, 1) and ((patches > 0.7) == marks).all()
    batches = own.patch_batches([image], [(image > 0.7).astype(np.uint8)], 32, batch_size=4, steps=3)
    first, second = list(batches), list(batches)
    assert len(first) == len(batches) == 3 and not np.array_equal(first[0][0], second[0][0])
    again = list(own.patch_batches([image], [(image > 0.7).astype(np.uint8)], 32, batch_size=4, steps=3))
    assert all(np.array_equal(a, b) for a, b in zip(first[2], again[2]))  # the same seed, the same patches
    assert len(np.unique([batch[0].numpy().mean() for batch in first + second])) == 6


@pytest.mark.parametrize("wrong", [
    {"size": 0}, {"size": 2.5}, {"batch_size": 0}, {"batch_size": -1}, {"steps": 0}, {"steps": 2.5}, {"n": 0}, {"n": 1.5}])
def test_numbers_of_patches_that_cannot_be_are_named(wrong):
    pictures = np.zeros((2, 40, 40, 1), np.float32), np.zeros((2, 40, 40, 1), np.uint8)
    (name, value), = wrong.items()
    with pytest.raises(ValueError, match=f"{name} is {value}; expected a whole number of at least 1"):
        own.draw_patches(*pictures, **wrong) if name == "n" else own.patch_batches(*pictures, **wrong)


def test_a_few_labeled_pictures_teach_a_network(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    pairs = load_pairs(*own.write_stand_in(tmp_path / "set", 6))
    rule = own.fit_normalization(pairs.images)
    images, masks = rule.apply(pairs.images), pairs.masks
    net = build_unet(filters=4, depth=3, normalization="batch")
    own.train_on_patches(net, (images[:4], masks[:4]), (images[4:5], masks[4:5]), tmp_path / "run", size=64, epochs=3, steps=25, peak_rate=1e-2)
    found = (predict_tiled(net, images[5]) > 0.5).astype(np.uint8)
    assert dice_per_image(masks[5][None], found[None])[0] > 0.7
    weights = net.get_weights()
    restart(net, weights)
    assert int(net.optimizer.iterations) == 0


# --- tiles ------------------------------------------------------------------------------------------------------------


@cache
def scene():
    x = cv2.GaussianBlur(np.random.default_rng(0).random((640, 768), dtype=np.float32), (0, 0), 3)
    return np.clip(3 * x - 1, 0, 1)


def one_pass(model, image):
    return np.array(model(image[None, ..., None]))[0, ..., 0]


@pytest.fixture(params=[1, 2], ids=["one at a time", "two at once"])
def at_once(request, monkeypatch):
    """As on processors with AVX-512, and as on those with AVX2 alone."""
    monkeypatch.setattr(tiles, "pictures_at_once", lambda: request.param)
    return request.param


@pytest.fixture
def steps(monkeypatch):
    """The shapes of what the network is given."""
    given, compiled = [], training_helpers.compiled
    monkeypatch.setattr(training_helpers, "compiled", lambda model: lambda batch: given.append(tuple(batch.shape)) or compiled(model)(batch))
    return given


@pytest.mark.parametrize("tile", [256, 384, None])
def test_tiles_equal_one_pass(tile, at_once):
    """Two at once are added up in another order, which shows in the fifth decimal."""
    assert np.abs(predict_tiled(shipped(), scene(), tile=tile) - one_pass(shipped(), scene())).max() <= (1e-5 if at_once == 1 else 5e-5)


@pytest.mark.parametrize("settings", [{"depth": 3}, {"depth": 5, "filters": 4}, {"upsampling": "resize"}, {"normalization": "batch"}])
def test_tiles_equal_one_pass_for_other_networks(settings, at_once):
    net = build_unet(**settings)
    for tile in (512, None):
        assert np.abs(predict_tiled(net, scene(), tile=tile) - one_pass(net, scene())).max() <= 1e-4


def test_two_tiles_are_computed_at_once_where_one_alone_is_slow(at_once, steps, monkeypatch):
    """And no more memory is taken for it, and nothing is computed twice for a picture that is too small to gain by it."""
    predict_tiled(shipped(), scene())
    predict_tiled(shipped(), scene()[:, :208])
    predict_tiled(shipped(), scene()[:200, :208])
    large = np.zeros((2304, 2304), np.float32)
    predict_tiled(shipped(), large)
    predict_tiled(shipped(), scene()[:200, :208], turned=True)
    if at_once == 1:
        assert steps == [(1, 640, 768, 1), (1, 640, 208, 1), (1, 200, 208, 1), *4 * [(1, 1216, 1216, 1)], *4 * [(1, 200, 208, 1), (1, 208, 200, 1)]]
    else:
        assert steps == [(2, 640, 448, 1), (2, 384, 208, 1), (1, 200, 208, 1), *4 * [(2, 856, 856, 1)], (1, 856, 856, 1), *2 * [(2, 200, 208, 1), (2, 208, 200, 1)]]
    assert max(np.prod(step) for step in steps) * 4 * 6 * 8 < 450e6, "bytes of features"
    del steps[:]
    monkeypatch.setattr(tiles, "tile_side", lambda *_: 320)
    whole, halved = one_pass(shipped(), scene()[:312, :312]), predict_tiled(shipped(), scene()[:312, :312])
    assert np.abs(whole - halved).max() < 5e-5
    predict_tiled(shipped(), scene()[:312, :312], turned=True)
    assert set(steps) == ({(1, 312, 312, 1)} if at_once == 1 else {(2, 224, 312, 1)}), "a pair of copies would be too large"


@pytest.mark.parametrize("net", [lambda: shipped(), lambda: build_unet((200, 208, 1), depth=2, filters=4)], ids=["any size", "one size"])
def test_pictures_of_one_shape_are_predicted_at_once(net, at_once, steps):
    net, rule = net(), own.Normalization("picture", 1, 99)
    pictures = [scene()[:200, :208], scene()[200:400, 300:508] / 3]
    answers = tiles.predict_alike(net, pictures, normalization=rule)
    assert [step[0] for step in steps] == ([1, 1] if at_once == 1 else [2])
    for picture, answer in zip(pictures, answers):
        assert answer.shape == (200, 208) and np.abs(answer - predict_tiled(net, picture, normalization=rule)).max() < 5e-5
    odd = [scene()[:77, :101, None], scene()[77:154, :101, None]]
    for picture, answer in zip(odd, tiles.predict_alike(net, odd)):
        assert np.abs(answer - predict_tiled(net, picture)).max() < 5e-5
    assert tiles.alike_at_once(net, (1600, 1600)) == 1, "they would not fit into the memory"
    with pytest.raises(ValueError, match="the model takes 3 channels"):
        tiles.predict_alike(build_unet((None, None, 3), depth=2, filters=4), odd)
    with pytest.raises(ValueError, match="build it with padding='same'"):
        tiles.predict_alike(build_unet((188, 188, 1), padding="valid"), [scene()[:188, :188]] * 2)
    with pytest.raises(ValueError, match="build it with padding='same'"):
        predict_tiled(build_unet((188, 188, 1), padding="valid"), scene()[:188, :188])


def test_a_folder_has_the_same_masks_however_many_pictures_are_predicted_at_once(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    for i, side in enumerate((96, 96, 96, 104, 96, 600)):  # pairs, a single one, another shape, one that is halved
        Image.fromarray(np.uint8(255 * scene()[i * 8 : i * 8 + side, : side + 8])).save(tmp_path / "in" / f"{i}.png")
    tables = []
    for count in (1, 2):
        monkeypatch.setattr(tiles, "pictures_at_once", lambda: count)
        own.predict_folder(MODELS / "unet_circles.keras", tmp_path / "in", tmp_path / str(count), progress=False)
        tables.append((tmp_path / str(count) / "objects.csv").read_text())
    assert tables[0] == tables[1] and tables[0].count("\n") > 6
    for path in (tmp_path / "1").glob("*_mask.png"):
        assert np.array_equal(cv2.imread(str(path)), cv2.imread(str(tmp_path / "2" / path.name)))


def test_a_picture_is_halved_only_where_halves_have_the_result_of_one_pass(at_once, steps):
    import keras

    x = keras.Input((None, None, 1))
    wide = keras.Model(x, keras.layers.Conv2D(1, 9, padding="same", dilation_rate=20, activation="sigmoid")(x))
    deep = build_unet(depth=2, filters=2)
    far = deep.get_layer("bottleneck_conv1")  # as if somebody had built it like that
    far.dilation_rate = (40, 40)
    broad = build_unet(depth=2, filters=2)
    broad.get_layer("bottleneck_conv2").kernel_size = (15, 1)
    for net in (build_unet(normalization="group", filters=8), wide, keras.models.clone_model(deep), keras.models.clone_model(broad)):
        assert np.abs(predict_tiled(net, scene()) - one_pass(net, scene())).max() <= 1e-5
    predict_tiled(shipped(), scene(), overlap=0, blend=0)
    assert {step[0] for step in steps} == {1}


def test_odd_sizes_shapes_types_and_fixed_networks(at_once):
    whole = one_pass(shipped(), scene())
    odd = predict_tiled(shipped(), scene()[:601, :503], tile=256)
    assert odd.shape == (601, 503) and np.abs(odd - whole[:601, :503])[:540, :440].max() < 1e-4
    assert predict_tiled(shipped(), scene()[None, :64, :64, None]).shape == (1, 64, 64, 1)
    assert predict_tiled(shipped(), scene()[:5, :3, None]).shape == (5, 3, 1)
    fixed = build_unet((96, 96, 1))
    fixed.set_weights(shipped().get_weights())
    fixed.compile("adam", bce_dice_loss)  # as after a training
    assert np.abs(predict_tiled(fixed, scene(), tile=256) - whole).max() < 5e-5
    whole_numbers = np.round(scene() * 65535).astype(np.uint16)
    assert np.abs(predict_tiled(shipped(), whole_numbers, tile=256) - whole).max() < 5e-3
    out = np.ones((640, 768), np.float32)
    assert predict_tiled(shipped(), scene(), out=out) is out and np.abs(out - whole).max() < 5e-5


def test_the_mean_of_eight_copies_turns_with_the_picture(at_once):
    import keras

    picture, net = scene()[:72, :120], shipped()
    mean = predict_tiled(net, picture, turned=True)
    copies = [np.rot90(side, k) for side in (picture, picture[:, ::-1]) for k in range(4)]
    answers = [np.rot90(one_pass(net, copy), -k) for copy, k in zip(copies, [0, 1, 2, 3] * 2)]
    by_hand = (sum(answers[:4]) + sum(answer[:, ::-1] for answer in answers[4:])) / 8
    assert mean.dtype == np.float32 and np.abs(mean - by_hand).max() < 5e-5 < np.abs(mean - answers[0]).max()
    for turn in (np.rot90, np.fliplr, np.transpose):
        assert np.abs(predict_tiled(net, turn(picture), turned=True) - turn(mean)).max() < 5e-5
    assert np.abs(predict_tiled(net, picture, turned=True, tile=64, overlap=0, blend=0) - mean).max() > 1e-3, "the tiles are as asked"
    out = np.ones((72, 120), np.float32)
    assert predict_tiled(net, picture, out=out, turned=True) is out and np.array_equal(out, mean)
    out = np.ones((1, 72, 120, 1), np.float32)
    assert predict_tiled(net, picture[None, ..., None], out=out, turned=True) is out and np.array_equal(out[0, ..., 0], mean)
    assert predict_tiled(net, picture[None, ..., None], turned=True).shape == (1, 72, 120, 1)
    board = np.ones((120, 72), np.float32)
    assert predict_tiled(net, picture, out=board.T, turned=True) is not None and np.array_equal(board.T, mean), "also into a view"
    for turned in (False, True):
        with pytest.raises(ValueError, match="out is float64.*expected float32"):
            predict_tiled(net, picture, out=np.ones((72, 120)), turned=turned)
    fixed = build_unet((72, 120, 1))
    fixed.set_weights(net.get_weights())
    assert np.abs(predict_tiled(fixed, picture, turned=True) - mean).max() < 1e-6, "turned, it is 120 x 72"
    rule = own.Normalization("picture", 0.5, 99.5)  # whose percentiles of a large picture come from some of its pixels
    large, x = np.tile(scene()[:, :700], (2, 2))[:1272], keras.Input((None, None, 1))
    steep = {"kernel_initializer": keras.initializers.Constant(8), "bias_initializer": keras.initializers.Constant(-4)}
    gray = keras.Model(x, keras.layers.Conv2D(1, 1, activation="sigmoid", **steep)(x))  # which answers with the gray level
    given = [predict_tiled(gray, one, normalization=rule, turned=True) for one in (large, np.rot90(large, 2))]
    assert np.abs(given[0] - np.rot90(given[1], 2)).max() < 0.02
    shared = predict_tiled(build_unet(depth=2, filters=4, classes=3), picture[..., None], turned=True)
    assert shared.shape == (72, 120, 3) and np.abs(shared.sum(-1) - 1).max() < 1e-5


def test_a_small_overlap_leaves_no_sharp_seam():
    net = build_unet(normalization="group")  # its statistics are those of the tile, so tiles never agree entirely
    got = predict_tiled(net, scene(), tile=256, overlap=96, blend=64)
    steps, one = np.abs(np.diff(got, axis=1)).mean(axis=0), np.abs(np.diff(one_pass(net, scene()), axis=1)).mean(axis=0)
    assert steps.max() < 1.5 * one.max()


@pytest.mark.parametrize(("image", "settings", "message"), [
    (np.zeros((3, 64, 64)), {}, r"shape \(3, 64, 64\).*one gray"), (np.zeros((64, 64), np.int32), {}, "int32.*floats in 0..1"),
    (np.full((64, 64), 7.0), {}, "holds 7..7.*0..1"), (np.full((64, 64), np.nan), {}, "NaN"),
    (np.zeros((400, 400)), {"tile": 100}, "tile is 100 pixels.*multiple of 8"), (np.zeros((400, 400)), {"tile": 128}, "larger than that"),
    (np.zeros((64, 64)), {"overlap": 8, "blend": 16}, "blend <= overlap"), (np.zeros((0, 64)), {}, "shape"),
])
def test_predict_tiled_says_what_is_wrong(image, settings, message):
    with pytest.raises(ValueError, match=message):
        predict_tiled(shipped(), image, **settings)


def test_memory_of_a_large_picture_is_bounded(tmp_path):
    import psutil

    image = np.zeros((3072, 3072), np.uint8)
    predict_tiled(shipped(), image[:256, :256])
    peak, stop, process = [0], threading.Event(), psutil.Process()
    before = process.memory_info().rss
    watcher = threading.Thread(target=lambda: [peak.__setitem__(0, max(peak[0], process.memory_info().rss)) for _ in iter(lambda: stop.wait(0.01), True)])
    watcher.start()
    predict_tiled(shipped(), image, tile=512)
    stop.set()
    watcher.join()
    assert peak[0] - before < 400e6, "38 MB of result and tiles of 512 pixels"


# --- objects and keeping ----------------------------------------------------------------------------------------------


def test_discs_are_measured_right(tmp_path):
    mask = np.zeros((200, 300), np.uint8)
    for center, radius in (((60, 60), 30), ((200, 100), 40), ((295, 10), 20)):
        cv2.circle(mask, center, radius, 1, thickness=cv2.FILLED)
    rows = own.measure_objects(own.label_objects(mask), mask.astype(np.float32), pixel_size=0.5)
    disc = next(row for row in rows if abs(row.column - 60) < 1)
    assert abs(disc.area / (np.pi * 15**2) - 1) < 0.03 and abs(disc.perimeter / (2 * np.pi * 15) - 1) < 0.05
    assert disc.roundness > 0.93 and disc.mean_gray == 1 and [row.touches_border for row in rows].count(True) == 1
    path = own.save_table(rows, tmp_path / "objects.csv")
    table = list(csv.DictReader(path.open()))
    assert len(table) == 3 and float(table[0]["area"]) == rows[0].area and not any(p.name.startswith(".draft") for p in tmp_path.iterdir())
    assert own.numbered_contours(mask.astype(float), own.label_objects(mask)).shape == (200, 300, 3)


@pytest.mark.parametrize("place", [(0, 0), (0, 99), (79, 0), (79, 99), (40, 99), (79, 50)])
def test_the_number_of_an_object_at_the_border_can_be_read(place):
    def white(place):
        labels = np.zeros((80, 100), np.int32)
        labels[place] = 128
        picture = own.numbered_contours(np.full((80, 100), 0.5), labels, objects=[(128, *place)])
        return (picture == 255).all(axis=2).sum()
    assert white(place) == white((40, 50)) > 5


def test_objects_are_measured_as_scikit_image_does():
    rng = np.random.default_rng(7)
    labels = own.draw_nuclei(rng, (200, 260))[1]  # many touch
    image = rng.random(labels.shape, dtype=np.float32)
    for numbers in (labels, labels * 7, np.kron(labels, np.ones((2, 2), np.int32))[:200, :260], labels * 0):
        rows, regions = own.measure_objects(numbers, image, pixel_size=2), measure.regionprops(numbers, image)
        assert len(rows) == len(regions)
        for row, region in zip(rows, regions):
            assert (row.number, row.area) == (region.label, 4 * region.area) and abs(row.perimeter - 2 * region.perimeter_crofton) < 1e-3
            assert abs(row.mean_gray - region.intensity_mean) < 1e-3 and np.abs(np.subtract(row[1:3], region.centroid)).max() < 0.051
            assert row.touches_border == (min(region.bbox[:2]) == 0 or region.bbox[2] == 200 or region.bbox[3] == 260)
    with pytest.raises(ValueError, match="expected whole numbers"):
        own.measure_objects(image)


def test_cutting_piece_by_piece_is_cutting_all_at_once():
    cuts = 0
    for seed in range(4):
        mask = own.draw_nuclei(np.random.default_rng([9, seed]), (200, 260))[1] > 0
        pieces = measure.label(mask)
        widest = [ndimage.distance_transform_edt(np.pad(pieces == n, 1)).max() for n in range(1, pieces.max() + 1)]
        whole, found = cut_at_waists(mask, max(1.0, 0.2 * float(np.median(widest)))), own.label_objects(mask, split=True)
        assert len({*zip(whole.ravel(), found.ravel())}) - 1 == whole.max() == found.max()
        cuts += found.max() - pieces.max()
    assert cuts > 3


def test_touching_discs_are_cut_apart():
    mask = np.zeros((80, 120), np.uint8)
    for x in (40, 72):
        cv2.circle(mask, (x, 40), 18, 1, thickness=cv2.FILLED)
    assert own.label_objects(mask).max() == 1 and own.label_objects(mask, split=True).max() == 2
    rods = np.zeros((400, 400), np.uint8)
    rng = np.random.default_rng(3)
    for row in range(10):
        for column in range(4):
            middle, turn = np.array([50 + 100 * column, 20 + 40 * row]), rng.uniform(-0.3, 0.3)
            ends = [tuple((middle + sign * 35 * np.array([np.cos(turn), np.sin(turn)])).astype(int).tolist()) for sign in (-1, 1)]
            cv2.line(rods, *ends, 1, int(rng.integers(5, 9)))
    assert own.label_objects(rods).max() == own.label_objects(rods, split=True).max() == 40
    rods &= (rng.random(rods.shape) > 0.02) | (cv2.erode(rods, np.ones((3, 3))) > 0)  # rough edges
    assert own.label_objects(rods, min_area=20).max() == 40 <= own.label_objects(rods, min_area=20, split=True).max() <= 42
    mask[2:4, 2:4] = 1
    assert own.label_objects(mask).max() == 2 and own.label_objects(mask, min_area=10).max() == 1
    assert own.label_objects(mask * 0, split=True).max() == 0


def test_masks_are_kept_beside_and_never_over(tmp_path):
    picture = write(tmp_path / "cell 1.tif", GRAY)
    path = own.save_mask(DISC[..., None], picture.with_name("cell 1_mask.png"))
    assert path.name == "cell 1_mask.png" and (read_picture(path).pages[0] == DISC * 255).all()
    labels = own.save_mask(OBJECTS, picture.with_name("cell 1_labels.tif"))
    assert (read_picture(labels).pages[0] == OBJECTS).all() and read_picture(labels).pages[0].dtype == np.uint8
    before = content(tmp_path)
    for target in (picture, path):
        with pytest.raises(FileExistsError, match="nothing is written over"):
            own.save_mask(DISC, target)
    with pytest.raises(ValueError, match="JPEG would blur"):
        own.save_mask(DISC, tmp_path / "m.jpg")
    assert content(tmp_path) == before


def test_a_full_disk_leaves_nothing_behind(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # the system refuses to write more, as a full disk does
    try:
        with pytest.raises(OSError, match="could not be written.*Make room"):
            own.save_mask((RNG.random((200, 200)) > 0.5).astype(np.uint8), tmp_path / "m.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_network_keeps_all_that_its_use_needs(tmp_path):
    import keras

    net = build_unet(depth=3, filters=4)
    rule = own.Normalization("range", 0.1, 0.6)
    path = own.save_network(tmp_path / "n.keras", net, rule, 0.43, {"dice": 0.9}, {"data": "nuclei"})
    kept = own.load_kept(path)
    assert kept.normalization == rule and kept.threshold == 0.43 and kept.scores == {"dice": 0.9} and kept.card == {"data": "nuclei"}
    assert np.array_equal(one_pass(net, scene()), one_pass(kept.model, scene()))
    assert keras.models.load_model(path, compile=False).count_params() == net.count_params()
    with pytest.raises(FileExistsError):
        own.save_network(path, net, rule, 0.5, {}, {})
    plain = own.load_kept(MODELS / "unet_circles.keras")
    assert plain.normalization is None and plain.threshold == 0.5


def test_a_network_from_someone_else_runs_no_code(tmp_path):
    import keras

    trace = tmp_path / "trace"
    inputs = keras.Input((None, None, 1))
    touch = keras.layers.Lambda(lambda x, path=str(trace): (open(path, "w").close(), x)[1])
    keras.Model(inputs, touch(inputs)).save(tmp_path / "bad.keras")
    trace.unlink()  # building the layer has run it once
    with pytest.raises(ValueError, match=r"bad\.keras: needs the class Lambda .*Ask its author"):
        own.load_kept(tmp_path / "bad.keras")
    assert not trace.exists()
    (tmp_path / "text.keras").write_text("no")
    with pytest.raises(ValueError, match="damaged or no Keras model"):
        own.load_kept(tmp_path / "text.keras")
    with pytest.raises(FileNotFoundError):
        own.load_kept(tmp_path / "none.keras")
    net = own.save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2), None, 0.5, {}, {})
    with zipfile.ZipFile(net) as old, zipfile.ZipFile(tmp_path / "note.keras", "w") as new:
        for member in old.namelist():
            new.writestr(member, json.dumps({"normalization": 5}) if member == NOTE else old.read(member))
    with pytest.raises(ValueError, match="note .* is damaged"):
        own.load_kept(tmp_path / "note.keras")


def test_missing_onnx_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx onnxruntime"):
        own.export_onnx(shipped(), tmp_path / "n.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match="pip install"):
        own.onnx_difference(tmp_path / "n.onnx", shipped(), scene()[None, :32, :32, None])


# --- fetching ---------------------------------------------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Serves `content`, knows ranges, and breaks off after `stop_after` bytes."""

    content, stop_after, asked = b"", None, []

    def do_GET(self):
        start = int(self.headers["Range"].split("=")[1].rstrip("-")) if "Range" in self.headers else 0
        self.asked.append(start)
        self.send_response(206 if start else 200) if self.path != "/gone.zip" else self.send_response(404)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.stop_after])
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    images_dir, masks_dir = own.write_stand_in(tmp_path / "made", 3)
    with zipfile.ZipFile(tmp_path / "nuclei.zip", "w") as archive:
        for path in sorted((tmp_path / "made").rglob("*.tif")):
            archive.write(path, path.relative_to(tmp_path / "made"))
    Server.content, Server.stop_after, Server.asked = (tmp_path / "nuclei.zip").read_bytes(), None, []
    running = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}/nuclei.zip"
    running.shutdown()
    running.server_close()


def test_a_set_is_fetched_once_checked_and_read(server, tmp_path, capsys):
    real = own.NUCLEI._replace(url=server, sha256=hashlib.sha256(Server.content).hexdigest())
    dirs = own.fetch_set(real, tmp_path / "cache")
    assert len(load_pairs(*dirs).names) == 3 and "100%" in capsys.readouterr().out
    own.fetch_set(real, tmp_path / "cache")
    assert Server.asked == [0]


def test_an_interrupted_download_goes_on(server, tmp_path):
    Server.stop_after = 5000
    with pytest.raises(OSError, match="stopped after .*Run it again"):
        own.fetch(server, None, tmp_path / "cache", progress=None)
    assert not (tmp_path / "cache" / "nuclei.zip").exists()
    Server.stop_after = None
    path = own.fetch(server, hashlib.sha256(Server.content).hexdigest(), tmp_path / "cache", progress=None)
    assert path.read_bytes() == Server.content and Server.asked == [0, 5000]


def test_a_wrong_or_changed_file_is_not_used(server, tmp_path):
    with pytest.raises(PictureError, match="checksum .*deleted"):
        own.fetch(server, "0" * 64, tmp_path / "cache", progress=None)
    assert list((tmp_path / "cache").iterdir()) == []
    path = own.fetch(server, None, tmp_path / "cache", progress=None)  # the first download's checksum is noted
    path.write_bytes(b"changed")
    assert own.fetch(server, None, tmp_path / "cache", progress=None).read_bytes() == Server.content
    with pytest.raises(OSError, match="answers 404"):
        own.fetch(server.replace("nuclei", "gone"), None, tmp_path / "cache", progress=None)
    with pytest.raises(OSError, match="cannot be reached.*by hand"):
        own.fetch("http://127.0.0.1:1/x.zip", None, tmp_path / "cache", timeout=1)


def test_archives_stay_in_their_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../out.txt", "x")
    with pytest.raises(PictureError, match="reaches outside"):
        own.unpack(tmp_path / "evil.zip", tmp_path / "a" / "b")
    (tmp_path / "bad.zip").write_bytes(b"PK no")
    with pytest.raises(PictureError, match="damaged or no zip"):
        own.unpack(tmp_path / "bad.zip", tmp_path / "c")
    with zipfile.ZipFile(tmp_path / "large.zip", "w") as archive:
        archive.writestr("a", bytes(1000))
    with pytest.raises(PictureError, match="more than 100 bytes"):
        own.unpack(tmp_path / "large.zip", tmp_path / "d", max_bytes=100)
    assert not (tmp_path / "c").exists() and not (tmp_path / "out.txt").exists()


def test_the_real_set_states_address_checksum_and_license():
    assert own.NUCLEI.url.startswith("https://") and len(own.NUCLEI.sha256) == 64 and "CC0" in own.NUCLEI.license


# --- what other people's folders taught: each kind keeps its right value ----------------------------------------------


def square(shift=0, value=255):
    mask = np.zeros((16, 16), np.uint8)
    mask[2 + shift : 6 + shift, 2:6] = value
    return mask


def one(tmp_path, mask, name="a.png", image=np.full((16, 16), 10, np.uint8), image_name="a.png", **options):
    """Load one picture and its mask, both just written."""
    return load_pairs(*folders(tmp_path, {image_name: image}, {name: mask}), **options)


def save_pages(path, pages, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [Image.fromarray(page) for page in pages]
    pages[0].save(path, save_all=True, append_images=pages[1:], **options)


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_pages_of_mixed_kind_keep_their_order_and_their_masks(tmp_path, options):
    gray = np.full((16, 16), 10, np.uint8)
    save_pages(tmp_path / "i" / "s.tif", [gray, np.dstack([gray + 90] * 3), gray + 200], **options)
    save_pages(tmp_path / "m" / "s.tif", [square(4 * j) for j in range(3)], **options)
    images, masks = load_pairs(tmp_path / "i", tmp_path / "m")
    found = [(round(float(a.mean()) * 255), int(np.argwhere(b)[0][0])) for a, b in zip(images, masks)]
    assert found == [(10, 2), (100, 6), (210, 10)]


STEPS = np.repeat(np.uint8([[10] * 16, [200] * 16]), 8, 0)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize(("array", "options"), [
    (255 - STEPS, {"photometric": "miniswhite"}), (STEPS, {"photometric": "minisblack"}),
    (STEPS, {"photometric": "minisblack", "byteorder": ">"}), (STEPS, {"photometric": "minisblack", "bigtiff": True}),
    (STEPS, {"photometric": "minisblack", "tile": (16, 16)}), (np.dstack([STEPS] * 3), {"photometric": "rgb"}),
    (np.stack([STEPS] * 3), {"photometric": "rgb", "planarconfig": "separate"}),
    (STEPS.astype(np.uint16) * 257, {"photometric": "minisblack"}),
    (STEPS.astype(">u2") * 257, {"photometric": "minisblack", "byteorder": ">"}),
    (np.dstack([255 - STEPS] * 3 + [STEPS * 0]), {"photometric": "separated"}),
    (np.arange(256, dtype=np.uint8)[STEPS], {"photometric": "palette", "colormap": np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)}),
])
def test_tags_mean_the_same_whatever_the_compression(tmp_path, array, options, compression):
    tifffile.imwrite(tmp_path / "a.tif", array, compression=compression, **options)
    gray = own.to_gray(read_picture(tmp_path / "a.tif").pages[0])[0][..., 0]
    assert np.allclose(gray[[0, -1], 0], [10 / 255, 200 / 255], atol=1e-5)
    other = np.asarray(Image.open(tmp_path / "a.tif").convert("L")) if array.dtype == np.uint8 and options.get("photometric") != "separated" else None
    if other is not None:
        assert np.abs(np.round(gray * 255) - other).max() <= 1, "Pillow shows the same"


# What Pillow can write as TIFF: JPEG is for 8 bits, and fax for one.
MODES = ["1", "L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "P", "I;16"]
WRITTEN = {**dict.fromkeys([None, "tiff_lzw", "tiff_deflate", "packbits"], MODES), "jpeg": MODES[1:7], "group4": ["1"]}


@pytest.mark.parametrize(("mode", "compression"), [(mode, kind) for kind, modes in WRITTEN.items() for mode in modes])
def test_what_pillow_writes_as_tiff_reads_as_pillow_shows_it(tmp_path, mode, compression):
    ramp = Image.fromarray(np.tile(np.linspace(5, 250, 56).astype(np.uint8), (40, 1)))
    ramp = Image.fromarray(np.asarray(ramp).astype(np.uint16) * 257) if mode == "I;16" else ramp.convert("RGB").convert(mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ramp.save(tmp_path / "a.tif", compression=compression)
    shown = Image.open(tmp_path / "a.tif")
    expected = np.asarray(shown) / 65535 if mode == "I;16" else np.asarray(shown.convert("RGB").convert("L")) / 255
    gray = own.to_gray(read_picture(tmp_path / "a.tif").pages[0])[0][..., 0]
    assert np.abs(gray - expected).max() < (0.03 if compression == "jpeg" else 0.005)


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_of_tiff_png_and_jpeg_is_that_of_pillow(tmp_path, turn):
    ramp = np.arange(15 * 20, dtype=np.uint16).reshape(15, 20).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(ramp).save(tmp_path / "a.png", exif=exif)
    tifffile.imwrite(tmp_path / "a.tif", ramp, extratags=[(274, "H", 1, turn, True)])
    expected = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "a.png")))
    for name in ("a.png", "a.tif"):
        assert np.array_equal(read_picture(tmp_path / name).pages[0], expected), name


def test_jpeg_in_tiff_gif_webp_pgm_and_numpy(tmp_path):
    smooth = np.tile(np.linspace(0, 250, 64).astype(np.uint8), (48, 1))
    tifffile.imwrite(tmp_path / "j.tif", np.dstack([smooth] * 3), photometric="rgb", compression="jpeg")
    assert np.abs(own.to_gray(read_picture(tmp_path / "j.tif").pages[0])[0][..., 0] * 255 - smooth).max() < 8
    save_pages(tmp_path / "g.gif", [smooth, 255 - smooth])
    pages = read_picture(tmp_path / "g.gif").pages
    assert len(pages) == 2 and np.abs(pages[1][..., 0] / 255.0 + pages[0][..., 0] / 255.0 - 1).max() < 0.05
    Image.fromarray(smooth).save(tmp_path / "w.webp", lossless=True)
    assert np.abs(read_picture(tmp_path / "w.webp").pages[0][..., 0] - smooth.astype(int)).max() <= 1
    Image.fromarray(smooth).save(tmp_path / "p.pgm")
    np.save(tmp_path / "n.npy", np.stack([smooth, smooth]))
    assert np.array_equal(read_picture(tmp_path / "p.pgm").pages[0], smooth) and len(read_picture(tmp_path / "n.npy").pages) == 2


@pytest.mark.parametrize(("options", "shape", "count"), [
    ({"imagej": True, "metadata": {"axes": "CYX"}}, (4, 16, 20), 4), ({"imagej": True, "metadata": {"axes": "CYX"}}, (3, 16, 20), 3),
    ({"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack"}, (3, 16, 20), 3),
    ({"photometric": "minisblack", "planarconfig": "contig"}, (16, 20, 3), 3),
])
def test_channels_are_asked_for_and_never_mixed(tmp_path, options, shape, count):
    array = RNG.integers(0, 255, shape, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.ome.tif", array, **options)
    [page] = read_picture(tmp_path / "a.ome.tif").pages
    with pytest.raises(PictureError, match=f"{count} channels.*Pass channel=0"):
        own.to_gray(page)
    first = array[0] if shape[0] == count else array[..., 0]
    assert np.allclose(own.to_gray(page, channel=0)[0][..., 0], first / 255)


def test_a_hyperstack_gives_its_pages_in_order(tmp_path):
    array = RNG.integers(0, 255, (2, 3, 2, 16, 20), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "h.tif", array, imagej=True, metadata={"axes": "TZCYX"})
    pages = read_picture(tmp_path / "h.tif").pages
    assert len(pages) == 6 and np.array_equal(pages[4][..., 1], array[1, 1, 1])


def test_levels_of_a_pyramid_are_not_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "p.tif") as file:
        big = RNG.integers(0, 255, (64, 64), dtype=np.uint8)
        file.write(big, subifds=1, tile=(32, 32))
        file.write(big[::2, ::2], subfiletype=1, tile=(32, 32))
    [page] = read_picture(tmp_path / "p.tif").pages
    assert np.array_equal(page, big)


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "z.tif", STEPS, compression="zstd")
    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", lambda *_, **__: (_ for _ in ()).throw(ValueError("requires the 'imagecodecs' package")))
    monkeypatch.setattr(Image, "open", lambda *_, **__: (_ for _ in ()).throw(OSError("decoder zstd not available")))
    with pytest.raises(PictureError, match=r"z\.tif: is compressed with ZSTD.*pip install imagecodecs"):
        read_picture(tmp_path / "z.tif")


@pytest.mark.parametrize(("package", "name"), [("pydicom", "a.dcm"), ("nibabel", "a.nii.gz")])
def test_a_missing_reader_is_named(tmp_path, monkeypatch, package, name):
    (tmp_path / name).write_bytes(b"x" * 400)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(PictureError, match=f"{name}: .*missing here: pip install {package}"):
        read_picture(tmp_path / name)


def test_medical_files_give_their_own_numbers(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = np.arange(5 * 4 * 3, dtype=np.int16).reshape(5, 4, 3) - 1000
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "v.nii.gz")
    pages = read_picture(tmp_path / "v.nii.gz").pages
    assert len(pages) == 3 and np.array_equal(pages[2], volume[..., 2].T)
    with pytest.raises(PictureError, match=r"-1000\.\.-943.*value_range"):
        own.to_gray(pages[0])
    save_dicom(tmp_path / "a.dcm", STEPS.astype(np.uint16) * 10, RescaleIntercept="-1024")
    assert read_picture(tmp_path / "a.dcm").pages[0][[0, -1], 0].tolist() == [100 - 1024, 2000 - 1024]
    save_dicom(tmp_path / "b.dcm", STEPS.astype(np.uint16) * 10, PhotometricInterpretation="MONOCHROME1")
    assert read_picture(tmp_path / "b.dcm").pages[0][[0, -1], 0].tolist() == [4095 - 100, 4095 - 2000]


def save_dicom(path, pixels, **changes):
    """Write a slice of 12 bits as a scanner does."""
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileMetaDataset
    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = *pixels.shape, 16, 12, 11
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 0, "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept, data.PixelData = "1", "0", pixels.astype("<u2").tobytes()
    for name, value in changes.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


@pytest.mark.parametrize("ending", ["dcm", "png"])
def test_slices_in_dicom_pair_with_their_masks(tmp_path, ending):
    """Three slices of computed tomography in their own numbers, in the order of their names; 12 comes after 3."""
    for i, (number, shift) in enumerate([(2, 0), (3, 5), (12, 9)]):
        hounsfield, mask = GRAY.astype(np.int16) + 10 * i - 200, np.roll(DISC, shift, axis=1)
        save_dicom(tmp_path / "images" / f"IM{number}.dcm", hounsfield + 1024, RescaleIntercept="-1024")
        if ending == "dcm":
            save_dicom(tmp_path / "masks" / f"IM{number}.dcm", mask)
        else:
            write(tmp_path / "masks" / f"IM{number}.png", mask * np.uint8(255))
    with pytest.raises(PictureError, match=r"value_range"):
        load_pairs(tmp_path / "images", tmp_path / "masks")
    pairs = load_pairs(tmp_path / "images", tmp_path / "masks", value_range=(-200, 100))
    assert pairs.names == ["IM2", "IM3", "IM12"]
    for i, shift in enumerate((0, 5, 9)):
        assert np.allclose(pairs.images[i, ..., 0], np.minimum((GRAY + 10.0 * i) / 300, 1), atol=1e-6)
        assert np.array_equal(pairs.masks[i, ..., 0], np.roll(DISC, shift, axis=1))
    assert pairs.records[1].values == (int(GRAY.min()) - 190, int(GRAY.max()) - 190)


def test_a_foreground_that_matches_nothing_is_refused(tmp_path):
    assert one(tmp_path, square(), foreground=(255, 255, 255)).masks.mean() == 0.0625
    for i, asked in enumerate([(255, 0, 0), 7]):
        with pytest.raises(PictureError, match="255"):
            one(tmp_path / str(i), square(), foreground=asked)
    with pytest.raises(PictureError, match="is gray, and foreground is the color"):
        one(tmp_path / "c", square(), foreground=(255, 0, 0))


@pytest.mark.filterwarnings("ignore:all masks")
def test_masks_are_not_emptied_without_a_word(tmp_path):
    small = np.full((64, 64), 0, np.uint8)
    small[10:40, 10:40] = 3
    with pytest.raises(PictureError, match="JPEG mask whose numbers run from 0 to .*Export the mask as PNG"):
        one(tmp_path / "a", small, "a.jpg", np.full((64, 64), 9, np.uint8))
    in_alpha = np.dstack([square() * 0] * 3 + [square()])
    assert np.array_equal(one(tmp_path / "b", in_alpha).masks[0, ..., 0], square() // 255)
    noise = RNG.integers(0, 4, (16, 16), dtype=np.uint8)
    assert one(tmp_path / "c", noise, foreground="half").masks.max() == 0
    dirs = folders(tmp_path / "d", {"a.png": noise, "b.png": noise}, {"a.png": noise, "b.png": square()})
    assert load_pairs(*dirs, foreground="half").masks.mean(axis=(1, 2, 3)).tolist() == [0, 0.0625]


def test_empty_full_and_outlined_masks_are_pointed_out(tmp_path):
    with pytest.warns(UserWarning, match="all masks .* are empty"):
        one(tmp_path / "a", square() * 0)
    with pytest.warns(UserWarning, match="all masks .* are full"):
        one(tmp_path / "b", square() * 0 + 255)
    rings = np.zeros((120, 120), np.uint8)
    for x in (35, 85):
        cv2.circle(rings, (x, 60), 20, 255, 1)
    with pytest.warns(UserWarning, match="are outlines.*fill=True"):
        one(tmp_path / "c", rings, image=rings)
    assert one(tmp_path / "d", rings, image=rings, fill=True).masks.mean() > 0.15
    mesh = np.zeros((120, 120), np.uint8)
    mesh[::30] = mesh[:, ::30] = 255
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # membranes are lines, and meant
        one(tmp_path / "e", mesh, image=mesh)


def test_colored_masks_with_soft_edges(tmp_path):
    red = np.zeros((200, 200, 3), np.uint8)
    red[50:120, 50:120] = (255, 0, 0)
    image, share = np.full((200, 200), 10, np.uint8), (red[..., 0] > 0).mean()
    for i, (mask, name) in enumerate([(red, "a.jpg"), (cv2.GaussianBlur(red, (0, 0), 1.2), "a.png")]):
        for j, foreground in enumerate([None, "nonzero", (255, 0, 0)]):
            found = one(tmp_path / f"{i}{j}", mask, name, image, foreground=foreground).masks.mean()
            assert found == pytest.approx(share, rel=0.02), (name, foreground)
    white = red.copy()
    white[red[..., 0] == 0] = 255
    with pytest.raises(PictureError, match=r"foreground=\(255, 0, 0\)"):
        one(tmp_path / "w", white, image=image)
    assert one(tmp_path / "x", white, "a.jpg", image, foreground=(255, 0, 0)).masks.mean() == pytest.approx(share, rel=0.02)


def test_classes_and_scans_are_not_taken_for_objects(tmp_path):
    classes = np.zeros((16, 16), np.uint8)
    for i in (1, 2, 3):
        classes[4 * i : 4 * i + 3, 4 * i : 4 * i + 3] = i
    with pytest.raises(PictureError, match="0, 1, 2, 3.*classes="):
        one(tmp_path / "a", classes)
    scan = np.linspace(-1000, 400, 256).reshape(16, 16).astype(np.int16)
    with pytest.raises(PictureError, match="-1000 to 400, as a scan does.*right way round"):
        one(tmp_path / "b", scan, "a.tif")


def test_numbers_of_any_kind_are_asked_about_in_words(tmp_path):
    signed = np.linspace(-1, 1, 256).reshape(16, 16).astype(np.float32)
    with pytest.raises(PictureError, match=r"-1\.\.1.*such as \(-1, 1\)"):
        one(tmp_path / "a", square(), image=signed, image_name="a.tif")
    images, _ = one(tmp_path / "a", square(), image=signed, image_name="a.tif", value_range=(-1, 1))
    assert images.min() == 0 and images.max() == 1
    almost = np.full((16, 16), 1.000001, np.float32)
    assert one(tmp_path / "b", square(), image=almost, image_name="a.tif").images.max() == 1
    with pytest.raises(PictureError, match=r"value_range is 255; expected \(black, white\)"):
        one(tmp_path / "c", square(), value_range=255)
    color = np.dstack([np.full((16, 16), v, np.uint8) for v in (10, 20, 30)])
    assert one(tmp_path / "d", square(), image=color, channel="green").images.max() == np.float32(20 / 255)
    for i, (image, asked) in enumerate([(color, "pink"), (color, 3), (color, True), (color[..., 0], 1)]):
        with pytest.raises(PictureError, match="channel is"):
            one(tmp_path / f"e{i}", square(), image=image, channel=asked)


def test_dim_pictures_are_pointed_out_and_stretched(tmp_path):
    dim = RNG.integers(100, 181, (4, 32, 32)).astype(np.uint16)
    pairs = load_pairs(*folders(tmp_path, {f"{i}.tif": p for i, p in enumerate(dim)}, {f"{i}.png": DISC[:32, :32] for i in range(4)}))
    assert "100 to 180 of 65535" in pairs.table() and "100..180" in pairs.table()
    for kind in ("range", "picture"):
        rule = own.fit_normalization(pairs.images, kind)
        assert np.ptp(rule.apply(pairs.images)) == 1 and rule.apply(pairs.images).std() > 0.2
    path = own.save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2), rule, 0.5, {}, {})
    assert own.load_kept(path).normalization == rule


def test_a_table_from_excel_is_read(tmp_path):
    (tmp_path / "t.csv").write_bytes("Bild;Spender\nZelle ä.tif;Müller\nb.tif;Meier\n".encode("latin-1"))
    assert own.groups_from_csv(tmp_path / "t.csv", ["b", "Zelle ä"], "Bild", "Spender") == ["Meier", "Müller"]


ALONE = np.zeros((1200, 1200), np.uint8)  # a disc, and the same as a photograph and as a mask in red on black
cv2.circle(ALONE, (500, 500), 300, 255, -1)
GRID = (np.arange(1200)[:, None] // 60 * 20 + np.arange(1200) // 60).astype(np.int32)  # 399 numbered objects
FEW = (np.arange(1200)[:, None] // 120 * 10 + np.arange(1200) // 120).astype(np.uint8)  # 99 numbered objects
HEAVY = {
    "gray": (ALONE, ALONE), "color": (np.dstack([ALONE, ALONE * 0, ALONE // 2]), np.dstack([ALONE, ALONE * 0, ALONE * 0])),
    "one channel of four": (np.dstack([ALONE] * 3), np.dstack([FEW, FEW * 0, FEW * 0, FEW * 0 + 255])), "numbers of 32 bits": (ALONE, GRID),
    "numbers of 64 bits": (ALONE, GRID.astype(np.int64)), "floats": (ALONE.astype(np.uint16) * 257, (ALONE > 0).astype(np.float32)),
    "16 bits": (ALONE.astype(np.uint16) * 257, GRID.astype(np.uint16)), "wide floats": (ALONE.astype(np.uint16) * 257, (ALONE > 0).astype(np.float64)),
}
STACKS = ["gray", "16 bits"]  # the numbers of a stack of colors are channels, and one of wider numbers fills the eight bytes by itself


@pytest.mark.parametrize("kind, pages", [*((kind, False) for kind in HEAVY), *((kind, True) for kind in STACKS)])
def test_loading_needs_little_memory(tmp_path, kind, pages):
    code = (
        "import sys; from benchmarks.peak_memory import high_water; from helpers import own_images as own\n"
        "own.load_pairs(sys.argv[1] + '/small/images', sys.argv[1] + '/small/masks')\n"
        "before = high_water()\n"
        "own.load_pairs(sys.argv[1] + '/images', sys.argv[1] + '/masks')\n"
        "print((high_water() - before) / (30 * 1200 * 1200))"
    )
    image, mask = HEAVY[kind]
    for place, many, y, x in ((tmp_path / "small", 1, slice(0, 300), slice(0, 300)), (tmp_path, 30, slice(None), slice(None))):
        for name, array in (("images", image[y, x]), ("masks", mask[y, x])):
            (place / name).mkdir(parents=True)
            if pages:
                np.save(place / name / "a.npy", np.stack([array] * many))
            for i in range(0 if pages else many):
                np.save(place / name / f"{i}.npy", array) if array.itemsize > 4 else tifffile.imwrite(place / name / f"{i}.tif", array)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert float(done.stdout.splitlines()[-1]) < 8, done.stdout + done.stderr


def test_floats_are_made_whole_some_rows_at_a_time():
    page = np.zeros((2000, 2000))
    tracemalloc.start()
    codes_of(page, "a.npy", False)
    assert tracemalloc.get_traced_memory()[1] < 16 * page.size  # 12 as whole numbers, wide and short; all at once it takes 24
    tracemalloc.stop()


# --- layouts ----------------------------------------------------------------------------------------------------------

DOT = np.zeros((40, 56), np.uint8)
cv2.circle(DOT, (44, 28), 5, 1, thickness=cv2.FILLED)
BOTH = DISC | DOT
POLYGONS = [[[10, 10], [30, 10], [30, 25], [10, 25]], [[40, 5], [50, 5], [50, 15], [40, 15]]]
AREA = 20 * 15 + 10 * 10


def layout(tmp_path, files):
    """Write `{path: array, bytes or text}` below a folder and return it."""
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, (bytes, str)):
            (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            write(tmp_path / name, content)
    return tmp_path


NAMES = [
    ("cell.tif", "cell_mask.png"), ("cell.png", "cell_cp_masks.png"), ("img_000.png", "mask_000.png"), ("cell.ome.tif", "cell_labels.tif"),
    ("cell.tif", "cell_Simple Segmentation.tif"), ("cell.png", "cell_mask.gif"), ("21_training.tif", "21_manual1.gif"),
    ("Zelle Ä 1.png", "Zelle Ä 1 Maske.png"), ("Bild_3.tif", "Segmentierung_3.tif"), ("célula.png", "célula_máscara.png"),
    ("cellule-2.png", "cellule-2-masque.png"), ("cellula 7.png", "cellula 7 maschera.png"), ("клетка.png", "клетка_маска.png"),
    ("a.png", "a_掩码.png"), ("cell.png", "cell_mask1.png"), ("cell_2.png", "cell_mask_2.png"), ("cell_img_2.png", "cell_mask_2.png"),
    ("cell raw.tif", "cell-seg.png"), ("a/cell.png", "a/cell_mask.png"), ("cell.tif", "cell.tif_mask.png"),
]


@pytest.mark.parametrize(("image", "mask"), NAMES)
def test_names_that_people_give(tmp_path, image, mask):
    together = layout(tmp_path / "one", {image: GRAY, mask: BOTH * np.uint8(255)})
    apart = layout(tmp_path / "two", {f"images/{image}": GRAY, f"masks/{mask}": BOTH * np.uint8(255)})
    for pairs in (load_pairs(together), load_pairs(apart / "images", apart / "masks"), load_pairs(apart)):
        assert np.array_equal(pairs.masks[0, ..., 0], BOTH) and pairs.layout


@pytest.mark.parametrize(("images", "masks"), [
    ("Bilder", "Masken"), ("imágenes", "máscaras"), ("images", "masques"), ("immagini", "maschere"), ("изображения", "маски"),
    ("ima\u0301genes", "ma\u0301scaras"),
])
def test_folders_in_other_languages(tmp_path, images, masks):
    place = layout(tmp_path, {f"{images}/7.png": GRAY, f"{masks}/7.png": BOTH * np.uint8(255)})
    assert np.array_equal(load_pairs(place).masks[0, ..., 0], BOTH)


def test_a_number_after_the_word_mask_belongs_to_the_picture_that_has_it(tmp_path):
    files = {f"cell{end}.png": GRAY for end in ("", "_1")} | {"cell_mask.png": DISC * np.uint8(255), "cell_mask_1.png": DOT * np.uint8(255)}
    assert [mask[..., 0].tolist() for mask in load_pairs(layout(tmp_path, files)).masks] == [DISC.tolist(), DOT.tolist()]


class FakeBioImage:
    """What bioio returns for a file of two scenes with two slices and two channels, or of one in color."""

    shape, scenes = (1, 2, 2, 40, 56), ("one", "two")

    def __init__(self, path):
        self.color = path.stem == "color"
        self.dims = SimpleNamespace(T=1, Z=2, Y=40, X=56, order="TCZYXS" if self.color else "TCZYX")
        self.shape = (1, 1 if self.color else 2, 10**9 if path.stem == "huge" else 2, 40, 56)
        if path.stem == "broken":
            raise OSError("bad magic")

    def set_scene(self, scene):
        self.scene = self.scenes.index(scene)

    def get_image_dask_data(self, order, T, Z):
        base = np.full((1 if self.color else 2, 40, 56), 100 * self.scene + 10 * Z, np.uint16) + np.arange(1 if self.color else 2)[:, None, None]
        array = np.stack([base, base + 1, base + 2], -1) if order == "CYXS" else base
        return SimpleNamespace(compute=lambda: array.astype(np.uint16))


@pytest.mark.parametrize("ending", ["czi", "lif", "nd2"])
def test_files_of_microscopes(tmp_path, monkeypatch, ending):
    for name in ("a", "color", "huge", "broken"):
        (tmp_path / f"{name}.{ending}").write_bytes(b"x" * 200)
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(PictureError, match=f"pip install bioio bioio-{ending}"):
        read_picture(tmp_path / f"a.{ending}")
    monkeypatch.setitem(sys.modules, "bioio", SimpleNamespace(BioImage=FakeBioImage))
    monkeypatch.setitem(sys.modules, f"bioio_{ending}", None)
    with pytest.raises(PictureError, match=f"pip install bioio bioio-{ending}"):
        read_picture(tmp_path / f"a.{ending}")
    monkeypatch.setitem(sys.modules, f"bioio_{ending}", SimpleNamespace())
    pages = read_picture(tmp_path / f"a.{ending}").pages
    assert [(type(p), p.shape, p[0, 0].tolist()) for p in pages] == [(own.Channels, (40, 56, 2), [v, v + 1]) for v in (0, 10, 100, 110)]
    assert [(type(p), p[0, 0].tolist()) for p in read_picture(tmp_path / f"color.{ending}").pages][1] == (np.ndarray, [10, 11, 12])
    for name, said in (("huge", "its pages hold"), ("broken", "is damaged or cut short .bad magic")):
        with pytest.raises(PictureError, match=said):
            read_picture(tmp_path / f"{name}.{ending}")


def test_sets_and_patients_with_folders_of_their_own(tmp_path):
    files = {f"p{p}/{role}/{i}.png": array for p in (1, 2) for i in range(2) for role, array in (("images", GRAY), ("masks", BOTH))}
    pairs = load_pairs(layout(tmp_path, files))
    assert len(pairs.names) == 4 and len(set(own.groups_of(pairs.names))) == 2 and np.array_equal(pairs.masks[3, ..., 0], BOTH)


def test_several_masks_of_one_picture(tmp_path):
    files = {"benign (1).png": GRAY, "benign (1)_mask.png": DISC * np.uint8(255), "benign (1)_mask_1.png": DOT * np.uint8(255)}
    files |= {"benign (2).png": GRAY, "benign (2)_mask.png": DISC * np.uint8(255)}
    pairs = load_pairs(layout(tmp_path, files))
    assert [mask[..., 0].tolist() for mask in pairs.masks] == [BOTH.tolist(), DISC.tolist()]


def test_nnunet_names(tmp_path):
    files = {f"imagesTr/case_{i:03d}_0000.tif": GRAY for i in range(3)} | {f"labelsTr/case_{i:03d}.tif": BOTH for i in range(3)}
    pairs = load_pairs(layout(tmp_path, files))
    assert len(pairs.names) == 3 and np.array_equal(pairs.masks[2, ..., 0], BOTH)
    layout(tmp_path, {"imagesTr/case_000_0001.tif": GRAY})
    with pytest.raises(PictureError, match="channels of one picture"):
        load_pairs(tmp_path)


def test_one_file_an_object(tmp_path):
    files = {f"id{i}/images/id{i}.png": GRAY for i in range(2)}
    files |= {f"id{i}/masks/{n}.png": m * np.uint8(255) for i in range(2) for n, m in (("a", DISC), ("b", DOT))}
    pairs = load_pairs(layout(tmp_path / "nested", files))
    assert np.array_equal(pairs.masks[1, ..., 0], BOTH) and pairs.records[0].mask == "2 objects" and "one mask file an object" in pairs.layout
    files = {"images/id0.png": GRAY, "masks/id0/a.png": DISC * np.uint8(255), "masks/id0/b.png": DOT * np.uint8(255)}
    pairs = load_pairs(layout(tmp_path / "folders", files))
    assert np.array_equal(pairs.masks[0, ..., 0], BOTH)


def coco(path_name="a.png"):
    return json.dumps({
        "images": [{"id": 1, "file_name": path_name, "height": 40, "width": 56}],
        "annotations": [{"image_id": 1, "segmentation": [np.ravel(points).tolist()]} for points in POLYGONS],
    })


ANNOTATIONS = {
    "labelme": ("a.json", json.dumps({"shapes": [{"label": "x", "points": p, "shape_type": "polygon"} for p in POLYGONS], "imagePath": "a.png"})),
    "labelme rectangles": ("a.json", json.dumps({"shapes": [{"points": [p[0], p[2]], "shape_type": "rectangle"} for p in POLYGONS]})),
    "coco": ("all.json", coco()),
    "geojson": ("a.geojson", json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*p, p[0]]]}} for p in POLYGONS]})),
    "qupath": ("a.json", json.dumps([{"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[[*p, p[0]]] for p in POLYGONS]}}])),
}


@pytest.mark.parametrize("kind", ANNOTATIONS)
def test_polygons(tmp_path, kind):
    name, text = ANNOTATIONS[kind]
    together = layout(tmp_path / "one", {"a.png": GRAY, name: text})
    apart = layout(tmp_path / "two", {"images/a.png": GRAY, f"labels/{name}": text})
    found = [load_pairs(together), load_pairs(apart), load_pairs(apart / "images", apart / "labels" / name)]
    for pairs in found:
        assert pairs.masks.sum() == AREA and pairs.masks[0, 10:25, 10:30].all() and "object" in pairs.records[0].mask


def test_holes_in_polygons_and_what_has_no_area(tmp_path):
    rings = [[[10, 10], [30, 10], [30, 30], [10, 30], [10, 10]], [[15, 15], [20, 15], [20, 20], [15, 20], [15, 15]]]
    shape = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": rings}}
    assert load_pairs(layout(tmp_path / "a", {"a.png": GRAY, "a.geojson": json.dumps(shape)})).masks.sum() == 400 - 25
    point = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}
    with pytest.raises(PictureError, match="'Point' have no area"):
        load_pairs(layout(tmp_path / "b", {"a.png": GRAY, "a.geojson": json.dumps(point)}))
    with pytest.raises(PictureError, match="not of labelme, COCO or GeoJSON"):
        load_pairs(layout(tmp_path / "c", {"a.png": GRAY, "a.json": '{"x": 1}'}))
    with pytest.raises(PictureError, match="damaged or is not JSON"):
        load_pairs(layout(tmp_path / "d", {"a.png": GRAY, "a.json": "{"}))


def test_imagej_regions(tmp_path):
    roifile = pytest.importorskip("roifile")
    folder = layout(tmp_path, {"a.png": GRAY})
    roifile.roiwrite(folder / "a.zip", [roifile.ImagejRoi.frompoints(np.array(points)) for points in POLYGONS])
    assert load_pairs(folder).masks.sum() == AREA


@pytest.mark.parametrize("role", ["images", "masks"])
def test_leftovers_of_other_programs_and_masks_inside(tmp_path, role):
    files = {"images/a.png": GRAY, "images/masks/a.png": BOTH * np.uint8(255)}
    files |= {f"images/{place}/a.png": GRAY for place in (".ipynb_checkpoints", "__MACOSX", "sub/__MACOSX")}
    files |= {"images/._a.png": b"x", "images/Thumbs.db": b"x"}
    layout(tmp_path, files)
    pairs = load_pairs(tmp_path / "images", tmp_path / "images" / "masks")
    assert pairs.names == ["a"] and np.array_equal(pairs.masks[0, ..., 0], BOTH)


def test_what_matches_nothing_is_an_error(tmp_path):
    with pytest.raises(PictureError, match="no file there can be told to be a mask"):
        load_pairs(layout(tmp_path, {"a.png": GRAY, "b.png": GRAY}))


def test_one_error_a_kind_with_the_number_of_files(tmp_path):
    dirs = folders(tmp_path, {f"{i}.png": GRAY for i in range(20)}, {f"{i}.png": THREE for i in range(19)} | {"19.png": DISC[:30]})
    with pytest.raises(PictureError) as caught:
        load_pairs(*dirs)
    text = str(caught.value)
    assert text.count("three values") == 1 and "19 more" not in text and text.count("nearest neighbor") == 1
    dirs = folders(tmp_path / "b", {f"{i}.png": GRAY for i in range(20)}, {f"{i}.png": THREE for i in range(20)})
    with pytest.raises(PictureError, match="The same is true of 19 more: 1.*and 11 more"):
        load_pairs(*dirs)


@pytest.mark.parametrize(("names", "sources", "conditions"), [
    ([f"{c}_{i:03d}" for c in ("WT", "KO") for i in range(9)], 18, {"WT", "KO"}),
    ([f"{c}/{i}" for c in ("control", "drugA", "drugB") for i in range(6)], 18, {"control", "drugA", "drugB"}),
    ([f"{c}_m{m}_{i}" for c, m in (("WT", 1), ("WT", 2), ("WT", 3), ("KO", 4), ("KO", 5), ("KO", 6)) for i in range(3)], 6, {"WT", "KO"}),
    ([f"slice_{i:02d}" for i in range(30)], 1, {""}), ([f"stack_p{i:03d}" for i in range(30)], 1, {""}), ([f"img_{i}" for i in range(9)], 9, {""}),
])
def test_source_and_condition_are_two_things(names, sources, conditions):
    groups, kinds = own.groups_of(names), own.conditions_of(names)
    assert len(set(groups)) == sources and set(kinds) == conditions
    sets = own.split_by_source(groups, seed=1, conditions=kinds)
    for members in sets:
        assert {kinds[i] for i in members} == conditions, "each set has each condition"
    owners = [{groups[i] for i in members} for members in sets]
    assert sources == 1 or not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    table = own.split_table(sets, names, groups, kinds)
    assert table.startswith("training: ") and names[sets[2][0]] in table


def test_slices_of_one_stack_are_recognized_by_their_likeness(tmp_path):
    noise = np.random.default_rng(2).normal(size=(16, 96, 96)).astype(np.float32)
    stack = np.stack([cv2.GaussianBlur(noise[i : i + 4].mean(axis=0), (0, 0), 2) for i in range(12)])
    stack = np.clip(128 + 128 * stack / np.abs(stack).max(), 0, 255).astype(np.uint8)
    files = {f"{i:03d}.png": page for i, page in enumerate(stack)}
    masks = {f"{i:03d}.png": (page > 150) * np.uint8(255) for i, page in enumerate(stack)}
    assert "slices of one stack" in load_pairs(*folders(tmp_path / "a", files, masks)).table()
    assert "slices of one stack" in load_pairs(tmp_path / "a" / "images", tmp_path / "a" / "masks", limit=40).table()
    alone = {name: np.clip(RNG.normal(128, 40, (96, 96)), 0, 255).astype(np.uint8) for name in files}
    assert "slices of one stack" not in load_pairs(*folders(tmp_path / "b", alone, masks)).table()
    assert "slices" not in load_pairs(*own.write_stand_in(tmp_path / "c", 12)).table()


def test_a_single_stack_is_cut_with_gaps_or_refused():
    sets = own.split_by_source(["stack"] * 30)
    assert all(b[0] - a[-1] >= 2 for a, b in zip(sets, sets[1:])) and all(map(len, sets))
    for n in (2, 3):
        with pytest.raises(PictureError, match=f"{n} pictures of one source are too few"):
            own.split_by_source(["stack"] * n)


# --- keeping, in any type ---------------------------------------------------------------------------------------------


def test_what_is_no_mask_is_not_written(tmp_path):
    for i, (bad, words) in enumerate([(np.full((8, 8), 0.02, np.float32), "fractions such as 0.02"), (np.full((8, 8), np.nan), "NaN"), (np.full((8, 8), -1), "-1")]):
        with pytest.raises(ValueError, match=words):
            own.save_mask(bad, tmp_path / f"{i}.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mask", [square(), square() > 0, square().astype(np.int64), (square() / 255).astype(np.float32)])
def test_a_mask_is_white_on_black_with_eight_bits(tmp_path, mask):
    page = read_picture(own.save_mask(mask, tmp_path / "m.png")).pages[0]
    assert page.dtype == np.uint8 and np.array_equal(page, square())


def test_the_tilde_is_home_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    own.save_mask(square(), "~/m.png")
    folders(tmp_path, {"a.png": square()}, {"a.png": square()})
    assert load_pairs("~/images", "~/masks").names == ["a"]
    own.load_kept(own.save_network("~/n.keras", build_unet(depth=2, filters=2), None, 0.5, {}, {}))
    assert own.load_kept("~/n.keras").threshold == 0.5
    (tmp_path / "t.csv").write_text("f,g\na,1\n")
    assert own.groups_from_csv("~/t.csv", ["a"], "f", "g") == ["1"]
    assert read_picture("~/m.png").pages and own.new_folder("~/runs").parent == tmp_path / "runs"
    assert own.write_stand_in("~/stand-in", n=1)[0].is_dir() and (tmp_path / "stand-in").is_dir()
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert own.unpack("~/z.zip", "~/unpacked") == tmp_path / "unpacked"
    (tmp_path / "s.toml").write_text('images = "~/images"')
    assert own.read_settings("~/s.toml") and "a " in own.inspect_pictures("~/images")
    own.predict_folder("~/n.keras", "~/images", "~/found", progress=False)
    (tmp_path / "shipped.keras").write_bytes((MODELS / "unet_circles.keras").read_bytes())
    assert load_network("~/n.keras") and own.export_package("~/shipped.keras", "~/n.zip") == tmp_path / "n.zip"
    own.onnx_difference(own.export_onnx(build_unet(depth=2, filters=2), "~/n.onnx"), shipped(), np.zeros((1, 16, 16, 1)))
    assert claim_folder("~/one-1") == tmp_path / "one-1" and new_run_dir("~", "one") == tmp_path / "one-2"
    assert str(make_callbacks("~/one-1")[0].filename).startswith(str(tmp_path))
    (tmp_path / "one-1" / "log.csv").write_text("epoch,loss\n0,1\n")
    assert read_log("~/one-1")
    assert not (tmp_path / "~").exists() and (tmp_path / "m.png").exists()


def test_byte_order_does_not_matter():
    image = np.round(scene()[:96, :96] * 65535).astype(np.uint16)
    assert np.array_equal(predict_tiled(shipped(), image.astype(">u2")), predict_tiled(shipped(), image))


# --- the command ------------------------------------------------------------------------------------------------------


@cache
def small_network():
    net = build_unet(depth=3, filters=4)
    net.set_weights([np.random.default_rng(i).normal(0, 0.3, w.shape) for i, w in enumerate(net.get_weights())])
    return net


def command(capsys, *arguments):
    """Run the command in this process, which has TensorFlow already; `test_inspect...` starts it as a user does."""
    code = main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def test_predict_writes_masks_overlays_and_one_table_and_goes_on(tmp_path, capsys):
    rng = np.random.default_rng(5)
    files = {f"s{i}.tif": np.round(cv2.GaussianBlur(rng.random((64, 80)), (0, 0), 3) * 255).astype(np.uint8) for i in range(3)}
    files["stack.tif"] = np.stack([files["s0.tif"], files["s1.tif"]])
    folder = layout(tmp_path / "new", files)
    model = own.save_network(tmp_path / "n.keras", small_network(), own.Normalization("picture", 0.5, 99.5), 0.5, {}, {}, {"pixel_size": 0.5, "unit": "um"})
    before = content(folder)
    done = command(capsys, "predict", model, folder, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = ["s0", "s1", "s2", "stack_p001", "stack_p002"]
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == sorted(["objects.csv", "predict.json", *(f"{n}_{k}" for n in names for k in ("mask.png", "overlay.jpg"))])
    rows = list(csv.DictReader((out / "objects.csv").open()))
    assert rows and {row["unit"] for row in rows} == {"um"}
    for name in names:
        mask = read_picture(out / f"{name}_mask.png").pages[0] > 0
        mine = [row for row in rows if row["picture"] == name]
        assert len(mine) == own.label_objects(mask).max() and sum(float(row["area_pixels"]) for row in mine) == mask.sum()
        assert all(float(row["area"]) == pytest.approx(float(row["area_pixels"]) / 4) for row in mine)
    first = content(out)
    (out / "s1_mask.png").unlink()  # as if interrupted while s1 was written
    assert command(capsys, "predict", model, folder, out).returncode == 0
    assert sorted(tuple(row.items()) for row in csv.DictReader((out / "objects.csv").open())) == sorted(tuple(row.items()) for row in rows)
    assert {p.name for p in content(out)} == {p.name for p in first} and content(folder) == before
    refused = command(capsys, "predict", model, folder, out, "--min-area", "50")
    assert refused.returncode == 1 and "another network or other settings" in refused.stderr
    refused = command(capsys, "predict", model, folder, folder)
    assert refused.returncode == 1 and "nothing is written over" in refused.stderr and content(folder) == before
    looks = command(capsys, "predict", model, folder, tmp_path / "turned", "--turned")
    assert looks.returncode == 0 and json.loads((tmp_path / "turned" / "predict.json").read_text())["settings"]["turned"] is True
    eight = own.predict_tiled(own.load_kept(model).model, files["s0.tif"], normalization=own.Normalization("picture", 0.5, 99.5), turned=True)
    mask = read_picture(tmp_path / "turned" / "s0_mask.png").pages[0] > 0
    assert (mask == (eight >= 0.5)).all() and (mask != (read_picture(out / "s0_mask.png").pages[0] > 0)).any()
    layout(folder, {"bad.png": b"no picture"})
    with_bad = command(capsys, "predict", model, folder, tmp_path / "out2")
    assert with_bad.returncode == 1 and "bad.png: is not a picture" in with_bad.stderr and (tmp_path / "out2" / "s2_mask.png").exists()


def test_a_setting_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TypeError, match="no setting 'minarea'; the settings are .*min_area"):
        own.predict_folder(MODELS / "unet_circles.keras", layout(tmp_path / "new", {"a.png": GRAY}), tmp_path / "out", minarea=50)
    assert not (tmp_path / "out").exists()


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    """As with `chmod 000`, which does not stop root."""
    layout(tmp_path, {"a.png": GRAY, "a.json": "{}", "r.zip": "regions", "t.csv": "file,slide", "n.keras": "network"})
    real = io.open

    def locked(file, *args, **kwargs):
        if str(file).startswith(str(tmp_path)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", locked)
    table = (lambda path: own.sources_of(["a"], (path, "file", "slide")))
    for read, name in ((read_picture, "a.png"), (read_annotations, "a.json"), (read_annotations, "r.zip"), (table, "t.csv")):
        with pytest.raises(PictureError, match=rf"{name}: cannot be read \(Permission denied\)\. Check .* your rights"):
            read(tmp_path / name)
    with pytest.raises(PermissionError, match=r"n\.keras cannot be read \(Permission denied\)\. Check your rights"):
        load_network(tmp_path / "n.keras")


@pytest.mark.parametrize("name", ["skip_broken", "overwrite"])
def test_the_word_no_replaces_no_manifest(name, tmp_path):
    folder = layout(tmp_path, {f"{role}/p{k}.png": page for k in range(3) for role, page in (("i", GRAY), ("m", DISC * 255))})
    (folder / "i" / "manifest.csv").write_text("my own table")
    with pytest.raises(ValueError, match=f"{name} is 'no'; expected True or False"):
        own.index_folder(folder / "i", folder / "m", progress=False, **{name: "no"})
    with pytest.raises(ValueError, match="split is 'no'; expected True or False"):
        own.predict_folder(MODELS / "unet_circles.keras", folder / "i", folder / "out", split="no")
    assert (folder / "i" / "manifest.csv").read_text() == "my own table" and not (folder / "out").exists()


def test_hidden_numbers_are_neither_trained_on_nor_predicted(tmp_path):
    image, mask = GRAY[..., None].astype(np.float32) / 255, DISC[..., None]
    with pytest.raises(ValueError, match="the training masks are a masked array; it hides"):
        own.train_on_patches(small_network(), ([image] * 3, [np.ma.array(mask, mask=mask == 1)] * 3), ([image], [mask]), tmp_path / "run", size=16)
    with pytest.raises(ValueError, match="the numbers of the picture are a masked array; it hides"):
        predict_tiled(small_network(), np.ma.array(image, mask=mask == 1))


def test_objects_may_have_any_numbers(tmp_path):
    labels = np.zeros((30, 40), np.int64)
    labels[3:9, 3:9], labels[12:20, 20:30], labels[0, 39] = 2**40, 7, -1
    found = own.measure_objects(labels)
    assert [(each.number, each.area) for each in found] == [(7, 80), (2**40, 36)]
    small = own.measure_objects(np.where(labels == 2**40, 9, np.maximum(labels, 0)))
    assert str([each[1:] for each in small]) == str([each[1:] for each in found])  # as text: NaN does not equal itself


def test_new_files_have_the_rights_of_this_process(tmp_path):
    before = os.umask(0o027)
    try:
        path = own.save_table([], tmp_path / "t.csv")
        assert path.stat().st_mode & 0o777 == 0o640 and os.umask(0o027) == 0o027
    finally:
        os.umask(before)


@pytest.mark.parametrize(("name", "damage"), [
    ("predict.json", b"{"), ("predict.json", b"\xff\xfe"), ("predict.json", b"[" * 100_000), ("objects.csv", b"\xff"), ("objects.csv", None),
    ("objects.csv", b"x" * 200_000),
])
def test_results_that_are_damaged_are_not_gone_on_with_and_stay_as_they_are(name, damage, tmp_path):
    folder = layout(tmp_path / "new", {"a.png": GRAY})
    model = own.save_network(tmp_path / "n.keras", small_network(), own.Normalization("picture", 0.5, 99.5), 0.5, {}, {}, {})
    own.predict_folder(model, folder, tmp_path / "out", progress=False)
    if damage is None:
        (tmp_path / "out" / name).unlink()
    else:
        (tmp_path / "out" / name).write_bytes(damage)
    before = content(tmp_path / "out")
    with pytest.raises(FileExistsError, match="cannot be gone on with.*Choose a new folder"):
        own.predict_folder(model, folder, tmp_path / "out", progress=False)
    assert content(tmp_path / "out") == before


def test_inspect_says_what_would_be_read(tmp_path, capsys):
    together = layout(tmp_path / "a", {"cell.tif": GRAY, "cell_mask.png": DISC})
    started = [sys.executable, "-m", "helpers.own_images", "inspect", str(together)]
    done = subprocess.run(started, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and "pictures and masks in one folder" in done.stdout and "56x40" in done.stdout
    alone = layout(tmp_path / "b", {"x.tif": GRAY, "y.tif": GRAY.astype(np.float32) * 9, "z.png": b"x"})
    done = command(capsys, "inspect", alone)
    assert done.returncode == 0 and "No masks were found" in done.stdout and done.stdout.count("NOT READ") == 2
    done = command(capsys, "inspect", tmp_path / "none")
    assert done.returncode == 1 and "there is no folder" in done.stderr and "Traceback" not in done.stderr


def test_a_saved_network_opens_without_the_course(tmp_path):
    net = build_unet(depth=2, filters=2, normalization="batch")
    net.compile("adam", bce_dice_loss)
    path = own.save_network(tmp_path / "n.keras", net, None, 0.5, {}, {}, {"channel": 1, "invert": True, "value_range": [0, 4095]})
    code = "import sys, keras, numpy as np; m = keras.models.load_model(sys.argv[1]); print(float(m.predict(np.ones((1, 8, 8, 1)), verbose=0).mean()))"
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(float(np.mean(net(np.ones((1, 8, 8, 1))))), abs=1e-5)
    assert own.load_kept(path).settings == {"channel": 1, "invert": True, "value_range": [0, 4095]}


def test_a_contact_sheet_fills_masks_at_full_resolution(tmp_path):
    image, ring = np.zeros((600, 500), np.float32), np.zeros((600, 500), np.uint8)
    cv2.circle(ring, (400, 500), 60, 1, 1)
    sheet = own.contact_sheet([image, GRAY / 255], [ring, DISC])
    assert sheet.shape == (2 * 260, 2 * 260, 3) and sheet.dtype == np.uint8
    orange = (sheet[:260, 260:516].astype(int) @ [1, 0, -1]) > 40
    assert orange.sum() == ring.sum(), "an outline stays an outline, pixel for pixel"
    assert ((sheet[260:, 260:].astype(int) @ [1, 0, -1]) > 40).sum() == DISC.sum()


def test_new_folders_are_numbered(tmp_path):
    assert [own.new_folder(tmp_path / "runs").name for _ in range(3)] == ["1", "2", "3"]
