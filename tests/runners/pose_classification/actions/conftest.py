"""A network that has seen a few of the CMU clips."""

import pickle

import numpy as np
import pytest
import yaml

from tests.runners.conftest import TinyJob
from tests.runners.pose_classification.actions import scenes


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished training of two epochs on four clips of each class; to be read only."""
    folder = tmp_path_factory.mktemp("cmu")
    files = {side: _few_clips(folder, side) for side in ("train", "val")}
    content = {
        "dataset": {
            "train_dataset": files["train"],
            "val_dataset": files["val"],
            "num_classes": len(scenes.CLASSES),
            "label_map": {name: i for i, name in enumerate(scenes.CLASSES)},
            "batch_size": 4,
        },
        "model": {"graph_layout": "human3.6m", "dropout": 0.0},
        "train": {
            "num_epochs": 2,
            "optim": {"optimizer_type": "torch.optim.Adam", "lr": 0.001},
        },
    }
    job = TinyJob(folder)
    job.spec.write_text(yaml.safe_dump(content))
    assert scenes.main(job.arguments()) == 0
    return job


def _few_clips(folder, side):
    x_NCTV, ids = scenes.clips(side)
    few = np.concatenate([np.flatnonzero(ids == i)[:4] for i in range(len(scenes.CLASSES))])
    data, labels = folder / f"{side}_data.npy", folder / f"{side}_label.pkl"
    np.save(data, x_NCTV[few][..., None])
    labels.write_bytes(pickle.dumps([[f"clip{n}" for n in few], ids[few].tolist()]))
    return {"data_path": str(data), "label_path": str(labels)}
