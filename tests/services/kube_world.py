"""A small cluster in this process: Jobs, pods, machines, and what a control plane does with them.

Pods run as processes of this machine. The cluster has a clock of its own that can be set ahead, so
that what takes Kubernetes minutes (a machine that is given up) takes a test no time.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.services.kube_pods import PodProcess
from tests.services.kube_rules import read_amount

Object = dict[str, Any]

_TICK_S = 0.02
_DISRUPTED = "DisruptionTarget"


class KubeWorld:
    """The objects of one namespace, and the controllers that act on them.

    Args:
        folder: Where pods keep their logs and volumes.
        nodes: Name -> what the machine holds, as `allocatable` says it.
    """

    def __init__(self, folder: Path, nodes: Mapping[str, Mapping[str, str]]) -> None:
        self.lock = threading.RLock()
        self.jobs: dict[str, Object] = {}
        self.pods: dict[str, Object] = {}
        self.nodes = {name: _make_node(name, held) for name, held in nodes.items()}
        self.secrets: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Object] = {}
        self.events: list[Object] = []
        self.lost: set[str] = set()
        self._folder = folder
        self._processes: dict[str, PodProcess] = {}
        self._ahead_s = 0.0
        self._numbers = itertools.count(1)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    # ------------------------------------------------------------------ the clock

    def now(self) -> float:
        """The cluster's time, in seconds since the epoch."""
        return time.time() + self._ahead_s

    def skip(self, seconds: float) -> None:
        """Set the cluster's clock ahead."""
        with self.lock:
            self._ahead_s += seconds

    def stamp(self, ahead_s: float = 0.0) -> str:
        """The cluster's time, as objects hold it."""
        return datetime.fromtimestamp(self.now() + ahead_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    # ------------------------------------------------------------------ its life

    def start(self) -> None:
        """Let the controllers work."""
        self._thread.start()

    def stop(self) -> None:
        """End every pod, and the controllers."""
        self._is_over.set()
        self._thread.join()
        for process in self._processes.values():
            process.kill()

    def tick(self) -> None:
        """One round of every controller."""
        with self.lock:
            for pod in list(self.pods.values()):
                self._keep_pod(pod)
            for job in list(self.jobs.values()):
                self._keep_job(job)
            for pod in list(self.pods.values()):
                if not pod["spec"].get("nodeName"):
                    self._schedule(pod)

    def _run(self) -> None:
        while not self._is_over.wait(_TICK_S):
            self.tick()

    # ------------------------------------------------------------------ what tests do to it

    def lose(self, node: str) -> None:
        """Put a machine out of reach: its pods run on, and nobody hears of them.

        The time passes at which Kubernetes gives them up.
        """
        with self.lock:
            self.lost.add(node)
            self.nodes[node]["status"]["conditions"][0]["status"] = "Unknown"
            for pod in self._pods_on(node):
                _set_condition(pod, "Ready", "False", "NodeNotReady")
                waits = [t.get("tolerationSeconds", 0) for t in pod["spec"]["tolerations"]]
                self.skip(max(waits))
                self.evict(pod["metadata"]["name"], "DeletionByTaintManager")
            self.skip(3600)

    def add_node(self, name: str, like: str = "node-1") -> None:
        """Add a machine that holds what another one holds."""
        with self.lock:
            self.nodes[name] = _make_node(name, self.nodes[like]["status"]["allocatable"])

    def evict(self, pod: str, reason: str) -> None:
        """Have a pod taken away, gently, by somebody other than its owner."""
        with self.lock:
            _set_condition(self.pods[pod], _DISRUPTED, "True", reason)
            self.delete_pod(pod)

    def log_of(self, pod: str) -> bytes:
        """What a pod has printed."""
        process = self._processes.get(self.pods[pod]["metadata"]["uid"])
        return process.log.read_bytes() if process is not None else b""

    def running_pods(self) -> list[str]:
        """Names of the pods whose processes live, heard of or not."""
        with self.lock:
            names = {pod["metadata"]["uid"]: name for name, pod in self.pods.items()}
            live = [uid for uid, one in self._processes.items() if one.exit_code() is None]
            return [names.get(uid, uid) for uid in live]

    # ------------------------------------------------------------------ what its API does

    def add_job(self, manifest: Object) -> Object:
        """Take a Job in."""
        job = {**manifest, "metadata": {**manifest["metadata"], **self._identity()}, "status": {}}
        self.jobs[job["metadata"]["name"]] = job
        return job

    def delete_job(self, name: str, policy: str) -> None:
        """Delete a Job; with `Foreground` it goes after its pods."""
        job = self.jobs[name]
        job["metadata"].setdefault("deletionTimestamp", self.stamp())
        for pod in self.pods_of(name):
            self.delete_pod(pod["metadata"]["name"])
        if policy != "Foreground":
            del self.jobs[name]

    def delete_pod(self, name: str, grace_s: float | None = None) -> None:
        """Delete a pod: its machine ends it first, unless no grace is given."""
        pod = self.pods[name]
        if grace_s == 0:
            del self.pods[name]
            return
        usual = pod["spec"]["terminationGracePeriodSeconds"]
        pod["metadata"].setdefault("deletionTimestamp", self.stamp(grace_s or usual))

    def pods_of(self, job: str) -> list[Object]:
        """Pods of a Job."""
        return [p for p in self.pods.values() if p["metadata"]["labels"].get("job-name") == job]

    # ------------------------------------------------------------------ a kubelet

    def _keep_pod(self, pod: Object) -> None:
        node = pod["spec"].get("nodeName")
        if node in self.lost:
            return
        uid, is_leaving = pod["metadata"]["uid"], "deletionTimestamp" in pod["metadata"]
        process = self._processes.get(uid)
        if process is None:
            if is_leaving:
                self._bury(pod)
            elif node is not None and not _has_ended(pod):
                self._start(pod)
            return
        if is_leaving:
            process.stop(pod["spec"]["terminationGracePeriodSeconds"])
        code = process.exit_code()
        if code is not None and not _has_ended(pod):
            self._end(pod, code)
        if code is not None and is_leaving:
            self._bury(pod)

    def _start(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        try:
            self._processes[uid] = PodProcess(pod, self._folder / uid, self._secret)
        except KeyError as error:
            waiting = {"reason": "CreateContainerConfigError", "message": str(error.args[0])}
            _set_state(pod, "Pending", {"waiting": waiting})
            return
        _set_state(pod, "Running", {"running": {"startedAt": self.stamp()}})
        _set_condition(pod, "Ready", "True", "")

    def _secret(self, name: str, key: str) -> str:
        if name not in self.secrets:
            raise KeyError(f'secret "{name}" not found')
        if key not in self.secrets[name]:
            raise KeyError(f"couldn't find key {key} in Secret default/{name}")
        return self.secrets[name][key]

    def _end(self, pod: Object, code: int) -> None:
        began = pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        ended = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "startedAt": began,
            "finishedAt": self.stamp(),
        }
        _set_state(pod, "Failed" if code else "Succeeded", {"terminated": ended})

    def _bury(self, pod: Object) -> None:
        """The pod is gone; a Job that still wants it has counted it first."""
        job = self.jobs.get(pod["metadata"]["labels"]["job-name"])
        if job is not None and not _has_ended(pod):
            pod["status"]["phase"] = "Failed"
        if job is not None:
            self._count(job, pod)
        self.pods.pop(pod["metadata"]["name"], None)

    # ------------------------------------------------------------------ the Job controller

    def _keep_job(self, job: Object) -> None:
        name, metadata = job["metadata"]["name"], job["metadata"]
        pods = self.pods_of(name)
        if "deletionTimestamp" in metadata:
            if not pods:
                del self.jobs[name]
            return
        for pod in pods:
            if _has_ended(pod):
                self._count(job, pod)
        is_final = bool(job["status"].get("conditions"))
        if is_final or job["spec"].get("suspend") or any(not _has_ended(pod) for pod in pods):
            return
        self._add_pod(job)

    def _count(self, job: Object, pod: Object) -> None:
        """Judge a pod that ended, once, by the rules of its Job."""
        counted = job.setdefault("counted", set())
        if pod["metadata"]["uid"] in counted or job["status"].get("conditions"):
            return
        counted.add(pod["metadata"]["uid"])
        if pod["status"]["phase"] == "Succeeded":
            self._finish(job, "Complete", "")
            return
        action = _rule_for(job, pod)
        if action == "FailJob":
            self._finish(job, "Failed", "PodFailurePolicy")
        elif action == "Count":
            job["status"]["failed"] = job["status"].get("failed", 0) + 1
            if job["status"]["failed"] > job["spec"]["backoffLimit"]:
                self._finish(job, "Failed", "BackoffLimitExceeded")

    def _finish(self, job: Object, kind: str, reason: str) -> None:
        told = {"type": kind, "status": "True", "reason": reason, "message": reason}
        job["status"]["conditions"] = [{**told, "lastTransitionTime": self.stamp()}]

    def _add_pod(self, job: Object) -> None:
        name = f"{job['metadata']['name']}-{next(self._numbers)}"
        template = job["spec"]["template"]
        labels = {**template["metadata"]["labels"], "job-name": job["metadata"]["name"]}
        self.pods[name] = {
            "metadata": {**self._identity(), "name": name, "labels": labels},
            "spec": dict(template["spec"]),
            "status": {"phase": "Pending"},
        }

    def _identity(self) -> Object:
        return {"uid": f"uid-{next(self._numbers)}", "creationTimestamp": self.stamp()}

    # ------------------------------------------------------------------ the scheduler

    def _schedule(self, pod: Object) -> None:
        wanted = _requests(pod)
        short: set[str] = set()
        for name, node in self.nodes.items():
            missing = self._missing(name, node, wanted)
            if not missing:
                pod["spec"]["nodeName"] = name
                _set_condition(pod, "PodScheduled", "True", "")
                return
            short |= missing
        told = ", ".join(f"{len(self.nodes)} {reason}" for reason in sorted(short))
        message = f"0/{len(self.nodes)} nodes are available: {told}."
        _set_condition(pod, "PodScheduled", "False", "Unschedulable", message)

    def _missing(self, name: str, node: Object, wanted: Mapping[str, float]) -> set[str]:
        if name in self.lost:
            return {"node(s) were unreachable"}
        used = [_requests(pod) for pod in self._pods_on(name) if not _has_ended(pod)]
        held = {key: read_amount(text) for key, text in node["status"]["allocatable"].items()}
        return {
            f"Insufficient {key}"
            for key, amount in wanted.items()
            if amount + sum(one.get(key, 0) for one in used) > held.get(key, 0)
        }

    def _pods_on(self, node: str) -> list[Object]:
        return [pod for pod in self.pods.values() if pod["spec"].get("nodeName") == node]


def _make_node(name: str, held: Mapping[str, str]) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
        "spec": {},
        "status": {
            "allocatable": dict(held),
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _requests(pod: Object) -> dict[str, float]:
    given = pod["spec"]["containers"][0]["resources"].get("requests", {})
    return {"pods": 1.0, **{name: read_amount(amount) for name, amount in given.items()}}


def _rule_for(job: Object, pod: Object) -> str:
    """What the first rule that fits a failed pod says."""
    states = (pod["status"].get("containerStatuses") or [{}])[0].get("state", {})
    code = states.get("terminated", {}).get("exitCode")
    conditions = {(one["type"], one["status"]) for one in pod["status"].get("conditions", ())}
    for rule in job["spec"].get("podFailurePolicy", {}).get("rules", ()):
        wanted = rule.get("onPodConditions", ())
        if any((one["type"], one["status"]) in conditions for one in wanted):
            return str(rule["action"])
        codes = rule.get("onExitCodes")
        if codes is not None and code and (code in codes["values"]) == (codes["operator"] == "In"):
            return str(rule["action"])
    return "Count"


def _set_condition(pod: Object, kind: str, status: str, reason: str, message: str = "") -> None:
    others = [one for one in pod["status"].get("conditions", ()) if one["type"] != kind]
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    pod["status"]["conditions"] = [*others, told]


def _set_state(pod: Object, phase: str, state: Object) -> None:
    pod["status"]["phase"] = phase
    pod["status"]["containerStatuses"] = [{"name": "job", "state": state}]


def _has_ended(pod: Object) -> bool:
    return pod["status"]["phase"] in {"Succeeded", "Failed"}
