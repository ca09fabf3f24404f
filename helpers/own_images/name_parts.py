"""The parts of a picture's name, and what each is: a patient, a slide, a counter of slices, a dose, a word."""

import re
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from helpers.own_images.names import IMAGE_FOLDERS

_SUBJECTS = (
    "patient pat pt subject subj sub participant proband person donor spender animal tier mouse maus rat ratte case"
)
_SAMPLES = (
    "slide plate well dish sample specimen biopsy probe coverslip scan volume vol movie video series experiment exp "
    "replicate rep"
)
_SCENES = "position pos site field fov xy point image img picture photo stack scene"
_ORDERED = "slice section frame page plane tile time timepoint tp z t"
_PARTS = (
    "crop patch nodule lesion roi x y row col part region cell nucleus object obj channel ch layer chunk window copy "
    "aug rot flip eye"
)
_GRIDS = ("tile", "crop", "patch", "roi", "window", "chunk", "x")
_VERSIONS = ("word", "stain", "view", "letter")
_UNSETTLED = {"t", "p", "s", "f", "w", "sk", "fk", "fl", *_GRIDS}
_WEAK = "batch set folder data dataset group version v fold study project run"
_WHEN = "day date week month visit session ses hour"
_KINDS = {
    word: kind
    for kind, words in (
        ("subject", _SUBJECTS), ("sample", _SAMPLES), ("scene", _SCENES), ("ordered", _ORDERED), ("part", _PARTS),
        ("weak", _WEAK), ("when", _WHEN),
    )
    for word in words.split()
}
_SPACED = [word for word, kind in _KINDS.items() if kind in ("subject", "sample")]
_SPACED += "slice section frame page stack tile time field fov img image position pos crop patch nodule roi".split()
_SPACED += "day visit session z t p s f".split()  # words that a number may follow after a blank or a "_"
_LONG = sorted((word for word in _KINDS if len(word) > 2), key=len, reverse=True)
_INSIDE = re.compile(r"(?<=[a-z0-9])[A-Z][a-z]+(?=\d)")  # the "Mouse" of "wtMouse3"
_BETWEEN = re.compile(r"[\s_.\-()\[\]=]+")
_COMPACT = re.compile(rf"(?:(?:[a-z]{{1,3}}|{'|'.join(_LONG)})\d+){{2,}}", re.IGNORECASE)  # "r01c01f01p01"
_WHOLE_DATE = re.compile(r"(?<!\d)((?:19[89]|20[0-3])\d)[-_.]?(0\d|1[0-2])[-_.]?([0-2]\d|3[01])(?!\d)")
_CLOCK = re.compile(  # a date and a time as cameras write them; 000123 is a counter rather than past midnight
    rf"{_WHOLE_DATE.pattern[:-6]}[-_T .]?(0[1-9]|1\d|2[0-3])[-_.:]?([0-5]\d)[-_.:]?([0-5]\d)(?!\d)"
)
# A GUID, which microscopes add to "A02_s1_w1".
_UNIQUE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DOSE = re.compile(r"\d+([pnuµμm]?M|[pnuµμm]?g|[uµμm][lL]|pct|percent|%|G[yY]|C|kV)")
# magnification, time, light
_VIEW = re.compile(r"\d+([xX]|h|hrs?|min|sec|ms|d|days?|dpi|dpf|hpf|hpi|wk|[nuµμ]m|d\d+h(\d+m)?)")
_STAIN = re.compile(
    r"cd\d+[a-z]?|ki67|p16|p40|p53|p63|her2|bcl\d|sox\d+|pax\d|iba1|cy\d|alexa\d+|af\d{3}|ck\d+|dapi|e?gfp|rfp|yfp|"
    r"cfp|fitc|tritc|hoechst(\d+)?|mcherry|bf|brightfield|dic|merge|red|green|blue|flair|t1ce|t1c|t[12]w|dwi|adc",
    re.IGNORECASE,
)
_MEASURED = (("stain", _STAIN), ("view", _VIEW), ("dose", _DOSE))
_NO_CONDITIONS = re.compile(
    r"(images?|img|pictures?|pic|cells?|scans?|raw|fields?|fov|slices?|sections?|frames?|pages?|stacks?|tiles?|time|"
    r"masks?|nuclei|left|right|od|os|[a-z])$",
    re.IGNORECASE,
)
_EYE = re.compile(r"\d+(L|R|OD|OS)")
_EYES = ("od", "os", "ou", "left", "right", "l", "r")
SET_FOLDERS = {
    "train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2, "testing": 2,
}


class Part(NamedTuple):
    """A part of a name: its text, what it is, what it counts and to which number (-1: none), if it is a folder."""

    text: str
    kind: str
    key: str
    number: int
    folder: bool

    @property
    def value(self):
        """What is the same for two spellings of one part: "patient1" and "patient01"."""
        return (self.key, self.number) if self.number >= 0 else self.text


def parts_of(names) -> list[list[Part]]:
    """Return the parts of each name, outermost first; the folders of sets and of pictures are left out.

    Kinds: "subject", "sample", "scene", "ordered" and "part" (counters), "when" (days), "weak" (batches), "number",
    "dose", "view" (magnification, time), "stain", "eye", "letter", "word", "code" (such as m1), "other".
    """
    rows = [_texts(name) for name in names]
    shapes = {}
    for row in rows:
        for shape in {_compact(text) for text, _ in row} - {""}:
            shapes[shape] = shapes.get(shape, 0) + 1
    common = {shape for shape, count in shapes.items() if count >= max(2, len(rows) / 2)}  # a checksum has no shape
    eyes = {m[1].lower() for row in rows for text, _ in row if text[-1] in "LRDS" and (m := _EYE.fullmatch(text))}
    eyed = eyes in ({"l", "r"}, {"od", "os"})
    split = []
    for row in rows:
        parts = []
        for text, folder in row:
            if _compact(text) in common:
                parts += [(each, folder) for each in re.findall(r"[A-Za-z]+\d+", text)]
            elif eyed and (m := _EYE.fullmatch(text)):
                parts += [(text[: m.start(1)], folder), (m[1], folder)]
            else:
                parts.append((text, folder))
        split.append(_with_wells([_part(*each) for each in _joined(parts)]))
    return [_settled(row) for row in _with_tiles(split)]


def _with_tiles(rows):
    """Return the parts with the last two numbers of all names as the place of a tile: "slideA_512_1024"."""
    ends = [row[-2:] for row in rows]
    if any([part.kind for part in end] != ["number", "number"] or end[0].folder for end in ends):
        return rows
    steps = [gcd(*(end[i].number for end in ends)) for i in (0, 1)]  # 0 for a single row or column of tiles
    from_0 = any(min(end[i].number for end in ends) == 0 < max(end[i].number for end in ends) for i in (0, 1))
    if not from_0 or any(0 < step < 32 for step in steps):
        return rows
    return [[*row[:-2], *(part._replace(kind="ordered", key=key) for part, key in zip(row[-2:], "xy"))] for row in rows]


def condition_texts(names) -> list[list[tuple]]:
    """Return the parts of each name as `(text, kind)`: "word" for one that may name a condition, "dose", "stain"..."""
    return [[(text, _condition_kind(text)) for text, _ in _texts(name)] for name in names]


@lru_cache(10_000)
def _condition_kind(text):
    if re.fullmatch(r"[^\W\d_]+\+?", text):
        return "word" if not _NO_CONDITIONS.match(text) else ""
    return next((kind for kind, pattern in _MEASURED if pattern.fullmatch(text)), "")


@lru_cache(10_000)
def _compact(text):
    """Return the shape of a text such as "r01c02": "r#c#"; "" for others."""
    return _shape(text) if _COMPACT.fullmatch(text) else ""


def _shape(text):
    return re.sub(r"\d+", "#", text.lower())


def _texts(name):
    *folders, base = str(name).split("/")
    found = [each for folder in folders for each in _inside_folder(folder)]
    return [*found, *((text, False) for text in _pieces(base))]


@lru_cache(10_000)
def _inside_folder(folder):
    if folder.lower() in SET_FOLDERS or IMAGE_FOLDERS.match(folder):
        return ()
    return tuple((text, True) for text in _pieces(folder))


def _pieces(text):
    text = _INSIDE.sub(lambda found: "_" * (found[0].lower() in _KINDS) + found[0], text)
    text = _UNIQUE.sub("", text) or text
    text = _CLOCK.sub(r"_at\1\2\3\4\5\6_", text)
    return [each for each in _BETWEEN.split(_WHOLE_DATE.sub(r"_\1\2\3_", text)) if each]


def _joined(texts):
    """Join a word and the number after it: "slice 003" becomes slice003."""
    joined = []
    for text, folder in texts:
        if joined and text.isdecimal() and joined[-1][1] == folder and joined[-1][0].lower() in _SPACED:
            joined[-1] = (joined[-1][0] + text, folder)
        else:
            joined.append((text, folder))
    return joined


@lru_cache(10_000)
def _part(text, folder):
    lower = text.lower()
    if text.isdecimal() and text.isascii():
        dated = len(text) == 8 and _WHOLE_DATE.fullmatch(text) or folder and re.fullmatch(r"(19|20)\d\d", text)
        return Part(text, "when" if dated else "number", "date" if dated else "", int(text[:4000]), folder)
    for kind, pattern in _MEASURED:
        if pattern.fullmatch(text):
            return Part(text, kind, "", -1, folder)
    if counted := re.fullmatch(r"([^\W\d_]+)(\d{1,18})([^\W\d_]{0,2})", text):
        key = counted[1].lower()
        kind = _KINDS.get(key, "" if counted[3] else "code")
        if kind:
            shown = (key + counted[2]) if kind in ("subject", "sample") else text
            return Part(shown, kind, key, int(counted[2]), folder)
    if lower in _EYES:
        return Part(text, "eye", "", -1, folder)
    if re.fullmatch(r"[A-Za-z]", text):
        return Part(text, "letter", "", -1, folder)
    return Part(text, "word" if re.fullmatch(r"[^\W\d_]+\+?", text) else "other", "", -1, folder)


def _with_wells(row):
    """Join a row and a column: "r01" and "c02" before a field are a well, otherwise they say where a crop lay."""
    found, i = [], 0
    while i < len(row):
        pair = row[i : i + 2]
        if [part.key for part in pair] in (["r", "c"], ["row", "col"]) and pair[0].folder == pair[1].folder:
            well = i + 2 < len(row) and row[i + 2].key in ("f", "field", "p", "ch", "s", "site", "t")
            kind, key = ("sample", "well") if well else ("part", "crop")
            number = pair[0].number * 10_000 + pair[1].number
            found.append(Part(pair[0].text + pair[1].text, kind, key, number, pair[0].folder))
            i += 2
        else:
            found.append(row[i])
            i += 1
    return found


def _settled(row):
    """Return the parts with the single letters settled that mean one thing here and another there.

    "p": a page at the end, as `load_pairs` names it, a plane in a well, otherwise a patient or position; "s", "f": a
    site or field if time, focus or a number follows or is counted elsewhere, otherwise a counter; "w": a wavelength.
    """
    keys = {part.key for part in row}
    if not keys & _UNSETTLED:
        return row
    well = "well" in keys
    counts = [i for i, part in enumerate(row) if part.kind in ("ordered", "number") or part.key in ("ch", "channel")]
    settled = []
    for i, part in enumerate(row):
        last = i == len(row) - 1
        finer = any(count > i for count in counts) or bool(counts) and not last or keys & {"t", "z", "w", "ch"}
        if part.kind == "code" and part.key == "p" and not part.folder:
            page = last and len(part.text) > 3 or well or last and not keys & {"t", "ch"}
            part = part._replace(kind="ordered" if page else "code")
        elif part.kind == "code" and part.key in ("s", "f") and not part.folder:
            scene = finer or well or part.key == "f" and not last
            part = part._replace(kind="scene" if scene else "ordered" if last else "code")
        elif part.kind == "code" and part.key in ("w", "sk", "fk", "fl") and keys & {"s", "t", "ch", "well"}:
            part = part._replace(kind="part")
        elif part.text[0] == "T" and part.key == "t" and not last and all(e.kind in _VERSIONS for e in row[i + 1 :]):
            part = part._replace(kind="code")  # "T1_HE" is rather a tumor than a time
        elif part.kind == "number" and i and settled[-1].kind in ("ordered", "part") and settled[-1].key in _GRIDS:
            part = part._replace(kind="part", key=settled[-1].key)  # "tile_0_1": column 0, row 1
        settled.append(part)
    return settled


def same_place(rows):
    """Return the places, counted from the left, at which all rows hold the same."""
    if len(rows) < 2:
        return set()
    return {i for i, (first, *others) in enumerate(zip(*rows)) if all(each == first for each in others)}


def varying(rows):
    """Return the parts of each name without those that all names share, such as "plate1" in each of them."""
    same = same_place([[part.value for part in row] for row in rows])
    values, holders = {}, {}
    for row in rows:
        for key in {part.key for part in row if part.key}:
            holders[key] = holders.get(key, 0) + 1
        for part in row:
            values.setdefault(part.key, set()).add(part.value)
    shared = {key for key in holders if holders[key] == len(rows) > 1 and len(values[key]) == 1}
    return [[part for i, part in enumerate(row) if i not in same and part.key not in shared] for row in rows]
