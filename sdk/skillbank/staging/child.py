"""The job's own process: started tied to this one, stopped gently, its rest ended with it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from skillbank.platforms.strays import kill_strays

_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD}
_WARNINGS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_EVERY_S = 0.5

Result = TypeVar("Result")

# Runs between the fork and the job: this process has threads, in which no Python may run there.
_TIE = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os.kill(os.getpid(), 9)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp(sys.argv[2], sys.argv[2:])
"""


def hold_signals() -> None:
    """Let warnings be seen only where they can be acted on; call it before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def pending_warning() -> signal.Signals | None:
    """A warning that has come while nothing ran that it could be passed on to."""
    heard = signal.sigtimedwait(_WARNINGS, 0)
    return None if heard is None else signal.Signals(heard.si_signo)


class Interrupted(Exception):
    """A warning came, or the lease went, before there was anything to pass it on to."""


def do_interruptibly(work: Callable[[], Result], is_fenced: Callable[[], bool]) -> Result:
    """Do what may take long before the job runs, on a thread of its own.

    Raises:
        Interrupted: It is not waited for any longer; it ends with this process.
    """
    pool = ThreadPoolExecutor(1, "preparing")
    done = pool.submit(work)
    pool.shutdown(wait=False)
    done.add_done_callback(lambda _: os.kill(os.getpid(), signal.SIGCHLD))  # wakes who waits
    while not done.done():
        heard = signal.sigtimedwait(_WATCHED, _LOOK_EVERY_S)
        if is_fenced() or (heard is not None and heard.si_signo in _WARNINGS):
            raise Interrupted
    return done.result()


class Child:
    """One run of the job.

    Args:
        arguments: Program and arguments.
        environment: All of its environment.
        log: Where both its outputs go; None: where this process's go.
        job_folder: By which its strays are known.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: IO[bytes] | None,
        job_folder: Path,
    ) -> None:
        self._job_folder = job_folder
        self._kill_at: float | None = None
        self.warning: signal.Signals | None = None
        self.is_over_time = False
        tie = [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid())]
        self._process = subprocess.Popen(
            [*tie, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=None if log is None else subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )

    def watch(
        self, grace_s: float, time_limit_s: float | None, is_fenced: Callable[[], bool]
    ) -> int:
        """Wait for its end, passing warnings on; its exit code, negative for a signal.

        Args:
            grace_s: Time between SIGTERM and SIGKILL.
            time_limit_s: When it is stopped by itself; None: never.
            is_fenced: Tells that it must write no more: then it is killed at once.
        """
        stop_at = None if time_limit_s is None else time.monotonic() + time_limit_s
        while not _has_ended(self._process.pid):
            heard = signal.sigtimedwait(_WATCHED, _LOOK_EVERY_S)
            if is_fenced():
                os.kill(self._process.pid, signal.SIGKILL)
            elif heard is not None and heard.si_signo in _WARNINGS:
                self.warning = self.warning or signal.Signals(heard.si_signo)
                self._ask(grace_s)
            elif self._kill_at is None and stop_at is not None and time.monotonic() >= stop_at:
                self.is_over_time = True
                self._ask(grace_s)
            elif self._kill_at is not None and time.monotonic() >= self._kill_at:
                os.kill(self._process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        exit_code = self._process.wait()
        kill_strays(self._job_folder)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        # A scheduler signals all processes of a job: its warning may have reached the job first.
        self.warning = self.warning or pending_warning()
        return exit_code

    def _ask(self, grace_s: float) -> None:
        """Ask it to save and exit, once; only itself, since its helpers must not go first."""
        if self._kill_at is None:
            os.kill(self._process.pid, signal.SIGTERM)
            self._kill_at = time.monotonic() + grace_s


def _has_ended(pid: int) -> bool:
    """Tell whether the job ended; orphans that came to us are reaped on the way."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        if ended.si_pid == pid:
            return True
        os.waitpid(ended.si_pid, 0)
