# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Tell several classes apart
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Count lesions that touch](08_touching_lesions.ipynb) · [Contents](../README.md) · Next: your own
# pictures, with [notebook 06](06_your_own_images.ipynb)
#
# ## What you'll do
#
# You teach one U-Net to tell lesions, vessels and background apart, weigh rare classes, leave out what nobody marked, and end
# with gray and white matter in a real brain scan.
#
# ## What you'll learn
#
# - Choose between a softmax and a sigmoid for each class, and explain why.
# - Write cross-entropy and Dice for several classes, with class weights.
# - Leave pixels that nobody marked out of loss and score.
# - Read a confusion matrix of three classes, and find what a single mean hides.
# - Split neighboring slices of a scan so that less leaks, and judge a network beside its baselines.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about two minutes on two CPU cores.
# - 1.3 GB of memory. No GPU.
# - Notebooks [03](03_training_with_callbacks.ipynb) and [04](04_evaluation_and_visualization.ipynb). Section 6 needs the
#   package nilearn, which carries a brain scan: `pip install nilearn`.

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. Three classes in one picture
#
# So far vessels were a nuisance: bright, and yet background. A doctor may want them as well. `make_classes` draws the same
# scans as `make_dataset`, bit for bit, and says for each pixel whether it is background (0), lesion (1) or vessel (2).

# %%
import numpy as np
from helpers import checks, figures
from helpers.synthesis import CircleScene, make_classes, make_dataset

# %%
images, classes = make_classes(500, seed=9)
names = ("background", "lesion", "vessel")
print("the same scans as before:", np.array_equal(images[:20], make_dataset(20, seed=9)[0]))
print("classes:", *np.unique(classes), "- of the type", classes.dtype, "and the shape", classes.shape)

# %%
shown = [i for i in range(20) if len(np.unique(classes[i])) == 3][:4]
figures.show_classes(
    images[shown], {"truth": classes[shown]}, names, title="Four scans and their three classes",
    caption="Below each scan: background dark, lesions orange, vessels white; lesions lie on top."
)

# %% [markdown]
# A mask of whole numbers is short, but the order of its numbers means nothing: a vessel is not "twice a lesion". For the loss
# it is written **[one-hot](00_start_here.ipynb#one-hot)**: one channel for each class, with a single 1 in each pixel.

# %%
from helpers.classes import one_hot

channels = one_hot(classes, 3)
print("one-hot:", channels.shape, "; a single 1 in each pixel:", (channels.sum(axis=-1) == 1).all())
print("back again:", np.array_equal(channels.argmax(axis=-1)[..., None], classes))

# %% [markdown]
# **Predict.** How rare are the classes? A network that calls every pixel background: what is its pixel accuracy?

# %%
guess = None  # a share between 0 and 1

# %%
shares = [(classes == k).mean() for k in range(3)]
checks.reveal("all background", guess, float(shares[0]))

# %%
print("; ".join(f"{name} {share:.0%}" for name, share in zip(names, shares)))

# %% [markdown]
# ## 2. Softmax, or a sigmoid for each class?
#
# The network's last layer gives three logits for each pixel. A **[softmax](00_start_here.ipynb#softmax)** makes
# probabilities of them: the exponential of each, divided by the sum of all three.


# %%
def softmax(logits):
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


# %%
logits = np.array([2.0, 1.0, -1.0])
print("softmax: ", softmax(logits).round(2), "sum", softmax(logits).sum().round(2))
sigmoids = 1 / (1 + np.exp(-logits))
print("sigmoids:", sigmoids.round(2), "sum", sigmoids.sum().round(2))

# %% [markdown]
# **Predict.** Add 5 to all three logits. What do the probabilities of the softmax do?

# %%
guess = None  # "grow", "stay" or "shrink"

# %%
change = softmax(logits + 5) - softmax(logits)
checks.reveal("all logits", guess, "stay" if np.allclose(change, 0) else "grow")

# %% [markdown]
# The same number added to all logits changes nothing. So `softmax` may first take off the largest logit. Without this, a logit of
# 1000 would be too much for `np.exp`, which would give infinity.
#
# A softmax lets the classes compete. Each pixel has to be *something*, and only one thing. Three sigmoids are three separate
# questions, and nothing keeps them from answering "yes" twice or never. Where a pixel has one class, that is a contradiction,
# and somebody has to repair it afterwards.
#
# **When are sigmoids right?** When classes may overlap. In our scans a vessel runs on under a lesion. If you ask "is there
# vessel tissue *in* this pixel?", both answers can be yes:

# %%
from helpers.synthesis import draw_layers

layers = [draw_layers(CircleScene(), np.random.default_rng([9, i])) for i in range(100)]
pairs = [(v[l > 0] > 0).mean() for _, v, l in layers if l.any()]
print(f"a vessel runs under {np.mean(pairs):.0%} of the lesion pixels of a picture")

# %% [markdown]
# Tumor and "the part of the tumor that takes up contrast" are such a case in medicine: one lies inside the other.
#
# **Change.** Put the logits `[8, 8, -3]` into both. Which of the two says more clearly that the pixel is a doubtful case?
#
# <details><summary>What you should have seen</summary>
#
# The softmax gives 0.5 and 0.5: the two classes share what there is, so neither is certain. The sigmoids give 1.00 and 1.00: each question is answered with a firm
# yes, and that the two exclude each other is said nowhere.
#
# </details>
#
# ## 3. The losses, class by class
#
# Cross-entropy needs no new idea. It is the surprise, minus the logarithm of the probability that was given to the *true*
# class. `as_targets` returns the truth one-hot, the probabilities, and a 1 for each pixel that counts (section 5).

# %%
from helpers.classes import as_targets
from keras import ops


# %%
def class_cross_entropy(y_true, y_pred, weights):
    targets, y_pred, counted = as_targets(y_true, y_pred)
    surprise = -ops.sum(targets * ops.log(ops.clip(y_pred, 1e-7, 1.0)), axis=-1, keepdims=True)
    weights = weights * counted
    return ops.sum(weights * surprise, axis=(1, 2, 3)) / ops.maximum(
        ops.sum(weights, axis=(1, 2, 3)), 1e-7
    )


# %% [markdown]
# The Dice loss is computed for each class on its own, and then averaged. The background is left out: it is nearly always
# right, and would only flatter the mean.


# %%
def class_dice_loss(y_true, y_pred, smooth=1.0):
    targets, y_pred, counted = as_targets(y_true, y_pred)
    overlap = ops.sum(targets * y_pred, axis=(1, 2))
    areas = ops.sum(targets, axis=(1, 2)) + ops.sum(y_pred * counted, axis=(1, 2))
    dice = (2 * overlap + smooth) / (areas + smooth)
    return 1 - ops.mean(dice[:, 1:], axis=-1)


# %%
unsure = np.full((*classes[:1].shape[:3], 3), 1 / 3, np.float32)
first = class_cross_entropy(classes[:1], unsure, np.ones_like(unsure[..., :1]))
print("knowing nothing costs log(3):", np.isclose(first[0], np.log(3), atol=1e-4))

# %% [markdown]
# ### What do class weights do?
#
# The `weights` above are for pixels. A **[class weight](00_start_here.ipynb#class-weight)** gives all pixels of a class the same weight. People give rare classes a
# large one, "so that they are not forgotten". `balanced_weights` makes it inverse to the number of pixels, so that all
# classes weigh the same in total. We try it with cross-entropy alone, on small pictures.

# %%
from helpers.classes import balanced_weights

little_scene = CircleScene(size=48, radius=(3, 9), circles=(1, 4))
little, little_val = (make_classes(n, little_scene, seed) for n, seed in ((160, 5), (60, 6)))
balanced = balanced_weights(little[1], 3)
print("balanced weights:", ", ".join(f"{weight:.2f} for {name}" for name, weight in zip(names, balanced)))

# %%
import keras
from helpers import RUNS
from helpers.anatomy import build_unet
from helpers.classes import ClassDice, ClassLoss, confusion, most_probable
from helpers.training import new_run_dir, predict, train_unet


# %%
def race(loss, masks=little[1], epochs=10):
    keras.utils.set_random_seed(1)
    network = build_unet((48, 48, 1), depth=3, classes=3)
    network.compile(keras.optimizers.Adam(3e-3), loss=loss, metrics=[ClassDice()])
    train_unet(network, (little[0], masks), little_val, new_run_dir(RUNS, "race"), epochs=epochs)
    return most_probable(predict(network, little_val[0]))


# %% [markdown]
# **Predict.** The vessels get a large weight. Which of the two rises for vessels, compared with equal weights: their recall (how
# many of them are found) or their precision (how much of what is called vessel is vessel)?

# %%
guess = None  # "recall", "precision", "both" or "neither"

# %%
found = {
    "equal weights": race(ClassLoss(dice=False)),
    "balanced weights": race(ClassLoss(balanced.tolist(), dice=False)),
}
matrices = {name: confusion(little_val[1], masks, 3) for name, masks in found.items()}
recall = {name: m[2, 2] / m[2].sum() for name, m in matrices.items()}
precision = {name: m[2, 2] / m[:, 2].sum() for name, m in matrices.items()}

# %%
higher = [kind["balanced weights"] > kind["equal weights"] for kind in (recall, precision)]
rises = {(1, 1): "both", (1, 0): "recall", (0, 1): "precision", (0, 0): "neither"}
checks.reveal("heavy vessels", guess, rises[tuple(map(int, higher))])

# %% tags=["nbval-ignore-output"]
for name in found:
    print(f"{name:<18}vessels: recall {recall[name]:.2f}, precision {precision[name]:.2f}")

# %%
assert higher == [True, False]
print("more vessels are found, and less of what is called vessel is vessel:", higher == [True, False])

# %% [markdown]
# A weight is the price of a mistake. If missing a vessel costs ten times as much as inventing one, the network invents. That may be
# what you want. Over three trainings (`benchmarks/classes.py`) recall was 0.772 to 0.858 with equal weights and 0.853 to 0.864 with balanced
# ones; precision was 0.839 to 0.851 and 0.799 to 0.817. So a weight is no cure for a rare class by itself. The Dice loss looks after rare
# classes in another way: each class counts the same, and inventing costs as well.
#
# **Change.** Run `race(ClassLoss())`, cross-entropy plus Dice with equal weights, and compute recall and precision of vessels
# from its confusion matrix. Which of the two others does it resemble?
#
# <details><summary>What you should have seen</summary>
#
# Equal weights. Over three trainings recall was 0.797 to 0.817, within the range of cross-entropy alone, and precision 0.866 to 0.886, a
# little above it. Dice does not buy recall with precision, because inventing costs as well.
#
# </details>
#
# ## 4. Train it, and look behind the mean
#
# Now the default scene. `train_unet` knows several classes: a network with three channels gets cross-entropy plus Dice, and
# `val_dice` is the mean over lesions and vessels.

# %%
train, val = (images[:400], classes[:400]), (images[400:], classes[400:])
keras.utils.set_random_seed(0)
unet = build_unet(classes=3)
history = train_unet(unet, train, val, new_run_dir(RUNS, "classes"), epochs=6)

# %%
from helpers.classes import dice_per_class

y_pred = most_probable(predict(unet, val[0]))
dice = dice_per_class(val[1], y_pred, 3)

# %% [markdown]
# **Predict.** Which class has the lowest Dice?

# %%
guess = None  # "background", "lesion" or "vessel"

# %%
checks.reveal("weakest class", guess, names[dice.mean(axis=0).argmin()])

# %% tags=["nbval-ignore-output"]
for name, one in zip(names, dice.T):
    print(f"{name:<12}mean Dice {one.mean():.2f}, worst picture {one.min():.2f}")
accuracy = (y_pred == val[1]).mean()
print(f"mean of all three {dice.mean():.2f}; pixel accuracy {accuracy:.3f}")

# %%
assert dice[:, 1].mean() >= 0.9 and dice[:, 2].mean() >= 0.85
print("accuracy > mean of three classes > vessels:", accuracy > dice.mean() > dice[:, 2].mean())

# %% [markdown]
# Leave the worst pictures aside. Five numbers are left for the same masks: three mean Dice, their mean, and the pixel accuracy. Four of
# them are higher than the one that should worry you, the mean Dice of the vessels.
# **Report each class by itself.** A mean that includes the background
# hides that vessels are harder; a pixel accuracy hides nearly everything.
#
# The **[confusion matrix](00_start_here.ipynb#confusion-matrix)** says *what* is taken for what. Its rows are the truth.

# %% tags=["nbval-ignore-output"]
matrix = confusion(val[1], y_pred, 3)
figures.plot_confusion(
    matrix, "What is taken for what",
    f"Of the vessel pixels {matrix[2, 0] / matrix[2].sum():.1%} are called background and "
    f"{matrix[2, 1] / matrix[2].sum():.1%} lesion.", names=names
)

# %%
assert matrix[2, 0] > matrix[2, 1]
print("vessels are taken for background more often than for lesions:", matrix[2, 0] > matrix[2, 1])

# %% [markdown]
# ### The ladder
#
# Vessels have a classical method of their own. Frangi's filter asks at each pixel how the gray levels bend: across a line they
# bend strongly, along it hardly. It gives each pixel a number; from which number on is it a vessel? We choose that on
# training pictures, and take Hough circles for the lesions.
#
# **Multi-Otsu** chooses two thresholds in place of one, so it makes three groups of gray levels. One caution before you read the bars: a
# picture without any lesion scores 1 for lesions if none is found, so even "all background" gets more than 0 there.

# %%
from helpers.classes import ladder_of_filters, multi_otsu

limits = [0.1, 0.15, 0.2, 0.3]
by_limit = [ladder_of_filters(train[0][:60], limit) for limit in limits]
tried = [dice_per_class(train[1][:60], masks, 3)[:, 2].mean() for masks in by_limit]
line = limits[int(np.argmax(tried))]
print("chosen limit:", line)

# %%
ladder = {
    "all background": np.zeros_like(val[1]), "gray levels (multi-Otsu)": multi_otsu(val[0], 3),
    "Hough and Frangi": ladder_of_filters(val[0], line), "U-Net": y_pred,
}
rungs = {name: dice_per_class(val[1], masks, 3).mean(axis=0) for name, masks in ladder.items()}

# %% tags=["nbval-ignore-output"]
figures.plot_bars(
    [f"{name}: {kind}" for kind in names[1:] for name in rungs],
    [rungs[name][k] for k in (1, 2) for name in rungs], "The ladder for lesions and for vessels",
    "; ".join(f"{name}: lesions {s[1]:.2f}, vessels {s[2]:.2f}" for name, s in rungs.items()) + "."
)

# %%
filters = np.array([score for name, score in rungs.items() if name != "U-Net"])
print("U-Net above every other, for both classes:", (rungs["U-Net"] > filters)[:, 1:].all())
assert (rungs["U-Net"] > filters)[:, 1:].all()
assert rungs["Hough and Frangi"][2] > 0.7, "Frangi's filter is a strong baseline for vessels"

# %% tags=["nbval-ignore-output"]
order = np.argsort(dice[:, 2], kind="stable")[[0, 1, len(dice) // 2, -1]]
figures.show_classes(
    val[0][order], {"truth": val[1][order], "U-Net": y_pred[order]}, names,
    [f"vessels {dice[i, 2]:.2f}" for i in order],
    "Worst, second worst, median and best for vessels",
    "Dice of vessels: " + ", ".join(f"{dice[i, 2]:.2f}" for i in order) + "."
)

# %% [markdown]
# ### Favor a class afterwards
#
# A softmax has no threshold to move. What you can do is multiply the probability of one class by a factor before the most
# probable class is taken. In the panel it is called *favor*.

# %%
from helpers import panels

panels.balance_panel(unet)

# %% tags=["nbval-ignore-output"]
panels.show_still(
    panels.balance, [{}, {"favor": 20.0}, {"noise": 0.3}],
    ["as trained", "vessels favored twentyfold", "three times the noise"],
    model=unet, title="The balance of classes at three settings"
)

# %% [markdown]
# ## 5. Pixels that nobody marked
#
# Marking is work. Suppose that somebody has marked only the left quarter of each training picture. The rest is not background. It is *unknown*, and
# has a number of its own, **255**, the [ignore label](00_start_here.ipynb#ignore-label). Such pixels count in no loss and in no score.
#
# **Predict.** Two networks are trained with these pictures. One calls the unmarked pixels background, the other ignores them.
# Which one does better on fully marked validation pictures?

# %%
guess = None  # "calls them background" or "ignores them"

# %%
from helpers.classes import IGNORE

ignored, called = little[1].copy(), little[1].copy()
ignored[:, :, 12:], called[:, :, 12:] = IGNORE, 0
taught = {"calls them background": called, "ignores them": ignored}
partly = {name: race(ClassLoss(), masks) for name, masks in taught.items()}
scores = {n: dice_per_class(little_val[1], m, 3)[:, 1:].mean() for n, m in partly.items()}

# %%
checks.reveal("unmarked", guess, max(scores, key=scores.get))

# %% tags=["nbval-ignore-output"]
print("mean Dice of lesions and vessels:", ", ".join(f"{score:.2f} if one {name}" for name, score in scores.items()))

# %%
gain = scores["ignores them"] - scores["calls them background"]
print("ignoring is better by more than 0.1:", gain > 0.1)
assert gain > 0.1

# %% [markdown]
# **Change.** Mark every fourth *column* instead of the left quarter: `ignored[:] = IGNORE` and then
# `ignored[:, :, ::4] = little[1][:, :, ::4]`. It is the same amount of marking. Is it worth more?
#
# <details><summary>What you should have seen</summary>
#
# Yes. Over three trainings the Dice of lesions was 0.786 to 0.831, against 0.635 to 0.742 with the left quarter, and that of vessels 0.841 to 0.851
# against 0.719 to 0.795. The marked pixels then come from all parts of every picture, and neighboring columns are nearly the same
# anyway.
#
# </details>
#
# ## 6. A real scan
#
# The package nilearn carries the MNI152 brain, so nothing is downloaded. It is the **average** of 152 healthy young adults, a T1 scan with
# maps of gray and of white matter (ICBM 2009a, Fonov et al. 2011). The files are NIfTI; the reader of [notebook 06](06_your_own_images.ipynb) opens them.
#
# **Whose is it?** Ask this of all data that you use. The file in the package that describes the brain, `datasets/description/icbm152_2009.rst`, says
# "License: unknown", and the BSD license of nilearn is that of its code. The notice of the brain's authors (Louis Collins, Montreal Neurological
# Institute, McGill University) says more. Anyone may use, copy, modify and distribute it without fee, provided that the notice appears in
# all copies. We know this notice only from others who pass the atlas on with it, so read it [at its source](https://nist.mni.mcgill.ca/icbm-152-nonlinear-atlases-2009/) before you
# publish anything with this brain.

# %%
if start.place() == "Colab":
    start.install(["nilearn>=0.14"])
from helpers.brain import TISSUES, brain_path, brain_slices, split_blocks, without_light

# %%
brain = brain_slices(range(40, 136))
print("file:", brain_path().name)
print("slices of one millimeter:", brain.images.shape)
print("classes:", ", ".join(f"{number} is {name}" for number, name in enumerate(TISSUES)))

# %% [markdown]
# As it is, the scan is too clean: thresholds nearly solve it. So we add the noise and the light of notebook 01, 0.1 and 0.6.
# What lies above 1 is cut off, as in an overexposed photograph. In these slices much of the brain is plain white, and there neither a
# threshold nor the network can see the gray level.

# %%
hard = brain_slices(range(40, 136), noise=0.1, light=0.6)
some = [5, 35, 55, 85]
figures.show_classes(
    hard.images[some], {"truth": brain.masks[some]}, TISSUES,
    [f"height {hard.heights[i]} mm" for i in some], "Slices of the brain with noise and light",
    "Gray matter orange, white matter white; the front of the head is at the top."
)
lost = (hard.images[brain.masks > 0] > 0.99).mean()
print(f"of the gray and white matter {lost:.0%} is plain white")
assert lost > 0.3

# %% [markdown]
# ### How to split one brain
#
# **Predict.** Take the mask of the slice one millimeter below as the prediction for a slice. No network, no picture, only a copy.
# Which Dice does this copy have for gray matter?

# %%
guess = None  # a Dice, between 0 and 1

# %%
copies = {
    gap: dice_per_class(brain.masks[gap:], brain.masks[:-gap], 3).mean(axis=0)[1]
    for gap in (1, 2, 5, 12)
}
checks.reveal("neighbor slice", guess, float(copies[1]))

# %%
print("; ".join(f"{gap} mm away: {one:.2f}" for gap, one in copies.items()))

# %% [markdown]
# In a random split nearly every test slice has a neighbor in training. A network that only remembers would score like the
# copy. So we split by **blocks** of twelve slices and drop the last four of each block as a gap. The nearest training slice is then five
# millimeters away. Its copy still scores high, so the network has to do clearly better than that.

# %%
training, validation, test = split_blocks(brain.heights, block=12, gap=4)
for name, part in (("training", training), ("validation", validation), ("test", test)):
    blocks = ", ".join(f"{low} to {low + 7}" for low in brain.heights[part][::8])
    print(f"{name:<11}{len(part)} slices, heights {blocks}")

# %% [markdown]
# ### The baseline
#
# Otsu with four levels: air, fluid, gray, white. Fluid counts as rest. A fair baseline gets help against the light: a plane is fitted to the
# frame around the head and taken off, and the picture is smoothed.


# %%
def by_gray_levels(pictures):
    return np.maximum(multi_otsu(pictures, 4).astype(int) - 1, 0).astype(np.uint8)


# %%
rungs = {
    "clean scan, multi-Otsu": by_gray_levels(brain.images[test]),
    "multi-Otsu": by_gray_levels(hard.images[test]),
    "light taken off, multi-Otsu": by_gray_levels(without_light(hard.images[test])),
}
brain_dice = {n: dice_per_class(brain.masks[test], m, 3).mean(axis=0) for n, m in rungs.items()}
for name, one in brain_dice.items():
    print(f"{name:<30}gray {one[1]:.2f}, white {one[2]:.2f}")

# %% [markdown]
# ### Two networks
#
# One starts from random weights. The other starts from the network that ships with the course, which knows lesions on
# uneven light; only its last layer is new. Each slice is drawn four times, with other noise and other light.

# %%
from helpers import MODELS
from helpers.training import load_network

draws = [brain_slices(range(40, 136), noise=0.1, light=0.6, seed=seed) for seed in (1, 2, 3, 4)]
many = tuple(np.concatenate([part[training] for part in parts]) for parts in list(zip(*draws))[:2])
held = hard.images[validation], hard.masks[validation]


# %%
def train_brain(start_from=None):
    keras.utils.set_random_seed(0)
    network = build_unet(classes=3, prior=0.4)
    for layer in network.layers if start_from else ():
        if layer.weights and layer.name != "logits":
            layer.set_weights(start_from.get_layer(layer.name).get_weights())
    settings = {"epochs": 8, "peak_rate": 6e-3, "augmented": False}
    train_unet(network, many, held, new_run_dir(RUNS, "brain"), **settings)
    return most_probable(predict(network, hard.images[test]))


# %% [markdown]
# **Predict.** How large is the difference between the two, in the mean Dice of gray and white matter on the test slices: large
# (0.05 or more) or small?

# %%
guess = None  # "large" or "small"

# %%
by_network = {
    "U-Net from scratch": train_brain(),
    "U-Net from lesions": train_brain(load_network(MODELS / "unet_circles.keras")),
}
for name, masks in by_network.items():
    brain_dice[name] = dice_per_class(brain.masks[test], masks, 3).mean(axis=0)
both = [brain_dice[name][1:].mean() for name in by_network]

# %%
checks.reveal("brain start", guess, "large" if abs(both[0] - both[1]) >= 0.05 else "small")

# %% tags=["nbval-ignore-output"]
figures.plot_bars(
    [f"{name}: {kind}" for kind in TISSUES[1:] for name in brain_dice],
    [one[k] for k in (1, 2) for one in brain_dice.values()],
    "The ladder on held-out slices of the brain",
    "; ".join(f"{n}: gray {one[1]:.2f}, white {one[2]:.2f}" for n, one in brain_dice.items()) + "."
)

# %%
scratch, fair = brain_dice["U-Net from scratch"], brain_dice["light taken off, multi-Otsu"]
assert scratch[1] >= 0.8 and scratch[2] >= 0.8 and (scratch > fair)[1:].all()
print("from scratch, both above 0.8 and above the baseline:", (scratch[1:] >= 0.8).all())

# %% tags=["nbval-ignore-output"]
picked = [2, 6, 10, 14]
figures.show_classes(
    hard.images[test][picked],
    {"truth": brain.masks[test][picked], "U-Net": by_network["U-Net from scratch"][picked]},
    TISSUES, [f"height {brain.heights[test][i]} mm" for i in picked], "Four of the held-out slices",
    f"On all {len(test)} held-out slices: gray {scratch[1]:.2f}, white {scratch[2]:.2f}."
)

# %% [markdown]
# **What this can never show.** There is one brain here, and it is nobody's: an average has no lesion, no age, no motion, no dentist's metal, and its folds are
# smoother than yours. All slices come from it, so the held-out ones are *other places of the same head*, and sixteen of them are no sample of
# patients. The truth itself is a map from a program, cut at one half, and not a drawing by a person. A score on the next patient needs next patients.

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Your variables are not touched. Stuck? Run `checks.hint("9.1")` in a cell of its
# own; each further call goes deeper.

# %% [markdown]
# ### Exercise 9.1: Softmax
#
# Write it without the helpers: turn logits, with the classes along the last axis, into probabilities. Logits of 1000 must work, too.
#
# Hints: `checks.hint("9.1")`


# %%
def my_softmax(logits):
    raise NotImplementedError


# %%
checks.exercise_9_1(my_softmax)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_softmax(logits):
#     raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
#     return raised / raised.sum(axis=-1, keepdims=True)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 9.2: One-hot, with unmarked pixels
#
# From masks `[n, height, width, 1]` of whole numbers make one-hot masks `[n, height, width, classes]`. A pixel of 255 is unmarked: it is 0
# in all channels.
#
# Hints: `checks.hint("9.2")`


# %%
def to_one_hot(masks, classes):
    raise NotImplementedError


# %%
checks.exercise_9_2(to_one_hot)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def to_one_hot(masks, classes):
#     return (masks == np.arange(classes)).astype(np.uint8)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 9.3: A weighted cross-entropy
#
# For one picture: `mask` `[height, width]` holds whole numbers, and 255 where nobody marked; `chances` `[height, width, classes]` are
# probabilities; `weights` `[classes]` has one weight for each class. Return the weighted mean of the surprise over the marked pixels.
#
# Hints: `checks.hint("9.3")`


# %%
def my_loss(mask, chances, weights):
    raise NotImplementedError


# %%
checks.exercise_9_3(my_loss)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_loss(mask, chances, weights):
#     marked = mask != 255
#     numbers, rows = mask[marked], chances[marked]
#     surprise = -np.log(rows[np.arange(len(rows)), numbers])
#     return (weights[numbers] * surprise).sum() / weights[numbers].sum()
# ```
#
# </details>

# %% [markdown]
# ### Exercise 9.4: Recall and precision of each class
#
# From a confusion matrix with the truth in its rows, return two arrays: the recall and the precision of each class.
#
# Hints: `checks.hint("9.4")`


# %%
def my_scores(matrix):
    raise NotImplementedError


# %%
checks.exercise_9_4(my_scores)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_scores(matrix):
#     right = np.diag(matrix)
#     return right / matrix.sum(axis=1), right / matrix.sum(axis=0)
# ```
#
# </details>

# %% [markdown]
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("09")

# %% [markdown]
# ## What you've learned
#
# - You chose between a softmax and a sigmoid for each class, and explained why.
# - You wrote cross-entropy and Dice for several classes, with class weights.
# - You left pixels that nobody marked out of loss and score.
# - You read a confusion matrix of three classes, and found what a single mean hides.
# - You split neighboring slices of a scan so that less leaks, and judged a network beside its baselines.
#
# ## On your own
#
# 1. Build a network with three sigmoids that says "lesion here" and "vessel here, also under a lesion". Which loss, and which score?
# 2. Write down for your own pictures which classes exclude each other, which overlap, and which pixels nobody can decide.
#
# ## Further reading
#
# - Sudre et al., [Generalized Dice overlap](https://arxiv.org/abs/1707.03237), 2017: Dice losses for classes of unequal size.
# - Frangi et al., [Multiscale vessel enhancement filtering](https://doi.org/10.1007/BFb0056195), 1998.
# - Fonov et al., [Unbiased average age-appropriate atlases](https://doi.org/10.1016/j.neuroimage.2010.07.033), 2011: the brain of this notebook.
# - Maier-Hein et al., [Metrics reloaded](https://arxiv.org/abs/2206.01653), 2024: which score for which task.
