"""The jobs that a sentence means, and its steps as a workflow takes them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.sdk.toy import TOY, RecordingPlatform, make_plan

from skillbank.artefacts import Checkpoint
from skillbank.asking import JobFinder
from skillbank.checkpoints import Resolution
from skillbank.client import Client
from skillbank.errors import CheckpointNotFound, JobNotFound
from skillbank.job import Job, JobState
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.words.answer import Answer, AskedStep, Command, Missing, Origin, Outcome, ParentRef
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

OTHER = "other-train"
WEIGHTS = Path("/jobs/a/results/model.pth")


def job(name: str, action: str = "train", *, skill: str = TOY, state: str = "COMPLETE") -> Job:
    return Job(
        id=name,
        skill=skill,
        action=action,
        state=JobState(state),
        detail="",
        attempt=1,
        folder=Path("/jobs") / name,
        parent_job_id=None,
        route="direct",
        platform="local",
        created_at=1.0,
    )


class Jobs:
    """Jobs as a client has them, newest first."""

    def __init__(self, *jobs: Job) -> None:
        self.all = list(jobs)
        self.resolved: list[tuple[str, str]] = []

    def find(self, name: str) -> Job:
        for one in self.all:
            if one.id.startswith(name):
                return one
        raise JobNotFound(f"no job {name!r} below /jobs")

    def newest(self, limit: int) -> list[Job]:
        return self.all[:limit]

    def resolve(self, name: str, rule: str) -> Resolution:
        self.resolved.append((name, rule))
        if self.find(name).state is not JobState.COMPLETE:
            raise CheckpointNotFound(f"{name} holds no checkpoint")
        return Resolution(Checkpoint(WEIGHTS), "the only one", ())

    @property
    def finder(self) -> JobFinder:
        return JobFinder(self.find, self.newest, self.resolve)


def planned(*steps: AskedStep) -> Answer:
    return Answer("words", Outcome.PLAN, steps, message="Understood.")


def commanded(*line: str) -> Answer:
    return Answer("words", Outcome.COMMAND, command=Command(line[0], line[1:]))


def requests_of(answer: Answer) -> list[WorkflowStep]:
    return list(WorkflowRequest.from_mapping(answer.workflow).steps)


def test_the_last_training_is_the_newest_that_is_complete_and_of_the_skill() -> None:
    jobs = Jobs(
        job("a", state="RUNNING"),
        job("b", "evaluate"),
        job("c", skill=OTHER),
        job("d"),
        job("e"),
    )
    step = AskedStep(TOY, "evaluate", parent=ParentRef(last="train"))

    (asked,) = requests_of(jobs.finder.settle(planned(step)))

    assert asked.request.parent_job_id == "d"
    assert jobs.finder.skill_of(ParentRef(last="train")) == OTHER  # the newest of any skill


def test_a_job_is_meant_by_the_beginning_of_its_id() -> None:
    step = AskedStep(TOY, "export", parent=ParentRef(job="7f3"), checkpoint="epoch=2")

    (asked,) = requests_of(Jobs(job("7f3a2c")).finder.settle(planned(step)))

    assert (asked.request.parent_job_id, asked.request.checkpoint) == ("7f3a2c", "epoch=2")


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        (ParentRef(job="7f3"), "no job '7f3' below /jobs"),
        (
            ParentRef(last="train"),
            f"there is no complete train job of {TOY} yet; 'skillbank jobs' lists what there is.",
        ),
    ],
)
def test_a_parent_that_is_not_there_leaves_nothing_to_run(ref: ParentRef, told: str) -> None:
    steps = AskedStep(TOY, "train"), AskedStep(TOY, "export", parent=ref)

    answer = Jobs(job("a", "evaluate")).finder.settle(planned(*steps))

    assert (answer.outcome, answer.workflow) == (Outcome.INCOMPLETE, {})
    assert answer.missing == (Missing(1, "parent", told),)
    assert answer.message == f"Something is missing: {told}"


def test_a_job_that_is_not_there_is_told_rather_than_the_skills_it_may_have_been_of() -> None:
    finder = Jobs().finder
    ambiguous = Answer("words", Outcome.AMBIGUOUS, candidates=(TOY, OTHER))

    alone = finder.settle(ambiguous)
    skill = finder.skill_of(ParentRef(job="7f3"))
    after = finder.settle(ambiguous)

    assert (alone, skill) == (ambiguous, None)
    assert (after.outcome, after.candidates) == (Outcome.INCOMPLETE, ())
    assert after.missing[0].what == "no job '7f3' below /jobs"


@pytest.mark.parametrize(("said", "rule"), [(None, "best"), ("latest", "latest")])
def test_a_training_on_a_training_starts_from_its_weights(said: str | None, rule: str) -> None:
    jobs = Jobs(job("a"))
    step = AskedStep(TOY, "train", parent=ParentRef(job="a"), checkpoint=said)

    (asked,) = requests_of(jobs.finder.settle(planned(step)))

    assert jobs.resolved == [("a", rule)]
    assert asked.request == JobRequest(TOY, "train", base_checkpoint=str(WEIGHTS))


def test_a_training_on_converted_data_keeps_its_parent() -> None:
    step = AskedStep(TOY, "train", parent=ParentRef(job="a"))

    (asked,) = requests_of(Jobs(job("a", "dataset_convert")).finder.settle(planned(step)))

    assert (asked.request.parent_job_id, asked.request.base_checkpoint) == ("a", None)


def test_a_training_that_left_nothing_cannot_be_built_on() -> None:
    step = AskedStep(TOY, "train", parent=ParentRef(job="a"))

    answer = Jobs(job("a", state="ERROR")).finder.settle(planned(step))

    assert answer.outcome is Outcome.INCOMPLETE
    assert answer.missing == (Missing(0, "checkpoint", "a holds no checkpoint"),)


def test_steps_keep_all_that_was_said_and_their_links() -> None:
    train = AskedStep(
        TOY,
        "train",
        data={"train": "/a", "val": "/b"},
        overrides={"train.num_epochs": 3},
        base_checkpoint="/w.pth",
        automl_policy=AutomlPolicy.OFF,
    )
    tuned = AskedStep(TOY, "train", automl={"algorithm": "asha"}, platform="slurm")

    asked = requests_of(
        Jobs().finder.settle(
            planned(train, AskedStep(TOY, "export", parent=ParentRef(step=0)), tuned)
        )
    )

    assert [step.parent for step in asked] == [None, 0, None]
    assert asked[0].request == JobRequest(
        TOY,
        "train",
        data={"train": "/a", "val": "/b"},
        overrides={"train.num_epochs": 3},
        base_checkpoint="/w.pth",
        automl_policy=AutomlPolicy.OFF,
    )
    assert (asked[2].request.automl, asked[2].request.platform) == ({"algorithm": "asha"}, "slurm")


def test_a_spec_file_is_named_and_read_only_when_it_is_planned(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    answer = Jobs().finder.settle(planned(AskedStep(TOY, "train", spec=str(path))))

    path.write_text("train: {num_epochs: 3}")  # after the words were read

    assert answer.workflow["steps"][0]["spec"] == str(path)
    assert requests_of(answer)[0].request.spec == {"train": {"num_epochs": 3}}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        (("status", "last"), ("a",)),
        (("resume", "last:train"), ("b",)),
        (("logs", "c"), ("c1",)),
        (("resolve", "c", "epoch=7"), ("c1", "--checkpoint", "epoch=7")),
        (("show", "last-things"), ("last-things",)),  # a skill, no job
        (("jobs",), ()),
    ],
)
def test_a_command_gets_the_id_of_its_job(
    said: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    jobs = Jobs(job("a", "evaluate"), job("b", state="ERROR"), job("c1"))

    command = jobs.finder.settle(commanded(*said)).command

    assert command == Command(said[0], arguments)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("7f3", "no job '7f3' below /jobs"),
        ("last", "there is no job yet; start one with 'skillbank run SKILL ACTION'."),
        ("last:train", "there is no train job yet; start one with 'skillbank run SKILL ACTION'."),
    ],
)
def test_a_command_on_no_job_is_incomplete(said: str, told: str) -> None:
    answer = Jobs().finder.settle(commanded("cancel", said))

    assert (answer.outcome, answer.command) == (Outcome.INCOMPLETE, None)
    assert answer.missing == (Missing(0, "job", told),)


def test_what_is_nothing_stays_as_it_was_read() -> None:
    answer = Answer("words", Outcome.NOTHING, message="Nothing is asked for.")

    assert Jobs().finder.settle(answer) is answer


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """The shipped skills, and a platform that starts nothing."""
    return Client(tmp_path / "root", platforms={"local": RecordingPlatform()})


def test_the_client_knows_the_skill_from_the_job(client: Client) -> None:
    plan = make_plan(client.root, "train-7f3a2c44", skill="tao-train-pose-classification")
    client.submit(plan)

    known = client.ask("evaluate job train-7f3a2c44 on /data/test")
    unknown = client.ask("evaluate job train-81c0aaaa on /data/test")

    assert known.outcome is Outcome.PLAN
    assert known.workflow["steps"][0]["skill"] == "tao-train-pose-classification"
    assert known.workflow["steps"][0]["parent_job_id"] == plan.job_id
    assert unknown.outcome is Outcome.INCOMPLETE
    assert "no job 'train-81c0aaaa' below" in unknown.message


def test_asking_for_a_training_makes_no_folder(client: Client) -> None:
    answer = client.ask("train a pose classifier on /data/gym")

    assert answer.outcome is Outcome.PLAN
    assert not client.root.exists()


def unused(text: str, *used: str, command: Command | None = None) -> tuple[str, ...]:
    """Notes on a text of which the parts `used` were understood."""
    origins = tuple(
        Origin("part", words, text.index(words), text.index(words) + len(words)) for words in used
    )
    if command is None:
        answer = Answer(text, Outcome.PLAN, (AskedStep(TOY, "train"),), origins=origins)
    else:
        answer = Answer(text, Outcome.COMMAND, command=command, origins=origins)
    return Jobs(job("a42")).finder.settle(answer).notes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train it, stop when accuracy reaches 90%", '"reaches 90%"'),
        ("train on the first 100 samples", '"first 100 samples"'),
        ("a rate between 0.001 and 1e-1", '"between 0.001 and", "1e-1"'),
        ("noch 20 Epochen, 30轮", '"noch 20 Epochen", "30"'),
    ],
)
def test_a_number_that_nothing_was_made_of_is_told(text: str, told: str) -> None:
    assert unused(text) == (f"nothing was made of {told}.",)


def test_a_number_that_was_understood_is_not_told() -> None:
    assert unused("for 30 epochs, lr 0.01", "30 epochs", "lr 0.01") == ()


@pytest.mark.parametrize(
    "text",
    ["1. train it\n2. export it", "1) train it 2) export it", "step 1: train", "a 6-DoF or 3D box"],
)
def test_numbers_of_a_list_and_inside_names_are_not_told(text: str) -> None:
    assert unused(text) == ()


def test_a_number_is_told_beside_a_command_on_a_job_unless_it_names_the_job() -> None:
    command = Command("resume", ("last",))
    (note,) = unused("continue the last one for 20 more epochs", command=command)
    assert note == 'nothing was made of "for 20 more".'
    assert unused("how far is job a42, or 42", command=Command("status", ("last",))) == ()


@pytest.mark.parametrize("part", ["a", "\n", "1", "a ", "1,", "1 "])
def test_a_long_text_is_looked_through_in_linear_time(part: str) -> None:
    begin = time.perf_counter()
    unused(part * 50_000 + "a")
    assert time.perf_counter() - begin < 5  # quadratic: minutes
