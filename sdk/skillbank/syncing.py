"""Send what a job left here to its results URI, where the job itself could not."""

from __future__ import annotations

from skillbank.config import StorageSettings
from skillbank.errors import FilesUnavailable, JobConflict
from skillbank.files.opening import Stores
from skillbank.job import Job
from skillbank.plan import JobPlan
from skillbank.staging.lease import BothLeases, DiskLease, StoreLease
from skillbank.staging.manifest import MANIFEST_NAME, ManifestEntry
from skillbank.staging.outbox import Outbox
from skillbank.staging.restoring import read_manifest

_LEASE_PATIENCE_S = 60.0
_PATIENCE_S = 3600.0


def sync_job(job: Job, plan: JobPlan, storage: tuple[StorageSettings, ...]) -> list[str]:
    """Bring the results URI up to date with the job's folder; paths of the files that went.

    Args:
        job: The job.
        plan: Its plan.
        storage: How buckets are reached.

    Raises:
        JobConflict: It has not ended, or has no results URI.
        FilesError: Something could not be sent.
    """
    if not plan.results_uri:
        raise JobConflict(
            f"job {job.id} was not given a place for its results, so there is nowhere to send "
            "them; give the next one '--results s3://BUCKET/PREFIX'."
        )
    if not job.state.is_final:
        raise JobConflict(
            f"job {job.id} is {job.state}; it sends its results itself while it runs. Wait for it "
            f"with 'skillbank wait {job.id}'."
        )
    if (plan.folder / MANIFEST_NAME).is_file():
        raise JobConflict(
            f"job {job.id} ran elsewhere and sent its results itself: {plan.folder} is only their "
            "mirror, so there is nothing to send."
        )
    stores = Stores(storage)
    store = StoreLease(stores.of(plan.results_uri), plan.results_uri, attempt=job.attempt)
    lease = BothLeases(DiskLease(plan.folder, job.attempt), store)
    lease.take(_LEASE_PATIENCE_S)
    try:
        outbox = Outbox(
            plan.folder,
            plan.results_uri,
            stores,
            lease,
            excludes=plan.upload_excludes,
            attempt=job.attempt,
        )
        lease.on_lost = lambda _: outbox.abandon()  # an attempt that begins must not wait for this
        before = _listed(stores, plan.results_uri)
        outbox.start()
        left = outbox.flush(_PATIENCE_S)
        outbox.stop()
        after = _listed(stores, plan.results_uri)
    finally:
        lease.release()
    if left:
        raise FilesUnavailable(
            f"{plan.results_uri}: {len(left)} files could not be sent, the first is {left[0]}; "
            f"look at the address and the network, then run 'skillbank sync {job.id}' again."
        )
    return sorted(path for path, entry in after.items() if before.get(path) != entry)


def _listed(stores: Stores, uri: str) -> dict[str, ManifestEntry]:
    found = read_manifest(stores.of(uri), uri)
    return {} if found is None else found.files
