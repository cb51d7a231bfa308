"""Tiny data sets and specs on which a whole training takes seconds."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

NUM_JOINTS = {"human3.6m": 17, "coco": 17, "openpose": 18}


@dataclass(frozen=True)
class TinyJob:
    """A folder with data, a spec and results."""

    folder: Path

    @property
    def spec(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def arguments(self, action="train", *more):
        return ["pose_classification", action, "-e", str(self.spec), *self.place(), *more]

    def place(self):
        return ["--results", str(self.results)]

    def change(self, **sections):
        """Update sections of the spec file, one level deep."""
        content = yaml.safe_load(self.spec.read_text())
        for name, values in sections.items():
            if isinstance(values, dict):
                content.setdefault(name, {}).update(values)
            else:
                content[name] = values
        self.spec.write_text(yaml.safe_dump(content))
        return self

    def status(self):
        text = (self.results / "status.json").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def artefacts(self):
        return json.loads((self.results / "artefacts.json").read_text())["artefacts"]

    def checkpoints(self):
        return sorted(path.name for path in self.results.glob("model_epoch_*.pth"))


def write_clips(folder, name, *, clips=6, frames=6, joints=17, people=1, classes=3, seed=0):
    """Data and labels; each class moves at a height of its own."""
    random = np.random.default_rng(seed)
    ids = [i % classes for i in range(clips)]
    x = random.normal(size=(clips, 3, frames, joints, people)).astype(np.float32)
    x[:, 1] += np.array(ids, np.float32)[:, None, None, None]
    np.save(folder / f"{name}_data.npy", x)
    write_labels(folder / f"{name}_label.pkl", ids)
    return x, ids


def write_labels(path, ids):
    path.write_bytes(pickle.dumps([[f"clip{i}" for i in range(len(ids))], list(ids)]))


def files(folder, name):
    return {
        "data_path": str(folder / f"{name}_data.npy"),
        "label_path": str(folder / f"{name}_label.pkl"),
    }


def make_job(folder: Path) -> TinyJob:
    folder.mkdir(parents=True, exist_ok=True)
    write_clips(folder, "train", clips=6, seed=1)
    write_clips(folder, "val", clips=4, seed=2)
    content = {
        "dataset": {
            "train_dataset": files(folder, "train"),
            "val_dataset": files(folder, "val"),
            "num_classes": 3,
            "label_map": {"sit": 0, "walk": 1, "run": 2},
            "batch_size": 2,
        },
        "model": {"graph_layout": "human3.6m", "dropout": 0.3},
        "train": {"num_epochs": 2, "optim": {"lr": 0.01}},
        "evaluate": {"test_dataset": files(folder, "val")},
        "inference": {"test_dataset": files(folder, "val")},
    }
    job = TinyJob(folder)
    job.spec.write_text(yaml.safe_dump(content))
    return job


@pytest.fixture
def job(tmp_path):
    return make_job(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Tests share a machine: one thread each, which also fixes the order of sums."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished training of two epochs; to be read only."""
    from skillbank_runners.launch import main

    done = make_job(tmp_path_factory.mktemp("trained"))
    assert main(done.arguments()) == 0
    return done
