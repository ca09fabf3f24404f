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
# You build a small model of a medical scan with round lesions, one dial after the other, and find out how far one gets on
# it *without* a neural network.
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
# - About 45 minutes of your time; the cells themselves run in about twenty seconds on two CPU cores.
# - 0.5 GB of memory. No GPU, and no TensorFlow yet.
# - Python and a little NumPy. [00](00_start_here.ipynb) shows how to use a notebook; nothing else has to come first.

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. What is a mask?
#
# To *[segment](00_start_here.ipynb#segmentation)* a picture means to answer one question for every pixel: does it belong to
# the thing that I am looking for? The answers form a second picture of the same size, the
# **[mask](00_start_here.ipynb#mask)**. It holds 1 where the answer is yes and 0 where it is no. The ones are called
# *[foreground](00_start_here.ipynb#foreground)*, and the zeros *background*.
#
# Anybody who trains a network for segmentation needs many images together with correct masks. For real scans, a radiologist
# draws the masks by hand. This is slow, and two radiologists rarely agree. So this course begins with scans that we draw
# ourselves. Every mask is then right by construction, and we can make as many as we like, as hard as we like.
#
# Start with the smallest example, twelve by twelve pixels. A disc consists of the pixels whose centers lie in it. The
# center of this one is column 5, row 6, and its radius is 3. `np.ogrid` gives the row number and the column number of every
# pixel, so that one line can compare all distances with the radius.

# %%
import numpy as np

rows, columns = np.ogrid[:12, :12]
mask = ((columns - 5) ** 2 + (rows - 6) ** 2 <= 3**2).astype(np.uint8)
print("values in the array:", np.unique(mask))

# %% [markdown]
# **Predict.** A circle of radius $r = 3$ has the area $\pi r^2 \approx 28.3$. How many pixels of the mask are 1? Put your
# number in place of `None` and run the cell. The next cell shows the truth and answers your guess. A wrong guess helps you
# more than none, because you remember what surprised you.

# %%
guess = None  # how many pixels?

# %%
from helpers import checks, figures

checks.reveal("disc", guess, mask.sum())

# %%
figures.show_numbers(
    mask, "A mask holds a 0 or a 1 for each pixel", f"{mask.sum()} of {mask.size} pixels are 1."
)

# %% [markdown]
# The number is close to 28.3, but it is a whole number. The disc is 7 pixels wide and not 6, because it reaches three pixels
# to either side of the pixel in the middle. A mask is a set of *pixels* and not a circle. When a lesion is small, one row of
# pixels more or less is a large part of the lesion, and of the score.
#
# Notice the order of the numbers, too. A point is given as `(x, y)`, in OpenCV too: `(5, 6)` means column 5, row 6. An array is
# read as `[row, column]`. Many mistakes with images come from mixing up these two orders.

# %%
print("row 6, column 5 (the center):", mask[6, 5])
print("row 2, column 5 (above the disc):", mask[2, 5])

# %% [markdown]
# **Change.** Move the center by half a pixel: write `columns - 5.5`, then `rows - 6.5` as well. How many pixels does the
# same disc have now, and how does its shape change?
#
# <details><summary>What you should have seen</summary>
#
# 26 pixels for the center (5.5, 6), and 32 for (5.5, 6.5). The single pixels at the four ends are gone: now the disc is 6
# pixels wide, because its middle lies between two pixels. If the center may lie anywhere, a disc of radius 3 has 28.3
# pixels on average, as the formula says.
#
# </details>
#
# ## 2. From a disc to a scan
#
# Here is a first idea: draw discs into an image, draw the same discs into a mask, and train a network on that. Many
# tutorials do just this.

# %%
rows, columns = np.ogrid[:96, :96]
easy_mask = np.zeros((96, 96), np.uint8)
for x, y, radius in [(25, 30, 12), (66, 55, 15), (30, 75, 7)]:
    easy_mask[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 1
easy_image = np.float32(0.9) * easy_mask

# %% [markdown]
# **Predict.** You try to get the mask back with one comparison, `easy_image > 0.5`, and without any learning. How many of the
# 9,216 pixels will be wrong?

# %%
guess = None  # how many pixels?

# %%
found = easy_image > 0.5
checks.reveal("easy discs", guess, np.count_nonzero(found != easy_mask))

# %% [markdown]
# The comparison is perfect, so no network can do better. On such data nothing can be learned *about networks*. If a
# tutorial reports 99 % on pictures like these, ask what a threshold would have scored.
#
# We need pictures on which simple rules fail for the same reasons as in a clinic. We add those reasons one by one. Each of
# them will be a **dial** that you can turn.
#
# ### Randomness you can repeat
#
# Every random choice comes from a *generator*. We make it from a *[seed](00_start_here.ipynb#seed)* and pass it on by hand.
# The same seed gives the same numbers and the same picture on every machine. That is what makes an experiment repeatable.

# %%
rng = np.random.default_rng(seed=7)
print(rng.integers(0, 100, 5), "then", rng.integers(0, 100, 5))
rng = np.random.default_rng(seed=7)
print(rng.integers(0, 100, 5), "again, from the start")

# %% [markdown]
# ### The dials
#
# `CircleScene` holds one field for each dial. A dial is one number, or a range `(low, high)` from which each picture draws
# its own value. `CircleScene` refuses what cannot be drawn.

# %%
from helpers.printing import say  # as print, but it breaks long lines between words
from helpers.synthesis import CircleScene

scene = CircleScene()
for dial, value in vars(scene).items():
    print(f"{dial:<14}{value}")

# %%
try:
    CircleScene(size=96, radius=(5, 150))
except ValueError as error:
    say("ValueError:", error)

# %% [markdown]
# To draw a value from a dial, we treat a single number as a range whose two ends are equal. Lesions are counted in whole
# numbers and noise is not, so there are two functions. The star in `*as_range(dial)` unpacks the pair: `low` and `high`
# become two arguments of the call.


# %%
def as_range(dial):
    return tuple(dial) if isinstance(dial, (tuple, list)) else (dial, dial)


# %%
def draw_whole(dial, rng):
    return int(rng.integers(*as_range(dial), endpoint=True))


def draw_real(dial, rng):
    return float(rng.uniform(*as_range(dial)))


# %%
print("circles, five times:", *(draw_whole(scene.circles, rng) for _ in range(5)))
print("contrast, three times:", *(round(draw_real(scene.contrast, rng), 2) for _ in range(3)))

# %% [markdown]
# ### Lesions: number, radius, contrast
#
# A lesion is a disc somewhere in the picture. Its **[contrast](00_start_here.ipynb#contrast)** says how much brighter than
# its surroundings it is, on a scale from 0 (black) to 1 (white). We draw with 8-bit integers from 0 to 255, because integers
# give the same result on every processor.


# %%
def draw_level(contrast, rng):
    return round(255 * draw_real(contrast, rng))


# %% [markdown]
# You know the rule for a disc from section 1: its pixels are those whose centers lie in it. `disc_pixels` computes them only
# in the square around the disc, which saves most of the work. It first cuts this square to the picture. `down` and `across`
# hold the distances of its rows and of its columns from the center. `[:, None]` stands the list of rows upright, so that
# adding the list of columns gives a table with one number for each pixel.


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
# The next function is the heart of the course's data. It draws **the same disc twice**: with its gray level into the tissue,
# and with its number into a map of lesions. The mask will be 1 wherever this map is not 0. Both use the same pixels, so image
# and mask cannot disagree.


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
import cv2

pieces = cv2.connectedComponents(mask)[0] - 1
at_the_border = np.unique(np.concatenate([lesions[0], lesions[-1], lesions[:, 0], lesions[:, -1]]))
cut = np.count_nonzero(at_the_border)
figures.show_images(
    [tissue / 255, mask], ["tissue", "mask"], "Six lesions: some touch, some are cut by the border",
    f"Six discs, but {pieces} separate pieces in the mask; the border cuts {cut} of the discs.",
    kinds=["gray", "mask"]
)
assert pieces < 6 and cut > 1

# %% [markdown]
# Centers may lie anywhere, so discs touch, hide one another, and are cut off by the border. Real lesions do all three. Where
# two discs overlap, the one that is drawn later lies on top.
#
# ### Vessels: just as bright, but the wrong shape
#
# If lesions were the only bright things, brightness alone would find them. So we add **vessels**: curved lines with the same
# range of contrast. A vessel belongs to the *background*. To tell a vessel from a lesion, one has to look at the shape, which
# means at many pixels together. Remember this when you meet the receptive field in the next notebook.
#
# A vessel follows a quadratic Bezier curve. It starts at a point on one side, ends at a point on the opposite side, and is
# pulled toward a third point on its way. `t` runs from 0 at the start to 1 at the end.


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
# The vessel is drawn twice as well: into the tissue, and into a map of its own. The mask of the lesions ignores that map.
#
# ### Uneven light
#
# In MRI and in microscopy, one side of a picture is often brighter than the other.
# **[Illumination](00_start_here.ipynb#illumination)** adds such a slope of light in a random direction. Its value says by how
# much the brightest corner is brighter than the darkest one.
#
# Look at a picture of five by five pixels. `ramp` rises from -0.5 to 0.5 in equal steps. `ramp[:, None]` stands it upright:
# it gives one value to each row, so the light grows downward. `ramp` alone gives one value to each column. `down`
# and `right` say how steep the light is from row to row and from column to column, compared with each other. From corner to
# corner the sum changes by `abs(down) + abs(right)`, so we divide by that and multiply by the strength that we want. Finally,
# we add half of the strength, so that the darkest corner becomes 0.

# %%
ramp = np.arange(5) / 4 - 0.5
down, right, strength = 1.0, 0.5, 0.6
steepness = strength / (abs(down) + abs(right))
light = steepness * down * ramp[:, None] + steepness * right * ramp + strength / 2
figures.show_numbers(
    light.round(2), "Uneven light, without noise",
    f"The light rises from {abs(light.min()):.1f} at the top left to {light.max():.1f} at the bottom right."
)

# %% [markdown]
# **Predict.** A lesion with a contrast of 0.25 lies in the darkest corner of this picture. How bright is it?

# %%
guess = None  # a gray level, between 0 and 1

# %%
lesion_in_the_dark = light[0, 0] + 0.25
checks.reveal("dark lesion", guess, lesion_in_the_dark)

# %%
print(f"the bare background in the brightest corner has the gray level {light[-1, -1]:.2f}")

# %% [markdown]
# So a lesion can be darker than the bare background elsewhere in the same picture. A threshold that finds this lesion also
# marks the background at the bright side.
#
# ### Blur and noise
#
# No instrument draws sharp edges: each point is smeared over its neighbors. **[Blur](00_start_here.ipynb#blur)** does this
# with a weighted mean of the neighbors. The weights follow a bell curve, a *Gaussian*, and its standard deviation, in pixels,
# says how far the smearing reaches.
#
# **[Noise](00_start_here.ipynb#noise)** adds to every pixel an independent number from a normal distribution. `background`
# begins with this noise and adds the light to it, as in the small example.


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
# Now everything comes together. Read `draw_layers` from top to bottom: first light and noise, then vessels, then lesions on
# top of them. The blur smears vessels and lesions, but not the noise; then they are added to the light. At the end all values are clipped, because a detector measures nothing below black or above
# white. `[..., None]` adds a last axis to each array. The line `tissue, vessels = np.zeros((2, ...))` makes two empty pictures
# at once and gives a name to each.


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
# **Predict.** The image is an array of floats, and the mask is an array of integers. Which shape do both have? The last axis
# counts the *[channels](00_start_here.ipynb#channel)*: a color picture has three, and ours has one.

# %%
guess = None  # a shape, such as (1, 2, 3)

# %%
image, mask = draw_scene(CircleScene(), np.random.default_rng(3))
checks.reveal("scene shape", guess, image.shape)

# %%
print("image", image.shape, image.dtype, "mask", mask.shape, mask.dtype)
figures.show_images(
    [image, mask], ["image", "mask"], "The discs are lesions, the lines are not",
    f"A noisy scan with uneven light; the mask marks {mask.mean():.0%} of it as lesion.",
    kinds=["gray", "mask"]
)

# %% [markdown]
# ### One dial at a time
#
# To see what a dial does, keep the seed and change nothing else. `turn_dial` draws one picture for each value of a dial, and
# `show_dial` shows them.


# %%
def turn_dial(name, values, seed=3):
    scenes = [CircleScene(**{name: value}) for value in values]
    drawn = [draw_scene(scene, np.random.default_rng(seed)) for scene in scenes]
    return [image for image, _ in drawn], [mask for _, mask in drawn]


def show_dial(name, values, seed=3):
    scans, their_masks = turn_dial(name, values, seed)
    figures.show_images(
        scans, [f"{name} = {value}" for value in values], f"What the dial {name!r} does",
        f"From left to right, {name} takes the values {', '.join(map(str, values))}; "
        "the orange outlines are the masks.",
        masks=their_masks,
    )


# %%
show_dial("circles", [0, 1, 4, 12])
_, circle_masks = turn_dial("circles", [0, 1, 4, 12])
assert all((fewer <= more).all() for fewer, more in zip(circle_masks, circle_masks[1:]))

# %% [markdown]
# Each picture keeps the discs of the one before it and adds new ones. With no circles, the mask is **empty**. That is not a
# mistake: most scans in a screening program show no lesion, and a method that always finds one is useless there.
#
# **Predict.** Will the same hold for vessels? The next row keeps the seed and adds vessels. Do the lesions stay where they
# are?

# %%
guess = None  # "yes" or "no"

# %%
_, vessel_masks = turn_dial("vessels", [0, 1, 3, 12])
stay = all(np.array_equal(mask, vessel_masks[0]) for mask in vessel_masks)
checks.reveal("lesions stay", guess, "yes" if stay else "no")

# %%
show_dial("vessels", [0, 1, 3, 12])

# %% [markdown]
# Each vessel uses up some random numbers. The lesions are drawn after the vessels, so they get different numbers. The seed
# fixes the *sequence* of numbers, and not what they are used for.
#
# **Predict.** Blur smears the edges of the lesions. Does it change the mask as well?

# %%
guess = None  # "yes" or "no"

# %%
_, blur_masks = turn_dial("blur", [0, 1, 3, 8])
change = any(not np.array_equal(mask, blur_masks[0]) for mask in blur_masks)
checks.reveal("blurred mask", guess, "yes" if change else "no")

# %%
show_dial("blur", [0, 1, 3, 8])

# %% [markdown]
# The mask says what is there, and not what the instrument shows of it. It stays sharp.
#
# The next row raises the noise up to 0.4. At 0.2 the lesion in the corner still stands out, and so do the vessels, because your
# eye averages over many pixels. (The outline helps. Ask yourself whether you would find the lesion at 0.4 without it.)

# %%
show_dial("noise", [0, 0.1, 0.2, 0.4])

# %% [markdown]
# **Predict.** If you average a square of 5 by 5 pixels, by how much does noise with a standard deviation of 0.2 still
# scatter?

# %%
guess = None  # the standard deviation of the averages

# %%
averages = np.random.default_rng(0).normal(0, 0.2, (10_000, 25)).mean(axis=1)
checks.reveal("averaged noise", guess, averages.std())

# %% [markdown]
# The average of 25 pixels scatters by only a fifth of what one pixel does, because $\sqrt{25} = 5$. A threshold looks at one
# pixel at a time and cannot average. A convolution can, as you will see in notebook 02.
#
# **Predict.** The last row makes the picture larger, from 48 to 192 pixels, and shows all of them at the same size. Does a
# lesion of radius 10 cover more pixels in the larger pictures, fewer, or the same number?

# %%
guess = None  # "more", "fewer" or "the same"

# %%
small, large = (np.count_nonzero(disc_pixels(n, n, 20, 20, 10)[1]) for n in (48, 192))
answer = "the same" if small == large else "more" if large > small else "fewer"
checks.reveal("size", guess, answer)

# %%
show_dial("size", [48, 96, 128, 192])

# %% [markdown]
# Size is not a zoom. A larger picture holds more tissue, and the range of radii stays the same in pixels. Do not compare single
# lesions here: a larger picture needs more random numbers for its noise, so its vessels and lesions are others.
#
# **Change.** Three dials have not been shown. Call `show_dial("contrast", [0.05, 0.1, 0.25, 0.5])` in a cell of your
# own, and then `"radius"` and `"illumination"` with values that you choose. In which picture do you lose the lesions?
#
# <details><summary>What you should have seen</summary>
#
# At a contrast of 0.05, half of the standard deviation of the noise, you find a lesion only because the orange outline says
# where it is. At 0.1 a large one can just be seen. Illumination does not hide a lesion from your eye, which compares it with
# its surroundings. None of the three dials moves the center of a lesion, because each picture draws as many random numbers
# as the others.
#
# </details>
#
# ## 3. A data set, and its fingerprint
#
# One picture is an anecdote. `make_dataset` comes with the course. It holds the same functions as the cells above, and calls
# them again and again with one generator. It stacks the results into two arrays, images and masks, each
# `[n, height, width, 1]`. (If you change `draw_lesion` here, `make_dataset` does not follow.)


# %%
from helpers.synthesis import fingerprint, make_dataset

images, masks = make_dataset(1200, CircleScene(), seed=2026)
print("images", images.shape, images.dtype, "masks", masks.shape, masks.dtype)

# %% [markdown]
# Are they really the same functions? Draw the first picture with yours, from the same seed, and compare every bit.

# %%
by_hand, _ = draw_scene(CircleScene(), np.random.default_rng(2026))
print("the same picture, bit for bit:", np.array_equal(by_hand, images[0]))

# %% [markdown]
# A **[fingerprint](00_start_here.ipynb#fingerprint)** boils a whole array down to a few characters. If a single bit differs,
# the fingerprint differs. Publish it beside your results, so that others can check that they work with the same data.

# %%
print("1200 pictures, seed 2026:", fingerprint(images, masks))
print("the same once more:      ", fingerprint(*make_dataset(1200, CircleScene(), seed=2026)))
print("seed 2027:               ", fingerprint(*make_dataset(1200, CircleScene(), seed=2027)))

# %%
figures.show_pairs(
    images[:8], masks[:8], [f"picture {i}" for i in range(8)],
    "Eight of 1200 scans, and what we want to get back",
    "Above are the scans, and below them their masks; "
    f"the foreground takes up {masks[:8].mean():.0%} of these eight."
)

# %% [markdown]
# ### Class balance
#
# **Predict.** Which share of all pixels is foreground?

# %%
guess = None  # a share, between 0 and 1

# %%
share = masks.mean()
checks.reveal("foreground", guess, share)

# %%
empty = (masks.sum(axis=(1, 2, 3)) == 0).mean()
print(f"{share:.1%} of all pixels are foreground, and {empty:.1%} of the masks are empty.")

# %% [markdown]
# The classes are **[imbalanced](00_start_here.ipynb#imbalance)**: there are about nine pixels of background for each pixel of
# foreground, and one picture in seven has no foreground at all. Keep these numbers in mind. They explain the two most
# frequent complaints about segmentation networks: the high accuracy of a useless network, and the black prediction.
#
# ## 4. Training, validation, test
#
# We need three sets, and each has one purpose:
#
# | set | what it is for | how often you look at it |
# | --- | --- | --- |
# | [training](00_start_here.ipynb#training-set) | the network learns from it | all the time |
# | [validation](00_start_here.ipynb#validation-set) | you choose with it: thresholds, settings, when to stop | as often as you have a decision to make |
# | [test](00_start_here.ipynb#test-set) | it tells you how good the final choice is | once |
#
# Look at the test set only **once**. Each time you look at it and then change something, it becomes a little more of a
# validation set, and its score becomes a little too good.
#
# `train_test_split` from scikit-learn shuffles and splits several arrays in the same way, so that each image stays with its
# mask. We split twice.

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
# If a test picture, or a near copy of one, was in the training set, the test asks "do you remember?" instead of "can you do
# it?" This is called **[leakage](00_start_here.ipynb#leakage)**. It happens easily: with neighboring slices of the same
# patient, with a picture and its mirrored copy, or with a file that was saved twice.
#
# To see how bad it gets, take a learner that does nothing *but* remember. It looks up the training picture that is most
# similar to a new one, and copies its mask.


# %%
def copy_nearest(known_images, known_masks, new_images):
    flat = known_images.reshape(len(known_images), -1)
    nearest = [((flat - image.ravel()) ** 2).sum(axis=1).argmin() for image in new_images]
    return known_masks[nearest]


# %% [markdown]
# We also need a score. The **[Dice score](00_start_here.ipynb#dice)** compares two masks: it is twice the size of their
# overlap, divided by the sum of their sizes.
#
# $$\mathrm{Dice} = \frac{2\,|A \cap B|}{|A| + |B|}$$
#
# It is 1 if the masks agree, and 0 if they have no pixel in common. Correct background earns nothing. If both masks are
# empty, the fraction is 0/0, so we need a rule. Finding nothing where there is nothing is right, and scores 1.
#
# We compute the score **for each image** and average afterwards, so that every patient counts the same. `check_both` refuses
# masks that are not 0 and 1.

# %%
from helpers.arrays import check_both


def dice_per_image(y_true, y_pred):
    y_true, y_pred = check_both(y_true, y_pred)
    overlap = np.sum(y_true & y_pred, axis=(1, 2, 3))
    areas = np.sum(y_true, axis=(1, 2, 3)) + np.sum(y_pred, axis=(1, 2, 3))
    return np.where(areas == 0, 1.0, 2 * overlap / np.maximum(areas, 1))


# %% [markdown]
# **Predict.** What does the copying learner score on validation pictures that it has not seen? And what does it score if
# those pictures have slipped into its training set?

# %%
guess_unseen = None  # its mean Dice on pictures that it has not seen
guess_leaked = None  # its mean Dice if they are among the pictures that it knows

# %%
honest = dice_per_image(val_masks, copy_nearest(train_images, train_masks, val_images)).mean()
checks.reveal("copying", guess_unseen, honest)
known = np.concatenate([train_images, val_images]), np.concatenate([train_masks, val_masks])
leaked = dice_per_image(val_masks, copy_nearest(*known, val_images)).mean()
checks.reveal("leaked", guess_leaked, leaked)

# %% [markdown]
# The same learner is useless or perfect, and nothing but the split makes the difference. A network with many weights can
# remember as well, though not as perfectly. So leakage does not show as a suspicious 1.00. It shows as a score that is a
# little too good, and that you will not see again in the clinic.
#
# **Change.** Let only half of the validation pictures leak: give the learner
# `np.concatenate([train_images, val_images[:100]])` and the masks in the same way. Which score do you expect?
#
# <details><summary>What you should have seen</summary>
#
# About 0.65. The hundred pictures that leaked score 1, and the other hundred score about as little as before. The mean hides
# that there are two groups, which is why one should look at a score picture by picture.
#
# </details>
#
# ## 5. The baseline ladder
#
# Before you train a network, ask what simple methods score. They are called [baselines](00_start_here.ipynb#baseline). A
# score means nothing until you know what is easy. We try all of them on the validation pictures. The test set stays closed
# until notebook 04.
#
# ### First rung: all background
#
# The laziest method says "nothing there" for every pixel.
#
# **Predict.** What is its *[pixel accuracy](00_start_here.ipynb#pixel-accuracy)*, the share of pixels that it gets right? And
# what is its mean Dice?

# %%
guess_accuracy = None  # between 0 and 1
guess_dice = None  # between 0 and 1

# %%
from helpers.evaluation import empty_baseline, pixel_accuracy

nothing = empty_baseline(val_images)
checks.reveal("accuracy", guess_accuracy, pixel_accuracy(val_masks, nothing))
checks.reveal("empty dice", guess_dice, dice_per_image(val_masks, nothing).mean())

# %% [markdown]
# A method that never finds a lesion is right on about nine pixels in ten. This is the whole case against pixel accuracy:
# where background dominates, it measures how rare lesions are. You will meet it again in this course only as a warning. Dice
# judges the method fairly: it scores 1 on empty pictures and 0 on all others. (Among these 200 pictures one in six is empty;
# among all 1200 it is one in seven.)
#
# ### Second rung: one threshold for all pictures
#
# We try a hundred and one [thresholds](00_start_here.ipynb#threshold) on the *training* pictures, keep the best one, and
# score it on the validation pictures.

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
# Why is no threshold good? Look at the gray levels of one scan. If lesions were brighter than everything else, there would be
# two separate hills with a valley between them. Among the scans with at least 400 lesion pixels we pick the one on which
# the two overlap most: the one with the most background that is brighter than a typical lesion pixel.


# %%
def background_above(image, mask):
    inside = mask == 1
    if inside.sum() < 400:
        return 0.0
    return float((image[~inside] > np.median(image[inside])).mean())


# %%
overlaps = [background_above(image, mask) for image, mask in zip(val_images, val_masks)]
worst = int(np.argmax(overlaps))
figures.plot_gray_levels(
    val_images[worst], val_masks[worst], threshold,
    "The gray levels of lesions and background overlap",
    f"In this scan, {overlaps[worst]:.0%} of the background is brighter than half of the lesion pixels."
)

# %% [markdown]
# ### Third rung: Otsu, a threshold for each picture
#
# Where some pictures are brighter than others, a single threshold cannot fit them all. [Otsu's
# method](00_start_here.ipynb#otsu) chooses a new one for each picture. It tries every threshold. Each one splits the pixels into a dark group and a bright group. Otsu takes the threshold
# for which the gray levels within the two groups differ least: it adds up, for each group, the squared distances from the
# group's mean. Here it is on six pixels.


# %%
def spread(group):
    return ((group - group.mean()) ** 2).sum()


pixels = np.array([1, 1, 2, 7, 8, 9])
for t in (2, 7, 8, 9):
    print(f"threshold {t}: spread {spread(pixels[pixels < t]) + spread(pixels[pixels >= t]):.1f}")

# %% [markdown]
# The spread is smallest for the threshold 7, which separates 1, 1, 2 from 7, 8, 9. Nobody told the method which group is the
# lesion. It finds the strongest split that there is.
#
# **Predict.** Is Otsu better or worse on our scans than the best global threshold?

# %%
guess = None  # "better" or "worse"

# %%
from helpers.evaluation import otsu_baseline

otsu_masks = otsu_baseline(val_images)
otsu_dice, global_dice = (
    dice_per_image(val_masks, found).mean() for found in (otsu_masks, global_masks)
)
checks.reveal("otsu", guess, "better" if otsu_dice > global_dice else "worse")

# %% [markdown]
# What did it find instead? We measure two things. How much of what Otsu marks is background? And how much of all that it marks
# lies in the brighter half of its picture, where "bright" means the light without lesions and vessels? A very strong blur shows
# the light.

# %%
marked_background = (otsu_masks[val_masks == 0].sum()) / otsu_masks.sum()
lights = [cv2.GaussianBlur(image[..., 0], (0, 0), 20)[..., None] for image in val_images]
bright_half = np.stack([light >= np.median(light) for light in lights])
in_bright_half = otsu_masks[bright_half].sum() / otsu_masks.sum()
print(f"Otsu: mean Dice {otsu_dice:.2f}")
print(f"{marked_background:.0%} of what Otsu marks is background, "
      f"and {in_bright_half:.0%} lies in the brighter half.")
assert marked_background > 0.6 and in_bright_half > 0.7

# %% [markdown]
# On our scans, the strongest split is mostly the one between the bright and the dark side of the picture. Otsu knows nothing
# about lesions, and in an empty picture it still finds something.
#
# ### Fourth rung: Hough circles
#
# The [Hough transform](00_start_here.ipynb#hough-circles) knows the *shape*. Suppose you look for circles of radius 12. Take
# any pixel on an edge. If it lies on such a circle, the center is 12 pixels away from it, in some direction. So the edge pixel
# gives one vote to every pixel at this distance, which is a ring around it. All edge pixels of one circle vote for its center,
# so that is where the votes pile up.


# %%
def ring(size, x, y, radius):
    picture = np.zeros((size, size), np.uint8)
    for r, value in ((radius + 0.5, 1), (radius - 0.5, 0)):
        square, inside = disc_pixels(size, size, x, y, r)
        picture[square][inside] = value
    return picture


# %%
edge = ring(64, 36, 30, 12)
votes = sum(ring(64, x, y, 12).astype(int) for y, x in np.argwhere(edge))
y, x = np.unravel_index(votes.argmax(), votes.shape)
figures.show_images(
    [edge, votes / votes.max()], ["edge pixels", "votes"], "Every edge pixel votes for a ring",
    f"{edge.sum()} edge pixels vote; the winner, with {votes.max()} votes, is column {x}, row {y}."
)
assert (x, y) == (36, 30)

# %% [markdown]
# OpenCV saves work. At an edge pixel it knows along which line the brightness changes. The center lies on this line, on one
# side or the other. So each edge pixel votes along the line, on both sides, and not for a whole ring, for all radii from 5 to
# 15 at once. How many votes are enough? We choose the number on the training pictures, as we did for the threshold.

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
# Knowledge of the shape helps a great deal. It is still not enough.
#
# **Predict.** Which lesions does the Hough transform miss more often, small or large ones?

# %%
guess = None  # "small" or "large"

# %% [markdown]
# `lesion_table` measures every lesion in the picture itself. Discs that touch count as one lesion. The radius is that of a disc
# with the same area, so a lesion that the border cuts counts as smaller. The contrast is the mean inside, less the mean of a
# ring around it. Blur, clipping or a vessel nearby can bring it below the 0.25 that we drew. We call a lesion *missed* if less
# than a tenth of its pixels were found.

# %%
from helpers.evaluation import lesion_table

table = lesion_table(val_images, val_masks, hough_masks)


def missed(lesions):
    return np.mean([lesion.found < 0.1 for lesion in lesions])


small, large = [one for one in table if one.radius < 7], [one for one in table if one.radius >= 13]
checks.reveal("hough", guess, "small" if missed(small) > missed(large) else "large")

# %%
print(f"missed: {missed(small):.0%} of radius below 7, {missed(large):.0%} of radius 13 or more")
faint = [one for one in table if one.contrast < 0.2]
clear = [one for one in table if one.contrast >= 0.3]
print(f"missed: {missed(faint):.0%} of contrast below 0.2, {missed(clear):.0%} of 0.3 or more")
assert missed(small) > 2 * missed(large) and missed(faint) > 1.5 * missed(clear)

# %% [markdown]
# A small circle has a short edge, so it collects few votes, and a faint one has no clear edge. If fewer votes were enough, the
# method would find these lesions, and it would also see circles in the noise.
#
# The five pictures below are chosen by their mistakes: the three on which it misses the most pixels of lesions, and the two
# on which it marks the most background.

# %%
by_missed = np.argsort(-((val_masks == 1) & (hough_masks == 0)).sum(axis=(1, 2, 3)))
by_made_up = np.argsort(-((val_masks == 0) & (hough_masks == 1)).sum(axis=(1, 2, 3)))
chosen = [*by_missed[:3], *[i for i in by_made_up if i not in by_missed[:3]][:2]]
figures.show_predictions(
    val_images[chosen], val_masks[chosen], hough_masks[chosen],
    [f"Dice {d:.2f}" for d in dice_per_image(val_masks[chosen], hough_masks[chosen])],
    "Hough circles: truth solid orange, found dashed blue",
    "In the dark pictures below each scan, white is right, orange was missed, blue was made up."
)

# %% [markdown]
# Size and contrast are not everything. Most of what is missed here touches another lesion or is cut by the border, so that no
# whole circle is left to vote. And the circles that are made up lie in round gaps between vessels: OpenCV also votes toward
# the dark side of an edge, so a round dark gap counts as a circle.
#
# ### The ladder
#
# Here is the whole ladder, now in the order of the scores: Otsu's method, which we tried third, stands below the global
# threshold. Every number is a mean per-image Dice over the 200 validation pictures.

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
assert list(ladder.values()) == sorted(ladder.values()), "each rung stands above the one before it"

# %% [markdown]
# These are the numbers to beat. In notebook 04 the test set is opened, and a U-Net takes its place on this ladder.
#
# ### Which dial makes it hard?
#
# We take an easy scene, with even light, hardly any noise, and no vessels. One threshold is nearly perfect on it. Then we set
# one of the three dials back to the value of the default scene and measure again, on 200 pictures each time.
#
# **Predict.** Which of the three costs the threshold most?

# %%
guess = None  # "noise", "vessels" or "illumination"


# %%
def threshold_dice(seed=1, **dials):
    some_images, some_masks = make_dataset(200, CircleScene(**dials), seed=seed)
    return best_threshold(some_masks, some_images).dice


# %%
easy = {"noise": 0.02, "vessels": 0, "illumination": 0}
usual = {"noise": 0.1, "vessels": (1, 3), "illumination": 0.6}
added = {name: threshold_dice(**{**easy, name: usual[name]}) for name in usual}
checks.reveal("hardest dial", guess, min(added, key=added.get))

# %%
print(f"easy scene: {threshold_dice(**easy):.2f}")
print("one dial set back:", ", ".join(f"{name} {dice:.2f}" for name, dice in added.items()))

# %% [markdown]
# Now ask the question the other way round. We start from the default scene, where all three dials are up, and take one
# away. Which one helps most?

# %%
print(f"default scene: {threshold_dice():.2f}")
removed = {name: threshold_dice(**{name: easy[name]}) for name in usual}
print("one dial made easy:", ", ".join(f"{name} {dice:.2f}" for name, dice in removed.items()))
assert min(added, key=added.get) == "vessels" and max(removed, key=removed.get) == "illumination"

# %% [markdown]
# The two questions have two answers. Alone, the vessels cost most. But when all three are up, it helps most to take away the
# uneven light. Its lead is small, and from another seed it may be smaller still. The dials do not simply add up, and "which one matters most" depends on what stands beside it. It also depends
# on the range: uneven light of 1.0 instead of 0.6 would be worse than anything else here.
#
# **In the playground.** Its curve shows the best threshold as "line to beat". On
# [an easy scene](../web/playground.html#noise=0.02&illumination=0&vessels=0) this line lies at 0.99, so that a network has nothing to win. On
# [the default scene](../web/playground.html) it lies at 0.49, and with [three times the noise](../web/playground.html#noise=0.3) at 0.38.
# (These numbers differ from ours: its pictures are smaller, 64 pixels wide, and it scores 24 of them.)
#
# **Change.** Call `threshold_dice(**{**easy, "contrast": 0.1})`, and then try other values and other dials. Can you find a
# single dial that makes the easy scene harder than the vessels do?
#
# <details><summary>What you should have seen</summary>
#
# A low contrast (0.1) or a strong blur (4) costs the threshold little: it still scores more than 0.8. Noise of 0.2 brings
# it below 0.5, and illumination of 1.0 below 0.4. Both are worse than the vessels, which leave it at about 0.6.
#
# </details>
#
# ### All the dials in your hand
#
# Here is the whole scene under sliders, with the gray levels of lesions and background. The panel also shows the best
# threshold that one could choose for *this* picture, knowing the answer. Drag a slider, or click it and use the arrow keys.

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
        "easy: no illumination, no vessels, hardly any noise", "much noise, but no illumination and no vessels",
        "illumination and vessels, hardly any noise", "the default scene",
    ],
    title="The difficulty dial at four settings",
)

# %% [markdown]
# If you prefer typing, call the function behind the panel yourself.

# %%
noise, circles, vessels = 0.25, 8, 0
shown = panels.difficulty(noise=noise, circles=circles, vessels=vessels)
panels.show_result(shown)

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then it says what is wrong, and in the end `solved`. It does not change your variables. If you are stuck, run
# `checks.hint("1.1")` in a cell of its own. Each further call gives a more direct hint.
#
# The first exercise is an example with a gap, and the fourth starts from nothing.

# %% [markdown]
# ### Exercise 1.1: An ellipse and its mask
#
# Real lesions are rarely round. `draw_lesion` above is the worked example. Here is the same for an ellipse, drawn by OpenCV
# and with a gap. The function gets `half_axes`, two lengths in pixels, and an `angle` in degrees. Replace the last line, so
# that the ellipse is drawn into the mask as well, which may hold other lesions already.
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
# A lesion is a disc of radius 5. A method finds it in the right place, but one pixel too small on all sides: with radius 4.
# What is the Dice score? Work with ideal circles, on paper, to two decimals. Is it more or less than you expected?
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
# Masks of real scans come as pictures: `[height, width]`, uint8, with 0 for background and 255 for lesion. Where an editor
# has smoothed the edge, there are grays in between. Turn such a picture into a mask as this course uses it:
# `[height, width, 1]`, uint8, 0 and 1. A stored value of 128 or more counts as lesion. The two steps are there. Fill in what
# they compute.
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
# This one starts from nothing. Each picture belongs to a patient. `patients` is an array that holds the number or the name of
# the patient of each picture, in any order. Write a function that draws `n_test` whole patients with the generator `rng`. It
# returns an array with one boolean for each picture: True if the picture belongs to the test set.
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
# Which of these leak, so that the score on the test pictures is too good? Write all letters, for example `"AB"`.
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
# A and E put a test picture, or nearly the same one, into the training set. C makes a decision with the test set. B happens
# among training pictures only, and D uses nothing but the picture itself.
#
# </details>

# %% [markdown]
# How far have you come? Your progress is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("01")

# %% [markdown]
# ## What you've learned
#
# You can now
#
# - say what a mask is, and read an image and its mask as two arrays that belong together.
# - draw a scan with lesions, vessels, uneven light, blur and noise, the same one from the same seed.
# - split pictures into training, validation and test sets, and explain what leakage does to a score.
# - score a prediction per image with Dice, and show why pixel accuracy misleads.
# - rank four honest baselines that any network has to beat.
#
# ## On your own
#
# 1. Subtract a strongly blurred copy of each image from the image itself before you choose a threshold. How far up the
#    ladder does this bring the threshold, and which dial have you defeated?
# 2. Our lesions are perfect discs. Which shortcut might a network learn that fails on real, ragged lesions? How would you
#    change `draw_lesion` to prevent it?
#
# ## Further reading
#
# - Otsu, "A Threshold Selection Method from Gray-Level Histograms", 1979.
# - Maier-Hein et al., "Metrics reloaded: recommendations for image analysis validation", 2024: which score for which task.
# - [cv2.HoughCircles](https://docs.opencv.org/4.x/dd/d1a/group__imgproc__feature.html) and
#   [train_test_split](https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.train_test_split.html).
