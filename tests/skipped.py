"""What the last line of a test run says of the tests that were skipped, and what would run them."""

import re
from collections import Counter

# Why a test was skipped, and the command that runs it once that is different; the first that fits counts.
RUNS = (
    ("was over", "make test"),
    (r"make (test-\w+)", r"make \1"), ("no Chromium", "sudo apt install chromium && make test"),
    ("could not import|is not installed", "make test, which installs it"), ("no network", "make test, with a network"),
    ("Windows|Linux|no make here", "make test, on Linux"), ("glibc", "make test, on a Linux with glibc"),
    ("may be run by a plain user", "make test, as a plain user"), ("cannot hold it", "make test, with more memory"), ("control group", "make test, as root where there are control groups"),
)


def command_for(reason: str) -> str:
    """Return the command that runs the tests that were skipped for a reason, or nothing if none is known."""
    fits = next(((found, command) for words, command in RUNS if (found := re.search(words, reason))), None)
    return fits[0].expand(fits[1]) if fits else ""


def what_was_skipped(reports) -> str:
    """Return in one line how many tests were skipped, why, and what would run those of each reason; or nothing."""
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in reports)
    if not reasons:
        return ""
    commands = Counter()
    for reason, number in reasons.items():
        commands[command_for(reason), reason] += number
    told = []
    for command in dict.fromkeys(command for (command, _), _ in commands.most_common()):
        here = [f"{number} because {reason}" for (run_by, reason), number in commands.most_common() if run_by == command]
        told.append("; ".join(here) + (f" (to run: {command})" if command else ""))
    return f"{sum(reasons.values())} tests were skipped: {'; '.join(told)}."
