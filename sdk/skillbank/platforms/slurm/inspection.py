"""Checks of a SLURM cluster before a launch, made from where jobs are submitted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from skillbank.errors import PlatformError
from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.platforms.local_inspection import inspect_root
from skillbank.platforms.machine import file_system_of, nearest_folder
from skillbank.platforms.slurm.commands import SlurmCommands
from skillbank.platforms.slurm.nodes import (
    FORMAT,
    Node,
    Partition,
    largest,
    read_nodes,
    read_partition,
)
from skillbank.platforms.slurm.settings import SlurmSettings

_COMMANDS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue")


def inspect_cluster(
    commands: SlurmCommands, settings: SlurmSettings, root: Path, needs: Needs
) -> tuple[Check, ...]:
    """Whether jobs could start on a cluster now; starts nothing."""
    missing = [name for name in _COMMANDS if shutil.which(name) is None]
    if missing:
        found = f"{', '.join(missing)}: not on PATH"
        fix = "work on a login node of the cluster, or load SLURM's module"
        return (Check("commands", CheckState.FAIL, found, "SLURM's commands", fix),)
    there = Check("commands", CheckState.PASS, f"{', '.join(_COMMANDS)} are on PATH")
    try:
        return (
            there,
            _check_controller(commands),
            *_check_partition(commands, settings, needs),
            *_check_account(commands, settings),
            *_check_root(settings, root, needs),
        )
    except PlatformError as error:
        fix = "see 'scontrol ping' and 'sinfo', and the settings in config.yaml"
        return (there, Check("platform", CheckState.FAIL, str(error), "a cluster", fix))


def _check_controller(commands: SlurmCommands) -> Check:
    said = commands.ask("scontrol", "ping").strip()
    return Check("platform", CheckState.PASS, said.splitlines()[0] if said else "it answers")


def _check_partition(
    commands: SlurmCommands, settings: SlurmSettings, needs: Needs
) -> Iterator[Check]:
    said = commands.ask("scontrol", "--oneliner", "show", "partition")
    partition = read_partition(said, settings.partition)
    named = f"partition {partition.name!r}"
    if partition.state != "UP":
        found = f"{named} is {partition.state}"
        fix = "name another one, 'partition: NAME'; 'sinfo' lists them"
        yield Check("partition", CheckState.FAIL, found, "a partition that is UP", fix)
    else:
        longest = f"; a run takes at most {partition.longest}" if partition.longest else ""
        yield Check("partition", CheckState.PASS, f"{named} is UP{longest}")
    said = commands.ask(
        *("sinfo", "--Node", "--noheader", f"--partition={partition.name}", f"--format={FORMAT}")
    )
    yield _check_places(read_nodes(said), partition, settings, needs)


def _check_places(
    nodes: list[Node], partition: Partition, settings: SlurmSettings, needs: Needs
) -> Check:
    usable = [node for node in nodes if node.is_usable]
    idle = sum(node.state == "idle" for node in usable)
    best = largest(nodes, settings.gpu_type)
    gpus = 0 if best is None else best.count_gpus(settings.gpu_type)
    found = (
        f"{len(usable)} of {len(nodes)} nodes of {partition.name!r} are usable, {idle} of them "
        f"idle; one job can get {gpus} GPUs"
    )
    if not usable:
        fix = "see 'sinfo --list-reasons'; name another partition"
        return Check("places", CheckState.FAIL, found, "a usable node", fix)
    if needs.num_gpus > gpus:
        fix = "ask for fewer: --set num_gpus=N, or name another partition"
        return Check("places", CheckState.FAIL, found, f"at least {needs.num_gpus} GPUs", fix)
    if not idle:
        return Check("places", CheckState.WARN, found, "an idle node; the job may wait, QUEUED")
    return Check("places", CheckState.PASS, found)


def _check_account(commands: SlurmCommands, settings: SlurmSettings) -> Iterator[Check]:
    """Whether the account may be used, where SLURM's accounting tells."""
    if settings.account is None:
        return
    try:
        said = commands.tell(
            *("sacctmgr", "--noheader", "--parsable2", "show", "associations"),
            *("where", f"account={settings.account}", "format=account,user"),
        )
    except PlatformError:
        yield Check("account", CheckState.SKIPPED, "SLURM keeps no accounts that could be asked")
        return
    if said.strip():
        yield Check("account", CheckState.PASS, f"account {settings.account!r} is known")
        return
    found = f"account {settings.account!r} is not known"
    fix = "see 'sacctmgr show associations user=$USER'; set 'account' in config.yaml"
    yield Check("account", CheckState.FAIL, found, "an account that you may use", fix)


def _check_root(settings: SlurmSettings, root: Path, needs: Needs) -> Iterator[Check]:
    if not settings.shared:
        found = "the nodes do not see the root folder: jobs need a results URI"
        yield Check("shared", CheckState.PASS, found)
        return
    yield from inspect_root(root, needs)
    kind, is_remote = file_system_of(nearest_folder(root))
    if is_remote:
        yield Check("shared", CheckState.PASS, f"{root} is on a shared file system ({kind})")
        return
    yield Check(
        "shared",
        CheckState.WARN,
        f"{root} is on a {kind or 'local'} file system; from here it cannot be told whether the "
        "nodes see it",
        "a folder that every node sees under the same path",
        f"srun ls -d {nearest_folder(root)}; else set SKILLBANK_HOME, or 'shared: false'",
    )
