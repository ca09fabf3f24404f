"""From which source each picture comes, such as a patient or a stack, and under which condition, as names tell it."""

import re
from collections import Counter

from helpers.own_images.name_parts import condition_texts, parts_of, same_place, varying

_FINER = ("sample", "scene", "ordered", "part", "when", "weak", "number", "eye", "stain", "view", "code", "letter")
_CONTAINERS = ("slide", "plate", "well", "scan", "volume")
_ROUNDS = ("exp", "experiment", "rep", "replicate")
_COPY = re.compile(  # as Windows, macOS and Linux name them
    r"^(copy of|kopie von|copie de|copia di|copia de)\s+|[\s_-]+(copy|kopie|copie|copia)\s*\(?\d*\)?$|\s*\(\d+\)$",
    re.IGNORECASE,
)
_AUGMENTED = re.compile(
    r"^(augmented|aug|[hv]?flip(ped)?|rot(ated)?\d*|mirror(ed)?|orig(inal)?)[_-](\d+[_-](?=.*[^\W\d_]))?", re.IGNORECASE
)
_SPOTS = ("ordered", "eye", "stain", "view", "part", "when")  # one place in other depths, times, colors, crops


def groups_of(names) -> list[str]:
    """Tell from its name where each picture comes from: patient, slide, animal, stack; returns one source a name.

    A patient or animal ("patient07") counts first, then the outermost folder or part with a number that is no counter,
    dose or stain ("m1" in "WT_m1_003", "slide3" in "10x_slide3_2"), then a position or a picture that was cut up
    ("image1_crop2"), then what is left without the counters of slices, times and eyes. What all names share says
    nothing. Up to four different words without a number, such as "WT" and "KO", are conditions and no sources: see
    `conditions_of`. Where names tell nothing, each picture is a source of its own. Where a name tells too little, use
    `groups_from_csv`.
    """
    names = _originals([str(name) for name in names])
    if not names:
        return []
    rows = parts_of(names)
    varied = varying(rows)
    words = _first_words(names)
    people = words if 5 <= len(set(words)) < len(names) and all(words) else [""] * len(names)
    counted = {"wells": set()}  # A01, A02, B01: letters of which a name has but one
    for parts in varied:
        letters = [part for part in parts if part.kind == "code" and len(part.key) == 1]
        counted["wells"].update(part.value for part in letters if len(letters) == 1)
        for part in parts:
            counted.setdefault(part.key, set()).add(part.number)
    treated = len({part.text for parts in varied for part in parts if part.kind == "word"}) > 1
    found = []
    for every, parts, person in zip(rows, varied, people):
        found.append(
            next((part for part in parts if part.kind == "subject"), None)
            or _folder(parts) or _person(parts, person) or _sample(every, parts, counted)
            or (_replica(parts) if treated else None) or _scene(parts, counted) or _batch(parts)
        )
    found = _coarser(found, varied)
    leading = Counter(numbers[0].number for parts in varied if (numbers := _numbers(parts)))
    labels = {}
    return [
        labels.setdefault(part.value, part.text) if part else _rest(name, every, parts, leading)
        for name, every, parts, part in zip(names, rows, varied, found)
    ]


def conditions_of(names) -> list[str]:
    """Tell from its name under which condition each picture was taken: "WT" in "WT_m1_003", "10uM" in "10uM/exp1_7".

    Returns one condition a name, or "" for all if the names hold no word, dose, stain or magnification that differs
    between them.
    """
    names = [str(name) for name in names]
    if not names:
        return []
    for kinds in (("word",), ("word", "dose", "stain", "view")):
        first = _first_words(names, kinds)
        if 1 < len(set(first)) < min(5, len(names)):
            return first
    return [""] * len(names)


def _originals(names):
    """Return names without the marks of copies and augmentations, where those of one picture then have one name."""
    for mark in (_COPY, _AUGMENTED):
        bare = []
        for name in names:
            folder, slash, base = name.rpartition("/")
            bare.append(folder + slash + (mark.sub("", base) or base))
        there = set(names) if mark is _COPY else {name for name, times in Counter(bare).items() if times > 1}
        names = [short if short in there else name for name, short in zip(names, bare)]
    return names


def _first_words(names, kinds=("word",)):
    rows = condition_texts(names)
    same = same_place([[text for text, _ in row] for row in rows])
    return [next((t for i, (t, kind) in enumerate(row) if i not in same and kind in kinds), "") for row in rows]


def _has_finer(parts, one, place):
    """Return whether a name counts something within one of its parts; a plain number or letter counts what follows."""
    return any(
        part is not one and part.kind in _FINER and (i > place or part.kind not in ("number", "letter"))
        for i, part in enumerate(parts)
    )


def _folder(parts):
    kinds = ("sample", "scene", "code", "number")
    folders = [part for part in parts if part.folder]
    marked = (part for part in folders if part.kind == "other" and re.search(r"\d", part.text))
    return next((part for part in folders if part.kind in kinds), None) or next(marked, None)


def _person(parts, word):
    """Return the word that names one of five or more, unless something with a number stands before it."""
    for part in parts if word else ():
        if part.text == word:
            return part
        if part.kind in ("sample", "code"):
            return None
    return None


def _sample(every, parts, counted):
    """Return the outermost sample or code; one of two, such as r1 and r2, only if none within is one of three."""
    found = []
    for i, part in enumerate(parts):
        many = len(counted[part.key]) > 2
        if part.kind == "sample" and (part.key in _CONTAINERS or many or _has_finer(parts, part, i)):
            found.append(part)
        coded = part.kind == "code" or part.kind == "other" and re.search(r"[A-Za-z].*\d|\d.*[A-Za-z]", part.text)
        if coded and (part is not every[-1] or _has_finer(parts, part, i)):
            kind_of = re.fullmatch(r"[a-zA-Z]+[A-Z]\d?", part.text)  # IL2 is a substance; WT1, WT2 and WT3 are animals
            if not kind_of or many and 1 in counted[part.key]:
                found.append(part)
    for part in found:
        animal = part.key in ("m", "p") or part.kind == "other" or part.kind == "sample" and part.key not in _ROUNDS
        wells = len(part.key) == 1 and len(counted["wells"]) > 2
        if animal or wells or len(counted[part.key]) > 2:
            return part
    return found[0] if found else None


def _replica(parts):
    """Return the letter of a replicate before a number: the a of "WT_a_1"."""
    for i, part in enumerate(parts):
        if part.kind == "letter" and any(other.kind in ("number", "ordered") for other in parts[i + 1 :]):
            return part
    return None


def _scene(parts, counted):
    """Return a position, or a picture of which there are crops or other versions, such as one before and one after."""
    for i, part in enumerate(parts):
        if part.kind == "number":
            return None  # of which there are positions
        versions = len(counted[part.key]) > 2 and any(other.kind == "word" for other in parts[i + 1 :])
        if part.kind == "scene" and (_has_finer(parts, part, i) or versions):
            return part
    return None


def _batch(parts):
    """Return a batch, a day or a folder that counts, if nothing better is known and pictures are counted in it."""
    for i, part in enumerate(parts):
        if part.kind == "number":
            return None
        inside = [other for other in parts if other is not part and other.kind in ("number", "code", "letter", "scene")]
        if part.kind == "weak" and _has_finer(parts, part, i) or inside and (part.kind == "when" or _counts(part)):
            return part
    return None


def _counts(part):
    return part.folder and part.kind in ("ordered", "part")


def _numbers(parts):
    return [part for part in parts if part.kind == "number"]


def _rest(name, every, parts, leading):
    """Return what is left of a name without its last number or its counters, or the name if that says nothing."""
    numbers = _numbers(parts)
    if len(numbers) > 1:
        return numbers[0].text if len(leading) > 2 else "_".join(part.text for part in numbers[:-1])
    kinds = {part.kind for part in parts}
    spots = _SPOTS if not numbers else (*_SPOTS, "scene", "weak")
    left = [part for part in parts if part.kind not in spots]
    if "ordered" in kinds or "eye" in kinds and left or kinds & set(spots) and numbers:
        return "_".join(part.text for part in every if part.kind not in spots) or "one stack"
    versions = kinds & {"word", "code", "sample", "other"} and parts[0].kind == "number" and len(leading) > 2
    if versions and leading[parts[0].number] > 1:  # "7_before" and "7_after"
        return parts[0].text
    return name


def _coarser(found, varied):
    """Return a coarser source where each one found lies within it, such as the mouse "m1" of several slides."""
    column = {part.key for part in found if part and part.key}
    if len(column) != 1 or not all(found):
        return found
    kind = found[0].kind
    others = {
        part.key for part in varied[0]
        if part.key and part.key not in column
        and (part.kind == kind != "code" or kind == "sample" and part.key in ("m", "p"))
    }
    least = 2 if kind == "subject" else 3
    for key in sorted(others):
        inner = [next((part for part in parts if part.key == key), None) for parts in varied]
        if not all(inner):
            continue
        within = {}
        for mine, other in zip(found, inner):
            within.setdefault(mine.value, set()).add(other.value)
        outer = {part.value for part in inner}
        if all(len(each) == 1 for each in within.values()) and least <= len(outer) < len(within):
            return inner
    return found
