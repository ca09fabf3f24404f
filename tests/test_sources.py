"""Sources and conditions as names, folders and tables tell them, and sets that share no source."""

import csv

import numpy as np
import pytest
from PIL import Image

from helpers import own_images as own
from helpers.own_images import PictureError
from helpers.own_images.names import number_order


def apart(names, groups, **more):
    """Return the sources of each set, after a look that none is in two and that no picture is left out."""
    sets = own.split_by_source(groups, **more)
    owners = [{groups[i] for i in members} for members in sets]
    assert sorted(np.concatenate(sets)) == list(range(len(names)))
    assert not owners[0] & owners[1] | owners[0] & owners[2] | owners[1] & owners[2]
    return owners


def test_a_cell_of_a_table_with_a_line_break_is_one_line(tmp_path):
    """As Excel writes it, in the column's name as well; what holds the source in the end is read line by line."""
    (tmp_path / "t.csv").write_text('file,"the\nslide"\n' + "".join(f'p{k}.png,"slide\n{k // 2}"\n' for k in range(8)))
    names = [f"p{k}" for k in range(8)]
    sources, _ = own.sources_of(names, (tmp_path / "t.csv", "file", "the slide"))
    assert list(sources) == [f"slide {k // 2}" for k in range(8)]
    for k in range(8):
        for role, page in (("i", np.full((20, 20), 20 * k)), ("m", np.pad(np.full((9, 9), 255), (3, 8)))):
            (tmp_path / role).mkdir(exist_ok=True)
            Image.fromarray(page.astype(np.uint8)).save(tmp_path / role / f"p{k}.png")
    path, _ = own.index_folder(tmp_path / "i", tmp_path / "m", source_table=(tmp_path / "t.csv", "file", "the\nslide"), progress=False)
    assert len(own.Manifest(path)) == 8


@pytest.mark.parametrize(("names", "expected"), [
    # crops, tiles and nodules are counters
    ([f"image{k:02d}_crop{i}" for k in range(4) for i in range(3)], [f"image{k:02d}" for k in range(4) for i in range(3)]),
    ([f"S{k}_x{x}_y{y}" for k in (1, 2, 3) for x in (0, 512) for y in (0, 512)], [f"S{k}" for k in (1, 2, 3) for _ in range(4)]),
    ([f"S{s}_row{r}_col{c}" for s in (1, 2, 3) for r in (0, 1) for c in (0, 1)], [f"S{s}" for s in (1, 2, 3) for _ in range(4)]),
    ([f"{k:03d}_patch{i}" for k in range(3) for i in range(2)], [f"{k:03d}" for k in range(3) for _ in range(2)]),
    ([f"LIDC-IDRI-{i:04d}_nodule{n}_slice{z:03d}" for i in (1, 2, 3) for n in (1, 2) for z in (1, 2)],
     [f"LIDC_IDRI_{i:04d}" for i in (1, 2, 3) for _ in range(4)]),
    # the outermost folder that names a source
    ([f"P{p}/day{d}/{i:03d}" for p in (1, 2, 3) for d in (1, 2) for i in range(2)], [f"P{p}" for p in (1, 2, 3) for _ in range(4)]),
    ([f"m{p}/slice{d}/{i}" for p in (1, 2, 3) for d in (1, 2) for i in range(2)], [f"m{p}" for p in (1, 2, 3) for _ in range(4)]),
    ([f"day{d}/P{p}/{i}" for d in (1, 2) for p in (1, 2, 3) for i in (0, 1)], [f"P{p}" for d in (1, 2) for p in (1, 2, 3) for i in (0, 1)]),
    # patients and animals before slides and scans, whatever stands first; what all share says nothing
    ([f"scan{s:02d}_patient{s // 3}" for s in range(3, 12)], [f"patient{s // 3}" for s in range(3, 12)]),
    ([f"slide{s:02d}_mouse{s // 2}_{i}" for s in range(2, 8) for i in (1, 2)], [f"mouse{s // 2}" for s in range(2, 8) for i in (1, 2)]),
    ([f"slide{s:02d}_m{s // 2}_{i}" for s in range(2, 8) for i in (1, 2)], [f"m{s // 2}" for s in range(2, 8) for i in (1, 2)]),
    ([f"m{m}_slide{s}_{i}" for m in (1, 2, 3) for s in (1, 2) for i in (1, 2)], [f"m{m}" for m in (1, 2, 3) for _ in range(4)]),
    ([f"plate1_{r}{c:02d}_s{s}_w1" for r in "AB" for c in (1, 2) for s in (1, 2)], [f"{r}{c:02d}" for r in "AB" for c in (1, 2) for s in (1, 2)]),
    ([f"substrat_{i}_{k}" for i in range(3) for k in (0, 1)], [str(i) for i in range(3) for k in (0, 1)]),
    ([f"2024-01-0{d}_{i:06d}" for d in (1, 2, 3) for i in range(3)], [f"2024010{d}" for d in (1, 2, 3) for i in range(3)]),
    ([f"brain{s}_p{i:03d}" for s in "ABC" for i in (1, 2)], ["brainA", "brainA", "brainB", "brainB", "brainC", "brainC"]),
    ([f"s{s}_p{i:03d}" for s in (1, 2, 3) for i in (1, 2)], ["s1", "s1", "s2", "s2", "s3", "s3"]),
    ([f"WT{k}_{i}" for k in (1, 2, 3) for i in (1, 2)], ["WT1", "WT1", "WT2", "WT2", "WT3", "WT3"]),
    ([f"fov{i}_{w}" for i in (1, 2, 3) for w in ("before", "after")], ["fov1", "fov1", "fov2", "fov2", "fov3", "fov3"]),
    ([f"{i}_{w}" for i in (1, 2, 3) for w in ("before", "after")], ["1", "1", "2", "2", "3", "3"]),
    ([f"BraTS20_{i:03d}_{w}" for i in (1, 2, 3) for w in ("flair", "t1", "t1ce", "t2")], [f"BraTS20_{i:03d}" for i in (1, 2, 3) for _ in range(4)]),
    ([f"A172_Phase_{w}7_1_00d{d:02d}h00m_{k}" for w in "ABC" for d in (0, 1) for k in (1, 2)], [f"{w}7" for w in "ABC" for _ in range(4)]),
    ([f"{p:03d}_{w}_{i}" for p in (1, 2, 3) for w in ("day1", "day2") for i in (0, 1)], [f"{p:03d}" for p in (1, 2, 3) for _ in range(4)]),
    ([f"{p:03d}_fov{i}" for p in (1, 2, 3) for i in (0, 1)], [f"{p:03d}" for p in (1, 2, 3) for _ in range(2)]),
    ([f"c{c}_slide{s}_{i}" for c in (1, 2) for s in (1, 2, 3) for i in (0, 1)], [f"slide{s}" for c in (1, 2) for s in (1, 2, 3) for i in (0, 1)]),
    (["patient1_a", "patient01_b", "patient2_a", "patient3_a"], ["patient1", "patient1", "patient2", "patient3"]),
    ([f"wtMouse{i}_{k}" for i in range(3) for k in (0, 1)], [f"mouse{i}" for i in range(3) for k in (0, 1)]),
    ([f"m{m}_{r}_{i}" for m in (1, 2, 3) for r in ("cortex", "hippo", "thal", "cereb", "pons") for i in (1, 2)], [f"m{m}" for m in (1, 2, 3) for _ in range(10)]),
    # one place at other times, depths, colors; the wells of a plate; both eyes; replicates
    ([f"t{t:03d}_s{s}" for s in (1, 2, 3) for t in range(4)], [f"s{s}" for s in (1, 2, 3) for t in range(4)]),
    ([f"img_channel000_position{p:03d}_time{t:09d}_z{z:03d}" for p in range(3) for t in (0, 1) for z in (0, 1)], [f"position{p:03d}" for p in range(3) for _ in range(4)]),
    ([f"r{r:02d}c{c:02d}f{f:02d}p01-ch1sk1fk1fl1" for r in (1, 2) for c in (1, 2) for f in (1, 2)], [f"r{r:02d}c{c:02d}" for r in (1, 2) for c in (1, 2) for f in (1, 2)]),
    ([f"{p:03d}_{e}" for p in (1, 2, 3) for e in ("OD", "OS")], [f"{p:03d}" for p in (1, 2, 3) for e in "LR"]),
    ([f"Image_{p:02d}{e}" for p in (1, 2, 3) for e in "LR"], [f"Image{p:02d}" for p in (1, 2, 3) for e in "LR"]),
    ([f"{c}_{r}_{i}" for c in ("WT", "KO") for r in "abc" for i in (1, 2)], [r for c in ("WT", "KO") for r in "abc" for i in (1, 2)]),
    ([f"{c}_{i:02d}" for c in ("DAPI", "GFP") for i in range(4)], [f"{i:02d}" for c in "ab" for i in range(4)]),
    # doses, stains and magnifications are conditions
    ([f"{d}uM_exp{e}_{i}" for e in (1, 2, 3) for d in (0, 10, 100) for i in (1, 2)], [f"exp{e}" for e in (1, 2, 3) for _ in range(6)]),
    ([f"{s}_p{k}_{i}" for s in ("CD3", "CD8", "CD20") for k in (1, 2, 3) for i in (1, 2)], [f"p{k}" for s in "abc" for k in (1, 2, 3) for i in (1, 2)]),
    ([f"{m}x_m{k}_{i}" for k in (1, 2, 3) for m in (10, 20, 40) for i in (1, 2)], [f"m{k}" for k in (1, 2, 3) for _ in range(6)]),
], ids=lambda value: value[0] if isinstance(value, list) else None)
def test_the_source_that_a_name_tells(names, expected):
    groups = own.groups_of(names)
    assert groups == expected
    apart(names, groups, conditions=own.conditions_of(names))


@pytest.mark.parametrize("names", [
    [f"img_t{t:03d}_z{z:03d}" for t in range(4) for z in range(3)],
    [f"img_channel000_position000_time{t:09d}_z{z:03d}" for t in range(4) for z in range(3)],
    [f"tile_{x}_{y}" for x in range(3) for y in range(3)], [f"z{i}" for i in range(1, 13)],
])
def test_nothing_but_counters_is_one_source(names):
    assert len(set(own.groups_of(names))) == 1


@pytest.mark.parametrize("names", [
    ["120ce8fba072e5b9", "19c887f5fd5e8735", "1a0e5385b03dde4c", "1a29b5aca01057f7"], [f"cell{i}" for i in range(9)],
    [f"{i}_training" for i in range(21, 30)], [f"{c} ({i})" for c in ("benign", "malignant") for i in range(5)],
    [f"IL{k}_{i}" for k in (2, 6) for i in range(5)], [f"{d}uM_{i}" for d in (0, 10) for i in range(5)],
    [f"ISIC_{i:07d}" for i in range(9)], [f"{c}_field{i}" for c in ("WT", "KO") for i in range(4)],
    [f"IMG_2024010{d}_1234{i:02d}" for d in (1, 2) for i in range(4)], [f"Scan 2024-01-0{d} 12.34.{i:02d}" for d in (1, 2) for i in range(4)],
    [f"{s}/images/{i}" for s in ("train", "val", "test") for i in range(4)],
])
def test_each_picture_is_a_source_where_names_tell_nothing(names):
    assert own.groups_of(names) == names


def test_conditions_are_words_doses_stains_and_magnifications():
    assert set(own.conditions_of([f"{d}uM_exp{e}" for d in (0, 10) for e in (1, 2, 3)])) == {"0uM", "10uM"}
    assert set(own.conditions_of([f"{s}_p{k}_1" for s in ("CD3", "CD20") for k in (1, 2, 3)])) == {"CD3", "CD20"}
    assert set(own.conditions_of([f"{m}x_m{k}_1" for m in (10, 40) for k in (1, 2, 3)])) == {"10x", "40x"}
    assert set(own.conditions_of([f"train/{i}" for i in range(4)] + [f"test/{i}" for i in range(4)])) == {""}


def test_a_source_of_several_conditions_counts_for_each():
    """Three experiments hold both doses, the others one: each set gets each dose, though no source says just one."""
    names = [f"{d}uM_exp{e}_{i}" for e in range(6) for d in ((0, 10) if e < 3 else (0,)) for i in range(2)]
    groups, kinds = own.groups_of(names), own.conditions_of(names)
    for seed in range(5):
        for members in own.split_by_source(groups, seed=seed, conditions=kinds):
            assert {kinds[i] for i in members} == {"0uM", "10uM"}


# --- neighbors --------------------------------------------------------------------------------------------------------


def write_pairs(folder, keys):
    """Write a small picture and its mask for each key, `images` and `masks` before the name."""
    for i, key in enumerate(keys):
        place, _, name = key.rpartition("/")
        for role in ("images", "masks"):
            target = folder / place / role / f"{name}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            page = np.random.default_rng(i).integers(0, 255, (20, 20)).astype(np.uint8)
            page = np.pad(np.full((6, 6), 255, np.uint8), ((4, 10), (4 + i % 9, 10 - i % 9))) if role == "masks" else page
            Image.fromarray(page).save(target)
    return folder


def gaps(sets, numbers):
    """Return the least distance of two pictures of different sets."""
    held = [{numbers[i] for i in members} for members in sets]
    return min(abs(a - b) for s in range(3) for r in range(s) for a in held[s] for b in held[r])


def test_neighbors_are_those_by_number_and_have_a_gap(tmp_path):
    folder = write_pairs(tmp_path, [f"z{i}" for i in range(1, 31)])
    pairs = own.load_pairs(folder / "images", folder / "masks")
    assert pairs.names == [f"z{i}" for i in range(1, 31)]
    numbers = [int(name[1:]) for name in pairs.names]
    assert gaps(own.split_by_source(own.groups_of(pairs.names)), numbers) == 2
    path, _ = own.index_folder(folder / "images", folder / "masks", out=tmp_path / "m.csv", progress=False)
    with path.open(newline="") as file:
        rows = [(int(row["image"][len("images/z") : -4]), row["set"]) for row in csv.DictReader(file)]
    sets = [[i for i, (_, part) in enumerate(rows) if part == s] for s in ("training", "validation", "test")]
    assert gaps(sets, [number for number, _ in rows]) == 2
    names = sorted(pairs.names)
    assert gaps(own.split_by_source(["stack"] * 30, names=names), [int(name[1:]) for name in names]) == 2


def test_the_channels_of_one_time_stay_in_one_set():
    names = [f"img_ch{c}_t{t}" for c in (0, 1) for t in range(20)]
    sets = own.split_by_source(own.groups_of(names), names=names)
    assert gaps(sets, [int(name.rpartition("t")[2]) for name in names]) == 2


def test_numbers_in_names_are_sorted_as_numbers_and_checksums_are_not():
    def ordered(names):
        return [names[i] for i in number_order(names)]

    assert ordered(["z10", "z2", "z1"]) == ["z1", "z2", "z10"] and ordered(["a10_2", "a9_10", "a9_9"]) == ["a9_9", "a9_10", "a10_2"]
    sums = ["120ce8fba", "19c887f5f", "1a0e5385b", "2522ebbe4", "9f"]
    assert ordered(sums[::-1]) == sorted(sums)


# --- sets of one's own ------------------------------------------------------------------------------------------------


def test_folders_that_name_sets_stay_sets(tmp_path):
    keys = [f"{s}/{i}" for s, n in (("train", 6), ("val", 3), ("test", 3)) for i in range(n)]
    path, notes = own.index_folder(write_pairs(tmp_path, keys), progress=False)
    with path.open(newline="") as file:
        rows = [(row["image"].split("/")[0], row["set"]) for row in csv.DictReader(file)]
    assert set(rows) == {("train", "training"), ("val", "validation"), ("test", "test")}
    assert "The sets are those that the folders name." in notes
    names = own.load_pairs(tmp_path).names
    table = own.split_table(own.split_by_source(own.groups_of(names)), names, own.groups_of(names))
    assert "lie in folders that name another set" in table and "names=names" in table


def test_a_set_without_a_folder_is_cut_from_training_by_source():
    names = [f"train/p{p}_{i}" for p in range(8) for i in range(3)] + [f"test/p{p}_{i}" for p in (8, 9) for i in range(3)]
    groups = own.groups_of(names)
    sets = own.split_by_source(groups, names=names)
    assert [len(members) for members in sets] == [18, 6, 6] and {names[i][:4] for i in sets[2]} == {"test"}
    assert not {groups[i] for i in sets[0]} & {groups[i] for i in sets[1]}
    assert "validation is cut from training" in own.split_table(sets, names, groups)
    names = [name.replace("p8", "p1") for name in names]
    groups = own.groups_of(names)
    assert "The source p1 is in " in own.split_table(own.split_by_source(groups, names=names), names, groups)
    with pytest.raises(PictureError, match=r"in the folder of the training set, .* too few"):
        own.split_by_source(["a", "b"], names=["train/a", "test/b"])


def test_too_few_sources_are_told_with_a_way_out_that_works(tmp_path):
    folder = write_pairs(tmp_path, [f"mouse{m}_day{d}_{i}" for m in (1, 2) for d in (1, 2) for i in (1, 2)])
    with pytest.raises(PictureError, match=r"2 sources \(mouse1, mouse2\) for 3 sets.*source_table = .*--sources"):
        own.index_folder(folder, progress=False)
    names = [path.stem for path in (folder / "images").iterdir()]
    (tmp_path / "samples.csv").write_text("file,slide\n" + "".join(f"{name}.png,{name[:-2]}\n" for name in names))
    from helpers.own_images.__main__ import main
    assert main(["index", str(folder), "--sources", str(tmp_path / "samples.csv"), "file", "slide"]) == 0


# --- tables -----------------------------------------------------------------------------------------------------------


def table(tmp_path, text, names, encoding="utf-8"):
    path = tmp_path / "s.csv"
    path.write_bytes(text.encode(encoding))
    return own.groups_from_csv(path, names, "file", "slide")


@pytest.mark.parametrize(("text", "names", "expected"), [
    ("file,slide\na/1.png,S1\nb/1.png,S2\n", ["a/1", "b/1"], ["S1", "S2"]),
    ("file,slide\nC:\\scans\\a\\1.png,S1\nC:\\scans\\b\\1.png,S2\n", ["b/1", "a/1"], ["S2", "S1"]),
    ("file,slide\nraw/1.png,S1\nraw/2.png,S2\n", ["images/1", "images/2"], ["S1", "S2"]),
    ("sep=;\nfile;slide\n1.png;S1\n", ["1"], ["S1"]), ("file, slide\n1.png, S1\n", ["1"], ["S1"]),
    ("file,slide\na.nii.gz,S1\n", ["a"], ["S1"]), ("file,slide\nv1.tif,S1\nv2.tif,S2\n", ["v1_p001", "v1_p002", "v2_p001"], ["S1", "S1", "S2"]),
    ("file,slide\nv_p001,S1\nv_p002,S2\n", ["v_p001", "v_p002"], ["S1", "S2"]),
    ("file,slide\nZo\u0308llner.png,S1\n", ["Z\u00f6llner"], ["S1"]), ("file,slide\nZ\u00f6llner.png,S1\n", ["Zo\u0308llner"], ["S1"]),
    ("file,slide\na.png ,S1 \nb.png,S1\n", ["a", "b"], ["S1", "S1"]), ("file,slide\nA.PNG,S1\n", ["a"], ["S1"]),
    ("file,slide\na.vsi,S1\n", ["a"], ["S1"]), ("file,slide\nimg.v2,S1\nimg.v3,S2\n", ["img.v2", "img.v3"], ["S1", "S2"]),
    ("file,slide\n1.png,S1\n1.png,S1\n,S7\n\n2,\n", ["1"], ["S1"]),
])
def test_the_row_of_each_picture_is_found(tmp_path, recwarn, text, names, expected):
    assert table(tmp_path, text, names) == expected
    assert not recwarn.list
    assert table(tmp_path, text.replace(",", "\t") if "sep=" not in text else text, names, "utf-16") == expected


@pytest.mark.parametrize(("text", "names", "said"), [
    ("file,slide\n1.png,S1\n1.png,S2\n", ["1"], "two rows 1.png both fit 1, and they say 'S1' and 'S2'"),
    ("file,slide\na/1.png,S1\nb/1.png,S2\n", ["1"], "both fit 1"), ("file,slide\na/1.png,S1\n", ["a/1", "b/1"], "no row for b/1"),
    ("file,slide\n1.png,S1\n2.png,\n3.png,S2\n4.png,\n", ["1", "2", "3", "4"], "is empty for 2, 4"),
    ("file,slide\n1.png,NA\n", ["1"], "says 'NA' for 1"), ("file,slide\n1,S1\n", ["1x"], "no row for 1x"),
    ("file,slide\n1,S1\n2,S2\n", ["01", "001", "2"], "no row for 01, 001.*nearest row is 1"),
    ("file,slide,slide\n1,S1,S2\n", ["1"], "has 2 columns 'slide'"), ("file,slide\n1\n", ["1"], "is empty for 1"),
])
def test_rows_that_do_not_decide_are_refused(tmp_path, text, names, said):
    with pytest.raises(PictureError, match=said):
        table(tmp_path, text, names)


@pytest.mark.parametrize(("text", "names", "expected", "said"), [
    ("file,slide\n1,S1\n2,S2\n", ["001", "002"], ["S1", "S2"], "the row 1 is taken for 001.*1 more"),
    ("file,slide\n1,S1\n", ["a/1", "b/1"], ["S1", "S1"], "the row 1 is used for a/1 and b/1"),
    ("file,slide\n1,S1\n2,s1\n", ["1", "2"], ["S1", "s1"], "S1 and s1 differ in capital letters"),
])
def test_what_is_probably_right_is_used_with_a_remark(tmp_path, text, names, expected, said):
    with pytest.warns(UserWarning, match=said):
        assert table(tmp_path, text, names) == expected


def test_a_picture_may_have_no_condition(tmp_path):
    (tmp_path / "s.csv").write_text("file,slide,drug\na,S1,X\nb,S2,\n")
    assert own.sources_of(["a", "b"], (tmp_path / "s.csv", "file", "slide", "drug")) == (["S1", "S2"], ["X", ""])
