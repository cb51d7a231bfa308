"""An interrupted training ends in the same bytes as one that ran through."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from tests.runners.conftest import make_job

from skillbank_runners.launch import main

FINAL = "model_epoch_001_step_00006.pth"
# A training that stands still, as if by SIGSTOP from outside, once it has written a checkpoint.
STANDING = """
import os, signal, sys
from skillbank_runners.launch import main
from skillbank_runners.training import callbacks

def point_latest(link, target, point=callbacks.point_latest):
    point(link, target)
    if target.name == "model_epoch_000_step_00003.pth":
        os.kill(os.getpid(), signal.SIGSTOP)

callbacks.point_latest = point_latest
sys.exit(main(sys.argv[1:]))
"""


def test_the_same_seed_gives_the_same_bytes_in_another_folder(trained, tmp_path):
    assert main([*make_job(tmp_path / "elsewhere").arguments()]) == 0
    again = tmp_path / "elsewhere" / "results" / FINAL
    assert again.read_bytes() == (trained.results / FINAL).read_bytes()


def test_another_seed_gives_other_weights(trained, job):
    assert main(job.arguments("train", "train.seed=7")) == 0
    assert (job.results / FINAL).read_bytes() != (trained.results / FINAL).read_bytes()


def test_a_longer_training_goes_on_where_a_shorter_one_ended(trained, job):
    assert main(job.arguments("train", "train.num_epochs=1")) == 0
    assert main(job.arguments("train", "train.num_epochs=2")) == 0
    assert (job.results / FINAL).read_bytes() == (trained.results / FINAL).read_bytes()


def test_a_random_seed_is_kept_when_a_training_goes_on(job):
    assert main(job.arguments("train", "train.seed=-1", "train.num_epochs=1")) == 0
    assert main(job.arguments("train", "train.seed=-1")) == 0
    seeds = [
        torch.load(path, weights_only=True)["hyper_parameters"]["seed"]
        for path in sorted(job.results.glob("model_epoch_*.pth"))
    ]
    assert seeds[0] == seeds[1]


def test_a_finished_training_says_so_and_changes_nothing(job, capsys):
    assert main(job.arguments("train", "train.num_epochs=1")) == 0
    before = (job.results / "pc_model_latest.pth").read_bytes()
    capsys.readouterr()
    assert main(job.arguments("train", "train.num_epochs=1")) == 0
    assert "already trained for 1 epochs" in capsys.readouterr().out
    assert (job.results / "pc_model_latest.pth").read_bytes() == before
    assert job.status()[-1]["status"] == "SUCCESS"


def test_the_newest_checkpoint_is_found_when_the_link_was_not_written_yet(job, capsys):
    assert main(job.arguments("train", "train.num_epochs=1")) == 0
    (job.results / "pc_model_latest.pth").unlink()
    assert main(job.arguments()) == 0
    assert "resuming from model_epoch_000_step_00003.pth" in capsys.readouterr().out


def test_a_named_checkpoint_is_resumed_in_another_folder(trained, job):
    start = trained.results / "model_epoch_000_step_00003.pth"
    assert main(job.arguments("train", f"train.resume_training_checkpoint_path={start}")) == 0
    assert job.checkpoints() == [FINAL]
    assert (job.results / FINAL).read_bytes() == (trained.results / FINAL).read_bytes()


def test_half_written_files_of_a_killed_process_are_removed(job):
    job.results.mkdir()
    left = job.results / ".model_epoch_000_step_00003.pth.123.tmp"
    left.write_bytes(b"half")
    assert main(job.arguments("train", "train.num_epochs=1")) == 0
    assert not left.exists()


# Several real processes, each of which loads PyTorch (3 s of CPU): nothing else proves a kill.
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_is_resumed_to_the_same_bytes(job, trained, signum):
    process = start_training(job)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "the training ended before it could be killed"
    process.send_signal(signum)
    process.send_signal(signal.SIGCONT)
    code = process.wait(timeout=60)
    assert code == (-signum if signum == signal.SIGKILL else 143)
    assert main(job.arguments()) == 0
    assert (job.results / FINAL).read_bytes() == (trained.results / FINAL).read_bytes()


def start_training(job):
    command = [sys.executable, "-c", STANDING, *job.arguments()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
