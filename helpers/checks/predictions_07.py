"""Predictions of notebook 07, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "operations": Prediction("it takes about {} operations", 0, {
        "half a million": "There are 120,000 weights, and each is used at many pixels, from 144 to 9,216 of them.",
        "half a trillion": "That would take most machines several seconds. A step takes a fraction of a second.",
    }, ("half a million", "half a billion", "half a trillion"), '"half a million"'),
    "machine share": Prediction("the share with batches of 4 is {:.2f}", 0.1, {
        1: "Only the product of large matrices itself comes near that. A step has many small parts, and the "
            "cores wait for "
            "each other between them.",
        0.01: "So little is left only where single numbers are computed one by one, as by a loop in Python.",
    }, example="0.5",
        below="Most of a step is convolutions, and their library is written for the processor at hand.",
        above="A step has hundreds of small parts between its convolutions, and on many processors a convolution of 8 "
              "channels uses only a part of each instruction."),
    "two devices": Prediction("they differ {}", 0, {
        "not at all": "They would, if numbers were added in the same order. Two halves are added first here, "
            "and rounding differs.",
        "in the last digits": "Here even the last digits agree, because the sums happened to be made in the "
            "same order.",
        "by a few percent": "Each half's gradient is a part of the whole one, and the parts are added up before "
            "the step. So it is the "
            "same step.",
    }, ("not at all", "in the last digits", "by a few percent"), '"not at all"'),
    "wide step": Prediction("it takes {:.1f} times the time", 0.3, {
        4: "That is the arithmetic. But wide networks use the processor's instructions better, and the fixed "
            "cost stays the same.",
        1: "The fixed cost stays the same, but the convolutions are most of a step, and they grow.",
        16: "Twice the filters in and twice out make four times the arithmetic, not sixteen.",
        8: "Twice the filters in and twice out make four times the arithmetic, not eight.",
    }, example="12",
        below="There is four times the arithmetic, and the machine does not do it that much better.",
        above="There is four times the arithmetic, but the machine handles wide layers better than narrow ones."),
    "convolutions": Prediction("a step has {} operations that are convolutions", 5, {
        18: "That is about the number of convolutions in the network. Each of them comes up to three times in a "
            "step.",
        19: "That is about the number of convolutions in the network. Each of them comes up to three times in a "
            "step.",
        1000: "That is what one would think from their share of the time. There are few of them, and each is long.",
        1300: "Those are all operations of the step.",
    }, example="100",
        below="There are about 20 convolutions in the network, and each comes up to three times in a "
              "step.",
        above="There are about 20 convolutions in the network, and each comes up to three times: forward,"
              " for its kernel, for its input."),
    "two threads": Prediction("two threads need {}", 0, {
        "half the time": "They would, if Python let two threads run at once. Drawing is a hundred short calls, "
            "and between them only one thread may run.",
        "about the same": "Nearly: the work does not get less, and here they gained or lost something beside it.",
        "more time": "They can lose time by handing the lock to each other. Here they lost little or nothing.",
    }, ("half the time", "about the same", "more time"), '"half the time"'),
    "worker 0": Prediction("it {}", 0, {
        "goes on alone": "All copies take each step together. It cannot take the next one without the other's "
            "gradient.",
        "waits forever": "It would, if nobody told it. But the system closes the connections of a process that was "
            "killed, and it notices.",
    }, ("goes on alone", "waits forever", "ends"), '"goes on alone"'),
}
