"""The process beside one attempt of a job: waits for its turn, runs it, records how it ended.

It is started detached with the locked descriptor of the job's `launcher.lock`, which it never
closes: while the lock is held, somebody answers for the job. It starts without the user's site
packages and imports little, so that hundreds may wait without weight.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skillbank.platforms.attempt import AttemptFolder, Ending, Order, Retry, identify
from skillbank.platforms.disk import explain_full, find_full, is_full
from skillbank.platforms.limits import explain_limit
from skillbank.platforms.memory import count_memory_kills, explain_kill
from skillbank.platforms.running import WATCHED, RunEnd, start_run, watch_run
from skillbank.platforms.turns import Turn

LOCK_DESCRIPTOR = 3
"""Where the starter puts the locked descriptor of `launcher.lock`."""
TICKET_DESCRIPTOR = 4
"""Where it puts that of the ticket, for a job that takes a place."""

STOPPED_FROM_OUTSIDE = "stopped by SIGTERM from outside, such as a shutdown"

_ENDED_WELL = (0, 75, 143, -signal.SIGTERM)  # complete, paused, stopped: nobody runs it again
_NEVER_AGAIN = (*_ENDED_WELL, 76)  # another process holds the job's results
_MOST_SPEC_S = 120.0

# In the job's own Python: this one has no packages, and must survive what a full memory does.
_WRITE_SPEC = """
import sys
from pathlib import Path
from skillbank.staging.resuming import write_resumed_spec
write_resumed_spec(Path(sys.argv[1]), Path(sys.argv[2]))
"""


class _Stopped(BaseException):
    """SIGTERM arrived while the job waited for its turn."""


def main(arguments: list[str]) -> None:
    """Run one attempt.

    Args:
        arguments: The job's folder and the number of the attempt.
    """
    # From here on SIGTERM is only seen where it can be acted on; SIGCHLD wakes `watch_run`.
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    signal.signal(signal.SIGTERM, _raise_stopped)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    folder = AttemptFolder(Path(arguments[0]), int(arguments[1]))
    order = folder.order()
    # Whatever else the starter's own parents left open is not ours to hold.
    own = TICKET_DESCRIPTOR if order.ticket else LOCK_DESCRIPTOR
    os.closerange(own + 1, os.sysconf("SC_OPEN_MAX"))
    folder.write_ending(Supervision(folder, order).carry_out())


class Supervision:
    """What a supervisor does about one attempt.

    Args:
        folder: The attempt.
        order: What to do.
    """

    def __init__(self, folder: AttemptFolder, order: Order) -> None:
        self._folder = folder
        self._order = order
        self._turn = Turn(order, folder, TICKET_DESCRIPTOR)
        self._started_at: float | None = None
        self._is_over_time = False

    def carry_out(self) -> Ending:
        """Run the job when its turn has come, again where a failure is worth it; how it ended."""
        try:
            identity = identify(os.getpid())
            if identity is not None:
                self._folder.write_identity(identity)
            if self._order.attempt > 1:
                _say(f"\n--- attempt {self._order.attempt} of job {self._order.job_id} ---")
            return self._run_until_over()
        except _Stopped:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            return self._end(None, self._why_stopped(), is_cancelled=True)
        except OSError as error:
            if not is_full(error):
                raise
            return self._end(None, explain_full(error, self._folder.job_folder))

    def _run_until_over(self) -> Ending:
        command = self._order.command
        tries = 0
        while True:
            # The canceller leaves word before it looks for us, and we tell who we are before we
            # look for its word: one of the two always sees the other.
            if self._folder.is_to_cancel():
                raise _Stopped
            before = self._sizes()
            with self._turn.taken() as gpus:
                ending = self._run_once(command, gpus)
            tries += 1
            retry = self._next_try(tries, ending, before)
            if retry is None:
                return ending
            self._await(retry)
            command = self._resumed_command(retry)

    # ------------------------------------------------------------------ one run

    def _run_once(self, command: list[str], gpus: list[str] | None) -> Ending:
        started_at, kills = self._started_at or time.time(), count_memory_kills()
        # First: once there is a job, others see it, and it may fill the disk.
        self._folder.write_start(started_at)
        try:
            process = start_run(command, self._environment(gpus))
        except OSError as error:
            return self._end(
                None,
                f"its process could not be started ({error})",
                is_cancelled=self._folder.is_to_cancel(),
            )
        self._started_at = started_at
        end = watch_run(process, self._order.grace_s, self._order.time_limit_s)
        self._is_over_time = end.is_over_time
        _end_the_rest(self._folder)
        if end.is_stopped or self._folder.is_to_cancel():
            return self._end(end.exit_code, self._why_stopped(), is_cancelled=True)
        return self._end(end.exit_code, self._why_ended(end, kills))

    def _environment(self, gpus: list[str] | None) -> dict[str, str]:
        return {
            **os.environ,
            "SKILLBANK_JOB_ID": self._order.job_id,
            "SKILLBANK_JOB_FOLDER": str(self._folder.job_folder),
            "PYTHONUNBUFFERED": "1",
            **({} if gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}),
        }

    def _end(self, exit_code: int | None, detail: str, *, is_cancelled: bool = False) -> Ending:
        return Ending(exit_code, is_cancelled, detail, self._started_at, time.time())

    def _why_stopped(self) -> str:
        is_asked = self._folder.is_to_cancel()
        return "cancelled on request" if is_asked else STOPPED_FROM_OUTSIDE

    def _why_ended(self, end: RunEnd, kills: int) -> str:
        """What the job itself cannot tell: its time, its memory, its disk; else empty."""
        if end.exit_code == 0:
            return ""
        if end.is_over_time:
            return explain_limit(self._order.job_id, self._order.time_limit_s or 0.0)
        if detail := explain_kill(end.exit_code, kills, count_memory_kills()):
            return detail
        full = None if end.exit_code in _ENDED_WELL else find_full(self._folder.job_folder)
        return "" if full is None else explain_full(full, self._folder.job_folder)

    # ------------------------------------------------------------------ and the next

    def _sizes(self) -> tuple[int, int]:
        """Lengths of log and status lines now."""
        job = self._folder.job_folder
        paths = (job / "log.txt", job / "results" / "status.json")
        log, status = (path.stat().st_size if path.is_file() else 0 for path in paths)
        return log, status

    def _next_try(self, tries: int, ending: Ending, before: tuple[int, int]) -> Retry | None:
        """The run after one that failed; None where that one was the last.

        Only now are the classes of failures worth their import.
        """
        is_over = ending.is_cancelled or self._is_over_time or ending.exit_code in _NEVER_AGAIN
        if is_over or tries > self._order.retries:
            return None
        from skillbank.platforms.retrying import RetryPolicy, RunMarks, explain_run, spread_pause

        order = self._order
        failure = explain_run(
            self._folder.job_folder, ending.exit_code, RunMarks(*before), ending.detail
        )
        pause_s = RetryPolicy(order.retries, order.retry_wait_s).decide(failure.kind, tries)
        if pause_s is None:
            return None
        begins_at = time.time() + spread_pause(pause_s)
        return Retry(tries + 1, order.retries + 1, begins_at, failure.reason)

    def _await(self, retry: Retry) -> None:
        """Sleep until a further run may begin; the job holds no place meanwhile."""
        self._folder.write_retry(retry)
        _say(f"\nrun {retry.run - 1} failed: {retry.reason}")
        _say(f"run {retry.run} of at most {retry.most_runs} begins at {retry.begins_at_clock}")
        with _hearing_sigterm():
            time.sleep(max(0.0, retry.begins_at - time.time()))
        _say(
            f"--- run {retry.run} of attempt {self._order.attempt} of job {self._order.job_id} ---"
        )

    def _resumed_command(self, retry: Retry) -> list[str]:
        """The command that goes on from the newest checkpoint; staging does so by itself."""
        spec = str(self._folder.job_folder / "spec.yaml")
        command = self._order.command
        if spec not in command:
            return command
        target = self._folder.path / f"spec-{retry.run}.yaml"
        arguments = [sys.executable, "-c", _WRITE_SPEC, str(self._folder.job_folder), str(target)]
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(arguments, stdin=subprocess.DEVNULL, timeout=_MOST_SPEC_S, check=False)
        if not target.is_file():
            return command
        return [str(target) if part == spec else part for part in command]


def _raise_stopped(*_: object) -> None:
    raise _Stopped


@contextmanager
def _hearing_sigterm() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _say(line: str) -> None:
    """Add a line to the job's log, which may be full."""
    with suppress(OSError):
        os.write(1, f"{line}\n".encode())


def _end_the_rest(folder: AttemptFolder) -> None:
    """End what the job started in sessions of its own."""
    from skillbank.platforms.strays import kill_strays

    kill_strays(folder.job_folder)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
