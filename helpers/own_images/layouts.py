"""How pictures and masks lie in folders: find them, match them by name, and name the layout."""

import difflib
import unicodedata
from pathlib import Path
from typing import NamedTuple

from helpers.gate import printable
from helpers.own_images import annotations
from helpers.own_images.annotations import read_annotations
from helpers.own_images.files import ENDINGS, PictureError, ending_of
from helpers.own_images.names import (
    IMAGE_FOLDERS, MASK_FOLDERS, bare_name, is_mask, without_channel, without_number, without_word,
)
from helpers.own_images.walking import check_link, check_name, everything_in

_SKIPPED = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")
_SHOWN = 10  # pictures without a partner; of more there is a count


class Match(NamedTuple):
    """One picture and what marks its objects: a mask file, a tuple of files with one object each, or polygons."""

    key: str
    image: Path
    mask: Path | tuple
    objects: list | None = None


class Layout(NamedTuple):
    """The matches found, the name of the layout, and remarks on what was left out."""

    matches: list
    name: str
    remarks: list


def find_layout(images_dir, masks_dir=None) -> Layout:
    """Find pictures and masks and match them by name; see `load_pairs` for the layouts.

    Raises FileNotFoundError or NotADirectoryError for a folder that is none, PictureError if nothing matches.
    """
    images = existing_folder(images_dir, "images_dir")
    if masks_dir is None or Path(masks_dir).expanduser().resolve() == images:
        return _one_folder(images)
    masks = Path(masks_dir).expanduser()
    if masks.is_file() and ending_of(masks) in annotations.ENDINGS:
        found, remarks = _files(images, ENDINGS), []
        matches = _with_annotations(found.keyed, {masks.stem: masks.resolve()})
        return Layout(matches, "one annotation file", remarks)
    masks = existing_folder(masks_dir, "masks_dir")
    return _two_folders(images, masks)


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
    return folder.resolve()


def picture_files(folder) -> dict[str, Path]:
    """Return the pictures of a folder and the folders in it: name without ending to path."""
    folder = existing_folder(folder, "folder")
    found = _files(folder, ENDINGS)
    if not found.keyed:
        raise _no_pictures(folder, found.others)
    return found.keyed


class _Found(NamedTuple):
    keyed: dict
    others: list


def _files(folder, endings, without=None):
    """Return the files of a folder and the folders in it: name without ending to path, and the others' names."""
    keyed, others = {}, []
    for path in sorted(everything_in(folder)):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "~")) or part.lower() in _SKIPPED for part in parts):
            continue
        if without is not None and path.is_relative_to(without):
            continue
        if path.is_symlink() and (ending_of(path) in endings or path.is_dir()):
            check_link(path, folder)
        if path.is_dir():
            continue
        if ending_of(path) not in endings:
            others.append(printable(path.name))
            continue
        check_name(path, folder)
        bare = path.relative_to(folder).as_posix()[: -len(ending_of(path))]
        key = unicodedata.normalize("NFC", bare)
        if key in keyed:
            raise PictureError(
                f"{path.name}: there is also {keyed[key].name} in {folder}, and both have the name {key!r}. Keep one "
                "of them."
            )
        keyed[key] = path
    return _Found(keyed, others)


def _no_pictures(folder, others):
    if unread := [name for name in others if name.lower().endswith((".txt", ".xml"))]:
        return PictureError(
            f"the folder {folder} holds no picture. If {unread[0]} holds outlines, as of YOLO, VOC or CVAT: they "
            "are not read here. Export them as masks (PNG), COCO or labelme."
        )
    held = f"It holds {len(others)} other files, such as {others[0]}." if others else "It is empty."
    return PictureError(
        f"the folder {folder} holds no picture ({', '.join(ENDINGS)}). {held} Export your pictures as PNG or TIFF."
    )


def _left_out(folder, others):
    files = "1 file" if len(others) == 1 else f"{len(others)} files"
    verb = "is" if len(others) == 1 else "are"
    return [f"{files} in {folder.name} {verb} not used, such as {others[0]}."] if others else []


def _two_folders(images_dir, masks_dir):
    images = _files(images_dir, ENDINGS, masks_dir if masks_dir.is_relative_to(images_dir) else None)
    inside = images_dir if images_dir.is_relative_to(masks_dir) else None
    masks = _files(masks_dir, ENDINGS, inside)
    if not masks.keyed and images.keyed:
        drawn = _files(masks_dir, annotations.ENDINGS, inside)
        if drawn.keyed:
            remarks = _left_out(images_dir, images.others) + _left_out(masks_dir, drawn.others)
            return Layout(_with_annotations(images.keyed, drawn.keyed), "pictures and annotation files", remarks)
    for folder, found in ((images_dir, images), (masks_dir, masks)):
        if not found.keyed:
            raise _no_pictures(folder, found.others)
    remarks = _left_out(images_dir, images.others) + _left_out(masks_dir, masks.others)
    grouped = _one_file_an_object(images.keyed, masks.keyed)
    if grouped:
        return Layout(grouped, "a folder of masks for each picture, one file an object", remarks)
    return Layout(match(images.keyed, masks.keyed, images_dir.name, masks_dir.name), "two folders", remarks)


def _one_folder(folder):
    nested = sorted(path.parent for path in folder.glob("*/masks") if (path.parent / "images").is_dir())
    if nested and all(len(_files(place / "images", ENDINGS).keyed) == 1 for place in nested):
        return _folder_a_picture(nested)
    inner = {unicodedata.normalize("NFC", path.name): path for path in sorted(folder.iterdir()) if path.is_dir()}
    for image_folder in (path for name, path in inner.items() if IMAGE_FOLDERS.match(name)):
        mask_folders = [path for name, path in inner.items() if MASK_FOLDERS.match(name)]
        if len(mask_folders) == 1:
            return _two_folders(image_folder, mask_folders[0])
    found = _files(folder, ENDINGS)
    if not found.keyed:
        raise _no_pictures(folder, found.others)
    marked = {k: p for k, p in found.keyed.items() if is_mask(k)}
    images = {k: p for k, p in found.keyed.items() if k not in marked}
    drawn = {} if marked else _files(folder, annotations.ENDINGS).keyed
    if drawn:
        return Layout(_with_annotations(images, drawn), "annotation files beside the pictures", [])
    if not marked or not images:
        kind = "mask" if images else "picture"
        raise PictureError(
            f"images and masks both come from {folder}, and no file there can be told to be a {kind}. Put the masks "
            "into a folder of their own, or name them like cell1_mask.png beside cell1.png."
        )
    matches = match(images, marked, folder.name, folder.name)
    return Layout(matches, "pictures and masks in one folder", _left_out(folder, found.others))


def _folder_a_picture(nested):
    matches = []
    for place in nested:
        images, masks = _files(place / "images", ENDINGS), _files(place / "masks", ENDINGS)
        matches.append(Match(place.name, *images.keyed.values(), tuple(masks.keyed.values())))
    return Layout(matches, "a folder for each picture, one mask file an object", [])


def _one_file_an_object(images, masks):
    """Return matches if every mask lies in a folder that is named like a picture, otherwise None."""
    groups = {}
    for key, path in masks.items():
        groups.setdefault(key.rpartition("/")[0], []).append(path)
    if set(groups) and set(groups) <= set(images) and not set(masks) & set(images):
        missing = sorted(set(images) - set(groups))
        if missing:
            raise _without_partner([f"{images[k].name} has no folder of masks" for k in missing])
        return [Match(key, images[key], tuple(groups[key])) for key in sorted(groups)]
    return None


def _without_partner(missing):
    first = "\n  ".join(["pictures without a partner:", *missing[:_SHOWN]])
    more = f"\n  ... and {len(missing) - _SHOWN} more" if missing[_SHOWN:] else ""
    return PictureError(
        f"{first}{more}\nA picture and its mask share a name, as cell1.tif and cell1.png do. Rename or move others."
    )


def _with_annotations(images, files):
    by_name, matches, missing = {}, [], []
    for key, path in files.items():
        for name, objects in read_annotations(path).items():
            by_name[name or key] = (path, objects)
    bare = {bare_name(name): value for name, value in by_name.items()}
    for key, path in images.items():
        for name in (key, Path(key).name):
            found = by_name.get(name) or bare.get(bare_name(name))
            if found:
                matches.append(Match(key, path, found[0], found[1]))
                break
        else:
            missing.append(f"{path.name} has no annotation")
    if missing:
        raise _without_partner(missing)
    return sorted(matches, key=lambda each: each.key)


def match(images, masks, images_name, masks_name) -> list[Match]:
    """Match pictures and masks `{key: path}` by name, or raise, naming those without a partner."""
    matches = [Match(key, images[key], masks[key]) for key in images if key in masks]
    rest_images = {key: path for key, path in images.items() if key not in masks}
    rest_masks = {key: path for key, path in masks.items() if key not in images}
    numbered, known = {}, {bare_name(key) for key in rest_images}
    for other in rest_masks:
        if without_word(other) == bare_name(other) or without_word(other) not in known:  # else cell_1 has cell_mask_1
            numbered.setdefault(without_number(other), []).append(other)
    for key in list(rest_images):  # cell_mask_1, cell_mask_2: several masks of one picture
        several = [other for other in numbered.get(bare_name(key), ()) if other in rest_masks]
        if len(several) > 1 and any(without_number(other) != bare_name(other) for other in several):
            matches.append(Match(key, rest_images.pop(key), tuple(rest_masks.pop(other) for other in several)))
    for rule in (bare_name, without_word, without_number, without_channel):
        by_name = {}
        for role, rest in enumerate((rest_images, rest_masks)):
            for key in rest:
                by_name.setdefault(rule(key), ([], []))[role].append(key)
        for ours, theirs in by_name.values():
            if len(ours) == len(theirs) == 1:
                matches.append(Match(ours[0], rest_images.pop(ours[0]), rest_masks.pop(theirs[0])))
            elif len(theirs) == 1 and len(ours) > 1 and rule is without_channel:
                raise PictureError(
                    f"{', '.join(rest_images[key].name for key in ours)} are the channels of one picture with the mask "
                    f"{rest_masks[theirs[0]].name}. Keep the files of one channel in the folder, such as _0000."
                )
    missing = []
    for rest, here, there, what, candidates in (
        (rest_images, images_name, masks_name, "mask", masks), (rest_masks, masks_name, images_name, "image", images)
    ):
        for key, path in rest.items():
            near = difflib.get_close_matches(key, [*candidates][:2000], 1, 0.8) if len(missing) < _SHOWN else ()
            hint = f" (the nearest name there is {candidates[near[0]].name})" if near else ""
            missing.append(f"{here}/{path.name} has no {what} in {there}{hint}")
    if missing:
        raise _without_partner(missing)
    return sorted(matches, key=lambda each: each.key)
