"""A service that answers chat completions from a script, on a port of this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    Attributes:
        body: Sent as it is.
        status: HTTP status.
        headers: Further headers.
        parts: Sent instead of the body, each after `pause_s`; the script may be endless.
    """

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    parts: int = 0
    pause_s: float = 0.0


def says(text: str | None, finish_reason: str = "stop") -> Reply:
    """A good answer with a text of the model."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    return Reply(json.dumps({"id": "x", "choices": [choice], "usage": {"total_tokens": 7}}))


def proposes(reason: str = "a guess", **content: Any) -> Reply:
    """A good answer with a proposal."""
    return says(json.dumps({"reason": reason, **content}))


@dataclass
class FakeEndpoint:
    """The script, and what was asked.

    Attributes:
        url: Base URL.
        script: Answers, in this order; the last one is given again and again.
        requests: Bodies of the requests.
        paths: Their paths.
        headers: Their headers.
    """

    url: str = ""
    script: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def next_reply(self) -> Reply:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def told(self, request: int = -1) -> str:
        """All that the model was told in one request."""
        return "\n".join(message["content"] for message in self.requests[request]["messages"])


@contextmanager
def serve() -> Iterator[FakeEndpoint]:
    """Run a fake service until the block ends."""
    fake = FakeEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            fake.requests.append(json.loads(self.rfile.read(size)))
            fake.paths.append(self.path)
            fake.headers.append(dict(self.headers))
            with suppress(BrokenPipeError, ConnectionResetError):  # a client without patience
                self._send(fake.next_reply())

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for _ in range(reply.parts):
                if fake.closing.wait(reply.pause_s):
                    return
                self.wfile.write(reply.body.encode())
                self.wfile.flush()
            if not reply.parts:
                self.wfile.write(reply.body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        fake.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
