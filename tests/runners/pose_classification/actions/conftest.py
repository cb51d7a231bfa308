"""A checkpoint that says other things of other motions, made without minutes of training."""

from functools import cache

import pytest
import torch
import yaml
from tests.runners.conftest import TinyJob
from tests.runners.pose_classification.actions import scenes

from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.module import hyper_parameters
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.pose_classification.serving import facts_of_spec
from skillbank_runners.pose_classification.spec import InferenceAction
from skillbank_runners.skeletons.layout import load_layout


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """What a training on the CMU clips leaves, with weights by lot; to be read only."""
    return make_training(tmp_path_factory.mktemp("cmu"))


def make_training(folder, preprocessing=None, **known):
    """A folder with a spec and a checkpoint.

    Args:
        folder: To write into.
        preprocessing: Of the spec and the checkpoint.
        known: Further fields of what the checkpoint records of its training.
    """
    job = TinyJob(folder)
    dataset = {
        "num_classes": len(scenes.CLASSES),
        "label_map": {name: i for i, name in enumerate(scenes.CLASSES)},
        "batch_size": 4,
        "preprocessing": preprocessing or {},
    }
    content = {"dataset": dataset, "model": {"graph_layout": "human3.6m", "dropout": 0.0}}
    job.spec.write_text(yaml.safe_dump(content))
    job.results.mkdir()
    spec = InferenceAction.model_validate(content)
    facts = facts_of_spec(spec, load_layout("human3.6m"), (3, 30, 17, 1))
    state = {
        "state_dict": make_network().state_dict(),
        "hyper_parameters": hyper_parameters(spec, 0, facts.model_copy(update=known)),
    }
    torch.save(state, job.results / "pc_model_latest.pth")
    return job


@cache
def make_network():
    """Logits of unit size and mean 0 over some clips: soft-max shares of some tenths."""
    torch.manual_seed(3)
    network = STGCN(6, 3, adjacency(load_layout("human3.6m"), "spatial")).eval()
    x_NCTVM = torch.from_numpy(scenes.clips()[0][::3][..., None])
    with torch.no_grad():
        logits_NC = network(x_NCTVM)
        network.fcn.weight /= logits_NC.std(dim=0)[:, None, None, None] / 1.5
        network.fcn.bias.zero_()
        network.fcn.bias -= network(x_NCTVM).mean(dim=0)
    return network
