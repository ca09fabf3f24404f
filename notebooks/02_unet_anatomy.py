# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Build a U-Net and look inside it
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Draw scans that are worth learning from](01_data_synthesis.ipynb) · [Contents](../README.md) · Next:
# [Train it, and see every callback act](03_training_with_callbacks.ipynb)
#
# ## What you'll do
#
# You build a U-Net from its blocks, starting with a single convolution that you compute by hand, check it against the
# original paper, and take out one part to see what that part was for.
#
# ## What you'll learn
#
# - Compute a convolution by hand, and show that `Conv2D` computes the same.
# - Explain what each block does to height, width and channels: convolution, pooling, upsampling, skip connection, logits.
# - Assemble a U-Net and check its shapes and weights against the paper.
# - Predict the number of weights and the receptive field with a formula, and measure both.
# - Show by experiment what skip connections contribute at the boundaries of lesions.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about a minute on two CPU cores.
# - 1.2 GB of memory. No GPU.
# - Notebook [01](01_data_synthesis.ipynb).

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. A convolution by hand
#
# In notebook 01 you saw lesions through noise in which single pixels said nothing, because your eye averages over
# neighbors. A **[convolution](00_start_here.ipynb#convolution)** is the simplest machine that does so. It slides a small window over the picture and replaces
# each pixel by a weighted sum of its neighbors. The weights are called the **[kernel](00_start_here.ipynb#kernel)**.
#
# Take a picture of six by six pixels, bright on the right, and a kernel that subtracts the left neighbor from the right
# one.

# %%
import numpy as np

step = np.zeros((6, 6), np.float32)
step[:, 3:] = 1
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], np.float32)

# %% [markdown]
# **Predict.** Lay the kernel over the three by three pixels around row 2, column 2. Multiply what lies on top of each other
# and add up the nine products. Which number comes out? And around row 2, column 4?

# %%
guess = None  # the first of the two numbers

# %%
from helpers import checks

for column in (2, 4):
    window = step[1:4, column - 1 : column + 2]
    print(f"around row 2, column {column}: {np.sum(window * kernel):g}")
checks.reveal("kernel", guess, int(np.sum(step[1:4, 1:4] * kernel)))

# %% [markdown]
# At the edge the kernel answers loudly, in the even region not at all. It is a *detector of vertical edges*. Now slide it over
# the whole picture. Outside the picture we assume zeros; this is **[zero padding](00_start_here.ipynb#padding)**, and with it the result has the same
# size as the picture.


# %%
def convolve(picture, kernel):
    padded = np.pad(picture, 1)
    result = np.zeros_like(picture)
    for row, column in np.ndindex(picture.shape):
        result[row, column] = np.sum(padded[row : row + 3, column : column + 3] * kernel)
    return result


# %%
from helpers import figures

figures.show_numbers(
    convolve(step, kernel), "The kernel answers where the brightness steps up",
    "Columns 2 and 3 hold the step; the -3s on the right are the border with the zeros outside."
)

# %% [markdown]
# OpenCV calls this `filter2D`, Keras calls it `Conv2D`. Do all three agree? We use a real scan and compare.

# %%
import cv2
from helpers.synthesis import CircleScene, make_dataset

images, masks = make_dataset(8, CircleScene(), seed=11)
scan = images[2, ..., 0]
by_hand = convolve(scan, kernel)
by_opencv = cv2.filter2D(scan, -1, kernel, borderType=cv2.BORDER_CONSTANT)

# %% [markdown]
# Keras keeps the kernel of a layer as an array `[height, width, channels in, channels out]`; we put ours in. Importing
# TensorFlow takes a few seconds.

# %%
import keras
from keras import layers

conv = layers.Conv2D(1, 3, padding="same", use_bias=False)
conv.build((None, None, None, 1))
conv.set_weights([kernel[:, :, None, None]])
by_keras = conv(scan[None, ..., None])[0, ..., 0]

# %%
print("OpenCV equals ours:", np.allclose(by_opencv, by_hand, atol=1e-5))
print("Keras equals ours: ", np.allclose(by_keras, by_hand, atol=1e-5))

# %%
blur = np.full((3, 3), 1 / 9, np.float32)
figures.show_images(
    [scan, convolve(scan, blur), np.abs(convolve(scan, kernel)) / 2],
    ["scan", "mean of 9 pixels", "vertical edges"],
    "Two kernels, two views of the same scan",
    "The mean suppresses noise; "
    "the edge kernel answers at the left and right sides of lesions and vessels.", size=2.6
)

# %% [markdown]
# There is one thing that a network adds: it does not get its kernels from us. It *learns* the nine numbers, and it learns many
# kernels at once. Each gives one **channel** of the result, also called a [feature map](00_start_here.ipynb#feature-map).
#
# ### Counting weights
#
# **Predict.** A layer takes 8 channels and gives 16, with 3x3 kernels. Each of the 16 results adds up a convolution over
# each of the 8 channels, plus one number of its own, the *[bias](00_start_here.ipynb#bias)*. How many weights does it learn?

# %%
guess = None  # how many weights?


# %%
def conv_weights(kernel, channels_in, channels_out):
    return kernel * kernel * channels_in * channels_out + channels_out


# %%
layer = layers.Conv2D(16, 3)
layer.build((None, None, None, 8))
print("formula:", conv_weights(3, 8, 16), " Keras:", layer.count_params())
checks.reveal("weights", guess, layer.count_params())

# %% [markdown]
# ## 2. The blocks
#
# ### ReLU and the convolution block
#
# Two convolutions in a row are again one, only larger: a weighted sum of weighted sums is a weighted sum. To gain anything from a
# second one, something must come between them that is not a sum. The **[ReLU](00_start_here.ipynb#relu)** does this: it replaces negative numbers by 0.
#
# The U-Net's basic block is *convolution, ReLU, convolution, ReLU*. You will use it seven times. `normalization` is an
# option which we leave off; you find out about it in notebook 03.


# %%
def conv_block(x, filters, name, normalization=None, padding="same"):
    for i in (1, 2):
        x = layers.Conv2D(
            filters, 3, padding=padding, kernel_initializer="he_normal", name=f"{name}_conv{i}"
        )(x)
        if normalization == "batch":
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm{i}")(x)
        if normalization == "group":
            x = layers.GroupNormalization(groups=min(8, filters), name=f"{name}_norm{i}")(x)
        x = layers.ReLU(name=f"{name}_relu{i}" if i == 1 else name)(x)
    return x


# %% [markdown]
# `he_normal` draws the first, random weights in a size such that the signal neither dies out nor explodes on its way through
# many ReLUs (He et al. 2015).
#
# **Predict.** A picture `[1, 96, 96, 1]` goes into a block with 8 filters. Which shape comes out?

# %%
guess = None  # a shape, such as (1, 2, 3, 4)

# %%
x = conv_block(images[2:3], 8, "trial")
print("in", images[2:3].shape, "out", tuple(x.shape))
checks.reveal("block shape", guess, tuple(x.shape))

# %% [markdown]
# ### Pooling: see further
#
# Two 3x3 convolutions see five pixels in a row. A lesion may be thirty wide. Instead of larger kernels, which cost more
# weights, the U-Net makes the *picture smaller*: **[max pooling](00_start_here.ipynb#pooling)** keeps of each two by two pixels the largest. After that, the
# same 3x3 kernel spans twice as much of the scan.

# %%
small = np.array([[1, 2, 0, 0], [3, 4, 0, 1], [0, 0, 5, 5], [0, 9, 5, 6]], np.float32)
pooled = layers.MaxPooling2D(2)(small[None, ..., None])[0, ..., 0]
print(np.array(pooled))

# %% [markdown]
# What is lost is *where* within the two by two the largest value stood. What is gained is context. We go down like this
# three times, and double the number of channels each time: fewer places, more to say about each. This downward path is
# called the **[encoder](00_start_here.ipynb#encoder)**, and the block at its lowest point the **[bottleneck](00_start_here.ipynb#bottleneck)**.
#
# ### Upsampling: back to full size
#
# The answer must have a value for each pixel of the scan, so the **[decoder](00_start_here.ipynb#decoder)** climbs up again. There are two common ways.
# A **[transposed convolution](00_start_here.ipynb#transposed-convolution)** paints a small learned pattern, two by two, for each pixel. **Resize and convolve** repeats each
# pixel two by two, and lets a convolution smooth the steps.


# %%
def upsample(x, filters, name, upsampling="transpose"):
    if upsampling == "transpose":
        return layers.Conv2DTranspose(
            filters, 2, strides=2, kernel_initializer="he_normal", name=name
        )(x)
    x = layers.UpSampling2D(2, name=f"{name}_resize")(x)
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=name)(x)


# %%
deep = np.ones((1, 12, 12, 64), np.float32)
for kind in ("transpose", "resize"):
    print(kind, tuple(upsample(deep, 32, "trial_up", kind).shape))

# %% [markdown]
# Both double height and width. The transposed convolution is cheaper; the other avoids checkerboard patterns (Odena et al.
# 2016). Untrained transposed convolutions show such a pattern clearly:

# %%
keras.utils.set_random_seed(1)
flat = np.ones((1, 8, 8, 1), np.float32)
patterns = [
    np.array(upsample(flat, 1, "trial_pattern", kind))[0] for kind in ("transpose", "resize")
]
figures.show_images(
    patterns, ["transpose", "resize"], "An even input, upsampled by untrained layers",
    "The transposed convolution repeats its random 2x2 pattern; "
    "resize and convolve is even except at the border.",
    limits=None, cmap="viridis", size=2.6
)

# %% [markdown]
# ### Skip connections: what and where
#
# The bottleneck knows *what* is there, but in coarse pixels, each 8 pixels of the scan wide. The encoder's first level knows
# *where* each edge runs, but not whether it belongs to a lesion. The idea that made the U-Net famous is to hand the
# encoder's feature maps across to the decoder, at every level, and to put them beside the decoder's own channels. That
# is a **[skip connection](00_start_here.ipynb#skip-connection)**.


# %%
def join_skip(x, skip, name, crop=0):
    if crop:
        skip = layers.Cropping2D(crop, name=f"{name}_crop")(skip)
    return layers.Concatenate(name=name)([skip, x])


# %% [markdown]
# **Predict.** The encoder's maps are `[1, 96, 96, 8]`, the decoder's are `[1, 96, 96, 8]`. Which shape has the joined array?

# %%
guess = None  # a shape, such as (1, 2, 3, 4)

# %%
maps = np.zeros((1, 96, 96, 8), np.float32)
checks.reveal("skip shape", guess, tuple(join_skip(maps, maps, "trial_skip").shape))

# %% [markdown]
# What is the cropping for? The original U-Net does not pad. Each of its 3x3 convolutions (`padding="valid"`) makes the
# picture two pixels smaller, so the decoder's maps are smaller than the encoder's, and the latter must be cut. By how much?
# At the bottleneck 4 pixels are lost. Each level up doubles the loss, and two blocks, the encoder's and the decoder's, add 4 each.


# %%
def skip_crop(level, depth):
    loss = 4
    for _ in range(depth - level - 1):
        loss = 2 * loss + 8
    return loss


# %%
print(
    "pixels cut off each side in the paper's U-Net, from level 4 up to 1:",
    [skip_crop(level, 5) for level in (4, 3, 2, 1)]
)

# %% [markdown]
# ### The output: logits and probabilities
#
# At the end each pixel has 8 channels, and we need one number. A **1x1 convolution** is a weighted sum over the channels of
# one pixel. Its result can be any number and is called a **[logit](00_start_here.ipynb#logit)**. The **[sigmoid](00_start_here.ipynb#sigmoid)** squeezes it into 0..1, and we read it as
# the probability that the pixel is foreground.

# %%
logits = np.array([-6, -2.2, 0, 2.2, 6], np.float32)
print(np.round(np.array(keras.ops.sigmoid(logits)), 3))

# %% [markdown]
# A logit of 0 means undecided. -2.2 means 0.1, which is about the share of foreground you counted in notebook 01. We let the
# bias of the last layer *start* there, so that the untrained network already knows that lesions are rare and need not
# spend its first steps on learning it.
#
# ## 3. The assembly
#
# Now read the whole network. Down, through the bottleneck, and up again; each level of the encoder is kept for
# its twin in the decoder. The first line inside moves gray levels from 0..1 to -2..2, since training starts faster from
# numbers around zero. `check_settings` refuses impossible settings before Keras gets to see them.

# %%
from helpers.anatomy import check_settings


def build_unet(
    input_shape=(None, None, 1), depth=4, filters=8, normalization=None, dropout=0.0,
    upsampling="transpose",
    padding="same", skips=True, prior=0.1,
):
    check_settings(input_shape, depth, filters, normalization, dropout, upsampling, padding, prior)
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(4, offset=-2, name="center")(inputs)
    encoder = {}
    for level in range(1, depth):
        x = encoder[level] = conv_block(
            x, filters * 2 ** (level - 1), f"encoder_{level}", normalization, padding
        )
        x = layers.MaxPooling2D(2, name=f"pool_{level}")(x)
    x = conv_block(x, filters * 2 ** (depth - 1), "bottleneck", normalization, padding)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(depth - 1, 0, -1):
        x = upsample(x, filters * 2 ** (level - 1), f"up_{level}", upsampling)
        if skips:
            x = join_skip(
                x, encoder[level], f"skip_{level}",
                skip_crop(level, depth) if padding == "valid" else 0
            )
        x = conv_block(x, filters * 2 ** (level - 1), f"decoder_{level}", normalization, padding)
    bias = keras.initializers.Constant(np.log(prior / (1 - prior)))
    logits = layers.Conv2D(1, 1, bias_initializer=bias, name="logits")(x)
    return keras.Model(
        inputs, layers.Activation("sigmoid", name="probability")(logits), name="unet"
    )


# %%
keras.utils.set_random_seed(0)
unet = build_unet((96, 96, 1))
figures.draw_unet(unet, "The U you have built, drawn from the model itself")

# %% [markdown]
# Blue is the encoder, pink the bottleneck, green the decoder. Bars are as tall as their pictures and as wide as
# their channels. Dashed orange arrows are skip connections: four levels, three skips.
#
# What does it say *untrained*?

# %%
untrained = np.array(unet(images[2:3]))
low, high, mean = untrained.min(), untrained.max(), untrained.mean()
print(f"probabilities from {low:.2f} to {high:.2f}, mean {mean:.2f}")
assert untrained.shape == (1, 96, 96, 1) and 0 < untrained.min() and untrained.max() < 1

# %% [markdown]
# ### Check it against the paper
#
# Ronneberger et al. use depth 5, 64 filters and no padding, and state that 572x572 pixels become 388x388. The paper gives no
# number of weights; about 31 million is what others report. (Building it takes a moment and 120 MB.)

# %%
paper = build_unet((572, 572, 1), depth=5, filters=64, padding="valid")
print("output", paper.output_shape[1:3], f"and {paper.count_params():,} weights")

# %% [markdown]
# Our own default, depth 4 and 8 filters, is tiny beside it. **Predict.** How many times as many weights has the
# network of the paper?

# %%
guess = None  # how many times fewer?

# %%
print(
    f"{unet.count_params():,} weights, {paper.count_params() / unet.count_params():.0f} times fewer"
)
checks.reveal("paper", guess, paper.count_params() / unet.count_params())
del paper

# %% [markdown]
# Each doubling of the filters makes four times as many weights, since both sides of `channels_in * channels_out` double.
# Every further level at the bottom does about the same. Small discs do not need 31 million weights; notebook 07 shows what
# more of them buy.
#
# ### The arithmetic of shapes
#
# You can do all of this on paper: `shape_table` applies `conv_weights` and the rules for sizes, block by block.

# %%
from helpers.anatomy import shape_table

for row in shape_table(96, depth=4, filters=8):
    size = f"{row.height:>4} x {row.width:<4}"
    print(f"{row.block:<11}{size}{row.channels:>3} channels{row.weights:>8,} weights")

# %%
total = sum(row.weights for row in shape_table(96, depth=4, filters=8))
print(f"sum {total:,}; Keras counts {unet.count_params():,}")
assert total == unet.count_params()

# %% [markdown]
# **Change.** Which block holds the most weights? Why is it not the bottleneck alone, although it has the most channels?
#
# ### Sizes that do not fit
#
# Pooling halves. 100 can be halved twice, to 25, and then no more. Many tutorials end in a long Keras error here.

# %%
try:
    build_unet((100, 100, 1))
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# ## 4. How far does a pixel see?
#
# The **[receptive field](00_start_here.ipynb#receptive-field)** of an output pixel is the part of the input that can influence it. If it is smaller than the
# lesions, the network cannot see a lesion as a whole, and no training can help.
#
# We find it by walking backwards. Start with one output pixel, an interval that is one pixel long. Two 3x3 convolutions need
# 2 pixels more on each side. Below an upsampling, the interval is half as long; above a pooling, twice as long.


# %%
def receptive_field(depth=4, upsampling="transpose", position=0):
    check_settings(depth=depth, upsampling=upsampling)
    reach = 3 if upsampling == "resize" else 2
    first = last = position
    for _ in range(depth - 1):  # decoder, from the output down
        first, last = (first - reach) // 2, (last + reach) // 2
    first, last = first - 2, last + 2  # bottleneck
    for _ in range(depth - 1):  # encoder, back up to the image
        first, last = 2 * first - 2, 2 * last + 3
    return last - first + 1


# %% [markdown]
# **Predict.** With depth 1 there is one block: two convolutions, 5 pixels. Roughly how does the field grow with each level?

# %%
for depth in range(1, 6):
    print(f"depth {depth}: {receptive_field(depth)} pixels")

# %% [markdown]
# It doubles, and a bit. Our largest lesion is 31 pixels wide, so depth 3 can take it in at one glance, and depth 4 sees almost
# the whole picture. (Halving rounds, so the field depends a little on where the pixel lies on the grid; the argument
# `position` moves it.)
#
# A formula is a claim. We can *measure* the field: the **[gradient](00_start_here.ipynb#gradient)** of one output pixel with respect to the input is zero
# exactly where the input has no influence. To be sure that no ReLU blocks the way, the weights are set to positive
# numbers meanwhile.

# %%
from helpers.anatomy import measured_receptive_field

for depth in range(1, 5):
    small_unet = build_unet(depth=depth, filters=2)
    measured = measured_receptive_field(small_unet, size=128)
    print(f"depth {depth}: formula {receptive_field(depth)}, measured {measured}")
    assert measured == receptive_field(depth)

# %% [markdown]
# Being able to see is not the same as looking. Trained networks pay most attention to the middle of their field.
#
# ### The architect
#
# Now you are the architect: choose depth, filters, size and padding, and read off shapes, weights, memory and the receptive
# field, drawn over a scan beside its largest lesion. Sizes that do not fit are explained, not forbidden.
#
# **Change.** Rebuild the network of the paper: depth 5, 64 filters, size 572, padding "valid". Then find the smallest depth
# whose field covers the largest lesion.

# %%
from helpers import panels

panels.architect_panel()

# %%
panels.show_still(
    panels.architect,
    [
        {"depth": 2}, {"depth": 4},
        {"depth": 5, "filters": 64, "size": 572, "padding": "valid"}, {"depth": 4, "size": 100},
    ],
    ["depth 2", "the default of this course", "the paper's", "a size that does not fit"],
    title="Four U-Nets: too short-sighted, ours, the paper's, and one that cannot be built",
)

# %%
depth, filters, size = 3, 16, 128
shown = panels.architect(depth=depth, filters=filters, size=size)
panels.show_picture(shown.picture, shown.caption)
print(shown.caption)

# %% [markdown]
# ## 5. An experiment: take out the skips
#
# Do skip connections matter? Do not believe it, try it. Build the same U-Net twice, once without skips, and train
# both in the same way, on the same pictures, from the same seed. *How* training works is the subject of notebook 03; here
# `train_unet` is a tool.
#
# **Predict.** Where will the network without skips go wrong: in the middle of lesions, or at their boundaries?

# %%
guess = None  # "middle" or "boundaries"

# %%
import tempfile
from pathlib import Path

from helpers.evaluation import boundary_error, dice_per_image
from helpers.training import predict, train_unet

train = make_dataset(480, CircleScene(), seed=21)
validation = make_dataset(100, CircleScene(), seed=22)
runs = Path(tempfile.mkdtemp())


# %%
def train_variant(skips):
    keras.utils.set_random_seed(3)
    model = build_unet(skips=skips)
    train_unet(model, train, validation, runs / f"skips-{skips}", epochs=9, seed=3)
    return model


# %%
networks = {"with skips": train_variant(True), "without skips": train_variant(False)}
found = {
    name: (predict(model, validation[0]) >= 0.5).astype(np.uint8)
    for name, model in networks.items()
}

# %% tags=["nbval-ignore-output"]
dice = {
    name: dice_per_image(validation[1], masks_found).mean() for name, masks_found in found.items()
}
near = {name: boundary_error(validation[1], masks_found)[0] for name, masks_found in found.items()}
away = {name: boundary_error(validation[1], masks_found)[1] for name, masks_found in found.items()}
for name in networks:
    wrong = f"wrong pixels near boundaries {near[name]:.1%}, elsewhere {away[name]:.1%}"
    print(f"{name:<14} mean Dice {dice[name]:.2f}; {wrong}")

# %%
ratio = near["without skips"] / near["with skips"]
assert ratio > 1.1, f"the skips have stopped mattering at boundaries: {ratio:.2f}"
print("Without skips, errors near boundaries are more than 1.1 times as frequent:", ratio > 1.1)
checks.reveal("skips", guess, "boundaries" if ratio > 1.1 else "middle")

# %% tags=["nbval-ignore-output"]
busy = np.argsort(validation[1].sum(axis=(1, 2, 3)))[-4:]
figures.show_predictions(
    validation[0][busy], validation[1][busy], found["without skips"][busy],
    ["without skips"] * 4,
    "Without skips: the right places, the wrong outlines",
    "The errors, blue and orange, line the borders of the lesions."
)

# %% tags=["nbval-ignore-output"]
figures.show_predictions(
    validation[0][busy], validation[1][busy], found["with skips"][busy],
    ["with skips"] * 4,
    "With skips: the same pictures, sharper outlines",
    "The lines of errors along the same borders are thinner."
)

# %% [markdown]
# Did you expect the network without skips to fail? Its mean Dice is only a little lower, and away from the boundaries it
# makes no more mistakes than its twin. Both know where the lesions are. But *near* the boundaries (within two pixels) it
# errs a third to a good half more often: it has to rebuild the outlines from maps in which one pixel is eight pixels of the
# scan wide. Our discs are forgiving, since a round outline can be guessed. Ragged ones, thin membranes or cells that
# touch cannot, and that is what the U-Net was made for.
#
# Two lessons about experiments are hidden here. A mean score can hide a difference that a score made for the question
# shows. And one run from one seed is one sample: from another seed the ratio is different, so we state a range.
#
# ## 6. What do the maps show?
#
# A feature map is a picture, so look at it. From the trained network with skips we take the output of every block.

# %%
trained = networks["with skips"]
blocks = [
    "encoder_1", "encoder_2", "encoder_3", "bottleneck", "decoder_3", "decoder_2", "decoder_1"
]
viewer = keras.Model(trained.input, [trained.get_layer(name).output for name in blocks])
features = dict(zip(blocks, viewer(images[2:3])))

# %% tags=["nbval-ignore-output"]
for name in ("encoder_1", "bottleneck", "decoder_1"):
    maps = np.moveaxis(np.array(features[name])[0], -1, 0)[:8]
    strongest = np.argsort([-m.std() for m in maps])[:6]
    figures.show_images(
        maps[strongest], [f"channel {i}" for i in strongest],
        f"{name}: where six channels answer, {maps.shape[1]}x{maps.shape[2]} pixels",
        f"Six feature maps of {name}, each in its own scale from dark (0) to bright.", limits=None,
        cmap="viridis", size=1.6
    )

# %% [markdown]
# The first level holds smoothed copies and edges, vessels and lesions alike. At the bottleneck the pixels are coarse, and
# some channels light up at lesions and ignore vessels. The last level has the sharp edges of the first *and* the knowledge of
# the bottleneck. That is what the skips are for.
#
# With the viewer you can walk through all levels. **Change.** Look at `encoder_3` and `decoder_3`. From which map on are the
# vessels gone?

# %%
panels.feature_panel(trained, images)

# %% tags=["nbval-ignore-output"]
levels = [{"level": name} for name in ("encoder_1", "bottleneck", "decoder_1")]
panels.show_still(
    panels.feature_maps, levels, model=trained, images=images[2:3],
    title="What three levels make of one scan"
)

# %% [markdown]
# ## Exercises
#
# Each exercise has a cell for your answer and, below it, a call that checks it. The check prints `to do` until you have
# begun, then what is wrong, then `solved`. Your variables are not touched. Stuck? Run `checks.hint("2.1")` in a cell of its
# own; each further call goes deeper.

# %% [markdown]
# ### Exercise 2.1: The shape at the bottleneck
#
# A picture `[1, 64, 48, 1]` goes into our U-Net with depth 4 and 8 filters. Which shape leaves the bottleneck's block?
#
# Hints: `checks.hint("2.1")`

# %%
bottleneck_shape = None

# %%
checks.exercise_2_1(bottleneck_shape)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# bottleneck_shape = (1, 64 // 2**3, 48 // 2**3, 8 * 2**3)
# ```
#
# Four levels have three steps down. Each halves height and width and doubles the channels.
#
# </details>

# %% [markdown]
# ### Exercise 2.2: The weights behind a skip
#
# In the same U-Net, how many weights has the *first* convolution of the block `decoder_3`? It comes right after skip 3 has been
# joined; the level has 32 filters, and the kernels are 3x3.
#
# Hints: `checks.hint("2.2")`

# %%
decoder_weights = None

# %%
checks.exercise_2_2(decoder_weights)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# decoder_weights = 3 * 3 * (32 + 32) * 32 + 32
# ```
#
# 32 channels come from below and 32 from the encoder, and each of the 32 results has one bias.
#
# </details>

# %% [markdown]
# ### Exercise 2.3: The convolution block
#
# The block once more, with a gap, without names and options. Its first half is there. Write the second one.
#
# Hints: `checks.hint("2.3")`


# %%
def my_conv_block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.ReLU()(x)
    raise NotImplementedError  # the second half


# %%
checks.exercise_2_3(my_conv_block)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_conv_block(x, filters):
#     x = layers.Conv2D(filters, 3, padding="same")(x)
#     x = layers.ReLU()(x)
#     x = layers.Conv2D(filters, 3, padding="same")(x)
#     return layers.ReLU()(x)
# ```
#
# </details>

# %% [markdown]
# ### Exercise 2.4: The order of a U-Net
#
# Here are the twelve parts of a U-Net of depth 3 for pictures of 96x96 pixels, shuffled. Write their letters in the order in
# which a picture passes them, such as `"ABC..."`.
#
# - A: join skip 1
# - B: pooling, 96 to 48
# - C: bottleneck
# - D: upsampling, 24 to 48
# - E: block, kept as skip 1
# - F: 1x1 convolution and sigmoid
# - G: join skip 2
# - H: block, kept as skip 2
# - I: upsampling, 48 to 96
# - J: pooling, 48 to 24
# - K: block on what skip 2 was joined to
# - L: block on what skip 1 was joined to
#
# Hints: `checks.hint("2.4")`

# %%
order = ""

# %%
checks.exercise_2_4(order)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# order = "EBHJCDGKIALF"
# ```
#
# </details>

# %% [markdown]
# ### Exercise 2.5: A receptive field by hand
#
# Two 3x3 convolutions, a pooling of two by two, two more 3x3 convolutions. How many pixels of the input wide is the part that one
# pixel of the result sees? Walk backwards.
#
# Hints: `checks.hint("2.5")`

# %%
field = None

# %%
checks.exercise_2_5(field)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# field = (1 + 2 + 2) * 2 + 2 + 2
# ```
#
# Two convolutions see 5 pixels of the pooled picture, which are 10 of the original; the two above add 4.
#
# </details>

# %% [markdown]
# ### Exercise 2.6: A level of the decoder
#
# From nothing. `x` comes from below, `skip` from the encoder, with twice the height and width. Write one level of the decoder: upsample
# `x` to `filters` channels, join the skip, and apply a convolution block with `filters` filters. You may use this notebook's
# functions; each takes a name of your choice.
#
# Hints: `checks.hint("2.6")`


# %%
def my_decoder_step(x, skip, filters):
    raise NotImplementedError


# %%
checks.exercise_2_6(my_decoder_step)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_decoder_step(x, skip, filters):
#     x = upsample(x, filters, "my_up")
#     x = join_skip(x, skip, "my_skip")
#     return conv_block(x, filters, "my_block")
# ```
#
# </details>

# %% [markdown]
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("02")

# %% [markdown]
# ## What you've learned
#
# - You computed a convolution by hand, and showed that `Conv2D` computes the same.
# - You explained what each block does to height, width and channels: convolution, pooling, upsampling, skip connection, logits.
# - You assembled a U-Net and checked its shapes and weights against the paper.
# - You predicted the number of weights and the receptive field with a formula, and measured both.
# - You showed by experiment what skip connections contribute at the boundaries of lesions.
#
# ## On your own
#
# 1. Join skips by addition in place of concatenation. How many weights do you save, and does the boundary error change?
# 2. Lesions of radius 40 in pictures of 256 pixels: which depth would you choose, and why? Try the one below it, too.
#
# ## Further reading
#
# - Ronneberger, Fischer and Brox, [U-Net: Convolutional Networks for Biomedical Image Segmentation](https://arxiv.org/abs/1505.04597),
#   2015, section 2 and figure 1.
# - Odena, Dumoulin and Olah, [Deconvolution and Checkerboard Artifacts](https://distill.pub/2016/deconv-checkerboard/), 2016.
# - He et al., [Delving Deep into Rectifiers](https://arxiv.org/abs/1502.01852), 2015, section 2.2.
# - [keras.layers.Conv2D](https://keras.io/api/layers/convolution_layers/convolution2d/).
