"""Look at jobs: their state, what they print and report, what they left behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from skillbank.artefacts import ArtefactKind
from skillbank.bank import SkillBank
from skillbank.checkpoints import Resolution, choose
from skillbank.data_sources import is_remote
from skillbank.errors import CheckpointNotFound, RequestInvalid, did_you_mean
from skillbank.following import News, StatusLine
from skillbank.job import Job, JobId, JobState
from skillbank.job_folder import read_plan
from skillbank.plan import JobPlan
from skillbank.platforms.adopted import is_adopted
from skillbank.platforms.api import Platform
from skillbank.platforms.registry import Platforms
from skillbank.request import check_count, check_timeout
from skillbank.settings import read_settings
from skillbank.store import JobStore
from skillbank.watching import JobWatch, platform_name


class JobReader:
    """Looks at the jobs below one root folder, and at those at results URIs.

    Args:
        root: Folder of the jobs and their records; `$SKILLBANK_HOME`, else `~/.skillbank`.
        bank: Skills to choose from; the shipped ones by default.
        platforms: Name -> where jobs can run; by default this machine and what config.yaml names.
    """

    def __init__(
        self,
        root: Path | str | None = None,
        *,
        bank: SkillBank | None = None,
        platforms: Mapping[str, Platform] | None = None,
    ) -> None:
        self.root = Path(root).expanduser().resolve() if root else read_settings().home
        self.bank = bank or SkillBank()
        self.platforms = platforms or Platforms(self.root)
        self._store = JobStore(self.root)
        self._watch = JobWatch(self._store, self.platforms, self.bank)

    def job(self, job_id: JobId) -> Job:
        """The job as it is now; the beginning of an id is enough when no other begins so.

        Raises:
            JobNotFound: No job, or more than one, has such an id.
        """
        return self._watch.refresh(self._get(job_id))

    def jobs(
        self,
        limit: int = 20,
        state: JobState | str | None = None,
        skill: str | None = None,
        *,
        search: str | None = None,
    ) -> list[Job]:
        """Jobs as they are now, newest first.

        Args:
            limit: How many at most.
            state: Only those in this state.
            skill: Only those of this skill.
            search: Id of a search: its trials instead, which are listed nowhere else.

        Raises:
            RequestInvalid: `limit` is below 1, or no state is named so.
            JobNotFound: No such search.
        """
        check_count("limit", limit)
        if search is not None:
            search = self._store.get(search).id
        if state is not None:
            state = JobState.parse(state)
            for job in self._store.active():
                self._watch.refresh(job)
        found = self._store.newest(min(limit, sys.maxsize), state, skill, search)
        return [self._watch.refresh(job) for job in found]

    def plan_of(self, job_id: JobId) -> JobPlan:
        """The plan that a job runs."""
        return read_plan(self._get(job_id).folder)

    def wait(self, job_id: JobId, timeout_s: float | None = None) -> Job:
        """Block until the job has ended.

        Args:
            job_id: The job.
            timeout_s: Seconds after which to give up waiting.

        Raises:
            JobUnfinished: It has not, after `timeout_s` seconds; it goes on.
        """
        check_timeout(timeout_s)
        return self._watch.wait(self.job(job_id), timeout_s)

    def follow(self, job_id: JobId, every_s: float = 0.25) -> Iterator[News]:
        """What is new about the job's newest attempt, as it comes, until it has ended.

        The first news comes at once; the last shows the job in its final state.

        Args:
            job_id: The job.
            every_s: Seconds between two looks.
        """
        return self._watch.follow(self.job(job_id), every_s)

    def logs(self, job_id: JobId, tail: int | None = None) -> str:
        """What the job has printed, all attempts together.

        Args:
            job_id: The job.
            tail: Only its last lines, so many.
        """
        check_count("tail", tail, least=0)
        job = self._get(job_id)
        text = self._read_log(job)
        lines = text.splitlines(keepends=True)
        return text if tail is None else "".join(lines[max(0, len(lines) - tail) :])

    def events(self, job_id: JobId) -> list[StatusLine]:
        """Status lines of the newest attempt so far."""
        return self._watch.events(self._get(job_id))

    def resolve(
        self, job_id: JobId, checkpoint: str | None = "best", kind: str = "checkpoint"
    ) -> Resolution:
        """Choose a checkpoint, or another artefact, of a job and say why this one.

        Args:
            job_id: The job.
            checkpoint: `best`, `latest`, `epoch=N`, `step=N`, or a path.
            kind: What is wanted: `checkpoint`, `onnx`, `predictions`, ...

        Raises:
            CheckpointNotFound: Nothing fits; lists what there is.
        """
        job = self.job(job_id)
        metric = self.bank[job.skill].info.metric
        wanted = ArtefactKind.parse(kind)
        return choose(job.results, checkpoint, metric.name, metric.direction, wanted)

    def report(self, job_id: JobId) -> Path:
        """Path of the job's report.

        Raises:
            CheckpointNotFound: It has none.
        """
        job = self.job(job_id)
        path = job.results / "report.html"
        if not path.is_file():
            hint = "wait for its end" if not job.state.is_final else "see why with 'skillbank logs'"
            raise CheckpointNotFound(
                f"job {job.id} ({job.action}, {job.state}) has no report at {path}; it is written "
                f"when the action completes: {hint}."
            )
        return path

    def close(self) -> None:
        """Release the database; the client can still be used and opens it again."""
        self._store.close()

    def _platform(self, name: str) -> Platform:
        if name not in self.platforms:
            hint = did_you_mean(name, self.platforms)
            raise RequestInvalid(
                f"no platform is named {name!r}; {hint} Plan with a known one, or handle that "
                "platform's jobs from Python with Client(platforms={...}) that has it."
            )
        return self.platforms[name]

    def _read_log(self, job: Job) -> str:
        if is_adopted(job.folder, job.attempt):
            path = job.folder / "log.txt"
            return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return self._platform(platform_name(job)).logs(read_plan(job.folder))

    def _get(self, job_id: str) -> Job:
        """The record of a job; one that a results URI names is taken into the records first."""
        if is_remote(job_id):
            from skillbank.adoption import adopt_job

            return adopt_job(job_id, self.root, self._store)
        return self._store.get(job_id)
