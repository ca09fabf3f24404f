"""Who is who in a cluster: from TF_CONFIG or Slurm's variables; the files that start one; tasks without a cluster."""

import json
import os
import subprocess
import sys

import jsonschema
import pytest
import tensorflow as tf
import yaml
from course import ROOT
from helpers.scaling import cluster_config, host_names, tasks_per_node, tf_config
from helpers.training import read_log
from test_files import folder_of

CLUSTERS = ROOT / "tools" / "clusters"
STEP = {"SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "node9,node10", "SLURM_STEP_TASKS_PER_NODE": "2,1",
        "SLURM_JOB_ID": "7"}
SCONTROL = """#!/bin/sh
[ "$1 $2 $3" = "show hostnames node[9-10]" ] || exit 1
printf 'node9\\nnode10\\n'
"""
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=127.0.0.1 SLURM_STEP_TASKS_PER_NODE=2 SLURM_JOB_ID=$$
SLURM_PROCID=1 "$@" & other=$!
SLURM_PROCID=0 "$@"; first=$?
wait $other && exit $first
"""


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Commands of Slurm that answer as it does, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    for name, text in (("scontrol", SCONTROL), ("srun", SRUN), ("python", python)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_tf_config_comes_first_and_a_process_alone_has_none():
    mine = tf_config(["a:1", "b:1"], 1)
    assert cluster_config({"TF_CONFIG": mine, **STEP}) == mine
    assert cluster_config({}) is None and cluster_config({"SLURM_NTASKS": "1", "SLURM_STEP_NUM_TASKS": "1"}) is None


def test_slurm_tasks_find_their_places_in_the_order_of_its_list(stand_ins):
    workers = ["node9:12224", "node9:12225", "node10:12224"]
    for nodes in ("node9,node10", "node[9-10]"):
        for rank, node in enumerate(("node9", "node9", "node10")):
            environment = {**STEP, "SLURM_STEP_NODELIST": nodes, "SLURM_PROCID": str(rank), "SLURMD_NODENAME": node}
            assert cluster_config(environment) == tf_config(workers, rank)


def test_why_tensorflows_own_resolver_is_not_used(monkeypatch):
    for name, value in {**STEP, "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver
    with pytest.raises(ValueError, match="must not be zero"):
        resolver(gpus_per_node=0, gpus_per_task=0).cluster_spec()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    there = resolver(gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False).cluster_spec().as_dict()["worker"]
    assert there[0].startswith("node10"), "the resolver keeps Slurm's order now: use it"


@pytest.mark.parametrize(("change", "words"), [
    ({"SLURMD_NODENAME": "node10"}, "runs on node10, and not on node9.*distribution=block"),
    ({"SLURM_STEP_TASKS_PER_NODE": "3"}, "names 2 machines .* and the tasks of 1"),
    ({"SLURM_STEP_TASKS_PER_NODE": "2x"}, r"expected something like 2\(x3\),1"),
    ({"SLURM_PROCID": None}, "SLURM_PROCID is not set. Start the tasks with srun"),
    ({"SLURM_STEP_NODELIST": "node[1-2]"}, "scontrol.*does not answer"),
])
def test_places_that_cannot_be_are_named(change, words, stand_ins):
    environment = {**STEP, "SLURM_PROCID": "0", **change}
    with pytest.raises(ValueError, match=words):
        cluster_config({name: value for name, value in environment.items() if value is not None})


@pytest.mark.parametrize(("variable", "launcher"), [
    ("SLURM_NTASKS", "Slurm"), ("OMPI_COMM_WORLD_SIZE", "Open MPI"), ("PMI_SIZE", "MPI"), ("WORLD_SIZE", "the launcher"),
])
def test_several_tasks_without_a_cluster_are_refused(variable, launcher):
    with pytest.raises(ValueError, match=f"{launcher} started 4 tasks, but TF_CONFIG is not set, so each of them would"):
        cluster_config({variable: "4"})


def test_short_forms():
    assert tasks_per_node("2(x3),1") == [2, 2, 2, 1] and host_names("a,b") == ["a", "b"]


def test_the_sbatch_file_trains_and_goes_on(stand_ins, tmp_path):
    """With a stand-in for srun that starts two tasks here; a second submission finds the run and has nothing to do."""
    text = (CLUSTERS / "train.sbatch").read_text()
    settings = [line.split()[1] for line in text.splitlines() if line.startswith("#SBATCH")]
    known = {"job-name", "nodes", "ntasks-per-node", "cpus-per-task", "mem-per-cpu", "time", "requeue", "open-mode"}
    assert {setting.removeprefix("--").split("=")[0] for setting in settings} <= known
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    for variable in ("TF_CONFIG", "SLURM_NTASKS"):
        environment.pop(variable, None)
    manifest = folder_of(tmp_path / 'pictures of "ours"', n=30, size=72)
    for more, run in (([], "drawn"), ([manifest], "files"), ([manifest], "files")):
        done = subprocess.run(["bash", CLUSTERS / "train.sbatch", tmp_path / run, *more], cwd=ROOT, env=environment,
                              capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stderr[-2000:]
        assert len(read_log(tmp_path / run)) == 3
    assert read_log(tmp_path / "files") != read_log(tmp_path / "drawn")
    assert subprocess.run(["bash", CLUSTERS / "train.sbatch"], cwd=ROOT, capture_output=True).returncode != 0


def strict(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


WORD, NUMBER, WORDS = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}
CONTAINER = strict(
    ("name", "image"), name={"const": "tensorflow"}, image=WORD, workingDir=WORD, command=WORDS,
    ports={"type": "array", "items": strict((), name={"const": "tfjob-port"}, containerPort=NUMBER)},
    resources=strict((), limits={"type": "object", "additionalProperties": WORD}),
    volumeMounts={"type": "array", "items": strict(("name", "mountPath"), name=WORD, mountPath=WORD)},
)
POD = strict(
    ("containers",), containers={"type": "array", "items": CONTAINER, "minItems": 1},
    volumes={"type": "array", "items": strict(
        ("name",), name=WORD, persistentVolumeClaim=strict(("claimName",), claimName=WORD))},
)
REPLICAS = strict(("template",), replicas=NUMBER, template=strict((), spec=POD),
                  restartPolicy={"enum": ["Always", "OnFailure", "Never", "ExitCode"]})
TFJOB = strict(  # the fields of the definition tfjobs.kubeflow.org, version v1, that the file uses
    ("apiVersion", "kind", "metadata", "spec"), apiVersion={"const": "kubeflow.org/v1"}, kind={"const": "TFJob"},
    metadata=strict(("name",), name={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}),
    spec=strict(
        ("tfReplicaSpecs",),
        runPolicy=strict((), cleanPodPolicy={"enum": ["All", "Running", "None"]}, backoffLimit=NUMBER),
        tfReplicaSpecs=strict((), Worker=REPLICAS, Chief=REPLICAS, PS=REPLICAS, Evaluator=REPLICAS)),
)


def test_the_kubernetes_job_has_the_fields_of_its_definition():
    job = yaml.safe_load((CLUSTERS / "tfjob.yaml").read_text())
    jsonschema.validate(job, TFJOB)
    pod = job["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"]
    assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    command = pod["containers"][0]["command"]
    assert command[:3] == ["python", "-m", "helpers.scaling"] and json.loads(command[4]) == {
        "epochs": 3, "manifest": "/runs/pictures/manifest.csv", "size": 64}
    job["spec"]["tfReplicaSpecs"]["Worker"]["restartPolicy"] = "Sometimes"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(job, TFJOB)
