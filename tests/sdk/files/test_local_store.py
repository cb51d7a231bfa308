from __future__ import annotations

import pytest

from skillbank.files.local import LocalStore
from skillbank.testing import FilesContract


class TestLocalStore(FilesContract):
    @pytest.fixture
    def store(self) -> LocalStore:
        return LocalStore(part_bytes=1 << 20)

    @pytest.fixture(params=["path", "URI"])
    def folder(self, tmp_path_factory: pytest.TempPathFactory, request) -> str:
        folder = tmp_path_factory.mktemp("store")
        return str(folder) if request.param == "path" else folder.as_uri()
