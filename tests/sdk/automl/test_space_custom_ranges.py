"""Ranges that the user wants: within the schema they hold, outside they are refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.sdk.automl.spaces import parameter_of, space_of

from skillbank.errors import SpecInvalid

INF = math.inf
LR = {"type": "float", "default": 0.01, "minimum": 0.0, "maximum": 1.0, "math_cond": "> 0.0"}
COUNT = {"type": "int", "default": 16, "minimum": 1, "maximum": INF}
MODE = {"type": "categorical", "default": "a", "enum": ["a", "b", "c"]}
PAIR = {"type": "list", "default": [8, 64], "minimum": [4, 4], "maximum": [128, 128]}
FLAG = {"type": "bool", "default": True}
WINDOW = {"type": "int", "default": -1, "minimum": -1, "maximum": INF, "math_cond": "!= 0"}


def wanted(**ends: Any) -> dict[str, Any]:
    return {"custom_param_ranges": {"train.x": ends}}


def problems_of(folder, field, **ends) -> tuple[str, ...]:
    with pytest.raises(SpecInvalid) as raised:
        space_of(folder, {"train.x": field}, **wanted(**ends))
    return raised.value.problems


@pytest.mark.parametrize(
    ("field", "ends", "low", "high"),
    [
        (LR, {"valid_min": 0.001, "valid_max": 0.1}, 0.001, 0.1),
        (LR, {"valid_max": 0.1}, 0.0001, 0.1),
        (LR, {"valid_min": 0.001}, 0.001, 1.0),
        (LR, {"valid_max": 0.00005}, 5e-7, 0.00005),
        (COUNT, {"valid_min": 8, "valid_max": 24}, 8, 24),
        (COUNT, {"valid_min": 8}, 8, 64),
        (WINDOW, {"valid_min": 50, "valid_max": 300}, 50, 300),
    ],
)
def test_a_number_is_searched_where_the_user_wants(tmp_path, field, ends, low, high):
    if ends == {"valid_max": 0.00005}:
        field = {**field, "search_range": {"low": 5e-7, "high": 1.0, "log": True}}

    found = parameter_of(tmp_path, field, **wanted(**ends))

    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_the_users_range_is_not_widened_to_the_default(tmp_path):
    found = parameter_of(tmp_path, LR, **wanted(valid_min=0.1, valid_max=0.5))

    assert (found.low, found.high, found.default) == (0.1, 0.5, 0.01)
    assert found.decode(found.encode(found.default)) == pytest.approx(0.1)


def test_the_users_range_leaves_no_way_to_switch_off(tmp_path):
    field = {"type": "float", "default": 0.0, "minimum": 0.0, "maximum": INF}

    assert not parameter_of(tmp_path, field, **wanted(valid_min=0.1, valid_max=1.0)).has_off


@pytest.mark.parametrize(("log", "is_log"), [(True, True), (False, False), (None, True)])
def test_the_user_may_choose_the_scale(tmp_path, log, is_log):
    scales = wanted(valid_min=0.001, valid_max=0.1, log=log)

    assert parameter_of(tmp_path, {**LR, "default": 0.001}, **scales).log is is_log


def test_the_user_may_choose_the_scale_alone(tmp_path):
    found = parameter_of(tmp_path, {**LR, "maximum": INF}, **wanted(log=False))

    assert (found.log, found.low, found.high) == (False, 0.0001, 1.0)


@pytest.mark.parametrize(
    ("high", "scale"), [(0.95, (True, True)), (1.0, (False, False)), (2.0, (False, False))]
)
def test_a_momentum_up_to_one_is_drawn_evenly(tmp_path, high, scale):
    field = {"type": "float", "default": 0.9, "minimum": 0.0, "maximum": INF}
    ranges = {"train.momentum": {"valid_min": 0.1, "valid_max": high}}

    (found,) = space_of(tmp_path, {"train.momentum": field}, custom_param_ranges=ranges).parameters

    assert (found.log, found.complement) == scale


@pytest.mark.parametrize(
    ("field", "options"),
    [(MODE, ["a", "c"]), (COUNT, [8, 16, 64]), (LR, [0.1, "1e-3"]), (FLAG, [True, False])],
)
def test_the_user_may_name_the_options(tmp_path, field, options):
    found = parameter_of(tmp_path, field, **wanted(valid_options=options))

    assert set(found.options) == {0.001 if each == "1e-3" else each for each in options}


def test_the_user_may_name_options_of_free_text(tmp_path):
    field = {"type": "string", "default": "fp32"}

    assert parameter_of(tmp_path, field, **wanted(valid_options=["fp32", "bf16"])).options


@pytest.mark.parametrize(
    ("ends", "options", "weights"),
    [
        ({"option_weights": [1, 2, 3]}, ("a", "b", "c"), (1, 2, 3)),
        ({"option_weights": [1, 0, 3]}, ("a", "c"), (1, 3)),
        ({"option_weights": [0, 1, 3]}, ("a", "b", "c"), (0, 1, 3)),
        ({"option_weights": [2, 2, 2]}, ("a", "b", "c"), ()),
        ({"valid_options": ["c", "a"], "option_weights": [1, 2]}, ("c", "a"), (1, 2)),
    ],
)
def test_the_user_may_weigh_the_options(tmp_path, ends, options, weights):
    found = parameter_of(tmp_path, MODE, **wanted(**ends))

    assert (found.options, found.weights) == (options, weights)


def test_the_skills_weights_do_not_fit_the_users_options(tmp_path):
    field = {**MODE, "option_weights": [1, 2, 3]}

    assert parameter_of(tmp_path, field, **wanted(valid_options=["a", "c"])).weights == ()


def test_each_element_may_have_a_range_of_its_own(tmp_path):
    ends = wanted(valid_min=[4, 32], valid_max=16)
    with pytest.raises(SpecInvalid, match=r"x\[1\]: valid_min 32.* is not below valid_max 16"):
        space_of(tmp_path, {"train.x": PAIR}, **ends)

    first, second = space_of(
        tmp_path, {"train.x": PAIR}, **wanted(valid_min=[4, 32], valid_max=[16, 128])
    ).parameters

    assert (first.low, first.high) == (4, 16)
    assert (second.low, second.high) == (32, 128)


@pytest.mark.parametrize(
    ("field", "ends", "problem"),
    [
        (
            LR,
            {"valid_min": 0.1, "valid_max": 2.0},
            "automl.custom_param_ranges.train.x: valid_max 2.0 is not allowed; allowed: a number, "
            "more than 0, at most 1.",
        ),
        (LR, {"valid_min": 0.0}, "valid_min 0.0 is not allowed; allowed: a number, more than 0"),
        (COUNT, {"valid_min": 0}, "valid_min 0.0 is not allowed; allowed: a whole number, at lea"),
        (COUNT, {"valid_min": 2.5}, "valid_min 2.5 is not allowed; allowed: a whole number"),
        (COUNT, {"valid_min": 8, "valid_max": 4}, "valid_min 8.0 is not below valid_max 4.0"),
        (COUNT, {"valid_min": 8, "valid_max": 8}, "valid_min 8.0 is not below valid_max 8.0"),
        (COUNT, {"valid_min": [1, 2]}, "valid_min [1.0, 2.0] is a list, but the key holds one"),
        (COUNT, {"valid_options": [0, 4]}, "valid_options 0 is not allowed; allowed: a whole num"),
        (COUNT, {"valid_options": []}, "valid_options is empty"),
        (COUNT, {"valid_options": [4], "valid_max": 9}, "exclude each other; keep one"),
        (MODE, {"valid_options": ["a", "d"]}, "valid_options 'd' is not allowed; allowed: one of"),
        (MODE, {"valid_min": 1}, "it has options, no range; give valid_options of ['a', 'b', 'c']"),
        (
            MODE,
            {"option_weights": [1, 2]},
            "option_weights [1.0, 2.0] are 2; expected one for ",
        ),
        (MODE, {"option_weights": [0, 0, 0]}, "option_weights are all 0"),
        (COUNT, {"option_weights": [1]}, "expected one for each of the 0 options"),
        (FLAG, {"valid_options": [0, 1]}, "valid_options 0 is not allowed; allowed: true or fal"),
        (PAIR, {"valid_min": [1, 8]}, "train.x[0]: valid_min 1.0 is not allowed; allowed: a who"),
        (PAIR, {"valid_min": [8, 8, 8]}, "valid_min [8.0, 8.0, 8.0] has 3 numbers; expected one"),
    ],
)
def test_a_range_outside_the_schema_is_refused_with_key_value_and_bounds(
    tmp_path, field, ends, problem
):
    told = problems_of(tmp_path, field, **ends)

    assert any(problem in each for each in told), told
    assert all(each.startswith("automl.custom_param_ranges.train.x") for each in told)


def test_all_problems_of_a_range_are_told_at_once(tmp_path):
    assert len(problems_of(tmp_path, COUNT, valid_min=0, valid_max=0.5)) == 2


def test_a_range_with_one_end_needs_the_schemas_other(tmp_path):
    field = {"type": "float", "default": 0.0, "minimum": -INF, "maximum": INF}

    told = problems_of(tmp_path, field, valid_max=1.0)

    assert "give valid_min and valid_max" in told[0]


def test_a_range_for_an_unknown_key_is_refused_with_the_nearest(tmp_path):
    ranges = {"train.y": {"valid_max": 1}}

    with pytest.raises(SpecInvalid) as raised:
        space_of(tmp_path, {"train.x": LR}, custom_param_ranges=ranges)

    (problem,) = raised.value.problems
    assert problem.startswith("automl.custom_param_ranges: train.y: no such key; did you mean")


def test_a_range_for_a_key_that_is_not_searched_is_refused(tmp_path):
    fields = {"train.x": LR, "train.y": {**COUNT, "search": False}}
    ranges = {"train.y": {"valid_max": 20}}

    with pytest.raises(SpecInvalid) as raised:
        space_of(tmp_path, fields, custom_param_ranges=ranges)

    assert raised.value.problems == (
        "automl.custom_param_ranges: train.y is not searched; name it in parameters, with the "
        "others that are wanted: train.x, train.anchor, train.y.",
    )


def test_a_range_for_a_key_that_has_no_effect_is_refused(tmp_path):
    fields = {
        "train.mode": {**MODE, "search": False},
        "train.x": {**LR, "depends_on": "train.mode == b"},
    }

    with pytest.raises(SpecInvalid) as raised:
        space_of(tmp_path, fields, **wanted(valid_max=0.5))

    assert raised.value.problems == (
        "automl.custom_param_ranges: train.x cannot be searched: it has no effect while train.mode "
        "is 'a'.",
    )


def test_a_range_may_be_given_under_a_short_name(tmp_path):
    skill_fields = {"train.num_epochs": COUNT, "train.x": LR}
    ranges = {"num_epochs": {"valid_max": 20}}

    with pytest.raises(SpecInvalid, match=r"train\.num_epochs cannot be searched: the search sets"):
        space_of(tmp_path, skill_fields, custom_param_ranges=ranges)
