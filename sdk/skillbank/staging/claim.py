"""The protocol of the lease at a results URI, step by step, without threads or waiting.

`lease.json` says who may write. Every change of it is a conditional write on the version that was
read, so of two who try, one fails. A holder counts as sure until its time to live has passed since
it *began* its last renewal; a taker writes its claim, upon which every renewal of the old holder
fails, and waits for one time to live by its own clock. No clock is compared with another's.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, ValidationError

from skillbank.errors import FileConflict, FileMissing, LeaseLost
from skillbank.files.api import ABSENT, FileStore

LEASE_NAME = "lease.json"
MARGIN = 0.2
"""Part of the time to live that a holder leaves unused: clocks run at slightly unlike speeds."""

_TRIES = 20


class Holder(BaseModel):
    """A process that writes a job's results, for people who look for it.

    Attributes:
        host: Its machine.
        pid: Its process there.
        since: When it asked, in seconds since the epoch, UTC, by its clock.
        token: What tells it from every other.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    pid: int
    since: float
    token: str

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        return cls(
            host=socket.gethostname(), pid=os.getpid(), since=time.time(), token=uuid.uuid4().hex
        )

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.since))
        return f"process {self.pid} on {self.host}, since {since} UTC"


class LeaseRecord(BaseModel):
    """Content of `lease.json`.

    Attributes:
        holder: Who has it.
        attempt: Attempt of the job that it carries out.
        fence: Number that grows with each holder.
        clean_since: Smallest fence from which on every holder gave the lease back in order: none
            of them can still have a write under way. A holder that was overtaken may.
        ttl_s: How long whoever takes it over has to wait.
        renewals: How often it was renewed: makes each content, and so each version, another.
        is_released: Its holder writes no more.
    """

    model_config = ConfigDict(frozen=True)

    holder: Holder
    attempt: int
    fence: int
    clean_since: int
    ttl_s: float
    renewals: int = 0
    is_released: bool = False

    def encode(self) -> bytes:
        """As it lies in the object."""
        return self.model_dump_json(indent=1).encode()


def steady_now() -> float:
    """Seconds by a clock that nobody sets and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class StoreClaim:
    """One process's side of the lease at a URI.

    Args:
        store: Where it lies.
        uri: The job's results URI.
        ttl_s: Time to live, in seconds.
        attempt: Attempt of the job.
        now: A clock that only grows, in seconds.
    """

    def __init__(
        self,
        store: FileStore,
        uri: str,
        ttl_s: float,
        attempt: int,
        now: Callable[[], float] = steady_now,
    ) -> None:
        self._store = store
        self._where = f"{uri.rstrip('/')}/{LEASE_NAME}"
        self._ttl_s = ttl_s
        self._attempt = attempt
        self._now = now
        self._holder = Holder.here()
        self._record: LeaseRecord | None = None
        self._version = ABSENT
        self._renewed_at = float("-inf")
        self._is_held = False

    @property
    def record(self) -> LeaseRecord:
        """What this process last wrote.

        Raises:
            LeaseLost: It claimed nothing.
        """
        if self._record is None:
            raise LeaseLost(f"{self._where}: was not taken; take the lease first.")
        return self._record

    @property
    def is_sure(self) -> bool:
        """Whether nobody else can be the holder now."""
        return self._is_held and self._now() - self._renewed_at < self._ttl_s * (1 - MARGIN)

    def claim(self, patience_s: float = float("inf")) -> float:
        """Write that the results are this process's now, and tell how long to wait.

        Args:
            patience_s: Longest wait that the caller can afford.

        Returns:
            Seconds after which `confirm` may be called; 0 where nobody held it.

        Raises:
            LeaseLost: A newer attempt has it, or the wait would be too long; nothing was changed.
        """
        for _ in range(_TRIES):
            found, version = self._look()
            self._refuse_older(found)
            wait_s = 0.0 if found is None or found.is_released else found.ttl_s
            if wait_s > patience_s:
                raise self._lost(found, f"it may hold it for {wait_s:g} s more")
            claimed = self._succeed(found)
            try:
                self._write(claimed, version)
            except FileConflict:
                continue  # somebody renewed or claimed in between: look again
            return wait_s
        raise self._lost(None, "others claim it all the time")

    def confirm(self) -> None:
        """Become the holder, after the wait.

        Raises:
            LeaseLost: Somebody claimed it meanwhile.
        """
        self._renew()
        self._is_held = True

    def renew(self) -> None:
        """Stay the holder.

        Raises:
            LeaseLost: Somebody claimed it meanwhile.
        """
        if not self._is_held:
            raise LeaseLost(f"{self._where}: is not held; take the lease first.")
        self._renew()

    def release(self) -> None:
        """Tell that this process writes no more; nothing happens where it was lost.

        Raises:
            FilesError: The place cannot be reached: the next holder has to wait.
        """
        if self._record is None:
            return
        self._is_held = False
        released = self._record.model_copy(update={"is_released": True})
        try:
            self._write(released, self._version)
        except (FileConflict, FileMissing):
            return
        finally:
            self._record = None

    def _renew(self) -> None:
        started = self._now()
        record = self.record
        renewed = record.model_copy(update={"renewals": record.renewals + 1})
        try:
            self._write(renewed, self._version)
        except (FileConflict, FileMissing) as error:
            self._is_held = False
            raise self._lost(self._look()[0], "it has taken it over") from error
        self._renewed_at = started

    def _write(self, record: LeaseRecord, version: str) -> None:
        """Write conditionally; an own write whose answer was lost counts as done."""
        content = record.encode()
        try:
            version = self._store.write(self._where, content, version).version
        except FileConflict:
            seen = self._store.stat(self._where)
            if seen is None or self._content() != content:
                raise
            version = seen.version
        self._record, self._version = record, version

    def _look(self) -> tuple[LeaseRecord | None, str]:
        seen = self._store.stat(self._where)
        if seen is None:
            return None, ABSENT
        # Where it is replaced after the first look, the conditional write that follows will fail.
        content = self._content()
        try:
            return LeaseRecord.model_validate_json(content), seen.version
        except ValidationError as error:
            raise LeaseLost(
                f"{self._where}: is no lease of a job: expected the JSON that skillbank writes; "
                "remove it if nothing writes there."
            ) from error

    def _content(self) -> bytes:
        try:
            return self._store.read(self._where)
        except FileMissing:
            return b""

    def _succeed(self, found: LeaseRecord | None) -> LeaseRecord:
        fence = 1 if found is None else found.fence + 1
        is_clean = found is None or found.is_released
        inherited_s = 0.0 if found is None or found.is_released else found.ttl_s
        return LeaseRecord(
            holder=self._holder,
            attempt=self._attempt,
            fence=fence,
            clean_since=(1 if found is None else found.clean_since) if is_clean else fence,
            ttl_s=max(self._ttl_s, inherited_s),
        )

    def _refuse_older(self, found: LeaseRecord | None) -> None:
        if found is not None and found.attempt > self._attempt:
            raise self._lost(found, f"attempt {self._attempt} is over")

    def _lost(self, found: LeaseRecord | None, why: str) -> LeaseLost:
        whose = "somebody else" if found is None else f"attempt {found.attempt} ({found.holder})"
        return LeaseLost(
            f"{self._where}: {whose} has the results of this job: {why}. Only one process at a "
            "time writes a job's results; this one stops."
        )
