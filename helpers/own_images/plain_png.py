"""The quick way to decode plain PNG files whose bytes are known to be sound: a fifth of the time of the reader of all.

`read_picture` asks much of a file that nobody has looked at before. Bytes with the fingerprint that an index noted have
been read by it once already, and need not be asked again.
"""

import cv2
import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PLAIN = {b"IHDR", b"IDAT", b"IEND", b"pHYs", b"tIME"}  # no palette, transparency, orientation, animation


def decode_plain_png(content: bytes) -> np.ndarray | None:
    """Return the page of a gray PNG of 8 or 16 bits, `[h, w]`, as `read_picture` does; None for any other file.

    content: a whole file that `read_picture` has read before. A damaged one may come out wrong.
    """
    if content[:8] != _SIGNATURE or len(content) < 33:
        return None
    depth, color, _, _, interlaced = content[24:29]
    if depth not in (8, 16) or color or interlaced:
        return None
    at = 8
    while at < len(content):
        if content[at + 4 : at + 8] not in _PLAIN:
            return None
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
