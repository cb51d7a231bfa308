"""A job that replaces its checkpoints faster than they can be brought."""

from __future__ import annotations

import errno
import json
import os
import shutil
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
from tests.sdk.staging.toy_trainer import RECORDS, place

from skillbank.errors import FilesUnavailable
from skillbank.staging import listing, outbox, shipping, traffic
from skillbank.staging.collecting import collect
from skillbank.staging.outbox import restore
from skillbank.staging.pins import FOLDER, Pins

NUM_EPOCHS = 24


class SlowLane(HandLane):
    """Brings one file at each look of the outbox, in the order in which they were handed in."""

    def __init__(self, name: str, num_threads: int) -> None:
        del name, num_threads

    @classmethod
    def bring_one(cls) -> None:
        while HandLane.waiting:
            work, future = HandLane.waiting.pop(0)
            try:
                future.set_result(work())
            except FileNotFoundError as error:  # which takes no time
                future.set_exception(error)
            else:
                return

    def go_on(self) -> None:  # type: ignore[override]
        pass


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    clock = Clock()
    for module in (listing, outbox, traffic):
        monkeypatch.setattr(module, "time", clock)
    for module in (shipping, traffic):
        monkeypatch.setattr(module, "LARGE_BYTES", LARGE_BYTES)
    monkeypatch.setattr(traffic, "Lane", SlowLane)
    monkeypatch.setattr(HandLane, "go_on", lambda *_: None)
    HandLane.waiting.clear()
    machine = Machine(tmp_path / "job", Network(MemoryStore()), clock)
    machine.begin()
    return machine


def train(machine: Machine, name: str) -> list[int]:
    """Epochs whose checkpoint another machine could have gone on from, one entry for each look."""
    seen = []
    for epoch in range(1, NUM_EPOCHS + 1):
        file = name.format(epoch)
        for path in (machine.folder / "results").glob("*.pth"):
            path.unlink()
        content = f"epoch {epoch} ".encode() * 40
        place(machine.folder / "results" / file, content)
        place(machine.folder / "results" / f"twin_{file}", content)
        entries = [{"path": path, "epoch": epoch} for path in (file, f"twin_{file}")]
        place(machine.folder / RECORDS, json.dumps({"artefacts": entries}).encode())
        machine.look()
        SlowLane.bring_one()
        seen.append(epoch_there(machine, epoch))
    return seen


def epoch_there(machine: Machine, now: int) -> int:
    manifest = manifest_of(machine.network.store)
    if manifest is None or RECORDS not in manifest.files:
        return 0
    there = machine.folder.parent / f"there-{now}"
    restore(URI, machine.network, there)  # type: ignore[arg-type]
    entries = json.loads((there / RECORDS).read_bytes())["artefacts"]
    for entry in entries:
        content = (there / "results" / entry["path"]).read_bytes()
        assert content == f"epoch {entry['epoch']} ".encode() * 40
    return int(entries[0]["epoch"])


@pytest.mark.parametrize("name", ["epoch_{}.pth", "latest.pth"])
def test_each_record_that_was_read_arrives_with_its_files(machine: Machine, name: str) -> None:
    seen = train(machine, name)

    assert seen == sorted(seen)
    assert len(set(seen) - {0}) >= 4
    assert seen[-1] >= NUM_EPOCHS - 8


def test_a_machine_that_goes_on_where_one_died_leaves_nothing_pinned(machine: Machine) -> None:
    train(machine, "epoch_{}.pth")
    assert list((machine.folder / FOLDER).rglob("*"))

    Pins(machine.folder)

    assert not (machine.folder / FOLDER).exists()


def test_second_names_that_somebody_removes_are_made_anew(machine: Machine) -> None:
    for path in ("a.pth", "b.pth"):
        place(machine.folder / "results" / path, b"weights " * 40)
    place(machine.folder / RECORDS, json.dumps({"artefacts": [{"path": "a.pth"}]}).encode())
    machine.look()
    shutil.rmtree(machine.folder / FOLDER)
    (machine.folder / "results" / "a.pth").unlink()
    place(machine.folder / RECORDS, json.dumps({"artefacts": [{"path": "b.pth"}]}).encode())

    for _ in range(20):
        machine.look()
        SlowLane.bring_one()

    manifest = manifest_of(machine.network.store)
    assert manifest is not None
    assert manifest.files.keys() == {RECORDS, "results/b.pth"}


def test_a_flush_waits_for_what_replaced_a_pinned_file(machine: Machine) -> None:
    path, records = "results/latest.pth", json.dumps({"artefacts": [{"path": "latest.pth"}]})
    place(machine.folder / path, b"earlier " * 40)
    place(machine.folder / RECORDS, records.encode())
    machine.look()
    _, upload = HandLane.waiting.pop(0)
    upload.set_exception(FilesUnavailable("not now"))
    place(machine.folder / path, b"newer " * 40)
    place(machine.folder / RECORDS, records.encode())

    machine._clock.pass_by(1.0)
    machine.box._asked_at = machine._clock.monotonic()
    while machine.box._asked_at is not None:
        machine.look(10.0)
        SlowLane.bring_one()

    manifest = manifest_of(machine.network.store)
    assert manifest is not None
    content = machine.network.store.content(f"{URI}/{manifest.key_of(path)}")
    assert content == b"newer " * 40


def test_what_is_pinned_is_no_file_of_the_job(tmp_path: Path) -> None:
    place(tmp_path / "results" / "a.pth", b"a")
    pins = Pins(tmp_path)
    pins.pin(collect(tmp_path).values())

    (tmp_path / "results" / "a.pth").unlink()

    assert collect(tmp_path) == {}
    assert pins.source("results/a.pth").read_bytes() == b"a"
    pins.release()
    assert list(tmp_path.iterdir()) == [tmp_path / "results"]


def test_a_disk_without_hard_links_pins_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)
    place(tmp_path / "results" / "a.pth", b"a")
    pins = Pins(tmp_path)

    pins.pin(collect(tmp_path).values())

    assert pins.files == {}
    assert pins.source("results/a.pth") == tmp_path / "results" / "a.pth"


def test_a_file_that_was_replaced_meanwhile_is_not_pinned(tmp_path: Path) -> None:
    place(tmp_path / "results" / "a.pth", b"a")
    found = collect(tmp_path)
    place(tmp_path / "results" / "a.pth", b"another")
    pins = Pins(tmp_path)

    pins.pin(found.values())

    assert pins.files == {}
    pins.pin(collect(tmp_path).values())
    assert pins.files.keys() == {"results/a.pth"}
