"""Take a job that ran elsewhere into the records here, by its results URI."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from skillbank.config import read_config
from skillbank.errors import FileDamaged, JobConflict, JobNotFound
from skillbank.files.opening import hurried_stores
from skillbank.job import Job
from skillbank.job_folder import create_folder, read_plan
from skillbank.plan import JobPlan
from skillbank.platforms.adopted import mark_adopted
from skillbank.request import PORTABLE
from skillbank.staging.mirror import PATIENCE_S, PLAN_NAME, Mirror, require_manifest
from skillbank.staging.rebasing import rebase
from skillbank.store import JobStore

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def adopt_job(uri: str, root: Path, store: JobStore) -> Job:
    """The job whose folder lies at a URI; its small files come here, the large ones stay there.

    Args:
        uri: Results URI of one job.
        root: Root folder of the jobs here.
        store: Their records.

    Raises:
        JobNotFound: No job left its results there.
        JobConflict: Another job here has the same id.
        FileDamaged: What lies there would lead out of the job's folder.
        FilesError: The place cannot be read.
    """
    uri = uri.rstrip("/")
    storage = read_config(root).storage
    there = hurried_stores(storage, PATIENCE_S).of(uri)
    manifest = require_manifest(there, uri)
    known = _known(store, manifest.job_id)
    if known is not None:
        _check_same(known, uri)
        return known
    plan = JobPlan.from_json(there.read(f"{uri}/{manifest.key_of(PLAN_NAME)}").decode())
    if _ID.fullmatch(plan.job_id) is None or plan.job_id != manifest.job_id:
        raise FileDamaged(
            f"{uri}: its plan says that it is job {plan.job_id!r}, its list of files that it is "
            f"{manifest.job_id!r}; expected one id, of letters and digits, in both."
        )
    moved = _move(plan, (root / "jobs" / plan.job_id).absolute(), uri)
    folder = moved.folder
    with create_folder(moved):
        mark_adopted(folder, manifest.attempt, uri)
        Mirror(folder, uri, storage).pull()
        return store.add(moved, manifest.attempt)


def _move(plan: JobPlan, folder: Path, uri: str) -> JobPlan:
    """The plan as it holds here; what its own platform let it mount or run as stays there."""
    downloads = {rebase(path, plan.folder, folder): url for path, url in plan.downloads.items()}
    outside = [p for p in downloads if not Path(os.path.normpath(p)).is_relative_to(folder)]
    if outside:
        raise FileDamaged(f"{uri}: its plan downloads {outside[0]!r}, outside the job's folder.")
    return replace(
        plan,
        folder=folder,
        spec=rebase(dict(plan.spec), plan.folder, folder),
        downloads=downloads,
        resources={key: value for key, value in plan.resources.items() if key in PORTABLE},
        results_uri=uri,
        idempotency_key=None,
    )


def _known(store: JobStore, job_id: str) -> Job | None:
    try:
        job = store.get(job_id)
    except JobNotFound:
        return None
    return job if job.id == job_id else None


def _check_same(job: Job, uri: str) -> None:
    kept = read_plan(job.folder).results_uri
    if kept != uri:
        raise JobConflict(
            f"{uri}: the job there has the id {job.id}, which a job here has too; its results are "
            f"{kept or job.results}. Use another root folder (--root) for the one at the URI."
        )
