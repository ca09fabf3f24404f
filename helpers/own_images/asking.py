"""Questions that one file raises and a setting for all files answers: asked once, with advice that is right for all."""

import re

from helpers.own_images.files import PictureError, first_of


class AskError(PictureError):
    """What is unclear in one file, and advice made from it.

    told: what the file holds. held, advise: what the advice is made from, and the function that makes it from a list of
    these, one for each file that asks. after: what follows the advice.
    """

    def __init__(self, told: str, held, advise, after: str = ""):
        self.told, self.held, self.advise, self.after = told, held, advise, after
        super().__init__(f"{told} {advise([held])}{after}")


def answered(problems, beside=None) -> list[tuple[str, str]]:
    """Return `(name, text)` of problems `(name, error)`; where several files ask, the advice is made from all of them.

    beside: for a function that advises, what it should heed of files that do not ask.
    """
    held = {advise: list(more) for advise, more in (beside or {}).items()}
    for _, error in problems:
        if isinstance(error, AskError):
            held.setdefault(error.advise, []).append(error.held)
    return [
        (name, f"{error.told} {error.advise(held[error.advise])}{error.after}"
         if isinstance(error, AskError) else str(error))
        for name, error in problems
    ]


def raise_all(problems, count):
    """Raise one PictureError with one line for each kind of fault, and the files that share it.

    problems: `(name, text)`, from `answered`. count: of all pairs that were read.
    """
    if not problems:
        return
    kinds = {}
    for name, text in problems:
        kind = re.sub(r"#[0-9a-f]{6}|[\d.,]+", "#", re.sub(r"^[^:]*?(: | is | has )", "", text))
        kinds.setdefault(kind, []).append((name, text))
    lines = []
    for members in kinds.values():
        names = [name for name, _ in members[1:]]
        named = first_of(names, 8, ", and {} more")
        same = f"\n    The same is true of {len(names)} more: {named}." if names else ""
        lines.append(members[0][1] + same)
    more = f"\n  ... and {len(lines) - 10} more kinds" if len(lines) > 10 else ""
    first = f"{len(problems)} of {count} pairs cannot be used; nothing was changed.\n  "
    raise PictureError(first + "\n  ".join(lines[:10]) + more)
