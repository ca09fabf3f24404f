"""A public set of real pictures, fetched once and checked, and a stand-in where there is no network."""

import hashlib
import http.client
import os
import shutil
import sys
import time
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tifffile
from skimage import segmentation
from tqdm import tqdm

from helpers.gate import DamagedError, GateError, is_shown_as_it_is, printable, unpack_all
from helpers.own_images.files import PictureError, file_sha256


class RealSet(NamedTuple):
    """A public set of pictures: its address, its SHA-256 (None if unknown), its folders, license and source."""

    url: str
    sha256: str | None
    images: str
    masks: str
    license: str
    source: str


# The fluorescence part of the 2018 Data Science Bowl, as StarDist's authors distribute it. The checksum is the one that
# the library torch-em publishes for this file (torch_em/data/datasets/dsb.py); it was not computed by us.
NUCLEI = RealSet(
    url="https://github.com/stardist/stardist/releases/download/0.1.0/dsb2018.zip",
    sha256="e44921950edce378063aa4457e625581ba35b4c2dbd9a07c19d48900129f386f",
    images="dsb2018/train/images", masks="dsb2018/train/masks",
    license="CC0 1.0 (BBBC038v1, Broad Bioimage Benchmark Collection)",
    source="Caicedo et al. 2019, Nature Methods 16, 1247; part chosen by Schmidt et al. 2018 (StarDist)",
)


MOST_BYTES = 2_000_000_000  # of one download
LEAST_BYTES = 1_000  # a second; what comes slower never ends


def fetch(url: str, sha256: str | None, cache, timeout: float = 5, progress=True) -> Path:
    """Fetch a file once, check it, and return its path in the folder `cache`; a later call uses the copy.

    timeout: seconds to wait for an answer, and for the next kilobytes. An interrupted download goes on where it
    stopped. Without a known `sha256` that of the first download is noted beside the copy, and later copies are checked
    against the note.
    Raises OSError if the network or the address cannot be reached or the disk is full, and PictureError if the file
    is not the one expected; a copy in the cache that has another checksum is moved aside
    (`.other-1`), and the file is fetched again.
    """
    if not url.lower().startswith(("http://", "https://")) or not is_shown_as_it_is(url):
        raise PictureError(f"{printable(url)}: is no address of the web. Expected one that begins with https://.")
    cache = Path(cache).expanduser()
    target = cache / Path(urllib.request.urlparse(url).path).name
    note, part = target.with_name(target.name + ".sha256"), target.with_name(target.name + ".part")
    expected = sha256 or (note.read_text().strip() if note.exists() else None)
    if target.exists():
        if expected is None or file_sha256(target) == expected:
            return target
        number = 1  # somebody may have put it there: it is moved aside and never removed
        while (aside := target.with_name(f"{target.name}.other-{number}")).exists():
            number += 1
        target.rename(aside)
    cache.mkdir(parents=True, exist_ok=True)
    _download(url, part, timeout, progress)
    found = file_sha256(part)
    if expected and found != expected:
        part.unlink()
        raise PictureError(
            f"{target.name}: the file from {url} has the checksum {found[:12]}..., expected {expected[:12]}.... It "
            "was deleted. Try again later; if it stays so, the file was replaced."
        )
    os.replace(part, target)
    note.write_text(found + "\n")
    return target


def _download(url, part, timeout, progress):
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing is left to fetch, or the file has changed: the checksum will tell
            return
        raise OSError(
            f"{url} answers {error.code} ({error.reason}). Fetch it by hand into {part.parent}, or go on without it."
        ) from error
    except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError) as error:
        reason = printable(getattr(error, "reason", error))
        raise OSError(
            f"{printable(url)} cannot be reached ({reason}). Check the network and try again; a file put into "
            f"{part.parent} by hand is used, too."
        ) from error
    with answer:
        append = have and answer.status == 206
        total = int(answer.headers.get("Content-Length") or 0)
        done = have if append else 0
        total = total + done if total else None
        if total and total > MOST_BYTES:
            raise PictureError(f"{url} holds {total:,} bytes, more than {MOST_BYTES:,}. Fetch it by hand, if so.")
        try:
            bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, disable=not progress, file=sys.stdout)
            with bar, part.open("ab" if append else "wb") as file:
                since, before = time.monotonic(), done
                while block := answer.read1(1 << 16):
                    file.write(block)
                    done += len(block)
                    bar.update(len(block))
                    if done > MOST_BYTES:
                        raise PictureError(f"{url} sends more than {MOST_BYTES:,} bytes. Fetch it by hand, if so.")
                    if time.monotonic() - since > timeout:
                        if done - before < LEAST_BYTES * timeout:
                            raise OSError(f"only {done - before:,} bytes came in {timeout:g} seconds")
                        since, before = time.monotonic(), done
        except (OSError, http.client.HTTPException) as error:
            raise OSError(
                f"the download of {url} stopped after {done:,} bytes ({error}). Run it again: it goes on from there."
            ) from error
    if total and done < total:
        raise OSError(
            f"the download of {url} stopped after {done:,} of {total:,} bytes. Run it again: it goes on from there."
        )


def unpack(archive, folder, max_bytes: int = 2_000_000_000) -> Path:
    """Unpack a zip archive into a new folder, all of it or nothing; a folder that is there already is kept as it is.

    Raises PictureError for an archive that is damaged, larger than `max_bytes` unpacked, or that reaches outside.
    """
    archive, folder = Path(archive).expanduser(), Path(folder).expanduser()
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}-", dir=folder.parent))  # a name nobody else can have
    draft.chmod(0o755)
    try:
        unpack_all(archive, draft, max_bytes)
    except GateError as error:
        shutil.rmtree(draft, ignore_errors=True)
        kind = "is damaged or no zip archive: it " if isinstance(error, DamagedError) else ""
        after = " Delete it and fetch it again." if kind else ""
        raise PictureError(f"{archive.name}: {kind}{error}.{after}") from error
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    draft.rename(folder)
    return folder


def fetch_set(real: RealSet = NUCLEI, cache=None, timeout: float = 5, progress=True) -> tuple[Path, Path]:
    """Fetch and unpack a public set; returns its folders `(images, masks)`. Errors as in `fetch` and `unpack`."""
    from helpers import RUNS

    cache = Path(cache or RUNS / "downloads").expanduser()
    archive = fetch(real.url, real.sha256, cache, timeout, progress)
    folder = unpack(archive, cache / archive.stem)
    return folder / real.images, folder / real.masks


def write_stand_in(folder, n: int = 40, seed=0, real: RealSet = NUCLEI) -> tuple[Path, Path]:
    """Write pictures in the format of the real set into a new folder; returns its folders `(images, masks)`.

    Gray 8-bit TIFF files of nuclei (bright ovals, some touching or faint; debris, haze, noise; all exposures) and
    16-bit TIFF files with a number for each nucleus, as in the real set. Drawn, not real: for trying things out.
    """
    folder = Path(folder).expanduser()
    images_dir, masks_dir = folder / real.images, folder / real.masks
    for place in (images_dir, masks_dir):
        place.mkdir(parents=True)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        image, labels = draw_nuclei(rng, sizes=((256, 256), (256, 320))[int(rng.random() < 0.3)])
        name = hashlib.sha256(f"{seed} {i}".encode()).hexdigest()[:16] + ".tif"
        tifffile.imwrite(images_dir / name, image, compression="zlib")
        tifffile.imwrite(masks_dir / name, labels, compression="zlib")
    return images_dir, masks_dir


def draw_nuclei(rng, sizes=(256, 256)) -> tuple[np.ndarray, np.ndarray]:
    """Draw a fluorescence picture `[h, w]` uint8 and the number of each nucleus in it `[h, w]` uint16."""
    height, width = sizes
    labels, light = np.zeros(sizes, np.uint16), np.zeros(sizes, np.float32)
    texture = cv2.GaussianBlur(rng.normal(size=sizes).astype(np.float32), (0, 0), 3)
    texture /= texture.std()
    scale, faintest = rng.uniform(0.6, 1.7), rng.uniform(0.2, 0.6)  # each picture has its magnification and its stain
    for _ in range(int(rng.integers(14, 40) / scale)):
        center = int(rng.integers(width)), int(rng.integers(height))
        axes = tuple(int(scale * side) for side in rng.uniform(6, 14, 2))
        shape = np.zeros(sizes, np.uint8)
        cv2.ellipse(shape, center, axes, float(rng.uniform(0, 180)), 0, 360, 1, thickness=cv2.FILLED)
        fresh = (shape == 1) & (labels == 0)
        if fresh.sum() < 0.7 * max(shape.sum(), 1):
            continue  # nuclei may touch, not lie on top of each other
        labels[fresh] = labels.max() + 1
        light[fresh] = rng.uniform(faintest, 1)
    debris = np.zeros(sizes, np.float32)
    for _ in range(int(rng.integers(0, 12))):  # specks and fibers: bright, and no nuclei
        start, turn = rng.uniform(0, (width, height)), rng.uniform(0, 2 * np.pi)
        end = start + rng.choice([2, 4, 40]) * np.array([np.cos(turn), np.sin(turn)])
        ends = start.astype(int).tolist(), end.astype(int).tolist()
        cv2.line(debris, *ends, float(rng.uniform(0.3, 1.2)), int(rng.integers(1, 4)))
    light = cv2.GaussianBlur(np.maximum(light * (1 + 0.15 * texture), debris), (0, 0), float(rng.uniform(0.8, 2.5)))
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    haze = 0.15 + 0.1 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1)) + 0.35 * cv2.GaussianBlur(light, (0, 0), 14)
    exposure = rng.uniform(50, 190)
    image = exposure * (light * 0.7 + haze) + rng.normal(size=sizes) * rng.uniform(0.05, 0.2) * exposure
    return np.clip(image, 0, 255).astype(np.uint8), segmentation.relabel_sequential(labels)[0].astype(np.uint16)
