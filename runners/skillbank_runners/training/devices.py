"""Which device an action computes on, and sums over the processes that train together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from skillbank_runners.spec_sections import DeviceSpec


@dataclass(frozen=True)
class Devices:
    """What was asked for, fitted to what is there.

    Attributes:
        gpu_ids: Indices of the GPUs to use; empty: the CPU.
        num_nodes: Machines that work together.
        note: One sentence for the log.
    """

    gpu_ids: tuple[int, ...]
    num_nodes: int
    note: str

    @property
    def num_processes(self) -> int:
        """Processes that train together, on all machines."""
        return max(1, len(self.gpu_ids)) * self.num_nodes

    @property
    def first(self) -> torch.device:
        """The device of work that one device does alone."""
        return torch.device("cuda", self.gpu_ids[0]) if self.gpu_ids else torch.device("cpu")


def choose_devices(settings: DeviceSpec) -> Devices:
    """Fit `num_gpus` and `gpu_ids` to this machine; without a GPU the CPU does the work.

    Where the two disagree the larger number of GPUs wins, as TAO documents.
    """
    available = torch.cuda.device_count()
    if not available:
        threads = torch.get_num_threads()
        return Devices((), 1, f"no GPU here: running on the CPU, threads: {threads}")
    wanted = tuple(dict.fromkeys(settings.gpu_ids))
    if settings.num_gpus > len(wanted):
        others = [gpu for gpu in range(available) if gpu not in wanted]
        wanted += tuple(others[: settings.num_gpus - len(wanted)])
    present = tuple(gpu for gpu in wanted if gpu < available) or (0,)
    names = ", ".join(f"{gpu} ({torch.cuda.get_device_name(gpu)})" for gpu in present)
    note = f"running on GPU {names}"
    if len(present) < max(settings.num_gpus, len(wanted)):
        note += f"; asked for {max(settings.num_gpus, len(wanted))}, this machine has {available}"
    return Devices(present, settings.num_nodes, note)


def sum_over_processes(values: Sequence[float], device: torch.device) -> list[float]:
    """Element-wise sum of the values that every training process holds."""
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return list(values)
    total = torch.tensor(values, dtype=torch.float64, device=device)
    torch.distributed.all_reduce(total)
    return [float(value) for value in total]
