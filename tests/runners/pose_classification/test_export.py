"""Export: the file is the checkpoint's function, open in the number of clips."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from skillbank_runners.launch import main
from skillbank_runners.pose_classification.exporting import OnnxCheck, compare_with_network
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.skeletons.layout import load_layout


def export(job, trained, *overrides):
    path = trained.results / "pc_model_latest.pth"
    return main(job.arguments("export", f"export.checkpoint={path}", *overrides))


def clips(batch, frames=6):
    random = np.random.default_rng(4)
    return random.normal(size=(batch, 3, frames, 17, 1)).astype(np.float32)


# The first export of a process loads the exporter: 5 s of CPU, once for this module.
@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    target = tmp_path_factory.mktemp("export")
    place = ["--results", str(target)]
    spec = ["-e", str(trained.spec), *place]
    path = trained.results / "pc_model_latest.pth"
    words = [f"export.checkpoint={path}", "export.dynamic_time=true"]
    assert main(["pose_classification", "export", *spec, *words]) == 0
    return target


def test_names_shapes_and_metadata_of_the_file(exported):
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    (given,), (found,) = session.get_inputs(), session.get_outputs()
    assert (given.name, found.name) == ("input", "fc_pred")
    assert given.shape == ["batch", 3, "frames", 17, 1]
    assert found.shape == ["batch", 3]
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["class_names"]) == ["sit", "walk", "run"]
    assert facts["graph_layout"] == "human3.6m"
    assert json.loads(facts["versions"])["torch"]
    opsets = [o.version for o in onnx.load(exported / "model.onnx").opset_import if not o.domain]
    assert opsets[0] >= 17


@pytest.mark.parametrize(("batch", "frames"), [(1, 6), (5, 6), (2, 13)])
def test_the_file_computes_what_the_checkpoint_computes(exported, trained, batch, frames):
    state = torch.load(trained.results / "pc_model_latest.pth", weights_only=True)["state_dict"]
    network = STGCN(3, 3, adjacency(load_layout("human3.6m"), "spatial"))
    network.load_state_dict({key.removeprefix("model."): v for key, v in state.items()})
    network.eval()
    x = clips(batch, frames)
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    with torch.inference_mode():
        expected = network(torch.from_numpy(x)).numpy()
    # float32 sums in another order: 1e-6 of logits about 1
    assert np.abs(session.run(None, {"input": x})[0] - expected).max() < 1e-5


def test_the_check_is_written_and_recorded(exported):
    check = json.loads((exported / "onnx_check.json").read_text())
    assert check["passed"]
    assert check["max_difference"] < check["tolerance"]
    assert check["clips"] == "dataset.val_dataset"
    entries = json.loads((exported / "artefacts.json").read_text())["artefacts"]
    assert {entry["path"]: entry["kind"] for entry in entries} == {
        "model.onnx": "onnx",
        "report.html": "report",
    }


def test_another_network_does_not_pass_the_check(exported):
    torch.manual_seed(0)
    other = STGCN(3, 3, adjacency(load_layout("human3.6m"), "spatial")).eval()
    x = torch.from_numpy(clips(2))
    assert not compare_with_network(other, exported / "model.onnx", x, "test").passed


def test_scores_that_are_not_numbers_do_not_pass():
    assert not OnnxCheck(1, float("nan"), 1e-4, "test").passed


def test_the_file_goes_where_the_spec_says_with_a_fixed_number_of_frames(job, trained):
    target = job.folder / "deep" / "net.onnx"
    job.change(dataset={"train_dataset": {}, "val_dataset": {}, "window_size": 9})
    assert export(job, trained, f"export.onnx_file={target}") == 0
    session = onnxruntime.InferenceSession(target)
    assert session.get_inputs()[0].shape == ["batch", 3, 9, 17, 1]


def test_without_data_the_file_takes_clips_of_the_trained_length(job, trained, capsys):
    job.change(dataset={"train_dataset": {}, "val_dataset": {}})
    trained_frames = np.load(
        yaml.safe_load(trained.spec.read_text())["dataset"]["train_dataset"]["data_path"]
    ).shape[2]

    assert export(job, trained) == 0

    session = onnxruntime.InferenceSession(job.results / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, trained_frames, 17, 1]
    assert "random clips of the size that was trained on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "said", "code"),
    [
        ("export.checkpoint=", "export.checkpoint: empty", 2),
        ("export.checkpoint=/nowhere.pth", "no such file", 2),
        ("export.onnx_file=FILE/x.onnx", "export.onnx_file: cannot write", 1),
        ("dataset.num_classes=4", "set dataset.num_classes as in training", 1),
    ],
)
def test_what_does_not_fit_is_named(job, trained, capsys, override, said, code):
    job.change(dataset={"label_map": None})
    assert export(job, trained, override.replace("FILE", str(job.spec))) == code
    assert said in capsys.readouterr().err
