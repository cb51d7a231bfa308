"""What a job does to its folder that keeps its best and its latest checkpoint, and replaces others.

In the order of the real trainer, so that it may end between any two steps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skillbank.artefacts import newest_whole

RECORDS = "results/artefacts.json"
LATEST = "results/latest.pth"

_LOSS = {1: 2.0, 2: 1.0, 3: 3.0, 4: 0.5}


def place(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_bytes(content)
    draft.replace(path)


def content_of(epoch: int) -> bytes:
    """A checkpoint; some are large."""
    return f"state after {epoch}\n".encode() * (20 if epoch % 2 else 3)


def name_of(epoch: int, kind: str = "epoch") -> str:
    return f"model_{kind}_{epoch:03}.pth"


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / RECORDS
    entries = json.loads(path.read_bytes())["artefacts"] if path.is_file() else []
    return {entry["path"]: entry for entry in entries}


def train(folder: Path, epochs: int) -> Iterator[None]:
    """What the trainer does with `replace_periodic`, in its order; yields between two steps."""
    results = folder / "results"
    newest = newest_whole(results)
    begun = 0 if newest is None else newest.epoch or 0
    _add(folder / "log.txt", f"from {begun}\n")
    if begun:
        yield from _settle(folder, begun)
    place(results / "empty.txt", b"")
    for epoch in range(begun + 1, epochs + 1):
        place(results / "parts" / f"of {epoch} \u00e9.txt", b"part")
        yield
        yield from _save(folder, name_of(epoch), epoch)
        yield from _point(folder, epoch)
        yield from _replace_before(folder, epoch)
        yield from _keep_best(folder, epoch, is_new=True)
        _add(results / "status.json", f'{{"epoch": {epoch}}}\n')
        yield
        (results / "parts" / f"of {epoch} \u00e9.txt").unlink()
        yield
    place(results / "metrics.json", b'{"accuracy": 1.0}')
    yield


def _settle(folder: Path, epoch: int) -> Iterator[None]:
    for path in (folder / "results" / "parts").glob("*"):
        path.unlink()
    if name_of(epoch) not in read_records(folder):
        yield from _save(folder, name_of(epoch), epoch)
    yield from _point(folder, epoch)
    yield from _replace_before(folder, epoch)
    for name in read_records(folder):
        if "best" in name and not (folder / "results" / name).is_file():
            yield from _record(folder, {**read_records(folder), name: None})
    best = {entry["epoch"] for name, entry in read_records(folder).items() if "best" in name}
    yield from _keep_best(folder, epoch, is_new=epoch not in best)


def _save(folder: Path, name: str, epoch: int) -> Iterator[None]:
    content = content_of(epoch)
    place(folder / "results" / name, content)
    yield
    entry = {
        "path": name,
        "kind": "checkpoint",
        "epoch": epoch,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "metrics": {"loss": _LOSS[epoch]},
    }
    yield from _record(folder, {**read_records(folder), name: entry})


def _remove(folder: Path, name: str) -> Iterator[None]:
    (folder / "results" / name).unlink(missing_ok=True)
    yield
    yield from _record(folder, {**read_records(folder), name: None})


def _record(folder: Path, entries: Mapping[str, dict[str, Any] | None]) -> Iterator[None]:
    kept = [entry for _, entry in sorted(entries.items()) if entry is not None]
    place(folder / RECORDS, json.dumps({"artefacts": kept}).encode())
    yield


def _point(folder: Path, epoch: int) -> Iterator[None]:
    draft = folder / "results" / ".latest.tmp"
    draft.unlink(missing_ok=True)
    draft.symlink_to(name_of(epoch))
    draft.replace(folder / LATEST)
    yield


def _replace_before(folder: Path, epoch: int) -> Iterator[None]:
    known = {e["epoch"]: name for name, e in read_records(folder).items() if "epoch" in name}
    earlier = [one for one in known if one < epoch]
    if earlier:
        yield from _remove(folder, known[max(earlier)])


def _keep_best(folder: Path, epoch: int, *, is_new: bool) -> Iterator[None]:
    name = name_of(epoch, "best")
    recorded = {n: e for n, e in read_records(folder).items() if "best" in n and n != name}
    worse = [n for n, entry in recorded.items() if entry["metrics"]["loss"] > _LOSS[epoch]]
    if recorded and not worse:
        return
    if is_new:
        yield from _save(folder, name, epoch)
    for one in worse:
        yield from _remove(folder, one)


def _add(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
