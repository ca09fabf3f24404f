# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Train it, and see every callback act
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Build a U-Net and look inside it](02_unet_anatomy.ipynb) · [Contents](../README.md) · Next:
# [Judge it as a careful researcher would](04_evaluation_and_visualization.ipynb)
#
# ## What you'll do
#
# You train the U-Net from notebook 02 on the scans from notebook 01, and watch each helper of the training do its job:
# augmentation, loss, learning-rate schedule, early stopping, checkpoint, log and backup.
#
# ## What you'll learn
#
# - Build a `tf.data` pipeline whose augmentation moves image and mask together.
# - Compare cross-entropy, Dice loss and their sum by what a constant prediction scores under each.
# - Shape a learning rate with warm-up and cosine, and contrast it with a rate that falls at a plateau.
# - Catch over-fitting with early stopping, and get the best epoch back from its checkpoint.
# - Resume an interrupted run so that it ends as if nothing had happened.
# - Train the network of this course in about a minute, and read its curves.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about two minutes on two CPU cores.
# - 1.4 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) and [02](02_unet_anatomy.ipynb).

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. The data, fed in batches
#
# The same 1200 pictures as in notebook 01, split in the same way. The test pictures get no name here: they stay closed.

# %%
from helpers.synthesis import CircleScene, make_dataset
from sklearn.model_selection import train_test_split

images, masks = make_dataset(1200, CircleScene(), seed=2026)
images, _, masks, _ = train_test_split(images, masks, test_size=200, random_state=0)
train_images, val_images, train_masks, val_masks = train_test_split(
    images, masks, test_size=200, random_state=0
)
print(len(train_images), "training and", len(val_images), "validation pictures")

# %% [markdown]
# A network does not learn from all pictures at once. It takes a small **[batch](00_start_here.ipynb#batch)**, computes how wrong it is, moves every weight
# a little in the direction that makes it less wrong, and takes the next batch. One batch is a **step**; one pass over all
# pictures is an **[epoch](00_start_here.ipynb#epoch)**.
#
# **Predict.** With 800 pictures and batches of 4, how many steps has an epoch? How many has a training of 12 epochs?

# %%
guess = None  # the steps of 12 epochs


# %%
def steps_per_epoch(n, batch_size):
    return -(-n // batch_size)


# %%
from helpers import checks

steps = steps_per_epoch(len(train_images), batch_size=4)
print(steps, "steps an epoch,", 12 * steps, "steps in all")
checks.reveal("steps", guess, 12 * steps)

# %% [markdown]
# ### Augmentation: more pictures for free
#
# A mirrored scan is as plausible as the original. By mirroring, turning over and transposing we get eight versions of each
# picture, and the network finds it harder to learn single pictures by heart. This is called
# [augmentation](00_start_here.ipynb#augmentation).
#
# **The mask must move in the same way.** This is the most frequent silent mistake in segmentation: image flipped,
# mask not. We make it impossible: image and mask become two channels of *one* array, and only that array is moved.

# %%
import keras
import numpy as np
import tensorflow as tf


# %%
def augment(images, masks, seed):
    both = tf.concat([images, tf.cast(masks, images.dtype)], axis=-1)
    n, square = tf.shape(both)[0], both.shape[1] == both.shape[2]
    mirror, turn, transpose = tf.unstack(tf.random.stateless_uniform((3, n, 1, 1, 1), seed) < 0.5)
    both = tf.where(mirror, both[:, :, ::-1], both)
    both = tf.where(turn, both[:, ::-1], both)
    if square:
        both = tf.where(transpose, tf.transpose(both, (0, 2, 1, 3)), both)
    return both[..., :1], tf.cast(both[..., 1:], masks.dtype)


# %%
from helpers import figures

eight = np.repeat(train_images[4:5], 8, axis=0), np.repeat(train_masks[4:5], 8, axis=0)
moved_images, moved_masks = augment(tf.constant(eight[0]), tf.constant(eight[1]), seed=(1, 6))
figures.show_images(
    np.array(moved_images), [f"draw {i}" for i in range(8)], "One picture, drawn eight times",
    "The outlines of the masks follow the lesions in every draw.", masks=np.array(moved_masks),
    columns=8, size=1.5
)

# %% [markdown]
# Seeing is good, checking is better. Inside the mask the scan must be as bright after the move as before.

# %%
before, after = [eight[0][i][eight[1][i] == 1].mean() for i in range(8)], []
for image, mask in zip(np.array(moved_images), np.array(moved_masks)):
    after.append(image[mask == 1].mean())
print("mean gray level inside the masks unchanged:", np.allclose(before, after, atol=1e-5))

# %% [markdown]
# ### The pipeline
#
# `tf.data` builds a stream of batches. It prepares the next batch while the network is busy with this one (`prefetch`).
# Two details are worth their lines:
#
# - The order of the pictures and their augmentation depend on **the seed and the number of the epoch only**. That is why
#   an interrupted training can go on later as if nothing had happened; you will see it below.
# - `quiet` turns off tf.data's self-tuning, whose waits can hold up small trainings for seconds at the end of an epoch.

# %%
from helpers.arrays import check_pair
from helpers.training import quiet


# %%
def training_batches(images, masks, batch_size=4, epochs=1, first_epoch=0, augmented=True, seed=0):
    images, masks = check_pair(images, masks)
    images, masks = tf.constant(images, tf.float32), tf.constant(masks)
    steps = steps_per_epoch(len(images), batch_size)

    def one_epoch(epoch):
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=tf.stack([seed, epoch])
        )
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
        return batches.enumerate(start=epoch * steps)

    def fetch(step, chosen):
        batch = tf.gather(images, chosen), tf.gather(masks, chosen)
        return (
            augment(*batch, seed=tf.stack([tf.cast(seed, tf.int64), step])) if augmented else batch
        )

    numbers = tf.data.Dataset.range(first_epoch, epochs)
    return quiet(numbers.flat_map(one_epoch).map(fetch, num_parallel_calls=2).prefetch(2))


# %%
batches = training_batches(train_images, train_masks, epochs=2)
batch_images, batch_masks = next(iter(batches))
print(
    "one batch:", tuple(batch_images.shape), batch_images.dtype.name, "and",
    tuple(batch_masks.shape), batch_masks.dtype.name
)
print("batches in two epochs:", sum(1 for _ in batches))

# %% [markdown]
# ## 2. What is "wrong"? Three losses
#
# The **[loss](00_start_here.ipynb#loss)** says in one number how wrong a prediction is. Training follows it downhill, so it decides what the network
# becomes. It must work with probabilities: a thresholded mask has no slope to follow.
#
# **Binary [cross-entropy](00_start_here.ipynb#cross-entropy)** (BCE) asks each pixel for itself how surprised one should be at the truth, given the probability
# predicted. The clip keeps the logarithm finite.

# %%
from keras import ops


# %%
def bce_loss(y_true, y_pred):
    y_true, y_pred = ops.cast(y_true, "float32"), ops.clip(y_pred, 1e-7, 1 - 1e-7)
    surprise = y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred)
    return -ops.mean(surprise, axis=(1, 2, 3))


# %% [markdown]
# **Dice loss** takes the Dice score of notebook 01, with probabilities in place of zeros and ones, and subtracts it from 1.
# It looks at the picture as a whole, and background that is right earns nothing. The `smooth` pixel gives empty pictures
# a slope, too.


# %%
def dice_loss(y_true, y_pred, smooth=1.0):
    y_true = ops.cast(y_true, "float32")
    overlap = ops.sum(y_true * y_pred, axis=(1, 2, 3))
    areas = ops.sum(y_true, axis=(1, 2, 3)) + ops.sum(y_pred, axis=(1, 2, 3))
    return 1 - (2 * overlap + smooth) / (areas + smooth)


# %%
def bce_dice_loss(y_true, y_pred):
    return bce_loss(y_true, y_pred) + dice_loss(y_true, y_pred)


# %% [markdown]
# ### What does a constant prediction score?
#
# A network that has learned nothing yet can do one thing quickly: give every pixel the *same* probability. Which one pays
# best? The loss decides.
#
# **Predict.** A tenth of all pixels is foreground. Which constant has the lowest BCE: 0, 0.1 or 0.5? And the lowest Dice loss?

# %%
guess = None  # the constant with the lowest BCE

# %%
some = val_masks[:50]
constants = np.array([0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99], np.float32)
losses = {name: [] for name in ("BCE", "Dice loss", "BCE + Dice")}
for p in constants:
    prediction = np.full(some.shape, p, np.float32)
    for name, loss in zip(losses, (bce_loss, dice_loss, bce_dice_loss)):
        losses[name].append(float(ops.mean(loss(some, prediction))))

# %%
cheapest = {name: constants[int(np.argmin(values))] for name, values in losses.items()}
figures.plot_lines(
    constants, losses, "Each loss has its own favorite constant",
    "; ".join(f"{name} is lowest at {p:.3g}" for name, p in cheapest.items()) + ".",
    xlabel="the same probability for every pixel", ylabel="loss", log=True
)
checks.reveal("constant", guess, float(cheapest["BCE"]))

# %% [markdown]
# - **BCE** prefers the share of foreground, 0.1. There it is low already, about a third, although the prediction is an even
#   gray. This is why networks trained with BCE on rare lesions sit there for a while and predict "all black".
# - **Dice loss** finds every constant bad, so nothing tempts the network to stop at one; it would rather paint everything than
#   miss a lesion. But its slope is small when the prediction is far off, and it makes probabilities overconfident.
# - **The sum** is steep at the start, does not rest at gray, and is the default of this course.
#
# ### The score to watch
#
# The loss is for the optimizer. *You* want to know the Dice score of thresholded masks, per image, as in notebook 01.
# `DiceScore` computes that during training. Does it agree?

# %%
from helpers.evaluation import dice_per_image
from helpers.training import DiceScore

# %%
rng = np.random.default_rng(0)
at_random = rng.random(some.shape, dtype=np.float32)
metric = DiceScore()
for start in range(0, len(some), 16):  # uneven batches, as in training
    metric.update_state(some[start : start + 16], at_random[start : start + 16])
expected = dice_per_image(some, (at_random >= 0.5).astype(np.uint8)).mean()
print("DiceScore equals the mean of dice_per_image:", np.isclose(float(metric.result()), expected))

# %% [markdown]
# ## 3. How far to step? The learning rate
#
# The **[learning rate](00_start_here.ipynb#learning-rate)** is the length of a step downhill. Too short, and training takes for ever; too long, and it jumps
# across the valley and may end in NaN. A good length also changes on the way: small at first, while the
# direction is still a guess (**warm-up**), then large, then smaller and smaller to settle (**cosine**).


# %%
def warmup_cosine(peak=3e-3, steps=1000, warmup=50):
    warmup = min(warmup, steps // 2)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0, decay_steps=max(steps - warmup, 1), warmup_target=peak,
        warmup_steps=warmup
    )


# %% [markdown]
# **Predict.** The training has 2400 steps, 50 of them warm-up. At which step is the rate back at half its peak?

# %%
guess = None  # a number of steps

# %%
rate = warmup_cosine(peak=3e-3, steps=2400, warmup=50)
grid = np.arange(0, 2401, 5)
curve = np.array([float(rate(step)) for step in grid])
half = grid[(grid > 50) & (curve <= curve.max() / 2)][0]
figures.plot_lines(
    grid, {"rate": curve}, "Up in a line, down along a cosine",
    f"The rate is back at half its peak after {half} steps.",
    xlabel="step", ylabel="learning rate", marks=[(50, "end of warm-up"), (half, "half")]
)
checks.reveal("half", guess, half)

# %% [markdown]
# Bend the schedule yourself. **Change.** What does a warm-up of 0 look like? And a schedule that drops in steps?

# %%
from helpers import panels

panels.schedule_panel()

# %%
panels.show_still(
    panels.schedule, [{}, {"warmup": 400}, {"kind": "stepwise", "peak": 0.005}],
    ["the default", "a long warm-up", "drops in steps"], title="Three learning-rate schedules",
)

# %%
peak, warmup, steps = 0.002, 100, 2400
shown = panels.schedule(peak=peak, warmup=warmup, steps=steps)
panels.show_picture(shown.picture, shown.caption)
print(shown.caption)

# %% [markdown]
# ## 4. Callbacks, one by one
#
# A **[callback](00_start_here.ipynb#callback)** is an object that Keras calls at certain moments of the training: after each step, after each epoch. You need
# not take it on trust that they work: for each we set up a small training in which it has to act.
#
# The small trainings use a small U-Net, and folders in a temporary place.

# %%
import tempfile
from pathlib import Path

from helpers.anatomy import build_unet
from helpers.training import make_callbacks, read_log, train_unet

scratch = Path(tempfile.mkdtemp())
for callback in make_callbacks(scratch / "unused"):
    print(type(callback).__name__)

# %% [markdown]
# ### Early stopping ends an over-fit
#
# Give a network only six pictures, without augmentation, and time. It learns them by heart: the training score
# rises, while the validation score stops rising. This is **[over-fitting](00_start_here.ipynb#over-fitting)**. [`EarlyStopping`](00_start_here.ipynb#early-stopping) watches the validation score and
# ends the run when it has not improved for `patience` epochs.
#
# **Predict.** We allow 80 epochs, and a `patience` of 15. After how many will it stop?

# %%
guess = None  # how many epochs?

# %%
few = train_images[:6], train_masks[:6]
held_back = val_images[:40], val_masks[:40]
keras.utils.set_random_seed(1)
small = build_unet(depth=3, filters=8)
history = train_unet(
    small, few, held_back, scratch / "overfit", epochs=80, batch_size=2, patience=15,
    augmented=False, seed=1
)

# %% tags=["nbval-ignore-output"]
best_epoch = int(np.argmax(history.history["val_dice"])) + 1
figures.plot_history(
    history.history, "Six pictures, learned by heart",
    f"Training Dice ends at {history.history['dice'][-1]:.2f}, "
    f"validation at {history.history['val_dice'][-1]:.2f}; "
    f"best epoch {best_epoch}, stopped after {len(history.epoch)}.", marks=[(best_epoch, "best")]
)
checks.reveal("epochs", guess, len(history.epoch))

# %%
assert len(history.epoch) < 80, "early stopping did not act"
assert history.history["dice"][-1] > history.history["val_dice"][-1] + 0.1, "no over-fit to see"
print(
    "stopped early:", len(history.epoch) < 80, "- exactly 15 epochs after the best one:",
    len(history.epoch) == best_epoch + 15
)

# %% [markdown]
# The gap between the two curves *is* the over-fitting. The best network was there long before the end, and has been trained
# away since. How do we get it back?
#
# ### ModelCheckpoint keeps the best epoch
#
# Each time the validation score improves, [`ModelCheckpoint`](00_start_here.ipynb#checkpoint) writes the network into `best.keras`. If that is true, the
# reloaded network scores exactly what the log (`CSVLogger`, `log.csv`) says of the best epoch.

# %%
from helpers.training import load_network, predict

log = read_log(scratch / "overfit")
logged = max(row["val_dice"] for row in log)
reloaded = load_network(scratch / "overfit" / "best.keras")
again = (predict(reloaded, held_back[0]) >= 0.5).astype(np.uint8)
scored = dice_per_image(held_back[1], again).mean()
print("the reloaded network scores what the log says:", np.isclose(scored, logged, atol=1e-4))

# %% [markdown]
# `train_unet` loads `best.keras` at its end, so you always get the network of the best epoch and not of the last.
#
# ### A rate that reacts: ReduceLROnPlateau
#
# The cosine follows a plan. `ReduceLROnPlateau` has none: it waits until the loss stops falling, and then cuts the rate.
# To see both, we record the rate after every step with a callback of our own. It takes five lines.


# %%
class RateRecorder(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(ops.convert_to_numpy(self.model.optimizer.learning_rate)))


# %%
recorders = {"warm-up and cosine": RateRecorder(), "reduce on plateau": RateRecorder()}
little = train_images[:80], train_masks[:80]
keras.utils.set_random_seed(2)
planned = train_unet(
    build_unet(depth=3, filters=4), little, held_back, scratch / "cosine", epochs=12, batch_size=8,
    callbacks=[recorders["warm-up and cosine"]],
)

# %%
keras.utils.set_random_seed(2)
plateau = build_unet(depth=3, filters=4)
plateau.compile(keras.optimizers.Adam(3e-3), loss=bce_dice_loss, metrics=[DiceScore()])
cut = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.3, patience=1, min_delta=0.05)
reacted = train_unet(
    plateau, little, held_back, scratch / "plateau", epochs=12, batch_size=8,
    callbacks=[recorders["reduce on plateau"], cut]
)

# %% tags=["nbval-ignore-output"]
rates = {name: recorder.rates for name, recorder in recorders.items()}
drops = int(np.sum(np.diff(rates["reduce on plateau"]) < 0))
figures.plot_lines(
    np.arange(1, 121), rates, "One rate follows a plan, the other reacts",
    f"The cosine ends at 0; the other rate was cut {drops} times when the loss stalled.",
    xlabel="step", ylabel="learning rate"
)

# %%
assert len(rates["warm-up and cosine"]) == len(rates["reduce on plateau"]) == 120
assert np.any(np.diff(rates["reduce on plateau"]) < 0), "the plateau rule never acted"
print(
    "the cosine's last rate is below a thousandth of its peak:",
    rates["warm-up and cosine"][-1] < 3e-6
)

# %% [markdown]
# Reacting sounds cleverer than planning. In practice the plan is hard to beat when you know how many steps you have,
# and the plateau rule helps when you do not.
#
# ### BackupAndRestore survives an interruption
#
# Laptops close, Colab disconnects. `BackupAndRestore` saves weights *and* the optimizer's state after each epoch. We pull
# the plug ourselves: this callback interrupts the run when its fourth epoch begins, as pressing the stop button would.


# %%
class PullThePlug(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt


# %%
def fresh():
    keras.utils.set_random_seed(4)
    return build_unet(depth=3, filters=4)


# %%
settings = {"train": little, "validation": held_back, "epochs": 6, "batch_size": 8, "seed": 4}
uninterrupted = fresh()
whole = train_unet(uninterrupted, run_dir=scratch / "whole", **settings)

# %%
try:
    train_unet(fresh(), run_dir=scratch / "halved", callbacks=[PullThePlug()], **settings)
except KeyboardInterrupt:
    print("interrupted after", len(read_log(scratch / "halved")), "epochs")

# %% [markdown]
# What if you just run the cell again? Then the first half of the run would be overwritten. `train_unet` refuses and says
# what to do.

# %%
try:
    train_unet(fresh(), run_dir=scratch / "halved", **settings)
except FileExistsError as error:
    print("FileExistsError:", str(error).replace(str(scratch), "..."))

# %% [markdown]
# **Predict.** Resumed and finished, how close will its weights come to those of the uninterrupted run: roughly, to three
# digits, exactly?

# %%
guess = None  # "roughly", "three digits" or "exactly"

# %%
resumed = build_unet(depth=3, filters=4)
halved = train_unet(resumed, run_dir=scratch / "halved", resume=True, **settings)
same_weights = all(
    np.array_equal(a, b) for a, b in zip(resumed.get_weights(), uninterrupted.get_weights())
)
print("epochs in its log:", len(halved.epoch))

# %% tags=["nbval-ignore-output"]
print("bit for bit the same weights:", same_weights)
checks.reveal("resumed", guess, "exactly" if same_weights else "three digits")

# %%
closest = max(
    np.abs(a - b).max() for a, b in zip(resumed.get_weights(), uninterrupted.get_weights())
)
assert closest < 1e-4, f"the resumed run ended {closest} away from the uninterrupted one"
print(
    "the same curve:", np.allclose(halved.history["val_loss"], whole.history["val_loss"], atol=1e-4)
)

# %% [markdown]
# Exactly, on one machine. That is no accident: the pipeline draws order and augmentation from the number of the epoch, the
# backup holds the optimizer's memory, and early stopping reads its past scores from the log. If one of the three were
# missing, the run would go on, but it would be a different run.
#
# ## 5. The training
#
# Now everything at once: 800 pictures, the default U-Net, twelve epochs, all callbacks. It takes about a minute on two
# cores. The run gets a folder of its own, which notebook 04 will find.

# %%
from helpers import RUNS
from helpers.training import new_run_dir

# %%
keras.utils.set_random_seed(7)
unet = build_unet()
run_dir = new_run_dir(RUNS, "circles")

# %% [markdown]
# Two more callbacks make it visible. `TrainingMonitor` draws the curves while they grow, with the time that is left. `FlipBook`
# keeps what the network makes of a few pictures after each epoch.

# %%
from helpers.panels.callbacks import FlipBook, TrainingMonitor

book = FlipBook(val_images[:4], val_masks[:4])
watching = [TrainingMonitor(), book]

# %% tags=["nbval-ignore-output"]
history = train_unet(
    unet, (train_images, train_masks), (val_images, val_masks), run_dir, epochs=12, seed=7,
    callbacks=watching
)
scores = history.history["val_dice"]
print(f"Validation Dice rose from {scores[0]:.2f} to {max(scores):.2f}.")

# %% tags=["nbval-ignore-output"]
best_epoch = int(np.argmax(history.history["val_dice"])) + 1
figures.plot_history(
    history.history, "Training and validation rise together: no over-fit",
    f"Validation Dice {max(history.history['val_dice']):.2f} in epoch {best_epoch}; "
    f"loss {history.history['loss'][-1]:.2f} in training, "
    f"{history.history['val_loss'][-1]:.2f} in validation.", marks=[(best_epoch, "best")]
)

# %%
assert max(scores) > 0.94, "this training should reach a validation Dice above 0.94"
print("validation Dice above 0.94:", max(history.history["val_dice"]) > 0.94)

# %% [markdown]
# ### The flip book: watch it learn
#
# Page 0 is the untrained network. **Predict.** What comes first: the right places, or the right outlines?

# %%
panels.flip_panel(book)

# %% tags=["nbval-ignore-output"]
pages = [{"page": page} for page in (0, 1, 2, len(book.epochs) - 1)]
panels.show_still(
    book.draw, pages, title="One picture: untrained, after one and two epochs, and at the end"
)

# %% [markdown]
# The places come first, the outlines later, and most of both in the first two epochs. The other ten sharpen what is there.
#
# How to read the curves:
#
# | you see | it means | try |
# | --- | --- | --- |
# | both rise together and flatten | learned what this data and network allow | more data, a larger network |
# | training rises, validation falls back | over-fitting | more data, more augmentation, early stopping |
# | both stay low | the network, the rate or the number of steps is too small | a higher rate, more epochs |
# | validation jumps up and down | the rate is too high, or the validation set too small | a lower peak, more pictures |
# | loss is NaN | the rate is far too high | a tenth of it |
#
# Look at the pictures, too. Which lesions does it still miss?

# %% tags=["nbval-ignore-output"]
found = (predict(unet, val_images[:6]) >= 0.5).astype(np.uint8)
dice = dice_per_image(val_masks[:6], found)
figures.show_predictions(
    val_images[:6], val_masks[:6], found, [f"Dice {d:.2f}" for d in dice],
    "Nearly every lesion is found",
    "Truth in solid orange, prediction in dashed blue; "
    f"Dice from {dice.min():.2f} to {dice.max():.2f}."
)

# %% [markdown]
# The best rung of the ladder in notebook 01, the Hough circles, stood at about 0.65. But be careful before you publish the
# number above: you have looked at validation after every epoch and kept the best one. How good it *really* is, on pictures
# nobody has looked at, is the subject of notebook 04.

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Your variables are not touched. Stuck? Run `checks.hint("3.1")` in a cell of its
# own; each further call goes deeper.

# %% [markdown]
# ### Exercise 3.1: Steps and batches
#
# You have 1000 training pictures and train with batches of 16 for 5 epochs. `steps_per_epoch` above is the worked example. How many
# steps are there in all?
#
# Hints: `checks.hint("3.1")`

# %%
all_steps = None

# %%
checks.exercise_3_1(all_steps)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# all_steps = 5 * -(-1000 // 16)
# ```
#
# 62 full batches and one of 8 make 63 steps an epoch.
#
# </details>

# %% [markdown]
# ### Exercise 3.2: Mirror a pair
#
# An augmentation with a gap, in NumPy: of a batch, mirror those pictures left to right for which `chosen` is True, and their masks
# in the same way. The images are done.
#
# Hints: `checks.hint("3.2")`


# %%
def mirror_pair(images, masks, chosen):
    images, masks = images.copy(), masks.copy()
    images[chosen] = images[chosen][:, :, ::-1]
    raise NotImplementedError  # the masks; then return both


# %%
checks.exercise_3_2(mirror_pair)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def mirror_pair(images, masks, chosen):
#     images, masks = images.copy(), masks.copy()
#     images[chosen] = images[chosen][:, :, ::-1]
#     masks[chosen] = masks[chosen][:, :, ::-1]
#     return images, masks
# ```
#
# </details>

# %% [markdown]
# ### Exercise 3.3: Which run over-fits?
#
# Three runs, Dice in training / in validation after so many epochs:
#
# | epoch | run A | run B | run C |
# | --- | --- | --- | --- |
# | 5 | 0.61 / 0.60 | 0.70 / 0.66 | 0.20 / 0.21 |
# | 10 | 0.78 / 0.77 | 0.88 / 0.80 | 0.22 / 0.22 |
# | 20 | 0.89 / 0.87 | 0.96 / 0.77 | 0.23 / 0.22 |
# | 40 | 0.93 / 0.92 | 0.99 / 0.72 | 0.23 / 0.23 |
#
# Which run over-fits, `"A"`, `"B"` or `"C"`? And the network of which epoch of that run would you keep?
#
# Hints: `checks.hint("3.3")`

# %%
overfits = None
keep_epoch = None

# %%
checks.exercise_3_3(overfits, keep_epoch)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# overfits = "B"
# keep_epoch = 10
# ```
#
# In B training goes on rising, while validation turns back after epoch 10.
#
# </details>

# %% [markdown]
# ### Exercise 3.4: A learning rate by hand
#
# Write warm-up and cosine without Keras. The warm-up is there. After it the rate falls from `peak` to 0, which it reaches at step
# `steps`, along half a cosine: flat at the top, flat at the end. Use `math.cos` and `math.pi`.
#
# Hints: `checks.hint("3.4")`

# %%
import math


def my_rate(step, peak, steps, warmup):
    if step < warmup:
        return peak * step / warmup
    raise NotImplementedError  # the cosine

# %%
checks.exercise_3_4(my_rate)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# import math
#
#
# def my_rate(step, peak, steps, warmup):
#     if step < warmup:
#         return peak * step / warmup
#     done = (step - warmup) / (steps - warmup)
#     return peak * (1 + math.cos(math.pi * done)) / 2
# ```
#
# </details>

# %% [markdown]
# ### Exercise 3.5: A callback that stops at a goal
#
# Write a callback that ends the training as soon as the *validation* Dice of an epoch (`val_dice` in the `logs`) reaches `goal`. An
# epoch without validation has no such entry, and must not stop anything. `RateRecorder` and `PullThePlug` are the worked examples;
# setting `self.model.stop_training = True` asks Keras to stop.
#
# Hints: `checks.hint("3.5")`


# %%
class StopAtGoal(keras.callbacks.Callback):
    def __init__(self, goal):
        super().__init__()
        self.goal = goal

    def on_epoch_end(self, epoch, logs=None):
        raise NotImplementedError


# %%
checks.exercise_3_5(StopAtGoal)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# class StopAtGoal(keras.callbacks.Callback):
#     def __init__(self, goal):
#         super().__init__()
#         self.goal = goal
#
#     def on_epoch_end(self, epoch, logs=None):
#         if "val_dice" in logs and logs["val_dice"] >= self.goal:
#             self.model.stop_training = True
# ```
#
# </details>

# %% [markdown]
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("03")

# %% [markdown]
# ## What you've learned
#
# - You built a `tf.data` pipeline whose augmentation moves image and mask together.
# - You compared cross-entropy, Dice loss and their sum by what a constant prediction scores under each.
# - You shaped a learning rate with warm-up and cosine, and contrasted it with a rate that falls at a plateau.
# - You caught over-fitting with early stopping, and got the best epoch back from its checkpoint.
# - You resumed an interrupted run so that it ended as if nothing had happened.
# - You trained the network of this course in about a minute, and read its curves.
#
# ## On your own
#
# 1. Train with `normalization="batch"`. Compare the seconds and the Dice after each epoch, and then with batches of 1. What
#    happens, and why?
# 2. Give the training 50, 100, 200, 400 pictures. How does validation Dice grow with the number of pictures?
#
# ## Further reading
#
# - Milletari et al., [V-Net](https://arxiv.org/abs/1606.04797), 2016, section 3: the Dice loss.
# - Loshchilov and Hutter, [SGDR](https://arxiv.org/abs/1608.03983), 2017: the cosine. Goyal et al.,
#   [Accurate, Large Minibatch SGD](https://arxiv.org/abs/1706.02677), 2017, section 2.2: the warm-up.
# - Prechelt, "Early Stopping - But When?", 1998.
# - [Keras callbacks](https://keras.io/api/callbacks/) and [tf.data](https://www.tensorflow.org/guide/data).
