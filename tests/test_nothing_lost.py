"""Files that the course did not make stay: beside an unpacked archive, and in the cache of downloads."""

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
