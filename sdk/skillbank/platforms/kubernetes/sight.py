"""What a Job and its pods tell of an attempt, in words for a person; a pure function of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from skillbank.platforms.staged import Sight, SightKind
from skillbank.staging.order import PLACE_FAILED_EXIT

STUCK_S = 30.0
"""Time after the end of its grace at which a pod that still runs has lost its machine."""

KubeObject = Mapping[str, Any]
"""An object of the API, as its JSON has it."""

_WHO_TOOK_IT = {
    "PreemptionByScheduler": "a job of higher priority took its place",
    "DeletionByTaintManager": "its machine {node} does not answer, or must not run it any more",
    "EvictionByEvictionAPI": "its machine {node} is being emptied",
    "DeletionByPodGC": "its machine {node} is gone",
    "TerminationByKubelet": "its machine {node} shuts down, or ran short of memory or disk",
}
_MACHINE_REASONS = (
    "NodeLost",
    "NodeAffinity",
    "NodeShutdown",
    "OutOf",
    "Preempting",
    "Shutdown",
    "Terminated",
    "UnexpectedAdmissionError",
)
_KILLED_EXIT = 137
_IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_IN_THE_MAKING = ("", "ContainerCreating", "PodInitializing")


class _Ending(NamedTuple):
    """Why a pod failed; empty words: nothing but its exit code is known."""

    detail: str
    is_failure_of_machine: bool = False


def read_sight(job: KubeObject | None, pods: Sequence[KubeObject], now_s: float) -> Sight:
    """What Kubernetes says of an attempt.

    Args:
        job: Its Job; None: there is none any more.
        pods: Pods of the Job.
        now_s: Time of the API server, in seconds since the epoch.
    """
    if job is None:
        return Sight(SightKind.GONE, "Kubernetes knows its Job no more: somebody deleted it")
    pod = newest_pod(pods)
    condition = _final_condition(job)
    if condition is not None or (pod is not None and _phase(pod) == "Succeeded"):
        return _ended(job, pod, condition or {})
    if pod is None:
        return Sight(SightKind.WAITING, _explain_no_pod(job))
    if is_stuck(pod, now_s):
        return Sight(
            SightKind.ENDED,
            f"its machine {_node(pod)} does not answer, and was given up",
            started_at=_started_at(pod),
            is_failure_of_machine=True,
        )
    if _phase(pod) == "Failed":
        why = _explain_failure(job, pod, {}).detail or f"exit code {_exit_code(pod)}"
        return Sight(SightKind.WAITING, f"was interrupted: {why}; Kubernetes runs it again")
    if _started_at(pod) is not None:
        return Sight(SightKind.RUNNING, _explain_life(job, pod), started_at=_started_at(pod))
    return Sight(SightKind.WAITING, _explain_wait(pod))


def newest_pod(pods: Sequence[KubeObject]) -> KubeObject | None:
    """The pod that was made last; of several made in one second, one that has not ended."""

    def rank(pod: KubeObject) -> tuple[str, bool, str]:
        is_live = _phase(pod) not in {"Succeeded", "Failed"}
        return pod["metadata"].get("creationTimestamp") or "", is_live, pod["metadata"]["name"]

    return max(pods, key=rank, default=None)


def is_stuck(pod: KubeObject, now_s: float) -> bool:
    """Tell whether a pod was to be gone by now, but nobody on its machine says that it is."""
    # The API server sets the time at which the pod's grace ends.
    given_up = pod["metadata"].get("deletionTimestamp")
    has_ended = _phase(pod) in {"Succeeded", "Failed"}
    return given_up is not None and not has_ended and now_s > read_time(given_up) + STUCK_S


def needs_events(job: KubeObject, pods: Sequence[KubeObject]) -> KubeObject | None:
    """The object whose events tell why nothing happens; None where none are needed."""
    if _final_condition(job) is not None:
        return None
    pod = newest_pod(pods)
    if pod is None:
        return None if job["spec"].get("suspend") else job
    is_made = _phase(pod) == "Pending" and _waiting(pod).get("reason", "") in _IN_THE_MAKING
    return pod if is_made and not _unschedulable(pod) else None


def worst_event(events: Sequence[KubeObject]) -> str:
    """The newest warning of an object's events, in its own words; empty: there is none."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    newest = max(warnings, key=lambda event: event.get("lastTimestamp") or "", default=None)
    return "" if newest is None else str(newest.get("message", "")).strip()


def read_time(text: str) -> float:
    """A time of the API, in seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def _ended(job: KubeObject, pod: KubeObject | None, condition: KubeObject) -> Sight:
    ended_at = condition.get("lastTransitionTime")
    if pod is None:
        # Its pods are gone, so that only the Job itself can tell.
        is_complete = condition.get("type") == "Complete"
        return Sight(
            SightKind.ENDED,
            "" if is_complete else str(condition.get("message") or condition.get("reason") or ""),
            exit_code=0 if is_complete else None,
            ended_at=read_time(ended_at) if ended_at else None,
        )
    finished_at = _terminated(pod).get("finishedAt") or ended_at
    is_failed = _phase(pod) != "Succeeded"
    ending = _explain_failure(job, pod, condition) if is_failed else _Ending("")
    return Sight(
        SightKind.ENDED,
        ending.detail,
        exit_code=_exit_code(pod),
        started_at=_started_at(pod),
        ended_at=read_time(finished_at) if finished_at else None,
        is_failure_of_machine=ending.is_failure_of_machine,
    )


def _explain_failure(job: KubeObject, pod: KubeObject, condition: KubeObject) -> _Ending:
    if own := _explain_own_failure(job, pod, condition):
        return _Ending(own)
    if others := _explain_failure_of_machine(pod):
        return _Ending(others, is_failure_of_machine=True)
    return _Ending("" if _terminated(pod) else str(pod["status"].get("message") or ""))


def _explain_own_failure(job: KubeObject, pod: KubeObject, condition: KubeObject) -> str:
    """What the job itself, or its settings, did wrong; empty: nothing that Kubernetes knows."""
    reason, message = _reason(pod)
    terminated = _terminated(pod)
    if "DeadlineExceeded" in {reason, condition.get("reason")}:
        return "it took longer than its time limit, 'time_limit', allows"
    if terminated.get("reason") == "OOMKilled":
        return f"it ran out of memory{_memory_limit(job)}; give it more with 'memory'"
    if reason == "Evicted" and "exceed" in message:
        return f"its disk is full: {message.rstrip('. ')}; give it more with 'scratch'"
    if terminated.get("reason") in {"StartError", "ContainerCannotRun"}:
        return f"its image cannot start it: {str(terminated.get('message', '')).strip()}"
    return ""


def _explain_failure_of_machine(pod: KubeObject) -> str:
    """What was done to the job; empty: nothing that Kubernetes knows."""
    node = _node(pod)
    reason, message = _reason(pod)
    terminated = _terminated(pod)
    if disrupted := _condition(pod, "DisruptionTarget"):
        words = _WHO_TOOK_IT.get(str(disrupted.get("reason")), "Kubernetes took it away")
        return words.format(node=node)
    if reason == "Evicted" or reason.startswith(_MACHINE_REASONS):
        return f"its machine {node} could not keep it ({reason}): {message}".rstrip(": ")
    if terminated.get("reason") == "ContainerStatusUnknown":
        return f"its machine {node} lost sight of it"
    if terminated.get("exitCode") == PLACE_FAILED_EXIT:
        return f"its place on {node} failed it"
    if terminated.get("exitCode") == _KILLED_EXIT:  # had only the job been killed, it left a trace
        return f"it was killed on its machine {node}, with all that watched it"
    return ""


def _explain_no_pod(job: KubeObject) -> str:
    if job["spec"].get("suspend"):
        return "is suspended: its queue has not admitted it yet"
    return ""


def _explain_life(job: KubeObject, pod: KubeObject) -> str:
    if job["metadata"].get("deletionTimestamp") or pod["metadata"].get("deletionTimestamp"):
        return "is being stopped"
    ready = _condition(pod, "Ready")
    # It has no probe, so nothing but its machine's silence makes a running pod unready.
    is_silent = ready.get("status") != "True" and "running" in _state(pod)
    return f"its machine {_node(pod)} does not answer" if ready and is_silent else ""


def _explain_wait(pod: KubeObject) -> str:
    if told := _unschedulable(pod):
        return f"no machine can take it: {told}"
    waiting = _waiting(pod)
    reason, message = str(waiting.get("reason", "")), str(waiting.get("message", "")).strip()
    if reason in _IMAGE_REASONS:
        image = pod["spec"]["containers"][0]["image"]
        return f"its image {image} cannot be pulled: {message or reason}"
    if reason in _IN_THE_MAKING:
        return f"is being set up on {_node(pod)}" if pod["spec"].get("nodeName") else ""
    return f"cannot be started ({reason}): {message}".rstrip(": ")


def _unschedulable(pod: KubeObject) -> str:
    scheduled = _condition(pod, "PodScheduled")
    return str(scheduled.get("message", "")) if scheduled.get("status") == "False" else ""


def _memory_limit(job: KubeObject) -> str:
    container = job["spec"]["template"]["spec"]["containers"][0]
    limit = container.get("resources", {}).get("limits", {}).get("memory")
    return f" (its limit is {limit})" if limit else ""


def _final_condition(job: KubeObject) -> KubeObject | None:
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            return dict(condition)
    return None


def _condition(pod: KubeObject, kind: str) -> KubeObject:
    conditions = pod["status"].get("conditions") or ()
    found: KubeObject = next((one for one in conditions if one["type"] == kind), {})
    if kind == "DisruptionTarget" and found.get("status") != "True":
        return {}
    return found


def _phase(pod: KubeObject) -> str:
    return str(pod.get("status", {}).get("phase", "Pending"))


def _reason(pod: KubeObject) -> tuple[str, str]:
    """Reason and message that a pod's status gives."""
    return str(pod["status"].get("reason") or ""), str(pod["status"].get("message") or "")


def _node(pod: KubeObject) -> str:
    return str(pod["spec"].get("nodeName") or "(none)")


def _state(pod: KubeObject) -> KubeObject:
    containers = pod["status"].get("containerStatuses") or ()
    state: KubeObject = containers[0].get("state", {}) if containers else {}
    return state


def _waiting(pod: KubeObject) -> KubeObject:
    return _state(pod).get("waiting") or {}


def _terminated(pod: KubeObject) -> KubeObject:
    return _state(pod).get("terminated") or {}


def _exit_code(pod: KubeObject) -> int | None:
    code = _terminated(pod).get("exitCode")
    return None if code is None else int(code)


def _started_at(pod: KubeObject) -> float | None:
    state = _state(pod)
    began = (state.get("running") or state.get("terminated") or {}).get("startedAt")
    return read_time(began) if began else None
