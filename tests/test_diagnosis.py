"""The failure clinic: every symptom is still there, the doctor names its cause first, and is quiet on the healthy."""

import importlib.util
import subprocess
import sys
import time

import numpy as np
import pytest
from course import ROOT

from helpers import MODELS
from helpers.diagnosis import CAUSES, ROOTS, SYMPTOMS, Finding, diagnose, visit
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import load_network


def _load(path):
    spec = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clinic = _load(ROOT / "benchmarks" / "clinic.py")
CASES = {case.__name__: case for case in clinic.CASES}
TWICE = {"masks_255_curves", "relu_first_output", "rate_low_curves"}  # the same training again; the benchmark has them


@pytest.fixture(autouse=True)
def no_check_may_raise(monkeypatch):
    """In tests of the cases a check that raises is a bug of the check, so it must not be swallowed."""
    monkeypatch.setattr(visit, "_ask", lambda check, case: check(case) or [])


@pytest.fixture
def swallowing(monkeypatch):
    """Put back what a student gets."""
    monkeypatch.undo()


# --- the eleven cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(CASES.keys() - TWICE))
def test_the_symptom_shows_and_its_cause_is_named_first(name):
    clinic.keras.utils.set_random_seed(1)
    case = CASES[name]
    patient = case(1)
    assert patient.ill, f"{case.__doc__} has healed: {patient.symptom}"
    found = diagnose(**patient.handed_in)
    assert found.causes[:1] == [clinic.CASES[case]], f"{patient.symptom}\n{found}"
    assert 0.5 < found[0].sure <= 1 and found[0].seen and found[0].advice


def test_all_eleven_cases_are_there():
    assert {case.__doc__.split(".")[0] for case in clinic.CASES} == {str(number) for number in range(1, 12)}


# --- the healthy ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", clinic.HEALTHY_SCENES)
def test_nothing_is_found_in_sound_data(name):
    found = diagnose(**clinic.healthy_data(name, seed=1))
    assert not found, found


def test_nothing_is_found_after_a_sound_run():
    found = diagnose(**clinic.healthy_run("batch normalization", seed=1))
    assert not found, found
    assert "the model's predictions" in found.looked and "curves" in found.looked


def test_nothing_is_found_in_the_shipped_network_on_its_own_pictures():
    images, masks = make_dataset(60, CircleScene(), seed=5)
    training = make_dataset(100, CircleScene(), seed=6)
    found = diagnose(images, masks, model=clinic.shipped(), training=training)
    assert not found, found


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_nothing_is_found_in_few_pictures(n):
    for seed in range(6):
        images, masks = make_dataset(n, CircleScene(), seed=[n, seed])
        assert not diagnose(images, masks)
        assert not diagnose(images[..., 0], masks[..., 0].astype(bool), y_pred=masks.astype(np.float32) * 0.9 + 0.05)


def test_rectangular_pictures_and_dark_lesions_are_sound():
    images, masks = make_dataset(40, CircleScene(size=128), seed=3)
    assert not diagnose(images[:, :64], masks[:, :64])
    assert not diagnose(1 - images, masks)


def test_a_healthy_organ_on_both_sides_is_no_moved_mask():
    """The mask marks the left one of two equal organs: its mirror image fits as well, in every picture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    images, masks = [], []
    for _ in range(40):
        radius, row = rng.integers(7, 13), rng.integers(28, 36)
        left, right = ((y - row) ** 2 + (x - column) ** 2 <= radius**2 for column in (16, 47))
        images.append(0.3 + 0.4 * (left | right) + rng.normal(0, 0.05, (64, 64)))
        masks.append(left)
    assert not diagnose(np.clip(images, 0, 1)[..., None].astype(np.float32), np.array(masks, np.uint8)[..., None])


# --- further mistakes -------------------------------------------------------------------------------------------------


def sound():
    return make_dataset(24, CircleScene(), seed=4)


@pytest.mark.parametrize(
    "cause, spoil",
    [
        ("images_not_finite", lambda x, y: (np.where(x > 0.99, np.nan, x), y)),
        ("images_mixed_range", lambda x, y: (np.concatenate([x[:12] * 255, x[12:]]), y)),
        ("images_range", lambda x, y: (x * 65535, y)),
        ("images_constant", lambda x, y: ((x * 254).astype(np.uint8) // 255, y)),
        ("images_0_255", lambda x, y: ((x * 255).astype(np.uint8), y)),
        ("masks_not_0_1", lambda x, y: (x, y * np.float32(0.5))),
        ("masks_not_0_1", lambda x, y: (x, y * 3)),
        ("masks_channels", lambda x, y: (x, np.repeat(y, 3, axis=-1))),
        ("masks_empty", lambda x, y: (x, y * 0)),
        ("counts_differ", lambda x, y: (x, y[1:])),
        ("sizes_differ", lambda x, y: (x, y[:, ::2, ::2])),
        ("pairs_shuffled", lambda x, y: (x, np.roll(y, 5, axis=0))),
        ("mask_not_moved", lambda x, y: (x, y[:, ::-1])),
        ("mask_not_moved", lambda x, y: (x, np.roll(y, (6, -4), axis=(1, 2)))),
    ],
)
def test_other_mistakes_in_the_data_are_named(cause, spoil):
    found = diagnose(*spoil(*sound()))
    assert found.causes[:1] == [cause], found


@pytest.mark.parametrize("spoil", [lambda x: (x * 255).astype(np.uint8), lambda x: x * 255, lambda x: x * 65535])
def test_pictures_of_another_range_say_nothing_about_the_masks(spoil):
    images, masks = make_dataset(24, CircleScene(), seed=2)
    shipped = load_network(MODELS / "unet_circles.keras")
    found = diagnose(spoil(images), masks, model=shipped, training=make_dataset(48, CircleScene(), seed=102))
    assert found.causes in (["images_0_255"], ["images_range"]), found


def test_the_same_mistake_seen_twice_is_one_finding_and_surer():
    images, masks = sound()
    alone = diagnose(images, masks * 255)
    both = diagnose(images, masks * 255, history={"loss": [-300, -700], "dice": [1.2, 1.8]})
    assert both.causes == ["masks_0_255"] and both[0].sure >= alone[0].sure and "Dice" not in alone[0].seen


def test_a_mistake_in_the_data_silences_its_symptoms():
    images, masks = sound()
    found = diagnose(images / 255, masks, y_pred=np.full(masks.shape, 0.01, np.float32))
    assert found.causes == ["images_divided_twice"]


def test_histories_of_every_kind_are_read():
    curves = {"loss": [1.0, float("nan")], "val_loss": [float("nan")] * 2}
    rows = [{"epoch": 0, "loss": 1.0}, {"epoch": 1, "loss": float("nan")}]
    for history in (curves, rows, type("History", (), {"history": curves})()):
        assert diagnose(*sound(), history=history).causes == ["learning_rate_too_high"]


@pytest.mark.parametrize(
    "curves",
    [
        {"loss": [0.9, 0.4, 0.2], "dice": [0.5, 0.8, 0.9], "val_dice": [0.6, 0.8, 0.9]}, {"loss": [1.2, 0.7, 0.4]},
        {"loss": [-0.5, -0.8, -0.9]}, {"loss": [0.12, 0.119, 0.118, 0.118]}, {"loss": [0.5]}, {"accuracy": [0.9, 0.95]},
        {"loss": [0.6, 0.3, 0.31, 0.25], "val_loss": [0.5, 0.4, 0.3, 0.35], "val_dice": [0.7, 0.8, 0.85, 0.84]},
    ],
)
def test_sound_curves_are_left_in_peace(curves):
    assert not diagnose(*sound(), history=curves)


def test_overfitting_is_told_from_batch_normalization():
    slow = {"dice": [0.5, 0.8, 0.9, 0.97], "val_dice": [0.5, 0.6, 0.6, 0.6]}
    slow |= {"loss": [1, 0.6, 0.3, 0.1], "val_loss": [1, 0.7, 0.9, 1.3]}
    assert diagnose(*sound(), history=slow).causes == ["overfitting"]
    none = {"dice": [0.5, 0.8], "val_dice": [0.0, 0.01], "loss": [1, 0.6], "val_loss": [5, 9]}
    assert diagnose(*sound(), history=none).causes[:1] == ["batch_normalization"]


# --- manners ----------------------------------------------------------------------------------------------------------

NAN = np.full((4, 8, 8, 1), np.nan)


@pytest.mark.parametrize(
    "given",
    [
        dict(images=NAN, masks=NAN, y_pred=NAN),
        dict(images=None), dict(images="a.png"), dict(images=[]), dict(images=np.zeros((0, 8, 8, 1))), dict(images=3.0),
        dict(images=np.ones((4, 8))), dict(images=[np.ones((4, 4)), np.ones((5, 5))], masks=[1]),
        dict(images=np.ones((4, 8, 8, 3), int), masks=np.ones((4, 8, 8, 3), bool), y_pred=np.ones((4, 8, 8, 2))),
        dict(images=np.ones((2, 3, 4, 5, 6)), masks=np.ones(7), y_pred=np.ones((2, 2)), training="x"),
        dict(images=np.array([[None, "x"]], object), masks=object(), y_pred=object(), model=object(), history=object()),
        dict(images=np.zeros((4, 8, 8, 1)), history={"loss": []}), dict(images=np.zeros((4, 8, 8, 1)), history=[{}]),
        dict(images=np.zeros((4, 8, 8, 1)), history={"loss": ["a"]}, training=(1, 2)),
        dict(images=np.ones((1, 1, 1, 1)), masks=np.ones((1, 1, 1, 1)), y_pred=np.ones((1, 1, 1, 1))),
        dict(images=np.full((3, 9, 9), 1e38), masks=np.full((3, 9, 9), -np.inf), y_pred=np.full((3, 9, 9), np.inf)),
    ],
)
def test_broken_input_never_raises(given, swallowing):
    assert isinstance(repr(diagnose(**given)), str)


def test_arrays_and_model_are_left_as_they_were():
    images, masks = sound()
    kept = images.copy(), masks.copy()
    model = clinic.with_momentum(clinic.build_unet(depth=2, filters=2, normalization="batch", dropout=0.2))
    before = [np.array(v) for v in model.variables]
    diagnose(images, masks, model=model, training=(images, masks))
    assert np.array_equal(images, kept[0]) and np.array_equal(masks, kept[1])
    assert all(np.array_equal(a, np.array(b)) for a, b in zip(before, model.variables))


@pytest.mark.parametrize("side, at_once", [(64, 16), (96, 7), (512, 1)])
def test_the_model_is_asked_about_few_large_pictures_at_once(side, at_once):
    """Sixteen pictures of 512x512 would take some 2 GB of features."""
    asked = []

    def model(batch, training):
        asked.append(len(batch))
        return batch

    images = np.random.default_rng(0).random((18, side, side, 1), np.float32)
    diagnose(images, (images > 0.5).astype(np.uint8), model=model)
    assert max(asked) == at_once and sum(asked) == 18


def test_it_prints_well():
    images, masks = sound()
    healthy, ill = diagnose(images, masks), diagnose(images * 255, masks * 255)
    assert repr(healthy).startswith("Nothing found.\nLooked at: 24 images, their masks.")
    assert repr(ill).startswith("2 findings, most likely first.\n1. masks_0_255 (almost certain, 0.98)\n   seen:")
    assert max(len(line) for line in repr(ill).splitlines()) <= 100
    assert [f.sure for f in ill] == sorted((f.sure for f in ill), reverse=True)
    assert all(isinstance(f, Finding) for f in ill) and isinstance(ill, list)


def test_every_text_of_the_book_can_be_filled_and_is_used():
    words = dict.fromkeys(
        ("top", "move", "size", "factor", "near", "rows", "columns", "side", "share", "gain", "offset", "scale", "ratio",
         "back"), "x"
    )
    files = (ROOT / "helpers" / "diagnosis").glob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    for entry, texts in CAUSES.items():
        assert source.count(f'"{entry}"') >= 2, f"nothing ever finds {entry}"
        assert all("{" not in text.format(**words) for text in texts)
    names = {entry.split("/")[0] for entry in CAUSES}
    assert ROOTS | SYMPTOMS <= names and set(clinic.CASES.values()) <= names


def test_it_is_quick_and_needs_no_tensorflow():
    images, masks = make_dataset(500, CircleScene(size=128), seed=1)
    training, _ = make_dataset(200, CircleScene(size=128), seed=2)
    scores = np.clip(masks * 0.8 + 0.1, 0, 1).astype(np.float32)
    began = time.process_time()
    diagnose(images, masks, y_pred=scores, training=training)
    assert time.process_time() - began < 12, "far slower than the two seconds it takes on a quiet machine"
    code = "import helpers.diagnosis, sys; print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "False"
