"""Look up the source or the condition of each picture in a table, as Excel, R or a text editor wrote it."""

import csv
import io
import re
import unicodedata
import warnings
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from helpers.gate import GateError, first_line, printable, read_whole
from helpers.own_images.files import ENDINGS, PictureError, ending_of, first_of, unreadable

_NOTHING = ("", "na", "n/a", "#n/a", "nan", "null", "-", "?")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")


class _Row(NamedTuple):
    """A row: the name of its file as written, without its ending, and what stands in the other column."""

    written: str
    key: str
    value: str


def groups_from_csv(path, names, name_column: str, group_column: str) -> list[str]:
    """Look up each picture's source in a table: the value of `group_column` in the row of its name.

    The table may be separated by commas, semicolons or tabs, and written in UTF-8, UTF-16 or Latin-1, as Excel does.
    A row's name may have folders and an ending; the row of a stack is that of all its pages. A row that fits but for
    zeros before a number, which Excel takes away, is used with a warning. Raises PictureError for a missing column, a
    picture without a row or without a source, and for rows that contradict each other, naming them.
    """
    found = _looked_up(path, names, name_column, group_column)
    blank = [name for name, row in zip(names, found) if row.value.lower() in _NOTHING]
    if blank:
        shown = next(row.value for row in found if row.value.lower() in _NOTHING)
        raise PictureError(
            f"{Path(path).name}: the column {group_column!r} {f'says {shown!r}' if shown else 'is empty'} for "
            f"{_some(blank)}. Write the source into each row; if there is none, leave the picture out of the folder."
        )
    spellings = {}
    for row in found:
        spellings.setdefault(row.value.casefold(), set()).add(row.value)
    alike = next((sorted(each) for each in spellings.values() if len(each) > 1), None)
    if alike:
        warnings.warn(
            f"{Path(path).name}: {' and '.join(alike)} differ in capital letters only and count as different sources.",
            stacklevel=2,
        )
    return [row.value for row in found]


def conditions_from_csv(path, names, name_column: str, column: str) -> list[str]:
    """Look up each picture's condition in a table, as `groups_from_csv` does; a cell may be empty: no condition."""
    return [row.value for row in _looked_up(path, names, name_column, column)]


def _looked_up(path, names, name_column, column):
    """Return the row of each picture."""
    path = Path(path).expanduser()
    rows = _rows(path, name_column, column)
    names = [unicodedata.normalize("NFC", str(name)) for name in names]
    finder, zeros, missing, found, owners = _Finder(path, rows, names), [], [], [], {}
    for name in names:
        row, padded = finder.row_of(name)
        found.append(row)
        if row is not None:
            owners.setdefault(row.written, {}).setdefault(_without_page(name), name)
        missing += [name] if row is None else []
        zeros += [(name, row)] if padded else []
    if missing:
        near = finder.why_not(missing[0])
        raise PictureError(
            f"{path.name}: no row for {_some(missing)}. Add {'it' if len(missing) == 1 else 'them'} to "
            f"the column {name_column!r}.{near}"
        )
    if zeros:
        name, row = zeros[0]
        more = f", and so on for {len(zeros) - 1} more" if len(zeros) > 1 else ""
        warnings.warn(
            f"{path.name}: the row {printable(row.written)} is taken for {printable(name)}{more}, because they are the "
            "same number; Excel takes zeros before a number away.", stacklevel=3,
        )
    shared = next(((written, list(held.values())) for written, held in owners.items() if len(held) > 1), None)
    if shared:
        both = " and ".join(map(printable, shared[1][:2]))
        warnings.warn(
            f"{path.name}: the row {printable(shared[0])} is used for {both}. If they are of different sources, write "
            "the folders before the names in the table.", stacklevel=3,
        )
    return found


def _some(names):
    return first_of([printable(name) for name in names], 5, ", and {} more")


def _rows(path, name_column, column):
    """Return the rows of a table that have a name."""
    try:
        content = read_whole(path)
    except PermissionError as error:
        raise PictureError(unreadable(path, error)) from error
    except GateError as error:
        raise PictureError(f"{path.name}: {error}. Save it as CSV.") from error
    text = unicodedata.normalize("NFC", _decoded(content))
    head, _, rest = text.partition("\n")
    told = re.fullmatch(r'"?sep=([,;|\t])"?\s*', head, re.IGNORECASE)  # how Excel says what separates the cells
    if told:
        text, head = rest, rest.partition("\n")[0]
    delimiter = told[1] if told else max(",;\t", key=head.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise PictureError(
            f"{path.name}: is damaged or no table ({first_line(error)}). Save it as CSV again."
        ) from error
    lines = [[" ".join(cell.split()) for cell in line] for line in lines if any(cell.strip() for cell in line)]
    columns, *lines = lines or [[]]
    places = []
    for wanted in (name_column, column):
        title = " ".join(unicodedata.normalize("NFC", str(wanted)).split())
        held = [i for i, each in enumerate(columns) if each == title]
        if len(held) != 1:
            fault, fix = ("has no column", "") if not held else (f"has {len(held)} columns", "rename all but one; ")
            shown = ", ".join(printable(each, 40) for each in columns[:20]) or "none"
            raise PictureError(f"{path.name}: {fault} {wanted!r}; {fix}its columns are {shown}.")
        places.append(held[0])
    lines = [[*line, *[""] * (len(columns) - len(line))] for line in lines]
    return [_Row(line[places[0]], _key(line[places[0]]), line[places[1]]) for line in lines if line[places[0]]]


def _decoded(content):
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _key(written):
    """Return a row's name as `load_pairs` names pictures: slashes, no ending."""
    name = re.sub(r"^(\./)+", "", written.replace("\\", "/"))
    ending = ending_of(name)
    if ending in ENDINGS:
        return name[: -len(ending)]
    return name


def _end(key):
    return PurePosixPath(key).name


def _number(key):
    return int(key) if key.isdecimal() and key.isascii() and len(key) < 19 else None


class _Finder:
    """Find the row of a picture: by its whole path, by the end of the path, by its file's name, by its number."""

    def __init__(self, path, rows, names):
        self.path, self.by_end, self.loose, self.by_number = path, {}, {}, {}
        for row in rows:
            self.by_end.setdefault(_end(row.key), []).append(row)
            bare = _ENDING.sub("", _end(row.key))  # of a file that is not read here, such as a.vsi
            for other in {bare, row.written.rpartition("/")[2]} - {_end(row.key)}:
                self.loose.setdefault(other, []).append(row)
            if _number(_end(row.key)) is not None:
                self.by_number.setdefault(_number(_end(row.key)), []).append(row)
        self.folded = {}
        for end, held in self.by_end.items():
            self.folded.setdefault(end.casefold(), []).extend(held)
        self.namesakes, self.numbers = {}, {}
        for name in set(names):
            for each in {name, _without_page(name)}:
                self.namesakes.setdefault(_end(each), set()).add(each)
            number = _number(_end(name))
            if number is not None:
                self.numbers.setdefault(number, set()).add(_end(name))

    def row_of(self, name):
        """Return the row of a picture or None, and whether only zeros before its number are missing there."""
        for each in dict.fromkeys((name, _without_page(name))):
            end = _end(each)
            for table, key in ((self.by_end, end), (self.folded, end.casefold()), (self.loose, end)):
                rows = table.get(key, ())
                row = self._best(each, rows)
                if row is not None:
                    return row, False
        end = _end(name)
        number = _number(end)
        alike = self.by_number.get(number, ()) if number is not None else ()
        if alike and len(self.numbers[number]) == 1:
            row = self._best(name, [row._replace(key=row.key[: -len(_end(row.key))] + end) for row in alike])
            return row, row is not None
        return None, False

    def _best(self, name, rows):
        """Return the row whose path fits best; it may be longer or shorter than the picture's, but not another."""
        scored = {}
        for row in rows:
            scored.setdefault(_shared(row.key, name), []).append(row)
        for fit in sorted((fit for fit in scored if fit is not None), reverse=True):
            return self._one(name, scored[fit])
        others = scored.get(None, [])
        if others and len(self.namesakes.get(_end(name), ())) == 1 and len({row.key for row in others}) == 1:
            return self._one(name, others)  # raw/1.png for images/1, if there is but one 1
        return None

    def _one(self, name, rows):
        values = {row.value: row.written for row in rows}
        if len(values) > 1:
            (value, written), (other, again) = list(values.items())[:2]
            both = f"the rows {written} and {again}" if written != again else f"two rows {written}"
            raise PictureError(
                f"{self.path.name}: {both} both fit {printable(name)}, and they say {printable(value)!r} and "
                f"{printable(other)!r}. Keep one of them, or write the folders before the names."
            )
        return rows[0]

    def why_not(self, name):
        """Return what stands in the way of the nearest rows, or nothing."""
        rows = self.by_end.get(_end(name)) or self.by_number.get(_number(_end(name)), ())
        if not rows:
            return ""
        return f" The nearest row is {printable(rows[0].written)}; it may belong to another picture."


def _without_page(name):
    return re.sub(r"_p\d{3,}$", "", name)


def _shared(key, name):
    """Return how many parts of two paths are the same, counted from the end, or None if the shorter one differs."""
    a, b = key.split("/")[::-1], name.split("/")[::-1]
    shared = min(len(a), len(b))
    inside = all(x.casefold() == y.casefold() for x, y in list(zip(a, b))[1:shared])
    return shared if inside else None
