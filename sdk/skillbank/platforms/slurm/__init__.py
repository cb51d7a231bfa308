"""Jobs on a SLURM cluster: a batch script for each attempt, judged by what the controller says."""

from skillbank.platforms.slurm.platform import SlurmPlatform

__all__ = ["SlurmPlatform"]
