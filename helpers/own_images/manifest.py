"""A manifest: a CSV with one row for each picture and its mask, from which a training reads files one by one."""

import csv
import hashlib
from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.gate import first_line, printable
from helpers.own_images.channels import to_gray
from helpers.own_images.files import PictureError, file_sha256
from helpers.own_images.layouts import Match
from helpers.own_images.masks import ABOVE, codes_of, folder_facts, foreground_of
from helpers.own_images.pairs import read_pair
from helpers.own_images.plain_png import decode_plain_png

COLUMNS = ("image", "mask", "source", "set", "fingerprint", "foreground")
_SMALL = 10_000_000  # bytes of a file that is read at once
_NEEDED = ("image", "mask", "set", "fingerprint")


class ChangedFileError(PictureError):
    """A file is not the one that was indexed: it can be read, and its fingerprint is another."""


class ManifestRow(NamedTuple):
    """A pair in a manifest: two paths, the fingerprints of both files, and which numbers of the mask count."""

    image: Path
    mask: Path
    fingerprint: str
    foreground: str


class Manifest:
    """The rows of one set of a manifest: `len(manifest)`, `manifest[i]`, its `part`, and `sets`, the rows of each set.

    Rows stay text until they are asked for, so that 200,000 of them take about 30 MB. Paths in a manifest are counted
    from its folder.
    """

    def __init__(self, path, part: str | None = None):
        """Read a manifest; `~` is home. part: "training", "validation" or "test"; None takes all rows.

        Raises PictureError if it is missing, damaged or no manifest, or if the set has no rows.
        """
        self.path, self.part, self.sets = Path(path).expanduser().absolute(), part, {}
        text, ends, names = bytearray(), array("q"), None
        for number, line in enumerate(self._lines(), 1):
            if names is None:
                names = self._columns(line)
                continue
            cells = self._cells(line)
            if not cells:
                continue
            if len(cells) != len(names) or not all(cells[self._place[name]] for name in ("image", "mask")):
                raise PictureError(f"{self.path.name}: line {number} is damaged: {printable(line, 80)}. Make it again.")
            each = cells[self._place["set"]]
            self.sets[each] = self.sets.get(each, 0) + 1
            if part is None or each == part:
                text += line.encode()
                ends.append(len(text))
        if not ends:
            held = ", ".join(f"{name or 'no set'} ({count:,})" for name, count in self.sets.items())
            wanted = f"of the set {part!r}; it has {held}" if self.sets else "below its first line"
            raise PictureError(f"{self.path.name}: has no rows {wanted}.")
        self._text, self._ends = bytes(text), ends

    def _lines(self):
        """Yield the lines one by one, so that the memory holds little more than the rows that are kept."""
        try:
            if self.path.exists() and not self.path.is_file():  # a pipe would wait for ever
                raise PictureError(f"{self.path.name}: is not a file. Give the CSV that the index wrote.")
            with self.path.open(encoding="utf-8-sig") as file:
                yield from (line.rstrip("\n") for line in file)
        except UnicodeDecodeError as error:
            raise PictureError(f"{self.path.name}: is no text in UTF-8. Save it as CSV in UTF-8.") from error
        except OSError as error:
            raise PictureError(
                f"{self.path.name}: cannot be read ({error.strerror}). Make it with "
                f"python -m helpers.own_images index FOLDER, or look at the path: {self.path}"
            ) from error

    def _columns(self, head):
        self._delimiter = max(",;\t", key=head.count)
        names = self._cells(head)
        if missing := [name for name in _NEEDED if name not in names]:
            raise PictureError(
                f"{self.path.name}: is no manifest, because it has no column {missing[0]!r}. Make one with "
                "python -m helpers.own_images index FOLDER"
            )
        self._place = {name: names.index(name) for name in COLUMNS if name in names}
        return names

    def _cells(self, line):
        try:
            return next(csv.reader([line], delimiter=self._delimiter, strict=True), [])
        except csv.Error as error:
            raise PictureError(f"{self.path.name}: is damaged ({first_line(error)}). Make it again.") from error

    def __len__(self):
        return len(self._ends)

    @property
    def fingerprint(self) -> str:
        """Digits that change when a row of this set does, or the fingerprint of a file in it."""
        return hashlib.sha256(self._text).hexdigest()[:16]

    def __getitem__(self, i) -> ManifestRow:
        start, end = self._ends[i - 1] if i else 0, self._ends[i]
        cells = self._cells(self._text[start:end].decode())
        image, mask, fingerprint, foreground = (
            cells[self._place[name]] if name in self._place else ""
            for name in ("image", "mask", "fingerprint", "foreground")
        )
        return ManifestRow(self.path.parent / image, self.path.parent / mask, fingerprint, foreground)


def file_fingerprint(path) -> str:
    """Return 16 hexadecimal digits that change when a byte of a file does: the beginning of its SHA-256."""
    return file_sha256(path)[:16]


def foreground_from(text: str):
    """Return `foreground` as `load_pairs` takes it, from a text such as "", "half", "above 127", "1 3" or "#ff0000"."""
    if text in ("", "nonzero", "half") or ABOVE.fullmatch(text):
        return text or None
    try:
        return [
            tuple(bytes.fromhex(word[1:])) if word[:1] == "#" and len(word) == 7 else int(word) for word in text.split()
        ]
    except ValueError:
        raise PictureError(
            f"foreground is {text!r}; expected nonzero, half, above 127, numbers such as 2 or 1 3, or a color such as "
            "#ff0000."
        ) from None


def read_row(row: ManifestRow, value_range=None, channel=None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read the pair of a row: for each page its image `[h, w, 1]`, float32 in 0..1, and its mask, uint8 in {0, 1}.

    value_range, channel: as in `load_pairs`. Raises PictureError, naming the file, if one is missing, damaged or
    does not fit the other, and ChangedFileError if it can be read but is not what was indexed.
    """
    changed, plain = [], []
    for path, then in zip((row.image, row.mask), [*row.fingerprint.split("-"), "", ""]):
        content = _content(path)
        same = hashlib.sha256(content).hexdigest()[:16] == then if content else _now(path) == then
        changed += [] if same else [path]
        plain.append(decode_plain_png(content) if same and content else None)
    try:
        if plain[0] is None or plain[1] is None or plain[0].shape != plain[1].shape:
            pairs = read_pair(Match(row.image.stem, row.image, row.mask), value_range, channel)
            pages = [(pair[1], _inside(pair[3], row.foreground)) for pair in pairs]
        else:
            gray, _ = to_gray(plain[0], row.image.name, value_range, channel)
            pages = [(gray, _plain_inside(plain[1], row))]
    except PictureError as error:
        raise PictureError(f"{error} (The pair is that of {row.image}.)") from error
    if changed:
        names = " and ".join(path.name for path in changed)
        raise ChangedFileError(
            f"{names}: not the same as when the manifest was made (its fingerprint is another). Copy the old file back "
            f"to {changed[0].parent}, or make the manifest again."
        )
    return pages


def _plain_inside(page, row):
    """Return where a mask of one or two numbers is foreground, as `foreground_of` does; the others are left to it."""
    if row.foreground in ("", "nonzero") and ((page == 0) | (page == page.max())).all():
        return (page != 0).astype(np.uint8)[..., None]
    return _inside(codes_of(page, row.mask.name, False), row.foreground)


def _inside(codes, foreground):
    inside, _ = foreground_of(codes, foreground_from(foreground), folder_facts([codes]))
    return inside.astype(np.uint8)[..., None]


def _content(path):
    """Return what a small file holds; b"" for a large one, and for one that cannot be read: the reader says why."""
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read(_SMALL + 1)
    except OSError:
        return b""
    return content if len(content) <= _SMALL else b""


def _now(path):
    try:
        return file_fingerprint(path)
    except OSError:
        return ""
