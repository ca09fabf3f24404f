"""Predictions of notebook 02, with an answer for each guess that people really make."""

from helpers.checks.prediction import Prediction

PREDICTIONS = {
    "kernel": Prediction("around row 2, column 2 the sum is {}", 0, {
        0: "It would be 0 if both sides were equally bright. Here the right column of the window lies in the bright "
            "half.",
        -3: "Look at the sign: the kernel counts the right neighbors as positive, and they are the bright ones.",
        9: "Only the right column of the kernel falls on ones. The middle one is 0, the left one falls on zeros.",
        6: "Both sides would have to add to it, but the left column falls on zeros and adds nothing.",
        1: "That is one row of the window, and there are three.",
        2: "One row adds 1, and the window has three rows.",
    },
        below="Only the right column of the window lies in the bright half, and the kernel holds 1 there,"
              " three times.",
        above="Only three of the nine pixels are 1; the six others add nothing."),
    "even kernel": Prediction("around row 2, column 4 the sum is {}", 0, {
        3: "The right column adds 3, but the left column lies on ones as well and takes 3 away.",
        6: "The left column counts as negative, so the two sides do not add up.",
        9: "Nine ones, but the kernel holds -1, 0 and 1: its numbers add up to nothing.",
        -3: "The left column takes 3 away, but the right column adds 3 as well.",
        1: "It does not give back the brightness; it gives the difference between right and left.",
    },
        below="Three ones are counted as positive and three as negative, so they cancel.",
        above="Three ones are counted as positive and three as negative, so they cancel."),
    "weights": Prediction("the layer learns {} weights", 0, {
        72: "72 is one filter without its bias: 9 numbers for each of 8 channels. There are 16 filters.",
        73: "73 is one filter: 9 numbers for each of 8 channels, and a bias. There are 16 filters.",
        1152: "The biases are missing: one for each of the 16 filters.",
        1160: "There is one bias for each filter, and there are 16 of them, not 8.",
        144: "Each of the 16 filters has a kernel of its own for each of the 8 channels that come in.",
        160: "Each of the 16 filters has a kernel of its own for each of the 8 channels that come in.",
        9: "Nine numbers are one kernel. Each filter has 8 of them, and there are 16 filters.",
        128: "That is the number of kernels, and each has nine numbers.",
        1153: "Each of the 16 filters has a bias of its own.",
        1280: "There is one bias for each filter, not one for each kernel.",
    }, example="100",
        below="Each of the 16 filters has 8 kernels of nine numbers, and one bias.",
        above="Each of the 16 filters has 8 kernels of nine numbers, and one bias. The size of the "
              "picture plays no part."),
    "block shape": Prediction("the shape is {}", 0, {
        (1, 92, 92, 8): "That is what comes out without padding. Here zeros are put around the picture, so its size "
            "stays.",
        (1, 96, 96, 1): "Each filter gives a channel, and the block's convolutions have 8 filters.",
        (1, 48, 48, 8): "A convolution does not halve the picture. That will be the work of pooling.",
        (1, 192, 192, 8): "A convolution does not enlarge the picture. With zero padding its size stays.",
        (1, 94, 94, 8): "One convolution without padding would leave that. Here zeros are put around the picture.",
        (1, 96, 96, 16): "The second convolution works on the result of the first. Their channels do not add up.",
        (1, 96, 96, 64): "The second convolution adds up over the channels of the first; they do not multiply.",
        (96, 96, 8): "The first axis counts the pictures, and it stays.",
        (8, 96, 96, 1): "The first axis counts the pictures, and there is still one. Filters give channels.",
        (1, 8, 96, 96): "The channels come last in Keras: [pictures, height, width, channels].",
    }, example="(1, 2, 3, 4)"),
    "pooled shape": Prediction("the shape is {}", 0, {
        (1, 48, 48, 4): "Each channel is pooled for itself, so their number stays.",
        (1, 48, 48, 16): "Pooling does not make channels. The block that comes after it will have 16 filters.",
        (1, 48, 48, 2): "Each channel is pooled for itself, so their number stays.",
        (1, 24, 24, 8): "Two by two pixels become one: height and width are each halved, not quartered.",
        (1, 94, 94, 8): "That would be a window that slides pixel by pixel. The windows of a pooling lie side by side.",
        (1, 95, 95, 8): "That would be a window that slides pixel by pixel. The windows of a pooling lie side by side.",
        (1, 192, 192, 8): "Pooling makes the maps smaller, not larger.",
    }, example="(1, 2, 3, 4)"),
    "painted": Prediction("in the last row and the last column stands {}", 0, {
        10: "10 is the pixel itself. It is multiplied by the pattern's number at that place.",
        4: "4 is the pattern's number. It is multiplied by the pixel's value.",
        14: "The pixel and the pattern are multiplied, not added.",
        100: "The paintings do not overlap here, so only one pixel counts, with one number of the pattern.",
        30: "That stands one to the left: the pattern has a 3 there.",
        20: "That stands one row above: the pattern has a 2 there.",
    },
        below="The last pixel is 10, and the last number of the pattern is 4.",
        above="The last pixel is 10, and the last number of the pattern is 4. The paintings touch, but "
              "they do not overlap."),
    "skip shape": Prediction("the shape is {}", 0, {
        (1, 96, 96, 8): "That would be the shape if the maps were added. A U-Net puts them side by side.",
        (2, 96, 96, 8): "The channels become more, not the pictures.",
        (1, 192, 192, 8): "Height and width stay: the maps lie on each other like sheets, and channels count sheets.",
        (1, 192, 192, 16): "The channels are right, but height and width stay: the maps lie on each other like sheets.",
        (1, 192, 96, 8): "They are joined along the channels, not along the height.",
        (1, 96, 192, 8): "They are joined along the channels, not along the width.",
        (1, 96, 96, 64): "Channels put beside each other add up; they do not multiply.",
    }, example="(1, 2, 3, 4)"),
    "running mean": Prediction("the running mean is {}", 0, {
        3: "That would be the mean of this batch alone. The running mean moves only a tenth of the way toward it.",
        1.5: "That is halfway. With momentum=0.9 it moves a tenth of the way.",
        2.7: "0.9 is the share that the old mean keeps, and the new batch gets the rest.",
        0: "It stays at 0 in prediction only. In training, each batch moves it.",
    }, example="1.2",
        below="It moves toward 3, which lies above 0, by a tenth of the way.",
        above="It moves only a tenth of the way from 0 to 3."),
    "paper": Prediction("the paper's network has {} times as many weights", 40, {
        8: "8 is the ratio of the filters. Weights grow with the square of it, and the paper has a level more.",
        64: "8 times 8 is right for the filters. The paper's fifth level makes a factor of four more.",
        16: "Weights grow with the square of the filters, and with every level.",
        10: "8 times as many filters make 64 times as many weights, and the fifth level makes it four times that.",
        128: "8 times 8 is right for the filters. But a level more makes four times as many weights, not twice.",
        512: "8 times 8 for the filters, and four, not eight, for the level more.",
    }, example="20",
        below="Both sides of channels in times channels out are 8 times as large, and the fifth level "
              "makes it four times that.",
        above="Both sides of channels in times channels out are 8 times as large, and the fifth level "
              "makes it four times that. The size of the picture plays no part."),
    "field": Prediction("a pixel sees {} pixels at depth 3", 6, {
        31: "That is 13 more, as from depth 1 to depth 2. But each level halves the picture, so the field doubles and "
            "more.",
        36: "Nearly: doubled, but the blocks of the new level are missing.",
        23: "A block adds few pixels on its own level, but each of them is four pixels of the picture wide here.",
        65: "From 5 to 18 is more than three times, but from here on the field little more than doubles.",
    }, example="100",
        below="Each level halves the picture, so that what a block sees there covers twice as much of it:"
              " the field more than doubles.",
        above="It more than doubles from level to level, but it does not triple again."),
    "skips": Prediction("without skips most is lost at the {}", 0, {
        "elsewhere": "The bottleneck knows what is there. What it does not know is where exactly a lesion ends.",
    }, ("elsewhere", "boundaries"), '"elsewhere"'),
}
