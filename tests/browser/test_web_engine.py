"""The engine of the pages: its gradients, its agreement with Keras and with the course's scenes, its trainings.

Run by `make test-site`, which compiles it first.
"""

import json
import os
import subprocess

import numpy as np
import pytest
import web
from jupyter_page import ROOT

pytestmark = pytest.mark.skipif(
    not os.environ.get("UNET_COURSE_SITE"), reason="the engine's tests are run by make test-site, which compiles it first"
)
SCRIPT = ROOT / "tests" / "browser" / "engine.mjs"


def ask(task, *arguments):
    command = [*web.node("node"), "--expose-gc", str(SCRIPT), str(web.WEB), task, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("settings", [
    {"size": 16, "depth": 2, "filters": 4, "batch": 2},
    {"size": 16, "depth": 3, "filters": 4, "batch": 3, "loss": "dice"},
    {"size": 16, "depth": 2, "filters": 8, "batch": 2, "skips": False, "loss": "bce"},
    {"size": 16, "depth": 2, "filters": 4, "batch": 2, "upsampling": "resize"},
], ids=str)
def test_gradients_agree_with_finite_differences(settings):
    rows = ask("gradients", json.dumps({**settings, "seed": 3}))
    off = 0
    for name, gradient, *slopes in rows:
        near = min(abs(gradient - slope) for slope in slopes)  # a ReLU may switch within a step, and a small step drowns in rounding
        off += near > 0.03 * max(abs(gradient), *map(abs, slopes)) + 3e-4
    assert off <= 0.03 * len(rows), [row for row in rows if abs(row[1] - row[2]) > 1e-3]
    assert np.mean([abs(row[1]) > 1e-5 for row in rows]) > 0.6, "most gradients are not 0"


@pytest.fixture(scope="module")
def fifty():
    from helpers.synthesis import make_dataset

    return make_dataset(50, seed=77)[0]


@pytest.mark.parametrize("settings", [
    {"depth": 4, "filters": 8}, {"depth": 3, "filters": 4, "skips": False}, {"depth": 3, "filters": 8, "upsampling": "resize"},
], ids=str)
def test_the_page_computes_what_keras_computes(settings, fifty, tmp_path):
    import keras
    from helpers.anatomy import build_unet
    from helpers.training import predict

    keras.utils.set_random_seed(1)
    model = build_unet(**settings)
    model.save(tmp_path / "net.keras")
    manifest, numbers = web.export(tmp_path / "net.keras", "net", tmp_path)
    fifty.tofile(tmp_path / "images")
    ask("predict", json.dumps({**settings, "size": 96}), manifest, numbers, tmp_path / "images", tmp_path / "out")
    ours = np.fromfile(tmp_path / "out", "<f4").reshape(fifty.shape)
    assert np.abs(ours - predict(model, fifty)).max() < 1e-4
    assert np.ptp(ours) > 0.01, "the probabilities differ from pixel to pixel"


def test_scenes_are_as_hard_as_those_of_notebook_01(tmp_path):
    from helpers import MODELS
    from helpers.evaluation import best_threshold, dice_per_image, otsu_baseline
    from helpers.synthesis import make_dataset
    from helpers.training import load_network, predict

    ask("scenes", 1000, 1000, tmp_path / "images", tmp_path / "masks")
    page = np.fromfile(tmp_path / "images", "<f4").reshape(-1, 96, 96, 1), np.fromfile(tmp_path / "masks", np.uint8).reshape(-1, 96, 96, 1)
    course, unet = make_dataset(1000, seed=5), load_network(MODELS / "unet_circles.keras")
    for score in (
        lambda images, masks: best_threshold(masks, images).dice,
        lambda images, masks: dice_per_image(masks, otsu_baseline(images)).mean(),
        lambda images, masks: dice_per_image(masks, (predict(unet, images) >= 0.46).astype(np.uint8)).mean(),
        lambda images, masks: masks.mean(),
        lambda images, masks: images.mean(),
    ):
        assert abs(score(*page) - score(*course)) < 0.02


def test_the_best_threshold_is_that_of_notebook_04(tmp_path):
    from helpers.evaluation import best_threshold

    found = ask("scenes", 60, 9, tmp_path / "images", tmp_path / "masks")
    images = np.fromfile(tmp_path / "images", "<f4").reshape(-1, 96, 96, 1)
    ours = best_threshold(np.fromfile(tmp_path / "masks", np.uint8).reshape(images.shape), images)
    assert found["threshold"] == pytest.approx(ours.threshold, abs=0.011) and found["dice"] == pytest.approx(ours.dice, abs=0.002)


def test_the_learning_rate_is_that_of_notebook_03():
    from helpers.training import warmup_cosine

    schedule = warmup_cosine(0.003, 200, 50)
    assert ask("rates", 0.003, 200, 50) == pytest.approx([float(schedule(step)) for step in range(200)], abs=1e-8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_training_beats_the_best_threshold_and_is_the_same_again(seed):
    first = ask("train", json.dumps({"seed": seed, "steps": 400}), 400)
    assert first["dice"] > 0.75 and first["dice"] > first["line"] + 0.2 and first["before"] < 0.5
    short = [ask("train", json.dumps({"seed": seed, "size": 32}), 20)["weights"] for _ in range(2)]
    assert short[0] == short[1], "the same seed gives the same bits"


def test_mistakes_look_as_the_page_says():
    masks255 = ask("train", json.dumps({"wrong": "mask255"}), 150)
    assert masks255["loss"] < -10 and masks255["dice"] < 0.45
    heart = ask("train", json.dumps({"pictures": 6, "augment": False, "steps": 400}), 400)
    assert heart["known"] > 0.95 and heart["dice"] < heart["known"] - 0.15
    high = ask("train", json.dumps({"rate": 1}), 150)
    assert high["dice"] < 0.3
    flip = ask("train", json.dumps({"wrong": "flip", "steps": 400}), 400)
    assert flip["known"] < flip["dice"] - 0.1, "on the batch, where masks are wrong, it scores worse than on unseen scenes"
    collapse = ask("train", json.dumps({"loss": "bce", "circles": 1, "radius": 3, "contrast": 0.1, "rate": 0.0003, "steps": 300}), 300)
    assert collapse["loss"] < 0.1 and collapse["dice"] <= collapse["line"] + 0.02


def test_memory_stays_flat_over_five_thousand_steps():
    memory = ask("train", json.dumps({"size": 32, "depth": 2, "steps": 5000}), 5000)["memory"]
    assert len({net for net, _ in memory}) == 1
    early, late = (min(arrays for _, arrays in half) for half in (memory[:25], memory[25:]))  # garbage is swept when it suits
    assert late <= 1.2 * early


def test_the_engine_and_the_scenes_are_short_enough_to_read():
    files = [*(web.WEB / "engine").glob("*.?s"), web.WEB / "scene.js"]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(files) == 4 and len(lines) <= 700
