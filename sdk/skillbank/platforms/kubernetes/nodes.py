"""Which machines of a cluster may run a job, and what they hold; a pure function of their objects.

What others use at the moment does not count: a job that finds no room waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from skillbank.platforms.inspection import Gpu, Resources
from skillbank.platforms.kubernetes.settings import KubernetesSettings, Toleration

_UNITS = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15} | {
    f"{letter}i": 2.0 ** (10 * power) for power, letter in enumerate("KMGTP", start=1)
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|[KMGTP]i?)?")
_KEEPING_OFF = ("NoSchedule", "NoExecute")
_GPU_NAME = "nvidia.com/gpu.product"  # labels that NVIDIA's GPU feature discovery gives
_GPU_MIB = "nvidia.com/gpu.memory"

Node = Mapping[str, Any]


def fitting_nodes(nodes: Iterable[Node], settings: KubernetesSettings) -> list[Node]:
    """Machines that are ready and that jobs may be put on."""
    return [node for node in nodes if _is_open(node, settings)]


def most_gpus(nodes: Iterable[Node], settings: KubernetesSettings) -> int:
    """GPUs of the machine that has most of them; a job's GPUs are all on one."""
    return max((_gpus(node, settings) for node in nodes), default=0)


def count_places(nodes: Iterable[Node], settings: KubernetesSettings, num_gpus: int) -> int:
    """How many jobs the machines hold at once, where nobody else uses them."""
    wanted: dict[str, float] = {"pods": 1}
    if settings.cpus:
        wanted["cpu"] = settings.cpus
    if settings.memory_bytes:
        wanted["memory"] = settings.memory_bytes
    if num_gpus:
        wanted[settings.gpu_resource] = num_gpus
    return sum(_count_in(node, wanted) for node in nodes)


def describe_largest(nodes: Sequence[Node], settings: KubernetesSettings) -> Resources | None:
    """What one job can get: the machine with most GPUs, and of those the one with most cores."""
    if not nodes:
        return None
    node = max(nodes, key=lambda one: (_gpus(one, settings), _amount(one, "cpu")))
    labels = node["metadata"].get("labels") or {}
    mib = labels.get(_GPU_MIB, "")
    gpu = Gpu(labels.get(_GPU_NAME, "GPU"), int(mib) * 2**20 if mib.isdecimal() else 0)
    memory = int(_amount(node, "memory"))
    return Resources(int(_amount(node, "cpu")), memory, memory, (gpu,) * _gpus(node, settings))


def read_quantity(text: str) -> float:
    """A quantity of the API: `4`, `3920m`, `16393484Ki`; 0 where it is none."""
    match = _QUANTITY.fullmatch(text)
    return float(match[1]) * _UNITS.get(match[2] or "", 1.0) if match else 0.0


def _is_open(node: Node, settings: KubernetesSettings) -> bool:
    spec = node.get("spec") or {}
    labels = node["metadata"].get("labels") or {}
    conditions = node["status"].get("conditions") or ()
    is_ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    is_meant = settings.node_selector.items() <= labels.items()
    taints = [one for one in spec.get("taints") or () if one.get("effect") in _KEEPING_OFF]
    stands = [Toleration(key=settings.gpu_resource), *settings.tolerations]
    is_stood = all(any(_tolerates(one, taint) for one in stands) for taint in taints)
    return is_ready and is_meant and is_stood and not spec.get("unschedulable")


def _tolerates(toleration: Toleration, taint: Mapping[str, str]) -> bool:
    if toleration.effect not in {"", taint.get("effect")}:
        return False
    if toleration.key not in {"", taint["key"]}:
        return False
    return toleration.operator == "Exists" or toleration.value == taint.get("value", "")


def _count_in(node: Node, wanted: Mapping[str, float]) -> int:
    return min(int(_amount(node, name) // amount) for name, amount in wanted.items())


def _gpus(node: Node, settings: KubernetesSettings) -> int:
    return int(_amount(node, settings.gpu_resource))


def _amount(node: Node, resource: str) -> float:
    return read_quantity(str((node["status"].get("allocatable") or {}).get(resource, "0")))
