"""Open a network from a file: look at everything first, then give Keras a clean copy."""

import json
import math
import tempfile
import warnings
import zipfile
from pathlib import Path

import keras
import tensorflow as tf

from helpers.gate.archives import DamagedError, GateError, copy_member, open_archive, read_json, read_member
from helpers.gate.configuration import checked_configuration
from helpers.gate.names import printable
from helpers.gate.stored import count_numbers

MOST_BYTES = 1_000_000_000  # of weights; the U-Net of the paper has 124 MB, and three times that with its optimizer
MOST_CONFIGURATION = 4_000_000
MOST_VALUES = 64_000_000  # of one result inside the network, for a picture of 64x64
SIDES = (64, 128, 256, 512, 572, 1024)  # most networks take the first; that of the paper takes 572
UNKNOWN = 256  # is counted for a side that only the picture itself decides
_WEIGHTS = "model.weights.h5"


def open_network(path):
    """Open a network from a `.keras` file, not compiled.

    Keras never sees the file itself: it gets a copy of the configuration, with known classes only, and of the weights,
    made after both were looked at. While it builds the layers, they may not make more weights than the file
    holds. Raises GateError if the file is not let in, OSError if it cannot be read, and whatever Keras raises if the
    configuration does not fit together.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise DamagedError("has a name that does not end in .keras")
    with open_archive(path) as archive, tempfile.TemporaryDirectory() as folder:
        configuration = read_json(read_member(archive, "config.json", MOST_CONFIGURATION), "configuration")
        configuration = checked_configuration(configuration)
        weights, numbers = _weights(archive, folder)
        clean = Path(folder) / "model.keras"
        with zipfile.ZipFile(clean, "w") as new:
            new.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
            new.writestr("config.json", json.dumps(configuration))
            new.write(weights, _WEIGHTS)
        weights.unlink()
        with at_most(numbers):
            model = keras.models.load_model(clean, compile=False, safe_mode=True)
    if not isinstance(model, keras.Model):
        raise DamagedError("holds a part of a network, and no network")
    _check_results(model)
    return model


def load_weights(model, path) -> None:
    """Give a model the weights that a `.keras` file holds, after the same look at them. Raises as `open_network`.

    A file without an optimizer leaves that of a compiled model as it is.
    """
    with open_archive(path) as archive, tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        weights, _ = _weights(archive, folder)
        model.load_weights(weights)


def _weights(archive, folder):
    """Return a copy of the weights in a folder, and how many numbers they are."""
    weights = Path(folder) / _WEIGHTS
    with weights.open("wb") as file:
        size = copy_member(archive, _WEIGHTS, file, MOST_BYTES)
    return weights, count_numbers(weights, min(MOST_BYTES, 8 * size + 16_000_000))


def at_most(numbers: int):
    """Return a scope in which TensorFlow makes no more weights than that; GateError is raised before any is."""
    left = numbers + 4096  # for counters that are made anew and not stored

    def create(make, **settings):
        nonlocal left
        left -= _size(settings)
        if left < 0:
            raise GateError(f"has layers that ask for more weights than the {numbers:,} numbers in the file")
        return make(**settings)

    return tf.variable_creator_scope(create)


def _size(settings):
    shape, value = settings.get("shape"), settings.get("initial_value")
    if shape is None and callable(value):  # Keras before 3.15 does not say the shape, but a graph knows it
        with tf.Graph().as_default():
            shape = tf.convert_to_tensor(value()).shape
    elif shape is None:
        shape = tf.convert_to_tensor(value).shape
    return math.prod(int(side) for side in tf.TensorShape(shape))


def _check_results(model):
    """Raise if some result inside the network is huge for a small picture; nothing is computed for this."""
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    for side in SIDES:
        inputs = tf.nest.map_structure(lambda each: _placeholder(each, side), structure)
        try:
            function = tf.function(lambda x: model(x, training=False))
            made = function.get_concrete_function(inputs).graph.get_operations()
        except Exception:  # a picture of this size does not fit: layers raise anything then
            continue
        largest = max((_most(operation), operation.name) for operation in made)
        if largest[0] > MOST_VALUES * max(1, (side / SIDES[0]) ** 2):
            name = printable(largest[1].split("/")[0], 60)
            raise GateError(f"has the part {name}, which makes {largest[0]:,} numbers of a picture of {side}x{side}")
        return
    raise GateError(f"takes no picture with a side of {', '.join(map(str, SIDES))} pixels")


def _placeholder(tensor, side):
    sides = [side if length is None else length for length in tensor.shape[1:]]
    return tf.TensorSpec([1, *sides], tensor.dtype)


def _most(operation):
    shapes = [result.shape.as_list() for result in operation.outputs if result.shape.rank is not None]
    return max((math.prod(UNKNOWN if side is None else side for side in shape) for shape in shapes), default=0)
