"""The way of a job's files through a real server of S3; starting it takes five seconds."""

from __future__ import annotations

import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from tests.services.s3 import S3Server
from tests.services.tcp_proxy import Faults, Way, proxied

from skillbank.errors import LeaseLost
from skillbank.files.cache import Cache
from skillbank.files.opening import Stores
from skillbank.staging import outbox as outbox_module
from skillbank.staging import traffic
from skillbank.staging.inputs import Inputs
from skillbank.staging.lease import StoreLease
from skillbank.staging.outbox import Outbox, restore
from skillbank.staging.restoring import read_manifest

_numbers = count()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "_POLL_S", 0.05)
    monkeypatch.setattr(traffic, "_FIRST_PAUSE_S", 0.1)


@pytest.fixture
def stores(seaweedfs: S3Server) -> Stores:
    return Stores((replace(seaweedfs.settings(), patience_s=5.0),))


@pytest.fixture
def uri() -> str:
    return f"s3://jobs/runs/job-{next(_numbers)}"


class Job:
    def __init__(self, folder: Path, uri: str, stores: Stores, ttl_s: float = 2.0) -> None:
        self.folder = folder
        self.lost: list[LeaseLost] = []
        self.lease = StoreLease(stores.of(uri), uri, ttl_s, on_lost=self.lost.append)
        self.box = Outbox(folder, uri, stores, self.lease)
        (folder / "results").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Job:
        self.lease.take(10)
        self.box.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.box.stop()
        self.lease.release()


@pytest.fixture
def job(tmp_path: Path, uri: str, stores: Stores) -> Iterator[Job]:
    with Job(tmp_path / "job", uri, stores) as job:
        yield job


def wait_for(is_so: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


# Files of 12 MB in parts, up, down and hashed: 2 s.
def test_a_job_is_brought_up_and_back_whole(
    tmp_path: Path, uri: str, stores: Stores, job: Job
) -> None:
    checkpoint = os.urandom(12 << 20)
    (job.folder / "results" / "model_1.pth").write_bytes(checkpoint)
    (job.folder / "results" / "latest.pth").symlink_to("model_1.pth")
    for line in range(20):
        with (job.folder / "log.txt").open("a") as log:
            log.write(f"line {line}\n")
        time.sleep(0.02)
    assert job.box.flush(30) == []

    manifest = restore(uri, stores, tmp_path / "back")

    assert manifest is not None
    assert (tmp_path / "back" / "results" / "latest.pth").read_bytes() == checkpoint
    back = (tmp_path / "back" / "log.txt").read_text()
    assert back == (job.folder / "log.txt").read_text()
    assert job.lost == []


# A checkpoint of 24 MB, an outage of a second, and the pauses between the tries: 6 s.
def test_an_endpoint_that_vanishes_in_mid_upload_loses_nothing(
    tmp_path: Path, uri: str, seaweedfs: S3Server
) -> None:
    with proxied(seaweedfs.port) as proxy:
        settings = replace(seaweedfs.settings(), endpoint_url=proxy.endpoint, patience_s=1.0)
        with Job(tmp_path / "job", uri, Stores((settings,))) as job:
            (job.folder / "log.txt").write_text("one\n")
            assert job.box.flush(30) == []
            checkpoint = os.urandom(24 << 20)
            moved = proxy.moved[Way.UP]
            proxy.faults = Faults(bytes_per_s=4 << 20)  # of each connection: it cannot end before
            (job.folder / "results" / "model_1.pth").write_bytes(checkpoint)
            wait_for(lambda: proxy.moved[Way.UP] > moved + (4 << 20))
            proxy.vanish()
            proxy.faults = Faults()
            with (job.folder / "log.txt").open("a") as log:
                log.write("written meanwhile\n")
            assert job.box.flush(1.0) == ["log.txt", "results/model_1.pth"]

            proxy.start()
            assert job.box.flush(40) == []
    restore(uri, Stores((seaweedfs.settings(),)), tmp_path / "back")
    assert (tmp_path / "back" / "log.txt").read_text() == "one\nwritten meanwhile\n"
    assert (tmp_path / "back" / "results" / "model_1.pth").read_bytes() == checkpoint
    assert job.lost == []


def test_an_overtaken_job_stops_in_the_middle_of_an_upload(
    tmp_path: Path, uri: str, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "_STOP_S", 30.0)  # a busy server may take its time
    sent = threading.Event()
    zombie = Job(tmp_path / "zombie", uri, stores, ttl_s=1.0)
    zombie.lease.take(10)
    watch = zombie.box._ship._watch

    def slow(num_bytes: int) -> None:
        sent.set()
        time.sleep(0.05)
        watch(num_bytes)

    zombie.box._ship._watch = slow  # type: ignore[method-assign]
    zombie.box.start()
    (zombie.folder / "results" / "big.pth").write_bytes(os.urandom(30 << 20))
    zombie.box.flush(0.01)
    assert sent.wait(20)
    with Job(tmp_path / "heir", uri, stores, ttl_s=1.0) as heir:
        (heir.folder / "results" / "big.pth").write_bytes(b"the heir's")
        assert heir.box.flush(20) == []
        wait_for(lambda: bool(zombie.lost))
        zombie.box.stop()

        manifest = read_manifest(stores.of(uri), uri)
        assert manifest is not None
        key = manifest.key_of("results/big.pth")
        assert stores.of(uri).read(f"{uri}/{key}") == b"the heir's"
    assert zombie.lease.may_be_followed  # nothing of it was under way any more


def test_inputs_come_from_a_bucket_once(tmp_path: Path, uri: str, stores: Stores) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "a.png", "train/a.png")
    store = stores.of(uri)
    store.upload(tmp_path / "set.tar.gz", f"{uri}/set.tar.gz")
    for index in range(20):
        store.write(f"{uri}/images/{index} ü.png", bytes([index]))
    came: list[int] = []
    cache = Cache(tmp_path / "cache", stores, progress=came.append)
    spec = {"data": f"{uri}/set.tar.gz/train", "images": [f"{uri}/images"]}

    first, _ = Inputs(cache).localise(spec)
    num_came = sum(came)
    second, records = Inputs(Cache(tmp_path / "cache", stores)).localise(spec)

    assert first == second
    assert (Path(first["data"]) / "a.png").read_bytes() == b"png"
    assert len(list(Path(first["images"][0]).iterdir())) == 20
    assert sum(came) == num_came
    assert [record.num_files for record in records] == [1, 20]
