"""How good is the doctor? Reproduce every case of notebook 05 from five seeds, and forty healthy runs and data sets.

    python benchmarks/clinic.py               write benchmarks/clinic.md (some minutes)
    python benchmarks/clinic.py --seeds 1     a quick look, printed only

Each case is a function of a seed. It makes the mistake for real and returns a `Patient`: what a student would hand to
`diagnose`, whether the symptom showed, and the numbers that show it. `tests/test_diagnosis.py` uses the same functions.
"""

import argparse
import functools
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.append(str(Path(__file__).resolve().parent))  # at the end: it holds a module `notebooks`, as tools/ does

import helpers  # noqa: E402, F401  (before Keras: it keeps TensorFlow quiet)
import clinic_ward  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from helpers import MODELS  # noqa: E402
from helpers.anatomy import build_unet  # noqa: E402
from helpers.diagnosis import diagnose  # noqa: E402
from helpers.evaluation import best_threshold, dice_per_image, pixel_accuracy, pooled_dice  # noqa: E402
from helpers.synthesis import CircleScene, make_dataset  # noqa: E402
from helpers.training import DiceScore, ReleaseMemory, bce_dice_loss, bce_loss, load_network, quiet, restart  # noqa: E402

SMALL = CircleScene(size=64, circles=(1, 5))
RARE = CircleScene(size=64, circles=1, radius=(2, 4))
FEW = CircleScene(size=64, circles=(1, 2), radius=(4, 9))
HEALTHY_SEEDS = 2  # of each of the ten sound data sets and the ten sound runs
REPORT = Path(__file__).with_name("clinic.md")


class Patient(NamedTuple):
    """What goes to `diagnose`, whether the symptom showed, and the numbers that show it."""

    handed_in: dict
    ill: bool
    symptom: str


# --- tools ------------------------------------------------------------------------------------------------------------


def data(scene, seed, n=240, m=60):
    """Return a training and a validation set, `((images, masks), (images, masks))`."""
    return make_dataset(n, scene, [seed, 1]), make_dataset(m, scene, [seed, 2])


def fit(model, train, validation, epochs=3, batch=8, loss=bce_dice_loss, optimizer=None):
    """Train as a bare Keras script does, without any of the course's checks; returns the History.

    Networks of the usual form are trained in one that is compiled once: to compile takes longer than most trainings here.
    """
    model.compile(optimizer or keras.optimizers.Adam(3e-3), loss=loss, metrics=[DiceScore()])
    trained = model
    if loss is bce_dice_loss and form_of(model) == form_of(compiled_once()):
        trained = compiled_once()
        restart(trained, model.get_weights())
        trained.optimizer.learning_rate = float(model.optimizer.learning_rate)
    batches = [quiet(tf.data.Dataset.from_tensor_slices(pair).batch(batch)) for pair in (train, validation)]
    keep = [] if trained is not model else [ReleaseMemory()]
    history = trained.fit(batches[0], validation_data=batches[1], epochs=epochs, verbose=0, shuffle=False, callbacks=keep)
    model.set_weights(trained.get_weights())
    return history


def form_of(model):
    """Return what tells apart the networks of this file: their layers and the shapes of their weights."""
    return [(type(layer).__name__, layer.name, [weight.shape for weight in layer.weights]) for layer in model.layers]


@functools.cache
def compiled_once():
    """Return the network in which those of the usual form are trained."""
    model = build_unet(depth=3)
    model.compile(keras.optimizers.Adam(3e-3), loss=bce_dice_loss, metrics=[DiceScore()])
    return model


def shipped():
    """Return the network that ships with the course, once."""
    if not hasattr(shipped, "network"):
        shipped.network = load_network(MODELS / "unet_circles.keras")
    return shipped.network


def probabilities(model, images):
    """Return a network's outputs as they are, `[n, h, w, 1]`, for input of any range."""
    return np.concatenate([np.array(model(images[i : i + 20])) for i in range(0, len(images), 20)])


def lesion_dice(masks, y_pred):
    """Return the mean Dice over pictures with lesions, at the threshold 0.5."""
    some = masks.any(axis=(1, 2, 3))
    return float(dice_per_image(masks[some], (y_pred[some] >= 0.5).astype(np.uint8)).mean())


def with_momentum(model, momentum=0.99):
    """Give all batch normalization layers of a network the same momentum, Keras' default, and return the network."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    return model


# --- the cases --------------------------------------------------------------------------------------------------------


def masks_255(seed):
    """1. Masks stored as 0 and 255: a negative loss, a Dice above 1."""
    train, validation = data(SMALL, seed, n=160, m=40)
    train, validation = (train[0], train[1] * 255), (validation[0], validation[1] * 255)
    history = fit(build_unet(depth=3), train, validation, epochs=2)
    loss, dice = history.history["loss"][-1], history.history["dice"][-1]
    handed_in = dict(images=train[0], masks=train[1], history=history)
    return Patient(handed_in, loss < 0 and dice > 1, f"loss {loss:.0f}, Dice {dice:.2f}")


def masks_255_curves(seed):
    """1. The same, from the curves alone."""
    patient = masks_255(seed)
    given = patient.handed_in
    return patient._replace(handed_in=dict(images=given["images"], history=given["history"].history))


def images_255(seed):
    """2. Images 0..255 into a network trained on 0..1."""
    images, masks = make_dataset(40, CircleScene(), [seed, 3])
    dice = lesion_dice(masks, probabilities(shipped(), images * 255))
    return Patient(dict(images=images * 255, masks=masks, model=shipped()), dice < 0.4, f"Dice {dice:.2f}")


def images_twice(seed):
    """2. Its twin: divided by 255 twice."""
    images, masks = make_dataset(40, CircleScene(), [seed, 3])
    dice = lesion_dice(masks, probabilities(shipped(), images / 255))
    return Patient(dict(images=images / 255, masks=masks, model=shipped()), dice < 0.1, f"Dice {dice:.2f}")


def relu_network():
    """Return a U-Net with a ReLU between its last convolution and the sigmoid."""
    base = build_unet(depth=3)
    relu = keras.layers.ReLU()(base.get_layer("logits").output)
    return keras.Model(base.input, keras.layers.Activation("sigmoid")(relu))


def relu_first(seed):
    """3. A ReLU before the sigmoid: nothing below 0.5."""
    train, validation = data(SMALL, seed, n=160, m=40)
    model = relu_network()
    history = fit(model, train, validation, epochs=2)
    scores = probabilities(model, validation[0])
    low = float(scores.min())
    handed_in = dict(images=validation[0], masks=validation[1], model=model, history=history)
    return Patient(handed_in, low >= 0.5, f"lowest prediction {low:.2f}")


def relu_first_output(seed):
    """3. The same, from the predictions alone."""
    patient = relu_first(seed)
    given = patient.handed_in
    y_pred = probabilities(given["model"], given["images"])
    return patient._replace(handed_in=dict(images=given["images"], masks=given["masks"], y_pred=y_pred))


def logits(seed):
    """3. Logits taken for probabilities."""
    images, masks = make_dataset(40, CircleScene(), [seed, 3])
    network = shipped()
    y_pred = probabilities(keras.Model(network.input, network.get_layer("logits").output), images)
    outside = float(((y_pred < 0) | (y_pred > 1)).mean())
    return Patient(dict(images=images, masks=masks, y_pred=y_pred), outside > 0.5, f"{outside:.0%} outside 0..1")


def imbalance(seed):
    """4. Rare lesions and a loss for which all background is nearly perfect."""
    train, validation = data(RARE, seed)
    model = build_unet(depth=3)
    history = fit(model, train, validation, epochs=5, loss="mse", optimizer=keras.optimizers.Adam(1e-2))
    y_pred = probabilities(model, validation[0])
    dice, accuracy = lesion_dice(validation[1], y_pred), pixel_accuracy(validation[1], (y_pred >= 0.5).astype(np.uint8))
    handed_in = dict(images=validation[0], masks=validation[1], y_pred=y_pred, history=history)
    return Patient(handed_in, dice < 0.05 and accuracy > 0.98, f"accuracy {accuracy:.3f}, Dice {dice:.2f}")


def threshold(seed):
    """4. Its look-alike: learned well, but from masks whose white is 100 of 255, so 0.5 is the wrong threshold."""
    train, validation = data(SMALL, seed)
    gray = [(images, masks * np.float32(100 / 255)) for images, masks in (train, validation)]
    model = build_unet(depth=3)
    history = fit(model, *gray, epochs=4, loss=bce_loss)
    y_pred = probabilities(model, validation[0])
    dice, best = lesion_dice(validation[1], y_pred), best_threshold(validation[1], y_pred)
    handed_in = dict(images=validation[0], masks=validation[1], y_pred=y_pred, history=history)
    numbers = f"Dice {dice:.2f} at 0.5, {best.dice:.2f} at {best.threshold:.2f}"
    return Patient(handed_in, best.dice > dice + 0.2, numbers)


def few_steps(seed):
    """4. Its other look-alike: stopped after a handful of steps."""
    train, validation = data(FEW, seed, n=160)
    model = build_unet(depth=3)
    history = fit(model, train, validation, epochs=2, batch=32, loss=bce_loss, optimizer=keras.optimizers.Adam(1e-3))
    y_pred = probabilities(model, validation[0])
    dice = lesion_dice(validation[1], y_pred)
    handed_in = dict(images=validation[0], masks=validation[1], y_pred=y_pred, history=history)
    return Patient(handed_in, dice < 0.3, f"Dice {dice:.2f} after {history.params['steps'] * 2} steps")


def rate_nan(seed):
    """5. A learning rate far too high, logits in the loss: NaN."""
    train, validation = data(SMALL, seed, n=160, m=40)
    base = build_unet(depth=3)
    model = keras.Model(base.input, base.get_layer("logits").output)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    history = fit(model, train, validation, epochs=2, loss=loss, optimizer=keras.optimizers.Adam(10.0))
    last = history.history["loss"][-1]
    return Patient(dict(images=train[0], masks=train[1], history=history), not np.isfinite(last), f"loss {last}")


def rate_high(seed):
    """5. A learning rate far too high, with a sigmoid: saturated and stuck."""
    train, validation = data(SMALL, seed, n=160, m=40)
    model = build_unet(depth=3)
    history = fit(model, train, validation, epochs=3, optimizer=keras.optimizers.Adam(1.0))
    first, last = history.history["loss"][0], history.history["loss"][-1]
    handed_in = dict(images=train[0], masks=train[1], model=model, history=history)
    return Patient(handed_in, last > 0.9 * first and last > 1, f"loss {first:.2f}, later {last:.2f}")


def rate_low(seed):
    """5. A learning rate far too low."""
    train, validation = data(SMALL, seed, n=160, m=40)
    model = build_unet(depth=3)
    history = fit(model, train, validation, epochs=4, batch=4, optimizer=keras.optimizers.Adam(1e-6))
    first, last = history.history["loss"][0], history.history["loss"][-1]
    handed_in = dict(images=train[0], masks=train[1], model=model, history=history)
    return Patient(handed_in, 0 <= (first - last) / first < 0.05, f"loss {first:.3f}, later {last:.3f}")


def rate_low_curves(seed):
    """5. The same, from the curves alone."""
    patient = rate_low(seed)
    given = patient.handed_in
    curves = given["history"].history
    return patient._replace(handed_in=dict(images=given["images"], masks=given["masks"], history=curves))


def flipped(images, seed):
    """Mirror each picture with a chance of one half: augmentation that forgets the mask."""
    mirror = np.random.default_rng([seed, 9]).random(len(images)) < 0.5
    return np.where(mirror[:, None, None, None], images[:, :, ::-1], images)


def mask_left(seed):
    """6. Augmentation that mirrored the image and not the mask."""
    train, validation = data(SMALL, seed)
    dice = []
    for images in (train[0], flipped(train[0], seed)):
        keras.utils.set_random_seed(seed)
        dice.append(fit(build_unet(depth=3), (images, train[1]), validation, epochs=3).history["val_dice"][-1])
    handed_in = dict(images=flipped(train[0], seed), masks=train[1])
    return Patient(handed_in, dice[1] < dice[0] - 0.1, f"Dice {dice[1]:.2f}, together {dice[0]:.2f}")


def mask_shifted(seed):
    """6. Each image shifted by its own few pixels, its mask not."""
    (images, masks), _ = data(CircleScene(), seed, n=100, m=1)
    rng = np.random.default_rng(seed)
    moved = np.stack([np.roll(image, rng.integers(-12, 13, 2), (0, 1)) for image in images])
    before, after = images[masks == 1].mean(), moved[masks == 1].mean()
    numbers = f"gray level inside masks {after:.2f}, before {before:.2f}"
    return Patient(dict(images=moved, masks=masks), after < before - 0.05, numbers)


def mask_transposed(seed):
    """6. All masks transposed: rows and columns mixed up when they were drawn."""
    (images, masks), _ = data(CircleScene(), seed, n=40, m=1)
    turned = masks.swapaxes(1, 2)
    before, after = images[masks == 1].mean(), images[turned == 1].mean()
    numbers = f"gray level inside masks {after:.2f}, before {before:.2f}"
    return Patient(dict(images=images, masks=turned), after < before - 0.05, numbers)


def copies(seed):
    """7. Test pictures that were in the training set."""
    scene = CircleScene(size=64, circles=(1, 5), contrast=(0.1, 0.2))
    train, honest = data(scene, seed, n=24, m=40)
    model = build_unet(depth=3)
    fit(model, train, honest, epochs=50, batch=4)
    leaked = train[0][:12], train[1][:12]
    test = tuple(np.concatenate(pair) for pair in zip(leaked, (honest[0][:12], honest[1][:12])))
    scores = [lesion_dice(masks, probabilities(model, images)) for images, masks in (leaked, honest)]
    handed_in = dict(images=test[0], masks=test[1], training=train)
    numbers = f"Dice {scores[0]:.2f} on copies, {scores[1]:.2f} on new pictures"
    return Patient(handed_in, scores[0] > scores[1] + 0.1, numbers)


def copies_disguised(seed):
    """7. Copies that were mirrored and got a little noise before the split."""
    train, test = data(CircleScene(), seed, n=200, m=40)
    images = test[0].copy()
    noise = np.random.default_rng(seed).normal(0, 0.01, images[:8].shape)
    images[:8] = np.clip(train[0][50:58, :, ::-1] + noise, 0, 1)
    masks = test[1].copy()
    masks[:8] = train[1][50:58, :, ::-1]
    handed_in = dict(images=images, masks=masks, training=train[0])
    exact = any((image == known).all() for image in images[:8] for known in train[0])
    return Patient(handed_in, not exact, "8 of 40, none of them bit for bit")


def pooled(seed):
    """8. Dice pooled over the batch, where large discs hide missed small ones."""
    large = make_dataset(30, CircleScene(circles=(3, 5), radius=(13, 15)), [seed, 4])
    small = make_dataset(30, CircleScene(circles=1, radius=(2, 3), contrast=(0.15, 0.3)), [seed, 5])
    images, masks = (np.concatenate(pair) for pair in zip(large, small))
    y_pred = probabilities(shipped(), images)
    found = (y_pred >= 0.5).astype(np.uint8)
    together, each = pooled_dice(masks, found), dice_per_image(masks, found).mean()
    handed_in = dict(images=images, masks=masks, y_pred=y_pred)
    return Patient(handed_in, together > each + 0.2, f"pooled {together:.2f}, per picture {each:.2f}")


def odd_size(seed):
    """9. A size the depth cannot halve."""
    images, masks = make_dataset(8, CircleScene(size=100), [seed, 6])
    model = build_unet()
    try:
        model(images)
        error = ""
    except Exception as problem:  # Keras raises ValueError today; the student sees whatever it is
        error = type(problem).__name__
    return Patient(dict(images=images, masks=masks, model=model), bool(error), f"{error} for 100x100 pixels")


def no_padding(seed):
    """9. Convolutions without padding: the output is smaller than the input."""
    images, masks = make_dataset(8, CircleScene(size=92), [seed, 6])
    model = build_unet(depth=3, padding="valid")
    size = model(images[:1]).shape[1]
    return Patient(dict(images=images, masks=masks, model=model), size < 92, f"{size} pixels from 92")


def batch_norm(seed, n=240, batch=16, epochs=2):
    """10. Batch normalization with too few steps for its averages."""
    train, validation = data(FEW, seed)
    train = train[0][:n], train[1][:n]
    model = with_momentum(build_unet(depth=3, normalization="batch"))
    history = fit(model, train, validation, epochs=epochs, batch=batch, optimizer=keras.optimizers.Adam(1e-2))
    high, low = history.history["dice"][-1], history.history["val_dice"][-1]
    handed_in = dict(images=train[0], masks=train[1], model=model, history=history)
    return Patient(handed_in, high > low + 0.2, f"training Dice {high:.2f}, validation {low:.2f}")


def batch_of_one(seed):
    """10. The same with batches of one picture."""
    return batch_norm(seed, n=60, batch=1, epochs=1)


def scanner(seed, name, scene, change=lambda images: images):
    """Show the shipped network pictures of another scanner."""
    training = make_dataset(100, CircleScene(), [seed, 7])
    images, masks = make_dataset(60, scene, [seed, 8])
    images = change(images)
    before = lesion_dice(training[1], probabilities(shipped(), training[0]))
    y_pred = probabilities(shipped(), images)
    dice = lesion_dice(masks, y_pred)
    handed_in = dict(images=images, masks=masks, y_pred=y_pred, training=training)
    return Patient(handed_in, dice < before - 0.1, f"Dice {dice:.2f}, {before:.2f} before ({name})")


def scanner_noise(seed):
    """11. A scanner with more noise than in training."""
    return scanner(seed, "noise 0.4", CircleScene(noise=0.4))


def scanner_radius(seed):
    """11. Lesions of another size than in training."""
    return scanner(seed, "radius 2 to 3", CircleScene(radius=(2, 3)))


def scanner_inverted(seed):
    """11. A scanner with an inverted gray scale."""
    return scanner(seed, "inverted", CircleScene(), lambda images: 1 - images)


CASES = {
    masks_255: "masks_0_255", masks_255_curves: "masks_0_255",
    images_255: "images_0_255", images_twice: "images_divided_twice",
    relu_first: "relu_before_sigmoid", relu_first_output: "relu_before_sigmoid", logits: "logits_as_probabilities",
    imbalance: "imbalance", threshold: "wrong_threshold", few_steps: "too_few_steps",
    rate_nan: "learning_rate_too_high", rate_high: "learning_rate_too_high",
    rate_low: "learning_rate_too_low", rate_low_curves: "learning_rate_too_low",
    mask_left: "mask_not_moved", mask_shifted: "mask_not_moved", mask_transposed: "mask_not_moved",
    copies: "copies_between_sets", copies_disguised: "copies_between_sets",
    pooled: "pooled_dice",
    odd_size: "size_cannot_be_halved", no_padding: "output_smaller",
    batch_norm: "batch_normalization", batch_of_one: "batch_normalization",
    scanner_noise: "noise_changed", scanner_radius: "size_changed", scanner_inverted: "contrast_inverted",
}


# --- the healthy ------------------------------------------------------------------------------------------------------

HEALTHY_SCENES = {
    "default": CircleScene(), "no noise": CircleScene(noise=0), "much noise": CircleScene(noise=0.3),
    "no vessels, even light": CircleScene(vessels=0, illumination=0), "mostly empty": CircleScene(circles=(0, 1)),
    "tiny discs, 64 px": CircleScene(size=64, radius=(2, 3)),
    "large discs, 128 px": CircleScene(size=128, radius=(25, 50), circles=(1, 3)),
    "faint": CircleScene(contrast=(0.05, 0.1)), "blurred": CircleScene(blur=4),
    "drawn plainly: no noise, no light, no vessels": CircleScene(noise=0, illumination=0, vessels=0),
}
HEALTHY_RUNS = {
    "default": (CircleScene(size=64), {}, {}),
    "batch normalization": (CircleScene(size=64), {"normalization": "batch"}, {}),
    "group normalization": (CircleScene(size=64), {"normalization": "group"}, {}),
    "cross-entropy": (CircleScene(size=64), {}, {"loss": bce_loss, "epochs": 8}),
    "no vessels": (CircleScene(size=64, vessels=0), {}, {}),
    "much noise": (CircleScene(size=64, noise=0.2), {}, {"epochs": 8}),
    "a third empty": (CircleScene(size=64, circles=(0, 2), radius=(6, 12), vessels=(0, 1)), {}, {"epochs": 10}),
    "large discs": (CircleScene(size=64, radius=(10, 25), circles=(1, 3)), {}, {}),
    "dropout": (CircleScene(size=64), {"dropout": 0.2}, {}), "80 px": (CircleScene(size=80), {}, {}),
}


def healthy_data(name, seed=0):
    """Return what a student with sound data hands in: a validation set, and the training set it must not overlap."""
    train, validation = data(HEALTHY_SCENES[name], [seed, 50], n=200, m=80)
    return dict(images=validation[0], masks=validation[1], training=train)


def healthy_run(name, seed=0):
    """Return what a student hands in after a sound run: validation pictures, network, history, training set."""
    scene, form, how = HEALTHY_RUNS[name]
    keras.utils.set_random_seed(seed)
    train, validation = data(scene, 60 + seed, n=320, m=80)
    model = build_unet(depth=3, **form)
    history = fit(model, train, validation, **{"epochs": 6, **how})
    return dict(images=validation[0], masks=validation[1], model=model, history=history, training=train)


# --- the table --------------------------------------------------------------------------------------------------------


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="write the report of fewer than five seeds, too")
    parser.add_argument("--only", nargs="*", default=None, help="names of cases, for a quick look")
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    chosen = {case: cause for case, cause in CASES.items() if not options.only or case.__name__ in options.only}
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=compute_with_one_thread) as pool:
        def shared_out(function, calls):
            return pool.map(function, *zip(*calls))

        rows = list(shared_out(run_case, [(case.__name__, cause, options.seeds) for case, cause in chosen.items()]))
        if options.only:
            return 0
        healthy = [("data", name) for name in HEALTHY_SCENES] + [("run", name) for name in HEALTHY_RUNS]
        alarms = list(shared_out(run_healthy, [(*one, seed) for one in healthy for seed in range(HEALTHY_SEEDS)]))
        judged = [pair for row in rows for pair in row[-1]]
        judged += [(finding.sure, False) for alarm in alarms for finding in alarm[-1]]
        ward = clinic_ward.report(options.seeds, judged, shared_out)
    print("\n".join(ward))
    if options.seeds == 5 or options.write:
        spent = sum(os.times()[:4]) / 60  # of this process and of those that have ended
        took = (time.perf_counter() - started) / 60, spent
        REPORT.write_text(report(rows, alarms, took) + "\n".join(ward) + "\n", encoding="utf-8")
    return 0


def compute_with_one_thread():
    """Let TensorFlow use one core: as many cases run at once as there are cores, which takes less than one after the other."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def run_case(name, cause, seeds):
    """Run a case from several seeds; returns its row of the table, and `(sure, right)` of all its findings."""
    case = globals()[name]
    right, ill, symptoms, judged, started = [], [], [], [], time.perf_counter()
    for seed in range(seeds):
        keras.utils.set_random_seed(seed)
        patient = case(seed)
        found = diagnose(**patient.handed_in)
        right.append(bool(found) and found[0].cause == cause)
        judged += [(finding.sure, finding.cause == cause) for finding in found]
        ill.append(bool(patient.ill))
        symptoms.append(patient.symptom)
        if not right[-1] or not ill[-1]:
            print(f"  ! {case.__name__}, seed {seed}: {patient.symptom}\n{found}", flush=True)
    took = time.perf_counter() - started
    score = f"right {sum(right)}/{seeds} ill {sum(ill)}/{seeds}"
    print(f"{case.__name__:<18} {score} {took:5.1f} s  {symptoms[0]}", flush=True)
    return case.__doc__.splitlines()[0], cause, right, ill, symptoms[0], judged


def run_healthy(kind, name, seed):
    """Run a sound data set ("data") or run ("run"); returns `(name, score or "", causes found, Diagnosis)`."""
    handed_in = (healthy_run if kind == "run" else healthy_data)(name, seed)
    found = diagnose(**handed_in)
    score = f"{handed_in['history'].history['val_dice'][-1]:.2f}" if kind == "run" else ""
    row = f"{kind}: {name}, seed {seed}", score, found.causes, found
    print(f"{row[0]:<56} {score} {[(f.cause, f.seen) for f in found] or 'nothing found'}", flush=True)
    return row


def seconds() -> float:
    """Return the processor seconds of examining 500 pictures of 128x128, predictions and copies included."""
    (images, masks), (training, _) = data(CircleScene(size=128), 0, n=500, m=500)
    y_pred = (masks * 0.8 + 0.1).astype(np.float32)
    took = []
    for _ in range(3):
        started = time.process_time()
        diagnose(images, masks, y_pred=y_pred, training=training)
        took.append(time.process_time() - started)
    return min(took)


def report(rows, alarms, took) -> str:
    """Return the text of clinic.md; took: minutes on the clock and of the processor."""
    seeds, total = len(rows[0][2]), sum(len(row[2]) for row in rows)
    lines = [
        "# The doctor's record", "",
        "Made by `python benchmarks/clinic.py`. Each case is reproduced for real from every seed and handed to",
        "`diagnose`, which has to name the right cause *first*. *Symptom* says in how many of the seeds the trouble",
        "really showed; the numbers are those of seed 0. All that follows took "
        f"{took[0]:.0f} minutes, or {took[1]:.0f} minutes of processor time.", "",
        f"**Right cause first: {sum(sum(row[2]) for row in rows)} of {total}. "
        f"False alarms on the healthy: {sum(bool(alarm[2]) for alarm in alarms)} of {len(alarms)}.**", "",
        f"500 pictures of 128x128 with predictions, against 500 training pictures: {seconds():.1f} processor seconds "
        f"(Python {platform.python_version()}, {platform.machine()}).", "",
        "| case | cause | " + " | ".join(f"seed {i}" for i in range(seeds)) + " | symptom | its numbers |",
        "| --- | --- | " + "--- | " * (seeds + 2),
    ]
    for title, cause, right, ill, symptom, _ in rows:
        marks = " | ".join("yes" if r else "**no**" for r in right)
        lines.append(f"| {title} | `{cause}` | {marks} | {sum(ill)}/{seeds} | {symptom} |")
    lines += ["", "## The healthy", ""]
    lines += ["Sound data sets, and runs that went well. Anything found here is a false alarm.", ""]
    lines += ["| healthy | validation Dice | found |", "| --- | --- | --- |"]
    lines += [f"| {name} | {score} | {', '.join(causes) or 'nothing'} |" for name, score, causes, _ in alarms]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
