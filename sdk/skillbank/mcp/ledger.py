"""Who started what: a file of JSON lines for each agent, one per job or workflow."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from skillbank.errors import RequestInvalid
from skillbank.locks import wait_lock

_AGENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class Kind(StrEnum):
    """What an agent started."""

    JOB = "job"  # one attempt of it
    WORKFLOW = "workflow"  # with the jobs of all its steps


@dataclass(frozen=True)
class Entry:
    """Something that an agent started.

    Attributes:
        kind: A job or a workflow.
        id: Its id.
        attempt: 1 for the first; higher where the agent resumed it.
        num_jobs: New jobs that it makes; 0 where it was resumed.
        at: When, in seconds since the epoch.
    """

    kind: Kind
    id: str
    attempt: int
    num_jobs: int
    at: float


class Ledger:
    """What one agent started or resumed.

    Args:
        folder: Where the ledgers of all agents lie.
        agent: Name of the agent.
    """

    def __init__(self, folder: Path, agent: str) -> None:
        self._folder = folder
        self._path = folder / f"{agent}.jsonl"
        self._past_path = folder / f"{agent}.jsonl.past"  # the file of no other agent
        self._lock_path = folder / f"{agent}.lock"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the agent's lock: nobody else reads or writes for it, in any process."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = wait_lock(self._lock_path)
        try:
            yield
        finally:
            os.close(lock)

    def entries(self) -> list[Entry]:
        """What still counts, each once, oldest first."""
        if not self._path.is_file():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        read = [entry for line in lines if (entry := _parse(line)) is not None]
        return list({(one.kind, one.id, one.attempt): one for one in read}.values())

    def add(self, entry: Entry) -> None:
        """Write down an entry, whole, after whatever a writer who was killed left."""
        with self._path.open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            begin = "" if file.read() in {b"", b"\n"} else "\n"
            file.write(f"{begin}{_line(entry)}".encode())

    def put_aside(self, past: Sequence[Entry]) -> None:
        """Move entries that count no more to a file that nobody reads but people."""
        if not past:
            return
        kept = [entry for entry in self.entries() if entry not in past]
        with self._past_path.open("a", encoding="utf-8") as file:
            file.writelines(map(_line, past))
        draft = self._path.with_suffix(".draft")
        draft.write_text("".join(map(_line, kept)), encoding="utf-8")
        draft.replace(self._path)


def read_agent(name: str) -> str:
    """A name that an agent is known by, and that can be a file's.

    Raises:
        RequestInvalid: It cannot.
    """
    if not _AGENT.fullmatch(name):
        raise RequestInvalid(
            f"agent {name!r}: expected a name of at most 64 letters, digits, '.', '_' and '-', "
            "such as 'claude'."
        )
    return name


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry)) + "\n"


def _parse(line: str) -> Entry | None:
    """An entry; None for the part of one whose writer was killed: it had started nothing yet."""
    try:
        content = json.loads(line)
        return Entry(**{**content, "kind": Kind(content["kind"])})
    except (ValueError, TypeError, KeyError):
        return None
