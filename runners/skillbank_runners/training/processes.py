"""Which of the processes that train together this one is; torch is not needed to know.

Nothing here starts processes. On one machine with several GPUs Lightning does; on several machines
`srun` or `torchrun` do, and tell each process by its environment which one it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum

from skillbank_runners.errors import WrongRequest

_HOW_TO_START = (
    "start it by 'srun --nodes={0} --ntasks-per-node=GPUS ...' or by 'torchrun --nnodes={0} "
    "--nproc-per-node=GPUS --rdzv-backend=c10d --rdzv-endpoint=HOST:PORT -m "
    "skillbank_runners.launch ...', or on a platform that spans machines"
)


class Launcher(StrEnum):
    """Who started the processes that train together."""

    NONE = "none"
    """Nobody: there is one, or Lightning starts one per GPU of this machine."""
    TORCHRUN = "torchrun"
    SLURM = "srun"


@dataclass(frozen=True)
class Place:
    """Where a process stands among those that a launcher started.

    Attributes:
        launcher: Who started them.
        rank: Number of this process; 0 speaks for all.
        num_processes: How many the launcher started.
        num_nodes: Machines that they run on.
        round: How often the launcher has started all of them anew.
        keeps_store: Whether this process, and not the launcher, keeps what they tell one another.
    """

    launcher: Launcher = Launcher.NONE
    rank: int = 0
    num_processes: int = 1
    num_nodes: int = 1
    round: int = 0
    keeps_store: bool = False

    @property
    def has_peers(self) -> bool:
        """Whether the launcher started further processes."""
        return self.num_processes > 1

    @property
    def processes_per_node(self) -> int:
        """Processes that the launcher started on each machine."""
        return self.num_processes // self.num_nodes

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all."""
        return self.rank == 0


ALONE = Place()


def find_place(environment: Mapping[str, str] | None = None) -> Place:
    """Where this process stands, as its environment says.

    Args:
        environment: The environment; this process's own by default.

    Raises:
        WrongRequest: The launcher put unlike numbers of processes on its machines.
    """
    known = os.environ if environment is None else environment
    if "TORCHELASTIC_RUN_ID" in known:
        count, here = int(known["WORLD_SIZE"]), int(known["LOCAL_WORLD_SIZE"])
        place = Place(
            Launcher.TORCHRUN,
            int(known["RANK"]),
            count,
            -(-count // here),
            int(known.get("TORCHELASTIC_RESTART_COUNT", "0")),
            known["RANK"] == "0" and known.get("TORCHELASTIC_USE_AGENT_STORE") != "True",
        )
    elif int(known.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        # A batch script and a step of one task have a SLURM_PROCID too, and no peers.
        count, nodes = int(known["SLURM_STEP_NUM_TASKS"]), int(known["SLURM_STEP_NUM_NODES"])
        round_ = int(known.get("SLURM_RESTART_COUNT", "0"))
        rank = int(known["SLURM_PROCID"])
        place = Place(Launcher.SLURM, rank, count, nodes, round_, rank == 0)
    else:
        return Place(rank=int(known.get("LOCAL_RANK", "0")))  # Lightning started it, or nobody
    if place.num_processes % place.num_nodes:
        raise WrongRequest(
            f"{place.launcher} started {place.num_processes} processes on {place.num_nodes} "
            "machines, expected equally many on each: give as many as one machine has GPUs"
        )
    return place


def check_nodes(key: str, num_nodes: int, place: Place) -> None:
    """Refuse to work on several machines where nobody has started a process on each.

    Raises:
        WrongRequest: The spec and the launcher disagree.
    """
    if num_nodes == place.num_nodes:
        return
    if place.launcher is Launcher.NONE:
        how = _HOW_TO_START.format(num_nodes)
        raise WrongRequest(
            f"{key}: found {num_nodes}, and this process was started alone on one machine; {how}; "
            f"or set {key} to 1"
        )
    raise WrongRequest(
        f"{key}: found {num_nodes}, but {place.launcher} started processes on {place.num_nodes}; "
        f"set {key} to {place.num_nodes}, or start it on {num_nodes}"
    )


def describe_step(place: Place, environment: MutableMapping[str, str] | None = None) -> None:
    """Let SLURM's variables of the whole job say what holds of the step, as Lightning reads them.

    A step may have fewer tasks than its job, and a job need not say how many there are per machine.
    """
    known = os.environ if environment is None else environment
    known["SLURM_NTASKS"] = str(place.num_processes)
    known["SLURM_NNODES"] = str(place.num_nodes)
    known["SLURM_NTASKS_PER_NODE"] = str(place.processes_per_node)
    known["SLURM_NODELIST"] = known.get("SLURM_STEP_NODELIST", known.get("SLURM_NODELIST", ""))


def quiet_pytorch(environment: MutableMapping[str, str] | None = None) -> None:
    """Spare the log PyTorch's stack traces of sockets that closed, before PyTorch is loaded.

    What they mean is said once, in words, by the process that it happens to.
    """
    (os.environ if environment is None else environment).setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


def share_with_children(name: str, value: str) -> str:
    """Value that the first process of a machine knows, for those that Lightning starts from it.

    Args:
        name: What it is.
        value: What this process would take; a child gets its parent's.
    """
    key = f"SKILLBANK_SHARED_{name.upper()}"
    if int(os.environ.get("LOCAL_RANK", "0")):
        return os.environ.get(key, value)
    os.environ[key] = value
    return value
