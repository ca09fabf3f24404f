"""What file names say: which are masks, and which belong together."""

import re
from functools import lru_cache

# The words of programs and of English, then those of German, French, Spanish and Portuguese, Italian, Dutch, Polish,
# Russian, Chinese and Japanese.
_IMAGE_OTHERS = (
    r"bild(?:er)?|aufnahmen?|im[aá]gen(?:es)?|imagem|imagens|immagin[ei]|afbeelding(?:en)?|obraz(?:y|ek)?|"
    r"изображени[ея]|图像|图片|原图|画像"
)
_MASK_OTHERS = (
    r"masken?|segmentierung(?:en)?|masques?|segmentations?[_-]?manuelles?|étiquettes?|etiquettes?|m[aá]scaras?|"
    r"segmentaci[oó]n(?:es)?|segmentaç(?:ão|ões)|segmentacao|etiquetas?|mascher[ae]|segmentazion[ei]|maskers?|"
    r"segmentatie|mask[aiy]|маск[аи]|разметка|掩码|掩膜|标签|标注|マスク|ラベル"
)
_IMAGE_WORDS = rf"images?|imgs?|im|raw|inputs?|pictures?|training|test|volume|original|leftimg8bit|{_IMAGE_OTHERS}"
_MASK_WORDS = (
    r"cp[_-]masks?|bin[_-]masks?|simple[\s_-]segmentation|object[\s_-]predictions|(?<=-)labell?ed|masks?|labels?|seg|"
    r"segmentations?|gt|ground[_-]?truth|truth|annotations?|"
    rf"annot?|segmented|gtfine[_-](?:labelids|instanceids|color)|1stho|2ndho|manual\d?|targets?|{_MASK_OTHERS}"
)
_SEPARATOR = r"[\s_.\-]"
_STUCK = r"(?<=\d)(?:masks?|labels?)$"  # "img1mask"
IMAGE_FOLDERS = re.compile(
    rf"(images?|imgs?|raw|pictures?|originals?|jpegimages|scans?|imagestr|inputs?|x|{_IMAGE_OTHERS})$", re.IGNORECASE
)
MASK_FOLDERS = re.compile(
    r"(masks?|labels?|labelstr|(?:\d(?:st|nd)[_-])?manual\d?|seg|segmentations?|gt|"
    rf"ground[\s_-]?truth|segmentation(?:class|object)|annotations?|targets?|y|{_MASK_OTHERS})$",
    re.IGNORECASE,
)


def holds_by_name(folder: str) -> bool:
    """Return whether the name of a folder says that it holds pictures, or masks."""
    return any(pattern.match(folder) for pattern in (IMAGE_FOLDERS, MASK_FOLDERS))


def is_mask(key: str) -> bool:
    """Return whether a path without ending, `folder/name`, is that of a mask by its folder or its name."""
    folder, _, name = key.rpartition("/")
    start = rf"^({_MASK_WORDS})({_SEPARATOR}|\d+$)|^man_(seg|track)\d" + rf"|^({_MASK_WORDS})$" * bool(folder)
    end = rf"{_SEPARATOR}({_MASK_WORDS})({_SEPARATOR}*\d+)?$|\.(ah|vk)$|{_STUCK}"
    in_folder = any(MASK_FOLDERS.match(part) for part in folder.split("/"))
    return in_folder or any(re.search(pattern, name, re.IGNORECASE) for pattern in (start, end))


@lru_cache(100_000)
def bare_name(key: str) -> str:
    """Return a name without what only says what the file is: "img_7" and "7_mask.ome" both become "7"."""
    folder, _, name = key.rpartition("/")
    words = f"{_MASK_WORDS}|{_IMAGE_WORDS}"
    before = None
    while name != before:
        before = name
        name = re.sub(r"\.(ome|tiff?|png|jpe?g|bmp|ah|vk)$", "", name, flags=re.IGNORECASE)
        name = re.sub(rf"{_SEPARATOR}+({words})$|{_STUCK}", "", name, flags=re.IGNORECASE) or name
        name = re.sub(rf"^({words}){_SEPARATOR}+(?=.)", "", name, flags=re.IGNORECASE) or name
    folders = [part for part in folder.split("/") if not holds_by_name(part)]
    folders = [*filter(None, folders)]
    if folders and re.fullmatch(words, name, re.IGNORECASE):  # "case7/image" and "case7/mask"
        name = folders.pop()
    return "/".join([*folders, name]).lower()


def masks_among(keys) -> set[str]:
    """Return which paths without ending are those of masks; "label-free_1" is none where "label-free_1_mask" is."""
    marked = {key for key in keys if is_mask(key)}
    by_end = {key for key in marked if without_mask_word(key) != _plain(key) or _in_mask_folder(key)}
    pictures = {without_mask_word(key) for key in by_end}
    return {key for key in marked if key in by_end or _plain(key) not in pictures}


def mask_words_in(folder: str) -> bool:
    """Return whether a word in the name of a folder is that of masks: "GT_01", "ManualMask", "2. Ground truths"."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder)
    words = rf"(?:^|{_SEPARATOR})(?:{_MASK_WORDS}|ground[_-]?truths)(?={_SEPARATOR}|\d|$)"
    return bool(re.search(words, apart, re.IGNORECASE))


def masks_by_folder(keys) -> set[str]:
    """Return which paths lie in a folder with a word of masks in its name, if not all do."""
    marked = {key for key in keys if any(map(mask_words_in, key.split("/")[:-1]))}
    return marked if len(marked) < len(keys) else set()


def without_mask_word(key: str) -> str:
    """Return a name without the word of a mask at its end: "test_1_mask" becomes "test_1"."""
    return re.sub(rf"(?<=[^/]){_SEPARATOR}+({_MASK_WORDS})$|\.(ah|vk)$", "", _plain(key), flags=re.IGNORECASE)


def _plain(key):
    """Return a path in small letters without folders such as images and masks."""
    folder, _, name = key.rpartition("/")
    folders = [part for part in folder.split("/") if not holds_by_name(part)]
    return "/".join([*filter(None, folders), name]).lower()


def _in_mask_folder(key):
    return any(MASK_FOLDERS.match(part) for part in key.split("/")[:-1])


def without_stuck_word(key: str) -> str:
    """Return a bare name without a word that a number follows at once: "mask1", "t1" and "man_seg1" become "1"."""
    folder, slash, name = bare_name(key).rpartition("/")
    return folder + slash + re.sub(rf"^({_MASK_WORDS}|{_IMAGE_WORDS}|t|man_(?:seg|track))(?=\d+$)", "", name)


def without_letter(key: str) -> str:
    """Return a bare name without the letter by which CamVid names its labels: "7_L" becomes "7"."""
    return bare_name(key.removesuffix("_L"))


def without_word(key: str) -> str:
    """Return a name without such a word inside it: "cell_mask_2" and "cell_img_2" become "cell_2"."""
    folder, slash, name = key.rpartition("/")
    inside = rf"{_SEPARATOR}({_MASK_WORDS}|{_IMAGE_WORDS})(?={_SEPARATOR}|\d+$)"
    return bare_name(folder + slash + re.sub(inside, "", name, flags=re.IGNORECASE))


def without_number(key: str) -> str:
    """Return the bare name of one of several masks of a picture: "cell_mask_2" becomes "cell"."""
    return bare_name(re.sub(rf"({_SEPARATOR}({_MASK_WORDS})){_SEPARATOR}*\d+$", r"\1", key, flags=re.IGNORECASE))


def without_channel(key: str) -> str:
    """Return the bare name of a picture as nnU-Net names it: "case_0000" is the first channel of "case"."""
    return re.sub(r"_\d{4}$", "", bare_name(key))


def without_zeros(key: str) -> str:
    """Return a bare name that is a number without the zeros before it: "img_007" and "mask7" both become "7"."""
    return re.sub(r"(?:^|(?<=/))0+(?=\d+$)", "", without_stuck_word(key))


def common_affix(names, others) -> dict[str, str]:
    """Return for each of `names` the one of `others` from which it differs by an end, or a beginning, common to all.

    "7_lesion" and "9_lesion" have "7" and "9"; a text with a number, such as "_1", may count and is none. Empty where
    there are fewer than two names, or one that does not fit.
    """
    names, text = list(names), r"\D*[^\W\d_]\D*"
    for other in sorted(others, key=len, reverse=True) if len(names) > 1 else ():
        before, found, after = names[0].partition(other)
        ending, beginning = re.fullmatch(rf"{_SEPARATOR}{text}", after), re.fullmatch(rf"{text}{_SEPARATOR}", before)
        if not found or not (ending and not before or beginning and not after):
            continue
        alike = [name for name in names if name.startswith(before) and name.endswith(after)]
        pairs = {name: name.removeprefix(before).removesuffix(after) for name in alike}
        if len(pairs) == len(names) and set(pairs.values()) <= set(others):
            return pairs
    return {}


def number_order(names) -> list[int]:
    """Return the order of names in which numbers count as numbers: z2 before z10, unless names are mere checksums."""
    names = [str(name) for name in names]
    pieces = [re.split(r"(\d+)", name) for name in names]
    widths = {}
    for each in pieces:
        widths.setdefault(tuple(each[::2]), set()).add(tuple(map(len, each[1::2])))
    plain = sorted(range(len(names)), key=names.__getitem__)
    if all(len(each) == 1 for each in widths.values()) or len(widths) > len(names) / 2:
        return plain
    return sorted(plain, key=lambda i: [int(text) if k % 2 else text for k, text in enumerate(pieces[i])])
