"""Commands about jobs that are there: `jobs`, `status`, `logs`, `wait`, `cancel`, `resume`."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from tests.sdk.cli.conftest import SKILL, ScriptedPlatform, observation

from skillbank.cli.options import Options
from skillbank.client import Client
from skillbank.errors import JobConflict, PlatformError
from skillbank.plan import JobPlan


def test_jobs_of_an_empty_root_say_how_to_start_one(cli):
    done = cli("jobs")

    assert done.status == 0
    assert done.out == "no jobs. Start one with 'skillbank run SKILL ACTION'.\n"


def test_jobs_lists_the_newest_first_with_state(cli, submit):
    _, first = submit(ScriptedPlatform([observation("COMPLETE")]))
    _, second = submit(ScriptedPlatform([observation("ERROR", "no space left")]))

    heading, newest, oldest = cli("jobs").out.splitlines()

    assert heading.split() == ["JOB", "STATE", "SUBMITTED", "ACTION", "SKILL", "DETAIL"]
    assert newest.split() == [
        *(second.id, "ERROR", "0", "s", "ago", "train", SKILL),
        *("no", "space", "left"),
    ]
    assert oldest.split()[:2] == [first.id, "COMPLETE"]


@pytest.mark.parametrize(
    ("arguments", "states"),
    [
        (["--state", "error"], ["ERROR"]),
        (["--state", "COMPLETE"], ["COMPLETE"]),
        (["--limit", "1"], ["ERROR"]),
        (["--skill", "another"], []),
        ([], ["ERROR", "COMPLETE"]),
    ],
)
def test_jobs_can_be_narrowed_down(cli, submit, arguments, states):
    submit(ScriptedPlatform([observation("COMPLETE")]))
    submit(ScriptedPlatform([observation("ERROR", "x")]))

    listed = cli("jobs", "--json", *arguments).document

    assert [job["state"] for job in listed] == states


def test_an_unknown_state_is_refused_with_the_nearest_one(cli):
    done = cli("jobs", "--state", "CANCELLED")

    assert done.status == 2
    assert "state: no state is named 'CANCELLED'; did you mean 'CANCELED'?" in done.err


def test_status_shows_one_job_by_the_beginning_of_its_id(cli, complete_job):
    out = cli("status", complete_job.id[:-3]).out

    facts = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in out.splitlines()}
    assert facts["job"] == f"{complete_job.id}, attempt 1"
    assert facts["state"] == "COMPLETE"
    assert facts["folder"] == str(complete_job.folder)
    assert facts["progress"] == "epoch 2 is done"
    assert "0:01:23" in out


def test_status_of_a_failed_job_answers_and_exits_0(cli, submit):
    client, job = submit(ScriptedPlatform([observation("ERROR", "the disk is full")]))
    client.job(job.id)

    done = cli("status", job.id)

    assert done.status == 0
    assert "the disk is full" in done.out


def test_status_as_json_holds_the_record_and_the_last_status_line(cli, complete_job):
    document = cli("status", complete_job.id, "--json").document

    assert document["id"] == complete_job.id
    assert document["state"] == "COMPLETE"
    assert document["results"] == str(complete_job.results)
    assert document["results_uri"] == ""
    assert document["progress"]["kpi"] == {"val_loss": 0.7, "val_acc": 0.9}


def test_a_job_as_json_tells_the_uri_of_its_results(cli, complete_job):
    path = complete_job.folder / "plan.json"
    plan = replace(JobPlan.from_json(path.read_text()), results_uri="s3://team/runs/one")
    path.write_text(plan.to_json())

    assert cli("status", complete_job.id, "--json").document["results_uri"] == "s3://team/runs/one"


def test_a_job_whose_folder_is_gone_is_listed_as_json(cli, complete_job):
    shutil.rmtree(complete_job.folder)

    assert [one["results_uri"] for one in cli("jobs", "--json").document] == [""]


@pytest.mark.parametrize(
    ("arguments", "log"),
    [([], "one\ntwo\nthree\n"), (["--tail", "2"], "two\nthree\n"), (["-f"], "one\ntwo\nthree\n")],
)
def test_logs_print_what_the_job_printed(cli, complete_job, arguments, log):
    done = cli("logs", complete_job.id, *arguments)

    assert (done.status, done.out) == (0, log)


def test_logs_that_follow_begin_with_the_tail_that_was_asked_for(cli, complete_job):
    assert cli("logs", complete_job.id, "-f", "--tail", "1").out == "three\n"


def test_logs_as_json_is_one_document_or_an_event_per_line_when_following(cli, complete_job):
    whole = cli("logs", complete_job.id, "--json").document
    followed = cli("logs", complete_job.id, "--json", "-f").events

    assert whole == {"job": complete_job.id, "log": "one\ntwo\nthree\n"}
    assert followed == [{"event": "log", "line": x} for x in ("one", "two", "three")]


@pytest.mark.parametrize(
    ("state", "status"),
    [("COMPLETE", 0), ("PAUSED", 0), ("ERROR", 1), ("CANCELED", 1), ("LOST", 1)],
)
def test_wait_exits_as_the_job_ended(cli, submit, state, status):
    client, job = submit(ScriptedPlatform([observation(state, "why it ended")]))
    client.job(job.id)

    done = cli("wait", job.id)
    as_json = cli("wait", job.id, "--json")

    assert (done.status, as_json.status) == (status, status)
    assert state in done.out + done.err
    assert as_json.document["state"] == state


def test_cancel_of_an_ended_job_leaves_it_as_it_is(cli, complete_job):
    done = cli("cancel", complete_job.id)

    assert done.status == 0
    assert f"job {complete_job.id}: COMPLETE" in done.out


def test_resume_of_a_complete_job_is_refused(cli, complete_job):
    done = cli("resume", complete_job.id)

    assert done.status == 2
    assert "COMPLETE" in done.err
    assert "--base-checkpoint" in done.err


@pytest.mark.parametrize(
    "command", ["status", "logs", "wait", "cancel", "resume", "resolve", "report"]
)
def test_an_unknown_job_is_refused_by_every_command(cli, complete_job, command):
    wrong = complete_job.id[:-1] + "0"

    done = cli(command, wrong, "--json")

    assert done.status == 2
    assert f"no job '{wrong}'" in done.err
    assert f"did you mean '{complete_job.id}'?" in done.err
    assert done.document["error"]["type"] == "JobNotFound"


@pytest.fixture
def moved(root, submit, cli, monkeypatch):
    """A job that failed here, and the command line that resumes it on SLURM's kind of settings."""
    _, job = submit(ScriptedPlatform([observation("ERROR", "no space left")]))
    cluster = ScriptedPlatform([observation("PAUSED")])
    cluster.job_settings = lambda: {"partition": str}
    here = ScriptedPlatform([observation("ERROR", "no space left")])
    here.job_settings = lambda: {"max_parallel": int}
    places = {"local": here, "cluster": cluster}
    monkeypatch.setattr(Options, "client", lambda _: Client(root, platforms=places))
    cli("resume", job.id, "--detach", "--resource", "max_parallel=2")
    return job


def test_resume_says_which_resources_stay_behind(cli, moved):
    done = cli("resume", moved.id, "--platform", "cluster", "--resource", "partition=a100")

    assert f"job {moved.id}: attempt 3 of {SKILL} train on cluster" in done.out
    assert "note: attempt 3: it runs on 'cluster'" in done.out
    assert "hold no longer: max_parallel=2." in done.out
    assert "attempt 3: it runs on 'cluster'" in cli("status", moved.id).out


def test_resources_that_stay_behind_are_in_the_answer_as_json(cli, moved):
    done = cli("resume", moved.id, "--platform", "cluster", "--detach", "--json")

    assert done.document["notes"][-1].endswith("hold no longer: max_parallel=2.")


def test_a_resource_of_resume_without_a_value_is_refused(cli, moved):
    done = cli("resume", moved.id, "--resource", "partition")

    assert done.status == 2
    assert "--resource 'partition': expected KEY=VALUE" in done.err


class Refusing(ScriptedPlatform):
    """Takes no job, as a scheduler that knows no such node."""

    def submit(self, plan, attempt):  # noqa: ARG002
        raise PlatformError("sbatch failed: Invalid node name specified.")


def test_a_job_that_its_platform_refused_tells_why_and_what_starts_it(cli, submit):
    with pytest.raises(PlatformError) as refused:
        submit(Refusing([]))

    (job,) = cli("jobs", "--json").document
    listed, detail = cli("jobs"), cli("status", job["id"]).out
    assert job["state"] == "ERROR"
    assert "sbatch failed: Invalid node name specified." in listed.out
    assert f"'skillbank resume {job['id']}' tries it again" in listed.err
    assert str(refused.value) in detail
    assert f"'skillbank resume {job['id']}' starts it, with '--resource KEY=VALUE'" in detail


def test_a_corrected_request_under_the_key_of_a_refused_job_is_shown_the_way(root, dataset):
    client = Client(root, platforms={"local": Refusing([])})
    asked = {"data": {"all": str(dataset)}, "automl_policy": "off", "idempotency_key": "nightly"}
    with pytest.raises(PlatformError):
        client.create_job(SKILL, "train", **asked)
    (job,) = client.jobs()

    with pytest.raises(JobConflict, match=f"ended as ERROR: 'skillbank resume {job.id}' tries it"):
        client.create_job(SKILL, "train", **asked, resources={"retries": 1})


def test_a_request_that_is_repeated_after_a_refusal_says_how_its_job_ended(
    cli, root, dataset, monkeypatch
):
    client = Client(root, platforms={"local": Refusing([])})
    monkeypatch.setattr(Options, "client", lambda _: client)
    words = ("run", SKILL, "train", "--data", dataset, "--automl", "off", "--detach")
    cli(*words, "--idempotency-key", "nightly")

    again = cli(*words, "--idempotency-key", "nightly")

    assert again.status == 1
    assert "ERROR" in again.err + again.out
    assert "sbatch failed: Invalid node name specified." in again.err + again.out
