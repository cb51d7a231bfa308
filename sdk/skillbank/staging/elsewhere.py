"""Jobs that somebody else submitted: known by what they leave at their results URI."""

from __future__ import annotations

import time
from dataclasses import replace

from pydantic import ValidationError

from skillbank.config import StorageSettings
from skillbank.errors import FileMissing, FilesUnavailable
from skillbank.files.api import FileStore
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.judging import observe_ending, observe_loss
from skillbank.staging.claim import LEASE_NAME, LeaseRecord
from skillbank.staging.mirror import Mirror

_CLOCKS_DIFFER_S = 60.0
_LEASE_LASTS_S = 60.0


def observe_elsewhere(
    plan: JobPlan, attempt: int, storage: tuple[StorageSettings, ...]
) -> Observation:
    """What a job's results URI tells of an attempt that no platform here knows."""
    folder = AttemptFolder(plan.folder, attempt)
    mirror = Mirror(plan.folder, plan.results_uri, storage)
    is_fresh = mirror.pull()
    ending = folder.ending()
    if ending is not None and not ending.is_interrupted:
        return observe_ending(ending)
    started_at = folder.started_at()
    try:
        is_held = is_fresh and _is_held(mirror.store, plan.results_uri)
    except FilesUnavailable:
        is_fresh = is_held = False
    if not is_fresh:
        told = f"{plan.results_uri} cannot be reached now"
        return Observation(JobState.RUNNING, told, started_at=started_at)
    if is_held:
        return Observation(JobState.RUNNING, "runs elsewhere", started_at=started_at)
    if (last := ending or folder.outcome()) is not None:
        return observe_ending(last)
    lost = observe_loss(folder, "nobody has held its lease for a while")
    return replace(lost, state=JobState.LOST)


def _is_held(store: FileStore, uri: str) -> bool:
    """Whether somebody seems to write there; a clock of this machine is compared, with room."""
    where = f"{uri}/{LEASE_NAME}"
    found = store.stat(where)
    if found is None or time.time() - found.modified_at > _LEASE_LASTS_S + _CLOCKS_DIFFER_S:
        return False
    try:
        return not LeaseRecord.model_validate_json(store.read(where)).is_released
    except (FileMissing, ValidationError):
        return False
