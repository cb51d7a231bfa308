"""What SLURM's words mean: states, reasons, nodes, partitions."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.errors import PlatformError
from skillbank.platforms.slurm.commands import SlurmCommands, Unanswered, UnknownJob, read_tail
from skillbank.platforms.slurm.jobs import SlurmJobs
from skillbank.platforms.slurm.nodes import (
    Node,
    Share,
    count_jobs,
    largest,
    read_gpus,
    read_nodes,
    read_partition,
)
from skillbank.platforms.slurm.states import JobRecord, describe, read_sacct, read_scontrol
from skillbank.platforms.staged import SightKind

WAITING, RUNNING, ENDED = SightKind.WAITING, SightKind.RUNNING, SightKind.ENDED


@pytest.mark.parametrize(
    ("state", "kind", "said"),
    [
        ("PENDING", WAITING, "waits"),
        ("REQUEUED", WAITING, "waits"),
        ("REQUEUE_HOLD", WAITING, "held"),
        ("SPECIAL_EXIT", WAITING, "held"),
        ("CONFIGURING", RUNNING, "being started"),
        ("RUNNING", RUNNING, ""),
        ("SUSPENDED", RUNNING, "suspended"),
        ("COMPLETING", RUNNING, "cleared away"),
        ("STAGE_OUT", RUNNING, ""),
        ("COMPLETED", ENDED, ""),
        ("FAILED", ENDED, ""),
        ("TIMEOUT", ENDED, "its time limit of 01:00:00"),
        ("OUT_OF_MEMORY", ENDED, "more memory than it had asked for, 100M"),
        ("DEADLINE", ENDED, "deadline"),
        ("CANCELLED", ENDED, "cancelled in SLURM by user 1000"),
        ("NODE_FAIL", ENDED, "its node failed (n1)"),
        ("BOOT_FAIL", ENDED, "did not start (n1)"),
        ("PREEMPTED", ENDED, "higher rank"),
        ("LAUNCH_FAILED", ENDED, "could not start it"),
        ("A_STATE_OF_THE_FUTURE", ENDED, "A_STATE_OF_THE_FUTURE"),
    ],
)
def test_every_state_is_told_in_words(state: str, kind: SightKind, said: str) -> None:
    record = JobRecord(
        "7", "x", state, time_limit="01:00:00", memory="100M", node="n1", cancelled_by="1000"
    )

    sight = describe(record)

    assert sight.kind is kind
    assert said in sight.detail


@pytest.mark.parametrize(
    ("record", "is_failure_of_machine"),
    [
        (JobRecord("7", "x", "NODE_FAIL"), True),
        (JobRecord("7", "x", "PREEMPTED"), True),
        (JobRecord("7", "x", "FAILED", exit_code=143, is_preempted=True), True),
        (JobRecord("7", "x", "FAILED", exit_code=143), False),
        (JobRecord("7", "x", "TIMEOUT"), False),
        (JobRecord("7", "x", "OUT_OF_MEMORY"), False),
    ],
)
def test_what_the_machine_did_is_no_fault_of_the_job(
    record: JobRecord, is_failure_of_machine: bool
) -> None:
    assert describe(record).is_failure_of_machine is is_failure_of_machine


@pytest.mark.parametrize(
    ("reason", "restarts", "said"),
    [
        ("Resources", 0, "waits for free nodes"),
        ("BeginTime", 1, "waits until it may begin again; queued again once"),
        ("Priority", 3, "others of a higher rank come first; queued again 3 times so far"),
        ("ReqNodeNotAvail,", 0, "a node that it asks for is not available"),
        ("SomethingNew", 0, "waits (SomethingNew)"),
        ("", 0, "waits"),
    ],
)
def test_why_a_job_waits_is_told_in_words(reason: str, restarts: int, said: str) -> None:
    detail = describe(JobRecord("7", "x", "PENDING", reason=reason, restarts=restarts)).detail

    assert said in detail


def test_a_record_of_scontrol_is_read_whatever_stands_between() -> None:
    line = (
        "JobId=12 JobName=train-1-1-ab UserId=ana(1000) JobState=FAILED Reason=NonZeroExitCode "
        "Restarts=2 ExitCode=0:9 TimeLimit=1-00:00:00 StartTime=1795306219 EndTime=1795306300 "
        "PreemptTime=1795306299 NodeList=(null) BatchHost=n3 Command=/a b/JobState=x "
        "MinMemoryCPU=1G"
    )

    record = read_scontrol(line)

    assert (record.job_id, record.name, record.state) == ("12", "train-1-1-ab", "FAILED")
    assert (record.exit_code, record.restarts, record.is_preempted) == (-9, 2, True)
    assert (record.started_at, record.ended_at) == (1795306219.0, 1795306300.0)
    assert (record.node, record.time_limit, record.memory) == ("n3", "1-00:00:00", "1G")


def test_a_record_of_sacct_names_who_cancelled() -> None:
    line = "12|train-1|CANCELLED by 1000|0:15|1795306219|1795306300|UNLIMITED|1Gn|n3"

    record = read_sacct(line)

    assert (record.state, record.cancelled_by, record.exit_code) == ("CANCELLED", "1000", -15)
    assert (record.time_limit, record.node) == ("", "n3")


class TestMemory:
    """What ended long ago is known to sacct alone, where there is one."""

    def put(self, folder: Path, name: str, text: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def jobs(self, folder: Path, sacct: str) -> SlurmJobs:
        self.put(folder, "squeue", "true")
        self.put(
            folder, "scontrol", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1"
        )
        self.put(folder, "sacct", f"echo x >> {folder}/asked; {sacct}")
        return SlurmJobs(SlurmCommands({"PATH": f"{folder}:/usr/bin:/bin"}, 0.0))

    def test_accounting_remembers_a_job_that_the_controller_has_forgotten(
        self, tmp_path: Path
    ) -> None:
        jobs = self.jobs(
            tmp_path, "echo '12|mine|TIMEOUT|0:0|1795306219|1795306300|02:00:00|1G|n1'"
        )

        record = jobs.look("12", "mine")

        assert record is not None
        assert describe(record).detail.startswith("it was stopped by its time limit of 02:00:00")
        assert jobs.find("mine") == "12"
        assert jobs.look("12", "of-another-root") is None

    def test_without_accounting_it_is_asked_once(self, tmp_path: Path) -> None:
        jobs = self.jobs(tmp_path, "echo 'Slurm accounting storage is disabled' >&2; exit 1")

        assert [jobs.look("12", "mine"), jobs.look("13", "mine")] == [None, None]
        assert (tmp_path / "asked").read_text() == "x\n"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("squeue: error: Unable to contact slurm controller (connect failure)", Unanswered),
        ("slurm_load_jobs error: Socket timed out on send/recv operation", Unanswered),
        ("slurm_load_jobs error: Invalid job id specified", UnknownJob),
        ("sbatch: error: Batch job submission failed: Invalid qos specification", PlatformError),
    ],
)
def test_a_failing_command_is_told_by_what_it_means(
    tmp_path: Path, said: str, kind: type[PlatformError]
) -> None:
    path = tmp_path / "squeue"
    path.write_text(f"#!/bin/bash\necho '{said}' >&2\nexit 1\n", encoding="utf-8")
    path.chmod(0o755)

    with pytest.raises(kind) as raised:
        SlurmCommands({"PATH": f"{tmp_path}:/bin"}, 0.0).ask(str(path))

    assert type(raised.value) is kind


def test_a_command_that_is_not_there_says_where_it_would_be() -> None:
    with pytest.raises(PlatformError, match=r"no-such-sbatch: no such command.*login node"):
        SlurmCommands({"PATH": "/nowhere"}, 0.0).ask("no-such-sbatch")


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("(null)", {}),
        ("gpu:2", {"": 2}),
        ("gpu", {"": 1}),
        ("gpu:a100:8(S:0-1)", {"a100": 8}),
        ("gpu:a100:4(S:0),gpu:t4:2,shard:8", {"a100": 4, "t4": 2}),
        ("lustre:1,gpu:h100_80gb:4(IDX:0-3)", {"h100_80gb": 4}),
    ],
)
def test_gpus_are_read_by_type(gres: str, expected: dict[str, int]) -> None:
    assert read_gpus(gres) == expected


def test_a_node_in_several_partitions_is_one_node_and_a_drained_one_is_not_used() -> None:
    text = "n1|idle|4|4000|100|gpu:2\nn1|idle|4|4000|100|gpu:2\nn2|drained*|64|9000|N/A|gpu:8\n"

    nodes = read_nodes(text)
    best = largest(nodes, None)

    assert [node.name for node in nodes] == ["n1", "n2"]
    assert best is not None
    assert best.name == "n1"


def node(cpus: int, gpus: int = 0, memory_gb: int = 64) -> Node:
    return Node("n", "idle", cpus, memory_gb * 2**30, 0, {"": gpus} if gpus else {})


@pytest.mark.parametrize(
    ("share", "num_nodes", "expected"),
    [
        (Share(cpus=1), 1, 12),
        (Share(cpus=3), 1, 3),
        (Share(cpus=1, gpus=2), 1, 4),
        (Share(cpus=1, gpus=4), 1, 2),
        (Share(cpus=1, gpus=5), 1, 0),
        (Share(cpus=1, memory_bytes=48 * 2**30), 1, 3),
        (Share(cpus=1, takes_all=True), 1, 3),
        (Share(cpus=4), 2, 1),
        (Share(cpus=2), 2, 3),
        (Share(cpus=1), 4, 0),
    ],
)
def test_as_many_jobs_run_at_once_as_find_their_share(
    share: Share, num_nodes: int, expected: int
) -> None:
    assert count_jobs([node(4, 4), node(4, 4), node(4)], share, num_nodes) == expected


PARTITIONS = (
    "PartitionName=short Default=NO State=UP MaxTime=01:00:00 AllowAccounts=a,b "
    "DefMemPerNode=UNLIMITED\n"
    "PartitionName=long Default=YES State=UP MaxTime=UNLIMITED AllowAccounts=ALL DefMemPerCPU=100 "
    "OverSubscribe=EXCLUSIVE\n"
)


def test_the_default_partition_is_taken_where_none_is_named() -> None:
    found = read_partition(PARTITIONS, None)

    assert (found.name, found.is_exclusive, found.longest) == ("long", True, "")
    assert found.memory_of(None, 4) == 400 * 2**20


def test_a_partition_that_is_not_there_is_told_with_the_nearest() -> None:
    with pytest.raises(PlatformError, match="did you mean 'short'"):
        read_partition(PARTITIONS, "shrt")


def test_a_cluster_without_a_default_partition_wants_one_named() -> None:
    with pytest.raises(PlatformError, match=r"partition: short.*There are: short"):
        read_partition(PARTITIONS.splitlines()[0], None)


def test_the_tail_of_a_file_begins_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("first line\nsecond line\nthird\n")

    assert read_tail(path, 10) == "third\n"
    assert read_tail(path, 1000) == path.read_text()
    assert read_tail(tmp_path / "none", 10) == ""
