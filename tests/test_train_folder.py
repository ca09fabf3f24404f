"""Training by a settings file: what it keeps is true, what is wrong in the settings is said, objects stay objects."""

import numpy as np
import pytest
import tifffile
from helpers import own_images as own
from helpers.own_images.__main__ import main
from helpers.own_images.real_sets import draw_nuclei
from helpers.synthesis import fingerprint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten pictures of five mice, whose masks number the nuclei."""
    place, rng = tmp_path_factory.mktemp("nuclei"), np.random.default_rng(0)
    for i in range(10):
        for kind, array in zip(("images", "masks"), draw_nuclei(rng, (96, 96))):
            (place / kind).mkdir(exist_ok=True)
            tifffile.imwrite(place / kind / f"mouse{i // 2}_{i}.tif", array)
    return place


def test_train_keeps_a_network_with_a_true_card(folder, tmp_path, capsys):
    (tmp_path / "s.toml").write_text(
        f'images = "{folder}/images"\nmasks = "{folder}/masks"\nepochs = 1\nsteps = 2\npatch = 32\nauthor = "Ada"\n'
        'pixel_size = 0.5\nunit = "um"\nmin_area = 5\nturned = true\n'
    )
    assert main(["train", str(tmp_path / "s.toml"), str(tmp_path / "out")]) == 0
    kept, pairs = own.load_kept(tmp_path / "out" / "network.keras"), own.load_pairs(folder / "images", folder / "masks", gap=True)
    assert kept.card["made by"] == "Ada" and kept.card["steps"] == 2 and kept.card["seed"] == 0
    assert fingerprint(*pairs.images, *pairs.masks) in kept.card["data"] and "10 pictures of 5 sources" in kept.card["data"]
    sets = [line.split(":")[0] for line in kept.card["split"].splitlines() if not line.startswith("  ")]
    assert sets == ["training", "validation", "test"] and all(f"mouse{i // 2}_{i}" in kept.card["split"] for i in range(10))
    assert kept.settings["white"] == 255 and kept.settings["pixel_size"] == 0.5 and isinstance(kept.settings["split"], bool)
    assert not {"images", "masks", "out", "source_table"} & set(kept.settings) and str(folder) not in str(kept.card)
    assert kept.settings["turned"] is True and "turned True" in kept.card["settings"]
    assert {"everything foreground", "U-Net", "object F1", "object AP", "test pictures"} <= set(kept.scores)
    assert all(0 <= kept.scores[name] <= 1 for name in ("U-Net", "object F1", "object AP"))
    said = capsys.readouterr()
    assert "object F1" in said.out and "Note: 2 of 10 masks look inverted" in said.err and "UserWarning" not in said.err
    assert main(["train", str(tmp_path / "s.toml"), str(tmp_path / "out")]) == 1
    assert "nothing is written over" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "said"), [
    ('image = "a"', "Did you mean 'images'"), ("min_area = 3", "says nothing of the pictures"), ("images = ", "is no TOML"),
    ('images = "nowhere"', "there is no folder nowhere"),
])
def test_what_is_wrong_in_the_settings_is_said(tmp_path, capsys, text, said):
    (tmp_path / "s.toml").write_text(text)
    assert main(["train", str(tmp_path / "s.toml"), str(tmp_path / "out")]) == 1
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main(["train", str(tmp_path / "no.toml"), str(tmp_path / "out")]) == 1


def test_a_color_and_several_numbers_can_be_the_foreground(tmp_path):
    (tmp_path / "s.toml").write_text('images = "a"\nforeground = [[255, 0, 0]]')
    assert own.read_settings(tmp_path / "s.toml")["foreground"] == [(255, 0, 0)]
    (tmp_path / "s.toml").write_text('images = "a"\nforeground = [1, 2]')
    assert own.read_settings(tmp_path / "s.toml")["foreground"] == [1, 2]


def test_numbered_objects_keep_their_numbers(folder):
    pairs = own.load_pairs(folder / "images", folder / "masks")
    for name, labels, mask in zip(pairs.names, pairs.labels, pairs.masks):
        right = tifffile.imread(folder / "masks" / f"{name}.tif")
        assert np.array_equal(labels, right) and labels.dtype == np.uint16 and np.array_equal(labels > 0, mask[..., 0] > 0)
    assert pairs.white == 255


def test_object_scores_tell_whole_nuclei_from_merged_ones():
    true = np.zeros((40, 80), np.int32)
    true[10:30, 10:30], true[10:30, 30:50] = 1, 2  # two that touch
    merged = own.object_scores([true], [true > 0])
    assert merged["object F1"] == pytest.approx(2 / 3) and merged["object AP"] < 0.2  # one of two, at an IoU of half
    apart = (true > 0) & (np.arange(80) != 29)
    scores = own.object_scores([true], [apart])
    assert scores["object F1"] == 1 and scores["object AP"] > 0.8
    assert own.object_scores([None], [true > 0]) == {} == own.object_scores([true * 0], [true > 0])
    small = np.zeros((20, 20), np.int32)
    assert own.object_scores([true, small], [apart, small])["object F1"] == 1


def test_splitting_is_chosen_by_what_finds_more_objects():
    y, x = np.mgrid[:40, :60]
    discs = [(y - 20) ** 2 + (x - c) ** 2 < 100 for c in (20, 37)]
    true = np.where(discs[0], 1, np.where(discs[1], 2, 0)).astype(np.int32)
    assert own.choose_splitting([true], [true > 0]) is True
    rod = ((abs(y - 20) < 5) & (abs(x - 30) < 25)).astype(np.int32)
    assert own.choose_splitting([rod], [rod > 0]) is False


def test_the_source_table_is_one_of_three_things(tmp_path):
    names = [f"p{i}_{j}" for i in range(3) for j in range(2)]
    assert own.sources_of(names, "one stack") == (["stack"] * 6, [""] * 6)
    assert own.sources_of(names) == (own.groups_of(names), own.conditions_of(names))
    rows = [f"{name},s{name[1]},{'drug' if name[1] == '2' else 'none'}" for name in names]
    (tmp_path / "t.csv").write_text("file,slide,given\n" + "\n".join(rows))
    sources, conditions = own.sources_of(names, [tmp_path / "t.csv", "file", "slide"])
    assert sources == ["s0", "s0", "s1", "s1", "s2", "s2"] and conditions == [""] * 6
    assert own.sources_of(names, [tmp_path / "t.csv", "file", "slide", "given"])[1] == ["none"] * 4 + ["drug"] * 2
    for wrong in ("slides", ("t.csv", "file")):
        with pytest.raises(own.PictureError, match="source_table is .*slide"):
            own.sources_of(names, wrong)
