"""What a run was started with: its settings, and fingerprints of its data, its network and its loss."""

import hashlib
import json
import types

import numpy as np
import tensorflow as tf

from helpers.fingerprints import digest_of, digest_of_arrays, names_in, of_a_library, without_names
from helpers.run_state.first_batches import FIRST, remarks_on

SHORT = (
    "epochs", "seed", "steps", "warmup", "patience", "monitor", "augmented", "batch_size", "peak_rate", "loss",
    "metrics", "optimizer_class", "size", "first", "depth", "filters", "held_back", "pictures",
)
ROLES = ("training", "validation")
LATER = ("metrics", "optimizer_class", "settings of the loss", "settings of the metrics")  # older backups lack them


def terms_of(model, train, validation, settings: dict) -> dict:
    """Return, under names that a message can use, all that decides how a run ends.

    model: a compiled network. train, validation: as in `train_unet`. settings: with what `first_batches` returns. Of a
    `tf.data.Dataset` only the shapes, the types, the number of batches and the first batch are known without reading
    all of it, and what its maker says of it (`first_batches.remark_on`). A change in a later batch alone is not seen.
    """
    terms = dict(settings)
    for role, data in zip(ROLES, (train, validation)):
        if isinstance(data, tf.data.Dataset):
            terms[f"{role} dataset"] = f"{data.element_spec}, {int(data.cardinality())} batches"
            terms |= {f"{role} {name}": value for name, value in remarks_on(data).items()}
        else:
            images, masks = data
            terms[f"{role} images"] = digest_of_arrays(np.asarray(images, np.float32))
            terms[f"{role} masks"] = digest_of_arrays(np.asarray(masks, np.uint8))
    terms["network"] = digest_of_network(model)
    optimizer = model.optimizer.get_config()
    rate = optimizer.pop("learning_rate", None)
    terms["optimizer"] = _digest_of_text(without_names(optimizer))
    terms["optimizer_class"] = getattr(model.optimizer, "known_as", type(model.optimizer).__name__)
    given = _compiled_with(model)
    terms["loss"], terms["metrics"] = names_in(model.loss), names_in(given["metrics"])
    terms["settings of the loss"] = digest_of([model.loss, given["loss_weights"]])
    terms["settings of the metrics"] = digest_of([given["metrics"], given["weighted_metrics"]])
    if not model.optimizer.iterations.value.numpy():  # later a callback may have changed it
        terms["learning rate"] = _digest_of_text(without_names(rate))
    return terms


def changed_terms(then: dict, now: dict) -> list[str]:
    """Return in words which terms differ: values for settings, names for what is only known by a fingerprint."""
    if then.get("loss") == "str":  # so an earlier version called every loss that was given by its name
        then = {**then, "loss": now.get("loss")}
    differ = [name for name in sorted({*then, *now} - {"learning rate"}) if _differs(name, then, now)]
    hidden = {f"settings of the {name}" for name in ("loss", "metrics") if name in differ}  # another one has others
    for role in ROLES:  # what is said of a set explains its shapes and number of batches, and these its first batch
        effects = [role + FIRST, f"{role} dataset"]
        if any(name.startswith(role) and name not in effects for name in differ):
            hidden.update(effects)
        elif effects[1] in differ:
            hidden.add(effects[0])
    changed = [_in_words(name, then, now) for name in differ if name not in hidden]
    rates = then.get("learning rate"), now.get("learning rate")
    if not changed and None not in rates and rates[0] != rates[1]:
        changed.append("another learning rate")
    return changed


def _differs(name, then, now):
    """What older backups lack, or not every maker of a Dataset says, is compared only if both have it."""
    role, _, rest = name.partition(" ")
    if (name in LATER or role in ROLES and rest != "dataset") and not (name in then and name in now):
        return False
    return then.get(name) != now.get(name)


def _in_words(name, then, now):
    role, _, rest = name.partition(" ")
    if name in SHORT or role in ROLES and rest in SHORT:
        return f"{name}={then.get(name)!r} (now {now.get(name)!r})"
    if name in (role + FIRST for role in ROLES):
        return f"another first {role} batch (other pictures or masks, another order or another seed)"
    plural = "settings" in name or rest in ("images", "masks")
    return f"{'other' if plural else 'another'} {name}"


def _compiled_with(model):
    """Return what `compile` was given, which Keras keeps, though not under a name that it documents."""
    given = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    return {name: given.get(name) for name in ("metrics", "weighted_metrics", "loss_weights")}


def _layer(layer):
    try:
        config = layer.get_config()
    except NotImplementedError:
        config = {}
    for name in config:  # Keras stores a function of one's own with the name of its file, which a new session changes
        value = getattr(layer, name, None)
        if isinstance(value, types.FunctionType) and not of_a_library(value):
            config[name] = digest_of(value)
    return type(layer).__name__, without_names(config), [tuple(weight.shape) for weight in layer.weights]


def _digest_of_text(value):
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def digest_of_network(model) -> str:
    """Return the fingerprint of a network: of its layers and their settings, not of its weights."""
    return _digest_of_text([_layer(layer) for layer in model.layers])
