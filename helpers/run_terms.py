"""What a run was started with: its settings, and fingerprints of its data, its network and its loss."""

import hashlib
import json
import types

import numpy as np
import tensorflow as tf

from helpers.fingerprints import digest_of, names_in, of_a_library, without_names

SHORT = (
    "epochs", "seed", "steps", "warmup", "patience", "monitor", "augmented", "batch_size", "peak_rate", "loss",
    "metrics", "optimizer_class", "size", "depth", "filters", "held_back", "pictures",
)
LATER = ("metrics", "optimizer_class", "settings of the loss", "settings of the metrics")  # older backups lack them


def terms_of(model, train, validation, settings: dict) -> dict:
    """Return, under names that a message can use, all that decides how a run ends.

    model: a compiled network. train, validation: as in `train_unet`. Of a `tf.data.Dataset` only the shapes, the types
    and the number of batches are known without reading all of it.
    """
    terms = dict(settings)
    for name, data in (("training", train), ("validation", validation)):
        if isinstance(data, tf.data.Dataset):
            terms[f"{name} dataset"] = f"{data.element_spec}, {int(data.cardinality())} batches"
        else:
            images, masks = data
            terms[f"{name} images"] = digest_of_array(np.asarray(images, np.float32))
            terms[f"{name} masks"] = digest_of_array(np.asarray(masks, np.uint8))
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
    then = {**{name: now[name] for name in LATER if name in now}, **then}
    if then.get("loss") == "str":  # so an earlier version called every loss that was given by its name
        then["loss"] = now.get("loss")
    changed, named = [], {f"settings of the {name}" for name in ("loss", "metrics") if then.get(name) != now.get(name)}
    for name in sorted({*then, *now} - {"learning rate"} - named):
        if then.get(name) != now.get(name):
            values = f"{name}={then.get(name)!r} (now {now.get(name)!r})"
            changed.append(values if name in SHORT else f"{'other' if 'settings' in name else 'another'} {name}")
    rates = then.get("learning rate"), now.get("learning rate")
    if not changed and None not in rates and rates[0] != rates[1]:
        changed.append("another learning rate")
    return changed


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


def digest_of_array(array) -> str:
    """Return the fingerprint of an array: of its shape, its type and its values."""
    digest = hashlib.blake2b(f"{array.shape}{array.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()
