"""Where the values of a parameter stand on its axis, and the charts made of that."""

from __future__ import annotations

import json

import pytest
from tests.sdk.search.searches import SPACE, make_failed_search, make_search, summarize

from skillbank.automl.parameter import Parameter
from skillbank.search.report_slices import Scale, parallel_chart, slice_charts, value_in

LR = Parameter("lr", 0.01, low=1e-4, high=1.0, log=True)
DROPOUT = Parameter("dropout", 0.5, low=0.0, high=0.8)
MOMENTUM = Parameter("momentum", 0.9, low=0.5, high=0.99, log=True, complement=True)
BATCH = Parameter("batch", 16, low=4, high=64, is_int=True, power_of=2)
KIND = Parameter("kind", "b", options=("a", "b", "c"))
DECAY = Parameter("decay", 0.0, low=1e-6, high=1e-2, log=True, off=0.0, has_off=True)


def by_key(name):
    return next(parameter for parameter in SPACE.parameters if parameter.name == name)


@pytest.mark.parametrize(
    ("parameter", "value", "place"),
    [
        (LR, 1e-4, 0.0),
        (LR, 0.01, 0.5),
        (LR, 1.0, 1.0),
        (DROPOUT, 0.2, 0.25),
        (MOMENTUM, 0.5, 0.0),
        (MOMENTUM, 0.99, 1.0),
        (BATCH, 16, 0.5),
        (KIND, "a", 0.0),
        (KIND, "c", 1.0),
        (DECAY, 1e-4, 0.5),
    ],
)
def test_a_value_stands_where_its_scale_puts_it(parameter, value, place):
    assert Scale(parameter).place(value) == pytest.approx(place)


def test_a_feature_that_is_off_stands_apart_from_the_range():
    assert Scale(DECAY).place(0.0) < 0
    assert Scale(DECAY).ticks[0] == (Scale(DECAY).place(0.0), "off")


@pytest.mark.parametrize(
    ("parameter", "value"), [(KIND, "unknown"), (LR, None), (LR, "high"), (DROPOUT, True)]
)
def test_a_value_of_another_kind_stands_nowhere(parameter, value):
    assert Scale(parameter).place(value) is None


@pytest.mark.parametrize(
    ("parameter", "names"),
    [
        (LR, ["0.0001", "0.001", "0.01", "0.1", "1"]),
        (DROPOUT, ["0", "0.2", "0.4", "0.6", "0.8"]),
        (MOMENTUM, ["0.5", "0.8", "0.9", "0.95", "0.98", "0.99"]),
        (BATCH, ["4", "8", "16", "32", "64"]),
        (KIND, ["a", "b", "c"]),
        (Parameter("narrow", 2.0, low=1.5, high=6.0, log=True), ["2", "5"]),
        (Parameter("epochs", 30, low=10, high=100, is_int=True), ["20", "40", "60", "80", "100"]),
        (Parameter("flag", default=True, options=(False, True)), ["false", "true"]),
    ],
)
def test_an_axis_names_round_values(parameter, names):
    ticks = Scale(parameter).ticks

    shown = [name for _, name in ticks]
    assert shown[-len(names) :] == names
    assert [place for place, _ in ticks] == sorted(place for place, _ in ticks)


def test_the_baseline_has_the_values_of_the_spec_that_is_tuned():
    baseline = make_search(1).history[0]

    assert value_in(baseline, by_key("train.optim.lr"), SPACE) == 0.1
    assert value_in(baseline, by_key("dataset.scale[1]"), SPACE) == 1.1


def test_a_parameter_without_effect_has_no_value():
    search = make_search(20)
    momentum = by_key("train.optim.momentum")

    for record in search.history:
        uses_sgd = record.params["train.optim.optimizer_type"] == "torch.optim.SGD"
        assert (value_in(record, momentum, SPACE) is not None) is uses_sgd


def test_what_was_repaired_is_what_is_shown():
    record = make_search(1).history[1]
    repaired = record.model_copy(update={"specs": {**record.specs, "dataset.batch_size": 2}})

    assert value_in(repaired, by_key("dataset.batch_size"), SPACE) == 2


def test_every_parameter_has_a_slice_the_important_ones_first():
    charts = slice_charts(make_search(20), SPACE, ["model.dropout", "train.optim.lr"])

    titles = [chart.title for chart in charts]
    assert titles[:2] == ["model.dropout", "train.optim.lr"]
    assert len(titles) == len(SPACE.parameters)
    assert any("(when train.optim.optimizer_type is torch.optim.SGD)" in t for t in titles)


def test_a_slice_shows_each_trial_that_has_a_result():
    search = make_search(20)

    (chart, *_) = slice_charts(search, SPACE, ["train.optim.lr"])

    drawn = [x for trace in json.loads(chart.json)["data"] for x in trace["x"]]
    assert len(drawn) == len([record for record in search.history if record.metric is not None])
    assert all(0 <= place <= 1 for place in drawn)


@pytest.mark.parametrize("result", [make_failed_search(), make_search(0), summarize((), 9)])
def test_fewer_than_two_results_have_no_slices(result):
    assert slice_charts(result, SPACE, []) == []
    assert parallel_chart(result, SPACE) is None


def test_parallel_lines_end_at_the_metric_the_better_the_higher():
    search = make_search(20)

    lines = {t["name"]: t for t in json.loads(parallel_chart(search, SPACE).json)["data"]}

    best = lines[f"best: trial {search.best.trial}"]
    assert (best["x"][-2], best["y"][-2]) == (len(SPACE.parameters), 1.0)
    assert min(y for y in lines["the others"]["y"] if y is not None) < 0.5
    assert best["y"][-1] is None


def test_short_names_that_would_be_alike_keep_what_tells_them_apart():
    chart = parallel_chart(make_search(20), SPACE)

    names = json.loads(chart.json)["layout"]["xaxis"]["ticktext"]
    assert names[0] == "lr"
    assert names[-1] == "val_loss"
    assert len(names) == len(set(names))
