"""Machines that die at a chosen operation on a store, and the job that runs on them.

Everything happens in one thread, by a clock that is set by hand: whoever runs it twice sees the
same twice.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from tests.sdk.staging.memory_store import MemoryStore
from tests.sdk.staging.toy_trainer import place, train

from skillbank.errors import FileConflict, FilesUnavailable, LeaseLost, SkillbankError
from skillbank.files.api import FileStore, Progress, StoredFile
from skillbank.staging.claim import StoreClaim
from skillbank.staging.lease import Lease
from skillbank.staging.manifest import Manifest
from skillbank.staging.outbox import Outbox, restore

URI = "s3://bucket/runs/job"
EPOCHS = 2
LARGE_BYTES = 200
"""What counts as large in these tests: every second checkpoint is."""

_TTL_S = 20.0

Result = TypeVar("Result")
Change = Callable[[MemoryStore], Any]


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self._now = time.time() + 100

    def monotonic(self) -> float:
        return self._now

    time = monotonic

    def pass_by(self, seconds: float) -> None:
        self._now += seconds


class HandLane:
    """Does what is handed in at once; or, where there is a `chance`, one now and one later."""

    chance: Random | None = None
    waiting: list[tuple[Callable[[], object], Future[Any]]] = []  # noqa: RUF012 - of all lanes

    def __init__(self, name: str, num_threads: int) -> None:
        del name, num_threads
        HandLane.waiting.clear()  # a new process

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        future: Future[Result] = Future()
        HandLane.waiting.append((work, future))
        if HandLane.chance is None:
            self.go_on()
        return future

    @classmethod
    def go_on(cls) -> None:
        """Do some of what waits, in any order."""
        chance = cls.chance or Random(0)
        chance.shuffle(cls.waiting)
        for _ in range(len(cls.waiting) if cls.chance is None else chance.randint(0, 3)):
            if cls.waiting:
                _do(*cls.waiting.pop())

    def close(self) -> None:
        pass


def _do(work: Callable[[], object], future: Future[Any]) -> None:
    try:
        future.set_result(work())
    except (SkillbankError, OSError) as error:
        future.set_exception(error)


@dataclass(frozen=True)
class Moment:
    """How everything lies when a process dies before, or in the middle of, a change of a store.

    Attributes:
        store: What the store holds; its own for whoever goes on from here.
        folder: A copy of the job's folder.
        arrive: Lets the change that was under way happen after all, if it still can.
    """

    store: MemoryStore
    folder: Path
    arrive: Callable[[MemoryStore], None]


class Network(FileStore):
    """One machine's way to a store.

    Args:
        store: The store.
        troubled: Number of the operation that something happens to; 0: none.
        fails: So many fail from there on, before they change anything; 0: only an answer is lost.

    Attributes:
        done: Operations so far.
        before_change: Called with each change before it happens.
    """

    def __init__(self, store: MemoryStore, troubled: int = 0, fails: int = 0) -> None:
        self.store = store
        self.done = 0
        self.before_change: Callable[[Change], None] = lambda _: None
        self._troubled = troubled
        self._fails = fails

    def of(self, uri: str) -> FileStore:
        del uri
        return self

    def stat(self, uri: str) -> StoredFile | None:
        return self._do(lambda: self.store.stat(uri))

    def list(self, folder: str) -> Iterator[StoredFile]:
        return self._do(lambda: self.store.list(folder))

    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        return self._do(lambda: self.store.read(uri, start, num_bytes))

    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        return self._change(lambda store: store.write(uri, content, if_version))

    def delete(self, uri: str) -> None:
        self._change(lambda store: store.delete(uri))

    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        return self._do(lambda: self.store.download(uri, target, progress))

    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        content = source.read_bytes()
        if progress is not None:
            progress(len(content))
        return self.write(uri, content, if_version)

    def _change(self, change: Callable[[MemoryStore], Result]) -> Result:
        self.before_change(change)
        return self._do(lambda: change(self.store))

    def _do(self, act: Callable[[], Result]) -> Result:
        self.done += 1
        if 0 <= self.done - self._troubled < self._fails:
            raise FilesUnavailable("does not answer")
        result = act()
        if self.done == self._troubled:
            raise FilesUnavailable("the answer was lost")
        return result


def moments_of(machine: Machine, copies: Path) -> list[Moment]:
    """Let a machine do its job; every moment at which it might have died in the middle of it."""
    network = machine.network
    moments: list[Moment] = []
    machine.folder.mkdir(parents=True)

    def note(change: Change) -> None:
        store = network.store.copy()
        folder = copies / str(len(moments)) / "job"
        shutil.copytree(machine.folder, folder, symlinks=True)
        moments.append(Moment(store, folder, lambda there: _arrive(change, there)))

    network.before_change = note
    machine.run()
    return moments


def _arrive(change: Change, store: MemoryStore) -> None:
    with suppress(FileConflict):
        change(store)


class HandLease(Lease):
    """The protocol of `claim`, by a clock that is set by hand."""

    def __init__(self, store: FileStore, clock: Clock, attempt: int) -> None:
        super().__init__(attempt)
        self._clock = clock
        self._claim = StoreClaim(store, URI, _TTL_S, attempt, clock.monotonic)

    def take(self, timeout_s: float = 120.0) -> None:
        self._clock.pass_by(self._claim.claim(timeout_s))
        self._claim.confirm()

    @property
    def is_sure(self) -> bool:
        return self._claim.is_sure

    @property
    def fence(self) -> int:
        return self._claim.record.fence

    @property
    def clean_since(self) -> int:
        return self._claim.record.clean_since

    def renew(self) -> None:
        self._claim.renew()

    def release(self) -> None:
        with suppress(FilesUnavailable):
            self._claim.release()


class Machine:
    """One process with a folder of its own, as the attendant is: lease, restore, outbox.

    A folder in which the job has been needs nothing back: it is on a disk that machines share.
    """

    def __init__(self, folder: Path, network: Network, clock: Clock, attempt: int = 1) -> None:
        self._is_whole = (folder / "log.txt").exists()
        self.folder = folder
        self.network = network
        self._clock = clock
        self.lease = HandLease(network, clock, attempt)
        self.epochs = EPOCHS
        self.box = Outbox(
            folder,
            URI,
            network,  # type: ignore[arg-type]  # it stands for Stores too
            self.lease,
            attempt=attempt,
        )

    def begin(self) -> None:
        self.lease.take()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._is_whole:
            restore(URI, self.network, self.folder)  # type: ignore[arg-type]
        (self.folder / "results").mkdir(parents=True, exist_ok=True)
        self.box._note()

    def look(self, seconds: float = 1.0) -> None:
        """What the outbox's thread does after so much time."""
        self._clock.pass_by(seconds)
        try:
            self.lease.renew()
            HandLane.go_on()
            self.box._look()
            HandLane.go_on()
        except LeaseLost:
            raise
        except (SkillbankError, OSError):
            return  # told, and tried again

    def flush(self) -> None:
        """What `Outbox.flush` waits for."""
        self._clock.pass_by(1.0)
        self.box._asked_at = self._clock.monotonic()
        self._clock.pass_by(1.0)
        for _ in range(200):
            self.look()
            if self.box._asked_at is None:
                return
        raise AssertionError(f"not all arrived: {self.box._traffic.trouble}")

    def run(self) -> None:
        """The job from its beginning, or from where it was, to its end."""
        self.begin()
        for _ in train(self.folder, self.epochs):
            self.look()
        place(self.folder / "attempts" / str(self.lease.attempt) / "exit.json", b'{"exit_code": 0}')
        self.flush()
        self.lease.release()


# ------------------------------------------------------------------ what lies there


def manifest_of(store: MemoryStore) -> Manifest | None:
    where = f"{URI}/manifest.json"
    if where not in store.objects:
        return None
    return Manifest.model_validate_json(store.content(where))


def files_of(folder: Path) -> dict[str, bytes | str]:
    """Content by path, or where a link points."""
    return {
        path.relative_to(folder).as_posix(): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
