"""What is told of a search while it runs, when it ends, and when it is asked for."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console
from tests.sdk.cli.conftest import SKILL, ScriptedPlatform, observation
from tests.sdk.cli.test_follow import open_terminal
from tests.sdk.search.searches import (
    make_failed_search,
    make_pareto_search,
    make_running_search,
    make_search,
    summarize,
)

from skillbank.automl.history import TrialState
from skillbank.automl.result import FILE, write_result
from skillbank.cli.follow import follow_job
from skillbank.cli.search_view import draw_table
from skillbank.cli.search_words import choose_trials, progress_line, search_facts
from skillbank.client import Client
from skillbank.request import JobRequest

BEGUN = make_search(1)
DONE = make_search(3)


@dataclass
class SearchingPlatform(ScriptedPlatform):
    """A machine on which a search goes one way: what it has found so far, per look."""

    found: tuple[Any, ...] = ()

    def poll(self, plan, attempt):
        if self.found:
            write_result(plan.results / FILE, self.found[min(self.looks, len(self.found) - 1)])
        return super().poll(plan, attempt)


def line(message, status="RUNNING"):
    return {"status": status, "message": message}


# Submitting looks once and following looks once before its first news.
LINES = [
    *[{}] * 2,
    line("automl started", "STARTED"),
    line("trial 1: lr=0.01 (tpe)"),
    line("trial 1: epoch 1/27 val_loss 1.5"),
    line("final evaluation of trial 0"),
]
COURSE = [observation(state) for state in (*["RUNNING"] * 6, "COMPLETE")]


def searching(**changes):
    found = (*[make_search(0)] * 3, BEGUN, BEGUN, DONE)
    return SearchingPlatform(**{"course": COURSE, "lines": LINES, "found": found, **changes})


@pytest.fixture
def start(root, dataset):
    """Submit a search to a platform; the client that follows it there."""

    def submit(platform):
        client = Client(root, platforms={"local": platform})
        job = client.submit(client.plan_job(JobRequest(SKILL, "train", data={"all": str(dataset)})))
        assert job.route == "automl"
        return client, job

    return submit


def drawn(result, width, height=24):
    """What a terminal of that size would show of all trials."""
    screen = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    screen.print(draw_table(result, list(result.history), width))
    return screen.file.getvalue().splitlines()


def test_a_pipe_gets_a_line_per_event_and_the_standing_when_a_trial_has_ended(start, capsys):
    client, job = start(searching())

    status = follow_job(client, job, as_json=False, every_s=0)

    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[:3] == [
        "automl started",
        "  0/0 trials, best val_loss 0.571 (trial 0), baseline 0.571",
        "trial 1: lr=0.01 (tpe)",
    ]
    assert "  1/1 trials, best val_loss 0.571 (trial 0), baseline 0.571" in lines
    assert not any("epoch 1/27" in each for each in lines)
    assert "final evaluation of trial 0" in lines


def test_the_end_of_a_search_tells_best_gain_final_evaluation_and_what_next(start, capsys):
    better = make_search(40)
    client, job = start(searching(found=(better,)))

    follow_job(client, job, as_json=False, every_s=0)

    out = capsys.readouterr().out
    end = out[out.index("COMPLETE after") :].splitlines()
    best = better.best
    assert end[1] == f"best: val_loss {best.metric_value:.4g}, trial {best.trial} after 27 epochs"
    assert end[2].startswith(f"baseline: val_loss {better.baseline.metric_value:.4g}, gain +")
    assert end[3].startswith("final: val_acc 0.906, baseline 0.844, gain +0.062 (+7.3 %)")
    assert f"report: {job.results / 'report.html'}" in end
    assert f"next: skillbank run {SKILL} evaluate --parent {job.id} --data FOLDER" in end


def test_a_search_that_failed_says_where_to_look(start, capsys):
    failing = [observation("RUNNING"), observation("ERROR", "no disk")]
    client, job = start(searching(found=(make_failed_search(),), course=failing))

    status = follow_job(client, job, as_json=False, every_s=0)

    assert status == 1
    assert f"'skillbank automl result {job.id}'" in capsys.readouterr().err


def test_a_search_that_left_no_result_ends_like_any_job(start, capsys):
    client, job = start(searching(found=()))

    assert follow_job(client, job, as_json=False, every_s=0) == 0
    assert "COMPLETE after 0:01:23" in capsys.readouterr().out


def test_json_adds_an_event_with_the_trials_that_changed(start, capsys):
    client, job = start(searching())

    follow_job(client, job, as_json=True, every_s=0)

    events = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    told = [event["event"] for event in events]
    assert told[0] == "job"
    assert told[-1] == "end"
    assert told.count("status") == 4
    searches = [event for event in events if event["event"] == "search"]
    assert [[t["trial"] for t in event["trials"]] for event in searches] == [[0], [1], [2, 3]]
    assert searches[0]["best"] == {"trial": 0, "metric_value": 0.571}
    assert searches[0]["progress"]["proposed"] == 0
    keys = {"trial", "job_id", "state", "metric", "epochs", "target_epochs"}
    assert set(searches[0]["trials"][0]) == keys


def test_a_terminal_gets_a_table_that_redraws_itself(start, monkeypatch):
    terminal = open_terminal(monkeypatch)
    client, job = start(searching())

    follow_job(client, job, as_json=False, every_s=0)

    shown = terminal.getvalue()
    assert "TRIAL" in shown
    assert "val_loss" in shown
    assert "3/3 trials" in shown
    assert "final evaluation of trial 0" in shown
    assert "trial 1: lr=0.01 (tpe)" not in shown  # the table has it


def test_a_terminal_says_that_the_search_waits_until_there_is_a_table(start, monkeypatch):
    terminal = open_terminal(monkeypatch)
    waiting = [observation("QUEUED", "2 jobs before it")] * 4 + [observation("COMPLETE")]
    client, job = start(searching(found=(), course=waiting))

    follow_job(client, job, as_json=False, every_s=0)

    assert "search queued 2 jobs before it" in terminal.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("make", [make_search, make_running_search, make_pareto_search])
def test_every_trial_takes_one_line_that_fits(make, width):
    result = make()

    lines = drawn(result, width)

    assert len(lines) == len(result.history) + 1
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (80, ["TRIAL", "STATE", "EPOCHS", "val_loss", "TIME", "ORIGIN", "WHAT"]),
        (60, ["TRIAL", "STATE", "EPOCHS", "val_loss", "WHAT"]),
        (40, ["TRIAL", "STATE", "EPOCHS", "val_loss"]),
    ],
)
def test_a_narrow_terminal_leaves_out_what_matters_least(width, columns):
    assert drawn(make_search(), width)[0].split() == columns


def test_the_best_trial_is_marked_and_a_failure_is_explained():
    result = make_search(20)

    text = "\n".join(drawn(result, 200))

    assert f"{result.best.trial}*  complete" in text
    assert "diverged: val_loss became NaN" in text or "memory" in text


@pytest.mark.parametrize("most", range(12))
def test_a_low_terminal_shows_the_best_then_those_that_train(most):
    result = make_running_search(30)

    shown = [record.trial for record in choose_trials(result, most)]

    active = [r.trial for r in result.history if r.state.is_active]
    assert len(shown) == most
    assert shown == sorted(shown)
    assert (result.best.trial in shown) is (most > 0)
    assert len(set(active) & set(shown)) == min(len(active), max(most - 1, 0))


def test_a_high_terminal_shows_all_trials():
    result = make_search(20)

    assert choose_trials(result, 21) == list(result.history)


def test_the_time_left_goes_down_between_two_writings():
    result = make_running_search()

    assert "eta 0:25:20" in progress_line(result, 0.0)
    assert "eta 0:25:10" in progress_line(result, 10.0)


def test_the_time_left_follows_the_pace_once_the_estimate_is_over():
    result = make_running_search()
    late = result.progress.model_copy(update={"eta_s": 0.0, "elapsed_s": 600.0})

    told = progress_line(result.model_copy(update={"progress": late}), 0.0)

    # Of 20 trials 6 have ended and 3 have begun, so 7.5 are done after 600 s.
    assert "6/20 trials, eta 0:16:40" in told


@pytest.mark.parametrize("result", [make_search(3), summarize((), 20), make_failed_search()])
def test_no_time_is_told_where_none_is_known(result):
    assert "eta" not in progress_line(result, 0.0)


def test_the_facts_of_a_search_without_a_result_say_why():
    facts = dict(search_facts(make_failed_search()))

    assert facts["state"] == "stopped: the baseline and the first 4 recommendations failed"
    assert facts["baseline"] == "no value, FAILURE"
    assert "best" not in facts
    assert facts["trials"] == "5: 5 failed"


def test_the_facts_of_a_pareto_search_name_its_set():
    result = make_pareto_search()

    facts = dict(search_facts(result))

    assert facts["pareto"] == f"trials {', '.join(map(str, result.pareto_front))}"
    assert "val_acc, higher is better and latency_ms, lower is better" in facts["search"]


def finish(start, result, *, state="COMPLETE"):
    """A search that has ended and left this result."""
    client, job = start(searching(found=(result,), course=[observation(state, "no disk")]))
    return client.job(job.id)


def test_the_result_of_a_search_is_shown_with_every_trial(start, cli):
    result = make_search(20)
    job = finish(start, result)

    done = cli("automl", "result", job.id)

    assert done.status == 0
    assert f"job       {job.id}, COMPLETE" in done.out
    rows = [each.split() for each in done.out.splitlines()]
    states = [r.state.value for r in result.history]
    assert [row[1] for row in rows if row and row[0].rstrip("*").isdigit()] == states
    assert "train.optim.optimizer_type  torch.optim.AdamW" in done.out
    assert f"next: skillbank run {SKILL} evaluate --parent {job.id}" in done.out


def test_a_result_is_shown_while_the_search_runs(start, cli):
    client, job = start(searching(found=(make_running_search(),), course=[observation("RUNNING")]))
    client.job(job.id)

    # The command line's own client looks at a machine on which this job never was.
    done = cli("automl", "result", job.id)

    assert "eta" not in done.out
    assert "best      val_loss 0.4176, trial 5" in done.out


def test_a_search_that_was_interrupted_says_so_and_how_to_go_on(start, cli):
    job = finish(start, make_running_search(), state="ERROR")

    done = cli("automl", "result", job.id)

    assert "state     interrupted: no disk" in done.out
    assert f"next: skillbank resume {job.id}" in done.out


def test_the_result_as_json_is_the_whole_document(start, cli):
    result = make_search(6)
    job = finish(start, result)

    document = cli("automl", "result", job.id, "--json").document

    assert document.pop("job_id") == job.id
    assert document.pop("job_state") == "COMPLETE"
    assert document == result.model_dump(mode="json")


def test_a_job_without_a_result_is_told_apart(start, cli):
    client, job = start(searching(found=(), course=[observation("COMPLETE")]))
    client.job(job.id)

    done = cli("automl", "result", job.id)

    assert done.status == 2
    assert "search.json: no such file" in done.err
    assert "skillbank status JOB" in done.err


def test_trials_that_wait_are_counted_as_running():
    result = make_running_search()

    assert any(record.state is TrialState.WAITING for record in result.history)
    assert "2 running" in dict(search_facts(result))["trials"]
