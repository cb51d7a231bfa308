"""What a machine that nobody else sees does with its copy of a job's folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from skillbank.files.opening import Stores
from skillbank.staging import outbox
from skillbank.staging.attendant import Attendant
from skillbank.staging.lease import DiskLease
from skillbank.staging.order import StagedOrder
from skillbank.staging.restoring import read_manifest


# Twenty looks at a folder that is being removed: 0.2 s.
def test_what_is_cleared_away_here_in_the_end_stays_at_the_results_uri(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_POLL_S", 0.01)
    monkeypatch.setattr(outbox, "_HURRY_S", 0.005)
    monkeypatch.setattr(shutil, "rmtree", _slowly(shutil.rmtree))
    uri = f"file://{tmp_path}/results/job-1"
    folder = tmp_path / "scratch" / "job-1"
    (folder / "results").mkdir(parents=True)
    order = StagedOrder(
        job_id="job-1", attempt=1, command=[], folder="/far", is_shared=False, results_uri=uri
    )
    lease = DiskLease(tmp_path / "lease")
    lease.take(1)

    with Attendant(order, folder)._sending(lease):
        (folder / "log.txt").write_text("the end\n")
        (folder / "results" / "metrics.json").write_text("{}")
    lease.release()

    assert not folder.exists()
    manifest = read_manifest(Stores(()).of(uri), uri)
    assert manifest is not None
    assert manifest.files.keys() == {"log.txt", "results/metrics.json"}
    assert (tmp_path / "results" / "job-1" / "log.txt").read_text() == "the end\n"


def _slowly(remove: Callable[..., None]) -> Callable[..., None]:
    def removed(folder: Path, **options: bool) -> None:
        for path in folder.rglob("*.*"):
            path.unlink()
        time.sleep(0.2)
        remove(folder, **options)

    return removed
