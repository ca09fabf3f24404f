"""What a run was started with: its settings, and fingerprints of its data and its network."""

import hashlib
import json

import numpy as np
import tensorflow as tf

SHORT = ("epochs", "seed", "steps", "warmup", "patience", "monitor", "augmented", "batch_size", "peak_rate", "loss")


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
            terms[f"{name} images"] = _digest(np.asarray(images, np.float32))
            terms[f"{name} masks"] = _digest(np.asarray(masks, np.uint8))
    terms["network"] = _digest_of_text([_layer(layer) for layer in model.layers])
    optimizer = model.optimizer.get_config()
    rate = optimizer.pop("learning_rate", None)
    terms["optimizer"] = _digest_of_text(_plain(optimizer))
    terms["loss"] = getattr(model.loss, "__name__", type(model.loss).__name__)
    if not model.optimizer.iterations.value.numpy():  # later a callback may have changed it
        terms["learning rate"] = _digest_of_text(_plain(rate))
    return terms


def changed_terms(then: dict, now: dict) -> list[str]:
    """Return in words which terms differ: values for settings, names for what is only known by a fingerprint."""
    changed = []
    for name in sorted({*then, *now} - {"learning rate"}):
        if then.get(name) != now.get(name):
            values = f"{name}={then.get(name)!r} (now {now.get(name)!r})"
            changed.append(values if name in SHORT else f"another {name}")
    rates = then.get("learning rate"), now.get("learning rate")
    if not changed and None not in rates and rates[0] != rates[1]:
        changed.append("another learning rate")
    return changed


def _layer(layer):
    try:
        config = layer.get_config()
    except NotImplementedError:
        config = {}
    return type(layer).__name__, _plain(config), [tuple(weight.shape) for weight in layer.weights]


def _plain(part):
    """Return settings without names, which count how many layers a session has made, and without initial values."""
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items() if key != "name" and "initializer" not in key}
    return [_plain(value) for value in part] if isinstance(part, (list, tuple)) else part


def _digest_of_text(value):
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def _digest(array):
    digest = hashlib.blake2b(f"{array.shape}{array.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()
