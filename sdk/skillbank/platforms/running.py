"""One run of a job's process: tied to this one, asked to stop, ended with all it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
WATCHED = frozenset({signal.SIGTERM, signal.SIGCHLD})
"""Signals that must be blocked from before a run starts until it was watched to its end."""


class RunEnd(NamedTuple):
    """How a run ended.

    Attributes:
        exit_code: Of its process; negative for a signal.
        is_stopped: This process was asked by SIGTERM to stop it.
        is_over_time: It reached its time limit.
    """

    exit_code: int
    is_stopped: bool
    is_over_time: bool


def start_run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start Python with arguments; it dies with this process, and writes where this one does.

    Raises:
        OSError: No process can be started.
    """
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - this process has one thread
    )


def watch_run(
    process: subprocess.Popen[bytes], grace_s: float, time_limit_s: float | None
) -> RunEnd:
    """Wait for the end of a run; its group is ended with it.

    Args:
        process: What `start_run` gave.
        grace_s: Time between SIGTERM and SIGKILL.
        time_limit_s: When it is asked to stop by itself; None: never.
    """
    began = time.monotonic()
    limit_at = None if time_limit_s is None else began + time_limit_s
    kill_at: float | None = None
    is_stopped = is_over_time = False
    while not _has_ended(process.pid):
        heard = signal.sigtimedwait(WATCHED, _pause_until(kill_at or limit_at))
        now = time.monotonic()
        is_asked = heard is not None and heard.si_signo == signal.SIGTERM
        if kill_at is not None:
            if now >= kill_at:
                os.kill(process.pid, signal.SIGKILL)
        elif is_asked or (limit_at is not None and now >= limit_at):
            is_stopped, is_over_time = is_asked, not is_asked
            # Only the job itself: a trainer whose data workers die first cannot stop cleanly.
            os.kill(process.pid, signal.SIGTERM)
            kill_at = now + grace_s
    # Not reaped yet, it keeps its group's number from being reused.
    _kill_group(process.pid)
    return RunEnd(process.wait(), is_stopped, is_over_time)


def _tie_to(watcher_pid: int) -> Callable[[], None]:
    """What the child does before it becomes the job: die with us, and hear signals again."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans of the job become our children, so that they are reaped where PID 1 reaps nothing.
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != watcher_pid:
            os.kill(os.getpid(), signal.SIGKILL)  # we were killed before the tie held
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    return tie


def _pause_until(moment: float | None) -> float:
    return 3600.0 if moment is None else min(3600.0, max(0.05, moment - time.monotonic()))


def _has_ended(pid: int) -> bool:
    """Tell whether the job ended; orphans that came to us are reaped on the way."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return False
        if ended.si_pid == pid:
            return True
        os.waitpid(ended.si_pid, 0)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # only the dead leader is left
        os.killpg(pid, signal.SIGKILL)
