"""How much memory there is, and who died for want of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.job import FailureKind, JobState, classify_failure
from skillbank.platforms.memory import count_memory_kills, explain_kill


def test_the_kernel_counts_what_it_killed_for_memory(tmp_path: Path) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 12\noom_kill 3\nthp_split 0\n")

    assert count_memory_kills(counters, tmp_path / "none") == 3


@pytest.mark.parametrize("content", [None, "", "nr_free_pages 12\n"])
def test_a_kernel_that_does_not_count_has_killed_nobody(
    tmp_path: Path, content: str | None
) -> None:
    counters = tmp_path / "vmstat"
    if content is not None:
        counters.write_text(content)

    assert count_memory_kills(counters, tmp_path / "none") == 0


@pytest.mark.parametrize("exit_code", [-9, 137])
def test_a_kill_for_memory_is_told_from_somebodys_kill(exit_code: int) -> None:
    for_memory, by_somebody = explain_kill(exit_code, 3, 4), explain_kill(exit_code, 4, 4)

    assert by_somebody == ""
    kind = classify_failure(JobState.ERROR, exit_code, for_memory)
    assert kind is FailureKind.OUT_OF_MEMORY


@pytest.mark.parametrize("exit_code", [0, 1, 75, 143, -15])
def test_another_end_is_never_put_down_to_memory(exit_code: int) -> None:
    assert explain_kill(exit_code, 3, 4) == ""
