"""Networks that leave the course: ONNX files and packages for other programs, compared with what the course says."""

import hashlib
import json
import os
import re
import subprocess
import zipfile

import numpy as np
import pytest
import yaml
from course import ROOT
from helpers import MODELS
from helpers import own_images as own
from helpers.anatomy import build_unet
from helpers.drawing import as_png
from helpers.own_images.__main__ import main

onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
BIOIMAGEIO = os.environ.get("UNET_COURSE_BIOIMAGEIO")  # a Python that has bioimageio.core, and need not have this course
RULES = {
    "none": (None, {}), "8 bit": (None, {"white": 255}),
    "range": (own.Normalization("range", 0.01, 0.3), {"value_range": (100, 4000)}),
    "percentiles": (own.Normalization("picture", 0.5, 99.5), {"white": 65535, "pixel_size": 0.65, "unit": "um"}),
}


def answer(content, image):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": np.asarray(image, np.float32)[None, None]})[0][0, 0]


def shaken(**settings):
    """A network with all weights, those of normalization too, at random."""
    net, rng = build_unet(**{"filters": 4, "depth": 3, **settings}), np.random.default_rng(0)
    net.set_weights([np.abs(w + rng.normal(size=w.shape) * 0.2).astype(np.float32) if w.ndim == 1 else w for w in net.get_weights()])
    return net


@pytest.mark.parametrize("settings", [
    {}, {"normalization": "batch"}, {"normalization": "group"}, {"upsampling": "resize"}, {"skips": False, "dropout": 0.3},
    {"depth": 1}, {"classes": 3}, {"padding": "valid"}, {"input_shape": (64, 64, 1)},
], ids=str)
def test_every_architecture_says_the_same_as_onnx(tmp_path, settings):
    net, side = shaken(**settings), 188 if "padding" in settings else 64
    path = own.export_onnx(net, tmp_path / "n.onnx")
    images = np.random.default_rng(1).random((2, side, side, 1), dtype=np.float32)
    assert own.onnx_difference(path, net, images) < 1e-4


def test_a_picture_of_any_size_gets_the_answer_of_predict_tiled(tmp_path):
    kept = own.load_kept(MODELS / "unet_circles.keras")
    onnx = own.export_onnx(kept, tmp_path / "n.onnx").read_bytes()
    for size in ((100, 100), (1, 1), (5, 3), (203, 96)):
        image = np.random.default_rng(0).random(size, dtype=np.float32)
        assert np.abs(answer(onnx, image) - own.predict_tiled(kept.model, image)).max() < 1e-4, size


def test_the_onnx_file_knows_its_gray_levels_and_threshold(tmp_path):
    kept = own.SavedNetwork(build_unet(depth=2, filters=2), own.Normalization("range", 0.1, 0.6), 0.43, {"dice": 0.9}, {"task": "nuclei"})
    session = onnxruntime.InferenceSession(str(own.export_onnx(kept, tmp_path / "n.onnx")))
    note = json.loads(session.get_modelmeta().custom_metadata_map["unet_course"])
    assert note["threshold"] == 0.43 and note["normalization"]["high"] == 0.6 and note["card"] == {"task": "nuclei"}


def test_a_layer_that_cannot_be_written_is_named(tmp_path):
    import keras

    inputs = keras.Input((None, None, 1))
    net = keras.Model(inputs, keras.layers.SeparableConv2D(1, 3, padding="same", name="odd_one")(inputs))
    with pytest.raises(ValueError, match=r"'odd_one' is a SeparableConv2D.*build_unet"):
        own.export_onnx(net, tmp_path / "n.onnx")
    assert not list(tmp_path.iterdir())


def prepared(image, steps):
    """Do what rdf.yaml declares before the network, in plain NumPy."""
    for step in steps:
        how = step.get("kwargs", {})
        if step["id"] == "scale_linear":
            image = image * how["gain"] + how["offset"]
        elif step["id"] == "scale_range":
            low, high = np.percentile(image, (how["min_percentile"], how["max_percentile"]))
            image = (image - low) / (high - low + 1e-6)
        elif step["id"] == "clip":
            image = np.clip(image, how["min"], how["max"])
        else:
            assert step["id"] == "ensure_dtype"
            image = image.astype(how["dtype"])
    return image


@pytest.fixture(scope="module", params=RULES)
def package(request, tmp_path_factory):
    folder, (rule, settings) = tmp_path_factory.mktemp("package"), RULES[request.param]
    model = own.load_kept(MODELS / "unet_circles.keras").model
    card = {"task": "nuclei / drawn", "made by": "A. Student"}
    file = own.save_network(folder / "n.keras", model, rule, 0.46, {"U-Net": 0.9}, card, settings)
    return own.export_package(file, folder / "n.zip", license="CC-BY-4.0")


def test_a_package_declares_what_turns_its_test_input_into_its_test_output(package):
    with zipfile.ZipFile(package) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rdf = yaml.safe_load(files["rdf.yaml"])
    given, found = rdf["inputs"][0], rdf["outputs"][0]
    for part in (given["test_tensor"], found["test_tensor"], rdf["weights"]["onnx"]):
        assert hashlib.sha256(files[part["source"]]).hexdigest() == part["sha256"]
    image, mask = (np.load(__import__("io").BytesIO(files[f"test_{name}.npy"])) for name in ("input", "output"))
    low, high = given["data"]["range"]
    assert low <= image.min() < image.max() <= high and 0 < mask.mean() < 1 and mask.dtype == np.uint8
    said = answer(files["weights.onnx"], prepared(image[0, 0].astype(np.float64), given["preprocessing"]))
    assert found["postprocessing"][0] == {"id": "binarize", "kwargs": {"threshold": 0.46}}
    assert ((said > 0.46) != mask[0, 0]).mean() < 1e-4
    assert [axis.get("id", axis["type"]) for axis in given["axes"]] == ["batch", "channel", "y", "x"]
    size, halo = given["axes"][2]["size"], found["axes"][2]["halo"]
    assert size["step"] == 8 and size["min"] % 8 == 0 and size["min"] > 2 * halo and image.shape[2] % 8 == 0
    assert rdf["authors"] == [{"name": "A. Student"}] and "/" not in rdf["name"] and "0.9" in files["README.md"].decode()
    assert "look once" not in files["README.md"].decode()


def test_scores_of_eight_looks_are_called_that(tmp_path):
    model = own.load_kept(MODELS / "unet_circles.keras").model
    file = own.save_network(tmp_path / "n.keras", model, None, 0.5, {"U-Net": 0.9}, {}, {"turned": True})
    with zipfile.ZipFile(own.export_package(file, tmp_path / "n.zip", license="CC-BY-4.0")) as archive:
        said = archive.read("README.md").decode()
    assert said.index("U-Net: 0.9") < said.index("Other programs look once")


@pytest.mark.skipif(not BIOIMAGEIO, reason="bioimageio.core is in an environment of its own, which make test-bioimage makes")
def test_the_packages_own_test_passes_in_an_environment_without_this_course(package):
    code = "import sys; from bioimageio.core import test_model; s = test_model(sys.argv[1]); print('status', s.status)"
    done = subprocess.run([BIOIMAGEIO, "-c", code, str(package)], capture_output=True, text=True, cwd=package.parent)
    assert "status passed" in done.stdout, done.stdout + done.stderr


def test_the_command_exports_and_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    model, out = str(MODELS / "unet_circles.keras"), tmp_path / "n.zip"
    assert main(["export", model, str(out), "--author", "Ada/L"]) == 0 and "bioimage.io" in capsys.readouterr().out
    with zipfile.ZipFile(out) as archive:
        assert yaml.safe_load(archive.read("rdf.yaml"))["authors"] == [{"name": "Ada L"}]
    before = out.read_bytes()
    small = tmp_path / "small.png"
    small.write_bytes(as_png(np.zeros((50, 60), np.uint8)))
    for arguments, said in (
        ([model, str(out)], "exists already"), ([model, str(tmp_path / "n.tar")], "ends in .zip"),
        ([str(tmp_path / "no.keras"), str(tmp_path / "m.zip")], "no file"),
        ([model, str(tmp_path / "m.zip"), "--picture", str(small)], "60x50 pixels"),
    ):
        assert main(["export", *arguments]) == 1 and said in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    assert main(["export", model, str(tmp_path / "m.zip")]) == 1
    assert "pip install onnx onnxruntime" in capsys.readouterr().err
    assert out.read_bytes() == before and {path.name for path in tmp_path.iterdir()} == {"n.zip", "small.png"}


def test_the_packages_test_can_come_from_a_picture(tmp_path):
    from helpers.own_images.real_sets import draw_nuclei

    nuclei = np.zeros((600, 700), np.uint8)
    nuclei[300:, 400:] = draw_nuclei(np.random.default_rng(1), (300, 300))[0]
    own.save_mask(nuclei.astype(np.uint16) + 256 * (nuclei > 0), tmp_path / "raw.tif")
    file = own.save_network(tmp_path / "n.keras", own.load_kept(MODELS / "unet_circles.keras").model, own.Normalization("picture", 0.5, 99.5), 0.5, {}, {})
    own.export_package(file, tmp_path / "n.zip", picture=tmp_path / "raw.tif")
    with zipfile.ZipFile(tmp_path / "n.zip") as archive:
        rdf = yaml.safe_load(archive.read("rdf.yaml"))
        mask = np.load(__import__("io").BytesIO(archive.read("test_output.npy")))
    assert rdf["inputs"][0]["data"]["range"] == [0.0, 65535.0] and mask.mean() > 0.05


def test_a_network_of_classes_is_refused(tmp_path):
    file = own.save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2, classes=3), None, 0.5, {}, {})
    with pytest.raises(ValueError, match="1 channels to 3"):
        own.export_package(file, tmp_path / "n.zip")


@pytest.mark.parametrize("rule", RULES)
def test_the_code_on_the_page_open_it_elsewhere_gives_the_masks_of_the_course(tmp_path, monkeypatch, rule):
    plain, bioimageio = re.findall(r"```python\n(.+?)```", (ROOT / "site" / "elsewhere.md").read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    normalization, settings = RULES[rule]
    model = own.load_kept(MODELS / "unet_circles.keras").model
    own.save_network("network.keras", model, normalization, 0.46, {}, {}, settings)
    own.export_onnx(own.load_kept("network.keras"), "network.onnx")
    own.export_package("network.keras", "network.zip")
    raw = np.load(zipfile.ZipFile("network.zip").open("test_input.npy"))[0, 0, :203, :241]
    black, white = settings.get("value_range", (0, settings.get("white", 1)))
    gray = own.to_gray(raw, "raw", (black, white))[0][..., 0]
    np.save("raw.npy", raw)
    np.save("gray.npy", gray)
    right = own.predict_tiled(model, gray, normalization=normalization) >= 0.46
    found = {}
    exec(plain, found)
    assert right.any() and (found["mask"] == right).mean() > 0.9999
    if BIOIMAGEIO:
        code = bioimageio + "\nnp.save('mask.npy', mask)"
        subprocess.run([BIOIMAGEIO, "-c", code], check=True, capture_output=True)
        assert (np.load("mask.npy") == right)[56:-56, 56:-56].mean() > 0.999
