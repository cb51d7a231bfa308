"""A training that pauses and goes on ends in the same bytes as one that ran through."""

import json

import pytest
import torch
from tests.runners.conftest import make_job

from skillbank_runners.launch import PAUSED_EXIT, main

# Where a training stops and goes on does not depend on how wide its layers are.
pytestmark = pytest.mark.usefixtures("tiny_networks")

NUM_EPOCHS = "train.num_epochs=4"
BEST = ("train.checkpointer.enable_topk=true", "train.checkpointer.save_top_k=2")
# At this rate the loss of the tiny data rises first: AutoReduce acts, the best are not the last.
VARIANTS = {
    "AutoReduce and best": (
        *BEST,
        "train.optim.lr_scheduler=AutoReduce",
        "train.optim.patience=1",
        "train.optim.lr=0.3",
    ),
    "seldom validated": (
        *BEST,
        "train.validation_interval=2",
        "train.checkpoint_interval=4",
        "train.optim.lr_scheduler=AutoReduce",
        "train.optim.patience=1",
        "train.optim.lr=0.3",
    ),
    "MultiStep and Adam": (
        "train.optim.optimizer_type=torch.optim.Adam",
        "train.optim.lr=0.001",
        "train.optim.lr_steps=[1,3]",
        "dataset.random_move=true",
    ),
}


def train(job, *more):
    return main(job.arguments("train", NUM_EPOCHS, *more))


def epochs_told(job):
    """Epoch -> what its own line said; what a pause adds is left out."""
    return {
        line["epoch"]: line["kpi"]
        for line in job.status()
        if "epoch" in line and "time_per_epoch" in line
    }


def best_checkpoints(job):
    return {path.name: path.read_bytes() for path in job.results.glob("model_best*.pth")}


def final_state(job):
    return (job.results / "pc_model_latest.pth").read_bytes()


@pytest.fixture(scope="module", params=VARIANTS)
def whole(request, tmp_path_factory):
    """An uninterrupted training of four epochs, and its overrides."""
    job = make_job(tmp_path_factory.mktemp("whole"))
    assert train(job, *VARIANTS[request.param]) == 0
    return job, VARIANTS[request.param]


# Four trainings of an epoch or two, about 1 s each.
@pytest.mark.parametrize("pauses", [(1,), (1, 2), (2, 3), (3,)], ids=str)
def test_pausing_and_going_on_gives_the_same_bytes(whole, job, pauses):
    done, overrides = whole
    for epochs in pauses:
        assert train(job, *overrides, "--pause-after", str(epochs)) == PAUSED_EXIT
    assert train(job, *overrides) == 0

    assert final_state(job) == final_state(done)
    assert best_checkpoints(job) == best_checkpoints(done)
    told, expected = epochs_told(job), epochs_told(done)
    for epoch, metrics in expected.items():
        assert told[epoch] | metrics == told[epoch]
        assert set(told[epoch]) - set(metrics) <= {"val_loss", "val_acc"}


def test_the_best_checkpoints_are_told_apart_from_none(whole):
    """Else the comparison above would compare nothing with nothing."""
    done, overrides = whole
    assert bool(best_checkpoints(done)) is (BEST[0] in overrides)


def test_the_reductions_of_the_rate_are_real(whole):
    done, overrides = whole
    rates = [kpi["lr"] for kpi in epochs_told(done).values()]
    assert (len(set(rates)) > 1) is ("train.validation_interval=2" not in overrides)


@pytest.mark.parametrize("epochs", [1, 3])
def test_a_pause_is_validated_and_leaves_its_checkpoint(job, epochs):
    rare = ("train.validation_interval=4", "train.checkpoint_interval=4")
    assert train(job, *rare, "--pause-after", str(epochs)) == PAUSED_EXIT

    last = job.status()[-1]
    assert last["message"] == f"paused after epoch {epochs} of 4"
    assert (last["status"], last["paused"]) == ("RUNNING", True)
    assert (last["epoch"], last["max_epoch"]) == (epochs - 1, 4)
    assert {"train_loss", "val_loss", "val_acc"} <= last["kpi"].keys()
    (entry,) = [entry for entry in job.artefacts() if entry["kind"] == "checkpoint"]
    assert (entry["epoch"], entry["metrics"]) == (epochs - 1, last["kpi"])
    assert not (job.results / "report.html").exists()


@pytest.mark.parametrize("asked", [1, 2])
def test_a_pause_that_was_reached_already_trains_nothing(job, asked, capsys):
    assert train(job, "--pause-after", "2") == PAUSED_EXIT
    before, first = job.checkpoints(), job.status()[-1]

    assert train(job, "--pause-after", str(asked)) == PAUSED_EXIT

    assert job.checkpoints() == before
    again = job.status()[-1]
    assert (again["message"], again["kpi"]) == (first["message"], first["kpi"])
    assert "nothing left to do" in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["4", "9"])
def test_a_pause_at_the_end_or_behind_it_is_no_pause(job, asked):
    assert train(job, "--pause-after", asked) == 0
    assert job.status()[-1]["status"] == "SUCCESS"


def test_without_a_pause_the_interval_says_which_epochs_are_validated(job):
    assert train(job, "train.validation_interval=3") == 0
    validated = [epoch for epoch, kpi in epochs_told(job).items() if "val_loss" in kpi]
    assert validated == [2]


def test_a_training_goes_on_from_another_jobs_checkpoint_with_its_own_rate(tmp_path):
    """As a population does: AutoReduce holds the rate in the optimizer, which is restored."""
    parent, child = make_job(tmp_path / "parent"), make_job(tmp_path / "child")
    reduce = ("train.optim.lr_scheduler=AutoReduce", "train.optim.lr=0.1")
    assert train(parent, *reduce, "--pause-after", "1") == PAUSED_EXIT
    start = (parent.results / "pc_model_latest.pth").resolve()
    copied = f"train.resume_training_checkpoint_path={start}"

    assert train(child, reduce[0], "train.optim.lr=0.12", copied, "--pause-after", "2") == 75

    assert epochs_told(child)[1]["lr"] == 0.12
    state = torch.load(child.results / "pc_model_latest.pth", weights_only=True)
    assert state["optimizer_states"][0]["param_groups"][0]["initial_lr"] == 0.12


@pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
def test_a_pause_that_is_no_number_of_epochs_is_refused(job, wrong, capsys):
    with pytest.raises(SystemExit) as stopped:
        train(job, f"--pause-after={wrong}")
    assert stopped.value.code == 2
    assert f"found '{wrong}', expected 1 epoch or more" in capsys.readouterr().err


def test_the_line_of_a_diverged_training_says_so_to_programs(job):
    assert train(job, "train.optim.lr=1e30") == 1
    last = json.loads((job.results / "status.json").read_text().splitlines()[-1])
    assert (last["status"], last["failure"]) == ("FAILURE", "diverged")
