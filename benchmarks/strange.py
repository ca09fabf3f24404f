"""Hand the doctor 20,000 strange inputs, and count how many raise: none may.

    python benchmarks/strange.py          20,000 calls, some minutes; writes strange.md beside this file
    python benchmarks/strange.py 500      a quick look, printed only

`tests/test_rivals.py` makes some of these calls, too.
"""

import collections
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from helpers.diagnosis import diagnose

CALLS = 20_000
PARTS = ("images", "masks", "y_pred", "history", "training")


class Odd:
    """An object that breaks whatever it is asked."""

    def __getattr__(self, name):
        raise RuntimeError("no")

    def __len__(self):
        raise OverflowError("endless")

    def __bool__(self):
        raise ValueError("neither")


def odd_things(rng):
    """Return one of many strange inputs."""
    def size():
        return int(rng.integers(0, 12)), int(rng.integers(1, 12))

    kinds = (float, np.float16, np.uint8, bool, np.int64, complex, object, "U3", "datetime64[s]")

    def array():
        shape = tuple(int(k) for k in rng.integers(0, 9, rng.integers(0, 6)))
        values = rng.choice([0, 1, -1, 0.5, 255, 1e30, np.nan, np.inf, 65535], shape)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return values.astype(kinds[rng.integers(len(kinds))])
        except (TypeError, ValueError, OverflowError):
            return values

    makers = [
        lambda: None, array, array, array, lambda: [array() for _ in range(rng.integers(0, 5))],
        lambda: [rng.random(size()) for _ in range(rng.integers(1, 6))],
        lambda: tuple(rng.random((*size(), 1)) for _ in range(2)), lambda: (array(), array()), lambda: [[1, 2], [3]],
        lambda: Odd(), lambda: object(), lambda: "picture.png", lambda: b"\x00", lambda: {1: 2},
        lambda: {"loss": [array()]},
        lambda: [10**400], lambda: iter(()), lambda: np.ma.masked_array([1.0], [True]), lambda: 3, lambda: float("nan"),
        lambda: {"loss": [1, None], "val_loss": ["a"], 3: Odd()}, lambda: [{"loss": 1}, {}],
        lambda: np.zeros((3, 20, 20, 1)),
        lambda: (rng.random((6, 16, 16, 1)) > 0.5).astype(np.uint8),
        lambda: rng.random((6, 16, 16, 1)).astype(np.float32),
    ]
    return makers[rng.integers(len(makers))]()


def ask(seed) -> None:
    """Hand in strange things, and look at what is said; raises what the doctor raises."""
    rng = np.random.default_rng(seed)
    found = diagnose(**{name: odd_things(rng) for name in PARTS})
    assert isinstance(repr(found), str) and all(0 <= finding.sure <= 1 for finding in found)


def main() -> None:
    """Make the calls, and say what came out."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    raised = collections.Counter()
    for number in range(calls):
        try:
            ask([1, number])
        except BaseException as error:  # the doctor promises that there is none
            raised[f"{type(error).__name__}: {error}"[:80]] += 1
    lines = ["# Strange inputs for the doctor", "",
             f"Made by `python benchmarks/strange.py`: {calls:,} calls of `diagnose` with numbers, words, ragged lists, pictures of",
             "differing sizes, objects that break when they are asked, and arrays of nine types.", "",
             f"**{sum(raised.values())} of {calls:,} raised.**"]
    text = "\n".join(lines + [f"- {count} times {what}" for what, count in raised.items()]) + "\n"
    print(text)
    if calls == CALLS:
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
