"""The container of a job, as a pure function of its plan: what the Engine API is asked to make."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.plan import JobPlan
from skillbank.platforms.docker.mounts import mounts_of
from skillbank.platforms.docker.settings import DockerSettings

NO_NETWORK = "none"
LABEL_ROOT = "skillbank.root"
LABEL_JOB = "skillbank.job"
LABEL_ATTEMPT = "skillbank.attempt"
LABEL_FOLDER = "skillbank.folder"
LABEL_KEEP = "skillbank.keep"

_NANO = 10**9
_HOME = "/tmp"


@dataclass(frozen=True)
class Host:
    """Who submits, and what the daemon is like.

    Attributes:
        root: Root folder of the jobs.
        user: `UID:GID` of the submitter.
        groups: Further groups of the submitter.
        is_rootless: Root of a container is the submitter.
        has_selinux: Containers are labelled, and kept from files of the machine by that.
    """

    root: Path
    user: str
    groups: tuple[int, ...] = ()
    is_rootless: bool = False
    has_selinux: bool = False


def container_name(root: Path, job_id: str, attempt: int) -> str:
    """The same for an attempt whoever asks, and unlike those of any other root."""
    safe_id = re.sub(r"[^a-zA-Z0-9_.-]", "-", job_id)
    return f"skillbank-{root_label(root)}-{safe_id}-{attempt}"


def root_label(root: Path) -> str:
    """By what containers of a root are known."""
    return hashlib.sha256(str(root).encode()).hexdigest()[:8]


def describe_container(
    plan: JobPlan, attempt: int, command: list[str], settings: DockerSettings, host: Host
) -> dict[str, Any]:
    """The container of one attempt, as JSON of the Engine API.

    Args:
        plan: What runs.
        attempt: Number of the attempt.
        command: Arguments of Python.
        settings: How it runs.
        host: Who submits, and where.

    Raises:
        PlatformError: The spec names a folder that no container can be given.
    """
    return {
        "Image": settings.image,
        "Entrypoint": [settings.python],
        "Cmd": command,
        "User": settings.user or ("0:0" if host.is_rootless else host.user),
        # Nothing of the submitter's: values that may be secret come through standard input.
        "Env": [f"HOME={_HOME}", "USER=skillbank", "PYTHONUNBUFFERED=1"],
        "WorkingDir": str(plan.folder),
        "Labels": {
            LABEL_ROOT: root_label(host.root),
            LABEL_JOB: plan.job_id,
            LABEL_ATTEMPT: str(attempt),
            LABEL_FOLDER: str(plan.folder),
            **({LABEL_KEEP: "yes"} if settings.keep else {}),
        },
        "OpenStdin": True,
        "StdinOnce": True,
        "StopSignal": "SIGTERM",
        "HostConfig": _host_config(plan, settings, host),
    }


def _host_config(plan: JobPlan, settings: DockerSettings, host: Host) -> dict[str, Any]:
    labels = ["label=disable"] if host.has_selinux else []
    config: dict[str, Any] = {
        "NetworkMode": settings.network,
        "Mounts": mounts_of(plan, settings, host.root),
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", *labels],
        "ReadonlyRootfs": settings.read_only,
        # Programs are compiled and loaded there: PyTorch's compiler, for one.
        "Tmpfs": {"/tmp": "rw,exec,nosuid,nodev,mode=1777"},
        "ShmSize": settings.shm_bytes,
        "RestartPolicy": {"Name": "no"},
    }
    if not settings.user and not host.is_rootless and host.groups:
        config["GroupAdd"] = [str(group) for group in host.groups]
    if settings.ulimits:
        config["Ulimits"] = [_ulimit(name, str(value)) for name, value in settings.ulimits.items()]
    if settings.runtime:
        config["Runtime"] = settings.runtime
    if settings.cpus:
        config["NanoCpus"] = settings.cpus * _NANO
    if settings.memory_bytes:
        # The same number twice: no swap, in which a training would only seem to go on.
        config |= {"Memory": settings.memory_bytes, "MemorySwap": settings.memory_bytes}
        config["ShmSize"] = min(settings.shm_bytes, settings.memory_bytes)
    return config


def request_gpus(content: dict[str, Any], gpu_ids: tuple[str, ...]) -> dict[str, Any]:
    """The same container with GPUs, as `docker run --gpus` asks for them."""
    wanted = {"Driver": "", "Count": 0, "DeviceIDs": list(gpu_ids), "Capabilities": [["gpu"]]}
    return {**content, "HostConfig": {**content["HostConfig"], "DeviceRequests": [wanted]}}


def _ulimit(name: str, value: str) -> dict[str, Any]:
    soft, _, hard = value.partition(":")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
