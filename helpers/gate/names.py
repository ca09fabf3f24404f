"""Names of files as they may be shown: on one line, without codes that a terminal would obey."""

import unicodedata

_SPLIT = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # controls, direction marks, halves of characters, line ends
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they show gpj.exe as exe.jpg


def printable(name, length: int = 200) -> str:
    """Return a name as text that can be shown: what is no visible character becomes an escape such as \\x1b.

    name: a text or a path. Texts longer than `length` are cut in the middle. A file name whose bytes are not UTF-8
    shows each such byte as \\xNN.
    """
    text = str(name)
    text = text if len(text) <= length else f"{text[: length // 2]}...{text[-length // 2 :]}"
    return "".join(_escaped(sign) if unicodedata.category(sign) in _SPLIT else sign for sign in text)


def is_shown_as_it_is(name) -> bool:
    """Return whether a name is one line in one direction: no line end, no control code, no byte that is no UTF-8."""
    return not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _TURNING for sign in str(name))


def printable_lines(text: str) -> str:
    """Return a message of several lines as it may be shown: line ends stay, all else is escaped as in `printable`."""
    return "\n".join(printable(line, len(line)) for line in str(text).split("\n"))


def _escaped(sign):
    number = ord(sign)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that Python could not decode
        number -= 0xDC00
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def first_line(error) -> str:
    """Return the first line of an error's text for a message of ours, or what kind of error it is."""
    return printable(next(iter(str(error).strip().splitlines()), type(error).__name__), 100)
