"""The list of exercises, and what all checkers share: one line of verdict, hints, progress."""

from typing import NamedTuple

from helpers.checks.record import read_progress, record_state
from helpers.checks.running import ToDo, Wrong, described, own_randomness, place_in_students_code, short
from helpers.printing import say


class Exercise(NamedTuple):
    """An exercise: what it is about, what its solution shows, and three hints that go deeper.

    answer: of `by_hand`, where it is answered without code; the site asks those in its pages.
    """

    title: str
    lesson: str
    hints: tuple[str, str, str]
    answer: object = None


VERDICTS = {
    "to do": "to do: exercise {name}", "not yet": "not yet ({kind}): {words}",
    "solved": "solved: exercise {name} {lesson}",
    "hint": "Hint {number} of {count}: {words}",
    "last": " (That was the last one; the solution is folded away below the exercise.)",
}
EXERCISES: dict[str, Exercise] = {}
hints_given: dict[str, int] = {}


def exercise(title, lesson, *hints, answer=None):
    """Make a checker out of a function `exercise_1_2` that raises `ToDo` or `Wrong`, or returns if all is well.

    With an `answer` by hand, that one checks, and the function has a docstring only.
    """

    def decorate(check):
        identity = check.__name__.removeprefix("exercise_").replace("_", ".")
        EXERCISES[identity] = Exercise(title, lesson, hints, answer)

        def checker(*answers):
            with own_randomness():
                report(identity, answer.check if answer else check, answers)

        checker.__name__ = checker.__qualname__ = check.__name__
        checker.__doc__ = check.__doc__
        return checker

    return decorate


def report(identity, check, answers):
    name = named(identity)
    try:
        check(*answers)
    except ToDo:
        say(VERDICTS["to do"].format(name=name))
        return
    except Wrong as wrong:
        say(VERDICTS["not yet"].format(kind=wrong.kind, words=wrong))
        record_state(identity, "tried")
        return
    except BaseException as error:  # an answer so strange that the checker trips over it, or one that ends the program
        place = place_in_students_code(error)
        words = f"while your answer was tried, it met {described(error)}{place}"
        say(VERDICTS["not yet"].format(kind="raises", words=words))
        record_state(identity, "tried")
        return
    say(VERDICTS["solved"].format(name=name, lesson=EXERCISES[identity].lesson))
    record_state(identity, "solved")


def named(identity: str) -> str:
    """Return number and title of an exercise as the end of a sentence."""
    title = EXERCISES[identity].title
    return f"{identity}, {title}" + ("" if title.endswith("?") else ".")


def hint(identity: str) -> None:
    """Print a hint for an exercise, such as "1.1"; each further call goes deeper, up to the third."""
    identity = str(identity)
    if identity not in EXERCISES:
        say(f"There is no exercise {short(identity)}. There are {', '.join(EXERCISES)}.")
        return
    hints = EXERCISES[identity].hints
    given = min(hints_given.get(identity, 0), len(hints) - 1)
    hints_given[identity] = given + 1
    last = VERDICTS["last"] if given == len(hints) - 1 else ""
    say(VERDICTS["hint"].format(number=given + 1, count=len(hints), words=hints[given]) + last)


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
