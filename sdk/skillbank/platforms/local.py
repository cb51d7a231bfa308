"""Run jobs as processes of this machine, with no daemon: one supervisor per running attempt."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

import skillbank
from skillbank.errors import PlatformError
from skillbank.job import PAUSED_EXIT, JobState, Observation
from skillbank.locks import is_locked, take_lock
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform
from skillbank.platforms.attempt import AttemptFolder, Ending, Identity, Order, identify
from skillbank.platforms.gpus import visible_gpus
from skillbank.platforms.strays import kill_strays
from skillbank.platforms.supervisor import LOCK_DESCRIPTOR, STOPPED_FROM_OUTSIDE
from skillbank.settings import Settings, environment_of_jobs, read_settings

_GRACE_S = 15.0
_TRIALS_STOPPED = 8  # a search stops its trials, each in its own time, before it ends itself
_STOPPED_BY_SIGTERM = (143, -signal.SIGTERM)

# Run isolated and without site packages: up in 20 ms, whatever the user's environment holds.
_BOOT = """
import sys
sys.path += sys.argv[1:3]
from skillbank.platforms.supervisor import main
main(sys.argv[3:])
"""


class LocalPlatform(Platform):
    """Processes of this machine (Linux).

    Args:
        root: Root folder of the jobs; jobs of one root share its CPU slots and the GPUs.
        gpus: Names of the GPUs that jobs may get, as CUDA_VISIBLE_DEVICES takes them; what the
            machine shows by default.
        num_slots: CPU jobs that run at once; see Settings.local_slots.
        grace_s: Time that a cancelled job has to stop by itself.
    """

    def __init__(
        self,
        root: Path,
        *,
        gpus: Sequence[str] | None = None,
        num_slots: int | None = None,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._slots_folder = root / "slots"
        self._gpus = None if gpus is None else tuple(gpus)
        self._settings: Settings = read_settings()
        self._num_slots = num_slots or self._settings.local_slots
        self._grace_s = grace_s
        self._supervisors: set[int] = set()

    def submit(self, plan: JobPlan, attempt: int) -> None:
        """Start a supervisor that holds the job's lock from before it exists.

        Raises:
            PlatformError: An earlier attempt still runs, or no process can be started.
        """
        self.check(plan)
        self._reap()
        folder = AttemptFolder(plan.folder, attempt)
        lock = take_lock(folder.lock)
        if lock is None:
            raise PlatformError(
                f"job {plan.job_id} still runs, so attempt {attempt} cannot start; wait for it, or "
                f"stop it with 'skillbank cancel {plan.job_id}'."
            )
        try:
            folder.create(self._order(plan, attempt))
            environment = self._environment(plan)
            self._supervisors.add(_start_supervisor(folder, attempt, lock, environment))
        except OSError as error:
            raise PlatformError(
                f"job {plan.job_id} cannot be started: {error}. Free some memory or disk space, "
                f"then run 'skillbank resume {plan.job_id}'."
            ) from error
        finally:
            os.close(lock)  # the supervisor holds its own copy

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        """Read the state off the ending and the lock; no pid is believed."""
        self._reap()
        folder = AttemptFolder(plan.folder, attempt)
        if (ending := folder.ending()) is not None:
            return _observe_ending(ending)
        if folder.is_past:
            return _observe_loss(folder)
        if is_locked(folder.lock):
            return self._observe_life(folder, plan)
        # It may have ended between the two looks.
        if (ending := folder.ending()) is not None:
            return _observe_ending(ending)
        kill_strays(plan.folder)
        return _observe_loss(folder)

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        """Ask the supervisor to stop the job; where it does not, end everything by force."""
        folder = AttemptFolder(plan.folder, attempt)
        if folder.is_past:
            return
        folder.ask_to_cancel()
        # As long again, and a little, for the supervisor to clean up and write the ending.
        deadline = time.monotonic() + 2 * self._grace_of(plan) + 2.0
        _signal(folder.identity(), signal.SIGTERM)
        while is_locked(folder.lock) and time.monotonic() < deadline:
            time.sleep(0.02)
        if is_locked(folder.lock):
            _signal(folder.identity(), signal.SIGKILL)
        if folder.ending() is None:
            kill_strays(plan.folder)
        self._reap()

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
        return self.gpus() // plan.num_gpus if plan.num_gpus else self._num_slots

    def _visible_gpus(self) -> tuple[str, ...]:
        if self._gpus is None:
            self._gpus = visible_gpus(self._settings.cuda_visible_devices)
        return self._gpus

    def _order(self, plan: JobPlan, attempt: int) -> Order:
        return Order(
            job_id=plan.job_id,
            attempt=attempt,
            command=plan.command(),
            slots_folder=str(self._slots_folder),
            num_slots=self._num_slots,
            gpus=list(self._visible_gpus()),
            num_gpus=plan.num_gpus,
            grace_s=self._grace_of(plan),
            takes_place=plan.route is not Route.AUTOML,
        )

    def _grace_of(self, plan: JobPlan) -> float:
        return self._grace_s * (_TRIALS_STOPPED if plan.route is Route.AUTOML else 1)

    def _environment(self, plan: JobPlan) -> dict[str, str]:
        """The submitter's own; jobs that share the CPU get their share of threads, if none is set.

        Two trainings with a thread per core each wait for one another most of the time: on 2 cores
        a step of either took 10 times as long.
        """
        own = environment_of_jobs()
        is_alone = self._num_slots == 1 or plan.num_gpus or plan.route is Route.AUTOML
        if is_alone or "OMP_NUM_THREADS" in own:
            return own
        threads = str(max(1, len(os.sched_getaffinity(0)) // self._num_slots))
        return {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, **own}

    def _observe_life(self, folder: AttemptFolder, plan: JobPlan) -> Observation:
        started_at = folder.started_at()
        if started_at is not None:
            return Observation(JobState.RUNNING, started_at=started_at)
        if not folder.is_waiting():
            return Observation(JobState.PENDING)
        if plan.num_gpus:
            return Observation(JobState.QUEUED, f"waits for {plan.num_gpus} free GPUs")
        return Observation(
            JobState.QUEUED,
            f"waits for its turn: CPU jobs run {self._num_slots} at a time "
            "(SKILLBANK_LOCAL_SLOTS allows more)",
        )

    def _reap(self) -> None:
        """Collect supervisors of this process that ended, so that they do not stay as zombies."""
        for pid in tuple(self._supervisors):
            try:
                has_ended = os.waitpid(pid, os.WNOHANG)[0] == pid
            except ChildProcessError:
                has_ended = True  # collected by somebody else, or this is a forked child
            if has_ended:
                self._supervisors.discard(pid)


def _start_supervisor(
    folder: AttemptFolder, attempt: int, lock: int, environment: Mapping[str, str]
) -> int:
    """Pid of a detached process that prints to the job's log and holds a copy of the lock."""
    roots = [str(Path(module.__file__ or "").parents[1]) for module in (skillbank, psutil)]
    arguments = [*roots, str(folder.job_folder), str(attempt)]
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # Out of the way of the descriptors that are set up below, in that order.
    high_lock = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 10)
    try:
        return os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", "-c", _BOOT, *arguments],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(folder.log), append, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, high_lock, LOCK_DESCRIPTOR),
            ],
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGPIPE, signal.SIGHUP],
        )
    finally:
        os.close(high_lock)


def _signal(identity: Identity | None, number: signal.Signals) -> None:
    """Signal a process if, and only if, it is still the one that was meant."""
    if identity is None:
        return
    try:
        process = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        # The descriptor pins the process; only then does a comparison mean anything.
        if identify(identity.pid) == identity:
            signal.pidfd_send_signal(process, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


def _observe_ending(ending: Ending) -> Observation:
    state, detail = _judge(ending)
    return Observation(state, detail, ending.exit_code, ending.started_at, ending.ended_at)


def _judge(ending: Ending) -> tuple[JobState, str]:
    if ending.exit_code == 0:
        return JobState.COMPLETE, ""
    if ending.is_cancelled:
        return JobState.CANCELED, ending.detail
    if ending.exit_code in _STOPPED_BY_SIGTERM:
        return JobState.CANCELED, STOPPED_FROM_OUTSIDE
    if ending.exit_code == PAUSED_EXIT:
        return JobState.PAUSED, ""
    return JobState.ERROR, ending.detail


def _observe_loss(folder: AttemptFolder) -> Observation:
    started_at = folder.started_at()
    if folder.is_to_cancel():
        return Observation(JobState.CANCELED, "cancelled on request", started_at=started_at)
    when = "while it ran" if started_at is not None else "before it ran"
    return Observation(
        JobState.LOST,
        f"the process that watched the job disappeared {when} (killed, or the machine restarted); "
        f"run 'skillbank resume {folder.job_folder.name}' to go on from its last checkpoint",
        started_at=started_at,
    )
