"""What a file may cost that says more than it holds, and what becomes of a student's own files beside ours."""

import difflib
import http.server
import io
import json
import os
import stat
import threading
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image
from helpers.checks import record
from helpers.own_images import PictureError, layouts, matching, real_sets
from helpers.own_images.files import read_picture
from helpers.own_images.keeping import write_new

PAGE = np.arange(256, dtype=np.uint8).reshape(16, 16)
NOTE = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    'BigEndian="false" DimensionOrder="XYZCT" ID="Pixels:0" SizeC="1" SizeT="{t}" SizeX="16" SizeY="16" SizeZ="{z}" '
    'Type="uint8">{data}</Pixels></Image></OME>'
)
OTHER = '<TiffData FirstZ="1" IFD="0" PlaneCount="1"><UUID FileName="other.tif">urn:uuid:1</UUID></TiffData>'


@pytest.mark.parametrize("note", [
    {"z": 60_000_000, "t": 1}, {"z": 3_000_000, "t": 1}, {"z": 1, "t": 60_000_000}, {"z": 8000, "t": 8000},
    {"z": 2, "t": 1, "data": OTHER},
])
def test_planes_that_are_not_in_the_file_are_refused(note, tmp_path):
    tifffile.imwrite(tmp_path / "other.tif", PAGE)
    text = NOTE.format(**{"data": '<TiffData IFD="0" PlaneCount="1"/>', **note})
    tifffile.imwrite(tmp_path / "a.ome.tif", PAGE, description=text, metadata=None)
    with pytest.raises(PictureError, match="speaks of .* planes, and the file holds 1"):
        read_picture(tmp_path / "a.ome.tif")


@pytest.mark.parametrize(("shape", "axes", "pages"), [
    ((3, 16, 16), "ZYX", 3), ((2, 3, 2, 16, 16), "TZCYX", 6), ((2, 16, 16, 3), "ZYXS", 2),
])
def test_sound_ome_files_are_read_as_before(shape, axes, pages, tmp_path):
    kind = "rgb" if "S" in axes else "minisblack"
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros(shape, np.uint8), photometric=kind, metadata={"axes": axes})
    assert len(read_picture(tmp_path / "a.ome.tif").pages) == pages


def test_a_part_that_unpacks_to_far_more_than_its_page_is_refused(tmp_path):
    part = zlib.compress(bytes(400_000_000), 1)
    tifffile.imwrite(tmp_path / "a.tif", iter([part]), shape=(16, 16), dtype="u1", compression="zlib", rowsperstrip=16)
    with pytest.raises(PictureError, match="holds more than the page"):
        read_picture(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((3000, 3000), np.uint8), compression="zlib")
    assert read_picture(tmp_path / "b.tif").pages[0].shape == (3000, 3000)


def test_a_png_is_measured_in_bytes(tmp_path):
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (9000).to_bytes(4, "big") * 2 + bytes([16, 6, 0, 0, 0])  # 9000 x 9000, 16 bits, RGBA: 648 MB
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(PictureError, match="unpacked it has 648,000,000 bytes"):
        read_picture(tmp_path / "a.png")


def test_names_that_do_not_match_are_compared_for_the_ten_that_are_shown(monkeypatch):
    compared = []
    close = difflib.get_close_matches
    monkeypatch.setattr(layouts.difflib, "get_close_matches", lambda *words: compared.append(words[0]) or close(*words))
    images, masks = ({f"{i}_{end}": layouts.Path(f"{i}_{end}.png") for i in range(1500)} for end in "xy")
    with pytest.raises(PictureError, match="2990 more"):
        matching.match(images, masks, "images", "masks")
    assert len(compared) <= 10


def test_a_picture_without_its_folder_of_masks_is_named(tmp_path):
    (tmp_path / "m" / "a").mkdir(parents=True)
    (tmp_path / "i").mkdir()
    for place in ("i/a.tif", "i/b.tif", "m/a/1.tif", "m/a/2.tif"):
        tifffile.imwrite(tmp_path / place, PAGE)
    with pytest.raises(PictureError, match="b.tif has no folder of masks"):
        layouts.find_layout(tmp_path / "i", tmp_path / "m")


@pytest.mark.parametrize("packing", ["jpeg", "png", "webp"])
def test_a_part_that_says_it_is_larger_than_its_page_is_refused(packing, tmp_path):
    held = io.BytesIO()
    Image.fromarray(np.zeros((2000, 2000, 3), np.uint8)).save(held, packing.upper())
    how = {"shape": (16, 16, 3), "dtype": "u1", "compression": packing, "rowsperstrip": 16, "photometric": "rgb"}
    tifffile.imwrite(tmp_path / "a.tif", iter([held.getvalue()]), **how)
    with pytest.raises(PictureError, match="holds more than the page"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("name", ["b\na", "b\x1b[2J", os.fsdecode(b"b\xe6"), "b\u202egnp", "b\u2028c"])
def test_a_name_that_would_forge_a_line_is_refused_and_shown_escaped(name, tmp_path):
    tifffile.imwrite(tmp_path / f"{name}.tif", PAGE)
    with pytest.raises(PictureError, match="Rename it") as caught:
        layouts.picture_files(tmp_path)
    assert str(caught.value).isprintable() and "b\\" in str(caught.value)
    (tmp_path / f"{name}.tif").rename(tmp_path / f"{name}.xyz")
    tifffile.imwrite(tmp_path / "größe 細胞 خلية.tif", PAGE)
    assert list(layouts.picture_files(tmp_path)) == ["größe 細胞 خلية"]  # what is not read may be named as it will


def test_folders_in_folders_have_an_end(tmp_path):
    place = tmp_path
    for _ in range(52):
        place = place / "d"
        place.mkdir()
    with pytest.raises(PictureError, match="more than 50 deep"):
        layouts.picture_files(tmp_path)


# --- new files ---


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644)])
def test_a_new_file_has_the_rights_that_its_owner_wishes(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        made = write_new(tmp_path / "a", lambda file: file.write(b"x"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.stat().st_mode) == mode


def test_without_hard_links_a_file_that_appears_meanwhile_stays(tmp_path, monkeypatch):
    def no_links(draft, path):
        raise OSError(1, "not permitted")

    monkeypatch.setattr(os, "link", no_links)
    assert write_new(tmp_path / "new", lambda file: file.write(b"ours")).read_bytes() == b"ours"

    def meanwhile(file):
        file.write(b"ours")
        (tmp_path / "b").write_bytes(b"theirs")

    with pytest.raises(FileExistsError, match="appeared"):
        write_new(tmp_path / "b", meanwhile)
    assert (tmp_path / "b").read_bytes() == b"theirs" and sorted(p.name for p in tmp_path.iterdir()) == ["b", "new"]


class Drips(http.server.BaseHTTPRequestHandler):
    """Sends one byte every tenth of a second, or as fast as it can, for longer than either is to be borne.

    It does end, after 60 seconds or 50 MB, so that a fault in `fetch` fails a test and does not fill a disk.
    """

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(600 if self.path == "/slow" else 500):
                self.wfile.write(b"x" * (1 if self.path == "/slow" else 100_000))
                time.sleep(0.1 if self.path == "/slow" else 0)
        except OSError:
            pass

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def drips():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Drips)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_an_answer_that_drips_is_given_up(drips, tmp_path):
    with pytest.raises(OSError, match="bytes came in 1 seconds"):
        real_sets.fetch(f"{drips}/slow", None, tmp_path, timeout=1, progress=False)


def test_an_answer_without_end_is_cut(drips, tmp_path, monkeypatch):
    monkeypatch.setattr(real_sets, "MOST_BYTES", 3_000_000)
    with pytest.raises(PictureError, match="more than 3,000,000 bytes"):
        real_sets.fetch(f"{drips}/fast", None, tmp_path, progress=False)


# --- the file of progress ---


@pytest.fixture
def progress(tmp_path, monkeypatch):
    monkeypatch.setenv("UNET_COURSE_PROGRESS", str(tmp_path))
    return tmp_path / "progress.json"


def test_progress_is_readable_by_its_owner_alone_and_keeps_the_mode_it_has(progress):
    record.record_state("1.1", "solved")
    assert stat.S_IMODE(progress.stat().st_mode) == 0o600 or os.name == "nt"
    progress.chmod(0o644)
    record.record_state("1.2", "tried")
    assert stat.S_IMODE(progress.stat().st_mode) == 0o644 or os.name == "nt"
    assert json.loads(progress.read_text()) == {"1.1": "solved", "1.2": "tried"}
    assert [path.name for path in progress.parent.iterdir()] == ["progress.json"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link(progress, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "mine.json"
    real.write_text("{}")
    progress.symlink_to(real)
    record.record_state("1.1", "solved")
    assert progress.is_symlink() and json.loads(real.read_text()) == {"1.1": "solved"}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"1.1": ' * 50_000, "{" + " " * 2_000_000 + "}"])
def test_deep_or_endless_progress_is_damaged(progress, text, capsys):
    progress.write_text(text)
    assert record.read_progress() == {} and "damaged" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes on Windows")
def test_a_pipe_in_its_place_does_not_hang(progress, capsys):
    os.mkfifo(progress)
    assert record.read_progress() == {}
    record.record_state("1.1", "solved")
    assert "no file" in capsys.readouterr().out and stat.S_ISFIFO(progress.stat().st_mode)
