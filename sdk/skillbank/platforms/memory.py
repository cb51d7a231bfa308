"""Memory of this machine, or of the container that this process is in, and who died of it.

A control group (cgroup, version 1 or 2) counts the kills among its own processes and may allow
less than the machine has; where there is none, the kernel's counters of the whole machine hold.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

_COUNTERS = Path("/proc/vmstat")
_MEMINFO = Path("/proc/meminfo")
_OWN_GROUPS = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")
_KILLED_FOR_MEMORY = (
    "the kernel killed it (SIGKILL) because memory ran out: use a smaller batch size or fewer data "
    "workers, or close other programs"
)


class Memory(NamedTuple):
    """Memory that processes beside this one may use, in bytes."""

    total_bytes: int
    available_bytes: int


class MemoryGroup(NamedTuple):
    """One control group with memory accounting.

    Attributes:
        folder: Where the kernel shows it.
        version: Of control groups, 1 or 2.
    """

    folder: Path
    version: int

    def count_kills(self) -> int | None:
        """Processes of the group that the kernel has killed for memory; None: it does not tell."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _read_table(self.folder / name).get("oom_kill")

    def narrow(self, memory: Memory) -> Memory:
        """What is left of a memory within the group's limit."""
        limit_name, usage_name, cache_name = (
            ("memory.max", "memory.current", "inactive_file")
            if self.version == 2
            else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        )
        limit, usage = (_read_number(self.folder / name) for name in (limit_name, usage_name))
        if limit is None or usage is None or limit >= memory.total_bytes:
            return memory
        # Pages of files that nobody has used of late are given back on demand.
        cache = _read_table(self.folder / "memory.stat").get(cache_name, 0)
        free = max(0, limit - usage + cache)
        return Memory(limit, min(memory.available_bytes, free))


def read_memory(
    meminfo: Path = _MEMINFO, own: Path = _OWN_GROUPS, mounted: Path = _GROUPS
) -> Memory:
    """Memory of this machine, within the limits of every group that this process is in."""
    table = _read_table(meminfo)
    memory = Memory(table.get("MemTotal:", 0) * 1024, table.get("MemAvailable:", 0) * 1024)
    group = own_group(own, mounted)
    while group is not None:
        memory = group.narrow(memory)
        above = group.folder.parent
        is_top = mounted in (group.folder, above)
        group = None if is_top else MemoryGroup(above, group.version)
    return memory


def own_group(own: Path = _OWN_GROUPS, mounted: Path = _GROUPS) -> MemoryGroup | None:
    """The group whose memory limit this process is under; None where none can be seen."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            version, roots, mark = 1, [mounted / "memory"], "memory.oom_control"
        elif not controllers:
            version, roots, mark = 2, [mounted, mounted / "unified"], "memory.events"
        else:
            continue
        # Inside a container its own group is mounted as the root, whatever the path says.
        for folder in (each for root in roots for each in (root / path.lstrip("/"), root)):
            if (folder / mark).is_file():
                return MemoryGroup(folder, version)
    return None


def count_memory_kills(
    counters: Path = _COUNTERS, own: Path = _OWN_GROUPS, mounted: Path = _GROUPS
) -> int:
    """Processes that the kernel has killed for memory: in this process's group, else anywhere."""
    group = own_group(own, mounted)
    kills = None if group is None else group.count_kills()
    return _read_table(counters).get("oom_kill", 0) if kills is None else kills


def explain_kill(exit_code: int, kills_before: int, kills_after: int) -> str:
    """Why a job ended so; empty when it was not SIGKILL, or when the kernel has killed nobody.

    Somebody else's `kill -9` looks the same but for the kernel's count, which rises by every kill
    for memory.

    Args:
        exit_code: Exit status of the job's process; negative for a signal.
        kills_before: `count_memory_kills` when the job began.
        kills_after: The same after its end.
    """
    was_killed = exit_code in (-signal.SIGKILL, 128 + signal.SIGKILL)
    return _KILLED_FOR_MEMORY if was_killed and kills_after > kills_before else ""


def show_bytes(size_bytes: float) -> str:
    """A size for a person: `12.3 GB`, `250 MB`."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"


def _read_table(path: Path) -> dict[str, int]:
    """Lines of a name and a number; empty where there are none."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    rows = [line.split() for line in lines]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}


def _read_number(path: Path) -> int | None:
    """The one number of a file; None where it says `max`, or is not there."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
