"""One writer at a time: the lock of a folder, and the lease at a results URI with its thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FilesError, FilesUnavailable, LeaseLost
from skillbank.locks import is_locked, try_lock
from skillbank.staging import lease as lease_module
from skillbank.staging.lease import BothLeases, DiskLease, StoreLease

URI = "s3://bucket/job"
TTL_S = 0.3


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the fence of a disk a hundred times a second."""
    monkeypatch.setattr(lease_module, "_LOOK_S", 0.01)


def wait_for(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def test_the_lock_of_a_folder_is_held_between_take_and_release(tmp_path: Path) -> None:
    lease = DiskLease(tmp_path)
    assert not lease.is_sure
    lease.take(1)
    assert lease.is_sure
    assert is_locked(tmp_path / "launcher.lock")
    lease.release()

    assert not lease.is_sure
    assert not is_locked(tmp_path / "launcher.lock")


def test_a_newer_taker_is_let_in_by_the_holder(tmp_path: Path) -> None:
    lost: list[LeaseLost] = []
    old = DiskLease(tmp_path)

    def end_the_job(error: LeaseLost) -> None:
        lost.append(error)
        old.release()

    old.on_lost = end_the_job
    old.take(1)
    new = DiskLease(tmp_path)
    new.take(60)

    assert new.is_sure
    assert not old.is_sure
    assert new.fence == old.fence + 1
    assert len(lost) == 1
    assert f"process {os.getpid()} on" in str(lost[0])
    new.release()


def test_a_holder_that_does_not_let_go_is_named(tmp_path: Path) -> None:
    old = DiskLease(tmp_path)
    old.take(1)

    with pytest.raises(LeaseLost, match=rf"process {os.getpid()} on .*did not stop within 0\.1 s"):
        DiskLease(tmp_path).take(0.1)
    old.release()


def test_a_holder_that_knows_no_fence_is_waited_for_as_well(tmp_path: Path) -> None:
    descriptor = try_lock(tmp_path / "launcher.lock")
    assert descriptor is not None

    with pytest.raises(LeaseLost, match="another process still writes"):
        DiskLease(tmp_path).take(0.05)
    os.close(descriptor)


def test_an_older_attempt_does_not_disturb_a_newer_one(tmp_path: Path) -> None:
    new = DiskLease(tmp_path, attempt=2)
    new.take(1)

    with pytest.raises(LeaseLost, match="attempt 2"):
        DiskLease(tmp_path, attempt=1).take(0.1)
    new.renew()
    assert new.is_sure
    new.release()


def test_of_two_who_wait_for_a_folder_the_newest_gets_it(tmp_path: Path) -> None:
    descriptor = try_lock(tmp_path / "launcher.lock")
    assert descriptor is not None
    failed: list[LeaseLost] = []
    second, third = DiskLease(tmp_path), DiskLease(tmp_path)

    def wait_in_vain() -> None:
        try:
            second.take(60)
        except LeaseLost as error:
            failed.append(error)

    thread = threading.Thread(target=wait_in_vain)
    thread.start()
    wait_for((tmp_path / "fence.json").exists)
    other = threading.Thread(target=third.take, args=(5,))
    other.start()
    thread.join(5)
    os.close(descriptor)
    other.join(5)

    assert len(failed) == 1
    assert third.is_sure
    third.release()


def test_a_disk_that_hangs_makes_its_holder_unsure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "_SURE_S", 0.05)
    lease = DiskLease(tmp_path)
    lease.take(1)
    monkeypatch.setattr(lease, "_read_fence", _hang)

    wait_for(lambda: not lease.is_sure)
    monkeypatch.undo()
    wait_for(lambda: lease.is_sure)
    lease.release()


def _hang() -> None:
    raise FilesError("the disk does not answer")


def test_a_fence_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "fence.json").write_text("[1")

    with pytest.raises(FilesError, match=r"fence\.json: cannot be read"):
        DiskLease(tmp_path).take(0.1)


def test_the_lease_at_a_uri_is_renewed_by_itself() -> None:
    store = MemoryStore()
    lease = StoreLease(store, URI, TTL_S)
    lease.take(1)
    taken_until = time.monotonic() + TTL_S
    wait_for(lambda: time.monotonic() > taken_until + TTL_S and lease.is_sure)
    lease.release()

    assert not lease.is_sure
    assert b'"is_released": true' in store.content(f"{URI}/lease.json").replace(b":t", b": t")


def test_after_a_release_the_next_has_it_at_once() -> None:
    store = MemoryStore()
    first = StoreLease(store, URI, ttl_s=60)
    first.take(1)
    first.release()
    second = StoreLease(store, URI, ttl_s=60)
    second.take(1)

    assert (second.fence, second.clean_since) == (2, 1)
    second.release()


def test_while_a_write_is_under_way_a_release_lets_nobody_in_early() -> None:
    store = MemoryStore()
    first = StoreLease(store, URI, TTL_S)
    first.take(1)
    first.may_be_followed = False
    first.release()
    began = time.monotonic()
    second = StoreLease(store, URI, TTL_S)
    second.take(60)

    assert time.monotonic() - began >= TTL_S
    assert second.clean_since == 2
    second.release()


def test_who_is_overtaken_is_told_once_and_stays_so() -> None:
    store = MemoryStore()
    lost: list[LeaseLost] = []
    first = StoreLease(store, URI, TTL_S, on_lost=lost.append)
    first.take(1)
    second = StoreLease(store, URI, ttl_s=60)
    second.take(60)

    wait_for(lambda: bool(lost))
    time.sleep(TTL_S / 2)
    assert len(lost) == 1
    assert not first.is_sure
    assert second.is_sure
    second.release()


def test_an_outage_loses_nothing_but_sureness() -> None:
    store = MemoryStore()
    lost: list[LeaseLost] = []
    lease = StoreLease(store, URI, TTL_S, on_lost=lost.append)
    lease.take(1)
    store.cut()
    wait_for(lambda: not lease.is_sure)
    store.mend()
    wait_for(lambda: lease.is_sure)

    assert lost == []
    lease.release()


def test_a_place_that_does_not_answer_does_not_keep_a_process_from_ending() -> None:
    store = MemoryStore()
    goes_on = threading.Event()
    lease = StoreLease(store, URI, TTL_S)
    lease.take(1)
    stuck = threading.Event()

    def hang(method: str, uri: str) -> None:
        del method, uri
        stuck.set()
        goes_on.wait(60)

    store.before = hang
    assert stuck.wait(60)
    lease_module._RELEASE_S, kept = 0.05, lease_module._RELEASE_S
    began = time.monotonic()
    lease.release()
    lease_module._RELEASE_S = kept

    assert time.monotonic() - began < 30  # else until it answers
    goes_on.set()


def test_both_are_held_or_none(tmp_path: Path) -> None:
    store = MemoryStore()
    both = BothLeases(DiskLease(tmp_path), StoreLease(store, URI, ttl_s=60))
    store.cut()
    with pytest.raises(FilesUnavailable):
        both.take(1)
    assert not is_locked(tmp_path / "launcher.lock")

    store.mend()
    both.take(1)
    assert both.is_sure
    assert (both.fence, both.clean_since) == (1, 1)
    both.release()
    assert not is_locked(tmp_path / "launcher.lock")


def test_the_loss_of_either_is_told_once(tmp_path: Path) -> None:
    store = MemoryStore()
    lost: list[LeaseLost] = []
    both = BothLeases(DiskLease(tmp_path), StoreLease(store, URI, TTL_S), lost.append)
    both.take(1)
    heir = StoreLease(store, URI, ttl_s=60)
    heir.take(60)
    wait_for(lambda: bool(lost))
    DiskLease(tmp_path)._claim()
    wait_for(lambda: not both._disk.is_sure)

    assert len(lost) == 1
    assert not both.is_sure
    both.release()
    heir.release()
