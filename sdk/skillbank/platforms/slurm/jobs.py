"""Jobs as SLURM knows them now: one listing for many questions, its memory for what has ended."""

from __future__ import annotations

import time
from dataclasses import replace

from skillbank.errors import PlatformError
from skillbank.platforms.slurm.commands import SlurmCommands, Unanswered, UnknownJob
from skillbank.platforms.slurm.states import (
    SACCT_FORMAT,
    SQUEUE_FORMAT,
    JobRecord,
    is_live,
    read_sacct,
    read_scontrol,
    read_squeue,
)

_LISTING_HOLDS_S = 0.5
_LOOKS_BACK = "now-30days"


class SlurmJobs:
    """Asks SLURM about jobs, by id and name.

    An id alone is not enough: a controller that has lost its state begins again at 1.

    Args:
        commands: How SLURM is asked.
    """

    def __init__(self, commands: SlurmCommands) -> None:
        self._commands = commands
        self._listing: tuple[float, dict[str, JobRecord]] = (float("-inf"), {})
        self._has_accounting = True

    def look(self, job_id: str, name: str, *, is_fresh: bool = False) -> JobRecord | None:
        """What SLURM knows about a job; None where it knows none such any more.

        Args:
            job_id: SLURM's id.
            name: Its name.
            is_fresh: What was known a moment ago is not good enough.

        Raises:
            PlatformError: SLURM does not answer.
        """
        listed = self._list(is_fresh=is_fresh).get(job_id)
        if listed is not None and listed.name == name and is_live(listed):
            return listed
        record = self._show(job_id)
        if record is None or record.name != name:
            return self._remember(job_id, name)
        if record.state == "CANCELLED":
            remembered = self._remember(job_id, name)
            whom = "" if remembered is None else remembered.cancelled_by
            return replace(record, cancelled_by=whom)
        return record

    def find(self, name: str) -> str | None:
        """Id of the newest job of a name.

        Raises:
            PlatformError: SLURM does not answer.
        """
        said = self._commands.ask(
            "squeue", "--noheader", "--me", "--states=all", f"--name={name}", "--format=%A"
        )
        ids = [int(line) for line in said.split() if line.isdecimal()]
        if not ids:
            ids = [int(record.job_id) for record in self._account(f"--name={name}")]
        return str(max(ids)) if ids else None

    def cancel(self, job_id: str, *options: str) -> None:
        """Send a job a signal, or end it; nothing happens to one that has ended.

        Raises:
            Unanswered: SLURM does not answer.
        """
        self._try("scancel", "--quiet", *options, job_id)

    def forbid_requeue(self, job_id: str) -> None:
        """Let a job never start again, as far as SLURM still can.

        Raises:
            Unanswered: SLURM does not answer.
        """
        self._try("scontrol", "update", f"JobId={job_id}", "Requeue=0")

    def _try(self, *command: str) -> None:
        """Change a job that may have ended by itself meanwhile, which fails without harm."""
        try:
            self._commands.ask(*command)
        except Unanswered:
            raise
        except PlatformError:
            return

    def _list(self, *, is_fresh: bool) -> dict[str, JobRecord]:
        made_at, records = self._listing
        if is_fresh or time.monotonic() - made_at > _LISTING_HOLDS_S:
            said = self._commands.ask(
                "squeue", "--noheader", "--me", "--states=all", f"--Format={SQUEUE_FORMAT}"
            )
            read = filter(None, map(read_squeue, said.splitlines()))
            records = {record.job_id: record for record in read}
            self._listing = (time.monotonic(), records)
        return records

    def _show(self, job_id: str) -> JobRecord | None:
        try:
            said = self._commands.ask("scontrol", "--oneliner", "show", "job", job_id)
        except UnknownJob:
            return None
        return read_scontrol(said.splitlines()[0])

    def _remember(self, job_id: str, name: str) -> JobRecord | None:
        """What the accounting knows; None where there is none."""
        records = self._account(f"--jobs={job_id}")
        return next((record for record in records if record.name == name), None)

    def _account(self, *choice: str) -> list[JobRecord]:
        if not self._has_accounting:
            return []
        try:
            said = self._commands.tell(
                *("sacct", "--noheader", "--allocations", "--parsable2"),
                *(f"--starttime={_LOOKS_BACK}", f"--format={SACCT_FORMAT}", *choice),
            )
        except PlatformError:
            # Most often there is no accounting; what it could add is the memory of old jobs.
            self._has_accounting = False
            return []
        return [read_sacct(line) for line in said.splitlines() if line]
