"""Values that somebody chose become the nearest point of a space, and every change is told."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.automl.tuned import SPACE

from skillbank.automl.domains import ChoiceDomain
from skillbank.automl.fitting import describe_range, fit_values, rounded
from skillbank.automl.parameter import Parameter

SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["SGD", "adam", "true", "0.01", "1e400", "nan", "", "ten"])
)
ANYTHING = SCALAR | st.lists(SCALAR, max_size=3) | st.dictionaries(st.text(max_size=3), SCALAR)
KEYS = st.sampled_from(
    [*(parameter.name for parameter in SPACE.parameters), "data.scale", "data.scale[7]", "lr", ""]
)


def used(values: dict[str, object]) -> dict[str, Any]:
    return SPACE.values(fit_values(values, SPACE).params)


def test_values_inside_the_space_arrive_as_they_are_and_nothing_is_said() -> None:
    values = {"optim.type": "Adam", "optim.lr": 0.02, "optim.decay": 1e-4, "data.batch": 32}

    fitted = fit_values(values, SPACE)

    assert rounded(SPACE.values(fitted.params)).items() >= values.items()
    assert not fitted.notes
    assert not fitted.problems


def test_what_is_left_out_keeps_the_value_of_the_spec() -> None:
    assert used({})["optim.lr"] == 0.1
    assert fit_values({}, SPACE).params == SPACE.defaults()


@pytest.mark.parametrize(
    ("name", "given_value", "used_value"),
    [
        ("optim.lr", 5.0, 1.0),
        ("optim.lr", -3, 0.001),
        ("optim.momentum", 1.0, 0.99),
        ("data.batch", 50, 64),
        ("data.batch", 1000, 64),
        ("data.window", 34, 30),
        ("data.workers", 5, 4),
        ("data.workers", 99.5, 8),
        ("optim.decay", 1e-9, 1e-6),
    ],
)
def test_a_number_outside_its_range_goes_to_the_nearest_value_and_that_is_told(
    name: str, given_value: float, used_value: float
) -> None:
    fitted = fit_values({name: given_value}, SPACE)

    assert SPACE.values(fitted.params)[name] == pytest.approx(used_value)
    assert not fitted.problems
    assert fitted.notes[0].startswith(f"{name}: {given_value!r} became {used_value!r}; expected ")


@pytest.mark.parametrize(
    ("given_value", "used_value"), [("0.02", 0.02), (" 2e-2 ", 0.02), (1, 1.0)]
)
def test_a_number_may_be_written_as_text(given_value: object, used_value: float) -> None:
    assert used({"optim.lr": given_value})["optim.lr"] == pytest.approx(used_value)


@pytest.mark.parametrize(("text", "option"), [("adam", "Adam"), (" SGD ", "SGD")])
def test_an_option_may_be_written_in_another_case(text: str, option: str) -> None:
    assert used({"optim.type": text})["optim.type"] == option


@pytest.mark.parametrize(("text", "option"), [("True", True), ("false", False), (False, False)])
def test_a_switch_may_be_written_as_text(text: object, option: bool) -> None:
    assert used({"data.mirror": text})["data.mirror"] is option


@pytest.mark.parametrize("off", [None, 0, 0.0])
def test_a_feature_is_switched_off_by_its_value_or_by_null(off: object) -> None:
    fitted = fit_values({"optim.decay": off}, SPACE)

    assert fitted.params["optim.decay:on"] is False
    assert not fitted.notes


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optim.lr", "high"),
        ("optim.lr", True),
        ("optim.lr", None),
        ("optim.lr", [0.1]),
        ("optim.lr", math.nan),
        ("optim.lr", math.inf),
        ("optim.lr", 10**400),
        ("optim.lr", {"value": 0.1}),
        ("optim.type", "AdamW"),
        ("optim.type", 3),
        ("data.mirror", 1),
        ("data.workers", "many"),
        ("data.scale", [0.1]),
        ("data.scale", 0.1),
        ("data.scale[0]", "x"),
    ],
)
def test_a_value_that_means_nothing_is_a_problem_that_names_key_and_value(
    name: str, value: object
) -> None:
    fitted = fit_values({name: value}, SPACE)

    (problem,) = fitted.problems
    assert problem.startswith(f"{name}: ")
    assert repr(value) in problem
    assert fitted.params == SPACE.defaults()


def test_an_unknown_key_is_left_out_and_the_nearest_is_named() -> None:
    fitted = fit_values({"optim.lrr": 0.3, "optim.lr": 0.2}, SPACE)

    assert SPACE.values(fitted.params)["optim.lr"] == pytest.approx(0.2)
    assert fitted.notes == ("'optim.lrr' was left out: not searched; did you mean 'optim.lr'?",)


def test_what_has_no_effect_with_the_other_values_is_told() -> None:
    fitted = fit_values({"optim.type": "Adam", "optim.momentum": 0.8}, SPACE)

    assert "optim.momentum" not in SPACE.values(fitted.params)
    assert fitted.notes == (
        "optim.momentum = 0.8 was left out: it has no effect with the other values.",
    )


def test_a_list_is_taken_whole_or_by_element() -> None:
    assert used({"data.scale": [0.2, 0.9]})["data.scale"] == pytest.approx([0.2, 0.9])
    assert used({"data.scale[1]": 2.0})["data.scale"] == pytest.approx([0.5, 2.0])


def test_a_number_that_must_exceed_another_is_lifted_above_it() -> None:
    fitted = fit_values({"data.scale": [0.8, 0.3]}, SPACE)

    low, high = SPACE.values(fitted.params)["data.scale"]
    assert low == pytest.approx(0.8)
    assert high > low
    assert "greater than data.scale[0]" in fitted.notes[0]


@given(st.dictionaries(KEYS, ANYTHING, max_size=8))
def test_whatever_is_given_the_point_lies_in_the_space(values: dict[str, object]) -> None:
    fitted = fit_values(values, SPACE)

    domains = SPACE.domains()
    for name, raw in fitted.params.items():
        domain = domains[name]
        if isinstance(domain, ChoiceDomain):
            assert raw in domain.options
        else:
            assert isinstance(raw, int | float)
            assert domain.low <= raw <= domain.high
    assert json.loads(json.dumps(fitted.params, allow_nan=False)) == fitted.params
    assert SPACE.suggest(lambda name, _: fitted.params[name]) == fitted.params


@given(st.dictionaries(KEYS, ANYTHING, max_size=8))
def test_fitting_what_was_fitted_changes_nothing_more(values: dict[str, object]) -> None:
    once = SPACE.values(fit_values(values, SPACE).params)

    again = fit_values(once, SPACE)

    assert rounded(SPACE.values(again.params)) == rounded(once)
    assert not again.problems


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (0, "one of 'SGD', 'Adam'"),
        (1, "number in [0.001, 1], log scale"),
        (2, "number in [0.5, 0.99], log scale of 1 - value"),
        (3, "number in [1e-06, 0.01], log scale, or 0.0 (off)"),
        (4, "whole number in [4, 64], a power of 2"),
        (5, "whole number in [10, 100], in steps of 10"),
        (9, "number in [0.2, 3], greater than data.scale[0]"),
    ],
)
def test_a_range_is_described_in_words(index: int, words: str) -> None:
    assert describe_range(SPACE.parameters[index]) == words


def test_options_that_must_exceed_another_value_say_so() -> None:
    parameter = Parameter("b", 4, options=(2, 4, 8), above="a")

    assert describe_range(parameter) == "one of 2, 4, 8, greater than a"
