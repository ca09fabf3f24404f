"""How pictures and masks lie in folders: find them, match them by name, and name the layout."""

import difflib
import re
import unicodedata
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from helpers.gate import printable
from helpers.own_images import annotations
from helpers.own_images.annotations import NotAnnotationsError
from helpers.own_images.files import ENDINGS, PictureError, ending_of, page_name
from helpers.own_images.folder_twins import check_twins, with_the_same_names
from helpers.own_images.matching import Match, left_out, matched, of_one_set, with_annotations, without_partner
from helpers.own_images.name_parts import SET_FOLDERS
from helpers.own_images.names import IMAGE_FOLDERS, MASK_FOLDERS, bare_name, is_mask, masks_among, masks_by_folder
from helpers.own_images.own_names import by_whole_words, called_masks
from helpers.own_images.walking import everything_in, files_of, may_open, only_folder

_SETS = "|".join(SET_FOLDERS)
_GLUED = (  # what stands for trainannot of CamVid, and for train_x and train_y
    (re.compile(rf"^({_SETS})[_-]?(annot|masks?|labels?|gt|y)$", re.IGNORECASE), r"\1_masks"),
    (re.compile(rf"^({_SETS})[_-]?x$", re.IGNORECASE), r"\1_images"),
)


class NoMasksError(PictureError):
    """A folder of pictures of which none can be told to be a mask."""


class Layout(NamedTuple):
    """The matches found, the name of the layout, and remarks on what was left out."""

    matches: list
    name: str
    remarks: list


def find_layout(images_dir, masks_dir=None, lenient=False) -> Layout:
    """Find pictures and masks and match them by name; see `load_pairs` for the layouts.

    lenient: leave out pictures and masks without a partner, with a remark. Raises FileNotFoundError or
    NotADirectoryError for a folder that is none, PictureError if nothing matches.
    """
    images = existing_folder(images_dir, "images_dir")
    if masks_dir is None or Path(masks_dir).expanduser().resolve() == images:
        return _one_folder(images, lenient)
    masks = Path(masks_dir).expanduser()
    if masks.is_file() and ending_of(masks) in annotations.ENDINGS:
        matches, remarks = with_annotations(files_of(images, ENDINGS).keyed, {masks.stem: masks.resolve()}, lenient)
        return Layout(matches, "one annotation file", remarks)
    masks = existing_folder(masks_dir, "masks_dir")
    return _two_folders(images, masks, lenient)


def existing_folder(folder, name: str) -> Path:
    """Return a folder as an absolute path; `~` is home. Raises if there is none, with the nearest name."""
    folder = Path(folder).expanduser()
    if not folder.exists():
        others = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        near = difflib.get_close_matches(folder.name, others, 1)
        hint = f" Did you mean {printable(folder.parent / near[0])}?" if near else ""
        raise FileNotFoundError(f"{name}: there is no folder {folder}.{hint} Paths count from {Path.cwd()}.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{name}: {folder} is a file. Give the folder that holds the pictures.")
    if not may_open(folder):
        raise PermissionError(f"{name}: the system does not let you look into {folder}. Ask its owner for that.")
    return folder.resolve()


def picture_files(folder) -> dict[str, Path]:
    """Return the pictures of a folder and the folders in it: name without ending to path."""
    folder = existing_folder(folder, "folder")
    found = files_of(folder, ENDINGS)
    if not found.keyed:
        raise _no_pictures(folder, found.others)
    return found.keyed


def check_page_names(key: str, path, pages: int, pictures) -> None:
    """Raise PictureError if a page of a picture would have the name of another one of `pictures` `{name: path}`."""
    for i in range(1, pages + 1) if pages > 1 else ():
        if (name := page_name(key, i)) in pictures:
            raise PictureError(
                f"{path.name}: its {pages} pages are named {page_name(key, 1)} and so on, and {pictures[name].name} "
                "has one of these names. Rename one of the files."
            )


def _no_pictures(folder, others):
    if unread := _unread(others):
        return PictureError(f"the folder {folder} holds no picture. {unread}")
    several = f"{len(others)} other files, such as " if len(others) > 1 else ""
    held = f"It holds {several}{others[0]}." if others else "It is empty."
    return PictureError(
        f"the folder {folder} holds no picture ({', '.join(ENDINGS)}). {held} Export your pictures as PNG or TIFF."
    )


def _unread(others):
    """Return what to do with files that may hold outlines and are not read, or nothing."""
    found = next((name for name in others if name.lower().endswith((".txt", ".xml"))), "")
    return found and (
        f"If {found} holds outlines, as of YOLO, VOC or CVAT: they are not read here. Export them as masks (PNG), "
        "COCO or labelme."
    )


def _left_out(folder, others):
    files = "1 file" if len(others) == 1 else f"{len(others)} files"
    verb = "is" if len(others) == 1 else "are"
    return [f"{files} in {folder.name} {verb} not used, such as {others[0]}."] if others else []


def _without_cellpose(keyed):
    """Return files without what Cellpose writes beside its masks, such as a_seg.npy and a_flows, and a remark on it."""
    double = {k for k, path in keyed.items() if k.endswith("_seg") and f"{k[:-4]}_cp_masks" in keyed
              and ending_of(path) == ".npy"}
    others = {k: re.sub(r"(_cp)?_(flows|outlines|output)$", "", k) for k in keyed}
    double |= {k for k, bare in others.items() if k != bare and {f"{bare}_cp_masks", f"{bare}_masks"} & {*keyed}}
    name = keyed[min(double)].name if double else ""
    said = [f"{len(double)} files of Cellpose are not used ({name}): its masks are taken."] if double else []
    double |= {k for k in keyed if k.endswith("label_viz") and k.removesuffix("_viz") in keyed}  # as labelme shows it
    return {k: path for k, path in keyed.items() if k not in double}, said


def _two_folders(images_dir, masks_dir, lenient):
    images = files_of(images_dir, ENDINGS, masks_dir if masks_dir.is_relative_to(images_dir) else None)
    inside = images_dir if images_dir.is_relative_to(masks_dir) else None
    masks = files_of(masks_dir, ENDINGS, inside)
    if not masks.keyed and images.keyed:
        drawn = files_of(masks_dir, annotations.ENDINGS, inside)
        if drawn.keyed:
            remarks = _left_out(images_dir, images.others) + _left_out(masks_dir, drawn.others)
            matches, said = with_annotations(images.keyed, drawn.keyed, lenient)
            return Layout(matches, "pictures and annotation files", remarks + said)
    for folder, found in ((images_dir, images), (masks_dir, masks)):
        if not found.keyed:
            raise _no_pictures(folder, found.others)
    remarks = _left_out(images_dir, images.others) + _left_out(masks_dir, masks.others)
    marks, said = _without_cellpose(masks.keyed)
    grouped, left_out = _one_file_an_object(images.keyed, marks, lenient)
    if grouped:
        name = "a folder of masks for each picture, one file an object"
        return Layout(grouped, name, remarks + said + left_out)
    matches, left_out = matched(images.keyed, marks, images_dir.name, masks_dir.name, lenient)
    return Layout(matches, "two folders", remarks + said + left_out)


def _one_folder(folder, lenient):
    if nested := _folder_a_picture(folder):
        return nested
    if alone := only_folder(folder):
        return _one_folder(alone, lenient)
    if inner := _inner_folders(folder, lenient):
        return inner
    found = files_of(folder, ENDINGS)
    if not found.keyed:
        raise _no_pictures(folder, found.others)
    keyed, remarks = _without_cellpose(found.keyed)
    check_twins(folder, keyed)
    marks = masks_among(keyed)
    marked = {k: p for k, p in keyed.items() if k in marks}
    images = {k: p for k, p in keyed.items() if k not in marks}
    drawn = {} if marked else files_of(folder, annotations.ENDINGS).keyed
    nothing = ""
    if drawn:
        try:
            matches, said = with_annotations(images, drawn, lenient)
            return Layout(matches, "annotation files beside the pictures", remarks + said)
        except NotAnnotationsError as error:
            if len(drawn) == 1 and bare_name(next(iter(drawn))) in {bare_name(key) for key in images}:
                raise
            nothing = f"\nOther files there are no annotations either: {error}"
    if not marked:
        called = called_masks(keyed)
        marks = called if by_whole_words([k for k in keyed if k not in called], called) else masks_by_folder(keyed)
        marked, images = ({k: p for k, p in keyed.items() if (k in marks) is which} for which in (True, False))
    if not marked or not images:
        kind, error = ("mask", NoMasksError) if images else ("picture", PictureError)
        unread = "\n" + _unread(found.others) if images and _unread(found.others) else ""
        raise error(
            f"images and masks both come from {folder}, and no file there can be told to be a {kind}. Put the masks "
            f"into a folder of their own, or name them like cell1_mask.png beside cell1.png."
            f"{with_the_same_names(folder, keyed)}{nothing}{unread}"
        )
    tops = [{key.partition("/")[0] if "/" in key else "" for key in keys} for keys in (images, marked)]
    if all(len(top) == 1 and any(top) for top in tops) and tops[0] != tops[1]:
        ours, theirs = (top.pop() for top in tops)
        if of_one_set(ours, theirs):  # one folder each, whatever their names
            layout = _two_folders(folder / ours, folder / theirs, lenient)
            said = [f"the pictures are those of {printable(ours)}, and the masks those of {printable(theirs)}."]
            return layout._replace(remarks=[*layout.remarks, *said])
    matches, said = matched(images, marked, folder.name, folder.name, lenient)
    remarks = _left_out(folder, found.others) + remarks + said
    return Layout(matches, "pictures and masks in one folder", remarks)


def _inner_folders(folder, lenient):
    """Return the layout of folders such as images and masks, or train and train_masks, or None if there are none."""
    inner = {unicodedata.normalize("NFC", path.name): path for path in sorted(folder.iterdir()) if path.is_dir()}
    held = {name: _holds(path, ENDINGS) for name, path in inner.items()}
    image_folders = [name for name in inner if IMAGE_FOLDERS.match(name)]
    mask_folders = [name for name in inner if MASK_FOLDERS.match(name)]
    drawn = [name for name in mask_folders if not held[name] and _holds(inner[name], annotations.ENDINGS)]
    full = [name for name in mask_folders if held[name]] or drawn
    seen = [name for name in image_folders if held[name]]
    if len(seen) > 1 and len(full) == 1 and full != drawn:
        marked = {bare_name(key) for key in files_of(inner[full[0]], ENDINGS).keyed}
        seen = [n for n in seen if marked & {bare_name(key) for key in files_of(inner[n], ENDINGS).keyed}] or seen[:1]
        image_folders = seen
    if len(seen) > 1 and len(full) == 1:
        raise PictureError(
            f"the folder {folder} holds {len(seen)} folders of pictures: {', '.join(map(printable, seen))}. Give the "
            f"folders that you mean, as images_dir and masks_dir, such as {printable(folder / seen[0])} and "
            f"{printable(folder / full[0])}."
        )
    if image_folders and len(full) > 1:
        shown = f"{printable(folder / image_folders[0])} and {printable(folder / full[0])}"
        raise PictureError(
            f"the folder {folder} holds {len(full)} folders of masks: {', '.join(map(printable, full))}. Give the "
            f"folders that you mean, as images_dir and masks_dir, such as {shown}."
        )
    if image_folders and mask_folders:
        chosen = image_folders[0], (full or mask_folders)[0]
        layout = _two_folders(*(inner[name] for name in chosen), lenient)
        others = [printable(name) for name in inner if (held[name] or name in drawn) and name not in chosen]
        said = [f"the folders beside {chosen[0]} and {chosen[1]} are not used: {', '.join(others)}."] if others else []
        return layout._replace(remarks=[*layout.remarks, *said])
    groups = {}
    for name in inner:
        if held[name]:
            apart = reduce(lambda told, rule: rule[0].sub(rule[1], told), _GLUED, name)
            groups.setdefault(bare_name(apart), ([], []))[is_mask(apart)].append(name)
    groups = [(ours[0], theirs[0]) for ours, theirs in groups.values() if len(ours) == len(theirs) == 1]
    if not groups:
        return None
    others = [printable(name) for name in inner if held[name] and not any(name in group for group in groups)]
    said = [f"folders without a folder of masks are not used: {', '.join(others)}."] if others else []
    if len(groups) == 1:
        layout = _two_folders(*(inner[name] for name in groups[0]), lenient)
        return layout._replace(remarks=[*layout.remarks, *said])
    images = {f"{ours}/{k}": p for ours, _ in groups for k, p in files_of(inner[ours], ENDINGS).keyed.items()}
    masks = {f"{ours}/{k}": p for ours, theirs in groups for k, p in files_of(inner[theirs], ENDINGS).keyed.items()}
    matches, more = matched(images, masks, folder.name, folder.name, lenient)
    return Layout(matches, "folders of pictures, each with a folder of masks", said + more)


def _holds(folder, endings):
    return any(ending_of(path) in endings and not path.name.startswith(".") for path in everything_in(folder))


def _folder_a_picture(folder):
    """Return the layout of folders that hold images with one picture and masks with one file an object, or None."""
    def within(pattern):
        found = [path for path in sorted(folder.glob("*/*")) if path.is_dir() and pattern.match(path.name)]
        usual = sorted(found, key=lambda path: path.name in ("images", "masks"))  # of several, these are meant
        return {path.parent: files_of(path, ENDINGS).keyed for path in usual}

    images = within(IMAGE_FOLDERS)
    masks = {place: held for place, held in within(MASK_FOLDERS).items() if place in images}
    if not masks or any(len(images[place]) != 1 for place in masks):
        return None
    if all([*map(bare_name, images[place])] == [*map(bare_name, held)] for place, held in masks.items()):
        return None  # sets such as train, each with one picture and its mask
    matches = [Match(place.name, *images[place].values(), tuple(held.values())) for place, held in masks.items()]
    without = [printable(place.name) for place in images if place not in masks]
    said = [f"{len(without)} folders without masks are left out, such as {without[0]}."] if without else []
    return Layout(matches, "a folder for each picture, one mask file an object", said)


def _one_file_an_object(images, masks, lenient):
    """Return matches if every mask lies in a folder that is named like a picture, otherwise None; and remarks."""
    groups = {}
    for key, path in masks.items():
        groups.setdefault(key.rpartition("/")[0], []).append(path)
    if set(groups) and set(groups) <= set(images) and not set(masks) & set(images):
        missing = [f"{images[k].name} has no folder of masks" for k in sorted(set(images) - set(groups))]
        if missing and not lenient:
            raise without_partner(missing)
        found = [Match(key, images[key], tuple(groups[key])) for key in sorted(groups)]
        return found, left_out(missing)
    return None, []
