"""What file names say: which are masks, and which belong together."""

import re

_IMAGE_WORDS = r"images?|imgs?|im|raw|pictures?|training|test|volume|original"
_MASK_WORDS = (
    r"cp[_-]masks?|simple[\s_-]segmentation|masks?|labels?|seg|segmentations?|gt|ground[_-]?truth|truth|annotations?|"
    r"manual\d?|targets?"
)
_SEPARATOR = r"[\s_.\-]"
IMAGE_FOLDERS = re.compile(r"(images?|imgs?|raw|pictures?|originals?|scans?|imagestr|inputs?|x)$", re.IGNORECASE)
MASK_FOLDERS = re.compile(
    r"(masks?|labels?|labelstr|segmentations?|gt|ground[_-]?truth|annotations?|targets?|y)$", re.IGNORECASE
)


def is_mask(key: str) -> bool:
    """Return whether a path without ending, `folder/name`, is that of a mask by its folder or its name."""
    folder, _, name = key.rpartition("/")
    start, end = rf"^({_MASK_WORDS}){_SEPARATOR}", rf"{_SEPARATOR}({_MASK_WORDS})({_SEPARATOR}*\d+)?$"
    in_folder = any(MASK_FOLDERS.match(part) for part in folder.split("/"))
    return in_folder or any(re.search(pattern, name, re.IGNORECASE) for pattern in (start, end))


def bare_name(key: str) -> str:
    """Return a name without what only says what the file is: "img_7" and "7_mask.ome" both become "7"."""
    folder, _, name = key.rpartition("/")
    words = f"{_MASK_WORDS}|{_IMAGE_WORDS}"
    before = None
    while name != before:
        before = name
        name = re.sub(r"\.(ome|tiff?|png|jpe?g|bmp)$", "", name, flags=re.IGNORECASE)
        name = re.sub(rf"{_SEPARATOR}+({words})$", "", name, flags=re.IGNORECASE) or name
        name = re.sub(rf"^({words}){_SEPARATOR}+(?=.)", "", name, flags=re.IGNORECASE) or name
    folders = [part for part in folder.split("/") if not (IMAGE_FOLDERS.match(part) or MASK_FOLDERS.match(part))]
    return "/".join([*folders, name]).lower()


def without_number(key: str) -> str:
    """Return the bare name of one of several masks of a picture: "cell_mask_2" becomes "cell"."""
    return bare_name(re.sub(rf"({_SEPARATOR}({_MASK_WORDS})){_SEPARATOR}*\d+$", r"\1", key, flags=re.IGNORECASE))


def without_channel(key: str) -> str:
    """Return the bare name of a picture as nnU-Net names it: "case_0000" is the first channel of "case"."""
    return re.sub(r"_\d{4}$", "", bare_name(key))
