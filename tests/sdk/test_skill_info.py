"""Values of a skill_info.yaml that do more than hold data."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from skillbank.skill_info import DataSource, ErrorPattern

SOURCE = DataSource(role="val", file="val.npy", other_roles={"test": "test.npy"})


@pytest.mark.parametrize(
    ("roots", "found"),
    [
        ({"all": "/data"}, ("all", "/data/val.npy")),
        ({"val": "/data"}, ("val", "/data/val.npy")),
        ({"test": "/data"}, ("test", "/data/test.npy")),
        ({"val": "/a", "test": "/b"}, ("test", "/b/test.npy")),
        ({"all": "/a", "val": "/b"}, ("val", "/b/val.npy")),
        ({"all": "s3://bucket/set/"}, ("all", "s3://bucket/set/val.npy")),
        ({"train": "/data"}, None),
        ({}, None),
    ],
)
def test_a_source_is_found_under_the_roots_that_the_caller_gave(
    roots: dict[str, str], found: tuple[str, str] | None
) -> None:
    assert SOURCE.locate(roots) == found


@pytest.mark.parametrize(
    ("roots", "found"),
    [
        ({"all": "/data"}, ("all", "/data/train")),
        ({"train": "/clips"}, ("train", "/clips")),
        ({"train": "/clips/", "all": "/data"}, ("train", "/clips")),
        ({"train": "s3://bucket/clips/"}, ("train", "s3://bucket/clips")),
        ({"train": "/"}, ("train", "/")),
    ],
)
def test_a_root_that_is_given_by_the_name_of_its_role_may_be_the_folder_itself(
    roots: dict[str, str], found: tuple[str, str]
) -> None:
    folder = DataSource(role="train", file="train", under_role=".")

    assert folder.locate(roots) == found


def test_an_error_pattern_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="unterminated"):
        ErrorPattern(pattern="(oops", advice="none")
