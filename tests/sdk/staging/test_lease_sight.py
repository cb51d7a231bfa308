"""Whether a job runs elsewhere, told by its lease and by no clock of another machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.services.s3 import S3Server

from skillbank.files.local import LocalStore
from skillbank.files.s3 import S3Store
from skillbank.staging.claim import StoreClaim
from skillbank.staging.lease_sight import SILENT_S, forget_looks, is_lease_kept


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "job"
    made.mkdir()
    return made


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return f"file://{tmp_path / 'bucket' / 'job'}"


class Looker:
    """Looks at a lease at moments that a test chooses, each from a process of its own."""

    def __init__(self, uri: str, folder: Path) -> None:
        self._uri, self._folder = uri, folder

    def sees_a_holder(self, at_s: float) -> bool:
        return is_lease_kept(LocalStore(), self._uri, self._folder, lambda: at_s)


def hold(uri: str) -> StoreClaim:
    claim = StoreClaim(LocalStore(), uri, 20.0, 1)
    claim.claim()
    claim.confirm()
    return claim


def test_a_lease_that_changes_between_two_looks_has_a_holder(uri: str, folder: Path) -> None:
    claim, looker = hold(uri), Looker(uri, folder)
    assert looker.sees_a_holder(0.0)
    claim.renew()

    assert looker.sees_a_holder(10 * SILENT_S)
    assert looker.sees_a_holder(11 * SILENT_S - 1)


def test_a_lease_that_stays_the_same_for_long_has_none(uri: str, folder: Path) -> None:
    hold(uri)
    looker = Looker(uri, folder)

    seen = [looker.sees_a_holder(at_s) for at_s in (0.0, SILENT_S - 1, SILENT_S)]

    assert seen == [True, True, False]


def test_time_in_which_the_store_was_away_does_not_count(uri: str, folder: Path) -> None:
    hold(uri)
    looker = Looker(uri, folder)
    looker.sees_a_holder(0.0)

    forget_looks(folder)

    assert looker.sees_a_holder(10 * SILENT_S)


def test_a_lease_that_was_given_back_has_no_holder_at_once(uri: str, folder: Path) -> None:
    hold(uri).release()

    assert not Looker(uri, folder).sees_a_holder(0.0)


def test_a_bucket_tells_by_its_own_clock_how_old_a_lease_is(
    seaweedfs: S3Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, uri = S3Store(seaweedfs.settings()), "s3://jobs/sight"
    StoreClaim(store, uri, 20.0, 1).claim()
    monkeypatch.setattr("time.time", lambda: 4e9)  # this machine's clock is of no matter

    seen = store.stat(f"{uri}/lease.json")

    assert seen is not None
    assert seen.age_s is not None
    assert 0 <= seen.age_s < 30
    assert is_lease_kept(store, uri, folder)
    assert not list(folder.iterdir())
