"""The process beside one attempt of a job: waits for its turn, runs it, records how it ended.

It is started detached with the locked descriptor of the job's `launcher.lock`, which it never
closes: while the lock is held, somebody answers for the job. It starts without the user's site
packages and imports little, so that hundreds may wait without weight.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from skillbank.platforms.attempt import AttemptFolder, Ending, Order, identify
from skillbank.platforms.memory import count_memory_kills, explain_kill
from skillbank.platforms.slots import Places

LOCK_DESCRIPTOR = 3
"""Where the starter puts the locked descriptor of `launcher.lock`."""

STOPPED_FROM_OUTSIDE = "stopped by SIGTERM from outside, such as a shutdown"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_WATCHED = {signal.SIGTERM, signal.SIGCHLD}


class _Stopped(BaseException):
    """SIGTERM arrived while the job waited for its turn."""


def main(arguments: list[str]) -> None:
    """Run one attempt.

    Args:
        arguments: The job's folder and the number of the attempt.
    """
    # From here on SIGTERM is only seen where it can be acted on; SIGCHLD wakes `_watch`.
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    signal.signal(signal.SIGTERM, _raise_stopped)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Whatever else the starter's own parents left open is not ours to hold.
    os.closerange(LOCK_DESCRIPTOR + 1, os.sysconf("SC_OPEN_MAX"))
    folder = AttemptFolder(Path(arguments[0]), int(arguments[1]))
    identity = identify(os.getpid())
    if identity is not None:
        folder.write_identity(identity)
    order = folder.order()
    if order.attempt > 1:
        os.write(1, f"\n--- attempt {order.attempt} of job {order.job_id} ---\n".encode())
    folder.write_ending(_run(folder, order))


def _run(folder: AttemptFolder, order: Order) -> Ending:
    try:
        # The canceller leaves word before it looks for us, and we tell who we are before we look
        # for its word: one of the two always sees the other.
        if folder.is_to_cancel():
            raise _Stopped
        gpus = _wait_for_turn(folder, order)
    except _Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return Ending(None, True, _why_stopped(folder), None, time.time())
    started_at, kills = time.time(), count_memory_kills()
    try:
        process = _start(folder, order, gpus)
    except OSError as error:
        detail = f"its process could not be started ({error})"
        return Ending(None, folder.is_to_cancel(), detail, None, time.time())
    folder.write_start(started_at)
    is_stopped, exit_code = _watch(process, order.grace_s)
    _end_the_rest(folder)
    if is_stopped or folder.is_to_cancel():
        return Ending(exit_code, True, _why_stopped(folder), started_at, time.time())
    detail = explain_kill(exit_code, kills, count_memory_kills())
    return Ending(exit_code, False, detail, started_at, time.time())


def _why_stopped(folder: AttemptFolder) -> str:
    return "cancelled on request" if folder.is_to_cancel() else STOPPED_FROM_OUTSIDE


def _raise_stopped(*_: object) -> None:
    raise _Stopped


def _wait_for_turn(folder: AttemptFolder, order: Order) -> list[str] | None:
    """Names of the GPUs that the job may use; None: it takes no place, and is left as it is."""
    if not order.takes_place:
        return None
    lock_files = Path(order.slots_folder)
    slots = Places(lock_files, "slot", [str(index) for index in range(order.num_slots)])
    gpus = Places(lock_files, "gpu", order.gpus)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        if order.num_gpus:
            return gpus.hold(order.num_gpus, folder.tell_waiting)
        slots.hold(1, folder.tell_waiting)
        return []
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _start(folder: AttemptFolder, order: Order, gpus: list[str] | None) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "SKILLBANK_JOB_ID": order.job_id,
        "SKILLBANK_JOB_FOLDER": str(folder.job_folder),
        "PYTHONUNBUFFERED": "1",
        **({} if gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(gpus)}),
    }
    return subprocess.Popen(
        [sys.executable, *order.command],
        stdin=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
        preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509 - this process has one thread
    )


def _tie_to(supervisor_pid: int) -> Callable[[], None]:
    """What the child does before it becomes the job: die with us, and hear signals again."""
    libc = ctypes.CDLL(None, use_errno=True)
    # Orphans of the job become our children, so that they are reaped where PID 1 reaps nothing.
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor_pid:
            os.kill(os.getpid(), signal.SIGKILL)  # we were killed before the tie held
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    return tie


def _watch(process: subprocess.Popen[bytes], grace_s: float) -> tuple[bool, int]:
    """Whether the job was stopped, and its exit code; its group is ended with it."""
    kill_at: float | None = None
    while not _has_ended(process.pid):
        wait_s = 3600.0 if kill_at is None else max(0.05, kill_at - time.monotonic())
        heard = signal.sigtimedwait(_WATCHED, wait_s)
        if heard is not None and heard.si_signo == signal.SIGTERM and kill_at is None:
            # Only the job itself: a trainer whose data workers die first cannot stop cleanly.
            os.kill(process.pid, signal.SIGTERM)
            kill_at = time.monotonic() + grace_s
        elif kill_at is not None and time.monotonic() >= kill_at:
            os.kill(process.pid, signal.SIGKILL)
    # Not reaped yet, it keeps its group's number from being reused.
    _kill_group(process.pid)
    return kill_at is not None, process.wait()


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


def _end_the_rest(folder: AttemptFolder) -> None:
    """End what the job started in sessions of its own; only now is psutil worth its import."""
    from skillbank.platforms.strays import kill_strays

    kill_strays(folder.job_folder)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
