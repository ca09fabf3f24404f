"""Two folders of pictures and masks, matched by name, and the table of what was read."""

import difflib
import re
import unicodedata
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.own_images.files import MAX_TOTAL, PictureError, read_picture, to_gray
from helpers.own_images.masks import cleared_gap, codes_of, foreground_of, labels_like_objects

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")


class PairRecord(NamedTuple):
    """One row of the table of what was read."""

    name: str
    height: int
    width: int
    image: str
    mask: str
    foreground: float
    remark: str


class Pairs(tuple):
    """`(images, masks)`, and what is known of them: `names`, `records` (one row a pair) and `remarks`.

    images, masks: arrays `[n, h, w, 1]` float32 in 0..1 and uint8 in {0, 1} if all pictures have one size, otherwise
    lists of `[h, w, 1]`. The pair unpacks like any other: `images, masks = pairs`.
    """

    def __new__(cls, images, masks, records, remarks=()):
        """Stack the pictures if their sizes allow it, and keep the rest beside them."""
        if len({image.shape for image in images}) == 1:
            images, masks = np.stack(images), np.stack(masks)
        pairs = super().__new__(cls, (images, masks))
        pairs.records, pairs.remarks = list(records), list(remarks)
        return pairs

    images = property(lambda self: self[0])
    masks = property(lambda self: self[1])
    names = property(lambda self: [record.name for record in self.records])

    def table(self, most: int = 12) -> str:
        """Return the table of what was read as text, at most so many rows, with all remarks below it."""
        width = max(len(record.name) for record in self.records)
        lines = [f"{'name':<{width}}  {'size':<11}{'picture':<22}{'mask':<24}foreground"]
        for r in self.records[:most]:
            note = f"  {r.remark}" if r.remark else ""
            size = f"{r.width}x{r.height}"
            lines.append(f"{r.name:<{width}}  {size:<11}{r.image:<22}{r.mask:<24}{r.foreground:>6.1%}{note}")
        if len(self.records) > most:
            lines.append(f"... and {len(self.records) - most} more")
        return "\n".join([*lines, *(f"Note: {remark}" for remark in self.remarks)])


def load_pairs(
    images_dir, masks_dir, foreground=None, value_range=None, channel=None, invert=False, gap=False, limit=None
) -> Pairs:
    """Load pictures and their masks from two folders, matched by name; returns `Pairs`, that is `(images, masks)`.

    Names match without their ending; endings of the name such as "_mask" or "-labels" are ignored, and folders inside
    count as part of it. Pages of a TIFF become pictures of their own. Masks may be 0/1, 0/255, black and a color, or
    numbered objects. foreground: which of a mask's values count, where that is unclear: a number, a color
    (red, green, blue), a list, "nonzero" or "half". value_range, channel: as in `to_gray`. invert: swap foreground and
    background of all masks. gap: clear a line between touching numbered objects. limit: load so many, evenly spread.

    Raises FileNotFoundError or NotADirectoryError for a folder that is none, PictureError for everything else, naming
    up to ten files and their remedies. Warns of masks that look inverted. No file is changed.
    """
    folders = [_folder(images_dir, "images_dir"), _folder(masks_dir, "masks_dir")]
    if folders[0] == folders[1]:
        raise PictureError(
            f"images and masks are both to come from {folders[0]}. Put the masks into a folder of their own."
        )
    remarks = []
    pairs = _match(*(_find(folder, remarks) for folder in folders), *folders)
    if limit is not None:
        if limit < 1:
            raise PictureError(f"limit is {limit}; expected at least 1, or None for all.")
        pairs = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, min(limit, len(pairs))).astype(int))]
    read, problems, total = [], [], 0
    for key, image_path, mask_path in pairs:
        try:
            pages = _read_pair(key, image_path, mask_path, value_range, channel)
        except PictureError as error:
            problems.append(str(error))
            continue
        total += sum(page[1].size for page in pages)
        if total > MAX_TOTAL:
            raise PictureError(
                f"the pictures up to {image_path.name} hold {total:,} pixels, more than fit in memory together. Load "
                "fewer with limit=."
            )
        read += pages
    _raise_all(problems, len(pairs))
    several = any(len(m.values) > 3 and not m.lossy and labels_like_objects(m) for *_, m, _ in read)
    images, masks, records = [], [], []
    for name, image, how, mask, remark in read:
        try:
            inside, held = foreground_of(mask, foreground, several)
        except PictureError as error:
            problems.append(str(error))
            continue
        if gap and held.endswith("labeled objects"):
            inside = cleared_gap(mask.codes, inside)
        inside = inside ^ bool(invert)
        images.append(image)
        masks.append(inside.astype(np.uint8)[..., None])
        records.append(PairRecord(name, *inside.shape, how, held, float(inside.mean()), remark))
    _raise_all(problems, len(pairs))
    remarks += _inverted(records)
    for remark in remarks:
        if "inverted" in remark:
            warnings.warn(remark, stacklevel=2)
    return Pairs(images, masks, records, remarks)


def _folder(folder, name):
    folder = Path(folder).expanduser()
    if not folder.exists():
        others = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
        near = difflib.get_close_matches(folder.name, others, 1)
        hint = f" Did you mean {folder.parent / near[0]}?" if near else ""
        raise FileNotFoundError(f"{name}: there is no folder {folder}.{hint} Paths count from {Path.cwd()}.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{name}: {folder} is a file. Give the folder that holds the pictures.")
    return folder.resolve()


def _find(folder, remarks):
    """Return the picture files of a folder and the folders in it, name without ending to path."""
    found, others = {}, []
    for path in sorted(folder.rglob("*")):
        if path.name.startswith((".", "~")) or path.name in ("Thumbs.db", "desktop.ini", "__MACOSX"):
            continue
        if path.is_symlink():
            target = path.resolve()
            if not target.is_relative_to(folder):
                raise PictureError(
                    f"{path.name}: is a link to {target}, out of the folder {folder}. Copy the file itself into the "
                    "folder."
                )
            if not target.exists():
                raise PictureError(
                    f"{path.name}: is a link to a file that is not there. Copy the file itself into the folder."
                )
        if path.is_dir():
            continue
        if path.suffix.lower() not in ENDINGS:
            others.append(path.name)
            continue
        key = unicodedata.normalize("NFC", path.relative_to(folder).with_suffix("").as_posix())
        if key in found:
            raise PictureError(
                f"{path.name}: there is also {found[key].name} in {folder}, and both have the name {key!r}. Keep one "
                "of them."
            )
        found[key] = path
    if not found:
        held = f"It holds {len(others)} other files, such as {others[0]}." if others else "It is empty."
        raise PictureError(
            f"the folder {folder} holds no picture ({', '.join(ENDINGS)}). {held} Export your pictures as PNG or TIFF."
        )
    if others:
        remarks.append(f"{len(others)} files in {folder.name} are no pictures and were left out, such as {others[0]}.")
    return found


_ROLE = re.compile(
    r"[\s_.-]*(masks?|labels?|seg|segmentation|gt|groundtruth|truth|annotations?|manual1?|volume|images?|img|raw)$",
    re.IGNORECASE,
)


def _bare_name(key):
    folder, _, name = key.rpartition("/")
    bare = _ROLE.sub("", name)
    return f"{folder}/{bare or name}".lower()


def _match(images, masks, images_dir, masks_dir):
    """Return `(key, image path, mask path)` for each pair, or raise, naming those without a partner."""
    pairs = [(key, images[key], masks[key]) for key in images if key in masks]
    rest_images = {key: path for key, path in images.items() if key not in masks}
    rest_masks = {key: path for key, path in masks.items() if key not in images}
    by_bare = {}
    for role, rest in enumerate((rest_images, rest_masks)):
        for key in rest:
            by_bare.setdefault(_bare_name(key), ([], []))[role].append(key)
    for ours, theirs in by_bare.values():
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], rest_images.pop(ours[0]), rest_masks.pop(theirs[0])))
    missing = []
    for rest, here, there, what, candidates in (
        (rest_images, images_dir, masks_dir, "mask", masks), (rest_masks, masks_dir, images_dir, "image", images)
    ):
        for key, path in rest.items():
            near = difflib.get_close_matches(key, list(candidates), 1, 0.8)
            hint = f" (the nearest name there is {candidates[near[0]].name})" if near else ""
            missing.append(f"{here.name}/{path.name} has no {what} in {there.name}{hint}")
    if missing:
        more = f"\n  ... and {len(missing) - 10} more" if len(missing) > 10 else ""
        raise PictureError(
            "pictures without a partner:\n  " + "\n  ".join(missing[:10]) + more
            + "\nA picture and its mask share a name, such as cell1.tif and cell1.png. Rename them, or move odd ones away."
        )
    return sorted(pairs)


def _read_pair(key, image_path, mask_path, value_range, channel):
    """Return one row `(name, image, how it was read, mask's codes, remark)` for each page of a pair."""
    image, mask = read_picture(image_path), read_picture(mask_path)
    if len(image.pages) != len(mask.pages):
        raise PictureError(
            f"{image_path.name} has {len(image.pages)} pages and its mask {mask_path.name} has {len(mask.pages)}. "
            "Each page needs its own mask: export both with the same pages."
        )
    rows = []
    for i, (page, marks) in enumerate(zip(image.pages, mask.pages), 1):
        name, page_number = (f"{key}_p{i:03d}", f", page {i}") if len(image.pages) > 1 else (key, "")
        where = image_path.name + page_number
        gray, how = to_gray(page, where, value_range, channel)
        if gray.shape[:2] != marks.shape[:2]:
            turned = " One of them is stored turned (EXIF)." if "EXIF" in image.remark + mask.remark else ""
            raise PictureError(
                f"{where} is {gray.shape[1]}x{gray.shape[0]} pixels and its mask {mask_path.name} "
                f"{marks.shape[1]}x{marks.shape[0]}.{turned} "
                "Export the mask at the picture's size; if you resize it, use nearest neighbor."
            )
        lossy = mask_path.suffix.lower() in (".jpg", ".jpeg")
        rows.append((name, gray, how, codes_of(marks, mask_path.name + page_number, lossy), image.remark))
    return rows


def _raise_all(problems, count):
    if problems:
        more = f"\n  ... and {len(problems) - 10} more" if len(problems) > 10 else ""
        first = f"{len(problems)} of {count} pairs cannot be used; nothing was changed.\n  "
        raise PictureError(first + "\n  ".join(problems[:10]) + more)


def _inverted(records):
    high = [record for record in records if record.foreground > 0.5]
    if not high:
        return []
    names = ", ".join(record.name for record in high[:5]) + (" ..." if len(high) > 5 else "")
    if len(high) == len(records):
        return [
            f"all masks have more foreground than background and look inverted: {names}. "
            "If you look for the dark part, pass invert=True."
        ]
    return [
        f"{len(high)} of {len(records)} masks look inverted (more foreground than background): {names}. "
        "Look at them; swap black and white in those files."
    ]
