"""Match pictures and masks, or pictures and annotations, by name, or say which have no partner."""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

from helpers.own_images.annotations import NotAnnotationsError, read_annotations
from helpers.own_images.files import PictureError, first_of, read_picture
from helpers.own_images.name_parts import SET_FOLDERS
from helpers.own_images.names import (
    bare_name, common_affix, without_channel, without_letter, without_mask_word, without_number, without_stuck_word,
    without_word, without_zeros,
)
from helpers.own_images.object_outlines import Marked
from helpers.own_images.own_names import by_base, by_own_name, by_whole_words, other_numbers

_SHOWN = 10  # pictures without a partner; of more there is a count
_RULES = (
    without_mask_word, bare_name, without_word, without_number, without_stuck_word, without_letter, without_channel,
    without_zeros,
)


class Match(NamedTuple):
    """One picture and what marks its objects: a mask file, a tuple of files with one object each, or outlines."""

    key: str
    image: Path
    mask: Path | tuple
    objects: Marked | None = None


def matched(images, masks, images_name, masks_name, lenient=False) -> tuple[list[Match], list[str]]:
    """Match as `match` does; returns the matches, and remarks on pictures that were left out.

    Pictures named as a test set are left out where all others have masks and no mask is named so, as of challenges
    that keep the masks of their tests. lenient: leave out all pictures and masks without a partner.
    """
    try:
        return match(images, masks, images_name, masks_name), []
    except PictureError:
        tests = {key for key in images if _is_test(key)}
        if tests and len(tests) < len(images) and not any(_is_test(key) for key in masks):
            try:
                rest = {key: path for key, path in images.items() if key not in tests}
                names = first_of([images[key].name for key in sorted(tests)], 3)
                found = match(rest, masks, images_name, masks_name)
                return found, [f"no mask is named as of a test set, so its pictures are left out: {names}."]
            except PictureError:
                pass
        if not lenient:
            raise
    missing = []
    return match(images, masks, images_name, masks_name, missing), left_out(missing)


def left_out(missing) -> list[str]:
    """Return remarks on what was left out: the first lines of `missing`, and how many more there are."""
    more = [f"Left out: ... and {len(missing) - _SHOWN} more."] if missing[_SHOWN:] else []
    return [f"Left out: {line}." for line in missing[:_SHOWN]] + more


def _sets_of(key):
    """Return which of training, validation and test (0, 1, 2) a path names."""
    return {SET_FOLDERS[part] for part in re.split(r"[\s_.\-/]+", key.lower()) if part in SET_FOLDERS}


def of_one_set(image: str, mask: str) -> bool:
    """Whether two folders can belong together: not if their names are of two sets, or hold other numbers each."""
    return not other_numbers([image], [mask]) and not _of_two_sets(image, mask)


def _of_two_sets(image, mask):
    """Whether two names are those of different sets: test_1 and training_1_mask."""
    ours, theirs = _sets_of(image), _sets_of(mask)
    return bool(ours and theirs) and not ours & theirs


def _is_test(key):
    return SET_FOLDERS["test"] in _sets_of(key)


def match(images, masks, images_name, masks_name, alone=None) -> list[Match]:
    """Match pictures and masks `{key: path}` by name, or raise, naming those without a partner.

    alone: a list to which those without a partner are added in words, in place of raising, if any matched.
    """
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
    for rule in _RULES:
        by_name = {}
        for role, rest in enumerate((rest_images, rest_masks)):
            for key in rest:  # a picture has a channel, and a mask has none
                name = bare_name(key) if role and rule is without_channel else rule(key)
                by_name.setdefault(name, ([], []))[role].append(key)
        for ours, theirs in by_name.values():
            if len(ours) == len(theirs) == 1:
                if _of_two_sets(ours[0], theirs[0]):
                    continue
                matches.append(Match(ours[0], rest_images.pop(ours[0]), rest_masks.pop(theirs[0])))
            elif len(theirs) == 1 and len(ours) > 1 and rule is without_channel:
                raise _parts_of_one([rest_images[key] for key in ours], rest_masks[theirs[0]])
    last = [_with_common_affix] * (not matches) + [by_own_name] + [by_whole_words] * (not matches)
    for rule in last if rest_images and rest_masks else ():
        for key, other in rule(images, masks):
            if key in rest_images and other in rest_masks and not _of_two_sets(key, other):
                matches.append(Match(key, rest_images.pop(key), rest_masks.pop(other)))
    if rest_masks:
        _check_one_mask(matches, rest_masks, masks_name)
    missing = _missing(rest_images, rest_masks, (images, masks), (images_name, masks_name))
    if missing and (alone is None or not matches):
        raise without_partner(missing)
    if missing:
        alone += missing
    return sorted(matches, key=lambda each: each.key)


def _with_common_affix(images, masks):
    """Return pairs of keys if all masks, or all pictures, are named as their partners with one text more: "_lesion"."""
    ours, theirs = ({bare_name(key): key for key in keys} for keys in (images, masks))
    if len(ours) < len(images) or len(theirs) < len(masks):
        return []
    if found := common_affix(theirs, ours):
        return [(ours[name], theirs[other]) for other, name in found.items()]
    return [(ours[name], theirs[other]) for name, other in common_affix(ours, theirs).items()]


def _check_one_mask(matches, rest_masks, folder):
    """Raise PictureError if a mask that is left over belongs to a picture that has one: either may be meant."""
    taken = {bare_name(each.key): each for each in matches if not isinstance(each.mask, tuple)}
    for key, path in rest_masks.items():
        if (each := taken.get(bare_name(key))) is not None:
            raise PictureError(
                f"{each.image.name} has 2 masks: {each.mask.parent.name}/{each.mask.name} and "
                f"{_shown(folder, key, path)}. Keep one of them, or give the folder that holds the ones you mean."
            )


def _parts_of_one(files, mask):
    """Return the error for several pictures with one mask: the slices of a volume, or its channels."""
    names = first_of([path.name for path in files], _SHOWN)
    try:
        pages = len(read_picture(mask).pages)
    except PictureError:
        pages = 1
    if pages > 1:
        return PictureError(
            f"{names} are single slices, and their masks are the {pages} pages of one file, {mask.name}. Save the "
            "slices as one stack of the same pages, or each page of the mask as a file named like its slice."
        )
    return PictureError(
        f"{names} are the channels of one picture with the mask {mask.name}. Keep the files of one channel in the "
        "folder, such as _0000."
    )


def _missing(rest_images, rest_masks, everything, folders):
    """Return in words what has no partner, and why, where a picture has several masks."""
    missing, told, by_bare, bases = [], set(), {}, by_base(everything[0])
    for key in rest_masks:
        for name in {bare_name(key), bare_name(key.rpartition("/")[2])}:
            by_bare.setdefault(name, []).append(key)
    for key, path in rest_images.items():
        base = bare_name(key.rpartition("/")[2])
        several = by_bare.get(bare_name(key)) or by_bare.get(base if len(bases[base]) == 1 else "", ())
        if len(several) > 1:
            told |= {key, *several}
            names = first_of([_shown(folders[1], other, rest_masks[other]) for other in sorted(several)], 4)
            missing.append(
                f"{_shown(folders[0], key, path)} has {len(several)} masks: {names}. Keep one of them, or give "
                "the folder that holds the ones you mean"
            )
    for rest, here, there, what, candidates in (
        (rest_images, *folders, "mask", everything[1]), (rest_masks, *folders[::-1], "image", everything[0])
    ):
        for key, path in rest.items():
            if key in told:
                continue
            near = difflib.get_close_matches(key, [*candidates][:2000], 1, 0.8) if len(missing) < _SHOWN else ()
            hint = f" (the nearest name there is {candidates[near[0]].name})" if near else ""
            missing.append(f"{_shown(here, key, path)} has no {what} in {there}{hint}")
    return missing


def _shown(folder, key, path):
    inner = key.rpartition("/")[0]
    return f"{folder}/{inner}/{path.name}" if inner else f"{folder}/{path.name}"


def without_partner(missing) -> PictureError:
    """Return the error that lists pictures without a partner."""
    first = "\n  ".join(["pictures without a partner:", *missing[:_SHOWN]])
    more = f"\n  ... and {len(missing) - _SHOWN} more" if missing[_SHOWN:] else ""
    return PictureError(
        f"{first}{more}\nA picture and its mask share a name, as cell1.tif and cell1.png do. Rename or move others."
    )


def with_annotations(images, files, lenient=False) -> tuple[list[Match], list[str]]:
    """Match pictures with the objects in annotation files; returns the matches and remarks on what is not used.

    Files of annotations are matched by their own name; COCO names its pictures, with their folders where it can.
    Raises NotAnnotationsError if no file holds objects, PictureError for a picture without annotations, or with two.
    """
    by_name, others = {}, []
    pictures = {bare_name(key) for key in images}
    for key, path in files.items():
        try:
            found = read_annotations(path)
        except NotAnnotationsError as error:
            if bare_name(key) in pictures or len(files) == 1 + len(others) and not by_name:
                raise
            others.append(error)
            continue
        folder = key.rpartition("/")[0]
        for name, marked in found.items():
            name = key if name is None else f"{folder}/{name}" if folder else name
            if name in by_name:
                other = by_name[name][0].name
                raise PictureError(f"{path.name} and {other} both hold objects of {name}. Keep one file.")
            by_name[name] = (path, marked)
    matches, missing, used = [], [], {}
    look_up = _by_suffix(by_name)
    for key, path in images.items():
        name = _found(key, by_name, look_up, path)
        if name is None:
            missing.append(f"{path.name} has no annotation")
            continue
        if name in used:
            raise PictureError(
                f"{by_name[name][0].name}: has objects of {name}, and both {used[name]} and {key} may be meant. Name "
                "the picture with its folder in the annotation file, or rename one."
            )
        used[name] = key
        matches.append(Match(key, path, *by_name[name]))
    if missing and not (lenient and matches):
        raise without_partner(missing)
    remarks = [f"Not used: {error}" for error in others] + left_out(missing)
    rest = [name for name in by_name if name not in used]
    if rest:
        remarks.append(f"{len(rest)} pictures with annotations are not in the folder, such as {rest[0]}.")
    return sorted(matches, key=lambda each: each.key), remarks


def _by_suffix(names):
    """Return for each end of a path, such as "1" and "train/1" of "train/1", the names that have it."""
    found = {}
    for name in names:
        parts = name.split("/")
        for i in range(len(parts)):
            for end in {"/".join(parts[i:]), bare_name("/".join(parts[i:]))}:
                found.setdefault(end, []).append(name)
    return found


def _found(key, by_name, look_up, path):
    """Return the name under which a picture is annotated, or None. Raises if there are two."""
    if key in by_name:
        return key
    parts = key.split("/")
    for i in range(len(parts)):
        end = "/".join(parts[i:])
        names = look_up.get(end) or look_up.get(bare_name(end)) or ()
        if len(set(names)) > 1:
            raise PictureError(
                f"{path.name}: {by_name[names[0]][0].name} has objects of {names[0]} and of {names[1]}, and either may "
                "be this picture. Keep the folders of the pictures as the annotation file names them."
            )
        if names:
            return names[0]
    return None

