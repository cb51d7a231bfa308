"""Points of a space and the spec values that they stand for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sdk.automl.spaces import Always

from skillbank.automl.domains import ChoiceDomain, FloatDomain, IntDomain
from skillbank.automl.space import Activation, Parameter, SearchSpace

OPTIM = Parameter("optim", "sgd", options=("sgd", "adam"))
MOMENTUM = Parameter(
    "momentum", 0.9, low=0.5, high=0.99, log=True, complement=True,
    active=Activation("optim", ("sgd",)),
)  # fmt: skip
NESTEROV = Parameter(
    "nesterov", default=True, options=(False, True), active=Activation("momentum", (0.9,))
)
CLIP = Parameter("clip", 0.0, low=0.1, high=10.0, log=True, off=0.0, has_off=True)
BASE = {"optim": "sgd", "momentum": 0.9, "nesterov": True, "clip": 0.0, "sizes": [4, 8, 16]}


def space(*parameters: Parameter, **base: object) -> SearchSpace:
    return SearchSpace(parameters, {**BASE, **base})


def test_a_point_has_one_value_per_key_of_the_spec():
    found = space(OPTIM, MOMENTUM).values({"optim": "sgd", "1-momentum": 0.2})

    assert found == {"optim": "sgd", "momentum": 0.8}


def test_a_parameter_without_effect_is_not_drawn():
    point = space(OPTIM, MOMENTUM).suggest(Always(optim="adam"))

    assert point == {"optim": "adam"}


def test_a_parameter_looks_at_the_base_spec_where_its_condition_is_not_searched():
    active, idle = space(MOMENTUM), space(MOMENTUM, optim="adam")

    assert active.suggest(Always()) == {"1-momentum": pytest.approx(0.01)}
    assert idle.suggest(Always()) == {}


def test_what_depends_on_an_idle_parameter_is_idle_too():
    point = space(OPTIM, MOMENTUM, NESTEROV).suggest(Always(optim="adam"))

    assert point == {"optim": "adam"}  # although the base spec holds momentum 0.9


def test_values_of_parameters_without_effect_are_left_out():
    found = space(OPTIM, MOMENTUM).values({"optim": "adam", "1-momentum": 0.2})

    assert found == {"optim": "adam"}


def test_a_point_that_lacks_a_parameter_leaves_it_as_it_is():
    assert space(OPTIM, CLIP).values({"optim": "adam"}) == {"optim": "adam"}


@pytest.mark.parametrize(
    ("drawn", "value"),
    [
        ({"clip:on": False}, 0.0),
        ({"clip:on": True, "clip": 2.0}, 2.0),
    ],
)
def test_a_feature_is_off_or_has_a_value(drawn, value):
    assert space(CLIP).values(drawn) == {"clip": value}
    assert space(CLIP).encode({"clip": value}) == drawn


def test_a_switch_is_drawn_before_its_value():
    assert list(space(CLIP).domains()) == ["clip:on", "clip"]
    assert space(CLIP).suggest(Always(**{"clip:on": True})) == {"clip:on": True, "clip": 0.1}
    assert space(CLIP).suggest(Always()) == {"clip:on": False}


def test_elements_of_a_list_are_put_into_the_list_of_the_spec():
    first = Parameter("sizes", 4, low=2, high=8, is_int=True, index=0)
    third = replace(first, default=16, high=64, index=2)

    found = space(first, third).values({"sizes[0]": 2, "sizes[2]": 64})

    assert found == {"sizes": [2, 8, 64]}
    assert BASE["sizes"] == [4, 8, 16]
    assert space(first, third).encode(found) == {"sizes[0]": 2, "sizes[2]": 64}


def test_a_list_that_is_too_short_is_encoded_by_the_default():
    third = Parameter("sizes", 16, low=2, high=64, is_int=True, index=2)

    assert space(third).encode({"sizes": [1]}) == {"sizes[2]": 16}
    assert space(third).encode({"sizes": None}) == {"sizes[2]": 16}


def test_defaults_are_the_point_of_the_base_spec():
    tuned = space(OPTIM, MOMENTUM, CLIP)

    assert tuned.values(tuned.defaults()) == {"optim": "sgd", "momentum": 0.9, "clip": 0.0}


def test_every_domain_is_told_whatever_has_an_effect():
    domains = space(OPTIM, MOMENTUM, CLIP).domains()

    assert domains == {
        "optim": ChoiceDomain(("sgd", "adam")),
        "1-momentum": FloatDomain(pytest.approx(0.01), 0.5, log=True),
        "clip:on": ChoiceDomain((False, True)),
        "clip": FloatDomain(0.1, 10.0, log=True),
    }


@pytest.mark.parametrize(
    ("parameters", "has_conditions", "has_choices"),
    [
        ((replace(MOMENTUM, active=None),), False, False),
        ((MOMENTUM,), True, False),
        ((CLIP,), True, False),
        ((OPTIM,), False, True),
        ((Parameter("width", 2, options=(1, 2, 3)),), False, False),
    ],
)
def test_a_space_says_what_makes_it_hard_for_a_model(parameters, has_conditions, has_choices):
    found = space(*parameters)

    assert (found.has_conditions, found.has_choices) == (has_conditions, has_choices)


# One above another: the upper is drawn as its share of what the lower leaves.

LOW = Parameter("low", 0.3, low=0.0, high=0.9)
HIGH = Parameter("high", 0.5, low=0.1, high=1.0, above="low")


def pair(*parameters: Parameter) -> SearchSpace:
    return SearchSpace(parameters, {"low": 0.3, "high": 0.5})


@pytest.mark.parametrize("low", [0.0, 0.05, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_number_above_another_exceeds_it_and_stays_in_its_range(low, share):
    found = pair(LOW, HIGH).values({"low": low, "high:fraction": share})

    assert found["low"] == low
    assert low < found["high"] <= 1.0
    assert found["high"] >= 0.1


def test_a_number_above_a_fixed_one_exceeds_that():
    assert pair(HIGH).values({"high:fraction": 0.0})["high"] > 0.3


@pytest.mark.parametrize(
    "upper",
    [
        HIGH,
        replace(HIGH, log=True),
        replace(HIGH, high=0.99, log=True, complement=True),
        replace(HIGH, step=0.1),
        replace(HIGH, low=None, high=None, options=(0.2, 0.4, 0.5, 0.95)),
    ],
    ids=["linear", "log", "complement", "steps", "options"],
)
def test_the_share_of_a_value_gives_the_value_back(upper):
    values = {"low": 0.2, "high": 0.5}

    found = pair(LOW, upper)

    assert found.values(found.encode(values)) == values


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("step", [None, 4])
@pytest.mark.parametrize("value", [4, 8, 20, 40])
def test_whole_numbers_above_another_come_back_exactly(value, step, log):
    lower = Parameter("low", 1, low=1, high=38, is_int=True)
    upper = Parameter(
        "high", 8, low=4, high=40, is_int=True, step=step, log=log, above="low"
    )  # fmt: skip
    found = SearchSpace((lower, upper), {"low": 1, "high": 8})

    assert found.values(found.encode({"low": 3, "high": value})) == {"low": 3, "high": value}


def test_every_whole_number_above_another_can_be_reached():
    lower = Parameter("low", 1, low=1, high=38, is_int=True)
    upper = Parameter("high", 8, low=4, high=10, is_int=True, above="low")
    found = SearchSpace((lower, upper), {"low": 1, "high": 8})

    reached = {found.values({"low": 6, "high:fraction": share / 50})["high"] for share in range(51)}

    assert reached == {7, 8, 9, 10}


def test_an_element_of_a_list_can_be_above_its_neighbour():
    first = Parameter("span", 0.3, low=0.1, high=0.8, index=0)
    second = Parameter("span", 0.5, low=0.2, high=1.0, index=1, above="span[0]")
    found = SearchSpace((first, second), {"span": [0.3, 0.5]})

    low, high = found.values({"span[0]": 0.8, "span[1]:fraction": 0.0})["span"]

    assert low == 0.8 < high
    assert found.values(found.defaults()) == {"span": [0.3, 0.5]}


def test_an_element_of_a_list_can_be_above_a_neighbour_that_is_fixed():
    second = Parameter("span", 0.5, low=0.2, high=1.0, index=1, above="span[0]")
    found = SearchSpace((second,), {"span": [0.3, 0.5]})

    assert found.values({"span[1]:fraction": 0.0})["span"][1] > 0.3


def test_a_number_above_one_that_is_switched_off_may_take_its_whole_range():
    lower = replace(LOW, low=0.2, has_off=True)
    found = pair(lower, HIGH)

    assert found.values({"low:on": False, "high:fraction": 0.0}) == {"low": None, "high": 0.1}


def test_a_domain_of_shares_is_the_same_for_all_scales():
    assert replace(HIGH, log=True).domain() == FloatDomain(0.0, 1.0)
    assert replace(HIGH, low=1, high=9, is_int=True).domain() == FloatDomain(0.0, 1.0)


def test_an_integer_range_is_told_as_one():
    assert Parameter("n", 5, low=3, high=9, is_int=True).domain() == IntDomain(3, 9)
