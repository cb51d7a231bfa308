from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.toy import plan

from skillbank.errors import RequestInvalid
from skillbank.links import fetch_links
from skillbank.plan import JobPlan


def linked(root: Path, url: str) -> tuple[JobPlan, Path]:
    target = root / "jobs" / "job1" / "downloads" / "anchors.txt"
    return replace(plan(root), downloads={str(target): url}), target


def test_a_link_is_fetched_into_the_jobs_folder(tmp_path: Path) -> None:
    source = tmp_path / "source.txt"
    source.write_text("1 2 3")
    made, target = linked(tmp_path, source.as_uri())

    fetch_links(made)

    assert target.read_text() == "1 2 3"
    assert [path.name for path in target.parent.iterdir()] == ["anchors.txt"]


def test_what_was_fetched_already_stays(tmp_path: Path) -> None:
    made, target = linked(tmp_path, "file:///nowhere")
    target.parent.mkdir(parents=True)
    target.write_text("there")

    fetch_links(made)

    assert target.read_text() == "there"


@pytest.mark.parametrize("url", ["file:///no/such/file", "ftp://host/x", "/etc/passwd", "http://"])
def test_a_link_that_cannot_be_fetched_is_named_and_leaves_nothing(
    tmp_path: Path, url: str
) -> None:
    made, target = linked(tmp_path, url)

    with pytest.raises(RequestInvalid, match=f"{url}: cannot be fetched"):
        fetch_links(made)

    assert not target.exists()
    assert not target.parent.exists() or not list(target.parent.iterdir())
