"""Load TensorFlow without its start-up remarks; import this before Keras.

TensorFlow 2.21 writes lines such as "Could not find cuda drivers" straight to the process's error stream, before its
own log level counts. They look like errors to a newcomer and are none. Real errors are exceptions and still show.
"""

import os
import sys

if "tensorflow" not in sys.modules:
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
