"""What a folder's masks and pictures hold together: advice that works when it is followed, and nothing emptied silently.

Every picture and mask is drawn here, so that the right answer is known.
"""

import io
import warnings

import cv2
import numpy as np
import pytest
import tifffile
from helpers import own_images as own
from helpers.own_images import Manifest, PictureError, index_folder, load_pairs, read_row
from helpers.own_images.__main__ import main
from helpers.own_images.outlines import filled_to_the_border
from PIL import Image

GRAY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (40, 56)).astype(np.uint8), (0, 0), 2)
LABELS = np.zeros((40, 56), np.uint8)
for _number, (_place, _radius) in enumerate([((14, 14), 8), ((42, 12), 7), ((16, 32), 6), ((44, 30), 6)], 1):
    cv2.circle(LABELS, _place, _radius, _number, -1)
TRUTH = (LABELS > 0).astype(np.uint8)
WHITE = TRUTH * np.uint8(255)


def pen(color, paper=255):
    return np.where(TRUTH[..., None] > 0, np.uint8(color), np.uint8(paper))


def large(array, times=8):
    return np.kron(array, np.ones((times, times, *[1] * (array.ndim - 2)), array.dtype))


def saved(array, kind, **how):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


def folder(tmp_path, images, masks):
    """Write pictures and masks, `{name: array or bytes}`, and return their two folders."""
    for role, files in (("images", images), ("masks", masks)):
        (tmp_path / role).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = tmp_path / role / name
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif path.suffix == ".tif":
                tifffile.imwrite(path, content)
            else:
                Image.fromarray(content).save(path)
    return tmp_path / "images", tmp_path / "masks"


def marked(tmp_path, **masks):
    """Write masks beside pictures of their size, and return the two folders."""
    files = {f"{name}.png": mask for name, mask in masks.items()}
    return folder(tmp_path, {name: GRAY if m.shape[:2] == GRAY.shape else large(GRAY) for name, m in files.items()}, files)


def quietly(*dirs, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_pairs(*dirs, **settings)


def asked(*dirs, **settings):
    """Return what is said where a folder cannot be loaded as it is."""
    with pytest.raises(PictureError) as caught:
        quietly(*dirs, **settings)
    return str(caught.value)


def is_right(pairs, *truths):
    return [bool((mask[..., 0] == truth).all()) for mask, truth in zip(pairs.masks, truths)] == [True] * len(truths)


# --- one range for all pictures ---------------------------------------------------------------------------------------

INT16 = {"a.tif": GRAY.astype(np.int16), "b.tif": (GRAY.astype(np.int16) - 90) * 60}


def test_a_range_is_proposed_from_all_pictures_wherever_one_is_asked_for(tmp_path, capsys):
    dirs = folder(tmp_path, INT16, {"a.png": WHITE, "b.png": WHITE})
    said = asked(*dirs)
    assert "such as (0, 16383)" in said and "(0, 255)" not in said
    pairs = load_pairs(*dirs, value_range=(0, 16383))
    assert pairs.images.max() < 0.3 and not [remark for remark in pairs.remarks if "cuts off" in remark]
    assert own.inspect_pictures(dirs[0]).count("such as (0, 16383)") == 2
    assert main(["index", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "such as (0, 16383)" in error and "--value-range" in error
    floats = folder(tmp_path / "f", {"a.tif": np.float32([[-3, 2]]), "b.png": GRAY[:1, :2]}, {"a.png": TRUTH[:1, :2], "b.png": TRUTH[:1, :2]})
    assert "such as (-100, 200)" in asked(*floats), "what was read counts as well"


def test_a_range_that_cuts_off_many_pixels_is_pointed_out(tmp_path):
    dirs = folder(tmp_path, INT16, {"a.png": WHITE, "b.png": WHITE})
    with pytest.warns(UserWarning, match=r"value_range=\(0, 255\) cuts off much of b: 100% of the pixels of b are above white; it holds 420..4200"):
        pairs = load_pairs(*dirs, value_range=(0, 255))
    assert "cuts off much of b" in pairs.table()
    with pytest.warns(UserWarning, match="100% of the pixels of a are below black"):
        load_pairs(*dirs, value_range=(400, 5000))
    assert "cuts off much of b" in own.inspect_pictures(dirs[0], value_range=(0, 255))
    window = np.where(TRUTH, 100, -900).astype(np.int16)  # a CT window: air is below black, and nothing is wrong
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = load_pairs(*folder(tmp_path / "ct", {"a.tif": window}, {"a.png": WHITE}), value_range=(-160, 240))
    assert "74% of the pixels of a are below black" in pairs.table()
    hot = GRAY.astype(np.int16)
    hot[0, 0] = 4000
    assert not load_pairs(*folder(tmp_path / "hot", {"a.tif": hot}, {"a.png": WHITE}), value_range=(0, 255)).remarks


def test_predict_says_what_a_range_cuts_off_and_proposes_one_for_all(tmp_path):
    from helpers.anatomy import build_unet

    images, _ = folder(tmp_path, INT16, {})
    rule = own.Normalization("picture", 0.5, 99.5)
    model = own.save_network(tmp_path / "n.keras", build_unet(depth=2, filters=2), rule, 0.5, {}, {}, {"value_range": [0, 255]})
    with pytest.warns(UserWarning, match="cuts off much of b: 100%"):
        assert own.predict_folder(model, images, tmp_path / "out", progress=False)[1] == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, problems = own.predict_folder(model, images, tmp_path / "out2", progress=False, value_range=None)
    assert len(problems) == 2 and all("such as (0, 16383)" in problem for problem in problems)


def test_pictures_of_other_bits_that_are_nearly_black_are_pointed_out(tmp_path):
    twelve = GRAY.astype(np.uint16) * 16
    pairs = load_pairs(*folder(tmp_path, {"a.png": GRAY, "b.tif": twelve}, {"a.png": WHITE, "b.png": WHITE}))
    assert any("b (16 bit, numbers up to 2560) is nearly black beside a (8 bit)" in remark for remark in pairs.remarks)
    sixteen = folder(tmp_path / "b", {"a.png": GRAY, "b.tif": GRAY.astype(np.uint16) * 257}, {"a.png": WHITE, "b.png": WHITE})
    assert not load_pairs(*sixteen).remarks
    cut = load_pairs(*folder(tmp_path / "c", {"a.png": GRAY, "b.tif": twelve}, {"a.png": WHITE, "b.png": WHITE}), value_range=(0, 4095))
    assert any("a (8 bit, numbers up to 160) is nearly black" in remark for remark in cut.remarks)


# --- one channel for all pictures -------------------------------------------------------------------------------------

BLUE = np.dstack([GRAY * 0, GRAY * 0, GRAY])
BAR = BLUE.copy()
BAR[36:38, 40:50] = 255


def test_colors_are_taken_by_one_rule(tmp_path, capsys):
    dirs = folder(tmp_path, {"a.png": BLUE, "b.png": BAR}, {"a.png": WHITE, "b.png": WHITE})
    assert 'only blue is used, and in b more than one' in asked(*dirs) and 'channel="blue"' in asked(*dirs)
    images = load_pairs(*dirs, channel="blue").images
    assert np.abs(images[0, :30] - images[1, :30]).max() == 0
    assert 'channel="blue"' in own.inspect_pictures(dirs[0]) and "Note" not in own.inspect_pictures(dirs[0], channel="blue")
    assert main(["index", str(tmp_path)]) == 1 and 'channel="blue"' in capsys.readouterr().err
    assert main(["inspect", str(dirs[0]), str(dirs[1]), "--channel", "blue"]) == 0 and "channel 2 of 3" in capsys.readouterr().out
    pure = folder(tmp_path / "two", {"a.png": BLUE, "b.png": np.dstack([GRAY * 0, GRAY, GRAY * 0])}, {"a.png": WHITE, "b.png": WHITE})
    assert "blue in a; green in b" in load_pairs(*pure).table()
    mixed = folder(tmp_path / "gray", {"a.png": BAR, "b.png": GRAY}, {"a.png": WHITE, "b.png": WHITE})
    assert load_pairs(*mixed).names == ["a", "b"], "photographs in color and in gray are mixed to one gray"
    pairs = load_pairs(*mixed, channel="blue")
    assert "gray, 1 channel" in pairs.table() and np.abs(pairs.images[0, :30] - pairs.images[1, :30]).max() == 0


def test_a_gray_picture_among_those_of_two_channels_is_named_with_what_helps(tmp_path):
    images, masks = folder(tmp_path, {"b.tif": GRAY}, {"a.png": WHITE, "b.png": WHITE})
    tifffile.imwrite(images / "a.tif", np.stack([GRAY, GRAY // 2]), imagej=True, metadata={"axes": "CYX"})
    said = asked(images, masks, channel=1)
    assert "b.tif: is gray" in said and "move this one away, with its mask" in said and "a.tif" not in said
    (images / "b.tif").rename(tmp_path / "b.tif")
    (masks / "b.png").rename(tmp_path / "b.png")
    assert np.allclose(load_pairs(images, masks, channel=1).images[0, ..., 0], (GRAY // 2) / 255)
    gray = folder(tmp_path / "gray", {"b.tif": GRAY}, {"b.png": WHITE})
    assert "pass channel=0" in asked(*gray, channel=1) and load_pairs(*gray, channel=0).names == ["b"]


# --- which values are foreground --------------------------------------------------------------------------------------


def test_the_values_of_all_masks_are_named(tmp_path):
    pens = marked(tmp_path / "pens", a=pen([255, 0, 0]), b=pen([0, 0, 255]))
    assert "foreground=[(255, 0, 0), (0, 0, 255)]" in asked(*pens)
    assert is_right(load_pairs(*pens, foreground=[(255, 0, 0), (0, 0, 255)]), TRUTH, TRUTH)
    two = np.where(LABELS < 3, LABELS, 0)
    numbers = marked(tmp_path / "numbers", a=two * np.uint8(50), b=two * np.uint8(70))
    said = asked(*numbers)
    assert "foreground=[50, 70, 100, 140], or foreground='nonzero'" in said
    for foreground in ([50, 70, 100, 140], "nonzero"):
        assert is_right(load_pairs(*numbers, foreground=foreground), two > 0, two > 0)
    same = asked(*marked(tmp_path / "same", a=pen([255, 0, 0]), b=np.fliplr(pen([255, 0, 0]))))
    assert "foreground=(255, 0, 0)." in same
    both = marked(tmp_path / "both", a=pen([255, 0, 0]), b=WHITE)
    for wrong in (255, (255, 0, 0)):
        said = asked(*both, foreground=wrong)
        foreground = eval(said[said.rindex("foreground=") + 11 :].strip().rstrip("."))  # the advice for both kinds
        assert is_right(load_pairs(*both, foreground=foreground), TRUTH, TRUTH)


def test_a_mask_of_which_nothing_is_foreground_is_pointed_out_if_its_values_are_strange(tmp_path):
    pens = marked(tmp_path / "pens", a=pen([255, 0, 0]), b=pen([0, 0, 255]))
    with pytest.warns(UserWarning, match=r"1 of 2 masks hold nothing of the foreground.*\(#0000ff\): b"):
        assert load_pairs(*pens, foreground=(255, 0, 0)).masks[1].sum() == 0
    numbers = marked(tmp_path / "numbers", a=np.where(LABELS < 3, LABELS * 50, 0).astype(np.uint8), b=np.where(LABELS < 3, LABELS * 70, 0).astype(np.uint8))
    with pytest.warns(UserWarning, match=r"\(70, 140\): b"):
        load_pairs(*numbers, foreground=100)
    with warnings.catch_warnings():  # a picture without the class that was asked for is no fault
        warnings.simplefilter("error")
        load_pairs(*marked(tmp_path / "classes", a=LABELS, b=np.where(LABELS == 3, 0, LABELS).astype(np.uint8)), foreground=3)


def test_a_picture_without_objects_among_colored_masks_is_empty(tmp_path):
    paper = pen([255, 0, 0]) * 0 + 255
    dirs = marked(tmp_path / "red", a=pen([255, 0, 0]), b=paper)
    assert "foreground=(255, 0, 0)" in asked(*dirs)
    assert is_right(load_pairs(*dirs, foreground=(255, 0, 0)), TRUTH, TRUTH * 0)
    colors = np.zeros((40, 56, 3), np.uint8)
    colors[LABELS == 1], colors[LABELS == 2] = (255, 0, 0), (0, 255, 0)
    assert is_right(load_pairs(*marked(tmp_path / "two", a=colors, b=colors * 0), foreground=(255, 0, 0)), LABELS == 1, TRUTH * 0)
    alone = marked(tmp_path / "gray", a=WHITE, b=WHITE)
    assert "is gray, and foreground is the color" in asked(*alone, foreground=(255, 0, 0))
    assert "occurs in none" in asked(*marked(tmp_path / "none", a=np.dstack([WHITE] * 3)), foreground=(255, 0, 0))
    brush = [np.dstack([WHITE * 0 + 255] * 3 + [alpha]) for alpha in (WHITE, WHITE * 0)]
    assert is_right(load_pairs(*marked(tmp_path / "brush", a=brush[0], b=brush[1])), TRUTH, TRUTH * 0)
    opaque = np.dstack([WHITE] * 3 + [WHITE * 0 + 255])
    assert is_right(load_pairs(*marked(tmp_path / "opaque", a=opaque)), TRUTH)


def test_an_index_of_colored_masks_takes_a_picture_without_objects(tmp_path):
    rng = np.random.default_rng(1)
    names = [f"patient{i}_1.png" for i in range(6)]
    dirs = folder(tmp_path, {name: rng.integers(0, 256, GRAY.shape, dtype=np.uint8) for name in names},
                  {name: pen([255, 0, 0]) if i else pen([255, 0, 0]) * 0 + 255 for i, name in enumerate(names)})
    for foreground in ("#ff0000", (255, 0, 0), [(255, 0, 0), 7]):
        path, notes = index_folder(*dirs, foreground=foreground, progress=False, overwrite=True)
        rows = [read_row(row)[0][1][..., 0] for row in Manifest(path)]
        assert not rows[0].any() and (rows[1] == TRUTH).all() and notes[-1].startswith("6 pairs of 6 sources")


def test_noise_around_two_levels_is_cut_between_them(tmp_path):
    noise = np.random.default_rng(1).integers(-2, 3, WHITE.shape)
    dirs = marked(tmp_path / "a", a=np.clip(WHITE + noise, 0, 255).astype(np.uint8))
    assert "pass foreground='half'" in asked(*dirs) and "253" not in asked(*dirs).split("objects.")[1]
    assert is_right(load_pairs(*dirs, foreground="half"), TRUTH)
    dirs = marked(tmp_path / "b", a=np.clip(TRUTH * 100 + noise, 0, 255).astype(np.uint8))
    assert "pass foreground='above 50'" in asked(*dirs)
    assert is_right(load_pairs(*dirs, foreground="above 50"), TRUTH)
    void = asked(*marked(tmp_path / "c", a=np.where(LABELS == 2, 255, LABELS == 1).astype(np.uint8)))
    assert "foreground=1, or" in void, "255 beside small numbers is for what nobody marked"


@pytest.mark.parametrize(("name", "kind", "how"), [("a.jpg", "JPEG", {"quality": 80}), ("a.webp", "WEBP", {"quality": 60})])
def test_what_was_saved_with_losses_is_read_by_levels(tmp_path, name, kind, how):
    truth, labels = large(TRUTH), large(LABELS)
    two = folder(tmp_path / "two", {"a.png": large(GRAY)}, {name: saved(truth * np.uint8(255), kind, **how)})
    for foreground in (None, "half", 255):
        assert (load_pairs(*two, foreground=foreground).masks[0, ..., 0] == truth).mean() > 0.999
    three = np.where(labels == 1, 128, truth * 255).astype(np.uint8)
    dirs = folder(tmp_path / "three", {"a.png": large(GRAY)}, {name: saved(three, kind, **how)})
    said = asked(*dirs)
    assert "foreground='above 64'" in said and "foreground='above 191'" in said
    for foreground, right in (("above 64", truth), ("above 191", labels > 1), (128, labels == 1)):
        assert (load_pairs(*dirs, foreground=foreground).masks[0, ..., 0] == right).mean() > 0.99
    assert "occurs in none" in asked(*dirs, foreground=32)
    rough = np.where(labels == 1, 117, truth * 255).astype(np.uint8)  # after which hardly a pixel is 117
    dirs = folder(tmp_path / "rough", {"a.png": large(GRAY)}, {name: saved(rough, kind, quality=15)})
    assert (load_pairs(*dirs, foreground=117).masks[0, ..., 0] == (labels == 1)).mean() > 0.98
    red = np.where(truth[..., None] > 0, np.uint8([255, 0, 0]), np.uint8(255))
    dirs = folder(tmp_path / "red", {"a.png": large(GRAY), "b.png": large(GRAY)}, {name: saved(red, kind, **how), "b.png": red * 0 + 255})
    pairs = load_pairs(*dirs, foreground=(255, 0, 0))
    assert (pairs.masks[0, ..., 0] == truth).mean() > 0.99 and pairs.masks[1].sum() == 0


def test_objects_numbered_in_one_channel_are_numbers(tmp_path):
    def in_red(labels):
        return np.dstack([labels.astype(np.uint8), TRUTH * 0, TRUTH * 0, TRUTH * 0 + 255])

    pairs = load_pairs(*marked(tmp_path / "a", a=in_red(LABELS)))
    assert is_right(pairs, TRUTH) and (pairs.labels[0] == LABELS).all()
    two = np.where(LABELS < 3, LABELS, 0)
    said = asked(*marked(tmp_path / "b", a=in_red(two)))
    assert "0, 1, 2" in said and "foreground='nonzero'" in said and "(0, 0, 0)" not in said
    assert is_right(load_pairs(tmp_path / "b" / "images", tmp_path / "b" / "masks", foreground="nonzero"), two > 0)
    assert is_right(load_pairs(tmp_path / "b" / "images", tmp_path / "b" / "masks", foreground=(2, 0, 0)), two == 2)
    dark = marked(tmp_path / "c", a=np.dstack([(LABELS == 1) * 40, (LABELS == 2) * 40, LABELS * 0]).astype(np.uint8))
    assert "foreground=(40, 0, 0)" in asked(*dark) or "foreground=(0, 40, 0)" in asked(*dark), "never the background"


def test_floats_a_hair_from_whole_numbers_are_whole(tmp_path):
    dirs = folder(tmp_path, {"a.png": GRAY}, {"a.tif": TRUTH * np.float32(0.9999999)})
    assert is_right(load_pairs(*dirs), TRUTH)
    dirs = folder(tmp_path / "b", {"a.png": GRAY}, {"a.tif": TRUTH * np.float32(0.9876543)})
    assert "fractions such as 0.987654." in asked(*dirs)


# --- palettes ---------------------------------------------------------------------------------------------------------


def with_palette(numbers, palette, kind="PNG"):
    picture = Image.new("P", numbers.shape[::-1])
    picture.frombytes(np.ascontiguousarray(numbers, np.uint8).tobytes())
    picture.putpalette(palette)
    file = io.BytesIO()
    picture.save(file, kind, **({"optimize": False} if kind == "GIF" else {}))
    return file.getvalue()


VOC = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128] + [7] * 750 + [224, 224, 192]


def test_a_palette_of_one_color_is_left_for_its_numbers(tmp_path):
    colors = np.zeros((3, 256), np.uint16)
    colors[:, 1:5] = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]]).T  # up to 255 in place of 65535
    dirs = folder(tmp_path, {f"{name}.png": GRAY for name in "abc"}, {"b.png": with_palette(TRUTH, [0] * 768), "c.png": WHITE})
    tifffile.imwrite(dirs[1] / "a.tif", LABELS, photometric="palette", colormap=colors)
    pairs = load_pairs(*dirs)
    assert is_right(pairs, TRUTH, TRUTH, TRUTH) and "its palette shows one color alone, so its numbers 0, 1" in pairs.table()
    blank = folder(tmp_path / "blank", {"a.png": GRAY}, {"a.png": with_palette(TRUTH * 0, VOC)})
    assert is_right(quietly(*blank), TRUTH * 0)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_classes_are_the_numbers_of_a_palette(tmp_path, kind):
    classes = np.where(LABELS < 3, LABELS, 0)
    classes[0] = 255
    name = f"a.{kind.lower()}"
    dirs = folder(tmp_path, {"a.png": GRAY}, {name: with_palette(classes, VOC, kind)})
    pairs = load_pairs(*dirs, classes=3)
    assert is_right(pairs, classes) and "classes 0, 1, 2, of its palette, some unmarked" in pairs.records[0].mask
    assert "colors" in asked(*dirs), "without classes=, the colors are asked about"
    black_and_white = folder(tmp_path / "b", {"a.png": GRAY}, {name: with_palette(TRUTH, [0, 0, 0] + [255] * 765, kind)})
    assert is_right(load_pairs(*black_and_white, classes=2), TRUTH) and is_right(load_pairs(*black_and_white), TRUTH)


def test_palettes_that_differ_are_no_classes(tmp_path):
    other = [0, 0, 0, 0, 128, 0, 128, 0, 0] + [7] * 759
    dirs = folder(tmp_path, {"a.png": GRAY, "b.png": GRAY}, {"a.png": with_palette(LABELS % 3, VOC), "b.png": with_palette(LABELS % 3, other)})
    assert "the number 1 of its palette is the color (0, 128, 0), and in a.png it is (128, 0, 0)" in asked(*dirs, classes=3)


# --- objects or classes, outlines or areas ----------------------------------------------------------------------------


def organs(missing=()):
    bars = np.zeros((40, 56), np.uint8)
    for number in range(1, 8):
        bars[5 * number : 5 * number + 2, 5:40] = 0 if number in missing else number
    return bars


def boxes(count, first=1):
    drawn = np.zeros((40, 56), np.uint8)
    for i in range(count):
        drawn[1 + 6 * (i // 8) : 5 + 6 * (i // 8), 1 + 7 * (i % 8) : 6 + 7 * (i % 8)] = first + i
    return drawn


@pytest.mark.parametrize(("masks", "are_classes"), [
    ([organs()] * 3, True), ([organs(), organs(), organs((3, 5)), organs((2,))], True), ([boxes(6), boxes(9), boxes(14)], False),
    ([boxes(8, 1), boxes(8, 12), boxes(8, 23), boxes(8, 34)], False), ([organs()], False),
])
def test_the_same_numbers_in_every_mask_look_like_classes(tmp_path, masks, are_classes):
    pairs = load_pairs(*marked(tmp_path, **{"abcd"[i]: mask for i, mask in enumerate(masks)}))
    assert "objects" in pairs.records[0].mask
    assert any("as classes are" in remark for remark in pairs.remarks) == are_classes
    if are_classes:
        assert "foreground=1, or keep all with load_pairs(..., classes=8)" in pairs.table()
        assert is_right(load_pairs(tmp_path / "images", tmp_path / "masks", classes=8), *masks)


def outlines(*circles):
    lines, areas = np.zeros((320, 448), np.uint8), np.zeros((320, 448), np.uint8)
    for place, radius in circles:
        cv2.circle(lines, place, radius, 255, 1)
        cv2.circle(areas, place, radius, 1, -1)
    return lines, areas


def test_outlines_are_closed_along_the_border(tmp_path):
    cut = [((112, 112), 60), ((300, 200), 70), ((0, 250), 50), ((447, 60), 50), ((20, 20), 30), ((440, 310), 40)]
    lines, areas = outlines(*cut)  # one of them leaves the corner of the picture outside
    pairs = load_pairs(*marked(tmp_path, a=lines), fill=True)
    assert is_right(pairs, areas) and not pairs.remarks
    solid = large(WHITE)
    assert (filled_to_the_border(solid > 0)[0] == (solid > 0)).all(), "between areas at the border lies background"


def test_outlines_that_stay_open_are_counted_and_named(tmp_path):
    lines, areas = outlines(((112, 112), 60))
    cv2.ellipse(lines, (330, 200), (80, 60), 0, 0, 300, 255, 2)
    with pytest.warns(UserWarning, match="1 outline stayed open and was not filled, in a"):
        pairs = load_pairs(*marked(tmp_path / "a", a=lines), fill=True)
    assert (pairs.masks[0, :, :200, 0] == areas[:, :200]).all()
    for i, circle in enumerate([((0, 160), 400), ((0, 0), 480), ((224, 160), 240)]):  # larger than what is outside
        inside, opened = filled_to_the_border(outlines(circle)[0] > 0)
        assert opened == (4 if i == 2 else 1) and inside.mean() < 0.02, circle


def test_an_index_says_what_load_pairs_says(tmp_path):
    solid = large(WHITE)
    kinds = {
        "outlines": (solid - cv2.erode(solid, np.ones((3, 3), np.uint8)), "are outlines", "fill=True"),
        "inverted": (255 - cv2.erode(solid, np.ones((9, 9), np.uint8)), "look inverted", "invert=True"),
        "empty": (solid * 0, "are empty", ""), "full": (solid * 0 + 255, "are full", ""),
        "classes": (large(organs()), "as classes are", "classes=8"), "sound": (solid, None, ""),
    }
    for kind, (mask, said, remedy) in kinds.items():
        names = [f"patient{i}_1.png" for i in range(6)]
        dirs = folder(tmp_path / kind, {name: np.roll(large(GRAY), 9 * i, 1) for i, name in enumerate(names)}, dict.fromkeys(names, mask))
        path, notes = index_folder(*dirs, progress=False)
        loaded = quietly(*dirs).remarks
        if said is None:
            assert len(notes) == 1 and not [remark for remark in loaded if "slices" not in remark and "csv" not in remark]
            continue
        assert any(said in note and remedy in note for note in notes), (kind, notes)
        assert any(said in remark for remark in loaded) and notes[-1].startswith("6 pairs") and path.exists()
    with pytest.raises(TypeError):  # which is why its notes say: load them with load_pairs, write them, index these
        index_folder(*dirs, fill=True)


def test_the_remedy_for_an_index_of_outlines_works(tmp_path):
    lines, areas = outlines(((112, 112), 60), ((0, 250), 50))
    names = [f"patient{i}_1" for i in range(6)]
    dirs = folder(tmp_path, {f"{name}.png": np.roll(large(GRAY), 9 * i, 1) for i, name in enumerate(names)}, {f"{name}.png": lines for name in names})
    pairs = load_pairs(*dirs, fill=True)
    for name, mask in zip(pairs.names, pairs.masks):
        own.save_mask(mask, tmp_path / "areas" / f"{name}.png")
    path, notes = index_folder(dirs[0], tmp_path / "areas", progress=False)
    assert len(notes) == 1 and (read_row(Manifest(path)[0])[0][1][..., 0] == areas).all()


def test_masks_of_single_objects_are_asked_about_without_settings_that_do_not_reach_them(tmp_path):
    (tmp_path / "a" / "images").mkdir(parents=True)
    (tmp_path / "a" / "masks").mkdir()
    Image.fromarray(GRAY).save(tmp_path / "a" / "images" / "a.png")
    for i in (1, 2):
        Image.fromarray(np.where(LABELS == i, 255, (LABELS == 3) * 128).astype(np.uint8)).save(tmp_path / "a" / "masks" / f"{i}.png")
    said = asked(tmp_path)
    assert "three values" in said and "Save 0 for background and 255 for the object." in said and "foreground=" not in said


# --- one channel of several, and half of what all masks hold ----------------------------------------------------------


def test_the_values_of_the_channel_that_was_taken_are_told(tmp_path):
    dim, bright = GRAY.astype(np.uint16) * 11, np.full(GRAY.shape, 60_000, np.uint16)
    both = io.BytesIO()
    tifffile.imwrite(both, np.stack([dim, bright]), imagej=True, metadata={"axes": "CYX"})
    dirs = folder(tmp_path, {"a.tif": both.getvalue()}, {"a.png": WHITE})
    pairs = quietly(*dirs, channel=0)
    assert pairs.records[0].values == (dim.min(), dim.max())
    assert "60000" not in own.inspect_pictures(dirs[0], channel=0)


def test_a_fraction_is_no_number_of_a_mask(tmp_path):
    dirs = marked(tmp_path, a=TRUTH)
    with pytest.raises(PictureError, match=r"foreground is 0\.5, and masks hold whole numbers.*'above 0'"):
        load_pairs(*dirs, foreground=0.5)
    assert quietly(*dirs, foreground="above 0").masks[0].sum() == TRUTH.sum()  # as the words say
    assert quietly(*dirs, foreground=1.0).masks[0].sum() == TRUTH.sum()


@pytest.mark.parametrize("foreground", [float("nan"), float("inf"), (0.5, 0, 0), [1, 0.25], ("red", 0, 0)])
def test_what_no_mask_can_hold_is_no_foreground(foreground, tmp_path):
    with pytest.raises(PictureError, match="and masks hold whole numbers"):
        load_pairs(*marked(tmp_path, a=TRUTH), foreground=foreground)


@pytest.mark.parametrize("color", ["#fff", "#f00", "#ff00000", "#"])
def test_a_color_has_six_digits(color, tmp_path):
    with pytest.raises(PictureError, match="expected nonzero.* or a color such as #ff0000"):
        index_folder(*marked(tmp_path, a=WHITE), foreground=color, progress=False)


def test_half_is_half_of_what_all_masks_hold_also_in_what_is_said_of_them(tmp_path):
    noise = np.where(np.random.default_rng(1).random(GRAY.shape) < 0.9, 3, 0).astype(np.uint16)
    masks = {f"m{k}.tif": TRUTH.astype(np.uint16) * 40_000 for k in range(5)} | {"m5.tif": noise}
    dirs = folder(tmp_path, {name: GRAY + np.uint8(k) for k, name in enumerate(masks)}, masks)
    path, notes = index_folder(*dirs, foreground="half", progress=False)
    manifest = Manifest(path)
    assert [read_row(row)[0][1].sum() for row in manifest] == [TRUTH.sum()] * 5 + [0]
    loaded = quietly(*dirs, foreground="half")
    assert [mask.sum() for mask in loaded.masks] == [TRUTH.sum()] * 5 + [0]
    assert len(notes) == 1, notes  # by the half of its own numbers the empty mask would look inverted
