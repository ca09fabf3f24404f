"""Pictures and masks that share a name in folders that differ, and files whose whole name is a word such as masks."""

import re

from helpers.own_images.name_parts import SET_FOLDERS
from helpers.own_images.names import IMAGE_FOLDERS, MASK_FOLDERS, bare_name, common_affix, mask_words_in

_PICTURES = re.compile(rf"{IMAGE_FOLDERS.pattern}|(volume|stack|data)$", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s_.\-]+")


def by_own_name(images, masks) -> list[tuple[str, str]]:
    """Return pairs of keys whose names are the same but for their folders, as "a/a1" and "final/masks/a/a1".

    The same, or all of one side with one text more: see `common_affix`.

    Only where each name occurs once among the pictures and once among the masks, and where the folders do not speak
    against it: those that only some files have must be the same, or there on one side alone, and so must their numbers.
    """
    named = [by_base(keys) for keys in (images, masks)]
    common = [_common([_folders(key) for key in keys]) for keys in (images, masks)]
    partners = {name: name for name in named[0] if name in named[1]} or {
        name: other for other, name in common_affix(named[1], named[0]).items()
    } or common_affix(named[0], named[1])
    pairs = [(named[0][name], named[1][other]) for name, other in partners.items()]
    pairs = [(ours[0], theirs[0]) for ours, theirs in pairs if len(ours) == len(theirs) == 1]
    return [pair for pair in pairs if not _differ(*pair, common)]


def by_base(keys) -> dict[str, list[str]]:
    """Return the paths of each bare name without its folders."""
    found = {}
    for key in keys:
        found.setdefault(bare_name(key.rpartition("/")[2]), []).append(key)
    return found


def _folders(key):
    return [part.lower() for part in key.split("/")[:-1]]


def _common(rows):
    return set(rows[0]).intersection(*rows) if rows else set()


def _differ(image, mask, common):
    """Whether the folders of two files say that these do not belong together."""
    own = [{part for part in _folders(key) if part not in each} for key, each in zip((image, mask), common)]
    own = [{part for part in parts if not _says_only_what(part)} for parts in own]
    numbers = [{int(number) for part in _folders(key) for number in re.findall(r"\d+", part)} for key in (image, mask)]
    return any(not (one <= two or two <= one) for one, two in (own, numbers))


def _says_only_what(folder):
    return bool(IMAGE_FOLDERS.match(folder) or MASK_FOLDERS.match(folder) or mask_words_in(folder))


def by_whole_words(images, masks) -> list[tuple[str, str]]:
    """Return pairs of keys where all files are called by words: "images" and "masks", "X_train" and "y_train".

    Empty if one of them is not, or two of one folder and set are called by words of one kind.
    """
    found = {}
    for role, (keys, words_of) in enumerate(((images, _PICTURES), (masks, MASK_FOLDERS))):
        for key in keys:
            words = [word for word in _BETWEEN.split(key.rpartition("/")[2].lower()) if word]
            rest = [word for word in words if word not in SET_FOLDERS]
            place = key.rpartition("/")[0], *(word for word in words if word in SET_FOLDERS)
            if len(rest) != 1 or not words_of.match(rest[0]) or role in found.setdefault(place, {}):
                return []
            found[place][role] = key
    complete = all(len(pair) == 2 for pair in found.values())
    return [(pair[0], pair[1]) for pair in found.values()] if complete else []


def called_masks(keys) -> list[str]:
    """Return which keys are called by a word of masks and nothing else but a set: "masks", "y_train"."""
    found = []
    for key in keys:
        words = [word for word in _BETWEEN.split(key.rpartition("/")[2].lower()) if word not in SET_FOLDERS]
        if MASK_FOLDERS.match(" ".join(words)):
            found.append(key)
    return found
