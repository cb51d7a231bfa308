"""What platforms that hand jobs to a scheduler share: order, handle, mirror, and how to read both.

A scheduler runs `python -m skillbank.staging` on one of its machines; that process carries out the
attempt and leaves the traces of `attempt` in the job's folder, or at its results URI. So a
platform itself only starts, looks, stops and shows.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from skillbank.config import read_config
from skillbank.errors import PlatformError
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.api import Platform
from skillbank.platforms.attempt import AttemptFolder, Ending, read_json, write_json
from skillbank.platforms.judging import (
    forget_verdict,
    observe_ending,
    observe_loss,
    recall_verdict,
    record_verdict,
)
from skillbank.run_settings import RunSettings, keys_of, read_run_settings
from skillbank.staging.mirror import Mirror
from skillbank.staging.order import PLACE_FAILED_EXIT, StagedOrder

_TRACES_ARRIVE_S = 5.0
"""How long the last traces of an attempt may be under way when its scheduler says it has ended."""

Handle = dict[str, Any]
"""By what a scheduler knows an attempt: its own id, a name. Kept as JSON."""


class SightKind(StrEnum):
    """What a scheduler says of an attempt."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"


@dataclass(frozen=True)
class Sight:
    """What a scheduler knows about an attempt.

    Attributes:
        kind: GONE: it knows none such any more.
        detail: Why it waits, or why it ended; in words for a person.
        exit_code: What it ended with, where the scheduler tells.
        started_at: When it began, in seconds since the epoch, UTC.
        ended_at: When it ended.
        is_failure_of_machine: Its machine failed or was taken away: resuming may help. False where
            the job itself was the cause (its memory, its time, its exit code).
        is_cancelled: Somebody ended it through the scheduler itself.
    """

    kind: SightKind
    detail: str = ""
    exit_code: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    is_failure_of_machine: bool = False
    is_cancelled: bool = False


class StagedPlatform(Platform):
    """A platform whose jobs are carried out by `skillbank.staging` on a machine of a scheduler.

    Subclasses give the four hooks below, `gpus`, and their class of settings.

    Args:
        root: Root folder of the jobs.
        name: Name under which plans mean it.
        settings: What config.yaml says of it.
    """

    settings_class: type[RunSettings] = RunSettings

    def __init__(
        self, root: Path, *, name: str = "", settings: Mapping[str, Any] | None = None
    ) -> None:
        self._root = root
        self._name = name or type(self).__name__.removesuffix("Platform").lower()
        self._given = dict(settings or {})
        self._mirrors: dict[str, Mirror] = {}

    # ------------------------------------------------------------------ hooks of a subclass

    @abstractmethod
    def launch(self, plan: JobPlan, attempt: int, arguments: list[str]) -> Handle:
        """Hand an attempt to the scheduler, under a name made of job id and attempt.

        Args:
            plan: What to run; `settings_of(plan)` says how.
            attempt: Number of the attempt.
            arguments: Arguments of Python there (`-m skillbank.staging ...`).

        Raises:
            PlatformError: The scheduler does not take it, or does not answer.
        """

    @abstractmethod
    def find(self, plan: JobPlan, attempt: int) -> Handle | None:
        """The handle of an attempt whose submitter died before it wrote it down, by its name."""

    @abstractmethod
    def look(self, handle: Handle) -> Sight:
        """What the scheduler says of an attempt.

        Raises:
            PlatformError: It does not answer.
        """

    @abstractmethod
    def stop(self, handle: Handle, grace_s: float) -> None:
        """Stop an attempt, gently first, and return when the scheduler says that it has ended."""

    def output(self, handle: Handle) -> str:  # noqa: ARG002 - not every scheduler keeps one
        """What the scheduler itself caught of an attempt: shown where the job left no log."""
        return ""

    # ------------------------------------------------------------------ the four methods

    def settings_of(self, plan: JobPlan) -> RunSettings:
        """Settings of one job: config.yaml's, with the job's own over them.

        Raises:
            RequestInvalid: One cannot be used.
        """
        where = f"resources of platform {self._name!r}"
        return read_run_settings(self.settings_class, {**self._given, **plan.resources}, where)

    def job_settings(self) -> Mapping[str, object]:
        """Every key of the platform's class of settings; it may keep some from single jobs."""
        return keys_of(self.settings_class)

    def check(self, plan: JobPlan) -> None:
        """Refuse a plan that can never run here.

        Raises:
            PlatformError: It asks for more GPUs than there are, or its results would be lost.
            RequestInvalid: Its settings cannot be used.
        """
        super().check(plan)
        self.settings_of(plan)
        if not self.is_shared and not plan.results_uri:
            raise PlatformError(
                f"platform {self._name!r} does not see the folder {self._root}, so the results of "
                f"job {plan.job_id} would be lost; name a place for them with "
                "'--results s3://BUCKET/PREFIX'."
            )

    def order_of(self, plan: JobPlan, attempt: int) -> StagedOrder:
        """What the machine that runs an attempt is told; a platform may change parts."""
        settings = self.settings_of(plan)
        return StagedOrder(
            job_id=plan.job_id,
            attempt=attempt,
            command=plan.command(),
            folder=str(plan.folder),
            is_shared=self.is_shared,
            results_uri=plan.results_uri,
            upload_excludes=list(plan.upload_excludes),
            storage=read_config(self._root).storage,
            time_limit_s=settings.time_limit_s,
            retries=settings.retries,
            retry_wait_s=settings.retry_wait_s,
        )

    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Write the order, send it to the results URI where the folder is not seen, and launch.

        Raises:
            PlatformError: An earlier attempt still runs, or the scheduler does not take it.
        """
        self.check(plan)
        if attempt > 1 and not self.poll(plan, attempt - 1).state.is_final:
            raise PlatformError(
                f"job {plan.job_id} still runs, so attempt {attempt} cannot start; wait for it, or "
                f"stop it with 'skillbank cancel {plan.job_id}'."
            )
        order = self.order_of(plan, attempt)
        order.save()
        where = str(plan.folder)
        if plan.results_uri and not order.is_shared:
            self._mirror(plan).push_order(attempt)
            where = plan.results_uri
        handle = self.launch(plan, attempt, ["-m", "skillbank.staging", where, str(attempt)])
        self._keep(plan, attempt, handle)

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """Read the traces first; what they do not tell, the scheduler does.

        What it once told of an end is kept: it forgets, and may not be asked when the attempt is
        past.
        """
        folder = AttemptFolder(plan.folder, attempt)
        self._pull(plan)
        ending = folder.ending()
        if ending is not None and not ending.is_interrupted:
            return _observe(folder, ending)
        if folder.is_past:
            told = recall_verdict(folder)
            return told or (observe_loss(folder) if ending is None else _observe(folder, ending))
        handle = self._handle(plan, attempt)
        if handle is None:
            return observe_loss(folder, "its submitter disappeared before it was handed over")
        sight = self.look(handle)
        seen = self._judge(plan, folder, handle, sight)
        if not seen.state.is_final:
            forget_verdict(folder)
        elif sight.kind is SightKind.GONE and (told := recall_verdict(folder)) is not None:
            return told  # this process's own, or that of another one that looked before
        else:
            record_verdict(folder, seen)
        return seen

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Leave word, then let the scheduler stop it."""
        folder = AttemptFolder(plan.folder, attempt)
        ending = folder.ending()
        if folder.is_past or (ending is not None and not ending.is_interrupted):
            return
        handle = self._handle(plan, attempt)
        if handle is None:
            return
        if self.look(handle).kind in {SightKind.WAITING, SightKind.RUNNING}:
            folder.ask_to_cancel()
            self.stop(handle, self.order_of(plan, attempt).grace_s)
            self._await_traces(plan, folder)

    def logs(self, plan: JobPlan) -> str:
        """The job's own log; where it left none, what the scheduler caught of its last attempt."""
        self._pull(plan)
        try:
            text = (plan.folder / "log.txt").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            text = ""
        if text:
            return text
        attempts = [int(path.name) for path in (plan.folder / "attempts").glob("[0-9]*")]
        handle = self._handle(plan, max(attempts)) if attempts else None
        return "" if handle is None else self.output(handle)

    # ------------------------------------------------------------------ what is behind them

    def _keep(self, plan: JobPlan, attempt: int, handle: Handle) -> None:
        path = AttemptFolder(plan.folder, attempt).path / "handle.json"
        write_json(path, handle, is_durable=True)

    def _handle(self, plan: JobPlan, attempt: int) -> Handle | None:
        folder = AttemptFolder(plan.folder, attempt)
        handle = read_json(folder.path / "handle.json")
        if handle is None and folder.path.is_dir():
            handle = self.find(plan, attempt)
            if handle is not None:
                self._keep(plan, attempt, handle)
        return handle

    def _mirror(self, plan: JobPlan) -> Mirror:
        if plan.results_uri not in self._mirrors:
            storage = read_config(self._root).storage
            self._mirrors[plan.results_uri] = Mirror(plan.folder, plan.results_uri, storage)
        return self._mirrors[plan.results_uri]

    def _pull(self, plan: JobPlan) -> bool:
        """Bring the traces here, where jobs do not leave them here themselves; False: not now."""
        if not plan.results_uri or self.is_shared:
            return True
        return self._mirror(plan).pull()

    def _await_traces(self, plan: JobPlan, folder: AttemptFolder) -> None:
        deadline = time.monotonic() + _TRACES_ARRIVE_S
        while folder.ending() is None and folder.started_at() and time.monotonic() < deadline:
            time.sleep(0.05)
            if self._pull(plan) and folder.is_past:
                return

    def _judge(
        self, plan: JobPlan, folder: AttemptFolder, handle: Handle, sight: Sight
    ) -> Observation:
        started_at = folder.started_at() or sight.started_at
        match sight.kind:
            case SightKind.WAITING:
                return Observation(JobState.QUEUED, sight.detail)
            case SightKind.RUNNING if started_at is not None:
                return Observation(JobState.RUNNING, sight.detail, started_at=started_at)
            case SightKind.RUNNING:
                return Observation(JobState.PENDING, sight.detail)
        is_fresh = self._pull(plan)  # it may have ended between the two looks
        if (ending := folder.ending()) is not None:
            seen = _observe(folder, ending)
            knows_best = not ending.is_interrupted or ending.exit_code == PLACE_FAILED_EXIT
            is_told = knows_best or folder.is_to_cancel() or not sight.detail
            return seen if is_told else _explain_stop(seen, sight)
        if not is_fresh:
            told = f"has ended; what it left at {plan.results_uri} cannot be reached now"
            return Observation(JobState.RUNNING, told, started_at=started_at)
        recently = sight.ended_at is not None and time.time() - sight.ended_at < _TRACES_ARRIVE_S
        if recently and not sight.is_failure_of_machine and not folder.is_to_cancel():
            return Observation(JobState.RUNNING, "has ended; its traces are under way")
        if folder.is_to_cancel() or sight.is_failure_of_machine or sight.kind is SightKind.GONE:
            return observe_loss(folder, sight.detail)
        return self._explain_end(folder, handle, sight)

    def _explain_end(self, folder: AttemptFolder, handle: Handle, sight: Sight) -> Observation:
        """It ended without a trace of its own: what the scheduler knows is all there is."""
        said = self.output(handle).strip()
        why = sight.detail or (f"it printed:\n{said[-2000:]}" if said else "and printed nothing")
        return Observation(
            JobState.ERROR,
            f"the job ended before it could tell how: {why}",
            sight.exit_code,
            folder.started_at() or sight.started_at,
            sight.ended_at,
        )


def _observe(folder: AttemptFolder, ending: Ending) -> Observation:
    """How it ended; the machine that ran it may not have seen the word to cancel it."""
    if folder.is_to_cancel() and ending.exit_code != 0:
        ending = ending._replace(is_cancelled=True, detail="cancelled on request")
    return observe_ending(ending)


def _explain_stop(seen: Observation, sight: Sight) -> Observation:
    """A stop by the scheduler is told in the scheduler's words: its time was over, for one."""
    state = JobState.LOST if sight.is_failure_of_machine else JobState.ERROR
    return replace(
        seen, state=JobState.CANCELED if sight.is_cancelled else state, detail=sight.detail
    )
