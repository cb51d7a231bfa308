"""Every option of the train section does what it says."""

import pickle
import re

import numpy as np
import pytest
import torch
from tests.runners.conftest import make_job, write_clips, write_labels

from skillbank_runners.launch import main
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.skeletons.layout import load_layout

ONE = "train.num_epochs=1"
FIRST = "model_epoch_000_step_00003.pth"


def train(job, *overrides):
    return main(job.arguments("train", *overrides))


def state_of(job, name="pc_model_latest.pth"):
    return torch.load(job.results / name, weights_only=True)


def rates(job):
    return [line["kpi"]["lr"] for line in job.status() if "lr" in line.get("kpi", {})]


def test_checkpoints_are_named_recorded_and_linked(trained):
    assert trained.checkpoints() == [FIRST, "model_epoch_001_step_00006.pth"]
    link = trained.results / "pc_model_latest.pth"
    assert link.is_symlink()
    assert str(link.readlink()) == "model_epoch_001_step_00006.pth"
    entries = {entry["path"]: entry for entry in trained.artefacts()}
    entry = entries[FIRST]
    assert (entry["kind"], entry["epoch"], entry["step"]) == ("checkpoint", 0, 3)
    assert {"val_loss", "val_acc", "train_loss", "train_acc"} <= set(entry["metrics"])
    assert entry["size_bytes"] == (trained.results / FIRST).stat().st_size
    assert entries["report.html"]["kind"] == "report"


def test_a_checkpoint_has_taos_keys_and_names_its_network(trained):
    state = state_of(trained)
    assert (state["epoch"], state["global_step"]) == (1, 6)
    assert all(key.startswith("model.") for key in state["state_dict"])
    facts = state["hyper_parameters"]
    assert facts["graph_layout"] == "human3.6m"
    assert facts["class_names"] == ["sit", "walk", "run"]
    assert str(trained.folder).encode() not in (trained.results / FIRST).read_bytes()


# A training of six epochs on clips that are easy to tell apart: 3 s.
def test_training_learns(job):
    assert train(job, "train.num_epochs=6", "dataset.batch_size=3", "model.dropout=0.0") == 0
    losses = [line["kpi"]["train_loss"] for line in job.status() if "lr" in line.get("kpi", {})]
    assert losses[-1] < 0.5 * losses[0]


def test_smoothed_labels_are_trained_with_and_not_measured_with(job):
    still = [ONE, "train.optim.lr=0.0", "dataset.batch_size=6", "model.dropout=0.0"]
    other = make_job(job.folder / "smoothed")
    assert train(job, *still) == 0
    assert train(other, *still, "train.label_smoothing=0.5") == 0
    plain, smoothed = (one.status()[-2]["kpi"] for one in (job, other))
    assert smoothed["train_loss"] != pytest.approx(plain["train_loss"], rel=1e-3)
    assert smoothed["val_loss"] == plain["val_loss"]


def test_a_cosine_lowers_the_rate_from_epoch_to_epoch(job):
    cosine = "train.optim.lr_scheduler=Cosine"
    assert train(job, "train.num_epochs=3", cosine, "train.optim.warmup_epochs=1") == 0
    assert rates(job) == pytest.approx([0.005, 0.01, 0.005])


@pytest.mark.parametrize(
    "overrides",
    [
        ["train.optim.optimizer_type=torch.optim.Adam", "train.optim.lr=0.001"],
        ["train.optim.optimizer_type=torch.optim.Adamax", "train.optim.lr=0.001"],
        ["train.optim.nesterov=false", "train.optim.momentum=0.0"],
        ["dataset.num_workers=4"],
        ["model.edge_importance_weighting=false", "model.graph_strategy=uniform"],
        ["train.cudnn.deterministic=false", "train.cudnn.benchmark=true"],
        ["train.num_gpus=2", "train.gpu_ids=[0,1]"],
        ["train.validation_interval=5"],
        ["dataset.label_map=null"],
    ],
)
def test_options_are_accepted(job, overrides):
    assert train(job, ONE, *overrides) == 0
    assert "val_loss" in job.status()[-2]["kpi"]


def test_a_label_map_left_empty_is_said_in_the_log(job, capsys):
    assert train(job, ONE, "dataset.label_map=null") == 0
    assert "classes: 3, without names (dataset.label_map is empty)" in capsys.readouterr().out


def test_several_people_are_trained_on(job):
    for name in ("train", "val"):
        write_clips(job.folder, name, people=2)
    assert train(job, ONE) == 0


def test_multi_step_lowers_the_rate_at_its_epochs(job):
    assert train(job, "train.num_epochs=3", "train.optim.lr_steps=[1,2]") == 0
    assert rates(job) == pytest.approx([0.01, 0.001, 0.0001])


def test_auto_reduce_lowers_the_rate_when_the_loss_does_not_fall(job):
    overrides = ["train.optim.lr_scheduler=AutoReduce", "train.optim.lr_monitor=train_loss"]
    overrides += ["train.optim.lr=0.00", "train.optim.min_lr=0.0", "model.dropout=0.0"]
    assert train(job, "train.num_epochs=3", *overrides) == 0
    assert rates(job) == [0, 0, 0]
    again = ["train.num_epochs=7", *overrides]
    again[3] = "train.optim.lr=1.0"
    assert train(job, *again) == 0


def test_auto_reduce_needs_a_factor_below_one(job, capsys):
    options = ["train.optim.lr_scheduler=AutoReduce", "train.optim.lr_decay=1.0"]
    assert train(job, ONE, *options) == 1
    assert "train.optim.lr_decay: found 1.0, expected a factor below 1" in capsys.readouterr().err


def test_grad_clip_bounds_the_first_step(job):
    options = [ONE, "train.optim.momentum=0.0", "train.optim.nesterov=false"]
    options += ["train.optim.weight_decay=0.0", "train.optim.lr=1.0", "dataset.batch_size=6"]
    assert train(job, *options, "train.grad_clip=0.001") == 0
    clipped = state_of(job)["state_dict"]
    torch.manual_seed(0)
    start = initial_weights(job)
    moved = [clipped[f"model.{name}"] - value for name, value in start.items()]
    norm = torch.sqrt(sum((difference.double() ** 2).sum() for difference in moved))
    assert float(norm) == pytest.approx(0.001, rel=0.05)


def initial_weights(job):
    """Weights that a training starts from: those of one whose rate is 0."""
    other = job.results.with_name("start")
    options = [ONE, "train.optim.lr=0.0", "train.optim.weight_decay=0.0", "dataset.batch_size=6"]
    arguments = ["pose_classification", "train", "-e", str(job.spec), "--results", str(other)]
    assert main([*arguments, *options]) == 0
    state = torch.load(other / "pc_model_latest.pth", weights_only=True)["state_dict"]
    network = STGCN(3, 3, adjacency(load_layout("human3.6m"), "spatial"))
    return {name: state[f"model.{name}"] for name, _ in network.named_parameters()}


def test_checkpoints_are_written_every_n_epochs_and_at_the_end(job):
    assert train(job, "train.num_epochs=3", "train.checkpoint_interval=2") == 0
    assert job.checkpoints() == ["model_epoch_001_step_00006.pth", "model_epoch_002_step_00009.pth"]


def test_checkpoints_are_written_every_n_steps_and_at_the_end(job):
    options = ["train.checkpoint_interval=2", "train.checkpoint_interval_unit=step"]
    assert train(job, "train.num_epochs=2", *options) == 0
    assert job.checkpoints() == [
        "model_epoch_000_step_00002.pth",
        "model_epoch_001_step_00004.pth",
        "model_epoch_001_step_00006.pth",
    ]


def test_validation_waits_for_its_interval(job):
    assert train(job, "train.num_epochs=3", "train.validation_interval=2") == 0
    measured = ["val_loss" in line["kpi"] for line in job.status() if "lr" in line.get("kpi", {})]
    assert measured == [False, True, False]


@pytest.mark.parametrize(("monitor", "sign"), [("val_loss", 1), ("train_acc", -1)])
def test_the_best_checkpoints_are_kept(job, monitor, sign):
    options = ["train.checkpointer.enable_topk=true", "train.checkpointer.save_top_k=2"]
    options += [f"train.checkpointer.monitor={monitor}", "train.checkpointer.replace_periodic=true"]
    assert train(job, "train.num_epochs=4", *options) == 0
    entries = [entry for entry in job.artefacts() if entry["kind"] == "checkpoint"]
    values = {
        line["epoch"]: sign * line["kpi"][monitor]
        for line in job.status()
        if "lr" in line.get("kpi", {})
    }
    expected = sorted(values, key=lambda epoch: (values[epoch], epoch))[:2]
    best = sorted(job.results.glob("model_best_*.pth"))
    assert [path.name for path in best] == [f"model_best_{e:03d}.pth" for e in sorted(expected)]
    assert job.checkpoints() == ["model_epoch_003_step_00012.pth"]
    assert {entry["path"] for entry in entries} == {
        *(path.name for path in best),
        *job.checkpoints(),
    }


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "monitor=val_map",
            "train.checkpointer.monitor: found 'val_map', expected one of val_loss",
        ),
        ("filename=best_{nothing}", "cannot fill in 'best_{nothing}'"),
    ],
)
def test_a_checkpointer_that_cannot_work_is_refused_at_once(job, capsys, option, said):
    options = ["train.checkpointer.enable_topk=true", f"train.checkpointer.{option}"]
    assert train(job, *options) == 1
    assert said in capsys.readouterr().err
    assert not job.checkpoints()


def test_training_starts_from_pretrained_weights_of_other_classes(job, trained, capsys):
    for name, ids in (("train", [0, 1, 0, 1, 0, 1]), ("val", [0, 1, 0, 1])):
        write_labels(job.folder / f"{name}_label.pkl", ids)
    path = trained.results / "pc_model_latest.pth"
    options = ["dataset.num_classes=2", "dataset.label_map=null", "train.optim.lr=0.0"]
    options += ["train.optim.weight_decay=0.0", f"model.pretrained_model_path={path}"]
    assert train(job, ONE, *options) == 0
    assert "was trained for 3 classes and this network has 2" in capsys.readouterr().out
    ours, theirs = state_of(job)["state_dict"], state_of(trained)["state_dict"]
    key = "model.st_gcn_networks.4.tcn.2.weight"
    assert torch.equal(ours[key], theirs[key])
    assert ours["model.fcn.weight"].shape[0] == 2


def test_weights_of_another_graph_are_refused(job, trained, capsys):
    path = trained.results / "pc_model_latest.pth"
    options = ["model.graph_layout=coco", f"model.pretrained_model_path={path}"]
    assert train(job, ONE, *options) == 1
    error = capsys.readouterr().err
    assert "graph layout mismatch" in error
    assert "trained with 'human3.6m', the spec says 'coco'" in error


def broken_files(folder):
    class Payload:
        def __reduce__(self):
            return (print, ("ran",))

    weights = {"state_dict": {"model.fcn.bias": torch.zeros(3)}, "callbacks": Payload()}
    torch.save(weights, folder / "code.pth")
    torch.save({"state_dict": {}, "epoch": 3}, folder / "empty.pth")
    (folder / "encrypted.pth").write_bytes(bytes(range(256)) * 20)
    (folder / "pickled.pth").write_bytes(pickle.dumps(Payload()))
    torch.save([1, 2], folder / "list.pth")
    whole = (folder / "code.pth").read_bytes()
    (folder / "cut.pth").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("code", "loading it could run foreign code"),
        ("encrypted", "encrypted"),
        ("pickled", "no plain PyTorch checkpoint"),
        ("cut", "is no checkpoint that PyTorch can read"),
        ("list", "holds list without weights"),
        ("empty", "does not fit this network"),
        ("missing", "no file"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_named(job, capsys, name, said):
    broken_files(job.folder)
    path = job.folder / f"{name}.pth"
    assert train(job, ONE, f"model.pretrained_model_path={path}") == 1
    error = capsys.readouterr().err
    assert said in error
    assert str(path) in error
    assert "Traceback" not in error
    assert "miniz" not in error


def test_weights_alone_cannot_be_resumed(job, trained, capsys):
    path = job.folder / "weights.pth"
    torch.save(state_of(trained)["state_dict"], path)
    assert train(job, f"train.resume_training_checkpoint_path={path}") == 1
    assert "give it as model.pretrained_model_path" in capsys.readouterr().err


def test_a_batch_size_that_does_not_fit_a_half_done_epoch_is_refused(job, capsys):
    options = ["train.checkpoint_interval=2", "train.checkpoint_interval_unit=step", ONE]
    assert train(job, *options) == 0
    (job.results / FIRST).unlink()
    (job.results / "pc_model_latest.pth").unlink()
    assert train(job, ONE, "dataset.batch_size=6") == 1
    assert "dataset.batch_size or the data has changed since" in capsys.readouterr().err


def test_a_diverged_training_stops_with_advice(job, capsys):
    x = np.load(job.folder / "train_data.npy")
    np.save(job.folder / "train_data.npy", (x * 1e30).astype(np.float32))
    assert train(job, "train.optim.lr=1e30", "train.num_epochs=3") == 1
    error = capsys.readouterr().err
    assert re.search(r"(train|val)_loss became (nan|inf) in epoch \d+, step \d+", error)
    assert "training has diverged" in error
    assert "train.grad_clip" in error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "found 'uniform' with dataset.window_size -1, expected a window_size of at least 1"),
        (
            ("dataset.window_size=4", "dataset.random_choose=true"),
            "dataset.random_choose: found true with dataset.preprocessing.sampling 'uniform'",
        ),
    ],
)
def test_sampling_that_makes_no_sense_is_refused(job, capsys, options, said):
    assert train(job, "dataset.preprocessing.sampling=uniform", *options) == 2
    assert said in capsys.readouterr().err


def test_a_completed_training_tells_what_its_network_costs(trained):
    last = trained.status()[-1]
    assert last["status"] == "SUCCESS"
    state = torch.load(trained.results / "pc_model_latest.pth", weights_only=True)["state_dict"]
    buffers = ("running_mean", "running_var", "num_batches_tracked", "model.A")
    sizes = [value.numel() for name, value in state.items() if not name.endswith(buffers)]
    assert last["kpi"]["num_parameters"] == sum(sizes)
    assert 0 < last["kpi"]["latency_ms"] < 10_000
