"""Endless streams of drawn pictures, in the memory of a few."""

import numpy as np
import tensorflow as tf

from helpers.memory import keeping_pages
from helpers.run_state.first_batches import remark_on
from helpers.scaling.positions import check_stream
from helpers.scaling.processes import in_order
from helpers.settings import check_whole
from helpers.synthesis import CircleScene, draw_numbered
from helpers.training import quiet


def stream_batches(pictures, scene=CircleScene(), seed=0, batch_size=4, first=0, shard=(0, 1), workers=1, ahead=4):
    """Return a `tf.data.Dataset` of `(images, masks)` batches of the numbered pictures `first`, `first + 1` ...

    pictures: how many in all. scene, seed: as in `draw_numbered`, seed a whole number or several; the same seed gives
    the same stream, whatever the other settings are. batch_size: pictures in a step, over all shards. shard: `(index,
    count)`, which part of each batch to return. workers: processes that draw; 0 draws in a thread of this process.
    ahead: how many portions (about 32 pictures, at least one batch) are drawn in advance; this limits the memory.
    Images `[n, h, w, 1]` are float32 in 0..1, masks uint8. Raises ValueError for numbers that do not fit each other.
    """
    mine, index, seed = check_stream(batch_size, first, seed, shard, workers, ahead)
    count = batch_size // mine
    if check_whole(pictures, "pictures") % count:
        raise ValueError(f"pictures is {pictures}; {count} shards need a multiple of {count}, at least {count}.")

    portion = batch_size * max(1, 32 // batch_size)  # asking another process costs as much as drawing a few pictures

    def part(start):
        size = min(batch_size, pictures - start) // count
        return first + start + index * size + np.arange(size)

    def parts():
        for start in range(0, pictures, portion):
            starts = range(start, min(start + portion, pictures), batch_size)
            yield scene, seed, np.concatenate([part(each) for each in starts])

    def drawn():
        if workers:
            return in_order(draw_numbered, parts(), workers, ahead)
        return (draw_numbered(*each) for each in parts())

    shape = (None, scene.size, scene.size, 1)
    batches = tf.data.Dataset.from_generator(
        keeping_pages(drawn), output_signature=(tf.TensorSpec(shape, tf.float32), tf.TensorSpec(shape, tf.uint8))
    )
    steps = tf.data.experimental.assert_cardinality(-(-pictures // batch_size))
    stream = quiet(batches.rebatch(mine).apply(steps).prefetch(2))
    return remark_on(stream, seed=seed, batch_size=batch_size, first=first)
