"""A network as an ONNX file, which programs without Keras can run: its layers written out one by one.

The file takes pictures of any size: the graph mirrors them at their lower and right edge up to a size that the pooling
can halve, and cuts its answer, as `predict_tiled` does. Source: the operators of ONNX, version 17.
"""

import json
from pathlib import Path

import numpy as np

from helpers.own_images.files import hush
from helpers.own_images.keeping import SavedNetwork, note_of, write_new
from helpers.own_images.tile_layout import grid_of
from helpers.own_images.tiles import of_any_size

ONNX_PACKAGES = "pip install onnx onnxruntime"
OPSET = 17  # of 2022: old enough for the ONNX runtimes inside other programs


def export_onnx(network, path) -> Path:
    """Write a network as a new ONNX file, from `[n, channels, h, w]` to `[n, classes, h, w]` float32; returns its path.

    network: a Keras model, or a `SavedNetwork`, whose note (gray levels, threshold, card) goes into the file, too.
    Raises ImportError, naming the command, if the package for it is missing, FileExistsError rather than write over
    anything, and ValueError for a layer that cannot be written.
    """
    content = onnx_bytes(network)
    return write_new(path, lambda file: file.write(content))


def onnx_bytes(network) -> bytes:
    """Return a network as the content of an ONNX file; see `export_onnx`."""
    onnx = _package("onnx", "the ONNX export")
    kept = network if isinstance(network, SavedNetwork) else None
    made = _Graph(onnx, kept.model if kept else network).model()
    if kept:
        entry = made.metadata_props.add()
        entry.key, entry.value = "unet_course", json.dumps(note_of(kept))
    onnx.checker.check_model(made)
    return made.SerializeToString()


def onnx_difference(path, model, images) -> float:
    """Return the largest difference between what the ONNX file and the network say about pictures `[n, h, w, 1]`."""
    from helpers.training import predict

    runtime = _package("onnxruntime", "checking the ONNX file")
    session = runtime.InferenceSession(str(Path(path).expanduser()), providers=["CPUExecutionProvider"])
    first = np.moveaxis(np.asarray(images, np.float32), -1, 1)
    said = session.run(None, {session.get_inputs()[0].name: first})[0]
    return float(np.abs(np.moveaxis(said, 1, -1) - predict(model, images)).max())


def _package(name, what):
    try:
        with hush():
            return __import__(name)
    except ImportError as error:
        raise ImportError(f"{what} needs packages that are not installed ({error.name}): {ONNX_PACKAGES}") from error


class _Graph:
    """The operators of one network. Channels come second, as in all of ONNX, and last in Keras."""

    def __init__(self, onnx, model):
        self.onnx, self.nodes, self.weights, self.counter = onnx, [], [], 0
        self.source = model if model.input_shape[1] is None else of_any_size(model)

    def model(self):
        helper, kind = self.onnx.helper, self.onnx.TensorProto.FLOAT
        grid, _ = grid_of(self.source)
        side = 32 * grid
        same = self.source.compute_output_shape((1, side, side, self.source.input_shape[-1]))[1:3] == (side, side)
        picture = "image"
        size = {axis: self._size(picture, axis) for axis in (2, 3)}
        start = self._mirrored(picture, size, grid) if same else picture
        found = {id(self.source.inputs[0]): start}
        for layer in self.source.layers:
            if type(layer).__name__ != "InputLayer":
                inputs = layer.input if isinstance(layer.input, list) else [layer.input]
                found[id(layer.output)] = self._layer(layer, [found[id(tensor)] for tensor in inputs])
        last = found[id(self.source.outputs[0])]
        if same:
            ends = self.op("Concat", size[2], size[3], axis=0)
            last = self.op("Slice", last, self.whole([0, 0]), ends, self.whole([2, 3]))
        self.nodes.append(helper.make_node("Identity", [last], ["probability"]))
        channels, classes = self.source.input_shape[-1], self.source.output_shape[-1]
        graph = helper.make_graph(
            self.nodes, "unet", [helper.make_tensor_value_info("image", kind, ["n", channels, "height", "width"])],
            [helper.make_tensor_value_info("probability", kind, ["n", classes, "height_out", "width_out"])],
            self.weights,
        )
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="unet-course")

    def op(self, kind, *inputs, **attributes):
        self.counter += 1
        name = f"{kind.lower()}_{self.counter}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def real(self, values):
        return self._constant(np.asarray(values, np.float32))

    def whole(self, values):
        return self._constant(np.asarray(values, np.int64))

    def _constant(self, values):
        self.counter += 1
        name = f"weight_{self.counter}"
        self.weights.append(self.onnx.numpy_helper.from_array(values.copy(), name))
        return name

    def _size(self, tensor, axis):
        return self.op("Gather", self.op("Shape", tensor), self.whole([axis]))

    def _mirrored(self, tensor, size, grid):
        """Mirror a picture at its lower and right edge to the next multiple of `grid`, the edge itself repeated."""
        one, most = self.whole([1]), self.whole([grid])
        for axis in (2, 3):
            n = size[axis]
            padded = self.op("Mul", self.op("Div", self.op("Add", n, self.whole([grid - 1])), most), most)
            scalar = self.op("Squeeze", padded)
            index = self.op("Range", self.whole(0), scalar, self.whole(1))
            back = self.op("Sub", self.op("Sub", self.op("Add", n, n), one), index)
            index = self.op("Max", self.op("Min", index, back), self.whole([0]))
            tensor = self.op("Gather", tensor, index, axis=axis)
        return tensor

    def _layer(self, layer, inputs):
        kind = type(layer).__name__
        write = getattr(self, f"_{kind.lower()}", None)
        if write is None:
            raise ValueError(
                f"the layer {layer.name!r} is a {kind}, which the ONNX export does not know. Networks of build_unet "
                "can be exported."
            )
        return write(layer, *inputs)

    def _activated(self, tensor, function):
        name = getattr(function, "__name__", str(function))
        kinds = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
        if name == "linear":
            return tensor
        if name == "softmax":
            return self.op("Softmax", tensor, axis=1)
        if name not in kinds:
            raise ValueError(f"the activation {name!r} cannot be exported to ONNX; expected one of {', '.join(kinds)}.")
        return self.op(kinds[name], tensor)

    def _conv2d(self, layer, x):
        weights = [np.asarray(w) for w in layer.get_weights()]
        size = [d * (k - 1) for k, d in zip(layer.kernel_size, layer.dilation_rate)]
        if layer.padding == "same" and max(layer.strides) > 1:
            edges = {"auto_pad": "SAME_UPPER"}
        else:
            half = [n // 2 for n in size] if layer.padding == "same" else [0, 0]
            edges = {"pads": [*half, *(n - h for n, h in zip(size, half))] if layer.padding == "same" else [0] * 4}
        inputs = [x, self.real(weights[0].transpose(3, 2, 0, 1)), *(self.real(w) for w in weights[1:])]
        made = self.op("Conv", *inputs, kernel_shape=list(layer.kernel_size), strides=list(layer.strides),
                       dilations=list(layer.dilation_rate), group=layer.groups, **edges)
        return self._activated(made, layer.activation)

    def _conv2dtranspose(self, layer, x):
        if tuple(layer.kernel_size) != tuple(layer.strides):
            raise ValueError(
                f"the transposed convolution {layer.name!r} has kernels of {layer.kernel_size} and steps of "
                f"{layer.strides}; only equal ones can be exported."
            )
        weights = [np.asarray(w) for w in layer.get_weights()]
        inputs = [x, self.real(weights[0].transpose(3, 2, 0, 1)), *(self.real(w) for w in weights[1:])]
        made = self.op("ConvTranspose", *inputs, kernel_shape=list(layer.kernel_size), strides=list(layer.strides))
        return self._activated(made, layer.activation)

    def _batchnormalization(self, layer, x):
        mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
        scale = np.asarray(layer.gamma) if layer.scale else np.ones_like(mean)
        shift = np.asarray(layer.beta) if layer.center else np.zeros_like(mean)
        values = [self.real(v) for v in (scale, shift, mean, variance)]
        return self.op("BatchNormalization", x, *values, epsilon=float(layer.epsilon))

    def _groupnormalization(self, layer, x):
        shape, groups = self.op("Shape", x), layer.groups
        flat = self.op("Reshape", x, self.whole([0, groups, -1]))
        even = self.op("InstanceNormalization", flat, self.real(np.ones(groups)), self.real(np.zeros(groups)),
                       epsilon=float(layer.epsilon))
        made = self.op("Reshape", even, shape)
        if layer.scale:
            made = self.op("Mul", made, self.real(np.reshape(layer.gamma, (1, -1, 1, 1))))
        return self.op("Add", made, self.real(np.reshape(layer.beta, (1, -1, 1, 1)))) if layer.center else made

    def _rescaling(self, layer, x):
        return self.op("Add", self.op("Mul", x, self.real([layer.scale])), self.real([layer.offset]))

    def _relu(self, layer, x):
        if layer.max_value is not None or layer.negative_slope or layer.threshold:
            raise ValueError(f"the ReLU {layer.name!r} has a limit or a slope, which cannot be exported.")
        return self.op("Relu", x)

    def _activation(self, layer, x):
        return self._activated(x, layer.activation)

    def _maxpooling2d(self, layer, x, kind="MaxPool"):
        edges = {"auto_pad": "SAME_UPPER"} if layer.padding == "same" else {}
        return self.op(kind, x, kernel_shape=list(layer.pool_size), strides=list(layer.strides), **edges)

    def _averagepooling2d(self, layer, x):
        return self._maxpooling2d(layer, x, "AveragePool")

    def _upsampling2d(self, layer, x):
        how = {"nearest": ("nearest", "asymmetric"), "bilinear": ("linear", "half_pixel")}[layer.interpolation]
        scales = self.real([1, 1, *layer.size])
        more = {"coordinate_transformation_mode": how[1], "nearest_mode": "floor"}
        return self.op("Resize", x, "", scales, mode=how[0], **more)

    def _concatenate(self, layer, *inputs):
        return self.op("Concat", *inputs, axis=1)

    def _add(self, layer, *inputs):
        return self.op("Sum", *inputs)

    def _cropping2d(self, layer, x):
        (top, bottom), (left, right) = layer.cropping
        most = np.iinfo(np.int64).max
        ends = [-bottom if bottom else most, -right if right else most]
        return self.op("Slice", x, self.whole([top, left]), self.whole(ends), self.whole([2, 3]))

    def _dropout(self, layer, x):
        return x
