"""The sets that folders of the user's own name, such as train, val and test, and what is to be known of sets."""

from helpers.gate import printable
from helpers.own_images.name_parts import SET_FOLDERS

_TITLES = ("training", "validation", "test")


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


def set_remarks(sets, names, groups, titles=_TITLES) -> list[str]:
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
                f"{titles[s]}. split_by_source with names=names keeps the sets of the folders."
            )
        else:
            cut = f"; {' and '.join(titles[s] for s in missing)} is cut from {titles[0]}" if missing else ""
            remarks.append(f"The sets are those that the folders name{cut}.")
    owners = {}
    for s, members in enumerate(sets):
        for i in members:
            owners.setdefault(str(groups[i]), set()).add(s)
    shared = [source for source, held in owners.items() if len(held) > 1]
    if shared and len(owners) > 1:
        where = " and ".join(titles[s] for s in sorted(owners[shared[0]]))
        more = f", and so on for {len(shared) - 1} more" if len(shared) > 1 else ""
        remarks.append(
            f"The source {printable(shared[0])} is in {where}{more}. If it is the same one there, scores are too good."
        )
    return remarks
