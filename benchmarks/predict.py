"""A folder of a hundred pictures through `predict`, beside the network alone: writes predict.md.

    python benchmarks/predict.py             a hundred pictures, twice, about two minutes
    python benchmarks/predict.py --n 30      fewer, printed only

The speed of a shared machine drifts, so the network alone is timed again after every ten pictures.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np  # noqa: E402
import psutil  # noqa: E402
import tifffile  # noqa: E402

from benchmarks.processor import processor  # noqa: E402
from helpers import MODELS  # noqa: E402
from helpers import own_images as own  # noqa: E402
from helpers.own_images import folders  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
BLOCK = 10  # pictures between two measurements of the network
NETWORK = MODELS / "unet_circles.keras"


def write_pictures(folder, n, side=1024):
    """Write `n` pictures of drawn nuclei, 8 bits; eight are different."""
    tiles = [own.draw_nuclei(np.random.default_rng([71, i]), (256, 256))[0] for i in range(64)]
    for i in range(n):
        at = np.random.default_rng([72, i % 8]).integers(64, size=(side // 256, side // 256))
        tifffile.imwrite(folder / f"picture{i:03d}.tif", np.block([[tiles[j] for j in row] for row in at]))


class Watched:
    """One run of `predict`, which stops after every ten pictures until they are written, to time the network alone."""

    def __init__(self):
        """Put itself between `predict_folder` and what it calls."""
        import tensorflow as tf

        from helpers.training import compiled

        self.write, self.predict, self.memory, self.calls = folders._write_page, folders.predict_alike, [], 0
        self.step = compiled(own.load_kept(NETWORK).model)
        self.pictures = min((tf.constant(np.random.default_rng(0).random((n, 1024, 1024, 1), dtype=np.float32)) for n in (1, 2)), key=self.pace)
        self.alone, self.folder = [], []

    def pace(self, pictures, times=3) -> float:
        """Return the network's seconds for each picture, if so many are given at once: the best of some steps."""
        self.step(pictures)
        found = []
        for _ in range(times):
            start = time.perf_counter()
            self.step(pictures)
            found.append((time.perf_counter() - start) / len(pictures))
        return min(found)

    def written(self, *page):
        """Write a page and note the memory of the process, MB."""
        self.write(*page)
        self.memory.append(psutil.Process().memory_info().rss / 1e6)

    def predicted(self, model, pictures, **settings):
        """Predict one or two pictures; before every tenth, close the block of ten and time the network."""
        if self.calls % BLOCK == 0:
            self.close()
        self.calls += len(pictures)
        return self.predict(model, pictures, **settings)

    def close(self):
        """End a block: wait for its last page, note its time, and time the network."""
        while len(self.memory) < self.calls:
            time.sleep(0.0005)
        now = time.perf_counter()
        self.folder.append(now - self.since)
        for _ in range(BLOCK // len(self.pictures)):
            self.step(self.pictures)
        self.since = time.perf_counter()
        self.alone.append(self.since - now)

    def run(self, pictures, out, **settings):
        """Predict a folder; returns how many objects were found."""
        folders._write_page, folders.predict_alike, self.since = self.written, self.predicted, time.perf_counter()
        try:
            found, problems = own.predict_folder(NETWORK, pictures, out, progress=False, **settings)
            self.close()
        finally:
            folders._write_page, folders.predict_alike = self.write, self.predict
        assert not problems, problems
        return found

    @property
    def shares(self) -> list[float]:
        """For each block, the time of the network alone, before and after it, to the time of the block."""
        return [(before + after) / 2 / block for before, after, block in zip(self.alone, self.alone[1:], self.folder[1:])]


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100)
    options = parser.parse_args()
    lines = [
        "# A folder of pictures through `predict`", "",
        f"`python benchmarks/predict.py`, {processor()}, load before the start {os.getloadavg()[0]:.1f}. {options.n} pictures of "
        f"1024x1024 of drawn nuclei, with the network that ships; masks, overlays and the table are written. After every {BLOCK} pictures the "
        f"run waits until they are written, and the network alone is given {BLOCK} ready pictures, one at a time or two at once, as it is quicker. Medians of these blocks, in "
        "brackets their quartiles. With loading: the network's time to that of all blocks and of loading it once.", "",
        "| objects | of the network's own speed | with loading | pictures a second | objects found | memory, MB: first ten, last ten |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    with tempfile.TemporaryDirectory() as scratch:
        pictures = Path(scratch) / "pictures"
        pictures.mkdir()
        write_pictures(pictures, options.n)
        for kind, settings in (("one object a piece", {"split": False}), ("touching objects cut apart", {"split": True})):
            watched = Watched()
            found = watched.run(pictures, Path(scratch) / kind, min_area=20, **settings)
            low, middle, high = np.percentile(watched.shares, (25, 50, 75))
            loaded = 1 / (1 / middle + watched.folder[0] / (np.median(watched.alone) * (len(watched.folder) - 1)))
            lines.append(
                f"| {kind} | {middle:.0%} ({low:.0%} to {high:.0%}) | {loaded:.0%} | {BLOCK / np.median(watched.folder[1:]):.1f} | {found:,} | "
                f"{max(watched.memory[:BLOCK]):.0f}, {max(watched.memory[-BLOCK:]):.0f} |"
            )
            print(lines[-1], flush=True)
    lines.append("")
    print("\n".join(lines))
    if options.n >= 100:
        REPORT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
