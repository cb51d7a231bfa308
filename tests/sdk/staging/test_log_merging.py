"""Logs of attempts that ran in several places."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.files.local import LocalStore
from skillbank.staging.log_merging import bring_log, lines_unseen, merge_logs

TWO = b"\n--- attempt 2 of job j ---\ntwo\n"
THREE = b"\n--- attempt 3 of job j ---\nthree\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        (b"", b"one\n", b"one\n"),
        (b"one\n", b"", b"one\n"),
        (b"one\n", b"one\n" + TWO, b"one\n" + TWO),
        (b"one\n" + TWO, b"one\n", b"one\n" + TWO),
        (b"one\nunsent\n", b"one\n" + TWO, b"one\nunsent\n" + TWO),
        (b"one\n" + THREE, b"one\n" + TWO, b"one\n" + TWO + THREE),
        (b"one\n" + TWO + b"more\n", b"one\n" + TWO + THREE, b"one\n" + TWO + b"more\n" + THREE),
        (b"one\nhalf a li", b"one\nhalf a line\n" + TWO, b"one\nhalf a line\n" + TWO),
        (b"one\nhalf a line\n", b"one\nhalf a li" + TWO, b"one\nhalf a line\n" + TWO),
        (b"one\nmine\n", b"one\nyours", b"one\nyours\nmine\n"),
    ],
)
def test_no_line_of_either_log_is_lost_and_attempts_stay_in_order(
    ours: bytes, theirs: bytes, merged: bytes
) -> None:
    found = merge_logs(ours, theirs)

    assert found.replace(b"\n\n", b"\n") == merged.replace(b"\n\n", b"\n")  # blank lines aside
    assert merge_logs(found, theirs) == found
    assert merge_logs(found, ours) == found


def test_a_log_that_grows_elsewhere_grows_here_at_its_end() -> None:
    here = merge_logs(b"one\nunsent\n", b"one\n" + TWO)

    assert merge_logs(here, b"one\n" + TWO + b"more\n") == here + b"more\n"


def test_only_what_is_missing_is_told_where_a_log_is_being_written() -> None:
    assert lines_unseen(b"one\n" + THREE, b"one\n" + TWO) == TWO
    assert lines_unseen(b"one\n" + TWO, b"one\n") == b""


def test_a_log_is_brought_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    there, here = tmp_path / "there.txt", tmp_path / "here" / "log.txt"
    here.parent.mkdir()
    here.write_bytes(b"one\nunsent\n")
    there.write_bytes(b"one\n" + TWO)

    bring_log(LocalStore(), str(there), here)

    assert here.read_bytes() == b"one\nunsent\n" + TWO
    assert [path.name for path in here.parent.iterdir()] == ["log.txt"]
