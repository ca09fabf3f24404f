# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Count lesions that touch
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Scale it up, and find out what a step costs](07_scaling_up.ipynb) · [Contents](../README.md) · Next:
# [Tell several classes apart](09_several_classes.ipynb)
#
# ## What you'll do
#
# You count lesions that touch, first with three methods that need no new training, then with the border weights of the U-Net's
# own paper, and you find out where each of them helps and where it does not.
#
# ## What you'll learn
#
# - Explain why a mask cannot say how many lesions there are, and number objects instead.
# - Match found objects to true ones, and score the count: F1, panoptic quality, average precision, error of the count.
# - Cut touching objects apart with a watershed, and choose its settings on validation pictures.
# - Write out the border weights of the paper, and train a network with gaps and weights.
# - Describe objects by distance maps and by rays, and say which shapes they cannot hold.
# - Read an ablation honestly: what helped, how much, and where it did not.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about two minutes on two CPU cores.
# - 1.4 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) to [04](04_evaluation_and_visualization.ipynb).

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. How many are there?
#
# Our scenes now hold five to nine circles of radius 5 to 10, so that in most pictures some of them touch. `make_instances` draws
# the same images as `make_dataset`, bit for bit, and gives each lesion a number. We call the numbered picture
# **[instance labels](00_start_here.ipynb#instance-labels)**: 0 is background, 1 is the first lesion, and so on. Where two
# lesions overlap, the one that was drawn last lies on top, and the pixels there carry its number.

# %%
import numpy as np
from helpers.synthesis import CircleScene, make_instances

# %%
scene = CircleScene(circles=(5, 9), radius=(5, 10))
val_images, val_labels = make_instances(100, scene, seed=82)
test_images, test_labels = make_instances(200, scene, seed=83)
print("labels:", val_labels.shape, val_labels.dtype, "with numbers up to", val_labels.max())

# %% [markdown]
# The oldest way to count the objects of a mask is to count its
# **[connected components](00_start_here.ipynb#connected-component)**: groups of pixels that hang together.
#
# **Predict.** We take the *true* masks, without a single wrong pixel. Compared with the number of lesions that are to be seen,
# what do connected components find over the 200 test pictures: more, as many, or fewer?

# %%
guess = None  # "more", "as many" or "fewer"

# %%
from helpers import checks, figures
from helpers.instances import connected_objects, count_objects

# %%
true_masks = (test_labels > 0).astype(np.uint8)
pieces, there = count_objects(connected_objects(true_masks)), count_objects(test_labels)
difference = int(pieces.sum() - there.sum())
checks.reveal("pieces", guess, "fewer" if difference < 0 else "more" if difference else "as many")

# %%
print(f"{there.sum()} lesions are to be seen, and the true masks have {pieces.sum()} pieces")
assert pieces.sum() < 0.85 * there.sum()

# %% [markdown]
# The mask alone no longer says where one lesion ends and the next begins. Even a network with a Dice of 1 would find only these
# pieces, as long as we count connected components. Look at one picture in which several of them touch.

# %%
case = int(np.argmax(there - pieces))
figures.show_images(
    [test_images[case], true_masks[case] * 1.0, test_labels[case] / there[case]],
    ["the scan", f"its mask: {pieces[case]} pieces", f"its labels: {there[case]} lesions"],
    "The test picture in which most lesions touch",
    f"{there[case]} lesions are to be seen, and the mask has {pieces[case]} pieces. "
    "In the labels every lesion has a gray of its own.",
    kinds=["gray", "mask", "gray"], size=2.6
)

# %% [markdown]
# ## 2. A score that counts
#
# Dice counts pixels, so two lesions that were merged cost it next to nothing. To score objects, we need to know which found object
# is which true one. For every pair we compute the IoU, and a pair may be matched if its IoU is at least 0.5. Each object may be in
# one pair only. `scipy.optimize.linear_sum_assignment` finds the pairing with the most pairs.
#
# - A pair is a true positive, a true object without a partner is missed, and a found one without a partner is invented.
# - **F1** is the Dice of objects: $2\,TP / (2\,TP + FP + FN)$.
# - **[Panoptic quality](00_start_here.ipynb#panoptic-quality)** is F1 times the mean IoU of the pairs, so it also asks for good outlines.
# - **Average precision** repeats the matching at IoU 0.5, 0.55 ... 0.95 and averages $TP / (TP + FP + FN)$.
# - The **error of the count** is by how many objects a picture is off, on average.

# %%
from helpers.instances import average_precision, count_error, match_objects, object_ious

# %%
merged = connected_objects(true_masks)
ious = object_ious(test_labels[case], merged[case])
print("IoU of each lesion (rows) with each piece (columns):")
print(ious.round(2))

# %% [markdown]
# Every row that holds no number of at least 0.5 is a lesion that was lost, although each of its pixels was found.


# %%
def row(name, y_true, y_pred):
    score = match_objects(y_true, y_pred)
    error, precision = count_error(y_true, y_pred), average_precision(y_true, y_pred)
    return f"{name:<34}{score.f1:>6.2f}{error:>8.2f}{precision:>8.2f}{score.panoptic_quality:>8.2f}"


# %%
print(f"{'200 test pictures':<34}{'F1':>6}{'count':>8}{'AP':>8}{'PQ':>8}")
print(row("pieces of the true masks", test_labels, merged))

# %% [markdown]
# ## 3. The ladder: three ways to count without new training
#
# The network that ships with the course gives probabilities. We turn them into objects in three ways: connected components,
# Hough circles (straight from the image, without the network), and a **[watershed](00_start_here.ipynb#watershed)**.
#
# Think of the watershed as flooding a landscape. For every pixel of the mask, take its distance to the background as a height: each
# lesion becomes a hill, and where two lesions touch there is a pass between two hills. Now turn the landscape upside down, so that
# hills become basins. Water rises in each basin from its deepest point, and where the waters of two basins meet, a border is drawn.

# %%
from helpers import MODELS
from helpers.instances import circle_objects, split_objects, tune_splitting
from helpers.training import load_network, predict

# %%
unet = load_network(MODELS / "unet_circles.keras")
val_scores, test_scores = predict(unet, val_images), predict(unet, test_images)

# %% [markdown]
# Not every hill is a lesion: a rough outline makes small hills, too. `waist` says by how many pixels, on each side, a place must be
# narrower than the thinner of the two parts beside it before it is cut.
#
# **Predict.** What does a smaller `waist` give: more objects, as many, or fewer?

# %%
guess = None  # "more", "as many" or "fewer"

# %%
by_waist = {
    waist: int(count_objects(split_objects(val_scores, waist=waist)).sum())
    for waist in (0.1, 0.5, 1, 2, 4)
}
checks.reveal("waist", guess, "more" if by_waist[0.1] > by_waist[4] else "fewer")

# %% tags=["nbval-ignore-output"]
print("there are", int(count_objects(val_labels).sum()), "objects; found with a waist of", end=" ")
print(", ".join(f"{waist}: {n}" for waist, n in by_waist.items()))

# %%
assert list(by_waist.values()) == sorted(by_waist.values(), reverse=True)
print("each larger waist gives at most as many objects:", True)

# %% [markdown]
# So `waist` is a setting like any threshold: **it is chosen on validation pictures**, and then frozen. `tune_splitting` tries all
# combinations of a few values. The Hough circles get the same chance.

# %%
choices = dict(threshold=(0.4, 0.5, 0.6), waist=(0.15, 0.3, 0.6), min_area=(10, 15))
best_split = tune_splitting(split_objects, val_labels, val_scores, **choices).settings
best_pieces = tune_splitting(
    connected_objects, val_labels, val_scores, threshold=(0.5, 0.7), min_area=(10, 15)
).settings
best_hough = tune_splitting(
    circle_objects, val_labels, val_images, radius=((5, 10),), strictness=(7, 8, 10, 12, 14)
).settings

# %%
found = {
    "connected components": connected_objects(test_scores, **best_pieces),
    "Hough circles": circle_objects(test_images, **best_hough),
    "watershed": split_objects(test_scores, **best_split),
}
ladder = {name: match_objects(test_labels, labels).f1 for name, labels in found.items()}

# %% tags=["nbval-ignore-output"]
print(f"{'200 test pictures':<34}{'F1':>6}{'count':>8}{'AP':>8}{'PQ':>8}")
for name, labels in found.items():
    print(row(name, test_labels, labels))

# %%
assert ladder["watershed"] > ladder["connected components"] > ladder["Hough circles"]
print("the watershed is the best of the three:", max(ladder, key=ladder.get) == "watershed")

# %% [markdown]
# The watershed gains a good deal, for a few lines of classical image processing. This is the bar that any new training has to clear.
#
# **Change.** Count with the watershed at `waist=4` and at `waist=0.02`, and look at `match_objects(...)`: which of the two misses, and
# which invents?
#
# <details><summary>What you should have seen</summary>
#
# At 4 little is cut, and the result is nearly that of the connected components: about 340 lesions are missed, because merged lesions are
# lost. At 0.02 about half as many are missed, and hardly more is invented than before. Our lesions are round, so a slight waist nearly always
# is a border. On rods or vessels such a small number would cut whole objects into pieces.
#
# </details>
#
# ## 4. The paper's remedy: gaps, and weights that defend them
#
# Ronneberger and his colleagues had the same problem with cells that touch. They changed what the network is *asked for*. In the masks
# of the training, a gap of one pixel parts any two cells that touch. A network that draws such gaps gives masks whose connected
# components are the cells.
#
# But a gap is a handful of pixels among nine thousand, so a network loses next to nothing by ignoring it. Therefore each pixel gets a
# weight in the cross-entropy. This is equation 2 of the paper, with a 1 in place of its first term, which balances the classes:
#
# $$w(x) = 1 + w_0 \cdot \exp\left(-\frac{(d_1(x) + d_2(x))^2}{2\sigma^2}\right)$$
#
# Here $d_1$ is the distance of a background pixel to the nearest cell, and $d_2$ that to the second nearest. The paper takes $w_0 = 10$ and
# $\sigma = 5$ pixels.
#
# **Predict.** A pixel of background lies in a gap of one pixel: one pixel from the first lesion, and one pixel from the second. What
# is the second term there, without the 1?

# %%
guess = None  # a number

# %%
gap_weight = float(10 * np.exp(-((1 + 1) ** 2) / (2 * 5**2)))
checks.reveal("gap weight", guess, gap_weight)

# %% [markdown]
# Now for all pixels of a picture. For each object, `distance_transform_edt` gives the distance of every pixel to it. Sorted, the first
# two of these distances are $d_1$ and $d_2$.

# %%
from scipy.ndimage import distance_transform_edt


def weights_by_hand(labels, w0=10.0, sigma=5.0):
    numbers = np.unique(labels[labels > 0])
    if len(numbers) < 2:  # without a second object there is no border
        return np.zeros(labels.shape)
    distances = np.sort([distance_transform_edt(labels != number) for number in numbers], axis=0)
    second_term = w0 * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2))
    return np.where(labels == 0, second_term, 0)


# %%
from helpers.instances import border_weights, cut_gaps

# %%
parted = test_labels[case] * cut_gaps(test_labels[case])[0]
weights = weights_by_hand(parted[..., 0])
same = np.abs(weights - border_weights(parted)[0, ..., 0]).max()
print("the helper border_weights gives the same to 1e-5:", same < 1e-5)

# %%
figures.show_images(
    [test_images[case], cut_gaps(test_labels[case])[0], weights / 10],
    ["the scan", "the mask with gaps", "the second term, 0 to 10"],
    "The second term is large in gaps and between neighbors, and 0 inside lesions",
    f"The largest value is {weights.max():.1f}; {(weights > 1).mean():.0%} of all pixels have "
    "more than 1. Brighter is heavier.",
    kinds=["gray", "mask", "gray"], size=2.6
)

# %%
assert weights[parted[..., 0] > 0].max() == 0 and weights.max() > 9
print("0 inside every lesion:", weights[parted[..., 0] > 0].max() == 0)

# %% [markdown]
# **Change.** Draw the weights with `sigma=2` and with `sigma=15`. What does sigma decide?
#
# <details><summary>What you should have seen</summary>
#
# How wide a border is. With 2 only the gaps themselves are bright, and at most about 6, because even one pixel to either side is far for such a
# small sigma. With 15 the second term is above 1 on about half of the background of this picture, so that nothing stands out any more.
#
# </details>
#
# ## 5. Train with gaps, and with gaps and weights
#
# Both networks below start from the one that ships and see the same pictures in the same order. The only difference is the weights.
# `weighted_batches` moves picture, mask and weights in the same way when it mirrors them, and `ClassLoss` multiplies the
# cross-entropy of each pixel by its weight. Its Dice part belongs to the whole picture and has no pixels to weigh.

# %%
import tempfile
import keras
from helpers.classes import ClassLoss
from helpers.pixel_weights import weighted_batches
from helpers.training import DiceScore, train_unet, warmup_cosine

# %%
crowded = CircleScene(circles=(3, 12), radius=(5, 10))
train_images, train_labels = make_instances(600, crowded, seed=81)
train_gaps, val_gaps = cut_gaps(train_labels), cut_gaps(val_labels)
plain = np.ones(train_gaps.shape, np.float32)
weighted = 1 + border_weights(train_labels * train_gaps)


# %%
class Counting(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1} of {self.params['epochs']} is done")


# %%
def trained_with(weights, epochs=6):
    model = load_network(MODELS / "unet_circles.keras")
    keras.utils.set_random_seed(1)
    optimizer = keras.optimizers.Adam(warmup_cosine(2e-3, epochs * 150, 20), global_clipnorm=1.0)
    model.compile(optimizer, loss=ClassLoss(), metrics=[DiceScore()])
    batches = weighted_batches(train_images, train_gaps, weights, epochs=epochs)
    with tempfile.TemporaryDirectory() as folder:
        train_unet(
            model, batches, (val_images, val_gaps), folder + "/run",
            epochs=epochs, steps=150, callbacks=[Counting()]
        )
    return model


# %%
with_gaps = trained_with(plain)

# %%
with_weights = trained_with(weighted)

# %% [markdown]
# The settings of the watershed are chosen anew for each network, on the same validation pictures, so that no method is at a
# disadvantage.
#
# **Predict.** Compare the two new networks where few lesions touch, with two or three circles in a picture, and where many do, with eight
# to fourteen. Where do the weights help to find more of the objects?

# %%
guess = None  # "where many touch", "where few touch" or "nowhere"

# %%
networks = {"trained on masks": unet, "with gaps": with_gaps, "with gaps and weights": with_weights}
settings = {
    name: tune_splitting(split_objects, val_labels, predict(model, val_images), **choices).settings
    for name, model in networks.items()
}


def objects_of(name, images):
    return split_objects(predict(networks[name], images), **settings[name])


# %%
few_circles, many_circles = (CircleScene(circles=c, radius=(5, 10)) for c in ((2, 3), (8, 14)))
sets = {
    "2 to 3 circles": make_instances(200, few_circles, seed=84),
    "5 to 9 circles": (test_images, test_labels),
    "8 to 14 circles": make_instances(200, many_circles, seed=85),
}
answers = {key: {name: objects_of(name, one[0]) for name in networks} for key, one in sets.items()}
f1 = {
    key: {name: match_objects(sets[key][1], labels).f1 for name, labels in one.items()}
    for key, one in answers.items()
}

# %%
gained = {key: one["with gaps and weights"] - one["with gaps"] for key, one in f1.items()}
many, few = gained["8 to 14 circles"], gained["2 to 3 circles"]
where = "where few touch" if few > 0.01 else "nowhere"
where = "where many touch" if many > 0.01 and many > few else where
checks.reveal("weights help", guess, where)

# %% tags=["nbval-ignore-output"]
print(f"{'watershed on the network':<34}{'F1':>6}{'count':>8}{'AP':>8}{'PQ':>8}")
for key, one in answers.items():
    print(key)
    for name, labels in one.items():
        print(row("  " + name, sets[key][1], labels))

# %%
error = count_error(test_labels, answers["5 to 9 circles"]["with gaps and weights"])
assert f1["5 to 9 circles"]["with gaps and weights"] > 0.90
assert error < count_error(test_labels, answers["5 to 9 circles"]["trained on masks"])
assert many > 0.01 and many > few
best = f1["5 to 9 circles"]["with gaps and weights"]
print("5 to 9 circles, with gaps and weights: F1 above 0.9:", best > 0.9)
print("the weights gain more where many lesions touch:", many > few)

# %% tags=["nbval-ignore-output"]
probabilities = [predict(model, test_images[[case]])[0] for model in networks.values()]
figures.show_images(
    [test_images[case], *probabilities], ["the scan", *networks],
    "The same scan, three networks: probability of lesion",
    "From left to right: the scan, then the network trained on masks, with gaps, and with gaps "
    "and weights. Dark lines inside the bright areas are borders that a network draws.",
    kinds=["gray", *["probability"] * 3], size=2.1
)

# %% [markdown]
# One training is an anecdote. An **ablation** repeats the trainings with other seeds and takes one remedy away at a time. `python benchmarks/touching.py`
# did so over five trainings of each network, on other test pictures than ours. Its tables, `benchmarks/touching.md`, say this of 200 pictures with five to nine circles:
#
# | method, settings chosen on validation | F1, lowest to highest | error of the count |
# | --- | --- | --- |
# | Hough circles | 0.727 | 1.74 |
# | connected components | 0.819 to 0.826 | 1.60 to 1.63 |
# | watershed | 0.913 to 0.918 | 0.83 to 0.85 |
# | gaps, and the watershed | 0.919 to 0.927 | 0.74 to 0.81 |
# | gaps and weights, and the watershed | 0.941 to 0.947 | 0.50 to 0.57 |
#
# - **Gaps without weights gained little** over the plain watershed: on average by about a hundredth or less, depending on the number of circles. For some of these numbers
#   the interval of the gain holds 0.
# - **The weights did help**: beside gaps alone F1 rose by 0.02 on average with 4 to 12 circles, and by 0.04 with 13 to 15. There they brought the count nearer by 0.8
#   lesions a picture.
# - **With two or three circles they did not help.** The gain was +0.001, in an interval from -0.005 to +0.007.
#
# Whether border weights help is true or untrue of *one kind of picture*. Where lesions lie apart there is no border to defend, and there
# the weights have little to gain.
#
# With eight to fourteen circles, lesions cover each other. There F1 with gaps and weights was 0.900 to 0.907, and the count was off by 1.24 to 1.42 lesions. Is that good? A
# watershed that was given the *true* mask reached 0.904. Some lesions show no more than a sliver, which
# may be hard to tell from the lesion on top. But slivers are few: somebody who marked every lesion
# exactly, and missed only those with fewer than 20 visible pixels, would reach 0.995. So slivers alone do not explain what is missing.
#
# **Change.** Do we still need the watershed? Count the pieces of the two new networks, `connected_objects(predict(with_gaps, test_images), 0.7)`
# and the same for `with_weights`, and match them with `test_labels`.
#
# <details><summary>What you should have seen</summary>
#
# With gaps and weights the pieces alone come close to the watershed. In the ablation, where each piece also grew back into the gap beside it, they reached an F1 of
# 0.922 to 0.939, and the watershed 0.941 to 0.947. With gaps alone the pieces stay near those of a plain mask, at 0.826 to 0.833: without weights the network
# hardly draws the gaps.
#
# </details>
#
# ## 6. Other descriptions of an object
#
# A gap is one way to tell a network about objects. Two others have become common.
#
# A **[distance map](00_start_here.ipynb#distance-map)** says how deep each pixel lies in its object: 1 at the deepest pixel, falling to the
# border, and 0 in the background. A network can learn it as a second output beside the mask, and the watershed then floods *its* hills. A true
# distance map holds many borders that the mask has lost, as the next cell shows.

# %%
from helpers.instances import distance_map, peak_objects

# %%
depths = distance_map(test_labels)
by_depth = peak_objects(true_masks, depths)
by_mask = split_objects(true_masks, waist=0.15)
print(row("true mask, watershed", test_labels, by_mask))
print(row("true distance map, watershed", test_labels, by_depth))
assert match_objects(test_labels, by_depth).f1 > match_objects(test_labels, by_mask).f1

# %% [markdown]
# So much for the true map. A network has to *learn* it, and a watershed on a learned map inherits its errors. In the ablation a second output was
# trained for as long as the gaps. In three of five trainings it did about as well as gaps and weights, with an F1 of about 0.94. In the other two it
# failed, and its F1 of 0.815 was that of connected components. So after so short a training nobody can rely on it. One training alone would have told you either
# story.
#
# A **[star-convex polygon](00_start_here.ipynb#star-convex-polygon)** says how far an object reaches from a point inside it, in each of 32
# directions. StarDist (Schmidt et al. 2018) lets a network predict such a table for every pixel and keeps the best. Here is one table, by hand.

# %%
from helpers.instances import fill_rays, ray_table
from helpers.synthesis import disc_pixels

disc, bite = np.zeros((2, 40, 40), bool)
disc[disc_pixels(40, 40, 20, 20, 14)[0]] = disc_pixels(40, 40, 20, 20, 14)[1]
bite[disc_pixels(40, 40, 27, 20, 13)[0]] = disc_pixels(40, 40, 27, 20, 13)[1]
center, distances = ray_table(disc)
print("center:", *center, "- the first eight of its rays:", *distances[:8])

# %% [markdown]
# **Predict.** The second shape is a crescent: the disc with a bite taken out of it. Its rays start at its deepest pixel. Does the polygon
# of its rays cover the crescent (97 of 100 pixels or more), or does it miss part of it?

# %%
guess = None  # "covers" or "misses part of"

# %%
shapes = {"disc": disc, "crescent": disc & ~bite}
polygons = {name: fill_rays(*ray_table(shape), shape.shape) for name, shape in shapes.items()}
covered = {name: (polygons[name] & shapes[name]).sum() / shapes[name].sum() for name in shapes}
checks.reveal("crescent", guess, "covers" if covered["crescent"] >= 0.97 else "misses part of")

# %%
figures.show_predictions(
    [shape * 0.6 for shape in shapes.values()], list(shapes.values()), list(polygons.values()),
    [f"{name}: {covered[name]:.0%} covered" for name in shapes],
    "Truth in solid orange, the polygon of 32 rays in dashed blue",
    f"The polygon covers {covered['disc']:.0%} of the disc and {covered['crescent']:.0%} of the "
    "crescent."
)
assert covered["disc"] > 0.95 > covered["crescent"]
shape, polygon = shapes["crescent"], polygons["crescent"]
print(f"IoU of the crescent and its polygon: {(shape & polygon).sum() / (shape | polygon).sum():.2f}")
assert (shape & polygon).sum() > 0.5 * (shape | polygon).sum()

# %% [markdown]
# The rays start above the middle of the crescent. From there one sees most of the upper horn and little of the lower one, so a table of
# rays cannot hold the whole shape. Nuclei are nearly always star-convex; winding or branching vessels are not, nor are many real lesions. By the
# rule of section 2 this crescent still counts as found, because its polygon has an IoU of more than a half. But its outline stays wrong,
# however well such a method is trained.
#
# ## 7. Live: add a circle, and see who can still count
#
# The slider for the circles goes from 0 to 25. The orange outlines are the truth, the blue ones are what each method found.

# %%
from helpers import panels

methods = {
    "Watershed": lambda images: split_objects(predict(unet, images), **best_split),
    "Gaps and weights": lambda images: objects_of("with gaps and weights", images),
}
panels.counting_panel(methods)

# %% tags=["nbval-ignore-output"]
panels.show_still(
    panels.count_lesions, [{}, {"circles": 14}, {"circles": 25}, {"circles": 0}],
    ["eight circles", "fourteen circles", "twenty-five circles", "no circle at all"],
    models=methods, title="How many are there? The panel at four settings",
)

# %% [markdown]
# **Change.** Move the circles from 0 to 25 and watch "lesions to be seen". Is it always the number of circles?
#
# <details><summary>What you should have seen</summary>
#
# No. With 25 circles 24 lesions are to be seen in the first picture: one is wholly covered by those that were drawn after it. Nobody can count
# what is not there, so the truth of this notebook counts only what shows at least one pixel.
#
# </details>

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Stuck? Run `checks.hint("8.1")` in a cell of its own; each further call goes deeper.

# %% [markdown]
# ### Exercise 8.1: Objects found, by hand
#
# A picture has 4 true objects and 5 found ones. This is the IoU of each true object (rows) with each found one (columns):
#
# | truth | A | B | C | D | E |
# | --- | --- | --- | --- | --- | --- |
# | **1** | 0.9 | 0 | 0 | 0 | 0 |
# | **2** | 0 | 0.5 | 0 | 0 | 0 |
# | **3** | 0 | 0 | 0.3 | 0.1 | 0 |
# | **4** | 0 | 0 | 0 | 0 | 0.7 |
#
# Give F1 at an IoU of 0.5, to two decimals.
#
# Hints: `checks.hint("8.1")`

# %%
my_f1 = None

# %%
checks.exercise_8_1(my_f1)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# my_f1 = 2 * 3 / (2 * 3 + 2 + 1)
# ```
#
# Three pairs reach 0.5: 1 with A, 2 with B, 4 with E. C and D are invented, and 3 is missed.
#
# </details>

# %% [markdown]
# ### Exercise 8.2: Equation 2, the second term
#
# Write the second term of equation 2 for arrays of distances. `d1` and `d2` have one number for each pixel.
#
# Hints: `checks.hint("8.2")`


# %%
def border_weight(d1, d2, w0, sigma):
    raise NotImplementedError


# %%
checks.exercise_8_2(border_weight)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def border_weight(d1, d2, w0, sigma):
#     return w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
# ```
#
# </details>

# %% [markdown]
# ### Exercise 8.3: How many objects?
#
# Return how many objects each picture of `labels`, `[n, height, width, 1]`, holds: one number a picture. Numbers may be missing, and what has one
# number is one object.
#
# Hints: `checks.hint("8.3")`


# %%
def count_labels(labels):
    raise NotImplementedError


# %%
checks.exercise_8_3(count_labels)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def count_labels(labels):
#     return np.array([len(np.unique(picture[picture > 0])) for picture in labels])
# ```
#
# </details>

# %% [markdown]
# ### Exercise 8.4: What may be claimed?
#
# You have trained with border weights. Which sentence may stand in your report? One of them takes its numbers from the tables of the ablation, and those of
# the others are invented. What counts is how such numbers are measured.
#
# - **A** "With border weights F1 is 0.95; connected components, as they come out of the box, reach 0.84."
# - **B** "With border weights and the watershed settings that scored best on the test set, F1 is 0.96."
# - **C** "Over five trainings, gaps with border weights raise F1 by 0.03 to 0.04 on average over a watershed tuned on the same validation pictures, with four
#   circles or more in a picture; with two or three we saw no gain."
# - **D** "The best of our five trainings reached an F1 of 0.96."
# - **E** "With border weights Dice rose from 0.962 to 0.963, so the borders are learned."
#
# Hints: `checks.hint("8.4")`

# %%
letter = None

# %%
checks.exercise_8_4(letter)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# letter = "C"
# ```
#
# It names the trainings, the baseline and how it was tuned, and where there was no gain.
#
# </details>

# %% [markdown]
# ## What you've learned
#
# - You explained why a mask cannot say how many lesions there are, and numbered objects instead.
# - You matched found objects to true ones, and scored the count: F1, panoptic quality, average precision, error of the count.
# - You cut touching objects apart with a watershed, and chose its settings on validation pictures.
# - You wrote out the border weights of the paper, and trained a network with gaps and weights.
# - You described objects by distance maps and by rays, and said which shapes they cannot hold.
# - You read an ablation honestly: what helped, how much, and where it did not.
#
# ## On your own
#
# 1. Give the network the numbers of its lesions in another way: a third class for borders (softmax), as the winners of the Data Science Bowl
#    2018 did. Does it beat gaps and weights on the same pictures?
# 2. Train on pictures with 3 to 12 circles of radius 5 to 10 and count circles of radius 12 to 15. Which method suffers most?
#
# ## Further reading
#
# - Ronneberger, Fischer and Brox, [U-Net](https://arxiv.org/abs/1505.04597), 2015, section 3: the weights, and why.
# - Schmidt et al., [Cell Detection with Star-convex Polygons](https://arxiv.org/abs/1806.03535), 2018.
# - Kirillov et al., [Panoptic Segmentation](https://arxiv.org/abs/1801.00868), 2019: where panoptic quality comes from.
# - Caicedo et al., [Nucleus segmentation across imaging experiments: the 2018 Data Science Bowl](https://doi.org/10.1038/s41592-019-0612-7), 2019.
