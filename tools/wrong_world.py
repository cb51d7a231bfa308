"""The files and jobs that the requests of wrong_requests.py stumble over, all in one folder."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.request import AutomlPolicy, JobRequest
from wrong_poses_world import write_networks, write_poses, write_videos
from wrong_workflows_world import write_workflows

SKILL = "tao-train-pose-classification"

# Ids as a client would draw them, but always the same.
TRAIN = "train-7kzm4wpc"
EXPORT = "export-9tqbx2nd"
FAILED = "train-3hfvr8gj"
RUNNING = "train-5xdcn6ks"
PLANNED = "train-8wjpq4bt"
CONVERSION = "dataset_convert-4cnsy6jw"

_CHECKPOINTS = {"model_epoch_000_step_00002.pth": 0.9, "model_epoch_001_step_00004.pth": 0.7}
_NUM_CLIPS = 12
_SHAPE = (_NUM_CLIPS, 3, 16, 17, 1)  # 17 joints: model.graph_layout human3.6m


class _Recorded(Platform):
    """A machine whose every job is where it will stay; `files` are what it left."""

    def __init__(self, seen: Observation, files: dict[str, bytes]) -> None:
        self._seen = seen
        self._files = files

    def submit(self, plan: JobPlan, attempt: int) -> None:  # noqa: ARG002
        for name, content in self._files.items():
            (plan.results / name).write_bytes(content)

    def poll(self, plan: JobPlan, attempt: int) -> Observation:  # noqa: ARG002
        return self._seen

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Nothing runs."""

    def logs(self, plan: JobPlan) -> str:
        return f"log of {plan.job_id}\n"

    def gpus(self) -> int:
        return 0


def build_world(folder: Path) -> None:
    """Make data sets, specs, checkpoints, plans and roots below an empty folder."""
    _write_data(folder / "data")
    _write_wrong_data(folder / "wrong")
    _write_specs(folder)
    _write_checkpoints(folder / "weights")
    write_poses(folder)
    write_videos(folder)
    write_networks(folder / "networks")
    _write_skills(folder)
    write_workflows(folder / "flows", SKILL, EXPORT)
    _run_jobs(folder)
    _write_roots(folder)


def _write_data(folder: Path) -> None:
    """A data set that is all right."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for part in ("train", "val"):
        np.save(folder / f"{part}_data.npy", random.normal(size=_SHAPE).astype(np.float32))
        _write_labels(folder / f"{part}_label.pkl", [i % 6 for i in range(_NUM_CLIPS)])


def _write_labels(path: Path, ids: list[object]) -> None:
    with path.open("wb") as file:
        pickle.dump([[f"clip_{i}" for i in range(len(ids))], ids], file)


def _write_wrong_data(folder: Path) -> None:
    """Arrays and labels that each break the data contract in one way."""
    folder.mkdir()
    good = np.random.default_rng(1).normal(size=_SHAPE).astype(np.float32)
    with_nan, with_zeros = good.copy(), good.copy()
    with_nan[3, 1, 2, 5, 0] = np.nan
    with_zeros[7] = 0
    arrays = {
        "flat.npy": good.reshape(_NUM_CLIPS, -1),
        "two_channels.npy": good[:, :2],
        "18_joints.npy": np.pad(good, [(0, 0), (0, 0), (0, 0), (0, 1), (0, 0)], mode="edge"),
        "two_people.npy": np.repeat(good, 2, axis=4),
        "no_frames.npy": good[:, :, :0],
        "nan.npy": with_nan,
        "zero_clip.npy": with_zeros,
        "text.npy": np.full(_SHAPE, "x"),
    }
    for name, array in arrays.items():
        np.save(folder / name, array)
    np.savez(folder / "archive.npz", data=good)
    (folder / "no_array.npy").write_text("joints, frames\n", encoding="utf-8")
    ids: list[object] = [i % 6 for i in range(_NUM_CLIPS)]
    _write_labels(folder / "too_few.pkl", ids[:9])
    _write_labels(folder / "class_6.pkl", [*ids[:-1], 6])
    _write_labels(folder / "negative.pkl", [-1, *ids[1:]])
    _write_labels(folder / "words.pkl", ["walk", *ids[1:]])
    (folder / "no_pickle.pkl").write_bytes(b"walk 0\n")
    with (folder / "one_list.pkl").open("wb") as file:
        pickle.dump(ids, file)
    with (folder / "malicious.pkl").open("wb") as file:
        pickle.dump(_Malicious(), file)


class _Malicious:
    """Would make a file when a careless reader unpickles it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.mkdir, ("OWNED",)


def _write_specs(folder: Path) -> None:
    parts = {
        part: {"data_path": f"data/{name}_data.npy", "label_path": f"data/{name}_label.pkl"}
        for part, name in (("train_dataset", "train"), ("val_dataset", "val"))
    }
    train = {
        "results_dir": "out",
        "model": {"graph_layout": "human3.6m"},
        "dataset": parts,
        "train": {"num_epochs": 1},
    }
    evaluate = {**train, "evaluate": {"test_dataset": parts["val_dataset"]}}
    texts = {
        "train.yaml": yaml.safe_dump(train),
        "evaluate.yaml": yaml.safe_dump(evaluate),
        "broken.yaml": "train:\n  num_epochs: 3\n  optim: {lr: 0.1\n",
        "tabs.yaml": "train:\n\tnum_epochs: 3\n",
        "twice.yaml": "train:\n  num_epochs: 3\n  seed: 1\n  num_epochs: 5\n",
        "list.yaml": "- train\n- evaluate\n",
        "typo.yaml": "train:\n  num_epoch: 3\n  optim:\n    lrate: 0.1\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "binary.yaml").write_bytes(bytes(range(128, 256)))


def _write_checkpoints(folder: Path) -> None:
    """Files that are no usable checkpoint; torch is imported for the one that is nearly one."""
    import torch

    folder.mkdir()
    (folder / "encrypted.pth").write_bytes(bytes(range(256)) * 8)
    (folder / "empty.pth").write_bytes(b"")
    torch.save({"state_dict": _Malicious()}, folder / "malicious.pth")
    torch.save({"accuracy": 0.9}, folder / "no_weights.pth")
    torch.save({"state_dict": {"backbone.0.weight": torch.zeros(3)}}, folder / "other_network.pth")
    (folder / "cut_short.pth").write_bytes((folder / "no_weights.pth").read_bytes()[:200])
    (folder / "model.onnx").write_bytes(b"onnx")
    (folder / "model.engine").write_bytes(b"engine")


def _write_skills(folder: Path) -> None:
    skill = folder / "my-skill"
    (skill / "references").mkdir(parents=True)
    matter = "---\nname: other-name\ndescription: Trains.\nauthor: me\n---\n[x](gone.md)\n"
    (skill / "SKILL.md").write_text(matter, encoding="utf-8")
    info = "name: my-skill\nactions: {train: {built: perhaps}}\n"
    (skill / "references" / "skill_info.yaml").write_text(info, encoding="utf-8")
    project = folder / "my-project"
    (project / ".cursor").mkdir(parents=True)
    (project / ".mcp.json").write_text('{\n  "mcpServers": {\n', encoding="utf-8")
    servers = '{"mcpServers": {"skillbank": {"command": "other"}}}\n'
    (project / ".cursor" / "mcp.json").write_text(servers, encoding="utf-8")


def _run_jobs(folder: Path) -> None:
    """One job in every condition, a saved plan, and the same plan changed."""
    artefacts = [
        {"kind": "checkpoint", "path": name, "sha256": "", "size_bytes": 7, "epoch": i}
        | {"step": 2 * i + 2, "metrics": {"val_loss": loss}}
        for i, (name, loss) in enumerate(_CHECKPOINTS.items())
    ]
    listed = json.dumps({"artefacts": artefacts}).encode()
    left = {**dict.fromkeys(_CHECKPOINTS, b"weights"), "artefacts.json": listed}
    train = JobRequest(
        SKILL,
        "train",
        data={"all": str(folder / "data")},
        overrides={"graph_layout": "human3.6m"},
        automl_policy=AutomlPolicy.OFF,
        idempotency_key="monday",
    )
    export = JobRequest(SKILL, "export", parent_job_id=TRAIN)
    done = Observation(JobState.COMPLETE, "", 0, 1.0, 61.0)
    failed = Observation(JobState.ERROR, "no space left on device", 1, 1.0, 61.0)
    other = replace(train, idempotency_key=None)
    root = folder / "root"
    _run(root, TRAIN, train, _Recorded(done, left))
    _run(root, EXPORT, export, _Recorded(done, {"model.onnx": b"onnx"}))
    _run(root, FAILED, other, _Recorded(failed, {}))
    conversion = JobRequest(
        SKILL,
        "dataset_convert",
        overrides={"dataset_convert.data": str(folder / "poses" / "walk.json")},
    )
    _run(root, CONVERSION, conversion, _Recorded(done, {"object_1.npy": b"array"}))
    running = Observation(JobState.RUNNING, "", None, 1.0)
    _run(root, RUNNING, replace(other, platform="cluster"), _Recorded(running, {}))
    plan = _rename(Client(root).plan_job(other), PLANNED)
    (folder / "plan.json").write_text(plan.to_json(), encoding="utf-8")
    changed = plan.to_json().replace('"num_epochs": 10', '"num_epochs": 99')
    (folder / "changed_plan.json").write_text(changed, encoding="utf-8")
    applied = _rename(plan, TRAIN).to_json()
    (folder / "applied_plan.json").write_text(applied, encoding="utf-8")


def _run(root: Path, job_id: str, request: JobRequest, platform: Platform) -> None:
    client = Client(root, platforms={request.platform: platform})
    client.job(client.submit(_rename(client.plan_job(request), job_id)).id)


def _rename(plan: JobPlan, job_id: str) -> JobPlan:
    """The same plan under an id that does not change from run to run."""
    spec = json.dumps(dict(plan.spec)).replace(plan.job_id, job_id)
    folder = plan.folder.with_name(job_id)
    return replace(plan, job_id=job_id, folder=folder, spec=json.loads(spec))


def _write_roots(folder: Path) -> None:
    (folder / "a_file").write_text("no folder\n", encoding="utf-8")
    (folder / "corrupt_root").mkdir()
    (folder / "corrupt_root" / "jobs.db").write_bytes(b"this is no database" * 100)
