"""The order of an attempt and the folder it runs in, on a machine that may see neither yet."""

from __future__ import annotations

import json
from pathlib import Path

from skillbank.config import StorageSettings
from skillbank.errors import RequestInvalid
from skillbank.files.opening import Stores
from skillbank.settings import storage_of_environment
from skillbank.staging.order import ORDER_FILE, StagedOrder, order_path, read_order

STORAGE_VARIABLE = "SKILLBANK_STORAGE"
"""Holds the storage settings, as JSON, for a machine that has nothing but a results URI."""


def open_folder(folder: Path, attempt: int) -> tuple[StagedOrder, Path]:
    """The order in a folder that this machine sees.

    Raises:
        RequestInvalid: There is none.
    """
    try:
        return read_order(folder, attempt), folder
    except FileNotFoundError as error:
        raise RequestInvalid(
            f"{order_path(folder, attempt)}: no such file; this machine does not see the folder of "
            "the job. Put the root folder (SKILLBANK_HOME) on a disk that it shares, or give the "
            "job a results URI and the platform 'shared: false'."
        ) from error


def fetch_order(uri: str, attempt: int, scratch: Path) -> tuple[StagedOrder, Path]:
    """The order at a results URI, brought to a folder of its own on this machine.

    Args:
        uri: Results URI of the job.
        attempt: Number of the attempt.
        scratch: Where this machine keeps what it works on.
    """
    store = Stores(_storage()).of(uri)
    content = store.read(f"{uri.rstrip('/')}/attempts/{attempt}/{ORDER_FILE}")
    order = StagedOrder.model_validate_json(content)
    folder = scratch / order.job_id
    folder.mkdir(parents=True, exist_ok=True)
    path = order_path(folder, attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return order, folder


def storage_variable(storage: tuple[StorageSettings, ...]) -> dict[str, str]:
    """What a platform puts into the environment of a machine that sees no folder; no secrets."""
    given = [{k: v for k, v in vars(one).items() if v is not None} for one in storage]
    return {STORAGE_VARIABLE: json.dumps(given)} if given else {}


def _storage() -> tuple[StorageSettings, ...]:
    text = storage_of_environment()
    return tuple(StorageSettings(**one) for one in json.loads(text)) if text else ()
