"""Predictions of notebook 07, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "operations": Prediction("it takes about {} operations", 0, {
        "half a million": "There are 120,000 weights, and each is used at thousands of pixels.",
        "half a trillion": "That would take most machines several seconds. A step takes a fraction of a second.",
    }, ("half a million", "half a billion", "half a trillion"), '"half a million"'),
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
        "more time": "They can lose time by handing the lock to each other. Here they did not.",
    }, ("half the time", "about the same", "more time"), '"half the time"'),
    "worker 0": Prediction("it {}", 0, {
        "goes on alone": "All copies take each step together. It cannot take the next one without the other's "
            "gradient.",
        "waits for ever": "It would, if nobody told it. Its connection breaks, and it notices.",
    }, ("goes on alone", "waits for ever", "ends"), '"goes on alone"'),
}
