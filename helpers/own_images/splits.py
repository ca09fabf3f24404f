"""Which pictures come from one source, under which condition, and sets that share no source."""

import csv
import io
import re
from pathlib import Path

import cv2
import numpy as np

from helpers.gate import GateError, first_line, read_whole
from helpers.own_images.files import PictureError

_SOURCE = re.compile(
    r"(patient|pat|subject|subj|sub|case|slide|donor|animal|mouse|rat|plate|well|scan|volume)[\s_.-]*\d+", re.IGNORECASE
)
_SERIES = re.compile(r"(slice|section|frame|page|stack|tile|time|field|fov|img|image|[ztpsf])\d+$", re.IGNORECASE)
_WORDS = re.compile(
    r"(images?|img|pictures?|pic|cells?|scans?|raw|fields?|fov|slices?|sections?|frames?|pages?|stacks?|tiles?|time|"
    r"masks?|nuclei|[a-z])$",
    re.IGNORECASE,
)


def _parts(name):
    """Return a name's parts: "WT/m1_slice 003" gives WT, m1, slice003."""
    parts = [part for part in re.split(r"[\s_.\-/]+", str(name)) if part]
    joined = []
    for part in parts:
        if joined and part.isdigit() and _SERIES.match(joined[-1] + part):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def _varying(names):
    """Return the parts of each name without those that all names have at the same place."""
    split = [_parts(name) for name in names]
    shortest = min(map(len, split))
    same = [i for i in range(shortest) if len({parts[i] for parts in split}) == 1] if len(split) > 1 else []
    return [[part for i, part in enumerate(parts) if i not in same] for parts in split], split


def groups_of(names) -> list[str]:
    """Tell from its name where each picture comes from: patient, slide, animal, stack; returns one source a name.

    A word such as "patient07" counts first, then a folder with a number, then a part with letters and a number that is
    no counter ("m1" in "WT_m1_003"), then what stands before a counter of slices or pages. Up to four different words
    without a number, such as "WT" and "KO", are conditions and no sources: see `conditions_of`. Where names tell
    nothing, each picture is a source of its own. Where a name tells too little, use `groups_from_csv`.
    """
    names = [str(name) for name in names]
    if not names:
        return []
    varying, whole = _varying(names)
    words = [_first_word(parts) for parts in varying]
    people = 5 <= len(set(words)) < len(names) and all(words)
    groups = []
    for name, parts, every, word in zip(names, varying, whole, words):
        source = _SOURCE.search(name)
        folders = [part for part in name.split("/")[:-1] if re.search(r"\d", part)]
        marked = [part for part in parts if re.search(r"\d", part) and re.search(r"[a-zA-Z]", part)]
        marked = [part for part in marked if not _SERIES.match(part) and not re.fullmatch(r"[a-zA-Z]+[A-Z]\d?", part)]
        numbers = [part for part in parts if part.isdigit()]
        counted = [part for part in every if _SERIES.match(part)]
        if source:
            groups.append(re.sub(r"[\s_.-]", "", source.group().lower()))
        elif folders:
            groups.append(folders[-1])
        elif people:
            groups.append(word)
        elif marked and (len(marked) > 1 or marked[0] != every[-1] or counted):
            groups.append(marked[0])
        elif len(numbers) > 1:
            groups.append("_".join(numbers[:-1]))
        elif counted and every and every[-1] == counted[-1] and not re.match(r"(img|image)\d+$", counted[-1], re.I):
            groups.append("_".join(every[:-1]) or "one stack")
        else:
            groups.append(name)
    return groups


def look_like_slices(images) -> bool:
    """Whether neighboring pictures look alike and distant ones do not, as the slices of one stack do."""
    if len(images) < 6:
        return False
    planes = [np.asarray(image, np.float32)[..., 0] for image in images]
    small = [cv2.resize(plane, (64, 64), interpolation=cv2.INTER_AREA) for plane in planes]
    fine = np.stack([(each - cv2.GaussianBlur(each, (0, 0), 8)).ravel() for each in small])
    fine -= fine.mean(axis=1, keepdims=True)
    fine /= np.maximum(np.linalg.norm(fine, axis=1, keepdims=True), 1e-9)
    alike = fine @ fine.T
    near, far = np.diag(alike, 1).mean(), alike[np.triu_indices(len(images), 4)].mean()
    return bool(near > 0.25 and near > far + 0.2)


def conditions_of(names) -> list[str]:
    """Tell from its name under which condition each picture was taken: "WT" in "WT_m1_003", "drugA" in "drugA/7".

    Returns one condition a name, or "" for all if the names hold no word that differs between them.
    """
    names = [str(name) for name in names]
    if not names:
        return []
    varying, _ = _varying(names)
    first = [_first_word(parts) for parts in varying]
    return first if 1 < len(set(first)) < min(5, len(names)) else [""] * len(names)


def _first_word(parts):
    return next((part for part in parts if re.fullmatch(r"[^\W\d_]+\+?", part) and not _WORDS.match(part)), "")


def groups_from_csv(path, names, name_column: str, group_column: str) -> list[str]:
    """Look up each picture's source or condition in a table: the value of `group_column` in the row of its name.

    The table may be separated by commas, semicolons or tabs, and written in UTF-8 or Latin-1, as Excel does.
    Raises PictureError for a missing column or a picture without a row, naming it.
    """
    path = Path(path).expanduser()
    try:
        content = read_whole(path)
    except GateError as error:
        raise PictureError(f"{path.name}: {error}. Save it as CSV.") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.partition("\n")[0]
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count)))
    except csv.Error as error:
        raise PictureError(
            f"{path.name}: is damaged or no table ({first_line(error)}). Save it as CSV again."
        ) from error
    columns = list(rows[0]) if rows else []
    for column in (name_column, group_column):
        if column not in columns:
            raise PictureError(
                f"{path.name}: has no column {column!r}; its columns are {', '.join(map(str, columns)) or 'none'}."
            )
    table = {}
    for row in rows:
        table[row[name_column]] = table[Path(row[name_column] or "").stem] = row[group_column]
    names = [str(name) for name in names]
    found = [next((table[k] for k in (n, Path(n).name, Path(n).stem) if k in table), None) for n in names]
    missing = [name for name, group in zip(names, found) if group is None]
    if missing:
        raise PictureError(
            f"{path.name}: no row for {', '.join(missing[:5])}. Add {'it' if len(missing) == 1 else 'them'} to "
            f"the column {name_column!r}."
        )
    return found


def sources_of(names, source_table=None) -> tuple[list[str], list[str]]:
    """Return the source and the condition of each picture as the settings of notebook 06 say.

    source_table: None (both are told from the names), "one stack" (all are slices of one), or `(path, name column,
    source column)` of a table, and a fourth, the condition's column, if names do not tell that. Raises PictureError for
    anything else, and what `groups_from_csv` raises.
    """
    if source_table is None:
        return groups_of(names), conditions_of(names)
    if source_table == "one stack":
        return ["stack"] * len(names), [""] * len(names)
    if isinstance(source_table, str) or len(source_table) not in (3, 4):
        raise PictureError(
            f'source_table is {source_table!r}; expected "one stack", or the path of a table and two or three of its '
            'columns, such as ("samples.csv", "file", "slide") or ("samples.csv", "file", "slide", "treatment").'
        )
    path, name_column, *columns = source_table
    sources, *conditions = (groups_from_csv(path, names, name_column, column) for column in columns)
    return sources, conditions[0] if conditions else conditions_of(names)


def split_by_source(groups, shares=(0.6, 0.2, 0.2), seed=0, conditions=None) -> list[np.ndarray]:
    """Share pictures out into sets so that no source is in two of them; returns the indices of each set.

    groups: the source of each picture, from `groups_of`; shares: of the pictures, in the order of the sets. conditions:
    of each picture, from `conditions_of`; each is shared out alike, so that no set lacks one that has enough sources.
    Pictures of a single source, such as the slices of one stack, are cut into blocks of neighbors, with a gap of at
    least one slice between sets if there are 12 or more. Raises PictureError if a set would be empty.
    """
    groups, shares = np.asarray(groups), np.asarray(shares, float) / np.sum(shares)
    sources, first, counts = np.unique(groups, return_index=True, return_counts=True)
    if len(sources) == 1:
        return _blocks(len(groups), shares)
    if len(sources) < len(shares):
        raise PictureError(
            f"there are {len(sources)} sources ({', '.join(map(str, sources))}) for {len(shares)} sets. Ask for fewer "
            "sets, or bring pictures of more sources."
        )
    conditions = np.asarray([""] * len(groups) if conditions is None else conditions)
    if len(conditions) != len(groups):
        raise PictureError(
            f"there are {len(groups)} sources and {len(conditions)} conditions; each picture needs both."
        )
    of_source = conditions[first]
    order = np.random.default_rng(seed).permutation(len(sources))
    order = order[np.argsort(-counts[order], kind="stable")]  # large sources first, so that small ones can fill up
    taken = {condition: np.zeros(len(shares)) for condition in of_source}
    total = {condition: counts[of_source == condition].sum() for condition in taken}
    members = [[] for _ in shares]
    for turn, i in enumerate(order):
        empty = [s for s in range(len(shares)) if not members[s]]
        alike = taken[of_source[i]]
        lacking = shares * total[of_source[i]] - alike
        lacking += 0.5 * (shares * len(groups) - sum(taken.values()))
        without = [s for s in range(len(shares)) if not alike[s]]
        if empty and len(order) - turn <= len(empty):
            s = max(empty, key=lambda e: lacking[e])
        elif without and (of_source[order[turn:]] == of_source[i]).sum() <= len(without):
            s = max(without, key=lambda e: lacking[e])  # the last chances of this condition go to sets that lack it
        else:
            s = int(np.argmax(lacking))
        members[s].append(sources[i])
        alike[s] += counts[i]
    return [np.flatnonzero(np.isin(groups, chosen)) for chosen in members]


def _blocks(n, shares):
    gap = max(1, round(0.03 * n)) if n >= 12 else 0
    cuts = np.round(np.cumsum(shares)[:-1] * (n - gap * (len(shares) - 1))).astype(int)
    blocks = np.split(np.arange(n - gap * (len(shares) - 1)), cuts)
    blocks = [block + gap * i for i, block in enumerate(blocks)]
    if not all(map(len, blocks)):
        raise PictureError(
            f"{n} pictures of one source are too few for {len(shares)} sets. Ask for fewer sets, or bring more "
            "pictures."
        )
    return blocks


def split_table(sets, names, groups, conditions=None, titles=("training", "validation", "test")) -> str:
    """Return the sets by name, as text: how many pictures, of which sources, under which conditions, and which."""
    lines = []
    for title, members in zip(titles, sets):
        sources = sorted({str(groups[i]) for i in members})
        said = f"{title}: {len(members)} pictures of {len(sources)} source{'s' if len(sources) > 1 else ''}"
        if conditions is not None and any(conditions):
            tally = {c: sum(conditions[i] == c for i in members) for c in sorted(set(conditions))}
            said += " (" + ", ".join(f"{count} {c or 'without condition'}" for c, count in tally.items()) + ")"
        last = f" ... {names[members[-1]]}" if len(members) > 8 else ""
        lines.append(f"{said}\n  {', '.join(str(names[i]) for i in members[:8])}{last}")
    left = sorted(set(range(len(names))) - {int(i) for members in sets for i in members})
    if left:
        lines.append(f"in no set, as the gap between neighbors: {', '.join(str(names[i]) for i in left)}")
    return "\n".join(lines)


def choose(pairs, indices) -> tuple:
    """Return `(images, masks)` of the chosen pictures, arrays or lists as in the pairs."""
    images, masks = pairs[0], pairs[1]
    if isinstance(images, np.ndarray):
        return images[indices], masks[indices]
    return [images[i] for i in indices], [masks[i] for i in indices]
