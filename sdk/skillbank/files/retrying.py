"""Which faults of a store pass by themselves, and how long they are waited for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from enum import Enum
from http.client import HTTPException

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidConfigError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from skillbank.errors import FilesUnavailable

FAULTS = (BotoCoreError, ClientError, HTTPError, HTTPException, OSError, ResponseParserError)
"""What talking to a store may raise, besides ValueError: a reply that was cut in the middle of a
date or a number is one."""

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 10.0
_ANSWERS_AGAIN = frozenset(
    {
        "BadDigest",  # damaged on the way: it is sent again
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
_REFUSALS = frozenset(
    {
        "AccessDenied",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "PermanentRedirect",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
_NO_ROOM = frozenset(
    {"QuotaExceeded", "StorageFull", "XMinioAdminBucketQuotaExceeded", "XMinioStorageFull"}
)
_NO_CREDENTIALS = (
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

_OF_THE_WAY = (BotoConnectionError, HTTPClientError, IncompleteReadError)


class Fault(Enum):
    """What a failed request means."""

    PASSING = "passing"
    MISSING = "missing"
    CONFLICT = "conflict"
    REFUSED = "refused"
    FULL = "full"
    WRONG = "wrong"


class CutReply(ConnectionError):
    """A reply ended before its end, or lacks what every whole one has."""


def fault_of(error: BaseException) -> Fault:
    """What an error of FAULTS, or a ValueError, means."""
    if isinstance(error, ClientError):
        return _fault_of_answer(error)
    if isinstance(error, _NO_CREDENTIALS):
        return Fault.REFUSED
    if isinstance(error, SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Fault.REFUSED
    passing = not isinstance(error, BotoCoreError) or isinstance(error, _OF_THE_WAY)
    return Fault.PASSING if passing else Fault.WRONG


def raise_foreign(error: BaseException) -> None:
    """Take out of boto3's wrapping what has nothing to do with the store.

    Whatever fails while a body is sent, a listener to progress for one, comes as an HTTPClientError
    that could be taken for a broken connection.
    """
    if type(error) is HTTPClientError:
        inner = error.kwargs.get("error")
        if isinstance(inner, Exception) and not isinstance(inner, (*FAULTS, ValueError)):
            raise inner


def code_of(error: BaseException) -> str:
    """The code that a store gave for an error; empty for an error of another kind."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def said_by(error: BaseException) -> str:
    """Kind and text of an error, without what boto3 says around it."""
    if isinstance(error, ClientError):
        return f"{code_of(error)}: {error.response.get('Error', {}).get('Message', '')}"
    return f"{type(error).__name__}: {error}"


def status_of(error: ClientError) -> int:
    """The HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _fault_of_answer(error: ClientError) -> Fault:
    code, status = code_of(error), status_of(error)
    if code in _NO_ROOM or status == 507:
        return Fault.FULL
    if code in _ANSWERS_AGAIN or (status >= 500 and status != 501) or status in (408, 429):
        return Fault.PASSING
    if status == 412:
        return Fault.CONFLICT
    if code in _REFUSALS or status in (301, 307, 401, 403):
        return Fault.REFUSED
    return Fault.MISSING if status == 404 else Fault.WRONG


class Patience:
    """How long passing faults of one transfer are waited for, counted from its last progress.

    Args:
        patience_s: How long, in seconds.
        clock: Tells seconds.
        sleep: Waits that many; None: until then, or until `stop`.
        dice: A number of [0, 1); waits are drawn so that many waiters do not come back at once.
    """

    def __init__(
        self,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._dice = dice
        self._since = clock()
        self.num_waits = 0

    def progress(self) -> None:
        """Something went over: from now on is counted anew."""
        self._since = self._clock()

    def stop(self) -> None:
        """Another part of the transfer failed for good: nobody waits any longer."""
        self._stopped.set()

    def wait(self, what: str, error: BaseException, attempt: int) -> None:
        """Wait before asking again.

        Args:
            what: What was asked for, for the error.
            error: Why it must be asked again.
            attempt: How often it was asked in a row, from 0.

        Raises:
            FilesUnavailable: The patience has ended.
        """
        left_s = self._since + self._patience_s - self._clock()
        if left_s <= 0 or self._stopped.is_set():
            raise FilesUnavailable(
                f"{what}: the store failed for {self._patience_s:g} s, last with "
                f"{said_by(error)}; check that it runs and can be reached, then try "
                "again."
            ) from error
        self.num_waits += 1
        longest_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(attempt, 16))
        self._sleep(min(left_s, longest_s * self._dice()))
