"""What boto3's connections lack: answers that are cut in their headers are no answers.

Python's http.client takes the end of a connection for the end of the headers, so that a size of
`1048576` can arrive as `104`. And boto3 waits for ever where a connection ends while it waits for
the leave to send a body (`100 Continue`): bodies are sent without asking for it. On a slow link it
takes what is still in the kernel's memory for sent.
"""

from __future__ import annotations

import socket
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

_UNSENT_BYTES = 256 << 10


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

    def connect(self) -> None:
        super().connect()
        _keep_little_unsent(self.sock)


class _SecureConnection(AWSHTTPSConnection):
    response_class = _WholeResponse  # type: ignore[assignment]  # of a response to `Expect`

    def connect(self) -> None:
        super().connect()
        _keep_little_unsent(self.sock)


def _keep_little_unsent(connection: socket.socket | None) -> None:
    """Let the kernel hold little of a body that is not on its way.

    It would take megabytes at once, and on a slow link the wait for the answer, which has a
    timeout, would be the wait for them to go out.
    """
    if connection is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)


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
