"""The whole way on a cluster whose nodes share nothing with this machine but a bucket."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from tests.services.s3 import KEY, SECRET, S3Server, SeaweedFS, require, running, why_no_seaweedfs
from tests.services.slurm import SlurmCluster

from skillbank.checkpoints import list_checkpoints
from skillbank.client import Client
from skillbank.job import Job, JobState
from skillbank.testing import wait_until

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "cmu_mocap"
SKILL = "tao-train-pose-classification"
BUCKET = "clips"
NUM_CLIPS = {"train": 16, "val": 12}
EPOCHS = 6
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of the clips of the example, those of every class."""
    folder = tmp_path_factory.mktemp("clips")
    for part, number in NUM_CLIPS.items():
        clips = np.load(EXAMPLE / f"{part}_data.npy")
        names, labels = pickle.loads((EXAMPLE / f"{part}_label.pkl").read_bytes())
        chosen = np.linspace(0, len(clips) - 1, number).astype(int)
        np.save(folder / f"{part}_data.npy", clips[chosen])
        kept = ([names[i] for i in chosen], [labels[i] for i in chosen])
        (folder / f"{part}_label.pkl").write_bytes(pickle.dumps(kept))
    return folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[S3Server]:
    require(why_no_seaweedfs())
    with running(SeaweedFS) as made:
        made.make_bucket(BUCKET)
        for path in data.iterdir():
            made.client().upload_file(str(path), BUCKET, f"data/{path.name}")
        yield made


def write_config(root: Path, server: S3Server, scratch: Path) -> None:
    """A cluster whose nodes have a disk of their own each, and keys from the environment."""
    cluster = {
        "kind": "slurm",
        "shared": False,
        "scratch": f"{scratch}/$SLURMD_NODENAME",
        "environment": ["CLIPS_KEY", "CLIPS_SECRET", "SKILLBANK_CACHE", "OMP_NUM_THREADS"],
        "memory": "3500M",
        "cpus": 4,
        "grace": 20,
    }
    storage = {
        "prefix": f"s3://{BUCKET}",
        "endpoint_url": server.endpoint,
        "region": "us-east-1",
        "access_key": "env:CLIPS_KEY",
        "secret_key": "env:CLIPS_SECRET",
        "addressing": "path",
    }
    root.mkdir()
    content = {"storage": [storage], "platforms": {"cluster": cluster}}
    (root / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def train(client: Client, data: str, **where: str) -> Job:
    return client.create_job(
        SKILL,
        "train",
        spec=EXAMPLE / "train.yaml",
        overrides={"train.num_epochs": EPOCHS},
        data={"all": data},
        automl_policy="off",
        **where,  # type: ignore[arg-type]
    )


def measures_of(client: Client, parent: Job, data: str, **where: object) -> dict[str, float]:
    job = client.create_job(
        SKILL,
        "evaluate",
        data={"all": data},
        parent_job_id=parent.id,
        **where,  # type: ignore[arg-type]
    )
    job = client.wait(job.id, PATIENCE_S)
    assert job.state is JobState.COMPLETE, job.detail + client.logs(job.id)
    measured: dict[str, float] = json.loads((job.results / "metrics.json").read_text())
    return {name: value for name, value in measured.items() if isinstance(value, float)}


def hold(scratch: Path) -> bool:
    """Whether a node's disk has a first checkpoint, with its record: then the training is stopped.

    So it cannot end before its node is lost; whoever attends to it goes on sending its results.
    """
    records = scratch.glob("*/skillbank-jobs/*/results/artefacts.json")
    if not any(list_checkpoints(record.parent) for record in records):
        return False
    held = [process for process in psutil.process_iter() if trains_below(scratch, process)]
    for process in held:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    return bool(held)


def trains_below(scratch: Path, process: psutil.Process) -> bool:
    try:
        folder = process.environ().get("SKILLBANK_JOB_FOLDER", "")
    except psutil.Error:
        return False  # gone meanwhile, or another user's
    return Path(folder).is_relative_to(scratch)


def is_saved(client: Client, job: Job) -> bool:
    """Whether a checkpoint has reached the bucket; a job that ended before is told."""
    now = client.job(job.id)
    assert not now.state.is_final, now.detail + client.logs(job.id)
    return bool(list_checkpoints(now.results))


# Two real trainings and evaluations, and a node that is lost in the middle: 60 s.
@pytest.mark.timeout(900)
def test_a_training_whose_node_is_lost_ends_as_the_undisturbed_one_here(
    slurm: SlurmCluster,
    server: S3Server,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLIPS_KEY", KEY)
    monkeypatch.setenv("CLIPS_SECRET", SECRET)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # sums of other numbers of threads differ
    monkeypatch.setenv("SKILLBANK_CACHE", str(tmp_path / "cache"))
    root, scratch, far = tmp_path / "root", tmp_path / "scratch", f"s3://{BUCKET}/data"
    write_config(root, server, scratch)
    client = Client(root)
    there = {"platform": "cluster", "results": f"s3://{BUCKET}/runs"}
    job = train(client, far, **there)
    wait_until(lambda: hold(scratch), "a checkpoint is on the node", PATIENCE_S)
    wait_until(lambda: is_saved(client, job), "a checkpoint is in the bucket", PATIENCE_S)
    lost = slurm.node_of(job.id)
    slurm.kill_node(lost)
    wait_until(lambda: client.job(job.id).state is JobState.QUEUED, "it is queued", PATIENCE_S)
    slurm.let_begin(elsewhere_than=lost)
    wait_until(lambda: client.job(job.id).state is JobState.RUNNING, "it runs", PATIENCE_S)
    second = slurm.node_of(job.id)

    job = client.wait(job.id, PATIENCE_S)
    assert job.state is JobState.COMPLETE, job.detail + client.logs(job.id)
    there |= {"resources": {"exclude": second}}  # type: ignore[dict-item]
    on_cluster = measures_of(client, job, far, **there)
    here = client.wait(train(client, str(data)).id, PATIENCE_S)

    assert second != lost
    assert "resuming from" in client.logs(job.id)
    assert on_cluster == measures_of(client, here, str(data))
    assert {"accuracy", "cross_entropy"} <= on_cluster.keys()
    assert {lost, second} < {path.name for path in scratch.iterdir()}
