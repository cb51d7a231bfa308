"""What a search leaves in search.json, and how it is read back."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from tests.sdk.search.searches import make_failed_search, make_pareto_search, make_search

from skillbank.automl.history import Goal, TrialState
from skillbank.automl.result import (
    FILE,
    Direction,
    SearchResult,
    Status,
    TrialRecord,
    compare,
    read_result,
    write_result,
)
from skillbank.errors import CheckpointNotFound


def write(folder, **changes):
    document = json.loads(make_search(2).model_dump_json())
    (folder / FILE).write_text(json.dumps({**document, **changes}))
    return document


@pytest.mark.parametrize("make", [make_search, make_pareto_search, make_failed_search])
def test_a_result_is_read_back_as_it_was_written(make, tmp_path):
    result = make()

    write_result(tmp_path / FILE, result)

    assert read_result(tmp_path) == result
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_file_has_the_keys_that_programs_read(tmp_path):
    write_result(tmp_path / FILE, make_search(6))

    document = json.loads((tmp_path / FILE).read_text())

    assert {"best", "baseline", "final_evaluation", "history"} <= set(document)
    assert {"progress", "pareto_front", "importance", "cost"} <= set(document)
    assert {"trial", "job_id", "specs", "metric_value", "adjustments"} <= set(document["best"])
    assert {"metric_value", "status", "comparison_to_best"} <= set(document["baseline"])
    final = {"metric_value", "status", "comparison_to_baseline", "record_path"}
    assert final <= set(document["final_evaluation"])
    keys = {"trial", "job_id", "metric", "status", "failure_reason", "adjustments"}
    assert keys | {"epochs", "seconds"} <= set(document["history"][0])
    assert {"epochs", "seconds", "gpu_seconds"} <= set(document["cost"])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null(value, tmp_path):
    record = TrialRecord(
        trial=0,
        job_id="t",
        state=TrialState.FAILED,
        metric=value,
        metrics={"val_acc": value},
        curve=((1, value),),
        specs={"train.optim.lr": value},
    )
    result = SearchResult(
        skill="s",
        algorithm="random",
        metric="val_loss",
        direction=Direction.MINIMIZE,
        history=(record,),
    )

    write_result(tmp_path / FILE, result)

    text = (tmp_path / FILE).read_text()
    (written,) = json.loads(text, parse_constant=pytest.fail)["history"]
    assert written["metric"] is None
    assert written["metrics"] == {"val_acc": None}
    assert written["curve"] == [[1, None]]
    assert written["specs"] == {"train.optim.lr": None}


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (TrialState.WAITING, Status.RUNNING),
        (TrialState.RUNNING, Status.RUNNING),
        (TrialState.PAUSED, Status.RUNNING),
        (TrialState.COMPLETE, Status.SUCCESS),
        (TrialState.PRUNED, Status.SUCCESS),
        (TrialState.FAILED, Status.FAILURE),
    ],
)
def test_the_status_of_a_trial_follows_from_its_state(state, status):
    record = TrialRecord(trial=1, job_id="t", state=state)

    assert record.status is status
    assert record.model_dump(mode="json")["status"] == status.value


@pytest.mark.parametrize(
    ("value", "baseline", "minimize", "gain", "relative"),
    [
        (0.3, 0.5, True, 0.2, 0.4),
        (0.5, 0.3, True, -0.2, -0.2 / 0.3),
        (0.9, 0.6, False, 0.3, 0.5),
        (-2.0, -1.0, True, 1.0, 1.0),
        (1.0, 0.0, False, 1.0, None),
    ],
)
def test_a_gain_is_positive_when_the_value_is_better(value, baseline, minimize, gain, relative):
    found = compare(value, baseline, Goal("m", minimize=minimize))

    assert found is not None
    assert found.gain == pytest.approx(gain)
    assert found.relative == (relative if relative is None else pytest.approx(relative))


@pytest.mark.parametrize(("value", "baseline"), [(None, 0.5), (0.5, None), (None, None)])
def test_nothing_is_compared_with_a_missing_value(value, baseline):
    assert compare(value, baseline, Goal("m", minimize=True)) is None


def test_a_search_for_one_metric_has_one_goal():
    assert make_search(1).goals == (Goal("val_loss", minimize=True),)


def test_a_search_for_a_pareto_set_has_all_its_goals():
    goals = make_pareto_search().goals

    assert goals == (Goal("val_acc", minimize=False), Goal("latency_ms", minimize=True))


def test_a_trial_is_found_by_its_number():
    result = make_search(3)

    assert result.trial(2) == result.history[2]
    assert result.trial(9) is None


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(CheckpointNotFound, match="no such file") as caught:
        read_result(tmp_path)

    assert str(tmp_path / FILE) in str(caught.value)
    assert "skillbank status JOB" in str(caught.value)


def test_every_problem_of_a_file_is_listed_with_its_place(tmp_path):
    write(tmp_path, state="resting", history=[{"trial": "first", "state": "complete"}])

    with pytest.raises(CheckpointNotFound) as caught:
        read_result(tmp_path)

    message = str(caught.value)
    assert "- state: found 'resting'" in message
    assert "- history.0.trial: found 'first'" in message
    assert "- history.0.job_id: field required" in message


def test_a_file_that_is_no_json_is_named_with_its_line(tmp_path):
    (tmp_path / FILE).write_text("{\n nothing")

    with pytest.raises(CheckpointNotFound, match="this is not JSON") as caught:
        read_result(tmp_path)

    assert f"{tmp_path / FILE}:2" in str(caught.value)


def test_a_key_of_a_later_version_is_passed_over(tmp_path):
    write(tmp_path, weather="fine")

    assert read_result(tmp_path).skill == make_search(2).skill


def test_reading_a_result_does_not_import_the_search_libraries():
    code = (
        "import sys, skillbank.automl.result; "
        "print(sorted({'optuna', 'plotly', 'numpy'} & set(sys.modules)))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
