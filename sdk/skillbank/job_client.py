"""Plan a job, submit it, follow it, stop it, resume it."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from skillbank.artefacts import ArtefactKind
from skillbank.automl.search_plan import name_callbacks
from skillbank.bank import SkillBank
from skillbank.checkpoints import Resolution, choose
from skillbank.errors import (
    CheckpointNotFound,
    PlanInvalid,
    PlatformError,
    RequestInvalid,
    did_you_mean,
)
from skillbank.following import News, StatusLine
from skillbank.inference import Trial
from skillbank.job import Job, JobId, JobState, Observation
from skillbank.job_folder import (
    create_folder,
    hold_folder,
    read_plan,
    rewrite_plan,
    trained_plan,
)
from skillbank.links import fetch_links
from skillbank.plan import JobPlan, Route
from skillbank.planner import ParentJob, PlanSetting, plan_job, resume_plan
from skillbank.platforms.api import Platform
from skillbank.platforms.local import LocalPlatform
from skillbank.request import AutomlPolicy, JobRequest, check_count, check_timeout
from skillbank.settings import read_settings
from skillbank.spec_file import read_spec_file
from skillbank.store import JobStore, check_resumable
from skillbank.watching import JobWatch, mark_files

# No vowels, so no words; nothing that looks like something else.
_ID_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
_ID_LENGTH = 8

SpecOrFile = Annotated[
    Mapping[str, Any] | Path | str,
    "Settings of a spec file, nested, or the path of such a file; may be partial.",
]


class JobClient:
    """Plans and runs the jobs below one root folder; `Client` is what callers make.

    Args:
        root: Folder of the jobs and their records; `$SKILLBANK_HOME`, else `~/.skillbank`.
        bank: Skills to choose from; the shipped ones by default.
        platforms: Name -> where jobs can run; by default `local`, this machine.
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
        self.platforms = platforms or {"local": LocalPlatform(self.root)}
        self._store = JobStore(self.root)
        self._watch = JobWatch(self._store, self.platforms, self.bank)

    def plan_job(self, request: JobRequest) -> JobPlan:
        """Decide everything about a job, and run nothing.

        Args:
            request: What is wanted.

        Raises:
            SkillNotFound: No such skill or action.
            RequestInvalid: The request contradicts itself, or its spec breaks the schema.
            JobNotFound: No such parent.
            CheckpointNotFound: The parent left nothing that fits.
        """
        request = replace(request, automl=name_callbacks(request.automl))
        return self._plan(request, PlanSetting(self._new_id(request.action), self.root))

    def plan_trial(
        self,
        request: JobRequest,
        *,
        job_id: str,
        search_id: str,
        pause_after: int | None = None,
    ) -> JobPlan:
        """Plan a job that belongs to an AutoML job; like `plan_job`, under a given id.

        Args:
            request: What is wanted.
            job_id: Id that the job will have, so that asking again gives the same job.
            search_id: The AutoML job.
            pause_after: Epochs after which it pauses; None: never.
        """
        results = self.root / "jobs" / job_id / "results"
        trial = Trial(results, request.base_checkpoint, pause_after)
        setting = PlanSetting(
            job_id, self.root, trial=trial, search_id=search_id, pause_after=pause_after
        )
        return self._plan(request, setting)

    def submit(self, plan: JobPlan) -> Job:
        """Start a planned job.

        Args:
            plan: What `plan_job` decided, or `JobPlan.from_json` read.

        Returns:
            The job, or the first one that was submitted under the same idempotency key.

        Raises:
            RequestInvalid: The plan cannot be run by this client.
            JobConflict: The plan was submitted already, or its key belongs to another request.
            PlatformError: The platform cannot run it.
        """
        self._check_plan(plan)
        platform = self._platform(plan.platform)
        platform.check(plan)
        if earlier := self._store.find_earlier(plan):
            return self._watch.refresh(earlier)
        with create_folder(plan) as is_new:
            job = self._record(plan, is_new=is_new)
            if job.id == plan.job_id:
                self._start(platform, plan, job)
        return self._watch.refresh(job)

    def create_job(  # noqa: PLR0913 - one keyword per thing a caller may ask for
        self,
        skill: str,
        action: str,
        *,
        spec: SpecOrFile | None = None,
        overrides: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        parent_job_id: str | None = None,
        checkpoint: str | None = None,
        base_checkpoint: str | None = None,
        automl_policy: str | bool | AutomlPolicy = "on",
        platform: str = "local",
        idempotency_key: str | None = None,
        automl: Mapping[str, Any] | None = None,
    ) -> Job:
        """Plan a job and submit it; the arguments are JobRequest's.

        `spec` may also be the path of a YAML file.
        """
        settings = read_spec_file(Path(spec)) if isinstance(spec, str | Path) else spec
        request = JobRequest(
            skill=skill,
            action=action,
            spec=settings or {},
            overrides=overrides or {},
            data=data or {},
            parent_job_id=parent_job_id,
            checkpoint=checkpoint,
            base_checkpoint=base_checkpoint,
            automl_policy=AutomlPolicy.parse(automl_policy),
            platform=platform,
            idempotency_key=idempotency_key,
            automl=automl or {},
        )
        return self.submit(self.plan_job(request))

    def job(self, job_id: JobId) -> Job:
        """The job as it is now; the beginning of an id is enough when no other begins so.

        Raises:
            JobNotFound: No job, or more than one, has such an id.
        """
        return self._watch.refresh(self._store.get(job_id))

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
        return read_plan(self._store.get(job_id).folder)

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
        job = self._store.get(job_id)
        text = self._platform(job.platform).logs(read_plan(job.folder))
        lines = text.splitlines(keepends=True)
        return text if tail is None else "".join(lines[max(0, len(lines) - tail) :])

    def events(self, job_id: JobId) -> list[StatusLine]:
        """Status lines of the newest attempt so far."""
        return self._watch.events(self._store.get(job_id))

    def cancel(self, job_id: JobId) -> Job:
        """Stop a job, gently first; one that has ended stays as it is.

        The trials of a search go with it, also when the search itself was lost before.
        """
        job = self.job(job_id)
        if not job.state.is_final:
            self._platform(job.platform).cancel(read_plan(job.folder), job.attempt)
        if job.route == Route.AUTOML:
            for trial in self._store.active():
                if trial.search_id == job.id:
                    self.cancel(trial.id)
        return self._watch.refresh(job)

    def resume(self, job_id: JobId, pause_after: int | None = None) -> Job:
        """Go on with a job that paused, failed, was cancelled or lost, from its newest checkpoint.

        Args:
            job_id: The job.
            pause_after: Epochs, counted from the job's first, after which it pauses; None: it
                trains to its end.

        Raises:
            JobConflict: It completed, or has not ended.
            RequestInvalid: `pause_after` is below 1.
        """
        check_count("pause_after", pause_after, " epochs, or none to train to the end")
        folder = self._store.get(job_id).folder
        with hold_folder(folder, "be resumed"):
            job = self._watch.refresh(self._store.get(folder.name), is_held=True)
            check_resumable(job)
            plan = resume_plan(read_plan(folder), self.bank[job.skill])
            plan = replace(plan, pause_after=pause_after)
            self._check_plan(plan)
            platform = self._platform(plan.platform)
            platform.check(plan)
            rewrite_plan(plan)
            self._start(platform, plan, self._store.open_attempt(job.id, mark_files(job)))
        return self.job(job.id)

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

    def _plan(self, request: JobRequest, setting: PlanSetting) -> JobPlan:
        skill = self.bank[request.skill]
        parent = None
        if request.parent_job_id is not None:
            job = self.job(request.parent_job_id)
            parent = ParentJob(job, trained_plan(job.folder))
            request = replace(request, parent_job_id=job.id)
        gpus = self._platform(request.platform).gpus()
        key = read_settings().encryption_key
        known = replace(setting, parent=parent, gpus=gpus, encryption_key=key)
        return plan_job(request, skill, known)

    def _new_id(self, action: str) -> str:
        letters = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        return f"{action.replace('_', '-')}-{letters}"

    def _platform(self, name: str) -> Platform:
        if name not in self.platforms:
            hint = did_you_mean(name, self.platforms)
            raise RequestInvalid(
                f"no platform is named {name!r}; {hint} Plan with a known one, or handle that "
                "platform's jobs from Python with Client(platforms={...}) that has it."
            )
        return self.platforms[name]

    def _check_plan(self, plan: JobPlan) -> None:
        if plan.route is Route.AUTOML and not plan.search:
            raise PlanInvalid(
                f"the plan of job {plan.job_id} takes the automl route and holds no search; make "
                "a new one with 'skillbank plan'."
            )
        if plan.folder != self.root / "jobs" / plan.job_id:
            raise PlanInvalid(
                f"the plan of job {plan.job_id} was made for {plan.folder}; this client keeps its "
                f"jobs below {self.root / 'jobs'}. Set SKILLBANK_HOME to the root it was made "
                "for, or make a new plan."
            )

    def _record(self, plan: JobPlan, *, is_new: bool) -> Job:
        """Add the job to the records; a new folder that gets no record goes again."""
        is_kept = False
        try:
            job = self._store.add(plan)
            is_kept = job.id == plan.job_id
        finally:
            if is_new and not is_kept:
                shutil.rmtree(plan.folder)
        return job

    def _start(self, platform: Platform, plan: JobPlan, job: Job) -> None:
        try:
            fetch_links(plan)
            platform.submit(plan, job.attempt)
        except (PlatformError, RequestInvalid) as error:
            self._store.observe(job, Observation(JobState.ERROR, str(error)))
            raise
