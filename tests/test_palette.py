"""The palette: one for Python and the pages, and readable in a gray print and for color-blind readers."""

import itertools

import cv2
import numpy as np
import pytest
from course import ROOT

from helpers import drawing, palette

# Viénot, Brettel and Mollon 1999: how a picture looks without the cones for red, or for green, in linear light.
BLIND = {
    "protanopia": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deuteranopia": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def linear(color):
    share = np.array(palette.rgb(color)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """The ratio of WCAG 2 between two lightnesses."""
    dark, light = sorted((a, b))
    return (light + 0.05) / (dark + 0.05)


def test_the_pages_have_the_same_palette():
    for name, text in palette.pages().items():
        assert (ROOT / "web" / name).read_text(encoding="utf-8") == text, "run: python -m helpers.palette"


@pytest.mark.parametrize("pair", itertools.combinations(palette.KINDS["errors"], 2), ids="-".join)
def test_what_can_stand_side_by_side_differs_in_a_gray_print(pair):
    lightness = [float(linear(color) @ (0.2126, 0.7152, 0.0722)) for color in pair]
    assert contrast(*lightness) > 2


@pytest.mark.parametrize("kind", BLIND)
@pytest.mark.parametrize("pair", itertools.combinations(palette.KINDS["errors"], 2), ids="-".join)
def test_what_can_stand_side_by_side_differs_for_color_blind_readers(pair, kind):
    one, other = (np.clip(np.array(BLIND[kind]) @ linear(color), 0, 1) ** (1 / 2.2) for color in pair)
    assert np.linalg.norm(one - other) > 0.4  # of 1.7 from black to white


@pytest.mark.parametrize("name", palette.RAMPS)
def test_ramps_grow_lighter_all_the_way(name):
    table = palette.table(name).astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(table) >= -0.5).all() and table[-1] - table[0] > 120


def test_a_number_beyond_the_kinds_and_an_unknown_name():
    assert palette.table("errors")[[3, 255]].tolist() == [[255, 255, 255]] * 2
    with pytest.raises(ValueError, match="choose one of gray, probability"):
        palette.table("jet")


def test_the_error_map_tells_the_four_cases_apart():
    true, found = np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 1, 0, 1]], np.uint8)
    assert drawing.error_map(true, found).tolist() == [[0, 1, 2, 3]]
    colors = drawing.colored(drawing.error_map(true, found), "errors")[0]
    assert colors.tolist() == [list(palette.rgb(name)) for name in ("rest", "prediction", "truth", "hit")]


def test_outlines_that_agree_do_not_merge():
    mask = cv2.circle(np.zeros((80, 80), np.uint8), (40, 30), 20, 1, cv2.FILLED)
    one, both = np.zeros((2, 80, 80, 3), np.uint8)
    drawing.outline(one, mask, "truth")
    drawing.outline(both, mask, "prediction")
    drawing.outline(both, mask, "truth")
    orange = (both == palette.rgb("truth")).all(axis=-1)
    assert np.array_equal(orange, (one == palette.rgb("truth")).all(axis=-1)), "the prediction covers the truth"
    assert not (orange & (mask == 1)).any() and orange.any()
    for name in ("prediction", "hit"):
        line = (both == palette.rgb(name)).all(axis=-1)
        assert line.sum() > 100 and (mask[line] == 1).all()


def test_a_cut_lesion_has_no_line_along_the_edge():
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, :30] = 1
    picture = np.zeros((60, 60, 3), np.uint8)
    drawing.outline(picture, mask, "prediction", width=2)
    assert not picture[25:35, :5].any() and picture[25:35, 28:30].all(axis=1).any()


def test_png_keeps_every_bit():
    rng = np.random.default_rng(0)
    for picture in (rng.integers(0, 256, (40, 60, 3), dtype=np.uint8), rng.integers(0, 65536, (5, 6), dtype=np.uint16)):
        back = cv2.imdecode(np.frombuffer(drawing.as_png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(back[..., ::-1] if picture.ndim == 3 else back, picture)


def test_levels_and_zoom():
    assert drawing.levels([[0.0, 0.5, 1.0, 2.0]]).tolist() == [[0, 128, 255, 255]]
    assert drawing.levels([[1.0, 3.0]], 1, 3).tolist() == [[0, 255]]
    assert drawing.enlarged(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2]] * 2


def test_as_many_kinds_as_pictures_or_one():
    from helpers import figures

    with pytest.raises(ValueError, match="2 pictures and 3 kinds"):
        figures.show_images([np.zeros((4, 4))] * 2, kinds=["gray", "mask", "mask"])
    with pytest.raises(ValueError, match="no colors named 'masks'"):
        figures.show_images([np.zeros((4, 4))], kinds="masks")
