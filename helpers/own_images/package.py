"""A kept network as a package for other programs: bioimage.io's format, with ONNX weights, gray levels and a test.

Source: the model description of bioimage.io, version 0.5, https://github.com/bioimage-io/spec-bioimage-io.
"""

import hashlib
import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

from helpers.drawing import as_png, levels
from helpers.own_images.channels import to_gray, white_of
from helpers.own_images.files import PictureError, read_picture
from helpers.own_images.keeping import SavedNetwork, load_kept, note_of, write_new
from helpers.own_images.onnx_graph import OPSET, onnx_bytes
from helpers.own_images.tile_layout import grid_of
from helpers.own_images.tiles import predict_tiled

FORMAT = "0.5.4"  # of 2025: older programs read it, newer ones take it for theirs
UNET = {"text": "Ronneberger, Fischer and Brox, U-Net: Convolutional Networks for Biomedical Image Segmentation (2015)",
        "doi": "10.1007/978-3-319-24574-4_28"}


class RawLevels(NamedTuple):
    """The numbers that stand for black and white in the files that a network was trained on."""

    black: float
    white: float

    @property
    def whole(self) -> bool:
        """Whether the files hold whole numbers."""
        return self.white - self.black > 1


def export_package(model_path, path, picture=None, author=None, license=None) -> Path:
    """Write a kept network as a new package (.zip) that Fiji, ilastik, QuPath and bioimageio.core are made for.

    In it: rdf.yaml (axes, tiling, padding, gray levels, threshold), weights.onnx, a test input and its expected mask,
    README.md with the card, and a cover. picture: a file to take the test input from; without one it is drawn.
    author: your name, if the card does not hold it; license: such as "CC-BY-4.0".

    Raises ImportError if the package onnx is missing, FileExistsError rather than write over anything, PictureError for
    an unfit picture, and ValueError if the network cannot be described.
    """
    path = Path(path).expanduser()
    if path.suffix != ".zip":
        raise ValueError(f"{path.name}: a package is a file that ends in .zip.")
    kept = load_kept(model_path)
    if kept.model.input_shape[-1] != 1 or kept.model.output_shape[-1] != 1:
        raise ValueError(
            f"the network maps {kept.model.input_shape[-1]} channels to {kept.model.output_shape[-1]}; a package can "
            "be made for one gray channel and one probability."
        )
    if author:
        kept.card["made by"] = author
    for name in ("images", "masks", "source_table", "out"):  # where these lie is nobody's business
        kept.settings.pop(name, None)
    files = {"weights.onnx": onnx_bytes(kept)}
    raw = raw_levels(kept.settings)
    least, grid, _ = _shape(kept.model)
    side = max(least, -(-256 // grid) * grid)
    if picture is None:
        sample, mask = _drawn_test(kept, raw, side)
    else:
        sample, mask, raw = _picture_test(kept, picture, side)
    for name, array in (("test_input.npy", sample), ("test_output.npy", mask)):
        content = io.BytesIO()
        np.save(content, array[None, None])
        files[name] = content.getvalue()
    shown = levels(np.clip((sample - raw.black) / (raw.white - raw.black), 0, 1), *_ends(sample, raw))
    files["cover.png"] = as_png(np.hstack([shown, mask * np.uint8(255)]))
    files["README.md"] = _readme(kept, raw).encode()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    described = describe(kept, raw, sums, license)
    files["rdf.yaml"] = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=120).encode()

    def write(file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(files, reverse=True):
                archive.writestr(name, files[name])

    return write_new(path, write)


def raw_levels(settings) -> RawLevels:
    """Return black and white of the files, as `to_gray` took them: of the settings, or of the files' own bits."""
    if settings.get("value_range"):
        return RawLevels(*map(float, settings["value_range"]))
    return RawLevels(0.0, float(settings.get("white") or 1))


def describe(kept: SavedNetwork, raw: RawLevels, sums: dict, license=None) -> dict:
    """Return what stands in rdf.yaml. sums: the SHA-256 of each file in the package."""
    least, grid, halo = _shape(kept.model)
    task = str(kept.card.get("task", "objects"))
    name = re.sub(r"[^A-Za-z0-9_+\- ()]", " ", f"U-Net for {task}")[:64].strip()

    def file(name):
        return {"source": name, "sha256": sums[name]}

    def axes(**more):
        return [{"type": "batch"}, {"type": "channel", "channel_names": [more.pop("channel")]},
                *({"type": "space", "id": axis, **more[axis]} for axis in ("y", "x"))]

    sides = {axis: {"size": {"min": least, "step": grid}, "concatenable": True} for axis in ("y", "x")}
    back = {axis: {"halo": halo, "size": {"tensor_id": "image", "axis_id": axis}} for axis in ("y", "x")}
    given = {
        "id": "image", "description": f"one gray channel, black at {raw.black:g} and white at {raw.white:g}",
        "axes": axes(channel="gray", **sides), "test_tensor": file("test_input.npy"),
        "data": {"type": "float32", "range": [raw.black, raw.white]},
        "preprocessing": preprocessing(kept.normalization, raw),
    }
    found = {
        "id": "mask", "description": "1 where the network sees foreground, 0 elsewhere",
        "axes": axes(channel="foreground", **back), "test_tensor": file("test_output.npy"),
        "data": {"type": "uint8", "values": [0, 1]},
        "postprocessing": [{"id": "binarize", "kwargs": {"threshold": round(kept.threshold, 6)}},
                           {"id": "ensure_dtype", "kwargs": {"dtype": "uint8"}}],
    }
    authors = [{"name": str(kept.card["made by"]).replace("/", " ")}] if kept.card.get("made by") else []
    return {
        "format_version": FORMAT, "type": "model", "name": name,
        "description": f"A U-Net that marks {task} in gray pictures, trained with a course of notebooks.",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"), "authors": authors, "cite": [UNET],
        **({"license": license} if license else {}), "tags": ["unet", "2d", "semantic-segmentation", "keras"],
        "documentation": "README.md", "covers": ["cover.png"],
        "inputs": [given], "outputs": [found],
        "weights": {"onnx": {**file("weights.onnx"), "opset_version": OPSET}},
        "config": {"unet_course": _plain(note_of(kept))},
    }


def preprocessing(normalization, raw: RawLevels) -> list[dict]:
    """Return the steps from the files' own numbers to what the network was trained on."""
    clip = {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}
    last = [clip, {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}]
    if normalization and normalization.kind == "picture":  # percentiles of the file's own numbers, so it is first
        ends = {"min_percentile": float(normalization.low), "max_percentile": float(normalization.high)}
        return [{"id": "scale_range", "kwargs": {"axes": ["channel", "y", "x"], **ends}}, *last]
    low, high = (normalization.low, normalization.high) if normalization else (0, 1)
    gain = 1 / (raw.white - raw.black) / (high - low)
    offset = (-raw.black / (raw.white - raw.black) - low) / (high - low)
    if (gain, offset) == (1, 0):
        return last
    return [{"id": "scale_linear", "kwargs": {"gain": float(gain), "offset": float(offset)}}, *last]


def _shape(model):
    """Return the smallest side of a tile, the step between sizes, and the halo that tiles need around them, pixels."""
    grid, halo = grid_of(model)
    return 2 * halo + 16 * grid, grid, halo


def _mask_of(kept, sample, raw):
    gray, _ = to_gray(sample, "the test input", tuple(raw))
    found = predict_tiled(kept.model, gray[..., 0], normalization=kept.normalization) >= kept.threshold
    return found.astype(np.uint8)


def _drawn_test(kept, raw, side):
    """Draw scans and nuclei until the network marks something in one, and not all of it."""
    from helpers.own_images.real_sets import draw_nuclei
    from helpers.synthesis import CircleScene, draw_scene

    rule = kept.normalization
    low, high = (rule.low, rule.high) if rule and rule.kind == "range" else (0, 1)
    rng, scene = np.random.default_rng(0), CircleScene(size=side)
    for _ in range(6):
        scan = np.asarray(draw_scene(scene, rng)[0], np.float32).reshape(side, side)
        nuclei = draw_nuclei(rng, (side, side))[0].astype(np.float32) / 255
        for drawn in (scan, nuclei, 1 - scan, 1 - nuclei):
            sample = raw.black + (low + drawn * (high - low)) * (raw.white - raw.black)
            sample = (np.round(sample) if raw.whole else sample).astype(np.float32)
            mask = _mask_of(kept, sample, raw)
            if 0.002 < mask.mean() < 0.9:
                return sample, mask
    raise ValueError(
        "the network marks nothing, or everything, in the pictures that are drawn for the package's test. Name one of "
        "the kind it was trained on: --picture FILE."
    )


def _picture_test(kept, picture, side):
    """Cut the test input out of a file, where the network marks most."""
    page = read_picture(picture).pages[0]
    settings, name = kept.settings, Path(picture).name
    gray, _ = to_gray(page, name, settings.get("value_range"), settings.get("channel"))
    if min(gray.shape[:2]) < side:
        raise PictureError(
            f"{name}: is {gray.shape[1]}x{gray.shape[0]} pixels; the test input must have {side}x{side}. Name a larger "
            "picture, or leave --picture out."
        )
    known = settings.get("value_range") or settings.get("white")
    raw = raw_levels(settings) if known else RawLevels(0.0, float(white_of(page.dtype) or 1))
    found = predict_tiled(kept.model, gray[..., 0], normalization=kept.normalization) >= kept.threshold
    rows, columns = (range(0, n - side + 1, max(1, side // 2)) for n in found.shape)
    top, left = max(((r, c) for r in rows for c in columns), key=lambda at: found[at[0]:, at[1]:][:side, :side].sum())
    sample = raw.black + gray[top : top + side, left : left + side, 0] * (raw.white - raw.black)
    sample = (np.round(sample) if raw.whole else sample).astype(np.float32)
    mask = _mask_of(kept, sample, raw)
    if not 0 < mask.mean() < 1:
        raise PictureError(
            f"{name}: the network marks nothing, or everything, in it. Name a picture that holds objects."
        )
    return sample, mask, raw


def _ends(sample, raw):
    return np.percentile((sample - raw.black) / (raw.white - raw.black), (0.5, 99.5))


def _plain(value):
    """Return a note with plain Python values only, as YAML wants them."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def _readme(kept, raw):
    known = {**kept.card, **_settings_said(kept.settings)}
    trained = [f"- {name}: {value}" for name, value in known.items()] or ["- nothing is kept of it"]
    scores = [f"- {name}: {value:.3g}" for name, value in kept.scores.items()] or ["- none are kept"]
    use = (
        f"Give it one gray channel, black at {raw.black:g} and white at {raw.white:g}, as the files hold it. The steps "
        f"in rdf.yaml do the rest. What comes out is 1 where the probability is above {kept.threshold:.3g}. Tiles are "
        "cut at multiples of the step in rdf.yaml and share its halo. Pictures of other sizes are mirrored at their "
        "edges by the network file itself."
    )
    least = (
        "One thing cannot be declared: where the two percentiles of a picture lie closer together than "
        f"{kept.normalization.least:g} of the range, the course stretches it no further, and other programs do."
        if kept.normalization and kept.normalization.kind == "picture" else ""
    )
    looks = (
        "These are scores of the mean over eight mirrored and turned copies of each picture. Other programs look once."
        if kept.settings.get("turned") else ""
    )
    check = (
        "Before you trust it on pictures of yours, mark some of them by hand and compare: mean Dice per picture, and "
        "the worst picture."
    )
    task = "# " + str(kept.card.get("task", "A U-Net"))
    parts = [task, "## What it was trained on", "\n".join(trained), "## Use", use, least, "## Validation",
             "Scores on test pictures:", "\n".join(scores), looks, check]
    return "\n\n".join(part for part in parts if part) + "\n"


def _settings_said(settings):
    said = ("pixel_size", "unit", "channel", "min_area", "split")
    return {name.replace("_", " "): settings[name] for name in said if settings.get(name) not in (None, "")}
