"""Which device an action computes on, and sums over the processes that train together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from skillbank_runners.errors import WrongRequest
from skillbank_runners.spec_sections import DeviceSpec
from skillbank_runners.training.processes import ALONE, Place


@dataclass(frozen=True)
class Devices:
    """What was asked for, fitted to what is there.

    Attributes:
        gpu_ids: Indices of the GPUs of each machine to use; empty: the CPU.
        note: One sentence for the log.
        place: Where this process stands among those that a launcher started.
    """

    gpu_ids: tuple[int, ...]
    note: str
    place: Place = ALONE

    @property
    def per_node(self) -> int:
        """Processes that train together on each machine: one per GPU, or as many as there are."""
        return len(self.gpu_ids) or self.place.processes_per_node

    @property
    def num_processes(self) -> int:
        """Processes that train together, on all machines."""
        return self.per_node * self.place.num_nodes

    @property
    def first(self) -> torch.device:
        """The device of work that one device does alone."""
        return torch.device("cuda", self.gpu_ids[0]) if self.gpu_ids else torch.device("cpu")


def choose_devices(settings: DeviceSpec, place: Place = ALONE) -> Devices:
    """Fit `num_gpus` and `gpu_ids` to this machine; without a GPU the CPU does the work.

    Where the two disagree the larger number of GPUs wins, as TAO documents.

    Args:
        settings: What was asked for.
        place: Where this process stands; an action that works alone leaves it out.

    Raises:
        WrongRequest: A launcher started another number of processes than there are GPUs to use.
    """
    devices = _devices_here(settings, place)
    if place.has_peers and devices.per_node != place.processes_per_node:
        started, used = place.processes_per_node, len(devices.gpu_ids)
        raise WrongRequest(
            f"train.num_gpus: {place.launcher} started {started} processes on each machine, and "
            f"this one uses {used} of the {torch.cuda.device_count()} GPUs that it sees; set "
            f"train.num_gpus to {started}, and let every process see all GPUs of its machine "
            "(--gpus-per-node, not --gpus-per-task)"
        )
    return devices


def _devices_here(settings: DeviceSpec, place: Place) -> Devices:
    available = torch.cuda.device_count()
    together = f", {place.num_processes} processes on {place.num_nodes} machines"
    if not available:
        threads = torch.get_num_threads()
        note = f"no GPU here: running on the CPU, threads: {threads}"
        return Devices((), note + together * place.has_peers, place)
    wanted = tuple(dict.fromkeys(settings.gpu_ids))
    if settings.num_gpus > len(wanted):
        others = [gpu for gpu in range(available) if gpu not in wanted]
        wanted += tuple(others[: settings.num_gpus - len(wanted)])
    present = tuple(gpu for gpu in wanted if gpu < available) or (0,)
    names = ", ".join(f"{gpu} ({torch.cuda.get_device_name(gpu)})" for gpu in present)
    note = f"running on GPU {names}"
    if len(present) < max(settings.num_gpus, len(wanted)):
        note += f"; asked for {max(settings.num_gpus, len(wanted))}, this machine has {available}"
    return Devices(present, note + together * place.has_peers, place)


def sum_over_processes(values: Sequence[float], device: torch.device) -> list[float]:
    """Element-wise sum of the values that every training process holds."""
    return _combined(values, device, "sum")


def largest_over_processes(values: Sequence[float], device: torch.device) -> list[float]:
    """Element-wise maximum of the values that every training process holds."""
    return _combined(values, device, "max")


def each_of_processes(values: Sequence[float], device: torch.device) -> list[list[float]]:
    """The values of every training process, in the order of their ranks."""
    if not _is_shared():
        return [list(values)]
    own = torch.tensor(values, dtype=torch.float64, device=device)
    found = [torch.empty_like(own) for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather(found, own)
    return [list(map(float, one)) for one in found]


def _combined(values: Sequence[float], device: torch.device, how: str) -> list[float]:
    if not _is_shared():
        return list(values)
    total = torch.tensor(values, dtype=torch.float64, device=device)
    ways = {"sum": torch.distributed.ReduceOp.SUM, "max": torch.distributed.ReduceOp.MAX}
    torch.distributed.all_reduce(total, ways[how])
    return [float(value) for value in total]


def _is_shared() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
