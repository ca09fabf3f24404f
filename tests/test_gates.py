"""The gates: what a stranger's file may not do, what an unlucky one may not break, and what opens as before."""

import ast
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from course import ROOT
from keras import layers
from payloads import fuzz, load_all

from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.gate import GateError, printable
from helpers.gate.opening import open_network
from helpers.own_images import load_kept, save_network
from helpers.training import load_network

SECONDS, MEGABYTES = 10, 300  # a bomb takes minutes, and a slow machine three times what `benchmarks/gates.py` allows on a quiet one
EACH = [(kind, name) for kind, builders in load_all().items() for name in builders]


@pytest.fixture(scope="module")
def came_out():
    """Try every payload in a process of its own, and return what came of each."""
    words = [word for pair in EACH for word in pair]
    done = subprocess.run([sys.executable, str(ROOT / "tests" / "payloads" / "trial.py"), *words], capture_output=True, text=True, timeout=900)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == len(EACH), f"the process ended after {found[-1:]}: {done.stderr[-2000:]}"
    return {(each["kind"], each["name"]): each for each in found}


@pytest.mark.parametrize(("kind", "name"), EACH, ids=lambda word: word.replace(" ", "_"))
def test_a_payload_is_refused_in_words_or_read_rightly(came_out, kind, name):
    result = came_out[kind, name]
    if result["outcome"] == "not here":
        pytest.skip(f"this machine cannot hold it ({result['said']})")
    assert result["outcome"] == ("read" if result["reads"] else "refused"), result["said"]
    assert printable(result["said"], 10_000) == result["said"].replace("\n", "\\x0a"), "a name was shown raw"
    assert result["megabytes"] <= MEGABYTES
    assert result["seconds"] <= SECONDS


@pytest.fixture(scope="module")
def changed_files():
    """Try forty files of each kind, others than `benchmarks/gates.py` tries, and return what came of each."""
    command = [sys.executable, str(ROOT / "tests" / "payloads" / "fuzz.py"), *fuzz.KINDS, "1000000", "1000040"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [each for each in found if "outcome" in each], f"the process ended after {found[-1:]}: {done.stderr[-2000:]}"


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_files_changed_by_chance_are_read_or_refused_in_words(changed_files, kind):
    tried, ended = changed_files
    found = [each for each in tried if each["kind"] == kind]
    assert len(found) == 40, ended
    assert not [each for each in found if each["outcome"] not in ("read", "refused")]
    assert max(each["seconds"] for each in found) <= SECONDS and max(each["megabytes"] for each in found) <= MEGABYTES
    assert {each["outcome"] for each in found} == {"read", "refused"}


def peers_unet(inputs):
    """A U-Net as others write it: names of their own, operators between layers, attention gates, mixed blocks."""
    x = layers.Rescaling(1 / 255)(inputs)
    down = []
    for filters in (4, 8):
        x = layers.SeparableConv2D(filters, 3, padding="same", activation="relu", depthwise_initializer="he_normal")(x)
        x = layers.BatchNormalization()(x)
        x = layers.SpatialDropout2D(0.1)(x)
        down.append(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(8, 3, padding="same", kernel_regularizer=keras.regularizers.L2(1e-4), activation=layers.LeakyReLU(0.1))(x)
    for skip in reversed(down):
        x = layers.Conv2DTranspose(skip.shape[-1], 2, strides=2, padding="same")(x)
        gate = keras.ops.sigmoid(layers.Conv2D(1, 1)(x + skip))
        x = layers.concatenate([x, skip * gate])
        x = layers.GroupNormalization(2)(keras.ops.relu(x[..., :] - 0.1))
    return layers.Conv2D(1, 1, activation="sigmoid", dtype="float32")(x)


def plain(*stack, shape=(None, None, 2)):
    return lambda: keras.Sequential([keras.Input(shape), *(make() for make in stack)])


def functional(shape, call):
    def make():
        inputs = keras.Input(shape)
        return keras.Model(inputs, call(inputs))
    return make


def of_two_inputs():
    first, second = keras.Input((16, 16, 1), name="a"), keras.Input((16, 16, 1), name="b")
    return keras.Model({"a": first, "b": second}, layers.Add()([first, second]))


def nested():
    inner = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(3, 3, padding="same")], name="inner")
    inputs = keras.Input((None, None, 1))
    return keras.Model(inputs, inner(inner(inputs)[..., :1]) + inner(inputs))


OPEN = {
    "ours": lambda: build_unet(depth=3, filters=4), "ours, normalized": lambda: build_unet(depth=2, filters=4, normalization="batch"),
    "ours, three classes": lambda: build_unet(depth=2, filters=4, classes=3),
    "a peer's U-Net": functional((None, None, 3), peers_unet), "nested": nested, "two named inputs": of_two_inputs,
    "one dimension": plain(lambda: layers.Conv1D(3, 3), lambda: layers.UpSampling1D(2), lambda: layers.GlobalMaxPooling1D(), shape=(None, 2)),
    "volumes": plain(lambda: layers.Conv3D(3, 3, padding="same"), lambda: layers.MaxPooling3D(), lambda: layers.Conv3DTranspose(2, 2, strides=2), shape=(16, 16, 16, 1)),
    "recurrent": plain(lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True)), lambda: layers.TimeDistributed(layers.Dense(2)), lambda: layers.GRU(2), shape=(12, 2)),
    "recurrent pictures": plain(lambda: layers.ConvLSTM2D(3, 3, padding="same"), shape=(4, 16, 16, 1)),
    "attention": functional((12, 4), lambda x: layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(x, x) + x)),
    "words": plain(lambda: layers.Embedding(50, 4), lambda: layers.Flatten(), lambda: layers.Dense(3, activation="softmax"), shape=(7,)),
    "chances": plain(lambda: layers.RandomFlip(seed=3), lambda: layers.RandomRotation(0.1), lambda: layers.GaussianNoise(0.1), lambda: layers.Dropout(0.2), lambda: layers.PReLU(shared_axes=[1, 2])),
    "fixed sums": plain(lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 4.0])),
    "half floats": plain(lambda: layers.Conv2D(3, 3, dtype="mixed_float16"), lambda: layers.Activation("gelu", dtype="float32")),
    "valid padding, for 572 only": functional((None, None, 1), lambda x: layers.Concatenate()([layers.Cropping2D(2)(x), layers.Conv2D(2, 5)(x)])),
    "other initializers": plain(lambda: layers.Conv2D(3, 3, kernel_initializer=keras.initializers.Orthogonal(), bias_initializer=keras.initializers.Constant(0.5), kernel_constraint=keras.constraints.MaxNorm(2))),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_people_need_opens_as_before(name, tmp_path):
    model = OPEN[name]()
    for weight in model.weights:
        if "float" in weight.dtype:
            weight.assign(np.random.default_rng(0).random(weight.shape))
    model.save(tmp_path / "n.keras")
    theirs, ours = keras.models.load_model(tmp_path / "n.keras", compile=False), open_network(tmp_path / "n.keras")
    assert type(ours) is type(theirs) and [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    for one, other in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        assert np.array_equal(one, other)
    ours.save(tmp_path / "again.keras")
    assert len(open_network(tmp_path / "again.keras").get_weights()) == len(theirs.get_weights())


def test_networks_that_ship_pass():
    for path in sorted(MODELS.glob("*.keras")):
        assert load_network(path).count_params() == keras.models.load_model(path, compile=False).count_params()


def test_a_trained_network_passes_with_its_loss_and_optimizer(tmp_path):
    from helpers.training import DiceScore, bce_dice_loss

    model = build_unet(depth=2, filters=4)
    model.compile("adam", bce_dice_loss, metrics=[DiceScore()])
    model.fit(np.zeros((2, 16, 16, 1), np.float32), np.ones((2, 16, 16, 1), np.uint8), verbose=0)
    model.save(tmp_path / "n.keras")
    assert not load_network(tmp_path / "n.keras").compiled


@keras.saving.register_keras_serializable("reader")
class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x


def test_a_layer_of_the_readers_own_opens_where_it_is_defined(tmp_path):
    plain(Doubled)().save(tmp_path / "n.keras")
    assert float(load_network(tmp_path / "n.keras")(np.ones((1, 4, 4, 2))).numpy().max()) == 2
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom helpers.training import load_network\nload_network({str(tmp_path / 'n.keras')!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "needs the class Doubled" in done.stderr and done.returncode == 1


def test_weights_are_bounded_by_what_the_file_holds():
    import tensorflow as tf

    from helpers.gate.opening import at_most

    with at_most(100), pytest.raises(GateError, match="more weights than the 100"):
        tf.Variable(lambda: tf.zeros((100, 100)))
    with at_most(10_000):
        tf.Variable(lambda: tf.zeros((100, 100)))


def test_a_threshold_that_could_not_be_loaded_is_not_saved(tmp_path):
    for threshold, scores in ((float("nan"), {}), (1.5, {}), (0.5, {"dice": float("inf")})):
        with pytest.raises(ValueError, match="threshold|finite"):
            save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2), None, threshold, scores, {})
    assert not list(tmp_path.iterdir())
    save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2), None, 0.5, {"dice": 1}, {})
    assert load_kept(tmp_path / "n.keras").scores == {"dice": 1}


OPENINGS = {  # how a file could become a network, an object or code, and where this is allowed
    "load_model": {"helpers/gate/opening.py"}, "load_weights": {"helpers/gate/opening.py"},
    "File": {"helpers/gate/stored.py"},  # of h5py
    "model_from_json": set(), "deserialize_keras_object": set(), "deserialize": set(), "TFSMLayer": set(), "from_saved": set(),
    "enable_unsafe_deserialization": set(), "extractall": set(), "unpack_archive": set(), "_unpack": set(), "roiread": set(), "fromfile": set(), "read_pickle": set(),
    "ZipFile": {"helpers/gate/archives.py"},  # for reading
    "pickle": {"helpers/scaling/processes.py"},  # between a process and one that it started, never from a file
}
ONLY_OF = {"File": {"h5py"}, "fromfile": {"ImagejRoi"}}  # names that others have, too
MODULES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "tarfile", "torch"}


def openings(path):
    """Yield each way in a file by which something from a file could be opened past the gate: a call, a name, an import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    written = {id(call.func) for call in ast.walk(tree) if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "ZipFile"
               and len(call.args) > 1 and getattr(call.args[1], "value", "r") in ("w", "a")}
    for node in ast.walk(tree):
        if id(node) in written:
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            home = getattr(node, "module", None) or ""
            yield from (name for name in [*(alias.name for alias in node.names), home] if name.split(".")[0] in MODULES)
            if not home.startswith("helpers"):
                yield from (alias.name for alias in node.names if alias.name in OPENINGS and home in ONLY_OF.get(alias.name, {home}))
        if isinstance(node, ast.Attribute) and node.attr in OPENINGS:
            owner = getattr(node.value, "id", getattr(node.value, "attr", ""))
            if owner in ONLY_OF.get(node.attr, {owner}):
                yield node.attr
        if isinstance(node, ast.Call):
            if getattr(node.func, "id", "") in ("getattr", "methodcaller", "attrgetter", "__import__", "import_module"):
                yield from (word.value for word in node.args if isinstance(word, ast.Constant) and word.value in {*OPENINGS, *MODULES})
            if any(word.arg == "allow_pickle" and getattr(word.value, "value", True) for word in node.keywords):
                yield "allow_pickle"
            if any(word.arg == "safe_mode" and getattr(word.value, "value", False) is not True for word in node.keywords):
                yield "safe_mode"


def test_nothing_in_the_course_opens_a_file_past_the_gate():
    files = sorted([*(ROOT / "helpers").rglob("*.py"), *(ROOT / "notebooks").glob("*.py")])
    found = {(path.relative_to(ROOT).as_posix(), name) for path in files for name in openings(path)}
    assert not {(path, name) for path, name in found if path not in OPENINGS.get(name, set())}
    assert {path for path, _ in found} >= {"helpers/gate/opening.py", "helpers/gate/stored.py"}


@pytest.mark.parametrize("line", [
    "keras.models.load_model(p)", "from keras.models import load_model", "from keras.models import load_model as f", "f = keras.models.load_model",
    "getattr(keras.models, 'load_model')(p)", "map(keras.saving.load_model, paths)", "from h5py import File as f", "zipfile.ZipFile(p)", "zipfile.ZipFile(p, mode)", "zipfile.ZipFile(p, 'r')", "import tarfile",
    "roifile.roiread(p)", "roifile.ImagejRoi.fromfile(p)", "__import__('pickle')", "keras.saving.load_model(p, safe_mode=False)", "model.load_weights(p)", "import pickle",
    "from joblib import load", "np.load(p, allow_pickle=True)", "h5py.File(p)", "shutil.unpack_archive(p)", "archive.extractall(p)",
])
def test_the_rule_notices(line, tmp_path):
    (tmp_path / "a.py").write_text(line)
    assert list(openings(tmp_path / "a.py"))
