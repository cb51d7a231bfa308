from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.spec_keys import (
    dotted_keys,
    field_at,
    find_path,
    get_value,
    is_empty,
    leaves,
    set_value,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "a": {
            "type": "object",
            "properties": {
                "x": {"type": "integer"},
                "names": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        },
        "b": {"type": ["string", "null"]},
    },
}


def test_the_keys_of_a_schema_are_its_values_not_its_sections() -> None:
    assert list(dotted_keys(SCHEMA)) == ["a.x", "a.names", "b"]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a", ("a",)),
        ("a.x", ("a", "x")),
        ("a.names", ("a", "names")),
        ("a.names.sit.down", ("a", "names", "sit.down")),
        ("a.y", None),
        ("b.x", None),
        ("", None),
        (".", None),
    ],
)
def test_a_key_has_a_path_when_the_schema_has_it(key: str, path: tuple[str, ...] | None) -> None:
    assert find_path(SCHEMA, key) == path


def test_an_entry_of_a_free_mapping_is_described_by_the_mapping() -> None:
    assert field_at(SCHEMA, ("a", "names", "sit.down")) == {"type": "integer"}
    assert field_at(SCHEMA, ("nobody",)) == {}


def test_leaves_enter_sections_and_leave_free_mappings_whole() -> None:
    value = {"a": {"x": 1, "names": {"p.q": 2}}, "b": None, "c": {"d": 3}, "a.x": 4}

    assert list(leaves(value, SCHEMA)) == [
        ("a.x", 1),
        ("a.names", {"p.q": 2}),
        ("b", None),
        ("c.d", 3),
        ("a.x", 4),
    ]


@pytest.mark.parametrize("value", [None, "", "???"])
def test_three_values_count_as_empty(value: Any) -> None:
    assert is_empty(value)


@pytest.mark.parametrize("value", [0, False, [], {}, " ", "0"])
def test_other_values_do_not(value: Any) -> None:
    assert not is_empty(value)


@given(st.lists(st.text(), min_size=1, max_size=4), st.integers())
def test_what_is_set_is_found_again(path: list[str], value: int) -> None:
    spec: dict[str, Any] = {path[0]: "in the way"}

    set_value(spec, tuple(path), value)

    assert get_value(spec, tuple(path)) == value
