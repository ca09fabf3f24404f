# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Scale it up, and find out what a step costs
#
# **Launch:** on your own machine with `make lab`, which opens the course in JupyterLab.
#
# Previous: [Bring your own images](06_your_own_images.ipynb) · [Contents](../README.md) · Next: [Count lesions that touch](08_touching_lesions.ipynb)
#
# ## What you'll do
#
# You measure where the time of a training step goes, train from an endless stream of pictures and from a folder of 20,000 files,
# spread the training over devices and machines, and calculate what a million scans would cost.
#
# ## What you'll learn
#
# - Count the arithmetic of a training step, and profile where its time goes.
# - Feed a training from an endless stream of pictures, or from a folder of 20,000 files, in the memory of a few.
# - Train on several devices with `MirroredStrategy`, and on several machines with a loop of your own.
# - Kill a worker in mid-run, and resume from the last checkpoint.
# - Make a step cheaper, by measuring which settings help on your machine.
# - Estimate how cost grows, up to a million scans.
#
# ## What you'll need
#
# - About an hour of your time; the cells themselves run in about three minutes on two CPU cores.
# - 1.5 GB of memory, and as much again for the two workers of section 4, which are processes of their own. No GPU. Binder has
#   2 GB, so skip section 4 there; its cells say that they do not fit.
# - Notebooks [01](01_data_synthesis.ipynb) to [03](03_training_with_callbacks.ipynb).

# %% tags=["setup"]
import os, sys; sha = "f134da6ad105a4aa91eeef1872f888d3869eebf4"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '' {sha} && "
              f"git -C {sha} checkout -q {sha} && mv {sha} {sys.path[0]} || rm -rf {sha}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.

# %% [markdown]
# One thing must come first: TensorFlow fixes its **devices** when it first computes something. This cell takes your GPUs: one, two,
# four or eight of them, so that they can share a batch of eight. If there is none, it makes two devices that share the CPU, so that
# section 3 has something to work with.

# %% tags=["nbval-ignore-output"]
from helpers.scaling import use_devices

devices = use_devices()
print("devices:", ", ".join(devices))

# %%
import tensorflow as tf

known = [device.name for device in tf.config.list_logical_devices()]
print("TensorFlow knows them all:", all(any(name.endswith(own) for name in known) for own in devices))

# %% [markdown]
# ## 1. Where does the time of a step go?
#
# Before you buy a faster machine, find out what yours is doing. We measure with arithmetic: a convolution multiplies and adds, and
# we can count how often. A 3x3 convolution from 8 to 16 channels applies 3 · 3 · 8 · 16 weights at every pixel, and each of them
# costs one multiplication and one addition.
#
# Training costs three times as much. In the **forward** pass the picture runs through the network. In the **backward** pass each
# convolution is done twice more: once to find the gradient of its kernel, and once to pass the gradient on to its input.
#
# **Predict.** How many operations does one training step of our U-Net take for one picture of 96x96: about half a million, half a
# billion, or half a trillion?

# %%
guess = None  # "half a million", "half a billion" or "half a trillion"

# %%
from helpers import checks
from helpers.anatomy import build_unet
from helpers.scaling import step_gigaflop

model = build_unet()
checks.reveal("operations", guess, "half a billion" if 0.4 < step_gigaflop(model, 96) < 0.6 else "another number of")

# %%
print(f"{step_gigaflop(model, 96):.2f} billion operations for one picture and step, with {model.count_params():,} weights")

# %% [markdown]
# It is half a billion for 120,000 weights, because each weight is used at many pixels: at all 9,216 in the first level, and still
# at 144 in the deepest one. `step_gigaflop` adds up the
# convolutions and leaves out everything else. The first convolution needs no gradient for its input, because the picture is not
# changed.
#
# How fast *could* your machine do this? Hardly anything runs faster on it than the product of two large matrices, so that is the
# speed to compare with. We take **turns** between the things that we time. A computer is never quiet, and a slow moment should
# affect all of them. Trust the ratios more than the seconds.

# %%
import numpy as np
from helpers.scaling import in_turns, matrix_product, training_step
from helpers.synthesis import CircleScene, make_dataset

images, masks = make_dataset(200, seed=7)
multiply, product_gigaflop = matrix_product()
tasks = {n: training_step(build_unet(), images[:n], masks[:n]) for n in (1, 4, 16, 32)}

# %%
seconds = in_turns({"matrix": multiply, **tasks}, rounds=5)
median = {name: float(np.median(values)) for name, values in seconds.items()}
machine = product_gigaflop / median["matrix"]  # billion operations a second

# %% [markdown]
# **Predict.** Which share of that speed does a training step reach with batches of 4, the default of this course?

# %%
guess = None  # a share, between 0 and 1

# %% tags=["nbval-ignore-output"]
speed = {n: n * step_gigaflop(model, 96) / median[n] for n in tasks}
checks.reveal("machine share", guess, speed[4] / machine)

# %% tags=["nbval-ignore-output"]
print(f"matrix product: {machine:.0f} billion operations a second")
for n in tasks:
    print(f"batch {n:2}: {n / median[n]:4.0f} pictures a second, {speed[n] / machine:.0%} of the matrix product")

# %%
assert speed[32] > speed[1], "a larger batch should use the machine better"
print("a batch of 32 uses the machine better than a batch of 1:", speed[32] > speed[1])

# %% [markdown]
# A batch of 32 uses the machine better than a batch of 1. To see why, plot the time of a step over the number of pictures in it.

# %% tags=["nbval-ignore-output"]
from helpers import figures

each, fixed = np.polyfit(list(tasks), [1000 * median[n] for n in tasks], 1)
measured = [1000 * median[n] for n in tasks]
figures.plot_lines(
    list(tasks), {"measured": measured, "straight line": [fixed + each * n for n in tasks]}, "The time of a step, over the pictures in it",
    f"About {max(fixed, 0):.0f} thousandths of a second for the step, and {each:.1f} for each picture.",
    xlabel="pictures in a batch", ylabel="thousandths of a second"
)

# %%
assert each > 0
print("each picture adds to the time of a step:", each > 0)

# %% [markdown]
# Continue the straight line in your mind to 0 pictures. The time there is the **fixed cost** of a step: it is the same however many
# pictures the step has. To see what it consists of, look inside.
#
# ### The profiler
#
# TensorFlow's profiler records when each operation began and ended. `profile_step` adds this up for each kind of operation.
#
# **Predict.** There are about 1,300 operations in a step. How many of them are convolutions?

# %%
guess = None  # a number of operations

# %% tags=["nbval-ignore-output"]
from helpers.scaling import profile_step

profile = profile_step(tasks[16])
convolutions = [values for kind, values in profile.items() if kind.startswith("convolution")]
checks.reveal("convolutions", guess, round(sum(count for _, count in convolutions)))

# %% tags=["nbval-ignore-output"]
for kind, (share, count) in profile.items():
    print(f"{share:5.0%}  {count:5.0f} operations  {kind}")

# %%
assert sum(share for share, _ in convolutions) > 0.5, "convolutions should take most of the time"
print("convolutions take most of its time:", sum(share for share, _ in convolutions) > 0.5)

# %% [markdown]
# This is what such a table teaches:
#
# - **Convolutions take most of the time.** Loss, optimizer, clipping and score are the thousand small operations of "everything
#   else", and all of them together matter little. Making Adam faster first would be the wrong start.
# - **The three kinds of convolution do not cost the same**, although they need the same arithmetic. The kernel's gradient adds up all
#   pixels of all pictures into a small kernel, and such sums are hard to divide among cores. Compare the three lines in your table.
# - **Small work is slow work.** Some processors compute 16 numbers at once, others 8 or 4. On the former half of each instruction is
#   wasted at our first level, which has 8 channels. Small batches give each core too little to do before the cores have to wait for each other.
#
# Measure before you change anything, because little of this can be seen in the code.
#
# **Change.** Profile the step with one picture, `tasks[1]`. Does the share of "everything else" grow?
#
# <details><summary>What you should have seen</summary>
#
# You may expect that it grows, because its thousand small operations take nearly the same time for one picture as for sixteen.
# Compare it with your table. On our machine it hardly changed: a convolution of a single picture uses the processor badly, too,
# so both cost more per picture.
#
# </details>

# %% [markdown]
# ## 2. Streams: a million pictures in the memory of a thousand
#
# Until now all pictures were in memory. 800 of them take 37 MB, and a million would take 46 GB. But our pictures are *drawn*, and a
# picture that can be drawn again need not be stored. All we need is a rule that says what picture number 123,456 is.


# %%
from helpers.synthesis import draw_scene, stream_scenes


# %%
def draw_numbered(scene, seed, numbers, draw=draw_scene):
    pairs = [next(stream_scenes(scene, [seed, int(number)], draw)) for number in numbers]
    return tuple(np.stack(parts) for parts in zip(*pairs))


# %%
scene = CircleScene()
far, _ = draw_numbered(scene, 0, [5, 123_456, 999_999])
again, _ = draw_numbered(scene, 0, [999_999])
figures.show_images(far, ["number 5", "number 123,456", "number 999,999"], "Any picture of a million, without the others",
                     f"Three pictures; the last, drawn again alone, is the same: {np.array_equal(far[2], again[0])}.")

# %% [markdown]
# Each picture has its own random numbers, which depend on the seed and its number. So it does not matter which process draws it, when,
# or in which order. This rule makes everything below possible: several processes, several machines, and going on after a crash.
#
# ### Who draws? Threads or processes
#
# While the network computes, the next batch should be drawn. Python offers two ways. **Threads** share the memory of one Python, but
# only one thread at a time may run Python code. This is called the *global interpreter lock*; NumPy and OpenCV release the lock while
# they compute. **Processes** are separate Pythons. They share no memory, so what they draw must be sent over.
#
# **Predict.** One thread draws 600 pictures in a certain time. What do two threads need for the same pictures?

# %%
guess = None  # "half the time", "about the same" or "more time"

# %%
from concurrent.futures import ThreadPoolExecutor
from helpers import synthesis
from helpers.scaling import in_order

calls = [scene] * 12, [0] * 12, np.arange(600).reshape(12, 50)
threads = ThreadPoolExecutor(2)
ways = {
    "one thread": lambda: list(map(synthesis.draw_numbered, *calls)),
    "two threads": lambda: list(threads.map(synthesis.draw_numbered, *calls)),
    "two processes": lambda: list(in_order(synthesis.draw_numbered, zip(*calls), workers=2, ahead=12)),
}

# %% tags=["nbval-ignore-output"]
drawing = in_turns(ways, rounds=3)
ratio = np.median(drawing["two threads"]) / np.median(drawing["one thread"])
checks.reveal("two threads", guess, "half the time" if ratio < 0.75 else "about the same" if ratio < 1.25 else "more time")

# %% tags=["nbval-ignore-output"]
for way, values in drawing.items():
    print(f"{way:14} {np.median(values) / np.median(drawing['one thread']):4.2f} of the time of one thread")

# %%
print("the same pictures from all three:", all(np.array_equal(ways["one thread"]()[3][0], way()[3][0]) for way in ways.values()))

# %% [markdown]
# Drawing is a hundred short calls for each picture, and between them the threads hand the lock to each other. So two threads seldom
# gain much and may lose. Two processes can draw at the same time, but only if two cores are free, and sending the pictures over costs
# something as well. If your number for two processes is near 1 or above it, other programs are using your cores. Even then
# processes have an advantage: they do not stop this process, which has a network to train. They load only NumPy and OpenCV,
# because `helpers/synthesis.py` never loads TensorFlow, and this makes them small.
#
# ### The stream
#
# `stream_batches` puts this behind `tf.data`. Processes draw a few batches in advance, and no more than a fixed number of
# them, so the memory is limited however long the stream is.

# %%
from helpers.scaling import stream_batches

stream = stream_batches(1_000_000, scene, seed=0, batch_size=8)
batch_images, batch_masks = next(iter(stream))
print("a stream of", int(stream.cardinality()), "batches of", tuple(batch_images.shape))

# %% [markdown]
# `make bench` sends 100,000 pictures through such a stream and measures its memory; see the [table](../benchmarks/README.md).
#
# ### A folder of 20,000 files
#
# Real scans cannot be drawn again. They lie in a folder, and there may be more of them than fit into memory. So that we have such a
# folder, two processes draw 10,000 scans of 100 patients, and write each of them and its mask into a file of its own. This takes some
# seconds.

# %%
import pathlib
import tempfile
from helpers.scaling import write_scenes

scratch = pathlib.Path(tempfile.mkdtemp())
folder = write_scenes(scratch / "scans", 10_000, CircleScene(size=64, radius=(3, 10)), seed=5)
names = sorted(path.name for path in folder.rglob("*.png"))
print(f"{len(names):,} files, such as {names[0]}")

# %% [markdown]
# Before a training, an **index** reads every file once, which takes some seconds, too. A picture without a mask, a mask of another size
# or a file that was cut short is found now, and not after three hours of training. The index writes a table, the **manifest**. In a
# terminal the command is `python -m helpers.own_images index FOLDER`.

# %%
import csv
from helpers import own_images as own

manifest, notes = own.index_folder(folder, progress=False)
print(*notes)

# %% tags=["nbval-ignore-output"]
rows = list(csv.DictReader(manifest.open()))
for row in rows[::3000]:
    print(row["image"], row["source"], row["set"], row["fingerprint"], sep="   ")

# %%
placed = {(row["source"], row["set"]) for row in rows}
print("patients:", len({row["source"] for row in rows}), "- each of them in one set only:", len(placed) == 100)

# %% [markdown]
# The *source* is read from the name, as in notebook 06, and no patient is in two sets. The *fingerprint* is calculated from the bytes of
# both files. If somebody edits a mask in the middle of a training, its fingerprint is another one, and the training stops and names
# the file.
#
# ### From disk, in the memory of a few
#
# `file_batches` goes through the training files in an order that a seed decides. From each file it cuts a **patch** of the size that
# the network is trained on, and mirrors and turns it at random. How much does the memory of this process grow in a whole pass of 6,000
# patches, compared with 1,000 of them?

# %%
import psutil
from helpers.scaling import file_batches


def most_memory(batches):
    process = psutil.Process()
    return max(process.memory_info().rss / 1e6 for batch in file_batches(manifest, batches, 64, batch_size=50))


# %% tags=["nbval-ignore-output"]
few, many = most_memory(20), most_memory(120)
print(f"5,000 more patches, {many - few:+.0f} MB; in arrays they would take {5000 * 64 * 64 * 5 / 1e6:.0f}")

# %%
assert many - few < 60
print("the memory stays where it is:", many - few < 60)

# %% [markdown]
# From 2,000 to 200,000 files it stays there, too; see the [measurement](../benchmarks/files.md).
#
# ### Any batch, without those before it
#
# What batch number 30 holds depends on the manifest, the seed and the number 30. So a training that was cut off can go on there
# without reading all that came before it. And two machines can share a batch: `shard=(index, count)` reads part number `index` only.

# %%
*_, batch_30 = file_batches(manifest, 31, 64, batch_size=8)
alone = next(file_batches(manifest, 1, 64, batch_size=8, first=30))
parts = [next(file_batches(manifest, 1, 64, batch_size=8, first=30, shard=(i, 2)))[0] for i in (0, 1)]
print("batch 30 alone is the same:", np.array_equal(alone[0], batch_30[0]))
print("patches in each part:", *map(len, parts), "- together the whole batch:", np.array_equal(np.concatenate(parts), batch_30[0]))

# %% [markdown]
# **Change.** Share a batch of 9 among three workers: `next(file_batches(manifest, 1, 64, batch_size=9, shard=(i, 3)))`, with `i` from 0
# to 2. Then ask for batches of 8.
#
# <details><summary>What you should have seen</summary>
#
# Three parts of three patches each, and together they are the batch of one worker. A batch of 8 cannot be shared equally by
# three, and a ValueError says so: all workers take each step together, so one with more patches would keep the others waiting.
#
# </details>
#
# ### When a file is broken
#
# Disks fail, and copies are cut short. We cut the scans of one of the training patients in half and read on.

# %%
ill = next(row["source"] for row in rows if row["set"] == "training")
torn = [folder / row["image"] for row in rows if row["source"] == ill]
whole = [path.read_bytes() for path in torn]
for path, content in zip(torn, whole):
    path.write_bytes(content[: len(content) // 2])

# %%
try:
    for batch in file_batches(manifest, 60, 64, batch_size=8):
        pass
except own.PictureError as error:
    print(str(error).split(" (")[0], "...")

# %% [markdown]
# The first broken file ends the reading, and the message names it. If you would rather go on, pass a list. Another pair then takes the
# place of each broken one, and the list says which they were.

# %%
broken = []
sizes = {len(batch[0]) for batch in file_batches(manifest, 60, 64, batch_size=8, broken=broken)}
print("batches of", *sizes, "- broken files:", len(broken), "- all of that patient:", all(text.startswith(ill) for text in broken))
assert broken

# %%
for path, content in zip(torn, whole):
    path.write_bytes(content)
print("the files are whole again:", len(list(file_batches(manifest, 60, 64, batch_size=8))) == 60)

# %% [markdown]
# ### Does the training have to wait?
#
# If reading is hidden behind training, a step from files takes as long as one from arrays. Twenty-five steps each, in turns:

# %%
from helpers.scaling import patches_from_files, stream_files
from helpers.training import bce_dice_loss, training_batches
import keras

fed = build_unet()
fed.compile(keras.optimizers.Adam(1e-3), loss=bce_dice_loss)
patches, marks = patches_from_files(manifest, 200, 64, part="training")
sources = {"arrays": training_batches(patches, marks, batch_size=8), "files": stream_files(manifest, 25, 64, batch_size=8)}

# %% tags=["nbval-ignore-output"]
passes = in_turns({name: lambda s=s: fed.fit(s, steps_per_epoch=25, shuffle=False, verbose=0) for name, s in sources.items()}, rounds=5)
ratios = np.divide(passes["files"], passes["arrays"])  # of neighbors in time, so a slow moment is in both
print(f"a step from files takes {np.median(ratios):.2f} times as long as one from arrays; single turns {ratios.min():.2f} to {ratios.max():.2f}")

# %%
print("both have", {sum(1 for _ in s) for s in sources.values()}, "steps")

# %% [markdown]
# A patch is read much faster than the network learns from it, so the first number should lie near 1. The single turns say how much of it is
# chance. If all of them are clearly larger, other programs use the cores, or the files are large. More cores help. A GPU frees the cores as well,
# but it learns so fast that reading can become the slowest part; section 6 comes back to this.
#
# `train_unet` takes such a stream. `steps` says how many batches make an epoch, after which it validates and saves. A pass through all
# training files would be 750 batches, so an epoch need not be a pass:

# %% tags=["nbval-ignore-output"]
from helpers.training import train_unet

keras.utils.set_random_seed(1)
history = train_unet(build_unet(), stream_files(manifest, 3 * 60, 64, batch_size=8), patches_from_files(manifest, 100, 64),
                     scratch / "files", epochs=3, steps=60)
print("validation Dice:", ", ".join(f"{d:.2f}" for d in history.history["val_dice"]))

# %%
assert history.history["val_dice"][-1] > 0.6
print("epochs:", len(history.epoch), "- files seen:", f"{3 * 60 * 8:,}", "- a whole pass:", len(own.Manifest(manifest, "training")) // 8, "batches")

# %% [markdown]
# If such a run is killed in the middle of an epoch, `resume=True` with the same stream ends with the same weights as if it had not been.
# `train_unet` skips the batches that were done, and for that it reads them once more. The loop of section 4 begins at its batch.
# Section 4 also kills a run that two processes share.

# %% [markdown]
# ## 3. One machine, many devices
#
# [`MirroredStrategy`](https://www.tensorflow.org/guide/distributed_training#mirroredstrategy) puts a copy of the network on each
# device. Each copy gets its part of the batch and computes the gradient for it. The gradients are added up, and every copy takes
# the same step, so the copies always stay the same. This is called **data parallel** training. On one machine `fit` does it for you,
# and all that is new is `with strategy.scope()`.

# %%
one, mirrored = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(devices)
print("copies of the network:", one.num_replicas_in_sync, "and", mirrored.num_replicas_in_sync)


# %%
def losses_with(strategy, clip=None):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = build_unet(depth=3, filters=4)
        model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=clip), loss=bce_dice_loss)
    batches = tf.data.Dataset.from_tensor_slices((images[:64], masks[:64])).batch(8)
    return np.array(model.fit(batches, epochs=3, shuffle=False, verbose=0).history["loss"])


# %% [markdown]
# We train from the same start with the same batches of 8, once on one device and once in equal parts on all of them. (If you have
# a single GPU, there is one copy, and both are the same training.)
#
# **Predict.** How far apart will the losses be: "not at all", "in the last digits", or "by a few percent"?

# %%
guess = None  # "not at all", "in the last digits" or "by a few percent"

# %% tags=["nbval-ignore-output"]
alone, together = losses_with(one), losses_with(mirrored)
near = "in the last digits" if np.allclose(together, alone, rtol=1e-4) else "by a few percent"
checks.reveal("two devices", guess, "not at all" if np.array_equal(together, alone) else near)

# %% tags=["nbval-ignore-output"]
print(*(f"{a:.6f} on one device, {b:.6f} on {len(devices)}" for a, b in zip(alone, together)), sep="\n")

# %%
np.testing.assert_allclose(together, alone, rtol=1e-4)
print("the same losses:", np.allclose(together, alone, rtol=1e-4))

# %% [markdown]
# On two devices or more they differ in the last digits only, because the same numbers were added in another order. **This shows that
# it is correct, not that it is fast.** Two devices on one CPU share its cores, so nothing is gained here. On a machine with two GPUs the same cells run on
# both, without a change.
#
# ### One thing that is not the same
#
# `train_unet` clips gradients: `global_clipnorm=1.0` shortens a gradient that is longer than 1. What happens if we clip here, with
# Keras' own `fit`?

# %% tags=["nbval-ignore-output"]
clipped_alone, clipped_together = losses_with(one, clip=0.1), losses_with(mirrored, clip=0.1)
print(*(f"{a:.6f} on one device, {b:.6f} on {len(devices)}" for a, b in zip(clipped_alone, clipped_together)), sep="\n")

# %%
differ = not np.allclose(clipped_together, clipped_alone, rtol=1e-5)
assert differ or len(devices) == 1
print("with clipping the losses differ, where there is more than one device:", differ == (len(devices) > 1))

# %% [markdown]
# Keras clips *on each device*, before the gradients are added up. Two halves that are each shortened to 0.1 are not the same as the
# whole shortened to 0.1. Nothing warns you. The training may be as good, but it is another training.
#
# A batch that cannot be shared equally is a second such thing. Of 7 pictures, with two devices, one gets 4 and the other 3. Keras takes the mean of
# each part and then the mean of both, so that a picture of the smaller part counts for more.
#
# `train_unet` repairs both, in `helpers/several_devices.py`. On several devices its Adam adds the gradients up first and clips the sum,
# and its losses weigh each part by its pictures. Put the whole call into the scope. The first batch must be shared equally, because
# Keras cannot begin otherwise. Here 63 pictures in batches of 8 leave 7 for the last one.

# %%
def trained_on(strategy, name):
    with strategy.scope():
        keras.utils.set_random_seed(0)
        return train_unet(
            build_unet(depth=3, filters=4), (images[:63], masks[:63]), (images[100:116], masks[100:116]),
            scratch / name, epochs=2, batch_size=8,
        ).history


# %% tags=["nbval-ignore-output"]
whole_batch, shared = trained_on(one, "alone"), trained_on(mirrored, "spread")
for name in ("loss", "val_loss"):
    print(f"{name:8}", *(f"{a:.6f} on one device, {b:.6f} on {len(devices)}" for a, b in zip(whole_batch[name], shared[name])), sep="  ")

# %%
assert all(np.allclose(shared[name], whole_batch[name], rtol=1e-3) for name in whole_batch)
print("clipped, with a last batch of 7, and the same:", all(np.allclose(shared[name], whole_batch[name], rtol=1e-3) for name in whole_batch))

# %% [markdown]
# One layer needs a setting from you. *Batch normalization* computes its means from the pictures of one device, so `train_unet` refuses it on
# several and says how to let the devices share their means.

# %% [markdown]
# ## 4. Many machines
#
# [`MultiWorkerMirroredStrategy`](https://www.tensorflow.org/guide/distributed_training#multiworkermirroredstrategy) does the same
# over a network. The same program, a **worker**, runs on each machine. The environment variable `TF_CONFIG` tells it who the others
# are and which one it is:

# %%
from helpers.printing import say  # as print, but it breaks long lines between words
from helpers.scaling import tf_config

for index in (0, 1):
    say(tf_config(["first.example:2222", "second.example:2222"], index))

# %% [markdown]
# Worker 0 is the **chief**. It does what must be done only once, such as saving. We do not have two machines here. Two processes on
# one machine behave in the same way.
#
# ### `fit` does not work here
#
# It would be convenient to write `with strategy.scope()` and `fit`, as above. With Keras 3 this has failed for years:
# [keras-team/keras#20585](https://github.com/keras-team/keras/issues/20585). See for yourself:

# %% tags=["more-memory"]
from helpers import scaling

try:
    scaling.run_workers(2, scratch / "fit", fit=True)
    print("fit works with this version of Keras!")
except scaling.WorkerLost as error:
    said = (scratch / "fit" / "worker-0.txt").read_text()
    say([line for line in said.splitlines() if line.startswith("ValueError")][0], "...", said.splitlines()[-1])

# %% [markdown]
# `PerReplica` is TensorFlow's container with one value for each copy. The strategy packs every batch into one, and Keras 3 tries to
# compute with the container as if it were the batch. `strategy.run` opens it for each copy, so we write the loop ourselves.
#
# ### A loop of our own
#
# Only the step is new. `strategy.run` calls a function on each copy, with its part of the batch. Each copy divides the sum of its
# losses by the size of the **whole** batch. Then the sum of all gradients, which the optimizer uses, is the gradient of one device.


# %%
def make_step(strategy, model, optimizer, batch_size):
    def on_one_replica(images, masks):
        with tf.GradientTape() as tape:
            losses = bce_dice_loss(masks, model(images, training=True))
            loss = tf.reduce_sum(losses) / batch_size
            scaled = optimizer.scale_loss(loss)  # under mixed_float16 the loss is enlarged, otherwise it is the same
        gradients = tape.gradient(scaled, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return loss

    @tf.function
    def step(images, masks):
        return strategy.reduce("SUM", strategy.run(on_one_replica, (images, masks)), axis=None)

    return step


# %% [markdown]
# What would happen if each copy used the *mean* of its own losses instead? The gradients would still be added up, so two copies would
# take steps as if the loss were twice as large. Adam hides this, because it divides by the size of the gradient. Plain gradient
# descent would go twice as far.
#
# `scaling.train_on` adds the rest. Rates, Adam and the clipping of the sum are those of `train_unet`. After each epoch every worker
# scores its part of the validation set. The chief writes the files that you know from notebook 03: `log.csv`, `best.keras`, and until the
# run ends `backup/`, with a lock that keeps other processes out. It works with any strategy, and `run_workers` starts two processes that
# call it. Both train from our folder of 20,000 files, and each of them reads one half of each batch.

# %% tags=["nbval-ignore-output", "more-memory"]
from_files = {"manifest": str(manifest), "size": 64}
on_one = scaling.train_on(one, scratch / "one", **from_files)
on_two = scaling.run_workers(2, scratch / "two", **from_files)
print(*(f"{a:.6f} in this process, {b:.6f} in two others" for a, b in zip(on_one, on_two)), sep="\n")

# %% tags=["more-memory"]
np.testing.assert_allclose(on_two, on_one, rtol=1e-3)
print("the same losses:", np.allclose(on_two, on_one, rtol=1e-3))

# %% [markdown]
# ### A worker dies
#
# The more machines take part, the more often one of them breaks. Here we start a longer training, wait until its first epoch is done, and
# kill worker 1 without warning, as Linux kills a process when the memory is full.
#
# **Predict.** What does worker 0 do?

# %%
guess = None  # "goes on alone", "waits forever" or "ends"

# %% tags=["more-memory"]
import time

longer = {"epochs": 5, "steps": 10, **from_files}
workers = scaling.start_workers(2, scratch / "long", **longer)
while workers[1].poll() is None and not (scratch / "long" / "log.csv").exists():
    time.sleep(0.1)
workers[1].kill()

# %% tags=["nbval-ignore-output", "more-memory"]
try:
    scaling.watch_workers(workers, scratch / "long", seconds=60)
except scaling.WorkerLost as error:
    lost = error
by_itself = workers[0].returncode != -9  # and not stopped by watch_workers, which waits for half a minute
checks.reveal("worker 0", guess, "ends" if by_itself else "waits forever")

# %% tags=["nbval-ignore-output", "more-memory"]
say("WorkerLost:", str(lost).replace(f"{scratch}/", ""))
print("worker 0 wrote:", *(scratch / "long" / "worker-0.txt").read_text().splitlines()[-1:])

# %% [markdown]
# All copies take each step together, so when one is gone the others cannot go on. Worker 0 notices that its connection is broken, and
# ends. (The system closes the connections of a process that was killed. When a whole machine goes dark, nobody closes them, and the
# others may wait much longer.) The program that started the workers must notice this, stop the rest and report it, because a process that waits for a dead
# one costs money every hour. Then start the same workers again:

# %% tags=["more-memory"]
resumed = scaling.run_workers(2, scratch / "long", resume=True, **longer)
uncut = scaling.train_on(one, scratch / "uncut", **longer)
print("all epochs, as if nothing had happened:", len(resumed) == 5, np.allclose(resumed, uncut, rtol=1e-2))

# %% [markdown]
# Three things make this possible, and you know them from notebook 03. The backup holds the weights *and* the state of the
# optimizer. A patch depends on the seed and its place in the stream only. And the backup says how many epochs are done, and with which
# settings; a run that is resumed with others stops and names them. The number of epochs is one of them, because the learning rate
# falls to 0 by the last. (We compared with one process, so the losses differ a little. Two processes that were killed and
# resumed end bit for bit as two that were not.) All machines must be able to read the folder of the run, and that of the files.
#
# ### On a real cluster
#
# The worker is a command: `python -m helpers.scaling RUN_DIR '{"epochs": 3, "manifest": "MANIFEST", "size": 64}'`. Without a manifest it
# trains on drawn pictures, which is good for a first try. `"network": "mine.py:build"` trains a network of your own, the one that the
# function `build` in your file `mine.py` returns. What starts the worker depends on the cluster.
#
# - **Slurm.** `sbatch tools/clusters/train.sbatch RUN_DIR MANIFEST` starts four of them; when one fails, Slurm ends the rest. Slurm tells each
#   task its place in variables of its own, and `helpers/scaling/clusters.py` makes `TF_CONFIG` of them. Several tasks that know nothing
#   of each other would each train alone and into the same folder, so such a worker refuses to start. With `--requeue` Slurm
#   starts the job again when one of its machines has failed. When a worker ended with an error, submit the same command again. In both
#   cases the worker's `--resume` goes on after the last epoch. A machine that failed leaves its lock behind. A chief on another machine
#   therefore waits until the lock has been silent for ten minutes.
# - **Kubernetes.** Each worker is a pod. Kubeflow's training operator (version 1) has a kind `TFJob`, which writes `TF_CONFIG` into
#   each pod and starts a pod again when it ends with an error. The folder of the run and the files are on a volume that all of them
#   mount: `tools/clusters/tfjob.yaml`. The operator's successor, Kubeflow Trainer, has other kinds of jobs, which we have not tried. Both files say what of them was tried, and what was not.
# - **By hand.** Open two terminals on two machines, set `TF_CONFIG` in each as above, and open port 2222 between them.
#
# Use `MultiWorkerMirroredStrategy` only when one machine is too slow. After each step all gradients travel from machine to
# machine. Here they even travel twice: once to be added up and clipped, and once more because Keras adds up whatever its optimizer gets. The small network of this section has 7,397 weights of 4 bytes, which is 30 kilobytes. The course's own network has 120,681, half a
# megabyte. With a thousand times as many it is a lot.

# %% [markdown]
# ## 5. Cheaper steps
#
# Before you use more machines, make each step cheaper. There are several well-known ways, and it depends on your machine which of
# them help.
#
# - **[Mixed precision](https://keras.io/api/mixed_precision/)** computes with numbers of 16 bits and keeps the weights in 32. Only some
#   processors have instructions for `bfloat16`; on the others the step becomes slower.
# - **XLA** (`jit_compile=True`) compiles the whole step into one program, mainly for GPUs.
# - **Fewer channels or fewer levels** mean less arithmetic, and a network that can do less.
# - **Batch normalization** saves nothing, but it is so common that we want to know what it costs.
#
# First we delete the networks of the sections above, because Python keeps everything that has a name.

# %%
import gc

del tasks, fed, sources, history
keras.utils.clear_session()
_ = gc.collect()


# %%
def mixed_unet():
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = build_unet()
    keras.config.set_dtype_policy("float32")
    return network


# %%
networks = {"default": build_unet(), "4 filters": build_unet(filters=4), "16 filters": build_unet(filters=16),
            "depth 3": build_unet(depth=3), "batch normalization": build_unet(normalization="batch"), "mixed precision": mixed_unet()}
steps = {name: training_step(network, images[:8], masks[:8]) for name, network in networks.items()}

# %% [markdown]
# **Predict.** A network with 16 filters needs four times the arithmetic of our default with 8. How many times the time does its step
# take?

# %%
guess = None  # how many times the time?

# %% tags=["nbval-ignore-output"]
timed = in_turns({**steps, "matrix": multiply}, rounds=3)
timed = {name: float(np.median(values)) for name, values in timed.items()}
checks.reveal("wide step", guess, timed["16 filters"] / timed["default"])

# %% tags=["nbval-ignore-output"]
for name in sorted(steps, key=timed.get):
    gigaflop = 8 * step_gigaflop(networks[name], 96)
    share = gigaflop / timed[name] / (product_gigaflop / timed["matrix"])
    print(f"{name:20} {timed[name] / timed['default']:5.2f} times the default, {share:4.0%} of the matrix product")

# %% [markdown]
# XLA is tried in a process of its own, because compiling takes a lot of memory.

# %% tags=["nbval-ignore-output"]
from helpers.scaling import step_costs

(plain, plain_mb), (compiled, compiled_mb) = step_costs([{"batch_size": 8}, {"batch_size": 8, "jit_compile": True}])
print(f"XLA {compiled / plain:16.2f} times the default, and {compiled_mb - plain_mb:.0f} MB more memory")

# %%
assert timed["4 filters"] < timed["16 filters"] < 4 * timed["default"]
print("fewer filters, less time:", timed["4 filters"] < timed["16 filters"])
print("four times the arithmetic, less than four times the time:", timed["16 filters"] < 4 * timed["default"])

# %% [markdown]
# Compare *16 filters* with the default. It needs four times the arithmetic, but not four times the time, because wide networks use
# the processor's instructions better than narrow ones. The reverse is true of *4 filters*: it has a quarter of the arithmetic and
# saves less than three quarters of the time.
#
# If *mixed precision* is faster than the default on your machine, its processor multiplies 16-bit numbers in hardware, and the share can
# exceed what 32-bit numbers could reach. If it is slower, the processor has to convert them. On a CPU nobody can say beforehand what *XLA*
# does: the convolutions of TensorFlow's library were written by hand. Where this course was made, XLA was sometimes faster and sometimes slower.
# The advice "always switch on XLA" comes from people with GPUs.
#
# Every network of the course ends in a layer of 32 bits, whatever is inside, for a reason. With `bfloat16` the largest number below 1 is
# 0.996, so a surer prediction would become exactly 1, and for a number that has arrived there our loss has no slope. Does the rest learn with 16 bits?

# %% tags=["nbval-ignore-output"]
fallen = {}
for name in ("default", "mixed precision"):
    first = steps[name]()
    for _ in range(25):
        last = steps[name]()
    fallen[name] = last < first
    print(f"{name}: loss {first:.2f}, after 25 more steps on the same batch {last:.2f}")

# %%
assert all(fallen.values())
print("both learn:", all(fallen.values()))

# %% [markdown]
# On a GPU the same comparison reads differently. This cell runs it if there is one.

# %% tags=["nbval-ignore-output"]
if tf.config.list_physical_devices("GPU"):
    keras.config.set_dtype_policy("mixed_float16")
    half = build_unet(filters=32)
    keras.config.set_dtype_policy("float32")
    on_gpu = {"float32": build_unet(filters=32), "mixed_float16": half}
    found = in_turns({name: training_step(network, images[:32], masks[:32]) for name, network in on_gpu.items()})
    print({name: f"{32 / np.median(values):.0f} pictures a second" for name, values in found.items()})
else:
    print("No GPU here. With one, this cell would compare float32 with mixed_float16, for which")
    print("its tensor cores are made, with 32 filters: 8 would leave most of it idle.")

# %% [markdown]
# ## 6. How cost grows
#
# If you double the side of the picture, how many times the seconds and how many times the memory does a step need? And if you double
# the filters?
#
# We begin with theory. A convolution is done at every pixel, and the number of pixels grows with the square of the side. So the
# exponent is 2, for time and memory alike. With twice the filters, each convolution has twice the channels in *and* twice the channels
# out, so the exponent is 2 for time. But memory holds the results, and there are only twice as many of them: exponent 1.


# %%
def exponent(x, y):
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


# %%
grid = {"batch_size": (2, 8, 32), "size": (48, 96, 192), "filters": (8, 16, 32)}
theory = {"batch_size": (1, 1), "size": (2, 2), "filters": (2, 1)}  # seconds, memory
costs = {dial: step_costs([{dial: value} for value in values]) for dial, values in grid.items()}
spent, memory = ({dial: [pair[i] for pair in pairs] for dial, pairs in costs.items()} for i in (0, 1))

# %% [markdown]
# Each row is measured in a new process, from the smallest value to the largest, because a process seldom gives memory back.

# %% tags=["nbval-ignore-output"]
print("exponent of       seconds (theory)   memory (theory)")
for dial, values in grid.items():
    slopes = exponent(values, spent[dial]), exponent(values, memory[dial])
    print(f"{dial:16} {slopes[0]:8.1f} ({theory[dial][0]}) {slopes[1]:14.1f} ({theory[dial][1]})")

# %% tags=["nbval-ignore-output"]
steps_up = np.array([1, 2, 4])
by_filters = {"seconds": np.array(spent["filters"]) / spent["filters"][0], "memory": np.array(memory["filters"]) / memory["filters"][0]}
figures.plot_lines(
    8 * steps_up, {**by_filters, "theory, seconds": steps_up**2, "theory, memory": steps_up}, "What more filters cost, beside theory",
    f"Four times the filters: {by_filters['seconds'][2]:.1f} times the seconds (theory 16), {by_filters['memory'][2]:.1f} times the memory (theory 4).",
    xlabel="filters of the first level", ylabel="times as much", log="both"
)

# %%
assert all(values[-1] > values[0] for values in [*spent.values(), *memory.values()])
print("all costs grow:", all(values[-1] > values[0] for values in [*spent.values(), *memory.values()]))

# %% [markdown]
# Most measured exponents are below the theory. Theory counts only the work that grows. The machine also has the fixed cost of
# section 1, and it handles large work better than small work. (Other programs on your machine bend the lines of the seconds as well.) So a
# fitted exponent is valid *within* the range that you measured, and tells little beyond it.
#
# **Change.** Measure the filters again with 32, 64 and 128, for `size` 48. Does the exponent of the seconds come closer to 2?
#
# <details><summary>What you should have seen</summary>
#
# It does. From 32 filters on the instructions of any processor are full, so that twice the filters cost nearly four times the seconds. The
# cell takes about a minute.
#
# </details>
#
# ### And what do more pictures buy?
#
# The other curve that matters says how good the network becomes. Every training below has the same number of steps and
# batches of 8, and only the number of *different* pictures changes. A short training depends on luck, so each is done with three seeds. Small scans of 48x48 keep
# the wait short.

# %%
del networks, steps
gc.collect()
small = CircleScene(size=48, radius=(3, 8))
more, more_masks = make_dataset(320, small, seed=11)
unseen = make_dataset(100, small, seed=12)
check = tf.data.Dataset.from_tensor_slices(unseen).batch(50)


def first_weights(seed):
    keras.utils.set_random_seed(seed)
    return build_unet(depth=3).get_weights()


# %%
from helpers.training import DiceScore, restart

learner, scores = build_unet(depth=3), {n: [] for n in (8, 40, 320)}
learner.compile(keras.optimizers.Adam(3e-3, global_clipnorm=1.0), loss=bce_dice_loss, metrics=[DiceScore()])
for n, seed in [(n, seed) for n in scores for seed in (1, 2, 3)]:
    restart(learner, first_weights(seed))  # one compiled network for all nine, as in notebook 03
    passes = training_batches(more[:n], more_masks[:n], batch_size=8, epochs=1600 // n, seed=seed)
    run = learner.fit(passes, validation_data=check, steps_per_epoch=200, shuffle=False, verbose=0)
    scores[n].append(run.history["val_dice"][-1])

# %% tags=["nbval-ignore-output"]
figures.plot_lines(
    list(scores), {"mean of three seeds": [np.mean(s) for s in scores.values()],
                   "worst": [min(s) for s in scores.values()], "best": [max(s) for s in scores.values()]},
    "Validation Dice, over the number of different pictures",
    "; ".join(f"{n} pictures: {min(s):.2f} to {max(s):.2f}" for n, s in scores.items()) + ".",
    xlabel="different pictures", ylabel="mean per-image Dice", log=True, limits=(0, 1)
)

# %%
assert np.mean(scores[320]) > np.mean(scores[8])
print("320 pictures are better than 8, in the mean:", bool(np.mean(scores[320]) > np.mean(scores[8])))

# %% [markdown]
# Compare the ranges before you compare the means. Where the ranges of two neighbors overlap, these three runs cannot say which of the
# two is better.
#
# Each further point on this curve costs five or eight times the pictures. Two things make it flat here. Augmentation turns 8 pictures
# into 64, and 200 steps are few: a network that trains longer memorizes 8 pictures and goes on learning from 320. So a curve like this is valid
# for *one* length of training. Drawn pictures cost nothing. With real ones somebody has to outline every lesion, and a curve measured
# on a few hundred is what you show before you ask for ten thousand.
#
# ### A page of arithmetic: a million scans
#
# You are asked what it takes to train on a million scans of 512x512, for three epochs, with a network of 32 filters. You can calculate
# it.

# %%
wide = build_unet(filters=32)
gigaflop = step_gigaflop(wide, 512)
total = 3 * 1e6 * gigaflop * 1e9
print(f"{gigaflop:.0f} billion operations a scan, {total:.1e} in all")
print(f"on disk, one byte a pixel for scan and mask: {1e6 * 2 * 512**2 / 1e12:.1f} TB")

# %% tags=["nbval-ignore-output"]
here = speed[32] * 1e9  # operations a second that section 1 measured, with 8 filters; wide networks do better
print(f"on this machine: {total / here / 86400:.0f} days")
print(f"on a GPU of 50 trillion operations a second, used to a third: {total / (50e12 / 3) / 3600:.0f} hours")
print(f"on eight of them, at nine tenths of eight times the speed: {total / (50e12 / 3) / 7.2 / 3600:.1f} hours")

# %%
assert total / here > total / (50e12 / 3), "is this machine faster than a GPU?"
print(f"scans a second that the eight must be fed with: {7.2 * 50e12 / 3 / gigaflop / 1e9:.0f}")

# %% [markdown]
# How to read these numbers:
#
# - **Days, hours or less.** The cells above compare one CPU, one GPU and eight GPUs. A million scans are a case for section 3, one machine
#   with several GPUs. Section 4 begins where that is not enough.
# - **Feeding the GPUs** becomes the problem. Each second hundreds of scans of half a megabyte must be read, decoded and augmented. That is
#   what streams from several processes are for, which draw and read in advance.
# - **Ask a smaller question first.** Train on a thousandth and on a hundredth of the scans, with the same number of steps: three epochs
#   of the hundredth. Both together cost a fiftieth, and the two scores say whether more scans still help.

# %% [markdown]
# ## Exercises
#
# The cell for your answer comes first, the call that checks it below. Stuck? Run `checks.hint("7.1")` in a cell of its own.

# %% [markdown]
# ### Exercise 7.1: To each worker its part
#
# `numbers` are the pictures of one batch, `count` workers share it, and this is worker `index`, counted from 0. Return the numbers that
# this worker draws, in their order and without gaps. The first worker gets the beginning of the batch and the last its end. Together
# the workers draw every picture once. `file_batches` refused a batch that cannot be shared equally. Your function accepts it: the first
# workers get one picture more than the others.
#
# Hints: `checks.hint("7.1")`

# %%
def my_part(numbers, index, count):
    raise NotImplementedError


# %%
checks.exercise_7_1(my_part)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def my_part(numbers, index, count):
#     size, left = divmod(len(numbers), count)
#     start = index * size + min(index, left)
#     return numbers[start : start + size + (index < left)]
# ```
#
# </details>

# %% [markdown]
# ### Exercise 7.2: How many days?
#
# A machine trains on 300 scans of 96x96 a second. The hospital has 200,000 scans of 384x384. The network stays the same, and ten epochs
# are needed. How many days does it take, if the time grows exactly with the pixels?
#
# Hints: `checks.hint("7.2")`

# %%
days = None

# %%
checks.exercise_7_2(days)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# days = 10 * 200_000 * (384 / 96) ** 2 / 300 / (24 * 60 * 60)
# ```
#
# Four times the side is sixteen times the pixels: 18.75 scans a second, and 2 million to go.
#
# </details>

# %% [markdown]
# ## What you've learned
#
# - You counted the arithmetic of a training step, and profiled where its time goes.
# - You fed a training from an endless stream of pictures, and from a folder of 20,000 files, in the memory of a few.
# - You trained on several devices with `MirroredStrategy`, and on several machines with a loop of your own.
# - You killed a worker in mid-run, and resumed from the last checkpoint.
# - You made a step cheaper, by measuring which settings help on your machine.
# - You estimated how cost grows, up to a million scans.
#
# ## On your own
#
# 1. Train the default network twice for the same number of *seconds*, with batches of 4 and of 32. Which Dice is higher, and why is it
#    not the one that uses the machine better?
# 2. Change `make_step` so that it takes the mean of the gradients of two batches before it takes a step. How can you test that batches of 4 now
#    agree with batches of 8?
#
# Two notebooks go on from here: [Count lesions that touch](08_touching_lesions.ipynb) and [Tell several classes apart](09_several_classes.ipynb).
#
# ## Further reading
#
# - [Distributed training with TensorFlow](https://www.tensorflow.org/guide/distributed_training) and
#   [its tutorial on custom loops over many workers](https://www.tensorflow.org/tutorials/distribute/multi_worker_with_ctl).
# - [Better performance with tf.data](https://www.tensorflow.org/guide/data_performance), and the
#   [profiler](https://www.tensorflow.org/guide/profiler).
# - Goyal et al., [Accurate, Large Minibatch SGD](https://arxiv.org/abs/1706.02677), 2017: what happens to learning when batches grow.
# - Kaplan et al., [Scaling Laws for Neural Language Models](https://arxiv.org/abs/2001.08361), 2020: curves like ours, over seven
#   orders of magnitude.
