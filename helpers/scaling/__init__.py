"""Streams of pictures, several devices, several machines, and what a training step costs (notebook 07).

To read in this order: streams and files (with processes, which draw and read), devices, material, shared_run (with
agreement), workers, clusters, costs. A name is loaded when it is first used, because those processes import this
package and must not load TensorFlow.
"""

from importlib import import_module

_FILE_OF = {
    "cluster_config": "clusters", "host_names": "clusters", "tasks_per_node": "clusters",
    "exponent": "costs", "in_turns": "costs", "matrix_product": "costs", "profile_step": "costs", "step_costs": "costs",
    "step_gigaflop": "costs", "training_step": "costs",
    "fit_on": "devices", "make_step": "devices", "use_devices": "devices",
    "file_batches": "files", "patches_from_files": "files", "read_patches": "files", "stream_files": "files",
    "call_in_worker": "processes", "in_order": "processes", "pool": "processes",
    "stream_arrays": "material", "write_scenes": "scene_files", "SharedRecipe": "shared_run", "train_on": "shared_run",
    "stream_batches": "streams",
    "LOST_PEER": "workers", "WorkerLost": "workers", "free_memory": "workers", "free_ports": "workers",
    "run_workers": "workers", "start_workers": "workers", "tf_config": "workers", "watch_workers": "workers",
}
__all__ = list(_FILE_OF)


def __getattr__(name):
    if name not in _FILE_OF:
        raise AttributeError(f"helpers.scaling has no {name!r}; it has {', '.join(sorted(_FILE_OF))}.")
    return getattr(import_module(f"helpers.scaling.{_FILE_OF[name]}"), name)


def __dir__():
    return sorted({*globals(), *_FILE_OF})
