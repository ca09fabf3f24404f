"""A manifest of a folder: what stands in it, what is refused in words, and what is never written over."""

import csv
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from course import ROOT
from helpers import own_images as own
from helpers.own_images import ChangedFileError, Manifest, PictureError, index_folder, load_pairs, read_row
from helpers.own_images.__main__ import main
from helpers.own_images.plain_png import decode_plain_png
from PIL import Image


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def folder_of(tmp_path, n=12, sources=6, size=20, white=255):
    """Write `n` pictures of `sources` patients and their masks; every picture is another."""
    rng = np.random.default_rng(3)
    for i in range(n):
        name = f"patient{i % sources}_{i:03d}.png"
        mask = np.zeros((size, size))
        mask[4:9, 3 + i % 5 : 10] = white
        save(tmp_path / "images" / name, rng.integers(0, 256, (size, size)))
        save(tmp_path / "masks" / name, mask)
    return tmp_path


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_pair_with_its_source_its_set_and_its_fingerprint(tmp_path):
    path, notes = index_folder(folder_of(tmp_path), progress=False)
    rows = rows_of(path)
    assert path == tmp_path / "manifest.csv" and len(rows) == 12
    assert list(rows[0]) == ["image", "mask", "source", "set", "fingerprint", "foreground"]
    assert rows[0]["image"] == "images/patient0_000.png" and rows[0]["mask"] == "masks/patient0_000.png"
    assert {row["source"] for row in rows} == {f"patient{i}" for i in range(6)}
    by_source = {row["source"]: set() for row in rows}
    for row in rows:
        by_source[row["source"]].add(row["set"])
    assert all(len(sets) == 1 for sets in by_source.values()), "a source in two sets"
    assert {row["set"] for row in rows} == {"training", "validation", "test"}
    names = [row["image"][7:-4] for row in rows]
    expected = own.split_by_source(own.groups_of(names), seed=0)
    assert [i for i, row in enumerate(rows) if row["set"] == "test"] == expected[2].tolist()
    assert len({row["fingerprint"] for row in rows}) == 12
    assert notes == ["12 pairs of 6 sources: training 8, validation 2, test 2."]
    assert index_folder(tmp_path, out=tmp_path / "b.csv", seed=1, progress=False)[0].read_text() != path.read_text()


def test_what_is_read_is_what_load_pairs_reads(tmp_path):
    """Over kinds of masks: 0/1, 0/255, numbered objects of which single files cannot be told, asked numbers, colors."""
    labels = np.zeros((20, 20))
    labels[2:5, 2:5], labels[8:12, 8:12], labels[15:18, 2:6] = 1, 2, 3
    many = labels.copy()
    many[2:4, 10:12], many[2:4, 15:18] = 4, 5
    classes = np.where(labels == 2, 2, (labels > 0) * 1)
    classes[0, 0] = 2
    red = np.zeros((20, 20, 3))
    red[labels == 1] = 255, 0, 0
    kinds = {
        "0/1": ([labels == 1, labels == 2], ""), "0/255": ([255 * (labels == 1), labels * 0], ""),
        "objects": ([many, labels], ""), "asked": ([classes, classes * 0], "2"), "two": ([classes, labels], "1 2"),
        "red": ([red, red * 0], ""), "asked red": ([red, red + 9], "#ff0000"),
    }
    for kind, (masks, foreground) in kinds.items():
        place = tmp_path / kind.replace("/", "_")
        for i in range(6):
            save(place / "images" / f"patient{i}_1.png", np.full((20, 20), 40 * i))
            save(place / "masks" / f"patient{i}_1.png", masks[i % 2])
        settings = {"2": 2, "1 2": [1, 2], "#ff0000": (255, 0, 0)}
        pairs = load_pairs(place, foreground=settings.get(foreground))
        path, _ = index_folder(place, foreground=foreground, progress=False)
        manifest = Manifest(path)
        assert len(manifest) == 6
        for i in range(6):
            image, mask = read_row(manifest[i])[0]
            np.testing.assert_array_equal(mask, pairs.masks[i], err_msg=kind)
            np.testing.assert_array_equal(image, pairs.images[i], err_msg=kind)
        expected = {"objects": ["", "nonzero"]}.get(kind, [foreground] * 2)
        assert [row["foreground"] for row in rows_of(path)[:2]] == expected, kind


def test_nothing_is_written_over_without_being_asked(tmp_path, capsys):
    folder_of(tmp_path)
    mine = tmp_path / "manifest.csv"
    mine.write_text("my own notes")
    assert main(["index", str(tmp_path)]) == 1
    assert "manifest.csv exists already" in capsys.readouterr().err and mine.read_text() == "my own notes"
    assert main(["index", str(tmp_path), "--out", str(tmp_path / "other.csv")]) == 0
    assert mine.read_text() == "my own notes" and "12 pairs of 6 sources" in capsys.readouterr().out
    assert main(["index", str(tmp_path), "--overwrite"]) == 0
    assert len(rows_of(mine)) == 12 and not list(tmp_path.glob(".draft*"))
    os.symlink(tmp_path / "nowhere.csv", tmp_path / "link.csv")
    assert main(["index", str(tmp_path), "--out", str(tmp_path / "link.csv")]) == 1
    (tmp_path / "folder.csv").mkdir()
    assert main(["index", str(tmp_path), "--out", str(tmp_path / "folder.csv"), "--overwrite"]) == 1


def test_bad_folders_give_a_sentence_and_write_nothing(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    folder_of(tmp_path / "few", n=2, sources=2)
    folder_of(tmp_path / "alone")
    (tmp_path / "alone" / "masks" / "patient3_003.png").unlink()
    folder_of(tmp_path / "torn")
    torn = tmp_path / "torn" / "images" / "patient1_001.png"
    torn.write_bytes(torn.read_bytes()[:-60])
    (tmp_path / "torn" / "masks" / "patient2_002.png").write_bytes(b"")
    for name, said in (
        ("nowhere", "there is no folder"), ("empty", "holds no picture"), ("few", "2 sources (patient0, patient1) for 3 sets"),
        ("alone", "patient3_003.png has no mask"), ("torn", "2 of 12 pairs cannot be used"),
    ):
        assert main(["index", str(tmp_path / name)]) == 1
        error = capsys.readouterr().err
        assert said in error and "Traceback" not in error, error
        assert not (tmp_path / name / "manifest.csv").exists()
    assert "patient1_001.png: is damaged" in error and "patient2_002.png: is empty" in error and "--skip-broken" in error
    assert main(["index", str(tmp_path / "torn"), "--skip-broken"]) == 0
    said = capsys.readouterr().out
    assert said.count("Left out") == 2 and "10 pairs" in said and len(rows_of(tmp_path / "torn" / "manifest.csv")) == 10
    assert main(["index", str(tmp_path / "torn" / "manifest.csv")]) == 1 and "is a file" in capsys.readouterr().err


def test_all_broken_is_an_error_even_if_they_may_be_skipped(tmp_path):
    folder_of(tmp_path, n=6)
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(PictureError, match="6 of 6 pairs cannot be used"):
        index_folder(tmp_path, skip_broken=True, progress=False)


def test_masks_in_several_files_are_refused_and_the_remedy_works(tmp_path):
    for i in range(6):
        place = tmp_path / f"patient{i}"
        save(place / "images" / f"patient{i}.png", np.full((20, 20), 30 * i))
        for j in range(2):
            mask = np.zeros((20, 20))
            mask[2 + 8 * j : 8 + 8 * j, 2:8] = 255
            save(place / "masks" / f"{j}.png", mask)
    with pytest.raises(PictureError, match="its objects lie in 2 files") as caught:
        index_folder(tmp_path, progress=False)
    assert "load_pairs" in str(caught.value) and "save_mask" in str(caught.value)
    pairs = load_pairs(tmp_path)
    for name, image, mask in zip(pairs.names, *pairs):
        save(tmp_path / "new" / "images" / f"{name}.png", np.round(image[..., 0] * 255))
        own.save_mask(mask, tmp_path / "new" / "masks" / f"{name}.png")
    manifest = Manifest(index_folder(tmp_path / "new", progress=False)[0])
    np.testing.assert_array_equal(read_row(manifest[3])[0][1], pairs.masks[3])


def test_foreground_is_checked(tmp_path):
    folder_of(tmp_path)
    for wrong in ("a half", "above", "above -3", "above all", "red", "#zz0000"):
        with pytest.raises(PictureError, match="expected nonzero, half, above 127, numbers such as 2 or 1 3"):
            index_folder(tmp_path, foreground=wrong, progress=False)
    with pytest.raises(PictureError, match="occurs in none of the 12 masks"):
        index_folder(tmp_path, foreground="7", progress=False)
    assert index_folder(tmp_path, foreground="nonzero", progress=False)[0].exists()


@pytest.mark.parametrize("foreground", ["half", "above 127"])
def test_a_bound_for_gray_masks_is_refused_for_colored_ones_with_what_to_say(tmp_path, foreground):
    folder_of(tmp_path)
    for path in (tmp_path / "masks").iterdir():
        mask = np.asarray(Image.open(path))
        save(path, np.stack([mask, 0 * mask, 0 * mask], axis=-1))
    with pytest.raises(PictureError, match=r"is colored, and foreground is .*foreground=\(255, 0, 0\)"):
        index_folder(tmp_path, foreground=foreground, progress=False)
    assert index_folder(tmp_path, foreground="#ff0000", progress=False)[0].exists()


def test_the_same_picture_in_two_sets_is_named(tmp_path):
    folder_of(tmp_path)
    rows = rows_of(index_folder(tmp_path, progress=False)[0])
    one, other = (next(row["image"] for row in rows if row["set"] == part) for part in ("training", "test"))
    (tmp_path / other).write_bytes((tmp_path / one).read_bytes())
    _, notes = index_folder(tmp_path, overwrite=True, progress=False)
    assert any("The same picture is in two sets" in note and "(training)" in note and "(test)" in note for note in notes)


def test_names_are_escaped_where_they_are_shown(tmp_path, capsys):
    folder = folder_of(tmp_path / "scans\x1b[31m")
    assert main(["index", str(folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main(["index", str(folder)]) == 1
    error = capsys.readouterr().err
    assert "\x1b" not in error.replace("\x1b[A", "") and "\\x1b[31m" in error
    assert main(["index", str(tmp_path / "no\x1b[31m")]) == 1 and "\x1b" not in capsys.readouterr().err
    save(tmp_path / "bad" / "images" / "a\nb.png", np.zeros((9, 9)))
    save(tmp_path / "bad" / "masks" / "a\nb.png", np.zeros((9, 9)))
    assert main(["index", str(tmp_path / "bad")]) == 1 and "a\\x0ab.png" in capsys.readouterr().err


def test_the_command_as_a_student_types_it(tmp_path):
    folder_of(tmp_path / "a, b")
    (tmp_path / "who.csv").write_text("file,animal\n" + "".join(
        f"patient{i % 6}_{i:03d},mouse {i % 4}\n" for i in range(12)))
    command = [sys.executable, "-m", "helpers.own_images", "index", tmp_path / "a, b" / "images", tmp_path / "a, b" / "masks",
               "--out", tmp_path / "lists" / "all.csv", "--sources", tmp_path / "who.csv", "file", "animal", "--seed", "4"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "lists" / "all.csv")
    assert rows[2]["image"] == "../a, b/images/patient1_001.png" and rows[2]["source"] == "mouse 1"
    assert read_row(Manifest(tmp_path / "lists" / "all.csv")[2])[0][0].shape == (20, 20, 1)


def png_files():
    """Return PNG files as pictures and masks come, by name: those that are decoded the quick way, and those that are not."""
    import io

    rng, square = np.random.default_rng(0), np.zeros((20, 20), np.uint8)
    gray, square[3:9, 4:12] = rng.integers(0, 256, (20, 20)).astype(np.uint8), 255

    def png(array, mode=None, **settings):
        picture = Image.fromarray(array) if mode is None else Image.fromarray(array).convert(mode)
        file = io.BytesIO()
        picture.save(file, "PNG", **settings)
        return file.getvalue()

    turned = Image.Exif()
    turned[0x0112] = 6
    wide = (gray[:, :15] * 200).astype(np.uint16)
    return {
        "gray": (png(gray), True), "mask": (png(square), True), "sixteen": (png(wide), True), "dpi": (png(gray, dpi=(300, 300)), True),
        "other": (cv2.imencode(".png", gray)[1].tobytes(), True), "one bit": (png(square, "1"), False), "palette": (png(gray, "P"), False),
        "rgb": (png(gray, "RGB"), False), "alpha": (png(gray, "LA"), False), "turned": (png(gray[:, :15], exif=turned), False),
        "clear": (png(gray, transparency=3), False), "jpeg": (cv2.imencode(".jpg", gray)[1].tobytes(), False),
    }


@pytest.mark.parametrize("name", png_files())
def test_the_quick_way_gives_what_the_reader_gives(tmp_path, name):
    content, quick = png_files()[name]
    (tmp_path / "a.png").write_bytes(content)
    page = decode_plain_png(content)
    assert (page is not None) == quick
    if quick:
        expected = own.read_picture(tmp_path / "a.png").pages[0]
        assert page.dtype == expected.dtype
        np.testing.assert_array_equal(page, expected)
        assert decode_plain_png(content[:28] + b"\1" + content[29:]) is None, "interlaced"


# --- reading a manifest ---


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder_of(tmp_path / "scans")
    path, _ = index_folder("~/scans", out="~/m.csv", progress=False)
    assert path == tmp_path / "m.csv" and len(Manifest("~/m.csv")) == 12 and read_row(Manifest("~/m.csv")[0])


def test_sets_and_lines(tmp_path):
    path, _ = index_folder(folder_of(tmp_path), progress=False)
    assert Manifest(path).sets == {"training": 8, "validation": 2, "test": 2} and len(Manifest(path, "test")) == 2
    excel = tmp_path / "excel.csv"  # written again by a spreadsheet: semicolons, a mark at the beginning, \r\n
    excel.write_bytes(b"\xef\xbb\xbf" + path.read_text().replace(",", ";").replace("\n", "\r\n").encode() + b"\r\n")
    assert [Manifest(excel)[i] for i in range(12)] == [Manifest(path)[i] for i in range(12)]
    with pytest.raises(PictureError, match=r"no rows of the set 'train'; it has test \(2\), training \(8\), validation"):
        Manifest(path, "train")


@pytest.mark.parametrize(("content", "said"), [
    (None, "cannot be read"), (b"", "has no rows below its first line"), (b"image,mask\na,b\n", "no column 'set'"),
    (b"\xff\xfe\x00", "no text in UTF-8"), (b"image,mask,set,fingerprint\n", "no rows below its first line"),
    (b"image,mask,set,fingerprint\na.png,b.png\n", "line 2 is damaged"),
    (b"image,mask,set,fingerprint\n,b.png,test,1-2\n", "line 2 is damaged"),
    (b'image,mask,set,fingerprint\n"a.png,b.png,test,1-2\n', "is damaged"),
])
def test_what_is_no_manifest_is_refused_in_words(tmp_path, content, said):
    if content is not None:
        (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(PictureError, match=said):
        Manifest(tmp_path / "m.csv")


def test_a_pipe_or_a_folder_is_no_manifest(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(PictureError, match="is not a file"):
            Manifest(path)


def test_a_changed_file_is_named_and_so_is_a_broken_one(tmp_path):
    path, _ = index_folder(folder_of(tmp_path), progress=False)
    row = Manifest(path)[4]
    whole = row.mask.read_bytes()
    save(row.mask, np.zeros((20, 20)))
    with pytest.raises(ChangedFileError, match="patient2_002.png: not the same .* back to .*masks, or"):
        read_row(row)
    row.mask.write_bytes(whole[:-30])
    with pytest.raises(PictureError, match="is damaged or cut short") as caught:
        read_row(row)
    assert str(row.image) in str(caught.value) and not isinstance(caught.value, ChangedFileError)
    row.mask.unlink()
    with pytest.raises(PictureError, match="cannot be read"):
        read_row(row)
    row.mask.write_bytes(whole)
    assert read_row(row)[0][1].any()
    with pytest.raises(ChangedFileError):
        read_row(row._replace(fingerprint=""))


def test_masks_with_smoothed_edges_are_indexed_and_shown_as_the_message_says(tmp_path, capsys):
    for bits, white in ((8, 255), (16, 4000)):
        folder = folder_of(tmp_path / str(bits))
        for path in (folder / "masks").iterdir():
            mask = cv2.GaussianBlur((np.asarray(Image.open(path)) > 0) * float(white), (0, 0), 1.0)
            cv2.imwrite(str(path), np.round(mask).astype(np.uint8 if bits == 8 else np.uint16))
        with pytest.raises(PictureError, match="smoothed edges: pass foreground='half'"):
            index_folder(folder, progress=False)
        path, _ = index_folder(folder, foreground="half", progress=False)
        whole = load_pairs(folder, foreground="half")
        manifest = Manifest(path)
        read = {row.image.stem: read_row(row) for row in (manifest[i] for i in range(len(manifest)))}
        largest = max(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED).max() for mask in (folder / "masks").iterdir())
        assert {row["foreground"] for row in rows_of(path)} == {f"above {largest / 2 if bits == 16 else 127.5:g}"}
        for name, mask in zip(whole.names, whole.masks):
            ((_, mine),) = read[name.split("/")[-1]]
            assert np.array_equal(mine, mask) and 10 < mask.sum() < 60
        assert main(["inspect", str(folder), "--foreground", "half"]) == 0 and "above half" in capsys.readouterr().out
        assert main(["index", str(folder), "--foreground", "above 1000" if bits == 16 else "above 64", "--overwrite"]) == 0
        assert read_row(Manifest(path)[0])[0][1].sum() > whole.masks[0].sum(), "a lower bound marks more"
