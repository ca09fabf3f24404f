"""A run of several workers, processes with devices of their own, that ends as `train_unet` would on one device."""

import contextlib
import math
from dataclasses import asdict, dataclass

import keras
import numpy as np

from helpers.evaluation import dice_per_image
from helpers.networks import predict
from helpers.plain_networks import make_plain
from helpers.run_state.backup import kept_variables, versions, write_backup
from helpers.run_state.end import is_finite
from helpers.run_state.folder import end_run, folder_of, is_unfinished, make_folder, put_in_place, read_log
from helpers.run_state.lock import check_still_mine, show_alive, wait_for_silence
from helpers.run_state.resuming import holding, read_interrupted, restore_files, set_aside
from helpers.run_state.terms import digest_of_network
from helpers.scaling.agreement import Workers
from helpers.scaling.devices import make_step
from helpers.scaling.material import material_of, network_of
from helpers.settings import check_rate, check_switch, check_whole, recipe_of
from helpers.several_devices import clipped_adam
from helpers.training import bce_dice_loss, warmup_cosine

COLUMNS = ("loss", "val_dice", "val_loss")


@dataclass(frozen=True)
class SharedRecipe:
    """The settings of `train_on` that seldom need a change, each an argument of it.

    steps: batches an epoch. batch_size: pictures a step, of all devices together. seed: of the first weights, of the
    pictures and their order. size: side of the pictures that are drawn or the patches that are cut, pixels. held_back:
    pictures of the validation set, drawn or cut. peak_rate, warmup: of `warmup_cosine`. depth, filters: of the U-Net,
    unless it is one's own.
    """

    steps: int = 8
    batch_size: int = 8
    seed: int = 0
    size: int = 32
    held_back: int = 32
    peak_rate: float = 3e-3
    warmup: int = 50
    depth: int = 3
    filters: int = 4

    def __post_init__(self):
        """Raise ValueError for a setting that no run can have; depth and filters are checked by `build_unet`."""
        for name, least in (("steps", 1), ("batch_size", 1), ("seed", 0), ("size", 1), ("held_back", 1), ("warmup", 0)):
            object.__setattr__(self, name, check_whole(getattr(self, name), name, least))
        object.__setattr__(self, "peak_rate", check_rate(self.peak_rate, "peak_rate"))


def train_on(strategy, run_dir, epochs=3, resume=False, network=None, manifest=None, arrays=None, **recipe):
    """Train a U-Net with a loop of our own on the devices of any `tf.distribute` strategy, of one process or several.

    The pictures are drawn, or read from the files of a manifest that `index_folder` wrote, or `arrays`: two pairs
    `(images, masks)`, to train on and to validate on. Each worker draws or reads only its part of each batch. network:
    None, a function that builds one, or text such as "mine.py:build". recipe: the fields of `SharedRecipe`. Loss,
    rates, Adam and its clipped gradient are those of `train_unet`; the run does not stop early.

    The first worker writes the files of `train_unet`: `log.csv` (epoch, loss, val_dice, val_loss), `best.keras` and,
    until the run ends, `backup/` with a lock. With resume=True and the same arguments an interrupted run ends as if it
    had not been. Returns the mean loss of each epoch. Raises what `train_unet` does: FileExistsError if the folder
    holds a run, FileNotFoundError if there is none to resume, RuntimeError if another process trains there, ValueError
    if settings differ from those of the beginning or do not fit, and FloatingPointError if the loss becomes NaN.
    """
    recipe = recipe_of(SharedRecipe, recipe, "train_on")
    resume, epochs = check_switch(resume, "resume"), check_whole(epochs, "epochs")
    copies, workers, run_dir = strategy.num_replicas_in_sync, Workers(strategy), folder_of(run_dir)
    if recipe.batch_size % copies:
        raise ValueError(
            f"batch_size is {recipe.batch_size}; {copies} devices share it, so make it a multiple of {copies}."
        )
    material = material_of(recipe, manifest, arrays)
    with strategy.scope():
        keras.utils.set_random_seed(recipe.seed)
        model = network_of(network, recipe, material.sides)
        rate = warmup_cosine(recipe.peak_rate, epochs * recipe.steps, recipe.warmup)
        optimizer = clipped_adam(model, rate, "adam")
        optimizer.build(model.trainable_variables)
    terms = _terms(recipe, material, model, network, epochs)
    with contextlib.ExitStack() as held:
        files = _Files(run_dir, model, optimizer, terms, held) if workers.chief else None
        rows = _begin(workers, files, model, optimizer, resume, epochs)

        def my_part(context):  # this worker's part of each batch; tf.distribute deals it out to the worker's devices
            shard = context.input_pipeline_id, context.num_input_pipelines
            first, more = len(rows) * recipe.steps, (epochs - len(rows)) * recipe.steps
            return material.stream(first, more, shard).rebatch(recipe.batch_size // copies)

        step = make_step(strategy, model, optimizer, recipe.batch_size)
        batches = iter(strategy.distribute_datasets_from_function(my_part) if epochs > len(rows) else [])
        for epoch in range(len(rows), epochs):
            losses = []
            for _ in range(recipe.steps):
                losses.append(float(step(*next(batches))))
                if files:
                    show_alive(files.folder)
            rows.append([float(np.mean(losses)), *_validated(workers, model, *material.held_back)])
            _check_number(rows, run_dir)
            if files:
                files.keep(rows)
        if files:
            files.end()
        workers.total(np.zeros(1, np.int32))  # nobody leaves before the first one is done
    return [row[0] for row in rows]


def _terms(recipe, material, model, network, epochs):
    """Return what a run is started with, for `run_state.terms.changed_terms` to compare."""
    unused = set() if network is None else {"depth", "filters"}
    if material.terms["pictures"] == "arrays":
        unused |= {"size", "held_back"}
    settings = {name: value for name, value in asdict(recipe).items() if name not in unused}
    return {**settings, **material.terms, "network": digest_of_network(model), "epochs": epochs, "planned rate": True}


def _begin(workers, files, model, optimizer, resume, epochs):
    """Bring all workers to where the run goes on; returns the rows of its log so far, `COLUMNS` each.

    The first worker alone looks at the folder, so that no two can find different things there.
    """
    rows, failure = [], None
    if files:
        try:
            rows = files.begin(resume, epochs, wait=workers.count > 1)
        except Exception as error:
            failure = error
    done = int(workers.from_chief(np.int64([-1 if failure else len(rows)]))[0])  # the others wait here for its answer
    if failure:
        raise failure
    if done < 0:
        raise RuntimeError("the first worker could not begin, and what it wrote says why.")
    if done:
        rows = workers.from_chief(np.float64(rows or np.zeros((done, len(COLUMNS))))).tolist()
    variables = kept_variables(model, optimizer)
    values = [variable.value.numpy() for variable in variables]
    content = np.frombuffer(b"".join(value.tobytes() for value in values), np.uint8)
    content, place = workers.from_chief(content).tobytes(), 0
    for variable, value in zip(variables, values):
        here = np.frombuffer(content, value.dtype, value.size, place).reshape(value.shape)
        variable.assign(here)
        place += value.nbytes
    return rows


def _validated(workers, model, images, masks):
    """Return the mean Dice and the mean loss of the validation set; each worker looks at its part of it."""
    part = slice(workers.index, None, workers.count)
    images, masks = images[part], masks[part]
    sums = np.zeros(3)
    if len(images):
        found = predict(model, images)
        scores = dice_per_image(masks, (found >= 0.5).astype(np.uint8))
        losses = bce_dice_loss(masks, found).numpy()
        lost = 0 if np.isfinite(found).all() else np.nan  # NaN is not background
        sums = np.array([scores.sum() + lost, losses.astype(np.float64).sum(), len(images)])
    dice, loss, count = workers.total(sums)
    return float(dice / count), float(loss / count)


def _check_number(rows, run_dir):
    if not math.isfinite(rows[-1][0]):
        kept = "best.keras has the best epoch before it" if (run_dir / "best.keras").exists() else "No epoch was kept"
        raise FloatingPointError(
            f"the loss became NaN in epoch {len(rows)}. {kept}. Start again in a new folder with a lower peak_rate, a "
            "tenth for a start, and look for NaN in the pictures."
        )


class _Files:
    """The files of a run, which the first worker writes: log, best network, and backups."""

    def __init__(self, run_dir, model, optimizer, terms, held):
        self.run_dir, self.folder, self.model, self.terms, self.held = run_dir, run_dir / "backup", model, terms, held
        self.optimizer = optimizer

    def begin(self, resume, epochs, wait):
        """Take the folder, bring the network to the last backup, and return the rows of the log."""
        backup = None
        if resume:
            if wait:
                wait_for_silence(self.folder)
            backup = read_interrupted(self.run_dir, epochs)
        elif is_unfinished(self.run_dir) or any((self.run_dir / name).exists() for name in ("log.csv", "best.keras")):
            raise FileExistsError(
                f"the folder {self.run_dir} already holds a run. Pass resume=True, or another folder."
            )
        make_folder(self.run_dir)
        self.held.enter_context(holding(self.run_dir, new=not resume))
        if backup is None:
            if resume:
                set_aside(self.run_dir)
            self._back_up(0)
            return []
        restore_files(self.run_dir, backup, self.terms)
        for variable, array in zip(kept_variables(self.model, self.optimizer), backup.arrays, strict=True):
            variable.assign(array)
        return self._rows() if backup.epoch else []

    def _rows(self):
        return [[row[name] for name in COLUMNS] for row in read_log(self.run_dir)]

    def keep(self, rows):
        """Write what an epoch leaves: its row, the network if it is the best so far, and a backup."""
        check_still_mine(self.folder)
        draft = self.run_dir / "log.draft"
        lines = [",".join(map(repr, (epoch, *row))) for epoch, row in enumerate(rows)]
        draft.write_text("\n".join([",".join(("epoch", *COLUMNS)), *lines, ""]))
        put_in_place(draft, self.run_dir / "log.csv")
        scores = [row[1] for row in rows]
        better = math.isfinite(scores[-1]) and not any(score >= scores[-1] for score in scores[:-1])
        if better and is_finite(self.model):
            draft = self.run_dir / "draft.keras"
            self.model.save(draft)
            make_plain(draft)
            put_in_place(draft, self.run_dir / "best.keras")
        self._back_up(len(rows))

    def _back_up(self, epoch):
        state = {"epoch": epoch, "stopped": False, "terms": self.terms, "memory": [], "versions": versions()}
        write_backup(self.folder, state, [each.value.numpy() for each in kept_variables(self.model, self.optimizer)])

    def end(self):
        """Turn the run into one that has ended."""
        check_still_mine(self.folder)
        end_run(self.run_dir)
