"""Be one worker of a training on several machines; TF_CONFIG, or Slurm, says which one, and of which cluster.

    python -m helpers.scaling RUN_DIR '{"epochs": 3}'
"""

import argparse
import json
import os
import sys
from pathlib import Path

from helpers.lean_import import import_tensorflow

import_tensorflow()

import tensorflow as tf  # noqa: E402

from helpers.run_state.folder import has_ended, is_unfinished  # noqa: E402
from helpers.scaling.clusters import cluster_config  # noqa: E402
from helpers.scaling.devices import fit_on  # noqa: E402
from helpers.scaling.processes import follow_input  # noqa: E402
from helpers.scaling.shared_run import train_on  # noqa: E402
from helpers.scaling.workers import LOST_PEER  # noqa: E402


def main(arguments=None) -> int:
    """Train as one worker. The exit status is 0, or `LOST_PEER` if another worker was gone."""
    parser = argparse.ArgumentParser(prog="python -m helpers.scaling", description=__doc__.splitlines()[0])
    parser.add_argument("run_dir")
    told = 'of train_on, as JSON, such as {"epochs": 3}'
    parser.add_argument("settings", nargs="?", default="{}", type=json.loads, help=told)
    parser.add_argument("--resume", action="store_true", help="go on after the last epoch, if there is one")
    parser.add_argument("--fit", action="store_true", help="try Keras' fit instead of our own loop")
    parser.add_argument("--follow", action="store_true", help="end when standard input closes")
    options = parser.parse_args(arguments)
    try:
        config = cluster_config(os.environ)
    except ValueError as error:
        parser.error(str(error))
    os.environ.pop("TF_CONFIG", None)  # TensorFlow cannot read an empty one
    if config:
        os.environ["TF_CONFIG"] = config
    if options.follow:
        follow_input()
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    try:
        if options.fit:
            print(fit_on(strategy))
        else:
            settings, run_dir = options.settings, Path(options.run_dir).expanduser()
            if options.resume and has_ended(run_dir):
                print(f"The run in {run_dir} ran to its end.")
                return 0
            if options.resume and is_unfinished(run_dir):  # what counts is what the first worker finds
                settings["resume"] = True
            train_on(strategy, run_dir, **settings)
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError):
        print("Another worker is gone, so this one ends, too.", flush=True)
        os._exit(LOST_PEER)  # TensorFlow's own clean-up would wait for the one that is gone
    return 0


if __name__ == "__main__":
    sys.exit(main())
