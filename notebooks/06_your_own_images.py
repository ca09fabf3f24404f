# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Bring your own images
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Find out why it fails, and fix it](05_failure_clinic.ipynb) · [Contents](../README.md) · Next:
# [Scale it up, and find out what a step costs](07_scaling_up.ipynb)
#
# ## What you'll do
#
# You take a folder of microscope pictures from loading to a table of measured cells, and change one settings cell to
# do the same with your own folder.
#
# ## What you'll learn
#
# - Load pictures and masks from folders, and read in a table what was really in the files.
# - Split pictures by patient or slide, so that the test is a test.
# - Train on patches of a few labeled pictures, from trained weights and from scratch, and say which pays.
# - Predict a picture of any size in tiles, without seams.
# - Measure every object into a table, and keep masks and network so that others can use them.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about a minute on two CPU cores.
# - 1.3 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) to [04](04_evaluation_and_visualization.ipynb).

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. The settings
#
# This is the only cell that you change for pictures of your own. Run the notebook once as it is, then come back. With
# `images` at `None` it takes a set of nuclei.
#
# - **Where:** `images` and `masks` are your folders; if both kinds of files lie in one folder, leave `masks` at `None`.
#   `limit` is the largest number of pictures to load, `None` for all. Results go into a new folder inside `out`.
# - **How they are read:** `channel` says which channel to use, and `value_range` which numbers are black and white.
#   `foreground` says what counts: a gray level or a color of the masks, or a label of annotations such as those of labelme.
#   `invert` swaps it with the background, and `fill` fills closed outlines.
#   Leave all of them as they are until section 2 asks for them.
# - **What is in them:** `touching` says whether you look for objects that touch, as cells do, or for something that is
#   not counted, such as membranes. `pixel_size` is the side of a pixel and `unit` its unit; without it, areas are in
#   pixels. Spots below `min_area` pixels are dirt. `patch` should be about twice as wide as an object, a multiple of 8.
#   `turned` asks for eight looks at every picture instead of one; section 5 shows what they gain.
# - **Where they come from:** `source_table` is for names that do not say which patient or slide a picture comes from. It
#   is a table with two of its columns, `("samples.csv", "file", "slide")`, or three, the third being the condition, or
#   `"one stack"` if all pictures are slices of one.
# - **How long:** `epochs` is the largest number of epochs, of forty steps each. The training stops earlier if ten epochs in
#   a row bring no better score. `compare_starts` draws the curve of section 5, which takes up to 300 steps. Set it to
#   `False` for your own pictures.

# %%
settings = {
    "images": None, "masks": None, "limit": 40, "out": None,
    "channel": None, "value_range": None, "foreground": None, "invert": False, "fill": False,
    "touching": True, "pixel_size": None, "unit": "um", "min_area": 20, "patch": 96,
    "turned": False, "source_table": None, "epochs": 25, "compare_starts": True,
}

# %% [markdown]
# The nuclei are a public set: cells under a fluorescence microscope, from the [Broad Bioimage Benchmark
# Collection](https://bbbc.broadinstitute.org/BBBC038), free for every use (CC0). It is downloaded once and compared with
# its **checksum**, a fingerprint of every byte. Without an internet connection the course draws nuclei in the same format. The next
# cell says which of them you have.

# %%
import tempfile
from pathlib import Path

import numpy as np

from helpers import RUNS, checks
from helpers import own_images as own
from helpers.printing import say  # as print, but it breaks long lines between words

scratch = Path(tempfile.mkdtemp())  # for trials that nobody needs later
results = own.new_folder(settings["out"] or RUNS / "own_images")  # what you keep
size = settings["patch"]

# %% tags=["nbval-ignore-output"]
if settings["images"]:
    images_dir, masks_dir = settings["images"], settings["masks"]
    print("These are your own pictures.")
else:
    try:
        images_dir, masks_dir = own.fetch_set(own.NUCLEI, timeout=3)
        print("These are real nuclei, downloaded and checked.")
    except OSError:
        images_dir, masks_dir = own.write_stand_in(scratch / "stand-in")
        say("The real data set could not be downloaded here. These are drawn nuclei in the same format.")

# %% [markdown]
# ## 2. Load, and look at what was read
#
# Picture files differ in many ways: 8 bits or 16, gray or color, one page or thirty, stored upright or on their side.
# Masks differ even more: 0 and 1, 0 and 255, red on black, a number for each object, or polygons in a file of their own.
# `load_pairs` turns all of them into the arrays of this course, and its table says what it found. Read the table: most
# failures of notebook 05 can be seen in it. Your files are never changed.
#
# `gap=True` clears a line where two numbered objects touch. Without it they would grow together.

# %% tags=["nbval-ignore-output"]
names = ("channel", "value_range", "foreground", "invert", "fill", "limit")
reading = {name: settings[name] for name in names}
pairs = own.load_pairs(images_dir, masks_dir, gap=settings["touching"], **reading)
print(pairs.table(6))

# %%
images, masks = pairs
print("images:", images[0].dtype, "in 0..1; masks:", masks[0].dtype, "of 0 and 1:", set(np.unique(masks[0])) <= {0, 1})

# %% [markdown]
# Then look at them. The contact sheet shows each picture twice, on the right with its mask filled in orange. Of a picture
# larger than 256 pixels it shows a part, around the middle of the foreground. It shows in a second what the table cannot
# say: that a mask belongs to another picture.

# %%
import cv2
from IPython.display import Image


def shown(picture, side=900):
    scale = min(1, side / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Image(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes(), width=640)


# %% tags=["nbval-ignore-output"]
some = np.linspace(0, len(images) - 1, 4).astype(int)
told = ["{} ({:.4g} to {:.4g})".format(pairs.names[i], *pairs.records[i].values) for i in some]
say("Right: the mask in orange on the same picture. From above, with the values in its file:", ", ".join(told))
shown(own.contact_sheet([images[i] for i in some], [masks[i] for i in some]))

# %% [markdown]
# ### When a folder is not in order
#
# **Predict.** Below, a folder gets two pictures: a good one, and one that an interrupted copy has cut in half. What
# does the loader do: skip the broken one, stop, or use the half that is there?

# %%
guess = None  # "skip", "stop" or "use half"

# %%
bad, marks = scratch / "bad" / "images", scratch / "bad" / "masks"
for place in (bad, marks):
    place.mkdir(parents=True)
speckle = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
for name in ("cell 1.png", "cell 2.png"):
    cv2.imwrite(str(bad / name), speckle)
    cv2.imwrite(str(marks / name), (speckle > 200).astype(np.uint8) * 255)

# %%
whole = (bad / "cell 2.png").read_bytes()
(bad / "cell 2.png").write_bytes(whole[: len(whole) // 2])
answer = "use half"
try:
    answer = "skip" if len(own.load_pairs(bad, marks).names) == 1 else answer
except own.PictureError as error:
    answer, said = "stop", error
checks.reveal("broken file", guess, answer)

# %%
say(said)

# %% [markdown]
# It stops, names the file, and says what to do.
#
# A mask with three values is refused as well. They may be two touching nuclei or two kinds of tissue, and only you know
# which. For kinds of tissue there is `load_pairs(..., classes=3)`, and [notebook 09](09_several_classes.ipynb) trains a network that tells them apart.

# %%
(bad / "cell 2.png").write_bytes(whole)
three = np.where(speckle > 200, 255, np.where(speckle > 100, 128, 0)).astype(np.uint8)
assert cv2.imwrite(str(marks / "cell 2.png"), three)

# %%
try:
    own.load_pairs(bad, marks)
except own.PictureError as error:
    say(error)

# %%
cleared = own.load_pairs(bad, marks, foreground=255)
print("how the masks were read:", ", ".join(record.mask for record in cleared.records))

# %% [markdown]
# **Change.** Load the same folder with `foreground="nonzero"`. What share of the pixels is foreground now, and what does
# the loader say about it?
#
# <details><summary>What you should have seen</summary>
#
# 60 % of the pixels of the second picture are foreground instead of 21 %, because the value 128 now counts as well. That is
# more than half, so the loader warns that 1 of 2 masks looks inverted. Here it is not inverted, but a mask that covers
# most of a picture deserves a look.
#
# </details>
#
# ## 3. Split by source
#
# Two slices of one patient look more alike than two patients do. If one of them is in the training set and the other in
# the test set, the network can pass the test by remembering. So we distribute *patients*, not pictures.
#
# **Predict.** There are six patients with four slices each, and the shares are 60 : 20 : 20. How many patients are in the
# test set?

# %%
guess = None  # a number of patients

# %%
names = [f"patient{patient}_slice{i}" for patient in range(6) for i in range(4)]
groups = own.groups_of(names)
sets = own.split_by_source(groups, seed=0)
checks.reveal("test patients", guess, len({groups[i] for i in sets[2]}))

# %%
say(own.split_table(sets, names, groups))

# %% [markdown]
# A **condition** is not a source. In `WT_m1_003` the source is the mouse `m1`, and `WT` is the condition
# that you want to compare. Sources must not be shared between sets, and every condition should be in each set.
# `groups_of` and `conditions_of` read both from the names; look at the printed sets to see whether they guessed right. If
# they did not, put a table into the settings. With a third column, the table names the conditions, too.

# %%
names = [f"{kind}_m{mouse}_{i}" for kind, mice in (("WT", (1, 2, 3)), ("KO", (4, 5, 6))) for mouse in mice for i in (0, 1)]
groups, conditions = own.groups_of(names), own.conditions_of(names)
sets = own.split_by_source(groups, seed=0, conditions=conditions)
say(own.split_table(sets, names, groups, conditions))

# %% [markdown]
# Now the pictures of this notebook. The pages of one stack count as one source. If there is nothing but one stack, it is
# cut into three blocks of neighbors, with a gap between them. A stack of fewer than twelve pages gets no gap. If your pictures lie in
# folders named train, val and test, these sets are kept.

# %%
groups, conditions = own.sources_of(pairs.names, settings["source_table"])
sets = own.split_by_source(groups, seed=0, conditions=conditions, names=pairs.names)
training, validation, test = sets

# %% tags=["nbval-ignore-output"]
say(own.split_table(sets, pairs.names, groups, conditions))

# %%
owners = [{groups[i] for i in members} for members in sets]
apart = sum(map(len, owners)) == len(set.union(*owners))
print("one source, cut into blocks" if len(set(groups)) == 1 else f"no source in two sets: {apart}")

# %% [markdown]
# ## 4. One rule for gray levels
#
# Your pictures may use a tenth of the range that 16 bits offer, or come from two exposures. The rule that stretches
# them is part of the network. It is fitted on the training pictures, and the same rule must be used for every later
# picture. If exposures differ by more than a factor of two, the rule is "picture": each one is stretched between two
# levels of its own, below which half a percent of its pixels lie, and above which half a percent lie. A few extreme pixels
# decide nothing then. Otherwise the rule is "range", one pair of gray levels for all pictures.

# %% tags=["nbval-ignore-output"]
rule = own.fit_normalization(own.choose(pairs, training)[0])
print("rule:", rule.kind, f"low {rule.low:.3g}, high {rule.high:.3g}")

# %%
train, val, tested = ((rule.apply(x), y) for x, y in (own.choose(pairs, s) for s in sets))
print("all in 0..1:", all(0 <= x.min() <= x.max() <= 1 for x in (*train[0], *val[0], *tested[0])))

# %% [markdown]
# Before we spend time on training, the doctor of notebook 05 has a look. It needs pictures of one size, so it gets
# patches.

# %% tags=["nbval-ignore-output"]
from helpers.diagnosis import diagnose

findings = diagnose(*own.draw_patches(*train, n=40, size=size))
findings

# %%
seen = {finding.cause for finding in findings}
print("masks in order:", not {"masks_0_255", "masks_not_0_1", "pairs_shuffled"} & seen)

# %% [markdown]
# ## 5. Train on patches
#
# Two dozen pictures sound like nothing. But a network that judges each pixel by its surroundings does not learn from
# *pictures*. It learns from surroundings, and there are thousands of them. So we cut patches, in a new place each time.
# Half of them are placed on an object, and many of the others meet one by chance. In training they are also mirrored and
# turned, and their brightness and contrast vary a little.

# %% tags=["nbval-ignore-output"]
from helpers import figures

patches, marks = own.draw_patches(*train, n=6, size=size, seed=1)
holding = np.count_nonzero(marks.sum(axis=(1, 2, 3)))
figures.show_images(
    patches, title="Six patches, before they are mirrored and turned", masks=marks,
    caption=f"{holding} of the six patches hold foreground; it covers {marks.mean():.0%} of their pixels.",
)

# %%
import keras
from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.evaluation import best_threshold, dice_per_image
from helpers.training import predict


def dice_each(masks, found):
    return np.array([dice_per_image(mask[None], mine[None])[0] for mask, mine in zip(masks, found)])


# %% [markdown]
# ### From trained weights, or from scratch?
#
# The network that comes with the course has seen nothing but drawn discs. Does that help on nuclei? And how many labeled
# pictures does it take? Labeling takes weeks, so this is the question to ask *before* you label.
#
# Each training is fifty steps, the same for all, and is judged on the validation pictures. The test pictures wait for
# the network that we keep. `restart` puts other weights into the same network, which saves compiling it again.
#
# **Predict.** After one labeled picture, which start is ahead: trained weights or scratch?

# %%
guess = None  # "trained weights" or "scratch"

# %%
from helpers.training import new_run_dir, restart  # a new folder; other weights for a compiled network

keras.utils.set_random_seed(0)
unet = build_unet()
starts = {"scratch": unet.get_weights()}
starts["trained weights"] = own.load_kept(MODELS / "unet_circles.keras").model.get_weights()

# %%
counts = sorted({1, min(4, len(training)), len(training)}) if settings["compare_starts"] else []
curve = {name: [] for name in starts}
for count in counts:
    few = train[0][:count], train[1][:count]
    for name, weights in starts.items():
        restart(unet, weights)
        place = new_run_dir(scratch, f"{name} {count}")
        own.train_on_patches(unet, few, val, place, size, epochs=2, steps=25)
        seen = [own.predict_tiled(unet, image) >= 0.5 for image in val[0]]
        curve[name].append(dice_each(val[1], seen).mean())

# %% tags=["nbval-ignore-output"]
if counts:
    checks.reveal("one picture", guess, max(curve, key=lambda name: curve[name][0]))

# %% tags=["nbval-ignore-output"]
if counts:
    lines = "; ".join(f"{name} " + ", ".join(f"{d:.2f}" for d in dice) for name, dice in curve.items())
    figures.plot_lines(
        counts, curve, "What a labeled picture is worth", f"With {', '.join(map(str, counts))} labeled pictures: {lines}.",
        xlabel="labeled pictures", ylabel="validation Dice per picture", limits=(0, 1),
    )

# %%
if counts:
    print("with all pictures, from trained weights, above 0.5:", bool(curve["trained weights"][-1] > 0.5))

# %% [markdown]
# Compare the height of one line with that of the other. If the training from scratch needs more pictures to get as high,
# trained weights save labeling. If its line is flat and lower, more pictures do not help it, but more steps may: then trained
# weights save time. This is one run each and eight validation pictures, so a difference of a few hundredths may be luck.
# Repeat with other seeds before you claim one.
#
# **Change.** Give the training from scratch three times the steps: in the loop, write
# `steps=75 if name == "scratch" else 25`. Does the gap close?
#
# <details><summary>What you should have seen</summary>
#
# It becomes smaller. The longer both train, the less the start matters. Trained weights then save time, not labels.
#
# </details>
#
# ### The network to keep
#
# Nuclei are round and bright, as the drawn discs are, so the trained weights may have a head start on them. Objects that
# look different, such as membranes, may be better off without. You need not guess: a short trial of both starts tells,
# judged on validation again. The rival from scratch gets batch normalization, which often lets a network
# learn in fewer steps.

# %%
ahead, unet, trial = own.choose_start(train, val, size)

# %% tags=["nbval-ignore-output"]
print("; ".join(f"{name} {dice:.2f}" for name, dice in trial.items()), "on validation patches")
print("ahead, and trained on:", ahead)

# %% [markdown]
# The winner is trained on, and its best epoch is kept. Less than a minute is enough for a first answer here. If the validation
# score still climbs at the end, raise `epochs` in the settings and run the notebook again.

# %%
run = own.train_on_patches(unet, train, val, results / "run", size, settings["epochs"], steps=40)

# %% tags=["nbval-ignore-output"]
scores = run.history["val_dice"]
caption = f"Validation Dice from {scores[0]:.2f} to {max(scores):.2f}, best in epoch {np.argmax(scores) + 1} of {len(scores)}."
figures.plot_lines(
    range(1, len(scores) + 1), {"validation Dice": scores}, "Does it still climb at the end?", caption,
    xlabel="epoch", ylabel="mean per-patch Dice", limits=(0, 1),
)

# %% [markdown]
# ### One look or eight?
#
# A nucleus stays a nucleus when the picture is turned. A U-Net does not know this by its construction. It has learned it from
# mirrored and turned patches, and only nearly. So its answers for the eight mirrored and turned copies of one picture
# differ a little. Turn the answers back and take their mean, and some of the errors cancel each other. This is called
# **test-time augmentation**, and it takes eight times as long.

# %%
looks = {}
for name, turned in (("one look", False), ("eight looks", True)):
    seen = [own.predict_tiled(unet, image, turned=turned) >= 0.5 for image in val[0]]
    looks[name] = dice_each(val[1], seen).mean()
print("one look and eight lie less than two hundredths apart:", abs(looks["eight looks"] - looks["one look"]) < 0.02)

# %% tags=["nbval-ignore-output"]
print("validation Dice:", ", ".join(f"{name} {value:.3f}" for name, value in looks.items()))

# %% [markdown]
# For drawn membranes, `benchmarks/own_images.md` sets one look beside eight. Is the gain worth eight times the time to you? Then
# set `turned` to `True` in the settings: the threshold, the scores and the new pictures of section 8 get eight looks.
#
# ### Is it better than something simple?
#
# The threshold is chosen on validation, as always. There are two baselines. One calls every pixel foreground, which
# scores well wherever there is much of it. The other is Otsu's threshold; whether the objects are on its bright or on
# its dark side is decided on the training pictures.

# %%
def look(picture):
    return own.predict_tiled(unet, picture, turned=settings["turned"])


val_patches, val_marks = own.draw_patches(*val, n=40, size=size, seed=2)
threshold = best_threshold(val_marks, np.stack([look(patch) for patch in val_patches])).threshold
found = [look(image) >= threshold for image in tested[0]]
scores = own.dice_scores(train, tested, found)
print("U-Net above 0.6 on the test pictures:", scores["U-Net"] > 0.6)

# %% tags=["nbval-ignore-output"]
dice = dice_each(tested[1], found)
order = np.argsort(dice)[:4]  # the worst first
worst, marks, mine = ([pile[i] for i in order] for pile in (*tested, found))
figures.show_predictions(
    worst, marks, mine, [f"Dice {dice[i]:.2f}" for i in order], "The worst test pictures",
    "Mean Dice: " + "; ".join(f"{name} {value:.2f}" for name, value in scores.items()) + ".",
)

# %% [markdown]
# Report both baselines beside your network. Where the light is even, Otsu's threshold can be a strong rival, and if it is
# good enough for your pictures, you need no network. If your U-Net stays below 0.6, look at the worst pictures first, then run `diagnose` on the run as
# in notebook 05, then train longer.
#
# ### How many objects did it find?
#
# Dice counts pixels. Two cells that grow together in the prediction cost it hardly anything, and the count is wrong. So
# objects have scores of their own: an object counts as found if it overlaps a true one by an IoU of 0.5, and F1 weighs
# the ones found against the ones missed and invented. AP is the average over stricter and stricter overlaps, as in
# [notebook 08](08_touching_lesions.ipynb), which is about touching objects: how to score them, to cut them apart, and to train for them. Whether
# they should be cut apart here is decided on the validation pictures, like the threshold.

# %%
touching, min_area = settings["touching"], settings["min_area"]
truths = [own.labels_of(pairs, members, touching) for members in sets]
tried = [look(image) >= threshold for image in val[0]]
split = touching and own.choose_splitting(truths[1], tried, min_area)
scores |= own.object_scores(truths[2], found, min_area, split)

# %% tags=["nbval-ignore-output"]
print("touching objects are", "cut apart" if split else "left together")
objects = [f"{name} {scores[name]:.2f}" for name in ("object F1", "object AP") if name in scores]
say("; ".join(objects) or "Nothing here is counted, so there are no scores of objects.")

# %% [markdown]
# ## 6. Predict a picture of any size
#
# A slide scanner makes pictures of 50,000 pixels a side. The feature maps of one pass over 8192 x 8192 would take 13
# GB. So we cut tiles, predict each, and put them together. Near its edge a tile does not see what lies beyond, and
# decides differently from its neighbor. The line between them is called a **seam**.
#
# The remedy follows from notebook 02. A pixel's answer depends on its receptive field and nothing else. So the tiles
# overlap by that much, and each tile is used only where it has seen all it needs.
#
# **Predict.** The receptive field is about 100 pixels. We compare tiles of 256 that share only 16 pixels with one pass
# over the whole picture. How large is the largest difference in probability?

# %%
guess = None  # between 0 and 1

# %%
picture = tested[0][0]
times = [-(-760 // side) for side in picture.shape[:2]]
large = np.tile(picture, (*times, 1))[:760, :744]  # the same picture again and again, until it is large
one_pass = predict(unet, large[None])[0]
careless = own.predict_tiled(unet, large, tile=256, overlap=16, blend=0)
careful = own.predict_tiled(unet, large, tile=256)

# %% tags=["nbval-ignore-output"]
gaps = [np.abs(answer - one_pass) for answer in (careless, careful)]
checks.reveal("seam", guess, float(gaps[0].max()))

# %% tags=["nbval-ignore-output"]
figures.show_images(
    gaps, ["16 pixels shared", "receptive field shared"], "Too small an overlap leaves seams, the full one none",
    kinds="features", size=3,
    caption=f"Largest difference: {gaps[0].max():.2f} with a small overlap, {gaps[1].max():.0e} with the full one.",
)

# %%
assert gaps[1].max() < 1e-4 < gaps[0].max()
print("full overlap, largest difference below 0.0001:", gaps[1].max() < 1e-4)

# %% [markdown]
# Two details. Tiles begin at multiples of 8, because the pooling must group the same pixels as in one pass. And where two
# tiles are both right, they fade into each other over 16 pixels. This hides what would be left of a seam in networks
# with group normalization. A picture whose size is no multiple of 8 is mirrored at its edge, and the result is cut.
#
# ## 7. Measure
#
# A biologist is not interested in Dice. She wants to know how many objects there are and how large they are.
# `label_objects` numbers the connected pieces, and with `split=True` it cuts touching ones apart at their waist.
# `measure_objects` measures each.
#
# **Predict.** Roundness is $4\pi \cdot \mathrm{area} / \mathrm{perimeter}^2$, and it is 1 for a disc. What is it for an
# oval twice as long as wide: more or less than 0.9?

# %%
guess = None  # "more" or "less"

# %%
drawn = np.zeros((100, 200), np.uint8)
cv2.circle(drawn, (50, 50), 30, 1, thickness=cv2.FILLED)
cv2.ellipse(drawn, (140, 50), (40, 20), 0, 0, 360, 1, thickness=cv2.FILLED)
disc, oval = own.measure_objects(own.label_objects(drawn))
checks.reveal("oval", guess, "more" if oval.roundness > 0.9 else "less")

# %%
print(f"disc: area {disc.area:.0f} pixels, roundness {disc.roundness:.1f}; oval: area {oval.area:.0f}")

# %% [markdown]
# Now the first picture of the test set; section 8 does the same for a whole folder. `mean_gray` is that of the picture as it
# was loaded, before the rule stretched it. With a `pixel_size` in micrometers, areas are in square micrometers.

# %%
labels = [own.label_objects(mask, min_area, split) for mask in found]
rows = own.measure_objects(labels[0], pairs.images[test[0]], settings["pixel_size"] or 1)
table = own.save_table(rows, results / "objects.csv")
print(table.read_text().splitlines()[0])

# %% tags=["nbval-ignore-output"]
counted = [len(np.unique(true[true > 0])) for true in truths[2] if true is not None]
middle = np.median([row.area for row in rows]) if rows else 0
unit = settings["unit"] + "^2" if settings["pixel_size"] else "pixels"
marked = f", {sum(counted)} objects in their masks" if counted else ""
print(f"{sum(map(np.max, labels))} pieces found in the test pictures{marked}")
print(f"below, {len(rows)} pieces of one picture; median area {middle:.0f} {unit}")
shown(own.numbered_contours(picture, labels[0], zoom=max(1, 768 // max(labels[0].shape))))

# %%
numbers = [row.number for row in rows]
print("every object has its own row:", numbers == list(range(1, labels[0].max() + 1)))

# %% [markdown]
# Objects that touch the border are cut off, so their area is too small. The column `touches_border` lets you leave them
# out of the mean. Keep them when you count.
#
# **Change.** Count the objects of the same picture once with `split=True` and once with `split=False`. Which of the two
# counts is closer to the mask's?
#
# <details><summary>What you should have seen</summary>
#
# Without cutting there are fewer objects, or as many, because nuclei that touch in the prediction count as one. Which
# count is closer differs from picture to picture. That is why one picture must not decide it, and no test picture.
#
# </details>
#
# Counting is for things that come one by one. A network of membranes, vessels or roots is *one* object however much of it
# there is: report its area instead, or count what it encloses. The next cell does both for a drawn mesh.

# %%
mesh = np.zeros((90, 120), np.uint8)
mesh[::30] = mesh[:, ::30] = 1
cells = own.label_objects(1 - mesh, min_area=20)
print(f"{own.label_objects(mesh).max()} mesh, {mesh.mean():.1%} of the picture; {cells.max()} cells in it")

# %% [markdown]
# ### Something real, in any case
#
# scikit-image brings a photograph of 24 Greek coins. At half its size the coins are as large as nuclei. They are bright
# on dark, and the network has never seen one.

# %%
from skimage import data

photograph = cv2.resize(data.coins()[:296, :376], (188, 148), interpolation=cv2.INTER_AREA)
stretched = own.Normalization("picture", 0.5, 99.5)
seen = own.predict_tiled(unet, photograph, normalization=stretched, turned=settings["turned"])
coins = own.label_objects(seen >= threshold, min_area=40)
print("photograph of", photograph.shape, photograph.dtype)

# %% tags=["nbval-ignore-output"]
print(f"{coins.max()} objects found where there are 24 coins, covering {np.mean(coins > 0):.0%} of the photograph")
shown(own.numbered_contours(photograph / 255, coins, zoom=4))

# %% [markdown]
# Count for yourself what is right in it. We report it as it comes out: a score belongs to one kind of picture.
#
# ## 8. Keep it
#
# **Masks** get a name of their own and never replace a file. They are PNG or TIFF, because JPEG would blur them.

# %%
kept_mask = own.save_mask(found[0], results / "test_mask.png")
try:
    own.save_mask(found[0], kept_mask)
except FileExistsError as error:
    print(str(error).split(" in ")[0], "and stays as it is.")

# %% [markdown]
# **The network** is worth little without its rule for gray levels: in a year nobody knows how its pictures were
# stretched. So the `.keras` file holds everything: the rule, the threshold, the settings from the top of this notebook
# without the folders, the scores, and a card. The card says on what data the network was trained, with a fingerprint of them, how the sources
# were shared out, how it was trained, with which versions, when, and by whom.

# %%
use = own.settings_to_keep(settings) | {"split": split, "white": pairs.white}
steps = 40 * len(run.epoch)  # it may have stopped early
card = own.network_card(pairs, sets, (groups, conditions), settings | use, start=ahead, steps=steps)
scores |= {"test pictures": len(test)}
network_file = own.save_network(results / "network.keras", unet, rule, threshold, scores, card, use)

# %%
again = own.load_kept(network_file)
same = np.array_equal(own.predict_tiled(again.model, large), own.predict_tiled(unet, large))
print("same answers:", same)
print("same rule:", again.normalization == rule, "- same threshold:", again.threshold == threshold)
say("on the card:", ", ".join(again.card))

# %% [markdown]
# ### Use it on new pictures
#
# In a terminal, in the folder of the course, one command predicts a whole folder. It writes a mask and an overlay for each
# picture and one table of all objects. If it is interrupted, the same command goes on.
#
# ```
# python -m helpers.own_images inspect FOLDER
# python -m helpers.own_images predict runs/own_images/1/network.keras FOLDER RESULTS
# ```
#
# The next cell does the same from Python, with three pictures of the test set.

# %%
import tifffile

(scratch / "new").mkdir()
for i in test[:3]:
    tifffile.imwrite(scratch / "new" / f"picture{i:02d}.tif", np.round(pairs.images[i] * 65535).astype(np.uint16)[..., 0])
changes = {"channel": None, "value_range": None}  # these three files are gray, of 16 bits
total, problems = own.predict_folder(network_file, scratch / "new", results / "new", progress=False, **changes)

# %%
kinds = sorted({path.suffix for path in (results / "new").iterdir()})
print("kinds of files:", " ".join(kinds), "- files that could not be used:", len(problems))

# %% tags=["nbval-ignore-output"]
print(f"{total} objects in {len(test[:3])} pictures")
place = results if settings["out"] else results.relative_to(RUNS.parent)
print("Everything that you keep is in", place)

# %% [markdown]
# A `.keras` file from a stranger may hold Python code. `load_kept` never runs it. It refuses such a file and says why.
#
# **ONNX** is a format that programs without Keras and Python can run. The export needs the package onnx, and the
# check below needs onnxruntime. If you have both, it says whether the file gives the same answers.

# %% tags=["nbval-ignore-output"]
try:
    onnx_file = own.export_onnx(unet, results / "network.onnx")
    print("ONNX agrees to within 0.0001:", own.onnx_difference(onnx_file, unet, val_patches) < 1e-4)
except ImportError as error:
    print(error)

# %%
print("kept:", *sorted(path.name for path in results.iterdir() if path.suffix in (".csv", ".keras", ".png")))

# %% [markdown]
# ## What you've learned
#
# You can now
#
# - load pictures and masks from folders, and read in a table what was really in the files.
# - split pictures by patient or slide, so that the test is a test.
# - train on patches of a few labeled pictures, from trained weights and from scratch, and say which pays.
# - predict a picture of any size in tiles, without seams.
# - measure every object into a table, and keep masks and network so that others can use them.
#
# ## On your own
#
# 1. Your own folder: change the settings in section 1 and run the notebook again. Which line of the table in section 2
#    told you something that you did not know about your files?
# 2. Label five pictures of yours, train, predict five more, correct those instead of drawing them from nothing, and train
#    again. How much time did the network save you?
#
# ## Further reading
#
# - Caicedo et al., [Nucleus segmentation across imaging experiments](https://doi.org/10.1038/s41592-019-0612-7), 2019: the real set.
# - Ronneberger, Fischer and Brox, [U-Net](https://arxiv.org/abs/1505.04597), 2015, figure 2: the overlap-tile strategy.
# - [skimage.measure.regionprops](https://scikit-image.org/docs/stable/api/skimage.measure.html#skimage.measure.regionprops): all that can be measured.
# - [Saving Keras models](https://keras.io/guides/serialization_and_saving/), and why safe mode matters.
