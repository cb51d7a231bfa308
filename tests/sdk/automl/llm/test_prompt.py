"""What a model is told: the task, what can be set, every trial and how it went."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.sdk.automl.tuned import BASELINE, GOAL, SPACE, trial

from skillbank.automl.history import Goal, Start, Trial, TrialState
from skillbank.automl.llm.prompt import Search, build_complaint, build_prompt
from skillbank.automl.llm.task import Task

TASK = Task("tao-train-pose", "Classifies poses.", {"optim.lr": "Length of a step."})
SEARCH = Search(SPACE, (GOAL,), TASK, num_recommendations=20)
RESEARCH = replace(SEARCH, is_research=True)


def told(history: list[Trial], search: Search = SEARCH) -> str:
    return build_prompt(search, len(history), Start(epochs=3), history)[1].content


def trials(history: list[Trial], search: Search = SEARCH) -> list[dict[str, Any]]:
    section = told(history, search).split("## Trials so far\n")[1].split("\n\n## ")[0]
    return [json.loads(line) for line in section.splitlines() if line.startswith("{")]


def test_task_goal_and_place_in_the_search_are_told() -> None:
    text = told([BASELINE])

    assert "Skill: tao-train-pose\nClassifies poses." in text
    assert "Minimize val_loss." in text
    assert "Propose trial 1 of 20. It first trains to 3 epochs." in text


@pytest.mark.parametrize(
    "line",
    [
        "- optim.lr: number in [0.001, 1], log scale; default 0.1. Length of a step.",
        "- optim.type: one of 'SGD', 'Adam'; default 'SGD'.",
        "- optim.momentum: number in [0.5, 0.99], log scale of 1 - value; default 0.9. Only has "
        "an effect when optim.type is SGD.",
        "- optim.decay: number in [1e-06, 0.01], log scale, or 0.0 (off); default 0.0.",
        "- data.scale[1]: number in [0.2, 3], greater than data.scale[0]; default 1.5.",
    ],
)
def test_every_parameter_is_told_with_range_default_condition_and_meaning(line: str) -> None:
    assert line in told([BASELINE]).splitlines()


def test_a_trial_is_told_with_values_result_curve_reason_and_changes() -> None:
    tried = trial(
        1,
        curve={3: 0.8, 6: 0.7, 9: 0.75},
        values={"optim.lr": 0.0123456789},
        origin="llm",
        reason="smaller steps",
        adjustments=("batch size capped to 8",),
    )

    (_, line) = trials([BASELINE, tried])

    assert line["values"]["optim.lr"] == 0.0123457
    assert {name: content for name, content in line.items() if name != "values"} == {
        "trial": 1,
        "state": "complete",
        "best val_loss": 0.7,
        "epochs trained": 9,
        "val_loss after epochs": {"3": 0.8, "6": 0.7, "9": 0.75},
        "adjustments": ["batch size capped to 8"],
        "proposed by": "llm",
        "reason": "smaller steps",
    }


def test_a_failed_trial_is_told_with_its_failure_and_no_result() -> None:
    failed = trial(1, 0.1, state=TrialState.FAILED, failure="the loss became NaN in epoch 2")

    (_, line) = trials([BASELINE, failed])

    assert (line["state"], line["failure"]) == ("failed", "the loss became NaN in epoch 2")
    assert line["best val_loss"] is None


def test_a_trial_that_still_runs_is_told_so_that_it_is_not_proposed_again() -> None:
    (_, line) = trials([BASELINE, trial(1, state=TrialState.RUNNING)])

    assert (line["state"], line["best val_loss"], line["epochs trained"]) == ("running", None, 0)


def test_a_long_curve_is_told_by_a_few_points_the_last_among_them() -> None:
    (line,) = trials([trial(0, curve={epoch: 1 / epoch for epoch in range(1, 101)})])

    points = line["val_loss after epochs"]
    assert len(points) <= 6
    assert points["100"] == 0.01


def test_of_many_trials_the_best_and_the_newest_are_told() -> None:
    history = [BASELINE, *(trial(n, 1.0 - (n == 7) - n / 1e4) for n in range(1, 200))]
    history[50] = trial(50, 0.0, state=TrialState.FAILED)

    numbers = [line["trial"] for line in trials(history)]

    assert "(the best and the newest of 200 trials)" in told(history)
    assert 7 in numbers
    assert numbers[-30:] == list(range(170, 200))
    assert 50 not in numbers
    assert len(numbers) <= 60


def test_several_goals_are_told_with_what_is_wanted_and_their_results() -> None:
    both = replace(SEARCH, goals=(Goal("val_acc", minimize=False), Goal("size", minimize=True)))
    done = trial(1, 0.8, objectives={"val_acc": 0.8, "size": 12.0})

    assert "Maximize val_acc.\nMinimize size." in told([done], both)
    assert "Pareto" in told([done], both)
    assert trials([done], both)[0]["results"] == {"val_acc": 0.8, "size": 12.0}


@pytest.mark.parametrize(
    ("value", "state", "outcome"),
    [
        (0.8, TrialState.COMPLETE, "better than the best before it, 0.9"),
        (0.95, TrialState.PRUNED, "not better than the best before it, 0.9"),
        (0.1, TrialState.FAILED, "the trial failed, so the hypothesis is not tested"),
        (0.8, TrialState.RUNNING, None),
        (None, TrialState.COMPLETE, None),
    ],
)
def test_a_researcher_is_told_how_each_experiment_ended(
    value: float | None, state: TrialState, outcome: str | None
) -> None:
    history = [BASELINE, trial(1, value, state=state, reason="Hypothesis: it overfits.")]

    line = trials(history, RESEARCH)[1]

    assert line.get("outcome") == outcome
    assert line["reason"] == "Hypothesis: it overfits."
    assert "outcome" not in trials(history)[1]


def test_an_outcome_counts_the_right_way_when_more_is_better() -> None:
    search = replace(RESEARCH, goals=(Goal("val_acc", minimize=False),))

    lines = trials([BASELINE, trial(1, 0.95), trial(2, 0.93)], search)

    assert [line.get("outcome") for line in lines] == [
        None,
        "better than the best before it, 0.9",
        "not better than the best before it, 0.95",
    ]


def test_only_a_researcher_is_asked_for_a_hypothesis() -> None:
    system, user = build_prompt(RESEARCH, 1, Start(3), [BASELINE])

    assert "hypothesis" in system.content
    assert '{"hypothesis": ' in user.content
    assert not any(
        "hypothesis" in message.content for message in build_prompt(SEARCH, 1, Start(3), [])
    )


def test_without_a_task_and_trials_the_prompt_still_stands() -> None:
    text = told([], replace(SEARCH, task=Task()))

    assert "## Task\nA training.\n" in text
    assert "## Trials so far\nNone yet." in text


def test_the_same_search_is_told_in_the_same_words() -> None:
    history = [BASELINE, trial(1, 0.7)]

    assert told(history) == told(list(history))


def test_a_complaint_lists_every_problem() -> None:
    assert "- one\n- two\n" in build_complaint(["one", "two"]).content
