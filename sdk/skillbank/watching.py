"""Keeps the records of jobs true to what their platforms see."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

from skillbank.bank import SkillBank
from skillbank.config import read_config
from skillbank.errors import JobNotFound, JobUnfinished
from skillbank.following import GrowingFile, News, StatusLine, find_failure, parse_status
from skillbank.job import ErrorAdvice, Job, JobState, Observation, describe_failure
from skillbank.job_folder import is_being_submitted, read_plan
from skillbank.plan import JobPlan, Route
from skillbank.platforms.adopted import is_adopted
from skillbank.platforms.api import Platform
from skillbank.request import LOCAL
from skillbank.store import JobStore, Marks

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
_LOG_BYTES_SEARCHED = 20_000


class JobWatch:
    """Looks at jobs on behalf of a client.

    Args:
        store: Their records.
        platforms: Name -> where they run.
        bank: Skills, which know what failures mean.
    """

    def __init__(self, store: JobStore, platforms: Mapping[str, Platform], bank: SkillBank) -> None:
        self._store = store
        self._platforms = platforms
        self._bank = bank

    def refresh(self, job: Job, *, is_held: bool = False) -> Job:
        """The job as it is now; one on a platform that this client lacks, as last recorded.

        Args:
            job: As recorded.
            is_held: The caller itself holds the submission lock.
        """
        if job.state.is_final or not self._knows(job):
            return job
        if not is_held and is_being_submitted(job.folder):
            return job
        seen = self._observe(job)
        if seen == Observation(job.state, job.detail, job.exit_code, job.started_at, job.ended_at):
            return job
        return self._store.observe(job, seen)

    def events(self, job: Job) -> list[StatusLine]:
        """Status lines of the newest attempt so far."""
        status = GrowingFile(job.results / "status.json", self._store.marks(job).status_bytes)
        return parse_status(status.read_new(is_ended=True))

    def wait(self, job: Job, timeout_s: float | None) -> Job:
        """The job when it has ended.

        Raises:
            JobUnfinished: It has not, after `timeout_s` seconds; it goes on.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = _FIRST_PAUSE_S
        while not (job := self.refresh(self._store.get(job.id))).state.is_final:
            left_s = pause_s if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                raise JobUnfinished(
                    f"job {job.id} is still {job.state} after {timeout_s:g} s; it goes on. Wait "
                    f"again with 'skillbank wait {job.id}', or 'skillbank cancel {job.id}'."
                )
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)
        return job

    def follow(self, job: Job, every_s: float) -> Iterator[News]:
        """What is new about the newest attempt, as it comes, until it has ended."""
        marks = self._store.marks(job)
        log = GrowingFile(job.folder / "log.txt", marks.log_bytes)
        status = GrowingFile(job.results / "status.json", marks.status_bytes)
        told: Job | None = None
        while told is None or not told.state.is_final:
            # The state is asked for first: what was written before an end is then seen after it.
            job = self.refresh(self._store.get(job.id))
            is_ended = job.state.is_final
            lines = parse_status(status.read_new(is_ended=is_ended))
            text = log.read_new(is_ended=is_ended)
            if lines or text or job != told:
                yield News(job, tuple(lines), text)
                told = job
            if not is_ended:
                time.sleep(every_s)

    def _observe(self, job: Job) -> Observation:
        try:
            plan = read_plan(job.folder)
        except JobNotFound as error:
            return Observation(JobState.LOST, str(error))
        if is_adopted(job.folder, job.attempt):
            from skillbank.staging.elsewhere import observe_elsewhere

            seen = observe_elsewhere(plan, job.attempt, read_config(self._store.root).storage)
        else:
            seen = self._platforms[platform_name(job)].poll(plan, job.attempt)
        if seen.detail:
            return seen
        match seen.state:
            case JobState.ERROR:
                return replace(seen, detail=self._explain_failure(job, seen.exit_code))
            case JobState.PAUSED:
                return replace(seen, detail=self._explain_pause(job))
        return seen

    def _knows(self, job: Job) -> bool:
        return platform_name(job) in self._platforms or is_adopted(job.folder, job.attempt)

    def _explain_pause(self, job: Job) -> str:
        said = [line["message"] for line in self.events(job) if line.get("paused")]
        where = str(said[-1]) if said else "paused"
        return f"{where}; 'skillbank resume {job.id}' goes on"

    def _explain_failure(self, job: Job, exit_code: int | None) -> str:
        marks = self._store.marks(job)
        log_path = job.folder / "log.txt"
        size = log_path.stat().st_size if log_path.is_file() else 0
        from_byte = max(marks.log_bytes, size - _LOG_BYTES_SEARCHED)
        log = GrowingFile(log_path, from_byte).read_new(is_ended=True)
        patterns = self._bank[job.skill].info.error_patterns if job.skill in self._bank else ()
        advice = [ErrorAdvice(each.pattern, each.advice) for each in patterns]
        return describe_failure(exit_code, find_failure(self.events(job)), log, advice)


def platform_name(what: Job | JobPlan) -> str:
    """Where its own process runs: that of a search on this machine, wherever its trials do."""
    return LOCAL if what.route == Route.AUTOML else what.platform


def mark_files(job: Job) -> Marks:
    """Where the growing files of a job end now."""
    paths = (job.folder / "log.txt", job.results / "status.json")
    return Marks(*(path.stat().st_size if path.is_file() else 0 for path in paths))
