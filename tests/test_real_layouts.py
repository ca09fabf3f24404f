"""Layouts and masks as public data sets have them: what was silently wrong, or refused for no reason."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from helpers.own_images import PictureError, groups_of, index_folder, label_objects, load_pairs
from helpers.own_images.__main__ import main

SIDE = 64


def gray(i):
    return np.random.default_rng(i).integers(30, 200, (SIDE, SIDE), dtype=np.uint8)


def disc(i, radius=12):
    return cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (20 + 2 * i, 30), radius, 1, cv2.FILLED)


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif path.suffix == ".npy":
            np.save(path, content)
        elif path.suffix == ".tif":
            tifffile.imwrite(path, content, photometric="minisblack")
        else:
            Image.fromarray(content).save(path, **({"quality": 95} if path.suffix == ".jpg" else {}))
    return folder


def loaded(folder, files, images=None, masks=None, **settings):
    """Return the numbers of the pictures by the masks that they got: each disc is in a place of its own."""
    write(folder, files)
    pairs = load_pairs(folder / (images or ""), folder / masks if masks else None, **settings)
    discs = [disc(i) for i in range(8)]
    return [next((i for i, one in enumerate(discs) if (mask[..., 0] == one).all()), None) for mask in pairs.masks]


def pictures(pattern, numbers):
    return {pattern.format(*2 * [i]): gray(i) for i in numbers}


def masks(pattern, numbers):
    return {pattern.format(*2 * [i]): disc(i) * np.uint8(255) for i in numbers}


STACK = {kind: np.stack([one(i) for i in range(4)]) for kind, one in (("pictures", gray), ("masks", disc))}


NOBODYS = {
    "names alike in folders of other weeks": ({f"images/week{i}/c{i}.png": gray(i) for i in (1, 2)} | {f"masks/week{3 - i}/c{i}.png": disc(i) * np.uint8(255) for i in (1, 2)}, "week1/c1.png has no mask"),
    "all of one week and all of another": (pictures("images/week1/c{}.png", range(3)) | masks("masks/week2/c{}.png", range(3)), "week1/c0.png has no mask"),
    "all of one patient and all of another": (pictures("images/patientA/c{}.png", range(3)) | masks("masks/patientB/c{}.png", range(3)), "patientA/c0.png has no mask"),
    "names alike in folders of other conditions": ({"images/control/c1.png": gray(1), "images/treated/c2.png": gray(2), "masks/treated/c1.png": disc(1) * np.uint8(255), "masks/control/c2.png": disc(2) * np.uint8(255)}, "control/c1.png has no mask"),
    "a slide and the ground truth of another": (pictures("Slide_01/c{}.png", range(3)) | masks("GT_02/c{}.png", range(3)), "Slide_01/c0.png has no mask"),
    "slides and the ground truth of others": ({f"Slide_0{i}/c{i}.png": gray(i) for i in (1, 2)} | {f"GT_0{3 - i}/c{i}.png": disc(i) * np.uint8(255) for i in (1, 2)}, "Slide_01/c1.png has no mask"),
    "one name in two folders": (pictures("images/a/{}.png", range(3)) | pictures("images/b/{}.png", range(3)) | masks("masks/{}.png", range(3)), "a/0.png has no mask"),
    "masks by two people": (pictures("stare-images/im000{}.ppm", range(3)) | masks("labels-ah/im000{}.ah.ppm", range(3)) | masks("labels-vk/im000{}.vk.ppm", range(3)), "im0000.ppm has 2 masks: .*labels-ah/im0000.ah.ppm, .*labels-vk/im0000.vk.ppm"),
    "two lungs": (pictures("CXR_png/M_000{}_0.png", range(3)) | masks("ManualMask/leftMask/M_000{}_0.png", range(3)) | masks("ManualMask/rightMask/M_000{}_0.png", range(3)), "M_0000_0.png has 2 masks"),
    "frames by one": (pictures("images/frame_000{}.png", range(1, 7)) | masks("masks/frame_000{}.png", range(2, 8)), "frame_0001.png has no mask"),
    "the camera's count": (pictures("images/DSC_000{}.png", range(6)) | masks("masks/DSC_000{}_mask.png", range(1, 7)), "DSC_0000.png has no mask"),
    "one each": (pictures("images/cell_000{}.png", [1]) | masks("masks/cell_000{}_mask.png", [2]), "cell_0001.png has no mask"),
    "masks of another set": (pictures("images/test_{}.png", range(3)) | masks("masks/training_{}_mask.png", range(3)), "test_0.png has no mask"),
    "masks of another set, in the middle": (pictures("images/slide_test_{}.png", range(3)) | masks("masks/slide_training_{}.png", range(3)), "slide_test_0.png has no mask"),
    "a folder of another set": (pictures("test/{}.png", range(3)) | masks("train/{}_mask.png", range(3)), "test_0.png has no mask|0.png has no mask"),
    "a folder of another sequence": (pictures("02/t00{}.tif", range(3)) | masks("01_GT/SEG/man_seg00{}.tif", range(3)), "has no mask"),
    "the other side": (pictures("images/p{}_left.png", range(3)) | masks("masks/p{}_right.png", range(3)), "p0_left.png has no mask"),
    "a number more": (pictures("images/p{}.png", range(3)) | masks("masks/p{}_2.png", range(3)), "p0.png has no mask"),
    "two ends": (pictures("images/p{}.png", range(3)) | masks("masks/p{}_EX.png", range(2)) | masks("masks/p{}_HE.png", [2]), "p0.png has no mask"),
    "zeros of another one": (pictures("images/p{}_01.png", range(3)) | masks("masks/p{}_001.png", range(2)) | masks("masks/p{}_1.png", range(3)), "p0_01.png has|p0_001.png has"),
    "two masks": (pictures("images/{}.png", range(3)) | masks("masks/{}.png", range(3)) | masks("masks/{}_label.png", range(3)), "0.png has 2 masks: masks/0.png and masks/0_label.png"),
}


@pytest.mark.parametrize("name", NOBODYS)
def test_a_picture_never_gets_the_mask_of_another(tmp_path, name):
    files, said = NOBODYS[name]
    given = ("images", "masks") if any(key.startswith("images/") for key in files) else ()
    with pytest.raises(PictureError, match=said):
        loaded(tmp_path, files, *given)


def test_of_two_masks_none_is_left_out_either(tmp_path):
    write(tmp_path, pictures("{}.png", range(4)) | masks("{}_mask.png", range(4)) | masks("{}_manual1.png", range(4)))
    with pytest.raises(PictureError, match="0.png has 2 masks: .*0_mask.png and .*0_manual1.png"):
        index_folder(tmp_path, skip_broken=True)


OF_COCO = {"images": [{"id": i, "file_name": f"{i}.png", "width": SIDE, "height": SIDE} for i in range(2)], "categories": []}


def coco(shift, numbered=False):
    objects = [{"id": i, "image_id": i, "segmentation": [[4, 4, 20 + 8 * (i + shift), 4, 20 + 8 * (i + shift), 20, 4, 20]]} for i in range(2)]
    return json.dumps(OF_COCO | {"annotations": {str(each["id"]): each for each in objects} if numbered else objects})


FOUND = {
    "nnU-Net's numbers": (pictures("imagesTr/case_000{}_0000.png", range(4)) | masks("labelsTr/case_000{}.png", range(4)), "imagesTr", "labelsTr"),
    "two folders of any name": (pictures("ISIC_Input/ISIC_{}.jpg", range(4)) | masks("ISIC_GroundTruth/ISIC_{}_segmentation.png", range(4)), None, None),
    "a blank in the folder's name": (pictures("Original/{}.png", range(4)) | masks("Ground Truth/{}.png", range(4)), None, None),
    "Pascal VOC": (pictures("JPEGImages/2007_{}.jpg", range(4)) | masks("SegmentationClass/2007_{}.png", range(4)), None, None),
    "nothing but the words": (pictures("p{}/image.png", range(4)) | masks("p{}/mask.png", range(4)), None, None),
    "labelme's export": (pictures("p{}/img.png", range(4)) | masks("p{}/label.png", range(4)) | pictures("p{}/label_viz.png", range(4)), None, None),
    "words in folders of sets": (pictures("a{}/images/test_img.png", range(4)) | masks("a{}/masks/test_mask.png", range(4)), None, None),
    "words alone in folders of sets": (pictures("train/c{}/images/image.png", range(4)) | masks("train/c{}/masks/mask.png", range(4)), None, None),
    "cells that are labeled": (pictures("cell{}_labeled.png", range(4)) | masks("cell{}_labeled_mask.png", range(4)), None, None),
    "raw pictures of other names": (pictures("images/{}.png", range(4)) | masks("masks/{}.png", range(4)) | pictures("raw/r{}.png", range(4)), None, None),
    "previews of the pictures": (pictures("tif/{}.tif", range(4)) | pictures("png/{}.png", range(4)) | masks("masks/{}.png", range(4)), "tif", "masks"),
    "a second folder of marks": ({f"c{i}/images/a.png": gray(i) for i in range(4)} | masks("c{}/masks/b.png", range(4)) | {"c0/gt/d.png": disc(7) * np.uint8(255)}, None, None),
    "QuPath": (pictures("{}.png", range(4)) | masks("{}-label" "led.png", range(4)), None, None),
    "bin_mask": (pictures("Tissue Images/T{}.png", range(4)) | masks("GroundTruth/T{}_bin_mask.png", range(4)), "Tissue Images", "GroundTruth"),
    "a tracking challenge": (pictures("01/t00{}.png", range(4)) | masks("01_RES/mask00{}.png", range(4)), None, None),
    "PH2": (pictures("im/IMD00{}.png", range(4)) | masks("le/IMD00{}_lesion.png", range(4)), "im", "le"),
    "IDRiD": (pictures("im/IDRiD_0{}.jpg", range(4)) | masks("ex/IDRiD_0{}_EX.tif", range(4)), "im", "ex"),
    "names of letters": ({f"im/left_{c}_eye.png": gray(i) for i, c in enumerate("abcd")} | {f"le/left_{c}_eye_optic_disc.png": disc(i) * np.uint8(255) for i, c in enumerate("abcd")}, "im", "le"),
    "one name within another": ({f"im/{name}.png": gray(i) for i, name in enumerate(("a", "a_b", "a_b_c", "a_b_c_d"))} | {f"le/{name}_cup.png": disc(i) * np.uint8(255) for i, name in enumerate(("a", "a_b", "a_b_c", "a_b_c_d"))}, "im", "le"),
    "ImageJ's name of a mask": (pictures("im/c{}.png", range(4)) | masks("ma/Mask of c{}.png", range(4)), "im", "ma"),
    "DeepGlobe": (pictures("{}0_sat.jpg", range(4)) | masks("{}0_mask.png", range(4)), None, None),
    "zeros in one name": (pictures("images/img_00{}.png", range(4)) | masks("masks/{}.png", range(4)), None, None),
    "zeros after a word": (pictures("images/image{}.png", range(4)) | masks("masks/mask0{}.png", range(4)), None, None),
    "inputs and labels of a set": (pictures("train-input/{}.png", range(4)) | masks("train-labels/{}.png", range(4)), None, None),
    "an archive in a folder": (pictures("all/set/images/{}.png", range(4)) | masks("all/set/masks/{}.png", range(4)) | {"__MACOSX/a.png": gray(9)}, None, None),
    "the Data Science Bowl, unpacked": (pictures("stage1_train/a{}/images/a{}.png", range(4)) | masks("stage1_train/a{}/masks/b{}.png", range(4)), None, None),
    "folders of pictures, and none of masks": ({f"images/{k}/{k}{i}.png": gray(2 * j + i) for j, k in enumerate("ab") for i in range(2)} | {f"masks/{k}{i}.png": disc(2 * j + i) * np.uint8(255) for j, k in enumerate("ab") for i in range(2)}, "images", "masks"),
    "more folders of masks": ({f"imgs/{k}/{k}{i}.png": gray(2 * j + i) for j, k in enumerate("ab") for i in range(2)} | {f"gt/final/v2/{k}/{k}{i}.png": disc(2 * j + i) * np.uint8(255) for j, k in enumerate("ab") for i in range(2)}, None, None),
    "REFUGE": (pictures("Training400/Glaucoma/g000{}.jpg", range(2)) | pictures("Training400/Non-Glaucoma/n000{}.jpg", range(2, 4)) | masks("Annotation-Training400/Disc_Cup_Masks/Glaucoma/g000{}.bmp", range(2)) | masks("Annotation-Training400/Disc_Cup_Masks/Non-Glaucoma/n000{}.bmp", range(2, 4)), None, None),
    "HAM10000, pictures in two parts": (pictures("HAM10000_images_part_1/ISIC_{}.jpg", range(2)) | pictures("HAM10000_images_part_2/ISIC_{}.jpg", range(2, 4)) | masks("HAM10000_segmentations_lesion_tschandl/ISIC_{}_segmentation.png", range(4)), None, None),
    "a slide and its ground truth": (pictures("Slide_01/01_{}.png", range(2)) | pictures("Slide_02/02_{}.png", range(2, 4)) | masks("GT_01/01_{}.png", range(2)) | masks("GT_02/02_{}.png", range(2, 4)), None, None),
    "IDRiD, one kind of its lesions": (pictures("1. Original Images/a. Training Set/IDRiD_0{}.jpg", range(4)) | masks("2. All Segmentation Groundtruths/a. Training Set/3. Hard Exudates/IDRiD_0{}_EX.tif", range(4)), "1. Original Images", "2. All Segmentation Groundtruths"),
    "CamVid, as SegNet's tutorial has it": (pictures("train/a{}.png", range(2)) | masks("trainannot/a{}.png", range(2)) | pictures("val/b{}.png", range(2, 4)) | masks("valannot/b{}.png", range(2, 4)), None, None),
    "what Cellpose writes": (pictures("{}_img.png", range(4)) | masks("{}_img_cp_masks.png", range(4)) | {f"{i}_img_flows.tif": np.zeros((4, SIDE, SIDE), np.float32) for i in range(4)}, None, None),
    "NumPy's files": ({"images.npy": STACK["pictures"], "masks.npy": STACK["masks"]}, None, None),
    "NumPy's files of a set": ({"data/X_train.npy": STACK["pictures"], "data/y_train.npy": STACK["masks"]}, None, None),
    "NumPy's files of two sets": ({"X_train.npy": STACK["pictures"][:2], "X_val.npy": STACK["pictures"][2:], "y_train.npy": STACK["masks"][:2], "y_val.npy": STACK["masks"][2:]}, None, None),
    "NumPy's files in folders": ({"images/fold1/images.npy": STACK["pictures"], "masks/fold1/masks.npy": STACK["masks"]}, "images", "masks"),
    "a stack and its labels": ({"raw.tif": STACK["pictures"], "labels.tif": STACK["masks"] * np.uint8(255)}, None, None),
    "a sequence and a mask in the folder of each patient": ({f"p{1 + i // 2}/T2/00{i % 2}.png": gray(i) for i in range(4)} | {f"p{1 + i // 2}/mask/00{i % 2}.png": disc(i) * np.uint8(255) for i in range(4)}, None, None),
    "a word that sticks to a number": (pictures("img{}.png", range(4)) | masks("img{}mask.png", range(4)), None, None),
    "folders of x and y": (pictures("train_x/{}.png", range(2)) | masks("train_y/{}.png", range(2)) | pictures("val_x/1{}.png", range(2, 4)) | masks("val_y/1{}.png", range(2, 4)), None, None),
    "what a bin holds": (pictures("images/{}.png", range(4)) | masks("masks/{}.png", range(4)) | {"images/$RECYCLE.BIN/9.png": gray(9)}, None, None),
}


@pytest.mark.parametrize("name", FOUND)
def test_layouts_of_public_sets_are_found(tmp_path, name):
    files, images, their_masks = FOUND[name]
    assert loaded(tmp_path, files, images, their_masks) == [0, 1, 2, 3]


def test_a_folder_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    write(tmp_path, pictures("shut/{}.png", range(2)))
    monkeypatch.setattr("os.access", lambda path, mode: "shut" not in str(path))  # root may open everything
    with pytest.raises(PermissionError, match="images_dir: the system does not let you look into .*shut"):
        load_pairs(tmp_path / "shut")
    with pytest.raises(PictureError, match="told to be a mask|holds no picture"):
        load_pairs(tmp_path)
    write(tmp_path / "set", pictures("images/{}.png", range(4)) | masks("masks/{}.png", range(4)))
    (tmp_path / "set" / "images" / "shut").mkdir()
    (tmp_path / "none" / "shut").mkdir(parents=True)
    assert any("the folder shut, which you may not open" in remark for remark in load_pairs(tmp_path / "set").remarks)
    with pytest.raises(PictureError, match="It holds the folder shut, which you may not open"):
        load_pairs(tmp_path / "none")


def test_folders_of_a_picture_in_capitals_hold_one_object_a_file(tmp_path):
    files = {f"{i}/Images/{i}.png": gray(i) for i in range(3)}
    for i in range(3):
        files |= {f"{i}/Masks/m{k}.png": cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (12 + 18 * k, 30), 6, 255, -1) for k in range(3)}
    pairs = load_pairs(write(tmp_path, files))
    assert [labels.max() for labels in pairs.labels] == [3, 3, 3]


@pytest.mark.parametrize("numbered", [False, True])
def test_files_of_annotations_count_in_their_folders(tmp_path, numbered):
    files = {"train/_annotations.coco.json": coco(0, numbered), "valid/_annotations.coco.json": coco(3, numbered)}
    pairs = load_pairs(write(tmp_path, files | {f"{place}/{i}.png": gray(i) for place in ("train", "valid") for i in range(2)}))
    assert pairs.names == ["train/0", "train/1", "valid/0", "valid/1"]
    areas = [int(mask.sum()) for mask in pairs.masks]
    assert areas == sorted(areas) and len(set(areas)) == 4


def test_which_folders_to_give_is_said(tmp_path):
    both = pictures("a/{}.png", range(3)) | masks("b/{}.png", range(3))
    with pytest.raises(PictureError, match="a and .*b have the same names. If one folder holds the masks, give both."):
        load_pairs(write(tmp_path / "1", both))
    assert loaded(tmp_path / "1", {}, "a", "b") == [0, 1, 2]
    two = pictures("img/{}.png", range(3)) | pictures("images/{}.png", range(3)) | masks("masks/{}.png", range(3))
    with pytest.raises(PictureError, match="holds 2 folders of pictures: images, img"):
        load_pairs(write(tmp_path / "2", two))
    twins = {f"{kind}/Original/{i}.{kind.lower()}": gray(i) for kind in ("PNG", "TIF") for i in range(3)}
    twins |= {f"{kind}/Ground Truth/{i}.{kind.lower()}": disc(i) * np.uint8(255) for kind in ("PNG", "TIF") for i in range(3)}
    with pytest.raises(PictureError, match="PNG, TIF in .* hold files of the same names"):
        load_pairs(write(tmp_path / "3", twins))
    assert loaded(tmp_path / "3", {}, "PNG") == [0, 1, 2]
    with pytest.raises(PictureError, match="0.txt holds outlines, as of YOLO"):
        load_pairs(write(tmp_path / "4", pictures("images/{}.png", range(3)) | {"labels/0.txt": "0 0.1 0.1 0.2 0.2"}))


def test_inspect_says_why_a_folder_cannot_be_read(tmp_path, capsys):
    write(tmp_path, pictures("images/{}.png", range(3)) | masks("masks/{}.png", range(2)))
    assert main(["inspect", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "images/2.png has no mask in masks" in said.out + said.err
    assert main(["inspect", str(tmp_path / "images")]) == 0
    assert "No masks were found" in capsys.readouterr().out


def small(background, large, tiny, blur=0.0):
    """Return a mask of a large area and, in under 2 % of it, another one."""
    page = np.full((200, 200, 3), background, np.uint8)
    cv2.circle(page, (80, 90), 40, large, cv2.FILLED)
    cv2.circle(page, (160, 60), 8, tiny, cv2.FILLED)
    return cv2.GaussianBlur(page, (0, 0), blur) if blur else page


RED, BLUE, YELLOW, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255)
SECOND = {
    "exact": (small(0, RED, BLUE), "png"), "white and red": (small(0, WHITE, RED), "png"),
    "of Pascal VOC": (small(0, (128, 0, 0), (0, 128, 0)), "png"), "soft edges": (small(0, RED, BLUE, 0.6), "png"),
    "a JPEG": (small(0, RED, BLUE), "jpg"), "a gray JPEG": (small(0, WHITE, (100, 100, 100))[..., 0], "jpg"),
}


@pytest.mark.parametrize("name", SECOND)
def test_a_small_second_class_is_asked_about(tmp_path, name):
    page, kind = SECOND[name]
    picture = np.random.default_rng(0).integers(30, 200, (200, 200), dtype=np.uint8)
    write(tmp_path, {"images/a.png": picture, f"masks/a.{kind}": page})
    with pytest.raises(PictureError, match="[Ss]ay which is foreground|pass foreground="):
        load_pairs(tmp_path / "images", tmp_path / "masks")


@pytest.mark.parametrize("quality", [30, 50, 75])
@pytest.mark.parametrize("color", [RED, BLUE, YELLOW, (128, 0, 128)], ids=str)
def test_the_fringes_of_a_jpeg_are_no_class(tmp_path, color, quality):
    rng, truth = np.random.default_rng(3), np.zeros((512, 512), np.uint8)
    for x, y, radius in zip(*rng.integers(0, 512, (2, 200)).tolist(), rng.integers(4, 12, 200).tolist()):
        cv2.circle(truth, (x, y), radius, 1, cv2.FILLED)
    (tmp_path / "masks").mkdir()
    write(tmp_path, {"images/a.png": rng.integers(30, 200, truth.shape, dtype=np.uint8)})
    Image.fromarray(truth[..., None] * np.array(color, np.uint8)).save(tmp_path / "masks" / "a.jpg", quality=quality)
    _, (mask,) = load_pairs(tmp_path / "images", tmp_path / "masks")
    assert (mask[..., 0] != truth).mean() < 0.02


@pytest.mark.parametrize(("page", "kind", "asked", "which"), [
    (small(0, RED, YELLOW), "png", RED, 0), (small(0, RED, YELLOW, 0.6), "png", RED, 0), (small(0, RED, YELLOW), "jpg", RED, 0),
    (small(0, WHITE, (200,) * 3)[..., 0], "jpg", 255, 0), (small(0, WHITE, (100,) * 3)[..., 0], "jpg", 100, 1),
])
def test_an_asked_class_is_taken_without_a_small_one_beside_it(tmp_path, page, kind, asked, which):
    picture = np.random.default_rng(0).integers(30, 200, (200, 200), dtype=np.uint8)
    write(tmp_path, {"images/a.png": picture, f"masks/a.{kind}": page})
    _, (mask,) = load_pairs(tmp_path / "images", tmp_path / "masks", foreground=asked)
    truth = small(0, (1, 0, 0), (2, 0, 0))[..., 0] == which + 1
    assert (mask[..., 0] != truth).mean() < 0.005 and mask[..., 0][(truth * 1 != 1) & (small(0, 1, 1)[..., 0] > 0)].mean() < 0.3


def test_one_class_to_a_mask_is_said(tmp_path):
    files = pictures("images/{}.png", range(4)) | {f"masks/{i}.png": disc(i) * np.uint8(63 * (i + 1)) for i in range(4)}
    pairs = load_pairs(write(tmp_path / "1", files))
    assert any("one value each beside 0, and not the same: 63, 126, 189, 252" in remark for remark in pairs.remarks)
    files |= {f"masks/{i}.png": disc(i)[..., None] * np.array(RED if i % 2 else (0, 255, 0), np.uint8) for i in range(4)}
    assert any("not the same: #00ff00, #ff0000" in remark for remark in load_pairs(write(tmp_path / "2", files)).remarks)
    assert not load_pairs(write(tmp_path / "3", pictures("images/{}.png", range(4)) | masks("masks/{}.png", range(4)))).remarks


def test_objects_keep_their_numbers_where_colors_stand_for_them(tmp_path):
    labels = np.repeat(np.repeat(np.arange(1, 7, dtype=np.uint8).reshape(2, 3), 12, axis=0), 12, axis=1)
    labels = np.pad(labels, 10)
    colors = np.random.default_rng(1).integers(60, 256, (7, 3)).astype(np.uint8)
    colors[0] = 0
    palette = Image.fromarray(labels, "P")
    palette.putpalette(colors.ravel().tolist())
    picture = np.random.default_rng(0).integers(30, 200, labels.shape, dtype=np.uint8)
    write(tmp_path, {"images/a.png": picture, "images/b.png": picture, "masks/a.png": colors[labels]})
    palette.save(tmp_path / "masks/b.png")
    pairs = load_pairs(tmp_path / "images", tmp_path / "masks")
    assert label_objects(pairs.masks[0]).max() == 1  # they touch
    assert (pairs.labels[1] == labels).all()
    taken = {(int(mine), int(true)) for mine, true in zip(pairs.labels[0].ravel(), labels.ravel())}
    assert len(taken) == 7 and (0, 0) in taken


def test_a_picture_is_no_mask_and_levels_are_no_smooth_edges(tmp_path):
    shown = np.repeat(cv2.GaussianBlur(gray(0), (0, 0), 2)[..., None], 3, axis=2)
    shown[10:14, 10:40] = YELLOW
    write(tmp_path / "1", {"images/a.png": gray(0), "masks/a.png": shown})
    with pytest.raises(PictureError, match="none of them often, as a picture does"):
        load_pairs(tmp_path / "1" / "images", tmp_path / "1" / "masks")
    levels = np.zeros((200, 200), np.uint8)
    for k, level in enumerate((40, 80, 120, 160, 200, 240)):
        cv2.circle(levels, (20 + 30 * k, 40 + 20 * k), 12, level, cv2.FILLED)
    picture = np.random.default_rng(0).integers(30, 200, levels.shape, dtype=np.uint8)
    write(tmp_path / "2", {"images/a.png": picture, "masks/a.jpg": levels})
    with pytest.raises(PictureError, match="pass foreground='above 20'") as said:
        load_pairs(tmp_path / "2" / "images", tmp_path / "2" / "masks")
    assert "'half'" not in str(said.value)


def test_slices_that_were_saved_as_colors_are_told(tmp_path):
    stack = np.stack([disc(i) * np.uint8(i + 1) for i in range(3)])
    (tmp_path / "images").mkdir(), (tmp_path / "masks").mkdir()
    for place, content in (("images", np.stack([gray(i) for i in range(3)])), ("masks", stack)):
        tifffile.imwrite(tmp_path / place / "v.tif", content, photometric="rgb", planarconfig="separate")
    with pytest.raises(PictureError, match="red, green and blue as three planes"):
        load_pairs(tmp_path / "images", tmp_path / "masks")
    for place, content in (("images", np.stack([gray(i) for i in range(3)])), ("masks", np.minimum(stack, 1))):
        tifffile.imwrite(tmp_path / place / "v.tif", content, photometric="minisblack")
    _, found = load_pairs(tmp_path / "images", tmp_path / "masks")
    assert [mask[..., 0].tolist() for mask in found] == [disc(i).tolist() for i in range(3)]


ONE_SOURCE = {  # names, and the source of each
    "a woman twice": ([f"{i:03d}_{k}" for i in range(6) for k in ("HC", "2HC")], [i for i in range(6) for _ in range(2)]),
    "tiles like dates": ([f"tumor_00{i}_{x}_{y}" for i in range(1, 6) for x in (0, 2048) for y in (512, 1024)], [i for i in range(5) for _ in range(4)]),
    "tiles of few slides": ([f"slide{c}_{x}_{y}" for c in "ABC" for x in (0, 2048) for y in (0, 1024)], [i for i in range(3) for _ in range(4)]),
    "tiles of two groups": ([f"{c}_{x}_{y}" for c in ("control", "treated") for x in (0, 256) for y in (0, 256, 512)], [i for i in range(2) for _ in range(6)]),
    "wells and checksums": ([f"IXM_{well}_s{s}_w1{n:08X}-7042-435F-99F0-1E847D9B42CB" for n, well in enumerate(("A02", "B03", "C05")) for s in (1, 2)], [i for i in range(3) for _ in range(2)]),
    "copies of Windows": ([name for i in range(4) for name in (f"cell{i}", f"cell{i} (1)", f"cell{i} - Copy", f"cell{i} - Kopie (2)")], [i for i in range(4) for _ in range(4)]),
    "copies in front": ([name for i in range(4) for name in (f"cell{i}", f"Copy of cell{i}")], [i for i in range(4) for _ in range(2)]),
    "turned, of patients": ([f"{how}_{i}_{k}" for i in range(4) for k in range(1, 3) for how in ("orig", "hflip")], [i for i in range(4) for _ in range(4)]),
    "doses, and no tiles": ([f"{c}_{x}_{y}" for c, x in (("WT", 100), ("KO", 200), ("HET", 300)) for y in (50, 100)], [i for i in range(3) for _ in range(2)]),
    "turned, in front": ([f"{how}_{i}" for i in range(4) for how in ("orig", "hflip", "rot90")], [i for i in range(4) for _ in range(3)]),
    "turned and counted": ([f"aug_{k}_img{i}" for i in range(4) for k in range(3)], [i for i in range(4) for _ in range(3)]),
    "a count in brackets that is none of a copy": ([f"cell ({i})" for i in range(6)], list(range(6))),
}


@pytest.mark.parametrize("name", ONE_SOURCE)
def test_one_source_stays_together_and_two_stay_apart(name):
    names, sources = ONE_SOURCE[name]
    assert len(set(zip(groups_of(names), sources))) == len(set(sources)) == len(set(groups_of(names)))
