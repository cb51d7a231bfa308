"""Servers of S3 for the tests of stores; one of each per test process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.services.s3 import Moto, S3Server, SeaweedFS, require, running, why_no_seaweedfs

from skillbank.files.parallel import Parts
from skillbank.files.s3 import S3Store

# As small as S3 takes them, so that transfers of many parts are small as well.
SMALL_PARTS = Parts(size_bytes=5 << 20, threads=4)
BUCKET = "files"
_folders = count()


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    require(why_no_seaweedfs())
    with running(SeaweedFS) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with running(Moto) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture(scope="session")
def weed_store(seaweedfs: S3Server) -> S3Store:
    return S3Store(seaweedfs.settings(), SMALL_PARTS)


@pytest.fixture(scope="session")
def moto_store(moto: S3Server) -> S3Store:
    return S3Store(moto.settings(), SMALL_PARTS)


@pytest.fixture
def s3_folder() -> str:
    """A folder of the bucket that is the test's own."""
    return f"s3://{BUCKET}/test-{next(_folders)}"


def once_after(num_bytes: int, act: Callable[[], None]) -> Callable[[int], None]:
    """A listener to progress that acts once so much went over."""
    lock, total, done = threading.Lock(), 0, False

    def listen(moved: int) -> None:
        nonlocal total, done
        with lock:
            total += moved
            if total < num_bytes or done:
                return
            done = True
        act()

    return listen
