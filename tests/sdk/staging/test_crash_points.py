"""A machine dies at any operation on the results URI; the next one goes on, and nothing is lost."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

import pytest
from tests.sdk.staging.crash_points import (
    EPOCHS,
    LARGE_BYTES,
    URI,
    Clock,
    HandLane,
    Machine,
    Moment,
    Network,
    files_of,
    manifest_of,
    moments_of,
)
from tests.sdk.staging.memory_store import MemoryStore
from tests.sdk.staging.toy_trainer import RECORDS, read_records

from skillbank.artefacts import list_checkpoints, newest_whole
from skillbank.staging import listing, outbox, restoring, shipping, traffic
from skillbank.staging.outbox import restore

_GROWING = ("log.txt", "results/status.json")


def set_by_hand(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let nothing happen by itself; the clock by which it goes."""
    clock = Clock()
    for module in (listing, outbox, traffic):
        monkeypatch.setattr(module, "time", clock)
    for module in (shipping, traffic):
        monkeypatch.setattr(module, "LARGE_BYTES", LARGE_BYTES)
    monkeypatch.setattr(traffic, "Lane", HandLane)
    monkeypatch.setattr(restoring, "_THREADS", 1)
    return clock


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return set_by_hand(monkeypatch)


def end_of(folder: Path, store: MemoryStore) -> dict[str, bytes | str]:
    """What an empty machine gets, but for what tells of how the job got there."""
    restore(URI, store, folder)  # type: ignore[arg-type]
    return {
        path: one
        for path, one in files_of(folder).items()
        if path not in _GROWING and not path.startswith("attempts/")
    }


def require_sound(folder: Path, store: MemoryStore) -> int:
    """Bring everything to an empty machine; epoch of the newest checkpoint that is there."""
    manifest = restore(URI, store, folder)  # type: ignore[arg-type]
    if manifest is None:
        return 0
    for path, entry in manifest.files.items():
        if entry.link:
            assert (folder / path).is_file(), f"{path} points nowhere"
        elif path not in (*_GROWING, RECORDS):
            content = (folder / path).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry.sha256, path
    results = folder / "results"
    recorded = {f"results/{name}" for name in read_records(folder)}
    assert recorded <= manifest.files.keys()
    assert all(one.is_whole for one in list_checkpoints(results))
    newest = newest_whole(results)
    return 0 if newest is None else newest.epoch or 0


@pytest.fixture
def moments(tmp_path: Path, clock: Clock) -> list[Moment]:
    """Of a run whose uploads arrive in any order; the last is that of its end."""
    network = Network(MemoryStore())
    machine = Machine(tmp_path / "whole" / "job", network, clock)
    HandLane.chance = Random(0)
    found = moments_of(machine, tmp_path / "copies")
    HandLane.chance = None
    assert len(found) > 20 * EPOCHS
    return [*found, Moment(network.store, machine.folder, lambda _: None)]


# 50 deaths, each followed by a machine or two: 1 s. To die behind a change is to die before the
# next.
@pytest.mark.parametrize("arrives", [False, True], ids=["never", "late"])
def test_a_death_at_any_change_leaves_no_trace(
    tmp_path: Path, clock: Clock, moments: list[Moment], arrives: bool
) -> None:
    expected = end_of(tmp_path / "expected", moments[-1].store)
    newest = 0
    for number, moment in enumerate(moments[:-1]):
        if not arrives:
            before, newest = newest, require_sound(tmp_path / f"{number} sound", moment.store)
            assert newest >= before, number
        else:
            brief = Machine(tmp_path / f"{number} brief", Network(moment.store), clock, attempt=2)
            brief.begin()
            moment.arrive(moment.store)
            brief.look()

        Machine(tmp_path / f"{number}", Network(moment.store), clock, attempt=3).run()

        assert end_of(tmp_path / f"{number} end", moment.store) == expected, number
        require_tidy(moment.store)


# 50 deaths: 1 s.
def test_a_death_at_any_change_leaves_no_trace_in_a_folder_that_is_still_there(
    tmp_path: Path, clock: Clock, moments: list[Moment]
) -> None:
    expected = end_of(tmp_path / "expected", moments[-1].store)
    for number, moment in enumerate(moments[:-1]):
        Machine(moment.folder, Network(moment.store), clock, attempt=2).run()

        assert end_of(tmp_path / f"{number}", moment.store) == expected, number
        require_tidy(moment.store)


# 40 runs: 1 s; `tools/bench/crash_points.py` tries every operation.
@pytest.mark.parametrize("fails", [0, 4], ids=["answer", "outage"])
def test_an_answer_that_is_lost_anywhere_or_a_pause_changes_nothing(
    tmp_path: Path, clock: Clock, moments: list[Moment], fails: int
) -> None:
    expected = end_of(tmp_path / "expected", moments[-1].store)
    for troubled in range(5, 10**6, 3):  # before, the lease is not there yet
        network = Network(MemoryStore(), troubled, fails)
        Machine(tmp_path / f"{troubled}", network, clock).run()

        assert end_of(tmp_path / f"{troubled} end", network.store) == expected, troubled
        require_tidy(network.store)
        if network.done < troubled:
            break


def require_tidy(store: MemoryStore) -> None:
    """Nothing lies there that nobody names, but a log or an ending that a death left."""
    manifest = manifest_of(store)
    assert manifest is not None
    named = {manifest.key_of(path) for path, entry in manifest.files.items() if not entry.link}
    there = store.names() - {"lease.json", "manifest.json"}
    assert named <= there
    assert there - named <= {"log.txt", "attempts/1/exit.json"}
    assert manifest.trash == []
