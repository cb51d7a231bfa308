"""Answers to requests are held against what is expected, to the last value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import routing
from bench.routing_cases import Case, acts, differences, read_file
from bench.routing_tasks import Task, is_met
from skillbank.request import AutomlPolicy
from skillbank.words.answer import Answer, AskedStep, Command, Missing, Outcome, ParentRef

POSE = "tao-train-pose-classification"
ACTION = "tao-train-action-recognition"
TRAIN = AskedStep(POSE, "train", {"all": "/d"}, {"train.num_epochs": 3})
EXPORT = AskedStep(POSE, "export", parent=ParentRef(step=0))
WANTED_TRAIN = {
    "skill": POSE,
    "action": "train",
    "data": {"all": "/d"},
    "overrides": {"train.num_epochs": 3},
}
WANTED_EXPORT = {"skill": POSE, "action": "export", "parent": {"step": 0}}


def case(*outcomes: Outcome, **expect: Any) -> Case:
    return Case("some", "words", frozenset(outcomes), expect)


def planned(*steps: AskedStep) -> Answer:
    return Answer("words", Outcome.PLAN, steps)


def result(wanted: Case, got: Answer, took_ms: float = 1.0) -> routing.Result:
    return routing.Result(wanted, got, tuple(differences(wanted, got)), took_ms)


def test_a_plan_is_exact_when_every_step_is() -> None:
    wanted = case(Outcome.PLAN, steps=[WANTED_TRAIN, WANTED_EXPORT])

    assert differences(wanted, planned(TRAIN, EXPORT)) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"skill": ACTION}, f'steps[0].skill: wanted "{POSE}", got "{ACTION}"'),
        (
            {"overrides": {"train.num_epochs": 3.0}},
            'steps[0].overrides: wanted {"train.num_epochs": 3}, got {"train.num_epochs": 3.0}',
        ),
        ({"platform": "slurm"}, 'steps[0].platform: wanted null, got "slurm"'),
        (
            {"automl_policy": AutomlPolicy.OFF},
            'steps[0].automl_policy: wanted "on", got "off"',
        ),
        ({"spec": "/s.yaml"}, 'steps[0].spec: wanted null, got "/s.yaml"'),
    ],
)
def test_every_value_of_a_step_counts(changed: dict[str, Any], told: str) -> None:
    got = planned(AskedStep(**{**vars(TRAIN), **changed}))

    assert differences(case(Outcome.PLAN, steps=[WANTED_TRAIN]), got) == [told]


def test_a_step_too_many_is_told_by_the_actions() -> None:
    told = differences(case(Outcome.PLAN, steps=[WANTED_TRAIN]), planned(TRAIN, EXPORT))

    assert told == ["steps: wanted train, got train, export"]


@pytest.mark.parametrize(
    ("wanted", "got", "is_exact"),
    [
        (case(Outcome.NOTHING), Answer("", Outcome.NOTHING), True),
        (case(Outcome.NOTHING, Outcome.AMBIGUOUS), Answer("", Outcome.AMBIGUOUS), True),
        (case(Outcome.NOTHING), Answer("", Outcome.UNSUPPORTED), False),
        (
            case(Outcome.AMBIGUOUS, candidates=["b", "a"]),
            Answer("", Outcome.AMBIGUOUS, candidates=("a", "b")),
            True,
        ),
        (
            case(Outcome.AMBIGUOUS, candidates=["a"]),
            Answer("", Outcome.AMBIGUOUS, candidates=("a", "b")),
            False,
        ),
        (
            case(Outcome.INCOMPLETE, missing=["data"]),
            Answer("", Outcome.INCOMPLETE, missing=(Missing(0, "parent", ""),)),
            False,
        ),
        (
            case(Outcome.COMMAND, command=["resume", "last:train"]),
            Answer("", Outcome.COMMAND, command=Command("resume", ("last:train",))),
            True,
        ),
        (
            case(Outcome.COMMAND, command=["resume", "7f3a"]),
            Answer("", Outcome.COMMAND, command=Command("cancel", ("7f3a",))),
            False,
        ),
    ],
)
def test_what_is_no_plan_is_held_against_its_own_part(
    wanted: Case, got: Answer, is_exact: bool
) -> None:
    assert result(wanted, got).is_exact is is_exact


@pytest.mark.parametrize(
    ("got", "acted"),
    [
        (planned(TRAIN), True),
        (Answer("", Outcome.COMMAND, command=Command("cancel", ("7f3a",))), True),
        (Answer("", Outcome.COMMAND, command=Command("logs", ("7f3a",))), False),
        (Answer("", Outcome.INCOMPLETE, (TRAIN,)), False),
    ],
)
def test_launches_and_what_changes_a_job_are_acts(got: Answer, acted: bool) -> None:
    assert acts(got) is acted
    assert result(case(Outcome.NOTHING), got).is_false_launch is acted


def test_the_thresholds_are_about_exactness_launches_and_policies() -> None:
    off = AskedStep(**{**vars(TRAIN), "automl_policy": AutomlPolicy.OFF})
    results = [
        result(case(Outcome.PLAN, steps=[WANTED_TRAIN]), planned(TRAIN)),
        result(case(Outcome.PLAN, steps=[WANTED_TRAIN]), planned(off)),
        result(case(Outcome.NOTHING), planned(EXPORT)),
    ]

    scores = routing.score(results)

    assert (str(scores.exact), str(scores.policies)) == ("1/3", "1/2")
    assert (scores.false_launches, scores.negatives) == (1, 1)
    assert scores.misses == [
        "1/3 exact, expected 97% or more",
        "1 false launches, expected none",
        "1/2 policies right, expected all",
    ]
    assert routing.score(results[:1]).misses == []


def test_a_key_that_nothing_reads_is_no_silent_expectation(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    steps = [{"skill": POSE, "action": "train", "epochs": 3}]
    path.write_text(
        yaml.safe_dump([{"request": "x", "expect": {"outcome": "plan", "steps": steps}}])
    )

    with pytest.raises(ValueError, match=r"cases\.yaml, case 1: no such keys: \['epochs'\]"):
        read_file(path)


def test_an_unquoted_off_is_the_policy(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    step = f"{{skill: {POSE}, action: train, automl_policy: off}}"
    path.write_text(f"- request: x\n  expect: {{outcome: plan, steps: [{step}]}}\n")

    (read,) = read_file(path)

    assert read.policies == ["off"]


@pytest.mark.parametrize(
    ("task", "got", "met"),
    [
        (Task(POSE, "", "train", {"overrides": {"train.num_epochs": 3}}), planned(TRAIN), True),
        (Task(POSE, "", "train", {"automl_policy": "off"}), planned(TRAIN), False),
        (Task(ACTION, "", "train", {}), planned(TRAIN), False),
        (Task(ACTION, "", None, {}), planned(TRAIN), True),
        (Task(POSE, "", None, {}), planned(TRAIN), False),
        (
            Task(POSE, "", "train", {"resume": "4f2a"}),
            Answer("", Outcome.COMMAND, command=Command("resume", ("4f2a",))),
            True,
        ),
        (
            Task(POSE, "", "export", {"parent_job_id": "4f2a"}),
            planned(AskedStep(POSE, "export", parent=ParentRef(job="4f2a"))),
            True,
        ),
    ],
)
def test_a_task_states_the_part_that_matters(task: Task, got: Answer, met: bool) -> None:
    assert is_met(task, got) is met


# The words of the whole bank, and one fresh process: 2 s.
def test_a_missed_threshold_is_an_exit_status_and_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.yaml"
    asked = f"run {POSE} train on /d for 3 epochs"
    right = {"request": asked, "expect": {"outcome": "plan", "steps": [WANTED_TRAIN]}}
    wrong = {"request": asked, "expect": {"outcome": "nothing"}}

    path.write_text(yaml.safe_dump([right]))
    good = routing.main([str(path), "--runs", "0"])
    shown = capsys.readouterr().out
    path.write_text(yaml.safe_dump([right, wrong]))
    bad = routing.main([str(path), "--runs", "0", "--json"])
    done = capsys.readouterr()

    assert (good, bad) == (0, 1)
    assert "exact           1/1 = 100.0%" in shown
    assert "missed: 1 false launches, expected none" in done.err
    document = json.loads(done.out)
    assert document["exact"] == {"right": 1, "total": 2}
    assert [one["is_false_launch"] for one in document["failures"]] == [True]
