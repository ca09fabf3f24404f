"""A plain Keras, in a Python that has never heard of this course, opens every network that the course saves."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from helpers import MODELS
from helpers import own_images as own
from helpers.anatomy import build_unet
from helpers.own_images import __main__ as command
from helpers.run_state.backup import read_backup
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import DiceScore, load_network, predict, train_unet
from interruptions import PullThePlug
from PIL import Image

pytestmark = pytest.mark.usefixtures("uncompiled")
DATA = make_dataset(6, CircleScene(size=16, radius=(3, 5), circles=(1, 2)), seed=1)
PICTURES = np.linspace(0, 1, 2 * 16 * 16, dtype=np.float32).reshape(2, 16, 16, 1)


def unet(**settings):
    keras.utils.set_random_seed(3)
    return build_unet(**{"depth": 2, "filters": 2, **settings})


class Mine(keras.losses.Loss):
    """A loss of a student's own, which no other Python has."""

    def call(self, y_true, y_pred):
        return keras.losses.binary_crossentropy(y_true, y_pred)


def trained(folder, model=None, loss=None, classes=1, **settings):
    """Train for two epochs; returns the file of the best network, and the network."""
    model = model or unet(classes=classes)
    if loss is not None:
        model.compile("adam", loss=loss, metrics=[DiceScore()])
    train_unet(model, DATA, DATA, folder, epochs=2, **settings)
    return folder / "best.keras", model


def by_command(folder, monkeypatch):
    """Train by the command of the course, from a small network and without a trial; returns the files it leaves."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
        for i, (image, mask) in enumerate(zip(*DATA)):
            page = (image if kind == "images" else mask)[..., 0] * 255
            Image.fromarray(page.astype(np.uint8)).save(folder / kind / f"mouse{i}_1.png")
    monkeypatch.setattr(sys.modules["helpers.own_images.train_folder"], "choose_start", lambda *_, **__: ("scratch", unet(), {"scratch": 0.5}))
    (folder / "s.toml").write_text(
        f'images = "{folder}/images"\nmasks = "{folder}/masks"\nepochs = 1\nsteps = 2\npatch = 16\ntouching = false\n')
    assert command.main(["train", str(folder / "s.toml"), str(folder / "out")]) == 0
    return [folder / "out" / "network.keras", folder / "out" / "run" / "best.keras"]


OPEN = """
import json, sys
import keras, numpy as np
try:
    import helpers
    sys.exit("this Python knows the course")
except ModuleNotFoundError:
    pass
pictures = np.linspace(0, 1, 2 * 16 * 16, dtype="float32").reshape(2, 16, 16, 1)
told = {}
for path in sys.argv[1:]:
    try:
        told[path] = np.asarray(keras.models.load_model(path)(pictures, training=False)).tolist()
    except Exception as error:
        told[path] = f"{type(error).__name__}: {error}"[:300]
print(json.dumps(told))
"""


def test_a_python_without_the_course_opens_every_network_that_it_saves(tmp_path, monkeypatch):
    files = [
        trained(tmp_path / "one")[0], trained(tmp_path / "classes", classes=3)[0],
        trained(tmp_path / "own", loss=Mine())[0], trained(tmp_path / "lambda", loss=lambda a, b: (a - b) ** 2)[0],
        trained(tmp_path / "batch", unet(normalization="batch"))[0],
        own.save_network(tmp_path / "kept.keras", trained(tmp_path / "two")[1], None, 0.5, {}, {}),
        *by_command(tmp_path / "command", monkeypatch), *sorted(MODELS.glob("*.keras")),
    ]
    assert len(files) >= 9
    done = subprocess.run([sys.executable, "-c", OPEN, *map(str, files)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert not {path: words for path, words in told.items() if isinstance(words, str)}
    for path in files:
        np.testing.assert_allclose(told[str(path)], predict(load_network(path), PICTURES), atol=1e-5)


def test_the_best_network_holds_no_optimizer_and_gives_its_weights_all_the_same(tmp_path, recwarn):
    path, model = trained(tmp_path / "run", loss="binary_crossentropy")
    steps = int(model.optimizer.iterations)
    assert steps == 4, "the optimizer stays as the last epoch left it"
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("config.json"))["compile_config"] is None
        assert b"optimizer" not in file.read("model.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(load_network(path).get_weights(), model.get_weights()))
    assert not [warning for warning in recwarn if "optimizer" in str(warning.message)]
    assert model.compiled and keras.models.load_model(path).compiled is False


def test_a_network_within_a_network_is_saved_plainly(tmp_path):
    inner = unet()
    inner.compile("adam", loss=Mine())
    inputs = keras.Input((None, None, 1))
    path, model = trained(tmp_path / "run", keras.Model(inputs, inner(inputs)), loss=Mine())
    again = keras.models.load_model(path)
    np.testing.assert_array_equal(predict(again, PICTURES), predict(model, PICTURES))
    with zipfile.ZipFile(path) as file:
        assert b"Mine" not in file.read("config.json")


def test_a_run_whose_best_network_an_earlier_version_has_saved_goes_on(tmp_path, monkeypatch):
    """It was compiled then, with the optimizer in it."""
    from helpers.training import callbacks

    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "make_plain", lambda path: None)
        with pytest.raises(KeyboardInterrupt):
            train_unet(unet(), DATA, DATA, tmp_path / "run", epochs=3, callbacks=[PullThePlug(2)])
    assert b"DiceScore" in read_backup(tmp_path / "run").best
    whole, resumed = unet(), unet()
    train_unet(whole, DATA, DATA, tmp_path / "whole", epochs=3)
    train_unet(resumed, DATA, DATA, tmp_path / "run", epochs=3, resume=True)
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), resumed.get_weights()))
