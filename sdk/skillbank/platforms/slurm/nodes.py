"""The nodes of a partition: what one job can get of them, and how many jobs fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from skillbank.errors import PlatformError, did_you_mean
from skillbank.platforms.slurm.commands import read_fields

_UNUSABLE = ("down", "drain", "drng", "draining", "drained", "fail", "error", "maint", "inval")
_MIB = 2**20
FORMAT = "%N|%T|%c|%m|%e|%G"
"""Of sinfo, one line per node: name, state, cores, memory in MiB, free memory, GRES."""


@dataclass(frozen=True)
class Node:
    """One machine.

    Attributes:
        name: Its name.
        state: As SLURM shows it.
        cpus: Processor cores.
        memory_bytes: Memory that jobs may get.
        free_bytes: Memory that is free now, where that is told; else all of it.
        gpus: GPUs by type; "" is the type of those that have none.
    """

    name: str
    state: str
    cpus: int
    memory_bytes: int
    free_bytes: int
    gpus: dict[str, int]

    @property
    def is_usable(self) -> bool:
        """Whether jobs start there, now or once others have ended."""
        return not self.state.startswith(_UNUSABLE)

    def count_gpus(self, kind: str | None = None) -> int:
        """GPUs of a type; of all types where none is asked for."""
        if kind is None:
            return sum(self.gpus.values())
        return self.gpus.get(kind, 0)


def read_nodes(text: str) -> list[Node]:
    """Nodes from the output of `sinfo --Node --noheader --format=FORMAT`; each node once."""
    nodes = {}
    for line in text.splitlines():
        name, state, cpus, memory, free, gres = line.split("|", 5)
        size = int(memory.rstrip("+")) * _MIB
        free_bytes = min(size, int(free) * _MIB) if free.isdecimal() else size
        plain = state.rstrip("*~#!%$@^-+").lower()
        nodes[name] = Node(
            name, plain, int(cpus.rstrip("+")), size, free_bytes or size, read_gpus(gres)
        )
    return list(nodes.values())


def read_gpus(gres: str) -> dict[str, int]:
    """GPUs by type of a GRES text such as `gpu:a100:4(S:0-1),shard:8`."""
    found: dict[str, int] = {}
    for match in re.finditer(r"(?:^|,)gpu(?::([A-Za-z][^:,(]*))?(?::(\d+))?(?=[(,]|$)", gres):
        kind = match[1] or ""
        found[kind] = found.get(kind, 0) + int(match[2] or 1)
    return found


@dataclass(frozen=True)
class Share:
    """What one job takes of each of its nodes.

    Attributes:
        cpus: Cores.
        memory_bytes: Memory; 0: it is not counted.
        gpus: GPUs.
        gpu_type: Their type; None: any.
        takes_all: It takes whole nodes.
    """

    cpus: int
    memory_bytes: int = 0
    gpus: int = 0
    gpu_type: str | None = None
    takes_all: bool = False

    def count_on(self, node: Node) -> int:
        """How many such jobs run on a node at once."""
        fits = [node.cpus // self.cpus]
        if self.memory_bytes:
            fits.append(node.memory_bytes // self.memory_bytes)
        if self.gpus:
            fits.append(node.count_gpus(self.gpu_type) // self.gpus)
        return min(1, *fits) if self.takes_all else min(fits)


def count_jobs(nodes: Iterable[Node], share: Share, num_nodes: int) -> int:
    """How many jobs run at once, each of which takes its share of several nodes."""
    places = sorted((share.count_on(node) for node in nodes if node.is_usable), reverse=True)
    if num_nodes == 1:
        return sum(places)
    # A job takes one place on each of its nodes: k jobs need k*num_nodes places, at most k a node.
    most = sum(places) // num_nodes
    return max(
        k for k in range(most + 1) if sum(min(place, k) for place in places) >= k * num_nodes
    )


def largest(nodes: Sequence[Node], gpu_type: str | None) -> Node | None:
    """The usable node that offers a single job most: GPUs first, then cores, then memory."""
    usable = [node for node in nodes if node.is_usable]
    return max(
        usable,
        key=lambda node: (node.count_gpus(gpu_type), node.cpus, node.memory_bytes),
        default=None,
    )


@dataclass(frozen=True)
class Partition:
    """One partition.

    Attributes:
        name: Its name.
        state: UP, or why nothing starts there.
        is_exclusive: Jobs get whole nodes.
        memory_per_cpu_bytes: Memory of jobs that ask for none, per core; 0: not told so.
        memory_per_node_bytes: The same per node; 0: not told so.
        longest: Longest time of a job, as SLURM shows it.
        accounts: Accounts that may use it; empty: all.
    """

    name: str
    state: str
    is_exclusive: bool = False
    memory_per_cpu_bytes: int = 0
    memory_per_node_bytes: int = 0
    longest: str = ""
    accounts: tuple[str, ...] = ()

    def memory_of(self, asked_bytes: int | None, cpus: int) -> int:
        """Memory that a job gets on each node; 0 where that limits nothing."""
        return asked_bytes or self.memory_per_node_bytes or self.memory_per_cpu_bytes * cpus


def read_partition(text: str, name: str | None) -> Partition:
    """A partition from the output of `scontrol --oneliner show partition`.

    Args:
        text: The output.
        name: Its name; None: the default one.

    Raises:
        PlatformError: There is none such; the message lists those that are.
    """
    fields = (
        *("PartitionName", "State", "Default", "OverSubscribe", "MaxTime", "AllowAccounts"),
        *("DefMemPerCPU", "DefMemPerNode"),
    )
    lines = [read_fields(line, fields) for line in text.splitlines() if line.strip()]
    for found in lines:
        if found["PartitionName"] == name or (name is None and found.get("Default") == "YES"):
            return _partition(found)
    known = [found["PartitionName"] for found in lines]
    if name is None:
        raise PlatformError(
            f"SLURM has no default partition; name one, 'partition: {known[0] if known else '...'}'"
            f", in config.yaml. There are: {', '.join(known)}."
        )
    raise PlatformError(f"SLURM has no partition {name!r}; {did_you_mean(name, known)}")


def _partition(found: dict[str, str]) -> Partition:
    accounts = found.get("AllowAccounts", "ALL")
    return Partition(
        name=found["PartitionName"],
        state=found.get("State", "UP"),
        is_exclusive=found.get("OverSubscribe", "").startswith("EXCLUSIVE"),
        memory_per_cpu_bytes=_mebibytes(found.get("DefMemPerCPU")),
        memory_per_node_bytes=_mebibytes(found.get("DefMemPerNode")),
        longest=found.get("MaxTime", "").replace("UNLIMITED", ""),
        accounts=() if accounts == "ALL" else tuple(accounts.split(",")),
    )


def _mebibytes(text: str | None) -> int:
    return int(text) * _MIB if text and text.isdecimal() else 0
