"""Reading what another process is still writing."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.following import GrowingFile, find_failure, parse_status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_a_file_that_is_not_there_yet_has_no_news(path: Path) -> None:
    assert GrowingFile(path).read_new() == ""


def test_every_line_is_told_once(path: Path) -> None:
    file = GrowingFile(path)
    append(path, b"one\n")
    first = file.read_new()
    append(path, b"two\n")

    assert (first, file.read_new(), file.read_new()) == ("one\n", "two\n", "")


def test_a_line_waits_for_its_end(path: Path) -> None:
    file = GrowingFile(path)
    append(path, b"one\nhal")
    first = file.read_new()
    append(path, b"f\n")

    assert (first, file.read_new()) == ("one\n", "half\n")


def test_a_character_is_never_torn(path: Path) -> None:
    file = GrowingFile(path)
    append(path, "ü".encode()[:1])
    first = file.read_new()
    append(path, "ü".encode()[1:] + b"\n")

    assert (first, file.read_new()) == ("", "ü\n")


def test_the_last_line_of_an_ended_job_needs_no_end(path: Path) -> None:
    append(path, b"killed in the mid")

    assert GrowingFile(path).read_new(is_ended=True) == "killed in the mid"


def test_what_belongs_to_an_earlier_attempt_is_left_out(path: Path) -> None:
    append(path, b"first\nsecond\n")

    assert GrowingFile(path, offset=6).read_new() == "second\n"


def test_a_file_that_was_replaced_by_a_shorter_one_is_read_from_its_start(path: Path) -> None:
    append(path, b"new\n")

    assert GrowingFile(path, offset=100).read_new() == "new\n"


def test_bytes_that_are_no_text_do_not_stop_the_reader(path: Path) -> None:
    append(path, b"\xff\n")

    assert GrowingFile(path).read_new() == "\ufffd\n"


def test_status_lines_that_cannot_be_read_are_left_out() -> None:
    text = '{"message": "a"}\n{"mess\n[1]\n\n{"message": "b"}\n'

    assert parse_status(text) == [{"message": "a"}, {"message": "b"}]


@pytest.mark.parametrize(
    ("statuses", "message"),
    [
        (["STARTED", "FAILURE"], "line 1"),
        (["FAILURE", "STARTED"], ""),
        (["SUCCESS"], ""),
        ([], ""),
    ],
)
def test_only_a_failure_at_the_end_counts(statuses: list[str], message: str) -> None:
    lines = [{"status": status, "message": f"line {i}"} for i, status in enumerate(statuses)]

    assert find_failure(lines) == message
