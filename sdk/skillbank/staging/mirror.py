"""The control plane's side of a results URI: sends the order there, brings the traces back."""

from __future__ import annotations

from skillbank.config import StorageSettings
from skillbank.plan import JobPlan


class Mirror:
    """Keeps the small files of a job's folder equal to those at its results URI.

    Args:
        plan: The job.
        storage: How buckets are reached.
    """

    def __init__(self, plan: JobPlan, storage: tuple[StorageSettings, ...]) -> None:
        self._plan = plan
        self._storage = storage

    def push_order(self, attempt: int) -> None:
        """Send plan, spec and order of an attempt to the results URI."""
        raise NotImplementedError

    def pull(self) -> None:
        """Bring log, status lines, records and traces that changed since the last call."""
        raise NotImplementedError
