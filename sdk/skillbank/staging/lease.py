"""One writer at a time for the results of a job, on a shared disk and at a results URI."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from skillbank.errors import LeaseLost
from skillbank.files.api import FileStore

OnLost = Callable[[LeaseLost], None]


class Lease(ABC):
    """The right to write the results of a job; a newer taker always gets it.

    Args:
        attempt: Attempt of the job that asks; an older one never takes it from a newer.
        on_lost: Called once, from the lease's own thread, when somebody else has taken it.
    """

    def __init__(self, attempt: int = 1, on_lost: OnLost | None = None) -> None:
        self.attempt = attempt
        self.on_lost = on_lost

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

    @abstractmethod
    def renew(self) -> None:
        """Make sure of it again; the lease's own thread does so by itself."""

    @abstractmethod
    def release(self) -> None:
        """Give it back after the last write."""

    @property
    @abstractmethod
    def fence(self) -> int:
        """Number that grows with each holder."""


class DiskLease(Lease):
    """The lock of a job's folder, `launcher.lock`, for whoever sees that folder."""

    def __init__(self, job_folder: Path, attempt: int = 1, on_lost: OnLost | None = None) -> None:
        super().__init__(attempt, on_lost)
        self._folder = job_folder


class StoreLease(Lease):
    """`lease.json` at a job's results URI, by conditional writes."""

    def __init__(
        self,
        store: FileStore,
        uri: str,
        ttl_s: float = 20.0,
        attempt: int = 1,
        on_lost: OnLost | None = None,
    ) -> None:
        super().__init__(attempt, on_lost)
        self._store = store
        self._uri = uri
        self._ttl_s = ttl_s


class BothLeases(Lease):
    """A lease on the disk and one at the results URI, for a job that has both."""

    def __init__(self, disk: Lease, store: Lease) -> None:
        super().__init__(store.attempt)
        self._disk = disk
        self._store = store
