"""Import TensorFlow in a process that only trains: sooner, and with less memory."""

import gc
import sys

UNUSED = ("matplotlib", "pandas", "sklearn")  # Keras imports them where they are installed; training needs none


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without the packages that Keras uses only if it finds them; they stay importable.

    Python's search for unreachable objects pauses meanwhile, as nothing that an import makes becomes one.
    """
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # None: `import` raises ImportError, as if it was not installed
    gc.disable()
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    finally:
        gc.enable()
        for name in hidden:
            del sys.modules[name]
