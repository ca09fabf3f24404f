"""A run does not go on with another Dataset: its first batch, and what its maker says of it, are compared."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.anatomy import build_unet
from helpers.own_images import train_on_patches
from helpers.own_images.patches import patch_batches
from helpers.run_state import terms as run_terms
from helpers.run_state.backup import read_backup
from helpers.run_state.first_batches import remark_on, remarks_on
from helpers.scaling import stream_batches, stream_files
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import read_log, run, train_unet
from interruptions import LastWeights, PullThePlug
from test_files import folder_of

pytestmark = pytest.mark.usefixtures("uncompiled")
SMALL = CircleScene(size=16, radius=(3, 5), circles=(1, 2))
DATA, VAL = make_dataset(6, SMALL, seed=1), make_dataset(3, SMALL, seed=4)
DARK = DATA[0] * np.where(np.arange(6) == 1, np.float32(0.9), np.float32(1)).reshape(6, 1, 1, 1)  # the second picture


def train(folder, data, val=VAL, epochs=3, seed=3, **settings):
    """Train a small network, with a rate of its own; returns the weights with which the last epoch ended."""
    keras.utils.set_random_seed(seed)
    model, last = build_unet(depth=1, filters=2), LastWeights()
    model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")
    callbacks = [*settings.pop("callbacks", []), last]
    train_unet(model, data, val, folder, epochs, callbacks=callbacks, monitor="val_loss", **settings)
    return last.weights


def cut(folder, data, at=1, **settings):
    with pytest.raises(KeyboardInterrupt):
        train(folder, data, callbacks=[PullThePlug(at)], **settings)


def batches(images=DATA[0], masks=DATA[1], change=lambda dataset: dataset):
    return change(tf.data.Dataset.from_tensor_slices((images, masks))).batch(2).prefetch(1)


def same(ours, theirs):
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs))


REFUSED = r"^the run in .* was started with {}\. Resume it with what it was started with, or start another run in a new folder\.$"
FIRST = r"another first {} batch \(other pictures or masks, another order or another seed\)"


@pytest.mark.parametrize("change", [
    lambda: batches(DARK), lambda: batches(masks=DATA[1][:, ::-1]), lambda: batches(DATA[0][::-1], DATA[1][::-1]),
    lambda: batches(change=lambda dataset: dataset.shuffle(6, 5, False)),
], ids=["a picture", "the masks", "the order", "a shuffle"])
@pytest.mark.parametrize("at", [0, 1])
def test_another_first_batch_is_named(change, at, tmp_path):
    cut(tmp_path / "run", batches(), at)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=REFUSED.format(FIRST.format("training"))):
        train(tmp_path / "run", change(), resume=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    assert same(train(tmp_path / "run", batches(), seed=9, resume=True), train(tmp_path / "whole", batches()))


def test_another_first_batch_of_the_validation_set_is_named(tmp_path):
    cut(tmp_path / "run", batches(), val=batches())
    with pytest.raises(ValueError, match=REFUSED.format(FIRST.format("validation"))):
        train(tmp_path / "run", batches(), val=batches(DARK), resume=True)
    train(tmp_path / "run", batches(), val=batches(), resume=True)


def test_a_long_stream_is_compared_at_its_beginning_and_not_where_the_run_stood(tmp_path):
    def stream(images=DATA[0]):
        return batches(images).repeat()

    cut(tmp_path / "run", stream(), 2, steps=2)
    with pytest.raises(ValueError, match=FIRST.format("training")):
        train(tmp_path / "run", stream(DARK), steps=2, resume=True)
    assert same(train(tmp_path / "run", stream(), steps=2, resume=True), train(tmp_path / "whole", stream(), steps=2))


@pytest.mark.parametrize("make", [
    lambda: batches(change=lambda dataset: dataset.shuffle(6)),
    lambda: batches(change=lambda dataset: dataset.shuffle(6, seed=0)),
], ids=["without a seed", "anew in each pass"])
def test_a_dataset_that_shuffles_anew_goes_on_with_one_warning(make, tmp_path, recwarn, monkeypatch):
    from helpers.run_state import first_batches

    monkeypatch.setattr(first_batches, "REDRAWS", 0)  # it is known by its steps, not by luck
    cut(tmp_path / "run", make(), val=batches().shuffle(3))
    train(tmp_path / "run", make(), val=batches().shuffle(3), resume=True)
    told = [str(warning.message) for warning in recwarn if "training dataset" in str(warning.message)]
    assert len(told) == 1 and "shuffled in an order that cannot be drawn again" in told[0]
    told = [str(warning.message) for warning in recwarn if "validation dataset" in str(warning.message)]
    assert len(told) <= 1 and all("nothing tells whether it holds the pictures" in words for words in told)
    cut(tmp_path / "other", make(), val=batches())
    with pytest.warns(UserWarning, match="the first batch of the validation dataset is another one each time"):
        train(tmp_path / "other", make(), val=batches(DARK).shuffle(3), resume=True)
    assert len(read_log(tmp_path / "run")) == 3


def jittered(image, mask):
    return image * tf.random.uniform([], 0.5, 1.0), mask


@pytest.mark.parametrize("role", ["training", "validation"])
def test_a_dataset_that_augments_without_a_seed_goes_on_with_a_warning(role, tmp_path):
    def given():
        tf.random.set_seed(None)  # with a seed for all of TensorFlow these numbers would come again
        made = batches(change=lambda dataset: dataset.map(jittered))
        return {"data": made} if role == "training" else {"data": batches(), "val": made}

    cut(tmp_path / "run", **given())
    with pytest.warns(UserWarning, match=f"the first batch of the {role} dataset is another one each time it is drawn.*a seed"):
        train(tmp_path / "run", **given(), resume=True)
    assert len(read_log(tmp_path / "run")) == 3


def test_a_dataset_with_other_patches_in_each_pass_goes_on_and_is_named_if_it_was_drawn_from_before(tmp_path):
    def stream(seed=0):
        return patch_batches(*DATA, size=8, batch_size=2, steps=2, seed=seed)

    used = stream()
    cut(tmp_path / "run", used)
    with pytest.warns(UserWarning, match="Make the dataset anew before resume=True"):
        train(tmp_path / "run", used, resume=True)
    cut(tmp_path / "anew", stream())
    with pytest.raises(ValueError, match=REFUSED.format(r"training seed=0 \(now 1\)")):
        train(tmp_path / "anew", stream(1), resume=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*dataset is")
        train(tmp_path / "anew", stream(), resume=True)


def test_the_first_batch_is_drawn_once_unless_it_is_another_one(tmp_path):
    drawn = []

    def stream(images=DATA[0]):
        def draw():
            drawn.append(len(drawn))
            yield from ((images[i : i + 2], DATA[1][i : i + 2]) for i in (0, 2, 4))

        signature = tuple(tf.TensorSpec((None, 16, 16, 1), kind) for kind in (tf.float32, tf.uint8))
        made = tf.data.Dataset.from_generator(draw, output_signature=signature)
        return made.apply(tf.data.experimental.assert_cardinality(3))

    cut(tmp_path / "run", stream())
    assert len(drawn) == 2, "the check and one epoch"
    train(tmp_path / "run", stream(), resume=True)
    assert len(drawn) == 2 + 3, "the check and two epochs"


def without_first_batches(patch):
    """Let a run be started as an earlier version of the course did."""
    patch.setattr(run, "first_batches", lambda *_: {})
    patch.setattr(run_terms, "remarks_on", lambda *_: {})


@pytest.mark.parametrize("make", [batches, lambda: stream_batches(6, SMALL, seed=2, batch_size=2, workers=0)], ids=["plain", "with remarks"])
def test_a_backup_of_an_earlier_version_goes_on(make, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        without_first_batches(patch)
        cut(tmp_path / "run", make(), val=batches())
    assert not [name for name in read_backup(tmp_path / "run").state["terms"] if name.startswith("training ") and name != "training dataset"]
    resumed = train(tmp_path / "run", make(), val=batches(), seed=9, resume=True)
    assert same(resumed, train(tmp_path / "whole", make(), val=batches()))


# --- what the makers of Datasets say of them ---


PICTURES = [make_dataset(2, CircleScene(size=32, radius=(3, 8), circles=2), seed) for seed in (1, 2)]


def on_patches(folder, train=PICTURES[0], validation=PICTURES[1], seed_of_weights=3, **settings):
    keras.utils.set_random_seed(seed_of_weights)
    model = build_unet(depth=1, filters=2)
    long = {"size": 16, "epochs": 3, "steps": 2, "batch_size": 2, **settings}
    return train_on_patches(model, train, validation, folder, **long).history


def later_pixel(pictures, part):
    """Change one pixel of the last picture, or of its mask, where hardly a patch of the first batch will lie."""
    changed = [np.array(each) for each in pictures]
    changed[part][-1, -1, -1] = 1 - changed[part][-1, -1, -1]
    return tuple(changed)


@pytest.mark.parametrize(("changes", "words"), [
    ({"seed": 1}, r"training seed=0 \(now 1\), validation seed=0 \(now 1\)"),
    ({"batch_size": 4}, r"training batch_size=2 \(now 4\), validation batch_size=2 \(now 4\)"),
    ({"train": later_pixel(PICTURES[0], 0)}, "other training images"),
    ({"train": later_pixel(PICTURES[0], 1)}, "other training masks"),
    ({"validation": later_pixel(PICTURES[1], 0)}, "other validation images"),
    ({"validation": later_pixel(PICTURES[1], 1)}, "other validation masks"),
    ({"train": PICTURES[1], "validation": PICTURES[0]},
     "other training images, other training masks, other validation images, other validation masks"),
], ids=["seed", "batch size", "picture", "mask", "validation picture", "validation mask", "all"])
def test_other_patches_are_named(changes, words, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        on_patches(tmp_path / "run", callbacks=[PullThePlug(1)])
    with pytest.raises(ValueError, match=REFUSED.format(words)):
        on_patches(tmp_path / "run", resume=True, **changes)
    whole = on_patches(tmp_path / "whole", list(map(list, PICTURES[0])))
    assert on_patches(tmp_path / "run", resume=True, seed_of_weights=9) == whole


def test_patches_of_another_size_are_named(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        on_patches(tmp_path / "run", callbacks=[PullThePlug(1)])
    with pytest.raises(ValueError, match=REFUSED.format(r"training size=16 \(now 8\), validation size=16 \(now 8\)")):
        on_patches(tmp_path / "run", resume=True, size=8)


def test_several_seeds_of_patches_go_on(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        on_patches(tmp_path / "run", callbacks=[PullThePlug(1)], seed=np.int64(7))
    assert len(on_patches(tmp_path / "run", seed=7, resume=True)["loss"]) == 3


def test_a_backup_of_patches_of_an_earlier_version_goes_on(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        without_first_batches(patch)
        with pytest.raises(KeyboardInterrupt):
            on_patches(tmp_path / "run", callbacks=[PullThePlug(1)])
    assert on_patches(tmp_path / "run", resume=True, seed_of_weights=9) == on_patches(tmp_path / "whole")


def test_other_files_are_named(tmp_path):
    one, other = folder_of(tmp_path / "one", 12), folder_of(tmp_path / "other", 13)

    def stream(manifest, **settings):
        return stream_files(manifest, 6, 16, **{"seed": 2, "batch_size": 2, "workers": 0, **settings})

    cut(tmp_path / "run", stream(one), steps=2)
    for changed, words in ((stream(one, seed=3), r"training seed=2 \(now 3\)"), (stream(other), "another training manifest"),
                           (stream(one, augmented=False), FIRST.format("training"))):
        with pytest.raises(ValueError, match=REFUSED.format(words)):
            train(tmp_path / "run", changed, steps=2, resume=True)
    assert same(train(tmp_path / "run", stream(one), steps=2, resume=True), train(tmp_path / "whole", stream(one), steps=2))


def test_other_scenes_are_named(tmp_path):
    def stream(**settings):
        return stream_batches(12, **{"scene": SMALL, "seed": 2, "batch_size": 2, "workers": 0, **settings})

    cut(tmp_path / "run", stream(), steps=2)
    for changed, words in ((stream(seed=(2, 3)), r"training seed=2 \(now \[2, 3\]\)"), (stream(first=2), r"training first=0 \(now 2\)"),
                           (stream(scene=CircleScene(size=16, radius=(3, 5), circles=2)), FIRST.format("training"))):
        with pytest.raises(ValueError, match=REFUSED.format(words)):
            train(tmp_path / "run", changed, steps=2, resume=True)
    assert same(train(tmp_path / "run", stream(), steps=2, resume=True), train(tmp_path / "whole", stream(), steps=2))


def test_what_is_said_of_a_dataset_is_forgotten_with_it_and_not_inherited():
    dataset = remark_on(batches(), seed=(1, 2), size=np.int64(3))
    assert remarks_on(dataset) == {"seed": [1, 2], "size": 3} and remarks_on(dataset.prefetch(1)) == {}
