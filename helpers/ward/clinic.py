"""The patients of the clinic in notebook 05: each falls ill here, out of sight, so that the symptom comes first.

What was done to a patient stands in its function below. Read it after you have made your diagnosis.
"""

from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.evaluation import pooled_dice
from helpers.synthesis import CircleScene, make_dataset
from helpers.training import DiceScore, ReleaseMemory, bce_dice_loss, bce_loss, load_network, predict, quiet

SMALL = CircleScene(size=64, circles=(1, 5))
FEW = CircleScene(size=64, circles=(1, 2), radius=(4, 9))
RARE = CircleScene(size=64, circles=1, radius=(3, 4))
FAINT = CircleScene(size=64, circles=(1, 5), contrast=(0.1, 0.2))


def fit_plainly(model, train, val, epochs=3, batch=8, loss=bce_dice_loss, rate=3e-3):
    """Train as a bare Keras script does, without any check of the data; returns the `History`."""
    optimizer = rate if isinstance(rate, keras.Optimizer) else keras.optimizers.Adam(rate)
    model.compile(optimizer, loss=loss, metrics=[DiceScore()])
    fed = [quiet(tf.data.Dataset.from_tensor_slices(pair).batch(batch)) for pair in (train, val)]
    return model.fit(
        fed[0], validation_data=fed[1], epochs=epochs, verbose=0, shuffle=False, callbacks=[ReleaseMemory()]
    )


def new_unet(**form):
    """Return a U-Net of three levels that begins with the same weights each time."""
    keras.utils.set_random_seed(5)
    return build_unet(depth=3, **form)


def both_sets(scene, seed, n=240, m=60):
    """Return a training and a validation set of a scene."""
    return make_dataset(n, scene, seed), make_dataset(m, scene, seed + 1)


def patient_1():
    """Return a run whose masks were read from PNG files and never scaled."""
    train, val = both_sets(SMALL, 51)
    train, val = (train[0], train[1] * 255), (val[0], val[1] * 255)
    return SimpleNamespace(train=train, val=val, run=fit_plainly(new_unet(), train, val))


def patient_2():
    """Return forty pictures that were divided by 255 twice, the good network, and one picture as shown."""
    images, masks = make_dataset(40, CircleScene(), seed=53)
    network, dark = load_network(MODELS / "unet_circles.keras"), images / np.float32(255)
    shown = (dark[5] - dark[5].min()) / np.ptp(dark[5])  # as plotting functions do it
    return SimpleNamespace(images=dark, masks=masks, network=network, shown=shown)


def patient_3():
    """Return a network with a ReLU between its last convolution and the sigmoid, trained for two epochs."""
    train, val = both_sets(SMALL, 51)
    base = new_unet()
    with_relu = keras.layers.ReLU()(base.get_layer("logits").output)
    network = keras.Model(base.input, keras.layers.Activation("sigmoid")(with_relu))
    return SimpleNamespace(train=train, val=val, network=network, run=fit_plainly(network, train, val, epochs=2))


def patients_4():
    """Return three networks that find nothing: A from rare lesions, B from gray masks, C after ten steps."""
    rare, few, (train, val) = both_sets(RARE, 54), both_sets(FEW, 56, n=160), both_sets(SMALL, 51)
    gray = [(images, masks * np.float32(100 / 255)) for images, masks in (train, val)]
    a, b, c = new_unet(), new_unet(), new_unet()
    return {
        "A": SimpleNamespace(train=rare[0], val=rare[1], network=a,
                             run=fit_plainly(a, *rare, epochs=12, loss="mse", rate=3e-3)),
        "B": SimpleNamespace(train=gray[0], val=val, network=b, run=fit_plainly(b, *gray, epochs=6, loss=bce_loss)),
        "C": SimpleNamespace(train=few[0], val=few[1], network=c,
                             run=fit_plainly(c, *few, epochs=2, batch=32, loss=bce_loss, rate=1e-3)),
    }


def patients_5():
    """Return the losses of three runs that differ in their learning rate alone: X 1, Y 0.003, Z 0.000001."""
    train, val = both_sets(SMALL, 51)
    return {name: fit_plainly(new_unet(), train, val, rate=rate).history["loss"] for name, rate in RATES.items()}


RATES = {"X": 1.0, "Y": 3e-3, "Z": 1e-6}


def patient_6():
    """Return a run in which augmentation mirrored every second image by chance, and no mask."""
    (images, masks), val = both_sets(SMALL, 51)
    mirror = np.random.default_rng(58).random(len(images)) < 0.5
    train = np.where(mirror[:, None, None, None], images[:, :, ::-1], images), masks
    return SimpleNamespace(train=train, val=val, mirror=mirror, run=fit_plainly(new_unet(), train, val, epochs=4))


def patient_7():
    """Return a network trained on 24 faint pictures, and a test set of which 18 pictures were among them."""
    train, unseen = make_dataset(24, FAINT, seed=59), make_dataset(24, FAINT, seed=60)
    network = new_unet()
    fit_plainly(network, train, unseen, epochs=60, batch=4)
    test = tuple(np.concatenate([known[:18], new[:6]]) for known, new in zip(train, unseen))
    order = np.random.default_rng(61).permutation(24)
    return SimpleNamespace(train=train, test=tuple(part[order] for part in test), network=network, copied=order < 18)


def patient_8():
    """Return pictures of large lesions and of small ones, mixed, and the good network that is asked about them."""
    large = make_dataset(20, CircleScene(circles=(3, 5), radius=(13, 15)), seed=62)
    small = make_dataset(20, CircleScene(circles=1, radius=(2, 3), contrast=(0.15, 0.3)), seed=63)
    images, masks = (np.concatenate(parts) for parts in zip(large, small))
    network = load_network(MODELS / "unet_circles.keras")
    reported = pooled_dice(masks, (predict(network, images) >= 0.5).astype(np.uint8))
    return SimpleNamespace(images=images, masks=masks, network=network, reported=reported)


def batch_norm_unet(momentum):
    """Return a U-Net with batch normalization of this momentum."""
    model = new_unet(normalization="batch")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    return model


def patient_10():
    """Return a network with batch normalization at Keras' own momentum of 0.99, after thirty steps."""
    train, val = both_sets(FEW, 65)
    network = batch_norm_unet(0.99)
    return SimpleNamespace(train=train, val=val, network=network,
                           run=fit_plainly(network, train, val, epochs=2, batch=16, rate=1e-2))


def hospitals():
    """Return pictures and masks from four hospitals, and what the network was trained on.

    North is as in training; East has more noise; South has small lesions; West's gray scale is inverted.
    """
    north = make_dataset(60, CircleScene(), seed=68)
    return make_dataset(100, CircleScene(), seed=67), {
        "North": north,
        "East": make_dataset(60, CircleScene(noise=0.4), seed=68),
        "South": make_dataset(60, CircleScene(radius=(2, 3)), seed=68),
        "West": (1 - north[0], north[1]),
    }
