"""What spec fields are made of."""

from __future__ import annotations

import math

import pytest
from pydantic import Field, ValidationError

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import NotZero, Real, SearchRange, Text, extras


class Spec(SpecModel):
    """One of each."""

    text: Text = Field(default="")
    real: Real = Field(default=1.0)
    count: NotZero = Field(default=-1, ge=-1)


@pytest.mark.parametrize(("given", "read"), [(None, ""), ("???", ""), ("", ""), ("a ???", "a ???")])
def test_text_that_is_missing_is_empty(given: str | None, read: str) -> None:
    assert Spec(text=given).text == read  # type: ignore[arg-type]  # null is read as empty


@pytest.mark.parametrize("value", [5, ["a"], {"a": 1}])
def test_other_values_are_no_text(value: object) -> None:
    with pytest.raises(ValidationError, match="valid string"):
        Spec.model_validate({"text": value})


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_real_number_is_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Spec(real=value)


def test_zero_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(ValidationError, match="other than 0"):
        Spec(count=0)
    assert (Spec(count=-1).count, Spec(count=3).count) == (-1, 3)


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Spec().count = 3  # type: ignore[misc]  # that it is refused is the point


def test_a_field_without_extras_has_no_keywords() -> None:
    assert extras() == {}


def test_a_searched_field_says_so_and_where() -> None:
    assert extras(search=SearchRange(1, 5), popular=True) == {
        "automl_enabled": True,
        "search_range": {"low": 1, "high": 5, "log": False},
        "popular": True,
    }


def test_an_off_value_of_zero_is_written() -> None:
    assert SearchRange(0.1, 1.0, log=True, off=0.0).keywords()["off"] == 0.0


def test_a_field_that_is_searched_only_where_it_is_named_still_says_where() -> None:
    assert extras(search=SearchRange(0, 30), is_recommended=False) == {
        "search_range": {"low": 0, "high": 30, "log": False},
    }
