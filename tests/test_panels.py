"""Panels: every slider over its whole range, the corners, errors in words, and what stays when the kernel is gone."""

import gc
import itertools
import subprocess
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from helpers import drawing, panels
from helpers.evaluation import best_threshold
from helpers.instances import connected_objects
from helpers.panels import shell, stills, views as show
from helpers.panels.steady_scenes import draw_steady_lesions
from helpers.synthesis import CircleScene, make_dataset

ROOT = Path(__file__).resolve().parent.parent


def network():
    """The network that ships, or a small untrained one."""
    from helpers.anatomy import build_unet
    from helpers.training import load_network

    path = ROOT / "models" / "unet_circles.keras"
    return load_network(path) if path.exists() else build_unet(depth=3, filters=4)


@pytest.fixture(scope="module")
def unet():
    pytest.importorskip("tensorflow")
    return network()


@pytest.fixture(scope="module")
def book(unet):
    from helpers.panels.callbacks import FlipBook

    images, masks = make_dataset(3, CircleScene(), seed=5)
    book = FlipBook(images, masks)
    book.set_model(unet)
    book.on_train_begin()
    for epoch in range(4):
        book.on_epoch_end(epoch)
    return book


PANELS = ("difficulty", "architect", "schedule", "features", "flip", "stress", "counting")
NEED_NETWORK = ("architect", "features", "flip", "stress")


def connected_pieces(images):
    return connected_objects((images > 0.6).astype(np.uint8), min_area=9)


@pytest.fixture(params=PANELS)
def panel(request):
    name = request.param
    if name in NEED_NETWORK:
        pytest.importorskip("tensorflow")
    if name == "difficulty":
        return panels.difficulty_panel()
    if name == "architect":
        return panels.architect_panel()
    if name == "schedule":
        return panels.schedule_panel()
    if name == "counting":
        return panels.counting_panel({"Pieces": connected_pieces, "None": lambda images: np.zeros(images.shape, np.int32)})
    if name == "flip":
        return panels.flip_panel(request.getfixturevalue("book"))
    unet = request.getfixturevalue("unet")
    if name == "stress":
        return panels.stress_panel(unet)
    return panels.feature_panel(unet, make_dataset(4, CircleScene(), seed=5)[0])


def shown(panel):
    """What the panel shows."""
    return panel.answer["views"]


def complaint(panel):
    return panel.answer["message"]


def values(dial):
    """Every value of a control, at most 40 of them, both ends included."""
    if isinstance(dial.values, list):
        return dial.values
    low, high, step = dial.values
    count = round((high - low) / step)
    chosen = sorted({round(i) for i in np.linspace(0, count, min(count, 39) + 1)})
    return [low + i * step if isinstance(step, int) else round(low + i * step, dial.digits) for i in chosen]


# --- every panel ------------------------------------------------------------------------------------------------------


def test_every_control_over_its_whole_range(panel):
    names, kinds = list(panel.draw(**panel.settings).facts), [view["kind"] for view in shown(panel)]
    for name, dial in panel.dials.items():
        for value in values(dial):
            setattr(panel, name, value)
            assert not complaint(panel), f"{name} = {value}"
            assert panel.settings[name] == value == getattr(panel, name)
        drawn = panel.draw(**panel.settings)
        assert shown(panel) == drawn.views, f"{name}: the panel shows something else"
        assert list(drawn.facts) == names, "facts must not come and go"
        assert [view["kind"] for view in drawn.views] == kinds, "views must not come and go"
        assert panel.answer["facts"] == [list(fact) for fact in drawn.facts.items()]
        assert panel.answer["caption"] == drawn.caption
        panel.reset()


def test_all_corners_together(panel):
    ends = [(values(dial)[0], values(dial)[-1]) for dial in panel.dials.values()]
    kinds = [view["kind"] for view in shown(panel)]
    for corner in itertools.product(*ends):
        panel.set(**dict(zip(panel.dials, corner)))
        assert not complaint(panel), dict(zip(panel.dials, corner))
        assert [view["kind"] for view in shown(panel)] == kinds
    assert shown(panel) == panel.draw(**panel.settings).views


def test_reset_and_what_the_front_sends(panel):
    start = shown(panel)
    name, dial = next(iter(panel.dials.items()))
    moved = values(dial)[-1] if values(dial)[-1] != dial.start else values(dial)[0]
    panel.settings = {**panel.settings, name: moved}  # so the front does it
    assert shown(panel) != start and getattr(panel, name) == moved
    panel.reset()
    assert shown(panel) == start and panel.settings == panel.start


def test_what_the_front_needs_is_described(panel):
    described = panel.spec["controls"]
    assert [one["name"] for one in described] == list(panel.dials)
    for one, dial in zip(described, panel.dials.values()):
        assert one["label"] and len(one["help"]) > 10 and one["start"] == dial.start
        assert set(one) >= ({"choices"} if isinstance(dial.values, list) else {"low", "high", "step", "digits"})
    following = panel.spec["next"]
    for settings in following.get("examples", [{}]):
        panel.set(**settings)
        assert not complaint(panel)
    assert following.get("control", described[0]["name"]) in panel.dials and following["label"]
    assert panel.spec["play"] in ("", *panel.dials)


def test_each_answer_is_a_new_one_and_several_settings_are_one(panel, monkeypatch):
    calls, draw = [], panel.draw
    monkeypatch.setitem(panel.__dict__, "draw", lambda **settings: calls.append(settings) or draw(**settings))
    numbers = {panel.answer["number"]}
    panel.set(**{name: values(dial)[-1] for name, dial in panel.dials.items()})
    numbers.add(panel.answer["number"])
    panel.set(**{name: values(dial)[0] for name, dial in panel.dials.items()})
    numbers.add(panel.answer["number"])
    assert len(calls) == 2 and len(numbers) == 3


def test_what_a_saved_notebook_keeps_is_the_same_every_time(panel, monkeypatch):
    seen = []
    monkeypatch.setattr(shell, "display", lambda data, **kwargs: seen.append(data))
    panel._ipython_display_()
    view, still = seen
    assert view["text/plain"] == repr(panel) and "0x" not in repr(panel) and panel.title in repr(panel)
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.model_id
    assert still["text/html"] == f'<div class="unet-still" data-unet-still="{panel.spec["id"]}"></div>'


def test_the_last_picture_is_kept_when_the_hand_rests(panel, monkeypatch):
    class Handle:
        def update(self, data, raw):
            kept.append(data["text/html"])

    kept = []
    monkeypatch.setattr(shell, "display", lambda data, **kwargs: Handle())
    panel._ipython_display_()
    name, dial = next(iter(panel.dials.items()))
    setattr(panel, name, values(dial)[0])
    panel._handle_custom_msg({"kind": "rest", "html": "<figure>what the front has drawn</figure>"}, [])
    assert "<figure>what the front has drawn</figure>" in kept[0]
    assert f"{name} {values(dial)[0]}" in kept[0] and "Run this cell to move its sliders again." in kept[0]
    assert panel.spec["id"] in kept[0]


def test_an_error_is_shown_in_words_and_the_panel_goes_on(panel, monkeypatch):
    draw, before = panel.draw, shown(panel)

    def broken(**settings):
        raise RuntimeError("the <disc> fell off the table")

    panel.draw = broken
    panel.redraw()
    assert "RuntimeError: the <disc> fell off the table." in complaint(panel)
    assert shown(panel) == before
    panel.draw = draw
    panel.redraw()
    assert not complaint(panel) and shown(panel) == draw(**panel.settings).views


# --- the controls' edges ----------------------------------------------------------------------------------------------


def test_python_moves_a_slider_and_impossible_values_are_refused_in_words():
    panel = panels.difficulty_panel()
    panel.noise = 0.3
    assert panel.settings["noise"] == panel.noise == 0.3
    panel.noise = 0.2049
    assert panel.noise == 0.2, "the nearest value that the slider has"
    for value in (3, -0.1, "much", True, float("nan")):
        with pytest.raises(ValueError, match="choose a number from 0.0 to 0.5"):
            panel.noise = value
    with pytest.raises(ValueError, match="there is no control 'nose'; this panel has circles"):
        panel.set(nose=1)
    with pytest.raises(AttributeError, match="its settings are circles, noise"):
        panel.nose
    with pytest.raises(ValueError, match="choose one of cosine, constant, stepwise"):
        panels.schedule_panel().kind = "zigzag"


def test_a_value_error_is_shown_as_it_stands():
    panel = panels.Panel("t", panels.difficulty, [panels.Dial("radius", 10, (1, 60, 1), "too far")], new=("n", [{}]))
    panel.radius = 60
    assert "radius goes up to 60 pixels" in complaint(panel) and "ValueError" not in complaint(panel)
    panel.radius = 20
    assert not complaint(panel)


def test_forty_drags_leave_memory_where_it_was():
    panel = panels.difficulty_panel()

    def drag():
        for value in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
            panel.noise = value

    drag()
    gc.collect()
    tracemalloc.start()
    drag()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(40):
        drag()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 80_000, f"{after - before} bytes more after forty drags"


# --- stills -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("views", [
    panels.difficulty().views, [show.u_shape("U", [("encoder_1", 1, 8, 8, 4), ("bottleneck", 2, 4, 4, 8),
                                                   ("decoder_1", 1, 8, 8, 4)])],
    [show.u_shape("none", ())], [show.map_grid("maps", np.ones((8, 8, 5)), np.ones(5))], panels.schedule().views,
], ids=["pictures and bars", "u", "no u", "maps", "curves"])
def test_every_kind_of_view_has_a_still(views):
    result = panels.PanelResult([*views, show.products("sum", np.eye(3), np.eye(3), "words")], {}, "caption")
    figure = stills.figure_of([result, result], ["first", "second"], "title")
    drawn = [axis.get_title("left") for axis in figure.axes]
    assert len(drawn) == 2 * len(views), "each view but the sum has a place"
    assert drawn[0].startswith("first") and drawn[len(views)].startswith("second")
    assert all(axis.lines or axis.images or axis.patches or axis.collections or axis.texts for axis in figure.axes)


def test_a_still_shows_what_the_panel_shows():
    bars, picked = stills.figure_of([panels.difficulty(noise=0.02, vessels=0, contrast=1.0)]).axes, stills.figure_of([panels.PanelResult([
        show.picture("on a scan", np.zeros((8, 8)), "features", under=show.as_bytes(np.full((8, 8), 255)), below="words"),
        show.picture("chosen", np.zeros((8, 8)), "features", mark=[2, 5], pick=["row", "column"], below="click on a pixel"),
        show.picture("a square", np.zeros((8, 8)), truth=np.eye(8), box=[1, 1, 4, 4], below="the square is the field"),
    ], {}, "caption")]).axes
    (chart,) = [axis for axis in bars if axis.get_title("left") == "Gray levels"]
    ends = [bar.get_paths()[0].vertices[:, 0].max() for bar in chart.collections]
    assert ends == [1.0, 1.0], "white pixels have their bar"
    assert [text.get_text() for text in chart.get_legend().get_texts()] == ["background", "lesions", "threshold"]
    shown, chosen, square = picked
    assert shown.get_xlabel() == "words" and shown.images[0].get_array().min() > 80, "the scan shines through"
    assert chosen.get_xlabel() == "" and [patch.get_xy() for patch in chosen.patches] == [(5, 2)] * 2
    assert square.get_xlabel().split() == "the square is the field".split() and square.get_legend() and square.patches[0].get_width() == 4


def test_a_still_takes_captions_and_fixed_arguments(monkeypatch, capsys):
    monkeypatch.setattr(stills, "display", lambda data, **kwargs: None)
    panels.show_still(panels.difficulty, [{"noise": 0.0}, {"noise": 0.1}], ["clean", "grainy"], vessels=0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("clean: the best threshold") and lines[1].startswith("grainy:")
    assert lines[0].endswith(panels.difficulty(noise=0.0, vessels=0).caption)


def test_show_still_displays_a_png_with_words_and_prints_them(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(stills, "display", lambda data, **kwargs: seen.append((data, kwargs)))
    panels.show_still(panels.schedule, [{"kind": "cosine"}, {"kind": "constant"}], title="Two schedules")
    data, kwargs = seen[0]
    assert data["image/png"].startswith("iVBOR") and data["text/plain"].startswith("Two schedules")
    assert kwargs["raw"] and kwargs["metadata"]["image/png"]["alt"] == data["text/plain"]
    assert len(capsys.readouterr().out.splitlines()) == 2


# --- 01 ---------------------------------------------------------------------------------------------------------------


def test_difficulty_says_what_best_threshold_says():
    scene = CircleScene(96, 4, 10, 0.4, 0.2, 1.0, 0.6, 2)
    image, mask = panels.draw_steady(scene, 7)
    chosen = best_threshold(mask[None], image[None])
    facts = panels.difficulty(noise=0.2, seed=7).facts
    assert facts["best threshold"] == f"{chosen.threshold:.2f}" and facts["its Dice"] == f"{chosen.dice:.2f}"


def test_the_best_threshold_collapses_as_the_scan_gets_harder():
    def dice(**settings):
        return float(panels.difficulty(**settings).facts["its Dice"])

    assert dice(noise=0.0, illumination=0.0, vessels=0, blur=0.0) == 1.0
    assert dice(noise=0.4) < 0.5


def test_the_seed_keeps_the_discs_while_the_other_dials_move():
    def mask(**dials):
        scene = {"circles": 3, "radius": 8, "contrast": 0.4, "noise": 0.1, "blur": 1.0, "vessels": 2}
        return panels.draw_steady(CircleScene(**{**scene, **dials}), 5)[1]

    for dials in ({"noise": 0.4}, {"vessels": 6}, {"contrast": 0.1}, {"blur": 0.0}, {"illumination": 0.0}):
        assert np.array_equal(mask(**dials), mask()), dials
    more = mask(circles=4)
    assert (more >= mask()).all() and more.sum() > mask().sum()


def test_where_nothing_is_to_be_found_no_threshold_is_called_the_best(unet):
    shown = panels.difficulty(circles=0)
    assert shown.facts["best threshold"] == "nothing to find" and "no threshold is the best" in shown.caption
    shown = panels.stress(unet, circles=0, noise=0.0)
    assert shown.facts["best threshold's Dice"] == "nothing to find" and "there is no lesion" in shown.caption
    panel = panels.stress_panel(unet, threshold=0.46)
    assert panel.settings["threshold"] == 0.46, "it starts at the frozen threshold"


def test_no_lesions_and_nothing_but_lesions():
    assert panels.difficulty(circles=0).facts["lesions brighter by"] == "no lesions"
    assert panels.difficulty(circles=200, radius=48).facts["lesions brighter by"] == "no background"


def test_png_keeps_every_bit():
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    back = cv2.imdecode(np.frombuffer(drawing.as_png(picture), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(back, picture)


def test_import_leaves_tensorflow_and_matplotlib_alone():
    code = "import sys; import helpers.panels as p; p.difficulty_panel().seed = 3; p.schedule_panel().warmup = 0;"
    code += "print([m for m in ('tensorflow', 'keras', 'matplotlib', 'helpers.training', 'scipy', 'skimage') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# --- 02 ---------------------------------------------------------------------------------------------------------------


def test_architect_counts_what_the_built_network_has():
    pytest.importorskip("tensorflow")
    from helpers.anatomy import build_unet

    for settings in ({}, {"depth": 2, "filters": 16}, {"padding": "valid", "size": 92, "depth": 3}):
        size = settings.get("size", 96)
        built = build_unet((size, size, 1), **{k: v for k, v in settings.items() if k != "size"})
        facts = panels.architect(**settings).facts
        assert facts["weights"] == f"{built.count_params():,}"
        _, height, width, _ = built.output.shape
        assert facts["output"] == f"{height} x {width} px"
        convolutions = [layer for layer in built.layers if "Conv2D" in type(layer).__name__]
        numbers = sum(int(np.prod(layer.output.shape[1:])) for layer in convolutions)
        assert facts["activations, one picture"] == f"{4 * numbers / 1e6:,.1f} MB"


def test_architect_explains_impossible_settings_in_words():
    pytest.importorskip("tensorflow")
    drawn = panels.architect(depth=5, size=100)
    assert "crop or pad to 96 or 112" in drawn.caption and drawn.facts["weights"] == "none"
    assert list(drawn.facts) == list(panels.architect().facts)


def test_architect_offers_sizes_that_can_be_built():
    pytest.importorskip("tensorflow")
    for settings in ({"depth": 5, "size": 100}, {"padding": "valid"}, {"depth": 6, "size": 32, "padding": "valid"}):
        drawn = panels.architect(**settings)
        assert drawn.offers and drawn.note == drawn.caption
        for label, change in drawn.offers:
            assert str(change["size"]) in label and panels.architect(**{**settings, **change}).facts["weights"] != "none"
    assert not panels.architect().offers


def test_a_number_of_a_map_is_the_sum_of_its_products(unet):
    images = make_dataset(2, CircleScene(), seed=5)[0]
    for level in panels.feature_levels(unet):
        result = panels.feature_maps(unet, images, level, 1, map=0, row=3, column=2, input_map=1)
        maps = panels.read_features(unet, images[1])
        view = next(view for view in result.views if view["kind"] == "products")
        before = np.pad(maps[f"{level} input"], ((1, 1), (1, 1), (0, 0)))[3:6, 2:5, 1]
        window = np.array(view["window"])
        inside = slice(0, 3) if level != "probability" else slice(1, 2)
        np.testing.assert_allclose(window[inside, inside], before[inside, inside], atol=1e-3)
        own = (window * view["kernel"]).sum()
        assert f"add up to {own:.1f}"[:-1] in view["words"]
        assert f"turns that into {maps[level][3, 2, 0]:.2f}" in view["words"]


def test_the_field_of_a_number_is_what_moves_it(unet):
    from helpers.panels.feature_viewer import field_of

    images = make_dataset(1, CircleScene(), seed=5)[0]
    field = field_of(unet, images[0], "encoder_1", 40, 50, 3)
    rows, columns = np.nonzero(field)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (38, 42, 48, 52), "two 3x3 convolutions see 5x5"


def test_a_map_that_a_level_does_not_have_is_said(unet):
    images = make_dataset(1, CircleScene(), seed=5)[0]
    result = panels.feature_maps(unet, images, "bottleneck", 0, map=3, row=90, column=2)
    assert "bottleneck has 64 maps of 12 x 12 pixels, so what is shown is row 11" in result.note
    assert panels.feature_maps(unet, images, "bottleneck").note == ""


def test_feature_maps_are_what_the_layers_give(unet):
    import keras

    images = make_dataset(2, CircleScene(), seed=5)[0]
    levels = panels.feature_levels(unet)
    assert levels[0] == "encoder_1" and levels[-1] == "probability" and "bottleneck" in levels
    maps = panels.read_features(unet, images[1])
    for level in levels:
        direct = keras.Model(unet.input, unet.get_layer(level).output)(images[1:2], training=False)[0]
        np.testing.assert_allclose(maps[level], direct, atol=1e-4)
    with pytest.raises(ValueError, match="this network has encoder_1"):
        panels.feature_maps(unet, images, level="cellar")


# --- 03 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps, warmup", [(1000, 50), (300, 0), (100, 400), (7, 2)])
def test_cosine_is_the_schedule_of_the_training(steps, warmup):
    pytest.importorskip("tensorflow")
    from helpers.training import warmup_cosine

    schedule = warmup_cosine(0.003, steps, warmup)
    rates = panels.learning_rates(0.003, warmup, steps)
    for step in (0, 1, steps // 3, steps // 2, steps - 1):
        assert rates[step] == pytest.approx(float(schedule(step)), abs=1e-8)


def test_a_warm_up_that_is_cut_says_so():
    panel = panels.schedule_panel()
    assert panel.answer["note"] == ""
    panel.set(warmup=1000, steps=500)
    assert "A warm-up of 1000 is more than half of 500 steps, so 250 is used" in panel.answer["note"]
    assert panels.schedule(warmup=1000, steps=500).facts["reached at step"] == "250"


def test_the_button_trains_a_small_network_from_the_same_start_each_time():
    pytest.importorskip("tensorflow")
    panel, seen = panels.schedule_panel(), []
    panel.observe(lambda change: seen.append(change["new"]["more"]), "answer")
    panel.steps = 600
    for _ in range(2):
        panel._handle_custom_msg({"kind": "action"}, [])
    assert not complaint(panel) and len(shown(panel)) == 2
    first, second = [line["points"] for line in shown(panel)[1]["lines"]]
    assert first == second and len(first) == 30, "the same schedule gives the same losses"
    assert np.mean(first[-5:], axis=0)[1] < first[0][1] - 0.2, "it learns"
    assert True in seen and seen[-1] is False
    panel.peak = 0.0005
    panel._handle_custom_msg({"kind": "action"}, [])
    before, after = [line["points"] for line in shown(panel)[1]["lines"]]
    assert before == second and after[-1][1] > before[-1][1] + 0.02, "a low rate leaves more loss: bending it counts"


def test_the_other_schedules():
    assert (panels.learning_rates(0.01, 0, 50, "constant") == 0.01).all()
    steps = panels.learning_rates(0.01, 0, 100, "stepwise")
    assert np.allclose(np.unique(steps)[::-1], 0.01 * 0.5 ** np.arange(5))
    assert panels.learning_rates(0.01, 10, 100, "stepwise")[5] == pytest.approx(0.005)
    with pytest.raises(ValueError, match="choose 'cosine'"):
        panels.learning_rates(kind="zigzag")
    with pytest.raises(ValueError, match="must be positive"):
        panels.learning_rates(peak=0)


def test_curves_stand_odd_numbers():
    for log in ({}, {"loss": [1.0]}, {"loss": [float("nan"), 2e9], "val_loss": [float("nan")] * 2, "dice": [0, 1]}):
        for epochs in (1, 2, 300):
            result = panels.training_curves(log, epochs, note="a note")
            assert [view["kind"] for view in result.views] == ["chart"] * 2 and result.caption == "a note"
            assert all(np.isfinite(view["y"][:2]).all() for view in result.views) and len(result.facts) == 4


def test_monitor_draws_while_training_and_ends_without_times(unet, monkeypatch):
    from helpers.panels import callbacks

    shows = []

    class Handle:
        def update(self, data, **kwargs):
            shows.append(data)

    monkeypatch.setattr(callbacks, "get_ipython", lambda: object())
    monkeypatch.setattr(callbacks, "display", lambda data, **kwargs: shows.append(data) or Handle())
    notes = []
    monkeypatch.setattr(
        callbacks, "training_curves", lambda log, epochs, pictures, note: notes.append(note)
        or panels.training_curves(log, epochs, pictures, note)
    )
    images, masks = make_dataset(2, CircleScene(), seed=5)
    watch = callbacks.TrainingMonitor(images, masks, every=0)
    watch.set_model(unet)
    watch.set_params({"epochs": 3, "steps": 2})
    watch.on_train_begin()
    for epoch in range(3):
        watch.on_epoch_begin(epoch)
        for batch in range(2):
            watch.on_train_batch_end(batch)
        watch.on_epoch_end(epoch, {"loss": 1 / (epoch + 1), "val_loss": 1, "dice": 0.5, "val_dice": 0.4, "rate": 9})
    answer = watch._panel.answer
    watch.on_train_end()
    assert [view["kind"] for view in answer["views"]] == ["chart", "chart", "picture", "picture"]
    assert "epoch" not in shows[-1]["text/plain"].replace("an epoch", ""), "the words in the saved cell must not vary"
    assert len(shows) == 2 and "image/png" in shows[1] and "image/png" not in shows[0], "one live view, then one image"
    assert notes[0] == "Epoch 1 of 3: getting ready" and "s left" in notes[3] and notes[-1] == ""
    assert watch.log == {"loss": [1, 0.5, 1 / 3], "val_loss": [1] * 3, "dice": [0.5] * 3, "val_dice": [0.4] * 3}
    assert watch.result.facts["dice, validation"] == "0.400"


def test_a_fault_in_the_monitor_does_not_stop_the_training(unet, monkeypatch, capsys):
    from helpers.panels import callbacks

    def broken(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(callbacks, "training_curves", broken)
    watch = callbacks.TrainingMonitor(every=0)
    watch.set_params({"epochs": 1, "steps": 1})
    watch.on_train_begin()
    watch.on_epoch_begin(0)
    watch.on_train_batch_end(0)
    watch.on_epoch_end(0, {"loss": 1.0})
    watch.on_train_end()
    assert capsys.readouterr().out.count("no ink") == 1 and watch.log == {"loss": [1.0]}


def test_monitor_and_flip_book_in_a_real_training(tmp_path):
    pytest.importorskip("tensorflow")
    from helpers.anatomy import build_unet
    from helpers.panels.callbacks import FlipBook, TrainingMonitor
    from helpers.training import train_unet

    scene = CircleScene(size=32)
    train, validation = make_dataset(16, scene, seed=1), make_dataset(4, scene, seed=2)
    book, watch = FlipBook(validation[0][:2], validation[1][:2]), TrainingMonitor(every=0)
    model = build_unet(depth=2, filters=4)
    history = train_unet(model, train, validation, tmp_path / "run", epochs=2, batch_size=8, callbacks=[book, watch])
    assert watch.log["loss"] == pytest.approx(history.history["loss"], abs=1e-5) and watch.fault is None
    assert book.times == [0, 1, 2] and np.asarray(book.pages).shape == (3, 2, 32, 32)
    assert panels.flip_panel(book).settings["page"] == 0  # the learning begins at its beginning


def test_a_flip_book_by_steps_keeps_the_first_of_them_and_the_end():
    from helpers.panels.callbacks import FlipBook

    images, masks = make_dataset(2, CircleScene(size=32), seed=2)
    book = FlipBook(images, masks, steps=(1, 5, 10, 500))
    book.set_model(lambda images, training: np.zeros((len(images), 32, 32, 1), np.float32))
    book.on_train_begin()
    for epoch in range(3):
        for batch in range(7):
            book.on_train_batch_end(batch)
        book.on_epoch_end(epoch)
    book.on_train_end()
    assert book.times == [0, 1, 5, 10, 21] and len(book.pages) == 5
    assert book.draw(2).facts["network"] == "after step 5" and book.draw(0).facts["network"] == "before training"
    assert panels.flip_panel(book).settings["page"] == 0
    with pytest.raises(ValueError, match="count from 1"):
        FlipBook(images, masks, steps=(0, 5))


def test_flip_book_stays_small(book, monkeypatch):
    from helpers.panels import callbacks

    monkeypatch.setattr(callbacks, "MOST_PAGES", 10)
    small = callbacks.FlipBook(book.images[:1], book.masks[:1])
    small.set_model(lambda images, training: np.zeros((len(images), 96, 96, 1), np.float32))
    small.on_train_begin()
    for epoch in range(57):
        small.on_epoch_end(epoch)
    assert len(small.pages) == len(small.times) <= 10
    assert set(np.diff(small.times)) == {8} and small.times[0] == 0 and small.times[-1] == 56


def test_flip_book_says_what_it_cannot_keep(unet):
    from helpers.panels.callbacks import FlipBook

    images, masks = make_dataset(9, CircleScene(size=32))
    with pytest.raises(ValueError, match="images\\[:8\\]"):
        FlipBook(images, masks)
    with pytest.raises(ValueError, match="callbacks=\\[book\\]"):
        panels.flip_panel(FlipBook(images[:1], masks[:1]))


# --- 04 ---------------------------------------------------------------------------------------------------------------


def test_stress_agrees_with_predict_and_dice(unet):
    from helpers.evaluation import dice_per_image
    from helpers.training import predict

    scene = CircleScene(96, 5, (5, 15), 0.3, 0.2, vessels=2)
    image, mask = panels.draw_steady(scene, 9)
    found = (predict(unet, image[None]) >= 0.7).astype(np.uint8)
    facts = panels.stress(unet, circles=5, contrast=0.3, noise=0.2, threshold=0.7, seed=9).facts
    assert facts["network's Dice"] == f"{dice_per_image(mask[None], found)[0]:.2f}"
    assert facts["false positives"] == f"{int(((found == 1) & (mask[None] == 0)).sum())} px"
    assert facts["missed"] == f"{int(((found == 0) & (mask[None] == 1)).sum())} px"


def test_stress_says_which_sizes_the_network_takes(unet):
    panel = panels.stress_panel(unet, size=50)
    assert "height is 50 pixels" in complaint(panel) and "crop or pad to" in complaint(panel)


# --- the site ---------------------------------------------------------------------------------------------------------


def test_the_controls_on_the_site_are_those_of_the_notebook():
    pytest.importorskip("tensorflow")
    from helpers.panels.__main__ import specs

    written = (ROOT / "web" / "brains" / "specs.js").read_text(encoding="utf-8")
    assert written == specs(), "run: python -m helpers.panels"


# --- counting ---------------------------------------------------------------------------------------------------------


def test_counting_tells_what_each_method_counts_and_a_hidden_lesion_is_no_lesion():
    perfect = {}
    for circles in (0, 1, 8, 25):
        scene = CircleScene(96, circles, radius=(5, 10), contrast=0.4, noise=0.1, vessels=2)
        _, lesions = draw_steady_lesions(scene, 5)
        there = len(np.unique(lesions)) - 1
        assert there <= circles
        perfect["Perfect"] = lambda images, labels=lesions: labels[None].astype(np.int32)
        shown = panels.count_lesions(perfect, circles=circles)
        assert shown.facts["lesions to be seen"] == str(there)
        assert shown.facts["Perfect"] == f"{there}; 0 missed, 0 invented, F1 1.00"
        assert shown.caption.startswith(f"{there} lesions are to be seen; counted are: Hough circles ")
        assert shown.caption.endswith(f"Perfect {there}.")


def test_steady_lesions_are_those_of_the_mask():
    scene = CircleScene(96, 6, radius=8, contrast=0.4, noise=0.1, blur=1.0, illumination=0.6, vessels=2)
    image, lesions = draw_steady_lesions(scene, 3)
    again, mask = panels.draw_steady(scene, 3)
    assert np.array_equal(image, again) and np.array_equal(lesions > 0, mask)
