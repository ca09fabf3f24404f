"""The network's form and what comes out of it: sizes, activations, ranges."""

import numpy as np

from helpers.diagnosis.causes import finding
from helpers.diagnosis.material import range_of


def channels_in(model):
    shape = getattr(model, "input_shape", None)
    return shape[-1] if isinstance(shape, tuple) and len(shape) == 4 else 1


def layers_of(model):
    """Return all layers of a model, those of models inside it included."""
    found = []
    for layer in getattr(model, "layers", []):
        found += layers_of(layer) if getattr(layer, "layers", None) else [layer]
    return found


def activation_of(layer):
    name = type(layer).__name__.lower()
    function = getattr(getattr(layer, "activation", None), "__name__", "")
    return name if name in ("relu", "softmax", "sigmoid", "leakyrelu") else function


def check_network(case):
    """Look at the network's form: sizes it cannot halve, an output smaller than the input, activations at its end."""
    layers = layers_of(case.model)
    form = _input_size(case, layers) + _output_shape(case)
    return form + _output_activation(case, layers) + _output_range(case, layers)


def _input_size(case, layers):
    images = case.raw_images
    if not layers or images is None or images.ndim < 3:
        return []
    height, width = images.shape[1:3]
    convolutions = [layer for layer in layers if type(layer).__name__ in ("Conv2D", "SeparableConv2D")]
    halvings = sum(type(layer).__name__ in ("MaxPooling2D", "AveragePooling2D") for layer in layers)
    halvings += sum(max(layer.strides) == 2 for layer in convolutions)
    padded = all(layer.padding == "same" for layer in convolutions if max(layer.kernel_size) > 1)
    factor = 2**halvings
    refused = f", and an error when it is run: {case.model_error}" if case.model_error else ""
    shape = case.pred_shape
    smaller = shape is not None and tuple(shape[1:3]) != (height, width)
    if padded and (height % factor or width % factor) and (refused or shape is None or smaller):
        near = sorted({max(factor, (s + more) // factor * factor) for s in (height, width) for more in (0, factor - 1)})
        seen = f"pictures of {height}x{width} pixels, a network that halves {halvings} times{refused}"
        words = {"size": f"{height}x{width}", "factor": factor, "near": ", ".join(map(str, near))}
        return [finding("size_cannot_be_halved", 0.97, seen, **words)]
    if refused:
        wanted = getattr(case.model, "input_shape", None)
        return [finding("input_refused", 0.9, f"images {images.shape}, network input {wanted}: {case.model_error}")]
    return []


def check_several_classes(case):
    """See whether three channels or more, and masks with their numbers, were meant: then nothing is wrong with them."""
    shape, masks = case.pred_shape, case.raw_masks
    if shape is None or len(shape) != 4 or shape[-1] < 3 or masks is None or masks.shape[-1:] == shape[-1:]:
        return []
    values = np.unique(masks)
    if values[-1] < 2 or not np.isin(values, [*range(shape[-1]), 255]).all() or values[-1] == 255 and len(values) < 4:
        return []
    numbers = ", ".join(f"{value:g}" for value in values)
    return [finding("several_classes", 0.9, f"predictions have {shape[-1]} channels, and masks hold {numbers}")]


def _output_shape(case):
    shape = case.pred_shape
    target = case.raw_images if case.raw_images is not None else case.raw_masks
    if shape is None or target is None or len(shape) < 3 or target.ndim < 3:
        return []
    if len(shape) == 4 and shape[-1] > 1:
        return [finding("prediction_channels", 0.9, f"predictions have {shape[-1]} channels")]
    (h, w), (th, tw) = shape[1:3], target.shape[1:3]
    seen = f"predictions are {h}x{w} pixels, images {th}x{tw}"
    if (h, w) == (th, tw):
        if case.given["y_pred"] and shape[0] != len(target):
            return [finding("counts_differ/predictions", 0.9, f"{len(target)} images and {shape[0]} predictions")]
        return []
    if h > th or w > tw:
        return [finding("sizes_differ/predictions", 0.9, seen)]
    cut = {name: f"{(b - a) // 2}:{(b - a) // 2 + a}" for name, a, b in (("rows", h, th), ("columns", w, tw))}
    return [finding("output_smaller", 0.95, f"{seen}: {th - h} rows and {tw - w} columns are missing", **cut)]


def _output_activation(case, layers):
    """Look at the last layers of a model: a ReLU just before the sigmoid, a softmax over one channel."""
    if not layers:
        return []
    last = layers[-1]
    end, before = activation_of(last), ""
    try:
        before = activation_of(last._inbound_nodes[0].input_tensors[0]._keras_history.operation)
    except (AttributeError, IndexError):  # a subclassed model, which does not say what is connected to what
        before = activation_of(layers[-2]) if type(last).__name__ == "Activation" and len(layers) > 1 else ""
    if end == "sigmoid" and before == "relu" and type(last).__name__ == "Activation":
        return [finding("relu_before_sigmoid", 0.95, "the network applies a ReLU and then a sigmoid")]
    if end == "softmax" and last.output.shape[-1] == 1:
        return [finding("softmax_of_one_channel", 0.96, "the network ends in a softmax over one channel")]
    return []


def _output_range(case, layers):
    """Look at the predictions' numbers: NaN, outside 0..1, never below 0.5."""
    scores, end = case.scores, activation_of(layers[-1]) if layers else ""
    if scores is None:
        return []
    if not np.isfinite(scores).any():
        return [finding("learning_rate_too_high/nan", 0.8, "all predictions are NaN")]
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    linear = "the network's last layer is linear"
    if high == 255 and low == 0:
        return [finding("prediction_0_255", 0.8, f"predictions hold {range_of(scores)}")]
    if low < -1e-3 or high > 1 + 1e-3:
        outside = float(((scores < 0) | (scores > 1)).mean())
        seen = f"predictions run from {low:.3g} to {high:.3g}, {outside:.0%} of them outside 0..1"
        return [finding("logits_as_probabilities", 0.95, f"{seen}, and {linear}" if end == "linear" else seen)]
    if end == "linear" and case.asked_model:
        return [finding("logits_as_probabilities", 0.8, linear)]
    if low >= 0.5 and (scores == 0.5).mean() > 0.05:
        seen = f"no prediction is below 0.5, and {(scores == 0.5).mean():.0%} are exactly 0.5"
        return [finding("relu_before_sigmoid", 0.9, seen)]
    return []
