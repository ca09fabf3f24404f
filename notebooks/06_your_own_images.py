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
# Previous: [Find out why it fails, and mend it](05_failure_clinic.ipynb) · [Contents](../README.md) · Next:
# [Scale it up, and find out what a step costs](07_scaling_up.ipynb)
#
# ## What you'll do
#
# You take a folder of microscope pictures from loading to a table of measured cells, with two paths to change when
# you put your own folder in its place.
#
# ## What you'll learn
#
# - Load pictures and masks from two folders, and read in a table what was really in the files.
# - Split pictures by patient or slide, so that the test is a test.
# - Train on patches of a few labeled pictures, from trained weights and from scratch, and say which pays.
# - Predict a picture of any size in tiles, without seams.
# - Measure every object into a table, and keep masks and network so that others can use them.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about two minutes on two CPU cores.
# - 1.1 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) to [04](04_evaluation_and_visualization.ipynb).

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. Two folders
#
# All you need are two folders, one of pictures and one of masks, with a name in common for each pair:
# `images/cell1.tif` and `masks/cell1.png`. Nothing in them is ever changed.
#
# We take a public set: nuclei under a fluorescence microscope, from the [Broad Bioimage Benchmark
# Collection](https://bbbc.broadinstitute.org/BBBC038), free for every use (CC0). It is fetched once, checked against
# its **checksum**, a fingerprint of every byte, and kept. Without a network the course draws a stand-in in the same
# format, and everything below works with it. The next cell says which of the two you have.

# %%
import pathlib
import tempfile

import numpy as np

from helpers import own_images as own

scratch = pathlib.Path(tempfile.mkdtemp())

# %% tags=["nbval-ignore-output"]
try:
    images_dir, masks_dir = own.fetch_set(own.NUCLEI, timeout=3)
    print("These are real nuclei, fetched and checked.")
except OSError:
    images_dir, masks_dir = own.write_stand_in(scratch / "stand-in")
    print("The real set is not to be had from here. These are drawn nuclei in the format of the real set.")

# %% [markdown]
# **Your turn, later.** When you have been through this notebook once, come back, put your own two folders here, and
# run it again:
#
# ```python
# images_dir, masks_dir = "my pictures/images", "my pictures/masks"
# ```
#
# ## 2. Load, and look at what was read
#
# Picture files are a zoo: 8 bits or 16, gray or color, one page or thirty, stored lying on their side. Masks are
# worse: 0 and 1, 0 and 255, red on black, or a number for each object. `load_pairs` turns all of them into the arrays
# of this course, and its table says what it found. *Read the table*: most failures of notebook 05 can be seen in it.
#
# `limit=40` takes forty pairs. `gap=True` clears a line where two numbered objects touch, or they would grow
# together.

# %% tags=["nbval-ignore-output"]
pairs = own.load_pairs(images_dir, masks_dir, limit=40, gap=True)
print(pairs.table(6))

# %%
images, masks = pairs
print(len(images), "pictures,", images[0].dtype, "in 0..1")
print("masks", masks[0].dtype, "of", sorted({int(v) for v in masks[0].ravel()}))

# %% [markdown]
# Then look at them. A contact sheet shows in a second what no table says: a mask that belongs to another picture, a
# picture that is out of focus.

# %% tags=["nbval-ignore-output"]
from helpers import figures

some = range(0, len(images), -(-len(images) // 6))
shown, marks = [images[i] for i in some], [masks[i] for i in some]
share = np.mean([mask.mean() for mask in marks])
caption = f"{len(some)} of the pictures with their masks as orange outlines; {share:.0%} of these pixels are foreground."
figures.show_images(shown, title="The outlines must sit on the objects", masks=marks, limits=None, caption=caption)

# %% [markdown]
# ### When a folder is not in order
#
# **Predict.** Below, a folder gets two pictures: a good one, and one that an interrupted copy has cut in half. What
# should a loader do: skip the broken one, stop at it, or read the half that is there?

# %%
import cv2

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
try:
    own.load_pairs(bad, marks)
except own.PictureError as error:
    print(error)

# %% [markdown]
# It stops, names the file, and says what to do. A loader that skips quietly makes your data set smaller without
# telling you, and one that reads half a picture teaches the network that nuclei end in the middle.
#
# A mask with three values is refused, too. They may be two touching nuclei or two kinds of tissue, and only you know
# which:

# %%
(bad / "cell 2.png").write_bytes(whole)
three = np.where(speckle > 200, 255, np.where(speckle > 100, 128, 0)).astype(np.uint8)
cv2.imwrite(str(marks / "cell 2.png"), three)

# %%
try:
    own.load_pairs(bad, marks)
except own.PictureError as error:
    print(error)

# %%
cleared = own.load_pairs(bad, marks, foreground=255)
print([record.mask for record in cleared.records])

# %% [markdown]
# ## 3. Split by source
#
# Two slices of one patient look more alike than two patients do. If one is in the training set and the other in the
# test set, the network can pass the test by remembering. So we share out *patients*, not pictures.
#
# **Predict.** Six patients, four slices each. With 60 : 20 : 20, how many patients are in the test set?

# %%
names = [f"patient{patient}_slice{i}" for patient in range(6) for i in range(4)]
groups = own.groups_of(names)
for title, members in zip(("training", "validation", "test"), own.split_by_source(groups, seed=0)):
    print(f"{title:<12}{len(members):>2} pictures of", sorted({groups[i] for i in members}))

# %% [markdown]
# `groups_of` reads the source from words such as *patient*, *slide* or *mouse* followed by a number, or from the
# folder. If yours stands in a table, `own.groups_from_csv("samples.csv", names, "file", "slide")` looks it up. The
# names of our nuclei tell nothing, so each picture counts as a source of its own.

# %%
training, validation, test = own.split_by_source(own.groups_of(pairs.names), seed=0)
print(len(training), "training,", len(validation), "validation,", len(test), "test")

# %% [markdown]
# ## 4. One rule for gray levels
#
# Your pictures may use a tenth of the range that 16 bits offer, or come from two exposures. The rule that stretches
# them is part of the network: it is fitted on the training pictures, and the same rule must be used for every later
# picture. If exposures differ a lot, the rule is "each picture from its own darkest to its own brightest", otherwise
# one pair of gray levels for all.

# %% tags=["nbval-ignore-output"]
rule = own.fit_normalization(own.choose(pairs, training)[0])
print("rule:", rule.kind, f"low {rule.low:.3f}, high {rule.high:.3f}")

# %%
images = rule.apply(images)
train, val, tested = (([images[i] for i in s], [masks[i] for i in s]) for s in (training, validation, test))
print("all in 0..1:", all(0 <= image.min() <= image.max() <= 1 for image in images))

# %% [markdown]
# Before we spend minutes on training, the doctor of notebook 05 has a look. It wants pictures of one size, so it gets
# patches.

# %% tags=["nbval-ignore-output"]
from helpers.diagnosis import diagnose

diagnose(*own.draw_patches(*train, n=40, size=96))

# %%
seen = diagnose(*own.draw_patches(*train, n=40, size=96)).causes
print("masks in order:", not {"masks_0_255", "masks_not_0_1", "pairs_shuffled"} & set(seen))

# %% [markdown]
# ## 5. Train on patches
#
# Two dozen pictures sound like nothing. But a network that judges each pixel by its surroundings does not see
# *pictures*, it sees surroundings, and there are thousands of them. So we cut patches, in a new place each time,
# mirrored and turned, half of them on a nucleus.

# %%
patches, marks = own.draw_patches(*train, n=6, size=96, seed=1)
print(patches.shape, marks.shape)

# %% tags=["nbval-ignore-output"]
holding = np.count_nonzero(marks.sum(axis=(1, 2, 3)))
figures.show_images(
    patches, title="Six patches, as the network gets them", masks=marks,
    caption=f"{holding} of the six patches hold foreground, {marks.mean():.0%} of their pixels.",
)

# %% [markdown]
# ### From trained weights, or from scratch?
#
# The network that ships has seen nothing but drawn discs. Does that help on nuclei? And how many labeled pictures
# does it take? Labeling is what costs you weeks, so this is the question to ask *before* you label.
#
# **Predict.** After one labeled picture, which start is ahead: trained weights or scratch? And with all training
# pictures?

# %%
import keras
from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.evaluation import dice_per_image

# %%
keras.utils.set_random_seed(0)
unet = build_unet()
shipped = own.load_kept(MODELS / "unet_circles.keras").model
starts = {"from scratch": unet.get_weights(), "from trained weights": shipped.get_weights()}


# %%
def scores_of(model, images, masks):
    found = [own.predict_tiled(model, image) >= 0.5 for image in images]
    return np.array([dice_per_image(mask[None], mine[None])[0] for mask, mine in zip(masks, found)])


# %% [markdown]
# Each training is a hundred steps, the same for all, and is judged on the validation pictures: the test pictures wait
# for the network that we keep. `restart` puts other weights into the same network, which saves compiling it six
# times.

# %%
counts = sorted({1, min(4, len(training)), len(training)})
curve = {name: [] for name in starts}
for count in counts:
    few = train[0][:count], train[1][:count]
    for name, weights in starts.items():
        own.restart(unet, weights)
        own.train_on_patches(unet, few, val, scratch / f"{name} {count}", size=96, epochs=4, steps=25)
        curve[name].append(scores_of(unet, *val).mean())

# %% tags=["nbval-ignore-output"]
lines = "; ".join(f"{name} " + ", ".join(f"{d:.2f}" for d in dice) for name, dice in curve.items())
figures.plot_lines(
    counts, curve, "What a labeled picture is worth", f"With {counts} labeled pictures: {lines}.",
    xlabel="labeled pictures", ylabel="validation Dice per picture", limits=(0, 1),
)

# %%
print("with all pictures, above 0.6:", bool(curve["from trained weights"][-1] > 0.6))

# %% [markdown]
# Where the two lines lie far apart, trained weights save labeling; where they meet, they only save time. And where a
# line is flat, the next picture you label teaches little: label *other* pictures, of another slide, another day. One
# run each and eight pictures cannot settle a difference of a few hundredths; repeat with other seeds before you claim
# one.
#
# **Change.** Give the training from scratch three times the steps. Does the gap close?
#
# ### The network to keep
#
# Nuclei are round and bright, as the drawn discs were, so the trained weights have a head start on them. Objects that
# are nothing like discs, membranes for example, may be better off without. You need not guess: a short trial of both
# starts tells, judged on validation again. The rival from scratch gets batch normalization, which lets it learn
# faster.
#
# **Predict.** Which of the two wins the trial on your kind of picture?

# %%
keras.utils.set_random_seed(1)
rivals = {
    "trained weights": own.load_kept(MODELS / "unet_circles.keras").model,
    "scratch, batch normalization": build_unet(normalization="batch"),
}

# %%
trial = {}
for name, rival in rivals.items():
    run = own.train_on_patches(rival, train, val, scratch / f"trial {name}", size=96, epochs=3, steps=30)
    trial[name] = max(run.history["val_dice"])
ahead = max(trial, key=trial.get)

# %% tags=["nbval-ignore-output"]
print("; ".join(f"{name} {dice:.2f}" for name, dice in trial.items()), "on validation patches")
print("ahead, and trained on:", ahead)

# %% [markdown]
# The winner goes on for as long as you have patience; its best epoch is kept. A few minutes are enough for a first
# answer, and epochs are the one dial to turn if the validation score still climbs at the end.

# %%
unet = rivals[ahead]
run = own.train_on_patches(unet, train, val, scratch / "kept", size=96, epochs=8, steps=40)

# %% tags=["nbval-ignore-output"]
scores = run.history["val_dice"]
caption = f"Validation Dice from {scores[0]:.2f} to {max(scores):.2f}, best in epoch {np.argmax(scores) + 1} of {len(scores)}."
figures.plot_lines(
    range(1, len(scores) + 1), {"validation Dice": scores}, "Still climbing at the end? Then train longer", caption,
    xlabel="epoch", ylabel="mean per-patch Dice", limits=(0, 1),
)

# %% [markdown]
# Its threshold is chosen on validation, as always. Otsu's threshold is the baseline; whether the objects are on its
# bright or on its dark side is chosen on the training pictures.

# %%
from helpers.evaluation import best_threshold, otsu_baseline
from helpers.training import predict

val_patches, val_marks = own.draw_patches(*val, n=40, size=96, seed=2)
threshold = best_threshold(val_marks, predict(unet, val_patches)).threshold
found = [(own.predict_tiled(unet, image) >= threshold).astype(np.uint8) for image in tested[0]]

# %%
def otsu_scores(images, masks, dark):
    bright = [otsu_baseline(image[None]) for image in images]
    return np.array([dice_per_image(mask[None], 1 - b if dark else b)[0] for mask, b in zip(masks, bright)])


dark = otsu_scores(*train, dark=True).mean() > otsu_scores(*train, dark=False).mean()
side = "dark" if dark else "bright"

# %%
dice = {
    f"Otsu, {side} side": otsu_scores(*tested, dark),
    "U-Net": np.array([dice_per_image(m[None], f[None])[0] for m, f in zip(tested[1], found)]),
}
print("U-Net above 0.6 on the test pictures:", bool(dice["U-Net"].mean() > 0.6))

# %% tags=["nbval-ignore-output"]
order = np.argsort(dice["U-Net"])[:4]  # the worst first
shown, marks, mine = ([pile[i] for i in order] for pile in (*tested, found))
figures.show_predictions(
    shown, marks, mine, [f"Dice {dice['U-Net'][i]:.2f}" for i in order],
    "The four worst test pictures", "; ".join(f"{name} {np.mean(d):.2f}" for name, d in dice.items()) + "."
)

# %% [markdown]
# On bright nuclei, Otsu's threshold is a strong rival, and you must report it. If it is good enough for your
# pictures, be glad: you need no network. If your U-Net stays below 0.6, look at the worst pictures first, then run
# `diagnose` on the run as in notebook 05, then train longer.
#
# ## 6. Predict a picture of any size
#
# A slide scanner makes pictures of 50,000 pixels a side. The feature maps of one pass over 8192 x 8192 would take 13
# GB. So we cut tiles, predict each, and put them together. Near its edge a tile does not see what lies beyond, and
# decides differently from its neighbor: a **seam**.
#
# The cure follows from notebook 02. A pixel's answer depends on its receptive field and nothing else, so tiles
# overlap by as much, and each is trusted only where it has seen all it needs.
#
# **Predict.** The receptive field is about 100 pixels. With tiles of 256 that share 16 pixels, how large is the
# largest error, in probability? And with the full overlap?

# %%
picture = images[test[0]]
times = [-(-760 // side) for side in picture.shape[:2]]
large = np.tile(picture, (*times, 1))[:760, :744]  # one picture again and again, until it is large

# %%
one_pass = predict(unet, large[None])[0]
careless = own.predict_tiled(unet, large, tile=256, overlap=16, blend=0)
careful = own.predict_tiled(unet, large, tile=256)

# %% tags=["nbval-ignore-output"]
gaps = [np.abs(answer - one_pass) for answer in (careless, careful)]
figures.show_images(
    gaps, ["16 pixels shared", "receptive field shared"], "Too small an overlap leaves seams, the full one none",
    cmap="viridis", size=3,
    caption=f"Largest difference: {gaps[0].max():.2f} with a small overlap, {gaps[1].max():.0e} with the full one.",
)

# %%
assert gaps[1].max() < 1e-4 < gaps[0].max()
print("full overlap, largest difference below 0.0001:", gaps[1].max() < 1e-4)

# %% [markdown]
# Two details. Tiles begin at multiples of 8, for the grid of the pooling must fall on the same pixels as in one pass.
# And where two tiles are both right, they fade into each other over 16 pixels, which hides what would be left of a
# seam in networks with group normalization. Sizes that are no multiple of 8 are mirrored at the edge and cut again.
#
# ## 7. Measure
#
# A biologist does not want Dice. She wants to know how many there are, and how large. `label_objects` numbers the
# connected pieces and cuts touching ones apart at their waist; `measure_objects` measures each.
#
# **Predict.** Roundness is $4\pi \cdot \mathrm{area} / \mathrm{perimeter}^2$. What is it for a disc? For an oval
# twice as long as wide, more or less than 0.9?

# %%
drawn = np.zeros((100, 200), np.uint8)
cv2.circle(drawn, (50, 50), 30, 1, thickness=cv2.FILLED)
cv2.ellipse(drawn, (140, 50), (40, 20), 0, 0, 360, 1, thickness=cv2.FILLED)
for row in own.measure_objects(own.label_objects(drawn)):
    print(f"object {row.number}: area {row.area:.0f} pixels, roundness {row.roundness:.1f}")

# %% [markdown]
# Now the nuclei. Give `pixel_size` in micrometres, and the table is in micrometres.

# %%
labels = own.label_objects(found[0], min_area=20, split=True)
rows = own.measure_objects(labels, tested[0][0], pixel_size=0.65)
table = own.save_table(rows, scratch / "objects.csv")
print(table.read_text().splitlines()[0])

# %%
from IPython.display import Image


def numbered(image, labels, zoom):
    drawn = own.numbered_contours(image, labels, zoom)[..., ::-1]  # OpenCV wants blue first
    return Image(cv2.imencode(".png", drawn)[1].tobytes(), width=640)


# %% tags=["nbval-ignore-output"]
counted = own.label_objects(tested[1][0], min_area=20).max()
middle = np.median([row.area for row in rows]) if rows else 0
print(f"{len(rows)} objects found, {counted} in the mask; median area {middle:.0f} square micrometres")
numbered(tested[0][0], labels, zoom=3)

# %%
numbers = [row.number for row in rows]
print("every object has its own row:", numbers == list(range(1, labels.max() + 1)))

# %% [markdown]
# Objects that touch the border are cut off, so their area is too small: the column `touches_border` lets you leave
# them out of the mean. (Leave them in when you count.)
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
# scikit-image ships a photograph of 24 Greek coins. Halved, they are as large as nuclei, bright on dark, and the
# network has never seen one.

# %%
from skimage import data

photograph = cv2.resize(data.coins()[:296, :376], (188, 148), interpolation=cv2.INTER_AREA)
stretched = own.Normalization("picture", 0.5, 99.5)
coins = own.label_objects(own.predict_tiled(unet, photograph, normalization=stretched) >= threshold, min_area=40)
print("photograph of", photograph.shape, photograph.dtype)

# %% tags=["nbval-ignore-output"]
print(f"{coins.max()} objects found where there are 24 coins, covering {np.mean(coins > 0):.0%} of the photograph")
numbered(photograph / 255, coins, zoom=4)

# %% [markdown]
# Count for yourself what is right in it. We report it as it comes out: a score belongs to a kind of picture.
#
# ## 8. Keep it
#
# **Masks** go beside the originals under a name of their own, never over them. PNG or TIFF, for JPEG would blur them.

# %%
kept_mask = own.save_mask(found[0], scratch / "nuclei_mask.png")
try:
    own.save_mask(found[0], kept_mask)
except FileExistsError as error:
    print(str(error).split(" in ")[0], "and stays as it is.")

# %% [markdown]
# **The network** without its rule for gray levels is worth little: in a year nobody knows how its pictures were
# stretched. So the `.keras` file takes everything along: rule, threshold, scores, and a card that says what it was
# trained on and what it is not for.

# %%
card = {
    "task": "nuclei in fluorescence pictures",
    "training": f"{len(training)} pictures, patches of 96, start: {ahead}",
    "not for": "other stains, diagnosis",
}
scores = {name: float(np.mean(of_each)) for name, of_each in dice.items()} | {"test pictures": len(test)}
network_file = own.save_network(scratch / "nuclei.keras", unet, rule, threshold, scores, card)

# %%
again = own.load_kept(network_file)
same = np.array_equal(own.predict_tiled(again.model, large, normalization=None), own.predict_tiled(unet, large))
print("same answers:", same)
print("same rule:", again.normalization == rule, "- same threshold:", again.threshold == threshold)

# %% [markdown]
# The cells that somebody else, or you in a year, needs are three lines:
#
# ```python
# kept = own.load_kept("nuclei.keras")
# probabilities = own.predict_tiled(kept.model, picture, normalization=kept.normalization)
# own.save_mask(probabilities >= kept.threshold, own.beside("slide7.tif"))
# ```
#
# A `.keras` file from a stranger may hold Python code. `load_kept` never runs it; it refuses such a file and says
# why.
#
# **ONNX** is a format that programs without Keras and Python can run. The export needs three packages more; if you
# have them, this checks that the file gives the same answers.

# %% tags=["nbval-ignore-output"]
try:
    onnx_file = own.export_onnx(unet, scratch / "nuclei.onnx")
    print("ONNX agrees to within 0.0001:", own.onnx_difference(onnx_file, unet, val_patches) < 1e-4)
except ImportError as error:
    print(error)

# %%
print("kept:", sorted(path.name for path in scratch.iterdir() if path.suffix in (".csv", ".keras", ".png")))

# %% [markdown]
# ## What you've learned
#
# - You loaded pictures and masks from two folders, and read in a table what was really in the files.
# - You split pictures by patient or slide, so that the test is a test.
# - You trained on patches of a few labeled pictures, from trained weights and from scratch, and can say which pays.
# - You predicted a picture of any size in tiles, without seams.
# - You measured every object into a table, and kept masks and network so that others can use them.
#
# ## On your own
#
# 1. Your own folder: put its two paths into section 1 and run the notebook again. Which cell had to change, and why?
# 2. Label five pictures of yours, train, predict five more, correct those in place of drawing them anew, and train again. How much time
#    did the network save you?
#
# ## Further reading
#
# - Caicedo et al., [Nucleus segmentation across imaging experiments](https://doi.org/10.1038/s41592-019-0612-7), 2019: the real set.
# - Ronneberger, Fischer and Brox, [U-Net](https://arxiv.org/abs/1505.04597), 2015, figure 2: the overlap-tile strategy.
# - [skimage.measure.regionprops](https://scikit-image.org/docs/stable/api/skimage.measure.html#skimage.measure.regionprops): all that can be measured.
# - [Saving Keras models](https://keras.io/guides/serialization_and_saving/), and why safe mode matters.
