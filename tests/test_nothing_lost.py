"""Files that the course did not make stay: beside an unpacked archive, and in the cache of downloads."""

import warnings
import zipfile

import pytest

from helpers.own_images import PictureError, fetch, unpack


def test_a_folder_beside_an_unpacked_archive_stays(tmp_path):
    (tmp_path / "mine.part").mkdir()
    (tmp_path / "mine.part" / "thesis.txt").write_text("years")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert (unpack(tmp_path / "mine.zip", tmp_path / "mine") / "a.txt").read_text() == "a"
    assert (tmp_path / "mine.part" / "thesis.txt").read_text() == "years"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.part", "mine.zip"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "FILE:///etc/passwd", "ftp://example.org/a.zip", "data:text/plain,a", "/etc/passwd"])
def test_only_addresses_of_the_web_are_fetched(url, tmp_path):
    with pytest.raises(PictureError, match="no address of the web"):
        fetch(url, None, tmp_path)


def test_a_file_put_into_the_cache_by_hand_stays(tmp_path):
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(OSError):
        fetch("http://127.0.0.1:9/a.zip", "0" * 64, tmp_path, timeout=1, progress=False)
    assert (tmp_path / "a.zip.other-1").read_text() == "mine"


def zipped(path, members, packing=zipfile.ZIP_DEFLATED):
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", packing) as archive:
        warnings.simplefilter("ignore")  # a name that comes twice
        for name in members:
            archive.writestr(name, "a")


@pytest.mark.parametrize(("members", "packing", "words"), [
    (["a" * 300], zipfile.ZIP_DEFLATED, "too long for a disk"), (["d/" * 1000 + "a"], zipfile.ZIP_DEFLATED, "too long for a disk"),
    (["a", "a/b"], zipfile.ZIP_DEFLATED, "a file and a folder of one name"), (["a/b", "a"], zipfile.ZIP_DEFLATED, "a file and a folder of one name"),
    (["a", "a"], zipfile.ZIP_DEFLATED, "two parts of the name a"), (["./"], zipfile.ZIP_DEFLATED, "without a name"),
    (["a\x1b[2J"], zipfile.ZIP_DEFLATED, r"a\\x1b\[2J, whose name cannot be shown"), (["a\nb"], zipfile.ZIP_DEFLATED, r"a\\x0ab, whose name"),
    (["../a"], zipfile.ZIP_DEFLATED, "reaches outside"), (["a"], zipfile.ZIP_LZMA, "in an unusual way"), (["a"], zipfile.ZIP_BZIP2, "in an unusual way"),
])
def test_an_archive_that_fits_no_disk_is_refused_and_leaves_nothing(members, packing, words, tmp_path):
    zipped(tmp_path / "a.zip", members, packing)
    with pytest.raises(PictureError, match=words):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_encrypted_archive_is_refused(tmp_path):
    zipped(tmp_path / "a.zip", ["a"])
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.find(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(PictureError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_an_address_that_python_refuses_is_refused_in_words(tmp_path):
    with pytest.raises(PictureError, match="no address of the web"):
        fetch("https://127.0.0.1:9/a\nHost: b", None, tmp_path)
    with pytest.raises(OSError, match="cannot be reached"):
        fetch("http://127.0.0.1:port/a", None, tmp_path, timeout=1, progress=False)
