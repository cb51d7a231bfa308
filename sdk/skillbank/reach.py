"""Let a job find its files from machines that do not see this one's disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from skillbank.plan import JobPlan
from skillbank.spec import SpecDraft


def reach_files(draft: SpecDraft, parent: JobPlan | None, own_folder: Path) -> None:
    """Name what a parent left by its results URI; what lies on this disk alone is a problem.

    Args:
        draft: The spec, filled.
        parent: The parent job's plan.
        own_folder: Folder of the job itself, which has its like where the job runs.
    """
    for key, value in _texts(draft.spec):
        path = Path(value)
        if not path.is_absolute() or path.is_relative_to(own_folder) or not path.exists():
            continue
        if parent is not None and parent.results_uri and path.is_relative_to(parent.folder):
            below = path.relative_to(parent.folder).as_posix()
            origin = draft.origins.get(key, f"parent {parent.job_id}")
            draft.set(key, f"{parent.results_uri}/{below}", origin)
            continue
        made = parent is not None and path.is_relative_to(parent.folder)
        advice = (
            "run the parent with '--results s3://BUCKET/PREFIX'"
            if made
            else "bring it to a bucket and name it 's3://BUCKET/...'"
        )
        draft.problems.append(
            f"{key}: {value!r} lies on this machine, which the platform does not see; {advice}, or "
            "choose a platform that shares the disk."
        )


def _texts(spec: Mapping[str, object], before: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and value of every text in a spec; lists are left out, as no path stands there."""
    for name, value in list(spec.items()):
        key = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _texts(value, f"{key}.")
        elif isinstance(value, str) and value:
            yield key, value
