"""The first process of a container: waits for the job's turn, then becomes what attends to it.

`python -m skillbank.platforms.docker.container_entry MODULE JOB ATTEMPT`. What the job waits for
stands in the order of its attempt. Variables come through standard input, one line of JSON, so that
neither the daemon nor the disk ever holds what is secret in them.
"""

from __future__ import annotations

import json
import runpy
import select
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from skillbank.platforms.attempt import AttemptFolder, Order
from skillbank.platforms.queue import Queue
from skillbank.platforms.turns import Turn
from skillbank.settings import add_to_environment

_STOPPED_EXIT = 143
_PLACE_FAILED_EXIT = 74
_TOLD_WITHIN_S = 60.0


class _Stopped(BaseException):
    """SIGTERM arrived while the job waited for its turn."""


def main(arguments: Sequence[str]) -> int:
    """Wait, then run a module in this process; its exit status.

    Args:
        arguments: Module, the job's folder, number of the attempt.
    """
    # The first process of a container never gets a signal for which it has no handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    signal.signal(signal.SIGTERM, _raise_stopped)
    module, job, attempt = arguments
    told = _read_message()
    if told is None:
        sys.stderr.write("error: its submitter ended before it had told all; resume the job.\n")
        return _PLACE_FAILED_EXIT
    add_to_environment(told)
    folder = AttemptFolder(Path(job), int(attempt))
    with ExitStack() as until_done:
        try:
            if folder.is_to_cancel():  # the word is there before the signal: one of them is seen
                return _STOPPED_EXIT
            gpus = until_done.enter_context(_turn(folder).taken())
        except _Stopped:
            return _STOPPED_EXIT
        add_to_environment(_gpu_variables(folder.order(), gpus or []))
        sys.argv = [module, job, attempt]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _raise_stopped(*_: object) -> None:
    raise _Stopped


def _read_message() -> Mapping[str, str] | None:
    """The variables; None when whoever started this is gone."""
    ready, _, _ = select.select([0], [], [], _TOLD_WITHIN_S)
    line = sys.stdin.buffer.readline() if ready else b""
    if not line.endswith(b"\n"):
        return None
    variables: dict[str, str] = json.loads(line)
    return variables


def _turn(folder: AttemptFolder) -> Turn:
    """The job's place in the queue of its root, behind all that are in it."""
    order = folder.order()
    queue = Queue(Path(order.slots_folder), "gpu" if order.num_gpus else "slot")
    ticket = queue.draw(order.priority, order.job_id)
    return Turn(order._replace(ticket=ticket.name), folder, ticket.lock)


def _gpu_variables(order: Order, held: list[str]) -> dict[str, str]:
    """The job's own GPUs among those of the container, which counts them anew from 0."""
    names = held
    if all(name.isdecimal() for name in order.gpus):
        there = sorted(order.gpus, key=int)
        names = [str(there.index(name)) for name in held]
    return {"CUDA_VISIBLE_DEVICES": ",".join(names), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
