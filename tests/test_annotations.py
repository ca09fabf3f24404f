"""Annotations, partners and places: outlines with sizes and labels, raters, scans turned in space, common names."""

import base64
import io
import json
import zipfile

import cv2
import nibabel
import numpy as np
import pytest
import tifffile
from helpers import own_images as own
from helpers.own_images import PictureError, load_pairs
from PIL import Image

GRAY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 56)).astype(np.uint8), (0, 0), 2)
LABELS = np.zeros((40, 56), np.uint16)
for _number, (_center, _radius) in enumerate([((14, 14), 8), ((42, 12), 7), ((16, 32), 6), ((44, 30), 6)], 1):
    cv2.circle(LABELS, _center, _radius, _number, thickness=cv2.FILLED)
TRUTH = (LABELS > 0).astype(np.uint8)
WHITE = TRUTH * np.uint8(255)
FIRST, SECOND = (10, 10, 30, 25), (40, 5, 50, 15)


def boxed(*boxes):
    page = np.zeros((40, 56), np.uint8)
    for left, top, right, bottom in boxes:
        page[top:bottom, left:right] = 1
    return page


def corners(box, scale=1):
    left, top, right, bottom = (scale * side for side in box)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def put(folder, files):
    """Write `{name: array, text, bytes, or what JSON holds}` into a folder and return it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, (dict, list)):
            path.write_text(json.dumps(content), encoding="utf-8")
        elif path.suffix == ".npy":
            np.save(path, content, allow_pickle=content.dtype == object)
        elif path.suffix == ".tif":
            tifffile.imwrite(path, content, photometric="minisblack")
        else:
            Image.fromarray(content).save(path)
    return folder


def coco(pictures, objects, categories=()):
    """pictures: file names, or entries; objects: (picture from 0, box or entry, category)."""
    entries = [name if isinstance(name, dict) else {"file_name": name} for name in pictures]
    drawn = [{"segmentation": [np.ravel(corners(box)).tolist()]} if isinstance(box, tuple) else box for _, box, _ in objects]
    return {
        "images": [{"id": i, **entry} for i, entry in enumerate(entries)],
        "annotations": [{"image_id": i, "category_id": kind, **one} for (i, _, kind), one in zip(objects, drawn)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(categories)],
    }


def labelme(*shapes, **more):
    return {"shapes": [{"label": label, "shape_type": kind, "points": points, **rest} for label, kind, points, rest in shapes], **more}


def geojson(*features):
    return [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*corners(box), corners(box)[0]]]},
             "properties": properties} for box, properties in features]


def masks_of(pairs):
    return [mask[..., 0].tolist() for mask in pairs.masks]


def png(array):
    held = io.BytesIO()
    Image.fromarray(array).save(held, "PNG")
    return held.getvalue()


# --- which picture ---


def test_coco_pictures_of_one_name_in_two_folders_keep_their_own_objects(tmp_path):
    content = coco(["train/1.png", "val\\1.png"], [(0, FIRST, 0), (1, SECOND, 0)])
    put(tmp_path, {"images/train/1.png": GRAY, "images/val/1.png": GRAY, "all.json": content})
    for images in ("images", "."):
        pairs = load_pairs(tmp_path / images, tmp_path / "all.json")
        assert masks_of(pairs) == [boxed(FIRST).tolist(), boxed(SECOND).tolist()]
    pairs = load_pairs(tmp_path / "images" / "val", put(tmp_path / "x", {"one.json": coco(["data/val/1.png"], [(0, SECOND, 0)])}) / "one.json")
    assert masks_of(pairs) == [boxed(SECOND).tolist()]


@pytest.mark.parametrize(("pictures", "names", "said"), [
    (["1.png"], ["train/1.png", "val/1.png"], "objects of train/1 and of val/1"),
    (["train/1.png", "val/1.png"], ["1.png"], "both train/1 and val/1 may be meant"),
    (["1.png"], ["1.png", "1.jpg"], "lists 1.jpg twice"),
])
def test_coco_names_that_fit_two_pictures_are_refused(tmp_path, pictures, names, said):
    put(tmp_path, {**{f"images/{name}": GRAY for name in pictures}, "all.json": coco(names, [(0, FIRST, 0)])})
    with pytest.raises(PictureError, match=said):
        load_pairs(tmp_path / "images", tmp_path / "all.json")


def test_objects_of_pictures_that_are_not_there_are_told(tmp_path):
    put(tmp_path, {"images/a.png": GRAY, "all.json": coco(["a.png", "b.png"], [(0, FIRST, 0), (1, SECOND, 0)])})
    pairs = load_pairs(tmp_path / "images", tmp_path / "all.json")
    assert masks_of(pairs) == [boxed(FIRST).tolist()] and "1 pictures with annotations are not in the folder" in pairs.remarks[0]


def test_two_files_with_objects_of_one_picture_are_refused(tmp_path):
    put(tmp_path, {"images/a.png": GRAY, "m/x.json": coco(["a.png"], [(0, FIRST, 0)]), "m/y.json": coco(["a.png"], [(0, SECOND, 0)])})
    with pytest.raises(PictureError, match="y.json and x.json both hold objects of a"):
        load_pairs(tmp_path / "images", tmp_path / "m")


# --- the size that a file states ---


SIZED = {
    "coco": lambda w, h: coco([{"file_name": "a.png", "width": w, "height": h}], [(0, FIRST, 0)]),
    "coco's run lengths": lambda w, h: coco(["a.png"], [(0, {"segmentation": {"size": [h, w], "counts": [10 * h + 10, 15, w * h - 10 * h - 25]}}, 0)]),
    "labelme": lambda w, h: labelme(("cell", "polygon", corners(FIRST), {}), imageWidth=w, imageHeight=h),
}


@pytest.mark.parametrize("kind", SIZED)
def test_a_stated_size_is_compared_with_the_picture(tmp_path, kind):
    folder = put(tmp_path / "right", {"a.png": GRAY, "a.json": SIZED[kind](56, 40)})
    assert load_pairs(folder).masks[0, 10:25, 10].all()
    for size in ((112, 80), (40, 56), (57, 40)):
        folder = put(tmp_path / str(size), {"a.png": GRAY, "a.json": SIZED[kind](*size)})
        with pytest.raises(PictureError, match=rf"drawn on a picture of {size[0]}x{size[1]} pixels, and a.png is 56x40"):
            load_pairs(folder)


def test_a_size_of_nothing_is_none(tmp_path):
    for i, size in enumerate((0, None)):
        assert load_pairs(put(tmp_path / str(i), {"a.png": GRAY, "a.json": SIZED["labelme"](size, size)})).masks.sum() == 300


def test_an_object_outside_of_its_picture_is_refused(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a.geojson": geojson((FIRST, {}), ((80, 10, 90, 20), {}))})
    with pytest.raises(PictureError, match="a.geojson: has an object at x 80 to 90, y 10 to 20, outside of a.png"):
        load_pairs(tmp_path)


# --- labels ---


TWO_LABELS = {
    "coco": coco(["a.png"], [(0, FIRST, 0), (0, SECOND, 1)], ["cell", "scale bar"]),
    "labelme": labelme(("cell", "polygon", corners(FIRST), {}), ("scale bar", "rectangle", [SECOND[:2], SECOND[2:]], {})),
    "geojson": geojson((FIRST, {"classification": {"name": "cell"}}), (SECOND, {"classification": {"name": "scale bar"}})),
}


@pytest.mark.parametrize("kind", TWO_LABELS)
def test_of_several_labels_one_must_be_chosen(tmp_path, kind):
    put(tmp_path, {"a.png": GRAY, "a.json": TWO_LABELS[kind]})
    with pytest.raises(PictureError, match=r"2 labels: 'cell' \(1\), 'scale bar' \(1\).*foreground=\"cell\""):
        load_pairs(tmp_path)
    for foreground, boxes in (("cell", [FIRST]), ("scale bar", [SECOND]), (["cell", "scale bar"], [FIRST, SECOND]), ("nonzero", [FIRST, SECOND])):
        assert masks_of(load_pairs(tmp_path, foreground=foreground)) == [boxed(*boxes).tolist()]
    for foreground in (1, 99, "dirt", "half", (255, 0, 0)):
        with pytest.raises(PictureError, match="no object has the label .* 'cell'"):
            load_pairs(tmp_path, foreground=foreground)
    with pytest.raises(PictureError, match="holds outlines with the labels 'cell'.*classes= reads whole numbers"):
        load_pairs(tmp_path, classes=3)


def test_the_frame_of_qupath_is_not_foreground(tmp_path):
    frame, cell = ((0, 0, 56, 40), {"objectType": "annotation"}), (FIRST, {"objectType": "detection"})
    put(tmp_path / "a", {"a.png": GRAY, "a.geojson": geojson(((0, 0, 56, 40), {"classification": {"name": "Region*"}}), cell)})
    with pytest.raises(PictureError, match=r"'Region\*' \(1\), 'detection' \(1\)"):
        load_pairs(tmp_path / "a")
    put(tmp_path / "b", {"a.png": GRAY, "a.geojson": geojson(frame, cell)})
    assert masks_of(load_pairs(tmp_path / "b", foreground="detection")) == [boxed(FIRST).tolist()]


def test_a_foreground_without_labels_is_refused(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a.geojson": geojson((FIRST, {}))})
    with pytest.raises(PictureError, match="They have no labels, so leave foreground out"):
        load_pairs(tmp_path, foreground=255)


# --- parts, boxes, and what has no area ---


def test_an_object_of_overlapping_polygons_is_their_union(tmp_path):
    parts = {"segmentation": [np.ravel(corners(box)).tolist() for box in ((10, 10, 24, 25), (18, 10, 30, 25))]}
    put(tmp_path, {"images/a.png": GRAY, "all.json": coco(["a.png"], [(0, parts, 0)])})
    assert masks_of(load_pairs(tmp_path / "images", tmp_path / "all.json")) == [boxed(FIRST).tolist()]


def test_run_lengths_are_drawn_where_they_lie(tmp_path):
    inside = TRUTH.T.ravel().astype(np.int8)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], inside, [0]])))
    counts = np.diff(np.concatenate([[0], ends, [inside.size]])).tolist()
    runs = {"segmentation": {"size": [40, 56], "counts": counts}}
    put(tmp_path, {"images/a.png": GRAY, "all.json": coco(["a.png"], [(0, runs, 0)])})
    assert masks_of(load_pairs(tmp_path / "images", tmp_path / "all.json")) == [TRUTH.tolist()]


@pytest.mark.parametrize("one", [{"bbox": [1, 2, 3, 4], "segmentation": []}, {"bbox": [1, 2, 3, 4]}], ids=["empty", "no key"])
def test_boxes_without_outlines_are_told(tmp_path, one):
    content = coco(["a.png", "b.png"], [(0, one, 0), (1, FIRST, 1)], ["box", "cell"])
    put(tmp_path, {"images/a.png": GRAY, "images/b.png": GRAY, "all.json": content})
    with pytest.raises(PictureError, match="all.json: 1 object has a box without an outline, such as in a.png"):
        load_pairs(tmp_path / "images", tmp_path / "all.json")
    pairs = load_pairs(tmp_path / "images", tmp_path / "all.json", foreground="cell")
    assert masks_of(pairs) == [boxed().tolist(), boxed(FIRST).tolist()]


def test_points_of_labelme_are_left_out_and_told(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a.json": labelme(("cell", "polygon", corners(FIRST), {}), ("cell", "point", [[45, 10]], {}))})
    pairs = load_pairs(tmp_path)
    assert masks_of(pairs) == [boxed(FIRST).tolist()] and "1 objects without an area are left out" in pairs.remarks[0]
    put(tmp_path, {"a.json": labelme(("cell", "point", [[45, 10]], {}))})
    with pytest.raises(PictureError, match="a.json: labelme shapes of the kind 'point' have no area"):
        load_pairs(tmp_path)


def test_masks_and_turned_rectangles_of_labelme_are_read(tmp_path):
    disc = (LABELS == 2)[5:20, 35:50]
    stored = base64.b64encode(png(disc.astype(np.uint8))).decode()
    mask = ("cell", "mask", [[35, 5], [49, 19]], {"mask": stored})
    rectangle = ("cell", "rectangle", corners((10, 25, 20, 35)), {})
    put(tmp_path, {"a.png": GRAY, "a.json": labelme(mask, rectangle)})
    pairs = load_pairs(tmp_path)
    assert masks_of(pairs) == [(boxed((10, 25, 20, 35)) | (LABELS == 2)).tolist()] and pairs.labels[0].max() == 2
    put(tmp_path, {"a.json": labelme(("cell", "mask", [[35, 5], [48, 19]], {"mask": stored}))})
    with pytest.raises(PictureError, match="a.json: holds a damaged mask of labelme .it has 15x15 pixels, its corners say 14x15"):
        load_pairs(tmp_path)
    put(tmp_path, {"a.json": labelme(("cell", "mask", [[35, 5], [49, 19]], {"mask": stored[:40]}))})
    with pytest.raises(PictureError, match="a.json: holds a damaged mask of labelme"):
        load_pairs(tmp_path)


# --- two readers ---


def test_masks_of_one_place_are_readers_not_objects(tmp_path):
    files = {"a.png": GRAY, "a_mask_1.png": boxed((5, 5, 20, 20)) * 255, "a_mask_2.png": boxed((8, 8, 24, 24)) * 255}
    put(tmp_path, files)
    with pytest.raises(PictureError, match="a_mask_1.png and a_mask_2.png share 144 of their 225 and 256 pixels"):
        load_pairs(tmp_path)
    put(tmp_path, {"a_mask_2.png": boxed((18, 8, 34, 24)) * 255})  # neighbors that share two columns
    pairs = load_pairs(tmp_path)
    assert np.bincount(pairs.labels[0].ravel())[1:].tolist() == [225 - 24, 256]


def test_a_foreground_of_masks_of_one_object_each_acts(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a_mask_1.png": boxed(FIRST) * 255, "a_mask_2.png": boxed(SECOND) * 255})
    assert masks_of(load_pairs(tmp_path, foreground=255)) == [boxed(FIRST, SECOND).tolist()]
    with pytest.raises(PictureError, match="foreground=99 occurs neither in it nor in the 1 other masks of a.png"):
        load_pairs(tmp_path, foreground=99)


# --- folders and names ---


def test_of_two_folders_of_masks_one_must_be_chosen(tmp_path):
    put(tmp_path, {"images/21_training.tif": GRAY, "mask/21_training_mask.gif": 255 - WHITE, "1st_manual/21_manual1.gif": WHITE})
    with pytest.raises(PictureError, match="2 folders of masks: 1st_manual, mask. Give the folders"):
        load_pairs(tmp_path)
    assert masks_of(load_pairs(tmp_path / "images", tmp_path / "1st_manual")) == [TRUTH.tolist()]
    (tmp_path / "mask" / "21_training_mask.gif").unlink()
    assert masks_of(load_pairs(tmp_path)) == [TRUTH.tolist()]


def test_a_folder_beside_that_is_not_used_is_told(tmp_path):
    put(tmp_path, {"images/a.png": GRAY, "masks/a.png": WHITE, "overlays/a.png": GRAY, "notes/a.txt": b"x"})
    assert load_pairs(tmp_path).remarks == ["the folders beside images and masks are not used: overlays."]


def test_classes_in_folders_of_their_own_are_named_with_their_folder(tmp_path):
    put(tmp_path, {"images/a.png": GRAY, "masks/nucleus/a.png": WHITE, "masks/cyto/a.png": WHITE})
    with pytest.raises(PictureError, match="images/a.png has 2 masks: masks/cyto/a.png, masks/nucleus/a.png"):
        load_pairs(tmp_path / "images", tmp_path / "masks")
    assert masks_of(load_pairs(tmp_path / "images", tmp_path / "masks" / "cyto")) == [TRUTH.tolist()]


@pytest.mark.parametrize(("image", "mask"), [
    ("i/image1.png", "m/mask1.png"), ("i/t000.tif", "m/man_seg000.tif"), ("i/7_006.png", "m/7_006_L.png"),
    ("i/x_1_leftImg8bit.png", "m/x_1_gtFine_labelIds.png"), ("i/im0001.ppm", "m/im0001.ah.ppm"), ("i/a.png", "m/a.pbm"),
    ("i/Image_01L.png", "m/Image_01L_1stHO.png"),
    ("train_1.bmp", "train_1_anno.bmp"), ("label-free_1.png", "label-free_1_mask.png"), ("image1.png", "mask1.png"),
    ("Image_01L.png", "Image_01L_1stHO.png"), ("im0001.ppm", "im0001.ah.ppm"), ("train/a.png", "train_masks/a_mask.gif"),
])
def test_common_names_belong_together(tmp_path, image, mask):
    put(tmp_path, {image: GRAY, mask: Image.fromarray(WHITE).convert("1").save if mask.endswith(".pbm") else WHITE})
    pairs = load_pairs(tmp_path / "i", tmp_path / "m") if image.startswith("i/") else load_pairs(tmp_path)
    assert masks_of(pairs) == [TRUTH.tolist()] and len(pairs.names) == 1


def test_words_of_sets_stay_in_names(tmp_path):
    put(tmp_path, {"i/test_01.png": GRAY, "i/training_01.png": GRAY, "m/test_01_mask.png": WHITE, "m/training_01_mask.png": 255 - WHITE})
    assert masks_of(load_pairs(tmp_path / "i", tmp_path / "m")) == [TRUTH.tolist(), (1 - TRUTH).tolist()]


def test_two_sets_with_folders_of_masks_beside_them(tmp_path):
    put(tmp_path, {"train/a.png": GRAY, "train_masks/a.png": WHITE, "val/a.png": GRAY, "val_masks/a.png": 255 - WHITE, "test/b.png": GRAY})
    pairs = load_pairs(tmp_path)
    assert pairs.names == ["train/a", "val/a"] and masks_of(pairs) == [TRUTH.tolist(), (1 - TRUTH).tolist()]
    assert "not used: test." in pairs.remarks[0]


def test_a_test_set_without_masks_is_left_out_and_told(tmp_path):
    put(tmp_path, {"train-volume.tif": GRAY, "train-labels.tif": WHITE, "test-volume.tif": GRAY})
    pairs = load_pairs(tmp_path)
    assert pairs.names == ["train-volume"] and "left out: test-volume.tif" in pairs.remarks[0]


def test_two_graders_of_one_picture_are_named(tmp_path):
    put(tmp_path, {"Image_01L.png": GRAY, "Image_01L_1stHO.png": WHITE, "Image_01L_2ndHO.png": WHITE})
    with pytest.raises(PictureError, match="Image_01L.png has 2 masks: .*1stHO.png, .*2ndHO.png"):
        load_pairs(tmp_path)


def test_slices_with_one_stack_of_masks_are_no_channels(tmp_path):
    put(tmp_path, {**{f"i/vol_{k:04d}.png": GRAY for k in range(3)}, "m/vol.tif": np.stack([WHITE] * 3)})
    with pytest.raises(PictureError, match="are single slices, and their masks are the 3 pages of one file, vol.tif"):
        load_pairs(tmp_path / "i", tmp_path / "m")


def test_skip_broken_leaves_out_what_has_no_partner(tmp_path):
    put(tmp_path, {**{f"i/{k}.png": GRAY + k for k in range(5)}, **{f"m/{k}.png": WHITE for k in range(4)}})
    with pytest.raises(PictureError, match="i/4.png has no mask in m(.|\n)*skip_broken=True"):
        own.index_folder(tmp_path / "i", tmp_path / "m", progress=False)
    path, notes = own.index_folder(tmp_path / "i", tmp_path / "m", skip_broken=True, progress=False)
    assert "Left out: i/4.png has no mask in m" in notes[0] and len(path.read_text().splitlines()) == 5


def test_what_was_left_out_is_counted(tmp_path):
    put(tmp_path, {**{f"i/{k:02}.png": GRAY for k in range(20)}, **{f"m/{k:02}.png": WHITE for k in range(3)}})
    _, notes = own.index_folder(tmp_path / "i", tmp_path / "m", skip_broken=True, progress=False)
    left = [note for note in notes if note.startswith("Left out")]
    assert len(left) == 11 and left[-1] == "Left out: ... and 7 more."


def test_an_object_file_with_several_pages_is_refused(tmp_path):
    one, other = (np.where(LABELS == k, 255, 0).astype(np.uint8) for k in (1, 2))
    put(tmp_path, {"cell.png": GRAY, "cell_mask_1.tif": np.stack([one, other]), "cell_mask_2.png": other})
    with pytest.raises(PictureError, match="cell_mask_1.tif: has 2 pages, and is one of 2 masks of cell.png"):
        load_pairs(tmp_path)


def test_selections_of_imagej_without_an_area_are_left_out_and_holes_stay_open(tmp_path):
    """Bytes as ImageJ writes them: a multi-point selection, and a composite of a square with a square hole."""
    roifile = pytest.importorskip("roifile")
    square = np.array([[4, 4], [24, 4], [24, 24], [4, 24]], np.float32)
    area = roifile.ImagejRoi.frompoints(square)
    points = roifile.ImagejRoi.frompoints(square + 9)
    points.roitype = roifile.ROI_TYPE.POINT
    ring = roifile.ImagejRoi()
    ring.version, ring.roitype = 227, roifile.ROI_TYPE.RECT
    path = [part for turn in (square + 8, np.array([[18, 18], [18, 26], [26, 26], [26, 18]], np.float32))
            for part in [0, *turn[0], *(v for p in turn[1:] for v in (1, *p)), 4]]
    ring.multi_coordinates = np.array(path, np.float32)
    ring.top, ring.left, ring.bottom, ring.right = 12, 12, 32, 32
    ring.shape_roi_size = len(path)
    for name, regions in (("a", [area, points]), ("b", [ring])):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as file:
            for i, region in enumerate(regions):
                file.writestr(f"{i}.roi", region.tobytes())
        Image.fromarray(GRAY).save(tmp_path / f"{name}.png")
    pairs = load_pairs(tmp_path)
    assert "1 objects without an area are left out (selections of ImageJ of the kind point)" in pairs.table()
    assert len(np.unique(pairs.labels[0])) == 2 and pairs.masks[0][8, 8] == 1
    hole = pairs.masks[1][..., 0]
    assert hole[14, 14] == 1 and hole[30, 30] == 1 and hole[22, 22] == 0


# --- files ---


def test_python_objects_of_cellpose_are_told_and_its_masks_taken(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a_seg.npy": np.array({"masks": LABELS}, dtype=object)})
    with pytest.raises(PictureError, match="a_seg.npy: holds Python objects, as Cellpose's .*a_cp_masks.png"):
        load_pairs(tmp_path)
    put(tmp_path, {"a_cp_masks.png": LABELS.astype(np.uint8)})
    pairs = load_pairs(tmp_path)
    assert masks_of(pairs) == [TRUTH.tolist()] and "(a_seg.npy): its masks are taken" in pairs.remarks[0]


def test_an_archive_of_pictures_is_to_be_unzipped(tmp_path):
    put(tmp_path, {"images/a.png": GRAY})
    with zipfile.ZipFile(tmp_path / "masks.zip", "w") as archive:
        archive.writestr("m/a.png", png(WHITE))
    with pytest.raises(PictureError, match="masks.zip: is an archive of other files, such as m/a.png.*Unzip it"):
        load_pairs(tmp_path / "images", tmp_path / "masks.zip")


def test_masks_with_an_unknown_word_are_told_before_other_json(tmp_path):
    put(tmp_path, {"a.png": GRAY, "a_binary.png": WHITE, "info.json": {"author": "me"}})
    with pytest.raises(PictureError, match="(?s)no file there can be told to be a mask.*info.json: is JSON, but not of labelme"):
        load_pairs(tmp_path)
    put(tmp_path, {"b.json": labelme(("cell", "polygon", corners(FIRST), {})), "a.json": labelme(("cell", "polygon", corners(FIRST), {}))})
    (tmp_path / "a_binary.png").rename(tmp_path / "b.png")
    pairs = load_pairs(tmp_path)
    assert pairs.names == ["a", "b"] and pairs.remarks[0].startswith("Not used: info.json")


def test_gray_files_of_netpbm_keep_their_bits(tmp_path):
    deep = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56) * 29
    put(tmp_path, {"a.pgm": b"P5 56 40 65535\n" + deep.astype(">u2").tobytes()})
    page = own.read_picture(tmp_path / "a.pgm").pages[0]
    assert page.dtype == np.uint16 and np.array_equal(page, deep)


# --- color tables ---

RAMP = np.arange(256)
STEPS = np.array([[0, 1, 2, 100], [149, 150, 200, 255]], np.uint8).repeat(20, axis=0).repeat(14, axis=1)
HILO = np.stack([RAMP] * 3, axis=1)
HILO[0], HILO[255] = (0, 0, 255), (255, 0, 0)
HOT = np.stack([np.clip(3 * RAMP - low, 0, 255) for low in (0, 255, 510)], axis=1)
LABELED = np.stack([RAMP] * 3, axis=1)
LABELED[1:3] = (255, 0, 0), (0, 255, 0)
TRUE = np.random.default_rng(3).integers(0, 256, (256, 3))


def with_table(path, table, imagej=False):
    if path.suffix == ".tif":
        note = {"description": "ImageJ=1.54f\nimages=1\n", "metadata": None} if imagej else {}
        tifffile.imwrite(path, STEPS, photometric="palette", colormap=(table.T * 257).astype(np.uint16), **note)
    else:
        picture = Image.fromarray(STEPS, mode="P")
        picture.putpalette(table.astype(np.uint8).ravel().tolist())
        picture.save(path)
    return own.read_picture(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_a_lut_is_for_display_only(tmp_path, name):
    for table in (HILO, HOT, HOT[::-1], RAMP[:, None] * (0, 1, 0)):
        read = with_table(tmp_path / name, table)
        assert np.array_equal(read.pages[0], STEPS) and "for display only" in read.remark
    for table in (TRUE, LABELED, RAMP[::-1, None] * (1, 1, 1), np.sqrt(RAMP * 255)[:, None].astype(int) * (1, 1, 1)):
        read = with_table(tmp_path / name, table)
        colors = read.pages[0] if read.pages[0].ndim == 3 else np.dstack([read.pages[0]] * 3)
        assert np.array_equal(colors, table[STEPS]) and not read.remark


def test_the_brightness_of_imagej_is_for_display_only(tmp_path):
    brighter = np.clip(2 * RAMP, 0, 255)[:, None] * (1, 1, 1)
    assert np.array_equal(with_table(tmp_path / "a.tif", brighter, imagej=True).pages[0], STEPS)
    assert with_table(tmp_path / "b.tif", brighter).pages[0].max() == 255 and with_table(tmp_path / "b.tif", brighter).pages[0][0, 42].max() == 200


# --- places in space ---


def volume(affine, array):
    return lambda path: nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(array), np.array(affine, float)), path)


SCAN = np.stack([GRAY.T, GRAY.T[::-1], GRAY.T], axis=2).astype(np.float32) / 255  # x, y, slices
MARKS = np.stack([TRUTH.T, (LABELS == 1).T, (LABELS > 2).T], axis=2).astype(np.uint8)
HERE = np.array([[-0.7, 0, 0, 20], [0, 0.7, 0, -30], [0, 0, 2, 5], [0, 0, 0, 1]])


def test_a_mask_stored_from_another_side_is_turned(tmp_path):
    put(tmp_path, {"i/a.nii.gz": volume(HERE, SCAN)})
    expected = [(MARKS[..., i].T > 0).astype(np.uint8).tolist() for i in range(3)]
    flip, swap = np.diag([-1.0, 1, -1, 1]), np.array([[0, 1.0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    flip[0, 3], flip[2, 3] = 55, 2
    for affine, array in ((HERE, MARKS), (HERE @ flip, MARKS[::-1, :, ::-1]), (HERE @ swap, MARKS.swapaxes(0, 1)), (HERE + 1e-5, MARKS)):
        put(tmp_path, {"m/a.nii.gz": volume(affine, array)})
        pairs = load_pairs(tmp_path / "i", tmp_path / "m")
        assert masks_of(pairs) == expected
        assert ("turned as its affine says" in pairs.records[0].remark) == (array.base is MARKS)
    put(tmp_path, {"m/a.nii.gz": volume(np.eye(4), MARKS)})  # as Python programs write it
    pairs = load_pairs(tmp_path / "i", tmp_path / "m")
    assert masks_of(pairs) == expected and "only one says where it lies" in pairs.records[0].remark
    away = HERE.copy()
    away[0, 3] += 7
    put(tmp_path, {"m/a.nii.gz": volume(away, MARKS)})
    with pytest.raises(PictureError, match="a.nii.gz: lies elsewhere in space than its picture.*up to 10 voxels apart"):
        load_pairs(tmp_path / "i", tmp_path / "m")


def test_a_volume_of_one_time_and_a_scaled_mask_are_read(tmp_path):
    put(tmp_path, {"i/a.nii.gz": volume(HERE, SCAN[..., None]), "m/a.nii.gz": volume(HERE, MARKS * np.float32(0.9999999))})
    assert len(load_pairs(tmp_path / "i", tmp_path / "m").names) == 3
    put(tmp_path, {"m/a.nii.gz": volume(HERE, MARKS * np.float32(0.25))})
    with pytest.raises(PictureError, match="fractions such as 0.25"):
        load_pairs(tmp_path / "i", tmp_path / "m")
    put(tmp_path, {"i/a.nii.gz": volume(HERE, np.stack([SCAN] * 2, axis=-1))})
    with pytest.raises(PictureError, match=r"volume of the shape \(56, 40, 3, 2\)"):
        load_pairs(tmp_path / "i", tmp_path / "m")


# --- names of pages, and what is predicted ---


def test_pages_and_a_picture_of_one_name_are_refused(tmp_path):
    stack = np.stack([GRAY] * 3)
    put(tmp_path, {"i/a.tif": stack, "i/a_p001.png": GRAY, "m/a.tif": stack * 0, "m/a_p001.png": WHITE})
    with pytest.raises(PictureError, match="a.tif: its 3 pages are named a_p001 and so on, and a_p001.png has one"):
        load_pairs(tmp_path / "i", tmp_path / "m")


@pytest.fixture
def halves(monkeypatch):
    """Let a folder be predicted without a network: what is above one half is foreground."""
    from types import SimpleNamespace

    from helpers.own_images import folders
    kept = SimpleNamespace(model=SimpleNamespace(output_shape=(None, None, None, 1)), settings={}, normalization=None, threshold=0.5)
    monkeypatch.setattr(folders, "load_kept", lambda path: kept)
    monkeypatch.setattr(folders, "alike_at_once", lambda *_: 2)
    monkeypatch.setattr(folders, "predict_alike", lambda model, grays, **how: grays)


def test_predicting_a_folder_names_each_page_once_and_leaves_masks_out(tmp_path, halves):
    stack, model = np.stack([GRAY] * 3), tmp_path / "model.keras"
    model.write_bytes(b"x")
    put(tmp_path / "in", {"a.tif": stack, "a_p001.png": WHITE, "b.png": WHITE, "b_mask.png": WHITE, "masks/c.png": WHITE, "images/c.png": WHITE, "mask_of_lab.png": WHITE})
    with pytest.warns(UserWarning, match="b_mask.*masks beside their pictures are not predicted"):
        found, problems = own.predict_folder(model, tmp_path / "in", tmp_path / "out", progress=False)
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*_mask.png"))
    assert written == ["a_p001_mask.png", "b_mask.png", "images/c_mask.png", "mask_of_lab_mask.png"] and found == 16
    assert len(problems) == 1 and "a.tif: its 3 pages" in problems[0]


def test_the_command_takes_labels(tmp_path, capsys):
    from helpers.own_images.__main__ import main

    put(tmp_path, {"a.png": GRAY, "a.json": TWO_LABELS["labelme"]})
    assert main(["inspect", str(tmp_path)]) == 1 and "'scale bar' (1)" in capsys.readouterr().err
    for text, share in (("scale bar", "4.5%"), ("cell, scale bar", "17.9%"), ("nonzero", "17.9%")):
        assert main(["inspect", str(tmp_path), "--foreground", text]) == 0 and share in capsys.readouterr().out


def test_annotations_beside_a_folder_of_masks_are_told(tmp_path):
    put(tmp_path, {"images/a.png": GRAY, "masks/a.png": WHITE, "annotations/all.json": coco(["a.png"], [(0, FIRST, 0)])})
    pairs = load_pairs(tmp_path)
    assert masks_of(pairs) == [TRUTH.tolist()] and pairs.remarks == ["the folders beside images and masks are not used: annotations."]


def test_sets_of_one_picture_each_are_no_folders_of_objects(tmp_path):
    put(tmp_path, {"train/images/a.tif": GRAY, "train/masks/a.tif": LABELS, "val/images/b.tif": GRAY, "val/masks/b.tif": LABELS, "test/images/c.tif": GRAY})
    pairs = load_pairs(tmp_path)
    assert [labels.max() for labels in pairs.labels] == [4, 4] and "left out: c.tif" in pairs.remarks[0]


def test_folders_of_objects_without_masks_are_told(tmp_path):
    put(tmp_path, {"x/images/x.png": GRAY, "x/masks/7.png": WHITE, "y/images/y.png": GRAY})
    pairs = load_pairs(tmp_path)
    assert pairs.names == ["x"] and pairs.remarks == ["1 folders without masks are left out, such as y."]


def test_folders_of_the_cell_tracking_challenge(tmp_path):
    put(tmp_path, {"01/t000.tif": GRAY, "01_GT/SEG/man_seg000.tif": LABELS})
    assert masks_of(load_pairs(tmp_path)) == [TRUTH.tolist()]


def test_empty_polygons_have_no_area(tmp_path):
    empty = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": []}}
    put(tmp_path, {"a.png": GRAY, "a.geojson": [empty, *geojson((FIRST, {}))]})
    assert masks_of(load_pairs(tmp_path)) == [boxed(FIRST).tolist()]
