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
# You check that your machine has what the course needs, watch a trained U-Net answer on noisy scans until it fails, and learn how to
# get the most out of the notebooks that follow.
#
# ## What you'll learn
#
# - Check your environment, and repair what is missing with the command that is named.
# - Run the network of this course on scans that it has never seen, and make them harder until it fails.
# - Use a notebook in four steps: predict, run, explain, change.
# - Find your way: which notebook teaches what, in which order, and what each term means.
#
# ## What you'll need
#
# - About a quarter of an hour of your time; the cells themselves run in about ten seconds on two CPU cores.
# - 0.8 GB of memory. No GPU.
# - Nothing else. This is where you begin.

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# ## 1. Is everything there?
#
# A notebook is made of cells. Click the next one and press Shift+Enter: it runs, and the cell after it is selected. The cell above,
# which finds the course on the disk, has to run first, here and in every notebook.
#
# This cell looks at your Python and at the packages that the course uses. If something is missing or too old, it names it, and it names the
# command that repairs it on your own machine, on Binder or on Colab.

# %%
from helpers import checks

ready = checks.environment()

# %%
assert ready, "run the command above in a cell of its own, restart the kernel, and come back"

# %% [markdown]
# ## 2. What you will be able to do
#
# This is where the course leads. First we draw four scans. They look a little like slices through tissue: noisy, brighter on one
# side than on the other, and crossed by vessels, which are bright lines. Somewhere in them are lesions: round, and a little brighter than what is
# around them. A network is to mark every pixel that belongs to a lesion. This task is called **segmentation**.

# %%
from helpers import figures
from helpers.synthesis import CircleScene, make_classes, make_dataset

scene = CircleScene(circles=(2, 5))
images, masks = make_dataset(4, scene, seed=75)
titles = ["scan 1", "scan 2", "scan 3", "scan 4"]
figures.show_images(
    images, titles, "Where are the lesions?",
    "Four noisy scans in gray, each with round lesions and crossing vessels.", size=2.6
)

# %% [markdown]
# **Predict.** Look at scan 2. How many lesions do you see? Put your number in place of `None` and run the cell. Every notebook asks
# such questions. You learn more from a picture after you have guessed, and most from a wrong guess. If you leave `None`, the
# notebook runs all the same.

# %%
guess = None  # how many lesions in scan 2?

# %% [markdown]
# Now the network. It is the U-Net that you will build in notebook 02 and train in notebook 03. A trained one comes with the course. Loading
# TensorFlow, the library below it, takes a few seconds.

# %%
from helpers import MODELS
from helpers.training import load_network, predict

unet = load_network(MODELS / "unet_circles.keras")
found = (predict(unet, images) >= 0.5).astype("uint8")

# %% [markdown]
# For each pixel, the network says how probable it is that it belongs to a lesion, from 0 to 1. Where it says 0.5 or more, we count the pixel as lesion. We know
# the truth, because we drew the scans, so we can compare.

# %%
figures.show_predictions(
    images, masks, found, titles, "What the U-Net finds",
    "The outlines of truth and answer lie on each other. Below, the errors are thin lines at the borders."
)

# %%
import cv2

checks.reveal("scan", guess, cv2.connectedComponents(masks[1, ..., 0])[0] - 1)

# %% [markdown]
# The network found this in the gray picture alone. Did it leave the vessels alone, although they are just as bright?

# %%
_, kinds = make_classes(4, scene, seed=75)  # the same scans; 2 marks the pixels of vessels
taken = found[kinds == 2].mean()
print("share of vessel pixels taken for lesions below 1 %:", bool(taken < 0.01))

# %% [markdown]
# It did, on these scans. How good is it, in a number? This course uses the [Dice score](#dice): twice the area that both truth and answer
# mark as lesion, divided by the sum of the two areas that they mark. Say that a lesion has 100 pixels, the network marks 100 pixels, and 80 of them are right: then the
# Dice score is 2 * 80 / (100 + 100) = 0.8. If both agree in every pixel it is 1, and if they have nothing in common it is 0.

# %%
from helpers.evaluation import dice_per_image

dice = dice_per_image(masks, found)
print("Dice above 0.9 on every one of these scans:", bool((dice > 0.9).all()))

# %% [markdown]
# **Change.** We counted a pixel as lesion where the network says 0.5 or more. Write 0.9 in place of 0.5 in the cell that asks the
# network, and run the cells again down to here. Then try 0.1. Print `dice`, too.
#
# <details><summary>What you should have seen</summary>
#
# Hardly anything changes, and all Dice scores stay above 0.95. With 0.9 the blue outlines shrink a little, and with 0.1 they grow.
# The network is nearly sure of almost every pixel; only at the borders of the lesions does it hesitate.
#
# </details>
#
# ### Make it fail
#
# A score says little without another one beside it. The simplest way to find bright things is a [threshold](#threshold): count every
# pixel as lesion that is brighter than a certain gray level. The panel below draws a scan, lets the network answer, and puts beside it the best
# that any single threshold can do on this very scan.
#
# Drag a slider, or click it and press the arrow keys, and everything follows. **Change.** Turn `noise` up, and `contrast` down. Which of the two methods
# fails first? Then set `circles` to 0. What does the network find where there is nothing?
#
# <details><summary>What you should have seen</summary>
#
# Noise ruins the threshold first: at three times the noise of the training, the network still outlines most lesions. With faint lesions it is the network that fails first. It was trained
# on lesions with a contrast of 0.25 to 0.5, and at 0.1 it finds hardly anything, where a threshold still finds some. A network is good at what it has seen. On
# an empty scan it finds nothing, nearly always, and as two empty masks agree, its Dice score is 1.
#
# </details>

# %%
from helpers import panels

panels.stress_panel(unet)

# %%
panels.show_still(
    panels.stress, [{}, {"noise": 0.3}, {"contrast": 0.1}], model=unet,
    title="The network on three scans: as it was trained, with more noise, and with faint lesions",
)

# %%
for dial, value in (("noise", 0.3), ("contrast", 0.1)):
    facts = panels.stress(unet, **{dial: value}).facts
    network, threshold = float(facts["network's Dice"]), float(facts["best threshold's Dice"])
    print(f"with {dial} at {value}, is the network better?", network > threshold)

# %% [markdown]
# How much of this would survive on real pictures is a question that the course takes seriously, and answers in notebook 04.
#
# **Change.** Go back to the cell that draws the four scans. Write `CircleScene(circles=(2, 5), noise=0.3)` there, and run the cells again down to the Dice score.
#
# <details><summary>What you should have seen</summary>
#
# With three times the noise, the lesions are hard to see, and the network still finds most of them. The outlines are less exact, and on one
# of the scans the Dice score falls below 0.9.
#
# </details>
#
# ## 3. The map
#
# | notebook | what you do | your time | the cells alone |
# | --- | --- | --- | --- |
# | 00 Start here | look around, and make a network fail | a quarter of an hour | about ten seconds |
# | [01 Draw scans that are worth learning from](01_data_synthesis.ipynb) | make the data, and see how far one gets without a network | 45 minutes | about twenty seconds |
# | [02 Build a U-Net and look inside it](02_unet_anatomy.ipynb) | every part of the network, by hand first | an hour and a half | about a minute |
# | [03 Train it, and see every callback act](03_training_with_callbacks.ipynb) | losses, learning rate, early stopping, backup | an hour and a half | about four minutes |
# | [04 Judge it as a careful researcher would](04_evaluation_and_visualization.ipynb) | the test set, once; baselines, errors, uncertainty | an hour | about twenty seconds |
# | [05 Find out why it fails, and fix it](05_failure_clinic.ipynb) | networks that fail, on purpose: diagnose and fix them | an hour and a half | about two minutes |
# | [06 Bring your own images](06_your_own_images.ipynb) | a folder of your pictures, from loading to a table of objects | an hour | about a minute |
# | [07 Scale it up, and find out what a step costs](07_scaling_up.ipynb) | streams, several devices and machines, and what a million scans would cost | an hour | about three minutes |
# | [08 Count lesions that touch](08_touching_lesions.ipynb) | objects in place of pixels: watershed, gaps, the paper's border weights | an hour | about two minutes |
# | [09 Tell several classes apart](09_several_classes.ipynb) | lesions, vessels, gray and white matter with one network | an hour | about two minutes |
#
# You can also watch a U-Net learn right now. In the [playground](../web/playground.html), a page of the course's site, a small one is
# trained in your browser, without Python: press *Train*. Its settings stand in its link, and the notebooks link to settings that
# show what they explain. (The [README](../README.md) says how to make the site on your own machine.)
#
# The order is the one in which ideas build on one another. Yet each notebook runs on its own, so you may come back to any of them.
# The times of the cells are for two CPU cores; no notebook needs a GPU.
#
# ## 4. How to use a notebook
#
# Each step has the same rhythm.
#
# 1. **Predict.** Read the question and write a guess into the cell with `guess = None`.
# 2. **Run.** Press Shift+Enter, cell by cell, from the top. The answer tells you how far off you were, and what may lie behind it.
# 3. **Explain.** Say in a sentence of your own why it came out so. Then read the paragraph below.
# 4. **Change.** Change a number, run again, and see what happens. A folded sentence says what you should have seen. You cannot break anything: Kernel > Restart Kernel
#    forgets all variables, Edit > Undo takes back what you typed, and a fresh copy of the file is only a download away.
#
# Most notebooks have **exercises**. An exercise gives you a cell with a gap and a line that checks your answer. The
# check prints `to do` until you have begun. After that it tells you what is wrong, and which mistake often leads there. It never
# gives the answer away. Try it: this line asks for a hint to exercise 1.1.

# %%
checks.hint("1.1")

# %% [markdown]
# Run that cell again and the hint goes deeper, up to the third. If that does not help, the solution is folded away below each
# exercise. What you have solved is kept on disk, in the folder `runs`, so it survives a restart. (On Binder and Colab it lasts as
# long as the session.)

# %% tags=["nbval-ignore-output"]
for notebook in sorted({identity.split(".")[0] for identity in checks.EXERCISES}, key=int):
    print("notebook", notebook.zfill(2))
    checks.progress(notebook)

# %%
print("exercises in all:", len(checks.EXERCISES))

# %% [markdown]
# ## 5. When something does not work
#
# - *A panel shows an error, a gray box or a broken picture, or its sliders move and nothing follows.* Its kernel has ended or was restarted since, for instance because
#   JupyterLab was shut down. Choose Run > Run All Above Selected Cell, and then run the panel's cell again. The still picture below each panel stays.
# - *A cell raises `NameError`.* A cell above it has not run. Choose Run > Run All Above Selected Cell.
# - *A cell shows `[*]` and nothing happens.* It is still running. The square in the toolbar, or Kernel > Interrupt, stops it.
# - *Nothing makes sense any more.* Choose Kernel > Restart Kernel, and run from the top.
# - *The kernel dies.* There is too little memory. Choose Kernel > Shut Down All Kernels, and open this notebook again. Closing a tab is
#   not enough: its kernel runs on, and each may hold up to 2 GB.
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
# The pictures that a network takes at once, as an array `[pictures, height, width, channels]`. In training, each batch gives
# one step; the last batch of an epoch may be smaller.
#
# ### <a id="batch-normalization"></a>batch normalization
#
# A layer that brings each channel to a mean of 0 and a spread of 1, over the pictures of the present batch. In
# prediction it uses a mean and a spread that it kept during training.
#
# ### <a id="bias"></a>bias
#
# A number that a layer adds to each result, one for each channel that comes out. Like the weights of the kernels it is
# learned.
#
# ### <a id="blur"></a>blur
#
# The smearing of each point over its neighbors, as in every optical system. Ours is a Gaussian, whose width is
# given in pixels.
#
# ### <a id="bootstrap"></a>bootstrap
#
# Drawing again from the scores one has, with replacement, to see how much their mean would vary. It tells how much the
# choice of pictures matters, and nothing about other scanners.
#
# ### <a id="bottleneck"></a>bottleneck
#
# The lowest point of a U-Net, with the fewest places and the most channels. Each of its pixels sees a large part of the
# picture.
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
# ### <a id="class-weight"></a>class weight
#
# The price of a mistake on pixels of one class, by which the loss multiplies them. A large weight makes the network find more of a rare
# class, and also mark more pixels that do not belong to it.
#
# ### <a id="confusion-matrix"></a>confusion matrix
#
# A table of counts: the true class picks the row, the predicted one the column. What is right stands on the diagonal.
#
# ### <a id="connected-component"></a>connected component
#
# A group of foreground pixels that hang together, by side or by corner. Two lesions that touch are one component, so
# counting components counts too few.
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
# ### <a id="displacement-field"></a>displacement field
#
# Two numbers for each pixel of a picture: by how many pixels across and down to look elsewhere for its gray level. Where
# neighbors differ by too much, the picture folds.
#
# ### <a id="distance-map"></a>distance map
#
# A picture in which each pixel of an object holds how far it lies from the object's border. Where each object is divided
# by its own largest value, the map is 1 in the middle of every object and falls toward the border.
#
# ### <a id="early-stopping"></a>early stopping
#
# Ending a training when the validation score has not improved for some epochs. Its patience is how many.
#
# ### <a id="elastic-deformation"></a>elastic deformation
#
# An augmentation that bends a picture as if it were drawn on rubber: image and mask are moved by one smooth, random displacement
# field. It must not fold, and the mask must keep its whole numbers.
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
# ### <a id="filter"></a>filter
#
# The kernels and the bias with which a convolution makes one channel of its result: one kernel for each channel that
# comes in. A layer with 16 filters gives 16 channels.
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
# ### <a id="ignore-label"></a>ignore label
#
# A number, here 255, for pixels of which nobody knows the class. They count in no loss and in no score.
#
# ### <a id="illumination"></a>illumination
#
# Light that varies slowly over the picture, so that one side is brighter than the other. With strong
# illumination, no single threshold fits both sides.
#
# ### <a id="imbalance"></a>imbalance
#
# A state of the data in which one class is much more frequent than the other. Here background outnumbers foreground about
# nine to one, which makes pixel accuracy worthless.
#
# ### <a id="instance-labels"></a>instance labels
#
# A picture in which each pixel holds the number of the object that it belongs to, and 0 in the background. A mask says
# what is lesion; instance labels also say which lesion.
#
# ### <a id="iou"></a>iou
#
# Intersection over union: the overlap of two masks, divided by the area that either covers. For one picture IoU = Dice
# / (2 - Dice), so it is never larger than Dice.
#
# ### <a id="kernel"></a>kernel
#
# The numbers by which a convolution multiplies the pixels of its window, often three by three. A network learns them,
# one kernel for each pair of a channel that comes in and one that goes out.
#
# ### <a id="layer"></a>layer
#
# A step of a network, such as a convolution or a pooling. In Keras it is an object that holds its weights; calling it on
# an array applies it.
#
# ### <a id="leakage"></a>leakage
#
# Any way in which test pictures help to make what is tested. Copies on both sides of a split are one, and a setting
# chosen by its test score is another.
#
# ### <a id="learning-rate"></a>learning rate
#
# The length of a step downhill. If it is too short, training takes forever; if it is too long, the loss jumps about or
# ends in NaN.
#
# ### <a id="logit"></a>logit
#
# The number that a network gives for a pixel before the sigmoid: any number, with 0 for undecided. Negative means
# background, positive foreground.
#
# ### <a id="loss"></a>loss
#
# The number that training makes smaller: it says how wrong a prediction is. It must have a slope to follow, and a
# thresholded mask has none.
#
# ### <a id="mask"></a>mask
#
# A picture that holds the answer of a segmentation: 1 where the thing is, 0 where it is not. Here masks are arrays `[n,
# height, width, 1]` of uint8.
#
# ### <a id="model"></a>model
#
# In Keras, the whole path of layers from an input to an output, as one object. It can be called, trained and saved.
#
# ### <a id="noise"></a>noise
#
# Random numbers that are added to each pixel independently. Single pixels drown in it; the mean of many neighbors does
# not.
#
# ### <a id="one-hot"></a>one-hot
#
# A way to write classes: one channel for each, with a single 1 in each pixel. It gives the classes no order.
#
# ### <a id="otsu"></a>otsu
#
# A method that chooses a threshold for each picture, so that both groups of gray levels become as uniform as possible.
# It separates whatever two groups there are, whether or not they are lesions and background.
#
# ### <a id="overfitting"></a>overfitting
#
# Learning the training pictures by heart (also spelled overfitting). The training score goes on rising while the validation score turns back.
#
# ### <a id="padding"></a>padding
#
# What is put around a picture before a convolution. With zeros around it the result keeps its size ("same"); without, a
# 3x3 convolution loses two pixels in height and width ("valid").
#
# ### <a id="panoptic-quality"></a>panoptic quality
#
# A score of objects: the F1 of the objects found, times the mean IoU of those that were found. It falls when objects
# are missed or invented, and also when their outlines are poor.
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
# The part of the input that can influence one pixel of the output. If it is smaller than the lesions, no pixel sees a
# whole lesion, and training cannot change that.
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
# Deciding for each pixel of a picture whether it belongs to what one is looking for. The answer has as many pixels as
# the picture.
#
# ### <a id="sigmoid"></a>sigmoid
#
# The function that squeezes any number into 0 to 1, to be read as a probability. It turns 0 into one half.
#
# ### <a id="skip-connection"></a>skip connection
#
# A shortcut that hands the encoder's maps across to the decoder, on every level. It brings back the exact places that
# pooling lost.
#
# ### <a id="softmax"></a>softmax
#
# The function that turns the logits of several classes into probabilities that add up to one: the exponential of each, divided by the
# sum of all. It lets the classes compete.
#
# ### <a id="star-convex-polygon"></a>star-convex polygon
#
# A shape described by how far it reaches from a point inside it, in each of many directions. It holds every shape whose
# border can be seen from that point: discs and nuclei, but no crescents or vessels.
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
# A layer that makes maps larger: it paints a small learned pattern for each pixel, multiplied by the pixel's value.
# Untrained, it leaves a checkerboard.
#
# ### <a id="validation-set"></a>validation set
#
# Pictures that the network does not learn from, but on which you choose: thresholds, settings, when to stop. Because
# you choose on them, their score flatters a little.
#
# ### <a id="watershed"></a>watershed
#
# A method that cuts a picture into regions by flooding it like a landscape: water rises from the lowest places, and a
# border is drawn where two floods meet. On the distance to the background, turned upside down, it cuts touching
# objects apart at their waists.
#
# ### <a id="weight"></a>weight
#
# A number in a network that is learned: kernels start at random and biases mostly at 0, and training changes them a little at
# a time. The kernels and biases of all layers are its weights.

# %% [markdown]
# ## What you've learned
#
# You can now
#
# - check your environment, and repair what is missing with the command that is named.
# - run the network of this course on scans that it has never seen, and make them harder until it fails.
# - use a notebook in four steps: predict, run, explain, change.
# - find your way: which notebook teaches what, in which order, and what each term means.
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
