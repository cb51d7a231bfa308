"""What is removed from a job's results is never half there, and only while nobody writes them."""

from __future__ import annotations

import hashlib

import pytest
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FilesUnavailable, LeaseLost
from skillbank.staging.lease import StoreLease
from skillbank.staging.manifest import Manifest, ManifestEntry
from skillbank.staging.pruning import prune

URI = "s3://bucket/runs/job"
FILES = ("results/first.pth", "results/second.pth", "results/status.json")
DOOMED = {"results/first.pth", "results/never_written.pth"}


def entry(store: MemoryStore, path: str, key: str = "") -> ManifestEntry:
    stored = store.write(f"{URI}/{key or path}", path.encode())
    digest = hashlib.sha256(path.encode()).hexdigest()
    return ManifestEntry(size_bytes=len(path), sha256=digest, version=stored.version, key=key)


@pytest.fixture
def store() -> MemoryStore:
    """What the second attempt of a job left."""
    made = MemoryStore()
    files = {path: entry(made, path) for path in FILES}
    files["results/latest.pth"] = ManifestEntry(link="second.pth")
    files["results/oldest.pth"] = ManifestEntry(link="../results/first.pth")
    manifest = Manifest(job_id="job", attempt=2, files=files)
    made.write(f"{URI}/manifest.json", manifest.model_dump_json().encode())
    made.calls.clear()
    return made


def manifest_of(store: MemoryStore) -> Manifest:
    return Manifest.model_validate_json(store.content(f"{URI}/manifest.json"))


def test_files_go_with_the_links_to_them_and_the_rest_stays(store: MemoryStore) -> None:
    prune(URI, store, DOOMED, attempt=2)

    left = manifest_of(store)
    assert set(left.files) == {*FILES[1:], "results/latest.pth"}
    assert (left.attempt, left.trash) == (2, [])
    assert store.names() == {*FILES[1:], "manifest.json", "lease.json"}


def test_the_object_that_holds_a_file_goes_whatever_its_name(store: MemoryStore) -> None:
    manifest = manifest_of(store)
    kept_in = entry(store, "results/third.pth", "objects/2.1/results/third.pth")
    files = {**manifest.files, "results/third.pth": kept_in}
    content = manifest.model_copy(update={"files": files}).model_dump_json()
    store.write(f"{URI}/manifest.json", content.encode())

    prune(URI, store, {"results/third.pth"}, attempt=2)

    assert "objects/2.1/results/third.pth" not in store.names()


def test_no_reader_finds_a_file_named_whose_object_is_gone(store: MemoryStore) -> None:
    def look(method: str, uri: str) -> None:
        del method, uri
        assert {path for path, one in manifest_of(store).files.items() if not one.link} <= {
            uri.removeprefix(f"{URI}/") for uri in store.objects
        }

    store.before = store.after = look

    prune(URI, store, DOOMED, attempt=2)

    assert ("delete", f"{URI}/results/first.pth") in store.calls


def test_where_a_writer_did_not_tell_that_it_has_ended_nothing_is_changed(
    store: MemoryStore,
) -> None:
    writer = StoreLease(store, URI, attempt=2)
    writer.take(0)
    before = dict(store.objects)

    with pytest.raises(LeaseLost, match="may hold it"):
        prune(URI, store, DOOMED, attempt=2)

    assert {k: v for k, v in store.objects.items() if "lease" not in k} == {
        k: v for k, v in before.items() if "lease" not in k
    }
    assert writer.is_sure
    writer.renew()  # nobody took it over
    writer.release()


def test_a_writer_that_is_gone_is_outwaited(store: MemoryStore) -> None:
    gone = StoreLease(store, URI, ttl_s=0.2, attempt=2)
    gone.take(0)
    gone.may_be_followed = False
    gone.release()

    prune(URI, store, DOOMED, attempt=2, patience_s=1.0)

    assert "results/first.pth" not in store.names()


def test_a_newer_attempt_is_left_alone(store: MemoryStore) -> None:
    newer = StoreLease(store, URI, attempt=3)
    newer.take(0)
    newer.release()

    with pytest.raises(LeaseLost, match="attempt 2 is over"):
        prune(URI, store, DOOMED, attempt=2)

    assert "results/first.pth" in manifest_of(store).files


def test_what_was_cut_off_in_the_middle_goes_when_asked_again(store: MemoryStore) -> None:
    store.cut("delete")
    with pytest.raises(FilesUnavailable):
        prune(URI, store, DOOMED, attempt=2)
    assert manifest_of(store).trash == ["results/first.pth"]

    store.mend()
    prune(URI, store, DOOMED, attempt=2)

    assert "results/first.pth" not in store.names()
    assert manifest_of(store).trash == []


def test_where_there_is_nothing_to_remove_nothing_is_written(store: MemoryStore) -> None:
    prune(URI, store, {"results/never_written.pth"}, attempt=2)
    prune("s3://bucket/runs/no-job", store, DOOMED, attempt=1)

    assert {method for method, _ in store.calls} <= {"stat", "read"}
