"""Which attempt of a job comes next, agreed at its results URI by all who may resume it.

Whoever resumes writes `resumed.json` of the attempt there, on the condition that nobody has: of two
machines, one is told who was first. The lease still decides who writes; this only keeps the second
from taking it from the first.
"""

from __future__ import annotations

import json
import os
import pwd
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from skillbank.config import StorageSettings
from skillbank.errors import (
    FileConflict,
    FileDamaged,
    FileMissing,
    FilesError,
    FilesRefused,
    FilesUnavailable,
    JobElsewhere,
    RequestInvalid,
)
from skillbank.files.api import ABSENT, FileStore
from skillbank.files.opening import hurried_stores
from skillbank.job import Job
from skillbank.platforms.attempt import Ending, read_json, write_json
from skillbank.staging.claim import Holder
from skillbank.staging.lease_sight import is_lease_kept
from skillbank.staging.log_merging import LOG_NAME, bring_log
from skillbank.staging.manifest import Manifest
from skillbank.staging.mirror import PATIENCE_S
from skillbank.staging.restoring import is_same, read_manifest

CLAIM_NAME = "resumed.json"
_TOKEN_NAME = "resumer.json"


class ResumeClaim(BaseModel):
    """Content of `attempts/N/resumed.json`: who began an attempt, and where.

    Attributes:
        holder: Process that asked; its token is that of the job's folder there.
        user: Its user.
        platform: Name of the platform there.
        is_withdrawn: The platform did not take it: nothing of the attempt runs.
    """

    model_config = ConfigDict(frozen=True)

    holder: Holder
    user: str
    platform: str
    is_withdrawn: bool = False

    def __str__(self) -> str:
        return f"{self.user} (on platform {self.platform!r}; {self.holder})"


@contextmanager
def next_attempt(
    job: Job, uri: str, platform: str, storage: tuple[StorageSettings, ...]
) -> Iterator[int]:
    """The number of a job's next attempt, while the caller starts it; and its whole log is here.

    Where the results URI cannot be asked from here, the lease alone decides.

    Args:
        job: The job, whose newest attempt known here has ended.
        uri: Its results URI.
        platform: Where the attempt will run.
        storage: How buckets are reached.

    Raises:
        JobElsewhere: Somebody else resumed it, or completed it.
    """
    turn = None
    number = job.attempt + 1
    with suppress(FilesUnavailable, FilesRefused, RequestInvalid):
        turn = _Turn(job, uri, platform, hurried_stores(storage, PATIENCE_S).of(uri))
        number = turn.take()
    is_started = False
    try:
        yield number
        is_started = True
    finally:
        if turn is not None and not is_started:
            turn.withdraw()


class _Turn:
    """One process's wish to resume a job."""

    def __init__(self, job: Job, uri: str, platform: str, store: FileStore) -> None:
        self._job = job
        self._uri = uri.rstrip("/")
        self._store = store
        holder = Holder.here().model_copy(update={"token": _token_of(job.folder)})
        self._claim = ResumeClaim(holder=holder, user=_user(), platform=platform)
        self._taken: tuple[str, str] | None = None

    def take(self) -> int:
        """Claim the attempt that comes after all others."""
        manifest = read_manifest(self._store, self._uri)
        if manifest is None:
            return self._job.attempt + 1  # nobody else can know of the job
        if manifest.attempt > self._job.attempt:
            self._require_over(manifest)
        self._bring_log(manifest)
        number = max(self._job.attempt, manifest.attempt) + 1
        while not self._is_taken(number):
            number += 1
        return number

    def withdraw(self) -> None:
        """Tell that nothing of the attempt runs, so that others need not ask about it."""
        if self._taken is None:
            return
        where, version = self._taken
        withdrawn = self._claim.model_copy(update={"is_withdrawn": True})
        with suppress(FilesError):
            self._store.write(where, withdrawn.model_dump_json(indent=1).encode(), version)

    def _is_taken(self, number: int) -> bool:
        """Claim an attempt; False where it was begun and given up: the next one is to be asked.

        Raises:
            JobElsewhere: Somebody else has it.
        """
        where = self._where(number)
        content = self._claim.model_dump_json(indent=1).encode()
        version = ABSENT
        seen = self._store.stat(where)
        if seen is not None:
            found = self._read(number)
            is_own = found is None or found.holder.token == self._claim.holder.token
            is_withdrawn = found is not None and found.is_withdrawn
            if is_withdrawn and not (is_own and self._read(number + 1) is None):
                return False
            if not is_own:
                raise self._refused(number, found, self._unless_gone(number))
            version = seen.version  # of this folder, which did not come to use it
        try:
            self._taken = (where, self._store.write(where, content, version).version)
        except FileConflict as error:
            if (found := self._read(number)) is None:
                raise
            raise self._refused(number, found, self._unless_gone(number)) from error
        return True

    def _require_over(self, manifest: Manifest) -> None:
        """Make sure that an attempt that was begun elsewhere has ended.

        Raises:
            JobElsewhere: It runs, or it completed the job.
        """
        number = manifest.attempt
        claim = self._read(number)
        who = "somebody else" if claim is None else str(claim)
        ending = self._ending(manifest, "exit.json")
        if ending is None or ending.is_interrupted:
            if is_lease_kept(self._store, self._uri, self._job.folder):
                raise self._refused(
                    number,
                    claim,
                    "If nothing runs there any more, its lease runs out within two minutes.",
                )
            ending = ending or self._ending(manifest, "outcome.json")
        if ending is not None and ending.exit_code == 0:
            raise JobElsewhere(
                f"job {self._job.id} was resumed by {who} and attempt {number} completed it, so "
                f"there is nothing to resume; its results are at {self._uri}. Name that URI in "
                "place of the job's id, with another root folder (--root), to use them."
            )

    def _ending(self, manifest: Manifest, name: str) -> Ending | None:
        path = f"attempts/{manifest.attempt}/{name}"
        if path not in manifest.files:
            return None
        content = self._store.read(f"{self._uri}/{manifest.key_of(path)}")
        return Ending(**json.loads(content))

    def _bring_log(self, manifest: Manifest) -> None:
        entry, here = manifest.files.get(LOG_NAME), self._job.folder / LOG_NAME
        if entry is not None and not (here.is_file() and is_same(here, entry)):
            bring_log(self._store, f"{self._uri}/{manifest.key_of(LOG_NAME)}", here)

    def _unless_gone(self, number: int) -> str:
        return f"If that machine is gone and never began, remove {self._where(number)} first."

    def _refused(self, number: int, claim: ResumeClaim | None, otherwise: str) -> JobElsewhere:
        who = "somebody else" if claim is None else str(claim)
        return JobElsewhere(
            f"job {self._job.id} was resumed already, as attempt {number}, by {who}; only one "
            "machine at a time goes on with a job. Wait for it, or stop it there with 'skillbank "
            f"cancel {self._job.id}', then resume again. {otherwise}"
        )

    def _read(self, number: int) -> ResumeClaim | None:
        where = self._where(number)
        try:
            return ResumeClaim.model_validate_json(self._store.read(where))
        except FileMissing:
            return None
        except ValidationError as error:
            raise FileDamaged(
                f"{where}: does not tell who resumed the job; expected the JSON that skillbank "
                "writes. Remove it if nothing writes there."
            ) from error

    def _where(self, number: int) -> str:
        return f"{self._uri}/attempts/{number}/{CLAIM_NAME}"


def _token_of(folder: Path) -> str:
    """What tells this folder of the job from all others, whatever its machine is called."""
    path = folder / _TOKEN_NAME
    found = read_json(path)
    if found is None:
        found = {"token": uuid.uuid4().hex}
        write_json(path, found, is_durable=True)
    return str(found["token"])


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"
