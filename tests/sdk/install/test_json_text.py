"""A JSON text of somebody else gets one entry, and keeps every other byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.errors import RequestInvalid
from skillbank.install.json_text import drop, parse, put

ENTRY = {"command": "/opt/skillbank", "args": ["mcp"]}
KEYS = ("mcpServers", "skillbank")

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below)
)
CONFIGS = st.dictionaries(st.text().filter(lambda key: key != KEYS[0]), TREES, max_size=4)
SERVERS = st.dictionaries(st.text().filter(lambda key: key != KEYS[1]), TREES, max_size=3)
LAYOUTS = st.sampled_from(
    [{}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}]
)


# A hundred configurations of any content: 3 s.
@given(before=CONFIGS, servers=st.none() | SERVERS, layout=LAYOUTS, crlf=st.booleans())
def test_an_entry_goes_in_and_out_and_nothing_else_changes(
    before: dict[str, Any], servers: dict[str, Any] | None, layout: dict[str, Any], crlf: bool
) -> None:
    content = before if servers is None else {**before, KEYS[0]: servers}
    text = json.dumps(content, **layout)
    text = text.replace("\n", "\r\n") if crlf else text

    with_entry = put(text, KEYS, ENTRY)
    without = drop(with_entry, KEYS)

    assert json.loads(with_entry) == {**before, KEYS[0]: {**(servers or {}), KEYS[1]: ENTRY}}
    assert list(json.loads(with_entry)) == [*before, KEYS[0]]
    if servers:
        assert without == text
    assert json.loads(without) == {**before, KEYS[0]: servers or {}}


# The same: 2 s.
@given(before=CONFIGS, layout=LAYOUTS)
def test_the_table_that_was_made_for_the_entry_goes_too(
    before: dict[str, Any], layout: dict[str, Any]
) -> None:
    text = json.dumps(before, **layout)

    restored = drop(put(text, KEYS, ENTRY), KEYS[:1])

    assert restored == text


def test_comments_numbers_and_layout_stay_as_they_were() -> None:
    text = (
        '{\n  // "mcpServers": {"not": "this"}\n  "timeout": 1.50e3, /* ms */\n'
        '  "url": "http://x/y", "mcpServers": {\n    "other": {"command": "x"} // mine\n  }\n}\n'
    )

    changed = put(text, KEYS, ENTRY)

    expected = text.replace("} // mine", "}, // mine")
    assert [line for line in expected.splitlines() if line not in changed.splitlines()] == []
    assert parse(changed, "x")["mcpServers"]["skillbank"] == ENTRY
    assert drop(changed, KEYS) == text


@pytest.mark.parametrize("after", ["", ', // ours\n    "z": 2', ', "z": 2 /* } */'])
@pytest.mark.parametrize("end", ["\n  }", " }", "}"])
@pytest.mark.parametrize(
    "before", ["", '"a": 1, // mine, {\n    ', '"a": 1,\n    // }, ours\n    ']
)
def test_comments_around_an_entry_stay_comments_when_it_goes(
    before: str, after: str, end: str
) -> None:
    text = f'{{\n  "mcpServers": {{\n    {before}"skillbank": {{}}{after}{end}\n}}\n'
    servers = {key: value for key, value in (("a", 1), ("z", 2)) if f'"{key}"' in before + after}

    left = drop(text, KEYS)

    assert parse(left, "x") == {"mcpServers": servers}
    assert all(comment in left for comment in ("// mine, {", "// }, ours") if comment in before)


def test_an_entry_that_is_there_is_replaced_where_it_stands() -> None:
    text = '{"a": 1, "mcpServers": {"skillbank": {"command": "old"}, "z": 2}, "b": [1,2]}'

    assert put(text, KEYS, 7) == text.replace('{"command": "old"}', "7")


def test_of_two_members_of_one_name_the_last_counts_as_everywhere() -> None:
    text = '{"mcpServers": 1, "mcpServers": {"a": 2}}'

    assert parse(put(text, KEYS, 3), "x") == {"mcpServers": {"a": 2, "skillbank": 3}}


@pytest.mark.parametrize("text", ["", "  \n", "{}", "{ }", "{\n}", "// only\n{ /* this */ }\n"])
def test_an_empty_file_or_object_gets_the_entry(text: str) -> None:
    assert parse(put(text, KEYS, ENTRY), "x") == {"mcpServers": {"skillbank": ENTRY}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{\n  "a": 1,\n  "b": x\n}', "settings.json:3: this is not JSON"),
        ('{"a": 1', "settings.json:1: this is not JSON"),
        ("[" * 100_000, "settings.json: this JSON cannot be read"),
        ('{"a": ' + "9" * 5000 + "}", "settings.json: this JSON cannot be read"),
    ],
    ids=["word", "open", "deep", "digits"],
)
def test_a_text_that_is_no_json_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        parse(text, "settings.json")

    assert str(refused.value).startswith(said)
