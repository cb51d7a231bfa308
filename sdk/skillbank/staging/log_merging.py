"""One log of a job that ran in several places: every line of each, attempt by attempt."""

from __future__ import annotations

import os
import re
from pathlib import Path

from skillbank.files.api import FileStore

LOG_NAME = "log.txt"
_HEADLINE = re.compile(rb"(?:(?<=\n)|\A)\n?--- attempt (\d+) of job \S+ ---$", re.MULTILINE)


def merge_logs(ours: bytes, theirs: bytes) -> bytes:
    """Both logs in one, attempts in order; what stands in both stands in it once.

    Where two machines printed unlike lines under one attempt, the other's come first.
    """
    own, other = _attempts(ours), _attempts(theirs)
    numbers = sorted(own.keys() | other.keys())
    return b"".join(_merge(own.get(n, b""), other.get(n, b"")) for n in numbers)


def lines_unseen(ours: bytes, theirs: bytes) -> bytes:
    """What another log of the job holds and ours does not, attempts in order."""
    own, other = _attempts(ours), _attempts(theirs)
    return b"".join(_split(own.get(n, b""), other[n])[2] for n in sorted(other))


def bring_log(store: FileStore, uri: str, target: Path) -> None:
    """Bring a log to where another of the same job may lie, and keep every line of both.

    Args:
        store: Where it is kept.
        uri: The log there.
        target: The log here, which nobody writes now.

    Raises:
        FilesError: It cannot be brought.
    """
    if not target.is_file():
        store.download(uri, target)
        return
    arrived = target.with_name(f".{target.name}.{os.getpid()}.arrived")
    try:
        store.download(uri, arrived)
        ours, theirs = target.read_bytes(), arrived.read_bytes()
        merged = merge_logs(ours, theirs)
        if merged == ours:
            return
        if merged != theirs:
            arrived.write_bytes(merged)
        arrived.replace(target)
    finally:
        arrived.unlink(missing_ok=True)


def _attempts(log: bytes) -> dict[int, bytes]:
    """Attempt -> what it printed, with its headline; the first has none."""
    begins = [(0, 1), *((found.start(), int(found[1])) for found in _HEADLINE.finditer(log))]
    ends = [begin for begin, _ in begins[1:]] + [len(log)]
    parts: dict[int, bytes] = {}
    for (begin, number), end in zip(begins, ends, strict=True):
        parts[number] = parts.get(number, b"") + log[begin:end]
    return parts


def _merge(ours: bytes, theirs: bytes) -> bytes:
    both, own, other = _split(ours, theirs)
    if not other or not own:
        return both + own + other
    gap = b"" if other.endswith(b"\n") else b"\n"
    return both + other + gap + own


def _split(ours: bytes, theirs: bytes) -> tuple[bytes, bytes, bytes]:
    """What two versions of one attempt begin with alike, and what either has beyond it.

    One that broke off in the middle of a line is part of the other all the same; where they
    differ, they do so by whole lines.
    """
    if ours.startswith(theirs.rstrip(b"\n")):
        return ours, b"", b""
    if theirs.startswith(stem := ours.rstrip(b"\n")):
        return stem, b"", theirs[len(stem) :]
    length = ours.rfind(b"\n", 0, _num_alike(ours, theirs)) + 1
    both, own, other = ours[:length], ours[length:], theirs[length:]
    if other in own:
        return ours, b"", b""
    return (both, b"", other) if own in other else (both, own, other)


def _num_alike(ours: bytes, theirs: bytes) -> int:
    """Length of what both begin with, neither of them whole."""
    length, differs_at = 0, min(len(ours), len(theirs))
    while differs_at - length > 1:
        middle = (length + differs_at) // 2
        is_alike = ours[length:middle] == theirs[length:middle]
        length, differs_at = (middle, differs_at) if is_alike else (length, middle)
    return length
