"""Files and folders that change, go or are named as hardly any is, while results are sent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.sdk.staging.crash_points import (
    LARGE_BYTES,
    URI,
    Clock,
    HandLane,
    Machine,
    Network,
    manifest_of,
)
from tests.sdk.staging.memory_store import MemoryStore
from tests.sdk.staging.toy_trainer import LATEST, place

from skillbank.errors import FilesUnavailable
from skillbank.staging import listing, outbox, shipping, traffic
from skillbank.staging.collecting import collect


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (listing, outbox, traffic):
        monkeypatch.setattr(module, "time", clock)
    for module in (shipping, traffic):
        monkeypatch.setattr(module, "LARGE_BYTES", LARGE_BYTES)
    monkeypatch.setattr(traffic, "Lane", HandLane)
    return clock


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def machine(tmp_path: Path, clock: Clock, store: MemoryStore) -> Machine:
    machine = Machine(tmp_path / "job", Network(store), clock)
    machine.begin()
    return machine


def content_of(store: MemoryStore, path: str) -> bytes:
    manifest = manifest_of(store)
    assert manifest is not None
    return store.content(f"{URI}/{manifest.key_of(path)}")


def test_a_name_that_is_no_text_keeps_nothing_else_from_going(
    machine: Machine, store: MemoryStore
) -> None:
    odd = os.fsdecode(b"results/caf\xe9.txt")
    place(machine.folder / odd, b"x")
    (machine.folder / os.fsdecode(b"results/\xff")).symlink_to("plain.txt")
    place(machine.folder / "results" / "plain.txt", b"x")
    place(machine.folder / "attempts" / "1" / "exit.json", b"{}")
    for _ in range(200):
        machine.look()

    manifest = manifest_of(store)
    assert manifest is not None
    assert manifest.files.keys() == {"results/plain.txt", "attempts/1/exit.json"}
    assert machine.box._traffic.trouble.endswith("its name is no UTF-8 text; rename the file.")
    missing = machine.box.flush(0)
    assert missing == ["results/\\udcff", "results/caf\\udce9.txt"]
    assert all(name.isascii() for name in missing)


def test_a_file_that_goes_before_it_is_opened_is_no_trouble(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        path.unlink()
        raise FilesUnavailable("there is no such file")  # as stores tell it

    path = machine.folder / "results" / "model.pth"
    place(path, b"x")
    monkeypatch.setattr(machine.network, "write", refuse)
    machine.box._listing.open()
    machine.look()
    machine.look()

    assert machine.box._traffic.trouble == ""


def test_a_link_never_leads_nowhere_at_the_results_uri(
    machine: Machine, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = machine.network.upload

    def refuse(*_: object) -> None:
        raise FilesUnavailable("not now")

    place(machine.folder / "results" / "model_1.pth", b"1")
    (machine.folder / LATEST).symlink_to("model_1.pth")
    machine.flush()
    monkeypatch.setattr(machine.network, "upload", refuse)
    place(machine.folder / "results" / "model_2.pth", b"2")
    (machine.folder / LATEST).unlink()
    (machine.folder / LATEST).symlink_to("model_2.pth")
    machine.look()
    manifest = manifest_of(store)
    assert manifest is not None
    assert manifest.files[LATEST].link == "model_1.pth"

    monkeypatch.setattr(machine.network, "upload", upload)
    machine.flush()
    manifest = manifest_of(store)
    assert manifest is not None
    assert manifest.files[LATEST].link == "model_2.pth"


def test_a_folder_that_vanishes_takes_nothing_from_the_results_uri(
    machine: Machine, store: MemoryStore
) -> None:
    place(machine.folder / "results" / "a.txt", b"a")
    machine.flush()
    machine.folder.rename(machine.folder.with_name("away"))
    for _ in range(2):
        machine.look()
        machine.folder.mkdir(exist_ok=True)  # as under a disk that was mounted there

    assert content_of(store, "results/a.txt") == b"a"


def test_a_file_that_the_disk_does_not_tell_of_is_not_taken_for_deleted(
    machine: Machine, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(machine.folder / "results" / "a.txt", b"a")
    machine.flush()

    def fail(path: Path, **options: bool) -> os.stat_result:
        if path.name == "a.txt":
            raise OSError(116, "Stale file handle")
        return stat(path, **options)

    stat = Path.stat
    monkeypatch.setattr(Path, "stat", fail)
    assert "results/a.txt" not in collect(machine.folder)
    machine.look()

    assert content_of(store, "results/a.txt") == b"a"


@pytest.mark.parametrize("name", ["status.json", "artefacts.json"])
def test_a_file_that_changes_twice_within_one_tick_of_the_disk_goes_again(
    machine: Machine, store: MemoryStore, clock: Clock, name: str
) -> None:
    path = machine.folder / "results" / name
    now_ns = int(clock.time() * 1e9)
    for content in (b'{"artefacts": []}', b'{"artefacts":[ ]}'):
        path.write_bytes(content)  # in place, and as long as before
        os.utime(path, ns=(now_ns, now_ns))
        machine.look(seconds=0.01)
        machine.look(seconds=0.01)
    machine.look()
    machine.look()
    assert content_of(store, f"results/{name}") == b'{"artefacts":[ ]}'

    path.write_bytes(b'{ "artefacts":[]}')
    os.utime(path, ns=(now_ns, now_ns))
    num_changes = machine.network.done
    machine.flush()
    machine.flush()
    assert machine.network.done - num_changes < 8  # an old file is not looked at again


def test_what_changed_within_a_tick_before_everything_was_asked_for_goes(
    machine: Machine, store: MemoryStore, clock: Clock
) -> None:
    path = machine.folder / "results" / "status.json"
    now_ns = int(clock.time() * 1e9)
    for content in (b"first", b"other"):
        path.write_bytes(content)
        os.utime(path, ns=(now_ns, now_ns))
        if content == b"first":
            machine.look(seconds=0.01)
    machine.flush()

    assert content_of(store, "results/status.json") == b"other"


def test_a_folder_that_cannot_be_read_is_told_and_keeps_nothing_else_from_going(
    machine: Machine, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(machine.folder / "results" / "closed" / "a.txt", b"a")
    machine.flush()

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", refuse)
    place(machine.folder / "results" / "b.txt", b"b")
    place(machine.folder / "attempts" / "1" / "exit.json", b"{}")
    for _ in range(200):
        machine.look()

    assert content_of(store, "results/closed/a.txt") == b"a"
    assert content_of(store, "results/b.txt") == b"b"
    assert content_of(store, "attempts/1/exit.json") == b"{}"
    assert machine.box._traffic.trouble
    assert machine.box.flush(0) == ["results/closed"]


def test_a_large_file_of_a_time_to_come_goes_too(
    machine: Machine, store: MemoryStore, clock: Clock
) -> None:
    path = machine.folder / "results" / "large.bin"
    path.write_bytes(b"x" * LARGE_BYTES)
    os.utime(path, (clock.time() + 3600, clock.time() + 3600))  # then the clock was set back
    machine.look()
    machine.look()

    assert content_of(store, "results/large.bin") == path.read_bytes()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_thread_that_failed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(machine.box, "_look", fail)
    place(machine.folder / "results" / "a.txt", b"a")
    machine.box.start()
    began = time.monotonic()

    assert machine.box.flush(30) == ["results/a.txt"]

    assert time.monotonic() - began < 10
    machine.box.stop()
