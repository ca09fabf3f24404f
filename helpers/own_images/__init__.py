"""Your own pictures: load them, split them, train on patches, predict large ones, measure, keep, fetch (notebook 06).

Files are read and never changed; new files never replace old ones. Whatever is wrong with a file is said in a
`PictureError` with its name and the remedy. Keras and TensorFlow are imported only where a network is used.

To read in this order: files, masks, pairs (loading); splits, gray_levels, patches (training); tiles, objects (use);
keeping, real_sets.
"""

from helpers.own_images.files import MAX_PIXELS, MAX_TOTAL, PictureError, RawPicture, read_picture, to_gray
from helpers.own_images.gray_levels import Normalization, fit_normalization
from helpers.own_images.keeping import (
    SavedNetwork, ONNX_PACKAGES, beside, export_onnx, load_kept, onnx_difference, save_mask, save_network,
)
from helpers.own_images.objects import FoundObject, label_objects, measure_objects, numbered_contours, save_table
from helpers.own_images.pairs import ENDINGS, PairRecord, Pairs, load_pairs
from helpers.own_images.patches import draw_patch, draw_patches, patch_batches, restart, train_on_patches
from helpers.own_images.real_sets import (
    NUCLEI, RealSet, draw_nuclei, fetch, fetch_set, text_bar, unpack, write_stand_in,
)
from helpers.own_images.splits import choose, groups_from_csv, groups_of, split_by_source
from helpers.own_images.tiles import predict_tiled

__all__ = [
    "ENDINGS", "FoundObject", "Kept", "MAX_PIXELS", "MAX_TOTAL", "NUCLEI", "Normalization", "ONNX_PACKAGES",
    "PairRecord", "Pairs", "PictureError", "RawPicture", "RealSet", "beside", "choose", "draw_nuclei",
    "draw_patch", "draw_patches", "export_onnx", "fetch", "fetch_set", "fit_normalization", "groups_from_csv",
    "groups_of", "label_objects", "load_kept", "load_pairs", "measure_objects", "numbered_contours",
    "onnx_difference", "patch_batches", "predict_tiled", "read_picture", "restart", "save_mask", "save_network",
    "save_table", "split_by_source", "text_bar", "to_gray", "train_on_patches", "unpack", "write_stand_in",
]
