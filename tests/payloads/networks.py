"""Networks from a stranger: archives that inflate, layers that ask for everything, functions, links, notes."""

import io
import json
import struct
import zipfile

import h5py
import numpy as np
from payloads import payload, write_zeros

NOTE = "unet_course.json"


def shipped():
    """Return `(configuration, weights)` of the network that ships, as a dictionary and as bytes."""
    from helpers import MODELS

    with zipfile.ZipFile(MODELS / "unet_circles.keras") as archive:
        return json.loads(archive.read("config.json")), archive.read("model.weights.h5")


def packed(folder, configuration=None, weights=None, note=None, **more):
    """Write a .keras file of these parts, those of the network that ships by default, and return how to open it."""
    from helpers.own_images import load_kept

    usual = shipped()
    path = folder / "stranger.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.13.0"}')
        text = configuration if isinstance(configuration, (str, bytes)) else json.dumps(configuration or usual[0])
        archive.writestr("config.json", text)
        content = usual[1] if weights is None else weights
        archive.writestr("model.weights.h5", content, zipfile.ZIP_STORED)  # to pack them takes longer than all the rest
        if note is not None:
            archive.writestr(NOTE, note if isinstance(note, (str, bytes)) else json.dumps(note))
        for name, content in more.items():
            archive.writestr(name, content)
    return lambda: load_kept(path)


def layer(class_name, name, source=None, module="keras.layers", **settings):
    """Return the description of one layer, called on the result of another."""
    nodes = []
    if source is not None:
        history = [source] if isinstance(source, str) else source
        tensors = [{"class_name": "__keras_tensor__", "config": {"shape": [None, None, None, 1], "dtype": "float32", "keras_history": [s, 0, 0]}} for s in history]
        nodes = [{"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": {}}]
    return {"module": module, "class_name": class_name, "config": {"name": name, **settings}, "registered_name": None, "name": name, "inbound_nodes": nodes}


def network(*layers, shape=(None, None, 1), name="net"):
    """Return the configuration of a network of layers in a row, by their descriptions."""
    first = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, *shape], "dtype": "float32", "name": "x"}, "registered_name": None, "name": "x", "inbound_nodes": []}
    last = layers[-1]["name"] if layers else "x"
    return {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional",
            "config": {"name": name, "trainable": True, "layers": [first, *layers], "input_layers": [["x", 0, 0]], "output_layers": [[last, 0, 0]]}}


def hdf5(fill):
    """Return the bytes of an HDF5 file that `fill(file)` wrote into."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


EMPTY = hdf5(lambda file: file.create_group("layers"))
INFLATES = "a member of a `.keras` file that inflates"


@payload(INFLATES)
def note_of_1_5_gigabytes(folder):
    return _inflating(folder, NOTE, 1_500_000_000)


@payload(INFLATES)
def note_of_1_5_gigabytes_beside_weights_that_a_newer_keras_wrote(folder):
    from helpers.own_images import load_kept

    configuration = shipped()[0]
    text = json.dumps(configuration).replace('"class_name": "Zeros", "config": {', '"class_name": "Zeros", "config": {"to_come": null')
    packed(folder, text)
    with zipfile.ZipFile(folder / "stranger.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        write_zeros(archive, NOTE, 1_500_000_000)
    return lambda: load_kept(folder / "stranger.keras")


@payload(INFLATES)
def configuration_of_1_gigabyte(folder):
    return _inflating(folder, "config.json", 1_000_000_000)


@payload(INFLATES)
def weights_of_900_megabytes(folder):
    return _inflating(folder, "model.weights.h5", 900_000_000)


@payload(INFLATES)
def metadata_of_1_gigabyte(folder):
    return _inflating(folder, "metadata.json", 1_000_000_000, {"config.json": b"{}"})


@payload(INFLATES, reads=True)
def picture_of_1_gigabyte_that_nobody_asked_for(folder):
    packed(folder)
    from helpers.own_images import load_kept

    with zipfile.ZipFile(folder / "stranger.keras", "a", zipfile.ZIP_DEFLATED) as archive:
        write_zeros(archive, "assets/picture.png", 1_000_000_000)
    return lambda: load_kept(folder / "stranger.keras")


@payload(INFLATES)
def note_whose_header_says_100_bytes(folder):
    from helpers.own_images import load_kept

    packed(folder)
    path = folder / "stranger.keras"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        write_zeros(archive, NOTE, 1_000_000_000)
    content = path.read_bytes().replace(struct.pack("<I", 1_000_000_000), struct.pack("<I", 100))
    path.write_bytes(content)
    return lambda: load_kept(path)


@payload(INFLATES)
def note_packed_by_lzma(folder):
    return _inflating(folder, NOTE, 30_000_000, method=zipfile.ZIP_LZMA)


@payload(INFLATES)
def table_of_contents_with_300_000_members(folder):
    from helpers.own_images import load_kept

    path = folder / "stranger.keras"
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<H", 1) + bytes(16) + b"a"
    count = 300_000
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count & 0xFFFF, count & 0xFFFF, len(entry) * count, 0, 0)
    path.write_bytes(entry * count + end)
    return lambda: load_kept(path)


def _inflating(folder, name, size, others=None, method=zipfile.ZIP_DEFLATED):
    from helpers.own_images import load_kept

    configuration, weights = shipped()
    parts = {"metadata.json": b'{"keras_version": "3.13.0"}', "config.json": json.dumps(configuration).encode(), "model.weights.h5": weights, **(others or {})}
    path = folder / "stranger.keras"
    with zipfile.ZipFile(path, "w", method, compresslevel=None if method == zipfile.ZIP_LZMA else 1) as archive:
        for part, content in parts.items():
            if part != name:
                archive.writestr(part, content)
        if method == zipfile.ZIP_DEFLATED:
            write_zeros(archive, name, size)
        else:
            archive.writestr(name, bytes(size))
    return lambda: load_kept(path)


HUGE = "layers that ask for far more than the file holds"


@payload(HUGE)
def convolution_of_1_500_000_000_filters(folder):
    return packed(folder, network(layer("Conv2D", "c", "x", filters=1_500_000_000, kernel_size=[3, 3])), EMPTY)


@payload(HUGE)
def convolution_of_900_000_filters(folder):
    return packed(folder, network(layer("Conv2D", "c", "x", filters=900_000, kernel_size=[64, 64])), EMPTY)


@payload(HUGE)
def two_dense_layers_of_100_000(folder):
    return packed(folder, network(layer("Dense", "a", "x", units=100_000), layer("Dense", "b", "a", units=100_000)), EMPTY)


@payload(HUGE)
def embedding_of_a_million_words(folder):
    return packed(folder, network(layer("Embedding", "e", "x", input_dim=1_000_000, output_dim=10_000), shape=(10,)), EMPTY)


@payload(HUGE)
def twelve_enlargements_by_8(folder):
    chain = [layer("UpSampling2D", f"u{i}", f"u{i - 1}" if i else "x", size=[8, 8]) for i in range(12)]
    return packed(folder, network(*chain), EMPTY)


@payload(HUGE)
def padding_by_4000_twenty_times(folder):
    chain = [layer("ZeroPadding2D", f"u{i}", f"u{i - 1}" if i else "x", padding=[[4000, 4000], [4000, 4000]]) for i in range(20)]
    return packed(folder, network(*chain), EMPTY)


@payload(HUGE)
def sums_that_broadcast(folder):
    parts = [layer("Reshape", "a", "x", target_shape=[-1, 1]), layer("Reshape", "b", "x", target_shape=[1, -1]), layer("Multiply", "c", ["a", "b"]),
             layer("Reshape", "d", "c", target_shape=[-1, 1]), layer("Reshape", "e", "c", target_shape=[1, -1]), layer("Multiply", "f", ["d", "e"])]
    return packed(folder, network(*parts), EMPTY)


@payload(HUGE)
def five_thousand_layers(folder):
    return packed(folder, network(*(layer("ReLU", f"r{i}", f"r{i - 1}" if i else "x") for i in range(5000))), EMPTY)


@payload(HUGE)
def nine_hundred_layers_in_the_wrong_order(folder):
    chain = [layer("ReLU", f"r{i}", f"r{i - 1}" if i else "x") for i in range(900)]
    description = network(*chain)
    description["config"]["layers"].reverse()
    return packed(folder, description, EMPTY)


@payload(HUGE)
def networks_in_networks_each_called_twice(folder):
    inner = network(layer("ReLU", "r", "x"), name="n0")
    for level in range(1, 9):
        called = {**inner, "name": f"n{level - 1}"}
        node = layer("ReLU", "r", "x")["inbound_nodes"][0]
        called["inbound_nodes"] = [node] * 8
        inner = network(called, name=f"n{level}")
        inner["config"]["output_layers"] = [[f"n{level - 1}", 1, 0]]
    return packed(folder, inner, EMPTY)


@payload(HUGE)
def recurrent_layer_unrolled_over_a_million_steps(folder):
    return packed(folder, network(layer("LSTM", "l", "x", units=1, unroll=True), shape=(1_000_000, 1)), EMPTY)


@payload(HUGE)
def number_of_5000_digits(folder):
    text = json.dumps(network(layer("Conv2D", "c", "x", filters=77, kernel_size=[3, 3]))).replace("77", "9" * 5000)
    return packed(folder, text, EMPTY)


@payload(HUGE)
def configuration_nested_100_000_deep(folder):
    return packed(folder, "[" * 100_000 + "]" * 100_000, EMPTY)


@payload(HUGE)
def configuration_nested_300_deep(folder):
    text = json.dumps(network(layer("ReLU", "r", "x", more=0))).replace('"more": 0', '"more": ' + "[" * 300 + "]" * 300)
    return packed(folder, text, EMPTY)


@payload(HUGE)
def array_of_wide_texts(folder):
    array = {"class_name": "__numpy__", "config": {"value": ["a"] * 8, "dtype": "U100000000"}}
    return packed(folder, network(layer("Normalization", "n", "x", mean=array)), EMPTY)


STORED = "weights that say more than they hold, or lie elsewhere"


def _one_array(fill):
    """Return an HDF5 file whose arrays `fill(group)` makes where a layer of Conv2D looks for them."""
    return hdf5(lambda file: fill(file.create_group("layers/conv2d/vars")))


def _conv(folder, weights):
    return packed(folder, network(layer("Conv2D", "c", "x", filters=8, kernel_size=[3, 3])), weights)


@payload(STORED)
def array_of_4_gigabytes_that_is_not_stored(folder):
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (1_000_000_000,), "f4")))


@payload(STORED)
def array_of_16_gigabytes_in_packed_pieces(folder):
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (4_000_000_000,), "f4", chunks=(1_000_000,), compression="gzip", fillvalue=1.0)))


@payload(STORED)
def array_with_one_piece_of_2_gigabytes(folder):
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (8,), "f4", maxshape=(None,), chunks=(500_000_000,))))


@payload(STORED)
def ten_thousand_arrays_of_10_megabytes(folder):
    def fill(group):
        for i in range(10_000):
            group.create_dataset(str(i), (2_500_000,), "f4", chunks=(2_500_000,))
    return _conv(folder, _one_array(fill))


@payload(STORED)
def array_in_another_file(folder):
    (folder / "secret.bin").write_bytes(bytes(range(256)) * 2)
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (72,), "f4", external=[(str(folder / "secret.bin"), 0, 288)])))


@payload(STORED)
def array_made_of_another_file(folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["a"] = np.ones(72, np.float32)

    def fill(group):
        layout = h5py.VirtualLayout((72,), "f4")
        layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "a", (72,))
        group.create_virtual_dataset("0", layout)
    return _conv(folder, _one_array(fill))


@payload(STORED)
def link_to_another_file(folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["a"] = np.ones((3, 3, 1, 8), np.float32)
    return _conv(folder, _one_array(lambda g: g.__setitem__("0", h5py.ExternalLink(str(folder / "other.h5"), "a"))))


@payload(STORED)
def link_inside(folder):
    return _conv(folder, _one_array(lambda g: g.__setitem__("0", h5py.SoftLink("/layers"))))


@payload(STORED)
def circle_of_groups(folder):
    return _conv(folder, _one_array(lambda g: g.__setitem__("0", g.file["layers"])))


@payload(STORED)
def array_of_texts(folder):
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (72,), h5py.string_dtype())))


@payload(STORED)
def array_of_one_element_with_a_huge_type(folder):
    return _conv(folder, _one_array(lambda g: g.create_dataset("0", (10,), np.dtype("V900000000"), chunks=(1,))))


@payload(STORED)
def weights_cut_short(folder):
    return packed(folder, weights=shipped()[1][:300_000])


CODE = "a function or a class that is no layer"
_LOAD_DATA = {"module": "keras.datasets.mnist", "class_name": "function", "config": "load_data", "registered_name": "load_data"}


@payload(CODE)
def function_in_a_node(folder):
    description = network(layer("ReLU", "r", "x"))
    description["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": _LOAD_DATA}
    return packed(folder, description, EMPTY)


@payload(CODE)
def function_as_a_layer(folder):
    return packed(folder, network({**layer("ReLU", "r", "x"), **_LOAD_DATA}), EMPTY)


@payload(CODE)
def function_as_an_activation(folder):
    return packed(folder, network(layer("Activation", "r", "x", activation={"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "get_file"})), EMPTY)


@payload(CODE)
def function_called_a_class(folder):
    return packed(folder, network(layer("load_data", "r", "x", module="keras.datasets.mnist")), EMPTY)


@payload(CODE)
def function_of_ours_by_its_registered_name(folder):
    description = network(layer("ReLU", "r", "x"))
    description["config"]["layers"][1].update(module=None, class_name="bce_dice_loss", registered_name="unet_course>bce_dice_loss")
    return packed(folder, description, EMPTY)


@payload(CODE, reads=True)
def plain_layer_with_a_registered_name_of_ours(folder):
    description = network(layer("ReLU", "r", "x"))
    description["config"]["layers"][1]["registered_name"] = "unet_course>DiceScore"
    return packed(folder, description, EMPTY)


@payload(CODE)
def loss_as_a_layer(folder):
    return packed(folder, network(layer("MeanSquaredError", "r", "x", module="keras.losses")), EMPTY)


@payload(CODE)
def plain_name_in_a_module_that_is_none_of_layers(folder):
    return packed(folder, network(layer("ReLU", "r", "x", module="keras.src.utils.file_utils")), EMPTY)


@payload(CODE)
def class_of_the_system(folder):
    return packed(folder, network(layer("Popen", "r", "x", module="subprocess")), EMPTY)


@payload(CODE)
def saved_model_of_tensorflow(folder):
    return packed(folder, network(layer("TFSMLayer", "r", "x", filepath=str(folder))), EMPTY)


@payload(CODE)
def pickled_torch(folder):
    return packed(folder, network(layer("TorchModuleWrapper", "r", "x", module={"class_name": "__bytes__", "config": {"value": "gASVIA=="}})), EMPTY)


@payload(CODE)
def words_from_a_file_of_the_machine(folder):
    return packed(folder, network(layer("StringLookup", "r", "x", vocabulary="/etc/passwd"), shape=(1,)), EMPTY)


@payload(CODE)
def lambda_deep_inside(folder):
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA=", "defaults": None, "closure": None}}
    inner = network(layer("Lambda", "r", "x", function=code), name="inner")
    return packed(folder, network({**inner, "name": "inner", "inbound_nodes": layer("ReLU", "r", "x")["inbound_nodes"]}), EMPTY)


@payload(CODE)
def type_of_tensorflow(folder):
    spec = {"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow", "registered_name": None, "config": [[1], "float32"]}
    description = network(layer("ReLU", "r", "x"))
    description["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": spec}
    return packed(folder, description, EMPTY)


@payload(CODE, reads=True)
def optimizer_that_is_a_function(folder):
    return packed(folder, {**shipped()[0], "compile_config": {"optimizer": _LOAD_DATA, "loss": _LOAD_DATA}})


NOTES = "a note whose numbers are none"
for _name, _note in {
    "threshold_nan": '{"threshold": NaN}', "threshold_1e400": '{"threshold": 1e400}', "threshold_of_400_digits": '{"threshold": 1' + "0" * 400 + "}",
    "threshold_minus_infinity": '{"threshold": -Infinity}', "threshold_2": '{"threshold": 2}', "threshold_true": '{"threshold": true}', "threshold_text": '{"threshold": "0.5"}',
    "threshold_none": '{"threshold": null}',
    "percentiles_nan": '{"normalization": {"kind": "picture", "low": NaN, "high": 99.5}}', "percentiles_crossed": '{"normalization": {"kind": "picture", "low": 99, "high": 1}}',
    "percentiles_beyond_100": '{"normalization": {"kind": "picture", "low": 1, "high": 101}}', "rule_of_another_kind": '{"normalization": {"kind": "other", "low": 1, "high": 2}}',
    "least_zero": '{"normalization": {"kind": "range", "low": 0, "high": 1, "least": 0}}', "pixel_size_nan": '{"settings": {"pixel_size": NaN}}',
    "pixel_size_minus_1": '{"settings": {"pixel_size": -1}}', "value_range_crossed": '{"settings": {"value_range": [5, 1]}}', "channel_list": '{"settings": {"channel": [1]}}',
    "unit_with_escape": '{"settings": {"unit": "\\u001b[2J"}}', "score_infinite": '{"scores": {"dice": Infinity}}', "list_in_place_of_a_note": "[1, 2]", "deep_note": "[" * 5000 + "]" * 5000,
    "text_in_place_of_scores": '{"scores": "none"}',
}.items():
    def _build(folder, note=_note):
        return packed(folder, note=note)
    _build.__name__ = _name
    payload(NOTES)(_build)

ARCHIVES = "an archive that is none, or half of one"


@payload(ARCHIVES)
def keras_file_that_is_encrypted(folder):
    from helpers.own_images import load_kept

    packed(folder)
    path = folder / "stranger.keras"
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = -1
        while (start := content.find(mark, start + 1)) >= 0:
            content[start + place] |= 1
    path.write_bytes(bytes(content))
    return lambda: load_kept(path)


@payload(ARCHIVES)
def keras_file_that_is_a_folder(folder):
    from helpers.own_images import load_kept

    (folder / "stranger.keras").mkdir()
    (folder / "stranger.keras" / "config.json").write_text(json.dumps(shipped()[0]))
    return lambda: load_kept(folder / "stranger.keras")


@payload(ARCHIVES)
def keras_file_that_is_a_pipe(folder):
    import os

    from helpers.own_images import load_kept

    os.mkfifo(folder / "stranger.keras")
    return lambda: load_kept(folder / "stranger.keras")


@payload(ARCHIVES)
def keras_file_without_weights(folder):
    from helpers.own_images import load_kept

    path = folder / "stranger.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(shipped()[0]))
    return lambda: load_kept(path)


@payload(ARCHIVES)
def weights_of_another_network(folder):
    return packed(folder, network(layer("Conv2D", "c", "x", filters=9, kernel_size=[3, 3])), shipped()[1])


@payload(ARCHIVES, reads=True)
def member_names_that_lead_out(folder):
    return packed(folder, network(layer("ReLU", "r", "x")), EMPTY, **{"../../out.txt": "no", "/tmp/out.txt": "no"})
