"""Values of a skill_info.yaml that do more than hold data."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from skillbank.skill_info import DataSource, ErrorPattern

SOURCE = DataSource(role="val", file="val.npy", other_roles={"test": "test.npy"})


@pytest.mark.parametrize(
    ("roots", "found"),
    [
        ({"all": "/data"}, "/data/val.npy"),
        ({"val": "/data"}, "/data/val.npy"),
        ({"test": "/data"}, "/data/test.npy"),
        ({"val": "/a", "test": "/b"}, "/b/test.npy"),
        ({"all": "/a", "val": "/b"}, "/b/val.npy"),
        ({"all": "s3://bucket/set/"}, "s3://bucket/set/val.npy"),
        ({"train": "/data"}, None),
        ({}, None),
    ],
)
def test_a_source_is_found_under_the_roots_that_the_caller_gave(
    roots: dict[str, str], found: str | None
) -> None:
    assert SOURCE.locate(roots) == found


def test_an_error_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="unterminated"):
        ErrorPattern(pattern="(oops", advice="none")
