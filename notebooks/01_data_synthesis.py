# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Draw scans that are worth learning from
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Start here: see what you will build](00_start_here.ipynb) · [Contents](../README.md) · Next: [Build a U-Net and look inside it](02_unet_anatomy.ipynb)
#
# ## What you'll do
#
# You build, dial by dial, a small model of a medical scan with round lesions, and find out how far one gets on it
# *without* a neural network.
#
# ## What you'll learn
#
# - Say what a mask is, and read an image and its mask as two arrays that belong together.
# - Draw a scan with lesions, vessels, uneven light, blur and noise, the same one from the same seed.
# - Split pictures into training, validation and test sets, and explain what leakage does to a score.
# - Score a prediction per image with Dice, and show why pixel accuracy misleads.
# - Rank four honest baselines that any network has to beat.
#
# ## What you'll need
#
# - About 45 minutes of your time; the cells themselves run in half a minute on two CPU cores.
# - 0.4 GB of memory. No GPU, and no TensorFlow yet.
# - Python and a little NumPy. [00](00_start_here.ipynb) shows how to use a notebook; nothing else has to come first.

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. What is a mask?
#
# To *[segment](00_start_here.ipynb#segmentation)* a picture means to answer one question for every pixel: does it belong to the thing I am looking for?
# The answers form a second picture of the same size, the **[mask](00_start_here.ipynb#mask)**: 1 where the answer is yes, 0 where it is no. The ones
# are called *[foreground](00_start_here.ipynb#foreground)*, the zeros *background*.
#
# Whoever trains a network for segmentation needs many images together with correct masks. For real scans a radiologist
# draws those masks by hand, slowly, and two radiologists rarely agree. So this course begins with scans that we draw
# ourselves: then every mask is right by construction, and we can make as many as we like, as hard as we like.
#
# Start with the smallest example, twelve by twelve pixels. OpenCV (`cv2`) draws directly into a NumPy array.

# %%
import cv2
import numpy as np

mask = np.zeros((12, 12), np.uint8)
cv2.circle(mask, center=(5, 6), radius=3, color=1, thickness=cv2.FILLED)
print("values in the array:", np.unique(mask))

# %% [markdown]
# **Predict.** The disc has radius 3, and a circle of radius $r$ has the area $\pi r^2 \approx 28$. How many pixels of the
# mask are 1? Put your number in place of `None` and run the cell. The one below it shows the truth, and answers your
# guess. A wrong guess helps more than none: you remember what surprised you.

# %%
guess = None  # how many pixels?

# %%
from helpers import checks, figures

figures.show_numbers(
    mask, "A mask holds a 0 or a 1 for each pixel", f"{mask.sum()} of {mask.size} pixels are 1."
)
checks.reveal("disc", guess, mask.sum())

# %% [markdown]
# Close to 28, but look at the shape: the disc is 7 pixels wide, not 6, because the middle pixel counts as well, and it has
# four little noses. A mask is a set of *pixels* and not a circle. When lesions are small, one row of pixels more or less
# is a good part of the lesion, and of the score.
#
# Notice the order of the numbers, too. OpenCV wants the center as `(x, y)`, so `(5, 6)` is column 5, row 6. NumPy wants
# `[row, column]`. Half of all mistakes with images are made at this border.

# %%
print("row 6, column 5 (the center):", mask[6, 5])
print("row 2, column 5 (above the disc):", mask[2, 5])

# %% [markdown]
# **Change.** Draw a second disc with its center in a corner. What does OpenCV do with the part that does not fit?
#
# ## 2. From a disc to a scan
#
# A first idea: draw the disc into an image, draw the same disc into a mask, and train a network on that. Many tutorials do
# just this.

# %%
easy_image = np.zeros((96, 96), np.float32)
easy_mask = np.zeros((96, 96), np.uint8)
for x, y, radius in [(25, 30, 12), (66, 55, 15), (30, 75, 7)]:
    cv2.circle(easy_image, (x, y), radius, 0.9, cv2.FILLED)
    cv2.circle(easy_mask, (x, y), radius, 1, cv2.FILLED)

# %% [markdown]
# **Predict.** How would you get the mask back from such an image, without any learning? One short expression is enough.

# %%
found = easy_image > 0.5
print("pixels that differ from the mask:", np.count_nonzero(found != easy_mask))

# %% [markdown]
# A comparison with 0.5 is perfect. A network can only do worse: on this data nothing can be learned *about networks*. If
# a tutorial reports 99 % on pictures like these, ask what a threshold would have scored.
#
# So we need pictures on which simple rules fail for the reasons for which they fail in a clinic. We add those reasons one
# by one. Each will be a **dial** that you can turn.
#
# ### Randomness you can repeat
#
# Every random choice comes from a *generator* that we make from a *[seed](00_start_here.ipynb#seed)* and pass on by hand. Same seed, same numbers, same
# picture, on every machine. That is what makes an experiment repeatable.

# %%
rng = np.random.default_rng(seed=7)
print(rng.integers(0, 100, 5), "then", rng.integers(0, 100, 5))
rng = np.random.default_rng(seed=7)
print(rng.integers(0, 100, 5), "again, from the start")

# %% [markdown]
# ### The dials
#
# `CircleScene` holds one field for each dial. A dial is a number, or a range `(low, high)` from which each picture draws
# its own value. The helper checks what you ask for.

# %%
from helpers.synthesis import CircleScene

scene = CircleScene()
scene

# %%
try:
    CircleScene(size=96, radius=(5, 150))
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# To draw a number from a dial we treat a single number as a range of one value. Lesions are counted in whole numbers,
# noise is not, so there are two functions.


# %%
def as_range(dial):
    return tuple(dial) if isinstance(dial, (tuple, list)) else (dial, dial)


# %%
def draw_whole(dial, rng):
    return int(rng.integers(*as_range(dial), endpoint=True))


def draw_real(dial, rng):
    return float(rng.uniform(*as_range(dial)))


# %%
print("circles, five times:", [draw_whole(scene.circles, rng) for _ in range(5)])
print("contrast, three times:", [round(draw_real(scene.contrast, rng), 2) for _ in range(3)])

# %% [markdown]
# ### Lesions: number, radius, contrast
#
# A lesion is a disc somewhere in the picture. **[Contrast](00_start_here.ipynb#contrast)** says how much brighter than its surroundings it is, on a scale
# from 0 (black) to 1 (white). We draw with 8-bit integers, 0 to 255: integers give the same result on every processor,
# which floating-point drawing does not promise.


# %%
def draw_level(contrast, rng):
    return round(255 * draw_real(contrast, rng))


# %% [markdown]
# Which pixels does a disc consist of? Those whose centers lie in it. The center of the disc may lie between pixels. We
# compute only in the square around the disc, which saves most of the work.


# %%
import math


def disc_pixels(height, width, x, y, radius):
    top, left = max(0, math.ceil(y - radius)), max(0, math.ceil(x - radius))
    bottom = max(top, min(height, math.floor(y + radius) + 1))
    right = max(left, min(width, math.floor(x + radius) + 1))
    down, across = np.arange(top, bottom) - y, np.arange(left, right) - x
    inside = (down * down)[:, None] + across * across <= radius * radius
    return (slice(top, bottom), slice(left, right)), inside


# %% [markdown]
# The next function is the heart of the course's data. It draws **the same disc twice**: into the tissue, with its gray
# level, and into a map of lesions, with its number. The mask is wherever that map is not 0. Both come from the same pixels,
# so image and mask cannot disagree.


# %%
def draw_lesion(tissue, lesions, number, scene, rng):
    x, y = rng.uniform(0, scene.size - 1, 2).tolist()
    radius = draw_whole(scene.radius, rng)
    square, inside = disc_pixels(scene.size, scene.size, x, y, radius)
    tissue[square][inside] = draw_level(scene.contrast, rng)
    lesions[square][inside] = number


# %%
tissue = np.zeros((scene.size, scene.size), np.uint8)
lesions = np.zeros((scene.size, scene.size), np.uint16)
rng = np.random.default_rng(5)
for number in range(1, 7):
    draw_lesion(tissue, lesions, number, scene, rng)
mask = (lesions > 0).astype(np.uint8)

# %%
figures.show_images(
    [tissue / 255, mask], ["tissue", "mask"], "Six lesions: some touch, some are cut by the border",
    f"Left the gray discs, right their mask; {mask.mean():.0%} of the pixels are foreground."
)

# %% [markdown]
# Centers may lie anywhere, so discs touch, hide one another, and are cut off by the border. Real lesions do all three.
#
# ### Vessels: just as bright, but the wrong shape
#
# If lesions were the only bright things, brightness alone would find them. So we add **vessels**: curved lines with the same
# range of contrast. A vessel is *background*. To tell the two apart, one has to look at the shape, that is, at many pixels
# together. Remember this when you meet the receptive field in the next notebook.
#
# A vessel follows a quadratic Bezier curve: from a point on one side to a point on the other, pulled towards a third.


# %%
def vessel_curve(size, rng):
    start, pull, end = rng.uniform(0, size, 3).tolist()
    t = np.arange(17) / 16
    along, across = t * size, (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t**2 * end
    points = np.array([across, along] if rng.integers(2) else [along, across])
    return np.rint(points.T, order="C").astype(np.int32)


# %%
def draw_vessel(tissue, vessels, scene, rng):
    curve = vessel_curve(scene.size, rng)
    width = draw_whole((2, 3), rng)
    level = draw_level(scene.contrast, rng)
    cv2.polylines(tissue, [curve], isClosed=False, color=level, thickness=width)
    cv2.polylines(vessels, [curve], isClosed=False, color=1, thickness=width)


# %% [markdown]
# ### Blur, illumination, noise
#
# No instrument draws sharp edges: each point is smeared over its neighbors. **[Blur](00_start_here.ipynb#blur)** does this with a Gaussian kernel,
# whose standard deviation is given in pixels.
#
# In MRI and in microscopy alike, one side of a picture is often brighter than the other. **[Illumination](00_start_here.ipynb#illumination)** adds a slope in a
# random direction. It is this dial that ruins thresholds: a lesion in the dark corner may be darker than the
# bare background in the bright one.
#
# **[Noise](00_start_here.ipynb#noise)** adds to every pixel an independent number from a normal distribution.


# %%
def background(scene, rng):
    strength = draw_real(scene.illumination, rng)
    down, right = rng.uniform(-1, 1, 2).tolist()
    steepness = strength / (abs(down) + abs(right))
    ramp = np.arange(scene.size, dtype=np.float32) / np.float32(scene.size - 1) - np.float32(0.5)
    light = rng.standard_normal((scene.size, scene.size), dtype=np.float32)
    light *= np.float32(draw_real(scene.noise, rng))
    light += (np.float32(steepness * down) * ramp + np.float32(strength / 2))[:, None]
    light += np.float32(steepness * right) * ramp
    return light


# %% [markdown]
# Now everything comes together. Read `draw_layers` from top to bottom: light and noise, then vessels, then lesions on top,
# then the blur, and at last a clip, because a detector cannot count below black or above white.


# %%
def draw_layers(scene, rng):
    image = background(scene, rng)
    tissue, vessels = np.zeros((2, scene.size, scene.size), np.uint8)
    lesions = np.zeros((scene.size, scene.size), np.uint16)
    for _ in range(draw_whole(scene.vessels, rng)):
        draw_vessel(tissue, vessels, scene, rng)
    blur = draw_real(scene.blur, rng)
    for number in range(1, draw_whole(scene.circles, rng) + 1):
        draw_lesion(tissue, lesions, number, scene, rng)
    if blur > 0:
        tissue = cv2.GaussianBlur(tissue, (0, 0), blur)
    image += tissue * np.float32(1 / 255)
    return np.clip(image, 0, 1, out=image)[..., None], vessels[..., None], lesions[..., None]


def draw_scene(scene, rng):
    image, _, lesions = draw_layers(scene, rng)
    return image, (lesions > 0).astype(np.uint8)


# %% [markdown]
# **Predict.** The image is a float array, the mask an integer array. Which shape do both have? (The last axis counts the
# *[channels](00_start_here.ipynb#channel)*: a color picture has three, ours has one.)

# %%
guess = None  # a shape, such as (1, 2, 3)

# %%
image, mask = draw_scene(CircleScene(), np.random.default_rng(3))
print("image", image.shape, image.dtype, "mask", mask.shape, mask.dtype)
checks.reveal("scene shape", guess, image.shape)
figures.show_images(
    [image, mask], ["image", "mask"], "The discs are lesions, the lines are not",
    f"A noisy scan with uneven light; the mask marks {mask.mean():.0%} of it as lesion."
)

# %% [markdown]
# ### One dial at a time
#
# To see what a dial does, keep the seed and change nothing else.


# %%
def show_dial(name, values, seed=3):
    scenes = [CircleScene(**{name: value}) for value in values]
    drawn = [draw_scene(scene, np.random.default_rng(seed)) for scene in scenes]
    figures.show_images(
        [image for image, _ in drawn], [f"{name} = {value}" for value in values],
        f"What the dial {name!r} does",
        f"From left to right {name} takes the values {values}; the orange outlines are the masks.",
        masks=[mask for _, mask in drawn],
    )


# %%
show_dial("circles", [0, 1, 3, 6, 12])

# %% [markdown]
# With no circles the mask is **empty**. That is no mistake: most scans in a screening program show no lesion, and a
# method that always finds one is useless there. One in seven of our pictures is empty.

# %%
show_dial("radius", [3, 5, 10, 15, 25])

# %%
show_dial("contrast", [0.05, 0.1, 0.25, 0.5, 0.8])

# %%
show_dial("blur", [0, 1, 2, 4, 8])

# %%
show_dial("noise", [0, 0.05, 0.1, 0.2, 0.4])

# %% [markdown]
# Look at the lesions while the noise rises. You still see them at 0.2, long after single pixels have stopped telling you
# anything, because your eye averages over neighbors. A convolution can do that as well; a threshold cannot.

# %%
show_dial("illumination", [0, 0.3, 0.6, 0.8, 1.0])

# %% [markdown]
# With the next two dials the lesions jump about as well. Each vessel uses up some random numbers, so the lesions, which are
# drawn after it, get different ones. The seed fixes the *sequence* of numbers, not what they are used for.

# %%
show_dial("vessels", [0, 1, 3, 6, 12])

# %%
show_dial("size", [48, 64, 96, 128, 192])

# %% [markdown]
# This row shows that size is not a zoom: a larger picture holds more tissue, and the lesions keep their radius in
# pixels.
#
# **Change.** Call `show_dial` with another seed. Which dial, do you think, hurts a threshold most? You can measure it at
# the end of this notebook.
#
# ## 3. A data set, and its fingerprint
#
# One picture is an anecdote. `make_dataset` calls your `draw_scene` again and again with one generator, and stacks the
# results: images `[n, height, width, 1]`, masks `[n, height, width, 1]`.


# %%
from helpers.synthesis import fingerprint, make_dataset

images, masks = make_dataset(1200, CircleScene(), seed=2026)
print("images", images.shape, images.dtype, "masks", masks.shape, masks.dtype)

# %% [markdown]
# Is it really your function? Draw the first picture by hand from the same seed and compare every bit.

# %%
by_hand, _ = draw_scene(CircleScene(), np.random.default_rng(2026))
print("the same picture, bit for bit:", np.array_equal(by_hand, images[0]))

# %% [markdown]
# A **[fingerprint](00_start_here.ipynb#fingerprint)** boils down a whole array to a few letters. If a single bit differs, the fingerprint differs. Publish it
# beside your results, and others can check that they work with the same data as you do.

# %%
print("1200 pictures, seed 2026:", fingerprint(images, masks))
print("the same once more:      ", fingerprint(*make_dataset(1200, CircleScene(), seed=2026)))
print("seed 2027:               ", fingerprint(*make_dataset(1200, CircleScene(), seed=2027)))

# %%
figures.show_pairs(
    images[:8], masks[:8], [f"picture {i}" for i in range(8)],
    "Eight of 1200 scans, and what we want to get back",
    "Above the scans, below their masks; "
    f"the foreground takes up {masks[:8].mean():.0%} of these eight."
)

# %% [markdown]
# ### Class balance
#
# **Predict.** Which share of all pixels is foreground? A quarter? A tenth? A hundredth?

# %%
guess = None  # a share, between 0 and 1

# %%
share = masks.mean()
empty = (masks.sum(axis=(1, 2, 3)) == 0).mean()
print(
    f"{share:.1%} of all pixels are foreground, and {empty:.1%} of the pictures have none at all."
)
checks.reveal("foreground", guess, share)

# %% [markdown]
# The classes are **[imbalanced](00_start_here.ipynb#imbalance)**: background outnumbers foreground about ten to one. Keep this number in mind. It explains
# both of the most frequent complaints about segmentation networks, the splendid accuracy and the black prediction.
#
# ## 4. Training, validation, test
#
# We need three sets, and each has one purpose:
#
# | set | what it is for | how often you look at it |
# | --- | --- | --- |
# | [training](00_start_here.ipynb#training-set) | the network learns from it | all the time |
# | [validation](00_start_here.ipynb#validation-set) | you choose with it: thresholds, settings, when to stop | as often as you have a decision to make |
# | [test](00_start_here.ipynb#test-set) | tells you how good the final choice is | once |
#
# The test set must be touched **once**. Each time you look at it and then change something, it becomes a little more of a
# validation set, and its score a little too good.
#
# `train_test_split` from scikit-learn shuffles and splits several arrays in step, so that each image stays with its mask.
# We split twice.

# %%
from sklearn.model_selection import train_test_split

rest_images, test_images, rest_masks, test_masks = train_test_split(
    images, masks, test_size=200, random_state=0
)
train_images, val_images, train_masks, val_masks = train_test_split(
    rest_images, rest_masks, test_size=200, random_state=0
)
sizes = len(train_images), len(val_images), len(test_images)
print("{} training, {} validation, {} test pictures".format(*sizes))

# %% [markdown]
# ### What leakage would do
#
# If a test picture, or a near copy of one, was in the training set, then the test asks "do you remember?" instead of "can
# you do it?" This is called **[leakage](00_start_here.ipynb#leakage)**. It happens easily: neighboring slices of the same patient, a picture and its
# mirrored copy, a file that was saved twice.
#
# To see how bad it gets, take a learner that does nothing *but* remember: it looks up the training picture most similar to
# a new one and copies its mask.


# %%
def copy_nearest(known_images, known_masks, new_images):
    flat = known_images.reshape(len(known_images), -1)
    nearest = [((flat - image.ravel()) ** 2).sum(axis=1).argmin() for image in new_images]
    return known_masks[nearest]


# %% [markdown]
# And we need a score. The **[Dice score](00_start_here.ipynb#dice)** compares two masks: twice the size of their overlap, divided by the sum of their
# sizes.
#
# $$\mathrm{Dice} = \frac{2\,|A \cap B|}{|A| + |B|}$$
#
# It is 1 if the masks agree and 0 if they have no pixel in common. Correct background earns nothing. If both masks are
# empty, the fraction is 0/0, and we need a rule: finding nothing where there is nothing is right, so it scores 1.
#
# We compute it **for each image** and average afterwards, so that every patient counts the same. `check_both` refuses
# masks that are not 0 and 1.

# %%
from helpers.arrays import check_both


def dice_per_image(y_true, y_pred):
    y_true, y_pred = check_both(y_true, y_pred)
    overlap = np.sum(y_true & y_pred, axis=(1, 2, 3))
    areas = np.sum(y_true, axis=(1, 2, 3)) + np.sum(y_pred, axis=(1, 2, 3))
    return np.where(areas == 0, 1.0, 2 * overlap / np.maximum(areas, 1))


# %% [markdown]
# **Predict.** What does the copying learner score on honest validation pictures? And what if those pictures had slipped
# into its training set? Write down the first of the two.

# %%
guess = None  # its mean Dice on pictures that it has not seen

# %%
honest = dice_per_image(val_masks, copy_nearest(train_images, train_masks, val_images)).mean()
leaked = dice_per_image(val_masks, copy_nearest(images, masks, val_images)).mean()
print(f"validation pictures unseen: mean Dice {honest:.2f}")
print(f"validation pictures leaked: mean Dice {leaked:.2f}")
checks.reveal("copying", guess, honest)

# %% [markdown]
# The same learner, useless or perfect, depending on nothing but the split. A network with many weights can remember too.
# Not as well, so leakage does not show as a suspicious 1.00; it shows as a score that is a little too good, and that you will
# not see again in the clinic.
#
# ## 5. The baseline ladder
#
# Before any network, ask what simple methods, the [baselines](00_start_here.ipynb#baseline), score. A number means nothing until you know what is easy. We look at all of
# them on the validation pictures; the test set stays closed until notebook 04.
#
# ### First rung: all background
#
# The laziest method says "nothing there" for every pixel.
#
# **Predict.** What is its *[pixel accuracy](00_start_here.ipynb#pixel-accuracy)*, the share of pixels that it gets right? And its Dice?

# %%
guess = None  # its pixel accuracy, between 0 and 1

# %%
from helpers.evaluation import empty_baseline, pixel_accuracy

nothing = empty_baseline(val_images)
accuracy, dice = pixel_accuracy(val_masks, nothing), dice_per_image(val_masks, nothing).mean()
print(f"pixel accuracy {accuracy:.2f}, mean Dice {dice:.2f}")
checks.reveal("accuracy", guess, pixel_accuracy(val_masks, nothing))

# %% [markdown]
# An accuracy of about 0.9 for a method that never finds a lesion! That is the whole case against pixel accuracy in one
# line: where background dominates, it measures how rare lesions are. You will not see it again in this course, except to
# be warned. Dice gives the method its due: it is right on empty pictures and worthless on all others.
#
# ### Second rung: one threshold for all pictures
#
# We try a hundred and one [thresholds](00_start_here.ipynb#threshold) on the *training* pictures, keep the best, and score it on validation.

# %%
from helpers.evaluation import best_threshold, dice_by_threshold

threshold = best_threshold(train_masks, train_images).threshold
global_masks = (val_images >= threshold).astype(np.uint8)
dice = dice_per_image(val_masks, global_masks).mean()
print(f"best threshold {threshold:.2f}: mean Dice {dice:.2f}")

# %%
thresholds = np.linspace(0, 1, 101)
curve = dice_by_threshold(train_masks, train_images, thresholds).mean(axis=1)
figures.plot_lines(
    thresholds, {"training pictures": curve}, "No threshold is good",
    f"The curve never rises above {curve.max():.2f}.",
    xlabel="threshold", ylabel="mean per-image Dice", marks=[(threshold, "best")], limits=(0, 1),
)

# %% [markdown]
# Why not? Look at the gray levels of one scan. If lesions were brighter than everything else, there would be two separate
# hills with a valley between them.

# %%
figures.plot_gray_levels(
    val_images[4], val_masks[4], threshold, "The gray levels of lesions and background overlap",
    "The lesions' gray levels lie in the middle of the background's: no line separates them."
)

# %% [markdown]
# ### Third rung: Otsu, a threshold for each picture
#
# [Otsu's method](00_start_here.ipynb#otsu) chooses for every picture the threshold that splits its gray levels into two groups as uniform as possible.
# It adapts to the brightness of the whole picture.
#
# **Predict.** Better or worse than the best global threshold?

# %%
guess = None  # "better" or "worse"

# %%
from helpers.evaluation import otsu_baseline

otsu_masks = otsu_baseline(val_images)
otsu_dice, global_dice = (
    dice_per_image(val_masks, found).mean() for found in (otsu_masks, global_masks)
)
print(f"Otsu: mean Dice {otsu_dice:.2f}")
checks.reveal("otsu", guess, "better" if otsu_dice > global_dice else "worse")

# %% [markdown]
# Otsu separates whatever two groups there are, and here the strongest split is between the
# bright and the dark side of the picture. It knows nothing about lesions, and in an empty picture it will
# always find something.
#
# ### Fourth rung: Hough circles
#
# The [Hough transform](00_start_here.ipynb#hough-circles) knows the *shape*: every edge pixel votes for the circles that it could lie on, and circles with enough
# votes win. How many are enough? We choose on the training pictures, as we did for the threshold.

# %%
from helpers.evaluation import hough_baseline

some = slice(0, 200)
scores = {
    votes: dice_per_image(
        train_masks[some], hough_baseline(train_images[some], strictness=votes)
    ).mean()
    for votes in range(8, 26, 2)
}
strictness = max(scores, key=scores.get)
print(f"votes needed: {strictness}")

# %%
hough_masks = hough_baseline(val_images, strictness=strictness)
print(f"Hough circles: mean Dice {dice_per_image(val_masks, hough_masks).mean():.2f}")

# %% [markdown]
# Knowledge of the shape helps. Still it misses faint circles and imagines some between crossing vessels.

# %%
chosen = [4, 3, 15, 14, 17]
figures.show_predictions(
    val_images[chosen], val_masks[chosen], hough_masks[chosen],
    [f"Dice {d:.2f}" for d in dice_per_image(val_masks[chosen], hough_masks[chosen])],
    "Hough circles: truth solid orange, found dashed blue",
    "In the lower row white is right, orange was missed, blue was made up."
)

# %% [markdown]
# ### The ladder
#
# Here is the whole ladder. Every number is a mean per-image Dice over the 200 validation pictures.

# %%
ladder = {
    "all background": nothing,
    "Otsu per picture": otsu_masks,
    "best global threshold": global_masks,
    "Hough circles": hough_masks,
}
ladder = {name: dice_per_image(val_masks, found).mean() for name, found in ladder.items()}

# %%
caption = "; ".join(f"{name} {dice:.2f}" for name, dice in ladder.items()) + "."
figures.plot_bars(list(ladder), list(ladder.values()), "What a network has to beat", caption)

# %%
assert ladder["best global threshold"] < 0.60, "the data has become too easy to teach anything"

# %% [markdown]
# These are the numbers to beat. In notebook 04 the test set is opened, and a U-Net takes its place on this ladder.
#
# ### All the dials in your hand
#
# Here is the whole scene under eight sliders, with the gray levels of lesions and background and the best threshold that one
# could choose for *this* picture, knowing the answer. Drag, or click a slider and use the arrow keys.
#
# **Predict.** Turn `illumination` and `vessels` to 0 and `noise` to 0.02: the histogram shows two hills, and the threshold is
# nearly perfect. Which single dial, turned up again, makes it collapse first?

# %%
from helpers import panels

panels.difficulty_panel()

# %%
panels.show_still(
    panels.difficulty,
    [
        {"illumination": 0.0, "vessels": 0, "noise": 0.02},
        {"illumination": 0.0, "vessels": 0, "noise": 0.3},
        {"noise": 0.02}, {},
    ],
    [
        "easy: no illumination, no vessels, hardly any noise", "much noise",
        "illumination and vessels", "the default scene",
    ],
    title="The difficulty dial at four settings: from two clear hills to one heap",
)

# %% [markdown]
# Do you prefer typing? The panel only calls a function, and so can you.

# %%
noise, circles, vessels = 0.25, 8, 0
shown = panels.difficulty(noise=noise, circles=circles, vessels=vessels)
panels.show_picture(shown.picture, shown.caption)
print(shown.caption)

# %% [markdown]
# **Change.** Make a scene on which thresholding works: `CircleScene(illumination=0, noise=0.02, vessels=0)`. Then turn the
# dials back one at a time. Which one hurts most?

# %%
for change in [{}, {"noise": 0.1}, {"vessels": (1, 3)}, {"illumination": 0.6}]:
    scene = CircleScene(**{"illumination": 0, "noise": 0.02, "vessels": 0, **change})
    some_images, some_masks = make_dataset(200, scene, seed=1)
    dice = best_threshold(some_masks, some_images).dice
    print(f"best threshold on the easy scene with {change}: {dice:.2f}")

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Your variables are not touched. Stuck? Run `checks.hint("1.1")` in a cell of its
# own; each further call goes deeper.
#
# The first one is a copy with a gap, the fourth starts from nothing.

# %% [markdown]
# ### Exercise 1.1: An ellipse and its mask
#
# Lesions are rarely round. `draw_lesion` above is the worked example; here is the same for an ellipse, with a gap. It gets
# `half_axes`, two lengths in pixels, and an `angle` in degrees. Replace the last line, so that the mask is drawn as well.
#
# Hints: `checks.hint("1.1")`


# %%
def draw_ellipse(tissue, mask, center, half_axes, angle, level):
    cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
    raise NotImplementedError  # the mask


# %%
checks.exercise_1_1(draw_ellipse)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def draw_ellipse(tissue, mask, center, half_axes, angle, level):
#     cv2.ellipse(tissue, center, half_axes, angle, 0, 360, level, thickness=cv2.FILLED)
#     cv2.ellipse(mask, center, half_axes, angle, 0, 360, 1, thickness=cv2.FILLED)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 1.2: One pixel too small
#
# A lesion is a disc of radius 5. A method finds it in the right place, but one pixel too small all round: radius 4. What is
# its Dice? Work with ideal circles, on paper, to two decimals. Is it more or less than you expected?
#
# Hints: `checks.hint("1.2")`

# %%
disc_dice = None

# %%
checks.exercise_1_2(disc_dice)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# disc_dice = 2 * 4**2 / (5**2 + 4**2)
# ```
#
# The small disc lies inside the large one, so the overlap is the small area. The factor $\pi$ cancels: $2 \cdot 16 / 41 = 0.78$.
#
# </details>

# %% [markdown]
# ### Exercise 1.3: A mask from a file
#
# Masks of real scans come as pictures: `[height, width]`, uint8, 0 for background and 255 for lesion. Where an editor has
# smoothed the edge there are grays in between. Turn such a picture into a mask as this course uses it: `[height, width, 1]`,
# uint8, 0 and 1, where a stored value of 128 or more counts as lesion. The steps are there; fill in what they return.
#
# Hints: `checks.hint("1.3")`


# %%
def clean_mask(stored):
    lesion = ...  # True where the stored value is 128 or more
    raise NotImplementedError  # as uint8, with a last axis


# %%
checks.exercise_1_3(clean_mask)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def clean_mask(stored):
#     lesion = stored >= 128
#     return lesion.astype(np.uint8)[..., None]
# ```
#
# </details>

# %% [markdown]
# ### Exercise 1.4: A split by patients
#
# From nothing. Each picture belongs to a patient: `patients` is an array with one number or name a picture, in any order.
# Write a function that draws `n_test` whole patients with the generator `rng` and returns one boolean a picture: True if it
# belongs to the test set.
#
# Hints: `checks.hint("1.4")`


# %%
def split_patients(patients, n_test, rng):
    raise NotImplementedError


# %%
checks.exercise_1_4(split_patients)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def split_patients(patients, n_test, rng):
#     chosen = rng.choice(np.unique(patients), n_test, replace=False)
#     return np.isin(patients, chosen)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 1.5: Which of these leaks?
#
# Which of these let the test pictures help, so that their score is too good? Write the letters of all that do, such as `"AB"`.
#
# - A: Slices 1 to 40 of a patient are in training, slice 41 of the same patient is in the test set.
# - B: Each training picture is mirrored, and the copy joins the training set.
# - C: Of five networks, the one with the best test score is published, with that score.
# - D: From each picture, training and test alike, its own mean gray level is subtracted.
# - E: Two hospitals sent the same file under two names, and the names were split at random.
#
# Hints: `checks.hint("1.5")`

# %%
leaks = ""

# %%
checks.exercise_1_5(leaks)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# leaks = "ACE"
# ```
#
# A and E put a copy, or nearly one, on the other side. C takes a decision with the test set.
#
# </details>

# %% [markdown]
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("01")

# %% [markdown]
# ## What you've learned
#
# - You said what a mask is, and read an image and its mask as two arrays that belong together.
# - You drew a scan with lesions, vessels, uneven light, blur and noise, the same one from the same seed.
# - You split pictures into training, validation and test sets, and explained what leakage does to a score.
# - You scored a prediction per image with Dice, and showed why pixel accuracy misleads.
# - You ranked four honest baselines that any network has to beat.
#
# ## On your own
#
# 1. Subtract a strongly blurred copy of each image from itself before you threshold. How far up the ladder does this
#    climb, and which dial have you defeated?
# 2. Our lesions are perfect discs. Which shortcut might a network learn that would fail on real, ragged lesions? How would
#    you change `draw_lesion` to prevent it?
#
# ## Further reading
#
# - Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979.
# - Maier-Hein et al., "Metrics reloaded: recommendations for image analysis validation", 2024: which score for which task.
# - [cv2.HoughCircles](https://docs.opencv.org/4.x/dd/d1a/group__imgproc__feature.html) and
#   [train_test_split](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.train_test_split.html).
