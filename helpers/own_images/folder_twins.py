"""Folders that hold files of the same names: the same pictures twice, or pictures and masks."""

from helpers.gate import printable
from helpers.own_images.files import PictureError
from helpers.own_images.names import bare_name


def check_twins(folder, keyed):
    """Raise PictureError if folders hold the same pictures in several formats: each would be there twice."""
    held, others = {}, False
    for key in keyed:
        top, _, rest = key.partition("/")
        known = top.lower() in ("png", "tif", "tiff", "jpg", "jpeg", "bmp")
        others |= not known
        if known:
            held.setdefault(top, set()).add(rest)
    twins = [top for top in held if any(held[top] & other for name, other in held.items() if name != top)]
    if twins and not others:
        raise PictureError(
            f"the folders {', '.join(map(printable, twins))} in {folder} hold files of the same names. If these are "
            f"the same pictures in several formats, give one folder, such as {printable(folder / twins[0])}. If one of "
            "them holds the masks, give both, as images_dir and masks_dir."
        )


def with_the_same_names(folder, keyed):
    """Return which two folders to give, where their files have the same names; or nothing."""
    names = {}
    for key in keyed:
        top, slash, rest = key.partition("/")
        if slash:
            names.setdefault(top, set()).add(bare_name(rest))
    tops = [top for top in names if any(names[top] == held for other, held in names.items() if other != top)]
    if len(tops) != 2:
        return ""
    one, two = (printable(folder / top) for top in tops)
    return f"\nThe files in {one} and {two} have the same names. If one folder holds the masks, give both."
