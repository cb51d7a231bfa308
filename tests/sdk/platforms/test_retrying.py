"""What is run again by itself, and after how long."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skillbank.job import FailureKind
from skillbank.platforms.retrying import (
    LONGEST_PAUSE_S,
    RetryPolicy,
    explain_run,
    mark_run,
    spread_pause,
)

HOPELESS = (FailureKind.BAD_CONFIGURATION, FailureKind.DIVERGED, FailureKind.OUT_OF_MEMORY)


def test_a_failure_of_the_machine_is_retried_after_pauses_that_double() -> None:
    policy = RetryPolicy(retries=4, wait_s=10)

    pauses = [policy.decide(FailureKind.INFRASTRUCTURE, tries) for tries in range(1, 6)]

    assert pauses == [10, 20, 40, 80, None]


@pytest.mark.parametrize("kind", HOPELESS)
def test_what_would_fail_the_same_way_is_never_retried(kind: FailureKind) -> None:
    assert RetryPolicy(retries=20, wait_s=1).decide(kind, 1) is None


def test_what_is_not_understood_is_retried_once_and_only_at_first() -> None:
    policy = RetryPolicy(retries=5, wait_s=3)

    assert [policy.decide(FailureKind.UNKNOWN, tries) for tries in (1, 2, 3)] == [3, None, None]


@pytest.mark.parametrize("kind", list(FailureKind))
def test_without_retries_nothing_is_retried(kind: FailureKind) -> None:
    assert RetryPolicy().decide(kind, 1) is None


def test_a_pause_stops_growing() -> None:
    policy = RetryPolicy(retries=20, wait_s=600)

    assert policy.decide(FailureKind.INFRASTRUCTURE, 20) == LONGEST_PAUSE_S


def test_pauses_are_spread_over_a_quarter_and_never_shorter() -> None:
    spread = [spread_pause(8) for _ in range(200)]

    assert 8 <= min(spread) < max(spread) <= 10
    assert len(set(spread)) > 100


def make_job(root: Path, log: str = "", **line: object) -> Path:
    (root / "results").mkdir(parents=True, exist_ok=True)
    with (root / "log.txt").open("a") as file:
        file.write(log)
    if line:
        with (root / "results" / "status.json").open("a") as file:
            file.write(json.dumps(line) + "\n")
    return root


@pytest.mark.parametrize(
    ("exit_code", "log", "kind"),
    [
        (-9, "", FailureKind.INFRASTRUCTURE),
        (137, "", FailureKind.INFRASTRUCTURE),
        (2, "no such file\n", FailureKind.BAD_CONFIGURATION),
        (1, "OSError: [Errno 28] No space left on device\n", FailureKind.INFRASTRUCTURE),
        (1, "OSError: [Errno 5] Input/output error\n", FailureKind.INFRASTRUCTURE),
        (1, "RuntimeError: NCCL error: remote process exited\n", FailureKind.INFRASTRUCTURE),
        (1, "torch.OutOfMemoryError: CUDA out of memory.\n", FailureKind.OUT_OF_MEMORY),
        (1, "KeyError: 'x'\n", FailureKind.UNKNOWN),
        (-11, "", FailureKind.UNKNOWN),
        (-7, "", FailureKind.OUT_OF_MEMORY),
        (None, "", FailureKind.INFRASTRUCTURE),
    ],
)
def test_the_log_and_the_exit_code_tell_the_kind(
    tmp_path: Path, exit_code: int | None, log: str, kind: FailureKind
) -> None:
    marks = mark_run(tmp_path)

    assert explain_run(make_job(tmp_path, log), exit_code, marks).kind is kind


def test_what_the_action_says_of_its_failure_is_believed_first(tmp_path: Path) -> None:
    job = make_job(
        tmp_path, "Killed\n", status="FAILURE", message="it diverged.", failure="diverged"
    )

    failure = explain_run(job, -9, mark_run(tmp_path / "none"))

    assert (failure.kind, failure.reason) == (FailureKind.DIVERGED, "it diverged")


def test_what_earlier_runs_left_says_nothing_about_this_one(tmp_path: Path) -> None:
    job = make_job(
        tmp_path, "MemoryError\n", status="FAILURE", message="old", failure="out_of_memory"
    )

    failure = explain_run(job, -9, mark_run(job))

    assert failure.kind is FailureKind.INFRASTRUCTURE
    assert failure.reason == "it was killed by signal 9 (SIGKILL)"


def test_what_its_keeper_knows_about_its_end_counts(tmp_path: Path) -> None:
    told = "the kernel killed it (SIGKILL) because memory ran out: use a smaller batch size"

    failure = explain_run(make_job(tmp_path), -9, mark_run(tmp_path), told)

    assert (failure.kind, failure.reason) == (FailureKind.OUT_OF_MEMORY, told)
