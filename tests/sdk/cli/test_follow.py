"""What is told while a job runs and when it ends."""

from __future__ import annotations

import io
import json
import sys

import pytest
from tests.sdk.cli.conftest import SKILL, ScriptedPlatform, epoch_line, observation

from skillbank.bank import SkillBank
from skillbank.cli.follow import follow_job
from skillbank.client import Client
from skillbank.request import JobRequest

# Submitting looks once and following looks once before its first news.
COURSE = [observation(state) for state in (*["QUEUED"] * 3, *["RUNNING"] * 3, "COMPLETE")]
LINES = [
    *[{}] * 3,
    {"status": "STARTED", "message": "training on the CPU"},
    {**epoch_line(0, train_loss=1.5), "step": 4, "max_step": 9},
    epoch_line(0, train_loss=1.25, val_loss=0.75, val_acc=0.5),
    epoch_line(1, train_loss=0.5, val_loss=0.25, val_acc=0.875),
]
CHECKPOINT = {"path": "model_epoch_000_step_00009.pth", "epoch": 0, "step": 9, "metrics": {}}


class Terminal(io.StringIO):
    """A stdout that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def open_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return screen


def test_a_pipe_gets_a_line_per_epoch_and_no_steps(submit, capsys):
    client, job = submit(ScriptedPlatform(COURSE, LINES))

    status = follow_job(client, job, as_json=False, every_s=0)

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[:4] == [
        "queued",
        "training on the CPU",
        "epoch 1/3  train_loss 1.25  val_loss 0.75  val_acc 0.5  eta 0:00:20",
        "epoch 2/3  train_loss 0.5  val_loss 0.25  val_acc 0.875  eta 0:00:20",
    ]


def test_the_end_tells_figures_report_and_the_next_commands(submit, capsys):
    client, job = submit(ScriptedPlatform(COURSE, LINES))

    follow_job(client, job, as_json=False, every_s=0)

    assert capsys.readouterr().out.splitlines()[4:] == [
        "COMPLETE after 0:01:23",
        "train_loss 0.5  val_loss 0.25  val_acc 0.875",
        f"report: {job.results / 'report.html'}",
        f"next: skillbank run {SKILL} evaluate --parent {job.id} --data FOLDER",
        f"next: skillbank run {SKILL} inference --parent {job.id} --data FOLDER",
        f"next: skillbank run {SKILL} export --parent {job.id}",
    ]


@pytest.mark.parametrize("is_labelled", [True, False])
def test_data_that_a_job_made_need_not_be_named_again(root, tmp_path, capsys, is_labelled):
    client = Client(root, platforms={"local": ScriptedPlatform([observation("COMPLETE")])})
    poses = tmp_path / "poses.json"
    poses.write_text("[]")
    request = JobRequest(SKILL, "dataset_convert", overrides={"dataset_convert.data": str(poses)})
    job = client.submit(client.plan_job(request))
    for name in ("train_data.npy", "train_label.pkl", "val_data.npy", "val_label.pkl"):
        if is_labelled:
            (job.results / name).write_bytes(b"")

    follow_job(client, job, as_json=False, every_s=0)

    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("next:")]
    assert told == [f"next: skillbank run {SKILL} train --parent {job.id}"] * is_labelled


def test_a_job_without_a_report_ends_as_well(submit, capsys):
    client, job = submit(ScriptedPlatform(COURSE, LINES, has_report=False))

    assert follow_job(client, job, as_json=False, every_s=0) == 0
    assert "report" not in capsys.readouterr().out


def test_why_a_job_failed_is_told_once(submit, capsys):
    line = {"status": "FAILURE", "message": "no disk"}
    course = [observation("RUNNING")] * 3 + [observation("ERROR", "no disk")]
    client, job = submit(ScriptedPlatform(course, [{}] * 3 + [line]))

    follow_job(client, job, as_json=False, every_s=0)

    told = capsys.readouterr()
    assert (told.out + told.err).count("no disk") == 1


def test_a_pause_is_no_failure_and_says_how_to_go_on(submit, capsys):
    detail = "paused after epoch 2 of 3; 'skillbank resume train-x' goes on"
    line = {**epoch_line(1, val_loss=0.25), "message": "paused after epoch 2 of 3", "paused": True}
    course = [*COURSE[:-1], observation("PAUSED", detail)]
    client, job = submit(
        ScriptedPlatform(course, [*LINES[:-1], epoch_line(1, val_loss=0.25), line])
    )

    status = follow_job(client, job, as_json=False, every_s=0)

    told = capsys.readouterr()
    assert (status, told.err) == (0, "")
    assert told.out.splitlines()[-1] == f"PAUSED after 0:01:23: {detail}"
    assert told.out.count("epoch 2/3") == 1


def test_what_the_last_line_adds_is_shown_with_the_figures_of_the_last_epoch(submit, capsys):
    last = {"status": "SUCCESS", "message": "done", "kpi": {"num_parameters": 3098432.0}}
    course = [*COURSE[:-1], *COURSE[-2:]]
    client, job = submit(ScriptedPlatform(course, [*LINES, last]))

    follow_job(client, job, as_json=False, every_s=0)

    assert "val_acc 0.875  num_parameters 3098432" in capsys.readouterr().out


@pytest.mark.parametrize("state", ["ERROR", "CANCELED", "LOST"])
def test_a_job_that_did_not_complete_says_why_and_what_helps(submit, capsys, state):
    client, job = submit(ScriptedPlatform([observation("RUNNING"), observation(state, "no disk")]))

    status = follow_job(client, job, as_json=False, every_s=0)

    err = capsys.readouterr().err
    assert status == 1
    assert err.startswith(f"{state} after 0:01:23: no disk\n")
    assert f"skillbank logs {job.id}" in err
    assert f"skillbank resume {job.id}" in err


def test_json_is_one_event_per_line_from_the_first_state_to_the_end(submit, capsys):
    client, job = submit(ScriptedPlatform(COURSE, LINES))

    status = follow_job(client, job, as_json=True, every_s=0)

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert status == 0
    told = [event["event"] for event in events]
    assert told == ["job", "job", "status", "status", "status", "status", "end"]
    assert events[0]["job"]["state"] == "QUEUED"
    assert events[4]["kpi"] == {"train_loss": 1.25, "val_loss": 0.75, "val_acc": 0.5}
    assert events[-1]["job"]["state"] == "COMPLETE"


def test_a_terminal_gets_a_bar_with_epoch_loss_accuracy_and_time_left(submit, monkeypatch):
    terminal = open_terminal(monkeypatch)
    client, job = submit(ScriptedPlatform(COURSE, LINES))

    follow_job(client, job, as_json=False, every_s=0)

    shown = terminal.getvalue()
    assert "epoch 2/3" in shown
    assert "train_loss 0.5" in shown
    assert "val_acc 0.875" in shown
    assert "0:00:20" in shown
    assert "COMPLETE" in shown


def test_an_epoch_that_has_no_finite_loss_is_still_shown(submit, capsys):
    lines = [{**epoch_line(0), "kpi": {"val_loss": None, "val_acc": 0.25}}]
    client, job = submit(ScriptedPlatform([observation("COMPLETE")], lines))

    follow_job(client, job, as_json=False, every_s=0)

    assert "epoch 1/3  val_loss not finite  val_acc 0.25" in capsys.readouterr().out


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(submit, capsys):
    class Interrupting(ScriptedPlatform):
        def poll(self, plan, attempt):
            seen = super().poll(plan, attempt)
            if self.looks > 2:
                raise KeyboardInterrupt
            return seen

    client, job = submit(Interrupting([observation("RUNNING")]))

    status = follow_job(client, job, as_json=False, every_s=0)

    err = capsys.readouterr().err
    assert status == 130
    assert f"job {job.id} goes on" in err
    assert f"'skillbank wait {job.id}'" in err
    assert f"'skillbank cancel {job.id}'" in err


def test_status_lines_of_a_foreign_shape_end_no_following(submit, capsys, monkeypatch):
    lines = [{"note": "no message"}, {"max_epoch": 3, "kpi": {"val_loss": 1.0}}, {"max_step": 4}]
    client, job = submit(ScriptedPlatform(COURSE, [{}] * 3 + lines))

    assert follow_job(client, job, as_json=False, every_s=0) == 0
    assert "epoch 1/3  val_loss 1" in capsys.readouterr().out
    terminal = open_terminal(monkeypatch)
    assert follow_job(client, job, as_json=False, every_s=0) == 0
    assert "0/4" in terminal.getvalue()


def test_an_action_that_counts_steps_moves_the_bar_by_them(submit, monkeypatch):
    terminal = open_terminal(monkeypatch)
    lines = [{"message": "clip 32", "step": 32, "max_step": 128}]
    client, job = submit(ScriptedPlatform(COURSE, [{}] * 3 + lines))

    follow_job(client, job, as_json=False, every_s=0)

    assert "32/128" in terminal.getvalue()


def test_a_job_of_a_skill_that_is_not_in_the_bank_ends_as_well(submit, capsys):
    client, job = submit(ScriptedPlatform([observation("COMPLETE")]))
    elsewhere = Client(client.root, bank=SkillBank([]), platforms=client.platforms)

    assert follow_job(elsewhere, job, as_json=False, every_s=0) == 0
    assert "COMPLETE" in capsys.readouterr().out


def test_an_evaluation_is_followed_by_what_else_its_parent_allows(submit, capsys):
    client, train = submit(ScriptedPlatform([observation("COMPLETE")], checkpoints=[CHECKPOINT]))
    request = JobRequest(SKILL, "export", parent_job_id=train.id)
    export = client.submit(client.plan_job(request))

    follow_job(client, export, as_json=False, every_s=0)

    next_lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("next:")]
    assert next_lines == [
        f"next: skillbank run {SKILL} evaluate --parent {train.id} --data FOLDER",
        f"next: skillbank run {SKILL} inference --parent {train.id} --data FOLDER",
    ]
