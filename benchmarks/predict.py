"""A folder of a hundred pictures through `predict`, beside the network alone: writes predict.md.

    python benchmarks/predict.py             three rounds, about four minutes
    python benchmarks/predict.py --n 20 --rounds 1

Both are measured in turn, round by round, because the speed of a shared machine drifts: only their ratio within a round
counts. The network alone is given the same picture as often, as one ready tensor, and nothing is done with its answer.
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

from helpers import MODELS  # noqa: E402
from helpers import own_images as own  # noqa: E402
from helpers.own_images import folders  # noqa: E402

REPORT = Path(__file__).with_suffix(".md")
NETWORK = MODELS / "unet_circles.keras"


def write_pictures(folder, n, side=1024):
    """Write `n` pictures of drawn nuclei, 8 bits; eight are different."""
    tiles = [own.draw_nuclei(np.random.default_rng([71, i]), (256, 256))[0] for i in range(64)]
    for i in range(n):
        at = np.random.default_rng([72, i % 8]).integers(64, size=(side // 256, side // 256))
        tifffile.imwrite(folder / f"picture{i:03d}.tif", np.block([[tiles[j] for j in row] for row in at]))


class Watch:
    """The memory of this process whenever a page is written, MB, in place of the progress bar's own count."""

    def __init__(self):
        self.seen, self.write = [], folders._write_page

    def __call__(self, *page):
        self.write(*page)
        self.seen.append(psutil.Process().memory_info().rss / 1e6)


def network_alone(n, side=1024):
    """Return the seconds of `n` passes of the network over one picture."""
    import tensorflow as tf

    from helpers.training import compiled

    step = compiled(own.load_kept(NETWORK).model)
    picture = tf.constant(np.random.default_rng(0).random((1, side, side, 1), dtype=np.float32))
    step(picture)
    start = time.perf_counter()
    for _ in range(n):
        step(picture)
    return time.perf_counter() - start


def whole_folder(pictures, out, watch, **settings):
    """Return the seconds of `predict` from its call to its end, loading the network included, and the objects found."""
    folders._write_page = watch
    start = time.perf_counter()
    found, problems = own.predict_folder(NETWORK, pictures, out, progress=False, **settings)
    assert not problems, problems
    return time.perf_counter() - start, found


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds = {"one object a piece": {"split": False}, "touching objects cut apart": {"split": True}}
    shares, speeds, watch, objects = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}, Watch(), {}
    with tempfile.TemporaryDirectory() as scratch:
        pictures = Path(scratch) / "pictures"
        pictures.mkdir()
        write_pictures(pictures, options.n)
        network_alone(2)
        for i in range(options.rounds):
            for kind, settings in kinds.items():
                before = network_alone(options.n // 2)
                seconds, objects[kind] = whole_folder(pictures, Path(scratch) / f"{i} {kind}", watch, min_area=20, **settings)
                alone = before + network_alone(options.n - options.n // 2)
                shares[kind].append(alone / seconds)
                speeds[kind].append(options.n / seconds)
                print(f"{kind}: network {alone:.1f} s, folder {seconds:.1f} s, {alone / seconds:.0%}", flush=True)
    early, late = (max(part) for part in np.array_split(watch.seen, 4)[:: 3])
    lines = [
        "# A folder of pictures through `predict`", "",
        f"`python benchmarks/predict.py`, {os.cpu_count()} CPU cores. {options.n} pictures of 1024x1024 of drawn nuclei, with the network "
        f"that ships. Masks, overlays and the table are written, and loading the network counts. Medians of {options.rounds} rounds, in "
        "brackets the lowest and the highest; network alone and folder are measured in turn.", "",
        "| objects | of the network's own speed | pictures a second | objects found |", "| --- | --- | --- | --- |",
        *(f"| {kind} | {np.median(shares[kind]):.0%} ({min(shares[kind]):.0%} to {max(shares[kind]):.0%}) | "
          f"{np.median(speeds[kind]):.1f} | {objects[kind]:,} |" for kind in kinds), "",
        f"Memory of the process at its peak: {early:.0f} MB in the first quarter of all pictures, {late:.0f} MB in the last.", "",
    ]
    print("\n".join(lines))
    if options.n >= 100:
        REPORT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
