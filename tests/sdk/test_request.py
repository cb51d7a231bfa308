from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skillbank.errors import RequestInvalid
from skillbank.request import AutomlPolicy, JobRequest


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        ("on", AutomlPolicy.ON),
        ("auto", AutomlPolicy.ON),
        ("OFF", AutomlPolicy.OFF),
        (True, AutomlPolicy.ON),
        (False, AutomlPolicy.OFF),
        (AutomlPolicy.OFF, AutomlPolicy.OFF),
    ],
)
def test_a_policy_is_read_from_words_and_from_what_yaml_makes_of_them(
    value: str | bool, policy: AutomlPolicy
) -> None:
    assert AutomlPolicy.parse(value) is policy


@pytest.mark.parametrize("value", ["maybe", "", 3])
def test_any_other_word_is_refused(value: Any) -> None:
    with pytest.raises(RequestInvalid, match="is not a policy; use 'on' or 'off'"):
        AutomlPolicy.parse(value)


def test_paths_are_taken_for_text() -> None:
    request = JobRequest(
        "s", "train", data={"all": Path("/d")}, checkpoint=Path("/c"), base_checkpoint=Path("/b")
    )

    assert (request.data, request.checkpoint, request.base_checkpoint) == (
        {"all": "/d"},
        "/c",
        "/b",
    )


@pytest.mark.parametrize("name", ["spec", "overrides", "data"])
def test_what_must_be_a_mapping_is_told_with_an_example(name: str) -> None:
    with pytest.raises(RequestInvalid, match=f"{name}: 'text' is no mapping; expected names with"):
        JobRequest("s", "train", **{name: "text"})
