"""What stores say when the credentials are wrong or the disk is full."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.sdk.files.conftest import SMALL_PARTS, once_after
from tests.services.s3 import READER_KEY, READER_SECRET, SECRET, S3Server

from skillbank.errors import FilesFull, FilesRefused
from skillbank.files.local import LocalStore
from skillbank.files.s3 import S3Store
from skillbank.testing.files_transfers import make_content

PART = SMALL_PARTS.size_bytes
SIZE = 4 * PART + 1


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(make_content(SIZE))
    return path


def test_wrong_credentials_are_told_at_once_by_their_reference(
    seaweedfs: S3Server, s3_folder: str, tmp_path: Path
) -> None:
    """Neither the wrong secret nor a part of it is told."""
    secret = tmp_path / "wrong-secret"
    secret.write_text("abcdefgh12345678", encoding="ascii")
    store = S3Store(seaweedfs.settings(secret_key=f"file:{secret}", patience_s=600.0))
    began = time.monotonic()

    with pytest.raises(FilesRefused) as told:
        store.write(f"{s3_folder}/file", b"")

    assert time.monotonic() - began < 60  # else 600
    assert f"secret_key=file:{secret}" in str(told.value)
    assert "SignatureDoesNotMatch" in str(told.value)
    assert "abcdefgh" not in str(told.value) + repr(told.value.__cause__)
    with pytest.raises(FilesRefused, match="wrong-secret"):
        store.stat(f"{s3_folder}/file")
    with pytest.raises(FilesRefused, match="wrong-secret"):
        store.is_reachable(s3_folder)

    secret.write_text(SECRET, encoding="ascii")  # as a rotation does
    store.write(f"{s3_folder}/file", b"")


def test_a_reference_that_leads_nowhere_is_refused(seaweedfs: S3Server, s3_folder: str) -> None:
    store = S3Store(seaweedfs.settings(secret_key="env:NO_SUCH_VARIABLE"))

    with pytest.raises(FilesRefused, match=r"storage\.secret_key: the variable NO_SUCH_VARIABLE"):
        store.read(f"{s3_folder}/file")


def test_who_may_only_read_is_told_when_writing(
    seaweedfs: S3Server, weed_store: S3Store, s3_folder: str, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(READER_KEY, encoding="ascii")
    (tmp_path / "secret").write_text(READER_SECRET, encoding="ascii")
    reader = S3Store(
        seaweedfs.settings(
            access_key=f"file:{tmp_path / 'key'}", secret_key=f"file:{tmp_path / 'secret'}"
        )
    )
    weed_store.write(f"{s3_folder}/file", b"1")

    assert reader.read(f"{s3_folder}/file") == b"1"
    with pytest.raises(FilesRefused, match="AccessDenied"):
        reader.write(f"{s3_folder}/file", b"2")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "skillbank-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no disk can be mounted here: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_too_small_is_told_before_anything_comes(
    weed_store: S3Store, small_disk: Path, s3_folder: str, source: Path
) -> None:
    weed_store.upload(source, f"{s3_folder}/file")
    told: list[int] = []

    with pytest.raises(FilesFull, match=rf"disk/here: the disk is full: .*{SIZE:,} are needed"):
        weed_store.download(f"{s3_folder}/file", small_disk / "here", told.append)

    assert sum(told) == 0
    assert not (small_disk / "here").exists()


def test_a_download_goes_on_once_the_disk_has_room_again(
    weed_store: S3Store, small_disk: Path, s3_folder: str
) -> None:
    """Somebody else fills it meanwhile."""
    content = make_content(2 * PART)
    weed_store.write(f"{s3_folder}/file", content)
    hog = small_disk / "hog"

    with pytest.raises(FilesFull, match="disk/here"):
        weed_store.download(
            f"{s3_folder}/file",
            small_disk / "here",
            once_after(PART, lambda: _fill(hog)),
        )
    assert not (small_disk / "here").exists()
    hog.unlink()
    weed_store.download(f"{s3_folder}/file", small_disk / "here")

    assert (small_disk / "here").read_bytes() == content


def test_a_full_disk_keeps_what_lay_there(small_disk: Path, source: Path) -> None:
    store = LocalStore()
    store.write(str(small_disk / "file"), b"earlier")
    _fill(small_disk / "hog")

    with pytest.raises(FilesFull, match="disk/file"):
        store.write(str(small_disk / "file"), bytes(1 << 20))
    with pytest.raises(FilesFull, match="disk/file"):
        store.upload(source, str(small_disk / "file"))

    assert store.read(str(small_disk / "file")) == b"earlier"
    assert sorted(path.name for path in small_disk.iterdir()) == ["file", "hog"]


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
