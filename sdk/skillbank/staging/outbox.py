"""Bring what a job writes to its results URI while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from skillbank.errors import LeaseLost
from skillbank.files.opening import Stores
from skillbank.staging.lease import Lease
from skillbank.staging.manifest import Manifest


class Outbox:
    """Copies a job's folder to a results URI, from a thread of its own.

    Args:
        folder: The job's folder.
        uri: The job's results URI.
        stores: Where it is kept.
        lease: Held by the caller; nothing is written without it.
        excludes: Patterns of files below `results/` that stay here.
        attempt: Number of the attempt that runs.
    """

    on_lost: Callable[[LeaseLost], None] | None = None
    """Called once when somebody else has taken the results over."""

    def __init__(  # noqa: PLR0913
        self,
        folder: Path,
        uri: str,
        stores: Stores,
        lease: Lease,
        *,
        excludes: Sequence[str] = (),
        attempt: int = 1,
    ) -> None:
        self._folder = folder
        self._uri = uri.rstrip("/")
        self._store = stores.of(uri)
        self._lease = lease
        self._excludes = tuple(excludes)
        self._attempt = attempt

    def start(self) -> None:
        """Begin to watch the folder."""
        raise NotImplementedError

    def flush(self, timeout_s: float) -> list[str]:
        """Bring everything as it is now.

        Returns:
            Paths of what could not be brought within the time.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """End the watching; what is under way is given up."""
        raise NotImplementedError


def restore(uri: str, stores: Stores, folder: Path) -> Manifest | None:
    """Bring a job's folder back from its results URI; None where none lies there."""
    raise NotImplementedError
