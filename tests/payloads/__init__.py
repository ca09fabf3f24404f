"""Hostile and unlucky files, built small and harmless, and what is done with each: `PAYLOADS[kind][name](folder)`.

A builder writes its file into a new folder and returns a function; `trial.py` calls that function and measures it.
"""

KINDS = {}


def payload(kind: str, reads: bool = False, needs: str | None = None):
    """Register a builder under a row of the table. reads: what it builds is unusual, and yet to be read rightly."""

    def register(build):
        KINDS.setdefault(kind, {})[build.__name__] = (build, reads, needs)
        return build

    return register


def load_all() -> dict:
    """Return all builders, by kind and name."""
    from payloads import files, networks  # noqa: F401

    return KINDS
