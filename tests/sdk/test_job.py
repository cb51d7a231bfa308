"""What a failure means, in words and with advice."""

from __future__ import annotations

import pytest

from skillbank.job import (
    ErrorAdvice,
    FailureKind,
    JobState,
    classify_failure,
    describe_exit,
    describe_failure,
)


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

    assert final == set(JobState) - {JobState.PENDING, JobState.QUEUED, JobState.RUNNING}
    assert {state for state in JobState if state.can_resume} == final - {JobState.COMPLETE}


def test_a_paused_job_has_not_failed() -> None:
    failures = {state for state in JobState if state.is_failure}

    assert failures == {JobState.ERROR, JobState.CANCELED, JobState.LOST}


@pytest.mark.parametrize(
    ("exit_code", "detail", "kind"),
    [
        (2, "the spec cannot be used: ...", "bad_configuration"),
        (2, "CUDA out of memory", "bad_configuration"),
        (1, "train_loss became nan in epoch 3: training has diverged. Set ...", "diverged"),
        (1, "out of memory: OutOfMemoryError: CUDA out of memory. Tried ...", "out_of_memory"),
        (1, "it exited with status 1; its log ends with:\nMemoryError", "out_of_memory"),
        (1, "DefaultCPUAllocator: can't allocate memory: you tried ...", "out_of_memory"),
        (1, "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", "out_of_memory"),
        (1, "OSError: [Errno 12] Cannot allocate memory", "out_of_memory"),
        (-9, "the kernel killed it because memory ran out", "out_of_memory"),
        (1, "DataLoader worker is killed by signal: Bus error.", "out_of_memory"),
        (-7, "it was killed by signal 7 (SIGBUS)", "out_of_memory"),
        (1, "OSError: [Errno 28] No space left on device", "infrastructure"),
        (1, "OSError: [Errno 5] Input/output error", "infrastructure"),
        (1, "No module named 'torch'", "infrastructure"),
        (None, "job train-a cannot be started: no memory", "infrastructure"),
        (None, "its process could not be started ([Errno 8] Exec format error)", "infrastructure"),
        (-9, "it was killed by signal 9 (SIGKILL)", "infrastructure"),
        (137, "it was killed by signal 9 (SIGKILL)", "infrastructure"),
        (-15, "it was killed by signal 15 (SIGTERM)", "infrastructure"),
        (1, "internal error: KeyError: 'x'", "unknown"),
        (-11, "it was killed by signal 11 (SIGSEGV)", "unknown"),
        (1, "", "unknown"),
    ],
)
def test_what_a_failure_says_about_trying_again(
    exit_code: int | None, detail: str, kind: str
) -> None:
    assert classify_failure(JobState.ERROR, exit_code, detail) is FailureKind(kind)


@pytest.mark.parametrize("state", [JobState.LOST, JobState.CANCELED])
@pytest.mark.parametrize("exit_code", [None, 143, -9])
def test_a_job_that_was_lost_or_stopped_is_not_to_blame(
    state: JobState, exit_code: int | None
) -> None:
    assert classify_failure(state, exit_code, "gone") is FailureKind.INFRASTRUCTURE


def test_advice_is_no_evidence_of_what_it_guesses() -> None:
    """The advice on SIGKILL speaks of memory, and nothing else does."""
    detail = describe_failure(-9, "", "")

    assert "ran out of memory" in detail
    assert classify_failure(JobState.ERROR, -9, detail) is FailureKind.INFRASTRUCTURE


@pytest.mark.parametrize("kind", FailureKind)
def test_what_the_action_says_of_its_failure_is_believed_first(kind: FailureKind) -> None:
    assert classify_failure(JobState.ERROR, 1, "No space left on device", kind.value) is kind


def test_an_unknown_marker_of_a_newer_runner_is_passed_over() -> None:
    seen = classify_failure(JobState.ERROR, 1, "training has diverged", "eaten_by_the_dog")

    assert seen is FailureKind.DIVERGED


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.COMPLETE, JobState.PAUSED])
def test_what_did_not_fail_has_no_kind_of_failure(state: JobState) -> None:
    with pytest.raises(ValueError, match=f"{state} did not fail"):
        classify_failure(state, 0, "")
