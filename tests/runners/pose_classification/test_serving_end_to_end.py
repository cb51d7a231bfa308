"""What was trained is what is served: every option on, nothing said again, nothing contradicted."""

import json

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from tests.runners.conftest import TinyJob, files, write_labels

from skillbank_runners.launch import main
from skillbank_runners.pose_classification.agreement import open_checkpoint
from skillbank_runners.pose_classification.serving import prepare, read_serving
from skillbank_runners.pose_classification.spec import EvaluateAction
from skillbank_runners.skeletons.layout import load_layout

FRAME_RATE = 30.0
CLASSES = ("sit", "walk", "run")
PREPROCESSING = {
    "has_confidence": True,
    "interpolate": True,
    "min_confidence": 0.1,
    "frame_rate": 20.0,
    "centring": "first_frame",
    "alignment": "first_frame",
    "scale": "torso",
    "sampling": "uniform",
    "streams": ["joint", "bone", "motion"],
}
AUGMENTATION = {
    "rotation_deg": 20.0,
    "tilt_deg": 5.0,
    "scale": 0.1,
    "noise": 0.01,
    "flip": 0.5,
    "joint_drop": 0.1,
    "time_warp": 0.2,
    "time_crop": 0.1,
}


def write_walk(folder, name, *, clips, frames=24, seed):
    """Bodies with x, y, z and a confidence, some of whose joints are missing for a while."""
    random = np.random.default_rng(seed)
    ids = [i % len(CLASSES) for i in range(clips)]
    body_CV = random.normal(size=(3, 17))
    way_NT = np.cumsum(random.normal(size=(clips, frames)) * 0.1, axis=1)
    x = np.ones((clips, 4, frames, 17, 1), np.float32)
    x[:, :3, ..., 0] = (
        body_CV[:, None] + way_NT[:, None, :, None] * (1 + np.array(ids))[:, None, None, None]
    )
    x[:, :, 5:9, 3] = 0
    x[:, :, 20:] = 0
    np.save(folder / f"{name}_data.npy", x)
    write_labels(folder / f"{name}_label.pkl", ids)
    return x


def write_layout(path):
    """A layout of the user's own: human3.6m's joints under another name."""
    known = load_layout("h36m17")
    entry = {
        "name": "mine",
        "joints": list(known.joint_names),
        "edges": [list(edge) for edge in known.edges],
        "left_right_pairs": [list(pair) for pair in known.left_right_pairs],
        "parents": list(known.parents),
    }
    path.write_text(yaml.safe_dump(entry))


# A training of one epoch with every option, once for this module: 3 s.
@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training with every option on; its layout file is gone since."""
    job = TinyJob(tmp_path_factory.mktemp("served"))
    write_walk(job.folder, "train", clips=6, seed=1)
    write_walk(job.folder, "val", clips=4, seed=2)
    dataset = {
        "conversion": {"pose_type": "3dbp", "num_joints": 17},
        "layout": "h36m17",
        "frame_rate": FRAME_RATE,
        "classes": list(CLASSES),
        "channels": ["x", "y", "z", "confidence"],
    }
    (job.folder / "dataset.json").write_text(json.dumps(dataset))
    layout = job.folder / "mine.yaml"
    write_layout(layout)
    content = {
        "dataset": {
            "train_dataset": files(job.folder, "train"),
            "val_dataset": files(job.folder, "val"),
            "num_classes": 3,
            "label_map": {name: i for i, name in enumerate(CLASSES)},
            "batch_size": 3,
            "window_size": 9,
            "preprocessing": PREPROCESSING,
            "augmentation": AUGMENTATION,
        },
        "model": {"graph_layout": str(layout), "graph_strategy": "distance", "input_channels": 4},
        "train": {"num_epochs": 1, "optim": {"lr": 0.01}},
    }
    job.spec.write_text(yaml.safe_dump(content))
    assert main(job.arguments()) == 0
    layout.unlink()
    return job


@pytest.fixture
def silent(tmp_path):
    """A job whose spec says nothing of data or network."""
    job = TinyJob(tmp_path)
    job.spec.write_text("{}")
    return job


def checkpoint(trained):
    return trained.results / "pc_model_latest.pth"


def clips(trained):
    return np.load(trained.folder / "val_data.npy")


def expected_logits(trained):
    """By the parts themselves: every clip prepared by the facts, through the trained network."""
    facts = read_serving(checkpoint(trained))
    opened = open_checkpoint(EvaluateAction(), checkpoint(trained), "evaluate.checkpoint")
    x = np.stack([prepare(clip, facts) for clip in clips(trained)])
    with torch.inference_mode():
        return opened.network()(torch.from_numpy(x)).numpy()


def of_test(trained, action):
    return [
        f"{action}.test_dataset.{key}={value}"
        for key, value in files(trained.folder, "val").items()
    ]


def test_the_checkpoint_tells_all_that_was_done(trained):
    facts = read_serving(checkpoint(trained))

    assert facts.class_names == CLASSES
    assert facts.clip_shape == (4, 24, 17, 1)
    assert facts.window_size == 9
    assert facts.frame_rate == FRAME_RATE
    assert facts.channels == ("x", "y", "z", "confidence")
    assert facts.conversion == {"pose_type": "3dbp", "num_joints": 17}
    assert facts.preprocessing.model_dump(mode="json") == PREPROCESSING
    assert facts.skeleton.joint_names == load_layout("h36m17").joint_names


def test_evaluation_with_an_empty_spec_gives_the_logits_of_the_training(trained, silent):
    place = f"evaluate.checkpoint={checkpoint(trained)}"
    assert main(silent.arguments("evaluate", place, *of_test(trained, "evaluate"))) == 0

    metrics = json.loads((silent.results / "metrics.json").read_text())
    [last] = [line for line in trained.status() if "val_loss" in line.get("kpi", {})][-1:]
    assert metrics["cross_entropy"] == pytest.approx(last["kpi"]["val_loss"], abs=1e-5)
    assert [c["name"] for c in metrics["classes"]] == list(CLASSES)


def test_inference_with_an_empty_spec_gives_the_same_shares(trained, silent):
    place = f"inference.checkpoint={checkpoint(trained)}"
    assert main(silent.arguments("inference", place, *of_test(trained, "inference"))) == 0

    found = json.loads((silent.results / "predictions.json").read_text())["predictions"]
    shares = torch.from_numpy(expected_logits(trained)).double().softmax(dim=1).max(dim=1).values
    assert [entry["score"] for entry in found] == pytest.approx(shares.tolist(), abs=1e-5)


# The first export of a process loads the exporter: 5 s of CPU.
@pytest.fixture(scope="module")
def onnx_file(trained, tmp_path_factory):
    job = TinyJob(tmp_path_factory.mktemp("onnx"))
    job.spec.write_text("{}")
    assert main(job.arguments("export", f"export.checkpoint={checkpoint(trained)}")) == 0
    return job.results / "model.onnx"


def test_the_onnx_file_and_its_metadata_alone_give_the_logits_of_evaluation(trained, onnx_file):
    session = onnxruntime.InferenceSession(onnx_file)
    facts = read_serving(onnx_file)
    x = np.stack([prepare(clip, facts) for clip in clips(trained)])

    found = session.run(None, {"input": x})[0]

    assert session.get_inputs()[0].shape == ["batch", 4, 9, 17, 1]  # the data's own channels
    assert np.abs(found - expected_logits(trained)).max() < 1e-5
    assert facts == read_serving(checkpoint(trained))


@pytest.mark.parametrize(
    ("override", "both"),
    [
        ("dataset.preprocessing.centring=frame", ("'first_frame'", "'frame'")),
        ("dataset.preprocessing.centring=none", ("'first_frame'", "'none'")),
        ("dataset.preprocessing.streams=[joint]", ("('joint', 'bone', 'motion')", "('joint',)")),
        ("dataset.preprocessing.frame_rate=15", ("20.0", "15.0")),
        ("dataset.window_size=12", ("9", "12")),
        ("dataset.num_classes=4", ("3", "4")),
        ("model.graph_layout=coco", ("mine.yaml'", "'coco'")),
        ("model.graph_strategy=spatial", ("'distance'", "'spatial'")),
        ("model.input_channels=3", ("4", "3")),
    ],
)
@pytest.mark.parametrize("action", ["evaluate", "inference", "export"])
def test_a_spec_that_says_something_else_is_refused_with_both_values(
    trained, silent, capsys, action, override, both
):
    place = f"{action}.checkpoint={checkpoint(trained)}"
    data = of_test(trained, action) if action != "export" else []

    assert main(silent.arguments(action, place, *data, override)) == 1

    error = capsys.readouterr().err
    key = override.partition("=")[0]
    trained_with, said = both
    assert f"{key}: trained with" in error
    assert f"{trained_with}, the spec says {said}; set {key} as in training" in error
    assert "Traceback" not in error


def test_the_log_says_what_was_taken_from_the_checkpoint(trained, silent, capsys):
    main(silent.arguments("export", f"export.checkpoint={checkpoint(trained)}"))

    out = capsys.readouterr().out
    assert "as the checkpoint was trained: " in out
    assert "dataset.preprocessing.centring=first_frame" in out
    assert "dataset.window_size=9" in out


def test_a_spec_that_says_the_same_is_taken(trained, silent):
    silent.change(dataset={"preprocessing": PREPROCESSING, "window_size": 9})
    place = f"evaluate.checkpoint={checkpoint(trained)}"

    assert main(silent.arguments("evaluate", place, *of_test(trained, "evaluate"))) == 0


@pytest.mark.parametrize("carried", [{}, {"preprocessing": PREPROCESSING}])
def test_a_spec_that_restates_every_default_says_nothing_by_that(trained, silent, carried):
    defaults = EvaluateAction().model_dump(mode="json")
    whole = {"dataset": {**defaults["dataset"], **carried}, "model": defaults["model"]}
    silent.spec.write_text(yaml.safe_dump(whole))
    place = f"evaluate.checkpoint={checkpoint(trained)}"

    assert main(silent.arguments("evaluate", place, *of_test(trained, "evaluate"))) == 0


def test_data_that_was_converted_otherwise_is_refused(trained, silent, capsys):
    write_walk(silent.folder, "val", clips=3, seed=3)
    other = {"conversion": {"pose_type": "25dbp"}, "channels": ["x", "y", "z"], "layout": "coco"}
    (silent.folder / "dataset.json").write_text(json.dumps(other))
    place = f"evaluate.checkpoint={checkpoint(trained)}"

    assert main(silent.arguments("evaluate", place, *of_test(silent, "evaluate"))) == 2

    error = capsys.readouterr().err
    assert "pose_type '25dbp', but the network was trained with '3dbp'" in error
    assert "channels ('x', 'y', 'z')" in error
    assert "the joints are those of layout 'coco', but the network's layout is 'mine'" in error


def test_data_of_another_frame_rate_is_resampled_from_its_own(trained, silent):
    x = write_walk(silent.folder, "val", clips=3, seed=3)
    write_labels(silent.folder / "val_label.pkl", [0, 1, 2])
    (silent.folder / "dataset.json").write_text(json.dumps({"frame_rate": 60.0}))
    opened = open_checkpoint(EvaluateAction(), checkpoint(trained), "evaluate.checkpoint")
    place = f"inference.checkpoint={checkpoint(trained)}"

    assert main(silent.arguments("inference", place, *of_test(silent, "inference"))) == 0

    found = json.loads((silent.results / "predictions.json").read_text())["predictions"]
    inputs = np.stack([prepare(clip, opened.trained, frame_rate=60.0) for clip in x])
    with torch.inference_mode():
        shares = opened.network()(torch.from_numpy(inputs)).double().softmax(dim=1)
    best = shares.max(dim=1).values.tolist()
    assert [entry["score"] for entry in found] == pytest.approx(best, abs=1e-5)


def test_a_training_does_not_go_on_with_other_preprocessing(trained, silent, capsys):
    silent.spec.write_text(trained.spec.read_text())
    write_layout(trained.folder / "mine.yaml")
    place = f"train.resume_training_checkpoint_path={checkpoint(trained)}"
    override = "dataset.preprocessing.scale=none"

    status = main(silent.arguments("train", place, "train.num_epochs=2", override))

    (trained.folder / "mine.yaml").unlink()
    assert status == 1
    assert "dataset.preprocessing.scale: trained with 'torso'" in capsys.readouterr().err


def test_reports_show_what_was_done_to_clips(trained, silent):
    place = f"evaluate.checkpoint={checkpoint(trained)}"
    assert main(silent.arguments("evaluate", place, *of_test(trained, "evaluate"))) == 0

    for folder in (trained.results, silent.results):
        page = (folder / "report.html").read_text(encoding="utf-8")
        assert "dataset.preprocessing.centring" in page
        assert "first_frame" in page
    info = json.loads((silent.results / "run_info.json").read_text())
    assert info["spec"]["dataset"]["preprocessing"] == PREPROCESSING
