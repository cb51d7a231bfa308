"""What a platform leaves for the process that will carry out an attempt, on whatever machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from skillbank.config import StorageSettings
from skillbank.data_sources import archive_in, is_remote
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import write_json

ORDER_FILE = "staged.json"

PLACE_FAILED_EXIT = 74
"""Exit status: not the job failed but its place (files, lease, disk); it may work elsewhere."""
FENCED_EXIT = 76
"""Exit status: another process holds the job's results; this one must not come back."""


class StagedOrder(BaseModel):
    """One attempt, as the machine that runs it needs to know it.

    Attributes:
        job_id: Id of the job.
        attempt: Number of the attempt.
        command: Arguments of Python that do the job, with paths as `folder` has them.
        launcher: Program and arguments that start the command on several machines, such as `srun`
            with its own; empty: the command is started here, by this Python.
        folder: The job's folder as the submitter sees it.
        is_shared: The machine that runs it sees that folder too.
        results_uri: Where the job's folder is copied to while it runs; empty: nowhere.
        upload_excludes: Patterns of files below `results/` that are not copied.
        storage: How buckets are reached.
        grace_s: Time between SIGTERM and SIGKILL.
        time_limit_s: Longest time that one run may take; None: as long as it takes, or until the
            scheduler ends it.
        retries: Further runs after failures of the machine.
        retry_wait_s: Pause before the first of them; it doubles with each.
        is_lock_held: Whoever started the process, on this machine, holds the job's lock already,
            keeps its log, and records how it ends.
        keeps_credentials: The command reaches buckets itself, as a search does for its trials.
        echoes_log: What the job prints is shown on standard output too, for schedulers that keep
            only that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    job_id: str
    attempt: int
    command: list[str]
    launcher: list[str] = []
    folder: str
    is_shared: bool = True
    results_uri: str = ""
    upload_excludes: list[str] = []
    storage: tuple[StorageSettings, ...] = ()
    grace_s: float = 15.0
    time_limit_s: float | None = None
    retries: int = 0
    retry_wait_s: float = 10.0
    is_lock_held: bool = False
    keeps_credentials: bool = False
    echoes_log: bool = False

    def save(self) -> Path:
        """Write it into the folder of its attempt."""
        path = order_path(Path(self.folder), self.attempt)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self.model_dump(mode="json"), is_durable=True)
        return path


def order_path(job_folder: Path, attempt: int) -> Path:
    """Where the order of an attempt lies."""
    return job_folder / "attempts" / str(attempt) / ORDER_FILE


def read_order(job_folder: Path, attempt: int) -> StagedOrder:
    """The order of an attempt."""
    return StagedOrder.model_validate_json(order_path(job_folder, attempt).read_bytes())


def needs_staging(plan: JobPlan) -> bool:
    """Tell whether files must move before or while the job runs, wherever it runs."""
    return bool(plan.results_uri) or has_staged_inputs(plan.spec)


def has_staged_inputs(spec: Mapping[str, Any]) -> bool:
    """Tell whether a spec names files that lie in a bucket, or in an archive."""
    is_far = any(url.startswith(("s3://", "file://")) for url in remote_values(spec))
    return is_far or any(archive_in(text) is not None for text in _texts(spec))


def remote_values(spec: Mapping[str, Any]) -> list[str]:
    """URLs that a spec holds, at any depth, in order."""
    return [text for text in _texts(spec) if is_remote(text)]


def _texts(values: object) -> list[str]:
    if isinstance(values, str):
        return [values]
    if isinstance(values, Mapping):
        return [text for value in values.values() for text in _texts(value)]
    if isinstance(values, (list, tuple)):
        return [text for value in values for text in _texts(value)]
    return []
