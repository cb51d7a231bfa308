"""What a manifest may not do to the folder that results are brought back to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from tests.sdk.staging.memory_store import MemoryStore

from skillbank.errors import FileDamaged, FilesError, FilesUnavailable
from skillbank.files.opening import Stores
from skillbank.staging.manifest import Manifest, ManifestEntry
from skillbank.staging.restoring import restore


def publish(bucket: Path, files: dict[str, ManifestEntry]) -> str:
    bucket.mkdir(exist_ok=True)
    content = Manifest(job_id="job-1", files=files).model_dump_json()
    (bucket / "manifest.json").write_text(content)
    return f"file://{bucket}"


def stored(bucket: Path, key: str) -> ManifestEntry:
    content = b"by a stranger"
    (bucket / key).parent.mkdir(parents=True, exist_ok=True)
    (bucket / key).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return ManifestEntry(size_bytes=len(content), sha256=digest, key=key)


def test_links_that_together_lead_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "jobs" / "job-1"
    links = {
        "results/a": ManifestEntry(link=".."),
        "results/b": ManifestEntry(link="a/../.."),  # as text it stays inside
    }
    uri = publish(tmp_path / "bucket", links)

    with pytest.raises(FileDamaged, match="leads out"):
        restore(uri, Stores(()), folder)

    assert not (folder / "results" / "b").is_symlink()


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "jobs" / "job-1"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "out").symlink_to(tmp_path)
    uri = publish(tmp_path / "bucket", {"results/out/x": stored(tmp_path / "bucket", "x")})

    with pytest.raises(FileDamaged, match="leads out"):
        restore(uri, Stores(()), folder)

    assert not (tmp_path / "x").exists()


def test_what_only_its_submitter_may_write_is_not_brought(tmp_path: Path) -> None:
    folder = tmp_path / "root" / "jobs" / "job-1"
    names = ("launcher.lock", "adopted.json", "attempts/1/handle.json", "attempts/1/cancel")
    files = {name: stored(tmp_path / "bucket", "x") for name in (*names, "results/kept")}
    uri = publish(tmp_path / "bucket", files)

    restore(uri, Stores(()), folder)

    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {"results/kept"}


def test_the_order_of_an_attempt_comes_when_all_else_is_there(tmp_path: Path) -> None:
    """By it a folder counts as one that holds what the attempt left, also after a death."""
    store = MemoryStore()
    names = ["attempts/2/staged.json", "results/a.bin", "results/b.bin"]
    files = {name: {"sha256": store.write(f"s3://b/job/{name}", b"x").sha256} for name in names}
    content = {"job_id": "job", "files": files}
    store.write("s3://b/job/manifest.json", json.dumps(content).encode())

    def fail(method: str, uri: str) -> None:
        if method == "download" and uri.endswith("b.bin"):
            raise FilesUnavailable("gone")

    store.before = fail
    with pytest.raises(FilesUnavailable):
        restore("s3://b/job", store, tmp_path)  # type: ignore[arg-type]
    assert not (tmp_path / names[0]).exists()

    store.mend()
    restore("s3://b/job", store, tmp_path)  # type: ignore[arg-type]
    assert (tmp_path / names[0]).read_bytes() == b"x"


def test_a_folder_that_lies_where_a_file_or_link_belongs_is_told(tmp_path: Path) -> None:
    uri = publish(tmp_path / "bucket", {"results/a": stored(tmp_path / "bucket", "x")})
    (tmp_path / "job" / "results" / "a").mkdir(parents=True)
    with pytest.raises(FilesError, match="results/a: cannot be written: Is a directory"):
        restore(uri, Stores(()), tmp_path / "job")

    links = {"results/a": ManifestEntry(link="b"), "results/b": stored(tmp_path / "bucket", "x")}
    uri = publish(tmp_path / "bucket", links)
    with pytest.raises(FilesError, match="results/a: cannot be written: Is a directory"):
        restore(uri, Stores(()), tmp_path / "job")
