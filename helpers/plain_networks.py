"""Networks in files that every Keras opens: without loss, scores and optimizer, which only this course may know."""

import json
import zipfile
from pathlib import Path

from helpers.gate import open_archive, read_member
from helpers.gate.stored import without_group

_WEIGHTS = "model.weights.h5"


def make_plain(path) -> None:
    """Take out of a `.keras` file that Keras has just written what its network was compiled with.

    Without this, no Python could open it that lacks the course, or the code of its owner's own loss. What goes is the
    optimizer's memory, twice as much as the weights, and what names loss and scores, of networks within the network,
    too. The layers stay as they are; those of one's own still need their code.
    """
    most = Path(path).stat().st_size
    with open_archive(path) as file:
        parts = {name: read_member(file, name, most) for name in file.namelist()}
    parts["config.json"] = json.dumps(_not_compiled(json.loads(parts["config.json"])))
    parts[_WEIGHTS] = without_group(parts[_WEIGHTS], "optimizer")
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)


def _not_compiled(part):
    if isinstance(part, list):
        return [_not_compiled(each) for each in part]
    if isinstance(part, dict):
        return {name: None if name == "compile_config" else _not_compiled(each) for name, each in part.items()}
    return part
