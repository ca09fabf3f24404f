"""Load a network from a file, even one that a newer Keras has written, and ask it."""

import json
import tempfile
import weakref
import zipfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from helpers.anatomy import check_sizes
from helpers.arrays import check_images

# Each network has a compiled function of its own, so that a new one for a new network is as it should be.
tf.get_logger().addFilter(lambda record: "triggered tf.function retracing" not in record.getMessage())
_steps = weakref.WeakKeyDictionary()  # one compiled function for each network, gone when the network goes


def predict(model, images, batch_size=32) -> np.ndarray:
    """Return the probability of being foreground, or of each class, for each pixel, `[n, h, w, classes]` float32.

    images: `[n, h, w, 1]` floats in 0..1; batch_size bounds the memory. Raises ValueError for sizes that the network
    cannot take. Predicting through one compiled function costs a fifth of `model.predict` for single pictures.
    """
    images = check_images(images).astype(np.float32, copy=False)
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

    Raises FileNotFoundError if there is none, ValueError if the file is damaged or not a Keras model.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"there is no file {path}; train a network in notebook 03, or use models/unet_circles.keras."
        )
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything from KeyError to zipfile.BadZipFile here
        try:
            with tempfile.TemporaryDirectory() as folder:
                return keras.models.load_model(plainer_copy(path, folder), compile=False, safe_mode=True)
        except Exception:  # then the first error is the one that tells
            reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise ValueError(
            f"{path} is damaged or no Keras model ({reason}).{_other_keras(path)} Train again, or fetch the file anew."
        ) from error


def plainer_copy(path, folder) -> Path:
    """Write a copy of a `.keras` file into a folder, without initializer settings that are None; returns its path.

    Keras 3.15 writes such settings, `input_axes` for one, which older versions (Colab has 3.13) do not know and refuse.
    None is their default, and a network that has its weights needs no initializers.
    """
    copy = Path(folder) / Path(path).name
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(json.loads(content, object_hook=_plainer)).encode()
            new.writestr(name, content)
    return copy


def _plainer(part):
    for key, value in part.items():
        if key.endswith("_initializer") and isinstance(value, dict) and "config" in value:
            value["config"] = {name: setting for name, setting in value["config"].items() if setting is not None}
    return part


def _other_keras(path):
    try:
        with zipfile.ZipFile(path) as file:
            wrote = json.loads(file.read("metadata.json"))["keras_version"]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return ""
    if wrote == keras.__version__:
        return ""
    return f" Keras {wrote} wrote it, and this is Keras {keras.__version__}: it may open where it was made."
