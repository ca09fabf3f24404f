"""Layouts of folders that people have, and what `load_pairs` makes of each: writes own_images_layouts.md.

    python benchmarks/own_images_layouts.py

Each layout holds one or more pictures, of 40x56 pixels where nothing else is said, whose true foreground is known. "right" means that the masks came
out pixel for pixel (soft edges and JPEG: to 2 %), "refused" that a `PictureError` said why, "pointed out" that they are
not the areas and a warning says so. "WRONG" is a fault.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import tifffile  # noqa: E402
from PIL import Image  # noqa: E402

from helpers import own_images as own  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
GRAY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 56)).astype(np.uint8), (0, 0), 2)
TRUTH, LABELS = np.zeros((40, 56), np.uint8), np.zeros((40, 56), np.uint16)
for number, (center, radius) in enumerate([((14, 14), 8), ((42, 12), 7), ((16, 32), 6), ((44, 30), 6)], 1):
    cv2.circle(TRUTH, center, radius, 1, thickness=cv2.FILLED)
    cv2.circle(LABELS, center, radius, number, thickness=cv2.FILLED)
WHITE, RED = TRUTH * np.uint8(255), np.zeros((40, 56, 3), np.uint8)
RED[TRUTH > 0] = (255, 0, 0)
ON_WHITE = np.where(TRUTH[..., None] > 0, np.uint8([255, 0, 0]), np.uint8(255))
OUTLINE = WHITE - cv2.erode(WHITE, np.ones((3, 3), np.uint8))
RINGS = [c[:, 0].tolist() for c in cv2.findContours(TRUTH, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]]
BOXES = [[[10, 10], [30, 10], [30, 25], [10, 25]], [[40, 5], [50, 5], [50, 15], [40, 15]]]
FRAME = [[0, 0], [56, 0], [56, 40], [0, 40]]
FROM_THE_RIGHT = np.array([[-1.0, 0, 0, 55], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
HILO = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)
HILO[:, 0], HILO[:, 255] = (0, 0, 65535), (65535, 0, 0)
BOXED = np.zeros((40, 56), np.uint8)
BOXED[10:25, 10:30] = BOXED[5:15, 40:50] = 1


def big(array, times=8):
    """Return an array eight times as large, for JPEG, or `times` times."""
    return np.kron(array, np.ones((times, times, *[1] * (array.ndim - 2)), array.dtype))


def huge(array):
    """Return an array of 6000x6000 pixels, as a slide scanner's overview."""
    return np.ascontiguousarray(big(array, 150)[:, :6000])


def put(folder, name, content, **options):
    """Write one file, by its ending."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content)
    elif path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".dcm":
        save_dicom(path, content)
    elif path.suffix == ".zip":
        import roifile

        roifile.roiwrite(path, [roifile.ImagejRoi.frompoints(np.array(points)) for points in content])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    elif path.suffix.lower() == ".tif":
        if not options.get("imagej"):  # without it, tifffile writes three pages as one picture of red, green and blue
            options = {"photometric": "minisblack", **options}
        tifffile.imwrite(path, content, **options)
    elif name.endswith(".nii.gz"):
        import nibabel

        affine = options.get("affine", np.eye(4))
        nibabel.save(nibabel.Nifti1Image(content.T.astype(np.int16)[..., None], affine), path)
    else:
        Image.fromarray(content).save(path, **options)


def save_dicom(path, content):
    """Write one slice as a scanner does, 16 bits with sign; numbers in the file are 1024 above those that they stand for."""
    import pydicom

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = "1.2", "1.2.3"
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = *content.shape, 16, 16, 15
    data.SamplesPerPixel, data.PixelRepresentation, data.PhotometricInterpretation = 1, 1, "MONOCHROME2"
    data.RescaleSlope, data.RescaleIntercept = "1", "-1024"
    data.PixelData = (content.astype("<i2") + 1024).tobytes()
    data.save_as(path, enforce_file_format=True)


def coco(pictures, marks):
    """Return COCO's text: pictures, names or entries; marks: (picture from 0, outline or None for a box, label from 0)."""
    entries = [picture if isinstance(picture, dict) else {"file_name": picture} for picture in pictures]
    return json.dumps({
        "images": [{"id": i, **entry} for i, entry in enumerate(entries)],
        "categories": [{"id": 0, "name": "cell"}, {"id": 1, "name": "frame"}],
        "annotations": [{"image_id": i, "category_id": label, "bbox": [10, 10, 20, 15],
                         "segmentation": [np.ravel(outline).tolist()] if outline else []} for i, outline, label in marks],
    })


def objects(kind):
    """Return two boxes as the text of an annotation file."""
    rings = [[*box, box[0]] for box in BOXES]
    return json.dumps({
        "labelme, a point": {"shapes": [
            *({"label": "cell", "points": box, "shape_type": "polygon"} for box in BOXES),
            {"label": "cell", "points": [[3, 3]], "shape_type": "point"}]},
        "a frame": [
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]},
             "properties": {"classification": {"name": name}}}
            for ring, name in [([*FRAME, FRAME[0]], "Region*"), *((ring, "cell") for ring in rings)]],
        "labelme": {"shapes": [{"label": "cell", "points": box, "shape_type": "polygon"} for box in BOXES]},
        "coco": {"images": [{"id": 1, "file_name": "a.png"}],
                 "annotations": [{"image_id": 1, "segmentation": [np.ravel(box).tolist()]} for box in BOXES]},
        "geojson": {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}} for ring in rings]},
    }[kind])


YOLO = "0 0.2 0.25 0.5 0.25 0.5 0.6 0.2 0.6\n"
CVAT = '<?xml version="1.0"?><annotations><image name="a.png"><polygon label="c" points="10,10;30,10;30,25;10,25"/></image></annotations>'
ONE, TWO = None, "masks"  # one folder, or folders images and masks
LAYOUTS = [  # name, files, where, options of load_pairs, truth
    ("two folders, 0/255", {"images/a.tif": GRAY, "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("two folders, numbered objects", {"images/a.tif": GRAY, "masks/a.tif": LABELS}, TWO, {}, TRUTH),
    ("a folder for each picture, one file an object (Data Science Bowl)",
     {"id0/images/id0.png": GRAY, **{f"id0/masks/{n}.png": (LABELS == n) * np.uint8(255) for n in range(1, 5)}}, ONE, {}, TRUTH),
    ("masks/NAME/ with one file an object",
     {"images/id0.png": GRAY, **{f"masks/id0/{n}.png": (LABELS == n) * np.uint8(255) for n in range(1, 5)}}, TWO, {}, TRUTH),
    ("_mask.gif", {"images/a.tif": GRAY, "masks/a_mask.gif": WHITE}, TWO, {}, TRUTH),
    ("red on white", {"images/a.png": GRAY, "masks/a.png": ON_WHITE}, TWO, {}, TRUTH),
    ("red on white, as the message says", {"images/a.png": GRAY, "masks/a.png": ON_WHITE}, TWO, {"foreground": (255, 0, 0)}, TRUTH),
    ("anti-aliased red", {"images/a.png": big(GRAY), "masks/a.png": cv2.GaussianBlur(big(RED), (0, 0), 1)}, TWO, {}, big(TRUTH)),
    ("red as JPEG", {"images/a.png": big(GRAY), "masks/a.jpg": big(RED)}, TWO, {}, big(TRUTH)),
    ("0/255 as JPEG", {"images/a.png": big(GRAY), "masks/a.jpg": big(WHITE)}, TWO, {}, big(TRUTH)),
    ("mask drawn in the alpha channel", {"images/a.png": GRAY, "masks/a.png": np.dstack([WHITE * 0] * 3 + [WHITE])}, TWO, {}, TRUTH),
    ("stack of 3 channels (ImageJ)", {"images/a.tif": (np.stack([GRAY, GRAY, GRAY // 2]), {"imagej": True, "metadata": {"axes": "CYX"}}), "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("OME-TIFF of 3 channels", {"images/a.ome.tif": (np.stack([GRAY, GRAY, GRAY // 2]), {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack"}), "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("the same with channel=0", {"images/a.ome.tif": (np.stack([GRAY, GRAY, GRAY // 2]), {"ome": True, "metadata": {"axes": "CYX"}, "photometric": "minisblack"}), "masks/a.png": WHITE}, TWO, {"channel": 0}, TRUTH),
    ("c0.ome.tif and c0.tif", {"images/c0.ome.tif": GRAY, "masks/c0.tif": WHITE}, TWO, {}, TRUTH),
    ("img_000 and mask_000", {"images/img_000.png": GRAY, "masks/mask_000.png": WHITE}, TWO, {}, TRUTH),
    ("_cp_masks beside the pictures", {"a.png": GRAY, "a_cp_masks.png": LABELS.astype(np.uint8)}, ONE, {}, TRUTH),
    ("_Simple Segmentation (ilastik), 1 and 2", {"images/a.tif": GRAY, "masks/a_Simple Segmentation.tif": TRUTH + np.uint8(1)}, TWO, {}, TRUTH),
    ("the same with foreground=2", {"images/a.tif": GRAY, "masks/a_Simple Segmentation.tif": TRUTH + np.uint8(1)}, TWO, {"foreground": 2}, TRUTH),
    ("one folder with _mask", {"a.png": GRAY, "a_mask.png": WHITE}, ONE, {}, TRUTH),
    ("masks inside the folder of images", {"images/a.png": GRAY, "images/masks/a.png": WHITE}, "images/masks", {}, TRUTH),
    ("nnU-Net, _0000", {"imagesTr/c_0000.nii.gz": GRAY, "labelsTr/c.nii.gz": TRUTH}, ONE, {"value_range": (0, 255)}, TRUTH),
    ("16 bit, values 100 to 180", {"images/a.tif": (100 + GRAY.astype(np.uint16) % 81), "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("zstd TIFF", {"images/a.tif": (GRAY, {"compression": "zstd"}), "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("labelme", {"a.png": GRAY, "a.json": objects("labelme")}, ONE, {}, BOXED),
    ("COCO", {"images/a.png": GRAY, "masks/all.json": objects("coco")}, TWO, {}, BOXED),
    ("GeoJSON (QuPath)", {"images/a.png": GRAY, "masks/a.geojson": objects("geojson")}, TWO, {}, BOXED),
    ("ImageJ ROI zip beside the picture", {"a.tif": GRAY, "a.zip": BOXES}, ONE, {}, BOXED),
    ("ImageJ ROI zips in a folder of their own", {"images/a.tif": GRAY, "masks/a.zip": BOXES}, TWO, {}, BOXED),
    ("ImageJ ROI zip, named RoiSet.zip", {"a.tif": GRAY, "RoiSet.zip": BOXES}, ONE, {}, BOXED),
    ("DICOM slices, masks as DICOM", {f"{k}/IM-0001-{i:04d}.dcm": c for k, c in (("images", GRAY.astype(np.int16) - 100), ("masks", TRUTH)) for i in (1, 2, 3)}, TWO, {}, TRUTH),
    ("the same with value_range", {f"{k}/IM-0001-{i:04d}.dcm": c for k, c in (("images", GRAY.astype(np.int16) - 100), ("masks", TRUTH)) for i in (1, 2, 3)}, TWO, {"value_range": (-160, 240)}, TRUTH),
    ("DICOM slices, masks as PNG", {f"{k}/slice{i}.{e}": c for k, e, c in (("images", "dcm", GRAY.astype(np.int16) - 100), ("masks", "png", WHITE)) for i in (1, 2)}, TWO, {"value_range": (-160, 240)}, TRUTH),
    ("pictures of 6000x6000, PNG", {"images/a.png": huge(GRAY), "masks/a.png": huge(WHITE)}, TWO, {}, huge(TRUTH)),
    ("pictures of 6000x6000, 16-bit TIFF in tiles", {"images/a.tif": (huge(GRAY).astype(np.uint16) * 257, {"tile": (256, 256), "compression": "zlib"}), "masks/a.png": huge(WHITE)}, TWO, {}, huge(TRUTH)),
    ("NumPy", {"images/a.npy": GRAY, "masks/a.npy": TRUTH}, TWO, {}, TRUTH),
    ("NIfTI, CT numbers", {"images/a.nii.gz": GRAY.astype(np.int16) * 8 - 1000, "masks/a.nii.gz": TRUTH}, TWO, {}, TRUTH),
    ("classes 0/1/2", {"images/a.png": GRAY, "masks/a.png": (LABELS % 3).astype(np.uint8)}, TWO, {}, (LABELS % 3 > 0).astype(np.uint8)),
    ("outlines only", {"images/a.png": big(GRAY), "masks/a.png": big(WHITE) - cv2.erode(big(WHITE), np.ones((3, 3), np.uint8))}, TWO, {}, big(TRUTH)),
    ("outlines only, with fill=True", {"images/a.png": big(GRAY), "masks/a.png": big(WHITE) - cv2.erode(big(WHITE), np.ones((3, 3), np.uint8))}, TWO, {"fill": True}, big(TRUTH)),
    ("stack and stack of masks", {"images/v.tif": np.stack([GRAY] * 3), "masks/v.tif": np.stack([WHITE] * 3)}, TWO, {}, TRUTH),
    ("WhiteIsZero", {"images/a.tif": (255 - GRAY, {"photometric": "miniswhite"}), "masks/a.tif": (255 - WHITE, {"photometric": "miniswhite"})}, TWO, {}, TRUTH),
    ("two pictures without masks", {"a.png": GRAY, "b.png": GRAY}, ONE, {}, TRUTH),
    (".ipynb_checkpoints and __MACOSX", {"images/a.png": GRAY, "images/.ipynb_checkpoints/a.png": GRAY, "images/__MACOSX/._a.png": GRAY, "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("patient folders, image and mask in each", {f"p{i}/{n}": c for i in (1,2) for n,c in (("scan.png",GRAY),("scan_mask.png",WHITE))}, ONE, {}, TRUTH),
    ("_GT", {"images/a.png": GRAY, "masks/a_GT.png": WHITE}, TWO, {}, TRUTH),
    ("-label", {"a.png": GRAY, "a-label.png": WHITE}, ONE, {}, TRUTH),
    ("seg_ prefix", {"a.png": GRAY, "seg_a.png": WHITE}, ONE, {}, TRUTH),
    ("upper-case endings", {"images/A.PNG": GRAY, "masks/A.TIF": WHITE}, TWO, {}, TRUTH),
    ("lower-case name of the mask", {"images/Cell_A.png": GRAY, "masks/cell_a.png": WHITE}, TWO, {}, TRUTH),
    ("JPEG picture, BMP mask", {"images/a.jpeg": GRAY, "masks/a.bmp": WHITE}, TWO, {}, TRUTH),
    ("spaces and umlauts", {"images/Zelle Ä 1.png": GRAY, "masks/Zelle Ä 1 Maske.png": WHITE}, TWO, {}, TRUTH),
    ("spaces and umlauts, same names", {"images/Zöllner 1.png": GRAY, "masks/Zöllner 1.png": WHITE}, TWO, {}, TRUTH),
    ("train, val and test folders", {f"{k}/{s}/{s}{i}.png": c for k,c in (("images",GRAY),("masks",WHITE)) for s in ("train", "val", "test") for i in (1,2)}, TWO, {}, TRUTH),
    ("train/images and train/masks", {f"{s}/{k}/{i}.png": c for k,c in (("images",GRAY),("masks",WHITE)) for s in ("train", "val") for i in (1,2)}, ONE, {}, TRUTH),
    ("masks as .npy", {"images/a.png": GRAY, "masks/a.npy": TRUTH.astype(bool)}, TWO, {}, TRUTH),
    ("YOLO polygons as text", {"images/a.png": GRAY, "masks/a.txt": YOLO}, TWO, {}, TRUTH),
    ("CVAT XML", {"images/a.png": GRAY, "masks/all.xml": CVAT}, TWO, {}, TRUTH),
    ("one RGB overlay for each picture", {"images/a.png": GRAY, "masks/a.png": np.where(TRUTH[...,None]>0,np.uint8([255,0,0]),np.dstack([GRAY]*3))}, TWO, {}, TRUTH),
    ("1-bit TIFF mask", {"images/a.tif": GRAY, "masks/a.tif": (TRUTH.astype(bool),{"photometric":"minisblack"})}, TWO, {}, TRUTH),
    ("stack of pictures, a mask with one page fewer", {"images/v.tif": np.stack([GRAY]*3), "masks/v.tif": np.stack([WHITE]*2)}, TWO, {}, TRUTH),
    ("stack and one mask for all pages", {"images/v.tif": np.stack([GRAY]*3), "masks/v.tif": WHITE}, TWO, {}, TRUTH),
    ("labelme JSON in a folder of its own", {"images/a.png": GRAY, "masks/a.json":objects("labelme")}, TWO, {}, BOXED),
    ("masks with a number after the word", {"a.png": GRAY, "a_mask1.png": WHITE}, ONE, {}, TRUTH),
    ("_segmentation", {"a.png": GRAY, "a_segmentation.png": WHITE}, ONE, {}, TRUTH),
    ("_labels and _img", {"a_img.png": GRAY, "a_labels.png": LABELS.astype(np.uint8)}, ONE, {}, TRUTH),
    ("ground_truth folder", {"raw/a.png": GRAY, "ground_truth/a.png": WHITE}, ONE, {}, TRUTH),
    ("img and gt folders", {"img/a.png": GRAY, "gt/a.png": WHITE}, ONE, {}, TRUTH),
    ("masks of another size", {"images/a.png": GRAY, "masks/a.png": WHITE[:30]}, TWO, {}, TRUTH),
    ("16-bit PNG masks of objects", {"images/a.png": GRAY, "masks/a.png": LABELS*1000}, TWO, {}, TRUTH),
    ("masks of 0 and 65535", {"images/a.png": GRAY, "masks/a.tif": TRUTH.astype(np.uint16)*65535}, TWO, {}, TRUTH),
    ("float masks of 0 and 1", {"images/a.png": GRAY, "masks/a.tif": TRUTH.astype(np.float32)}, TWO, {}, TRUTH),
    ("all masks empty", {"images/a.png": GRAY, "masks/a.png": WHITE*0}, TWO, {}, TRUTH),
    ("inverted masks", {"images/a.png": GRAY, "masks/a.png": 255-cv2.erode(WHITE,np.ones((3,3),np.uint8))}, TWO, {}, TRUTH),
    ("numbers after the word mask", {"cell_1.png": GRAY, "cell_2.png": GRAY, "cell_mask_1.png": WHITE, "cell_mask_2.png": WHITE}, ONE, {}, TRUTH),
    ("Bilder and Masken", {"Bilder/1.png": GRAY, "Masken/1.png": WHITE}, ONE, {}, TRUTH),
    ("_masque", {"cellule.png": GRAY, "cellule_masque.png": WHITE}, ONE, {}, TRUTH),
    ("_máscara", {"images/célula 1.png": GRAY, "masks/célula 1_máscara.png": WHITE}, TWO, {}, TRUTH),
    ("CZI, without the package that reads it", {"images/a.czi": "ZISRAWFILE", "masks/a.png": WHITE}, TWO, {}, TRUTH),
    ("COCO, pictures of one name in two folders", {"images/train/1.png": GRAY, "images/val/1.png": GRAY, "masks/all.json": coco(["train/1.png", "val/1.png"], [(0, BOXES[0], 0), (0, BOXES[1], 0), (1, BOXES[0], 0), (1, BOXES[1], 0)])}, TWO, {}, BOXED),
    ("COCO, the folders left out", {"images/train/1.png": GRAY, "images/val/1.png": GRAY, "masks/all.json": coco(["1.png"], [(0, BOXES[0], 0)])}, TWO, {}, BOXED),
    ("COCO that states another size", {"images/a.png": GRAY, "masks/all.json": coco([{"file_name": "a.png", "width": 112, "height": 80}], [(0, BOXES[0], 0)])}, TWO, {}, BOXED),
    ("COCO of two labels", {"images/a.png": GRAY, "masks/all.json": coco(["a.png"], [(0, BOXES[0], 0), (0, BOXES[1], 0), (0, FRAME, 1)])}, TWO, {}, BOXED),
    ("the same with foreground=\"cell\"", {"images/a.png": GRAY, "masks/all.json": coco(["a.png"], [(0, BOXES[0], 0), (0, BOXES[1], 0), (0, FRAME, 1)])}, TWO, {"foreground": "cell"}, BOXED),
    ("COCO of boxes without outlines", {"images/a.png": GRAY, "masks/all.json": coco(["a.png"], [(0, None, 0)])}, TWO, {}, BOXED),
    ("labelme with a point among the polygons", {"a.png": GRAY, "a.json": objects("labelme, a point")}, ONE, {}, BOXED),
    ("QuPath, cells in a frame", {"a.png": GRAY, "a.geojson": objects("a frame")}, ONE, {}, BOXED),
    ("the same with foreground=\"cell\"", {"a.png": GRAY, "a.geojson": objects("a frame")}, ONE, {"foreground": "cell"}, BOXED),
    ("NIfTI, the mask stored from another side", {"images/a.nii.gz": GRAY, "masks/a.nii.gz": (TRUTH[:, ::-1], {"affine": FROM_THE_RIGHT})}, TWO, {"value_range": (0, 255)}, TRUTH),
    ("NIfTI, the mask elsewhere in space", {"images/a.nii.gz": (GRAY, {"affine": np.diag([2.0, 2, 2, 1])}), "masks/a.nii.gz": (TRUTH, {"affine": np.diag([3.0, 3, 3, 1])})}, TWO, {"value_range": (0, 255)}, TRUTH),
    ("ImageJ's LUT HiLo on the mask", {"images/a.tif": GRAY, "masks/a.tif": (WHITE, {"photometric": "palette", "colormap": HILO})}, TWO, {}, TRUTH),
    ("two readers' masks of one picture", {"a.png": GRAY, "a_mask_1.png": WHITE, "a_mask_2.png": cv2.erode(WHITE, np.ones((3, 3), np.uint8))}, ONE, {}, TRUTH),
    ("DRIVE: images, mask and 1st_manual", {"images/21_training.tif": GRAY, "mask/21_training_mask.gif": WHITE | 255, "1st_manual/21_manual1.gif": WHITE}, ONE, {}, TRUTH),
    ("the same with 1st_manual given", {"images/21_training.tif": GRAY, "1st_manual/21_manual1.gif": WHITE}, "1st_manual", {}, TRUTH),
    ("Cellpose: _seg.npy beside _cp_masks", {"a.png": GRAY, "a_seg.npy": np.array({"masks": LABELS}, object), "a_cp_masks.png": LABELS.astype(np.uint8)}, ONE, {}, TRUTH),
    ("Cellpose: _seg.npy alone", {"a.png": GRAY, "a_seg.npy": np.array({"masks": LABELS}, object)}, ONE, {}, TRUTH),
    ("image1 and mask1", {"images/image1.png": GRAY, "masks/mask1.png": WHITE}, TWO, {}, TRUTH),
    ("label-free_1 and label-free_1_mask", {"label-free_1.png": GRAY, "label-free_1_mask.png": WHITE}, ONE, {}, TRUTH),
    ("test_01 and training_01 with _mask", {f"{k}/{s}_01{e}.png": c for s in ("test", "training") for k, e, c in (("images", "", GRAY), ("masks", "_mask", WHITE))}, TWO, {}, TRUTH),
    ("Cell Tracking Challenge", {"images/t000.tif": GRAY, "masks/man_seg000.tif": LABELS}, TWO, {}, TRUTH),
    ("CamVid, _L", {"images/1_6690.png": GRAY, "masks/1_6690_L.png": WHITE}, TWO, {}, TRUTH),
    ("GlaS, _anno", {"train_1.bmp": GRAY, "train_1_anno.bmp": WHITE}, ONE, {}, TRUTH),
    ("Cityscapes", {"images/a/a_1_leftImg8bit.png": GRAY, "masks/a/a_1_gtFine_labelIds.png": WHITE}, TWO, {}, TRUTH),
    ("ISBI 2012, the test set beside", {"train-volume.tif": np.stack([GRAY] * 3), "train-labels.tif": np.stack([WHITE] * 3), "test-volume.tif": np.stack([GRAY] * 3)}, ONE, {}, TRUTH),
    ("STARE, .ah", {"images/im0001.ppm": GRAY, "masks/im0001.ah.ppm": WHITE}, TWO, {}, TRUTH),
    ("CHASE, two graders", {"Image_01L.jpg": GRAY, "Image_01L_1stHO.png": WHITE, "Image_01L_2ndHO.png": WHITE}, ONE, {}, TRUTH),
    ("Carvana, train and train_masks", {"train/a.png": GRAY, "train_masks/a_mask.gif": WHITE}, ONE, {}, TRUTH),
    ("a folder of masks for each class", {"images/a.png": GRAY, "masks/nucleus/a.png": WHITE, "masks/cyto/a.png": WHITE}, TWO, {}, TRUTH),
    ("slices and one stack of masks", {**{f"images/vol_{k:04d}.png": GRAY for k in range(3)}, "masks/vol.tif": np.stack([WHITE] * 3)}, TWO, {}, TRUTH),
    ("a stack and a picture named like its page", {"images/a.tif": np.stack([GRAY] * 3), "images/a_p001.png": GRAY, "masks/a.tif": np.stack([WHITE] * 3), "masks/a_p001.png": WHITE}, TWO, {}, TRUTH),
    ("PBM masks", {"images/a.pgm": GRAY, "masks/a.pbm": TRUTH.astype(bool)}, TWO, {}, TRUTH),
    ("names in another order of parts", {"images/1_a.png": GRAY, "masks/a_1.png": WHITE}, TWO, {}, TRUTH),
]


def try_layout(files, where, options, truth):
    """Return what came out: right, refused or wrong, and what the loader said."""
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        folder = Path(scratch).resolve()
        for name, content in files.items():
            array, how = content if isinstance(content, tuple) else (content, {})
            put(folder, name, array, **how)
        images_dir = folder if where is None else folder / "images"
        try:
            pairs = own.load_pairs(images_dir, None if where is None else folder / where, **options)
        except own.PictureError as error:
            return "refused", " ".join(str(error).replace(str(folder), "").replace(folder.name, "folder").split())[:160]
        alike = min(float((mask[..., 0] == truth).mean()) for mask in pairs.masks)
        soft = any(name.endswith(".jpg") for name in files) or truth.shape != GRAY.shape
        said = [*(str(w.message) for w in caught if "mask" in str(w.message)), *pairs.remarks]
        out = "right" if alike == 1 or soft and alike > 0.98 else "pointed out" if said else "WRONG"
        return out, f"{pairs.layout}; {pairs.records[0].mask}" + (f"; {said[0][:110]}" if said else "")


def main() -> None:
    """Try all layouts and write the table."""
    lines = ["# Layouts of folders, and what comes out", "", "Made by `python benchmarks/own_images_layouts.py`.", "",
             "| layout | came out | the loader said |", "| --- | --- | --- |"]
    for name, files, where, options, truth in LAYOUTS:
        out, said = try_layout(files, where, options, truth)
        lines.append(f"| {name} | {out} | {said.replace('|', '/')} |")
        print(lines[-1])
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
