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
# You write a training loop by hand, hand it over to Keras, race losses and learning rates against each other, see every callback
# of a real training do its job, and train the U-Net of this course.
#
# ## What you'll learn
#
# - Build a pipeline of batches whose augmentation moves image and mask together.
# - Write a training loop by hand, with gradient, step and optimizer, and say what `compile` and `fit` do for you.
# - Compare cross-entropy, Dice loss and their sum by racing them over three seeds.
# - Shape a learning rate with warm-up and cosine, and race it against a constant rate and one that reacts.
# - Catch overfitting with early stopping, and get the best epoch back from its checkpoint.
# - Resume an interrupted run so that it ends as if nothing had happened.
#
# ## What you'll need
#
# - About an hour and a half of your time; the cells themselves run in about four minutes on two CPU cores.
# - 1.6 GB of memory. No GPU.
# - Notebooks [01](01_data_synthesis.ipynb) and [02](02_unet_anatomy.ipynb).

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. The data, fed in batches
#
# These are the 1200 pictures of notebook 01, split in the same way. The test pictures get no name here: they stay closed.

# %%
from helpers.synthesis import CircleScene, make_dataset, make_instances
from sklearn.model_selection import train_test_split

images, masks = make_dataset(1200, CircleScene(), seed=2026)
images, _, masks, _ = train_test_split(images, masks, test_size=200, random_state=0)
train_images, val_images, train_masks, val_masks = train_test_split(
    images, masks, test_size=200, random_state=0
)
print(len(train_images), "training and", len(val_images), "validation pictures")

# %% [markdown]
# A network does not learn from all pictures at once. It takes a few of them, a **[batch](00_start_here.ipynb#batch)**, computes how wrong it
# is, and moves every weight a little in the direction that makes it less wrong. That is one **step**. Then it takes the next batch.
# One pass over all pictures is an **[epoch](00_start_here.ipynb#epoch)**.
#
# **Predict.** With 800 pictures and batches of 4, how many steps does a training of 12 epochs have?

# %%
guess = None  # the steps of 12 epochs


# %%
def steps_per_epoch(n, batch_size):
    return -(-n // batch_size)


# %%
from helpers import checks

steps = steps_per_epoch(len(train_images), batch_size=4)
checks.reveal("steps", guess, 12 * steps)

# %% [markdown]
# (`//` divides and rounds down. With two minus signs around it, it rounds up: the last batch of an epoch may be smaller, and it is a
# step, too.)
#
# ### Augmentation: more pictures for free
#
# A mirrored scan is as plausible as the original. By mirroring, turning over and transposing (swapping rows and columns) we get up
# to eight versions of each picture, and the network finds it harder to learn single pictures by heart. This is called
# [augmentation](00_start_here.ipynb#augmentation).
#
# **The mask must move in the same way.** The most frequent silent mistake in segmentation is an image that is flipped with a
# mask that is not. The function below makes this mistake impossible. It puts image and mask into *one* array with two channels, and
# moves only that array.

# %%
import keras
import numpy as np
import tensorflow as tf
from keras import ops


# %%
def augment(images, masks, seed):
    rng = np.random.default_rng(seed)
    both = np.concatenate([images, masks], axis=-1)
    for i in range(len(both)):
        mirror, turn, transpose = rng.random(3) < 0.5
        if mirror:
            both[i] = both[i, :, ::-1]
        if turn:
            both[i] = both[i, ::-1]
        if transpose and both.shape[1] == both.shape[2]:
            both[i] = both[i].transpose(1, 0, 2)
    return both[..., :1], both[..., 1:].astype("uint8")


# %% [markdown]
# Three coins are tossed for each picture. `::-1` reads an axis backwards: axis 2 of the batch is the width, axis 1 the height. Only
# square pictures are transposed, because others would change their shape.

# %%
from helpers import figures

eight = np.repeat(train_images[4:5], 8, axis=0), np.repeat(train_masks[4:5], 8, axis=0)
moved_images, moved_masks = augment(*eight, seed=8)
versions = len({image.tobytes() for image in moved_images})
figures.show_images(
    moved_images, [f"draw {i}" for i in range(8)], "One picture, drawn eight times",
    f"The outlines follow the lesions in every draw. The eight draws show {versions} different versions.",
    masks=moved_masks
)

# %% [markdown]
# Seeing is good, and checking is better. Inside the mask, the scan must be as bright after the move as before.

# %%
before = [image[mask == 1].mean() for image, mask in zip(*eight)]
after = [image[mask == 1].mean() for image, mask in zip(moved_images, moved_masks)]
print("mean gray level inside the masks unchanged:", np.allclose(before, after, atol=1e-5))

# %% [markdown]
# **Change.** Draw the eight again with `seed=9`, `seed=10` and so on. How many different versions are there? Then let `augment` forget the mask:
# make the mirroring line `both[i, ..., :1] = both[i, :, ::-1, :1]`, which moves the image alone, and run the three cells again.
#
# <details><summary>What you should have seen</summary>
#
# Mostly there are five or six different versions, because each of the eight draws picks one of eight by chance. With the mask forgotten, the
# outlines lie beside the lesions in the mirrored draws, and the check says False. The loss of a training would not have told you why.
# Put the old line back and run the cell again: the trainings below use it.
#
# </details>
#
# ### Elastic deformation: bend the picture
#
# Mirroring moves a picture as a whole, and every lesion keeps its shape. Tissue is soft, though: press it a little, and the same scan looks
# slightly bent. The authors of the U-Net had only thirty labeled pictures for one of their tasks, and bending them was the augmentation that they
# relied on most (section 3.1 of the paper). It is called **[elastic deformation](00_start_here.ipynb#elastic-deformation)**.
#
# Each pixel gets a *displacement*: by how many pixels across and down to look elsewhere for its gray level. If each pixel drew its
# own, the picture would dissolve. So we draw only a coarse grid of three by three displacements and enlarge it smoothly, with
# cubic interpolation. The result is a **[displacement field](00_start_here.ipynb#displacement-field)**.

# %%
import cv2


def smooth_field(height, width, rng, grid=3, spread=4.0):
    coarse = rng.normal(0, spread, (grid, grid, 2)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


# %% [markdown]
# `cv2.remap` fetches each pixel from its displaced place. Image and mask go through **one field**, because the outlines must follow the lesions.
# They are fetched in two ways. A place between four pixels gets a mixture of their gray levels in the image, but in the mask it
# gets the value of the *nearest* pixel. Half a lesion is no label, and a mixture of lesion 1 and lesion 3 would be lesion 2.


# %%
def bend(image, mask, field):
    if not image.shape[:2] == mask.shape[:2] == field.shape[:2]:
        raise ValueError(f"image {image.shape}, mask {mask.shape} and field {field.shape} should have one size.")
    rows, columns = np.indices(image.shape[:2], dtype=np.float32)
    places = columns + field[..., 0], rows + field[..., 1]
    moved = cv2.remap(np.float32(image), *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    marked = cv2.remap(np.float32(mask), *places, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)
    return moved[..., None].astype(image.dtype), marked[..., None].astype(mask.dtype)


# %% [markdown]
# A field can be too wild. Where neighbors are displaced by very different amounts, they change places, and the picture **folds**: a piece of it
# is turned inside out, as no tissue can be. To find such places, follow a small square of one pixel through the field. A formula for its
# new area, the *determinant*, needs only the slopes of the field. If the area is 0, the square was crushed. If it is negative, the square was
# turned over.


# %%
def folds(field):
    across, down = field[..., 0].astype(np.float64), field[..., 1].astype(np.float64)
    xx, xy = 1 + np.gradient(across, axis=1), np.gradient(across, axis=0)
    yx, yy = np.gradient(down, axis=1), 1 + np.gradient(down, axis=0)
    return bool((xx * yy - xy * yx <= 0).any())


# %% [markdown]
# **Predict.** The paper drew displacements with a standard deviation of 10 pixels, for pictures 512 pixels wide. We take the same
# 10 pixels for ours, which are 96 wide. What share of 200 random fields folds somewhere?

# %%
guess = None  # a share between 0 and 1

# %%
wild = [smooth_field(96, 96, np.random.default_rng(i), spread=10) for i in range(200)]
checks.reveal("folded", guess, round(float(np.mean([folds(field) for field in wild])), 1))

# %% [markdown]
# A number from a paper belongs to the pictures of that paper. There the grid points lie 171 pixels apart, and here they lie 32. With 4 pixels, the default here,
# none of these fields folds, and `draw_field`, which the course uses, halves any field that folds until it no longer does. Here is one picture under the same
# random grid at three strengths; below it, a sheet of squared paper went through the same fields.

# %%
from helpers.elastic import draw_field

tame = [smooth_field(96, 96, np.random.default_rng(i), spread=4) for i in range(200)]
fields = [draw_field(96, 96, np.random.default_rng(2), spread=spread) for spread in (0, 2, 4, 6)]
print("folds among 200 fields with a spread of 4:", sum(map(folds, tame)))

# %%
paper = np.ones((96, 96, 1), np.float32)
paper[4::8], paper[:, 4::8] = 0.3, 0.3
scan, its_mask = train_images[12], train_masks[12]
bent = [bend(picture, its_mask, field) for picture in (scan, paper) for field in fields]
reach = np.linalg.norm(fields[-1], axis=-1).max()

# %%
figures.show_images(
    [image for image, _ in bent], [f"spread {spread}" for spread in (0, 2, 4, 6)] * 2,
    "One picture under a growing deformation",
    f"On the right the farthest pixel comes from {reach:.0f} pixels away. The squares become wider, "
    "narrower and oblique, none is folded, and the outlines stay with the lesions.",
    masks=[mask for _, mask in bent]
)

# %%
inside = [image[mask == 1].mean() for image, mask in bent[:4]]
beside = [image[its_mask == 1].mean() for image, _ in bent[:4]]
print("mean gray level inside the bent masks:  ", *[f"{mean:.2f}" for mean in inside])
print("inside a mask that was left as it was:  ", *[f"{mean:.2f}" for mean in beside])
print("every bent mask holds 0 and 1 alone:", all(set(np.unique(m)) == {0, 1} for _, m in bent))
assert np.ptp(inside) < 0.02 and np.ptp(beside) > 0.05 and not any(map(folds, fields))
assert (np.diff([np.abs(field).max() for field in fields]) > 0).all()  # it grows from left to right

# %% [markdown]
# **Change.** Draw a field of your own with a finer grid, `mine = smooth_field(96, 96, np.random.default_rng(2), grid=8, spread=6)`, and show
# `bend(scan, its_mask, mine)` and `bend(paper, its_mask, mine)` in a cell of your own. Then set the spread to 1.
#
# <details><summary>What you should have seen</summary>
#
# Eight points each way lie only 12 pixels apart. With a spread of 6 the paper is crumpled and folded in many places, and round lesions fall to
# pieces. With a spread of 1 nothing folds, and the outlines only tremble a little. Smooth means: small steps between neighbors of the grid.
#
# </details>
#
# Keras has a layer for this, `keras.layers.RandomElasticTransform`. Before you use a tool, look at what it does. To see its field, we send
# it two pictures whose gray levels *are* the places, rows in one channel and columns in the other.

# %%
ready_made = keras.layers.RandomElasticTransform(factor=(1, 1), scale=(0.5, 0.5), value_range=(0, 1), seed=1)
places = np.indices((96, 96), dtype=np.float32).transpose(1, 2, 0)[None] / 96
moved = 96 * (np.array(ready_made(places, training=True)) - places)
inner = moved[0, 16:80, 16:80, ::-1]  # across and down, far from the border, which it mirrors

# %%
same_way = np.abs(inner[..., 0] - inner[..., 1]).max() < 0.01
print("it moves every pixel as far across as down:", same_way)
print("its field folds:", folds(inner))

# %%
two = [bend(paper, its_mask, fields[2])[0], np.array(ready_made(paper[None], training=True))[0]]
figures.show_images(
    two, ["ours, spread 4", "the layer of Keras, scale 0.5"], "Squared paper through both",
    "Ours bends the lines smoothly. The layer crumples them, along one diagonal.", size=2.8
)
assert same_way and folds(inner)

# %% [markdown]
# We tried the layer in Keras 3.13 and 3.15. It draws both displacements with the same seed, so it moves pixels along one diagonal only, and it
# smooths so little that its fields fold at all scales that we tried from 0.1 up. It takes image and mask together, as
# `{"images": ..., "segmentation_masks": ...}`, with two traps. In Keras 3.15 it refuses masks of whole numbers, and in 3.13 it mixes their
# values. And it clips masks to the `value_range` of the images, so that with `(0, 1)` a class 2 becomes a class 1.
#
# ### Where does bending help?
#
# `python benchmarks/elastic.py` asks with pairs of trainings that differ in nothing but the bending (spread 3, pictures 64 pixels wide), on few and on many
# labeled pictures, of *drawn* nuclei, as notebook 06 has them when it is offline, and of perfect discs as ours.
# Three seeds each; Dice on 100 test pictures, lowest to highest:
#
# | pictures | labeled | mirrored and turned | and bent | gain | better in |
# | --- | --- | --- | --- | --- | --- |
# | nuclei | 2 | 0.644 to 0.888 | 0.781 to 0.883 | -0.004 to +0.137 | 2 of 3 |
# | nuclei | 8 | 0.919 to 0.930 | 0.917 to 0.927 | -0.003 to +0.000 | 1 of 3 |
# | nuclei | 32 | 0.929 to 0.933 | 0.917 to 0.927 | -0.013 to -0.003 | 0 of 3 |
# | discs | 2 | 0.726 to 0.802 | 0.619 to 0.846 | -0.107 to +0.089 | 2 of 3 |
# | discs | 8 | 0.772 to 0.831 | 0.809 to 0.844 | -0.007 to +0.037 | 2 of 3 |
# | discs | 32 | 0.856 to 0.888 | 0.822 to 0.911 | -0.061 to +0.023 | 2 of 3 |
#
# - **With many nuclei it does not help.** With 8 there is no difference to speak of, and with 32 all three pairs came out slightly worse.
# - **With two labeled pictures much depends on which two they are.** Bending was ahead in four of six pairs, by up to 0.137, and once it was far behind. It may be what
#   saves a bad start, but three seeds do not prove that it is.
# - **On perfect discs there is no clear answer either**: ahead in six of nine pairs, and behind by as much as it was ahead. No bent disc is a disc, but bending also
#   moves vessels and light, of which few pictures show little.
#
# So bending is no free gain. Try it on your own pictures, over several seeds, before you rely on it.
#
# ### The pipeline
#
# Now a stream of batches. Read `training_batches` from the inside:
#
# 1. `permutation` shuffles the numbers of the pictures, anew in each epoch.
# 2. Slices of this order are the batches. `images[chosen]` picks the pictures with these numbers.
# 3. `yield` hands over one batch and waits until the next one is wanted. A function with `yield` is called a *generator*.
# 4. `to_dataset` turns the generator into a `tf.data.Dataset`, which prepares the next batches while the network is busy.
#
# `classes` is for notebook 09, where a mask holds several; here it stays 1.
#
# The shuffling and the augmentation depend on **the seed and the number of the epoch only**. That is why an interrupted training can
# go on later as if nothing had happened, as you will see below.

# %%
from helpers.arrays import check_pair
from helpers.settings import check_whole
from helpers.training import to_dataset


# %%
def training_batches(
    images, masks, batch_size=4, epochs=1, first_epoch=0, augmented=True, seed=0, classes=1
):
    images, masks = check_pair(images, masks, classes)
    check_whole(batch_size, "batch_size")

    def batches():
        for epoch in range(first_epoch, epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(images))
            for start in range(0, len(images), batch_size):
                chosen = order[start : start + batch_size]
                batch = images[chosen], masks[chosen]
                yield augment(*batch, seed=[seed, epoch, start]) if augmented else batch

    steps = (epochs - first_epoch) * steps_per_epoch(len(images), batch_size)
    return to_dataset(batches, images.shape[1:], steps)


# %%
batches = training_batches(train_images, train_masks, epochs=2)
batch_images, batch_masks = next(iter(batches))
print("one batch:", tuple(batch_images.shape), "and", tuple(batch_masks.shape))
print("batches in two epochs:", sum(1 for _ in batches))

# %% [markdown]
# For all trainings up to section 6 we use **small** pictures, 48 pixels wide, and a small U-Net, so that each training takes seconds.

# %%
from helpers.anatomy import build_unet
from helpers.training import fixed_batches

little_scene = CircleScene(size=48, radius=(3, 9), circles=(1, 4))
little, little_val = (make_dataset(n, little_scene, seed) for n, seed in ((160, 5), (60, 6)))
check = fixed_batches(*little_val)  # in their own order, not augmented: validation must not vary


# %%
def small_unet(seed):
    keras.utils.set_random_seed(seed)  # the weights that it starts with
    return build_unet(depth=3, filters=8)


# %% [markdown]
# ## 2. What is "wrong"? Three losses
#
# The **[loss](00_start_here.ipynb#loss)** says in one number how wrong a prediction is. Training makes it smaller, so the loss decides what the
# network becomes. It has to work with probabilities: a thresholded mask does not change when a weight changes a little, so it
# cannot say in which direction to go.
#
# **Binary [cross-entropy](00_start_here.ipynb#cross-entropy)** (BCE) asks each pixel on its own how surprised one should be by the truth. The
# surprise is minus the logarithm of the probability that was given to the truth: it is 0 if that was 1, and grows without limit as it goes to 0.
# So the probabilities are kept a little away from 0 and 1 (`clip`).

# %%
from helpers.training import as_floats  # both as float32, of the same shape


# %%
def bce_loss(y_true, y_pred):
    y_true, y_pred = as_floats(y_true, y_pred)
    y_pred = ops.clip(y_pred, 1e-7, 1 - 1e-7)
    surprise = -(y_true * ops.log(y_pred) + (1 - y_true) * ops.log(1 - y_pred))
    return ops.mean(surprise, axis=(1, 2, 3))


# %% [markdown]
# (`ops` holds the functions of NumPy that you know, in a form through which TensorFlow can compute slopes.)
#
# **Dice loss** takes the Dice score of notebook 01, with probabilities in place of zeros and ones, and subtracts it from 1.
# It looks at the picture as a whole, and background that is right earns nothing. `smooth` counts like half a pixel that is right. Without
# it, a picture without lesions would cost 1 whatever is predicted, and the loss could not say in which direction to go.


# %%
def dice_loss(y_true, y_pred, smooth=1.0):
    y_true, y_pred = as_floats(y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=(1, 2, 3))
    areas = ops.sum(y_true, axis=(1, 2, 3)) + ops.sum(y_pred, axis=(1, 2, 3))
    return 1 - (2 * overlap + smooth) / (areas + smooth)


# %%
def bce_dice_loss(y_true, y_pred):
    return bce_loss(y_true, y_pred) + dice_loss(y_true, y_pred)


# %% [markdown]
# ### What does a constant prediction score?
#
# A network that has learned nothing yet can do one thing quickly: give every pixel the *same* probability. Which probability costs
# least? About a tenth of all pixels is foreground.
#
# **Predict.** Which constant has the lowest BCE: 0, 0.1 or 0.5?

# %%
guess = None  # the constant with the lowest BCE

# %% [markdown]
# **Predict.** And which constant has the lowest Dice loss? It need not be one of these three: we try some from 0.001 to 0.99.

# %%
guess_dice = None  # the constant with the lowest Dice loss

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
checks.reveal("constant", guess, float(cheapest["BCE"]))
checks.reveal("constant_dice", guess_dice, float(cheapest["Dice loss"]))

# %%
figures.plot_lines(
    constants, losses, "BCE and Dice loss prefer different constants",
    "; ".join(f"{name} is lowest at {p:.3g}" for name, p in cheapest.items()) + ".",
    xlabel="the same probability for every pixel", ylabel="loss", log=True
)
assert cheapest["BCE"] == cheapest["BCE + Dice"] < 0.5 < cheapest["Dice loss"] and 0.05 < cheapest["BCE"] < 0.15

# %% [markdown]
# - **BCE** prefers the share of foreground, about 0.1. There it is low already, at a third, although the prediction is an even gray.
# - **Dice loss** finds every constant bad. It would rather paint everything than miss a lesion.
# - **The sum** follows BCE here: its best constant is the same gray. So no constant tells us which loss is the better teacher. For that
#   they have to train, and section 3 lets them race.
#
# ### The score to watch
#
# The loss is for the training. *You* want to know the Dice score of thresholded masks, picture by picture, as in notebook 01.
# `DiceScore` computes it during a training. Does it agree with `dice_per_image`?

# %%
from helpers.evaluation import dice_per_image
from helpers.training import DiceScore

# %%
rng = np.random.default_rng(0)
at_random = rng.random(some.shape, dtype=np.float32)
metric = DiceScore()
for start in range(0, len(some), 16):  # the last batch is smaller, as in training
    metric.update_state(some[start : start + 16], at_random[start : start + 16])
expected = dice_per_image(some, (at_random >= 0.5).astype(np.uint8)).mean()
print("DiceScore equals the mean of dice_per_image:", np.isclose(float(metric.result()), expected))

# %% [markdown]
# ## 3. Training, by hand
#
# ### One weight
#
# The **gradient** says for each weight how fast the loss grows when this weight grows. TensorFlow works it out: a `GradientTape` records
# a computation, and `gradient` goes back through the record. Take one weight of 3 and the loss `(weight - 1) ** 2`.

# %%
weight = tf.Variable(3.0)
with tf.GradientTape() as tape:
    loss = (weight - 1) ** 2
slope = float(tape.gradient(loss, weight))
print("the slope is", slope)

# %% [markdown]
# The slope is positive: a larger weight makes the loss larger. So a step goes the other way, against the gradient, and its length is
# the slope times the **[learning rate](00_start_here.ipynb#learning-rate)**.
#
# **Predict.** With a learning rate of 0.1, what is the weight after one step?

# %%
guess = None  # the weight

# %%
weight.assign_sub(0.1 * slope)
checks.reveal("hand_step", guess, round(float(weight), 3))

# %% [markdown]
# ### Thirty thousand weights
#
# With a U-Net it is the same. The loop below takes a batch, predicts, computes the loss, asks for the gradient of every weight, and
# makes a step. The step itself is left to an **optimizer**. We treat `Adam` as a box with a name: it keeps an average of the latest
# gradients and adapts the length of the step to each weight. `tf.function` compiles the step, which makes it several times as fast.


# %%
def train_by_hand(model, batches, loss, rate=3e-3):
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(images, masks):
        with tf.GradientTape() as tape:
            wrong = ops.mean(loss(masks, model(images, training=True)))
        gradients = tape.gradient(wrong, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return wrong

    losses = []
    for images, masks in batches:
        losses.append(float(step(images, masks)))
        if len(losses) % 40 == 0:
            print(f"step {len(losses)}: loss {np.mean(losses[-40:]):.2f}")
    return losses


# %% tags=["nbval-ignore-output"]
by_hand = small_unet(seed=1)
course = train_by_hand(by_hand, training_batches(*little, epochs=5, seed=1), bce_dice_loss)

# %% tags=["nbval-ignore-output"]
smooth = [np.mean(course[max(0, i - 19) : i + 1]) for i in range(len(course))]
figures.plot_lines(
    np.arange(1, 201), {"each step": course, "mean of the last 20": smooth}, "It learns",
    f"The loss falls from {np.mean(course[:20]):.2f} to {np.mean(course[-20:]):.2f} in 200 steps.",
    xlabel="step", ylabel="loss"
)

# %%
assert np.mean(course[-20:]) < 0.7 * np.mean(course[:20]), "the loop does not learn"
print("the loss has fallen by at least three tenths:", True)

# %% [markdown]
# The line of single steps is jagged, because each step is judged on other pictures. That is all there is to training. The rest of this
# notebook makes it faster, safer and easier to watch.
#
# **Change.** In the loop, replace `apply_gradients` by plain gradient descent, one line for each weight:
# `for weight, slope in zip(model.trainable_variables, gradients): weight.assign_sub(rate * slope)`. Train again with
# `rate=3e-3`, then with `rate=0.1`.
#
# <details><summary>What you should have seen</summary>
#
# With plain steps of 3e-3 the loss falls little, to between 1.0 and 1.2 from three seeds: the gradients are small numbers. With 0.1 it
# comes to about 0.9. Adam, which lengthens the steps of weights whose gradients are small, comes to about 0.4.
# Put the old lines back and train once more: the next section compares `fit` with this loop.
#
# </details>
#
# ### The same with `compile` and `fit`
#
# Keras has this loop built in. `compile` stores the optimizer, the loss and the scores in the model; `fit` runs the loop, and after
# each epoch computes the scores on validation pictures, too. The `TrainingMonitor` draws the curves while they grow. It is our first
# **[callback](00_start_here.ipynb#callback)**: an object that `fit` calls at certain moments, after each step and after each epoch.

# %%
from helpers.panels.callbacks import TrainingMonitor

# %% tags=["nbval-ignore-output"]
by_fit = small_unet(seed=1)
by_fit.compile(keras.optimizers.Adam(3e-3), loss=bce_dice_loss, metrics=[DiceScore()])
log = by_fit.fit(
    training_batches(*little, epochs=5, seed=1), validation_data=check, epochs=5,
    steps_per_epoch=40, shuffle=False, verbose=0, callbacks=[TrainingMonitor()]
).history
print("training loss of each epoch:", *np.round(log["loss"], 2))

# %%
assert log["dice"][0] < log["val_dice"][0], "training is ahead of validation in the first epoch"
print("fit's first epoch is our first 40 steps:", np.isclose(log["loss"][0], np.mean(course[:40]), rtol=0.02))

# %% [markdown]
# ### Why training may look worse than validation
#
# Look at the first epoch of the curves: training is *worse* than validation, as if the network knew new pictures better than those
# it learns from. To find out why, we train a fresh network for one epoch and then ask it again about the *training* pictures.
#
# **Predict.** `fit` reports the training Dice of the first epoch. Asked again right after it, will the network score lower, the same
# or higher on the same pictures?

# %%
guess = None  # "lower", "the same" or "higher"

# %% tags=["nbval-ignore-output"]
reported, asked_again = [], []
for seed in (1, 2, 3):
    fresh = small_unet(seed)
    fresh.compile(keras.optimizers.Adam(3e-3), loss=bce_dice_loss, metrics=[DiceScore()])
    batches = training_batches(*little, seed=seed)
    reported.append(fresh.fit(batches, shuffle=False, verbose=0).history["dice"][0])
    asked_again.append(fresh.evaluate(*little, verbose=0)[1])
gain = np.subtract(asked_again, reported)

# %%
checks.reveal("asked_again", guess, "higher" if (gain > 0.02).all() else "the same")

# %% tags=["nbval-ignore-output"]
for seed, before, after in zip((1, 2, 3), reported, asked_again):
    print(f"seed {seed}: reported {before:.2f}, asked again {after:.2f}")

# %% [markdown]
# The reported number is an average over the epoch, *while the weights still move*: the first batches were judged by a network that
# knew nothing. Validation comes after the epoch, with the weights of its end. So a training curve that lies a little below
# validation is no sign of trouble, above all in the first epochs. With pictures that have a usual position, such as chest scans,
# augmentation can add to it, because training is then scored on pictures that are turned and validation is not.
#
# ### When a step is too long: NaN, and clipping
#
# A step that is far too long can throw the weights to values at which a sum or a product overflows to infinity. Infinity minus infinity
# is **NaN**, "not a number", and it stays so: NaN plus anything is NaN. One bad batch can be enough. **Clipping** protects against
# such a batch, but not against a rate that is far too high. If the gradient of all weights, taken as one long arrow, is longer than 1, it is
# shortened to 1 and keeps its direction. `Adam(..., global_clipnorm=1.0)` does this in every step.

# %%
long_gradient = [tf.constant([3.0]), tf.constant([4.0])]  # of two weights: its length is 5
clipped, length = tf.clip_by_global_norm(long_gradient, clip_norm=1.0)
print("length", float(length), "becomes", float(tf.norm(clipped)), "- the weights' parts:", *(round(float(part[0]), 2) for part in clipped))

# %% [markdown]
# ### The losses race
#
# Which loss is the better teacher? We train a small U-Net with each of them. One run proves little, because a training depends on the
# weights it starts with and on the order of the pictures. So each loss gets **three seeds**, and we look at the range.
#
# Compiling takes longer than such a small training. So all seeds of a loss share one compiled network: `restart` gives it the weights of
# a new one and clears the averages that Adam keeps.


# %%
from helpers.training import restart


def race(loss=bce_dice_loss, rate=3e-3, more=lambda: []):
    model, curves = small_unet(0), []
    model.compile(keras.optimizers.Adam(rate, global_clipnorm=1.0), loss=loss, metrics=[DiceScore()])
    for seed in (1, 2, 3):
        restart(model, small_unet(seed).get_weights())
        model.optimizer.learning_rate = rate
        log = model.fit(
            training_batches(*little, epochs=6, seed=seed), validation_data=check, epochs=6,
            steps_per_epoch=40, shuffle=False, verbose=0, callbacks=more()
        ).history
        curves.append(log["val_dice"])
        print("seed", seed, "done", end=", " if seed < 3 else "\n", flush=True)
    return np.array(curves)


# %% [markdown]
# **Predict.** One of the three starts more slowly than the others: after the first epoch its validation Dice is the lowest, from every
# seed. Which one?

# %%
guess = None  # "BCE", "Dice" or "sum"

# %% tags=["nbval-ignore-output"]
by_loss = {}
for name, loss in (("BCE", bce_loss), ("Dice", dice_loss), ("sum", bce_dice_loss)):
    print(name, end=": ")
    by_loss[name] = race(loss)

# %%
start = {name: runs[:, 0] for name, runs in by_loss.items()}
last = min(start, key=lambda name: start[name].mean())
checks.reveal("behind", guess, last)

# %%
others = np.minimum(start["Dice"], start["sum"])
assert last == "BCE" and (start["BCE"] < others).all() and start["BCE"].mean() < 0.8 * others.mean()
print("BCE is the lowest after one epoch, from every seed:", bool((start["BCE"] < others).all()))

# %% tags=["nbval-ignore-output"]
first = {name: f"{runs[:, 0].min():.2f} to {runs[:, 0].max():.2f}" for name, runs in by_loss.items()}
figures.plot_spread(
    by_loss, "BCE alone starts slowly",
    "Dice after the first epoch, over three seeds: "
    + ", ".join(f"{name} {numbers}" for name, numbers in first.items()) + "."
)

# %% [markdown]
# BCE lingers near the gray that it likes: every pixel of background pulls the network toward "no lesion", and there are many more
# of them. Dice loss does not count background that is right. On the other hand it judges a picture as a whole and says less about each
# single pixel, and the probabilities that it teaches are often too close to 0 or 1. The sum has a bit of both and is the default of this
# course; notebook 04 measures how far its probabilities can be trusted.
# Read the bands: where they overlap, three seeds do not tell the losses apart.
#
# **In the playground.** Train with [cross-entropy alone](../web/playground.html#loss=bce), with [a rate that is far too high](../web/playground.html#rate=1), or with
# [six pictures, never mirrored](../web/playground.html#pictures=6&augment=false): soon the Dice on the batch is 1, and on unseen scenes it stays far below.
#
# ## 4. How far to step? The learning rate
#
# The learning rate scales the steps. Think of the loss as a landscape and of training as a walk downhill. If the steps are too short, it
# takes forever. If they are too long, they jump across the valley. A good rate also changes on the way: small at first, while the direction is still a guess (**warm-up**), then large, then smaller and
# smaller to settle (**cosine**, after the curve along which it falls).


# %%
def warmup_cosine(peak=3e-3, steps=1000, warmup=50):
    warmup = min(warmup, steps // 2)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0, decay_steps=max(steps - warmup, 1), warmup_target=peak,
        warmup_steps=warmup
    )


# %% [markdown]
# **Predict.** The training has 2400 steps, 50 of them warm-up. At which step is the rate back at half its peak? (Exactly; the
# warm-up counts.)

# %%
guess = None  # a number of steps

# %%
rate = warmup_cosine(peak=3e-3, steps=2400, warmup=50)
grid = np.arange(0, 2401, 5)
curve = np.array([float(rate(step)) for step in grid])
half = grid[(grid > 50) & (curve <= curve.max() / 2)][0]
checks.reveal("half", guess, half)

# %%
figures.plot_lines(
    grid, {"rate": curve}, "Up in a line, down along a cosine",
    f"The rate is back at half its peak after {half} steps.",
    xlabel="step", ylabel="learning rate", marks=[(50, "end of warm-up"), (half, "half")]
)

# %% [markdown]
# Bend the schedule yourself.

# %%
from helpers import panels

panels.schedule_panel()

# %%
panels.show_still(
    panels.schedule, [{}, {"warmup": 400}, {"kind": "stepwise", "peak": 0.005}],
    ["the default", "a long warm-up", "drops in steps"], title="Three learning-rate schedules",
)

# %% [markdown]
# **Change.** Use the sliders, or call `warmup_cosine` in a cell of your own: what does a warm-up of 0 look like? What happens with 100
# steps and a warm-up of 80?
#
# <details><summary>What you should have seen</summary>
#
# Without warm-up the curve begins at its peak, so the first steps, in directions that are still guesses, are the longest. A warm-up of 80
# in 100 steps is cut to 50, half of all: a schedule that rises for most of its steps leaves too few to settle.
#
# </details>
#
# ### The schedules race
#
# A cosine follows a plan, so it has to know the number of steps. `ReduceLROnPlateau` has no plan. It remembers the best
# loss so far. If `patience` epochs, here one, bring no loss that is at least `min_delta` lower, it multiplies the rate by `factor`. Both race against a constant rate,
# and that race has been run: the sum of both losses was trained above, with the same rate and from the same seeds. A callback of our own records the rate after every step; it takes five lines.


# %%
class RateRecorder(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(ops.convert_to_numpy(self.model.optimizer.learning_rate)))


# %%
recorders = {"planned": RateRecorder(), "reacting": RateRecorder()}


def reacting():
    settings = {"monitor": "loss", "factor": 0.3, "patience": 1, "min_delta": 0.1}
    return [keras.callbacks.ReduceLROnPlateau(**settings), recorders["reacting"]]


# %% tags=["nbval-ignore-output"]
by_rate = {"constant": by_loss["sum"]}
for name, rate, more in (
    ("planned", warmup_cosine(3e-3, steps=240, warmup=20), lambda: [recorders["planned"]]),
    ("reacting", 3e-3, reacting),
):
    print(name, end=": ")
    by_rate[name] = race(rate=rate, more=more)

# %% tags=["nbval-ignore-output"]
rates = {name: recorder.rates for name, recorder in recorders.items()}  # of the last seed
drops = int(np.sum(np.diff(rates["reacting"]) < 0))
figures.plot_lines(
    np.arange(1, 241), rates, "One rate follows a plan, the other reacts",
    f"The cosine ends at 0; the other rate was cut {'once' if drops == 1 else f'{drops} times'}, "
    "after an epoch whose loss was not 0.1 below the best so far.",
    xlabel="step", ylabel="learning rate"
)

# %% tags=["nbval-ignore-output"]
end = {name: f"{runs[:, -1].min():.2f} to {runs[:, -1].max():.2f}" for name, runs in by_rate.items()}
figures.plot_spread(
    by_rate, "So short a race has no clear winner",
    "Dice after the last epoch, over three seeds: "
    + ", ".join(f"{name} {numbers}" for name, numbers in end.items()) + "."
)

# %%
means = {name: runs[:, -1].mean() for name, runs in by_rate.items()}
assert means["planned"] < max(means.values()), "the planned rate leads this short race"
assert np.any(np.diff(rates["reacting"]) < 0), "the plateau rule never acted"
print("the cosine ends below a thousandth of its peak:", rates["planned"][-1] < 3e-6)
print("the planned rate has the best mean of this short race:", means["planned"] == max(means.values()))

# %% [markdown]
# In so short a race the plan does not lead: it is slower at first, while it warms up, and its last steps move little, because the rate
# goes to 0. Three seeds of a few epochs say nothing about long trainings. A plan needs the number of steps beforehand; the plateau rule
# does not.
#
# ## 5. `train_unet`, and its callbacks one by one
#
# `train_unet` is `compile` and `fit` with everything that a real training needs: it checks the data, makes the batches, compiles the model
# with Adam, clipping, the planned rate, `bce_dice_loss` and `DiceScore` (unless you have compiled it yourself), and adds these callbacks, among others.

# %%
import tempfile
from pathlib import Path

from helpers.printing import say  # as print, but it breaks long lines between words
from helpers.training import make_callbacks, read_log, train_unet

scratch = Path(tempfile.mkdtemp())  # a folder for the files of the small trainings
for callback in make_callbacks(scratch / "unused"):
    print(type(callback).__name__)

# %% [markdown]
# You need not take on trust that they work. For each of them we set up a small training in which it has to act.
#
# ### EarlyStopping ends a run that overfits
#
# An assistant in a hurry has outlined only the first and the third lesion of each of 24 scans. A network can learn by heart which ones, but nothing that
# it learns in this way is of use for other scans. This is **[overfitting](00_start_here.ipynb#overfitting)**: the training score goes on rising, while the
# validation score stays where it is or falls. [`EarlyStopping`](00_start_here.ipynb#early-stopping) watches the validation score and ends the run when it has not
# improved for `patience` epochs.

# %%
scans, numbered = make_instances(24, little_scene, seed=5)  # each lesion has its own number
hurried = (numbered % 2 == 1).astype(np.uint8)
left_out = (numbered > 0) & (numbered % 2 == 0)
forgetful = np.argsort(-left_out.sum(axis=(1, 2, 3)))[:6]  # the scans with the largest gaps
lesions, outlined = (sum(len(np.unique(n[n > 0])) for n in part) for part in (numbered, numbered * hurried))
figures.show_predictions(
    scans[forgetful], (numbered[forgetful] > 0).astype(np.uint8), hurried[forgetful],
    [f"scan {i}" for i in forgetful], "Only every second lesion is outlined",
    "All lesions in solid orange, and what the assistant outlined in dashed blue. "
    f"In all scans, {outlined} of {lesions} lesions are outlined; these are the six in which most is missing."
)

# %% [markdown]
# **Predict.** We allow 80 epochs, and a `patience` of 20. After how many epochs will it stop?

# %%
guess = None  # how many epochs?

# %%
small = small_unet(seed=1)
small.compile(keras.optimizers.Adam(3e-3), loss=bce_dice_loss, metrics=[DiceScore()])

# %% tags=["nbval-ignore-output"]
history = train_unet(
    small, (scans, hurried), little_val, scratch / "overfit", epochs=80, patience=20,
    augmented=False, seed=1, callbacks=[TrainingMonitor()]
)
print("The curves show loss and Dice after each epoch.")

# %% tags=["nbval-ignore-output"]
checks.reveal("epochs", guess, len(history.epoch))

# %% tags=["nbval-ignore-output"]
dice, val_dice = history.history["dice"], history.history["val_dice"]
best_epoch = int(np.argmax(val_dice)) + 1
figures.plot_history(
    history.history, "Training goes on rising, validation does not",
    f"Training Dice ends at {dice[-1]:.2f}. Validation reaches {max(val_dice):.2f} in epoch "
    f"{best_epoch} and is at {np.mean(val_dice[-5:]):.2f} in the last five.", marks=[(best_epoch, "best")]
)

# %%
assert len(dice) < 80, "early stopping did not act"
assert np.mean(dice[-5:]) > dice[best_epoch - 1], "training did not go on rising"
assert np.mean(val_dice[-5:]) < max(val_dice) - 0.03, "validation went on rising"
print("stopped exactly 20 epochs after the best one:", len(dice) == best_epoch + 20)

# %% [markdown]
# After the best epoch the training score went on rising, and validation did not. That gain was learned by heart. The best network was
# there 20 epochs before the end. How do we get it back?
#
# **Change.** Train again with `patience=3`, in a new folder such as `scratch / "impatient"`. Remember to build and compile `small` again.
#
# <details><summary>What you should have seen</summary>
#
# The run stops much sooner. A validation curve is jagged, so three epochs without a new best happen by chance, often before the
# network has got as far as it can. Too much patience costs time and nothing else, since the best epoch is kept.
#
# </details>
#
# ### ModelCheckpoint keeps the best epoch, CSVLogger the curves
#
# Each time the validation score improves, [`ModelCheckpoint`](00_start_here.ipynb#checkpoint) writes the network into `best.keras`. `CSVLogger` writes one
# row an epoch into `log.csv`. If both do their work, the reloaded network scores what the log says of the best epoch.

# %%
from helpers.training import load_network, predict

logged = max(row["val_dice"] for row in read_log(scratch / "overfit"))
reloaded = load_network(scratch / "overfit" / "best.keras")
again = (predict(reloaded, little_val[0]) >= 0.5).astype(np.uint8)
scored = dice_per_image(little_val[1], again).mean()
print("the reloaded network scores what the log says:", np.isclose(scored, logged, atol=1e-4))

# %% [markdown]
# `train_unet` loads `best.keras` at its end, so you always get the network of the best epoch and not that of the last.
#
# ### TerminateOnNaN ends a run that is lost
#
# A peak rate of a million throws the weights to where everything overflows. `TerminateOnNaN` ends the run at the first step whose loss
# is NaN or infinite.

# %% tags=["nbval-ignore-output"]
steps_made = RateRecorder()
try:
    train_unet(
        small_unet(seed=1), little, little_val, scratch / "lost", epochs=6, peak_rate=1e6, warmup=1,
        callbacks=[steps_made]
    )
except FloatingPointError as error:
    say("FloatingPointError:", error)

# %%
assert len(steps_made.rates) < 240
print("it ended before its 240 steps were made:", True, "- a network was kept:", (scratch / "lost" / "best.keras").exists())

# %% [markdown]
# No epoch was kept, so `train_unet` raises an error instead of handing over a network whose weights are NaN. In a later epoch it would have given back the
# weights of the best one, with a warning.
#
# ### BackupAndRestore survives an interruption
#
# Laptops close, and Colab disconnects. Keras has a callback `BackupAndRestore`. Ours of the same name saves more: the weights, the
# optimizer's memory and what the other callbacks remember, after each epoch, as one file that is there as a whole or not at all. We pull the
# plug ourselves: this callback interrupts the run when its fourth epoch begins, as pressing the stop button would.


# %%
class PullThePlug(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 3:
            raise KeyboardInterrupt


# %%
settings = {"train": little, "validation": little_val, "epochs": 5, "batch_size": 8, "seed": 4}
uninterrupted = small_unet(seed=4)
whole = train_unet(uninterrupted, run_dir=scratch / "whole", **settings)

# %%
try:
    train_unet(small_unet(seed=4), run_dir=scratch / "halved", callbacks=[PullThePlug()], **settings)
except KeyboardInterrupt:
    print("interrupted after", len(read_log(scratch / "halved")), "epochs")

# %% [markdown]
# What if you just run the cell again? Then the first part of the run would be overwritten. `train_unet` refuses and says what to do.

# %%
try:
    train_unet(small_unet(seed=4), run_dir=scratch / "halved", **settings)
except FileExistsError as error:
    say("FileExistsError:", str(error).replace(str(scratch), "..."))

# %% [markdown]
# **Predict.** Resumed and finished, how close will its weights come to those of the uninterrupted run: roughly, to three
# digits, exactly?

# %%
guess = None  # "roughly", "three digits" or "exactly"

# %%
resumed = small_unet(seed=99)  # other weights: they are replaced by those of the backup
halved = train_unet(resumed, run_dir=scratch / "halved", resume=True, **settings)
pairs = list(zip(resumed.get_weights(), uninterrupted.get_weights()))
same_weights = all(np.array_equal(a, b) for a, b in pairs)

# %% tags=["nbval-ignore-output"]
checks.reveal("resumed", guess, "exactly" if same_weights else "three digits")

# %%
closest = max(np.abs(a - b).max() for a, b in pairs)
assert closest < 1e-4, f"the resumed run ended {closest} away from the uninterrupted one"
assert same_weights or tf.config.list_physical_devices("GPU"), "without a GPU it is exact"
same_curve = np.allclose(halved.history["val_loss"], whole.history["val_loss"], atol=1e-4)
print("epochs in its log:", len(halved.epoch), "- the same curve:", same_curve)

# %% [markdown]
# On the processor of one machine it is exact, and that is no accident. The pipeline draws order and augmentation from the number of the epoch, and the
# backup holds the optimizer's memory and that of early stopping. If order, augmentation or the optimizer's memory were missing, the run
# would go on, but it would be a different run. With other data or other settings `train_unet` refuses to go on, and says what has changed.
#
# ## 6. The training
#
# Now everything at once: 800 pictures, the default U-Net, twelve epochs, all callbacks. It takes about a minute on two cores. The run gets a
# folder of its own, which notebook 04 will find.

# %%
from helpers import RUNS
from helpers.training import new_run_dir

# %%
keras.utils.set_random_seed(7)
unet = build_unet()
run_dir = new_run_dir(RUNS, "circles")

# %% [markdown]
# Most is learned in the first epoch. So the `FlipBook`, which keeps what the network makes of a few pictures, adds its pages by
# *steps*: before the training, after 5 steps, after 10, 20, 30 and so on. It gets the eight validation pictures with lesions that have the
# most vessel pixels. `make_classes` draws the same 1200 pictures and says where their vessels are.

# %%
from helpers.synthesis import make_classes

_, kinds = make_classes(1200, CircleScene(), seed=2026)  # 1 is lesion, 2 is vessel
kinds, _ = train_test_split(kinds, test_size=200, random_state=0)
_, val_kinds = train_test_split(kinds, test_size=200, random_state=0)
vessel_pixels = (val_kinds == 2).sum(axis=(1, 2, 3)) * val_masks.any(axis=(1, 2, 3))
chosen = np.argsort(vessel_pixels)[-8:]

# %%
from helpers.panels.callbacks import FlipBook

assert ((val_kinds == 1) == val_masks).all()
pages = (5, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640, 1280)
book = FlipBook(val_images[chosen], val_masks[chosen], steps=pages)

# %% tags=["nbval-ignore-output"]
history = train_unet(
    unet, (train_images, train_masks), (val_images, val_masks), run_dir, epochs=12, seed=7,
    callbacks=[TrainingMonitor(), book]
)
scores = history.history["val_dice"]
print(f"Validation Dice rose from {scores[0]:.2f} to {max(scores):.2f}.")

# %% tags=["nbval-ignore-output"]
best_epoch = int(np.argmax(scores)) + 1
figures.plot_history(
    history.history, "Training and validation rise together: no overfitting",
    f"Validation Dice {max(scores):.2f} in epoch {best_epoch}; "
    f"loss {history.history['loss'][-1]:.2f} in training, "
    f"{history.history['val_loss'][-1]:.2f} in validation.", marks=[(best_epoch, "best")]
)

# %%
assert max(scores) > 0.94, "this training should reach a validation Dice above 0.94"
assert scores[-1] > max(scores) - 0.02, "validation turned back"
print("validation Dice above 0.94:", max(scores) > 0.94)

# %% [markdown]
# ### The flip book: watch it learn
#
# **Predict.** What comes first: the right "places" or the right "outlines"? We call a lesion *found* if the network marks its
# middle. How good the outlines are is what the Dice tells, if it looks at the lesions and their near surroundings only.

# %%
guess = None  # "places" or "outlines"

# %% [markdown]
# **Predict.** Vessels are as bright as lesions. Does the network mark them: "never", only "at first", or "to the end"?

# %%
guess_vessels = None  # "never", "at first" or "to the end"


# %%
def found_share(mask, page):
    count, _, _, centers = cv2.connectedComponentsWithStats(mask[..., 0])
    rows_and_columns = np.round(centers[1:, ::-1]).astype(int)
    return np.mean([page[row, column] >= 128 for row, column in rows_and_columns])


# %%
found = [np.mean([found_share(m, p) for m, p in zip(book.masks, page)]) for page in book.pages]
marked = [(np.array(page)[..., None] >= 128).astype(np.uint8) for page in book.pages]
close_by = np.array([cv2.dilate(mask, np.ones((7, 7), np.uint8)) for mask in book.masks])[..., None]  # within 3 pixels of a lesion
shapes = [dice_per_image(book.masks, mask * close_by).mean() for mask in marked]
on_vessels = [mask[val_kinds[chosen] == 2].mean() for mask in marked]

# %%
ahead = np.subtract(found, shapes)  # of the share of lesions found, to the Dice, on each page
first = "places" if ahead.min() > -0.05 and ahead.max() > 0.05 else "outlines"
checks.reveal("places", guess, first)
most, last = max(on_vessels), on_vessels[-1]  # shares of the vessel pixels that are marked
answer = "never" if most < 0.1 else "at first" if last < most / 2 else "to the end"
checks.reveal("vessels", guess_vessels, answer)

# %%
assert first == "places" and answer == "at first" and np.argmax(on_vessels) < book.times.index(240)
print("more than a tenth of all vessel pixels marked at first:", most > 0.1, "- at the end:", last > 0.1)

# %% tags=["nbval-ignore-output"]
figures.plot_lines(
    np.arange(len(book.times)),
    {"lesions found": found, "mean Dice near lesions": shapes, "vessel pixels marked": on_vessels},
    "Places are a little ahead of outlines, and the vessels go",
    f"After step 80, on page {book.times.index(80)}, {found[book.times.index(80)]:.0%} of the lesions are found, and the mean Dice near "
    f"them is {shapes[book.times.index(80)]:.2f}. Of the vessel pixels {most:.0%} are marked after step "
    f"{book.times[int(np.argmax(on_vessels))]}, on page {int(np.argmax(on_vessels))}, and {last:.0%} at the end.",
    xlabel=f"page (the last one, {len(book.times) - 1}, shows step {book.times[-1]})", ylabel="share", limits=(0, 1.05)
)

# %% [markdown]
# Turn the pages yourself. Page 0 is the untrained network.

# %%
panels.flip_panel(book)

# %% [markdown]
# The still picture follows one scan: untrained, on the page on which most vessel pixels are marked, and on three later pages.

# %% tags=["nbval-ignore-output"]
peak = int(np.argmax(on_vessels))
picture = int((marked[peak] * (val_kinds[chosen] == 2)).sum(axis=(1, 2, 3)).argmax())
turned = [0, peak, *(book.times.index(step) for step in (160, 320, 2400))]
panels.show_still(
    book.draw, [{"page": page, "picture": picture} for page in turned],
    [f"page {page}, after {book.times[page]} steps" for page in turned],
    title="One picture: untrained, on the page with most vessel pixels marked, and later"
)

# %% [markdown]
# The places are ahead, but not by much: rough outlines come with them. A lesion that is missed counts in both curves, so look at the gap
# between them. The last pixels of the outlines take many of the steps that are left. At first the network marks what is bright, vessels as well. A few hundred steps later nearly
# all of them are gone: it has learned to look at the shape. Where a vessel touches a lesion, a piece may stay to the end. From each of
# four seeds the Dice lagged by a tenth or more on some page, more than a fifth of the vessel pixels were marked after 30 to 60 steps, and fewer
# than a tenth after 400 ([measured](../benchmarks/flip_book.md) by `python benchmarks/flip_book.py`).
#
# How to read the curves of a training:
#
# | you see | it means | try |
# | --- | --- | --- |
# | both rise together and flatten | learned what this data and network allow | more data, a larger network |
# | training rises, validation turns back | overfitting | more data, more augmentation, early stopping |
# | training a little below validation, early on | an average over an epoch in which the weights moved | nothing |
# | both stay low | the network, the rate or the number of steps is too small | a higher rate, more epochs |
# | validation jumps up and down | the rate is too high, or the validation set too small | a lower peak, more pictures |
# | loss is NaN | the rate is far too high, or NaN is in the data | a tenth of the rate |
#
# Look at the pictures, too. Where are the pixels that are still wrong?

# %% tags=["nbval-ignore-output"]
found = (predict(unet, val_images[:6]) >= 0.5).astype(np.uint8)
dice = dice_per_image(val_masks[:6], found)
figures.show_predictions(
    val_images[:6], val_masks[:6], found, [f"Dice {d:.2f}" for d in dice],
    "Six validation pictures",
    "Truth in solid orange, prediction in dashed blue; "
    f"Dice from {dice.min():.2f} to {dice.max():.2f}."
)

# %% [markdown]
# The best rung of the ladder in notebook 01, the Hough circles, stood at 0.72 on these validation pictures. But be careful before you publish
# the number above: you have looked at validation after every epoch and kept the best one. How good the network *really* is, on pictures
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
# ### Exercise 3.3: Which run overfits?
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
# Which run overfits, `"A"`, `"B"` or `"C"`? And the network of which epoch of that run would you keep?
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
# epoch without validation has no such entry, and must not stop anything. `RateRecorder` and `PullThePlug` are worked examples;
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
# You can now
#
# - build a pipeline of batches whose augmentation moves image and mask together.
# - write a training loop by hand, with gradient, step and optimizer, and say what `compile` and `fit` do for you.
# - compare cross-entropy, Dice loss and their sum by racing them over three seeds.
# - shape a learning rate with warm-up and cosine, and race it against a constant rate and one that reacts.
# - catch overfitting with early stopping, and get the best epoch back from its checkpoint.
# - resume an interrupted run so that it ends as if nothing had happened.
#
# ## On your own
#
# 1. Train with `build_unet(normalization="batch")`. Compare the seconds and the Dice after each epoch, over three seeds, and then with
#    batches of 1. What happens, and why?
# 2. Give the training 50, 100, 200, 400 pictures. How does validation Dice grow with the number of pictures? Then bend
#    each pair of a batch after `augment`, with a new field each time; `benchmarks/elastic.py` shows how. With how many pictures does it help most?
#
# ## Further reading
#
# - Ronneberger, Fischer and Brox, [U-Net](https://arxiv.org/abs/1505.04597), 2015, section 3.1: elastic deformation.
# - Milletari et al., [V-Net](https://arxiv.org/abs/1606.04797), 2016, section 3: the Dice loss.
# - Kingma and Ba, [Adam](https://arxiv.org/abs/1412.6980), 2015: what is in the box.
# - Loshchilov and Hutter, [SGDR](https://arxiv.org/abs/1608.03983), 2017: the cosine. Goyal et al.,
#   [Accurate, Large Minibatch SGD](https://arxiv.org/abs/1706.02677), 2017, section 2.2: the warm-up.
# - Prechelt, "Early Stopping - But When?", 1998.
# - [Keras callbacks](https://keras.io/api/callbacks/) and [tf.data](https://www.tensorflow.org/guide/data).
