"""Several processes train together, started as srun and torchrun start them."""

import json
import signal
import subprocess

import pytest
import torch
from tests.runners.conftest import make_job
from tests.runners.training import company

EACH_STEP = ("train.checkpoint_interval_unit=step", "train.checkpoint_interval=1")
LAST = "model_epoch_001_step_00004.pth"


@pytest.fixture(scope="module")
def nursery():
    process = company.open_nursery()
    yield process
    process.stdin.close()
    process.wait(timeout=60)
    process.stdout.close()


@pytest.fixture
def pair(tmp_path):
    """A job for two machines: 3 clips each, 2 steps in each of 2 epochs."""
    return make_job(tmp_path).change(train={"num_nodes": 2})


@pytest.fixture(scope="module")
def whole(nursery, tmp_path_factory):
    """A training of two processes that ran through, with a checkpoint after each of its steps."""
    job = make_job(tmp_path_factory.mktemp("pair")).change(train={"num_nodes": 2})
    started = company.start(nursery, job, *EACH_STEP)
    assert started.wait() == [0, 0], started.output(0) + started.output(1)
    return job, started


def test_two_processes_leave_the_results_of_one_job(whole):
    job, started = whole
    lines = job.status()
    told = [line["status"] for line in lines]
    assert told == ["STARTED", *["RUNNING"] * (len(lines) - 2), "SUCCESS"]
    assert [line["epoch"] for line in lines if "time_per_epoch" in line] == [0, 1]
    assert job.checkpoints()[-1] == LAST
    assert {entry["path"] for entry in job.artefacts()} >= {*job.checkpoints(), "report.html"}
    assert "2 processes on 2 machines" in started.output(0)
    assert started.output(1) == ""


def test_the_first_process_reports_a_running_loss_of_all_clips(whole):
    """Both have seen 4 clips, one of them twice: the sums of both are in the state."""
    job, _ = whole
    inside = torch.load(job.results / "model_epoch_000_step_00001.pth", weights_only=True)
    ended = torch.load(job.results / LAST, weights_only=True)
    assert [clips for _, _, clips in inside["epoch_sums"]] == [2, 2]
    assert ended["epoch_sums"] == [0, 0, 0]


# A scheduler may warn any of the processes, or all of them.
def test_a_warning_of_one_stops_all_after_one_step_to_be_resumed_to_the_same_bytes(
    nursery, pair, whole
):
    first = "model_epoch_000_step_00001.pth"
    started = company.start(nursery, pair, *EACH_STEP, stop_at=first)
    company.wait_until_stopped(started)
    started.signal(signal.SIGUSR1, 1)
    started.signal(signal.SIGCONT, 0)
    assert started.wait() == [143, 0], started.output(0) + started.output(1)
    stopped = pair.status()[-1]
    assert stopped["status"] == "FAILURE"
    assert "cancelled by SIGUSR1 after step" in stopped["message"]
    assert f"saved as {pair.checkpoints()[-1]}" in stopped["message"]
    assert pair.checkpoints()[-1] != LAST
    again = company.start(nursery, pair, *EACH_STEP)
    assert again.wait() == [0, 0], again.output(0)
    done, _ = whole
    assert (pair.results / LAST).read_bytes() == (done.results / LAST).read_bytes()


def test_a_pause_ends_all_with_the_code_of_the_first(nursery, pair):
    started = company.start(nursery, pair, "--pause-after", "1")
    assert started.wait() == [75, 0]
    assert pair.status()[-1]["paused"] is True
    assert started.output(1) == ""


def test_what_one_machine_lacks_is_told_by_the_first_process(nursery, pair):
    lacking = ("dataset.train_dataset.data_path=/nowhere.npy",)
    started = company.start(nursery, pair, each=[(), lacking])
    assert started.wait() == [2, 0]
    told = pair.status()[-1]
    assert "process 1 on " in told["message"]
    assert "'/nowhere.npy'" in told["message"]
    assert told["failure"] == "bad_configuration"


def test_processes_that_differ_refuse_to_train_together(nursery, pair):
    started = company.start(nursery, pair, each=[(), ("dataset.batch_size=1",)])
    assert started.wait() == [1, 0]
    assert "has 6 clips in batches of 1, the CPU, seed 1234" in pair.status()[-1]["message"]


def test_a_process_that_vanishes_ends_the_others(nursery, pair):
    more = (*EACH_STEP, "train.num_epochs=500")
    started = company.start(nursery, pair, *more, farewell_s=1.0)  # for one that never comes
    company.wait_for(pair.results / "model_epoch_000_step_00001.pth", started)
    started.signal(signal.SIGKILL, 1)
    assert started.wait() == [1, -signal.SIGKILL]
    told = pair.status()[-1]
    assert "a process that trains together with this one is gone" in told["message"]
    assert told["failure"] == "infrastructure"


def test_a_divergence_anywhere_ends_all_with_one_message(nursery, pair):
    started = company.start(nursery, pair, "train.optim.lr=1e30")
    assert started.wait() == [1, 0]
    assert pair.status()[-1]["failure"] == "diverged"
    assert started.output(1) == ""


def test_two_processes_of_one_machine_draw_one_random_seed(nursery, tmp_path):
    job = make_job(tmp_path)
    more = ("train.seed=-1", "train.num_epochs=1")
    started = company.start(nursery, job, *more, launcher=company.torchrun, nodes=1)
    assert started.wait() == [0, 0], started.output(0) + started.output(1)
    assert json.loads((job.results / "run_info.json").read_text())["seed"] >= 0


def test_one_process_goes_on_with_what_two_have_begun(nursery, whole, tmp_path):
    done, _ = whole
    job = make_job(tmp_path)
    inside = done.results / "model_epoch_001_step_00003.pth"
    more = f"train.resume_training_checkpoint_path={inside}"
    started = company.start(nursery, job, more, count=1, launcher=lambda *_, **__: {})
    assert started.wait() == [0], started.output(0)
    # 4 of 6 clips are done, so one batch of 2 is left.
    assert "written by 2 processes, 1 go on: from batch 3" in started.output(0)
    assert job.checkpoints() == [LAST]


@pytest.mark.parametrize("nodes", [1, 2])
def test_the_spec_and_the_launcher_must_mean_the_same_machines(nursery, tmp_path, nodes):
    job = make_job(tmp_path).change(train={"num_nodes": 3 - nodes})
    started = company.start(nursery, job, nodes=nodes)
    assert started.wait() == [2, 0]
    told = started.output(0)
    assert f"train.num_nodes: found {3 - nodes}, but srun started processes on {nodes}" in told


def test_other_actions_leave_the_work_to_the_first_process(nursery, whole, tmp_path):
    done, _ = whole
    job = make_job(tmp_path)
    checkpoint = f"evaluate.checkpoint={done.results / LAST}"
    started = company.start(nursery, job, checkpoint, action="evaluate")
    assert started.wait() == [0, 0]
    assert [line["status"] for line in job.status()].count("SUCCESS") == 1
    assert started.output(1) == "evaluate works in one process; this one has nothing to do\n"


# torchrun itself: its agent and both processes load PyTorch (10 s of CPU).
def test_torchrun_starts_a_training(whole, tmp_path):
    job = make_job(tmp_path)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    target = ["-m", "skillbank_runners.launch", *job.arguments("train", *EACH_STEP)]
    ended = subprocess.run(
        [company.PYTHON, *command, *target], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    done, _ = whole
    assert (job.results / LAST).read_bytes() == (done.results / LAST).read_bytes()
