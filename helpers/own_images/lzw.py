"""A look at LZW data in TIFF files before they are decoded, because damaged ones crash the decoder and Python with it.

Source: TIFF 6.0, section 13. A code means a byte, "clear the table" (256), "end" (257), or an entry that earlier codes
have made; how many bits it has follows from how many came since the table was cleared.
"""

import numpy as np

_CLEAR, _END, _FIRST = 256, 257, 258
_ENTRIES = _FIRST + np.maximum(np.arange(4096 - _FIRST + 1) - 1, 0)  # in the table before each code after a clearing
_WIDTHS = 9 + sum((limit <= _ENTRIES).astype(np.int64) for limit in (511, 1023, 2047))
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS)])


def is_sound(data: bytes) -> bool:
    """Return whether each code of LZW data means something when it comes. Data that end early are sound so far."""
    numbers = np.frombuffer(data + b"\0\0\0", np.uint8).astype(np.int64)
    at, end, tables, usual = 0, 8 * len(data), 0, 64
    while at + 9 <= end:
        count, look = 0, usual  # codes that were looked at, and how many are looked at next: most tables are alike
        while True:
            last = min(count + look, len(_WIDTHS), int(np.searchsorted(_STARTS, end - at, "right")) - 1)
            if last <= count:
                return count < len(_WIDTHS)  # the data end, or the table is full and was not cleared
            places, widths = at + _STARTS[count:last], _WIDTHS[count:last]
            first = places >> 3
            codes = numbers[first] << 16 | numbers[first + 1] << 8 | numbers[first + 2]
            codes = codes >> (24 - (places & 7) - widths) & ((1 << widths) - 1)
            stops = np.flatnonzero((codes == _CLEAR) | (codes == _END))
            n = int(stops[0]) if len(stops) else len(codes)
            known = _ENTRIES[count : count + n]
            if (codes[:n] > known).any() or count == 0 and n and codes[0] >= _CLEAR:
                return False
            if n < len(codes):
                if codes[n] == _END:
                    return True
                at, usual = at + int(_STARTS[count + n + 1]), max(64, count + n + 1)
                break
            count, look = last, 2 * look
        tables += 1
        if tables > 1000 + len(data) // 100:  # no encoder clears so often, and looking on would take minutes
            return False
    return True
