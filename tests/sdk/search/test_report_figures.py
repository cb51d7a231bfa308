"""What the charts of a report hold."""

from __future__ import annotations

import json

import plotly.graph_objects as go
import pytest
from tests.sdk.search.searches import (
    SPACE,
    make_failed_search,
    make_pareto_search,
    make_running_search,
    make_search,
    summarize,
)

from skillbank.automl.history import TrialState
from skillbank.search.importance import importance_of
from skillbank.search.report_figures import (
    curves_chart,
    history_chart,
    importance_chart,
    pareto_charts,
)
from skillbank.search.report_slices import parallel_chart, slice_charts


def every_chart(result):
    shares = importance_of(result, SPACE)
    charts = [history_chart(result), curves_chart(result), importance_chart(shares)]
    charts += [parallel_chart(result, SPACE), *pareto_charts(result)]
    charts += slice_charts(result, SPACE, list(shares))
    return [chart for chart in charts if chart is not None]


def traces(chart):
    return {trace["name"]: trace for trace in json.loads(chart.json)["data"]}


@pytest.mark.parametrize(
    "result",
    [make_search(20), make_pareto_search(), make_running_search(), make_search(0), make_search(1)],
    ids=["complete", "pareto", "running", "baseline only", "one"],
)
def test_plotly_knows_every_property_of_every_chart(result):
    for chart in every_chart(result):
        figure = json.loads(chart.json)
        go.Figure(figure["data"], figure["layout"])  # raises ValueError for one it does not know


def test_every_chart_has_a_name_of_its_own():
    names = [chart.name for chart in every_chart(make_pareto_search())]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("chart", [history_chart, curves_chart])
def test_nothing_is_drawn_of_a_search_without_a_result(chart):
    assert chart(make_failed_search()) is None
    assert chart(summarize((), 20)) is None


def test_the_history_marks_every_trial_once():
    result = make_running_search()

    drawn = traces(history_chart(result))

    del drawn["best so far"]
    numbers = sorted(x for trace in drawn.values() for x in trace["x"])
    assert numbers == [record.trial for record in result.history]
    assert drawn["best"]["x"] == [result.best.trial]
    assert drawn["baseline"]["x"] == [0]
    assert drawn["paused, no result"]["yaxis"] == "y2"


def test_failed_trials_stand_at_the_edge_of_the_history():
    result = make_search(20)

    failed = traces(history_chart(result))["failed, no result"]

    assert failed["x"] == [r.trial for r in result.history if r.state == "failed"]
    assert failed["yaxis"] == "y2"


@pytest.mark.parametrize("make", [make_search, make_pareto_search])
def test_the_best_so_far_only_ever_gets_better(make):
    result = make(40)

    best = traces(history_chart(result))["best so far"]["y"]

    losses = [result.goal.loss(value) for value in best]
    assert losses == sorted(losses, reverse=True)
    assert best[-1] == result.best.metric_value


def test_a_failed_trial_is_never_the_best_so_far():
    done = make_search(6)
    lucky = done.history[3].model_copy(update={"state": TrialState.FAILED, "metric": 0.001})
    history = tuple(lucky if record.trial == 3 else record for record in done.history)

    best = traces(history_chart(summarize(history, 6)))["best so far"]["y"]

    assert min(best) > 0.001


def test_curves_part_the_trials_by_gaps_and_lift_out_the_best():
    result = make_search(20)

    drawn = traces(curves_chart(result))

    best = f"best: trial {result.best.trial}"
    assert drawn[best]["y"] == [value for _, value in result.trial(result.best.trial).curve]
    assert drawn["baseline"]["x"] == list(range(1, 28))
    pruned = [r for r in result.history if r.state == "pruned"]
    assert drawn["pruned"]["y"].count(None) == len(pruned)
    assert len(drawn["pruned"]["x"]) == len(drawn["pruned"]["hovertext"])


@pytest.mark.parametrize(("worst", "kind"), [(400.0, "log"), (2.0, "linear")])
def test_a_loss_that_spans_decades_gets_a_logarithmic_axis(worst, kind):
    done = make_search(6)
    history = (done.history[0].model_copy(update={"metric": worst}), *done.history[1:])

    layout = json.loads(history_chart(summarize(history, 6)).json)["layout"]

    assert layout["yaxis"]["type"] == kind


def test_the_most_important_parameter_stands_on_top():
    chart = importance_chart({"train.optim.lr": 0.75, "model.dropout": 0.25})

    (bars,) = json.loads(chart.json)["data"]
    assert bars["y"][-1] == "train.optim.lr"  # the last bar is the topmost
    assert bars["text"][-1] == "75 %"
    assert "train.optim.lr 75 %" in chart.label


def test_no_importance_no_chart():
    assert importance_chart({}) is None


def test_a_search_for_one_metric_has_no_pareto_chart():
    assert pareto_charts(make_search(20)) == []


def test_the_pareto_set_is_lifted_out_of_the_rest():
    result = make_pareto_search()

    (chart,) = pareto_charts(result)

    drawn = traces(chart)
    front = drawn["Pareto set"]
    assert sorted(front["y"]) == sorted(result.trial(n).metric for n in result.pareto_front)
    assert front["x"] == sorted(front["x"])
    others = len(drawn["beaten by others"]["x"]) + len(drawn["not trained to the end"]["x"])
    assert others + len(front["x"]) == len([r for r in result.history if r.metric is not None])


def test_texts_in_charts_are_escaped():
    done = make_search(6)
    history = tuple(
        record.model_copy(update={"origin": "<a href='javascript:x'>tpe</a>"})
        for record in done.history
    )

    for chart in every_chart(summarize(history, 6)):
        assert "<a" not in json.dumps(json.loads(chart.json))
        assert "<" not in chart.json
