"""The joint between our processes and Lightning: its environments, chosen and not guessed."""

from __future__ import annotations

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from skillbank_runners.training.peers import Peers
from skillbank_runners.training.processes import Launcher, Place, describe_step


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
    peers.join(environment.main_address, environment.main_port)
