"""Checkers of the exercises of notebook 02."""

from numbers import Integral

from helpers.checks.exercises import check_number, exercise
from helpers.checks.running import ToDo, Wrong, call, np, same, short, verdict


def _shape_answer(answer, truth, slips, what="the shape"):
    """Check a shape worked out by hand. slips: shapes to messages."""
    if answer is None:
        raise ToDo
    if not isinstance(answer, (tuple, list)) or not all(isinstance(n, Integral) and not isinstance(n,
        bool) for n in answer):
        raise Wrong("type", f"{what} should be whole numbers in brackets, such as (1, 2, 3, 4); yours is "
            f"{short(answer)}.")
    answer = tuple(int(n) for n in answer)
    if answer == truth:
        return
    if answer in slips:
        raise Wrong("value", slips[answer])
    if len(answer) != len(truth):
        raise Wrong("shape", f"{what} has {len(truth)} numbers: pictures, height, width, channels. Yours has "
            f"{len(answer)}.")
    names = ("number of pictures", "height", "width", "number of channels")
    raise Wrong("value", f"the {next(n for n, a, b in zip(names, answer, truth) if a != b)} is not right.")


@exercise(
    "the shape at the bottleneck",
    "Height and width halve three times, channels double three times.",
    "How many poolings lie between the input and the bottleneck of a U-Net with four levels?",
    "Each pooling halves height and width; the first of the two numbers is the height.",
    "The channels start at 8 on the first level and double with each level below it.",
)
def exercise_2_1(shape):
    """Check a shape: 64 x 48 pixels after three poolings, 8 filters doubled three times."""
    _shape_answer(shape, (1, 8, 6, 64), {
        (1, 6, 8, 64): "height and width are swapped: arrays are [pictures, height, width, channels].",
        (1, 4, 3, 128): "you pooled four times. Four levels have three poolings between them.",
        (1, 8, 6, 32): "the channels double once more: the bottleneck is the fourth level and has filters of its own.",
        (1, 8, 6, 8): "the number of channels does not stay: it doubles from level to level.",
        (1, 8, 6, 24): "channels double from level to level; you added.",
        (1, 64, 48, 64): "height and width do not stay: pooling halves them.",
        (1, 64, 8, 6): "the channels come last: [pictures, height, width, channels].",
        (8, 6, 64): "the first axis is missing: it counts the pictures, and there is one.",
        (1, 64, 48, 8): "that is the shape after the first block; go down to the bottleneck.",
    })


@exercise(
    "the weights behind a skip",
    "Half of these weights are the price of the skip connection.",
    "How many channels does the block get once the skip has been joined?",
    "The decoder brings 32 channels and the skip 32 more.",
    "Use conv_weights from this notebook: kernel, channels in, channels out.",
)
def exercise_2_2(weights):
    """Check a number: a 3x3 convolution from 32 + 32 channels to 32."""
    check_number(weights, 3 * 3 * 64 * 32 + 32, {
        9 * 32 * 32 + 32: "you counted the decoder's own channels only. The skip adds the encoder's beside them.",
        9 * 64 * 32: "the biases are missing: one for each channel that comes out.",
        9 * 64 * 32 + 64: "one bias belongs to each channel that comes out, not to each that comes in.",
        9 * 96 * 32 + 32: "you joined the bottleneck's 64 channels. The upsampling has halved them already.",
        9 * 64 * 64 + 64: "the block gives 32 channels, not 64.",
        3 * 64 * 32 + 32: "a 3x3 kernel has nine numbers, not three.",
        9 * 32 + 32: "each output channel has one kernel for each channel that comes in.",
        27_712: "that is the whole block with its two convolutions; only the first is asked for.",
    }, tolerance=0)


def _network(block, shapes, on):
    """Return a Keras model around a student's block, called with symbolic inputs of these shapes."""
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    result = call(block, *inputs, on=on)
    if result is None:
        raise Wrong("missing", "it returns None. Is there a `return` in its last line?")
    if not isinstance(result, keras.KerasTensor):
        raise Wrong("type", f"it returns a {type(result).__name__}. Call each layer on x, and return x, as conv_block "
            "does.")
    return inputs, result


def _finished(inputs, result):
    import keras

    try:
        return keras.Model(inputs, result)
    except ValueError:
        raise Wrong("value", "the result does not depend on everything that goes in; is x handed on from layer to "
            "layer?") from None


def _two_models(block, reference, shapes, wanted, on, seed=0):
    """Return outputs of a student's block and of the reference, for the same input and the same random weights.

    The student's weights must already have the right shapes, in the order of the layers.
    """
    model = _finished(*_network(block, shapes, on))
    other = _finished(*_network(reference, shapes, on))
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in wanted]
    model.set_weights(weights)
    other.set_weights(weights)
    images = [rng.normal(0, 1, (2, *shape)).astype(np.float32) for shape in shapes]
    return np.array(model(images)), np.array(other(images))


def _block_weights(channels, filters):
    return [(3, 3, channels, filters), (filters,), (3, 3, filters, filters), (filters,)]


@exercise(
    "the convolution block",
    "Convolution, ReLU, convolution, ReLU: you will meet it seven times in each U-Net.",
    "Look at what conv_block does in its second round of the loop.",
    "The second half is the same two layers again, called on x.",
    "The last line returns x. Both convolutions pad, so that height and width stay.",
)
def exercise_2_3(block):
    """Check shape, number of weights and values against `conv_block` with the same random weights; odd sizes, too."""
    from helpers.anatomy import conv_block
    from keras import layers

    def without_last_relu(x, filters):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return layers.Conv2D(filters, 3, padding="same")(x)

    def without_first_relu(x, filters):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    for on, size, channels, filters in [
        ("pictures of 8x8 pixels with 3 channels", (8, 8), 3, 4), ("pictures of odd size, 7x5", (7, 5), 1, 6),
        ("pictures with as many channels as filters", (6, 6), 5, 5), ("a picture of one pixel", (1, 1), 2, 3),
    ]:
        shape = (*size, channels)
        inputs, result = _network(lambda x: block(x, filters), [shape], on)
        if tuple(result.shape)[1:3] != size:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}. Without "
                "padding=\"same\" each 3x3 convolution loses 2 pixels; pooling and strides halve.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"on {on} and with filters={filters}, {result.shape[-1]} channels come out.")
        got = [tuple(w.shape) for w in _finished(inputs, result).weights]
        kernels = [s for s in got if len(s) == 4]
        if len(kernels) == 1:
            raise Wrong("value", "there is only one convolution with weights of its own; the block has two. (Calling "
                "one layer twice shares its weights.)")
        if len(kernels) != 2:
            raise Wrong("value", f"there are {len(kernels)} convolutions; the block has two.")
        if any(k[:2] != (3, 3) for k in kernels):
            raise Wrong("value", f"the kernels are {kernels[0][:2]} and {kernels[1][:2]}; both should be 3x3.")
        if kernels[0][-1] != filters:
            raise Wrong("value", f"with filters={filters}, the first convolution gives {kernels[0][-1]} channels.")
        if len(got) == 2:
            raise Wrong("value", "the biases are switched off.")
        if got != _block_weights(channels, filters):
            raise Wrong("value", "there are more weights than those of two convolutions; leave other layers out.")
        results = _two_models(lambda x: block(x, filters), lambda x: conv_block(x, filters, "c"), [shape], got, on)
        slips = {
            "the last ReLU is missing: negative numbers come out.": without_last_relu,
            "there is no ReLU between the convolutions, and two convolutions in a row are only one larger one.":
                without_first_relu,
        }
        slips = {m: [_two_models(lambda x, f=f: f(x, filters), lambda x: conv_block(x, filters, "c"), [shape], got,
            on)[0]] for m, f in slips.items()}
        verdict([results[0]], [results[1]], slips, [on])


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
    "Going down: block, pooling, block, pooling. The bottleneck stands in the middle of the twelve.",
    "Going up, each level has three parts: upsampling, joining, block.",
)
def exercise_2_4(order):
    """Check the order of the twelve blocks of a U-Net of depth 3."""
    if order is None or isinstance(order, (str, list, tuple)) and not order:
        raise ToDo
    if not isinstance(order, (str, list, tuple)) or not all(isinstance(letter, str) for letter in order):
        raise Wrong("type", f"write the letters as one text, such as \"ABC\"; yours is {short(order)}.")
    letters = [c.upper() for c in "".join(order) if c not in " ,->"]
    strange = sorted(set(letters) - set(_BLOCKS))
    if strange:
        raise Wrong("value", f"there is no block {strange[0]}.")
    twice = [c for c in _BLOCKS if letters.count(c) > 1]
    if twice:
        raise Wrong("value", f"{twice[0]}, {_BLOCKS[twice[0]]}, occurs more than once.")
    missing = [c for c in _BLOCKS if c not in letters]
    if missing:
        raise Wrong("missing", f"{len(missing)} of the twelve are missing, among them {missing[0]}, "
            f"{_BLOCKS[missing[0]]}.")
    for earlier, later, message in _AFTER:
        if letters.index(earlier) > letters.index(later):
            raise Wrong("value", message)


@exercise(
    "a receptive field by hand",
    "The two convolutions below the pooling count double, because a pixel there is two pixels wide.",
    "Walk backwards from one pixel of the result. What does a 3x3 convolution do to the width? What does the pooling?",
    "Each 3x3 convolution adds 2 pixels. Going back through the pooling doubles what you have so far.",
    "From one pixel: two convolutions, then the doubling, then two convolutions more.",
)
def exercise_2_5(answer):
    """Check a number: two 3x3 convolutions, a pooling, two 3x3 convolutions."""
    check_number(answer, 14, {
        9: "you left the pooling out: below it, each pixel is two pixels of the picture wide.",
        10: "you left something out: after the doubling come the two convolutions above the pooling, or their share "
            "below it was not doubled.",
        18: "you doubled everything. The convolutions above the pooling work on pixels of full size.",
        5: "that is how far two convolutions see; the other two see further.",
        13: "nearly: the pooling itself sees two pixels and not one.",
        12: "one of the four convolutions is missing.",
        196: "that is the number of pixels in the field; its width is asked for.",
        7: "the pooling doubles what lies below it; it does not halve what lies above.",
    }, tolerance=0, what="the width")


@exercise(
    "a level of the decoder",
    "Up, join, convolve: with this and conv_block you can build a U-Net of any depth.",
    "The notebook has three functions for the three parts of a level. In which order are they called in build_unet?",
    "upsample(x, filters, name), then join_skip(x, skip, name), then conv_block(x, filters, name).",
    "Each call takes the x that the call before it returned, and each needs a name of its own.",
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
        inputs, result = _network(lambda x, skip: step(x, skip, filters), shapes, on)
        if tuple(result.shape)[1:3] == size:
            raise Wrong("shape", "height and width are not doubled: the upsampling is missing.")
        if tuple(result.shape)[1:3] != shapes[1][:2]:
            raise Wrong("shape", f"on {on} height and width become {tuple(result.shape)[1:3]}; the skip has "
                f"{shapes[1][:2]}.")
        if result.shape[-1] != filters:
            raise Wrong("shape", f"with filters={filters}, {result.shape[-1]} channels come out. Is the block on the "
                "joined maps missing?")
        try:
            weights = _finished(inputs, result).weights
        except Wrong:
            raise Wrong("value", "the result does not depend on both inputs: is the skip joined?") from None
        got = [tuple(w.shape) for w in weights]
        tail = _block_weights(filters + beside, filters)
        ways = {"transpose": [(2, 2, filters, below), (filters,)], "resize": [(3, 3, below, filters), (filters,)]}
        kind = next((k for k, head in ways.items() if got == head + tail), None)
        if kind is None and got[-4:] == _block_weights(below + beside, filters):
            raise Wrong("value", "the upsampling should bring the channels down to filters before the skip is joined.")
        if kind is None and got[-4:] == _block_weights(filters, filters):
            raise Wrong("value", "the block does not see the skip's channels beside the decoder's: join them, by "
                "concatenation, before it.")
        if kind is None and sum(len(s) == 4 for s in got) < 3:
            raise Wrong("value", "there are too few convolutions: one level is an upsampling with weights and a block "
                "of two convolutions.")
        if kind is None:
            raise Wrong("value", f"on {on} the weights are not those of an upsampling, a joining and a block of two "
                "convolutions.")
        mine, plain = _two_models(lambda x, s: step(x, s, filters), lambda x, s: right(x, s, filters, kind), shapes,
            got, on)
        if not same(mine, plain):  # the order inside the joined array is free
            _, other = _two_models(lambda x, s: step(x, s, filters), lambda x, s: right(x, s, filters, kind, True),
                shapes, got, on)
            if not same(mine, other):
                raise Wrong("value", f"on {on} the shapes are right, but not the values. Is a ReLU missing, or one "
                    "too many?")
