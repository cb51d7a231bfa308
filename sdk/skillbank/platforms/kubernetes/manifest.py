"""The Kubernetes Job of an attempt, as a pure function of its plan: nothing is asked or changed.

Who retries what: the attempt's own process ends with 74 when its place failed it, which counts
against the job's retries; a pod that Kubernetes itself takes away (drained, preempted, evicted) is
replaced and counts for nothing; every other end is the job's own and final.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from skillbank.plan import JobPlan
from skillbank.platforms.kubernetes.settings import KubernetesSettings, Mount
from skillbank.staging.order import PLACE_FAILED_EXIT

CONTAINER = "job"
"""Name of the one container of a pod."""
SCRATCH = "/scratch"
"""The job's own disk in its pod, gone with it."""
PLAN_ANNOTATION = "skillbank/plan"
UPLOAD_S = 30
"""Time that a stopped job's process has to copy its last files up, after the job has ended."""
STAGING_S = 1800
"""Time that bringing inputs and results may take, beside the job's own time limit."""

_LONGEST_ID = 32
_LONGEST_LABEL = 63
_UNREACHABLE_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

Manifest = dict[str, Any]


def job_name(plan: JobPlan, attempt: int) -> str:
    """Name of an attempt's Job: the same whenever it is asked for, and nobody else's.

    It is short enough for the names of pods that are made of it, at most 58 characters.
    """
    origin = plan.results_uri or str(plan.folder)
    digest = hashlib.sha256(f"{origin}\n{plan.job_id}\n{attempt}".encode()).hexdigest()
    readable = re.sub(r"[^a-z0-9]+", "-", plan.job_id.lower())[:_LONGEST_ID].strip("-")
    return "-".join(part for part in ("skillbank", readable, str(attempt), digest[:8]) if part)


def job_manifest(
    plan: JobPlan,
    attempt: int,
    settings: KubernetesSettings,
    arguments: Sequence[str],
    variables: Mapping[str, str],
) -> Manifest:
    """The Job that carries out an attempt.

    Args:
        plan: What to run.
        attempt: Number of the attempt.
        settings: How; with an image.
        arguments: Arguments of Python in the pod.
        variables: What the process there needs to know besides; no secrets.
    """
    labels = _labels(plan, attempt, settings)
    annotations = {**settings.annotations, PLAN_ANNOTATION: plan.hash}
    environment = _environment(plan, settings, variables)
    pod = _pod(plan, settings, _container(plan, settings, arguments, environment))
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(plan, attempt),
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": settings.retries,
            "podFailurePolicy": {"rules": _failure_rules()},
            "ttlSecondsAfterFinished": math.ceil(settings.ttl_s),
            "template": {
                "metadata": {"labels": dict(labels), "annotations": dict(annotations)},
                "spec": pod,
            },
        },
    }


def pod_grace_s(grace_s: float) -> int:
    """Time between a pod's SIGTERM and SIGKILL: the job's own, and that for its last files."""
    return math.ceil(grace_s) + UPLOAD_S


def show_quantity(size_bytes: int) -> str:
    """Bytes as Kubernetes writes them, exactly: `16Gi`, `1500Mi`, `1234`."""
    for power, unit in ((30, "Gi"), (20, "Mi"), (10, "Ki")):
        if size_bytes % 2**power == 0:
            return f"{size_bytes >> power}{unit}"
    return str(size_bytes)


def _failure_rules() -> list[Manifest]:
    """What Kubernetes does by how a pod failed; the first rule that fits holds."""
    disrupted = [{"type": "DisruptionTarget", "status": "True"}]
    own_end = {"containerName": CONTAINER, "operator": "NotIn", "values": [PLACE_FAILED_EXIT]}
    return [
        {"action": "Ignore", "onPodConditions": disrupted},
        # The schemas of 1.25 to 1.28 call the empty list required; later ones do not mind it.
        {"action": "FailJob", "onExitCodes": own_end, "onPodConditions": []},
    ]


def _labels(plan: JobPlan, attempt: int, settings: KubernetesSettings) -> dict[str, str]:
    return {
        **settings.labels,
        "app.kubernetes.io/name": "skillbank",
        "app.kubernetes.io/managed-by": "skillbank",
        "skillbank/job": _label(plan.job_id),
        "skillbank/attempt": str(attempt),
        "skillbank/skill": _label(plan.skill),
        "skillbank/action": _label(plan.action),
    }


def _label(text: str) -> str:
    """A text as labels may hold it."""
    return re.sub(r"[^-_.A-Za-z0-9]+", "-", text)[:_LONGEST_LABEL].strip("-_.")


def _pod(plan: JobPlan, settings: KubernetesSettings, container: Manifest) -> Manifest:
    pod: Manifest = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": _volumes(settings),
        "terminationGracePeriodSeconds": pod_grace_s(settings.grace_s),
        "tolerations": _tolerations(plan, settings),
        "securityContext": _pod_security(settings),
        "automountServiceAccountToken": False,  # no job asks the API server anything
        "enableServiceLinks": False,
    }
    if settings.time_limit_s is not None:
        # The attempt's own process ends the job in time and in order; this is for when it cannot.
        allowance_s = pod_grace_s(settings.grace_s) + STAGING_S
        pod["activeDeadlineSeconds"] = math.ceil(settings.time_limit_s) + allowance_s
    if settings.node_selector:
        pod["nodeSelector"] = dict(settings.node_selector)
    if settings.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    if settings.service_account:
        pod["serviceAccountName"] = settings.service_account
    if settings.priority_class:
        pod["priorityClassName"] = settings.priority_class
    return pod


def _container(
    plan: JobPlan,
    settings: KubernetesSettings,
    arguments: Sequence[str],
    environment: list[Manifest],
) -> Manifest:
    container: Manifest = {
        "name": CONTAINER,
        "image": settings.image,
        "command": [_literal(settings.python)],
        "args": [_literal(argument) for argument in arguments],
        "workingDir": SCRATCH,
        "env": environment,
        "resources": _resources(plan, settings),
        "volumeMounts": _volume_mounts(settings),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if settings.image_pull_policy:
        container["imagePullPolicy"] = settings.image_pull_policy
    return container


def _literal(text: str) -> str:
    """A text in which Kubernetes replaces no `$(NAME)`."""
    return text.replace("$(", "$$(")


def _environment(
    plan: JobPlan, settings: KubernetesSettings, variables: Mapping[str, str]
) -> list[Manifest]:
    own = {
        "HOME": SCRATCH,
        "TMPDIR": SCRATCH,
        "SKILLBANK_HOME": f"{SCRATCH}/skillbank",
        "USER": "skillbank",  # the user id of the pod has no name in most images
        "PYTHONUNBUFFERED": "1",
    }
    if not plan.num_gpus:  # where NVIDIA's runtime is the usual one, it shows all GPUs otherwise
        own["NVIDIA_VISIBLE_DEVICES"] = "void"
    values = {**own, **variables, **settings.environment}
    plain = [{"name": name, "value": _literal(value)} for name, value in values.items()]
    references = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in settings.secret_keys().items()
    ]
    return plain + references


def _resources(plan: JobPlan, settings: KubernetesSettings) -> Manifest:
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    if settings.cpus:
        requests["cpu"] = str(settings.cpus)
    if settings.cpu_limit:
        limits["cpu"] = str(settings.cpu_limit)
    if settings.memory_bytes:
        requests["memory"] = show_quantity(settings.memory_bytes)
    if most := settings.memory_limit_bytes or settings.memory_bytes:
        limits["memory"] = show_quantity(most)
    if settings.scratch_bytes:
        requests["ephemeral-storage"] = show_quantity(settings.scratch_bytes)
    if plan.num_gpus:
        requests[settings.gpu_resource] = limits[settings.gpu_resource] = str(plan.num_gpus)
    both = {"requests": requests, "limits": limits}
    return {name: amounts for name, amounts in both.items() if amounts}


def _volumes(settings: KubernetesSettings) -> list[Manifest]:
    size = settings.scratch_bytes
    scratch: Manifest = {"sizeLimit": show_quantity(size)} if size else {}
    shm = {"medium": "Memory", "sizeLimit": show_quantity(settings.shm_bytes)}
    own = [{"name": "scratch", "emptyDir": scratch}, {"name": "shm", "emptyDir": shm}]
    given = enumerate(settings.all_mounts)
    return [*own, *({"name": f"mount-{index}", **_source(mount)} for index, mount in given)]


def _source(mount: Mount) -> Manifest:
    if mount.claim is not None:
        claim = {"claimName": mount.claim, "readOnly": mount.read_only}
        return {"persistentVolumeClaim": claim}
    if mount.nfs is not None:
        server, _, path = mount.nfs.partition(":")
        return {"nfs": {"server": server, "path": path, "readOnly": mount.read_only}}
    if mount.host_path is not None:
        return {"hostPath": {"path": mount.host_path, "type": "Directory"}}
    if mount.secret is not None:
        return {"secret": {"secretName": mount.secret, "defaultMode": 0o440}}
    return {"configMap": {"name": mount.config_map}}


def _volume_mounts(settings: KubernetesSettings) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "scratch", "mountPath": SCRATCH},
        {"name": "shm", "mountPath": "/dev/shm"},
    ]
    for index, mount in enumerate(settings.all_mounts):
        there: Manifest = {"name": f"mount-{index}", "mountPath": mount.mount}
        if mount.sub_path:
            there["subPath"] = mount.sub_path
        if mount.read_only:
            there["readOnly"] = True
        mounts.append(there)
    return mounts


def _tolerations(plan: JobPlan, settings: KubernetesSettings) -> list[Manifest]:
    tolerations: list[Manifest] = [
        {
            "key": taint,
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": math.ceil(settings.node_patience_s),
        }
        for taint in _UNREACHABLE_TAINTS
    ]
    if plan.num_gpus:  # machines with GPUs often keep everybody else off by this taint
        own = {"key": settings.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}
        tolerations.append(own)
    for one in settings.tolerations:
        told: Mapping[str, Any] = {
            "key": one.key or None,
            "operator": one.operator,
            "value": one.value,
            "effect": one.effect or None,
            "tolerationSeconds": one.seconds,
        }
        tolerations.append({name: value for name, value in told.items() if value is not None})
    return tolerations


def _pod_security(settings: KubernetesSettings) -> Manifest:
    return {
        "runAsNonRoot": settings.run_as_user != 0,
        "runAsUser": settings.run_as_user,
        "runAsGroup": settings.run_as_group,
        "fsGroup": settings.run_as_group,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
