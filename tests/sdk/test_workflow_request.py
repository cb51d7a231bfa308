"""A workflow as people write it, as JSON has it, and what is said to a wrong one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from skillbank.errors import RequestInvalid, SpecInvalid
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

TRAIN = {"skill": "tao-train-x", "action": "train"}
EVALUATE = {"skill": "tao-train-x", "action": "evaluate"}


def read(*steps: object) -> WorkflowRequest:
    return WorkflowRequest.from_mapping({"steps": list(steps)})


def problems(*steps: object) -> tuple[str, ...]:
    with pytest.raises(SpecInvalid) as caught:
        read(*steps)
    return caught.value.problems


def test_a_request_is_what_its_mapping_says() -> None:
    steps = [
        {**TRAIN, "automl_policy": "off", "overrides": {"num_epochs": 3}, "data": {"all": "d"}},
        {**EVALUATE, "parent": 0, "checkpoint": "best"},
        {**EVALUATE, "parent_job_id": "train-2b3c4d5f", "platform": "elsewhere"},
    ]

    request = read(*steps)

    assert request.steps[0].request.automl_policy is AutomlPolicy.OFF
    assert [step.parent for step in request.steps] == [None, 0, None]
    assert request.to_mapping() == {"steps": steps}
    assert WorkflowRequest.from_mapping(request.to_mapping()) == request


def test_what_is_left_at_its_default_is_not_written() -> None:
    request = WorkflowRequest((WorkflowStep(JobRequest(**TRAIN)),), name="alone")

    assert request.to_mapping() == {"name": "alone", "steps": [TRAIN]}


def test_a_mapping_survives_yaml() -> None:
    request = read({**TRAIN, "automl_policy": False, "data": {"all": Path("d")}})

    text = yaml.safe_dump(request.to_mapping())

    assert WorkflowRequest.from_mapping(yaml.safe_load(text)) == request


def test_a_parent_may_be_named_by_its_action() -> None:
    assert read(TRAIN, {**EVALUATE, "parent": "train"}).steps[1].parent == 0


def test_a_spec_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("train:\n  num_epochs: 7\n")

    request = read({**TRAIN, "spec": str(path)})

    assert request.steps[0].request.spec == {"train": {"num_epochs": 7}}


def test_the_hash_is_of_the_steps_and_not_of_the_name() -> None:
    steps = read(TRAIN).steps

    assert WorkflowRequest(steps, "a").hash == WorkflowRequest(steps, "b").hash
    assert WorkflowRequest(steps).hash != read({**TRAIN, "checkpoint": "best"}).hash


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (3, "steps[1]: found 3, expected {skill, action, ...}."),
        (
            {**EVALUATE, "parents": 0},
            "steps[1].parents: no such key; did you mean 'parent'?",
        ),
        ({"skill": "x"}, "steps[1].action: a value is required, none was given."),
        ({**EVALUATE, "skill": 3}, "steps[1].skill: found 3, expected text."),
        (
            {**EVALUATE, "parent": 1},
            "steps[1].parent: found 1, expected the index of an earlier step (0 to 0), or "
            "parent_job_id for a job that exists.",
        ),
        (
            {**EVALUATE, "parent": "export"},
            "steps[1].parent: found 'export', expected the index of an earlier step (0 to 0), or "
            "parent_job_id for a job that exists.",
        ),
        (
            {**EVALUATE, "parent": True},
            "steps[1].parent: found True, expected the index of an earlier step (0 to 0), or "
            "parent_job_id for a job that exists.",
        ),
        (
            {**EVALUATE, "automl_policy": "maybe"},
            "steps[1]: automl_policy: 'maybe' is not a policy; use 'on' or 'off'.",
        ),
        (
            {**EVALUATE, "spec": "nowhere.yaml"},
            "steps[1]: nowhere.yaml: no such spec file; expected a YAML file.",
        ),
    ],
)
def test_a_wrong_step_is_told_with_its_place(step: object, told: str) -> None:
    assert problems(TRAIN, step) == (told,)


def test_all_problems_of_all_steps_are_told_at_once() -> None:
    assert len(problems({"skil": "x"}, 4, {**EVALUATE, "parent": 7})) == 5


def test_an_action_of_two_earlier_steps_names_none() -> None:
    assert problems(TRAIN, TRAIN, {**EVALUATE, "parent": "train"}) == (
        "steps[2].parent: 2 earlier steps are of 'train'; name the one that is meant by its index, "
        "counted from 0.",
    )


def test_a_parent_is_named_once() -> None:
    (told,) = problems(TRAIN, {**EVALUATE, "parent": 0, "parent_job_id": "train-x"})

    assert "both parent 0 and parent_job_id 'train-x' are given; leave one out" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "steps: found nothing, expected a list"),
        ({"steps": "train"}, "steps: found 'train', expected a list"),
        ({"steps": []}, "steps: found none"),
        ([TRAIN], "expected 'steps:' with a list"),
        ({"step": [TRAIN], "steps": [TRAIN]}, "step: no such key; did you mean 'steps'?"),
    ],
)
def test_what_is_no_workflow_is_told(content: object, told: str) -> None:
    with pytest.raises(RequestInvalid, match=re.escape(told)):
        WorkflowRequest.from_mapping(content)  # type: ignore[arg-type]


def test_a_file_is_read_with_its_place_in_errors(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("name: n\nsteps:\n- {skill: x, action: train}\n")
    broken = tmp_path / "broken.yaml"
    broken.write_text("steps: []\nsteps: []\n")

    assert WorkflowRequest.from_file(path).name == "n"
    with pytest.raises(SpecInvalid, match=r"broken.yaml:2:1: steps was already set in line 1"):
        WorkflowRequest.from_file(broken)
    with pytest.raises(RequestInvalid, match="no such workflow file"):
        WorkflowRequest.from_file(tmp_path / "nowhere.yaml")
