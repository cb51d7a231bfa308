"""A training that goes on from within an epoch ends in the same bytes as one that ran through."""

import shutil

import pytest
from tests.runners.conftest import make_job

from skillbank_runners.launch import main

# Where a training stops and goes on does not depend on how wide its layers are.
pytestmark = pytest.mark.usefixtures("tiny_networks")

FINAL = "model_epoch_001_step_00006.pth"
EACH_STEP = ("train.checkpoint_interval_unit=step", "train.checkpoint_interval=1")
VARIANTS = {
    "MultiStep": ("train.optim.lr_steps=[1]",),
    "AutoReduce": ("train.optim.lr_scheduler=AutoReduce", "train.optim.lr_monitor=train_loss"),
    "Adam": ("train.optim.optimizer_type=torch.optim.Adam", "train.optim.lr=0.001"),
    "augmented": (
        "dataset.random_choose=true",
        "dataset.random_move=true",
        "dataset.window_size=5",
        "train.grad_clip=1.0",
    ),
    "prepared": (
        "dataset.preprocessing.centring=first_frame",
        "dataset.preprocessing.sampling=uniform",
        "dataset.preprocessing.streams=[joint, motion]",
        "dataset.augmentation.rotation_deg=20",
        "dataset.augmentation.flip=0.5",
        "dataset.augmentation.time_warp=0.2",
        "dataset.window_size=5",
    ),
}


@pytest.fixture(scope="module", params=VARIANTS)
def whole(request, tmp_path_factory):
    """An uninterrupted training with a checkpoint after each of its 6 steps, and its overrides."""
    job = make_job(tmp_path_factory.mktemp("whole"))
    overrides = (*EACH_STEP, *VARIANTS[request.param])
    assert main(job.arguments("train", *overrides)) == 0
    return job, overrides


# Trainings of up to 4 steps, each about 1 s: from inside the first and the last epoch.
@pytest.mark.parametrize("last", ["000_step_00002", "001_step_00004"])
def test_going_on_from_any_step_gives_the_same_bytes(whole, last, tmp_path):
    done, overrides = whole
    name = f"model_epoch_{last}.pth"
    part = tmp_path / "results"
    part.mkdir()
    shutil.copy(done.results / name, part)
    (part / "pc_model_latest.pth").symlink_to(name)
    arguments = ["pose_classification", "train", "-e", str(done.spec), "--results", str(part)]
    assert main([*arguments, *overrides]) == 0
    assert (part / FINAL).read_bytes() == (done.results / FINAL).read_bytes()
