"""The proposal is found in whatever a model wraps around it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.automl.llm.answer import Proposed, one_line, read_proposed

PLAIN = '{"values": {"lr": 0.01}, "reason": "smaller steps"}'
EXPECTED = Proposed({"lr": 0.01}, "smaller steps")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f"\n\n  {PLAIN}\n",
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```",
        f"Sure! Here is my proposal:\n\n{PLAIN}\n\nGood luck {{really}}!",
        f'<think>Perhaps {{"values": {{"lr": 5}}}}? No, {{lr}} too large.</think>{PLAIN}',
        f'{{"thoughts": "none"}} {PLAIN}',
        PLAIN.replace(", ", ",\n\t"),
    ],
)
def test_a_proposal_is_found_among_prose_fences_and_thoughts(text: str) -> None:
    assert read_proposed(text) == EXPECTED


def test_braces_inside_text_do_not_mislead() -> None:
    text = json.dumps({"values": {"lr": 1}, "reason": 'see {"values": {}} in the paper }}'})

    assert read_proposed(text) == Proposed({"lr": 1}, 'see {"values": {}} in the paper }}')


def test_a_hypothesis_is_kept() -> None:
    read = read_proposed('{"hypothesis": "it overfits", "values": {"a": 1}}')

    assert read == Proposed({"a": 1}, "", "it overfits")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON object with the key 'values'"),
        ("I would lower the learning rate.", "no JSON object with the key 'values'"),
        ('{"lr": 0.01}', "no JSON object with the key 'values'"),
        ('{"values": {"lr": 0.01', "no JSON object with the key 'values'"),
        ("{'values': {'lr': 0.01}}", "no JSON object with the key 'values'"),
        ('{"values": [0.01]}', "'values' holds [0.01]; expected an object"),
        ('{"values": {}}', "'values' holds {}; expected an object"),
        ('{"values": null}', "'values' holds None; expected an object"),
        ("[" * 100_000, "no JSON object"),
        ('{"a":' * 20_000, "no JSON object"),
        ("x" * 300_000, "the answer has 300000 characters"),
    ],
)
def test_what_holds_no_proposal_is_told_what_is_wrong(text: str, told: str) -> None:
    read = read_proposed(text)

    assert isinstance(read, str)
    assert told in read


@pytest.mark.parametrize("reason", [None, 3, ["a"], {"b": 1}])
def test_a_reason_that_is_no_text_is_left_out(reason: object) -> None:
    assert read_proposed(json.dumps({"values": {"lr": 1}, "reason": reason})) == Proposed({"lr": 1})


@given(st.text() | st.recursive(st.text(), st.lists).map(json.dumps))
def test_no_text_whatever_breaks_the_reading(text: str) -> None:
    assert isinstance(read_proposed(text), str | Proposed)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo\t three", "one two three"),
        ("red \x1b[31malert\x07", "red [31malert"),
        ("half \ud800 a sign", "half a sign"),
        ("abcdefgh", "abcd..."),
    ],
)
def test_a_text_of_a_model_becomes_one_printable_line(text: str, shown: str) -> None:
    assert one_line(text, longest=7 if text == "abcdefgh" else 100) == shown
    assert one_line(text).encode()
