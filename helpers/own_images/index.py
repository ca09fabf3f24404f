"""Index a folder: write a manifest with one row for each picture and its mask, once each was read and found sound."""

import csv
import io
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from helpers.gate import printable
from helpers.own_images.asking import answered, raise_all
from helpers.own_images.channels import a_range_is_needed
from helpers.own_images.files import PictureError, first_of
from helpers.own_images.keeping import write_new
from helpers.own_images.layouts import existing_folder, find_layout
from helpers.own_images.manifest import COLUMNS, file_fingerprint, foreground_from
from helpers.own_images.mask_suspicions import look_at, object_hints, suspicions
from helpers.own_images.masks import FolderFacts, folder_facts, foreground_of, half_of_white
from helpers.own_images.names import number_order
from helpers.own_images.pairs import read_pair
from helpers.own_images.picture_kinds import check_colors, cut_warnings, picture_hints
from helpers.own_images.splits import SETS, set_remarks, sources_of, split_by_source
from helpers.settings import check_switch

_SKIP = "\nTo leave them out, pass skip_broken=True (--skip-broken in the command line)."


def index_folder(
    images_dir, masks_dir=None, out=None, seed=0, source_table=None, foreground="", value_range=None, channel=None,
    skip_broken=False, overwrite=False, progress=True,
) -> tuple[Path, list[str]]:
    """Read every pair of a folder once and write a manifest; returns its path, and in words what should be known.

    The manifest is a CSV with a row a pair: image and mask (paths, counted from its own folder), source and set (as
    `sources_of` and `split_by_source` tell them), the fingerprints of both files, and which numbers of the mask
    count, where the file alone does not say so. One pair at a time is in memory.

    images_dir, masks_dir, value_range, channel: as in `load_pairs`. out: the new file; without it, manifest.csv in
    `images_dir`. source_table, seed: as in `sources_of` and `split_by_source`; folders such as train, val and test stay
    these sets. foreground: "nonzero", "half", "above 127", numbers such as "2" or "1 3", or a color such as "#ff0000";
    or as in `load_pairs`. skip_broken: leave out pairs that cannot be used. overwrite: replace a manifest that is
    there. Raises FileExistsError for a file that is there, FileNotFoundError or NotADirectoryError for a folder that is
    none, and PictureError with one line for each kind of fault.
    """
    check_switch(skip_broken, "skip_broken"), check_switch(overwrite, "overwrite")
    folder = existing_folder(images_dir, "images_dir")
    out = Path(out).expanduser().absolute() if out else folder / "manifest.csv"
    if os.path.lexists(out) and not (overwrite and out.is_file()):
        raise FileExistsError(
            f"{printable(out.name)} exists already in {printable(out.parent)}, and nothing is written over. Choose "
            "another name with out=, or pass overwrite=True (--out, --overwrite in the command line)."
        )
    foreground = _as_text(foreground)
    foreground_from(foreground)
    layout = _layout(images_dir, masks_dir, skip_broken)
    matches = [layout.matches[i] for i in number_order(match.key for match in layout.matches)]
    rows, problems = _read_all(matches, foreground, (value_range, channel), progress)
    notes = [*layout.remarks, *(f"Left out: {text}" for _, text in problems)]
    if problems and not (skip_broken and rows):
        try:
            raise_all(problems, len(layout.matches))
        except PictureError as error:
            raise PictureError(f"{error}{_SKIP if rows else ''}") from None
    suspected = _suspicions(rows, value_range)
    names = list(rows)
    sources, conditions = sources_of(names, source_table)
    set_of = np.full(len(names), "", "<U10")
    sets = split_by_source(sources, seed=seed, conditions=conditions, names=names)
    for title, members in zip(SETS, sets):
        set_of[members] = title
    _write(out, [
        (_relative(row.match.image, out), _relative(row.match.mask, out), source, part, row.prints, row.foreground)
        for row, source, part in zip(rows.values(), sources, set_of)
    ], overwrite)
    remarks = [*notes, *suspected, *set_remarks(sets, names, sources), *_repeated(rows, set_of)]
    return out, [*remarks, _summary(set_of, sources)]


def _layout(images_dir, masks_dir, skip_broken):
    """Return the layout; if some pictures have no partner, the error says how to leave them out."""
    try:
        return find_layout(images_dir, masks_dir, skip_broken)
    except PictureError as error:
        try:
            find_layout(images_dir, masks_dir, True)
        except PictureError:
            raise error from None
        raise PictureError(f"{error}{_SKIP}") from None


def _as_text(foreground):
    """Return `foreground` as a manifest holds it, whether it was given so or as `load_pairs` takes it."""
    if foreground is None or isinstance(foreground, str):
        return foreground or ""
    values = foreground if isinstance(foreground, (list, set)) else [foreground]
    return " ".join("#%02x%02x%02x" % value if isinstance(value, tuple) else str(value) for value in values)


class _Kept(NamedTuple):
    """What is remembered of a sound pair: files, fingerprints, which numbers count, what was seen, half of white."""

    match: object
    prints: str
    foreground: str
    looks: list
    seen: list
    half: float


def _read_all(matches, foreground, reading, progress):
    """Return `{name: what is remembered}` of the sound pairs, and `(name, what is wrong)` of the others."""
    rows, problems, unclear, facts, asked = {}, [], [], FolderFacts(False, 0, True), foreground_from(foreground)
    for match in tqdm(matches, unit="pair", disable=not progress):
        try:
            pages = _pages(match, reading)
            mine = folder_facts([page.mask for page in pages])
            facts = FolderFacts(*(f(both) for f, both in zip((any, max, all), zip(facts, mine))))
            rows[match.key] = _Kept(
                match, _fingerprints(match), foreground, [], [page.seen for page in pages], half_of_white(mine))
            rows[match.key].looks.extend(_looks(pages, asked, mine))
        except PictureError as error:
            if match.key in rows and not foreground:  # it may be clear once all masks are known
                unclear.append(match)
            else:
                problems.append((match.image.name, error))
                rows.pop(match.key, None)
    for match in unclear:
        try:
            looks = []
            for page in _pages(match, reading):
                inside, held = foreground_of(page.mask, None, facts)
                if not np.array_equal(inside, foreground_of(page.mask, "nonzero", facts)[0]):
                    raise PictureError(f"{page.mask.name}: is unclear. Save 0 for background and 255 for foreground.")
                looks.append(look_at(page.name, inside, page.mask, held))
            rows[match.key] = rows[match.key]._replace(foreground="nonzero", looks=looks)
        except PictureError as error:
            problems.append((match.image.name, error))
            rows.pop(match.key)
    if foreground == "half":  # of the white of all masks; when one is read later, the others are not there
        half = half_of_white(facts)
        for key, row in rows.items():
            looks = row.looks if row.half == half else _looks(_pages(row.match, reading), asked, facts)
            rows[key] = row._replace(foreground=f"above {half:g}", looks=looks)
    if foreground and rows and not any(look.share for row in rows.values() for look in row.looks):
        raise PictureError(f"foreground={foreground!r} occurs in none of the {len(rows):,} masks. Choose another.")
    beside = {a_range_is_needed: [each.values for row in rows.values() for each in row.seen]}
    return rows, answered(problems, beside)


def _looks(pages, asked, facts):
    """Return what was seen in the masks of a pair."""
    read = [(page, *foreground_of(page.mask, asked, facts)) for page in pages]
    return [look_at(page.name, inside, page.mask, held, asked) for page, inside, held in read]


def _suspicions(rows, value_range):
    """Return what `load_pairs` would say of these pairs. Raises PictureError if colors were read by two rules."""
    looks = [look for row in rows.values() for look in row.looks]
    seen = [each for row in rows.values() for each in row.seen]
    check_colors(seen)
    hints = picture_hints(seen, value_range) + object_hints(looks)
    return hints + cut_warnings(seen, value_range) + suspicions(looks, indexed=True)


def _pages(match, reading):
    if match.objects is not None or isinstance(match.mask, tuple):
        held = "in annotations" if match.objects is not None else f"in {len(match.mask)} files"
        raise PictureError(
            f"{match.image.name}: its objects lie {held}, and an index needs one mask file for each picture. Load them "
            "with load_pairs and write each mask with save_mask."
        )
    return read_pair(match, *reading)


def _fingerprints(match):
    try:
        return f"{file_fingerprint(match.image)}-{file_fingerprint(match.mask)}"
    except OSError as error:
        raise PictureError(f"{match.image.name}: cannot be read ({error.strerror}).") from error


def _relative(path, out):
    try:
        return Path(os.path.relpath(path, os.path.realpath(out.parent))).as_posix()
    except ValueError:  # on another drive of Windows
        return path.as_posix()


def _write(out, rows, overwrite):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    draft = out.with_name(f".draft-{os.getpid()}-{out.name}") if overwrite else out
    write_new(draft, lambda file: file.write(text.getvalue().encode()))
    if overwrite:
        os.replace(draft, out)


def _repeated(rows, set_of):
    """Return a note if files of two sets are the same picture, byte for byte."""
    first, repeated = {}, []
    names = list(rows)
    for i, (key, row) in enumerate(rows.items()):
        other = first.setdefault(row.prints.split("-")[0], i)
        if set_of[i] and set_of[other] and set_of[i] != set_of[other]:
            repeated.append(f"{printable(names[other])} ({set_of[other]}) and {printable(key)} ({set_of[i]})")
    if not repeated:
        return []
    named = first_of(repeated, 1, ", and {:,} more")
    return [f"The same picture is in two sets, so scores will be too good: {named}."]


def _summary(set_of, sources):
    counts = ", ".join(f"{part} {int((set_of == part).sum()):,}" for part in SETS)
    left = int((set_of == "").sum())
    gap = f", in no set as the gap between neighbors {left:,}" if left else ""
    many = len(set(sources))
    return f"{len(sources):,} pairs of {many:,} source{'s' if many > 1 else ''}: {counts}{gap}."
