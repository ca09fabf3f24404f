"""Checkers of the exercises of notebook 07."""

from helpers.checks.by_hand import Number
from helpers.checks.exercises import exercise
from helpers.checks.running import Wrong, as_array, as_list, call, np, verdict


@exercise(
    "to each worker its part",
    "With this rule the workers need not talk to each other about who draws what.",
    "Think of 10 pictures and 4 workers: who gets how many? Write down where each part starts.",
    "divmod gives the size of a part and the number of pictures left; the first `left` workers get one more.",
    "A part starts where the parts before it end: at index times the size, plus one for each earlier, longer part.",
)
def exercise_7_1(my_part):
    """Check the parts of all workers, for batches that can and cannot be shared equally, and for few pictures."""
    cases, inputs = [], []
    for n, count in ((8, 2), (12, 4), (10, 4), (7, 3), (11, 4), (5, 1), (2, 3)):
        for index in range(count):
            cases.append(f"{n} pictures and {count} workers, worker {index}")
            inputs.append((np.arange(40, 40 + n), index, count))
    got = []
    for on, arguments in zip(cases, inputs):
        result = as_array(as_list(call(my_part, *arguments, on=on), on), on=on)
        if result.ndim != 1:
            raise Wrong(
                "shape",
                f"on {on} it returns the shape {result.shape}; expected the numbers of this worker only, in one row.",
            )
        got.append(result)

    def by(rule):
        return [rule(*arguments) for arguments in inputs]

    def last_gets_the_rest(numbers, index, count):
        size = len(numbers) // count
        return numbers[index * size :] if index == count - 1 else numbers[index * size : (index + 1) * size]

    def shifted(numbers, index, count):
        size, left = divmod(len(numbers), count)
        return numbers[index * size : (index + 1) * size + (index < left)]

    verdict(got, by(lambda x, i, c: np.array_split(x, c)[i]), {
        "every picture is drawn once, but the numbers of a worker are not neighbors: a part must have no gaps.":
            by(lambda x, i, c: x[i::c]),
        "each worker draws the whole batch, so all workers learn from the same pictures.": by(lambda x, i, c: x),
        "the pictures that are left over are never drawn.":
            by(lambda x, i, c: x[i * (len(x) // c) : (i + 1) * (len(x) // c)]),
        "the last worker gets all that is left; the first ones should get one more each.": by(last_gets_the_rest),
        "the longer parts overlap the next ones: a part starts later when earlier ones got one more.": by(shifted),
        "workers are counted from 0; yours are counted from 1.": by(lambda x, i, c: np.array_split(x, c)[i - 1]),
    }, cases)


DAYS = 10 * 200_000 * 16 / 300 / 86_400


@exercise(
    "how many days?",
    "An estimate of one line, before a week of computing.",
    "How many pixels has a scan of 384x384, compared with one of 96x96?",
    "With that many times the pixels, how many scans a second are left? And how many scans in all passes?",
    "Seconds are scans over scans a second; a day has 24 * 60 * 60 of them.",
    answer=Number(DAYS, {
        DAYS / 16: "that is the time for scans of 96x96; these have more pixels.",
        DAYS / 4: "four times the side is more than four times the pixels.",
        DAYS / 10: "that is one pass; there are ten.",
        DAYS * 24: "those are hours; a day has 24 of them.",
        DAYS * 86_400: "those are seconds.",
        DAYS * 1440: "those are minutes.",
        DAYS * 4: "the pixels grow with the square of the side, not with its cube.",
    }, what="the number of days"),
)
def exercise_7_2(answer):
    """Check a number of days: 200,000 scans of 384x384, ten passes, 300 scans of 96x96 a second."""
