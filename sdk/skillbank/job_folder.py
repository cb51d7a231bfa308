"""A job's own folder: made whole or not at all, by one submitter at a time."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import yaml

from skillbank.errors import JobConflict, JobNotFound
from skillbank.locks import is_locked, take_lock
from skillbank.plan import JobPlan

_SUBMISSION_LOCK = "submission.lock"
BEST_SPEC = "best_spec.yaml"
DATASET_SPEC = "dataset.yaml"
"""In the results of a search: the spec that the best checkpoint was trained with."""


@contextmanager
def create_folder(plan: JobPlan) -> Iterator[bool]:
    """Write the folder of a plan and hold its submission lock while the caller starts the job.

    A folder that an earlier submitter of the same plan left behind when it died is taken over,
    and False is given: the records tell whether the job exists.

    Raises:
        JobConflict: Somebody else submits this plan right now, or its folder is another plan's.
    """
    plan.folder.parent.mkdir(parents=True, exist_ok=True)
    # The dot keeps an unfinished folder out of every listing.
    draft = Path(mkdtemp(dir=plan.folder.parent, prefix=f".{plan.job_id}."))
    lock = take_lock(draft / _SUBMISSION_LOCK)
    try:
        _write(draft, plan)
        (draft / "results").mkdir()
        draft.chmod(0o755)
        try:
            draft.rename(plan.folder)
        except OSError:
            shutil.rmtree(draft)
            if not plan.folder.exists():
                raise
            with _take_over(plan):
                yield False
            return
        yield True
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def hold_folder(folder: Path, what: str) -> Iterator[None]:
    """Hold the submission lock of an existing folder.

    Args:
        folder: Folder of the job.
        what: What the caller is about to do, for the message: "resume".

    Raises:
        JobNotFound: The folder is gone.
        JobConflict: Somebody else holds the lock.
    """
    if not folder.is_dir():
        raise JobNotFound(
            f"the folder {folder} of the job is gone, so it cannot {what}; submit a new job."
        )
    lock = take_lock(folder / _SUBMISSION_LOCK)
    if lock is None:
        raise JobConflict(
            f"job {folder.name} is being submitted or resumed by another process right now; "
            f"see it with 'skillbank status {folder.name}'."
        )
    try:
        yield
    finally:
        os.close(lock)


def is_being_submitted(folder: Path) -> bool:
    """Tell whether a submitter is between writing the folder and starting the job."""
    return is_locked(folder / _SUBMISSION_LOCK)


def rewrite_plan(plan: JobPlan) -> None:
    """Replace plan.json and spec.yaml of an existing folder, each at one stroke."""
    draft = Path(mkdtemp(dir=plan.folder, prefix=".plan."))
    _write(draft, plan)
    for name in ("spec.yaml", "plan.json"):
        (draft / name).replace(plan.folder / name)
    draft.rmdir()


def read_plan(folder: Path) -> JobPlan:
    """The plan that a job folder was made from.

    Raises:
        JobNotFound: The folder holds no plan.
        PlanInvalid: The plan was changed after it was made.
    """
    path = folder / "plan.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise JobNotFound(
            f"job {folder.name} has no {path}: its folder was moved or deleted. Put it back, or "
            "submit a new job."
        ) from error
    return JobPlan.from_json(text)


def trained_plan(folder: Path) -> JobPlan:
    """The plan of a job with the spec that goes with what it left.

    Of a search that is the best trial's; of a conversion, the settings that fit its data set.
    """
    plan = read_plan(folder)
    for path in (plan.results / BEST_SPEC, plan.results / DATASET_SPEC):
        if path.is_file():
            return replace(plan, spec=yaml.safe_load(path.read_text(encoding="utf-8")))
    return plan


def dump_spec(spec: Mapping[str, object]) -> str:
    """A spec as YAML, in its own order; libyaml, where there is one, writes 10 times faster."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(dict(spec), Dumper=dumper, sort_keys=False, allow_unicode=True))


def _write(folder: Path, plan: JobPlan) -> None:
    (folder / "spec.yaml").write_text(dump_spec(plan.spec), encoding="utf-8")
    (folder / "plan.json").write_text(plan.to_json(), encoding="utf-8")


@contextmanager
def _take_over(plan: JobPlan) -> Iterator[None]:
    with hold_folder(plan.folder, "be submitted"):
        if read_plan(plan.folder).hash != plan.hash:
            raise JobConflict(
                f"the folder {plan.folder} belongs to another plan of the same job id; make a new "
                "plan with 'skillbank plan'."
            )
        yield
