"""Jobs that somebody else submitted: known by what they leave at their results URI."""

from __future__ import annotations

from dataclasses import replace

from skillbank.config import StorageSettings
from skillbank.errors import FilesUnavailable
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.judging import observe_ending, observe_loss
from skillbank.staging.lease_sight import forget_looks, is_lease_kept
from skillbank.staging.mirror import Mirror


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
        is_kept = is_fresh and is_lease_kept(mirror.store, plan.results_uri, plan.folder)
    except FilesUnavailable:
        is_fresh = is_kept = False
    if not is_fresh:
        forget_looks(plan.folder)
        told = f"{plan.results_uri} cannot be reached now"
        return Observation(JobState.RUNNING, told, started_at=started_at)
    if is_kept:
        return Observation(JobState.RUNNING, "runs elsewhere", started_at=started_at)
    if (last := ending or folder.outcome()) is not None:
        return observe_ending(last)
    lost = observe_loss(folder, "nobody has held its lease for a while")
    return replace(lost, state=JobState.LOST)
