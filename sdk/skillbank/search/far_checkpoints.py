"""Deletes checkpoints of ended trials at their results URIs, as the search does in their folders.

Nothing waits for it: where a trial's writer has not said that it has ended, the next round asks
again, and only the last one, when the search has its result, is patient.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from skillbank.artefacts import recorded_checkpoints
from skillbank.config import StorageSettings, read_config
from skillbank.errors import FilesError, FilesUnavailable, LeaseLost
from skillbank.files.api import FileStore
from skillbank.files.opening import hurried_stores
from skillbank.search.journal import Entry
from skillbank.search.trial_jobs import TrialJobs
from skillbank.staging.mirror import PATIENCE_S, Mirror
from skillbank.staging.pruning import prune

_ENDS_WITHIN_S = 5.0
"""How long the writer of a job may take, after the job's ending, to say that it has ended too."""

_GIVEN_UP_AFTER_S = 60.0
_LOOK_EVERY_S = 0.25
_THREADS = 8

Kept = frozenset[Path]
"""Paths of the checkpoints that stay, in the trial's folder here."""


@dataclass(frozen=True)
class _Place:
    """Where the job of an ended trial left its results.

    Attributes:
        uri: Its results URI.
        store: Where that is.
        folder: The job's folder here.
        attempt: Its newest attempt.
        storage: How buckets are reached.
        is_mirrored: The folder here only follows the URI; else the job ran in it.
    """

    uri: str
    store: FileStore
    folder: Path
    attempt: int
    storage: tuple[StorageSettings, ...]
    is_mirrored: bool

    def is_read(self) -> bool:
        """Bring the folder here up to date; False where the place does not answer now."""
        try:
            return self._follow()
        except FilesError:
            return False

    def prune(self, kept: Kept, *, patience_s: float) -> None:
        """Delete all checkpoints but these.

        Raises:
            LeaseLost: Its writer may not have ended yet.
            FilesError: They cannot be deleted now.
        """
        doomed = {
            one.path.relative_to(self.folder).as_posix()
            for one in recorded_checkpoints(self.folder / "results")
            if one.path not in kept
        }
        prune(self.uri, self.store, doomed, attempt=self.attempt, patience_s=patience_s)
        self._follow()

    def prune_patiently(self, kept: Kept) -> None:
        """The same, for a writer that has a moment to say that it has ended, then is outwaited."""
        deadline = time.monotonic() + _ENDS_WITHIN_S
        while time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_S)
            try:
                return self.prune(kept, patience_s=0.0)
            except LeaseLost:
                continue
        return self.prune(kept, patience_s=_GIVEN_UP_AFTER_S)

    def _follow(self) -> bool:
        return not self.is_mirrored or Mirror(self.folder, self.uri, self.storage).pull()


class FarCheckpoints:
    """Checkpoints of the ended trials of a search at their results URIs.

    Args:
        jobs: The search's jobs.
    """

    def __init__(self, jobs: TrialJobs) -> None:
        self._jobs = jobs
        self._storage = read_config(jobs.client.root).storage
        self._stores = hurried_stores(self._storage, PATIENCE_S)
        self._places: dict[str, _Place] = {}
        self._unseen: set[str] = set()
        self._done: dict[str, frozenset[Path]] = {}
        self._told: set[str] = set()

    def refresh(self, entries: Iterable[Entry]) -> None:
        """Learn what ended trials left, where it was still under way when they ended."""
        for entry in entries if self._jobs.plan.results_uri else ():
            job_id = entry.note.job_id
            if job_id not in self._places and (found := self._find(entry)):
                self._places[job_id] = found
                self._unseen.add(job_id)
        for job_id in sorted(self._unseen):
            if not self._places[job_id].is_read():
                return  # the next round asks again
            self._unseen.remove(job_id)

    def keep_only(self, kept: Sequence[tuple[Entry, Kept]], *, is_last: bool) -> list[str]:
        """Delete all checkpoints of ended trials but these.

        Args:
            kept: Ended trials, each with what stays of it.
            is_last: Nobody asks again: wait for writers that did not say that they have ended.

        Returns:
            What to tell of those that could not be deleted, once for each trial.
        """
        due = [
            (entry, paths)
            for entry, paths in kept
            if entry.note.job_id in self._places
            and (is_last or not self._is_done(entry.note.job_id, paths))
        ]
        told = []
        with ThreadPoolExecutor(_THREADS) as pool:
            asked = [
                pool.submit(self._prune, entry.note.job_id, paths, is_last=is_last)
                for entry, paths in due
            ]
            for (entry, paths), answer in zip(due, asked, strict=True):
                try:
                    if answer.result():
                        self._done[entry.note.job_id] = paths
                except FilesError as error:
                    if not isinstance(error, FilesUnavailable):
                        self._done[entry.note.job_id] = paths  # until the last round
                    told += self._tell_once(entry, error)
        return told

    def _is_done(self, job_id: str, kept: Kept) -> bool:
        return job_id in self._unseen or self._done.get(job_id) == kept

    def _tell_once(self, entry: Entry, error: FilesError) -> list[str]:
        job_id = entry.note.job_id
        if job_id in self._told:
            return []
        self._told.add(job_id)
        uri = self._places[job_id].uri
        return [f"trial {entry.number}: checkpoints that nobody needs stay at {uri}: {error}"]

    def _find(self, entry: Entry) -> _Place | None:
        """Where a trial's job left its results; None while it runs, or where it left none there."""
        job = self._jobs.find(entry)
        if job is None or not job.state.is_final:
            return None
        client = self._jobs.client
        plan = client.plan_of(job.id)
        if not plan.results_uri:
            return None
        return _Place(
            uri=plan.results_uri,
            store=self._stores.of(plan.results_uri),
            folder=plan.folder,
            attempt=job.attempt,
            storage=self._storage,
            is_mirrored=not client.platforms[plan.platform].is_shared,
        )

    def _prune(self, job_id: str, kept: Kept, *, is_last: bool) -> bool:
        """Delete what one job left; False: its writer may not have ended yet."""
        place = self._places[job_id]
        try:
            place.prune(kept, patience_s=0.0)
        except LeaseLost:
            if not is_last:
                return False
            place.prune_patiently(kept)
        return True
