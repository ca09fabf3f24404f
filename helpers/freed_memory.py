"""What glibc, the C library of most Linuxes, does with memory that was freed: hand it back at once, or keep it."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # their numbers in glibc's malloc.h
LARGEST = 32 * 2**20  # bytes; where glibc's own adjustment of the second one ends, and the first is twice that
OFTEN = 8 * 2**20  # bytes kept, after which gaps are handed back


def keep_freed_pages() -> bool:
    """Undo a setting of TensorFlow's, and return whether that was possible: only with glibc, on Linux.

    Each first use of `Dataset.from_generator` tells glibc to hand freed memory back to the system at once, and so ends
    glibc's own adjustment. Then every training step gets its memory page by page from the system again, tens of
    thousands of pages. This sets what glibc adjusts itself to where large arrays come and go.
    """
    mallopt = _function("mallopt")
    return bool(mallopt and mallopt(M_MMAP_THRESHOLD, LARGEST) and mallopt(M_TRIM_THRESHOLD, 2 * LARGEST))


class Gaps:
    """The gaps that glibc leaves where large arrays are kept and others come and go between them, handed back in time.

    A folder of large pictures would otherwise need more than the eight bytes a pixel that the tests allow it.
    """

    def __init__(self):
        """Begin with none."""
        self.size = 0

    def grown(self, size: int) -> None:
        """Count `size` more bytes that were kept; hand freed memory back where that is worth the while."""
        self.size += size
        if self.size >= OFTEN and (trim := _function("malloc_trim")):
            trim(0)
            self.size = 0


def _function(name):
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return None
