"""One writer at a time for the results of a job, on a shared disk and at a results URI.

A newer taker always gets the lease: the older holder is told and has to stop. So a job that was
requeued while its first machine was only out of sight never writes twice.
"""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from skillbank.errors import FilesError, LeaseLost
from skillbank.files.api import FileStore
from skillbank.locks import try_lock, wait_lock
from skillbank.platforms.attempt import read_json, write_json
from skillbank.staging.claim import LEASE_NAME, Holder, StoreClaim, steady_now

__all__ = ["LEASE_NAME", "BothLeases", "DiskLease", "Lease", "OnLost", "StoreLease"]

OnLost = Callable[[LeaseLost], None]

FENCE_FILE = "fence.json"
_LOOK_S = 0.5
_SURE_S = 10.0
"""How old the last look at the fence of a disk may be; a hung network disk makes it older."""

_RELEASE_S = 10.0
"""How long a release waits for a place that does not answer."""


class Lease(ABC):
    """The right to write the results of a job; a newer taker always gets it.

    Args:
        attempt: Attempt of the job that asks; an older one never takes it from a newer.
        on_lost: Called once, from the lease's own thread, when somebody else has taken it.

    Attributes:
        may_be_followed: The next holder may follow a release at once. False where a write is still
            under way that may yet arrive: then a release tells nobody, and the lease runs out.
    """

    def __init__(self, attempt: int = 1, on_lost: OnLost | None = None) -> None:
        self.attempt = attempt
        self.on_lost = on_lost
        self.may_be_followed = True

    @abstractmethod
    def take(self, timeout_s: float) -> None:
        """Take it, and keep it until `release`.

        Raises:
            LeaseLost: Another holder does not let go, or a newer one came.
            FilesUnavailable: The place cannot be reached.
        """

    @property
    @abstractmethod
    def is_sure(self) -> bool:
        """Whether the holder may write at this moment."""

    @property
    @abstractmethod
    def fence(self) -> int:
        """Number that grows with each holder."""

    @property
    @abstractmethod
    def clean_since(self) -> int:
        """Smallest fence from which on nobody but this holder can have a write under way."""

    @abstractmethod
    def renew(self) -> None:
        """Make sure of it again; the lease's own thread does so by itself.

        Raises:
            LeaseLost: Somebody else has it.
            FilesError: The place does not answer; later it may.
        """

    @abstractmethod
    def release(self) -> None:
        """Give it back after the last write; nothing happens where it was lost or never taken."""


class _KeptLease(Lease):
    """A lease that a thread of its own renews between `take` and `release`."""

    def __init__(self, every_s: float, attempt: int, on_lost: OnLost | None) -> None:
        super().__init__(attempt, on_lost)
        self._every_s = every_s
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    def _keep(self) -> None:
        self._ended.clear()
        name = f"{type(self).__name__} of attempt {self.attempt}"
        self._keeper = threading.Thread(target=self._run, args=(self._ended,), name=name)
        self._keeper.daemon = True  # a place that does not answer must not hold up the exit
        self._keeper.start()

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(self._every_s):
            try:
                self._renew_until_sure(ended)
            except LeaseLost as error:
                if not ended.is_set() and self.on_lost is not None:
                    self.on_lost(error)
                return
            except FilesError:
                continue  # `is_sure` turns false by itself, and true again when it answers
        self._give_back()

    def _renew_until_sure(self, ended: threading.Event) -> None:
        """A renewal that took longer than it is good for is followed by another at once."""
        self.renew()
        while not self.is_sure and not ended.is_set():
            self.renew()

    @abstractmethod
    def _give_back(self) -> None:
        """Let the next holder in, if the place answers."""

    def release(self) -> None:
        """Give it back after the last write, and wait a while for the place to know."""
        self._ended.set()
        keeper, self._keeper = self._keeper, None
        if keeper is not None and keeper is not threading.current_thread():
            keeper.join(_RELEASE_S)


class StoreLease(_KeptLease):
    """`lease.json` at a job's results URI, by conditional writes; see `claim`.

    Args:
        store: Where it lies.
        uri: The job's results URI.
        ttl_s: Time after which a holder that does not answer counts as gone, in seconds.
        attempt: Attempt of the job.
        on_lost: Called once when somebody else has taken it.
    """

    def __init__(
        self,
        store: FileStore,
        uri: str,
        ttl_s: float = 20.0,
        attempt: int = 1,
        on_lost: OnLost | None = None,
    ) -> None:
        super().__init__(ttl_s / 4, attempt, on_lost)
        self._claim = StoreClaim(store, uri, ttl_s, attempt)
        self._lock = threading.Lock()

    def take(self, timeout_s: float) -> None:
        """Claim it and, where its holder did not give it back, wait until that surely stopped."""
        wait_s = self._claim.claim(patience_s=timeout_s)
        until = steady_now() + wait_s
        while (left_s := until - steady_now()) > 0:
            time.sleep(min(left_s, 0.5))
        self._claim.confirm()
        self._keep()

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can be the holder now."""
        return self._claim.is_sure

    @property
    def fence(self) -> int:
        """Number that grows with each holder."""
        return self._claim.record.fence

    @property
    def clean_since(self) -> int:
        """Smallest fence from which on nobody but this holder can have a write under way."""
        return self._claim.record.clean_since

    def renew(self) -> None:
        """Make sure of it again."""
        with self._lock:
            self._claim.renew()

    def _give_back(self) -> None:
        if not self.may_be_followed:
            return
        try:
            self._claim.release()
        except FilesError:
            return  # the next holder waits one time to live instead


class _Fence(BaseModel):
    """Content of `fence.json`: the newest who asked for a job's folder."""

    model_config = ConfigDict(frozen=True)

    fence: int = 0
    attempt: int = 0
    holder: Holder | None = None


class DiskLease(_KeptLease):
    """The lock of a job's folder, for whoever sees that folder.

    The lock of `launcher.lock` is the truth. `fence.json` asks its holder to let go: a newer taker
    writes its number there, the holder looks twice a second, and is ended by `on_lost`.

    Args:
        job_folder: The job's folder.
        attempt: Attempt of the job.
        on_lost: Called once when a newer taker asks; it must end the job.
    """

    def __init__(self, job_folder: Path, attempt: int = 1, on_lost: OnLost | None = None) -> None:
        super().__init__(_LOOK_S, attempt, on_lost)
        self._folder = job_folder
        self._holder = Holder.here()
        self._fence = 0
        self._descriptor: int | None = None
        self._looked_at = float("-inf")

    def take(self, timeout_s: float) -> None:
        """Ask the holder to let go, and wait for the lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        before = self._claim()
        deadline = steady_now() + timeout_s
        while (descriptor := try_lock(self._folder / "launcher.lock")) is None:
            self._require_newest()
            if steady_now() >= deadline:
                whose = f": {before}" if before else ""
                raise LeaseLost(
                    f"{self._folder}: another process still writes the results of this job"
                    f"{whose}; it did not stop within {timeout_s:g} s. Make sure that it has "
                    "ended, then resume the job."
                )
            time.sleep(min(0.1, max(deadline - steady_now(), 0.0)))
        try:
            self._require_newest()
        except LeaseLost:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._looked_at = steady_now()
        self._keep()

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can be the holder now."""
        return self._descriptor is not None and steady_now() - self._looked_at < _SURE_S

    @property
    def fence(self) -> int:
        """Number that grows with each holder."""
        return self._fence

    @property
    def clean_since(self) -> int:
        """Its own fence: a lock is free only when its holder has stopped, or its machine is cut."""
        return self._fence

    def renew(self) -> None:
        """Look whether a newer taker asks."""
        started = steady_now()
        try:
            self._require_newest()
        except LeaseLost:
            self._looked_at = float("-inf")
            raise
        self._looked_at = started

    def release(self) -> None:
        """Free the lock; also after it was lost, when the job has ended."""
        super().release()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _give_back(self) -> None:
        """The lock goes in `release`, so that it is free when that returns."""

    def _claim(self) -> Holder | None:
        """Write the next number; who asked before, for people."""
        guard = wait_lock(self._folder / ".fence.lock")
        try:
            found = self._read_fence()
            if found.attempt > self.attempt:
                raise self._overtaken(found)
            self._fence = found.fence + 1
            claimed = _Fence(fence=self._fence, attempt=self.attempt, holder=self._holder)
            content = claimed.model_dump(mode="json")
            write_json(self._folder / FENCE_FILE, content, is_durable=True)
        finally:
            os.close(guard)
        return found.holder

    def _require_newest(self) -> None:
        found = self._read_fence()
        if found.fence > self._fence:
            raise self._overtaken(found)

    def _read_fence(self) -> _Fence:
        path = self._folder / FENCE_FILE
        try:
            found = read_json(path)
            return _Fence() if found is None else _Fence.model_validate(found)
        except (OSError, ValueError) as error:
            raise FilesError(
                f"{path}: cannot be read: {error}; expected what a job's process wrote there. "
                "Remove it if nothing writes this job's results."
            ) from error

    def _overtaken(self, found: _Fence) -> LeaseLost:
        return LeaseLost(
            f"{self._folder}: attempt {found.attempt} ({found.holder}) has the results of this "
            "job. Only one process at a time writes a job's results; this one stops."
        )


class BothLeases(Lease):
    """A lease on the disk and one at the results URI, for a job that has both.

    Args:
        disk: Taken first.
        store: Its fence is the one that the manifest bears.
    """

    def __init__(self, disk: Lease, store: Lease, on_lost: OnLost | None = None) -> None:
        super().__init__(store.attempt, on_lost)
        self._disk = disk
        self._store = store
        self._is_lost = threading.Lock()
        disk.on_lost = store.on_lost = self._tell

    def take(self, timeout_s: float) -> None:
        """Take one after the other, within the time for both."""
        deadline = steady_now() + timeout_s
        self._disk.take(timeout_s)
        try:
            self._store.take(max(deadline - steady_now(), 0.0))
        except FilesError:
            self._disk.release()
            raise

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can hold either."""
        return self._disk.is_sure and self._store.is_sure

    @property
    def fence(self) -> int:
        """The fence at the results URI."""
        return self._store.fence

    @property
    def clean_since(self) -> int:
        """Of the lease at the results URI."""
        return self._store.clean_since

    def renew(self) -> None:
        """Make sure of both again."""
        self._disk.renew()
        self._store.renew()

    def release(self) -> None:
        """Give both back, the results URI's first."""
        self._store.may_be_followed &= self.may_be_followed
        self._store.release()
        self._disk.release()

    def _tell(self, error: LeaseLost) -> None:
        if self._is_lost.acquire(blocking=False) and self.on_lost is not None:
            self.on_lost(error)
