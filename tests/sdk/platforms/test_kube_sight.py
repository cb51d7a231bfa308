"""What Kubernetes says of a Job and its pods becomes a state and a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from skillbank.platforms.kubernetes.sight import (
    STUCK_S,
    needs_events,
    read_sight,
    read_time,
    worst_event,
)
from skillbank.platforms.staged import Sight, SightKind

T0, T1, T2 = "2026-11-22T10:00:00Z", "2026-11-22T10:05:00Z", "2026-11-22T11:00:00Z"
NOW = read_time("2026-11-22T12:00:00Z")
LIMITS = {"limits": {"memory": "16Gi"}}


def make_job(*conditions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    pod = {"spec": {"containers": [{"image": "registry.test/a:1", "resources": LIMITS}]}}
    return {
        "metadata": {"name": "job", "uid": "job-uid"},
        "spec": {"template": pod, "backoffLimit": 0, **spec},
        "status": {"conditions": list(conditions)},
    }


def make_pod(phase: str, state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    states = [] if state is None else [{"name": "job", "state": state}]
    return {
        "metadata": {"name": "pod", "uid": "pod-uid", "creationTimestamp": T0},
        "spec": {"nodeName": "node-7", "containers": [{"image": "registry.test/a:1"}]},
        "status": {"phase": phase, "containerStatuses": states, **status},
    }


def terminated(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    times = {"startedAt": T1, "finishedAt": T2}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **times}}


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> Any:
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    return {**told, "lastTransitionTime": T2}


FAILED = condition("Failed", reason="BackoffLimitExceeded")
RUNNING = {"running": {"startedAt": T1}}


def see(job: dict[str, Any] | None, *pods: dict[str, Any]) -> Sight:
    return read_sight(job, pods, NOW)


def test_a_job_that_is_not_there_is_gone() -> None:
    assert see(None).kind is SightKind.GONE


def test_a_pod_that_runs_has_a_start() -> None:
    sight = see(make_job(), make_pod("Running", RUNNING))

    assert sight == Sight(SightKind.RUNNING, started_at=read_time(T1))


def test_a_pod_that_succeeded_has_ended_with_0_at_its_own_times() -> None:
    """The Job's condition comes later; nobody waits for it."""
    sight = see(make_job(), make_pod("Succeeded", terminated(0, "Completed")))

    assert (sight.kind, sight.exit_code, sight.detail) == (SightKind.ENDED, 0, "")
    assert (sight.started_at, sight.ended_at) == (read_time(T1), read_time(T2))


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (
            make_pod(
                "Pending",
                conditions=[condition("PodScheduled", "False", message="1 Insufficient cpu.")],
            ),
            "no machine can take it: 1 Insufficient cpu.",
        ),
        (
            make_pod(
                "Pending", {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
            ),
            "its image registry.test/a:1 cannot be pulled: not found",
        ),
        (
            make_pod(
                "Pending",
                {
                    "waiting": {
                        "reason": "CreateContainerConfigError",
                        "message": 'secret "s3-keys" not found',
                    }
                },
            ),
            'cannot be started (CreateContainerConfigError): secret "s3-keys" not found',
        ),
        (
            make_pod("Pending", {"waiting": {"reason": "ContainerCreating"}}),
            "is being set up on node-7",
        ),
    ],
    ids=["unschedulable", "image", "secret", "creating"],
)
def test_a_pod_that_waits_says_for_what(pod: dict[str, Any], words: str) -> None:
    assert see(make_job(), pod) == Sight(SightKind.WAITING, words)


def test_a_suspended_job_waits_for_its_queue() -> None:
    assert "suspended" in see(make_job(suspend=True)).detail


@pytest.mark.parametrize(
    ("pod", "reason", "words"),
    [
        (make_pod("Failed", terminated(137, "OOMKilled")), "", "out of memory (its limit is 16Gi)"),
        (make_pod("Failed", terminated(143), reason="DeadlineExceeded"), "", "time limit"),
        (make_pod("Failed", terminated(143)), "DeadlineExceeded", "time limit"),
        (
            make_pod(
                "Failed",
                reason="Evicted",
                message='Usage of EmptyDir volume "scratch" exceeds the limit "10Gi". ',
            ),
            "",
            "its disk is full",
        ),
        (
            make_pod("Failed", terminated(128, "StartError", 'exec: "python": not found')),
            "",
            'its image cannot start it: exec: "python": not found',
        ),
    ],
    ids=["memory", "pod-deadline", "job-deadline", "disk", "no-python"],
)
def test_what_the_job_did_itself_is_named_and_no_failure_of_the_machine(
    pod: dict[str, Any], reason: str, words: str
) -> None:
    sight = see(make_job(condition("Failed", reason=reason)), pod)

    assert sight.kind is SightKind.ENDED
    assert words in sight.detail
    assert not sight.is_failure_of_machine


def disrupted(reason: str) -> dict[str, Any]:
    taken = [condition("DisruptionTarget", reason=reason)]
    return make_pod("Failed", terminated(143), conditions=taken)


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (disrupted("PreemptionByScheduler"), "higher priority"),
        (disrupted("EvictionByEvictionAPI"), "node-7 is being emptied"),
        (disrupted("DeletionByTaintManager"), "node-7 does not answer"),
        (disrupted("TerminationByKubelet"), "node-7 shuts down"),
        (disrupted("SomethingNewer"), "took it away"),
        (make_pod("Failed", reason="Evicted", message="low on resource: memory"), "node-7"),
        (make_pod("Failed", reason="NodeLost"), "node-7"),
        (make_pod("Failed", reason="OutOfnvidia.com/gpu"), "OutOfnvidia.com/gpu"),
        (make_pod("Failed", terminated(137, "ContainerStatusUnknown")), "lost sight"),
        (make_pod("Failed", terminated(74)), "its place on node-7 failed it"),
        (make_pod("Failed", terminated(137)), "killed on its machine node-7"),
    ],
)
def test_what_was_done_to_the_job_is_a_failure_of_its_machine(
    pod: dict[str, Any], words: str
) -> None:
    sight = see(make_job(FAILED), pod)

    assert sight.kind is SightKind.ENDED
    assert words in sight.detail
    assert sight.is_failure_of_machine


@pytest.mark.parametrize("code", [1, 2, 75, 76])
def test_an_exit_code_that_says_enough_needs_no_words(code: int) -> None:
    sight = see(make_job(FAILED), make_pod("Failed", terminated(code)))

    assert (sight.exit_code, sight.detail) == (code, "")
    assert not sight.is_failure_of_machine


def test_a_failed_pod_that_will_be_replaced_is_a_wait() -> None:
    """The Job has not failed: Kubernetes makes another pod."""
    sight = see(make_job(), disrupted("PreemptionByScheduler"))

    assert sight.kind is SightKind.WAITING
    assert "Kubernetes runs it again" in sight.detail


def test_the_newest_pod_counts() -> None:
    old, new = disrupted("EvictionByEvictionAPI"), make_pod("Running", RUNNING)
    new["metadata"] = {**new["metadata"], "creationTimestamp": T1, "name": "a"}

    assert see(make_job(), new, old).kind is SightKind.RUNNING


def test_a_pod_whose_machine_never_confirms_its_end_is_lost_with_it() -> None:
    """Its grace is over for long, and nobody says that it has ended."""
    pod = make_pod("Running", RUNNING)
    pod["metadata"]["deletionTimestamp"] = T2

    early = read_sight(make_job(), [pod], read_time(T2) + STUCK_S - 1)
    late = read_sight(make_job(), [pod], read_time(T2) + STUCK_S + 1)

    assert (early.kind, early.detail) == (SightKind.RUNNING, "is being stopped")
    assert (late.kind, late.is_failure_of_machine) == (SightKind.ENDED, True)
    assert "node-7 does not answer" in late.detail


def test_a_running_pod_whose_machine_is_silent_says_so() -> None:
    silent = make_pod("Running", RUNNING, conditions=[condition("Ready", "False")])

    assert see(make_job(), silent).detail == "its machine node-7 does not answer"


def test_a_job_without_pods_tells_what_its_condition_says() -> None:
    sight = see(make_job(condition("Failed", reason="X", message="has reached the limit")))

    assert (sight.kind, sight.detail) == (SightKind.ENDED, "has reached the limit")


def test_events_are_asked_for_only_where_nothing_else_tells() -> None:
    job, pod = make_job(), make_pod("Pending", {"waiting": {"reason": "ContainerCreating"}})

    assert needs_events(job, []) is job
    assert needs_events(job, [pod]) is pod
    assert needs_events(job, [make_pod("Running", RUNNING)]) is None
    assert needs_events(make_job(FAILED), []) is None
    assert needs_events(make_job(suspend=True), []) is None


def test_the_newest_warning_is_the_one_that_is_told() -> None:
    events = [
        {"type": "Warning", "message": "old", "lastTimestamp": T0},
        {"type": "Warning", "message": "exceeded quota: gpus ", "lastTimestamp": T1},
        {"type": "Normal", "message": "pulled", "lastTimestamp": T2},
        {"type": "Warning", "message": "no time"},
    ]

    assert worst_event(events) == "exceeded quota: gpus"
    assert worst_event([]) == ""
