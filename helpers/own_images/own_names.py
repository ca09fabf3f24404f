"""Pictures and masks that share a name in folders that differ, and files whose whole name is a word such as masks."""

import re

from helpers.own_images.name_parts import SET_FOLDERS
from helpers.own_images.names import IMAGE_FOLDERS, MASK_FOLDERS, bare_name, common_affix, holds_by_name, mask_words_in

_PICTURES = re.compile(rf"{IMAGE_FOLDERS.pattern}|(volume|stack|data)$", re.IGNORECASE)
_PICTURE_WORD = re.compile(r"(?:^|[\s_.\-])(?:images?|imgs?|originals?|pictures?)(?:[\s_.\-]|\d|$)")
_BETWEEN = re.compile(r"[\s_.\-]+")


def by_own_name(images, masks) -> list[tuple[str, str]]:
    """Return pairs of keys whose names are the same but for their folders, as "a/a1" and "final/masks/a/a1".

    The names may also differ by one text that all of one side have more: see `common_affix`. Each must occur once among
    the pictures and once among the masks, if need be together with the folders that not all files share. And the
    folders must not speak against a pair: leaving out those called by a word such as masks, one of its two files must
    lie in all that the other lies in, and the same holds for the numbers in their names.
    """
    common = [_common([_folders(key) for key in keys]) for keys in (images, masks)]
    placed = [by_base(keys, each) for keys, each in zip((images, masks), common)]
    pairs = [(ours, placed[1][name]) for name, ours in placed[0].items() if name in placed[1]]
    pairs = [(ours[0], theirs[0]) for ours, theirs in pairs if len(ours) == len(theirs) == 1]
    if len(pairs) == len(images):
        return [pair for pair in pairs if not _differ(*pair)]
    named = [by_base(keys) for keys in (images, masks)]
    partners = {name: name for name in named[0] if name in named[1]} or {
        name: other for other, name in common_affix(named[1], named[0]).items()
    } or common_affix(named[0], named[1])
    pairs = [(named[0][name], named[1][other]) for name, other in partners.items()]
    pairs = [(ours[0], theirs[0]) for ours, theirs in pairs if len(ours) == len(theirs) == 1]
    return [pair for pair in pairs if not _differ(*pair)]


def by_base(keys, common=None) -> dict[str, list[str]]:
    """Return the paths of each bare name without its folders, or with those that are not in `common`."""
    found = {}
    for key in keys:
        inner = [] if common is None else [part for part in _folders(key) if part not in common and not _is_word(part)]
        found.setdefault("/".join([*inner, bare_name(key.rpartition("/")[2])]), []).append(key)
    return found


def _folders(key):
    return [part.lower() for part in key.split("/")[:-1]]


def _common(rows):
    return set(rows[0]).intersection(*rows) if rows else set()


def _differ(image, mask):
    """Whether the folders of two files say that these do not belong together."""
    own = [{part for part in _folders(key) if not _is_word(part)} for key in (image, mask)]
    return _each_has_more(*own) or other_numbers(_folders(image), _folders(mask))


def other_numbers(ours, theirs) -> bool:
    """Return whether the names of some folders and those of others hold numbers that the other ones do not, each."""
    return _each_has_more(*({int(n) for name in names for n in re.findall(r"\d+", name)} for names in (ours, theirs)))


def _each_has_more(one, two):
    return not (one <= two or two <= one)


def _is_word(folder):
    return bool(holds_by_name(folder) or _PICTURE_WORD.search(folder) or mask_words_in(folder))


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
