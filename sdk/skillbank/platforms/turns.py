"""The turn of one job on this machine: what it waits for, and holds while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skillbank.platforms.attempt import AttemptFolder, Order
from skillbank.platforms.memory import read_memory, show_bytes
from skillbank.platforms.queue import Queue, Ticket
from skillbank.platforms.slots import Holder, Lease, Places, list_holders


class Turn:
    """Waits for the places of one job, as often as it runs.

    Args:
        order: What the job needs.
        folder: Its attempt, where it is told what it waits for.
        ticket_lock: Descriptor of the ticket that the order names, drawn by the submitter.
    """

    def __init__(self, order: Order, folder: AttemptFolder, ticket_lock: int) -> None:
        self._order = order
        self._folder = folder
        self._ticket: Ticket | None = Ticket(order.ticket, ticket_lock)
        self._slots_folder = Path(order.slots_folder)
        self._kind = "gpu" if order.num_gpus else "slot"
        self._queue = Queue(self._slots_folder, self._kind)
        self._used: list[str] = []

    @contextmanager
    def taken(self) -> Iterator[list[str] | None]:
        """Hold the job's places while the body runs.

        Gives the names of the GPUs that the job may use; None: it takes no place, and is left as
        it is.
        """
        if not self._order.takes_place:
            yield None
            return
        # It was there first: a further run does not wait behind those that came meanwhile.
        ticket = self._ticket or self._queue.draw_again(self._order.ticket)
        self._ticket = None
        lease = self._queue.wait(ticket, self._take, self._folder.tell_waiting)
        self._used = lease.names
        try:
            yield lease.names if self._kind == "gpu" else []
        finally:
            lease.release()

    def _take(self) -> Lease | str:
        """The job's places, or what keeps them from it."""
        order = self._order
        running = list_holders(self._slots_folder)
        if order.max_parallel is not None and len(running) >= order.max_parallel:
            return f"it starts while fewer than {order.max_parallel} jobs run here (max_parallel)"
        if shortage := self._find_memory_shortage(running):
            return shortage
        if self._kind == "gpu":
            return self._take_gpus()
        return self._take_slot()

    def _find_memory_shortage(self, running: list[Holder]) -> str:
        """Why there is too little memory; empty where there is enough.

        What running jobs asked for is theirs, though they may not have used it yet.
        """
        wanted = self._order.memory_bytes
        if not wanted:
            return ""
        memory = read_memory()
        unpromised = memory.total_bytes - sum(holder.memory_bytes for holder in running)
        free = max(0, min(memory.available_bytes, unpromised))
        if free >= wanted:
            return ""
        return f"it needs {show_bytes(wanted)} of memory, and {show_bytes(free)} are free"

    def _take_gpus(self) -> Lease | str:
        order = self._order
        # A GPU that may have failed the run before is taken last.
        names = sorted(order.gpus, key=self._used.__contains__)
        places = Places(self._slots_folder, "gpu", names)
        lease = places.take(order.num_gpus, self._holder())
        if lease is not None:
            return lease
        num_free = len(places.list_free())
        return f"it needs {order.num_gpus} GPUs, and {num_free} of {len(names)} are free"

    def _take_slot(self) -> Lease | str:
        num_slots = self._order.num_slots
        full = f"CPU jobs run {num_slots} at a time (SKILLBANK_LOCAL_SLOTS allows more)"
        # Others may have been started with more slots: each keeps to its own number.
        if len(list_holders(self._slots_folder, ("slot",))) >= num_slots:
            return full
        names = [str(index) for index in range(num_slots)]
        return Places(self._slots_folder, "slot", names).take(1, self._holder()) or full

    def _holder(self) -> Holder:
        return Holder(
            self._order.job_id,
            str(self._folder.job_folder),
            os.getpid(),
            time.time(),
            self._order.memory_bytes,
        )
