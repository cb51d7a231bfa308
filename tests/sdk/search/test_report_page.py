"""Numbers and words of a report."""

from __future__ import annotations

import pytest
from tests.sdk.search.searches import (
    SPACE,
    make_failed_search,
    make_pareto_search,
    make_running_search,
    make_search,
)

from skillbank.automl.history import TrialState
from skillbank.automl.result import Cost, Status, compare
from skillbank.search.report_marks import show
from skillbank.search.report_page import (
    commands,
    count_states,
    duration,
    notes,
    rows,
    spec_changes,
    tiles,
)


def tile(result, label):
    return next(each for each in tiles(result) if each.label == label)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (1934, "32 min"), (7500, "2 h 5 min")],
)
def test_a_duration_has_the_units_that_matter(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1e-05, "1e-05"),
        (16, "16"),
        (True, "true"),
        (None, "null"),
        ("torch.optim.SGD", "torch.optim.SGD"),
        ([0.123456, 2], "[0.1235, 2]"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_a_value_is_shown_in_four_figures(value, text):
    assert show(value) == text


@pytest.mark.parametrize(("value", "is_good"), [(0.5, True), (0.7, False), (0.6, None)])
def test_a_gain_is_good_a_loss_bad_and_nothing_neither(value, is_good):
    result = make_search(3)
    comparison = compare(value, 0.6, result.goal)
    baseline = result.baseline.model_copy(update={"comparison_to_best": comparison})

    found = tile(result.model_copy(update={"baseline": baseline}), "gain in val_loss")

    assert found.is_good is is_good


def test_states_are_counted_in_words_and_only_where_there_are_some():
    assert count_states(make_running_search()) == "2 complete, 5 pruned, 1 paused, 2 running"


def test_a_failed_baseline_has_no_value():
    found = tile(make_failed_search(), "baseline val_loss")

    assert (found.value, found.detail) == ("-", "FAILURE")


def test_a_pareto_search_counts_its_set():
    result = make_pareto_search()

    assert tile(result, "Pareto set").value == str(len(result.pareto_front))


def test_money_and_gpus_are_told_where_they_are_counted():
    result = make_search(3).model_copy(update={"cost": Cost(gpu_seconds=4000, money=12.5)})

    assert tile(result, "epochs trained").detail == "1 h 6 min of GPUs, costs 12.50"
    assert tile(make_search(3), "epochs trained").detail == ""


def test_a_final_evaluation_that_was_not_possible_is_noted():
    result = make_search(3)
    changes = {"status": Status.FAILURE, "metric_value": None, "data": "no data was given"}
    final = result.final_evaluation.model_copy(update=changes)

    told = list(notes(result.model_copy(update={"final_evaluation": final})))

    assert "No final evaluation: no data was given." in told


def test_a_search_that_found_nothing_better_says_to_keep_the_spec():
    result = make_search(0)

    assert "No recommendation was better than the baseline: keep the spec as it stands." in list(
        notes(result)
    )
    assert spec_changes(result, SPACE) == ()


def test_only_what_differs_from_the_spec_is_a_change():
    result = make_search(20)
    specs = {"train.optim.lr": 0.1, "model.dropout": 0.25}
    best = result.best.model_copy(update={"specs": specs})

    (change,) = spec_changes(result.model_copy(update={"best": best}), SPACE)

    assert (change.key, change.default, change.value) == ("model.dropout", "0.5", "0.25")


def test_a_row_tells_why_a_trial_failed_and_what_was_adjusted():
    record = (
        make_search(5)
        .history[5]
        .model_copy(
            update={
                "state": TrialState.FAILED,
                "failure_kind": "diverged",
                "failure_reason": "val_loss became NaN",
                "adjustments": ("batch 64 -> 32",),
            }
        )
    )

    (row,) = rows(make_search(5).model_copy(update={"history": (record,)}))

    assert row.notes == ("batch 64 -> 32", "diverged: val_loss became NaN")


def test_rows_mark_baseline_and_best_and_leave_the_metric_out_of_the_other_figures():
    result = make_pareto_search()

    found = rows(result)

    assert found[result.best.trial].kind == "best"
    assert all("val_acc" not in row.others for row in found)
    assert "latency_ms" in found[1].others


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (make_search(3), "skillbank run tao-train-pose-classification evaluate --parent JOB"),
        (make_running_search(), "skillbank wait JOB"),
        (make_failed_search(), "skillbank automl result JOB"),
    ],
    ids=["complete", "running", "failed"],
)
def test_the_next_command_fits_how_the_search_ended(result, command):
    assert commands(result, "JOB")[0] == command
