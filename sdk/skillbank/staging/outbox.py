"""Bring what a job writes to its results URI while it runs.

One thread looks at the job's folder about once a second and hands files to two lanes, one for large
files and one for small ones, so that no status line waits behind a checkpoint. What arrived is
named in the manifest, which is replaced by a conditional write. Nothing is remembered but what was
sent: after an outage of any length the folder itself says what is still to go.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from pathlib import Path

from skillbank.errors import FilesError, FilesUnavailable, LeaseLost
from skillbank.files.opening import Stores
from skillbank.staging.collecting import collect
from skillbank.staging.lease import Lease
from skillbank.staging.listing import Listing
from skillbank.staging.restoring import restore
from skillbank.staging.shipping import Shipper
from skillbank.staging.traffic import Traffic

__all__ = ["Outbox", "restore"]

_POLL_S = 1.0
_HURRY_S = 0.05
_STOP_S = 2.0


class Outbox:
    """Copies a job's folder to a results URI, from threads of its own.

    It holds nothing up: a place that does not answer is asked again until it does.

    Args:
        folder: The job's folder. Where the results URI already holds files of the job, `restore`
            has brought them here.
        uri: The job's results URI.
        stores: Where it is kept.
        lease: Held by the caller, for as long as this runs; nothing is written without it.
        excludes: Patterns of files below `results/` that stay here.
        attempt: Number of the attempt that runs.

    Attributes:
        on_lost: Called once when somebody else has taken the results over.
        tell: Told lines for people when files do not arrive, and when they do again.
        trouble: Why something does not arrive at the moment; empty: nothing is wrong.
    """

    def __init__(
        self,
        folder: Path,
        uri: str,
        stores: Stores,
        lease: Lease,
        *,
        excludes: Sequence[str] = (),
        attempt: int = 1,
    ) -> None:
        self.on_lost: Callable[[LeaseLost], None] | None = None
        self.tell: Callable[[str], None] | None = None
        self.trouble = ""
        self._folder = folder
        self._uri = uri.rstrip("/")
        self._excludes = tuple(excludes)
        self._lease = lease
        store = stores.of(uri)
        self._ship = Shipper(self._uri, store, lease)
        self._listing = Listing(self._uri, store, lease, attempt, self._ship)
        self._wake = threading.Event()
        self._traffic = Traffic(folder, self._ship, self._listing, self._wake.set)
        self._identity = (0, 0)
        self._asked_at: float | None = None
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the folder."""
        self._note()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def flush(self, timeout_s: float) -> list[str]:
        """Bring everything as it is now; may be called again.

        Args:
            timeout_s: How long to try.

        Returns:
            Paths of what could not be brought within the time.
        """
        self._answered.clear()  # before the look at what sets it
        if self._thread is not None and not self._stopped.is_set():
            self._asked_at = time.monotonic()
            self._wake.set()
            self._answered.wait(timeout_s)
            if self._asked_at is None:
                return []
        return self._traffic.missing(collect(self._folder, self._excludes))

    def abandon(self) -> None:
        """Send nothing more, and let nobody wait for it: the results are somebody else's."""
        self._ship.is_given_up = True
        self._stopped.set()
        self._answered.set()
        self._wake.set()

    def stop(self) -> None:
        """End the watching; what is under way is given up.

        Where that does not end at once, the lease is marked: it must run out by itself, since
        what is under way may still arrive.
        """
        self.abandon()
        deadline = time.monotonic() + _STOP_S
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_STOP_S)
            self._lease.may_be_followed &= not thread.is_alive()
        under_way = self._traffic.close()
        _, unfinished = wait(under_way, max(0.0, deadline - time.monotonic()))
        self._lease.may_be_followed &= not unfinished

    def _run(self) -> None:
        try:
            self._watch()
        finally:
            self._stopped.set()
            self._answered.set()  # nobody waits for a thread that is gone

    def _watch(self) -> None:
        while not self._stopped.is_set():
            began = time.monotonic()
            self._wake.clear()
            try:
                self._look()
                self._tell_trouble(self._traffic.trouble)
            except LeaseLost as error:
                self._give_up(error)
                return
            except (FilesError, OSError) as error:
                self._tell_trouble(str(error))
            took_s = time.monotonic() - began
            self._stopped.wait(
                max(_HURRY_S, took_s)
            )  # a large folder is not looked at all the time
            if self._asked_at is None:
                self._wake.wait(_POLL_S)

    def _note(self) -> None:
        """Know what lies here before the job goes on, which may delete some of it at once."""
        self._identity = self._identify()
        self._traffic.note(collect(self._folder, self._excludes))

    def _identify(self) -> tuple[int, int]:
        found = self._folder.stat()
        return found.st_dev, found.st_ino

    def _look(self) -> None:
        """Take in what arrived, send what is due, write the manifest."""
        asked_at = self._asked_at
        self._ship.require_sure()
        if not self._listing.is_open:
            self._listing.open()
            self._traffic.compare_anew()
        self._traffic.land()
        if self._identify() != self._identity:  # deleted, or its disk is not mounted any more
            raise FilesUnavailable(f"{self._folder}: is another folder than before.")
        found = collect(self._folder, self._excludes)
        is_all_there = self._traffic.dispatch(found, asked_at)
        if not self._traffic.is_exposed(found):
            self._listing.save(is_urgent=asked_at is not None and is_all_there)
        if asked_at is not None and is_all_there and self._listing.is_saved:
            if self._asked_at == asked_at:
                self._asked_at = None
            self._answered.set()

    def _give_up(self, error: LeaseLost) -> None:
        is_told = self._stopped.is_set()
        self.abandon()
        self._traffic.close()
        if self.on_lost is not None and not is_told:
            self.on_lost(error)

    def _tell_trouble(self, trouble: str) -> None:
        was, self.trouble = self.trouble, trouble
        if self.tell is None or bool(was) == bool(trouble):
            return
        if trouble:
            self.tell(
                f"Results do not reach {self._uri} for now; they will when it answers: {trouble}"
            )
        else:
            self.tell(f"Results reach {self._uri} again.")
