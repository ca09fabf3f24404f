"""What a diagnosis looks like: findings, most likely first, that print as text."""

import textwrap
from typing import NamedTuple

LOW = 0.6  # below this mean Dice, "nothing found" alone would sound as if all were well


class Finding(NamedTuple):
    """One thing that looks wrong.

    cause: a short name that does not change, such as "masks_0_255"; seen: the measurement, with its numbers;
    likely: the probable cause in words; sure: how sure, 0..1; advice: what to try; tried: what came of trying it on
    what was handed in, or ""; rivals: look-alikes that could not be ruled out; missing: what would rule them out.
    """

    cause: str
    seen: str
    likely: str
    sure: float
    advice: str
    tried: str = ""
    rivals: tuple[str, ...] = ()
    missing: str = ""


class Diagnosis(list):
    """A list of `Finding`s, most likely first, that prints as text.

    `looked` names what could be examined, `absent` what was not handed in; dice: the mean Dice of the predictions over
    pictures with lesions, or None.
    """

    def __init__(self, findings=(), looked=(), absent=(), dice=None):
        super().__init__(sorted(findings, key=lambda finding: -finding.sure))
        self.looked, self.absent, self.dice = list(looked), list(absent), dice

    @property
    def causes(self) -> list[str]:
        """The short names of all findings, most likely first."""
        return [finding.cause for finding in self]

    def __repr__(self):
        seen = ", ".join(self.looked) or "nothing, because nothing could be read"
        looked = textwrap.fill(f"Looked at: {seen}.", 100)
        if self.absent and not any(finding.sure >= 0.9 for finding in self):
            hidden = f"Not handed in: {', '.join(self.absent)}. What is wrong there cannot be seen from here."
            looked += "\n" + textwrap.fill(hidden, 100)
        if not self:
            low = self.dice is not None and self.dice < LOW
            return f"Nothing found{f' that explains a mean Dice of {self.dice:.2f}' if low else ''}.\n{looked}"
        count = "One finding." if len(self) == 1 else f"{len(self)} findings, most likely first."
        return "\n".join([count, *(_paragraph(i, finding) for i, finding in enumerate(self, 1)), looked])

    __str__ = __repr__


def _paragraph(number, finding):
    lines = [f"{number}. {finding.cause} ({in_words(finding.sure)}, {finding.sure:.2f})"]
    rivals = f"{', '.join(finding.rivals)}. {finding.missing}" if finding.rivals else ""
    parts = ("seen", finding.seen), ("likely", finding.likely), ("or", rivals), ("try", finding.advice)
    for name, text in (*parts, ("tried", finding.tried)):
        if text:
            lines.append(textwrap.fill(text, 100, initial_indent=f"   {name + ':':<8}", subsequent_indent=" " * 11))
    return "\n".join(lines)


def in_words(sure: float) -> str:
    """Return how sure a finding is, in words: "almost certain" from 0.9, "probable" from 0.7, or "possible"."""
    return "almost certain" if sure >= 0.9 else "probable" if sure >= 0.7 else "possible"
