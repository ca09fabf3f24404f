"""The configuration of a network from a file: which classes it names, and how much they would make."""

import math

from helpers.gate.archives import DamagedError, GateError
from helpers.gate.names import printable

MOST_LAYERS = 1000  # EfficientNet-B7 has about 800
MOST_CALLS = 5000  # of layers, counting a nested network as often as it is called
LARGEST = 1_000_000  # for any size: filters, units, paddings, steps
LARGEST_SIDE = 4096  # for what makes a picture larger by itself

_SHAPES = ("1D", "2D", "3D")
_BY_RANK = (
    "AdaptiveAveragePooling", "AdaptiveMaxPooling", "AveragePooling", "Conv", "ConvLSTM", "Cropping",
    "GlobalAveragePooling", "GlobalMaxPooling", "MaxPooling", "SpatialDropout", "UpSampling", "ZeroPadding",
)
LAYERS = {name + rank for name in _BY_RANK for rank in _SHAPES} | {f"Conv{rank}Transpose" for rank in _SHAPES} | set(
    """Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average BatchNormalization
    Bidirectional CenterCrop Concatenate Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding
    Flatten GRU GRUCell GaussianDropout GaussianNoise GroupNormalization GroupQueryAttention Identity InputLayer LSTM
    LSTMCell LayerNormalization LeakyReLU Masking Maximum Minimum MultiHeadAttention Multiply Normalization PReLU
    Permute RMSNormalization RNN RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation
    RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D SeparableConv2D SimpleRNN
    SimpleRNNCell Softmax SpectralNormalization StackedRNNCells Subtract TimeDistributed UnitNormalization""".split()
)
OPERATIONS = set(  # what `a + b` and functions of keras.ops between layers are saved as
    """Absolute Abs Add Amax Amin Average Clip Concatenate Divide Exp ExpandDims Flip GetItem Log Matmul Max Maximum
    Mean Min Minimum Moveaxis Multiply Negative Pad Power Prod Repeat Reshape Round Sqrt Square Squeeze Stack Std
    Subtract Sum Swapaxes Tanh Tile Transpose TrueDivide Var Where Relu Relu6 Sigmoid Softplus Softsign Silu LogSigmoid
    LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu Softmax LogSoftmax MaxPool AveragePool DepthToSpace SpaceToDepth
    Normalize Resize PadImages CropImages StopGradient Cast Rsqrt Split""".split()
)
_INITIALIZERS = set(
    """Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones
    Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros""".split()
)
_KINDS = (  # where Keras keeps a kind of classes, which of them, and under which module they are asked for
    (("keras.layers", "keras.src.layers."), LAYERS, "keras.layers"),
    (("keras.initializers", "keras.src.initializers."), _INITIALIZERS, "keras.initializers"),
    (("keras.regularizers", "keras.src.regularizers."), {"L1", "L2", "L1L2", "OrthogonalRegularizer"},
     "keras.regularizers"),
    (("keras.constraints", "keras.src.constraints."), {"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"},
     "keras.constraints"),
    (("keras", "keras.dtype_policies", "keras.src.dtype_policies."), {"DTypePolicy"}, "keras.dtype_policies"),
    (("keras.src.models.functional", "keras.models", "keras"), {"Functional"}, "keras.src.models.functional"),
    (("keras.src.models.sequential", "keras.models", "keras"), {"Sequential"}, "keras.models"),
    (("keras.src.models.model", "keras.models", "keras"), {"Model"}, "keras.models"),
    (("keras.random", "keras.src.random."), {"SeedGenerator"}, "keras.random"),
)
_OPERATION_MODULES = {f"keras.src.ops.{name}" for name in ("numpy", "nn", "image", "core", "math")}
_DATA = {"__keras_tensor__", "__tensor__", "__numpy__", "__ellipsis__", "__slice__", "__bytes__"}
_NUMBERS = {"bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16",
            "float32", "float64"}
_UNMEASURED = ("seed", "shared_object_id", "value", "mask_value")
_GROWING = ("size", "padding", "cropping", "height", "width", "n", "repeats", "pad_width", "output_padding", "strides",
            "kernel_size", "dilation_rate", "pool_size", "target_height", "target_width", "output_size")


def checked_configuration(configuration) -> dict:
    """Return a network's configuration as it may be given to Keras: known classes only, nothing to compile with.

    Settings of initializers that are None are left out: newer versions of Keras write some, `input_axes` for one, which
    older ones do not know, and None is their default. Raises GateError for any class that is not on the lists
    above, every function, and sizes and numbers of layers beyond all use.
    """
    if not isinstance(configuration, dict) or "class_name" not in configuration:
        raise DamagedError("has a configuration that describes no network")
    clean = _walked(configuration, "")
    calls = _calls(clean)
    if calls > MOST_CALLS:
        raise GateError(f"calls its layers {calls:,} times, more than {MOST_CALLS:,}")
    return clean


def _walked(part, key):
    if isinstance(part, list):
        return [_walked(each, key) for each in part]
    if isinstance(part, dict):
        if "class_name" in part:
            return _object(part)
        return {name: _setting(name, value) for name, value in part.items()}
    if isinstance(part, int) and not isinstance(part, bool) and key not in _UNMEASURED:
        most = LARGEST_SIDE if key in _GROWING else LARGEST
        if abs(part) > most:
            raise GateError(f"has the setting {printable(key, 40)}={_short(part)}, beyond {most:,}")
    return part


def _setting(name, value):
    if name == "unroll" and value:
        raise GateError("unrolls a recurrent layer, whose length nobody can bound")
    if name in ("compile_config", "quantization_config"):
        return None
    if name.endswith("_initializer") and isinstance(value, dict) and isinstance(value.get("config"), dict):
        settings = {inner: setting for inner, setting in value["config"].items() if setting is not None}
        value = {**value, "config": settings}
    return _walked(value, name)


def _object(part):
    """Return the description of one object, or raise if its class is not one of those that are let in."""
    name, module = part["class_name"], part.get("module")
    said = printable(name, 60)
    if name == "__lambda__":
        raise GateError(
            "holds pickled Python code (a Lambda layer), which could do anything on your machine; it is not loaded. "
            "Ask its author for a model of plain layers, or for its code to read"
        )
    if name == "function":
        called = printable(part.get("config"), 60)
        raise GateError(f"names a function ({called}), and functions are not called from a file")
    if name in _DATA:
        return _data(part, name)
    settings = part.get("config")
    if not isinstance(name, str) or not isinstance(settings, dict):
        raise DamagedError(f"has a damaged description of {said}")
    home = _home(name, module, part.get("registered_name"))
    if home is None:
        raise GateError(
            f"needs the class {said} of {printable(module, 60)}, which is not one of the layers that are opened "
            "here. Ask its author for a model of Keras' plain layers"
        )
    clean = {key: _setting(key, value) for key, value in part.items() if key not in ("class_name", "module")}
    if home:
        clean["registered_name"] = None
        if name == "DTypePolicy" and str(settings.get("name")).removeprefix("mixed_") not in _NUMBERS:
            raise GateError(f"computes with {printable(settings.get('name'), 40)} numbers")
    if name in ("Functional", "Model", "Sequential") and home:
        _check_order(clean["config"])
    return {**clean, "class_name": name, "module": home or module}


def _home(name, module, registered):
    """Return the module under which a class is asked for; "" for a layer that the reader has registered; else None."""
    if module in _OPERATION_MODULES and name in OPERATIONS:
        return module
    if isinstance(module, str):
        for places, names, home in _KINDS:
            known = module in places or any(place.endswith(".") and module.startswith(place) for place in places)
            if name in names and known:
                return home
    if isinstance(registered, str) and ">" in registered:
        import keras

        own = keras.saving.get_registered_object(registered)
        if isinstance(own, type) and issubclass(own, keras.layers.Layer):
            return ""  # code that this very session has defined, not the file
    return None


def _data(part, name):
    settings = part.get("config")
    if name in ("__keras_tensor__", "__tensor__", "__numpy__"):
        if not isinstance(settings, dict) or settings.get("dtype") not in _NUMBERS:
            raise GateError("holds an array of an unknown kind")
        if name == "__keras_tensor__":
            return {"class_name": name, "config": _walked(settings, "shape")}
    return {"class_name": name, "config": settings if name != "__slice__" else _walked(settings, "slice")}


def _check_order(settings):
    """Raise if a network has too many layers, or too many that come before their inputs: Keras would try for ever."""
    layers = settings.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise DamagedError("has a damaged list of layers")
    if len(layers) > MOST_LAYERS:
        raise GateError(f"has {len(layers):,} layers, more than {MOST_LAYERS:,}")
    place = {layer.get("name"): number for number, layer in enumerate(layers) if isinstance(layer.get("name"), str)}
    early = 0
    for number, layer in enumerate(layers):
        for source in _sources(layer.get("inbound_nodes", [])):
            early += place.get(source, -1) > number
    if early > 100:
        raise GateError(f"lists {early:,} layers before those whose results they take")


def _sources(nodes):
    stack = [nodes]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
        elif isinstance(part, dict) and part.get("class_name") == "__keras_tensor__":
            history = part["config"].get("keras_history")
            if isinstance(history, list) and history and isinstance(history[0], str):
                yield history[0]
        elif isinstance(part, dict):
            stack += part.values()


def _calls(part) -> int:
    """Return how often layers are called in all: a network that is called twice calls each of its layers twice."""
    settings = part.get("config") if isinstance(part, dict) else None
    if not isinstance(settings, dict):
        return 1
    layers = settings.get("layers")
    if isinstance(layers, list):
        total = 1
        for layer in layers:
            nodes = layer.get("inbound_nodes")
            total += max(1, len(nodes) if isinstance(nodes, list) else 1) * _calls(layer)
        return total
    inner = settings.get("layer", settings.get("cell"))
    return 1 + (_calls(inner) if isinstance(inner, dict) else 0)


def _short(number):
    return f"{number:,}" if abs(number) < 10**15 else f"about 10 to the {int(math.log10(abs(number)))}"
