"""Color tables of gray pictures: which of them only color the screen, as the LUT of ImageJ does."""

import numpy as np

_MOST_TURNS = 10  # of one color from rising to falling; the table of a true color picture turns at every second entry


def is_display_only(table, by_imagej: bool = False) -> bool:
    """Whether a table `[256, 3]` of 8-bit colors runs through its colors like a scale, so that its indices are grays.

    So do LUTs such as fire, green or HiLo. A table of grays alone is one only where ImageJ wrote it (its brightness and
    contrast) and it does not fall: other programs store gray pictures through such tables.
    """
    table = np.asarray(table, np.int16)
    if table.shape != (256, 3):
        return False
    colored = np.flatnonzero((table != table[:, :1]).any(axis=1))
    grays, places = np.delete(table[:, 0], colored), np.delete(np.arange(256), colored)
    if len(colored) < 128:
        marks = colored[colored > 0]  # of the ends, as by HiLo; elsewhere they are the colors of labels
        marked = len(colored) > 0 and np.array_equal(marks, np.arange(256 - len(marks), 256))
        plain = (np.abs(grays - places) <= 1).all()
        rises = (np.diff(grays) >= 0).all() and grays[0] < grays[-1]
        return bool(marked and plain or by_imagej and rises and (marked or not len(colored)))
    steps = np.diff(table, axis=0)
    turns = [int((np.diff(np.sign(each[each != 0])) != 0).sum()) for each in steps.T]
    smooth = (np.abs(steps).max(axis=1) <= 16).mean() > 0.97
    return bool(smooth and max(turns) <= _MOST_TURNS and len(np.unique(table, axis=0)) > 100)
