"""The files by which a submitter, a supervisor and whoever asks later know one local attempt.

`<job>/attempts/<n>/` holds `order.json` (what to run), `supervisor.json` (who runs it),
`waiting` (what for, while there is no free place), `retry.json` (a run failed, and when the next
one begins), `started.json`, `cancel` (somebody wants it stopped) and `exit.json` (how it ended).
The supervisor imports this module, so it takes the standard library only, and little of that.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from skillbank.platforms.disk import (
    is_full,
    pass_over_full,
    reserve,
    take_reserve,
    write_on_reserve,
)

_LONGEST_DETAIL = 3000  # fits into the room that is kept for an ending


class Order(NamedTuple):
    """What a supervisor is to do.

    Attributes:
        job_id: Id of the job.
        attempt: Number of the attempt.
        command: Arguments of Python that do the job.
        slots_folder: Where the lock files of CPU slots and GPUs lie.
        num_slots: CPU jobs that may run at once; what a CPU job waits for.
        gpus: GPUs that may be given to jobs.
        num_gpus: GPUs that this job holds while it runs.
        grace_s: Time between SIGTERM and SIGKILL.
        takes_place: It waits for a place and holds it while it runs. A job that only waits for
            others takes none, so that it never keeps one from them.
        ticket: Its place in the queue; empty: it takes no place.
        priority: Jobs of a higher one are served first.
        max_parallel: It starts only while fewer jobs of its root run; None: that is no matter.
        memory_bytes: It starts only while so much memory is free; 0: that is no matter.
        time_limit_s: Longest time that one run may take; None: as long as it takes.
        retries: Further runs, at most, after failures of the machine.
        retry_wait_s: Pause before the first of them; it doubles with each.
    """

    job_id: str
    attempt: int
    command: list[str]
    slots_folder: str
    num_slots: int
    gpus: list[str]
    num_gpus: int
    grace_s: float
    takes_place: bool = True
    ticket: str = ""
    priority: int = 0
    max_parallel: int | None = None
    memory_bytes: int = 0
    time_limit_s: float | None = None
    retries: int = 0
    retry_wait_s: float = 10.0


class Identity(NamedTuple):
    """One process of one boot: a pid alone may be somebody else's by now."""

    pid: int
    started_ticks: int
    boot_id: str


class Ending(NamedTuple):
    """How an attempt ended.

    Attributes:
        exit_code: Exit status; negative for a signal; None when it never ran.
        is_cancelled: It was asked to stop before it ended.
        detail: Why it could not be started, or was stopped; empty when neither.
        started_at: When it began to run, in seconds since the epoch, UTC; None when it never did.
        ended_at: When it ended.
        is_interrupted: It was stopped by its scheduler, which may run the same attempt again.
    """

    exit_code: int | None
    is_cancelled: bool
    detail: str
    started_at: float | None
    ended_at: float
    is_interrupted: bool = False


class Retry(NamedTuple):
    """A further run of an attempt, after one that failed.

    Attributes:
        run: Its number; 2 for the first retry.
        most_runs: The last number that there may be.
        begins_at: When it may begin, in seconds since the epoch, UTC.
        reason: What the run before it failed of.
    """

    run: int
    most_runs: int
    begins_at: float
    reason: str

    @property
    def begins_at_clock(self) -> str:
        """When it begins, as this machine's clocks show it: `14:05:09`."""
        return time.strftime("%H:%M:%S", time.localtime(self.begins_at))


class AttemptFolder:
    """The files of one attempt of a job."""

    def __init__(self, job_folder: Path, attempt: int) -> None:
        self.job_folder = job_folder
        self.path = job_folder / "attempts" / str(attempt)
        self.lock = job_folder / "launcher.lock"
        self.log = job_folder / "log.txt"
        self._cancel = self.path / "cancel"
        self._next = self.path.with_name(str(attempt + 1))

    @property
    def is_past(self) -> bool:
        """Tell whether a later attempt was started: then this one is over, however it ended."""
        return self._next.exists()

    def create(self, order: Order) -> None:
        """Make the folder with its order, and keep room for its ending.

        Raises:
            OSError: There is none.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self.reserve_ending()
        write_json(self.path / "order.json", order._asdict())

    def reserve_ending(self) -> None:
        """Keep room for the ending.

        Raises:
            OSError: There is none.
        """
        reserve(self.path / "exit.json")

    def order(self) -> Order:
        """What the supervisor is to do."""
        return Order(**json.loads((self.path / "order.json").read_bytes()))

    def write_identity(self, identity: Identity) -> None:
        """Tell who supervises the attempt."""
        write_json(self.path / "supervisor.json", identity._asdict())

    def identity(self) -> Identity | None:
        """Who supervises the attempt; None before it has said so."""
        content = read_json(self.path / "supervisor.json")
        return None if content is None else Identity(**content)

    def tell_waiting(self, what_for: str) -> None:
        """Tell what the attempt waits for; on a full disk, only that it does, if anything."""
        path = self.path / "waiting"
        try:
            _show_draft(_write_draft(path, what_for), path)
        except OSError as error:
            if not is_full(error):
                raise
            with pass_over_full():
                path.touch()

    def waits_for(self) -> str | None:
        """What the attempt waits for, or had to wait for; None where it had not to wait."""
        try:
            return (self.path / "waiting").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write_retry(self, retry: Retry) -> None:
        """Tell that the attempt will run again."""
        write_json(self.path / "retry.json", retry._asdict())
        for name in ("started.json", "waiting"):
            (self.path / name).unlink(missing_ok=True)

    def retry(self) -> Retry | None:
        """The newest further run of the attempt; None where no run has failed."""
        content = read_json(self.path / "retry.json")
        return None if content is None else Retry(**content)

    def write_start(self, started_at: float) -> None:
        """Tell that the attempt runs."""
        write_json(self.path / "started.json", {"started_at": started_at})

    def started_at(self) -> float | None:
        """When the attempt began to run; None while it waits."""
        content = read_json(self.path / "started.json")
        return None if content is None else content["started_at"]

    def write_ending(self, ending: Ending) -> None:
        """Tell how the attempt ended, so that it is known after a power cut, or on a full disk.

        It is the job's last change here: whoever sees the ending may copy the whole folder.
        """
        path = self.path / "exit.json"
        try:
            draft = _write_draft(path, json.dumps(ending._asdict()), is_durable=True)
            take_reserve(path, draft)
        except OSError as error:
            if not is_full(error):
                raise
            short = ending._replace(detail=ending.detail[:_LONGEST_DETAIL])
            write_on_reserve(path, json.dumps(short._asdict(), ensure_ascii=False))
        else:
            _sync_folder(path.parent)

    def ending(self) -> Ending | None:
        """How the attempt ended; None while it has not, or when nobody could tell."""
        content = read_json(self.path / "exit.json")
        return None if content is None else Ending(**content)

    def forget_ending(self) -> None:
        """Take back how the attempt ended: it runs again."""
        (self.path / "exit.json").unlink(missing_ok=True)
        (self.path / "outcome.json").unlink(missing_ok=True)

    def write_outcome(self, ending: Ending) -> None:
        """Tell those who only see the results URI how a run ended; its keeper has the last word."""
        write_json(self.path / "outcome.json", ending._asdict())

    def outcome(self) -> Ending | None:
        """How the last run ended, as its results URI tells it."""
        content = read_json(self.path / "outcome.json")
        return None if content is None else Ending(**content)

    def ask_to_cancel(self) -> None:
        """Leave word that the attempt is to stop."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._cancel.touch()

    def is_to_cancel(self) -> bool:
        """Tell whether somebody wants the attempt stopped."""
        return self._cancel.exists()


def identify(pid: int) -> Identity | None:
    """Who a pid is now; None when nobody is."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name in parentheses may hold spaces; what follows it starts with field 3 of 52.
    after_name = stat.rpartition(")")[2].split()
    return Identity(pid, int(after_name[19]), identify_boot())


def identify_boot() -> str:
    """What tells this start of this machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_json(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file; None where there is none."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return content


def write_json(path: Path, content: dict[str, Any], *, is_durable: bool = False) -> None:
    """Write a JSON file so that a reader sees the old or the new one, never a part."""
    draft = _write_draft(path, json.dumps(content), is_durable=is_durable)
    _show_draft(draft, path, is_durable=is_durable)


def _write_draft(path: Path, text: str, *, is_durable: bool = False) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.tmp")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _show_draft(draft: Path, path: Path, *, is_durable: bool = False) -> None:
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if is_durable:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
