"""Run jobs as processes of this machine, with no daemon: one supervisor per running attempt."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from skillbank.config import read_config
from skillbank.errors import PlatformError
from skillbank.job import JobState, Observation
from skillbank.locks import is_locked
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform
from skillbank.platforms.attempt import AttemptFolder, Order
from skillbank.platforms.detached import Supervisors
from skillbank.platforms.gpus import visible_gpus
from skillbank.platforms.inspection import Check, FileFacts, Needs, Resources
from skillbank.platforms.judging import observe_ending, observe_loss
from skillbank.platforms.local_inspection import inspect_places, inspect_root
from skillbank.platforms.local_settings import LocalSettings, check_local_settings
from skillbank.platforms.machine import installed_versions, look_at_path, machine_resources
from skillbank.platforms.queue import Queue
from skillbank.platforms.strays import kill_strays
from skillbank.request import LOCAL
from skillbank.run_settings import keys_of, read_run_settings
from skillbank.settings import Settings, environment_of_jobs, read_settings
from skillbank.staging.order import StagedOrder, needs_staging

_GRACE_S = 15.0
_TRIALS_STOPPED = 8  # a search stops its trials, each in its own time, before it ends itself
_LAST_BYTES_S = 60.0  # what a stopped job has written goes to its results URI first


class LocalPlatform(Platform):
    """Processes of this machine (Linux).

    Args:
        root: Root folder of the jobs; jobs of one root share its CPU slots and the GPUs.
        name: Name under which plans mean it.
        settings: What config.yaml says of it: LocalSettings, for every job.
        gpus: Names of the GPUs that jobs may get, as CUDA_VISIBLE_DEVICES takes them; what the
            machine shows by default.
        num_slots: CPU jobs that run at once; see Settings.local_slots.
        grace_s: Time that a cancelled job has to stop by itself.
    """

    def __init__(
        self,
        root: Path,
        *,
        name: str = LOCAL,
        settings: Mapping[str, Any] | None = None,
        gpus: Sequence[str] | None = None,
        num_slots: int | None = None,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._root = root
        self._name = name
        self._given = dict(settings or {})
        self._slots_folder = root / "slots"
        self._gpus = None if gpus is None else tuple(gpus)
        self._settings: Settings = read_settings()
        self._num_slots = num_slots or self._settings.local_slots
        self._grace_s = grace_s
        self._supervisors = Supervisors()

    def settings_of(self, plan: JobPlan) -> LocalSettings:
        """Settings of one job: config.yaml's, with the job's own over them.

        Raises:
            RequestInvalid: One cannot be used.
        """
        where = f"resources of platform {self._name!r}"
        return read_run_settings(LocalSettings, {**self._given, **plan.resources}, where)

    def job_settings(self) -> Mapping[str, object]:
        """Every key of LocalSettings."""
        return keys_of(LocalSettings)

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: It asks for more than there is.
            RequestInvalid: Its settings cannot be used.
        """
        super().check(plan)
        check_local_settings(self.settings_of(plan), self._name)

    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Start a supervisor that holds the job's lock from before it exists.

        Raises:
            PlatformError: An earlier attempt still runs, or no process can be started.
        """
        self.check(plan)
        folder = AttemptFolder(plan.folder, attempt)
        order = self._order(plan, attempt)
        try:
            if self._is_staged(plan):
                self._staged_order(plan, attempt).save()
            is_started = self._supervisors.start(folder, order, self._environment(plan))
        except OSError as error:
            raise PlatformError(
                f"job {plan.job_id} cannot be started: {error}. Free some memory or disk space, "
                f"then run 'skillbank resume {plan.job_id}'."
            ) from error
        if not is_started:
            raise PlatformError(
                f"job {plan.job_id} still runs, so attempt {attempt} cannot start; wait for it, or "
                f"stop it with 'skillbank cancel {plan.job_id}'."
            )

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """Read the state off the ending and the lock; no pid is believed."""
        self._supervisors.reap()
        folder = AttemptFolder(plan.folder, attempt)
        if (ending := folder.ending()) is not None:
            return observe_ending(ending)
        if folder.is_past:
            return observe_loss(folder)
        if is_locked(folder.lock):
            return self._observe_life(folder, plan)
        # It may have ended between the two looks.
        if (ending := folder.ending()) is not None:
            return observe_ending(ending)
        kill_strays(plan.folder)
        return observe_loss(folder)

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Ask the supervisor to stop the job; where it does not, end everything by force."""
        self._supervisors.stop(AttemptFolder(plan.folder, attempt), self._grace_of(plan))

    def logs(self, plan: JobPlan) -> str:
        """Read log.txt; bytes that are no text are shown as such."""
        try:
            return (plan.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def gpus(self) -> int:
        """How many GPUs this shell may use."""
        return len(self._visible_gpus())

    def capacity(self, plan: JobPlan) -> int:
        """How many jobs like it the GPUs, or the CPU slots, of this root hold at once."""
        places = self.gpus() // plan.num_gpus if plan.num_gpus else self._num_slots
        most = self.settings_of(plan).max_parallel
        return places if most is None else min(places, most)

    def inspect(self, needs: Needs) -> tuple[Check, ...]:
        """Whether the root can be written and locked, has room, and how many places are free."""
        gpus = self._visible_gpus() if needs.num_gpus else ()
        places = inspect_places(self._slots_folder, gpus, self._num_slots, needs.num_gpus)
        return (*inspect_root(self._root, needs), places)

    def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...]:
        """What lies under the paths; jobs read as this process does."""
        return tuple(look_at_path(path) for path in paths)

    def installed(self, names: Collection[str]) -> Mapping[str, str]:
        """Versions in this process's environment, which jobs share."""
        return installed_versions(names)

    def resources(self) -> Resources:
        """This machine, with the GPUs that jobs may get."""
        return machine_resources(self._visible_gpus())

    def _visible_gpus(self) -> tuple[str, ...]:
        if self._gpus is None:
            self._gpus = visible_gpus(self._settings.cuda_visible_devices)
        return self._gpus

    def _order(self, plan: JobPlan, attempt: int) -> Order:
        settings = self.settings_of(plan)
        staging = ["-m", "skillbank.staging", str(plan.folder), str(attempt)]
        return Order(
            job_id=plan.job_id,
            attempt=attempt,
            command=staging if self._is_staged(plan) else plan.command(),
            slots_folder=str(self._slots_folder),
            num_slots=self._num_slots,
            gpus=list(self._visible_gpus()),
            num_gpus=plan.num_gpus,
            grace_s=self._grace_of(plan),
            takes_place=plan.route is not Route.AUTOML,
            priority=settings.priority,
            max_parallel=settings.max_parallel,
            memory_bytes=settings.memory_bytes or 0,
            time_limit_s=settings.time_limit_s,
            retries=settings.retries,
            retry_wait_s=settings.retry_wait_s,
        )

    def _staged_order(self, plan: JobPlan, attempt: int) -> StagedOrder:
        """What the process between supervisor and job is told; the supervisor keeps the rest."""
        return StagedOrder(
            job_id=plan.job_id,
            attempt=attempt,
            command=plan.command(),
            folder=str(plan.folder),
            results_uri=plan.results_uri,
            upload_excludes=list(plan.upload_excludes),
            storage=read_config(self._root).storage,
            grace_s=self._job_grace_of(plan),
            is_lock_held=True,
            keeps_credentials=plan.route is Route.AUTOML,
        )

    def _is_staged(self, plan: JobPlan) -> bool:
        """A search reads no inputs itself: its trials are jobs of their own."""
        return bool(plan.results_uri) if plan.route is Route.AUTOML else needs_staging(plan)

    def _job_grace_of(self, plan: JobPlan) -> float:
        return self._grace_s * (_TRIALS_STOPPED if plan.route is Route.AUTOML else 1)

    def _grace_of(self, plan: JobPlan) -> float:
        return self._job_grace_of(plan) + (_LAST_BYTES_S if self._is_staged(plan) else 0.0)

    def _environment(self, plan: JobPlan) -> dict[str, str]:
        """The submitter's own; jobs that share the CPU get their share of threads, if none is set.

        Two trainings with a thread per core each wait for one another most of the time: on 2 cores
        a step of either took 10 times as long.
        """
        own = environment_of_jobs()
        cpus = self.settings_of(plan).cpus
        is_alone = self._num_slots == 1 or plan.num_gpus or plan.route is Route.AUTOML
        if (is_alone and cpus is None) or "OMP_NUM_THREADS" in own:
            return own
        share = max(1, len(os.sched_getaffinity(0)) // self._num_slots)
        threads = str(cpus or share)
        return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **own}

    def _observe_life(self, folder: AttemptFolder, plan: JobPlan) -> Observation:
        started_at = folder.started_at()
        if started_at is not None:
            return Observation(JobState.RUNNING, started_at=started_at)
        retry = folder.retry()
        again = "" if retry is None else f"run {retry.run} of {retry.most_runs}: "
        what_for = folder.waits_for()
        if what_for is not None:
            kind = "gpu" if plan.num_gpus else "slot"
            before = Queue(self._slots_folder, kind).count_before(folder.order().ticket)
            line = (
                f"{before} job{'s' if before > 1 else ''} before it" if before else "next in line"
            )
            return Observation(
                JobState.QUEUED, f"{again}{'; '.join(filter(None, (line, what_for)))}"
            )
        if retry is not None:
            failed = f"run {retry.run - 1} of {retry.most_runs} failed: {retry.reason}"
            return Observation(
                JobState.QUEUED, f"{failed}; the next begins at {retry.begins_at_clock}"
            )
        return Observation(JobState.PENDING)
