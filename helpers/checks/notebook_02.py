"""Checkers of the exercises of notebook 02."""

from helpers.checks.by_hand import Number, Order, Shape
from helpers.checks.exercises import exercise
from helpers.checks.networks import NOT_RELU, block_weights, finished, pair, placeholders, two_models, what_stands
from helpers.checks.running import Wrong, same


@exercise(
    "the shape at the bottleneck",
    "Height and width halve three times, channels double three times.",
    "How many poolings lie between the input and the bottleneck of a U-Net with four levels?",
    "Each pooling halves height and width; the first of the two numbers is the height.",
    "The channels start at 8 on the first level and double with each level below it.",
    answer=Shape((1, 8, 6, 64), (64, 48, 8), {
        (1, 6, 8, 64): "height and width are swapped: arrays are [pictures, height, width, channels].",
        (1, 4, 3, 128): "you pooled four times. Four levels have three poolings between them.",
        (1, 8, 6, 32): "the channels double once more: the bottleneck is the fourth level and has filters of its own.",
        (1, 8, 6, 8): "the number of channels does not stay: it doubles from level to level.",
        (1, 8, 6, 24): "channels double from level to level; you added.",
        (1, 64, 48, 64): "height and width do not stay: pooling halves them.",
        (1, 64, 8, 6): "the channels come last: [pictures, height, width, channels].",
        (8, 6, 64): "the first axis is missing: it counts the pictures, and there is one.",
        (1, 64, 48, 8): "that is the shape after the first block; go down to the bottleneck.",
    }),
)
def exercise_2_1(shape):
    """Check a shape: 64 x 48 pixels after three poolings, 8 filters doubled three times."""


@exercise(
    "the weights behind a skip",
    "Half of these weights are the price of the skip connection.",
    "How many channels does the block get once the skip has been joined?",
    "The decoder brings 32 channels and the skip 32 more.",
    "Use conv_weights from this notebook: kernel, channels in, channels out.",
    answer=Number(3 * 3 * 64 * 32 + 32, {
        9 * 32 * 32 + 32: "you counted the decoder's own channels only. The skip adds the encoder's beside them.",
        9 * 64 * 32: "the biases are missing: one for each channel that comes out.",
        9 * 64 * 32 + 64: "one bias belongs to each channel that comes out, not to each that comes in.",
        9 * 96 * 32 + 32: "you joined the bottleneck's 64 channels. The upsampling has halved them already.",
        9 * 64 * 64 + 64: "the block gives 32 channels, not 64.",
        3 * 64 * 32 + 32: "a 3x3 kernel has nine numbers, not three.",
        9 * 32 + 32: "each output channel has one kernel for each channel that comes in.",
        27_712: "that is the whole block with its two convolutions; only the first is asked for.",
    }, tolerance=0),
)
def exercise_2_2(weights):
    """Check a number: a 3x3 convolution from 32 + 32 channels to 32."""


@exercise(
    "the convolution block",
    "Convolution, ReLU, convolution, ReLU: you will meet it seven times in a U-Net with four levels.",
    "The block is convolution, ReLU, convolution, ReLU. Which two are still missing?",
    "The second half is the same two layers again, called on x.",
    "The last line returns x. Both convolutions pad, so that height and width stay.",
)
def exercise_2_3(block):
    """Check shape, number of weights and values against `conv_block` with the same random weights; odd sizes, too."""
    for on, size, channels, filters in [
        ("pictures of 8x8 pixels with 3 channels", (8, 8), 3, 4), ("pictures of odd size, 7x5", (7, 5), 1, 6),
        ("pictures with as many channels as filters", (6, 6), 5, 5), ("a picture of one pixel", (1, 1), 2, 3),
    ]:
        shape = (*size, channels)
        inputs, result = placeholders(block, [shape], on, filters)
        if tuple(result.shape)[1:3] != size:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}. Without "
                "padding=\"same\" each 3x3 convolution loses 2 pixels; pooling and strides halve.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"on {on} and with filters={filters}, {result.shape[-1]} channels come out.")
        got = [tuple(w.shape) for w in finished(inputs, result).weights]
        kernels = [s for s in got if len(s) == 4]
        if len(kernels) == 1:
            raise Wrong("value", "only one convolution lies on the way from x to the result, and the block has two. Is "
                "the second one called on what comes out of the first ReLU?")
        if len(kernels) != 2:
            raise Wrong("value", f"there are {len(kernels)} convolutions; the block has two.")
        if any(k[:2] != (3, 3) for k in kernels):
            raise Wrong("value", f"the kernels are {kernels[0][:2]} and {kernels[1][:2]}; both should be 3x3.")
        if kernels[0][-1] != filters:
            raise Wrong("value", f"with filters={filters}, the first convolution gives {kernels[0][-1]} channels.")
        if len(got) == 2:
            raise Wrong("value", "the biases are switched off.")
        if got != block_weights(channels, filters):
            raise Wrong("value", "there are more weights than those of two convolutions; leave other layers out.")
        mine, right = two_models(block, lambda x, f: pair(x, f), [shape], got, on, filters)
        if same(mine, right):
            continue
        for between, after in [(None, "relu"), ("relu", None), (None, None), *NOT_RELU]:
            if same(mine, two_models(block, lambda x, f: pair(x, f, between, after), [shape], got, on, filters)[1]):
                raise Wrong("value", what_stands(between, after))
        raise Wrong("value", "the two convolutions are right, but what stands between and after them is not one ReLU "
            "each.")


_BLOCKS = {
    "A": "joining skip 1", "B": "the pooling from 96 to 48", "C": "the bottleneck", "D": "the upsampling from 24 to 48",
    "E": "the block that is kept as skip 1", "F": "the 1x1 convolution with the sigmoid", "G": "joining skip 2",
    "H": "the block that is kept as skip 2", "I": "the upsampling from 48 to 96", "J": "the pooling from 48 to 24",
    "K": "the block on the joined maps of skip 2", "L": "the block on the joined maps of skip 1",
}
_AFTER = (  # (earlier, later, what goes wrong otherwise)
    ("E", "B", "skip 1 is taken at full size: its block comes before the pooling from 96 to 48."),
    ("H", "J", "skip 2 is taken before its level is pooled away: its block comes before the pooling from 48 to 24."),
    ("B", "H", "the encoder goes down level by level: the maps have 48 pixels only after the first pooling."),
    ("J", "C", "the bottleneck is the lowest point: both poolings come before it."),
    ("C", "D", "the decoder climbs up from the bottleneck, so no upsampling comes before it."),
    ("D", "G", "a skip fits only maps of its own size: first the upsampling to 48, then joining skip 2."),
    ("G", "K", "first join, then convolve: the block has to see the skip's channels beside the decoder's."),
    ("K", "I", "each level is finished before the next begins: the block of skip 2 comes before the upsampling to 96."),
    ("I", "A", "a skip fits only maps of its own size: first the upsampling to 96, then joining skip 1."),
    ("A", "L", "first join, then convolve: the block has to see skip 1 beside the decoder's channels."),
    ("L", "F", "the sigmoid's layer is the output: nothing comes after it."),
)


@exercise(
    "the order of a U-Net",
    "The decoder meets the skips in the opposite order: last kept, first joined.",
    "Start with the only block that can take the picture itself, 96 pixels wide.",
    "Going down: block, pooling, block, pooling. Then comes the bottleneck, the fifth of the twelve.",
    "Going up, each level has three parts: upsampling, joining, block.",
    answer=Order(_BLOCKS, _AFTER, "twelve"),
)
def exercise_2_4(order):
    """Check the order of the twelve blocks of a U-Net of depth 3."""


@exercise(
    "a receptive field by hand",
    "The two convolutions below the pooling count double, because a pixel there is two pixels wide.",
    "Walk backwards from one pixel of the result. What does a 3x3 convolution do to the width? What does the pooling?",
    "Each 3x3 convolution adds 2 pixels. Going back through the pooling doubles what you have so far.",
    "From one pixel: two convolutions, then the doubling, then two convolutions more.",
    answer=Number(14, {
        9: "you left the pooling out: below it, each pixel is two pixels of the picture wide.",
        10: "some convolutions are left out: 10 is what comes out without the two above the pooling, or without one of "
            "the two below it.",
        18: "you doubled everything. The convolutions above the pooling work on pixels of full size.",
        5: "that is how far two convolutions see; the other two see further.",
        13: "nearly: the pooling itself sees two pixels and not one.",
        12: "one of the two convolutions above the pooling is left out.",
        196: "that is the number of pixels in the field; its width is asked for.",
        7: "that is how far three convolutions see without a pooling.",
        28: "you doubled once too often: there is one pooling, and the convolutions above it are not doubled.",
    }, tolerance=0, what="the width"),
)
def exercise_2_5(answer):
    """Check a number: two 3x3 convolutions, a pooling, two 3x3 convolutions."""


@exercise(
    "a level of the decoder",
    "Up, join, convolve: with this and conv_block you can build a U-Net of any depth.",
    "A level has three parts: up, join, convolve. Section 3 has shown the layer for each of the first two.",
    "The layers are layers.Conv2DTranspose(filters, 2, strides=2) and layers.Concatenate(), which is called on a list.",
    "Each part takes what the part before it returned; bare_block(x, filters) is the last.",
)
def exercise_2_6(step):
    """Check shape, weights and values of upsampling, joining and convolving, with odd sizes and unequal channels."""
    from helpers.anatomy import conv_block, join_skip, upsample

    def right(x, skip, filters, kind="transpose", turned=False):
        x = upsample(x, filters, "u", kind)
        x = join_skip(skip, x, "j") if turned else join_skip(x, skip, "j")
        return conv_block(x, filters, "c")

    for on, size, below, beside, filters in [
        ("12 channels from below and 5 beside", (4, 3), 12, 5, 7), ("one pixel from below", (1, 1), 2, 1, 3),
        ("as many channels below as beside", (2, 5), 6, 6, 6),
    ]:
        shapes = [(*size, below), (2 * size[0], 2 * size[1], beside)]
        inputs, result = placeholders(step, shapes, on, filters)
        if tuple(result.shape)[1:3] == size:
            raise Wrong("shape", "height and width are not doubled: the upsampling is missing.")
        if tuple(result.shape)[1:3] != shapes[1][:2]:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}; the skip has "
                f"{shapes[1][:2]}.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"with filters={filters}, {result.shape[-1]} channels come out. Is the block on the "
                "joined maps missing?")
        weights = finished(inputs, result, "the result does not depend on both inputs: is the skip joined?").weights
        got = [tuple(w.shape) for w in weights]
        tail = block_weights(filters + beside, filters)
        ways = {"transpose": [(2, 2, filters, below), (filters,)], "resize": [(3, 3, below, filters), (filters,)]}
        kind = next((k for k, head in ways.items() if got == head + tail), None)
        if kind is None and got[-4:] == block_weights(below + beside, filters):
            raise Wrong("value", "the upsampling should bring the channels down to filters before the skip is joined.")
        if kind is None and got[-4:] == block_weights(filters, filters):
            raise Wrong("value", "the block does not see the skip's channels beside the decoder's: join them, by "
                "concatenation, before it.")
        if kind is None and sum(len(s) == 4 for s in got) < 3:
            raise Wrong("value", "there are too few convolutions: one level is an upsampling with weights and a block "
                "of two convolutions.")
        if kind is None:
            raise Wrong("value", f"on {on} the weights are not those of an upsampling, a joining and a block of two "
                "convolutions.")
        for turned in (False, True):  # the order inside the joined array is free
            mine, plain = two_models(step, lambda x, s, f: right(x, s, f, kind, turned), shapes, got, on, filters)
            if same(mine, plain):
                break
        else:
            raise Wrong("value", f"on {on} shapes and weights are right, but not the values. After each convolution of "
                "the block comes a ReLU, and none after the upsampling.")
