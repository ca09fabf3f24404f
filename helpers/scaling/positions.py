"""Check which part of which stream is asked for: what `stream_batches` and `file_batches` have in common."""

from helpers.settings import check_whole


def check_stream(batch_size, first, seed, shard, workers, ahead) -> tuple:
    """Return `(mine, index, seed)`: pictures of a step in this shard, the shard's index, and a seed that is hashable.

    The arguments are those of the streams. Raises ValueError, naming the one that is wrong, for what is not a whole
    number, is too small, or does not fit the others.
    """
    index, count = _checked_shard(shard)
    check_whole(first, "first", 0), check_whole(workers, "workers", 0), check_whole(ahead, "ahead", 0)
    if check_whole(batch_size, "batch_size") % count:
        raise ValueError(f"batch_size is {batch_size}; {count} shards share a batch, so make it a multiple of {count}.")
    return int(batch_size) // count, index, _checked_seed(seed)


def _checked_shard(shard):
    words = f"shard is {shard!r}; write (index, count), index from 0 to count - 1, such as (1, 2)."
    try:
        index, count = (check_whole(value, "shard", 0) for value in shard)
    except (TypeError, ValueError):
        raise ValueError(words) from None
    if not index < count:
        raise ValueError(words)
    return index, count


def _checked_seed(seed):
    """Return a seed of one whole number as `int`, of several as a tuple."""
    try:
        several = tuple(check_whole(value, "seed", 0) for value in seed) if hasattr(seed, "__len__") else ()
        if several:
            return several
        return check_whole(seed, "seed", 0)
    except (TypeError, ValueError):
        raise ValueError(
            f"seed is {seed!r}; expected a whole number of at least 0, such as 1, or several: (1, 2). Without one, two "
            "processes would not agree on a stream."
        ) from None
