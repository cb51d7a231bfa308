"""Which parameters are said to matter."""

from __future__ import annotations

import logging

import pytest
from tests.sdk.search.searches import (
    SPACE,
    make_failed_search,
    make_pareto_search,
    make_running_search,
    make_search,
    summarize,
)

from skillbank.automl.domains import IntDomain
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace
from skillbank.search.importance import LEAST_TRIALS, explain_importance, importance_of


def with_metrics(result, metric_of):
    """The search with other metrics; `metric_of` gives them from a record."""
    history = tuple(r.model_copy(update={"metric": metric_of(r)}) for r in result.history)
    return summarize(history, len(history) - 1)


def test_the_parameter_that_decides_comes_first():
    search = with_metrics(make_search(40), lambda r: float(r.specs.get("model.dropout", 0.5)))

    shares = importance_of(search, SPACE)

    assert next(iter(shares)) == "model.dropout"
    assert shares["model.dropout"] > 0.5


def test_shares_are_sorted_and_sum_to_one():
    shares = list(importance_of(make_search(60), SPACE).values())

    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=0.01)
    assert all(0 <= share <= 1 for share in shares)


def test_a_metric_to_maximize_gives_the_same_as_its_negative_to_minimize():
    down = make_search(40)
    up = with_metrics(down, lambda r: None if r.metric is None else -r.metric)
    up = up.model_copy(update={"direction": "maximize"})

    assert importance_of(up, SPACE) == importance_of(down, SPACE)


def test_a_switch_counts_for_the_parameter_it_switches():
    def metric(record):
        return 0.1 if record.params.get("train.grad_clip:on") else 0.9 + record.trial / 100

    shares = importance_of(with_metrics(make_search(40), metric), SPACE)

    assert next(iter(shares)) == "train.grad_clip"
    assert not any(name.endswith(":on") for name in shares)


def test_elements_of_a_list_are_told_apart():
    shares = importance_of(make_search(40), SPACE)

    assert {"dataset.scale[0]", "dataset.scale[1]"} <= set(shares)


@pytest.mark.parametrize("num_trials", range(LEAST_TRIALS - 1))
def test_too_few_trials_give_the_reason_instead(num_trials):
    search = make_search(num_trials)
    kept = tuple(r for r in search.history if r.metric is not None)

    found = explain_importance(summarize(kept, num_trials), SPACE)

    assert found.shares == {}
    assert found.note == f"it needs the results of 5 trials; so far there are {len(kept)}."


def test_failed_trials_and_those_that_train_are_no_results():
    assert "there are 0" in explain_importance(make_failed_search(9), SPACE).note
    assert "only 7 trials" in explain_importance(make_running_search(), SPACE).note


def test_a_parameter_that_few_trials_had_is_left_out():
    shares = importance_of(make_search(12), SPACE)  # momentum is there with SGD only

    assert "train.optim.momentum" not in shares


def test_equal_results_make_no_difference():
    found = explain_importance(with_metrics(make_search(20), lambda _: 0.5), SPACE)

    assert found.shares == {}
    assert "same result" in found.note


def test_a_space_with_nothing_to_vary_gives_the_reason():
    found = explain_importance(make_search(20), SearchSpace(parameters=()))

    assert found.shares == {}
    assert "no parameter was varied" in found.note


def test_values_that_another_range_allowed_are_passed_over():
    narrow = SearchSpace((Parameter("dataset.batch_size", 16, low=8, high=16, power_of=2),))
    assert narrow.domains()["dataset.batch_size:exponent"] == IntDomain(3, 4)

    assert importance_of(make_search(60), narrow) == {"dataset.batch_size": 1.0}


def test_several_objectives_are_taken_together():
    one = make_pareto_search(60)
    other = one.model_copy(update={"objectives": ()})

    assert importance_of(one, SPACE)
    assert importance_of(one, SPACE) != importance_of(other, SPACE)


def test_optuna_tells_nothing_on_its_own(caplog, capfd):
    with caplog.at_level(logging.INFO):
        importance_of(make_search(20), SPACE)

    assert capfd.readouterr() == ("", "")
