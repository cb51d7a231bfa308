"""From a URI to the store that keeps it."""

from __future__ import annotations

from dataclasses import replace

from skillbank.config import StorageSettings
from skillbank.errors import RequestInvalid
from skillbank.files.api import FileStore

SCHEMES = ("file", "s3")


class Stores:
    """Stores by URI; one client per endpoint and credentials, made when it is first needed.

    Args:
        settings: How buckets are reached, the more exact prefix first; for buckets that none
            names, the environment and profile tell, as for every AWS tool.
    """

    def __init__(self, settings: tuple[StorageSettings, ...] = ()) -> None:
        self._settings = settings
        self._made: dict[StorageSettings | str, FileStore] = {}

    def of(self, uri: str) -> FileStore:
        """The store of a URI.

        Raises:
            RequestInvalid: Its scheme is none of SCHEMES, or what it needs is not installed.
        """
        scheme = scheme_of(uri)
        if scheme == "file":
            from skillbank.files.local import LocalStore

            return self._made.setdefault("file", LocalStore())
        settings = self.settings_of(uri)
        if settings not in self._made:
            self._made[settings] = _open_s3(uri, settings)
        return self._made[settings]

    def settings_of(self, uri: str) -> StorageSettings:
        """How the bucket of an S3 URI is reached."""
        fitting = [one for one in self._settings if uri.startswith(one.prefix)]
        return max(fitting, key=lambda one: len(one.prefix), default=StorageSettings())


def _open_s3(uri: str, settings: StorageSettings) -> FileStore:
    try:
        from skillbank.files.s3 import S3Store
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("boto3", "botocore"):
            raise
        raise RequestInvalid(
            f"{uri}: a bucket needs the extra 's3': pip install 'skillbank[s3]'."
        ) from error
    return S3Store(settings)


def hurried_stores(settings: tuple[StorageSettings, ...], patience_s: float) -> Stores:
    """Stores for somebody who waits for the answer: they give up soon.

    Args:
        settings: As of `Stores`.
        patience_s: How long a place that does not answer is asked again, at most.
    """
    known = (*settings, StorageSettings())
    return Stores(tuple(replace(one, patience_s=min(one.patience_s, patience_s)) for one in known))


def scheme_of(uri: str) -> str:
    """`file` or `s3`.

    Raises:
        RequestInvalid: It is another.
    """
    scheme, separator, _ = uri.partition("://")
    found = scheme if separator else "file"
    if found not in SCHEMES:
        raise RequestInvalid(
            f"{uri}: files of the scheme {found!r} cannot be reached; expected a path or "
            "'s3://BUCKET/KEY'. Download them yourself and name the local path."
        )
    return found
