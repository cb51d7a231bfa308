"""What earlier searches found is tried first, as far as it fits the present one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.automl.tuned import GOAL, SPACE

from skillbank.automl.history import Goal, Proposal
from skillbank.automl.result import SearchResult, TrialRecord, write_result
from skillbank.automl.warm_start import EarlierPoint, read_earlier, warm_start_points
from skillbank.errors import RequestInvalid

SKILL = "tao-train-toy"


def record(number: int, metric: float | None, lr: float, **changes: Any) -> TrialRecord:
    given = {"state": "complete", "epochs": 27, "specs": {"optim.lr": lr}, **changes}
    return TrialRecord(trial=number, job_id=f"old-t{number:03d}", metric=metric, **given)


def earlier_search(
    root: Path, *history: TrialRecord, job: str = "old", metric: str = "val_loss", **changes: Any
) -> Path:
    """Results folder of a search that has ended."""
    results = root / "jobs" / job / "results"
    results.mkdir(parents=True)
    given = {"skill": SKILL, "algorithm": "asha", "direction": "minimize", **changes}
    write_result(results / "search.json", SearchResult(metric=metric, history=history, **given))
    return results


def point(loss: float, number: int = 1, search: str = "old", **values: Any) -> EarlierPoint:
    return EarlierPoint(search, number, values, "val_loss", loss, loss, epochs=27)


def rates(proposals: list[Proposal]) -> list[float]:
    return [SPACE.values(proposal.params)["optim.lr"] for proposal in proposals]


def test_the_best_distinct_points_come_first_and_say_where_they_are_from(tmp_path: Path) -> None:
    results = earlier_search(
        tmp_path, *(record(n, m, lr) for n, m, lr in [(0, 0.9, 0.1), (1, 0.5, 0.02), (2, 0.7, 0.3)])
    )

    proposals = warm_start_points(read_earlier(results, SKILL, GOAL), SPACE, count=5)

    assert rates(proposals) == pytest.approx([0.02, 0.3])  # 0.1 is the baseline here
    assert {proposal.origin for proposal in proposals} == {"warm start"}
    assert proposals[0].reason == "trial 1 of job old reached val_loss 0.5 after 27 epochs"


def test_no_more_points_than_wanted_are_given() -> None:
    earlier = [point(0.1 * n, n, **{"optim.lr": 0.01 * n}) for n in range(1, 9)]

    assert rates(warm_start_points(earlier, SPACE, count=3)) == pytest.approx([0.01, 0.02, 0.03])
    assert warm_start_points(earlier, SPACE, count=0) == []


def test_points_that_become_the_same_here_are_tried_once() -> None:
    earlier = [
        point(0.1, **{"optim.lr": 5.0}),
        point(0.2, **{"optim.lr": 7.0}),
        point(0.3, **{"optim.lr": 1.0}),
        point(0.4, **{"optim.lr": 0.5}),
    ]

    assert rates(warm_start_points(earlier, SPACE, count=4)) == pytest.approx([1.0, 0.5])


def test_of_several_searches_the_best_points_win_and_ties_fall_the_same_way() -> None:
    earlier = [
        point(0.3, 4, "b", **{"optim.lr": 0.4}),
        point(0.2, 9, "b", **{"optim.lr": 0.2}),
        point(0.3, 1, "a", **{"optim.lr": 0.3}),
    ]

    told = [proposal.reason[:16] for proposal in warm_start_points(earlier, SPACE, count=9)]

    assert told == ["trial 9 of job b", "trial 1 of job a", "trial 4 of job b"]
    assert warm_start_points(earlier[::-1], SPACE, 9) == warm_start_points(earlier, SPACE, 9)


def test_what_does_not_fit_the_present_space_is_mended_and_told() -> None:
    earlier = [point(0.1, **{"optim.lr": 5.0, "model.depth": 8, "optim.type": "Lion"})]

    (proposal,) = warm_start_points(earlier, SPACE, count=1)

    assert SPACE.values(proposal.params)["optim.type"] == "SGD"
    assert "optim.lr: 5.0 became 1.0; expected number in [0.001, 1]" in proposal.reason
    assert "'model.depth' was left out: not searched" in proposal.reason
    assert "optim.type: 'Lion' is no option; " in proposal.reason
    assert "The default is used." in proposal.reason


def test_a_point_with_lists_switches_and_choices_arrives_whole() -> None:
    values = {
        "optim.type": "Adam",
        "optim.decay": 1e-3,
        "data.scale": [0.2, 0.9],
        "data.mirror": False,
    }

    (proposal,) = warm_start_points([point(0.1, **values)], SPACE, count=1)

    found = SPACE.values(proposal.params)
    assert found["data.scale"] == pytest.approx([0.2, 0.9])
    assert (found["optim.type"], found["optim.decay"]) == ("Adam", pytest.approx(1e-3))
    assert found["data.mirror"] is False
    assert "adjusted" not in proposal.reason


def test_more_is_better_where_the_goal_says_so(tmp_path: Path) -> None:
    results = earlier_search(
        tmp_path,
        record(1, 0.5, 0.02),
        record(2, 0.7, 0.3),
        metric="val_acc",
        direction="maximize",
    )

    earlier = read_earlier(results, SKILL, Goal("val_acc", minimize=False))

    assert rates(warm_start_points(earlier, SPACE, count=1)) == pytest.approx([0.3])


def test_failed_and_unmeasured_trials_teach_nothing(tmp_path: Path) -> None:
    results = earlier_search(
        tmp_path,
        record(1, 0.1, 0.02, state="failed"),
        record(2, None, 0.03),
        record(3, 0.8, 0.04, state="pruned"),
    )

    (only,) = read_earlier(results, SKILL, GOAL)

    assert only == EarlierPoint("old", 3, {"optim.lr": 0.04}, "val_loss", 0.8, 0.8, 27)


def test_an_earlier_search_for_another_metric_serves_when_it_measured_this_one(
    tmp_path: Path,
) -> None:
    results = earlier_search(
        tmp_path,
        record(1, 0.9, 0.02, metrics={"val_loss": 0.4}),
        record(2, 0.8, 0.3, metrics={"val_loss": 0.2}),
        metric="val_acc",
        direction="maximize",
    )

    earlier = read_earlier(results, SKILL, GOAL)

    assert [each.metric_value for each in earlier] == [0.4, 0.2]
    assert rates(warm_start_points(earlier, SPACE, count=1)) == pytest.approx([0.3])


def test_a_search_of_another_skill_is_refused(tmp_path: Path) -> None:
    results = earlier_search(tmp_path, record(1, 0.5, 0.02))

    with pytest.raises(RequestInvalid, match="job 'old' searched tao-train-toy, whose parameters"):
        read_earlier(results, "tao-train-other", GOAL)


def test_a_search_that_never_measured_the_metric_is_refused_with_what_it_has(
    tmp_path: Path,
) -> None:
    results = earlier_search(
        tmp_path,
        record(1, 0.5, 0.02, metrics={"val_acc": 0.8}),
        record(2, None, 0.02, state="failed", metrics={"val_iou": 0.1}),
    )

    with pytest.raises(RequestInvalid) as refused:
        read_earlier(results, SKILL, Goal("val_f1", minimize=False))

    assert "no trial of job 'old' measured 'val_f1'; it has val_acc, val_loss." in str(
        refused.value
    )


def test_a_search_without_a_measured_trial_is_refused(tmp_path: Path) -> None:
    results = earlier_search(tmp_path, record(0, None, 0.1, state="running"))

    with pytest.raises(RequestInvalid, match="it has no measured trial"):
        read_earlier(results, SKILL, GOAL)


@pytest.mark.parametrize("content", [None, "", "[]", '{"skill": "x"}', "\x00"])
def test_a_job_that_is_no_search_is_refused(tmp_path: Path, content: str | None) -> None:
    results = tmp_path / "jobs" / "plain" / "results"
    results.mkdir(parents=True)
    if content is not None:
        (results / "search.json").write_text(content)

    with pytest.raises(RequestInvalid) as refused:
        read_earlier(results, SKILL, GOAL)

    assert str(refused.value).startswith("automl.warm_start: job 'plain' left no result of a ")


def test_a_file_of_a_later_version_with_more_keys_is_read(tmp_path: Path) -> None:
    results = earlier_search(tmp_path, record(1, 0.5, 0.02))
    content = json.loads((results / "search.json").read_text())
    content["history"][0]["new_key"] = content["newer_key"] = 1
    (results / "search.json").write_text(json.dumps(content))

    assert [each.number for each in read_earlier(results, SKILL, GOAL)] == [1]
