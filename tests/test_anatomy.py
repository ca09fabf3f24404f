"""What a student relies on in notebook 02: shapes, weights and receptive fields, and errors that help."""

import inspect

import cv2
import keras
import numpy as np
import pytest
from helpers.anatomy import (
    RULES, build_unet, check_sizes, conv_block, conv_weights, input_gradient, measured_receptive_field, output_size,
    receptive_field, shape_table, unet_depth,
)
from keras import layers


def test_the_paper_s_network():
    model = build_unet((572, 572, 1), depth=5, filters=64, padding="valid")
    assert model.output_shape == (None, 388, 388, 1)
    assert 30.9e6 < model.count_params() < 31.2e6
    crops = [layer.cropping[0][0] for layer in model.layers if isinstance(layer, layers.Cropping2D)]
    assert sorted(crops) == [4, 16, 40, 88]  # figure 1 of the paper: 64 to 56, 136 to 104, 280 to 200, 568 to 392


def test_it_ends_in_probabilities_and_expects_the_prior():
    model = build_unet(prior=0.2)
    assert model.layers[-1].activation is keras.activations.sigmoid
    gray = np.array(model(np.full((1, 64, 64, 1), 0.5, np.float32)))
    np.testing.assert_allclose(gray, 0.2, atol=1e-6)  # mid gray becomes 0 at the input, so only the bias is left
    scores = np.array(model(np.random.default_rng(0).random((2, 64, 96, 1), dtype=np.float32)))
    assert scores.shape == (2, 64, 96, 1) and 0 < scores.min() < scores.max() < 1


@pytest.mark.parametrize(("classes", "prior"), [(2, 0.1), (3, 0.2), (5, 0.5)])
def test_several_classes_share_the_prior_and_add_up_to_one(classes, prior):
    model = build_unet(classes=classes, prior=prior, depth=2)
    assert model.output_shape == (None, None, None, classes)
    gray = np.array(model(np.full((1, 8, 8, 1), 0.5, np.float32)))[0, 0, 0]  # mid gray: only the bias is left
    np.testing.assert_allclose(gray, [1 - prior] + [prior / (classes - 1)] * (classes - 1), atol=1e-6)
    scan = np.random.default_rng(0).random((2, 16, 24, 1), dtype=np.float32)
    np.testing.assert_allclose(np.array(model(scan)).sum(axis=-1), 1, atol=1e-5)


def test_one_class_is_the_same_network_as_ever():
    assert build_unet(classes=1).to_json() == build_unet().to_json()


def test_probabilities_are_float32_even_in_mixed_precision():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        assert np.array(build_unet(depth=2)(np.zeros((1, 8, 8, 1), np.float32))).dtype == np.float32
    finally:
        keras.mixed_precision.set_dtype_policy(before)


@pytest.mark.parametrize("name", inspect.signature(build_unet).parameters)
def test_every_argument_but_a_switch_is_checked(name):
    assert name in RULES or name == "skips"


@pytest.mark.parametrize("filters", [1, 2, 4, 8, 24])
def test_group_normalization_takes_the_filters_that_it_says(filters):
    assert build_unet(depth=3, filters=filters, normalization="group").count_params()


def test_the_gradient_stays_within_the_field_and_is_strongest_in_its_middle():
    keras.utils.set_random_seed(0)
    model = build_unet(depth=3)
    scans = np.random.default_rng(0).random((4, 64, 64, 1), dtype=np.float32)
    strength = input_gradient(model, scans, 32, 32)
    assert strength.shape == (4, 64, 64) and strength.min() >= 0 and strength.any()
    rows = np.flatnonzero(strength.any(axis=(0, 2)))
    assert rows[-1] - rows[0] + 1 <= receptive_field(3)
    with pytest.raises(Exception, match="out of bounds|slice index"):
        input_gradient(model, scans, 64, 64)


def test_the_gradient_is_that_of_a_prediction_not_of_a_training_step():
    model = build_unet(depth=2, filters=4, normalization="batch", dropout=0.5)
    scans = np.random.default_rng(0).random((2, 16, 16, 1), dtype=np.float32)
    first, second = (input_gradient(model, scans, 8, 8) for _ in range(2))
    np.testing.assert_array_equal(first, second)  # dropout would draw anew
    np.testing.assert_allclose(input_gradient(model, scans[:1], 8, 8), first[:1], atol=1e-6)  # and a batch's mean mix


@pytest.mark.parametrize("options", [
    {}, {"depth": 1}, {"depth": 2, "filters": 3}, {"upsampling": "resize"}, {"skips": False},
    {"padding": "valid", "size": 92}, {"classes": 3}, {"upsampling": "resize", "padding": "valid", "size": 92, "channels": 3},
])
def test_arithmetic_equals_keras(options):
    options = dict(options)
    size, channels = options.pop("size", 64), options.pop("channels", 1)
    model = build_unet((size, size, channels), **options)
    rows = shape_table(size, channels=channels, **options)
    assert sum(row.weights for row in rows) == model.count_params()
    for row in rows:
        assert model.get_layer(row.block).output.shape[1:] == (row.height, row.width, row.channels), row.block
    assert output_size(size, options.get("depth", 4), options.get("padding", "same")) == model.output_shape[1]


def test_without_arguments_the_table_is_that_of_the_network_without_arguments():
    rows, model = shape_table(), build_unet((96, 96, 1))
    assert rows[0][1:4] == model.get_layer("encoder_1").output.shape[1:] == (96, 96, 8)
    assert sum(row.weights for row in rows) == build_unet().count_params()


@pytest.mark.parametrize("upsampling", ["transpose", "resize"])
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_receptive_field_is_what_gradients_say(depth, upsampling):
    model = build_unet(depth=depth, filters=2, upsampling=upsampling)
    before = model.get_weights()
    for position in {0, 1, 2 ** (depth - 1) // 2, 2 ** (depth - 1) - 1}:
        assert measured_receptive_field(model, 160, position) == receptive_field(depth, upsampling, position)
    assert measured_receptive_field(model, 160) == receptive_field(depth, upsampling)  # position 0, if none is named
    for a, b in zip(before, model.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_the_receptive_field_of_the_paper_s_depth():
    assert receptive_field(5) == 188


def test_convolution_by_hand_equals_keras():
    rng = np.random.default_rng(0)
    image, kernel = rng.random((9, 11), dtype=np.float32), rng.normal(size=(3, 3)).astype(np.float32)
    conv = layers.Conv2D(1, 3, padding="same", use_bias=False)
    conv.build((None, None, None, 1))
    conv.set_weights([kernel[..., None, None]])
    by_opencv = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT)
    np.testing.assert_allclose(np.array(conv(image[None, ..., None]))[0, ..., 0], by_opencv, atol=1e-5)


def test_conv_block_has_two_of_each_and_counts():
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, conv_block(inputs, 5, "b"))
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    assert kinds == ["Conv2D", "ReLU", "Conv2D", "ReLU"]
    assert model.count_params() == conv_weights(3, 3, 5) + conv_weights(3, 5, 5)
    assert conv_block(inputs, 5, "v", padding="valid").shape[1:] == (12, 12, 5)


@pytest.mark.parametrize(("normalization", "kind"), [("batch", layers.BatchNormalization), ("group", layers.GroupNormalization)])
def test_options_are_built_in(normalization, kind):
    model = build_unet(depth=3, normalization=normalization, dropout=0.3)
    assert sum(isinstance(layer, kind) for layer in model.layers) == 10
    assert model.get_layer("dropout").rate == 0.3
    assert not any("skip" in layer.name for layer in build_unet(skips=False).layers)


@pytest.mark.parametrize(("options", "words"), [
    ({"input_shape": (100, 100, 1)}, ["100", "25", "96 or 104", "lower depth"]),
    ({"input_shape": (96, 90, 1)}, ["width is 90", "88 or 96"]),
    ({"input_shape": (570, 570, 1), "depth": 5, "padding": "valid"}, ["570", "556 or 572"]),
    ({"input_shape": (20, 20, 1), "depth": 3, "padding": "valid"}, ["20", "44"]),
    ({"input_shape": (96, 96)}, ["(96, 96)", "(96, 96, 1)"]),
    ({"depth": 0}, ["depth is 0", "at least 1"]),
    ({"depth": 12}, ["12", "paper uses 5"]),
    ({"depth": 2.0}, ["2.0", "whole number"]),
    ({"filters": 0}, ["filters is 0"]),
    ({"padding": "full"}, ["'full'", "'same', 'valid'"]),
    ({"upsampling": "bilinear"}, ["'bilinear'", "'transpose'"]),
    ({"normalization": "layer"}, ["'layer'", "'batch'"]),
    ({"normalization": "group", "filters": 12}, ["12", "multiple of 8"]),
    ({"normalization": "group", "filters": 6}, ["6", "multiple of 8"]),
    ({"dropout": 1.0}, ["1.0", "below 1"]),
    ({"dropout": "half"}, ["'half'", "below 1"]),
    ({"prior": 0}, ["prior is 0", "0.1"]),
    ({"classes": 0}, ["classes is 0", "at least 1"]),
    ({"classes": None}, ["classes is None", "whole number"]),
    ({"input_shape": 96}, ["96", "(96, 96, 1)"]),
    ({"input_shape": (96, 96, None)}, ["(96, 96, None)", "(96, 96, 1)"]),
    ({"input_shape": (96.0, 96, 1)}, ["96.0", "(96, 96, 1)"]),
])
def test_impossible_settings_name_value_and_remedy(options, words):
    with pytest.raises(ValueError) as caught:
        build_unet(**options)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_every_size_is_either_refused_or_works():
    for depth in (2, 3, 4):
        for padding in ("same", "valid"):
            for size in range(1, 130):
                try:
                    expected = output_size(size, depth, padding)
                except ValueError:
                    continue
                rows = shape_table(size, depth, 1, padding=padding)
                assert rows[-1].height == expected > 0


def test_the_rule_for_sizes_is_that_of_the_padding():
    with pytest.raises(ValueError, match=r"'same' needs a multiple of 8: crop or pad to 96 or 104"):
        output_size(100, 4)
    with pytest.raises(ValueError, match=r"'valid' needs a size that stays even on every level: crop or pad to"):
        output_size(101, 4, "valid")


def test_a_built_network_refuses_sizes_it_cannot_halve():
    model = build_unet()
    check_sizes(model, 96, 104)
    with pytest.raises(ValueError, match="width is 100 pixels"):
        check_sizes(model, 96, 100)
    assert unet_depth(build_unet(depth=3)) == 3
    with pytest.raises(ValueError, match="made by build_unet"):
        unet_depth(keras.Sequential([keras.Input((4,)), layers.Dense(1)]))
