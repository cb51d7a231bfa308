"""The configuration files of a SLURM cluster that lives on one machine, in one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent

CPUS_PER_NODE = 4
GPUS_PER_NODE = 2
MEMORY_MB = 4000


def write_conf(folder: Path, host: str, ctld_port: int, node_ports: Sequence[int]) -> Path:
    """Write slurm.conf and gres.conf.

    Every node is this machine, under a name, a port and a spool folder of its own. Processes are
    tracked by their parents, since control groups may not be there.

    Args:
        folder: Where all files of the cluster lie.
        host: Name of this machine.
        ctld_port: Port of the controller.
        node_ports: Port of each node.

    Returns:
        Path of slurm.conf.
    """
    (folder / "gres.conf").write_text(
        f"NodeName=n[1-{len(node_ports)}] Name=gpu File={folder}/gpu[0-{GPUS_PER_NODE - 1}]\n",
        encoding="utf-8",
    )
    path = folder / "slurm.conf"
    nodes = "\n".join(
        f"NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
        f"CPUs={CPUS_PER_NODE} Sockets=1 CoresPerSocket={CPUS_PER_NODE} ThreadsPerCore=1 "
        f"RealMemory={MEMORY_MB} Gres=gpu:{GPUS_PER_NODE} State=UNKNOWN"
        for number, port in enumerate(node_ports, 1)
    )
    path.write_text(f"{_settings(folder, host, ctld_port)}{nodes}\n{_PARTITIONS}", encoding="utf-8")
    return path


# Jobs of `urgent` take nodes from those of the others. `normal` warns them and waits; `rough` ends
# them at once.
_PARTITIONS = dedent("""\
    PartitionName=DEFAULT Nodes=ALL MaxTime=INFINITE State=UP DefMemPerCPU=100
    PartitionName=normal Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=60
    PartitionName=rough PriorityTier=1 PreemptMode=REQUEUE
    PartitionName=urgent PriorityTier=10 PreemptMode=OFF
    PartitionName=closed State=DOWN
    """)


def _settings(folder: Path, host: str, ctld_port: int) -> str:
    return dedent(f"""\
        ClusterName=tests
        SlurmctldHost={host}(127.0.0.1)
        SlurmctldPort={ctld_port}
        SlurmUser=root
        SlurmdUser=root
        AuthType=auth/munge
        # A requeued job waits until its old credential has run out.
        AuthInfo=socket={folder}/munge.sock,cred_expire=5
        StateSaveLocation={folder}/state
        SlurmdSpoolDir={folder}/spool-%n
        SlurmctldPidFile={folder}/slurmctld.pid
        SlurmdPidFile={folder}/slurmd-%n.pid
        SlurmctldLogFile={folder}/slurmctld.log
        SlurmdLogFile={folder}/slurmd-%n.log
        SlurmdParameters=config_overrides
        MpiDefault=none
        SwitchType=switch/none
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        SelectType=select/cons_tres
        SelectTypeParameters=CR_Core_Memory
        SchedulerType=sched/backfill
        SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=100000,batch_sched_delay=0
        PreemptType=preempt/partition_prio
        PreemptMode=REQUEUE
        SlurmctldParameters=preempt_send_user_signal
        GresTypes=gpu
        JobRequeue=1
        MinJobAge=3600
        MaxJobCount=20000
        KillWait=3
        UnkillableStepTimeout=10
        SlurmctldTimeout=30
        SlurmdTimeout=60
        MessageTimeout=5
        InactiveLimit=0
        CompleteWait=0
        JobAcctGatherType=jobacct_gather/linux
        JobAcctGatherFrequency=1
        JobAcctGatherParams=OverMemoryKill
        AccountingStorageType=accounting_storage/none
        """)
