"""Networks in files that every Keras opens: without loss, scores and optimizer, which only this course may know."""

import io
import json
import zipfile

import h5py

_WEIGHTS = "model.weights.h5"


def make_plain(path) -> None:
    """Take out of a `.keras` file that Keras has just written what its network was compiled with.

    Without this, no Python could open it that lacks the course, or the code of its owner's own loss. What goes is the
    optimizer's memory, twice as much as the weights, and what names loss and scores, of networks within the network,
    too. The layers stay as they are; those of one's own still need their code.
    """
    kept = io.BytesIO()
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist() if name != _WEIGHTS}
        with file.open(_WEIGHTS) as packed, h5py.File(packed, "r") as whole, h5py.File(kept, "w") as weights:
            for name in whole:
                if name != "optimizer":
                    whole.copy(name, weights)
    parts["config.json"] = json.dumps(_not_compiled(json.loads(parts["config.json"])))
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**parts, _WEIGHTS: kept.getbuffer()}.items():
            file.writestr(name, content)


def _not_compiled(part):
    if isinstance(part, list):
        return [_not_compiled(each) for each in part]
    if isinstance(part, dict):
        return {name: None if name == "compile_config" else _not_compiled(each) for name, each in part.items()}
    return part
