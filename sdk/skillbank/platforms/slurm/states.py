"""What SLURM's states mean: from a job's record to a `Sight`."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from skillbank.platforms.slurm.commands import read_fields, read_time
from skillbank.platforms.staged import Sight, SightKind

_FIELDS = (
    "JobId",
    "JobName",
    "JobState",
    "Reason",
    "Restarts",
    "ExitCode",
    "StartTime",
    "EndTime",
    "PreemptTime",
    "TimeLimit",
    "BatchHost",
    "NodeList",
    "MinMemoryCPU",
    "MinMemoryNode",
)
_WAITING = {
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESV_DEL_HOLD",
    "SPECIAL_EXIT",
}
_RUNNING = {
    "RUNNING",
    "CONFIGURING",
    "COMPLETING",
    "SUSPENDED",
    "STOPPED",
    "RESIZING",
    "SIGNALING",
    "STAGE_OUT",
    "EXPEDITING",
    "POWER_UP_NODE",
    "UPDATE_DB",
}
_RUNNING_WORDS = {
    "CONFIGURING": "its nodes are being started",
    "POWER_UP_NODE": "its nodes are being started",
    "COMPLETING": "ends: its last processes are being cleared away",
    "SUSPENDED": "suspended: its nodes serve another job for the moment",
    "STOPPED": "stopped, with its memory kept; 'scontrol' can let it go on",
}
# Why SLURM lets a job wait, for those who do not know its abbreviations.
_REASONS = {
    "Resources": "waits for free nodes",
    "Priority": "waits its turn: others of a higher rank come first",
    "BeginTime": "waits until it may begin again",
    "Dependency": "waits for another job",
    "JobHeldUser": "held; 'scontrol release' lets it go on",
    "JobHeldAdmin": "held by an administrator",
    "launch_failed_requeued_held": "held, since its node could not start it",
    "Reservation": "waits for its reservation to begin",
    "Licenses": "waits for licences",
    "ReqNodeNotAvail": "a node that it asks for is not available",
    "NodeDown": "a node that it asks for is down",
    "PartitionDown": "its partition is down: nothing starts there now",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionTimeLimit": "it asks for more time than its partition allows",
    "PartitionNodeLimit": "it asks for more nodes than its partition has",
    "AssocGrpGRES": "its account has no GPUs left",
    "QOSMaxGRESPerUser": "its quality of service allows no more GPUs at once",
    "QOSMaxJobsPerUserLimit": "its quality of service allows no more jobs at once",
    "AssocMaxJobsLimit": "its account allows no more jobs at once",
    "BadConstraints": "no node is what it asks for",
}
_MACHINE_FAILED = {
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node did not start",
    "LAUNCH_FAILED": "its node could not start it",
    "RECONFIG_FAIL": "its node could not be set up",
    "PREEMPTED": "a job of a higher rank took its place",
    "REVOKED": "another cluster of the federation took it",
}
_JOB_FAILED = {
    "DEADLINE": "it could not end before its deadline",
    "OUT_OF_MEMORY": "it used more memory than it had asked for",
    "TIMEOUT": "it was stopped by its time limit",
}


@dataclass(frozen=True)
class JobRecord:
    """What SLURM tells about one job.

    Attributes:
        job_id: SLURM's id of it.
        name: Its name.
        state: One word, as SLURM has it.
        reason: Why it waits or ended, SLURM's word.
        restarts: How often it was queued again.
        exit_code: What the batch script ended with; negative for a signal; None: it runs.
        started_at: When it began, in seconds since the epoch, UTC.
        ended_at: When it ended, or will at the latest.
        is_preempted: It was told to make room.
        time_limit: As SLURM shows it; empty: none.
        memory: As SLURM shows it; empty where it is not told.
        node: Where its batch script runs.
        cancelled_by: Who cancelled it, where that is told.
    """

    job_id: str
    name: str
    state: str
    reason: str = ""
    restarts: int = 0
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    is_preempted: bool = False
    time_limit: str = ""
    memory: str = ""
    node: str = ""
    cancelled_by: str = ""


def read_scontrol(line: str) -> JobRecord:
    """A record from a line of `scontrol --oneliner show job`."""
    found = read_fields(line, _FIELDS)
    return JobRecord(
        job_id=found.get("JobId", ""),
        name=found.get("JobName", ""),
        state=found.get("JobState", ""),
        reason=found.get("Reason", ""),
        restarts=int(found.get("Restarts", "0")),
        exit_code=_read_exit(found.get("ExitCode", "")),
        started_at=read_time(found.get("StartTime")),
        ended_at=read_time(found.get("EndTime")),
        is_preempted="PreemptTime" in found,
        time_limit=found.get("TimeLimit", "").replace("UNLIMITED", ""),
        memory=found.get("MinMemoryCPU") or found.get("MinMemoryNode", ""),
        node=found.get("BatchHost") or found.get("NodeList", ""),
    )


# Names have no separators: they are ours, and other jobs are not looked at.
SQUEUE_FORMAT = ",".join(
    f"{name}:{width}|"
    for name, width in {
        "JobID": 24,
        "Name": 200,
        "State": 24,
        "Reason": 80,
        "RestartCnt": 8,
        "StartTime": 24,
        "EndTime": 24,
    }.items()
)


def read_squeue(line: str) -> JobRecord | None:
    """A record from a line of `squeue --Format=SQUEUE_FORMAT`; None of one that is no such line."""
    parts = [part.strip() for part in line.split("|")]
    if len(parts) < 7:
        return None
    job_id, name, state, reason, restarts, start, end = parts[:7]
    return JobRecord(
        job_id=job_id,
        name=name,
        state=state,
        reason="" if reason == "None" else reason,
        restarts=int(restarts) if restarts.isdecimal() else 0,
        started_at=read_time(start),
        ended_at=read_time(end),
    )


SACCT_FORMAT = "JobIDRaw,JobName,State,ExitCode,Start,End,Timelimit,ReqMem,NodeList"


def read_sacct(line: str) -> JobRecord:
    """A record from a line of `sacct --parsable2 --format=SACCT_FORMAT`."""
    job_id, name, state, exit_code, start, end, limit, memory, nodes = line.split("|")
    word, _, whom = state.partition(" by ")
    return JobRecord(
        job_id=job_id,
        name=name,
        state=word,
        exit_code=_read_exit(exit_code),
        started_at=read_time(start),
        ended_at=read_time(end),
        is_preempted=word == "PREEMPTED",
        time_limit="" if limit == "UNLIMITED" else limit,
        memory=memory,
        node="" if nodes == "None assigned" else nodes,
        cancelled_by=whom,
    )


def describe(record: JobRecord) -> Sight:
    """What a record says of an attempt."""
    state = record.state
    if state in _WAITING:
        return Sight(SightKind.WAITING, _why_it_waits(record))
    if state in _RUNNING:
        detail = _RUNNING_WORDS.get(state, "")
        return Sight(SightKind.RUNNING, detail, started_at=record.started_at)
    detail = _why_it_ended(record)
    return Sight(
        SightKind.ENDED,
        detail,
        record.exit_code,
        record.started_at,
        record.ended_at,
        is_failure_of_machine=state in _MACHINE_FAILED or _was_displaced(record),
        is_cancelled=state == "CANCELLED",
    )


def is_live(record: JobRecord) -> bool:
    """Whether a job waits or runs."""
    return record.state in _WAITING or record.state in _RUNNING


def _was_displaced(record: JobRecord) -> bool:
    return record.is_preempted and record.state == "FAILED" and record.exit_code == 143


def _why_it_waits(record: JobRecord) -> str:
    word = record.reason.split(",")[0]
    if record.state in {"REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}:
        word = "JobHeldUser"
    why = _REASONS.get(word) or (f"waits ({record.reason})" if word else "waits")
    again = f"; queued again {record.restarts} times so far" if record.restarts > 1 else ""
    again = "; queued again once" if record.restarts == 1 else again
    return f"{why}{again}"


def _why_it_ended(record: JobRecord) -> str:
    state, where = record.state, f" ({record.node})" if record.node else ""
    if state in _MACHINE_FAILED:
        return f"{_MACHINE_FAILED[state]}{where}"
    if _was_displaced(record):
        return "a job of a higher rank took its place"
    if state == "TIMEOUT" or (state == "FAILED" and record.reason == "TimeLimit"):
        limit = f" of {record.time_limit}" if record.time_limit else ""
        return f"{_JOB_FAILED['TIMEOUT']}{limit}; give it more with '--resource time_limit=...'"
    if state == "OUT_OF_MEMORY":
        had = f", {record.memory}" if record.memory else ""
        return f"{_JOB_FAILED[state]}{had}; ask for more with '--resource memory=...'"
    if state == "CANCELLED":
        whom = f" by user {record.cancelled_by}" if record.cancelled_by else ""
        return f"cancelled in SLURM{whom}"
    if state in _JOB_FAILED:
        return _JOB_FAILED[state]
    if state in {"COMPLETED", "FAILED"}:
        return ""  # what the job itself left says more
    return f"SLURM calls it {state}"


def _read_exit(text: str) -> int | None:
    """An exit code of `code:signal`; a signal counts, as it does for processes."""
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if match is None:
        return None
    code, number = int(match[1]), int(match[2])
    return -number if number and number in set(signal.Signals) else code
