"""The note that goes with a network: every number in it is looked at before it is used."""

from helpers.own_images.gray_levels import Normalization


def checked_note(note: dict) -> dict:
    """Return the fields `normalization, threshold, scores, card, settings` of a note, or raise ValueError.

    What is missing gets its default: no normalization, a threshold of 0.5, nothing known.
    """
    if not isinstance(note, dict):
        raise ValueError("it is not a table of names and values")
    threshold = _number(note.get("threshold", 0.5), "threshold")
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold is {threshold:g}; expected 0..1")
    settings = dict(note.get("settings", {}))
    _check_settings(settings)
    return {
        "normalization": _rule(note.get("normalization")), "threshold": threshold,
        "scores": dict(note.get("scores", {})), "card": dict(note.get("card", {})), "settings": settings,
    }


def _rule(rule):
    if rule is None:
        return None
    kind = rule["kind"]
    low, high = _number(rule["low"], "low"), _number(rule["high"], "high")
    least = _number(rule.get("least", Normalization._field_defaults["least"]), "least")
    if kind not in ("range", "picture"):
        raise ValueError(f"the normalization is {kind!r:.40}; expected 'range' or 'picture'")
    if not low < high or least <= 0 or kind == "picture" and not 0 <= low < high <= 100:
        raise ValueError(f"the normalization runs from {low:g} to {high:g}, at least {least:g} apart")
    return Normalization(kind, low, high, least)


def _check_settings(settings):
    limits = settings.get("value_range")
    if limits is not None:
        low, high = (_number(value, "value_range") for value in limits)
        if not low < high:
            raise ValueError(f"value_range runs from {low:g} to {high:g}")
    for name, least in (("pixel_size", 1e-12), ("min_area", 0)):
        if settings.get(name) is not None and not _number(settings[name], name) >= least:
            raise ValueError(f"{name} is {settings[name]!r:.40}")
    channel = settings.get("channel")
    named = channel is None or isinstance(channel, str) and channel in ("red", "green", "blue")
    if not named and not 0 <= _number(channel, "channel") < 10_000:
        raise ValueError(f"the channel is {channel!r:.40}")
    if not isinstance(settings.get("unit", ""), str) or not str(settings.get("unit", "")).isprintable():
        raise ValueError("the unit is no text")


def _number(value, name) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e300:
        raise ValueError(f"{name} is {value!r:.40}, which is not a finite number")
    return float(value)
