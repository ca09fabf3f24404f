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
# - Compute a convolution by hand, over one channel and over several, and show that `Conv2D` computes the same.
# - Build a small network in Keras: make layers, call them one after another, and wrap the path in a model.
# - Explain what each block does to height, width and channels: convolution, pooling, upsampling, skip connection, logits.
# - Assemble a U-Net, first bare and then with its options, and check its shapes and weights against the paper.
# - Predict the number of weights and the receptive field with a formula, and measure both.
# - Find out by an experiment over three seeds what skip connections are good for.
#
# ## What you'll need
#
# - About an hour and a half of your time; the cells themselves run in about a minute on two CPU cores.
# - 1.3 GB of memory. No GPU.
# - Notebook [01](01_data_synthesis.ipynb).

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. A convolution by hand
#
# In notebook 01 you found lesions in noise in which a single pixel said nothing, because your eye averages over neighbors.
# A **[convolution](00_start_here.ipynb#convolution)** does the same by arithmetic. It slides a small window over the
# picture and replaces each pixel by a weighted sum of the pixels around it. The numbers by which it multiplies are called
# the **[kernel](00_start_here.ipynb#kernel)**.
#
# Take a picture of six by six pixels that is 0 on the left and 1 on the right, and a kernel of three by three numbers that
# subtracts the left neighbors from the right ones.

# %%
import numpy as np

step = np.zeros((6, 6), np.float32)
step[:, 3:] = 1
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]], np.float32)
print(step.astype(int))

# %% [markdown]
# **Predict.** Lay the kernel over the nine pixels around row 2, column 2. (Python counts from 0.) Multiply the numbers that lie
# on each other, and add up the nine products. Which number comes out?

# %%
guess = None  # the sum of the nine products around row 2, column 2

# %%
from helpers import checks

window = step[1:4, 1:4]  # the nine pixels around row 2, column 2
checks.reveal("kernel", guess, int(np.sum(window * kernel)))

# %% [markdown]
# **Predict.** And around row 2, column 4, where all nine pixels are 1?

# %%
guess = None  # the sum of the nine products around row 2, column 4

# %%
window = step[1:4, 3:6]
checks.reveal("even kernel", guess, int(np.sum(window * kernel)))

# %% [markdown]
# So this kernel answers at an edge, where the right side is brighter than the left, and stays silent where the picture is
# even. It is a *detector of vertical edges*. Now slide it over the whole picture. Where the window hangs over the border, we
# need numbers for the missing pixels, and we take zeros. This is called **[zero padding](00_start_here.ipynb#padding)**,
# and with it the result is as large as the picture.


# %%
def convolve(picture, kernel):
    padded = np.pad(picture, 1)
    result = np.zeros(picture.shape, np.float32)
    for row, column in np.ndindex(picture.shape):
        result[row, column] = np.sum(padded[row : row + 3, column : column + 3] * kernel)
    return result


# %%
from helpers import figures

answer = convolve(step, kernel)
assert (answer[1:-1] == [0, 0, 3, 3, 0, -3]).all()
figures.show_numbers(
    answer, "The kernel answers where the brightness steps up",
    "In the inner rows, columns 2 and 3 beside the step hold 3. "
    "Column 5 holds -3, because beyond it lie zeros."
)

# %% [markdown]
# **Change.** Turn the kernel on its side: write `kernel.T` in place of `kernel` in the cell above, and take out the line that begins with
# `assert`. Before you run it: where will it answer now?
#
# <details><summary>What you should have seen</summary>
#
# Only in the first and the last row. The turned kernel subtracts the row above from the row below, and inside this picture each row is like
# its neighbors. At the top and at the bottom, the zeros of the padding make an edge that was not in the picture.
#
# </details>
#
# The same on a real size: OpenCV has a function that slides a kernel over a picture, `filter2D`. Does it agree with ours?

# %%
import cv2
from helpers.synthesis import CircleScene, make_dataset

images, masks = make_dataset(8, CircleScene(), seed=11)
scan = images[masks.sum(axis=(1, 2, 3)).argmax(), ..., 0]  # the one with the most lesion pixels
by_opencv = cv2.filter2D(scan, -1, kernel, borderType=cv2.BORDER_CONSTANT)
print("OpenCV equals ours:", np.allclose(by_opencv, convolve(scan, kernel), atol=1e-5))

# %%
blur = np.full((3, 3), 1 / 9, np.float32)
smooth = convolve(scan, blur)
edges = np.abs(convolve(smooth, kernel))
assert np.abs(np.diff(smooth)).mean() < 0.5 * np.abs(np.diff(scan)).mean()
figures.show_images(
    [scan, smooth, edges], ["scan", "mean of 9 pixels", "vertical edges of the mean"],
    "Two kernels make two pictures of the same scan",
    "In the mean, neighboring pixels differ less than half as much as in the scan. "
    "Right: where left and right differ, whatever the sign; the bright stripes at both sides come from the padding.",
    size=2.6
)

# %% [markdown]
# A network does not get its kernels from us. It *learns* the nine numbers: it starts with random ones, and training changes them
# a little at a time, until the answers are good. Numbers that are learned are called **[weights](00_start_here.ipynb#weight)**.
#
# ### Several channels
#
# A network slides many kernels over the same picture. Each result is a picture again, called a
# **[feature map](00_start_here.ipynb#feature-map)**, and all of them together are stacked as the **[channels](00_start_here.ipynb#channel)** of one
# array `[height, width, channels]`. So the next convolution does not get one picture, but a stack of them. What does it do with
# a stack of two? It has one kernel *for each channel*, and adds up the answers. To the sum it adds one more number, the
# **[bias](00_start_here.ipynb#bias)**. The kernels and the bias together are called a **[filter](00_start_here.ipynb#filter)**.
#
# Here is a filter for two channels, by hand. Channel 0 is our picture, and channel 1 is the same picture turned on its side.

# %%
two_channels = np.stack([step, step.T], axis=-1)  # [6, 6, 2]
kernels = np.stack([kernel, kernel.T], axis=-1)  # [3, 3, 2]: one kernel for each channel
bias = 0.5
answers = [convolve(two_channels[..., i], kernels[..., i]) for i in (0, 1)]
by_hand = answers[0] + answers[1] + bias
first, second = answers[0][2, 2], answers[1][2, 2]
print(f"around row 2, column 2: {first:g} + {second:g} + {bias} = {by_hand[2, 2]:g}")

# %% [markdown]
# One filter gives one channel of the result, however many channels go in. A layer with 16 filters therefore gives 16 channels: **the
# number of filters is the number of channels that come out.**
#
# **Predict.** A layer gets 8 channels and has 16 filters with 3x3 kernels. Each filter has a kernel for each of the 8 channels,
# and one bias. How many weights does the layer learn?

# %%
guess = None  # how many weights?


# %%
def conv_weights(kernel, channels_in, channels_out):
    return kernel * kernel * channels_in * channels_out + channels_out


# %%
checks.reveal("weights", guess, conv_weights(3, 8, 16))

# %% [markdown]
# ## 2. Keras in ten lines
#
# [Keras](https://keras.io) is the library with which we build the network. It calculates as we did above, only faster, and
# it can learn. You need four ideas, and each takes a cell. The first `import` takes a few seconds.
#
# **A [layer](00_start_here.ipynb#layer) is an object, and calling it applies it.** The line `layers.Conv2D(1, 3, padding="same")` makes a
# convolution with 1 filter and 3x3 kernels; `padding="same"` is the zero padding from above. It has no weights yet. When you call
# it on an array, as you call a function, it looks at the number of channels, makes weights that fit, and returns the result. Keras
# always takes a *stack of pictures*, `[pictures, height, width, channels]`, also called a **[batch](00_start_here.ipynb#batch)**. For one
# picture, `[None]` puts that first axis in front.

# %%
import keras
from keras import layers

layer = layers.Conv2D(1, 3, padding="same")
result = layer(two_channels[None])
print("in", two_channels[None].shape, "out", tuple(result.shape))

# %% [markdown]
# **A layer keeps its weights as arrays.** The kernels of a convolution are one array `[height, width, channels in, channels out]`, and
# the biases are another. The kernels are random at first, and the biases are 0. We put our own numbers in; `[..., None]` adds an axis at the end, for the one
# channel that comes out. Now Keras must agree with us.

# %%
print("shapes:", *(tuple(weight.shape) for weight in layer.weights))
layer.set_weights([kernels[..., None], np.array([bias])])
by_keras = np.array(layer(two_channels[None]))[0, ..., 0]
print("Keras equals ours:", np.allclose(by_keras, by_hand))

# %%
layer = layers.Conv2D(16, 3)
layer(np.zeros((1, 5, 5, 8), np.float32))  # any array with 8 channels will do: now it has weights
print("formula:", conv_weights(3, 8, 16), " Keras:", layer.count_params())

# %% [markdown]
# **A [model](00_start_here.ipynb#model) is a path from an input to an output.** So far we put numbers in and got numbers out. To describe a network
# before there are pictures, we put in a placeholder instead, `keras.Input`. It has a shape and no numbers. Each layer that is
# called on it returns a placeholder for its result. `keras.Model` then takes the first and the last one, and finds the
# way between them. (`ReLU` and the 1x1 convolution of the last layer are explained in section 3. Here only the path and the
# shapes matter.)

# %%
inputs = keras.Input((None, None, 1))
x = layers.Conv2D(8, 3, padding="same")(inputs)
x = layers.ReLU()(x)
outputs = layers.Conv2D(1, 1)(x)
model = keras.Model(inputs, outputs)
print("in", inputs.shape, "between", x.shape, "out", outputs.shape)

# %% [markdown]
# **`None` stands for "any number".** The first `None` is the number of pictures, which Keras adds by itself; the other two are height
# and width, which we left open. Notice the name `x`: it always stands for the latest result, so that each line reads "take
# `x`, apply a layer, call the result `x` again". The model is called like a layer, and now with numbers:

# %%
print("one scan:", tuple(model(images[2:3]).shape), " two scans:", tuple(model(images[:2]).shape))

# %% [markdown]
# (`images[2:3]` is scan 2 with its first axis kept, so it is a stack of one.)
#
# ## 3. The blocks
#
# ### ReLU and the convolution block
#
# Two convolutions in a row can be written as a single larger one, because a weighted sum of weighted sums is a weighted
# sum. To gain anything from the second one, something must come between them that is not a sum. The **[ReLU](00_start_here.ipynb#relu)** is the simplest
# such thing: it replaces negative numbers by 0 and leaves the others as they are.

# %%
numbers = np.array([-2, -0.5, 0, 1, 3], np.float32)
print("in ", numbers)
print("out", np.array(layers.ReLU()(numbers)))

# %% [markdown]
# The U-Net's basic block is *convolution, ReLU, convolution, ReLU*. The U-Net that we build has seven of them.
#
# **Predict.** A picture `[1, 96, 96, 1]` goes into such a block, whose two convolutions have 8 filters each, with zero padding. Which shape comes out?

# %%
guess = None  # a shape, such as (1, 2, 3, 4)

# %% [markdown]
# ### Exercise 2.3: The convolution block
#
# Now write it. The first half is there. Write the second half, and check it with the cell below. (Exercises have numbers;
# this one and 2.6 come early, because the network is built from them. The others stand at the end. A check prints `to do` until
# you have begun, then what is wrong, then `solved`.)
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
# Keras has a shorter way to write a convolution with a ReLU behind it: `activation="relu"`. With it the block takes two lines, and
# we go on with these:


# %%
def bare_block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)


# %%
x = bare_block(images[2:3], 8)
checks.reveal("block shape", guess, tuple(x.shape))

# %% [markdown]
# How far does a block look? One pixel of its result is made from three by three pixels of the map before it, and each of those from three by
# three pixels of the picture. We can let the convolution count for us: start with a single 1, and spread it twice with a
# kernel of ones.

# %%
one = np.zeros((7, 7), np.float32)
one[3, 3] = 1
ones = np.ones((3, 3), np.float32)
paths = convolve(convolve(one, ones), ones)
figures.show_numbers(
    paths, "How often one output pixel of a block uses each input pixel",
    "Five by five pixels are used, the middle one nine times, the corners once. "
    "The zeros outside are not used."
)

# %%
assert (paths > 0).sum() == 5 * 5 and paths.max() == paths[3, 3] == 9
print("two 3x3 convolutions see", int((paths[3] > 0).sum()), "pixels in a row")

# %% [markdown]
# ### Pooling: see further
#
# A lesion may be thirty pixels wide, and a block sees five. Larger kernels would cost many more weights. The U-Net makes the
# *picture smaller* instead: **[max pooling](00_start_here.ipynb#pooling)** keeps only the largest of each two by two pixels. After that, the same
# 3x3 kernel spans twice as much of the scan.

# %%
small = np.array([[1, 2, 0, 0], [3, 4, 0, 1], [0, 0, 5, 5], [0, 9, 5, 6]], np.float32)
pooled = layers.MaxPooling2D(2)(small[None, ..., None])[0, ..., 0]
print(np.array(pooled))

# %% [markdown]
# What is lost is the three smaller values, and *where* the largest one stood. What is gained is a wider view.
#
# **Predict.** Maps of the shape `[1, 96, 96, 8]` go through a max pooling. Which shape comes out?

# %%
guess = None  # a shape, such as (1, 2, 3, 4)

# %%
maps = np.zeros((1, 96, 96, 8), np.float32)
checks.reveal("pooled shape", guess, tuple(layers.MaxPooling2D(2)(maps).shape))

# %% [markdown]
# We go down like this three times, and let each block have twice as many filters as the one before it: fewer places, and more to
# say about each. This downward path is called the **[encoder](00_start_here.ipynb#encoder)**, and the block at its lowest point the
# **[bottleneck](00_start_here.ipynb#bottleneck)**. Each size of the maps is called a **level**: three poolings make four levels, and the
# bottleneck is the lowest of them. The number of levels is the **depth** of the network.
#
# ### Transposed convolution: back to full size
#
# The answer must have a value for each pixel of the scan, so the **[decoder](00_start_here.ipynb#decoder)** climbs up again. A
# **[transposed convolution](00_start_here.ipynb#transposed-convolution)** turns each pixel into two by two pixels. It has a small learned
# pattern, its kernel, and *paints* it once for each pixel, multiplied by the pixel's value. `strides=2` says that the paintings
# lie two pixels apart, so here they touch and do not overlap.


# %%
def paint(coarse, pattern):
    fine = np.zeros((2 * coarse.shape[0], 2 * coarse.shape[1]), np.float32)
    for row, column in np.ndindex(coarse.shape):
        fine[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = coarse[row, column] * pattern
    return fine


# %%
coarse = np.array([[1, 0], [2, 10]], np.float32)
pattern = np.array([[1, 2], [3, 4]], np.float32)

# %% [markdown]
# **Predict.** `paint(coarse, pattern)` has four by four numbers. Which one stands in the last row and the last column?

# %%
guess = None  # one number

# %%
painted = paint(coarse, pattern)
checks.reveal("painted", guess, int(painted[3, 3]))

# %%
print(painted.astype(int))

# %% [markdown]
# Keras must paint the same. (It keeps this kernel as `[height, width, channels out, channels in]`, the other way round than for `Conv2D`.)

# %%
layer = layers.Conv2DTranspose(1, 2, strides=2)
layer(coarse[None, ..., None])
layer.set_weights([pattern[..., None, None], np.zeros(1)])
print("Keras equals ours:", np.allclose(layer(coarse[None, ..., None])[0, ..., 0], painted))

# %% [markdown]
# With several channels it goes as for the convolution. One filter has a pattern for *each* channel that comes in, paints them all over one another,
# that is, adds them up, and adds one bias. So 64 channels become 32 if there are 32 filters: each filter has 64 patterns and gives one channel.

# %%
layer = layers.Conv2DTranspose(32, 2, strides=2)
up = layer(np.ones((1, 12, 12, 64), np.float32))
print("out", tuple(up.shape), f"with {layer.count_params():,} weights")
print(f"formula: {conv_weights(2, 64, 32):,}")

# %% [markdown]
# ### Skip connections: what and where
#
# The bottleneck knows *what* is there, but only in coarse pixels, each of which is 8 pixels of the scan wide. The first level of the encoder knows
# *where* each edge runs, but not whether it belongs to a lesion. The idea that made the U-Net famous is to hand the maps of the
# encoder across to the decoder, on every level, and to put them beside the decoder's own channels. That is a **[skip
# connection](00_start_here.ipynb#skip-connection)**. The layer that puts channels beside each other is `Concatenate`, and it is called on a list.
#
# **Predict.** The encoder's maps are `[1, 96, 96, 8]`, and the decoder's are `[1, 96, 96, 8]`. Which shape does the joined array have?

# %%
guess = None  # a shape, such as (1, 2, 3, 4)

# %%
joined = layers.Concatenate()([maps, maps])
checks.reveal("skip shape", guess, tuple(joined.shape))

# %% [markdown]
# ### Exercise 2.6: A level of the decoder
#
# Put three things together: upsampling, skip and block. `x` comes from below, and `skip` from the encoder, with twice the height and width. Write
# one level of the decoder: a transposed convolution that turns `x` into `filters` channels of twice the size, joining the
# skip, and a convolution block with `filters` filters, for which you may call `bare_block`.
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
#     x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
#     x = layers.Concatenate()([skip, x])
#     return bare_block(x, filters)
# ```
#
# </details>


# %%
def bare_decoder_step(x, skip, filters):
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    x = layers.Concatenate()([skip, x])
    return bare_block(x, filters)


# %% [markdown]
# ### The output: logits and probabilities
#
# At the end each pixel has 8 channels, and we need one number. A **1x1 convolution** is a weighted sum over the channels of
# one pixel, without its neighbors. The result can be any number, and is called a **[logit](00_start_here.ipynb#logit)**. The
# **[sigmoid](00_start_here.ipynb#sigmoid)**, `1 / (1 + exp(-logit))`, squeezes it into 0..1, and we read that as the probability that the
# pixel is foreground. Here it is for one pixel with three channels:

# %%
channels = np.array([2.0, 0.5, 1.0])
weights, bias = np.array([1.0, -2.0, 0.5]), -1.0
logit = np.sum(channels * weights) + bias
print(f"logit 2 - 1 + 0.5 - 1 = {logit:g}, probability {1 / (1 + np.exp(-logit)):.2f}")

# %%
for logit in (-6, -2.2, 0, 2.2, 6):
    print(f"logit {logit:>4}: probability {1 / (1 + np.exp(-logit)):.3f}")

# %% [markdown]
# A logit of 0 means undecided, -2.2 means a probability of 0.1, and 2.2 means 0.9.
#
# ## 4. The assembly
#
# Here is the whole network, in its barest form. Read it from top to bottom: down through the encoder, where each level is kept for
# later; through the bottleneck; up again, where each level meets what was kept; and out. `filters * 2**level` doubles the filters from level to level.


# %%
def bare_unet(input_shape, depth, filters):
    inputs = keras.Input(input_shape)
    x, kept = inputs, []
    for level in range(depth - 1):  # the encoder: down
        x = bare_block(x, filters * 2**level)
        kept.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = bare_block(x, filters * 2 ** (depth - 1))  # the bottleneck
    for level in reversed(range(depth - 1)):  # the decoder: up
        x = bare_decoder_step(x, kept[level], filters * 2**level)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(x)
    return keras.Model(inputs, outputs)


# %%
for layer in bare_unet((96, 96, 1), depth=2, filters=8).layers:
    kind, shape = type(layer).__name__, str(layer.output.shape[1:])
    print(f"{kind:<16} {shape:<12} {layer.count_params():>5,} weights")

# %% [markdown]
# That is a U-Net with two levels. Follow the shapes: 96 to 48 and back to 96, and 16 channels after `Concatenate`, which are 8 and 8.
#
# **Change.** Have you solved exercises 2.3 and 2.6? Then the network can be yours. Put `my_conv_block` and `my_decoder_step` in the places of `bare_block` and
# `bare_decoder_step` in `bare_unet`, run the two cells again, and compare.
#
# <details><summary>What you should have seen</summary>
#
# The same shapes and the same numbers of weights. The list is longer, because each of your ReLUs is a layer of its own, with 0 weights.
# Then put the two old names back and run the cells once more: section 5 copies weights into `bare_unet` one by one, and your decoder may join
# `x` and `skip` in the other order.
#
# </details>

# %% [markdown]
# ## 5. The options, one at a time
#
# The course uses the same network with a few additions. Each answers a question that the bare one leaves open. None of them
# changes the path that you have just read.
#
# ### Gray levels around zero
#
# Training starts faster from numbers around zero, and our gray levels lie between 0 and 1. So the first layer is
# `Rescaling(4, offset=-2)`: it multiplies by 4 and takes away 2. Black becomes -2, mid-gray 0 and white 2. The layer is called `center`.
#
# ### First weights that keep the signal alive
#
# The first weights are random. How large should they be? If they are too small, the numbers shrink from layer to layer
# until nothing is left; if they are too large, they explode. `kernel_initializer="he_normal"` draws them with a standard deviation (we say
# *spread* for short) of `sqrt(2 / n)`, where `n` is how many numbers each sum adds up (He et al. 2015). Ten convolutions with ReLUs, one after another:


# %%
def spread_after_ten(initializer):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 16)).astype(np.float32)
    for _ in range(10):
        x = layers.Conv2D(
            16, 3, padding="same", activation="relu", kernel_initializer=initializer
        )(x)
    return float(np.std(x))


# %%
too_large = keras.initializers.RandomNormal(stddev=0.3, seed=1)
small, fit, large = map(spread_after_ten, ("glorot_uniform", "he_normal", too_large))
print(f"Keras' default: {small:.2f}  he_normal: {fit:.1f}  a spread of 0.3: {large:.0e}")
assert small < 0.1 < fit < 3 < 1000 < large

# %% [markdown]
# They began with a spread of 1. With `he_normal` it is still of that order; with the others it has nearly vanished, or grown more than a thousandfold.
#
# ### A first guess that knows lesions are rare
#
# In notebook 01 you counted a tenth of all pixels as foreground. We let the bias of the last layer *start* at the logit of 0.1, so that
# training need not spend its first steps on learning it. To get from a probability `p` to its logit, turn the sigmoid round: `log(p / (1 - p))`.

# %%
p = 0.1
logit = np.log(p / (1 - p))
print(f"logit of 0.1: {logit:.2f}; back again: {1 / (1 + np.exp(-logit)):.2f}")

# %% [markdown]
# ### Batch normalization
#
# While a network learns, the numbers in its maps drift: a channel may lie around 0.01 in one place of the network and around 50
# in another. **[Batch normalization](00_start_here.ipynb#batch-normalization)** brings each channel back to a mean of 0 and a spread of 1, between
# the convolution and the ReLU. In training, it takes mean and spread from the pictures *of the present batch*. Here are the values of one channel in a batch of four
# pictures of one pixel each:

# %%
values = np.array([1, 2, 3, 6], np.float32)
mean, spread = values.mean(), values.std()
print(f"mean {mean:g}, spread {spread:.2f}:", np.round((values - mean) / spread, 2))

# %% [markdown]
# Then the layer multiplies by a number and adds another, both learned, so that it can undo this if it should. When the network *predicts*, there
# may be one picture only, and the answer for a picture must not depend on the others beside it. So the layer keeps a **running mean and a
# running variance**, the square of the spread, during training: each batch moves them a tenth of the way toward its own (`momentum=0.9`). In
# prediction it uses these.
#
# **Predict.** A new layer starts with a running mean of 0. It sees one training batch, with the mean 3. What is its running mean now?

# %%
guess = None  # the running mean after one batch

# %%
norm = layers.BatchNormalization(momentum=0.9)
training = norm(values.reshape(4, 1, 1, 1), training=True)
checks.reveal("running mean", guess, round(float(norm.moving_mean[0]), 4))

# %%
early = np.array(norm(values.reshape(4, 1, 1, 1), training=False)).ravel()
for _ in range(100):
    norm(values.reshape(4, 1, 1, 1), training=True)
late = np.array(norm(values.reshape(4, 1, 1, 1), training=False)).ravel()
print("training:                    ", np.round(np.array(training).ravel(), 2))
print("prediction after 1 batch:    ", np.round(early, 2))
print("prediction after 101 batches:", np.round(late, 2))
assert np.allclose(late, np.array(training).ravel(), atol=0.01) and abs(early - late).max() > 1

# %% [markdown]
# After one batch, training and prediction disagree; after a hundred they agree. That is why a network with batch normalization can look brilliant in training
# and hopeless in validation at first, and why batches matter: with very few pictures, mean and spread say more about these
# pictures than about the channel. Notebook 05 has a case of this. *Group normalization* avoids it: it takes mean and spread from one picture alone, over groups of channels.
#
# This is the block with everything so far. `name` gives each layer a name of its own, so that we can ask the finished network for
# it. With `normalization=None` it is `bare_block` with other first weights.


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
# ### Another way up: resize and convolve
#
# A transposed convolution paints the same pattern again and again, and this can leave a checkerboard in the result (Odena et al. 2016). The other
# common way repeats each pixel two by two, and lets a 3x3 convolution smooth the steps. It has more weights.


# %%
def upsample(x, filters, name, upsampling="transpose"):
    if upsampling == "transpose":
        return layers.Conv2DTranspose(
            filters, 2, strides=2, kernel_initializer="he_normal", name=name
        )(x)
    x = layers.UpSampling2D(2, name=f"{name}_resize")(x)
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=name)(x)


# %%
keras.utils.set_random_seed(1)
flat = np.ones((1, 8, 8, 1), np.float32)
transpose, resize = (np.array(upsample(flat, 1, "up", kind))[0] for kind in ("transpose", "resize"))
assert np.ptp(transpose[1:-1, 1:-1]) > 0.5 and np.ptp(resize[1:-1, 1:-1]) < 1e-5
figures.show_images(
    [transpose, resize], ["transpose", "resize"], "An even input, upsampled by untrained layers",
    "The transposed convolution repeats its random 2x2 pattern. "
    "Resize and convolve is even, except at the border, where zeros lie outside.",
    limits=None, kinds="features", size=2.6
)

# %% [markdown]
# ### No padding, as in the paper
#
# The original U-Net does not pad (`padding="valid"`). Each 3x3 convolution then loses one pixel *on each side*, and a block of two loses
# two on each side, which is four of the height. So the decoder's maps are smaller than the encoder's, and the encoder's
# must be cropped before they can be joined. By how much? Walk from the bottleneck up and count the pixels lost on each side. The
# bottleneck loses 2. Each upsampling doubles the loss, since every pixel becomes two. On each level in between, two blocks, the encoder's and the decoder's, lose 2 more each.


# %%
def skip_crop(level, depth):
    lost = 2  # pixels on each side, in the bottleneck: one for each of its two convolutions
    for _ in range(depth - level - 1):
        lost = 2 * lost + 2 + 2  # upsampling doubles it, and the blocks of both sides add theirs
    return 2 * lost  # the last upsampling


# %%
for level in (4, 3, 2, 1):
    print(f"skip {level} of the paper: {skip_crop(level, 5)} pixels cut off on each side")


# %%
def join_skip(x, skip, name, crop=0):
    if crop:
        skip = layers.Cropping2D(crop, name=f"{name}_crop")(skip)
    return layers.Concatenate(name=name)([skip, x])


# %% [markdown]
# ### The output, with its first guess
#
# The last option is the number of classes. With one class, the network tells foreground from background, and the sigmoid turns one logit into one
# probability. With several, each class has a logit, and a *softmax* turns them into probabilities that add up to 1. We need only the first in this notebook.


# %%
def output_layer(x, prior=0.1, classes=1):
    others = max(classes - 1, 1)  # beside the background, whose logit starts at 0
    start = float(np.log(prior / others / (1 - prior)))
    bias = keras.initializers.Constant(start if classes == 1 else [0.0] + [start] * others)
    logits = layers.Conv2D(classes, 1, bias_initializer=bias, name="logits")(x)
    return layers.Activation(
        "sigmoid" if classes == 1 else "softmax", dtype="float32", name="probability"
    )(logits)


# %% [markdown]
# ### The whole, with its options
#
# Compare it with `bare_unet`: the path is the same. Levels are counted from 1, and `encoder` keeps the maps by their level. `dropout`, if it is not 0,
# sets a random share of the bottleneck's features to zero in training, so that no feature can be relied upon alone. The first line hands all arguments to
# `check_settings`, which refuses what cannot be built (`locals()` is a dictionary of them).

# %%
from helpers.anatomy import check_settings
from helpers.printing import say  # as print, but it breaks long lines between words


def build_unet(
    input_shape=(None, None, 1), depth=4, filters=8, normalization=None, dropout=0.0,
    upsampling="transpose", padding="same", skips=True, prior=0.1, classes=1,
):
    check_settings(**locals())
    inputs = keras.Input(input_shape, name="image")
    x = layers.Rescaling(4, offset=-2, name="center")(inputs)
    encoder = {}
    for level in range(1, depth):
        x = conv_block(x, filters * 2 ** (level - 1), f"encoder_{level}", normalization, padding)
        encoder[level] = x
        x = layers.MaxPooling2D(2, name=f"pool_{level}")(x)
    x = conv_block(x, filters * 2 ** (depth - 1), "bottleneck", normalization, padding)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(depth - 1, 0, -1):
        x = upsample(x, filters * 2 ** (level - 1), f"up_{level}", upsampling)
        if skips:
            crop = skip_crop(level, depth) if padding == "valid" else 0
            x = join_skip(x, encoder[level], f"skip_{level}", crop)
        x = conv_block(x, filters * 2 ** (level - 1), f"decoder_{level}", normalization, padding)
    return keras.Model(inputs, output_layer(x, prior, classes), name="unet")


# %% [markdown]
# Is it really the same network? Give the bare one the same weights, and the same gray levels around zero, and compare the answers.

# %%
keras.utils.set_random_seed(0)
unet = build_unet((96, 96, 1), depth=4, filters=8)
bare = bare_unet((96, 96, 1), depth=4, filters=8)
bare.set_weights(unet.get_weights())
same = np.allclose(bare(4 * images[2:3] - 2), unet(images[2:3]), atol=1e-5)
print("the same weights give the same answer:", same)
assert same

# %%
figures.draw_unet(unet, "The U you have built, drawn from the model itself")

# %% [markdown]
# Blue is the encoder, pink the bottleneck, green the decoder. The taller a bar, the larger its maps; the wider, the more channels. The sizes are
# drawn on a square-root scale, so that small ones stay visible, and the true numbers stand below each bar. Dashed orange arrows are skip connections: four levels, three skips.
#
# What does it say *untrained*? On a mid-gray picture only the last bias is left, and the answer is 0.1 everywhere. On a scan, the random
# weights add something of their own.

# %%
gray = np.full((1, 96, 96, 1), 0.5, np.float32)
assert np.allclose(unet(gray), 0.1, atol=1e-6)
untrained = np.array(unet(images[2:3]))
print(f"mid-gray: {np.mean(unet(gray)):.2f} everywhere")
print(f"a scan: from {untrained.min():.2f} to {untrained.max():.2f}, mean {untrained.mean():.2f}")

# %% [markdown]
# ### Check it against the paper
#
# Ronneberger et al. use depth 5, 64 filters and no padding, and state that 572x572 pixels become 388x388. The paper gives no
# number of weights; about 31 million is what others report. (Building it takes a moment and 120 MB.)
#
# **Predict.** Our own network has depth 4 and 8 filters. How many times as many weights does the paper's have?

# %%
guess = None  # how many times as many?

# %%
paper = build_unet((572, 572, 1), depth=5, filters=64, padding="valid")
assert paper.output_shape[1:3] == (388, 388)
checks.reveal("paper", guess, round(paper.count_params() / unet.count_params()))

# %%
print(f"{paper.count_params():,} and {unet.count_params():,} weights")
del paper

# %% [markdown]
# Each doubling of the filters makes four times as many weights, since both sides of `channels_in * channels_out` double.
# Three doublings, from 8 to 64, make 64 times as many, and the fifth level makes it four times that again. Small discs do not need
# 31 million weights; notebook 07 shows what more of them buy.
#
# ### The arithmetic of shapes
#
# You can do all of this on paper. `shape_table` applies `conv_weights` and the rules for sizes, block by block.

# %%
from helpers.anatomy import shape_table

table = shape_table(96, depth=4, filters=8)
for row in table:
    size = f"{row.height:>4} x {row.width:<4}"
    print(f"{row.block:<11}{size}{row.channels:>3} channels{row.weights:>8,} weights")

# %%
total = sum(row.weights for row in table)
heaviest = max(table, key=lambda row: row.weights)
print(f"sum {total:,}; Keras counts {unet.count_params():,}")
print(f"heaviest: {heaviest.block}, {heaviest.weights / total:.0%} of all weights")
assert total == unet.count_params() and heaviest.block == "bottleneck"

# %% [markdown]
# The bottleneck alone holds nearly half of the weights, because it has the most channels, on both sides of its second convolution.
#
# **Change.** `encoder_3` and `decoder_3` have the same size and the same number of channels. Why does the decoder's block have twice as many weights? Print the table for
# `skips=False` and see.
#
# <details><summary>What you should have seen</summary>
#
# Without skips, `decoder_3` drops from 27,712 to 18,496 weights. Its first convolution then gets the 32 channels from below alone; with
# the skip it gets 64. `encoder_3` gets only 16 channels, from `encoder_2`.
#
# </details>
#
# ### Sizes that do not fit
#
# Pooling halves. 100 can be halved twice, to 25, and then no more. Many tutorials end in a long Keras error here; `check_settings` says what fits.

# %%
try:
    build_unet((100, 100, 1))
except ValueError as error:
    say("ValueError:", error)

# %% [markdown]
# ## 6. How far does a pixel see?
#
# The **[receptive field](00_start_here.ipynb#receptive-field)** of an output pixel is the part of the input that can influence it. If it is smaller than the
# lesions, the network cannot see a lesion as a whole. It has to guess in the middle of large ones, and longer training cannot change that.
#
# We find it by walking backwards, from one output pixel to the picture, and asking at each step which pixels before it are needed. Along one axis these
# are an interval, from `first` to `last`. Take a U-Net of depth 2 and output pixel 0:
#
# | going back through | rule | why | first to last |
# | --- | --- | --- | --- |
# | the output pixel | | | 0 to 0 |
# | `decoder_1` | `first - 2`, `last + 2` | two 3x3 convolutions, one pixel more on each side for each | -2 to 2 |
# | the upsampling | `first // 2`, `last // 2` | pixels 2i and 2i + 1 were painted by pixel i | -1 to 1 |
# | the bottleneck | `first - 2`, `last + 2` | two 3x3 convolutions | -3 to 3 |
# | the pooling | `2 * first`, `2 * last + 1` | pixel i is the largest of pixels 2i and 2i + 1 (and the row below) | -6 to 7 |
# | `encoder_1` | `first - 2`, `last + 2` | two 3x3 convolutions | -8 to 9 |
#
# From -8 to 9 are 18 pixels. The skip needs no walk of its own: it sees less than the way through the bottleneck.


# %%
def receptive_field(depth=4, upsampling="transpose", position=0):
    check_settings(depth=depth, upsampling=upsampling)
    first = last = position
    for _ in range(depth - 1):  # backwards, down through the decoder: a block, then an upsampling
        first, last = first - 2, last + 2
        if upsampling == "resize":
            first, last = first - 1, last + 1  # it has a 3x3 convolution of its own
        first, last = first // 2, last // 2
    first, last = first - 2, last + 2  # the bottleneck
    for _ in range(depth - 1):  # backwards, up through the encoder: a pooling, then a block
        first, last = 2 * first, 2 * last + 1
        first, last = first - 2, last + 2
    return last - first + 1


# %% [markdown]
# **Predict.** Depth 1 is a single block and sees 5 pixels, depth 2 sees 18. How many does depth 3 see? An estimate will do.

# %%
guess = None  # pixels

# %%
assert receptive_field(2) == 18
checks.reveal("field", guess, receptive_field(3))

# %%
print("depth:", *(f"{depth:>4}" for depth in range(1, 6)))
print("field:", *(f"{receptive_field(depth):>4}" for depth in range(1, 6)), "pixels")

# %% [markdown]
# From depth 2 on, each level doubles it and adds a few pixels more. Our largest disc is 31 pixels wide, so depth 3 can take it in at one glance, and depth 4 sees
# nearly the whole picture. (Halving rounds, so the field depends a little on where the pixel lies; the argument `position` moves it.)
#
# A formula is a claim, so *measure* it. The **[gradient](00_start_here.ipynb#gradient)** of an output pixel tells, for each input pixel, how much the answer changes if that
# pixel changes a little. It is zero where the input has no influence. (A closed ReLU blocks the way by accident, so the weights are made positive for the measurement.)

# %%
from helpers.anatomy import measured_receptive_field

for depth in range(1, 5):
    measured = measured_receptive_field(build_unet(depth=depth, filters=2), size=128)
    print(f"depth {depth}: formula {receptive_field(depth)}, measured {measured}")
    assert measured == receptive_field(depth)

# %% [markdown]
# ### Being able to see is not looking
#
# Where within its field does a *trained* network look? Three trained networks come with the course, from three seeds of the training. For each of them we
# take the gradient of the middle pixel's logit, averaged over eight larger scans, and draw it as a heat map.

# %%
from helpers import MODELS
from helpers.anatomy import input_gradient
from helpers.training import load_network

names = ["unet_circles", "unet_circles_2", "unet_circles_3"]
trained = [load_network(MODELS / f"{name}.keras") for name in names]
large_scans, _ = make_dataset(8, CircleScene(size=128), seed=23)
heat = [input_gradient(network, large_scans, 64, 64).mean(axis=0) for network in trained]

# %%
field = np.zeros((128, 128), np.uint8)
field[18:110, 18:110] = 1  # 92 pixels
assert field[64].sum() == receptive_field(4) and not any(h[field == 0].any() for h in heat)
figures.show_images(
    [np.sqrt(h / h.max()) for h in heat], ["seed 1", "seed 2", "seed 3"],
    "Where one output pixel of a trained U-Net looks",
    "Bright pixels have much influence on the pixel in the middle. "
    "The orange square is the receptive field.",
    masks=[field] * 3, kinds="features", size=2.8
)

# %%
share = [h[41:87, 41:87].sum() / h.sum() for h in heat]  # the middle quarter of the field
print("more than 4/5 of the influence comes from the middle quarter:", min(share) > 0.8)
assert min(share) > 0.8

# %% [markdown]
# (The square root makes the weak places visible.) All three look mostly near the middle of their field: the middle quarter of its area has more than four fifths of the influence. You
# have seen one reason: in the five by five pixels of one block, nine paths lead from the middle pixel and one from each corner. The
# skips may be another: the path through the first of them sees only nine pixels. So choose a field that is clearly larger than the
# lesions, and not just as large.
#
# ### The architect
#
# Now you are the architect. Choose depth, filters, size and padding, and read off shapes, weights, memory and the receptive
# field, drawn as a blue square around the middle of the largest lesion of a scan. Sizes that do not fit are explained.
#
# **Change.** Rebuild the network of the paper: depth 5, 64 filters, size 572, padding "valid". Then go back to size 96 and find the smallest depth
# whose field covers the largest lesion.
#
# <details><summary>What you should have seen</summary>
#
# The paper's network has 31,030,593 weights and needs more than 500 MB for the maps of one picture. For the lesion, depth 3 is enough: its field of 44 pixels is
# wider than this lesion and than any single disc, and the 18 pixels of depth 2 are not.
#
# </details>

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

# %% [markdown]
# ## 7. An experiment: take out the skips
#
# What do skip connections contribute? Do not believe it, try it. Build the same U-Net twice, once without skips, and train
# both in the same way, on the same pictures. *How* training works is the subject of notebook 03; here
# `train_unet` is a tool. One run is one sample, so we do it three times, from three seeds, and print each result.
#
# **Predict.** Where does the network without skips lose most: near the outlines of lesions, or elsewhere?

# %%
guess = None  # "boundaries" or "elsewhere"

# %% [markdown]
# We count wrong pixels in two places: within two pixels of a true outline, and everywhere else, which is the middle of the
# lesions and the background away from them. The six short trainings take about half a minute
# together, and each prints a line when it is done.

# %%
import tempfile
from pathlib import Path

from helpers.evaluation import boundary_error, dice_per_image
from helpers.training import predict, train_unet

train = make_dataset(200, CircleScene(), seed=21)
validation = make_dataset(100, CircleScene(), seed=22)
runs = Path(tempfile.mkdtemp())


# %%
def train_variant(skips, seed):
    keras.utils.set_random_seed(seed)
    model = build_unet(skips=skips)
    train_unet(model, train, validation, runs / f"{skips}-{seed}", epochs=5, seed=seed)
    return (predict(model, validation[0]) >= 0.5).astype(np.uint8)


# %% tags=["nbval-ignore-output"]
found, near, away = {}, {}, {}
for seed in (1, 2, 3):
    for skips in (True, False):
        found[skips, seed] = pred = train_variant(skips, seed)
        near[skips, seed], away[skips, seed] = boundary_error(validation[1], pred)
        dice = dice_per_image(validation[1], pred).mean()
        name = f"seed {seed}, {'with' if skips else 'without'} skips:"
        print(f"{name:<23} mean Dice {dice:.2f}", flush=True)

# %%
ratios = [near[False, seed] / near[True, seed] for seed in (1, 2, 3)]
assert min(ratios) > 1 and np.mean(ratios) > 1.1, f"the skips have stopped mattering at boundaries: {ratios}"
lost_near, lost_away = ([part[False, seed] - part[True, seed] for seed in (1, 2, 3)] for part in (near, away))
at_outlines = min(lost_near) > 5 * max(lost_away)
assert at_outlines, f"elsewhere as much is lost: {lost_away}, near the outlines: {lost_near}"
checks.reveal("skips", guess, "boundaries" if at_outlines else "elsewhere")

# %% tags=["nbval-ignore-output"]
print("wrong pixels        near outlines     elsewhere")
for seed in (1, 2, 3):
    for skips in (True, False):
        name = f"seed {seed}, {'with' if skips else 'without'}"
        print(f"{name:<18}{near[skips, seed]:>10.1%}{away[skips, seed]:>18.2%}")

# %%
print("From each seed, more is wrong near the outlines without skips:", min(ratios) > 1)
print("Of the pixels there, more than five times as many go wrong in addition as of those elsewhere:", at_outlines)

# %% [markdown]
# Without skips, the network errs more often near the outlines, from each of the three seeds. How much more
# often depends on the seed: in the runs that we have seen, between a tenth and a half. Elsewhere hardly a pixel in a hundred is
# wrong, with skips or without. So both know roughly *where* the lesions are. But without skips the
# outlines have to be rebuilt from maps in which one pixel is eight pixels of the scan wide.
#
# Look at it. Among the 30 pictures with the most lesion pixels, we take the three in which the difference near the outlines is largest, from the first seed. They are
# the clearest examples, and not the typical ones. Look only along the outlines: a patch that is marked on a vessel is an error *elsewhere*, and
# both networks can make it, as the table shows.

# %%
def errors_near(skips, i):
    return boundary_error(validation[1][i : i + 1], found[skips, 1][i : i + 1])[0]


busy = np.argsort(validation[1].sum(axis=(1, 2, 3)))[-30:]
gain = np.array([errors_near(False, i) - errors_near(True, i) for i in busy])
chosen = busy[np.argsort(gain)[-3:]]

# %% tags=["nbval-ignore-output"]
for skips in (False, True):
    name = "with skips" if skips else "without skips"
    figures.show_predictions(
        validation[0][chosen], validation[1][chosen], found[skips, 1][chosen], [name] * 3,
        "The same three scans, " + name,
        f"The same three scans {name}. Orange pixels were missed and blue ones are too much."
    )

# %%
print("More is wrong near their outlines without skips:", bool(np.sort(gain)[-3] > 0))

# %% [markdown]
# **In the playground.** Train a small U-Net [without skip connections](../web/playground.html#skips=false) and one
# [with only two levels](../web/playground.html#depth=2), and watch the unseen scenes while it learns. With two levels a pixel sees 18 pixels, fewer
# than a large lesion is wide: watch whether its Dice falls behind that of three levels.
#
# Our discs are forgiving, since a round outline can be guessed. Ragged outlines, thin membranes or cells that
# touch cannot, and that is what the U-Net was made for.
#
# Two lessons about experiments are hidden here. A mean score can hide a difference that a score made for the question
# shows. And one run from one seed is one sample: here the seed changes the size of the effect, but not its direction.
#
# ## 8. What do the maps show?
#
# A feature map is a picture, so look at it. A new model with the same input, but with the blocks' results as outputs, hands them to us. It shares all
# weights with the trained network.

# %%
blocks = [
    "encoder_1", "encoder_2", "encoder_3", "bottleneck", "decoder_3", "decoder_2", "decoder_1"
]


def read_maps(network, images):
    outputs = [network.get_layer(name).output for name in blocks]
    return dict(zip(blocks, map(np.array, keras.Model(network.input, outputs)(images))))


# %% [markdown]
# A network has 176 maps, too many to look at all. Which should we choose? We drew the scans, so we know in each pixel whether it is lesion, vessel or background, and can
# *measure* which map follows the lesions: by the correlation of its values with the share of lesion in each of its pixels, over 40
# scans. It is 1 for a perfect map of the lesions, 0 for one that has nothing to do with them, and negative for one that is dark there.

# %%
from helpers.synthesis import make_classes

scans, kinds = make_classes(40, CircleScene(), seed=22)  # 1 is lesion, 2 is vessel


def follows(maps, kind):
    cell = kinds.shape[1] // maps.shape[1]  # pixels of the scan that one pixel of the map covers
    share = (kinds == kind).reshape(len(kinds), maps.shape[1], cell, maps.shape[2], cell)
    share, flat = share.mean(axis=(2, 4)).ravel(), maps.reshape(-1, maps.shape[-1])
    return np.array([np.corrcoef(share, m)[0, 1] if m.std() else 0.0 for m in flat.T])


# %%
best = {}
for network, name in zip(trained, names):
    for block, maps in read_maps(network, scans).items():
        lesion, vessel = follows(maps, 1), follows(maps, 2)
        top = lesion.argmax()
        best[name, block] = top, lesion[top], vessel[top]

# %% tags=["nbval-ignore-output"]
for block in blocks:
    lesion, vessel = np.array([best[name, block][1:] for name in names]).T
    print(f"{block:<11} lesions {lesion.min():.1f} to {lesion.max():.1f}", end="")
    print(f"   the same map and vessels {vessel.min():.1f} to {vessel.max():.1f}")

# %%
first = np.array([best[name, "encoder_1"][1:] for name in names])
last = np.array([best[name, "decoder_1"][1:] for name in names])
later = np.array([best[name, block][2] for name in names for block in blocks[1:]])
assert (first[:, 1] > 0.2).all() and (later < 0.15).all() and (last[:, 0] > first[:, 0] + 0.15).all()
print("encoder_1: lesions, and vessels too; decoder_1: lesions, without the vessels")

# %% [markdown]
# In all three networks, the map of `encoder_1` that follows lesions best follows vessels, too: at this level a thing is bright, and no more is known. From the second
# level on, the best map leaves the vessels out. On the way down the pixels grow coarse, and on the way up they become fine again: the last level has the sharp pixels of
# the first *and* follows the lesions more closely than any map of the encoder. Here are three of these maps, from the first network:

# %%
maps, picture = read_maps(trained[0], scans), int((kinds == 2).sum(axis=(1, 2, 3)).argmax())
shown = ["encoder_1", "bottleneck", "decoder_1"]
figures.show_images(
    [scans[picture]] + [maps[block][picture, ..., best[names[0], block][0]] for block in shown],
    ["scan", *shown], "On three levels, the map that follows lesions best",
    "The scan is the one with the most vessel pixels; orange outlines show where its lesions are. "
    "Each picture has its own scale, from dark to bright.",
    masks=[kinds[picture] == 1] + [np.zeros((1, 1))] * 3, limits=None, kinds=["gray", *["features"] * 3], size=2.4
)

# %% [markdown]
# With the viewer you can walk through all levels and maps. It takes one number of a map, at first the brightest one. "What the number sees"
# shows which pixels of the scan move this number.
#
# **Change.** Look at `encoder_1` and `decoder_1` of a scan with vessels. Are there maps of `decoder_1` in which you can still see them?
#
# <details><summary>What you should have seen</summary>
#
# Hardly. In `encoder_1`, vessels stand out in several maps, bright in some and dark in others. In `decoder_1`, no map of the three networks follows the vessels
# (rounded to two decimals, no correlation with them is above 0), and in some maps they are darker than what is around them. Such a map can tell the last convolution "not here".
#
# </details>

# %%
panels.feature_panel(trained[0], images)

# %%
levels = [{"level": name, "map": int(best[names[0], name][0])} for name in shown]
panels.show_still(
    panels.feature_maps, levels, model=trained[0], images=images[2:3],
    title="What three levels make of one scan"
)

# %% [markdown]
# ## Exercises
#
# Exercises 2.3 and 2.6 stood in section 3. Here are the others. Each has a cell for your answer and, below it, a call that checks it. Your variables are not touched. Stuck? Run
# `checks.hint("2.1")` in a cell of its own; each further call goes deeper.

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
# In the same U-Net, how many weights does the *first* convolution of the block `decoder_3` have? It comes right after skip 3 has been
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
# Two 3x3 convolutions, a pooling of two by two, two more 3x3 convolutions. One pixel of the result sees a square part of the input.
# How many pixels wide is this part? Walk backward.
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
# How far have you come? This is kept on disk, so it survives a restart.

# %% tags=["nbval-ignore-output"]
checks.progress("02")

# %% [markdown]
# ## What you've learned
#
# You can now
#
# - compute a convolution by hand, over one channel and over several, and show that `Conv2D` computes the same.
# - build a small network in Keras: make layers, call them one after another, and wrap the path in a model.
# - explain what each block does to height, width and channels: convolution, pooling, upsampling, skip connection, logits.
# - assemble a U-Net, first bare and then with its options, and check its shapes and weights against the paper.
# - predict the number of weights and the receptive field with a formula, and measure both.
# - find out by an experiment over three seeds what skip connections are good for.
#
# Can you say it to a friend? Close the notebook and try these five sentences. If you cannot finish one of them, go back to its section.
#
# 1. A convolution replaces each pixel by ... (section 1)
# 2. `layers.Conv2D(16, 3)(x)` means ... (section 2)
# 3. A transposed convolution turns 64 channels into 32 by ... (section 3)
# 4. On its way down, a picture loses ... and gains ... (sections 3 and 4)
# 5. A skip connection brings back ... (sections 3 and 7)
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
