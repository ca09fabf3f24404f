"""Notebook 06 as a user runs it, on five folders that the course has not seen: writes own_folders.md.

    python benchmarks/own_folders.py            all five, about five minutes
    python benchmarks/own_folders.py rods       one of them, printed only

Each folder is drawn here, in a layout and a format of its own. The settings cell alone is changed, as the notebook says,
and the notebook is run from the top in a kernel. What came out is read from the network that it kept.
"""

import json
import os
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2  # noqa: E402
import jupytext  # noqa: E402
import numpy as np  # noqa: E402
import tifffile  # noqa: E402
from nbclient import NotebookClient  # noqa: E402
from nbclient.exceptions import CellExecutionError  # noqa: E402
from PIL import Image  # noqa: E402
from scipy import ndimage  # noqa: E402

from benchmarks.own_images import draw_membranes  # noqa: E402
from helpers import own_images as own  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
NOTEBOOK = Path(__file__).resolve().parent.parent / "notebooks" / "06_your_own_images.py"
SHORT = {"epochs": 6, "compare_starts": False, "limit": None}


def save(path, array):
    """Write one picture, in a folder that is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, array) if path.suffix == ".tif" else Image.fromarray(array).save(path)


def scattered(rng, side, n, draw):
    """Return numbered objects `[side, side]`, each drawn by `draw(picture, center)` where there is room."""
    labels = np.zeros((side, side), np.uint16)
    for _ in range(n):
        one = np.zeros((side, side), np.uint8)
        draw(one, tuple(int(c) for c in rng.integers(12, side - 12, 2)))
        if not labels[one > 0].any():
            labels[one > 0] = labels.max() + 1
    return labels


def nuclei(folder):
    """Draw fluorescent nuclei as in the Data Science Bowl: a folder for each picture, one mask file an object."""
    for i in range(14):
        image, labels = own.draw_nuclei(np.random.default_rng([61, i]), (192, 192))
        save(folder / f"plate{i // 2}_{i}" / "images" / "view.png", image)
        for number in range(1, labels.max() + 1):
            save(folder / f"plate{i // 2}_{i}" / "masks" / f"{number}.png", (labels == number) * np.uint8(255))
    return {"images": folder}


def membranes(folder):
    """Draw one stack of sections, 16 bits from 100 to 180, and a stack of masks in which membranes are black."""
    pairs = [draw_membranes(np.random.default_rng([62, i]), 256) for i in range(16)]
    save(folder / "em" / "volume.tif", np.stack([100 + np.round(image / 255 * 80) for image, _ in pairs]).astype(np.uint16))
    save(folder / "traced" / "volume.tif", np.stack([255 * (1 - mask) for _, mask in pairs]).astype(np.uint8))
    return {"images": folder / "em", "masks": folder / "traced", "invert": True, "touching": False, "source_table": "one stack"}


def stains(folder):
    """Draw two stains in a file; masks beside them, `_Maske`, red on white; a table of slides and treatments."""
    rows = ["file;slide;treatment"]
    for i in range(18):
        rng = np.random.default_rng([63, i])
        labels = scattered(rng, 224, 30, lambda one, center: cv2.circle(one, center, int(rng.integers(6, 13)), 1, cv2.FILLED))
        other = scattered(rng, 224, 25, lambda one, center: cv2.circle(one, center, int(rng.integers(4, 9)), 1, cv2.FILLED))
        stains = [ndimage.gaussian_filter((what > 0) * 600.0, 1.5) + rng.normal(200, 60, what.shape) for what in (other, labels)]
        path = folder / f"Präparat {i} Bild.ome.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, np.clip(stains, 0, 4095).astype(np.uint16), metadata={"axes": "CYX"}, photometric="minisblack")
        save(folder / f"Präparat {i} Maske.png", np.where(labels[..., None] > 0, np.uint8([255, 0, 0]), np.uint8(255)))
        rows.append(f"Präparat {i} Bild.ome;s{i // 3};{('control', 'drug')[i // 3 % 2]}")
    table = folder.parent / "slides.csv"
    table.write_text("\n".join(rows), encoding="cp1252")
    return {"images": folder, "channel": 1, "value_range": (0, 4095), "foreground": (255, 0, 0),
            "source_table": (str(table), "file", "slide", "treatment"), "pixel_size": 0.32}


def rods(folder):
    """Draw dark bacteria in color photographs, outlined as polygons with labelme."""
    for i in range(12):
        rng = np.random.default_rng([64, i])
        turn = lambda: float(rng.uniform(0, 180))  # noqa: E731
        labels = scattered(rng, 200, 35, lambda one, c: cv2.ellipse(one, c, (11, 4), turn(), 0, 360, 1, cv2.FILLED))
        gray = 190 - 70 * ndimage.gaussian_filter((labels > 0).astype(float), 1) + rng.normal(0, 12, labels.shape)
        save(folder / f"dish{i // 2}_view{i}.png", np.dstack([gray, gray * 0.9, gray * 0.75]).clip(0, 255).astype(np.uint8))
        rings = [cv2.findContours((labels == n).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0][0][:, 0]
                 for n in range(1, labels.max() + 1)]
        shapes = [{"label": "rod", "points": ring.tolist(), "shape_type": "polygon"} for ring in rings if len(ring) > 2]
        (folder / f"dish{i // 2}_view{i}.json").write_text(json.dumps({"shapes": shapes, "imagePath": f"dish{i // 2}_view{i}.png"}))
    return {"images": folder, "patch": 64, "min_area": 10}


def scans(folder):
    """Draw slices of computed tomography in Hounsfield units as NIfTI volumes, in the layout of nnU-Net."""
    import nibabel

    for i in range(6):
        rng = np.random.default_rng([65, i])
        labels = [scattered(rng, 160, 8, lambda one, c: cv2.circle(one, c, int(rng.integers(5, 15)), 1, cv2.FILLED)) > 0 for _ in range(3)]
        tissue = [40 + 90 * ndimage.gaussian_filter(each * 1.0, 1) + rng.normal(0, 25, each.shape) for each in labels]
        for place, name, pages in (("imagesTr", f"liver_{i:03d}_0000", tissue), ("labelsTr", f"liver_{i:03d}", labels)):
            (folder / place).mkdir(parents=True, exist_ok=True)
            array = np.stack(pages, -1).swapaxes(0, 1).astype(np.int16)
            nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), folder / place / f"{name}.nii.gz")
    return {"images": folder, "value_range": (-160, 240), "pixel_size": 0.8, "unit": "mm"}


FOLDERS = {made.__name__: made for made in (nuclei, membranes, stains, rods, scans)}


def run(name) -> dict:
    """Draw one folder, run notebook 06 on it, and return what the user is left with."""
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch).resolve()
        changed = {**FOLDERS[name](scratch / name), **SHORT, "out": scratch / "results"}
        changed = {key: str(value) if isinstance(value, Path) else value for key, value in changed.items()}
        book = jupytext.read(NOTEBOOK)
        cell = next(cell for cell in book.cells if cell.cell_type == "code" and cell.source.startswith("settings = {"))
        cell.source += f"\nsettings |= {changed!r}"
        before, failed = time.perf_counter(), ""
        try:
            NotebookClient(book, timeout=900, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
        except CellExecutionError as error:
            failed = re.sub(r"\x1b\[\d+m", "", str(error)).replace(str(scratch), "").strip().splitlines()[-1]
        found = {"name": name, "minutes": (time.perf_counter() - before) / 60, "failed": failed, "changed": changed}
        kept = scratch / "results" / "1" / "network.keras"
        if kept.exists():
            network = own.load_kept(kept)
            found |= {"card": network.card, "scores": network.scores, "settings": network.settings}
        found["bytes"] = max(map(len, pictures_in(book)), default=0)
        assert found["bytes"] < 1e6, f"{name}: a picture of {found['bytes'] / 1e6:.2f} MB stands in the notebook"
        return found


def pictures_in(book):
    """Yield the pictures that a notebook shows, as the text by which it holds them."""
    for cell in book.cells:
        for output in cell.get("outputs", []):
            yield from (text for kind, text in output.get("data", {}).items() if kind in ("image/png", "image/jpeg"))


def row(found) -> str:
    """Return one row of the table."""
    about = FOLDERS[found["name"]].__doc__.removeprefix("Draw ").rstrip(".")
    given = {key: value for key, value in found["changed"].items() if key not in ("images", "masks", "out", *SHORT)}
    given = "; ".join(f"{key} {Path(value[0]).name, *value[1:]}" if key == "source_table" and len(value) == 4 else f"{key} {value}"
                      for key, value in given.items()) or "the folder alone"
    if "scores" not in found:
        return f"| {about} | {given} | {found['failed']} | | | | |"
    scores, card = found["scores"], found["card"]
    otsu = next(value for key, value in scores.items() if key.startswith("Otsu"))
    objects = f"{scores['object F1']:.2f}, {scores['object AP']:.2f}" if "object F1" in scores else "none asked for"
    end = found["failed"] or f"{card['layout']}; {card['data'].split(', finger')[0]}; conditions: {card['conditions']}"
    return (f"| {about} | {given} | {end} | {scores['U-Net']:.2f} | {otsu:.2f} | {scores['everything foreground']:.2f} | {objects} |")


def main() -> None:
    """Run the notebook on all folders, or on those named."""
    warnings.simplefilter("ignore")
    found = [run(name) for name in sys.argv[1:] or FOLDERS]
    lines = [
        "# Notebook 06 on five folders", "",
        f"`python benchmarks/own_folders.py`, {os.cpu_count()} CPU cores. The settings cell alone was changed: the folder, what the table "
        f"names, and {', '.join(f'{key}={value}' for key, value in SHORT.items())}. The pictures are drawn by the benchmark, not real. "
        f"Scores are means over the test pictures of one training each. The runs took {min(f['minutes'] for f in found):.1f} to "
        f"{max(f['minutes'] for f in found):.1f} minutes; the largest picture takes {max(f.get('bytes', 0) for f in found) / 1e6:.2f} MB in the notebook.", "",
        "| folder | settings | as the notebook read it | Dice | Otsu | all foreground | object F1, AP |", "| --- | --- | --- | --- | --- | --- | --- |",
        *map(row, found), "",
    ]
    print("\n".join(lines))
    if not sys.argv[1:]:
        REPORT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
