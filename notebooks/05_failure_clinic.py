# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Find out why it fails, and mend it
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Judge it as a careful researcher would](04_evaluation_and_visualization.ipynb) · [Contents](../README.md) ·
# Next: [Bring your own images](06_your_own_images.ipynb)
#
# ## What you'll do
#
# You make eleven classic mistakes on purpose, look at what they do to pictures and curves, take the one measurement that
# tells each from its look-alikes, and mend it with the smallest change.
#
# ## What you'll learn
#
# - Recognize eleven failures of segmentation by their symptoms.
# - Choose the measurement that tells a failure from its look-alikes: an all-black prediction has at least three causes.
# - Mend each failure with the smallest change, and check that it was that change.
# - Ask `diagnose` for a second opinion on your own data, and read its answer with care.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about two minutes on two CPU cores.
# - 1.2 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) to [04](04_evaluation_and_visualization.ipynb).

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## The clinic
#
# Wrong data rarely raises an error. Arrays have the right shape, the loss goes down, a number comes out, and the masks are
# useless. So you have to *measure*, and to know what to measure. Every case below goes through the same four steps:
#
# 1. **Symptom**: the picture and the curve, made for real.
# 2. **Guess**: what do *you* think it is? Write it down before you read on.
# 3. **Diagnose**: the measurement that tells it from its look-alikes.
# 4. **Mend**: the smallest change, and the picture after it.
#
# The patients are small, so that each falls ill within seconds: pictures of 64x64 pixels, U-Nets of three levels.

# %%
import keras
import numpy as np
import tensorflow as tf

from helpers import MODELS, figures
from helpers.anatomy import build_unet
from helpers.synthesis import CircleScene, make_dataset

train = make_dataset(240, CircleScene(size=64, circles=(1, 5)), seed=51)
val = make_dataset(60, CircleScene(size=64, circles=(1, 5)), seed=52)

# %% [markdown]
# Our own `train_unet` refuses most of what you are about to do: it checks ranges, sizes and pairs. A plain Keras script
# checks nothing, so we use one. It is all of five lines. (`ReleaseMemory` has no part in any illness: nearly twenty networks
# are trained below, and it sees to it that only the latest keeps its compiled training step in memory.)

# %%
from helpers.training import DiceScore, ReleaseMemory, bce_dice_loss, bce_loss, quiet


def fit_plainly(model, train, val, epochs=3, batch=8, loss=bce_dice_loss, rate=3e-3):
    optimizer = rate if isinstance(rate, keras.Optimizer) else keras.optimizers.Adam(rate)
    model.compile(optimizer, loss=loss, metrics=[DiceScore()])
    fed = [quiet(tf.data.Dataset.from_tensor_slices(pair).batch(batch)) for pair in (train, val)]
    return model.fit(fed[0], validation_data=fed[1], epochs=epochs, verbose=0, shuffle=False, callbacks=[ReleaseMemory()])


# %%
def new_unet(**form):
    keras.utils.set_random_seed(5)
    return build_unet(depth=3, **form)


# %% [markdown]
# Two measurements come back in every case: what the network says, and the mean Dice over the pictures *with* lesions. (Empty
# pictures score 1 for an empty prediction. A network that never finds anything would look half healthy.)

# %%
from helpers.evaluation import dice_per_image


def outputs_of(model, images):
    return np.concatenate([np.array(model(images[i : i + 10])) for i in range(0, len(images), 10)])


def lesion_dice(masks, scores, threshold=0.5):
    found, some = (scores >= threshold).astype(np.uint8), masks.any(axis=(1, 2, 3))
    return dice_per_image(masks[some], found[some]).mean()


# %% [markdown]
# ### A healthy patient first
#
# Whoever wants to recognize illness must have seen health. Four epochs, nothing wrong.

# %%
healthy = new_unet()
healthy_run = fit_plainly(healthy, train, val, epochs=4)

# %% tags=["nbval-ignore-output"]
figures.plot_history(
    healthy_run.history, "Healthy: both losses fall, both Dice rise, side by side",
    "After four epochs the validation Dice is "
    f"{healthy_run.history['val_dice'][-1]:.2f} and still rising."
)

# %% [markdown]
# And the doctor? `diagnose` looks at whatever you hand in: images and masks, predictions, a model, its history, the
# training pictures. It knows the cases of this notebook and says how sure it is. A doctor who always finds something is
# worse than none, so on a healthy patient it should say this:

# %%
from helpers.diagnosis import diagnose

diagnose(*val, model=healthy, history=healthy_run, training=train)

# %% [markdown]
# Read the last line as well: "nothing found" is a statement about what it was given, not about your study.
#
# ## Case 1: the loss is negative
#
# **Symptom.** Someone reads the masks from PNG files and trains.

# %%
png_masks = train[1] * 255, val[1] * 255
run = fit_plainly(new_unet(), (train[0], png_masks[0]), (val[0], png_masks[1]))

# %% tags=["nbval-ignore-output"]
figures.plot_lines(
    [1, 2, 3], {"loss": run.history["loss"], "validation loss": run.history["val_loss"]},
    "A loss below zero",
    f"The loss falls to {run.history['loss'][-1]:.0f}; "
    f"the Dice 'rises' to {run.history['dice'][-1]:.2f}.",
    xlabel="epoch", ylabel="loss",
)

# %% [markdown]
# **Guess.** A cross-entropy cannot be negative and a Dice cannot exceed 1. A bug in the loss? Too high a learning rate?
#
# **Diagnose.** Before you suspect the network, look at what you fed it: type, lowest and highest value, number of levels.

# %%
print("masks:", png_masks[0].dtype, "with the values", np.unique(png_masks[0]))
loss, dice = run.history["loss"][-1], run.history["dice"][-1]
print("loss below 0:", loss < 0, "and Dice above 1:", dice > 1)
assert loss < 0 and dice > 1

# %% [markdown]
# White is 255 in a file. In the cross-entropy, $y\log p + (1-y)\log(1-p)$, a target of 255 turns the second term's sign
# around: the more foreground the network claims, the lower the loss, without end. Both losses agree, training and
# validation, because both are wrong in the same way. **A validation set does not protect you from a mistake it shares.**

# %% tags=["nbval-ignore-output"]
found = diagnose(train[0], png_masks[0], history=run)
found

# %%
assert found.causes[0] == "masks_0_255"
print("most likely:", found.causes[0])

# %% [markdown]
# **Mend.** One line, right after reading the files: `masks = (masks > 127).astype("uint8")`. Why `> 127` and not
# `/ 255`? It also mends masks that were resized with interpolation, and gives integers.

# %%
mended = (png_masks[0] > 127).astype(np.uint8)
print("the same as the true masks:", np.array_equal(mended, train[1]))
print("loss below 0 in the healthy run:", min(healthy_run.history["loss"]) < 0)

# %% [markdown]
# ## Case 2: right network, right picture, wrong numbers
#
# **Symptom.** The network that ships with the course is good. Here it is asked three times about the same forty pictures, of
# which you see one.

# %%
from helpers.training import load_network

network = load_network(MODELS / "unet_circles.keras")
images, masks = make_dataset(40, CircleScene(), seed=53)
fed = {"0..1, as trained": images, "0..255": images * 255, "divided twice": images / 255}
said = {name: outputs_of(network, values) for name, values in fed.items()}

# %% tags=["nbval-ignore-output"]
shown = [images[5], masks[5], *[scores[5] for scores in said.values()]]
figures.show_images(
    shown, ["scan", "truth", *said], "Only the scale of the input differs",
    "Fed with " + "; ".join(
        f"{name}, mean Dice is {lesion_dice(masks, scores):.2f}" for name, scores in said.items()
    ) + "."
)

# %% [markdown]
# **Guess.** Which of the two bad ones comes without any warning sign in the prediction's own numbers?
#
# **Diagnose.** Matplotlib stretches gray levels, so all three inputs *look* the same on screen. Their numbers do not.

# %%
for name, values in fed.items():
    print(f"{name:<18} {values.min():.4f} to {values.max():.4f}, mean {values.mean():.4f}")

# %% [markdown]
# Fed with 0..255, every feature is 255 times too strong and the network shouts. Divided twice (once by you, once by a
# `Rescaling` layer or a data loader), all is nearly black, and the answer is a calm, empty mask: it looks like a finding.

# %% tags=["nbval-ignore-output"]
twice = diagnose(fed["divided twice"], masks, model=network)
twice

# %%
loud = diagnose(fed["0..255"], masks, model=network)
assert loud.causes[0] == "images_0_255" and twice.causes[0] == "images_divided_twice"
print("most likely:", loud.causes[0], "and", twice.causes[0])

# %% [markdown]
# **Mend.** Scale in one place. And let the code refuse, as ours does: a range is checked in microseconds.

# %%
from helpers.training import predict

try:
    predict(network, fed["0..255"])
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# ## Case 3: never below one half
#
# **Symptom.** "A ReLU after every convolution", says a tutorial, and somebody puts one after the last, too.

# %%
base = new_unet()
with_relu = keras.layers.ReLU()(base.get_layer("logits").output)
relu_unet = keras.Model(base.input, keras.layers.Activation("sigmoid")(with_relu))
relu_run = fit_plainly(relu_unet, train, val, epochs=2)

# %% tags=["nbval-ignore-output"]
relu_said = outputs_of(relu_unet, val[0])
figures.show_images(
    [val[0][3], val[1][3], relu_said[3]], ["scan", "truth", "prediction"], "An all-gray prediction",
    f"The prediction is gray all over: from {relu_said.min():.2f} to {relu_said.max():.2f}."
)

# %% [markdown]
# **Guess.** Has it not learned yet, or can it not?
#
# **Diagnose.** Look at the lowest value. A network that is merely undecided scatters *around* something.

# %%
print("lowest prediction:", round(float(relu_said.min()), 3))
print("more than one pixel in twenty is exactly 0.5:", (relu_said == 0.5).mean() > 0.05)
print("sigmoid(0) =", float(keras.ops.sigmoid(0.0)))
assert relu_said.min() >= 0.5

# %% [markdown]
# A ReLU gives 0 or more, and the sigmoid of 0 is 0.5. Background would need a logit *below* 0: this network has no word for
# it. Worse, a pixel whose ReLU is closed passes no gradient back, so training cannot help either.
#
# The opposite mistake has a look-alike: no sigmoid at all. **Predict.** Between which numbers do the outputs lie then?

# %%
headless = keras.Model(network.input, network.get_layer("logits").output)
raw = outputs_of(headless, images)
print("below 0:", raw.min() < 0, "- above 1:", raw.max() > 1)
print("more than half of the pixels lie outside 0..1:", ((raw < 0) | (raw > 1)).mean() > 0.5)

# %% tags=["nbval-ignore-output"]
print(diagnose(*val, model=relu_unet, history=relu_run))
print(diagnose(images, masks, y_pred=raw))

# %%
found = diagnose(*val, y_pred=relu_said), diagnose(images, masks, y_pred=raw)
assert [f.causes[0] for f in found] == ["relu_before_sigmoid", "logits_as_probabilities"]
print("most likely:", found[0].causes[0], "and", found[1].causes[0])

# %% [markdown]
# **Mend.** Linear convolution, then one sigmoid: in the network *or* in the loss (`from_logits=True`), never in both, never
# in neither. Taking the logits for what they are costs one line:

# %%
probability = np.array(keras.ops.sigmoid(raw))
print(
    "the same as the whole network says:",
    np.allclose(probability, said["0..1, as trained"], atol=1e-4)
)

# %% [markdown]
# ## Case 4: accuracy 0.99, and all black
#
# The most frequent complaint of all. It has several causes, and each needs another remedy. Three patients:

# %%
rare = [
    make_dataset(n, CircleScene(size=64, circles=1, radius=(2, 4)), seed)
    for n, seed in ((240, 54), (60, 55))
]
patient_a = new_unet()
run_a = fit_plainly(patient_a, *rare, epochs=5, loss="mse", rate=1e-2)

# %%
gray = [(x, y * np.float32(100 / 255)) for x, y in (train, val)]
patient_b = new_unet()
run_b = fit_plainly(patient_b, *gray, epochs=6, loss=bce_loss)

# %%
few = [
    make_dataset(n, CircleScene(size=64, circles=(1, 2), radius=(4, 9)), seed)
    for n, seed in ((160, 56), (60, 57))
]
patient_c = new_unet()
run_c = fit_plainly(patient_c, *few, epochs=2, batch=32, loss=bce_loss, rate=1e-3)

# %% [markdown]
# **Symptom.**

# %%
ward = {
    "A": (patient_a, run_a, *rare[1]), "B": (patient_b, run_b, *val),
    "C": (patient_c, run_c, *few[1])
}
black = {name: outputs_of(model, x) for name, (model, _, x, _) in ward.items()}


# %%
def bedside(name, found):
    _, _, x, y = ward[name]
    i = y.sum(axis=(1, 2, 3)).argmax()  # the picture with the most foreground
    return [x[i], y[i], found[i]]


# %% tags=["nbval-ignore-output"]
figures.show_images(
    [p for name in ward for p in bedside(name, black[name] >= 0.5)], ["scan", "truth", "found"] * 3,
    "Patients A, B and C: (nearly) all black",
    "In all three predictions hardly a pixel reaches 0.5.", columns=9, size=1.3
)

# %% tags=["nbval-ignore-output"]
from helpers.evaluation import pixel_accuracy

for name, (_, _, _, y) in ward.items():
    accuracy = pixel_accuracy(y, (black[name] >= 0.5).astype(np.uint8))
    print(f"patient {name}: accuracy {accuracy:.3f}, mean Dice {lesion_dice(y, black[name]):.2f}")

# %%
for name, (_, _, _, y) in ward.items():
    assert lesion_dice(y, black[name]) < 0.35, f"patient {name} has healed"
print("all three score a mean Dice below 0.35")

# %% [markdown]
# **Guess.** One of them has learned nearly everything and only *looks* black. Which? How would you find out?
#
# **Diagnose.** Three measurements, in this order:
#
# 1. *Is the order of the pixels right?* Then some other threshold works. Dice at the best threshold says so.
# 2. *Is the loss still falling?* Then it was stopped too early. How many steps were there?
# 3. *Where has the loss settled?* If a constant prediction would score the same, it has settled in the trap.

# %%
from helpers.evaluation import best_threshold

best = {name: best_threshold(y, black[name]) for name, (_, _, _, y) in ward.items()}

# %% tags=["nbval-ignore-output"]
for name, (_, run, _, y) in ward.items():
    first, last = run.history["loss"][0], run.history["loss"][-1]
    steps = run.params["steps"] * len(run.epoch)
    at_best = f"Dice {best[name].dice:.2f} at threshold {best[name].threshold:.2f}"
    print(f"{name}: highest probability {black[name].max():.2f}, {at_best}")
    print(f"   loss {first:.4f} -> {last:.4f} in {steps} steps; foreground {y.mean():.2%}")

# %%
constant = rare[0][1].mean() * (1 - rare[0][1].mean())
print(
    "B is the one that a threshold saves:",
    best["B"].dice > 0.5 > max(best["A"].dice, best["C"].dice)
)
settled = abs(run_a.history["loss"][-1] / constant - 1) < 0.1
print(
    f"A has settled within a tenth of {constant:.4f}, the squared error of the best constant:",
    settled
)

# %% [markdown]
# - **A** is the collapse. Its lesions cover well under one per cent of the picture, and under a mean squared error an all-black
#   answer is already nearly perfect. The loss has settled where a constant would be. More epochs of the same will not help.
# - **B** has learned. Its masks were drawn in the gray level 100 and divided by 255, so it aims at 0.39, and lesions seldom
#   reach 0.5. The pixels stand in the right order; the line is in the wrong place.
# - **C** was stopped after ten steps. Batches of 32 from 160 pictures make five steps an epoch: "two epochs" says nothing.

# %% tags=["nbval-ignore-output"]
opinions = {
    name: diagnose(x, y, y_pred=black[name], history=run) for name, (_, run, x, y) in ward.items()
}
for name, opinion in opinions.items():
    print(f"--- patient {name}", opinion, sep="\n")

# %%
assert [opinion.causes[0] for opinion in opinions.values()] == [
    "imbalance", "wrong_threshold", "too_few_steps"
]
print("most likely:", [opinion.causes[0] for opinion in opinions.values()])

# %% [markdown]
# **Mend.** Three illnesses, three medicines. **Predict.** What would happen to A if you gave it C's, and trained for longer?

# %%
mended_a, mended_c = new_unet(), new_unet()
mended_run_a = fit_plainly(mended_a, *rare, epochs=10, loss=bce_dice_loss)
mended_run_c = fit_plainly(mended_c, *few, epochs=10, loss=bce_loss)

# %%
after = {
    "A": outputs_of(mended_a, rare[1][0]) >= 0.5, "B": black["B"] >= best["B"].threshold,
    "C": outputs_of(mended_c, few[1][0]) >= 0.5,
}
dice = {
    name: (lesion_dice(ward[name][3], black[name]), lesion_dice(ward[name][3], after[name]))
    for name in ward
}

# %% tags=["nbval-ignore-output"]
figures.show_images(
    [p for name in ward for p in bedside(name, after[name])], ["scan", "truth", "found"] * 3,
    "The same three after their treatment",
    "Mean Dice: " + "; ".join(f"{n} from {a:.2f} to {b:.2f}" for n, (a, b) in dice.items()) + ".",
    columns=9, size=1.3
)

# %%
assert all(later > before + 0.2 for before, later in dice.values())
print("each has gained more than 0.2 of Dice")

# %% [markdown]
# ## Case 5: the learning rate
#
# **Symptom.** Four runs that differ in one number. (The fastest has its sigmoid in the loss, as many scripts do.)

# %%
runs = {}
for rate in (1.0, 3e-3, 1e-6):
    runs[rate] = fit_plainly(new_unet(), train, val, rate=rate).history["loss"]

# %%
base = new_unet()
logit_unet = keras.Model(base.input, base.get_layer("logits").output)
nan_run = fit_plainly(
    logit_unet, train, val, epochs=2, loss=keras.losses.BinaryCrossentropy(from_logits=True),
    rate=10.0
)

# %% tags=["nbval-ignore-output"]
print("rate 10, sigmoid in the loss:", nan_run.history["loss"])
figures.plot_lines(
    [1, 2, 3], {f"rate {rate:g}": loss for rate, loss in runs.items()},
    "Too high is stuck high; too low is flat",
    "; ".join(f"rate {rate:g}: loss {loss[0]:.2f} to {loss[-1]:.2f}" for rate, loss in runs.items())
    + ".", xlabel="epoch", ylabel="loss"
)

# %% [markdown]
# **Guess.** Two curves are flat. Which measurement tells you the direction in which to turn the dial?
#
# **Diagnose.** *Where* is it flat? Predicting the share of foreground everywhere costs about 1.3 with this loss. A run
# that does *worse* than that has destroyed something: its weights are so large that the sigmoid is saturated, and a
# saturated sigmoid has no gradient. A run that stands just where it began has not moved at all.

# %%
print("rate 1 ends far above where the healthy run begins:", runs[1.0][-1] > 3 * runs[3e-3][0])
print("rate 0.000001 has moved by less than 3 %:", abs(runs[1e-6][-1] / runs[1e-6][0] - 1) < 0.03)
assert runs[1.0][-1] > 3 * runs[3e-3][0] and abs(runs[1e-6][-1] / runs[1e-6][0] - 1) < 0.03

# %% [markdown]
# NaN is the loud form. Where no sigmoid stands in the way, nothing stops the weights from growing until they overflow, and one
# NaN makes every weight NaN. Look for NaN in the *images* first, though: the symptom is the same.

# %%
assert np.isnan(nan_run.history["loss"][-1]) and np.isfinite(train[0]).all()
print(
    "loss is NaN:", np.isnan(nan_run.history["loss"][-1]), "- images are finite:",
    np.isfinite(train[0]).all()
)

# %% tags=["nbval-ignore-output"]
print(diagnose(*train, history=nan_run))
print(diagnose(*train, history={"loss": runs[1e-6]}))

# %%
found = [diagnose(*train, history=history).causes[0] for history in (nan_run, {"loss": runs[1e-6]})]
assert found == ["learning_rate_too_high", "learning_rate_too_low"]
print("most likely:", found)

# %% [markdown]
# **Mend.** Turn by factors of ten, never by a little. Warm-up and a clipped gradient, as in notebook 03, forgive a rate that
# is somewhat too high. They do not forgive everything.
#
# **Change.** Between 3e-3 and 1 lies the edge. Find it, to a factor of three.
#
# ## Case 6: the mask that stayed behind
#
# **Symptom.** Augmentation mirrors each *image* with a chance of one half. Everything else is as in the healthy run above.

# %%
mirror = np.random.default_rng(58).random(len(train[0])) < 0.5
careless = np.where(mirror[:, None, None, None], train[0][:, :, ::-1], train[0])
apart = new_unet()
run_apart = fit_plainly(apart, (careless, train[1]), val, epochs=4)

# %% tags=["nbval-ignore-output"]
figures.plot_history(
    run_apart.history, "Training looks fine, only not very good",
    f"Both curves improve; validation ends at {run_apart.history['val_dice'][-1]:.2f}, "
    f"the healthy run at {healthy_run.history['val_dice'][-1]:.2f}."
)

# %%
loss_of_dice = healthy_run.history["val_dice"][-1] - run_apart.history["val_dice"][-1]
assert loss_of_dice > 0.05
print("it costs more than 0.05 of Dice:", loss_of_dice > 0.05)

# %% [markdown]
# **Guess.** No error, falling losses, a middling score. A larger network, you say? More epochs? A student can lose a week here.
# There is one clue in the curves. Have you seen it?
#
# **Diagnose.** The clue: training scores *below* validation, where the masks are right. So look at a training batch, *as the network gets it*, with the mask's outline on top.

# %%
figures.show_images(
    careless[:6], [f"picture {i}" for i in range(6)], "Half of the outlines mark nothing",
    f"Of these six images {int(mirror[:6].sum())} were mirrored, "
    "and their outlines lie beside the lesions.", masks=train[1][:6], size=1.6
)

# %% [markdown]
# Six pictures you can look at, six thousand you cannot. But a computer can ask of each picture: *does the mask fit better after a
# flip, a turn or a shift?* How well it fits is a correlation; what chance gives is found with the masks of other
# pictures.

# %%
found = diagnose(careless, train[1])
found

# %%
assert found.causes[0] == "mask_not_moved"
print("most likely:", found.causes[0], f"- really mirrored: {int(mirror.sum())} of {len(mirror)}")

# %% [markdown]
# Some mirrored pictures escape it: where the lesions happen to lie symmetrically, the mirrored mask fits as well.
#
# **Mend.** One random draw for both. `augment` from notebook 03 moves image and mask as two channels of one array.

# %%
from helpers.training import augment

together = [
    np.array(part) for part in augment(tf.constant(train[0]), tf.constant(train[1]), seed=(5, 8))
]
print("findings after the mend:", len(diagnose(*together)))

# %% [markdown]
# ## Case 7: a test that is too kind
#
# **Symptom.** Few pictures, faint lesions, many epochs, and a fine test score.

# %%
faint = CircleScene(size=64, circles=(1, 5), contrast=(0.1, 0.2))
tiny_train, unseen = make_dataset(24, faint, seed=59), make_dataset(24, faint, seed=60)
memory = new_unet()
memory_run = fit_plainly(memory, tiny_train, unseen, epochs=60, batch=4)

# %%
test = [np.concatenate([known[:18], new[:6]]) for known, new in zip(tiny_train, unseen)]
test_dice = dice_per_image(test[1], (outputs_of(memory, test[0]) >= 0.5).astype(np.uint8))

# %% tags=["nbval-ignore-output"]
print(f"mean Dice on 24 test pictures: {test_dice.mean():.2f}")

# %% [markdown]
# **Guess.** Would you believe that score? What would you ask the author?
#
# **Diagnose.** Ask how the split was made, and check it: search each test picture among the training pictures. Comparing every
# bit is not enough, for copies come mirrored, saved again as JPEG, or with a little noise. **Predict.** How many are copies?

# %%
found = diagnose(*test, training=tiny_train)
found

# %%
copied = np.arange(24) < 18
kind, honest = test_dice[copied].mean(), test_dice[~copied].mean()
assert found.causes[0] == "copies_between_sets" and kind > honest + 0.1
print(
    "most likely:", found.causes[0], "- Dice on copies is higher by more than 0.1:",
    kind > honest + 0.1
)

# %% tags=["nbval-ignore-output"]
figures.plot_bars(
    ["copies", "new pictures"], [kind, honest], "What it remembers, and what it can do",
    f"Dice {kind:.2f} on the 18 copies, {honest:.2f} on the six new pictures."
)

# %% [markdown]
# **Mend.** Split first, then augment; and split by *patient*, since two slices of one patient are nearly copies, too. A mirrored
# copy with a little noise is still found:

# %%
noise = np.random.default_rng(61).normal(0, 0.01, tiny_train[0].shape).astype(np.float32)
disguised = np.clip(tiny_train[0][:, :, ::-1] + noise, 0, 1)
print(diagnose(disguised, tiny_train[1][:, :, ::-1], training=tiny_train))

# %% [markdown]
# ## Case 8: the Dice that hides a miss
#
# **Symptom.** A report says Dice 0.9 and more. Some patients' lesions were not seen at all.

# %%
large = make_dataset(20, CircleScene(circles=(3, 5), radius=(13, 15)), seed=62)
small = make_dataset(20, CircleScene(circles=1, radius=(2, 3), contrast=(0.15, 0.3)), seed=63)
mixed = np.concatenate([large[0], small[0]]), np.concatenate([large[1], small[1]])
mixed_said = outputs_of(network, mixed[0])

# %% tags=["nbval-ignore-output"]
from helpers.evaluation import pooled_dice

mixed_found = (mixed_said >= 0.5).astype(np.uint8)
pooled, each = pooled_dice(mixed[1], mixed_found), dice_per_image(mixed[1], mixed_found)
chosen = [0, 1, 20, 21, 22]
figures.show_predictions(
    mixed[0][chosen], mixed[1][chosen], mixed_found[chosen],
    [f"Dice {d:.2f}" for d in each[chosen]],
    f"Pooled {pooled:.2f}, but look at the small ones",
    f"The mean over pictures is {each.mean():.2f}; "
    "the small lesions on the right are mostly missed, in orange."
)

# %% [markdown]
# **Guess.** Both numbers are called "Dice". How can they differ so much?
#
# **Diagnose.** Pooled over a batch, all pixels go into one fraction. A large lesion brings 600 pixels, a small one 20: thirty
# small patients weigh as much as one large one. Compute both scores; if they disagree, look at the score by size.

# %%
assert pooled > each.mean() + 0.2
print("pooled is higher by more than 0.2:", pooled > each.mean() + 0.2)
print("so it is with the large lesions alone:", pooled > each[:20].mean() + 0.2)

# %% tags=["nbval-ignore-output"]
found = diagnose(*mixed, y_pred=mixed_said)
found

# %%
assert found.causes[0] == "pooled_dice"
print("most likely:", found.causes[0])

# %% [markdown]
# **Mend.** Report the mean *per picture*, and the score by size. `DiceScore` and `dice_per_image` do; many libraries pool by
# default, and a "Dice loss" summed over the batch trains for the large ones. The network itself needs small lesions to learn from.
#
# ## Case 9: sizes
#
# **Symptom.** A picture of 100x100 pixels, and a long error; or no error, and an output that is smaller than the mask.

# %%
odd = make_dataset(6, CircleScene(size=100), seed=64)
try:
    network(odd[0])
    refused = False
except Exception as error:
    refused = True
print("the network refuses:", refused)

# %%
valid_unet = build_unet(depth=3, padding="valid")
print("without padding:", odd[0].shape[1:3], "->", tuple(valid_unet(odd[0]).shape[1:3]))

# %% [markdown]
# **Guess.** 100 is an even number. Why does it not fit?
#
# **Diagnose.** Halve it as often as the network does: 100, 50, 25, and then? Pooling rounds 12.5 down to 12, upsampling makes 24 of
# that, and the skip connection wants to join 24 with 25.

# %% tags=["nbval-ignore-output"]
found = diagnose(*odd, model=network)
found

# %%
smaller = diagnose(*odd, model=valid_unet)
assert found.causes[0] == "size_cannot_be_halved" and smaller.causes[0] == "output_smaller"
print(smaller)

# %% [markdown]
# **Mend.** Pad by mirroring to the next multiple of 8, predict, and cut the margin off again. Mirroring, not zeros: a black frame
# would be something the network has never seen.

# %%
wider = np.pad(odd[0], [(0, 0), (2, 2), (2, 2), (0, 0)], mode="reflect")
back = outputs_of(network, wider)[:, 2:-2, 2:-2]
print("in", odd[0].shape[1:3], "padded", wider.shape[1:3], "out", back.shape[1:3])
print("Dice above 0.8:", lesion_dice(odd[1], back) > 0.8)

# %% [markdown]
# ## Case 10: brilliant in training, hopeless in validation
#
# **Symptom.** A U-Net with batch normalization, at Keras' default momentum of 0.99. Two epochs, 30 steps.

# %%
def batch_norm_unet(momentum):
    model = new_unet(normalization="batch")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
    return model


# %%
spots = [
    make_dataset(n, CircleScene(size=64, circles=(1, 2), radius=(4, 9)), seed)
    for n, seed in ((240, 65), (60, 66))
]
slow_unet = batch_norm_unet(0.99)
slow_run = fit_plainly(slow_unet, *spots, epochs=2, batch=16, rate=1e-2)

# %% tags=["nbval-ignore-output"]
figures.plot_history(
    slow_run.history, "Training good, validation useless",
    f"Training Dice {slow_run.history['dice'][-1]:.2f}, "
    f"validation Dice {slow_run.history['val_dice'][-1]:.2f}."
)

# %% [markdown]
# **Guess.** Over-fitting, says everyone. After *two* epochs?
#
# **Diagnose.** Over-fitting means: good on the training pictures, bad on others. So test it on the *training* pictures, in
# both of the network's modes. In training mode, batch normalization uses the averages of the batch at hand; in inference
# mode its own running averages.

# %%
sixteen = spots[0][0][:16], spots[0][1][:16]
kept = slow_unet.get_weights()
in_training = lesion_dice(sixteen[1], np.array(slow_unet(sixteen[0], training=True)))
slow_unet.set_weights(kept)  # training mode has moved the running averages
in_inference = lesion_dice(sixteen[1], np.array(slow_unet(sixteen[0], training=False)))

# %% tags=["nbval-ignore-output"]
modes = f"{in_training:.2f} in training mode, {in_inference:.2f} in inference mode"
print(f"the same sixteen training pictures: {modes}")
start = f"{0.99**30:.0%} of the running averages is still what they started from"
print(f"after 30 steps, {start}, mean 0 and variance 1")

# %%
assert in_training > in_inference + 0.2
print(
    "the same pictures, the same weights, and more than 0.2 of Dice between the modes:",
    in_training > in_inference + 0.2
)

# %% tags=["nbval-ignore-output"]
found = diagnose(*spots[0], model=slow_unet, history=slow_run)
found

# %%
assert found.causes[0] == "batch_normalization"
print("most likely:", found.causes[0])

# %% [markdown]
# **Mend.** A momentum of 0.9, which forgets its start within thirty steps; or group normalization, which has no running averages
# and does not care about the batch, not even about a batch of one. **Predict.** Which helps?

# %%
fast_run = fit_plainly(batch_norm_unet(0.9), *spots, epochs=2, batch=16, rate=1e-2)
group_run = fit_plainly(new_unet(normalization="group"), *spots, epochs=2, batch=16, rate=1e-2)
mends = {"momentum 0.99": slow_run, "momentum 0.9": fast_run, "groups": group_run}
ends = {name: run.history["val_dice"][-1] for name, run in mends.items()}

# %% tags=["nbval-ignore-output"]
caption = "Validation Dice: " + "; ".join(f"{name} {dice:.2f}" for name, dice in ends.items()) + "."
figures.plot_bars(list(ends), list(ends.values()), "Both mends help", caption)

# %%
assert min(ends["momentum 0.9"], ends["groups"]) > ends["momentum 0.99"] + 0.1
print("both help, by more than 0.1 of Dice")

# %% [markdown]
# Batches of one suffer in the same way, and in another: the averages of one picture are those of *its* brightness, so the
# network may learn to rely on something that running averages cannot give it.
#
# ## Case 11: the scanner has changed
#
# **Symptom.** The network was tested with care and reached 0.97. Then the hospital bought new machines.

# %%
training = make_dataset(100, CircleScene(), seed=67)
clinics = {
    "as in training": make_dataset(60, CircleScene(), seed=68),
    "more noise": make_dataset(60, CircleScene(noise=0.4), seed=68),
    "small lesions": make_dataset(60, CircleScene(radius=(2, 3)), seed=68),
}
clinics["inverted"] = 1 - clinics["as in training"][0], clinics["as in training"][1]
answers = {name: outputs_of(network, x) for name, (x, _) in clinics.items()}

# %% tags=["nbval-ignore-output"]
dice = {name: lesion_dice(clinics[name][1], scores) for name, scores in answers.items()}
fourth = [(x[4], y[4], answers[name][4] >= 0.5) for name, (x, y) in clinics.items()]
figures.show_predictions(
    *zip(*fourth), list(dice),
    "Good in the first clinic, worse in the three others",
    "Mean Dice: " + "; ".join(f"{name} {d:.2f}" for name, d in dice.items()) + "."
)

# %%
elsewhere = [d for name, d in dice.items() if name != "as in training"]
assert dice["as in training"] > 0.9 and max(elsewhere) < 0.85
print("above 0.9 as in training, below 0.85 in each of the other clinics")

# %% [markdown]
# **Guess.** No error, no NaN, right shapes and ranges. Without masks for the new pictures you would not even know.
#
# **Diagnose.** Compare the new pictures with those of the training, one property at a time, rather than by their scores:
# noise, brightness, the lesions' contrast and size. The first two need no masks. This is what to watch in production.

# %% tags=["nbval-ignore-output"]
opinions = {
    name: diagnose(*clinics[name], y_pred=answers[name], training=training) for name in clinics
}
for name in ("more noise", "small lesions", "inverted"):
    print(f"--- {name}", opinions[name], sep="\n")

# %%
first = [opinions[name].causes[:1] for name in clinics]
assert first == [[], ["noise_changed"], ["size_changed"], ["contrast_inverted"]]
print(first)

# %% [markdown]
# **Mend.** The inverted clinic is mended by arithmetic, `1 - images`. Noise and size are not: the network has to see them. So
# continue its training, gently, for two epochs on pictures of both kinds.

# %%
kinds = [
    make_dataset(150, CircleScene(noise=(0.05, 0.4)), seed=71),
    make_dataset(150, CircleScene(radius=(2, 4)), seed=72)
]
order = np.random.default_rng(0).permutation(300)
both = tuple(np.concatenate(parts)[order] for parts in zip(*kinds))

# %%
wider_network = load_network(MODELS / "unet_circles.keras")
keras.utils.set_random_seed(5)
gentle = keras.optimizers.Adam(1e-3, global_clipnorm=1.0)
wider_run = fit_plainly(
    wider_network, both, clinics["as in training"], epochs=2, batch=4, rate=gentle
)

# %%
mended = {
    name: lesion_dice(clinics[name][1], outputs_of(wider_network, clinics[name][0]))
    for name in list(clinics)[:3]
}
mended["inverted"] = lesion_dice(
    clinics["inverted"][1], outputs_of(network, 1 - clinics["inverted"][0])
)

# %% tags=["nbval-ignore-output"]
gains = [f"{name} from {dice[name]:.2f} to {mended[name]:.2f}" for name in dice]
caption = "Mean Dice: " + "; ".join(gains) + "."
figures.plot_bars(list(mended), list(mended.values()), "After the mend all three gain", caption)

# %%
assert all(mended[name] > dice[name] + 0.03 for name in ("more noise", "small lesions", "inverted"))
print("all three have gained; as in training it stays above 0.9:", mended["as in training"] > 0.9)

# %% [markdown]
# What did it cost? Look at the first bar: a network for all clinics does a little worse in the one it was made for. And the
# small lesions are only half mended. Two epochs are a beginning, and a lesion of 13 pixels in noise is hard for anyone.
#
# ## What the doctor cannot see
#
# `diagnose` names the right cause first in these cases, from several seeds, and finds nothing on twenty healthy patients; the
# table is in `benchmarks/clinic.md`. It has been tried on drawn scans only. It does not know whether your masks are *right*, whether
# your patients are those you will meet, or whether your question makes sense. When it says "nothing found", go on looking.
#
# ## What you've learned
#
# - You recognized eleven failures of segmentation by their symptoms.
# - You chose the measurement that tells a failure from its look-alikes: an all-black prediction has at least three causes.
# - You mended each failure with the smallest change, and checked that it was that change.
# - You asked `diagnose` for a second opinion on your own data, and read its answer with care.
#
# ## On your own
#
# 1. Make a mistake that is not in this notebook, such as masks one pixel too wide, or a fifth of the lesions left unmarked. What
#    does it do to the curves? Which measurement would find it? Does `diagnose`?
# 2. Case 6 cost some Dice and not all of it. Why does the network not fail altogether when half of its masks are wrong? Try a
#    quarter and three quarters.
#
# ## Further reading
#
# - Maier-Hein et al., "Metrics reloaded: recommendations for image analysis validation", 2024: pooled and per-image scores.
# - Roberts et al., "Common pitfalls and recommendations for using machine learning to detect and prognosticate for COVID-19",
#   2021: copies between sets, in real studies.
# - Ioffe and Szegedy, [Batch Normalization](https://arxiv.org/abs/1502.03167), 2015, section 3.1; Wu and He,
#   [Group Normalization](https://arxiv.org/abs/1803.08494), 2018.
# - Karpathy, [A Recipe for Training Neural Networks](https://karpathy.github.io/2019/04/25/recipe/), 2019.
# - [keras.layers.BatchNormalization](https://keras.io/api/layers/normalization_layers/batch_normalization/).
