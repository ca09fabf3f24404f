"""Write the controls of the panels that are live on the site: `python -m helpers.panels` writes web/brains/specs.js."""

import json

import numpy as np

from helpers.panels.callbacks import FlipBook
from helpers.panels.class_balance import balance_panel
from helpers.panels.counting import counting_panel
from helpers.panels.difficulty_dial import difficulty_panel
from helpers.panels.feature_viewer import feature_panel
from helpers.panels.flip_book import flip_panel
from helpers.panels.rate_schedule import schedule_panel
from helpers.panels.shell import WEB
from helpers.panels.stress_test import stress_panel
from helpers.panels.unet_architect import architect_panel


def specs() -> str:
    """Return the text of web/brains/specs.js."""
    from helpers.anatomy import build_unet

    scans = np.zeros((2, 96, 96, 1), np.float32)
    book = FlipBook(scans, scans.astype(np.uint8), steps=(1,))
    book.times, book.pages = [0, 1], [scans[..., 0].astype(np.uint8)] * 2
    made = {
        "architect": architect_panel(), "difficulty": difficulty_panel(), "schedule": schedule_panel(),
        "feature": feature_panel(build_unet((96, 96, 1)), np.repeat(scans, 3, axis=0)), "flip": flip_panel(book),
        "stress": stress_panel(build_unet(depth=2, filters=4)), "counting": counting_panel({}),
        "balance": balance_panel(build_unet(depth=2, filters=4, classes=3)),
    }
    kept = {name: {key: panel.spec[key] for key in panel.spec if key != "id"} for name, panel in made.items()}
    head = "// Written by `python -m helpers.panels`; change the panels there."
    return f"{head}\nexport const SPECS = {json.dumps(kept)};\n"


if __name__ == "__main__":
    (WEB / "brains" / "specs.js").write_text(specs(), encoding="utf-8")
    print("written: web/brains/specs.js")
