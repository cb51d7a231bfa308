"""`skillbank ask`: plain words are shown for review, refused, or carried out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.sdk.cli.conftest import SKILL, CommandLine, Done, ScriptedPlatform, observation
from tests.sdk.search.conftest import search_bowl

from skillbank.client import Client
from skillbank.job import Job

Submit = Callable[[ScriptedPlatform], tuple[Client, Job]]
PLAIN = "train bowl-train for 3 epochs, no HPO"


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    """The bowl, in real processes."""
    with search_bowl(root) as made:
        yield made.client


def test_a_review_shows_each_step_with_the_words_behind_it(cli: CommandLine, dataset: Path) -> None:
    words = f"train a pose classifier on {dataset} for 3 epochs, no HPO, then export it"

    done = cli("ask", words)

    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == f"step 0: train with {SKILL}"
    assert re.fullmatch(rf"  data\.all +{dataset}", lines[1])
    assert re.fullmatch(r'  train\.num_epochs +3 +"3 epochs"', lines[2])
    assert re.fullmatch(r'  automl_policy +off +"no HPO"', lines[3])
    assert lines[4] == f"step 1: export with {SKILL}"
    assert re.match(r"  parent  step 0\b", lines[5])
    assert lines[-1] == f"nothing runs yet; next: skillbank ask --run {shlex.quote(words)}"


def test_a_review_runs_nothing(cli: CommandLine, client: Client) -> None:
    assert cli("ask", PLAIN).status == 0
    assert (client.jobs(), client.workflows()) == ([], [])


def test_words_need_no_quotes(cli: CommandLine, client: Client) -> None:  # noqa: ARG001 - its skills
    assert cli("ask", *PLAIN.split()).out == cli("ask", PLAIN).out


def test_the_document_holds_what_a_workflow_takes(cli: CommandLine, client: Client) -> None:
    document = cli("ask", f"{PLAIN}, then evaluate it", "--json").document

    assert document["outcome"] == "plan"
    assert [step["action"] for step in document["steps"]] == ["train", "evaluate"]
    assert "automl_policy" not in document["steps"][1]
    said = {one["part"]: one["words"] for one in document["origins"]}
    assert said["steps[0].overrides.train.num_epochs"] == "3 epochs"
    assert len(client.plan_workflow(document["workflow"]).steps) == 2


@pytest.mark.parametrize(
    ("words", "outcome", "told"),
    [
        ("train a model", "ambiguous", SKILL),
        ("train a YOLO detector on /data/x", "unsupported", "YOLO"),
        ("train a pose classifier", "incomplete", "to be given: data of step 0"),
        ("train a pose classifier on /d, turn off AutoML and use ASHA", "contradictory", "AutoML"),
        ("don't train anything", "nothing", "nothing is done"),
        ("", "nothing", "skillbank capabilities"),
        ("resume the last training", "incomplete", "there is no train job yet"),
        ("status of job 7f3a2c", "incomplete", "no job '7f3a2c' below"),
        ("export the pose classifier of job 7f3a2c", "incomplete", "no job '7f3a2c' below"),
    ],
)
@pytest.mark.parametrize("run", [[], ["--run"]], ids=["review", "run"])
def test_what_is_no_plan_is_refused_with_its_reason(
    cli: CommandLine, root: Path, words: str, outcome: str, told: str, run: list[str]
) -> None:
    done = cli("ask", words, *run)
    document = cli("ask", words, *run, "--json").document

    assert done.status == 2
    assert f"{outcome}: " in done.err
    assert told in done.err
    assert (document["outcome"], document["workflow"]) == (outcome, {})
    assert not (root / "jobs").exists()


def test_a_plan_that_cannot_be_run_is_shown_with_its_obstacle(cli: CommandLine) -> None:
    words = "train centerpose on /data/bike, 3 epochs"

    done = cli("ask", words)
    in_json = cli("ask", words, "--json")
    run = cli("ask", words, "--run")

    assert (done.status, in_json.status, run.status) == (2, 2, 2)
    assert done.out.startswith("step 0: train with tao-train-centerpose\n")
    assert done.err.startswith("error: train of tao-train-centerpose is not built yet: ")
    assert "nothing runs yet" not in done.out
    assert in_json.document["outcome"] == "plan"
    assert "is not built yet" in in_json.document["error"]["problems"][0]
    assert "is not built yet" in run.err


def test_one_step_is_a_job_that_is_followed_to_its_end(cli: CommandLine, client: Client) -> None:
    done = cli("ask", PLAIN, "--run")

    (job,) = client.jobs()
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("step 0: train with bowl-train\n")
    assert f"job {job.id}: bowl-train train on local\n" in done.out
    assert "epoch 3/3 " in done.out
    assert "COMPLETE after" in done.out


def test_several_steps_are_a_workflow_that_is_followed(cli: CommandLine, client: Client) -> None:
    done = cli("ask", f"{PLAIN}, then evaluate it", "--run", "--json")

    (workflow,) = client.workflows()
    assert (done.status, done.events[0]["event"]) == (0, "workflow")
    assert [step.state.value for step in workflow.steps] == ["COMPLETE", "COMPLETE"]


def test_a_failed_job_is_the_exit_status(cli: CommandLine, client: Client) -> None:  # noqa: ARG001 - its skills
    done = cli("ask", "train bowl-train with no HPO and train.fail_above=0.01", "--run")

    assert done.status == 1
    assert "the bowl broke at learning rate 0.1" in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (PLAIN, r"next: skillbank wait train-\w{8}"),
        (f"{PLAIN}, then evaluate it", r"next: skillbank workflow wait workflow-\w{8}"),
    ],
)
def test_what_is_detached_returns_at_once(
    cli: CommandLine, client: Client, words: str, told: str
) -> None:
    done = cli("ask", words, "--run", "--detach")

    assert done.status == 0
    assert re.fullmatch(told, done.out.splitlines()[-1])
    for job in client.jobs():
        client.cancel(job.id)


def test_nothing_is_detached_that_is_not_run(cli: CommandLine) -> None:
    done = cli("ask", PLAIN, "--detach", "--json")

    assert done.status == 2
    assert done.document["error"]["message"].startswith("ask --detach: nothing is started without")


def test_a_command_is_named_in_the_review_and_called_with_run(cli: CommandLine) -> None:
    review = cli("ask", "which jobs do I have?")
    run = cli("ask", "which jobs do I have?", "--run")
    listed = cli("jobs")

    assert review.out.splitlines()[0] == "command: skillbank jobs"
    assert (run.status, run.out) == (0, f"this is 'skillbank jobs'\n{listed.out}")
    assert cli("ask", "which jobs do I have?", "--run", "--json").document == []


def test_a_command_gets_the_job_that_was_meant(
    cli: CommandLine, submit: Submit, complete_job: Job
) -> None:
    submit(ScriptedPlatform([observation("RUNNING")]))

    named = cli("ask", f"where is the checkpoint of epoch 1 of job {complete_job.id}?", "--run")
    last = cli("ask", "status of the last training")

    assert named.status == 0, named
    line = f"skillbank resolve {complete_job.id} --checkpoint epoch=1"
    assert named.out.startswith(f"this is '{line}'\n")
    assert named.out.endswith("model_epoch_001_step_00018.pth\n")
    assert complete_job.id not in last.out  # the running one is newer


def test_the_exit_status_of_a_command_is_that_of_the_words(
    cli: CommandLine, complete_job: Job
) -> None:
    done = cli("ask", f"resume job {complete_job.id}", "--run", "--detach")

    assert done.status == 2
    assert f"job {complete_job.id} is COMPLETE" in done.err


@pytest.mark.parametrize("left", ["the last training", "job {id}"])
def test_a_training_that_builds_on_another_names_its_weights(
    cli: CommandLine, complete_job: Job, dataset: Path, left: str
) -> None:
    meant = left.format(id=complete_job.id)

    done: Done = cli("ask", f"fine-tune the pose classifier of {meant} on {dataset}, no HPO")

    assert done.status == 0, done
    weights = complete_job.results / "model_epoch_001_step_00018.pth"
    assert re.search(rf"^  base_checkpoint +{weights}$", done.out, re.MULTILINE)


def test_a_spec_file_that_is_not_there_is_told(cli: CommandLine, dataset: Path) -> None:
    done = cli("ask", f"train a pose classifier on {dataset} with the spec /nowhere/spec.yaml")

    assert done.status == 2
    assert "/nowhere/spec.yaml: no such spec file" in done.err
