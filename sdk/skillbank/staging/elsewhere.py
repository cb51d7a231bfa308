"""Jobs that somebody else submitted: known by what they leave at their results URI."""

from __future__ import annotations

import time
from dataclasses import replace

from skillbank.config import StorageSettings
from skillbank.files.opening import Stores
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
    is_fresh = Mirror(plan.folder, plan.results_uri, storage).pull()
    if (ending := folder.ending() or folder.outcome()) is not None:
        return observe_ending(ending)
    started_at = folder.started_at()
    if not is_fresh:
        told = f"{plan.results_uri} cannot be reached now"
        return Observation(JobState.RUNNING, told, started_at=started_at)
    if _is_held(plan.results_uri, storage):
        return Observation(JobState.RUNNING, "runs elsewhere", started_at=started_at)
    lost = observe_loss(folder, "nobody has held its lease for a while")
    return replace(lost, state=JobState.LOST)


def _is_held(uri: str, storage: tuple[StorageSettings, ...]) -> bool:
    """Whether somebody seems to write there; a clock of this machine is compared, with room."""
    store = Stores(storage).of(uri)
    where = f"{uri}/{LEASE_NAME}"
    found = store.stat(where)
    if found is None or time.time() - found.modified_at > _LEASE_LASTS_S + _CLOCKS_DIFFER_S:
        return False
    return not LeaseRecord.model_validate_json(store.read(where)).is_released
