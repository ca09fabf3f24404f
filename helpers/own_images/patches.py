"""Patches of a few labeled pictures, and training on them."""

import itertools

import numpy as np

from helpers.arrays import check_pair
from helpers.fingerprints import digest_of_arrays
from helpers.plain_arrays import refuse_hidden
from helpers.settings import check_whole


def draw_patch(images, masks, size, rng) -> tuple[np.ndarray, np.ndarray]:
    """Cut a patch `[size, size, 1]` and its mask from a random place of a random picture, half of them on objects."""
    i = int(rng.integers(len(images)))
    image, mask = images[i], masks[i]
    if min(image.shape[:2]) < size:  # a picture smaller than the patch is mirrored at its edges
        more = [(0, max(0, size - side)) for side in image.shape[:2]] + [(0, 0)]
        image, mask = np.pad(image, more, mode="symmetric"), np.pad(mask, more, mode="symmetric")
    corner = [int(rng.integers(side - size + 1)) for side in image.shape[:2]]
    if rng.random() < 0.5:
        for _ in range(10):  # places on objects are found by trying, which costs nothing for a large picture either
            at = [int(rng.integers(side)) for side in image.shape[:2]]
            if mask[at[0], at[1], 0]:
                corner = [int(np.clip(p - size // 2, 0, side - size)) for p, side in zip(at, image.shape[:2])]
                break
    cut = np.s_[corner[0] : corner[0] + size, corner[1] : corner[1] + size]
    return image[cut], mask[cut]


def draw_patches(images, masks, n: int, size: int = 128, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` patches and their masks, `[n, size, size, 1]` each. The same seed draws the same patches.

    Raises ValueError for a number or a size below 1.
    """
    check_whole(n, "n"), check_whole(size, "size")
    rng = np.random.default_rng(seed)
    patches, marks = zip(*(draw_patch(images, masks, size, rng) for _ in range(n)))
    return check_pair(np.stack(patches), np.stack(marks))


def patch_batches(images, masks, size: int = 128, batch_size: int = 8, steps: int = 50, seed=0):
    """Return a `tf.data.Dataset` of `steps` batches of patches, other ones in each pass, mirrored and turned.

    Brightness and contrast of each patch vary a little, too. size: a multiple of `2 ** (depth - 1)`, pixels. seed: a
    whole number or several. Raises ValueError for a size, a batch size or a number of steps below 1.
    """
    passes = itertools.count()
    stream = _stream(images, masks, size, batch_size, steps, lambda: [*np.atleast_1d(seed), next(passes)])
    return _remarked_on(stream, images, masks, size=size, batch_size=batch_size, seed=seed)


def _stream(images, masks, size, batch_size, steps, seed):
    """Return a Dataset whose batches depend on their place in it and on what `seed()` says when a pass begins."""
    from helpers.training import augment, to_dataset

    for value, name in ((size, "size"), (batch_size, "batch_size"), (steps, "steps")):
        check_whole(value, name)

    def draw():
        start = seed()
        for step in range(steps):
            rng = np.random.default_rng([*start, step])
            patches, marks = zip(*(draw_patch(images, masks, size, rng) for _ in range(batch_size)))
            contrast = rng.uniform(0.8, 1.25, (batch_size, 1, 1, 1))
            brightness = rng.uniform(-0.1, 0.1, (batch_size, 1, 1, 1))
            lit = np.clip((np.stack(patches) - 0.5) * contrast + 0.5 + brightness, 0, 1)
            yield augment(lit.astype(np.float32), np.stack(marks), seed=rng.integers(2**31, size=2))

    return to_dataset(draw, (size, size, 1), steps)


def train_on_patches(
    model, train, validation, run_dir, size=128, epochs=10, steps=50, batch_size=8, peak_rate=3e-3, seed=0,
    callbacks=(), resume=False,
):
    """Train a U-Net on patches of a few labeled pictures; returns a History. The best epoch's weights stay.

    train, validation: `(images, masks)`, arrays or lists, already normalized. `epochs * steps` batches are drawn, one
    long stream. resume: go on with an interrupted run, which ends as if it had not been; other pictures, masks, sizes
    or another seed are refused. The rest is `helpers.training.train_unet`: its losses, rates, callbacks and errors.
    """
    from helpers.several_devices import shared_batch
    from helpers.training import fixed_batches, train_unet

    check_whole(epochs, "epochs"), check_whole(steps, "steps"), check_whole(batch_size, "batch_size")
    for role, given in (("training", train), ("validation", validation)):
        for kind, part in zip(("images", "masks"), given):
            refuse_hidden(part, f"the {role} {kind}")
    held_back = draw_patches(*validation, n=min(48, 6 * len(validation[0])), size=size, seed=[seed, 1])
    devices = model.distribute_strategy.num_replicas_in_sync
    check = fixed_batches(*held_back, batch_size=shared_batch(len(held_back[0]), batch_size, devices))
    batches = _stream(*train, size, batch_size, epochs * steps, lambda: [seed, 0])  # the same in every pass
    settings = {"size": size, "batch_size": batch_size, "seed": seed}
    _remarked_on(batches, *train, **settings), _remarked_on(check, *validation, **settings)
    return train_unet(
        model, batches, check, run_dir, epochs, resume, callbacks, peak_rate=peak_rate, warmup=20, steps=steps,
    )


def _remarked_on(dataset, images, masks, **settings):
    """Return a Dataset of patches, of which a backup will know from which pictures and how they are drawn."""
    from helpers.run_state.first_batches import remark_on

    images = digest_of_arrays(*(np.asarray(image, np.float32) for image in images))
    masks = digest_of_arrays(*(np.asarray(mask, np.uint8) for mask in masks))
    return remark_on(dataset, images=images, masks=masks, **settings)
