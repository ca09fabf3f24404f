"""Be one worker of a training on several machines; TF_CONFIG says which one, and of which cluster.

    python -m helpers.scaling RUN_DIR '{"epochs": 3}'
"""

import argparse
import json
import os
import sys

import tensorflow as tf

from helpers.scaling.devices import fit_on, train_on
from helpers.scaling.processes import follow_input
from helpers.scaling.workers import LOST_PEER


def main(arguments=None) -> int:
    """Train as one worker. The exit status is 0, or `LOST_PEER` if another worker was gone."""
    parser = argparse.ArgumentParser(prog="python -m helpers.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("run_dir")
    parser.add_argument("settings", nargs="?", default="{}", help='of train_on, as JSON, such as {"epochs": 3}')
    parser.add_argument("--fit", action="store_true", help="try Keras' fit instead of our own loop")
    parser.add_argument("--follow", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    if int(os.environ.get("SLURM_NTASKS", 1)) > 1 and "TF_CONFIG" not in os.environ:
        parser.error(
            f"Slurm started {os.environ['SLURM_NTASKS']} tasks, but TF_CONFIG is not set, so each of them would train "
            "alone and into the same folder. Set TF_CONFIG for each task, as helpers.scaling.tf_config shows."
        )
    if options.follow:
        follow_input()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    try:
        if options.fit:
            print(fit_on(strategy))
        else:
            train_on(strategy, options.run_dir, **json.loads(options.settings))
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        print("Another worker is gone, so this one ends, too.", flush=True)
        os._exit(LOST_PEER)  # TensorFlow's own clean-up would wait for the one that is gone
    return 0


if __name__ == "__main__":
    sys.exit(main())
