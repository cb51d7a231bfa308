from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.conditions import Condition, conditions
from skillbank.errors import SkillInvalid


def only(node: dict[str, Any], **others: dict[str, Any]) -> Condition:
    """The condition of the field `a.x` in a schema that also has `a.<others>`."""
    inner = {"type": "object", "properties": {"x": node, **others}}
    (condition,) = conditions("toy", {"type": "object", "properties": {"a": inner}})
    return condition


@pytest.mark.parametrize(
    ("math_cond", "right", "wrong"),
    [
        ("> 0.0", [0.1, 5], [0, 0.0, -1]),
        (">0", [1], [0]),
        (">= 1", [1, 2], [0]),
        ("!= 0", [-1, 1], [0]),
        ("> 0.0 <= 1.0", [0.5, 1], [0, 1.1]),
        ("/ 8", [0, 8, 64], [1, 12]),
        ("/8", [16], [4]),
        ("^ 2", [1, 2, 64], [0, 3, 6, -2, 0.5]),
        ("< 1e-2", [0.001], [0.01]),
        ("== 3", [3, 3.0], [4]),
    ],
)
def test_math_cond_bounds_a_number(math_cond: str, right: list[float], wrong: list[float]) -> None:
    condition = only({"type": "number", "math_cond": math_cond})

    assert [condition.breach({"a": {"x": value}}) for value in right] == [None] * len(right)
    assert all(condition.breach({"a": {"x": value}}) for value in wrong)


def test_a_breach_names_key_value_and_what_is_allowed() -> None:
    condition = only({"type": "number", "math_cond": "> 0.0 <= 1.0"})

    assert condition.breach({"a": {"x": 2}}) == (
        "a.x: 2 is not allowed; it must be more than 0 and at most 1."
    )


@pytest.mark.parametrize("name", ["a.low", "low"])
def test_a_field_is_compared_with_the_one_that_depends_on_names(name: str) -> None:
    number = {"type": "integer"}
    condition = only({"math_cond": "> depends_on", "depends_on": name, **number}, low=number)

    assert condition.breach({"a": {"x": 5, "low": 4}}) is None
    assert condition.breach({"a": {"x": 4, "low": 4}}) == (
        "a.x: 4 is not allowed; it must be more than a.low = 4."
    )


@pytest.mark.parametrize("low", [None, "", "many"])
def test_nothing_is_compared_with_a_field_that_is_no_number(low: object) -> None:
    condition = only({"math_cond": "> depends_on", "depends_on": "low"}, low={})

    assert condition.breach({"a": {"x": 5, "low": low}}) is None


@pytest.mark.parametrize("value", [None, "", True, "text", []])
def test_a_condition_says_nothing_about_what_is_no_number(value: object) -> None:
    assert only({"math_cond": "> 100"}).breach({"a": {"x": value}}) is None


def test_every_item_of_a_list_has_to_fit() -> None:
    condition = only({"type": "array", "math_cond": "> 0"})

    assert condition.breach({"a": {"x": [1, 2]}}) is None
    assert condition.breach({"a": {"x": [1, 0]}})


def test_a_factor_of_another_field_is_the_searchs_business() -> None:
    condition = only({"math_cond": "/ 2", "depends_on": "low"}, low={})

    assert condition.breach({"a": {"x": 3, "low": 8}}) is None


@pytest.mark.parametrize(
    ("depends_on", "active", "inactive"),
    [
        ("a.kind == torch.optim.SGD", "torch.optim.SGD", "torch.optim.Adam"),
        ("kind == 'sgd'", "sgd", "adam"),
        ("a.kind != sgd", "adam", "sgd"),
        ("a.kind in [sgd, rmsprop]", "rmsprop", "adam"),
    ],
)
def test_depends_on_tells_when_a_field_has_an_effect(
    depends_on: str, active: str, inactive: str
) -> None:
    condition = only({"depends_on": depends_on}, kind={"type": "string"})

    assert condition.is_active({"a": {"kind": active}})
    assert not condition.is_active({"a": {"kind": inactive}})


def test_depends_on_reads_its_value_as_the_other_field_holds_it() -> None:
    condition = only({"depends_on": "a.on == true"}, on={"type": "boolean"})

    assert condition.is_active({"a": {"on": True}})
    assert not condition.is_active({"a": {"on": False}})


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"math_cond": "about 3"}, r"toy: a\.x: math_cond 'about 3' cannot be read from 'about 3'"),
        ({"math_cond": "> 0 ~ 3"}, "cannot be read from '~ 3'"),
        ({"math_cond": "/ 0"}, "cannot be read"),
        ({"math_cond": "^ 1"}, "cannot be read"),
        ({"math_cond": "> depends_on"}, "compares with depends_on, which is missing"),
        ({"depends_on": "lwo"}, "names 'lwo', which the schema does not have; did you mean 'a.low"),
        ({"depends_on": "low is big"}, "depends_on 'low is big' cannot be read"),
    ],
)
def test_a_condition_that_cannot_be_read_is_an_error_of_the_skill(
    node: dict[str, Any], expected: str
) -> None:
    with pytest.raises(SkillInvalid, match=expected):
        only(node, low={"type": "integer"})


def test_a_schema_without_conditions_has_none() -> None:
    assert list(conditions("toy", {"properties": {"x": {"type": "integer"}}})) == []


@given(st.integers(min_value=2, max_value=10), st.integers(min_value=0, max_value=12))
def test_every_power_and_only_a_power_is_one(base: int, exponent: int) -> None:
    condition = only({"math_cond": f"^ {base}"})

    assert condition.breach({"a": {"x": base**exponent}}) is None
    assert condition.breach({"a": {"x": base ** (exponent + 2) - 1}})


@given(st.integers(min_value=1, max_value=512), st.integers(min_value=-1000, max_value=1000))
def test_a_multiple_is_what_leaves_no_rest(divisor: int, value: int) -> None:
    breach = only({"math_cond": f"/ {divisor}"}).breach({"a": {"x": value}})

    assert (breach is None) == (value % divisor == 0)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10))
def test_several_terms_must_all_hold(value: float, low: float, high: float) -> None:
    breach = only({"math_cond": f"> {low!r} <= {high!r}"}).breach({"a": {"x": value}})

    assert (breach is None) == (low < value <= high)
