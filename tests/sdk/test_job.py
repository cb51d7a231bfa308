"""What a failure means, in words and with advice."""

from __future__ import annotations

import pytest

from skillbank.job import ErrorAdvice, JobState, describe_exit, describe_failure


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (1, "it exited with status 1"),
        (-9, "it was killed by signal 9 (SIGKILL)"),
        (137, "it was killed by signal 9 (SIGKILL)"),
        (-11, "it was killed by signal 11 (SIGSEGV)"),
        (255, "it exited with status 255"),
        (None, "it could not be started"),
    ],
)
def test_an_exit_code_is_told_in_words(exit_code: int | None, words: str) -> None:
    assert describe_exit(exit_code) == words


def test_the_actions_own_message_comes_before_everything_else() -> None:
    told = describe_failure(1, "train_data.npy: clip 3 holds NaN.", "Traceback ...\nboom\n")

    assert told == "train_data.npy: clip 3 holds NaN."


def test_without_a_message_the_end_of_the_log_is_told() -> None:
    log = "\n".join(f"line {index}" for index in range(100))

    told = describe_failure(1, "", log)

    assert told.splitlines() == [
        "it exited with status 1; its log ends with:",
        *(f"line {index}" for index in range(95, 100)),
    ]


def test_a_silent_failure_says_that_it_is_silent() -> None:
    assert describe_failure(3, "", "\n") == "it exited with status 3 and printed nothing"


@pytest.mark.parametrize(
    ("exit_code", "log", "advice"),
    [
        (-9, "", "ran out of memory"),
        (137, "", "ran out of memory"),
        (-7, "", "/dev/shm"),
        (-11, "", "native library"),
        (1, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "smaller batch size"),
        (1, "OSError: [Errno 28] No space left on device", "free some space"),
        (1, "ModuleNotFoundError: No module named 'torch'", "pip install 'skillbank[train]'"),
        (1, "RuntimeError: DataLoader worker is killed by signal: Bus error.", "fewer of them"),
    ],
)
def test_known_failures_come_with_advice(exit_code: int, log: str, advice: str) -> None:
    last = describe_failure(exit_code, "", log).splitlines()[-1]

    assert last.startswith("Advice: ")
    assert advice in last


def test_a_skill_adds_its_own_advice_and_it_comes_first() -> None:
    own = [ErrorAdvice("layout .* has 18 joints", "check model.graph_layout")]
    message = "layout openpose has 18 joints; No space left on device"

    told = describe_failure(1, message, "", own).splitlines()

    assert told[1] == "Advice: check model.graph_layout"
    assert len(told) == 3


def test_a_known_message_is_believed_more_than_the_signal() -> None:
    told = describe_failure(-9, "", "CUDA out of memory").splitlines()

    assert [line for line in told if line.startswith("Advice")] == [
        "Advice: the GPU ran out of memory: use a smaller batch size"
    ]


def test_advice_is_given_once() -> None:
    twice = [ErrorAdvice("boom", "sit down"), ErrorAdvice("bo+m", "sit down")]

    assert describe_failure(1, "boom", "", twice).count("sit down") == 1


def test_every_state_but_complete_can_be_resumed_when_it_is_final() -> None:
    final = {state for state in JobState if state.is_final}

    assert final == {JobState.COMPLETE, JobState.ERROR, JobState.CANCELED, JobState.LOST}
    assert {state for state in JobState if state.can_resume} == final - {JobState.COMPLETE}
