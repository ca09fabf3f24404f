"""Walk through a folder of a stranger's: no circles, no depths, no names that forge a line, no links out of it."""

import os
import unicodedata
from pathlib import Path
from typing import NamedTuple

from helpers.gate import is_shown_as_it_is, printable
from helpers.own_images.files import PictureError, ending_of
from helpers.own_images.names import holds_by_name

DEEPEST = 50  # folders in folders
_SKIPPED = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information")


class Found(NamedTuple):
    """Files with one of the endings, name without ending to path, and the names of all others."""

    keyed: dict
    others: list


def files_of(folder, endings, without=None) -> Found:
    """Return the files of a folder and the folders in it, those in `without` and of the system left out.

    Raises PictureError for two files of one name, for names that forge a line and for links that lead out.
    """
    keyed, others = {}, []
    for path in sorted(everything_in(folder)):
        parts = path.relative_to(folder).parts
        if any(part.startswith((".", "~")) or part.lower() in _SKIPPED for part in parts):
            continue
        if without is not None and path.is_relative_to(without):
            continue
        if path.is_symlink() and (ending_of(path) in endings or path.is_dir()):
            check_link(path, folder)
        if path.is_dir():
            if not may_open(path):
                others.append(f"the folder {printable(path.name)}, which you may not open")
            continue
        if ending_of(path) not in endings:
            others.append(printable(path.name))
            continue
        check_name(path, folder)
        bare = path.relative_to(folder).as_posix()[: -len(ending_of(path))]
        key = unicodedata.normalize("NFC", bare)
        if key in keyed:
            raise PictureError(
                f"{path.name}: there is also {keyed[key].name} in {folder}, and both have the name {key!r}. Keep one "
                "of them."
            )
        keyed[key] = path
    return Found(keyed, others)


def everything_in(folder):
    """Yield what is in a folder and in the folders in it; links to folders are not followed.

    Raises PictureError for more than 50 folders in each other.
    """
    for place, folders, files in os.walk(folder, onerror=_told):
        if len(Path(place).relative_to(folder).parts) > DEEPEST:
            raise PictureError(
                f"{folder.name}: holds folders in folders, more than {DEEPEST} deep, such as {printable(place, 80)}. "
                "Choose the folder that holds the pictures."
            )
        yield from (Path(place, name) for name in [*folders, *files])


def only_folder(folder):
    """Return the only folder in a folder, as archives unpack to, or None; none whose name says what it holds."""
    inside = [path for path in folder.iterdir() if path.name[0] != "." and path.name.lower() not in _SKIPPED]
    alone = len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() and may_open(inside[0])
    return inside[0] if alone and not holds_by_name(inside[0].name) else None


def may_open(folder) -> bool:
    """Return whether the system lets this user look into a folder."""
    return os.access(folder, os.R_OK | os.X_OK)


def _told(error):
    """Raise what the system says of a folder, unless it is that nobody may look into it."""
    if not isinstance(error, PermissionError):
        raise error


def check_name(path, folder) -> None:
    """Raise PictureError for a file in a folder whose name would be shown as something else than it is."""
    if not is_shown_as_it_is(path.relative_to(folder)):
        raise PictureError(
            f"{printable(path.name)}: its name, or that of its folder, holds line ends, control codes or bytes that "
            "are no text, shown here as \\x... Rename it."
        )


def check_link(path, folder) -> None:
    """Raise PictureError for a link that leads out of a folder, or nowhere."""
    try:
        target = path.resolve()
    except (OSError, RuntimeError):  # a circle of links
        target = folder / "a circle of links"
    if not target.is_relative_to(folder):
        raise PictureError(
            f"{path.name}: is a link to {target}, out of the folder {folder}. Copy the file itself into the folder."
        )
    if not target.exists():
        raise PictureError(
            f"{path.name}: is a link to a file that is not there. Copy the file itself into the folder."
        )
