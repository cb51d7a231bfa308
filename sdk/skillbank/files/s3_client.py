"""Requests to S3: one client per endpoint and credentials, asked again while faults pass."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from skillbank.config import StorageSettings
from skillbank.errors import (
    FileConflict,
    FileMissing,
    FilesError,
    FilesFull,
    FilesRefused,
    RequestInvalid,
)
from skillbank.files.retrying import FAULTS, Fault, Patience, fault_of, raise_foreign, said_by
from skillbank.files.s3_http import mend_connections
from skillbank.settings import read_secret

Answer = TypeVar("Answer")
# boto3 makes the methods of its clients at run time; there is no type that has them.
Client = Any

MOST_CONNECTIONS = 32
_TELL_AFTER_S = 10.0
_CONNECT_TIMEOUT_S = 10.0
_LEAST_READ_TIMEOUT_S, _READ_TIMEOUT_S = 1.0, 60.0
_SECRETS = ("access_key", "secret_key", "session_token")

_log = logging.getLogger(__name__)


class S3Client:
    """What S3 answers; errors are ours.

    Args:
        settings: How the buckets are reached.
    """

    def __init__(self, settings: StorageSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Client = None
        self._secrets: dict[str, str] = {}
        self._silent_since: float | None = None
        self._is_silence_told = False

    def patience(self) -> Patience:
        """Patience for one transfer."""
        return Patience(self._settings.patience_s)

    def ask(
        self, uri: str, question: Callable[[Client], Answer], patience: Patience | None = None
    ) -> Answer:
        """The answer to a question, asked again until it comes or the patience ends.

        Args:
            uri: What it is about, for errors.
            question: Asks a boto3 client.
            patience: How long to ask; None: as the settings say, from now on.

        Raises:
            FilesError: Its kind says what is wrong.
        """
        patience = patience or self.patience()
        attempt = 0
        while True:
            client = self._current(uri)
            try:
                answer = question(client)
            except (*FAULTS, ValueError) as error:
                raise_foreign(error)
                fault = fault_of(error)
                if fault is Fault.PASSING:
                    self._note_silence(uri, error)
                    patience.wait(uri, error, attempt)
                    attempt += 1
                elif not (fault is Fault.REFUSED and self._renew(uri, client)):
                    raise self._explain(uri, fault, error) from error
            else:
                patience.progress()
                self._silent_since, self._is_silence_told = None, False
                return answer

    def _note_silence(self, uri: str, error: BaseException) -> None:
        """Say once that the store does not answer: whoever waits for minutes should know why."""
        now = time.monotonic()
        with self._lock:
            self._silent_since = self._silent_since or now
            if now - self._silent_since < _TELL_AFTER_S or self._is_silence_told:
                return
            self._is_silence_told = True
        _log.warning(
            "%s: the store does not answer (%s); it is asked again for up to %g s",
            uri,
            said_by(error),
            self._settings.patience_s,
        )

    def _current(self, uri: str) -> Client:
        with self._lock:
            if self._client is None:
                self._secrets = self._read_secrets(uri)
                self._client = self._connect(uri, self._secrets)
            return self._client

    def _renew(self, uri: str, refused: Client) -> bool:
        """Use the credentials that the references lead to by now, if they are others."""
        with self._lock:
            if refused is not self._client:
                return True  # another thread did
            secrets = self._read_secrets(uri)
            if secrets == self._secrets:
                return False
            self._secrets, self._client = secrets, None
            return True

    def _read_secrets(self, uri: str) -> dict[str, str]:
        try:
            return {
                key: read_secret(reference, f"storage.{key}").get_secret_value()
                for key in _SECRETS
                if (reference := getattr(self._settings, key))
            }
        except RequestInvalid as error:
            raise FilesRefused(f"{uri}: {error}") from error

    def _connect(self, uri: str, secrets: dict[str, str]) -> Client:
        settings = self._settings
        config = Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=min(max(_LEAST_READ_TIMEOUT_S, settings.patience_s / 4), _READ_TIMEOUT_S),
            max_pool_connections=MOST_CONNECTIONS,
            retries={"total_max_attempts": 1, "mode": "standard"},  # asking again is ours
            # Checksums are computed here and sent as headers, which every server understands;
            # boto3's trailers are not. With a checksum the body needs no second one to be signed.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": settings.addressing, "payload_signing_enabled": False},
        )
        try:
            session = boto3.session.Session(
                secrets.get("access_key"),
                secrets.get("secret_key"),
                secrets.get("session_token"),
                region_name=settings.region,
                profile_name=settings.profile,
            )
            client = session.client(
                "s3",
                endpoint_url=settings.endpoint_url,
                verify=settings.ca_bundle,
                config=config,
            )
        except (*FAULTS, ValueError) as error:
            raise self._explain(uri, fault_of(error), error) from error
        mend_connections(client)
        return client

    def _explain(self, uri: str, fault: Fault, error: BaseException) -> FilesError:
        said = said_by(error)
        where = self._settings.endpoint_url or "AWS"
        if fault is Fault.MISSING:
            return FileMissing(f"{uri}: nothing lies there ({said}).")
        if fault is Fault.CONFLICT:
            return FileConflict(f"{uri}: somebody else wrote first; read it again ({said}).")
        if fault is Fault.FULL:
            return FilesFull(f"{uri}: {where} has no room left ({said}); raise the bucket's quota.")
        if fault is Fault.REFUSED:
            return FilesRefused(
                f"{uri}: {where} refused the access ({said}); the credentials are "
                f"{self._origin()}: check them, the region and the rights of their owner."
            )
        return FilesError(f"{uri}: {where} cannot do what was asked ({said}).")

    def _origin(self) -> str:
        """Where the credentials come from, never what they are."""
        named = [
            f"{key}={reference}" for key in _SECRETS if (reference := getattr(self._settings, key))
        ]
        if named:
            return f"those of {', '.join(named)}"
        if self._settings.profile:
            return f"those of the profile {self._settings.profile!r}"
        return (
            "those of the environment, the default profile or the machine's role: config.yaml "
            "tells nothing of this bucket (storage: prefix, endpoint_url, access_key, ...)"
        )
