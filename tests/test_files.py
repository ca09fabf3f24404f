"""Streams from files: one manifest and one seed, one stream; any batch without the others; what is broken is named."""

import os
import subprocess
import sys

import numpy as np
import psutil
import pytest
from course import LEAN, ROOT
from forked_workers import forked
from helpers.own_images import ChangedFileError, Normalization, PictureError, index_folder, load_pairs
from helpers.scaling import call_in_worker, file_batches, patches_from_files, pool, stream_files
from PIL import Image


def folder_of(place, n=30, size=24):
    """Write `n` pictures of ten sources, each of one gray level of its own with a white square, and index them."""
    for kind in ("images", "masks"):
        (place / kind).mkdir(parents=True)
    for i in range(n):
        mask = np.zeros((size, size), np.uint8)
        mask[3:9, 2 + i % 9 : 9 + i % 9] = 255
        Image.fromarray(np.maximum(mask, 5 * i).astype(np.uint8)).save(place / "images" / f"mouse{i % 10}_{i:02d}.png")
        Image.fromarray(mask).save(place / "masks" / f"mouse{i % 10}_{i:02d}.png")
    return index_folder(place, progress=False)[0]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("files"))


def same(ours, theirs):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs) > 0
    for pair, other in zip(ours, theirs):
        for a, b in zip(pair, other):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def levels(batches):
    """Return the gray level of each patch's background, which says from which file it is."""
    return [int(round(255 * float(image.min()))) for images, _ in batches for image in np.asarray(images)]


@pytest.mark.parametrize("settings", [{"workers": 1}, {"workers": 2, "ahead": 1}, {"workers": 2, "ahead": 9}])
def test_one_seed_one_stream_whoever_reads(manifest, settings):
    expected = list(file_batches(manifest, 13, 16, batch_size=5, seed=4, workers=0))
    same(file_batches(manifest, 13, 16, batch_size=5, seed=4, **settings), expected)
    stream = stream_files(manifest, 13, 16, batch_size=5, seed=4, **settings)
    same(stream, expected)
    same(stream, expected)  # a second pass begins anew
    assert int(stream.cardinality()) == 13
    images, masks = expected[3]
    assert images.shape == masks.shape == (5, 16, 16, 1) and images.dtype == np.float32 and masks.dtype == np.uint8
    other = next(file_batches(manifest, 1, 16, batch_size=5, seed=5, workers=0))
    assert not np.array_equal(other[0], expected[0][0])


@pytest.mark.parametrize("first", [1, 4, 5, 11])
def test_a_stream_goes_on_at_any_batch_as_if_it_had_not_been_cut(manifest, first):
    """18 training pairs and batches of 5: a pass ends within a batch, and a portion within a pass."""
    whole = list(file_batches(manifest, 13, 16, batch_size=5, workers=0))
    same(file_batches(manifest, 13 - first, 16, batch_size=5, first=first, workers=1), whole[first:])


def test_every_pass_takes_each_pair_once_in_a_new_order(manifest):
    seen = levels(file_batches(manifest, 18, 24, batch_size=3, workers=0, augmented=False))
    passes = [seen[i : i + 18] for i in (0, 18, 36)]
    assert all(sorted(one) == sorted(set(seen)) for one in passes) and passes[0] != passes[1] != passes[2]
    validation = levels(file_batches(manifest, 2, 24, "validation", batch_size=3, workers=0))
    assert len(set(validation)) == 6 and not set(validation) & set(seen)


def test_shards_share_each_batch(manifest):
    whole = list(file_batches(manifest, 7, 16, batch_size=6, workers=0))
    for count in (2, 3):
        shards = [list(file_batches(manifest, 7, 16, batch_size=6, shard=(i, count), workers=0)) for i in range(count)]
        same([tuple(np.concatenate(parts) for parts in zip(*batch)) for batch in zip(*shards)], whole)


def test_patches_are_cut_and_turned_with_their_masks(manifest):
    turned = 0
    for images, masks in file_batches(manifest, 12, 16, batch_size=3, workers=0):
        np.testing.assert_array_equal(images > 0.99, masks == 1)  # the squares are white, and nothing else is
        turned += sum(mask[..., 0].any(0).sum() < mask[..., 0].any(1).sum() for mask in masks)
    assert turned, "no square was ever turned on its side"
    plain = next(file_batches(manifest, 1, 24, batch_size=18, workers=0, augmented=False))
    pairs = load_pairs(manifest.parent)
    files = {int(round(255 * float(image.min()))): (image, mask) for image, mask in zip(*pairs)}
    for image, mask in zip(*plain):
        np.testing.assert_array_equal(image, files[int(round(255 * float(image.min())))][0])
        np.testing.assert_array_equal(mask, files[int(round(255 * float(image.min())))][1])


def test_arrays_for_validation_and_gray_levels(manifest):
    images, masks = patches_from_files(manifest, 6, 24, workers=0)
    assert images.shape == (6, 24, 24, 1) and len(set(levels([(images, masks)]))) == 6
    same([patches_from_files(manifest, 6, 24, workers=1)], [(images, masks)])
    rule = Normalization("range", 0.0, 0.5)
    lit, _ = patches_from_files(manifest, 6, 24, workers=0, normalization=rule)
    np.testing.assert_array_equal(lit, rule.apply(images))
    dark, _ = patches_from_files(manifest, 6, 24, workers=0, value_range=(0, 510))
    np.testing.assert_allclose(dark, images / 2, atol=1e-6)


def test_pages_of_a_stack_are_drawn_from(tmp_path):
    import tifffile

    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for i in range(5):
            pages = np.zeros((3, 16, 16), np.uint8)
            pages[:, 2:8, 2:8] = 255
            pages = np.maximum(pages, np.uint8([[[10]], [[20]], [[30]]])) if kind == "images" else pages
            tifffile.imwrite(tmp_path / kind / f"mouse{i}_1.tif", pages, photometric="minisblack")
    path, _ = index_folder(tmp_path, progress=False)
    assert set(levels(file_batches(path, 8, 16, batch_size=4, workers=0))) == {10, 20, 30}


# --- broken and changed files ---


def trained_on(path, count):
    """Return the names of the first `count` training files in a manifest."""
    return [line.split(",")[0] for line in path.read_text().splitlines() if ",training," in line][:count]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_file_is_named_and_skipped_only_when_asked(tmp_path, workers):
    path = folder_of(tmp_path)
    torn, gone = (tmp_path / name for name in trained_on(path, 2))
    torn.write_bytes(torn.read_bytes()[:-40])
    gone.unlink()
    with pytest.raises(PictureError, match="damaged|cannot be read") as caught:
        list(file_batches(path, 9, 16, workers=workers))
    assert "pass a list as broken=" in str(caught.value)
    assert str(torn) in str(caught.value) or str(gone) in str(caught.value)
    broken = []
    whole = list(file_batches(path, 9, 16, workers=workers, broken=broken))
    assert len(broken) == 2 and {torn.name, gone.name} == {text.split(":")[0] for text in broken}
    assert all(len(images) == 4 and masks.any(axis=(1, 2, 3)).all() for images, masks in whole), "batches stay full"
    same(file_batches(path, 9, 16, workers=0, broken=[]), whole)
    same(file_batches(path, 4, 16, workers=workers, broken=[], first=5), whole[5:])


def test_a_changed_file_is_named_even_if_broken_ones_are_skipped(tmp_path):
    path = folder_of(tmp_path)
    changed = tmp_path / trained_on(path, 1)[0]
    Image.fromarray(np.full((24, 24), 7, np.uint8)).save(changed)
    for settings in ({}, {"broken": []}, {"workers": 0, "broken": []}):
        with pytest.raises(ChangedFileError, match=f"{changed.name}: not the same as when the manifest was made"):
            list(file_batches(path, 5, 16, **settings))


def test_a_changed_mask_is_named(tmp_path):
    path = folder_of(tmp_path)
    mask = tmp_path / "masks" / os.path.basename(trained_on(path, 1)[0])
    Image.fromarray(np.zeros((24, 24), np.uint8)).save(mask)
    with pytest.raises(ChangedFileError, match=mask.name):
        list(file_batches(path, 5, 16, workers=0))


def test_if_all_files_are_broken_it_ends(tmp_path):
    path = folder_of(tmp_path)
    for image in (tmp_path / "images").iterdir():
        image.write_bytes(b"")
    broken = []
    with pytest.raises(PictureError, match="a hundred pairs in a row are broken"):
        list(file_batches(path, 5, 16, workers=0, broken=broken))
    assert 5 < len(broken) <= 18


def test_keras_says_which_file_it_is(tmp_path):
    path = folder_of(tmp_path)
    name = trained_on(path, 1)[0]
    (tmp_path / name).unlink()
    with pytest.raises(Exception, match=os.path.basename(name)):
        list(stream_files(path, 9, 16))


@pytest.mark.parametrize(("settings", "said"), [
    ({"shard": (2, 2)}, r"write \(index, count\)"), ({"batch_size": 5, "shard": (0, 2)}, "multiple of 2"), ({"batch_size": 0}, "batch_size is 0"),
    ({"batches": 0}, "batches is 0"), ({"first": -1}, "first is -1"), ({"size": 0}, "size is 0"), ({"part": "train"}, "no rows of the set 'train'"),
])
def test_what_does_not_fit_is_said_before_anything_is_read(manifest, settings, said):
    for stream in (file_batches, stream_files):
        with pytest.raises(ValueError, match=said):
            stream(**{"manifest": manifest, "batches": 3, "size": 16, **settings})


def test_the_home_folder(manifest, monkeypatch):
    monkeypatch.setenv("HOME", str(manifest.parent))
    same(file_batches("~/manifest.csv", 2, 16, workers=0), file_batches(manifest, 2, 16, workers=0))


def test_runs_in_the_home_folder(manifest, tmp_path, monkeypatch):
    import tensorflow as tf
    from helpers.scaling import WorkerLost, start_workers, train_on, watch_workers

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    few = {"epochs": 1, "steps": 1, "depth": 2, "size": 16}
    train_on(tf.distribute.get_strategy(), "~/one", **few)
    with pytest.raises(FileExistsError, match="already holds a run"):
        train_on(tf.distribute.get_strategy(), tmp_path / "one", **few)
    with pytest.raises(WorkerLost, match="after 0 seconds"):
        watch_workers(start_workers(1, "~/two"), "~/two", seconds=0)
    assert (tmp_path / "one" / "log.csv").exists() and (tmp_path / "two" / "worker-0.txt").exists()
    assert not (tmp_path / "~").exists()


# --- processes and memory ---


def test_the_processes_that_read_load_no_tensorflow(manifest):
    list(file_batches(manifest, 2, 16, workers=1))
    loaded = pool(1).submit(call_in_worker, eval, "[m for m in ('cv2', 'tensorflow', 'keras') if m in __import__('sys').modules]").result()
    assert loaded == ["cv2"]


def test_the_memory_does_not_grow_with_the_stream(manifest):
    process = psutil.Process()

    def peak(batches):
        return max(process.memory_info().rss / 1e6 for _ in file_batches(manifest, batches, 96, batch_size=20, workers=1))

    peak(20)
    few, many = peak(20), peak(200)
    assert many - few < 40, f"{many - few:.0f} MB more; kept in memory, the patches would take 166"


KILLED = """
import os, signal, sys
import keras
from helpers.anatomy import build_unet
from helpers.scaling import patches_from_files, stream_files
from helpers.training import train_unet

class Kill(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if sys.argv[3] == "kill" and self.model.optimizer.iterations == 11:
            os.kill(os.getpid(), signal.SIGKILL)

def train(manifest, run, resume):
    keras.utils.set_random_seed(1)
    stream, check = stream_files(manifest, 16, 16, seed=2), patches_from_files(manifest, 6, 16)
    return train_unet(build_unet(depth=2, filters=2), stream, check, run, epochs=4, steps=4, resume=resume, callbacks=[Kill()])

print(train(sys.argv[1], sys.argv[2], sys.argv[3] == "resume").history["loss"])
"""


def test_a_training_from_files_that_is_killed_in_mid_epoch_ends_as_if_it_had_not_been(manifest, tmp_path):
    def run(folder, what):
        command = [sys.executable, "-c", LEAN + KILLED, str(manifest), str(tmp_path / folder), what]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    whole = run("whole", "run")
    assert whole.returncode == 0, whole.stderr
    assert run("cut", "kill").returncode == -9
    resumed = run("cut", "resume")
    assert resumed.stdout == whole.stdout and whole.stdout.count(",") == 3, resumed.stderr


@forked()
def test_two_workers_share_the_files(manifest, tmp_path, monkeypatch):
    """That one which is killed goes on is tested with drawn pictures in `test_scaling`, and with files in notebook 07."""
    import tensorflow as tf
    from helpers.scaling import run_workers, train_on

    from_files = {"manifest": manifest, "size": 16, "depth": 2, "steps": 5}
    one = train_on(tf.distribute.get_strategy(), tmp_path / "one", **from_files)
    monkeypatch.chdir(manifest.parent)  # the workers run elsewhere
    two = run_workers(2, tmp_path / "two", seconds=400, **{**from_files, "manifest": manifest.name})
    np.testing.assert_allclose(two, one, rtol=1e-4)
    drawn = train_on(tf.distribute.get_strategy(), tmp_path / "drawn", **{**from_files, "manifest": None})
    assert not np.allclose(drawn, one)


def test_scenes_are_written_once_and_alike(tmp_path):
    from helpers.scaling import write_scenes
    from helpers.synthesis import CircleScene, draw_numbered

    scene = CircleScene(size=16, radius=(3, 5), circles=(0, 2))
    folder = write_scenes(tmp_path / "a", 230, scene, seed=3, patients=10)
    names = sorted(path.name for path in (folder / "images").iterdir())
    assert names == sorted(path.name for path in (folder / "masks").iterdir()) and len(names) == 230
    assert names[0] == "patient000_000000.png" and names[-1] == "patient009_000229.png"
    images, masks = draw_numbered(scene, 3, [7])
    np.testing.assert_array_equal(np.array(Image.open(folder / "images" / "patient007_000007.png")), np.round(images[0, ..., 0] * 255))
    np.testing.assert_array_equal(np.array(Image.open(folder / "masks" / "patient007_000007.png")), masks[0, ..., 0] * 255)
    with pytest.raises(FileExistsError, match="nothing is written over"):
        write_scenes(folder, 5, scene)
    write_scenes(tmp_path / "b", 30, scene, seed=3, patients=10, workers=0)
    assert all(path.read_bytes() == (folder / "images" / path.name).read_bytes() for path in (tmp_path / "b" / "images").iterdir())
