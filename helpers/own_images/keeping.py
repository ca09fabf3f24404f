"""New files that never replace old ones: masks, and networks with all they need."""

import io
import json
import os
import secrets
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from helpers.drawing import as_png
from helpers.gate import first_line, open_archive, printable, read_json, read_member
from helpers.own_images.gray_levels import Normalization
from helpers.own_images.tiles import plane_of


def write_new(path, write) -> Path:
    """Let `write(file)` fill a new file: all of it or nothing, and never over another; `~` is home."""
    path = Path(path).expanduser()
    if path.exists() or path.is_symlink():
        raise FileExistsError(
            f"{path.name} exists already in {path.parent}, and nothing is written over. Choose another name, or move "
            "it away."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".draft-{secrets.token_hex(8)}{path.suffix}")
        file = draft.open("xb")
    except OSError as error:
        reason = f"cannot write into {path.parent} ({error.strerror}). Choose a folder of yours"
        raise type(error)(error.errno, reason) from error
    try:
        with file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _move_new(draft, path)
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise
        raise OSError(
            error.errno, f"{path.name} could not be written ({error.strerror}); nothing is left of it. Make room on "
            "the disk, or choose another folder"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return path


def new_folder(base) -> Path:
    """Make and return the first numbered folder in `base` that is not there yet: base/1, base/2 and so on."""
    base, number = Path(base).expanduser(), 1
    while True:
        try:
            (base / str(number)).mkdir(parents=True)
            return base / str(number)
        except FileExistsError:
            number += 1


def _move_new(draft, path):
    try:
        os.link(draft, path)  # fails if someone made the file meanwhile, which os.replace would not
    except FileExistsError:
        raise _appeared(path) from None
    except OSError:  # some disks know no links; there a file that must be new is filled piece by piece
        try:
            with path.open("xb") as new, open(draft, "rb") as old:
                shutil.copyfileobj(old, new)
        except FileExistsError:
            raise _appeared(path) from None
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _appeared(path):
    return FileExistsError(
        f"{path.name} appeared in {path.parent} meanwhile, and nothing is written over. Choose another name."
    )


def save_mask(mask, path) -> Path:
    """Write a mask as 0/255, or numbered objects as they are, to a new PNG or TIFF file; returns its path.

    mask: `[h, w]` or `[h, w, 1]` of 0 and 1, of 0 and 255, or whole numbers of objects up to 65535. Up to 255 objects
    are written with 8 bits. Raises FileExistsError rather than write over anything, ValueError for another ending, for
    probabilities, and for NaN.
    """
    path, plane = Path(path).expanduser(), np.asarray(plane_of(mask))
    if path.suffix.lower() not in (".png", ".tif", ".tiff"):
        raise ValueError(f"{path.name}: masks are kept as .png or .tif; JPEG would blur them.")
    if plane.dtype.kind == "f" and not np.isfinite(plane).all():
        raise ValueError(f"the mask holds {int((~np.isfinite(plane)).sum())} values that are NaN or infinite.")
    if plane.dtype.kind == "f" and (plane != np.round(plane)).any():
        raise ValueError(
            f"the mask holds fractions such as {plane[plane != np.round(plane)].flat[0]:.3g}, as probabilities do. "
            "Choose a threshold first: save_mask(probabilities >= 0.5, path)."
        )
    low, high = plane.min(), plane.max()
    if low < 0 or high > 65535:
        raise ValueError(
            f"the labels run from {low} to {high}; a 16-bit picture holds 0..65535. Number the objects again from 1."
        )
    if high <= 1 or high == 255 and np.isin(plane, (0, 255)).all():
        plane = (plane > 0).astype(np.uint8) * 255
    else:
        plane = plane.astype(np.uint8 if high <= 255 else np.uint16)
    if path.suffix.lower() == ".png":
        return write_new(path, lambda file: file.write(as_png(plane, quick=True)))
    content = io.BytesIO()
    tifffile.imwrite(content, plane, compression="zlib")
    return write_new(path, lambda file: file.write(content.getvalue()))


class SavedNetwork(NamedTuple):
    """A network with all that its use needs: normalization, threshold, scores, a card of data and training, settings.

    settings: how pictures are read and objects measured, such as channel, value_range, pixel_size, min_area, split.
    """

    model: object
    normalization: Normalization | None
    threshold: float
    scores: dict
    card: dict
    settings: dict = {}


def note_of(kept: SavedNetwork) -> dict:
    """Return all that is kept beside a network's layers and weights, ready for JSON."""
    rule = kept.normalization._asdict() if kept.normalization else None
    return {**kept._asdict(), "normalization": rule, "model": kept.model.name}


NOTE = "unet_course.json"  # inside the .keras file, which is a zip archive; Keras leaves unknown members alone


def save_network(path, model, normalization, threshold: float, scores: dict, card: dict, settings=None) -> Path:
    """Write a network and all that its use needs into one new `.keras` file; returns its path.

    scores, card: names to numbers or texts (what data, how many pictures, how trained, not for what). settings: as in
    `SavedNetwork`. The file opens with a plain `keras.models.load_model`, too, without this course. Raises ValueError
    for numbers that could not be used when it is loaded, such as a threshold that is NaN.
    """
    path = Path(path).expanduser()
    if path.suffix != ".keras":
        raise ValueError(f"{printable(path.name)}: a network is kept in a file that ends in .keras.")
    kept = SavedNetwork(model, normalization, float(threshold), scores, card, dict(settings or {}))
    text = json.dumps(note_of(kept), indent=2)
    checked_note(read_json(text, "note"))
    plain = type(model).from_config(model.get_config())  # without the course's loss and metrics, which others lack
    plain.set_weights(model.get_weights())

    def write(file):
        with tempfile.TemporaryDirectory() as scratch:
            whole = Path(scratch) / "model.keras"
            plain.save(whole)
            with zipfile.ZipFile(whole, "a") as archive:
                archive.writestr(NOTE, text)
            file.write(whole.read_bytes())

    return write_new(path, write)


def load_kept(path) -> SavedNetwork:
    """Load a network from a `.keras` file; what a file may hold, and what is promised of it, says `helpers.gate`.

    A file without the course's note gives no normalization and a threshold of 0.5. Raises FileNotFoundError if there
    is none, and ValueError if it is damaged, no Keras model, or brings code of its own, or a note that cannot be used.
    """
    from helpers.training import load_network

    path = Path(path).expanduser()
    model = load_network(path)
    try:
        with open_archive(path) as archive:
            found = NOTE in archive.namelist()
            note = read_json(read_member(archive, NOTE, 1_000_000), "note") if found else {}
        return SavedNetwork(model, **checked_note(note))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{printable(path.name)}: the note {NOTE} in it is damaged ({first_line(error)}). Save the network again "
            "with save_network."
        ) from error


def checked_note(note: dict) -> dict:
    """Return the fields `normalization, threshold, scores, card, settings` of a note, or raise ValueError.

    What is missing gets its default: no normalization, a threshold of 0.5, nothing known.
    """
    if not isinstance(note, dict):
        raise ValueError("it is not a table of names and values")
    threshold = _number(note.get("threshold", 0.5), "threshold")
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold is {threshold:g}; expected 0..1")
    settings = dict(note.get("settings", {}))
    _check_settings(settings)
    return {
        "normalization": _rule(note.get("normalization")), "threshold": threshold,
        "scores": dict(note.get("scores", {})), "card": dict(note.get("card", {})), "settings": settings,
    }


def _rule(rule):
    if rule is None:
        return None
    kind = rule["kind"]
    low, high = _number(rule["low"], "low"), _number(rule["high"], "high")
    least = _number(rule.get("least", Normalization._field_defaults["least"]), "least")
    if kind not in ("range", "picture"):
        raise ValueError(f"the normalization is {kind!r:.40}; expected 'range' or 'picture'")
    if not low < high or least <= 0 or kind == "picture" and not 0 <= low < high <= 100:
        raise ValueError(f"the normalization runs from {low:g} to {high:g}, at least {least:g} apart")
    return Normalization(kind, low, high, least)


def _check_settings(settings):
    limits = settings.get("value_range")
    if limits is not None:
        low, high = (_number(value, "value_range") for value in limits)
        if not low < high:
            raise ValueError(f"value_range runs from {low:g} to {high:g}")
    for name, least in (("pixel_size", 1e-12), ("min_area", 0)):
        if settings.get(name) is not None and not _number(settings[name], name) >= least:
            raise ValueError(f"{name} is {settings[name]!r:.40}")
    channel = settings.get("channel")
    named = channel is None or isinstance(channel, str) and channel in ("red", "green", "blue")
    if not named and not 0 <= _number(channel, "channel") < 10_000:
        raise ValueError(f"the channel is {channel!r:.40}")
    if not isinstance(settings.get("unit", ""), str) or not str(settings.get("unit", "")).isprintable():
        raise ValueError("the unit is no text")


def _number(value, name) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
        raise ValueError(f"{name} is {value!r:.40}, which is not a finite number")
    return float(value)
