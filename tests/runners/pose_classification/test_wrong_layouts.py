"""A layout that cannot be used is a wrong request, on every way that a request takes."""

import numpy as np
import pytest
import torch
import yaml
from tests.runners.conftest import NUM_JOINTS

from skillbank_runners.api import Run
from skillbank_runners.launch import main, pose_classification, tao
from skillbank_runners.pose_classification.contract import Files, check_data
from skillbank_runners.pose_classification.serving import facts_of_spec
from skillbank_runners.pose_classification.spec import TrainAction
from skillbank_runners.skeletons.layout import load_layout

KEY = "model.graph_layout"
CHAIN = {"joints": ["a", "b", "c"], "edges": [[0, 1], [1, 2]]}
GONE = "no such file"
WRONG = {
    "no YAML": ("joints: [a, b", "is no YAML"),
    "no layout": ("- a\n- b\n", "cannot be used"),
    "a joint that is not there": (yaml.safe_dump(CHAIN | {"root": "d"}), "root: found joint 'd'"),
    GONE: (None, "cannot be read"),
}


@pytest.fixture(params=list(WRONG))
def wrong(request, tmp_path):
    """Path of a layout file, and what is wrong with it."""
    content, said = WRONG[request.param]
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    return path, said


def refused(job, status, key, said):
    assert status == 2
    last = job.status()[-1]
    assert last["status"] == "FAILURE"
    assert last["failure"] == "bad_configuration"
    assert last["message"].startswith(f"{key}: layout file ")
    assert said in last["message"]


@pytest.mark.parametrize("entry", [main, pose_classification, tao])
def test_training_on_a_wrong_layout_is_a_wrong_request(job, wrong, entry):
    path, said = wrong
    words = {
        main: job.arguments("train", f"{KEY}={path}"),
        pose_classification: ["train", "-e", str(job.spec), f"train.results_dir={job.results}"],
        tao: ["model", "pose_classification", "train", "-e", str(job.spec), f"{KEY}={path}"],
    }
    job.change(train={"results_dir": str(job.results)}, model={"graph_layout": str(path)})

    refused(job, entry(words[entry]), KEY, said)

    assert not job.checkpoints()


# What a checkpoint of ours says of its skeleton also stands for a file that is gone since.
@pytest.mark.parametrize("wrong", [name for name in WRONG if name != GONE], indirect=True)
@pytest.mark.parametrize("action", ["evaluate", "inference", "export"])
def test_no_action_uses_a_wrong_layout_beside_that_of_the_checkpoint(job, trained, wrong, action):
    path, said = wrong
    checkpoint = trained.results / trained.checkpoints()[-1]
    job.change(model={"graph_layout": str(path)}, **{action: {"checkpoint": str(checkpoint)}})

    refused(job, main(job.arguments(action)), KEY, said)


@pytest.mark.parametrize("action", ["evaluate", "inference", "export"])
def test_no_action_uses_a_wrong_layout_for_a_checkpoint_of_tao(job, trained, wrong, action):
    path, said = wrong
    state = torch.load(trained.results / trained.checkpoints()[-1], weights_only=True)
    torch.save({"state_dict": state["state_dict"]}, job.folder / "tao.pth")
    checkpoint = str(job.folder / "tao.pth")
    job.change(model={"graph_layout": str(path)}, **{action: {"checkpoint": checkpoint}})

    refused(job, main(job.arguments(action)), KEY, said)


@pytest.mark.parametrize("key", ["source_layout", "layout"])
def test_conversion_with_a_wrong_layout_is_a_wrong_request(job, wrong, key):
    path, said = wrong
    np.save(job.folder / "walk.npy", np.zeros((20, 3, 3), np.float32))
    (job.folder / "chain.yaml").write_text(yaml.safe_dump(CHAIN), encoding="utf-8")
    settings = {
        "data": str(job.folder / "walk.npy"),
        "format": "generic",
        "source_layout": str(job.folder / "chain.yaml"),
        key: str(path),
    }
    job.change(dataset_convert=settings)

    refused(job, main(job.arguments("dataset_convert")), f"dataset_convert.{key}", said)


def test_a_conversion_that_no_layout_allows_is_a_wrong_request(job):
    np.save(job.folder / "walk.npy", np.ones((20, 17, 3), np.float32))
    settings = {"data": str(job.folder / "walk.npy"), "format": "generic"}
    settings |= {"source_layout": "coco17", "layout": "hand21", "sequence_length_min": 5}
    job.change(dataset_convert=settings)

    assert main(job.arguments("dataset_convert")) == 2
    message = job.status()[-1]["message"]
    assert message.startswith("dataset_convert.layout: no conversion from layout 'coco17' to")


def test_a_training_does_not_need_its_layout_file_again(job):
    # A training of one epoch: about a second.
    known = load_layout("h36m17")
    assert known.num_joints == NUM_JOINTS["human3.6m"]
    path = job.folder / "mine.yaml"
    path.write_text(known.to_yaml().replace("h36m17", "mine"), encoding="utf-8")
    job.change(model={"graph_layout": str(path)}, train={"num_epochs": 1})
    content = yaml.safe_load(job.spec.read_text())
    sections = {name: content[name] for name in ("dataset", "model", "train")}
    spec = TrainAction.model_validate(sections)
    wanted = [Files(f"dataset.{name}", getattr(spec.dataset, name)) for name in
              ("train_dataset", "val_dataset")]  # fmt: skip
    layout = load_layout(str(path))
    clips = check_data(spec, wanted, layout)
    job.results.mkdir()
    path.write_text("joints: [a, b", encoding="utf-8")
    from skillbank_runners.pose_classification.training import train

    facts = facts_of_spec(spec, layout, clips[0].x_NCTVM.shape[1:])
    train(spec, Run(job.results, action="train"), *clips, facts)

    assert "<svg" in (job.results / "report.html").read_text(encoding="utf-8")
