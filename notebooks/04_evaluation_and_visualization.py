# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Judge it as a careful researcher would
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Train it, and see every callback act](03_training_with_callbacks.ipynb) · [Contents](../README.md) · Next:
# [Find out why it fails, and mend it](05_failure_clinic.ipynb)
#
# ## What you'll do
#
# You choose a threshold on validation data, open the test set once, put the U-Net on the ladder of baselines, find out where
# and why it errs, and try it on a photograph for which it was never made.
#
# ## What you'll learn
#
# - Choose a threshold on validation pictures, freeze it, and touch the test set once.
# - Compare Dice and IoU, per image and pooled, and explain why they differ.
# - Read a confusion matrix, precision, recall and a precision-recall curve.
# - Find where a network errs: by picture, by radius, by contrast, by noise, and in its confidence.
# - Report a score with its baselines and its uncertainty, and with what it does not show.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about half a minute on two CPU cores.
# - 1.2 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) to [03](03_training_with_callbacks.ipynb); if you have not trained a network, one
#   that ships with the course takes its place.

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. Which network, which pictures?
#
# If you have run notebook 03, your own network is judged here. Otherwise it is the one in the folder `models`. The next cell
# says which.

# %%
from helpers import MODELS, RUNS
from helpers.training import load_network

# %% tags=["nbval-ignore-output"]
mine = sorted(RUNS.glob("circles-*/best.keras"), key=lambda path: path.stat().st_mtime)
unet = load_network(mine[-1] if mine else MODELS / "unet_circles.keras")
print(
    "judged here:",
    "your network from notebook 03" if mine else "the network that ships with the course"
)

# %% [markdown]
# The same 1200 pictures and the same split as before. The test pictures are loaded, but not looked at.

# %%
import numpy as np
from helpers.synthesis import CircleScene, fingerprint, make_dataset
from sklearn.model_selection import train_test_split

# %%
images, masks = make_dataset(1200, CircleScene(), seed=2026)
images, test_images, masks, test_masks = train_test_split(
    images, masks, test_size=200, random_state=0
)
train_images, val_images, train_masks, val_masks = train_test_split(
    images, masks, test_size=200, random_state=0
)
print("test set:", fingerprint(test_images, test_masks))

# %% [markdown]
# ## 2. Choose the threshold on validation
#
# The network gives probabilities. A mask needs a yes or no, so we need a threshold. Everyone uses 0.5, and nobody says why.
# It is a choice like any other, and choices are made on **validation** pictures.
#
# **Predict.** For the gray levels in notebook 01, the curve of Dice over threshold was a hill, and much depended on finding its
# top. What does the curve look like for the probabilities of a trained network?

# %%
guess = None  # "hill", "slope" or "plateau"

# %%
from helpers.evaluation import best_threshold, dice_by_threshold
from helpers.training import predict

# %%
val_scores = predict(unet, val_images)
threshold = best_threshold(val_masks, val_scores).threshold
print("a threshold between 0.2 and 0.8:", 0.2 <= threshold <= 0.8)

# %% tags=["nbval-ignore-output"]
from helpers import checks, figures

thresholds = np.linspace(0.01, 0.99, 99)
lines = {
    "U-Net's probabilities": dice_by_threshold(val_masks, val_scores, thresholds).mean(axis=1),
    "gray levels": dice_by_threshold(val_masks, val_images, thresholds).mean(axis=1),
}
figures.plot_lines(
    thresholds, lines, "For a trained network the threshold hardly matters",
    f"The U-Net's curve is a plateau with its top at {threshold:.2f}; "
    "the gray levels' is a low hill.",
    xlabel="threshold", ylabel="mean per-image Dice", marks=[(threshold, "chosen")], limits=(0, 1)
)
checks.reveal(
    "curve", guess, "plateau" if np.ptp(lines["U-Net's probabilities"][20:80]) < 0.05 else "hill"
)

# %% [markdown]
# It is a plateau: the network is rarely undecided. From here on the threshold is **frozen**.
#
# ## 3. Open the test set, once
#
# Everything is decided now: network, threshold, score. The next cell looks at the test set for the first time. If we
# disliked the result and went back to change something, these pictures would no longer be a test.

# %%
from helpers.evaluation import bootstrap_interval, dice_per_image

test_scores = predict(unet, test_images)
y_pred = (test_scores >= threshold).astype(np.uint8)
dice = dice_per_image(test_masks, y_pred)

# %% tags=["nbval-ignore-output"]
low, high = bootstrap_interval(dice, seed=0)
interval = f"95 % interval {low:.3f} to {high:.3f}"
print(f"mean per-image Dice {dice.mean():.3f}, {interval}, over {len(dice)} pictures")

# %%
assert dice.mean() > 0.94, f"mean Dice {dice.mean():.3f}: is this the network of this course?"
print("mean per-image Dice on the test set above 0.94:", dice.mean() > 0.94)

# %% [markdown]
# ### How sure are we?
#
# Two hundred pictures are a sample. Had we drawn another two hundred, the mean would be a little different. The **[bootstrap](00_start_here.ipynb#bootstrap)**
# estimates how different: draw 200 of our 200 scores *with replacement*, average, repeat two thousand times, and see between
# which values 95 % of the averages lie. We draw images, never pixels, since the pixels of one image rise and
# fall together.
#
# The interval tells how much *the choice of test pictures* matters. It says nothing about another training, another
# scanner, another hospital.
#
# ### The ladder, complete
#
# **Predict.** By how much does the U-Net beat the Hough circles?

# %%
guess = None  # the difference of their mean Dice

# %%
from helpers.evaluation import empty_baseline, hough_baseline, otsu_baseline

# %%
gray_threshold = best_threshold(train_masks, train_images).threshold
ladder = {
    "all background": empty_baseline(test_images),
    "Otsu per picture": otsu_baseline(test_images),
    "best global threshold": (test_images >= gray_threshold).astype(np.uint8),
    "Hough circles": hough_baseline(test_images, strictness=14),
    "U-Net": y_pred,
}
scores = {name: dice_per_image(test_masks, found) for name, found in ladder.items()}

# %% tags=["nbval-ignore-output"]
figures.plot_bars(
    list(scores), [s.mean() for s in scores.values()],
    "The ladder on the test set, with 95 % intervals",
    "; ".join(f"{name} {s.mean():.2f}" for name, s in scores.items()) + ".",
    intervals=[bootstrap_interval(s, seed=0) for s in scores.values()]
)
checks.reveal("ladder", guess, scores["U-Net"].mean() - scores["Hough circles"].mean())

# %%
for name in ("all background", "Otsu per picture", "best global threshold", "Hough circles"):
    print(f"{name:<22}{scores[name].mean():.2f}")
assert scores["best global threshold"].mean() < 0.6 < scores["U-Net"].mean()

# %% [markdown]
# *This* is the result: not the U-Net's number, but its distance from what a single comparison reaches, and from what an
# afternoon of classical image processing reaches. Without the gray bars, the blue one says nothing.
#
# ## 4. Which Dice, which IoU, over what?
#
# Papers report "Dice" and mean different things. There are two scores and two ways to average.
#
# **[IoU](00_start_here.ipynb#iou)**, the intersection over union (or Jaccard index), divides the overlap by the area covered by either mask. For one
# image, the two are tied: $\mathrm{IoU} = \mathrm{Dice} / (2 - \mathrm{Dice})$. IoU is never larger, so compare like with like.

# %%
from helpers.evaluation import iou_per_image, pooled_dice

iou = iou_per_image(test_masks, y_pred)
print("IoU = Dice / (2 - Dice) for every image:", np.allclose(iou, dice / (2 - dice)))
print("but not for the means:", round(abs(iou.mean() - dice.mean() / (2 - dice.mean())), 3) > 0)

# %% [markdown]
# **Per image** means: one score for each picture, then the mean. **Pooled** means: all pixels of all pictures in one pot.
#
# **Predict.** Two pictures. In one a large lesion of 1000 pixels is found perfectly. In the other a small one of 20 pixels is
# missed. What are the per-image mean and the pooled Dice?

# %%
guess = None  # the pooled Dice

# %%
pair_true = np.zeros((2, 64, 64, 1), np.uint8)
pair_true[0, :25, :40] = 1
pair_true[1, 50:54, 50:55] = 1
pair_pred = pair_true * np.array([1, 0], np.uint8)[:, None, None, None]
each, pooled = dice_per_image(pair_true, pair_pred), pooled_dice(pair_true, pair_pred)
print(f"per image {each.mean():.2f}, pooled {pooled:.2f}")
checks.reveal("pooled", guess, pooled_dice(pair_true, pair_pred))

# %% [markdown]
# Half of the patients are missed, and the pooled score says 0.99. A large lesion hides a missed small one. Per-image
# scores treat every patient alike, and that is why this course uses them. They have their own quirk: on an *empty* picture, one
# wrong pixel makes the difference between 1 and 0.

# %% tags=["nbval-ignore-output"]
pooled = pooled_dice(test_masks, y_pred)
caption = f"Dice per image {dice.mean():.3f}, pooled {pooled:.3f}; IoU per image {iou.mean():.3f}"
print("test set:", caption)

# %% [markdown]
# ## 5. Precision, recall, and their curve
#
# Every pixel falls into one of four boxes, and scikit-learn counts them. Two of them are errors: a **false positive** is
# background called lesion, a **false negative** is lesion called background.

# %%
from sklearn.metrics import confusion_matrix, precision_recall_curve

matrix = confusion_matrix(test_masks.ravel(), y_pred.ravel())
(tn, fp), (fn, tp) = matrix

# %% tags=["nbval-ignore-output"]
figures.plot_confusion(
    matrix, "Where the pixels of the test set go",
    f"{fp:,} pixels are false positives, {fn:,} false negatives, {tp:,} lesion pixels are found."
)

# %% [markdown]
# - **[Precision](00_start_here.ipynb#precision)** answers: of what it marked, how much is lesion? $TP / (TP + FP)$
# - **[Recall](00_start_here.ipynb#recall)** answers: of the lesions, how much did it mark? $TP / (TP + FN)$
#
# Dice is a compromise of the two, their harmonic mean, if all pixels are pooled. Correct background, TN, occurs in none of the
# three. Pixel accuracy counts it, and nine tenths of it are background: that is how it misleads.

# %% tags=["nbval-ignore-output"]
precision, recall = tp / (tp + fp), tp / (tp + fn)
print(
    f"precision {precision:.3f}, recall {recall:.3f}, pixel accuracy {(tp + tn) / matrix.sum():.3f}"
)

# %%
print(
    "pooled Dice is their harmonic mean:",
    np.isclose(2 * precision * recall / (precision + recall), pooled_dice(test_masks, y_pred))
)

# %% [markdown]
# A lower threshold finds more and is wrong more often. The **precision-recall curve** shows every possible compromise. A
# screening program wants recall, a surgeon precision.

# %%
precisions, recalls, _ = precision_recall_curve(test_masks.ravel(), test_scores.ravel())
gray_precisions, gray_recalls, _ = precision_recall_curve(test_masks.ravel(), test_images.ravel())
grid = np.linspace(0.01, 1, 100)
curves = {
    "U-Net": [precisions[recalls >= r].max() for r in grid],
    "gray levels": [gray_precisions[gray_recalls >= r].max() for r in grid],
}

# %% tags=["nbval-ignore-output"]
figures.plot_lines(
    grid, curves, "Precision stays high until nearly everything is found",
    f"At a recall of 0.95 the U-Net's precision is {curves['U-Net'][94]:.2f}, "
    f"that of gray levels {curves['gray levels'][94]:.2f}.",
    xlabel="recall", ylabel="precision", limits=(0, 1.02)
)

# %% [markdown]
# ## 6. Look at them: best, median, worst
#
# A mean can be made of 200 good pictures, or of 180 perfect ones and 20 disasters. Sort them and look.

# %% tags=["nbval-ignore-output"]
order = np.argsort(dice)
shown = [*order[:3], order[len(order) // 2], *order[-2:]]
names = ["worst", "second worst", "third worst", "median", "second best", "best"]
figures.show_predictions(
    test_images[shown], test_masks[shown], y_pred[shown],
    [f"{n}: {dice[i]:.2f}" for n, i in zip(names, shown)],
    "Truth in solid orange, prediction in dashed light blue; below, the errors",
    f"The worst score is {dice[order[0]]:.2f}, the median {np.median(dice):.2f}. "
    "White is right, light blue false positive, orange false negative."
)

# %% [markdown]
# The best pictures are often empty ones. In the worst, look for what they have in common: faint lesions, lesions cut to a sliver
# by the border, lesions under a crossing of vessels. The whole distribution says more than its mean:

# %% tags=["nbval-ignore-output"]
shares = {limit: (dice < limit).mean() for limit in (0.5, 0.8, 0.9, 0.95)}
print("; ".join(f"{share:.0%} of the pictures below {limit}" for limit, share in shares.items()))

# %% [markdown]
# ### Where in the picture?
#
# Add up the errors of all test pictures at each place.
#
# **Predict.** Are errors spread evenly over the picture?

# %% tags=["nbval-ignore-output"]
false_positives = ((y_pred == 1) & (test_masks == 0)).mean(axis=0)
false_negatives = ((y_pred == 0) & (test_masks == 1)).mean(axis=0)
top = max(false_positives.max(), false_negatives.max())
figures.show_images(
    [false_positives, false_negatives], ["false positives", "false negatives"],
    "Errors by place: is there a bright frame or corner?",
    f"Brighter is more frequent; at the worst pixel {top:.1%} of the pictures err.",
    limits=(0, top), cmap="viridis", size=2.8
)

# %%
errors = (y_pred != test_masks).mean(axis=(0, 3))
inner = errors[8:-8, 8:-8].mean()
border = (errors.sum() - errors[8:-8, 8:-8].sum()) / (errors.size - 80 * 80)

# %% tags=["nbval-ignore-output"]
print(f"errors within 8 pixels of the border: {border:.2%}, further inside: {inner:.2%}")

# %% [markdown]
# Nearly evenly. Near the border, zero padding and cut lesions could have made trouble; that they do not is worth knowing.
# Had you seen a bright frame or a bright corner, you would know where to look for the cause.

# %% [markdown]
# ## 7. By radius, by contrast, by noise
#
# "It errs on small ones" is a guess until it has been counted. `lesion_table` measures every connected lesion of the truth: its
# radius, its contrast against its surroundings, and the share of it that was found.

# %%
from helpers.evaluation import error_by, lesion_table

lesions = lesion_table(test_images, test_masks, y_pred)
print(
    len(lesions), "connected lesions in", np.count_nonzero(test_masks.sum(axis=(1, 2, 3))),
    "pictures that have any"
)

# %% tags=["nbval-ignore-output"]
rows = error_by([lesion.radius for lesion in lesions], [lesion.found for lesion in lesions], bins=5)
figures.plot_bins(
    rows, "Small lesions are found less completely",
    "; ".join(f"radius {r.low:.0f} to {r.high:.0f}: {r.mean:.2f}" for r in rows),
    xlabel="radius of the lesion, pixels", ylabel="share found", limits=(0.6, 1.02)
)

# %% tags=["nbval-ignore-output"]
rows = error_by(
    [lesion.contrast for lesion in lesions], [lesion.found for lesion in lesions], bins=5
)
figures.plot_bins(
    rows, "Faint lesions are found less completely",
    "; ".join(f"contrast {r.low:.2f} to {r.high:.2f}: {r.mean:.2f}" for r in rows),
    xlabel="contrast against the surroundings", ylabel="share found", limits=(0.6, 1.02)
)

# %% [markdown]
# Noise belongs to a picture, not to a lesion, and all our test pictures have the same. To find out what *more* of it does, we
# draw new pictures with the noise anywhere between 0 and 0.4 and score each. The network was trained at 0.10.
#
# **Predict.** At which noise does the Dice fall below 0.8?

# %%
guess = None  # a noise, between 0 and 0.4

# %%
noises = np.random.default_rng(5).uniform(0, 0.4, 200)
drawn = [
    make_dataset(1, CircleScene(circles=(1, 6), noise=float(noise)), seed=i)
    for i, noise in enumerate(noises)
]
noisy_images, noisy_masks = (np.concatenate(arrays) for arrays in zip(*drawn))
noisy_dice = dice_per_image(
    noisy_masks, (predict(unet, noisy_images) >= threshold).astype(np.uint8)
)

# %% tags=["nbval-ignore-output"]
rows = error_by(noises, noisy_dice, bins=8)
figures.plot_bins(
    rows, "Beyond the noise it was trained on, it falls off",
    "; ".join(f"noise {r.low:.2f} to {r.high:.2f}: {r.mean:.2f}" for r in rows),
    xlabel="noise (trained at 0.10)", ylabel="mean per-image Dice"
)
fall = np.interp(0.8, [r.mean for r in rows[::-1]], [(r.low + r.high) / 2 for r in rows[::-1]])
checks.reveal("noise", guess, fall)

# %%
assert rows[-1].mean < rows[1].mean - 0.1, "the network has become immune to noise"
print("worse at the most noise than at little:", rows[-1].mean < rows[1].mean)

# %% [markdown]
# A test set drawn like the training set cannot show this. The score on the test set is a promise about *pictures of that kind*,
# and about no others.
#
# ### The stress test
#
# Find the point at which it breaks. The sliders change the scan and the threshold; you see what the network finds, what it
# misses, and its Dice beside that of the best threshold on gray levels for this very picture.
#
# **Predict.** What gives first, as you turn up the noise: does it miss lesions, or does it see some that are not there?

# %%
from helpers import panels

panels.stress_panel(unet)

# %% tags=["nbval-ignore-output"]
panels.show_still(
    panels.stress, [{}, {"noise": 0.3}, {"contrast": 0.15}, {"circles": 0, "noise": 0.4}],
    [
        "as trained", "three times the noise", "fainter lesions than it has ever seen",
        "no lesion, much noise",
    ],
    model=unet, title="The stress test at four settings",
)

# %% tags=["nbval-ignore-output"]
noise, contrast = 0.2, 0.25
shown = panels.stress(unet, noise=noise, contrast=contrast)
panels.show_picture(shown.picture, shown.caption)
print(shown.caption)

# %% [markdown]
# ## 8. Does 0.8 mean 80 %?
#
# If the network says 0.8 for many pixels, are about 80 % of them lesion? If so, it is **[calibrated](00_start_here.ipynb#calibration)**, and its probabilities can be
# used as such, for example to refer doubtful cases to a human.

# %% tags=["nbval-ignore-output"]
from helpers.evaluation import reliability

rows = reliability(test_masks, test_scores)
doubtful = sum(count for claimed, _, count in rows if 0.1 < claimed < 0.9) / test_masks.size
figures.plot_reliability(
    rows, "Does 0.8 mean 80 %?",
    "; ".join(f"says {claimed:.2f}, is {found:.2f}" for claimed, found, _ in rows)
    + f". Only {doubtful:.1%} of the pixels are doubtful."
)

# %% [markdown]
# Above the gray line the network is too modest, below it too sure. Dice loss is known to make networks too sure; the
# cross-entropy in our sum holds against it. (Guo et al. 2017 explain how to repair calibration.)
#
# ## 9. A real photograph
#
# At last something real. scikit-image ships a photograph of Greek coins: bright round things on an uneven, darker
# background. To the network, coins should look like large lesions. It has never seen a photograph.
#
# First a reference: we have no hand-drawn mask. The standard recipe for this picture (edges, watershed from safe markers, as
# in scikit-image's own tutorial) gives one that is good by eye.

# %%
import cv2
from skimage import data, filters, segmentation

coins = data.coins()[:296, :376]
markers = np.select([coins < 30, coins > 150], [1, 2], 0)
reference = segmentation.watershed(filters.sobel(coins), markers) == 2
reference = cv2.morphologyEx(reference.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
print("photograph", coins.shape, f"with {reference.mean():.0%} foreground in the reference")

# %% [markdown]
# The coins are about 25 pixels in radius, our lesions 5 to 15. So we make the photograph smaller by half, to a size that
# the network can halve three times.
#
# **Predict.** Who is closer to the reference, the U-Net trained on drawn discs, or Otsu's threshold?

# %%
guess = None  # "U-Net" or "Otsu"

# %%
small = cv2.resize(coins, (184, 144), interpolation=cv2.INTER_AREA)
small = small[None, ..., None].astype(np.float32) / 255
truth = cv2.resize(reference, (184, 144), interpolation=cv2.INTER_NEAREST)[None, ..., None]
by_unet = (predict(unet, small) >= threshold).astype(np.uint8)
by_otsu = otsu_baseline(small)

# %% tags=["nbval-ignore-output"]
coin_dice = {"Otsu": dice_per_image(truth, by_otsu)[0], "U-Net": dice_per_image(truth, by_unet)[0]}
figures.show_predictions(
    [small[0]] * 2, [truth[0]] * 2, [by_otsu[0], by_unet[0]],
    [f"{name}: {d:.2f}" for name, d in coin_dice.items()],
    "Coins: truth in solid orange, found in dashed light blue",
    "; ".join(f"{name} {d:.2f}" for name, d in coin_dice.items()) + "."
)
checks.reveal("coins", guess, max(coin_dice, key=coin_dice.get))

# %%
print("Otsu on the coins:", round(coin_dice["Otsu"], 2))
assert 0 <= coin_dice["U-Net"] <= 1

# %% [markdown]
# We report it as it comes out. Judge the U-Net's picture yourself: coins have reliefs and dark rims, the light
# differs from ours, and it is one picture, so there is no interval to state. On the test set our U-Net was far above Otsu. Here
# the distance is different, since nothing in the training promised anything about photographs.
#
# This is the most important sentence of this notebook: **a score belongs to a kind of picture.** How to bring the network to
# your kind of picture is the subject of notebook 06.

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Your variables are not touched. Stuck? Run `checks.hint("4.1")` in a cell of its
# own; each further call goes deeper.

# %% [markdown]
# ### Exercise 4.1: Precision, recall and Dice by hand
#
# In one picture 80 pixels are true positives, 20 are false positives, 60 are false negatives and 9840 are true negatives. Give
# precision, recall and Dice to two decimals.
#
# Hints: `checks.hint("4.1")`

# %%
my_precision = None
my_recall = None
their_dice = None

# %%
checks.exercise_4_1(my_precision, my_recall, their_dice)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# my_precision = 80 / (80 + 20)
# my_recall = 80 / (80 + 60)
# their_dice = 2 * 80 / (80 + 20 + 80 + 60)
# ```
#
# Marked are 100 pixels, there are 140; Dice divides twice the overlap by their sum.
#
# </details>

# %% [markdown]
# ### Exercise 4.2: Dice from probabilities
#
# Write the whole score yourself: from masks and probabilities, both `[n, height, width, 1]`, to one Dice for each picture, `[n]`. The first
# line is there. Two empty masks score 1.
#
# Hints: `checks.hint("4.2")`


# %%
def my_dice(y_true, scores, threshold):
    y_pred = scores >= threshold
    raise NotImplementedError


# %%
checks.exercise_4_2(my_dice)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_dice(y_true, scores, threshold):
#     y_pred = scores >= threshold
#     overlap = np.sum((y_true == 1) & y_pred, axis=(1, 2, 3))
#     areas = y_true.sum(axis=(1, 2, 3)) + y_pred.sum(axis=(1, 2, 3))
#     return np.where(areas == 0, 1.0, 2 * overlap / np.maximum(areas, 1))
# ```
#
# </details>

# %% [markdown]
# ### Exercise 4.3: Lesions found
#
# From nothing. A doctor asks how many *lesions* were found, not how many pixels. For the masks of one picture, `[height, width, 1]`,
# return two numbers: how many connected lesions of `y_true` have at least half of their pixels marked in `y_pred`, and how many
# there are. `cv2.connectedComponents` numbers them.
#
# Hints: `checks.hint("4.3")`


# %%
def count_found(y_true, y_pred):
    raise NotImplementedError


# %%
checks.exercise_4_3(count_found)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def count_found(y_true, y_pred):
#     count, labels = cv2.connectedComponents(y_true[..., 0])
#     shares = [y_pred[..., 0][labels == label].mean() for label in range(1, count)]
#     return sum(share >= 0.5 for share in shares), count - 1
# ```
#
# </details>

# %% [markdown]
# ### Exercise 4.4: Which score to publish?
#
# All five describe the same network. Which one belongs in the abstract? Write its letter.
#
# - A: 0.975, the mean Dice per image on the validation pictures, at the threshold that was best there.
# - B: 0.961, the mean Dice per image on the test pictures, at the threshold chosen on validation, looked at once.
# - C: 0.966, the mean Dice per image on the test pictures, at the best of twenty thresholds tried there.
# - D: 0.980, the Dice of all pixels of the test pictures pooled, at the threshold of B.
# - E: 0.996, the pixel accuracy on the test pictures, at the threshold of B.
#
# Hints: `checks.hint("4.4")`

# %%
published = None

# %%
checks.exercise_4_4(published)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# published = "B"
# ```
#
# It is the lowest of the five, and the only one that a reader can expect to see again.
#
# </details>

# %% [markdown]
# ### Exercise 4.5: A bootstrap interval
#
# From nothing. Write the 95 % interval of the mean of `scores`: draw as many scores as there are, with replacement, with the
# generator `rng`; average; repeat `repeats` times. Return the lower and the upper end of the middle 95 % of these means.
#
# Hints: `checks.hint("4.5")`


# %%
def my_interval(scores, rng, repeats):
    raise NotImplementedError


# %%
checks.exercise_4_5(my_interval)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_interval(scores, rng, repeats):
#     means = [rng.choice(scores, len(scores)).mean() for _ in range(repeats)]
#     low, high = np.quantile(means, [0.025, 0.975])
#     return low, high
# ```
#
# </details>

# %% [markdown]
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("04")

# %% [markdown]
# ## What you've learned
#
# - You chose a threshold on validation pictures, froze it, and touched the test set once.
# - You compared Dice and IoU, per image and pooled, and explained why they differ.
# - You read a confusion matrix, precision, recall and a precision-recall curve.
# - You found where a network errs: by picture, by radius, by contrast, by noise, and in its confidence.
# - You reported a score with its baselines and its uncertainty, and with what it does not show.
#
# ## On your own
#
# 1. Count lesions in place of pixels: a lesion is found if half of its pixels are. Which threshold would you now choose, and why?
# 2. Write the results section for this network, in five sentences: data, score, uncertainty, baseline, limits.
#
# ## Further reading
#
# - Maier-Hein et al., [Metrics reloaded](https://arxiv.org/abs/2206.01653), 2024: which score for which task.
# - Reinke et al., [Understanding metric-related pitfalls](https://arxiv.org/abs/2302.01790), 2024: everything that can go wrong.
# - Guo et al., [On Calibration of Modern Neural Networks](https://arxiv.org/abs/1706.04599), 2017.
# - [precision_recall_curve](https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_curve.html).
