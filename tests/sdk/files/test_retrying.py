from __future__ import annotations

import socket
import ssl

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)
from botocore.parsers import ResponseParserError

from skillbank.errors import FilesUnavailable
from skillbank.files.retrying import Fault, Patience, fault_of, raise_foreign, said_by


def answer(status: int, code: str = "") -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "told"},
            "ResponseMetadata": {"HTTPStatusCode": status},
        },
        "PutObject",
    )


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waits.append(seconds)

    def patience(self, patience_s: float, dice: float = 1.0) -> Patience:
        return Patience(patience_s, lambda: self.now, self.sleep, lambda: dice)


@pytest.mark.parametrize(
    "error",
    [
        answer(500, "InternalError"),
        answer(503, "SlowDown"),
        answer(503),
        answer(429),
        answer(408),
        answer(400, "RequestTimeout"),
        answer(400, "BadDigest"),
        answer(409, "ConditionalRequestConflict"),
        EndpointConnectionError(endpoint_url="http://x"),
        ConnectTimeoutError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
        ResponseStreamingError(error="cut"),
        HTTPClientError(error=OSError("broken")),
        SSLError(endpoint_url="https://x", error=ssl.SSLEOFError("cut")),
        ResponseParserError("half a document"),
        ConnectionResetError(),
        socket.gaierror(),
        ValueError("'Sat, 2' is no date"),
    ],
    ids=repr,
)
def test_what_passes_is_asked_for_again(error: Exception) -> None:
    assert fault_of(error) is Fault.PASSING


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (answer(404, "NoSuchKey"), Fault.MISSING),
        (answer(404, "404"), Fault.MISSING),
        (answer(412, "PreconditionFailed"), Fault.CONFLICT),
        (answer(403, "AccessDenied"), Fault.REFUSED),
        (answer(401), Fault.REFUSED),
        (answer(400, "ExpiredToken"), Fault.REFUSED),
        (answer(301, "PermanentRedirect"), Fault.REFUSED),
        (answer(403, "RequestTimeTooSkewed"), Fault.REFUSED),
        (NoCredentialsError(), Fault.REFUSED),
        (ProfileNotFound(profile="x"), Fault.REFUSED),
        (
            SSLError(endpoint_url="https://x", error="[SSL: CERTIFICATE_VERIFY_FAILED]"),
            Fault.REFUSED,
        ),
        (answer(507), Fault.FULL),
        (answer(403, "QuotaExceeded"), Fault.FULL),
        (answer(501, "NotImplemented"), Fault.WRONG),
        (answer(400, "InvalidRequest"), Fault.WRONG),
        (ParamValidationError(report="x"), Fault.WRONG),
    ],
    ids=repr,
)
def test_what_waiting_does_not_mend_is_told_at_once(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault


def test_waits_double_up_to_ten_seconds() -> None:
    time = Time()
    patience = time.patience(1000)

    for attempt in range(8):
        patience.wait("s3://b/k", OSError(), attempt)

    assert time.waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_waits_are_drawn_so_that_many_do_not_come_back_at_once() -> None:
    time = Time()

    time.patience(1000, dice=0.25).wait("s3://b/k", OSError(), 3)

    assert time.waits == [0.4]


def test_patience_counts_from_the_last_progress() -> None:
    time = Time()
    patience = time.patience(5)
    time.sleep(4)
    patience.progress()
    time.sleep(4)

    patience.wait("s3://b/k", OSError(), 9)  # to the end of the patience, and no longer
    with pytest.raises(FilesUnavailable, match=r"s3://b/k: the store failed for 5 s.*OSError: no"):
        patience.wait("s3://b/k", OSError("no"), 10)

    assert time.now == 9


def test_nobody_waits_for_a_transfer_that_has_failed() -> None:
    time = Time()
    patience = time.patience(1000)
    patience.stop()

    with pytest.raises(FilesUnavailable):
        patience.wait("s3://b/k", OSError(), 0)


def test_an_error_of_a_listener_is_not_taken_for_one_of_the_network() -> None:
    with pytest.raises(KeyError, match="listener"):
        raise_foreign(HTTPClientError(error=KeyError("listener")))

    raise_foreign(HTTPClientError(error=OSError("network")))  # this one is


def test_an_answer_is_told_without_what_boto3_says_around_it() -> None:
    assert said_by(answer(403, "AccessDenied")) == "AccessDenied: told"
