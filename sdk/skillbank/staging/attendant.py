"""Attends to one attempt from its lease to its last byte."""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from skillbank.errors import FilesError, FilesUnavailable, LeaseLost, SkillbankError
from skillbank.files.opening import Stores
from skillbank.job import PAUSED_EXIT
from skillbank.platforms.attempt import AttemptFolder, Ending
from skillbank.platforms.disk import pass_over_full
from skillbank.platforms.limits import explain_limit
from skillbank.platforms.memory import count_memory_kills, explain_kill
from skillbank.platforms.retrying import RetryPolicy, explain_run, mark_run, spread_pause
from skillbank.platforms.supervisor import STOPPED_FROM_OUTSIDE
from skillbank.settings import environment_of_jobs
from skillbank.staging.child import Child, Interrupted, do_interruptibly, pending_warning
from skillbank.staging.lease import BothLeases, DiskLease, Lease, StoreLease
from skillbank.staging.log import kept_log, say
from skillbank.staging.order import PLACE_FAILED_EXIT, StagedOrder
from skillbank.staging.outbox import Outbox
from skillbank.staging.preparing import prepare_command, restore_folder

_LEASE_PATIENCE_S = 120.0
_LAST_BYTES_S = 300.0
_LAST_BYTES_OF_SCRATCH_S = 3600.0  # nobody else has them
_ENDED_WELL = (0, PAUSED_EXIT)
_STOPPED_EXIT = 143
_WRONG_REQUEST_EXIT = 2


class Attendant:
    """Carries out one attempt on this machine.

    Args:
        order: What to do.
        folder: The job's folder here.
    """

    def __init__(self, order: StagedOrder, folder: Path) -> None:
        self._order = order
        self._folder = folder
        self._traces = AttemptFolder(folder, order.attempt)
        self._stores = Stores(order.storage)
        self._lost: LeaseLost | None = None
        self._outbox: Outbox | None = None
        self._unsent = ""

    def run(self) -> int:
        """Carry it out; the exit status for the scheduler.

        Raises:
            LeaseLost: Another process holds the job's results; nothing was written after that.
            FilesError: The lease cannot be taken, or what the job left cannot be read.
        """
        with ExitStack() as until_done:
            lease = self._lease()
            if lease is not None:
                until_done.callback(lease.release)
            try:
                do_interruptibly(lambda: self._begin(lease), self._is_fenced)
            except Interrupted:
                self._require_held()
                return _STOPPED_EXIT  # not all of the job is here, so nothing is sent
            if not self._order.is_lock_held:
                until_done.enter_context(kept_log(self._folder / "log.txt", self._order))
            with self._sending(lease):
                ending = self._earlier_ending() or self._end_anew()
        self._require_held()
        if self._unsent:
            raise FilesUnavailable(self._unsent)
        return ending.exit_code if ending.exit_code and ending.exit_code > 0 else _as_status(ending)

    def _begin(self, lease: Lease | None) -> None:
        if lease is not None:
            lease.take(_LEASE_PATIENCE_S)
        restore_folder(self._order, self._folder, self._stores)

    def _earlier_ending(self) -> Ending | None:
        """How the attempt ended before its scheduler began it again, though it need not have."""
        ending = None if self._order.is_lock_held else self._traces.ending()
        return None if ending is None or ending.is_interrupted else ending

    def _end_anew(self) -> Ending:
        """Carry the attempt out and record how it ended."""
        self._traces.forget_ending()
        if not self._order.is_lock_held:
            with pass_over_full():
                self._traces.reserve_ending()
        ending = self._carry_out()
        self._require_held()
        if self._order.is_lock_held:
            self._traces.write_outcome(ending)
        else:
            self._traces.write_ending(ending)
        return ending

    def _is_fenced(self) -> bool:
        return self._lost is not None

    def _require_held(self) -> None:
        if self._lost is not None:
            raise self._lost

    # ------------------------------------------------------------------ one writer

    def _lease(self) -> Lease | None:
        """What makes this process the one writer; None where whoever started it is already."""
        order, attempt = self._order, self._order.attempt
        disk = None if order.is_lock_held else DiskLease(self._folder, attempt, self._lose)
        if not order.results_uri:
            return disk
        store = StoreLease(
            self._stores.of(order.results_uri),
            order.results_uri,
            attempt=attempt,
            on_lost=self._lose,
        )
        return store if disk is None else BothLeases(disk, store, self._lose)

    def _lose(self, error: LeaseLost) -> None:
        self._lost = error
        if self._outbox is not None:
            self._outbox.abandon()

    # ------------------------------------------------------------------ results out

    @contextmanager
    def _sending(self, lease: Lease | None) -> Iterator[None]:
        """Send what is written below the folder while the body runs, and the rest after it."""
        order = self._order
        if not order.results_uri or lease is None:
            yield
            return
        outbox = Outbox(
            self._folder,
            order.results_uri,
            self._stores,
            lease,
            excludes=order.upload_excludes,
            attempt=order.attempt,
        )
        self._outbox = outbox
        outbox.on_lost = self._lose
        if self._lost is not None:
            outbox.abandon()  # it was lost before it could be told
        outbox.start()
        try:
            yield
            if self._lost is None:
                self._send_the_rest(outbox)
        finally:
            outbox.stop()

    def _send_the_rest(self, outbox: Outbox) -> None:
        is_scratch = not self._order.is_shared
        left = outbox.flush(_LAST_BYTES_OF_SCRATCH_S if is_scratch else _LAST_BYTES_S)
        if not left and is_scratch:
            outbox.stop()  # first: it would take what goes here for deleted, and delete it there
            shutil.rmtree(self._folder, ignore_errors=True)
        if not left or self._lost is not None:
            return
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        told = (
            f"{self._order.results_uri} does not have: {shown}; they are in {self._folder} on "
            f"{socket.gethostname()}"
        )
        sync, resume = (f"skillbank {verb} {self._order.job_id}" for verb in ("sync", "resume"))
        if is_scratch:  # where no client sees them: whoever asks for the job must be told
            self._unsent = f"{told}. Fetch them from there, or '{resume}' from what did arrive."
        else:
            say(f"warning: {told}. '{sync}' sends them there.")

    # ------------------------------------------------------------------ the job

    def _carry_out(self) -> Ending:
        """Run the job, and again where its machine failed it and the order allows it."""
        policy = RetryPolicy(self._order.retries, self._order.retry_wait_s)
        if self._order.attempt > 1 and not self._order.is_lock_held:
            say(f"\n--- attempt {self._order.attempt} of job {self._order.job_id} ---")
        tries = 0
        while True:
            marks = mark_run(self._folder)
            ending = self._run_once()
            is_known = bool(ending.detail) and not ending.is_interrupted
            is_over = ending.exit_code in _ENDED_WELL or ending.is_cancelled or is_known
            if is_over or self._lost is not None or self._order.is_lock_held:
                return ending
            tries += 1
            failure = explain_run(self._folder, ending.exit_code, marks, ending.detail)
            pause_s = policy.decide(failure.kind, tries)
            if pause_s is None:
                return ending
            pause_s = spread_pause(pause_s)
            say(f"run {tries} failed: {failure.reason}; run {tries + 1} begins in {pause_s:.0f} s")
            if self._is_stopped_within(pause_s):
                return self._stopped(None)
            say(f"--- run {tries + 1} of attempt {self._order.attempt} ---")

    def _run_once(self) -> Ending:
        try:
            command = do_interruptibly(
                lambda: prepare_command(self._order, self._folder, self._stores), self._is_fenced
            )
        except Interrupted:
            return self._stopped(None)
        except SkillbankError as error:
            say(f"error: {error}")
            exit_code = PLACE_FAILED_EXIT if isinstance(error, FilesError) else _WRONG_REQUEST_EXIT
            may_pass = isinstance(error, FilesUnavailable)
            return Ending(exit_code, False, str(error), None, time.time(), may_pass)
        if pending_warning() is not None:
            return self._stopped(None)
        started_at, kills = time.time(), count_memory_kills()
        program = [*self._order.launcher, sys.executable, *command]
        if not self._order.is_lock_held:
            self._traces.write_start(started_at)  # first: once there is a job, others see it
        child = Child(program, self._environment(), None, self._folder)
        exit_code = child.watch(self._order.grace_s, self._order.time_limit_s, self._is_fenced)
        if child.warning is not None and exit_code not in _ENDED_WELL:
            return self._stopped(started_at, exit_code)
        if child.is_over_time and exit_code != 0:
            detail = explain_limit(self._order.job_id, self._order.time_limit_s or 0.0)
            failed = 1 if exit_code in {_STOPPED_EXIT, -signal.SIGTERM} else exit_code
            return Ending(failed, False, detail, started_at, time.time())
        detail = explain_kill(exit_code, kills, count_memory_kills())
        return Ending(exit_code, False, detail, started_at, time.time())

    def _environment(self) -> dict[str, str]:
        """This process's own, less the credentials that only moving files takes."""
        secret = (
            set()
            if self._order.keeps_credentials
            else {
                reference.removeprefix("env:")
                for one in self._order.storage
                for reference in (one.access_key, one.secret_key, one.session_token)
                if reference is not None
            }
        )
        own = {name: v for name, v in environment_of_jobs().items() if name not in secret}
        return {
            **own,
            "SKILLBANK_JOB_ID": self._order.job_id,
            "SKILLBANK_JOB_FOLDER": str(self._folder),
            "PYTHONUNBUFFERED": "1",
        }

    def _stopped(self, started_at: float | None, exit_code: int = _STOPPED_EXIT) -> Ending:
        """It was asked to stop: for good by its owner, for now by its scheduler."""
        for_good = self._traces.is_to_cancel()
        told = "cancelled on request" if for_good else STOPPED_FROM_OUTSIDE
        return Ending(exit_code, True, told, started_at, time.time(), not for_good)

    def _is_stopped_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if pending_warning() is not None or self._lost is not None:
                return True
            time.sleep(min(0.2, max(0.0, deadline - time.monotonic())))
        return False


def _as_status(ending: Ending) -> int:
    """Exit status as a shell gives it: 128 and the number of the signal."""
    return 128 - ending.exit_code if ending.exit_code else 0
