# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here: see what you will build
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: none · [Contents](../README.md) · Next: [Draw scans that are worth learning from](01_data_synthesis.ipynb)
#
# ## What you'll do
#
# You check that your machine has what the course needs, see a trained U-Net at work on noisy scans, and learn how to get the
# most out of the notebooks that follow.
#
# ## What you'll learn
#
# - Check your environment, and mend what is missing with the command that is named.
# - Run the network of this course on scans that it has never seen.
# - Use a notebook in four steps: predict, run, explain, change.
# - Find your way: which notebook teaches what, in which order, and what each term means.
#
# ## What you'll need
#
# - About ten minutes of your time; the cells themselves run in about 20 seconds on two CPU cores.
# - 0.8 GB of memory. No GPU.
# - Nothing else. This is where you begin.

# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-v0.1.0" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b v0.1.0 '' {course}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. Is everything there?
#
# A notebook is made of cells. Click the next one and press Shift+Enter: it runs, and the next cell is selected. The cell above,
# which finds the course on the disk, has to run first, here and in every notebook.
#
# This cell looks at your Python and at the packages that the course uses. If something is missing or too old, it names it, and the
# command that mends it: one for your own machine, one for Binder, one for Colab.

# %%
from helpers import checks

ready = checks.environment()

# %%
assert ready, "run the command above in a cell of its own, restart the kernel, and come back"

# %% [markdown]
# ## 2. What you will be able to do
#
# Here is where the course leads. First we draw four scans. They look a little like slices through tissue: noisy, brighter on one
# side than on the other, crossed by vessels. Somewhere in them are lesions, round and a little brighter than what is around them.

# %%
from helpers import figures
from helpers.synthesis import CircleScene, make_dataset

images, masks = make_dataset(4, CircleScene(circles=(2, 5)), seed=65)
figures.show_images(
    images, ["scan 1", "scan 2", "scan 3", "scan 4"], "Where are the lesions?",
    "Four noisy scans in gray, each with round lesions and crossing vessels.", size=2.6
)

# %% [markdown]
# What makes it hard to see them? Below is a scan with its dials. Drag a slider, or click it and press the arrow keys, and the scan
# follows. With `noise` at 0.02, `illumination` at 0 and `vessels` at 0, anyone finds the lesions. Then turn the dials up again, one
# at a time. Notebook 01 shows what each of them does, and what stands beside the scan.

# %%
from helpers import panels

panels.difficulty_panel()

# %%
panels.show_still(
    panels.difficulty, [{"illumination": 0.0, "vessels": 0, "noise": 0.02}, {"noise": 0.02}, {}],
    ["even light, no vessels, hardly any noise", "hardly any noise", "all dials as they were"],
    title="The same lesions at three settings of the dials: from plain to hidden",
)

# %% [markdown]
# **Predict.** Look at scan 1. How many lesions do you see? Put your number in place of `None` and run the cell. Every notebook asks
# such questions. You learn more from a picture after you have guessed, and most from a wrong guess; if you leave `None`, the
# notebook runs all the same.

# %%
guess = None  # how many lesions in scan 1?

# %% [markdown]
# Now the network. It is the U-Net that you will build and train yourself; a trained one comes with the course. Loading TensorFlow,
# the library below it, takes a few seconds.

# %%
from helpers import MODELS
from helpers.training import load_network, predict

unet = load_network(MODELS / "unet_circles.keras")
found = (predict(unet, images) >= 0.5).astype("uint8")

# %%
figures.show_predictions(
    images, masks, found, ["scan 1", "scan 2", "scan 3", "scan 4"], "What the U-Net finds",
    "Truth in solid orange, the U-Net's answer in dashed light blue: they lie on each other. "
    "Below, white is right."
)

# %%
import cv2

checks.reveal("scan", guess, cv2.connectedComponents(masks[0, ..., 0])[0] - 1)

# %% [markdown]
# The orange outlines are the truth. We know it because we drew the scans. The dashed blue ones are the network's answer, found in
# the gray picture alone. It left the vessels alone, although they are just as bright. How good is it, in a number?

# %%
from helpers.evaluation import dice_per_image

dice = dice_per_image(masks, found)
print("Dice above 0.9 on every one of these scans:", bool((dice > 0.9).all()))

# %% [markdown]
# A [Dice score](#dice) of 1 would mean that both outlines agree in every pixel. The best method without a network that we shall find
# stays at about 0.65. How much of this would survive on real pictures is a question that the course takes seriously, and
# answers in notebook 04.
#
# **Change.** Go back to the cell that draws the scans. Try `noise=0.3` beside `circles=(2, 5)`, and run the cells again. Then
# `circles=0`. What does the network find where there is nothing?
#
# ## 3. The map
#
# | notebook | what you do | your time | the cells alone |
# | --- | --- | --- | --- |
# | 00 Start here | look around | 10 min | 20 s |
# | [01 Draw scans that are worth learning from](01_data_synthesis.ipynb) | make the data, and see how far one gets without a network | 45 min | ½ min |
# | [02 Build a U-Net and look inside it](02_unet_anatomy.ipynb) | every part of the network, by hand first | 60 min | 1 min |
# | [03 Train it, and see every callback act](03_training_with_callbacks.ipynb) | losses, learning rate, early stopping, backup | 60 min | 2 min |
# | [04 Judge it as a careful researcher would](04_evaluation_and_visualization.ipynb) | the test set, once; baselines, errors, uncertainty | 60 min | ½ min |
# | [05 Find out why it fails, and mend it](05_failure_clinic.ipynb) | networks that fail, on purpose: diagnose and mend them | 60 min | 2 min |
# | [06 Bring your own images](06_your_own_images.ipynb) | a folder of your pictures, from loading to a table of objects | 60 min | 2 min |
# | [07 Scale it up, and find out what a step costs](07_scaling_up.ipynb) | streams, several devices and machines, and what a million scans would cost | 60 min | 3 min |
#
# The order is the one in which ideas build on one another. Yet each notebook runs on its own, so you may come back to any of them.
# The times of the cells are for two CPU cores; no notebook needs a GPU.
#
# ## 4. How to use a notebook
#
# Each step has the same rhythm.
#
# 1. **Predict.** Read the question and write a guess into the cell with `guess = None`.
# 2. **Run.** Shift+Enter, cell by cell, from the top. The answer tells how far off you were, and what may lie behind it.
# 3. **Explain.** Say in a sentence of your own why it came out so. Then read the paragraph below.
# 4. **Change.** Turn a dial, run again, and see what happens. You cannot break anything: in the menu, Kernel > Restart Kernel puts
#    everything back, and a fresh copy of the file is only a download away.
#
# At the end of each notebook there are **exercises**. An exercise gives you a cell with a gap and a line that checks your answer. The
# check prints `to do` until you have begun. After that it tells you what is wrong, and which mistake often leads there; it never
# gives the answer away. Try it: this line asks for a hint.

# %%
checks.hint("1.1")

# %% [markdown]
# Run that cell again and the hint goes deeper, up to the third. If that does not help, the solution is folded away below each
# exercise. What you have solved is kept on disk, in the folder `runs`, so it survives a restart. (On Binder and Colab it lasts as
# long as the session.)

# %% tags=["nbval-ignore-output"]
for notebook in ("01", "02", "03", "04"):
    print("notebook", notebook)
    checks.progress(notebook)

# %%
print("exercises in all:", len(checks.EXERCISES))

# %% [markdown]
# ## 5. When something does not work
#
# - *A cell raises `NameError`.* A cell above it has not run. Choose Run > Run All Above Selected Cell.
# - *A cell shows `[*]` and nothing happens.* It is still running. The square in the toolbar, or Kernel > Interrupt, stops it.
# - *Nothing makes sense any more.* Kernel > Restart Kernel, and run from the top.
# - *The kernel dies.* There is too little memory. Close other notebooks: each keeps its own up to 2 GB.
# - *A package is missing.* Run the check in section 1 again.

# %% [markdown]
# ## Glossary
#
# Each term in two or three sentences. The notebooks link to it from where they first use it.
#
# ### <a id="augmentation"></a>augmentation
#
# Making plausible new pictures out of the old ones, for instance by mirroring. The mask must move in the same way.
#
# ### <a id="baseline"></a>baseline
#
# A simple method whose score says how easy the task is. A network's score means nothing without one.
#
# ### <a id="batch"></a>batch
#
# The pictures that a network takes at once; from them it computes one step. The last batch of an epoch may be smaller.
#
# ### <a id="bias"></a>bias
#
# A number that a layer adds to each result, one for each channel that comes out. Like the weights of the kernels it is
# learned.
#
# ### <a id="blur"></a>blur
#
# The smearing of each point over its neighbors, as every optical system does it. Ours is a Gaussian, whose width is
# given in pixels.
#
# ### <a id="bootstrap"></a>bootstrap
#
# Drawing again from the scores one has, with replacement, to see how much their mean would vary. It tells how much the
# choice of pictures matters, and nothing about other scanners.
#
# ### <a id="bottleneck"></a>bottleneck
#
# The lowest point of a U-Net, with the fewest places and the most channels. It sees most of the picture at once.
#
# ### <a id="calibration"></a>calibration
#
# Whether probabilities mean what they say: of the pixels at 0.8, about 80 % should be foreground. A network can have a
# high Dice and be badly calibrated.
#
# ### <a id="callback"></a>callback
#
# An object that Keras calls at certain moments of the training, such as the end of an epoch. It can look, write to
# disk, or stop the run.
#
# ### <a id="channel"></a>channel
#
# One of several numbers that belong to the same pixel, on the last axis of an array. A color picture has three
# channels, a scan has one, and a feature map may have hundreds.
#
# ### <a id="checkpoint"></a>checkpoint
#
# A network written to disk during training, here whenever the validation score is the best so far. It gives the best
# epoch back, and not the last.
#
# ### <a id="contrast"></a>contrast
#
# How much brighter a lesion is than its surroundings, in gray levels from 0 to 1. It says nothing about how bright the
# surroundings are themselves.
#
# ### <a id="convolution"></a>convolution
#
# A small window that slides over the picture and replaces each pixel by a weighted sum of its neighbors. The weights
# are the same everywhere, so it finds a thing wherever it lies.
#
# ### <a id="cross-entropy"></a>cross-entropy
#
# A loss that asks of each pixel how surprising the truth is, given the predicted probability. It looks at each pixel
# for itself, so the many background pixels dominate it.
#
# ### <a id="decoder"></a>decoder
#
# The upward half of a U-Net: upsampling, skip connections and convolutions. It brings the answer back to the size of
# the picture.
#
# ### <a id="dice"></a>dice
#
# A score for two masks: twice their overlap, divided by the sum of their areas. It is 1 if they agree and 0 if they
# have nothing in common; two empty masks score 1.
#
# ### <a id="early-stopping"></a>early stopping
#
# Ending a training when the validation score has not improved for some epochs. Its patience is how many.
#
# ### <a id="encoder"></a>encoder
#
# The downward half of a U-Net: convolutions and poolings. It finds out what there is, in ever coarser pixels.
#
# ### <a id="epoch"></a>epoch
#
# One pass over all training pictures. After it the validation pictures are scored.
#
# ### <a id="feature-map"></a>feature map
#
# One channel of what a layer gives: a picture of where something was found. Early maps show edges, late ones whole
# things.
#
# ### <a id="fingerprint"></a>fingerprint
#
# A few letters computed from a whole array, which change when a single bit changes. With it others can check that they
# have the same data as you.
#
# ### <a id="foreground"></a>foreground
#
# The pixels where the mask is 1; all others are background. What counts as foreground is decided by the task and not by
# brightness: our vessels are background.
#
# ### <a id="gradient"></a>gradient
#
# How much a number, such as the loss, changes when each of the numbers before it changes a little. Training follows it
# downhill.
#
# ### <a id="hough-circles"></a>hough circles
#
# A method in which every edge pixel votes for the circles that it could lie on. Circles with enough votes are taken as
# found.
#
# ### <a id="illumination"></a>illumination
#
# Light that varies slowly over the picture, so that one side is brighter than the other. It is what ruins a threshold.
#
# ### <a id="imbalance"></a>imbalance
#
# A state of the data in which one class is much more frequent than the other. Here background outnumbers foreground ten
# to one, which makes pixel accuracy worthless.
#
# ### <a id="iou"></a>iou
#
# Intersection over union: the overlap of two masks, divided by the area that either covers. For one picture IoU = Dice
# / (2 - Dice), so it is never larger than Dice.
#
# ### <a id="kernel"></a>kernel
#
# The weights of a convolution, often three by three. A network learns them, one kernel for each pair of channels, in
# and out.
#
# ### <a id="leakage"></a>leakage
#
# Any way in which test pictures help to make what is tested. Copies on both sides of a split are one, and a setting
# chosen by its test score is another.
#
# ### <a id="learning-rate"></a>learning rate
#
# The length of a step downhill. Too short takes for ever, too long jumps about or ends in NaN.
#
# ### <a id="logit"></a>logit
#
# The number that a network gives for a pixel before the sigmoid: any number, with 0 for undecided. Negative means
# background, positive foreground.
#
# ### <a id="loss"></a>loss
#
# The number that training makes smaller: it says how wrong a prediction is. It has to have a slope, which a thresholded
# mask has not.
#
# ### <a id="mask"></a>mask
#
# A picture that holds the answer of a segmentation: 1 where the thing is, 0 where it is not. Here masks are arrays `[n,
# height, width, 1]` of uint8.
#
# ### <a id="noise"></a>noise
#
# Random numbers that are added to each pixel independently. Single pixels drown in it; the mean of many neighbors does
# not.
#
# ### <a id="otsu"></a>otsu
#
# A method that chooses a threshold for each picture, so that both groups of gray levels become as uniform as possible.
# It separates whatever two groups there are, whether or not they are lesions and background.
#
# ### <a id="over-fitting"></a>over-fitting
#
# Learning the training pictures by heart. The training score goes on rising while the validation score turns back.
#
# ### <a id="padding"></a>padding
#
# What is put around a picture before a convolution. With zeros around it the result keeps its size ("same"); without, a
# 3x3 convolution loses two pixels in height and width ("valid").
#
# ### <a id="pixel-accuracy"></a>pixel accuracy
#
# The share of pixels that are right. Where background dominates, a method that finds nothing scores high, so it is not
# used here.
#
# ### <a id="pooling"></a>pooling
#
# Making a picture smaller; max pooling keeps of each two by two pixels the largest. What is lost is the exact place,
# what is gained is a wider view.
#
# ### <a id="precision"></a>precision
#
# Of what was marked, the share that is right: TP / (TP + FP). A method that marks little, and carefully, has a high
# one.
#
# ### <a id="recall"></a>recall
#
# Of what is there, the share that was marked: TP / (TP + FN). A method that marks everything has a recall of 1.
#
# ### <a id="receptive-field"></a>receptive field
#
# The part of the input that can influence one pixel of the output. If it is smaller than the lesions, no training can
# help.
#
# ### <a id="relu"></a>relu
#
# The function that replaces negative numbers by 0 and leaves the others. Without something of this kind between them,
# two convolutions would only be one larger one.
#
# ### <a id="seed"></a>seed
#
# The number from which a generator of random numbers starts. The same seed gives the same numbers, so an experiment can
# be repeated.
#
# ### <a id="segmentation"></a>segmentation
#
# To decide for each pixel of a picture whether it belongs to what one is looking for. The answer has as many pixels as
# the question.
#
# ### <a id="sigmoid"></a>sigmoid
#
# The function that squeezes any number into 0 to 1, to be read as a probability. It turns 0 into one half.
#
# ### <a id="skip-connection"></a>skip connection
#
# Handing the encoder's maps across to the decoder, on every level. It brings back the exact places that pooling lost.
#
# ### <a id="test-set"></a>test set
#
# Pictures that are opened once, when everything has been decided. Each look that leads to a change turns them a little
# more into a validation set.
#
# ### <a id="threshold"></a>threshold
#
# The value from which on a gray level, or a probability, counts as foreground. It is chosen on validation pictures and
# then kept.
#
# ### <a id="training-set"></a>training set
#
# The pictures that a network learns from. It sees them many times, so its score on them says little.
#
# ### <a id="transposed-convolution"></a>transposed convolution
#
# A layer that makes maps larger by painting a small learned pattern for each pixel. Untrained, it leaves a
# checkerboard.
#
# ### <a id="validation-set"></a>validation set
#
# Pictures that the network does not learn from, but on which you choose: thresholds, settings, when to stop. Because
# you choose on them, their score flatters a little.

# %% [markdown]
# ## What you've learned
#
# - You checked your environment, and mended what was missing with the command that is named.
# - You ran the network of this course on scans that it had never seen.
# - You used a notebook in four steps: predict, run, explain, change.
# - You found your way: which notebook teaches what, in which order, and what each term means.
#
# ## On your own
#
# 1. Which pictures of your own would you like to segment? Write down what would be foreground in them, and what makes it hard to see.
# 2. With how much noise can *you* still find the lesions? Draw some scans, look, and only then ask the network.
#
# ## Further reading
#
# - Ronneberger, Fischer and Brox, [U-Net: Convolutional Networks for Biomedical Image Segmentation](https://arxiv.org/abs/1505.04597),
#   2015: eight pages, and worth a first look now.
# - Brod, [Predicting as a learning strategy](https://doi.org/10.3758/s13423-021-01904-1), 2021: why we ask you to guess.
# - [JupyterLab's documentation](https://jupyterlab.readthedocs.io/en/stable/user/notebook.html), on notebooks.
