"""Plan a job, submit it, stop it, resume it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from skillbank.automl.search_plan import name_callbacks
from skillbank.config import read_config
from skillbank.errors import FilesError, JobConflict, PlanInvalid, PlatformError, RequestInvalid
from skillbank.files.opening import scheme_of
from skillbank.inference import Trial
from skillbank.inputs import absolute_file
from skillbank.job import Job, JobId, JobState, Observation
from skillbank.job_folder import create_folder, hold_folder, read_plan, rewrite_plan, trained_plan
from skillbank.job_reader import JobReader
from skillbank.links import fetch_links
from skillbank.moving import move_plan, set_resources
from skillbank.plan import JobPlan, Route
from skillbank.planner import ParentJob, PlanSetting, plan_job, resume_plan
from skillbank.platforms.adopted import is_adopted
from skillbank.platforms.api import Platform
from skillbank.request import AutomlPolicy, JobRequest, check_count
from skillbank.settings import read_settings
from skillbank.spec_file import read_spec_file
from skillbank.store import check_resumable
from skillbank.watching import mark_files, platform_name

# No vowels, so no words; nothing that looks like something else.
_ID_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
_ID_LENGTH = 8

SpecOrFile = Annotated[
    Mapping[str, Any] | Path | str,
    "Settings of a spec file, nested, or the path of such a file; may be partial.",
]


class JobClient(JobReader):
    """Plans and runs the jobs below one root folder; `Client` is what callers make.

    Args:
        root: Folder of the jobs and their records; `$SKILLBANK_HOME`, else `~/.skillbank`.
        bank: Skills to choose from; the shipped ones by default.
        platforms: Name -> where jobs can run; by default `local`, this machine.
    """

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
        platform = self._place_of(plan)
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
        resources: Mapping[str, Any] | None = None,
        results: str | None = None,
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
            resources=resources or {},
            results=results,
        )
        return self.submit(self.plan_job(request))

    def cancel(self, job_id: JobId) -> Job:
        """Stop a job, gently first; one that has ended stays as it is.

        The trials of a search go with it, also when the search itself was lost before.

        Raises:
            JobConflict: It was started elsewhere, and runs there.
        """
        job = self.job(job_id)
        if not job.state.is_final and is_adopted(job.folder, job.attempt):
            raise JobConflict(
                f"job {job.id} runs elsewhere, where it was started; stop it from there with "
                f"'skillbank cancel {job.id}'."
            )
        if not job.state.is_final:
            self._platform(platform_name(job)).cancel(read_plan(job.folder), job.attempt)
        if job.route == Route.AUTOML:
            for trial in self._store.active():
                if trial.search_id == job.id:
                    self.cancel(trial.id)
        return self._watch.refresh(job)

    def resume(
        self,
        job_id: JobId,
        pause_after: int | None = None,
        *,
        platform: str | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Job:
        """Go on with a job that paused, failed, was cancelled or lost, from its newest checkpoint.

        Of its resources those hold on that another platform knows too; the plan's notes name the
        rest.

        Args:
            job_id: The job.
            pause_after: Epochs, counted from the job's first, after which it pauses; None: it
                trains to its end.
            platform: Where it goes on; None: where it ran before.
            resources: How it is run from now on, over what held before: `time_limit`, `memory`,
                and what the platform itself takes; a value of None takes one away.

        Raises:
            JobConflict: It completed, has not ended, or was resumed on another machine.
            RequestInvalid: `pause_after` is below 1, or the platform does not take the resources.
        """
        check_count("pause_after", pause_after, " epochs, or none to train to the end")
        folder = self._get(job_id).folder
        with hold_folder(folder, "be resumed"):
            job = self._watch.refresh(self._store.get(folder.name), is_held=True)
            check_resumable(job)
            plan = resume_plan(read_plan(folder), self.bank[job.skill])
            where = platform or plan.platform
            with self._next_attempt(job, plan.results_uri, where) as number:
                plan = replace(self._move(plan, number, where, resources), pause_after=pause_after)
                self._check_plan(plan)
                place = self._place_of(plan)
                rewrite_plan(plan)
                opened = self._store.open_attempt(job.id, mark_files(job), where, number)
                self._start(place, plan, opened)
        return self.job(job.id)

    @contextmanager
    def _next_attempt(self, job: Job, uri: str, where: str) -> Iterator[int]:
        """Number of the attempt that the caller starts: where others may resume the job, agreed."""
        if not uri:
            yield job.attempt + 1
            return
        from skillbank.staging.resumption import next_attempt

        with next_attempt(job, uri, where, read_config(self.root).storage) as number:
            yield number

    def _move(
        self, plan: JobPlan, attempt: int, where: str, resources: Mapping[str, Any] | None
    ) -> JobPlan:
        """A plan as it holds for a further attempt, perhaps on another platform."""
        if where != plan.platform:
            new = self._platform(where)
            plan = move_plan(plan, attempt, where, self._platform_before(plan), new)
        return set_resources(plan, resources or {}, self.bank[plan.skill])

    def _platform_before(self, plan: JobPlan) -> Platform | None:
        try:
            return self._platform(plan.platform)
        except (RequestInvalid, PlatformError):
            return None  # of another machine, or of a kind that this one lacks a package for

    def _plan(self, request: JobRequest, setting: PlanSetting) -> JobPlan:
        skill = self.bank[request.skill]
        parent = None
        if request.parent_job_id is not None:
            job = self.job(request.parent_job_id)
            parent = ParentJob(job, trained_plan(job.folder))
            request = replace(request, parent_job_id=job.id)
        platform = self._platform(request.platform)
        known = replace(
            setting,
            parent=parent,
            gpus=platform.gpus(),
            encryption_key=read_settings().encryption_key,
            results_uri=self._results_uri(request, setting.job_id),
            sees_root=platform.is_shared,
            can_span_machines=platform.can_span_machines,
        )
        plan = plan_job(request, skill, known)
        platform.check(plan.one_trial)
        return plan

    def _place_of(self, plan: JobPlan) -> Platform:
        """Where the job's own process runs; of a search, its trials could run where they shall.

        Raises:
            PlatformError: One of them can never run there.
            RequestInvalid: There is no such platform, or it does not take the settings.
        """
        self._platform(plan.platform).check(plan.one_trial)
        place = self._platform(platform_name(plan))
        if plan.route is Route.AUTOML:
            place.check(plan.own_process)
        return place

    def _results_uri(self, request: JobRequest, job_id: str) -> str:
        """Where the job leaves a copy of its folder; empty: nowhere."""
        given = request.results or read_config(self.root).results
        if given is None:
            return ""
        scheme_of(given)  # refuses what cannot be reached
        if not given.partition("://")[2].strip("/") and "://" in given:
            raise RequestInvalid(f"results: {given!r} names no bucket; try 's3://BUCKET/PREFIX'.")
        return f"{(absolute_file(given) or given).rstrip('/')}/{job_id}"

    def _new_id(self, action: str) -> str:
        letters = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
        return f"{action.replace('_', '-')}-{letters}"

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
            platform.submit(plan.own_process, job.attempt)
        except (PlatformError, RequestInvalid, FilesError) as error:
            error.args = (_with_way_on(str(error), job), *error.args[1:])
            self._store.observe(job, Observation(JobState.ERROR, str(error)))
            raise


def _with_way_on(refusal: str, job: Job) -> str:
    """Why an attempt could not be started, and what starts it when that is mended."""
    again = f"skillbank resume {job.id}"
    if again in refusal:
        return refusal
    return (
        f"{refusal.rstrip('.')}. Nothing of job {job.id} runs; when that is mended, '{again}' "
        "starts it, with '--resource KEY=VALUE' where a resource was wrong."
    )
