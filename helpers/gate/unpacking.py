"""Unpack a whole zip archive into an empty folder: every name and the sum of all sizes are looked at first."""

import math
import os
from pathlib import Path

from helpers.gate.archives import GateError, copy_member, open_archive
from helpers.gate.names import is_shown_as_it_is, printable

MOST_DEEP = 50  # folders in folders
LONGEST = 255  # bytes of one name, on nearly all disks


def unpack_all(archive, folder, limit: int) -> None:
    """Unpack a zip archive into a folder that is empty, with at most `limit` bytes in all.

    Raises GateError before anything is written for names that lead out of the folder, that a disk or a screen cannot
    hold, or that stand for a file and a folder at once, and as `copy_member` for what cannot be unpacked.
    """
    with open_archive(archive, directory=20_000_000) as members:
        infos = members.infolist()
        for info in infos:
            _check_name(info.filename, Path(folder).resolve())
        _check_places([info for info in infos if not info.is_dir()])
        if sum(info.file_size for info in infos) > limit:
            raise GateError(f"unpacks to more than {limit:,} bytes. Unpack by hand what you need")
        for info in infos:
            place = Path(folder) / info.filename
            if info.is_dir():
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                copy_member(members, info.filename, file, limit, densest=math.inf)  # the sum of all is limited instead


def _check_name(name, folder):
    said, parts = printable(name, 60), Path(name).parts
    if not parts:
        raise GateError("has a part without a name")
    if not is_shown_as_it_is(name):
        raise GateError(f"has the part {said}, whose name cannot be shown. Unpack it by hand and rename it")
    if len(parts) > MOST_DEEP or any(len(os.fsencode(part)) > LONGEST for part in parts):
        raise GateError(
            f"has the part {said}, whose name is too long for a disk: at most {LONGEST} bytes and {MOST_DEEP} folders. "
            "Pack it again with shorter names"
        )
    if not (folder / name).resolve().is_relative_to(folder):
        raise GateError(f"has the part {said}, which reaches outside its folder. Do not use this archive")


def _check_places(infos):
    files = set()
    for info in infos:
        place = Path(info.filename)
        if place in files:
            raise GateError(f"has two parts of the name {printable(place, 60)}. Unpack it by hand")
        files.add(place)
    for place in files:
        if not files.isdisjoint(place.parents):
            raise GateError(f"has a file and a folder of one name, above {printable(place, 60)}. Unpack it by hand")
