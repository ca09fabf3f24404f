"""Try a student's piece of a network (02): call it, count its weights, compare its values; pretend a training (03)."""

import re

from helpers.checks.running import Wrong, call, np


def placeholders(block, shapes, on, *arguments):
    """Return `(inputs, result)` of a student's block, called with placeholders and further arguments."""
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    try:
        result = call(block, *inputs, *arguments, on=on)
    except Wrong as wrong:
        if "incompatible with the layer" in str(wrong):
            raise Wrong("raises", "a layer is called twice, on different numbers of channels. It keeps the weights "
                f"of its first call, so make a second layer. Keras says: {wrong}") from None
        raise
    if result is None:
        raise Wrong("missing", "it returns None. Is there a `return` in its last line?")
    if not isinstance(result, keras.KerasTensor):
        raise Wrong("type", f"it returns a {type(result).__name__}. Call each layer on x, and return what "
            "the last one gives.")
    return inputs, result


def finished(inputs, result, unjoined="the result does not depend on everything that goes in; is x handed on?"):
    """Return the model from placeholders to a result, or raise `Wrong`: `unjoined`, if no path leads there."""
    import keras

    try:
        return keras.Model(inputs, result)
    except ValueError as error:
        twice = re.search(r'The name "([^"]+)" is used (\d+) times', str(error))
        if twice:
            raise Wrong("value", f"the name {twice.group(1)!r} is given to {twice.group(2)} layers. Each layer of a "
                "network needs a name of its own; or leave the names out.") from None
        raise Wrong("value", unjoined) from None


def two_models(block, reference, shapes, wanted, on, *arguments):
    """Return outputs of a student's block and of the reference, for the same input and the same random weights.

    The student's weights must already have the right shapes, in the order of the layers.
    """
    model = finished(*placeholders(block, shapes, on, *arguments))
    other = finished(*placeholders(reference, shapes, on, *arguments))
    rng = np.random.default_rng(0)
    weights = [rng.normal(0, 0.5, shape).astype(np.float32) for shape in wanted]
    model.set_weights(weights)
    other.set_weights(weights)
    images = [rng.normal(0, 1, (2, *shape)).astype(np.float32) for shape in shapes]
    return np.array(model(images)), np.array(other(images))


def block_weights(channels, filters):
    """Return the shapes of a convolution block's weights, in their order."""
    return [(3, 3, channels, filters), (filters,), (3, 3, filters, filters), (filters,)]


def pair(x, filters, between="relu", after="relu"):
    """Two 3x3 convolutions with an activation after each, or None."""
    from keras import layers

    for activation in (between, after):
        x = layers.Conv2D(filters, 3, padding="same", activation=activation)(x)
    return x


NOT_RELU = [both for other in ("sigmoid", "softmax", "tanh", "gelu", "elu", "leaky_relu", "softplus")
    for both in (("relu", other), (other, "relu"), (other, other), (None, other))]


def what_stands(between, after):
    """Say which activation is wrong. None: there is none."""
    if between is None:
        return "there is no ReLU between the convolutions, and two convolutions in a row are only one larger one."
    if between != "relu":
        return f"between the convolutions stands {between}, where a ReLU belongs."
    if after is None:
        return "the last ReLU is missing: negative numbers come out."
    return f"the block ends in {after}, where a ReLU belongs. The sigmoid stands at the very end of the network alone."


def pretended_training(callback_class, goal, rows, stopped):
    """Return a function that runs a callback through epochs with these logs.

    It returns, for each epoch, whether the model is asked to stop, and whether the callback asked itself instead.
    """
    class Model:  # as much of a model as a callback needs
        stop_training = stopped

    def run():
        model, seen = Model(), []
        callback = callback_class(goal)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, logs in enumerate(rows):
            callback.on_epoch_begin(epoch)
            callback.on_train_batch_end(0, {k: v for k, v in logs.items() if not k.startswith("val_")})
            callback.on_epoch_end(epoch, dict(logs))
            seen.append(bool(model.stop_training))
        callback.on_train_end()
        return seen, getattr(callback, "stop_training", False)

    return run
