"""Load a network from a file, even one that a newer Keras has written, and ask it."""

import os
import weakref
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers.anatomy import check_sizes
from helpers.arrays import check_images
from helpers.gate import DamagedError, GateError, first_line, open_archive, printable, read_json, read_member
from helpers.gate.opening import open_network
from helpers.settings import check_whole

# Each network has a compiled function of its own, so that a new one for a new network is as it should be.
tf.get_logger().addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())
_steps = weakref.WeakKeyDictionary()  # one compiled function for each network, gone when the network goes


def predict(model, images, batch_size=32) -> np.ndarray:
    """Return the probability of being foreground, or of each class, for each pixel, `[n, h, w, classes]` float32.

    images: `[n, h, w, 1]` floats in 0..1; batch_size bounds the memory. Raises ValueError for sizes that the network
    cannot take. Predicting through one compiled function costs a fifth of `model.predict` for single pictures.
    """
    check_takes_gray(model)
    images = check_images(images).astype(np.float32, copy=False)
    check_whole(batch_size, "batch_size")
    check_fit(model, *images.shape[1:3])
    if not len(images):
        return np.zeros(model.compute_output_shape(images.shape), np.float32)
    step, starts = compiled(model), range(0, len(images), batch_size)
    return np.concatenate([step(tf.constant(images[i : i + batch_size])).numpy() for i in starts])


def compiled(model):
    """Return the model as one compiled function, made once for each model: images float32 to outputs float32."""
    if model not in _steps:
        inner = weakref.ref(model)  # a strong reference would keep the model alive for ever
        signature = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)
        _steps[model] = tf.function(
            lambda x: tf.cast(inner()(x, training=False), tf.float32), input_signature=[signature]
        )
    return _steps[model]


def restart(model, weights) -> None:
    """Give a compiled model other weights and a fresh optimizer, so that a further training need not compile again.

    A learning rate that is one number stays as it is: a callback may have changed it, so set it anew if one did.
    """
    model.set_weights(weights)
    if not model.compiled:
        return
    optimizer = inner_optimizer(model)
    fresh, held = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": 0.0}), []
    for each in (optimizer, fresh):
        each.build(model.trainable_variables)
        held.append([one for one in each.variables if one.path.rsplit("/", 1)[-1] != "learning_rate"])
    for variable, begun in zip(*held, strict=True):
        variable.assign(begun)
    if model.optimizer is not optimizer and model.optimizer.built:
        model.optimizer.step_counter.assign(0)
        model.optimizer.dynamic_scale.assign(model.optimizer.initial_scale)


def inner_optimizer(model):
    """Return the optimizer, out of the one with which Keras enlarges the loss where weights are of 16 bits."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def check_takes_gray(model) -> None:
    """Raise ValueError unless a network takes gray pictures, one at a time, and its layers know their shapes."""
    try:
        taken, given = model.input_shape, model.output_shape
    except (AttributeError, ValueError):  # Keras raises either for a network that has seen no picture yet
        raise ValueError(
            "this network does not know the shape of its pictures yet. Give it keras.Input((None, None, 1)) as its "
            "first part, as build_unet does."
        ) from None
    for shape, name in ((taken, "inputs"), (given, "outputs")):
        if isinstance(shape, (dict, list)) or shape and not isinstance(shape[0], (int, type(None))):
            raise ValueError(f"this network has {len(shape)} {name}; these helpers take one with one picture each.")
    if len(taken) != 4 or taken[-1] not in (1, None):
        takes = f"pictures with {taken[-1]} channels" if len(taken) == 4 else f"arrays of the shape {taken}"
        raise ValueError(
            f"this network takes {takes}, and this course trains and asks networks of gray pictures, one channel. "
            "Build it with build_unet((None, None, 1), ...), or use Keras itself: model.fit, model.predict."
        )


def check_fit(model, height: int, width: int) -> None:
    """Raise ValueError, naming sizes that work, if a network cannot take pictures of this size."""
    fixed = model.input_shape[1:3]
    if any(side not in (None, given) for side, given in zip(fixed, (height, width))):
        raise ValueError(
            f"the pictures are {height}x{width} pixels, and this network was built for {fixed[0]}x{fixed[1]} alone. "
            "Build it for any size, build_unet((None, None, 1), ...), or crop the pictures."
        )
    if any(layer.name == "bottleneck" for layer in model.layers):  # networks of other kinds know their sizes themselves
        check_sizes(model, height, width)


def load_network(path):
    """Load a network from a `.keras` file, ready to predict (not compiled), even if a newer Keras has written it.

    What a file may hold, and what is promised of one that a stranger made, says `helpers.gate`. Raises
    FileNotFoundError if there is none, ValueError if it is damaged, no Keras model, or not let in.
    """
    path = _path_of(path)
    if os.path.isdir(path):
        inside = path / "best.keras"
        told = f"Load {printable(inside)}." if inside.exists() else "Name the .keras file itself."
        raise ValueError(f"{printable(path)} is a folder, and no Keras model. {told}")
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"there is no file {printable(path)}; train a network in notebook 03, or use models/unet_circles.keras."
        )
    if path.suffix in (".h5", ".hdf5"):
        told = (
            "holds weights alone. Build its network, give it the weights with model.load_weights(path), and save it"
            if path.stem.endswith(".weights") else
            "is of an older kind, which may bring code of its own. If you trust whoever made it, open it with "
            "keras.models.load_model(path), and save it"
        )
        raise ValueError(f"{printable(path)} {told} under a name that ends in .keras: model.save('network.keras').")
    try:
        return open_network(path)
    except PermissionError as error:
        raise PermissionError(
            error.errno, f"{printable(path)} cannot be read ({error.strerror}). Check your rights to it"
        ) from error
    except Exception as error:  # Keras raises anything from KeyError to RecursionError here
        if isinstance(error, GateError) and not isinstance(error, DamagedError):
            raise GateError(f"{printable(path.name)}: {error}.") from error
        raise ValueError(
            f"{printable(path)} is damaged or no Keras model ({first_line(error)}).{_other_keras(path)} "
            "Train again, or fetch the file anew."
        ) from error


def _path_of(path):
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise FileNotFoundError(f"there is no file {printable(path)}: no user has the home it begins with.") from None


def _other_keras(path):
    try:
        with open_archive(path) as archive:
            wrote = str(read_json(read_member(archive, "metadata.json", 10_000), "note")["keras_version"])
    except (OSError, KeyError, TypeError, ValueError):
        return ""
    if wrote == keras.__version__:
        return ""
    wrote = printable(wrote, 20)
    return f" Keras {wrote} wrote it, and this is Keras {keras.__version__}: it may open where it was made."
