"""Which pictures come from one source, under which condition, and sets that share no source."""

import cv2
import numpy as np

from helpers.gate import printable
from helpers.own_images.files import PictureError
from helpers.own_images.name_parts import SET_FOLDERS, parts_of, varying
from helpers.own_images.names import number_order
from helpers.own_images.source_tables import conditions_from_csv, groups_from_csv
from helpers.own_images.sources import conditions_of, groups_of

SETS = ("training", "validation", "test")
_ALIKE = ("ordered", "part", "eye", "stain", "view")  # what differs in names within one stack


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
    sources = groups_from_csv(path, names, name_column, columns[0])
    if len(columns) == 1:
        return sources, conditions_of(names)
    return sources, conditions_from_csv(path, names, name_column, columns[1])


def split_by_source(groups, shares=(0.6, 0.2, 0.2), seed=0, conditions=None, names=None) -> list[np.ndarray]:
    """Share pictures out into sets so that no source is in two of them; returns the indices of each set.

    groups: the source of each picture, from `groups_of`; shares: of the pictures, in the order of the sets. conditions:
    of each picture, from `conditions_of`; each is shared out alike, so that no set lacks one that has enough sources.
    Pictures of a single source, such as the slices of one stack, are cut into blocks of neighbors, with a gap of at
    least one slice between sets if there are 12 or more. names: of the pictures; with them, neighbors are those by
    number, and folders such as train, val and test stay these sets (a missing one is cut from train). Without them,
    the order is that of the groups. Raises PictureError if a set would be empty.
    """
    groups, shares = np.asarray(groups), np.asarray(shares, float) / np.sum(shares)
    for said, each in (("conditions", conditions), ("names", names)):
        if each is not None and len(each) != len(groups):
            raise PictureError(f"there are {len(groups)} sources and {len(each)} {said}; each picture needs both.")
    own = own_sets(names) if names is not None and len(shares) == 3 else None
    if own is not None:
        return _kept_sets(np.asarray(own), groups, shares, seed, conditions, names)
    sources, counts = np.unique(groups, return_counts=True)
    if len(sources) == 1:
        return blocks_of_neighbors(len(groups), shares, names)
    if len(sources) < len(shares):
        raise PictureError(
            f"there are {len(sources)} sources ({', '.join(map(str, sources))}) for {len(shares)} sets. Bring pictures "
            "of more sources. Or name smaller sources, such as slides or days, in a table: source_table = "
            '("samples.csv", "file", "slide"), or --sources samples.csv file slide with index. Then a score says less '
            "about new sources."
        )
    kinds, kind_of = np.unique([""] * len(groups) if conditions is None else conditions, return_inverse=True)
    held = np.zeros((len(sources), len(kinds)))
    np.add.at(held, (np.searchsorted(sources, groups), kind_of), 1)
    parts = held / counts[:, None]  # of each source, how much is of which condition
    order = np.random.default_rng(seed).permutation(len(sources))
    order = order[np.argsort(-counts[order], kind="stable")]  # large sources first, so that small ones can fill up
    taken, total = np.zeros((len(kinds), len(shares))), held.sum(axis=0)
    still = np.count_nonzero(held, axis=0)  # sources of each condition that no set has yet
    members = [[] for _ in shares]
    for turn, i in enumerate(order):
        empty = [s for s in range(len(shares)) if not members[s]]
        lacking = parts[i] @ (shares * total[:, None] - taken)
        lacking += 0.5 * (shares * len(groups) - taken.sum(axis=0))
        scarce = []  # sets that lack a condition of which few sources are left
        for kind in np.flatnonzero(held[i]):
            without = [s for s in range(len(shares)) if not taken[kind, s]]
            if without and still[kind] <= len(without):
                scarce = scarce or without
        if empty and len(order) - turn <= len(empty):
            s = max(empty, key=lambda e: lacking[e])
        elif scarce:
            s = max(scarce, key=lambda e: lacking[e])  # the last chances of this condition go to sets that lack it
        else:
            s = int(np.argmax(lacking))
        members[s].append(sources[i])
        taken[:, s] += held[i]
        still -= held[i] > 0
    return [np.flatnonzero(np.isin(groups, chosen)) for chosen in members]


def _kept_sets(own, groups, shares, seed, conditions, names):
    """Return the sets that the folders name; those that no folder names are cut from training, by source."""
    sets = [np.flatnonzero(own == s) for s in range(3)]
    missing = [s for s in range(3) if not len(sets[s])]
    if missing:
        pool, cut = sets[0], [0, *missing]
        kinds = None if conditions is None else np.asarray(conditions)[pool]
        try:
            parts = split_by_source(groups[pool], shares[cut], seed, kinds, [names[i] for i in pool])
        except PictureError as error:
            raise PictureError(f"in the folder of the training set, {error}") from error
        for s, part in zip(cut, parts):
            sets[s] = pool[part]
    return sets


def blocks_of_neighbors(n: int, shares, names=None) -> list[np.ndarray]:
    """Return the indices of blocks of neighbors, one a set, with a gap between them if there are 12 or more.

    names: of the n pictures; with them, the order is that of their numbers, and the channels or tiles of one slice or
    time stay together. Raises PictureError if a block would be empty.
    """
    if names is None:
        return _blocks(n, shares)
    order = np.asarray(number_order(names))
    units = _units([str(names[i]) for i in order])
    if len(set(units)) < len(shares):
        return [order[block] for block in _blocks(n, shares)]
    places = {unit: place for place, unit in enumerate(dict.fromkeys(units))}
    place = np.asarray([places[unit] for unit in units])
    return [order[np.isin(place, block)] for block in _blocks(len(places), shares)]


def _units(names):
    """Return for each name what its slice and time is; a number of its own where names hold more than counters."""
    rows = varying(parts_of(names))
    if not all(part.kind in _ALIKE for row in rows for part in row):
        return list(range(len(names)))
    return [tuple(part.value for part in row if part.kind == "ordered") for row in rows]


def _blocks(n, shares):
    gap = max(1, round(0.03 * n)) if n >= 12 else 0
    cuts = np.round(np.cumsum(shares)[:-1] * (n - gap * (len(shares) - 1))).astype(int)
    blocks = np.split(np.arange(n - gap * (len(shares) - 1)), cuts)
    blocks = [block + gap * i for i, block in enumerate(blocks)]
    if not all(map(len, blocks)):
        raise PictureError(f"{n} pictures of one source are too few for {len(shares)} sets. Bring more pictures.")
    return blocks


def own_sets(names) -> list[int] | None:
    """Return the set that a folder names for each picture (0 training, 1 validation, 2 test), or None.

    "train/images/7" lies in training. None if a picture lies in no such folder, or there are not training and another.
    """
    found = []
    for name in names:
        named = [SET_FOLDERS[part.lower()] for part in str(name).split("/")[:-1] if part.lower() in SET_FOLDERS]
        if not named:
            return None
        found.append(named[0])
    return found if 0 in found and len(set(found)) > 1 else None


def set_remarks(sets, names, groups) -> list[str]:
    """Return in sentences if folders named the sets, if these are others now, and if a source is in two of them."""
    own, remarks = own_sets(names) if len(sets) == 3 else None, []
    if own is not None:
        missing = [s for s in range(3) if s not in own]
        moved = [(i, s) for s, members in enumerate(sets) for i in members if own[i] != s]
        wrong = [(i, s) for i, s in moved if not (own[i] == 0 and s in missing)]
        if wrong:
            i, s = wrong[0]
            remarks.append(
                f"{len(wrong)} pictures lie in folders that name another set, such as {printable(names[i])} in "
                f"{SETS[s]}. split_by_source with names=names keeps the sets of the folders."
            )
        else:
            cut = f"; {' and '.join(SETS[s] for s in missing)} is cut from {SETS[0]}" if missing else ""
            remarks.append(f"The sets are those that the folders name{cut}.")
    owners = {}
    for s, members in enumerate(sets):
        for i in members:
            owners.setdefault(str(groups[i]), set()).add(s)
    shared = [source for source, held in owners.items() if len(held) > 1]
    if shared and len(owners) > 1:
        where = " and ".join(SETS[s] for s in sorted(owners[shared[0]]))
        more = f", and so on for {len(shared) - 1} more" if len(shared) > 1 else ""
        remarks.append(
            f"The source {printable(shared[0])} is in {where}{more}. If it is the same one there, scores are too good."
        )
    return remarks


def split_table(sets, names, groups, conditions=None) -> str:
    """Return the sets by name, as text: how many pictures, of which sources, under which conditions, and which.

    It ends with what is to be known of them, as `set_remarks` says it.
    """
    lines = []
    for title, members in zip(SETS, sets):
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
    return "\n".join([*lines, *set_remarks(sets, names, groups)])


def choose(pairs, indices) -> tuple:
    """Return `(images, masks)` of the chosen pictures, arrays or lists as in the pairs."""
    images, masks = pairs[0], pairs[1]
    if isinstance(images, np.ndarray):
        return images[indices], masks[indices]
    return [images[i] for i in indices], [masks[i] for i in indices]
