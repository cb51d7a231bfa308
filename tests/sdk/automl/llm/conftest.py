"""A fake service for every test that wants one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sdk.automl.llm.fake_endpoint import FakeEndpoint, serve


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve() as fake:
        yield fake
