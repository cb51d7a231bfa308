"""Fetch the files that a plan downloads before its job starts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from skillbank.errors import RequestInvalid
from skillbank.plan import JobPlan

_SCHEMES = ("http://", "https://", "file://")
_TIMEOUT_S = 60


def fetch_links(plan: JobPlan) -> None:
    """Download what the plan names into the job's folder; what is there already stays.

    A file appears under its name only when it is whole.

    Raises:
        RequestInvalid: One cannot be fetched; names its URL.
    """
    for target, url in plan.downloads.items():
        if not Path(target).is_file():
            _fetch(url, Path(target))


def _fetch(url: str, target: Path) -> None:
    from http.client import HTTPException
    from urllib.request import urlopen

    if not url.startswith(_SCHEMES):
        raise RequestInvalid(f"{url}: cannot be fetched; expected one of {', '.join(_SCHEMES)}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with urlopen(url, timeout=_TIMEOUT_S) as source, temporary.open("wb") as file:
            shutil.copyfileobj(source, file)
            _require_length(url, source.headers.get("Content-Length"), file.tell())
        temporary.replace(target)
    except (OSError, HTTPException, ValueError) as error:
        raise RequestInvalid(
            f"{url}: cannot be fetched: {error}. Check the address and the network, or download "
            "it yourself and name the file in the spec."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _require_length(url: str, announced: str | None, received: int) -> None:
    if announced is not None and int(announced) != received:
        raise RequestInvalid(f"{url}: {received} of {announced} bytes arrived; try again.")
