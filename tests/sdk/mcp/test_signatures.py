"""What a tool takes is what its function takes; what is told of it is the function's docstring."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest

from skillbank.errors import SpecInvalid
from skillbank.mcp.signatures import Arguments, Bound, describe_arguments, describe_function

Weight = Annotated[float, "Kilograms."]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def paint(
    self: object,
    wall: str,
    coats: int = 1,
    *,
    colour: str | Colour = "red",
    mixed: Mapping[str, Any] | Path | str | None = None,
    weight: Weight | None = None,
    load: Weight = 1.0,
) -> None:
    """Paint a wall.

    It dries by itself.

    Args:
        wall: Which one;
            the whole of it.
        coats: How often.
        colour: What it looks like.

    Raises:
        ValueError: It rains.
    """


def hire(wall: str, mixed: str) -> None:
    """Hire somebody.

    Args:
        wall: Never told.
        mixed: What is in the pot.
    """


ARGUMENTS = Arguments(paint, (hire,))


def test_a_tool_is_told_by_the_docstring_without_its_sections() -> None:
    assert describe_function(paint) == "Paint a wall. It dries by itself."


def test_entries_of_a_section_are_read_whole() -> None:
    assert describe_arguments(paint)["wall"] == "Which one; the whole of it."


def test_names_types_and_defaults_are_the_signatures() -> None:
    schema = ARGUMENTS.schema()

    assert list(schema["properties"]) == ["wall", "coats", "colour", "mixed", "weight", "load"]
    assert schema["required"] == ["wall"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["coats"] == {
        "type": "integer",
        "default": 1,
        "description": "How often.",
    }


def test_a_schema_needs_no_definitions_and_names_no_null_and_no_path() -> None:
    properties = ARGUMENTS.schema()["properties"]

    assert properties["colour"]["enum"] == ["red", "blue"]
    assert [one["type"] for one in properties["mixed"]["anyOf"]] == ["object", "string"]
    assert "default" not in properties["mixed"]
    assert "$" not in str(ARGUMENTS.schema())


def test_a_text_in_the_annotation_wins_and_another_docstring_fills_what_is_not_said() -> None:
    properties = ARGUMENTS.schema()["properties"]

    assert properties["load"]["description"] == "Kilograms."
    assert properties["mixed"]["description"] == "What is in the pot."
    assert properties["wall"]["description"] == "Which one; the whole of it."


def test_arguments_arrive_as_the_function_takes_them() -> None:
    read = ARGUMENTS.read({"wall": "north", "coats": "2", "mixed": {"a": 1}}, "paint")

    assert read == {
        "wall": "north",
        "coats": 2,
        "colour": "red",
        "mixed": {"a": 1},
        "weight": None,
        "load": 1.0,
    }


def test_every_wrong_argument_is_told_at_once_with_what_was_expected() -> None:
    with pytest.raises(SpecInvalid) as caught:
        ARGUMENTS.read({"wal": "x", "coats": "many", "mixed": 3}, "paint")

    told = "\n".join(caught.value.problems)
    assert "the arguments of paint cannot be used" in str(caught.value)
    assert "wall: missing; expected: Which one; the whole of it." in told
    assert "coats: found 'many', expected " in told
    assert "wal: no such argument; did you mean 'wall'?" in told
    assert "mixed: found 3, expected names with values." in told


def test_a_bound_limits_a_number_and_gives_it_a_default() -> None:
    bounded = Arguments(paint, bounds={"coats": Bound(2, 5)})

    assert bounded.schema()["properties"]["coats"] == {
        "type": "integer",
        "default": 2,
        "minimum": 0,
        "maximum": 5,
        "description": "How often.",
    }
    assert bounded.read({"wall": "x"}, "paint")["coats"] == 2
    with pytest.raises(SpecInvalid, match="coats: found 6, expected less than or equal to 5"):
        bounded.read({"wall": "x", "coats": 6}, "paint")
