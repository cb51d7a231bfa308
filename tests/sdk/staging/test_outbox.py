"""What a job writes reaches its results URI while it runs, in order, whatever happens there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FilesRefused, FilesUnavailable, LeaseLost
from skillbank.staging import outbox as outbox_module
from skillbank.staging import traffic
from skillbank.staging.lease import DiskLease, StoreLease
from skillbank.staging.listing import Listing
from skillbank.staging.manifest import Manifest
from skillbank.staging.outbox import Outbox, restore
from skillbank.staging.shipping import LARGE_BYTES, Shipper

URI = "s3://bucket/runs/job"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at the folder 50 times a second and tries again soon, so that no test waits."""
    monkeypatch.setattr(traffic, "_FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(outbox_module, "_POLL_S", 0.02)
    monkeypatch.setattr(outbox_module, "_HURRY_S", 0.005)


class Job:
    """A job's folder, its lease and its outbox on one machine."""

    def __init__(
        self, folder: Path, store: MemoryStore, *, ttl_s: float = 20.0, **options: object
    ) -> None:
        self.folder = folder
        self.store = store
        self.lost: list[LeaseLost] = []
        self.lease = StoreLease(store, URI, ttl_s=ttl_s)
        self.box = Outbox(folder, URI, store, self.lease, **options)  # type: ignore[arg-type]
        self.box.on_lost = self.lost.append
        (folder / "results").mkdir(parents=True, exist_ok=True)

    def start(self) -> Job:
        self.lease.take(timeout_s=60)
        self.box.start()
        return self

    def write(self, path: str, content: bytes | str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.tmp")
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        return draft.replace(target)

    def record(self, *names: str) -> None:
        entries = [{"path": name, "kind": "checkpoint"} for name in names]
        self.write("results/artefacts.json", json.dumps({"artefacts": entries}))

    def leave(self) -> None:
        self.box.stop()
        self.lease.release()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def job(tmp_path: Path, store: MemoryStore) -> Iterator[Job]:
    job = Job(tmp_path / "job", store).start()
    yield job
    job.leave()


def manifest_of(store: MemoryStore) -> Manifest:
    return Manifest.model_validate_json(store.content(f"{URI}/manifest.json"))


def content_of(store: MemoryStore, path: str) -> bytes:
    """What a reader of the manifest finds; its digest is the one that is named."""
    manifest = manifest_of(store)
    return store.content(f"{URI}/{manifest.key_of(path)}")


def wait_for(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.005)


def has(store: MemoryStore, path: str) -> Callable[[], bool]:
    return lambda: f"{URI}/manifest.json" in store.objects and path in manifest_of(store).files


def test_files_go_up_while_the_job_runs_under_their_own_names(job: Job) -> None:
    job.write("log.txt", "hello")
    job.write("results/status.json", "{}\n")
    job.write("results/images/a.png", b"\x89PNG")
    job.write("attempts/1/started.json", "{}")

    wait_for(has(job.store, "results/images/a.png"))
    assert job.box.flush(60) == []

    assert job.store.names() == {
        "lease.json", "manifest.json", "log.txt", "results/status.json", "results/images/a.png",
        "attempts/1/started.json",
    }  # fmt: skip
    assert manifest_of(job.store).job_id == "job"


def test_what_grows_goes_up_again(job: Job) -> None:
    job.write("log.txt", "one\n")
    wait_for(has(job.store, "log.txt"))
    with (job.folder / "log.txt").open("a") as log:
        log.write("two\n")

    wait_for(lambda: content_of(job.store, "log.txt") == b"one\ntwo\n")


def test_a_growing_file_takes_no_more_than_a_twentieth_of_the_time(job: Job) -> None:
    uploads: list[tuple[float, float]] = []

    def be_slow(method: str, uri: str) -> None:
        if method == "upload" and uri.endswith("log.txt"):
            began = time.monotonic()
            time.sleep(0.01)
            uploads.append((began, time.monotonic()))

    job.store.before = be_slow
    with (job.folder / "log.txt").open("a") as log:

        def grow() -> bool:
            log.write("more\n")
            log.flush()
            return len(uploads) == 4

        wait_for(grow)

    for (began, ended), (following, _) in pairwise(uploads):
        assert following - ended >= 19 * (ended - began)


def test_a_growing_file_goes_again_soon_after_an_upload_that_outlived_an_outage(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twentieth of the time would be an hour and a half for five minutes."""
    monkeypatch.setattr(traffic, "_LONGEST_PACE_S", 0.0)
    monkeypatch.setattr(traffic, "_SHARE", 1e-9)
    job.write("log.txt", "one\n")
    wait_for(has(job.store, "log.txt"))
    job.write("log.txt", "two\n")

    wait_for(lambda: content_of(job.store, "log.txt") == b"two\n")


def test_unfinished_and_excluded_files_never_go(tmp_path: Path, store: MemoryStore) -> None:
    job = Job(tmp_path / "job", store, excludes=["*.onnx", "raw/"]).start()
    job.write("results/.model.pth.1.tmp", b"half")
    job.write("results/model.part", b"half")
    job.write("results/.cache/x", b"x")
    job.write("results/sub/model.onnx", b"x")
    job.write("results/raw/deep/1.bin", b"x")
    job.write("results/kept.txt", b"x")

    assert job.box.flush(60) == []
    job.leave()

    assert set(manifest_of(store).files) == {"results/kept.txt"}


def test_records_never_name_a_checkpoint_that_is_not_there(job: Job) -> None:
    slow = threading.Event()

    def hold_checkpoints(method: str, uri: str) -> None:
        if method == "upload" and uri.endswith(".pth"):
            slow.wait(60)

    job.store.before = hold_checkpoints
    job.write("results/model_1.pth", b"1")
    job.record("model_1.pth")
    job.write("results/status.json", "{}")
    wait_for(has(job.store, "results/status.json"))
    time.sleep(0.1)  # five looks in which nothing may happen
    assert "results/artefacts.json" not in manifest_of(job.store).files

    slow.set()
    wait_for(has(job.store, "results/artefacts.json"))
    assert "results/model_1.pth" in manifest_of(job.store).files


def test_records_go_up_although_checkpoints_are_written_faster_than_they_go(job: Job) -> None:
    def be_slow(method: str, uri: str) -> None:
        if method == "upload" and uri.endswith(".pth"):
            time.sleep(0.03)

    job.store.before = be_slow
    names: list[str] = []
    ended = threading.Event()

    def train() -> None:
        while not ended.wait(0.004):
            names.append(f"model_{len(names)}.pth")
            job.write(f"results/{names[-1]}", names[-1])
            job.record(*names)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        wait_for(has(job.store, "results/artefacts.json"))
    finally:
        ended.set()
        thread.join()
    seen = job.store.copy()  # the outbox goes on: a newer manifest may come between two looks
    for entry in json.loads(content_of(seen, "results/artefacts.json"))["artefacts"]:
        assert f"results/{entry['path']}" in manifest_of(seen).files


def test_a_link_is_an_entry_and_no_second_copy(job: Job) -> None:
    job.write("results/model_1.pth", b"1")
    (job.folder / "results" / "latest.pth").symlink_to("model_1.pth")
    assert job.box.flush(60) == []
    assert manifest_of(job.store).files["results/latest.pth"].link == "model_1.pth"
    assert f"{URI}/results/latest.pth" not in job.store.objects

    job.write("results/model_2.pth", b"2")
    (job.folder / "results" / ".new").symlink_to("model_2.pth")
    (job.folder / "results" / ".new").replace(job.folder / "results" / "latest.pth")
    assert job.box.flush(60) == []
    assert manifest_of(job.store).files["results/latest.pth"].link == "model_2.pth"


def test_deletions_are_followed_once_no_record_names_the_file(job: Job) -> None:
    job.write("results/model_1.pth", b"1")
    job.write("results/model_2.pth", b"2")
    job.record("model_1.pth", "model_2.pth")
    assert job.box.flush(60) == []

    (job.folder / "results" / "model_1.pth").unlink()
    assert job.box.flush(60) == []
    assert "results/model_1.pth" in manifest_of(job.store).files

    job.record("model_2.pth")
    assert job.box.flush(60) == []
    assert "results/model_1.pth" not in manifest_of(job.store).files
    wait_for(lambda: f"{URI}/results/model_1.pth" not in job.store.objects)


def test_the_ending_of_an_attempt_goes_last(job: Job) -> None:
    slow = threading.Event()

    def hold(method: str, uri: str) -> None:
        if method == "upload" and uri.endswith(".pth"):
            slow.wait(60)

    job.store.before = hold
    job.write("results/model_1.pth", b"1")
    job.write("attempts/1/exit.json", "{}")
    job.write("log.txt", "the end")
    wait_for(has(job.store, "log.txt"))
    time.sleep(0.1)  # five looks in which nothing may happen
    assert "attempts/1/exit.json" not in manifest_of(job.store).files
    slow.set()

    assert job.box.flush(60) == []
    assert "attempts/1/exit.json" in manifest_of(job.store).files


def test_a_vanished_endpoint_holds_nothing_up_and_everything_catches_up(job: Job) -> None:
    told: list[str] = []
    job.box.tell = told.append
    job.store.cut("upload", "write", "stat", "read")
    job.write("results/model_1.pth", b"1")
    began = time.monotonic()
    missing = job.box.flush(0.2)
    assert time.monotonic() - began < 20  # else for ever
    assert missing == ["results/model_1.pth"]

    job.store.mend()
    assert job.box.flush(60) == []
    assert content_of(job.store, "results/model_1.pth") == b"1"
    wait_for(lambda: len(told) >= 2)
    assert "do not reach" in told[0]
    assert told[1].endswith("again.")


def test_answers_that_are_lost_make_no_difference(job: Job) -> None:
    num_calls = 0

    def lose_every_second(method: str, uri: str) -> None:
        nonlocal num_calls
        if method in {"upload", "write"} and "lease" not in uri:
            num_calls += 1
            if num_calls % 2:
                raise FilesUnavailable("the answer was lost")

    job.store.after = lose_every_second
    for index in range(10):
        job.write(f"results/{index}.txt", str(index))
        job.write("log.txt", "line\n" * (index + 1))
        time.sleep(0.01)
    assert job.box.flush(60) == []

    assert content_of(job.store, "log.txt") == b"line\n" * 10
    assert [content_of(job.store, f"results/{i}.txt") for i in range(10)] == [
        str(i).encode() for i in range(10)
    ]


def test_one_file_that_is_refused_does_not_keep_the_ending_from_going(job: Job) -> None:
    def refuse(method: str, uri: str) -> None:
        if method == "upload" and uri.endswith("odd.bin"):
            raise FilesRefused("not this one")

    job.store.before = refuse
    job.write("results/odd.bin", b"1")
    job.write("attempts/1/exit.json", "{}")

    wait_for(has(job.store, "attempts/1/exit.json"))
    wait_for(lambda: job.box.flush(0.1) == ["results/odd.bin"])
    assert "attempts/1/exit.json" in manifest_of(job.store).files


def test_a_large_file_that_changes_gets_an_object_of_its_own(job: Job) -> None:
    job.write("results/big.bin", b"1" * LARGE_BYTES)
    assert job.box.flush(60) == []
    first = manifest_of(job.store).files["results/big.bin"]
    job.write("results/big.bin", b"2" * LARGE_BYTES)
    assert job.box.flush(60) == []
    second = manifest_of(job.store).files["results/big.bin"]

    assert first.is_frozen
    assert first.key == ""
    assert second.key.startswith("objects/")
    assert content_of(job.store, "results/big.bin") == b"2" * LARGE_BYTES
    wait_for(lambda: f"{URI}/results/big.bin" not in job.store.objects)


def test_a_job_goes_on_elsewhere_with_all_that_it_had(tmp_path: Path, store: MemoryStore) -> None:
    first = Job(tmp_path / "first" / "job", store).start()
    first.write("results/model_1.pth", b"1" * 1000)
    (first.folder / "results" / "latest.pth").symlink_to("model_1.pth")
    first.record("model_1.pth")
    first.write("log.txt", "one\n")
    assert first.box.flush(60) == []
    first.leave()

    folder = tmp_path / "second" / "job"
    manifest = restore(URI, store, folder)
    assert manifest is not None
    assert (folder / "results" / "latest.pth").read_bytes() == b"1" * 1000
    num_calls = len(store.calls)
    second = Job(folder, store, attempt=2).start()
    second.write("log.txt", "one\ntwo\n")
    assert second.box.flush(60) == []
    second.leave()

    uploads = [call for call in store.calls[num_calls:] if call[0] == "upload"]
    assert uploads == [("upload", f"{URI}/log.txt")]  # what was there already did not go again
    assert manifest_of(store).attempt == 2
    assert set(manifest.files) == set(manifest_of(store).files)


def test_nothing_is_restored_where_no_job_was(tmp_path: Path, store: MemoryStore) -> None:
    assert restore(URI, store, tmp_path) is None


class Frozen:
    """Stops chosen calls of one machine for as long as wanted, as a hung network does."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.goes_on = threading.Event()

    def hold(self, store: MemoryStore, method: str, end: str) -> None:
        def before(called: str, uri: str) -> None:
            if called == method and uri.endswith(end) and not self.goes_on.is_set():
                store.before = None
                self.stopped.set()
                self.goes_on.wait(60)

        store.before = before


# Each waits for one time to live of the lease, 0.4 s.
@pytest.mark.parametrize(
    "end", ["log.txt", "status.json", "model_2.pth", "manifest.json", "artefacts.json"]
)
def test_what_an_overtaken_holder_still_writes_changes_nothing_that_is_named(
    tmp_path: Path, store: MemoryStore, end: str
) -> None:
    zombie = Job(tmp_path / "zombie" / "job", store, ttl_s=0.4).start()
    zombie.write("results/model_1.pth", b"1")
    zombie.record("model_1.pth")
    zombie.write("log.txt", "zombie 1\n")
    zombie.write("results/status.json", "{}\n")
    assert zombie.box.flush(60) == []
    frozen = Frozen()
    method = "write" if end in {"manifest.json", "artefacts.json"} else "upload"
    frozen.hold(store, method, end)
    zombie.write("results/model_2.pth", b"zombie 2")
    zombie.write("log.txt", "zombie 1\nzombie 2\n")
    zombie.write("results/status.json", "{}\n{}\n")
    zombie.record("model_1.pth", "model_2.pth")
    assert frozen.stopped.wait(60)

    folder = tmp_path / "heir" / "job"
    heir = Job(folder, store)
    heir.lease.take(60)
    restore(URI, store, folder)
    taken_over = (folder / "results" / "status.json").read_bytes()  # it is never changed here
    heir.box.start()
    heir.write("results/model_2.pth", b"heir 2")
    heir.write("log.txt", "heir\n")
    heir.record("model_1.pth", "model_2.pth")
    assert heir.box.flush(60) == []
    named = manifest_of(store)
    before = {path: content_of(store, path) for path in named.files}

    frozen.goes_on.set()
    wait_for(lambda: zombie.box.trouble != "" or bool(zombie.lost) or not zombie.lease.is_sure)
    zombie.write("log.txt", "zombie 3\n")
    zombie.box.flush(0.3)

    assert (manifest_of(store).fence, manifest_of(store).files) == (2, named.files)
    assert {path: content_of(store, path) for path in named.files} == before
    assert before["results/model_2.pth"] == b"heir 2"
    assert before["log.txt"] == b"heir\n"
    assert before["results/status.json"] == taken_over
    zombie.leave()
    heir.leave()


def test_the_manifest_of_a_newer_holder_is_never_replaced(
    tmp_path: Path, store: MemoryStore
) -> None:
    """Not even by a holder whose clock stood still, so that it takes itself for sure."""
    lease = DiskLease(tmp_path)
    lease.take(1)
    listing = Listing(URI, store, lease, 1, Shipper(URI, store, lease))
    listing.open()
    newer = Manifest(job_id="job", fence=lease.fence + 1)
    store.write(f"{URI}/manifest.json", newer.model_dump_json().encode())

    with pytest.raises(LeaseLost, match="number 2, this process's is 1"):
        listing.save(is_urgent=True)

    assert manifest_of(store) == newer
    with pytest.raises(LeaseLost):
        listing.open()
    lease.release()


def test_the_loss_of_the_results_is_told_once_and_ends_every_upload(
    tmp_path: Path, store: MemoryStore
) -> None:
    job = Job(tmp_path / "job", store, ttl_s=0.4).start()
    heir = Job(tmp_path / "heir" / "job", store)
    heir.lease.take(60)
    heir.box.start()
    assert heir.box.flush(60) == []

    job.box.flush(0.1)
    job.write("log.txt", "more")
    num_calls = len(store.calls)
    job.box.flush(0.3)

    uploads = [call for call in store.calls[num_calls:] if call[0] == "upload"]
    assert uploads == []
    heir.leave()
    job.leave()
