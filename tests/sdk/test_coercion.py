from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.coercion import coerce

INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
BOOLEAN = {"type": "boolean"}
TEXT = {"type": ["string", "null"]}
LIST = {"type": "array", "items": {"type": "integer"}}
OPTIONS = {"type": ["string", "null"], "enum": ["FP16", "Mix", "mix", None]}


@pytest.mark.parametrize(
    ("value", "node", "wanted"),
    [
        ("1e-3", NUMBER, 0.001),
        (" .5 ", NUMBER, 0.5),
        (1, NUMBER, 1.0),
        ("30", INTEGER, 30),
        ("-1", INTEGER, -1),
        (30.0, INTEGER, 30),
        ("1e3", INTEGER, 1000),
        ("true", BOOLEAN, True),
        ("False", BOOLEAN, False),
        (42, TEXT, "42"),
        (Path("/data"), TEXT, "/data"),
        (date(2026, 11, 21), TEXT, "2026-11-21"),
        ("[0, 1]", LIST, [0, 1]),
        ((0, "1"), LIST, [0, 1]),
        ("fp16", OPTIONS, "FP16"),
        ("mix", OPTIONS, "mix"),
        ("2", {"anyOf": [INTEGER, {"type": "null"}]}, 2),
    ],
)
def test_a_value_takes_the_type_of_its_key_when_nothing_is_lost(value, node, wanted) -> None:
    found = coerce(value, node)

    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize(
    ("value", "node"),
    [
        (2.5, INTEGER),
        ("2.5", INTEGER),
        ("ten", INTEGER),
        ("", INTEGER),
        ("1e-3", INTEGER),
        ("1e400", INTEGER),
        (True, INTEGER),
        (True, NUMBER),
        ("nan", NUMBER),
        ("inf", NUMBER),
        (1, BOOLEAN),
        ("1", BOOLEAN),
        ("yes", BOOLEAN),
        (True, TEXT),
        (1.10, TEXT),
        ("[0, 1", LIST),
        (0, LIST),
        ("1", TEXT),
        (None, NUMBER),
        ("MIX", OPTIONS),
        ("fp 16", OPTIONS),
        (None, OPTIONS),
    ],
)
def test_a_value_that_could_mean_two_things_stays_as_it_is(value, node) -> None:
    found = coerce(value, node)

    assert found == value
    assert type(found) is type(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives_the_way_through_text(value: float) -> None:
    assert coerce(repr(value), NUMBER) == value


@given(st.integers())
def test_every_integer_survives_the_way_through_text(value: int) -> None:
    assert coerce(str(value), INTEGER) == value


@given(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.none()),
    st.sampled_from([INTEGER, NUMBER, BOOLEAN, TEXT, LIST]),
)
def test_coercing_twice_is_coercing_once(value, node) -> None:
    once = coerce(value, node)

    assert repr(coerce(once, node)) == repr(once)
