"""Evaluation: its figures, its files, and what it refuses."""

import json

import numpy as np
import pytest
import torch
from tests.runners.conftest import write_clips

from skillbank_runners.launch import main
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, load_weights
from skillbank_runners.skeletons.layout import load_layout


def checkpoint(trained):
    return trained.results / "pc_model_latest.pth"


def evaluate(job, trained, *overrides):
    return main(job.arguments("evaluate", f"evaluate.checkpoint={checkpoint(trained)}", *overrides))


def network(trained):
    state = torch.load(checkpoint(trained), weights_only=True)["state_dict"]
    model = STGCN(3, 3, adjacency(load_layout("human3.6m"), "spatial"))
    load_weights(model, state, source="trained")
    return model.eval()


def test_the_accuracy_is_that_of_the_network(job, trained, capsys):
    x, ids = write_clips(job.folder, "val", clips=9, seed=5)
    assert evaluate(job, trained) == 0
    with torch.inference_mode():
        predicted = network(trained)(torch.from_numpy(x)).argmax(dim=1).numpy()
    metrics = json.loads((job.results / "metrics.json").read_text())
    assert metrics["num_correct"] == int((predicted == np.array(ids)).sum())
    assert metrics["num_clips"] == 9
    assert [c["name"] for c in metrics["classes"]] == ["sit", "walk", "run"]
    kpi = job.status()[-2]["kpi"]
    assert kpi["accuracy"] == metrics["accuracy"] == kpi["val_acc"]
    assert "total accuracy" in capsys.readouterr().out
    kinds = {entry["path"]: entry["kind"] for entry in job.artefacts()}
    assert kinds == {"metrics.json": "metrics", "report.html": "report"}


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_batch_size_changes_nothing(job, trained, size):
    assert evaluate(job, trained, f"evaluate.batch_size={size}") == 0
    found = json.loads((job.results / "metrics.json").read_text())
    assert evaluate(job, trained) == 0
    expected = json.loads((job.results / "metrics.json").read_text())
    assert found["confusion"] == expected["confusion"]
    assert found["cross_entropy"] == pytest.approx(expected["cross_entropy"], abs=1e-6)


def test_the_k_of_the_top_k_accuracy_is_the_specs(job, trained):
    assert evaluate(job, trained, "evaluate.top_k=2") == 0
    metrics = json.loads((job.results / "metrics.json").read_text())
    assert metrics["accuracy"] <= metrics["top_k"]["2"] <= 1
    assert job.status()[-2]["kpi"]["top_2_accuracy"] == metrics["top_k"]["2"]


@pytest.mark.parametrize(
    ("override", "said", "code"),
    [
        ("evaluate.checkpoint=", "evaluate.checkpoint: empty", 2),
        ("evaluate.checkpoint=/nowhere.pth", "no such file: '/nowhere.pth'", 2),
        ("evaluate.checkpoint=s3://b/x.pth", "expected a local file", 2),
        ("evaluate.trt_engine=x.engine", "TensorRT engines are not run here", 2),
        ("evaluate.test_dataset.label_path=", "evaluate.test_dataset.label_path: empty", 2),
        ("model.graph_layout=coco", "graph layout mismatch", 1),
        ("model.graph_strategy=distance", "trained with 'spatial'", 1),
        ("dataset.num_classes=4", "set dataset.num_classes as in training", 1),
    ],
)
def test_what_does_not_fit_is_named(job, trained, capsys, override, said, code):
    job.change(dataset={"label_map": None})
    assert evaluate(job, trained, override) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_a_report_that_cannot_be_written_costs_no_results(job, trained, capsys):
    (job.results / "report.html").mkdir(parents=True)
    assert evaluate(job, trained) == 0
    assert "no report was written" in capsys.readouterr().out
    assert (job.results / "metrics.json").is_file()
    assert job.status()[-1]["status"] == "SUCCESS"


def test_taos_weights_are_evaluated(job, trained):
    state = torch.load(checkpoint(trained), weights_only=True)["state_dict"]
    theirs = job.folder / "tao.pth"
    torch.save({"state_dict": state, "epoch": 3, "pytorch-lightning_version": "2.0"}, theirs)
    assert evaluate(job, trained, f"evaluate.checkpoint={theirs}") == 0


def test_taos_weights_of_another_graph_are_named(job, trained, capsys):
    state = torch.load(checkpoint(trained), weights_only=True)["state_dict"]
    theirs = job.folder / "tao.pth"
    torch.save({"state_dict": state}, theirs)
    override = f"evaluate.checkpoint={theirs}"
    assert evaluate(job, trained, override, "model.graph_layout=coco") == 1
    assert "set model.graph_layout=human3.6m" in capsys.readouterr().err
