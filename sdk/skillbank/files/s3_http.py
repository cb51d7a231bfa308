"""What boto3's connections lack: answers that are cut in their headers are no answers.

Python's http.client takes the end of a connection for the end of the headers, so that a size of
`1048576` can arrive as `104`. And boto3 waits for ever where a connection ends while it waits for
the leave to send a body (`100 Continue`): bodies are sent without asking for it.
"""

from __future__ import annotations

from contextlib import suppress
from http.client import HTTPResponse, IncompleteRead
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.handlers import add_expect_header


class _Lines:
    """Lines of a connection, each with its end."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401  # http.client's own, of any class
        self._file = file

    def readline(self, limit: int = -1) -> bytes:
        line: bytes = self._file.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit:
            raise IncompleteRead(line)
        return line


class _WholeResponse(HTTPResponse):
    """An answer whose headers have their end."""

    def begin(self) -> None:
        file = self.fp
        self.fp = _Lines(file)  # type: ignore[assignment]  # all that is used of it by then
        try:
            super().begin()
        finally:
            self.fp = file


class _Connection(AWSHTTPConnection):
    response_class = _WholeResponse  # type: ignore[assignment]  # of a response to `Expect`


class _SecureConnection(AWSHTTPSConnection):
    response_class = _WholeResponse  # type: ignore[assignment]  # of a response to `Expect`


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def mend_connections(client: Any) -> None:  # noqa: ANN401  # boto3 makes its clients at run time
    """Let a new client refuse cut answers, and send bodies unasked.

    boto3 has no door for the first: a later one that is built otherwise goes without.
    """
    client.meta.events.unregister("before-call.s3", add_expect_header)
    pools = {"http": _Pool, "https": _SecurePool}
    with suppress(AttributeError):
        session = client._endpoint.http_session
        session._manager.pool_classes_by_scheme = pools
        session._pool_classes_by_scheme = pools  # of proxies
