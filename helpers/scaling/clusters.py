"""Which worker of which cluster a process is: from TF_CONFIG, or from the variables that Slurm sets.

TensorFlow has a `SlurmClusterResolver` of its own. It sorts the machines by name, so that node10 comes before node9,
while Slurm counts its tasks in the order of its list, and it fails on machines without a GPU. So the place is
worked out here and handed on as TF_CONFIG, which is what every part of TensorFlow reads.
"""

import json
import re
import subprocess

from helpers.scaling.workers import tf_config

TASKS = {  # variables by which launchers say how many processes they started
    "SLURM_NTASKS": "Slurm", "OMPI_COMM_WORLD_SIZE": "Open MPI", "PMI_SIZE": "MPI", "WORLD_SIZE": "the launcher",
}


PORTS = {32: (12000, 640), 256: (32768, 127)}  # most tasks on a machine: the first port, and for how many jobs


def cluster_config(environment) -> str | None:
    """Return what TF_CONFIG should say to this process; None if it is alone.

    environment: variables, such as `os.environ`. A TF_CONFIG that is empty or names no cluster counts as not set.
    Raises ValueError if several tasks were started and do not know of each other, because each would train alone and
    into the same folder, or if they cannot be put in their places.
    """
    if _names_a_cluster(environment.get("TF_CONFIG", "")):
        return environment["TF_CONFIG"]
    if _number(environment, "SLURM_STEP_NUM_TASKS", 1) > 1:
        return _from_slurm(environment)
    for variable, launcher in TASKS.items():
        if _number(environment, variable, 1) > 1:
            srun = " Start them with srun, which tells each its place, or set" if launcher == "Slurm" else " Set"
            state = "names no cluster" if environment.get("TF_CONFIG") else "is not set"
            raise ValueError(
                f"{launcher} started {environment[variable]} tasks, but TF_CONFIG {state}, so each of them would "
                f"train alone and into the same folder.{srun} TF_CONFIG for each task, as "
                "helpers.scaling.tf_config shows."
            )
    return None


def _names_a_cluster(text: str) -> bool:
    """Say whether a TF_CONFIG names a cluster, or raise ValueError if it has no place in it for this process."""
    expected = f"expected something like {tf_config(['host1:12000', 'host2:12000'], 0)}."
    try:
        config = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise ValueError(f"TF_CONFIG is {text!r}, which is no JSON ({error}); {expected}") from None
    if not isinstance(config, dict) or not isinstance(config.get("cluster", {}), dict):
        raise ValueError(f"TF_CONFIG is {text!r}; {expected}")
    cluster, task = config.get("cluster"), config.get("task")
    if not cluster:
        return False
    kind, index = (task.get("type"), str(task.get("index"))) if isinstance(task, dict) else (None, "")
    there = cluster.get(kind) if isinstance(kind, str) else None
    places = there if isinstance(there, dict) else range(len(there)) if isinstance(there, list) else ()
    if kind != "evaluator" and index not in {str(place) for place in places}:  # evaluators are in no list
        sizes = {name: len(value) for name, value in cluster.items() if isinstance(value, (dict, list))}
        held = ", ".join(f"{size} of the type {name!r}" for name, size in sizes.items())
        raise ValueError(
            f"TF_CONFIG says that this is the task {task!r}, and its cluster has {held or 'no tasks'}, counted from 0; "
            f"{expected}"
        )
    return True


def _number(environment, variable, default=None):
    """Return what a variable says; one that is empty counts as not set."""
    text = environment.get(variable) or default
    if text is None:
        raise ValueError(f"Slurm's variable {variable} is not set. Start the tasks with srun.")
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the variable {variable} is {text!r}; expected a whole number, such as 2.") from None


def _from_slurm(environment):
    rank, count = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_STEP_NUM_TASKS")
    for variable in ("SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE"):
        if not environment.get(variable):
            raise ValueError(f"Slurm's variable {variable} is not set. Start the tasks with srun.")
    nodes, tasks = environment["SLURM_STEP_NODELIST"], tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
    hosts = host_names(nodes)
    if len(hosts) != len(tasks):
        raise ValueError(f"Slurm names {len(hosts)} machines ({nodes}) and the tasks of {len(tasks)}.")
    if sum(tasks) != count or not 0 <= rank < count:
        raise ValueError(
            f"Slurm names places for {sum(tasks)} tasks (SLURM_STEP_TASKS_PER_NODE), {count} tasks "
            f"(SLURM_STEP_NUM_TASKS), and this one is number {rank} (SLURM_PROCID), counted from 0. These come from "
            "different steps; start the tasks with srun, and set none of the three yourself."
        )
    port = _first_port(_number(environment, "SLURM_JOB_ID", 0), max(tasks))
    places = [(host, port + i) for host, count in zip(hosts, tasks) for i in range(count)]
    here = environment.get("SLURMD_NODENAME", places[rank][0])
    if here != places[rank][0]:
        raise ValueError(
            f"task {rank} runs on {here}, and not on {places[rank][0]}, where it would be if the machines were filled "
            "one after the other. Start the tasks with srun --distribution=block."
        )
    return tf_config([f"{host}:{port}" for host, port in places], rank)


def _first_port(job, most):
    """Return a job's first port: two jobs on one machine do not meet unless their numbers are 640 (or 127) apart."""
    for room, (first, jobs) in PORTS.items():
        if most <= room:
            return first + job % jobs * room
    raise ValueError(f"Slurm starts {most} tasks on one machine; there are ports for {max(PORTS)}. Start fewer there.")


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
