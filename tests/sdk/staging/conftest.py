"""A real server of S3 for the tests of staging; one per test process that needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.services.s3 import S3Server, SeaweedFS, require, running, why_no_seaweedfs


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    require(why_no_seaweedfs())
    with running(SeaweedFS) as server:
        server.make_bucket("jobs")
        yield server
