"""The list of exercises, and what all checkers share: one line of verdict, hints, numbers, choices."""

import math
from numbers import Real
from typing import NamedTuple

from helpers.checks.record import read_progress, record_state
from helpers.checks.running import ToDo, Wrong, described, np, own_randomness, place_in_students_code, short
from helpers.printing import say


class Exercise(NamedTuple):
    """An exercise: what it is about, what its solution shows, and three hints that go deeper."""

    title: str
    lesson: str
    hints: tuple[str, str, str]


EXERCISES: dict[str, Exercise] = {}
hints_given: dict[str, int] = {}


def exercise(title, lesson, *hints):
    """Make a checker out of a function `exercise_1_2` that raises `ToDo` or `Wrong`, or returns if all is well."""

    def decorate(check):
        identity = check.__name__.removeprefix("exercise_").replace("_", ".")
        EXERCISES[identity] = Exercise(title, lesson, hints)

        def checker(*answers):
            with own_randomness():
                report(identity, check, answers)

        checker.__name__ = checker.__qualname__ = check.__name__
        checker.__doc__ = check.__doc__
        return checker

    return decorate


def report(identity, check, answers):
    name = f"exercise {identity}, {EXERCISES[identity].title}"
    try:
        check(*answers)
    except ToDo:
        say(f"to do: {name}" + ("" if name.endswith("?") else "."))
        return
    except Wrong as wrong:
        say(f"not yet ({wrong.kind}): {wrong}")
        record_state(identity, "tried")
        return
    except BaseException as error:  # an answer so strange that the checker trips over it, or one that ends the program
        place = place_in_students_code(error)
        say(f"not yet (raises): while your answer was tried, it met {described(error)}{place}")
        record_state(identity, "tried")
        return
    say(f"solved: {name}" + ("" if name.endswith("?") else ".") + f" {EXERCISES[identity].lesson}")
    record_state(identity, "solved")


def hint(identity: str) -> None:
    """Print a hint for an exercise, such as "1.1"; each further call goes deeper, up to the third."""
    identity = str(identity)
    if identity not in EXERCISES:
        say(f"There is no exercise {short(identity)}. There are {', '.join(EXERCISES)}.")
        return
    hints = EXERCISES[identity].hints
    given = min(hints_given.get(identity, 0), len(hints) - 1)
    hints_given[identity] = given + 1
    last = given == len(hints) - 1
    say(f"Hint {given + 1} of {len(hints)}: "
        f"{hints[given]}" + (" (That was the last one; the solution is folded away below the "
            "exercise.)" if last else ""))


def check_number(answer, truth, slips=(), tolerance=0.006, what="the answer"):
    """Check a number worked out by hand: exactly, or (tolerance above 0) exactly or rounded to two decimals.

    slips: numbers to messages, tried in order; a slip is recognized within the tolerance.
    """
    if answer is None:
        raise ToDo
    if isinstance(answer, np.ndarray) and answer.size == 1:
        answer = answer.item()
    if isinstance(answer, (bool, np.bool_)) or not isinstance(answer, Real):
        raise Wrong("type", f"{what} should be one number; yours is {short(answer)}.")
    if not math.isfinite(answer):
        raise Wrong("value", f"{what} is {answer}; a number by hand is finite.")
    if abs(answer - truth) <= (0.0006 if tolerance else 0) or tolerance and abs(answer - round(truth, 2)) < 1e-9:
        return
    for number, message in dict(slips).items():
        if abs(answer - number) <= tolerance:
            raise Wrong("value", message)
    if 0 < truth < 1 and abs(answer - 100 * truth) <= 100 * tolerance:
        raise Wrong("value", f"{what} is a share between 0 and 1; yours is in per cent.")
    if abs(answer - truth) <= tolerance:
        raise Wrong("value", f"{what} is nearly {answer:g}, but not to two decimals. Have all the numbers gone in as "
            "they are?")
    raise Wrong("value", f"{what} is not {answer:g}; the right number is {'larger' if truth > answer else 'smaller'}.")


def check_choice(answer, choices, messages, what="the answer"):
    """Check a choice of one letter. messages: each wrong letter to what speaks against it."""
    if answer is None or answer == "":
        raise ToDo
    if not isinstance(answer, str):
        raise Wrong("type", f"{what} should be one letter in quotation marks, such as {choices[0]!r}; yours is "
            f"{short(answer)}.")
    letter = answer.strip().upper()
    if letter not in list(choices):
        raise Wrong("value", f"{what} should be one of {', '.join(choices)}; yours is {short(answer)}.")
    if letter in messages:
        raise Wrong("value", messages[letter])


def progress(notebook: str) -> None:
    """Print which exercises of a notebook, such as "01", are solved, which were tried, and which are untouched."""
    mine = [identity for identity in EXERCISES if int(identity.split(".")[0]) == int(notebook)]
    states = read_progress()
    for name, members in (
        ("solved", [i for i in mine if states.get(i) == "solved"]),
        ("tried, not solved yet", [i for i in mine if states.get(i) == "tried"]),
        ("not tried yet", [i for i in mine if i not in states]),
    ):
        say(f"{name:<23}{len(members)} of {len(mine)}" + (f": {', '.join(members)}" if members else ""))
