"""`resolve` and `report`."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("selection", "name"),
    [
        ("best", "model_epoch_001_step_00018.pth"),
        ("latest", "model_epoch_002_step_00027.pth"),
        ("epoch=1", "model_epoch_001_step_00018.pth"),
        ("step=27", "model_epoch_002_step_00027.pth"),
    ],
)
def test_resolve_prints_nothing_but_the_path(cli, complete_job, selection, name):
    done = cli("resolve", complete_job.id, "--checkpoint", selection)

    assert (done.status, done.out) == (0, f"{complete_job.results / name}\n")


def test_resolve_can_explain_its_choice_among_the_others(cli, complete_job):
    path, _, reason, _, heading, first, second = cli(
        "resolve", complete_job.id, "--explain"
    ).out.splitlines()

    assert path.endswith("model_epoch_001_step_00018.pth")
    assert "lowest val_loss" in reason
    assert heading.split()[:3] == ["FILE", "EPOCH", "STEP"]
    assert first.startswith("chosen  model_epoch_001")
    assert first.endswith("val_loss 0.5  val_acc 0.8")
    assert "chosen" not in second


def test_resolve_as_json_holds_checkpoint_reason_and_candidates(cli, complete_job):
    document = cli("resolve", complete_job.id, "--json").document

    assert document["checkpoint"]["epoch"] == 1
    assert len(document["candidates"]) == 2
    assert "val_loss" in document["reason"]


def test_resolve_of_what_is_not_there_lists_what_is(cli, complete_job):
    done = cli("resolve", complete_job.id, "--checkpoint", "epoch=7")

    assert done.status == 2
    assert "epoch 7" in done.err
    assert "model_epoch_002_step_00027.pth" in done.err


def test_report_prints_its_path(cli, complete_job):
    path = complete_job.results / "report.html"

    assert cli("report", complete_job.id).out == f"{path}\n"
    assert cli("report", complete_job.id, "--json").document["report"] == str(path)
