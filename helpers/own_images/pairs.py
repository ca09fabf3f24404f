"""Pictures and their masks from any layout of folders as arrays, and the table of what was read."""

import warnings
from typing import NamedTuple

import numpy as np

from helpers.freed_memory import Gaps
from helpers.own_images.annotated import merged, numbered, of_labels
from helpers.own_images.asking import answered, raise_all
from helpers.own_images.channels import a_range_is_needed, gray_page
from helpers.own_images.files import MAX_TOTAL, PictureError, ending_of, page_name, read_picture
from helpers.own_images.layouts import check_page_names, find_layout
from helpers.own_images.mask_codes import Codes, codes_of, color_numbers
from helpers.own_images.mask_suspicions import check_asked, look_at, object_hints, suspicions
from helpers.own_images.masks import (
    check_class_settings, check_one_palette, classes_in, folder_facts, foreground_of,
)
from helpers.own_images.medical import placed_like
from helpers.own_images.names import number_order
from helpers.own_images.outlines import cleared_gap, filled_to_the_border
from helpers.own_images.palettes import is_lossy, is_planar, palette_numbers
from helpers.own_images.picture_kinds import SeenPicture, check_colors, cut_warnings, picture_hints, white_number
from helpers.own_images.splits import groups_of, look_like_slices


class PairRecord(NamedTuple):
    """One row of the table of what was read."""

    name: str
    height: int
    width: int
    image: str
    mask: str
    foreground: float
    remark: str
    values: tuple = (0, 0)


class Pairs(tuple):
    """`(images, masks)`, and what is known of them: `names`, `records` (one row a pair), `layout` and `remarks`.

    labels: for each picture the numbers of its objects, `[h, w]` uint16 or int32, where its mask has them, else None.
    white: the number that was white in all files, such as 255, where their bits say so, else None.

    images, masks: arrays `[n, h, w, 1]` float32 in 0..1 and uint8 in {0, 1} if all pictures have one size, otherwise
    lists of `[h, w, 1]`. The pair unpacks like any other: `images, masks = pairs`.
    """

    def __new__(cls, images, masks, records, remarks=(), layout="", labels=None, white=None):
        """Stack the pictures if their sizes allow it, and keep the rest beside them. The lists are emptied."""
        if len({image.shape for image in images}) == 1:
            images, masks = _stacked(images), _stacked(masks)
        pairs = super().__new__(cls, (images, masks))
        pairs.records, pairs.remarks, pairs.layout = list(records), list(remarks), layout
        pairs.labels, pairs.white = list(labels) if labels else [None] * len(pairs.records), white
        return pairs

    images = property(lambda self: self[0])
    masks = property(lambda self: self[1])
    names = property(lambda self: [record.name for record in self.records])

    def table(self, rows: int = 12) -> str:
        """Return the table of what was read as text: the first rows, and all remarks below them."""
        width = max(len(record.name) for record in self.records)
        lines = [f"Layout: {self.layout}"] if self.layout else []
        lines.append(f"{'name':<{width}}  {'size':<11}{'picture':<22}{'values':<14}{'mask':<24}foreground")
        for r in self.records[:rows]:
            note = f"  {r.remark}" if r.remark else ""
            size, values = f"{r.width}x{r.height}", f"{r.values[0]:.4g}..{r.values[1]:.4g}"
            lines.append(
                f"{r.name:<{width}}  {size:<11}{r.image:<22}{values:<14}{r.mask:<24}{r.foreground:>6.1%}{note}"
            )
        if len(self.records) > rows:
            lines.append(f"... and {len(self.records) - rows} more")
        return "\n".join([*lines, *(f"Note: {remark}" for remark in self.remarks)])


def _stacked(arrays):
    """Stack arrays of one shape and let go of each, so that the memory never holds all of them twice."""
    gaps, stack = Gaps(), np.empty((len(arrays), *arrays[0].shape), arrays[0].dtype)
    for i in range(len(arrays)):
        stack[i], arrays[i] = arrays[i], None
        gaps.grown(stack[i].nbytes)
    return stack


def load_pairs(
    images_dir, masks_dir=None, foreground=None, value_range=None, channel=None, invert=False, gap=False, fill=False,
    limit=None, classes=None,
) -> Pairs:
    """Load pictures and their masks, matched by name; returns `Pairs`, that is `(images, masks)`.

    Layouts: two folders; one folder with names such as cell1_mask.png, mask_1.png or cell1_cp_masks.png; a folder with
    inner folders images and masks, or of other names if one holds all masks; a folder for each picture, with one mask
    or with one mask file an object; annotations of labelme, COCO, GeoJSON or ImageJ in place of masks; nnU-Net's names;
    two stacks called images and masks, or X_train and y_train. Pages of a file become pictures of their own. Folders
    around pictures may differ from those around masks if names are unique and what both folders are called agrees.

    Masks may be 0/1, 0/255, black and a color, or numbered objects. foreground: which of a mask's values count, where
    that is unclear: a number, a color (red, green, blue), a list of these, "nonzero", "half" (of white) or "above
    127"; for annotations, a label such as "cell". value_range, channel: as in `to_gray`. invert: swap foreground and
    background of all masks. gap: clear a line between touching numbered objects. fill: fill closed outlines. classes:
    how many classes, background included, the numbers of the masks stand for (255: unmarked); the masks then hold these
    numbers. limit: the most pictures to load, evenly spread.

    Raises FileNotFoundError or NotADirectoryError for a folder that is none, PictureError for everything else, with one
    line for each kind of fault. Warns of masks that are all empty, full or outlines, or look inverted. No file is
    changed.
    """
    if classes is not None:
        check_class_settings(foreground=foreground, invert=invert, gap=gap, fill=fill)
    layout = find_layout(images_dir, masks_dir)
    in_order = [layout.matches[i] for i in number_order(match.key for match in layout.matches)]
    matches, left_out = of_labels(in_order, foreground, classes)
    if limit is not None:
        if limit < 1:
            raise PictureError(f"limit is {limit}; expected at least 1, or None for all.")
        chosen = np.linspace(0, len(matches) - 1, min(limit, len(matches))).astype(int)
        matches = [matches[i] for i in np.unique(chosen)]
    read, problems = _read_all(matches, value_range, channel, foreground)
    gaps = Gaps()
    seen = [page.seen for page in read]
    facts = folder_facts([page.mask for page in read])
    check_asked([page.mask for page in read], foreground, facts)
    if classes:
        check_one_palette([page.mask for page in read], classes)
    images, masks, records, labels, looks = [], [], [], [], []
    for i, page in enumerate(read):
        read[i], mask, opened = None, page.mask, 0
        try:
            inside, held = classes_in(mask, classes) if classes else foreground_of(mask, foreground, facts)
        except PictureError as error:
            problems.append((page.name, error))
            continue
        if gap and held.endswith("objects"):
            inside = cleared_gap(mask.codes, inside)
        if fill:
            inside, opened = filled_to_the_border(inside)
        inside = inside if classes else inside ^ bool(invert)
        images.append(page.image)
        labels.append(_objects_of(mask, held, inside, invert))
        masks.append(inside.astype(np.uint8)[..., None])
        gaps.grown(page.image.nbytes)
        looks.append(look_at(page.name, inside, mask, held, foreground, opened))
        records.append(PairRecord(page.name, *inside.shape, page.how, held, looks[-1].share, page.remark, page.values))
    raise_all(answered(problems, {a_range_is_needed: [each.values for each in seen]}), len(matches))
    check_colors(seen)
    said = cut_warnings(seen, value_range) + suspicions(looks)
    for remark in said:
        warnings.warn(remark, stacklevel=2)
    hints = picture_hints(seen, value_range) + object_hints(looks)
    all_of_them = len(matches) == len(layout.matches)
    if all_of_them and len(set(groups_of([record.name for record in records]))) > 1 and look_like_slices(images):
        hints.append(
            "neighboring pictures look alike, as the slices of one stack do. If they are, give all of them the same "
            "source, because a random split would put neighbors into different sets."
        )
    if len(matches) < len(layout.matches):
        hints.append(f"{len(matches)} of {len(layout.matches)} pictures were loaded, because limit is {limit}.")
    white = _white_of(records) if value_range is None else None
    return Pairs(images, masks, records, layout.remarks + left_out + hints + said, layout.name, labels, white)


def _read_all(matches, value_range, channel, foreground):
    """Return the pages of all pairs, and the names of the files that cannot be used, with their errors."""
    gaps, read, problems, total, names = Gaps(), [], [], 0, {match.key: match.image for match in matches}
    for match in matches:
        try:
            pages = read_pair(match, value_range, channel, foreground)
            check_page_names(match.key, match.image, len(pages), names)
        except PictureError as error:
            problems.append((match.image.name, error))
            continue
        total += sum(page.image.size for page in pages)
        if total > MAX_TOTAL:
            raise PictureError(
                f"the pictures up to {match.image.name} hold {total:,} pixels, more than fit in memory together. Load "
                "fewer with limit=."
            )
        read += pages
        gaps.grown(sum(page.image.nbytes for page in pages))
    return read, problems


def _objects_of(mask, held, inside, invert):
    """Return the numbers of a mask's objects, or None if it does not number any."""
    if not held.endswith("objects") or invert:
        return None
    if mask.color:
        codes = color_numbers(mask.codes) if mask.palette is None else mask.palette[0]
        numbers = np.zeros(inside.shape, np.int32)
        numbers[inside] = np.unique(codes[inside], return_inverse=True)[1] + 1
        return numbers if numbers.max(initial=0) > 65535 else numbers.astype(np.uint16)
    kind = np.uint16 if mask.values[-1] <= 65535 else np.int32
    return np.where(inside, mask.codes, 0).astype(kind)


def _white_of(records):
    """Return white of all files alike, as `to_gray` took it from their bits, or None."""
    found = {white_number(record.image) for record in records}
    return found.pop() if len(found) == 1 and found != {1} else None


class ReadPage(NamedTuple):
    """One page of a pair: its gray levels, how they were read, its smallest and largest number; its mask's codes."""

    name: str
    image: np.ndarray
    how: str
    mask: Codes
    remark: str
    values: tuple
    cut: tuple

    @property
    def seen(self) -> SeenPicture:
        """What is remembered of the picture."""
        return SeenPicture(self.name, self.how, self.values, self.cut)


def read_pair(match, value_range, channel, foreground=None) -> list[ReadPage]:
    """Return each page of a pair. Raises PictureError if one file cannot be read, or does not fit the other."""
    image = read_picture(match.image)
    marks, mask_name, lossy, said = _marks_of(match, image, foreground)
    if len(image.pages) != len(marks):
        raise PictureError(
            f"{match.image.name} has {len(image.pages)} pages and its mask {mask_name} has {len(marks)}. "
            "Each page needs its own mask: export both with the same pages."
        )
    palettes = [None] * len(marks) if match.objects is not None or isinstance(match.mask, tuple) else palette_numbers(
        match.mask, marks)
    rows, gaps = [], Gaps()
    for i in range(1, len(marks) + 1):
        several = len(image.pages) > 1
        name, number = (page_name(match.key, i), f", page {i}") if several else (match.key, "")
        where = match.image.name + number
        gray, how, cut, values = gray_page(image.pages[i - 1], where, value_range, channel)
        codes, image.pages[i - 1], marks[i - 1] = marks[i - 1], None, None  # a stack is not held twice
        codes = codes if isinstance(codes, Codes) else codes_of(codes, mask_name + number, lossy, palettes[i - 1])
        if gray.shape[:2] != codes.codes.shape[:2]:
            turned = " One of them is stored turned (EXIF)." if "turned" in image.remark else ""
            raise PictureError(
                f"{where} is {gray.shape[1]}x{gray.shape[0]} pixels and its mask {mask_name} "
                f"{codes.codes.shape[1]}x{codes.codes.shape[0]}.{turned} "
                "Export the mask at the picture's size; if you resize it, use nearest neighbor."
            )
        remark = "; ".join(filter(None, [image.remark, said, codes.remark]))
        rows.append(ReadPage(name, gray, how, codes, remark, values, cut))
        gaps.grown(gray.nbytes)
    return rows


def _marks_of(match, image, foreground):
    """Return the pages of a mask, however it is stored, its name, whether JPEG blurred it, and a remark."""
    shape = image.pages[0].shape[:2]
    if match.objects is not None:
        if len(image.pages) > 1:
            raise PictureError(
                f"{match.image.name} has {len(image.pages)} pages, and the objects in {match.mask.name} do not say to "
                "which page they belong. Save each page as a file of its own, with its objects."
            )
        labels = numbered(match, *shape, "turned" in image.remark)
        return [_numbered(labels, match.mask.name)], match.mask.name, False, ""
    if isinstance(match.mask, tuple):
        name = f"masks of {match.key}"
        return [_numbered(merged(match, shape, foreground), name)], name, False, ""
    pages, said = read_picture(match.mask).pages, ""
    if len(pages) == 1 and pages[0].ndim == 3 and (pages[0] != pages[0][..., :1]).any() and is_planar(match.mask):
        raise PictureError(
            f"{match.mask.name}: stores red, green and blue as three planes, as a stack of three slices is saved by "
            "mistake. Save slices with tifffile.imwrite(..., photometric='minisblack'), picture and mask alike, and a "
            "colored mask as PNG."
        )
    if ending_of(match.image).startswith(".nii") and ending_of(match.mask).startswith(".nii"):
        pages, said = placed_like(match.image, match.mask, pages)
    return pages, match.mask.name, is_lossy(match.mask), said


def _numbered(labels, name):
    values, counts = np.unique(labels, return_counts=True)
    count = len(values) - (values[0] == 0)
    return Codes(labels, values, counts, False, name, f"{count} objects")
