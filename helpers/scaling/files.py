"""Streams of patches from files on disk, in the memory of a few, that can begin at any batch (notebook 07).

A batch depends on the manifest, the seed and its number only. So it does not matter which process reads it or what was
read before: shards of several workers are parts of the same batches, and a stream can go on where another was cut off.
"""

import os
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from helpers.own_images import ChangedFileError, Manifest, PictureError, draw_patch, read_row
from helpers.scaling.positions import check_stream
from helpers.scaling.processes import in_order
from helpers.settings import check_whole

PORTION = 32  # pictures that a process is asked for at once; asking costs as much as reading one


def stream_files(manifest, batches: int, size: int = 96, **settings):
    """Return `file_batches` as a `tf.data.Dataset` of `batches` batches, to train from.

    settings: of `file_batches`. `train_unet` with steps=... takes it as it takes any long stream; to resume a run, make
    the whole stream again, without `first`: `train_unet` finds its place in it, and refuses another manifest or seed.
    """
    from helpers.run_state.first_batches import remark_on
    from helpers.training import to_dataset  # here, because the processes that read files must not load TensorFlow

    manifest = _rows_of(manifest, settings.pop("part", "training"))
    settings["part"] = manifest.part
    file_batches(manifest, batches, size, **settings).close()  # what does not fit is said now, not in mid-training
    stream = to_dataset(lambda: file_batches(manifest, batches, size, **settings), (size, size, 1), batches)
    said = {name: settings.get(name, default) for name, default in (("seed", 0), ("batch_size", 4), ("first", 0))}
    return remark_on(stream, manifest=manifest.fingerprint, size=size, **said)


def file_batches(
    manifest, batches: int, size: int = 96, part="training", batch_size=4, first=0, seed=0, shard=(0, 1),
    augmented=True, broken=None, workers=1, ahead=4, normalization=None, value_range=None, channel=None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield `batches` batches of patches `[n, size, size, 1]` from files: images float32 in 0..1, masks uint8.

    manifest: a file that `index_folder` wrote, or its `Manifest`; part: which of its sets, None for all rows (a
    `Manifest` of another set is refused). Every pass takes one patch of each pair, in a new order; a batch may reach
    from one pass into the next, so all batches are full. first: the number of the batch to begin with. seed: a whole
    number or several. batch_size: patches in a step, over all shards. shard: `(index, count)`, which
    part of each batch to return. augmented: mirror and turn the patches, as `augment` does. normalization: from
    `fit_normalization`. value_range, channel: as in `load_pairs`. workers: processes that read; 0 reads in this one.
    ahead: how many portions (about 32 patches, at least one batch) are read in advance; this limits the memory.

    broken: a list, to which what is wrong with each broken file is added; another pair then takes its place. Without
    it, the first broken file raises PictureError with its name. A file that was changed since it was indexed always
    raises ChangedFileError. Raises ValueError for numbers that do not fit each other.
    """
    check_whole(batches, "batches"), check_whole(size, "size")
    mine, index, seed = check_stream(batch_size, first, seed, shard, workers, ahead)
    if normalization is not None and not hasattr(normalization, "apply"):
        raise ValueError(f"normalization is {normalization!r}; expected what fit_normalization returns, or None.")
    if broken is not None and not hasattr(broken, "append"):
        raise ValueError(f"broken is {broken!r}; expected a list, such as broken=[], which then names broken files.")
    rows = _rows_of(manifest, part)
    reading = size, normalization, value_range, channel

    def parts():
        portion = max(1, PORTION // batch_size)
        for start in range(first, first + batches, portion):
            numbers = range(start, min(start + portion, first + batches))
            places = [number * batch_size + index * mine + np.arange(mine) for number in numbers]
            yield seed, [(int(place), _row(rows, seed, place)) for place in np.concatenate(places)], reading

    def read():
        calls = parts()
        portions = in_order(read_patches, calls, workers, ahead) if workers else (read_patches(*one) for one in calls)
        for images, masks, places, problems in portions:
            for i, text in problems:
                images[i], masks[i] = _another(rows, seed, places[i], reading, _listed(broken, text))
            if augmented:
                _turn(images, masks, seed, places)
            for start in range(0, len(images), mine):
                yield images[start : start + mine], masks[start : start + mine]

    return read()


def patches_from_files(manifest, n: int, size: int = 96, part="validation", **settings) -> tuple:
    """Return `(images, masks)`, `n` patches of a set as arrays, not mirrored or turned.

    They serve as a validation set for `train_unet`. The pairs are taken in the order of the first pass. part, settings:
    of `file_batches`.
    """
    check_whole(n, "n")
    return next(file_batches(manifest, 1, size, part, **{"batch_size": n, "augmented": False, **settings}))


def _rows_of(manifest, part):
    """Return the `Manifest` of a set, or raise ValueError if a Manifest of another set was handed in."""
    if not isinstance(manifest, (str, os.PathLike, Manifest)):
        raise ValueError(f"manifest is {manifest!r}; expected the path of a CSV that index_folder wrote.")
    if not isinstance(manifest, Manifest):
        return Manifest(manifest, part)
    if part in (None, manifest.part):
        return manifest
    if manifest.part is None:
        return Manifest(manifest.path, part)
    raise ValueError(
        f"part is {part!r}, and the Manifest of {manifest.path.name} holds the set {manifest.part!r} alone. Write "
        f"part={manifest.part!r} if you mean that set; for {part!r} hand in the path of the CSV, not its Manifest."
    )


@lru_cache(4)
def _order(n, seed, turn):
    return np.random.default_rng([seed, turn]).permutation(n)


def _row(rows, seed, place):
    turn, i = divmod(int(place), len(rows))
    return rows[_order(len(rows), seed, turn)[i]]


def read_patches(seed, jobs, reading):
    """Read a patch for each job, a place in the stream and a `ManifestRow`; a process that reads does nothing else.

    reading: size, normalization, value range and channel. Returns images, masks, the places, and a list of
    `(i, what is wrong)` for broken files, whose patches are empty.
    """
    size, problems = reading[0], []
    images = np.zeros((len(jobs), size, size, 1), np.float32)
    masks = np.zeros((len(jobs), size, size, 1), np.uint8)
    for i, (place, row) in enumerate(jobs):
        try:
            images[i], masks[i] = _patch(row, np.random.default_rng([seed, place, 0]), *reading)
        except ChangedFileError:
            raise
        except PictureError as error:
            problems.append((i, str(error)))
    return images, masks, [place for place, _ in jobs], problems


def _patch(row, rng, size, normalization, value_range, channel):
    pages = read_row(row, value_range, channel)
    image, mask = pages[int(rng.integers(len(pages)))]
    if normalization is not None:
        image = normalization.apply([image])[0]
    return draw_patch([image], [mask], size, rng)


def _listed(broken, text):
    if broken is None:
        raise PictureError(f"{text} To skip broken files, pass a list as broken=, which then says what was skipped.")
    if text not in broken:
        broken.append(text)
    return broken


def _another(rows, seed, place, reading, broken):
    """Return a patch of another pair in place of one that is broken: which one depends on the seed and the place."""
    for attempt in range(1, 101):
        rng = np.random.default_rng([seed, place, attempt])
        try:
            return _patch(rows[int(rng.integers(len(rows)))], rng, *reading)
        except ChangedFileError:
            raise
        except PictureError as error:
            _listed(broken, str(error))
    raise PictureError(f"{rows.path.name}: a hundred pairs in a row are broken, such as this: {broken[-1]}")


def _turn(images, masks, seed, places):
    from helpers.training import augment

    for i, place in enumerate(places):  # one by one, so that a patch is turned alike in whichever shard it is
        images[i : i + 1], masks[i : i + 1] = augment(images[i : i + 1], masks[i : i + 1], [seed, place, 101])
