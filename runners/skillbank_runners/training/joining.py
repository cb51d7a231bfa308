"""The joint between our processes and Lightning: its environments, chosen and not guessed."""

from __future__ import annotations

import time
from datetime import timedelta

from pytorch_lightning.plugins.environments import (  # type: ignore[attr-defined]
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from torch._C._distributed_c10d import PrefixStore, Store, TCPStore
from torch.distributed import DistError

from skillbank_runners.errors import Unreachable
from skillbank_runners.training.peers import GATHERING_S, Peers
from skillbank_runners.training.processes import Launcher, Place, describe_step

_ANSWER_S = 10


def environment_of(place: Place) -> ClusterEnvironment:
    """Lightning's view of a place.

    Lightning itself would take any process of a SLURM job for one that srun started, the batch
    script's own too, and requeue jobs on SIGUSR1: whoever runs the job does that.
    """
    match place.launcher:
        case Launcher.TORCHRUN:
            return TorchElasticEnvironment()
        case Launcher.SLURM:
            describe_step(place)
            return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def join(peers: Peers) -> None:
    """Meet the other processes that a launcher started.

    Raises:
        RunnerError: The first one cannot be reached.
    """
    place = peers.place
    if not place.has_peers:
        return
    environment = environment_of(place)
    peers.meet(_open_store(place, environment.main_address, environment.main_port))


def _open_store(place: Place, address: str, port: int) -> Store:
    """The store of one meeting; short attempts, so that a signal is heard between them."""
    deadline = time.monotonic() + GATHERING_S
    while True:
        try:
            store = TCPStore(
                address,
                port,
                is_master=place.keeps_store,
                timeout=timedelta(seconds=_ANSWER_S),
                wait_for_workers=False,
                multi_tenant=True,  # Lightning opens it a second time
            )
            break
        except DistError as error:
            if place.keeps_store or time.monotonic() > deadline:
                raise Unreachable(
                    f"the first process cannot be reached at {address}:{port} "
                    f"({str(error).splitlines()[0]}); let the machines reach one another, or "
                    "name another address and port in MASTER_ADDR and MASTER_PORT"
                ) from error
    return PrefixStore(f"skillbank/{place.round}", store)
