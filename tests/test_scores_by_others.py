"""What a tester from outside found: scores, streams, clusters and the doctor on input that only looks right."""

import numpy as np
import pytest
from helpers.own_images import Manifest, index_folder
from helpers.scaling import file_batches, patches_from_files, stream_batches, stream_files
from helpers.synthesis import CircleScene
from PIL import Image

# --- streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A folder of twelve pictures, each of one gray level of its own, and its manifest."""
    place = tmp_path_factory.mktemp("pictures")
    mask = np.zeros((24, 24), np.uint8)
    mask[4:9, 4:9] = 255
    for kind in ("images", "masks"):
        (place / kind).mkdir()
    for i in range(12):
        Image.fromarray(np.full((24, 24), 20 * i + 10, np.uint8)).save(place / "images" / f"p{i}.png")
        Image.fromarray(mask).save(place / "masks" / f"p{i}.png")
    return index_folder(place, progress=False)[0]


def pictures_in(images):
    return {round((255 * float(image.min()) - 10) / 20) for image in np.asarray(images)}


def pictures_of_set(manifest, part):
    rows = (line.split(",") for line in manifest.read_text().splitlines()[1:])
    return {int(row[0].split("/p")[1].removesuffix(".png")) for row in rows if part in (None, row[3])}


SETTINGS = {"batch_size": 12, "workers": 0}


def some_of_training(manifest, **settings):
    return next(file_batches(manifest, 1, 16, **SETTINGS, **settings))[0]


@pytest.mark.parametrize("part", ["training", "validation", "test", None])
def test_the_set_that_is_asked_for_is_read_from_a_path_and_from_a_manifest(manifest, part):
    expected = pictures_of_set(manifest, part)
    for given in (manifest, str(manifest), Manifest(manifest), Manifest(manifest, part)):
        assert pictures_in(some_of_training(given, part=part)) == expected
        assert pictures_in(next(iter(stream_files(given, 1, 16, **SETTINGS, part=part)))[0]) == expected
        assert pictures_in(patches_from_files(given, 12, 16, workers=0, part=part)[0]) == expected


def test_without_a_word_the_sets_are_training_and_validation(manifest):
    for given in (manifest, Manifest(manifest), Manifest(manifest, "training")):
        assert pictures_in(some_of_training(given)) == pictures_of_set(manifest, "training")
        assert pictures_in(next(iter(stream_files(given, 1, 16, **SETTINGS)))[0]) == pictures_of_set(manifest, "training")
    for given in (manifest, Manifest(manifest), Manifest(manifest, "validation")):
        assert pictures_in(patches_from_files(given, 12, 16, workers=0)[0]) == pictures_of_set(manifest, "validation")


def test_a_manifest_of_another_set_is_refused_with_what_to_write(manifest):
    training, test = Manifest(manifest, "training"), Manifest(manifest, "test")
    with pytest.raises(ValueError, match="part is 'validation'.*manifest.csv holds the set 'training' alone.*path"):
        patches_from_files(training, 12, 16, workers=0)
    for stream in (file_batches, stream_files):
        with pytest.raises(ValueError, match="part is 'training'.*'test' alone. Write part='test'"):
            stream(test, 1, 16)
        with pytest.raises(ValueError, match="manifest is None; expected the path"):
            stream(None, 1, 16)
    assert pictures_in(some_of_training(test, part="test")) == pictures_of_set(manifest, "test")


@pytest.mark.parametrize(("settings", "words"), [
    ({"seed": -1}, "seed is -1"), ({"seed": None}, "seed is None"), ({"seed": 1.5}, "seed is 1.5"), ({"seed": ()}, "seed is"),
    ({"seed": "1"}, "seed is '1'"), ({"seed": [1, -2]}, "seed is"), ({"first": -3}, "first is -3"), ({"first": 1.5}, "first is 1.5"),
    ({"workers": -1}, "workers is -1"), ({"workers": "2"}, "workers is '2'"), ({"workers": None}, "workers is None"),
    ({"ahead": -1}, "ahead is -1"), ({"ahead": None}, "ahead is None"), ({"batch_size": 2.5}, "batch_size is 2.5"),
    ({"batch_size": 2.0}, "batch_size is 2.0"), ({"shard": 1}, r"shard is 1; write \(index, count\)"),
    ({"shard": (0, 1, 2)}, "shard is"), ({"shard": (0.0, 2)}, "shard is"), ({"shard": (-1, 2)}, "shard is"), ({"shard": None}, "shard is"),
    ({"shard": (0, 0)}, "shard is"), ({"batch_size": 2, "shard": (0, 4)}, "multiple of 4"),
])
def test_both_streams_check_alike_before_anything_is_drawn_or_read(manifest, settings, words):
    scene = CircleScene(size=16, radius=(2, 4))
    for call in (lambda **s: file_batches(manifest, 3, 16, **s), lambda **s: stream_files(manifest, 3, 16, **s),
                 lambda **s: stream_batches(12, scene, **s)):
        with pytest.raises(ValueError, match=words):
            call(**{"workers": 0, **settings})


def test_streams_refuse_further_settings_in_words(manifest):
    for pictures in (6.0, 0, True, "6"):
        with pytest.raises(ValueError, match="pictures is"):
            stream_batches(pictures, CircleScene(size=16, radius=(2, 4)))
    for settings, words in (({"normalization": "x"}, "fit_normalization"), ({"broken": True}, r"broken=\[\]")):
        with pytest.raises(ValueError, match=words):
            file_batches(manifest, 3, 16, **settings)
    with pytest.raises(ValueError, match="n is 2.5"):
        patches_from_files(manifest, 2.5, 16)


def test_seeds_of_several_numbers_and_numbers_of_numpy_make_streams(manifest):
    scene = CircleScene(size=16, radius=(2, 4))
    for one, other in (([1, 2], (1, 2)), (np.int64(3), 3), (np.array([4, 5]), (4, 5))):
        a, b = (np.asarray(some_of_training(manifest, seed=seed)) for seed in (one, other))
        assert np.array_equal(a, b)
        a, b = (next(iter(stream_batches(np.int64(4), scene, seed=seed, workers=0)))[0] for seed in (one, other))
        assert np.array_equal(a, b)
