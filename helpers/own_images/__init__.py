"""Your own pictures: load them, split them, train on patches, predict large ones, measure, keep, fetch (notebook 06).

Files are read and never changed; new files never replace old ones. Whatever is wrong with a file is said in a
`PictureError` with its name and the remedy. Keras and TensorFlow are imported only where a network is used.

To read in this order: files (with tiff, color_tables and medical), channels, masks, outlines, annotations, names,
matching, layouts, annotated, pairs (loading); splits, gray_levels, patches, manifest, index (training); tiles, objects
(use); keeping, real_sets; folders (with the command `python -m helpers.own_images`).
"""

from helpers.own_images.channels import to_gray
from helpers.own_images.files import Channels, PictureError, read_picture
from helpers.own_images.folders import inspect_pictures, predict_folder
from helpers.own_images.gray_levels import Normalization, fit_normalization
from helpers.own_images.index import index_folder
from helpers.own_images.keeping import SavedNetwork, load_kept, new_folder, save_mask, save_network
from helpers.own_images.manifest import ChangedFileError, Manifest, read_row
from helpers.own_images.objects import (
    choose_splitting, contact_sheet, label_objects, labels_of, measure_objects, numbered_contours, object_scores,
    save_table,
)
from helpers.own_images.onnx_graph import export_onnx, onnx_difference
from helpers.own_images.package import export_package
from helpers.own_images.pairs import Pairs, load_pairs
from helpers.own_images.patches import draw_patch, draw_patches, patch_batches, train_on_patches
from helpers.own_images.real_sets import NUCLEI, draw_nuclei, fetch, fetch_set, unpack, write_stand_in
from helpers.own_images.splits import (
    choose, conditions_of, groups_from_csv, groups_of, sources_of, split_by_source, split_table,
)
from helpers.own_images.tiles import predict_tiled
from helpers.own_images.train_folder import (
    choose_start, dice_scores, network_card, read_settings, settings_to_keep, train_folder,
)

__all__ = [
    "NUCLEI", "ChangedFileError", "Channels", "Manifest", "Normalization", "Pairs", "PictureError", "SavedNetwork",
    "choose", "choose_splitting", "choose_start", "conditions_of", "contact_sheet", "dice_scores", "draw_nuclei",
    "draw_patch", "draw_patches", "export_onnx", "export_package", "fetch", "fetch_set", "fit_normalization",
    "groups_from_csv", "groups_of", "index_folder", "inspect_pictures", "label_objects", "labels_of", "load_kept",
    "load_pairs", "measure_objects", "network_card", "new_folder", "numbered_contours", "object_scores",
    "onnx_difference", "patch_batches", "predict_folder", "predict_tiled", "read_picture", "read_row", "read_settings",
    "save_mask", "save_network", "save_table", "settings_to_keep", "sources_of", "split_by_source", "split_table",
    "to_gray", "train_folder", "train_on_patches", "unpack", "write_stand_in",
]
