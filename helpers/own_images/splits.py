"""Which pictures come from one source, and sets that share no source."""

import csv
import re
from pathlib import Path

import numpy as np

from helpers.own_images.files import PictureError

_SOURCE = re.compile(
    r"(patient|pat|subject|subj|sub|case|slide|donor|animal|mouse|rat|plate|well|scan|volume)[\s_.-]*\d+", re.IGNORECASE
)
_SERIES = re.compile(r"(slice|section|frame|page|stack|tile|time|[ztp])[\s_.-]*\d+$", re.IGNORECASE)


def groups_of(names) -> list[str]:
    """Tell from its name where each picture comes from: patient, slide, stack, folder; returns one group a name.

    A word such as "patient07" counts first, then the folder, then what stands before the last number of a series
    (pages, slices). Where names tell nothing, each picture is a group of its own.
    """
    names = [str(name) for name in names]
    groups = []
    for name in names:
        folder, _, stem = name.rpartition("/")
        source = _SOURCE.search(name)
        series = _SERIES.search(stem)
        if source:
            groups.append(source.group().lower())
        elif folder:
            groups.append(folder)
        elif series and series.start():
            groups.append(stem[: series.start()].rstrip(" _.-"))
        else:
            groups.append(re.sub(r"[\s_.-]*\d+$", "", stem) or stem)
    if len(set(groups)) == 1 and not any(_SOURCE.search(n) or _SERIES.search(n) or "/" in n for n in names):
        return names  # img_1, img_2 ...: a number alone names no source
    return groups


def groups_from_csv(path, names, name_column: str, group_column: str) -> list[str]:
    """Look up each picture's source in a table: the value of `group_column` in the row whose `name_column` is its name.

    Raises PictureError for a missing column or a picture without a row, naming it.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    for column in (name_column, group_column):
        if column not in columns:
            raise PictureError(
                f"{Path(path).name}: has no column {column!r}; its columns are {', '.join(columns) or 'none'}."
            )
    table = {Path(row[name_column]).stem: row[group_column] for row in rows}
    missing = [name for name in names if Path(name).name not in table and Path(name).stem not in table]
    if missing:
        raise PictureError(
            f"{Path(path).name}: no row for {', '.join(missing[:5])}. Add {'it' if len(missing) == 1 else 'them'} to "
            f"the column {name_column!r}."
        )
    return [table.get(Path(name).name, table.get(Path(name).stem)) for name in names]


def split_by_source(groups, shares=(0.6, 0.2, 0.2), seed=0) -> list[np.ndarray]:
    """Share pictures out into sets so that no source is in two of them; returns the indices of each set.

    groups: one a picture, from `groups_of`; shares: of the pictures, in the order of the sets. Pictures of one single
    source (the slices of one stack) are cut into blocks of neighbors, for neighbors look alike.
    Raises PictureError if there are fewer sources (or pictures) than sets.
    """
    groups = np.asarray(groups)
    shares = np.asarray(shares, float) / np.sum(shares)
    sources, counts = np.unique(groups, return_counts=True)
    if len(sources) == 1 and len(groups) >= len(shares):
        cuts = np.round(np.cumsum(shares)[:-1] * len(groups)).astype(int)
        return np.split(np.arange(len(groups)), cuts)
    if len(sources) < len(shares):
        raise PictureError(
            f"there are {len(sources)} sources ({', '.join(map(str, sources))}) for {len(shares)} sets. Ask for fewer "
            "sets, or bring pictures of more."
        )
    order = np.random.default_rng(seed).permutation(len(sources))
    order = order[np.argsort(-counts[order], kind="stable")]  # large sources first, so that small ones can fill up
    held, members = np.zeros(len(shares)), [[] for _ in shares]
    for turn, i in enumerate(order):
        empty = [s for s in range(len(shares)) if not members[s]]
        must = empty and len(order) - turn <= len(empty)
        s = empty[0] if must else int(np.argmax(shares * len(groups) - held))
        members[s].append(sources[i])
        held[s] += counts[i]
    return [np.flatnonzero(np.isin(groups, chosen)) for chosen in members]


def choose(pairs, indices) -> tuple:
    """Return `(images, masks)` of the chosen pictures, arrays or lists as in the pairs."""
    images, masks = pairs[0], pairs[1]
    if isinstance(images, np.ndarray):
        return images[indices], masks[indices]
    return [images[i] for i in indices], [masks[i] for i in indices]
