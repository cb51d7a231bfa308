"""Schemas made from spec classes: standard, complete, and saying no more than pydantic checks."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from skillbank_runners.api import SpecModel
from skillbank_runners.schema import build_schema
from skillbank_runners.spec_fields import SearchRange, Text, extras


class Inner(SpecModel):
    """The inner section."""

    rate: float = Field(
        default=0.1,
        ge=0.0,
        description="A rate.",
        json_schema_extra=extras(
            search=SearchRange(0.01, 1.0, log=True, complement=True, off=0.0), popular=True
        ),
    )
    kind: Literal["a"] = Field(default="a", description="A kind.")
    way: Literal["up", "down"] | None = Field(default=None, description="A way.")


class Outer(SpecModel):
    """The whole spec."""

    name: Text = Field(default="", description="A name.")
    ids: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), description="Ids.")
    names: dict[str, int] | None = Field(default=None, description="Names.")
    left: Inner = Field(default=Inner(), description="The left one.")
    right: Inner = Field(default=Inner(rate=0.5), description="The right one.")


SCHEMA = build_schema(Outer)
VALIDATOR = Draft202012Validator(SCHEMA)


def test_a_schema_is_standard_and_its_default_fits() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(SCHEMA["default"])


def test_the_default_at_the_top_is_what_the_class_defaults_to() -> None:
    assert SCHEMA["default"] == Outer().model_dump(mode="json")


def test_two_sections_of_one_class_keep_defaults_of_their_own() -> None:
    rates = [SCHEMA["properties"][s]["properties"]["rate"]["default"] for s in ("left", "right")]

    assert rates == [0.1, 0.5]


def test_a_section_says_what_it_is_for_here() -> None:
    assert SCHEMA["properties"]["right"]["description"] == "The right one."


def test_a_search_range_is_written_with_what_matters() -> None:
    rate = SCHEMA["properties"]["left"]["properties"]["rate"]

    assert rate["search_range"] == {
        "low": 0.01,
        "high": 1.0,
        "log": True,
        "complement": True,
        "off": 0.0,
    }
    assert SearchRange(1, 2).keywords() == {"low": 1, "high": 2, "log": False}


def test_the_lists_at_the_top_name_fields_by_dotted_key() -> None:
    assert SCHEMA["automl_default_parameters"] == ["left.rate", "right.rate"]
    assert SCHEMA["automl_disabled_parameters"] == ["ids", "names", "left", "right"]
    assert SCHEMA["popular"] == {"left": {"rate": 0.1}, "right": {"rate": 0.5}}


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        ({"name": None}, True),
        ({"names": {"a": 1}}, True),
        ({"names": {"a": "x"}}, False),
        ({"left": {"way": None, "kind": "a"}}, True),
        ({"left": {"way": "sideways"}}, False),
        ({"left": {"kind": "b"}}, False),
        ({"left": {"rate": -1}}, False),
        ({"left": {"other": 1}}, False),
        ({"other": 1}, False),
        ({"ids": [-1]}, False),
    ],
)
def test_a_schema_admits_what_its_class_admits(content: dict[str, object], *, fits: bool) -> None:
    assert VALIDATOR.is_valid(content) is fits


def test_a_field_says_on_what_it_depends() -> None:
    keywords = extras(math_cond=">= depends_on", depends_on="left.rate")

    assert keywords == {"math_cond": ">= depends_on", "depends_on": "left.rate"}
