"""Which worker of which cluster a process is: from TF_CONFIG, or from the variables that Slurm sets.

TensorFlow has a `SlurmClusterResolver` of its own. It sorts the machines by name, so that node10 comes before node9,
while Slurm counts its tasks in the order of its list, and it fails on machines without a GPU. So the place is
worked out here and handed on as TF_CONFIG, which is what every part of TensorFlow reads.
"""

import re
import subprocess

from helpers.scaling.workers import tf_config

TASKS = {  # variables by which launchers say how many processes they started
    "SLURM_NTASKS": "Slurm", "OMPI_COMM_WORLD_SIZE": "Open MPI", "PMI_SIZE": "MPI", "WORLD_SIZE": "the launcher",
}


def cluster_config(environment) -> str | None:
    """Return what TF_CONFIG should say to this process; None if it is alone.

    environment: variables, such as `os.environ`. Raises ValueError if several tasks were started and do not know of
    each other, because each would train alone and into the same folder, or if they cannot be put in their places.
    """
    if "TF_CONFIG" in environment:
        return environment["TF_CONFIG"]
    if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        return _from_slurm(environment)
    for variable, launcher in TASKS.items():
        if int(environment.get(variable) or 1) > 1:
            srun = " Start them with srun, which tells each its place, or set" if launcher == "Slurm" else " Set"
            raise ValueError(
                f"{launcher} started {environment[variable]} tasks, but TF_CONFIG is not set, so each of them would "
                f"train alone and into the same folder.{srun} TF_CONFIG for each task, as "
                "helpers.scaling.tf_config shows."
            )
    return None


def _from_slurm(environment):
    try:
        rank, nodes = int(environment["SLURM_PROCID"]), environment["SLURM_STEP_NODELIST"]
        tasks = tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
    except KeyError as error:
        raise ValueError(f"Slurm's variable {error.args[0]} is not set. Start the tasks with srun.") from None
    hosts = host_names(nodes)
    if len(hosts) != len(tasks):
        raise ValueError(f"Slurm names {len(hosts)} machines ({nodes}) and the tasks of {len(tasks)}.")
    port = 12000 + int(environment.get("SLURM_JOB_ID", 0)) * 8 % 20000  # two jobs on one machine must not meet
    places = [(host, port + i) for host, count in zip(hosts, tasks) for i in range(count)]
    here = environment.get("SLURMD_NODENAME", places[rank][0])
    if here != places[rank][0]:
        raise ValueError(
            f"task {rank} runs on {here}, and not on {places[rank][0]}, where it would be if the machines were filled "
            "one after the other. Start the tasks with srun --distribution=block."
        )
    return tf_config([f"{host}:{port}" for host, port in places], rank)


def host_names(nodes: str) -> list[str]:
    """Return the machines of Slurm's short form, such as "node[9-11],big1", in its order, as `scontrol` names them."""
    if "[" not in nodes:
        return nodes.split(",")
    try:
        done = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"scontrol, which should name the machines {nodes}, does not answer ({error}).") from error
    return done.stdout.split()


def tasks_per_node(text: str) -> list[int]:
    """Return the number of tasks of each machine from Slurm's short form: "2(x3),1" is 2, 2, 2, 1."""
    parts = [re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part) for part in text.split(",")]
    if not all(parts):
        raise ValueError(f"SLURM_STEP_TASKS_PER_NODE is {text!r}; expected something like 2(x3),1.")
    return [int(part[1]) for part in parts for _ in range(int(part[2] or 1))]
